//! `connection add` and `check`.

use crate::{
    auth::server::{Caller, accounts},
    connections::{self, NewConnection, Provider, settings::Settings},
    error::AppError,
    health::{self, CheckOrigin, Status},
    ids::ConnectionId,
    server::state::AppState,
};

use super::{CommandError, print};

pub(super) async fn add_connection(
    state: &AppState,
    email: &str,
    name: &str,
    provider: Provider,
    settings: Settings,
) -> Result<(), CommandError> {
    let caller = accounts::caller_for_email(state, email).await?;
    let name = connections::validate_name(name).map_err(AppError::from)?;
    let new = NewConnection::new(provider, name, settings);
    let id = connections::server::create(&caller, new).await?;
    print(id.to_string())
}

/// Checks one connection on behalf of its owner. That it is down is a failure of the command too, so that
/// scripts can go by the exit status.
pub(super) async fn check_one(state: &AppState, id: ConnectionId) -> Result<(), CommandError> {
    let email = owner(state, id).await?;
    let caller = accounts::caller_for_email(state, &email).await?;
    let result = health::server::check_now(&caller, id, CheckOrigin::Person).await?;
    let time = result.response_time_ms.map(|time| format!(" in {time} ms")).unwrap_or_default();
    if result.status == Status::Down {
        let cause = result.cause.map_or("", |cause| cause.title());
        let message = result.error_message.unwrap_or_default();
        return Err(CommandError::Failed(format!("down{time}: {cause}: {message}")));
    }
    print(format!("{}{time}", result.status.code()))
}

/// Checks what is due, as the scheduler would.
pub(super) async fn check_due(state: &AppState) -> Result<(), CommandError> {
    let report = health::server::run_due(state).await?;
    print(format!(
        "due {}, checked {}, healthy {}, degraded {}, down {}, skipped {}",
        report.due, report.checked, report.healthy, report.degraded, report.down, report.skipped
    ))
}

async fn owner(state: &AppState, id: ConnectionId) -> Result<String, AppError> {
    let mut tx = Caller::system(state, "check of the command line").read().await?;
    let email = sqlx::query_scalar!(
        "
        select u.email
          from database_credentials c
          join users u on u.id = c.user_id
         where c.id = $1
        ",
        id.0
    )
    .fetch_optional(&mut *tx)
    .await?;
    email.ok_or_else(|| AppError::invalid("connection", format!("There is no connection {id}.")))
}
