//! The errors of connections: one row for each new cause, counted up while it lasts, closed by an answer.

use serde::Serialize;
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use super::{Before, is_up, storable};
use crate::health::server::check::Finished;

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
pub(super) async fn upsert(connection: &mut PgConnection, results: &[(&Finished, &Before)]) -> Result<(), sqlx::Error> {
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

pub(super) async fn resolve(
    connection: &mut PgConnection,
    results: &[(&Finished, &Before)],
) -> Result<(), sqlx::Error> {
    let recovered: Vec<Uuid> = results
        .iter()
        .filter(|(finished, before)| is_up(finished.status) && !is_up(before.status))
        .map(|(finished, _)| finished.claim.lease.credential_id.0)
        .collect();
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
