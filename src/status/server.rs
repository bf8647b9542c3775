//! What the status page, `self-test` and `/readyz` look at.

use super::{Part, Readiness, State, StatusReport};
use crate::{
    auth::server::Caller,
    error::AppError,
    health::server::list_notices,
    server::{db::MIGRATOR, state::AppState},
    timestamp::Timestamp,
};

/// A monitor that has not looked for due checks for this long is not alive; it looks every second.
const SWEEP_IS_LATE_S: u32 = 60;

/// Whether this process can do its work; a part that cannot be asked counts as not ready.
pub async fn readiness(state: &AppState) -> Readiness {
    let system = Caller::system(state, "readiness");
    match look(&system).await {
        Ok(readiness) => readiness,
        Err(error) => {
            tracing::debug!("Not ready: {error}");
            Readiness { database: false, migrations: false, monitor: false }
        }
    }
}

async fn look(system: &Caller) -> Result<Readiness, AppError> {
    let mut tx = system.read().await?;
    let state = system.state();
    let newest = MIGRATOR.iter().map(|migration| migration.version).max().unwrap_or(0);
    // The migrator makes this table itself, so it is not among those that queries are checked against.
    let done: Option<i64> =
        sqlx::query_scalar("select max(version) from _sqlx_migrations where success").fetch_one(&mut *tx).await?;
    let swept = sqlx::query_scalar!(
        r#"select last_sweep_at > mooring_now() - make_interval(secs => $2) as "alive" from workers where id = $1"#,
        state.worker().0,
        f64::from(SWEEP_IS_LATE_S),
    )
    .fetch_optional(&mut *tx)
    .await?
    .flatten()
    .unwrap_or(false);
    Ok(Readiness {
        database: true,
        migrations: done.is_some_and(|done| done >= newest),
        monitor: swept || !state.config().scheduler,
    })
}

/// How each part stands.
///
/// # Errors
///
/// [`AppError::Forbidden`] for anyone but administrators and the server itself.
pub async fn report(caller: &Caller) -> Result<StatusReport, AppError> {
    caller.require_admin()?;
    let state = caller.state();
    // The tables of the server itself are closed to `mooring_user`; no row of any account is read here.
    let system = Caller::system(state, "status page");
    let parts = vec![
        database(&system).await?,
        sealing(&system).await?,
        checks(&system).await?,
        processes(&system).await?,
        history(&system).await?,
        jobs(&system).await?,
        learning(&system).await?,
        network(&system).await?,
    ];
    let notices = if caller.user_id().is_ok() { list_notices(caller).await? } else { Vec::new() };
    Ok(StatusReport { version: env!("CARGO_PKG_VERSION").to_owned(), parts, notices })
}

fn part(name: &str, state: State, finding: String) -> Part {
    Part { name: name.to_owned(), state, finding, advice: None, last_at: None }
}

async fn database(system: &Caller) -> Result<Part, AppError> {
    let mut tx = system.read().await?;
    let started = system.clock().now();
    let row = sqlx::query!(
        r#"select current_setting('server_version') as "version!",
                  pg_size_pretty(pg_database_size(current_database())) as "size!""#
    )
    .fetch_one(&mut *tx)
    .await?;
    let micros = system.clock().now().micros_since(started);
    let place =
        if system.state().config().database_url.is_some() { "the server of DATABASE_URL" } else { "a private server" };
    Ok(part(
        "Database",
        State::Ok,
        format!(
            "PostgreSQL {} on {place} answers in {}.{} ms and holds {}.",
            row.version,
            micros / 1_000,
            micros % 1_000 / 100,
            row.size
        ),
    ))
}

async fn sealing(system: &Caller) -> Result<Part, AppError> {
    let mut tx = system.read().await?;
    let current = system.state().vault().current_key();
    let current = current.as_str();
    let row = sqlx::query!(
        r#"select count(*)                                                               as "rows!",
                  count(*) filter (where not credentials ? '$sealed')                    as "plaintext!",
                  count(*) filter (where credentials ? '$sealed' and credentials ->> 'kid' <> $1) as "older!"
             from database_credentials"#,
        current,
    )
    .fetch_one(&mut *tx)
    .await?;
    let finding = format!("Sealed: {} of {}. The current key is {current}.", row.rows - row.plaintext, row.rows);
    Ok(match (row.plaintext, row.older) {
        (0, 0) => part("Credentials", State::Ok, finding),
        (0, older) => Part {
            advice: Some(
                "Run `mooring keys rotate` to re-wrap them, and keep the older key until it is done.".to_owned(),
            ),
            ..part("Credentials", State::Attention, format!("{finding} {older} are wrapped by an older key."))
        },
        (plaintext, _) => Part {
            advice: Some(
                "They are sealed within a minute of being inserted. If this stays, see the job `seal`.".to_owned(),
            ),
            ..part("Credentials", State::Attention, format!("{finding} {plaintext} are not sealed yet."))
        },
    })
}

async fn checks(system: &Caller) -> Result<Part, AppError> {
    let mut tx = system.read().await?;
    let row = sqlx::query!(
        r#"select count(*) filter (where next_check_at is not null)                                as "scheduled!",
                  count(*) filter (where next_check_at < mooring_now() - interval '60 seconds')    as "late!",
                  max(last_check_at)                                                               as "last_at: time::OffsetDateTime"
             from connection_state"#
    )
    .fetch_one(&mut *tx)
    .await?;
    let last_at = row.last_at.map(Timestamp::from);
    let name = "Scheduled checks";
    Ok(Part {
        last_at,
        ..if !system.state().config().scheduler {
            Part {
                advice: Some(
                    "MOORING_SCHEDULER is off: something outside has to call proactive-health-monitor.".to_owned(),
                ),
                ..part(name, State::Off, format!("Waiting to be asked for: {}.", row.scheduled))
            }
        } else if row.late > 0 {
            Part {
                advice: Some("See whether a process is running (below), and whether many servers hang: raise MOORING_CHECK_CONCURRENCY.".to_owned()),
                ..part(name, State::Attention, format!("More than a minute late: {} of {}.", row.late, row.scheduled))
            }
        } else {
            part(name, State::Ok, format!("On schedule: {}. None is late.", row.scheduled))
        }
    })
}

async fn processes(system: &Caller) -> Result<Part, AppError> {
    let mut tx = system.read().await?;
    let row = sqlx::query!(
        r#"select count(*) filter (where seen_at > mooring_now() - interval '1 minute')                        as "alive!",
                  max(last_sweep_at)                                                                          as "swept: time::OffsetDateTime",
                  coalesce(extract(epoch from mooring_now() - max(last_sweep_at)), 1e9)::bigint               as "ago!"
             from workers"#
    )
    .fetch_one(&mut *tx)
    .await?;
    let swept = row.swept.map(Timestamp::from);
    let name = "Processes";
    Ok(Part {
        last_at: swept,
        ..if row.alive == 0 {
            Part {
                advice: Some("Start `mooring serve`.".to_owned()),
                ..part(name, State::Failed, "No process of Mooring is running on this database.".to_owned())
            }
        } else if row.ago > i64::from(SWEEP_IS_LATE_S) && system.state().config().scheduler {
            Part {
                advice: Some("Restart the process and send its log along with a report.".to_owned()),
                ..part(
                    name,
                    State::Failed,
                    format!("{} run, but none has looked for due checks for {} s.", row.alive, row.ago),
                )
            }
        } else {
            part(
                name,
                State::Ok,
                format!(
                    "{} on this database.",
                    if row.alive == 1 { "One runs".to_owned() } else { format!("{} run", row.alive) }
                ),
            )
        }
    })
}

async fn history(system: &Caller) -> Result<Part, AppError> {
    let mut tx = system.read().await?;
    let ahead = sqlx::query_scalar!(
        r#"select to_regclass('database_connection_health_' || to_char(mooring_now() at time zone 'UTC' + interval '1 month', 'YYYY_MM'))
                  is not null as "ahead!""#
    )
    .fetch_one(&mut *tx)
    .await?;
    Ok(if ahead {
        part("History", State::Ok, "Next month's part of the history is there.".to_owned())
    } else {
        Part {
            advice: Some("Checks cannot be recorded when the month ends. See the job `partitions`.".to_owned()),
            ..part("History", State::Failed, "Next month's part of the history is missing.".to_owned())
        }
    })
}

async fn jobs(system: &Caller) -> Result<Part, AppError> {
    let mut tx = system.read().await?;
    let rows = sqlx::query!(
        r#"select name, last_finished_at as "last_finished_at: time::OffsetDateTime", outcome, message from job_runs order by name"#
    )
    .fetch_all(&mut *tx)
    .await?;
    let last_at = rows.iter().filter_map(|row| row.last_finished_at.map(Timestamp::from)).max();
    let failed: Vec<String> = rows
        .iter()
        .filter(|row| row.outcome.as_deref() == Some("failed"))
        .map(|row| format!("{} ({})", row.name, row.message.as_deref().unwrap_or("no message")))
        .collect();
    Ok(Part {
        last_at,
        ..if failed.is_empty() {
            part("Background jobs", State::Ok, format!("{} jobs, none failed the last time.", rows.len()))
        } else {
            Part {
                advice: Some("Each runs again by itself; if it keeps failing, the log says more.".to_owned()),
                ..part("Background jobs", State::Attention, format!("Failed the last time: {}.", failed.join(", ")))
            }
        }
    })
}

async fn learning(system: &Caller) -> Result<Part, AppError> {
    let mut tx = system.read().await?;
    let row = sqlx::query!(
        r#"
        select entries.shared as "shared!", entries.built_in as "built_in!", entries.waiting as "waiting!",
               reports.worked as "worked!", reports.failed as "failed!",
               patterns.kinds as "kinds!", patterns.successes as "successes!",
               greatest(reports.last_at, patterns.last_at) as "last_at: time::OffsetDateTime"
          from (select count(*) filter (where shared_at is not null and hidden_at is null) as shared,
                       count(*) filter (where shared_at is not null and hidden_at is null and origin = 'stock') as built_in,
                       count(*) filter (where shared_at is null and hidden_at is null) as waiting
                  from database_knowledge_base) as entries,
               (select coalesce(sum(reports) filter (where worked), 0)::bigint as worked,
                       coalesce(sum(reports) filter (where not worked), 0)::bigint as failed,
                       max(reported_at) as last_at
                  from knowledge_reports) as reports,
               (select count(*) filter (where success_count > 0) as kinds,
                       coalesce(sum(success_count), 0)::bigint as successes,
                       max(last_seen_at) filter (where success_count > 0) as last_at
                  from connection_patterns) as patterns
        "#
    )
    .fetch_one(&mut *tx)
    .await?;
    let name = "Learning";
    let finding = format!(
        "Entries offered to all: {} ({} built in). Reports: {} that a cure worked, {} that it did not. \
         Kinds of configuration known to work: {}; successes: {}.",
        row.shared, row.built_in, row.worked, row.failed, row.kinds, row.successes,
    );
    Ok(Part {
        last_at: row.last_at.map(Timestamp::from),
        ..if row.built_in == 0 {
            Part {
                advice: Some(
                    "The built-in entries are loaded at the start: restart Mooring, and see its log.".to_owned(),
                ),
                ..part(name, State::Attention, finding)
            }
        } else if row.waiting > 0 {
            Part {
                advice: Some(format!(
                    "Held back until they are confirmed: {}. See Knowledge, “Waiting and hidden”.",
                    row.waiting
                )),
                ..part(name, State::Ok, finding)
            }
        } else {
            part(name, State::Ok, finding)
        }
    })
}

async fn network(system: &Caller) -> Result<Part, AppError> {
    let mut tx = system.read().await?;
    let since = sqlx::query_scalar!(
        r#"select created_at as "created_at: time::OffsetDateTime" from notices
            where kind = 'network_outage' and ended_at is null order by created_at desc limit 1"#
    )
    .fetch_optional(&mut *tx)
    .await?;
    Ok(match since.map(Timestamp::from) {
        None => part("Network", State::Ok, "Nothing points to an outage of our own network.".to_owned()),
        Some(since) => Part {
            last_at: Some(since),
            advice: Some(
                "Every server and the control target fail at once: look at this machine's network first.".to_owned(),
            ),
            ..part("Network", State::Failed, format!("Mooring itself seems to be cut off since {}.", since.utc()))
        },
    })
}

/// Adds Mooring's own database as a connection of the caller.
///
/// # Errors
///
/// [`AppError::Forbidden`] for members, [`AppError::Conflict`] where the role cannot be made.
pub async fn watch_own_database(caller: &Caller) -> Result<(), AppError> {
    caller.require_admin()?;
    let system = Caller::system(caller.state(), "watch own database");
    let settings = crate::server::startup::ensure_watch_role(&system).await?;
    crate::connections::server::create_own(caller, "Mooring's own database", &settings).await?;
    Ok(())
}
