//! Reads `PostgREST`'s query dialect into a typed query. Pure: names are looked up in the allow-list, values
//! stay text until Postgres casts them, and whatever cannot be read is an error that names it.

use axum::http::{HeaderMap, StatusCode, header};

use super::{
    MAX_ROWS,
    tables::{Column, Table},
};
use crate::server::wire::WireError;

/// The most conditions in one request.
const MAX_FILTERS: usize = 50;
/// The most values in one `in.(…)`.
const MAX_VALUES: usize = 1_000;

/// A read, as asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadQuery {
    /// The columns, with the names that they are answered under.
    pub select: Vec<Selected>,
    /// The conditions; all hold.
    pub filters: Vec<Filter>,
    /// The order, most significant first.
    pub order: Vec<Order>,
    /// Rows at most, never more than [`MAX_ROWS`].
    pub limit: u32,
    /// Rows to pass over.
    pub offset: u32,
    /// One object or a list.
    pub shape: Shape,
}

/// One column of the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selected {
    /// Which column.
    pub column: &'static Column,
    /// Under which name; `select=when:check_timestamp`.
    pub alias: Option<String>,
}

/// One condition.
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
    /// `eq neq gt gte lt lte`, with the operator in SQL.
    Compare(&'static str, String),
    /// `like ilike`, with the operator in SQL and `*` already `%`.
    Like(&'static str, String),
    /// `in.(a,"b,c")`
    In(Vec<String>),
    /// `is.null`, `is.true`, …, as the words in SQL.
    Is(&'static str),
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

/// What the answer looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A list.
    Rows,
    /// Exactly one object: `.single()`.
    One,
}

/// What `Prefer` asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Preferences {
    /// `count=exact`
    pub count: bool,
}

impl Preferences {
    /// From the headers; what is not known is passed over, as `PostgREST` does.
    #[must_use]
    pub fn parse(headers: &HeaderMap) -> Self {
        let count = headers
            .get_all("prefer")
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .any(|preference| preference.trim() == "count=exact");
        Self { count }
    }
}

fn unreadable(message: impl Into<String>) -> WireError {
    WireError::new(StatusCode::BAD_REQUEST, "PGRST100", message)
}

fn find_column(table: &'static Table, name: &str) -> Result<&'static Column, WireError> {
    table.column(name).ok_or_else(|| {
        WireError::new(
            StatusCode::BAD_REQUEST,
            "42703",
            format!("column {}.{} does not exist", table.name, name.escape_default()),
        )
    })
}

impl ReadQuery {
    /// Reads the query string and the headers of a request for `table`.
    ///
    /// # Errors
    ///
    /// 400 with `PGRST100` where the dialect is not followed, `42703` where a column is not there.
    pub fn parse(table: &'static Table, raw: &str, headers: &HeaderMap) -> Result<Self, WireError> {
        let mut query = Self {
            select: Vec::new(),
            filters: Vec::new(),
            order: Vec::new(),
            limit: MAX_ROWS,
            offset: 0,
            shape: shape(headers),
        };
        query.apply_range(headers)?;
        for (key, value) in pairs(raw)? {
            match key.as_str() {
                "select" => query.select = parse_select(table, &value)?,
                "order" => query.order = parse_order(table, &value)?,
                "limit" => query.limit = query.limit.min(parse_count("limit", &value)?),
                "offset" => query.offset = parse_count("offset", &value)?,
                "and" | "or" | "not.and" | "not.or" | "on_conflict" | "columns" => {
                    return Err(unreadable(format!("`{key}` is not part of the dialect that is served here.")));
                }
                name => {
                    if query.filters.len() == MAX_FILTERS {
                        return Err(unreadable(format!("More than {MAX_FILTERS} conditions.")));
                    }
                    query.filters.push(parse_filter(table, name, &value)?);
                }
            }
        }
        if query.select.is_empty() {
            query.select = all_columns(table);
        }
        Ok(query)
    }

    /// `Range: 0-9`, where supabase-js or curl sends it as a header.
    fn apply_range(&mut self, headers: &HeaderMap) -> Result<(), WireError> {
        let Some(range) = headers.get(header::RANGE) else { return Ok(()) };
        let wrong = || unreadable("The Range header is not of the form `0-9`.");
        let text = range.to_str().map_err(|_| wrong())?;
        let (first, last) = text.strip_prefix("items=").unwrap_or(text).split_once('-').ok_or_else(wrong)?;
        self.offset = parse_count("Range", first)?;
        if !last.is_empty() {
            let last = parse_count("Range", last)?;
            let rows = last.checked_sub(self.offset).ok_or_else(wrong)?.saturating_add(1);
            self.limit = self.limit.min(rows);
        }
        Ok(())
    }
}

fn shape(headers: &HeaderMap) -> Shape {
    let one = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.contains("application/vnd.pgrst.object+json"));
    if one { Shape::One } else { Shape::Rows }
}

fn all_columns(table: &'static Table) -> Vec<Selected> {
    table.columns.iter().map(|column| Selected { column, alias: None }).collect()
}

/// The pairs of a query string, percent-decoded, `+` as a space.
fn pairs(raw: &str) -> Result<Vec<(String, String)>, WireError> {
    raw.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(key)?, decode(value)?))
        })
        .collect()
}

fn decode(text: &str) -> Result<String, WireError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digits = [rest.next(), rest.next()].map(|digit| digit.and_then(|d| char::from(d).to_digit(16)));
                let [Some(high), Some(low)] = digits else {
                    return Err(unreadable("A `%` in the query is not followed by two hexadecimal digits."));
                };
                bytes.push(u8::try_from(high * 16 + low).unwrap_or_default());
            }
            byte => bytes.push(byte),
        }
    }
    let text = String::from_utf8(bytes).map_err(|_| unreadable("The query is not UTF-8."))?;
    if text.contains('\0') {
        return Err(unreadable("The query holds a zero byte."));
    }
    Ok(text)
}

fn parse_count(name: &str, text: &str) -> Result<u32, WireError> {
    text.trim().parse().map_err(|_| unreadable(format!("{name} is not a whole number from 0 to 4294967295.")))
}

fn parse_select(table: &'static Table, text: &str) -> Result<Vec<Selected>, WireError> {
    let mut selected = Vec::new();
    for item in text.split(',') {
        let item = item.trim();
        if item == "*" || (item.is_empty() && text.trim().is_empty()) {
            selected.extend(all_columns(table));
            continue;
        }
        let (alias, name) = match item.split_once(':') {
            Some((alias, name)) if is_alias(alias) => (Some(alias.to_owned()), name),
            Some(_) => return Err(unreadable("A name before `:` in select is not made of letters, digits and `_`.")),
            None => (None, item),
        };
        if name.contains(['(', ')', '-', '>']) {
            return Err(unreadable("select takes the names of columns; embedding and JSON paths are not served here."));
        }
        selected.push(Selected { column: find_column(table, name.trim_matches('"'))?, alias });
    }
    if selected.len() > 200 {
        return Err(unreadable("select names more than 200 columns."));
    }
    Ok(selected)
}

fn is_alias(text: &str) -> bool {
    (1..=63).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn parse_order(table: &'static Table, text: &str) -> Result<Vec<Order>, WireError> {
    text.split(',')
        .map(|item| {
            let mut parts = item.trim().split('.');
            let column = find_column(table, parts.next().unwrap_or_default())?;
            let mut order = Order { column, descending: false, nulls_first: None };
            for part in parts {
                match part {
                    "asc" => order.descending = false,
                    "desc" => order.descending = true,
                    "nullsfirst" => order.nulls_first = Some(true),
                    "nullslast" => order.nulls_first = Some(false),
                    other => return Err(unreadable(format!("order does not know `{}`.", other.escape_default()))),
                }
            }
            Ok(order)
        })
        .collect()
}

fn parse_filter(table: &'static Table, name: &str, text: &str) -> Result<Filter, WireError> {
    let column = find_column(table, name)?;
    let (negated, text) = match text.strip_prefix("not.") {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let Some((operator, value)) = text.split_once('.') else {
        return Err(unreadable(format!("The condition on {name} is not of the form `operator.value`.")));
    };
    let condition = match operator {
        "eq" => Test::Compare("=", value.to_owned()),
        "neq" => Test::Compare("<>", value.to_owned()),
        "gt" => Test::Compare(">", value.to_owned()),
        "gte" => Test::Compare(">=", value.to_owned()),
        "lt" => Test::Compare("<", value.to_owned()),
        "lte" => Test::Compare("<=", value.to_owned()),
        "like" => Test::Like("like", value.replace('*', "%")),
        "ilike" => Test::Like("ilike", value.replace('*', "%")),
        "in" => Test::In(parse_list(name, value)?),
        "is" => Test::Is(parse_is(name, value)?),
        other => {
            return Err(unreadable(format!(
                "The condition on {name} has the unknown operator `{}`.",
                other.escape_default()
            )));
        }
    };
    Ok(Filter { column, negated, test: condition })
}

fn parse_is(name: &str, value: &str) -> Result<&'static str, WireError> {
    match value.to_ascii_lowercase().as_str() {
        "null" => Ok("null"),
        "not_null" => Ok("not null"),
        "true" => Ok("true"),
        "false" => Ok("false"),
        "unknown" => Ok("unknown"),
        _ => Err(unreadable(format!("`is` on {name} takes null, not_null, true, false or unknown."))),
    }
}

/// `(a,b,"c,d")`, with `\"` and `\\` inside quotes.
fn parse_list(name: &str, text: &str) -> Result<Vec<String>, WireError> {
    let wrong = || unreadable(format!("`in` on {name} is not of the form `(a,b)`."));
    let inner = text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).ok_or_else(wrong)?;
    let mut values = Vec::new();
    let mut chars = inner.chars().peekable();
    if inner.is_empty() {
        return Ok(values);
    }
    loop {
        let mut value = String::new();
        if chars.next_if_eq(&'"').is_some() {
            loop {
                match chars.next().ok_or_else(wrong)? {
                    '"' => break,
                    '\\' => value.push(chars.next().ok_or_else(wrong)?),
                    other => value.push(other),
                }
            }
        } else {
            while let Some(other) = chars.next_if(|next| *next != ',') {
                value.push(other);
            }
        }
        values.push(value);
        if values.len() > MAX_VALUES {
            return Err(unreadable(format!("`in` on {name} lists more than {MAX_VALUES} values.")));
        }
        match chars.next() {
            None => return Ok(values),
            Some(',') => {}
            Some(_) => return Err(wrong()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn health() -> &'static Table {
        Table::find("database_connection_health").unwrap_or_else(|| panic!("the table is listed"))
    }

    fn parse(raw: &str) -> Result<ReadQuery, WireError> {
        ReadQuery::parse(health(), raw, &HeaderMap::new())
    }

    #[test]
    fn reads_what_supabase_js_sends() {
        let query =
            parse("select=*&credential_id=eq.8d0f1e3e-0000-0000-0000-000000000001&order=check_timestamp.desc&limit=10")
                .unwrap_or_else(|error| panic!("{error:?}"));
        assert_eq!(query.select.len(), health().columns.len());
        assert_eq!(query.limit, 10);
        assert_eq!(query.order.len(), 1);
        assert!(query.order.iter().all(|order| order.descending && order.nulls_first.is_none()));
        assert_eq!(query.filters.first().map(|filter| filter.column.name), Some("credential_id"));
    }

    #[test]
    fn reads_every_operator() {
        for (text, test) in [
            ("status=eq.down", Test::Compare("=", "down".to_owned())),
            ("status=neq.down", Test::Compare("<>", "down".to_owned())),
            ("response_time_ms=gte.10", Test::Compare(">=", "10".to_owned())),
            ("status=like.he*", Test::Like("like", "he%".to_owned())),
            ("status=in.(down,%22a,b%22,c)", Test::In(vec!["down".to_owned(), "a,b".to_owned(), "c".to_owned()])),
            ("cause=is.null", Test::Is("null")),
            ("status=eq.a.b", Test::Compare("=", "a.b".to_owned())),
        ] {
            let query = parse(text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
            assert_eq!(query.filters.first().map(|filter| filter.test.clone()), Some(test), "{text}");
        }
        let negated = parse("status=not.in.(down)").unwrap_or_else(|error| panic!("{error:?}"));
        assert!(negated.filters.iter().all(|filter| filter.negated));
    }

    #[test]
    fn refuses_what_is_not_in_the_dialect() {
        for text in [
            "select=user_id",
            "select=*,database_credentials(*)",
            "order=nothing.desc",
            "order=status.sideways",
            "limit=-1",
            "limit=many",
            "status=down",
            "status=in.down",
            "status=in.(a",
            "status=in.(%22a)",
            "or=(status.eq.down)",
            "status%00=eq.a",
            "status=eq.%00",
            "status=eq.%FF",
            "status=eq.%4",
            "id;drop table users=eq.1",
            "cause=is.maybe",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn no_more_rows_than_the_most() {
        assert_eq!(parse("limit=100000").map(|query| query.limit).ok(), Some(MAX_ROWS));
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, header::HeaderValue::from_static("5-9"));
        let query = ReadQuery::parse(health(), "", &headers).unwrap_or_else(|error| panic!("{error:?}"));
        assert_eq!((query.offset, query.limit), (5, 5));
    }

    proptest! {
        #[test]
        fn never_panics(raw in ".{0,200}") {
            drop(parse(&raw));
        }

        #[test]
        fn any_value_survives(value in "[^\0]{0,60}") {
            let encoded = value.bytes().fold(String::new(), |text, byte| text + &format!("%{byte:02x}"));
            let query = parse(&format!("status=eq.{encoded}")).map_err(|error| TestCaseError::fail(format!("{error:?}")))?;
            prop_assert_eq!(&query.filters[0].test, &Test::Compare("=", value));
        }
    }
}
