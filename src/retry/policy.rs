//! How often to try and how long to wait in between: exponential backoff with jitter.

use std::time::Duration;

/// How often an operation that was asked for is tried. The names are those of the wire
/// (`maxAttempts`, …) and of `MOORING_RETRY_*`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RetryPolicy {
    /// Attempts in all, the first included; 1 to 20.
    pub max_attempts: u32,
    /// Milliseconds before the second attempt, where the longest wait is not shorter.
    pub initial_delay_ms: u32,
    /// Milliseconds that no wait exceeds, jitter aside.
    pub max_delay_ms: u32,
    /// What each wait is multiplied by to get the next; 1 to 10.
    pub backoff_multiplier: f64,
    /// The share by which a wait may be shorter or longer, so that many clients do not return together; 0 to 1.
    pub jitter_factor: f64,
}

impl Default for RetryPolicy {
    /// The seed document's values.
    fn default() -> Self {
        Self {
            max_attempts: 5,
            initial_delay_ms: 1_000,
            max_delay_ms: 30_000,
            backoff_multiplier: 2.0,
            jitter_factor: 0.1,
        }
    }
}

/// A policy that cannot be followed; the message says what would do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct InvalidPolicy {
    /// The field's name in [`RetryPolicy`].
    pub field: &'static str,
    /// What would do.
    pub message: &'static str,
}

impl RetryPolicy {
    /// The longest wait that may be set, in milliseconds.
    pub const LONGEST_DELAY_MS: u32 = 3_600_000;

    /// What is tried again after a scheduled check that failed for a transient reason, before it counts as
    /// `down`: after 1 s and after 2 s.
    pub const CONFIRMATION: Self = Self {
        max_attempts: 3,
        initial_delay_ms: 1_000,
        max_delay_ms: 2_000,
        backoff_multiplier: 2.0,
        jitter_factor: 0.1,
    };

    /// The time in which a check with all its confirmation attempts has to be done, from the start of the first.
    pub const CONFIRMATION_BUDGET: Duration = Duration::from_secs(30);

    /// This policy, if it can be followed.
    ///
    /// # Errors
    ///
    /// [`InvalidPolicy`] names the first field that is out of its range.
    pub fn validated(self) -> Result<Self, InvalidPolicy> {
        let wrong = |field, message| Err(InvalidPolicy { field, message });
        if !(1..=20).contains(&self.max_attempts) {
            return wrong("max_attempts", "must be a number from 1 to 20");
        }
        if self.max_delay_ms > Self::LONGEST_DELAY_MS {
            return wrong("max_delay_ms", "must be at most 3600000 (an hour)");
        }
        if !(1.0..=10.0).contains(&self.backoff_multiplier) {
            return wrong("backoff_multiplier", "must be a number from 1 to 10");
        }
        if !(0.0..=1.0).contains(&self.jitter_factor) {
            return wrong("jitter_factor", "must be a number from 0 to 1");
        }
        Ok(self)
    }

    /// How long to wait before attempt number `attempt`; the first waits for nothing.
    ///
    /// `random` gives a number from 0 to 1, evenly spread.
    pub fn delay(&self, attempt: u32, random: impl FnOnce() -> f64) -> Duration {
        let Some(earlier) = attempt.checked_sub(2) else {
            return Duration::ZERO;
        };
        let exponent = i32::try_from(earlier).unwrap_or(i32::MAX);
        let grown = f64::from(self.initial_delay_ms) * self.backoff_multiplier.powi(exponent);
        let capped = grown.min(f64::from(self.max_delay_ms));
        let jitter = 1.0 + self.jitter_factor * (random().clamp(0.0, 1.0) * 2.0 - 1.0);
        Duration::try_from_secs_f64(capped * jitter / 1_000.0).unwrap_or_default()
    }

    /// Whether another attempt is made after attempt number `attempt` has failed.
    #[must_use]
    pub const fn allows_after(&self, attempt: u32) -> bool {
        attempt < self.max_attempts
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_defaults_wait_1_2_4_8_seconds() {
        let policy = RetryPolicy::default();
        let delays: Vec<u128> = (1..=8).map(|attempt| policy.delay(attempt, || 0.5).as_millis()).collect();
        assert_eq!(delays, [0, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
        assert_eq!((1..=9).take_while(|attempt| policy.allows_after(*attempt)).count(), 4);
        assert_eq!(policy.validated(), Ok(policy));
    }

    #[test]
    fn a_check_is_confirmed_after_one_and_two_seconds() {
        let policy = RetryPolicy::CONFIRMATION;
        assert_eq!(policy.delay(2, || 0.0).as_millis(), 900);
        assert_eq!(policy.delay(3, || 1.0).as_millis(), 2_200);
        assert!(policy.allows_after(2) && !policy.allows_after(3));
    }

    #[test]
    fn each_field_has_its_range() {
        let good = RetryPolicy::default();
        for (bad, field) in [
            (RetryPolicy { max_attempts: 0, ..good }, "max_attempts"),
            (RetryPolicy { max_attempts: 21, ..good }, "max_attempts"),
            (RetryPolicy { max_delay_ms: 3_600_001, ..good }, "max_delay_ms"),
            (RetryPolicy { backoff_multiplier: 0.9, ..good }, "backoff_multiplier"),
            (RetryPolicy { backoff_multiplier: f64::NAN, ..good }, "backoff_multiplier"),
            (RetryPolicy { jitter_factor: 1.1, ..good }, "jitter_factor"),
            (RetryPolicy { jitter_factor: -0.1, ..good }, "jitter_factor"),
        ] {
            assert_eq!(bad.validated().map_err(|error| error.field), Err(field));
        }
    }

    proptest! {
        #[test]
        fn a_wait_stays_within_its_jitter(
            attempt in 0_u32..2_000, initial in 0_u32..60_000, more in 0_u32..60_000,
            multiplier in 1.0_f64..10.0, jitter in 0.0_f64..1.0, random in 0.0_f64..1.0,
        ) {
            let policy = RetryPolicy {
                max_attempts: 5, initial_delay_ms: initial, max_delay_ms: initial + more,
                backoff_multiplier: multiplier, jitter_factor: jitter,
            }.validated().expect("within the ranges");
            let delay = policy.delay(attempt, || random);
            prop_assert!(delay.as_secs_f64() * 1_000.0 <= f64::from(policy.max_delay_ms) * (1.0 + jitter) + 0.001);
            if attempt >= 2 {
                prop_assert!(delay.as_secs_f64() * 1_000.0 + 0.001 >= f64::from(initial) * (1.0 - jitter));
            } else {
                prop_assert_eq!(delay, Duration::ZERO);
            }
        }

        #[test]
        fn without_jitter_waits_never_shrink(attempt in 1_u32..50) {
            let policy = RetryPolicy { jitter_factor: 0.0, ..RetryPolicy::default() };
            prop_assert!(policy.delay(attempt, || 0.3) <= policy.delay(attempt + 1, || 0.7));
        }
    }
}
