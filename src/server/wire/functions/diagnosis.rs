//! `analyze-database-error` and `intelligent-retry-connection`.

use axum::Json;
use serde_json::Value;

use super::{
    Full, Sent, found,
    types::{AnalyzeRequest, CircuitBreaker, RetryRequest, RetryResponse},
};
use crate::{
    connections::server::Asked,
    diagnosis::{
        Analysed,
        server::{self as diagnosis, analyze},
    },
    error::AppError,
    health::server::retry,
    retry::RetryReport,
    server::wire::WireError,
    timestamp::Timestamp,
};

/// **Permissions**: a `full` token.
pub(super) async fn analyze_database_error(
    Full(caller): Full,
    Sent(asked): Sent<AnalyzeRequest>,
) -> Result<Json<Analysed>, WireError> {
    let request = diagnosis::AnalyzeRequest {
        error_message: asked.error_message,
        provider: asked.provider,
        credentials: asked.credentials.map(Value::Object),
        credential_id: asked.credential_id,
    };
    Ok(Json(found(&caller, "connection.analyze", analyze(&caller, request)).await?))
}

/// **Permissions**: a `full` token.
pub(super) async fn intelligent_retry_connection(
    Full(caller): Full,
    Sent(asked): Sent<RetryRequest>,
) -> Result<Json<RetryResponse>, WireError> {
    let credentials = asked.credentials.map(Value::Object);
    let connection = Asked { id: asked.credential_id, provider: asked.provider, credentials: credentials.as_ref() };
    let report = found(&caller, "connection.retry", async {
        if asked.user_id.is_some_and(|user| caller.user_id() != Ok(user)) {
            return Err(AppError::NotFound);
        }
        retry(&caller, connection).await
    });
    Ok(Json(report.await?.into()))
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
            circuit_breaker: CircuitBreaker {
                state: breaker.state,
                failures_last_hour: breaker.failures_last_hour,
                limit: breaker.limit,
                open_until: breaker.open_until.map(Timestamp::rfc3339),
            },
        }
    }
}
