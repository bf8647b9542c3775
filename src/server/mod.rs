//! What runs on the server only and belongs to no single feature.

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
pub mod http;
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

/// Serves until `stop` is cancelled: the pages and the wire on `listener`, the jobs beside them. Returns
/// when requests are answered or were given their time, and the jobs have written or released what they held.
pub async fn run(state: AppState, listener: TcpListener, stop: CancellationToken) {
    let listening = tokio::spawn(state.live().clone().listen(state.database().clone()));
    let jobs = jobs::spawn(&state, stop.clone());
    http::serve(listener, router::router(state), stop).await;
    jobs.wait().await;
    drop(listening.await);
}
