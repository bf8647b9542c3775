//! Server functions of the guides.

#![expect(
    missing_docs,
    reason = "the macro makes a struct of each function's arguments, which the function's docs describe"
)]

use leptos::prelude::*;

use super::Guide;
use crate::error::AppError;

/// The guide to a provider. Official pages that are stale are fetched again behind it.
///
/// # Errors
///
/// [`AppError::Unauthenticated`] without a session; [`AppError::NotFound`] for a provider that there is not.
#[server]
pub async fn get_guide(provider: String) -> Result<Guide, AppError> {
    let caller = crate::auth::server::caller().await?;
    let provider = provider.parse().map_err(|_| AppError::NotFound)?;
    super::server::guide(&caller, provider).await
}
