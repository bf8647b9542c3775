//! Connections that came without a provider, by SQL or from a program: keeping them, finding them, and saying what
//! they are.

use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{announce, find, list, open_value, seal, update};
use crate::{
    audit::{
        Outcome,
        server::{Entry, record},
    },
    auth::server::{Caller, Tx},
    config_check,
    connections::{
        Connection, DEFAULT_SLOW_THRESHOLD_MS, LEGACY, NewConnection, Provider, labels::Labels, settings::Settings,
    },
    error::{AppError, server::WriteError},
    health::quiet::QuietMode,
    ids::{ConnectionId, UserId},
};

/// A connection whose provider nobody has named. Holds secrets, and has no `Debug` that would show them.
#[derive(Clone)]
pub struct Unassigned {
    /// As [`validate_name`](crate::connections::validate_name) gave it back.
    pub name: String,
    /// Whatever is there of settings; kept as it is.
    pub credentials: Value,
    /// Seconds between checks, once there are any.
    pub interval_s: Option<u32>,
    /// Milliseconds from which an answer is slow.
    pub slow_threshold_ms: Option<u32>,
    /// Whether and how it is left to sleep, once it is checked.
    pub quiet_mode: QuietMode,
    /// Its environment and tags.
    pub labels: Labels,
}

/// Stores a connection without a provider, in a transaction of the caller's that does more than this. It is not
/// checked before [`adopt`] says what it is.
///
/// # Errors
///
/// [`AppError::Unavailable`] where our own database is away; a violated constraint as it is.
pub async fn create_unassigned_in(caller: &Caller, tx: &mut Tx, new: Unassigned) -> Result<ConnectionId, WriteError> {
    let owner = caller.user_id()?;
    let id = ConnectionId(Uuid::new_v4());
    let settings = seal::read(LEGACY, &new.credentials);
    let credentials = seal(caller, id, owner, &new.credentials)?;
    let public = serde_json::to_value(settings.as_ref().map(Settings::public).unwrap_or_default())
        .map_err(|error| AppError::internal(&error))?;
    insert(tx, id, owner, &new, &credentials, &public, caller.state().config().check_interval_s).await?;
    if let Some(settings) = &settings {
        config_check::server::keep(caller, tx, owner, id, settings).await?;
    }
    record(tx, caller, Entry::new("connection.create", Outcome::Success).connection(id)).await?;
    announce(tx, owner).await?;
    Ok(id)
}

async fn insert(
    connection: &mut PgConnection,
    id: ConnectionId,
    owner: UserId,
    new: &Unassigned,
    credentials: &Value,
    public: &Value,
    usual_interval_s: u32,
) -> Result<(), sqlx::Error> {
    let interval_s = i32::try_from(new.interval_s.unwrap_or(usual_interval_s)).unwrap_or(i32::MAX);
    let slow_threshold_ms = i32::try_from(new.slow_threshold_ms.unwrap_or(DEFAULT_SLOW_THRESHOLD_MS));
    sqlx::query!(
        "insert into database_credentials (
             id, user_id, provider, connection_name, credentials, public_settings, check_interval_s, slow_threshold_ms,
             quiet_mode, environment, tags
         ) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        id.0,
        owner.0,
        LEGACY,
        new.name,
        credentials,
        public,
        interval_s,
        slow_threshold_ms.unwrap_or(i32::MAX),
        new.quiet_mode.code(),
        new.labels.environment,
        &new.labels.tags,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Those without a provider, with what is stored of them; what cannot be opened is as good as nothing.
///
/// # Errors
///
/// [`AppError::Unavailable`] where our own database is away.
pub async fn without_provider(caller: &Caller) -> Result<Vec<(Connection, Value)>, AppError> {
    let mut found = Vec::new();
    for connection in list(caller).await?.into_iter().filter(|connection| connection.provider.is_none()) {
        let stored = open_value(caller, connection.id).await.unwrap_or(Value::Null);
        found.push((connection, stored));
    }
    Ok(found)
}

/// Reads what is stored as settings of `provider`, and keeps everything else as it is.
///
/// # Errors
///
/// [`AppError::NotFound`] where it is not there or another's, [`AppError::Conflict`] where it has a provider already,
/// [`AppError::Invalid`] where what is stored cannot be read as settings of that provider.
pub async fn adopt(caller: &Caller, id: ConnectionId, provider: Provider) -> Result<(), AppError> {
    let connection = find(caller, id).await?;
    if connection.provider.is_some() {
        return Err(AppError::Conflict(
            "This connection has a provider already. Edit it to choose another.".to_owned(),
        ));
    }
    let settings = Settings::from_json(provider, &open_value(caller, id).await?).map_err(AppError::Invalid)?;
    let adopted = NewConnection {
        interval_s: Some(connection.interval_s),
        slow_threshold_ms: Some(connection.slow_threshold_ms),
        quiet_mode: connection.quiet_mode.as_far_as(provider),
        labels: connection.labels,
        ..NewConnection::new(provider, connection.name, settings)
    };
    update(caller, id, adopted, &[]).await
}
