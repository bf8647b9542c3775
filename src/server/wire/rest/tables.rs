//! The names that a request may use: tables and their columns with their types. What is not listed does not
//! exist as far as the wire is concerned.

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

/// One column that may be named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub kind: Type,
}

/// One table that may be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// Its columns, in the order of `select=*`.
    pub columns: &'static [Column],
}

const fn column(name: &'static str, kind: Type) -> Column {
    Column { name, kind }
}

/// Every table of the wire.
pub const TABLES: &[Table] = &[
    Table {
        name: "database_connection_health",
        columns: &[
            column("id", Type::Uuid),
            column("credential_id", Type::Uuid),
            column("status", Type::Text),
            column("response_time_ms", Type::Integer),
            column("error_message", Type::Text),
            column("check_timestamp", Type::Timestamp),
            column("alerts_sent", Type::Boolean),
            column("origin", Type::Text),
            column("attempts", Type::Integer),
            column("cause", Type::Text),
            column("failed_phase", Type::Text),
            column("error_code", Type::Text),
            column("dns_us", Type::Integer),
            column("tcp_us", Type::Integer),
            column("tls_us", Type::Integer),
            column("auth_us", Type::Integer),
            column("database_us", Type::Integer),
            column("query_us", Type::Integer),
        ],
    },
    Table {
        name: "database_performance_metrics",
        columns: &[
            column("id", Type::Uuid),
            column("credential_id", Type::Uuid),
            column("metric_date", Type::Date),
            column("avg_response_time_ms", Type::Numeric),
            column("total_requests", Type::Integer),
            column("successful_requests", Type::Integer),
            column("failed_requests", Type::Integer),
            column("uptime_percentage", Type::Numeric),
            column("updated_at", Type::Timestamp),
        ],
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
}
