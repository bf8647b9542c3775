//! Changing a part of a connection, as programs do that name only what is to be different.

use serde_json::Value;
use sqlx::PgConnection;

use super::{Stored, announce, change, save};
use crate::{
    audit::{
        Outcome,
        server::{Entry, record},
    },
    auth::server::{Caller, Tx},
    connections::{
        NewConnection, Provider, QuietMode,
        labels::Labels,
        settings::{SecretField, Settings},
    },
    error::{AppError, FieldError, server::WriteError},
    ids::{ConnectionId, UserId},
};

/// What is to be different; what is left out stays. Holds secrets, and has no `Debug` that would show them.
#[derive(Clone, Default)]
pub struct Adjusted {
    /// What kind of database.
    pub provider: Option<Provider>,
    /// As [`validate_name`](crate::connections::validate_name) gave it back.
    pub name: Option<String>,
    /// Seconds between checks.
    pub interval_s: Option<u32>,
    /// Milliseconds from which an answer is slow.
    pub slow_threshold_ms: Option<u32>,
    /// Whether checks are quiet.
    pub quiet_mode: Option<QuietMode>,
    /// As [`read_environment`](crate::connections::labels::read_environment) gave it back; `Some(None)` takes it away.
    pub environment: Option<Option<String>>,
    /// As [`read_tags`](crate::connections::labels::read_tags) gave them back.
    pub tags: Option<Vec<String>>,
    /// The settings as a whole, in the JSON that [`Settings::from_json`] reads. Secrets that are left out stay as
    /// they are, unless the endpoint changes; one that is sent as nothing is forgotten.
    pub credentials: Option<Value>,
    /// Whether it is checked.
    pub is_active: Option<bool>,
}

impl Adjusted {
    /// Whether anything beside the settings and whether it is checked is to be different.
    const fn relabels(&self) -> bool {
        self.name.is_some()
            || self.interval_s.is_some()
            || self.slow_threshold_ms.is_some()
            || self.quiet_mode.is_some()
            || self.environment.is_some()
            || self.tags.is_some()
    }
}

/// Changes a part of a connection, in a transaction of the caller's that does more than this.
///
/// # Errors
///
/// [`AppError::NotFound`] where it is not there or another's, [`AppError::Invalid`] where a secret has to be
/// entered again, the stored settings are not those of the new provider or its checks cannot be quiet; a violated
/// constraint as it is.
pub async fn adjust_in(caller: &Caller, tx: &mut Tx, id: ConnectionId, adjusted: Adjusted) -> Result<(), WriteError> {
    let owner = caller.user_id()?;
    let current = lock(tx, id, owner).await?;
    let is_active = adjusted.is_active.filter(|is_active| *is_active != current.is_active);
    let moves = adjusted.credentials.is_some()
        || adjusted.provider.is_some_and(|provider| current.stored.provider() != Some(provider));
    if moves {
        let sent_as_nothing = |secret: &SecretField| {
            let sent = adjusted.credentials.as_ref().and_then(|credentials| credentials.get(secret.field()));
            sent.is_some_and(|sent| sent.is_null() || sent == "")
        };
        let forget: Vec<SecretField> = SecretField::ALL.into_iter().filter(sent_as_nothing).collect();
        let new = current.with(caller, id, adjusted)?;
        save::update_in(caller, tx, id, new, &forget).await?;
    } else if adjusted.relabels() {
        if let (Some(mode), Some(provider)) = (adjusted.quiet_mode, current.stored.provider()) {
            mode.check(provider).map_err(AppError::from)?;
        }
        relabel(tx, id, owner, &adjusted).await?;
        let entry = Entry::new("connection.update", Outcome::Success).connection(id).detail("settingsChanged", false);
        record(tx, caller, entry).await?;
        announce(tx, owner).await?;
    }
    if let Some(is_active) = is_active {
        change::set_active_in(caller, tx, &[id], is_active).await?;
    }
    Ok(())
}

/// The row as it is.
struct Current {
    stored: Stored,
    name: String,
    interval_s: i32,
    slow_threshold_ms: i32,
    quiet_mode: QuietMode,
    labels: Labels,
    is_active: bool,
}

impl Current {
    fn with(self, caller: &Caller, id: ConnectionId, adjusted: Adjusted) -> Result<NewConnection, AppError> {
        let provider = adjusted.provider.or_else(|| self.stored.provider()).ok_or_else(|| {
            FieldError::new("provider", "This connection was imported and has no provider yet. Send one too.")
        })?;
        let settings = match adjusted.credentials {
            Some(credentials) => Settings::from_json(provider, &credentials).map_err(AppError::Invalid)?,
            // An imported row is read as one of the provider that it gets.
            None if self.stored.provider().is_none() => self.stored.settings(caller, id, provider)?,
            None => {
                return Err(AppError::invalid("credentials", "Another provider needs other settings. Send them too."));
            }
        };
        Ok(NewConnection {
            provider,
            name: adjusted.name.unwrap_or(self.name),
            interval_s: Some(adjusted.interval_s.unwrap_or(self.interval_s.unsigned_abs())),
            slow_threshold_ms: Some(adjusted.slow_threshold_ms.unwrap_or(self.slow_threshold_ms.unsigned_abs())),
            quiet_mode: adjusted.quiet_mode.unwrap_or(self.quiet_mode.as_far_as(provider)),
            labels: Labels {
                environment: adjusted.environment.unwrap_or(self.labels.environment),
                tags: adjusted.tags.unwrap_or(self.labels.tags),
            },
            settings,
        })
    }
}

async fn lock(connection: &mut PgConnection, id: ConnectionId, owner: UserId) -> Result<Current, AppError> {
    let row = sqlx::query!(
        r#"select provider, credentials as "credentials: Value", connection_name, check_interval_s, slow_threshold_ms,
                quiet_mode, environment, tags, is_active
           from database_credentials
          where id = $1
            and user_id = $2
            for update"#,
        id.0,
        owner.0,
    )
    .fetch_optional(connection)
    .await?
    .ok_or(AppError::NotFound)?;
    Ok(Current {
        stored: Stored { owner, provider: row.provider, credentials: row.credentials },
        name: row.connection_name,
        interval_s: row.check_interval_s,
        slow_threshold_ms: row.slow_threshold_ms,
        quiet_mode: QuietMode::from_code(&row.quiet_mode).unwrap_or_default(),
        labels: Labels { environment: row.environment, tags: row.tags },
        is_active: row.is_active,
    })
}

async fn relabel(
    connection: &mut PgConnection,
    id: ConnectionId,
    owner: UserId,
    adjusted: &Adjusted,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update database_credentials
            set connection_name   = coalesce($3, connection_name),
                check_interval_s  = coalesce($4, check_interval_s),
                slow_threshold_ms = coalesce($5, slow_threshold_ms),
                quiet_mode        = coalesce($6, quiet_mode),
                environment       = case when $7 then $8 else environment end,
                tags              = coalesce($9, tags)
          where id = $1
            and user_id = $2",
        id.0,
        owner.0,
        adjusted.name,
        adjusted.interval_s.and_then(|seconds| i32::try_from(seconds).ok()),
        adjusted.slow_threshold_ms.and_then(|milliseconds| i32::try_from(milliseconds).ok()),
        adjusted.quiet_mode.map(QuietMode::code),
        adjusted.environment.is_some(),
        adjusted.environment.clone().flatten(),
        adjusted.tags.as_deref(),
    )
    .execute(connection)
    .await?;
    Ok(())
}
