//! Takes connections, so that no other process checks them at the same time. Whose turn it is, and whether
//! a lease has run out, the database's clock alone decides.

use std::time::Duration;

use serde_json::Value;
use sqlx::PgConnection;
use time::OffsetDateTime;
use tokio::time::Instant;
use uuid::Uuid;

use crate::{
    connections::Provider,
    health::{
        CheckOrigin,
        quiet::{LastLook, QuietMode},
    },
    ids::{ConnectionId, UserId, WorkerId},
    retry::{RetryPolicy, breaker::Breaker},
    timestamp::Timestamp,
};

/// How long a claim holds: the time that a check may take with all its attempts, and [`TO_WRITE`].
pub const LEASE: Duration = Duration::from_secs(RetryPolicy::CONFIRMATION_BUDGET.as_secs() + TO_WRITE.as_secs());
/// The part of a lease that is left for writing.
pub const TO_WRITE: Duration = Duration::from_secs(15);

/// The right to check one connection and to write what was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Which connection.
    pub credential_id: ConnectionId,
    /// When it runs out, by the database's clock. Distinct for each claim, so that it is the fence as well:
    /// what comes under another lease, even of the same process, is not written.
    pub until: OffsetDateTime,
    /// The same by this process's clock.
    pub runs_out: Instant,
}

/// A connection that this process may check.
#[derive(Debug)]
pub struct Claim {
    /// The right to do so.
    pub lease: Lease,
    /// Whose it is.
    pub user_id: UserId,
    /// None for what cannot be checked.
    pub provider: Option<Provider>,
    /// The sealed settings; taken out when the probe opens them.
    pub credentials: Value,
    /// Milliseconds from which an answer is slow.
    pub slow_threshold_ms: u32,
    /// Seconds between checks.
    pub interval_s: u32,
    /// Who asked.
    pub origin: CheckOrigin,
    /// The breaker as it stood.
    pub breaker: Breaker,
    /// Whether the last check ended in silence.
    pub hangs: bool,
    /// Whether its database may be left asleep.
    pub quiet_mode: QuietMode,
    /// What the last answered look found.
    pub last_look: Option<LastLook>,
    /// Whether it was down at the last check.
    pub is_down: bool,
    /// The place on the grid that this check fills; none where the connection is paused.
    pub due_at: Option<Timestamp>,
    /// The database's time at the claim.
    pub claimed_at: Timestamp,
    /// The same by this process's clock.
    pub claimed: Instant,
}

impl Claim {
    /// The database's time now, as far as this process can tell without asking.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let elapsed = i64::try_from(self.claimed.elapsed().as_micros()).unwrap_or(i64::MAX);
        self.claimed_at.plus_micros(elapsed)
    }
}

struct Row {
    credential_id: Uuid,
    user_id: Uuid,
    provider: String,
    credentials: Value,
    slow_threshold_ms: i32,
    check_interval_s: i32,
    breaker_state: String,
    breaker_opened_at: Option<OffsetDateTime>,
    breaker_open_until: Option<OffsetDateTime>,
    breaker_counts_from: OffsetDateTime,
    hangs: bool,
    quiet_mode: String,
    looked_at: Option<OffsetDateTime>,
    others_at_work: bool,
    is_down: bool,
    next_check_at: Option<OffsetDateTime>,
    lease_until: OffsetDateTime,
    claimed_at: OffsetDateTime,
}

impl Row {
    fn into_claim(self, origin: CheckOrigin, asked_at: Instant) -> Claim {
        Claim {
            lease: Lease {
                credential_id: ConnectionId(self.credential_id),
                until: self.lease_until,
                runs_out: asked_at + LEASE,
            },
            user_id: UserId(self.user_id),
            provider: self.provider.parse().ok(),
            credentials: self.credentials,
            slow_threshold_ms: self.slow_threshold_ms.unsigned_abs(),
            interval_s: self.check_interval_s.unsigned_abs(),
            origin,
            breaker: Breaker::stored(
                &self.breaker_state,
                self.breaker_opened_at,
                self.breaker_open_until,
                self.breaker_counts_from,
            ),
            hangs: self.hangs,
            quiet_mode: QuietMode::from_code(&self.quiet_mode).unwrap_or_default(),
            last_look: self.looked_at.map(|at| LastLook { at: at.into(), others_at_work: self.others_at_work }),
            is_down: self.is_down,
            due_at: self.next_check_at.map(Timestamp::from),
            claimed_at: self.claimed_at.into(),
            claimed: asked_at,
        }
    }
}

/// Takes up to `limit` connections that are due, the longest due first; only those whose last check ended
/// in silence, or only the others, as `hangs` says.
///
/// # Errors
///
/// Where our own database fails.
pub async fn due(
    connection: &mut PgConnection,
    worker: WorkerId,
    origin: CheckOrigin,
    hangs: bool,
    limit: usize,
) -> Result<Vec<Claim>, sqlx::Error> {
    let asked_at = Instant::now();
    let rows = sqlx::query_as!(
        Row,
        r#"
        with due as (
            select credential_id
              from connection_state
             where next_check_at <= mooring_now()
               and hangs = $2
               and (lease_owner is null or lease_until < mooring_now())
             order by next_check_at
             limit $3
               for update skip locked
        ), taken as (
            update connection_state as state
               set lease_owner = $1, lease_until = mooring_now() + make_interval(secs => $4)
              from due
             where state.credential_id = due.credential_id
            returning state.*
        )
        select taken.credential_id       as "credential_id!",
               connection.user_id        as "user_id!",
               connection.provider       as "provider!",
               connection.credentials    as "credentials!",
               connection.slow_threshold_ms as "slow_threshold_ms!",
               connection.check_interval_s  as "check_interval_s!",
               taken.breaker_state       as "breaker_state!",
               taken.breaker_opened_at,
               taken.breaker_open_until,
               taken.breaker_counts_from as "breaker_counts_from!",
               taken.hangs               as "hangs!",
               connection.quiet_mode     as "quiet_mode!",
               taken.looked_at,
               taken.others_at_work      as "others_at_work!",
               taken.status = 'down'     as "is_down!",
               taken.next_check_at,
               taken.lease_until         as "lease_until!",
               mooring_now()             as "claimed_at!"
          from taken
          join database_credentials as connection on connection.id = taken.credential_id
         order by taken.next_check_at
        "#,
        worker.0,
        hangs,
        i64::try_from(limit).unwrap_or(i64::MAX),
        LEASE.as_secs_f64(),
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| row.into_claim(origin, asked_at)).collect())
}

/// Takes one connection, due or not; none where another check of it is running, or it is not there.
///
/// # Errors
///
/// Where our own database fails.
pub async fn one(
    connection: &mut PgConnection,
    worker: WorkerId,
    origin: CheckOrigin,
    id: ConnectionId,
) -> Result<Option<Claim>, sqlx::Error> {
    let asked_at = Instant::now();
    let row = sqlx::query_as!(
        Row,
        r#"
        with taken as (
            update connection_state as state
               set lease_owner = $1, lease_until = mooring_now() + make_interval(secs => $3)
             where state.credential_id = $2
               and (lease_owner is null or lease_until < mooring_now())
            returning state.*
        )
        select taken.credential_id       as "credential_id!",
               connection.user_id        as "user_id!",
               connection.provider       as "provider!",
               connection.credentials    as "credentials!",
               connection.slow_threshold_ms as "slow_threshold_ms!",
               connection.check_interval_s  as "check_interval_s!",
               taken.breaker_state       as "breaker_state!",
               taken.breaker_opened_at,
               taken.breaker_open_until,
               taken.breaker_counts_from as "breaker_counts_from!",
               taken.hangs               as "hangs!",
               connection.quiet_mode     as "quiet_mode!",
               taken.looked_at,
               taken.others_at_work      as "others_at_work!",
               taken.status = 'down'     as "is_down!",
               taken.next_check_at,
               taken.lease_until         as "lease_until!",
               mooring_now()             as "claimed_at!"
          from taken
          join database_credentials as connection on connection.id = taken.credential_id
        "#,
        worker.0,
        id.0,
        LEASE.as_secs_f64(),
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| row.into_claim(origin, asked_at)))
}

/// How many connections are due and in nobody's hands.
///
/// # Errors
///
/// Where our own database fails.
pub async fn count_due(connection: &mut PgConnection) -> Result<u32, sqlx::Error> {
    let count = sqlx::query_scalar!(
        r#"
        select count(*) as "count!"
          from connection_state
         where next_check_at <= mooring_now()
           and (lease_owner is null or lease_until < mooring_now())
        "#
    )
    .fetch_one(connection)
    .await?;
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}

/// Holds a claim for longer, where the connection's own time limit asks for it. False where it is lost.
///
/// # Errors
///
/// Where our own database fails.
pub async fn prolong(
    connection: &mut PgConnection,
    worker: WorkerId,
    lease: &mut Lease,
    by: Duration,
) -> Result<bool, sqlx::Error> {
    let asked_at = Instant::now();
    let until = sqlx::query_scalar!(
        r#"
        update connection_state
           set lease_until = mooring_now() + make_interval(secs => $4)
         where credential_id = $1 and lease_owner = $2 and lease_until = $3
        returning lease_until as "lease_until!"
        "#,
        lease.credential_id.0,
        worker.0,
        lease.until,
        by.as_secs_f64(),
    )
    .fetch_optional(connection)
    .await?;
    if let Some(until) = until {
        lease.until = until;
        lease.runs_out = asked_at + by;
    }
    Ok(until.is_some())
}

/// Gives claims back unused, so that others need not wait for the leases to run out.
///
/// # Errors
///
/// Where our own database fails.
pub async fn give_back(connection: &mut PgConnection, worker: WorkerId, leases: &[Lease]) -> Result<(), sqlx::Error> {
    let ids: Vec<Uuid> = leases.iter().map(|lease| lease.credential_id.0).collect();
    let until: Vec<OffsetDateTime> = leases.iter().map(|lease| lease.until).collect();
    sqlx::query!(
        "
        update connection_state as state
           set lease_owner = null, lease_until = null
          from unnest($1::uuid[], $2::timestamptz[]) as mine (credential_id, lease_until)
         where state.credential_id = mine.credential_id
           and state.lease_until = mine.lease_until
           and state.lease_owner = $3
        ",
        &ids,
        &until,
        worker.0,
    )
    .execute(connection)
    .await?;
    Ok(())
}
