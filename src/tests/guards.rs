//! Nothing answers a stranger but what is listed here by name; no other site can make a browser change
//! anything.

use std::collections::BTreeSet;

use futures::{future::join_all, join};
use http::{Method, Request, StatusCode, header};
use leptos_axum::generate_route_list;
use mooring::{app::App, auth::api::PUBLIC_SERVER_FNS};
use uuid::Uuid;

use crate::support::{app::TestApp, client::Client, server_functions::ServerFunction};

/// Pages that work without an account.
const PUBLIC_PAGES: [&str; 4] = ["/sign-in", "/sign-in/code", "/sign-up", "/welcome"];

/// Other routes that answer without a session or a token, by method.
const PUBLIC_ROUTES: [(Method, &str); 6] = [
    (Method::GET, "/healthz"),
    (Method::GET, "/readyz"),
    // Tells what there is to ask, and nothing of anyone.
    (Method::GET, "/openapi.json"),
    // Runs what is due and tells counts; closed by MOORING_CRON_SECRET.
    (Method::POST, "/functions/v1/proactive-health-monitor"),
    // What is told without a token is held back; what is told to anyone names nobody.
    (Method::POST, "/functions/v1/learn-connection-knowledge"),
    (Method::POST, "/functions/v1/fetch-provider-docs"),
];

/// Paths that stand for "nothing here", whoever asks.
const CATCH_ALL: [&str; 1] = ["/api/{*unknown}"];

#[tokio::test]
async fn no_server_function_answers_a_stranger() {
    let app = TestApp::start().await;
    // With an account there, so that nothing is open for the first one's sake.
    app.user("owner@example.org").await;
    let functions = ServerFunction::all();
    assert!(functions.len() > PUBLIC_SERVER_FNS.len(), "no server function is registered");
    for function in functions {
        let answer = function.call(&app.anonymous(), &Uuid::new_v4().to_string(), &[]).await;
        assert_ne!(answer.status, StatusCode::NOT_FOUND, "{}: {}", function.path, answer.text());
        if !PUBLIC_SERVER_FNS.contains(&function.path) {
            assert_eq!(
                answer.status,
                StatusCode::UNAUTHORIZED,
                "{}; where it takes arguments, name them in support/server_functions.rs: {}",
                function.path,
                answer.text()
            );
        }
    }
}

#[tokio::test]
async fn a_session_that_is_no_longer_one_is_a_stranger() {
    let app = TestApp::start().await;
    let (_, client) = app.signed_in("owner@example.org").await;
    assert!(client.get("/").await.status.is_success());
    let sign_out = crate::support::client::server_function("sign_out");
    let old = client.cookies();
    client.post_form(&sign_out, &[]).await;
    let again = Request::get("/").header(header::COOKIE, old).header(header::ACCEPT, "text/html");
    let answer = app.anonymous().send(again, "").await;
    assert!(answer.status.is_redirection(), "{answer:?}");
}

#[tokio::test]
async fn no_page_shows_a_stranger_anything_but_the_way_in() {
    let app = TestApp::start().await;
    app.user("owner@example.org").await;
    let pages = generate_route_list(App);
    assert!(pages.len() > PUBLIC_PAGES.len(), "no page is registered");
    for page in pages {
        let path = filled(page.path());
        let answer = app.anonymous().get(&path).await;
        if PUBLIC_PAGES.contains(&page.path()) {
            assert!(answer.status.is_success() || answer.status.is_redirection(), "{path}: {}", answer.status);
        } else {
            assert!(answer.status.is_redirection(), "{path}: {} {}", answer.status, answer.text());
            assert!(answer.location().is_some_and(|to| to.starts_with("/sign-in")), "{path}: {:?}", answer.location());
        }
    }
}

#[tokio::test]
async fn no_other_route_answers_a_stranger() {
    let app = TestApp::start().await;
    app.user("owner@example.org").await;
    let known: BTreeSet<String> = generate_route_list(App)
        .iter()
        .map(|page| page.path().to_owned())
        .chain(ServerFunction::all().iter().map(|function| function.path.to_owned()))
        .chain(CATCH_ALL.map(str::to_owned))
        .collect();
    let others: Vec<String> = routes(&app).difference(&known).cloned().collect();
    assert!(others.iter().any(|path| path == "/healthz"), "the router's routes are not found: {others:?}");
    for path in others {
        for method in [Method::GET, Method::POST, Method::PATCH, Method::DELETE] {
            let request = Request::builder().method(method.clone()).uri(filled(&path));
            let status = app.anonymous().open(request).await.status();
            let is_public = PUBLIC_ROUTES.iter().any(|(public, route)| *public == method && *route == path);
            // 405 and 404 tell only what the documentation tells.
            let is_closed =
                matches!(status, StatusCode::UNAUTHORIZED | StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_FOUND);
            assert_eq!(is_closed, !is_public, "{method} {path}: {status}");
        }
    }
}

#[tokio::test]
async fn a_token_that_nobody_has_is_a_stranger_on_the_wire() {
    let app = TestApp::start().await;
    app.user("owner@example.org").await;
    for token in ["mrg_unknown", "", "eyJhbGciOiJIUzI1NiJ9.e30.x"] {
        for path in ["/rest/v1/database_connection_health", "/rest/v1/rpc/calculate_uptime_percentage"] {
            let answer = app.anonymous().with_token(token).get(path).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}: {}", answer.text());
        }
        let answer = app
            .anonymous()
            .with_token(token)
            .post_json("/functions/v1/proactive-health-monitor", &serde_json::json!({}))
            .await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{token}: {}", answer.text());
    }
    // A session opens the pages, not the wire: no other site could be kept from using it there.
    let (_, client) = app.signed_in("other@example.org").await;
    let answer = client.get("/rest/v1/database_connection_health").await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{}", answer.text());
}

#[tokio::test]
async fn no_other_site_can_make_a_browser_change_anything() {
    let app = TestApp::start().await;
    let (_, client) = app.signed_in("owner@example.org").await;
    for function in ServerFunction::all() {
        for headers in [
            &[("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")][..],
            &[("sec-fetch-site", "same-site"), ("origin", "http://other.127.0.0.1:3000")],
            &[("origin", "https://evil.example")],
            // A frame without an origin of its own, and a browser that hides it.
            &[("origin", "null")],
        ] {
            let answer = function.call(&client, &Uuid::new_v4().to_string(), headers).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{} {headers:?}: {}", function.path, answer.text());
        }
    }
    assert!(still_signed_in(&client).await);
}

async fn still_signed_in(client: &Client) -> bool {
    client.get("/").await.status.is_success()
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let app = TestApp::start().await;
    let (_, client) = app.signed_in("owner@example.org").await;
    let pages =
        ["/", "/sign-in", "/no-such-page", "/healthz", "/rest/v1/database_credentials", "/api/no_such_function"];
    for path in pages {
        for answer in [client.get(path).await, app.anonymous().get(path).await] {
            let header =
                |name: &str| answer.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
            let policy = header("content-security-policy");
            assert!(
                policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
                "{path}: {policy}"
            );
            assert!(!policy.contains("'unsafe-inline'") && !policy.contains("'unsafe-eval'"), "{path}: {policy}");
            assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
            assert!(!header("referrer-policy").is_empty(), "{path}");
            let page = answer.text();
            assert!(!page.contains(" style=\"") && !page.contains(" onclick="), "{path}: the policy would refuse this");
            for script in page.split("<script").skip(1) {
                let tag = script.split('>').next().unwrap_or_default();
                assert!(tag.contains("nonce="), "{path}: <script{tag}> would not run");
            }
        }
    }
    for cookie in client.get("/").await.headers.get_all(header::SET_COOKIE) {
        let cookie = cookie.to_str().expect("a cookie in ASCII");
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
    }
}

#[tokio::test]
async fn an_answer_takes_nothing_of_those_beside_it() {
    let app = TestApp::start().await;
    let (_, client) = app.signed_in("owner@example.org").await;
    let pages = join_all((0..30).map(|_| client.get("/status")));
    let files = join_all((0..30).map(|_| client.get("/favicon.svg")));
    let (pages, files) = join!(pages, files);
    for file in files {
        assert!(file.status.is_success());
        let policy = file.headers[header::CONTENT_SECURITY_POLICY].to_str().expect("a policy in ASCII");
        assert!(!policy.contains("nonce-"), "a file has a page's policy: {policy}");
    }
    for page in pages {
        let policy = page.headers[header::CONTENT_SECURITY_POLICY].to_str().expect("a policy in ASCII");
        let nonce = policy.split("'nonce-").nth(1).and_then(|rest| rest.split('\'').next()).expect("a page's policy");
        for tag in page.text().split(" nonce=\"").skip(1) {
            assert!(tag.starts_with(nonce), "a script of another page");
        }
    }
}

/// A route with something in the place of its parameters.
fn filled(path: &str) -> String {
    path.split('/')
        .map(|part| match part {
            ":provider" => "postgresql".to_owned(),
            "{table}" => "database_credentials".to_owned(),
            "{function}" => "calculate_uptime_percentage".to_owned(),
            _ if part.starts_with([':', '{', '*']) => Uuid::new_v4().to_string(),
            _ => part.to_owned(),
        })
        .collect::<Vec<_>>()
        .join("/")
}

/// Every path of the router. axum lists them in its `Debug` form only, as `"/path"`.
fn routes(app: &TestApp) -> BTreeSet<String> {
    let text = format!("{:?}", app.router());
    text.split('"').filter(|part| part.starts_with('/')).map(str::to_owned).collect()
}
