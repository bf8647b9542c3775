//! Keeps claiming, checking and writing going. The loop is dumb; what it does at each turn is [`Sweep`],
//! which also serves a single sweep that somebody asked for.

use std::{collections::HashMap, time::Duration};

use tokio::{
    sync::watch::Sender,
    task::{Id, JoinError, JoinSet},
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use crate::{
    auth::server::Caller,
    error::AppError,
    health::{
        CheckOrigin, SweepReport,
        network::{Outage, Silence},
        server::{
            check::{Checked, Finished, check, hold},
            claim::{self, Claim, Lease},
            outage::{self, DOUBT_LASTS},
            patience::answered,
            record::record,
            retention,
            watch::Lane,
        },
    },
    server::state::AppState,
};

/// How long the monitor rests when nothing is due.
const REST: Duration = Duration::from_secs(1);
/// Results are written together, as many as come within this time …
const GATHER: Duration = Duration::from_millis(200);
/// … but no more than this at once.
const BATCH: usize = 100;
/// How long to wait after our own database failed.
const AFTER_FAILURE: Duration = Duration::from_millis(500);
/// How long nothing more is begun after a check found no file descriptor left.
const AFTER_OUT_OF_FILES: Duration = Duration::from_secs(5);
/// How long a stopping process finishes what it has begun.
const STOP_WITHIN: Duration = Duration::from_secs(14);

/// Watches until `stop`; then claims no more, finishes what it can within 15 s and gives the rest back.
pub async fn run(state: AppState, stop: CancellationToken) {
    let mut sweep = Sweep::new(state.clone(), CheckOrigin::Schedule, stop.clone());
    sweep.claim().await;
    // From the first look on others may know that someone is watching; later the heartbeat says so.
    let since = state.watch().since_sweep();
    if let Err(error) = answered(retention::heartbeat(&Caller::system(&state, "monitor"), since)).await {
        tracing::info!("this process could not sign on yet: {error}");
    }
    while !stop.is_cancelled() {
        sweep.turn().await;
    }
    let give_up = Instant::now() + STOP_WITHIN;
    while !sweep.is_idle() && Instant::now() < give_up {
        tokio::select! {
            () = sweep.turn() => {}
            () = sleep_until(give_up) => {}
        }
    }
    sweep.abandon().await;
}

/// Checks what is due, in the calling task; `progress` shows the counts while it runs. Where it is dropped, so are its
/// checks: whoever does that, and ends the process, gives the claims back ([`give_all_back`]).
///
/// # Errors
///
/// [`AppError::Unavailable`] where our own database is away at the start.
pub async fn sweep(state: &AppState, origin: CheckOrigin, progress: &Sender<SweepReport>) -> Result<(), AppError> {
    let due = answered(async {
        let mut tx = Caller::system(state, "monitor").read().await?;
        Ok(claim::count_due(&mut tx).await?)
    })
    .await?;
    progress.send_modify(|report| report.due = due);
    let mut sweep = Sweep::new(state.clone(), origin, CancellationToken::new());
    sweep.left = Some(due);
    loop {
        sweep.turn().await;
        let done = sweep.is_idle() && sweep.nothing_left;
        progress.send_modify(|report| {
            *report = SweepReport { due, skipped: due.saturating_sub(sweep.report.checked), ..sweep.report };
        });
        if done {
            return Ok(());
        }
    }
}

/// The checks that are under way, and the results that wait to be written.
struct Sweep {
    state: AppState,
    origin: CheckOrigin,
    stop: CancellationToken,
    /// Claimed and not done.
    tasks: UnderWay<Checked>,
    /// Done and not written.
    results: Vec<Finished>,
    unused: Vec<Lease>,
    write_at: Option<Instant>,
    /// Whether the last write failed, so that the next one waits its time.
    storage_failed: bool,
    claim_at: Instant,
    /// Whether the last claims found less than was asked for.
    nothing_left: bool,
    /// Until when results are held that may be our own network's fault; none while there are none.
    doubt_ends: Option<Instant>,
    /// How many more may be claimed; none: as many as are due.
    left: Option<u32>,
    report: SweepReport,
}

impl Sweep {
    fn new(state: AppState, origin: CheckOrigin, stop: CancellationToken) -> Self {
        Self {
            state,
            origin,
            stop,
            tasks: UnderWay::default(),
            results: Vec::new(),
            unused: Vec::new(),
            write_at: None,
            storage_failed: false,
            claim_at: Instant::now(),
            nothing_left: false,
            doubt_ends: None,
            left: None,
            report: SweepReport::default(),
        }
    }

    /// Whether nothing is under way and everything is written.
    fn is_idle(&self) -> bool {
        self.tasks.is_empty() && self.results.is_empty() && self.unused.is_empty()
    }

    /// One turn: claims if there is room, writes if it is time, then waits for the next thing to happen.
    async fn turn(&mut self) {
        let is_done = self.nothing_left && self.left.is_some();
        let wants_more = !(is_done || self.stop.is_cancelled());
        if wants_more && Instant::now() >= self.claim_at && self.has_room() {
            self.claim().await;
        }
        let ready = !self.storage_failed && (self.results.len() >= BATCH || self.tasks.is_empty());
        if self.write_at.is_some_and(|at| ready || Instant::now() >= at) {
            self.write().await;
        }
        if self.is_idle() && !wants_more {
            return;
        }
        let mut wake = self.write_at.unwrap_or_else(|| Instant::now() + REST);
        if wants_more && self.has_room() {
            wake = wake.min(self.claim_at);
        }
        tokio::select! {
            Some(joined) = self.tasks.next() => match joined {
                Ok(checked) => self.take(checked),
                // The lease runs out and someone takes over.
                Err(error) => tracing::error!("a check ended before its result: {error}"),
            },
            () = sleep_until(wake) => {}
            () = self.stop.cancelled(), if wants_more => {}
        }
    }

    /// Claims run ahead by as much again as may be under way, so that no permit waits for a claim.
    fn room(&self, lane: Lane) -> usize {
        let factor = if lane == Lane::Silent { 1 } else { 2 };
        (factor * self.state.watch().permits(lane)).saturating_sub(self.tasks.count(lane))
    }

    fn has_room(&self) -> bool {
        2 * self.room(Lane::Ordinary) >= self.state.watch().permits(Lane::Ordinary)
    }

    async fn claim(&mut self) {
        let limits = (self.room(Lane::Ordinary), self.room(Lane::Silent));
        let Ok((ordinary, silent)) = answered(self.take_due(limits)).await else {
            self.claim_at = Instant::now() + AFTER_FAILURE;
            // The schedule tries again for ever; a single sweep leaves the rest to the next one.
            self.nothing_left = true;
            return;
        };
        self.state.watch().note_sweep();
        // A lane that is full of silence does not keep the monitor from resting.
        let rests = ordinary.len() < limits.0;
        self.claim_at = if rests { Instant::now() + REST } else { Instant::now() };
        if let Some(left) = &mut self.left {
            let taken = u32::try_from(ordinary.len() + silent.len()).unwrap_or(u32::MAX);
            *left = left.saturating_sub(taken);
            self.nothing_left = *left == 0 || (rests && silent.len() < limits.1);
        }
        for claim in ordinary.into_iter().chain(silent) {
            self.begin(claim);
        }
    }

    async fn take_due(&self, (ordinary, silent): (usize, usize)) -> Result<(Vec<Claim>, Vec<Claim>), AppError> {
        let worker = self.state.worker();
        let mut tx = Caller::system(&self.state, "monitor").write().await?;
        let ordinary = claim::due(&mut tx, worker, self.origin, false, ordinary).await?;
        let silent =
            if silent > 0 { claim::due(&mut tx, worker, self.origin, true, silent).await? } else { Vec::new() };
        tx.commit().await?;
        Ok((ordinary, silent))
    }

    fn begin(&mut self, claim: Claim) {
        let lane = if claim.hangs { Lane::Silent } else { Lane::Ordinary };
        let (state, stop) = (self.state.clone(), self.stop.clone());
        self.tasks.begin(lane, async move { check(&state, claim, &stop).await });
    }

    fn take(&mut self, checked: Checked) {
        match checked {
            Checked::Done(finished) => self.results.push(*finished),
            Checked::NotDone(lease) => self.unused.push(lease),
            Checked::OutOfFiles(lease) => {
                if self.unused.is_empty() {
                    tracing::error!("no file descriptor is left to connect with; checks wait (raise LimitNOFILE)");
                }
                self.unused.push(lease);
                self.claim_at = Instant::now() + AFTER_OUT_OF_FILES;
            }
        }
        self.write_at.get_or_insert_with(|| Instant::now() + GATHER);
    }

    /// Writes what is done and certain.
    async fn write(&mut self) {
        (self.write_at, self.storage_failed) = (None, false);
        let doubtful = self.take_doubtful().await;
        self.write_certain().await;
        if !doubtful.is_empty() {
            self.results.extend(doubtful);
            self.write_at.get_or_insert_with(|| Instant::now() + GATHER);
        }
    }

    /// Silent servers while no control target answers, and too few of them to know: as long as others may tell, these
    /// wait. A process that stops leaves them to the next one.
    async fn take_doubtful(&mut self) -> Vec<Finished> {
        let silence =
            if self.results.iter().any(Finished::is_in_doubt) { outage::silence(&self.state).await } else { None };
        let mut doubtful: Vec<Finished> =
            self.results.extract_if(.., |finished| finished.judge(silence.as_ref()) == Outage::Suspected).collect();
        let (Some(silence), false) = (silence, doubtful.is_empty()) else {
            self.doubt_ends = None;
            return Vec::new();
        };
        if self.stop.is_cancelled() {
            self.unused.extend(doubtful.into_iter().map(|finished| finished.claim.lease));
            return Vec::new();
        }
        let ends = match self.doubt_ends {
            Some(ends) => ends,
            None => self.ask_others(&doubtful, &silence).await,
        };
        self.doubt_ends = Some(ends);
        let left = ends.saturating_duration_since(Instant::now());
        if left.is_zero() {
            self.doubt_ends = None;
            self.results.extend(doubtful);
            return Vec::new();
        }
        for finished in &mut doubtful {
            // Where it is lost, what was found is not written, and the connection is checked again.
            hold(&self.state, &mut finished.claim.lease, left).await;
        }
        doubtful
    }

    /// Begins to ask other hosts than those that are silent, and tells until when their answers are waited for.
    async fn ask_others(&mut self, doubtful: &[Finished], silence: &Silence) -> Instant {
        // Only what was silent within the interval of each of them counts.
        let known = doubtful
            .iter()
            .min_by_key(|finished| finished.claim.interval_s)
            .map(|shortest| silence.within(shortest.claim.interval_s, shortest.claim.now()))
            .unwrap_or_default();
        let brought = answered(outage::bring_forward(&self.state, self.origin, &known)).await.unwrap_or_default();
        for claim in brought.claims {
            self.begin(claim);
        }
        let now = Instant::now();
        if brought.may_tell { now + DOUBT_LASTS } else { now }
    }

    /// Where our own database is away, everything is kept for the next turn, except what has lost its lease:
    /// that is checked again by whoever claims it.
    async fn write_certain(&mut self) {
        match record(&self.state, &self.results).await {
            Ok(written) => {
                for finished in self.results.drain(..) {
                    if written.contains(&finished.claim.lease.credential_id) {
                        self.report.count(finished.status);
                    }
                }
            }
            Err(AppError::Unavailable(_)) => {
                self.drop_expired();
                self.try_later();
                return;
            }
            Err(_) => self.write_one_by_one().await,
        }
        if !self.unused.is_empty() {
            match answered(self.give_back()).await {
                Ok(()) => self.unused.clear(),
                Err(_) => self.drop_expired(),
            }
        }
        if !self.results.is_empty() || !self.unused.is_empty() {
            self.try_later();
        }
    }

    fn try_later(&mut self) {
        (self.write_at, self.storage_failed) = (Some(Instant::now() + AFTER_FAILURE), true);
    }

    /// One result that cannot be written must not take the others with it.
    async fn write_one_by_one(&mut self) {
        let mut waiting = std::mem::take(&mut self.results).into_iter();
        while let Some(finished) = waiting.next() {
            match record(&self.state, std::slice::from_ref(&finished)).await {
                Ok(written) if !written.is_empty() => self.report.count(finished.status),
                Ok(_) => {}
                Err(AppError::Unavailable(_)) => {
                    self.results.extend(std::iter::once(finished).chain(waiting));
                    return;
                }
                // Its row is held: again with the next, until its lease runs out.
                Err(AppError::Conflict(_)) if finished.claim.lease.runs_out > Instant::now() => {
                    self.results.push(finished);
                }
                Err(_) => {
                    tracing::error!(connection = %finished.claim.lease.credential_id, "the result of a check cannot be written");
                }
            }
        }
    }

    fn drop_expired(&mut self) {
        let now = Instant::now();
        let before = self.results.len();
        self.results.retain(|finished| finished.claim.lease.runs_out > now);
        self.unused.retain(|lease| lease.runs_out > now);
        let dropped = before - self.results.len();
        if dropped > 0 {
            tracing::warn!(
                dropped,
                "results could not be written before their leases ran out; the connections are checked again"
            );
        }
    }

    async fn give_back(&self) -> Result<(), AppError> {
        let mut tx = Caller::system(&self.state, "monitor").write().await?;
        claim::give_back(&mut tx, self.state.worker(), &self.unused).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Ends what is still under way, and gives back everything that this process holds for the schedule.
    async fn abandon(mut self) {
        self.tasks.end().await;
        give_all_back(&self.state).await;
    }
}

/// Gives back every claim of this process, so that nobody has to wait until they run out.
pub async fn give_all_back(state: &AppState) {
    if let Err(error) = answered(free_all(state)).await {
        tracing::warn!("claims could not be given back; they run out by themselves: {error}");
    }
}

/// Tasks that are under way, each counted in its lane until it ends, however it ends.
#[derive(Debug)]
struct UnderWay<T> {
    tasks: JoinSet<T>,
    lanes: HashMap<Id, Lane>,
}

impl<T> Default for UnderWay<T> {
    fn default() -> Self {
        Self { tasks: JoinSet::new(), lanes: HashMap::new() }
    }
}

impl<T: Send + 'static> UnderWay<T> {
    fn begin(&mut self, lane: Lane, task: impl Future<Output = T> + Send + 'static) {
        let id = self.tasks.spawn(task).id();
        self.lanes.insert(id, lane);
    }

    fn count(&self, lane: Lane) -> usize {
        self.lanes.values().filter(|counted| **counted == lane).count()
    }

    fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// The next one to end; none where nothing is under way.
    async fn next(&mut self) -> Option<Result<T, JoinError>> {
        let joined = self.tasks.join_next_with_id().await?;
        let id = joined.as_ref().map_or_else(JoinError::id, |(id, _)| *id);
        self.lanes.remove(&id);
        Some(joined.map(|(_, done)| done))
    }

    /// Ends them all where they are.
    async fn end(&mut self) {
        self.tasks.shutdown().await;
        self.lanes.clear();
    }
}

async fn free_all(state: &AppState) -> Result<(), AppError> {
    let mut tx = Caller::system(state, "monitor").write().await?;
    sqlx::query!(
        "update connection_state set lease_owner = null, lease_until = null where lease_owner = $1",
        state.worker().0
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_panics_leaves_its_lane_like_any_other() {
        let mut tasks = UnderWay::default();
        tasks.begin(Lane::Ordinary, std::future::pending());
        tasks.begin(Lane::Silent, std::future::pending());
        tasks.begin(Lane::Silent, async { panic!("a fault of ours") });
        assert_eq!((tasks.count(Lane::Ordinary), tasks.count(Lane::Silent)), (1, 2));
        assert!(tasks.next().await.is_some_and(|ended: Result<(), _>| ended.is_err()));
        assert_eq!((tasks.count(Lane::Ordinary), tasks.count(Lane::Silent)), (1, 1));
        tasks.begin(Lane::Silent, async {});
        assert!(tasks.next().await.is_some_and(|ended| ended.is_ok()));
        assert_eq!((tasks.count(Lane::Ordinary), tasks.count(Lane::Silent)), (1, 1));
        tasks.end().await;
        assert!(tasks.is_empty() && tasks.count(Lane::Ordinary) == 0);
    }
}
