//! The names that a request may use: tables and their columns with their types, and what may be written. What
//! is not listed does not exist as far as the wire is concerned.

/// A column's type, as a bound text is cast to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// `uuid`
    Uuid,
    /// `text`
    Text,
    /// `boolean`
    Boolean,
    /// `integer`
    Integer,
    /// `numeric`
    Numeric,
    /// `date`
    Date,
    /// `timestamptz`
    Timestamp,
    /// `jsonb`
    Json,
    /// `text[]`
    TextArray,
}

impl Type {
    /// Its name in SQL.
    #[must_use]
    pub const fn sql(self) -> &'static str {
        match self {
            Self::Uuid => "uuid",
            Self::Text => "text",
            Self::Boolean => "boolean",
            Self::Integer => "integer",
            Self::Numeric => "numeric",
            Self::Date => "date",
            Self::Timestamp => "timestamptz",
            Self::Json => "jsonb",
            Self::TextArray => "text[]",
        }
    }
}

/// Whether a column is in answers, and what a write may do with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// In answers; a write may set it.
    Written,
    /// In answers; the database makes it. A write may repeat it, which changes nothing.
    Kept,
    /// Taken by writes and in no answer: a secret.
    Sealed,
}

/// One column that may be named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub kind: Type,
    /// Whether it may be null.
    pub nullable: bool,
    /// Who sets it, and whether it is shown.
    pub access: Access,
}

impl Column {
    const fn nullable(self) -> Self {
        Self { nullable: true, ..self }
    }

    const fn written(self) -> Self {
        Self { access: Access::Written, ..self }
    }

    const fn sealed(self) -> Self {
        Self { access: Access::Sealed, ..self }
    }

    /// Whether an answer may hold it.
    #[must_use]
    pub const fn is_shown(&self) -> bool {
        !matches!(self.access, Access::Sealed)
    }
}

/// What writes do to a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writes {
    /// Nothing: it is read.
    None,
    /// Alert rules.
    AlertRules,
    /// Connections.
    Connections,
}

/// One table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// What a row is, for the documentation.
    pub about: &'static str,
    /// Its columns, in the order of `select=*`.
    pub columns: &'static [Column],
    /// Whether and how it is written.
    pub writes: Writes,
    /// Whether only one's own rows are reached, by `user_id`, also where row-level security shows more: the log is
    /// an administrator's to read on its page, and a token of scope `read` is handed to programs.
    pub only_own: bool,
}

const fn column(name: &'static str, kind: Type) -> Column {
    Column { name, kind, nullable: false, access: Access::Kept }
}

/// Every table of the wire.
pub const TABLES: &[Table] = &[
    Table {
        name: "database_credentials",
        about: "A connection. Its `credentials` are taken and never answered; `public_settings` shows what may be shown.",
        columns: &[
            column("id", Type::Uuid),
            column("user_id", Type::Uuid).written(),
            column("provider", Type::Text).written(),
            column("connection_name", Type::Text).written(),
            column("credentials", Type::Json).sealed(),
            column("is_active", Type::Boolean).written(),
            column("test_status", Type::Text).nullable(),
            column("last_tested_at", Type::Timestamp).nullable(),
            column("public_settings", Type::Json),
            column("check_interval_s", Type::Integer).written(),
            column("slow_threshold_ms", Type::Integer).written(),
            column("quiet_mode", Type::Text).written(),
            column("environment", Type::Text).nullable().written(),
            column("tags", Type::TextArray).written(),
            column("paused_at", Type::Timestamp).nullable(),
            column("created_at", Type::Timestamp),
            column("updated_at", Type::Timestamp),
        ],
        writes: Writes::Connections,
        only_own: false,
    },
    Table {
        name: "database_connection_errors",
        about: "A cause for which a connection failed, with how often and until when; one row for each new cause.",
        columns: &[
            column("id", Type::Uuid),
            column("user_id", Type::Uuid),
            column("credential_id", Type::Uuid).nullable(),
            column("provider", Type::Text),
            column("error_message", Type::Text),
            column("ai_analysis", Type::Json).nullable(),
            column("suggested_fixes", Type::Json).nullable(),
            column("fix_applied", Type::Boolean),
            column("resolved", Type::Boolean),
            column("cause", Type::Text),
            column("failed_phase", Type::Text).nullable(),
            column("error_code", Type::Text).nullable(),
            column("occurrences", Type::Integer),
            column("first_seen_at", Type::Timestamp),
            column("last_seen_at", Type::Timestamp),
            column("resolved_at", Type::Timestamp).nullable(),
            column("created_at", Type::Timestamp),
            column("updated_at", Type::Timestamp),
        ],
        writes: Writes::None,
        only_own: false,
    },
    Table {
        name: "database_connection_health",
        about: "A check and what it found.",
        columns: &[
            column("id", Type::Uuid),
            column("credential_id", Type::Uuid),
            column("status", Type::Text),
            column("response_time_ms", Type::Integer).nullable(),
            column("error_message", Type::Text).nullable(),
            column("check_timestamp", Type::Timestamp),
            column("alerts_sent", Type::Boolean),
            column("origin", Type::Text),
            column("attempts", Type::Integer),
            column("cause", Type::Text).nullable(),
            column("failed_phase", Type::Text).nullable(),
            column("error_code", Type::Text).nullable(),
            column("note", Type::Text).nullable(),
            column("dns_us", Type::Integer).nullable(),
            column("tcp_us", Type::Integer).nullable(),
            column("tls_us", Type::Integer).nullable(),
            column("auth_us", Type::Integer).nullable(),
            column("database_us", Type::Integer).nullable(),
            column("query_us", Type::Integer).nullable(),
        ],
        writes: Writes::None,
        only_own: false,
    },
    Table {
        name: "database_connection_retries",
        about: "One attempt at a connection.",
        columns: &[
            column("id", Type::Uuid),
            column("credential_id", Type::Uuid),
            column("attempt_number", Type::Integer),
            column("success", Type::Boolean),
            column("error_message", Type::Text).nullable(),
            column("retry_strategy", Type::Json),
            column("backoff_delay_ms", Type::Integer),
            column("attempted_at", Type::Timestamp),
            column("origin", Type::Text),
            column("cause", Type::Text).nullable(),
            column("failed_phase", Type::Text).nullable(),
            column("is_transient", Type::Boolean).nullable(),
            column("duration_ms", Type::Integer).nullable(),
            column("check_id", Type::Uuid).nullable(),
        ],
        writes: Writes::None,
        only_own: false,
    },
    Table {
        name: "database_knowledge_base",
        about: "What was learnt: a problem, its solution, and how well it has served.",
        // Without `author_id`: whose words they are is nobody else's business.
        columns: &[
            column("id", Type::Uuid),
            column("provider", Type::Text),
            column("category", Type::Text),
            column("title", Type::Text),
            column("description", Type::Text),
            column("solution", Type::Text),
            column("success_rate", Type::Numeric),
            column("confidence_score", Type::Numeric),
            column("usage_count", Type::Integer),
            column("code_examples", Type::Json),
            column("tags", Type::TextArray),
            column("cause", Type::Text),
            column("created_at", Type::Timestamp),
            column("updated_at", Type::Timestamp),
        ],
        writes: Writes::None,
        only_own: false,
    },
    Table {
        name: "database_performance_metrics",
        about: "A day of a connection, in UTC.",
        columns: &[
            column("id", Type::Uuid),
            column("credential_id", Type::Uuid),
            column("metric_date", Type::Date),
            column("avg_response_time_ms", Type::Numeric).nullable(),
            column("total_requests", Type::Integer),
            column("successful_requests", Type::Integer),
            column("failed_requests", Type::Integer),
            column("uptime_percentage", Type::Numeric).nullable(),
            column("updated_at", Type::Timestamp),
        ],
        writes: Writes::None,
        only_own: false,
    },
    Table {
        name: "database_alert_config",
        about: "A rule for alerts, for one connection or, without `credential_id`, for all of one's own. Secrets in \
                `notification_channels` are answered as `set`.",
        columns: &[
            column("id", Type::Uuid),
            column("user_id", Type::Uuid).written(),
            column("credential_id", Type::Uuid).nullable().written(),
            column("alert_type", Type::Text).written(),
            column("threshold", Type::Json).written(),
            column("notification_channels", Type::Json).written(),
            column("enabled", Type::Boolean).written(),
            column("created_at", Type::Timestamp),
            column("updated_at", Type::Timestamp),
        ],
        writes: Writes::AlertRules,
        only_own: false,
    },
    Table {
        name: "database_audit_log",
        about: "Something that one did oneself, or that was refused.",
        columns: &[
            column("id", Type::Uuid),
            column("user_id", Type::Uuid).nullable(),
            column("credential_id", Type::Uuid).nullable(),
            column("action", Type::Text),
            column("status", Type::Text),
            column("details", Type::Json),
            column("ip_address", Type::Text).nullable(),
            column("user_agent", Type::Text).nullable(),
            column("created_at", Type::Timestamp),
        ],
        writes: Writes::None,
        only_own: true,
    },
];

impl Table {
    /// The table of this name.
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Self> {
        TABLES.iter().find(|table| table.name == name)
    }

    /// The column of this name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&'static Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The columns of `select=*`.
    pub fn shown(&self) -> impl Iterator<Item = &'static Column> + use<> {
        self.columns.iter().filter(|column| column.is_shown())
    }
}
