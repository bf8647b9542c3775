//! What runs on the server only and belongs to no single feature.

use std::time::Duration;

use tokio::{net::TcpListener, time::timeout};
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

/// Jobs get this long to end after the last request: our own database may hang, and with it whatever asks it.
const JOBS_END: Duration = Duration::from_secs(20);

/// Serves until `stop` is cancelled: the pages and the wire on `listener`, the jobs beside them. Returns
/// when requests are answered or were given their time, and the jobs have written or released what they held.
pub async fn run(state: AppState, listener: TcpListener, stop: CancellationToken) {
    let listening = tokio::spawn(state.live().clone().listen(state.database().clone()));
    let jobs = jobs::spawn(&state, stop.clone());
    http::serve(listener, router::router(state), stop).await;
    let ended = timeout(JOBS_END, async {
        jobs.wait().await;
        drop(listening.await);
    });
    if ended.await.is_err() {
        tracing::warn!("some jobs do not end, and are left as they are; what they had claimed runs out by itself");
    }
}
