//! The server function of the examples.

use leptos::prelude::*;

use crate::error::AppError;

/// The address at which the reader reaches this Mooring.
///
/// # Errors
///
/// [`AppError::Unauthenticated`] without a session.
#[server]
pub async fn get_own_address() -> Result<String, AppError> {
    let caller = crate::auth::server::caller().await?;
    Ok(super::server::own_address(&caller))
}
