//! What the wire refuses before it does anything: who asks too often, sends too much, or asks from where it may
//! not; and what it tells Prometheus.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use mooring::{auth::Scope, health::CheckOrigin};
use serde_json::json;

use crate::support::{
    app::TestApp,
    client::{Answer, Client, server_function},
};

const READ: &str = "/rest/v1/database_connection_health?limit=1";
const MONITOR: &str = "/functions/v1/proactive-health-monitor";

fn header(answer: &Answer, name: &str) -> Option<String> {
    answer.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

/// Asks until it is refused, at most `most` times; answers how often it was not.
async fn ask_until_refused(client: &Client, most: usize) -> usize {
    for asked in 0..most {
        if client.get(READ).await.status == StatusCode::TOO_MANY_REQUESTS {
            return asked;
        }
    }
    most
}

#[tokio::test]
async fn a_token_may_ask_six_hundred_times_a_minute_and_strangers_share_their_address() {
    let app = TestApp::start().await;
    let ada = app.user("ada@example.org").await;
    let token = app.with_token(&ada, Scope::Read).await;
    assert_eq!(ask_until_refused(&token, 700).await, 600);
    let refused = token.get(READ).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(header(&refused, "retry-after").as_deref(), Some("1"));
    assert_eq!(header(&refused, "access-control-allow-origin").as_deref(), Some("*"), "a page may read why");
    assert_eq!(refused.json()["code"], "too_many_requests");
    // Another token of the same account and address has a bucket of its own.
    let other = app.with_token(&ada, Scope::Read).await;
    assert_eq!(other.get(READ).await.status, StatusCode::OK);
    app.advance(Duration::from_secs(1)).await;
    assert_eq!(ask_until_refused(&token, 50).await, 10, "it fills at ten a second");

    let stranger = app.anonymous().with_token("mrg_unknown");
    assert_eq!(ask_until_refused(&stranger, 700).await, 600);
    assert_eq!(app.anonymous().get(READ).await.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(other.get(READ).await.status, StatusCode::OK, "strangers at the same address stop no token");
    assert!(app.state.limits().forget_idle() > 0);
    app.advance(Duration::from_mins(2)).await;
    assert_eq!(app.state.limits().forget_idle(), 0, "who does not ask any more is forgotten");
}

#[tokio::test]
async fn a_token_may_connect_sixty_times_a_minute_and_go_on_reading() {
    let app = TestApp::start().await;
    let ada = app.user("ada@example.org").await;
    let token = app.with_token(&ada, Scope::Full).await;
    for _ in 0..60 {
        assert_eq!(token.post_json(MONITOR, &json!({})).await.status, StatusCode::OK);
    }
    let refused = token.post_json(MONITOR, &json!({})).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS, "{}", refused.text());
    assert!(header(&refused, "retry-after").is_some());
    assert_eq!(token.get(READ).await.status, StatusCode::OK);
}

/// The limit of a person is the account's, whichever button it is; each token has its own beside it.
#[tokio::test]
async fn a_person_may_connect_sixty_times_a_minute_by_any_button() {
    let app = TestApp::start().await;
    let (ada, client) = app.signed_in("ada@example.org").await;
    let call = async |function: &str, body: String| {
        let request = Request::post(server_function(function))
            .header(header::ACCEPT, "application/json")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        client.send(request, body).await
    };
    for asked in 0..60 {
        let answer = call("check_all", String::new()).await;
        assert_eq!(answer.status, StatusCode::OK, "{asked}: {}", answer.text());
    }
    let settings = json!({"host": "127.0.0.1", "port": 1, "username": "app", "password": "x", "tls": "disable"});
    let id = app.connection(&ada, "orders", "postgresql", &settings).await;
    for (function, body) in [("check_all", String::new()), ("check_now", format!("id={id}"))] {
        let refused = call(function, body).await;
        assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS, "{function}: {}", refused.text());
        assert_eq!(header(&refused, "retry-after").as_deref(), Some("1"));
    }
    let token = app.with_token(&ada, Scope::Full).await;
    assert_eq!(token.post_json(MONITOR, &json!({})).await.status, StatusCode::OK);
    app.advance(Duration::from_secs(2)).await;
    assert_eq!(call("check_now", format!("id={id}")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn bodies_have_a_size() {
    let app = TestApp::start().await;
    let ada = app.user("ada@example.org").await;
    let token = app.with_token(&ada, Scope::Full).await;
    let large = Bytes::from(vec![b' '; 1024 * 1024 + 1]);
    let answer = token.send(Request::post(MONITOR), large.clone()).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(answer.json()["code"], "too_large");
    assert_eq!(header(&answer, "access-control-allow-origin").as_deref(), Some("*"));
    let form =
        Request::post(server_function("sign_in")).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    assert_eq!(app.anonymous().send(form, large).await.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn any_site_may_ask_the_wire_and_none_the_pages() {
    let app = TestApp::start().await;
    for path in [READ, MONITOR] {
        let preflight = Request::builder()
            .method(Method::OPTIONS)
            .uri(path)
            .header(header::ORIGIN, "https://app.example")
            .header(header::ACCESS_CONTROL_REQUEST_METHOD, "POST")
            .header(header::ACCESS_CONTROL_REQUEST_HEADERS, "authorization,apikey,x-client-info");
        let answer = app.anonymous().send(preflight, "").await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert_eq!(header(&answer, "access-control-allow-origin").as_deref(), Some("*"));
        assert_eq!(header(&answer, "access-control-allow-credentials"), None);
        let allowed = header(&answer, "access-control-allow-headers").unwrap_or_default();
        for name in [
            "authorization",
            "apikey",
            "content-type",
            "prefer",
            "range",
            "x-client-info",
            "accept-profile",
            "content-profile",
            "x-retry-count",
            "x-region",
        ] {
            assert!(allowed.contains(name), "{path}: {allowed}");
        }
        let asked = app.anonymous().send(Request::get(path).header(header::ORIGIN, "https://app.example"), "").await;
        assert_eq!(
            header(&asked, "access-control-expose-headers").as_deref(),
            Some("content-range,location,retry-after,preference-applied,x-request-id"),
            "{path}"
        );
        assert!(header(&asked, "x-request-id").is_some(), "{path}");
    }
    let page = app.anonymous().send(Request::get("/sign-in").header(header::ORIGIN, "https://app.example"), "").await;
    assert_eq!(header(&page, "access-control-allow-origin"), None);
}

#[tokio::test]
async fn answers_are_compressed_for_who_takes_it() {
    let app = TestApp::start().await;
    app.user("ada@example.org").await;
    for (accepted, wanted) in [("br", Some("br")), ("gzip", Some("gzip")), ("identity", None)] {
        let page = app.anonymous().send(Request::get("/sign-in").header(header::ACCEPT_ENCODING, accepted), "").await;
        assert_eq!(header(&page, "content-encoding").as_deref(), wanted, "{accepted}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_metrics_are_for_administrators_and_name_nobody() {
    let app = TestApp::start().await;
    let admin = app.user("admin@example.org").await;
    let member = app.user("member@example.org").await;
    let settings = json!({ "connectionString": app.database.url(), "tls": "disable" });
    let id = app.connection(&member, "a name like no other", "postgresql", &settings).await;
    mooring::health::server::check_now(&member, id, CheckOrigin::Person).await.expect("a check");

    assert_eq!(app.anonymous().get("/metrics").await.status, StatusCode::UNAUTHORIZED);
    let of_member = app.with_token(&member, Scope::Full).await;
    assert_eq!(of_member.get("/metrics").await.status, StatusCode::FORBIDDEN);
    let for_cron = app.with_token(&admin, Scope::Cron).await;
    assert_eq!(for_cron.get("/metrics").await.status, StatusCode::FORBIDDEN);

    let answer = app.with_token(&admin, Scope::Read).await.get("/metrics").await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert!(header(&answer, "content-type").is_some_and(|kind| kind.starts_with("text/plain; version=0.0.4")));
    let text = answer.text();
    for line in [
        r#"mooring_checks_total{provider="postgresql",status="healthy"} 1"#,
        r#"mooring_phase_seconds_count{provider="postgresql",phase="query"} 1"#,
        r#"mooring_connections{provider="postgresql",status="healthy"} 1"#,
        r#"mooring_breakers{state="closed"} 1"#,
        r#"mooring_pool_connections{state="allowed"} 16"#,
        r#"mooring_queue_depth{queue="checks_due"}"#,
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    for name in ["a name like no other", "example.org", &id.to_string()] {
        assert!(!text.contains(name), "{name}\n{text}");
    }
}
