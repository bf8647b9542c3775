//! The `credentials` object of the wire: read with all its aliases, written with its own names.
//!
//! Keys are compared without case, `-` and `_`. Keys that name files, sockets or free options of a driver
//! are refused by name, since they would reach the server's own machine; other unknown keys are left alone:
//! people paste whole configuration objects, and rows that came by SQL may hold more than is used.

use serde_json::{Map, Value};

use super::{Secret, Settings, TlsMode, pem};
use crate::{
    connections::{Provider, url},
    error::FieldError,
};

/// DNS names have at most 253 characters (RFC 1035, without the root's dot).
const LONGEST_HOST: usize = 253;
/// Identifiers are far shorter in PostgreSQL (63 bytes) and MySQL (64 characters); user names of some
/// hosts carry a tenant or a project.
const LONGEST_NAME: usize = 255;
/// Cloud tokens that are used as passwords reach two thousand characters.
const LONGEST_PASSWORD: usize = 8_192;
/// Below, no handshake is done; above, a check would outlast its interval.
const CONNECT_TIMEOUT_MS: std::ops::RangeInclusive<u32> = 100..=60_000;

/// What a key of the object means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Host,
    Port,
    Database,
    Username,
    Password,
    /// One of the modes, as libpq, MySQL or JDBC spell them.
    Tls,
    /// A boolean, an object, or one of the modes.
    Ssl,
    CaCertificate,
    ClientCertificate,
    ClientKey,
    ConnectTimeoutMs,
    /// libpq's, in seconds.
    ConnectTimeoutSeconds,
    Url,
    Refused(&'static str),
}

impl Field {
    fn of(name: &str) -> Option<Self> {
        if name == "connect_timeout" {
            return Some(Self::ConnectTimeoutSeconds);
        }
        let plain: String =
            name.chars().filter(|char| !matches!(char, '-' | '_')).map(|char| char.to_ascii_lowercase()).collect();
        Some(match plain.as_str() {
            "host" | "hostname" | "server" => Self::Host,
            "port" => Self::Port,
            "database" | "dbname" | "db" => Self::Database,
            "username" | "user" => Self::Username,
            "password" | "passwd" | "pass" | "pwd" => Self::Password,
            "tls" | "tlsmode" | "sslmode" => Self::Tls,
            "ssl" | "usessl" | "sslaccept" => Self::Ssl,
            "cacertificate" | "ca" | "sslca" | "sslrootcert" => Self::CaCertificate,
            "clientcertificate" | "sslcert" => Self::ClientCertificate,
            "clientkey" | "sslkey" => Self::ClientKey,
            "connecttimeoutms" => Self::ConnectTimeoutMs,
            "connectionstring" | "uri" | "url" => Self::Url,
            "options" => Self::Refused("Options for the server's start are not taken. Remove them."),
            "service" | "servicefile" => Self::Refused("A service file is not read. Enter its values as fields."),
            "passfile" => Self::Refused("A password file is not read. Enter the password itself."),
            "socket" | "socketpath" | "unixsocket" => {
                Self::Refused("Unix sockets are not taken. Enter a host name or an address.")
            }
            "sslcrl" | "sslcrldir" | "sslkeylogfile" => Self::Refused("File paths are not taken. Remove this."),
            _ => return None,
        })
    }
}

impl Settings {
    /// Reads the `credentials` object of the wire, with its aliases. Nothing is trimmed.
    ///
    /// A connection string in it is taken apart first; fields beside it win over what it says.
    ///
    /// # Errors
    ///
    /// Every field that cannot be used, under the name that it came with; never the value of a secret.
    pub fn from_json(provider: Provider, value: &Value) -> Result<Self, Vec<FieldError>> {
        let Value::Object(object) = value else {
            return Err(vec![FieldError::new("credentials", "The settings must be an object of fields.")]);
        };
        if !Provider::AVAILABLE.contains(&provider) {
            let message = format!("{} is not available yet. Choose PostgreSQL or MySQL / MariaDB.", provider.label());
            return Err(vec![FieldError::new("provider", message)]);
        }
        let mut reader = Reader::default();
        // The string first, whatever its place in the object.
        for (name, text) in object.iter().filter(|(name, _)| Field::of(name) == Some(Field::Url)) {
            reader.take_url(provider, name, text);
        }
        reader.take_all(object.iter().filter(|(name, _)| Field::of(name) != Some(Field::Url)));
        reader.finish(provider)
    }

    /// The same object with the wire's own names: what is sealed. Holds the secrets.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut object = Map::new();
        let mut put = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                object.insert(name.to_owned(), value);
            }
        };
        let secret = |secret: &Option<Secret>| secret.as_ref().map(|secret| Value::from(secret.reveal()));
        put("host", Some(Value::from(self.host.as_str())));
        put("port", Some(Value::from(self.port)));
        put("database", self.database.as_deref().map(Value::from));
        put("username", self.username.as_deref().map(Value::from));
        put("password", secret(&self.password));
        put("tls", self.tls.map(|mode| Value::from(mode.code())));
        put("caCertificate", self.ca_certificate.as_deref().map(Value::from));
        put("clientCertificate", self.client_certificate.as_deref().map(Value::from));
        put("clientKey", secret(&self.client_key));
        put("connectTimeoutMs", self.connect_timeout_ms.map(Value::from));
        Value::Object(object)
    }
}

/// Gathers fields and errors.
#[derive(Default)]
struct Reader {
    host: Option<String>,
    port: Option<u16>,
    database: Option<String>,
    username: Option<String>,
    password: Option<Secret>,
    tls: Option<TlsMode>,
    /// What `ssl` says; `tls` and `sslmode` win over it.
    ssl: Option<TlsMode>,
    ca_certificate: Option<String>,
    client_certificate: Option<String>,
    client_key: Option<Secret>,
    connect_timeout_ms: Option<u32>,
    errors: Vec<FieldError>,
}

impl Reader {
    fn take_url(&mut self, provider: Provider, name: &str, value: &Value) {
        let Some(text) = value.as_str().filter(|text| !text.is_empty()) else {
            return;
        };
        match url::read(text) {
            Ok((found, fields)) if found == provider => self.take_all(fields.iter()),
            Ok((found, _)) => {
                self.errors.push(FieldError::new(
                    name,
                    format!("This is an address of {}, and the provider is {}.", found.label(), provider.label()),
                ));
            }
            Err(error) => self.errors.push(FieldError::new(name, error.to_string())),
        }
    }

    fn take_all<'a>(&mut self, fields: impl Iterator<Item = (&'a String, &'a Value)>) {
        for (name, value) in fields {
            if let Some(key) = Field::of(name)
                && !value.is_null()
                && value.as_str() != Some("")
                && let Err(message) = self.take(key, value)
            {
                self.errors.push(FieldError::new(name, message));
            }
        }
    }

    fn take(&mut self, key: Field, value: &Value) -> Result<(), String> {
        match key {
            Field::Host => self.host = Some(host(value)?),
            Field::Port => self.port = Some(port(value)?),
            Field::Database => self.database = Some(name(value, "database")?),
            Field::Username => self.username = Some(name(value, "user")?),
            Field::Password => self.password = Some(password(value)?),
            Field::Tls => self.tls = Some(tls_mode(value)?),
            Field::Ssl => self.take_ssl(value)?,
            // libpq's word for the trusted authorities of the system, which count anyway.
            Field::CaCertificate if value.as_str() == Some("system") => self.ssl = Some(TlsMode::VerifyFull),
            Field::CaCertificate => {
                self.ca_certificate = Some(pem::certificates(text(value)?).map_err(|error| error.to_string())?);
            }
            Field::ClientCertificate => {
                self.client_certificate = Some(pem::certificates(text(value)?).map_err(|error| error.to_string())?);
            }
            Field::ClientKey => {
                self.client_key = Some(Secret::new(pem::private_key(text(value)?).map_err(|error| error.to_string())?));
            }
            Field::ConnectTimeoutMs => self.connect_timeout_ms = Some(timeout(value, 1)?),
            // libpq: zero waits for ever, which no check does.
            Field::ConnectTimeoutSeconds if unsigned(value) == Some(0) => {}
            Field::ConnectTimeoutSeconds => self.connect_timeout_ms = Some(timeout(value, 1_000)?),
            // One string cannot hold another.
            Field::Url => {}
            Field::Refused(why) => return Err(why.to_owned()),
        }
        Ok(())
    }

    /// `true`, `false`, a mode, or the object of node-postgres and mysql2.
    fn take_ssl(&mut self, value: &Value) -> Result<(), String> {
        match value {
            Value::Bool(on) => self.ssl = Some(if *on { TlsMode::Require } else { TlsMode::Disable }),
            Value::String(text) => match text.to_ascii_lowercase().as_str() {
                // The longer words are Prisma's.
                "true" | "1" | "on" | "yes" | "accept_invalid_certs" => self.ssl = Some(TlsMode::Require),
                "false" | "0" | "off" | "no" => self.ssl = Some(TlsMode::Disable),
                "strict" => self.ssl = Some(TlsMode::VerifyFull),
                // In an address, an object comes as text: `?ssl={"rejectUnauthorized":true}`.
                _ => match serde_json::from_str::<Value>(text) {
                    Ok(object @ Value::Object(_)) => return self.take_ssl(&object),
                    _ => self.ssl = Some(tls_mode(value)?),
                },
            },
            Value::Object(object) => {
                let verified = object.get("rejectUnauthorized").and_then(Value::as_bool).unwrap_or(true);
                self.ssl = Some(if verified { TlsMode::VerifyFull } else { TlsMode::Require });
                for (name, key) in
                    [("ca", Field::CaCertificate), ("cert", Field::ClientCertificate), ("key", Field::ClientKey)]
                {
                    if let Some(value) = object.get(name).filter(|value| !value.is_null()) {
                        self.take(key, value).map_err(|message| format!("ssl.{name}: {message}"))?;
                    }
                }
            }
            _ => return Err("Enter true, false, a TLS mode, or an object.".to_owned()),
        }
        Ok(())
    }

    fn finish(mut self, provider: Provider) -> Result<Settings, Vec<FieldError>> {
        if self.host.is_none()
            && !self.errors.iter().any(|error| matches!(Field::of(&error.field), Some(Field::Host | Field::Url)))
        {
            self.errors.push(FieldError::new("host", "Enter the host: a name like db.example.com, or an address."));
        }
        if !self.errors.is_empty() {
            return Err(self.errors);
        }
        Ok(Settings {
            host: self.host.unwrap_or_default(),
            port: self.port.unwrap_or(provider.default_port()),
            database: self.database,
            username: self.username,
            password: self.password,
            tls: self.tls.or(self.ssl),
            ca_certificate: self.ca_certificate,
            client_certificate: self.client_certificate,
            client_key: self.client_key,
            connect_timeout_ms: self.connect_timeout_ms,
        })
    }
}

fn text(value: &Value) -> Result<&str, String> {
    value.as_str().ok_or_else(|| "Enter a text.".to_owned())
}

/// A host name or an address; IPv6 comes with or without brackets and leaves without.
fn host(value: &Value) -> Result<String, String> {
    if value.is_array() {
        return Err(HOST_LIST.to_owned());
    }
    let host = text(value)?;
    if host.starts_with('/') || host.starts_with('@') || host.starts_with('\\') {
        return Err("Unix sockets are not taken. Enter a host name or an address.".to_owned());
    }
    if host.contains(',') {
        return Err(HOST_LIST.to_owned());
    }
    if host.chars().count() > LONGEST_HOST {
        return Err(format!("The host has more than {LONGEST_HOST} characters."));
    }
    if host.chars().any(char::is_control) {
        return Err("The host has a control character in it, like a line break. Type it again.".to_owned());
    }
    if host.contains("://") {
        return Err("This is a whole address. Paste it into the box for addresses, or enter the host alone.".to_owned());
    }
    let bare = match host.strip_prefix('[') {
        Some(rest) => {
            rest.strip_suffix(']').ok_or_else(|| "The bracket after the IPv6 address is missing.".to_owned())?
        }
        None => host,
    };
    if bare.contains(':') {
        // A zone (`fe80::1%eth0`) is the server's own interface; the address before it must be one.
        let address = bare.split_once('%').map_or(bare, |(address, _)| address);
        return match address.parse::<std::net::Ipv6Addr>() {
            Ok(_) => Ok(bare.to_owned()),
            Err(_) if bare.matches(':').count() == 1 => Err("Enter the port in its own field.".to_owned()),
            Err(_) => Err("This is no IPv6 address.".to_owned()),
        };
    }
    if host.starts_with('[')
        || bare.is_empty()
        || bare.contains(|char: char| char.is_whitespace() || FORBIDDEN.contains(&char))
    {
        return Err("A host has no spaces and none of / @ ? # % in it. Enter the name or the address alone.".to_owned());
    }
    Ok(bare.to_owned())
}

/// What ends a host in an address.
const FORBIDDEN: [char; 10] = ['/', '\\', '@', '?', '#', '%', '[', ']', '<', '>'];
const HOST_LIST: &str = "Enter one host. Add further ones as connections of their own, so that each is watched.";

fn unsigned(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())
}

fn port(value: &Value) -> Result<u16, String> {
    unsigned(value)
        .and_then(|port| u16::try_from(port).ok())
        .filter(|port| *port > 0)
        .ok_or_else(|| "The port is a number from 1 to 65535.".to_owned())
}

fn timeout(value: &Value, factor: u64) -> Result<u32, String> {
    unsigned(value)
        .and_then(|number| number.checked_mul(factor))
        .and_then(|ms| u32::try_from(ms).ok())
        .filter(|ms| CONNECT_TIMEOUT_MS.contains(ms))
        .ok_or_else(|| "The connect timeout is a number of milliseconds from 100 to 60,000.".to_owned())
}

fn name(value: &Value, what: &str) -> Result<String, String> {
    let name = text(value)?;
    if name.chars().count() > LONGEST_NAME {
        return Err(format!("The {what} has more than {LONGEST_NAME} characters."));
    }
    if name.chars().any(char::is_control) {
        return Err(format!("The {what} has a control character in it, like a line break. Type it again."));
    }
    Ok(name.to_owned())
}

fn password(value: &Value) -> Result<Secret, String> {
    let password = match value {
        // A password of digits, in an object that somebody wrote by hand.
        Value::Number(number) => number.to_string(),
        value => text(value)?.to_owned(),
    };
    if password.chars().count() > LONGEST_PASSWORD {
        return Err(format!("The password has more than {LONGEST_PASSWORD} characters."));
    }
    if password.contains('\0') {
        return Err("The password has a NUL character in it, which no protocol carries.".to_owned());
    }
    Ok(Secret::new(password))
}

/// A mode as the wire, libpq (`allow`), node-postgres (`no-verify`), MySQL (`VERIFY_IDENTITY`) and JDBC
/// (`DISABLED`) spell it.
fn tls_mode(value: &Value) -> Result<TlsMode, String> {
    if let Some(on) = value.as_bool() {
        return Ok(if on { TlsMode::Require } else { TlsMode::Disable });
    }
    match text(value)?.to_ascii_lowercase().replace('_', "-").as_str() {
        "disable" | "disabled" => Ok(TlsMode::Disable),
        "prefer" | "preferred" | "allow" => Ok(TlsMode::Prefer),
        "require" | "required" | "no-verify" => Ok(TlsMode::Require),
        "verify-ca" => Ok(TlsMode::VerifyCa),
        "verify-full" | "verify-identity" => Ok(TlsMode::VerifyFull),
        _ => Err("The TLS mode is one of disable, prefer, require, verify-ca, verify-full.".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
    const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n";

    fn read(value: &Value) -> Settings {
        Settings::from_json(Provider::PostgreSql, value).expect("settings that can be read")
    }

    fn refused(value: &Value) -> Vec<String> {
        let errors = Settings::from_json(Provider::PostgreSql, value).expect_err("settings that cannot be read");
        errors.into_iter().map(|error| error.field).collect()
    }

    #[test]
    fn every_alias_is_taken() {
        let expected = Settings {
            host: "db.example.com".to_owned(),
            port: 5433,
            database: Some("shop".to_owned()),
            username: Some("app".to_owned()),
            password: Some(Secret::new("p@ss")),
            tls: Some(TlsMode::Require),
            ca_certificate: None,
            client_certificate: None,
            client_key: None,
            connect_timeout_ms: None,
        };
        for value in [
            json!({"host": "db.example.com", "port": 5433, "database": "shop", "username": "app", "password": "p@ss", "tls": "require"}),
            json!({"host": "db.example.com", "port": "5433", "dbname": "shop", "user": "app", "password": "p@ss", "ssl": true}),
            json!({"host": "db.example.com", "port": 5433, "dbname": "shop", "user": "app", "password": "p@ss", "sslmode": "require"}),
            json!({"host": "db.example.com", "port": 5433, "db": "shop", "user": "app", "password": "p@ss", "ssl": {"rejectUnauthorized": false}}),
            json!({"connectionString": "postgres://app:p%40ss@db.example.com:5433/shop?sslmode=require"}),
            json!({"uri": "postgresql://app@db.example.com:5433/shop", "password": "p@ss", "tls": "require", "ssl": false}),
            json!({"url": "host=db.example.com port=5433 user=app dbname=shop password=p@ss sslmode=require"}),
        ] {
            assert_eq!(read(&value), expected, "{value}");
        }
    }

    #[test]
    fn what_is_absent_stays_absent() {
        let settings = read(&json!({"host": "h", "password": "", "database": null, "schema": "public", "tls": ""}));
        assert_eq!(settings.port, 5432);
        assert_eq!((settings.password, settings.database, settings.tls), (None, None, None));
    }

    #[test]
    fn tls_is_read_as_each_client_spells_it() {
        for (value, mode) in [
            (json!({"ssl": false}), TlsMode::Disable),
            (json!({"ssl": "true"}), TlsMode::Require),
            (json!({"ssl": {}}), TlsMode::VerifyFull),
            (json!({"sslmode": "allow"}), TlsMode::Prefer),
            (json!({"ssl-mode": "VERIFY_IDENTITY"}), TlsMode::VerifyFull),
            (json!({"sslMode": "verify_ca"}), TlsMode::VerifyCa),
            (json!({"sslmode": "no-verify"}), TlsMode::Require),
            (json!({"sslrootcert": "system"}), TlsMode::VerifyFull),
            (json!({"ssl": "{\"rejectUnauthorized\":true}"}), TlsMode::VerifyFull),
        ] {
            let mut value = value;
            value["host"] = json!("h.example.com");
            assert_eq!(read(&value).tls, Some(mode), "{value}");
        }
    }

    #[test]
    fn certificates_come_as_fields_or_in_ssl() {
        let settings = read(&json!({"host": "h", "ssl": {"ca": CERTIFICATE, "cert": CERTIFICATE, "key": KEY}}));
        assert_eq!(settings.ca_certificate.as_deref(), Some(CERTIFICATE));
        assert_eq!(settings.client_certificate.as_deref(), Some(CERTIFICATE));
        assert_eq!(settings.client_key, Some(Secret::new(KEY)));
        assert_eq!(settings.check_pairs(), Ok(()));
        assert!(read(&json!({"host": "h", "clientCertificate": CERTIFICATE})).check_pairs().is_err());
    }

    #[test]
    fn bad_input_names_the_field_it_came_in() {
        for (value, fields) in [
            (json!([]), vec!["credentials"]),
            (json!({}), vec!["host"]),
            (json!({"host": 5}), vec!["host"]),
            (json!({"host": ["a", "b"]}), vec!["host"]),
            (json!({"host": "a,b"}), vec!["host"]),
            (json!({"host": "/var/run/postgresql"}), vec!["host"]),
            (json!({"host": "a\nb"}), vec!["host"]),
            (json!({"host": "a b"}), vec!["host"]),
            (json!({"host": "a:5432"}), vec!["host"]),
            (json!({"host": "[::1"}), vec!["host"]),
            (json!({"host": "[]"}), vec!["host"]),
            (json!({"host": "1::2::3"}), vec!["host"]),
            (json!({"host": "x".repeat(10_000)}), vec!["host"]),
            (json!({"host": "h", "port": 0}), vec!["port"]),
            (json!({"host": "h", "port": 65_536}), vec!["port"]),
            (json!({"host": "h", "port": -1}), vec!["port"]),
            (json!({"host": "h", "port": "abc"}), vec!["port"]),
            (json!({"host": "h", "port": 54.3}), vec!["port"]),
            (json!({"host": "h", "user": "a\u{0}b"}), vec!["user"]),
            (json!({"host": "h", "dbname": "x".repeat(256)}), vec!["dbname"]),
            (json!({"host": "h", "password": "a\u{0}"}), vec!["password"]),
            (json!({"host": "h", "password": {"a": 1}}), vec!["password"]),
            (json!({"host": "h", "tls": "maybe"}), vec!["tls"]),
            (json!({"host": "h", "ssl": 3}), vec!["ssl"]),
            (json!({"host": "h", "connectTimeoutMs": 99}), vec!["connectTimeoutMs"]),
            (json!({"host": "h", "connect_timeout": 61}), vec!["connect_timeout"]),
            (json!({"host": "h", "sslrootcert": "/etc/ssl/ca.pem"}), vec!["sslrootcert"]),
            (json!({"host": "h", "options": "-c x=y"}), vec!["options"]),
            (json!({"host": "h", "socketPath": "/tmp/mysql.sock"}), vec!["socketPath"]),
            (json!({"url": "mysql://h/db"}), vec!["url"]),
            (json!({"url": "http://h"}), vec!["url"]),
            (json!({"host": "", "port": "x"}), vec!["port", "host"]),
        ] {
            assert_eq!(refused(&value), fields, "{value}");
        }
    }

    #[test]
    fn a_provider_that_is_not_there_yet_is_named() {
        let errors = Settings::from_json(Provider::MongoDb, &json!({"host": "h"})).expect_err("not available");
        assert_eq!(errors.first().map(|error| error.field.as_str()), Some("provider"));
    }

    #[test]
    fn no_message_repeats_a_secret() {
        let value = json!({"url": "ftp://u:hunter2@h", "password": {"x": "hunter2"}, "clientKey": "hunter2"});
        let errors = Settings::from_json(Provider::PostgreSql, &value).expect_err("nothing in it is right");
        assert!(!format!("{errors:?}").contains("hunter2"));
    }

    proptest! {
        #[test]
        fn what_is_sealed_is_read_back(
            host in "[a-z0-9.-]{1,60}|::1|fe80::1|2001:db8::[0-9a-f]{1,4}",
            port in 1u16..,
            database in proptest::option::of("[^\\p{Cc}]{1,40}"),
            username in proptest::option::of("[^\\p{Cc}]{1,40}"),
            password in proptest::option::of("[^\\x00]{1,60}"),
            mode in proptest::option::of(0usize..5),
            timeout in proptest::option::of(100u32..=60_000),
        ) {
            let settings = Settings {
                host, port, database, username,
                password: password.map(Secret::new),
                tls: mode.and_then(|at| TlsMode::ALL.get(at).copied()),
                ca_certificate: Some(CERTIFICATE.to_owned()),
                client_certificate: Some(CERTIFICATE.to_owned()),
                client_key: Some(Secret::new(KEY)),
                connect_timeout_ms: timeout,
            };
            prop_assert_eq!(Settings::from_json(Provider::MySql, &settings.to_json()), Ok(settings));
        }
    }
}
