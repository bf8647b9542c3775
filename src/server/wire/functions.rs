//! `POST /functions/v1/<name>`: the documented operations.

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{FromRequestParts, Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::post,
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use subtle::ConstantTimeEq;

use crate::{
    auth::{
        Scope,
        server::{Caller, tokens},
    },
    config_check::{self, Validation},
    connections::UnknownProvider,
    error::AppError,
    health::{
        CheckOrigin, CheckResult, Checks,
        server::{check_all, run_due},
    },
    ids::ConnectionId,
    server::{
        state::AppState,
        wire::{TokenCaller, WireError, body, diagnosis},
    },
};

mod docs;
mod learn;
pub mod types;

use types::{MonitorRequest, MonitorResponse, MonitorResult};

/// The largest body that a function takes, in bytes.
const BODY_LIMIT: usize = 64 * 1024;

/// The routes below `/functions/v1`.
pub fn router() -> Router<AppState> {
    Router::new()
        .route("/analyze-database-error", post(diagnosis::analyze_database_error))
        .route("/intelligent-retry-connection", post(diagnosis::intelligent_retry_connection))
        .route("/fetch-provider-docs", post(docs::fetch_provider_docs))
        .route("/learn-connection-knowledge", post(learn::learn_connection_knowledge))
        .route("/proactive-health-monitor", post(proactive_health_monitor))
        .route("/validate-database-config", post(validate_database_config))
        .fallback(async || WireError::new(StatusCode::NOT_FOUND, "not_found", "There is no function of that name."))
        .method_not_allowed_fallback(async || {
            WireError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "Functions are called with POST.")
        })
}

async fn read_all(body: Body) -> Result<Bytes, WireError> {
    axum::body::to_bytes(body, BODY_LIMIT).await.map_err(|_| {
        WireError::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "The body is larger than this function takes.")
    })
}

/// Reads a JSON body as supabase-js sends it: an empty one counts as `{}`, the content type may be missing,
/// fields that are not known are passed over. What is wrong is said without what was sent: there may be a secret
/// in it.
pub(super) fn read_body<T: DeserializeOwned>(body: &Bytes) -> Result<T, WireError> {
    let refused = |details: String| {
        WireError::new(StatusCode::BAD_REQUEST, "invalid_request", "The body is not the JSON that this function takes.")
            .details(details)
    };
    let text = if body.trim_ascii().is_empty() { b"{}".as_slice() } else { body.as_ref() };
    let value = body::parse(text).map_err(|error| refused(error.to_string()))?;
    serde_json::from_value(value).map_err(|error| {
        let said = error.to_string();
        // What serde says of a wrong type or variant repeats the value.
        refused(if said.starts_with("missing field") { said } else { "A field is of another type.".to_owned() })
    })
}

impl From<CheckResult> for MonitorResult {
    fn from(result: CheckResult) -> Self {
        Self {
            credential_id: result.credential_id.0,
            status: result.status.code(),
            response_time_ms: result.response_time_ms,
            cause: result.cause.map(crate::probe::Cause::code),
            error_message: result.error_message,
        }
    }
}

/// Who asks for a sweep.
enum Sweeper {
    /// Nobody in particular, or a scheduler: what is due is done, and only counts are told.
    Anyone,
    /// An owner: one's own connections are checked now.
    Owner(Box<Caller>),
}

/// **Permissions**: anyone while no `MOORING_CRON_SECRET` is set; else the secret, or a `cron` or `full`
/// token. A token that is sent must be a good one.
async fn sweeper(state: &AppState, request: Request) -> Result<(Sweeper, Request), WireError> {
    let (mut parts, body) = request.into_parts();
    let sweeper = match (tokens::bearer(&parts.headers), state.config().cron_secret.as_ref()) {
        (None, None) => Sweeper::Anyone,
        (None, Some(_)) => return Err(AppError::Unauthenticated.into()),
        (Some(sent), Some(secret)) if bool::from(sent.as_bytes().ct_eq(secret.reveal().as_bytes())) => Sweeper::Anyone,
        (Some(_), _) => {
            let TokenCaller { caller, scope } = TokenCaller::from_request_parts(&mut parts, state).await?;
            match scope {
                Scope::Full => Sweeper::Owner(Box::new(caller)),
                Scope::Cron => Sweeper::Anyone,
                Scope::Read => {
                    return Err(AppError::Forbidden(
                        "This token may only read; use one of scope cron or full.".to_owned(),
                    )
                    .into());
                }
            }
        }
    };
    Ok((sweeper, Request::from_parts(parts, body)))
}

async fn proactive_health_monitor(State(state): State<AppState>, request: Request) -> Result<Response, WireError> {
    let started = state.clock().now();
    let (sweeper, request) = sweeper(&state, request).await?;
    let body = read_all(request.into_body()).await?;
    let asked: MonitorRequest = read_body(&body)?;
    let only = asked.credential_id.as_deref().map(parse_id).transpose()?;
    let (report, results) = match sweeper {
        Sweeper::Anyone => (run_due(&state).await?, None),
        Sweeper::Owner(caller) => {
            state.limits().probe(&caller)?;
            let Checks { report, results } =
                check_all(&caller, only.as_ref().map(std::slice::from_ref), CheckOrigin::Token).await?;
            (report, Some(results.into_iter().map(MonitorResult::from).collect()))
        }
    };
    let now = state.clock().now();
    let response = MonitorResponse {
        success: true,
        due: report.due,
        checked: report.checked,
        healthy: report.healthy,
        degraded: report.degraded,
        down: report.down,
        skipped: report.skipped,
        alerts_triggered: report.alerts_triggered,
        duration_ms: now.micros_since(started) / 1_000,
        timestamp: now.rfc3339(),
        results,
    };
    Ok(Json(response).into_response())
}

/// Holds secrets: no `Debug`.
#[derive(Deserialize)]
struct ValidateRequest {
    provider: String,
    #[serde(default)]
    credentials: Value,
}

/// **Permissions**: a `full` token.
async fn validate_database_config(
    TokenCaller { caller, scope }: TokenCaller,
    body: Bytes,
) -> Result<Json<Validation>, WireError> {
    if scope != Scope::Full {
        return Err(AppError::Forbidden("Use a token of scope full.".to_owned()).into());
    }
    let asked: ValidateRequest = read_body(&body)?;
    let provider = asked
        .provider
        .parse()
        .map_err(|error: UnknownProvider| WireError::from(AppError::invalid("provider", error.to_string())))?;
    Ok(Json(config_check::server::validate(&caller, provider, &asked.credentials).await?))
}

fn parse_id(text: &str) -> Result<ConnectionId, WireError> {
    text.parse().map_err(|_| AppError::invalid("credentialId", "credentialId is not a UUID.").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_body_counts_as_an_object() {
        for body in ["", "  \n", "{}", r#"{"unknown": 1}"#] {
            let read: MonitorRequest =
                read_body(&Bytes::from_static(body.as_bytes())).unwrap_or_else(|_| panic!("{body:?}"));
            assert_eq!(read.credential_id, None);
        }
        for body in ["[", "[]", r#"{"credentialId": 5}"#, r#"{"credentialId": "a", "credentialId": "b"}"#] {
            assert!(read_body::<MonitorRequest>(&Bytes::from_static(body.as_bytes())).is_err(), "{body}");
        }
    }

    #[test]
    fn what_is_refused_is_not_repeated() {
        for body in
            [r#"{"provider": {"hunter2": 1}}"#, r#"{"provider": ["hunter2"]}"#, r#""hunter2""#, r#"{"a": "hunter2""#]
        {
            let refused = read_body::<ValidateRequest>(&Bytes::from_static(body.as_bytes())).err().expect("no request");
            assert!(!format!("{refused:?}").contains("hunter2"), "{body}");
        }
    }
}
