//! `serve`.

use std::{convert::Infallible, io};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
};
use tokio_util::sync::CancellationToken;

use crate::{
    auth::server::accounts,
    server::{
        config::Config,
        embedded_postgres::EmbeddedPostgres,
        startup::{self, OpenDatabase},
    },
};

use super::CommandError;

pub(super) async fn serve(config: Config) -> Result<(), CommandError> {
    raise_file_limit();
    let stop = CancellationToken::new();
    tokio::spawn(stop_on_signal(Signals::new()?, stop.clone()));
    // Before anything is started: a port that is taken is the commonest mistake.
    let listener = listen(&config).await?;
    if config.has_short_cron_secret() {
        tracing::warn!("MOORING_CRON_SECRET is short enough to be guessed: `openssl rand -hex 32` makes a good one");
    }
    let open = startup::open_database(&config).await?;
    let served = tokio::select! {
        served = serve_on(config, &open, listener, stop) => served,
        never = keep(open.embedded()) => match never {},
    };
    let closed = open.close().await;
    tracing::info!("stopped");
    served.and(closed.map_err(CommandError::from))
}

async fn serve_on(
    config: Config,
    open: &OpenDatabase,
    listener: TcpListener,
    stop: CancellationToken,
) -> Result<(), CommandError> {
    let addr = listener.local_addr().unwrap_or(config.addr);
    let address = config.public_url.as_ref().map_or_else(|| format!("http://{addr}"), ToString::to_string);
    let state = startup::build(config, open.database.clone(), stop.clone()).await?;
    accounts::announce_sign_up_code(&state).await?;
    tracing::info!("Mooring is at {address}");
    crate::server::run(state, listener, stop).await;
    Ok(())
}

/// Keeps the private server running, where there is one.
async fn keep(embedded: Option<&EmbeddedPostgres>) -> Infallible {
    match embedded {
        Some(embedded) => embedded.keep().await,
        None => std::future::pending().await,
    }
}

/// Takes as many file descriptors as the operator allows. Each check and each browser needs one, and the soft limit
/// of 1,024 that most systems begin with is there for programs that use `select`, which this one does not.
fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    if limit.current == limit.maximum {
        return;
    }
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
        tracing::warn!("the limit of open files stays at {:?}: {error}", limit.current);
    }
}

async fn listen(config: &Config) -> Result<TcpListener, CommandError> {
    TcpListener::bind(config.addr).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => CommandError::Failed(format!(
            "the port of {} is in use: stop the program that has it, or set MOORING_ADDR to another one",
            config.addr
        )),
        io::ErrorKind::PermissionDenied => CommandError::Failed(format!(
            "the port of {} may not be used without further rights: set MOORING_ADDR to a port from 1024 on",
            config.addr
        )),
        io::ErrorKind::AddrNotAvailable => CommandError::Failed(format!(
            "{} is no address of this machine: set MOORING_ADDR to one that is",
            config.addr
        )),
        _ => CommandError::file(format!("cannot listen at {} (MOORING_ADDR)", config.addr))(error),
    })
}

/// The signals that mean "stop".
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    pub(super) fn new() -> Result<Self, CommandError> {
        let listen = |kind| signal(kind).map_err(CommandError::file("signals cannot be listened for"));
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// The first signal stops in good order, the second at once: a private database is found by the next start.
async fn stop_on_signal(mut signals: Signals, stop: CancellationToken) {
    signals.next().await;
    tracing::info!("stopping; once more to stop at once");
    stop.cancel();
    signals.next().await;
    std::process::exit(130);
}
