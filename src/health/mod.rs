//! Checks: what each one said, the status rules, uptime, history. Types and pure rules; the monitor that
//! makes the checks is `server/`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    connections::{Provider, labels::Labels},
    ids::{ConnectionId, ErrorId},
    probe::{Cause, Phase, TlsFacts},
    retry::BreakerState,
    timestamp::Timestamp,
};

pub mod api;
pub mod network;
pub mod quiet;
pub mod rules;
pub mod schedule;

#[cfg(feature = "ssr")]
pub mod server;

/// Where a connection stands, as a check found it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It answered as it should.
    Healthy,
    /// It answered, but slowly, or only when asked again, or its certificate ends soon. Counts as up.
    Degraded,
    /// No connection, or no answer to the health query.
    Down,
    /// Not checked: paused, missed time, or our own network was down. Counts neither way.
    Unknown,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 4] = [Self::Healthy, Self::Degraded, Self::Down, Self::Unknown];

    /// The stable name on the wire and in the database.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Down => "down",
            Self::Unknown => "unknown",
        }
    }

    /// The status with this code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.code() == code)
    }

    /// The word that people read.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Healthy => "Healthy",
            Self::Degraded => "Degraded",
            Self::Down => "Down",
            Self::Unknown => "Unknown",
        }
    }
}

/// One half hour of a connection on the board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beat {
    /// Where the half hour begins.
    pub at: Timestamp,
    /// The worst of its checks; none where there was no check.
    pub status: Option<Status>,
    /// Mean response of the checks that were answered, in milliseconds.
    pub response_time_ms: Option<u32>,
}

/// The last 24 hours of a connection in half hours, oldest first. A board carries one for each of its rows, so it is
/// kept small on the way to the browser.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BeatStrip {
    from: Timestamp,
    /// A letter for each half hour.
    worst: String,
    response_ms: Vec<Option<u32>>,
}

impl BeatStrip {
    /// Half hours on a strip.
    pub const LENGTH: usize = 48;
    /// Seconds of one.
    pub const HALF_HOUR_S: i64 = 1_800;

    /// The strip that begins at `from`, of each half hour's worst status and mean response in milliseconds.
    #[must_use]
    pub fn new(from: Timestamp, beats: impl IntoIterator<Item = (Option<Status>, Option<u32>)>) -> Self {
        let (worst, response_ms) = beats.into_iter().map(|(status, ms)| (Self::letter(status), ms)).unzip();
        Self { from, worst, response_ms }
    }

    /// The half hours, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = Beat> {
        let mut at = self.from.seconds();
        self.worst.chars().zip(&self.response_ms).map(move |(letter, ms)| {
            let beat = Beat {
                at: Timestamp::from_micros(at * 1_000_000),
                status: Self::status(letter),
                response_time_ms: *ms,
            };
            at += Self::HALF_HOUR_S;
            beat
        })
    }

    const fn letter(status: Option<Status>) -> char {
        match status {
            Some(Status::Healthy) => 'h',
            Some(Status::Degraded) => 'g',
            Some(Status::Down) => 'd',
            Some(Status::Unknown) => 'u',
            None => '-',
        }
    }

    const fn status(letter: char) -> Option<Status> {
        match letter {
            'h' => Some(Status::Healthy),
            'g' => Some(Status::Degraded),
            'd' => Some(Status::Down),
            'u' => Some(Status::Unknown),
            _ => None,
        }
    }
}

/// One connection on the board.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BoardRow {
    /// Which connection.
    pub id: ConnectionId,
    /// Its name.
    pub name: String,
    /// None for a row that was imported and has no provider yet (`legacy`).
    pub provider: Option<Provider>,
    /// `host:port/database`, without user or secret.
    pub endpoint: String,
    /// The last status that was found.
    pub status: Status,
    /// Whether checks are paused.
    pub paused: bool,
    /// Since when the status holds.
    pub status_since: Timestamp,
    /// When it was looked at last.
    pub last_check_at: Option<Timestamp>,
    /// Milliseconds of the last answer; none where the last check was not answered.
    pub response_time_ms: Option<u32>,
    /// Percent over 24 hours.
    pub uptime_24h: Option<f64>,
    /// Percent over 30 days.
    pub uptime_30d: Option<f64>,
    /// The cause, where it is down.
    pub cause: Option<Cause>,
    /// The one thing worth knowing (`slow at login: 3,190 of 3,412 ms`).
    pub note: Option<String>,
    /// What it is found by.
    pub labels: Labels,
    /// Its last 24 hours.
    pub beats: BeatStrip,
}

/// The strip of figures over the board.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BoardFigures {
    /// Connections that are not paused, by status.
    pub healthy: u32,
    /// Answering, but not as they should.
    pub degraded: u32,
    /// Not answering.
    pub down: u32,
    /// Not checked yet, or could not be.
    pub unknown: u32,
    /// Paused ones.
    pub paused: u32,
    /// Percent over all that are not paused, 24 hours.
    pub uptime_24h: Option<f64>,
    /// Median of the last responses, in milliseconds.
    pub median_ms: Option<u32>,
    /// 95th percentile of the last responses, in milliseconds.
    pub p95_ms: Option<u32>,
    /// Checks made in the last 24 hours.
    pub checks_24h: u32,
    /// Errors that are not over.
    pub open_errors: u32,
}

/// The board: all connections of one account, worst first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Board {
    /// The strip of figures.
    pub figures: BoardFigures,
    /// The connections.
    pub rows: Vec<BoardRow>,
    /// What the owner is to know, newest first.
    pub notices: Vec<Notice>,
}

/// Something that a person is to know; Alerts makes these the bell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Notice {
    /// Which row of `notices`.
    pub id: crate::ids::NoticeId,
    /// `network_outage`, `breaker_opened`, …
    pub kind: String,
    /// One line.
    pub title: String,
    /// What to do about it.
    pub body: String,
    /// The connection it is about.
    pub credential_id: Option<ConnectionId>,
    /// Since when.
    pub created_at: Timestamp,
}

/// The monitor's pulse, at the foot of every page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pulse {
    /// When a process last looked for due checks.
    pub last_sweep_at: Option<Timestamp>,
    /// When the next of one's own connections is due.
    pub next_check_at: Option<Timestamp>,
    /// `MOORING_SCHEDULER`.
    pub scheduler_on: bool,
}

/// Everything at the top of one connection's dashboard.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConnectionHealth {
    /// Which connection.
    pub id: ConnectionId,
    /// Its name.
    pub name: String,
    /// None for `legacy`.
    pub provider: Option<Provider>,
    /// `host:port/database`.
    pub endpoint: String,
    /// Seconds between checks.
    pub interval_s: u32,
    /// Milliseconds from which an answer is slow.
    pub slow_threshold_ms: u32,
    /// Whether checks are paused, and since when.
    pub paused_at: Option<Timestamp>,
    /// The last status.
    pub status: Status,
    /// Since when it holds.
    pub status_since: Timestamp,
    /// The last look.
    pub last_check_at: Option<Timestamp>,
    /// The next one on the schedule.
    pub next_check_at: Option<Timestamp>,
    /// Milliseconds of the last answer.
    pub response_time_ms: Option<u32>,
    /// Why the last check failed.
    pub cause: Option<Cause>,
    /// Where it stopped.
    pub failed_phase: Option<Phase>,
    /// SQLSTATE or the like.
    pub error_code: Option<String>,
    /// The scrubbed message.
    pub error_message: Option<String>,
    /// As the server names it.
    pub server_version: Option<String>,
    /// What TLS showed.
    pub tls: Option<TlsFacts>,
    /// 95th percentile of the last 24 hours, in milliseconds.
    pub p95_ms: Option<u32>,
    /// Percent over 24 hours.
    pub uptime_24h: Option<f64>,
    /// Percent over 30 days.
    pub uptime_30d: Option<f64>,
    /// Seconds down within 30 days.
    pub down_seconds_30d: u32,
    /// Checks within 24 hours.
    pub checks_24h: u32,
    /// Those among them that ended down.
    pub failed_24h: u32,
}

/// The spans of the charts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Range {
    /// One hour, every check.
    Hour,
    /// 24 hours.
    #[default]
    Day,
    /// Seven days.
    Week,
    /// 30 days.
    Month,
}

impl Range {
    /// Every range, the shortest first.
    pub const ALL: [Self; 4] = [Self::Hour, Self::Day, Self::Week, Self::Month];

    /// The name in the page's address (`?range=24h`).
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Hour => "1h",
            Self::Day => "24h",
            Self::Week => "7d",
            Self::Month => "30d",
        }
    }

    /// The range with this name.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|range| range.code() == code)
    }

    /// The words on the tab.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Hour => "1 h",
            Self::Day => "24 h",
            Self::Week => "7 d",
            Self::Month => "30 d",
        }
    }

    /// Seconds that it spans.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        match self {
            Self::Hour => 3_600,
            Self::Day => 86_400,
            Self::Week => 7 * 86_400,
            Self::Month => 30 * 86_400,
        }
    }
}

/// One point of the history: a check, or the checks of one bucket of time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HistoryPoint {
    /// The check, or where the bucket begins.
    pub at: Timestamp,
    /// The worst status.
    pub status: Status,
    /// Mean milliseconds of the answers.
    pub response_time_ms: Option<f64>,
    /// Mean milliseconds of each phase, in the order of [`Phase::ALL`].
    pub phases_ms: [Option<f64>; 6],
    /// Checks in it.
    pub checks: u32,
    /// Those among them that ended down.
    pub down: u32,
}

/// The history of one connection over a range, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// Seconds of one bucket; 0 where each point is a check.
    pub bucket_s: u32,
    /// The points.
    pub points: Vec<HistoryPoint>,
}

/// One day of one connection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DailyMetric {
    /// `2026-08-22`, UTC.
    pub date: String,
    /// Mean milliseconds of the answers.
    pub avg_response_time_ms: Option<f64>,
    /// Checks.
    pub total: u32,
    /// Those that were answered.
    pub successful: u32,
    /// Those that were not.
    pub failed: u32,
    /// Percent.
    pub uptime: Option<f64>,
}

/// One check in the list of recent ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecentCheck {
    /// When.
    pub at: Timestamp,
    /// What it found.
    pub status: Status,
    /// Milliseconds of the answer.
    pub response_time_ms: Option<u32>,
    /// `schedule`, `person`, `token`, `cron`, `retry`.
    pub origin: String,
    /// Attempts that it took.
    pub attempts: u32,
    /// Why it failed.
    pub cause: Option<Cause>,
    /// Where.
    pub failed_phase: Option<Phase>,
    /// The scrubbed message, or what is worth knowing of a success.
    pub message: Option<String>,
}

/// One cause of one connection, with how often it came.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ErrorRow {
    /// Which row of `database_connection_errors`.
    pub id: ErrorId,
    /// What it came down to.
    pub cause: Cause,
    /// The scrubbed message, as it came last.
    pub message: String,
    /// Where.
    pub failed_phase: Option<Phase>,
    /// SQLSTATE or the like.
    pub code: Option<String>,
    /// How often.
    pub occurrences: u32,
    /// First seen.
    pub first_seen_at: Timestamp,
    /// Last seen.
    pub last_seen_at: Timestamp,
    /// Whether it is over.
    pub resolved: bool,
}

/// How often trying again helped.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RetryAnalytics {
    /// By attempt: number, tries, successes; 30 days.
    pub by_attempt: Vec<AttemptRate>,
    /// By cause: failed attempts, and how many of those checks answered when asked again.
    pub by_cause: Vec<CauseRate>,
    /// The circuit breaker.
    pub breaker: BreakerView,
}

/// Attempts with one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptRate {
    /// 1 is the first try.
    pub attempt: u32,
    /// How many were made.
    pub tries: u32,
    /// How many of them connected.
    pub successes: u32,
}

/// Attempts that failed with one cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CauseRate {
    /// The cause.
    pub cause: Cause,
    /// Failed attempts.
    pub failures: u32,
    /// Those among them after which a later attempt of the same check connected.
    pub recovered: u32,
}

/// The breaker as it is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakerView {
    /// Closed, open or half open.
    pub state: BreakerState,
    /// Failed attempts in the rolling hour, counted since the last success.
    pub failures_last_hour: u32,
    /// The number at which it opens.
    pub limit: u32,
    /// When it opened.
    pub opened_at: Option<Timestamp>,
    /// When it lets one trial through.
    pub open_until: Option<Timestamp>,
}

/// What a check that somebody asked for came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CheckResult {
    /// Which connection.
    pub credential_id: ConnectionId,
    /// What it found.
    pub status: Status,
    /// Milliseconds of the answer.
    pub response_time_ms: Option<u32>,
    /// Why it failed.
    pub cause: Option<Cause>,
    /// The scrubbed message.
    pub error_message: Option<String>,
    /// The scheduled or asked-for run whose result this is began here.
    pub started_at: Timestamp,
}

/// Who asked for a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckOrigin {
    /// The monitor's own schedule.
    Schedule,
    /// Someone at a page or at the command line.
    Person,
    /// A program with a token.
    Token,
    /// The schedule, run by an outside cron.
    Cron,
    /// The retry operation.
    Retry,
}

impl CheckOrigin {
    /// Every origin.
    pub const ALL: [Self; 5] = [Self::Schedule, Self::Person, Self::Token, Self::Cron, Self::Retry];

    /// The stable name in the database.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Schedule => "schedule",
            Self::Person => "person",
            Self::Token => "token",
            Self::Cron => "cron",
            Self::Retry => "retry",
        }
    }

    /// Whether the check was due, rather than asked for.
    #[must_use]
    pub const fn is_scheduled(self) -> bool {
        matches!(self, Self::Schedule | Self::Cron)
    }
}

/// What one sweep over the due connections came to: counts only, so that anyone may be told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SweepReport {
    /// Connections that were due, or asked for, when it began.
    pub due: u32,
    /// Those whose check was done and written.
    pub checked: u32,
    /// Checked and healthy.
    pub healthy: u32,
    /// Checked and degraded.
    pub degraded: u32,
    /// Checked and down.
    pub down: u32,
    /// Not checked: another process had them, or the time did not reach.
    pub skipped: u32,
    /// Alerts that the checks raised. Always 0 as yet: rules are kept, and nothing raises alerts by them.
    pub alerts_triggered: u32,
}

impl SweepReport {
    /// Takes in the status of one check that was written.
    pub const fn count(&mut self, status: Status) {
        self.checked += 1;
        match status {
            Status::Healthy => self.healthy += 1,
            Status::Degraded => self.degraded += 1,
            Status::Down => self.down += 1,
            Status::Unknown => {}
        }
    }
}

/// What the checks of several connections came to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Checks {
    /// The counts.
    pub report: SweepReport,
    /// The results that were there in time, in the order of the connections' names.
    pub results: Vec<CheckResult>,
}
