//! Our own database hangs, in part or for whoever asks in one way, and the monitor goes on as far as it can.

use std::{future::Future, str::FromStr, time::Duration};

use mooring::{
    auth::server::Caller,
    health::server::monitor,
    server::{
        config::Config,
        startup::{self, OpenDatabase, open_database},
        state::AppState,
    },
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use sqlx::{Connection, Row};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    monitor::proxy,
    support::{
        app::{TestApp, master_key},
        cluster::TestDatabase,
        pgbouncer::PgBouncer,
        postgres::{DATABASE, PASSWORD, PostgresOptions, TargetPostgres, USER},
        rows::{count, run},
    },
};

/// How long something that happens by itself may take; nothing is right because it was waited for.
const PATIENCE: Duration = Duration::from_secs(90);

/// A target that answers: the server of our own database, by a connection of its own.
fn answering(app: &TestApp) -> Value {
    json!({ "connectionString": app.database.url(), "tls": "disable" })
}

/// Waits until `from` has a row.
async fn eventually(app: &TestApp, what: &str, from: &str) {
    let mut connection = app.database.connect().await;
    let there = async {
        while count(&mut connection, from).await == 0 {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, there).await.unwrap_or_else(|_| panic!("{what}"));
}

/// Runs the monitor as long as `test` takes.
async fn watched(app: &TestApp, test: impl Future<Output = ()>) {
    let stop = CancellationToken::new();
    let running = tokio::spawn(monitor::run(app.state.clone(), stop.clone()));
    test.await;
    stop.cancel();
    timeout(PATIENCE, running).await.expect("it stops in time").expect("it did not panic");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_is_held_keeps_no_other_result_from_being_written() {
    let app = TestApp::start().await;
    let owner = app.user("a@example.org").await;
    // Long enough under way for its row to be taken before its result comes.
    let slow = proxy(&app, 0, Duration::from_secs(3)).await;
    app.connection(&owner, "held", "postgresql", &slow).await;
    watched(&app, async {
        eventually(&app, "a claim", "connection_state where lease_owner is not null").await;
        let mut holder = app.database.connect().await;
        let mut holding = holder.begin().await.expect("begin");
        run(&mut holding, "select from connection_state for update").await;
        assert_eq!(count(&mut holding, "database_connection_health").await, 0, "it is still being checked");
        let other = app.connection(&owner, "other", "postgresql", &answering(&app)).await;
        let rows = format!("database_connection_health where credential_id = '{other}'");
        eventually(&app, "the other result", &rows).await;
        holding.rollback().await.expect("let go");
    })
    .await;
}

/// Backends that are stopped, as on a machine that swaps; they go on when this is dropped.
struct Frozen(Vec<Pid>);

impl Frozen {
    /// Every backend of this database but the one that asks.
    async fn all(app: &TestApp) -> Self {
        let mut connection = app.database.connect().await;
        let ids: Vec<i32> = sqlx::query_scalar(
            "select pid from pg_stat_activity
              where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'",
        )
        .fetch_all(&mut connection)
        .await
        .expect("ask for the backends");
        let ids: Vec<Pid> = ids.into_iter().filter_map(Pid::from_raw).collect();
        for id in &ids {
            kill_process(*id, Signal::STOP).expect("stop a backend");
        }
        Self(ids)
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        for id in &self.0 {
            // One that has ended needs nothing.
            let _ = kill_process(*id, Signal::CONT);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_process_that_stops_answering_does_not_end_the_monitor() {
    let app = TestApp::start().await;
    let owner = app.user("a@example.org").await;
    app.connection(&owner, "before", "postgresql", &answering(&app)).await;
    watched(&app, async {
        eventually(&app, "the first check", "database_connection_health").await;
        let frozen = Frozen::all(&app).await;
        assert!(!frozen.0.is_empty());
        let after = app.connection(&owner, "after", "postgresql", &answering(&app)).await;
        let rows = format!("database_connection_health where credential_id = '{after}' and status = 'healthy'");
        eventually(&app, "a check by another connection to our own database", &rows).await;
    })
    .await;
}

async fn opened(url: &str) -> (OpenDatabase, AppState) {
    let (url, key) = (url.to_owned(), master_key());
    let config = Config::from_env(|name| match name {
        "DATABASE_URL" => Some(url.clone()),
        "MOORING_MASTER_KEY" => Some(key.clone()),
        _ => None,
    })
    .expect("a configuration");
    let open = open_database(&config).await.expect("open the database");
    let state = startup::build(config, open.database.clone(), CancellationToken::new()).await.expect("a state");
    (open, state)
}

async fn limits(state: &AppState) -> (String, String) {
    let mut tx = Caller::system(state, "tests").read().await.expect("begin");
    let row = sqlx::query(
        "select current_setting('statement_timeout'), current_setting('idle_in_transaction_session_timeout')",
    )
    .fetch_one(&mut *tx)
    .await
    .expect("ask for the limits");
    (row.get(0), row.get(1))
}

#[tokio::test]
async fn statements_of_ours_have_limits_also_behind_a_pooler_that_takes_none_at_the_start() {
    let expected = ("1min".to_owned(), "2min".to_owned());
    let database = TestDatabase::fresh().await;
    let (open, state) = opened(&database.url()).await;
    assert_eq!(limits(&state).await, expected);
    drop(state);
    open.close().await.expect("close");

    let server = TargetPostgres::start(&PostgresOptions::default());
    server.execute(&format!("alter role {USER} createrole")).await;
    let pooler = PgBouncer::start(&server, &["pool_mode = session"]);
    let url = format!("postgres://{USER}:{PASSWORD}@127.0.0.1:{}/{DATABASE}", pooler.port());
    let limited =
        sqlx::postgres::PgConnectOptions::from_str(&url).expect("a url").options([("statement_timeout", "1s")]);
    let refused = sqlx::PgConnection::connect_with(&limited).await.expect_err("this pooler takes none");
    assert!(refused.to_string().contains("startup parameter"), "{refused}");
    let (open, state) = opened(&url).await;
    assert_eq!(limits(&state).await, expected);
    drop(state);
    open.close().await.expect("close");
}
