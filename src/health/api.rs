//! What the pages ask for and post. Each is: who is asking, one call, done.

#![expect(
    missing_docs,
    reason = "the macro makes a struct of each function's arguments, which the function's docs describe"
)]

use leptos::prelude::*;

use crate::{
    error::AppError,
    health::{
        Board, CheckResult, ConnectionHealth, DailyMetric, ErrorRow, History, Pulse, Range, RecentCheck,
        RetryAnalytics, SweepReport,
    },
    ids::{ConnectionId, NoticeId},
};

/// The board.
///
/// # Errors
///
/// [`AppError::Unauthenticated`] without a session.
#[server]
pub async fn get_board() -> Result<Board, AppError> {
    let caller = crate::auth::server::caller().await?;
    super::server::board(&caller).await
}

/// The monitor's pulse.
///
/// # Errors
///
/// [`AppError::Unauthenticated`] without a session.
#[server]
pub async fn get_pulse() -> Result<Pulse, AppError> {
    let caller = crate::auth::server::caller().await?;
    super::server::pulse(&caller).await
}

/// Everything at the top of one connection's dashboard.
///
/// # Errors
///
/// [`AppError::NotFound`] where it is not the caller's.
#[server]
pub async fn get_connection_health(id: ConnectionId) -> Result<ConnectionHealth, AppError> {
    let caller = crate::auth::server::caller().await?;
    super::server::connection_health(&caller, id).await
}

/// The history of one connection over a range.
///
/// # Errors
///
/// [`AppError::NotFound`] where it is not the caller's.
#[server]
pub async fn get_history(id: ConnectionId, range: Range) -> Result<History, AppError> {
    let caller = crate::auth::server::caller().await?;
    super::server::history(&caller, id, range).await
}

/// The last 30 days of one connection.
///
/// # Errors
///
/// [`AppError::NotFound`] where it is not the caller's.
#[server]
pub async fn get_daily_metrics(id: ConnectionId) -> Result<Vec<DailyMetric>, AppError> {
    let caller = crate::auth::server::caller().await?;
    super::server::daily_metrics(&caller, id).await
}

/// How often trying again helped, and where the breaker stands.
///
/// # Errors
///
/// [`AppError::NotFound`] where it is not the caller's.
#[server]
pub async fn get_retry_analytics(id: ConnectionId) -> Result<RetryAnalytics, AppError> {
    let caller = crate::auth::server::caller().await?;
    super::server::retry_analytics(&caller, id).await
}

/// The last checks of one connection, at most 200.
///
/// # Errors
///
/// [`AppError::NotFound`] where it is not the caller's.
#[server]
pub async fn get_recent_checks(id: ConnectionId, limit: u32) -> Result<Vec<RecentCheck>, AppError> {
    let caller = crate::auth::server::caller().await?;
    super::server::recent_checks(&caller, id, limit).await
}

/// The errors of one connection.
///
/// # Errors
///
/// [`AppError::NotFound`] where it is not the caller's.
#[server]
pub async fn get_errors(id: ConnectionId) -> Result<Vec<ErrorRow>, AppError> {
    let caller = crate::auth::server::caller().await?;
    super::server::errors(&caller, id).await
}

/// Checks one connection now.
///
/// # Errors
///
/// [`AppError::NotFound`] where it is not the caller's.
#[server]
pub async fn check_now(id: ConnectionId) -> Result<CheckResult, AppError> {
    let caller = crate::auth::server::caller().await?;
    super::server::check_now(&caller, id, crate::health::CheckOrigin::Person).await
}

/// Checks all of one's own connections now; answers within 25 s with what is done by then.
///
/// # Errors
///
/// [`AppError::Unauthenticated`] without a session.
#[server]
pub async fn check_all() -> Result<SweepReport, AppError> {
    let caller = crate::auth::server::caller().await?;
    super::server::check_all(&caller, None, crate::health::CheckOrigin::Person).await.map(|checks| checks.report)
}

/// Lets retries and confirmations of a connection through again.
///
/// # Errors
///
/// [`AppError::NotFound`] where it is not the caller's.
#[server]
pub async fn reset_breaker(id: ConnectionId) -> Result<(), AppError> {
    let caller = crate::auth::server::caller().await?;
    super::server::reset_breaker(&caller, id).await
}

/// Puts a notice away.
///
/// # Errors
///
/// [`AppError::NotFound`] where it is not the caller's.
#[server]
pub async fn dismiss_notice(id: NoticeId) -> Result<(), AppError> {
    let caller = crate::auth::server::caller().await?;
    super::server::dismiss_notice(&caller, id).await
}
