//! The monitor on a real database and real targets: claims, leases, confirmation, backing off, the breaker,
//! missed time, and what the pages read of it. No test waits for a schedule: the clocks are moved.

use std::{
    fs::File,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use mooring::{
    auth::server::Caller,
    connections::{
        Provider,
        form::Target,
        server::{self as connections, open_settings},
        settings::Settings,
    },
    diagnosis::server::{AnalyzeRequest, analyze},
    error::AppError,
    health::{
        CheckOrigin, Range, Status, SweepReport,
        server::{
            self as health, check,
            claim::{self, Claim},
            monitor, record, retention,
        },
    },
    ids::{ConnectionId, WorkerId},
    probe::{Cause, Depth, Phase},
    retry::BreakerState,
    server::{
        config::{Config, EgressPolicy},
        egress::Egress,
        live::Live,
        providers,
        startup::open_database,
        state::{AppState, Services},
        vault::check::open_vault,
    },
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::{Value, json};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::support::{
    app::TestApp,
    rows::{count, run},
    server_process::Port,
};

/// The default interval, and a little.
pub const INTERVAL: Duration = Duration::from_secs(301);

/// Mooring's own test database as a target that answers.
pub fn answering(app: &TestApp) -> Value {
    json!({ "connectionString": app.database.url(), "tls": "disable" })
}

/// A port where nobody listens: the refusal is transient.
pub fn refusing() -> Value {
    json!({ "host": "127.0.0.1", "port": Port::take().number(), "username": "u", "password": "p", "database": "d", "tls": "disable" })
}

/// A database that is not there: waiting does not cure it.
fn missing_database(app: &TestApp) -> Value {
    let url = app.database.url();
    let (server, _) = url.rsplit_once('/').expect("a path in the url");
    json!({ "connectionString": format!("{server}/not_there"), "tls": "disable" })
}

/// Another process on the same database.
pub async fn another_process(app: &TestApp) -> AppState {
    another_process_by(app, Egress::new(app.state.config().egress)).await
}

/// The same, that goes out this way.
pub async fn another_process_by(app: &TestApp, egress: Egress) -> AppState {
    let config = app.state.config().clone();
    AppState::new(Services {
        egress,
        vault: open_vault(app.state.database(), config.master_key.clone()).await.expect("open the vault"),
        config,
        database: app.state.database().clone(),
        clock: Arc::clone(app.state.clock()),
        live: Live::new(CancellationToken::new()),
        worker: WorkerId(Uuid::new_v4()),
        leptos: app.state.leptos().clone(),
    })
}

pub async fn sweep(state: &AppState) -> SweepReport {
    let (progress, shown) = watch::channel(SweepReport::default());
    monitor::sweep(state, CheckOrigin::Schedule, &progress).await.expect("sweep");
    *shown.borrow()
}

pub async fn claim_one(state: &AppState) -> Claim {
    let mut tx = Caller::system(state, "tests").write().await.expect("begin");
    let mut claims = claim::due(&mut tx, state.worker(), CheckOrigin::Schedule, false, 1).await.expect("claim");
    tx.commit().await.expect("commit");
    claims.pop().expect("one is due")
}

pub async fn rows(app: &TestApp, from: &str) -> i64 {
    count(&mut app.database.connect().await, from).await
}

pub async fn ask<T>(app: &TestApp, sql: &str) -> T
where
    T: for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres> + Send + Unpin,
{
    sqlx::query_scalar(sql)
        .fetch_one(&mut app.database.connect().await)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"))
}

/// A proxy before our test database that drops the first `failing` connections and holds the others back
/// for `delay`; gives the settings to reach it.
pub async fn proxy(app: &TestApp, failing: u32, delay: Duration) -> Value {
    let url = app.database.url();
    let upstream =
        url.split('@').nth(1).and_then(|rest| rest.split('/').next()).expect("an address in the url").to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("listen");
    let port = listener.local_addr().expect("an address").port();
    let seen = AtomicU32::new(0);
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            if seen.fetch_add(1, Ordering::Relaxed) < failing {
                continue;
            }
            let upstream = upstream.clone();
            tokio::spawn(async move {
                tokio::time::sleep(delay).await;
                let mut server = TcpStream::connect(upstream).await.expect("connect upstream");
                let _ = copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    let (start, rest) = url.split_once('@').expect("an address in the url");
    let (_, database) = rest.split_once('/').expect("a path in the url");
    json!({ "connectionString": format!("{start}@127.0.0.1:{port}/{database}"), "tls": "disable" })
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_check_each_slot_once() {
    let app = TestApp::start().await;
    let owner = app.user("a@example.org").await;
    for number in 0..20 {
        app.connection(&owner, &format!("db {number}"), "postgresql", &answering(&app)).await;
    }
    // Once a day: of a shorter grid one connection's next slot may begin between two of the sweeps below.
    run(&mut app.database.connect().await, "update database_credentials set check_interval_s = 86400").await;
    let other = another_process(&app).await;
    for round in 1..=2 {
        let (ours, theirs) = tokio::join!(sweep(&app.state), sweep(&other));
        assert_eq!(ours.checked + theirs.checked, 20, "{ours:?} {theirs:?}");
        assert_eq!(rows(&app, "database_connection_health").await, 20 * round);
        assert_eq!(sweep(&other).await.due, 0, "nothing is due twice in a slot");
        assert_eq!(rows(&app, "connection_state where status <> 'healthy' or lease_owner is not null").await, 0);
        app.advance(Duration::from_hours(24)).await;
    }
    let metrics: i64 = ask(&app, "select sum(total_requests) from database_performance_metrics").await;
    assert_eq!(metrics, 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_ran_out_is_taken_over_and_the_late_result_is_fenced_off() {
    let app = TestApp::start().await;
    let owner = app.user("a@example.org").await;
    let id = app.connection(&owner, "db", "postgresql", &answering(&app)).await;
    let other = another_process(&app).await;
    let claim = claim_one(&app.state).await;
    assert_eq!(claim.lease.credential_id, id);
    let check::Checked::Done(late) = check::check(&app.state, claim, &CancellationToken::new()).await else {
        panic!("the check was not made");
    };
    assert_eq!(sweep(&other).await.checked, 0, "the lease holds");
    app.advance(claim::LEASE + Duration::from_secs(1)).await;
    assert_eq!(sweep(&other).await.checked, 1, "the lease has run out");
    let written = record::record(&app.state, std::slice::from_ref(&*late)).await.expect("record");
    assert!(written.is_empty());
    assert_eq!(rows(&app, "database_connection_health").await, 1);
    assert_eq!(rows(&app, &format!("database_connection_health where id = '{}'", late.id)).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_always_outlasts_the_probe_that_begins() {
    let app = TestApp::start().await;
    let owner = app.user("a@example.org").await;
    // A connect timeout, the time that the claim has waited for its turn, and how long the lease has to last then:
    // the probe's deadline (the timeout and 10 s), 2 s of overrun, 15 s to write.
    for (timeout_ms, waited, least) in [(5_000, 0, 32), (10_000, 19, 37), (25_000, 0, 52), (60_000, 19, 87)] {
        let mut settings = answering(&app);
        settings["connectTimeoutMs"] = json!(timeout_ms);
        app.connection(&owner, &format!("{timeout_ms} ms"), "postgresql", &settings).await;
        // Those before it are not due again meanwhile.
        run(&mut app.database.connect().await, "update database_credentials set check_interval_s = 86400").await;
        let mut claim = claim_one(&app.state).await;
        claim.lease.runs_out -= Duration::from_secs(waited);
        let begun = tokio::time::Instant::now();
        let check::Checked::Done(finished) = check::check(&app.state, claim, &CancellationToken::new()).await else {
            panic!("the check was not made");
        };
        let lasts = finished.claim.lease.runs_out - begun;
        assert!(lasts >= Duration::from_secs(least), "{timeout_ms} ms, waited {waited} s: {lasts:?}");
        let stored: f64 = ask(
            &app,
            "select max(extract(epoch from lease_until - mooring_now()))::float8 from connection_state where lease_owner is not null",
        )
        .await;
        assert!((stored + 10.0) > lasts.as_secs_f64(), "the database holds it for as long: {stored} s, {lasts:?}");
        assert_eq!(record::record(&app.state, std::slice::from_ref(&*finished)).await.expect("record").len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_confirmed_however_long_a_probe_might_take_or_its_turn_took() {
    let app = TestApp::start().await;
    let owner = app.user("a@example.org").await;
    // A connect timeout, and the time that the claim has waited for its turn.
    for (timeout_ms, waited) in [(60_000, 0), (5_000, 19)] {
        let mut settings = refusing();
        settings["connectTimeoutMs"] = json!(timeout_ms);
        app.connection(&owner, &format!("{timeout_ms} ms"), "postgresql", &settings).await;
        // The first is not due again meanwhile.
        run(&mut app.database.connect().await, "update database_credentials set check_interval_s = 86400").await;
        let mut claim = claim_one(&app.state).await;
        claim.claimed -= Duration::from_secs(waited);
        claim.lease.runs_out -= Duration::from_secs(waited);
        let check::Checked::Done(finished) = check::check(&app.state, claim, &CancellationToken::new()).await else {
            panic!("the check was not made");
        };
        let numbers: Vec<u32> = finished.attempts.iter().map(|attempt| attempt.number).collect();
        assert_eq!((finished.status, numbers), (Status::Down, vec![1, 2, 3]), "{timeout_ms} ms, waited {waited} s");
        assert!(finished.claim.lease.runs_out > tokio::time::Instant::now() + claim::TO_WRITE);
        assert_eq!(record::record(&app.state, std::slice::from_ref(&*finished)).await.expect("record").len(), 1);
    }
}

#[tokio::test]
async fn a_further_attempt_ends_with_the_time_that_is_left_for_it() {
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("listen");
    let port = silent.local_addr().expect("an address").port();
    let settings = json!({ "host": "127.0.0.1", "port": port, "username": "u", "password": "p", "tls": "disable" });
    let settings = Settings::from_json(Provider::PostgreSql, &settings).expect("settings");
    let within = Duration::from_millis(200);
    assert!(providers::longest(&settings) > within);
    let (egress, begun) = (Egress::new(EgressPolicy::SelfHosted), tokio::time::Instant::now());
    let report = providers::probe_to(&egress, Provider::PostgreSql, &settings, Depth::Full, within).await;
    let failure = report.expect("a report").failure.expect("nobody answers there");
    assert_eq!((failure.phase, failure.cause), (Phase::Auth, Cause::ConnectTimeout));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blip_is_confirmed_away_and_every_attempt_is_a_row() {
    let app = TestApp::start().await;
    let owner = app.user("a@example.org").await;
    let settings = proxy(&app, 1, Duration::ZERO).await;
    let id = app.connection(&owner, "db", "postgresql", &settings).await;
    let report = sweep(&app.state).await;
    assert_eq!((report.checked, report.degraded), (1, 1));
    let checks = health::recent_checks(&owner, id, 10).await.expect("checks");
    assert_eq!((checks.len(), checks[0].attempts), (1, 2));
    assert_eq!(checks[0].message.as_deref(), Some("answered on attempt 2"));
    assert_eq!(
        rows(&app, "database_connection_retries where attempt_number = 1 and not success and is_transient").await,
        1
    );
    assert_eq!(
        rows(
            &app,
            "database_connection_retries where attempt_number = 2 and success and backoff_delay_ms between 900 and 1100"
        )
        .await,
        1
    );
    assert_eq!(rows(&app, "database_connection_errors").await, 0, "a blip is no error");
    let analytics = health::retry_analytics(&owner, id).await.expect("analytics");
    let rates: Vec<(u32, u32, u32)> =
        analytics.by_attempt.iter().map(|rate| (rate.attempt, rate.tries, rate.successes)).collect();
    assert_eq!(rates, [(1, 1, 0), (2, 1, 1)]);
    assert_eq!(analytics.by_cause.iter().map(|rate| (rate.failures, rate.recovered)).collect::<Vec<_>>(), [(1, 1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stays_down_is_one_error_counted_up_and_an_answer_closes_it() {
    let app = TestApp::start().await;
    let owner = app.user("a@example.org").await;
    let id = app.connection(&owner, "db", "postgresql", &refusing()).await;
    for _ in 0..2 {
        assert_eq!(sweep(&app.state).await.down, 1);
        app.advance(INTERVAL).await;
    }
    let errors = health::errors(&owner, id).await.expect("errors");
    assert_eq!(errors.len(), 1);
    assert_eq!((errors[0].cause, errors[0].occurrences, errors[0].resolved), (Cause::ConnectionRefused, 2, false));
    let now = health::connection_health(&owner, id).await.expect("health");
    assert_eq!((now.status, now.cause, now.failed_24h), (Status::Down, Some(Cause::ConnectionRefused), 2));
    sqlx::query("update database_credentials set credentials = $1")
        .bind(answering(&app))
        .execute(&mut app.database.connect().await)
        .await
        .expect("mend it");
    assert_eq!(sweep(&app.state).await.healthy, 1);
    assert!(health::errors(&owner, id).await.expect("errors")[0].resolved);
    let day = &health::daily_metrics(&owner, id).await.expect("metrics")[0];
    assert_eq!((day.total, day.successful, day.failed), (3, 1, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waiting_cannot_cure_is_asked_once_and_ever_less_often() {
    let app = TestApp::start().await;
    let owner = app.user("a@example.org").await;
    let id = app.connection(&owner, "db", "postgresql", &missing_database(&app)).await;
    let mut gaps = Vec::new();
    for _ in 0..4 {
        assert_eq!(sweep(&app.state).await.down, 1);
        let gap: i64 =
            ask(&app, "select extract(epoch from next_check_at - last_check_at)::bigint from connection_state").await;
        gaps.push(gap);
        app.advance(Duration::from_secs(gap.unsigned_abs() + 1)).await;
    }
    assert!(gaps[0] <= 300 && gaps[1] <= 300, "{gaps:?}");
    assert!((300..=600).contains(&gaps[2]) && (900..=1_200).contains(&gaps[3]), "{gaps:?}");
    assert_eq!(rows(&app, "database_connection_retries where attempt_number > 1").await, 0, "one attempt a check");
    let result = health::check_now(&owner, id, CheckOrigin::Person).await.expect("check");
    assert_eq!((result.status, result.cause), (Status::Down, Some(Cause::DatabaseNotFound)));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_breaker_holds_confirmations_back_and_can_be_reset() {
    let app = TestApp::start().await;
    let (owner, stranger) = (app.user("a@example.org").await, app.user("b@example.org").await);
    let id = app.connection(&owner, "db", "postgresql", &refusing()).await;
    let mut attempts = Vec::new();
    for _ in 0..5 {
        sweep(&app.state).await;
        attempts.push(health::recent_checks(&owner, id, 1).await.expect("checks")[0].attempts);
        app.advance(INTERVAL).await;
    }
    assert_eq!(attempts, [3, 3, 3, 1, 1], "the tenth failure opens it, and then the check decides alone");
    let breaker = health::retry_analytics(&owner, id).await.expect("analytics").breaker;
    assert_eq!((breaker.state, breaker.limit), (BreakerState::Open, 10));
    let notices = health::board(&owner).await.expect("board").notices;
    assert_eq!(notices.iter().map(|notice| notice.kind.as_str()).collect::<Vec<_>>(), ["breaker_opened"]);
    assert_eq!(health::reset_breaker(&stranger, id).await, Err(AppError::NotFound));
    health::reset_breaker(&owner, id).await.expect("reset");
    let breaker = health::retry_analytics(&owner, id).await.expect("analytics").breaker;
    assert_eq!((breaker.state, breaker.failures_last_hour), (BreakerState::Closed, 0));
    assert!(health::board(&owner).await.expect("board").notices.is_empty());
    sweep(&app.state).await;
    assert_eq!(health::recent_checks(&owner, id, 1).await.expect("checks")[0].attempts, 3, "confirmations pass again");
}

#[tokio::test(flavor = "multi_thread")]
async fn time_in_which_nobody_looked_is_unknown() {
    let app = TestApp::start().await;
    let owner = app.user("a@example.org").await;
    let id = app.connection(&owner, "db", "postgresql", &answering(&app)).await;
    sweep(&app.state).await;
    app.advance(Duration::from_hours(3)).await;
    sweep(&app.state).await;
    let statuses: Vec<Status> =
        health::recent_checks(&owner, id, 10).await.expect("checks").iter().map(|check| check.status).collect();
    assert_eq!(statuses, [Status::Healthy, Status::Unknown, Status::Healthy]);
    let now = health::connection_health(&owner, id).await.expect("health");
    assert_eq!((now.uptime_24h, now.checks_24h), (Some(100.0), 2));
    let held: f64 = ask(&app, "select sum(up_seconds) from connection_half_hours").await;
    assert!(held <= 301.0, "only the time to the first missed slot counts: {held}");
}

#[tokio::test(flavor = "multi_thread")]
async fn paused_time_is_unknown_however_it_was_paused() {
    let app = TestApp::start().await;
    let owner = app.user("a@example.org").await;
    let up = app.connection(&owner, "up", "postgresql", &answering(&app)).await;
    let down = app.connection(&owner, "down", "postgresql", &refusing()).await;
    let pause = async |is_active: bool| {
        run(&mut app.database.connect().await, &format!("update database_credentials set is_active = {is_active}"))
            .await;
    };
    sweep(&app.state).await;
    app.advance(Duration::from_secs(100)).await;
    pause(false).await;

    assert_eq!(
        rows(&app, "connection_state where status = 'unknown' and cause is null and next_check_at is null").await,
        2
    );
    assert_eq!(rows(&app, "database_credentials where paused_at is not null").await, 2);
    let board = health::board(&owner).await.expect("board");
    assert_eq!((board.figures.paused, board.figures.unknown, board.figures.down), (2, 0, 0));
    assert!(board.rows.iter().all(|row| row.paused));
    // A check that is asked for meanwhile speaks for its moment.
    app.advance(Duration::from_hours(1)).await;
    let asked = health::check_now(&owner, up, CheckOrigin::Person).await.expect("check");
    assert_eq!(asked.status, Status::Healthy);

    app.advance(Duration::from_hours(1)).await;
    pause(true).await;
    assert_eq!(rows(&app, "connection_state where status = 'unknown'").await, 2, "until the first check");
    assert_eq!(rows(&app, "database_credentials where paused_at is not null").await, 0);
    run(
        &mut app.database.connect().await,
        &format!("update database_credentials set credentials = '{}' where id = '{down}'", answering(&app)),
    )
    .await;
    assert_eq!(sweep(&app.state).await.healthy, 2);

    let statuses = async |id| {
        let checks = health::recent_checks(&owner, id, 10).await.expect("checks");
        checks.iter().map(|check| check.status).collect::<Vec<_>>()
    };
    assert_eq!(statuses(down).await, [Status::Healthy, Status::Unknown, Status::Down]);
    let all = [Status::Healthy, Status::Unknown, Status::Healthy, Status::Unknown, Status::Healthy];
    assert_eq!(statuses(up).await, all);
    for table in ["connection_half_hours", "database_performance_metrics"] {
        let held: Vec<f64> =
            sqlx::query_scalar(&format!("select sum(up_seconds + down_seconds) from {table} group by credential_id"))
                .fetch_all(&mut app.database.connect().await)
                .await
                .expect("sums");
        assert!(held.iter().all(|held| (99.0..130.0).contains(held)), "{table}: the pause is in it: {held:?}");
    }
    let before = health::connection_health(&owner, up).await.expect("health");
    assert_eq!(before.uptime_24h, Some(100.0));
    let after = health::connection_health(&owner, down).await.expect("health").uptime_24h;
    assert!(after.is_some_and(|share| share < 25.0), "100 s down, and a moment up: {after:?}");
    assert!(health::errors(&owner, down).await.expect("errors")[0].resolved);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standstill_of_months_does_not_end_the_schedule() {
    let app = TestApp::start().await;
    let owner = app.user("a@example.org").await;
    app.connection(&owner, "db", "postgresql", &answering(&app)).await;
    sweep(&app.state).await;
    app.advance(Duration::from_hours(200 * 24)).await;
    // What a start does, be it of a server or of a `check` from cron; then what the daily job puts away.
    let url = app.database.url();
    let config = Config::from_env(|name| (name == "DATABASE_URL").then(|| url.clone())).expect("a configuration");
    open_database(&config).await.expect("start").close().await.expect("close");
    let system = Caller::system(&app.state, "tests");
    assert!(retention::drop_partitions(&system).await.expect("months are dropped") > 0);

    assert_eq!(sweep(&app.state).await.healthy, 1);
    assert_eq!(rows(&app, "connection_state where next_check_at > mooring_now() and lease_owner is null").await, 1);
    assert_eq!(rows(&app, "database_connection_health where status = 'unknown'").await, 1, "nobody was watching");
    let held: f64 = ask(&app, "select sum(up_seconds) from connection_half_hours").await;
    assert!(held <= 301.0, "only the time to the first missed slot counts: {held}");
    app.advance(INTERVAL).await;
    assert_eq!(sweep(&app.state).await.healthy, 1, "and so it goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_asked_for_while_one_runs_waits_for_its_result() {
    let app = TestApp::start().await;
    let owner = app.user("a@example.org").await;
    let settings = proxy(&app, 0, Duration::from_millis(700)).await;
    let id = app.connection(&owner, "db", "postgresql", &settings).await;
    let claim = claim_one(&app.state).await;
    let (due, other) = (claim.due_at, another_process(&app).await);
    let running = tokio::spawn(async move {
        let check::Checked::Done(finished) = check::check(&other, claim, &CancellationToken::new()).await else {
            panic!("the check was not made");
        };
        finished
    });
    let asked = tokio::spawn({
        let owner = owner.clone();
        async move { health::check_now(&owner, id, CheckOrigin::Person).await }
    });
    let finished = running.await.expect("the running check");
    assert!(!asked.is_finished(), "it waits");
    assert_eq!(record::record(&app.state, std::slice::from_ref(&*finished)).await.expect("record").len(), 1);
    let result = asked.await.expect("the check asked for").expect("a result");
    assert_eq!((result.started_at, result.status), (finished.started_at, Status::Healthy));
    assert_eq!(rows(&app, "database_connection_health").await, 1);
    assert!(due.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_and_an_analysis_of_a_stored_connection_hold_it_like_a_check() {
    let app = TestApp::start().await;
    let owner = app.user("a@example.org").await;
    let settings = proxy(&app, 0, Duration::from_millis(700)).await;
    let id = app.connection(&owner, "db", "postgresql", &settings).await;
    let (provider, settings) = open_settings(&owner, id).await.expect("settings");
    let target = Target { id: Some(id), provider, settings, forget: Vec::new() };
    let test = |caller: Caller, target| async move { connections::test(&caller, target).await.map(drop) };
    let analysis = |caller: Caller| async move {
        let request = AnalyzeRequest {
            error_message: "it does not answer".to_owned(),
            credential_id: Some(id),
            ..AnalyzeRequest::default()
        };
        analyze(&caller, request).await.map(drop)
    };
    let leased = "connection_state where lease_owner is not null";
    let held = async |task: JoinHandle<Result<(), AppError>>| {
        let mut was_held = false;
        while !task.is_finished() {
            was_held |= rows(&app, leased).await == 1;
        }
        task.await.expect("it ends").expect("it connects");
        was_held && rows(&app, leased).await == 0
    };
    assert!(held(tokio::spawn(test(owner.clone(), target))).await);
    assert!(held(tokio::spawn(analysis(owner.clone()))).await);
    assert_eq!(sweep(&app.state).await.checked, 1, "it was due all the time");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_asked_for_does_not_move_the_grid() {
    let app = TestApp::start().await;
    let (owner, stranger) = (app.user("a@example.org").await, app.user("b@example.org").await);
    let id = app.connection(&owner, "db", "postgresql", &answering(&app)).await;
    sweep(&app.state).await;
    let next: String = ask(&app, "select next_check_at::text from connection_state").await;
    let result = health::check_now(&owner, id, CheckOrigin::Person).await.expect("check");
    assert_eq!(result.status, Status::Healthy);
    assert_eq!(ask::<String>(&app, "select next_check_at::text from connection_state").await, next);
    assert_eq!(rows(&app, "database_connection_health where origin = 'person'").await, 1);
    assert_eq!(health::check_now(&stranger, id, CheckOrigin::Person).await, Err(AppError::NotFound));
    let checks = health::check_all(&owner, None, CheckOrigin::Token).await.expect("checks");
    assert_eq!((checks.report.due, checks.report.healthy, checks.results.len()), (1, 1, 1));
    assert_eq!(health::check_all(&stranger, Some(&[id]), CheckOrigin::Token).await, Err(AppError::NotFound));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_cannot_be_opened_is_shown_down_and_stops_nobody() {
    let app = TestApp::start().await;
    let owner = app.user("a@example.org").await;
    let broken = app.connection(&owner, "broken", "postgresql", &json!({ "$sealed": 1, "key": "gone" })).await;
    let unreadable = app.connection(&owner, "unreadable", "postgresql", &json!({ "host": "h", "port": 99_999 })).await;
    app.connection(&owner, "good", "postgresql", &answering(&app)).await;
    let report = sweep(&app.state).await;
    assert_eq!((report.checked, report.healthy, report.down), (3, 1, 2));
    let cause = async |id: ConnectionId| health::connection_health(&owner, id).await.expect("health").cause;
    assert_eq!(cause(broken).await, Some(Cause::CredentialsMissing));
    assert_eq!(cause(unreadable).await, Some(Cause::InvalidConnectionString));
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_read_what_the_monitor_wrote_and_only_their_own() {
    let app = TestApp::start().await;
    let (owner, stranger) = (app.user("a@example.org").await, app.user("b@example.org").await);
    let good = app.connection(&owner, "good", "postgresql", &answering(&app)).await;
    app.connection(&owner, "bad", "postgresql", &refusing()).await;
    app.connection(&stranger, "theirs", "postgresql", &answering(&app)).await;
    sweep(&app.state).await;
    let board = health::board(&owner).await.expect("board");
    assert_eq!(board.rows.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), ["bad", "good"], "worst first");
    assert_eq!(
        (board.figures.healthy, board.figures.down, board.figures.checks_24h, board.figures.open_errors),
        (1, 1, 2, 1)
    );
    let row = &board.rows[1];
    let beats: Vec<_> = row.beats.iter().collect();
    assert_eq!((beats.len(), beats[47].status), (48, Some(Status::Healthy)));
    assert_eq!((row.uptime_24h, row.uptime_30d), (Some(100.0), Some(100.0)));
    for range in Range::ALL {
        let history = health::history(&owner, good, range).await.expect("history");
        assert_eq!(history.points.len(), 1, "{range:?}");
        assert_eq!((history.points[0].status, history.points[0].checks), (Status::Healthy, 1));
        assert!(history.points[0].phases_ms[5].is_some(), "the query was timed");
        assert_eq!(health::history(&stranger, good, range).await, Err(AppError::NotFound));
    }
    assert_eq!(health::connection_health(&stranger, good).await, Err(AppError::NotFound));
    assert_eq!(health::recent_checks(&stranger, good, 5).await, Err(AppError::NotFound));
    assert_eq!(health::pulse(&owner).await.expect("pulse").last_sweep_at, None, "no process has signed on");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_anonymous_sweep_does_only_what_is_due() {
    let app = TestApp::start().await;
    let owner = app.user("a@example.org").await;
    app.connection(&owner, "db", "postgresql", &answering(&app)).await;
    let first = health::run_due(&app.state).await.expect("sweep");
    assert_eq!((first.due, first.checked, first.healthy, first.skipped), (1, 1, 1, 0));
    assert_eq!(health::run_due(&app.state).await.expect("sweep"), SweepReport::default());
    assert_eq!(rows(&app, "database_connection_health where origin = 'cron'").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_monitor_that_stops_gives_back_what_it_holds() {
    let app = TestApp::start().await;
    let owner = app.user("a@example.org").await;
    let settings = proxy(&app, 0, Duration::from_millis(300)).await;
    app.connection(&owner, "db", "postgresql", &settings).await;
    let stop = CancellationToken::new();
    let running = tokio::spawn(monitor::run(app.state.clone(), stop.clone()));
    while rows(&app, "connection_state where lease_owner is not null").await == 0 {
        tokio::task::yield_now().await;
    }
    stop.cancel();
    running.await.expect("it stops");
    assert_eq!(rows(&app, "connection_state where lease_owner is not null").await, 0);
    // What had begun was finished and written, what had not is still due.
    let written = rows(&app, "database_connection_health").await;
    assert_eq!(rows(&app, "connection_state where next_check_at <= mooring_now()").await, 1 - written);
}

/// Takes every file descriptor of this process that is left, under a limit that is soon reached; gives them back
/// when dropped.
struct NoFilesLeft {
    _held: Vec<File>,
    before: Rlimit,
}

impl NoFilesLeft {
    fn from_now() -> Self {
        let before = getrlimit(Resource::Nofile);
        setrlimit(Resource::Nofile, Rlimit { current: Some(512), ..before }).expect("a lower limit");
        Self { _held: std::iter::from_fn(|| File::open("/dev/null").ok()).collect(), before }
    }
}

impl Drop for NoFilesLeft {
    fn drop(&mut self) {
        setrlimit(Resource::Nofile, self.before).expect("the limit as it was");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_without_file_descriptors_says_nothing_about_a_target() {
    let app = TestApp::start().await;
    let owner = app.user("a@example.org").await;
    let by_address = answering(&app);
    let text = by_address["connectionString"].as_str().expect("a url");
    // The name is resolved by files and sockets, which are missing as well.
    let by_name = json!({ "connectionString": text.replace("127.0.0.1", "localhost"), "tls": "disable" });
    for (name, settings) in [("by address", by_address), ("by name", by_name)] {
        app.connection(&owner, name, "postgresql", &settings).await;
        let claim = claim_one(&app.state).await;
        let lease = claim.lease;
        let files = NoFilesLeft::from_now();
        let checked = check::check(&app.state, claim, &CancellationToken::new()).await;
        drop(files);
        assert!(matches!(checked, check::Checked::OutOfFiles(given) if given == lease), "{name}: {checked:?}");
        let mut tx = Caller::system(&app.state, "tests").write().await.expect("begin");
        claim::give_back(&mut tx, app.state.worker(), &[lease]).await.expect("give back");
        tx.commit().await.expect("commit");
        assert_eq!(sweep(&app.state).await.healthy, 1, "{name}");
    }
}
