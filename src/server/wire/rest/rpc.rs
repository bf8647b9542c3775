//! `/rest/v1/rpc/…`: the one function, `calculate_uptime_percentage`, by body or by query.

use axum::{
    Json,
    body::Bytes,
    extract::{RawQuery, rejection::BytesRejection},
    http::{HeaderMap, Method, StatusCode},
};
use serde_json::{Map, Value, value::RawValue};

use super::{BODY, Named, Reader, error, headers, parse};
use crate::{
    error::AppError,
    ids::ConnectionId,
    server::wire::{WireError, body},
};

/// The name under which it is called.
pub const UPTIME: &str = "calculate_uptime_percentage";
/// What it takes: the connection, and the hours to look back.
pub const ARGUMENTS: [&str; 2] = ["p_credential_id", "p_hours"];
const ONE_DAY: i32 = 24;

/// **Permissions**: a token of scope `full` or `read`.
pub(super) async fn by_query(
    reader: Reader,
    Named(name): Named,
    method: Method,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Result<Json<Box<RawValue>>, WireError> {
    headers::check_profile(&method, &headers)?;
    let arguments = parse::pairs(raw.as_deref().unwrap_or_default())?;
    let arguments = arguments.into_iter().map(|(name, value)| (name, Value::String(value))).collect();
    call(&reader, &name, &arguments).await
}

/// **Permissions**: a token of scope `full` or `read`.
pub(super) async fn by_body(
    reader: Reader,
    Named(name): Named,
    method: Method,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Box<RawValue>>, WireError> {
    headers::check_profile(&method, &headers)?;
    match body::read_json(&headers, body, BODY)? {
        None => call(&reader, &name, &Map::new()).await,
        Some(Value::Object(arguments)) => call(&reader, &name, &arguments).await,
        Some(_) => Err(WireError::new(StatusCode::BAD_REQUEST, "PGRST102", "The arguments are not a JSON object.")),
    }
}

pub(super) async fn refuse_method(_: Reader, method: Method) -> WireError {
    WireError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "PGRST101",
        format!("Cannot use the {} method on RPC", method.as_str().escape_default()),
    )
    .allow("GET, HEAD, POST")
}

async fn call(reader: &Reader, name: &str, arguments: &Map<String, Value>) -> Result<Json<Box<RawValue>>, WireError> {
    let known = name == UPTIME && arguments.keys().all(|name| ARGUMENTS.contains(&name.as_str()));
    let Some(id) = arguments.get(ARGUMENTS[0]).filter(|_| known) else {
        let names = arguments.keys().map(|name| name.escape_default().to_string()).collect::<Vec<_>>().join(", ");
        return Err(WireError::new(
            StatusCode::NOT_FOUND,
            "PGRST202",
            format!("Could not find the function public.{}({names}) in the schema cache", name.escape_default())
                .chars()
                .take(300)
                .collect::<String>(),
        )
        .hint(format!("There is {UPTIME}({}).", ARGUMENTS.join(", "))));
    };
    let id: ConnectionId = id
        .as_str()
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| mistyped("22P02", "invalid input syntax for type uuid", ARGUMENTS[0]))?;
    let hours = match arguments.get(ARGUMENTS[1]) {
        None | Some(Value::Null) => ONE_DAY,
        Some(hours) => whole_number(hours)?,
    };
    let (_place, mut tx) = reader.read().await?;
    let uptime = sqlx::query_scalar!(
        r#"select coalesce(calculate_uptime_percentage($1, $2)::text, 'null') as "uptime!""#,
        id.0,
        hours,
    )
    .fetch_one(&mut *tx)
    .await
    .map_err(error::of_read)?;
    // Postgres' numeric as it is, not through a float.
    RawValue::from_string(uptime).map(Json).map_err(|error| AppError::internal(&error).into())
}

/// A number, or one that came in a query.
fn whole_number(value: &Value) -> Result<i32, WireError> {
    let number = value.as_i64().or_else(|| value.as_str()?.trim().parse().ok());
    let number = number.ok_or_else(|| mistyped("22P02", "invalid input syntax for type integer", ARGUMENTS[1]))?;
    i32::try_from(number).map_err(|_| mistyped("22003", "value is out of range for type integer", ARGUMENTS[1]))
}

fn mistyped(code: &'static str, message: &str, argument: &str) -> WireError {
    WireError::new(StatusCode::BAD_REQUEST, code, format!("{message}: {argument}")).details(argument)
}
