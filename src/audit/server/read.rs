//! Reads the log for its page and its export. Row-level security decides what is read: one's own entries, or all
//! of them for an administrator.

use std::collections::HashMap;

use serde_json::Value;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    audit::{AuditEntry, AuditFilter, AuditPage, Outcome, parse_day},
    auth::server::Caller,
    error::{AppError, FieldError},
    ids::ConnectionId,
};

/// Entries on one page.
const PAGE: usize = 50;
/// A day in seconds.
const DAY_S: i64 = 86_400;

/// What a filter asks for.
#[derive(Clone, Debug, Default)]
pub(super) struct Criteria {
    action: Option<String>,
    outcome: Option<Outcome>,
    account: Option<Uuid>,
    connection: Option<Uuid>,
    from: Option<OffsetDateTime>,
    until: Option<OffsetDateTime>,
    before: Option<i64>,
}

impl Criteria {
    /// The same for what comes before this place.
    pub(super) fn before(self, seq: i64) -> Self {
        Self { before: Some(seq), ..self }
    }

    /// Reads a filter; an e-mail address is looked up for administrators alone.
    pub(super) async fn read(caller: &Caller, filter: &AuditFilter) -> Result<Self, AppError> {
        // PostgreSQL's text cannot hold a NUL, so nothing that is looked for has one.
        let set = |text: &str| Some(text.replace('\0', "").trim().to_owned()).filter(|text| !text.is_empty());
        let mut wrong = Vec::new();
        let mut keep = |error: FieldError| wrong.push(error);
        let outcome = set(&filter.outcome).and_then(|code| {
            let outcome = Outcome::from_code(&code);
            if outcome.is_none() {
                keep(FieldError::new("outcome", "Choose one of: success, failed, refused."));
            }
            outcome
        });
        let connection = set(&filter.connection).and_then(|id| {
            id.parse().map_err(|_| keep(FieldError::new("connection", "This is no id of a connection."))).ok()
        });
        let before = set(&filter.before).and_then(|seq| {
            seq.parse().map_err(|_| keep(FieldError::new("before", "This is no place in the log."))).ok()
        });
        let from = set(&filter.from).and_then(|day| parse_day("from", &day).map_err(&mut keep).ok());
        let to = set(&filter.to).and_then(|day| parse_day("to", &day).map_err(&mut keep).ok());
        if !wrong.is_empty() {
            return Err(AppError::Invalid(wrong));
        }
        let account = match set(&filter.account) {
            Some(account) if caller.is_admin() => Some(find_account(caller, &account).await?),
            _ => None,
        };
        Ok(Self {
            action: set(&filter.action),
            outcome,
            account,
            connection,
            from: from.map(OffsetDateTime::from),
            until: to.map(|to| to.plus_seconds(DAY_S).into()),
            before,
        })
    }
}

/// The id behind an e-mail address; what is neither an address nor an id of an account names nobody.
async fn find_account(caller: &Caller, account: &str) -> Result<Uuid, AppError> {
    if let Ok(id) = account.parse() {
        return Ok(id);
    }
    let mut tx = Caller::system(caller.state(), "audit").read().await?;
    let id = sqlx::query_scalar!("select id from users where lower(email) = lower($1)", account)
        .fetch_optional(&mut *tx)
        .await?;
    Ok(id.unwrap_or_default())
}

/// A page of the entries that `filter` asks for, the latest first.
///
/// # Errors
///
/// [`AppError::Invalid`] for a part of the filter, [`AppError::Unavailable`].
pub async fn list(caller: &Caller, filter: &AuditFilter) -> Result<AuditPage, AppError> {
    let criteria = Criteria::read(caller, filter).await?;
    let mut entries = entries(caller, &criteria, PAGE + 1).await?;
    let more = entries.len() > PAGE;
    entries.truncate(PAGE);
    let older = entries.last().filter(|_| more).map(|entry| entry.seq);
    Ok(AuditPage { entries, older, is_everyones: caller.is_admin() })
}

/// At most `limit` entries, the latest first.
pub(super) async fn entries(caller: &Caller, criteria: &Criteria, limit: usize) -> Result<Vec<AuditEntry>, AppError> {
    let mut tx = caller.read().await?;
    let rows = select(&mut tx, criteria, i64::try_from(limit).unwrap_or(i64::MAX)).await?;
    drop(tx);
    let users: Vec<Uuid> = rows.iter().filter_map(|row| row.user_id).collect();
    let emails = emails(caller, &users).await?;
    let entries = rows.into_iter().map(|row| AuditEntry {
        seq: row.seq,
        at: row.created_at.into(),
        account: row.user_id.map(|id| emails.get(&id).cloned().unwrap_or_else(|| id.to_string())),
        action: row.action,
        outcome: Outcome::from_code(&row.status).unwrap_or(Outcome::Failed),
        connection: row.credential_id.map(ConnectionId),
        connection_name: row.connection_name,
        details: words(&row.details),
        ip: row.ip_address,
        user_agent: row.user_agent,
    });
    Ok(entries.collect())
}

struct Row {
    seq: i64,
    created_at: OffsetDateTime,
    user_id: Option<Uuid>,
    action: String,
    status: String,
    credential_id: Option<Uuid>,
    connection_name: Option<String>,
    details: Value,
    ip_address: Option<String>,
    user_agent: Option<String>,
}

async fn select(connection: &mut PgConnection, criteria: &Criteria, limit: i64) -> Result<Vec<Row>, sqlx::Error> {
    sqlx::query_as!(
        Row,
        r#"
        select log.seq, log.created_at, log.user_id, log.action, log.status, log.credential_id,
               connection.connection_name as "connection_name?", log.details, log.ip_address, log.user_agent
          from database_audit_log as log
          left join database_credentials as connection on connection.id = log.credential_id
         where ($1::bigint is null or log.seq < $1)
           and ($2::text is null or log.action = $2 or starts_with(log.action, $2 || '.'))
           and ($3::text is null or log.status = $3)
           and ($4::uuid is null or log.user_id = $4)
           and ($5::uuid is null or log.credential_id = $5)
           and ($6::timestamptz is null or log.created_at >= $6)
           and ($7::timestamptz is null or log.created_at < $7)
         order by log.seq desc
         limit $8
        "#,
        criteria.before,
        criteria.action,
        criteria.outcome.map(Outcome::code),
        criteria.account,
        criteria.connection,
        criteria.from,
        criteria.until,
        limit,
    )
    .fetch_all(connection)
    .await
}

/// The addresses of accounts, as far as the caller may know them: administrators all, others their own.
async fn emails(caller: &Caller, users: &[Uuid]) -> Result<HashMap<Uuid, String>, AppError> {
    let reader = if caller.is_admin() { Caller::system(caller.state(), "audit") } else { caller.clone() };
    let mut tx = reader.read().await?;
    let rows = sqlx::query!("select id, email from users where id = any ($1)", users).fetch_all(&mut *tx).await?;
    Ok(rows.into_iter().map(|row| (row.id, row.email)).collect())
}

/// `{"scope": "full", "name": "ci"}` as `name: ci; scope: full`.
fn words(details: &Value) -> String {
    let Some(details) = details.as_object() else { return String::new() };
    let parts = details.iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| match value {
        Value::String(text) => format!("{name}: {text}"),
        other => format!("{name}: {other}"),
    });
    parts.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn details_are_words() {
        assert_eq!(words(&json!({"scope": "full", "count": 3, "to": null})), "count: 3; scope: full");
        assert_eq!(words(&json!({})), "");
        assert_eq!(words(&json!([1])), "");
    }
}
