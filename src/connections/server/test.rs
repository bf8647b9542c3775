//! Trying settings that need not be saved, within limits for each account.

use std::{
    collections::HashMap,
    sync::{LazyLock, Mutex, MutexGuard, PoisonError},
};

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
    ids::{ConnectionId, UserId},
    probe::ProbeReport,
    server::providers,
};

/// Tests of one account that may run at the same time, in one process.
const AT_ONCE: u32 = 4;
/// Seconds after which one of the running tests is likely over: the connect timeout.
const RETRY_AFTER_S: u32 = 5;

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

/// Tests under way, by account. In the process's memory: with several processes an account has as many times the
/// limit, which still bounds it.
static RUNNING: LazyLock<Mutex<HashMap<UserId, u32>>> = LazyLock::new(Mutex::default);

fn running() -> MutexGuard<'static, HashMap<UserId, u32>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One running test, or another operation that somebody asked for and that connects; ends with it, also where
/// the request is dropped.
#[derive(Debug)]
pub struct Permit(UserId);

impl Permit {
    /// A permit within the limits: as many operations a minute as [`Limits::probe`](crate::server::limits::Limits::probe)
    /// lets through, four of one account at once. An operation takes one, however often it connects.
    ///
    /// # Errors
    ///
    /// [`AppError::TooManyRequests`] beyond them.
    pub fn take(caller: &Caller) -> Result<Self, AppError> {
        let permit = Self::of(caller.user_id()?)?;
        caller.state().limits().probe(caller)?;
        Ok(permit)
    }

    fn of(user: UserId) -> Result<Self, AppError> {
        let mut running = running();
        let count = running.entry(user).or_default();
        if *count >= AT_ONCE {
            return Err(AppError::TooManyRequests(RETRY_AFTER_S));
        }
        *count += 1;
        Ok(Self(user))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut running = running();
        if let Some(count) = running.get_mut(&self.0) {
            *count -= 1;
            if *count == 0 {
                running.remove(&self.0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_at_once_and_a_permit_ends_with_its_test() {
        let user = UserId(uuid::Uuid::new_v4());
        let permits: Vec<Permit> = (0..AT_ONCE).filter_map(|_| Permit::of(user).ok()).collect();
        assert_eq!(permits.len(), 4);
        assert_eq!(Permit::of(user).map(drop), Err(AppError::TooManyRequests(RETRY_AFTER_S)));
        assert!(Permit::of(UserId(uuid::Uuid::new_v4())).is_ok(), "another account has its own");
        drop(permits);
        assert!(Permit::of(user).is_ok());
        assert!(!running().contains_key(&user), "nothing is kept of who has nothing under way");
    }
}
