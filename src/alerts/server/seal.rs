//! Sealing the channels of rules that came by SQL. Until then what may hold a secret is shown to nobody
//! (`shown_channels` in the database).

use sqlx::PgConnection;
use uuid::Uuid;

use super::SealedChannels;
use crate::{
    alerts::Channels,
    auth::server::Caller,
    error::AppError,
    ids::{AlertRuleId, UserId},
    server::vault::rotate::CHANNELS,
};

/// Rules that are read in one go.
const BATCH: i64 = 500;

/// Seals the channels of every rule that has them in plaintext, and gives back how many there were. For the system,
/// at start-up and once a minute.
///
/// Channels that cannot be read are sealed as they are, so that nothing is lost; of them the addresses and the list
/// in the product are shown. A rule that cannot be sealed is logged and does not stop the others.
///
/// # Errors
///
/// [`AppError::Unavailable`] where our own database is away.
pub async fn seal_plaintext_rules(caller: &Caller) -> Result<u32, AppError> {
    let mut sealed = 0;
    let mut last = None;
    loop {
        // After the last one, sealed or not: those that cannot be sealed never stand in the way of others.
        let ids = plaintext_rules(caller, last).await?;
        let Some(end) = ids.last() else { return Ok(sealed) };
        last = Some(*end);
        for id in ids {
            match seal_rule(caller, id).await {
                Ok(true) => sealed += 1,
                Ok(false) => {}
                Err(error @ AppError::Unavailable(_)) => return Err(error),
                Err(error) => tracing::error!(rule = %id, "the channels of a rule cannot be sealed: {error}"),
            }
        }
    }
}

/// The next rules with plaintext, in the order of their ids.
async fn plaintext_rules(caller: &Caller, after: Option<AlertRuleId>) -> Result<Vec<AlertRuleId>, AppError> {
    let mut tx = caller.read().await?;
    let ids = sqlx::query_scalar!(
        "select id
           from database_alert_config
          where sealed_channels is null
            and notification_channels <> shown_channels(notification_channels, false)
            and ($1::uuid is null or id > $1)
          order by id
          limit $2",
        after.map(|id| id.0) as Option<Uuid>,
        BATCH,
    )
    .fetch_all(&mut *tx)
    .await?;
    Ok(ids.into_iter().map(AlertRuleId).collect())
}

/// Whether the rule was sealed here: another process may have been faster.
async fn seal_rule(caller: &Caller, id: AlertRuleId) -> Result<bool, AppError> {
    let mut tx = caller.write().await?;
    let Some(row) = sqlx::query!(
        r#"select user_id, notification_channels, shown_channels(notification_channels, false) as "shown!"
             from database_alert_config
            where id = $1
              and sealed_channels is null
              for update skip locked"#,
        id.0,
    )
    .fetch_optional(&mut *tx)
    .await?
    else {
        return Ok(false);
    };
    let owner = UserId(row.user_id);
    let channels = if let Ok(channels) = Channels::read(&row.notification_channels, &Channels::default()) {
        SealedChannels::new(caller, id, owner, &channels)?
    } else {
        let whole = row.notification_channels.to_string();
        let sealed = caller.state().vault().seal(id.0, owner, CHANNELS, whole.as_bytes())?;
        SealedChannels { public: row.shown, sealed: Some(sealed) }
    };
    store(&mut tx, id, &channels).await?;
    tx.commit().await?;
    Ok(true)
}

async fn store(connection: &mut PgConnection, id: AlertRuleId, channels: &SealedChannels) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update database_alert_config set notification_channels = $2, sealed_channels = $3 where id = $1",
        id.0,
        channels.public,
        channels.sealed,
    )
    .execute(connection)
    .await?;
    Ok(())
}
