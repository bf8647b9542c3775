//! Identifiers: one newtype over [`Uuid`] for each kind of row, so that they cannot be mixed up. They are read as they
//! are written, with hyphens, which is what `format: uuid` in the API's documentation means.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::{Uuid, fmt::Hyphenated};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
        #[serde(transparent)]
        pub struct $name(#[serde(with = "uuid::serde::hyphenated")] pub Uuid);

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Hyphenated::from_str(text).map(|id| Self(id.into()))
            }
        }
    };
}

id!(
    /// A row of `users`.
    UserId
);
id!(
    /// A row of `database_credentials`: what the product calls a connection.
    ConnectionId
);
id!(
    /// A row of `api_tokens`.
    TokenId
);
id!(
    /// A row of `database_connection_errors`.
    ErrorId
);
id!(
    /// A row of `database_alert_config`: a rule for alerts.
    AlertRuleId
);
id!(
    /// A row of `database_knowledge_base`.
    KnowledgeId
);
id!(
    /// A row of `notices`.
    NoticeId
);
id!(
    /// A running process of Mooring: a row of `workers`, and the owner of leases.
    WorkerId
);
