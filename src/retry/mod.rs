//! Whether to try again, after how long, and when to stop trying: pure state machines driven by a clock.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{probe::Cause, timestamp::Timestamp};

pub mod breaker;
pub mod policy;

pub use policy::RetryPolicy;

/// Where a circuit breaker stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BreakerState {
    /// Attempts pass.
    #[default]
    Closed,
    /// Retries and confirmations are held back.
    Open,
    /// One trial is under way.
    HalfOpen,
}

impl BreakerState {
    /// The stable name on the wire and in the database.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        }
    }

    /// The state with this code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        [Self::Closed, Self::Open, Self::HalfOpen].into_iter().find(|state| state.code() == code)
    }
}

/// One attempt of a retry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AttemptReport {
    /// 1 is the first.
    pub attempt_number: u32,
    /// Whether the health query was answered.
    pub success: bool,
    /// Why not.
    pub cause: Option<Cause>,
    /// What was said, scrubbed.
    pub error_message: Option<String>,
    /// Whether it was worth another attempt; none where it connected.
    pub is_transient: Option<bool>,
    /// Milliseconds that were waited before it.
    pub backoff_delay_ms: u32,
    /// Milliseconds that it took.
    pub duration_ms: u32,
}

/// Why a retry made no further attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StoppedBecause {
    /// It connected.
    Connected,
    /// Trying again would change nothing.
    NotTransient,
    /// There were no more attempts, or no time for another.
    AttemptsUsed,
    /// The breaker holds them back.
    CircuitOpen,
}

/// A breaker as programs see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BreakerReport {
    /// Where it stands.
    pub state: BreakerState,
    /// Failed attempts that it counts.
    pub failures_last_hour: u32,
    /// At how many it opens.
    pub limit: u32,
    /// Until when it holds attempts back.
    pub open_until: Option<Timestamp>,
}

/// What a retry came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RetryReport {
    /// Whether one of the attempts connected.
    pub success: bool,
    /// How many there were.
    pub total_attempts: u32,
    /// Each of them.
    pub attempts: Vec<AttemptReport>,
    /// Why there was no further one.
    pub stopped_because: StoppedBecause,
    /// Milliseconds of the one that connected.
    pub response_time_ms: Option<u32>,
    /// The breaker afterwards.
    pub circuit_breaker: BreakerReport,
}
