//! Server functions of the guides.

#![expect(
    missing_docs,
    reason = "the macro makes a struct of each function's arguments, which the function's docs describe"
)]

use leptos::{prelude::*, server_fn::codec::GetUrl};

use super::Guide;
use crate::{connections::Provider, error::AppError};

/// The guide to a provider. Official pages that are stale are fetched again behind it.
///
/// # Errors
///
/// [`AppError::Unauthenticated`] without a session.
#[server(input = GetUrl)]
pub async fn get_guide(provider: Provider) -> Result<Guide, AppError> {
    let caller = crate::auth::server::caller().await?;
    super::server::guide(&caller, provider).await
}
