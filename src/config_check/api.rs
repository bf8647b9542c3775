//! Server functions of `ConfigValidation`. They bring what only the server knows; the rules run where the
//! answer is shown.

#![expect(
    missing_docs,
    reason = "the macro makes a struct of each function's arguments, which the function's docs describe"
)]

use leptos::{prelude::*, server_fn::codec::Json};

use super::{KnownFacts, Subject};
use crate::{connections::form::ConnectionForm, error::AppError, ids::ConnectionId};

/// What only the server knows of what is typed: which of one's connections use the same password, what
/// certificate was shown, which kinds of configuration work. It connects to nothing.
///
/// # Errors
///
/// [`AppError::NotFound`] where the edited connection is not there or another's.
#[server(input = Json)]
pub async fn validate_config(form: ConnectionForm) -> Result<KnownFacts, AppError> {
    let caller = crate::auth::server::caller().await?;
    super::server::known_of_form(&caller, &form).await
}

/// A stored connection, to be judged.
///
/// # Errors
///
/// [`AppError::NotFound`] where it is not there or another's.
#[server]
pub async fn config_of_connection(id: ConnectionId) -> Result<Option<Subject>, AppError> {
    let caller = crate::auth::server::caller().await?;
    super::server::subject(&caller, id).await
}
