//! One check: the probe, its confirmation, and the verdict. Writes nothing of it.

use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    auth::server::Caller,
    connections::{Provider, settings::Settings},
    error::AppError,
    health::{
        CheckOrigin, Status,
        network::{self, Evidence, Outage, Silence},
        quiet, rules,
        server::{
            claim::{self, Claim, Lease, TO_WRITE},
            outage,
            patience::answered,
            watch::{Lane, Turn},
        },
    },
    ids::ConnectionId,
    probe::{Cause, Depth, Failure, Outcome, Phase, PhaseResult, ProbeReport},
    retry::{RetryPolicy, breaker::Gate},
    server::{
        providers::{self, OutOfFiles},
        state::AppState,
        vault::Vault,
    },
    timestamp::Timestamp,
};

/// A probe keeps its own deadline; one that overruns it by this much is a fault of ours.
pub(super) const OVERRUN: Duration = Duration::from_secs(2);
/// How long a claim may wait for its turn before it is given back.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);
/// The shortest time that a further attempt is given: the connect timeout that a connection has unless it is set. What
/// is left of a budget below this would cut off servers that answer, and name the wrong cause for it.
const FAIR_TRY: Duration = Duration::from_secs(5);
/// A failure that took this long was silence: the next checks of that connection wait in a lane of their own.
const SILENCE_MICROS: u32 = 2_000_000;

/// One attempt to connect.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempt {
    /// 1 is the first.
    pub number: u32,
    /// When it began.
    pub at: Timestamp,
    /// How long was waited before it.
    pub waited: Duration,
    /// What it found.
    pub report: ProbeReport,
}

/// A check that is done, and not written yet.
#[derive(Debug)]
pub struct Finished {
    /// The row of the history that it becomes, and what its attempts are known by.
    pub id: Uuid,
    /// What was checked, under which lease; the settings are gone from it.
    pub claim: Claim,
    /// When it began.
    pub started_at: Timestamp,
    /// The verdict.
    pub status: Status,
    /// What is worth knowing of an answer.
    pub note: Option<String>,
    /// Every attempt, the one that decided last; never empty.
    pub attempts: Vec<Attempt>,
    /// Whether the last attempt ended in silence.
    pub hangs: bool,
    /// The host that was asked; none where the settings could not be read.
    pub host: Option<String>,
    /// What the last attempt said about our own network.
    pub evidence: Evidence,
}

impl Finished {
    /// The attempt that decided.
    #[must_use]
    pub fn last(&self) -> Option<&ProbeReport> {
        self.attempts.last().map(|attempt| &attempt.report)
    }

    /// Why it is down; none for any other status.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        if self.status == Status::Down { self.last()?.failure.as_ref() } else { None }
    }

    /// Whether it may be our own network that made the server seem down.
    #[must_use]
    pub fn is_in_doubt(&self) -> bool {
        self.status == Status::Down && self.evidence == Evidence::Silent
    }

    /// Judges whether a server that seems down is, beside what else is silent while no control target answers (none
    /// where one does): where it is our own network, nothing is known about the server.
    pub fn judge(&mut self, silence: Option<&Silence>) -> Outage {
        let (Some(silence), Some(host), true) = (silence, &self.host, self.is_in_doubt()) else { return Outage::No };
        let outage = silence.outage(host, self.claim.interval_s, self.claim.now());
        if outage == Outage::Certain {
            self.status = Status::Unknown;
            self.note = Some("our own network was down".to_owned());
        }
        outage
    }
}

/// What became of a claim.
#[derive(Debug)]
pub enum Checked {
    /// It was checked.
    Done(Box<Finished>),
    /// Its turn did not come in time, or the process stops: to be given back.
    NotDone(Lease),
    /// This process could not even open a socket, which says nothing about the target: to be given back, and the
    /// next ones to be left alone for a while.
    OutOfFiles(Lease),
}

/// Checks what was claimed. A scheduled check that fails for a transient reason is confirmed; one that somebody
/// asked for is a single probe.
pub async fn check(state: &AppState, claim: Claim, stop: &CancellationToken) -> Checked {
    check_until(state, claim, None, stop).await
}

/// Checks what was claimed for a retry, which goes on by its policy, and begins no further attempt that could not end
/// by `until`.
pub async fn retry_until(state: &AppState, claim: Claim, until: Instant) -> Checked {
    check_until(state, claim, Some(until), &CancellationToken::new()).await
}

/// The budget of all attempts runs from the start of the first, which has the whole time that the connection asks for;
/// a further one has what is left, as long as that is a fair try. So a failure that came late is confirmed in less
/// time, and only a first attempt that took nearly the whole budget for itself decides alone.
async fn check_until(state: &AppState, mut claim: Claim, until: Option<Instant>, stop: &CancellationToken) -> Checked {
    let settings = open(state.vault(), &mut claim);
    let whole = settings.as_ref().map_or(Duration::ZERO, |(_, settings)| providers::longest(settings));
    let budget = match claim.origin {
        CheckOrigin::Retry => retry_budget(&state.config().retry, whole),
        _ => RetryPolicy::CONFIRMATION_BUDGET,
    };
    let host = settings.as_ref().ok().map(|(_, settings)| settings.host.clone());
    let mut lane = match (claim.origin.is_scheduled(), claim.hangs) {
        (false, _) => Lane::Asked,
        (true, false) => Lane::Ordinary,
        (true, true) => Lane::Silent,
    };
    let mut attempts: Vec<Attempt> = Vec::with_capacity(1);
    let mut waited = Duration::ZERO;
    let mut ends = None;
    loop {
        let is_first = attempts.is_empty();
        let turn_by = ends.map_or(claim.claimed + PATIENCE, |ends: Instant| ends - FAIR_TRY);
        let Some(turn) = turn(state, lane, &claim, turn_by, is_first.then_some(stop)).await else {
            if is_first {
                return Checked::NotDone(claim.lease);
            }
            break;
        };
        let ends = *ends.get_or_insert_with(|| {
            let ends = Instant::now() + budget;
            until.map_or(ends, |until| ends.min(until))
        });
        let takes = if is_first { whole } else { whole.min(ends.saturating_duration_since(Instant::now())) };
        // The wait may have used up most of the lease: asked only now, most checks need no more of it.
        if !hold(state, &mut claim.lease, takes + OVERRUN).await {
            if is_first {
                return Checked::NotDone(claim.lease);
            }
            break;
        }
        let at = claim.now();
        let report = match &settings {
            Ok((provider, settings)) => {
                probe(state, *provider, settings, depth(&claim, *provider, settings), takes).await
            }
            Err(failure) => Ok(without_phases(failure.clone())),
        };
        drop(turn);
        let Ok(report) = report else { return Checked::OutOfFiles(claim.lease) };
        let number = attempts.len() + 1;
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        let silent = is_silent(&report);
        if let Some(host) = &host
            && is_first
            && network::evidence(host, &report) == Evidence::Silent
        {
            outage::note_silence(state, host).await;
        }
        attempts.push(Attempt { number, at, waited, report });
        let Some(delay) = confirmation(state, &claim, &attempts).await else { break };
        let left = ends.saturating_duration_since(Instant::now());
        // Asleep, and waiting for its turn, it must not lose the lease either.
        if !allows_another(left, delay) || !hold(state, &mut claim.lease, left.saturating_sub(FAIR_TRY)).await {
            break;
        }
        if silent && claim.origin.is_scheduled() {
            lane = Lane::Silent;
        }
        waited = delay;
        state.clock().sleep(delay).await;
    }
    Checked::Done(Box::new(verdict(state, claim, attempts, host).await))
}

/// Whether what is `left` of the budget is enough for another attempt after `delay`.
fn allows_another(left: Duration, delay: Duration) -> bool {
    left >= delay + FAIR_TRY
}

/// How far a probe of this check goes. What somebody asks for is never quiet.
fn depth(claim: &Claim, provider: Provider, settings: &Settings) -> Depth {
    match (claim.quiet_mode.applies(provider, &settings.host), claim.origin.is_scheduled()) {
        (false, _) => Depth::Full,
        (true, false) => Depth::Look,
        (true, true) => quiet::depth(claim.last_look, claim.is_down, claim.now()),
    }
}

/// The time that all attempts of a retry may take, with the waits between them and their turns.
fn retry_budget(policy: &RetryPolicy, one: Duration) -> Duration {
    let waits = (1..=policy.max_attempts).map(|attempt| policy.delay(attempt, || 1.0)).sum::<Duration>();
    waits + one * policy.max_attempts + PATIENCE
}

/// Makes sure that the lease outlasts what `takes` so long, and the writing after it. False where it is lost, or
/// our own database cannot say.
pub(super) async fn hold(state: &AppState, lease: &mut Lease, takes: Duration) -> bool {
    let by = takes + TO_WRITE;
    if lease.runs_out.saturating_duration_since(Instant::now()) >= by {
        return true;
    }
    let prolonged = answered(async {
        let mut tx = Caller::system(state, "monitor").write().await?;
        let ours = claim::prolong(&mut tx, state.worker(), lease, by).await?;
        tx.commit().await?;
        Ok(ours)
    });
    prolonged.await.unwrap_or(false)
}

async fn turn(
    state: &AppState,
    lane: Lane,
    claim: &Claim,
    by: Instant,
    stop: Option<&CancellationToken>,
) -> Option<Turn> {
    let stopped = async {
        match stop {
            Some(stop) => stop.cancelled().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        () = stopped => None,
        turn = timeout_at(by, state.watch().turn(lane, claim.user_id)) => turn.ok().flatten(),
    }
}

async fn probe(
    state: &AppState,
    provider: Provider,
    settings: &Settings,
    depth: Depth,
    within: Duration,
) -> Result<ProbeReport, OutOfFiles> {
    let started = Instant::now();
    let probe = providers::probe_to(state.egress(), provider, settings, depth, within);
    if let Ok(report) = timeout(within + OVERRUN, probe).await {
        return report;
    }
    tracing::error!(%provider, seconds = started.elapsed().as_secs(), "a probe did not keep its deadline and was ended");
    Ok(without_phases(Failure {
        phase: Phase::Query,
        code: None,
        message: "The check did not end by itself and was ended.".to_owned(),
        cause: Cause::Unknown,
        also_possible: Vec::new(),
    }))
}

/// How long to wait before another attempt confirms the last; none where the last one decides.
async fn confirmation(state: &AppState, claim: &Claim, attempts: &[Attempt]) -> Option<Duration> {
    let last = attempts.last()?;
    let failure = last.report.failure.as_ref()?;
    let policy = match claim.origin {
        CheckOrigin::Schedule | CheckOrigin::Cron => RetryPolicy::CONFIRMATION,
        CheckOrigin::Retry => state.config().retry,
        CheckOrigin::Person | CheckOrigin::Token => return None,
    };
    if !failure.is_transient() || !policy.allows_after(last.number) {
        return None;
    }
    // The breaker has the last word; where our own database cannot say how it stands, nothing is hammered.
    let now = claim.now();
    let since = claim.breaker.window_start(now);
    let earlier = answered(failures_since(state, claim.lease.credential_id, since)).await.ok()?;
    let failures = earlier.saturating_add(last.number);
    match claim.breaker.failed(now, failures).gate(now) {
        Gate::Pass => {}
        Gate::Trial if last.number == 1 => {}
        Gate::Trial | Gate::Blocked(_) => return None,
    }
    Some(policy.delay(last.number + 1, rand::random))
}

/// The failed attempts of a connection that a breaker counts from `since`.
pub(super) async fn failures_since(state: &AppState, id: ConnectionId, since: Timestamp) -> Result<u32, AppError> {
    let mut tx = Caller::system(state, "monitor").read().await?;
    let count = sqlx::query_scalar!(
        r#"
        select count(*) as "count!"
          from database_connection_retries
         where credential_id = $1 and attempted_at >= $2 and not success
        "#,
        id.0,
        time::OffsetDateTime::from(since),
    )
    .fetch_one(&mut *tx)
    .await?;
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}

async fn verdict(state: &AppState, claim: Claim, attempts: Vec<Attempt>, host: Option<String>) -> Finished {
    let now = claim.now();
    let started_at = attempts.first().map_or(now, |first| first.at);
    let last = attempts.last();
    let made = last.map_or(1, |last| last.number);
    let verdict = last.map_or(rules::Verdict { status: Status::Unknown, note: None }, |last| {
        rules::judge(&last.report, made, claim.slow_threshold_ms, now)
    });
    let evidence =
        host.as_deref().zip(last).map_or(Evidence::Nothing, |(host, last)| network::evidence(host, &last.report));
    let hangs = last.is_some_and(|last| is_silent(&last.report));
    let (id, status, note) = (Uuid::new_v4(), verdict.status, verdict.note);
    let mut finished = Finished { id, claim, started_at, status, note, attempts, hangs, host, evidence };
    // What was due is judged where it is written, beside the others.
    if !finished.claim.origin.is_scheduled() && finished.is_in_doubt() {
        let silence = outage::silence(state).await;
        finished.judge(silence.as_ref());
    }
    finished
}

fn is_silent(report: &ProbeReport) -> bool {
    !report.succeeded() && report.total_micros >= SILENCE_MICROS
}

/// Opens the settings. They live on the stack of this check only.
fn open(vault: &Vault, claim: &mut Claim) -> Result<(Provider, Settings), Failure> {
    let stored = claim.credentials.take();
    let Some(provider) = claim.provider else {
        return Err(unusable(Cause::DriverMisconfigured, "This connection has no provider yet. Choose one."));
    };
    let value: Value = if Vault::is_sealed(&stored) {
        let opened = vault.open(claim.lease.credential_id.0, claim.user_id, "credentials", &stored).map_err(|error| {
            tracing::error!(connection = %claim.lease.credential_id, "the settings of a connection cannot be opened: {error}");
            unusable(Cause::CredentialsMissing, "The stored settings cannot be opened with the known master keys. Enter them again.")
        })?;
        serde_json::from_slice(&opened).map_err(|_| {
            unusable(Cause::InvalidConnectionString, "The stored settings cannot be read. Enter them again.")
        })?
    } else {
        // Inserted by SQL a moment ago and not sealed yet.
        stored
    };
    match Settings::from_json(provider, &value) {
        Ok(settings) => Ok((provider, settings)),
        Err(fields) => {
            let is_account = fields.iter().any(|error| error.field == "serviceAccount");
            let cause = if is_account { Cause::InvalidServiceAccount } else { Cause::InvalidConnectionString };
            Err(unusable(cause, &AppError::Invalid(fields).to_string()))
        }
    }
}

fn unusable(cause: Cause, message: &str) -> Failure {
    Failure { phase: Phase::Dns, code: None, message: message.to_owned(), cause, also_possible: Vec::new() }
}

fn without_phases(failure: Failure) -> ProbeReport {
    let phases = Phase::ALL
        .into_iter()
        .map(|phase| PhaseResult { phase, outcome: Outcome::Skipped, micros: 0, detail: None })
        .collect();
    ProbeReport {
        phases,
        total_micros: 0,
        server_version: None,
        tls: None,
        address: None,
        others_at_work: None,
        failure: Some(failure),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_failure_is_confirmed_as_long_as_the_rest_is_a_fair_try() {
        let seconds = Duration::from_secs;
        // Seconds that went by since the first attempt began, and whether there is another one a second later.
        for (gone, another) in [(0, true), (14, true), (24, true), (25, false), (30, false)] {
            let left = RetryPolicy::CONFIRMATION_BUDGET.saturating_sub(seconds(gone));
            assert_eq!(allows_another(left, seconds(1)), another, "after {gone} s");
        }
    }
}
