//! `database_credentials`: the columns of a row as a connection. `credentials` are sealed by the same functions
//! as those of the form; those of a row without a provider (`legacy`) wait as they are for its owner to name one.

use uuid::Uuid;

use super::fields::Fields;
use crate::{
    auth::server::{Caller, Tx},
    connections::{
        INTERVAL_S, LEGACY, NewConnection, Provider, SLOW_THRESHOLD_MS,
        labels::{self, Labels},
        server::{Adjusted, Unassigned, adjust_in, create_in, create_unassigned_in, set_active_in},
        settings::Settings,
        validate_name,
    },
    error::{AppError, FieldError, server::WriteError},
    health::quiet::QuietMode,
    ids::ConnectionId,
    server::wire::{WireError, rest::error},
};

pub(super) async fn insert(caller: &Caller, tx: &mut Tx, fields: Fields<'_>) -> Result<Uuid, WireError> {
    let is_legacy = fields.text("provider")? == Some(LEGACY);
    let provider = if is_legacy { None } else { Some(fields.required("provider", provider(fields)?)?) };
    let name = fields.required("connection_name", name(fields)?)?;
    let credentials = fields.required("credentials", fields.value("credentials")?)?;
    let (interval_s, slow_threshold_ms) = (interval(fields)?, slow_threshold(fields)?);
    let quiet_mode = quiet_mode(fields)?.unwrap_or_default();
    let labels = Labels { environment: environment(fields)?.flatten(), tags: tags(fields)?.unwrap_or_default() };
    let is_active = fields.boolean("is_active")?.unwrap_or(true);
    let id = if let Some(provider) = provider {
        let settings = Settings::from_json(provider, credentials)
            .map_err(|errors| in_columns(AppError::Invalid(errors).into()))?;
        let new = NewConnection {
            interval_s,
            slow_threshold_ms,
            quiet_mode,
            labels,
            ..NewConnection::new(provider, name, settings)
        };
        create_in(caller, tx, new).await
    } else {
        let credentials = credentials.clone();
        let new = Unassigned { name, credentials, interval_s, slow_threshold_ms, quiet_mode, labels };
        create_unassigned_in(caller, tx, new).await
    }
    .map_err(in_columns)?;
    if !is_active {
        set_active_in(caller, tx, &[id], false).await.map_err(error::of_app)?;
    }
    Ok(id.0)
}

pub(super) async fn update(
    caller: &Caller,
    tx: &mut Tx,
    id: ConnectionId,
    fields: Fields<'_>,
) -> Result<(), WireError> {
    let adjusted = Adjusted {
        provider: provider(fields)?,
        name: name(fields)?,
        interval_s: interval(fields)?,
        slow_threshold_ms: slow_threshold(fields)?,
        quiet_mode: quiet_mode(fields)?,
        environment: environment(fields)?,
        tags: tags(fields)?,
        credentials: fields.value("credentials")?.cloned(),
        is_active: fields.boolean("is_active")?,
    };
    adjust_in(caller, tx, id, adjusted).await.map_err(in_columns)
}

fn provider(fields: Fields<'_>) -> Result<Option<Provider>, WireError> {
    fields
        .text("provider")?
        .map(|code| {
            code.parse().map_err(|_| fields.refused("provider", &crate::connections::UnknownProvider.to_string()))
        })
        .transpose()
}

fn name(fields: Fields<'_>) -> Result<Option<String>, WireError> {
    fields.text("connection_name")?.map(|text| validate_name(text).map_err(of_field)).transpose()
}

fn interval(fields: Fields<'_>) -> Result<Option<u32>, WireError> {
    let seconds = fields.number("check_interval_s")?;
    match seconds {
        Some(seconds) if !INTERVAL_S.contains(&seconds) => {
            Err(fields.refused("check_interval_s", "The interval is a number of seconds from 30 to 86,400."))
        }
        seconds => Ok(seconds),
    }
}

fn slow_threshold(fields: Fields<'_>) -> Result<Option<u32>, WireError> {
    let milliseconds = fields.number("slow_threshold_ms")?;
    match milliseconds {
        Some(milliseconds) if !SLOW_THRESHOLD_MS.contains(&milliseconds) => {
            Err(fields.refused("slow_threshold_ms", "The threshold is a number of milliseconds from 1 to 600,000."))
        }
        milliseconds => Ok(milliseconds),
    }
}

fn quiet_mode(fields: Fields<'_>) -> Result<Option<QuietMode>, WireError> {
    fields
        .text("quiet_mode")?
        .map(|code| {
            let codes = QuietMode::ALL.map(QuietMode::code).join(", ");
            QuietMode::from_code(code)
                .ok_or_else(|| fields.refused("quiet_mode", &format!("quiet_mode is one of {codes}.")))
        })
        .transpose()
}

/// An environment that may be null: `Some(None)`.
#[expect(clippy::option_option, reason = "not sent, null and a value are three things")]
fn environment(fields: Fields<'_>) -> Result<Option<Option<String>>, WireError> {
    let sent = fields.nullable_text("environment")?;
    sent.map(|text| labels::read_environment(text.unwrap_or_default()).map_err(of_field)).transpose()
}

fn tags(fields: Fields<'_>) -> Result<Option<Vec<String>>, WireError> {
    let sent = fields.texts("tags")?;
    sent.map(|tags| labels::read_tags(tags).map_err(of_field)).transpose()
}

fn of_field(error: FieldError) -> WireError {
    in_columns(AppError::from(error).into())
}

/// An error with its fields as the table names them: those of the settings are keys of `credentials`.
fn in_columns(error: WriteError) -> WireError {
    error::of_write(match error {
        WriteError::App(AppError::Invalid(errors)) => AppError::Invalid(
            errors
                .into_iter()
                .map(|FieldError { field, message }| {
                    let field = match field.as_str() {
                        "name" => "connection_name".to_owned(),
                        "provider" | "credentials" | "environment" | "tags" => field,
                        key => format!("credentials.{key}"),
                    };
                    FieldError { field, message }
                })
                .collect(),
        )
        .into(),
        error => error,
    })
}
