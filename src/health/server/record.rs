//! Writes what checks found: history, half hours, days, attempts, errors, breaker, notices and the next due
//! time, of many connections at once and in one transaction.
//!
//! Fenced: only what still holds its lease is written. What a result means beside what stood there before
//! is worked out in Rust ([`after`]), so that the statements only store.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use sqlx::{PgConnection, types::Json};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    auth::server::Caller,
    error::AppError,
    health::{
        Status, rules, schedule,
        server::{check::Finished, notices},
    },
    ids::{ConnectionId, UserId},
    probe::{Outcome, Phase, ProbeReport},
    retry::{BreakerState, breaker::Breaker},
    server::state::AppState,
    timestamp::Timestamp,
};

/// The longest message that is stored, in characters.
const LONGEST_MESSAGE: usize = 2_000;
/// What a check weighs by itself before the next one shows how long it held, in seconds.
const LEAST_WEIGHT: f64 = 0.001;
const HALF_HOUR_MICROS: i64 = 1_800 * 1_000_000;
const DAY_MICROS: i64 = 86_400 * 1_000_000;

/// Writes `results` and gives up their leases; tells which connections' results were written. Those that
/// are missing had lost their lease, or their connection is gone.
///
/// # Errors
///
/// Where our own database fails; then nothing was written.
pub async fn record(state: &AppState, results: &[Finished]) -> Result<BTreeSet<ConnectionId>, AppError> {
    if results.is_empty() {
        return Ok(BTreeSet::new());
    }
    let mut tx = Caller::system(state, "monitor").write().await?;
    let standing = lock(&mut tx, state, results).await?;
    let results: Vec<(&Finished, &Before)> =
        results.iter().filter_map(|finished| Some((finished, standing.get(&finished.claim.lease.credential_id)?))).collect();
    if results.is_empty() {
        return Ok(BTreeSet::new());
    }
    insert_history(&mut tx, &results).await?;
    insert_attempts(&mut tx, &results).await?;
    let failures = count_failures(&mut tx, &results).await?;
    let changes: Vec<After> = results
        .iter()
        .map(|(finished, before)| after(finished, before, failures.get(&finished.claim.lease.credential_id).copied().unwrap_or_default()))
        .collect();
    update_state(&mut tx, &changes).await?;
    let mut buckets = Buckets::default();
    for (finished, before) in &results {
        buckets.take(finished, before);
    }
    upsert_half_hours(&mut tx, &buckets.half_hours).await?;
    upsert_days(&mut tx, &buckets.days).await?;
    upsert_errors(&mut tx, &results).await?;
    resolve_errors(&mut tx, &results).await?;
    tell(&mut tx, &results, &changes).await?;
    announce(&mut tx, &results).await?;
    tx.commit().await?;
    state.watch().recorded.notify_waiters();
    Ok(changes.iter().map(|change| ConnectionId(change.credential_id)).collect())
}

/// A connection as it stood before the result.
#[derive(Clone, Debug)]
struct Before {
    user_id: UserId,
    provider: String,
    is_active: bool,
    interval_s: u32,
    next_check_at: Option<Timestamp>,
    status: Status,
    status_since: Timestamp,
    last_check_at: Option<Timestamp>,
    consecutive_down: u32,
    consecutive_lasting: u32,
    breaker: Breaker,
    now: Timestamp,
}

/// Locks what still holds its lease. The connection before its state, as deleting one does.
async fn lock(
    connection: &mut PgConnection,
    state: &AppState,
    results: &[Finished],
) -> Result<BTreeMap<ConnectionId, Before>, sqlx::Error> {
    let ids: Vec<Uuid> = results.iter().map(|finished| finished.claim.lease.credential_id.0).collect();
    let until: Vec<OffsetDateTime> = results.iter().map(|finished| finished.claim.lease.until).collect();
    let rows = sqlx::query!(
        r#"
        select state.credential_id, connection.user_id, connection.provider, connection.is_active,
               connection.check_interval_s, state.next_check_at, state.status, state.status_since, state.last_check_at,
               state.consecutive_down, state.consecutive_lasting, state.breaker_state, state.breaker_opened_at,
               state.breaker_open_until, state.breaker_counts_from, mooring_now() as "now!"
          from unnest($1::uuid[], $2::timestamptz[]) as mine (credential_id, lease_until)
          join database_credentials as connection on connection.id = mine.credential_id
          join connection_state as state on state.credential_id = mine.credential_id
         where state.lease_owner = $3
           and state.lease_until = mine.lease_until
         order by state.credential_id
           for key share of connection
           for update of state
        "#,
        &ids,
        &until,
        state.worker().0,
    )
    .fetch_all(connection)
    .await?;
    let before = rows.into_iter().map(|row| {
        let breaker = Breaker {
            state: BreakerState::from_code(&row.breaker_state).unwrap_or_default(),
            opened_at: row.breaker_opened_at.map(Timestamp::from),
            open_until: row.breaker_open_until.map(Timestamp::from),
            counts_from: row.breaker_counts_from.into(),
        };
        let before = Before {
            user_id: UserId(row.user_id),
            provider: row.provider,
            is_active: row.is_active,
            interval_s: row.check_interval_s.unsigned_abs(),
            next_check_at: row.next_check_at.map(Timestamp::from),
            status: Status::from_code(&row.status).unwrap_or(Status::Unknown),
            status_since: row.status_since.into(),
            last_check_at: row.last_check_at.map(Timestamp::from),
            consecutive_down: row.consecutive_down.unsigned_abs(),
            consecutive_lasting: row.consecutive_lasting.unsigned_abs(),
            breaker,
            now: row.now.into(),
        };
        (ConnectionId(row.credential_id), before)
    });
    Ok(before.collect())
}

/// A connection as it stands after the result: a row of `connection_state`.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct After {
    credential_id: Uuid,
    next_check_us: Option<i64>,
    status: &'static str,
    status_since_us: i64,
    last_check_us: i64,
    response_time_ms: Option<i32>,
    cause: Option<&'static str>,
    failed_phase: Option<&'static str>,
    error_code: Option<String>,
    error_message: Option<String>,
    phases: BTreeMap<&'static str, u32>,
    server_version: Option<String>,
    tls: Option<serde_json::Value>,
    tls_expires_us: Option<i64>,
    consecutive_down: u32,
    consecutive_lasting: u32,
    note: Option<String>,
    hangs: bool,
    breaker_state: &'static str,
    breaker_opened_us: Option<i64>,
    breaker_open_until_us: Option<i64>,
    breaker_counts_from_us: i64,
}

/// What a result makes of a connection; `failures` are those that the breaker counts, this check's included.
fn after(finished: &Finished, before: &Before, failures: u32) -> After {
    let report = finished.last();
    let failure = finished.failure();
    let is_lasting = failure.is_some_and(|failure| !failure.is_transient());
    let (consecutive_down, consecutive_lasting) = match finished.status {
        Status::Healthy | Status::Degraded => (0, 0),
        Status::Down => (before.consecutive_down.saturating_add(1), if is_lasting { before.consecutive_lasting.saturating_add(1) } else { 0 }),
        Status::Unknown => (before.consecutive_down, before.consecutive_lasting),
    };
    let breaker = match finished.status {
        Status::Healthy | Status::Degraded => before.breaker.succeeded(before.now),
        Status::Down => before.breaker.failed(before.now, failures),
        Status::Unknown => before.breaker,
    };
    let answered = report.filter(|report| report.succeeded());
    let tls = report.and_then(|report| report.tls.as_ref());
    After {
        credential_id: finished.claim.lease.credential_id.0,
        next_check_us: next_check(finished, before, consecutive_lasting).map(Timestamp::micros),
        status: finished.status.code(),
        status_since_us: if finished.status == before.status { before.status_since } else { finished.started_at }.micros(),
        last_check_us: finished.started_at.micros(),
        response_time_ms: answered.map(|report| stored(report.response_time_ms())),
        cause: failure.map(|failure| failure.cause.code()),
        failed_phase: failure.map(|failure| failure.phase.code()),
        error_code: failure.and_then(|failure| failure.code.as_deref()).map(storable),
        error_message: failure.map(|failure| storable(&failure.message)),
        phases: report.map(|report| phases(report).map(|(phase, micros)| (phase.code(), micros)).collect()).unwrap_or_default(),
        server_version: answered.and_then(|report| report.server_version.as_deref()).map(storable),
        tls: tls.and_then(|tls| serde_json::to_value(tls).ok()).map(storable_json),
        tls_expires_us: tls.and_then(|tls| tls.expires_at()).map(Timestamp::micros),
        consecutive_down,
        consecutive_lasting,
        note: finished.note.as_deref().map(storable),
        hangs: finished.hangs,
        breaker_state: breaker.state.code(),
        breaker_opened_us: breaker.opened_at.map(Timestamp::micros),
        breaker_open_until_us: breaker.open_until.map(Timestamp::micros),
        breaker_counts_from_us: breaker.counts_from.micros(),
    }
}

/// A check that was due moves on along the grid. One that was asked for leaves the grid as it is, except
/// that an answer ends the backing off. What an owner changed meanwhile (paused, resumed, new settings)
/// stands.
fn next_check(finished: &Finished, before: &Before, consecutive_lasting: u32) -> Option<Timestamp> {
    if !before.is_active || before.next_check_at != finished.claim.due_at {
        return before.next_check_at;
    }
    let due = before.next_check_at?;
    let id = finished.claim.lease.credential_id;
    let next = |lasting| schedule::next_check_at(id, before.interval_s, lasting, finished.started_at);
    if finished.claim.origin.is_scheduled() {
        Some(next(consecutive_lasting))
    } else if before.consecutive_lasting > 0 && consecutive_lasting == 0 {
        Some(due.min(next(0)))
    } else {
        Some(due)
    }
}

fn phases(report: &ProbeReport) -> impl Iterator<Item = (Phase, u32)> {
    report.phases.iter().filter(|phase| phase.outcome != Outcome::Skipped).map(|phase| (phase.phase, phase.micros))
}

fn phase_micros(report: Option<&ProbeReport>, phase: Phase) -> Option<i32> {
    let result = report?.phase(phase)?;
    (result.outcome == Outcome::Ok).then(|| stored(result.micros))
}

fn stored(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// Text from a server as it may be stored: Postgres takes no NUL, and nobody reads a megabyte.
fn storable(text: &str) -> String {
    text.chars().take(LONGEST_MESSAGE).map(|character| if character == '\0' { '\u{fffd}' } else { character }).collect()
}

fn storable_json(value: serde_json::Value) -> serde_json::Value {
    match value {
        serde_json::Value::String(text) => serde_json::Value::String(storable(&text)),
        serde_json::Value::Array(items) => items.into_iter().map(storable_json).collect(),
        serde_json::Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, storable_json(value))).collect(),
        other => other,
    }
}

#[derive(Serialize)]
struct HistoryRow {
    id: Uuid,
    credential_id: Uuid,
    status: &'static str,
    response_time_ms: Option<i32>,
    error_message: Option<String>,
    check_us: i64,
    origin: &'static str,
    attempts: usize,
    cause: Option<&'static str>,
    failed_phase: Option<&'static str>,
    error_code: Option<String>,
    note: Option<String>,
    dns_us: Option<i32>,
    tcp_us: Option<i32>,
    tls_us: Option<i32>,
    auth_us: Option<i32>,
    database_us: Option<i32>,
    query_us: Option<i32>,
}

impl HistoryRow {
    fn of(finished: &Finished) -> Self {
        let report = finished.last();
        let failure = finished.failure();
        Self {
            id: finished.id,
            credential_id: finished.claim.lease.credential_id.0,
            status: finished.status.code(),
            response_time_ms: report.filter(|report| report.succeeded()).map(|report| stored(report.response_time_ms())),
            error_message: failure.map(|failure| storable(&failure.message)),
            check_us: finished.started_at.micros(),
            origin: finished.claim.origin.code(),
            attempts: finished.attempts.len(),
            cause: failure.map(|failure| failure.cause.code()),
            failed_phase: failure.map(|failure| failure.phase.code()),
            error_code: failure.and_then(|failure| failure.code.as_deref()).map(storable),
            note: finished.note.as_deref().map(storable),
            dns_us: phase_micros(report, Phase::Dns),
            tcp_us: phase_micros(report, Phase::Tcp),
            tls_us: phase_micros(report, Phase::Tls),
            auth_us: phase_micros(report, Phase::Auth),
            database_us: phase_micros(report, Phase::Database),
            query_us: phase_micros(report, Phase::Query),
        }
    }

    /// The time in which nobody looked, from when the check was due.
    fn missed(finished: &Finished, due: Timestamp) -> Self {
        Self {
            id: Uuid::new_v4(),
            credential_id: finished.claim.lease.credential_id.0,
            status: Status::Unknown.code(),
            response_time_ms: None,
            error_message: None,
            check_us: due.micros(),
            origin: finished.claim.origin.code(),
            attempts: 0,
            cause: None,
            failed_phase: None,
            error_code: None,
            note: Some("nobody was watching".to_owned()),
            dns_us: None,
            tcp_us: None,
            tls_us: None,
            auth_us: None,
            database_us: None,
            query_us: None,
        }
    }
}

/// Since when nobody had looked, where time was missed before this check.
fn missed_from(finished: &Finished, before: &Before) -> Option<Timestamp> {
    let due = finished.claim.due_at.filter(|_| finished.claim.origin.is_scheduled())?;
    before.last_check_at?;
    schedule::was_missed(due, finished.started_at, before.interval_s, before.consecutive_lasting).then_some(due)
}

async fn insert_history(connection: &mut PgConnection, results: &[(&Finished, &Before)]) -> Result<(), sqlx::Error> {
    let rows: Vec<HistoryRow> = results
        .iter()
        .flat_map(|(finished, before)| {
            let missed = missed_from(finished, before).map(|due| HistoryRow::missed(finished, due));
            missed.into_iter().chain([HistoryRow::of(finished)])
        })
        .collect();
    sqlx::query!(
        "
        insert into database_connection_health
               (id, credential_id, status, response_time_ms, error_message, check_timestamp, origin, attempts, cause,
                failed_phase, error_code, note, dns_us, tcp_us, tls_us, auth_us, database_us, query_us)
        select id, credential_id, status, response_time_ms, error_message,
               timestamptz 'epoch' + check_us * interval '1 microsecond', origin, attempts, cause,
               failed_phase, error_code, note, dns_us, tcp_us, tls_us, auth_us, database_us, query_us
          from jsonb_to_recordset($1) as r (
               id uuid, credential_id uuid, status text, response_time_ms integer, error_message text, check_us bigint,
               origin text, attempts integer, cause text, failed_phase text, error_code text, note text, dns_us integer,
               tcp_us integer, tls_us integer, auth_us integer, database_us integer, query_us integer)
        ",
        Json(&rows) as _,
    )
    .execute(connection)
    .await?;
    Ok(())
}

#[derive(Serialize)]
struct AttemptRow {
    credential_id: Uuid,
    attempt_number: u32,
    success: bool,
    error_message: Option<String>,
    backoff_delay_ms: i64,
    attempted_us: i64,
    origin: &'static str,
    cause: Option<&'static str>,
    failed_phase: Option<&'static str>,
    is_transient: Option<bool>,
    duration_ms: i32,
    check_id: Uuid,
}

/// Every failed attempt and everything that came after one. An attempt that our own network swallowed says
/// nothing about the target and is not kept.
async fn insert_attempts(connection: &mut PgConnection, results: &[(&Finished, &Before)]) -> Result<(), sqlx::Error> {
    let rows: Vec<AttemptRow> = results
        .iter()
        .filter(|(finished, _)| finished.status != Status::Unknown)
        .flat_map(|(finished, _)| finished.attempts.iter().map(move |attempt| (finished, attempt)))
        .filter(|(_, attempt)| attempt.number > 1 || !attempt.report.succeeded())
        .map(|(finished, attempt)| {
            let failure = attempt.report.failure.as_ref();
            AttemptRow {
                credential_id: finished.claim.lease.credential_id.0,
                attempt_number: attempt.number,
                success: failure.is_none(),
                error_message: failure.map(|failure| storable(&failure.message)),
                backoff_delay_ms: i64::try_from(attempt.waited.as_millis()).unwrap_or(i64::MAX),
                attempted_us: attempt.at.micros(),
                origin: finished.claim.origin.code(),
                cause: failure.map(|failure| failure.cause.code()),
                failed_phase: failure.map(|failure| failure.phase.code()),
                is_transient: failure.map(crate::probe::Failure::is_transient),
                duration_ms: stored(attempt.report.total_micros / 1_000),
                check_id: finished.id,
            }
        })
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        r#"
        insert into database_connection_retries
               (credential_id, attempt_number, success, error_message, retry_strategy, backoff_delay_ms, attempted_at,
                origin, cause, failed_phase, is_transient, duration_ms, check_id)
        select credential_id, attempt_number, success, error_message, '{"name": "confirmation"}', backoff_delay_ms,
               timestamptz 'epoch' + attempted_us * interval '1 microsecond',
               origin, cause, failed_phase, is_transient, duration_ms, check_id
          from jsonb_to_recordset($1) as r (
               credential_id uuid, attempt_number integer, success boolean, error_message text, backoff_delay_ms integer,
               attempted_us bigint, origin text, cause text, failed_phase text, is_transient boolean, duration_ms integer,
               check_id uuid)
        "#,
        Json(&rows) as _,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The failed attempts that the breaker counts, of the connections that are down.
async fn count_failures(
    connection: &mut PgConnection,
    results: &[(&Finished, &Before)],
) -> Result<BTreeMap<ConnectionId, u32>, sqlx::Error> {
    let (ids, since): (Vec<Uuid>, Vec<OffsetDateTime>) = results
        .iter()
        .filter(|(finished, _)| finished.status == Status::Down)
        .map(|(finished, before)| {
            (finished.claim.lease.credential_id.0, OffsetDateTime::from(before.breaker.window_start(before.now)))
        })
        .unzip();
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let rows = sqlx::query!(
        r#"
        select attempt.credential_id, count(*) as "failures!"
          from unnest($1::uuid[], $2::timestamptz[]) as counted (credential_id, since)
          join database_connection_retries as attempt
            on attempt.credential_id = counted.credential_id and attempt.attempted_at >= counted.since
         where not attempt.success
         group by attempt.credential_id
        "#,
        &ids,
        &since,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (ConnectionId(row.credential_id), u32::try_from(row.failures).unwrap_or(u32::MAX))).collect())
}

async fn update_state(connection: &mut PgConnection, changes: &[After]) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "
        update connection_state as state
           set next_check_at       = timestamptz 'epoch' + next_check_us * interval '1 microsecond',
               lease_owner         = null,
               lease_until         = null,
               status              = r.status,
               status_since        = timestamptz 'epoch' + status_since_us * interval '1 microsecond',
               last_check_at       = timestamptz 'epoch' + last_check_us * interval '1 microsecond',
               response_time_ms    = r.response_time_ms,
               cause               = r.cause,
               failed_phase        = r.failed_phase,
               error_code          = r.error_code,
               error_message       = r.error_message,
               phases              = r.phases,
               server_version      = coalesce(r.server_version, state.server_version),
               tls                 = coalesce(r.tls, state.tls),
               tls_expires_at      = case when r.tls is null then state.tls_expires_at
                                          else timestamptz 'epoch' + tls_expires_us * interval '1 microsecond' end,
               consecutive_down    = r.consecutive_down,
               consecutive_lasting = r.consecutive_lasting,
               note                = r.note,
               hangs               = r.hangs,
               breaker_state       = r.breaker_state,
               breaker_opened_at   = timestamptz 'epoch' + breaker_opened_us * interval '1 microsecond',
               breaker_open_until  = timestamptz 'epoch' + breaker_open_until_us * interval '1 microsecond',
               breaker_counts_from = timestamptz 'epoch' + breaker_counts_from_us * interval '1 microsecond'
          from jsonb_to_recordset($1) as r (
               credential_id uuid, next_check_us bigint, status text, status_since_us bigint, last_check_us bigint,
               response_time_ms integer, cause text, failed_phase text, error_code text, error_message text, phases jsonb,
               server_version text, tls jsonb, tls_expires_us bigint, consecutive_down integer, consecutive_lasting integer,
               note text, hangs boolean, breaker_state text, breaker_opened_us bigint, breaker_open_until_us bigint,
               breaker_counts_from_us bigint)
         where state.credential_id = r.credential_id
        ",
        Json(changes) as _,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// What the checks of one connection add to one half hour or one day.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
struct Bucket {
    credential_id: Uuid,
    at_us: i64,
    healthy: u32,
    degraded: u32,
    down: u32,
    unknown: u32,
    response_ms_sum: i64,
    response_ms_max: i32,
    dns_us: i64,
    tcp_us: i64,
    tls_us: i64,
    auth_us: i64,
    database_us: i64,
    query_us: i64,
    up_seconds: f64,
    down_seconds: f64,
}

impl Bucket {
    fn hold(&mut self, status: Status, seconds: f64) {
        match status {
            Status::Healthy | Status::Degraded => self.up_seconds += seconds,
            Status::Down => self.down_seconds += seconds,
            Status::Unknown => {}
        }
    }

    fn count(&mut self, finished: &Finished) {
        match finished.status {
            Status::Healthy => self.healthy += 1,
            Status::Degraded => self.degraded += 1,
            Status::Down => self.down += 1,
            Status::Unknown => self.unknown += 1,
        }
        self.hold(finished.status, LEAST_WEIGHT);
        if let Some(report) = finished.last().filter(|report| report.succeeded()) {
            let ms = stored(report.response_time_ms());
            self.response_ms_sum += i64::from(ms);
            self.response_ms_max = self.response_ms_max.max(ms);
            let micros = |phase| i64::from(phase_micros(Some(report), phase).unwrap_or_default());
            self.dns_us += micros(Phase::Dns);
            self.tcp_us += micros(Phase::Tcp);
            self.tls_us += micros(Phase::Tls);
            self.auth_us += micros(Phase::Auth);
            self.database_us += micros(Phase::Database);
            self.query_us += micros(Phase::Query);
        }
    }
}

/// The half hours and days that a batch touches, each once.
#[derive(Debug, Default)]
struct Buckets {
    half_hours: BTreeMap<(Uuid, i64), Bucket>,
    days: BTreeMap<(Uuid, i64), Bucket>,
}

impl Buckets {
    fn both(&mut self, id: Uuid, at: Timestamp) -> [&mut Bucket; 2] {
        let [half_hour, day] = [HALF_HOUR_MICROS, DAY_MICROS].map(|size| at.micros() - at.micros().rem_euclid(size));
        let new = |at_us| Bucket { credential_id: id, at_us, ..Bucket::default() };
        [
            self.half_hours.entry((id, half_hour)).or_insert_with(|| new(half_hour)),
            self.days.entry((id, day)).or_insert_with(|| new(day)),
        ]
    }

    /// The check itself, and the time for which the one before it held.
    fn take(&mut self, finished: &Finished, before: &Before) {
        let id = finished.claim.lease.credential_id.0;
        let missed = missed_from(finished, before);
        if let Some(due) = missed {
            for bucket in self.both(id, due) {
                bucket.unknown += 1;
            }
        }
        if let Some(last) = before.last_check_at {
            let seconds = rules::held_seconds(last, missed.unwrap_or(finished.started_at), before.interval_s);
            for bucket in self.both(id, last) {
                bucket.hold(before.status, seconds);
            }
        }
        for bucket in self.both(id, finished.started_at) {
            bucket.count(finished);
        }
    }
}

async fn upsert_half_hours(connection: &mut PgConnection, buckets: &BTreeMap<(Uuid, i64), Bucket>) -> Result<(), sqlx::Error> {
    let rows: Vec<&Bucket> = buckets.values().collect();
    sqlx::query!(
        "
        insert into connection_half_hours as stored
               (credential_id, half_hour, healthy, degraded, down, unknown, response_ms_sum, response_ms_max,
                dns_us, tcp_us, tls_us, auth_us, database_us, query_us, up_seconds, down_seconds)
        select credential_id, timestamptz 'epoch' + at_us * interval '1 microsecond', healthy, degraded, down, unknown,
               response_ms_sum, response_ms_max, dns_us, tcp_us, tls_us, auth_us, database_us, query_us,
               up_seconds, down_seconds
          from jsonb_to_recordset($1) as r (
               credential_id uuid, at_us bigint, healthy integer, degraded integer, down integer, unknown integer,
               response_ms_sum bigint, response_ms_max integer, dns_us bigint, tcp_us bigint, tls_us bigint,
               auth_us bigint, database_us bigint, query_us bigint,
               up_seconds double precision, down_seconds double precision)
            on conflict (credential_id, half_hour) do update
           set healthy         = stored.healthy         + excluded.healthy,
               degraded        = stored.degraded        + excluded.degraded,
               down            = stored.down            + excluded.down,
               unknown         = stored.unknown         + excluded.unknown,
               response_ms_sum = stored.response_ms_sum + excluded.response_ms_sum,
               response_ms_max = greatest(stored.response_ms_max, excluded.response_ms_max),
               dns_us          = stored.dns_us          + excluded.dns_us,
               tcp_us          = stored.tcp_us          + excluded.tcp_us,
               tls_us          = stored.tls_us          + excluded.tls_us,
               auth_us         = stored.auth_us         + excluded.auth_us,
               database_us     = stored.database_us     + excluded.database_us,
               query_us        = stored.query_us        + excluded.query_us,
               up_seconds      = stored.up_seconds      + excluded.up_seconds,
               down_seconds    = stored.down_seconds    + excluded.down_seconds
        ",
        Json(&rows) as _,
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn upsert_days(connection: &mut PgConnection, buckets: &BTreeMap<(Uuid, i64), Bucket>) -> Result<(), sqlx::Error> {
    let rows: Vec<&Bucket> = buckets.values().collect();
    sqlx::query!(
        "
        insert into database_performance_metrics as stored
               (credential_id, metric_date, total_requests, successful_requests, failed_requests,
                response_ms_sum, up_seconds, down_seconds, avg_response_time_ms, uptime_percentage)
        select credential_id, ((timestamptz 'epoch' + at_us * interval '1 microsecond') at time zone 'UTC')::date,
               healthy + degraded + down, healthy + degraded, down, response_ms_sum, up_seconds, down_seconds,
               round(response_ms_sum::numeric / nullif(healthy + degraded, 0), 2),
               round((100 * up_seconds / nullif(up_seconds + down_seconds, 0))::numeric, 2)
          from jsonb_to_recordset($1) as r (
               credential_id uuid, at_us bigint, healthy integer, degraded integer, down integer, response_ms_sum bigint,
               up_seconds double precision, down_seconds double precision)
            on conflict (credential_id, metric_date) do update
           set total_requests      = stored.total_requests      + excluded.total_requests,
               successful_requests = stored.successful_requests + excluded.successful_requests,
               failed_requests     = stored.failed_requests     + excluded.failed_requests,
               response_ms_sum     = stored.response_ms_sum     + excluded.response_ms_sum,
               up_seconds          = stored.up_seconds          + excluded.up_seconds,
               down_seconds        = stored.down_seconds        + excluded.down_seconds,
               avg_response_time_ms = round(
                   (stored.response_ms_sum + excluded.response_ms_sum)::numeric
                   / nullif(stored.successful_requests + excluded.successful_requests, 0), 2),
               uptime_percentage = round(
                   (100 * (stored.up_seconds + excluded.up_seconds)
                    / nullif(stored.up_seconds + excluded.up_seconds + stored.down_seconds + excluded.down_seconds, 0))::numeric, 2)
        ",
        Json(&rows) as _,
    )
    .execute(connection)
    .await?;
    Ok(())
}

#[derive(Serialize)]
struct ErrorRow {
    user_id: Uuid,
    credential_id: Uuid,
    provider: String,
    cause: &'static str,
    error_message: String,
    failed_phase: &'static str,
    error_code: Option<String>,
    seen_us: i64,
}

/// One row for each new cause of a connection, counted up while it lasts.
async fn upsert_errors(connection: &mut PgConnection, results: &[(&Finished, &Before)]) -> Result<(), sqlx::Error> {
    let rows: Vec<ErrorRow> = results
        .iter()
        .filter_map(|(finished, before)| {
            let failure = finished.failure()?;
            Some(ErrorRow {
                user_id: before.user_id.0,
                credential_id: finished.claim.lease.credential_id.0,
                provider: before.provider.clone(),
                cause: failure.cause.code(),
                error_message: storable(&failure.message),
                failed_phase: failure.phase.code(),
                error_code: failure.code.as_deref().map(storable),
                seen_us: finished.started_at.micros(),
            })
        })
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "
        insert into database_connection_errors as stored
               (user_id, credential_id, provider, cause, error_message, failed_phase, error_code, first_seen_at, last_seen_at)
        select user_id, credential_id, provider, cause, error_message, failed_phase, error_code,
               timestamptz 'epoch' + seen_us * interval '1 microsecond',
               timestamptz 'epoch' + seen_us * interval '1 microsecond'
          from jsonb_to_recordset($1) as r (
               user_id uuid, credential_id uuid, provider text, cause text, error_message text, failed_phase text,
               error_code text, seen_us bigint)
            on conflict (credential_id, cause) where not resolved do update
           set occurrences   = stored.occurrences + 1,
               last_seen_at  = excluded.last_seen_at,
               error_message = excluded.error_message,
               failed_phase  = excluded.failed_phase,
               error_code    = excluded.error_code
        ",
        Json(&rows) as _,
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn resolve_errors(connection: &mut PgConnection, results: &[(&Finished, &Before)]) -> Result<(), sqlx::Error> {
    let recovered = ids(results.iter().filter(|(finished, before)| is_up(finished.status) && !is_up(before.status)));
    if recovered.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "
        update database_connection_errors
           set resolved = true, resolved_at = mooring_now()
         where credential_id = any ($1) and not resolved
        ",
        &recovered,
    )
    .execute(connection)
    .await?;
    Ok(())
}

const fn is_up(status: Status) -> bool {
    matches!(status, Status::Healthy | Status::Degraded)
}

fn ids<'a>(results: impl Iterator<Item = &'a (&'a Finished, &'a Before)>) -> Vec<Uuid> {
    results.map(|(finished, _)| finished.claim.lease.credential_id.0).collect()
}

/// Raises and ends the notices about breakers and about our own network.
async fn tell(connection: &mut PgConnection, results: &[(&Finished, &Before)], changes: &[After]) -> Result<(), sqlx::Error> {
    let closed = BreakerState::Closed.code();
    let turned = |to_closed: bool| {
        let both = results.iter().zip(changes);
        both.filter(move |((_, before), after)| (before.breaker.state != BreakerState::Closed) == to_closed && (after.breaker_state == closed) == to_closed)
            .map(|((finished, before), _)| (before.user_id, finished.claim.lease.credential_id))
            .collect::<Vec<_>>()
    };
    notices::breaker_opened(connection, &turned(false)).await?;
    notices::breaker_closed(connection, &turned(true)).await?;
    let users = |wanted: fn(Status, Status) -> bool| {
        let accounts: BTreeSet<UserId> = results
            .iter()
            .filter(|(finished, before)| wanted(before.status, finished.status))
            .map(|(_, before)| before.user_id)
            .collect();
        accounts.into_iter().collect::<Vec<_>>()
    };
    notices::network_down(connection, &users(|_, now| now == Status::Unknown)).await?;
    notices::network_up(connection, &users(|before, now| before == Status::Unknown && is_up(now))).await
}

/// Tells the owners' pages to read again; sent when the transaction is committed.
async fn announce(connection: &mut PgConnection, results: &[(&Finished, &Before)]) -> Result<(), sqlx::Error> {
    let users: BTreeSet<Uuid> = results.iter().map(|(_, before)| before.user_id.0).collect();
    let users: Vec<Uuid> = users.into_iter().collect();
    sqlx::query!("select pg_notify('mooring_live', 'health:' || user_id) from unnest($1::uuid[]) as told (user_id)", &users)
        .fetch_all(connection)
        .await?;
    Ok(())
}
