//! A request in `PostgREST`'s query dialect as typed data. Names are looked up in the allow-list, values stay
//! text until Postgres casts them, and a query can be written down again as it would be asked (`Display`).

use std::fmt::{self, Write as _};

use super::tables::{Column, Table};

/// What the query string asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// Of which table.
    pub table: &'static Table,
    /// The columns of the answer, at least one, each under a name of its own.
    pub select: Vec<Selected>,
    /// The conditions; all hold.
    pub conditions: Vec<Condition>,
    /// The order, most significant first.
    pub order: Vec<Order>,
    /// Rows at most, where that was said.
    pub limit: Option<u32>,
    /// Rows to pass over.
    pub offset: u32,
    /// Of a write: the columns that the body's objects set, where that was said.
    pub columns: Option<Vec<&'static Column>>,
}

/// One column of the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selected {
    /// Which column.
    pub column: &'static Column,
    /// Under which name; `select=when:check_timestamp`.
    pub alias: Option<String>,
    /// As which type; `select=response_time_ms::text`.
    pub cast: Option<&'static str>,
}

impl Selected {
    /// The column as it is.
    #[must_use]
    pub const fn plain(column: &'static Column) -> Self {
        Self { column, alias: None, cast: None }
    }

    /// The name in the answer.
    #[must_use]
    pub fn name(&self) -> &str {
        self.alias.as_deref().unwrap_or(self.column.name)
    }
}

/// A condition on rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// On one column.
    One(Filter),
    /// `and=(…)` or `or=(…)`
    Group(Group),
}

/// Conditions that hold together or of which one holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// `not.` before it.
    pub negated: bool,
    /// `or` instead of `and`.
    pub any: bool,
    /// At least one.
    pub conditions: Vec<Condition>,
}

/// A condition on one column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// On which column.
    pub column: &'static Column,
    /// `not.` before it.
    pub negated: bool,
    /// What is asked of it.
    pub test: Test,
}

/// What a condition asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// `eq neq gt gte lt lte`
    Compare(Comparison, String),
    /// `like`, and `ilike`, which does not tell `a` from `A`; `*` stands for any text.
    Like {
        /// `ilike`
        ignore_case: bool,
        /// As it was sent.
        pattern: String,
    },
    /// `in.(a,"b,c")`
    In(Vec<String>),
    /// `is.null`, `is.true`, …
    Is(Truth),
}

/// How a column compares with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `eq`
    Equal,
    /// `neq`
    NotEqual,
    /// `gt`
    Greater,
    /// `gte`
    GreaterOrEqual,
    /// `lt`
    Less,
    /// `lte`
    LessOrEqual,
}

impl Comparison {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Equal, Self::NotEqual, Self::Greater, Self::GreaterOrEqual, Self::Less, Self::LessOrEqual];

    /// Its word in the dialect.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Equal => "eq",
            Self::NotEqual => "neq",
            Self::Greater => "gt",
            Self::GreaterOrEqual => "gte",
            Self::Less => "lt",
            Self::LessOrEqual => "lte",
        }
    }

    /// Its operator in SQL.
    #[must_use]
    pub const fn sql(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "<>",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
        }
    }

    /// The comparison of this word.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|comparison| comparison.word() == word)
    }
}

/// What `is` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    /// `null`
    Null,
    /// `not_null`
    NotNull,
    /// `true`
    True,
    /// `false`
    False,
    /// `unknown`: a boolean that is null
    Unknown,
}

impl Truth {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Null, Self::NotNull, Self::True, Self::False, Self::Unknown];

    /// Its word in the dialect.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::NotNull => "not_null",
            Self::True => "true",
            Self::False => "false",
            Self::Unknown => "unknown",
        }
    }

    /// Its words in SQL.
    #[must_use]
    pub const fn sql(self) -> &'static str {
        match self {
            Self::NotNull => "not null",
            other => other.word(),
        }
    }
}

/// One part of the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// By which column.
    pub column: &'static Column,
    /// The largest first.
    pub descending: bool,
    /// Where nulls go, if that was said.
    pub nulls_first: Option<bool>,
}

/// Why a query cannot be answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// The dialect is not followed, or a part of it is asked for that is not served.
    #[error("{0}")]
    Unreadable(String),
    /// There is no such column.
    #[error("column {table}.{column} does not exist")]
    NoColumn {
        /// The table that was asked.
        table: &'static str,
        /// The name that was asked for, escaped.
        column: String,
    },
    /// `columns` names what cannot be written.
    #[error("Could not find the '{column}' column of '{table}' in the schema cache")]
    NothingToWrite {
        /// The table that was asked.
        table: &'static str,
        /// The name that was sent, escaped.
        column: String,
    },
    /// The column is never answered.
    #[error("permission denied for column {0}: it is taken by writes and never answered")]
    Sealed(&'static str),
    /// Another table is to be embedded.
    #[error("Could not find a relationship between '{table}' and what select embeds")]
    Embedding {
        /// The table that was asked.
        table: &'static str,
    },
    /// The test does not fit the column's type.
    #[error("{0}")]
    Mistyped(String),
}

impl fmt::Display for Query {
    /// As a query string, percent-encoded.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut pairs = vec![("select".to_owned(), list(&self.select))];
        for condition in &self.conditions {
            pairs.push(match condition {
                Condition::One(Filter { column, negated, test }) => {
                    (column.name.to_owned(), format!("{}{}", not(*negated), Bare(test)))
                }
                Condition::Group(group) => (format!("{}{}", not(group.negated), group.word()), group.body()),
            });
        }
        if !self.order.is_empty() {
            pairs.push(("order".to_owned(), list(&self.order)));
        }
        if let Some(limit) = self.limit {
            pairs.push(("limit".to_owned(), limit.to_string()));
        }
        if self.offset > 0 {
            pairs.push(("offset".to_owned(), self.offset.to_string()));
        }
        if let Some(columns) = &self.columns {
            pairs.push(("columns".to_owned(), columns.iter().map(|column| column.name).collect::<Vec<_>>().join(",")));
        }
        for (place, (key, value)) in pairs.iter().enumerate() {
            if place > 0 {
                f.write_char('&')?;
            }
            encode(f, key)?;
            f.write_char('=')?;
            encode(f, value)?;
        }
        Ok(())
    }
}

/// Everything but what RFC 3986 leaves alone.
fn encode(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => f.write_char(char::from(byte))?,
            byte => write!(f, "%{byte:02X}")?,
        }
    }
    Ok(())
}

fn list<T: fmt::Display>(items: &[T]) -> String {
    items.iter().map(T::to_string).collect::<Vec<_>>().join(",")
}

const fn not(negated: bool) -> &'static str {
    if negated { "not." } else { "" }
}

impl fmt::Display for Selected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(alias) = &self.alias {
            write!(f, "{alias}:")?;
        }
        f.write_str(self.column.name)?;
        match self.cast {
            Some(cast) => write!(f, "::{cast}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.column.name)?;
        f.write_str(if self.descending { ".desc" } else { ".asc" })?;
        match self.nulls_first {
            Some(true) => f.write_str(".nullsfirst"),
            Some(false) => f.write_str(".nullslast"),
            None => Ok(()),
        }
    }
}

impl Group {
    const fn word(&self) -> &'static str {
        if self.any { "or" } else { "and" }
    }

    fn body(&self) -> String {
        format!("({})", list(&self.conditions))
    }
}

/// As it stands inside a group.
impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(Filter { column, negated, test }) => {
                write!(f, "{}.{}{}", column.name, not(*negated), Quoted(test))
            }
            Self::Group(group) => write!(f, "{}{}{}", not(group.negated), group.word(), group.body()),
        }
    }
}

/// A test whose value goes on to the end of the text.
struct Bare<'a>(&'a Test);

impl fmt::Display for Bare<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Test::Compare(comparison, value) => write!(f, "{}.{value}", comparison.word()),
            Test::Like { ignore_case, pattern } => write!(f, "{}.{pattern}", like(*ignore_case)),
            test => Quoted(test).fmt(f),
        }
    }
}

/// A test whose value ends where its quotes do.
struct Quoted<'a>(&'a Test);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Test::Compare(comparison, value) => write!(f, "{}.{}", comparison.word(), quote(value)),
            Test::Like { ignore_case, pattern } => write!(f, "{}.{}", like(*ignore_case), quote(pattern)),
            Test::In(values) => {
                write!(f, "in.({})", values.iter().map(|value| quote(value)).collect::<Vec<_>>().join(","))
            }
            Test::Is(truth) => write!(f, "is.{}", truth.word()),
        }
    }
}

const fn like(ignore_case: bool) -> &'static str {
    if ignore_case { "ilike" } else { "like" }
}

fn quote(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}
