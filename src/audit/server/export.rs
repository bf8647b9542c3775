//! `GET /audit.csv`: the entries that a filter asks for, as a table for spreadsheets, sent while it is read.

use std::borrow::Cow;

use axum::{
    body::{Body, Bytes},
    extract::{Query, State},
    http::{Extensions, HeaderMap, header},
    response::{IntoResponse, Response},
};
use futures::stream::{self, StreamExt};
use tower_sessions::Session;

use super::read::{Criteria, entries};
use crate::{
    audit::{AuditEntry, AuditFilter, plain_cell},
    auth::server::{Caller, Origin, caller_from_session},
    error::AppError,
    server::state::AppState,
};

/// Entries that are read at once.
const BATCH: usize = 1_000;
const HEADS: [&str; 9] =
    ["time", "account", "action", "outcome", "connection", "connection name", "details", "address", "program"];

/// The export; where our own database fails on the way, the file ends there and the browser says so.
///
/// # Errors
///
/// [`AppError::Unauthenticated`] without a session, [`AppError::Invalid`] for a part of the filter.
pub async fn csv(
    State(state): State<AppState>,
    session: Session,
    headers: HeaderMap,
    extensions: Extensions,
    Query(filter): Query<AuditFilter>,
) -> Result<Response, AppError> {
    let origin = Origin::of(&headers, &extensions, state.config());
    let caller = caller_from_session(&state, &session, origin).await?;
    let criteria = Criteria::read(&caller, &filter).await?;
    let head = table([HEADS.map(str::to_owned)])?;
    let rows = stream::try_unfold(Some(criteria), move |criteria| batch(caller.clone(), criteria));
    let body = stream::once(async { Ok(head) }).chain(rows);
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8; header=present"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"mooring-audit.csv\""),
    ];
    Ok((headers, Body::from_stream(body)).into_response())
}

/// The next entries, and where those after them begin.
async fn batch(caller: Caller, criteria: Option<Criteria>) -> Result<Option<(Bytes, Option<Criteria>)>, AppError> {
    let Some(criteria) = criteria else { return Ok(None) };
    let entries = entries(&caller, &criteria, BATCH).await?;
    let Some(last) = entries.last() else { return Ok(None) };
    let rest = (entries.len() == BATCH).then(|| criteria.before(last.seq));
    Ok(Some((table(entries.into_iter().map(cells))?, rest)))
}

fn cells(entry: AuditEntry) -> [String; 9] {
    [
        entry.at.rfc3339(),
        entry.account.unwrap_or_default(),
        entry.action,
        entry.outcome.code().to_owned(),
        entry.connection.map(|id| id.to_string()).unwrap_or_default(),
        entry.connection_name.unwrap_or_default(),
        entry.details,
        entry.ip.unwrap_or_default(),
        entry.user_agent.unwrap_or_default(),
    ]
}

fn table(rows: impl IntoIterator<Item = [String; 9]>) -> Result<Bytes, AppError> {
    let mut table = ::csv::Writer::from_writer(Vec::new());
    for row in rows {
        let cells = row.iter().map(|cell| plain_cell(cell));
        table.write_record(cells.map(Cow::into_owned)).map_err(|error| AppError::internal(&error))?;
    }
    let bytes = table.into_inner().map_err(|error| AppError::internal(error.error()))?;
    Ok(bytes.into())
}
