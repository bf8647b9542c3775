//! The board page beside a bare handler that fetches the same rows in the same kind of transaction.

use std::net::SocketAddr;

use axum::{Json, Router, extract::State, routing::get};
use bytes::Bytes;
use http::{Request, header};
use serde_json::{Value, json};
use sqlx::{PgPool, Row};
use uuid::Uuid;

use crate::{
    Line, ROUNDS,
    load::{CLIENTS, load},
    median,
    support::{
        client::{Client, PASSWORD, Server, Transcript},
        cluster::TestDatabase,
        mooring::Installation,
    },
};

/// Connections on the board.
const CONNECTIONS: i32 = 100;
const EMAIL: &str = "bench@example.org";

/// Measures both.
pub async fn measure(database: TestDatabase) -> Vec<Line> {
    let installation = Installation::on(&database).with("MOORING_SCHEDULER", "off").with("RUST_LOG", "warn");
    installation.must(&["user", "add", EMAIL, "--admin", "--password-stdin"], PASSWORD);
    let process = installation.serve();
    let client = Client::new(Server::At(process.address), &Transcript::default()).sign_in(EMAIL).await;
    let user = fill(&database).await;
    let page = client.get("/").await;
    assert!(page.status.is_success() && page.text().contains("orders 100"), "the board does not show its connections");
    let bare = serve_bare(database.pool(16), user).await;

    let mut rounds = Vec::new();
    for round in 0..=ROUNDS {
        let mooring = load(process.address, vec![request(process.address, &client.cookies())]).await;
        let bare = load(bare, vec![request(bare, "")]).await;
        // The first one is for warming up.
        if round > 0 {
            rounds.push((mooring, bare));
        }
    }
    vec![
        Line {
            what: format!("Board page with {CONNECTIONS} connections, requests a second, {CLIENTS} at a time"),
            mooring: format!("{:.0}", median(rounds.iter().map(|(mooring, _)| mooring.per_second))),
            bare: format!("{:.0}", median(rounds.iter().map(|(_, bare)| bare.per_second))),
            ratio: format!("{:.2}", median(rounds.iter().map(|(mooring, bare)| mooring.per_second / bare.per_second))),
            aim: "",
        },
        Line {
            what: "The same, 99th percentile".to_owned(),
            mooring: format!("{:.1} ms", median(rounds.iter().map(|(mooring, _)| mooring.p99_ms()))),
            bare: format!("{:.1} ms", median(rounds.iter().map(|(_, bare)| bare.p99_ms()))),
            ratio: format!("{:.2}", median(rounds.iter().map(|(mooring, bare)| mooring.p99_ms() / bare.p99_ms()))),
            aim: "",
        },
    ]
}

/// As a browser asks for the board.
fn request(address: SocketAddr, cookies: &str) -> Request<Bytes> {
    Request::get("/")
        .header(header::HOST, address.to_string())
        .header(header::ACCEPT, "text/html")
        .header(header::COOKIE, cookies)
        .body(Bytes::new())
        .expect("a request")
}

/// Connections with a day of half hours and a month of days, as if they had been watched.
async fn fill(database: &TestDatabase) -> Uuid {
    let mut connection = database.connect().await;
    let user: Uuid = sqlx::query_scalar("select id from users where email = $1")
        .bind(EMAIL)
        .fetch_one(&mut connection)
        .await
        .expect("the account");
    for statement in [
        format!(
            "insert into database_credentials (user_id, provider, connection_name, credentials, public_settings, check_interval_s)
             select '{user}', 'postgresql', 'orders ' || number, '{{\"$sealed\": 1}}',
                    jsonb_build_object('host', 'db' || number || '.example.org', 'port', 5432, 'database', 'orders'), 86400
               from generate_series(1, {CONNECTIONS}) as number"
        ),
        "update connection_state
            set status = 'healthy', last_check_at = mooring_now(), response_time_ms = 12,
                next_check_at = mooring_now() + interval '1 day'"
            .to_owned(),
        "insert into connection_half_hours (credential_id, half_hour, healthy, response_ms_sum, response_ms_max, up_seconds)
         select id, date_trunc('hour', mooring_now()) - number * interval '30 minutes', 6, 72, 14, 1800
           from database_credentials, generate_series(0, 47) as number"
            .to_owned(),
        "insert into database_performance_metrics
                (credential_id, metric_date, avg_response_time_ms, total_requests, successful_requests, uptime_percentage,
                 response_ms_sum, up_seconds)
         select id, (mooring_now() at time zone 'utc')::date - number, 12, 288, 288, 100, 3456, 86400
           from database_credentials, generate_series(0, 29) as number"
            .to_owned(),
        "analyze".to_owned(),
    ] {
        sqlx::raw_sql(&statement).execute(&mut connection).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
    user
}

/// A server with one handler, on a port of its own.
async fn serve_bare(pool: PgPool, user: Uuid) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let address = listener.local_addr().expect("its address");
    let router = Router::new().route("/", get(bare)).with_state((pool, user));
    // Ends with the program.
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// The rows of the board, in a read-only transaction under row-level security, as JSON.
async fn bare(State((pool, user)): State<(PgPool, Uuid)>) -> Json<Value> {
    let begin = format!("begin read only; set local role mooring_user; set local mooring.user_id = '{user}'");
    let mut tx = pool.begin_with(begin).await.expect("begin");
    let connections = sqlx::query(
        "select id, connection_name, provider, public_settings, paused_at is not null, status, last_check_at::text,
                response_time_ms, cause
           from database_credentials join connection_state on credential_id = id
          where user_id = $1",
    )
    .bind(user)
    .fetch_all(&mut *tx)
    .await
    .expect("connections");
    let half_hours = sqlx::query(
        "select credential_id, half_hour::text, healthy, degraded, down, unknown, response_ms_sum, up_seconds, down_seconds
           from connection_half_hours
          where half_hour > mooring_now() - interval '24 hours'",
    )
    .fetch_all(&mut *tx)
    .await
    .expect("half hours");
    let days = sqlx::query(
        "select credential_id, sum(up_seconds), sum(down_seconds)
           from database_performance_metrics
          where metric_date > (mooring_now() at time zone 'utc')::date - 30
          group by credential_id",
    )
    .fetch_all(&mut *tx)
    .await
    .expect("days");
    let notices = sqlx::query("select id, title, body from notices where ended_at is null and dismissed_at is null")
        .fetch_all(&mut *tx)
        .await
        .expect("notices");
    tx.commit().await.expect("commit");
    let rows: Vec<Value> = connections
        .iter()
        .map(|row| {
            json!([
                row.get::<Uuid, _>(0),
                row.get::<String, _>(1),
                row.get::<String, _>(2),
                row.get::<Value, _>(3),
                row.get::<bool, _>(4),
                row.get::<String, _>(5),
                row.get::<Option<String>, _>(6),
                row.get::<Option<i32>, _>(7),
                row.get::<Option<String>, _>(8),
            ])
        })
        .collect();
    let beats: Vec<Value> = half_hours
        .iter()
        .map(|row| {
            json!([
                row.get::<Uuid, _>(0),
                row.get::<String, _>(1),
                row.get::<i32, _>(2),
                row.get::<i32, _>(3),
                row.get::<i32, _>(4),
                row.get::<i32, _>(5),
                row.get::<i64, _>(6),
                row.get::<f64, _>(7),
                row.get::<f64, _>(8),
            ])
        })
        .collect();
    let uptimes: Vec<Value> = days
        .iter()
        .map(|row| json!([row.get::<Uuid, _>(0), row.get::<Option<f64>, _>(1), row.get::<Option<f64>, _>(2)]))
        .collect();
    Json(json!({ "rows": rows, "beats": beats, "uptimes": uptimes, "notices": notices.len() }))
}
