//! Whether to try again, after how long, and when to stop trying: pure state machines driven by a clock.

use serde::{Deserialize, Serialize};

pub mod breaker;
pub mod policy;

pub use policy::RetryPolicy;

/// Where a circuit breaker stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
