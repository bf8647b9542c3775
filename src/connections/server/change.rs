//! Pausing, resuming and deleting.

use super::announce;
use crate::{
    audit::{
        Outcome,
        server::{Entry, record},
    },
    auth::server::Caller,
    error::AppError,
    ids::ConnectionId,
};

/// Takes a connection off the schedule. Pausing a paused one changes nothing.
///
/// # Errors
///
/// [`AppError::NotFound`] where it is not there or another's.
pub async fn pause(caller: &Caller, id: ConnectionId) -> Result<(), AppError> {
    let owner = caller.user_id()?;
    let mut tx = caller.write().await?;
    let changed = sqlx::query!(
        "update database_credentials
            set is_active = false, paused_at = coalesce(paused_at, mooring_now())
          where id = $1
            and user_id = $2",
        id.0,
        owner.0,
    )
    .execute(&mut *tx)
    .await?;
    if changed.rows_affected() == 0 {
        return Err(AppError::NotFound);
    }
    record(&mut tx, caller, Entry::new("connection.pause", Outcome::Success).connection(id)).await?;
    announce(&mut tx, owner).await?;
    tx.commit().await?;
    Ok(())
}

/// Puts a connection back on the schedule; a check is due at once.
///
/// # Errors
///
/// [`AppError::NotFound`] where it is not there or another's.
pub async fn resume(caller: &Caller, id: ConnectionId) -> Result<(), AppError> {
    let owner = caller.user_id()?;
    let mut tx = caller.write().await?;
    let changed = sqlx::query!(
        "update database_credentials
            set is_active = true, paused_at = null
          where id = $1
            and user_id = $2",
        id.0,
        owner.0,
    )
    .execute(&mut *tx)
    .await?;
    if changed.rows_affected() == 0 {
        return Err(AppError::NotFound);
    }
    record(&mut tx, caller, Entry::new("connection.resume", Outcome::Success).connection(id)).await?;
    announce(&mut tx, owner).await?;
    tx.commit().await?;
    Ok(())
}

/// Deletes a connection with its secrets and its whole history.
///
/// # Errors
///
/// [`AppError::NotFound`] where it is not there or another's.
pub async fn delete(caller: &Caller, id: ConnectionId) -> Result<(), AppError> {
    let owner = caller.user_id()?;
    let mut tx = caller.write().await?;
    let deleted = sqlx::query!("delete from database_credentials where id = $1 and user_id = $2", id.0, owner.0)
        .execute(&mut *tx)
        .await?;
    if deleted.rows_affected() == 0 {
        return Err(AppError::NotFound);
    }
    record(&mut tx, caller, Entry::new("connection.delete", Outcome::Success).connection(id)).await?;
    announce(&mut tx, owner).await?;
    tx.commit().await?;
    Ok(())
}
