//! Alert rules: what they watch for ([`Threshold`]) and whom they tell ([`Channels`]). The JSON of both is read
//! and checked here, in the browser as on the server; `server` seals what is secret of the channels.

use serde::{Deserialize, Serialize};

mod channels;
#[cfg(feature = "ssr")]
pub mod server;
mod threshold;

pub use channels::{Channels, Sms, SmsPreset, Webhook, WebhookPreset};
pub use threshold::{Threshold, Trigger};

/// What a rule watches for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertType {
    /// A connection is confirmed down.
    Downtime,
    /// It answers too slowly.
    SlowResponse,
    /// Too many of its last checks failed.
    ErrorRate,
    /// Too many logins to it failed.
    Security,
    /// Its certificate ends soon.
    Certificate,
}

impl AlertType {
    /// Every type.
    pub const ALL: [Self; 5] = [Self::Downtime, Self::SlowResponse, Self::ErrorRate, Self::Security, Self::Certificate];

    /// The stable name on the wire and in the database.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Downtime => "downtime",
            Self::SlowResponse => "slow_response",
            Self::ErrorRate => "error_rate",
            Self::Security => "security",
            Self::Certificate => "certificate",
        }
    }

    /// The type with this code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}
