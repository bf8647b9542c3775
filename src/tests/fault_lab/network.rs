//! Ways that are broken: nobody there, silence, a drip, resets, something else that answers.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpStream},
    sync::Arc,
    time::Duration,
};

use mooring::{connections::Provider, probe::Cause};
use serde_json::{Value, json};
use tokio::net::TcpSocket;

use crate::support::{
    fault::{Count, Fault, StandIn, Trick, with},
    server_process::Port,
};

/// The first bytes of a MariaDB greeting.
const GREETING: &[u8] = b"\x4a\0\0\0\x0a5.5.5-10.11.6-MariaDB\0\x01\0\0\0abcdefgh\0";
/// The first bytes of MongoDB's answer to `hello`.
const HELLO: &[u8] = b"\x40\x01\0\0\x07\0\0\0\x01\0\0\0\xdd\x07\0\0\0\0\0\0\0\x2b\x01\0\0\x08isWritable";
/// How long silence is listened to.
const PATIENCE_MS: u32 = 600;

/// All of them, each with a stand-in of its own.
pub async fn groups() -> Vec<Vec<Fault>> {
    let (pg, my, mongo) = (Provider::PostgreSql, Provider::MySql, Provider::MongoDb);
    let mut faults = vec![refused(pg), refused(my), refused(mongo), dropped(), nowhere(), barred()];
    for (name, provider, trick, cause) in [
        ("network: silence (pg)", pg, Trick::Silence, Cause::ConnectTimeout),
        ("network: silence (mariadb)", my, Trick::Silence, Cause::ConnectTimeout),
        ("network: slow drip (pg)", pg, drip(b"R\0\0\0\x08\0\0\0\0"), Cause::WrongProtocol),
        ("network: slow drip (mariadb)", my, drip(GREETING), Cause::ConnectTimeout),
        ("network: silence (mongodb)", mongo, Trick::Silence, Cause::ConnectTimeout),
        ("network: slow drip (mongodb)", mongo, drip(HELLO), Cause::ConnectTimeout),
        (
            "network: HTTP (mongodb)",
            mongo,
            Trick::Answers(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()),
            Cause::WrongProtocol,
        ),
        ("network: SSH (mongodb)", mongo, Trick::Says(b"SSH-2.0-OpenSSH_9.2p1\r\n".to_vec()), Cause::WrongProtocol),
        ("network: MariaDB (mongodb)", mongo, Trick::Says(GREETING.to_vec()), Cause::WrongProtocol),
        ("network: HTTP (pg)", pg, Trick::Answers(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()), Cause::WrongProtocol),
        ("network: SSH (pg)", pg, Trick::Says(b"SSH-2.0-OpenSSH_9.2p1\r\n".to_vec()), Cause::WrongProtocol),
        ("network: SSH (mariadb)", my, Trick::Says(b"SSH-2.0-OpenSSH_9.2p1\r\n".to_vec()), Cause::WrongProtocol),
        ("network: SMTP (mariadb)", my, Trick::Says(b"220 mail.example.org ESMTP\r\n".to_vec()), Cause::WrongProtocol),
        ("network: Redis (pg)", pg, Trick::Answers(b"-ERR unknown command\r\n".to_vec()), Cause::WrongProtocol),
        (
            "network: TLS from the first byte (pg)",
            pg,
            Trick::Answers(b"\x15\x03\x01\0\x02\x02\x46".to_vec()),
            Cause::WrongProtocol,
        ),
    ] {
        faults.push(stand_in(name, provider, trick, cause).await);
    }
    // These wait for a line, which none of the three sends; a client of MySQL waits for their first word besides.
    let (http, redis) = (&b"HTTP/1.0 400 Bad Request\r\n\r\n"[..], &b"-ERR wrong number of arguments\r\n"[..]);
    for (name, provider, words) in [
        ("network: HTTP (mariadb)", my, http),
        ("network: Redis (mariadb)", my, redis),
        ("network: HTTP that waits for a line (pg)", pg, http),
        ("network: Redis that waits for a line (pg)", pg, redis),
        ("network: HTTP that waits for a line (mongodb)", mongo, http),
        ("network: Redis that waits for a line (mongodb)", mongo, redis),
    ] {
        let fault = stand_in(name, provider, Trick::AnswersLines(words.to_vec()), Cause::WrongProtocol).await;
        faults.push(fault.checked(Cause::ConnectTimeout));
    }
    let mut groups: Vec<Vec<Fault>> = faults.into_iter().map(|fault| vec![fault]).collect();
    groups.push(cut("network: reset (pg)", pg, &[], &[0]).await);
    let lengths: Vec<usize> = (0..GREETING.len()).collect();
    groups.push(cut("network: reset in the greeting (mariadb)", my, GREETING, &lengths).await);
    let lengths: Vec<usize> = (0..HELLO.len()).collect();
    groups.push(cut("network: reset in the answer (mongodb)", Provider::MongoDb, HELLO, &lengths).await);
    groups
}

fn credentials(port: u16) -> Value {
    json!({
        "host": "127.0.0.1", "port": port, "database": "app", "username": "app", "password": "app-password",
        "tls": "prefer", "connectTimeoutMs": PATIENCE_MS,
    })
}

/// Where no server is, none can be left with anything.
fn nobody() -> Count {
    Arc::new(|| Box::pin(std::future::ready(0)))
}

fn drip(words: &[u8]) -> Trick {
    Trick::Drips { words: words.to_vec(), every: Duration::from_millis(100) }
}

async fn stand_in(name: &'static str, provider: Provider, trick: Trick, cause: Cause) -> Fault {
    let stand_in = StandIn::start(trick).await;
    Fault::new(name, provider, credentials(stand_in.port()), cause, &stand_in.count())
}

fn refused(provider: Provider) -> Fault {
    // Held, so that no other test listens there.
    let port = Arc::new(Port::take());
    let good = credentials(port.number());
    let left: Count = Arc::new(move || {
        let _port = Arc::clone(&port);
        Box::pin(std::future::ready(0))
    });
    Fault::new("network: refused", provider, good, Cause::ConnectionRefused, &left)
}

/// A listener whose queue is full: the kernel drops further packets, as a firewall does.
fn dropped() -> Fault {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).expect("a free port");
    let listener = socket.listen(0).expect("listen");
    let address = listener.local_addr().expect("its address");
    let filling: Vec<TcpStream> =
        std::iter::from_fn(|| TcpStream::connect_timeout(&address, Duration::from_millis(200)).ok()).take(16).collect();
    assert!(filling.len() < 16, "the queue does not fill");
    let kept = Arc::new((listener, filling));
    let left: Count = Arc::new(move || {
        let _kept = Arc::clone(&kept);
        Box::pin(std::future::ready(0))
    });
    Fault::new(
        "network: packets dropped",
        Provider::PostgreSql,
        credentials(address.port()),
        Cause::ConnectTimeout,
        &left,
    )
}

fn nowhere() -> Fault {
    let good = with(&credentials(5432), json!({"host": "nowhere.invalid", "connectTimeoutMs": 2_000}));
    Fault::new("network: name that does not resolve", Provider::PostgreSql, good, Cause::DnsNotFound, &nobody())
}

fn barred() -> Fault {
    let good = with(&credentials(5432), json!({"host": "169.254.169.254"}));
    Fault::new("network: metadata address", Provider::PostgreSql, good, Cause::InvalidConnectionString, &nobody())
}

/// A reset after some of what a server says first.
async fn cut(name: &'static str, provider: Provider, words: &[u8], lengths: &[usize]) -> Vec<Fault> {
    let waits = provider != Provider::MySql;
    let mut faults = Vec::new();
    for length in lengths.iter().copied() {
        let trick = Trick::Breaks { words: words.get(..length).unwrap_or_default().to_vec(), waits };
        faults.push(stand_in(name, provider, trick, Cause::ConnectionReset).await);
    }
    faults
}
