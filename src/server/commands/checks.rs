//! `connection add` and `check`.

use tokio::sync::watch;

use crate::{
    auth::server::{Caller, accounts},
    connections::{self, NewConnection, Provider, settings::Settings},
    error::AppError,
    health::{
        CheckOrigin, Status, SweepReport,
        server::{check_now, monitor},
    },
    ids::ConnectionId,
    server::state::AppState,
};

use super::{CommandError, print, serve::Signals};

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
    let result = unless_stopped(state, check_now(&caller, id, CheckOrigin::Person)).await?;
    let time = result.response_time_ms.map(|time| format!(" in {time} ms")).unwrap_or_default();
    if result.status == Status::Down {
        let cause = result.cause.map_or("", |cause| cause.title());
        let message = result.error_message.unwrap_or_default();
        print(format!("down{time}: {cause}: {message}"))?;
        return Err(CommandError::Told);
    }
    print(format!("{}{time}", result.status.code()))
}

/// Checks what is due, as the scheduler would, and waits until everything is written: nothing goes on behind a
/// process that has ended.
pub(super) async fn check_due(state: &AppState) -> Result<(), CommandError> {
    let (progress, shown) = watch::channel(SweepReport::default());
    unless_stopped(state, monitor::sweep(state, CheckOrigin::Cron, &progress)).await?;
    let report = *shown.borrow();
    print(format!(
        "due {}, checked {}, healthy {}, degraded {}, down {}, skipped {}",
        report.due, report.checked, report.healthy, report.degraded, report.down, report.skipped
    ))
}

/// Waits for `checks`; where the command is to stop before, gives back what they hold.
async fn unless_stopped<T>(
    state: &AppState,
    checks: impl Future<Output = Result<T, AppError>>,
) -> Result<T, CommandError> {
    let mut signals = Signals::new()?;
    tokio::select! {
        done = checks => Ok(done?),
        () = signals.next() => {
            monitor::give_all_back(state).await;
            Err(CommandError::Failed("stopped; what was not checked yet is checked when it is due".to_owned()))
        }
    }
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
