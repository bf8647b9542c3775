//! The settings of one connection as fields. A pasted URL is parsed once, leniently, into these; drivers
//! get options built from them and never a URL.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Text that must not be seen: no `Serialize`, and `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps `text` as it is; nothing is trimmed.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for a driver or the vault.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// How much TLS a connection asks for, in libpq's words; one meaning for all providers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TlsMode {
    /// No TLS.
    Disable,
    /// TLS if the server has it, unverified.
    Prefer,
    /// TLS, unverified.
    Require,
    /// TLS, the chain verified.
    VerifyCa,
    /// TLS, the chain and the name verified.
    VerifyFull,
}

impl TlsMode {
    /// Every mode, weakest first.
    pub const ALL: [Self; 5] = [Self::Disable, Self::Prefer, Self::Require, Self::VerifyCa, Self::VerifyFull];

    /// The stable name on the wire.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        }
    }

    /// The mode with this code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.code() == code)
    }
}

/// What PostgreSQL and MySQL/MariaDB need; the other providers add theirs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Host name or address, IPv6 without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// The database to open; the provider's own default where absent.
    pub database: Option<String>,
    /// The user to log in as.
    pub username: Option<String>,
    /// May be empty: some servers trust or use certificates.
    pub password: Option<Secret>,
    /// Absent: [`Settings::effective_tls`] decides by the host.
    pub tls: Option<TlsMode>,
    /// PEM, one or more certificates.
    pub ca_certificate: Option<String>,
    /// PEM, the client's own chain.
    pub client_certificate: Option<String>,
    /// PEM, the key to it.
    pub client_key: Option<Secret>,
    /// Milliseconds for name, TCP and TLS together; 5,000 where absent.
    pub connect_timeout_ms: Option<u32>,
}

impl Settings {
    /// The connect timeout that counts, in milliseconds.
    pub const DEFAULT_CONNECT_TIMEOUT_MS: u32 = 5_000;

    /// The connect timeout that counts, in milliseconds.
    #[must_use]
    pub fn effective_connect_timeout_ms(&self) -> u32 {
        self.connect_timeout_ms.unwrap_or(Self::DEFAULT_CONNECT_TIMEOUT_MS)
    }
}
