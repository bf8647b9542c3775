//! What a browser loads on its first visit, compressed as the server sends it.

use http::{Request, header};

use crate::{
    Line,
    support::{
        client::{Client, PASSWORD, Server, Transcript},
        cluster::TestDatabase,
        mooring::Installation,
    },
};

const EMAIL: &str = "bench@example.org";

/// Adds up the scripts, styles and wasm that the board page names.
pub async fn measure(database: TestDatabase) -> Vec<Line> {
    let installation = Installation::on(&database).with("MOORING_SCHEDULER", "off").with("RUST_LOG", "warn");
    installation.must(&["user", "add", EMAIL, "--admin", "--password-stdin"], PASSWORD);
    let process = installation.serve();
    let client = Client::new(Server::At(process.address), &Transcript::default()).sign_in(EMAIL).await;
    let page = client.get("/").await.text();
    let mut lines = Vec::new();
    for (what, extension, aim) in [
        ("Wasm on first load, Brotli", ".wasm", "< 350 kB"),
        ("JavaScript on first load, Brotli", ".js", ""),
        ("CSS on first load, Brotli", ".css", ""),
    ] {
        let mut bytes = 0;
        for path in named(&page, extension) {
            let answer = client.send(Request::get(&path).header(header::ACCEPT_ENCODING, "br"), "").await;
            assert!(answer.status.is_success(), "{path}: {}", answer.status);
            let encoding = answer.headers.get(header::CONTENT_ENCODING);
            assert!(encoding.is_some_and(|encoding| encoding == "br"), "{path} is not sent in Brotli");
            bytes += answer.body.len();
        }
        assert!(bytes > 0, "the page names no {extension}: is target/site built?");
        lines.push(Line {
            what: what.to_owned(),
            mooring: format!("{:.1} kB", f64::from(u32::try_from(bytes).unwrap_or(u32::MAX)) / 1_000.0),
            bare: String::new(),
            ratio: String::new(),
            aim,
        });
    }
    lines
}

/// The paths with this ending that a page names in quotes, each once.
fn named(page: &str, extension: &str) -> Vec<String> {
    let mut paths: Vec<String> = page
        .split(['"', '\'', '`'])
        .filter(|text| text.starts_with('/') && text.ends_with(extension))
        .map(str::to_owned)
        .collect();
    paths.sort();
    paths.dedup();
    paths
}
