//! `/rest/v1`: the tables in `PostgREST`'s dialect. [`parse`] reads the query string into a typed [`query`] and
//! [`headers`] the headers, [`tables`] says which names may occur, [`sql`] writes one statement from them, and
//! the caller's transaction runs it under row-level security. [`write`] calls what the pages call.

use axum::{
    Router,
    body::Body,
    extract::{FromRequestParts, Path, RawQuery},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, request::Parts},
    response::Response,
    routing::get,
};
use sqlx::Row;

use crate::{
    auth::{
        Scope,
        server::{Caller, Tx},
    },
    error::AppError,
    server::{
        limits::Place,
        state::AppState,
        wire::{TokenCaller, WireError, body::Codes},
    },
};

mod error;
pub mod headers;
pub mod parse;
pub mod query;
pub mod rpc;
pub mod sql;
pub mod tables;
mod write;

use headers::{Preferences, Shape};
use query::{Query, QueryError};
use sql::Rows;
use tables::Table;

/// The most rows that one call answers or changes.
pub const MAX_ROWS: u32 = 1_000;

/// What `PostgREST` says of bodies that it cannot take.
const BODY: Codes = Codes { malformed: "PGRST102", not_json: "PGRST107" };

/// What the log calls a read that is refused.
const READ: &str = "rest.read";

/// The routes below `/rest/v1`.
pub fn router() -> Router<AppState> {
    Router::new()
        .route("/rpc/{name}", get(rpc::by_query).post(rpc::by_body).fallback(rpc::refuse_method))
        .route(
            "/{table}",
            get(read).post(write::insert).patch(write::update).delete(write::delete).fallback(write::refuse_method),
        )
        .fallback(nothing_here)
}

pub(super) async fn nothing_here() -> WireError {
    not_found("There is nothing at this path.")
}

fn not_found(message: &str) -> WireError {
    WireError::new(StatusCode::NOT_FOUND, "PGRST205", message)
}

fn find_table(name: &str) -> Result<&'static Table, WireError> {
    Table::find(name).ok_or_else(|| {
        let name: String = name.escape_default().take(100).collect();
        not_found(&format!("Could not find the table 'public.{name}' in the schema cache"))
    })
}

/// Whoever may read here: the user of a token of scope `full` or `read`.
struct Reader {
    caller: Caller,
}

impl Reader {
    /// What is asked of a table; that a column which is never answered was asked for by `action` is recorded.
    async fn query(&self, table: &'static Table, raw: Option<&str>, action: &'static str) -> Result<Query, QueryError> {
        let query = Query::parse(table, raw.unwrap_or_default());
        if let Err(QueryError::Sealed(_)) = query {
            self.caller.record_refusal(action).await;
        }
        query
    }

    /// A transaction that reads, and its place among the account's.
    async fn read(&self) -> Result<(Place, Tx), WireError> {
        let place = self.place().await.map_err(error::of_app)?;
        Ok((place, self.caller.read_briefly().await.map_err(error::of_app)?))
    }

    /// Goes on for a token of scope `full`, before anything is read of what it sent.
    async fn require_writer(&self) -> Result<(), WireError> {
        self.caller.require_full_scope().await.map_err(error::of_app)
    }

    /// A transaction that writes, and its place among the account's.
    async fn write(&self) -> Result<(Place, Tx), WireError> {
        let place = self.place().await.map_err(error::of_app)?;
        Ok((place, self.caller.write().await.map_err(error::of_app)?))
    }

    async fn place(&self) -> Result<Place, AppError> {
        self.caller.state().limits().transaction(self.caller.user_id()?).await
    }
}

impl FromRequestParts<AppState> for Reader {
    type Rejection = WireError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Self::Rejection> {
        let TokenCaller { caller, .. } = TokenCaller::from_request_parts(parts, state)
            .await
            .map_err(|error| if error.status() == StatusCode::UNAUTHORIZED { error.code("PGRST301") } else { error })?;
        caller.require_scope(&[Scope::Full, Scope::Read], READ).await.map_err(error::of_app)?;
        Ok(Self { caller })
    }
}

/// The name in the path.
struct Named(String);

impl FromRequestParts<AppState> for Named {
    type Rejection = WireError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Self::Rejection> {
        let name = Path::<String>::from_request_parts(parts, state).await;
        name.map(|Path(name)| Self(name)).map_err(|_| not_found("The path is not UTF-8."))
    }
}

/// **Permissions**: a token of scope `full` or `read`.
async fn read(
    reader: Reader,
    Named(name): Named,
    method: Method,
    RawQuery(raw): RawQuery,
    headers: HeaderMap,
) -> Result<Response, WireError> {
    headers::check_profile(&method, &headers)?;
    let table = find_table(&name)?;
    let query = reader.query(table, raw.as_deref(), READ).await?;
    let shape = Shape::parse(&headers)?;
    let preferences = Preferences::parse(&headers)?;
    let (limit, offset) = window(&query, headers::range(&headers)?);

    let (_place, mut tx) = reader.read().await?;
    let rows = Rows::Asked { limit, offset, count: preferences.count };
    let page = page(&mut tx, &query, shape, rows).await.map_err(error::of_read)?;

    let range = ContentRange { offset: i64::from(offset), rows: page.rows, total: page.total };
    if range.is_beyond_the_end() {
        return Err(WireError::new(StatusCode::RANGE_NOT_SATISFIABLE, "PGRST103", "Requested range not satisfiable")
            .details(format!(
                "An offset of {offset} was requested, but there are only {} rows.",
                page.total.unwrap_or(0)
            )));
    }
    let body = page.into_body(shape)?;
    Ok(respond(
        range.status(),
        Answer {
            body: Some(body),
            shape,
            range: range.to_string(),
            applied: preferences.applied(false),
            location: None,
        },
    ))
}

/// Rows at most and rows to pass over: what the query says, within what the Range header says.
fn window(query: &Query, range: Option<(u32, Option<u32>)>) -> (u32, u32) {
    let (first, last) = range.unwrap_or((0, None));
    let in_range = last.map_or(MAX_ROWS, |last| (last - first).saturating_add(1));
    let limit = query.limit.unwrap_or(MAX_ROWS).min(in_range).min(MAX_ROWS);
    (limit, if query.offset > 0 { query.offset } else { first })
}

/// What one statement read.
struct Page {
    /// A JSON array.
    body: String,
    rows: i64,
    total: Option<i64>,
}

impl Page {
    /// The list, or the one object where one is asked for.
    fn into_body(self, shape: Shape) -> Result<String, WireError> {
        if shape.one {
            require_one(self.rows)?;
            return Ok(one_of(&self.body));
        }
        Ok(self.body)
    }
}

fn require_one(rows: i64) -> Result<(), WireError> {
    if rows == 1 {
        return Ok(());
    }
    Err(WireError::new(StatusCode::NOT_ACCEPTABLE, "PGRST116", "Cannot coerce the result to a single JSON object")
        .details(format!("The result contains {rows} rows")))
}

/// The one element of a JSON array, without its brackets.
fn one_of(array: &str) -> String {
    array.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(array).trim().to_owned()
}

async fn page(tx: &mut Tx, query: &Query, shape: Shape, rows: Rows<'_>) -> Result<Page, sqlx::Error> {
    let row = sql::read(query, shape, rows).build().fetch_one(&mut **tx).await?;
    Ok(Page { body: row.try_get("body")?, rows: row.try_get("rows")?, total: row.try_get("total")? })
}

/// What goes into a response.
struct Answer {
    body: Option<String>,
    shape: Shape,
    range: String,
    applied: Option<String>,
    location: Option<String>,
}

fn respond(status: StatusCode, answer: Answer) -> Response {
    let Answer { body, shape, range, applied, location } = answer;
    let media_type = body.is_some().then(|| shape.media_type().to_owned());
    let mut response = Response::new(body.map_or_else(Body::empty, Body::from));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, media_type),
        (header::CONTENT_RANGE, Some(range)),
        (HeaderName::from_static("preference-applied"), applied),
        (header::LOCATION, location),
    ] {
        if let Some(Ok(value)) = value.map(HeaderValue::try_from) {
            headers.insert(name, value);
        }
    }
    response
}

/// Which rows of how many were answered: `0-9/100`, `*/0`, `0-9/*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ContentRange {
    offset: i64,
    rows: i64,
    total: Option<i64>,
}

impl ContentRange {
    fn is_beyond_the_end(self) -> bool {
        self.rows == 0 && self.total.is_some_and(|total| self.offset > 0 && self.offset >= total)
    }

    /// 206 where the caller asked how many there are and did not get them all.
    fn status(self) -> StatusCode {
        match self.total {
            Some(total) if self.rows < total => StatusCode::PARTIAL_CONTENT,
            _ => StatusCode::OK,
        }
    }
}

impl std::fmt::Display for ContentRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.rows == 0 {
            f.write_str("*")?;
        } else {
            write!(f, "{}-{}", self.offset, self.offset + self.rows - 1)?;
        }
        match self.total {
            Some(total) => write!(f, "/{total}"),
            None => f.write_str("/*"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_range_as_postgrest_writes_it() {
        for (offset, rows, total, text, status) in [
            (0, 10, None, "0-9/*", 200),
            (0, 0, None, "*/*", 200),
            (0, 0, Some(0), "*/0", 200),
            (20, 5, Some(25), "20-24/25", 206),
            (0, 25, Some(25), "0-24/25", 200),
            (0, 10, Some(25), "0-9/25", 206),
        ] {
            let range = ContentRange { offset, rows, total };
            assert_eq!(range.to_string(), text);
            assert_eq!(range.status().as_u16(), status, "{text}");
        }
        assert!(ContentRange { offset: 30, rows: 0, total: Some(25) }.is_beyond_the_end());
    }

    #[test]
    fn one_row_loses_its_brackets() {
        assert_eq!(one_of(r#"[{"a":1}]"#), r#"{"a":1}"#);
    }

    #[test]
    fn no_more_rows_than_the_most() {
        let table = Table::find("database_connection_health").expect("listed");
        for (raw, range, wanted) in [
            ("", None, (MAX_ROWS, 0)),
            ("limit=100000&offset=5", None, (MAX_ROWS, 5)),
            ("limit=10", Some((5, Some(9))), (5, 5)),
            ("limit=2", Some((5, None)), (2, 5)),
            ("", Some((0, Some(u32::MAX))), (MAX_ROWS, 0)),
            ("limit=0", None, (0, 0)),
        ] {
            let query = Query::parse(table, raw).expect(raw);
            assert_eq!(window(&query, range), wanted, "{raw} {range:?}");
        }
    }
}
