//! What single drivers, pools, poolers and services say of their settings and their state, in words that nobody else
//! uses. They name a root cause, and come before the wordings that many share.

use super::{Family, families};
use crate::{
    connections::Provider::{Firebase, MongoDb, MySql, PostgreSql, Supabase},
    probe::Cause,
};

/// In any order: each says one thing.
pub const OWN: &[Family] = families! {
    // libpq and PostgreSQL.
    // libpq tried twice, the second time without TLS: the first answer came from behind the access rules.
    AuthWrongPassword [AccessRuleDenied TlsRequired]: "password authentication failed * no pg_hba.conf entry * no encryption",
        "password authentication failed * no pg_hba.conf entry * ssl off";
    InvalidConnectionString [DriverMisconfigured]: "parameter * cannot be changed now", "invalid firebase database name";
    TlsProtocolMismatch [DriverServerIncompatible]: "without alpn protocol negotiation";
    InvalidConnectionString [DriverMisconfigured]: "invalid ssl_min_protocol", "invalid ssl_max_protocol", "argumentexception: option * not supported",
        "unexpected character * in uri", "port numbers to * hosts", "socket path * is too long",
        "could not parse network address", "no suitable driver found for postgres:", "dialects:postgres",
        "arg 'instance_connection_string", "inconsistent project name";
    AuthMethodUnsupported []: "sasl authentication mechanisms are supported", "unsupported * scram mechanism",
        "authenticationrequest unrecognised type", "no oauth flows are available",
        "sspi continuation error", "valid password not found", "unexpected server response while doing caching_sha2",
        "authenticating gss", "gss authentication failed";
    CredentialsMissing [AuthMethodUnsupported]: "no kerberos credentials", "requires oauth authentication",
        "no credentials cache", "credentials cache file";
    TokenExpired [AuthMethodUnsupported] @PostgreSql: "ticket expired";
    TokenInvalid [TokenExpired AuthWrongPassword]: "oauth bearer authentication failed", "check the iam token";
    DriverMisconfigured []: "gssapi encryption required but", "definition of service \"", "service file \"",
        "requirepeer specifies", "server is not in hot standby mode", "invalid command-line argument for server process",
        "invalid value for parameter \"client_encoding", "weak sslmode", "channel binding required, but ssl",
        "channel binding is required, but ssl", "channel_binding parameter must be", "sslnegotiation=direct requires", "target_session_attrs * not supported",
        "with direct ssl negotiation", "support command-line options";
    WrongProtocol []: "could not accept ssl connection: http request", "unknown response h for sslrequest",
        "unexpected initial handshake protocol", "lost synchronization with server", "message size cannot be negative",
        "invalid message size", "unexpected packet during handshake", "reading greeting packet";
    WrongProtocol [TlsNotSupported TlsProtocolMismatch]: "there was an error establishing an ssl connection";
    DriverServerIncompatible [WrongProtocol]: "invalid protocol negotiation message", "required protocol 41",
        "client_plugin_auth is required", "or later is required (found", "charsetmap.getcharacterset";
    TooManyConnections []: "exceeds max_wal_senders", "emaxpoolsreached", "max pools count";
    TlsHostnameMismatch [TlsCertUntrusted]: "host name from server certificate";
    ConnectTimeout []: "net/http: tls handshake timeout", "milliseconds, giving up", "operation now in progress", "canceling authentication due to timeout", "eauthtimeout", "driveradaptererror: sockettimeout",
        "eauthsecrets * :timeout", "waiting for lb pick", "upstream server is timing out",
        "connecting to address=* connect timed out", "socket timeout when connecting";
    CredentialsMissing [DriverMisconfigured]: "is required when use_";
    CredentialsMissing []: "but the password is an empty string", "the password is an empty", "for connect url 'null'",
        "could not determine user name", "could not detect default username", "expected string or url object, got none",
        "supply the name or options", "configuration property \"dbname\"", "is not configured for the",
        "missing the :database key", "are required for * database connection", "no default database name",
        "no configuration could be found for a client", "jwt secret missing", "lacks jwt secret", "empty jwt",
        "missing value", "anon key not found", "missing or not a valid string", "is missing a valid api key",
        "providepasswordcallback", "connection string was provided", "must be provided when iam",
        "no authentication methods were specified", "could not locate configuration file", "url not set in the firebase",
        "missing fields project_info", "database name must not be empty",
        "no hosts provided", "provide a valid access token to", "no default bucket", "no currently active project";
    ConnectionReset [IdleConnectionClosed]: "error sending password authentication", "read any response from the server",
        "invalid transaction is rolled back", "expected to read * bytes, got 0", "sasl * failed to read",
        "session was terminated unexpectedly", "other side closed", "closed connection. calling", "connection closed calling", "socket has unexpectedly been closed",
        "failed to reconnect connection", "pool * is paused because", "und_err_socket";
    IdleConnectionClosed [ConnectionReset]: "lifetime of the connection", "interrupted due to server monitor",
        "interfaceerror: (0, '')", "connection idle timeout", "keepalive failed", "mysql connection not available";
    NotPrimary [ServerShuttingDown ServerStartingUp]: "in state not_serving";
    NotPrimary [Unreachable]: "specified targetservertype", "no suitable host was found", "target attribute requirement",
        "server type is not as expected", "lost connection to the primary", "no healthy tablet",
        "type=replica_set_secondary * state=connected}]", "node is recovering";
    TlsNotSupported []: "does not handle ssl", "server refuses ssl", "ssl not enabled in the server",
        "server does not have this capability", "not accepting ssl connections", "ssl required, not supported by server",
        "mysql by using ssl", "server is not configured with ssl", "server * not configured with ssl";
    TlsRequired [AuthMethodUnsupported] @MySql: "requires either tcp with tls", "over insecure channels",
        "access without ssl denied";
    TlsRequired []: "only with ssl connections";
    ConnectionReset [TlsProtocolMismatch TlsNotSupported]: "ssl routines::unexpected eof";
    TlsProtocolMismatch []: "server chose tls", "esslhandshake";
    TlsProtocolMismatch [TlsNotSupported WrongProtocol]: "unsupported record version";
    TlsCertUntrusted [DriverMisconfigured]: "bad certificate format", "general opensslengine problem",
        "rejected client certificate";
    DriverMisconfigured [TlsCertUntrusted]: "could not read ssl key file", "could not recover keys from client keystore",
        "cannot open file:", "find truststore file", "find client certificate file", "keystore was tampered", "path not found * .crt", "path not found * .pem",
        "sslsocketfactory class", "enoent * .pem", "no such file or directory, open * .pem", "enoent * .crt",
        "failed to set ciphers", "ssl connection error: the system cannot find";
    DriverMisconfigured []: "either servername or insecureskipverify";
    DriverMisconfigured [InvalidConnectionString]: "unsupported ssl-mode", "unsupported ssl mode";
    DriverMisconfigured [TlsRequired]: "tls support enabled", "without tls support enabled", "no tls implementation",
        "transport security hasn't been enabled", "tls has not been enabled but", "tls is not enabled in this build",
        "does not support ssl/crypto", "public key is not enabled for insecure", "certificates are not explicitly trusted",
        "either use a secure connection, specify";
    PoolExhausted [TooManyConnections]: "pool is currently suspended", "acquire queue has reached", "'connectionpool.create'",
        "the pool * requests waiting", "no connection available within", "tarn/dist/pendingoperation",
        "already waiting for a connection", "asyncexecutor", "increase your connection pool";
    PoolExhausted [ConnectTimeout] @Supabase: "increaseconnectionpool";
    PoolExhausted [ConnectTimeout] @PostgreSql: "obtain r2dbc connection * did not observe any item";
    Unreachable [ConnectTimeout]: "pool initialization incomplete", "client_login_timeout (server down)",
        "all backend nodes are down", "allserversdown", "not have online node",
        "max connect failure", "shunning server", "failed to reach jit provider", "create a connection to host",
        "attempting to reconnect to the database", "relay error", "network connectivity changed", "failed to make request to",
        "connection pool is in paused state", "network error (such as timeout", "reader instance";
    DriverMisconfigured []: "max pool size' * under", "opt.max is smaller", "connection manager was closed",
        "wrong driver: ", "driver not connected", "connectionisnotseterror", "libpq.so", "'proactoreventloop'",
        "is not open yet", "unexpected keyword argument", "requires an async driver", "'driver' or 'driverclass'",
        "\"driver\" or \"driverclass\"", "database connection [*] not configured", "noclassdeffounderror",
        "firestore component is not", "unsupported argument", "unknown config name", "hikaridatasource * has been closed", "pool is closing", "closed pool",
        "closed connection pool", "pool after end", "pool was disconnected", "after closing pool",
        "unable to create a connectionfactory", "prismaclientoptions", "wrong or unknown protocol", "locked to hostgroup",
        "ip addresses matching preference", "doesn't permit requested plugin", "in load balancing mode",
        "allowed_hosts of", "on a replica set member or mongos", "to be run as a replica set",
        "before initial connection is complete", "state should be: open", "after close", "client is disconnected",
        "both uri and standard configuration", "no auth_query configured", "must be $external", "auth/app-deleted",
        "emultipleusers", "multiple users matched",
        "generate jwt signer", "error in config", "bouncer config error", "native websocket", "ws connection has not been established",
        "attempts to open a websocket", "configured with the accesstoken", "initialize the supabase",
        "http traffic to * not permitted", "x-forwarded-host header", "pooler domain does not", "firebaseapp with name",
        "enable the grpc extension", "emulator-config-failed", "requires an authsource", "as an auth source for",
        "authmechanism one of", "no replica set members available for replica set name";
    DriverMisconfigured [AuthMethodUnsupported]: "requires mysql native password", "requires clear text authentication",
        "scram authentication not supported, missing", "sha256_password or caching_sha2_password auth methods";
    AuthMethodUnsupported [AuthWrongPassword]: "requires an iam-authenticated user";
    AuthWrongPassword [WrongProtocol] @MongoDb: "server returned an invalid signature";
    AuthWrongPassword [TokenInvalid]: "databaseerror: unauthorized";
    AuthWrongPassword []: "failed with message: access denied for user", "signature_mismatch", "did not return the correct signature", "storedkey mismatch",
        "credentials are not valid";
    // PgBouncer asks nobody for a password then, but knows its users.
    AuthUnknownUser [AuthWrongPassword]: "\"trust\" authentication failed", "username should be in", "user name is not in the correct format";
    PreparedStatementConflict [ConnectionReset]: "unexpected parse response", "unexpected bind response",
        "unexpected describe rows";
    AccessRuleDenied [TlsRequired]: "no pool_hba.conf entry";
    AccessRuleDenied []: "can only connect locally", "organization's policy", "api_key_service_blocked",
        "error code: 1020", "security service to protect itself";
    DatabaseNotFound []: "no pool configured for database", "route for * is not found";
    ServerShuttingDown []: "not accepting clients, try another", "realtime is restarting";
    SrvLookupFailed []: "unable to locate any hosts for", "no addresses found at host", "server record does not share",
        "text record may only", "no resolver configuration", "/etc/resolv.conf", "libresolv unavailable";
    DnsNotFound []: "no such device or address";
    DnsNotFound [Unreachable]: "issue connecting with your hostname";
    DnsNotFound [Unreachable ConnectTimeout] @MongoDb: "configured with internal hostnames";
    StatementTimeout [TooManyConnections ConnectTimeout] @Supabase: "db_call";
    StatementTimeout [ConnectTimeout]: "postgres advisory lock", "response from the last query", "timeout in io operation",
        "connection for longer than", "headers timeout", "headerstimeouterror", "524: a timeout",
        "sockettimeoutms: 5", "deadline exceeded after";
    InvalidConnectionString []: "incorrect port value", "failed to parse the host:port", "option * not supported. parameter name",
        "invalid format for user or db_name", "protocol and host list are required", "empty userinfo",
        "unable to parse * with url", "uri scheme is not supported", "requires exactly one host", "connection * if multiple hosts", "connections * using multiple hosts",
        "values of tls/ssl must be the same", "stringified int", "protocol can not contain a port",
        "scheme cannot specify a port", "invalid project ref format", "invalid project id: ",
        "no database selected", "bad value * for option", "url parsing error", "improperly formatted uri";
    ServicePaused []: "was automatically paused", "tenant is banned", "has been suspended";
    ServicePaused [ApiNotEnabled] @Supabase: "realtime disabled for this tenant", "realtime was disabled";
    DriverServerIncompatible []: "no sni name sent";
    DiskFull [NotPrimary]: "storage is almost full", "disk is * full";
    ServerStartingUp [ServicePaused]: "currently being restored", "is being restored", "boot_error";
    ServerStartingUp [ConnectionRefused Unreachable]: "ring-balancer";
    QuotaExceeded [ServicePaused]: "used up its quota", "services restricted", "limit of * active free projects";
    ConnectionRefused []: "connect enoent * .sock";
    ConnectionRefused [ServicePaused ServerStartingUp]: "521: web server is down", "supabase start is not running";
    HostUnreachable [ServicePaused Unreachable]: "origin is unreachable";
    // nginx, and what is built on it.
    HostUnreachable []: "(113: host is unreachable", "(113: no route to host";
    PermissionDenied []: "service account does not have", "you cannot consume this service", "email not confirmed", "user is banned",
        "missing the following required permissions", "has the proper permissions";
    ApiNotEnabled []: "root endpoint metadata is disabled", "on the blaze";
    ClockSkew [TokenInvalid]: "jwt not yet valid";
    SecurityRulesDenied [PermissionDenied]: "infinite recursion detected in policy", "from this channel topic",
        "only allows private channels";
    TokenExpired [ClockSkew]: "token has expired", "revoked or expired";
    TokenInvalid []: "are required in jwt", "jwt::verificationerror", "project_number_mismatch", "recaptcha-error";
    ProjectNotFound [PoolerTenantNotFound]: "tenant with the given id", "missing tenant config", "app using client app id",
        "instancedoesnotexist", "sql instance does not exist", "requested project id";
    DriverMisconfigured [DnsNotFound Ipv6Unreachable]: "databaseipversion";
    InvalidApiKey []: "invalidaccesskeyid", "access key id you provided",
        "signaturedoesnotmatch", "third_party_auth_error", "<title>invalid_key", "invalid session: error finding";
    CredentialsMissing [InvalidServiceAccount] @Firebase: "must initialize app with a cert credential";
    InvalidServiceAccount []: "error reading credentials from stream", "the file at * does not exist, or it is not a file";
    ConnectionReset [] @Firebase: "refresh access token * econnreset";
    HostBlocked [QuotaExceeded] @Firebase: "unsuccessful login attempts";
    DatabaseNotFound [ProjectNotFound] @Firebase: "spelled the name of your firebase";
};
