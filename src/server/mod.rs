//! What runs on the server only and belongs to no single feature.

use std::{io, net::SocketAddr, time::Duration};

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub mod body;
pub mod clock;
pub mod commands;
pub mod config;
pub mod db;
pub mod egress;
pub mod embedded_postgres;
pub mod headers;
pub mod jobs;
pub mod limits;
pub mod live;
pub mod metrics;
pub mod providers;
pub mod reactive;
pub mod router;
pub mod startup;
pub mod state;
pub mod telemetry;
pub mod vault;
pub mod wire;

use state::AppState;

/// Requests that are under way get this long to end after a stop was asked for.
const DRAIN: Duration = Duration::from_secs(10);

/// Serves until `stop` is cancelled: the pages and the wire on `listener`, the jobs beside them. Returns
/// when requests are answered or [`DRAIN`] is over, and the jobs have written or released what they held.
///
/// # Errors
///
/// What accepting connections failed with.
pub async fn run(state: AppState, listener: TcpListener, stop: CancellationToken) -> io::Result<()> {
    let listening = tokio::spawn(state.live().clone().listen(state.database().clone()));
    let jobs = jobs::spawn(&state, stop.clone());
    let router = router::router(state).into_make_service_with_connect_info::<SocketAddr>();
    let serving = axum::serve(listener, router).with_graceful_shutdown(stop.clone().cancelled_owned()).into_future();
    tokio::pin!(serving);
    let served = tokio::select! {
        served = &mut serving => served,
        () = async { stop.cancelled().await; tokio::time::sleep(DRAIN).await } => Ok(()),
    };
    stop.cancel();
    jobs.wait().await;
    drop(listening.await);
    served
}
