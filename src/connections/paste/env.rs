//! `KEY=value` lines, as environment files and the settings of hosts have them.
//!
//! Quotes come off, `export` too, and a value in double quotes may go over several lines, as private keys do.
//! Which variables belong together is told by what they begin with: `PGHOST`, `MYSQL_HOST`, `DB_HOST`.

use serde_json::{Map, Value};

use super::{Found, Provider, put};
use crate::connections::url;

/// What variables of one connection begin with. `DB_CONNECTION` (Laravel) or `DB_TYPE` may say what is meant
/// by `DB_`, else the provider that the form shows.
const FAMILIES: [(&str, Option<Provider>); 9] = [
    ("PG", Some(Provider::PostgreSql)),
    ("POSTGRES_", Some(Provider::PostgreSql)),
    ("POSTGRESQL_", Some(Provider::PostgreSql)),
    ("MYSQL_", Some(Provider::MySql)),
    ("MARIADB_", Some(Provider::MySql)),
    ("MONGO_", Some(Provider::MongoDb)),
    ("MONGODB_", Some(Provider::MongoDb)),
    ("DB_", None),
    ("DATABASE_", None),
];

pub(super) fn read(chosen: Option<Provider>, text: &str) -> Option<Found> {
    let variables = variables(text)?;
    let get = |name: &str| variables.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str());
    hosted(&variables).or_else(|| address(chosen, &variables)).or_else(|| family(chosen, &variables, &get))
}

/// Every variable, or none where a line is something else.
fn variables(text: &str) -> Option<Vec<(String, String)>> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(line) = rest.lines().next() {
        let after = rest.get(line.len()..).unwrap_or_default();
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            rest = after.strip_prefix("\r\n").or_else(|| after.strip_prefix('\n')).unwrap_or_default();
            continue;
        }
        let (name, _) = trimmed.split_once('=')?;
        let name = name.trim().strip_prefix("export ").unwrap_or(name.trim()).trim();
        let is_name = name.starts_with(|char: char| char.is_ascii_uppercase() || char == '_')
            && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
        if !is_name {
            return None;
        }
        let start = rest.find('=')? + 1;
        let (value, length) = value(rest.get(start..)?);
        found.push((name.to_owned(), value));
        rest = rest.get(start + length..).unwrap_or_default();
        // What stands behind a closing quote is a comment.
        rest = rest.find('\n').and_then(|at| rest.get(at + 1..)).unwrap_or_default();
    }
    (!found.is_empty()).then_some(found)
}

/// The value at the start of `text`, and how many bytes of it were read.
fn value(text: &str) -> (String, usize) {
    let blanks = text.len() - text.trim_start_matches([' ', '\t']).len();
    let body = text.get(blanks..).unwrap_or_default();
    let quote = body.chars().next().filter(|char| matches!(char, '"' | '\'' | '`'));
    if let Some(quote) = quote {
        let mut value = String::new();
        let mut chars = body.char_indices().skip(1);
        while let Some((at, char)) = chars.next() {
            if char == quote {
                return (value, blanks + at + 1);
            }
            if char == '\\' && quote == '"' {
                match chars.next().map(|(_, next)| next) {
                    Some('n') => value.push('\n'),
                    Some(next @ ('"' | '\\' | '$')) => value.push(next),
                    Some(next) => value.extend(['\\', next]),
                    None => {}
                }
            } else {
                value.push(char);
            }
        }
        // A quote that is not closed belongs to the value.
    }
    let line = body.lines().next().unwrap_or_default();
    let plain = line.split(" #").next().unwrap_or_default().trim();
    (plain.to_owned(), blanks + line.len())
}

/// Supabase and Firebase, whose variables have names of their own.
fn hosted(variables: &[(String, String)]) -> Option<Found> {
    let has = |word: &str| variables.iter().any(|(name, _)| name.contains(word));
    let provider = if has("SUPABASE_URL") || has("SUPABASE_SERVICE") || has("SUPABASE_ANON") {
        Provider::Supabase
    } else if has("FIREBASE_") || has("FIRESTORE_") {
        Provider::Firebase
    } else {
        return None;
    };
    let mut found = Found { provider, fields: Map::new(), note: None };
    for (name, value) in variables {
        let belongs = name.contains("SUPABASE") || name.contains("FIREBASE") || name.starts_with("FIRESTORE_");
        // Beside a Supabase project its Postgres may stand.
        let is_database = provider == Provider::Supabase && is_address_of(value, Provider::PostgreSql);
        if is_database {
            found.fields.entry("connectionString").or_insert_with(|| Value::from(value.as_str()));
        } else if belongs {
            put(&mut found, name, value);
        }
    }
    Some(found)
}

fn is_address_of(value: &str, provider: Provider) -> bool {
    value.contains("://") && url::read(value).is_ok_and(|(found, _)| found == provider)
}

/// The first variable that holds an address; those whose name is the usual one come first.
fn address(chosen: Option<Provider>, variables: &[(String, String)]) -> Option<Found> {
    let usual = |name: &str| {
        matches!(
            name,
            "DATABASE_URL" | "DB_URL" | "POSTGRES_URL" | "MYSQL_URL" | "MONGODB_URI" | "MONGO_URL" | "MONGO_URI"
        )
    };
    let mut candidates: Vec<&(String, String)> = variables.iter().collect();
    candidates.sort_by_key(|(name, _)| !usual(name));
    candidates.into_iter().find_map(|(_, value)| {
        let (provider, fields) = url::read(value).ok().filter(|_| value.contains("://"))?;
        if chosen == Some(Provider::Supabase) && provider == Provider::PostgreSql {
            return None;
        }
        Some(Found { provider, fields, note: None })
    })
}

/// The variables of the first family that names a host.
fn family<'a>(
    chosen: Option<Provider>,
    variables: &[(String, String)],
    get: &impl Fn(&str) -> Option<&'a str>,
) -> Option<Found> {
    let said =
        get("DB_CONNECTION").or_else(|| get("DB_TYPE")).or_else(|| get("DB_CLIENT")).or_else(|| get("DB_DIALECT"));
    let said = said.and_then(|word| match word.to_ascii_lowercase().as_str() {
        "pgsql" | "pg" | "postgres" | "postgresql" => Some(Provider::PostgreSql),
        "mysql" | "mysql2" | "mariadb" => Some(Provider::MySql),
        "mongodb" | "mongo" => Some(Provider::MongoDb),
        _ => None,
    });
    let (prefix, provider) = FAMILIES.into_iter().find(|(prefix, _)| {
        ["HOST", "HOSTNAME", "SERVER"].iter().any(|end| get(&format!("{prefix}{end}")).is_some())
    })?;
    let usual = chosen.filter(|provider| !matches!(provider, Provider::Firebase | Provider::Supabase));
    let provider = provider.or(said).or(usual).unwrap_or(Provider::PostgreSql);
    let mut found = Found { provider, fields: Map::new(), note: None };
    for (name, value) in variables {
        let Some(rest) = name.strip_prefix(prefix) else { continue };
        let field = match rest {
            "NAME" | "DB" => "database".to_owned(),
            "CONNECT_TIMEOUT" => "connect_timeout".to_owned(),
            "HOST" | "HOSTNAME" | "SERVER" => "host".to_owned(),
            // The root password of a container image is not the login that is meant.
            "ROOT_PASSWORD" => continue,
            rest => rest.to_ascii_lowercase(),
        };
        // Options of the client that have other meanings here.
        if !matches!(field.as_str(), "options" | "service" | "servicefile") {
            put(&mut found, &field, value);
        }
    }
    Some(found)
}
