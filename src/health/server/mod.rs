//! The monitor: takes what is due, checks it, writes what was found, and reads it back for the pages.
//!
//! # What happens when a database goes down
//!
//! The cast: the *schedule* ([`schedule`](crate::health::schedule)) says when, [`claim`] takes due
//! connections with a lease, [`check`] probes and asks again, [`record`] writes, [`monitor`] keeps the
//! three going, [`asked`] serves those who cannot wait and [`mod@retry`] those who insist, [`watch`] is what
//! they share within a process.
//!
//! 1. At 14:30:05, its place on the grid, the connection `orders` is due. Two processes look; `skip locked`
//!    gives it to one, with a lease of 45 s. If that process is killed, the lease runs out and the other
//!    takes over.
//! 2. The probe is refused (`connection_refused`, transient), so it is asked again after 1 s and 2 s, unless
//!    the circuit breaker holds that back. All three attempts fail.
//! 3. Within 200 ms the result is written with others in one transaction, fenced by the lease: a process
//!    that slept through its lease writes nothing. History, half hours, daily metrics, the open error, the
//!    attempts, the breaker and the next due time change together or not at all.
//! 4. `NOTIFY` tells the owner's pages to read again.
//!
//! What must not happen here: our own trouble written down as a target's. Where our database fails, results
//! are kept and written when it is back, or dropped when their leases have run out; then the connection is
//! simply checked again. Where it hangs, [`patience`] ends the waiting. Where our own network fails, [`outage`]
//! finds out, and `unknown` is written.

pub mod asked;
pub mod board;
pub mod check;
pub mod claim;
pub mod history;
pub mod monitor;
pub mod notices;
pub mod outage;
pub mod patience;
pub mod record;
pub mod retention;
pub mod retry;
pub mod watch;

pub use asked::{alone, check_all, check_now, reset_breaker, run_due};
pub use board::{board, pulse};
pub use history::{connection_health, daily_metrics, errors, history, recent_checks, retry_analytics};
pub use monitor::sweep;
pub use notices::{dismiss_notice, list_notices};
pub use retry::retry;
pub use watch::Watch;
