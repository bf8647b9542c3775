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
//! A bucket that is full again is forgotten, so memory holds only who asked within the last minute.

use std::{
    fmt,
    hash::Hash,
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::Arc,
    time::Duration,
};

use governor::{Quota, RateLimiter, clock, middleware::NoOpMiddleware, state::keyed::HashMapStateStore};

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

/// Who lets Mooring connect somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Prober {
    Token(TokenId),
    Account(UserId),
}

/// The buckets of one process.
pub struct Limits {
    requests: Buckets<TokenId>,
    probes: Buckets<Prober>,
    strangers: Buckets<IpAddr>,
    refusals: Buckets<(IpAddr, Option<UserId>)>,
    lessons: Buckets<(IpAddr, &'static str)>,
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

    /// Counts a request without a valid token.
    ///
    /// # Errors
    ///
    /// [`AppError::TooManyRequests`] with the seconds to wait.
    pub fn stranger(&self, origin: &Origin) -> Result<(), AppError> {
        self.strangers.take(&customer(origin))
    }

    /// Whether one more refused attempt of this origin is to be recorded.
    #[must_use]
    pub fn may_record_refusal(&self, origin: &Origin, user: Option<UserId>) -> bool {
        self.refusals.take(&(customer(origin), user)).is_ok()
    }

    /// Whether `action`, which taught something without a token, is to be recorded of this origin.
    #[must_use]
    pub fn may_record_lesson(&self, origin: &Origin, action: &'static str) -> bool {
        self.lessons.take(&(customer(origin), action)).is_ok()
    }

    /// Forgets buckets that are full again; returns how many are left.
    #[must_use]
    pub fn forget_idle(&self) -> usize {
        self.requests.forget_full()
            + self.probes.forget_full()
            + self.strangers.forget_full()
            + self.refusals.forget_full()
            + self.lessons.forget_full()
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

/// What one customer of a network is given: the IPv4 address, or the first 64 bits of the IPv6 address. Who has
/// no address shares one bucket.
fn customer(origin: &Origin) -> IpAddr {
    match origin.ip.map(|ip| ip.to_canonical()) {
        Some(IpAddr::V6(ip)) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64)),
        Some(ip) => ip,
        None => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{server::clock::TestClock, timestamp::Timestamp};

    fn from(ip: &str) -> Origin {
        Origin { ip: ip.parse().ok(), user_agent: None }
    }

    #[test]
    fn a_bucket_starts_full_and_fills_at_its_rate() {
        let time = TestClock::at(Timestamp::from_micros(1_787_409_125_000_000));
        let clock: Arc<dyn Clock> = Arc::new(time.clone());
        let limits = Limits::new(&clock);
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
        let time = TestClock::at(Timestamp::from_micros(1_787_409_125_000_000));
        let clock: Arc<dyn Clock> = Arc::new(time.clone());
        let limits = Limits::new(&clock);
        for last in 0..100 {
            assert_eq!(limits.stranger(&from(&format!("192.0.2.{last}"))), Ok(()));
        }
        assert_eq!(limits.forget_idle(), 100);
        time.advance(Duration::from_secs(61));
        assert_eq!(limits.forget_idle(), 0);
    }

    #[test]
    fn a_stranger_s_lessons_are_recorded_once_an_hour() {
        let time = TestClock::at(Timestamp::from_micros(1_787_409_125_000_000));
        let clock: Arc<dyn Clock> = Arc::new(time.clone());
        let limits = Limits::new(&clock);
        let recorded = |ip, action| limits.may_record_lesson(&from(ip), action);
        assert!(recorded("192.0.2.7", "learn") && recorded("192.0.2.7", "vote") && recorded("192.0.2.8", "learn"));
        time.advance(Duration::from_mins(59));
        assert!(!recorded("192.0.2.7", "learn"));
        time.advance(Duration::from_mins(1));
        assert!(recorded("192.0.2.7", "learn") && !recorded("192.0.2.7", "learn"));
    }

    #[test]
    fn an_ipv6_customer_is_one_address() {
        assert_eq!(customer(&from("2001:db8:1:2:3::4")), customer(&from("2001:db8:1:2:ffff::1")));
        assert_ne!(customer(&from("2001:db8:1:2::4")), customer(&from("2001:db8:1:3::4")));
        assert_eq!(customer(&from("::ffff:192.0.2.1")), customer(&from("192.0.2.1")));
    }
}
