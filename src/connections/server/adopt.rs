//! Connections that came by SQL without a provider: finding them, and saying what they are.

use serde_json::Value;

use super::{find, list, open_value, update};
use crate::{
    auth::server::Caller,
    connections::{Connection, NewConnection, Provider, settings::Settings},
    error::AppError,
    ids::ConnectionId,
};

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
        quiet_mode: connection.quiet_mode,
        labels: connection.labels,
        ..NewConnection::new(provider, connection.name, settings)
    };
    update(caller, id, adopted, &[]).await
}
