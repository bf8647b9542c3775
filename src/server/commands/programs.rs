//! PostgreSQL's own programs, told which database by variables of the environment: arguments would show the
//! password to everyone on the machine.

use std::{process::Command, str::FromStr};

use sqlx::postgres::{PgConnectOptions, PgSslMode};

use crate::{
    connections::settings::Secret,
    server::{
        config::Config,
        embedded_postgres,
        startup::{OpenDatabase, StartError},
    },
};

use super::CommandError;

/// `program`, set up for the open database. The rest of our environment stays out but for the search path.
pub(super) async fn program(program: &str, config: &Config, open: &OpenDatabase) -> Result<Command, CommandError> {
    let (path, variables) = match (open.embedded(), &config.database_url) {
        (Some(embedded), _) => (embedded.binaries().program(program), embedded.variables()),
        (None, Some(url)) => {
            let binaries = embedded_postgres::find().await.map_err(|_| {
                CommandError::Failed(format!(
                    "{program} is not there: install PostgreSQL's programs (Debian: apt install postgresql-client)"
                ))
            })?;
            (binaries.program(program), variables(url)?)
        }
        (None, None) => return Err(CommandError::Failed("there is no database".to_owned())),
    };
    let mut command = Command::new(path);
    command.env_clear();
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    for (name, value) in variables {
        command.env(name, value.reveal());
    }
    command.env("PGAPPNAME", "mooring").arg("--no-password");
    Ok(command)
}

/// What libpq needs to know of a `DATABASE_URL`.
fn variables(url: &Secret) -> Result<Vec<(&'static str, Secret)>, CommandError> {
    let options = PgConnectOptions::from_str(url.reveal()).map_err(|_| StartError::DatabaseUrl)?;
    let host = options.get_socket().map_or_else(|| options.get_host().to_owned(), |path| path.display().to_string());
    let mode = match options.get_ssl_mode() {
        PgSslMode::Disable => "disable",
        PgSslMode::Allow => "allow",
        PgSslMode::Prefer => "prefer",
        PgSslMode::Require => "require",
        PgSslMode::VerifyCa => "verify-ca",
        PgSslMode::VerifyFull => "verify-full",
    };
    let database = options.get_database().unwrap_or_else(|| options.get_username());
    let mut variables = vec![
        ("PGHOST", Secret::new(host.trim_matches(['[', ']']))),
        ("PGPORT", Secret::new(options.get_port().to_string())),
        ("PGUSER", Secret::new(options.get_username())),
        ("PGDATABASE", Secret::new(database)),
        ("PGSSLMODE", Secret::new(mode)),
    ];
    // The options do not give these away again.
    variables.extend(password(url.reveal()).map(|password| ("PGPASSWORD", password)));
    for (parameter, name) in [("sslrootcert", "PGSSLROOTCERT"), ("sslcert", "PGSSLCERT"), ("sslkey", "PGSSLKEY")] {
        variables.extend(parameter_of(url.reveal(), parameter).map(|value| (name, value)));
    }
    Ok(variables)
}

/// The password of `postgres://user:password@host/…` or `…?password=…`.
fn password(url: &str) -> Option<Secret> {
    if let Some(password) = parameter_of(url, "password") {
        return Some(password);
    }
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let (user, _) = authority.rsplit_once('@')?;
    let (_, password) = user.split_once(':')?;
    Some(Secret::new(percent_decoded(password)))
}

fn parameter_of(url: &str, name: &str) -> Option<Secret> {
    let (_, query) = url.split_once('?')?;
    let query = query.split('#').next()?;
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| Secret::new(percent_decoded(value)))
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let code = match (first, tail) {
            (b'%', [high, low, ..]) => hex(*high).zip(hex(*low)).map(|(high, low)| high * 16 + low),
            _ => None,
        };
        bytes.push(code.unwrap_or(*first));
        rest = if code.is_some() { tail.get(2..).unwrap_or_default() } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_password_of_a_url() {
        for (url, expected) in [
            ("postgres://u:hush@h:5432/d", Some("hush")),
            ("postgres://u:p%40ss%3aword%@h/d", Some("p@ss:word%")),
            ("postgres://u:a:b@h/d", Some("a:b")),
            ("postgres://u@h/d", None),
            ("postgres://h/d?user=u&password=h%20h", Some("h h")),
            ("postgresql:///d?host=/run/postgresql", None),
            ("postgres://u:@h/d", Some("")),
        ] {
            assert_eq!(password(url).as_ref().map(Secret::reveal), expected, "{url}");
        }
    }
}
