//! What runs by itself beside the requests: the monitor, and a few jobs that come round again and again.
//!
//! Every process runs all of them. Each job may therefore run at the same time elsewhere, and must not mind:
//! it brings something into the state in which it should be.

use std::time::Duration;

use futures::{FutureExt, future::BoxFuture};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    alerts::server::seal_plaintext_rules,
    audit::server::chain,
    auth::server::{Caller, session},
    connections::server::seal_plaintext_rows,
    error::AppError,
    health::server::{monitor, outage, patience::answered, retention},
    knowledge::server::{quarantine, stock},
    server::state::AppState,
};

mod runner;

/// One periodic job.
#[derive(Clone, Copy)]
struct Job {
    /// Its name on the status page.
    name: &'static str,
    /// How long after one run began the next one does; the first begins at the start.
    every: Duration,
    /// One run; says in a few words what was done.
    run: fn(AppState) -> BoxFuture<'static, Result<String, AppError>>,
}

const JOBS: [Job; 8] = [
    Job { name: "heartbeat", every: Duration::from_secs(5), run: |state| heartbeat(state).boxed() },
    Job { name: "seal", every: Duration::from_secs(30), run: |state| seal(state).boxed() },
    Job { name: "sessions", every: Duration::from_mins(10), run: |state| sessions(state).boxed() },
    Job { name: "network control", every: Duration::from_mins(10), run: |state| network_control(state).boxed() },
    Job { name: "limits", every: Duration::from_mins(1), run: |state| async move { Ok(limits(&state)) }.boxed() },
    Job { name: "partitions", every: Duration::from_hours(24), run: |state| partitions(state).boxed() },
    Job { name: "knowledge", every: Duration::from_hours(24), run: |state| knowledge_stock(state).boxed() },
    Job { name: "retention", every: Duration::from_hours(24), run: |state| remove_old(state).boxed() },
];

/// Starts the monitor, unless `MOORING_SCHEDULER=off`, and the jobs. All end soon after `stop`: waiting for
/// the tracker waits until they have written or given back what they held.
#[must_use]
pub fn spawn(state: &AppState, stop: CancellationToken) -> TaskTracker {
    let tasks = TaskTracker::new();
    if state.config().scheduler {
        tasks.spawn(monitor::run(state.clone(), stop.clone()));
    }
    for job in JOBS {
        tasks.spawn(runner::repeat(state.clone(), job, stop.clone()));
    }
    tasks.spawn(chain::run(state.clone(), stop.clone()));
    tasks.spawn(sign_off(state.clone(), stop));
    tasks.close();
    tasks
}

async fn heartbeat(state: AppState) -> Result<String, AppError> {
    let since_sweep = state.watch().since_sweep();
    answered(retention::heartbeat(&Caller::system(&state, "heartbeat"), since_sweep)).await?;
    Ok(String::new())
}

async fn seal(state: AppState) -> Result<String, AppError> {
    let caller = Caller::system(&state, "seal");
    let connections = seal_plaintext_rows(&caller).await?;
    let rules = seal_plaintext_rules(&caller).await?;
    Ok(format!("{connections} connections and {rules} alert rules sealed"))
}

async fn sessions(state: AppState) -> Result<String, AppError> {
    let removed = session::delete_expired(&state).await?;
    Ok(format!("{removed} removed"))
}

async fn network_control(state: AppState) -> Result<String, AppError> {
    Ok(if outage::does_control_answer(&state).await { "a control target answers" } else { "no control target answers" }
        .to_owned())
}

fn limits(state: &AppState) -> String {
    format!("{} buckets in use", state.limits().forget_idle())
}

async fn partitions(state: AppState) -> Result<String, AppError> {
    let made = retention::ensure_partitions(&Caller::system(&state, "partitions")).await?;
    Ok(format!("{made} made"))
}

async fn knowledge_stock(state: AppState) -> Result<String, AppError> {
    let changed = stock::load(&Caller::system(&state, "knowledge")).await?;
    Ok(format!("{changed} entries new or renewed"))
}

async fn remove_old(state: AppState) -> Result<String, AppError> {
    let caller = Caller::system(&state, "retention");
    let removed = retention::remove_old(&caller).await? + quarantine::expire(&caller).await?;
    let months = retention::drop_partitions(&caller).await?;
    Ok(format!("{removed} rows and {months} months of history removed"))
}

async fn sign_off(state: AppState, stop: CancellationToken) {
    stop.cancelled().await;
    if let Err(error) = retention::sign_off(&Caller::system(&state, "heartbeat"), state.worker()).await {
        tracing::info!("this process could not be taken off the list; it is removed after a day: {error}");
    }
}
