//! MongoDB and what speaks its protocol: a thin client of our own over a stream that we dialled, secured and bound.
//! It knows one connection, one login, whether a database is there, and one `ping`; it writes nothing.
//!
//! # What happens where an address names many servers
//!
//! The hosts of the address, or those behind its SRV record, are met in turn, each for a share of the time, until one
//! is there that a client could use; with that one the attempt stands or falls. Who refuses, is silent or hangs up is
//! passed over, and so is who says of itself (`hello`) that it is an arbiter, is recovering, or knows no primary: a
//! set is not down because such a member stands first in its list. There is one login, to the one that is kept, and
//! the others are closed before it. Each host is judged by the egress policy when its turn comes. Another set than
//! the settings name is refused before the login, and a secondary is noted. The members that a server names are
//! never connected to: a client of the address would follow them, a health check that did could be led anywhere.
//!
//! # TLS
//!
//! MongoDB does not negotiate TLS: it begins with the first byte or not at all. Where the settings leave it open
//! (`prefer`), TLS is tried first, for a moment, and a server that shows none is dialled once more in clear text,
//! when the first connection is closed.

mod inquiry;
mod login;
mod message;
mod refusal;
mod scram;
mod seeds;
mod topology;

use std::time::Duration;

use bson::{raw::cstr, rawdoc};
use tokio::{
    net::TcpStream,
    time::{Instant, timeout, timeout_at},
};

use self::{login::Login, message::Conversation, seeds::Plan, topology::Hello};
use super::{Attempt, Reached, staged::Greeting, tls, trace::Trace, trouble::Trouble, wire::Wire};
use crate::{
    connections::settings::{MongoDb, Settings, Special, TlsMode},
    probe::{Cause, Depth, Phase},
    server::egress::{Egress, EgressError},
};

/// How long the version and the goodbye may take, which are not part of the check.
const AFTERWARDS: Duration = Duration::from_secs(1);
/// How long a server may take to show that it has TLS where it need not have it: a server without TLS may wait
/// silently for the rest of what it takes for a long message.
const PREFERRED_TLS: Duration = Duration::from_secs(1);
/// The database of commands that are about none.
const ADMIN: &str = "admin";

/// One attempt, from the name to the answer of `ping`.
pub(super) async fn run(attempt: &Attempt<'_>, trace: &mut Trace) -> Result<(), Trouble> {
    let unset = MongoDb::default();
    let special = match &attempt.settings.special {
        Special::MongoDb(special) => special,
        _ => &unset,
    };
    let login = Login::of(attempt.settings, special.auth_mechanism)?;
    let plan = Plan::make(attempt, special, trace).await?;
    let Some(met) = meet_in_turn(attempt, &plan, &login, trace).await? else { return Ok(()) };
    let mut session = Session { met, plan };
    let outcome = session.check(attempt, &login, trace).await;
    trace.stop();
    if outcome.is_ok() {
        trace.server_version = timeout(AFTERWARDS, session.version()).await.unwrap_or_default();
        if attempt.depth == Depth::Staged {
            let database = attempt.settings.database.as_deref();
            let asked = inquiry::inquire(&mut session.met.conversation, database, &mut trace.findings);
            // What cannot be told is left out; the health query was answered.
            let _ = timeout(super::staged::INQUIRY, asked).await;
        }
    }
    // A server that does not listen to the goodbye is left without one.
    let _ = timeout(AFTERWARDS, session.met.conversation.close()).await;
    outcome
}

/// Meets the seeds in turn; each gets an equal part of the time that is left. The failure that is told is that of
/// the seed where the attempt got furthest; one that another seed could not make good is told at once. None where
/// only the surface is looked at.
async fn meet_in_turn(
    attempt: &Attempt<'_>,
    plan: &Plan,
    login: &Login<'_>,
    trace: &mut Trace,
) -> Result<Option<Met>, Trouble> {
    let mut furthest: Option<Trouble> = None;
    for (tried, (host, port)) in plan.seeds.iter().enumerate() {
        let left = attempt.connect_deadline.saturating_duration_since(Instant::now());
        let others = u32::try_from(plan.seeds.len() - tried).unwrap_or(u32::MAX);
        let seed = Seed { host, port: *port, deadline: Instant::now() + left / others.max(1) };
        trace.tls = None;
        let mut trouble = match meet(attempt, plan, login, &seed, trace).await {
            Ok(met) => return Ok(met),
            Err(trouble) => trouble,
        };
        trouble.phase = trouble.phase.or(trace.phase());
        if trouble.is_ours || !is_of_the_seed(&trouble) {
            return Err(trouble);
        }
        if furthest.as_ref().is_none_or(|earlier| distance(&trouble) >= distance(earlier)) {
            furthest = Some(trouble);
        }
    }
    Err(furthest
        .unwrap_or_else(|| Trouble::new(Cause::InvalidConnectionString, "The address names no host.").at(Phase::Dns)))
}

/// One of several servers, and until when it may take the attempt's time.
#[derive(Debug)]
struct Seed<'a> {
    host: &'a str,
    port: u16,
    deadline: Instant,
}

/// Whether another server of the same set may do better: a server that is not there, silent, hanging up, or not
/// in service. What else goes wrong (a certificate, another set, another protocol) is to be told.
fn is_of_the_seed(trouble: &Trouble) -> bool {
    matches!(
        trouble.cause,
        Some(
            Cause::DnsNotFound
                | Cause::ConnectionRefused
                | Cause::ConnectTimeout
                | Cause::ConnectionReset
                | Cause::HostUnreachable
                | Cause::Ipv6Unreachable
                | Cause::NotPrimary
        )
    ) || trouble.phase.is_some_and(|phase| phase <= Phase::Tcp) && trouble.cause == Some(Cause::Unknown)
        || matches!(trouble.code.as_deref(), Some("ECONNRESET" | "EPIPE"))
}

/// How far an attempt got that ended so: an answer that says no is worth more than silence, silence more than no
/// route, and a name that resolves more than one that does not.
fn distance(trouble: &Trouble) -> (Option<Phase>, u8) {
    let answered = match trouble.cause {
        Some(Cause::NotPrimary) => 4,
        Some(Cause::ConnectionRefused | Cause::ConnectionReset) => 3,
        Some(Cause::ConnectTimeout) => 2,
        Some(Cause::HostUnreachable) => 1,
        _ => 0,
    };
    (trouble.phase, answered)
}

/// Dials one seed, secures the connection, and learns whether a client could use it.
async fn meet(
    attempt: &Attempt<'_>,
    plan: &Plan,
    login: &Login<'_>,
    seed: &Seed<'_>,
    trace: &mut Trace,
) -> Result<Option<Met>, Trouble> {
    let reached = attempt.dial_host(seed.host, seed.port, seed.deadline, trace).await?;
    let mode = match attempt.settings.tls {
        // An SRV address turns TLS on.
        None if plan.is_listed => TlsMode::VerifyFull,
        chosen => super::tls_mode(chosen, reached.address.ip()),
    };
    let opened = timeout_at(seed.deadline, open(attempt, plan, login, (reached, seed.deadline), mode, trace));
    let Some((conversation, hello)) = opened.await.unwrap_or_else(|_| Err(silence(trace.phase(), mode)))? else {
        return Ok(None);
    };
    match hello.verdict(plan.direct) {
        Ok(standing) => Ok(Some(Met { conversation, hello, standing })),
        Err(trouble) => {
            // A server that does not listen to the goodbye is left without one.
            let _ = timeout_at(seed.deadline, timeout(AFTERWARDS, conversation.close())).await;
            Err(trouble)
        }
    }
}

/// A server that said what it is, and that a client could use.
#[derive(Debug)]
struct Met {
    conversation: Conversation,
    hello: Hello,
    /// Who answered, in a few words.
    standing: String,
}

/// Nothing came before the time for connecting was over. A server of another kind may wait to hear its own protocol.
fn silence(phase: Option<Phase>, mode: TlsMode) -> Trouble {
    let phase = phase.unwrap_or(Phase::Auth);
    let trouble = super::out_of_time(phase);
    match phase {
        Phase::Auth if mode == TlsMode::Disable => trouble.also(&[Cause::WrongProtocol, Cause::TlsRequired]),
        Phase::Auth => trouble.also(&[Cause::WrongProtocol]),
        // Silence where TLS was begun: the server may have none.
        Phase::Tls => trouble.also(&[Cause::TlsNotSupported, Cause::WrongProtocol]),
        _ => trouble,
    }
}

/// Secures the connection as the mode asks, and learns what the server is; none where only the surface is looked at.
async fn open(
    attempt: &Attempt<'_>,
    plan: &Plan,
    login: &Login<'_>,
    reached: (Reached, Instant),
    mode: TlsMode,
    trace: &mut Trace,
) -> Result<Option<(Conversation, Hello)>, Trouble> {
    let wire = secure(attempt, reached, mode, trace).await?;
    if attempt.depth == Depth::Surface {
        trace.answered();
        return Ok(None);
    }
    trace.begin(Phase::Auth);
    let mut conversation = Conversation::new(wire);
    let hello = introduce(&mut conversation, |question| {
        if let Some(user) = login.asks_about(plan) {
            question.append(cstr!("saslSupportedMechs"), user);
        }
        if plan.load_balanced {
            question.append(cstr!("loadBalanced"), true);
        }
    })
    .await?;
    hello.check_version()?;
    if let Some(name) = &plan.replica_set {
        hello.check_set(name)?;
    }
    Ok(Some((conversation, hello)))
}

/// Shakes hands as the mode asks, until the deadline of the seed.
async fn secure(
    attempt: &Attempt<'_>,
    (reached, deadline): (Reached, Instant),
    mode: TlsMode,
    trace: &mut Trace,
) -> Result<Wire, Trouble> {
    let Reached { stream, host, resolved, .. } = reached;
    if mode == TlsMode::Disable {
        return Ok(Wire::Clear(stream));
    }
    trace.begin(Phase::Tls);
    if mode != TlsMode::Prefer {
        return shake_hands(attempt, stream, &host, mode, trace).await;
    }
    let left = deadline.saturating_duration_since(Instant::now());
    match timeout(PREFERRED_TLS.min(left / 2), shake_hands(attempt, stream, &host, mode, trace)).await {
        Ok(Ok(wire)) => return Ok(wire),
        Ok(Err(trouble)) if trace.tls.is_some() || !shows_no_tls(&trouble) => return Err(trouble),
        Ok(Err(_)) | Err(_) => trace.note(Phase::Tls, "the server has none"),
    }
    trace.begin(Phase::Tcp);
    let (stream, _) = attempt.egress.dial(&resolved, deadline).await?;
    Ok(Wire::Clear(stream))
}

async fn shake_hands(
    attempt: &Attempt<'_>,
    stream: TcpStream,
    host: &str,
    mode: TlsMode,
    trace: &mut Trace,
) -> Result<Wire, Trouble> {
    let (facts, secured) = tls::handshake(stream, attempt.settings, host, mode).await;
    super::note_tls(trace, facts);
    match secured {
        Ok(secured) => Ok(Wire::Tls(secured.stream)),
        Err(refused) => Err(judge_alert(refused.trouble, host)),
    }
}

/// Whether a handshake ended as it does with a server that knows no TLS.
fn shows_no_tls(trouble: &Trouble) -> bool {
    matches!(trouble.cause, Some(Cause::ConnectionReset | Cause::WrongProtocol))
}

/// Atlas ends the handshake with the alert `internal_error` where its access list does not have the address that
/// one comes from; anyone else may send that alert for anything.
fn judge_alert(mut trouble: Trouble, host: &str) -> Trouble {
    if trouble.code.as_deref() != Some(tls::INTERNAL_ERROR) {
        return trouble;
    }
    if !is_atlas(host) {
        return trouble.also(&[Cause::AccessRuleDenied]);
    }
    trouble.cause = Some(Cause::AccessRuleDenied);
    "Atlas ended the TLS handshake (internal_error), as it does for addresses that are not on the project's IP access list."
        .clone_into(&mut trouble.message);
    trouble.also(&[Cause::TlsProtocolMismatch, Cause::ServicePaused])
}

/// Whether the host is one of MongoDB's own service.
fn is_atlas(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    let host = host.strip_suffix('.').unwrap_or(&host);
    [".mongodb.net", ".mongodbgov.net", ".mongodb-dev.net"].iter().any(|domain| host.ends_with(domain))
}

/// Asks what the server is; by the older name of the command where the server does not know the newer one.
async fn introduce(conversation: &mut Conversation, add: impl Fn(&mut bson::RawDocumentBuf)) -> Result<Hello, Trouble> {
    for command in [cstr!("hello"), cstr!("isMaster")] {
        let mut question = bson::RawDocumentBuf::new();
        question.append(command, 1);
        question.append(
            cstr!("client"),
            rawdoc! {
                "application": { "name": "mooring" },
                "driver": { "name": "mooring", "version": env!("CARGO_PKG_VERSION") },
                "os": { "type": std::env::consts::OS },
            },
        );
        add(&mut question);
        question.append(cstr!("$db"), ADMIN);
        match conversation.ask(&question).await.map_err(|trouble| unanswered(trouble, conversation.is_tls()))? {
            Ok(reply) => return Ok(Hello::read(&reply)),
            Err(error) if error.is_unknown_command() => {}
            Err(error) => return Err(error.trouble()),
        }
    }
    Err(Trouble::new(Cause::DriverServerIncompatible, "The server knows neither `hello` nor `isMaster`."))
}

/// A word with what speaks there, in clear text: what it is, without a login.
pub(super) async fn greet(stream: TcpStream) -> Result<Greeting, Trouble> {
    let mut conversation = Conversation::new(Wire::Clear(stream));
    let hello = introduce(&mut conversation, |_| {}).await?;
    let _ = timeout(AFTERWARDS, conversation.close()).await;
    Ok(Greeting { speaks: hello.describe(), offers_tls: None })
}

/// The servers that a connection leads to, each a host and a port.
pub(super) async fn servers(
    egress: &Egress,
    settings: &Settings,
    deadline: Instant,
) -> Result<Vec<(String, u16)>, EgressError> {
    let unset = MongoDb::default();
    let special = match &settings.special {
        Special::MongoDb(special) => special,
        _ => &unset,
    };
    Ok(seeds::seeds(egress, settings, special, deadline).await?.seeds)
}

/// Whether what is there answers the first words of TLS with TLS, be it with a refusal. The certificate is not
/// judged, and nothing is sent inside.
pub(super) async fn answers_tls(stream: TcpStream, settings: &Settings, host: &str) -> bool {
    let (facts, secured) = tls::handshake(stream, settings, host, TlsMode::Require).await;
    let alert = |refused: &tls::Refused| refused.trouble.code.as_deref().is_some_and(|code| code.starts_with("TLS_"));
    facts.is_some() || secured.as_ref().err().is_some_and(alert)
}

/// A server that hangs up on the first question may insist on TLS, be another kind of server, or be older than 3.6.
fn unanswered(trouble: Trouble, inside_tls: bool) -> Trouble {
    match (trouble.cause, trouble.code.as_deref()) {
        (Some(Cause::ConnectionReset), _) | (None, Some("ECONNRESET" | "EPIPE")) => {
            let trouble = Trouble { cause: Some(Cause::ConnectionReset), ..trouble };
            let trouble = if inside_tls { trouble } else { trouble.also(&[Cause::TlsRequired]) };
            trouble.also(&[Cause::WrongProtocol, Cause::DriverServerIncompatible])
        }
        _ => trouble,
    }
}

/// A connection that is logged in on.
#[derive(Debug)]
struct Session {
    met: Met,
    plan: Plan,
}

impl Session {
    /// Logs in, looks for the database, and pings.
    async fn check(&mut self, attempt: &Attempt<'_>, login: &Login<'_>, trace: &mut Trace) -> Result<(), Trouble> {
        let mechanism = login.perform(&mut self.met.conversation, &self.plan, &self.met.hello).await?;
        trace.note(Phase::Auth, mechanism);
        let database = attempt.settings.database.as_deref().filter(|name| !name.is_empty());
        let nobody = matches!(login, Login::Nobody);
        if let Some(database) = database {
            trace.begin(Phase::Database);
            let found = self.look_for(database, nobody).await?;
            trace.note(Phase::Database, format!("{database}{found}"));
        } else if nobody {
            // `ping` is answered to anyone: only a command that is about data shows that a login is asked for.
            self.look_for(ADMIN, nobody).await?;
        }
        trace.begin(Phase::Query);
        let ping = rawdoc! { "ping": 1, "$db": database.unwrap_or(ADMIN) };
        self.met.conversation.ask(&ping).await?.map_err(|error| error.trouble())?;
        trace.note(Phase::Query, self.met.standing.as_str());
        trace.answered();
        Ok(())
    }

    /// Whether the server has the database, in words that follow its name. MongoDB makes databases when something
    /// is written, so one that is missing is no failure; and not every server or user may ask.
    async fn look_for(&mut self, database: &str, nobody: bool) -> Result<&'static str, Trouble> {
        let question = rawdoc! {
            "listDatabases": 1,
            "filter": { "name": database },
            "nameOnly": true,
            // Only those that the user may see: for them no privilege is needed.
            "authorizedDatabases": true,
            "$db": ADMIN,
            // A secondary answers too.
            "$readPreference": { "mode": "primaryPreferred" },
        };
        match self.met.conversation.ask(&question).await? {
            Ok(reply)
                if reply
                    .documents("databases")
                    .any(|found| found.get_str("name").is_ok_and(|name| name == database)) =>
            {
                Ok("")
            }
            Ok(_) => Ok(": not there yet, or not to be seen by this user"),
            Err(error) if error.asks_for_login() && nobody => {
                let message = "The server asks for a login, and the connection has no user name.";
                Err(Trouble::new(Cause::CredentialsMissing, message).at(Phase::Auth).code(error.code.to_string()))
            }
            Err(error) if error.is_not_for_us() => Ok(": the server does not let this user ask for it"),
            Err(error) => Err(error.trouble()),
        }
    }

    /// The server's version, where it tells.
    async fn version(&mut self) -> Option<String> {
        let reply = self.met.conversation.ask(&rawdoc! { "buildInfo": 1, "$db": ADMIN }).await.ok()?.ok()?;
        reply.text("version").map(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn atlas_speaks_by_an_alert() {
        let alert = || Trouble::new(Cause::TlsProtocolMismatch, "received fatal alert").code(tls::INTERNAL_ERROR);
        let found = judge_alert(alert(), "cluster0-shard-00-00.abcde.MongoDB.net.");
        assert_eq!((found.cause, found.also[0]), (Some(Cause::AccessRuleDenied), Cause::TlsProtocolMismatch));
        for host in ["db.example.org", "mongodb.net.example.org", "notmongodb.net"] {
            let found = judge_alert(alert(), host);
            assert_eq!((found.cause, found.also), (Some(Cause::TlsProtocolMismatch), vec![Cause::AccessRuleDenied]));
        }
        let other = judge_alert(Trouble::new(Cause::TlsCertExpired, "over").code("TLS_ALERT_45"), "a.mongodb.net");
        assert_eq!((other.cause, other.also), (Some(Cause::TlsCertExpired), vec![]));
    }
}
