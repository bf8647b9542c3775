//! Checks that somebody waits for, and what else a person may ask of the monitor.

use std::{collections::BTreeMap, time::Duration};

use tokio::{
    sync::{mpsc, watch},
    task::{JoinError, JoinSet},
    time::{Instant, timeout, timeout_at},
};
use tokio_util::sync::CancellationToken;

use crate::{
    audit::{
        Outcome,
        server::{self as audit, Entry},
    },
    auth::server::Caller,
    error::AppError,
    health::{
        CheckOrigin, CheckResult, Checks, Status, SweepReport,
        server::{
            check::{Checked, Finished, check, hold},
            claim::{self, Claim, Lease},
            monitor,
            record::{announce, record},
        },
    },
    ids::ConnectionId,
    server::state::AppState,
    timestamp::Timestamp,
};

/// The time within which a request that sweeps is answered with what is done by then.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(25);
/// How long a result of a running check is waited for: its lease, and a little.
pub(super) const LONGEST_WAIT: Duration = Duration::from_mins(1);
/// How often it is looked for where another process makes the check.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How long to wait after our own database failed.
const AFTER_FAILURE: Duration = Duration::from_millis(500);

/// Checks one connection now: a single probe, whose failure counts as confirmed. Where a check of it is
/// running, here or in another process, its result is waited for and returned.
///
/// # Errors
///
/// [`AppError::NotFound`] where it is not the caller's; [`AppError::Conflict`] for a connection without a
/// provider; [`AppError::TooManyRequests`]; [`AppError::Unavailable`] where our own database is away.
pub async fn check_now(caller: &Caller, id: ConnectionId, origin: CheckOrigin) -> Result<CheckResult, AppError> {
    let mine = own(caller, Some(&[id])).await?;
    let connection = mine.get(&id).ok_or(AppError::NotFound)?;
    caller.state().limits().probe(caller)?;
    if !connection.can_be_checked {
        return Err(AppError::Conflict(
            "This connection has no provider yet. Choose one, then it can be checked.".to_owned(),
        ));
    }
    let state = caller.state().clone();
    // What was begun is written, also where the caller leaves.
    tokio::spawn(async move { check_one(&state, id, origin).await }).await.map_err(|error| lost(&error))?
}

/// Checks the caller's active connections now, or those that are named, one probe each. Answers within 25 s
/// with what is done by then; the rest goes on.
///
/// # Errors
///
/// [`AppError::NotFound`] where one of those that are named is not the caller's; [`AppError::TooManyRequests`].
pub async fn check_all(caller: &Caller, ids: Option<&[ConnectionId]>, origin: CheckOrigin) -> Result<Checks, AppError> {
    let until = Instant::now() + ANSWER_WITHIN;
    let mine = own(caller, ids).await?;
    if ids.is_some_and(|ids| ids.iter().any(|id| !mine.contains_key(id))) {
        return Err(AppError::NotFound);
    }
    caller.state().limits().probe(caller)?;
    let wanted: Vec<ConnectionId> =
        mine.iter().filter(|(_, connection)| connection.can_be_checked).map(|(id, _)| *id).collect();
    let mut report = SweepReport { due: u32::try_from(mine.len()).unwrap_or(u32::MAX), ..SweepReport::default() };
    let mut results = Vec::with_capacity(wanted.len());
    let mut arriving = begin_all(caller.state().clone(), wanted, origin);
    while let Ok(Some(result)) = timeout_at(until, arriving.recv()).await {
        report.count(result.status);
        results.push(result);
    }
    report.skipped = report.due.saturating_sub(report.checked);
    results.sort_by_key(|result| mine.get(&result.credential_id).map(|connection| connection.name.to_lowercase()));
    Ok(Checks { report, results })
}

/// Checks what is due, for whoever asks: calling it more often changes nothing. Answers within 25 s with
/// what is done by then; the rest goes on.
///
/// # Errors
///
/// [`AppError::Unavailable`] where our own database is away.
pub async fn run_due(state: &AppState) -> Result<SweepReport, AppError> {
    let (progress, shown) = watch::channel(SweepReport::default());
    let state = state.clone();
    let sweep = tokio::spawn(async move { monitor::sweep(&state, CheckOrigin::Cron, &progress).await });
    if let Ok(done) = timeout(ANSWER_WITHIN, sweep).await {
        done.map_err(|error| lost(&error))??;
    } else {
        tracing::info!("a sweep that was asked for goes on after its answer");
    }
    Ok(*shown.borrow())
}

/// Lets retries and confirmations of a connection through again.
///
/// # Errors
///
/// [`AppError::NotFound`] where it is not the caller's.
pub async fn reset_breaker(caller: &Caller, id: ConnectionId) -> Result<(), AppError> {
    let user = caller.user_id()?;
    let mut tx = caller.write().await?;
    let done = sqlx::query!(
        "
        update connection_state
           set breaker_state = 'closed', breaker_opened_at = null, breaker_open_until = null,
               breaker_counts_from = mooring_now()
         where credential_id = (select id from database_credentials where id = $1 and user_id = $2)
        ",
        id.0,
        user.0,
    )
    .execute(&mut *tx)
    .await?;
    if done.rows_affected() == 0 {
        return Err(AppError::NotFound);
    }
    sqlx::query!(
        "
        update notices
           set dismissed_at = mooring_now()
         where credential_id = $1 and user_id = $2 and kind = 'breaker_opened' and dismissed_at is null
        ",
        id.0,
        user.0,
    )
    .execute(&mut *tx)
    .await?;
    audit::record(&mut tx, caller, Entry::new("connection.reset_breaker", Outcome::Success).connection(id)).await?;
    announce(&mut tx, &[user]).await?;
    tx.commit().await?;
    Ok(())
}

struct Mine {
    name: String,
    can_be_checked: bool,
}

/// Those connections that are named and the caller's; where none is named, all of the caller's that are active.
async fn own(caller: &Caller, ids: Option<&[ConnectionId]>) -> Result<BTreeMap<ConnectionId, Mine>, AppError> {
    let user = caller.user_id()?;
    let ids: Option<Vec<uuid::Uuid>> = ids.map(|ids| ids.iter().map(|id| id.0).collect());
    let mut tx = caller.read().await?;
    let rows = sqlx::query!(
        r#"
        select id, connection_name, provider <> 'legacy' as "can_be_checked!"
          from database_credentials
         where user_id = $1
           and (id = any ($2) or ($2::uuid[] is null and is_active and provider <> 'legacy'))
        "#,
        user.0,
        ids.as_deref() as Option<&[uuid::Uuid]>,
    )
    .fetch_all(&mut *tx)
    .await?;
    let mine = rows
        .into_iter()
        .map(|row| (ConnectionId(row.id), Mine { name: row.connection_name, can_be_checked: row.can_be_checked }));
    Ok(mine.collect())
}

/// Begins the checks, as many at a time as one account may have under way, and hands over each result as it comes.
fn begin_all(state: AppState, ids: Vec<ConnectionId>, origin: CheckOrigin) -> mpsc::UnboundedReceiver<CheckResult> {
    let (sender, receiver) = mpsc::unbounded_channel();
    let at_once = state.watch().share();
    tokio::spawn(async move {
        let mut running = JoinSet::new();
        for id in ids {
            if running.len() >= at_once {
                running.join_next().await;
            }
            let (state, sender) = (state.clone(), sender.clone());
            running.spawn(async move {
                match check_one(&state, id, origin).await {
                    // Nobody may be waiting any more; the result is written all the same.
                    Ok(result) => drop(sender.send(result)),
                    Err(error) => tracing::warn!(connection = %id, "a check that was asked for has no result: {error}"),
                }
            });
        }
        drop(sender);
        while running.join_next().await.is_some() {}
    });
    receiver
}

/// One check that was asked for, or the result of the one that is running.
async fn check_one(state: &AppState, id: ConnectionId, origin: CheckOrigin) -> Result<CheckResult, AppError> {
    let until = Instant::now() + LONGEST_WAIT;
    let before = look(state, id).await?.ok_or(AppError::NotFound)?.last_check_at;
    let mut has_waited = false;
    while Instant::now() < until {
        // Listening begins before looking, so that no bell is missed in between.
        let rung = state.watch().recorded.notified();
        let claim = take(state, id, origin).await?;
        if has_waited {
            // Looked at with the claim in hand: nothing can be written in between.
            let now = look(state, id).await?.ok_or(AppError::NotFound)?;
            if let (Some(result), true) = (now.result, now.last_check_at != before) {
                if let Some(claim) = claim {
                    give_back(state, claim.lease).await?;
                }
                return Ok(result);
            }
        }
        let Some(claim) = claim else {
            has_waited = true;
            let _ = timeout(LOOK_EVERY, rung).await;
            continue;
        };
        match check(state, claim, &CancellationToken::new()).await {
            Checked::Done(finished) => {
                if let Some(result) = write(state, &finished).await? {
                    return Ok(result);
                }
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

/// Another check took too long to be waited for.
pub(super) fn busy() -> AppError {
    AppError::Unavailable("Another check of this connection is still running. Try again in a moment.".to_owned())
}

/// Does `work` on the server of a stored connection while nobody else asks it: waits for a check that is running, and
/// keeps others waiting for as long as it `takes`. What is found is not written.
///
/// # Errors
///
/// [`AppError::Unavailable`] where another check does not end, or our own database is away.
pub async fn alone<T>(
    state: &AppState,
    id: ConnectionId,
    takes: Duration,
    work: impl Future<Output = T>,
) -> Result<T, AppError> {
    let until = Instant::now() + LONGEST_WAIT;
    let claim = loop {
        let rung = state.watch().recorded.notified();
        if let Some(claim) = take(state, id, CheckOrigin::Person).await? {
            break claim;
        }
        if Instant::now() >= until {
            return Err(busy());
        }
        let _ = timeout(LOOK_EVERY, rung).await;
    };
    let mut held = Held { state: state.clone(), lease: Some(claim.lease) };
    let has_it = match &mut held.lease {
        Some(lease) => hold(state, lease, takes).await,
        None => false,
    };
    if !has_it {
        return Err(busy());
    }
    let done = work.await;
    held.end().await;
    Ok(done)
}

/// A connection that is held beside the schedule; given back also where whoever asked has left.
struct Held {
    state: AppState,
    lease: Option<Lease>,
}

impl Held {
    async fn end(&mut self) {
        if let Some(lease) = self.lease.take() {
            let_go(&self.state, lease).await;
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(lease) = self.lease.take() {
            let state = self.state.clone();
            tokio::spawn(async move { let_go(&state, lease).await });
        }
    }
}

async fn let_go(state: &AppState, lease: Lease) {
    if let Err(error) = give_back(state, lease).await {
        tracing::info!("a connection could not be given back; its lease runs out by itself: {error}");
    }
    state.watch().recorded.notify_waiters();
}

/// Nothing was found out, for our own trouble.
pub(super) fn out_of_files() -> AppError {
    AppError::Unavailable(
        "Mooring itself has no file descriptor left to connect with. Try again in a moment; if that does not help, an administrator has to raise its limit."
            .to_owned(),
    )
}

/// Gives up the right to check without a result.
pub(super) async fn give_back(state: &AppState, lease: Lease) -> Result<(), AppError> {
    let mut tx = Caller::system(state, "monitor").write().await?;
    claim::give_back(&mut tx, state.worker(), &[lease]).await?;
    tx.commit().await?;
    Ok(())
}

/// Takes the connection for a check, unless another one is running.
pub(super) async fn take(state: &AppState, id: ConnectionId, origin: CheckOrigin) -> Result<Option<Claim>, AppError> {
    let mut tx = Caller::system(state, "monitor").write().await?;
    let claim = claim::one(&mut tx, state.worker(), origin, id).await?;
    tx.commit().await?;
    Ok(claim)
}

/// Writes the result while the lease lasts; none where it was lost.
pub(super) async fn write(state: &AppState, finished: &Finished) -> Result<Option<CheckResult>, AppError> {
    loop {
        match record(state, std::slice::from_ref(finished)).await {
            Ok(written) => return Ok((!written.is_empty()).then(|| result(finished))),
            Err(AppError::Unavailable(_) | AppError::Conflict(_))
                if Instant::now() + AFTER_FAILURE < finished.claim.lease.runs_out =>
            {
                tokio::time::sleep(AFTER_FAILURE).await;
            }
            Err(error) => return Err(error),
        }
    }
}

fn result(finished: &Finished) -> CheckResult {
    let failure = finished.failure();
    CheckResult {
        credential_id: finished.claim.lease.credential_id,
        status: finished.status,
        response_time_ms: finished
            .last()
            .filter(|report| report.succeeded())
            .map(crate::probe::ProbeReport::response_time_ms),
        cause: failure.map(|failure| failure.cause),
        error_message: failure.map(|failure| failure.message.clone()),
        started_at: finished.started_at,
    }
}

struct Look {
    last_check_at: Option<Timestamp>,
    result: Option<CheckResult>,
}

/// The last result as it is stored.
async fn look(state: &AppState, id: ConnectionId) -> Result<Option<Look>, AppError> {
    let mut tx = Caller::system(state, "monitor").read().await?;
    let row = sqlx::query!(
        "
        select status, last_check_at, response_time_ms, cause, error_message
          from connection_state
         where credential_id = $1
        ",
        id.0,
    )
    .fetch_optional(&mut *tx)
    .await?;
    Ok(row.map(|row| {
        let last_check_at = row.last_check_at.map(Timestamp::from);
        let result = last_check_at.map(|started_at| CheckResult {
            credential_id: id,
            status: Status::from_code(&row.status).unwrap_or(Status::Unknown),
            response_time_ms: row.response_time_ms.and_then(|ms| u32::try_from(ms).ok()),
            cause: row.cause.and_then(|code| code.parse().ok()),
            error_message: row.error_message,
            started_at,
        });
        Look { last_check_at, result }
    }))
}

/// A task of ours panicked.
pub(super) fn lost(error: &JoinError) -> AppError {
    AppError::internal(error)
}
