//! What a program names to be connected to: a stored connection, the `credentials` object of the wire, or
//! both.
//!
//! Where both are given, the object may only repeat or complete the stored endpoint: where host, port or TLS
//! differ, the stored secrets are not used, so that nobody can have them sent elsewhere.

use serde_json::{Map, Value};

use super::open_settings;
use crate::{
    auth::server::Caller,
    connections::{
        Provider,
        settings::{PublicSettings, Settings},
    },
    error::{AppError, FieldError},
    ids::ConnectionId,
};

/// What was named.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked<'a> {
    /// A stored connection.
    pub id: Option<ConnectionId>,
    /// What kind of database; may be left out for a stored connection.
    pub provider: Option<Provider>,
    /// The `credentials` object.
    pub credentials: Option<&'a Value>,
}

/// What there is to connect to.
#[derive(Clone, Debug)]
pub struct Given {
    /// What kind of database.
    pub provider: Provider,
    /// The settings, where they are complete enough to log in with.
    pub settings: Option<Settings>,
    /// What may be seen of them, complete or not.
    pub shown: Option<PublicSettings>,
    /// Whether these are the settings of the stored connection, unchanged.
    pub is_stored: bool,
}

/// Reads what was asked for.
///
/// # Errors
///
/// [`AppError::NotFound`] where the connection is not there or another's, [`AppError::Invalid`] for fields that
/// cannot be used. What is missing is no error: nothing can be connected to then.
pub async fn given(caller: &Caller, asked: Asked<'_>) -> Result<Given, AppError> {
    let object = asked.credentials.map(object).transpose()?.filter(|object| !object.is_empty());
    let Some(id) = asked.id else {
        let provider = asked.provider.ok_or_else(|| {
            AppError::invalid("provider", "Name the provider, or a stored connection by credentialId.")
        })?;
        let Some(object) = object else {
            return Ok(Given { provider, settings: None, shown: None, is_stored: false });
        };
        return from_object(provider, object);
    };
    let (provider, stored) = open_settings(caller, id).await?;
    if asked.provider.is_some_and(|asked| asked != provider) {
        let message = format!("The stored connection is one to {}.", provider.label());
        return Err(AppError::invalid("provider", message));
    }
    let settings = match object {
        Some(object) => match provider {
            Provider::PostgreSql | Provider::MySql => complete(provider, object, &stored)?,
            Provider::MongoDb | Provider::Firebase | Provider::Supabase => {
                let (settings, is_whole) = overlay(provider, object, &stored)?;
                if !is_whole {
                    return Ok(Given { provider, shown: Some(settings.public()), settings: None, is_stored: false });
                }
                settings
            }
        },
        None => stored.clone(),
    };
    let is_stored = settings == stored;
    let shown = Some(settings.public());
    let settings = Some(settings).filter(|settings| is_stored || can_log_in(provider, settings));
    Ok(Given { provider, settings, shown, is_stored })
}

fn object(value: &Value) -> Result<Map<String, Value>, AppError> {
    match value {
        Value::Object(object) => Ok(object.clone()),
        Value::Null => Ok(Map::new()),
        _ => Err(AppError::invalid("credentials", "The settings must be an object of fields.")),
    }
}

/// Settings that are nowhere stored. A host that is missing or cannot be used leaves nothing to connect to,
/// and may be what there is to say about them.
fn from_object(provider: Provider, object: Map<String, Value>) -> Result<Given, AppError> {
    let value = Value::Object(object);
    match Settings::from_json(provider, &value) {
        Ok(settings) => {
            let shown = Some(settings.public());
            let settings = Some(settings).filter(|settings| can_log_in(provider, settings));
            Ok(Given { provider, settings, shown, is_stored: false })
        }
        Err(errors) if errors.iter().all(nothing_to_reach) => {
            let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
            let shown = text("host").map(|host| PublicSettings {
                host,
                port: value
                    .get("port")
                    .and_then(Value::as_u64)
                    .and_then(|port| port.try_into().ok())
                    .unwrap_or_default(),
                database: text("database"),
                username: text("username").or_else(|| text("user")),
                ..PublicSettings::default()
            });
            Ok(Given { provider, settings: None, shown, is_stored: false })
        }
        Err(errors) => Err(AppError::Invalid(errors)),
    }
}

fn nothing_to_reach(error: &FieldError) -> bool {
    matches!(error.field.as_str(), "host" | "hostname" | "server" | "provider")
}

/// Whether there is what a login needs. Without it a staged probe would only find that it is missing.
fn can_log_in(provider: Provider, settings: &Settings) -> bool {
    match provider {
        Provider::PostgreSql | Provider::MySql => {
            settings.username.as_deref().is_some_and(|user| !user.is_empty()) && settings.password.is_some()
        }
        Provider::MongoDb | Provider::Firebase | Provider::Supabase => true,
    }
}

/// The settings of `object` with what is left out taken from the stored ones; the secrets only where the
/// endpoint is the same.
fn complete(provider: Provider, mut object: Map<String, Value>, stored: &Settings) -> Result<Settings, AppError> {
    let has = |names: &[&str]| {
        object.keys().any(|key| {
            let plain: String = key.chars().filter(|c| !matches!(c, '-' | '_')).collect();
            names.contains(&plain.to_ascii_lowercase().as_str())
        })
    };
    let (host, port) = (has(&["host", "hostname", "server"]), has(&["port"]));
    if !has(&["url", "uri", "connectionstring"]) {
        if !host {
            object.insert("host".to_owned(), stored.host.clone().into());
        }
        if !port {
            object.insert("port".to_owned(), stored.port.into());
        }
    }
    let mut settings = Settings::from_json(provider, &Value::Object(object)).map_err(AppError::Invalid)?;
    settings.database = settings.database.or_else(|| stored.database.clone());
    settings.username = settings.username.or_else(|| stored.username.clone());
    settings.tls = settings.tls.or(stored.tls);
    settings.ca_certificate = settings.ca_certificate.or_else(|| stored.ca_certificate.clone());
    settings.connect_timeout_ms = settings.connect_timeout_ms.or(stored.connect_timeout_ms);
    if settings.same_endpoint(stored) {
        settings.password = settings.password.or_else(|| stored.password.clone());
        if settings.client_certificate.is_none() {
            settings.client_certificate.clone_from(&stored.client_certificate);
        }
        if settings.client_certificate == stored.client_certificate {
            settings.client_key = settings.client_key.or_else(|| stored.client_key.clone());
        }
    }
    Ok(settings)
}

/// The fields of the wire that are secrets.
const SECRETS: [&str; 6] = ["password", "clientKey", "serviceAccount", "apiKey", "anonKey", "serviceRoleKey"];

/// The same for those whose endpoint is more than a host, and whether all the secrets that it needs are there.
fn overlay(provider: Provider, object: Map<String, Value>, stored: &Settings) -> Result<(Settings, bool), AppError> {
    let mut whole = match stored.to_json() {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    whole.retain(|name, _| !SECRETS.contains(&name.as_str()));
    if provider == Provider::MongoDb && ["uri", "url", "connectionString"].iter().any(|name| object.contains_key(*name))
    {
        // Fields win over a connection string, and these are the stored one's.
        whole.retain(|name, _| !matches!(name.as_str(), "host" | "port" | "srv"));
    }
    whole.extend(object);
    let mut settings = Settings::from_json(provider, &Value::Object(whole)).map_err(AppError::Invalid)?;
    let is_whole = settings.merge_secrets(stored).is_ok();
    Ok((settings, is_whole))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(value: Value) -> Map<String, Value> {
        match value {
            Value::Object(object) => object,
            other => panic!("{other} is no object"),
        }
    }

    fn stored() -> Settings {
        let value = json!({"host": "db.example.com", "port": 5433, "database": "shop", "username": "app", "password": "hunter2"});
        Settings::from_json(Provider::PostgreSql, &value).expect("settings that hold")
    }

    #[test]
    fn what_repeats_or_completes_the_endpoint_keeps_the_secrets() {
        for (given, database) in [
            (json!({"database": "other"}), "other"),
            (json!({"host": "DB.example.com", "port": 5433}), "shop"),
            (json!({"Host": "db.example.com", "dbname": "other"}), "other"),
            (json!({"tls": "verify-full"}), "shop"),
            (json!({"url": "postgres://db.example.com:5433/other"}), "other"),
        ] {
            let settings = complete(Provider::PostgreSql, map(given.clone()), &stored()).expect("good fields");
            assert_eq!(settings.password, stored().password, "{given}");
            assert_eq!((settings.port, settings.database.as_deref()), (5433, Some(database)), "{given}");
        }
    }

    #[test]
    fn another_endpoint_never_gets_them() {
        for given in [
            json!({"host": "evil.example.org"}),
            json!({"server": "evil.example.org"}),
            json!({"port": 5432}),
            json!({"tls": "disable"}),
            json!({"ssl": false}),
            json!({"url": "postgres://evil.example.org:5433/shop"}),
            json!({"uri": "postgres://db.example.com/shop"}),
            json!({"caCertificate": include_str!("given/authority.pem")}),
        ] {
            let settings = complete(Provider::PostgreSql, map(given.clone()), &stored()).expect("good fields");
            assert_eq!(settings.password, None, "{given}");
            assert!(!can_log_in(Provider::PostgreSql, &settings));
        }
    }

    #[test]
    fn other_kinds_of_endpoints_keep_their_keys_as_well() {
        let stored = json!({"url": "https://abcdefghijklmnopqrst.supabase.co", "anonKey": "anon-key-of-the-project"});
        let stored = Settings::from_json(Provider::Supabase, &stored).expect("settings that hold");
        let read = |given| overlay(Provider::Supabase, map(given), &stored).expect("good fields");
        let (same, is_whole) = read(json!({"url": "https://abcdefghijklmnopqrst.supabase.co"}));
        assert!(is_whole && same == stored);
        let (other, is_whole) = read(json!({"url": "https://zyxwvutsrqponmlkjihg.supabase.co"}));
        assert!(!is_whole && other.secrets().is_empty(), "{other:?}");
    }

    #[test]
    fn what_is_missing_is_no_error_and_what_is_wrong_is() {
        let read = |value| from_object(Provider::PostgreSql, map(value));
        let partial = read(json!({"host": "db.example.com", "port": 5432, "database": "shop"})).expect("good fields");
        assert!(partial.settings.is_none());
        assert_eq!(partial.shown.map(|shown| shown.host).as_deref(), Some("db.example.com"));
        let whole = read(json!({"host": "h", "user": "app", "password": "p"})).expect("good fields");
        assert!(whole.settings.is_some());
        let strange = read(json!({"host": "https://db.example.com/x"})).expect("a host to be spoken of");
        assert!(strange.settings.is_none() && strange.shown.is_some());
        assert!(read(json!({"database": "shop"})).expect("nothing to reach").shown.is_none());
        let error = read(json!({"host": "h", "port": "many"})).expect_err("no port");
        assert!(error.for_field("port").is_some());
    }
}
