//! Watches what a PostgreSQL server sends before the driver sees it. The driver has no bound on bytes and
//! answers every request for a password; the guard bounds both. It also notes what the driver does not tell:
//! when the login was accepted, by which method, and the server's error even where its text is not UTF-8.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Instant,
};
use tokio_postgres::tls::{ChannelBinding, TlsStream};

use super::{
    trouble::Trouble,
    wire::{Wire, speaker},
};
use crate::probe::Cause;

/// The largest message of a server that is read.
const MAX_FRAME: usize = 64 * 1024;
/// All that is read from one server in one attempt.
const MAX_TOTAL: usize = 1024 * 1024;
/// How much of a message is kept to be understood: requests for a password and errors are shorter.
const MAX_KEPT: usize = 8 * 1024;
/// RFC 7677 asks for at least this many rounds; fewer make the proof easy to search offline, so that they are
/// accepted inside TLS only.
const MIN_SCRAM_ROUNDS: u32 = 4_096;
/// What OWASP's Password Storage Cheat Sheet asks of PBKDF2 with SHA-256. More rounds keep a thread busy for longer
/// than a health check may (a tenth of a second for these).
const MAX_SCRAM_ROUNDS: u32 = 600_000;

/// How far the connection may be trusted with a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Channel {
    /// The bytes are encrypted.
    pub tls: bool,
    /// The server is on this machine or a private network.
    pub local: bool,
}

/// Why the guard ended the connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    /// The first message is none of PostgreSQL's.
    #[error("The server does not speak PostgreSQL's protocol{}.", .0.map(|name| format!(", but {name}")).unwrap_or_default())]
    NotPostgres(Option<&'static str>),
    /// A message or all of them together exceed the bound.
    #[error("The server sent more than a health check reads; the connection was ended.")]
    TooMuch,
    /// The password would have gone over the network readable.
    #[error(
        "The server asks for the password in clear text, and the connection has no TLS. The password was not sent."
    )]
    ClearText,
    /// MD5 is as good as readable, and the server is not near.
    #[error(
        "The server asks for an MD5 hash of the password, and the connection has no TLS and leaves the private network. Nothing was sent."
    )]
    Md5,
    /// A method that needs more than a password.
    #[error("The server asks for a login by {0}, which cannot be used here.")]
    Method(&'static str),
    /// SCRAM with a number of rounds that serves an attack.
    #[error("The server asks for {0} SCRAM rounds, outside of what is safe to answer (4,096 to 600,000).")]
    Rounds(u32),
}

impl Refusal {
    pub fn trouble(&self) -> Trouble {
        let cause = match self {
            Self::NotPostgres(_) | Self::TooMuch => Cause::WrongProtocol,
            Self::ClearText | Self::Md5 | Self::Method(_) | Self::Rounds(_) => Cause::AuthMethodUnsupported,
        };
        let also: &[Cause] = match self {
            // A server that answers in TLS wants to be asked in it.
            Self::ClearText | Self::Md5 | Self::NotPostgres(Some("TLS")) => &[Cause::TlsRequired],
            _ => &[],
        };
        Trouble::new(cause, self.to_string()).also(also)
    }
}

/// The fields of an `ErrorResponse` that are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ServerError {
    pub severity: String,
    pub code: String,
    pub message: String,
    pub detail: Option<String>,
    pub routine: Option<String>,
}

/// What passed by.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// When the login was accepted.
    pub accepted: Option<Instant>,
    /// The method of the login.
    pub method: Option<&'static str>,
    /// The first error that the server sent.
    pub error: Option<ServerError>,
    /// Why the connection was ended here.
    pub refusal: Option<Refusal>,
}

/// What the guard saw, shared with the attempt that awaits the driver.
#[derive(Clone, Debug, Default)]
pub(super) struct Witness(Arc<Mutex<Seen>>);

impl Witness {
    /// What has passed by until now.
    pub fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A stream whose incoming messages are watched.
#[derive(Debug)]
pub(super) struct Guard {
    wire: Wire,
    scanner: Scanner,
    witness: Witness,
    binding: Option<Vec<u8>>,
}

impl Guard {
    /// Watches `wire`; `binding` is the hash of the server's certificate for SCRAM's channel binding.
    pub fn new(wire: Wire, local: bool, binding: Option<Vec<u8>>) -> Self {
        let channel = Channel { tls: wire.is_tls(), local };
        Self { wire, scanner: Scanner::new(channel), witness: Witness::default(), binding }
    }

    /// What passes by, readable while the driver owns the stream.
    pub fn witness(&self) -> Witness {
        self.witness.clone()
    }
}

impl AsyncRead for Guard {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let read = Pin::new(&mut this.wire).poll_read(cx, buf);
        if matches!(read, Poll::Ready(Ok(()))) {
            let fresh = buf.filled().get(before..).unwrap_or_default();
            if let Err(refusal) = this.scanner.feed(fresh, &this.witness) {
                this.witness.seen().refusal = Some(refusal.clone());
                return Poll::Ready(Err(io::Error::other(refusal)));
            }
        }
        read
    }
}

impl AsyncWrite for Guard {
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

impl TlsStream for Guard {
    fn channel_binding(&self) -> ChannelBinding {
        self.binding.clone().map_or_else(ChannelBinding::none, ChannelBinding::tls_server_end_point)
    }
}

/// Cuts the bytes into messages (a type, a length, a body), wherever reads happen to end.
#[derive(Debug)]
struct Scanner {
    channel: Channel,
    total: usize,
    first: bool,
    header: Vec<u8>,
    left: usize,
    kept: Vec<u8>,
}

impl Scanner {
    fn new(channel: Channel) -> Self {
        Self { channel, total: 0, first: true, header: Vec::with_capacity(5), left: 0, kept: Vec::new() }
    }

    fn feed(&mut self, mut bytes: &[u8], witness: &Witness) -> Result<(), Refusal> {
        self.total = self.total.saturating_add(bytes.len());
        if self.total > MAX_TOTAL {
            return Err(Refusal::TooMuch);
        }
        while !bytes.is_empty() {
            if self.header.len() < 5 {
                let (head, rest) = bytes.split_at(bytes.len().min(5 - self.header.len()));
                self.header.extend_from_slice(head);
                bytes = rest;
                let [kind, a, b, c, d] = *self.header.as_slice() else { return Ok(()) };
                let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
                if self.first && !(matches!(kind, b'R' | b'E' | b'N' | b'v') && (4..=MAX_FRAME).contains(&length)) {
                    let opening = [&self.header, bytes.get(..bytes.len().min(64)).unwrap_or_default()].concat();
                    return Err(Refusal::NotPostgres(speaker(&opening)));
                }
                if !(4..=MAX_FRAME).contains(&length) {
                    return Err(Refusal::TooMuch);
                }
                self.first = false;
                self.left = length - 4;
            }
            let (body, rest) = bytes.split_at(bytes.len().min(self.left));
            if matches!(self.header.first(), Some(b'R' | b'E')) {
                let room = MAX_KEPT.saturating_sub(self.kept.len());
                self.kept.extend_from_slice(body.get(..body.len().min(room)).unwrap_or_default());
            }
            self.left -= body.len();
            bytes = rest;
            if self.left == 0 {
                let verdict = self.whole(witness);
                self.header.clear();
                self.kept.clear();
                verdict?;
            }
        }
        Ok(())
    }

    /// A message is complete.
    fn whole(&self, witness: &Witness) -> Result<(), Refusal> {
        match self.header.first() {
            Some(b'R') => self.login(witness),
            Some(b'E') => {
                witness.seen().error.get_or_insert_with(|| server_error(&self.kept));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// A step of the login: what is asked for is granted or refused before the driver can answer.
    fn login(&self, witness: &Witness) -> Result<(), Refusal> {
        let Some((kind, body)) = self.kept.split_first_chunk::<4>() else {
            return Err(Refusal::NotPostgres(None));
        };
        let mut seen = witness.seen();
        match u32::from_be_bytes(*kind) {
            0 => seen.accepted = Some(Instant::now()),
            3 if !self.channel.tls => return Err(Refusal::ClearText),
            5 if !self.channel.tls && !self.channel.local => return Err(Refusal::Md5),
            3 => seen.method = Some("password"),
            5 => seen.method = Some("md5"),
            10 => seen.method = Some("SCRAM"),
            11 => {
                let rounds = scram_rounds(body);
                if rounds > MAX_SCRAM_ROUNDS || (rounds < MIN_SCRAM_ROUNDS && !self.channel.tls) {
                    return Err(Refusal::Rounds(rounds));
                }
            }
            12 => {}
            2 => return Err(Refusal::Method("Kerberos")),
            6 => return Err(Refusal::Method("SCM credentials")),
            7 | 8 => return Err(Refusal::Method("GSSAPI")),
            9 => return Err(Refusal::Method("SSPI")),
            _ => return Err(Refusal::Method("a method that this client does not know")),
        }
        Ok(())
    }
}

/// The number of rounds in SCRAM's first answer (`r=…,s=…,i=4096`); one that cannot be read is too large.
fn scram_rounds(body: &[u8]) -> u32 {
    String::from_utf8_lossy(body)
        .split(',')
        .find_map(|field| field.strip_prefix("i="))
        .and_then(|rounds| rounds.trim_end_matches('\0').parse().ok())
        .unwrap_or(u32::MAX)
}

/// The fields of an `ErrorResponse`: a letter and a text that ends with a zero byte, as often as there are.
fn server_error(body: &[u8]) -> ServerError {
    let mut error = ServerError::default();
    for field in body.split(|byte| *byte == 0) {
        let Some((kind, text)) = field.split_first() else { continue };
        let text = String::from_utf8_lossy(text).into_owned();
        match kind {
            b'S' => error.severity = text,
            b'C' => error.code = text,
            b'M' => error.message = text,
            b'D' => error.detail = Some(text),
            b'R' => error.routine = Some(text),
            _ => {}
        }
    }
    error
}

impl From<ServerError> for Trouble {
    fn from(error: ServerError) -> Self {
        let mut message =
            if error.severity.is_empty() { error.message } else { format!("{}: {}", error.severity, error.message) };
        if let Some(detail) = error.detail {
            message.push_str(" DETAIL: ");
            message.push_str(&detail);
        }
        let code = Some(error.code).filter(|code| code.len() == 5 && code.bytes().all(|b| b.is_ascii_alphanumeric()));
        Self { code, message, routine: error.routine, ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FAR: Channel = Channel { tls: false, local: false };
    const NEAR: Channel = Channel { tls: false, local: true };
    const TLS: Channel = Channel { tls: true, local: false };

    fn frame(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).expect("a short body");
        [&[kind], &length.to_be_bytes()[..], body].concat()
    }

    fn login(kind: u32, rest: &[u8]) -> Vec<u8> {
        frame(b'R', &[&kind.to_be_bytes()[..], rest].concat())
    }

    fn fed(channel: Channel, bytes: &[u8]) -> Result<Witness, Refusal> {
        let witness = Witness::default();
        Scanner::new(channel).feed(bytes, &witness).map(|()| witness)
    }

    #[test]
    fn a_password_is_never_asked_for_in_the_clear() {
        for (channel, kind, refusal) in [
            (FAR, 3, Some(Refusal::ClearText)),
            (NEAR, 3, Some(Refusal::ClearText)),
            (TLS, 3, None),
            (FAR, 5, Some(Refusal::Md5)),
            (NEAR, 5, None),
            (TLS, 5, None),
            (FAR, 10, None),
            (FAR, 7, Some(Refusal::Method("GSSAPI"))),
            (TLS, 9, Some(Refusal::Method("SSPI"))),
        ] {
            assert_eq!(fed(channel, &login(kind, b"salt")).err(), refusal, "{channel:?} {kind}");
        }
    }

    #[test]
    fn scram_rounds_are_bounded_at_both_ends() {
        let asks = |rounds: &str| login(11, format!("r=abc,s=def,i={rounds}").as_bytes());
        for (channel, rounds, allowed) in [
            (FAR, "4096", true),
            (FAR, "600000", true),
            (FAR, "1", false),
            (TLS, "1", true),
            (TLS, "600001", false),
            (TLS, "4000000000", false),
            (TLS, "99999999999999", false),
            (TLS, "x", false),
        ] {
            assert_eq!(fed(channel, &asks(rounds)).is_ok(), allowed, "{channel:?} {rounds}");
        }
    }

    #[test]
    fn what_is_not_postgres_is_named() {
        for (bytes, name) in [
            (&b"HTTP/1.1 400 Bad Request\r\n"[..], Some("HTTP")),
            (b"\x4a\0\0\0\x0a5.5.5-10.11.6-MariaDB", Some("MySQL")),
            (b"garbage garbage", None),
            (b"E\xff\xff\xff\xff", None),
        ] {
            assert_eq!(fed(FAR, bytes).err(), Some(Refusal::NotPostgres(name)));
        }
    }

    #[test]
    fn bytes_are_bounded() {
        let opening = login(0, &[]);
        let huge = [&opening[..], &[b'S', 0x7f, 0xff, 0xff, 0xff]].concat();
        assert_eq!(fed(FAR, &huge).err(), Some(Refusal::TooMuch));
        let notices = frame(b'N', &b"x".repeat(60_000)).repeat(20);
        assert_eq!(fed(FAR, &[opening, notices].concat()).err(), Some(Refusal::TooMuch));
    }

    #[test]
    fn errors_are_read_whatever_their_encoding() {
        let body = b"SFATAL\0VFATAL\0C28P01\0MPasswort f\xfcr app falsch\0Rauth_failed\0\0";
        let seen = fed(FAR, &frame(b'E', body)).expect("an error is no refusal");
        let error = seen.seen().error.clone().expect("the error");
        assert_eq!((error.code.as_str(), error.routine.as_deref()), ("28P01", Some("auth_failed")));
        assert!(error.message.starts_with("Passwort f"));
    }

    proptest! {
        #[test]
        fn where_reads_end_does_not_matter(cuts in prop::collection::vec(1_usize..9, 0..60)) {
            let stream = [login(10, b"SCRAM-SHA-256\0\0"), login(11, b"r=a,s=b,i=4096"), login(0, &[]), frame(b'Z', b"I")].concat();
            let (witness, mut scanner, mut rest) = (Witness::default(), Scanner::new(FAR), &stream[..]);
            for cut in cuts {
                let (now, later) = rest.split_at(cut.min(rest.len()));
                prop_assert_eq!(scanner.feed(now, &witness), Ok(()));
                rest = later;
            }
            prop_assert_eq!(scanner.feed(rest, &witness), Ok(()));
            prop_assert!(witness.seen().accepted.is_some());
            prop_assert!(scanner.header.is_empty());
        }

        #[test]
        fn any_bytes_are_judged_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = fed(FAR, &bytes);
        }
    }
}
