//! Reads one connection's dashboard: where it stands, its history, days, attempts, checks and errors.
//! Everything takes the connection's id and answers "not there" for another's.

use sqlx::PgConnection;

use crate::{
    auth::server::{Caller, Tx},
    error::AppError,
    health::{
        AttemptRate, BreakerView, CauseRate, ConnectionHealth, DailyMetric, ErrorRow, History, HistoryPoint, Range,
        RecentCheck, RetryAnalytics, Status, rules, server::board::endpoint,
    },
    ids::{ConnectionId, ErrorId, UserId},
    probe::{Cause, Phase},
    retry::breaker::{self, Breaker},
    timestamp::Timestamp,
};

/// Points in a chart up to which each is a check.
const MOST_POINTS: i64 = 300;
const HALF_HOUR_S: u32 = 1_800;

/// A read on behalf of someone whose connection it is.
async fn read_own(caller: &Caller, id: ConnectionId) -> Result<Tx, AppError> {
    let user = caller.user_id()?;
    let mut tx = caller.read().await?;
    sqlx::query_scalar!("select id from database_credentials where id = $1 and user_id = $2", id.0, user.0)
        .fetch_optional(&mut *tx)
        .await?
        .ok_or(AppError::NotFound)?;
    Ok(tx)
}

fn number(count: i64) -> u32 {
    u32::try_from(count).unwrap_or(if count < 0 { 0 } else { u32::MAX })
}

fn small(count: i32) -> u32 {
    u32::try_from(count).unwrap_or_default()
}

fn millis(micros: Option<f64>) -> Option<f64> {
    micros.filter(|micros| *micros > 0.0).map(|micros| (micros / 10.0).round() / 100.0)
}

/// Everything at the top of one connection's dashboard.
///
/// # Errors
///
/// [`AppError::NotFound`] where it is not the caller's.
pub async fn connection_health(caller: &Caller, id: ConnectionId) -> Result<ConnectionHealth, AppError> {
    let user = caller.user_id()?;
    let mut tx = caller.read().await?;
    standing(&mut tx, user, id).await?.ok_or(AppError::NotFound)
}

async fn standing(
    connection: &mut PgConnection,
    user: UserId,
    id: ConnectionId,
) -> Result<Option<ConnectionHealth>, sqlx::Error> {
    let row = sqlx::query!(
        r#"
        select connection.connection_name, connection.provider,
               connection.public_settings ->> 'host' as host,
               (connection.public_settings ->> 'port')::integer as port,
               connection.public_settings ->> 'database' as database,
               connection.check_interval_s, connection.slow_threshold_ms, connection.is_active, connection.paused_at,
               connection.updated_at,
               state.status, state.status_since, state.last_check_at, state.next_check_at, state.response_time_ms,
               state.cause, state.failed_phase, state.error_code, state.error_message, state.server_version, state.tls,
               day.p95, coalesce(day.checks, 0) as "checks_24h!", coalesce(day.failed, 0) as "failed_24h!",
               calculate_uptime_percentage(connection.id, 24)::double precision as uptime_24h,
               coalesce(month.up_seconds, 0) as "up_30d!", coalesce(month.down_seconds, 0) as "down_30d!",
               mooring_now() as "now!"
          from database_credentials as connection
          join connection_state as state on state.credential_id = connection.id
          left join lateral (
               select percentile_cont(0.95) within group (order by response_time_ms) as p95,
                      count(*) filter (where health.status <> 'unknown') as checks,
                      count(*) filter (where health.status = 'down') as failed
                 from database_connection_health as health
                where health.credential_id = connection.id
                  and health.check_timestamp > mooring_now() - interval '24 hours'
               ) as day on true
          left join lateral (
               select sum(up_seconds) as up_seconds, sum(down_seconds) as down_seconds
                 from database_performance_metrics as metrics
                where metrics.credential_id = connection.id
                  and metrics.metric_date > (mooring_now() at time zone 'UTC')::date - 30
               ) as month on true
         where connection.id = $1 and connection.user_id = $2
        "#,
        id.0,
        user.0,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| {
        let status = Status::from_code(&row.status).unwrap_or(Status::Unknown);
        let last_check_at = row.last_check_at.map(Timestamp::from);
        let held = last_check_at
            .filter(|_| row.is_active)
            .map_or(0.0, |last| rules::held_seconds(last, row.now.into(), row.check_interval_s.unsigned_abs()));
        let (up, down) = match status {
            Status::Healthy | Status::Degraded => (row.up_30d + held, row.down_30d),
            Status::Down => (row.up_30d, row.down_30d + held),
            Status::Unknown => (row.up_30d, row.down_30d),
        };
        ConnectionHealth {
            id,
            name: row.connection_name,
            provider: row.provider.parse().ok(),
            endpoint: endpoint(row.host, row.port, row.database),
            interval_s: row.check_interval_s.unsigned_abs(),
            slow_threshold_ms: row.slow_threshold_ms.unsigned_abs(),
            paused_at: (!row.is_active).then(|| row.paused_at.unwrap_or(row.updated_at).into()),
            status,
            status_since: row.status_since.into(),
            last_check_at,
            next_check_at: row.next_check_at.map(Timestamp::from),
            response_time_ms: row.response_time_ms.map(small),
            cause: row.cause.and_then(|code| code.parse().ok()),
            failed_phase: row.failed_phase.as_deref().and_then(Phase::from_code),
            error_code: row.error_code,
            error_message: row.error_message,
            server_version: row.server_version,
            tls: row.tls.and_then(|tls| serde_json::from_value(tls).ok()),
            p95_ms: row.p95.map(rounded),
            uptime_24h: row.uptime_24h,
            uptime_30d: rules::uptime_percent(up, down),
            down_seconds_30d: rounded(down),
            checks_24h: number(row.checks_24h),
            failed_24h: number(row.failed_24h),
        }
    }))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates, and nothing here is negative"
)]
fn rounded(number: f64) -> u32 {
    number.round() as u32
}

/// The history over a range, oldest first: each check where there are few enough to draw, else buckets.
///
/// # Errors
///
/// [`AppError::NotFound`] where it is not the caller's.
pub async fn history(caller: &Caller, id: ConnectionId, range: Range) -> Result<History, AppError> {
    let mut tx = read_own(caller, id).await?;
    let seconds = range.seconds();
    Ok(match range {
        Range::Hour => History { bucket_s: 0, points: checks(&mut tx, id, seconds).await? },
        Range::Day if count_checks(&mut tx, id, seconds).await? <= MOST_POINTS => {
            History { bucket_s: 0, points: checks(&mut tx, id, seconds).await? }
        }
        Range::Day => History { bucket_s: 300, points: buckets(&mut tx, id, seconds, 300).await? },
        Range::Week => History { bucket_s: HALF_HOUR_S, points: half_hours(&mut tx, id, seconds, HALF_HOUR_S).await? },
        Range::Month => {
            History { bucket_s: 4 * HALF_HOUR_S, points: half_hours(&mut tx, id, seconds, 4 * HALF_HOUR_S).await? }
        }
    })
}

async fn count_checks(connection: &mut PgConnection, id: ConnectionId, seconds: i64) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(
        r#"
        select count(*) as "count!"
          from database_connection_health
         where credential_id = $1 and check_timestamp > mooring_now() - make_interval(secs => $2)
        "#,
        id.0,
        f64::from(u32::try_from(seconds).unwrap_or(u32::MAX)),
    )
    .fetch_one(connection)
    .await
}

async fn checks(
    connection: &mut PgConnection,
    id: ConnectionId,
    seconds: i64,
) -> Result<Vec<HistoryPoint>, sqlx::Error> {
    let rows = sqlx::query!(
        "
        select check_timestamp, status, response_time_ms, dns_us, tcp_us, tls_us, auth_us, database_us, query_us
          from database_connection_health
         where credential_id = $1 and check_timestamp > mooring_now() - make_interval(secs => $2)
         order by check_timestamp
        ",
        id.0,
        f64::from(u32::try_from(seconds).unwrap_or(u32::MAX)),
    )
    .fetch_all(connection)
    .await?;
    let points = rows.into_iter().map(|row| {
        let status = Status::from_code(&row.status).unwrap_or(Status::Unknown);
        HistoryPoint {
            at: row.check_timestamp.into(),
            status,
            response_time_ms: row.response_time_ms.map(f64::from),
            phases_ms: [row.dns_us, row.tcp_us, row.tls_us, row.auth_us, row.database_us, row.query_us]
                .map(|micros| millis(micros.map(f64::from))),
            checks: u32::from(status != Status::Unknown),
            down: u32::from(status == Status::Down),
        }
    });
    Ok(points.collect())
}

async fn buckets(
    connection: &mut PgConnection,
    id: ConnectionId,
    seconds: i64,
    bucket_s: u32,
) -> Result<Vec<HistoryPoint>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"
        select date_bin(make_interval(secs => $3), check_timestamp, timestamptz 'epoch') as "at!",
               count(*) filter (where status = 'healthy')  as "healthy!",
               count(*) filter (where status = 'degraded') as "degraded!",
               count(*) filter (where status = 'down')     as "down!",
               avg(response_time_ms)::double precision     as response_time_ms,
               avg(dns_us)::double precision      as dns_us,
               avg(tcp_us)::double precision      as tcp_us,
               avg(tls_us)::double precision      as tls_us,
               avg(auth_us)::double precision     as auth_us,
               avg(database_us)::double precision as database_us,
               avg(query_us)::double precision    as query_us
          from database_connection_health
         where credential_id = $1 and check_timestamp > mooring_now() - make_interval(secs => $2)
         group by 1
         order by 1
        "#,
        id.0,
        f64::from(u32::try_from(seconds).unwrap_or(u32::MAX)),
        f64::from(bucket_s),
    )
    .fetch_all(connection)
    .await?;
    let points = rows.into_iter().map(|row| HistoryPoint {
        at: row.at.into(),
        status: worst(row.healthy, row.degraded, row.down),
        response_time_ms: row.response_time_ms.map(|ms| (ms * 100.0).round() / 100.0),
        phases_ms: [row.dns_us, row.tcp_us, row.tls_us, row.auth_us, row.database_us, row.query_us].map(millis),
        checks: number(row.healthy + row.degraded + row.down),
        down: number(row.down),
    });
    Ok(points.collect())
}

async fn half_hours(
    connection: &mut PgConnection,
    id: ConnectionId,
    seconds: i64,
    bucket_s: u32,
) -> Result<Vec<HistoryPoint>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"
        select date_bin(make_interval(secs => $3), half_hour, timestamptz 'epoch') as "at!",
               sum(healthy)  as "healthy!",
               sum(degraded) as "degraded!",
               sum(down)     as "down!",
               (sum(response_ms_sum) / nullif(sum(healthy + degraded), 0))::double precision as response_time_ms,
               (sum(dns_us)      / nullif(sum(healthy + degraded), 0))::double precision as dns_us,
               (sum(tcp_us)      / nullif(sum(healthy + degraded), 0))::double precision as tcp_us,
               (sum(tls_us)      / nullif(sum(healthy + degraded), 0))::double precision as tls_us,
               (sum(auth_us)     / nullif(sum(healthy + degraded), 0))::double precision as auth_us,
               (sum(database_us) / nullif(sum(healthy + degraded), 0))::double precision as database_us,
               (sum(query_us)    / nullif(sum(healthy + degraded), 0))::double precision as query_us
          from connection_half_hours
         where credential_id = $1 and half_hour > mooring_now() - make_interval(secs => $2)
         group by 1
         order by 1
        "#,
        id.0,
        f64::from(u32::try_from(seconds).unwrap_or(u32::MAX)),
        f64::from(bucket_s),
    )
    .fetch_all(connection)
    .await?;
    let points = rows.into_iter().map(|row| HistoryPoint {
        at: row.at.into(),
        status: worst(row.healthy, row.degraded, row.down),
        response_time_ms: row.response_time_ms.map(|ms| (ms * 100.0).round() / 100.0),
        phases_ms: [row.dns_us, row.tcp_us, row.tls_us, row.auth_us, row.database_us, row.query_us].map(millis),
        checks: number(row.healthy + row.degraded + row.down),
        down: number(row.down),
    });
    Ok(points.collect())
}

const fn worst(healthy: i64, degraded: i64, down: i64) -> Status {
    match (down, degraded, healthy) {
        (1.., _, _) => Status::Down,
        (_, 1.., _) => Status::Degraded,
        (_, _, 1..) => Status::Healthy,
        _ => Status::Unknown,
    }
}

/// The last 30 days that have checks, newest first.
///
/// # Errors
///
/// [`AppError::NotFound`] where it is not the caller's.
pub async fn daily_metrics(caller: &Caller, id: ConnectionId) -> Result<Vec<DailyMetric>, AppError> {
    let mut tx = read_own(caller, id).await?;
    let rows = sqlx::query!(
        r#"
        select to_char(metric_date, 'YYYY-MM-DD') as "date!",
               avg_response_time_ms::double precision as avg_response_time_ms,
               total_requests, successful_requests, failed_requests,
               uptime_percentage::double precision as uptime
          from database_performance_metrics
         where credential_id = $1
           and metric_date > (mooring_now() at time zone 'UTC')::date - 30
         order by metric_date desc
        "#,
        id.0,
    )
    .fetch_all(&mut *tx)
    .await?;
    let days = rows.into_iter().map(|row| DailyMetric {
        date: row.date,
        avg_response_time_ms: row.avg_response_time_ms,
        total: small(row.total_requests),
        successful: small(row.successful_requests),
        failed: small(row.failed_requests),
        uptime: row.uptime,
    });
    Ok(days.collect())
}

/// How often trying again helped within 30 days, and where the breaker stands.
///
/// # Errors
///
/// [`AppError::NotFound`] where it is not the caller's.
pub async fn retry_analytics(caller: &Caller, id: ConnectionId) -> Result<RetryAnalytics, AppError> {
    let mut tx = read_own(caller, id).await?;
    Ok(RetryAnalytics {
        by_attempt: by_attempt(&mut tx, id).await?,
        by_cause: by_cause(&mut tx, id).await?,
        breaker: breaker_view(&mut tx, id).await?,
    })
}

/// First attempts that connected have no row, as there is nothing to tell of them: checks are counted by day.
async fn by_attempt(connection: &mut PgConnection, id: ConnectionId) -> Result<Vec<AttemptRate>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"
        with attempts as (
            select attempt_number, count(*) as tries, count(*) filter (where success) as successes
              from database_connection_retries
             where credential_id = $1 and attempted_at > mooring_now() - interval '30 days'
             group by attempt_number
        ), firsts as (
            select coalesce(sum(total_requests), 0) as checks
              from database_performance_metrics
             where credential_id = $1 and metric_date > (mooring_now() at time zone 'UTC')::date - 30
        )
        select 1 as "attempt!",
               greatest(firsts.checks, coalesce(attempts.tries, 0)) as "tries!",
               greatest(firsts.checks, coalesce(attempts.tries, 0)) - coalesce(attempts.tries - attempts.successes, 0) as "successes!"
          from firsts
          left join attempts on attempts.attempt_number = 1
         union all
        select attempt_number, tries, successes from attempts where attempt_number > 1
         order by 1
        "#,
        id.0,
    )
    .fetch_all(connection)
    .await?;
    let rates = rows.into_iter().map(|row| AttemptRate {
        attempt: small(row.attempt),
        tries: number(row.tries),
        successes: number(row.successes),
    });
    Ok(rates.filter(|rate| rate.tries > 0).collect())
}

async fn by_cause(connection: &mut PgConnection, id: ConnectionId) -> Result<Vec<CauseRate>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"
        select failed.cause as "cause!",
               count(*) as "failures!",
               count(*) filter (where exists (
                   select from database_connection_retries as later
                    where later.credential_id = $1
                      and later.check_id = failed.check_id
                      and later.attempt_number > failed.attempt_number
                      and later.success)) as "recovered!"
          from database_connection_retries as failed
         where failed.credential_id = $1
           and failed.attempted_at > mooring_now() - interval '30 days'
           and not failed.success
           and failed.cause is not null
         group by failed.cause
         order by 2 desc, 1
        "#,
        id.0,
    )
    .fetch_all(connection)
    .await?;
    let rates = rows.into_iter().filter_map(|row| {
        let cause: Cause = row.cause.parse().ok()?;
        Some(CauseRate { cause, failures: number(row.failures), recovered: number(row.recovered) })
    });
    Ok(rates.collect())
}

async fn breaker_view(connection: &mut PgConnection, id: ConnectionId) -> Result<BreakerView, sqlx::Error> {
    let row = sqlx::query!(
        r#"
        select state.breaker_state, state.breaker_opened_at, state.breaker_open_until, state.breaker_counts_from,
               mooring_now() as "now!",
               (select count(*)
                  from database_connection_retries as attempt
                 where attempt.credential_id = state.credential_id
                   and attempt.attempted_at >= greatest(state.breaker_counts_from, mooring_now() - interval '1 hour')
                   and not attempt.success) as "failures!"
          from connection_state as state
         where state.credential_id = $1
        "#,
        id.0,
    )
    .fetch_one(connection)
    .await?;
    let breaker =
        Breaker::stored(&row.breaker_state, row.breaker_opened_at, row.breaker_open_until, row.breaker_counts_from);
    Ok(BreakerView {
        state: breaker.shown(row.now.into()),
        failures_last_hour: number(row.failures),
        limit: breaker::FAILURE_LIMIT,
        opened_at: breaker.opened_at,
        open_until: breaker.open_until,
    })
}

/// The last checks, newest first, at most `limit` and never more than 200.
///
/// # Errors
///
/// [`AppError::NotFound`] where it is not the caller's.
pub async fn recent_checks(caller: &Caller, id: ConnectionId, limit: u32) -> Result<Vec<RecentCheck>, AppError> {
    let mut tx = read_own(caller, id).await?;
    let rows = sqlx::query!(
        "
        select check_timestamp, status, response_time_ms, origin, attempts, cause, failed_phase, error_message, note
          from database_connection_health
         where credential_id = $1
         order by check_timestamp desc
         limit $2
        ",
        id.0,
        i64::from(limit.min(200)),
    )
    .fetch_all(&mut *tx)
    .await?;
    let checks = rows.into_iter().map(|row| RecentCheck {
        at: row.check_timestamp.into(),
        status: Status::from_code(&row.status).unwrap_or(Status::Unknown),
        response_time_ms: row.response_time_ms.map(small),
        origin: row.origin,
        attempts: small(row.attempts),
        cause: row.cause.and_then(|code| code.parse().ok()),
        failed_phase: row.failed_phase.as_deref().and_then(Phase::from_code),
        message: row.error_message.or(row.note),
    });
    Ok(checks.collect())
}

/// The causes of the last 30 days, those that are not over first.
///
/// # Errors
///
/// [`AppError::NotFound`] where it is not the caller's.
pub async fn errors(caller: &Caller, id: ConnectionId) -> Result<Vec<ErrorRow>, AppError> {
    let mut tx = read_own(caller, id).await?;
    let rows = sqlx::query!(
        "
        select id, cause, error_message, failed_phase, error_code, occurrences, first_seen_at, last_seen_at, resolved
          from database_connection_errors
         where credential_id = $1
           and (not resolved or last_seen_at > mooring_now() - interval '30 days')
         order by resolved, last_seen_at desc
         limit 50
        ",
        id.0,
    )
    .fetch_all(&mut *tx)
    .await?;
    let errors = rows.into_iter().map(|row| ErrorRow {
        id: ErrorId(row.id),
        cause: row.cause.parse().unwrap_or(Cause::Unknown),
        message: row.error_message,
        failed_phase: row.failed_phase.as_deref().and_then(Phase::from_code),
        code: row.error_code,
        occurrences: small(row.occurrences),
        first_seen_at: row.first_seen_at.into(),
        last_seen_at: row.last_seen_at.into(),
        resolved: row.resolved,
    });
    Ok(errors.collect())
}
