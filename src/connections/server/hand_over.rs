//! Giving all connections of one account to another, with everything that is known of them.

use std::collections::HashSet;

use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{FIELD, announce, seal::read};
use crate::{
    alerts,
    auth::server::Caller,
    config_check,
    connections::LONGEST_CONNECTION_NAME,
    error::AppError,
    ids::{ConnectionId, UserId},
    server::vault::Vault,
};

/// Gives every connection of `from` to `to`, within the transaction of whoever removes the account. What is
/// sealed is opened and sealed anew, since an envelope is bound to its owner; a name that the new owner has
/// already gets a number. History, attempts, metrics, errors and rules go along. Returns what was given.
///
/// # Errors
///
/// [`AppError::Conflict`] where the settings of one of them cannot be opened; then nothing may be kept of it.
pub async fn hand_over(
    caller: &Caller,
    tx: &mut PgConnection,
    from: UserId,
    to: UserId,
) -> Result<Vec<ConnectionId>, AppError> {
    caller.require_admin()?;
    let mut taken = names(tx, to).await?;
    let rows = sqlx::query!(
        "select id, provider, connection_name, credentials
           from database_credentials
          where user_id = $1
          order by id
            for no key update",
        from.0,
    )
    .fetch_all(&mut *tx)
    .await?;
    let mut given = Vec::with_capacity(rows.len());
    for row in rows {
        let id = ConnectionId(row.id);
        let (credentials, opened) = seal_for(caller, id, from, to, row.credentials)?;
        let name = free_name(&row.connection_name, &mut taken);
        give(tx, id, to, &name, &credentials).await?;
        // What equal passwords are known by is bound to the owner too.
        if let Some(settings) = opened.and_then(|opened| read(&row.provider, &opened)) {
            config_check::server::keep(caller, tx, to, id, &settings).await?;
        }
        given.push(id);
    }
    let ids: Vec<Uuid> = given.iter().map(|id| id.0).collect();
    alerts::server::seal_for(caller, tx, &ids, from, to).await?;
    sqlx::query!("select hand_over_rows($1, $2)::text", &ids, to.0).fetch_one(&mut *tx).await?;
    announce(tx, from).await?;
    announce(tx, to).await?;
    Ok(given)
}

/// The names that an account has given, as they are compared.
async fn names(connection: &mut PgConnection, owner: UserId) -> Result<HashSet<String>, sqlx::Error> {
    let names = sqlx::query_scalar!("select connection_name from database_credentials where user_id = $1", owner.0)
        .fetch_all(connection)
        .await?;
    Ok(names.iter().map(|name| name.to_lowercase()).collect())
}

/// The same settings for another owner, and what is in them. A row that is not sealed yet is bound to nobody.
fn seal_for(
    caller: &Caller,
    id: ConnectionId,
    from: UserId,
    to: UserId,
    credentials: Value,
) -> Result<(Value, Option<Value>), AppError> {
    if !Vault::is_sealed(&credentials) {
        return Ok((credentials, None));
    }
    let vault = caller.state().vault();
    let opened = vault.open(id.0, from, FIELD, &credentials).map_err(|error| {
        tracing::warn!(connection = %id, "a connection cannot be handed over: {error}");
        AppError::Conflict(
            "The settings of one of the connections cannot be opened with the known master keys, so they cannot be sealed for another account. \
             Put the missing key back, or delete the connections with the account."
                .to_owned(),
        )
    })?;
    Ok((vault.seal(id.0, to, FIELD, &opened)?, serde_json::from_slice(&opened).ok()))
}

async fn give(
    connection: &mut PgConnection,
    id: ConnectionId,
    to: UserId,
    name: &str,
    credentials: &Value,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update database_credentials set user_id = $2, connection_name = $3, credentials = $4 where id = $1",
        id.0,
        to.0,
        name,
        credentials,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// `name`, or the first of `name (2)`, `name (3)` … that is not among `taken`, which it joins.
fn free_name(name: &str, taken: &mut HashSet<String>) -> String {
    let numbered = (2_u32..).map(|number| {
        let suffix = format!(" ({number})");
        let kept: String = name.chars().take(LONGEST_CONNECTION_NAME - suffix.len()).collect();
        kept.trim_end().to_owned() + &suffix
    });
    let free = std::iter::once(name.to_owned()).chain(numbered).find(|name| taken.insert(name.to_lowercase()));
    // There are more numbers than connections.
    free.unwrap_or_else(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_taken_gets_a_number() {
        let mut taken = HashSet::from(["orders".to_owned(), "orders (2)".to_owned()]);
        for (name, wanted) in [("Orders", "Orders (3)"), ("stock", "stock"), ("STOCK", "STOCK (2)")] {
            assert_eq!(free_name(name, &mut taken), wanted);
        }
        let long = "ü".repeat(LONGEST_CONNECTION_NAME);
        assert_eq!(free_name(&long, &mut taken), long);
        let second = free_name(&long, &mut taken);
        assert_eq!(second.chars().count(), LONGEST_CONNECTION_NAME);
        assert!(second.ends_with(" (2)"), "{second}");
    }
}
