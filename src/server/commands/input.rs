//! What commands take from the standard input.

use std::io::{self, Read};

use serde_json::Value;
use zeroize::Zeroizing;

use crate::{
    connections::{
        Provider, UnknownProvider,
        paste::{self, Pasted},
        settings::{Secret, Settings},
    },
    error::{AppError, FieldError},
};

use super::CommandError;

/// Settings with certificates are the longest input; more than this is something else.
const MOST_BYTES: u64 = 1024 * 1024;

/// A password: all of the input but the line break that `echo` adds.
pub(super) fn password() -> Result<Secret, CommandError> {
    let text = read()?;
    Ok(Secret::new(without_line_break(&text)))
}

/// A connection, in whatever shape a person has it.
pub(super) fn connection() -> Result<Pasted, CommandError> {
    connection_in(&read()?).map_err(|error| CommandError::Usage(error.message))
}

/// What the form takes as pasted: an address, a file that holds a connection. Or the settings of the wire as a JSON
/// object with the `provider` beside them or around them: `{"provider": …, "credentials": {…}}`.
fn connection_in(text: &str) -> Result<Pasted, FieldError> {
    let value: Option<Value> = text.trim_start().starts_with('{').then(|| serde_json::from_str(text).ok()).flatten();
    let Some(Value::Object(mut object)) = value.filter(|value| value.get("provider").is_some()) else {
        return paste::read(None, text);
    };
    let provider = object.remove("provider").unwrap_or_default();
    let provider: Provider = provider
        .as_str()
        .unwrap_or_default()
        .parse()
        .map_err(|error: UnknownProvider| FieldError::new("provider", error.to_string()))?;
    let settings = object.remove("credentials").unwrap_or(Value::Object(object));
    match Settings::from_json(provider, &settings) {
        Ok(settings) => Ok(Pasted { provider, settings, note: None }),
        Err(errors) => {
            let errors: Vec<String> =
                errors.into_iter().map(|error| format!("{}: {}", error.field, error.message)).collect();
            Err(FieldError::new("settings", errors.join(" ")))
        }
    }
}

/// The settings of a connection, a JSON object, as they are.
pub(super) fn settings(provider: Provider) -> Result<Settings, CommandError> {
    let text = read()?;
    // What serde says of a text that is no JSON could repeat a part of it.
    let value = serde_json::from_str(&text).map_err(|error| {
        FieldError::new("settings", format!("This is not JSON (line {}, column {}).", error.line(), error.column()))
    });
    let value = value.map_err(|error| AppError::Invalid(vec![error]))?;
    Ok(Settings::from_json(provider, &value).map_err(AppError::Invalid)?)
}

fn read() -> Result<Zeroizing<String>, CommandError> {
    let mut text = Zeroizing::new(String::new());
    let cannot = || CommandError::file("the standard input cannot be read");
    io::stdin().lock().take(MOST_BYTES + 1).read_to_string(&mut text).map_err(cannot())?;
    if text.len() as u64 > MOST_BYTES {
        return Err(CommandError::Failed("the standard input is too long".to_owned()));
    }
    Ok(text)
}

fn without_line_break(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_understood_in_every_shape_of_it() {
        let account = serde_json::json!({
            "type": "service_account", "project_id": "shop-1", "client_email": "mooring@shop-1.iam.gserviceaccount.com",
            "private_key": include_str!("../../tests/support/service_account_key.pem"),
        });
        for (text, provider, endpoint) in [
            ("postgresql://app:pw@db:5433/shop\n", Provider::PostgreSql, "db:5433/shop"),
            ("[client]\nhost = db\nuser = app\npassword = pw\n", Provider::MySql, "db:3306"),
            ("MONGODB_URI=mongodb://app:pw@db/shop\n", Provider::MongoDb, "db:27017/shop"),
            (&account.to_string(), Provider::Firebase, "shop-1"),
            (
                r#"{"provider": "supabase", "url": "http://127.0.0.1:54321", "anonKey": "sb_publishable_abc"}"#,
                Provider::Supabase,
                "127.0.0.1:54321",
            ),
            (
                r#"{"provider": "firebase", "credentials": {"projectId": "demo", "emulatorHost": "localhost:8080"}}"#,
                Provider::Firebase,
                "demo",
            ),
        ] {
            let found = connection_in(text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
            assert_eq!(found.provider, provider, "{text}");
            assert!(found.settings.endpoint().contains(endpoint), "{text}: {}", found.settings.endpoint());
        }
        for text in [
            "",
            "hunter2",
            "{\"password\": \"hunter2\"}",
            "{\"provider\": \"oracle\", \"password\": \"hunter2\"}",
            "{\"provider\": \"mysql\", \"host\": \"a b\", \"password\": \"hunter2\"}",
            "{\"provider\": \"mysql\", \"credentials\": \"hunter2\"}",
            "{\"provider\": 5",
        ] {
            let error = connection_in(text).expect_err(text);
            assert!(!error.message.contains("hunter2"), "{}", error.message);
        }
    }

    #[test]
    fn only_one_line_break_is_not_the_password() {
        for (text, password) in [("a b \n", "a b "), ("a\r\n", "a"), ("a\n\n", "a\n"), (" a", " a"), ("", "")] {
            assert_eq!(without_line_break(text), password, "{text:?}");
        }
    }
}
