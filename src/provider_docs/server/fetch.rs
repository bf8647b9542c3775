//! Fetches one official page. The site is not trusted: the way leads through the egress policy (unless the operator
//! named the site), redirects stay on it, and bytes and time are bounded.

use std::{sync::Arc, time::Duration};

use http::{HeaderMap, StatusCode, header};
use reqwest::{Client, Response, Url, redirect::Policy};
use rustls::ClientConfig;
use tokio::time::{Instant, timeout_at};

use crate::{
    provider_docs::markdown::{self, MarkdownError},
    server::{
        egress::{Egress, EgressError},
        providers::tls,
    },
};

/// For one page, with its redirects.
const WITHIN: Duration = Duration::from_secs(15);
/// Bytes of a page.
const LONGEST: usize = 2 * 1024 * 1024;
/// Redirects that are followed.
const MOST_REDIRECTS: u32 = 5;
/// Characters of a validator that are kept; it is sent back with the next request.
const LONGEST_VALIDATOR: usize = 200;

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fetched {
    /// The page, as Markdown.
    New { markdown: String, etag: Option<String>, last_modified: Option<String> },
    /// It is still what it was.
    Unchanged,
}

/// Why nothing came back.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("{0}")]
    Egress(#[from] EgressError),
    #[error("the page did not come within {} s", WITHIN.as_secs())]
    TimedOut,
    #[error("the page leads away from its site")]
    LeadsAway,
    #[error("the page leads on more than {MOST_REDIRECTS} times")]
    TooManyRedirects,
    #[error("the site answered {0}")]
    Status(StatusCode),
    #[error("the page is no text but {0}")]
    Kind(String),
    #[error("the page has more than {LONGEST} bytes")]
    TooLong,
    #[error("{0}")]
    Content(#[from] MarkdownError),
    #[error("the site could not be asked")]
    Http(#[from] reqwest::Error),
    #[error("TLS could not be set up")]
    Tls(#[from] rustls::Error),
}

impl FetchError {
    /// Whether the site itself cannot be reached, so that its other pages need not be asked for.
    pub(super) const fn is_out_of_reach(&self) -> bool {
        matches!(self, Self::Egress(_) | Self::TimedOut | Self::Http(_) | Self::Tls(_))
    }
}

/// What is known of the page from the last time.
#[derive(Clone, Debug, Default)]
pub(super) struct Validators {
    pub(super) etag: Option<String>,
    pub(super) last_modified: Option<String>,
}

/// Fetches `page`, unless it is still what it was. `egress` judges the way; none for a site that the operator named.
/// Links in it are read as if it stood at `official`, wherever it was fetched from.
pub(super) async fn fetch(
    egress: Option<&Egress>,
    page: Url,
    official: Url,
    known: &Validators,
) -> Result<Fetched, FetchError> {
    let deadline = Instant::now() + WITHIN;
    let site = page.clone();
    let mut next = page;
    for _ in 0..=MOST_REDIRECTS {
        let response = timeout_at(deadline, ask(egress, next.clone(), known, deadline))
            .await
            .map_err(|_| FetchError::TimedOut)??;
        if response.status().is_redirection() && response.status() != StatusCode::NOT_MODIFIED {
            next = redirected(&site, &next, response.headers())?;
            continue;
        }
        return match response.status() {
            StatusCode::NOT_MODIFIED => Ok(Fetched::Unchanged),
            StatusCode::OK => timeout_at(deadline, read(response, official)).await.map_err(|_| FetchError::TimedOut)?,
            status => Err(FetchError::Status(status)),
        };
    }
    Err(FetchError::TooManyRedirects)
}

/// One request. The addresses are looked up and judged first, and the client knows no others for this name, so that
/// what was judged is what is connected to.
async fn ask(
    egress: Option<&Egress>,
    page: Url,
    known: &Validators,
    deadline: Instant,
) -> Result<Response, FetchError> {
    let mut client = Client::builder()
        .tls_backend_preconfigured(tls_config()?)
        .redirect(Policy::none())
        .no_proxy()
        .referer(false)
        .user_agent(concat!("mooring/", env!("CARGO_PKG_VERSION")));
    if let Some(egress) = egress {
        let host = page.host_str().unwrap_or_default();
        let port = page.port_or_known_default().unwrap_or(443);
        let resolved = egress.resolve(host, port, deadline).await?;
        client = client.resolve_to_addrs(host, resolved.addresses());
    }
    let mut request = client.build()?.get(page).header(header::ACCEPT, "text/html, text/markdown;q=0.9");
    if let Some(etag) = &known.etag {
        request = request.header(header::IF_NONE_MATCH, etag);
    }
    if let Some(at) = &known.last_modified {
        request = request.header(header::IF_MODIFIED_SINCE, at);
    }
    Ok(request.send().await?)
}

fn tls_config() -> Result<ClientConfig, rustls::Error> {
    Ok(ClientConfig::builder_with_provider(tls::provider())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(Arc::new(tls::public_roots().clone()))
        .with_no_client_auth())
}

/// Where a redirect leads: to the same host and port, by the same scheme or a safer one.
fn redirected(site: &Url, from: &Url, headers: &HeaderMap) -> Result<Url, FetchError> {
    let location = headers.get(header::LOCATION).and_then(|value| value.to_str().ok()).ok_or(FetchError::LeadsAway)?;
    let next = from.join(location).map_err(|_| FetchError::LeadsAway)?;
    let same_port = next.port() == site.port();
    let same_scheme = next.scheme() == site.scheme() || next.scheme() == "https";
    let is_plain = next.username().is_empty() && next.password().is_none();
    if next.host_str() == site.host_str() && same_port && same_scheme && is_plain {
        Ok(next)
    } else {
        Err(FetchError::LeadsAway)
    }
}

async fn read(mut response: Response, page: Url) -> Result<Fetched, FetchError> {
    let header = |name| {
        let value = response.headers().get(name).and_then(|value| value.to_str().ok())?;
        (value.len() <= LONGEST_VALIDATOR).then(|| value.to_owned())
    };
    let (etag, last_modified) = (header(header::ETAG), header(header::LAST_MODIFIED));
    let kind = header(header::CONTENT_TYPE).unwrap_or_default().to_ascii_lowercase();
    let is_markdown = kind.starts_with("text/markdown");
    if !(is_markdown || kind.starts_with("text/html") || kind.starts_with("application/xhtml+xml")) {
        return Err(FetchError::Kind(kind.chars().filter(|c| !c.is_control()).take(60).collect()));
    }
    let mut body: Vec<u8> = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > LONGEST {
            return Err(FetchError::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    // Converting takes the processor for a while, and nobody else should wait for it.
    let converted = tokio::task::spawn_blocking(move || {
        let text = String::from_utf8_lossy(&body);
        // Markdown may hold any HTML; it goes the same way.
        markdown::from_html(
            &if is_markdown { format!("<pre>{}</pre>", escaped(&text)) } else { text.into_owned() },
            &page,
        )
    });
    let markdown = converted.await.map_err(|error| MarkdownError::Convert(std::io::Error::other(error)))??;
    Ok(Fetched::New { markdown, etag, last_modified })
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[test]
    fn redirects_stay_on_the_site() {
        let site: Url = "https://docs.example/a".parse().expect("an address");
        let led = |location: &str| {
            let headers = HeaderMap::from_iter([(header::LOCATION, location.parse().expect("a header"))]);
            redirected(&site, &site, &headers).map(|url| url.to_string())
        };
        for (location, leads) in [
            ("/b", "https://docs.example/b"),
            ("b?x=1", "https://docs.example/b?x=1"),
            ("https://docs.example/c", "https://docs.example/c"),
        ] {
            assert_eq!(led(location).expect("on the site"), leads);
        }
        for location in [
            "https://evil.example/",
            "//evil.example/",
            "http://docs.example/",
            "https://docs.example:8443/",
            "https://user@docs.example/",
            "https://docs.example.evil.example/",
            "file:///etc/passwd",
            "https://[::1]/",
        ] {
            assert!(matches!(led(location), Err(FetchError::LeadsAway)), "{location}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_page_that_trickles_for_ever_is_given_up() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let page: Url = format!("http://{}/", listener.local_addr().expect("its address")).parse().expect("an address");
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a client");
            // An answer before the question would be no HTTP.
            let _asked = stream.read(&mut [0; 1024]).await.expect("a request");
            let mut words: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n<p>";
            while stream.write_all(words).await.is_ok() {
                tokio::time::sleep(Duration::from_secs(1)).await;
                words = b"more ";
            }
        });
        let given_up = fetch(None, page.clone(), page, &Validators::default()).await;
        assert!(matches!(given_up, Err(FetchError::TimedOut)), "{given_up:?}");
    }

    #[tokio::test]
    async fn addresses_that_the_policy_bars_are_not_asked() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let egress = Egress::new(crate::server::config::EgressPolicy::PublicOnly);
        for host in ["127.0.0.1", "localhost", "[::1]", "0x7f.1", "169.254.169.254"] {
            let page: Url = format!("http://{host}:{port}/").parse().expect("an address");
            let refused = fetch(Some(&egress), page.clone(), page, &Validators::default()).await;
            assert!(matches!(refused, Err(FetchError::Egress(EgressError::Barred { .. }))), "{host}: {refused:?}");
        }
    }
}
