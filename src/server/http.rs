//! Takes connections and speaks HTTP on them. Whoever sends slowly holds one connection and nothing else, and not
//! for long: the headers have their time here, the body in `body.rs`, the whole request in `router.rs`.

use std::{net::SocketAddr, time::Duration};

use axum::{Router, body::Body, extract::ConnectInfo, http::Request, serve::Listener};
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

/// How long the headers of a request may take to arrive, counted from when a connection is ready for one: a
/// connection that is kept alive and idle is closed after it as well.
const HEADERS: Duration = Duration::from_secs(30);
/// Requests that are under way get this long to end after a stop was asked for.
const DRAIN: Duration = Duration::from_secs(10);

/// Serves `router` until `stop` is cancelled, and then until the requests that are under way are answered, at
/// most [`DRAIN`].
pub async fn serve(mut listener: TcpListener, router: Router, stop: CancellationToken) {
    let connections = GracefulShutdown::new();
    loop {
        // What goes wrong with accepting passes: the listener waits and tries again.
        let (stream, peer) = tokio::select! {
            accepted = Listener::accept(&mut listener) => accepted,
            () = stop.cancelled() => break,
        };
        let service = router.clone().map_request(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo::<SocketAddr>(peer));
            request.map(Body::new)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADERS)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
        let connection = connections.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!("a connection ended: {error}");
            }
        });
    }
    drop(listener);
    if tokio::time::timeout(DRAIN, connections.shutdown()).await.is_err() {
        tracing::info!("requests that were still under way are left");
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpStream,
        time::{Instant, sleep},
    };

    use super::*;

    /// A server that answers with the peer's address.
    async fn start() -> (SocketAddr, CancellationToken, tokio::task::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let peer = async |ConnectInfo(peer): ConnectInfo<SocketAddr>| peer.to_string();
        let slow = async || sleep(Duration::from_secs(5)).await;
        let router = Router::new().route("/", get(peer)).route("/slow", get(slow));
        let stop = CancellationToken::new();
        (address, stop.clone(), tokio::spawn(serve(listener, router, stop)))
    }

    #[tokio::test(start_paused = true)]
    async fn headers_that_trickle_are_cut_off() {
        let (address, ..) = start().await;
        let mut stream = TcpStream::connect(address).await.expect("it listens");
        let begun = Instant::now();
        stream.write_all(b"GET / HTTP/1.1\r\nhost: mooring\r\n").await.expect("sent");
        let (mut answer, mut request) = stream.split();
        let trickle = async {
            // No pause is long, and the whole is.
            while request.write_all(b"x-slow: 1\r\n").await.is_ok() {
                sleep(Duration::from_secs(2)).await;
            }
        };
        let mut said = Vec::new();
        tokio::select! {
            _ = answer.read_to_end(&mut said) => {}
            () = trickle => {}
        }
        assert!(!said.starts_with(b"HTTP/1.1 200"), "it was never asked for anything");
        assert!((HEADERS..HEADERS + Duration::from_secs(5)).contains(&begun.elapsed()), "{:?}", begun.elapsed());
    }

    async fn ask(address: SocketAddr, path: &str) -> TcpStream {
        let mut stream = TcpStream::connect(address).await.expect("it listens");
        let request = format!("GET {path} HTTP/1.1\r\nhost: mooring\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("sent");
        stream
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_under_way_is_answered_after_a_stop() {
        let (address, stop, served) = start().await;
        let mut quick = ask(address, "/").await;
        let own = quick.local_addr().expect("an address").to_string();
        let mut said = String::new();
        quick.read_to_string(&mut said).await.expect("an answer");
        assert!(said.starts_with("HTTP/1.1 200") && said.ends_with(&own), "{said}");

        let mut slow = ask(address, "/slow").await;
        sleep(Duration::from_secs(1)).await;
        stop.cancel();
        let mut said = String::new();
        slow.read_to_string(&mut said).await.expect("an answer");
        assert!(said.starts_with("HTTP/1.1 200"), "{said}");
        served.await.expect("it ends");
        assert!(TcpStream::connect(address).await.is_err(), "it no longer listens");
    }
}
