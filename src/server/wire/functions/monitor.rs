//! `proactive-health-monitor`: runs what is due, or an owner's checks.

use axum::{
    Json,
    extract::{FromRequestParts, State},
    http::request::Parts,
};
use subtle::ConstantTimeEq;

use super::{
    Sent, found,
    types::{MonitorRequest, MonitorResponse, MonitorResult},
};
use crate::{
    auth::{
        Scope,
        server::{Caller, tokens},
    },
    error::AppError,
    health::{
        CheckOrigin, CheckResult, Checks,
        server::{check_all, run_due},
    },
    server::{
        state::AppState,
        wire::{TokenCaller, WireError},
    },
};

/// What the log calls a sweep that is refused.
const RUN: &str = "monitor.run";

/// Who asks for a sweep.
pub(super) enum Sweeper {
    /// Nobody in particular, or a scheduler: what is due is done, and only counts are told.
    Anyone,
    /// An owner: one's own connections are checked now.
    Owner(Box<Caller>),
}

/// **Permissions**: anyone while no `MOORING_CRON_SECRET` is set; else the secret, or a `cron` or `full`
/// token. A token that is sent must be a good one.
impl FromRequestParts<AppState> for Sweeper {
    type Rejection = WireError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Self::Rejection> {
        match (tokens::bearer(&parts.headers), state.config().cron_secret.as_ref()) {
            (None, None) => Ok(Self::Anyone),
            (None, Some(_)) => Err(AppError::Unauthenticated.into()),
            (Some(sent), Some(secret)) if bool::from(sent.as_bytes().ct_eq(secret.reveal().as_bytes())) => {
                Ok(Self::Anyone)
            }
            (Some(_), _) => {
                let TokenCaller { caller, scope } = TokenCaller::from_request_parts(parts, state).await?;
                caller.require_scope(&[Scope::Full, Scope::Cron], RUN).await?;
                Ok(if scope == Scope::Cron { Self::Anyone } else { Self::Owner(Box::new(caller)) })
            }
        }
    }
}

pub(super) async fn proactive_health_monitor(
    State(state): State<AppState>,
    sweeper: Sweeper,
    Sent(asked): Sent<MonitorRequest>,
) -> Result<Json<MonitorResponse>, WireError> {
    let started = state.clock().now();
    let (report, results) = match sweeper {
        Sweeper::Anyone => (run_due(&state).await?, None),
        Sweeper::Owner(caller) => {
            let only = asked.credential_id.as_ref().map(std::slice::from_ref);
            let checks = found(&caller, RUN, check_all(&caller, only, CheckOrigin::Token));
            let Checks { report, results } = checks.await?;
            (report, Some(results.into_iter().map(MonitorResult::from).collect()))
        }
    };
    let now = state.clock().now();
    Ok(Json(MonitorResponse {
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
    }))
}

impl From<CheckResult> for MonitorResult {
    fn from(result: CheckResult) -> Self {
        Self {
            credential_id: result.credential_id,
            status: result.status,
            response_time_ms: result.response_time_ms,
            cause: result.cause,
            error_message: result.error_message,
        }
    }
}
