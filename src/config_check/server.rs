//! What only the server can know of a configuration, and the facts about secrets that are kept when they are
//! set. Nothing here opens what is sealed.

use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{KnownFacts, SecretFacts, ShownCertificate, Subject, Validation};
use crate::{
    auth::server::Caller,
    connections::{
        self, Provider,
        form::ConnectionForm,
        settings::{PublicSettings, PublicSpecial, Secret, Settings},
    },
    error::AppError,
    ids::{ConnectionId, UserId},
    knowledge::server::successful,
    probe::TlsFacts,
};

/// Names of other connections that are told; more would not be read.
const MOST_NAMES: i64 = 5;

/// Judges what a program sent. Settings that cannot be read are an answer too.
///
/// # Errors
///
/// [`AppError::Unavailable`] where Mooring's own database is away.
pub async fn validate(caller: &Caller, provider: Provider, credentials: &Value) -> Result<Validation, AppError> {
    let settings = match Settings::from_json(provider, credentials) {
        Ok(settings) => settings,
        Err(errors) => return Ok(Validation::unusable(provider, errors)),
    };
    if let Err(error) = settings.check_pairs() {
        return Ok(Validation::unusable(provider, vec![error]));
    }
    let public = settings.public();
    let password = settings.password.as_ref().map_or("", Secret::reveal);
    let also = also_used_by(caller, None, &public, password).await?;
    let known = KnownFacts {
        at: Some(caller.clock().now()),
        password_also_of: also,
        certificate: None,
        successes: successful(caller, Some(provider)).await?,
    };
    Ok(Validation::of(&Subject { provider, secrets: SecretFacts::of(&settings), settings: public, known }))
}

/// A stored connection, to be judged; none where it has no provider yet.
///
/// # Errors
///
/// [`AppError::NotFound`] where it is not there or another's.
pub async fn subject(caller: &Caller, id: ConnectionId) -> Result<Option<Subject>, AppError> {
    let connection = connections::server::find(caller, id).await?;
    let Some(provider) = connection.provider else { return Ok(None) };
    let (secrets, mut known) = stored_facts(caller, id, &connection.settings).await?;
    known.successes = successful(caller, Some(provider)).await?;
    Ok(Some(Subject { provider, settings: connection.settings, secrets, known }))
}

/// What is known of a stored connection, apart from what it is compared with.
///
/// # Errors
///
/// [`AppError::Unavailable`] where Mooring's own database is away.
pub async fn stored_facts(
    caller: &Caller,
    id: ConnectionId,
    settings: &PublicSettings,
) -> Result<(SecretFacts, KnownFacts), AppError> {
    let mut tx = caller.read().await?;
    let facts = sqlx::query_scalar!("select facts from connection_secret_facts where credential_id = $1", id.0)
        .fetch_optional(&mut *tx)
        .await?;
    let secrets = facts.and_then(|facts| serde_json::from_value(facts).ok()).unwrap_or_default();
    let known = KnownFacts {
        at: Some(caller.clock().now()),
        password_also_of: stored_password_also_of(&mut tx, id).await?,
        certificate: shown_certificate(&mut tx, id, settings).await?,
        successes: Vec::new(),
    };
    Ok((secrets, known))
}

/// What only the server knows of what is typed.
///
/// # Errors
///
/// [`AppError::NotFound`] where the edited connection is not there or another's.
pub async fn known_of_form(caller: &Caller, form: &ConnectionForm) -> Result<KnownFacts, AppError> {
    let (_, typed) = form.public();
    let id: Option<ConnectionId> = form.id.parse().ok();
    let mut known = match id {
        Some(id) => {
            let stored = connections::server::find(caller, id).await?.settings;
            let (_, mut known) = stored_facts(caller, id, &stored).await?;
            if form.has_moved(&stored) {
                known.certificate = None;
            }
            known
        }
        None => KnownFacts { at: Some(caller.clock().now()), ..KnownFacts::default() },
    };
    if !form.password.is_empty() {
        known.password_also_of = also_used_by(caller, id, &typed, &form.password).await?;
    } else if !form.remove_password.is_empty() {
        known.password_also_of.clear();
    }
    // Of every provider: another one may be chosen without asking again.
    known.successes = successful(caller, None).await?;
    Ok(known)
}

/// Keeps what is found out about the secrets of a connection, in the transaction that stores them.
///
/// # Errors
///
/// [`AppError::Unavailable`] where Mooring's own database is away.
pub async fn keep(
    caller: &Caller,
    tx: &mut PgConnection,
    owner: UserId,
    id: ConnectionId,
    settings: &Settings,
) -> Result<(), AppError> {
    let facts = serde_json::to_value(SecretFacts::of(settings)).map_err(|error| AppError::internal(&error))?;
    let password = settings.password.as_ref().map_or("", Secret::reveal);
    let fingerprints = fingerprints(caller, owner, password);
    sqlx::query!(
        "insert into connection_secret_facts (credential_id, facts, password_fingerprints)
         values ($1, $2, $3)
         on conflict (credential_id) do update
            set facts = excluded.facts, password_fingerprints = excluded.password_fingerprints",
        id.0,
        facts,
        &fingerprints,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Under each known master key, so that what was kept before a rotation is found too.
fn fingerprints(caller: &Caller, owner: UserId, password: &str) -> Vec<Vec<u8>> {
    if password.is_empty() {
        return Vec::new();
    }
    caller.state().vault().fingerprints(owner, password.as_bytes())
}

/// The names of the caller's connections, other than `except`, that use `password` for another account.
async fn also_used_by(
    caller: &Caller,
    except: Option<ConnectionId>,
    settings: &PublicSettings,
    password: &str,
) -> Result<Vec<String>, AppError> {
    let Ok(owner) = caller.user_id() else { return Ok(Vec::new()) };
    let fingerprints = fingerprints(caller, owner, password);
    if fingerprints.is_empty() {
        return Ok(Vec::new());
    }
    let mut tx = caller.read().await?;
    // The same user on the same host is the same account, to whatever database.
    let names = sqlx::query_scalar!(
        "select connection.connection_name
           from connection_secret_facts as facts
           join database_credentials as connection on connection.id = facts.credential_id
          where facts.password_fingerprints && $1
            and connection.user_id = $2
            and connection.id is distinct from $3
            and not (lower(connection.public_settings ->> 'host') = lower($4)
                     and connection.public_settings ->> 'username' is not distinct from $5)
          order by lower(connection.connection_name)
          limit $6",
        &fingerprints,
        owner.0,
        except.map(|id| id.0) as Option<Uuid>,
        settings.host,
        settings.username,
        MOST_NAMES,
    )
    .fetch_all(&mut *tx)
    .await?;
    Ok(names)
}

/// The same for the password that is stored.
async fn stored_password_also_of(connection: &mut PgConnection, id: ConnectionId) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar!(
        "select other.connection_name
           from connection_secret_facts as own_facts
           join database_credentials    as own         on own.id = own_facts.credential_id
           join connection_secret_facts as other_facts
             on other_facts.password_fingerprints && own_facts.password_fingerprints
           join database_credentials    as other       on other.id = other_facts.credential_id
          where own.id = $1
            and other.id <> own.id
            and other.user_id = own.user_id
            and not (lower(other.public_settings ->> 'host') = lower(own.public_settings ->> 'host')
                     and other.public_settings ->> 'username' is not distinct from own.public_settings ->> 'username')
          order by lower(other.connection_name)
          limit $2",
        id.0,
        MOST_NAMES,
    )
    .fetch_all(connection)
    .await
}

/// The certificate that the server showed at the last check, unless the settings changed since.
async fn shown_certificate(
    connection: &mut PgConnection,
    id: ConnectionId,
    settings: &PublicSettings,
) -> Result<Option<ShownCertificate>, sqlx::Error> {
    let tls = sqlx::query_scalar!(
        "select state.tls
           from connection_state     as state
           join database_credentials as connection on connection.id = state.credential_id
          where connection.id = $1
            and state.last_check_at >= connection.settings_changed_at",
        id.0,
    )
    .fetch_optional(connection)
    .await?
    .flatten();
    let facts = tls.and_then(|tls| serde_json::from_value::<TlsFacts>(tls).ok());
    let leaf = facts.and_then(|facts| facts.chain.into_iter().next());
    Ok(leaf.map(|leaf| ShownCertificate { not_after: leaf.not_after, names_host: names_a_host(&leaf.names, settings) }))
}

/// Whether a certificate is for the server that was asked. Of several any may have answered, and those behind an SRV
/// name have names of their own.
fn names_a_host(certified: &[String], settings: &PublicSettings) -> bool {
    let for_host = |host: &str| certified.iter().any(|name| names(name, host));
    for_host(&settings.host)
        || match &settings.special {
            PublicSpecial::MongoDb(mongodb) => mongodb.srv || mongodb.more_hosts.iter().any(|(host, _)| for_host(host)),
            _ => false,
        }
}

/// Whether a name of a certificate is for `host`. An asterisk stands for one label, the first (RFC 9525).
fn names(name: &str, host: &str) -> bool {
    let host = host.trim_end_matches('.');
    match name.strip_prefix("*.") {
        Some(parent) => host.split_once('.').is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(parent)),
        None => name.eq_ignore_ascii_case(host),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_asterisk_stands_for_one_label() {
        for (name, host, is_for) in [
            ("db.example.com", "DB.example.com.", true),
            ("*.example.com", "db.example.com", true),
            ("*.example.com", "a.db.example.com", false),
            ("*.example.com", "example.com", false),
            ("10.0.0.1", "10.0.0.1", true),
            ("other.example.com", "db.example.com", false),
        ] {
            assert_eq!(names(name, host), is_for, "{name} {host}");
        }
    }

    #[test]
    fn of_several_servers_any_may_have_shown_its_certificate() {
        let certified = ["b.example.com".to_owned()];
        for (provider, settings, is_for) in [
            (Provider::PostgreSql, json!({"host": "a.example.com"}), false),
            (Provider::MongoDb, json!({"host": "a.example.com"}), false),
            (Provider::MongoDb, json!({"host": "a.example.com, b.example.com"}), true),
            (Provider::MongoDb, json!({"host": "example.com", "srv": true}), true),
        ] {
            let read = Settings::from_json(provider, &settings).expect("settings");
            assert_eq!(names_a_host(&certified, &read.public()), is_for, "{settings}");
        }
    }
}
