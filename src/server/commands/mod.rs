//! The command line. Results go to the standard output, logs and errors to the standard error; the exit
//! status is 0 for done, 1 for failed and 2 for a command line that cannot be understood. Secrets come by
//! the standard input or the environment, never as arguments, which everyone on the machine can read.

mod accounts;
mod audit;
mod backup;
mod checks;
mod diagnose;
mod input;
mod keys;
mod programs;
mod restore;
mod self_test;
mod serve;

use std::{
    fmt::Write as _,
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Parser, Subcommand};
use tokio_util::sync::CancellationToken;

use crate::{
    audit::server::chain::{self, Head},
    auth::{Role, Scope},
    connections::{Provider, UnknownProvider},
    error::AppError,
    ids::ConnectionId,
    server::{
        config::{Config, ConfigError, PublicUrl},
        startup::{self, StartError},
        state::AppState,
        vault::{VaultError, check::CheckError, rotate::RotateError},
        wire,
    },
};

/// What was asked for.
#[derive(Debug, Parser)]
#[command(name = "mooring", version, about, disable_help_subcommand = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the pages and watch the connections (the default)
    Serve,
    /// Bring the database's schema up to date
    Migrate,
    /// Accounts
    #[command(subcommand)]
    User(UserCommand),
    /// API tokens
    #[command(subcommand)]
    Token(TokenCommand),
    /// Connections
    #[command(subcommand)]
    Connection(ConnectionCommand),
    /// Check what is due, or one connection, now
    Check {
        /// The id of the one connection to check
        #[arg(long, value_name = "ID")]
        connection: Option<ConnectionId>,
    },
    /// Take a connection apart: where it stops, why, and what to do
    Diagnose {
        /// The address of the database; `-` takes it from the standard input, where nobody can see it: an address, a
        /// file that holds one (.env, .pgpass, my.cnf, a service account), or settings as JSON with their provider
        #[arg(value_name = "URL")]
        url: String,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Master keys
    #[command(subcommand)]
    Keys(KeysCommand),
    /// The audit log
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Write the database and the master keys into one file
    Backup {
        /// The file to make; whoever can read it can read every password in it
        file: PathBuf,
    },
    /// Bring a backup into an empty database
    Restore {
        /// A file that `mooring backup` made
        file: PathBuf,
    },
    /// Say what runs, what does not, and why
    SelfTest,
    /// Print the documentation of the API as OpenAPI 3.1
    Openapi,
}

#[derive(Debug, Subcommand)]
enum UserCommand {
    /// Make an account and print its id; the first is the administrator
    Add {
        /// The e-mail address to sign in with
        email: String,
        /// Make it an administrator
        #[arg(long)]
        admin: bool,
        /// Take the password from the standard input
        #[arg(long, required = true)]
        password_stdin: bool,
    },
    /// Set a new password, which ends all sessions of the account
    Password {
        /// The account's e-mail address
        email: String,
        /// Take the password from the standard input
        #[arg(long, required = true)]
        password_stdin: bool,
    },
    /// Print all accounts: id, e-mail address, role
    List,
    /// Make an account an administrator or a member
    Role {
        /// The account's e-mail address
        email: String,
        /// admin or member
        #[arg(value_parser = role)]
        role: Role,
    },
    /// Remove an account, and its connections unless they are transferred
    Remove {
        /// The account's e-mail address
        email: String,
        /// Give its connections, with their history, to this account
        #[arg(long, value_name = "EMAIL")]
        transfer_to: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
enum TokenCommand {
    /// Make an API token and print it, this once
    Add {
        /// The account's e-mail address
        email: String,
        /// By which to know it again
        #[arg(long)]
        name: String,
        /// What it may do
        #[arg(long, default_value = "full", value_parser = scope)]
        scope: Scope,
    },
}

#[derive(Debug, Subcommand)]
enum ConnectionCommand {
    /// Store a connection, untested, and print its id
    Add {
        /// The account's e-mail address
        email: String,
        /// The connection's name
        #[arg(long)]
        name: String,
        /// postgresql, mysql, mongodb, firebase or supabase
        #[arg(long, value_parser = provider)]
        provider: Provider,
        /// Take the settings, a JSON object, from the standard input
        #[arg(long, required = true)]
        settings_stdin: bool,
    },
}

#[derive(Debug, Subcommand)]
enum KeysCommand {
    /// Make a new current master key and bring every stored secret under it
    Rotate,
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    /// Find whether any entry was changed, removed or moved
    Verify {
        /// A head that the server's log has (position:HMAC), which has to be in it
        #[arg(long, value_name = "HEAD")]
        head: Option<Head>,
    },
}

fn role(code: &str) -> Result<Role, &'static str> {
    Role::from_code(code).ok_or("choose one of: admin, member")
}

fn scope(code: &str) -> Result<Scope, &'static str> {
    Scope::from_code(code).ok_or("choose one of: full, read, cron")
}

fn provider(code: &str) -> Result<Provider, UnknownProvider> {
    code.parse()
}

/// The exit status for a command line that cannot be understood, as clap has it.
const BAD_USAGE: u8 = 2;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
enum CommandError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    App(#[from] AppError),
    #[error(transparent)]
    Keys(#[from] CheckError),
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error(transparent)]
    Rotate(#[from] RotateError),
    #[error("{action}")]
    File {
        action: String,
        #[source]
        source: io::Error,
    },
    #[error("{0}")]
    Failed(String),
    /// What was given cannot be understood.
    #[error("{0}")]
    Usage(String),
    /// The result is printed and is not a good one; there is nothing to add.
    #[error("the result is not a good one")]
    Told,
}

impl CommandError {
    fn file(action: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let action = action.into();
        |source| Self::File { action, source }
    }

    /// One line for the operator: the message, and what caused it where the message does not say so itself.
    fn line(&self) -> String {
        if let Self::App(AppError::Invalid(fields)) = self {
            let fields: Vec<_> = fields
                .iter()
                .map(|error| {
                    if error.field.is_empty() {
                        error.message.clone()
                    } else {
                        format!("{}: {}", error.field, error.message)
                    }
                })
                .collect();
            return fields.join(" ");
        }
        let mut line = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(error) = source {
            let text = error.to_string();
            if !line.contains(&text) {
                // Writing to a string does not fail.
                let _ = write!(line, ": {text}");
            }
            source = error.source();
        }
        line.split(['\n', '\r']).map(str::trim).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
    }
}

/// Does what was asked for.
pub async fn run(cli: Cli, config: Result<Config, ConfigError>) -> ExitCode {
    let done = match config {
        Ok(config) => dispatch(cli.command.unwrap_or(Command::Serve), config).await,
        Err(error) => Err(error.into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(CommandError::Told) => ExitCode::FAILURE,
        Err(error) => {
            // There is nobody else to tell where the standard error is closed.
            let _ = writeln!(io::stderr(), "mooring: {}", error.line());
            if matches!(error, CommandError::Usage(_)) { ExitCode::from(BAD_USAGE) } else { ExitCode::FAILURE }
        }
    }
}

async fn dispatch(command: Command, config: Config) -> Result<(), CommandError> {
    match command {
        Command::Serve => serve::serve(config).await,
        Command::Migrate => migrate(config).await,
        Command::User(UserCommand::Add { email, admin, password_stdin: _ }) => {
            let password = input::password()?;
            with_state(config, async |state| accounts::add_user(state, &email, admin, &password).await).await
        }
        Command::User(UserCommand::Password { email, password_stdin: _ }) => {
            let password = input::password()?;
            with_state(config, async |state| accounts::set_password(state, &email, &password).await).await
        }
        Command::User(UserCommand::List) => with_state(config, accounts::list_users).await,
        Command::User(UserCommand::Role { email, role }) => {
            with_state(config, async |state| accounts::change_role(state, &email, role).await).await
        }
        Command::User(UserCommand::Remove { email, transfer_to }) => {
            with_state(config, async |state| accounts::remove_user(state, &email, transfer_to.as_deref()).await).await
        }
        Command::Token(TokenCommand::Add { email, name, scope }) => {
            with_state(config, async |state| accounts::add_token(state, &email, &name, scope).await).await
        }
        Command::Connection(ConnectionCommand::Add { email, name, provider, settings_stdin: _ }) => {
            let settings = input::settings(provider)?;
            with_state(config, async |state| checks::add_connection(state, &email, &name, provider, settings).await)
                .await
        }
        Command::Check { connection: Some(id) } => {
            with_state(config, async |state| checks::check_one(state, id).await).await
        }
        Command::Check { connection: None } => with_state(config, checks::check_due).await,
        Command::Audit(AuditCommand::Verify { head }) => {
            with_state(config, async |state| audit::verify(state, head.as_ref()).await).await
        }
        Command::Diagnose { url, json } => diagnose::diagnose(&config, &url, json).await,
        Command::Keys(KeysCommand::Rotate) => with_state(config, keys::rotate).await,
        Command::Backup { file } => backup::backup(config, &file).await,
        Command::Restore { file } => restore::restore(config, &file).await,
        Command::SelfTest => with_state(config, self_test::self_test).await,
        Command::Openapi => openapi(&config),
    }
}

/// Opens the database and the keys, does `action`, and puts everything away whether it went well or not.
async fn with_state(
    config: Config,
    action: impl AsyncFnOnce(&AppState) -> Result<(), CommandError>,
) -> Result<(), CommandError> {
    let open = startup::open_database(&config).await?;
    let stop = CancellationToken::new();
    let done = match startup::build(config, open.database.clone(), stop).await {
        Ok(state) => {
            let done = action(&state).await;
            // What the command recorded joins the chain before anyone can touch it. Where it cannot, it waits for
            // the server, and the command has done its work.
            if let Err(error) = chain::extend(&state).await {
                tracing::warn!("the audit log's chain cannot be continued: {error}");
            }
            done
        }
        Err(error) => Err(error.into()),
    };
    let closed = open.close().await;
    done.and(closed.map_err(CommandError::from))
}

async fn migrate(config: Config) -> Result<(), CommandError> {
    let open = startup::open_database(&config).await?;
    open.close().await?;
    print("The schema is up to date.")
}

fn openapi(config: &Config) -> Result<(), CommandError> {
    let document = wire::openapi::document(config.public_url.as_ref().map_or("/", PublicUrl::origin));
    print(document.to_pretty_json().map_err(|error| AppError::internal(&error))?)
}

/// Prints a result. Everything that a command answers goes through here.
fn print(line: impl AsRef<str>) -> Result<(), CommandError> {
    writeln!(io::stdout().lock(), "{}", line.as_ref()).map_err(CommandError::file("the result cannot be printed"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn reads_the_documented_forms() {
        for line in [
            "mooring",
            "mooring serve",
            "mooring migrate",
            "mooring user add a@example.org --admin --password-stdin",
            "mooring user password a@example.org --password-stdin",
            "mooring user list",
            "mooring user role a@example.org admin",
            "mooring user remove a@example.org",
            "mooring user remove a@example.org --transfer-to b@example.org",
            "mooring token add a@example.org --name ci --scope read",
            "mooring token add a@example.org --name ci",
            "mooring connection add a@example.org --name db --provider mysql --settings-stdin",
            "mooring check",
            "mooring check --connection 00000000-0000-0000-0000-000000000001",
            "mooring diagnose postgresql://app@db.example.org/app",
            "mooring diagnose - --json",
            "mooring keys rotate",
            "mooring audit verify",
            "mooring backup b.tar.gz",
            "mooring restore b.tar.gz",
            "mooring self-test",
            "mooring openapi",
        ] {
            assert!(Cli::try_parse_from(line.split(' ')).is_ok(), "{line}");
        }
    }

    #[test]
    fn what_cannot_be_understood_is_bad_usage() {
        for line in [
            "mooring fly",
            "mooring user add a@example.org",
            "mooring user add --password-stdin",
            "mooring user add a@example.org --password hush",
            "mooring user role a@example.org king",
            "mooring user remove",
            "mooring token add a@example.org",
            "mooring token add a@example.org --name ci --scope all",
            "mooring connection add a@example.org --name db --provider oracle --settings-stdin",
            "mooring connection add a@example.org --name db --provider mysql",
            "mooring check --connection 7",
            "mooring diagnose",
            "mooring backup",
            "mooring audit verify --head 12",
        ] {
            let error = Cli::try_parse_from(line.split(' ')).expect_err(line);
            assert_eq!(error.exit_code(), 2, "{line}");
        }
    }

    #[test]
    fn an_error_is_one_line_that_says_nothing_twice() {
        let reason = || io::Error::other("the disk\nis full");
        let error = CommandError::File { action: "x cannot be written".to_owned(), source: reason() };
        assert_eq!(error.line(), "x cannot be written: the disk is full");
        let said = CommandError::File { action: format!("x: {}", reason()), source: reason() };
        assert_eq!(said.line(), "x: the disk is full");
        let fields = CommandError::App(AppError::invalid("port", "Use a number."));
        assert_eq!(fields.line(), "port: Use a number.");
    }
}
