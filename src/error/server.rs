//! Where the errors of the server's parts become an [`AppError`]: what a person can do something about is
//! said, the rest is logged once under an incident id.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use uuid::Uuid;

use crate::server::vault::VaultError;

use super::AppError;

impl AppError {
    /// Our own fault: logs `error` with its sources once, and shows an incident id.
    pub fn internal(error: &(dyn std::error::Error + 'static)) -> Self {
        let incident = Uuid::new_v4().simple().to_string()[..12].to_owned();
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(error) = source {
            text.push_str(": ");
            text.push_str(&error.to_string());
            source = error.source();
        }
        tracing::error!(incident, "incident {incident}: {text}");
        Self::Internal(incident)
    }

    /// Our own fault: a handler panicked with this payload.
    #[must_use]
    pub fn panicked(payload: &(dyn std::any::Any + Send)) -> Self {
        let text = payload
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| payload.downcast_ref::<&str>().copied())
            .unwrap_or("a panic without a message");
        Self::internal(&std::io::Error::other(text.to_owned()))
    }
}

/// Whether our own database is away (worth another try), rather than asked something wrong.
#[must_use]
pub fn is_storage_outage(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        // What a server leaves that goes away in the middle of a greeting or an answer.
        | sqlx::Error::Protocol(_) => true,
        // 57P01-57P03: shutting down or starting; 53300: no connection free; class 08: connection lost; 57014 and
        // 25P03: the limits that we set for a statement, and for a transaction in which nothing is done.
        sqlx::Error::Database(error) => error.code().is_some_and(|code| {
            matches!(code.as_ref(), "57P01" | "57P02" | "57P03" | "53300" | "57014" | "25P03") || code.starts_with("08")
        }),
        _ => false,
    }
}

impl From<sqlx::Error> for AppError {
    fn from(error: sqlx::Error) -> Self {
        if matches!(error, sqlx::Error::RowNotFound) {
            return Self::NotFound;
        }
        if is_storage_outage(&error) {
            tracing::warn!("Mooring's own database is away: {error}");
            return Self::Unavailable(
                "Mooring's own database cannot be reached just now. Try again in a moment.".to_owned(),
            );
        }
        if is_held(&error) {
            return Self::Conflict("Somebody else is changing this just now. Try again in a moment.".to_owned());
        }
        Self::internal(&error)
    }
}

/// Whether a row stayed locked for longer than the statement would wait (55P03).
fn is_held(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(sqlx::error::DatabaseError::code).is_some_and(|code| code == "55P03")
}

/// Why a write was not done, before a violated constraint is said in the words of whoever asked: of a form,
/// by [`AppError`], or of the wire, by Postgres' own code.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Refused by a rule.
    #[error(transparent)]
    App(#[from] AppError),
    /// Refused by the database, or the database is away.
    #[error(transparent)]
    Storage(#[from] sqlx::Error),
}

impl From<VaultError> for AppError {
    fn from(error: VaultError) -> Self {
        Self::internal(&error)
    }
}

impl From<tower_sessions::session::Error> for AppError {
    fn from(error: tower_sessions::session::Error) -> Self {
        if let tower_sessions::session::Error::Store(tower_sessions::session_store::Error::Backend(_)) = &error {
            tracing::warn!("sessions cannot be read or kept: {error}");
            return Self::Unavailable(
                "Mooring's own database cannot be reached just now. Try again in a moment.".to_owned(),
            );
        }
        Self::internal(&error)
    }
}

impl IntoResponse for AppError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, Json(self)).into_response()
    }
}
