//! MySQL and MariaDB: a thin client of our own over a stream that we dialled, secured and bound. It knows one
//! connection, one login, one database and one query. It never offers to send files or to take several
//! statements, and it always finishes a login that it began, because servers block hosts that do not.
//!
//! `mysql_common` writes the packets and computes the proofs; what a server sends is read here, with every
//! length checked, because a hostile server may send anything.

use std::{borrow::Cow, collections::HashMap, io, time::Duration};

use mysql_common::{
    constants::CapabilityFlags as Capabilities,
    packets::{AuthPlugin, HandshakeResponse, SslRequest},
    proto::MySerialize,
    scramble::{scramble_native, scramble_sha256},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{timeout, timeout_at},
};

use super::{
    Attempt, tls,
    trace::Trace,
    trouble::Trouble,
    wire::{Wire, speaker},
};
use crate::{
    connections::settings::TlsMode,
    diagnosis::Findings,
    probe::{Cause, Depth, Phase},
};

/// The largest packet of a server that is read.
const MAX_PACKET: usize = 64 * 1024;
/// All that is read from one server in one attempt.
const MAX_TOTAL: usize = 1024 * 1024;
/// Packets of a login or an answer; real ones need fewer than ten.
const MAX_STEPS: usize = 32;
/// The length of a signature by MariaDB's ed25519, in bytes.
const ED25519_SIGNATURE: usize = 64;
/// Questions of a login that are answered by nothing.
const MAX_GIVING_UP: usize = 4;
/// Databases that are asked for.
const MAX_DATABASES: usize = 200;
/// The databases that the user may see, enough to find one whose name is nearly right.
const DATABASES: &[u8] = b"select schema_name from information_schema.schemata order by 1 limit 200";
/// How long the server may take to hear the goodbye.
const GOODBYE: Duration = Duration::from_secs(1);
/// `utf8mb4_general_ci`, which every server since 5.5.3 knows.
const UTF8MB4: u8 = 45;
/// The health query: it reads, and tells the version behind a proxy too.
const HEALTH_QUERY: &[u8] = b"select version()";

/// `ER_ACCESS_DENIED_ERROR`.
const DENIED: &str = "1045";

const COM_QUIT: u8 = 1;
const COM_INIT_DB: u8 = 2;
const COM_QUERY: u8 = 3;

/// One attempt, from the name to the answer of the health query.
pub(super) async fn run(attempt: &Attempt<'_>, trace: &mut Trace) -> Result<(), Trouble> {
    let user = attempt.username()?;
    let (stream, address) = attempt.dial(trace).await?;
    let mode = super::tls_mode(attempt.settings.tls, address.ip());
    let mut session = timeout_at(attempt.connect_deadline, open(stream, attempt, mode, trace))
        .await
        .unwrap_or_else(|_| Err(silence(trace.phase())))?;
    session.login(attempt, user, trace).await?;
    let outcome = session.use_it(attempt, trace).await;
    trace.stop();
    // A server that does not listen to the goodbye is left without one.
    let _ = timeout(GOODBYE, session.packets.quit()).await;
    outcome
}

/// Nothing came before the time for connecting was over. A MySQL server speaks first; one of another kind waits.
fn silence(phase: Option<Phase>) -> Trouble {
    match phase {
        Some(Phase::Tls) => super::out_of_time(Phase::Tls),
        _ => super::out_of_time(Phase::Auth).also(&[Cause::WrongProtocol]),
    }
}

/// What speaks there, for a staged probe. Ends as a whole login of nobody: a connection that breaks off after
/// the greeting counts against this host (`max_connect_errors`), and enough of them block it.
pub(super) async fn greet(stream: TcpStream) -> Result<super::staged::Greeting, Trouble> {
    let mut packets = Packets { wire: Wire::Clear(stream), sequence: 0, total: 0 };
    let greeting = Greeting::read(&packets.read_first().await?)?;
    let found = super::staged::Greeting {
        speaks: format!("MySQL ({})", greeting.version),
        offers_tls: Some(greeting.capabilities.contains(Capabilities::CLIENT_SSL)),
    };
    let capabilities = WANTED & greeting.capabilities;
    Session { packets, greeting, capabilities }.leave_politely().await;
    Ok(found)
}

/// Reads the greeting and secures the stream as the mode asks.
async fn open(stream: TcpStream, attempt: &Attempt<'_>, mode: TlsMode, trace: &mut Trace) -> Result<Session, Trouble> {
    // The greeting is counted with the login, whichever comes between.
    trace.begin(Phase::Auth);
    let mut packets = Packets { wire: Wire::Clear(stream), sequence: 0, total: 0 };
    let greeting = Greeting::read(&packets.read_first().await?)?;
    trace.server_version = Some(greeting.version.clone());
    let capabilities = WANTED & greeting.capabilities;
    if !capabilities.contains(Capabilities::CLIENT_PROTOCOL_41 | Capabilities::CLIENT_SECURE_CONNECTION) {
        return Err(Trouble::new(
            Cause::DriverServerIncompatible,
            format!("The server ({}) speaks a protocol older than MySQL 4.1.", greeting.version),
        ));
    }
    let mut session = Session { packets, greeting, capabilities };
    let offered = session.greeting.capabilities.contains(Capabilities::CLIENT_SSL);
    match mode {
        TlsMode::Disable => return Ok(session),
        TlsMode::Prefer if !offered => {
            trace.note(Phase::Tls, "the server has none");
            return Ok(session);
        }
        _ if !offered => {
            session.leave_politely().await;
            let message = "The server has no TLS, and the settings insist on it.";
            return Err(Trouble::new(Cause::TlsNotSupported, message).at(Phase::Tls));
        }
        _ => {}
    }
    trace.begin(Phase::Tls);
    session.capabilities.insert(Capabilities::CLIENT_SSL);
    let mut request = Vec::new();
    SslRequest::new(session.capabilities, MAX_PACKET_SENT, UTF8MB4).serialize(&mut request);
    session.packets.write(&request).await?;
    let Session { packets: Packets { wire: Wire::Clear(stream), sequence, total }, greeting, capabilities } = session
    else {
        return Err(Trouble::new(Cause::Unknown, "TLS was begun twice."));
    };
    let (facts, secured) = tls::handshake(stream, attempt.settings, &attempt.settings.host, mode).await;
    super::note_tls(trace, facts);
    let over =
        |stream| Session { packets: Packets { wire: Wire::Tls(stream), sequence, total }, greeting, capabilities };
    match secured {
        Ok(secured) => {
            trace.asks_certificate = secured.asks_certificate;
            Ok(over(secured.stream))
        }
        Err(refused) => {
            trace.stop();
            if let Some(stream) = refused.stream {
                over(stream).leave_politely().await;
            }
            Err(refused.trouble)
        }
    }
}

/// What the login packet says of the largest packet that is taken.
const MAX_PACKET_SENT: u32 = 64 * 1024;

/// What is asked for where the server has it. Neither files (`LOCAL_FILES`) nor several statements.
const WANTED: Capabilities = Capabilities::CLIENT_LONG_PASSWORD
    .union(Capabilities::CLIENT_LONG_FLAG)
    .union(Capabilities::CLIENT_PROTOCOL_41)
    .union(Capabilities::CLIENT_TRANSACTIONS)
    .union(Capabilities::CLIENT_SECURE_CONNECTION)
    .union(Capabilities::CLIENT_PLUGIN_AUTH)
    .union(Capabilities::CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA)
    .union(Capabilities::CLIENT_CONNECT_ATTRS);

/// A connection whose greeting was read.
#[derive(Debug)]
struct Session {
    packets: Packets,
    greeting: Greeting,
    capabilities: Capabilities,
}

impl Session {
    /// Proves who is asking, by whichever method the server chooses; a login that is not to go on is ended in order.
    async fn login(&mut self, attempt: &Attempt<'_>, user: &str, trace: &mut Trace) -> Result<(), Trouble> {
        trace.begin(Phase::Auth);
        // Servers whose default is a method of their own switch to what the account uses.
        let mut plugin = match self.greeting.plugin.as_str() {
            CACHING_SHA2 => Cow::Borrowed(CACHING_SHA2),
            _ => Cow::Borrowed(NATIVE),
        };
        match self.prove(attempt.password(), user, &mut plugin).await {
            Ok(()) => {
                trace.note(Phase::Auth, plugin.into_owned());
                Ok(())
            }
            // An account that requires a certificate refuses without a word on it.
            Err(Ended::ByServer(trouble)) if trace.asks_certificate && trouble.code.as_deref() == Some(DENIED) => {
                Err(tls::after_asking(trouble, attempt.settings, user))
            }
            Err(Ended::ByServer(trouble)) => Err(trouble),
            Err(Ended::ByUs(trouble)) => {
                trace.stop();
                // A server that does not listen is left without an answer.
                let _ = timeout(GOODBYE, self.packets.give_up(&plugin)).await;
                Err(trouble)
            }
        }
    }

    /// Beginning with `plugin`, which becomes what the server asks for.
    async fn prove(&mut self, password: &str, user: &str, plugin: &mut Cow<'static, str>) -> Result<(), Ended> {
        let mut nonce = self.greeting.nonce.clone();
        let is_tls = self.packets.wire.is_tls();
        let first = proof(plugin, &nonce, password, is_tls).map_err(Ended::ByUs)?;
        self.packets.write(&answer_to_greeting(self.capabilities, user, plugin, &first)).await?;
        for _ in 0..MAX_STEPS {
            let packet = self.packets.read().await?;
            match packet.split_first() {
                Some((0, _)) => return Ok(()),
                Some((0xff, _)) => return Err(Ended::ByServer(self.login_error(&packet))),
                Some((0xfe, [])) => return Err(Ended::ByUs(unsupported("mysql_old_password"))),
                Some((0xfe, request)) => {
                    *plugin = Cow::Owned(method(request));
                    let (_, data) = until_zero(request);
                    nonce = data.strip_suffix(&[0]).unwrap_or(data).to_vec();
                    let next = proof(plugin, &nonce, password, is_tls).map_err(Ended::ByUs)?;
                    self.packets.write(&next).await?;
                }
                // caching_sha2_password: the server knows the proof already; OK follows.
                Some((1, [3])) if *plugin == CACHING_SHA2 => {}
                // It does not, and wants the password itself. The alternative to TLS is a key that the server
                // sends unauthenticated, which anyone on the way could replace.
                Some((1, [4])) if *plugin == CACHING_SHA2 => {
                    let clear = clear_password(plugin, password, is_tls).map_err(Ended::ByUs)?;
                    self.packets.write(&clear).await?;
                }
                _ => return Err(Ended::ByUs(unsupported(plugin))),
            }
        }
        Err(Ended::ByUs(too_much()))
    }

    /// Opens the database and asks the health query.
    async fn use_it(&mut self, attempt: &Attempt<'_>, trace: &mut Trace) -> Result<(), Trouble> {
        if let Some(database) = attempt.settings.database.as_deref().filter(|name| !name.is_empty()) {
            // Apart from the login, so that what refuses it is known whatever the message.
            trace.begin(Phase::Database);
            self.packets.command(COM_INIT_DB, database.as_bytes()).await?;
            let answer = self.packets.read().await?;
            match answer.first() {
                Some(0) => trace.note(Phase::Database, database),
                Some(0xff) => {
                    trace.stop();
                    self.inquire(attempt, trace).await;
                    return Err(server_error(&answer));
                }
                _ => return Err(unreadable()),
            }
        }
        trace.begin(Phase::Query);
        self.packets.command(COM_QUERY, HEALTH_QUERY).await?;
        if let Some(version) = self.packets.read_one_value().await? {
            trace.server_version = Some(version);
        }
        trace.note(Phase::Query, "answered");
        trace.answered();
        self.inquire(attempt, trace).await;
        Ok(())
    }

    /// Asks which databases exist and what the user may do, where that is asked for. What cannot be told
    /// is left out.
    async fn inquire(&mut self, attempt: &Attempt<'_>, trace: &mut Trace) {
        if attempt.depth == Depth::Staged {
            let _ = timeout(super::staged::INQUIRY, self.packets.inquire(&mut trace.findings)).await;
        }
    }

    /// An error in place of a login. An account or a server that requires TLS refuses without a word on it, and
    /// so does MariaDB where no account is for this address.
    fn login_error(&self, packet: &[u8]) -> Trouble {
        let trouble = server_error(packet);
        if trouble.code.as_deref() != Some(DENIED) {
            return trouble;
        }
        let offers_tls = self.greeting.capabilities.contains(Capabilities::CLIENT_SSL);
        let may_need_tls = offers_tls && !self.packets.wire.is_tls();
        trouble.also(if may_need_tls {
            &[Cause::TlsRequired, Cause::AccessRuleDenied]
        } else {
            &[Cause::AccessRuleDenied]
        })
    }

    /// Ends a connection that is not to be used, without a secret and as a whole login of nobody: a handshake
    /// that breaks off counts against this host, a refused login does not.
    async fn leave_politely(mut self) {
        let farewell = async {
            self.packets.write(&answer_to_greeting(self.capabilities, "", NATIVE, &[])).await?;
            match self.packets.read().await?.split_first() {
                Some((0xff, _)) => Ok(()),
                // For a user whom it does not know, MariaDB plays the login of an account that it does.
                Some((0xfe, request)) => self.packets.give_up(&method(request)).await,
                _ => self.packets.quit().await,
            }
        };
        let _ = timeout(GOODBYE, farewell).await;
    }
}

/// The answer to the greeting: who asks, and the proof of it.
fn answer_to_greeting(capabilities: Capabilities, user: &str, plugin: &str, proof: &[u8]) -> Vec<u8> {
    let attributes = capabilities.contains(Capabilities::CLIENT_CONNECT_ATTRS).then(|| {
        HashMap::from([
            ("program_name".to_owned(), "mooring".to_owned()),
            ("_client_name".to_owned(), "mooring".to_owned()),
            ("_client_version".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
        ])
    });
    let plugin =
        capabilities.contains(Capabilities::CLIENT_PLUGIN_AUTH).then(|| AuthPlugin::from_bytes(plugin.as_bytes()));
    let response = HandshakeResponse::new(
        Some(proof),
        (5, 5, 3),
        Some(user.as_bytes()),
        None::<&[u8]>,
        plugin,
        capabilities,
        attributes,
        MAX_PACKET_SENT,
    );
    let mut packet = Vec::new();
    response.serialize(&mut packet);
    packet
}

/// What proves the password to `plugin`; refused where it would show the password.
fn proof(plugin: &str, nonce: &[u8], password: &str, is_tls: bool) -> Result<Vec<u8>, Trouble> {
    match plugin {
        NATIVE => Ok(scramble_native(nonce, password.as_bytes()).map(Vec::from).unwrap_or_default()),
        CACHING_SHA2 if password.is_empty() => Ok(vec![0]),
        CACHING_SHA2 => Ok(scramble_sha256(nonce, password.as_bytes()).map(Vec::from).unwrap_or_default()),
        "mysql_clear_password" | "sha256_password" => clear_password(plugin, password, is_tls),
        other => Err(unsupported(other)),
    }
}

/// The password as it is, which only TLS may carry.
fn clear_password(plugin: &str, password: &str, is_tls: bool) -> Result<Vec<u8>, Trouble> {
    if is_tls {
        return Ok([password.as_bytes(), &[0]].concat());
    }
    let message = format!(
        "The server asks for the password itself ({}), and the connection has no TLS. The password was not sent.",
        visible(plugin)
    );
    Err(Trouble::new(Cause::AuthMethodUnsupported, message).also(&[Cause::TlsRequired]))
}

const NATIVE: &str = "mysql_native_password";
const CACHING_SHA2: &str = "caching_sha2_password";

/// Who ended a login.
#[derive(Debug)]
enum Ended {
    /// The server, by a refusal or by hanging up.
    ByServer(Trouble),
    /// We, because it asks for what it must not get or what we do not know. It waits for an answer.
    ByUs(Trouble),
}

impl From<Trouble> for Ended {
    fn from(trouble: Trouble) -> Self {
        Self::ByServer(trouble)
    }
}

/// Packets over a stream: a length of three bytes, a number, a body.
#[derive(Debug)]
struct Packets {
    wire: Wire,
    sequence: u8,
    total: usize,
}

impl Packets {
    /// The first packet, or who it is that speaks instead.
    async fn read_first(&mut self) -> Result<Vec<u8>, Trouble> {
        let mut header = [0; 4];
        self.wire.read_exact(&mut header).await.map_err(|error| Trouble::from_io(&error))?;
        let [a, b, c, number] = header;
        let length = length(a, b, c);
        if number != 0 || length == 0 || length > MAX_PACKET {
            let who = speaker(&header).map(|name| format!(", but {name}")).unwrap_or_default();
            return Err(Trouble::new(
                Cause::WrongProtocol,
                format!("The server does not speak MySQL's protocol{who}."),
            ));
        }
        self.sequence = 1;
        self.body(length).await
    }

    async fn read(&mut self) -> Result<Vec<u8>, Trouble> {
        let mut header = [0; 4];
        self.wire.read_exact(&mut header).await.map_err(|error| Trouble::from_io(&error))?;
        let [a, b, c, number] = header;
        let length = length(a, b, c);
        if length > MAX_PACKET {
            return Err(too_much());
        }
        if number != self.sequence {
            // MariaDB turns hosts away right behind its greeting, without having read the answer to it.
            let body = if number == 1 { self.body(length).await? } else { Vec::new() };
            return if body.first() == Some(&0xff) { Ok(body) } else { Err(unreadable()) };
        }
        self.sequence = self.sequence.wrapping_add(1);
        self.body(length).await
    }

    async fn body(&mut self, length: usize) -> Result<Vec<u8>, Trouble> {
        self.total = self.total.saturating_add(length + 4);
        if self.total > MAX_TOTAL {
            return Err(too_much());
        }
        let mut body = vec![0; length];
        self.wire.read_exact(&mut body).await.map_err(|error| Trouble::from_io(&error))?;
        Ok(body)
    }

    async fn write(&mut self, body: &[u8]) -> Result<(), Trouble> {
        let length = u32::try_from(body.len()).ok().filter(|length| *length < 0xff_ffff).ok_or_else(|| {
            Trouble::new(Cause::InvalidConnectionString, "User, password or database is longer than a packet holds.")
        })?;
        let [a, b, c, _] = length.to_le_bytes();
        let packet = [&[a, b, c, self.sequence], body].concat();
        self.sequence = self.sequence.wrapping_add(1);
        let written: io::Result<()> = async {
            self.wire.write_all(&packet).await?;
            self.wire.flush().await
        }
        .await;
        written.map_err(|error| Trouble::from_io(&error))
    }

    /// Lets a login by `plugin` fail that the server is in the middle of: an answer that proves nothing, and it
    /// refuses. Hanging up would count against this host.
    async fn give_up(&mut self, plugin: &str) -> Result<(), Trouble> {
        let mut plugin = Cow::Borrowed(plugin);
        for _ in 0..MAX_GIVING_UP {
            // To this one an answer of another length is no answer, and counts as hanging up.
            let answer: &[u8] = if plugin == "client_ed25519" { &[0; ED25519_SIGNATURE] } else { &[] };
            self.write(answer).await?;
            match self.read().await?.split_first() {
                Some((0xff, _)) => return Ok(()),
                // An account without a password: logged in.
                Some((0, _)) => return self.quit().await,
                // The next of several that the account has.
                Some((0xfe, request)) => plugin = Cow::Owned(method(request)),
                _ => {}
            }
        }
        Ok(())
    }

    async fn command(&mut self, command: u8, body: &[u8]) -> Result<(), Trouble> {
        self.sequence = 0;
        self.write(&[&[command], body].concat()).await
    }

    async fn inquire(&mut self, findings: &mut Findings) -> Result<(), Trouble> {
        self.command(COM_QUERY, DATABASES).await?;
        findings.databases = self.read_first_column(MAX_DATABASES).await?;
        self.command(COM_QUERY, b"show grants").await?;
        let grants = self.read_first_column(MAX_STEPS).await?;
        // What follows names the account, and in MariaDB the hash of its password.
        let grants: Vec<&str> = grants
            .iter()
            .filter_map(|grant| grant.strip_prefix("GRANT "))
            .map(|grant| grant.rsplit_once(" TO ").map_or("", |(what, _)| what))
            .filter(|grant| !grant.is_empty())
            .collect();
        findings.privileges = (!grants.is_empty()).then(|| grants.join("; "));
        self.command(COM_QUERY, b"select if(@@global.read_only, 'read-only', 'may write')").await?;
        if let (Some(mode), Some(privileges)) = (self.read_one_value().await?, &mut findings.privileges) {
            privileges.push_str("; ");
            privileges.push_str(&mode);
        }
        Ok(())
    }

    /// The first value of the first row of an answer.
    async fn read_one_value(&mut self) -> Result<Option<String>, Trouble> {
        Ok(self.read_first_column(MAX_STEPS).await?.into_iter().next())
    }

    /// The first value of each row of an answer of at most `most` rows.
    async fn read_first_column(&mut self, most: usize) -> Result<Vec<String>, Trouble> {
        let head = self.read().await?;
        let columns = match head.first() {
            Some(0) => return Ok(Vec::new()),
            Some(0xff) => return Err(server_error(&head)),
            Some(0xfb) => {
                return Err(Trouble::new(
                    Cause::WrongProtocol,
                    "The server asked for a file of this machine in place of an answer. Nothing was sent.",
                ));
            }
            Some(columns @ 1..=8) => *columns,
            _ => return Err(unreadable()),
        };
        for _ in 0..columns {
            self.read().await?;
        }
        let mut values = Vec::new();
        // The end of the columns, the rows, the end of the rows.
        let mut ends = 0;
        for _ in 0..most.saturating_add(2) {
            let packet = self.read().await?;
            match packet.first() {
                Some(0xff) => return Err(server_error(&packet)),
                Some(0xfe) if packet.len() < 9 => ends += 1,
                _ => values.extend(text_value(&packet)),
            }
            if ends == 2 {
                return Ok(values);
            }
        }
        Err(too_much())
    }

    /// Says goodbye and waits until the server has closed, so that it is counted as a clean end.
    async fn quit(&mut self) -> Result<(), Trouble> {
        self.command(COM_QUIT, &[]).await?;
        let closed: io::Result<()> = async {
            self.wire.shutdown().await?;
            let mut rest = [0; 256];
            let mut left = MAX_PACKET;
            while left > 0 {
                match self.wire.read(&mut rest).await? {
                    0 => break,
                    read => left = left.saturating_sub(read),
                }
            }
            Ok(())
        }
        .await;
        closed.map_err(|error| Trouble::from_io(&error))
    }
}

fn length(a: u8, b: u8, c: u8) -> usize {
    usize::from(a) | usize::from(b) << 8 | usize::from(c) << 16
}

/// The first column of a row, as text of less than 64 KiB.
fn text_value(row: &[u8]) -> Option<String> {
    let (length, rest) = match *row {
        [length @ 0..=0xfa, ref rest @ ..] => (usize::from(length), rest),
        [0xfc, low, high, ref rest @ ..] => (usize::from(u16::from_le_bytes([low, high])), rest),
        _ => return None,
    };
    rest.get(..length).map(|text| String::from_utf8_lossy(text).into_owned())
}

/// The method of login that a request to switch to it names.
fn method(request: &[u8]) -> String {
    String::from_utf8_lossy(until_zero(request).0).into_owned()
}

/// The bytes before the first zero, and those behind it.
fn until_zero(bytes: &[u8]) -> (&[u8], &[u8]) {
    match bytes.iter().position(|byte| *byte == 0) {
        Some(at) => (bytes.get(..at).unwrap_or_default(), bytes.get(at + 1..).unwrap_or_default()),
        None => (bytes, &[]),
    }
}

/// What a server says of itself before anything else.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Greeting {
    version: String,
    capabilities: Capabilities,
    nonce: Vec<u8>,
    plugin: String,
}

impl Greeting {
    /// Reads the greeting of protocol 10, or the error in its place.
    fn read(packet: &[u8]) -> Result<Self, Trouble> {
        match packet.split_first() {
            Some((0xff, _)) => Err(server_error(packet)),
            Some((10, rest)) => Self::parse(rest).ok_or_else(unreadable),
            Some((9, _)) => Err(Trouble::new(
                Cause::DriverServerIncompatible,
                "The server speaks protocol 9, which is older than MySQL 3.21.",
            )),
            _ => Err(unreadable()),
        }
    }

    fn parse(rest: &[u8]) -> Option<Self> {
        let (version, rest) = until_zero(rest);
        // Thread number; first part of the nonce and its zero byte.
        let (_, rest) = rest.split_first_chunk::<4>()?;
        let (first, rest) = rest.split_first_chunk::<8>()?;
        let (_, rest) = rest.split_first_chunk::<1>()?;
        let (low, rest) = rest.split_first_chunk::<2>()?;
        // Character set and status; servers before 4.1 stop here.
        let (_, rest) = rest.split_first_chunk::<3>()?;
        let (high, rest) = rest.split_first_chunk::<2>()?;
        let (_, rest) = rest.split_first_chunk::<11>()?;
        let bits = u32::from(u16::from_le_bytes(*high)) << 16 | u32::from(u16::from_le_bytes(*low));
        // The second part of the nonce is 12 bytes and a zero, whatever length is announced.
        let (second, rest) = rest.split_at_checked(12)?;
        let (_, rest) = until_zero(rest);
        let (plugin, _) = until_zero(rest);
        // MariaDB calls itself 5.5.5 first, for old replicas.
        let version = String::from_utf8_lossy(version);
        let version = version.strip_prefix("5.5.5-").filter(|rest| rest.contains("MariaDB")).unwrap_or(&version);
        Some(Self {
            version: version.to_owned(),
            capabilities: Capabilities::from_bits_truncate(bits),
            nonce: [&first[..], second].concat(),
            plugin: String::from_utf8_lossy(plugin).into_owned(),
        })
    }
}

/// An ERR packet; before the login its SQLSTATE is missing.
fn server_error(packet: &[u8]) -> Trouble {
    let Some((number, rest)) = packet.get(1..).and_then(<[u8]>::split_first_chunk::<2>) else {
        return unreadable();
    };
    let text = match rest {
        [b'#', rest @ ..] => rest.get(5..).unwrap_or_default(),
        text => text,
    };
    let number = u16::from_le_bytes(*number);
    Trouble { message: format!("{} (error {number})", String::from_utf8_lossy(text)), ..Trouble::default() }
        .code(number.to_string())
}

fn unsupported(plugin: &str) -> Trouble {
    let message = format!("The server asks for a login by {}, which cannot be used here.", visible(plugin));
    Trouble::new(Cause::AuthMethodUnsupported, message)
}

/// A name that the server chose, kept short.
fn visible(name: &str) -> String {
    name.chars().filter(char::is_ascii_graphic).take(64).collect()
}

fn unreadable() -> Trouble {
    Trouble::new(Cause::WrongProtocol, "The server's answer is not one of MySQL's.")
}

fn too_much() -> Trouble {
    Trouble::new(Cause::WrongProtocol, "The server sent more than a health check reads; the connection was ended.")
}

#[cfg(test)]
mod tests {
    use mysql_common::{io::ParseBuf, proto::MyDeserialize};
    use proptest::prelude::*;

    use super::{super::tests::from_form, *};
    use crate::connections::{Provider, settings::Secret};

    fn greeting(version: &str, plugin: &str) -> Vec<u8> {
        let mut packet = vec![10];
        packet.extend_from_slice(version.as_bytes());
        packet.extend_from_slice(&[0, 1, 0, 0, 0]);
        packet.extend_from_slice(b"abcdefgh\0");
        packet.extend_from_slice(&[0xff, 0xff, 45, 2, 0, 0xff, 0xc1, 21]);
        packet.extend_from_slice(&[0; 10]);
        packet.extend_from_slice(b"ijklmnopqrst\0");
        packet.extend_from_slice(plugin.as_bytes());
        packet.push(0);
        packet
    }

    #[test]
    fn a_greeting_is_read() {
        let read = Greeting::read(&greeting("5.5.5-10.11.6-MariaDB-0+deb12u1", NATIVE)).expect("a greeting");
        assert_eq!(read.version, "10.11.6-MariaDB-0+deb12u1");
        assert_eq!(read.nonce, b"abcdefghijklmnopqrst");
        assert_eq!(read.plugin, NATIVE);
        assert!(read.capabilities.contains(Capabilities::CLIENT_SSL));
        assert_eq!(Greeting::read(&greeting("5.5.5", CACHING_SHA2)).expect("a greeting").version, "5.5.5");
    }

    #[test]
    fn an_error_in_place_of_the_greeting_is_told() {
        for (packet, code, message) in [
            (&b"\xff\x10\x04Too many connections"[..], "1040", "Too many connections (error 1040)"),
            (b"\xff\x69\x04#HY000Host 'x' is blocked", "1129", "Host 'x' is blocked (error 1129)"),
        ] {
            let trouble = Greeting::read(packet).expect_err("an error");
            assert_eq!((trouble.code.as_deref(), trouble.message.as_str()), (Some(code), message));
        }
    }

    #[test]
    fn neither_files_nor_several_statements_are_offered() {
        assert!(!WANTED.intersects(
            Capabilities::CLIENT_LOCAL_FILES | Capabilities::CLIENT_MULTI_STATEMENTS | Capabilities::CLIENT_SSL
        ));
    }

    /// Whether `proof` is what a server that keeps no more than a hash of the password takes for it.
    fn proves(plugin: &str, nonce: &[u8], password: &str, proof: &[u8]) -> bool {
        use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY as SHA1, SHA256, digest};
        let once = |algorithm, bytes: &[u8]| digest(algorithm, bytes).as_ref().to_vec();
        let (algorithm, mask) = if plugin == NATIVE {
            let kept = once(&SHA1, &once(&SHA1, password.as_bytes()));
            (&SHA1, once(&SHA1, &[nonce, &kept].concat()))
        } else {
            let kept = once(&SHA256, &once(&SHA256, password.as_bytes()));
            (&SHA256, once(&SHA256, &[&kept, nonce].concat()))
        };
        let shown: Vec<u8> = proof.iter().zip(mask).map(|(a, b)| a ^ b).collect();
        shown == once(algorithm, password.as_bytes())
    }

    proptest! {
        /// User and password, whatever was typed, are those of the login packet.
        #[test]
        fn what_is_typed_is_what_the_server_is_told(typed in from_form::typed(Provider::MySql)) {
            for settings in typed.arrived() {
                prop_assert_eq!(&settings.host, &typed.host);
                prop_assert_eq!(settings.username.as_deref(), Some(typed.username.as_str()));
                let password = settings.password.as_ref().map_or("", Secret::reveal);
                let nonce = b"abcdefghijklmnopqrst";
                for plugin in [NATIVE, CACHING_SHA2] {
                    let proof = proof(plugin, nonce, password, false).expect("a proof");
                    prop_assert!(proves(plugin, nonce, &typed.password, &proof), "{}", plugin);
                    let packet = answer_to_greeting(WANTED, &typed.username, plugin, &proof);
                    let told = HandshakeResponse::deserialize((), &mut ParseBuf(&packet)).expect("a login packet");
                    prop_assert_eq!(told.user(), typed.username.as_bytes());
                    prop_assert_eq!(told.scramble_buf(), &proof[..]);
                }
                prop_assert!(clear_password("mysql_clear_password", password, false).is_err());
                let clear = clear_password("mysql_clear_password", password, true).expect("over TLS");
                prop_assert_eq!(clear, [typed.password.as_bytes(), &[0]].concat());
            }
        }

        #[test]
        fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Greeting::read(&bytes);
            let _ = server_error(&bytes);
            let _ = text_value(&bytes);
            if let Some((_, rest)) = bytes.split_first() {
                let _ = Greeting::parse(rest);
            }
        }

        #[test]
        fn a_greeting_cut_anywhere_is_no_panic(cut in 0_usize..90) {
            let whole = greeting("8.0.36", CACHING_SHA2);
            let _ = Greeting::read(whole.get(..cut).unwrap_or(&whole));
        }
    }
}
