//! JSON of a service account, and Firebase's web configuration as JSON or as the console shows it: an object
//! of JavaScript within a script.

use serde_json::{Map, Value};

use super::{Found, Provider};

/// The names in a web configuration that are used.
const NAMES: [&str; 3] = ["apiKey", "projectId", "databaseURL"];

pub(super) fn read(text: &str) -> Option<Found> {
    let found = |fields| Some(Found { provider: Provider::Firebase, fields, note: None });
    if text.starts_with('{')
        && let Ok(Value::Object(object)) = serde_json::from_str(text)
    {
        let is_account = object.contains_key("private_key") && object.contains_key("client_email");
        return match object.get("projectId") {
            _ if is_account => {
                let mut fields = Map::new();
                fields.insert("serviceAccount".to_owned(), Value::Object(object));
                found(fields)
            }
            Some(_) => found(object),
            None => None,
        };
    }
    if !text.contains("projectId") || !text.contains("apiKey") || !text.contains('{') {
        return None;
    }
    let mut fields = Map::new();
    for name in NAMES {
        if let Some(value) = value_of(text, name) {
            fields.insert(name.to_owned(), Value::from(value));
        }
    }
    if fields.is_empty() { None } else { found(fields) }
}

/// The quoted text behind `name:`.
fn value_of(text: &str, name: &str) -> Option<String> {
    let behind = text.get(text.find(name)? + name.len()..)?;
    let behind = behind.trim_start_matches(['"', '\'', ' ']).strip_prefix(':')?.trim_start();
    let quote = behind.chars().next().filter(|char| matches!(char, '"' | '\'' | '`'))?;
    let inner = behind.get(1..)?;
    inner.get(..inner.find(quote)?).map(str::to_owned)
}
