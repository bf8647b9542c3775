//! What one attempt to connect found: the six phases with their times, the TLS facts, and, where it
//! failed, the [`Cause`]. Types and pure judgement only; the attempt itself is made by `server/providers`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::timestamp::Timestamp;

pub mod cause;
#[cfg(feature = "ssr")]
pub mod classify;
pub(crate) mod scrub;
pub mod ui;

pub use cause::Cause;
pub use scrub::scrub;

/// The steps of one connection, in the order in which they happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// The host name is looked up.
    Dns,
    /// The TCP connection is made.
    Tcp,
    /// TLS is negotiated and the certificate verified.
    Tls,
    /// The server checks who is asking.
    Auth,
    /// The database is opened.
    Database,
    /// The health query is answered.
    Query,
}

impl Phase {
    /// All six, in order.
    pub const ALL: [Self; 6] = [Self::Dns, Self::Tcp, Self::Tls, Self::Auth, Self::Database, Self::Query];

    /// The stable name on the wire and in the database.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Auth => "auth",
            Self::Database => "database",
            Self::Query => "query",
        }
    }

    /// The phase with this code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.code() == code)
    }

    /// The word that people read.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Dns => "DNS",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
            Self::Auth => "Login",
            Self::Database => "Database",
            Self::Query => "Query",
        }
    }
}

/// How far an attempt goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// To the answer of the health query.
    Full,
    /// The same, and after it whether others are at work there.
    Look,
    /// The same, and after it what exists there and what the user may do.
    Staged,
    /// To the end of TCP and TLS, so that a database that sleeps is not woken.
    Surface,
}

/// How a phase ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = PhaseOutcome)]
pub enum Outcome {
    /// It was done.
    Ok,
    /// The attempt ended here.
    Failed,
    /// It was not needed (TLS with `disable`), or an earlier one failed.
    Skipped,
}

/// One phase of an attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PhaseResult {
    /// Which one.
    pub phase: Phase,
    /// How it ended.
    pub outcome: Outcome,
    /// Microseconds that it took; 0 where it was skipped.
    pub micros: u32,
    /// What was found, in a few words and without secrets (`10.0.0.5:5432`, `TLSv1.3`).
    pub detail: Option<String>,
}

/// Why an attempt failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// Where it stopped.
    pub phase: Phase,
    /// The structured code, where there is one: SQLSTATE (`28P01`), MySQL error number (`1045`), errno name (`ECONNREFUSED`).
    pub code: Option<String>,
    /// The scrubbed message; holds no password and no connection string.
    pub message: String,
    /// What it comes down to.
    pub cause: Cause,
    /// The other causes that the same evidence allows, best first.
    pub also_possible: Vec<Cause>,
}

impl Failure {
    /// Whether it is worth trying again without changing anything.
    ///
    /// A name that does not resolve is not, unless the resolver itself only failed for now (`EAI_AGAIN`), and an SRV
    /// record that cannot be looked up only where the resolver did not answer in time.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self.cause {
            Cause::DnsNotFound => self.code.as_deref() == Some("EAI_AGAIN"),
            Cause::SrvLookupFailed => matches!(self.code.as_deref(), Some("EAI_AGAIN" | "ETIMEOUT" | "ETIMEDOUT")),
            cause => cause.is_transient(),
        }
    }
}

/// One certificate that a server offered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CertificateFacts {
    /// The subject's common name, else the whole subject.
    pub subject: String,
    /// The issuer's common name, else the whole issuer.
    pub issuer: String,
    /// Valid from.
    pub not_before: Timestamp,
    /// Valid until.
    pub not_after: Timestamp,
    /// Names and addresses that it is for.
    pub names: Vec<String>,
    /// SHA-256 of the DER form, lower-case hex.
    pub sha256: String,
}

/// What TLS showed, recorded also when the verification failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TlsFacts {
    /// `TLSv1.3` or `TLSv1.2`; absent where the handshake did not get that far.
    pub version: Option<String>,
    /// The cipher suite's IANA name.
    pub cipher: Option<String>,
    /// Whether the chain was verified as the mode asks.
    pub verified: bool,
    /// The certificates as offered, leaf first.
    pub chain: Vec<CertificateFacts>,
}

impl TlsFacts {
    /// When the leaf ends.
    #[must_use]
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.chain.first().map(|leaf| leaf.not_after)
    }
}

/// Everything that one attempt found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProbeReport {
    /// All six phases, in order.
    pub phases: Vec<PhaseResult>,
    /// Microseconds from the start to the answer or the failure (closing is not counted).
    pub total_micros: u32,
    /// The server's version as it names it (`15.18 (Debian …)`, `10.11.6-MariaDB`).
    pub server_version: Option<String>,
    /// What TLS showed, where it was tried.
    pub tls: Option<TlsFacts>,
    /// The address that was connected to.
    pub address: Option<String>,
    /// Whether others were at work on the database; absent where nobody looked.
    #[serde(default)]
    pub others_at_work: Option<bool>,
    /// Why it failed; absent where it came as far as it was to go.
    pub failure: Option<Failure>,
}

impl ProbeReport {
    /// Whether it came as far as it was to go: to the answer of the health query, or where it was quiet to the end
    /// of TLS.
    #[must_use]
    pub const fn succeeded(&self) -> bool {
        self.failure.is_none()
    }

    /// Whether it was to go no further than TLS, and did.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.succeeded() && self.phase(Phase::Query).is_some_and(|query| query.outcome == Outcome::Skipped)
    }

    /// Milliseconds in all, rounded to the nearest, at least 1 for an answer.
    #[must_use]
    pub const fn response_time_ms(&self) -> u32 {
        let ms = (self.total_micros + 500) / 1_000;
        if ms == 0 { 1 } else { ms }
    }

    /// The result of one phase.
    #[must_use]
    pub fn phase(&self, phase: Phase) -> Option<&PhaseResult> {
        self.phases.iter().find(|result| result.phase == phase)
    }
}
