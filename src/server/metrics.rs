//! What this process counts, for Prometheus. Labels are providers, statuses, phases and states: a fixed few, and
//! never a name that a person gave.

use std::fmt;

use prometheus_client::{
    encoding::text::{encode_eof, encode_registry},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};
use sqlx::PgConnection;

use crate::{
    auth::server::Caller, connections::Provider, error::AppError, health::server::check::Finished, probe::Outcome,
    server::state::AppState,
};

/// Upper bounds of the buckets of phases, in seconds: from a database in the same rack to the connect timeout.
const BUCKETS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];

type Labels<const N: usize> = [(&'static str, &'static str); N];
type Seconds = Family<Labels<2>, Histogram, fn() -> Histogram>;

/// The counters of one process.
pub struct Metrics {
    registry: Registry,
    checks: Family<Labels<2>, Counter>,
    phases: Seconds,
}

impl Default for Metrics {
    fn default() -> Self {
        let checks = Family::default();
        let phases = Seconds::new_with_constructor(|| Histogram::new(BUCKETS));
        let mut registry = Registry::default();
        registry.register("mooring_checks", "Checks that this process wrote down", checks.clone());
        registry.register("mooring_phase_seconds", "How long each phase of a check took", phases.clone());
        Self { registry, checks, phases }
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    /// Counts a check whose result is written.
    pub fn checked(&self, finished: &Finished) {
        let provider = ("provider", finished.claim.provider.map_or("legacy", Provider::code));
        self.checks.get_or_create(&[provider, ("status", finished.status.code())]).inc();
        let phases = finished.last().into_iter().flat_map(|report| &report.phases);
        for phase in phases.filter(|phase| phase.outcome == Outcome::Ok) {
            let histogram = self.phases.get_or_create(&[provider, ("phase", phase.phase.code())]);
            histogram.observe(f64::from(phase.micros) / 1e6);
        }
    }
}

/// Everything, in the text form of `OpenMetrics`, which Prometheus reads: the counters of this process, and what
/// the database says of all.
///
/// # Errors
///
/// [`AppError::Unavailable`] where our own database is away.
pub async fn write(state: &AppState) -> Result<String, AppError> {
    let mut registry = Registry::default();
    pool(&mut registry, state);
    let mut tx = Caller::system(state, "metrics").read().await?;
    connections(&mut registry, &mut tx).await?;
    breakers(&mut registry, &mut tx).await?;
    queues(&mut registry, &mut tx).await?;
    drop(tx);
    let mut text = String::new();
    encode_registry(&mut text, &state.metrics().registry)
        .and_then(|()| encode_registry(&mut text, &registry))
        .and_then(|()| encode_eof(&mut text))
        .map_err(|error| AppError::internal(&error))?;
    Ok(text)
}

fn gauge<const N: usize>(registry: &mut Registry, name: &str, help: &str) -> Family<Labels<N>, Gauge> {
    let family = Family::<Labels<N>, Gauge>::default();
    registry.register(name, help, family.clone());
    family
}

fn pool(registry: &mut Registry, state: &AppState) {
    let pool = state.database().pool();
    let idle = i64::try_from(pool.num_idle()).unwrap_or(i64::MAX);
    let open = i64::from(pool.size());
    let connections = gauge(registry, "mooring_pool_connections", "Connections of this process to its own database");
    connections.get_or_create(&[("state", "idle")]).set(idle);
    connections.get_or_create(&[("state", "used")]).set(open.saturating_sub(idle));
    connections.get_or_create(&[("state", "allowed")]).set(i64::from(pool.options().get_max_connections()));
}

async fn connections(registry: &mut Registry, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let rows = sqlx::query!(
        r#"
        select connection.provider, state.status, count(*) as "count!"
          from database_credentials as connection
          join connection_state as state on state.credential_id = connection.id
         where connection.is_active
         group by 1, 2
        "#
    )
    .fetch_all(connection)
    .await?;
    let family =
        gauge(registry, "mooring_connections", "Connections that are watched, by how the last look found them");
    for row in rows {
        let provider = row.provider.parse::<Provider>().map_or("legacy", Provider::code);
        let status = crate::health::Status::from_code(&row.status).unwrap_or(crate::health::Status::Unknown);
        family.get_or_create(&[("provider", provider), ("status", status.code())]).set(row.count);
    }
    Ok(())
}

async fn breakers(registry: &mut Registry, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let row = sqlx::query!(
        r#"
        select count(*) filter (where breaker_state = 'closed')    as "closed!",
               count(*) filter (where breaker_state = 'open')      as "open!",
               count(*) filter (where breaker_state = 'half_open') as "half_open!"
          from connection_state
        "#
    )
    .fetch_one(connection)
    .await?;
    let family = gauge(registry, "mooring_breakers", "Circuit breakers by state");
    for (state, count) in [("closed", row.closed), ("open", row.open), ("half_open", row.half_open)] {
        family.get_or_create(&[("state", state)]).set(count);
    }
    Ok(())
}

async fn queues(registry: &mut Registry, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let row = sqlx::query!(
        r#"
        select (select count(*) from connection_state
                 where next_check_at <= mooring_now() and (lease_until is null or lease_until < mooring_now())) as "due!",
               (select count(*) from connection_state where lease_until >= mooring_now())                      as "claimed!",
               (select count(*) from database_credentials where not credentials ? '$sealed')                   as "unsealed!",
               (select count(*) from audit_pending)                                                            as "audit!"
        "#
    )
    .fetch_one(connection)
    .await?;
    let family = gauge(
        registry,
        "mooring_queue_depth",
        "What waits: checks that are due, checks under way, rows to be sealed, audit entries to be chained",
    );
    for (queue, count) in
        [("checks_due", row.due), ("checks_claimed", row.claimed), ("seal", row.unsealed), ("audit", row.audit)]
    {
        family.get_or_create(&[("queue", queue)]).set(count);
    }
    Ok(())
}
