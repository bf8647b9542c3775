//! `validate-database-config`: judges settings.

use axum::Json;
use serde_json::Value;

use super::{Full, Sent, types::ValidateRequest};
use crate::{
    config_check::{Validation, server::validate},
    server::wire::WireError,
};

/// **Permissions**: a `full` token.
pub(super) async fn validate_database_config(
    Full(caller): Full,
    Sent(asked): Sent<ValidateRequest>,
) -> Result<Json<Validation>, WireError> {
    let settings = Value::Object(asked.credentials.unwrap_or_default());
    Ok(Json(validate(&caller, asked.provider, &settings).await?))
}
