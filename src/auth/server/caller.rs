//! The guard. Every function that reads or writes user data takes a [`Caller`] first, and only a `Caller`
//! opens a transaction. For a user the transaction runs as `mooring_user` under row-level security, so that
//! a forgotten `where` shows nothing of anyone else.

use std::{net::IpAddr, sync::Arc};

use sqlx::{Postgres, Transaction};

use super::accounts;
use crate::{
    audit::{Outcome, server::Entry},
    auth::{Role, Scope},
    error::AppError,
    ids::{TokenId, UserId},
    server::{clock::Clock, db::Database, state::AppState},
};

/// A transaction on Mooring's own database.
pub type Tx = Transaction<'static, Postgres>;

/// Where a request came from, for the audit log and for throttling.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// The peer's address, or what a trusted proxy says of it.
    pub ip: Option<IpAddr>,
    /// The `User-Agent` header, cut to 300 characters.
    pub user_agent: Option<String>,
}

/// How a user proved to be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential {
    /// A browser session.
    Session,
    /// An API token with its scope.
    Token(TokenId, Scope),
    /// The command line of the server itself.
    CommandLine,
}

#[derive(Clone, Debug)]
enum Identity {
    User { id: UserId, role: Role, credential: Credential },
    System(&'static str),
}

/// Someone who may ask. Has private fields: it is built from a session or a token by this module's
/// siblings, from an e-mail address by the command line, or by [`Caller::system`].
#[derive(Clone, Debug)]
pub struct Caller {
    identity: Identity,
    origin: Origin,
    state: AppState,
}

impl Caller {
    /// A user who has proved to be one: for the siblings that did the proving.
    pub(super) fn user(state: &AppState, id: UserId, role: Role, credential: Credential, origin: Origin) -> Self {
        Self { identity: Identity::User { id, role, credential }, origin, state: state.clone() }
    }

    /// The server itself: works as the owner of the tables, past row-level security. For jobs, the start and the
    /// command line, and within a request only behind the guard, for what belongs to no single account. `job` names
    /// what for.
    #[must_use]
    pub fn system(state: &AppState, job: &'static str) -> Self {
        Self { identity: Identity::System(job), origin: Origin::default(), state: state.clone() }
    }

    /// The account on whose behalf this runs.
    ///
    /// # Errors
    ///
    /// [`AppError::Forbidden`] for the system, which has no account.
    pub fn user_id(&self) -> Result<UserId, AppError> {
        match &self.identity {
            Identity::User { id, .. } => Ok(*id),
            Identity::System(job) => Err(AppError::Forbidden(format!("The job {job} acts for no account."))),
        }
    }

    /// Whether this is an administrator in a session or on the command line, or with a `full` token.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        match &self.identity {
            Identity::User { role: Role::Admin, credential, .. } => {
                !matches!(credential, Credential::Token(_, Scope::Read | Scope::Cron))
            }
            Identity::User { .. } => false,
            Identity::System(_) => true,
        }
    }

    /// Whether the account is an administrator's, whatever it came with: enough to read what names nobody.
    #[must_use]
    pub const fn is_administrators(&self) -> bool {
        matches!(self.identity, Identity::User { role: Role::Admin, .. } | Identity::System(_))
    }

    /// Goes on for administrators only.
    ///
    /// # Errors
    ///
    /// [`AppError::Forbidden`] for anyone else.
    pub fn require_admin(&self) -> Result<(), AppError> {
        if self.is_admin() { Ok(()) } else { Err(AppError::Forbidden("This is for administrators.".to_owned())) }
    }

    /// Goes on for administrators only; that anyone else tried `action` is recorded.
    ///
    /// # Errors
    ///
    /// [`AppError::Forbidden`] for anyone else.
    pub async fn require_admin_for(&self, action: &'static str) -> Result<(), AppError> {
        let allowed = self.require_admin();
        if allowed.is_err() {
            self.record_refusal(action).await;
        }
        allowed
    }

    /// Goes on without a token, or with one that may do everything; that a lesser one was used for more is recorded.
    ///
    /// # Errors
    ///
    /// [`AppError::Forbidden`] for a token whose scope is less than `full`.
    pub async fn require_full_scope(&self) -> Result<(), AppError> {
        self.require_scope(&[Scope::Full], "token.scope").await
    }

    /// Goes on without a token, or with one that has a scope of those; that another was used for `action` is recorded.
    ///
    /// # Errors
    ///
    /// [`AppError::Forbidden`] for a token of any other scope.
    pub async fn require_scope(&self, enough: &[Scope], action: &'static str) -> Result<(), AppError> {
        let Some(scope) = self.token_scope().filter(|scope| !enough.contains(scope)) else { return Ok(()) };
        self.record_refusal(action).await;
        let enough: Vec<&str> = enough.iter().map(|scope| scope.code()).collect();
        let message = format!("This token has the scope {}. Use one of scope {}.", scope.code(), enough.join(" or "));
        Err(AppError::Forbidden(message))
    }

    /// Records that `action` was tried and refused, in a transaction of its own, unless many were just now.
    pub async fn record_refusal(&self, action: &'static str) {
        accounts::record_refusal(self, Entry::new(action, Outcome::Refused)).await;
    }

    /// How the user proved to be one; none for the system.
    #[must_use]
    pub const fn credential(&self) -> Option<Credential> {
        match &self.identity {
            Identity::User { credential, .. } => Some(*credential),
            Identity::System(_) => None,
        }
    }

    /// What the token may do, for a user who came with one.
    #[must_use]
    pub const fn token_scope(&self) -> Option<Scope> {
        match self.credential() {
            Some(Credential::Token(_, scope)) => Some(scope),
            _ => None,
        }
    }

    /// Where the request came from.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The process's state: configuration, vault, providers.
    #[must_use]
    pub const fn state(&self) -> &AppState {
        &self.state
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        self.state.clock()
    }

    /// A read-only transaction.
    ///
    /// # Errors
    ///
    /// [`AppError::Unavailable`] where our own database is away.
    pub async fn read(&self) -> Result<Tx, AppError> {
        self.begin("begin read only").await
    }

    /// A read-only transaction for what others put into words: none of its statements takes longer than 10 s.
    ///
    /// # Errors
    ///
    /// [`AppError::Unavailable`] where our own database is away.
    pub async fn read_briefly(&self) -> Result<Tx, AppError> {
        self.begin("begin read only; set local statement_timeout = '10s'").await
    }

    /// A transaction that may write; nothing is kept unless it is committed.
    ///
    /// # Errors
    ///
    /// [`AppError::Forbidden`] for a token whose scope is less than `full`,
    /// [`AppError::Unavailable`] where our own database is away.
    pub async fn write(&self) -> Result<Tx, AppError> {
        self.require_full_scope().await?;
        self.begin("begin").await
    }

    async fn begin(&self, begin: &'static str) -> Result<Tx, AppError> {
        let database: &Database = self.state.database();
        let statement = match &self.identity {
            // One round trip. The id is a typed uuid, so there is nothing to escape.
            Identity::User { id, .. } => {
                format!("{begin}; set local role mooring_user; set local mooring.user_id = '{id}'")
            }
            Identity::System(_) => begin.to_owned(),
        };
        Ok(database.pool().begin_with(statement).await?)
    }
}
