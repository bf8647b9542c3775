//! Analyses as they are kept: with the errors that the checks find, one row for each open cause of a connection.

use serde_json::Value;
use sqlx::PgConnection;

use crate::{
    auth::server::Caller,
    connections::Provider,
    error::AppError,
    ids::{ConnectionId, ErrorId, UserId},
    probe::Cause,
};

/// What is kept of one analysis.
pub(super) struct ErrorRow {
    pub credential_id: Option<ConnectionId>,
    pub provider: Provider,
    /// Scrubbed.
    pub message: String,
    pub cause: Cause,
    pub failed_phase: Option<&'static str>,
    pub error_code: Option<String>,
    pub is_over: bool,
    pub analysis: Value,
    pub fixes: Value,
}

/// Keeps `row` for the caller. Owners may read these rows and the system writes them, as with those of the
/// checks; that the connection is the caller's own was seen before.
///
/// # Errors
///
/// [`AppError::Forbidden`] for a token that may not change anything, [`AppError::Unavailable`] where our own
/// database is away.
pub(super) async fn store(caller: &Caller, row: ErrorRow) -> Result<ErrorId, AppError> {
    let user = caller.user_id()?;
    let state = caller.state().clone();
    // What was found is kept, also where the caller leaves.
    let kept = tokio::spawn(async move {
        let mut tx = Caller::system(&state, "diagnosis").write().await?;
        let id = upsert(&mut tx, user, &row).await?;
        announce(&mut tx, user).await?;
        tx.commit().await?;
        Ok(id)
    });
    kept.await.map_err(|error| AppError::internal(&error))?
}

/// An open error of the same cause gets the analysis; its message and count stay those of the checks.
async fn upsert(connection: &mut PgConnection, user: UserId, row: &ErrorRow) -> Result<ErrorId, sqlx::Error> {
    let id = sqlx::query_scalar!(
        "
        insert into database_connection_errors as stored
               (user_id, credential_id, provider, error_message, ai_analysis, suggested_fixes, cause, failed_phase,
                error_code, resolved, resolved_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, case when $10 then mooring_now() end)
            on conflict (credential_id, cause) where not resolved do update
           set ai_analysis     = excluded.ai_analysis,
               suggested_fixes = excluded.suggested_fixes,
               last_seen_at    = excluded.last_seen_at
        returning id
        ",
        user.0,
        row.credential_id.map(|id| id.0),
        row.provider.code(),
        row.message,
        row.analysis,
        row.fixes,
        row.cause.code(),
        row.failed_phase,
        row.error_code,
        row.is_over,
    )
    .fetch_one(connection)
    .await?;
    Ok(ErrorId(id))
}

/// Tells the owner's pages to read again; sent when the transaction is committed.
async fn announce(connection: &mut PgConnection, user: UserId) -> Result<(), sqlx::Error> {
    sqlx::query_scalar!("select pg_notify('mooring_live', 'health:' || $1::text)::text", user.to_string())
        .fetch_one(connection)
        .await?;
    Ok(())
}
