//! How often the wire may be asked: buckets that start full and fill again at a steady rate, in the memory of
//! each process. What guessing passwords costs is another matter, kept in the database (`auth/server/throttle.rs`).
//!
//! | bucket | a minute | who |
//! | --- | --- | --- |
//! | requests | 600 | each token |
//! | probes | 60 | each token, and each account in its browsers: one for each operation that connects |
//! | strangers | 600 | each address, for requests without a valid token |
//! | refusals | 10 | each address and account: how many are recorded, so that nobody can flood the log |
//! | lessons | 1 an hour | each address and act: how much that came without a token is recorded |
//!
//! | places | at once | who |
//! | --- | --- | --- |
//! | operations | 4 | each account: what somebody asked for and that connects |
//! | transactions | 8 | each account, for `/rest/v1`: others wait a while, so that one account cannot hold the pool |
//!
//! A bucket that is full again is forgotten and so are places that nobody has, so memory holds only who asked within
//! the last minute, or taught something within the last hour. With several processes an account has as many times the
//! limit, which still bounds it.

use std::{
    collections::HashMap,
    fmt,
    hash::Hash,
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use governor::{Quota, RateLimiter, clock, middleware::NoOpMiddleware, state::keyed::HashMapStateStore};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use crate::{
    auth::server::{Caller, Origin, caller::Credential},
    error::AppError,
    ids::{TokenId, UserId},
    server::clock::Clock,
};

/// Requests a minute of one token.
pub const REQUESTS: u32 = 600;
/// Operations a minute of one token, or of one account in its browsers, that connect to a database.
pub const PROBES: u32 = 60;
/// Requests a minute from one address without a valid token.
pub const STRANGERS: u32 = 600;
/// Refused attempts a minute of one address and account that are recorded.
const REFUSALS: u32 = 10;
/// Operations of one account that may connect at the same time.
const OPERATIONS: usize = 4;
/// Seconds after which one of them is likely over: the connect timeout.
const OPERATION_S: u32 = 5;
/// Transactions of one account that programs may have open at the same time: half of the pool.
const TRANSACTIONS: usize = 8;
/// How long one more waits: as long as any that reads may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The process's clock as the buckets read it.
#[derive(Clone)]
struct Ticks(Arc<dyn Clock>);

impl clock::Clock for Ticks {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

/// Buckets of one kind.
struct Buckets<K: Hash + Eq + Clone>(RateLimiter<K, HashMapStateStore<K>, Ticks, NoOpMiddleware<Duration>>, Ticks);

impl<K: Hash + Eq + Clone> Buckets<K> {
    fn new(per_minute: u32, clock: &Arc<dyn Clock>) -> Self {
        Self::of(Quota::per_minute(NonZeroU32::new(per_minute).unwrap_or(NonZeroU32::MIN)), clock)
    }

    fn of(quota: Quota, clock: &Arc<dyn Clock>) -> Self {
        let ticks = Ticks(Arc::clone(clock));
        Self(RateLimiter::hashmap_with_clock(quota, ticks.clone()), ticks)
    }

    /// Takes one out, or tells in how many whole seconds there is one.
    fn take(&self, key: &K) -> Result<(), AppError> {
        self.0.check_key(key).map_err(|not_until| {
            let wait = not_until.wait_time_from(clock::Clock::now(&self.1));
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            AppError::TooManyRequests(u32::try_from(seconds.max(1)).unwrap_or(u32::MAX))
        })
    }

    fn forget_full(&self) -> usize {
        self.0.retain_recent();
        self.0.shrink_to_fit();
        self.0.len()
    }
}

/// A place that is taken; it is free again when this is dropped.
pub type Place = OwnedSemaphorePermit;

/// How many things of one kind each account may have under way at the same time.
struct Places {
    each: usize,
    taken: Mutex<HashMap<UserId, Arc<Semaphore>>>,
}

impl Places {
    fn new(each: usize) -> Self {
        Self { each, taken: Mutex::default() }
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<UserId, Arc<Semaphore>>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn of(&self, account: UserId) -> Arc<Semaphore> {
        Arc::clone(self.taken().entry(account).or_insert_with(|| Arc::new(Semaphore::new(self.each))))
    }

    /// A place, where there is one.
    fn take(&self, account: UserId) -> Option<Place> {
        self.of(account).try_acquire_owned().ok()
    }

    /// A place as soon as there is one.
    async fn wait(&self, account: UserId, patience: Duration) -> Option<Place> {
        timeout(patience, self.of(account).acquire_owned()).await.ok()?.ok()
    }

    fn forget_free(&self) -> usize {
        let mut taken = self.taken();
        // Each place that is taken or waited for knows its semaphore.
        taken.retain(|_, places| Arc::strong_count(places) > 1);
        taken.shrink_to_fit();
        taken.len()
    }
}

/// Who lets Mooring connect somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Prober {
    Token(TokenId),
    Account(UserId),
}

/// The buckets and places of one process.
pub struct Limits {
    requests: Buckets<TokenId>,
    probes: Buckets<Prober>,
    strangers: Buckets<IpAddr>,
    refusals: Buckets<(IpAddr, Option<UserId>)>,
    lessons: Buckets<(IpAddr, &'static str)>,
    operations: Places,
    transactions: Places,
}

impl Limits {
    /// All full, by `clock`.
    #[must_use]
    pub fn new(clock: &Arc<dyn Clock>) -> Self {
        Self {
            requests: Buckets::new(REQUESTS, clock),
            probes: Buckets::new(PROBES, clock),
            strangers: Buckets::new(STRANGERS, clock),
            refusals: Buckets::new(REFUSALS, clock),
            lessons: Buckets::of(Quota::per_hour(NonZeroU32::MIN), clock),
            operations: Places::new(OPERATIONS),
            transactions: Places::new(TRANSACTIONS),
        }
    }

    /// Counts a request of the caller's token; sessions and the command line are not counted.
    ///
    /// # Errors
    ///
    /// [`AppError::TooManyRequests`] with the seconds to wait.
    pub fn request(&self, caller: &Caller) -> Result<(), AppError> {
        token(caller).map_or(Ok(()), |token| self.requests.take(&token))
    }

    /// Counts an operation that connects, however many attempts it makes. Features that connect for a caller ask
    /// this first; the command line and the jobs are not counted.
    ///
    /// # Errors
    ///
    /// [`AppError::TooManyRequests`] with the seconds to wait.
    pub fn probe(&self, caller: &Caller) -> Result<(), AppError> {
        let prober = match caller.credential() {
            Some(Credential::Token(id, _)) => Prober::Token(id),
            Some(Credential::Session) => Prober::Account(caller.user_id()?),
            Some(Credential::CommandLine) | None => return Ok(()),
        };
        self.probes.take(&prober)
    }

    /// A place for an operation that somebody asked for and that connects, however often it does.
    ///
    /// # Errors
    ///
    /// [`AppError::TooManyRequests`] where the account has four under way.
    pub fn operation(&self, account: UserId) -> Result<Place, AppError> {
        self.operations.take(account).ok_or(AppError::TooManyRequests(OPERATION_S))
    }

    /// A place for a transaction of a program, waited for at most 10 s.
    ///
    /// # Errors
    ///
    /// [`AppError::TooManyRequests`] where none of the account's eight is free by then.
    pub async fn transaction(&self, account: UserId) -> Result<Place, AppError> {
        self.transactions.wait(account, PATIENCE).await.ok_or(AppError::TooManyRequests(1))
    }

    /// Counts a request without a valid token.
    ///
    /// # Errors
    ///
    /// [`AppError::TooManyRequests`] with the seconds to wait.
    pub fn stranger(&self, origin: &Origin) -> Result<(), AppError> {
        self.strangers.take(&network(origin))
    }

    /// Whether one more refused attempt of this origin is to be recorded.
    #[must_use]
    pub fn may_record_refusal(&self, origin: &Origin, user: Option<UserId>) -> bool {
        self.refusals.take(&(network(origin), user)).is_ok()
    }

    /// Whether `action`, which taught something without a token, is to be recorded of this origin.
    #[must_use]
    pub fn may_record_lesson(&self, origin: &Origin, action: &'static str) -> bool {
        self.lessons.take(&(network(origin), action)).is_ok()
    }

    /// Forgets buckets that are full again and places that nobody has; returns how many are left.
    #[must_use]
    pub fn forget_idle(&self) -> usize {
        self.requests.forget_full()
            + self.probes.forget_full()
            + self.strangers.forget_full()
            + self.refusals.forget_full()
            + self.lessons.forget_full()
            + self.operations.forget_free()
            + self.transactions.forget_free()
    }
}

impl fmt::Debug for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limits").finish_non_exhaustive()
    }
}

fn token(caller: &Caller) -> Option<TokenId> {
    match caller.credential() {
        Some(Credential::Token(id, _)) => Some(id),
        _ => None,
    }
}

/// Who has no address shares one bucket.
fn network(origin: &Origin) -> IpAddr {
    origin.network().unwrap_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{server::clock::TestClock, timestamp::Timestamp};

    fn limits() -> (TestClock, Limits) {
        let time = TestClock::at(Timestamp::from_micros(1_787_409_125_000_000));
        let clock: Arc<dyn Clock> = Arc::new(time.clone());
        (time, Limits::new(&clock))
    }

    fn from(ip: &str) -> Origin {
        Origin { ip: ip.parse().ok(), user_agent: None }
    }

    #[test]
    fn a_bucket_starts_full_and_fills_at_its_rate() {
        let (time, limits) = limits();
        let ada = from("192.0.2.7");
        for request in 0..STRANGERS {
            assert_eq!(limits.stranger(&ada), Ok(()), "{request}");
        }
        assert_eq!(limits.stranger(&ada), Err(AppError::TooManyRequests(1)));
        assert_eq!(limits.stranger(&from("192.0.2.8")), Ok(()), "another address has a bucket of its own");
        time.advance(Duration::from_secs(1));
        let filled = (0..20).take_while(|_| limits.stranger(&ada).is_ok()).count();
        assert_eq!(filled, 10, "600 a minute");
    }

    #[test]
    fn what_is_full_again_is_forgotten() {
        let (time, limits) = limits();
        for last in 0..100 {
            assert_eq!(limits.stranger(&from(&format!("192.0.2.{last}"))), Ok(()));
        }
        assert_eq!(limits.forget_idle(), 100);
        time.advance(Duration::from_secs(61));
        assert_eq!(limits.forget_idle(), 0);
    }

    #[test]
    fn a_stranger_s_lessons_are_recorded_once_an_hour() {
        let (time, limits) = limits();
        let recorded = |ip, action| limits.may_record_lesson(&from(ip), action);
        assert!(recorded("192.0.2.7", "learn") && recorded("192.0.2.7", "vote") && recorded("192.0.2.8", "learn"));
        time.advance(Duration::from_mins(59));
        assert!(!recorded("192.0.2.7", "learn"));
        time.advance(Duration::from_mins(1));
        assert!(recorded("192.0.2.7", "learn") && !recorded("192.0.2.7", "learn"));
    }

    #[test]
    fn four_operations_at_once_and_a_place_is_free_again_after_its_own() {
        let (_, limits) = limits();
        let (ada, bob) = (UserId(Uuid::new_v4()), UserId(Uuid::new_v4()));
        let places: Vec<Place> = (0..OPERATIONS).filter_map(|_| limits.operation(ada).ok()).collect();
        assert_eq!(places.len(), 4);
        assert_eq!(limits.operation(ada).map(drop), Err(AppError::TooManyRequests(OPERATION_S)));
        assert!(limits.operation(bob).is_ok(), "another account has its own");
        assert_eq!(limits.forget_idle(), 1, "who has something under way");
        drop(places);
        assert!(limits.operation(ada).is_ok());
        assert_eq!(limits.forget_idle(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_fifth_transaction_waits_for_a_place_and_not_for_ever() {
        let (_, limits) = limits();
        let (ada, bob) = (UserId(Uuid::new_v4()), UserId(Uuid::new_v4()));
        let mut places = Vec::new();
        for _ in 0..TRANSACTIONS {
            places.push(limits.transaction(ada).await.expect("a place"));
        }
        assert_eq!(limits.transaction(ada).await.map(drop), Err(AppError::TooManyRequests(1)));
        assert!(limits.transaction(bob).await.is_ok(), "another account has its own");
        let (fifth, ()) = tokio::join!(limits.transaction(ada), async {
            tokio::time::sleep(PATIENCE / 2).await;
            drop(places.pop());
        });
        assert!(fifth.is_ok());
    }
}
