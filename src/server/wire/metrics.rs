//! `GET /metrics`, for Prometheus.

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{TokenCaller, WireError};
use crate::{
    auth::Scope,
    error::AppError,
    server::{metrics, state::AppState},
};

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// What the log calls it where it is refused.
const ACTION: &str = "metrics.read";
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Methods that do not read.
///
/// **Permissions**: any token that counts.
pub(super) async fn refuse_method(_: TokenCaller) -> WireError {
    WireError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "The metrics are read with GET.")
        .allow("GET, HEAD")
}

/// **Permissions**: a token of scope `full` or `read` of an administrator.
pub(super) async fn scrape(
    State(state): State<AppState>,
    TokenCaller { caller, .. }: TokenCaller,
    headers: HeaderMap,
) -> Result<Response, WireError> {
    caller.require_scope(&[Scope::Full, Scope::Read], ACTION).await?;
    if !caller.is_administrators() {
        caller.record_refusal(ACTION).await;
        return Err(AppError::Forbidden("The metrics are for a token of an administrator.".to_owned()).into());
    }
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let kind = if accept.contains("application/openmetrics-text") { OPEN_METRICS } else { TEXT };
    Ok(([(header::CONTENT_TYPE, kind)], metrics::write(&state).await?).into_response())
}
