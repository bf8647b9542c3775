//! What an attempt has found so far. It lives outside the attempt, so that it is whole even where a deadline
//! drops the attempt in the middle of a phase.

use std::time::Duration;

use tokio::time::Instant;

use super::{guard::Witness, trouble::Trouble};
use crate::{
    connections::Provider,
    diagnosis::Findings,
    probe::{Failure, Outcome, Phase, PhaseResult, ProbeReport, TlsFacts, classify, scrub},
};

/// The record of one attempt.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, and no state excludes another")]
pub(super) struct Trace {
    started: Instant,
    stopped: Option<Instant>,
    answered: bool,
    open: Option<(Phase, Instant)>,
    phases: [PhaseResult; 6],
    /// What TLS showed.
    pub tls: Option<TlsFacts>,
    /// Whether the server asked for the client's certificate.
    pub asks_certificate: bool,
    /// The address that was connected to.
    pub address: Option<String>,
    /// The server's version.
    pub server_version: Option<String>,
    /// Whether others were at work on the database.
    pub others_at_work: Option<bool>,
    /// What was learnt beside the phases, where that was asked for.
    pub findings: Findings,
    /// What passes by in a login to PostgreSQL, for where its time is over in the middle of it.
    pub login: Option<Witness>,
    /// Whether what is there was heard to speak as it should.
    pub is_known: bool,
    failure: Option<Failure>,
    is_ours: bool,
}

impl Trace {
    /// Begins now.
    pub fn new() -> Self {
        Self {
            started: Instant::now(),
            stopped: None,
            answered: false,
            open: None,
            phases: Phase::ALL.map(skipped),
            tls: None,
            asks_certificate: false,
            address: None,
            server_version: None,
            others_at_work: None,
            findings: Findings::default(),
            login: None,
            is_known: false,
            failure: None,
            is_ours: false,
        }
    }

    /// When it began.
    pub const fn started(&self) -> Instant {
        self.started
    }

    /// The phase that is under way.
    pub fn phase(&self) -> Option<Phase> {
        self.open.map(|(phase, _)| phase)
    }

    /// How long `phase` took, as far as it is done.
    pub fn took(&self, phase: Phase) -> Duration {
        let done = self.phases.iter().find(|result| result.phase == phase);
        Duration::from_micros(done.map_or(0, |result| result.micros.into()))
    }

    /// Begins `phase`, ending the one before. A phase that is begun again goes on counting.
    pub fn begin(&mut self, phase: Phase) {
        self.begin_at(phase, Instant::now());
    }

    /// Begins `phase` at a time that was noted earlier.
    pub fn begin_at(&mut self, phase: Phase, at: Instant) {
        self.end_at(at);
        self.open = Some((phase, at));
    }

    /// Ends the phase under way, if there is one.
    fn end_at(&mut self, at: Instant) {
        if let Some((phase, since)) = self.open.take() {
            let slot = self.slot(phase);
            slot.outcome = Outcome::Ok;
            slot.micros = slot.micros.saturating_add(micros(at.saturating_duration_since(since)));
        }
    }

    /// Says in a few words what `phase` found; scrubbed with the report.
    pub fn note(&mut self, phase: Phase, detail: impl Into<String>) {
        self.slot(phase).detail = Some(detail.into());
    }

    /// The query was answered: ends the last phase and the clock.
    pub fn answered(&mut self) {
        let now = Instant::now();
        self.end_at(now);
        self.stopped = Some(now);
        self.answered = true;
    }

    /// Whether the query was answered.
    pub const fn is_answered(&self) -> bool {
        self.answered
    }

    /// Whether it failed for our own trouble, which says nothing about the target.
    pub const fn is_ours(&self) -> bool {
        self.is_ours
    }

    /// Stops the clock: what follows (saying goodbye) is not counted.
    pub fn stop(&mut self) {
        self.stopped.get_or_insert_with(Instant::now);
    }

    /// The attempt ended here: the clock stops where it has not yet.
    pub fn fail(&mut self, provider: Provider, trouble: Trouble) {
        if self.failure.is_some() {
            return;
        }
        let now = *self.stopped.get_or_insert_with(Instant::now);
        let at = trouble.phase.or(self.phase()).unwrap_or(Phase::Dns);
        // Found out in a later phase than it belongs to (TLS 1.3 refuses a client's certificate late): the
        // later one never came to anything.
        self.open.take_if(|(phase, _)| *phase != at);
        self.end_at(now);
        self.slot(at).outcome = Outcome::Failed;
        for later in Phase::ALL.into_iter().filter(|phase| *phase > at) {
            *self.slot(later) = skipped(later);
        }
        // Behind TLS nothing is cured by turning it on. Of Supabase the TLS may be the API's, and not the database's.
        let is_behind_tls = self.tls.is_some() && at > Phase::Tls && provider != Provider::Supabase;
        let verdict = classify::classify(&classify::Evidence {
            provider: Some(provider),
            phase: Some(at),
            code: trouble.code.as_deref(),
            text: &trouble.evidence(),
            seen: if is_behind_tls { &[classify::Seen::Passed(Phase::Tls)] } else { &[] },
        });
        let (cause, mut also_possible) = match trouble.cause {
            Some(cause) => (cause, trouble.also),
            None => (verdict.cause, [trouble.also, verdict.also_possible].concat()),
        };
        let mut known = vec![cause];
        also_possible.retain(|other| {
            let is_new = !known.contains(other);
            known.push(*other);
            is_new
        });
        self.is_ours = trouble.is_ours;
        let message = match trouble.hint {
            Some(hint) => format!("{}. {hint}", trouble.message.trim_end_matches('.')),
            None => trouble.message,
        };
        self.failure = Some(Failure { phase: at, code: trouble.code, message, cause, also_possible });
    }

    /// The report, and what was learnt beside it; without `secrets`, wherever the server put them. One that was
    /// given a password may say it back as its version, as a name in its certificate, as a database.
    pub fn report(mut self, secrets: &[String]) -> (ProbeReport, Findings) {
        let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
        self.texts().for_each(|text| *text = scrub(text, &secrets));
        // A changed name would be none.
        self.findings.databases.retain(|name| scrub(name, &secrets) == *name);
        let end = self.stopped.unwrap_or_else(Instant::now);
        let report = ProbeReport {
            phases: self.phases.into(),
            total_micros: micros(end.saturating_duration_since(self.started)),
            server_version: self.server_version,
            tls: self.tls,
            address: self.address,
            others_at_work: self.others_at_work,
            failure: self.failure,
        };
        (report, self.findings)
    }

    /// Every text that comes from a server, or may.
    fn texts(&mut self) -> impl Iterator<Item = &mut String> {
        let details = self.phases.iter_mut().filter_map(|phase| phase.detail.as_mut());
        let failure = self.failure.iter_mut().flat_map(|failure| failure.code.iter_mut().chain([&mut failure.message]));
        let certificates = self.tls.iter_mut().flat_map(|tls| &mut tls.chain).flat_map(|certificate| {
            [&mut certificate.subject, &mut certificate.issuer].into_iter().chain(&mut certificate.names)
        });
        details.chain(failure).chain(certificates).chain(&mut self.findings.privileges).chain(&mut self.server_version)
    }

    fn slot(&mut self, phase: Phase) -> &mut PhaseResult {
        let [dns, tcp, tls, auth, database, query] = &mut self.phases;
        match phase {
            Phase::Dns => dns,
            Phase::Tcp => tcp,
            Phase::Tls => tls,
            Phase::Auth => auth,
            Phase::Database => database,
            Phase::Query => query,
        }
    }
}

const fn skipped(phase: Phase) -> PhaseResult {
    PhaseResult { phase, outcome: Outcome::Skipped, micros: 0, detail: None }
}

fn micros(duration: Duration) -> u32 {
    u32::try_from(duration.as_micros()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::Cause;

    #[test]
    fn behind_tls_nobody_is_told_to_turn_it_on() {
        let refused = |provider, tls: Option<TlsFacts>| {
            let mut trace = Trace::new();
            trace.tls = tls;
            trace.begin(Phase::Auth);
            // A rule for connections without TLS only: the words are the same as where there is no rule at all.
            let message = "no pg_hba.conf entry for host \"10.0.0.1\", user \"app\", database \"app\", SSL encryption";
            let routine = Some("ClientAuthentication".to_owned());
            let trouble = Trouble { message: message.to_owned(), routine, ..Trouble::default() };
            trace.fail(provider, trouble.code("28000"));
            trace.report(&[]).0.failure.map(|failure| (failure.cause, failure.also_possible))
        };
        let tls = || Some(TlsFacts { version: None, cipher: None, verified: false, chain: Vec::new() });
        let denied = |also: &[Cause]| Some((Cause::AccessRuleDenied, also.to_vec()));
        assert_eq!(refused(Provider::PostgreSql, tls()), denied(&[]));
        assert_eq!(refused(Provider::PostgreSql, None), denied(&[Cause::TlsRequired]));
        assert_eq!(refused(Provider::Supabase, tls()), denied(&[Cause::TlsRequired]), "it may be the API's");
    }

    #[test]
    fn a_client_certificate_that_is_refused_may_be_missing_or_unknown() {
        let alert = rustls::Error::AlertReceived(rustls::AlertDescription::UnknownCA);
        let mut trace = Trace::new();
        trace.begin(Phase::Auth);
        trace.fail(Provider::MySql, super::super::tls::trouble(&alert).at(Phase::Tls));
        let failure = trace.report(&[]).0.failure.expect("a failure");
        assert_eq!((failure.phase, failure.cause), (Phase::Tls, Cause::AccessRuleDenied));
        assert_eq!(failure.also_possible, [Cause::TlsCertUntrusted, Cause::CredentialsMissing]);
    }
}
