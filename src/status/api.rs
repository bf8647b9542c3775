//! Server functions of the status page.

use leptos::prelude::*;

use super::StatusReport;
use crate::error::AppError;

/// How each part of Mooring stands.
///
/// **Permissions**: administrators.
///
/// # Errors
///
/// [`AppError::Forbidden`] for members.
#[server]
pub async fn get_status() -> Result<StatusReport, AppError> {
    let caller = crate::auth::server::caller().await?;
    super::server::report(&caller).await
}

/// Adds Mooring's own database as a connection, through a role that may only log in.
///
/// **Permissions**: administrators.
///
/// # Errors
///
/// [`AppError::Conflict`] where it is watched already, or the role cannot be made.
#[server]
pub async fn watch_own_database() -> Result<(), AppError> {
    let caller = crate::auth::server::caller().await?;
    super::server::watch_own_database(&caller).await?;
    leptos_axum::redirect("/");
    Ok(())
}
