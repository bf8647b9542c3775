//! Servers that mean harm: they are silent, slow, break off, flood, lie about lengths or ask for what they must
//! not get. Whatever they do, the attempt ends in time, sends no secret and leaves nothing open.

use std::{
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use mooring::{
    connections::{
        Provider,
        settings::{Settings, TlsMode},
    },
    diagnosis::StageKind,
    probe::{Cause, Phase, ProbeReport},
    server::{config::EgressPolicy, egress::Egress, providers},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time::{Instant, pause, sleep, timeout},
};

use super::{failure, found, probe};
use crate::support::{
    certificates::Authority,
    postgres::{PostgresOptions, TargetPostgres},
};

/// A server that runs one script for each connection and keeps what it was sent.
pub(super) struct Hostile {
    pub port: u16,
    pub heard: Heard,
    accepting: JoinHandle<()>,
    talks: Arc<Mutex<Vec<JoinHandle<()>>>>,
}

/// All bytes that a client sent.
#[derive(Clone, Default)]
pub(super) struct Heard(Arc<Mutex<Vec<u8>>>);

impl Heard {
    fn bytes(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn contains(&self, secret: &str) -> bool {
        let heard = self.bytes();
        heard.windows(secret.len()).any(|window| window == secret.as_bytes())
    }
}

/// One connection of a client.
pub(super) struct Talk {
    pub stream: TcpStream,
    heard: Heard,
}

impl Talk {
    /// Reads once; false at the end.
    pub async fn hear(&mut self) -> bool {
        let mut bytes = [0; 4096];
        match self.stream.read(&mut bytes).await {
            Ok(0) | Err(_) => false,
            Ok(read) => {
                self.heard.bytes().extend_from_slice(&bytes[..read]);
                true
            }
        }
    }

    /// Reads once, and finds the nonce of a login by SCRAM: what follows `,r=` up to what cannot be in one.
    pub async fn hear_nonce(&mut self) -> String {
        let known = self.heard.bytes().len();
        self.hear().await;
        let fresh = String::from_utf8_lossy(self.heard.bytes().get(known..).unwrap_or_default()).into_owned();
        let (_, nonce) = fresh.split_once(",r=").expect("a login by SCRAM");
        // RFC 5802: any printable character but the comma.
        nonce.chars().take_while(|c| c.is_ascii_graphic() && *c != ',').collect()
    }

    /// A client that has hung up is no failure of the test.
    pub async fn say(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).await.is_ok()
    }
}

impl Hostile {
    pub async fn start<F>(script: impl Fn(Talk) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Option<Talk>> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let (heard, talks) = (Heard::default(), Arc::new(Mutex::new(Vec::new())));
        let accepting = tokio::spawn({
            let (heard, talks) = (heard.clone(), Arc::clone(&talks));
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    let run = script(Talk { stream, heard: heard.clone() });
                    let talk = tokio::spawn(async move {
                        // Whoever still has the stream waits for the client to close it.
                        if let Some(mut talk) = run.await {
                            while talk.hear().await {}
                        }
                    });
                    talks.lock().unwrap_or_else(PoisonError::into_inner).push(talk);
                }
            }
        });
        Self { port, heard, accepting, talks }
    }

    /// Waits until every connection is closed by the client, and says how many there were.
    async fn all_closed(self) -> usize {
        self.accepting.abort();
        let talks = std::mem::take(&mut *self.talks.lock().unwrap_or_else(PoisonError::into_inner));
        let count = talks.len();
        for talk in talks {
            timeout(Duration::from_secs(5), talk).await.expect("a connection was left open").expect("the script");
        }
        count
    }
}

pub(super) fn settings(port: u16) -> Settings {
    Settings { connect_timeout_ms: Some(2_000), ..super::settings(port) }
}

/// Probes, and checks what holds for every hostile server.
pub(super) async fn meet(server: Hostile, provider: Provider, settings: &Settings) -> ProbeReport {
    let started = Instant::now();
    let report = probe(provider, settings).await;
    assert!(started.elapsed() < Duration::from_millis(12_500), "it took {:?}", started.elapsed());
    assert!(!server.heard.contains("app-password"), "the password went over the wire");
    assert_eq!(server.all_closed().await, 1, "one connection for one attempt");
    report
}

// What PostgreSQL says.

fn pg(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).expect("a short body");
    [&[kind], &length.to_be_bytes()[..], body].concat()
}

fn pg_login(kind: u32, rest: &[u8]) -> Vec<u8> {
    pg(b'R', &[&kind.to_be_bytes()[..], rest].concat())
}

/// From the accepted login to the readiness for a query.
fn pg_ready() -> Vec<u8> {
    [pg_login(0, &[]), pg(b'S', b"server_version\x0015.0\0"), pg(b'K', &[0, 0, 0, 1, 0, 0, 0, 2]), pg(b'Z', b"I")]
        .concat()
}

// What MySQL says.

fn my(number: u8, body: &[u8]) -> Vec<u8> {
    let [a, b, c, _] = u32::try_from(body.len()).expect("a short body").to_le_bytes();
    [&[a, b, c, number], body].concat()
}

pub(super) fn my_greeting(plugin: &str) -> Vec<u8> {
    my_greeting_of("8.0.36", plugin)
}

fn my_greeting_of(version: &str, plugin: &str) -> Vec<u8> {
    let body = [
        b"\x0a".as_slice(),
        version.as_bytes(),
        b"\0\x01\0\0\0abcdefgh\0",
        // All capabilities but TLS.
        &[0xff, 0xf7, 45, 2, 0, 0xff, 0xc1, 21],
        &[0; 10],
        b"ijklmnopqrst\0",
        plugin.as_bytes(),
        &[0],
    ]
    .concat();
    my(0, &body)
}

const MY_OK: [u8; 7] = [0, 0, 0, 2, 0, 0, 0];

/// A server that says `opening` at once or after the client's first word, then only listens.
pub(super) async fn says(first: bool, opening: Vec<u8>) -> Hostile {
    Hostile::start(move |mut talk| {
        let opening = opening.clone();
        async move {
            if first || talk.hear().await {
                talk.say(&opening).await;
            }
            Some(talk)
        }
    })
    .await
}

#[tokio::test]
async fn silence_ends_with_the_time_for_connecting() {
    for (provider, tls, phase) in [
        (Provider::PostgreSql, TlsMode::Require, Phase::Tls),
        (Provider::PostgreSql, TlsMode::Disable, Phase::Auth),
        (Provider::MySql, TlsMode::Disable, Phase::Auth),
        (Provider::MySql, TlsMode::VerifyFull, Phase::Auth),
    ] {
        // Once the client has spoken, or waits, time flies.
        let server = Hostile::start(move |mut talk| async move {
            if provider == Provider::PostgreSql {
                talk.hear().await;
            }
            pause();
            Some(talk)
        })
        .await;
        let settings = Settings { tls: Some(tls), ..settings(server.port) };
        let report = meet(server, provider, &settings).await;
        assert_eq!(found(&report), (phase, Some("ETIMEDOUT"), Cause::ConnectTimeout), "{provider} {tls:?}");
        // What speaks in lines still waits for the end of one.
        assert_eq!(failure(&report).also_possible, [Cause::WrongProtocol], "{provider} {tls:?}");
        tokio::time::resume();
    }
}

/// As a pooler does whose server is down: it takes the login by itself.
#[tokio::test]
async fn silence_in_the_middle_of_a_login_is_a_poolers() {
    for (begun, phase) in [(pg_login(10, b"SCRAM-SHA-256\0\0"), Phase::Auth), (pg_login(0, &[]), Phase::Database)] {
        let server = Hostile::start(move |mut talk| {
            let begun = begun.clone();
            async move {
                talk.hear().await;
                talk.say(&begun).await;
                pause();
                Some(talk)
            }
        })
        .await;
        let settings = settings(server.port);
        let report = meet(server, Provider::PostgreSql, &settings).await;
        assert_eq!(found(&report), (phase, Some("ETIMEDOUT"), Cause::ConnectTimeout), "{report:?}");
        assert_eq!(failure(&report).also_possible, [Cause::Unreachable, Cause::TooManyConnections]);
        assert!(failure(&report).message.contains("pooler"), "{report:?}");
        tokio::time::resume();
    }
}

#[tokio::test]
async fn a_byte_a_second_ends_with_the_deadline() {
    let whole = |provider| match provider {
        Provider::MySql => my_greeting("mysql_native_password"),
        _ => pg_ready(),
    };
    for provider in [Provider::PostgreSql, Provider::MySql] {
        let server = Hostile::start(move |mut talk| async move {
            if provider == Provider::PostgreSql {
                talk.hear().await;
            }
            pause();
            for byte in whole(provider) {
                sleep(Duration::from_secs(1)).await;
                if !talk.say(&[byte]).await {
                    break;
                }
            }
            Some(talk)
        })
        .await;
        let settings = settings(server.port);
        let report = meet(server, provider, &settings).await;
        assert_eq!(failure(&report).cause, Cause::ConnectTimeout, "{provider}");
        tokio::time::resume();
    }
}

#[tokio::test]
async fn a_connection_cut_at_any_byte_is_a_reset() {
    for (provider, whole) in
        [(Provider::PostgreSql, pg_ready()), (Provider::MySql, my_greeting("mysql_native_password"))]
    {
        for cut in 0..whole.len() {
            for hard in [true, false] {
                let part = whole[..cut].to_vec();
                let server = Hostile::start(move |mut talk| {
                    let part = part.clone();
                    async move {
                        if provider == Provider::PostgreSql {
                            talk.hear().await;
                        }
                        talk.say(&part).await;
                        if hard {
                            talk.stream.set_zero_linger().expect("close by a reset");
                        }
                        None
                    }
                })
                .await;
                let settings = settings(server.port);
                let report = meet(server, provider, &settings).await;
                assert_eq!(failure(&report).cause, Cause::ConnectionReset, "{provider} at {cut}: {report:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_staged_probe_meets_a_cut_at_any_byte_with_the_same_calm() {
    let whole = pg_ready();
    for cut in 0..whole.len() {
        let part = whole[..cut].to_vec();
        let server = Hostile::start(move |mut talk| {
            let part = part.clone();
            async move {
                // "No TLS", to the look and to the attempt; the attempt alone goes on.
                if talk.hear().await && talk.say(b"N").await && talk.hear().await {
                    talk.say(&part).await;
                    talk.stream.set_zero_linger().expect("close by a reset");
                    return None;
                }
                Some(talk)
            }
        })
        .await;
        let settings = Settings { tls: Some(TlsMode::Prefer), ..settings(server.port) };
        let report = providers::diagnose(&Egress::new(EgressPolicy::SelfHosted), Provider::PostgreSql, &settings).await;
        let failure = report.failure.as_ref().expect("a failure");
        assert_eq!(failure.cause, Cause::ConnectionReset, "at {cut}: {report:?}");
        assert!(!server.heard.contains("app-password"));
        assert_eq!(server.all_closed().await, 2, "a look and an attempt");
    }
}

/// What speaks first may begin with the letter by which PostgreSQL answers that it has TLS, or that it has none.
#[tokio::test]
async fn a_letter_of_a_greeting_is_no_answer_about_tls() {
    let ssh = b"SSH-2.0-OpenSSH_9.2p1\r\n".to_vec();
    // Of a length whose first byte is an N.
    let longer = "8.0.36".len() + 78 - (my_greeting("mysql_native_password").len() - 4);
    let mysql = my_greeting_of(&"8".repeat(longer), "mysql_native_password");
    assert_eq!(mysql[0], b'N');
    for (opening, mode, name) in [
        (&ssh, TlsMode::Require, "SSH"),
        (&ssh, TlsMode::Prefer, "SSH"),
        (&mysql, TlsMode::Require, "MySQL"),
        (&mysql, TlsMode::Prefer, "MySQL"),
    ] {
        for letter_first in [false, true] {
            let opening = opening.clone();
            let start = || {
                let opening = opening.clone();
                Hostile::start(move |mut talk| {
                    let opening = opening.clone();
                    async move {
                        if letter_first {
                            talk.say(&opening[..1]).await;
                            talk.hear().await;
                            talk.say(&opening[1..]).await;
                        } else {
                            talk.say(&opening).await;
                        }
                        Some(talk)
                    }
                })
            };
            let server = start().await;
            let settings = Settings { tls: Some(mode), ..settings(server.port) };
            let report = meet(server, Provider::PostgreSql, &settings).await;
            assert_eq!(failure(&report).cause, Cause::WrongProtocol, "{name} {mode:?} {letter_first}: {report:?}");
            let server = start().await;
            let settings = Settings { port: server.port, ..settings };
            let staged =
                providers::diagnose(&Egress::new(EgressPolicy::SelfHosted), Provider::PostgreSql, &settings).await;
            let found = staged.failure.expect("a failure");
            assert_eq!(found.cause, Cause::WrongProtocol, "{name} {mode:?} {letter_first}: {found:?}");
            assert!(found.message.contains(name), "{}", found.message);
            assert!(!server.heard.contains("app"), "a user was named");
        }
    }
}

#[tokio::test]
async fn a_staged_probe_sends_no_login_to_what_is_no_database() {
    for (provider, first, opening) in [
        (Provider::PostgreSql, false, b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()),
        (Provider::MySql, true, b"SSH-2.0-OpenSSH_9.2p1\r\n".to_vec()),
    ] {
        let server = says(first, opening).await;
        let settings = settings(server.port);
        let report = providers::diagnose(&Egress::new(EgressPolicy::SelfHosted), provider, &settings).await;
        assert_eq!(report.failure.map(|failure| failure.cause), Some(Cause::WrongProtocol), "{provider}");
        assert!(report.stages.iter().all(|stage| stage.kind != StageKind::Login), "{provider}: {:?}", report.stages);
        assert!(!server.heard.contains("app"), "{provider}: a user was named");
        assert_eq!(server.all_closed().await, 1);
    }
}

/// A server that knows the password, from a login by it, may plant it wherever it is asked to speak.
#[tokio::test]
async fn a_password_that_a_server_says_back_is_masked_everywhere() {
    let version = "15.0 app-password";
    let ready = [
        pg_login(0, &[]),
        pg(b'S', format!("server_version\0{version}\0").as_bytes()),
        pg(b'K', &[0, 0, 0, 1, 0, 0, 0, 2]),
        pg(b'Z', b"I"),
    ]
    .concat();
    let postgres = Hostile::start(move |mut talk| {
        let ready = ready.clone();
        async move {
            talk.hear().await;
            talk.say(&ready).await;
            talk.hear().await;
            talk.say(&[pg(b'C', b"SELECT 1\0"), pg(b'Z', b"I")].concat()).await;
            Some(talk)
        }
    })
    .await;
    let mysql = Hostile::start(move |mut talk| async move {
        talk.say(&my_greeting_of(version, "mysql_native_password")).await;
        talk.hear().await;
        talk.say(&my(2, &MY_OK)).await;
        talk.hear().await;
        talk.say(&my(1, &MY_OK)).await;
        talk.hear().await;
        let (end, value) = ([0xfe, 0, 0, 2, 0], [&[17], version.as_bytes()].concat());
        let answer = [my(1, &[1]), my(2, b"a column"), my(3, &end), my(4, &value), my(5, &end)];
        talk.say(&answer.concat()).await;
        // The goodbye.
        talk.hear().await;
        None
    })
    .await;
    for (provider, server) in [(Provider::PostgreSql, postgres), (Provider::MySql, mysql)] {
        let settings = settings(server.port);
        let report = meet(server, provider, &settings).await;
        assert_eq!(report.failure, None, "{provider}");
        assert_eq!(report.server_version.as_deref(), Some("15.0 •••"), "{provider}");
    }

    // Its greeting, its refusal and its code, to a staged probe as well.
    let refusal = [
        my_greeting_of(version, "mysql_native_password"),
        my(2, b"\xff\x15\x04#28000app-password is not the password"),
    ];
    let server = says(true, refusal.concat()).await;
    let settings = settings(server.port);
    let report = providers::diagnose(&Egress::new(EgressPolicy::SelfHosted), Provider::MySql, &settings).await;
    assert!(report.failure.is_some());
    assert!(!format!("{report:?}").contains("app-password"), "{report:?}");
    let refused = pg(b'E', b"SFATAL\0Capp-password\0Mapp-password is wrong\0\0");
    let server = says(false, refused).await;
    let settings = Settings { port: server.port, ..settings };
    assert!(meet(server, Provider::PostgreSql, &settings).await.failure.is_some());
}

/// The names of a certificate are texts of the server too.
#[tokio::test]
async fn a_password_in_a_certificate_is_masked() {
    let certificate = Authority::new("app-password").issue(&["app-password", "db.example.org"], None);
    let server = TargetPostgres::start(&PostgresOptions { tls: Some(certificate), ..PostgresOptions::default() });
    let settings = Settings { tls: Some(TlsMode::Require), ..settings(server.port()) };
    let report = probe(Provider::PostgreSql, &settings).await;
    let leaf = &report.tls.as_ref().expect("TLS").chain[0];
    assert_eq!(leaf.names, ["•••", "db.example.org"]);
    assert!(leaf.issuer.contains("•••"), "{leaf:?}");
    let staged = providers::diagnose(&Egress::new(EgressPolicy::SelfHosted), Provider::PostgreSql, &settings).await;
    assert!(!format!("{staged:?}").contains("app-password"), "{staged:?}");
}

#[tokio::test]
async fn another_protocol_is_named() {
    for (provider, tls, first, opening, name) in [
        (Provider::PostgreSql, TlsMode::Disable, false, b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), "HTTP"),
        (Provider::PostgreSql, TlsMode::Require, false, b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), "HTTP"),
        (Provider::PostgreSql, TlsMode::Disable, true, my_greeting("mysql_native_password"), "MySQL"),
        (Provider::PostgreSql, TlsMode::Disable, false, b"\x15\x03\x01\0\x02\x02\x46".to_vec(), "TLS"),
        (Provider::PostgreSql, TlsMode::Disable, false, vec![0x5a; 200], "PostgreSQL"),
        (Provider::MySql, TlsMode::Disable, true, b"SSH-2.0-OpenSSH_9.2p1\r\n".to_vec(), "SSH"),
        (Provider::MySql, TlsMode::Disable, true, b"220 mail.example.org ESMTP\r\n".to_vec(), "SMTP"),
        (Provider::MySql, TlsMode::Disable, true, vec![0xff; 200], "MySQL"),
        (Provider::MySql, TlsMode::Disable, true, my(0, b"\x63garbage"), "MySQL"),
    ] {
        let server = says(first, opening.clone()).await;
        let settings = Settings { tls: Some(tls), ..settings(server.port) };
        let report = meet(server, provider, &settings).await;
        assert_eq!(failure(&report).cause, Cause::WrongProtocol, "{provider} {opening:?}");
        assert!(failure(&report).message.contains(name), "{name}: {}", failure(&report).message);
    }
}

#[tokio::test]
async fn lengths_and_floods_are_bounded() {
    let flood = |frame: Vec<u8>, opening: Vec<u8>| {
        Hostile::start(move |mut talk| {
            let (frame, opening) = (frame.clone(), opening.clone());
            async move {
                talk.hear().await;
                talk.say(&opening).await;
                while talk.say(&frame).await {}
                Some(talk)
            }
        })
    };
    for (name, opening, frame) in [
        ("a gigabyte of error", vec![], [&[b'E', 0x3f, 0xff, 0xff, 0xff][..], &[b'x'; 1024]].concat()),
        ("a negative length", vec![], vec![b'R', 0xff, 0xff, 0xff, 0xff, 0]),
        ("notices before the login", vec![], pg(b'N', &b"x".repeat(60_000))),
        ("parameters without end", pg_login(0, &[]), pg(b'S', b"a\0b\0")),
        ("rows without end", pg_ready(), pg(b'D', &[0; 6])),
    ] {
        let server = flood(frame, opening).await;
        let settings = settings(server.port);
        let report = meet(server, Provider::PostgreSql, &settings).await;
        assert_eq!(failure(&report).cause, Cause::WrongProtocol, "{name}: {report:?}");
    }
    for (name, opening) in [
        ("a packet of 16 MiB", [my_greeting("mysql_native_password"), vec![0xff, 0xff, 0xff, 2]].concat()),
        ("packets out of order", [my_greeting("mysql_native_password"), my(7, &MY_OK)].concat()),
        ("proofs without end", [my_greeting("caching_sha2_password"), flood_of_fast_logins()].concat()),
    ] {
        let server = says(true, opening).await;
        let settings = settings(server.port);
        let report = meet(server, Provider::MySql, &settings).await;
        assert_eq!(failure(&report).cause, Cause::WrongProtocol, "{name}: {report:?}");
    }
}

/// "The login is nearly done", a hundred times.
fn flood_of_fast_logins() -> Vec<u8> {
    (2..102).flat_map(|number| my(number, &[1, 3])).collect()
}

#[tokio::test]
async fn a_password_is_not_given_to_who_asks_for_it_in_the_clear() {
    for (name, opening) in [("PostgreSQL's clear text", pg_login(3, &[])), ("GSSAPI", pg_login(7, &[]))] {
        let server = says(false, opening).await;
        let settings = settings(server.port);
        let report = meet(server, Provider::PostgreSql, &settings).await;
        assert_eq!(found(&report), (Phase::Auth, None, Cause::AuthMethodUnsupported), "{name}");
    }
    for plugin in
        ["mysql_clear_password", "sha256_password", "client_ed25519", "dialog", "mysql_old_password", "\u{202e}x"]
    {
        let switch = [&[0xfe], plugin.as_bytes(), b"\0abcdefghijklmnopqrst\0"].concat();
        let server = says(true, [my_greeting("mysql_native_password"), my(2, &switch)].concat()).await;
        let settings = settings(server.port);
        let report = meet(server, Provider::MySql, &settings).await;
        assert_eq!(found(&report), (Phase::Auth, None, Cause::AuthMethodUnsupported), "{plugin}");
    }
    // "I do not know you yet; send the password, or ask for my key."
    let server = says(true, [my_greeting("caching_sha2_password"), my(2, &[1, 4])].concat()).await;
    let settings = settings(server.port);
    let report = meet(server, Provider::MySql, &settings).await;
    assert_eq!(found(&report), (Phase::Auth, None, Cause::AuthMethodUnsupported));
    assert_eq!(failure(&report).also_possible, [Cause::TlsRequired]);
}

#[tokio::test]
async fn scram_with_too_many_or_too_few_rounds_is_refused() {
    for rounds in ["1", "4000000000", "99999999999"] {
        let server = Hostile::start(move |mut talk| async move {
            talk.hear().await;
            talk.say(&pg_login(10, b"SCRAM-SHA-256\0\0")).await;
            talk.hear().await;
            talk.say(&pg_login(11, format!("r=whatever,s=c2FsdA==,i={rounds}").as_bytes())).await;
            Some(talk)
        })
        .await;
        let settings = settings(server.port);
        let report = meet(server, Provider::PostgreSql, &settings).await;
        assert_eq!(found(&report), (Phase::Auth, None, Cause::AuthMethodUnsupported), "{rounds}: {report:?}");
    }
}

/// It lets everyone in, or repeats another's login; either way it does not know the password.
#[tokio::test]
async fn a_server_that_cannot_prove_itself_is_no_healthy_one() {
    let unsigned = BASE64_STANDARD.encode([7; 32]);
    for (knows_the_nonce, last, says) in [
        (true, format!("v={unsigned}"), "without proving"),
        (false, String::new(), "another login"),
        (true, "nonsense".to_owned(), "not SCRAM's"),
    ] {
        let server = Hostile::start(move |mut talk| {
            let last = last.clone();
            async move {
                talk.hear().await;
                talk.say(&pg_login(10, b"SCRAM-SHA-256\0\0")).await;
                let nonce = talk.hear_nonce().await;
                let nonce = if knows_the_nonce { format!("{nonce}x") } else { "another".to_owned() };
                talk.say(&pg_login(11, format!("r={nonce},s=c2FsdA==,i=4096").as_bytes())).await;
                if knows_the_nonce {
                    talk.hear().await;
                    talk.say(&[pg_login(12, last.as_bytes()), pg_ready()].concat()).await;
                }
                Some(talk)
            }
        })
        .await;
        let settings = settings(server.port);
        let report = meet(server, Provider::PostgreSql, &settings).await;
        assert_eq!(found(&report), (Phase::Auth, None, Cause::WrongProtocol), "{says}: {report:?}");
        assert!(failure(&report).message.contains(says), "{report:?}");
    }
}

#[tokio::test]
async fn a_server_that_asks_for_a_file_gets_none() {
    let server = Hostile::start(|mut talk| async move {
        talk.say(&my_greeting("mysql_native_password")).await;
        talk.hear().await;
        talk.say(&my(2, &MY_OK)).await;
        talk.hear().await;
        talk.say(&my(1, &MY_OK)).await;
        talk.hear().await;
        talk.say(&my(1, b"\xfb/etc/passwd")).await;
        Some(talk)
    })
    .await;
    let settings = settings(server.port);
    let heard = server.heard.clone();
    let report = meet(server, Provider::MySql, &settings).await;
    assert_eq!(found(&report), (Phase::Query, None, Cause::WrongProtocol));
    assert!(failure(&report).message.contains("file"));
    assert!(!heard.contains("root:"));
}

#[tokio::test]
async fn errors_in_place_of_a_greeting_are_understood() {
    for (packet, code, cause) in [
        (&b"\xff\x10\x04Too many connections"[..], "1040", Cause::TooManyConnections),
        (b"\xff\x69\x04Host 'x' is blocked because of many connection errors", "1129", Cause::HostBlocked),
        (b"\xff\x6a\x04Host 'x' is not allowed to connect to this MySQL server", "1130", Cause::AccessRuleDenied),
    ] {
        let server = says(true, my(0, packet)).await;
        let settings = settings(server.port);
        let report = meet(server, Provider::MySql, &settings).await;
        assert_eq!(found(&report), (Phase::Auth, Some(code), cause));
    }
}
