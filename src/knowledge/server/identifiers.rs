//! What is known of the one who tells something: the names that must not be in what others are told.

use serde_json::Value;

use crate::{
    auth::server::{Caller, Tx},
    error::AppError,
    knowledge::redact::{Kind, Redactor},
};

/// Fields of the settings that may be shown, and what they name.
const NAMES: [(&str, Kind); 9] = [
    ("host", Kind::Host),
    ("hosts", Kind::Host),
    ("url", Kind::Host),
    ("databaseURL", Kind::Host),
    ("emulatorHost", Kind::Host),
    ("database", Kind::Database),
    ("databaseId", Kind::Database),
    ("username", Kind::User),
    ("projectId", Kind::Project),
];

/// A redactor that knows the hosts, users, databases and names of all connections of `caller`, and the account.
pub(super) async fn redactor_of(tx: &mut Tx, caller: &Caller) -> Result<Redactor, AppError> {
    let user = caller.user_id()?;
    let mut redactor = Redactor::new();
    let email = sqlx::query_scalar!("select email from users where id = $1", user.0).fetch_one(&mut **tx).await?;
    redactor.know(Kind::Email, &email);
    if let Some((name, domain)) = email.split_once('@') {
        redactor.know(Kind::User, name);
        redactor.know(Kind::Host, domain);
    }
    let rows =
        sqlx::query!("select connection_name, public_settings from database_credentials where user_id = $1", user.0)
            .fetch_all(&mut **tx)
            .await?;
    for row in rows {
        redactor.know(Kind::Name, &row.connection_name);
        know_settings(&mut redactor, &row.public_settings);
    }
    Ok(redactor)
}

/// Takes in what an object of settings names; secrets that are in it go as secrets.
pub(super) fn know_settings(redactor: &mut Redactor, settings: &Value) {
    for (field, kind) in NAMES {
        match settings.get(field) {
            Some(Value::String(text)) => know_name(redactor, kind, text),
            Some(Value::Array(items)) => {
                for item in items.iter().filter_map(Value::as_str) {
                    know_name(redactor, kind, item);
                }
            }
            _ => {}
        }
    }
}

fn know_name(redactor: &mut Redactor, kind: Kind, text: &str) {
    redactor.know(kind, text);
    if kind != Kind::Host {
        return;
    }
    // Of `https://abc.supabase.co/x` the host, and of a name with dots its own label.
    let host = text.split_once("://").map_or(text, |(_, rest)| rest);
    let host = host.split(['/', '?', ':']).next().unwrap_or(host);
    redactor.know(kind, host);
    let label = host.split('.').next().unwrap_or_default();
    if label.len() >= 4 && host.parse::<std::net::IpAddr>().is_err() {
        redactor.know(kind, label);
    }
}
