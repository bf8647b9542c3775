//! Errors under `PostgREST`'s codes: its own (`PGRST…`) and those of Postgres.

use axum::http::StatusCode;

use super::query::QueryError;
use crate::{
    error::{AppError, server::WriteError},
    server::wire::WireError,
};

/// A statement was ended by its time limit.
const CANCELLED: &str = "57014";

impl From<QueryError> for WireError {
    fn from(error: QueryError) -> Self {
        let (status, code) = match &error {
            QueryError::Unreadable(_) => (StatusCode::BAD_REQUEST, "PGRST100"),
            QueryError::NoColumn { .. } => (StatusCode::BAD_REQUEST, "42703"),
            QueryError::NothingToWrite { .. } => (StatusCode::BAD_REQUEST, "PGRST204"),
            QueryError::Sealed(_) => (StatusCode::FORBIDDEN, "42501"),
            QueryError::Embedding { .. } => (StatusCode::BAD_REQUEST, "PGRST200"),
            QueryError::Mistyped(_) => (StatusCode::BAD_REQUEST, "42804"),
        };
        let wire = Self::new(status, code, error.to_string());
        match error {
            QueryError::Embedding { .. } => wire.hint("Ask for each table by itself."),
            _ => wire,
        }
    }
}

/// An error of the features behind the tables.
pub(super) fn of_app(error: AppError) -> WireError {
    let code = match &error {
        // What a rule of ours refuses is to the client what a check constraint refuses.
        AppError::Invalid(_) => Some("23514"),
        AppError::Unauthenticated => Some("PGRST301"),
        AppError::Forbidden(_) => Some("42501"),
        AppError::Unavailable(_) => Some("PGRST000"),
        _ => None,
    };
    let wire = WireError::from(error);
    match code {
        Some(code) => wire.code(code),
        None => wire,
    }
}

/// An error of a write.
pub(super) fn of_write(error: WriteError) -> WireError {
    match error {
        WriteError::App(error) => of_app(error),
        WriteError::Storage(error) => of_storage(error),
    }
}

/// An error of a read. One that took too long is the client's to narrow; a 503 would be asked again and again.
pub(super) fn of_read(error: sqlx::Error) -> WireError {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    if code.is_some_and(|code| code == CANCELLED) {
        let message = "The query took too long and was ended. Narrow it.";
        return WireError::new(StatusCode::BAD_REQUEST, CANCELLED, message)
            .hint("Ask for a shorter time, for fewer rows, with fewer conditions, or without count=exact.");
    }
    of_storage(error)
}

/// What Postgres refuses of a request is the client's to mend and keeps its code; the rest is ours.
pub(super) fn of_storage(error: sqlx::Error) -> WireError {
    let Some(database) = error.as_database_error() else { return of_app(error.into()) };
    let code = database.code().unwrap_or_default().into_owned();
    let status = match code.as_str() {
        // A value that already is, or that something depends on.
        "23503" | "23505" => StatusCode::CONFLICT,
        "42501" => StatusCode::FORBIDDEN,
        // Values that the column's type cannot hold, constraints, casts that do not exist.
        "42804" | "42846" | "42883" => StatusCode::BAD_REQUEST,
        code if code.starts_with("22") || code.starts_with("23") => StatusCode::BAD_REQUEST,
        _ => return of_app(error.into()),
    };
    // The details of other violations repeat the whole row.
    let details = match status {
        StatusCode::CONFLICT => database
            .try_downcast_ref::<sqlx::postgres::PgDatabaseError>()
            .and_then(|error| error.detail().map(str::to_owned)),
        _ => None,
    };
    let wire = WireError::new(status, code, database.message());
    match details {
        Some(details) => wire.details(details),
        None => wire,
    }
}
