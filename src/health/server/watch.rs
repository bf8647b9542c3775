//! What the checks of one process share: how many may run, what the control targets said last, and the bell that
//! wakes those who wait for a result.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use futures::future::join_all;
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

use crate::{ids::UserId, probe::Cause, server::egress::Egress, timestamp::Timestamp};

/// How long a control target may take.
const CONTROL_DEADLINE: Duration = Duration::from_secs(3);
/// For how long its answer stands, in microseconds.
const CONTROL_HOLDS_MICROS: i64 = 10_000_000;

/// Where a check waits for its turn. Each lane has permits of its own, so that none starves another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Scheduled checks of what answered, one way or the other.
    Ordinary,
    /// Scheduled checks of what was silent the last time and holds its permit for seconds.
    Silent,
    /// Checks that somebody waits for.
    Asked,
}

/// What the checks of one process share.
#[derive(Debug)]
pub struct Watch {
    concurrency: usize,
    ordinary: Arc<Semaphore>,
    silent: Arc<Semaphore>,
    asked: Arc<Semaphore>,
    /// What each account may have of that lane; only of those that have or await a turn.
    shares: Mutex<HashMap<UserId, Weak<Semaphore>>>,
    control_targets: Vec<(String, u16)>,
    /// When they were asked last, and whether one answered.
    control: tokio::sync::Mutex<Option<(Timestamp, bool)>>,
    swept: Mutex<Option<Instant>>,
    /// Rung whenever results were written.
    pub recorded: Notify,
}

/// The turn of one check, until it is dropped.
#[derive(Debug)]
pub struct Turn {
    _lane: OwnedSemaphorePermit,
    _share: Option<OwnedSemaphorePermit>,
}

/// What the control targets say of our own network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// One answered just now.
    Answers,
    /// One answered within the last seconds, or nothing else can be said.
    Answered,
    /// None does.
    Silent,
}

impl Watch {
    /// For `concurrency` scheduled probes at a time, and a quarter as many for each of the other lanes; our own
    /// network works as long as one of `control_targets` answers.
    #[must_use]
    pub fn new(concurrency: usize, control_targets: Vec<(String, u16)>) -> Self {
        let concurrency = concurrency.max(1);
        let quarter = concurrency.div_ceil(4);
        Self {
            concurrency,
            ordinary: Arc::new(Semaphore::new(concurrency)),
            silent: Arc::new(Semaphore::new(quarter)),
            asked: Arc::new(Semaphore::new(quarter)),
            shares: Mutex::default(),
            control_targets,
            control: tokio::sync::Mutex::default(),
            swept: Mutex::default(),
            recorded: Notify::new(),
        }
    }

    /// How many probes may run in a lane.
    #[must_use]
    pub const fn permits(&self, lane: Lane) -> usize {
        match lane {
            Lane::Ordinary => self.concurrency,
            Lane::Silent | Lane::Asked => self.concurrency.div_ceil(4),
        }
    }

    /// How many checks that are asked for one account may have under way: half the lane, so that whoever asks for
    /// many, of servers that are silent, does not make everyone else wait.
    #[must_use]
    pub fn share(&self) -> usize {
        (self.permits(Lane::Asked) / 2).max(1)
    }

    /// Waits for a turn of `account`; none where the lane is closed, which it never is while the process runs.
    pub async fn turn(&self, lane: Lane, account: UserId) -> Option<Turn> {
        let (permits, share) = match lane {
            Lane::Ordinary => (&self.ordinary, None),
            Lane::Silent => (&self.silent, None),
            // Their own share first: in the lane itself nobody stands in the way who may not go on.
            Lane::Asked => (&self.asked, Some(self.share_of(account).acquire_owned().await.ok()?)),
        };
        Some(Turn { _lane: Arc::clone(permits).acquire_owned().await.ok()?, _share: share })
    }

    fn share_of(&self, account: UserId) -> Arc<Semaphore> {
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        shares.retain(|_, share| share.strong_count() > 0);
        shares.get(&account).and_then(Weak::upgrade).unwrap_or_else(|| {
            let share = Arc::new(Semaphore::new(self.share()));
            shares.insert(account, Arc::downgrade(&share));
            share
        })
    }

    /// Notes that due connections were looked for just now.
    pub fn note_sweep(&self) {
        *self.swept.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// How long ago due connections were looked for; none where they never were.
    #[must_use]
    pub fn since_sweep(&self) -> Option<Duration> {
        self.swept.lock().unwrap_or_else(PoisonError::into_inner).map(|at| at.elapsed())
    }

    /// The control targets as they are set, in one text.
    #[must_use]
    pub fn control_targets(&self) -> String {
        self.control_targets.iter().map(|(host, port)| format!("{host}:{port}")).collect::<Vec<_>>().join(",")
    }

    /// Whether a control target answers; their answer stands for a few seconds.
    pub async fn ask_control(&self, egress: &Egress, now: Timestamp) -> Control {
        let known = |answered| if answered { Control::Answered } else { Control::Silent };
        let mut last = self.control.lock().await;
        if let Some((at, answered)) = *last
            && now.micros_since(at) < CONTROL_HOLDS_MICROS
        {
            return known(answered);
        }
        let asked = self.control_targets.iter().map(|(host, port)| answers(egress, host, *port));
        let answers = join_all(asked).await;
        let answered = answers.contains(&Some(true));
        if !answered && answers.contains(&None) {
            // They were not asked: what was known of them stands.
            return known(last.is_none_or(|(_, answered)| answered));
        }
        *last = Some((now, answered));
        if answered { Control::Answers } else { Control::Silent }
    }
}

/// Whether something comes back; none where our own trouble keeps us from asking.
async fn answers(egress: &Egress, host: &str, port: u16) -> Option<bool> {
    match egress.connect(host, port, Instant::now() + CONTROL_DEADLINE).await {
        Ok(_) => Some(true),
        Err(error) if error.is_ours() => None,
        Err(error) => Some(error.cause() == Cause::ConnectionRefused),
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn no_account_gets_more_than_half_of_the_checks_that_are_asked_for() {
        let watch = Watch::new(64, Vec::new());
        let (one, other) = (UserId(Uuid::from_u128(1)), UserId(Uuid::from_u128(2)));
        let turn = |account| watch.turn(Lane::Asked, account).now_or_never().flatten();
        let mut theirs: Vec<Turn> = std::iter::from_fn(|| turn(one)).take(100).collect();
        assert_eq!((theirs.len(), watch.permits(Lane::Asked)), (8, 16));
        let others: Vec<Turn> = (0..8).filter_map(|_| turn(other)).collect();
        assert_eq!(others.len(), 8);
        drop(theirs.pop());
        assert!(turn(one).is_some(), "what ends makes room");
        drop((theirs, others));
        drop(turn(one));
        assert_eq!(watch.shares.lock().map(|shares| shares.len()).ok(), Some(1), "who is gone is forgotten");
    }

    #[test]
    fn the_smallest_lane_has_a_turn_for_everyone() {
        let watch = Watch::new(1, Vec::new());
        assert_eq!((watch.permits(Lane::Asked), watch.share()), (1, 1));
        assert!(watch.turn(Lane::Asked, UserId(Uuid::from_u128(1))).now_or_never().flatten().is_some());
    }
}
