//! The `credentials` object of the wire: read with all its aliases, written with its own names.
//!
//! Keys are compared without case, `-` and `_`. Keys that name files, sockets or free options of a driver
//! are refused by name, since they would reach the server's own machine; other unknown keys are left alone:
//! people paste whole configuration objects, and rows that came by SQL may hold more than is used.

use serde_json::{Map, Value, json};

use super::{Firebase, MongoDb, Secret, Settings, Special, Supabase, TlsMode, key, pem};
use crate::{
    connections::{Provider, url},
    error::FieldError,
};

mod hosted;
#[cfg(test)]
mod tests;
mod values;

pub use hosted::service_account_facts;
pub(in crate::connections) use values::hosts as read_hosts;

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
    /// The address of a database, with user and password in it.
    Url,
    Srv,
    ReplicaSet,
    AuthSource,
    AuthMechanism,
    DirectConnection,
    LoadBalanced,
    /// Any certificate is accepted.
    AnyCertificate,
    /// Any name in the certificate is accepted.
    AnyName,
    ProjectId,
    DatabaseId,
    DatabaseUrl,
    ServiceAccount,
    /// The two parts of a service account that environment files carry.
    ClientEmail,
    PrivateKey,
    EmulatorHost,
    /// Firebase's web configuration.
    Config,
    ProjectUrl,
    AnonKey,
    ServiceRoleKey,
    /// A key whose role stands in it, or in no way.
    ApiKey,
    Refused(&'static str),
}

/// What tools for the browser put before the names that reach it.
const PUBLIC_PREFIXES: [&str; 6] = ["nextpublic", "vite", "reactapp", "expopublic", "nuxtpublic", "public"];

impl Field {
    fn of(provider: Provider, name: &str) -> Option<Self> {
        if name == "connect_timeout" {
            return Some(Self::ConnectTimeoutSeconds);
        }
        let plain: String =
            name.chars().filter(|char| !matches!(char, '-' | '_')).map(|char| char.to_ascii_lowercase()).collect();
        let plain = PUBLIC_PREFIXES.iter().find_map(|prefix| plain.strip_prefix(prefix)).unwrap_or(&plain);
        match provider {
            Provider::Firebase => Self::of_firebase(plain),
            Provider::Supabase => Self::of_supabase(plain).or_else(|| Self::common(plain)),
            Provider::MongoDb => Self::of_mongodb(plain).or_else(|| Self::common(plain)),
            Provider::PostgreSql | Provider::MySql => Self::common(plain),
        }
    }

    fn common(plain: &str) -> Option<Self> {
        Some(match plain {
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
            "connectionstring" | "uri" | "url" | "databaseurl" => Self::Url,
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

    /// Names of the connection string options. Source: MongoDB's manual, "Connection String Options".
    fn of_mongodb(plain: &str) -> Option<Self> {
        Some(match plain {
            "hosts" => Self::Host,
            "srv" => Self::Srv,
            "replicaset" | "replicasetname" => Self::ReplicaSet,
            "authsource" | "authdb" | "authenticationdatabase" => Self::AuthSource,
            "authmechanism" => Self::AuthMechanism,
            "directconnection" => Self::DirectConnection,
            "loadbalanced" => Self::LoadBalanced,
            "tlsinsecure" | "tlsallowinvalidcertificates" | "sslallowinvalidcertificates" => Self::AnyCertificate,
            "tlsallowinvalidhostnames" | "sslallowinvalidhostnames" => Self::AnyName,
            "tlscafile" => Self::CaCertificate,
            "mongodburi" | "mongodburl" | "mongouri" | "mongourl" => Self::Url,
            "tlscertificatekeyfile" | "tlscertificatekeyfilepassword" => {
                Self::Refused("File paths are not taken. Paste the certificate and its key into their fields.")
            }
            "tlscrlfile" => Self::Refused("File paths are not taken. Remove this."),
            "proxyhost" | "proxyport" | "proxyusername" | "proxypassword" => {
                Self::Refused("No proxy is used: checks go from this server to the database. Remove it.")
            }
            "authmechanismproperties" => Self::Refused(
                "Properties of a mechanism name clouds, files or services of this machine and are not taken. Remove them.",
            ),
            _ => return None,
        })
    }

    /// Names of the web configuration, the Admin SDK and what environment files call them.
    fn of_firebase(plain: &str) -> Option<Self> {
        Some(match plain.strip_prefix("firebase").filter(|rest| !rest.is_empty()).unwrap_or(plain) {
            "projectid" | "project" | "gcloudproject" | "googlecloudproject" => Self::ProjectId,
            "databaseid" => Self::DatabaseId,
            "databaseurl" | "url" => Self::DatabaseUrl,
            "serviceaccount"
            | "serviceaccountkey"
            | "serviceaccountjson"
            | "adminkey"
            | "credential"
            | "credentials"
            | "googlecredentials"
            | "googleapplicationcredentials"
            | "googleapplicationcredentialsjson" => Self::ServiceAccount,
            "clientemail" => Self::ClientEmail,
            "privatekey" => Self::PrivateKey,
            "apikey" | "webapikey" => Self::ApiKey,
            "emulatorhost" | "firestoreemulatorhost" | "databaseemulatorhost" => Self::EmulatorHost,
            "config" => Self::Config,
            "connecttimeoutms" => Self::ConnectTimeoutMs,
            _ => return None,
        })
    }

    /// Names of the API and what its guides call them in environment files.
    fn of_supabase(plain: &str) -> Option<Self> {
        Some(match plain.strip_prefix("supabase").filter(|rest| !rest.is_empty()).unwrap_or(plain) {
            "url" | "projecturl" | "apiurl" | "projectref" | "projectid" | "ref" => Self::ProjectUrl,
            "anonkey" | "publishablekey" | "publickey" => Self::AnonKey,
            "servicerolekey" | "servicekey" | "secretkey" => Self::ServiceRoleKey,
            "key" | "apikey" => Self::ApiKey,
            "dburl" | "directurl" | "postgresurl" | "postgresprismaurl" | "postgresurlnonpooling" => Self::Url,
            "dbpassword" => Self::Password,
            _ => return None,
        })
    }
}

impl Settings {
    /// Reads the `credentials` object of the wire, with its aliases. Nothing is trimmed of a password.
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
        let mut reader = Reader::new(provider);
        // The whole service account in the place of the settings.
        if provider == Provider::Firebase && object.get("type").and_then(Value::as_str) == Some("service_account") {
            reader.take_named("serviceAccount", value);
            return reader.finish();
        }
        // The string first, whatever its place in the object.
        let is_url = |name: &str| Field::of(provider, name) == Some(Field::Url);
        for (name, text) in object.iter().filter(|(name, _)| is_url(name)) {
            reader.take_url(name, text);
        }
        reader.take_all(object.iter().filter(|(name, _)| !is_url(name)));
        reader.finish()
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
        let text = |text: &Option<String>| text.as_deref().map(Value::from);
        let secret = |secret: &Option<Secret>| secret.as_ref().map(|secret| Value::from(secret.reveal()));
        let has_port = match &self.special {
            Special::MongoDb(mongodb) => !mongodb.srv,
            Special::Firebase(_) | Special::Supabase(_) => !self.host.is_empty(),
            Special::Plain => true,
        };
        put("host", Some(Value::from(self.host.as_str())).filter(|_| !self.host.is_empty()));
        put("port", Some(Value::from(self.port)).filter(|_| has_port));
        put("database", text(&self.database));
        put("username", text(&self.username));
        put("password", secret(&self.password));
        put("tls", self.tls.map(|mode| Value::from(mode.code())));
        put("caCertificate", text(&self.ca_certificate));
        put("clientCertificate", text(&self.client_certificate));
        put("clientKey", secret(&self.client_key));
        put("connectTimeoutMs", self.connect_timeout_ms.map(Value::from));
        match &self.special {
            Special::Plain => {}
            Special::MongoDb(mongodb) => {
                if !mongodb.more_hosts.is_empty() {
                    let hosts = super::host_list(&self.host, self.port, &mongodb.more_hosts);
                    put("host", Some(hosts.into_iter().map(Value::from).collect()));
                }
                put("srv", mongodb.srv.then_some(Value::Bool(true)));
                put("replicaSet", text(&mongodb.replica_set));
                put("authSource", text(&mongodb.auth_source));
                put("authMechanism", mongodb.auth_mechanism.map(|mechanism| Value::from(mechanism.code())));
                put("directConnection", mongodb.direct_connection.map(Value::Bool));
            }
            Special::Firebase(firebase) => {
                put("projectId", text(&firebase.project_id));
                put("databaseId", text(&firebase.database_id));
                put("databaseURL", text(&firebase.database_url));
                put("serviceAccount", secret(&firebase.service_account));
                put("apiKey", secret(&firebase.api_key));
                put("emulatorHost", text(&firebase.emulator_host));
            }
            Special::Supabase(supabase) => {
                put("url", Some(Value::from(supabase.url.as_str())));
                put("anonKey", secret(&supabase.anon_key));
                put("serviceRoleKey", secret(&supabase.service_role_key));
            }
        }
        Value::Object(object)
    }
}

/// Gathers fields and errors.
struct Reader {
    provider: Provider,
    /// As it came, since a list of hosts is read with the port that stands beside it.
    host: Option<(String, Value)>,
    port: Option<u16>,
    database: Option<String>,
    username: Option<String>,
    password: Option<Secret>,
    tls: Option<TlsMode>,
    /// What `ssl` says; `tls` and `sslmode` win over it.
    ssl: Option<TlsMode>,
    any_certificate: bool,
    any_name: bool,
    ca_certificate: Option<String>,
    client_certificate: Option<String>,
    client_key: Option<Secret>,
    connect_timeout_ms: Option<u32>,
    mongodb: MongoDb,
    firebase: Firebase,
    /// The project that the service account names.
    account_project: Option<String>,
    client_email: Option<String>,
    private_key: Option<String>,
    supabase: Supabase,
    errors: Vec<FieldError>,
}

impl Reader {
    fn new(provider: Provider) -> Self {
        Self {
            provider,
            host: None,
            port: None,
            database: None,
            username: None,
            password: None,
            tls: None,
            ssl: None,
            any_certificate: false,
            any_name: false,
            ca_certificate: None,
            client_certificate: None,
            client_key: None,
            connect_timeout_ms: None,
            mongodb: MongoDb::default(),
            firebase: Firebase::default(),
            account_project: None,
            client_email: None,
            private_key: None,
            supabase: Supabase::default(),
            errors: Vec::new(),
        }
    }

    fn take_url(&mut self, name: &str, value: &Value) {
        let Some(text) = value.as_str().filter(|text| !text.is_empty()) else {
            return;
        };
        match url::read_for(Some(self.provider), text) {
            Ok((found, fields)) if found == self.provider => self.take_all(fields.iter()),
            // Behind Supabase stands a Postgres.
            Ok((Provider::PostgreSql, fields)) if self.provider == Provider::Supabase => self.take_all(fields.iter()),
            Ok((found, _)) => {
                self.errors.push(FieldError::new(
                    name,
                    format!("This is an address of {}, and the provider is {}.", found.label(), self.provider.label()),
                ));
            }
            Err(error) => self.errors.push(FieldError::new(name, error.to_string())),
        }
    }

    fn take_all<'a>(&mut self, fields: impl Iterator<Item = (&'a String, &'a Value)>) {
        for (name, value) in fields {
            self.take_named(name, value);
        }
    }

    fn take_named(&mut self, name: &str, value: &Value) {
        if value.is_null() || value.as_str() == Some("") {
            return;
        }
        match Field::of(self.provider, name) {
            None => {}
            Some(Field::Host) => self.host = Some((name.to_owned(), value.clone())),
            Some(key) => {
                if let Err(message) = self.take(key, value) {
                    self.errors.push(FieldError::new(name, message));
                }
            }
        }
    }

    fn take(&mut self, key: Field, value: &Value) -> Result<(), String> {
        match key {
            Field::LoadBalanced if values::flag(value)? => {
                return Err("Load-balanced mode is not taken. Enter the servers, or the SRV name.".to_owned());
            }
            // One string cannot hold another, the host waits for the port, and no balancer is no option.
            Field::Host | Field::Url | Field::LoadBalanced => {}
            Field::Port => self.port = Some(values::port(value)?),
            Field::Database => self.database = Some(values::name(value, "database")?),
            Field::Username => self.username = Some(values::name(value, "user")?),
            Field::Password => self.password = Some(values::password(value)?),
            // What MongoDB's drivers mean by it.
            Field::Tls if self.provider == Provider::MongoDb && values::flag(value) == Ok(true) => {
                self.tls = Some(TlsMode::VerifyFull);
            }
            Field::Tls if values::flag(value) == Ok(false) => self.tls = Some(TlsMode::Disable),
            Field::Tls => self.tls = Some(values::tls_mode(value)?),
            Field::Ssl => self.take_ssl(value)?,
            // libpq's word for the trusted authorities of the system, which count anyway.
            Field::CaCertificate if value.as_str() == Some("system") => self.ssl = Some(TlsMode::VerifyFull),
            Field::CaCertificate => self.ca_certificate = Some(certificates(value)?),
            Field::ClientCertificate => self.client_certificate = Some(certificates(value)?),
            Field::ClientKey => {
                let key = pem::private_key(values::text(value)?).map_err(|error| error.to_string())?;
                self.client_key = Some(Secret::new(key));
            }
            Field::ConnectTimeoutMs if values::unsigned(value) == Some(0) && self.provider == Provider::MongoDb => {}
            Field::ConnectTimeoutMs => self.connect_timeout_ms = Some(values::timeout(value, 1)?),
            // libpq: zero waits for ever, which no check does.
            Field::ConnectTimeoutSeconds if values::unsigned(value) == Some(0) => {}
            Field::ConnectTimeoutSeconds => self.connect_timeout_ms = Some(values::timeout(value, 1_000)?),
            Field::Srv => self.mongodb.srv = values::flag(value)?,
            Field::ReplicaSet => self.mongodb.replica_set = Some(values::name(value, "replica set")?),
            Field::AuthSource => self.mongodb.auth_source = Some(values::name(value, "authentication database")?),
            Field::AuthMechanism => self.mongodb.auth_mechanism = values::auth_mechanism(value)?,
            Field::DirectConnection => self.mongodb.direct_connection = Some(values::flag(value)?),
            Field::AnyCertificate => self.any_certificate = values::flag(value)?,
            Field::AnyName => self.any_name = values::flag(value)?,
            Field::Config => self.take_config(value)?,
            Field::ProjectId => self.firebase.project_id = Some(hosted::identifier(value, "project ID")?),
            Field::DatabaseId => self.firebase.database_id = Some(hosted::identifier(value, "database ID")?),
            Field::DatabaseUrl => self.firebase.database_url = Some(hosted::database_url(value)?),
            Field::ServiceAccount => {
                let (account, project) = hosted::service_account(value)?;
                self.firebase.service_account = Some(account);
                self.account_project = project;
            }
            Field::ClientEmail => self.client_email = Some(values::text(value)?.to_owned()),
            Field::PrivateKey => self.private_key = Some(values::text(value)?.to_owned()),
            Field::EmulatorHost => self.firebase.emulator_host = Some(hosted::emulator_host(value)?),
            Field::ProjectUrl => self.supabase.url = hosted::project_url(value)?,
            Field::AnonKey => self.supabase.anon_key = Some(hosted::api_key(value)?),
            Field::ServiceRoleKey => self.supabase.service_role_key = Some(hosted::api_key(value)?),
            Field::ApiKey => self.take_api_key(hosted::api_key(value)?),
            Field::Refused(why) => return Err(why.to_owned()),
        }
        Ok(())
    }

    fn take_api_key(&mut self, found: Secret) {
        if self.provider == Provider::Firebase {
            self.firebase.api_key = Some(found);
        } else if key::KeyFacts::of(found.reveal()).role == Some(key::KeyRole::ServiceRole) {
            self.supabase.service_role_key = Some(found);
        } else {
            self.supabase.anon_key = Some(found);
        }
    }

    /// Firebase's web configuration: an object, or its text.
    fn take_config(&mut self, value: &Value) -> Result<(), String> {
        let parsed;
        let object = match value {
            Value::Object(object) => object,
            value => {
                parsed = serde_json::from_str::<Map<String, Value>>(values::text(value)?)
                    .map_err(|_| "The configuration is no JSON object.".to_owned())?;
                &parsed
            }
        };
        // A configuration does not hold another.
        let provider = self.provider;
        self.take_all(object.iter().filter(|(name, _)| Field::of(provider, name) != Some(Field::Config)));
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
                    _ => self.ssl = Some(values::tls_mode(value)?),
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

    fn finish(mut self) -> Result<Settings, Vec<FieldError>> {
        let (host, port) = self.finish_host();
        match self.provider {
            Provider::Firebase => self.finish_firebase(),
            Provider::Supabase => self.finish_supabase(&host),
            Provider::PostgreSql | Provider::MySql | Provider::MongoDb => {
                if host.is_empty() && !self.has_error_of(&[Field::Host, Field::Url]) {
                    let message = "Enter the host: a name like db.example.com, or an address.";
                    self.errors.push(FieldError::new("host", message));
                }
            }
        }
        if !self.errors.is_empty() {
            return Err(self.errors);
        }
        let tls = self.tls_mode();
        Ok(Settings {
            host,
            port,
            database: self.database,
            username: self.username,
            password: self.password,
            tls,
            ca_certificate: self.ca_certificate,
            client_certificate: self.client_certificate,
            client_key: self.client_key,
            connect_timeout_ms: self.connect_timeout_ms,
            special: match self.provider {
                Provider::PostgreSql | Provider::MySql => Special::Plain,
                Provider::MongoDb => Special::MongoDb(self.mongodb),
                Provider::Firebase => Special::Firebase(Box::new(self.firebase)),
                Provider::Supabase => Special::Supabase(Box::new(self.supabase)),
            },
        })
    }

    fn has_error_of(&self, keys: &[Field]) -> bool {
        self.errors.iter().any(|error| Field::of(self.provider, &error.field).is_some_and(|key| keys.contains(&key)))
    }

    /// Reads the host, or for MongoDB the hosts, and the port that counts; 0 where there is no host.
    fn finish_host(&mut self) -> (String, u16) {
        let port = self.port.unwrap_or(self.provider.default_port());
        let Some((name, value)) = self.host.take() else { return (String::new(), 0) };
        let found = if self.provider == Provider::MongoDb {
            self.read_hosts(&value, port)
        } else {
            values::host(&value).map(|host| (host, port))
        };
        match found {
            Ok(found) => found,
            Err(message) => {
                self.errors.push(FieldError::new(name, message));
                (String::new(), 0)
            }
        }
    }

    fn read_hosts(&mut self, value: &Value, port: u16) -> Result<(String, u16), String> {
        let srv = self.mongodb.srv;
        // In an SRV name no port stands; zero shows that none did.
        let mut hosts = values::hosts(value, if srv { 0 } else { port })?.into_iter();
        let (host, port) = hosts.next().unwrap_or_default();
        self.mongodb.more_hosts = hosts.collect();
        match (srv, port) {
            (false, port) => Ok((host, port)),
            (true, 0) if self.mongodb.more_hosts.is_empty() => Ok((host, self.provider.default_port())),
            (true, 0) => Err("An SRV address has one host, whose records list the servers.".to_owned()),
            (true, _) => Err("An SRV address has no port: its records say which.".to_owned()),
        }
    }

    fn finish_firebase(&mut self) {
        if let (None, Some(email), Some(key)) =
            (&self.firebase.service_account, self.client_email.take(), self.private_key.take())
        {
            match hosted::service_account(&json!({"client_email": email, "private_key": key})) {
                Ok((account, _)) => self.firebase.service_account = Some(account),
                Err(message) => self.errors.push(FieldError::new("privateKey", message)),
            }
        }
        let firebase = &mut self.firebase;
        if firebase.project_id.is_none() {
            firebase.project_id = self.account_project.take();
        }
        if firebase.project_id.is_none()
            && firebase.database_url.is_none()
            && !self.has_error_of(&[Field::ProjectId, Field::ServiceAccount, Field::DatabaseUrl, Field::Config])
        {
            self.errors.push(FieldError::new(
                "projectId",
                "Enter the project ID, or paste a service account, which names it.",
            ));
        }
    }

    fn finish_supabase(&mut self, host: &str) {
        if self.supabase.url.is_empty()
            && let Some(url) = hosted::project_of(host, self.username.as_deref())
        {
            self.supabase.url = url;
        }
        if self.supabase.url.is_empty() && !self.has_error_of(&[Field::ProjectUrl, Field::Url, Field::Host]) {
            self.errors.push(FieldError::new("url", hosted::PROJECT));
        }
    }

    /// The mode, less where any certificate or any name is to be accepted.
    fn tls_mode(&self) -> Option<TlsMode> {
        match self.tls.or(self.ssl) {
            Some(TlsMode::Disable) => Some(TlsMode::Disable),
            _ if self.any_certificate => Some(TlsMode::Require),
            None | Some(TlsMode::VerifyFull) if self.any_name => Some(TlsMode::VerifyCa),
            mode => mode,
        }
    }
}

fn certificates(value: &Value) -> Result<String, String> {
    pem::certificates(values::text(value)?).map_err(|error| error.to_string())
}
