//! Connections: the providers, the settings of one connection and how they are read from what people
//! paste. A [`Connection`] never holds a secret; [`settings::Settings`] does, and never leaves the server
//! that opened it or the form that it was typed into.

use std::{fmt, ops::RangeInclusive, str::FromStr};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{error::FieldError, health::quiet::QuietMode, ids::ConnectionId, timestamp::Timestamp};

pub mod api;
pub mod form;
pub mod labels;
pub mod paste;
#[cfg(feature = "ssr")]
pub mod server;
pub mod settings;
pub mod ui;
pub mod url;

use labels::Labels;
use settings::{PublicSettings, Settings};

/// What kind of database a connection is to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// PostgreSQL and what speaks its protocol.
    PostgreSql,
    /// MySQL and MariaDB.
    MySql,
    /// MongoDB.
    MongoDb,
    /// Firebase: Firestore and Realtime Database.
    Firebase,
    /// Supabase: its APIs, and the Postgres behind them.
    Supabase,
}

impl Provider {
    /// Every provider.
    pub const ALL: [Self; 5] = [Self::PostgreSql, Self::MySql, Self::MongoDb, Self::Firebase, Self::Supabase];
    /// Those that can be checked now.
    pub const AVAILABLE: [Self; 5] = Self::ALL;

    /// The stable name on the wire and in the database.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::PostgreSql => "postgresql",
            Self::MySql => "mysql",
            Self::MongoDb => "mongodb",
            Self::Firebase => "firebase",
            Self::Supabase => "supabase",
        }
    }

    /// The name that people read.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::PostgreSql => "PostgreSQL",
            Self::MySql => "MySQL / MariaDB",
            Self::MongoDb => "MongoDB",
            Self::Firebase => "Firebase",
            Self::Supabase => "Supabase",
        }
    }

    /// Two letters for a badge.
    #[must_use]
    pub const fn badge(self) -> &'static str {
        match self {
            Self::PostgreSql => "PG",
            Self::MySql => "My",
            Self::MongoDb => "Mo",
            Self::Firebase => "Fb",
            Self::Supabase => "Su",
        }
    }

    /// The port where the settings name none.
    #[must_use]
    pub const fn default_port(self) -> u16 {
        match self {
            Self::PostgreSql | Self::Supabase => 5432,
            Self::MySql => 3306,
            Self::MongoDb => 27017,
            Self::Firebase => 443,
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// What stands in the place of a provider where nobody has named one yet.
pub const LEGACY: &str = "legacy";

/// The text names no provider.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Choose one of: postgresql, mysql, mongodb, firebase, supabase.")]
pub struct UnknownProvider;

impl FromStr for Provider {
    type Err = UnknownProvider;

    fn from_str(code: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|provider| provider.code() == code).ok_or(UnknownProvider)
    }
}

/// A connection as its owner sees it, without any secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// Which row of `database_credentials`.
    pub id: ConnectionId,
    /// None for a row that was imported and has no provider yet (`legacy`).
    pub provider: Option<Provider>,
    /// Its name, unique among its owner's.
    pub name: String,
    /// What may be shown of the settings.
    pub settings: PublicSettings,
    /// Seconds between checks.
    pub interval_s: u32,
    /// Milliseconds from which an answer is slow.
    pub slow_threshold_ms: u32,
    /// Whether checks let the database sleep.
    pub quiet_mode: QuietMode,
    /// What it is found by.
    pub labels: Labels,
    /// Since when checks are paused.
    pub paused_at: Option<Timestamp>,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

/// A connection that is to be stored; holds the secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewConnection {
    /// What kind of database.
    pub provider: Provider,
    /// As [`validate_name`] gave it back.
    pub name: String,
    /// Seconds between checks; the server's default where absent.
    pub interval_s: Option<u32>,
    /// Milliseconds from which an answer is slow; [`DEFAULT_SLOW_THRESHOLD_MS`] where absent.
    pub slow_threshold_ms: Option<u32>,
    /// Whether checks let the database sleep.
    pub quiet_mode: QuietMode,
    /// What it is found by.
    pub labels: Labels,
    /// What to connect to.
    pub settings: Settings,
}

impl NewConnection {
    /// A connection with everything beside its settings left to the defaults.
    #[must_use]
    pub fn new(provider: Provider, name: impl Into<String>, settings: Settings) -> Self {
        Self {
            provider,
            name: name.into(),
            interval_s: None,
            slow_threshold_ms: None,
            quiet_mode: QuietMode::default(),
            labels: Labels::default(),
            settings,
        }
    }
}

/// What can be done with many connections at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Handling {
    /// Check them now.
    Check,
    /// Take them off the schedule.
    Pause,
    /// Put them back on it.
    Resume,
}

impl Handling {
    /// The name on the wire.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Pause => "pause",
            Self::Resume => "resume",
        }
    }

    /// The word on its button.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Check => "Check",
            Self::Pause => "Pause",
            Self::Resume => "Resume",
        }
    }
}

/// What a name may have at most, in characters.
pub const LONGEST_CONNECTION_NAME: usize = 200;
/// Seconds between two checks that may be set: below, a check would be mistaken for an attack; above, an
/// outage could pass unseen for more than a day.
pub const INTERVAL_S: RangeInclusive<u32> = 30..=86_400;
/// Seconds between two checks where neither the connection nor the operator sets them.
pub const DEFAULT_INTERVAL_S: u32 = 300;
/// Milliseconds that may be set as the threshold of a slow answer.
pub const SLOW_THRESHOLD_MS: RangeInclusive<u32> = 1..=600_000;
/// Milliseconds from which an answer is slow where nothing is set.
pub const DEFAULT_SLOW_THRESHOLD_MS: u32 = 3_000;

/// The name to store: without blanks around it.
///
/// # Errors
///
/// For the field `name`, where it is empty, too long, or has control characters.
pub fn validate_name(text: &str) -> Result<String, FieldError> {
    let name = text.trim();
    if name.is_empty() {
        return Err(FieldError::new("name", "Give the connection a name, so that it can be told from others."));
    }
    let length = name.chars().count();
    if length > LONGEST_CONNECTION_NAME {
        return Err(FieldError::new(
            "name",
            format!("The name has {length} characters; at most {LONGEST_CONNECTION_NAME} fit."),
        ));
    }
    if has_hidden(name) {
        return Err(FieldError::new(
            "name",
            "The name has a control character in it, like a line break. Type it again.",
        ));
    }
    Ok(name.to_owned())
}

/// Whether there are characters in it that nobody sees and that make it look like something else: control
/// characters, and those that turn the direction of what follows (Unicode TR 36, 2.10.3).
#[must_use]
pub fn has_hidden(text: &str) -> bool {
    text.chars().any(is_hidden)
}

/// Whether it is one of those.
#[must_use]
pub fn is_hidden(char: char) -> bool {
    char.is_control() || matches!(char, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Seconds between checks, as typed; none where nothing is.
///
/// # Errors
///
/// For the field `intervalS`, where it is no number within [`INTERVAL_S`].
pub fn validate_interval(text: &str) -> Result<Option<u32>, FieldError> {
    number(text, &INTERVAL_S)
        .map_err(|NotWithin| FieldError::new("intervalS", "The interval is a number of seconds from 30 to 86,400."))
}

/// Milliseconds from which an answer is slow, as typed; none where nothing is.
///
/// # Errors
///
/// For the field `slowThresholdMs`, where it is no number within [`SLOW_THRESHOLD_MS`].
pub fn validate_slow_threshold(text: &str) -> Result<Option<u32>, FieldError> {
    number(text, &SLOW_THRESHOLD_MS).map_err(|NotWithin| {
        FieldError::new("slowThresholdMs", "The threshold is a number of milliseconds from 1 to 600,000.")
    })
}

/// What was typed is no number of the range.
struct NotWithin;

/// The number that was typed, if anything was.
fn number(text: &str, range: &RangeInclusive<u32>) -> Result<Option<u32>, NotWithin> {
    match text.trim() {
        "" => Ok(None),
        text => text.parse().ok().filter(|number| range.contains(number)).map(Some).ok_or(NotWithin),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_trimmed_and_bounded() {
        assert_eq!(validate_name("  shop ").as_deref(), Ok("shop"));
        assert_eq!(validate_name(&"ä".repeat(200)).as_deref(), Ok("ä".repeat(200).as_str()));
        for bad in ["", "   ", "a\nb", "shop\u{202e}liam", &"x".repeat(201), &"x".repeat(10_000)] {
            let error = validate_name(bad).expect_err("no name");
            assert_eq!(error.field, "name");
            assert!(error.message.len() < 120);
        }
    }

    #[test]
    fn numbers_are_bounded_and_may_be_left_out() {
        assert_eq!(validate_interval(" "), Ok(None));
        assert_eq!(validate_interval("30"), Ok(Some(30)));
        assert_eq!(validate_slow_threshold("600000"), Ok(Some(600_000)));
        for bad in ["29", "86401", "-1", "1e3", "abc", "99999999999"] {
            assert_eq!(validate_interval(bad).expect_err(bad).field, "intervalS");
        }
        assert_eq!(validate_slow_threshold("0").expect_err("zero").field, "slowThresholdMs");
    }
}
