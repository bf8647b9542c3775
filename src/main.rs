//! The binary: reads the command line and the environment, and calls the command.

use std::{process::ExitCode, time::Duration};

use clap::Parser;
use mooring::server::{commands, config::Config, telemetry};
use tokio::runtime::Runtime;

/// Threads that still look up a name when everything else is done get this long: the system's resolver cannot be
/// interrupted, and with a dead name server it takes half a minute.
const LAST_LOOKUPS: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let cli = commands::Cli::parse();
    telemetry::start();
    let config = Config::from_env(|variable| std::env::var(variable).ok());
    let runtime = match Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!("the threads to work with cannot be started: {error}");
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(commands::run(cli, config));
    runtime.shutdown_timeout(LAST_LOOKUPS);
    code
}
