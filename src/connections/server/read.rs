//! Looking connections up.

use serde_json::Value;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Stored, seal};
use crate::{
    auth::server::Caller,
    connections::{
        Connection, Provider,
        labels::Labels,
        settings::{Secret, Settings},
        url::parse_url,
    },
    error::AppError,
    health::quiet::QuietMode,
    ids::ConnectionId,
};

/// One connection.
///
/// # Errors
///
/// [`AppError::NotFound`] where it is not there or another's.
pub async fn find(caller: &Caller, id: ConnectionId) -> Result<Connection, AppError> {
    let mut tx = caller.read().await?;
    let row = sqlx::query_as!(
        Row,
        "select id, provider, connection_name, public_settings, check_interval_s, slow_threshold_ms, quiet_mode,
                environment, tags, paused_at, created_at, updated_at
           from database_credentials
          where id = $1
            and ($2::uuid is null or user_id = $2)",
        id.0,
        super::owner(caller),
    )
    .fetch_optional(&mut *tx)
    .await?;
    row.map(Connection::from).ok_or(AppError::NotFound)
}

/// All connections of the caller, by name.
///
/// # Errors
///
/// [`AppError::Unavailable`] where our own database is away.
pub async fn list(caller: &Caller) -> Result<Vec<Connection>, AppError> {
    let mut tx = caller.read().await?;
    let rows = sqlx::query_as!(
        Row,
        "select id, provider, connection_name, public_settings, check_interval_s, slow_threshold_ms, quiet_mode,
                environment, tags, paused_at, created_at, updated_at
           from database_credentials
          where $1::uuid is null or user_id = $1
          order by lower(connection_name), id",
        super::owner(caller),
    )
    .fetch_all(&mut *tx)
    .await?;
    Ok(rows.into_iter().map(Connection::from).collect())
}

/// The settings with their secrets, for a probe.
///
/// # Errors
///
/// [`AppError::NotFound`] where it is not there or another's, [`AppError::Invalid`] where what is stored
/// cannot be read as settings (a row that came by SQL), [`AppError::Internal`] where it cannot be opened.
pub async fn open_settings(caller: &Caller, id: ConnectionId) -> Result<(Provider, Settings), AppError> {
    let mut tx = caller.read().await?;
    let stored = fetch(&mut tx, id, super::owner(caller)).await?;
    drop(tx);
    let provider = stored.provider().ok_or_else(|| {
        AppError::invalid("provider", "This connection was imported and has no provider yet. Edit it and choose one.")
    })?;
    let settings = stored.settings(caller, id, provider)?;
    Ok((provider, settings))
}

/// What is stored, whatever it is: a row that came by SQL may not be settings yet.
pub(super) async fn open_value(caller: &Caller, id: ConnectionId) -> Result<Value, AppError> {
    let mut tx = caller.read().await?;
    let stored = fetch(&mut tx, id, super::owner(caller)).await?;
    drop(tx);
    stored.open(caller, id)
}

/// Every secret of the caller's connections that can be opened: what must not be in anything that leaves the account.
/// For redaction, and for nothing else. Of a row that cannot be read as settings every text counts as a secret.
///
/// # Errors
///
/// [`AppError::Unavailable`] where our own database is away.
pub(crate) async fn secrets_of(caller: &Caller) -> Result<Vec<Secret>, AppError> {
    let mut tx = caller.read().await?;
    let rows = sqlx::query!(
        "select id, user_id, provider, credentials
           from database_credentials
          where user_id = $1",
        caller.user_id()?.0,
    )
    .fetch_all(&mut *tx)
    .await?;
    drop(tx);
    let mut secrets = Vec::new();
    let mut closed = None;
    for row in rows {
        let stored = Stored { owner: row.user_id.into(), provider: row.provider, credentials: row.credentials };
        match stored.open(caller, row.id.into()) {
            Ok(value) => secrets.extend(secrets_in(&stored.provider, &value)),
            Err(error) => closed = Some((row.id, error)),
        }
    }
    // One line, whatever the number: a lost key closes every row.
    if let Some((id, error)) = closed {
        tracing::warn!(connection = %id, "the secrets of a connection are unknown to redaction: {error}");
    }
    Ok(secrets)
}

/// The secrets of what is stored: of the settings, where it can be read as such, and else each text, for it may be one.
fn secrets_in(provider: &str, value: &Value) -> Vec<Secret> {
    if let Some(settings) = seal::read(provider, value) {
        return settings.secrets().into_iter().map(Secret::new).collect();
    }
    match value {
        Value::String(text) => {
            let settings = parse_url(text).map(|(_, settings)| settings.secrets()).unwrap_or_default();
            settings.into_iter().chain([text.clone()]).map(Secret::new).collect()
        }
        Value::Array(items) => items.iter().flat_map(|item| secrets_in(provider, item)).collect(),
        Value::Object(fields) => fields.values().flat_map(|field| secrets_in(provider, field)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}

/// The sealed row.
pub(super) async fn fetch(
    connection: &mut PgConnection,
    id: ConnectionId,
    owner: Option<Uuid>,
) -> Result<Stored, AppError> {
    let row = sqlx::query!(
        "select user_id, provider, credentials
           from database_credentials
          where id = $1
            and ($2::uuid is null or user_id = $2)",
        id.0,
        owner,
    )
    .fetch_optional(connection)
    .await?
    .ok_or(AppError::NotFound)?;
    Ok(Stored { owner: row.user_id.into(), provider: row.provider, credentials: row.credentials })
}

struct Row {
    id: Uuid,
    provider: String,
    connection_name: String,
    public_settings: Value,
    check_interval_s: i32,
    slow_threshold_ms: i32,
    quiet_mode: String,
    environment: Option<String>,
    tags: Vec<String>,
    paused_at: Option<OffsetDateTime>,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
}

impl From<Row> for Connection {
    fn from(row: Row) -> Self {
        Self {
            id: row.id.into(),
            provider: row.provider.parse().ok(),
            name: row.connection_name,
            // What is not understood is shown as absent; it must not hide the whole list.
            settings: serde_json::from_value(row.public_settings).unwrap_or_default(),
            interval_s: row.check_interval_s.unsigned_abs(),
            slow_threshold_ms: row.slow_threshold_ms.unsigned_abs(),
            quiet_mode: QuietMode::from_code(&row.quiet_mode).unwrap_or_default(),
            labels: Labels { environment: row.environment, tags: row.tags },
            paused_at: row.paused_at.map(Into::into),
            created_at: row.created_at.into(),
            updated_at: row.updated_at.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_secrets_of_every_row_are_found() {
        for (provider, value, secrets) in [
            ("postgresql", json!({"host": "h", "password": "hunter2"}), vec!["hunter2"]),
            ("legacy", json!({"host": "h", "password": "hunter2"}), vec!["hunter2"]),
            ("legacy", json!({"url": "mysql://u:tangerine@h/d"}), vec!["tangerine"]),
            ("legacy", json!("mysql://u:tangerine@h/d"), vec!["tangerine", "mysql://u:tangerine@h/d"]),
            ("legacy", json!({"hosts": 5, "hush": ["a", {"b": "c"}], "n": 1}), vec!["a", "c"]),
            ("postgresql", json!(null), vec![]),
        ] {
            let found = secrets_in(provider, &value);
            assert_eq!(found.iter().map(Secret::reveal).collect::<Vec<_>>(), secrets, "{value}");
        }
    }
}
