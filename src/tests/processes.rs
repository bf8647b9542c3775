//! Several processes on one database, processes that are killed, a database that restarts under load, and
//! starts that cannot work: with the real binary.

use std::{
    collections::{BTreeMap, VecDeque},
    future::Future,
    net::SocketAddr,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::StatusCode;
use mooring::{health::schedule::phase_micros, ids::ConnectionId};
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, setrlimit};
use serde_json::json;
use sqlx::{PgConnection, Row};
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

use crate::support::{
    client::{Client, Server, Transcript},
    cluster::{Cluster, TestDatabase},
    mooring::{Installation, Mooring},
    postgres::{PostgresOptions, Stop, TargetPostgres},
    rows::{add_user, count, run},
};

/// How long something that happens by itself may take, on a machine that is busy with other tests. Nothing is
/// right because it was waited for; it only fails after this.
const PATIENCE: Duration = Duration::from_mins(1);
/// The interval of the connections here, in seconds.
const INTERVAL_S: u32 = 3_600;

#[tokio::test]
async fn a_server_takes_all_the_file_descriptors_that_it_may_have() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(512), ..limit }).expect("a lower limit, for the server too");
    let database = TestDatabase::fresh().await;
    let mooring = Installation::on(&database).serve();
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", mooring.id())).expect("the process's limits");
    let files = limits.lines().find_map(|line| line.strip_prefix("Max open files")).expect("a line for files");
    let [soft, hard] = [0, 1].map(|at| files.split_whitespace().nth(at));
    assert!(soft == hard && soft != Some("512"), "{files}");
}

#[tokio::test]
async fn two_processes_check_each_slot_once() {
    const CONNECTIONS: usize = 40;
    const ROUNDS: i64 = 4;
    let database = TestDatabase::fresh().await;
    let target = quick_target();
    let installation = Installation::on(&database);
    let first = installation.serve();
    let second = installation.serve();
    let mut connection = database.connect().await;
    let owner = add_user(&mut connection, "owner@example.org").await;
    for number in 0..CONNECTIONS {
        add_target(&mut connection, owner, &format!("orders {number}"), &target).await;
    }
    let wanted = |round: i64| round * i64::try_from(CONNECTIONS).expect("few");
    for round in 1..=ROUNDS {
        if round > 1 {
            next_slot(&mut connection).await;
        }
        eventually("every connection is checked", || async {
            let mut connection = database.connect().await;
            count(&mut connection, "database_connection_health").await >= wanted(round)
                && all_done(&mut connection).await
        })
        .await;
    }
    // Both have looked for due checks once more and found none.
    let before: String = last_sweeps(&mut connection).await;
    eventually("both processes look again", || async {
        let mut connection = database.connect().await;
        let looked = "workers where last_sweep_at > now() + (select shift from mooring_clock) - interval '3 seconds'";
        count(&mut connection, looked).await == 2 && last_sweeps(&mut connection).await != before
    })
    .await;
    let logs = || format!("{}\n{}", first.log(), second.log());
    once_in_each_slot(&mut connection, CONNECTIONS, ROUNDS, logs).await;
    let statuses = statuses(&mut connection).await;
    assert!(!statuses.contains("down") && !statuses.contains("unknown"), "{statuses}\n{}", first.log());
    eventually("every connection to the target is closed", || async { target.connections_named("mooring").await == 0 })
        .await;
    for process in [first, second] {
        let (status, log) = process.stop();
        assert_eq!(status, Some(0), "{log}");
    }
}

/// That each of the connections was checked in so many slots of its own grid, and in none of them twice. A line of a
/// grid may pass by itself while a test runs; then there is one slot more.
async fn once_in_each_slot(connection: &mut PgConnection, connections: usize, rounds: i64, logs: impl Fn() -> String) {
    let checks: Vec<(Uuid, i64)> = sqlx::query_as(
        "select credential_id, (extract(epoch from check_timestamp) * 1000000)::bigint from database_connection_health",
    )
    .fetch_all(connection)
    .await
    .expect("the checks");
    let mut slots: BTreeMap<Uuid, Vec<i64>> = BTreeMap::new();
    for (id, at) in checks {
        let slot = (at - phase_micros(ConnectionId(id), INTERVAL_S)).div_euclid(i64::from(INTERVAL_S) * 1_000_000);
        slots.entry(id).or_default().push(slot);
    }
    assert_eq!(slots.len(), connections, "{}", logs());
    for (id, mut slots) in slots {
        slots.sort_unstable();
        assert!(slots.windows(2).all(|pair| pair[0] != pair[1]), "{id} twice in a slot: {slots:?}\n{}", logs());
        let enough = i64::try_from(slots.len()).is_ok_and(|checks| checks >= rounds);
        assert!(enough, "{id} not in each of {rounds}: {slots:?}\n{}", logs());
    }
}

/// Whether nothing is due, and nothing claimed.
async fn all_done(connection: &mut PgConnection) -> bool {
    count(connection, "connection_state where next_check_at <= mooring_now()").await == 0 && idle(connection).await
}

async fn last_sweeps(connection: &mut PgConnection) -> String {
    sqlx::query_scalar("select coalesce(string_agg(last_sweep_at::text, ' ' order by id), '') from workers")
        .fetch_one(connection)
        .await
        .expect("read the pulse")
}

#[tokio::test]
async fn what_a_killed_process_had_claimed_is_taken_over_within_a_lease() {
    let database = TestDatabase::fresh().await;
    let target = TargetPostgres::start(&PostgresOptions::default());
    let installation = Installation::on(&database);
    let mut processes = vec![installation.serve(), installation.serve()];
    let mut connection = database.connect().await;
    let owner = add_user(&mut connection, "owner@example.org").await;
    // A target that answers nothing keeps the claim busy for as long as a check may take.
    target.freeze(true);
    let id = add_target(&mut connection, owner, "orders", &target).await;
    eventually("one of them has claimed the connection", || async {
        // A process may claim before it has signed on.
        count(&mut database.connect().await, "connection_state join workers on workers.id = lease_owner").await == 1
    })
    .await;
    let row = sqlx::query(
        "select workers.pid, extract(epoch from lease_until - mooring_now())::float8
           from connection_state join workers on workers.id = lease_owner",
    )
    .fetch_one(&mut connection)
    .await
    .expect("who holds the claim");
    let (holder, lease): (i32, f64) = (row.get(0), row.get(1));
    let at = processes.iter().position(|process| i64::from(process.id()) == i64::from(holder)).expect("one of ours");
    processes.swap_remove(at).kill();
    target.freeze(false);
    assert!(lease <= 60.0, "a killed process would hold a connection for {lease} s");
    assert_eq!(checks_of(&mut connection, id).await, 0, "nothing was written by the one that was killed");

    shift(&mut connection, Duration::from_secs_f64(lease.max(0.0))).await;
    eventually("the other one has checked it", || async {
        let mut connection = database.connect().await;
        let healthy =
            format!("database_connection_health where credential_id = '{id}' and status in ('healthy', 'degraded')");
        count(&mut connection, &healthy).await == 1 && idle(&mut connection).await
    })
    .await;
    assert_eq!(checks_of(&mut connection, id).await, 1);
}

#[tokio::test]
async fn a_restart_of_our_database_loses_nothing_acknowledged_and_records_nothing_false() {
    const CONNECTIONS: usize = 12;
    const RESTARTS: usize = 4;
    // A server of our own to restart; the targets never go away.
    let mut ours = TargetPostgres::start(&PostgresOptions::default());
    let target = quick_target();
    let database = Cluster::at(&ours.superuser_url()).database().await;
    let process = Installation::on(&database).serve();
    let mut connection = database.connect().await;
    let owner = add_user(&mut connection, "owner@example.org").await;
    let asked = Arc::new(Asked::default());
    let mut asking = Vec::new();
    for number in 0..CONNECTIONS {
        let id = add_target(&mut connection, owner, &format!("orders {number}"), &target).await;
        // One token each, so that no limit of a token gets in the way.
        let token = add_token(&mut connection, owner).await;
        asking.push(tokio::spawn(ask(process.address, token, id, Arc::clone(&asked))));
    }
    drop(connection);
    for restart in 0..RESTARTS {
        // So that each restart hits running work.
        let before = asked.told.load(Ordering::Relaxed);
        eventually("checks are acknowledged", || async { asked.told.load(Ordering::Relaxed) > before + CONNECTIONS })
            .await;
        ours.restart(if restart % 2 == 0 { Stop::Immediate } else { Stop::Fast });
        let mut connection = database.connect().await;
        next_slot(&mut connection).await;
    }
    asked.enough.store(true, Ordering::Relaxed);
    let mut told = Vec::new();
    for asking in asking {
        told.push(timeout(PATIENCE, asking).await.expect("the requests end").expect("no request fails"));
    }
    let mut connection = database.connect().await;
    eventually("the scheduled checks go on", || async {
        let mut connection = database.connect().await;
        let late = "connection_state where next_check_at <= mooring_now()";
        count(&mut connection, late).await == 0 && idle(&mut connection).await
    })
    .await;
    for (id, told) in told {
        let kept = checks_of(&mut connection, id).await;
        assert!(kept >= told, "{told} results of {id} were acknowledged, {kept} are kept\n{}", process.log());
    }
    let wrong = count(&mut connection, "database_connection_health where status = 'down'").await;
    assert_eq!(wrong, 0, "{}\n{}", statuses(&mut connection).await, process.log());
    assert_eq!(count(&mut connection, "database_connection_errors").await, 0);
    assert_eq!(count(&mut connection, "database_connection_retries where not success").await, 0);
    drop(connection);
    drop(database);
}

#[tokio::test]
async fn long_kills_and_restarts_lose_no_slot_and_record_nothing_false() {
    const CONNECTIONS: usize = 30;
    const ROUNDS: i64 = 12;
    // A killed process holds its claims for a lease; our own database may have been restarted in it.
    const SLOT: Duration = Duration::from_mins(3);
    let mut ours = TargetPostgres::start(&PostgresOptions::default());
    let target = quick_target();
    let database = Cluster::at(&ours.superuser_url()).database().await;
    let installation = Installation::on(&database);
    let mut processes = VecDeque::from([installation.serve(), installation.serve(), installation.serve()]);
    let mut connection = database.connect().await;
    let owner = add_user(&mut connection, "owner@example.org").await;
    for number in 0..CONNECTIONS {
        add_target(&mut connection, owner, &format!("orders {number}"), &target).await;
    }
    drop(connection);
    for round in 1..=ROUNDS {
        // The claims of this slot are being made while one process dies, another starts, and now and then the
        // database goes away.
        let mut killed = processes.pop_front().expect("three run");
        if round % 2 == 0 {
            killed = std::mem::replace(&mut processes[0], killed);
        }
        killed.kill();
        processes.push_back(installation.serve());
        if round % 3 == 0 {
            ours.restart(if round % 2 == 0 { Stop::Immediate } else { Stop::Fast });
        }
        let wanted = round * i64::try_from(CONNECTIONS).expect("few");
        eventually_within(SLOT, "every connection is checked", || async {
            let mut connection = database.connect().await;
            count(&mut connection, "database_connection_health").await >= wanted && all_done(&mut connection).await
        })
        .await;
        let mut connection = database.connect().await;
        let logs = || processes.iter().map(Mooring::log).collect::<Vec<_>>().join("\n");
        once_in_each_slot(&mut connection, CONNECTIONS, round, logs).await;
        let statuses = statuses(&mut connection).await;
        assert!(!statuses.contains("down") && !statuses.contains("unknown"), "round {round}: {statuses}");
        next_slot(&mut connection).await;
    }
    eventually("every connection to the target is closed", || async { target.connections_named("mooring").await == 0 })
        .await;
    drop(processes);
    drop(database);
}

/// What those who ask have been told, and whether they may stop.
#[derive(Debug, Default)]
struct Asked {
    told: AtomicUsize,
    enough: AtomicBool,
}

/// Asks for checks one after the other, as often as a token may, and counts the results that were told.
async fn ask(address: SocketAddr, token: String, id: Uuid, asked: Arc<Asked>) -> (Uuid, i64) {
    // 60 probes a minute are allowed.
    const PACE: Duration = Duration::from_millis(200);
    let client = Client::new(Server::At(address), &Transcript::default()).with_token(&token);
    let mut told = 0;
    while !asked.enough.load(Ordering::Relaxed) {
        let request = http::Request::post("/functions/v1/proactive-health-monitor")
            .header(http::header::CONTENT_TYPE, "application/json");
        match client.try_send(request, json!({"credentialId": id}).to_string()).await {
            Ok(answer) if answer.status.is_success() && answer.json()["checked"] == 1 => {
                told += 1;
                asked.told.fetch_add(1, Ordering::Relaxed);
            }
            Ok(answer) if answer.status == StatusCode::TOO_MANY_REQUESTS => {}
            // Our own database was away: said so, and nothing promised.
            Ok(answer) => assert!(!answer.status.is_client_error(), "{answer:?}"),
            Err(error) => panic!("the process itself must stay: {error}"),
        }
        sleep(PACE).await;
    }
    (id, told)
}

#[tokio::test]
async fn a_process_that_is_asked_to_stop_gives_back_what_it_holds() {
    let database = TestDatabase::fresh().await;
    let target = TargetPostgres::start(&PostgresOptions::default());
    let process = Installation::on(&database).serve();
    let mut connection = database.connect().await;
    let owner = add_user(&mut connection, "owner@example.org").await;
    target.freeze(true);
    add_target(&mut connection, owner, "orders", &target).await;
    eventually("the connection is claimed", || async {
        count(&mut database.connect().await, "connection_state where lease_owner is not null").await == 1
    })
    .await;
    let begun = Instant::now();
    let (status, log) = process.stop();
    assert_eq!(status, Some(0), "{log}");
    assert!(begun.elapsed() < Duration::from_secs(25), "stopping took {:?}", begun.elapsed());
    assert!(idle(&mut connection).await, "a claim was kept\n{log}");
    target.freeze(false);
}

#[tokio::test]
async fn a_check_of_the_command_line_that_is_to_stop_gives_back_what_it_holds() {
    let database = TestDatabase::fresh().await;
    let target = TargetPostgres::start(&PostgresOptions::default());
    let installation = Installation::on(&database);
    installation.must(&["migrate"], "");
    let mut connection = database.connect().await;
    let owner = add_user(&mut connection, "owner@example.org").await;
    target.freeze(true);
    let id = add_target(&mut connection, owner, "orders", &target).await.to_string();
    for arguments in [&["check"][..], &["check", "--connection", &id]] {
        let mut command = installation.command(arguments);
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().expect("start a check");
        let begun = Instant::now();
        eventually("the connection is claimed", || async {
            count(&mut database.connect().await, "connection_state where lease_owner is not null").await == 1
        })
        .await;
        kill_process(Pid::from_child(&child), Signal::INT).expect("signal the process");
        let output = child.wait_with_output().expect("wait for the check");
        let log = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{log}");
        assert!(log.contains("mooring: stopped") && output.stdout.is_empty(), "{log}");
        assert!(begun.elapsed() < Duration::from_secs(25), "stopping took {:?}", begun.elapsed());
        assert!(idle(&mut connection).await, "a claim was kept\n{log}");
    }
    target.freeze(false);
}

#[tokio::test]
async fn long_a_check_of_the_command_line_waits_for_servers_that_are_slow() {
    let database = TestDatabase::fresh().await;
    let target = TargetPostgres::start(&PostgresOptions::default());
    let installation = Installation::on(&database);
    installation.must(&["migrate"], "");
    let mut connection = database.connect().await;
    let owner = add_user(&mut connection, "owner@example.org").await;
    // It takes the 30 s of a confirmation to know that it is down.
    target.freeze(true);
    let id = add_target(&mut connection, owner, "orders", &target).await;
    let printed = installation.must(&["check"], "");
    assert_eq!(printed, "due 1, checked 1, healthy 0, degraded 0, down 1, skipped 0");
    assert_eq!(checks_of(&mut connection, id).await, 1);
    assert!(idle(&mut connection).await);
    target.freeze(false);
}

#[tokio::test]
async fn a_start_that_cannot_work_ends_with_one_clear_line() {
    let database = TestDatabase::fresh().await;
    let installation = Installation::on(&database);
    let serving = installation.serve();

    let taken = serving.address.to_string();
    must_not_start(&Installation::on(&database).with("MOORING_ADDR", &taken), &[&taken]);
    must_not_start(&Installation::on(&database).with("MOORING_ADDR", "localhost"), &["MOORING_ADDR"]);
    let other = format!("test:{}=", "B".repeat(43));
    must_not_start(&Installation::on(&database).with("MOORING_MASTER_KEY", &other), &["key"]);
    must_not_start(&Installation::on(&database).with("MOORING_MASTER_KEY", "test:short"), &["MOORING_MASTER_KEY"]);
    must_not_start(&Installation::at("postgres://mooring:hush@127.0.0.1:1/mooring"), &["127.0.0.1:1"]);
    must_not_start(&Installation::at("mysql://mooring:hush@127.0.0.1/mooring"), &["DATABASE_URL"]);
    must_not_start(&Installation::on(&database).with("MOORING_CHECK_INTERVAL", "often"), &["MOORING_CHECK_INTERVAL"]);
    must_not_start(&Installation::on(&database).with("MOORING_SIGNUP", "sometimes"), &["MOORING_SIGNUP"]);
}

/// Runs `mooring serve`, which has to end by itself with a status of failure and one line that says why.
fn must_not_start(installation: &Installation, words: &[&str]) {
    let output = installation.run(&["serve"], "");
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(matches!(output.status.code(), Some(1 | 2)), "{words:?}: {}\n{log}", output.status);
    let last = log.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
    assert!(words.iter().all(|word| last.contains(word)), "{words:?} is not in the last line:\n{log}");
    assert!(!log.contains("panicked") && !log.contains("hush"), "{log}");
    assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// A target whose logins cost it nothing, so that a test of many checks is not one of SCRAM.
fn quick_target() -> TargetPostgres {
    TargetPostgres::start(&PostgresOptions {
        hba: Some(vec!["host all all all trust".to_owned()]),
        ..PostgresOptions::default()
    })
}

/// A connection to a target, checked once an hour.
async fn add_target(connection: &mut PgConnection, owner: Uuid, name: &str, target: &TargetPostgres) -> Uuid {
    sqlx::query_scalar(
        "insert into database_credentials (user_id, provider, connection_name, credentials, check_interval_s)
         values ($1, 'postgresql', $2, $3, $4) returning id",
    )
    .bind(owner)
    .bind(name)
    .bind(target.credentials())
    .bind(i32::try_from(INTERVAL_S).expect("an hour"))
    .fetch_one(connection)
    .await
    .expect("add a connection")
}

/// An API token by SQL.
async fn add_token(connection: &mut PgConnection, owner: Uuid) -> String {
    let token = format!("mrg_{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
    sqlx::query(
        "insert into api_tokens (user_id, name, token_hash, prefix)
         values ($1, 'tests', sha256(convert_to($2, 'utf8')), left($2, 8))",
    )
    .bind(owner)
    .bind(&token)
    .execute(connection)
    .await
    .expect("add a token");
    token
}

async fn checks_of(connection: &mut PgConnection, id: Uuid) -> i64 {
    count(connection, &format!("database_connection_health where credential_id = '{id}'")).await
}

/// What the checks found, with how often: `healthy, , : 12; down, refused, no: 1`.
async fn statuses(connection: &mut PgConnection) -> String {
    let counts =
        "select status, coalesce(cause, '') as cause, coalesce(note, error_message, '') as message, count(*) as times
                    from database_connection_health group by 1, 2, 3 order by 1 desc";
    sqlx::query_scalar(&format!(
        "select coalesce(string_agg(concat_ws(', ', status, cause, message) || ': ' || times, '; '), '') from ({counts}) as counts"
    ))
    .fetch_one(connection)
    .await
    .expect("what the checks found")
}

/// Whether nothing is claimed.
async fn idle(connection: &mut PgConnection) -> bool {
    count(connection, "connection_state where lease_owner is not null").await == 0
}

/// Moves the database's clock to the next check of everything.
async fn next_slot(connection: &mut PgConnection) {
    shift(connection, Duration::from_secs(INTERVAL_S.into())).await;
}

async fn shift(connection: &mut PgConnection, by: Duration) {
    run(connection, &format!("update mooring_clock set shift = shift + interval '{} seconds'", by.as_secs_f64())).await;
}

/// Waits for what has to happen by itself.
async fn eventually<F: Future<Output = bool>>(what: &str, happened: impl FnMut() -> F) {
    eventually_within(PATIENCE, what, happened).await;
}

async fn eventually_within<F: Future<Output = bool>>(limit: Duration, what: &str, mut happened: impl FnMut() -> F) {
    let begun = Instant::now();
    while !happened().await {
        assert!(begun.elapsed() < limit, "in vain: {what}");
        sleep(Duration::from_millis(50)).await;
    }
}
