//! Wordings for what somebody saw happen: what the network did, what a client complains of, and words that say little.

use super::{Family, families};
use crate::{
    connections::Provider::{Firebase, MongoDb, PostgreSql, Supabase},
    probe::Cause,
};

/// What the network did, and what the symptoms of a client are.
pub const GENERAL: &[Family] = families! {
    WrongProtocol []: "packets out of order", "out-of-order", "expected authentication request", "http/1.1 4",
        "http/1.0", "http/1.1", "bad handshake", "unexpected protocol", "malformed packet", "does not speak",
        "invalid startup packet", "unexpected message from server", "invalid message length",
        "invalid response to ssl", "invalid packet", "unknown message type", "unknown message code", "unexpected message",
        "unexpected or invalid data", "packet sequence number wrong", "unsupported frontend protocol",
        "malformed *packet", "invalid opcode", "malformed server", "over http on the native driver port",
        "unknown response for startup", "protocol error", "protocol violation", "not a mysql", "protocol mismatch", "protocol version * not supported", "unexpected response",
        "client sent an http request to an https", "message length * exceeds", "bad packet", "unexpected token '<'",
        "unexpected token <", "invalid reply from server", "got packets out of order", "unexpected startup",
        "unknown protocol version";
    Ipv6Unreachable [HostUnreachable]: "address family not supported", "address family for hostname not supported",
        "ipv6 is not supported", "address incompatible with the requested protocol", "ipv6 * not available", "unreachable * ipv6";
    HostUnreachable []: "client is offline", "no route to", "network is unreachable", "network is down",
        "host is unreachable", "host is down", "internet connection appears to be offline", "unreachable host",
        "unreachable network", "no internet", "unavailable while offline", "device is offline", "host unreachable",
        "network unreachable", "noroutetohostexception", "internet disconnected";
    ConnectionRefused []: "connection refused", "actively refused", "could not connect * no such file or directory",
        "connection * no such file or directory", "can't connect to local", "no such file or directory * socket",
        "socket * no such file or directory", "socket * no such file", "connectionrefusederror",
        "connection to * refused", "refused the connection", "connectionrefused", "docker daemon",
        "refused to connect", "connectexception: connection refused", "no connection could be made", "target machine",
        "accepting connections on that socket", "s.pgsql.5432", "mysqld.sock", "mysql.sock";
    ConnectionRefused [HostUnreachable Ipv6Unreachable]: "cannot assign requested address",
        "can't assign requested address", "addrnotavail";
    Unreachable [ConnectionRefused ConnectTimeout]: "network-request-failed", "can't reach database server";
    Unreachable [ConnectTimeout HostUnreachable] @Firebase: "backend didn't respond";
    ConnectTimeout []: "waiting for connection (client.timeout", "<monitor> to * timed out";
    DriverServerIncompatible [DriverMisconfigured] @MongoDb: "command * not supported";
    PoolExhausted []: "bb8", "connection not available", "connection from pool", "pool timed out", "pooltimeout", "waitqueuetimeouterror",
        "connectionacquiretimeouterror", "poolexhaustedexception", "pool_noconnavail", "pool_enqueuelimit",
        "timeout acquiring a connection", "unable to acquire a connection", "connection pool * timed out",
        "timed out fetching a new connection", "connection is not available, request timed out",
        "checking out a connection", "pool is probably full", "connection pool has been exhausted",
        "connection pool exhausted", "connection from the pool", "pool exhausted", "pool is exhausted",
        "pool is full", "pool empty", "pooled connections are in use", "obtaining a connection from the pool",
        "checkout a connection has timed out", "waiting for idle object", "waited for item but none was pushed", "resourcerequest timed out",
        "acquiretimeout", "dropped from queue", "queued and checked out", "no connections available",
        "queue limit reached", "waiting for connection", "waiting for an open connection",
        "waiting for a slot to become available", "couldn't get a connection after", "get connection timeout",
        "acquisition timeout", "acquisition timed out", "connection pool is full", "could not obtain a connection",
        "could not obtain a database connection", "pool error", "get a connection from the pool", "maxpoolsize",
        "wait queue", "acquire connection", "unable to start a transaction in the given time", "no free connection",
        "pool limit", "waiting for available connection", "pool overload";
    ConnectTimeout []: "did not properly respond", "resource temporarily unavailable", "connecttimeouterror",
        "connecttimeoutexception", "connectiontimeouterror", "connectiontimeoutexception", "retry-limit-exceeded",
        "auth/timeout", "connect timed out", "error code: 522", "error code: 524",
        "handshake operation timed out", "handshake timed out", "connection timed out", "connect timeout",
        "connection timeout", "timeout expired", "i/o timeout", "handshake inactivity timeout",
        "connection attempt timed out", "timeout exceeded when trying to connect", "timed out while connecting",
        "timeout: could not connect", "dial * timeout", "timeout during reading", "connect() timed out",
        "connection to server * timeout", "client_login_timeout", "semaphore timeout", "no response from server",
        "socket timed out", "timed out trying to connect";
    Unreachable [ConnectionRefused ConnectTimeout]: "pgrst001";
    IdleConnectionClosed [ConnectionReset]: "recv (idle)", "no longer connected", "has gone away",
        "closed due to inactivity", "idle-session timeout", "idle session timeout", "idle timeout",
        "idle-in-transaction", "because of inactivity", "ssl connection has been closed unexpectedly",
        "replication timeout", "connection already closed", "no connection to the server",
        "can't get socket descriptor", "could not receive data from server: connection timed out",
        "connection is already closed", "server closed the connection. *", "protocol_connection_lost",
        "connection lost: the server closed", "in closed state", "this connection has been closed",
        "connection has been closed", "after fatal error", "timeout reading communication packets",
        "closed connection", "connection is closed", "last packet successfully received from the server was",
        "connection not open", "connection unexpectedly closed", "not connected to",
        "no operations allowed after connection closed", "not queryable", "idle connection",
        "connection does not exist", "stale connection", "connection was killed", "connection reset by peer * idle",
        "conn closed", "inactive for";
    ConnectionReset [IdleConnectionClosed DriverMisconfigured WrongProtocol]: "invalid length of startup packet";
    ConnectionReset [IdleConnectionClosed]: "connection reset", "reset by peer", "socket hang up", "broken pipe",
        "server closed the connection", "network error while attempting to run command", "connection closed", "unexpected end of file", "unexpected eof",
        "unexpectedeof", "eof detected", "prematurely reached", "premature end",
        "lost connection to", "closed by the remote host", "forcibly closed", "end-of-stream", "end of stream",
        "connection was closed", "connection terminated", "socket disconnected", "remote host terminated",
        "remote host closed", "shut down incorrectly", "closed the transport stream", "sending to the backend",
        "connection was reset", "connection aborted", "software caused connection abort",
        "server has closed the connection", "connection was forcibly", "closed abruptly", "network disconnect", ":tcp_closed", "{:tcp_closed", ":sock_closed", "connection was lost",
        "connection ended unexpectedly", "pool was destroyed", "pool destroyed", "connection lost", "bad connection",
        "prematurely closed", "unexpectedly closed", "closed unexpectedly", "connection to database closed",
        "server conn crashed", "incomplete handshake response", "communication packets", "remote end closed",
        "socket closed", "socket was unexpectedly closed", "connection_ended", "connection_closed",
        "connection_destroyed", "closed the connection", "connection * closed", "eofexception", "0 bytes read",
        "unexpected disconnect", "exception while reading from stream", "exception while writing to stream",
        "tcp recv", "tcp send", "stream reset", "rst_stream", "decryption failed",
        "connection was refused by * reset", "eof while reading", "bytes at eof", "early eof", "close_notify",
        "busy buffer", "invalid connection", "closed before the connection is established", "ssl_error_syscall",
        "disconnect/reset before headers", "unrecognized ssl error", ": eof", "(eof", "incomplete read",
        "topology was destroyed", "connection was aborted", "read zero bytes", "failed to receive length header",
        "goaway", "past end of stream", "past the end of the stream", "reading from the stream has failed",
        "aborted connection", "handler exited";
    // What kept the token away stands behind it, where it is the network.
    InvalidServiceAccount [ClockSkew]: "fetch a valid google oauth2 access token", "app/invalid-credential",
        "error fetching access token";
    // An HTTP client's word for an answer that did not come, once it was connected.
    StatementTimeout [ConnectTimeout Unreachable] @Supabase Firebase: "readtimeout", "read timed out",
        "read operation timed out", "read timeout";
    StatementTimeout [ConnectTimeout] @Firebase: "deadline_exceeded", "deadline-exceeded", "deadline exceeded";
};

/// What is wrong with what, in whatever words: a subject and a complaint near each other.
pub const LOOSE: &[Family] = families! {
    PreparedStatementConflict [] @PostgreSql Supabase: "prepared statement";
    DiskFull []: "out of * disk", "disk * full", "disk space", "no * space left";
    ClockSkew [TokenInvalid]: "\"iat\" claim", "'iat' claim";
    TlsCertExpired [ClockSkew]: "certificate * expired", "expired * certificate";
    TlsHostnameMismatch []: "certificate * match", "certificate * host name", "certificate * hostname",
        "certificate * common name";
    TlsCertUntrusted []: "certificate * error", "certificate * fail", "certificate * invalid",
        "invalid * certificate", "certificate * trust", "trust * certificate", "verify * certificate",
        "certificate * verif", "issuer certificate";
    TlsProtocolMismatch [TlsCertUntrusted TlsNotSupported ConnectionReset]: "tls handshake", "ssl handshake",
        "handshake failed", "handshake error", "tlsexception", "sslexception", "sslhandshakeexception",
        "error opening a tls", "ssl connection error", "ssl error", "tls error", "tls negotiation", "ssl negotiation",
        "ssl routines", "establish a secure connection", "fatal alert", "alertreceived", "secure channel";
    Unreachable [ConnectionRefused ConnectTimeout]: "no database connection", "no db connection";
    InvalidApiKey [TokenInvalid]: "api key * invalid", "api key * wrong", "api key * revoked", "api key * disabled",
        "api key * missing", "invalid * api key", "wrong api key", "apikey * invalid", "invalid * apikey";
    TokenExpired [TokenInvalid]: "token * expired", "expired * token", "session * expired", "jwt * expired",
        "refresh token";
    TokenInvalid [TokenExpired]: "token * invalid", "invalid * token", "jwt * invalid", "token * revoked",
        "token * malformed", "missing claim", "claim * missing", "incorrect * claim", "token * verif", "verif * token", "jwt * fail", "token * not valid", "error * jwt",
        "appcheck token", "app check token", "app-check", "pgrst301", "pgrst303";
    InvalidServiceAccount [CredentialsMissing] @Firebase: "credential * fail", "credential * invalid",
        "invalid * credential", "failed * credential", "service account", "credential * error", "access token * fail",
        "fail * access token";
    QuotaExceeded []: "quota * exceed", "exceed * quota", "rate limit", "ratelimit", "rate_limit", "limit * exceeded",
        "exceeded * limit", "throttl";
    TooManyConnections []: "too many * connection", "connection limit", "connections limit", "connection count * limit",
        "maximum * connections", "more connections";
    PoolExhausted [TooManyConnections]: "pool * timeout", "pool * timed out", "pool * exhaust", "pool * full",
        "timeout * pool", "timed out * pool";
    NotPrimary []: "read-only", "read only", "readonly", "no master", "no writer", "failover";
    ServerStartingUp []: "starting up", "not ready", "is initializing", "still starting", "recovering";
    ServerShuttingDown []: "shutting down", "server shutdown", "is restarting", "being restarted", "is stopping",
        "terminating connection due to";
    DatabaseNotFound []: "database * not found", "database * not exist", "database * unknown", "database * missing",
        "no database", "db * not exist";
    AuthUnknownUser [AuthWrongPassword]: "user * not found", "user * not exist", "no such user",
        "account * not exist";
    AuthMethodUnsupported []: "authentication * not supported", "auth * not supported", "unsupported * auth",
        "authentication method", "auth plugin", "unknown * authentication", "how to auth", "auth type";
    AuthWrongPassword [AuthMethodUnsupported]: "authentication failed", "authentication fail", "authentication error",
        "auth error", "auth failed", "login failed", "failed to authenticate", "failed to login",
        "unable to authenticate", "not authenticated", "could not authenticate", "can't authenticate", "invalid user",
        "wrong user", "password * incorrect", "password * wrong", "password * invalid", "failed login",
        "access denied", "credentials * invalid", "credentials * incorrect", "invalid * credentials",
        "incorrect * credentials";
    AccessRuleDenied []: "whitelist", "block * firewall", "firewall * block", "firewall * den", "firewall * reject",
        "ip * blocked", "address * not allowed";
    PermissionDenied []: "permission * denied", "privilege", "not authorized", "unauthorized to", "forbidden",
        "not permitted", "insufficient * permission", "operation not permitted";
    DnsNotFound []: "dns", "translate * host", "translate * name", "resolve * host", "host * resolve", "hostname * not found", "name * not found: host";
    InvalidConnectionString []: "connection string", "connection url", "malformed url", "malformed uri",
        "url * invalid", "uri * invalid", "invalid * url", "invalid * uri", "dsn", "invalid * hostname";
    CredentialsMissing []: "password * required", "username * required", "credentials * required", "key * required",
        "url * required", "url * undefined", "environment variable * missing", "environment variable * not",
        "environment variable * undefined", "environment variable * set", "environment variable * empty",
        "missing * environment variable";
    DriverServerIncompatible [DriverMisconfigured]: "version * not supported", "unsupported * version",
        "incompatible", "requires version", "version mismatch";
    DriverMisconfigured []: "driver * not found", "not installed", "option * invalid", "invalid * option",
        "unknown * option", "parameter * not supported", "configuration error", "misconfigur", "acceptable values",
        "'nonetype' object", "cannot read propert", "undefined is not", "value * not acceptable";
    ConnectionRefused []: "refused * connection", "connection * refus";
    ConnectionReset [IdleConnectionClosed]: "connection * lost", "connection * reset", "connection * closed",
        "stream * closed", "stream * ended", "connection * broken", "connection * aborted", "connection * dropped",
        "end of file";
};

/// Words that say only that it did not work. Also here: what Atlas and Firebase suggest without knowing.
pub const VAGUE: &[Family] = families! {
    AccessRuleDenied [ConnectTimeout Unreachable]: "your mongodb atlas cluster * common reason",
        "your mongodb atlas cluster * ip ";
    // What JavaScript makes of a host that was never set.
    InvalidConnectionString [CredentialsMissing DnsNotFound]: "'undefined:", "host: 'undefined'";
    QuotaExceeded [] @Firebase Supabase: "429";
    // gRPC says so too where the network kept it from fetching a token, so the network's words come first.
    TokenInvalid [InvalidServiceAccount ClockSkew TokenExpired] @Firebase: "unauthenticated";
    ConnectTimeout [Unreachable] @MongoDb: ": timed out";
    ConnectTimeout [Unreachable] @MongoDb: "server selection error: context deadline exceeded";
    ConnectTimeout [Unreachable AccessRuleDenied] @MongoDb: "server selection timed out after";
    Unreachable [ConnectTimeout AccessRuleDenied] @MongoDb: "selecting a server", "server selection",
        "serverselection", "buffering timed out", "no suitable servers", "no servers found yet", "no server chosen";
    ConnectionReset [IdleConnectionClosed]: "disconnected";
    PermissionDenied [SecurityRulesDenied]: "permission denied";
    PermissionDenied [CredentialsMissing] @MongoDb: "unauthorized";
    PermissionDenied [SecurityRulesDenied] @Firebase: "403";
    ConnectTimeout [Unreachable]: "timed out * connect", "timeout * connecting", "connect * timed out",
        "connection * timed out", "failed to connect * timeout", "could not connect * timeout";
    ConnectTimeout [Unreachable]: "timed out", "deadline exceeded", "deadline has elapsed", "timeoutexception",
        "timeouterror", "time out", "timeout of", "request timeout", "operation timeout", "timeout after";
    InvalidApiKey [TokenInvalid] @Supabase: "unauthorized";
    ServicePaused [] @Supabase: "status 540", "status code 540", "http 540";
    Unreachable [ConnectionRefused ConnectTimeout]: "communications link failure", "could not connect",
        "cannot connect", "can't connect", "couldn't connect", "unable to connect", "can't reach", "could not reach", "couldn't reach",
        "cannot reach", "failed to connect", "fetch failed", "failed to fetch", "network request failed",
        "networkerror", "connection attempt failed", "could not open connection",
        "could not open jdbc connection", "could not create connection", "could not establish", "unable to reach",
        "unreachable", "network error", "no connection established", "temporarily unavailable", "unavailable",
        "error connecting to", "error communicating", "connection error", "connection failed",
        "failed to open a connection", "unable to open", "cannot open connection", "load failed",
        "failed to initialize pool", "failed to obtain jdbc connection", "unable to acquire jdbc connection",
        "unable to access", "connection to * failed", "connect failed", "unable to determine dialect",
        "not able to connect", "failed connecting", "failed to establish", "p1001", "pgrst000", "error 521", "web server is down", "error code: 520", "error code: 521", "error code: 523",
        "server login has been failing", "authretryablefetch", "could not be acquired from the underlying",
        "no reachable servers", "no server is available", "no server available", "no mongos prox", "no valid replicaset members", "no connection available",
        "poolableconnectionfactory", "transport errored", "webchannelconnection", "failed to send a request",
        "invalid response was received from the upstream", "no healthy upstream", "authentication query failed", "bad gateway",
        "service unavailable", "problem connecting", "no servers available", "no_response", "no response",
        "unable to ping", "error while creating socket", "not responding", "not reachable", "failed * connect", "fail * connection",
        "connect * failed", "connection * failed", "error * connecting", "unable * connect", "connection failure",
        "cannot open * connection", "error establishing", "establishing * connection", "no connection",
        "connection not established";
};
