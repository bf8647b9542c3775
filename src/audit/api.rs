//! Server functions of the audit log.

#![expect(
    missing_docs,
    reason = "the macro makes a struct of each function's arguments, which the function's docs describe"
)]

use leptos::{prelude::*, server_fn::codec::Json};

use super::{AuditFilter, AuditPage};
use crate::error::AppError;

/// One's own entries, the latest first; for administrators, everyone's.
///
/// # Errors
///
/// [`AppError::Invalid`] for a part of the filter, [`AppError::Unauthenticated`] without a session.
#[server(input = Json)]
pub async fn list_audit(filter: AuditFilter) -> Result<AuditPage, AppError> {
    let caller = crate::auth::server::caller().await?;
    super::server::list(&caller, &filter).await
}
