//! `database_alert_config`: the columns of a row as a rule.

use serde_json::{Value, json};
use uuid::Uuid;

use super::fields::Fields;
use crate::{
    alerts::{
        AlertType,
        server::{ChangedRule, NewRule, create_in, update_in},
    },
    auth::server::{Caller, Tx},
    ids::{AlertRuleId, ConnectionId},
    server::wire::{WireError, rest::error},
};

pub(super) async fn insert(
    caller: &Caller,
    tx: &mut Tx,
    fields: Fields<'_>,
) -> Result<(Uuid, Option<Value>), WireError> {
    let rule = NewRule {
        credential_id: fields.uuid("credential_id")?.flatten().map(ConnectionId),
        alert_type: fields.required("alert_type", alert_type(fields)?)?,
        threshold: fields.value("threshold")?.cloned().unwrap_or_else(|| json!({})),
        channels: fields.value("notification_channels")?.cloned().unwrap_or_else(|| json!({})),
        enabled: fields.boolean("enabled")?.unwrap_or(true),
    };
    let written = create_in(caller, tx, rule).await.map_err(error::of_write)?;
    Ok((written.id.0, written.shown_once))
}

pub(super) async fn update(
    caller: &Caller,
    tx: &mut Tx,
    id: AlertRuleId,
    fields: Fields<'_>,
) -> Result<Option<Value>, WireError> {
    let changed = ChangedRule {
        credential_id: fields.uuid("credential_id")?.map(|id| id.map(ConnectionId)),
        alert_type: alert_type(fields)?,
        threshold: fields.value("threshold")?.cloned(),
        channels: fields.value("notification_channels")?.cloned(),
        enabled: fields.boolean("enabled")?,
    };
    let written = update_in(caller, tx, id, changed).await.map_err(error::of_write)?;
    Ok(written.shown_once)
}

fn alert_type(fields: Fields<'_>) -> Result<Option<AlertType>, WireError> {
    fields
        .text("alert_type")?
        .map(|code| {
            AlertType::from_code(code).ok_or_else(|| {
                let codes: Vec<_> = AlertType::ALL.iter().map(|kind| kind.code()).collect();
                fields.refused("alert_type", &format!("alert_type is one of {}.", codes.join(", ")))
            })
        })
        .transpose()
}
