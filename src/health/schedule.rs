//! When a connection is checked next: each has a grid of its own, so that checks neither drift nor fall
//! together, and one that fails for a reason that waiting cannot cure is asked less and less often.

use crate::{ids::ConnectionId, timestamp::Timestamp};

/// Lasting failures in a row from which the interval doubles.
pub const BACK_OFF_FROM: u32 = 3;
/// Seconds to which backing off stretches an interval at most.
pub const LONGEST_BACK_OFF_S: u32 = 3_600;

const MICROS: i64 = 1_000_000;

/// Where the grid of a connection lies within its interval, in microseconds: from its id, so that every
/// process finds the same place and many connections spread evenly.
#[must_use]
pub fn phase_micros(id: ConnectionId, interval_s: u32) -> i64 {
    let interval = u128::from(interval_s.max(1)) * 1_000_000;
    // The low bits of a random uuid are random; a uuid that someone chose only costs evenness.
    i64::try_from(id.0.as_u128() % interval).unwrap_or_default()
}

/// Seconds between checks once `lasting_in_a_row` failures have shown that waiting cures nothing.
#[must_use]
pub fn effective_interval_s(interval_s: u32, lasting_in_a_row: u32) -> u32 {
    let doublings = lasting_in_a_row.saturating_sub(BACK_OFF_FROM - 1).min(16);
    let stretched = u64::from(interval_s) << doublings;
    let longest = u64::from(interval_s.max(LONGEST_BACK_OFF_S));
    u32::try_from(stretched.min(longest)).unwrap_or(u32::MAX)
}

/// The first time on the connection's grid that is after `start` by more than backing off asks for.
#[must_use]
pub fn next_check_at(id: ConnectionId, interval_s: u32, lasting_in_a_row: u32, start: Timestamp) -> Timestamp {
    let interval = i64::from(interval_s.max(1)) * MICROS;
    let stretched = i64::from(effective_interval_s(interval_s, lasting_in_a_row)) * MICROS;
    let after = start.plus_micros((stretched - interval).max(0)).micros();
    let into = (after - phase_micros(id, interval_s)).rem_euclid(interval);
    Timestamp::from_micros(after - into + interval)
}

/// Whether so much time went by after the check was `due` that more than two intervals lie between two
/// checks: nobody was running, and the time in between is not known.
#[must_use]
pub fn was_missed(due: Timestamp, start: Timestamp, interval_s: u32, lasting_in_a_row: u32) -> bool {
    start.micros_since(due) > i64::from(effective_interval_s(interval_s, lasting_in_a_row)) * MICROS
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    const START: Timestamp = Timestamp::from_micros(1_787_409_125_000_000);

    fn id(number: u128) -> ConnectionId {
        ConnectionId(Uuid::from_u128(number))
    }

    #[test]
    fn the_interval_doubles_from_the_third_lasting_failure_up_to_an_hour() {
        let intervals: Vec<u32> = (0..8).map(|lasting| effective_interval_s(300, lasting)).collect();
        assert_eq!(intervals, [300, 300, 300, 600, 1_200, 2_400, 3_600, 3_600]);
        assert_eq!(effective_interval_s(86_400, 50), 86_400);
        assert_eq!(effective_interval_s(30, u32::MAX), 3_600);
    }

    #[test]
    fn the_next_check_is_on_the_grid_after_the_start_of_the_last() {
        // Phase 7 µs of a 30 s grid; the start is 5 s past a multiple of 30 s.
        let at = next_check_at(id(7), 30, 0, START);
        assert_eq!(at.micros().rem_euclid(30_000_000), 7);
        assert!(at > START && at <= START.plus_seconds(30));
        // A check that began on the grid is followed by the next line, not by itself.
        assert_eq!(next_check_at(id(7), 30, 0, at), at.plus_seconds(30));
        // Backing off skips lines of the same grid.
        assert_eq!(next_check_at(id(7), 30, 3, at), at.plus_seconds(60));
    }

    #[test]
    fn time_is_missed_when_nobody_looked_for_another_whole_interval() {
        assert!(!was_missed(START, START.plus_seconds(300), 300, 0));
        assert!(was_missed(START, START.plus_seconds(301), 300, 0));
        assert!(!was_missed(START, START.plus_seconds(301), 300, 3));
    }

    proptest! {
        #[test]
        fn every_process_finds_the_same_line_and_never_one_in_the_past(
            number in any::<u128>(), interval in 30_u32..=86_400, lasting in 0_u32..30, offset in 0_i64..10_000_000_000
        ) {
            let start = START.plus_micros(offset);
            let next = next_check_at(id(number), interval, lasting, start);
            let waited = next.micros_since(start);
            let stretched = i64::from(effective_interval_s(interval, lasting)) * MICROS;
            prop_assert!(waited > stretched - i64::from(interval) * MICROS && waited <= stretched);
            prop_assert_eq!(next.micros().rem_euclid(i64::from(interval) * MICROS), phase_micros(id(number), interval));
            // Starting late does not move the grid.
            let late = next.plus_seconds(3);
            prop_assert_eq!((next_check_at(id(number), interval, 0, late).micros() - next.micros()) % (i64::from(interval) * MICROS), 0);
        }
    }
}
