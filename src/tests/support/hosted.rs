//! Stand-ins for Google and Supabase: one HTTPS server that answers for all their names, as the real services
//! document it, or as nobody should. It keeps what it was asked and counts its connections.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use mooring::server::{
    clock::{Clock, SystemClock},
    config::EgressPolicy,
    egress::{Detours, Egress},
};
use rustls::{
    ServerConfig,
    crypto::ring::default_provider,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time::sleep,
};
use tokio_rustls::TlsAcceptor;

use super::certificates::Authority;

/// What a client asked.
#[derive(Clone, Debug)]
pub struct Asked {
    /// `GET` or `POST`.
    pub method: String,
    /// The `Host` header.
    pub host: String,
    /// Path and query.
    pub target: String,
    /// By their names in lower case.
    pub headers: HashMap<String, String>,
    /// The body.
    pub body: String,
}

impl Asked {
    /// A header, empty where it is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(String::as_str).unwrap_or_default()
    }
}

/// What it is answered.
#[derive(Clone, Debug)]
pub enum Reply {
    /// A whole answer.
    Answer {
        /// Status.
        status: u16,
        /// Beside the length, the date and the type.
        headers: Vec<(&'static str, String)>,
        /// JSON, or a page.
        body: String,
    },
    /// These bytes, whatever they are, and then silence.
    Raw(Vec<u8>),
    /// These bytes, and then the others for ever.
    Flood(Vec<u8>, Vec<u8>),
    /// These bytes, one in each second.
    Drip(Vec<u8>),
    /// The connection is closed.
    HangUp,
}

/// An answer of JSON.
pub fn json(status: u16, body: &serde_json::Value) -> Reply {
    Reply::Answer { status, headers: Vec::new(), body: body.to_string() }
}

/// A page for people.
pub fn page(status: u16, title: &str) -> Reply {
    let body = format!("<!DOCTYPE html><html><head><title>{title}</title></head></html>");
    Reply::Answer { status, headers: vec![("content-type", "text/html; charset=UTF-8".to_owned())], body }
}

/// The server, and the way to it.
pub struct StandIn {
    /// Where it listens.
    pub address: SocketAddr,
    authority: Authority,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    open: AtomicUsize,
    most: AtomicUsize,
    all: AtomicUsize,
    asked: Mutex<Vec<Asked>>,
}

impl StandIn {
    /// Answers over TLS for `names`.
    pub async fn start(names: &[&str], answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let authority = Authority::new("Web");
        let certificate = authority.issue(names, None);
        let chain = vec![CertificateDer::from_pem_slice(certificate.certificate.as_bytes()).expect("a certificate")];
        let key = PrivateKeyDer::from_pem_slice(certificate.key.as_bytes()).expect("its key");
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions of TLS")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("a certificate with its key");
        Self::listen(authority, Some(TlsAcceptor::from(Arc::new(config))), answer).await
    }

    /// Answers without TLS.
    pub async fn in_the_clear(answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        Self::listen(Authority::new("Web"), None, answer).await
    }

    async fn listen(
        authority: Authority,
        tls: Option<TlsAcceptor>,
        answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("its address");
        let shared = Arc::new(Shared::default());
        let answer = Arc::new(answer);
        let accepting = tokio::spawn({
            let shared = Arc::clone(&shared);
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    let now = shared.open.fetch_add(1, Ordering::SeqCst) + 1;
                    shared.most.fetch_max(now, Ordering::SeqCst);
                    shared.all.fetch_add(1, Ordering::SeqCst);
                    let (shared, answer, tls) = (Arc::clone(&shared), Arc::clone(&answer), tls.clone());
                    tokio::spawn(async move {
                        serve(stream, tls, &shared, answer.as_ref()).await;
                        shared.open.fetch_sub(1, Ordering::SeqCst);
                    });
                }
            }
        });
        Self { address, authority, shared, accepting }
    }

    /// Leads `names` here, for a way out that trusts its certificate.
    pub fn detours(&self, names: &[&str]) -> Detours {
        let authority = CertificateDer::from_pem_slice(self.authority.certificate().as_bytes()).expect("a certificate");
        names.iter().fold(Detours::new().trust(authority), |detours, name| detours.lead(name, self.address))
    }

    /// A way out on which `names` lead here.
    pub fn egress(&self, names: &[&str]) -> Egress {
        Egress::with_detours(EgressPolicy::SelfHosted, self.detours(names))
    }

    /// What it was asked until now.
    pub fn asked(&self) -> Vec<Asked> {
        self.shared.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many connections there were in all, and the most at the same time.
    pub fn connections(&self) -> (usize, usize) {
        (self.shared.all.load(Ordering::SeqCst), self.shared.most.load(Ordering::SeqCst))
    }

    /// How many connections are open.
    pub fn open(&self) -> i64 {
        i64::try_from(self.shared.open.load(Ordering::SeqCst)).expect("a small number")
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    shared: &Shared,
    answer: &(impl Fn(&Asked) -> Reply + Sync),
) {
    match tls {
        None => talk(stream, shared, answer).await,
        Some(acceptor) => {
            // A client that does not like the certificate leaves here.
            if let Ok(stream) = acceptor.accept(stream).await {
                talk(stream, shared, answer).await;
            }
        }
    }
}

async fn talk(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    shared: &Shared,
    answer: &(impl Fn(&Asked) -> Reply + Sync),
) {
    let mut stream = BufReader::new(stream);
    while let Some(asked) = hear(&mut stream).await {
        shared.asked.lock().unwrap_or_else(PoisonError::into_inner).push(asked.clone());
        // A client that has hung up is no failure of the stand-in.
        let said = match answer(&asked) {
            Reply::HangUp => return,
            Reply::Answer { status, headers, body } => {
                stream.write_all(whole(status, &headers, &body).as_bytes()).await
            }
            Reply::Raw(bytes) => stream.write_all(&bytes).await,
            Reply::Flood(first, more) => {
                let mut said = stream.write_all(&first).await;
                while said.is_ok() {
                    said = stream.write_all(&more).await;
                }
                said
            }
            Reply::Drip(bytes) => drip(&mut stream, &bytes).await,
        };
        if said.is_err() || stream.flush().await.is_err() {
            return;
        }
    }
}

async fn drip(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> std::io::Result<()> {
    for byte in bytes {
        sleep(Duration::from_secs(1)).await;
        stream.write_all(&[*byte]).await?;
        stream.flush().await?;
    }
    Ok(())
}

/// The `Date` header of a server whose clock is `seconds` ahead of ours.
pub fn date(seconds: i64) -> String {
    let at = u64::try_from(SystemClock.now().plus_seconds(seconds).seconds()).expect("after 1970");
    httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + Duration::from_secs(at))
}

/// An answer with its length, and with a date unless one is given.
fn whole(status: u16, headers: &[(&'static str, String)], body: &str) -> String {
    use std::fmt::Write;

    let mut text = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n", body.len());
    let has = |name: &str| headers.iter().any(|(given, _)| *given == name);
    if !has("date") {
        write!(text, "date: {}\r\n", date(0)).expect("write to a text");
    }
    if !has("content-type") {
        text.push_str("content-type: application/json; charset=UTF-8\r\n");
    }
    for (name, value) in headers {
        write!(text, "{name}: {value}\r\n").expect("write to a text");
    }
    text + "\r\n" + body
}

/// One request; none at the end of the connection.
async fn hear(stream: &mut (impl AsyncBufReadExt + Unpin)) -> Option<Asked> {
    let mut line = String::new();
    if stream.read_line(&mut line).await.ok()? == 0 {
        return None;
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, target) = (words.next()?, words.next()?);
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").map_or(0, |length| length.parse().expect("a length"));
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    let host = headers.get("host").cloned().unwrap_or_default();
    Some(Asked { method, host, target, headers, body: String::from_utf8(body).expect("a text") })
}
