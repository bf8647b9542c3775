//! The targets behind one interface: [`probe`] makes one attempt on one connection and reports what it found.
//! Each provider dials through [`Egress`], secures the stream with the same TLS, bounds what it reads and
//! closes what it opened on every path.

mod firebase;
mod guard;
mod http;
mod mongodb;
mod mysql;
mod postgresql;
mod staged;
mod supabase;
pub(crate) mod tls;
mod trace;
mod trouble;
mod wire;

use std::{
    net::{IpAddr, SocketAddr},
    panic::AssertUnwindSafe,
    time::Duration,
};

use futures::FutureExt;
use tokio::{
    net::TcpStream,
    time::{Instant, timeout_at},
};

pub use self::staged::diagnose;
use self::{trace::Trace, trouble::Trouble};
use crate::{
    connections::{
        Provider,
        settings::{Secret, Settings, TlsMode},
    },
    diagnosis::Findings,
    probe::{Cause, Depth, Phase, ProbeReport, TlsFacts},
    server::egress::{Egress, EgressError, Resolved, is_local},
};

/// What login, database and query may take beyond the time for connecting.
const BEYOND_CONNECTING: Duration = Duration::from_secs(10);
/// The bounds of a connect timeout that make sense, in milliseconds.
const CONNECT_TIMEOUT_MS: (u32, u32) = (100, 60_000);

/// Makes one attempt: name, TCP, TLS, login, database, query, each timed on one connection, which is closed
/// when this returns.
///
/// It ends within the connect timeout and ten seconds more, and with it everything that it opened; dropping it
/// has the same effect. Failures of every kind are in the report, which holds no secret.
pub async fn probe(egress: &Egress, provider: Provider, settings: &Settings) -> ProbeReport {
    attempt(egress, provider, settings, Depth::Full).await.report
}

/// This process has no file descriptor left to connect with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfFiles;

/// The same as far as `depth` asks for, where the provider can stop there, and ended after `within` where that is
/// sooner; for whoever records what is found.
///
/// # Errors
///
/// [`OutOfFiles`], where nothing was found out about the target.
pub async fn probe_to(
    egress: &Egress,
    provider: Provider,
    settings: &Settings,
    depth: Depth,
    within: Duration,
) -> Result<ProbeReport, OutOfFiles> {
    let attempted = attempt_within(egress, provider, settings, depth, within).await;
    if attempted.is_ours { Err(OutOfFiles) } else { Ok(attempted.report) }
}

/// What an attempt came to.
struct Attempted {
    report: ProbeReport,
    /// What was learnt beside the phases.
    findings: Findings,
    /// Whether it failed for our own trouble.
    is_ours: bool,
}

/// An attempt with all the time that the connection asks for.
async fn attempt(egress: &Egress, provider: Provider, settings: &Settings, depth: Depth) -> Attempted {
    attempt_within(egress, provider, settings, depth, longest(settings)).await
}

/// The one way to a target.
async fn attempt_within(
    egress: &Egress,
    provider: Provider,
    settings: &Settings,
    depth: Depth,
    within: Duration,
) -> Attempted {
    let mut trace = Trace::new();
    let connecting = connecting(settings).min(within);
    let connect_deadline = trace.started() + connecting;
    let attempt = Attempt { egress, settings, depth, connect_deadline, connecting };
    let deadline = trace.started() + longest(settings).min(within);

    // A server may send anything, and not all that reads it is ours: a panic there is a failed attempt.
    let run = AssertUnwindSafe(attempt.run(provider, &mut trace)).catch_unwind();
    let outcome = timeout_at(deadline, run).await;
    let trouble = match outcome {
        Ok(Ok(Ok(()))) => None,
        Ok(Ok(Err(trouble))) => Some(trouble),
        Ok(Err(_panic)) => Some(Trouble::new(Cause::Unknown, "The server's answer could not be understood.")),
        // What follows the answer (saying goodbye) cannot make a failure of it.
        Err(_elapsed) if trace.is_answered() => None,
        Err(_elapsed) => Some(match provider {
            Provider::PostgreSql => postgresql::silence(&mut trace),
            // Its API answers by itself what it waits for; what is left is the Postgres behind it.
            Provider::Supabase if !settings.host.trim().is_empty() => postgresql::silence(&mut trace),
            _ => out_of_time(trace.phase().unwrap_or(Phase::Query)),
        }),
    };
    if let Some(trouble) = trouble {
        trace.fail(provider, trouble);
    }
    let is_ours = trace.is_ours();
    let (report, findings) = trace.report(&settings.secrets());
    Attempted { report, findings, is_ours }
}

/// The time that an attempt may take in all, from the name to the answer.
#[must_use]
pub fn longest(settings: &Settings) -> Duration {
    connecting(settings) + BEYOND_CONNECTING
}

/// The time for connecting.
fn connecting(settings: &Settings) -> Duration {
    let (least, most) = CONNECT_TIMEOUT_MS;
    Duration::from_millis(settings.effective_connect_timeout_ms().clamp(least, most).into())
}

/// One attempt: what it is about and how long it may take.
#[derive(Debug)]
struct Attempt<'a> {
    egress: &'a Egress,
    settings: &'a Settings,
    depth: Depth,
    connect_deadline: Instant,
    /// What name, TCP and TLS of one host may take.
    connecting: Duration,
}

impl Attempt<'_> {
    async fn run(&self, provider: Provider, trace: &mut Trace) -> Result<(), Trouble> {
        match provider {
            Provider::PostgreSql => postgresql::run(self, trace).await,
            Provider::MySql => mysql::run(self, trace).await,
            Provider::MongoDb => mongodb::run(self, trace).await,
            Provider::Firebase => firebase::run(self, trace).await,
            Provider::Supabase => supabase::run(self, trace).await,
        }
    }

    /// Resolves, checks and dials the host of the settings, timed as two phases.
    async fn dial(&self, trace: &mut Trace) -> Result<(TcpStream, SocketAddr), Trouble> {
        let Settings { host, port, .. } = self.settings;
        let Reached { stream, address, .. } = self.dial_host(host, *port, self.connect_deadline, trace).await?;
        Ok((stream, address))
    }

    /// Resolves, checks and dials one host, timed as two phases.
    async fn dial_host(
        &self,
        host: &str,
        port: u16,
        deadline: Instant,
        trace: &mut Trace,
    ) -> Result<Reached, EgressError> {
        trace.begin(Phase::Dns);
        let resolved = self.egress.resolve(host, port, deadline).await?;
        let found = match resolved.addresses() {
            [one] => one.ip().to_string(),
            many => format!("{} addresses", many.len()),
        };
        trace.note(Phase::Dns, found);
        trace.begin(Phase::Tcp);
        let (stream, address) = self.egress.dial(&resolved, deadline).await?;
        trace.address = Some(address.to_string());
        trace.note(Phase::Tcp, address.to_string());
        Ok(Reached { stream, address, host: host.to_owned(), resolved })
    }

    /// The user to log in as; the driver would otherwise take the name that this process runs under.
    fn username(&self) -> Result<&str, Trouble> {
        self.settings
            .username
            .as_deref()
            .filter(|name| !name.is_empty())
            .ok_or_else(|| Trouble::new(Cause::CredentialsMissing, "The connection has no user name.").at(Phase::Auth))
    }

    fn password(&self) -> &str {
        self.settings.password.as_ref().map(Secret::reveal).unwrap_or_default()
    }
}

/// A host that took a connection.
#[derive(Debug)]
struct Reached {
    stream: TcpStream,
    /// The address that answered.
    address: SocketAddr,
    /// As it was asked for: what its certificate has to name.
    host: String,
    /// All its addresses.
    resolved: Resolved,
}

/// The TLS mode that counts: absent means `prefer` on this machine and private networks, and `verify-full`
/// everywhere else.
#[must_use]
pub fn tls_mode(chosen: Option<TlsMode>, address: IpAddr) -> TlsMode {
    chosen.unwrap_or(if is_local(address) { TlsMode::Prefer } else { TlsMode::VerifyFull })
}

/// The time was over in `phase`.
fn out_of_time(phase: Phase) -> Trouble {
    let trouble = match phase {
        Phase::Dns => Trouble::new(Cause::DnsNotFound, "The resolver gave no answer within the time for connecting.")
            .code("EAI_AGAIN"),
        Phase::Tcp => Trouble::new(Cause::ConnectTimeout, "The server did not answer within the time for connecting."),
        Phase::Tls => Trouble::new(
            Cause::ConnectTimeout,
            "The connection was made, but TLS was not finished within the time for it.",
        ),
        Phase::Auth => {
            Trouble::new(Cause::ConnectTimeout, "The connection was made, but the login was not answered in time.")
        }
        Phase::Database => {
            Trouble::new(Cause::ConnectTimeout, "The login was accepted, but the database was not opened in time.")
        }
        Phase::Query => {
            Trouble::new(Cause::StatementTimeout, "The database was opened, but the query was not answered in time.")
        }
    };
    let trouble = trouble.at(phase);
    if phase == Phase::Dns { trouble } else { trouble.code("ETIMEDOUT") }
}

/// Keeps what TLS showed, and says it in a few words.
fn note_tls(trace: &mut Trace, facts: Option<TlsFacts>) {
    if let Some(facts) = &facts {
        let words = [facts.version.as_deref(), facts.cipher.as_deref()].into_iter().flatten().collect::<Vec<_>>();
        if !words.is_empty() {
            trace.note(Phase::Tls, words.join(", "));
        }
    }
    trace.tls = facts;
}

#[cfg(test)]
mod tests {
    pub(super) mod from_form;

    use super::*;

    #[test]
    fn absent_tls_is_strict_beyond_private_networks() {
        for (chosen, address, mode) in [
            (None, "127.0.0.1", TlsMode::Prefer),
            (None, "10.0.0.1", TlsMode::Prefer),
            (None, "fd00::1", TlsMode::Prefer),
            (None, "8.8.8.8", TlsMode::VerifyFull),
            (None, "2606:4700::1111", TlsMode::VerifyFull),
            (Some(TlsMode::Disable), "8.8.8.8", TlsMode::Disable),
            (Some(TlsMode::VerifyCa), "127.0.0.1", TlsMode::VerifyCa),
        ] {
            assert_eq!(tls_mode(chosen, address.parse().expect("an address")), mode, "{chosen:?} {address}");
        }
    }
}
