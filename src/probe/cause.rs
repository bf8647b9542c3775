//! The codes of what can be wrong with a connection. The code is the contract between probe, classifier,
//! retry policy, knowledge, alerts and API: codes are added, never renamed.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

macro_rules! causes {
    // The code as a token: what `literal` matches, the derive of the documentation cannot see into.
    ($($(#[$doc:meta])* $name:ident = $code:tt, $transient:literal, $title:literal;)*) => {
        /// What a failed connection comes down to.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
        pub enum Cause {
            $($(#[$doc])* #[serde(rename = $code)] $name,)*
        }

        impl Cause {
            /// Every cause, in the order of the phases in which they show.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The stable code.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code),* }
            }

            /// Whether it is worth trying again without changing anything.
            #[must_use]
            pub const fn is_transient(self) -> bool {
                match self { $(Self::$name => $transient),* }
            }

            /// A title that a person reads.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title),* }
            }
        }
    };
}

causes! {
    /// The host name does not resolve (NXDOMAIN, ENOTFOUND, `EAI_AGAIN`, "could not translate host name").
    DnsNotFound = "dns_not_found", false, "The host name does not resolve";
    /// The SRV record of a `mongodb+srv` address cannot be looked up.
    SrvLookupFailed = "srv_lookup_failed", false, "The SRV record cannot be looked up";
    /// Nothing listens there: TCP reset on connect, missing Unix socket file.
    ConnectionRefused = "connection_refused", true, "Nothing listens at that address";
    /// No route: EHOSTUNREACH, network down, client offline.
    HostUnreachable = "host_unreachable", true, "There is no route to the host";
    /// The host has only an IPv6 address and this machine has no IPv6 route (ENETUNREACH on a v6 address).
    Ipv6Unreachable = "ipv6_unreachable", false, "The host has only an IPv6 address, and there is no IPv6 route";
    /// No answer while connecting (packets dropped, firewall).
    ConnectTimeout = "connect_timeout", true, "No answer while connecting";
    /// The message says only "cannot reach", without saying how.
    Unreachable = "unreachable", true, "The server cannot be reached";
    /// The connection was cut during start-up or a request: ECONNRESET, "socket hang up", EOF in handshake.
    ConnectionReset = "connection_reset", true, "The connection was cut";
    /// A connection that had worked was closed while idle ("server has gone away", "SSL connection has been closed unexpectedly").
    IdleConnectionClosed = "idle_connection_closed", true, "An idle connection was closed";
    /// Something else answers on that port (HTTP, another database, a proxy).
    WrongProtocol = "wrong_protocol", false, "Something else answers on that port";
    /// The server insists on TLS and the client did not use it.
    TlsRequired = "tls_required", false, "The server insists on TLS";
    /// The client insists on TLS and the server has none.
    TlsNotSupported = "tls_not_supported", false, "The server has no TLS";
    /// Self-signed, or the issuing CA is unknown.
    TlsCertUntrusted = "tls_cert_untrusted", false, "The certificate is not trusted";
    /// The certificate is expired or not yet valid.
    TlsCertExpired = "tls_cert_expired", false, "The certificate is expired or not yet valid";
    /// The certificate is for another name.
    TlsHostnameMismatch = "tls_hostname_mismatch", false, "The certificate is for another name";
    /// No TLS version or cipher in common.
    TlsProtocolMismatch = "tls_protocol_mismatch", false, "No TLS version or cipher in common";
    /// User or password refused, and the server does not say which.
    AuthWrongPassword = "auth_wrong_password", false, "The server refused the user or password";
    /// The server says that the user or role does not exist.
    AuthUnknownUser = "auth_unknown_user", false, "The user does not exist";
    /// The authentication method or plugin is not usable between this client and server (SCRAM, `caching_sha2`, peer, GSSAPI).
    AuthMethodUnsupported = "auth_method_unsupported", false, "The login method cannot be used";
    /// MongoDB: the user exists in another authentication database.
    AuthSourceWrong = "auth_source_wrong", false, "The user is in another authentication database";
    /// An access rule of the server refuses this address, user or database (`pg_hba.conf`, MySQL host grant, Atlas IP list).
    AccessRuleDenied = "access_rule_denied", false, "An access rule of the server refuses this";
    /// The server or pooler has blocked this client after too many failures.
    HostBlocked = "host_blocked", false, "The server has blocked this client";
    /// The database (or Firestore database) does not exist.
    DatabaseNotFound = "database_not_found", false, "The database does not exist";
    /// Logged in, but a privilege is missing.
    PermissionDenied = "permission_denied", false, "A privilege is missing";
    /// Row-level security or Firebase security rules refuse it.
    SecurityRulesDenied = "security_rules_denied", false, "Security rules refuse it";
    /// The server or pooler is at its connection limit.
    TooManyConnections = "too_many_connections", true, "The server is at its connection limit";
    /// The client's own pool had no free connection.
    PoolExhausted = "pool_exhausted", true, "The pool had no free connection";
    /// Starting, recovering, schema cache not loaded yet.
    ServerStartingUp = "server_starting_up", true, "The server is starting";
    /// Administrator shutdown or restart.
    ServerShuttingDown = "server_shutting_down", true, "The server is shutting down";
    /// Read-only node, standby, no primary elected.
    NotPrimary = "not_primary", true, "The server is read-only";
    /// The hosted project or cluster is paused.
    ServicePaused = "service_paused", false, "The project is paused";
    /// The pooler cannot tell which project is meant ("Tenant or user not found").
    PoolerTenantNotFound = "pooler_tenant_not_found", false, "The pooler does not know the project";
    /// The hosted project does not exist.
    ProjectNotFound = "project_not_found", false, "The project does not exist";
    /// The provider's API is switched off for the project, or the database is in another mode.
    ApiNotEnabled = "api_not_enabled", false, "The API is switched off";
    /// The address or settings cannot be parsed (unescaped characters, bad port, wrong scheme).
    InvalidConnectionString = "invalid_connection_string", false, "The address or settings cannot be read";
    /// A needed credential or setting is absent.
    CredentialsMissing = "credentials_missing", false, "A credential is missing";
    /// The API key is wrong, revoked or expired.
    InvalidApiKey = "invalid_api_key", false, "The API key is not valid";
    /// The service-account JSON or its private key is unusable.
    InvalidServiceAccount = "invalid_service_account", false, "The service account cannot be used";
    /// A short-lived token has run out.
    TokenExpired = "token_expired", false, "The token has run out";
    /// A token is malformed, revoked, or for another audience.
    TokenInvalid = "token_invalid", false, "The token is not valid";
    /// The clocks of client and server disagree.
    ClockSkew = "clock_skew", false, "The clocks disagree";
    /// Plan or quota used up, rate limited.
    QuotaExceeded = "quota_exceeded", false, "A quota is used up";
    /// The server has no space left.
    DiskFull = "disk_full", false, "The server has no space left";
    /// Prepared statements do not survive a transaction-mode pooler.
    PreparedStatementConflict = "prepared_statement_conflict", false, "Prepared statements clash with the pooler";
    /// Connected, but the query ran past its limit.
    StatementTimeout = "statement_timeout", true, "The query ran past its limit";
    /// Client library and server version cannot talk (wire version, SNI-less client).
    DriverServerIncompatible = "driver_server_incompatible", false, "Client and server cannot talk";
    /// The client library was given options that it cannot use.
    DriverMisconfigured = "driver_misconfigured", false, "The client library was given unusable options";
    /// None of these; say so, never guess.
    Unknown = "unknown", true, "The cause is not known";
}

impl Cause {
    /// What happened and what to do about it, in a sentence or two for someone who is tired.
    #[must_use]
    #[expect(clippy::too_many_lines, reason = "one line for each cause; a table reads best in one piece")]
    pub const fn advice(self) -> &'static str {
        match self {
            Self::DnsNotFound => {
                "The name of the host is unknown here. Check its spelling, and that it can be resolved from this network."
            }
            Self::SrvLookupFailed => {
                "The SRV record behind the address did not come back. Use the address that lists the hosts one by one."
            }
            Self::ConnectionRefused => {
                "The machine answered, but nothing listens on that port. Check the port, and that the server is running and listens beyond its own machine."
            }
            Self::HostUnreachable => {
                "No route leads to the host. Check the network, the VPN and the routing on both sides."
            }
            Self::Ipv6Unreachable => {
                "The host has only an IPv6 address, and this machine has no IPv6. Use a host with an IPv4 address, such as the pooler's."
            }
            Self::ConnectTimeout => {
                "Nothing came back in time. Where no TCP connection was made, a firewall may be dropping the packets; check its rules, the host and the port."
            }
            Self::Unreachable => {
                "The server could not be reached, and the message does not say how. A staged check shows where it stops."
            }
            Self::ConnectionReset => {
                "The connection was cut while it was being set up. A proxy, a firewall or a restarting server may have closed it; try again, then look at the server's log."
            }
            Self::IdleConnectionClosed => {
                "A connection that had worked was closed while nothing was sent. Turn on keep-alive, or give up idle connections sooner than the server does."
            }
            Self::WrongProtocol => "Something else answers on that port. Check the port and the kind of database.",
            Self::TlsRequired => "The server takes encrypted connections only. Set TLS to require or stronger.",
            Self::TlsNotSupported => {
                "The server has no TLS, and the settings insist on it. Turn it on at the server, or accept an unencrypted connection if the network is trusted."
            }
            Self::TlsCertUntrusted => {
                "The certificate was not issued by anyone trusted here. Add the certificate of its issuer to the connection."
            }
            Self::TlsCertExpired => {
                "The certificate's dates do not include today. Renew it on the server, and check the clocks."
            }
            Self::TlsHostnameMismatch => {
                "The certificate is for another name. Use a host name that it names, or have it issued for this one."
            }
            Self::TlsProtocolMismatch => {
                "Client and server have no TLS version or cipher in common. The server needs TLS 1.2 or newer."
            }
            Self::AuthWrongPassword => {
                "The server refused the user or the password, and does not say which. The password may have been changed; edit the connection and test it."
            }
            Self::AuthUnknownUser => "The server does not know this user. Check the spelling, or create the user.",
            Self::AuthMethodUnsupported => {
                "The server wants a way to log in that cannot be used here. Let the user log in by password, or turn on TLS if the method needs it."
            }
            Self::AuthSourceWrong => {
                "The user is kept in another authentication database. Set authSource to the one in which it was created, often admin."
            }
            Self::AccessRuleDenied => {
                "A rule of the server refuses this address, user or database. Allow it in pg_hba.conf, in the host of the MySQL account or in the provider's list of IP addresses; if the rule asks for TLS, turn TLS on."
            }
            Self::HostBlocked => {
                "The server or pooler has blocked this client after too many failures. Cure the first cause; then run FLUSH HOSTS on MySQL, or wait until the block of a pooler or provider ends."
            }
            Self::DatabaseNotFound => {
                "There is no database of this name. Check the spelling, or create it; a Firestore project may have none yet, or one that is not called (default)."
            }
            Self::PermissionDenied => "The login works, but the user lacks a privilege. Grant it, or use another user.",
            Self::SecurityRulesDenied => {
                "Row-level security or Firebase security rules refuse this request. Change the rules, sign in first, or use a service key on the server."
            }
            Self::TooManyConnections => {
                "The server has no connection left to give. Close idle ones, raise its limit, or go through a pooler."
            }
            Self::PoolExhausted => {
                "The client's own pool had no free connection. Return connections sooner, or make the pool larger."
            }
            Self::ServerStartingUp => "The server is starting or recovering. It usually passes by itself in a moment.",
            Self::ServerShuttingDown => {
                "The server is being stopped or restarted. Wait for it to come back, or start it."
            }
            Self::NotPrimary => {
                "This server is read-only, or no primary is elected. Use the host of the primary, or for MongoDB the whole replica set."
            }
            Self::ServicePaused => "The project is paused. Resume it in the provider's dashboard.",
            Self::PoolerTenantNotFound => {
                "The pooler does not know which project is meant. The user has to be written as user.project, on the pooler of the project's region."
            }
            Self::ProjectNotFound => "The project does not exist. Check its id and the address.",
            Self::ApiNotEnabled => {
                "The provider's API or sign-in method is switched off for this project, or its database is in another mode. Turn it on in the provider's console."
            }
            Self::InvalidConnectionString => {
                "The address or a setting cannot be used as it is written. Correct the field, and escape special characters in addresses."
            }
            Self::CredentialsMissing => "A credential that the server needs was not given. Add it to the connection.",
            Self::InvalidApiKey => {
                "The key was refused. It may have been revoked; copy it again from the provider's dashboard."
            }
            Self::InvalidServiceAccount => {
                "The service account cannot be used. Make a new key for it and paste the whole JSON."
            }
            Self::TokenExpired => "A short-lived token has run out. Ask for a new one, or sign in again.",
            Self::TokenInvalid => {
                "The token is malformed, revoked or meant for something else. Get a new one for this project."
            }
            Self::ClockSkew => "The clocks of client and server disagree. Set this machine's clock by NTP.",
            Self::QuotaExceeded => "A limit of the plan is used up. Wait for its window to pass, or raise the limit.",
            Self::DiskFull => "The server has no space left. Free some, or make its disk larger.",
            Self::PreparedStatementConflict => {
                "Prepared statements do not survive this pooler's transaction mode. Use its session port, or turn the client's statement cache off."
            }
            Self::StatementTimeout => {
                "The server accepted the login, but did not answer the query in time. It may be overloaded or waiting for a lock."
            }
            Self::DriverServerIncompatible => {
                "The client library and the server's version cannot talk. Bring the older one up to date."
            }
            Self::DriverMisconfigured => "A setting cannot be used as it is. Correct the one that is named.",
            Self::Unknown => {
                "The cause is not known. The message of the server is kept as it came; a staged check may show more."
            }
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// The text is not the code of a cause.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a cause")]
pub struct UnknownCause;

impl FromStr for Cause {
    type Err = UnknownCause;

    fn from_str(code: &str) -> Result<Self, Self::Err> {
        Self::ALL.iter().copied().find(|cause| cause.code() == code).ok_or(UnknownCause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_read_back() {
        for cause in Cause::ALL {
            assert_eq!(cause.code().parse(), Ok(*cause));
        }
    }

    #[test]
    fn every_cause_says_what_to_do() {
        for cause in Cause::ALL {
            let advice = cause.advice();
            assert!(advice.ends_with('.') && !advice.contains('!') && advice.len() > 40, "{cause}: {advice}");
        }
    }
}
