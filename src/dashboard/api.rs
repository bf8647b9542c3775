//! Server functions of the charts.

use leptos::{prelude::*, server_fn::codec::Json};

use crate::{error::AppError, health::Range, ids::ConnectionId, ui::chart::ChartData};

/// How long the checks of one connection took over a range, and which failed.
///
/// # Errors
///
/// [`AppError::NotFound`] where the connection is not the caller's.
#[server(input = Json)]
pub async fn response_chart(
    #[doc = "Which connection."] id: ConnectionId,
    #[doc = "How far back."] range: Range,
) -> Result<ChartData, AppError> {
    let caller = crate::auth::server::caller().await?;
    super::server::response_chart(&caller, id, range).await
}

/// Where the time of the checks went, phase by phase.
///
/// # Errors
///
/// [`AppError::NotFound`] where the connection is not the caller's.
#[server(input = Json)]
pub async fn phases_chart(
    #[doc = "Which connection."] id: ConnectionId,
    #[doc = "How far back."] range: Range,
) -> Result<ChartData, AppError> {
    let caller = crate::auth::server::caller().await?;
    super::server::phases_chart(&caller, id, range).await
}
