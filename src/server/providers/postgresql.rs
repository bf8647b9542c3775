//! PostgreSQL and what speaks its protocol: `tokio-postgres` over a stream that we dialled, secured and watch.
//! The driver is given fields, never a URL, and nothing of our own environment.

use std::{
    convert::Infallible,
    error::Error,
    future::{Ready, ready},
    io,
    pin::pin,
    time::Duration,
};

use futures::future::{Either, select};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{timeout, timeout_at},
};
use tokio_postgres::{
    Client, Config, SimpleQueryMessage,
    config::{SslMode, SslNegotiation},
    tls::TlsConnect,
};

use super::{
    Attempt,
    guard::{Guard, Witness},
    staged::Greeting,
    tls,
    trace::Trace,
    trouble::Trouble,
    wire::{Wire, speaker},
};
use crate::{
    connections::settings::{Settings, TlsMode},
    diagnosis::Findings,
    probe::{Cause, Depth, Phase},
};

/// Asks whether the server speaks TLS.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
/// The answer of a server without TLS.
const NO_TLS: &[u8] = b"N";
/// How long a letter has to stand alone to be taken for the answer: what speaks first has sent the rest by then.
const ALONE: Duration = Duration::from_millis(50);
/// The health query. It reads a constant: nothing can be written by it, it needs no privilege, and as one
/// statement of the simple protocol it passes through every mode of a pooler, where a transaction or a
/// setting would not.
const HEALTH_QUERY: &str = "select 1";
/// Whether anyone but us and the hoster's own services did anything in this database in the last minutes. Without the right to see
/// what others do, nobody is seen: better that a database sleeps.
const OTHERS_AT_WORK: &str = "select exists (
    select from pg_stat_activity
     where backend_type = 'client backend'
       and datname = current_database()
       and pid <> pg_backend_pid()
       and application_name is distinct from 'mooring'
       and usename not in ('supabase_admin', 'supabase_auth_admin', 'supabase_storage_admin',
                           'supabase_replication_admin', 'supabase_read_only_user', 'cloud_admin', 'rdsadmin')
       and (state <> 'idle' or state_change > now() - interval '5 minutes'))";
/// The databases that take connections; enough of them to find one whose name is nearly right.
const DATABASES: &str = "select datname from pg_database where datallowconn and not datistemplate order by 1 limit 200";
/// One line of what the user may do; each part needs no privilege to ask.
const PRIVILEGES: &str = "
    select concat_ws(', ',
           case when rolsuper then 'superuser' else 'no superuser' end,
           case when has_database_privilege(current_database(), 'create') then 'may make schemas' end,
           case when pg_is_in_recovery() then 'standby: read-only'
                when current_setting('default_transaction_read_only') = 'on' then 'read-only by default'
                else 'may write' end)
      from pg_roles where rolname = current_user";
/// How the driver begins what it says of a login that it ends itself.
const AUTHENTICATION_ERROR: &str = "authentication error";
/// SQLSTATE of a login that is refused for another reason than the password.
const NOT_AUTHORIZED: &str = "28000";
/// A login that is done in this time was made by a server, or a pooler, that has time.
const PROMPT: Duration = Duration::from_millis(500);
/// How long the server may take to hear the goodbye.
const GOODBYE: Duration = Duration::from_secs(1);

/// What the driver is told of the settings.
pub(super) fn options(settings: &Settings, user: &str) -> Config {
    let mut config = Config::new();
    config.user(user).application_name("mooring");
    if let Some(database) = settings.database.as_deref().filter(|name| !name.is_empty()) {
        config.dbname(database);
    }
    if let Some(password) = &settings.password {
        config.password(password.reveal());
    }
    config
}

/// One attempt, from the name to the answer of the health query.
pub(super) async fn run(attempt: &Attempt<'_>, trace: &mut Trace) -> Result<(), Trouble> {
    let settings = attempt.settings;
    let user = attempt.username()?;
    let mut config = options(settings, user);
    let (stream, address) = attempt.dial(trace).await?;
    let mode = super::tls_mode(settings.tls, address.ip());
    let local = crate::server::egress::is_local(address.ip());
    let (wire, binding) = timeout_at(attempt.connect_deadline, secure(stream, attempt, mode, trace))
        .await
        .unwrap_or_else(|_| Err(silence(trace)))?;
    if attempt.depth == Depth::Surface {
        trace.answered();
        return Ok(());
    }
    if wire.is_tls() {
        // TLS is already there: the driver is to treat the stream as TLS and ask for nothing.
        config.ssl_mode(SslMode::Require).ssl_negotiation(SslNegotiation::Direct);
    } else {
        config.ssl_mode(SslMode::Disable);
    }

    trace.begin(Phase::Auth);
    let guard = Guard::new(wire, local, binding);
    let witness = guard.witness();
    trace.login = Some(witness.clone());
    let connected = config.connect_raw(guard, AsItIs).await;
    note_login(trace);
    let (client, mut connection) = connected.map_err(|error| {
        let mut trouble = explain(&witness, &error);
        // What refuses a password says so.
        let may_be_the_certificate = trace.asks_certificate
            && trouble.code.as_deref() == Some(NOT_AUTHORIZED)
            && !refused_by_rule_or_role(&witness);
        if !may_be_the_certificate {
            return trouble;
        }
        // The method is in order: the certificate names another user than the one who logs in.
        if trouble.message.contains("certificate authentication failed") {
            trouble.cause = Some(Cause::AccessRuleDenied);
        }
        tls::after_asking(trouble, settings, user)
    })?;
    let version = connection.parameter("server_version").map(str::to_owned);
    let standby = connection.parameter("in_hot_standby") == Some("on");
    trace.note(Phase::Database, settings.database.as_deref().unwrap_or(user));

    trace.begin(Phase::Query);
    // The connection is driven here and not in a task of its own: dropping the attempt drops it. Where it ends
    // before the answer, the reason is in its result and not in the client's.
    match select(pin!(client.simple_query(HEALTH_QUERY)), &mut connection).await {
        Either::Left((Ok(_), _)) => {}
        Either::Left((Err(error), _)) | Either::Right((Err(error), _)) => return Err(explain(&witness, &error)),
        Either::Right((Ok(()), _)) => return Err(closed()),
    }
    trace.note(Phase::Query, if standby { "answered by a standby" } else { "answered" });
    trace.server_version = version;
    trace.answered();
    if attempt.depth == Depth::Look
        && let Either::Left((Ok(rows), _)) =
            select(pin!(timeout(GOODBYE, client.simple_query(OTHERS_AT_WORK))), &mut connection).await
    {
        trace.others_at_work = rows.ok().map(|rows| says_true(&rows));
    }
    if attempt.depth == Depth::Staged {
        // What cannot be told is left out; the health query was answered.
        let inquiry = pin!(inquire(&client, &mut trace.findings));
        if let Ok(Either::Right(_)) = timeout(super::staged::INQUIRY, select(inquiry, &mut connection)).await {
            // The server has hung up, so there is nobody to say goodbye to.
            return Ok(());
        }
    }

    // With the client gone the connection says goodbye and closes.
    drop(client);
    let _ = timeout(GOODBYE, connection).await;
    Ok(())
}

/// How far the login came, which the driver does not tell.
fn note_login(trace: &mut Trace) {
    let Some((method, accepted)) = trace.login.as_ref().map(|witness| {
        let seen = witness.seen();
        (seen.method, seen.accepted)
    }) else {
        return;
    };
    trace.is_known |= method.is_some() || accepted.is_some();
    if let Some(accepted) = accepted {
        trace.note(Phase::Auth, method.unwrap_or("no password asked for"));
        trace.begin_at(Phase::Database, accepted);
    }
}

/// Nothing came before the time was over. What speaks in lines waits for the end of one, which no message of
/// PostgreSQL's has; what has answered in its protocol is no such server. A pooler takes logins by itself: it lets
/// its clients wait in the middle of one while it has no connection to the server yet, and for the first statement
/// while all its connections are given out.
pub(super) fn silence(trace: &mut Trace) -> Trouble {
    if trace.phase() == Some(Phase::Auth) {
        note_login(trace);
    }
    let phase = trace.phase().unwrap_or(Phase::Query);
    let mut trouble = super::out_of_time(phase);
    match phase {
        Phase::Tls if trace.tls.is_none() => trouble.also(&[Cause::WrongProtocol]),
        Phase::Auth if !trace.is_known => trouble.also(&[Cause::WrongProtocol]),
        Phase::Auth | Phase::Database => {
            if phase == Phase::Auth {
                "The server began the login, but did not finish it in time.".clone_into(&mut trouble.message);
            }
            trouble.message.push_str(
                " A pooler before a server waits like this while that is down, cannot be reached, or has no \
                 connection left, and while the pooler is paused.",
            );
            trouble.also(&[Cause::Unreachable, Cause::TooManyConnections])
        }
        Phase::Query => {
            let login = trace.took(Phase::Auth) + trace.took(Phase::Database);
            if login < PROMPT {
                let told = format!(
                    " Login and database took {} ms, so the server is not slow: a pooler before it may have no \
                     connection left, or the query waits for a lock.",
                    login.as_millis()
                );
                trouble.message.push_str(&told);
            }
            trouble.also(&[Cause::TooManyConnections, Cause::PoolExhausted])
        }
        _ => trouble,
    }
}

/// Asks which databases exist and what the user may do in this one.
async fn inquire(client: &Client, findings: &mut Findings) {
    if let Some(names) = first_columns(client, DATABASES).await {
        findings.databases = names;
    }
    findings.privileges = first_columns(client, PRIVILEGES).await.and_then(|rows| rows.into_iter().next());
}

/// The first column of an answer; none where the question was refused.
async fn first_columns(client: &Client, sql: &str) -> Option<Vec<String>> {
    let messages = client.simple_query(sql).await.ok()?;
    let rows = messages.into_iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    });
    Some(rows.collect())
}

/// Negotiates TLS as the mode asks.
async fn secure(
    mut stream: TcpStream,
    attempt: &Attempt<'_>,
    mode: TlsMode,
    trace: &mut Trace,
) -> Result<(Wire, Option<Vec<u8>>), Trouble> {
    if mode == TlsMode::Disable {
        return Ok((Wire::Clear(stream), None));
    }
    trace.begin(Phase::Tls);
    let offers_tls = offers_tls(&mut stream).await?;
    // One letter and no more: lines and greetings are longer.
    trace.is_known = true;
    match offers_tls {
        true => {
            let (facts, secured) = tls::handshake(stream, attempt.settings, &attempt.settings.host, mode).await;
            super::note_tls(trace, facts);
            let secured = secured.map_err(|refused| refused.trouble)?;
            trace.asks_certificate = secured.asks_certificate;
            Ok((Wire::Tls(secured.stream), secured.binding))
        }
        false if mode == TlsMode::Prefer => {
            trace.note(Phase::Tls, "the server has none");
            Ok((Wire::Clear(stream), None))
        }
        false => {
            // Whoever believes it may turn TLS off: that is worth a moment.
            let refusal = [NO_TLS, &further(&mut stream, ALONE).await].concat();
            judge_letter(&refusal)?;
            Err(Trouble::new(Cause::TlsNotSupported, "The server has no TLS, and the settings insist on it."))
        }
    }
}

/// Asks whether the server speaks TLS, which tells whether it speaks PostgreSQL's protocol at all: it answers with
/// one letter and waits.
async fn offers_tls(stream: &mut TcpStream) -> Result<bool, Trouble> {
    let mut answer = [0];
    let asked = async {
        stream.write_all(&SSL_REQUEST).await?;
        stream.read_exact(&mut answer).await
    };
    asked.await.map_err(|error| Trouble::from_io(&error))?;
    if answer == *b"E" {
        // A server that cannot even ask: before TLS, errors come as they did in protocol 2.
        return Err(early_error(stream).await);
    }
    // What else is there already tells who speaks; what is sent in the clear before TLS is not to be taken for more.
    let mut opening = answer.to_vec();
    let mut rest = [0; 64];
    if let Ok(read) = stream.try_read(&mut rest) {
        opening.extend_from_slice(rest.get(..read).unwrap_or_default());
    }
    judge_letter(&opening)
}

/// Reads the answer to the question for TLS: a letter by itself. A greeting of SSH begins with an S, one of MySQL
/// may begin with an N.
fn judge_letter(opening: &[u8]) -> Result<bool, Trouble> {
    match opening {
        b"S" => Ok(true),
        NO_TLS => Ok(false),
        _ => Err(foreign(opening)),
    }
}

fn foreign(opening: &[u8]) -> Trouble {
    let who = speaker(opening).map(|name| format!(", but {name}")).unwrap_or_default();
    Trouble::new(Cause::WrongProtocol, format!("The server does not speak PostgreSQL's protocol{who}."))
}

/// What comes within `patience` and was not asked for.
async fn further(stream: &mut TcpStream, patience: Duration) -> Vec<u8> {
    let mut bytes = vec![0; 64];
    // An end without a word is none.
    let read = timeout(patience, stream.read(&mut bytes)).await;
    bytes.truncate(read.ok().and_then(Result::ok).unwrap_or_default());
    bytes
}

/// What speaks there, for a staged probe. The server takes the question for TLS and the end after it as a
/// client that thought better of it.
pub(super) async fn greet(mut stream: TcpStream) -> Result<Greeting, Trouble> {
    let offers_tls = offers_tls(&mut stream).await?;
    let letter: &[u8] = if offers_tls { b"S" } else { NO_TLS };
    judge_letter(&[letter, &further(&mut stream, ALONE).await].concat())?;
    Ok(Greeting { speaks: "PostgreSQL".to_owned(), offers_tls: Some(offers_tls) })
}

/// The text of an error that came in place of an answer to the question for TLS.
async fn early_error(stream: &mut TcpStream) -> Trouble {
    let mut text = [0; 512];
    let read = stream.read(&mut text).await.unwrap_or_default();
    let text = text.get(..read).unwrap_or_default();
    let opening = [b"E", text].concat();
    if speaker(&opening) == Some("MySQL") {
        return foreign(&opening);
    }
    let text = String::from_utf8_lossy(text);
    let message = text.split('\0').filter(|part| part.chars().count() > 3).collect::<Vec<_>>().join(" ");
    Trouble { message, ..Trouble::default() }
}

/// What the driver's error comes from: the guard's refusal, the server's error, or the stream's.
fn explain(witness: &Witness, error: &tokio_postgres::Error) -> Trouble {
    let seen = witness.seen();
    if let Some(refusal) = &seen.refusal {
        return refusal.trouble();
    }
    if let Some(error) = seen.error.clone() {
        return Trouble::from(error);
    }
    let is_login = error.to_string().contains(AUTHENTICATION_ERROR);
    let mut source: Option<&(dyn Error + 'static)> = error.source();
    while let Some(next) = source {
        if let Some(error) = next.downcast_ref::<io::Error>() {
            return if is_login { unproven(error) } else { Trouble::from_io(error) };
        }
        source = next.source();
    }
    if error.is_closed() {
        return closed();
    }
    let message = chain(error);
    if message.contains("password missing") {
        return Trouble::new(Cause::CredentialsMissing, "The server asks for a password, and none is stored.");
    }
    if message.contains("unexpected message") {
        return Trouble::new(Cause::WrongProtocol, "The server's answer is not one of PostgreSQL's.");
    }
    if message.contains("invalid server") || message.contains("channel binding") || message.contains("SASL") {
        return Trouble::new(Cause::AuthMethodUnsupported, message);
    }
    Trouble { message, ..Trouble::default() }
}

/// Whether an access rule or the role itself refused the login, in whatever language: no translation changes the
/// name of the rules' file, or of the routine.
fn refused_by_rule_or_role(witness: &Witness) -> bool {
    witness.seen().error.as_ref().is_some_and(|error| {
        error.message.contains("pg_hba.conf") || error.routine.as_deref() == Some("InitializeSessionUserId")
    })
}

/// What the driver's SCRAM objects to in the server's answers. A login that the server took all the same is none: it
/// has to prove that it knows the password too.
fn unproven(error: &io::Error) -> Trouble {
    let said = error.to_string();
    let message = if said.contains("verification") {
        "The server accepted the login without proving that it knows the password: it may be posing as another."
    } else if said.contains("nonce") {
        "The server's answer belongs to another login than this one: it may be posing as another."
    } else {
        "The server's answer to the login is not SCRAM's."
    };
    Trouble::new(Cause::WrongProtocol, message).also(&[Cause::AuthMethodUnsupported]).at(Phase::Auth)
}

/// Whether the one value of an answer is true.
fn says_true(rows: &[SimpleQueryMessage]) -> bool {
    rows.iter().any(|row| matches!(row, SimpleQueryMessage::Row(row) if row.get(0) == Some("t")))
}

/// The stream ended where an answer was due.
fn closed() -> Trouble {
    Trouble::from_io(&io::ErrorKind::UnexpectedEof.into())
}

/// An error with its sources on one line.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(next) = source {
        let more = next.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        source = next.source();
    }
    text
}

/// Hands the driver the stream as it is.
struct AsItIs;

impl TlsConnect<Guard> for AsItIs {
    type Stream = Guard;
    type Error = Infallible;
    type Future = Ready<Result<Guard, Infallible>>;

    fn connect(self, stream: Guard) -> Self::Future {
        ready(Ok(stream))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::tests::from_form, *};
    use crate::connections::Provider;

    #[test]
    fn the_answer_to_the_question_for_tls_is_a_letter_alone() {
        for (opening, offers) in [(&b"S"[..], true), (b"N", false)] {
            assert_eq!(judge_letter(opening).ok(), Some(offers));
        }
        for (opening, name) in [
            (&b"SSH-2.0-OpenSSH_9.2p1\r\n"[..], "SSH"),
            (b"N\0\0\0\x0a5.5.5-10.11.6-MariaDB", "MySQL"),
            (b"HTTP/1.1 400", "HTTP"),
            (b"NO", "PostgreSQL's protocol."),
        ] {
            let trouble = judge_letter(opening).expect_err(name);
            assert_eq!(trouble.cause, Some(Cause::WrongProtocol));
            assert!(trouble.message.contains(name), "{}", trouble.message);
        }
    }

    #[test]
    fn silence_is_told_by_what_was_heard_before_it() {
        let now = tokio::time::Instant::now();
        let another = &[Cause::WrongProtocol][..];
        let pooler = &[Cause::Unreachable, Cause::TooManyConnections][..];
        for (is_known, method, accepted, phase, also) in [
            (false, None, None, Phase::Auth, another),
            // A letter in answer to the question for TLS.
            (true, None, None, Phase::Auth, pooler),
            (false, Some("SCRAM"), None, Phase::Auth, pooler),
            (false, Some("SCRAM"), Some(now), Phase::Database, pooler),
            (false, None, Some(now), Phase::Database, pooler),
        ] {
            let mut trace = Trace::new();
            trace.begin(Phase::Auth);
            trace.is_known = is_known;
            let witness = Witness::default();
            (witness.seen().method, witness.seen().accepted) = (method, accepted);
            trace.login = Some(witness);
            let trouble = silence(&mut trace);
            assert_eq!((trouble.cause, trouble.phase), (Some(Cause::ConnectTimeout), Some(phase)), "{method:?}");
            assert_eq!(trouble.also, also, "{method:?}");
            assert_eq!(trouble.message.contains("pooler"), also == pooler, "{}", trouble.message);
        }
    }

    proptest! {
        #[test]
        fn what_is_typed_is_what_the_driver_is_given(typed in from_form::typed(Provider::PostgreSql)) {
            for settings in typed.arrived() {
                prop_assert_eq!(&settings.host, &typed.host);
                let options = options(&settings, settings.username.as_deref().unwrap_or_default());
                prop_assert_eq!(options.get_user(), Some(typed.username.as_str()));
                prop_assert_eq!(options.get_password(), Some(typed.password.as_bytes()));
                prop_assert_eq!(options.get_dbname(), Some("shop"));
            }
        }
    }
}
