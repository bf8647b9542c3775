//! HTTP/1.1 for the hosted providers, over a stream that we dialled, secured and watch: name, TCP, TLS and each
//! request are timed on one connection, redirects are not followed, bytes are bounded, and dropping the
//! connection closes it. It is no client for the web at large.

use std::{
    error::Error,
    io,
    pin::{Pin, pin},
    str::FromStr,
    task::{Context, Poll},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use futures::future::{Either, select};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri, Version, header, response};
use http_body_util::{BodyExt, Full};
use hyper::{
    body::Incoming,
    client::conn::http1::{self, Connection, SendRequest},
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, timeout, timeout_at},
};

use super::{
    Attempt, Reached, tls,
    trace::Trace,
    trouble::{Trouble, inner},
    wire::Wire,
};
use crate::{
    probe::{Cause, Phase},
    server::egress::is_local,
    timestamp::Timestamp,
};

/// What is kept of one body. Errors and health answers are a few kilobytes.
const MAX_BODY: usize = 64 * 1024;
/// All that is read on one connection; TLS's own bytes are not counted.
const MAX_TOTAL: usize = 512 * 1024;
/// A head of an answer: Cloudflare's and Google's are around two kilobytes.
const MAX_HEAD: usize = 32 * 1024;
const MAX_HEADERS: usize = 100;
/// How long the server may take to hear the goodbye.
const GOODBYE: Duration = Duration::from_secs(1);

/// Where an API is: scheme, host, port, and the path that all its requests begin with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    /// Whether it is `https`.
    pub tls: bool,
    /// A name, or an address (IPv6 in brackets).
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Without a final slash.
    pub path: String,
    /// What stands behind the question mark.
    pub query: Option<String>,
}

impl Origin {
    /// `https` on the usual port.
    pub fn https(host: &str) -> Self {
        Self { tls: true, host: host.to_owned(), port: 443, path: String::new(), query: None }
    }

    /// Reads an address that a person entered. What is wrong with it is said without repeating it: it may
    /// hold a password.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let uri = Uri::from_str(text.trim()).map_err(|_| "is no address that can be read")?;
        let tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            Some(_) => return Err("must begin with https://"),
            None => return Err("must be a whole address that begins with https://"),
        };
        let authority = uri.authority().ok_or("names no host")?;
        if authority.as_str().contains('@') {
            return Err("holds a user or password, which has no place there");
        }
        // What is no port would be passed over by `authority.port()`.
        let port = match authority.as_str().strip_prefix(authority.host()).unwrap_or_default() {
            "" if tls => 443,
            "" => 80,
            port => {
                let port = port.strip_prefix(':').and_then(|port| port.parse().ok());
                port.filter(|port| *port != 0).ok_or("has a port that is none")?
            }
        };
        Ok(Self {
            tls,
            host: authority.host().to_owned(),
            port,
            path: uri.path().trim_end_matches('/').to_owned(),
            query: uri.query().map(str::to_owned),
        })
    }

    /// The value of the `Host` header.
    fn authority(&self) -> String {
        let usual = if self.tls { 443 } else { 80 };
        if self.port == usual { self.host.clone() } else { format!("{}:{}", self.host, self.port) }
    }
}

/// What the answer to a request was.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, as far as it was read.
    pub body: Bytes,
    /// Whether `body` is all of it.
    pub whole: bool,
}

impl Answer {
    /// The body as JSON, where it is.
    pub fn json(&self) -> Option<serde_json::Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// Whether the body is a page for people.
    pub fn is_page(&self) -> bool {
        let kind = self.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        kind.starts_with("text/html") || self.body.trim_ascii_start().starts_with(b"<")
    }

    /// How many seconds `now` is ahead of the server's clock, negative where it is behind.
    pub fn ahead_of_server(&self, now: Timestamp) -> Option<i64> {
        let date = self.headers.get(header::DATE)?.to_str().ok()?;
        let date = httpdate::parse_http_date(date).ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
        Some(now.seconds().saturating_sub(i64::try_from(date.as_secs()).ok()?))
    }

    /// What is to be known of a refusal beside what it says: who says it, and when to come again. Seconds or a date
    /// (RFC 9110 §10.2.3) stand in `Retry-After`.
    pub fn aside(&self) -> Option<String> {
        let whose = match self.status.as_u16() {
            511 => Some("It comes from a network on the way, which asks for a sign-in first: nobody else was reached."),
            520..=527 | 530 => Some("It comes from Cloudflare, which could not reach the server behind it."),
            _ => None,
        };
        let until = self.headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()).and_then(|value| {
            let seconds = value.parse::<u32>().ok().map(|seconds| format!("It asks to wait {seconds} seconds."));
            seconds.or_else(|| {
                let date = httpdate::parse_http_date(value).ok()?;
                Some(format!("It asks to wait until {}.", httpdate::fmt_http_date(date)))
            })
        });
        let words: Vec<String> = whose.map(str::to_owned).into_iter().chain(until).collect();
        (!words.is_empty()).then(|| words.join(" "))
    }

    /// The status as a code: `HTTP 503`.
    pub fn code(&self) -> String {
        format!("HTTP {}", self.status.as_u16())
    }
}

/// Which phases the way to a host counts into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Timing {
    /// Its own: name, TCP and TLS.
    Phases,
    /// The phase under way, because this is a further host that it needs.
    Within(Phase),
}

/// One host and the connection to it: one at a time, and where the server ends it after an answer, the next
/// request opens the next one.
pub(super) struct Http<'a> {
    attempt: &'a Attempt<'a>,
    origin: Origin,
    line: Option<Line>,
}

impl<'a> Http<'a> {
    /// Dials `origin` and secures the stream.
    pub async fn open(
        attempt: &'a Attempt<'a>,
        origin: &Origin,
        timing: Timing,
        trace: &mut Trace,
    ) -> Result<Self, Trouble> {
        let line = match timing {
            Timing::Phases => Line::open(attempt, origin, trace).await?,
            // The phases of this host are nobody's: only what they come to is kept.
            Timing::Within(phase) => Line::open(attempt, origin, &mut Trace::new()).await.map_err(|trouble| {
                Trouble { message: format!("{}: {}", origin.host, trouble.message), phase: Some(phase), ..trouble }
            })?,
        };
        Ok(Self { attempt, origin: origin.clone(), line: Some(line) })
    }

    /// Sends a request and reads the answer, whatever its status; redirects are refused.
    pub async fn send(&mut self, ask: Ask) -> Result<Answer, Trouble> {
        let request = ask.request(&self.origin)?;
        let mut line = match self.line.take() {
            Some(line) => line,
            // Whatever comes of it belongs to the phase under way.
            None => Line::open(self.attempt, &self.origin, &mut Trace::new())
                .await
                .map_err(|trouble| Trouble { phase: None, ..trouble })?,
        };
        let sender = &mut line.sender;
        let exchange = async move {
            sender.ready().await?;
            let (head, body) = sender.send_request(request).await?.into_parts();
            let (body, whole) = read(body).await?;
            Ok::<_, hyper::Error>((head, body, whole))
        };
        // The connection is driven here and not in a task of its own: dropping the attempt drops it.
        let (exchanged, ended) = match select(pin!(exchange), line.connection.as_mut()).await {
            Either::Left((exchanged, _)) => (exchanged, false),
            // The server ended it, and all has been read that there was.
            Either::Right((Ok(()), exchange)) => (exchange.await, true),
            Either::Right((Err(error), _)) => (Err(error), true),
        };
        let (head, body, whole) = exchanged.map_err(|error| explain(&error))?;
        judge_head(&head)?;
        if !ended && whole {
            if is_last(&head) {
                line.close().await;
            } else {
                self.line = Some(line);
            }
        }
        Ok(Answer { status: head.status, headers: head.headers, body, whole })
    }

    /// Closes the connection.
    pub async fn close(self) {
        if let Some(line) = self.line {
            line.close().await;
        }
    }
}

/// A connection; dropping it closes it without a word.
struct Line {
    sender: SendRequest<Full<Bytes>>,
    connection: Pin<Box<Connection<TokioIo<Bounded>, Full<Bytes>>>>,
}

impl Line {
    /// Without TLS only this machine and private networks are spoken to: what is sent is a secret.
    async fn open(attempt: &Attempt<'_>, origin: &Origin, trace: &mut Trace) -> Result<Self, Trouble> {
        let deadline = Instant::now() + attempt.connecting;
        let Reached { stream, address, .. } = attempt.dial_host(&origin.host, origin.port, deadline, trace).await?;
        let wire = if origin.tls {
            trace.begin(Phase::Tls);
            let authorities = attempt.egress.further_authorities();
            let pem = attempt.settings.ca_certificate.as_deref();
            let shaking = tls::handshake_as_web(stream, &origin.host, pem, authorities);
            let (facts, secured) = timeout_at(deadline, shaking).await.map_err(|_| super::out_of_time(Phase::Tls))?;
            super::note_tls(trace, facts);
            Wire::Tls(secured.map_err(|refused| refused.trouble)?.stream)
        } else if is_local(address.ip()) {
            Wire::Clear(stream)
        } else {
            let message = "The address begins with http://, and the keys would go over the internet readable. \
                           Nothing was sent.";
            return Err(Trouble::new(Cause::InvalidConnectionString, message).at(Phase::Tls));
        };
        let (sender, connection) = http1::Builder::new()
            .max_headers(MAX_HEADERS)
            .max_buf_size(MAX_HEAD)
            .handshake(TokioIo::new(Bounded { wire, left: MAX_TOTAL }))
            .await
            .map_err(|error| explain(&error))?;
        Ok(Self { sender, connection: Box::pin(connection) })
    }

    async fn close(self) {
        let Self { sender, connection } = self;
        // With nobody left to send, the connection says goodbye.
        drop(sender);
        let _ = timeout(GOODBYE, connection).await;
    }
}

/// Whether the server closes the connection after this answer.
fn is_last(head: &response::Parts) -> bool {
    let says = |word: &str| {
        head.headers
            .get_all(header::CONNECTION)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .any(|option| option.trim().eq_ignore_ascii_case(word))
    };
    says("close") || (head.version < Version::HTTP_11 && !says("keep-alive"))
}

/// What is wrong with an answer whatever it says.
fn judge_head(head: &response::Parts) -> Result<(), Trouble> {
    if head.status.is_redirection() {
        let message = format!("The server answered {} and wants to redirect, which is not followed.", head.status);
        return Err(Trouble::new(Cause::WrongProtocol, message).also(&[Cause::InvalidConnectionString]));
    }
    let encoding = head.headers.get(header::CONTENT_ENCODING).map(HeaderValue::as_bytes);
    if encoding.is_some_and(|encoding| !encoding.eq_ignore_ascii_case(b"identity")) {
        let message = "The server sent a compressed answer, which was not asked for; it was not unpacked.";
        return Err(Trouble::new(Cause::WrongProtocol, message));
    }
    Ok(())
}

/// What is read of a body, and whether that is all of it.
async fn read(mut body: Incoming) -> Result<(Bytes, bool), hyper::Error> {
    let mut kept = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        let room = MAX_BODY - kept.len();
        kept.extend_from_slice(data.get(..data.len().min(room)).unwrap_or_default());
        if data.len() > room {
            return Ok((kept.freeze(), false));
        }
    }
    Ok((kept.freeze(), true))
}

/// A request on its way.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Ask {
    /// Reads `path` (with its query), which stands behind the origin's own path.
    pub fn get(path: impl Into<String>) -> Self {
        Self { method: Method::GET, path: path.into(), headers: HeaderMap::new(), body: Bytes::new() }
    }

    /// Sends a form.
    pub fn form(path: impl Into<String>, body: String) -> Self {
        let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
        Self { method: Method::POST, body: body.into(), ..Self::get(path) }.with("content-type", kind)
    }

    /// With a header.
    pub fn with(mut self, name: &'static str, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    fn request(self, origin: &Origin) -> Result<Request<Full<Bytes>>, Trouble> {
        let unusable =
            |_| Trouble::new(Cause::InvalidConnectionString, "The address has characters that none may have.");
        let mut request = Request::builder()
            .method(self.method)
            .uri(format!("{}{}", origin.path, self.path))
            .header(header::HOST, origin.authority())
            .header(header::USER_AGENT, concat!("mooring/", env!("CARGO_PKG_VERSION")))
            .header(header::ACCEPT_ENCODING, "identity")
            .body(Full::new(self.body))
            .map_err(unusable)?;
        request.headers_mut().extend(self.headers);
        request.headers_mut().entry(header::ACCEPT).or_insert(HeaderValue::from_static("application/json"));
        Ok(request)
    }
}

/// `prefix` and a secret as the value of a header; [`None`] where it has characters that no header takes, or
/// is longer than any key.
pub(super) fn secret_header(prefix: &str, secret: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(&format!("{prefix}{secret}")).ok().filter(|value| value.len() <= 8_192)?;
    value.set_sensitive(true);
    Some(value)
}

/// The server sends and sends.
#[derive(Debug, thiserror::Error)]
#[error("the server sent more than a health check reads")]
struct TooMuch;

/// A stream that ends where too much was read from it: heads, bodies, and interim answers without end.
#[derive(Debug)]
struct Bounded {
    wire: Wire,
    left: usize,
}

impl AsyncRead for Bounded {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let read = Pin::new(&mut this.wire).poll_read(cx, buf);
        let fresh = buf.filled().len() - before;
        match this.left.checked_sub(fresh) {
            Some(left) => this.left = left,
            None => return Poll::Ready(Err(io::Error::other(TooMuch))),
        }
        read
    }
}

impl AsyncWrite for Bounded {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().wire).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().wire).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().wire).poll_shutdown(cx)
    }
}

/// More came than is read.
pub(super) fn too_much() -> Trouble {
    Trouble::new(Cause::WrongProtocol, "The server sent more than a health check reads; the connection was ended.")
}

/// What an error of the client comes from: the bound, the stream, or words that are no HTTP.
fn explain(error: &hyper::Error) -> Trouble {
    let mut source: Option<&(dyn Error + 'static)> = error.source();
    while let Some(next) = source {
        if let Some(error) = next.downcast_ref::<io::Error>() {
            return if inner::<TooMuch>(error).is_some() { too_much() } else { Trouble::from_io(error) };
        }
        source = next.source();
    }
    if error.is_parse_too_large() {
        too_much()
    } else if error.is_incomplete_message() || error.is_closed() || error.is_canceled() {
        Trouble::from_io(&io::ErrorKind::UnexpectedEof.into())
    } else if error.is_parse() {
        Trouble::new(Cause::WrongProtocol, "The server does not speak HTTP.")
    } else {
        Trouble { message: error.to_string(), ..Trouble::default() }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_address_is_taken_apart() {
        let read =
            |text: &str| Origin::parse(text).map(|origin| (origin.authority(), origin.tls, origin.port, origin.path));
        for (text, meant) in [
            ("https://abc.supabase.co", ("abc.supabase.co", true, 443, "")),
            (" https://abc.supabase.co/ ", ("abc.supabase.co", true, 443, "")),
            ("http://localhost:54321", ("localhost:54321", false, 54_321, "")),
            ("https://db.example.org:8443/api//", ("db.example.org:8443", true, 8_443, "/api")),
            ("http://[::1]:8080/x", ("[::1]:8080", false, 8_080, "/x")),
        ] {
            let (name, tls, port, path) = meant;
            assert_eq!(read(text), Ok((name.to_owned(), tls, port, path.to_owned())), "{text}");
        }
        for text in [
            "",
            "abc.supabase.co",
            "/rest/v1",
            "ftp://abc.supabase.co",
            "https://user:secret@abc.supabase.co",
            "https://abc.supabase.co:0",
            "https://abc.supabase.co:70000",
            "https://a b",
            "https://a\u{0}b",
            "https://a\r\nhost: b",
        ] {
            let refused = read(text).expect_err(text);
            assert!(!refused.contains("secret"), "{refused}");
        }
    }

    #[test]
    fn clocks_are_compared_by_the_date_of_an_answer() {
        let answer = |date: &str| Answer {
            status: StatusCode::OK,
            headers: [(header::DATE, HeaderValue::from_str(date).expect("a header"))].into_iter().collect(),
            body: Bytes::new(),
            whole: true,
        };
        let now = Timestamp::from_micros(784_111_777 * 1_000_000);
        assert_eq!(answer("Sun, 06 Nov 1994 08:49:37 GMT").ahead_of_server(now), Some(0));
        assert_eq!(answer("Sun, 06 Nov 1994 08:39:37 GMT").ahead_of_server(now), Some(600));
        assert_eq!(answer("yesterday").ahead_of_server(now), None);
    }

    #[test]
    fn a_key_that_no_header_takes_is_no_header() {
        for key in ["a\nb", "a\u{0}", "\u{7f}"] {
            assert_eq!(secret_header("", key), None, "{key:?}");
        }
        let header = secret_header("Bearer ", "abc").expect("a header");
        assert!(header.is_sensitive());
    }

    proptest! {
        #[test]
        fn any_text_is_judged_without_panic(text in ".{0,120}") {
            let _ = Origin::parse(&text);
        }
    }
}
