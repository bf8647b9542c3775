//! Checks per second of a process that watches many connections, for each provider that a real server is there for,
//! and its memory. Firebase and Supabase are services of others; what stands in for them in the tests would measure
//! itself.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use http::header;
use mooring::{
    connections::{Provider, settings::Settings},
    server::{config::EgressPolicy, egress::Egress, providers::probe},
};
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::{
    Line, ROUNDS, median,
    support::{
        client::{Client, Server, Transcript},
        cluster::TestDatabase,
        mariadb::{MariaDbOptions, TargetMariaDb},
        mongodb::{MongoDbOptions, TargetMongoDb},
        mooring::Installation,
        postgres::{DATABASE, PASSWORD, PostgresOptions, TargetPostgres, USER},
        rows::{add_user, count, run},
    },
};

/// Probes at the same time, in the monitor as in the loop.
const CONCURRENCY: usize = 64;

/// Connections to one server that fall due at once.
struct Watched {
    provider: Provider,
    connections: u16,
    credentials: Value,
}

/// `PostgreSQL`, with the memory afterwards.
pub async fn postgresql(database: TestDatabase) -> Vec<Line> {
    let target = TargetPostgres::start(&PostgresOptions {
        conf: vec!["max_connections = 400".to_owned(), "log_connections = off".to_owned()],
        ..PostgresOptions::default()
    });
    let watched = Watched { provider: Provider::PostgreSql, connections: 1_000, credentials: target.credentials() };
    let port = target.port();
    let (line, resident) = measure(&database, &watched, move || with_driver(port)).await;
    let memory = Line {
        what: format!("Resident memory with {} connections, after the checks", watched.connections),
        mooring: format!("{} MB", resident / 1024),
        bare: String::new(),
        ratio: String::new(),
        aim: "< 150 MB",
    };
    vec![line, memory]
}

/// `MariaDB`, beside the client that the checks use, on its own.
pub async fn mariadb(database: TestDatabase) -> Vec<Line> {
    let target = TargetMariaDb::start(&MariaDbOptions::default());
    let watched = Watched { provider: Provider::MySql, connections: 1_000, credentials: target.credentials() };
    with_own_client(&database, &watched).await
}

/// A server that speaks `MongoDB`'s protocol, likewise. It is slow at logins, so it has fewer connections.
pub async fn mongodb(database: TestDatabase) -> Vec<Line> {
    let target = TargetMongoDb::start(&MongoDbOptions::default());
    let credentials = json!({"host": "127.0.0.1", "port": target.port(), "database": DATABASE, "username": USER,
        "password": PASSWORD, "authSource": "admin", "tls": "disable"});
    let watched = Watched { provider: Provider::MongoDb, connections: 200, credentials };
    with_own_client(&database, &watched).await
}

/// The monitor beside nothing but the client that it uses too.
async fn with_own_client(database: &TestDatabase, watched: &Watched) -> Vec<Line> {
    let egress = Egress::new(EgressPolicy::SelfHosted);
    let settings = Settings::from_json(watched.provider, &watched.credentials).expect("settings");
    let provider = watched.provider;
    let check = move || {
        let (egress, settings) = (egress.clone(), settings.clone());
        async move {
            let report = probe(&egress, provider, &settings).await;
            assert!(report.succeeded(), "{report:?}");
        }
    };
    vec![measure(database, watched, check).await.0]
}

/// Measures the monitor and a loop of `bare`; with the process's memory in kibibytes afterwards.
async fn measure<F: Future<Output = ()> + Send>(
    database: &TestDatabase,
    watched: &Watched,
    bare: impl Fn() -> F + Clone + Send + 'static,
) -> (Line, u64) {
    let Watched { provider, connections, credentials } = watched;
    let mut connection = database.connect().await;
    let owner = add_user(&mut connection, "bench@example.org").await;
    sqlx::query(
        "insert into database_credentials (user_id, provider, connection_name, credentials, check_interval_s)
         select $1, $2, 'orders ' || number, $3, 86400 from generate_series(1, $4::integer) as number",
    )
    .bind(owner)
    .bind(provider.code())
    .bind(credentials)
    .bind(i32::from(*connections))
    .execute(&mut connection)
    .await
    .expect("add connections");
    // The sweep is asked for, so that a round begins when its stopwatch does; the scheduler runs the same.
    let process = Installation::on(database)
        .with("MOORING_SCHEDULER", "off")
        .with("MOORING_CHECK_CONCURRENCY", &CONCURRENCY.to_string())
        .with("RUST_LOG", "warn")
        .serve();
    let client = Client::new(Server::At(process.address), &Transcript::default());
    // Once for warming up: plaintext rows get sealed, statements prepared.
    let mut rounds = Vec::new();
    for round in 0..=ROUNDS {
        run(&mut connection, "update connection_state set next_check_at = mooring_now()").await;
        let begun = Instant::now();
        let request = http::Request::post("/functions/v1/proactive-health-monitor")
            .header(header::CONTENT_TYPE, "application/json");
        let answer = client.send(request, "{}").await.json();
        let checked = answer["checked"].as_f64().expect("a count");
        let monitor = checked / begun.elapsed().as_secs_f64();
        assert_eq!(answer["down"], 0, "{answer}\n{}", process.log());
        let bare = bare_loop(usize::from(*connections), bare.clone()).await;
        if round > 0 {
            rounds.push((monitor, bare));
        }
        // What the answer left is finished before the next round.
        while count(&mut connection, "connection_state where next_check_at <= mooring_now() or lease_owner is not null")
            .await
            > 0
        {
            client.send(http::Request::post("/functions/v1/proactive-health-monitor"), "{}").await;
        }
    }
    let line = Line {
        what: format!("Checks a second, {}, {connections} due at once, {CONCURRENCY} at a time", provider.label()),
        mooring: format!("{:.0}", median(rounds.iter().map(|(monitor, _)| *monitor))),
        bare: format!("{:.0}", median(rounds.iter().map(|(_, bare)| *bare))),
        ratio: format!("{:.2}", median(rounds.iter().map(|(monitor, bare)| monitor / bare))),
        // Where a login costs the server much. MariaDB's costs next to nothing: what is left is what we write down.
        aim: if *provider == Provider::PostgreSql { "≥ 0.8" } else { "" },
    };
    (line, resident_kib(process.id()))
}

/// Resident memory of a process in kibibytes.
fn resident_kib(id: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("read the process's status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its resident memory");
    line.trim().trim_end_matches("kB").trim().parse().expect("a number of kibibytes")
}

/// So many checks by `check`, as many at a time as the monitor's; how many a second.
async fn bare_loop<F: Future<Output = ()> + Send>(times: usize, check: impl Fn() -> F + Clone + Send + 'static) -> f64 {
    let left = Arc::new(AtomicUsize::new(times));
    let begun = Instant::now();
    let tasks: Vec<_> = (0..CONCURRENCY)
        .map(|_| {
            let (left, check) = (Arc::clone(&left), check.clone());
            tokio::spawn(async move {
                while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
                    check().await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("a loop");
    }
    #[expect(clippy::cast_precision_loss, reason = "a thousand")]
    let times = times as f64;
    times / begun.elapsed().as_secs_f64()
}

/// Connect, `select 1`, close, with the same driver: what no monitor can do without.
async fn with_driver(port: u16) {
    let stream = TcpStream::connect(("127.0.0.1", port)).await.expect("reach the server");
    stream.set_nodelay(true).expect("send at once");
    let (client, connection) = tokio_postgres::Config::new()
        .user(USER)
        .password(PASSWORD)
        .dbname(DATABASE)
        .connect_raw(stream, tokio_postgres::NoTls)
        .await
        .expect("connect");
    let connection = tokio::spawn(connection);
    client.simple_query("select 1").await.expect("select 1");
    drop(client);
    connection.await.expect("close").expect("close");
}
