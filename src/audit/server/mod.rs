//! Adds to the audit log, keeps its chain, verifies and reads it.

pub mod chain;
pub mod export;
mod read;
pub mod verify;

pub use read::list;

use serde_json::{Map, Value};
use sqlx::PgConnection;

use super::Outcome;
use crate::{
    auth::server::{Caller, Origin, caller::Credential},
    error::AppError,
    ids::{ConnectionId, UserId},
};

/// Who did it, from where.
#[derive(Clone, Debug, Default)]
pub struct Actor {
    user: Option<UserId>,
    origin: Origin,
    /// What the user came with, where that was not a browser.
    via: Option<Credential>,
}

impl Actor {
    /// Someone who has not proved who they are; `user` where the account that it is about is known.
    #[must_use]
    pub const fn visitor(user: Option<UserId>, origin: Origin) -> Self {
        Self { user, origin, via: None }
    }
}

impl From<&Caller> for Actor {
    fn from(caller: &Caller) -> Self {
        Self { user: caller.user_id().ok(), origin: caller.origin().clone(), via: caller.credential() }
    }
}

/// One line of the log.
#[derive(Clone, Debug)]
pub struct Entry {
    action: &'static str,
    outcome: Outcome,
    connection: Option<ConnectionId>,
    details: Map<String, Value>,
}

impl Entry {
    /// `action` is a stable dotted name, the thing first: `connection.create`, `account.sign_in`.
    #[must_use]
    pub fn new(action: &'static str, outcome: Outcome) -> Self {
        Self { action, outcome, connection: None, details: Map::new() }
    }

    /// What was done.
    #[must_use]
    pub const fn action(&self) -> &'static str {
        self.action
    }

    /// The connection that it is about.
    #[must_use]
    pub const fn connection(mut self, id: ConnectionId) -> Self {
        self.connection = Some(id);
        self
    }

    /// One more detail. Never a secret, nor anything that a person typed where a secret belongs.
    #[must_use]
    pub fn detail(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.details.insert(name.to_owned(), value.into());
        self
    }
}

/// Adds `entry` within the transaction that did it, so that there is no change without its line. What is
/// refused is recorded in a transaction of its own, which the refusal does not roll back.
///
/// # Errors
///
/// [`AppError::Unavailable`] where our own database is away.
pub async fn record(connection: &mut PgConnection, actor: impl Into<Actor>, entry: Entry) -> Result<(), AppError> {
    let Actor { user, origin, via } = actor.into();
    let Entry { action, outcome, connection: credential_id, mut details } = entry;
    match via {
        Some(Credential::Token(id, _)) => {
            details.insert("via".to_owned(), "token".into());
            details.insert("token".to_owned(), id.to_string().into());
        }
        Some(Credential::CommandLine) => {
            details.insert("via".to_owned(), "command line".into());
        }
        Some(Credential::Session) | None => {}
    }
    sqlx::query!(
        "insert into database_audit_log (user_id, credential_id, action, status, details, ip_address, user_agent)
         values ($1, $2, $3, $4, $5, $6, $7)",
        user.map(|id| id.0),
        credential_id.map(|id| id.0),
        action,
        outcome.code(),
        Value::Object(details),
        origin.ip.map(|ip| ip.to_string()),
        origin.user_agent,
    )
    .execute(connection)
    .await?;
    Ok(())
}
