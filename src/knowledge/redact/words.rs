//! Words that identify nobody: what stands after "host", "user" or "password" in ordinary sentences, and names
//! that half of all installations use.

/// What may follow "the password is" without being one.
pub(super) const SAYS_NOTHING: &[&str] = &[
    "a", "about", "absent", "accepted", "again", "also", "an", "and", "any", "as", "at", "authentication", "bad",
    "because", "being", "by", "can", "cannot", "case", "case-sensitive", "changed", "checked", "correct", "cut",
    "different", "does", "empty", "encoded", "encrypted", "entered", "expired", "expiring", "fine", "for", "from",
    "given", "good", "hashed", "here", "if", "in", "incorrect", "invalid", "it", "its", "known", "left", "long",
    "malformed", "missing", "must", "needed", "never", "no", "not", "now", "null", "of", "ok", "okay", "old", "on",
    "only", "or", "out", "percent-encoded", "provided", "read", "refused", "rejected", "required", "reset", "revoked",
    "right", "rotated", "saved", "secret", "sent", "set", "short", "still", "stored", "taken", "than", "that", "the",
    "there", "this", "to", "too", "trimmed", "truncated", "unchanged", "unknown", "unset", "used", "valid", "was",
    "weak", "what", "when", "where", "with", "without", "wrong", "yes", "yet", "your",
];

/// What follows "host", "user", "database" in ordinary sentences and is no name.
pub(super) const COMMON: &[&str] = &[
    "access", "account", "accounts", "address", "addresses", "after", "all", "already", "and", "another", "api", "are",
    "as", "at", "authentication", "be", "because", "been", "before", "behind", "being", "belongs", "both", "but", "by",
    "can", "cannot", "certificate", "closed", "cluster", "cluster's", "connection", "connections", "could", "created",
    "credentials", "data", "database", "database's", "default", "did", "directory", "disk", "do", "does", "doesn't",
    "down", "each", "error", "errors", "exists", "failed", "field", "file", "first", "for", "from", "grant", "group",
    "had", "has", "have", "hba", "header", "host", "host's", "id", "if", "in", "inside", "instance", "instead", "into",
    "is", "isn't", "it", "its", "key", "kind", "link", "list", "listens", "log", "logged", "logs", "looks", "machine",
    "may", "mode", "must", "name", "names", "needs", "network", "never", "new", "no", "not", "now", "of", "off", "on",
    "once", "one", "only", "or", "other", "over", "owner", "page", "parameter", "part", "password", "permission",
    "permissions", "pool", "port", "privilege", "privileges", "process", "provider", "proxy", "reached", "refused",
    "refuses", "rejected", "rejects", "replica", "requires", "returned", "right", "role", "roles", "rule", "runs",
    "said", "says", "seems", "sent", "server", "server's", "service", "set", "setting", "settings", "should", "side",
    "so", "started", "still", "string", "system", "table", "tables", "than", "that", "the", "then", "there", "they",
    "this", "through", "timeout", "to", "too", "type", "under", "unknown", "unless", "until", "up", "url", "use",
    "used", "user", "user's", "username", "users", "uses", "using", "value", "version", "via", "wants", "was", "went",
    "were", "what", "when", "where", "which", "while", "who", "will", "with", "within", "without", "won't", "would",
    "you", "your",
];

/// Names that so many installations use that they tell nothing.
pub(super) const EVERYBODYS: &[&str] = &[
    "admin", "authenticated", "default", "firebase", "firestore", "information_schema", "local", "localhost",
    "mariadb", "mongo", "mongodb", "mysql", "none", "null", "pgbouncer", "postgres", "postgresql", "public", "root",
    "service_role", "supabase", "sys", "system", "template0", "template1", "test", "true", "false", "undefined",
];

/// Files with dots in their names that stand in every manual.
pub(super) const KNOWN_FILES: &[&str] = &[
    "docker-compose.yml", "e.g", "i.e", "mongod.conf", "my.cnf", "my.ini", "node.js", "package.json", "pg_hba.conf",
    "pg_ident.conf", "pg_service.conf", "pgbouncer.ini", "postgresql.conf", "firestore.rules", "next.js", "vs.code",
];

/// What stands before a dot and a call in code.
pub(super) const CODE_OBJECTS: &[&str] = &[
    "admin", "app", "client", "conn", "connection", "console", "cursor", "engine", "firebase", "mongoose", "mysql",
    "mysqli", "pg", "pool", "process", "psycopg", "psycopg2", "session", "sqlalchemy", "supabase", "rs", "sh",
];

/// What stands before a colon and a number without being a host.
pub(super) const LABELS: &[&str] = &[
    "at", "code", "column", "count", "errno", "error", "error_code", "exit", "http", "id", "line", "ms", "number",
    "offset", "pid", "position", "row", "seconds", "sqlstate", "state", "status", "step", "timeout", "total", "version",
    "warning",
];

/// Parameters of addresses, and their values, that are the same everywhere.
pub(super) const PARAMETERS: &[&str] = &[
    "authmechanism", "channel_binding", "connect_timeout", "connecttimeoutms", "directconnection", "encrypt",
    "pgbouncer", "pool_mode", "pool_timeout", "prepared_statements", "requiressl", "retrywrites", "socket_timeout",
    "ssl", "ssl-mode", "sslmode", "tls", "usessl", "w",
];

/// Values of [`PARAMETERS`] that may stay.
pub(super) const PARAMETER_VALUES: &[&str] = &[
    "0", "1", "allow", "disable", "disabled", "false", "majority", "no-verify", "off", "on", "prefer", "preferred",
    "require", "required", "scram-sha-1", "scram-sha-256", "session", "transaction", "true", "verify-ca",
    "verify-full", "verify_ca", "verify_identity",
];
