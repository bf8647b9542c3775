//! Keeps the history's partitions ahead of time, and what is no longer needed away.

use sqlx::PgConnection;

use super::outage;
use crate::{auth::server::Caller, error::AppError, ids::WorkerId};

/// Makes the partitions of the history from a month back to three months ahead. Returns how many were made.
///
/// # Errors
///
/// Where our own database fails.
pub async fn ensure_partitions(caller: &Caller) -> Result<u32, AppError> {
    let mut tx = caller.write().await?;
    let made = make_partitions(&mut tx).await?;
    tx.commit().await?;
    Ok(made)
}

/// The same on a connection: at the start, before anything is checked.
///
/// # Errors
///
/// Where our own database fails.
pub async fn make_partitions(connection: &mut PgConnection) -> Result<u32, sqlx::Error> {
    let made = sqlx::query_scalar!(
        r#"select ensure_health_partitions(mooring_now() - interval '1 month', mooring_now() + interval '3 months') as "made!""#
    )
    .fetch_one(connection)
    .await?;
    Ok(made.unsigned_abs())
}

/// Says that this process lives, and when its monitor looked for due connections last (`since_sweep` ago).
///
/// # Errors
///
/// Where our own database fails.
pub async fn heartbeat(caller: &Caller, since_sweep: Option<std::time::Duration>) -> Result<(), AppError> {
    let mut tx = caller.write().await?;
    sqlx::query!(
        "
        insert into workers as stored (id, host, pid, version, last_sweep_at)
        values ($1, $2, $3, $4, mooring_now() - make_interval(secs => $5))
            on conflict (id) do update
           set seen_at = mooring_now(), last_sweep_at = coalesce(excluded.last_sweep_at, stored.last_sweep_at)
        ",
        caller.state().worker().0,
        outage::machine(),
        i32::try_from(std::process::id()).unwrap_or_default(),
        env!("CARGO_PKG_VERSION"),
        since_sweep.map(|since| since.as_secs_f64()) as Option<f64>,
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(())
}

/// Takes a process that stops off the list.
///
/// # Errors
///
/// Where our own database fails.
pub async fn sign_off(caller: &Caller, worker: WorkerId) -> Result<(), AppError> {
    let mut tx = caller.write().await?;
    sqlx::query!("delete from workers where id = $1", worker.0).execute(&mut *tx).await?;
    tx.commit().await?;
    Ok(())
}

/// Drops the months of the history of which even the last day is older than the operator keeps
/// (`MOORING_HISTORY_DAYS`). Returns how many went.
///
/// # Errors
///
/// Where our own database fails, or where someone reads the history for so long that a month cannot be dropped
/// now; the next run does it.
pub async fn drop_partitions(caller: &Caller) -> Result<u32, AppError> {
    let mut tx = caller.write().await?;
    // Dropping waits for whoever reads the history, and whoever comes later waits for the drop: not for long.
    sqlx::query!("set local lock_timeout = '3s'").execute(&mut *tx).await?;
    let dropped = sqlx::query_scalar!(
        r#"select drop_health_partitions(mooring_now() - make_interval(days => $1)) as "dropped!""#,
        i32::try_from(caller.state().config().history_days).unwrap_or(i32::MAX),
    )
    .fetch_one(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(dropped.unsigned_abs())
}

/// Days that attempts and notices that are over are kept.
const KEEP_NOTICES_DAYS: i32 = 90;
/// Days that daily metrics and resolved errors are kept: two years.
const KEEP_DAILY_DAYS: i32 = 731;
/// Days that half hours are kept: the longest chart shows thirty.
const KEEP_HALF_HOURS_DAYS: i32 = 35;

/// Removes processes that have not been seen for a day, and rows of tables that grow by the day once they are
/// older than they are shown. Returns how many rows went.
///
/// # Errors
///
/// Where our own database fails.
pub async fn remove_old(caller: &Caller) -> Result<u64, AppError> {
    let mut tx = caller.write().await?;
    // What has grown for a long time takes longer than a statement of ours otherwise may; a job is given up after ten
    // minutes.
    sqlx::query!("set local statement_timeout = '9min'").execute(&mut *tx).await?;
    let workers =
        sqlx::query!("delete from workers where seen_at < mooring_now() - interval '1 day'").execute(&mut *tx).await?;
    // Of machines that are no more: where something still answers, they are renewed or removed all the time.
    let silence = sqlx::query!("delete from silent_hosts where silent_at < mooring_now() - interval '1 day'")
        .execute(&mut *tx)
        .await?;
    let controls = sqlx::query!("delete from control_answers where answered_at < mooring_now() - interval '30 days'")
        .execute(&mut *tx)
        .await?;
    let half_hours = sqlx::query!(
        "delete from connection_half_hours where half_hour < mooring_now() - make_interval(days => $1)",
        KEEP_HALF_HOURS_DAYS,
    )
    .execute(&mut *tx)
    .await?;
    let attempts = sqlx::query!(
        "delete from database_connection_retries where attempted_at < mooring_now() - make_interval(days => $1)",
        KEEP_NOTICES_DAYS,
    )
    .execute(&mut *tx)
    .await?;
    let notices = sqlx::query!(
        "delete from notices where coalesce(ended_at, dismissed_at) < mooring_now() - make_interval(days => $1)",
        KEEP_NOTICES_DAYS,
    )
    .execute(&mut *tx)
    .await?;
    let days = sqlx::query!(
        "delete from database_performance_metrics where metric_date < mooring_now() - make_interval(days => $1)",
        KEEP_DAILY_DAYS,
    )
    .execute(&mut *tx)
    .await?;
    let errors = sqlx::query!(
        "delete from database_connection_errors where resolved and last_seen_at < mooring_now() - make_interval(days => $1)",
        KEEP_DAILY_DAYS,
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    let removed = [workers, silence, controls, half_hours, attempts, notices, days, errors];
    Ok(removed.iter().map(sqlx::postgres::PgQueryResult::rows_affected).sum())
}
