//! `/rest/v1`: the tables in `PostgREST`'s dialect. [`query`] reads the request into a typed query, [`tables`]
//! says which names may occur, [`sql`] writes one statement from both, and the caller's transaction runs it
//! under row-level security.

use axum::{
    Router,
    body::Body,
    extract::{Path, RawQuery, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use sqlx::Row;

use crate::{
    auth::Scope,
    error::AppError,
    server::{
        state::AppState,
        wire::{TokenCaller, WireError},
    },
};

pub mod query;
pub mod sql;
pub mod tables;

use query::{Preferences, ReadQuery, Shape};
use tables::Table;

/// The most rows that one call answers.
pub const MAX_ROWS: u32 = 1_000;

/// The routes below `/rest/v1`.
pub fn router() -> Router<AppState> {
    Router::new()
        .route("/rpc/calculate_uptime_percentage", post(rpc::uptime_by_body).get(rpc::uptime_by_query))
        .route("/{table}", get(read).fallback(refuse_write))
        .fallback(async || not_found("There is nothing at this path."))
}

fn not_found(message: &str) -> WireError {
    WireError::new(StatusCode::NOT_FOUND, "PGRST205", message)
}

fn find_table(name: &str) -> Result<&'static Table, WireError> {
    Table::find(name).ok_or_else(|| {
        not_found(&format!("Could not find the table 'public.{}' in the schema cache", name.escape_default()))
    })
}

/// **Permissions**: a token of scope `full` or `read`.
async fn read(
    State(_): State<AppState>,
    token: TokenCaller,
    Path(name): Path<String>,
    method: Method,
    RawQuery(raw): RawQuery,
    headers: HeaderMap,
) -> Result<Response, WireError> {
    if token.scope == Scope::Cron {
        return Err(AppError::Forbidden("This token may only start the scheduled sweep.".to_owned()).into());
    }
    let table = find_table(&name)?;
    let query = ReadQuery::parse(table, raw.as_deref().unwrap_or_default(), &headers)?;
    let preferences = Preferences::parse(&headers);

    let mut tx = token.caller.read().await?;
    let mut statement = sql::read(table, &query, preferences.count);
    let row = statement.build().fetch_one(&mut *tx).await.map_err(storage_error)?;
    let body: String = row.try_get("body").map_err(storage_error)?;
    let rows: i64 = row.try_get("rows").map_err(storage_error)?;
    let total: Option<i64> = row.try_get("total").map_err(storage_error)?;
    tx.rollback().await.map_err(storage_error)?;

    let range = ContentRange { offset: i64::from(query.offset), rows, total };
    if range.is_beyond_the_end() {
        return Err(WireError::new(StatusCode::RANGE_NOT_SATISFIABLE, "PGRST103", "Requested range not satisfiable")
            .details(format!(
                "An offset of {} was requested, but there are only {} rows.",
                query.offset,
                total.unwrap_or(0)
            )));
    }
    let (body, content_type) = match query.shape {
        Shape::Rows => (body, "application/json; charset=utf-8"),
        Shape::One if rows == 1 => (one_of(&body), "application/vnd.pgrst.object+json; charset=utf-8"),
        Shape::One => {
            return Err(WireError::new(
                StatusCode::NOT_ACCEPTABLE,
                "PGRST116",
                "Cannot coerce the result to a single JSON object",
            )
            .details(format!("The result contains {rows} rows")));
        }
    };
    let mut response = if method == Method::HEAD { Body::empty() } else { Body::from(body) }.into_response();
    *response.status_mut() = range.status();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    if let Ok(value) = HeaderValue::from_str(&range.to_string()) {
        headers.insert(header::CONTENT_RANGE, value);
    }
    Ok(response)
}

/// The one element of a JSON array, without its brackets.
fn one_of(array: &str) -> String {
    array.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(array).trim().to_owned()
}

async fn refuse_write(token: TokenCaller, Path(name): Path<String>) -> Result<Response, WireError> {
    if token.scope == Scope::Cron {
        return Err(AppError::Forbidden("This token may only start the scheduled sweep.".to_owned()).into());
    }
    find_table(&name)?;
    Err(WireError::new(StatusCode::METHOD_NOT_ALLOWED, "PGRST105", "This table can only be read here."))
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

/// What Postgres refuses of a request is the caller's to mend (class 22: a value that cannot be read as the
/// column's type); the rest is ours.
fn storage_error(error: sqlx::Error) -> WireError {
    if let sqlx::Error::Database(database) = &error {
        match database.code().as_deref() {
            Some("22P02") => return WireError::new(StatusCode::BAD_REQUEST, "22P02", database.message().to_owned()),
            Some("22007" | "22008" | "22003") => {
                return WireError::new(StatusCode::BAD_REQUEST, "22007", database.message().to_owned());
            }
            Some(code) if code.starts_with("22") => {
                return WireError::new(StatusCode::BAD_REQUEST, "22000", database.message().to_owned());
            }
            _ => {}
        }
    }
    AppError::from(error).into()
}

mod rpc {
    //! `calculate_uptime_percentage`, by body or by query.

    use axum::{
        Json,
        body::Bytes,
        extract::{Query, State},
    };
    use serde::Deserialize;
    use serde_json::value::RawValue;

    use super::{AppState, Scope, StatusCode, TokenCaller, WireError, storage_error};
    use crate::{error::AppError, ids::ConnectionId};

    #[derive(Debug, Deserialize)]
    pub struct Arguments {
        p_credential_id: ConnectionId,
        #[serde(default = "one_day")]
        p_hours: i32,
    }

    #[derive(Debug, Deserialize)]
    pub struct QueryArguments {
        p_credential_id: String,
        p_hours: Option<String>,
    }

    const fn one_day() -> i32 {
        24
    }

    fn bad(message: String) -> WireError {
        WireError::new(StatusCode::BAD_REQUEST, "PGRST102", message)
    }

    pub async fn uptime_by_body(
        State(_): State<AppState>,
        token: TokenCaller,
        body: Bytes,
    ) -> Result<Json<Box<RawValue>>, WireError> {
        let arguments = serde_json::from_slice(&body)
            .map_err(|error| bad(format!("The arguments p_credential_id and p_hours cannot be read: {error}")))?;
        uptime(token, arguments).await
    }

    pub async fn uptime_by_query(
        State(_): State<AppState>,
        token: TokenCaller,
        Query(arguments): Query<QueryArguments>,
    ) -> Result<Json<Box<RawValue>>, WireError> {
        let p_credential_id =
            arguments.p_credential_id.parse().map_err(|_| bad("p_credential_id is not a UUID.".to_owned()))?;
        let p_hours = arguments.p_hours.map_or(Ok(one_day()), |hours| {
            hours.parse().map_err(|_| bad("p_hours is not a whole number.".to_owned()))
        })?;
        uptime(token, Arguments { p_credential_id, p_hours }).await
    }

    async fn uptime(token: TokenCaller, arguments: Arguments) -> Result<Json<Box<RawValue>>, WireError> {
        if token.scope == Scope::Cron {
            return Err(AppError::Forbidden("This token may only start the scheduled sweep.".to_owned()).into());
        }
        let mut tx = token.caller.read().await?;
        let uptime = sqlx::query_scalar!(
            r#"select coalesce(calculate_uptime_percentage($1, $2)::text, 'null') as "uptime!""#,
            arguments.p_credential_id.0,
            arguments.p_hours,
        )
        .fetch_one(&mut *tx)
        .await
        .map_err(storage_error)?;
        tx.rollback().await.map_err(storage_error)?;
        // Postgres' numeric as it is, not through a float.
        RawValue::from_string(uptime).map(Json).map_err(|error| AppError::internal(&error).into())
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
}
