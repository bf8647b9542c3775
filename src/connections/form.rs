//! The form of one connection as it is typed and sent: every field a text, read on the server into
//! settings, and while one types in the browser into the preview.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    Connection, NewConnection, Provider,
    labels::Labels,
    paste,
    settings::{
        self, AuthMechanism, MongoDb, PublicFirebase, PublicSettings, PublicSpecial, PublicSupabase, Secret,
        SecretField, Settings, Special, TlsMode,
    },
    validate_interval, validate_name, validate_slow_threshold,
};
use crate::{
    config_check::{KnownFacts, SecretFacts},
    error::FieldError,
    health::quiet::QuietMode,
    ids::ConnectionId,
    probe::ProbeReport,
};

/// Bytes of a field that are kept for showing the form again; a chain of certificates is the longest that has a use.
const LONGEST_KEPT: usize = 64 * 1024;

/// What was typed. Travels from the browser to the server only; `Debug` shows no secret.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ConnectionForm {
    /// The connection that is edited; empty for a new one.
    pub id: String,
    /// Code of the provider.
    pub provider: String,
    /// The connection's name.
    pub name: String,
    /// A whole address, where the browser did not take it apart: its fields win over the others.
    pub pasted: String,
    /// Host name or address; for MongoDB also several, with commas.
    pub host: String,
    /// The port; the provider's own where empty.
    pub port: String,
    /// The database.
    pub database: String,
    /// The user.
    pub username: String,
    /// The password; the stored one where empty.
    pub password: String,
    /// Any text: forget the stored password.
    pub remove_password: String,
    /// Any text: forget the stored service account.
    pub remove_service_account: String,
    /// Any text: forget the stored web API key.
    pub remove_api_key: String,
    /// Any text: forget the stored anon key.
    pub remove_anon_key: String,
    /// Any text: forget the stored service-role key.
    pub remove_service_role_key: String,
    /// `test`: try the settings, and save nothing. For browsers without JavaScript.
    pub intent: String,
    /// Code of the TLS mode; the host decides where empty.
    pub tls: String,
    /// PEM.
    pub ca_certificate: String,
    /// PEM.
    pub client_certificate: String,
    /// PEM; the stored one where empty.
    pub client_key: String,
    /// Milliseconds.
    pub connect_timeout_ms: String,
    /// MongoDB. Any text: the host is a name with SRV records.
    pub srv: String,
    /// MongoDB.
    pub replica_set: String,
    /// MongoDB.
    pub auth_source: String,
    /// MongoDB. Code of the mechanism.
    pub auth_mechanism: String,
    /// MongoDB. `true`, `false` or empty.
    pub direct_connection: String,
    /// Firebase.
    pub project_id: String,
    /// Firebase.
    pub database_id: String,
    /// Firebase: the address of a Realtime Database.
    #[serde(rename = "databaseURL")]
    pub database_url: String,
    /// Firebase. JSON; the stored one where empty.
    pub service_account: String,
    /// Firebase. The stored one where empty.
    pub api_key: String,
    /// Firebase. `host:port`.
    pub emulator_host: String,
    /// Supabase: the project's address.
    pub url: String,
    /// Supabase. The stored one where empty.
    pub anon_key: String,
    /// Supabase. The stored one where empty.
    pub service_role_key: String,
    /// Seconds.
    pub interval_s: String,
    /// Milliseconds.
    pub slow_threshold_ms: String,
    /// Code of the quiet mode.
    pub quiet_mode: String,
    /// One word.
    pub environment: String,
    /// With commas between them.
    pub tags: String,
}

impl fmt::Debug for ConnectionForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionForm").field("id", &self.id).field("provider", &self.provider).finish_non_exhaustive()
    }
}

/// What a form begins with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FormStart {
    /// What is in the fields: defaults, what is stored, or what was typed a moment ago without JavaScript.
    /// Never a secret.
    pub form: ConnectionForm,
    /// The connection that is edited.
    pub connection: Option<Connection>,
    /// What a test without JavaScript found a moment ago.
    pub report: Option<ProbeReport>,
    /// What was found out about the stored secrets when they were set.
    pub secrets: SecretFacts,
    /// What only the server knows of what is stored.
    pub known: KnownFacts,
}

impl FormStart {
    /// Begins with `provider`, where nothing was typed yet.
    #[must_use]
    pub fn beginning_with(mut self, provider: Option<Provider>) -> Self {
        let untouched = ConnectionForm { provider: self.form.provider.clone(), ..ConnectionForm::default() };
        if let Some(provider) = provider.filter(|_| self.form == untouched) {
            provider.code().clone_into(&mut self.form.provider);
        }
        self
    }
}

/// What sending the form came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Submitted {
    /// The connection is stored.
    Saved(ConnectionId),
    /// The settings were tried, and nothing was stored.
    Tested(Box<ProbeReport>),
}

/// A form that could be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// The connection that is edited; none for a new one.
    pub id: Option<ConnectionId>,
    /// What is to be stored.
    pub connection: NewConnection,
    /// The stored secrets that are to be forgotten rather than kept.
    pub forget: Vec<SecretField>,
}

/// The part of a form that a test needs: a name is not among it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The stored connection whose secrets fill in the empty ones.
    pub id: Option<ConnectionId>,
    /// What kind of database.
    pub provider: Provider,
    /// What to connect to.
    pub settings: Settings,
    /// The stored secrets that are left out rather than filled in.
    pub forget: Vec<SecretField>,
}

impl ConnectionForm {
    /// The form of a stored connection: without its secrets, which stay where they are.
    #[must_use]
    pub fn of(connection: &Connection) -> Self {
        let mut form = Self {
            id: connection.id.to_string(),
            provider: connection.provider.map(|provider| provider.code().to_owned()).unwrap_or_default(),
            name: connection.name.clone(),
            interval_s: connection.interval_s.to_string(),
            slow_threshold_ms: connection.slow_threshold_ms.to_string(),
            quiet_mode: connection.quiet_mode.code().to_owned(),
            environment: connection.labels.environment.clone().unwrap_or_default(),
            tags: connection.labels.typed_tags(),
            ..Self::default()
        };
        form.fill_public(&connection.settings);
        form
    }

    /// Puts what an address said into the fields; what it did not name stays, except the parts that every
    /// address decides: who logs in where.
    pub fn fill(&mut self, provider: Provider, settings: &Settings) {
        provider.code().clone_into(&mut self.provider);
        let earlier = self.clone();
        self.fill_public(&settings.public());
        if settings.tls.is_none() {
            self.tls = earlier.tls;
        }
        if settings.ca_certificate.is_none() {
            self.ca_certificate = earlier.ca_certificate;
        }
        if settings.client_certificate.is_none() {
            self.client_certificate = earlier.client_certificate;
        }
        if settings.connect_timeout_ms.is_none() {
            self.connect_timeout_ms = earlier.connect_timeout_ms;
        }
        let reveal = |secret: &Option<Secret>, into: &mut String| {
            if let Some(secret) = secret {
                secret.reveal().clone_into(into);
            }
        };
        reveal(&settings.password, &mut self.password);
        reveal(&settings.client_key, &mut self.client_key);
        match &settings.special {
            Special::Plain | Special::MongoDb(_) => {}
            Special::Firebase(firebase) => {
                reveal(&firebase.service_account, &mut self.service_account);
                reveal(&firebase.api_key, &mut self.api_key);
            }
            Special::Supabase(supabase) => {
                reveal(&supabase.anon_key, &mut self.anon_key);
                reveal(&supabase.service_role_key, &mut self.service_role_key);
            }
        }
        if self.name.is_empty() {
            self.name = match (&settings.database, settings.host.as_str()) {
                (_, "") => settings.endpoint(),
                (Some(database), host) => format!("{database} on {host}"),
                (None, host) => host.to_owned(),
            };
        }
    }

    fn fill_public(&mut self, settings: &PublicSettings) {
        self.host.clone_from(&settings.host);
        self.port = if settings.port == 0 { String::new() } else { settings.port.to_string() };
        self.database = settings.database.clone().unwrap_or_default();
        self.username = settings.username.clone().unwrap_or_default();
        self.tls = settings.tls.map(|mode| mode.code().to_owned()).unwrap_or_default();
        self.ca_certificate = settings.ca_certificate.clone().unwrap_or_default();
        self.client_certificate = settings.client_certificate.clone().unwrap_or_default();
        self.connect_timeout_ms = settings.connect_timeout_ms.map(|ms| ms.to_string()).unwrap_or_default();
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        match &settings.special {
            PublicSpecial::Plain => {}
            PublicSpecial::MongoDb(mongodb) => {
                if mongodb.srv {
                    self.port.clear();
                } else if !mongodb.more_hosts.is_empty() {
                    self.host = settings::host_list(&settings.host, settings.port, &mongodb.more_hosts).join(",");
                    self.port.clear();
                }
                self.srv = if mongodb.srv { "true".to_owned() } else { String::new() };
                self.replica_set = text(&mongodb.replica_set);
                self.auth_source = text(&mongodb.auth_source);
                self.auth_mechanism = mongodb.auth_mechanism.map(|it| it.code().to_owned()).unwrap_or_default();
                self.direct_connection = mongodb.direct_connection.map(|on| on.to_string()).unwrap_or_default();
            }
            PublicSpecial::Firebase(firebase) => {
                self.project_id = text(&firebase.project_id);
                self.database_id = text(&firebase.database_id);
                self.database_url = text(&firebase.database_url);
                self.emulator_host = text(&firebase.emulator_host);
            }
            PublicSpecial::Supabase(supabase) => self.url.clone_from(&supabase.url),
        }
    }

    /// The same without the secrets: what may be kept for showing the form again. What was put beside its field is as
    /// secret there, so nothing stays of an address with a login in it or of a private key, nor of what is no setting
    /// by its length.
    #[must_use]
    pub fn without_secrets(&self) -> Self {
        let mut kept = Self {
            password: String::new(),
            client_key: String::new(),
            pasted: String::new(),
            service_account: String::new(),
            api_key: String::new(),
            anon_key: String::new(),
            service_role_key: String::new(),
            ..self.clone()
        };
        for address in [&mut kept.host, &mut kept.url, &mut kept.database_url, &mut kept.emulator_host] {
            if address.contains('@') {
                address.clear();
            }
        }
        for text in [
            &mut kept.name,
            &mut kept.host,
            &mut kept.port,
            &mut kept.database,
            &mut kept.username,
            &mut kept.ca_certificate,
            &mut kept.client_certificate,
            &mut kept.connect_timeout_ms,
            &mut kept.replica_set,
            &mut kept.auth_source,
            &mut kept.project_id,
            &mut kept.database_id,
            &mut kept.database_url,
            &mut kept.emulator_host,
            &mut kept.url,
            &mut kept.interval_s,
            &mut kept.slow_threshold_ms,
            &mut kept.environment,
            &mut kept.tags,
        ] {
            let has_login = text.contains("://") && text.contains('@');
            if has_login || text.contains("PRIVATE KEY") || text.len() > LONGEST_KEPT {
                text.clear();
            }
        }
        kept
    }

    /// Reads everything, to be stored.
    ///
    /// # Errors
    ///
    /// Every field that cannot be used.
    pub fn read(&self) -> Result<Draft, Vec<FieldError>> {
        let form = self.unpacked()?;
        let mut errors = Vec::new();
        let mut keep = |error: FieldError| errors.push(error);
        let name = validate_name(&form.name).map_err(&mut keep).unwrap_or_default();
        let interval_s = validate_interval(&form.interval_s).map_err(&mut keep).unwrap_or_default();
        let slow_threshold_ms = validate_slow_threshold(&form.slow_threshold_ms).map_err(&mut keep).unwrap_or_default();
        let labels = Labels::read(&form.environment, &form.tags).map_err(&mut keep).unwrap_or_default();
        let quiet_mode = QuietMode::read(&form.quiet_mode).map_err(&mut keep).unwrap_or_default();
        match form.read_target() {
            Ok(Target { id, provider, settings, forget }) if errors.is_empty() => Ok(Draft {
                id,
                connection: NewConnection {
                    provider,
                    name,
                    interval_s,
                    slow_threshold_ms,
                    // The field is hidden where it can mean nothing.
                    quiet_mode: quiet_mode.as_far_as(provider),
                    labels,
                    settings,
                },
                forget,
            }),
            Ok(_) => Err(errors),
            Err(more) => {
                errors.extend(more);
                Err(errors)
            }
        }
    }

    /// Reads what a test needs.
    ///
    /// # Errors
    ///
    /// Every field that cannot be used.
    pub fn target(&self) -> Result<Target, Vec<FieldError>> {
        self.unpacked()?.read_target()
    }

    /// What the preview shows while one types; parts that cannot be read yet are left out.
    #[must_use]
    pub fn public(&self) -> (Provider, PublicSettings) {
        let provider: Provider = self.provider.parse().unwrap_or(Provider::PostgreSql);
        let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let port = self.port.trim().parse().unwrap_or(provider.default_port());
        let mut public = PublicSettings {
            host: self.host.trim().trim_matches(['[', ']']).to_owned(),
            port,
            database: some(&self.database),
            username: some(&self.username),
            tls: TlsMode::from_code(&self.tls),
            connect_timeout_ms: self.connect_timeout_ms.trim().parse().ok(),
            ca_certificate: some(self.ca_certificate.trim()),
            client_certificate: some(self.client_certificate.trim()),
            has_client_key: !self.client_key.is_empty(),
            has_password: !self.password.is_empty(),
            ..PublicSettings::default()
        };
        match provider {
            Provider::PostgreSql | Provider::MySql => {}
            Provider::MongoDb => {
                let mut mongodb = MongoDb {
                    srv: !self.srv.is_empty(),
                    replica_set: some(self.replica_set.trim()),
                    auth_source: some(self.auth_source.trim()),
                    auth_mechanism: AuthMechanism::ALL.into_iter().find(|it| it.code() == self.auth_mechanism),
                    direct_connection: self.direct_connection.parse().ok(),
                    ..MongoDb::default()
                };
                if let Ok(hosts) = settings::read_hosts(&Value::from(self.host.trim()), port) {
                    let mut hosts = hosts.into_iter();
                    (public.host, public.port) = hosts.next().unwrap_or_default();
                    mongodb.more_hosts = hosts.collect();
                }
                public.special = PublicSpecial::MongoDb(mongodb);
            }
            Provider::Firebase => {
                public = PublicSettings::default();
                public.special = PublicSpecial::Firebase(PublicFirebase {
                    project_id: some(self.project_id.trim()),
                    database_id: some(self.database_id.trim()),
                    database_url: some(self.database_url.trim()),
                    emulator_host: some(self.emulator_host.trim()),
                    has_service_account: !self.service_account.is_empty(),
                    has_api_key: !self.api_key.is_empty(),
                });
            }
            Provider::Supabase => {
                if public.host.is_empty() {
                    public.port = 0;
                }
                public.special = PublicSpecial::Supabase(PublicSupabase {
                    url: self.url.trim().trim_end_matches('/').to_owned(),
                    has_anon_key: !self.anon_key.is_empty(),
                    has_service_role_key: !self.service_role_key.is_empty(),
                });
            }
        }
        (provider, public)
    }

    /// Whether the endpoint is another than the stored one, so that the stored secrets do not count for it.
    /// The browser's side of [`Settings::same_endpoint`], for asking in time.
    #[must_use]
    pub fn has_moved(&self, stored: &PublicSettings) -> bool {
        let (_, typed) = self.public();
        !typed.host.eq_ignore_ascii_case(&stored.host)
            || typed.port != stored.port
            || typed.effective_tls() != stored.effective_tls()
            || !typed.special.same_endpoint(&stored.special)
            || self.ca_certificate.trim() != stored.ca_certificate.as_deref().unwrap_or_default().trim()
    }

    /// The form with a pasted address taken apart.
    fn unpacked(&self) -> Result<Self, Vec<FieldError>> {
        let mut form = self.clone();
        if !form.pasted.trim().is_empty() {
            let found = paste::read(form.provider.parse().ok(), &form.pasted).map_err(|error| vec![error])?;
            form.fill(found.provider, &found.settings);
            form.pasted.clear();
        }
        Ok(form)
    }

    fn read_target(&self) -> Result<Target, Vec<FieldError>> {
        let id = match self.id.as_str() {
            "" => None,
            id => Some(id.parse().map_err(|_| vec![FieldError::new("id", "This is no connection.")])?),
        };
        let provider: Provider = self
            .provider
            .parse()
            .map_err(|error: super::UnknownProvider| vec![FieldError::new("provider", error.to_string())])?;
        let common = [
            ("host", self.host.trim()),
            ("port", self.port.trim()),
            ("database", &self.database),
            ("username", &self.username),
            ("password", &self.password),
            ("tls", &self.tls),
            ("caCertificate", self.ca_certificate.trim()),
            ("clientCertificate", self.client_certificate.trim()),
            ("clientKey", self.client_key.trim()),
        ];
        let mongodb = [
            ("srv", if self.srv.is_empty() { "" } else { "true" }),
            ("replicaSet", self.replica_set.trim()),
            ("authSource", self.auth_source.trim()),
            ("authMechanism", &self.auth_mechanism),
            ("directConnection", &self.direct_connection),
        ];
        let firebase = [
            ("projectId", self.project_id.trim()),
            ("databaseId", self.database_id.trim()),
            ("databaseURL", self.database_url.trim()),
            ("serviceAccount", self.service_account.trim()),
            ("apiKey", self.api_key.trim()),
            ("emulatorHost", self.emulator_host.trim()),
        ];
        let supabase = [
            ("url", self.url.trim()),
            ("anonKey", self.anon_key.trim()),
            ("serviceRoleKey", self.service_role_key.trim()),
        ];
        // What was typed for another provider before this one was chosen is not sent there.
        let parts: &[&[(&str, &str)]] = match provider {
            Provider::PostgreSql | Provider::MySql => &[&common],
            Provider::MongoDb => &[&common, &mongodb],
            Provider::Firebase => &[&firebase],
            Provider::Supabase => &[&common, &supabase],
        };
        let mut object = Map::new();
        for (name, text) in parts.iter().copied().flatten() {
            object.insert((*name).to_owned(), Value::from(*text));
        }
        object.insert("connectTimeoutMs".to_owned(), Value::from(self.connect_timeout_ms.trim()));
        let settings = Settings::from_json(provider, &Value::Object(object))?;
        Ok(Target { id, provider, settings, forget: self.forget() })
    }

    /// The stored secrets that are to be forgotten.
    #[must_use]
    pub fn forget(&self) -> Vec<SecretField> {
        [
            (&self.remove_password, SecretField::Password),
            (&self.remove_service_account, SecretField::ServiceAccount),
            (&self.remove_api_key, SecretField::ApiKey),
            (&self.remove_anon_key, SecretField::AnonKey),
            (&self.remove_service_role_key, SecretField::ServiceRoleKey),
        ]
        .into_iter()
        .filter(|(ticked, _)| !ticked.is_empty())
        .map(|(_, field)| field)
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::connections::url;

    fn form() -> ConnectionForm {
        ConnectionForm {
            provider: "postgresql".to_owned(),
            name: "Shop".to_owned(),
            host: " db.example.com ".to_owned(),
            username: "app".to_owned(),
            password: " kept as typed ".to_owned(),
            ..ConnectionForm::default()
        }
    }

    fn fields(form: &ConnectionForm) -> Vec<String> {
        form.read().expect_err("a form that cannot be read").into_iter().map(|error| error.field).collect()
    }

    #[test]
    fn a_form_begins_with_a_provider_until_something_is_typed() {
        let begun = |form: ConnectionForm| {
            let start = FormStart {
                form,
                connection: None,
                report: None,
                secrets: SecretFacts::default(),
                known: KnownFacts::default(),
            };
            start.beginning_with(Some(Provider::MySql)).form.provider
        };
        let empty = ConnectionForm { provider: "postgresql".to_owned(), ..ConnectionForm::default() };
        assert_eq!(begun(empty), "mysql");
        assert_eq!(begun(form()), "postgresql");
    }

    #[test]
    fn a_short_form_is_enough() {
        let draft = form().read().expect("a form that can be read");
        assert_eq!(draft.connection.settings.endpoint(), "db.example.com:5432");
        assert_eq!(draft.connection.settings.password, Some(Secret::new(" kept as typed ")));
        assert_eq!((draft.id, draft.connection.interval_s), (None, None));
    }

    #[test]
    fn every_wrong_field_is_named_at_once() {
        let form = ConnectionForm {
            name: String::new(),
            host: "a b".to_owned(),
            port: "99999".to_owned(),
            tls: "maybe".to_owned(),
            ca_certificate: "/etc/ca.pem".to_owned(),
            interval_s: "1".to_owned(),
            slow_threshold_ms: "x".to_owned(),
            connect_timeout_ms: "1".to_owned(),
            ..form()
        };
        let mut fields = fields(&form);
        fields.sort();
        assert_eq!(
            fields,
            ["caCertificate", "connectTimeoutMs", "host", "intervalS", "name", "port", "slowThresholdMs", "tls"]
        );
    }

    #[test]
    fn an_unknown_provider_is_named() {
        assert_eq!(fields(&ConnectionForm { provider: "oracle".to_owned(), ..form() }), ["provider"]);
        assert_eq!(fields(&ConnectionForm { provider: String::new(), ..form() }), ["provider"]);
    }

    #[test]
    fn a_pasted_address_wins_over_the_fields() {
        let form = ConnectionForm {
            pasted: "mysql://root:p@ss@10.0.0.5/shop".to_owned(),
            name: String::new(),
            port: "5432".to_owned(),
            interval_s: "60".to_owned(),
            ..form()
        };
        let draft = form.read().expect("an address");
        assert_eq!(draft.connection.provider, Provider::MySql);
        assert_eq!(draft.connection.settings.endpoint(), "10.0.0.5:3306/shop");
        assert_eq!(draft.connection.settings.password, Some(Secret::new("p@ss")));
        assert_eq!(draft.connection.name, "shop on 10.0.0.5");
        assert_eq!(draft.connection.interval_s, Some(60));
        assert_eq!(fields(&ConnectionForm { pasted: "nonsense".to_owned(), ..form }), ["pasted"]);
    }

    #[test]
    fn a_form_that_was_not_touched_has_not_moved() {
        let (_, settings) = url::parse_url("postgres://u:p@[::1]:5433/d?sslmode=require").expect("an address");
        let stored = settings.public();
        let mut form = ConnectionForm::default();
        form.fill(Provider::PostgreSql, &settings);
        assert!(!form.has_moved(&stored));
        form.port = "5434".to_owned();
        assert!(form.has_moved(&stored));
    }

    #[test]
    fn what_is_kept_for_showing_again_holds_no_secret() {
        let form = ConnectionForm {
            pasted: "postgres://u:hunter2@h".to_owned(),
            client_key: "hunter2".to_owned(),
            password: "hunter2".to_owned(),
            ..form()
        };
        let kept = serde_json::to_string(&form.without_secrets()).expect("plain data");
        assert!(!kept.contains("hunter2"));
        assert!(!format!("{form:?}").contains("hunter2"));
    }

    /// A form of each provider that can be read, with room for one wrong field.
    fn each() -> [ConnectionForm; 5] {
        let of = |provider: Provider| ConnectionForm { provider: provider.code().to_owned(), ..form() };
        [
            of(Provider::PostgreSql),
            of(Provider::MySql),
            of(Provider::MongoDb),
            ConnectionForm { project_id: "shop-1".to_owned(), ..of(Provider::Firebase) },
            ConnectionForm { url: "abcdefghijklmnopqrst".to_owned(), ..of(Provider::Supabase) },
        ]
    }

    /// What each provider is to refuse at the field it came in. Firebase has no server of its own.
    #[test]
    fn bad_input_is_refused_on_every_provider() {
        type Change = (&'static str, fn(&mut ConnectionForm, &str), &'static str);
        let long = "x".repeat(1_000_000);
        let servers: [Change; 14] = [
            ("host", |form, bad| bad.clone_into(&mut form.host), "a\u{7}b"),
            ("host", |form, bad| bad.clone_into(&mut form.host), "moc.elpmaxe\u{202e}"),
            ("host", |form, bad| bad.clone_into(&mut form.host), "[::1"),
            ("host", |form, bad| bad.clone_into(&mut form.host), "1::2::3"),
            ("host", |form, bad| bad.clone_into(&mut form.host), "/var/run/socket"),
            ("host", |form, _| form.host = "x".repeat(1_000_000), ""),
            ("port", |form, bad| bad.clone_into(&mut form.port), "70000"),
            ("database", |form, bad| bad.clone_into(&mut form.database), "a\nb"),
            ("username", |form, bad| bad.clone_into(&mut form.username), "a\u{2066}b"),
            ("password", |form, bad| bad.clone_into(&mut form.password), "a\0b"),
            ("tls", |form, bad| bad.clone_into(&mut form.tls), "maybe"),
            ("caCertificate", |form, bad| bad.clone_into(&mut form.ca_certificate), "/etc/ssl/ca.pem"),
            ("clientCertificate", |form, bad| bad.clone_into(&mut form.client_certificate), "no certificate"),
            ("clientKey", |form, bad| bad.clone_into(&mut form.client_key), "-----BEGIN PRIVATE KEY-----"),
        ];
        let all: [Change; 4] = [
            ("name", |form, bad| bad.clone_into(&mut form.name), "shop\u{202e}"),
            ("connectTimeoutMs", |form, bad| bad.clone_into(&mut form.connect_timeout_ms), "5 s"),
            ("intervalS", |form, bad| bad.clone_into(&mut form.interval_s), "29"),
            ("pasted", |form, _| form.pasted = "x".repeat(1_000_000), ""),
        ];
        for good in each() {
            good.read().unwrap_or_else(|errors| panic!("{}: {errors:?}", good.provider));
            let has_server = good.provider != "firebase";
            for (field, change, bad) in all.iter().chain(servers.iter().filter(|_| has_server)) {
                let mut form = good.clone();
                change(&mut form, bad);
                assert_eq!(fields(&form), [*field], "{}: {bad:?}", good.provider);
            }
        }
        let [.., firebase, supabase] = each();
        for (form, field) in [
            (ConnectionForm { service_account: long.clone(), ..firebase.clone() }, "serviceAccount"),
            (
                ConnectionForm { service_account: "{\"private_key\": 1}".to_owned(), ..firebase.clone() },
                "serviceAccount",
            ),
            (ConnectionForm { project_id: "a\u{202e}b".to_owned(), ..firebase.clone() }, "projectId"),
            (ConnectionForm { api_key: "a b".to_owned(), ..firebase }, "apiKey"),
            (ConnectionForm { anon_key: long, ..supabase.clone() }, "anonKey"),
            (ConnectionForm { service_role_key: "a\u{202e}b".to_owned(), ..supabase.clone() }, "serviceRoleKey"),
            (ConnectionForm { url: "javascript:alert(1)".to_owned(), ..supabase }, "url"),
        ] {
            assert_eq!(fields(&form), [field], "{}", form.provider);
        }
    }

    proptest! {
        /// From the form to the settings, into what is sealed, and back.
        #[test]
        fn any_password_and_host_survive(
            provider in proptest::sample::select(vec![Provider::PostgreSql, Provider::MySql, Provider::MongoDb, Provider::Supabase]),
            password in "[^\\x00]{0,60}|[@#?%/:\\\\'\" ]{1,20}",
            host in "[a-z][a-z0-9-]{0,20}(\\.[a-z]{2,8}){0,3}|([1-9][0-9]?\\.){3}[1-9]|\\[::1\\]|::1|2001:db8::[1-9a-f]{1,4}|\\[fe80::1\\]",
        ) {
            let form = ConnectionForm {
                provider: provider.code().to_owned(),
                name: "Shop".to_owned(),
                url: "abcdefghijklmnopqrst".to_owned(),
                host: host.clone(),
                password: password.clone(),
                ..ConnectionForm::default()
            };
            let settings = form.target().expect("settings").settings;
            prop_assert_eq!(settings.host.as_str(), host.trim_matches(['[', ']']));
            prop_assert_eq!(settings.password.as_ref().map(Secret::reveal).unwrap_or_default(), password.as_str());
            let sealed = settings.to_json().to_string();
            let opened: Value = serde_json::from_str(&sealed).expect("what was written");
            prop_assert_eq!(Settings::from_json(provider, &opened), Ok(settings.clone()));
            // The form of what is stored, without its secrets, is the same place.
            let mut again = ConnectionForm { provider: form.provider, ..ConnectionForm::default() };
            again.fill_public(&settings.public());
            prop_assert!(!again.has_moved(&settings.public()));
        }
    }
}
