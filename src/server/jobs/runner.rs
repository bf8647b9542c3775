//! Runs one job again and again, and keeps how its last run ended for the status page.

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::Job;
use crate::{auth::server::Caller, error::AppError, server::state::AppState};

/// A run that takes longer than this is ended and counts as failed.
const LONGEST_RUN: Duration = Duration::from_mins(10);

/// Runs `job` now and then every [`Job::every`], until `stop`; a run that is under way is finished.
pub(super) async fn repeat(state: AppState, job: Job, stop: CancellationToken) {
    let mut ticks = interval(job.every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        run_once(&state, job).await;
    }
}

/// One run. Its own failure, a panic included, ends nothing but itself.
async fn run_once(state: &AppState, job: Job) {
    let started = Instant::now();
    let run = tokio::spawn(tokio::time::timeout(LONGEST_RUN, (job.run)(state.clone())));
    let outcome = match run.await {
        Ok(Ok(Ok(message))) => Ok(message),
        Ok(Ok(Err(error))) => Err(error.to_string()),
        Ok(Err(_)) => Err(format!("It was ended after {} s.", LONGEST_RUN.as_secs())),
        Err(error) => Err(AppError::internal(&error).to_string()),
    };
    if let Err(message) = &outcome {
        tracing::warn!(job = job.name, "a job failed: {message}");
    }
    // Where our own database is away, the job has failed for that very reason and the log says so.
    if let Err(error) = keep(state, job.name, started.elapsed(), &outcome).await {
        tracing::debug!(job = job.name, "the outcome of a job could not be kept: {error}");
    }
}

async fn keep(state: &AppState, name: &str, took: Duration, outcome: &Result<String, String>) -> Result<(), AppError> {
    let (word, message) = match outcome {
        Ok(message) => ("ok", message),
        Err(message) => ("failed", message),
    };
    let mut tx = Caller::system(state, "jobs").write().await?;
    sqlx::query!(
        "
        insert into job_runs (name, last_started_at, last_finished_at, outcome, message)
        values ($1, mooring_now() - make_interval(secs => $2), mooring_now(), $3, nullif($4, ''))
            on conflict (name) do update
           set last_started_at  = excluded.last_started_at,
               last_finished_at = excluded.last_finished_at,
               outcome          = excluded.outcome,
               message          = excluded.message
        ",
        name,
        took.as_secs_f64(),
        word,
        message,
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(())
}
