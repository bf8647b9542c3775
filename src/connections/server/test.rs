//! Trying settings that need not be saved, within limits for each account.

use std::{
    collections::HashMap,
    sync::{LazyLock, Mutex, MutexGuard, PoisonError},
};

use super::{read, save};
use crate::{
    auth::server::Caller,
    connections::{Provider, form::Target, settings::Settings},
    error::AppError,
    ids::{ConnectionId, UserId},
    probe::ProbeReport,
    server::providers,
    timestamp::Timestamp,
};

/// Tests of one account that may run at the same time, in one process.
const AT_ONCE: u32 = 4;
/// Tests of one account within a minute, in one process: a bucket that starts full.
const A_MINUTE: i64 = 60;
/// One test's share of the minute, in microseconds.
const SHARE: i64 = 60_000_000 / A_MINUTE;
/// Seconds after which one of the running tests is likely over: the connect timeout.
const RETRY_AFTER_S: u32 = 5;

/// Probes `target` once. Where it names a stored connection, that one's secrets fill in what was left
/// empty, unless the endpoint differs; where it is the same as the stored one, the result is noted there.
///
/// # Errors
///
/// [`AppError::TooManyRequests`] beyond the account's limits, [`AppError::Invalid`] where a secret has to be
/// entered again, [`AppError::NotFound`] where the stored connection is not there or another's.
pub async fn test(caller: &Caller, target: Target) -> Result<ProbeReport, AppError> {
    let user = caller.user_id()?;
    let _permit = Permit::take(user, caller.clock().now())?;
    let Target { id, provider, mut settings, remove_password } = target;
    let before = match id {
        Some(id) => stored(caller, id, provider, &mut settings, remove_password).await?,
        None => None,
    };
    settings.check_pairs()?;
    let report = providers::probe(caller.state().egress(), provider, &settings).await;
    if let Some(id) = id
        && before.as_ref() == Some(&settings)
    {
        note(caller, id, report.succeeded()).await?;
    }
    Ok(report)
}

async fn stored(
    caller: &Caller,
    id: ConnectionId,
    provider: Provider,
    settings: &mut Settings,
    remove_password: bool,
) -> Result<Option<Settings>, AppError> {
    let public = read::find(caller, id).await?.settings;
    let mut tx = caller.read().await?;
    let stored = read::fetch(&mut tx, id, super::owner(caller)).await?;
    drop(tx);
    save::complete(caller, id, &stored, &public, provider, settings, remove_password)
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

/// What one account has under way and has used up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Usage {
    running: u32,
    /// When the bucket is full again, in microseconds since the epoch; in the past where it is.
    full_at: i64,
}

impl Usage {
    /// Counts one more test, or says after how many seconds it may be tried again.
    fn admit(self, now: Timestamp) -> Result<Self, u32> {
        if self.running >= AT_ONCE {
            return Err(RETRY_AFTER_S);
        }
        let full_at = self.full_at.max(now.micros()) + SHARE;
        let over = full_at - now.micros() - A_MINUTE * SHARE;
        if over > 0 {
            return Err(u32::try_from((over + 999_999) / 1_000_000).unwrap_or(u32::MAX));
        }
        Ok(Self { running: self.running + 1, full_at })
    }
}

/// By account. In the process's memory: with several processes an account has as many times the limit, which
/// still bounds it.
static USAGE: LazyLock<Mutex<HashMap<UserId, Usage>>> = LazyLock::new(Mutex::default);

fn usage() -> MutexGuard<'static, HashMap<UserId, Usage>> {
    USAGE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One running test, or another operation that somebody asked for and that connects; ends with it, also where
/// the request is dropped.
#[derive(Debug)]
pub struct Permit(UserId);

impl Permit {
    /// A permit within the account's limits: four at once, sixty a minute. An operation takes one, however
    /// often it connects.
    ///
    /// # Errors
    ///
    /// [`AppError::TooManyRequests`] beyond them.
    pub fn take(user: UserId, now: Timestamp) -> Result<Self, AppError> {
        let mut usage = usage();
        // Accounts that have nothing under way and a full bucket need no entry.
        usage.retain(|_, usage| usage.running > 0 || usage.full_at > now.micros());
        let entry = usage.entry(user).or_default();
        *entry = entry.admit(now).map_err(AppError::TooManyRequests)?;
        Ok(Self(user))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(usage) = usage().get_mut(&self.0) {
            usage.running = usage.running.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_at_once_and_sixty_a_minute() {
        let start = Timestamp::from_micros(1_000_000_000);
        let mut usage = Usage::default();
        for _ in 0..AT_ONCE {
            usage = usage.admit(start).expect("within both limits");
        }
        assert_eq!(usage.admit(start), Err(RETRY_AFTER_S));

        for _ in AT_ONCE..60 {
            usage = Usage { running: 0, ..usage }.admit(start).expect("within the minute");
        }
        let used_up = Usage { running: 0, ..usage };
        assert_eq!(used_up.admit(start), Err(1));
        assert!(used_up.admit(start.plus_seconds(1)).is_ok());
    }

    #[test]
    fn a_permit_ends_with_its_test() {
        let user = UserId(uuid::Uuid::new_v4());
        let now = Timestamp::from_micros(5_000_000);
        let permits: Vec<Permit> = (0..AT_ONCE).filter_map(|_| Permit::take(user, now).ok()).collect();
        assert_eq!(permits.len(), 4);
        assert!(matches!(Permit::take(user, now), Err(AppError::TooManyRequests(_))));
        drop(permits);
        assert!(Permit::take(user, now).is_ok());
    }
}
