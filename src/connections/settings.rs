//! The settings of one connection as fields. A pasted URL is parsed once, leniently, into these; drivers
//! get options built from them and never a URL.
//!
//! The common fields are those of PostgreSQL and MySQL; `special` has what the other providers need beyond
//! them. `json` reads and writes the `credentials` object of the wire with all its aliases, `pem` judges
//! pasted certificates by their shape, `key` reads what a Supabase key says of itself. [`Settings`] holds secrets; [`PublicSettings`] is what may be shown.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use serde::{Deserialize, Serialize};

use crate::error::FieldError;

mod json;
mod key;
mod pem;
mod special;

pub(in crate::connections) use json::read_hosts;
pub use json::service_account_facts;
pub use key::{KeyFacts, KeyRole};
pub use special::{AuthMechanism, Firebase, MongoDb, PublicFirebase, PublicSpecial, PublicSupabase, Special, Supabase};

/// Text that must not be seen: no `Serialize`, and `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps `text` as it is; nothing is trimmed.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for a driver or the vault.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// How much TLS a connection asks for, in libpq's words; one meaning for all providers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TlsMode {
    /// No TLS.
    Disable,
    /// TLS if the server has it, unverified.
    Prefer,
    /// TLS, unverified.
    Require,
    /// TLS, the chain verified.
    VerifyCa,
    /// TLS, the chain and the name verified.
    VerifyFull,
}

impl TlsMode {
    /// Every mode, weakest first.
    pub const ALL: [Self; 5] = [Self::Disable, Self::Prefer, Self::Require, Self::VerifyCa, Self::VerifyFull];

    /// The stable name on the wire.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        }
    }

    /// The mode with this code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.code() == code)
    }

    /// What it means, for a person who chooses one.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Disable => "Off: nothing is encrypted",
            Self::Prefer => "If the server has it, unverified",
            Self::Require => "Always, certificate not verified",
            Self::VerifyCa => "Always, certificate from a trusted authority",
            Self::VerifyFull => "Always, certificate trusted and for this host",
        }
    }

    /// What it protects from and what not, in a sentence.
    #[must_use]
    pub const fn explanation(self) -> &'static str {
        match self {
            Self::Disable => "Anyone on the way can read and change everything. Only for the same machine.",
            Self::Prefer => "Encrypted where the server offers it, but anyone on the way can switch that off.",
            Self::Require => "Encrypted, but nobody checks who answers: a machine in between can pose as the server.",
            Self::VerifyCa => "Encrypted, and the certificate must come from a trusted authority, for whatever host.",
            Self::VerifyFull => {
                "Encrypted, and the certificate must be trusted and name this host. The right choice on a network."
            }
        }
    }
}

/// What a probe needs to connect: the common fields, and what one provider needs beyond them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Host name or address, IPv6 without brackets; empty for Firebase, and for Supabase without its Postgres.
    pub host: String,
    /// TCP port; 0 where there is no host.
    pub port: u16,
    /// The database to open; the provider's own default where absent.
    pub database: Option<String>,
    /// The user to log in as.
    pub username: Option<String>,
    /// May be empty: some servers trust or use certificates.
    pub password: Option<Secret>,
    /// Absent: [`Settings::effective_tls`] decides by the host.
    pub tls: Option<TlsMode>,
    /// PEM, one or more certificates.
    pub ca_certificate: Option<String>,
    /// PEM, the client's own chain.
    pub client_certificate: Option<String>,
    /// PEM, the key to it.
    pub client_key: Option<Secret>,
    /// Milliseconds for name, TCP and TLS together; 5,000 where absent.
    pub connect_timeout_ms: Option<u32>,
    /// What one provider needs beyond these.
    pub special: Special,
}

impl Settings {
    /// The connect timeout where none is set, in milliseconds.
    pub const DEFAULT_CONNECT_TIMEOUT_MS: u32 = 5_000;

    /// The connect timeout that counts, in milliseconds.
    #[must_use]
    pub fn effective_connect_timeout_ms(&self) -> u32 {
        self.connect_timeout_ms.unwrap_or(Self::DEFAULT_CONNECT_TIMEOUT_MS)
    }

    /// The TLS mode that counts: the one that is set, else the one that the host asks for.
    #[must_use]
    pub fn effective_tls(&self) -> TlsMode {
        self.public().effective_tls()
    }

    /// `host:port/database`, IPv6 in brackets; for Firebase the project, for Supabase its address.
    #[must_use]
    pub fn endpoint(&self) -> String {
        self.public().endpoint()
    }

    /// Every secret in it, and what inside a service account is one or names its owner: what no message may hold.
    #[must_use]
    pub fn secrets(&self) -> Vec<String> {
        let [first, second] = self.special.secrets();
        let mut secrets: Vec<String> = [self.password.as_ref(), self.client_key.as_ref(), first, second]
            .into_iter()
            .flatten()
            .map(|secret| secret.reveal().to_owned())
            .collect();
        if let Special::Firebase(firebase) = &self.special
            && let Some(account) = &firebase.service_account
            && let Ok(account) = serde_json::from_str::<serde_json::Value>(account.reveal())
        {
            let field = |name: &str| account.get(name).and_then(serde_json::Value::as_str).map(str::to_owned);
            let key = field("private_key").unwrap_or_default();
            // A message may repeat a part of the key: a line is one that can be found.
            secrets.extend(key.lines().filter(|line| !line.starts_with("-----")).map(str::to_owned));
            secrets.extend([Some(key), field("private_key_id"), field("client_email")].into_iter().flatten());
        }
        secrets
    }

    /// What of it may be shown, stored in the open and searched.
    #[must_use]
    pub fn public(&self) -> PublicSettings {
        PublicSettings {
            host: self.host.clone(),
            port: self.port,
            database: self.database.clone(),
            username: self.username.clone(),
            tls: self.tls,
            connect_timeout_ms: self.connect_timeout_ms,
            ca_certificate: self.ca_certificate.clone(),
            client_certificate: self.client_certificate.clone(),
            has_password: self.password.is_some(),
            has_client_key: self.client_key.is_some(),
            special: self.special.public(),
        }
    }

    /// Whether a secret that was given for `other` may be sent to this endpoint too: host, port and what
    /// TLS proves are the same.
    #[must_use]
    pub fn same_endpoint(&self, other: &Self) -> bool {
        self.same_server(other) && self.special.same_endpoint(&other.special)
    }

    /// The part of it that is about the common fields.
    fn same_server(&self, other: &Self) -> bool {
        self.host.eq_ignore_ascii_case(&other.host)
            && self.port == other.port
            && self.effective_tls() == other.effective_tls()
            && self.ca_certificate == other.ca_certificate
    }

    /// Fills in the secrets that were left empty with the stored ones.
    ///
    /// # Errors
    ///
    /// The field of each secret that is stored but may not be used, because it was given for another
    /// endpoint (or, for a key, for another certificate): it is to be entered again.
    pub fn merge_secrets(&mut self, stored: &Self) -> Result<(), Vec<FieldError>> {
        // Supabase's keys go to its address and its password to its Postgres: each is asked for on its own.
        let is_supabase = matches!(self.special, Special::Supabase(_));
        let same = self.same_server(stored) && (is_supabase || self.special.same_endpoint(&stored.special));
        let mut errors = Vec::new();
        if self.password.is_none() && stored.password.is_some() {
            if same {
                self.password.clone_from(&stored.password);
            } else {
                errors.push(FieldError::new(
                    "password",
                    "The host, port or TLS changed, so the stored password is not used. Enter it again.",
                ));
            }
        }
        if self.client_key.is_none() && self.client_certificate.is_some() && stored.client_key.is_some() {
            if same && self.client_certificate == stored.client_certificate {
                self.client_key.clone_from(&stored.client_key);
            } else {
                errors.push(FieldError::new(
                    "clientKey",
                    "The host, port, TLS or certificate changed, so the stored key is not used. Enter it again.",
                ));
            }
        }
        let same_keys = self.special.same_endpoint(&stored.special) && self.ca_certificate == stored.ca_certificate;
        self.special.merge_secrets(&stored.special, same_keys, &mut errors);
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }

    /// The same without the secrets that are to be forgotten.
    #[must_use]
    pub fn without(&self, forget: &[SecretField]) -> Self {
        let mut kept = self.clone();
        for field in forget {
            match (field, &mut kept.special) {
                (SecretField::Password, _) => kept.password = None,
                (SecretField::ServiceAccount, Special::Firebase(firebase)) => firebase.service_account = None,
                (SecretField::ApiKey, Special::Firebase(firebase)) => firebase.api_key = None,
                (SecretField::AnonKey, Special::Supabase(supabase)) => supabase.anon_key = None,
                (SecretField::ServiceRoleKey, Special::Supabase(supabase)) => supabase.service_role_key = None,
                _ => {}
            }
        }
        kept
    }

    /// A client certificate and its key go together.
    ///
    /// # Errors
    ///
    /// The field that is missing.
    pub fn check_pairs(&self) -> Result<(), FieldError> {
        match (&self.client_certificate, &self.client_key) {
            (Some(_), None) => Err(FieldError::new("clientKey", "A client certificate needs its key. Paste it too.")),
            (None, Some(_)) => {
                Err(FieldError::new("clientCertificate", "A client key needs its certificate. Paste it too."))
            }
            _ => Ok(()),
        }
    }
}

/// The secrets that an owner may ask to be forgotten. The key of a client certificate goes with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretField {
    /// The password.
    Password,
    /// Firebase's service account.
    ServiceAccount,
    /// Firebase's web API key.
    ApiKey,
    /// Supabase's anon or publishable key.
    AnonKey,
    /// Supabase's service-role or secret key.
    ServiceRoleKey,
}

impl SecretField {
    /// Every one of them.
    pub const ALL: [Self; 5] =
        [Self::Password, Self::ServiceAccount, Self::ApiKey, Self::AnonKey, Self::ServiceRoleKey];

    /// The field's name on the form and the wire.
    #[must_use]
    pub const fn field(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::ServiceAccount => "serviceAccount",
            Self::ApiKey => "apiKey",
            Self::AnonKey => "anonKey",
            Self::ServiceRoleKey => "serviceRoleKey",
        }
    }
}

/// The settings that may be shown: no secret among them, only whether there is one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PublicSettings {
    /// Host name or address; empty where the stored settings could not be read.
    pub host: String,
    /// TCP port; 0 where the stored settings could not be read.
    pub port: u16,
    /// The database to open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// The user to log in as.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The mode that is set; absent where the host decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsMode>,
    /// Milliseconds, where set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connect_timeout_ms: Option<u32>,
    /// PEM; a certificate is no secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_certificate: Option<String>,
    /// PEM; without its key it is no secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_certificate: Option<String>,
    /// Whether a password is stored.
    pub has_password: bool,
    /// Whether the key of a client certificate is stored.
    pub has_client_key: bool,
    /// What may be shown of what one provider needs beyond these.
    #[serde(skip_serializing_if = "PublicSpecial::is_plain")]
    pub special: PublicSpecial,
}

impl PublicSettings {
    /// The secrets that there are, of those that may be forgotten.
    #[must_use]
    pub fn secrets(&self) -> Vec<SecretField> {
        let mut there = Vec::new();
        let mut note = |is_there: bool, field| {
            if is_there {
                there.push(field);
            }
        };
        note(self.has_password, SecretField::Password);
        match &self.special {
            PublicSpecial::Plain | PublicSpecial::MongoDb(_) => {}
            PublicSpecial::Firebase(firebase) => {
                note(firebase.has_service_account, SecretField::ServiceAccount);
                note(firebase.has_api_key, SecretField::ApiKey);
            }
            PublicSpecial::Supabase(supabase) => {
                note(supabase.has_anon_key, SecretField::AnonKey);
                note(supabase.has_service_role_key, SecretField::ServiceRoleKey);
            }
        }
        there
    }

    /// Counts the secrets of `stored` as there too, but for those that are to be forgotten: what is not typed
    /// is kept.
    #[must_use]
    pub fn keeping(mut self, stored: &Self, forget: &[SecretField]) -> Self {
        let kept = |field| !forget.contains(&field);
        self.has_password |= stored.has_password && kept(SecretField::Password);
        self.has_client_key |= stored.has_client_key;
        match (&mut self.special, &stored.special) {
            (PublicSpecial::Firebase(own), PublicSpecial::Firebase(stored)) => {
                own.has_service_account |= stored.has_service_account && kept(SecretField::ServiceAccount);
                own.has_api_key |= stored.has_api_key && kept(SecretField::ApiKey);
            }
            (PublicSpecial::Supabase(own), PublicSpecial::Supabase(stored)) => {
                own.has_anon_key |= stored.has_anon_key && kept(SecretField::AnonKey);
                own.has_service_role_key |= stored.has_service_role_key && kept(SecretField::ServiceRoleKey);
            }
            _ => {}
        }
        self
    }

    /// `host:port/database`, IPv6 in brackets; for Firebase the project, for Supabase its address; empty
    /// where nothing of it could be read.
    #[must_use]
    pub fn endpoint(&self) -> String {
        match &self.special {
            PublicSpecial::Plain => endpoint(&self.host, self.port, self.database.as_deref()),
            PublicSpecial::MongoDb(_) if self.host.is_empty() => String::new(),
            PublicSpecial::MongoDb(mongodb) => {
                let mut text = if mongodb.srv {
                    self.host.clone()
                } else {
                    host_list(&self.host, self.port, &mongodb.more_hosts).join(",")
                };
                if let Some(database) = &self.database {
                    text.push('/');
                    text.push_str(database);
                }
                text
            }
            PublicSpecial::Firebase(firebase) => firebase.endpoint(),
            PublicSpecial::Supabase(supabase) => special::without_scheme(&supabase.url).to_owned(),
        }
    }

    /// The TLS mode that counts: the one that is set, else [`default_tls`] for the host. SRV names imply TLS
    /// (MongoDB's manual), and Google's services are reached by https alone.
    #[must_use]
    pub fn effective_tls(&self) -> TlsMode {
        self.tls.unwrap_or_else(|| match &self.special {
            PublicSpecial::MongoDb(mongodb) if mongodb.srv => TlsMode::VerifyFull,
            PublicSpecial::Firebase(firebase) if firebase.emulator_host.is_some() => TlsMode::Disable,
            PublicSpecial::Firebase(_) => TlsMode::VerifyFull,
            PublicSpecial::Supabase(_) if self.host.is_empty() => TlsMode::VerifyFull,
            _ => default_tls(&self.host),
        })
    }
}

/// `host:port/database`, IPv6 in brackets; empty where there is no host.
#[must_use]
pub fn endpoint(host: &str, port: u16, database: Option<&str>) -> String {
    if host.is_empty() {
        return String::new();
    }
    let mut text = host_and_port(host, port);
    if let Some(database) = database {
        text.push('/');
        text.push_str(database);
    }
    text
}

/// `host:port`, IPv6 in brackets.
fn host_and_port(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// Every host of a list with its port.
pub(super) fn host_list(host: &str, port: u16, more: &[(String, u16)]) -> Vec<String> {
    let first = std::iter::once(host_and_port(host, port));
    first.chain(more.iter().map(|(host, port)| host_and_port(host, *port))).collect()
}

/// The mode where none is set: `prefer` where the host cannot be on the internet, so that a certificate for
/// its name can hardly exist, `verify-full` everywhere else.
#[must_use]
pub fn default_tls(host: &str) -> TlsMode {
    if is_private_host(host) { TlsMode::Prefer } else { TlsMode::VerifyFull }
}

/// Loopback and private addresses, and the names that the public name service never answers: names of one
/// label, and those under `localhost` (RFC 6761), `local` (RFC 6762), `home.arpa` (RFC 8375) and `internal`
/// (reserved by ICANN in 2024).
#[must_use]
pub fn is_private_host(host: &str) -> bool {
    if let Ok(address) = host.parse::<IpAddr>() {
        return match address {
            IpAddr::V4(address) => is_private_v4(address),
            IpAddr::V6(address) => is_private_v6(address),
        };
    }
    let name = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    !name.contains('.') && !name.contains(':')
        || [".localhost", ".local", ".internal", ".home.arpa"].iter().any(|suffix| name.ends_with(suffix))
}

const fn is_private_v4(address: Ipv4Addr) -> bool {
    address.is_loopback() || address.is_private() || address.is_link_local()
}

fn is_private_v6(address: Ipv6Addr) -> bool {
    address.to_ipv4_mapped().map_or_else(
        || address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local(),
        is_private_v4,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(host: &str) -> Settings {
        Settings {
            host: host.to_owned(),
            port: 5432,
            database: Some("shop".to_owned()),
            username: Some("app".to_owned()),
            password: Some(Secret::new("hunter2")),
            tls: None,
            ca_certificate: None,
            client_certificate: None,
            client_key: None,
            connect_timeout_ms: None,
            special: Special::Plain,
        }
    }

    #[test]
    fn the_host_decides_the_tls_mode_where_none_is_set() {
        for host in [
            "localhost",
            "127.0.0.1",
            "10.1.2.3",
            "192.168.0.4",
            "::1",
            "fd00::1",
            "::ffff:10.0.0.1",
            "db",
            "db.local",
            "a.INTERNAL",
        ] {
            assert_eq!(default_tls(host), TlsMode::Prefer, "{host}");
        }
        for host in ["db.example.com", "8.8.8.8", "2001:db8::1", "172.32.0.1", "local.example.org", "::ffff:8.8.8.8"] {
            assert_eq!(default_tls(host), TlsMode::VerifyFull, "{host}");
        }
    }

    #[test]
    fn an_endpoint_puts_ipv6_in_brackets() {
        assert_eq!(settings("::1").endpoint(), "[::1]:5432/shop");
        assert_eq!(settings("db.example.com").public().endpoint(), "db.example.com:5432/shop");
        assert_eq!(PublicSettings::default().endpoint(), "");
    }

    #[test]
    fn nothing_shows_a_secret() {
        let settings = settings("db.example.com");
        assert!(!format!("{settings:?}").contains("hunter2"));
        let public = serde_json::to_string(&settings.public()).expect("settings are plain data");
        assert!(!public.contains("hunter2"));
        assert!(public.contains("\"hasPassword\":true"));
    }

    #[test]
    fn what_is_secret_inside_a_service_account_is_known() {
        let account = serde_json::json!({
            "client_email": "mooring@shop-1.iam.gserviceaccount.com",
            "private_key_id": "0123456789abcdef",
            "private_key": "-----BEGIN PRIVATE KEY-----\nfirst+line\nsecond+line\n-----END PRIVATE KEY-----\n",
        })
        .to_string();
        let service_account = Some(Secret::new(account.as_str()));
        let firebase = Firebase { service_account, ..Firebase::default() };
        let secrets = Settings { special: Special::Firebase(Box::new(firebase)), ..settings("") }.secrets();
        for secret in [
            account.as_str(),
            "mooring@shop-1.iam.gserviceaccount.com",
            "0123456789abcdef",
            "first+line",
            "second+line",
            "hunter2",
        ] {
            assert!(secrets.iter().any(|known| known == secret), "{secret}");
        }
    }

    #[test]
    fn a_stored_secret_is_kept_for_the_same_endpoint_only() {
        let stored = settings("db.example.com");
        let mut edited = Settings { password: None, database: Some("other".to_owned()), ..stored.clone() };
        assert_eq!(edited.merge_secrets(&stored), Ok(()));
        assert_eq!(edited.password, stored.password);

        let moved: [fn(&mut Settings); 4] = [
            |settings| settings.host = "elsewhere.example.com".to_owned(),
            |settings| settings.port = 5433,
            |settings| settings.tls = Some(TlsMode::Require),
            |settings| settings.ca_certificate = Some("another".to_owned()),
        ];
        for change in moved {
            let mut edited = Settings { password: None, ..stored.clone() };
            change(&mut edited);
            let errors = edited.merge_secrets(&stored).expect_err("the endpoint changed");
            assert_eq!(errors.first().map(|error| error.field.as_str()), Some("password"));
            assert_eq!(edited.password, None);

            edited.password = Some(Secret::new("entered again"));
            assert_eq!(edited.merge_secrets(&stored), Ok(()));
        }
    }

    #[test]
    fn naming_the_mode_that_held_anyway_is_no_change() {
        let stored = settings("db.example.com");
        let mut edited = Settings { password: None, tls: Some(TlsMode::VerifyFull), ..stored.clone() };
        assert_eq!(edited.merge_secrets(&stored), Ok(()));
    }

    #[test]
    fn a_key_goes_with_its_certificate() {
        let stored = Settings {
            client_certificate: Some("a".to_owned()),
            client_key: Some(Secret::new("k")),
            ..settings("db.example.com")
        };
        let mut same = Settings { client_key: None, ..stored.clone() };
        assert_eq!(same.merge_secrets(&stored), Ok(()));
        assert_eq!(same.check_pairs(), Ok(()));

        let mut other = Settings { client_certificate: Some("b".to_owned()), client_key: None, ..stored.clone() };
        assert!(other.merge_secrets(&stored).is_err());

        let mut without = Settings { client_certificate: None, client_key: None, ..stored.clone() };
        assert_eq!(without.merge_secrets(&stored), Ok(()));
        assert_eq!(without.client_key, None);
    }
}
