//! What comes without a token and waits: bounded, and not for ever, for anyone may send it and nobody has to read it.

use sqlx::PgConnection;

use crate::{auth::server::Caller, error::AppError};

/// Entries that wait at most; what was not heard of for the longest makes room.
pub const MOST_WAITING: i64 = 1_000;
/// Days that an entry waits after it was last heard of.
pub const KEPT_DAYS: i32 = 30;

/// Removes what is too much after one more was added. What an administrator hid stays hidden.
pub(super) async fn make_room(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    // One at a time, so that nobody waits for a row that another removes while it waits for this one's.
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('knowledge quarantine', 0))")
        .fetch_one(&mut *connection)
        .await?;
    sqlx::query!(
        "
        delete from database_knowledge_base
         where id in (select id from database_knowledge_base
                       where origin = 'anonymous' and shared_at is null and hidden_at is null
                       order by updated_at desc, id
                      offset $1)
        ",
        MOST_WAITING,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Removes what waited in vain. Returns how many went.
///
/// # Errors
///
/// [`AppError::Unavailable`] where our own database is away.
pub async fn expire(system: &Caller) -> Result<u64, AppError> {
    let mut tx = system.write().await?;
    let done = sqlx::query!(
        "
        delete from database_knowledge_base
         where origin = 'anonymous' and shared_at is null and hidden_at is null
           and updated_at < mooring_now() - make_interval(days => $1)
        ",
        KEPT_DAYS,
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(done.rows_affected())
}
