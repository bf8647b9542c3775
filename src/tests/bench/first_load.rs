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

/// Adds up the scripts, styles and wasm of a first visit, which is the page that makes the first account, and of the
/// board, which those who come every day load.
pub async fn measure(database: TestDatabase) -> Vec<Line> {
    let installation = Installation::on(&database).with("MOORING_SCHEDULER", "off").with("RUST_LOG", "warn");
    let process = installation.serve();
    let stranger = Client::new(Server::At(process.address), &Transcript::default());
    let mut lines = Vec::new();
    for (what, extension, aim) in
        [("wasm", ".wasm", "< 350 kB"), ("JavaScript", ".js", "no charts"), ("CSS", ".css", "")]
    {
        lines.push(line(&format!("First visit: {what}, Brotli"), loads(&stranger, "/welcome", extension).await, aim));
    }
    installation.must(&["user", "add", EMAIL, "--admin", "--password-stdin"], PASSWORD);
    let owner = stranger.sign_in(EMAIL).await;
    lines.push(line("Board: wasm, Brotli", loads(&owner, "/", ".wasm").await, ""));
    lines
}

fn line(what: &str, bytes: usize, aim: &'static str) -> Line {
    Line {
        what: what.to_owned(),
        mooring: format!("{:.1} kB", f64::from(u32::try_from(bytes).unwrap_or(u32::MAX)) / 1_000.0),
        bare: String::new(),
        ratio: String::new(),
        aim,
    }
}

/// Bytes of the files with this ending that a page loads at once, as they are sent.
async fn loads(client: &Client, page: &str, extension: &str) -> usize {
    let page = client.get(page).await.text();
    assert!(!page.contains("charts."), "charts are loaded where there is none");
    let mut paths = named(&page, extension);
    // What the scripts import at once is loaded with them.
    for path in named(&page, ".js") {
        let script = client.get(&path).await.text();
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        // Between quotes, behind `from` or `import`: other strings of the script are no files.
        let pieces: Vec<&str> = script.split(['"', '\'']).collect();
        let imports = pieces
            .windows(2)
            .filter(|pair| pair[0].trim_end().ends_with("from") || pair[0].trim_end().ends_with("import"))
            .filter_map(|pair| pair[1].strip_prefix("./"));
        paths.extend(imports.filter(|import| import.ends_with(extension)).map(|import| format!("{folder}/{import}")));
    }
    paths.sort();
    paths.dedup();
    let mut bytes = 0;
    for path in paths {
        let answer = client.send(Request::get(&path).header(header::ACCEPT_ENCODING, "br"), "").await;
        assert!(answer.status.is_success(), "{path}: {}", answer.status);
        let encoding = answer.headers.get(header::CONTENT_ENCODING);
        assert!(encoding.is_some_and(|encoding| encoding == "br"), "{path} is not sent in Brotli");
        bytes += answer.body.len();
    }
    assert!(bytes > 0, "the page names no {extension}: is target/site built?");
    bytes
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
