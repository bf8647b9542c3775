//! What administrators do with accounts: listing, giving a role, removing. Never with what an account keeps: a
//! transfer gives its connections to another account without showing them to anyone on the way.

use serde_json::Value;
use sqlx::PgConnection;

use super::{Caller, accounts};
use crate::{
    audit::{
        Outcome,
        server::{Entry, record},
    },
    auth::{AccountSummary, Disposal, Role},
    connections,
    error::AppError,
    ids::UserId,
    server::state::AppState,
};

/// Every account, the oldest first.
///
/// # Errors
///
/// [`AppError::Forbidden`] for anyone but administrators.
pub async fn list(caller: &Caller) -> Result<Vec<AccountSummary>, AppError> {
    caller.require_admin()?;
    let mut tx = system(caller.state()).read().await?;
    let rows = sqlx::query!(
        r#"
        select account.id, account.email, account.role, account.created_at, account.last_sign_in_at,
               count(connection.id) as "connections!"
          from users as account
          left join database_credentials as connection on connection.user_id = account.id
         group by account.id
         order by account.created_at, account.id
        "#
    )
    .fetch_all(&mut *tx)
    .await?;
    let accounts = rows.into_iter().map(|row| AccountSummary {
        id: row.id.into(),
        email: row.email,
        role: Role::from_code(&row.role).unwrap_or(Role::Member),
        created_at: row.created_at.into(),
        last_sign_in_at: row.last_sign_in_at.map(Into::into),
        connections: u32::try_from(row.connections).unwrap_or(u32::MAX),
    });
    Ok(accounts.collect())
}

/// Gives an account a role. It counts from the account's next request on.
///
/// # Errors
///
/// [`AppError::Forbidden`] for anyone but administrators, [`AppError::NotFound`] where there is no such account,
/// [`AppError::Conflict`] where no administrator would be left.
pub async fn change_role(caller: &Caller, id: UserId, role: Role) -> Result<(), AppError> {
    caller.require_admin_for("account.role").await?;
    set_role(caller, id, role).await
}

/// As [`change_role`], from the command line: the way back where no administrator can sign in.
///
/// # Errors
///
/// As [`change_role`]; [`AppError::Invalid`] for `email` where there is no such account.
pub async fn change_role_of(state: &AppState, email: &str, role: Role) -> Result<(), AppError> {
    let account = accounts::caller_for_email(state, email).await?;
    set_role(&account, account.user_id()?, role).await
}

async fn set_role(actor: &Caller, id: UserId, role: Role) -> Result<(), AppError> {
    let mut tx = system(actor.state()).write().await?;
    accounts::lock_accounts(&mut tx).await?;
    let account = find(&mut tx, id).await?.ok_or(AppError::NotFound)?;
    if account.role == role {
        return Ok(());
    }
    if role == Role::Member {
        keep_an_administrator(&mut tx, &account).await?;
    }
    sqlx::query!("update users set role = $2 where id = $1", id.0, role.code()).execute(&mut *tx).await?;
    let entry = Entry::new("account.role", Outcome::Success)
        .detail("account", id.to_string())
        .detail("email", account.email)
        .detail("role", role.code());
    record(&mut tx, actor, entry).await?;
    Ok(tx.commit().await?)
}

/// What was done with the connections of a removed account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// So many went to another account.
    Transferred(u64),
    /// So many were deleted.
    Deleted(u64),
}

/// Removes an account, with its sessions and tokens. Its connections go to `transfer_to`, or go with it: one of
/// both must be said where there are any. All of it happens, or nothing.
///
/// # Errors
///
/// [`AppError::Forbidden`] for anyone but administrators, [`AppError::NotFound`] where there is no such account,
/// [`AppError::Invalid`] for `connections` or `transfer_to`, [`AppError::Conflict`] for the last administrator
/// and where a connection cannot be opened to be given away.
pub async fn remove(
    caller: &Caller,
    id: UserId,
    connections: Option<Disposal>,
    transfer_to: Option<UserId>,
) -> Result<Fate, AppError> {
    caller.require_admin_for("account.remove").await?;
    let heir = match connections {
        Some(Disposal::Transfer) => {
            Some(transfer_to.ok_or_else(|| AppError::invalid("transfer_to", "Choose who gets the connections."))?)
        }
        Some(Disposal::Delete) | None => None,
    };
    remove_as(caller, id, heir, connections.is_some()).await
}

/// As [`remove`], from the command line; without an heir the connections are deleted.
///
/// # Errors
///
/// As [`remove`]; [`AppError::Invalid`] for `email` where there is no such account.
pub async fn remove_by_email(state: &AppState, email: &str, transfer_to: Option<&str>) -> Result<Fate, AppError> {
    let account = accounts::caller_for_email(state, email).await?;
    let heir = match transfer_to {
        Some(email) => Some(accounts::caller_for_email(state, email).await?.user_id()?),
        None => None,
    };
    remove_as(&account, account.user_id()?, heir, true).await
}

async fn remove_as(actor: &Caller, id: UserId, heir: Option<UserId>, is_said: bool) -> Result<Fate, AppError> {
    let system = system(actor.state());
    let mut tx = system.write().await?;
    accounts::lock_accounts(&mut tx).await?;
    // Locked, so that neither gets a new connection meanwhile.
    let account = find(&mut tx, id).await?.ok_or(AppError::NotFound)?;
    keep_an_administrator(&mut tx, &account).await?;
    let fate = if let Some(heir) = heir {
        if heir == id {
            return Err(AppError::invalid("transfer_to", "Choose another account: this one is removed."));
        }
        if find(&mut tx, heir).await?.is_none() {
            return Err(AppError::invalid("transfer_to", "This account is gone. Choose another one."));
        }
        let given = connections::server::hand_over(&system, &mut tx, id, heir).await?;
        for connection in &given {
            let entry = Entry::new("connection.transfer", Outcome::Success)
                .connection(*connection)
                .detail("from", id.to_string())
                .detail("to", heir.to_string());
            record(&mut tx, actor, entry).await?;
        }
        Fate::Transferred(given.len() as u64)
    } else {
        let deleted = delete_connections(&mut tx, id).await?;
        if deleted > 0 && !is_said {
            return Err(AppError::invalid("connections", "Say what becomes of the connections."));
        }
        Fate::Deleted(deleted)
    };
    delete(&mut tx, id).await?;
    let (word, count) = match fate {
        Fate::Transferred(count) => ("transferred", count),
        Fate::Deleted(count) => ("deleted", count),
    };
    let entry = Entry::new("account.remove", Outcome::Success)
        .detail("account", id.to_string())
        .detail("email", account.email)
        .detail(word, count)
        .detail("to", heir.map_or(Value::Null, |heir| heir.to_string().into()));
    record(&mut tx, actor, entry).await?;
    tx.commit().await?;
    Ok(fate)
}

/// The tables of accounts are closed to `mooring_user`; no row of a connection is read here.
fn system(state: &AppState) -> Caller {
    Caller::system(state, "accounts")
}

/// An account that is held until the end of the transaction.
struct Held {
    email: String,
    role: Role,
}

async fn find(connection: &mut PgConnection, id: UserId) -> Result<Option<Held>, AppError> {
    let row =
        sqlx::query!("select email, role from users where id = $1 for update", id.0).fetch_optional(connection).await?;
    Ok(row.map(|row| Held { email: row.email, role: Role::from_code(&row.role).unwrap_or(Role::Member) }))
}

/// Refuses what would leave nobody who may give roles.
async fn keep_an_administrator(connection: &mut PgConnection, account: &Held) -> Result<(), AppError> {
    if account.role != Role::Admin {
        return Ok(());
    }
    let administrators = sqlx::query_scalar!(r#"select count(*) as "count!" from users where role = 'admin'"#)
        .fetch_one(connection)
        .await?;
    if administrators > 1 {
        return Ok(());
    }
    Err(AppError::Conflict("This is the last administrator. Make another account an administrator first.".to_owned()))
}

async fn delete_connections(connection: &mut PgConnection, owner: UserId) -> Result<u64, AppError> {
    // Their whole history goes with them: that is more than a statement of ours otherwise may take.
    sqlx::query!("set local statement_timeout = '9min'").execute(&mut *connection).await?;
    let deleted =
        sqlx::query!("delete from database_credentials where user_id = $1", owner.0).execute(connection).await?;
    Ok(deleted.rows_affected())
}

/// The account itself. Its tokens, codes, rules, errors and notices refer to it and go with it.
async fn delete(connection: &mut PgConnection, id: UserId) -> Result<(), AppError> {
    // A session keeps its account within its data. None would count any more; none is left either.
    sqlx::query!(
        "delete from sessions where $1 in (data #>> '{account,user}', data #>> '{half,user}')",
        id.to_string(),
    )
    .execute(&mut *connection)
    .await?;
    // What nobody else has seen of its words.
    sqlx::query!("delete from database_knowledge_base where author_id = $1 and shared_at is null", id.0)
        .execute(&mut *connection)
        .await?;
    sqlx::query!("delete from users where id = $1", id.0).execute(&mut *connection).await?;
    // Its pages, wherever they are open, ask again and are led to the sign-in.
    sqlx::query_scalar!("select pg_notify('mooring_live', 'connections:' || $1::text)::text", id.to_string())
        .fetch_one(connection)
        .await?;
    Ok(())
}
