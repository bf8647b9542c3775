//! Wordings that name a root cause.

use super::{Family, families};
use crate::{
    connections::Provider::{Firebase, MongoDb, MySql, PostgreSql, Supabase},
    probe::Cause,
};

/// In order: a wrapper's words stand after those of what it wraps.
pub const TELLING: &[Family] = families! {
    // PostgreSQL's own hint: this is shared memory, not the disk.
    Unknown [DiskFull]: "*not* mean that you have run out of disk space", "does not mean that you have run out of disk";
    DiskFull []: "no space left on device", "check free disk space", "could not extend file", "disk full", "lock_write_growth", "disk is full", "disk quota exceeded",
        "insufficient free space", "the table * is full", "errcode: 28", "errno: 28", "error 28 from storage",
        "not enough space on the disk", "out of disk space", "outofdiskspace", "not enough free disk";

    // Hosted poolers and projects. Realtime's tenants are projects, the pooler's are part of a login.
    ProjectNotFound [PoolerTenantNotFound]: "tenant not found * realtime", "external_id=realtime * not found",
        "realtime * tenant not found";
    PoolerTenantNotFound []: "tenant or user not found", "tenant/user * not found", "no tenant identifier",
        "external_id or sni_hostname must be",
        "tenant * not found", "missing cluster identifier", "no such tenant";
    HostBlocked []: "blocked because of many connection errors", "too many authentication errors",
        "circuit breaker open", "too many authentication failures", "account is blocked for",
        "blocked all requests from this device", "many failed login attempts", "too many failed attempts",
        "temporarily blocked";
    ServicePaused [] @Firebase: "has been disabled by a database owner", "has been deactivated";
    // PgBouncer's `DISABLE`.
    ServicePaused [AccessRuleDenied]: "database \"* is disabled";
    ServicePaused []: "project is paused", "project paused", "project * is paused", "cluster is paused",
        "has been paused", "paused state", "project is pausing", "endpoint has been disabled", "endpoint is disabled",
        "database is sleeping", "is currently paused", "paused due to inactivity", "service is paused",
        "server is stopped", "instance is stopped", "project is inactive", "project status * inactive";
    QuotaExceeded []: "exceeded the data transfer quota", "exceeded the compute time quota", "exceeded * quota",
        "over your space quota", "quota exceeded", "quota has been exceeded", "rate limit reached",
        "rate limit exceeded", "quota limit", "too many requests", "request rate is large", "toomanyrequests",
        "daily limit exceeded", "already using * collections of", "max_connections_per_hour", "max_questions",
        "max_queries_per_hour", "egress_quota", "bandwidth * exceeded", "bandwidth exhausted", "restricted due to the following violations",
        "too_many_attempts", "only request this * after", "auth/too-many-requests", "auth/quota-exceeded",
        "resource-exhausted", "storage/quota-exceeded", "reached its data transfer limit", "plan limit reached",
        "exceeded * request limit", "message-rate-exceeded", "planned quota", "monthly usage limit";
    PoolExhausted []: "queuepool limit";

    // Clocks, before the tokens that they spoil.
    ClockSkew []: "must be a short-lived token", "token used too early", "issued at future", "issued in the future",
        "clock skew", "clock is set correctly", "clock is not * sync", "signature not yet current",
        "server time is out of sync", "check your iat and exp", "request time and the current time is too large",
        "clockskew", "\"iat\" claim must be";

    // Server state.
    ServerShuttingDown []: "terminating connection due to administrator command", "database system is shutting down",
        "server shutdown in progress", "the database system is shut", "because of crash of another server process",
        "unexpected postmaster exit", "interrupted at shutdown", "server is shutting down", "shutdown in progress",
        "the server is in quiesce mode";
    NotPrimary [ServerStartingUp]: "hot standby mode is disabled";
    ServerStartingUp []: "database system is starting up", "in recovery mode", "not yet accepting connections",
        "consistent recovery state", "for the schema cache", "schema cache load", "loading the schema cache",
        "wsrep has not yet prepared", "server is starting", "database is starting", "starting up, please",
        "still initializing", "still starting", "rejecting connections", "storage engine is starting";
    Unreachable [ConnectTimeout NotPrimary] @MongoDb: "no primary_preferred server", "no secondary_preferred server",
        "no nearest server";
    NotPrimary []: "in a read-only transaction", "read-only option", "--super-read-only", "not master", "notmaster",
        "not primary", "node is not in primary", "in read-only mode", "running in read only", "no primary",
        "no writable server", "no replica set members * primary", "no replica set members match selector * primary",
        "is read-only", "cannot * during recovery", "recovery is in progress", "not writable",
        "conflict with recovery", "reparent operation in progress", "no replset config has been received",
        "no eligible primary", "connect to a primary", "read only replica", "read-only replica", "session is not read-write",
        "server is in hot standby", "session is read-only", "could not find a primary", "type: rsghost", "type=replica_set_other", "type=replica_set_ghost", "no master found",
        "target_session_attrs", "not * master node", "cannot execute * read-only";

    // Access rules.
    AccessRuleDenied [TlsRequired]: "no pg_hba.conf entry * no encryption", "no pg_hba.conf entry * ssl off",
        "pg_hba.conf rejects * no encryption", "pg_hba.conf rejects * ssl off";
    AccessRuleDenied []: "no pg_hba.conf entry", "pg_hba.conf rejects", "is not allowed to connect to this",
        "isn't whitelisted", "your ip * not allowed", "ip is not allowed", "ip not allowed", "ip whitelist",
        "ip address * denied", "cors policy", "requests-from-referer", "unauthorized-continue-uri", "not whitelisted",
        "ip access list", "not in * allow_list", "allowlist", "not permitted to log in", "account is locked",
        "not currently accepting connections", "client with ip address", "ip address * not allowed",
        "auth/unauthorized-domain", "domain is not authorized", "requests from * are blocked", "network restrictions",
        "referer * blocked", "requests from this * client application * blocked", "firewall rule",
        "host * not allowed", "auth/app-not-authorized", "http_referrer_blocked", "login rejected",
        "failed to verify \"trust";
    AccessRuleDenied [TlsProtocolMismatch] @MongoDb: "alert internal error", "alert_internal_error",
        "tls: internal error", "ssl alert number 80", "alert: internal_error", "internalerror alert",
        "received fatal alert: internal_error", "handshake failed: internal error";

    // Before what a server says after it took such a client for another.
    DriverServerIncompatible []: "endpoint id is not specified", "sni support", "sni is missing",
        "upgrade the postgres client library";

    // TLS. That the server has none is said with the same words as that it wants it, so it comes first.
    TlsNotSupported []: "does not support ssl", "does not support tls", "not support secure", "doesn't support ssl",
        "doesn't support it", "does not support it", "not want to establish a secure", "has no tls",
        "ssl is not enabled on the server", "no ssl support", "server refused tls", "rejected ssl upgrade",
        "no ssl enabled connection", "protocol version: 1234.5679", "ssl not supported by * server", "tls requested but server",
        "not supported by server: ssl", "ssl connection required, but not", "server without ssl",
        "ssl is not available on the server", "without ssl support", "without tls support", "ssl connection is disabled", "does not offer ssl", "handshake_no_ssl_support",
        "server is not configured for ssl", "ssl is required * server doesn't",
        "ssl connection is required * server does not", "does not have ssl enabled", "ssl off on the server", "ssl not available";
    TlsNotSupported [TlsProtocolMismatch WrongProtocol]: "unsupported frontend protocol 1234.5679",
        "first record does not look like a tls", "unsupported_version,{0,0}", "frame size or a corrupted frame",
        "unexpected packet format", "unsupported or unrecognized ssl message", "plaintext connection?";
    ConnectionReset [TlsProtocolMismatch]: "authentication failed because the remote party * closed";
    // Two processes that use one connection break its encryption; so does one that was cut.
    ConnectionReset [TlsProtocolMismatch TlsNotSupported]: "tls handshake eof";
    ConnectionReset [IdleConnectionClosed DriverMisconfigured]: "ssl syscall error: eof",
        "decryption failed or bad record mac";
    IdleConnectionClosed [ConnectionReset]: "client_idle_timeout", "server_idle_timeout", "idle_transaction_timeout",
        "session_timed_out", "closed mysql connection";
    IdleConnectionClosed [ConnectTimeout ConnectionReset]: "ssl syscall error: operation timed out",
        "ssl syscall error: connection timed out";
    TlsProtocolMismatch [TlsNotSupported]: "sent a tls alert: 'protocolversion",
        "sent a tls alert: 'handshakefailure", "sent a tls alert: 'illegalparameter";
    TlsRequired []: "insecure connections are prohibited", "insecure transport are prohibited",
        "does not allow insecure connections", "require_secure_transport", "ssl connection is required",
        "ssl is required", "tls is required", "connection is insecure", "try using 'sslmode",
        "requires a secure connection", "must use ssl", "must use tls", "requires ssl", "requires tls",
        "requires encryption", "ssl required", "insecure connection", "please specify ssl options", "tls required",
        "encryption is required", "only ssl connections", "only allow ssl", "only allow tls", "only accepts ssl",
        "only accepts tls", "server requires ssl", "non-ssl connection", "unencrypted connection",
        "requires an encrypted", "require an ssl connection", "client must use ssl", "ssl connection required";
    // PostgreSQL's access rule `clientcert`.
    AccessRuleDenied [CredentialsMissing TlsRequired]: "requires a valid client certificate";
    CredentialsMissing [AccessRuleDenied TlsCertUntrusted]: "certificate required", "client certificate * required", "alert certificate required",
        "peer did not return a certificate",
        "no ssl certificate provided by peer";
    TlsCertExpired [ClockSkew]: "certificate has expired", "certificate is expired", "certificate expired",
        "certificate has been expired", "not yet valid", "notvalidyet", "certificate is not valid yet",
        "certificate: expired", "validity check failed", "alert certificate expired", "certificate: notvalid",
        "certificate * has expired", "invalid peer certificate: expired", "certificate was expired";
    TlsHostnameMismatch []: "hostname * match * certificate", "host name * match * certificate",
        "does not match certificate", "altname", "certificate is not valid for", "certificate not valid for name",
        "certificate is valid for", "hostname mismatch", "does not match host name", "doesn't match '",
        "doesn't match either of", "doesn't match \"", "no name matching", "subject alternative",
        "could not be verified by hostnameverifier", "could not be verified (by hostnameverifier",
        "ip address mismatch", "ip sans", "certificate's cn", "common name * does not match", "legacy common name",
        "hostname * not verified", "name mismatch", "does not match expected", "certificate for * doesn't match",
        "hostname verification failed", "failed to verify hostname", "not match the hostname",
        "correspond to certificate", "certificate name mismatch", "not valid for any names",
        "server name * does not match";
    DriverMisconfigured [TlsCertUntrusted]: "root certificate file", "could not read root certificate",
        "certificate file * does not exist", "no certificate data found", "default_verify_paths failed",
        "private key file * group or world", "could not load private key",
        "could not load certificate", "could not open certificate", "could not open private key",
        "certificate present, but not private key", "unable to get private key",
        "unable to get certificate", "could not load ssl", "could not open ssl root certificate", "built without tls",
        "failed to load ca", "ca certificate * not found", "ssl support is not compiled", "ssl_ctx_load_verify";
    TlsCertUntrusted []: "self signed cert", "self-signed cert", "self_signed_cert", "self-signed ssl",
        "unable to get local issuer", "unable to get issuer", "unable to verify the first certificate", "unknown ca",
        "certificate verify failed", "certificate_verify_failed", "unknown authority",
        "unknown certificate authority", "caused as end entity", "failed certificate verification",
        "unable to find valid certification path", "pkix path", "certificate is not trusted",
        "certificate is not * trusted", "invalid peer certificate", "authority that is not trusted",
        "remote certificate is invalid", "remote certificate was rejected", "certificate verification fail",
        "certificate validation fail", "failed to verify certificate", "certificate chain errors", "asn: bad other signature",
        "remotecertificatechainerrors", "path does not chain", "certificate unknown", "unknown_ca",
        "root certificate which is not trusted", "tls: bad certificate", "alert bad certificate",
        "unable to verify certificate", "trustanchors parameter must be non-empty", "certificate is untrusted",
        "not issued by a trusted", "verify error:num", "validation of ssl server certificate failed",
        "ssl certificate problem", "untrusted certificate", "untrusted root", "unsupported certificate purpose",
        "invalid ca certificate", "certificate revoked", "certificate has been revoked", "certificate is revoked",
        "no trusted certificate", "bad_certificate", "certificate_unknown", "ssl certificate error",
        "certificate * is invalid", "ocsp";
    TlsProtocolMismatch []: "unsupported protocol", "protocol version mismatch", "no protocols available",
        "handshake_failure", "handshake failure", "alert protocol version", "protocol version not supported",
        "no cipher", "no shared cipher", "no appropriate protocol", "inappropriate_fallback",
        "inappropriate fallback", "peerincompatible", "alert: 'protocolversion'", "alert: protocolversion",
        "alert: 'handshakefailure'", "protocol_version", "key too small", "common algorithm",
        "unsupported ssl protocol", "tls version", "no supported versions satisfy", "unsupported protocol version",
        "legacy renegotiation", "md too weak", "legacy sigalg", "no matching cipher", "cipher suite",
        "tls protocol version", "disabled protocol", "protocol is disabled", "tls1.0",
        "tls 1.0", "bad signature algorithm", "alpn";
    WrongProtocol []: "ssl routines * http request";
    TlsProtocolMismatch [TlsNotSupported WrongProtocol]: "wrong version number", "unknown protocol * ssl",
        "ssl * unknown protocol", "packet length too long", "record overflow", "invalidcontenttype",
        "corrupt message", "wrong_version_number", "bad protocol version", "tls * eproto", "bad record mac";

    TlsProtocolMismatch [TlsCertUntrusted TlsNotSupported]: "a call to sspi failed", "ssl authentication error",
        "ssl error has occurred and a secure connection";

    // A name that only MongoDB asks for.
    InvalidConnectionString []: "dns label is empty", "dns label is > 63";
    SrvLookupFailed [DnsNotFound] @MongoDb: "resolution lifetime expired", "dns operation timed out",
        "nameservers failed to answer";
    SrvLookupFailed []: "txt record", "querysrv", "querytxt", "srv record", "_mongodb._tcp", "srv lookup",
        "srv service", "srv resolution", "is not within the domain", "cannot unmarshal dns message", "resolve srv", "srv host", "dnsmonitorexception", "dnsclient.dnsresponseexception";

    ConnectionReset []: "closed normally without authentication";

    // What the caller gave.
    AuthMethodUnsupported []: "missing in the user document", "no authentication mechanisms are present";
    DriverMisconfigured [AuthMethodUnsupported]: "supported by authmechanism";
    AuthMethodUnsupported [DriverMisconfigured]: "for sha256_password or caching_sha2_password",
        "sasl support not enabled";
    CredentialsMissing []: "no password supplied", "fe_sendauth", "have you run firebase login", "password missing",
        "password is missing", "empty password", "password must be a string", "no password was provided",
        "no password has been provided", "no password provided", "requires authentication", "no users authenticated",
        "missing required authentication credential", "missing app configuration value",
        "determine firebase database url", "specify databaseurl within", "could not be created to null", "expected binding 'project'",
        "either the dbconnection or connection string", "supabaseurl is required", "supabasekey is required",
        "url and api key are required", "url and key are required", "auth session missing",
        "environment variable not found", "missing environment variable", "missing authorization header",
        "parameter to 'openuri()' must be a string", "no authorization header", "username is required",
        "password is required", "password required", "missing credentials", "no credentials provided",
        "no credentials found", "no credentials were", "'url' attribute is not specified", "jdbcurl is required",
        "connectionstring property has not been initialized", "host can't be null",
        "superuser password is not specified", "password option is not specified", "set 'database_url'",
        "access token not provided", "anonymous access is disabled", "no connection string", "please define the",
        "must be set", "keyerror: 'database_url", "keyerror: 'supabase", "missing-password",
        "cannot find project ref", "user is not authenticated", "missing username", "user name is required",
        "user must be specified", "no user specified", "no postgresql user name specified", "database_url is not set",
        "database_url is missing", "environment variable * not set", "env variable * not set",
        "environment variable is required", "missing required env", "url must be provided",
        "connection string is missing", "connection string is not set", "uri is undefined", "authentication required",
        "anonymous users", "no authentication credentials", "missing api key", "without authentication",
        "need to login", "username must be specified", "credentials must be provided", "missing supabase",
        "must provide * credentials", "no mongo uri", "uri is not defined", "url is not defined", "got 'undefined'",
        "got \"undefined\"", "received undefined", "is not defined in env", "cannot find module * serviceaccount",
        "enoent * serviceaccount", "no such file or directory * serviceaccount";
    DriverMisconfigured [AuthMethodUnsupported TlsRequired]: "public key retrieval is not allowed";
    DriverMisconfigured [AuthMethodUnsupported]: "rsa public key is not available";
    ProjectNotFound [] @Firebase: "not found or deleted";
    DriverMisconfigured [CredentialsMissing InvalidServiceAccount ProjectNotFound] @Firebase: "project id has not been discovered",
        "ascertain project id", "determine the firebase project id",
        "unable to detect a project id", "project id is required",
        "must initialize app with a cert", "credentials require channel", "projectid * not provided", "a project id is required",
        "project was not passed and could not be determined", "failed to determine project id",
        "failed to determine service account", "failed to get project id";
    DriverMisconfigured []: "default firebase app does not exist", "no firebase app", "app/no-app",
        "app/duplicate-app", "app named * already exists", "app/no-options", "need to provide options", "firebaseoptions cannot be null",
        "app/invalid-app-options", "has already been started and its settings", "already been initialized",
        "not been initialized", "not been correctly initialized", "call firebase.initializeapp",
        "expected first argument to", "could not find driver", "could not load * driver", "enforcing ssl",
        "no suitable driver", "driver not loaded", "find a jdbc driver", "class 'mysqli", "class \"mysqli", "class 'pdo", "class \"pdo",
        "class 'mongodb", "class \"mongodb", "can't load plugin", "must be installed", "please install", "no module named",
        "cannot find module", "driver class", "class not found", "classnotfoundexception", "package is required",
        "unsupported startup parameter", "unrecognized configuration parameter", "is not supported * option",
        "option * is not supported", "options * are not supported", "not a supported option", "unknown option",
        "invalid option", "unsupported option", "unknown configuration", "server time zone value", "retryable writes",
        "after invoking quit", "must be connected before", "topology is closed", "client must be connected",
        "client is not connected", "pool is closed", "pool is draining", "cannot use * after * end",
        "called end on pool", "has already been connected", "client has already been", "different connection strings",
        "openuri() on an active connection", "another operation is in progress", "attached to a different loop",
        "event loop is closed", "adapter not found", "not a function", "dialect needs to be explicitly",
        "please be sure to call", "service firestore is not available", "service database is not available",
        "is not a constructor", "not available in * edge", "edge runtime", "schema must be one of",
        "unknown parameter", "unknown database adapter", "data source name not found", "no default driver specified",
        "unknown driver", "undefined function mysql", "call to undefined function", "unable to load dynamic library",
        "unknown ssl", "improperly configured", "error loading", "did you install", "commands out of sync",
        "conn busy", "session that has ended", "seed list contains no mongos", "replica set name * match",
        "replica set name * expected", "setname * match", "expected setname", "setname * expected",
        "has not been registered", "is not initialized", "missing or invalid", "invalid resource field value",
        "invalid value for parameter \"timezone", "unsupported-browser", "web-storage-unsupported",
        "is not a supported", "no dialect", "unknown mechanism", "are mutually exclusive", "cannot be used with",
        "cannot be combined", "only be set when", "must be specified under", "invalid configuration", "unsupported configuration";
    // A file that the settings name, which has to be a certificate or a key.
    DriverMisconfigured [TlsCertUntrusted] @MongoDb: "no such file or directory (os error 2)";
    DriverMisconfigured [TlsCertUntrusted] @PostgreSql MySql MongoDb Supabase: "no start line", "pem routines",
        "decoder routines", "private key", "asn1";
    PermissionDenied []: "permission 'iam", "permission \"iam";
    PermissionDenied [TokenInvalid]: "insufficient authentication scopes", "access_token_scope_insufficient";
    TokenInvalid [TokenExpired PermissionDenied]: "new authorization scopes";
    InvalidServiceAccount []: "service account object must contain", "certificate object must contain",
        "no start line", "pem routines", "decoder routines", "invalid pem", "a certificate credential",
        "unable to load pem", "begin marker", "end marker", "failed to parse private key",
        "failed to parse service account", "invalid service account", "service account json", "invalid jwt signature",
        "default credentials", "failed to parse certificate key file", "account not found", "invalid_grant: account",
        "malformed service account", "private key", "private_key", "pkcs8", "pkcs#8", "asn.1", "asn1", "invalid certificate argument",
        "serviceaccount", "service account file", "service account info", "was not in the expected format",
        "missing fields client_email", "client_email field", "does not contain a client_email", "keyfile",
        "failed to read credentials", "credentials file", "could not refresh access token", "apns",
        "service account key", "failed to determine service", "invalid_client", "unauthorized_client",
        "messaging/third-party-auth-error", "messaging/authentication-error", "messaging/mismatched-credential",
        "metadata.google.internal", "gce metadata", "application_default_credentials",
        "google_application_credentials", "service account * disabled", "invalid credential object";
    InvalidServiceAccount [TokenInvalid] @Firebase: "authentication credentials * are invalid";
    InvalidConnectionString []: "lives in a different region", "cannot parse firebase url",
        "firebase realtime database instance configured", "invalid supabaseurl", "invalid url",
        "invalid connection string", "invalid dsn", "invalid port", "unescaped character", "must be urlencoded",
        "database string is invalid", "invalid sslmode", "unsupported sslmode", "couldn't set", "unknown port",
        "missing port in address", "too many colons in address", "are required in connection string",
        "authsource without username", "err_socket_bad_port", "could not be cast to integer", "invalid ipv6 url",
        "numberformatexception", "urisyntaxexception", "only absolute urls", "no route matched with those values",
        "requested path is invalid", "invalid connection url", "invalid database url", "invalid jdbc url",
        "cannot be parsed", "no support for", "invalid hostname", "invalid uri", "uri does not", "uri cannot",
        "url cannot", "must be a valid * url", "missing \"=\"", "invalid connection option", "illegal character in",
        "invalid scheme", "invalid schema, expected", "host identifier", "uri malformed", "must start with the protocol", "unescaped", "cannot have port number",
        "cannot have * port", "must include hostname", "escaped according to rfc", "must be escaped",
        "percent-encoded", "percent-encode", "url-encoded", "malformed database url", "malformed url",
        "unable to parse url", "could not parse * url", "can't parse * url", "failed to parse * url",
        "error parsing connection string", "error parsing uri", "error parsing url", "cannot parse connection",
        "cannot parse 'postgres", "cannot parse 'mongo", "failed to parse as",
        "invalid integer value * connection option \"port\"", "invalid percent-encoded", "unterminated quoted",
        "unexpected spaces found", "missing host", "empty host", "invalid userinfo", "urierror", "uri error", "(reading 'searchparams')", "invalid host", "no host", "unsupported scheme",
        "unknown scheme", "unsupported protocol scheme", "invalid domain character", "keyword not supported",
        "format of the initialization string", "does not conform to specification", "port should be", "port must be",
        "options.port should be", "port out of range", "database names cannot contain", "invalid namespace",
        "invalid database name", "invalid literal for int", "could not parse rfc1738", "rfc 3986",
        "invalid authority", "err_invalid_url", "expected connection string", "not a valid connection string",
        "not a valid url", "is not a valid uri", "jdbc url", "claims to not accept jdbcurl",
        "invalid value for parameter * sslmode", "missing delimiting slash", "missing the slash",
        "default addr for network * unknown", "unknown network", "ssl mode * not", "invalid ssl mode", "uri option",
        "no database name", "database name * missing", "invalid auth mechanism",
        "relativeurlwithoutbase", "relative url without a base", "parsed url", "url must start with",
        "uri does not start", "must begin with", "uri must be", "cannot parse", "invalid format of connection",
        "couldn't parse", "is not a valid port", "unable to parse * connection", "connection string * invalid",
        "could not parse connection";

    // Storage says "Invalid JWT" of it.
    SecurityRulesDenied [PermissionDenied]: "violates row-level security";

    // Tokens and keys.
    InvalidApiKey []: "invalid api key", "api key not valid", "api key expired", "api-key-expired",
        "api-key-not-valid", "invalid-api-key", "api key is invalid", "no api key found", "api key not found",
        "invalid authentication credentials\"", "legacy api keys are disabled", "unregistered api key",
        "api key is not valid", "invalid api-key", "api key has expired", "apikey is invalid", "expired api key",
        "api key is missing", "invalid apikey", "api key is expired", "double check your supabase",
        "forbidden use of secret api key", "requests to this api", "invalid authentication credentials' }";
    TokenExpired []: "jwt expired", "jwt is expired", "jwt has expired", "token is expired", "token expired",
        "id token has expired", "id-token-expired", "session-cookie-expired",
        "user-token-expired", "credential is no longer valid", "credentials are no longer valid",
        "invalid refresh token", "refresh token not found", "refresh token is not valid", "refresh token has expired",
        "expired token", "expired or revoked", "session expired", "expired-action-code", "code-expired",
        "session-expired", "session has expired", "invalid_rapt", "reauth related error", "login --reauth", "requires-recent-login",
        "exp claim", "\"exp\" claim", "token is no longer", "pgrst303 * expired", "auth token is expired",
        "token * is expired", "token has been expired", "token lifetime",
        "security token included in the request is expired", "credential * expired";
    TokenInvalid []: "jwsinvalidsignature", "jwserror", "jws error", "invalid jwt", "jwt malformed", "malformed jwt",
        "jwt invalid", "invalid claim", "incorrect \"aud\"", "incorrect \"iss\"", "incorrect 'aud'",
        "decoding firebase", "parse firebase id token", "a key with id * could not be found", "unsupported jwt algorithm", "verifyidtoken()", "no \"kid\" claim", "invalid number of segments", "invalid-id-token",
        "id-token-revoked", "invalid-user-token", "invalid-custom-token", "custom-token-mismatch", "token is invalid",
        "token is malformed", "invalid token", "none of the keys was able to decode", "jwtclaims",
        "invalid compact jws", "mismatchsenderid", "senderid mismatch", "sender id mismatch", "notregistered",
        "attestation failed", "invalid-verification-code", "invalid-action-code", "invalid-app-credential",
        "invalid signature", "signature is invalid", "signature verification failed", "token has been revoked",
        "invalid access token", "bad_jwt", "wrong number of segments", "registration-token-not-registered",
        "invalid-registration-token", "not a valid fcm registration token", "registration token is not",
        "invalid registration", "requested entity was not found", "jwt cryptographic", "jwt signature",
        "session from session_id claim", "user from sub claim", "missing sub claim", "no suitable key",
        "invalid number of jwt", "signing method", "alg * not allowed", "not a valid jwt",
        "invalidjwttoken", "auth/argument-error",
        "unrecognized jwt", "invalid-credential-token", "jwsinvalid", "bad jwt", "could not parse json web token",
        "jwt could not be decoded", "expected 3 parts", "permission denied * could not parse auth token",
        "could not parse auth token", "invalid auth token", "unable to parse or verify signature", "invalid id token",
        "flow state", "code verifier";
    TokenInvalid [InvalidServiceAccount ClockSkew TokenExpired] @Firebase: "invalid authentication credentials";
    InvalidApiKey [AuthWrongPassword] @Supabase: "invalid authentication credentials";
    InvalidServiceAccount [ClockSkew TokenInvalid TokenExpired] @Firebase: "invalid_grant";

    // Providers' switches and projects.
    ApiNotEnabled [DatabaseNotFound PermissionDenied ProjectNotFound] @Firebase: "has not been used in project",
        "not a firestore enabled project", "it is disabled", "api is not enabled", "not been enabled", "datastore mode", "operation-not-allowed",
        "configuration-not-found", "api is disabled", "not enabled for this project", "api has not been enabled",
        "configuration_not_found", "admin-restricted-operation", "not enabled * console", "service has been disabled",
        "sign-in provider is disabled", "api is not available", "requires billing", "billing_disabled",
        "billing to be enabled", "enable billing";
    ApiNotEnabled []: "provider is not enabled", "logins are disabled", "signups not allowed",
        "sign-ins are disabled", "signups are disabled", "signup is disabled", "api has not been used in project";
    DatabaseNotFound [ProjectNotFound ApiNotEnabled] @Firebase: "does not contain an active";
    DatabaseNotFound [ProjectNotFound] @Firebase: "database (default) does not exist", "database * does not exist",
        "no document to update", "5 not_found", "code=not_found";
    DatabaseNotFound [ProjectNotFound] @Firebase: "haven't created a realtime database",
        "no realtime database", "haven't used * firestore", "create * firestore database";
    ProjectNotFound [] @Firebase: "project not found", "project * not found", "project-not-found",
        "project * does not exist", "project * deleted", "permission denied on resource project",
        "unknown project id", "invalid project id", "project_id * not found", "consumer * invalid",
        "404 * .firebaseio.com", "could not find project", "invalid project selection", "make sure the project exists",
        "failed to get firebase project";
    ProjectNotFound []: "project not found", "endpoint could not be found", "project does not exist",
        "project * does not exist", "cluster not found", "no project found", "project ref * not found",
        "site not found", "the requested endpoint could not";

    // Connection limits of the server. The client's own pool is a symptom.
    TooManyConnections []: "too many clients already", "remaining connection slots", "too many connections",
        "max_user_connections", "max client connections reached", "max clients reached",
        "no more connections allowed", "connection limit exceeded", "exceeded your threshold", "connection limit for",
        "too many open connections", "can't create a new thread", "max_client_conn",
        "too many database connections", "reached the connection limit", "connections exceeded",
        "connection limit reached", "could not fork new process", "too many db connections", "more connections than",
        "maximum number of connections", "max connections", "connections to your cluster", "no more connections",
        "timed-out waiting to acquire database connection", "number of connections * exceeded", "maximum connections",
        "connection slots", "connections limit", "all server connections";
    // A pooler's own words: its limit, not the client's; or its server that does not answer.
    TooManyConnections [Unreachable]: "query_wait_timeout";
    TooManyConnections [PoolExhausted]: "check out process from the pool", "check out connection from the pool";

    // Prepared statements and versions.
    PreparedStatementConflict []: "prepared statement * already exists", "prepared statement * does not exist",
        "unknown prepared statement", "prepared statement name is already in use",
        "prepared statement needs to be re-prepared", "unnamed prepared statement", "prepared statements * pgbouncer",
        "prepared statement handler", "bind message supplies * prepared statement";
    AuthMethodUnsupported [DriverServerIncompatible]: "no such cmd: saslstart", "no such command: 'saslstart",
        "no such command: saslstart";
    DriverServerIncompatible []: "wire version", "is an unknown field", "no such cmd",
        "unsupported frontend protocol 3", "unsupported frontend protocol 2", "no such command",
         "op_query", "unknown initial character set",
        "server sent charset", "unknown character set", "unknown system variable", "server version * not supported",
        "database version * not supported", "unsupported server version", "unsupported postgres version",
        "incompatible with this version", "client driver may require an upgrade", "requires at least",
        "unknown collation", "old client", "requires mongodb", "not compatible with", "unsupported wire",
        "server does not support sessions", "minimum server version", "unsupported mysql version",
        "server is too old", "column d.daticulocale", "column * does not exist * pg_database";

    // Logins.
    AuthMethodUnsupported []: "plugin authentication_", "authentication method * not supported",
        "unsupported authentication method", "scram authentication requires", "scram authentication is not supported",
        "authentication plugin * cannot be loaded", "unknown authentication", "authentication plugin * not",
        "unable to load plugin * auth", "could not load plugin * auth", "not support authentication protocol",
        "unsupported sasl", "authentication plugin", "auth_gssapi_client", "authentication mechanism * not",
        "unknown auth", "invalid authentication type", "authentication type * not supported", "is not loaded", "method unknown to the client",
        "authentication method unknown", "only mechanism scram", "only mechanism(s)", "old password", "old_password", "old insecure",
        "native password auth", "clear text auth", "cleartext", "clear password", "unsupported mechanism",
        "mechanism * not enabled", "mechanism * unknown", "mechanism * is not supported",
        "authentication is disabled", "channel binding", "rsa encryption not supported", "caching_sha2_password",
        "requires secure connection", "gssapi", "kerberos", "wrong password type", "auth switch",
        "authentication switch", "unsupported auth", "unknown sasl", "no supported authentication",
        "scram-sha-256 * not", "scram secret", "certificate authentication failed", "sasl mechanism",
        "auth mechanism", "mongodb-cr", "supports only * authentication", "plugin * could not be loaded";
    AuthMethodUnsupported [AccessRuleDenied AuthUnknownUser AuthWrongPassword]: "peer authentication failed",
        "ident authentication failed", "no match in usermap";
    AuthSourceWrong [AuthWrongPassword] @MongoDb: "wrong database * auth";
    // What the client's own system forbids (SELinux, a local firewall), before a server is reached.
    Unreachable [HostUnreachable AccessRuleDenied]: "connect to server: permission denied",
        "connection to server * failed: permission denied", "connect: permission denied";
    SecurityRulesDenied [PermissionDenied] @Firebase: "firestore/permission-denied", "storage/unauthorized",
        "database/permission-denied", "code=permission-denied";
    AuthSourceWrong [AuthWrongPassword] @MongoDb: "check * authsource", "wrong authsource",
        "wrong authentication database", "authenticationdatabase";
    AuthWrongPassword [AuthSourceWrong] @MongoDb: "not authorized to access * auth source";
    SecurityRulesDenied [PermissionDenied] @Firebase: "this client does not have permission";
    PermissionDenied []: "access denied for user * to database", "access denied; you need", "command denied to user",
        "permission denied for", "not authorized on", "not authorized for", "unauthorized for db", "not authorized to execute",
        "insufficient privilege", "insufficientprivilege", "must be owner of", "must be member of role", "must be superuser",
        "does not have the required privilege", "not have permission", "permission denied to",
        "not allowed to do action", "lacks the", "does not have connect privilege", "user is not allowed",
        "insufficient permission * service account", "user was denied access", "missing the permission",
        "missing necessary permission", "insufficient-permission", "not authorized to make this request",
        "don't have permission", "user-disabled", "permission was not granted", "user not allowed", "not_admin",
        "your client does not have permission", "caller does not have", "lacks * permission", "no permission",
        "permission * denied on resource";
    // Of the libraries for servers, to which no rules apply.
    PermissionDenied [SecurityRulesDenied] @Firebase: "google.api_core * insufficient permissions", "iam permission",
        "error: 7 permission_denied", "statuscode=permissiondenied", "rpc.permissiondeniedexception",
        "iam policy", "a forbidden error was returned", "403 missing or insufficient";
    SecurityRulesDenied [PermissionDenied]: "row-level security", "row level security",
        "missing or insufficient per", "permission-denied", "security rules", "false for 'list'",
        "false for 'get'", "you do not have permissions", "violates row";
    SecurityRulesDenied [PermissionDenied] @Firebase: "permission_denied", "permission denied";
    AuthUnknownUser [AuthSourceWrong] @MongoDb: "could not find user", "user not found", "no such user";
    AuthUnknownUser [AuthWrongPassword] @Firebase: "user-not-found", "no user record", "email_not_found";
    // Before the users, whom clients name in lines above.
    DatabaseNotFound []: "fatal: database \"* does not exist";
    AuthUnknownUser []: "could not find user", "role \"* does not exist", "role '* does not exist",
        "role * does not exist", "user * does not exist", "no such user", "no credentials for the role",
        "unknown user", "user not found", "user_not_found", "is not a valid user", "usernotfound";
    AuthWrongPassword [AuthSourceWrong] @MongoDb: "authentication failed", "auth failed", "auth fails",
        "authenticationfailed", "login failed", "exception authenticating", "error authenticating";
    AuthWrongPassword []: "password authentication failed", "access denied for user * using password",
        "sasl authentication failed", "failed sasl auth", "wrong password", "wrong-password", "bad auth",
        "invalid password", "incorrect password", "password does not match", "password has expired",
        "authentication failed for user", "invalid login credentials", "invalid-login-credentials",
        "login failed for user", "authentication failed against database",
        "authentication failed against the database", "credentials * are not valid", "invalid username or password",
        "invalid username/password", "invalid user or password", "incorrect username", "pam authentication failed",
        "ldap authentication failed", "radius authentication failed", "invalid credentials",
        "auth/invalid-credential", "supplied auth credential", "password is invalid", "password verification failed",
        "incorrect user", "bad username", "bad password", "issue connecting to your database with your username",
        "invalid authorization specification", "username or password",
        "invalid-email-or-password", "passwords don't match", "scram * invalid proof", "invalid-proof",
        "login or password", "server signature";
    AuthWrongPassword [AccessRuleDenied]: "access denied for user";
    DatabaseNotFound []: "unknown database", "database * does not exist", "no such database", "cannot open database",
        "database not found", "db not found", "database * not exist", "database doesn't exist", "unknown catalog",
        "could not find your database", "invalid_catalog_name", "the database was dropped", "database * not found",
        "no database * found";
    StatementTimeout []: "statement timeout", "max_statement_time exceeded", "maximum statement execution time",
        "canceling statement", "lock wait timeout", "query timed out", "query read timeout", "query timeout",
        "lock timeout", "operation exceeded time limit", "waiting for replication timed out", "exceeded time limit",
        "query execution was interrupted", "query was cancelled",
        "timeout expired. the timeout period elapsed prior to completion", "user requested cancel",
        "canceled by user", "max_execution_time", "due to transaction timeout", "command timeout expired",
        "query was canceled", "context deadline exceeded * query", "read timed out * query";

    // Names, which hide behind every other message.
    DnsNotFound []: "could not translate host name", "name or service not known", "name resolution",
        "nodename nor servname", "no such host", "lookup * i/o timeout", "lookup * server misbehaving",
        "specified hostname could not be found", "no data of the requested type", "hostname resolution",
        "host is unknown", "unknown node or service", "socketexception * resource temporarily unavailable",
        "unknown host", "unknown mysql server host", "unknown mariadb server host", "unknownhostexception",
        "getaddrinfo failed", "name does not resolve", "no address associated with", "failed to lookup address",
        "cannot resolve", "nxdomain", "could not resolve", "getaddrinfo enotfound", "getaddrinfo eai_again",
        "host not found", "hostname not found", "gethostbyname", "unresolved address", "unresolvedaddressexception",
        "php_network_getaddrinfo", "non-existent domain", "unable to resolve host", "couldn't resolve",
        "failed to resolve", "hostnotfound", "nodename", "name has no usable address", "non-recoverable failure in name", "no answer from dns",
        "server misbehaving", "dns resolution", "name * could not be resolved", "unable to resolve", "can't resolve",
        "failed host lookup", "hostname could not be", "failed to lookup", "no data record of requested type",
        "temporary failure in name";
};
