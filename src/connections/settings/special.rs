//! What one provider needs beyond the common fields, and what of it may be shown.
//!
//! MongoDB's part holds no secret and is shown as it is. Those of Firebase and Supabase hold the keys that
//! they log in with, so each has a public counterpart which says only that there is one.

use serde::{Deserialize, Serialize};

use super::Secret;
use crate::error::FieldError;

/// What one provider needs beyond the common fields.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Special {
    /// PostgreSQL, MySQL and MariaDB: nothing more.
    #[default]
    Plain,
    /// MongoDB.
    MongoDb(MongoDb),
    /// Firebase; the common fields are empty but for the connect timeout.
    Firebase(Box<Firebase>),
    /// Supabase; the common fields describe its direct or pooled Postgres where the host is not empty.
    Supabase(Box<Supabase>),
}

/// What MongoDB needs beyond the common fields.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct MongoDb {
    /// Whether the host is a name whose SRV records list the servers (`mongodb+srv`); it has no port then,
    /// and no further hosts.
    pub srv: bool,
    /// Seeds after the first one, with their ports.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub more_hosts: Vec<(String, u16)>,
    /// The name that the servers must give their replica set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replica_set: Option<String>,
    /// The database that knows the user; absent: `admin`, unless the address names a database.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_source: Option<String>,
    /// Absent: what the server offers, the strongest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_mechanism: Option<AuthMechanism>,
    /// Whether to talk to the named server alone, whatever its replica set says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direct_connection: Option<bool>,
}

/// How to log in to MongoDB. The mechanisms that need a file, a cloud's metadata or a clear password are not
/// taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AuthMechanism {
    /// A password, never sent, hashed with SHA-1: servers before 4.0.
    #[serde(rename = "SCRAM-SHA-1")]
    ScramSha1,
    /// A password, never sent, hashed with SHA-256.
    #[serde(rename = "SCRAM-SHA-256")]
    ScramSha256,
    /// The client certificate.
    #[serde(rename = "MONGODB-X509")]
    X509,
}

impl AuthMechanism {
    /// Every mechanism.
    pub const ALL: [Self; 3] = [Self::ScramSha1, Self::ScramSha256, Self::X509];

    /// MongoDB's own name for it.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::ScramSha1 => "SCRAM-SHA-1",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::X509 => "MONGODB-X509",
        }
    }
}

/// What Firebase needs.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Firebase {
    /// The project; taken from the service account where only that names it.
    pub project_id: Option<String>,
    /// The Firestore database; `(default)` where absent.
    pub database_id: Option<String>,
    /// The address of a Realtime Database.
    pub database_url: Option<String>,
    /// The service account's JSON as text.
    pub service_account: Option<Secret>,
    /// The web API key; alone it shows only whether the project answers.
    pub api_key: Option<Secret>,
    /// `host:port` of a local emulator, which asks for no credentials.
    pub emulator_host: Option<String>,
}

/// What Supabase needs beyond its Postgres.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Supabase {
    /// The project's address, `https://….supabase.co` or a self-hosted one, without a slash at the end.
    pub url: String,
    /// The key that any browser may have; row-level security stands behind it.
    pub anon_key: Option<Secret>,
    /// The key that passes row-level security by.
    pub service_role_key: Option<Secret>,
}

/// What may be shown of [`Special`].
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PublicSpecial {
    /// PostgreSQL, MySQL and MariaDB.
    #[default]
    Plain,
    /// MongoDB: no secret among it.
    MongoDb(MongoDb),
    /// Firebase.
    Firebase(PublicFirebase),
    /// Supabase.
    Supabase(PublicSupabase),
}

/// What may be shown of [`Firebase`].
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PublicFirebase {
    /// The project.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
    /// The Firestore database.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database_id: Option<String>,
    /// The address of the Realtime Database.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database_url: Option<String>,
    /// `host:port` of an emulator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub emulator_host: Option<String>,
    /// Whether a service account is stored.
    pub has_service_account: bool,
    /// Whether a web API key is stored.
    pub has_api_key: bool,
}

/// What may be shown of [`Supabase`].
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PublicSupabase {
    /// The project's address.
    pub url: String,
    /// Whether an anon or publishable key is stored.
    pub has_anon_key: bool,
    /// Whether a service-role or secret key is stored.
    pub has_service_role_key: bool,
}

impl Special {
    /// What of it may be shown.
    #[must_use]
    pub fn public(&self) -> PublicSpecial {
        match self {
            Self::Plain => PublicSpecial::Plain,
            Self::MongoDb(mongodb) => PublicSpecial::MongoDb(mongodb.clone()),
            Self::Firebase(firebase) => PublicSpecial::Firebase(PublicFirebase {
                project_id: firebase.project_id.clone(),
                database_id: firebase.database_id.clone(),
                database_url: firebase.database_url.clone(),
                emulator_host: firebase.emulator_host.clone(),
                has_service_account: firebase.service_account.is_some(),
                has_api_key: firebase.api_key.is_some(),
            }),
            Self::Supabase(supabase) => PublicSpecial::Supabase(PublicSupabase {
                url: supabase.url.clone(),
                has_anon_key: supabase.anon_key.is_some(),
                has_service_role_key: supabase.service_role_key.is_some(),
            }),
        }
    }

    /// Whether a secret that was given for `other` would be sent to the same place.
    pub(super) fn same_endpoint(&self, other: &Self) -> bool {
        self.public().same_endpoint(&other.public())
    }

    /// Fills in the keys that were left empty with the stored ones; `same` says whether the common fields
    /// and [`Self::same_endpoint`] allow it. Otherwise each is an error of its field.
    pub(super) fn merge_secrets(&mut self, stored: &Self, same: bool, errors: &mut Vec<FieldError>) {
        let mut keep = |field: &str, own: &mut Option<Secret>, stored: &Option<Secret>| {
            if own.is_some() || stored.is_none() {
            } else if same {
                own.clone_from(stored);
            } else {
                errors.push(FieldError::new(
                    field,
                    "The address changed, so the stored key is not used. Enter it again.",
                ));
            }
        };
        match (self, stored) {
            (Self::Firebase(own), Self::Firebase(stored)) => {
                keep("serviceAccount", &mut own.service_account, &stored.service_account);
                keep("apiKey", &mut own.api_key, &stored.api_key);
            }
            (Self::Supabase(own), Self::Supabase(stored)) => {
                keep("anonKey", &mut own.anon_key, &stored.anon_key);
                keep("serviceRoleKey", &mut own.service_role_key, &stored.service_role_key);
            }
            _ => {}
        }
    }

    /// The secrets among it.
    pub(super) fn secrets(&self) -> [Option<&Secret>; 2] {
        match self {
            Self::Plain | Self::MongoDb(_) => [None, None],
            Self::Firebase(firebase) => [firebase.service_account.as_ref(), firebase.api_key.as_ref()],
            Self::Supabase(supabase) => [supabase.anon_key.as_ref(), supabase.service_role_key.as_ref()],
        }
    }
}

impl PublicSpecial {
    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        *self == Self::Plain
    }

    /// Whether a secret that was given for `other` would be sent to the same place. Firebase's go to Google
    /// whatever the project is, and elsewhere only by a database's own address or an emulator's.
    #[must_use]
    pub fn same_endpoint(&self, other: &Self) -> bool {
        let same = |one: &Option<String>, other: &Option<String>| match (one, other) {
            (Some(one), Some(other)) => one.eq_ignore_ascii_case(other),
            (one, other) => one == other,
        };
        match (self, other) {
            (Self::Plain, Self::Plain) => true,
            (Self::MongoDb(one), Self::MongoDb(other)) => one.srv == other.srv && one.more_hosts == other.more_hosts,
            (Self::Firebase(one), Self::Firebase(other)) => {
                same(&one.database_url, &other.database_url) && same(&one.emulator_host, &other.emulator_host)
            }
            (Self::Supabase(one), Self::Supabase(other)) => one.url.eq_ignore_ascii_case(&other.url),
            _ => false,
        }
    }
}

impl PublicFirebase {
    /// Project and Firestore database, or the Realtime Database; with the emulator where there is one.
    #[must_use]
    pub fn endpoint(&self) -> String {
        let mut text = match (&self.project_id, &self.database_id, &self.database_url) {
            (Some(project), Some(database), _) => format!("{project}/{database}"),
            (Some(project), None, _) => project.clone(),
            (None, _, Some(url)) => without_scheme(url).to_owned(),
            (None, _, None) => String::new(),
        };
        if let Some(host) = &self.emulator_host {
            if !text.is_empty() {
                text.push_str(" at ");
            }
            text.push_str(host);
        }
        text
    }
}

/// The address without `https://`.
pub(super) fn without_scheme(url: &str) -> &str {
    url.split_once("://").map_or(url, |(_, rest)| rest)
}
