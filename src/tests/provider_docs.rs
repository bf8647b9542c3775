//! Guides with a local server in the place of the official pages: fetched, kept, asked again, served while it is down;
//! and servers that mean harm.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use http::{StatusCode, header};
use mooring::{
    auth::server::Caller,
    connections::Provider,
    knowledge::server::stock,
    provider_docs::{Source, server},
    server::state::AppState,
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::watch};

use crate::support::{app::TestApp, client::Client};

const DOCS: &str = "/functions/v1/fetch-provider-docs";

/// How the site answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    Usual,
    Down,
    LeadsAway,
    LeadsToMetadata,
    LeadsInACircle,
    NeverEnds,
    Binary,
    Deep,
    Hostile,
}

#[derive(Clone)]
struct Site {
    mood: Arc<Mutex<Mood>>,
    asked: watch::Sender<u32>,
    unchanged: Arc<AtomicU32>,
    words: Arc<Mutex<&'static str>>,
    /// While it is shut, what asks waits for its answer.
    is_open: watch::Sender<bool>,
}

impl Site {
    async fn start() -> (Self, SocketAddr) {
        let site = Self {
            mood: Arc::new(Mutex::new(Mood::Usual)),
            asked: watch::Sender::new(0),
            unchanged: Arc::default(),
            words: Arc::new(Mutex::new("first edition")),
            is_open: watch::Sender::new(true),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("its address");
        let router = Router::new().fallback(answer).with_state(site.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (site, address)
    }

    fn set(&self, mood: Mood) {
        *self.mood.lock().expect("the mood") = mood;
    }

    /// How often it was asked since this was asked.
    fn asked(&self) -> u32 {
        self.asked.send_replace(0)
    }

    fn open(&self, is_open: bool) {
        self.is_open.send_replace(is_open);
    }

    /// Waits until somebody has asked.
    async fn until_asked(&self) {
        self.asked.subscribe().wait_for(|asked| *asked > 0).await.expect("the site");
    }
}

async fn answer(State(site): State<Site>, request: Request) -> Response {
    site.asked.send_modify(|asked| *asked += 1);
    site.is_open.subscribe().wait_for(|is_open| *is_open).await.expect("the site");
    let html = |body: String| ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], body).into_response();
    let mood = *site.mood.lock().expect("the mood");
    let path = request.uri().path().to_owned();
    match mood {
        Mood::Usual => {
            let words = *site.words.lock().expect("the words");
            let etag = format!("\"{}\"", words.len());
            if request.headers().get(header::IF_NONE_MATCH).is_some_and(|sent| sent.as_bytes() == etag.as_bytes()) {
                site.unchanged.fetch_add(1, Ordering::SeqCst);
                return StatusCode::NOT_MODIFIED.into_response();
            }
            let mut response = html(format!(
                "<html><body><nav>menu</nav><main><h1>Page {path}</h1><h2>News of {words}</h2><p>The {words}, \
                 <a href='/x'>more</a>.</p></main></body></html>"
            ));
            response.headers_mut().insert(header::ETAG, etag.parse().expect("a header"));
            response
        }
        Mood::Down => StatusCode::BAD_GATEWAY.into_response(),
        Mood::LeadsAway => (StatusCode::FOUND, [(header::LOCATION, "https://evil.example/")]).into_response(),
        Mood::LeadsToMetadata => {
            (StatusCode::FOUND, [(header::LOCATION, "http://169.254.169.254/latest/")]).into_response()
        }
        Mood::LeadsInACircle => (StatusCode::FOUND, [(header::LOCATION, "/again")]).into_response(),
        Mood::NeverEnds => {
            let chunks = futures::stream::repeat_with(|| Ok::<_, std::io::Error>(vec![b'x'; 64 * 1024]));
            ([(header::CONTENT_TYPE, "text/html")], Body::from_stream(chunks)).into_response()
        }
        Mood::Binary => ([(header::CONTENT_TYPE, "application/octet-stream")], "x").into_response(),
        Mood::Deep => html("<div>".repeat(300_000)),
        Mood::Hostile => html(
            "<main><h1 onclick='x'>T</h1><script>steal()</script><p>a <a href='javascript:steal()'>b</a> \
             <img src=x onerror=steal()><svg onload=steal()></svg> &lt;script&gt;steal()&lt;/script&gt;</p></main>"
                .to_owned(),
        ),
    }
}

async fn with_site() -> (TestApp, Site) {
    let (site, address) = Site::start().await;
    let base = format!("http://{address}/mirror");
    let app = TestApp::with(&[
        ("MOORING_SIGNUP", "open"),
        // What the operator names is exempt, though it is loopback.
        ("MOORING_EGRESS", "public-only"),
        ("MOORING_DOCS_BASE_POSTGRESQL", &base),
    ])
    .await;
    (app, site)
}

async fn docs(client: &Client) -> Value {
    let answer = client.post_json(DOCS, &json!({"provider": "postgresql"})).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.json()
}

#[tokio::test]
async fn official_pages_are_fetched_kept_asked_again_and_served_while_they_are_down() {
    let (app, site) = with_site().await;
    let system = Caller::system(&app.state, "tests");
    let pages = u32::try_from(mooring::provider_docs::official_pages(Provider::PostgreSql).len()).expect("a number");
    let client = app.anonymous();

    // Fetched, at the first time while one waits.
    let first = docs(&client).await;
    assert_eq!((&first["source"], &first["cached"]), (&json!("official"), &json!(false)));
    assert_eq!(first["provider"], json!("postgresql"));
    assert!(first["fetchedAt"].is_string() && first["expiresAt"].is_string());
    assert_eq!(first["latestUpdates"], json!(["News of first edition"]));
    let text = first["documentation"].to_string();
    assert!(
        text.contains("Connection strings") && text.contains("The first edition") && !text.contains("menu"),
        "{text}"
    );
    assert!(text.contains("https://www.postgresql.org/docs/current/libpq-connect.html"), "{text}");
    assert!(!text.contains("127.0.0.1:"), "the mirror is nobody's business");
    assert!(first["commonIssues"].as_array().is_some_and(|issues| issues.len() > 20));
    assert_eq!((&first["aiEnhanced"], site.asked()), (&json!(false), pages));

    // Kept for seven days.
    app.advance(Duration::from_hours(6 * 24)).await;
    let kept = docs(&client).await;
    assert_eq!((&kept["cached"], &kept["fetchedAt"], site.asked()), (&json!(true), &first["fetchedAt"], 0));

    // Then served as they are, and asked for again with what the site said of them.
    app.advance(Duration::from_hours(2 * 24)).await;
    assert!(server::refresh(&system, Provider::PostgreSql).await.expect("a refresh"));
    assert_eq!((site.asked(), site.unchanged.load(Ordering::SeqCst)), (pages, pages));
    let renewed = docs(&client).await;
    assert_ne!(renewed["fetchedAt"], first["fetchedAt"]);
    assert_eq!(renewed["documentation"], first["documentation"]);

    // While the site is down, what there is is served, and the site is left alone for a while.
    site.set(Mood::Down);
    app.advance(Duration::from_hours(8 * 24)).await;
    let stale = docs(&client).await;
    assert_eq!((&stale["source"], &stale["cached"]), (&json!("official"), &json!(true)));
    assert_eq!(stale["documentation"], first["documentation"]);
    until(&app, "select last_error is not null from provider_fetches").await;
    site.asked();
    assert!(!server::refresh(&system, Provider::PostgreSql).await.expect("no refresh"), "it failed just now");
    assert_eq!(site.asked(), 0);

    // And when it is back with something new, that is fetched.
    site.set(Mood::Usual);
    *site.words.lock().expect("the words") = "second, longer edition";
    app.advance(Duration::from_mins(11)).await;
    assert!(server::refresh(&system, Provider::PostgreSql).await.expect("a refresh"));
    let news = docs(&client).await;
    assert!(news["documentation"].to_string().contains("second, longer edition"));
}

/// Waits for work that was left behind an answer.
async fn until(app: &TestApp, question: &str) {
    let mut connection = app.database.connect().await;
    for _ in 0..200 {
        let done: Option<bool> =
            sqlx::query_scalar(question).fetch_optional(&mut connection).await.expect("a question");
        if done == Some(true) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("never: {question}");
}

#[tokio::test]
async fn one_fetches_and_the_others_wait() {
    let (app, site) = with_site().await;
    let other = app.another_process().await;
    site.open(false);
    let ask = |state: &AppState| {
        let state = state.clone();
        tokio::spawn(async move { server::documentation(&state, Provider::PostgreSql).await.expect("the pages") })
    };
    let first = ask(&app.state);
    site.until_asked().await;
    // While one process is at it, no other begins.
    let theirs = Caller::system(&other, "tests");
    assert!(!server::refresh(&theirs, Provider::PostgreSql).await.expect("no refresh"));
    let others = [ask(&app.state), ask(&other), ask(&other)];
    site.open(true);
    assert_eq!(first.await.expect("a task").source, Source::Official);
    for answer in others {
        assert_eq!(answer.await.expect("a task").source, Source::Official);
    }
    let pages = u32::try_from(mooring::provider_docs::official_pages(Provider::PostgreSql).len()).expect("a number");
    assert_eq!(site.asked(), pages, "each page was asked for once");
}

#[tokio::test]
async fn what_is_stale_is_served_while_it_is_fetched_again() {
    let (app, site) = with_site().await;
    let client = app.anonymous();
    let first = docs(&client).await;
    app.advance(Duration::from_hours(8 * 24)).await;
    *site.words.lock().expect("the words") = "second, longer edition";
    site.asked();
    site.open(false);
    // The site does not answer before this has its answer.
    let stale = docs(&client).await;
    assert_eq!((&stale["cached"], &stale["documentation"]), (&json!(true), &first["documentation"]));
    site.until_asked().await;
    site.open(true);
    until(&app, "select bool_and(expires_at > mooring_now()) from provider_pages").await;
    let fresh = docs(&client).await;
    assert!(fresh["documentation"].to_string().contains("second, longer edition"));
    assert_eq!(fresh["cached"], json!(true));
}

#[tokio::test]
async fn sites_that_mean_harm_get_nowhere() {
    let (app, site) = with_site().await;
    let system = Caller::system(&app.state, "tests");
    for (mood, said) in [
        (Mood::LeadsAway, "leads away"),
        (Mood::LeadsToMetadata, "leads away"),
        (Mood::LeadsInACircle, "leads on"),
        (Mood::NeverEnds, "bytes"),
        (Mood::Binary, "no text"),
        (Mood::Deep, "elements"),
        (Mood::Down, "502"),
    ] {
        site.set(mood);
        assert!(server::refresh(&system, Provider::PostgreSql).await.expect("a try"), "{mood:?}");
        let error: Option<String> = sqlx::query_scalar("select last_error from provider_fetches")
            .fetch_one(&mut app.database.connect().await)
            .await
            .expect("how it ended");
        assert!(error.as_deref().is_some_and(|error| error.contains(said)), "{mood:?}: {error:?}");
        app.advance(Duration::from_mins(11)).await;
    }
    let builtin = server::documentation(&app.state, Provider::PostgreSql).await.expect("the built-in guide");
    assert_eq!((builtin.source, builtin.fetched_at), (Source::Builtin, None));

    app.advance(Duration::from_mins(11)).await;
    site.set(Mood::Hostile);
    assert!(server::refresh(&system, Provider::PostgreSql).await.expect("a try"));
    let (_, client) = app.signed_in("ada@example.org").await;
    let page = client.get("/guides/postgresql").await;
    assert_eq!(page.status, StatusCode::OK);
    let shown: String = page
        .text()
        .split("<script")
        .enumerate()
        .map(|(at, part)| {
            if at == 0 { part } else { part.split_once("</script>").map_or("", |(_, rest)| rest) }.to_owned()
        })
        .collect();
    for bad in ["onclick", "onerror", "onload", "javascript:", "<svg onload"] {
        assert!(!shown.contains(bad), "{bad}");
    }
    // Its own words are text.
    assert!(shown.contains("&lt;script&gt;steal()"), "{shown}");
}

#[tokio::test]
async fn guides_work_with_no_network() {
    let app = TestApp::with(&[
        ("MOORING_SIGNUP", "open"),
        ("MOORING_EGRESS", "public-only"),
        // Nobody listens there.
        ("MOORING_DOCS_BASE_POSTGRESQL", "http://127.0.0.1:9"),
        ("MOORING_DOCS_BASE_MYSQL", "http://127.0.0.1:9"),
        ("MOORING_DOCS_BASE_MONGODB", "http://127.0.0.1:9"),
        ("MOORING_DOCS_BASE_FIREBASE", "http://127.0.0.1:9"),
        ("MOORING_DOCS_BASE_SUPABASE", "http://127.0.0.1:9"),
    ])
    .await;
    let (_, client) = app.signed_in("ada@example.org").await;
    for provider in Provider::ALL {
        let answer = app.anonymous().post_json(DOCS, &json!({"provider": provider.code(), "extra": 1})).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        let docs = answer.json();
        assert_eq!(docs["source"], json!("builtin"));
        assert!(docs["documentation"]["sections"].as_array().is_some_and(|sections| sections.len() >= 5));
        assert!(docs["commonIssues"][0]["cause"].is_string() && docs["guides"][0]["url"].is_string());
        let page = client.get(&format!("/guides/{}", provider.code())).await;
        assert_eq!(page.status, StatusCode::OK);
        let text = page.text();
        assert!(text.contains("Connection strings") && text.contains("id=\"connect_timeout\""), "{provider}");
    }
    assert!(client.get("/guides").await.text().contains("/guides/firebase"));
    // So does the search.
    stock::load(&Caller::system(&app.state, "tests")).await.expect("the stock");
    assert!(client.get("/knowledge?q=too+many+clients").await.text().contains("Put a pooler in front"));
    assert_eq!(client.get("/guides/oracle").await.status, StatusCode::NOT_FOUND);
    for body in [json!({}), json!({"provider": "oracle"}), json!({"provider": 5})] {
        let answer = app.anonymous().post_json(DOCS, &body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}: {}", answer.text());
    }
}
