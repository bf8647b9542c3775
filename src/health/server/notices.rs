//! What the monitor tells people, as rows that stay until they are over or dismissed. The same thing is told
//! once while it lasts: `notices_open_key` holds that.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    audit::{
        Outcome,
        server::{self as audit, Entry},
    },
    auth::server::Caller,
    error::AppError,
    health::Notice,
    ids::{ConnectionId, NoticeId, UserId},
};

/// Tells owners that the breakers of their connections opened.
pub(super) async fn breaker_opened(
    connection: &mut PgConnection,
    opened: &[(UserId, ConnectionId)],
) -> Result<(), sqlx::Error> {
    if opened.is_empty() {
        return Ok(());
    }
    let (users, connections): (Vec<Uuid>, Vec<Uuid>) =
        opened.iter().map(|(user, connection)| (user.0, connection.0)).unzip();
    sqlx::query!(
        "
        insert into notices (user_id, credential_id, kind, title, body)
        select opened.user_id, opened.credential_id, 'breaker_opened',
               connection.connection_name || ': retries are held back for an hour',
               'Ten attempts failed within an hour. Scheduled checks go on, one attempt each, and the first that is answered ends this. You can also reset it on the connection''s page.'
          from unnest($1::uuid[], $2::uuid[]) as opened (user_id, credential_id)
          join database_credentials as connection on connection.id = opened.credential_id
            on conflict do nothing
        ",
        &users,
        &connections,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Ends what [`breaker_opened`] told.
pub(super) async fn breaker_closed(
    connection: &mut PgConnection,
    closed: &[(UserId, ConnectionId)],
) -> Result<(), sqlx::Error> {
    if closed.is_empty() {
        return Ok(());
    }
    let connections: Vec<Uuid> = closed.iter().map(|(_, connection)| connection.0).collect();
    sqlx::query!(
        "
        update notices
           set ended_at = mooring_now()
         where kind = 'breaker_opened' and credential_id = any ($1) and ended_at is null
        ",
        &connections,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Tells owners, each once, that it is our own network that does not answer.
pub(super) async fn network_down(connection: &mut PgConnection, users: &[UserId]) -> Result<(), sqlx::Error> {
    if users.is_empty() {
        return Ok(());
    }
    let users: Vec<Uuid> = users.iter().map(|user| user.0).collect();
    sqlx::query!(
        "
        insert into notices (user_id, kind, title, body)
        select user_id, 'network_outage', 'Mooring''s own network is down',
               'Nothing that Mooring asks answers any more, so nothing is known about your databases. Checks go on and are recorded as unknown until something answers.'
          from unnest($1::uuid[]) as affected (user_id)
         where not exists (
               select from notices where kind = 'network_outage' and user_id = affected.user_id and ended_at is null)
            on conflict do nothing
        ",
        &users,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Ends what [`network_down`] told, for everyone, and tells their pages.
pub(super) async fn network_up(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
        with ended as (
            update notices
               set ended_at = mooring_now()
             -- What another process is ending at this moment is ended.
             where id in (select id from notices where kind = 'network_outage' and ended_at is null for update skip locked)
            returning user_id
        )
        select pg_notify('mooring_live', 'health:' || user_id)::text as told from ended where user_id is not null
        "#
    )
    .fetch_all(connection)
    .await?;
    Ok(())
}

/// What the caller is to know just now, newest first.
///
/// # Errors
///
/// [`AppError::Unavailable`] where our own database is away.
pub async fn list_notices(caller: &Caller) -> Result<Vec<Notice>, AppError> {
    let mut tx = caller.read().await?;
    Ok(open_notices(&mut tx).await?)
}

/// What the caller is to know just now, newest first; what an administrator is to know included.
pub(super) async fn open_notices(connection: &mut PgConnection) -> Result<Vec<Notice>, sqlx::Error> {
    let rows = sqlx::query!(
        "
        select id, kind, title, body, credential_id, created_at
          from notices
         where ended_at is null and dismissed_at is null
         order by created_at desc
         limit 20
        "
    )
    .fetch_all(connection)
    .await?;
    let notices = rows.into_iter().map(|row| Notice {
        id: NoticeId(row.id),
        kind: row.kind,
        title: row.title,
        body: row.body,
        credential_id: row.credential_id.map(ConnectionId),
        created_at: row.created_at.into(),
    });
    Ok(notices.collect())
}

/// Puts a notice away.
///
/// # Errors
///
/// [`AppError::NotFound`] where there is none, or it is not the caller's.
pub async fn dismiss_notice(caller: &Caller, id: NoticeId) -> Result<(), AppError> {
    let user = caller.user_id()?;
    let mut tx = caller.write().await?;
    let done = sqlx::query!(
        "
        update notices
           set dismissed_at = coalesce(dismissed_at, mooring_now())
         where id = $1 and (user_id = $2 or user_id is null)
        ",
        id.0,
        user.0,
    )
    .execute(&mut *tx)
    .await?;
    if done.rows_affected() == 0 {
        return Err(AppError::NotFound);
    }
    audit::record(&mut tx, caller, Entry::new("notice.dismiss", Outcome::Success).detail("notice", id.to_string()))
        .await?;
    tx.commit().await?;
    Ok(())
}
