//! Trying settings that need not be saved, within limits for each account.

use super::{read, save};
use crate::{
    auth::server::Caller,
    connections::{
        Provider,
        form::Target,
        settings::{SecretField, Settings},
    },
    error::AppError,
    health::server::alone,
    ids::ConnectionId,
    probe::ProbeReport,
    server::{
        limits::{Limits, Place},
        providers,
    },
};

/// Probes `target` once. Where it names a stored connection, that one's secrets fill in what was left
/// empty, unless the endpoint differs; where it is the same as the stored one, the result is noted there.
///
/// # Errors
///
/// [`AppError::TooManyRequests`] beyond the account's limits, [`AppError::Invalid`] where a secret has to be
/// entered again, [`AppError::NotFound`] where the stored connection is not there or another's,
/// [`AppError::Unavailable`] where another check of it does not end.
pub async fn test(caller: &Caller, target: Target) -> Result<ProbeReport, AppError> {
    let _permit = Permit::take(caller)?;
    let Target { id, provider, mut settings, forget } = target;
    let before = match id {
        Some(id) => stored(caller, id, provider, &mut settings, &forget).await?,
        None => None,
    };
    settings.check_pairs()?;
    let unchanged = id.filter(|_| before.as_ref() == Some(&settings));
    let probe = Box::pin(providers::probe(caller.state().egress(), provider, &settings));
    let report = match unchanged {
        // Its server is asked by one at a time.
        Some(id) => alone(caller.state(), id, providers::longest(&settings), probe).await?,
        None => probe.await,
    };
    if let Some(id) = unchanged {
        note(caller, id, report.succeeded()).await?;
    }
    Ok(report)
}

async fn stored(
    caller: &Caller,
    id: ConnectionId,
    provider: Provider,
    settings: &mut Settings,
    forget: &[SecretField],
) -> Result<Option<Settings>, AppError> {
    let public = read::find(caller, id).await?.settings;
    let mut tx = caller.read().await?;
    let stored = read::fetch(&mut tx, id, super::owner(caller)).await?;
    drop(tx);
    save::complete(caller, id, &stored, &public, provider, settings, forget)
}

async fn note(caller: &Caller, id: ConnectionId, succeeded: bool) -> Result<(), AppError> {
    let mut tx = caller.write().await?;
    sqlx::query!(
        "update database_credentials
            set test_status = $3, last_tested_at = mooring_now()
          where id = $1
            and user_id = $2",
        id.0,
        caller.user_id()?.0,
        if succeeded { "success" } else { "failed" },
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(())
}

/// One running test, or another operation that somebody asked for and that connects; ends with it, also where
/// the request is dropped.
#[derive(Debug)]
pub struct Permit {
    _place: Place,
}

impl Permit {
    /// A permit within the limits: as many operations a minute as [`Limits::probe`] lets through, as many of one
    /// account at once as [`Limits::operation`]. An operation takes one, however often it connects.
    ///
    /// # Errors
    ///
    /// [`AppError::TooManyRequests`] beyond them.
    pub fn take(caller: &Caller) -> Result<Self, AppError> {
        let limits: &Limits = caller.state().limits();
        let place = limits.operation(caller.user_id()?)?;
        limits.probe(caller)?;
        Ok(Self { _place: place })
    }
}
