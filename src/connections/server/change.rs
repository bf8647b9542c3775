//! Pausing, resuming and deleting.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::announce;
use crate::{
    audit::{
        Outcome,
        server::{Entry, record},
    },
    auth::server::{Caller, Tx},
    connections::Handling,
    error::AppError,
    health::{self, CheckOrigin},
    ids::ConnectionId,
};

/// Takes a connection off the schedule. Pausing a paused one changes nothing.
///
/// # Errors
///
/// [`AppError::NotFound`] where it is not there or another's.
pub async fn pause(caller: &Caller, id: ConnectionId) -> Result<(), AppError> {
    set_active(caller, &[id], false).await
}

/// Puts a connection back on the schedule; a check is due at once.
///
/// # Errors
///
/// [`AppError::NotFound`] where it is not there or another's.
pub async fn resume(caller: &Caller, id: ConnectionId) -> Result<(), AppError> {
    set_active(caller, &[id], true).await
}

/// Checks, pauses or resumes many, whose ids have commas between them; says in a sentence what was done.
///
/// # Errors
///
/// [`AppError::NotFound`] where one is not there or another's, and then nothing is done; [`AppError::Invalid`]
/// for a malformed list.
pub async fn handle(caller: &Caller, ids: &str, what: Handling) -> Result<String, AppError> {
    let ids = ids
        .split(',')
        .map(|id| id.trim().parse())
        .collect::<Result<BTreeSet<ConnectionId>, _>>()
        .map_err(|_| AppError::invalid("ids", "These are no connections."))?;
    let ids: Vec<ConnectionId> = ids.into_iter().collect();
    let done = match what {
        Handling::Check => {
            let report = health::server::check_all(caller, Some(&ids), CheckOrigin::Person).await?.report;
            return Ok(format!(
                "{} checked: {} healthy, {} degraded, {} down.",
                report.checked, report.healthy, report.degraded, report.down
            ));
        }
        Handling::Pause => "paused",
        Handling::Resume => "resumed",
    };
    set_active(caller, &ids, what == Handling::Resume).await?;
    Ok(if ids.len() == 1 { format!("1 connection {done}.") } else { format!("{} connections {done}.", ids.len()) })
}

/// Takes connections off the schedule or puts them back on it; all or none.
async fn set_active(caller: &Caller, ids: &[ConnectionId], is_active: bool) -> Result<(), AppError> {
    let mut tx = caller.write().await?;
    set_active_in(caller, &mut tx, ids, is_active).await?;
    tx.commit().await?;
    Ok(())
}

/// As [`pause`] and [`resume`], in a transaction of the caller's that does more than this.
///
/// # Errors
///
/// [`AppError::NotFound`] where one is not there or another's.
pub async fn set_active_in(
    caller: &Caller,
    tx: &mut Tx,
    ids: &[ConnectionId],
    is_active: bool,
) -> Result<(), AppError> {
    let owner = caller.user_id()?;
    let uuids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let changed = sqlx::query!(
        // What else that means, triggers know, so that it holds for whoever pauses by SQL as well.
        "update database_credentials
            set is_active = $3
          where id = any ($1)
            and user_id = $2",
        &uuids,
        owner.0,
        is_active,
    )
    .execute(&mut **tx)
    .await?;
    if usize::try_from(changed.rows_affected()).ok() != Some(ids.len()) {
        return Err(AppError::NotFound);
    }
    let action = if is_active { "connection.resume" } else { "connection.pause" };
    for id in ids {
        record(tx, caller, Entry::new(action, Outcome::Success).connection(*id)).await?;
    }
    announce(tx, owner).await?;
    Ok(())
}

/// Deletes a connection with its secrets and its whole history.
///
/// # Errors
///
/// [`AppError::NotFound`] where it is not there or another's.
pub async fn delete(caller: &Caller, id: ConnectionId) -> Result<(), AppError> {
    let mut tx = caller.write().await?;
    delete_in(caller, &mut tx, id).await?;
    tx.commit().await?;
    Ok(())
}

/// As [`delete`], in a transaction of the caller's that does more than this.
///
/// # Errors
///
/// As [`delete`].
pub async fn delete_in(caller: &Caller, tx: &mut Tx, id: ConnectionId) -> Result<(), AppError> {
    let owner = caller.user_id()?;
    // Its whole history goes with it: that may be more than a statement of ours otherwise may take.
    sqlx::query!("set local statement_timeout = '9min'").execute(&mut **tx).await?;
    let deleted = sqlx::query!("delete from database_credentials where id = $1 and user_id = $2", id.0, owner.0)
        .execute(&mut **tx)
        .await?;
    if deleted.rows_affected() == 0 {
        return Err(AppError::NotFound);
    }
    record(tx, caller, Entry::new("connection.delete", Outcome::Success).connection(id)).await?;
    announce(tx, owner).await?;
    Ok(())
}
