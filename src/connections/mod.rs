//! Connections: the providers, the settings of one connection and how they are read from what people
//! paste. A [`Connection`] never holds a secret; [`settings::Settings`] does, and never leaves the server
//! that opened it or the form that it was typed into.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

pub mod settings;
pub mod url;

/// What kind of database a connection is to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// PostgreSQL and what speaks its protocol.
    PostgreSql,
    /// MySQL and MariaDB.
    MySql,
    /// MongoDB.
    MongoDb,
    /// Firebase: Firestore and Realtime Database.
    Firebase,
    /// Supabase: its APIs, and the Postgres behind them.
    Supabase,
}

impl Provider {
    /// Every provider.
    pub const ALL: [Self; 5] = [Self::PostgreSql, Self::MySql, Self::MongoDb, Self::Firebase, Self::Supabase];
    /// Those that can be checked now.
    pub const AVAILABLE: [Self; 2] = [Self::PostgreSql, Self::MySql];

    /// The stable name on the wire and in the database.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::PostgreSql => "postgresql",
            Self::MySql => "mysql",
            Self::MongoDb => "mongodb",
            Self::Firebase => "firebase",
            Self::Supabase => "supabase",
        }
    }

    /// The name that people read.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::PostgreSql => "PostgreSQL",
            Self::MySql => "MySQL / MariaDB",
            Self::MongoDb => "MongoDB",
            Self::Firebase => "Firebase",
            Self::Supabase => "Supabase",
        }
    }

    /// Two letters for a badge.
    #[must_use]
    pub const fn badge(self) -> &'static str {
        match self {
            Self::PostgreSql => "PG",
            Self::MySql => "My",
            Self::MongoDb => "Mo",
            Self::Firebase => "Fb",
            Self::Supabase => "Su",
        }
    }

    /// The port where the settings name none.
    #[must_use]
    pub const fn default_port(self) -> u16 {
        match self {
            Self::PostgreSql | Self::Supabase => 5432,
            Self::MySql => 3306,
            Self::MongoDb => 27017,
            Self::Firebase => 443,
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// The text names no provider.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Choose one of: postgresql, mysql, mongodb, firebase, supabase.")]
pub struct UnknownProvider;

impl FromStr for Provider {
    type Err = UnknownProvider;

    fn from_str(code: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|provider| provider.code() == code).ok_or(UnknownProvider)
    }
}
