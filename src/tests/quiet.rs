//! Quiet mode against a real server that counts who logs in, and what is done with many connections at once.

use std::time::Duration;

use http::StatusCode;
use mooring::{
    connections::{Handling, server as connections},
    error::AppError,
    health::{
        CheckOrigin, Status, SweepReport,
        server::{self as health, monitor},
    },
    ids::ConnectionId,
};
use serde_json::json;
use sqlx::PgConnection;
use tokio::sync::watch;

use crate::support::{
    app::TestApp,
    client::server_function,
    cluster::TestDatabase,
    mongodb::{MongoDbOptions, TargetMongoDb},
    rows::{count, run},
};

/// The default interval, and a little.
const INTERVAL: Duration = Duration::from_secs(301);

async fn sweep(app: &TestApp) -> SweepReport {
    let (progress, shown) = watch::channel(SweepReport::default());
    monitor::sweep(&app.state, CheckOrigin::Schedule, &progress).await.expect("sweep");
    *shown.borrow()
}

/// How often anyone has logged in to the target. The server counts a session when it ends, which may be a moment
/// after its client has gone: so this waits until it has counted at least `least`.
async fn sessions(observer: &mut PgConnection, target: &str, least: i64) -> i64 {
    loop {
        run(observer, "select pg_stat_clear_snapshot()").await;
        let counted: i64 = sqlx::query_scalar("select sessions from pg_stat_database where datname = $1")
            .bind(target)
            .fetch_one(&mut *observer)
            .await
            .expect("the server's own count");
        if counted >= least {
            return counted;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_sleeps_is_not_logged_in_to() {
    let app = TestApp::start().await;
    let owner = app.user("ada@example.org").await;
    let target = TestDatabase::fresh().await;
    let name = target.url().rsplit('/').next().expect("a path").to_owned();
    let settings = json!({ "connectionString": target.url(), "tls": "disable" });
    let id = app.connection(&owner, "sleeper", "postgresql", &settings).await;
    let mut own = app.database.connect().await;
    run(&mut own, "update database_credentials set quiet_mode = 'on'").await;
    let asleep = sessions(&mut own, &name, 0).await;

    // The first look goes to the end, and finds nobody else there.
    assert_eq!(sweep(&app).await.healthy, 1);
    assert_eq!(sessions(&mut own, &name, asleep + 1).await, asleep + 1);
    assert_eq!(count(&mut own, "connection_state where not is_quiet and not others_at_work").await, 1);
    for _ in 0..3 {
        app.advance(INTERVAL).await;
        assert_eq!(sweep(&app).await.healthy, 1);
    }
    assert_eq!(count(&mut own, "connection_state where is_quiet and note like 'quiet%'").await, 1);
    let board = health::board(&owner).await.expect("the board");
    assert_eq!(board.rows[0].note.as_deref(), Some("quiet: reached, not woken"));
    // Whoever asks gets a whole check: one login more, where each quiet one would have been another.
    assert_eq!(health::check_now(&owner, id, CheckOrigin::Person).await.expect("a check").status, Status::Healthy);
    assert_eq!(sessions(&mut own, &name, asleep + 2).await, asleep + 2);

    // With others at work, it is awake anyway.
    let mut other = target.connect().await;
    run(&mut other, "select 1").await;
    health::check_now(&owner, id, CheckOrigin::Person).await.expect("a check");
    assert_eq!(count(&mut own, "connection_state where others_at_work").await, 1);
    app.advance(INTERVAL).await;
    sweep(&app).await;
    assert_eq!(count(&mut own, "connection_state where is_quiet").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn quiet_checks_find_a_server_that_is_gone_and_look_until_it_is_back() {
    let app = TestApp::start().await;
    let owner = app.user("ada@example.org").await;
    let settings = json!({ "connectionString": app.database.url(), "tls": "disable" });
    app.connection(&owner, "sleeper", "postgresql", &settings).await;
    let mut own = app.database.connect().await;
    run(&mut own, "update database_credentials set quiet_mode = 'on'").await;
    run(&mut own, "update connection_state set looked_at = mooring_now(), status = 'down'").await;
    sweep(&app).await;
    assert_eq!(count(&mut own, "connection_state where is_quiet").await, 0, "what was down is looked at");
    run(&mut own, "update connection_state set others_at_work = false").await;
    run(&mut own, "update database_credentials set settings_changed_at = mooring_now() + interval '1 second'").await;
    sweep(&app).await;
    assert_eq!(count(&mut own, "connection_state where is_quiet").await, 0, "new settings are looked at");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_are_handled_at_once_or_none() {
    let app = TestApp::start().await;
    let (ada, client) = app.signed_in("ada@example.org").await;
    let bob = app.user("bob@example.org").await;
    let settings = json!({ "connectionString": app.database.url(), "tls": "disable" });
    let mut mine: Vec<ConnectionId> = Vec::new();
    for name in ["a", "b"] {
        mine.push(app.connection(&ada, name, "postgresql", &settings).await);
    }
    let theirs = app.connection(&bob, "c", "postgresql", &settings).await;
    let ids = |ids: &[ConnectionId]| ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let mut own = app.database.connect().await;

    let done = connections::handle(&ada, &ids(&mine), Handling::Pause).await.expect("paused");
    assert_eq!(done, "2 connections paused.");
    assert_eq!(count(&mut own, "database_credentials where not is_active and paused_at is not null").await, 2);
    let with_another = ids(&[mine[0], theirs]);
    for what in [Handling::Resume, Handling::Check] {
        let refused = connections::handle(&ada, &with_another, what).await;
        assert!(matches!(refused, Err(AppError::NotFound)), "{refused:?}");
    }
    assert_eq!(count(&mut own, "database_credentials where not is_active").await, 2, "nothing was resumed");
    let answer = client
        .post_form(&server_function("handle_connections"), &[("ids", ids(&mine).as_str()), ("what", "resume")])
        .await;
    assert!(answer.status.is_success() || answer.status.is_redirection(), "{answer:?}");
    assert_eq!(count(&mut own, "database_credentials where is_active").await, 3);
    let malformed =
        client.post_form(&server_function("handle_connections"), &[("ids", "1,2"), ("what", "pause")]).await;
    assert_ne!(malformed.status, StatusCode::INTERNAL_SERVER_ERROR, "{malformed:?}");
    let checked = connections::handle(&ada, &ids(&mine), Handling::Check).await.expect("checked");
    assert_eq!(checked, "2 checked: 2 healthy, 0 degraded, 0 down.");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mongodb_that_sleeps_is_left_asleep() {
    let app = TestApp::start().await;
    let owner = app.user("ada@example.org").await;
    let server = TargetMongoDb::start(&MongoDbOptions::default());
    let address = format!("mongodb://app:app-password@127.0.0.1:{}/app?authSource=admin&tls=false", server.port());
    app.connection(&owner, "sleeper", "mongodb", &json!({ "connectionString": address })).await;
    let mut own = app.database.connect().await;
    run(&mut own, "update database_credentials set quiet_mode = 'on'").await;
    assert_eq!(sweep(&app).await.healthy, 1);
    assert_eq!(count(&mut own, "connection_state where not is_quiet").await, 1);
    // From here on it accepts and answers nothing: whoever asks it anything is not answered.
    server.freeze();
    app.advance(INTERVAL).await;
    assert_eq!(sweep(&app).await.healthy, 1);
    assert_eq!(count(&mut own, "connection_state where is_quiet").await, 1);
}
