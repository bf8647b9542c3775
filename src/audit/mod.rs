//! The audit log: who did what to which connection, from where, with what outcome. Changes and refusals,
//! not reads; never a secret. Rows are only ever added: `mooring_user` may not change one, and a trigger
//! refuses it to everyone else.

use serde::{Deserialize, Serialize};

#[cfg(feature = "ssr")]
pub mod server;

/// What became of what was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It was done.
    Success,
    /// It was tried and did not work: a wrong password.
    Failed,
    /// It was not tried: not allowed, or too often.
    Refused,
}

impl Outcome {
    /// The stable name in the database.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failed => "failed",
            Self::Refused => "refused",
        }
    }
}
