//! Writes what checks found: history, half hours, days, attempts, errors, breaker, notices and the next due
//! time, of many connections at once and in one transaction.
//!
//! Fenced: only what still holds its lease is written. What a result means beside what stood there before
//! is worked out in Rust ([`state::after`]), so that the statements only store.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use self::{rollup::Buckets, state::After};
use super::{check::Finished, notices, outage, patience::answered};
use crate::{
    auth::server::Caller,
    error::AppError,
    health::{Status, network::Evidence, schedule},
    ids::{ConnectionId, UserId},
    knowledge::server::learn_from_success,
    probe::{Outcome, Phase, ProbeReport},
    retry::{BreakerState, breaker::Breaker},
    server::state::AppState,
    timestamp::Timestamp,
};

mod errors;
mod history;
mod rollup;
mod state;

/// Days back that the history surely reaches: within the month before this one, whose partition is made ahead and
/// not dropped (`MOORING_HISTORY_DAYS` is 35 at least).
const SURELY_KEPT_DAYS: i64 = 28;
/// The longest message that is stored, in characters.
const LONGEST_MESSAGE: usize = 2_000;

/// Writes `results` and gives up their leases; tells which connections' results were written. Those that
/// are missing had lost their lease, or their connection is gone.
///
/// # Errors
///
/// Where our own database fails; then nothing was written.
pub async fn record(state: &AppState, results: &[Finished]) -> Result<BTreeSet<ConnectionId>, AppError> {
    if results.is_empty() {
        return Ok(BTreeSet::new());
    }
    answered(write(state, results)).await
}

async fn write(state: &AppState, results: &[Finished]) -> Result<BTreeSet<ConnectionId>, AppError> {
    let mut tx = Caller::system(state, "monitor").write().await?;
    // Whoever changes a connection holds its row for a moment. One who holds it for long must not keep all the other
    // results from being written: then they are written one by one, and one alone waits for little.
    let patience = if results.len() > 1 { "2s" } else { "100ms" };
    sqlx::query!("select set_config('lock_timeout', $1, true)", patience).fetch_one(&mut *tx).await?;
    let standing = lock(&mut tx, state, results).await?;
    let results: Vec<(&Finished, &Before)> = results
        .iter()
        .filter_map(|finished| Some((finished, standing.get(&finished.claim.lease.credential_id)?)))
        .collect();
    if results.is_empty() {
        return Ok(BTreeSet::new());
    }
    history::insert_checks(&mut tx, &results).await?;
    history::insert_attempts(&mut tx, &results).await?;
    let failures = history::count_failures(&mut tx, &results).await?;
    let failures = |id| failures.get(&id).copied().unwrap_or_default();
    let changes: Vec<After> = results
        .iter()
        .map(|(finished, before)| state::after(finished, before, failures(finished.claim.lease.credential_id)))
        .collect();
    state::update(&mut tx, &changes).await?;
    let mut buckets = Buckets::default();
    for (finished, before) in &results {
        buckets.take(finished, before);
    }
    buckets.store(&mut tx).await?;
    errors::upsert(&mut tx, &results).await?;
    errors::resolve(&mut tx, &results).await?;
    let answered: Vec<ConnectionId> = results
        .iter()
        .filter(|(finished, _)| is_up(finished.status))
        .map(|(finished, _)| finished.claim.lease.credential_id)
        .collect();
    learn_from_success(&mut tx, &answered).await?;
    tell(&mut tx, &results, &changes).await?;
    let owners: BTreeSet<UserId> = results.iter().map(|(_, before)| before.user_id).collect();
    announce(&mut tx, &owners.into_iter().collect::<Vec<_>>()).await?;
    tx.commit().await?;
    state.watch().recorded.notify_waiters();
    for (finished, _) in &results {
        state.metrics().checked(finished);
    }
    Ok(changes.iter().map(|change| ConnectionId(change.credential_id)).collect())
}

/// A connection as it stood before the result.
#[derive(Clone, Debug)]
struct Before {
    user_id: UserId,
    provider: String,
    is_active: bool,
    interval_s: u32,
    next_check_at: Option<Timestamp>,
    status: Status,
    status_since: Timestamp,
    last_check_at: Option<Timestamp>,
    consecutive_down: u32,
    consecutive_lasting: u32,
    breaker: Breaker,
    now: Timestamp,
}

/// Locks what still holds its lease. The connection before its state, as deleting one does.
async fn lock(
    connection: &mut PgConnection,
    state: &AppState,
    results: &[Finished],
) -> Result<BTreeMap<ConnectionId, Before>, sqlx::Error> {
    let ids: Vec<Uuid> = results.iter().map(|finished| finished.claim.lease.credential_id.0).collect();
    let until: Vec<OffsetDateTime> = results.iter().map(|finished| finished.claim.lease.until).collect();
    let rows = sqlx::query!(
        r#"
        select state.credential_id, connection.user_id, connection.provider, connection.is_active,
               connection.check_interval_s, state.next_check_at, state.status, state.status_since, state.last_check_at,
               state.consecutive_down, state.consecutive_lasting, state.breaker_state, state.breaker_opened_at,
               state.breaker_open_until, state.breaker_counts_from, mooring_now() as "now!"
          from unnest($1::uuid[], $2::timestamptz[]) as mine (credential_id, lease_until)
          join database_credentials as connection on connection.id = mine.credential_id
          join connection_state as state on state.credential_id = mine.credential_id
         where state.lease_owner = $3
           and state.lease_until = mine.lease_until
         order by state.credential_id
           for key share of connection
           for update of state
        "#,
        &ids,
        &until,
        state.worker().0,
    )
    .fetch_all(connection)
    .await?;
    let before = rows.into_iter().map(|row| {
        let breaker =
            Breaker::stored(&row.breaker_state, row.breaker_opened_at, row.breaker_open_until, row.breaker_counts_from);
        let before = Before {
            user_id: UserId(row.user_id),
            provider: row.provider,
            is_active: row.is_active,
            interval_s: row.check_interval_s.unsigned_abs(),
            next_check_at: row.next_check_at.map(Timestamp::from),
            status: Status::from_code(&row.status).unwrap_or(Status::Unknown),
            status_since: row.status_since.into(),
            last_check_at: row.last_check_at.map(Timestamp::from),
            consecutive_down: row.consecutive_down.unsigned_abs(),
            consecutive_lasting: row.consecutive_lasting.unsigned_abs(),
            breaker,
            now: row.now.into(),
        };
        (ConnectionId(row.credential_id), before)
    });
    Ok(before.collect())
}

fn phase_micros(report: Option<&ProbeReport>, phase: Phase) -> Option<i32> {
    let result = report?.phase(phase)?;
    (result.outcome == Outcome::Ok).then(|| stored(result.micros))
}

fn stored(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// Text from a server as it may be stored: Postgres takes no NUL, and nobody reads a megabyte.
fn storable(text: &str) -> String {
    text.chars().take(LONGEST_MESSAGE).map(|character| if character == '\0' { '\u{fffd}' } else { character }).collect()
}

/// The time in which nobody looked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Missed {
    /// When the check was due that nobody made.
    since: Timestamp,
    /// Where it stands in the history: there, or as far back as the history surely reaches. After a standstill of
    /// months, or an old backup, the month of `since` may be gone.
    told_at: Timestamp,
}

impl Missed {
    /// Before this check, where time was missed.
    fn before(finished: &Finished, before: &Before) -> Option<Self> {
        let due = finished.claim.due_at.filter(|_| finished.claim.origin.is_scheduled())?;
        before.last_check_at?;
        schedule::was_missed(due, finished.started_at, before.interval_s, before.consecutive_lasting)
            .then(|| Self { since: due, told_at: due.max(before.now.plus_seconds(-SURELY_KEPT_DAYS * 86_400)) })
    }
}

const fn is_up(status: Status) -> bool {
    matches!(status, Status::Healthy | Status::Degraded)
}

/// Raises and ends the notices about breakers and about our own network.
async fn tell(
    connection: &mut PgConnection,
    results: &[(&Finished, &Before)],
    changes: &[After],
) -> Result<(), sqlx::Error> {
    let closed = BreakerState::Closed.code();
    let turned = |to_closed: bool| {
        let both = results.iter().zip(changes);
        both.filter(move |((_, before), after)| {
            (before.breaker.state != BreakerState::Closed) == to_closed && (after.breaker_state == closed) == to_closed
        })
        .map(|((finished, before), _)| (before.user_id, finished.claim.lease.credential_id))
        .collect::<Vec<_>>()
    };
    notices::breaker_opened(connection, &turned(false)).await?;
    notices::breaker_closed(connection, &turned(true)).await?;
    let unknown = results.iter().filter(|(finished, _)| finished.status == Status::Unknown);
    let users: BTreeSet<UserId> = unknown.map(|(_, before)| before.user_id).collect();
    notices::network_down(connection, &users.into_iter().collect::<Vec<_>>()).await?;
    if results.iter().any(|(finished, _)| finished.evidence == Evidence::Works) {
        outage::works(connection).await?;
    }
    Ok(())
}

/// Tells the owners' pages to read again; sent when the transaction is committed.
pub(super) async fn announce(connection: &mut PgConnection, users: &[UserId]) -> Result<(), sqlx::Error> {
    let users: Vec<Uuid> = users.iter().map(|user| user.0).collect();
    sqlx::query!(
        "select pg_notify('mooring_live', 'health:' || user_id) from unnest($1::uuid[]) as told (user_id)",
        &users
    )
    .fetch_all(connection)
    .await?;
    Ok(())
}
