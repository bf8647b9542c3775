//! Alert rules as they are stored. What is secret of a rule's channels is sealed together in `sealed_channels`;
//! `notification_channels` shows the rest.

use base64::{Engine, engine::general_purpose::STANDARD};
use rand::RngCore;
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{AlertType, Channels, Threshold};
use crate::{
    audit::{
        Outcome,
        server::{Entry, record},
    },
    auth::server::{Caller, Tx},
    connections::settings::Secret,
    error::{AppError, server::WriteError},
    ids::{AlertRuleId, ConnectionId, UserId},
    server::vault::rotate::CHANNELS,
};

mod seal;

pub use seal::seal_plaintext_rules;

/// A rule that is to be stored. Holds secrets, and has no `Debug` that would show them.
#[derive(Clone)]
pub struct NewRule {
    /// For which connection; all of one's own where there is none.
    pub credential_id: Option<ConnectionId>,
    /// What it watches for.
    pub alert_type: AlertType,
    /// The JSON that [`Threshold::read`] reads.
    pub threshold: Value,
    /// The JSON that [`Channels::read`] reads.
    pub channels: Value,
    /// Whether it counts.
    pub enabled: bool,
}

/// What is to be different of a rule; what is left out stays. Holds secrets, and has no `Debug` that would show them.
#[derive(Clone, Default)]
pub struct ChangedRule {
    /// For which connection; `Some(None)` for all.
    pub credential_id: Option<Option<ConnectionId>>,
    /// What it watches for.
    pub alert_type: Option<AlertType>,
    /// The JSON that [`Threshold::read`] reads.
    pub threshold: Option<Value>,
    /// The JSON that [`Channels::read`] reads; `"set"` and origins keep what is stored.
    pub channels: Option<Value>,
    /// Whether it counts.
    pub enabled: Option<bool>,
}

/// A rule that was stored. May hold secrets, and has no `Debug` that would show them.
#[derive(Clone)]
pub struct WrittenRule {
    /// Which one.
    pub id: AlertRuleId,
    /// Its `notification_channels` with the secrets that were made for it, to be shown this once; none where
    /// none was made.
    pub shown_once: Option<Value>,
}

/// Stores a rule, in a transaction of the caller's.
///
/// # Errors
///
/// [`AppError::Invalid`] for each field that cannot be used; a violated constraint or policy as it is.
pub async fn create_in(caller: &Caller, tx: &mut Tx, new: NewRule) -> Result<WrittenRule, WriteError> {
    let owner = caller.user_id()?;
    let id = AlertRuleId(Uuid::new_v4());
    Threshold::read(new.alert_type, &new.threshold).map_err(AppError::Invalid)?;
    let mut channels = Channels::read(&new.channels, &Channels::default()).map_err(AppError::Invalid)?;
    let shown_once = make_secrets(&mut channels);
    let channels = SealedChannels::new(caller, id, owner, &channels)?;
    let row = Row {
        credential_id: new.credential_id,
        alert_type: new.alert_type,
        threshold: &new.threshold,
        channels: &channels,
        enabled: new.enabled,
    };
    insert(tx, id, owner, &row).await?;
    record(tx, caller, audited("alert.create", new.credential_id, id)).await?;
    Ok(WrittenRule { id, shown_once })
}

/// Changes a rule, in a transaction of the caller's.
///
/// # Errors
///
/// [`AppError::NotFound`] where it is not there or another's, [`AppError::Invalid`] for each field that cannot be
/// used; a violated constraint or policy as it is.
pub async fn update_in(
    caller: &Caller,
    tx: &mut Tx,
    id: AlertRuleId,
    changed: ChangedRule,
) -> Result<WrittenRule, WriteError> {
    let owner = caller.user_id()?;
    let stored = lock(tx, id, owner).await?;
    let alert_type = changed.alert_type.unwrap_or(stored.rule.alert_type);
    if changed.alert_type.is_some() || changed.threshold.is_some() {
        let threshold = changed.threshold.as_ref().unwrap_or(&stored.rule.threshold);
        Threshold::read(alert_type, threshold).map_err(AppError::Invalid)?;
    }
    let (channels, shown_once) = match changed.channels {
        Some(channels) => {
            let before = open_channels(caller, id, owner, &stored.rule.channels, stored.sealed.as_ref());
            let before = match before {
                // Nothing that could be kept: a row that came by SQL in a form of its own.
                Err(AppError::Invalid(_)) => Channels::default(),
                before => before?,
            };
            let mut channels = Channels::read(&channels, &before).map_err(AppError::Invalid)?;
            let shown_once = make_secrets(&mut channels);
            (SealedChannels::new(caller, id, owner, &channels)?, shown_once)
        }
        None => (SealedChannels { public: stored.rule.channels, sealed: stored.sealed }, None),
    };
    let row = Row {
        credential_id: changed.credential_id.unwrap_or(stored.rule.credential_id),
        alert_type,
        threshold: &changed.threshold.unwrap_or(stored.rule.threshold),
        channels: &channels,
        enabled: changed.enabled.unwrap_or(stored.rule.enabled),
    };
    replace(tx, id, owner, &row).await?;
    record(tx, caller, audited("alert.update", row.credential_id, id)).await?;
    Ok(WrittenRule { id, shown_once })
}

/// Deletes a rule, in a transaction of the caller's.
///
/// # Errors
///
/// [`AppError::NotFound`] where it is not there or another's.
pub async fn delete_in(caller: &Caller, tx: &mut Tx, id: AlertRuleId) -> Result<(), AppError> {
    let deleted = sqlx::query!(
        "delete from database_alert_config
          where id = $1
            and user_id = $2
         returning credential_id",
        id.0,
        caller.user_id()?.0,
    )
    .fetch_optional(&mut **tx)
    .await?
    .ok_or(AppError::NotFound)?;
    record(tx, caller, audited("alert.delete", deleted.credential_id.map(ConnectionId), id)).await
}

/// Seals the channels of the rules for these connections anew for another owner, since an envelope is bound to its
/// owner; who gives the rules away does so in the same transaction.
///
/// # Errors
///
/// [`AppError::Internal`] where what is stored cannot be opened.
pub async fn seal_for(
    caller: &Caller,
    connection: &mut PgConnection,
    connections: &[Uuid],
    from: UserId,
    to: UserId,
) -> Result<(), AppError> {
    let vault = caller.state().vault();
    let rows = sqlx::query!(
        r#"select id, sealed_channels as "sealed!"
             from database_alert_config
            where credential_id = any ($1)
              and sealed_channels is not null
            order by id
              for no key update"#,
        connections,
    )
    .fetch_all(&mut *connection)
    .await?;
    for row in rows {
        let opened = vault.open(row.id, from, CHANNELS, &row.sealed)?;
        let sealed = vault.seal(row.id, to, CHANNELS, &opened)?;
        sqlx::query!("update database_alert_config set sealed_channels = $2 where id = $1", row.id, sealed)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// A rule's channels with their secrets, for the edit of a rule and for who sends its messages.
///
/// # Errors
///
/// [`AppError::Internal`] where what is stored cannot be opened or read.
pub fn open_channels(
    caller: &Caller,
    id: AlertRuleId,
    owner: UserId,
    public: &Value,
    sealed: Option<&Value>,
) -> Result<Channels, AppError> {
    let opened = match sealed {
        Some(sealed) => {
            let bytes = caller.state().vault().open(id.0, owner, CHANNELS, sealed)?;
            serde_json::from_slice(&bytes).map_err(|error| AppError::internal(&error))?
        }
        // Nothing secret in it, or a row that came by SQL.
        None => public.clone(),
    };
    Channels::read(&opened, &Channels::default()).map_err(AppError::Invalid)
}

fn audited(action: &'static str, connection: Option<ConnectionId>, id: AlertRuleId) -> Entry {
    let entry = Entry::new(action, Outcome::Success).detail("rule", id.to_string());
    match connection {
        Some(connection) => entry.connection(connection),
        None => entry,
    }
}

/// Channels as a row holds them.
struct SealedChannels {
    public: Value,
    sealed: Option<Value>,
}

impl SealedChannels {
    fn new(caller: &Caller, id: AlertRuleId, owner: UserId, channels: &Channels) -> Result<Self, AppError> {
        let sealed = if channels.has_secrets() {
            let full = channels.to_json().to_string();
            Some(caller.state().vault().seal(id.0, owner, CHANNELS, full.as_bytes())?)
        } else {
            None
        };
        Ok(Self { public: channels.public(), sealed })
    }
}

/// Gives the webhooks that sign and have no secret one; what is to be shown of it this once.
fn make_secrets(channels: &mut Channels) -> Option<Value> {
    let made = channels.make_secrets(webhook_secret);
    (!made.is_empty()).then(|| channels.public_with(&made))
}

/// What is written of a rule.
struct Row<'a> {
    credential_id: Option<ConnectionId>,
    alert_type: AlertType,
    threshold: &'a Value,
    channels: &'a SealedChannels,
    enabled: bool,
}

/// 256 random bits, within what Standard Webhooks asks for (24 to 64 bytes).
fn webhook_secret() -> Secret {
    let mut bytes = [0_u8; 32];
    rand::rng().fill_bytes(&mut bytes);
    Secret::new(format!("whsec_{}", STANDARD.encode(bytes)))
}

async fn insert(
    connection: &mut PgConnection,
    id: AlertRuleId,
    owner: UserId,
    row: &Row<'_>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into database_alert_config (
             id, user_id, credential_id, alert_type, threshold, notification_channels, sealed_channels, enabled
         ) values ($1, $2, $3, $4, $5, $6, $7, $8)",
        id.0,
        owner.0,
        row.credential_id.map(|id| id.0),
        row.alert_type.code(),
        row.threshold,
        row.channels.public,
        row.channels.sealed,
        row.enabled,
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn replace(
    connection: &mut PgConnection,
    id: AlertRuleId,
    owner: UserId,
    row: &Row<'_>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update database_alert_config
            set credential_id         = $3,
                alert_type            = $4,
                threshold             = $5,
                notification_channels = $6,
                sealed_channels       = $7,
                enabled               = $8
          where id = $1
            and user_id = $2",
        id.0,
        owner.0,
        row.credential_id.map(|id| id.0),
        row.alert_type.code(),
        row.threshold,
        row.channels.public,
        row.channels.sealed,
        row.enabled,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// A rule as it is stored; its channels as they may be shown.
struct StoredRule {
    rule: NewRule,
    sealed: Option<Value>,
}

/// The row as it is now, until the transaction ends.
async fn lock(connection: &mut PgConnection, id: AlertRuleId, owner: UserId) -> Result<StoredRule, AppError> {
    let row = sqlx::query!(
        "select credential_id, alert_type, threshold, notification_channels, sealed_channels, enabled
           from database_alert_config
          where id = $1
            and user_id = $2
            for update",
        id.0,
        owner.0,
    )
    .fetch_optional(connection)
    .await?
    .ok_or(AppError::NotFound)?;
    let alert_type = AlertType::from_code(&row.alert_type)
        .ok_or_else(|| AppError::invalid("alert_type", "This rule is of a type that this version does not know."))?;
    Ok(StoredRule {
        rule: NewRule {
            credential_id: row.credential_id.map(ConnectionId),
            alert_type,
            threshold: row.threshold,
            channels: row.notification_channels,
            enabled: row.enabled,
        },
        sealed: row.sealed_channels,
    })
}
