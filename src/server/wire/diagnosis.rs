//! `analyze-database-error` and `intelligent-retry-connection`.

use axum::{
    Json,
    body::Bytes,
    extract::rejection::BytesRejection,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{TokenCaller, WireError, functions::read_body};
use crate::{
    auth::{Scope, server::Caller},
    connections::{Provider, server::Asked},
    diagnosis::server::{AnalyzeRequest, analyze},
    error::AppError,
    health::server::retry,
    ids::{ConnectionId, UserId},
    retry::{AttemptReport, BreakerState, RetryReport, StoppedBecause},
};

/// The body of `analyze-database-error`. Holds secrets: no `Debug`.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct AnalyzeBody {
    error_message: Option<String>,
    provider: Option<String>,
    credentials: Option<Value>,
    credential_id: Option<String>,
}

/// The body of `intelligent-retry-connection`. Holds secrets: no `Debug`.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct RetryBody {
    credential_id: Option<String>,
    provider: Option<String>,
    credentials: Option<Value>,
    user_id: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RetryResponse {
    success: bool,
    total_attempts: u32,
    attempts: Vec<AttemptReport>,
    stopped_because: StoppedBecause,
    response_time_ms: Option<u32>,
    circuit_breaker: BreakerResponse,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct BreakerResponse {
    state: BreakerState,
    failures_last_hour: u32,
    limit: u32,
    open_until: Option<String>,
}

impl From<RetryReport> for RetryResponse {
    fn from(report: RetryReport) -> Self {
        let breaker = report.circuit_breaker;
        Self {
            success: report.success,
            total_attempts: report.total_attempts,
            attempts: report.attempts,
            stopped_because: report.stopped_because,
            response_time_ms: report.response_time_ms,
            circuit_breaker: BreakerResponse {
                state: breaker.state,
                failures_last_hour: breaker.failures_last_hour,
                limit: breaker.limit,
                open_until: breaker.open_until.map(crate::timestamp::Timestamp::rfc3339),
            },
        }
    }
}

/// **Permissions**: a `full` token.
pub(super) async fn analyze_database_error(
    token: TokenCaller,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, WireError> {
    let caller = full(token)?;
    caller.state().limits().probe(&caller)?;
    let body: AnalyzeBody = read_body(&whole(body)?)?;
    let request = AnalyzeRequest {
        error_message: body.error_message.unwrap_or_default(),
        provider: provider(body.provider.as_deref())?,
        credentials: body.credentials,
        credential_id: connection(body.credential_id.as_deref())?,
    };
    Ok(Json(analyze(&caller, request).await?).into_response())
}

/// **Permissions**: a `full` token.
pub(super) async fn intelligent_retry_connection(
    token: TokenCaller,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, WireError> {
    let caller = full(token)?;
    caller.state().limits().probe(&caller)?;
    let body: RetryBody = read_body(&whole(body)?)?;
    if let Some(user) = body.user_id.as_deref().filter(|id| !id.is_empty()) {
        let user: UserId = user.parse().map_err(|_| AppError::invalid("userId", "userId is not a UUID."))?;
        if user != caller.user_id()? {
            return Err(AppError::NotFound.into());
        }
    }
    let asked = Asked {
        id: connection(body.credential_id.as_deref())?,
        provider: provider(body.provider.as_deref())?,
        credentials: body.credentials.as_ref(),
    };
    Ok(Json(RetryResponse::from(retry(&caller, asked).await?)).into_response())
}

fn whole(body: Result<Bytes, BytesRejection>) -> Result<Bytes, WireError> {
    body.map_err(|_| {
        WireError::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "The body is larger than this function takes.")
    })
}

fn full(token: TokenCaller) -> Result<Caller, AppError> {
    match token.scope {
        Scope::Full => Ok(token.caller),
        Scope::Read | Scope::Cron => {
            Err(AppError::Forbidden("This token may not connect to anything; use one of scope full.".to_owned()))
        }
    }
}

fn provider(code: Option<&str>) -> Result<Option<Provider>, AppError> {
    let code = code.filter(|code| !code.is_empty());
    code.map(|code| {
        code.parse()
            .map_err(|error: crate::connections::UnknownProvider| AppError::invalid("provider", error.to_string()))
    })
    .transpose()
}

fn connection(id: Option<&str>) -> Result<Option<ConnectionId>, AppError> {
    let id = id.filter(|id| !id.is_empty());
    id.map(|id| id.parse().map_err(|_| AppError::invalid("credentialId", "credentialId is not a UUID."))).transpose()
}
