//! The administrators' status page and `mooring self-test`: is everything that should run running, what was
//! the last of each, and what to do about what is not.

use serde::{Deserialize, Serialize};

use crate::{health::Notice, timestamp::Timestamp};

pub mod api;
pub mod ui;

#[cfg(feature = "ssr")]
pub mod server;

/// How one part stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// As it should be.
    Ok,
    /// Switched off by the operator.
    Off,
    /// Works, but somebody should look.
    Attention,
    /// Does not work.
    Failed,
}

impl State {
    /// The word that people read.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Ok => "Working",
            Self::Off => "Off",
            Self::Attention => "Look at this",
            Self::Failed => "Not working",
        }
    }
}

/// One part of Mooring.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// Its name (`Scheduled checks`).
    pub name: String,
    /// How it stands.
    pub state: State,
    /// What was found, in a sentence.
    pub finding: String,
    /// What to do, where there is something to do.
    pub advice: Option<String>,
    /// When it ran last.
    pub last_at: Option<Timestamp>,
}

/// The whole page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StatusReport {
    /// Mooring's version.
    pub version: String,
    /// The parts, in the order in which they depend on each other.
    pub parts: Vec<Part>,
    /// What the one who looks is to know, newest first; nothing for the server itself.
    pub notices: Vec<Notice>,
}

impl StatusReport {
    /// The worst of all parts.
    #[must_use]
    pub fn state(&self) -> State {
        self.parts.iter().map(|part| part.state).max().unwrap_or(State::Ok)
    }
}

/// What `/readyz` answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Readiness {
    /// Our own database answers.
    pub database: bool,
    /// Every migration of this version is done.
    pub migrations: bool,
    /// The monitor of this process looked for due checks within the last minute, or is switched off.
    pub monitor: bool,
}

impl Readiness {
    /// Whether the process can do its work.
    #[must_use]
    pub const fn is_ready(self) -> bool {
        self.database && self.migrations && self.monitor
    }
}
