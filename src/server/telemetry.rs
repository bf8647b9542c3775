//! The log: lines on the standard error, chosen by `RUST_LOG`.

use std::io::{IsTerminal, stderr};

use tracing_subscriber::EnvFilter;

/// What is logged where `RUST_LOG` is not set: what an operator acts on.
const USUAL: &str = "info,sqlx=warn,hyper=warn,tower_http=warn,h2=warn";

/// What a filter for everything does not bring back: the driver of the PostgreSQL probe logs what the server under test sends as a
/// notice, a stranger's words with line breaks and whatever they repeat of what it was told.
const NEVER: &str = "tokio_postgres=off";

/// Starts the log. A filter that cannot be read is replaced by the usual one and said so.
pub fn start() {
    let wanted = std::env::var("RUST_LOG").ok().filter(|filter| !filter.is_empty());
    let with = |filter: &str| format!("{filter},{NEVER}");
    let parsed = wanted.as_deref().map(|wanted| EnvFilter::try_new(with(wanted)));
    let (filter, refused) = match parsed {
        Some(Ok(filter)) => (filter, None),
        Some(Err(error)) => (EnvFilter::new(with(USUAL)), Some(error)),
        None => (EnvFilter::new(with(USUAL)), None),
    };
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(stderr)
        .with_ansi(stderr().is_terminal())
        .with_target(false);
    // It can only have been started already, by a test.
    let _ = log.try_init();
    if let Some(error) = refused {
        tracing::warn!("RUST_LOG cannot be read, so the usual filter `{USUAL}` holds: {error}");
    }
}
