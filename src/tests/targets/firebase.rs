//! Firebase's stand-in, in order and with each thing that the real one documents to go wrong.

use std::{sync::OnceLock, time::Duration};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use mooring::{
    connections::{
        Provider,
        settings::{Firebase, Secret, Settings, Special, TlsMode},
    },
    probe::{Cause, Outcome, Phase, ProbeReport},
    server::{
        clock::{Clock, SystemClock},
        config::EgressPolicy,
        egress::Egress,
    },
};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, RsaPublicKeyComponents};
use rustls::pki_types::{PrivatePkcs8KeyDer, pem::PemObject};
use serde_json::{Value, json};
use tokio::time::{Instant, pause, resume};

use super::{failure, found, none_left};
use crate::support::hosted::{Asked, Reply, StandIn, date, json as answer, page};

/// A key that was made for these tests and opens nothing.
const KEY: &str = include_str!("../support/service_account_key.pem");
const EMAIL: &str = "mooring@shop-1.iam.gserviceaccount.com";
const API_KEY: &str = "AIzaSyTestTestTestTestTestTestTestTest0";
const TOKEN: &str = "ya29.test-token-that-nobody-may-see";
const TOKEN_HOST: &str = "oauth2.googleapis.com";
const FIRESTORE: &str = "firestore.googleapis.com";
const REALTIME: &str = "shop-1-default-rtdb.firebaseio.com";
const NAMES: [&str; 3] = [TOKEN_HOST, FIRESTORE, REALTIME];

fn service_account() -> Value {
    json!({
        "type": "service_account", "project_id": "shop-1", "private_key_id": "0123456789abcdef0123456789abcdef01234567",
        "private_key": KEY, "client_email": EMAIL, "token_uri": "https://oauth2.googleapis.com/token",
    })
}

fn settings(firebase: Firebase) -> Settings {
    Settings {
        host: String::new(),
        port: 0,
        username: None,
        password: None,
        tls: None,
        connect_timeout_ms: Some(2_000),
        special: Special::Firebase(Box::new(firebase)),
        ..super::settings(0)
    }
}

fn with_account() -> Firebase {
    Firebase { service_account: Some(Secret::new(service_account().to_string())), ..Firebase::default() }
}

fn with_key() -> Firebase {
    Firebase { project_id: Some("shop-1".to_owned()), api_key: Some(Secret::new(API_KEY)), ..Firebase::default() }
}

fn with_realtime(firebase: Firebase) -> Firebase {
    Firebase { database_url: Some(format!("https://{REALTIME}")), ..firebase }
}

/// Google's error.
fn refusal(status: u16, name: &str, message: &str, reason: Option<&str>) -> Reply {
    let details: Vec<Value> = reason
        .iter()
        .map(|reason| {
            json!({"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "googleapis.com"})
        })
        .collect();
    answer(status, &json!({"error": {"code": status, "message": message, "status": name, "details": details}}))
}

fn oauth(description: &str) -> Reply {
    answer(400, &json!({"error": "invalid_grant", "error_description": description}))
}

/// Whether the request for a token is signed with the key and within its time.
fn is_signed(asked: &Asked) -> bool {
    static PUBLIC: OnceLock<RsaPublicKeyComponents<Vec<u8>>> = OnceLock::new();
    let public = PUBLIC.get_or_init(|| {
        let der = PrivatePkcs8KeyDer::from_pem_slice(KEY.as_bytes()).expect("a key");
        RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).expect("an RSA key").public().into()
    });
    let assertion = asked.body.split_once("&assertion=").expect("an assertion").1;
    let (signed, signature) = assertion.rsplit_once('.').expect("a signature");
    let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).expect("base64");
    let claims = BASE64_URL_SAFE_NO_PAD.decode(signed.split_once('.').expect("claims").1).expect("base64");
    let claims: Value = serde_json::from_slice(&claims).expect("JSON");
    let now = SystemClock.now().seconds();
    let seconds = |name: &str| claims[name].as_i64().expect("seconds");
    public.verify(&RSA_PKCS1_2048_8192_SHA256, signed.as_bytes(), &signature).is_ok()
        && claims["iss"] == EMAIL
        && claims["aud"] == "https://oauth2.googleapis.com/token"
        && seconds("iat").abs_diff(now) < 60
        && seconds("exp") - seconds("iat") <= 3_600
}

/// What the real services answer where everything is in order.
fn google(asked: &Asked) -> Reply {
    let bearer = format!("Bearer {TOKEN}");
    match (asked.host.as_str(), asked.method.as_str()) {
        (TOKEN_HOST, "POST") if asked.target == "/token" && is_signed(asked) => {
            answer(200, &json!({"access_token": TOKEN, "expires_in": 3599, "token_type": "Bearer"}))
        }
        (TOKEN_HOST, _) => oauth("Invalid JWT Signature."),
        (FIRESTORE, "GET") if asked.header("authorization") == bearer => firestore(asked),
        (FIRESTORE, "GET") if asked.header("x-goog-api-key") == API_KEY => {
            refusal(403, "PERMISSION_DENIED", "Missing or insufficient permissions.", None)
        }
        (REALTIME, "GET") if asked.header("authorization") == bearer => answer(200, &Value::Null),
        (REALTIME, "GET") if asked.header("authorization").is_empty() => {
            answer(401, &json!({"error": "Permission denied"}))
        }
        _ => refusal(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.", None),
    }
}

fn firestore(asked: &Asked) -> Reply {
    const RECORD: &str = "/v1/projects/shop-1/databases/(default)";
    match asked.target.strip_prefix(RECORD) {
        Some("") => answer(200, &json!({"name": "x", "type": "FIRESTORE_NATIVE", "locationId": "eur3"})),
        Some("/documents?pageSize=1&mask.fieldPaths=__name__") => {
            answer(200, &json!({"documents": [{"name": "x"}], "nextPageToken": "y"}))
        }
        _ => refusal(404, "NOT_FOUND", "The database orders does not exist for project shop-1", None),
    }
}

/// Probes, and checks what holds for every report on a hosted provider.
async fn probe(server: &StandIn, egress: &Egress, firebase: Firebase) -> ProbeReport {
    let started = Instant::now();
    let report = super::probe_through(egress, Provider::Firebase, &settings(firebase)).await;
    assert!(started.elapsed() < Duration::from_millis(12_500), "it took {:?}", started.elapsed());
    none_left(|| async { server.open() }).await;
    for secret in [KEY, EMAIL, API_KEY, TOKEN, "0123456789abcdef0123456789abcdef01234567"] {
        assert!(!format!("{report:?}").contains(secret), "a secret is in {report:?}");
    }
    report
}

async fn probe_with(answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static, firebase: Firebase) -> ProbeReport {
    let server = StandIn::start(&NAMES, answer).await;
    let egress = server.egress(&NAMES);
    probe(&server, &egress, firebase).await
}

fn note(report: &ProbeReport, phase: Phase) -> &str {
    report.phase(phase).and_then(|result| result.detail.as_deref()).unwrap_or_default()
}

#[tokio::test]
async fn a_service_account_reads_all_phases_and_leaves_nothing() {
    let server = StandIn::start(&NAMES, google).await;
    let report = probe(&server, &server.egress(&NAMES), with_realtime(with_account())).await;
    assert!(report.succeeded(), "{report:?}");
    for phase in [Phase::Tcp, Phase::Tls, Phase::Auth, Phase::Database, Phase::Query] {
        assert!(
            report.phase(phase).is_some_and(|phase| phase.outcome == Outcome::Ok && phase.micros > 0),
            "{report:?}"
        );
    }
    assert_eq!(note(&report, Phase::Database), "Firestore in eur3");
    assert!(note(&report, Phase::Query).contains("Realtime Database answered"), "{report:?}");
    assert!(report.tls.as_ref().is_some_and(|tls| tls.verified));
    // One connection to each host: Firestore waits while the token is fetched, and nothing else is kept.
    assert_eq!(server.connections(), (3, 2));
    let asked = server.asked();
    assert!(asked.iter().all(|asked| asked.header("accept-encoding") == "identity"));
    assert_eq!(asked.iter().filter(|asked| asked.method != "GET").count(), 1, "only the token is posted");
    assert!(asked.iter().all(|asked| !asked.target.contains(TOKEN)), "a secret is in an address");
}

#[tokio::test]
async fn an_api_key_alone_shows_whether_the_project_is_reachable() {
    let report = probe_with(google, with_realtime(with_key())).await;
    assert!(report.succeeded(), "{report:?}");
    assert_eq!(note(&report, Phase::Query).matches("keep strangers out").count(), 2, "{report:?}");
    let open = probe_with(|_| answer(200, &json!({"documents": [{"name": "x"}]})), with_key()).await;
    assert!(note(&open, Phase::Query).contains("let anyone read"), "{open:?}");
    for (reply, place) in [
        (
            refusal(
                400,
                "INVALID_ARGUMENT",
                "API key not valid. Please pass a valid API key.",
                Some("API_KEY_INVALID"),
            ),
            (Phase::Auth, Some("API_KEY_INVALID"), Cause::InvalidApiKey),
        ),
        (
            refusal(403, "PERMISSION_DENIED", "Requests from this IP are blocked.", Some("API_KEY_IP_ADDRESS_BLOCKED")),
            (Phase::Auth, Some("API_KEY_IP_ADDRESS_BLOCKED"), Cause::AccessRuleDenied),
        ),
        (
            refusal(403, "PERMISSION_DENIED", "Cloud Firestore API has not been used.", Some("SERVICE_DISABLED")),
            (Phase::Query, Some("SERVICE_DISABLED"), Cause::ApiNotEnabled),
        ),
        (
            refusal(
                403,
                "PERMISSION_DENIED",
                "Permission denied on resource project shop-1.",
                Some("CONSUMER_INVALID"),
            ),
            (Phase::Query, Some("CONSUMER_INVALID"), Cause::ProjectNotFound),
        ),
        (
            refusal(404, "NOT_FOUND", "The database (default) does not exist for project shop-1", None),
            (Phase::Query, Some("NOT_FOUND"), Cause::DatabaseNotFound),
        ),
        (
            refusal(429, "RESOURCE_EXHAUSTED", "Quota exceeded.", None),
            (Phase::Query, Some("RESOURCE_EXHAUSTED"), Cause::QuotaExceeded),
        ),
    ] {
        let said = reply.clone();
        let report = probe_with(move |_| said.clone(), with_key()).await;
        assert_eq!(found(&report), place, "{reply:?}");
    }
}

#[tokio::test]
async fn refusals_of_a_service_account_have_their_cause_and_phase() {
    const FRAME: &str = "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. \
                         Check your iat and exp values in the JWT claim.";
    let denied = || refusal(403, "PERMISSION_DENIED", "Missing or insufficient permissions.", None);
    for (at, reply, place) in [
        (
            TOKEN_HOST,
            oauth("Invalid JWT Signature."),
            (Phase::Auth, Some("invalid_grant"), Cause::InvalidServiceAccount),
        ),
        (
            TOKEN_HOST,
            oauth("Invalid grant: account not found"),
            (Phase::Auth, Some("invalid_grant"), Cause::InvalidServiceAccount),
        ),
        (TOKEN_HOST, oauth(FRAME), (Phase::Auth, Some("invalid_grant"), Cause::ClockSkew)),
        (TOKEN_HOST, page(502, "Error 502 (Server Error)!!1"), (Phase::Auth, Some("HTTP 502"), Cause::Unreachable)),
        (TOKEN_HOST, Reply::HangUp, (Phase::Auth, Some("EOF"), Cause::ConnectionReset)),
        (FIRESTORE, denied(), (Phase::Auth, Some("PERMISSION_DENIED"), Cause::PermissionDenied)),
        (
            FIRESTORE,
            refusal(401, "UNAUTHENTICATED", "Request had invalid credentials.", Some("ACCESS_TOKEN_EXPIRED")),
            (Phase::Auth, Some("ACCESS_TOKEN_EXPIRED"), Cause::TokenExpired),
        ),
        (
            FIRESTORE,
            refusal(403, "PERMISSION_DENIED", "Cloud Firestore API has not been used.", Some("SERVICE_DISABLED")),
            (Phase::Database, Some("SERVICE_DISABLED"), Cause::ApiNotEnabled),
        ),
        (
            FIRESTORE,
            refusal(404, "NOT_FOUND", "The database (default) does not exist for project shop-1", None),
            (Phase::Database, Some("NOT_FOUND"), Cause::DatabaseNotFound),
        ),
        (
            FIRESTORE,
            answer(200, &json!({"type": "DATASTORE_MODE", "locationId": "eur3"})),
            (Phase::Database, Some("DATASTORE_MODE"), Cause::ApiNotEnabled),
        ),
        (
            FIRESTORE,
            refusal(429, "RESOURCE_EXHAUSTED", "Quota exceeded.", None),
            (Phase::Database, Some("RESOURCE_EXHAUSTED"), Cause::QuotaExceeded),
        ),
        (
            REALTIME,
            answer(404, &json!({"error": "404 Not Found"})),
            (Phase::Query, Some("HTTP 404"), Cause::DatabaseNotFound),
        ),
        (
            REALTIME,
            answer(423, &json!({"error": "The Firebase database 'x' has been deactivated."})),
            (Phase::Query, Some("HTTP 423"), Cause::ServicePaused),
        ),
        (
            REALTIME,
            answer(401, &json!({"error": "Auth token is expired"})),
            (Phase::Auth, Some("HTTP 401"), Cause::TokenExpired),
        ),
    ] {
        let said = reply.clone();
        let faulty = move |asked: &Asked| if asked.host == at { said.clone() } else { google(asked) };
        // With a Firestore that is named, its absence counts.
        let firebase = Firebase { database_id: Some("(default)".to_owned()), ..with_realtime(with_account()) };
        let report = probe_with(faulty, firebase).await;
        assert_eq!(found(&report), place, "{at} {reply:?}: {report:?}");
    }
}

#[tokio::test]
async fn a_clock_that_is_off_is_found_by_the_date_of_the_answer() {
    for (minutes, side) in [(20, "behind"), (-20, "ahead of")] {
        let skewed = move |asked: &Asked| {
            let date = date(minutes * 60);
            match google(asked) {
                Reply::Answer { status, headers, body } if asked.host == TOKEN_HOST => {
                    let headers = [headers, vec![("date", date)]].concat();
                    Reply::Answer { status, headers, body }
                }
                reply => reply,
            }
        };
        // Google still takes it: it is said, and nothing fails.
        let report = probe_with(skewed, with_account()).await;
        assert!(report.succeeded(), "{report:?}");
        assert!(note(&report, Phase::Auth).contains(side), "{report:?}");
        let refused = move |asked: &Asked| match skewed(asked) {
            Reply::Answer { headers, .. } if asked.host == TOKEN_HOST => {
                let body = json!({"error": "invalid_grant", "error_description": "Bad Request"}).to_string();
                Reply::Answer { status: 400, headers, body }
            }
            reply => reply,
        };
        let report = probe_with(refused, with_account()).await;
        assert_eq!(found(&report), (Phase::Auth, Some("invalid_grant"), Cause::ClockSkew));
        assert!(failure(&report).message.contains(side), "{report:?}");
    }
}

#[tokio::test]
async fn who_names_a_realtime_database_need_have_no_firestore() {
    let without_firestore = |asked: &Asked| match asked.host.as_str() {
        FIRESTORE => refusal(404, "NOT_FOUND", "The database (default) does not exist for project shop-1", None),
        _ => google(asked),
    };
    let report = probe_with(without_firestore, with_realtime(with_account())).await;
    assert!(report.succeeded(), "{report:?}");
    assert!(note(&report, Phase::Query).contains("no Firestore"), "{report:?}");
    let report = probe_with(without_firestore, with_account()).await;
    assert_eq!(failure(&report).cause, Cause::DatabaseNotFound);
}

#[tokio::test]
async fn settings_that_cannot_be_used_are_refused_before_anything_is_dialled() {
    let foreign = |uri: &str| {
        let mut account = service_account();
        account["token_uri"] = Value::from(uri);
        Firebase { service_account: Some(Secret::new(account.to_string())), ..Firebase::default() }
    };
    let id = |id: &str| Firebase { project_id: Some(id.to_owned()), ..with_account() };
    let url = |url: &str| Firebase { database_url: Some(url.to_owned()), ..with_account() };
    let server = StandIn::start(&NAMES, google).await;
    let egress = server.egress(&NAMES);
    for (firebase, cause, says) in [
        (foreign("https://evil.example.org/token"), Cause::InvalidServiceAccount, "evil.example.org"),
        (foreign("http://169.254.169.254/token"), Cause::InvalidServiceAccount, "169.254.169.254"),
        (Firebase::default(), Cause::CredentialsMissing, "neither"),
        (Firebase { project_id: None, ..with_key() }, Cause::CredentialsMissing, "project"),
        (id("../../v1/projects/other"), Cause::InvalidConnectionString, "project id"),
        (id("shop 1"), Cause::InvalidConnectionString, "project id"),
        (url("https://evil.example.org"), Cause::InvalidConnectionString, "evil.example.org"),
        (url("https://firebaseio.com.evil.example.org"), Cause::InvalidConnectionString, "evil.example.org"),
        (url("http://shop-1.firebaseio.com"), Cause::InvalidConnectionString, "https://"),
        (url("shop-1"), Cause::InvalidConnectionString, "database URL"),
        (Firebase { api_key: Some(Secret::new("a\r\nx: y")), ..with_key() }, Cause::InvalidApiKey, "characters"),
        (
            Firebase { service_account: Some(Secret::new("{")), ..Firebase::default() },
            Cause::InvalidServiceAccount,
            "JSON",
        ),
    ] {
        let report = probe(&server, &egress, firebase).await;
        assert_eq!(failure(&report).cause, cause, "{says}: {report:?}");
        assert!(failure(&report).message.contains(says), "{says}: {report:?}");
    }
    assert_eq!(server.connections(), (0, 0));
}

#[tokio::test]
async fn the_emulator_is_asked_in_the_clear_and_as_its_owner() {
    let server = StandIn::in_the_clear(|asked| match asked.header("authorization") {
        "Bearer owner" if asked.target.ends_with(".json?shallow=true&ns=shop-1") => answer(200, &Value::Null),
        "Bearer owner" => firestore(asked),
        _ => refusal(403, "PERMISSION_DENIED", "false for 'list'", None),
    })
    .await;
    let egress = Egress::new(EgressPolicy::SelfHosted);
    let host =
        |host: String| Firebase { emulator_host: Some(host), project_id: Some("shop-1".to_owned()), ..with_account() };
    // The Realtime Database's emulator stands at an address of its own.
    let realtime =
        Firebase { database_url: Some(format!("http://{}?ns=shop-1", server.address)), ..Firebase::default() };
    let both = Firebase { database_url: realtime.database_url.clone(), ..host(server.address.to_string()) };
    for firebase in [host(server.address.to_string()), realtime, both] {
        let report = probe(&server, &egress, firebase).await;
        assert!(report.succeeded(), "{report:?}");
        assert_eq!(report.phase(Phase::Tls).map(|tls| tls.outcome), Some(Outcome::Skipped));
    }
    assert!(server.asked().iter().all(|asked| asked.header("authorization") == "Bearer owner"), "no key leaves for it");
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port").local_addr().expect("it");
    let report = probe(&server, &egress, host(free.to_string())).await;
    assert_eq!(found(&report), (Phase::Tcp, Some("ECONNREFUSED"), Cause::ConnectionRefused));
    let public = Egress::new(EgressPolicy::PublicOnly);
    let report = probe(&server, &public, host(server.address.to_string())).await;
    assert_eq!(found(&report), (Phase::Dns, Some("EGRESS_DENIED"), Cause::InvalidConnectionString));
}

#[tokio::test]
async fn a_certificate_that_is_not_googles_gets_no_request() {
    let server = StandIn::start(&["other.example.org"], google).await;
    let report = probe(&server, &server.egress(&NAMES), with_account()).await;
    assert_eq!((failure(&report).phase, failure(&report).cause), (Phase::Tls, Cause::TlsHostnameMismatch));
    let stranger = StandIn::start(&NAMES, google).await;
    // The way leads to one server, and the trust to another.
    let detours = NAMES.iter().fold(server.detours(&[]), |detours, name| detours.lead(name, stranger.address));
    let egress = Egress::with_detours(EgressPolicy::SelfHosted, detours);
    // The mode of the settings is for databases: what a key is sent over is always verified.
    let settings = Settings { tls: Some(TlsMode::Disable), ..settings(with_account()) };
    let report = super::probe_through(&egress, Provider::Firebase, &settings).await;
    assert_eq!((failure(&report).phase, failure(&report).cause), (Phase::Tls, Cause::TlsCertUntrusted));
    assert!(server.asked().is_empty() && stranger.asked().is_empty());
}

#[tokio::test]
async fn servers_that_mean_harm_are_bounded() {
    let head = |rest: &str| format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{rest}\r\n").into_bytes();
    let headers = "x-a: b\r\n".repeat(5_000);
    for (name, reply, cause) in [
        (
            "a body without end",
            Reply::Flood(head("transfer-encoding: chunked\r\n"), b"4\r\nxxxx\r\n".repeat(1_000)),
            Cause::WrongProtocol,
        ),
        ("a gigabyte", Reply::Flood(head("content-length: 1073741824\r\n"), b"x".repeat(65_536)), Cause::WrongProtocol),
        (
            "headers without end",
            Reply::Flood(b"HTTP/1.1 200 OK\r\n".to_vec(), headers.clone().into_bytes()),
            Cause::WrongProtocol,
        ),
        ("many headers", Reply::Raw(head(&headers)), Cause::WrongProtocol),
        (
            "interim answers without end",
            Reply::Flood(Vec::new(), b"HTTP/1.1 103 Early Hints\r\n\r\n".repeat(1_000)),
            Cause::WrongProtocol,
        ),
        (
            "a compressed answer",
            Reply::Answer {
                status: 200,
                headers: vec![("content-encoding", "gzip".to_owned())],
                body: "\u{1f}".repeat(1_000),
            },
            Cause::WrongProtocol,
        ),
        (
            "a redirect to the metadata service",
            Reply::Answer {
                status: 302,
                headers: vec![("location", "http://169.254.169.254/".to_owned())],
                body: String::new(),
            },
            Cause::WrongProtocol,
        ),
        ("another protocol", Reply::Raw(b"SSH-2.0-OpenSSH_9.2p1\r\n".repeat(4)), Cause::WrongProtocol),
        ("an answer that breaks off", Reply::HangUp, Cause::ConnectionReset),
        ("nonsense", answer(200, &json!("x")), Cause::WrongProtocol),
        ("a page", page(200, "Welcome"), Cause::WrongProtocol),
    ] {
        for at in [TOKEN_HOST, FIRESTORE] {
            let said = reply.clone();
            let report =
                probe_with(move |asked| if asked.host == at { said.clone() } else { google(asked) }, with_account())
                    .await;
            assert_eq!(failure(&report).cause, cause, "{name} at {at}: {report:?}");
        }
    }
}

#[tokio::test]
async fn slowness_ends_with_the_deadline() {
    for reply in [Reply::Raw(Vec::new()), Reply::Drip(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}".to_vec())] {
        for (at, phase, cause) in
            [(TOKEN_HOST, Phase::Auth, Cause::ConnectTimeout), (FIRESTORE, Phase::Database, Cause::ConnectTimeout)]
        {
            let said = reply.clone();
            let server = StandIn::start(&NAMES, move |asked| {
                if asked.host == at {
                    // From here on time flies.
                    pause();
                    said.clone()
                } else {
                    google(asked)
                }
            })
            .await;
            let report = probe(&server, &server.egress(&NAMES), with_account()).await;
            assert_eq!(found(&report), (phase, Some("ETIMEDOUT"), cause), "{at} {reply:?}");
            resume();
        }
    }
}
