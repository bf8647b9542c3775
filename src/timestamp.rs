//! A point in time as it crosses the wire and stands on pages.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// Microseconds since the Unix epoch, UTC: the resolution of Postgres' `timestamptz`.
///
/// A number on the wire keeps the date parser out of the wasm, and equal values equal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From microseconds since the Unix epoch.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the Unix epoch.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Milliseconds since the Unix epoch, rounded down.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// Whole seconds since the Unix epoch, rounded down.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// This time and `micros` more (or less, where negative), at most the ends of the range.
    #[must_use]
    pub const fn plus_micros(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros))
    }

    /// This time and `seconds` more, at most the ends of the range.
    #[must_use]
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        self.plus_micros(seconds.saturating_mul(1_000_000))
    }

    /// Microseconds from `earlier` to this, negative where `earlier` is later.
    #[must_use]
    pub const fn micros_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// `2026-08-22 14:32:05 UTC`, the exact form that stands behind every relative time.
    #[must_use]
    pub fn utc(self) -> String {
        let at = OffsetDateTime::from(self);
        format!(
            "{:04}-{:02}-{:02} {:02}:{:02}:{:02} UTC",
            at.year(),
            u8::from(at.month()),
            at.day(),
            at.hour(),
            at.minute(),
            at.second()
        )
    }

    /// RFC 3339 with milliseconds, for `datetime` attributes and JSON: `2026-08-22T14:32:05.120Z`.
    #[must_use]
    pub fn rfc3339(self) -> String {
        let at = OffsetDateTime::from(self);
        format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
            at.year(),
            u8::from(at.month()),
            at.day(),
            at.hour(),
            at.minute(),
            at.second(),
            at.millisecond()
        )
    }
}

impl From<OffsetDateTime> for Timestamp {
    fn from(at: OffsetDateTime) -> Self {
        Self(i64::try_from(at.unix_timestamp_nanos() / 1_000).unwrap_or(i64::MAX))
    }
}

impl From<Timestamp> for OffsetDateTime {
    /// Times beyond the years that `time` can hold become the Unix epoch; Postgres never sends one.
    fn from(at: Timestamp) -> Self {
        Self::from_unix_timestamp_nanos(i128::from(at.0) * 1_000).unwrap_or(Self::UNIX_EPOCH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_before_and_after_the_epoch() {
        assert_eq!(Timestamp::from_micros(0).utc(), "1970-01-01 00:00:00 UTC");
        assert_eq!(Timestamp::from_micros(1_787_409_125_120_000).rfc3339(), "2026-08-22T14:32:05.120Z");
        assert_eq!(Timestamp::from_micros(-1).utc(), "1969-12-31 23:59:59 UTC");
    }
}
