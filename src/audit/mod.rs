//! The audit log: who did what to which connection, from where, with what outcome. Changes and refusals,
//! not reads; never a secret. Rows are only ever added: `mooring_user` may not change one, a trigger refuses it
//! to everyone else, and a chain of HMACs (`server/chain.rs`) tells where someone did it nevertheless.

use std::{borrow::Cow, fmt::Write as _};

use serde::{Deserialize, Serialize};

use crate::{error::FieldError, ids::ConnectionId, timestamp::Timestamp};

pub mod api;
#[cfg(feature = "ssr")]
pub mod server;
pub mod ui;

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
    /// Every outcome.
    pub const ALL: [Self; 3] = [Self::Success, Self::Failed, Self::Refused];

    /// The stable name in the database.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failed => "failed",
            Self::Refused => "refused",
        }
    }

    /// The word that people read.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Success => "Done",
            Self::Failed => "Failed",
            Self::Refused => "Refused",
        }
    }

    /// The outcome with this code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.code() == code)
    }
}

/// An entry as its page shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Its place; later ones are greater.
    pub seq: i64,
    /// When it was.
    pub at: Timestamp,
    /// Whose account: the e-mail address, or the id of one that is gone; none for the server and for strangers.
    pub account: Option<String>,
    /// What was done: a stable dotted name, the thing first.
    pub action: String,
    /// What became of it.
    pub outcome: Outcome,
    /// Which connection it was about.
    pub connection: Option<ConnectionId>,
    /// The connection's name, where it is one's own and still there.
    pub connection_name: Option<String>,
    /// Further details, `name: value` with semicolons between.
    pub details: String,
    /// The address that it came from.
    pub ip: Option<String>,
    /// The program that it came from, as it calls itself.
    pub user_agent: Option<String>,
}

/// Some of the log, the latest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditPage {
    /// The entries.
    pub entries: Vec<AuditEntry>,
    /// Where the next page begins, where there is one.
    pub older: Option<i64>,
    /// Whether these are everyone's entries.
    pub is_everyones: bool,
}

/// Which entries are wanted, as the page's address has it. What is empty asks for nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AuditFilter {
    /// An action, or the thing that actions are about: `connection`, `account.sign_in`.
    pub action: String,
    /// The code of an [`Outcome`].
    pub outcome: String,
    /// An e-mail address or the id of an account; for administrators.
    pub account: String,
    /// The id of a connection.
    pub connection: String,
    /// The first day, `2026-08-22`, UTC.
    pub from: String,
    /// The last day.
    pub to: String,
    /// Where the page begins: entries before this place.
    pub before: String,
}

impl AuditFilter {
    /// The parts that are set, by name.
    fn parts(&self) -> impl Iterator<Item = (&'static str, &str)> {
        [
            ("action", &self.action),
            ("outcome", &self.outcome),
            ("account", &self.account),
            ("connection", &self.connection),
            ("from", &self.from),
            ("to", &self.to),
            ("before", &self.before),
        ]
        .into_iter()
        .map(|(name, value)| (name, value.trim()))
        .filter(|(_, value)| !value.is_empty())
    }

    /// From what an address has.
    pub fn from_query(get: impl Fn(&str) -> Option<String>) -> Self {
        let get = |name| get(name).unwrap_or_default();
        Self {
            action: get("action"),
            outcome: get("outcome"),
            account: get("account"),
            connection: get("connection"),
            from: get("from"),
            to: get("to"),
            before: get("before"),
        }
    }

    /// `path` with these parts as its query.
    #[must_use]
    pub fn address(&self, path: &str) -> String {
        let mut address = path.to_owned();
        for (index, (name, value)) in self.parts().enumerate() {
            address.push(if index == 0 { '?' } else { '&' });
            address.push_str(name);
            address.push('=');
            for byte in value.bytes() {
                if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
                    address.push(char::from(byte));
                } else {
                    // Writing into a string cannot fail.
                    let _ = write!(address, "%{byte:02X}");
                }
            }
        }
        address
    }

    /// The same from another place on.
    #[must_use]
    pub fn before(&self, seq: i64) -> Self {
        Self { before: seq.to_string(), ..self.clone() }
    }
}

/// The beginning of a day, UTC, from `2026-08-22`.
///
/// # Errors
///
/// For the field `name`, where it is no day.
pub fn parse_day(name: &'static str, text: &str) -> Result<Timestamp, FieldError> {
    let day = || {
        let mut parts = text.splitn(3, '-');
        let year = parts.next()?.parse().ok()?;
        let month: u8 = parts.next()?.parse().ok()?;
        let day = parts.next()?.parse().ok()?;
        let date = time::Date::from_calendar_date(year, time::Month::try_from(month).ok()?, day).ok()?;
        Some(Timestamp::from(date.midnight().assume_utc()))
    };
    day().ok_or_else(|| FieldError::new(name, "Write the day like 2026-08-22."))
}

/// A cell of a table that a spreadsheet will open, with a quote before what it would take for a formula.
#[must_use]
pub fn plain_cell(text: &str) -> Cow<'_, str> {
    let is_formula = text.starts_with(['\t', '\r', '\n'])
        || text.trim_start().starts_with(['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}']);
    if is_formula { Cow::Owned(format!("'{text}")) } else { Cow::Borrowed(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_an_address_and_back() {
        let filter = AuditFilter {
            account: "ada+x@example.org".to_owned(),
            outcome: "failed".to_owned(),
            from: " ".to_owned(),
            ..AuditFilter::default()
        };
        assert_eq!(filter.address("/audit"), "/audit?outcome=failed&account=ada%2Bx%40example.org");
        assert_eq!(filter.before(7).address("/audit"), "/audit?outcome=failed&account=ada%2Bx%40example.org&before=7");
        assert_eq!(AuditFilter::default().address("/audit.csv"), "/audit.csv");
    }

    #[test]
    fn a_day_is_a_day() {
        assert_eq!(parse_day("from", "2026-08-22").map(Timestamp::utc), Ok("2026-08-22 00:00:00 UTC".to_owned()));
        for text in ["", "2026", "2026-13-01", "2026-02-30", "22.08.2026", "2026-08-22T10:00"] {
            assert!(parse_day("from", text).is_err_and(|error| error.field == "from"), "{text}");
        }
    }

    #[test]
    fn no_cell_is_a_formula() {
        for text in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "  =1", "\r=1", "\n=1", "\u{ff1d}1"] {
            assert_eq!(plain_cell(text), format!("'{text}"));
        }
        for text in ["", "orders", "a=1", "10.0.0.1", "ada@example.org"] {
            assert_eq!(plain_cell(text), text);
        }
    }
}
