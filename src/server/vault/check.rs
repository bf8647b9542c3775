//! Whether the keys at hand are the ones that this database's values are sealed with.
//!
//! For each master key that was ever current, `mooring_facts` keeps a check value (an HMAC under the key,
//! from which nothing can be learnt about it) until no value is left under it. A process whose keys do not
//! fit must not start: what it sealed, the others could not open.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use sqlx::PgConnection;

use crate::server::db::Database;

use super::{KeyId, KeySource, Vault, VaultError, keys::MasterKey};

/// Why the keys at hand cannot be used with this database.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// There is no key of this id.
    #[error(
        "the master key `{id}` is missing: this database holds values that are sealed with it. Put it back into {place}, \
         or restore the backup that holds it"
    )]
    Missing {
        /// The key that is needed.
        id: KeyId,
        /// Where it belongs.
        place: String,
    },
    /// There is a key of this id, but it is another one.
    #[error(
        "the master key `{id}` is not the one that this database's values are sealed with. Put the right one into {place}"
    )]
    Wrong {
        /// The key that does not fit.
        id: KeyId,
        /// Where the right one belongs.
        place: String,
    },
    /// The keys cannot be read or made.
    #[error(transparent)]
    Keys(#[from] VaultError),
    /// The database could not be asked.
    #[error("the check of the master key failed")]
    Database(#[from] sqlx::Error),
}

/// Serialises first starts: two processes with different new keys must not both be accepted.
const LOCK: i64 = 0x6d6f_6f72_006b_6579;

/// Reads the keys from `source` and compares them with what `database` remembers; on the first start makes
/// and remembers one.
///
/// # Errors
///
/// [`CheckError`]: the process must not start.
pub async fn open_vault(database: &Database, source: KeySource) -> Result<Vault, CheckError> {
    let mut tx = database.pool().begin().await?;
    sqlx::query!("select pg_advisory_xact_lock($1)", LOCK).execute(&mut *tx).await?;
    let remembered = remembered(&mut tx).await?;
    let place = place(&source);
    if let (KeySource::DataFolder(path), Some((id, _))) = (&source, remembered.first())
        && !path.exists()
    {
        return Err(CheckError::Missing { id: id.clone(), place });
    }
    let vault = Vault::load(source, remembered.is_empty())?;
    let ring = vault.known().ring;
    for (id, value) in remembered {
        match ring.get(&id) {
            None => return Err(CheckError::Missing { id, place }),
            Some(key) if !key.matches(&value) => return Err(CheckError::Wrong { id, place }),
            Some(_) => {}
        }
    }
    remember(&mut tx, ring.current()).await?;
    tx.commit().await?;
    Ok(vault)
}

fn place(source: &KeySource) -> String {
    match source {
        KeySource::Variable(_) => "MOORING_MASTER_KEY".to_owned(),
        KeySource::File(path) | KeySource::DataFolder(path) => path.display().to_string(),
    }
}

/// The check values by key. A value that is not readable matches no key.
async fn remembered(connection: &mut PgConnection) -> Result<Vec<(KeyId, Vec<u8>)>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"
        select substr(name, length('key_check:') + 1) as "id!", value
          from mooring_facts
         where starts_with(name, 'key_check:')
         order by name
        "#
    )
    .fetch_all(connection)
    .await?;
    let read = |value: &Value| value.as_str().and_then(|text| STANDARD.decode(text).ok()).unwrap_or_default();
    Ok(rows.into_iter().filter_map(|row| Some((row.id.parse().ok()?, read(&row.value)))).collect())
}

/// Keeps the check value of `key` from now on.
pub(super) async fn remember(connection: &mut PgConnection, key: &MasterKey) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into mooring_facts (name, value) values ('key_check:' || $1::text, $2) on conflict (name) do nothing",
        key.id().as_str(),
        json!(STANDARD.encode(key.check_value()))
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Forgets the check values of all keys but `current` under which no value is left; gives their ids.
pub(super) async fn forget_unused(connection: &mut PgConnection, current: &KeyId) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"
        delete from mooring_facts
         where starts_with(name, 'key_check:')
           and name <> 'key_check:' || $1::text
           and not exists (select from database_credentials where 'key_check:' || (credentials ->> 'kid') = name)
           and not exists (select from mooring_facts as facts where 'key_check:' || (facts.value ->> 'kid') = mooring_facts.name)
           and not exists (select from database_alert_config where 'key_check:' || (sealed_channels ->> 'kid') = name)
           -- A binary envelope starts with its version, the length of the id, and the id.
           and not exists (
               select from users
                where substring(totp_secret from 3 for get_byte(totp_secret, 1)) = convert_to(substr(name, length('key_check:') + 1), 'UTF8')
                  and length(totp_secret) > 2)
        returning substr(name, length('key_check:') + 1) as "id!"
        "#,
        current.as_str()
    )
    .fetch_all(connection)
    .await
}
