//! Accounts, sessions, API tokens and the [`Caller`](server::Caller), which is what everyone needs before
//! anything else: only it hands out a handle to the database.

use serde::{Deserialize, Serialize};

#[cfg(feature = "ssr")]
pub mod server;

/// What an account may do beyond its own things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Accounts, status, settings; never another's connections.
    Admin,
    /// One's own things.
    Member,
}

impl Role {
    /// The stable name.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Member => "member",
        }
    }

    /// The role with this code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        [Self::Admin, Self::Member].into_iter().find(|role| role.code() == code)
    }
}

/// What an API token may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Everything of one's own.
    Full,
    /// Reads only.
    Read,
    /// The scheduled sweep only.
    Cron,
}

impl Scope {
    /// Every scope, the widest first.
    pub const ALL: [Self; 3] = [Self::Full, Self::Read, Self::Cron];

    /// The stable name.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Read => "read",
            Self::Cron => "cron",
        }
    }

    /// The scope with this code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.code() == code)
    }
}
