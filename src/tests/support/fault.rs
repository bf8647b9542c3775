//! Faults: one thing that is wrong with a server or with the way to it, and what is to be found. The fault lab
//! runs them all; a provider adds its own as a group of them.

use std::{
    fmt::Write as _,
    fs,
    future::Future,
    net::{Ipv4Addr, SocketAddr},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use mooring::{connections::Provider, diagnosis::StageKind, probe::Cause};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy, copy_bidirectional},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time::sleep,
};

/// How many connections of Mooring's the server has now. Whatever it needs for that, the server itself
/// included, lives as long as this.
pub type Count = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = i64> + Send>> + Send + Sync>;

/// One thing that is wrong.
#[derive(Clone)]
pub struct Fault {
    /// What it is, for the table.
    pub name: &'static str,
    /// What kind of database the connection is said to be.
    pub provider: Provider,
    /// The `credentials` object of the wire.
    pub credentials: Value,
    /// What a staged probe has to find; none where it has to connect.
    pub expected: Option<Cause>,
    /// What a check has to find, which has less to go by; the same unless said otherwise.
    pub checked: Option<Cause>,
    /// What else may be found instead, where servers of different versions say different things.
    pub or: Option<Cause>,
    /// What has to be among the other possibilities, where the server does not say it.
    pub also: Option<Cause>,
    /// The time within which each of the two has to end.
    pub within: Duration,
    /// Counts what is left on the server.
    pub left: Count,
}

impl Fault {
    /// A fault that is found at once.
    pub fn new(name: &'static str, provider: Provider, credentials: Value, expected: Cause, left: &Count) -> Self {
        let (expected, within) = (Some(expected), Duration::from_secs(6));
        let (or, also) = (None, None);
        Self { name, provider, credentials, expected, checked: expected, or, also, within, left: Arc::clone(left) }
    }

    /// No fault at all: it has to connect.
    pub fn none(name: &'static str, provider: Provider, credentials: Value, left: &Count) -> Self {
        let fault = Self::new(name, provider, credentials, Cause::Unknown, left);
        Self { expected: None, checked: None, ..fault }
    }

    /// A check by itself finds `cause`.
    pub fn checked(self, cause: Cause) -> Self {
        Self { checked: Some(cause), ..self }
    }

    /// Other versions of the server say `cause`.
    pub fn or(self, cause: Cause) -> Self {
        Self { or: Some(cause), ..self }
    }

    /// Only the end of its time shows it.
    pub fn within(self, within: Duration) -> Self {
        Self { within, ..self }
    }

    /// `cause` is among the other possibilities.
    pub fn also(self, cause: Cause) -> Self {
        Self { also: Some(cause), ..self }
    }

    /// Whether `found` is what was to be found, or what may be found instead.
    pub fn admits(&self, expected: Option<Cause>, found: Option<Cause>) -> bool {
        found == expected || (self.or.is_some() && found == self.or)
    }
}

/// Changes fields of a `credentials` object.
pub fn with(credentials: &Value, changes: Value) -> Value {
    let mut credentials = credentials.clone();
    if let (Some(fields), Value::Object(changes)) = (credentials.as_object_mut(), changes) {
        fields.extend(changes);
        fields.retain(|_, value| !value.is_null());
    }
    credentials
}

/// Counts with `count` on `server`, which it keeps running.
pub fn counted<S, F>(server: &Arc<S>, count: impl Fn(Arc<S>) -> F + Send + Sync + 'static) -> Count
where
    S: Send + Sync + 'static,
    F: Future<Output = i64> + Send + 'static,
{
    let server = Arc::clone(server);
    Arc::new(move || Box::pin(count(Arc::clone(&server))))
}

/// The server's ends of connections to 127.0.0.1:`port`, as the kernel has them: for servers that cannot be
/// asked.
pub fn sockets(port: u16) -> i64 {
    // Established, or closed by the client alone.
    in_states(port, &["01", "08"])
}

/// The same without those that the client has closed: for servers that do not go on and close them too.
pub fn established(port: u16) -> i64 {
    in_states(port, &["01"])
}

fn in_states(port: u16, states: &[&str]) -> i64 {
    let table = fs::read_to_string("/proc/net/tcp").expect("read the table of connections");
    let here = format!(":{port:04X}");
    let open = table.lines().filter(|line| {
        let mut fields = line.split_whitespace().skip(1);
        let (local, _, state) = (fields.next(), fields.next(), fields.next());
        local.is_some_and(|local| local.ends_with(&here)) && state.is_some_and(|state| states.contains(&state))
    });
    i64::try_from(open.count()).unwrap_or(i64::MAX)
}

/// What was found of one fault.
pub struct Row {
    /// The fault.
    pub name: &'static str,
    /// What was to be found.
    pub expected: Option<Cause>,
    /// What the staged probe found.
    pub found: Option<Cause>,
    /// The stage at which it stopped.
    pub stopped: Option<StageKind>,
    /// How long it took.
    pub took: Duration,
    /// What is not as it should be.
    pub problems: Vec<String>,
}

impl Row {
    /// Notes what does not hold.
    pub fn holds(&mut self, what: &str, holds: bool) {
        if !holds {
            self.problems.push(format!("not so: {what}"));
        }
    }
}

/// The rows as a table. Rows of one name that end alike, such as resets after each byte, are one line with the
/// longest of their times.
pub fn table(rows: &[Row]) -> String {
    let word = |cause: Option<Cause>| cause.map_or("connects", Cause::code);
    let mut text = format!("{:<48} {:<24} {:<24} {:<20} {:>6}\n", "fault", "expected", "found", "stops at", "ms");
    let alike = |one: &Row, other: &Row| {
        (one.name, one.found) == (other.name, other.found) && one.problems.is_empty() && other.problems.is_empty()
    };
    for rows in rows.chunk_by(alike) {
        let row = &rows[0];
        let times = if rows.len() > 1 { format!(" (×{})", rows.len()) } else { String::new() };
        let name = [row.name, &times].concat();
        let (expected, found) = (word(row.expected), word(row.found));
        let mut stages: Vec<&str> = rows.iter().filter_map(|row| row.stopped).map(StageKind::label).collect();
        stages.sort_unstable();
        stages.dedup();
        let took = rows.iter().map(|row| row.took).max().unwrap_or_default().as_millis();
        writeln!(text, "{name:<48} {expected:<24} {found:<24} {:<20} {took:>6}", stages.join(", "))
            .expect("write to a string");
        for problem in &row.problems {
            writeln!(text, "    {problem}").expect("write to a string");
        }
    }
    text
}

/// What a stand-in does with each connection.
#[derive(Clone, Debug)]
pub enum Trick {
    /// Accepts and says nothing.
    Silence,
    /// Says this at once, then only listens.
    Says(Vec<u8>),
    /// Says this after the client's first word.
    Answers(Vec<u8>),
    /// Says this once it has heard the end of a line, as what speaks in lines does.
    AnswersLines(Vec<u8>),
    /// A byte of it every so often, after the client's first word where `waits`.
    Drips { words: Vec<u8>, every: Duration },
    /// Breaks off after these words, by a reset.
    Breaks { words: Vec<u8>, waits: bool },
}

/// A listener that is no database.
#[derive(Debug)]
pub struct StandIn {
    port: u16,
    open: Arc<AtomicI64>,
    accepting: JoinHandle<()>,
}

impl StandIn {
    /// Starts one.
    pub async fn start(trick: Trick) -> Arc<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let open = Arc::new(AtomicI64::new(0));
        let counted = Arc::clone(&open);
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (trick, open) = (trick.clone(), Arc::clone(&counted));
                open.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    play(stream, trick).await;
                    open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Arc::new(Self { port, open, accepting })
    }

    /// Where it listens.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Counts the connections that the client has not closed.
    pub fn count(self: &Arc<Self>) -> Count {
        counted(self, |stand_in| async move { stand_in.open.load(Ordering::SeqCst) })
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn play(mut stream: TcpStream, trick: Trick) {
    // A client that has hung up ends the play.
    match trick {
        Trick::Silence => {}
        Trick::Says(words) => drop(stream.write_all(&words).await),
        Trick::Answers(words) => {
            hear(&mut stream).await;
            drop(stream.write_all(&words).await);
        }
        Trick::AnswersLines(words) => {
            let mut bytes = [0; 1024];
            while let Ok(read @ 1..) = stream.read(&mut bytes).await {
                if bytes[..read].contains(&b'\n') {
                    drop(stream.write_all(&words).await);
                    break;
                }
            }
        }
        Trick::Drips { words, every } => {
            for byte in words {
                sleep(every).await;
                if stream.write_all(&[byte]).await.is_err() {
                    break;
                }
            }
        }
        Trick::Breaks { words, waits } => {
            if waits {
                hear(&mut stream).await;
            }
            drop(stream.write_all(&words).await);
            stream.set_zero_linger().expect("close by a reset");
            return;
        }
    }
    while hear(&mut stream).await {}
}

/// A way to a real server that is cut, by a reset, after so many bytes of what the server says.
#[derive(Debug)]
pub struct Cut {
    port: u16,
    accepting: JoinHandle<()>,
}

impl Cut {
    /// Starts one before 127.0.0.1:`target`.
    pub async fn start(target: u16, after: usize) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let target = SocketAddr::from((Ipv4Addr::LOCALHOST, target));
                tokio::spawn(cut(client, target, after));
            }
        });
        Self { port, accepting }
    }

    /// Where it listens.
    pub const fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Cut {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn cut(client: TcpStream, target: SocketAddr, after: usize) {
    let server = TcpStream::connect(target).await.expect("reach the server");
    let (mut hears, mut says) = server.into_split();
    let (mut from_client, mut to_client) = client.into_split();
    let onward = tokio::spawn(async move {
        // Whoever of the two ends first is the test's own matter.
        let _ = copy(&mut from_client, &mut says).await;
        (from_client, says)
    });
    let _ = copy(&mut (&mut hears).take(after as u64), &mut to_client).await;
    onward.abort();
    to_client.as_ref().set_zero_linger().expect("close by a reset");
}

async fn hear(stream: &mut TcpStream) -> bool {
    let mut bytes = [0; 1024];
    stream.read(&mut bytes).await.is_ok_and(|read| read > 0)
}

/// A proxy that says that its clients come from `source`, by the PROXY protocol.
#[derive(Debug)]
pub struct From {
    port: u16,
    accepting: JoinHandle<()>,
}

impl From {
    /// Starts one before 127.0.0.1:`target`.
    pub async fn start(source: Ipv4Addr, target: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let accepting = tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let target = SocketAddr::from((Ipv4Addr::LOCALHOST, target));
                    let mut server = TcpStream::connect(target).await.expect("reach the server");
                    let header = format!("PROXY TCP4 {source} 127.0.0.1 40000 {}\r\n", target.port());
                    server.write_all(header.as_bytes()).await.expect("say who comes");
                    // How they part is the test's own matter.
                    let _ = copy_bidirectional(&mut client, &mut server).await;
                });
            }
        });
        Self { port, accepting }
    }

    /// Where it listens.
    pub const fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for From {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}
