//! Adding and changing connections. Whether their servers answer plays no part in it: that is for the
//! first check to say.

use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Stored, announce, seal};
use crate::{
    audit::{
        Outcome,
        server::{Entry, record},
    },
    auth::server::{Caller, Tx},
    config_check,
    connections::{
        DEFAULT_SLOW_THRESHOLD_MS, NewConnection, Provider,
        labels::Labels,
        settings::{PublicSettings, SecretField, Settings, Special},
    },
    error::{AppError, FieldError, server::WriteError},
    ids::{ConnectionId, UserId},
};

/// Stores a connection. Its first check is due at once.
///
/// # Errors
///
/// [`AppError::Invalid`] where a name is taken, a certificate lacks its key, or checks cannot be quiet.
pub async fn create(caller: &Caller, new: NewConnection) -> Result<ConnectionId, AppError> {
    let mut tx = caller.write().await?;
    let id = create_in(caller, &mut tx, new).await.map_err(named)?;
    tx.commit().await?;
    Ok(id)
}

/// As [`create`], in a transaction of the caller's that does more than this.
///
/// # Errors
///
/// As [`create`]; a violated constraint as it is.
pub async fn create_in(caller: &Caller, tx: &mut Tx, new: NewConnection) -> Result<ConnectionId, WriteError> {
    let owner = caller.user_id()?;
    new.settings.check_pairs().map_err(AppError::from)?;
    new.quiet_mode.check(new.provider).map_err(AppError::from)?;
    // Made here, since the envelope is bound to it.
    let id = ConnectionId(Uuid::new_v4());
    let row = SealedRow::new(caller, id, owner, &new)?;
    insert(tx, id, owner, &row).await?;
    config_check::server::keep(caller, tx, owner, id, &new.settings).await?;
    record(tx, caller, Entry::new("connection.create", Outcome::Success).connection(id)).await?;
    announce(tx, owner).await?;
    Ok(id)
}

/// Stores the connection to Mooring's own database; where the caller has one of that name already, it gets
/// the settings, since our own database may have moved.
///
/// # Errors
///
/// As [`create`].
pub async fn create_own(caller: &Caller, name: &str, settings: &Settings) -> Result<ConnectionId, AppError> {
    let new = NewConnection::new(Provider::PostgreSql, name, settings.clone());
    match super::list(caller).await?.into_iter().find(|connection| connection.name == name) {
        Some(connection) => {
            update(caller, connection.id, new, &[]).await?;
            Ok(connection.id)
        }
        None => create(caller, new).await,
    }
}

/// Changes a connection. Secrets that are left out stay as they are, unless the endpoint they were given
/// for changes; those in `forget` are forgotten.
///
/// # Errors
///
/// [`AppError::NotFound`] where it is not there or another's, [`AppError::Invalid`] where a name is taken, a
/// secret has to be entered again, or checks cannot be quiet.
pub async fn update(
    caller: &Caller,
    id: ConnectionId,
    new: NewConnection,
    forget: &[SecretField],
) -> Result<(), AppError> {
    let mut tx = caller.write().await?;
    update_in(caller, &mut tx, id, new, forget).await.map_err(named)?;
    tx.commit().await?;
    Ok(())
}

/// As [`update`], in a transaction of the caller's that does more than this.
///
/// # Errors
///
/// As [`update`]; a violated constraint as it is.
pub async fn update_in(
    caller: &Caller,
    tx: &mut Tx,
    id: ConnectionId,
    mut new: NewConnection,
    forget: &[SecretField],
) -> Result<(), WriteError> {
    let owner = caller.user_id()?;
    let (stored, public) = lock(tx, id, owner).await?;
    let before = complete(caller, id, &stored, &public, new.provider, &mut new.settings, forget)?;
    new.settings.check_pairs().map_err(AppError::from)?;
    new.quiet_mode.check(new.provider).map_err(AppError::from)?;
    let changed = stored.provider() != Some(new.provider) || before.as_ref() != Some(&new.settings);
    let row = SealedRow::new(caller, id, owner, &new)?;
    replace(tx, id, owner, &row, changed).await?;
    config_check::server::keep(caller, tx, owner, id, &new.settings).await?;
    let entry = Entry::new("connection.update", Outcome::Success).connection(id).detail("settingsChanged", changed);
    record(tx, caller, entry).await?;
    announce(tx, owner).await?;
    Ok(())
}

/// Fills in the stored secrets that may be used, and gives back the stored settings where they could be read.
pub(super) fn complete(
    caller: &Caller,
    id: ConnectionId,
    stored: &Stored,
    public: &PublicSettings,
    provider: Provider,
    settings: &mut Settings,
    forget: &[SecretField],
) -> Result<Option<Settings>, AppError> {
    // A row that was imported has no provider of its own; its settings are read as those of the new one.
    let same_provider = stored.provider().is_none_or(|stored| stored == provider);
    let before = if same_provider { stored.settings(caller, id, provider).ok() } else { None };
    if let Some(before) = before {
        settings.merge_secrets(&before.without(forget)).map_err(AppError::Invalid)?;
        return Ok(Some(before));
    }
    // Another provider, or an envelope that no known key opens: nothing to keep, so nothing is lost silently.
    let given = settings.public().secrets();
    let lost: Vec<FieldError> = public
        .secrets()
        .into_iter()
        .filter(|field| !given.contains(field) && !forget.contains(field) && has_field(settings, *field))
        .map(|field| FieldError::new(field.field(), "What is stored cannot be used for this. Enter it again."))
        .collect();
    if lost.is_empty() { Ok(None) } else { Err(AppError::Invalid(lost)) }
}

/// Whether the provider of `settings` has such a secret at all.
fn has_field(settings: &Settings, field: SecretField) -> bool {
    match (&settings.special, field) {
        (Special::Firebase(_), field) => matches!(field, SecretField::ServiceAccount | SecretField::ApiKey),
        (Special::Supabase(_), SecretField::AnonKey | SecretField::ServiceRoleKey) => true,
        (_, field) => field == SecretField::Password,
    }
}

/// What is written of a connection.
struct SealedRow<'a> {
    provider: Provider,
    name: &'a str,
    credentials: Value,
    public: Value,
    interval_s: i32,
    slow_threshold_ms: i32,
    quiet_mode: &'static str,
    labels: &'a Labels,
}

impl<'a> SealedRow<'a> {
    fn new(caller: &Caller, id: ConnectionId, owner: UserId, new: &'a NewConnection) -> Result<Self, AppError> {
        let interval_s = new.interval_s.unwrap_or(caller.state().config().check_interval_s);
        let slow_threshold_ms = new.slow_threshold_ms.unwrap_or(DEFAULT_SLOW_THRESHOLD_MS);
        Ok(Self {
            provider: new.provider,
            name: &new.name,
            credentials: seal(caller, id, owner, &new.settings.to_json())?,
            public: serde_json::to_value(new.settings.public()).map_err(|error| AppError::internal(&error))?,
            interval_s: i32::try_from(interval_s).unwrap_or(i32::MAX),
            slow_threshold_ms: i32::try_from(slow_threshold_ms).unwrap_or(i32::MAX),
            quiet_mode: new.quiet_mode.code(),
            labels: &new.labels,
        })
    }
}

/// The schedule starts by a trigger, as for rows that come by SQL.
async fn insert(
    connection: &mut PgConnection,
    id: ConnectionId,
    owner: UserId,
    row: &SealedRow<'_>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into database_credentials (
             id, user_id, provider, connection_name, credentials, public_settings, check_interval_s, slow_threshold_ms,
             quiet_mode, environment, tags
         ) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        id.0,
        owner.0,
        row.provider.code(),
        row.name,
        row.credentials,
        row.public,
        row.interval_s,
        row.slow_threshold_ms,
        row.quiet_mode,
        row.labels.environment,
        &row.labels.tags,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The row as it is now, until the transaction ends.
async fn lock(
    connection: &mut PgConnection,
    id: ConnectionId,
    owner: UserId,
) -> Result<(Stored, PublicSettings), AppError> {
    let row = sqlx::query!(
        "select user_id, provider, credentials, public_settings
           from database_credentials
          where id = $1
            and user_id = $2
            for update",
        id.0,
        owner.0,
    )
    .fetch_optional(connection)
    .await?
    .ok_or(AppError::NotFound)?;
    let stored = Stored { owner: row.user_id.into(), provider: row.provider, credentials: row.credentials };
    Ok((stored, serde_json::from_value(row.public_settings).unwrap_or_default()))
}

/// A change of the settings makes a check due at once and the result of the last test void; a new name
/// alone does not.
async fn replace(
    connection: &mut PgConnection,
    id: ConnectionId,
    owner: UserId,
    row: &SealedRow<'_>,
    settings_changed: bool,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update database_credentials
            set provider            = $3,
                connection_name     = $4,
                credentials         = $5,
                public_settings     = $6,
                check_interval_s    = $7,
                slow_threshold_ms   = $8,
                quiet_mode          = $9,
                environment         = $10,
                tags                = $11,
                settings_changed_at = case when $12 then mooring_now() else settings_changed_at end,
                test_status         = case when $12 then null else test_status end
          where id = $1
            and user_id = $2",
        id.0,
        owner.0,
        row.provider.code(),
        row.name,
        row.credentials,
        row.public,
        row.interval_s,
        row.slow_threshold_ms,
        row.quiet_mode,
        row.labels.environment,
        &row.labels.tags,
        settings_changed,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// A violated constraint as the field that it is about.
fn named(error: WriteError) -> AppError {
    let error = match error {
        WriteError::App(error) => return error,
        WriteError::Storage(error) => error,
    };
    let constraint = error.as_database_error().and_then(|error| error.constraint());
    match constraint {
        Some("database_credentials_name_key") => {
            AppError::invalid("name", "You have a connection with this name already. Choose another.")
        }
        Some("database_credentials_name_length") => AppError::invalid("name", "The name has 1 to 200 characters."),
        Some("database_credentials_interval_range") => {
            AppError::invalid("intervalS", "The interval is a number of seconds from 30 to 86,400.")
        }
        Some("database_credentials_threshold_range") => {
            AppError::invalid("slowThresholdMs", "The threshold is a number of milliseconds from 1 to 600,000.")
        }
        _ => error.into(),
    }
}
