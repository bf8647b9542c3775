//! A client that keeps cookies, as a browser, or carries a token, as a program. Everything that it was
//! answered is kept, so that a test can look for what must not be in it.

use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::ConnectInfo,
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use tower::ServiceExt;

use super::http::HttpConnection;

/// The password of every account of the tests.
pub const PASSWORD: &str = "quiet harbour lantern 47 moss";
/// Where requests to an application in this process come from.
const PEER: ([u8; 4], u16) = ([127, 0, 0, 1], 40_000);
/// The host that they name.
const HOST: &str = "127.0.0.1:3000";
/// More than any page; a longer answer is a fault.
const LONGEST_ANSWER: usize = 16 * 1024 * 1024;

/// What was asked, and headers and body of the answer.
pub type Transcript = Arc<Mutex<Vec<(String, Bytes)>>>;

/// Who answers.
#[derive(Clone, Debug)]
pub enum Server {
    /// An application in this process.
    Here(Router),
    /// A process that listens at the address.
    At(SocketAddr),
}

/// One who sends requests and keeps the cookies that come back.
#[derive(Debug)]
pub struct Client {
    server: Server,
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
    /// A client without cookies or token.
    pub fn new(server: Server, transcript: &Transcript) -> Self {
        Self { server, transcript: Arc::clone(transcript), cookies: Mutex::default(), bearer: None }
    }

    /// The same with an API token.
    pub fn with_token(self, token: &str) -> Self {
        Self { bearer: Some(token.to_owned()), ..self }
    }

    /// Signs in through the form, as an account with [`PASSWORD`].
    pub async fn sign_in(self, email: &str) -> Self {
        let answer = self.post_form(&server_function("sign_in"), &[("email", email), ("password", PASSWORD)]).await;
        assert!(answer.status.is_redirection() || answer.status.is_success(), "sign in: {answer:?}");
        assert!(!self.cookies.lock().expect("cookies").is_empty(), "sign in set no cookie: {answer:?}");
        self
    }

    /// The cookies as a request carries them.
    pub fn cookies(&self) -> String {
        let cookies = self.cookies.lock().expect("cookies");
        cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    /// `GET` as a browser navigates.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).header(header::ACCEPT, "text/html,application/xhtml+xml"), Bytes::new()).await
    }

    /// `POST` of JSON, as a script or a hydrated page does.
    pub async fn post_json(&self, path: &str, body: &serde_json::Value) -> Answer {
        let request = Request::post(path)
            .header(header::ACCEPT, "application/json")
            .header(header::CONTENT_TYPE, "application/json");
        self.send(request, body.to_string()).await
    }

    /// `POST` of a form, as a browser without JavaScript does.
    pub async fn post_form(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let fields: Vec<String> =
            fields.iter().map(|(name, value)| format!("{}={}", percent(name), percent(value))).collect();
        let request = Request::post(path)
            .header(header::ACCEPT, "text/html,application/xhtml+xml")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request, fields.join("&")).await
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Panics
    ///
    /// Where the server cannot be reached; [`Client::try_send`] where that may be.
    pub async fn send(&self, request: http::request::Builder, body: impl Into<Bytes>) -> Answer {
        self.try_send(request, body).await.expect("an answer")
    }

    /// Sends a request and reads the whole answer. Adds what a browser adds: cookies, host and, unless the
    /// request names one, the site's own origin.
    pub async fn try_send(&self, request: http::request::Builder, body: impl Into<Bytes>) -> io::Result<Answer> {
        let mut request = request.body(body.into()).expect("a request");
        self.dress(&mut request);
        let asked = format!("{} {}", request.method(), request.uri());
        let response = match &self.server {
            Server::Here(router) => {
                let (parts, body) = call(router, request.map(Body::from)).await.into_parts();
                let body = to_bytes(body, LONGEST_ANSWER).await.map_err(io::Error::other)?;
                Response::from_parts(parts, body)
            }
            Server::At(address) => HttpConnection::open(*address).await?.send(&request).await?,
        };
        let (parts, body) = response.into_parts();
        self.keep_cookies(&parts.headers);
        let heard: Vec<u8> = parts
            .headers
            .iter()
            .flat_map(|(name, value)| [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\n"].concat())
            .chain(body.iter().copied())
            .collect();
        self.transcript.lock().expect("transcript").push((asked, heard.into()));
        Ok(Answer { status: parts.status, headers: parts.headers, body })
    }

    /// Sends a request and answers as soon as the headers are there, for streams without an end; in this
    /// process only.
    pub async fn open(&self, request: http::request::Builder) -> Response<Body> {
        let mut request = request.body(Bytes::new()).expect("a request");
        self.dress(&mut request);
        match &self.server {
            Server::Here(router) => call(router, request.map(Body::from)).await,
            Server::At(address) => panic!("{address} is not in this process"),
        }
    }

    fn dress(&self, request: &mut Request<Bytes>) {
        let host = match &self.server {
            Server::Here(_) => HOST.to_owned(),
            Server::At(address) => address.to_string(),
        };
        let is_read = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
        let cookies = self.cookies();
        let headers = request.headers_mut();
        if !cookies.is_empty() {
            headers.insert(header::COOKIE, cookies.parse().expect("cookies"));
        }
        if let Some(token) = &self.bearer {
            headers.insert(header::AUTHORIZATION, format!("Bearer {token}").parse().expect("a token"));
        } else if !is_read && !headers.contains_key(header::ORIGIN) {
            headers.insert(header::ORIGIN, format!("http://{host}").parse().expect("an origin"));
        }
        headers.insert(header::HOST, HeaderValue::try_from(host).expect("a host"));
    }

    fn keep_cookies(&self, headers: &HeaderMap) {
        let mut cookies = self.cookies.lock().expect("cookies");
        for cookie in headers.get_all(header::SET_COOKIE) {
            let cookie = cookie.to_str().expect("a cookie in ASCII");
            let (name, value) = cookie.split(';').next().and_then(|pair| pair.split_once('=')).expect("a cookie");
            if value.is_empty() || cookie.contains("Max-Age=0") {
                cookies.remove(name);
            } else {
                cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

async fn call(router: &Router, mut request: Request<Body>) -> Response<Body> {
    request.extensions_mut().insert(ConnectInfo(SocketAddr::from(PEER)));
    let Ok(response) = router.clone().oneshot(request).await;
    response
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

/// Percent-encodes for a form or a query.
pub fn percent(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
