//! From what a server, a driver or the operating system said to a cause. Structured codes are believed first
//! (SQLSTATE, MySQL error number, errno name), then codes that stand in the text, then families of wording.
//! What fits none of them is [`Cause::Unknown`]; nothing is guessed.

use super::{Cause, Phase};
use crate::connections::Provider;

/// What is known about one failure.
#[derive(Clone, Copy, Debug, Default)]
pub struct Evidence<'a> {
    /// What kind of database it was about, where that is known.
    pub provider: Option<Provider>,
    /// Where it stopped, where that is known.
    pub phase: Option<Phase>,
    /// The structured code: SQLSTATE (`28P01`), MySQL error number (`1045`), errno name (`ECONNREFUSED`).
    pub code: Option<&'a str>,
    /// The words that came with it.
    pub text: &'a str,
}

/// What a failure comes down to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The likeliest cause.
    pub cause: Cause,
    /// The others that the same evidence allows, best first.
    pub also_possible: Vec<Cause>,
}

impl Verdict {
    fn sure(cause: Cause) -> Self {
        Self { cause, also_possible: Vec::new() }
    }

    fn or(cause: Cause, also: &[Cause]) -> Self {
        Self { cause, also_possible: also.to_vec() }
    }
}

/// The cause that `evidence` comes down to.
#[must_use]
pub fn classify(evidence: &Evidence<'_>) -> Verdict {
    let words = Words::new(evidence.text);
    evidence
        .code
        .and_then(|code| by_code(code, &words))
        .or_else(|| by_code_in_text(evidence, &words))
        .or_else(|| by_wording(&words))
        .unwrap_or_else(|| Verdict::sure(Cause::Unknown))
}

/// A text in lower case, and what can be asked of it.
struct Words(String);

impl Words {
    fn new(text: &str) -> Self {
        Self(text.to_lowercase())
    }

    fn has(&self, part: &str) -> bool {
        self.0.contains(part)
    }

    fn any(&self, parts: &[&str]) -> bool {
        parts.iter().any(|part| self.has(part))
    }

    fn all(&self, parts: &[&str]) -> bool {
        parts.iter().all(|part| self.has(part))
    }

    /// The words of ASCII letters, digits and underscores, in order.
    fn tokens(&self) -> impl Iterator<Item = &str> {
        self.0.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|token| !token.is_empty())
    }
}

fn by_code(code: &str, words: &Words) -> Option<Verdict> {
    let lower = code.to_ascii_lowercase();
    match (code.len(), code.parse::<u16>()) {
        (5, _) if !lower.starts_with('e') || lower.bytes().any(|byte| byte.is_ascii_digit()) => sqlstate(&lower, words),
        (1..=5, Ok(number)) => mysql(number, words),
        _ => errno(&lower, words),
    }
}

/// Codes as they stand in texts that people paste: `SQLSTATE 28P01`, `ERROR 1045 (28000)`, `connect ECONNREFUSED`.
fn by_code_in_text(evidence: &Evidence<'_>, words: &Words) -> Option<Verdict> {
    let mysql_speaks = evidence.provider == Some(Provider::MySql)
        || words.any(&["mysql", "mariadb", "error_code", "errno", "pdoexception"]);
    let mut previous = "";
    for token in words.tokens() {
        let verdict = if mysql_speaks && token.len() == 4 && NUMBER_FOLLOWS.contains(&previous) {
            token.parse().ok().and_then(|number| mysql(number, words))
        } else if token.len() == 5 && is_telling_sqlstate(token) {
            sqlstate(token, words)
        } else if token.starts_with("er_") || token.starts_with("cr_") {
            mysql_symbol(token)
        } else if token.len() >= 5 && token.starts_with('e') {
            errno(token, words)
        } else {
            None
        };
        if verdict.is_some() {
            return verdict;
        }
        previous = token;
    }
    None
}

/// What stands before a MySQL error number in the messages of its clients (`HY000` in `SQLSTATE[HY000] [1129]`).
const NUMBER_FOLLOWS: [&str; 12] =
    ["error", "errno", "code", "err", "hy000", "42000", "28000", "08004", "08s01", "server", "xx000", "70100"];

/// SQLSTATEs that are no word and hardly a plain number, so that they can be believed wherever they stand.
fn is_telling_sqlstate(token: &str) -> bool {
    matches!(
        token,
        "28p01"
            | "28p02"
            | "3d000"
            | "57p01"
            | "57p02"
            | "57p03"
            | "57p04"
            | "57p05"
            | "42p05"
            | "25p03"
            | "08p01"
            | "53100"
    )
}

/// SQLSTATE, lower case, of PostgreSQL and what speaks its protocol.
fn sqlstate(state: &str, words: &Words) -> Option<Verdict> {
    use Cause as C;

    Some(match state {
        "28p01" => Verdict::sure(C::AuthWrongPassword),
        "28000" => authorization_refused(words),
        "3d000" | "57p04" => Verdict::sure(C::DatabaseNotFound),
        "42501" if words.has("row-level security") => Verdict::or(C::SecurityRulesDenied, &[C::PermissionDenied]),
        "42501" => Verdict::sure(C::PermissionDenied),
        "53300" => Verdict::sure(C::TooManyConnections),
        "53100" => Verdict::sure(C::DiskFull),
        "57p03" if words.has("shutting down") => Verdict::sure(C::ServerShuttingDown),
        "57p03" if words.any(&["hot standby mode is disabled", "not accepting connections"]) => {
            Verdict::or(C::NotPrimary, &[C::ServerStartingUp])
        }
        "57p03" => Verdict::sure(C::ServerStartingUp),
        "57p01" | "57p02" => Verdict::sure(C::ServerShuttingDown),
        "57p05" | "25p03" => Verdict::sure(C::IdleConnectionClosed),
        "57014" | "55p03" => Verdict::sure(C::StatementTimeout),
        "25006" => Verdict::sure(C::NotPrimary),
        "26000" | "42p05" => Verdict::sure(C::PreparedStatementConflict),
        // Class 08 and the internal errors of poolers say more in words.
        _ => return by_wording(words),
    })
}

/// 28000, which PostgreSQL uses for everything that its access rules and role attributes refuse. The routine's
/// name stands beside the message where the server sends it, and does not depend on the language.
fn authorization_refused(words: &Words) -> Verdict {
    use Cause as C;

    if words.any(&["peer authentication", "ident authentication", "gssapi", "sspi", "certificate authentication"]) {
        Verdict::or(C::AuthMethodUnsupported, &[C::AccessRuleDenied, C::AuthUnknownUser, C::AuthWrongPassword])
    } else if words.has("requires a valid client certificate") {
        Verdict::or(C::CredentialsMissing, &[C::AccessRuleDenied])
    } else if words.any(&["pg_hba.conf", "routine clientauthentication"]) {
        access_rule(words)
    } else if words.any(&["not permitted to log in", "is not allowed", "connection limit"]) {
        Verdict::or(C::AccessRuleDenied, &[C::PermissionDenied])
    } else if words.any(&["does not exist", "routine initializesessionuserid"]) {
        Verdict::sure(C::AuthUnknownUser)
    } else {
        Verdict::or(C::AuthWrongPassword, &[C::AccessRuleDenied])
    }
}

/// A line of `pg_hba.conf`, or the want of one. TLS may be the cure where the refused connection had none.
fn access_rule(words: &Words) -> Verdict {
    let clear = words.any(&["no encryption", "ssl off", "ssl aus", "sans chiffrement", "sin cifrado", "ohne verschl"]);
    Verdict::or(Cause::AccessRuleDenied, if clear { &[Cause::TlsRequired] } else { &[] })
}

/// MySQL's and MariaDB's error numbers: 1000 and up from the server, 2000 to 2999 from client libraries.
fn mysql(number: u16, words: &Words) -> Option<Verdict> {
    use Cause as C;

    Some(match number {
        1040 | 1203 => Verdict::sure(C::TooManyConnections),
        1226 if words.any(&["max_connections_per_hour", "max_queries", "max_updates"]) => {
            Verdict::sure(C::QuotaExceeded)
        }
        1226 => Verdict::or(C::TooManyConnections, &[C::QuotaExceeded]),
        1044 | 1142 | 1143 | 1227 | 1370 => Verdict::sure(C::PermissionDenied),
        1045 | 1862 | 1820 => Verdict::sure(C::AuthWrongPassword),
        // "Access denied" without a word on the password: the account logs in by socket or plugin.
        1698 => Verdict::or(C::AuthWrongPassword, &[C::AuthMethodUnsupported]),
        1049 => Verdict::sure(C::DatabaseNotFound),
        1053 => Verdict::sure(C::ServerShuttingDown),
        1129 => Verdict::sure(C::HostBlocked),
        1130 => Verdict::sure(C::AccessRuleDenied),
        3118 | 4151 => Verdict::or(C::AccessRuleDenied, &[C::AuthWrongPassword]),
        1251 | 1275 | 1524 | 2049 | 2054 | 2058 | 2059 => Verdict::sure(C::AuthMethodUnsupported),
        2061 => Verdict::or(C::AuthMethodUnsupported, &[C::TlsRequired]),
        1043 => Verdict::or(C::WrongProtocol, &[C::DriverServerIncompatible]),
        1290 if !words.any(&["read-only", "read_only", "read only"]) => Verdict::sure(C::PermissionDenied),
        1290 | 1792 | 1836 => Verdict::sure(C::NotPrimary),
        1205 | 1969 | 3024 => Verdict::sure(C::StatementTimeout),
        1021 | 1114 => Verdict::sure(C::DiskFull),
        3159 => Verdict::sure(C::TlsRequired),
        4031 => Verdict::sure(C::IdleConnectionClosed),
        2005 | 1042 => Verdict::sure(C::DnsNotFound),
        2006 => Verdict::or(C::IdleConnectionClosed, &[C::ConnectionReset]),
        1158..=1161 | 1927 => Verdict::or(C::ConnectionReset, &[C::IdleConnectionClosed]),
        2013 | 2055 if words.any(&["initial communication packet", "authorization packet", "handshake"]) => {
            Verdict::sure(C::ConnectionReset)
        }
        2013 | 2055 => {
            Verdict::or(C::ConnectionReset, &[C::IdleConnectionClosed, C::ServerShuttingDown, C::StatementTimeout])
        }
        2002 | 2003 => system_number(words).unwrap_or_else(|| {
            by_wording(words).unwrap_or_else(|| Verdict::or(C::ConnectionRefused, &[C::Unreachable]))
        }),
        2026 => by_wording(words)
            .unwrap_or_else(|| Verdict::or(C::TlsProtocolMismatch, &[C::TlsCertUntrusted, C::TlsNotSupported])),
        _ => return by_wording(words),
    })
}

/// The symbol that node's clients print instead of the number.
fn mysql_symbol(symbol: &str) -> Option<Verdict> {
    let number = match symbol {
        "er_con_count_error" => 1040,
        "er_too_many_user_connections" => 1203,
        "er_user_limit_reached" => 1226,
        "er_dbaccess_denied_error" => 1044,
        "er_access_denied_error" => 1045,
        "er_access_denied_no_password_error" => 1698,
        "er_bad_db_error" => 1049,
        "er_host_is_blocked" => 1129,
        "er_host_not_privileged" => 1130,
        "er_not_supported_auth_mode" => 1251,
        "er_secure_transport_required" => 3159,
        "er_server_shutdown" => 1053,
        "er_query_timeout" => 3024,
        "er_record_file_full" => 1114,
        _ => return None,
    };
    mysql(number, &Words(String::new()))
}

/// The system's error number that MySQL's clients put in brackets: `Can't connect … (111)`.
fn system_number(words: &Words) -> Option<Verdict> {
    [
        ("(111", Cause::ConnectionRefused),
        ("(61", Cause::ConnectionRefused),
        ("(10061", Cause::ConnectionRefused),
        ("(2 ", Cause::ConnectionRefused),
        ("(2)", Cause::ConnectionRefused),
        ("(110", Cause::ConnectTimeout),
        ("(60", Cause::ConnectTimeout),
        ("(10060", Cause::ConnectTimeout),
        ("(113", Cause::HostUnreachable),
        ("(101", Cause::HostUnreachable),
        ("(10065", Cause::HostUnreachable),
    ]
    .into_iter()
    .find(|(number, _)| words.has(number))
    .map(|(_, cause)| Verdict::sure(cause))
}

/// Names of system and resolver errors, lower case.
fn errno(name: &str, words: &Words) -> Option<Verdict> {
    use Cause as C;

    Some(match name {
        "econnrefused" => Verdict::sure(C::ConnectionRefused),
        "etimedout" | "esockettimedout" => Verdict::sure(C::ConnectTimeout),
        "econnreset" | "epipe" | "econnaborted" | "eof" => Verdict::sure(C::ConnectionReset),
        "ehostunreach" | "enetunreach" | "enetdown" | "ehostdown" => {
            let also: &[Cause] = if name == "enetunreach" && ipv6_in(words) { &[C::HostUnreachable] } else { &[] };
            if also.is_empty() { Verdict::sure(C::HostUnreachable) } else { Verdict::or(C::Ipv6Unreachable, also) }
        }
        "eaddrnotavail" => Verdict::or(C::ConnectionRefused, &[C::HostUnreachable, C::Ipv6Unreachable]),
        "enotfound" | "eai_noname" | "eai_nodata" | "eai_again" | "eservfail" | "enodata" | "esrv"
            if words.any(&["querysrv", "_mongodb._tcp", "srv record"]) =>
        {
            Verdict::sure(C::SrvLookupFailed)
        }
        "enotfound" | "eai_noname" | "eai_nodata" | "eai_again" | "eservfail" | "enodata" => {
            Verdict::sure(C::DnsNotFound)
        }
        "enospc" => Verdict::sure(C::DiskFull),
        _ => return None,
    })
}

/// Whether an IPv6 address stands in the text: at least three groups of hexadecimal digits.
fn ipv6_in(words: &Words) -> bool {
    words.0.split(|c: char| !c.is_ascii_hexdigit() && c != ':').any(|word| {
        word.matches(':').count() >= 3
            && word.split(':').filter(|group| !group.is_empty()).all(|group| group.len() <= 4)
    })
}

/// Wordings that mean one thing. The first family that fits wins, so the telling ones stand before the vague.
struct Family {
    cause: Cause,
    also: &'static [Cause],
    /// One of these has to fit, with all of its parts.
    wordings: &'static [&'static [&'static str]],
}

fn by_wording(words: &Words) -> Option<Verdict> {
    FAMILIES.iter().find(|family| family.wordings.iter().any(|parts| words.all(parts))).map(|family| {
        match family.cause {
            Cause::AccessRuleDenied if words.has("pg_hba.conf") => access_rule(words),
            cause => Verdict::or(cause, family.also),
        }
    })
}

macro_rules! families {
    ($($cause:ident [$($also:ident)*]: $($($part:literal)+),+;)*) => {
        &[$(Family {
            cause: Cause::$cause,
            also: &[$(Cause::$also),*],
            wordings: &[$(&[$($part),+]),+],
        }),*]
    };
}

/// Parts beside each other have to stand in the text together; commas separate the wordings.
const FAMILIES: &[Family] = families! {
    DiskFull []: "no space left on device", "disk full", "insufficient free space", "the table" "is full";
    PoolerTenantNotFound []: "tenant or user not found", "tenant/user" "not found", "no tenant identifier";
    ServicePaused []: "project is paused", "project paused", "cluster is paused", "has been paused";
    ServerShuttingDown []: "terminating connection due to administrator command", "is shutting down",
        "server shutdown in progress", "the database system is shut";
    ServerStartingUp []: "database system is starting up", "is in recovery mode", "not yet accepting connections",
        "consistent recovery state", "schema cache";
    AccessRuleDenied []: "no pg_hba.conf entry", "pg_hba.conf rejects", "is not allowed to connect to this",
        "ip address" "not" "whitelist", "ip" "not allowed";
    HostBlocked []: "is blocked because of many connection errors", "too many authentication errors",
        "circuit breaker open";
    TooManyConnections []: "too many clients already", "remaining connection slots", "too many connections",
        "max_user_connections", "max client connections reached", "maxclientsinsessionmode",
        "no more connections allowed", "connection limit exceeded", "exceeded your threshold";
    PoolExhausted []: "pool timed out", "timeout acquiring a connection", "unable to acquire a connection",
        "queuepool limit", "connection pool" "timed out", "timed out fetching a new connection",
        "connection is not available, request timed out", "timed out while checking out a connection";
    PreparedStatementConflict []: "prepared statement" "already exists", "prepared statement" "does not exist";
    TlsCertExpired []: "certificate has expired", "certificate is expired", "certificate expired", "cert_has_expired",
        "not yet valid", "notvalidyet", "certificate is not valid yet";
    TlsHostnameMismatch []: "hostname" "match" "certificate", "host name" "match" "certificate",
        "altname", "certificate is not valid for", "notvalidforname", "certificate is valid for", "hostname mismatch",
        "does not match host name";
    TlsCertUntrusted []: "self signed certificate", "self-signed certificate", "self_signed_cert",
        "unable to get local issuer", "unable to verify the first certificate", "unable_to_verify_leaf",
        "unknownissuer", "unknown ca", "certificate verify failed", "unknown authority", "caused as end entity",
        "causedasendentity", "failed certificate verification", "unable to find valid certification path",
        "certificate is not trusted", "unsupportedcertversion", "invalid peer certificate";
    TlsRequired []: "insecure connections are prohibited", "does not allow insecure connections",
        "require_secure_transport", "ssl connection is required", "ssl is required", "tls is required",
        "requires a secure connection", "must use ssl", "requires ssl", "requires encryption";
    TlsNotSupported []: "does not support ssl", "does not support tls", "server does not support secure",
        "not want to establish a secure", "has no tls", "ssl is not enabled on the server", "no ssl support";
    TlsNotSupported [TlsProtocolMismatch WrongProtocol]: "unsupported frontend protocol 1234.5679";
    TlsProtocolMismatch []: "unsupported protocol" "ssl", "protocol version mismatch", "no protocols available",
        "handshake_failure", "handshake failure", "alert protocol version", "no cipher", "no_cipher",
        "no appropriate protocol", "inappropriate_fallback", "peerincompatible", "protocolversion";
    TlsProtocolMismatch [TlsNotSupported WrongProtocol]: "wrong version number", "unknown protocol" "ssl",
        "packet length too long", "record overflow", "corrupt message" "invalidcontenttype";
    AuthMethodUnsupported []: "authentication method" "not supported", "unsupported authentication method",
        "scram authentication requires", "authentication plugin" "cannot be loaded", "unknown authentication method",
        "authentication plugin" "not supported", "does not support authentication protocol",
        "unsupported sasl mechanism", "unable to load plugin" "authentication", "auth_gssapi_client",
        "authentication mechanism" "not supported", "unknown auth" "plugin";
    AuthMethodUnsupported [AccessRuleDenied AuthUnknownUser AuthWrongPassword]: "peer authentication failed",
        "ident authentication failed";
    DriverMisconfigured [AuthMethodUnsupported TlsRequired]: "public key retrieval is not allowed";
    AuthUnknownUser []: "role \"" "\" does not exist", "could not find user", "usernotfound", "user does not exist",
        "no such user";
    AuthWrongPassword []: "password authentication failed", "access denied for user" "using password",
        "sasl authentication failed", "wrong password", "bad auth", "invalid password", "incorrect password",
        "password does not match", "password has expired", "authentication failed for user";
    PermissionDenied []: "access denied for user" "to database", "permission denied for", "not authorized on",
        "insufficient privilege", "insufficientprivilege", "must be owner of", "command denied to user";
    SecurityRulesDenied [PermissionDenied]: "row-level security", "permission_denied", "permission denied";
    AuthWrongPassword [AccessRuleDenied]: "access denied for user";
    DatabaseNotFound []: "unknown database", "database \"" "\" does not exist", "database" "does not exist",
        "no such database", "cannot open database";
    NotPrimary []: "read-only transaction", "--read-only option", "--super-read-only", "not master",
        "notwritableprimary", "not primary", "read-only mode", "no primary", "recovery is in progress";
    StatementTimeout []: "statement timeout", "max_statement_time exceeded", "maximum statement execution time",
        "canceling statement", "lock wait timeout", "query timed out", "query read timeout";
    DriverMisconfigured [TlsCertUntrusted]: "root certificate file", "could not read root certificate",
        "certificate file" "does not exist";
    ConnectionRefused [HostUnreachable Ipv6Unreachable]: "cannot assign requested address", "addrnotavailable";
    DnsNotFound []: "could not translate host name", "name or service not known", "temporary failure in name resolution",
        "nodename nor servname", "no such host", "unknown host", "unknownhostexception", "getaddrinfo failed",
        "name does not resolve", "no address associated with hostname", "failed to lookup address",
        "unknown mysql server host", "cannot resolve", "nxdomain";
    CredentialsMissing []: "no password supplied", "password missing", "empty password returned", "fe_sendauth",
        "password must be a string";
    InvalidConnectionString []: "invalid connection string", "invalid dsn", "invalid port", "unescaped character",
        "must be urlencoded", "invalid url", "database string is invalid", "invalid sslmode", "invalid uri",
        "missing \"=\"", "could not parse" "url", "invalid connection option", "illegal character in";
    WrongProtocol []: "packets out of order", "expected authentication request", "http/1.1", "http/1.0",
        "does not speak", "invalid startup packet", "bad handshake", "unexpected protocol", "malformed packet",
        "unexpected message from server", "invalid message length";
    DriverServerIncompatible []: "wire version", "unsupported frontend protocol", "server version" "not supported",
        "endpoint id is not specified";
    Ipv6Unreachable [HostUnreachable]: "network is unreachable" "2600:", "network is unreachable" "2a0";
    HostUnreachable []: "no route to host", "network is unreachable", "network is down", "host is unreachable";
    ConnectionRefused []: "connection refused", "actively refused", "can't connect to local", "no such file or directory" "socket";
    ConnectTimeout []: "timed out" "connect", "timeout expired", "i/o timeout", "connection timed out", "connect timeout",
        "operation timed out", "did not properly respond", "timeout during reading", "connection timeout",
        "err_connection_timed_out";
    IdleConnectionClosed [ConnectionReset]: "has gone away", "closed due to inactivity", "idle-session timeout",
        "idle timeout", "idle-in-transaction", "disconnected by the server because of inactivity",
        "ssl connection has been closed unexpectedly", "replication timeout";
    ConnectionReset [IdleConnectionClosed]: "connection reset", "reset by peer", "socket hang up", "broken pipe",
        "server closed the connection unexpectedly", "connection closed", "unexpected end of file", "unexpected eof",
        "unexpectedeof", "eof detected", "connection terminated unexpectedly", "lost connection to", "closed by the remote host",
        "forcibly closed", "communications link failure", "end-of-stream", "connection was closed";
    ConnectTimeout [Unreachable]: "timed out", "deadline exceeded", "deadline has elapsed";
    Unreachable [ConnectTimeout ConnectionRefused]: "could not connect", "cannot connect", "can't connect",
        "unable to connect", "can't reach", "could not reach", "failed to connect", "fetch failed";
};

#[cfg(test)]
mod tests {
    use super::*;

    fn coded(code: &str, text: &str) -> Cause {
        classify(&Evidence { code: Some(code), text, ..Evidence::default() }).cause
    }

    fn read(text: &str) -> Cause {
        classify(&Evidence { text, ..Evidence::default() }).cause
    }

    #[test]
    fn codes_decide_whatever_the_language() {
        for (code, text, cause) in [
            ("28P01", "Passwort-Authentifizierung für Benutzer »app« fehlgeschlagen", Cause::AuthWrongPassword),
            ("3D000", "Datenbank »x« existiert nicht", Cause::DatabaseNotFound),
            ("28000", "kein pg_hba.conf-Eintrag für Host »10.0.0.1«", Cause::AccessRuleDenied),
            ("28000", "Rolle »x« existiert nicht (routine InitializeSessionUserId)", Cause::AuthUnknownUser),
            ("28000", "la base rechaza (routine ClientAuthentication)", Cause::AccessRuleDenied),
            ("42501", "permission denied for database \"x\"", Cause::PermissionDenied),
            ("42501", "new row violates row-level security policy", Cause::SecurityRulesDenied),
            ("53300", "sorry, too many clients already", Cause::TooManyConnections),
            ("57P03", "the database system is starting up", Cause::ServerStartingUp),
            ("57P03", "the database system is shutting down", Cause::ServerShuttingDown),
            ("57P01", "terminating connection due to administrator command", Cause::ServerShuttingDown),
            ("25006", "cannot execute UPDATE in a read-only transaction", Cause::NotPrimary),
            ("57014", "canceling statement due to statement timeout", Cause::StatementTimeout),
            ("XX000", "Tenant or user not found", Cause::PoolerTenantNotFound),
            ("08P01", "no such database: x", Cause::DatabaseNotFound),
            ("XX000", "something internal", Cause::Unknown),
            ("1045", "Accès refusé pour l'utilisateur", Cause::AuthWrongPassword),
            ("1049", "Base 'x' inconnue", Cause::DatabaseNotFound),
            ("1044", "Access denied for user 'a'@'%' to database 'b'", Cause::PermissionDenied),
            ("1129", "", Cause::HostBlocked),
            ("1130", "Host '10.0.0.1' is not allowed to connect", Cause::AccessRuleDenied),
            ("1040", "Too many connections", Cause::TooManyConnections),
            ("3159", "", Cause::TlsRequired),
            ("2003", "Can't connect to MySQL server on 'db' (110)", Cause::ConnectTimeout),
            ("ECONNREFUSED", "", Cause::ConnectionRefused),
            ("EAI_AGAIN", "", Cause::DnsNotFound),
            ("ETIMEDOUT", "", Cause::ConnectTimeout),
            ("ECONNRESET", "", Cause::ConnectionReset),
            ("EOF", "", Cause::ConnectionReset),
            ("EPIPE", "", Cause::ConnectionReset),
            ("nonsense", "", Cause::Unknown),
        ] {
            assert_eq!(coded(code, text), cause, "{code}: {text}");
        }
    }

    #[test]
    fn codes_in_the_text_come_before_its_words() {
        for (text, cause) in [
            (
                "ERROR 1045 (28000): Access denied for user 'root'@'localhost' (using password: NO) mysql",
                Cause::AuthWrongPassword,
            ),
            ("PDOException: SQLSTATE[HY000] [1129] Host 'x' is blocked", Cause::HostBlocked),
            ("SQLSTATE[42000] [1044] Access denied for user 'id'@'%' to database 'b' (mysql)", Cause::PermissionDenied),
            ("{ [Error: ER_BAD_DB_ERROR: Unbekannt] code: 'ER_BAD_DB_ERROR' }", Cause::DatabaseNotFound),
            ("(u'FATAL', u'3D000', u'la base no existe')", Cause::DatabaseNotFound),
            ("Error: connect ECONNREFUSED 10.0.0.1:5432", Cause::ConnectionRefused),
            ("Error: getaddrinfo ENOTFOUND undefined", Cause::DnsNotFound),
            ("Error: querySrv ENOTFOUND _mongodb._tcp.x.mongodb.net", Cause::SrvLookupFailed),
            ("connect ENETUNREACH 2600:1f18::5:5432 - Local (:::0)", Cause::Ipv6Unreachable),
            ("connect ENETUNREACH 10.0.0.1:5432", Cause::HostUnreachable),
        ] {
            assert_eq!(read(text), cause, "{text}");
        }
    }

    #[test]
    fn families_of_wording() {
        for (text, cause) in [
            ("FATAL: password authentication failed for user \"postgres\"", Cause::AuthWrongPassword),
            ("FATAL: role \"app\" does not exist", Cause::AuthUnknownUser),
            ("FATAL: database \"app\" does not exist", Cause::DatabaseNotFound),
            ("could not translate host name \"db\" to address: Name or service not known", Cause::DnsNotFound),
            ("server closed the connection unexpectedly", Cause::ConnectionReset),
            ("SSL error: certificate verify failed", Cause::TlsCertUntrusted),
            ("x509: certificate has expired or is not yet valid", Cause::TlsCertExpired),
            ("invalid peer certificate: UnknownIssuer", Cause::TlsCertUntrusted),
            ("invalid peer certificate: NotValidForName", Cause::TlsHostnameMismatch),
            ("dial tcp 10.0.0.1:5439: i/o timeout", Cause::ConnectTimeout),
            ("MySQL server has gone away", Cause::IdleConnectionClosed),
            ("Error: Packets out of order. Got: 32 Expected: 0", Cause::WrongProtocol),
            ("the cat sat on the mat", Cause::Unknown),
            ("", Cause::Unknown),
        ] {
            assert_eq!(read(text), cause, "{text}");
        }
    }

    #[test]
    fn tls_may_cure_a_rule_that_refused_clear_text() {
        let verdict = classify(&Evidence {
            code: Some("28000"),
            text: "no pg_hba.conf entry for host \"10.0.0.1\", user \"a\", database \"b\", no encryption",
            ..Evidence::default()
        });
        assert_eq!(verdict, Verdict::or(Cause::AccessRuleDenied, &[Cause::TlsRequired]));
    }
}
