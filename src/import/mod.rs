//! Many connections at once: from a CSV or JSON list, with a look at each row before anything is stored, and those
//! that came by SQL as `legacy` and wait for somebody to say what they are. Types and the guess; reading and
//! storing are `server`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{connections::Provider, ids::ConnectionId};

pub mod api;
pub mod ui;

#[cfg(feature = "ssr")]
pub mod server;

/// What a list may have at most, in bytes; the limit of a request's body is above it.
pub const LONGEST_LIST: usize = 512 * 1024;
/// How many connections a list may have.
pub const MOST_ROWS: usize = 1_000;

/// What became of one row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// It can be stored.
    Ready,
    /// It was stored.
    Added(ConnectionId),
    /// It cannot be, and why.
    Refused(String),
}

/// One row of a list, without any secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowReport {
    /// Its line in the CSV, or its place in the JSON, from 1.
    pub place: u32,
    /// The connection's name, as far as there is one.
    pub name: String,
    /// The provider, where it is known.
    pub provider: Option<Provider>,
    /// `host:port/database`; empty where it could not be read.
    pub endpoint: String,
    /// What became of it.
    pub outcome: Outcome,
}

/// What a list came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Every row, in its order.
    pub rows: Vec<RowReport>,
    /// Whether it was stored, and not only looked at.
    pub stored: bool,
}

impl Report {
    /// Whether nothing of the list remains to be put right.
    #[must_use]
    pub fn is_all_stored(&self) -> bool {
        self.stored && self.good() == self.rows.len()
    }

    /// How many rows are ready or were added.
    #[must_use]
    pub fn good(&self) -> usize {
        self.rows.iter().filter(|row| !matches!(row.outcome, Outcome::Refused(_))).count()
    }

    /// What it came to, in a sentence.
    #[must_use]
    pub fn summary(&self) -> String {
        let (good, all) = (self.good(), self.rows.len());
        let what = if self.stored { "added" } else { "ready to be added" };
        match all - good {
            0 => format!("{good} of {all} {what}."),
            refused => format!("{good} of {all} {what}, {refused} refused."),
        }
    }
}

/// A connection that came by SQL and has no provider yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Orphan {
    /// Which connection.
    pub id: ConnectionId,
    /// Its name.
    pub name: String,
    /// What could be read of where it leads.
    pub endpoint: String,
    /// What it looks like.
    pub guess: Provider,
}

/// What the page begins with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// Connections without a provider.
    pub orphans: Vec<Orphan>,
    /// What a list came to a moment ago, for a browser without JavaScript.
    pub report: Option<Report>,
}

/// What stored settings look like: by the scheme of an address, by fields that only one provider has, by the port,
/// by the host's name; PostgreSQL where nothing says otherwise.
#[must_use]
pub fn guess_provider(settings: &Value) -> Provider {
    let text = |names: &[&str]| names.iter().find_map(|name| settings.get(*name)?.as_str()).unwrap_or_default();
    let address = settings.as_str().unwrap_or_else(|| text(&["connectionString", "uri", "url", "databaseUrl", "dsn"]));
    let lower = address.trim().to_ascii_lowercase();
    let lower = lower.strip_prefix("jdbc:").unwrap_or(&lower);
    let by_scheme = match lower.split(':').next().unwrap_or_default() {
        "postgres" | "postgresql" | "postgresql+psycopg2" | "postgresql+asyncpg" => Some(Provider::PostgreSql),
        "mysql" | "mariadb" | "mysql2" | "mysql+pymysql" => Some(Provider::MySql),
        "mongodb" | "mongodb+srv" => Some(Provider::MongoDb),
        _ => None,
    };
    if let Some(provider) = by_scheme {
        return provider;
    }
    let has = |names: &[&str]| names.iter().any(|name| settings.get(*name).is_some_and(|value| !value.is_null()));
    if has(&["anonKey", "serviceRoleKey", "supabaseUrl", "supabaseKey", "anon_key", "service_role_key"])
        || lower.contains(".supabase.co")
    {
        return Provider::Supabase;
    }
    if has(&["projectId", "project_id", "serviceAccount", "databaseURL", "private_key", "emulatorHost"]) {
        return Provider::Firebase;
    }
    if has(&["srv", "replicaSet", "authSource", "directConnection"])
        || settings.get("host").is_some_and(Value::is_array)
    {
        return Provider::MongoDb;
    }
    let port = settings.get("port").and_then(|port| port.as_u64().or_else(|| port.as_str()?.trim().parse().ok()));
    match port {
        Some(3306 | 3307 | 33_060 | 4000) => return Provider::MySql,
        Some(27_017..=27_019) => return Provider::MongoDb,
        Some(_) | None => {}
    }
    let host = text(&["host", "hostname", "server"]).to_ascii_lowercase();
    [("mysql", Provider::MySql), ("maria", Provider::MySql), ("mongo", Provider::MongoDb)]
        .into_iter()
        .find_map(|(part, provider)| host.contains(part).then_some(provider))
        .unwrap_or(Provider::PostgreSql)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_provider_is_guessed_from_what_only_it_has() {
        for (settings, provider) in [
            (json!({"url": "mysql://u:p@h/d"}), Provider::MySql),
            (json!("jdbc:mariadb://h/d"), Provider::MySql),
            (json!({"uri": "mongodb+srv://c.example.net"}), Provider::MongoDb),
            (json!({"url": "https://abc.supabase.co", "key": "x"}), Provider::Supabase),
            (json!({"anonKey": "x"}), Provider::Supabase),
            (json!({"project_id": "p", "private_key": "x"}), Provider::Firebase),
            (json!({"host": "h", "port": "3306"}), Provider::MySql),
            (json!({"host": "h", "port": 27017}), Provider::MongoDb),
            (json!({"host": "mysql.internal"}), Provider::MySql),
            (json!({"host": "db", "port": 6543}), Provider::PostgreSql),
            (json!(null), Provider::PostgreSql),
        ] {
            assert_eq!(guess_provider(&settings), provider, "{settings}");
        }
    }
}
