//! Why a connection fails and what to do about it.
//!
//! A **staged probe** ([`StagedReport`]) takes a connection apart: the name, its addresses of both families,
//! TCP to each, what speaks there, TLS, login, database, privileges, query. An **analysis** ([`analysis`])
//! makes of that evidence, or of a message alone, a cause in plain words with the cures that fit. Types and
//! pure judgement are here; the connections are made by `server/providers`, and `server` stores what came of it.
//!
//! Evidence beats text: where the staged probe fails, its cause counts and what a message suggests is among
//! the other possibilities. Nothing here is tried: every fix is `untested`.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    ids::ErrorId,
    probe::{Cause, Failure, Outcome, Phase, TlsFacts},
};

// Judged on the server alone, like the classifier: the browser need not carry the words.
#[cfg(feature = "ssr")]
pub mod analysis;
#[cfg(feature = "ssr")]
mod patches;
#[cfg(feature = "ssr")]
mod playbook;
#[cfg(feature = "ssr")]
mod resources;
#[cfg(feature = "ssr")]
pub mod server;

/// The steps of a staged probe, in the order in which they are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StageKind {
    /// The host name is looked up.
    Name,
    /// The addresses that it has, of both families.
    Addresses,
    /// A TCP connection to one of them.
    Tcp,
    /// What speaks there.
    Protocol,
    /// The other ports at which such a database usually listens.
    Elsewhere,
    /// TLS: version, chain, names, dates.
    Tls,
    /// The one login.
    Login,
    /// The database, and which others exist.
    Database,
    /// What the user may do there.
    Privileges,
    /// The health query.
    Query,
}

impl StageKind {
    /// The stable name.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Addresses => "addresses",
            Self::Tcp => "tcp",
            Self::Protocol => "protocol",
            Self::Elsewhere => "elsewhere",
            Self::Tls => "tls",
            Self::Login => "login",
            Self::Database => "database",
            Self::Privileges => "privileges",
            Self::Query => "query",
        }
    }

    /// The word that people read.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Name => "Name",
            Self::Addresses => "Addresses",
            Self::Tcp => "TCP",
            Self::Protocol => "Protocol",
            Self::Elsewhere => "Other ports",
            Self::Tls => "TLS",
            Self::Login => "Login",
            Self::Database => "Database",
            Self::Privileges => "Privileges",
            Self::Query => "Query",
        }
    }

    /// The phase of a check that it belongs to.
    #[must_use]
    pub const fn phase(self) -> Phase {
        match self {
            Self::Name | Self::Addresses => Phase::Dns,
            Self::Tcp | Self::Protocol | Self::Elsewhere => Phase::Tcp,
            Self::Tls => Phase::Tls,
            Self::Login => Phase::Auth,
            Self::Database | Self::Privileges => Phase::Database,
            Self::Query => Phase::Query,
        }
    }
}

/// One step of a staged probe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stage {
    /// Which one.
    pub kind: StageKind,
    /// What it was about where there are several of a kind: an address with its port.
    pub subject: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// Microseconds that it took.
    pub micros: u32,
    /// What was found, without secrets.
    pub detail: Option<String>,
}

impl Stage {
    /// Milliseconds, rounded.
    #[must_use]
    pub const fn ms(&self) -> u32 {
        self.micros.saturating_add(500) / 1_000
    }
}

/// What a staged probe learnt beside its stages, for rules to build cures on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Findings {
    /// Whether the server offers TLS.
    pub offers_tls: Option<bool>,
    /// Other ports of the same host where a database of the same kind speaks.
    pub other_ports: Vec<u16>,
    /// The databases that exist, as far as the user may see them.
    pub databases: Vec<String>,
    /// What the user may do, in a few words.
    pub privileges: Option<String>,
}

/// Everything that a staged probe found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StagedReport {
    /// The stages that were reached, in order.
    pub stages: Vec<Stage>,
    /// Microseconds in all.
    pub total_micros: u32,
    /// The server's version as it names it.
    pub server_version: Option<String>,
    /// What TLS showed, where it was tried.
    pub tls: Option<TlsFacts>,
    /// What else was learnt.
    pub findings: Findings,
    /// Why it failed; absent where the health query was answered.
    pub failure: Option<Failure>,
}

impl StagedReport {
    /// Whether the health query was answered.
    #[must_use]
    pub const fn succeeded(&self) -> bool {
        self.failure.is_none()
    }

    /// The stages as the wire has them.
    #[must_use]
    pub fn evidence(&self) -> Vec<Evidence> {
        let evidence = self.stages.iter().map(|stage| Evidence {
            phase: stage.kind.phase(),
            outcome: stage.outcome,
            ms: stage.ms(),
            detail: match (&stage.subject, &stage.detail) {
                (Some(subject), Some(detail)) => Some(format!("{subject}: {detail}")),
                (subject, detail) => subject.clone().or_else(|| detail.clone()),
            },
        });
        evidence.collect()
    }
}

/// One line of evidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Evidence {
    /// The phase that it is about.
    pub phase: Phase,
    /// How it ended.
    pub outcome: Outcome,
    /// Milliseconds that it took.
    pub ms: u32,
    /// What was found.
    pub detail: Option<String>,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = AnalysisSeverity)]
pub enum Severity {
    /// It stays broken until something is changed.
    Critical,
    /// It may pass by itself.
    Warning,
    /// It works now.
    Info,
}

/// What an answer rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = AnalysisSource)]
pub enum Source {
    /// The classifier and the cures written for each cause.
    Rules,
    /// What a staged probe saw.
    Evidence,
    /// What was learnt from others.
    Knowledge,
    /// A language model.
    Ai,
}

/// A page to read on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Resource {
    /// What it is about.
    pub title: String,
    /// Where it is.
    pub url: String,
}

/// What a failure comes down to, for people and programs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Analysis {
    /// The cause.
    pub cause: Cause,
    /// In a few words.
    pub title: String,
    /// What is wrong here, with the evidence in it.
    pub root_cause: String,
    /// What that means.
    pub explanation: String,
    /// Whether it is worth trying again without changing anything.
    pub is_transient: bool,
    /// How bad it is.
    pub severity: Severity,
    /// How sure, 0 to 100.
    pub confidence: u8,
    /// The other causes that the same evidence allows, best first.
    pub also_possible: Vec<Cause>,
    /// What a staged probe saw; empty where none was made.
    pub evidence: Vec<Evidence>,
    /// What to mind about security here.
    pub security_notes: Vec<String>,
    /// Pages to read on.
    pub resources: Vec<Resource>,
    /// What it rests on.
    pub sources: Vec<Source>,
    /// The language model that added words, if one did.
    pub model: Option<String>,
}

/// How much a fix is worth trying first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// Try it first.
    High,
    /// If that does not help.
    Medium,
    /// As a last resort, or for later.
    Low,
}

/// Whether a fix was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum VerificationStatus {
    /// It connected.
    Verified,
    /// It did not.
    Failed,
    /// It was not tried.
    Untested,
}

/// What came of trying a fix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Verification {
    /// Whether it was tried.
    pub status: VerificationStatus,
    /// How long the answer took, where it connected.
    pub response_time_ms: Option<u32>,
    /// What is to be said of it.
    pub message: Option<String>,
}

impl Verification {
    /// Not tried.
    #[must_use]
    pub const fn untested() -> Self {
        Self { status: VerificationStatus::Untested, response_time_ms: None, message: None }
    }
}

/// A cure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SuggestedFix {
    /// Stable within one analysis, and the same for the same cure in all of them.
    pub id: String,
    /// What to do, in a few words.
    pub title: String,
    /// Why it helps.
    pub description: String,
    /// What to try first.
    pub priority: Priority,
    /// How to do it.
    pub steps: Vec<String>,
    /// What to type, where that helps.
    pub code_example: Option<String>,
    /// The change of the connection's settings, in the fields of the wire. A change of a secret is symbolic
    /// (`{"password": {"transform": "trim"}}`) and never holds it.
    pub patch: Option<Value>,
    /// Whether the connection is less safe with it.
    pub weakens_security: bool,
    /// How sure, 0 to 100.
    pub confidence: u8,
    /// Where it comes from.
    pub source: Source,
    /// Whether it was tried.
    pub verification: Verification,
}

/// An analysis with its cures, stored under an id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AnalyzeResponse)]
pub struct Analysed {
    /// The row of `database_connection_errors`.
    pub error_id: ErrorId,
    /// What is wrong.
    pub analysis: Analysis,
    /// What to do about it, best first.
    pub suggested_fixes: Vec<SuggestedFix>,
}
