//! `POST`, `PATCH` and `DELETE`: each row goes through what the pages call, all rows of a request in one
//! transaction, and the answer is read there before it is committed.

use axum::{
    body::Bytes,
    extract::{RawQuery, rejection::BytesRejection},
    http::{HeaderMap, Method, StatusCode},
    response::Response,
};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{
    Answer, BODY, ContentRange, MAX_ROWS, Named, Page, Reader, error, find_table,
    headers::{self, Preferences, Return, Shape},
    page,
    query::Query,
    require_one, respond,
    sql::{self, Rows},
    tables::{Table, Writes},
};
use crate::{
    alerts,
    auth::server::Tx,
    ids::{AlertRuleId, ConnectionId},
    server::wire::{WireError, body},
};

mod alert_rules;
mod connections;
mod fields;

use fields::Fields;

/// What a write asks for besides its body.
struct Request {
    /// What the log calls it.
    action: &'static str,
    query: Query,
    shape: Shape,
    preferences: Preferences,
}

impl Request {
    /// `actions` are what the log calls this write of a connection and of a rule.
    async fn read(
        reader: &Reader,
        (method, actions): (&Method, [&'static str; 2]),
        name: &str,
        raw: Option<&str>,
        headers: &HeaderMap,
    ) -> Result<Self, WireError> {
        headers::check_profile(method, headers)?;
        let table = find_table(name)?;
        let [connection, rule] = actions;
        let action = match table.writes {
            Writes::Connections => connection,
            Writes::AlertRules => rule,
            Writes::None => return Err(not_allowed(table)),
        };
        Ok(Self {
            action,
            query: reader.query(table, raw, action).await?,
            shape: Shape::parse(headers)?,
            preferences: Preferences::parse(headers)?,
        })
    }

    /// Reads what is to be answered of the rows that are written.
    async fn page(&self, tx: &mut Tx, ids: &[Uuid], shown_once: Option<&Value>) -> Result<Option<Page>, WireError> {
        let rows = i64::try_from(ids.len()).unwrap_or(i64::MAX);
        if self.preferences.max_affected.is_some_and(|most| rows > i64::from(most)) {
            return Err(WireError::new(
                StatusCode::BAD_REQUEST,
                "PGRST124",
                "Query result exceeds max-affected preference constraint",
            )
            .details(format!("The query affects {rows} rows")));
        }
        if self.shape.one {
            require_one(rows)?;
        }
        if self.preferences.answer == Return::Representation {
            let rows = Rows::Written { ids, shown_once };
            return page(tx, &self.query, self.shape, rows).await.map(Some).map_err(error::of_storage);
        }
        Ok(None)
    }

    /// The answer of a write that reached `rows`.
    fn answer(&self, status: StatusCode, rows: usize, page: Option<Page>) -> Result<Answer, WireError> {
        let rows = i64::try_from(rows).unwrap_or(i64::MAX);
        let total = self.preferences.count.then_some(rows);
        // What is inserted has no place among others.
        let listed = if status == StatusCode::CREATED { 0 } else { rows };
        Ok(Answer {
            body: page.map(|page| page.into_body(self.shape)).transpose()?,
            shape: self.shape,
            range: ContentRange { offset: 0, rows: listed, total }.to_string(),
            applied: self.preferences.applied(true),
            location: None,
        })
    }
}

fn not_allowed(table: &Table) -> WireError {
    WireError::new(StatusCode::METHOD_NOT_ALLOWED, "PGRST105", format!("{} can only be read here.", table.name))
        .allow("GET, HEAD")
}

/// Methods that no table takes.
///
/// **Permissions**: a token of scope `full` or `read`.
pub(super) async fn refuse_method(_: Reader, Named(name): Named, method: Method) -> Result<Response, WireError> {
    let table = find_table(&name)?;
    Err(match table.writes {
        Writes::None => not_allowed(table),
        Writes::AlertRules | Writes::Connections => WireError::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "PGRST117",
            format!("Unsupported HTTP method: {}", method.as_str().escape_default()),
        )
        .allow("GET, HEAD, POST, PATCH, DELETE"),
    })
}

/// Rows that were written.
#[derive(Default)]
struct Written {
    ids: Vec<Uuid>,
    /// By id, what is to be shown this once instead of what is stored.
    shown_once: Map<String, Value>,
}

impl Written {
    fn add(&mut self, id: Uuid, shown_once: Option<Value>) {
        self.ids.push(id);
        if let Some(shown) = shown_once {
            self.shown_once.insert(id.to_string(), shown);
        }
    }

    fn shown(self) -> (Vec<Uuid>, Option<Value>) {
        let shown = (!self.shown_once.is_empty()).then_some(Value::Object(self.shown_once));
        (self.ids, shown)
    }
}

/// **Permissions**: a token of scope `full`; a row may only be one's own.
pub(super) async fn insert(
    reader: Reader,
    Named(name): Named,
    RawQuery(raw): RawQuery,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, WireError> {
    let actions = ["connection.create", "alert.create"];
    let request = Request::read(&reader, (&Method::POST, actions), &name, raw.as_deref(), &headers).await?;
    reader.require_writer().await?;
    let objects = objects(&request, body::read_json(&headers, body, BODY)?)?;
    // Before the transaction: what is refused is recorded in one of its own.
    for object in &objects {
        Fields::new(request.query.table, object).require_own(&reader.caller, request.action).await?;
    }
    let (ids, page) = recorded(&reader, &request, insert_all(&reader, &request, &objects).await).await?;

    let mut answer = request.answer(StatusCode::CREATED, ids.len(), page)?;
    if let [id] = ids[..] {
        answer.location = Some(format!("/rest/v1/{}?id=eq.{id}", request.query.table.name));
    }
    Ok(respond(StatusCode::CREATED, answer))
}

/// What was inserted, and what is to be answered of it.
async fn insert_all(
    reader: &Reader,
    request: &Request,
    objects: &[Map<String, Value>],
) -> Result<(Vec<Uuid>, Option<Page>), WireError> {
    let (_place, mut tx) = reader.write().await?;
    let mut written = Written::default();
    for object in objects {
        let fields = Fields::new(request.query.table, object);
        fields.refuse_id()?;
        let (id, shown) = match request.query.table.writes {
            Writes::AlertRules => alert_rules::insert(&reader.caller, &mut tx, fields).await?,
            Writes::Connections => (connections::insert(&reader.caller, &mut tx, fields).await?, None),
            Writes::None => return Err(not_allowed(request.query.table)),
        };
        written.add(id, shown);
    }
    let (ids, shown) = written.shown();
    let page = request.page(&mut tx, &ids, shown.as_ref()).await?;
    tx.commit().await.map_err(error::of_storage)?;
    Ok((ids, page))
}

/// What became of a write: that row-level security refused it is recorded, now that its own transaction is over.
async fn recorded<T>(reader: &Reader, request: &Request, done: Result<T, WireError>) -> Result<T, WireError> {
    if done.as_ref().is_err_and(|error| error.status() == StatusCode::FORBIDDEN) {
        reader.caller.record_refusal(request.action).await;
    }
    done
}

/// **Permissions**: a token of scope `full`; only one's own rows are reached.
pub(super) async fn update(
    reader: Reader,
    Named(name): Named,
    RawQuery(raw): RawQuery,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, WireError> {
    let actions = ["connection.update", "alert.update"];
    let request = Request::read(&reader, (&Method::PATCH, actions), &name, raw.as_deref(), &headers).await?;
    reader.require_writer().await?;
    let object = match body::read_json(&headers, body, BODY)? {
        Some(Value::Object(object)) => one_object(&request, object)?,
        _ => return Err(unusable("A change is one JSON object.")),
    };
    Fields::new(request.query.table, &object).require_own(&reader.caller, request.action).await?;
    let (ids, page) = recorded(&reader, &request, update_all(&reader, &request, &object).await).await?;
    changed(&request, ids.len(), page)
}

/// What was changed, and what is to be answered of it.
async fn update_all(
    reader: &Reader,
    request: &Request,
    object: &Map<String, Value>,
) -> Result<(Vec<Uuid>, Option<Page>), WireError> {
    let fields = Fields::new(request.query.table, object);
    let (_place, mut tx) = reader.write().await?;
    // Nothing to set reaches no row, as in PostgREST.
    let ids = if object.is_empty() { Vec::new() } else { lock(&mut tx, request, "UPDATE").await? };
    let mut written = Written::default();
    for id in ids {
        fields.require_id(id)?;
        let shown = match request.query.table.writes {
            Writes::AlertRules => alert_rules::update(&reader.caller, &mut tx, AlertRuleId(id), fields).await?,
            Writes::Connections => {
                connections::update(&reader.caller, &mut tx, ConnectionId(id), fields).await?;
                None
            }
            Writes::None => return Err(not_allowed(request.query.table)),
        };
        written.add(id, shown);
    }
    let (ids, shown) = written.shown();
    let page = request.page(&mut tx, &ids, shown.as_ref()).await?;
    tx.commit().await.map_err(error::of_storage)?;
    Ok((ids, page))
}

/// **Permissions**: a token of scope `full`; only one's own rows are reached.
pub(super) async fn delete(
    reader: Reader,
    Named(name): Named,
    RawQuery(raw): RawQuery,
    headers: HeaderMap,
) -> Result<Response, WireError> {
    let actions = ["connection.delete", "alert.delete"];
    let request = Request::read(&reader, (&Method::DELETE, actions), &name, raw.as_deref(), &headers).await?;
    let (_place, mut tx) = reader.write().await?;
    let ids = lock(&mut tx, &request, "DELETE").await?;
    let page = request.page(&mut tx, &ids, None).await?;
    for id in &ids {
        match request.query.table.writes {
            Writes::AlertRules => alerts::server::delete_in(&reader.caller, &mut tx, AlertRuleId(*id)).await,
            Writes::Connections => {
                crate::connections::server::delete_in(&reader.caller, &mut tx, ConnectionId(*id)).await
            }
            Writes::None => return Err(not_allowed(request.query.table)),
        }
        .map_err(error::of_app)?;
    }
    tx.commit().await.map_err(error::of_storage)?;
    changed(&request, ids.len(), page)
}

/// 200 with the rows, 204 without.
fn changed(request: &Request, rows: usize, page: Option<Page>) -> Result<Response, WireError> {
    let status = if page.is_some() { StatusCode::OK } else { StatusCode::NO_CONTENT };
    Ok(respond(status, request.answer(status, rows, page)?))
}

/// The rows that the conditions select, locked. A write without conditions is refused, as on Supabase: it is
/// almost always a slip, and `id=not.is.null` says it where it is meant.
async fn lock(tx: &mut Tx, request: &Request, verb: &str) -> Result<Vec<Uuid>, WireError> {
    let query = &request.query;
    if query.conditions.is_empty() {
        return Err(WireError::new(StatusCode::BAD_REQUEST, "21000", format!("{verb} requires a WHERE clause"))
            .hint("To reach all of your rows, say id=not.is.null."));
    }
    if query.limit.is_some() || query.offset > 0 {
        return Err(WireError::new(
            StatusCode::BAD_REQUEST,
            "PGRST100",
            "limit and offset are for reads: say with conditions which rows are meant.",
        ));
    }
    let ids: Vec<Uuid> =
        sql::lock(query, MAX_ROWS + 1).build_query_scalar().fetch_all(&mut **tx).await.map_err(error::of_storage)?;
    if ids.len() > MAX_ROWS as usize {
        return Err(unusable("The conditions select more than 1,000 rows; one call changes at most so many."));
    }
    Ok(ids)
}

fn unusable(message: &'static str) -> WireError {
    WireError::new(StatusCode::BAD_REQUEST, "PGRST102", message)
}

/// The objects of an insert, each with the columns that it sets.
fn objects(request: &Request, body: Option<Value>) -> Result<Vec<Map<String, Value>>, WireError> {
    let list = match body {
        Some(Value::Array(list)) => list,
        Some(object @ Value::Object(_)) => return Ok(vec![one(request, object)?]),
        _ => return Err(unusable("The body is a JSON object or a list of them.")),
    };
    if list.len() > MAX_ROWS as usize {
        return Err(unusable("One call inserts at most 1,000 rows."));
    }
    let objects = list.into_iter().map(|object| one(request, object)).collect::<Result<Vec<_>, _>>()?;
    if let Some(first) = objects.first()
        && objects.iter().any(|object| !object.keys().eq(first.keys()))
        && request.query.columns.is_none()
    {
        return Err(unusable("All object keys must match"));
    }
    Ok(objects)
}

fn one(request: &Request, object: Value) -> Result<Map<String, Value>, WireError> {
    match object {
        Value::Object(object) => one_object(request, object),
        _ => Err(unusable("The body is a JSON object or a list of them.")),
    }
}

/// The object with the columns that `columns` names, all of them, or with its own.
fn one_object(request: &Request, mut object: Map<String, Value>) -> Result<Map<String, Value>, WireError> {
    let table = request.query.table;
    let Some(columns) = &request.query.columns else {
        if let Some(unknown) = object.keys().find(|name| table.column(name).is_none()) {
            let unknown: String = unknown.escape_default().take(100).collect();
            return Err(WireError::new(
                StatusCode::BAD_REQUEST,
                "PGRST204",
                format!("Could not find the '{unknown}' column of '{}' in the schema cache", table.name),
            )
            .details(unknown));
        }
        return Ok(object);
    };
    let mut set = Map::new();
    for column in columns {
        match object.remove(column.name) {
            Some(value) => {
                set.insert(column.name.to_owned(), value);
            }
            None if request.preferences.missing_default => {}
            None => {
                set.insert(column.name.to_owned(), Value::Null);
            }
        }
    }
    Ok(set)
}
