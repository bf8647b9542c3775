//! Asks one server over and over, and says how often and how fast it answered.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::Request;

use crate::support::http::HttpConnection;

/// Clients at the same time.
pub const CLIENTS: usize = 16;
/// How long a round asks.
const ROUND: Duration = Duration::from_secs(5);

/// What a server did in a round.
pub struct Served {
    /// Answers.
    pub per_second: f64,
    p99: Duration,
}

impl Served {
    /// The 99th percentile of the times to an answer, in milliseconds.
    pub fn p99_ms(&self) -> f64 {
        self.p99.as_secs_f64() * 1_000.0
    }
}

/// Sends the requests in turn on kept connections for the length of a round; every answer must be a success.
pub async fn load(address: SocketAddr, requests: Vec<Request<Bytes>>) -> Served {
    let over = Arc::new(AtomicBool::new(false));
    let requests = Arc::new(requests);
    let begun = Instant::now();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let (over, requests) = (Arc::clone(&over), Arc::clone(&requests));
            tokio::spawn(async move {
                let mut connection = HttpConnection::open(address).await.expect("connect");
                let mut took = Vec::new();
                // Each begins elsewhere, so that not all ask for the same.
                let mut turn = client * requests.len() / CLIENTS;
                while !over.load(Ordering::Relaxed) {
                    let asked = Instant::now();
                    let answer = connection.send(&requests[turn % requests.len()]).await.expect("an answer");
                    assert!(answer.status().is_success(), "{}", answer.status());
                    took.push(asked.elapsed());
                    turn += 1;
                }
                took
            })
        })
        .collect();
    tokio::time::sleep(ROUND).await;
    over.store(true, Ordering::Relaxed);
    let mut took = Vec::new();
    for client in clients {
        took.extend(client.await.expect("a client"));
    }
    let elapsed = begun.elapsed();
    took.sort();
    #[expect(clippy::cast_precision_loss, reason = "some thousands")]
    let per_second = took.len() as f64 / elapsed.as_secs_f64();
    Served { per_second, p99: took[took.len() * 99 / 100] }
}
