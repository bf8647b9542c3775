//! The application in this process: the whole router on a fresh database, a clock that tests move, and
//! clients that keep cookies. Everything that it ever answered is kept, so that a test can look for what
//! must not be in it.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::ConnectInfo,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use leptos::config::LeptosOptions;
use mooring::{
    auth::server::{
        Caller,
        accounts::{add_user, caller_for_email},
    },
    connections::settings::Secret,
    ids::{ConnectionId, WorkerId},
    server::{
        clock::TestClock,
        config::Config,
        db::Database,
        egress::Egress,
        live::Live,
        router::router,
        state::{AppState, Services},
        vault::check::open_vault,
    },
    timestamp::Timestamp,
};
use sqlx::types::time::OffsetDateTime;
use tower::ServiceExt;
use uuid::Uuid;

use super::cluster::TestDatabase;

/// The password of every account that [`TestApp`] makes.
pub const PASSWORD: &str = "correct horse battery staple";
/// Where the requests of the clients come from.
const PEER: ([u8; 4], u16) = ([127, 0, 0, 1], 40_000);
/// The host that the clients name.
const HOST: &str = "127.0.0.1:3000";
/// More than any page; a longer answer is a fault.
const LONGEST_ANSWER: usize = 16 * 1024 * 1024;

/// Bytes of every answer, with what was asked.
pub type Transcript = Arc<Mutex<Vec<(String, Bytes)>>>;

/// One application.
pub struct TestApp {
    /// Its state, for calling features directly.
    pub state: AppState,
    /// Everything that was answered.
    pub transcript: Transcript,
    clock: TestClock,
    router: Router,
    database: TestDatabase,
    // Removed with the application.
    _data_folder: tempfile::TempDir,
}

impl TestApp {
    /// An application with the defaults, but anyone may sign up.
    pub async fn start() -> Self {
        Self::with(&[("MOORING_SIGNUP", "open"), ("MOORING_EGRESS", "self-hosted")]).await
    }

    /// An application with these variables of the environment.
    pub async fn with(variables: &[(&str, &str)]) -> Self {
        let database = TestDatabase::fresh().await;
        let data_folder = tempfile::tempdir().expect("make a data folder");
        let folder = data_folder.path().display().to_string();
        let key = master_key();
        let config = Config::from_env(|name| {
            let given = variables.iter().find(|(variable, _)| *variable == name).map(|(_, value)| (*value).to_owned());
            given.or_else(|| match name {
                "MOORING_DATA_DIR" => Some(folder.clone()),
                "MOORING_MASTER_KEY" => Some(key.clone()),
                _ => None,
            })
        })
        .expect("a configuration that holds");
        let ours = Database::new(database.pool(8));
        let vault = open_vault(&ours, config.master_key.clone()).await.expect("open the vault");
        let mut connection = database.connect().await;
        let now: OffsetDateTime =
            sqlx::query_scalar("select mooring_now()").fetch_one(&mut connection).await.expect("ask for the time");
        let clock = TestClock::at(Timestamp::from(now));
        let leptos = LeptosOptions::builder().output_name("mooring").site_root("target/site").build();
        let state = AppState::new(Services {
            egress: Egress::new(config.egress),
            config,
            database: ours,
            clock: Arc::new(clock.clone()),
            vault,
            live: Live::default(),
            worker: WorkerId(Uuid::new_v4()),
            leptos,
        });
        Self {
            router: router(state.clone()),
            state,
            transcript: Transcript::default(),
            clock,
            database,
            _data_folder: data_folder,
        }
    }

    /// The database under it.
    pub const fn database(&self) -> &TestDatabase {
        &self.database
    }

    /// Moves the process's clock and the database's.
    pub async fn advance(&self, duration: Duration) {
        self.clock.advance(duration);
        sqlx::query("update mooring_clock set shift = shift + make_interval(secs => $1)")
            .bind(duration.as_secs_f64())
            .execute(&mut self.database.connect().await)
            .await
            .expect("move the database's clock");
    }

    /// An account with [`PASSWORD`]: what pages and commands act for. The first is the administrator.
    pub async fn user(&self, email: &str) -> Caller {
        add_user(&self.state, email, &Secret::new(PASSWORD), false).await.expect("add an account");
        caller_for_email(&self.state, email).await.expect("the account just added")
    }

    /// A client that nobody has signed in.
    pub fn anonymous(&self) -> Client {
        Client {
            router: self.router.clone(),
            transcript: Arc::clone(&self.transcript),
            cookies: Mutex::default(),
            bearer: None,
        }
    }

    /// A client whose session belongs to the account `email`, which exists.
    pub async fn sign_in(&self, email: &str) -> Client {
        let client = self.anonymous();
        let answer = client.post_form(&server_function("sign_in"), &[("email", email), ("password", PASSWORD)]).await;
        assert!(answer.status.is_redirection() || answer.status.is_success(), "sign in: {answer:?}");
        assert!(!client.cookies.lock().expect("cookies").is_empty(), "sign in set no cookie: {answer:?}");
        client
    }

    /// An account with a session.
    pub async fn signed_in(&self, email: &str) -> (Caller, Client) {
        let caller = self.user(email).await;
        let client = self.sign_in(email).await;
        (caller, client)
    }

    /// A client with the API token `token`.
    pub fn with_token(&self, token: &str) -> Client {
        Client { bearer: Some(token.to_owned()), ..self.anonymous() }
    }

    /// A connection of `owner`, in the shape that an import by SQL gives it; the server seals it later.
    pub async fn connection(
        &self,
        owner: &Caller,
        name: &str,
        provider: &str,
        credentials: &serde_json::Value,
    ) -> ConnectionId {
        let id: Uuid = sqlx::query_scalar(
            "insert into database_credentials (user_id, provider, connection_name, credentials)
             values ($1, $2, $3, $4) returning id",
        )
        .bind(owner.user_id().expect("an account").0)
        .bind(provider)
        .bind(name)
        .bind(credentials)
        .fetch_one(&mut self.database.connect().await)
        .await
        .expect("insert a connection");
        ConnectionId(id)
    }
}

/// A master key for tests: `test:` and 32 bytes.
pub fn master_key() -> String {
    format!("test:{}", BASE64_STANDARD.encode([7; 32]))
}

/// The path of the server function `name`.
pub fn server_function(name: &str) -> String {
    let suffix = format!("/{name}");
    leptos::server_fn::axum::server_fn_paths()
        .map(|(path, _)| path)
        .find(|path| path.ends_with(&suffix))
        .unwrap_or_else(|| panic!("there is no server function {name}"))
        .to_owned()
}

/// One who sends requests and keeps the cookies that come back.
pub struct Client {
    router: Router,
    transcript: Transcript,
    cookies: Mutex<BTreeMap<String, String>>,
    bearer: Option<String>,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

impl Answer {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// Where it sends the browser.
    pub fn location(&self) -> Option<&str> {
        self.headers.get(header::LOCATION)?.to_str().ok()
    }
}

impl Client {
    /// `GET` as a browser navigates.
    pub async fn get(&self, path: &str) -> Answer {
        let request = Request::get(path).header(header::ACCEPT, "text/html,application/xhtml+xml");
        self.send(request.body(Body::empty()).expect("a request")).await
    }

    /// `POST` of JSON, as a script or a hydrated page does.
    pub async fn post_json(&self, path: &str, body: &serde_json::Value) -> Answer {
        let request = Request::post(path)
            .header(header::ACCEPT, "application/json")
            .header(header::CONTENT_TYPE, "application/json");
        self.send(request.body(Body::from(body.to_string())).expect("a request")).await
    }

    /// `POST` of a form, as a browser without JavaScript does.
    pub async fn post_form(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let encoded: Vec<String> =
            fields.iter().map(|(name, value)| format!("{}={}", percent(name), percent(value))).collect();
        let request = Request::post(path)
            .header(header::ACCEPT, "text/html,application/xhtml+xml")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request.body(Body::from(encoded.join("&"))).expect("a request")).await
    }

    /// Sends a request and reads the whole answer. Adds what a browser adds: cookies, host, and, unless
    /// the request names one, its own site as the origin.
    pub async fn send(&self, request: Request<Body>) -> Answer {
        let asked = format!("{} {}", request.method(), request.uri());
        let (parts, body) = self.open(request).await.into_parts();
        let body = to_bytes(body, LONGEST_ANSWER).await.expect("read an answer");
        let heard: Vec<u8> = parts
            .headers
            .iter()
            .flat_map(|(name, value)| [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\n"].concat())
            .chain(body.iter().copied())
            .collect();
        self.transcript.lock().expect("transcript").push((asked, heard.into()));
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// Sends a request and answers as soon as the headers are there: for streams without an end.
    pub async fn open(&self, mut request: Request<Body>) -> Response<Body> {
        let cookies: Vec<String> = {
            let cookies = self.cookies.lock().expect("cookies");
            cookies.iter().map(|(name, value)| format!("{name}={value}")).collect()
        };
        let is_read = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
        let headers = request.headers_mut();
        headers.insert(header::HOST, HeaderValue::from_static(HOST));
        if !cookies.is_empty() {
            headers.insert(header::COOKIE, cookies.join("; ").parse().expect("cookies"));
        }
        if let Some(token) = &self.bearer {
            headers.insert(header::AUTHORIZATION, format!("Bearer {token}").parse().expect("a token"));
        } else if !is_read && !headers.contains_key(header::ORIGIN) {
            headers.insert(header::ORIGIN, format!("http://{HOST}").parse().expect("an origin"));
        }
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from(PEER)));
        let Ok(response) = self.router.clone().oneshot(request).await;
        for cookie in response.headers().get_all(header::SET_COOKIE) {
            let cookie = cookie.to_str().expect("a cookie in ASCII");
            let (name, value) = cookie.split(';').next().and_then(|pair| pair.split_once('=')).expect("a cookie");
            self.cookies.lock().expect("cookies").insert(name.to_owned(), value.to_owned());
        }
        response
    }
}

/// Percent-encodes for a form or a query.
pub fn percent(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
