//! The rows of single checks and attempts.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};
use sqlx::{PgConnection, types::Json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Before, Missed, phase_micros, storable, stored};
use crate::{
    health::{CheckOrigin, Status, server::check::Finished},
    ids::ConnectionId,
    probe::{Failure, Phase},
};

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
            response_time_ms: report
                .filter(|report| report.succeeded())
                .map(|report| stored(report.response_time_ms())),
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

    /// The time in which nobody looked.
    fn missed(finished: &Finished, missed: Missed) -> Self {
        Self {
            id: Uuid::new_v4(),
            credential_id: finished.claim.lease.credential_id.0,
            status: Status::Unknown.code(),
            response_time_ms: None,
            error_message: None,
            check_us: missed.told_at.micros(),
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

pub(super) async fn insert_checks(
    connection: &mut PgConnection,
    results: &[(&Finished, &Before)],
) -> Result<(), sqlx::Error> {
    let rows: Vec<HistoryRow> = results
        .iter()
        .flat_map(|(finished, before)| {
            let missed = Missed::before(finished, before).map(|missed| HistoryRow::missed(finished, missed));
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
    retry_strategy: Value,
    backoff_delay_ms: i64,
    attempted_us: i64,
    origin: &'static str,
    cause: Option<&'static str>,
    failed_phase: Option<&'static str>,
    is_transient: Option<bool>,
    duration_ms: i32,
    check_id: Uuid,
}

/// Every failed attempt and everything that came after one; of a retry every attempt. An attempt that our own network swallowed says
/// nothing about the target and is not kept.
pub(super) async fn insert_attempts(
    connection: &mut PgConnection,
    results: &[(&Finished, &Before)],
) -> Result<(), sqlx::Error> {
    let rows: Vec<AttemptRow> = results
        .iter()
        .filter(|(finished, _)| finished.status != Status::Unknown)
        .flat_map(|(finished, _)| finished.attempts.iter().map(move |attempt| (finished, attempt)))
        .filter(|(finished, attempt)| {
            finished.claim.origin == CheckOrigin::Retry || attempt.number > 1 || !attempt.report.succeeded()
        })
        .map(|(finished, attempt)| {
            let strategy = match finished.claim.origin {
                CheckOrigin::Retry => "exponential_backoff",
                _ => "confirmation",
            };
            let failure = attempt.report.failure.as_ref();
            AttemptRow {
                credential_id: finished.claim.lease.credential_id.0,
                attempt_number: attempt.number,
                success: failure.is_none(),
                error_message: failure.map(|failure| storable(&failure.message)),
                retry_strategy: json!({ "name": strategy }),
                backoff_delay_ms: i64::try_from(attempt.waited.as_millis()).unwrap_or(i64::MAX),
                attempted_us: attempt.at.micros(),
                origin: finished.claim.origin.code(),
                cause: failure.map(|failure| failure.cause.code()),
                failed_phase: failure.map(|failure| failure.phase.code()),
                is_transient: failure.map(Failure::is_transient),
                duration_ms: stored(attempt.report.total_micros / 1_000),
                check_id: finished.id,
            }
        })
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "
        insert into database_connection_retries
               (credential_id, attempt_number, success, error_message, retry_strategy, backoff_delay_ms, attempted_at,
                origin, cause, failed_phase, is_transient, duration_ms, check_id)
        select credential_id, attempt_number, success, error_message, retry_strategy, backoff_delay_ms,
               timestamptz 'epoch' + attempted_us * interval '1 microsecond',
               origin, cause, failed_phase, is_transient, duration_ms, check_id
          from jsonb_to_recordset($1) as r (
               credential_id uuid, attempt_number integer, success boolean, error_message text, retry_strategy jsonb,
               backoff_delay_ms integer, attempted_us bigint, origin text, cause text, failed_phase text, is_transient boolean, duration_ms integer,
               check_id uuid)
        ",
        Json(&rows) as _,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The failed attempts that the breaker counts, of the connections that are down.
pub(super) async fn count_failures(
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
    Ok(rows
        .into_iter()
        .map(|row| (ConnectionId(row.credential_id), u32::try_from(row.failures).unwrap_or(u32::MAX)))
        .collect())
}
