//! Whether to try again, after how long, and when to stop trying: pure state machines driven by a clock.

pub mod policy;

use serde::{Deserialize, Serialize};

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
