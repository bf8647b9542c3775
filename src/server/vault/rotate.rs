//! A new current master key, and every stored value under it, while everything runs.
//!
//! 1. The new key is put first in the key file; running processes notice and seal under it from then on.
//! 2. Batch by batch the data keys of all values are wrapped anew. A value that was changed in the meantime
//!    is left alone and met again by the next pass.
//! 3. The old keys stay in the file: backups that were made before need them.
//!
//! Keys in `MOORING_MASTER_KEY` only the operator can change: there the first step is theirs.

use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    audit::{
        Outcome,
        server::{Entry, chain, record},
    },
    auth::server::Caller,
    error::AppError,
    ids::UserId,
    server::startup::WATCH_PASSWORD,
};

use super::{KeyId, KeySource, Vault, VaultError, check, envelope, keys};

/// The field of `database_credentials.credentials`, as sealed values are bound to it.
pub const CREDENTIALS: &str = "credentials";
/// The field of `database_alert_config.sealed_channels`, as sealed values are bound to it.
pub const CHANNELS: &str = "sealed_channels";
/// The field of `users.totp_secret`, as sealed values are bound to it.
pub const TOTP_SECRET: &str = "totp_secret";

/// What a rotation did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// The current key, under which everything is now.
    pub key: KeyId,
    /// Values that were wrapped anew.
    pub rewrapped: u64,
    /// Values that could not be opened and stay as they are.
    pub unreadable: u64,
    /// Keys under which nothing is left in the database.
    pub unused: Vec<String>,
}

/// Why a rotation was not done, or not to the end. It may be started again at any time.
#[derive(Debug, thiserror::Error)]
pub enum RotateError {
    /// The operator has to choose the new key.
    #[error(
        "every value is under the key `{0}` already. To rotate, put a new key first in MOORING_MASTER_KEY \
         (id:base64 of 32 random bytes, a comma, then the keys that are there), restart every process with it, and run this again"
    )]
    NoNewKey(KeyId),
    /// Another process rotates.
    #[error("another rotation is under way")]
    UnderWay,
    /// The keys cannot be read or written.
    #[error(transparent)]
    Keys(#[from] VaultError),
    /// The database could not be asked.
    #[error("the rotation stopped; start it again")]
    Database(#[from] sqlx::Error),
    /// The caller may not, or the database is away.
    #[error(transparent)]
    App(#[from] AppError),
}

/// One rotation at a time.
const LOCK: i64 = 0x6d6f_6f72_0072_6f74;
/// Values in one statement: short locks, few round trips.
const BATCH: i64 = 200;
/// A pass meets only what was sealed under an old key during the pass before, so a few are plenty.
const MAX_PASSES: u32 = 10;

/// Rotates; see the module.
///
/// # Errors
///
/// [`RotateError`]. What was done until then stays done.
pub async fn run(caller: &Caller) -> Result<Rotation, RotateError> {
    caller.require_admin()?;
    let vault = caller.state().vault();
    let mut lock = caller.write().await?;
    // It lasts as long as the rotation, and does nothing meanwhile.
    sqlx::query!("set local idle_in_transaction_session_timeout = 0").execute(&mut *lock).await?;
    let free =
        sqlx::query_scalar!(r#"select pg_try_advisory_xact_lock($1) as "free!""#, LOCK).fetch_one(&mut *lock).await?;
    if !free {
        return Err(RotateError::UnderWay);
    }
    if let KeySource::File(path) | KeySource::DataFolder(path) = &vault.source {
        keys::add_key(path)?;
        vault.reload()?;
    }
    let ring = vault.known().ring;
    let mut tx = caller.write().await?;
    check::remember(&mut tx, ring.current()).await?;
    tx.commit().await?;

    let mut rotation = Rotation { key: ring.current().id().clone(), rewrapped: 0, unreadable: 0, unused: Vec::new() };
    for _ in 0..MAX_PASSES {
        let credentials = rewrap::<Credentials>(caller, &rotation.key).await?;
        let channels = rewrap::<Channels>(caller, &rotation.key).await?;
        let secrets = rewrap::<TotpSecrets>(caller, &rotation.key).await?;
        rotation.rewrapped += credentials.rewrapped + channels.rewrapped + secrets.rewrapped;
        rotation.unreadable = credentials.unreadable + channels.unreadable + secrets.unreadable;
        if credentials.met + channels.met + secrets.met == rotation.unreadable {
            break;
        }
    }
    rewrap_fact(caller, chain::KEY).await?;
    // One that cannot be opened is replaced when it is asked for.
    if let Err(error) = rewrap_fact(caller, WATCH_PASSWORD).await {
        tracing::warn!("the password of Mooring's own role stays as it is: {error}");
    }
    let mut tx = caller.write().await?;
    rotation.unused = check::forget_unused(&mut tx, &rotation.key).await?;
    let nothing_new = rotation.rewrapped == 0 && rotation.unused.is_empty() && vault.source.path().is_none();
    if !nothing_new {
        let entry = Entry::new("keys.rotate", Outcome::Success)
            .detail("key", rotation.key.as_str())
            .detail("rewrapped", rotation.rewrapped)
            .detail("unreadable", rotation.unreadable);
        record(&mut tx, caller, entry).await?;
    }
    tx.commit().await?;
    lock.commit().await?;
    if nothing_new {
        return Err(RotateError::NoNewKey(rotation.key));
    }
    Ok(rotation)
}

/// What one pass over a column found.
#[derive(Default)]
struct Pass {
    /// Values under another key than the current one.
    met: u64,
    rewrapped: u64,
    unreadable: u64,
}

/// A sealed value that is to be wrapped anew.
struct Old<V> {
    row: Uuid,
    owner: UserId,
    sealed: V,
}

/// A column of sealed values.
trait Column {
    /// As sealed values are bound to it.
    const FIELD: &'static str;
    /// How an envelope is stored.
    type Envelope;

    /// Values behind the row `after` under another key than `current`, in the order of their rows.
    async fn fetch(
        connection: &mut PgConnection,
        after: Option<Uuid>,
        current: &KeyId,
    ) -> Result<Vec<Old<Self::Envelope>>, sqlx::Error>;

    /// The same value under the current key; none where it is that already.
    fn rewrap(vault: &Vault, value: &Old<Self::Envelope>) -> Result<Option<Self::Envelope>, VaultError>;

    /// Puts `new` in the place of `old` in the rows `ids`, where nothing else is there by now; gives back how many
    /// there were.
    async fn replace(
        connection: &mut PgConnection,
        ids: &[Uuid],
        old: &[Self::Envelope],
        new: &[Self::Envelope],
    ) -> Result<u64, sqlx::Error>;
}

/// One pass over a column, batch by batch.
async fn rewrap<C: Column>(caller: &Caller, current: &KeyId) -> Result<Pass, RotateError> {
    let vault = caller.state().vault();
    let mut pass = Pass::default();
    let mut after: Option<Uuid> = None;
    loop {
        let mut tx = caller.write().await?;
        let values = C::fetch(&mut tx, after, current).await?;
        let Some(last) = values.last() else {
            // Dropped, it would be rolled back in the background, after the command has put the database away.
            tx.commit().await?;
            return Ok(pass);
        };
        after = Some(last.row);
        let (mut ids, mut old, mut new) = (Vec::new(), Vec::new(), Vec::new());
        for value in values {
            pass.met += 1;
            match C::rewrap(vault, &value) {
                Ok(Some(envelope)) => {
                    ids.push(value.row);
                    old.push(value.sealed);
                    new.push(envelope);
                }
                Ok(None) => {}
                Err(error) => {
                    pass.unreadable += 1;
                    tracing::warn!("the {} of row {} stay as they are: {error}", C::FIELD, value.row);
                }
            }
        }
        pass.rewrapped += C::replace(&mut tx, &ids, &old, &new).await?;
        tx.commit().await?;
    }
}

/// `database_credentials.credentials`
struct Credentials;

impl Column for Credentials {
    const FIELD: &'static str = CREDENTIALS;
    type Envelope = Value;

    async fn fetch(
        connection: &mut PgConnection,
        after: Option<Uuid>,
        current: &KeyId,
    ) -> Result<Vec<Old<Value>>, sqlx::Error> {
        sqlx::query_as!(
            Old,
            r#"
            select id as row, user_id as owner, credentials as "sealed!"
              from database_credentials
             where ($1::uuid is null or id > $1)
               and credentials ? '$sealed'
               and credentials ->> 'kid' is distinct from $2
             order by id
             limit $3
            "#,
            after,
            current.as_str(),
            BATCH
        )
        .fetch_all(connection)
        .await
    }

    fn rewrap(vault: &Vault, value: &Old<Value>) -> Result<Option<Value>, VaultError> {
        vault.rewrap(value.row, value.owner, Self::FIELD, &value.sealed)
    }

    async fn replace(
        connection: &mut PgConnection,
        ids: &[Uuid],
        old: &[Value],
        new: &[Value],
    ) -> Result<u64, sqlx::Error> {
        let done = sqlx::query!(
            "
            update database_credentials as stored
               set credentials = anew.envelope
              from unnest($1::uuid[], $2::jsonb[], $3::jsonb[]) as anew (id, old, envelope)
             where stored.id = anew.id
               and stored.credentials = anew.old
            ",
            ids,
            old,
            new
        )
        .execute(connection)
        .await?;
        Ok(done.rows_affected())
    }
}

/// `database_alert_config.sealed_channels`
struct Channels;

impl Column for Channels {
    const FIELD: &'static str = CHANNELS;
    type Envelope = Value;

    async fn fetch(
        connection: &mut PgConnection,
        after: Option<Uuid>,
        current: &KeyId,
    ) -> Result<Vec<Old<Value>>, sqlx::Error> {
        sqlx::query_as!(
            Old,
            r#"
            select id as row, user_id as owner, sealed_channels as "sealed!"
              from database_alert_config
             where ($1::uuid is null or id > $1)
               and sealed_channels is not null
               and sealed_channels ->> 'kid' is distinct from $2
             order by id
             limit $3
            "#,
            after,
            current.as_str(),
            BATCH
        )
        .fetch_all(connection)
        .await
    }

    fn rewrap(vault: &Vault, value: &Old<Value>) -> Result<Option<Value>, VaultError> {
        vault.rewrap(value.row, value.owner, Self::FIELD, &value.sealed)
    }

    async fn replace(
        connection: &mut PgConnection,
        ids: &[Uuid],
        old: &[Value],
        new: &[Value],
    ) -> Result<u64, sqlx::Error> {
        let done = sqlx::query!(
            "
            update database_alert_config as stored
               set sealed_channels = anew.envelope
              from unnest($1::uuid[], $2::jsonb[], $3::jsonb[]) as anew (id, old, envelope)
             where stored.id = anew.id
               and stored.sealed_channels = anew.old
            ",
            ids,
            old,
            new
        )
        .execute(connection)
        .await?;
        Ok(done.rows_affected())
    }
}

/// `users.totp_secret`
struct TotpSecrets;

impl Column for TotpSecrets {
    const FIELD: &'static str = TOTP_SECRET;
    type Envelope = Vec<u8>;

    async fn fetch(
        connection: &mut PgConnection,
        after: Option<Uuid>,
        current: &KeyId,
    ) -> Result<Vec<Old<Vec<u8>>>, sqlx::Error> {
        sqlx::query_as!(
            Old,
            r#"
            select id as row, id as owner, totp_secret as "sealed!"
              from users
             where ($1::uuid is null or id > $1)
               and totp_secret is not null
               and substring(totp_secret from 1 for length($2::bytea)) <> $2
             order by id
             limit $3
            "#,
            after,
            &envelope::prefix(current),
            BATCH
        )
        .fetch_all(connection)
        .await
    }

    fn rewrap(vault: &Vault, value: &Old<Vec<u8>>) -> Result<Option<Vec<u8>>, VaultError> {
        vault.rewrap_bytes(value.row, value.owner, Self::FIELD, &value.sealed)
    }

    async fn replace(
        connection: &mut PgConnection,
        ids: &[Uuid],
        old: &[Vec<u8>],
        new: &[Vec<u8>],
    ) -> Result<u64, sqlx::Error> {
        let done = sqlx::query!(
            "
            update users as stored
               set totp_secret = anew.envelope
              from unnest($1::uuid[], $2::bytea[], $3::bytea[]) as anew (id, old, envelope)
             where stored.id = anew.id
               and stored.totp_secret = anew.old
            ",
            ids,
            old,
            new
        )
        .execute(connection)
        .await?;
        Ok(done.rows_affected())
    }
}

/// A sealed row of `mooring_facts`, where there is one: the key of the audit log's chain, the password of our own
/// role. They are no one's secrets, and not counted.
async fn rewrap_fact(caller: &Caller, name: &'static str) -> Result<(), RotateError> {
    let mut tx = caller.write().await?;
    let sealed = sqlx::query_scalar!("select value from mooring_facts where name = $1 for update", name)
        .fetch_optional(&mut *tx)
        .await?;
    if let Some(sealed) = sealed
        && let Some(anew) = caller.state().vault().rewrap(Uuid::nil(), UserId(Uuid::nil()), name, &sealed)?
    {
        sqlx::query!("update mooring_facts set value = $2 where name = $1", name, anew).execute(&mut *tx).await?;
    }
    tx.commit().await?;
    Ok(())
}
