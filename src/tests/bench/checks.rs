//! Checks per second, and memory, of a process that watches a thousand connections.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use http::header;
use tokio::net::TcpStream;

use crate::{
    Line, ROUNDS, median,
    support::{
        client::{Client, Server, Transcript},
        cluster::TestDatabase,
        mooring::Installation,
        postgres::{DATABASE, PASSWORD, PostgresOptions, TargetPostgres, USER},
        rows::{add_user, count, run},
    },
};

/// Connections that fall due at once.
const CONNECTIONS: u16 = 1_000;
/// Probes at the same time, in the monitor as in the loop.
const CONCURRENCY: usize = 64;

/// Measures both and the memory afterwards.
pub async fn measure(database: TestDatabase) -> Vec<Line> {
    let target = TargetPostgres::start(&PostgresOptions {
        conf: vec!["max_connections = 400".to_owned(), "log_connections = off".to_owned()],
        ..PostgresOptions::default()
    });
    let mut connection = database.connect().await;
    let owner = add_user(&mut connection, "bench@example.org").await;
    sqlx::query(
        "insert into database_credentials (user_id, provider, connection_name, credentials, check_interval_s)
         select $1, 'postgresql', 'orders ' || number, $2, 86400 from generate_series(1, $3::integer) as number",
    )
    .bind(owner)
    .bind(target.credentials())
    .bind(i32::from(CONNECTIONS))
    .execute(&mut connection)
    .await
    .expect("add connections");
    // The sweep is asked for, so that a round begins when its stopwatch does; the scheduler runs the same.
    let process = Installation::on(&database)
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
        let bare = bare_loop(target.port(), usize::from(CONNECTIONS)).await;
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
    let resident = resident_kib(process.id());
    vec![
        Line {
            what: format!("Checks a second, {CONNECTIONS} due at once, {CONCURRENCY} at a time"),
            mooring: format!("{:.0}", median(rounds.iter().map(|(monitor, _)| *monitor))),
            bare: format!("{:.0}", median(rounds.iter().map(|(_, bare)| *bare))),
            ratio: format!("{:.2}", median(rounds.iter().map(|(monitor, bare)| monitor / bare))),
            aim: "≥ 0.8",
        },
        Line {
            what: format!("Resident memory with {CONNECTIONS} connections, after the checks"),
            mooring: format!("{} MB", resident / 1024),
            bare: String::new(),
            ratio: String::new(),
            aim: "< 150 MB",
        },
    ]
}

/// Resident memory of a process in kibibytes.
fn resident_kib(id: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("read the process's status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its resident memory");
    line.trim().trim_end_matches("kB").trim().parse().expect("a number of kibibytes")
}

/// Connect, `select 1`, close, with the same driver: what no monitor can do without.
async fn bare_loop(port: u16, times: usize) -> f64 {
    let left = Arc::new(AtomicUsize::new(times));
    let begun = Instant::now();
    let tasks: Vec<_> = (0..CONCURRENCY)
        .map(|_| {
            let left = Arc::clone(&left);
            tokio::spawn(async move {
                while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
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
