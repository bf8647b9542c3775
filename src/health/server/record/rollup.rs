//! Half hours and days: what the charts of weeks and the daily metrics are read from, kept up with each check.

use std::collections::BTreeMap;

use serde::Serialize;
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use super::{Before, Missed, phase_micros, stored};
use crate::{
    health::{Status, rules, server::check::Finished},
    probe::Phase,
    timestamp::Timestamp,
};

/// What a check weighs by itself before the next one shows how long it held, in seconds.
const LEAST_WEIGHT: f64 = 0.001;
const HALF_HOUR_MICROS: i64 = 1_800 * 1_000_000;
const DAY_MICROS: i64 = 86_400 * 1_000_000;

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
pub(super) struct Buckets {
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

    /// Adds everything up in the database.
    pub(super) async fn store(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        upsert_half_hours(&mut *connection, &self.half_hours).await?;
        upsert_days(connection, &self.days).await
    }

    /// The check itself, and the time for which the one before it held.
    pub(super) fn take(&mut self, finished: &Finished, before: &Before) {
        let id = finished.claim.lease.credential_id.0;
        let missed = Missed::before(finished, before);
        if let Some(missed) = missed {
            for bucket in self.both(id, missed.told_at) {
                bucket.unknown += 1;
            }
        }
        if let Some(last) = before.last_check_at {
            let until = missed.map_or(finished.started_at, |missed| missed.since);
            let seconds = rules::held_seconds(last, until, before.interval_s);
            for bucket in self.both(id, last) {
                bucket.hold(before.status, seconds);
            }
        }
        for bucket in self.both(id, finished.started_at) {
            bucket.count(finished);
        }
    }
}

async fn upsert_half_hours(
    connection: &mut PgConnection,
    buckets: &BTreeMap<(Uuid, i64), Bucket>,
) -> Result<(), sqlx::Error> {
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

async fn upsert_days(
    connection: &mut PgConnection,
    buckets: &BTreeMap<(Uuid, i64), Bucket>,
) -> Result<(), sqlx::Error> {
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
