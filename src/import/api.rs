//! Server functions of imports. All stand behind the guard.

#![expect(
    missing_docs,
    reason = "the macro makes a struct of each function's arguments, which the function's docs describe"
)]

use leptos::prelude::*;

use super::{Report, Start};
use crate::{connections::Provider, error::AppError, ids::ConnectionId};

/// What the page begins with.
///
/// # Errors
///
/// [`AppError::Unauthenticated`] without a session.
#[server]
pub async fn get_import_start() -> Result<Start, AppError> {
    let caller = crate::auth::server::caller().await?;
    super::server::start(&caller).await
}

/// Reads a list of connections, CSV or JSON, and stores its good rows where `store` is `yes`; what each row came to
/// is in the report.
///
/// # Errors
///
/// [`AppError::Invalid`] for the field `list`, where it is no list at all.
#[server]
pub async fn import_connections(list: String, #[server(default)] store: String) -> Result<Report, AppError> {
    let caller = crate::auth::server::caller().await?;
    super::server::import(&caller, &list, store == "yes").await
}

/// Says what a connection is that came without a provider, and keeps the rest of it.
///
/// # Errors
///
/// [`AppError::NotFound`] where it is not there or another's, [`AppError::Invalid`] where what is stored cannot be
/// read as settings of that provider.
#[server]
pub async fn choose_provider(id: ConnectionId, provider: Provider) -> Result<(), AppError> {
    let caller = crate::auth::server::caller().await?;
    crate::connections::server::adopt(&caller, id, provider).await
}
