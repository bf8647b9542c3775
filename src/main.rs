//! The binary: reads the command line and the environment, and calls the command.

use std::process::ExitCode;

use clap::Parser;
use mooring::server::{commands, config::Config, telemetry};

#[tokio::main]
async fn main() -> ExitCode {
    let cli = commands::Cli::parse();
    telemetry::start();
    let config = Config::from_env(|variable| std::env::var(variable).ok());
    commands::run(cli, config).await
}
