//! The handle to Mooring's own database. Nobody queries through it directly: a
//! [`Caller`](crate::auth::server::Caller) opens transactions on it, and `auth` looks up accounts, sessions
//! and tokens before there is a `Caller`. A tidy test holds that.

use sqlx::{PgPool, migrate::Migrator};

/// The schema, in numbered steps, each named for what it brings.
pub static MIGRATOR: Migrator = sqlx::migrate!();

/// The pool, handed out inside the crate's guards only.
#[derive(Clone, Debug)]
pub struct Database(PgPool);

impl Database {
    /// Wraps an open pool.
    #[must_use]
    pub const fn new(pool: PgPool) -> Self {
        Self(pool)
    }

    /// The pool itself: for `auth::server`, start-up and the listener; see the module's rule.
    pub(crate) const fn pool(&self) -> &PgPool {
        &self.0
    }
}
