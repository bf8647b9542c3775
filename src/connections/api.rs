//! Server functions of connections. All stand behind the guard.

#![expect(
    missing_docs,
    reason = "the macro makes a struct of each function's arguments, which the function's docs describe"
)]

use leptos::{prelude::*, server_fn::codec::Json};

use super::{
    Handling,
    form::{ConnectionForm, FormStart, Submitted},
};
use crate::{error::AppError, ids::ConnectionId, probe::ProbeReport};

/// What the form of a new connection begins with.
///
/// # Errors
///
/// [`AppError::Unavailable`] where Mooring's own database is away.
#[server]
pub async fn new_connection_form() -> Result<FormStart, AppError> {
    let caller = crate::auth::server::caller().await?;
    super::server::start(&caller, None).await
}

/// What the form of a stored connection begins with. No secret is in it.
///
/// # Errors
///
/// [`AppError::NotFound`] where it is not there or another's.
#[server]
pub async fn connection_for_edit(id: ConnectionId) -> Result<FormStart, AppError> {
    let caller = crate::auth::server::caller().await?;
    super::server::start(&caller, Some(id)).await
}

/// Stores what was typed, and goes on to the connection's page.
///
/// # Errors
///
/// [`AppError::Invalid`] with every field that cannot be used.
#[server]
pub async fn save_connection(#[server(flatten)] form: ConnectionForm) -> Result<Submitted, AppError> {
    let caller = crate::auth::server::caller().await?;
    let submitted = super::server::submit(&caller, form).await?;
    if let Submitted::Saved(id) = &submitted {
        leptos_axum::redirect(&format!("/connections/{id}"));
    }
    Ok(submitted)
}

/// Tries what was typed against the real server, and stores nothing.
///
/// # Errors
///
/// [`AppError::Invalid`] with every field that cannot be used, [`AppError::TooManyRequests`].
#[server(input = Json)]
pub async fn test_connection(form: ConnectionForm) -> Result<ProbeReport, AppError> {
    let caller = crate::auth::server::caller().await?;
    let target = form.target().map_err(AppError::Invalid)?;
    super::server::test(&caller, target).await
}

/// Deletes a connection with its history, and goes to the board.
///
/// # Errors
///
/// [`AppError::NotFound`] where it is not there or another's.
#[server]
pub async fn delete_connection(id: ConnectionId) -> Result<(), AppError> {
    let caller = crate::auth::server::caller().await?;
    super::server::delete(&caller, id).await?;
    leptos_axum::redirect("/");
    Ok(())
}

/// Takes a connection off the schedule.
///
/// # Errors
///
/// [`AppError::NotFound`] where it is not there or another's.
#[server]
pub async fn pause_connection(id: ConnectionId) -> Result<(), AppError> {
    let caller = crate::auth::server::caller().await?;
    super::server::pause(&caller, id).await
}

/// Puts a connection back on the schedule.
///
/// # Errors
///
/// [`AppError::NotFound`] where it is not there or another's.
#[server]
pub async fn resume_connection(id: ConnectionId) -> Result<(), AppError> {
    let caller = crate::auth::server::caller().await?;
    super::server::resume(&caller, id).await
}

/// Checks, pauses or resumes many connections, whose ids have commas between them, and says in a sentence what was
/// done. All of them or none: another's among them is as one that is not there.
///
/// # Errors
///
/// [`AppError::NotFound`] where one is not there or another's, [`AppError::Invalid`] for a malformed list.
#[server]
pub async fn handle_connections(ids: String, what: Handling) -> Result<String, AppError> {
    let caller = crate::auth::server::caller().await?;
    super::server::handle(&caller, &ids, what).await
}
