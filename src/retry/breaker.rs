//! The circuit breaker of one connection: after too many failed attempts it holds retries and confirmations
//! back for an hour, so that Mooring is not what locks an account or fills a server's log.
//!
//! A state machine without a clock of its own: whoever asks says what time it is. Failed attempts of any
//! origin count (they are the rows of `database_connection_retries`), within a rolling hour and since the
//! last success. The single scheduled check is never held back: while the breaker is open it decides alone,
//! and its success closes the breaker early.

use crate::{retry::BreakerState, timestamp::Timestamp};

/// Failed attempts in a rolling hour at which it opens.
pub const FAILURE_LIMIT: u32 = 10;
/// Seconds of the rolling window.
pub const WINDOW_SECONDS: i64 = 3_600;
/// Seconds for which it stays open before one trial.
pub const OPEN_SECONDS: i64 = 3_600;

/// A breaker as it is kept with the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Breaker {
    /// Where it stands.
    pub state: BreakerState,
    /// When it opened last; none while closed.
    pub opened_at: Option<Timestamp>,
    /// Until when it holds everything back; none while closed.
    pub open_until: Option<Timestamp>,
    /// Failed attempts before this no longer count: the last success or reset.
    pub counts_from: Timestamp,
}

/// Whether a retry or confirmation may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// As many as the policy allows.
    Pass,
    /// One, and it decides.
    Trial,
    /// None before this time.
    Blocked(Timestamp),
}

impl Breaker {
    /// A closed breaker that counts from `now`.
    #[must_use]
    pub const fn closed(now: Timestamp) -> Self {
        Self { state: BreakerState::Closed, opened_at: None, open_until: None, counts_from: now }
    }

    /// A breaker from its columns in the database.
    #[must_use]
    pub fn stored(
        state: &str,
        opened_at: Option<impl Into<Timestamp>>,
        open_until: Option<impl Into<Timestamp>>,
        counts_from: impl Into<Timestamp>,
    ) -> Self {
        Self {
            state: BreakerState::from_code(state).unwrap_or_default(),
            opened_at: opened_at.map(Into::into),
            open_until: open_until.map(Into::into),
            counts_from: counts_from.into(),
        }
    }

    /// From when failed attempts count at `now`: the rolling window, and no further back than the last success.
    #[must_use]
    pub fn window_start(&self, now: Timestamp) -> Timestamp {
        self.counts_from.max(now.plus_seconds(-WINDOW_SECONDS))
    }

    /// Whether a retry or confirmation may be made at `now`.
    #[must_use]
    pub fn gate(&self, now: Timestamp) -> Gate {
        match (self.state, self.open_until) {
            (BreakerState::Closed, _) => Gate::Pass,
            (BreakerState::Open, Some(until)) if now < until => Gate::Blocked(until),
            (BreakerState::Open | BreakerState::HalfOpen, _) => Gate::Trial,
        }
    }

    /// The breaker as people see it at `now`: open past its time reads half open.
    #[must_use]
    pub fn shown(&self, now: Timestamp) -> BreakerState {
        match self.gate(now) {
            Gate::Pass => BreakerState::Closed,
            Gate::Trial => BreakerState::HalfOpen,
            Gate::Blocked(_) => BreakerState::Open,
        }
    }

    /// After an attempt that connected.
    #[must_use]
    pub const fn succeeded(self, now: Timestamp) -> Self {
        Self::closed(now)
    }

    /// After failed attempts; `failures` is how many there are since [`Breaker::window_start`], these included.
    ///
    /// While it is open, what the scheduled check finds does not lengthen it; a failed trial opens it again.
    #[must_use]
    pub fn failed(self, now: Timestamp, failures: u32) -> Self {
        match self.gate(now) {
            Gate::Blocked(_) => self,
            Gate::Pass if failures < FAILURE_LIMIT => self,
            Gate::Pass | Gate::Trial => Self {
                state: BreakerState::Open,
                opened_at: Some(now),
                open_until: Some(now.plus_seconds(OPEN_SECONDS)),
                counts_from: self.counts_from,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: Timestamp = Timestamp::from_micros(1_787_409_125_000_000);

    fn after(seconds: i64) -> Timestamp {
        START.plus_seconds(seconds)
    }

    #[test]
    fn what_is_stored_comes_back_and_an_unknown_word_holds_nothing_back() {
        let open = Breaker::closed(START).failed(after(60), 10);
        assert_eq!(Breaker::stored(open.state.code(), open.opened_at, open.open_until, open.counts_from), open);
        let unknown = Breaker::stored("ajar", None::<Timestamp>, None::<Timestamp>, START);
        assert_eq!(unknown, Breaker::closed(START));
    }

    #[test]
    fn opens_at_the_tenth_failure_for_an_hour_and_then_lets_one_trial_through() {
        let breaker = Breaker::closed(START);
        assert_eq!(breaker.failed(after(60), 9), breaker);
        let open = breaker.failed(after(60), 10);
        assert_eq!(open.state, BreakerState::Open);
        assert_eq!(open.gate(after(61)), Gate::Blocked(after(3_660)));
        assert_eq!(open.gate(after(3_659)), Gate::Blocked(after(3_660)));
        assert_eq!(open.gate(after(3_660)), Gate::Trial);
        assert_eq!(open.shown(after(3_660)), BreakerState::HalfOpen);
        assert_eq!(open.succeeded(after(3_661)), Breaker::closed(after(3_661)));
    }

    #[test]
    fn a_failed_trial_opens_it_for_another_hour_whatever_the_count() {
        let open = Breaker::closed(START).failed(START, 10);
        let again = open.failed(after(3_600), 1);
        assert_eq!((again.state, again.open_until), (BreakerState::Open, Some(after(7_200))));
    }

    #[test]
    fn the_scheduled_check_neither_lengthens_it_nor_waits_for_it() {
        let open = Breaker::closed(START).failed(START, 10);
        assert_eq!(open.failed(after(300), 11), open);
        assert_eq!(open.succeeded(after(600)).gate(after(600)), Gate::Pass);
    }

    #[test]
    fn failures_count_from_the_last_success_but_no_further_than_an_hour() {
        let breaker = Breaker::closed(START);
        assert_eq!(breaker.window_start(after(10)), START);
        assert_eq!(breaker.window_start(after(4_000)), after(400));
    }

    proptest! {
        /// A list of attempts at growing times, each a success or a failure, counted as the rows would be.
        #[test]
        fn never_open_with_fewer_than_the_limit_and_never_open_after_a_success(
            attempts in prop::collection::vec((0_i64..1_800, any::<bool>(), any::<bool>()), 1..80)
        ) {
            let mut breaker = Breaker::closed(START);
            let mut now = START;
            let mut failures: Vec<Timestamp> = Vec::new();
            for (wait, succeeds, scheduled) in attempts {
                now = now.plus_seconds(wait);
                if !scheduled && matches!(breaker.gate(now), Gate::Blocked(_)) {
                    continue;
                }
                if succeeds {
                    breaker = breaker.succeeded(now);
                    prop_assert_eq!(breaker.gate(now), Gate::Pass);
                } else {
                    failures.push(now);
                    let from = breaker.window_start(now);
                    let count = u32::try_from(failures.iter().filter(|at| **at >= from).count()).unwrap_or(u32::MAX);
                    let was_closed = breaker.state == BreakerState::Closed;
                    breaker = breaker.failed(now, count);
                    if was_closed {
                        prop_assert_eq!(breaker.state == BreakerState::Open, count >= FAILURE_LIMIT);
                    }
                }
                if let Gate::Blocked(until) = breaker.gate(now) {
                    prop_assert!(until.micros_since(now) <= OPEN_SECONDS * 1_000_000);
                }
            }
        }
    }
}
