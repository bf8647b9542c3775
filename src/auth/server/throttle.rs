//! How often passwords and codes may be tried, so that guessing is hopeless and a stranger can lock nobody out.
//!
//! A try is counted under several keys, each with a policy of its own, and passes when none of them is blocked:
//!
//! | key | policy | against |
//! | --- | --- | --- |
//! | account and address | five, then 1 s, 2 s, 4 s … 15 min | guessing one password from one place |
//! | address | twenty in 15 min | trying one password on many accounts |
//! | account, all addresses | a hundred, then one a minute | guessing from many places |
//! | device that signed in before | five, then 1 s, 2 s … 15 min | a stolen device; replaces the three above |
//!
//! Two rules keep strangers from locking someone out. A browser that signed in to the account before carries a
//! cookie, and what others do does not slow it down. And an address that hardly failed at this account yet is not
//! held by what other addresses did: its first two tries pass. An IPv6 address counts as its /64, which is what one
//! customer gets.
//!
//! A try is counted before it is made, in a transaction of its own that locks its keys in order, and given
//! back when it was right: parallel tries cannot slip by, and an abandoned one stays counted.

use std::net::IpAddr;

use sqlx::PgPool;

use super::code::sha256;
use crate::{error::AppError, ids::UserId, timestamp::Timestamp};

/// What is tried; each is counted apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A password at sign-in.
    Password,
    /// A second factor at sign-in.
    SecondFactor,
    /// The password or a code of someone who is signed in, before a change.
    Confirmation,
    /// Making an account, with or without the code from the log.
    SignUp,
}

impl Purpose {
    const fn code(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::SecondFactor => "second factor",
            Self::Confirmation => "confirmation",
            Self::SignUp => "sign-up",
        }
    }
}

/// How a key's count turns into a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Policy {
    /// How many fail without a wait.
    free: i32,
    /// Seconds after which one failure is forgotten.
    forget_s: i64,
    /// The first wait, in seconds.
    wait_s: i64,
    /// The longest wait, in seconds; each wait is twice the one before up to it.
    longest_s: i64,
}

const PAIR: Policy = Policy { free: 5, forget_s: 3_600, wait_s: 1, longest_s: 900 };
const ADDRESS: Policy = Policy { free: 20, forget_s: 45, wait_s: 45, longest_s: 45 };
const ACCOUNT: Policy = Policy { free: 100, forget_s: 300, wait_s: 60, longest_s: 60 };
/// So many tries of one address at one account are not held by [`ACCOUNT`]: one, and one for a slip.
const UNDISTURBED: i32 = 2;

/// The count under one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Count {
    failures: i32,
    counted_at: Timestamp,
    blocked_until: Option<Timestamp>,
}

impl Policy {
    /// Counts one more try as failed, or tells the seconds until one may be made.
    fn count(self, count: Count, now: Timestamp) -> Result<Count, u32> {
        if let Some(until) = count.blocked_until
            && until > now
        {
            let seconds = until.micros_since(now).div_euclid(1_000_000) + 1;
            return Err(u32::try_from(seconds).unwrap_or(u32::MAX));
        }
        let elapsed_s = now.micros_since(count.counted_at).div_euclid(1_000_000).max(0);
        let forgotten = elapsed_s.div_euclid(self.forget_s);
        let failures = i64::from(count.failures).saturating_sub(forgotten).max(0) + 1;
        // What is left of the time goes on counting, so that a steady trickle is forgotten at the same rate.
        let counted_at = if failures == 1 { now } else { now.plus_seconds(-elapsed_s.rem_euclid(self.forget_s)) };
        let over = failures - i64::from(self.free);
        let blocked_until = (over >= 0).then(|| {
            let doublings = u32::try_from(over).unwrap_or(u32::MAX).min(20);
            now.plus_seconds(self.wait_s.saturating_mul(1 << doublings).min(self.longest_s))
        });
        Ok(Count { failures: i32::try_from(failures).unwrap_or(i32::MAX), counted_at, blocked_until })
    }
}

/// Who tries: what the keys are made of.
#[derive(Clone, Copy, Debug)]
pub struct Trier<'a> {
    /// The account: its e-mail address as typed, whether there is such an account or not, or its id.
    pub account: Option<&'a str>,
    /// The [network](super::Origin::network) of the client.
    pub network: Option<IpAddr>,
    /// The hash of the browser's device cookie, where it signed in to this account before.
    pub device: Option<&'a [u8]>,
}

/// A try that is counted as failed until it is [forgiven](Self::forgive).
#[must_use]
#[derive(Debug)]
pub struct Try {
    /// Each key, and whether success clears it or gives back this one try.
    keys: Vec<(Vec<u8>, Policy, bool)>,
}

impl Try {
    /// Counts a try, as failed for now.
    ///
    /// # Errors
    ///
    /// [`AppError::TooManyRequests`] with the seconds to wait; then nothing is counted.
    pub async fn count(pool: &PgPool, purpose: Purpose, trier: Trier<'_>) -> Result<Self, AppError> {
        let keys = keys(purpose, trier);
        let mut tx = pool.begin().await?;
        let mut counted = Vec::with_capacity(keys.len());
        for (key, policy, _) in &keys {
            let row = sqlx::query!(
                r#"insert into sign_in_throttle as throttle (key) values ($1)
                   on conflict (key) do update set key = excluded.key
                   returning failures, counted_at, blocked_until, mooring_now() as "now!""#,
                key,
            )
            .fetch_one(&mut *tx)
            .await?;
            let count = Count {
                failures: row.failures,
                counted_at: row.counted_at.into(),
                blocked_until: row.blocked_until.map(Into::into),
            };
            let result = policy.count(count, row.now.into());
            if let Ok(count) = result {
                sqlx::query!(
                    "update sign_in_throttle set failures = $2, counted_at = $3, blocked_until = $4 where key = $1",
                    key,
                    count.failures,
                    time::OffsetDateTime::from(count.counted_at),
                    count.blocked_until.map(time::OffsetDateTime::from),
                )
                .execute(&mut *tx)
                .await?;
            }
            counted.push((*policy, result));
        }
        if let Some(seconds) = wait(&counted) {
            tx.rollback().await?;
            return Err(AppError::TooManyRequests(seconds));
        }
        tx.commit().await?;
        Ok(Self { keys })
    }

    /// The try was right: its own keys start afresh, those that it shares with others lose this one try.
    ///
    /// # Errors
    ///
    /// [`AppError::Unavailable`] where our own database is away.
    pub async fn forgive(self, pool: &PgPool) -> Result<(), AppError> {
        let of = |wanted: bool| -> Vec<Vec<u8>> {
            self.keys.iter().filter(|(_, _, own)| *own == wanted).map(|(key, ..)| key.clone()).collect()
        };
        let (own, shared) = (of(true), of(false));
        let mut tx = pool.begin().await?;
        // Locked in the order in which tries lock them, so that the two never wait for each other.
        sqlx::query!(
            "select key from sign_in_throttle where key = any($1) or key = any($2) order by key for update",
            &own,
            &shared,
        )
        .fetch_all(&mut *tx)
        .await?;
        sqlx::query!("delete from sign_in_throttle where key = any($1)", &own).execute(&mut *tx).await?;
        sqlx::query!(
            "update sign_in_throttle set failures = greatest(failures - 1, 0), blocked_until = null where key = any($1)",
            &shared,
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }
}

/// The seconds until a try may be made, from what came of counting it under each key; nothing where it may be made.
fn wait(counted: &[(Policy, Result<Count, u32>)]) -> Option<u32> {
    let undisturbed = counted
        .iter()
        .any(|(policy, result)| *policy == PAIR && matches!(result, Ok(count) if count.failures <= UNDISTURBED));
    counted
        .iter()
        .filter(|(policy, _)| !(undisturbed && *policy == ACCOUNT))
        .filter_map(|(_, result)| result.as_ref().err().copied())
        .max()
}

/// Forgets what no longer slows anyone down.
///
/// # Errors
///
/// [`AppError::Unavailable`] where our own database is away.
pub async fn delete_expired(pool: &PgPool) -> Result<u64, AppError> {
    let deleted = sqlx::query!(
        "delete from sign_in_throttle
          where counted_at < mooring_now() - interval '1 day' and coalesce(blocked_until, counted_at) < mooring_now()"
    )
    .execute(pool)
    .await?;
    Ok(deleted.rows_affected())
}

/// The keys of one try, in the order in which they are locked.
fn keys(purpose: Purpose, trier: Trier<'_>) -> Vec<(Vec<u8>, Policy, bool)> {
    let key = |kind: &str, parts: &[&[u8]]| {
        let mut text = Vec::from(purpose.code().as_bytes());
        for part in [kind.as_bytes()].iter().chain(parts) {
            // The length first, so that no two lists of parts read the same.
            text.extend_from_slice(&part.len().to_le_bytes());
            text.extend_from_slice(part);
        }
        sha256(&text)
    };
    let address = trier.network.map_or_else(|| "unknown".to_owned(), |network| network.to_string());
    let address = address.as_bytes();
    let mut keys = match (trier.account.map(str::as_bytes), trier.device) {
        (Some(account), Some(device)) => vec![(key("device", &[account, device]), PAIR, true)],
        (Some(account), None) => vec![
            (key("pair", &[account, address]), PAIR, true),
            (key("address", &[address]), ADDRESS, false),
            (key("account", &[account]), ACCOUNT, false),
        ],
        (None, _) => vec![(key("address", &[address]), ADDRESS, false)],
    };
    keys.sort_by(|one, other| one.0.cmp(&other.0));
    keys
}

/// Whether this browser has signed in to this account before, from the hash of its cookie.
///
/// # Errors
///
/// [`AppError::Unavailable`] where our own database is away.
pub async fn is_known_device(pool: &PgPool, user: UserId, device: &[u8]) -> Result<bool, AppError> {
    let row = sqlx::query!(
        r#"select exists (select from known_devices where user_id = $1 and device_hash = $2) as "known!""#,
        user.0,
        device,
    )
    .fetch_one(pool)
    .await?;
    Ok(row.known)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_micros(1_787_409_125_000_000);
    const NONE: Count = Count { failures: 0, counted_at: START, blocked_until: None };

    /// The waits after each of `tries` tries that are made as soon as they may be.
    fn waits(policy: Policy, tries: usize) -> Vec<i64> {
        let mut now = START;
        let mut count = NONE;
        (0..tries)
            .map(|_| {
                count = policy.count(count, now).expect("not blocked");
                let wait = count.blocked_until.map_or(0, |until| until.micros_since(now) / 1_000_000);
                now = now.plus_seconds(wait);
                wait
            })
            .collect()
    }

    #[test]
    fn the_wait_doubles_after_five_up_to_a_quarter_of_an_hour() {
        assert_eq!(waits(PAIR, 16), [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
    }

    #[test]
    fn an_address_has_twenty_in_a_quarter_of_an_hour() {
        let waits = waits(ADDRESS, 40);
        assert!(waits.iter().take(19).all(|&wait| wait == 0));
        assert!(waits.iter().skip(19).all(|&wait| wait == 45));
    }

    #[test]
    fn a_blocked_try_is_told_how_long_and_not_counted() {
        let blocked = Count { failures: 9, counted_at: START, blocked_until: Some(START.plus_seconds(30)) };
        assert_eq!(PAIR.count(blocked, START), Err(31));
        assert_eq!(PAIR.count(blocked, START.plus_seconds(29)), Err(2));
        assert_eq!(PAIR.count(blocked, START.plus_seconds(30)).map(|count| count.failures), Ok(10));
    }

    #[test]
    fn failures_are_forgotten_one_by_one() {
        let count = Count { failures: 4, counted_at: START, blocked_until: None };
        let later = PAIR.count(count, START.plus_seconds(2 * 3_600 + 60)).expect("not blocked");
        assert_eq!((later.failures, later.counted_at), (3, START.plus_seconds(2 * 3_600)));
        let much_later = PAIR.count(count, START.plus_seconds(86_400)).expect("not blocked");
        assert_eq!(much_later.failures, 1);
    }

    #[test]
    fn what_others_did_does_not_hold_the_first_tries_of_an_address() {
        let at = |failures| Ok(Count { failures, ..NONE });
        assert_eq!(wait(&[(PAIR, at(1)), (ACCOUNT, Err(60))]), None);
        assert_eq!(wait(&[(ACCOUNT, Err(60)), (PAIR, at(UNDISTURBED)), (ADDRESS, at(9))]), None);
        assert_eq!(wait(&[(ACCOUNT, Err(60)), (PAIR, at(UNDISTURBED + 1))]), Some(60));
        assert_eq!(wait(&[(PAIR, at(1)), (ADDRESS, Err(45)), (ACCOUNT, Err(60))]), Some(45));
        assert_eq!(wait(&[(PAIR, Err(2)), (ACCOUNT, Err(60))]), Some(60));
        assert_eq!(wait(&[(ADDRESS, at(1))]), None);
    }

    #[test]
    fn a_known_device_is_counted_by_itself() {
        let network = "203.0.113.9".parse().ok();
        let stranger = Trier { account: Some("ada@example.org"), network, device: None };
        let known = Trier { device: Some(b"device"), ..stranger };
        let theirs = keys(Purpose::Password, stranger);
        assert_eq!(theirs.len(), 3);
        assert!(keys(Purpose::Password, known).iter().all(|key| !theirs.contains(key)));
        assert!(keys(Purpose::SecondFactor, stranger).iter().all(|key| !theirs.contains(key)));
    }
}
