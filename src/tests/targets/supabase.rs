//! Supabase's stand-in, in order and with each thing that the real one documents to go wrong; behind it a real
//! PostgreSQL, and a pooler that refuses.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use mooring::{
    connections::{
        Provider,
        settings::{Secret, Settings, Special, Supabase},
    },
    probe::{Cause, Depth, Outcome, Phase, ProbeReport},
    server::{config::EgressPolicy, egress::Egress, providers},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    time::{Instant, pause, resume},
};

use super::{failure, found, none_left};
use crate::support::{
    hosted::{Asked, Reply, StandIn, json as answer, page},
    postgres::{PostgresOptions, TargetPostgres},
};

const PROJECT: &str = "abcdefghijklmnopqrst";
const API: &str = "abcdefghijklmnopqrst.supabase.co";
const DIRECT: &str = "db.abcdefghijklmnopqrst.supabase.co";
const POOLER: &str = "aws-0-eu-central-1.pooler.supabase.com";
/// Far enough for every test, and before 2038.
const LATER: i64 = 2_100_000_000;
const NO_TABLE: &str = "/rest/v1/mooring_health_check?limit=0";

fn key(project: &str, role: &str, exp: i64) -> String {
    let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = json!({"iss": "supabase", "ref": project, "role": role, "iat": 1_600_000_000, "exp": exp});
    format!("{}.{}.c2lnbmF0dXJlLW9mLXRoZS1rZXk", part(&json!({"alg": "HS256", "typ": "JWT"})), part(&claims))
}

fn anon() -> String {
    key(PROJECT, "anon", LATER)
}

fn service() -> String {
    key(PROJECT, "service_role", LATER)
}

fn supabase(anon: Option<&str>, service: Option<&str>) -> Supabase {
    Supabase {
        url: format!("https://{API}"),
        anon_key: anon.map(Secret::new),
        service_role_key: service.map(Secret::new),
    }
}

fn settings(supabase: Supabase) -> Settings {
    Settings {
        host: String::new(),
        port: 0,
        connect_timeout_ms: Some(2_000),
        special: Special::Supabase(Box::new(supabase)),
        ..super::settings(0)
    }
}

fn gateway(status: u16, message: &str) -> Reply {
    answer(status, &json!({"message": message, "hint": "Double check your Supabase `anon` or `service_role` API key."}))
}

fn postgrest(status: u16, code: &str, message: &str) -> Reply {
    answer(status, &json!({"code": code, "message": message, "details": null, "hint": null}))
}

/// What the real service answers where everything is in order.
fn in_order(asked: &Asked) -> Reply {
    let (key, bearer) = (asked.header("apikey"), asked.header("authorization"));
    let known = [anon(), service(), "sb_publishable_abc".to_owned(), "sb_secret_abc".to_owned()];
    if key.is_empty() {
        return gateway(401, "No API key found in request");
    }
    // New keys are no tokens, and old ones come as such too.
    let fits = if key.starts_with("sb_") { bearer.is_empty() } else { bearer == format!("Bearer {key}") };
    if !known.iter().any(|known| known == key) || !fits {
        return gateway(401, "Invalid API key");
    }
    let secret = key == service() || key.starts_with("sb_secret_");
    match asked.target.as_str() {
        "/auth/v1/health" => answer(
            200,
            &json!({"version": "v2.177.0", "name": "GoTrue", "description": "GoTrue is a user registration and authentication API"}),
        ),
        NO_TABLE => {
            postgrest(404, "PGRST205", "Could not find the table 'public.mooring_health_check' in the schema cache")
        }
        // What a large schema exposes is longer than what is read of it.
        "/rest/v1/" if secret => answer(200, &json!({"swagger": "2.0", "paths": "x".repeat(200_000)})),
        "/rest/v1/" => answer(
            401,
            &json!({"message": "Access to schema is forbidden", "hint": "Accessing the schema via the Data API is only allowed using a secret API key."}),
        ),
        _ => postgrest(404, "PGRST125", "Invalid path specified in request URL"),
    }
}

/// Probes, and checks what holds for every report on a hosted provider.
async fn probe(server: &StandIn, egress: &Egress, settings: &Settings) -> ProbeReport {
    let started = Instant::now();
    let report = super::probe_through(egress, Provider::Supabase, settings).await;
    assert!(started.elapsed() < Duration::from_millis(12_500), "it took {:?}", started.elapsed());
    none_left(|| async { server.open() }).await;
    assert!(server.connections().1 <= 1, "one connection at a time");
    if let Special::Supabase(supabase) = &settings.special {
        for key in [&supabase.anon_key, &supabase.service_role_key].into_iter().flatten() {
            assert!(!format!("{report:?}").contains(key.reveal()), "a key is in {report:?}");
        }
    }
    report
}

async fn probe_with(answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static, supabase: Supabase) -> ProbeReport {
    let server = StandIn::start(&[API], answer).await;
    probe(&server, &server.egress(&[API]), &settings(supabase)).await
}

fn note(report: &ProbeReport, phase: Phase) -> &str {
    report.phase(phase).and_then(|result| result.detail.as_deref()).unwrap_or_default()
}

#[tokio::test]
async fn the_api_answers_each_kind_of_key() {
    let (anon, service) = (anon(), service());
    for (first, second, words, reaches) in [
        (Some(anon.as_str()), None, "anon key until 2036-07-18", false),
        (None, Some(service.as_str()), "service_role key until 2036-07-18", true),
        (Some(&anon), Some(&service), "anon key until 2036-07-18, service_role key until 2036-07-18", true),
        (Some("sb_publishable_abc"), None, "publishable key", false),
        (Some("sb_publishable_abc"), Some("sb_secret_abc"), "publishable key, secret key", true),
    ] {
        let server = StandIn::start(&[API], in_order).await;
        let report = probe(&server, &server.egress(&[API]), &settings(supabase(first, second))).await;
        assert!(report.succeeded(), "{words}: {report:?}");
        assert_eq!(note(&report, Phase::Auth), words);
        assert_eq!(report.server_version.as_deref(), Some("GoTrue v2.177.0"));
        assert_eq!(server.connections().0, 1, "one connection for all requests");
        let query = report.phase(Phase::Query).expect("the phase");
        assert_eq!(query.outcome, if reaches { Outcome::Ok } else { Outcome::Skipped }, "{words}");
        for phase in [Phase::Tcp, Phase::Tls, Phase::Auth, Phase::Database] {
            assert!(report.phase(phase).is_some_and(|phase| phase.outcome == Outcome::Ok && phase.micros > 0));
        }
        let asked = server.asked();
        assert!(asked.iter().all(|asked| asked.method == "GET" && asked.header("accept-encoding") == "identity"));
    }
}

#[tokio::test]
async fn refusals_have_their_cause_and_phase() {
    const CACHE: &str = "Could not query the database for the schema cache. Retrying.";
    for (at, reply, place) in [
        (
            "/auth",
            answer(540, &json!({"message": "Project paused"})),
            (Phase::Auth, Some("HTTP 540"), Cause::ServicePaused),
        ),
        ("/auth", page(540, "Project paused"), (Phase::Auth, Some("HTTP 540"), Cause::ServicePaused)),
        ("/auth", page(530, "Origin DNS error"), (Phase::Auth, Some("HTTP 530"), Cause::ServicePaused)),
        ("/auth", page(522, "Connection timed out"), (Phase::Auth, Some("HTTP 522"), Cause::ConnectTimeout)),
        ("/auth", page(404, "Not found"), (Phase::Auth, Some("HTTP 404"), Cause::ProjectNotFound)),
        (
            "/auth",
            page(403, "Attention Required! | Cloudflare"),
            (Phase::Auth, Some("HTTP 403"), Cause::AccessRuleDenied),
        ),
        ("/auth", gateway(401, "Invalid API key"), (Phase::Auth, Some("HTTP 401"), Cause::InvalidApiKey)),
        ("/auth", gateway(401, "Legacy API keys are disabled"), (Phase::Auth, Some("HTTP 401"), Cause::InvalidApiKey)),
        (
            "/auth",
            answer(402, &json!({"message": "exceed_egress_quota"})),
            (Phase::Auth, Some("HTTP 402"), Cause::QuotaExceeded),
        ),
        (
            "/auth",
            answer(429, &json!({"code": "over_request_rate_limit", "message": "x"})),
            (Phase::Auth, Some("over_request_rate_limit"), Cause::QuotaExceeded),
        ),
        ("/rest", gateway(401, "Invalid API key"), (Phase::Auth, Some("HTTP 401"), Cause::InvalidApiKey)),
        ("/rest", postgrest(503, "PGRST002", CACHE), (Phase::Database, Some("PGRST002"), Cause::ServerStartingUp)),
        (
            "/rest",
            postgrest(503, "PGRST000", "Database connection error."),
            (Phase::Database, Some("PGRST000"), Cause::Unreachable),
        ),
        (
            "/rest",
            postgrest(504, "PGRST003", "Timed out acquiring connection"),
            (Phase::Database, Some("PGRST003"), Cause::PoolExhausted),
        ),
        ("/rest", postgrest(401, "PGRST301", "No suitable key"), (Phase::Auth, Some("PGRST301"), Cause::InvalidApiKey)),
        (
            "/rest",
            postgrest(500, "53300", "sorry, too many clients already"),
            (Phase::Database, Some("53300"), Cause::TooManyConnections),
        ),
        ("/rest", page(544, "Gateway timeout"), (Phase::Database, Some("HTTP 544"), Cause::ConnectTimeout)),
    ] {
        let said = reply.clone();
        let faulty = move |asked: &Asked| if asked.target.starts_with(at) { said.clone() } else { in_order(asked) };
        let report = probe_with(faulty, supabase(Some(&anon()), Some(&service()))).await;
        assert_eq!(found(&report), place, "{at} {reply:?}: {report:?}");
    }
}

#[tokio::test]
async fn a_key_that_is_refused_is_explained_by_what_it_says() {
    let elsewhere = key("zyxwvutsrqponmlkjihg", "anon", LATER);
    let over = key(PROJECT, "anon", 1_700_000_000);
    for (key, says, also) in [
        (elsewhere.as_str(), "zyxwvutsrqponmlkjihg", &[][..]),
        (&over, "2023-11-14", &[Cause::TokenExpired]),
        ("no-key-of-theirs", "Invalid API key", &[]),
    ] {
        let report = probe_with(in_order, supabase(Some(key), None)).await;
        assert_eq!(found(&report), (Phase::Auth, Some("HTTP 401"), Cause::InvalidApiKey));
        assert!(failure(&report).message.contains(says), "{report:?}");
        assert_eq!(failure(&report).also_possible, also);
    }
    let report = probe_with(in_order, supabase(None, None)).await;
    assert_eq!((failure(&report).phase, failure(&report).cause), (Phase::Auth, Cause::CredentialsMissing));
    let report = probe_with(in_order, supabase(Some("a\nb"), None)).await;
    assert_eq!((failure(&report).phase, failure(&report).cause), (Phase::Auth, Cause::InvalidApiKey));
}

/// Whatever it answers: one that says yes to everything is no Supabase.
#[tokio::test]
async fn json_of_another_service_is_not_healthy() {
    for body in [json!({}), json!([]), json!(null), json!("x"), json!({"error": "nope"})] {
        for at in ["/", "/rest/v1/m", "/rest/v1/"] {
            let said = body.clone();
            let other = move |asked: &Asked| match asked.target.as_str() {
                // What it would answer for a table that there is.
                NO_TABLE if at == "/rest/v1/" => answer(200, &json!([])),
                target if target.starts_with(at) => answer(200, &said),
                _ => in_order(asked),
            };
            let report = probe_with(other, supabase(Some(&anon()), Some(&service()))).await;
            let rows = at == "/rest/v1/m" && body.is_array();
            assert_eq!(report.succeeded(), rows, "{body} at {at}: {report:?}");
            assert!(rows || failure(&report).cause == Cause::WrongProtocol, "{body} at {at}: {report:?}");
        }
    }
}

#[tokio::test]
async fn a_name_that_is_gone_is_a_project_that_is_gone() {
    let server = StandIn::start(&[API], in_order).await;
    let egress = Egress::with_detours(EgressPolicy::SelfHosted, server.detours(&[]).missing(API));
    let report = probe(&server, &egress, &settings(supabase(Some(&anon()), None))).await;
    assert_eq!(found(&report), (Phase::Dns, Some("ENOTFOUND"), Cause::ProjectNotFound));
    assert_eq!(failure(&report).also_possible, [Cause::ServicePaused, Cause::DnsNotFound]);
    // Of a name of one's own nothing is known.
    let egress = Egress::with_detours(EgressPolicy::SelfHosted, server.detours(&[]).missing("api.example.org"));
    let own = Supabase { url: "https://api.example.org".to_owned(), ..supabase(Some(&anon()), None) };
    let report = probe(&server, &egress, &settings(own)).await;
    assert_eq!(found(&report), (Phase::Dns, Some("ENOTFOUND"), Cause::DnsNotFound));
}

#[tokio::test]
async fn ones_own_gateway_is_reached_where_it_is() {
    let server = StandIn::in_the_clear(|asked| match asked.target.strip_prefix("/supabase") {
        Some(target) => in_order(&Asked { target: target.to_owned(), ..asked.clone() }),
        None => answer(404, &json!({"message": "no Route matched with those values"})),
    })
    .await;
    let egress = Egress::new(EgressPolicy::SelfHosted);
    let at = |path: &str| {
        let url = format!("http://{}{path}", server.address);
        settings(Supabase { url, ..supabase(Some(&anon()), Some(&service())) })
    };
    for path in ["/supabase", "/supabase/"] {
        let report = probe(&server, &egress, &at(path)).await;
        assert!(report.succeeded(), "{path}: {report:?}");
        assert_eq!(report.phase(Phase::Tls).map(|tls| tls.outcome), Some(Outcome::Skipped));
    }
    let report = probe(&server, &egress, &at("")).await;
    assert_eq!((failure(&report).phase, failure(&report).cause), (Phase::Auth, Cause::ApiNotEnabled));
    let barred = probe(&server, &Egress::new(EgressPolicy::PublicOnly), &at("/supabase")).await;
    assert_eq!(found(&barred), (Phase::Dns, Some("EGRESS_DENIED"), Cause::InvalidConnectionString));
}

#[tokio::test]
async fn a_database_that_may_sleep_is_not_asked() {
    let server = StandIn::start(&[API], in_order).await;
    let settings = settings(supabase(Some(&anon()), Some(&service())));
    let (egress, within) = (server.egress(&[API]), providers::longest(&settings));
    let report =
        providers::probe_to(&egress, Provider::Supabase, &settings, Depth::Surface, within).await.expect("a report");
    assert!(report.succeeded(), "{report:?}");
    assert_eq!(report.phase(Phase::Query).map(|query| query.outcome), Some(Outcome::Skipped));
    let targets: Vec<String> = server.asked().into_iter().map(|asked| asked.target).collect();
    assert_eq!(targets, ["/auth/v1/health", NO_TABLE]);
}

#[tokio::test]
async fn a_server_that_hangs_up_after_each_answer_is_asked_again() {
    let server = StandIn::start(&[API], |asked| match in_order(asked) {
        Reply::Answer { status, headers, body } => {
            let headers = [headers, vec![("connection", "close".to_owned())]].concat();
            Reply::Answer { status, headers, body }
        }
        reply => reply,
    })
    .await;
    let report = probe(&server, &server.egress(&[API]), &settings(supabase(Some(&anon()), Some(&service())))).await;
    assert!(report.succeeded(), "{report:?}");
    assert_eq!(server.connections(), (3, 1));
}

#[tokio::test]
async fn servers_that_mean_harm_are_bounded() {
    let head = |rest: &str| format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{rest}\r\n").into_bytes();
    for (name, reply, cause) in [
        ("a gigabyte", Reply::Flood(head("content-length: 1073741824\r\n"), b"x".repeat(65_536)), Cause::WrongProtocol),
        (
            "headers without end",
            Reply::Flood(b"HTTP/1.1 200 OK\r\n".to_vec(), b"x-a: b\r\n".repeat(1_000)),
            Cause::WrongProtocol,
        ),
        (
            "a redirect",
            Reply::Answer {
                status: 301,
                headers: vec![("location", "http://169.254.169.254/".to_owned())],
                body: String::new(),
            },
            Cause::WrongProtocol,
        ),
        ("a page", page(200, "Welcome"), Cause::WrongProtocol),
        ("an end in the middle", Reply::HangUp, Cause::ConnectionReset),
    ] {
        for at in ["/auth", "/rest"] {
            let said = reply.clone();
            let faulty = move |asked: &Asked| if asked.target.starts_with(at) { said.clone() } else { in_order(asked) };
            let report = probe_with(faulty, supabase(Some(&anon()), Some(&service()))).await;
            assert_eq!(failure(&report).cause, cause, "{name} at {at}: {report:?}");
        }
    }
    for (at, phase, cause) in
        [("/auth", Phase::Auth, Cause::ConnectTimeout), ("/rest/v1/m", Phase::Database, Cause::ConnectTimeout)]
    {
        let slow = move |asked: &Asked| {
            if asked.target.starts_with(at) {
                pause();
                return Reply::Drip(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}".to_vec());
            }
            in_order(asked)
        };
        let report = probe_with(slow, supabase(Some(&anon()), None)).await;
        assert_eq!(found(&report), (phase, Some("ETIMEDOUT"), cause), "{at}");
        resume();
    }
}

#[tokio::test]
async fn the_postgres_behind_it_is_checked_by_its_own_code() {
    let database = TargetPostgres::start(&PostgresOptions::default());
    let server = StandIn::start(&[API], in_order).await;
    let at = std::net::SocketAddr::from(([127, 0, 0, 1], database.port()));
    let egress =
        Egress::with_detours(EgressPolicy::SelfHosted, server.detours(&[API]).lead(DIRECT, at).lead(POOLER, at));
    let behind =
        |host: &str, port: u16, supabase: Supabase| Settings { host: host.to_owned(), port, ..settings(supabase) };
    for (host, port, mode) in [
        (DIRECT, 5432, "direct connection"),
        (DIRECT, 6543, "transaction mode"),
        (POOLER, 5432, "session mode"),
        (POOLER, 6543, "transaction mode"),
    ] {
        for keys in [supabase(Some(&anon()), None), supabase(None, None)] {
            let report = probe(&server, &egress, &behind(host, port, keys)).await;
            assert!(report.succeeded(), "{report:?}");
            assert!(note(&report, Phase::Database).contains(mode), "{report:?}");
            assert!(report.phase(Phase::Query).is_some_and(|query| query.outcome == Outcome::Ok));
            assert!(report.server_version.is_some_and(|version| version.starts_with(char::is_numeric)));
            none_left(|| database.connections_named("mooring")).await;
        }
    }
    let wrong = Settings {
        password: Some(Secret::new("wrong-password")),
        ..behind(DIRECT, 5432, supabase(Some(&anon()), None))
    };
    let report = probe(&server, &egress, &wrong).await;
    assert_eq!(found(&report), (Phase::Auth, Some("28P01"), Cause::AuthWrongPassword));
    assert!(failure(&report).message.contains("The API is in order"), "{report:?}");
    // A paused project is not asked for its database.
    let paused = StandIn::start(&[API], |_| page(540, "Project paused")).await;
    let egress = Egress::with_detours(EgressPolicy::SelfHosted, paused.detours(&[API]).missing(DIRECT));
    let report = probe(&paused, &egress, &behind(DIRECT, 5432, supabase(Some(&anon()), None))).await;
    assert_eq!(found(&report), (Phase::Auth, Some("HTTP 540"), Cause::ServicePaused));
    let egress = Egress::with_detours(EgressPolicy::SelfHosted, server.detours(&[API]).missing(DIRECT));
    let report = probe(&server, &egress, &behind(DIRECT, 5432, supabase(Some(&anon()), None))).await;
    assert_eq!(found(&report), (Phase::Dns, Some("ENOTFOUND"), Cause::DnsNotFound));
    assert_eq!(failure(&report).also_possible, [Cause::Ipv6Unreachable]);
}

/// A pooler that refuses every login with `message`.
async fn pooler(message: &'static str) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("its address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut startup = [0; 1024];
            let _ = stream.read(&mut startup).await;
            let body = [b"SFATAL\0VFATAL\0CXX000\0M".as_slice(), message.as_bytes(), b"\0\0"].concat();
            let length = u32::try_from(body.len() + 4).expect("a short body").to_be_bytes();
            let _ = stream.write_all(&[&b"E"[..], &length, &body].concat()).await;
            let _ = stream.read(&mut startup).await;
        }
    });
    address
}

#[tokio::test]
async fn the_pooler_says_why_it_refuses() {
    for (message, cause) in [
        ("Tenant or user not found", Cause::PoolerTenantNotFound),
        ("(ENOTFOUND) tenant/user postgres.abc not found", Cause::PoolerTenantNotFound),
        ("(EADDRNOTALLOWED) address not in tenant allow_list: {1, 2, 3, 4}", Cause::AccessRuleDenied),
        (
            "(EMAXCONNSESSION) max clients reached in session mode - max clients are limited to pool_size: 15",
            Cause::TooManyConnections,
        ),
        ("(ECIRCUITBREAKER) too many authentication errors", Cause::HostBlocked),
    ] {
        let server = StandIn::start(&[API], in_order).await;
        let detours = server.detours(&[API]).lead(POOLER, pooler(message).await);
        let egress = Egress::with_detours(EgressPolicy::SelfHosted, detours);
        let behind = Settings { host: POOLER.to_owned(), port: 6543, ..settings(supabase(Some(&anon()), None)) };
        let report = probe(&server, &egress, &behind).await;
        assert_eq!(found(&report), (Phase::Auth, Some("XX000"), cause), "{message}: {report:?}");
    }
}
