//! What administrators do with entries: confirm, edit, hide, delete. Every act is in the audit log, and so is who else tried.

use super::Row;
use crate::{
    audit::{
        Outcome,
        server::{self as audit, Entry},
    },
    auth::server::{Caller, Tx},
    error::{AppError, FieldError},
    ids::KnowledgeId,
    knowledge::{Category, Found, PAGE_LIMIT, Shelf},
};

const CONFIRM: &str = "knowledge.confirm";
const EDIT: &str = "knowledge.edit";
const HIDE: &str = "knowledge.hide";
const SHOW: &str = "knowledge.show";
const DELETE: &str = "knowledge.delete";

/// Characters of a title and of a text.
const LONGEST_TITLE: usize = 200;
const LONGEST_TEXT: usize = 8_000;

/// Words that replace those of an entry.
#[derive(Clone, Debug)]
pub struct Edit {
    /// A line that names it.
    pub title: String,
    /// What is seen, and why.
    pub description: String,
    /// What to do.
    pub solution: String,
    /// What it is about.
    pub category: Category,
}

impl Edit {
    /// The words without blanks around them.
    ///
    /// # Errors
    ///
    /// The fields that are empty, too long, or hold what cannot be shown.
    pub fn checked(self) -> Result<Self, AppError> {
        let mut wrong = Vec::new();
        let mut text = |field: &str, value: &str, longest: usize| {
            let value = value.trim().to_owned();
            match text_problem(&value, longest) {
                Some(problem) => {
                    wrong.push(FieldError::new(field, problem));
                    String::new()
                }
                None => value,
            }
        };
        let checked = Self {
            title: text("title", &self.title, LONGEST_TITLE),
            description: text("description", &self.description, LONGEST_TEXT),
            solution: text("solution", &self.solution, LONGEST_TEXT),
            category: self.category,
        };
        if wrong.is_empty() { Ok(checked) } else { Err(AppError::Invalid(wrong)) }
    }
}

/// Why a text cannot be an entry's.
pub(super) fn text_problem(text: &str, longest: usize) -> Option<String> {
    let length = text.chars().count();
    if length == 0 {
        return Some("Write something here.".to_owned());
    }
    if length > longest {
        return Some(format!("This has {length} characters; at most {longest} fit."));
    }
    let hidden = |c: char| {
        (c.is_control() && c != '\n' && c != '\t')
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    text.chars().any(hidden).then(|| "This holds a character that cannot be seen. Type it again.".to_owned())
}

/// What is not listed, the newest first: a page of a shelf, counted from 1.
///
/// # Errors
///
/// [`AppError::Forbidden`] for anyone but administrators.
pub async fn waiting(caller: &Caller, shelf: Shelf, page: u32) -> Result<Found, AppError> {
    caller.require_admin()?;
    let mut tx = hand(caller).read().await?;
    let rows = sqlx::query_as!(
        Row,
        r#"
        select id, provider, category, cause, title, description, solution,
               round(confidence_score)::integer as "confidence!", successes, failures, code_examples, tags, origin,
               shared_at is not null as "is_shared!", hidden_at is not null as "is_hidden!"
          from database_knowledge_base
         where (hidden_at is not null) = $1
           and ($1 or shared_at is null and (origin = 'anonymous') = $2)
         order by updated_at desc, id
         limit $3
        offset $4
        "#,
        shelf == Shelf::Hidden,
        shelf == Shelf::Anonymous,
        i64::from(PAGE_LIMIT) + 1,
        i64::from(PAGE_LIMIT) * i64::from(page.saturating_sub(1)),
    )
    .fetch_all(&mut *tx)
    .await?;
    let page = usize::try_from(PAGE_LIMIT).unwrap_or(usize::MAX);
    let more = rows.len() > page;
    let entries = rows.into_iter().take(page).filter_map(Row::entry).collect();
    Ok(Found { entries, may_moderate: true, more })
}

/// Shares an entry with everyone.
///
/// # Errors
///
/// [`AppError::Forbidden`] for anyone but administrators; [`AppError::NotFound`] where there is none;
/// [`AppError::Conflict`] where the same cure is shared already.
pub async fn confirm(caller: &Caller, id: KnowledgeId) -> Result<(), AppError> {
    caller.require_admin_for(CONFIRM).await?;
    let mut tx = hand(caller).write().await?;
    let done = sqlx::query!(
        "
        update database_knowledge_base
           set shared_at = coalesce(shared_at, mooring_now()), hidden_at = null
         where id = $1
        ",
        id.0,
    )
    .execute(&mut *tx)
    .await
    .map_err(same_cure)?;
    finish(tx, caller, id, CONFIRM, done.rows_affected()).await
}

/// Replaces the words of an entry; a newer stock leaves them as they are.
///
/// # Errors
///
/// [`AppError::Forbidden`] for anyone but administrators; [`AppError::Invalid`] for words that cannot be used;
/// [`AppError::NotFound`] where there is none.
pub async fn edit(caller: &Caller, id: KnowledgeId, words: Edit) -> Result<(), AppError> {
    caller.require_admin_for(EDIT).await?;
    let words = words.checked()?;
    let mut tx = hand(caller).write().await?;
    let done = sqlx::query!(
        "
        update database_knowledge_base
           set title = $2, description = $3, solution = $4, category = $5, edited_at = mooring_now()
         where id = $1
        ",
        id.0,
        words.title,
        words.description,
        words.solution,
        words.category.code(),
    )
    .execute(&mut *tx)
    .await?;
    finish(tx, caller, id, EDIT, done.rows_affected()).await
}

/// Takes an entry out of everyone's sight, or puts it back.
///
/// # Errors
///
/// [`AppError::Forbidden`] for anyone but administrators; [`AppError::NotFound`] where there is none.
pub async fn set_hidden(caller: &Caller, id: KnowledgeId, hidden: bool) -> Result<(), AppError> {
    let action = if hidden { HIDE } else { SHOW };
    caller.require_admin_for(action).await?;
    let mut tx = hand(caller).write().await?;
    let done = sqlx::query!(
        "
        update database_knowledge_base
           set hidden_at = case when $2 then coalesce(hidden_at, mooring_now()) end
         where id = $1
        ",
        id.0,
        hidden,
    )
    .execute(&mut *tx)
    .await?;
    finish(tx, caller, id, action, done.rows_affected()).await
}

/// Deletes an entry with what was reported of it. One of the stock comes back with the next start; hide it instead.
///
/// # Errors
///
/// [`AppError::Forbidden`] for anyone but administrators; [`AppError::NotFound`] where there is none;
/// [`AppError::Conflict`] for an entry of the stock.
pub async fn delete(caller: &Caller, id: KnowledgeId) -> Result<(), AppError> {
    caller.require_admin_for(DELETE).await?;
    let mut tx = hand(caller).write().await?;
    let of_stock = sqlx::query_scalar!(
        r#"select stock_key is not null as "of_stock!" from database_knowledge_base where id = $1"#,
        id.0
    )
    .fetch_optional(&mut *tx)
    .await?
    .ok_or(AppError::NotFound)?;
    if of_stock {
        return Err(AppError::Conflict(
            "This entry is built in and would come back with the next start. Hide it instead.".to_owned(),
        ));
    }
    let done = sqlx::query!("delete from database_knowledge_base where id = $1", id.0).execute(&mut *tx).await?;
    finish(tx, caller, id, DELETE, done.rows_affected()).await
}

/// The hand that writes entries for an administrator, once it is seen that it is one: `mooring_user` may not write
/// them, and does not see what is held back.
pub(super) fn hand(caller: &Caller) -> Caller {
    Caller::system(caller.state(), "moderate knowledge")
}

async fn finish(
    mut tx: Tx,
    caller: &Caller,
    id: KnowledgeId,
    action: &'static str,
    changed: u64,
) -> Result<(), AppError> {
    if changed == 0 {
        return Err(AppError::NotFound);
    }
    let entry = Entry::new(action, Outcome::Success).detail("knowledge", id.to_string());
    audit::record(&mut tx, caller, entry).await?;
    tx.commit().await?;
    Ok(())
}

/// The same cure is one entry.
fn same_cure(error: sqlx::Error) -> AppError {
    let constraint = error.as_database_error().and_then(sqlx::error::DatabaseError::constraint);
    if constraint == Some("database_knowledge_base_shared_key") {
        return AppError::Conflict("The same cure is shared already. Delete this one, or edit the other.".to_owned());
    }
    error.into()
}
