//! The operation `intelligent-retry-connection`: tries until it connects, as long as trying again can help.
//!
//! For a stored connection it is a check that goes on: under the same lease, held back by the same breaker,
//! written like every other, each attempt as a row. Settings that are not those of a stored connection are
//! tried in the same way, and leave nothing behind.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{
    asked::{LONGEST_WAIT, LOOK_EVERY, busy, give_back, lost, out_of_files, take, write},
    check::{Attempt, Checked, Finished, OVERRUN, failures_since, retry_until},
    claim::TO_WRITE,
};
use crate::{
    auth::server::Caller,
    connections::{
        Provider,
        server::{Asked, Given, Permit, given},
        settings::Settings,
    },
    error::AppError,
    health::CheckOrigin,
    ids::ConnectionId,
    probe::{Failure, ProbeReport},
    retry::{
        AttemptReport, BreakerReport, BreakerState, RetryPolicy, RetryReport, StoppedBecause,
        breaker::{Breaker, FAILURE_LIMIT, Gate},
    },
    server::{providers, state::AppState},
    timestamp::Timestamp,
};

/// The time in which all attempts are made: one at least, with the longest timeout, after the longest waits for
/// another check of the connection and for a turn.
const ATTEMPTS_WITHIN: Duration = Duration::from_secs(155);
/// The longest that [`retry`] takes.
pub const ANSWERS_WITHIN: Duration =
    Duration::from_secs(ATTEMPTS_WITHIN.as_secs() + OVERRUN.as_secs() + TO_WRITE.as_secs());

/// Tries the connection that is asked for, up to as many times as the operator's policy allows and the time holds.
///
/// # Errors
///
/// [`AppError::NotFound`] where the connection is not the caller's, [`AppError::Invalid`] where there is nothing
/// complete to connect to, [`AppError::TooManyRequests`] beyond the account's limits.
pub async fn retry(caller: &Caller, asked: Asked<'_>) -> Result<RetryReport, AppError> {
    let until = Instant::now() + ATTEMPTS_WITHIN;
    let Given { provider, settings, is_stored, .. } = given(caller, asked).await?;
    let _permit = Permit::take(caller)?;
    let state = caller.state().clone();
    if let (Some(id), true) = (asked.id, is_stored) {
        // What was begun is written, also where the caller leaves.
        return tokio::spawn(async move { stored(&state, id, until).await }).await.map_err(|error| lost(&error))?;
    }
    let settings = settings.ok_or_else(|| {
        let message = match asked.id {
            Some(_) => "The endpoint differs from the stored one, whose secrets are not used for it. Send user and password too.",
            None => "Send complete settings, with host, user and password, or the credentialId of a stored connection.",
        };
        AppError::invalid("credentials", message)
    })?;
    Ok(unstored(&state, provider, &settings, until).await)
}

/// A stored connection, under its lease.
async fn stored(state: &AppState, id: ConnectionId, until: Instant) -> Result<RetryReport, AppError> {
    let patience = Instant::now() + LONGEST_WAIT;
    while Instant::now() < patience {
        let Some(claim) = take(state, id, CheckOrigin::Retry).await? else {
            sleep(LOOK_EVERY).await;
            continue;
        };
        if let Gate::Blocked(_) = claim.breaker.gate(claim.now()) {
            give_back(state, claim.lease).await?;
            let breaker = breaker(state, id).await?;
            return Ok(report(&[], StoppedBecause::CircuitOpen, breaker));
        }
        match retry_until(state, claim, until).await {
            Checked::Done(finished) => {
                write(state, &finished).await?;
                return tell(state, &finished).await;
            }
            Checked::NotDone(lease) => give_back(state, lease).await?,
            Checked::OutOfFiles(lease) => {
                give_back(state, lease).await?;
                return Err(out_of_files());
            }
        }
    }
    Err(busy())
}

async fn tell(state: &AppState, finished: &Finished) -> Result<RetryReport, AppError> {
    let breaker = breaker(state, finished.claim.lease.credential_id).await?;
    let stopped = stopped(&state.config().retry, &finished.attempts, breaker.state);
    Ok(report(&finished.attempts, stopped, breaker))
}

/// Settings that are nowhere stored: nothing to be written, and no breaker.
async fn unstored(state: &AppState, provider: Provider, settings: &Settings, until: Instant) -> RetryReport {
    let policy = state.config().retry;
    let mut attempts: Vec<Attempt> = Vec::new();
    for number in 1..=policy.max_attempts {
        let waited = policy.delay(number, rand::random);
        if number > 1 && Instant::now() + waited + providers::longest(settings) > until {
            break;
        }
        state.clock().sleep(waited).await;
        let at = state.clock().now();
        let report = providers::probe(state.egress(), provider, settings).await;
        let goes_on = report.failure.as_ref().is_some_and(Failure::is_transient);
        attempts.push(Attempt { number, at, waited, report });
        if !goes_on {
            break;
        }
    }
    let failures = attempts.iter().filter(|attempt| !attempt.report.succeeded()).count();
    let breaker = BreakerReport {
        state: BreakerState::Closed,
        failures_last_hour: u32::try_from(failures).unwrap_or(u32::MAX),
        limit: FAILURE_LIMIT,
        open_until: None,
    };
    report(&attempts, stopped(&policy, &attempts, breaker.state), breaker)
}

fn stopped(policy: &RetryPolicy, attempts: &[Attempt], breaker: BreakerState) -> StoppedBecause {
    let Some(last) = attempts.last() else { return StoppedBecause::CircuitOpen };
    match &last.report.failure {
        None => StoppedBecause::Connected,
        Some(failure) if !failure.is_transient() => StoppedBecause::NotTransient,
        Some(_) if policy.allows_after(last.number) && breaker == BreakerState::Open => StoppedBecause::CircuitOpen,
        Some(_) => StoppedBecause::AttemptsUsed,
    }
}

fn report(attempts: &[Attempt], stopped_because: StoppedBecause, circuit_breaker: BreakerReport) -> RetryReport {
    let connected = attempts.iter().map(|attempt| &attempt.report).find(|report| report.succeeded());
    RetryReport {
        success: connected.is_some(),
        total_attempts: u32::try_from(attempts.len()).unwrap_or(u32::MAX),
        attempts: attempts.iter().map(attempt_report).collect(),
        stopped_because,
        response_time_ms: connected.map(ProbeReport::response_time_ms),
        circuit_breaker,
    }
}

fn attempt_report(attempt: &Attempt) -> AttemptReport {
    let failure = attempt.report.failure.as_ref();
    AttemptReport {
        attempt_number: attempt.number,
        success: failure.is_none(),
        cause: failure.map(|failure| failure.cause),
        error_message: failure.map(|failure| failure.message.clone()),
        is_transient: failure.map(Failure::is_transient),
        backoff_delay_ms: u32::try_from(attempt.waited.as_millis()).unwrap_or(u32::MAX),
        duration_ms: attempt.report.total_micros / 1_000,
    }
}

/// The breaker as it stands now, and what it counts.
async fn breaker(state: &AppState, id: ConnectionId) -> Result<BreakerReport, AppError> {
    let mut tx = Caller::system(state, "monitor").read().await?;
    let row = sqlx::query!(
        r#"
        select breaker_state, breaker_opened_at, breaker_open_until, breaker_counts_from, mooring_now() as "now!"
          from connection_state
         where credential_id = $1
        "#,
        id.0,
    )
    .fetch_one(&mut *tx)
    .await?;
    drop(tx);
    let now = Timestamp::from(row.now);
    let breaker =
        Breaker::stored(&row.breaker_state, row.breaker_opened_at, row.breaker_open_until, row.breaker_counts_from);
    let shown = breaker.shown(now);
    Ok(BreakerReport {
        state: shown,
        failures_last_hour: failures_since(state, id, breaker.window_start(now)).await?,
        limit: FAILURE_LIMIT,
        open_until: breaker.open_until.filter(|_| shown == BreakerState::Open),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::health::server::check::PATIENCE;

    #[test]
    fn there_is_time_for_one_attempt_however_long_it_was_waited_for() {
        let with = |timeout: u32| {
            let settings = json!({"host": "db.example.org", "username": "app", "connectTimeoutMs": timeout});
            Settings::from_json(Provider::PostgreSql, &settings)
        };
        let slowest = with(60_000).expect("the longest timeout");
        assert!(with(60_001).is_err(), "there is a longer one");
        assert!(LONGEST_WAIT + PATIENCE + providers::longest(&slowest) <= ATTEMPTS_WITHIN);
    }
}
