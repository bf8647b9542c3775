//! Servers that mean harm and speak MongoDB's protocol, or something like it; what holds for every hostile server
//! is checked in [`meet`].

use bson::{Binary, RawDocumentBuf, rawdoc, spec::BinarySubtype};
use mooring::{
    connections::{
        Provider,
        settings::{AuthMechanism, MongoDb, Settings, Special, TlsMode},
    },
    probe::{Cause, Phase, ProbeReport},
};
use tokio::time::{Duration, pause, resume, sleep};

use super::{
    failure, found,
    hostile::{Hostile, meet, my_greeting, says, settings as any_settings},
};

const OP_REPLY: i32 = 1;
const OP_COMPRESSED: i32 = 2012;
const OP_MSG: i32 = 2013;

/// Settings that log in by SHA-256 without asking for the user's mechanisms.
fn settings(port: u16) -> Settings {
    let special = MongoDb { auth_mechanism: Some(AuthMechanism::ScramSha256), ..MongoDb::default() };
    Settings { special: Special::MongoDb(special), ..any_settings(port) }
}

/// Settings without a login.
fn nobody(port: u16) -> Settings {
    Settings { username: None, password: None, special: Special::MongoDb(MongoDb::default()), ..any_settings(port) }
}

async fn met(server: Hostile, settings: &Settings) -> ProbeReport {
    meet(server, Provider::MongoDb, settings).await
}

/// A message of any kind.
fn frame(answers: i32, kind: i32, body: &[u8]) -> Vec<u8> {
    let length = i32::try_from(body.len() + 16).expect("a short body");
    let header: Vec<u8> = [length, 1_000, answers, kind].iter().flat_map(|word| word.to_le_bytes()).collect();
    [&header, body].concat()
}

/// The answer to the client's message with this number; a client counts from one.
fn answer(number: i32, document: &RawDocumentBuf) -> Vec<u8> {
    frame(number, OP_MSG, &[&[0; 5], document.as_bytes()].concat())
}

fn hello() -> RawDocumentBuf {
    rawdoc! { "isWritablePrimary": true, "setName": "rs0", "maxWireVersion": 21, "ok": 1.0 }
}

fn ok() -> RawDocumentBuf {
    rawdoc! { "ok": 1.0 }
}

fn challenge(text: &str) -> RawDocumentBuf {
    let payload = Binary { subtype: BinarySubtype::Generic, bytes: text.as_bytes().to_vec() };
    rawdoc! { "conversationId": 1, "done": false, "payload": payload, "ok": 1.0 }
}

/// A server that gives these answers, one for each of the client's messages.
async fn answers(answers: Vec<Vec<u8>>) -> Hostile {
    Hostile::start(move |mut talk| {
        let answers = answers.clone();
        async move {
            for answer in answers {
                if !talk.hear().await || !talk.say(&answer).await {
                    break;
                }
            }
            Some(talk)
        }
    })
    .await
}

#[tokio::test]
async fn silence_ends_with_the_time_for_connecting() {
    for (tls, phase, spoken) in [
        (TlsMode::Disable, Phase::Auth, false),
        (TlsMode::VerifyFull, Phase::Tls, false),
        // Silence after the first answer ends with the deadline of the whole.
        (TlsMode::Disable, Phase::Auth, true),
    ] {
        // Once the client has spoken, or waits, time flies.
        let server = Hostile::start(move |mut talk| async move {
            talk.hear().await;
            if spoken {
                talk.say(&answer(1, &hello())).await;
                talk.hear().await;
            }
            pause();
            Some(talk)
        })
        .await;
        let settings = Settings { tls: Some(tls), ..settings(server.port) };
        let report = met(server, &settings).await;
        assert_eq!(found(&report), (phase, Some("ETIMEDOUT"), Cause::ConnectTimeout), "{tls:?} {spoken}");
        resume();
    }
}

#[tokio::test]
async fn a_byte_a_second_ends_with_the_time_for_connecting() {
    let server = Hostile::start(move |mut talk| async move {
        talk.hear().await;
        pause();
        for byte in answer(1, &hello()) {
            sleep(Duration::from_secs(1)).await;
            if !talk.say(&[byte]).await {
                break;
            }
        }
        Some(talk)
    })
    .await;
    let settings = settings(server.port);
    let report = met(server, &settings).await;
    assert_eq!(found(&report), (Phase::Auth, Some("ETIMEDOUT"), Cause::ConnectTimeout));
    resume();
}

#[tokio::test]
async fn a_connection_cut_at_any_byte_is_a_reset() {
    let whole = answer(1, &hello());
    for cut in 0..=whole.len() {
        for hard in [true, false] {
            let part = whole[..cut].to_vec();
            let server = Hostile::start(move |mut talk| {
                let part = part.clone();
                async move {
                    talk.hear().await;
                    talk.say(&part).await;
                    if hard {
                        talk.stream.set_zero_linger().expect("close by a reset");
                    }
                    None
                }
            })
            .await;
            let settings = settings(server.port);
            let report = met(server, &settings).await;
            assert_eq!(failure(&report).cause, Cause::ConnectionReset, "at {cut}: {report:?}");
            if cut < whole.len() {
                assert!(failure(&report).also_possible.contains(&Cause::TlsRequired), "at {cut}: {report:?}");
            }
        }
    }
}

#[tokio::test]
async fn another_protocol_is_named() {
    for (first, opening, name) in [
        (false, b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), "HTTP"),
        (true, b"SSH-2.0-OpenSSH_9.2p1\r\n".to_vec(), "SSH"),
        (true, my_greeting("mysql_native_password"), "MySQL"),
        (false, b"E\0\0\0\x60SFATAL\0VFATAL\0C0A000\0Munsupported frontend protocol\0\0".to_vec(), "PostgreSQL"),
        (false, b"-ERR unknown command\r\n".to_vec(), "Redis"),
        (false, vec![0xff; 200], "MongoDB"),
        (false, vec![0x5a; 200], "MongoDB"),
        (false, frame(1, OP_REPLY, &[0; 40]), "MongoDB"),
    ] {
        let server = says(first, opening.clone()).await;
        let settings = settings(server.port);
        let report = met(server, &settings).await;
        assert_eq!(found(&report), (Phase::Auth, None, Cause::WrongProtocol), "{opening:?}");
        assert!(failure(&report).message.contains(name), "{name}: {}", failure(&report).message);
    }
    // An alert in answer to what was no TLS: the server wants TLS.
    let server = says(false, b"\x15\x03\x01\0\x02\x02\x46".to_vec()).await;
    let settings = settings(server.port);
    assert_eq!(found(&met(server, &settings).await), (Phase::Auth, None, Cause::TlsRequired));
}

#[tokio::test]
async fn an_alert_of_unknown_reason_may_be_an_access_list() {
    let server = says(false, b"\x15\x03\x03\0\x02\x02\x50".to_vec()).await;
    let settings = Settings { tls: Some(TlsMode::Require), ..settings(server.port) };
    let report = met(server, &settings).await;
    assert_eq!(found(&report), (Phase::Tls, Some("TLS_ALERT_80"), Cause::TlsProtocolMismatch));
    assert_eq!(failure(&report).also_possible, [Cause::AccessRuleDenied]);
}

#[tokio::test]
async fn answers_that_were_not_asked_for_end_the_connection() {
    let lie = |length: i32| [&length.to_le_bytes()[..], &[0; 12], &OP_MSG.to_le_bytes(), &[0; 64]].concat();
    let more_to_come = frame(1, OP_MSG, &[&[2, 0, 0, 0, 0], hello().as_bytes()].concat());
    let mut deep = ok();
    for _ in 0..1_500 {
        deep = rawdoc! { "d": deep, "ok": 1 };
    }
    let mut long = hello();
    long.append(bson::raw::cstr!("x"), "y".repeat(70_000));
    let mut short = answer(1, &hello());
    // The document says that it is longer than the message.
    short[21] = 0xff;
    for (name, first) in [
        ("a negative length", lie(-1)),
        ("two gigabytes", lie(i32::MAX)),
        ("shorter than its header", lie(15)),
        ("nothing but a header", lie(16)),
        ("an answer to another question", answer(7, &hello())),
        ("an answer to none", answer(0, &hello())),
        ("compressed", frame(1, OP_COMPRESSED, &[0; 40])),
        ("more to come", more_to_come.repeat(50)),
        ("too long", answer(1, &long)),
        ("a document longer than its message", short),
        ("no document", frame(1, OP_MSG, &[0; 5])),
        ("no ok", answer(1, &rawdoc! { "isWritablePrimary": true })),
    ] {
        let server = says(false, first).await;
        let settings = settings(server.port);
        let report = met(server, &settings).await;
        assert_eq!(found(&report), (Phase::Auth, None, Cause::WrongProtocol), "{name}: {report:?}");
    }
    // Depth is not gone into.
    let server = answers(vec![answer(1, &deep), answer(2, &ok()), answer(3, &ok()), answer(4, &deep)]).await;
    let settings = nobody(server.port);
    assert!(met(server, &settings).await.succeeded());
}

#[tokio::test]
async fn a_liar_gets_no_login() {
    let hello = || answer(1, &hello());
    let nonce_of_another = "r=whatever,s=c2FsdA==,i=4096";
    for (name, answers_to_come, cause) in [
        ("a nonce of another", vec![answer(2, &challenge(nonce_of_another))], Cause::WrongProtocol),
        ("no challenge", vec![answer(2, &ok())], Cause::WrongProtocol),
        ("done at once", vec![answer(2, &rawdoc! { "done": true, "ok": 1.0 })], Cause::WrongProtocol),
        (
            "an error",
            vec![answer(2, &rawdoc! { "ok": 0.0, "code": 334, "errmsg": "no" })],
            Cause::AuthMethodUnsupported,
        ),
        ("an error without a word", vec![answer(2, &rawdoc! { "ok": 0.0 })], Cause::Unknown),
    ] {
        let server = answers([vec![hello()], answers_to_come].concat()).await;
        let settings = settings(server.port);
        let report = met(server, &settings).await;
        let failure = failure(&report);
        assert_eq!((failure.phase, failure.cause), (Phase::Auth, cause), "{name}: {report:?}");
    }
}

/// A server that takes up the client's nonce and then goes on as it likes: with these rounds, and this last message.
async fn scram(rounds: &'static str, last: RawDocumentBuf) -> Hostile {
    Hostile::start(move |mut talk| {
        let last = last.clone();
        async move {
            talk.hear().await;
            talk.say(&answer(1, &hello())).await;
            let nonce = talk.hear_nonce().await;
            talk.say(&answer(2, &challenge(&format!("r={nonce}mine,s=c2FsdHNhbHQ=,i={rounds}")))).await;
            talk.hear().await;
            talk.say(&answer(3, &last)).await;
            for number in 4..50 {
                if !talk.hear().await || !talk.say(&answer(number, &challenge(""))).await {
                    break;
                }
            }
            Some(talk)
        }
    })
    .await
}

#[tokio::test]
async fn scram_with_too_many_or_too_few_rounds_is_refused() {
    for rounds in ["1", "4095", "100001", "4000000000", "99999999999"] {
        let server = scram(rounds, ok()).await;
        let settings = settings(server.port);
        let report = met(server, &settings).await;
        assert_eq!(found(&report), (Phase::Auth, None, Cause::AuthMethodUnsupported), "{rounds}: {report:?}");
    }
}

#[tokio::test]
async fn a_server_that_cannot_prove_itself_is_not_believed() {
    let mut done = challenge("v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    done.append(bson::raw::cstr!("done"), true);
    for last in [done, challenge("v="), challenge(""), challenge("e=other-error"), rawdoc! { "done": true, "ok": 1.0 }]
    {
        let server = scram("4096", last).await;
        let settings = settings(server.port);
        let report = met(server, &settings).await;
        assert_eq!(found(&report), (Phase::Auth, None, Cause::WrongProtocol), "{report:?}");
        assert!(failure(&report).message.contains("proving"), "{report:?}");
    }
}

#[tokio::test]
async fn members_that_a_server_names_are_judged_and_never_dialled() {
    let trap = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let at = trap.local_addr().expect("its address").to_string();
    for (name, hello, cause) in [
        (
            "a secondary",
            rawdoc! { "secondary": true, "setName": "rs0", "primary": at.as_str(), "hosts": [at.as_str()], "ok": 1 },
            None,
        ),
        (
            "no primary",
            rawdoc! { "secondary": true, "setName": "rs0", "hosts": [at.as_str()], "ok": 1 },
            Some(Cause::NotPrimary),
        ),
        (
            "in no service",
            rawdoc! { "setName": "rs0", "hosts": [at.as_str()], "me": at.as_str(), "ok": 1 },
            Some(Cause::NotPrimary),
        ),
        ("not initiated", rawdoc! { "isreplicaset": true, "ok": 1 }, Some(Cause::NotPrimary)),
    ] {
        let server = answers(vec![answer(1, &hello), answer(2, &ok()), answer(3, &ok()), answer(4, &ok())]).await;
        let settings = nobody(server.port);
        let report = met(server, &settings).await;
        assert_eq!(report.failure.as_ref().map(|failure| failure.cause), cause, "{name}: {report:?}");
        let direct = MongoDb { direct_connection: Some(true), ..MongoDb::default() };
        let server = answers(vec![answer(1, &hello), answer(2, &ok()), answer(3, &ok()), answer(4, &ok())]).await;
        let settings = Settings { special: Special::MongoDb(direct), ..nobody(server.port) };
        let report = met(server, &settings).await;
        assert_eq!(report.succeeded(), name != "not initiated", "{name}: {report:?}");
    }
    let knocked = tokio::time::timeout(Duration::from_millis(50), trap.accept()).await;
    assert!(knocked.is_err(), "a member that a server named was dialled");
}

#[tokio::test]
async fn the_older_name_of_the_first_question_is_tried_on_the_same_connection() {
    let unknown = |number| answer(number, &rawdoc! { "ok": 0.0, "code": 59, "codeName": "CommandNotFound" });
    let older = rawdoc! { "ismaster": true, "ok": 1.0 };
    let server = answers(vec![unknown(1), answer(2, &older), answer(3, &ok()), answer(4, &ok()), unknown(5)]).await;
    let settings = nobody(server.port);
    let report = met(server, &settings).await;
    assert!(report.succeeded() && report.server_version.is_none(), "{report:?}");
    let server = answers(vec![unknown(1), unknown(2)]).await;
    let settings = nobody(server.port);
    assert_eq!(found(&met(server, &settings).await), (Phase::Auth, None, Cause::DriverServerIncompatible));
}

#[tokio::test]
async fn what_comes_after_the_answer_makes_no_failure() {
    // The version is never told and the goodbye not heard.
    let server = Hostile::start(|mut talk| async move {
        for number in 1..=3 {
            talk.hear().await;
            talk.say(&answer(number, &if number == 1 { hello() } else { ok() })).await;
        }
        talk.hear().await;
        pause();
        Some(talk)
    })
    .await;
    let settings = nobody(server.port);
    let report = met(server, &settings).await;
    assert!(report.succeeded() && report.server_version.is_none(), "{report:?}");
    resume();
}
