//! Search: by words and by likeness, ranked by relevance and confidence. Results are kept in the process for each
//! provider and asker, until the provider's version in the database says that something changed.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use sqlx::PgConnection;
use uuid::Uuid;

use super::{Asker, Row, in_job, learn::classify_text};
use crate::{
    auth::{Scope, server::Caller},
    connections::Provider,
    error::AppError,
    ids::{ConnectionId, KnowledgeId, UserId},
    knowledge::{HIGHEST_LIMIT, KnowledgeEntry, SUGGESTED_FROM, Search},
    probe::Cause,
};

/// Searches that a process keeps; beyond, it begins anew.
const MOST_KEPT: usize = 512;
/// Characters of a query that are looked at: an error message with its stack.
const LONGEST_QUERY: usize = 2_000;

/// What was found lately.
#[derive(Debug, Default)]
pub struct Cache(Mutex<HashMap<Key, Kept>>);

/// Whose search, and what for: under row-level security two may find different things.
type Key = (Option<UserId>, Search);

#[derive(Clone, Debug)]
struct Kept {
    version: i64,
    found: Arc<Vec<KnowledgeEntry>>,
}

impl Cache {
    fn get(&self, key: &Key, version: i64) -> Option<Arc<Vec<KnowledgeEntry>>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(key).filter(|kept| kept.version == version).map(|kept| Arc::clone(&kept.found))
    }

    fn put(&self, key: Key, version: i64, found: &Arc<Vec<KnowledgeEntry>>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MOST_KEPT {
            kept.clear();
        }
        kept.insert(key, Kept { version, found: Arc::clone(found) });
    }
}

/// What is known about it: shared entries, and those of one's own that are not confirmed yet.
///
/// # Errors
///
/// [`AppError::Forbidden`] for a token of scope `cron`; [`AppError::Unavailable`] where our own database is away.
pub async fn search(asker: Asker<'_>, mut wanted: Search) -> Result<Arc<Vec<KnowledgeEntry>>, AppError> {
    wanted.query = wanted.query.trim().chars().filter(|c| *c != '\0').take(LONGEST_QUERY).collect();
    wanted.limit = wanted.limit.clamp(1, HIGHEST_LIMIT);
    match asker {
        Asker::Account(caller) if caller.token_scope() == Some(Scope::Cron) => {
            Err(AppError::Forbidden("This token is for the scheduler only.".to_owned()))
        }
        Asker::Account(caller) => {
            let user = caller.user_id()?;
            let mut tx = caller.read().await?;
            look_up(&mut tx, caller.state().knowledge(), Some(user), wanted).await
        }
        Asker::Anonymous(state, _) => {
            let state = state.clone();
            in_job(async move {
                let mut tx = Caller::system(&state, "search knowledge").read().await?;
                look_up(&mut tx, state.knowledge(), None, wanted).await
            })
            .await
        }
    }
}

/// What may be suggested for a cause: shared or one's own, from confidence 60 on, the surest first.
///
/// # Errors
///
/// [`AppError::Unavailable`] where our own database is away.
pub async fn suggestions(
    caller: &Caller,
    provider: Provider,
    cause: Cause,
    limit: u32,
) -> Result<Vec<KnowledgeEntry>, AppError> {
    suggested(caller, provider, cause, limit, true).await
}

/// The same without what is built in and has neither been reported on nor edited: that says what the rules of an
/// analysis say already.
///
/// # Errors
///
/// [`AppError::Unavailable`] where our own database is away.
pub async fn experience(
    caller: &Caller,
    provider: Provider,
    cause: Cause,
    limit: u32,
) -> Result<Vec<KnowledgeEntry>, AppError> {
    suggested(caller, provider, cause, limit, false).await
}

async fn suggested(
    caller: &Caller,
    provider: Provider,
    cause: Cause,
    limit: u32,
    with_stock: bool,
) -> Result<Vec<KnowledgeEntry>, AppError> {
    let user = caller.user_id()?;
    let mut tx = caller.read().await?;
    let rows = sqlx::query_as!(
        Row,
        r#"
        select id, provider, category, cause, title, description, solution,
               round(confidence_score)::integer as "confidence!", successes, failures, code_examples, tags, origin,
               shared_at is not null as "is_shared!", hidden_at is not null as "is_hidden!"
          from database_knowledge_base
         where provider = $1 and cause = $2 and confidence_score >= $3::integer
           and hidden_at is null and (shared_at is not null or author_id = $4)
           and ($5 or origin <> 'stock' or edited_at is not null or successes + failures > 0)
         order by confidence_score desc, usage_count desc, id
         limit $6
        "#,
        provider.code(),
        cause.code(),
        i32::from(SUGGESTED_FROM),
        user.0,
        with_stock,
        i64::from(limit.clamp(1, HIGHEST_LIMIT)),
    )
    .fetch_all(&mut *tx)
    .await?;
    Ok(rows.into_iter().filter_map(Row::entry).collect())
}

/// Cures that a failing connection is offered at most.
const MOST_CURES: u32 = 3;

/// What is known to cure what a connection fails of, the surest first; nothing while it does not fail, or is paused.
///
/// # Errors
///
/// [`AppError::NotFound`] where the connection is not the caller's.
pub async fn cures_of_connection(caller: &Caller, id: ConnectionId) -> Result<Vec<KnowledgeEntry>, AppError> {
    let user = caller.user_id()?;
    let mut tx = caller.read().await?;
    let row = sqlx::query!(
        r#"
        select connection.provider, case when state.status = 'down' and connection.is_active then state.cause end as cause
          from database_credentials as connection
          join connection_state as state on state.credential_id = connection.id
         where connection.id = $1 and connection.user_id = $2
        "#,
        id.0,
        user.0,
    )
    .fetch_optional(&mut *tx)
    .await?
    .ok_or(AppError::NotFound)?;
    drop(tx);
    match (row.provider.parse::<Provider>(), row.cause.and_then(|code| code.parse::<Cause>().ok())) {
        (Ok(provider), Some(cause)) => suggestions(caller, provider, cause, MOST_CURES).await,
        _ => Ok(Vec::new()),
    }
}

/// One entry, hidden ones for administrators only.
///
/// # Errors
///
/// [`AppError::NotFound`] where there is none that the caller may see.
pub async fn entry(caller: &Caller, id: KnowledgeId) -> Result<KnowledgeEntry, AppError> {
    // Row-level security leaves out what waits and what is hidden; administrators are shown those too.
    let system = Caller::system(caller.state(), "knowledge");
    let mut tx = if caller.is_admin() { system.read().await? } else { caller.read().await? };
    sqlx::query_as!(
        Row,
        r#"
        select id, provider, category, cause, title, description, solution,
               round(confidence_score)::integer as "confidence!", successes, failures, code_examples, tags, origin,
               shared_at is not null as "is_shared!", hidden_at is not null as "is_hidden!"
          from database_knowledge_base
         where id = $1
        "#,
        id.0,
    )
    .fetch_optional(&mut *tx)
    .await?
    .and_then(Row::entry)
    .ok_or(AppError::NotFound)
}

async fn look_up(
    connection: &mut PgConnection,
    cache: &Cache,
    user: Option<UserId>,
    wanted: Search,
) -> Result<Arc<Vec<KnowledgeEntry>>, AppError> {
    let version = version(connection, wanted.provider).await?;
    let key = (user, wanted);
    if let Some(found) = cache.get(&key, version) {
        return Ok(found);
    }
    // Written in between, it is kept under the older version and found to be stale.
    let rows = find(connection, user, &key.1).await?;
    let found = Arc::new(rows.into_iter().filter_map(Row::entry).collect::<Vec<_>>());
    cache.put(key, version, &found);
    Ok(found)
}

/// Counts up with every change of the provider's entries; of all providers together their sum.
async fn version(connection: &mut PgConnection, provider: Option<Provider>) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(
        r#"
        select coalesce(sum(version), 0)::bigint as "version!"
          from knowledge_versions
         where $1::text is null or provider = $1
        "#,
        provider.map(Provider::code),
    )
    .fetch_one(connection)
    .await
}

async fn find(connection: &mut PgConnection, user: Option<UserId>, wanted: &Search) -> Result<Vec<Row>, sqlx::Error> {
    // The code of a cause asks for that cause alone.
    let only = wanted.query.parse::<Cause>().ok().map(Cause::code);
    // A pasted message is looked up by its cause as well as by its words.
    let cause = match classify_text(wanted.provider.unwrap_or(Provider::PostgreSql), &wanted.query) {
        Cause::Unknown => None,
        cause => Some(cause.code()),
    };
    let user: Option<Uuid> = user.map(|user| user.0);
    sqlx::query_as!(
        Row,
        r#"
        with asked as (
            -- Any of the words, not all: messages hold many that no entry has.
            select case when $4 = '' then null
                        else nullif(replace(plainto_tsquery('english', $4)::text, '&', '|'), '')::tsquery end as words
        ), ranked as (
            select entry.*,
                   case when $4 = '' then 0
                        else coalesce(ts_rank_cd(search, asked.words, 1), 0)
                           + knowledge_similarity(title, $4)
                           + case when cause = $5 then 1 else 0 end
                   end as relevance,
                   $4 = '' or coalesce(search @@ asked.words, false) or cause = $5
                       or knowledge_similarity(title, $4) > 0.3 as fits
              from database_knowledge_base as entry cross join asked
             where hidden_at is null and (shared_at is not null or author_id = $1)
               and ($2::text is null or provider = $2)
               and ($3::text is null or category = $3)
               and ($7::text is null or cause = $7)
        )
        select id as "id!", provider as "provider!", category as "category!", cause as "cause!", title as "title!",
               description as "description!", solution as "solution!",
               round(confidence_score)::integer as "confidence!", successes as "successes!", failures as "failures!",
               code_examples as "code_examples!", tags as "tags!", origin as "origin!",
               shared_at is not null as "is_shared!", hidden_at is not null as "is_hidden!"
          from ranked
         where fits or $7 is not null
         order by relevance + confidence_score / 100.0 desc, usage_count desc, title, id
         limit $6
        "#,
        user,
        wanted.provider.map(Provider::code),
        wanted.category.map(crate::knowledge::Category::code),
        wanted.query,
        cause,
        i64::from(wanted.limit),
        only,
    )
    .fetch_all(connection)
    .await
}
