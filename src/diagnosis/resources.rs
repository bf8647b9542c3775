//! Pages of the providers to read on, by what the trouble is about.

use super::Resource;
use crate::{connections::Provider, probe::Cause};

/// What a page is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Topic {
    Connecting,
    Tls,
    Login,
    Limits,
    Server,
    Hosted,
}

const fn topic(cause: Cause) -> Topic {
    use Cause as C;

    match cause {
        C::TlsRequired
        | C::TlsNotSupported
        | C::TlsCertUntrusted
        | C::TlsCertExpired
        | C::TlsHostnameMismatch
        | C::TlsProtocolMismatch => Topic::Tls,
        C::AuthWrongPassword
        | C::AuthUnknownUser
        | C::AuthMethodUnsupported
        | C::AuthSourceWrong
        | C::AccessRuleDenied
        | C::PermissionDenied
        | C::SecurityRulesDenied
        | C::CredentialsMissing
        | C::InvalidApiKey
        | C::InvalidServiceAccount
        | C::TokenExpired
        | C::TokenInvalid
        | C::ClockSkew => Topic::Login,
        C::TooManyConnections
        | C::PoolExhausted
        | C::HostBlocked
        | C::QuotaExceeded
        | C::PreparedStatementConflict
        | C::IdleConnectionClosed => Topic::Limits,
        C::ServerStartingUp
        | C::ServerShuttingDown
        | C::NotPrimary
        | C::DiskFull
        | C::StatementTimeout
        | C::DatabaseNotFound => Topic::Server,
        C::ServicePaused | C::ProjectNotFound | C::ApiNotEnabled | C::PoolerTenantNotFound => Topic::Hosted,
        _ => Topic::Connecting,
    }
}

const PAGES: &[(Provider, Topic, &str, &str)] = &[
    (
        Provider::PostgreSql,
        Topic::Connecting,
        "PostgreSQL: connections and authentication settings",
        "https://www.postgresql.org/docs/current/runtime-config-connection.html",
    ),
    (
        Provider::PostgreSql,
        Topic::Connecting,
        "PostgreSQL: connection strings",
        "https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING",
    ),
    (
        Provider::PostgreSql,
        Topic::Tls,
        "PostgreSQL: TLS modes and certificates",
        "https://www.postgresql.org/docs/current/libpq-ssl.html",
    ),
    (
        Provider::PostgreSql,
        Topic::Login,
        "PostgreSQL: client authentication and pg_hba.conf",
        "https://www.postgresql.org/docs/current/client-authentication.html",
    ),
    (Provider::PostgreSql, Topic::Limits, "PgBouncer: configuration", "https://www.pgbouncer.org/config.html"),
    (
        Provider::PostgreSql,
        Topic::Server,
        "PostgreSQL: error codes",
        "https://www.postgresql.org/docs/current/errcodes-appendix.html",
    ),
    (
        Provider::PostgreSql,
        Topic::Hosted,
        "Supabase: connecting to Postgres",
        "https://supabase.com/docs/guides/database/connecting-to-postgres",
    ),
    (
        Provider::MySql,
        Topic::Connecting,
        "MySQL: can't connect to the server",
        "https://dev.mysql.com/doc/refman/8.4/en/can-not-connect-to-server.html",
    ),
    (
        Provider::MySql,
        Topic::Connecting,
        "MariaDB: troubleshooting connection issues",
        "https://mariadb.com/kb/en/troubleshooting-connection-issues/",
    ),
    (
        Provider::MySql,
        Topic::Tls,
        "MySQL: encrypted connections",
        "https://dev.mysql.com/doc/refman/8.4/en/using-encrypted-connections.html",
    ),
    (
        Provider::MySql,
        Topic::Login,
        "MySQL: causes of access-denied errors",
        "https://dev.mysql.com/doc/refman/8.4/en/problems-connecting.html",
    ),
    (
        Provider::MySql,
        Topic::Limits,
        "MySQL: too many connections, blocked hosts",
        "https://dev.mysql.com/doc/refman/8.4/en/common-errors.html",
    ),
    (
        Provider::MySql,
        Topic::Server,
        "MySQL: server error messages",
        "https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html",
    ),
    (
        Provider::MySql,
        Topic::Hosted,
        "MySQL: common errors",
        "https://dev.mysql.com/doc/refman/8.4/en/common-errors.html",
    ),
    (
        Provider::MongoDb,
        Topic::Connecting,
        "MongoDB: connection strings",
        "https://www.mongodb.com/docs/manual/reference/connection-string/",
    ),
    (
        Provider::MongoDb,
        Topic::Tls,
        "MongoDB: TLS for clients",
        "https://www.mongodb.com/docs/manual/tutorial/configure-ssl-clients/",
    ),
    (
        Provider::MongoDb,
        Topic::Login,
        "MongoDB: authentication",
        "https://www.mongodb.com/docs/manual/core/authentication/",
    ),
    (
        Provider::MongoDb,
        Topic::Limits,
        "Atlas: connection limits",
        "https://www.mongodb.com/docs/atlas/reference/atlas-limits/",
    ),
    (
        Provider::MongoDb,
        Topic::Server,
        "MongoDB: error codes",
        "https://www.mongodb.com/docs/manual/reference/error-codes/",
    ),
    (
        Provider::MongoDb,
        Topic::Hosted,
        "Atlas: troubleshoot connections",
        "https://www.mongodb.com/docs/atlas/troubleshoot-connection/",
    ),
    (
        Provider::Firebase,
        Topic::Connecting,
        "Firestore: getting started",
        "https://firebase.google.com/docs/firestore/quickstart",
    ),
    (Provider::Firebase, Topic::Tls, "Firestore: REST API", "https://firebase.google.com/docs/firestore/use-rest-api"),
    (Provider::Firebase, Topic::Login, "Firebase: security rules", "https://firebase.google.com/docs/rules"),
    (Provider::Firebase, Topic::Limits, "Firestore: quotas", "https://firebase.google.com/docs/firestore/quotas"),
    (
        Provider::Firebase,
        Topic::Server,
        "Firestore: error codes",
        "https://firebase.google.com/docs/firestore/understand-error-codes",
    ),
    (
        Provider::Firebase,
        Topic::Hosted,
        "Firebase: projects and their APIs",
        "https://firebase.google.com/docs/projects/learn-more",
    ),
    (
        Provider::Supabase,
        Topic::Connecting,
        "Supabase: connecting to Postgres",
        "https://supabase.com/docs/guides/database/connecting-to-postgres",
    ),
    (
        Provider::Supabase,
        Topic::Tls,
        "Supabase: SSL enforcement",
        "https://supabase.com/docs/guides/platform/ssl-enforcement",
    ),
    (Provider::Supabase, Topic::Login, "Supabase: API keys", "https://supabase.com/docs/guides/api/api-keys"),
    (
        Provider::Supabase,
        Topic::Limits,
        "Supabase: connection management",
        "https://supabase.com/docs/guides/database/connection-management",
    ),
    (
        Provider::Supabase,
        Topic::Server,
        "Supabase: troubleshooting",
        "https://supabase.com/docs/guides/troubleshooting",
    ),
    (
        Provider::Supabase,
        Topic::Hosted,
        "Supabase: project pausing",
        "https://supabase.com/docs/guides/platform/free-project-pausing",
    ),
];

/// Where to read on about `cause`; never empty.
pub(super) fn resources(provider: Provider, cause: Cause) -> Vec<Resource> {
    let topic = topic(cause);
    PAGES
        .iter()
        .filter(|(of, about, ..)| *of == provider && *about == topic)
        .map(|(.., title, url)| Resource { title: (*title).to_owned(), url: (*url).to_owned() })
        .collect()
}
