//! The history of a connection by `/rest/v1`, beside a bare handler that runs the same SQL in the same kind of
//! transaction, with ten thousand, a million and ten million checks in the table.

use std::net::SocketAddr;

use axum::{
    Router,
    extract::{Path, State},
    http::header,
    routing::get,
};
use bytes::Bytes;
use http::Request;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::{
    Line, ROUNDS,
    load::{CLIENTS, Served, load},
    median,
    support::{
        client::PASSWORD,
        cluster::TestDatabase,
        mooring::Installation,
        rows::{add_connection, run},
    },
};

/// Connections that the checks are of.
const CONNECTIONS: u32 = 100;
/// Checks of each, one every thirty seconds: ten thousand, a million and ten million in all.
const CHECKS: [u32; 3] = [100, 10_000, 100_000];
/// Tokens that ask in turn, so that none asks more often than one may.
const TOKENS: u32 = 1_000;
const EMAIL: &str = "bench@example.org";

/// Measures both at each size.
pub async fn measure(database: TestDatabase) -> Vec<Line> {
    let installation = Installation::on(&database).with("MOORING_SCHEDULER", "off").with("RUST_LOG", "warn");
    installation.must(&["user", "add", EMAIL, "--admin", "--password-stdin"], PASSWORD);
    let mut connection = database.connect().await;
    let user: Uuid = sqlx::query_scalar("select id from users where email = $1")
        .bind(EMAIL)
        .fetch_one(&mut connection)
        .await
        .expect("the account");
    let mut ids = Vec::new();
    for number in 0..CONNECTIONS {
        ids.push(add_connection(&mut connection, user, &format!("orders {number}")).await);
    }
    let tokens = add_tokens(&mut connection, user).await;
    run(&mut connection, "select ensure_health_partitions(now() - interval '2 months', now())").await;
    let process = installation.serve();
    let bare = serve_bare(database.pool(16), user).await;
    let of_mooring: Vec<_> =
        tokens.iter().zip(ids.iter().cycle()).map(|(token, id)| of_mooring(process.address, token, *id)).collect();
    let of_bare: Vec<_> = ids.iter().map(|id| of_bare(bare, *id)).collect();

    let mut sizes = Vec::new();
    let mut there = 0;
    for checks in CHECKS {
        fill(&mut connection, there, checks).await;
        there = checks;
        let mut rounds = Vec::new();
        for round in 0..=ROUNDS {
            let served = (load(process.address, of_mooring.clone()).await, load(bare, of_bare.clone()).await);
            // The first one is for warming up.
            if round > 0 {
                rounds.push(served);
            }
        }
        sizes.push(rounds);
    }
    lines(&sizes)
}

/// Reads one figure of a round.
type Figure = fn(&(Served, Served)) -> f64;

fn lines(sizes: &[Vec<(Served, Served)>]) -> Vec<Line> {
    let million = &sizes[1];
    let p99 = |size: &[(Served, Served)], of: Figure| median(size.iter().map(of));
    let (mooring, bare): (Figure, Figure) = (|(mooring, _)| mooring.p99_ms(), |(_, bare)| bare.p99_ms());
    let mut lines = vec![
        Line {
            what: format!("Ten checks of a million by `/rest/v1`, requests a second, {CLIENTS} at a time"),
            mooring: format!("{:.0}", median(million.iter().map(|(mooring, _)| mooring.per_second))),
            bare: format!("{:.0}", median(million.iter().map(|(_, bare)| bare.per_second))),
            ratio: format!("{:.2}", median(million.iter().map(|(mooring, bare)| mooring.per_second / bare.per_second))),
            aim: "≥ 0.7",
        },
        Line {
            what: "The same, 99th percentile".to_owned(),
            mooring: format!("{:.1} ms", p99(million, mooring)),
            bare: format!("{:.1} ms", p99(million, bare)),
            ratio: format!("{:.2}", median(million.iter().map(|served| mooring(served) / bare(served)))),
            aim: "",
        },
    ];
    let (small, large) = (&sizes[0], &sizes[2]);
    lines.push(Line {
        what: "The same of ten thousand, then of ten million: 99th percentile, and the second by the first".to_owned(),
        mooring: format!("{:.1} ms, {:.1} ms", p99(small, mooring), p99(large, mooring)),
        bare: format!("{:.1} ms, {:.1} ms", p99(small, bare), p99(large, bare)),
        ratio: format!("{:.2}", p99(large, mooring) / p99(small, mooring)),
        aim: "≤ 1.2",
    });
    lines
}

/// Tokens by SQL: what is stored of one is its hash.
async fn add_tokens(connection: &mut PgConnection, user: Uuid) -> Vec<String> {
    let tokens: Vec<String> = (0..TOKENS).map(|number| format!("mrg_bench{number}")).collect();
    sqlx::query(
        "insert into api_tokens (user_id, name, token_hash, prefix)
         select $1, 'bench', sha256(token::bytea), 'mrg_bench' from unnest($2::text[]) as token",
    )
    .bind(user)
    .bind(&tokens)
    .execute(connection)
    .await
    .expect("add tokens");
    tokens
}

/// Checks of every connection, each thirty seconds before the one that is there.
async fn fill(connection: &mut PgConnection, from: u32, to: u32) {
    let insert = format!(
        "insert into database_connection_health (credential_id, status, response_time_ms, check_timestamp, tcp_us, query_us)
         select id, 'healthy', 12, now() - number * interval '30 seconds', 900, 400
           from generate_series({from}, {to} - 1) as number, database_credentials"
    );
    run(connection, &insert).await;
    run(connection, "vacuum (analyze) database_connection_health").await;
}

fn of_mooring(address: SocketAddr, token: &str, id: Uuid) -> Request<Bytes> {
    let query = format!("select=*&credential_id=eq.{id}&order=check_timestamp.desc&limit=10");
    Request::get(format!("/rest/v1/database_connection_health?{query}"))
        .header(header::HOST, address.to_string())
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .body(Bytes::new())
        .expect("a request")
}

fn of_bare(address: SocketAddr, id: Uuid) -> Request<Bytes> {
    Request::get(format!("/{id}")).header(header::HOST, address.to_string()).body(Bytes::new()).expect("a request")
}

/// A server with one handler, on a port of its own.
async fn serve_bare(pool: PgPool, user: Uuid) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let address = listener.local_addr().expect("its address");
    let router = Router::new().route("/{id}", get(bare)).with_state((pool, user));
    // Ends with the program.
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// The rows as Postgres writes them, in a read-only transaction under row-level security.
async fn bare(State((pool, user)): State<(PgPool, Uuid)>, Path(id): Path<Uuid>) -> String {
    let begin = format!("begin read only; set local role mooring_user; set local mooring.user_id = '{user}'");
    let mut tx = pool.begin_with(begin).await.expect("begin");
    let body: String = sqlx::query_scalar(
        "select coalesce(json_agg(page), '[]')::text
           from (select * from database_connection_health
                  where credential_id = $1
                  order by check_timestamp desc
                  limit 10) as page",
    )
    .bind(id)
    .fetch_one(&mut *tx)
    .await
    .expect("the rows");
    tx.commit().await.expect("commit");
    body
}
