//! Learning from failures. Every change of an entry happens under a lock of its (provider, cause, fix), so that two
//! reports at the same time make one entry and both count.

use sqlx::PgConnection;
use uuid::Uuid;

use super::{Asker, LEARN, Teller, confidence, identifiers::redactor_of, in_job, quarantine::make_room};
use crate::{
    audit::{Outcome, server::Entry},
    auth::server::Caller,
    connections::{Provider, server::secrets_of},
    error::AppError,
    ids::{ErrorId, KnowledgeId, UserId},
    knowledge::{
        Category, CodeExample, EntryOrigin, MOST_IN_QUARANTINE, confidence_without,
        extract::{Lesson, extract},
        fix_key, initial_confidence, next_confidence,
        redact::{Kind, Redactor},
        success_rate,
    },
    probe::{
        Cause,
        classify::{Evidence, classify},
    },
    server::state::AppState,
};

const VOTE: &str = "knowledge.vote";

/// What somebody saw and did.
#[derive(Clone, Debug)]
pub struct ErrorReport {
    /// What kind of database it was about.
    pub provider: Provider,
    /// What was said.
    pub message: String,
    /// Which of one's own errors it is about.
    pub error_id: Option<ErrorId>,
    /// What was done, in words and code; none where that is not said.
    pub fix: Option<String>,
    /// Whether it helped.
    pub worked: bool,
}

/// What became of a report.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Learnt {
    /// The entry.
    pub id: KnowledgeId,
    /// Whether it is new.
    pub created: bool,
    /// Its confidence now.
    pub confidence_score: u8,
    /// Percent of the reports that say it worked.
    pub success_rate: f64,
}

/// A fix that the product itself tried against the real server, as the operation `apply-database-fix` will tell it.
#[derive(Clone, Debug)]
pub struct VerifiedFix {
    /// What kind of database.
    pub provider: Provider,
    /// What it was to cure.
    pub cause: Cause,
    /// What was done, in the product's own words, without anything of anyone.
    pub title: String,
    /// How it is done, in the product's own words.
    pub solution: String,
    /// Code and configuration.
    pub code_examples: Vec<CodeExample>,
    /// Whether it connected.
    pub worked: bool,
    /// Whose failure it was.
    pub user: UserId,
    /// Which error it cured.
    pub error_id: Option<ErrorId>,
}

/// What became of a vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vote {
    /// Whether it counted: without a token nothing changes what is confirmed.
    pub counted: bool,
    /// The confidence now.
    pub confidence_score: u8,
}

/// Above this, two cures of one cause are the same. Set so that a word more makes no new entry, while "restart the
/// server" and "restart the service" stay two, and a short cure is not swallowed by a longer one that contains it.
const ALIKE: f32 = 0.8;

/// Learns from a failure and what was done about it.
///
/// # Errors
///
/// [`AppError::NotFound`] for an error that is not one's own; [`AppError::Forbidden`] for a token that may not
/// change anything; [`AppError::Unavailable`] where our own database is away.
pub async fn learn_from_error(asker: Asker<'_>, report: ErrorReport) -> Result<Learnt, AppError> {
    let teller = asker.teller().await?;
    let Teller::Account(caller) = &teller else {
        // An error belongs to an account, so nobody without one has any: the link is not made.
        let cause = classify_text(report.provider, &report.message);
        let lesson = lesson(Redactor::new(), &report, cause).await?;
        let told =
            Told { provider: report.provider, cause, lesson, worked: report.worked, origin: EntryOrigin::Anonymous };
        return in_job(async move { learn_anonymously(&teller, told).await }).await;
    };
    let user = caller.user_id()?;
    let mut tx = caller.read().await?;
    let known_cause = match report.error_id {
        Some(id) => Some(cause_of_error(&mut tx, user, id).await?),
        None => None,
    };
    let mut redactor = redactor_of(&mut tx, caller).await?;
    drop(tx);
    for secret in secrets_of(caller).await? {
        redactor.know(Kind::Password, secret.reveal());
    }
    let cause = known_cause
        .filter(|cause| *cause != Cause::Unknown)
        .unwrap_or_else(|| classify_text(report.provider, &report.message));
    let lesson = lesson(redactor, &report, cause).await?;
    in_job(async move {
        let told =
            Told { provider: report.provider, cause, lesson, worked: report.worked, origin: EntryOrigin::Person };
        let mut tx = Caller::system(teller.state(), "learn").write().await?;
        let learnt = learn_of_account(&mut tx, told, user, report.error_id).await?;
        teller.record(&mut tx, line(LEARN, learnt.id, report.worked)).await?;
        tx.commit().await?;
        Ok(learnt)
    })
    .await
}

/// Learns from a fix that was tried against the real server. The words are the product's own, so what worked is
/// shared at once, and confirms what was reported of the same fix.
///
/// Its caller is to be `apply-database-fix`, which is not there yet: until then the tests alone come this way.
///
/// # Errors
///
/// [`AppError::Unavailable`] where our own database is away.
pub async fn learn_verified_fix(state: &AppState, fix: VerifiedFix) -> Result<Learnt, AppError> {
    let state = state.clone();
    in_job(async move {
        let VerifiedFix { provider, cause, title, solution, code_examples, worked, user, error_id } = fix;
        let mut lesson = extract(provider, cause, "", Some(&title));
        lesson.solution = solution;
        lesson.code_examples = code_examples;
        let told = Told { provider, cause, lesson, worked, origin: EntryOrigin::Product };
        let mut tx = Caller::system(&state, "learn").write().await?;
        let learnt = learn_of_account(&mut tx, told, user, error_id).await?;
        tx.commit().await?;
        Ok(learnt)
    })
    .await
}

/// Says of an entry that it worked, or did not. A program with a token reports every use, and each counts. A person
/// has one vote on the page of an entry: the same again changes nothing, another replaces it.
///
/// # Errors
///
/// [`AppError::NotFound`] where there is none that one may see; [`AppError::Forbidden`] for a token that may not
/// change anything.
pub async fn update_confidence(asker: Asker<'_>, id: KnowledgeId, worked: bool) -> Result<Vote, AppError> {
    let teller = asker.teller().await?;
    in_job(async move {
        let mut tx = Caller::system(teller.state(), "learn").write().await?;
        let entry = find_by_id(&mut tx, id).await?.ok_or(AppError::NotFound)?;
        let vote = match &teller {
            Teller::Visitor(..) if entry.is_shared => Vote { counted: false, confidence_score: entry.confidence },
            Teller::Visitor(..) if entry.is_anonymous => {
                let learnt = count(&mut tx, &entry, worked).await?;
                Vote { counted: true, confidence_score: learnt.confidence_score }
            }
            Teller::Visitor(..) => return Err(AppError::NotFound),
            Teller::Account(caller) => {
                let user = caller.user_id()?;
                if !entry.is_shared && entry.author != Some(user.0) {
                    return Err(AppError::NotFound);
                }
                let is_vote = caller.token_scope().is_none();
                let before = if is_vote { vote_of(&mut tx, entry.id, user).await? } else { None };
                let learnt = match before {
                    Some(before) if before == worked => entry.unchanged(),
                    Some(before) => count(&mut tx, &entry.without(before), worked).await?,
                    None => count(&mut tx, &entry, worked).await?,
                };
                // The same said again is no second report.
                if before != Some(worked) {
                    keep_report(&mut tx, entry.id, user, None, worked).await?;
                }
                if is_vote {
                    keep_vote(&mut tx, entry.id, user, worked).await?;
                }
                Vote { counted: true, confidence_score: learnt.confidence_score }
            }
        };
        if vote.counted {
            teller.record(&mut tx, line(VOTE, id, worked)).await?;
        }
        tx.commit().await?;
        Ok(vote)
    })
    .await
}

/// The cause that a message comes down to.
pub(super) fn classify_text(provider: Provider, text: &str) -> Cause {
    classify(&Evidence { provider: Some(provider), text, ..Evidence::default() }).cause
}

/// The entry that a report makes, of texts without anything of the one who tells. Hostile texts take a while, and
/// nobody else should wait for it.
async fn lesson(mut redactor: Redactor, report: &ErrorReport, cause: Cause) -> Result<Lesson, AppError> {
    let ErrorReport { provider, message, fix, .. } = report.clone();
    let made = tokio::task::spawn_blocking(move || {
        redactor.read(&message);
        let fix = fix.map(|fix| redactor.redact(&fix));
        let message = redactor.redact(&message);
        // The secrets that it knew are not needed any longer.
        drop(redactor);
        extract(provider, cause, &message, fix.as_deref())
    });
    made.await.map_err(|error| AppError::internal(&error))
}

/// What is to be learnt.
struct Told {
    provider: Provider,
    cause: Cause,
    lesson: Lesson,
    worked: bool,
    origin: EntryOrigin,
}

/// An entry as learning needs it.
struct Found {
    id: Uuid,
    author: Option<Uuid>,
    is_shared: bool,
    is_anonymous: bool,
    confidence: u8,
    successes: u32,
    failures: u32,
}

async fn learn_of_account(
    tx: &mut PgConnection,
    told: Told,
    user: UserId,
    error: Option<ErrorId>,
) -> Result<Learnt, AppError> {
    lock(tx, &told).await?;
    let is_products = told.origin == EntryOrigin::Product;
    let shared = match find_shared(tx, &told).await? {
        Some(found) => Some(found),
        // What the product saw work is shared, so it is never counted with words that are one's own alone.
        None => find_alike(tx, &told, Some(user).filter(|_| !is_products)).await?,
    };
    let own = match shared {
        Some(found) => Some(found),
        None => find_of_author(tx, &told, user).await?,
    };
    let learnt = match own {
        Some(found) => count(tx, &found, told.worked).await?,
        None => insert(tx, &told, Some(user), is_products && told.worked).await?,
    };
    keep_report(tx, learnt.id.0, user, error, told.worked).await?;
    // A second account that names the same cure, or a fix that the product saw work, confirms what was held back.
    let names_it = told.lesson.names_the_cure(told.cause);
    if told.worked && (is_products || names_it && accounts_that_say_it_worked(tx, &told).await? >= 2) {
        return share(tx, &told, learnt).await;
    }
    Ok(learnt)
}

async fn learn_anonymously(teller: &Teller, told: Told) -> Result<Learnt, AppError> {
    let mut tx = Caller::system(teller.state(), "learn").write().await?;
    lock(&mut tx, &told).await?;
    if let Some(found) = find_shared(&mut tx, &told).await? {
        // What is confirmed stays as it is.
        return Ok(found.unchanged());
    }
    let learnt = if let Some(found) = find_anonymous(&mut tx, &told).await? {
        count(&mut tx, &found, told.worked).await?
    } else {
        let learnt = insert(&mut tx, &told, None, false).await?;
        make_room(&mut tx).await?;
        learnt
    };
    teller.record(&mut tx, line(LEARN, learnt.id, told.worked)).await?;
    tx.commit().await?;
    Ok(learnt)
}

/// The line of the audit log.
fn line(action: &'static str, entry: KnowledgeId, worked: bool) -> Entry {
    Entry::new(action, Outcome::Success).detail("knowledge", entry.to_string()).detail("worked", worked)
}

impl Found {
    /// As if one report had not been made.
    fn without(&self, worked: bool) -> Self {
        Self {
            confidence: confidence_without(self.confidence, worked),
            successes: self.successes.saturating_sub(u32::from(worked)),
            failures: self.failures.saturating_sub(u32::from(!worked)),
            ..*self
        }
    }

    fn unchanged(&self) -> Learnt {
        Learnt {
            id: KnowledgeId(self.id),
            created: false,
            confidence_score: self.confidence,
            success_rate: success_rate(self.successes, self.failures),
        }
    }
}

/// One report of a cure at a time.
async fn lock(connection: &mut PgConnection, told: &Told) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended('knowledge ' || $1 || ' ' || $2 || ' ' || $3, 0))",
        told.provider.code(),
        told.cause.code(),
        told.lesson.fix_key,
    )
    .fetch_one(connection)
    .await?;
    Ok(())
}

/// What is read of an entry that a report may be about.
struct FoundRow {
    id: Uuid,
    author_id: Option<Uuid>,
    is_shared: bool,
    origin: String,
    confidence: i32,
    successes: i32,
    failures: i32,
}

impl From<FoundRow> for Found {
    fn from(row: FoundRow) -> Self {
        Self {
            id: row.id,
            author: row.author_id,
            is_shared: row.is_shared,
            is_anonymous: row.origin == EntryOrigin::Anonymous.code(),
            confidence: confidence(row.confidence),
            successes: row.successes.unsigned_abs(),
            failures: row.failures.unsigned_abs(),
        }
    }
}

async fn find_by_id(connection: &mut PgConnection, id: KnowledgeId) -> Result<Option<Found>, sqlx::Error> {
    let row = sqlx::query_as!(
        FoundRow,
        r#"
        select id, author_id, shared_at is not null as "is_shared!", origin,
               round(confidence_score)::integer as "confidence!", successes, failures
          from database_knowledge_base
         where id = $1 and hidden_at is null
           for update
        "#,
        id.0,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(Found::from))
}

async fn find_shared(connection: &mut PgConnection, told: &Told) -> Result<Option<Found>, sqlx::Error> {
    let row = sqlx::query_as!(
        FoundRow,
        r#"
        select id, author_id, shared_at is not null as "is_shared!", origin,
               round(confidence_score)::integer as "confidence!", successes, failures
          from database_knowledge_base
         where provider = $1 and cause = $2 and fix_key = $3 and shared_at is not null
           for update
        "#,
        told.provider.code(),
        told.cause.code(),
        told.lesson.fix_key,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(Found::from))
}

/// An entry, shared or `user`'s own, that says the same in nearly the same words.
async fn find_alike(
    connection: &mut PgConnection,
    told: &Told,
    user: Option<UserId>,
) -> Result<Option<Found>, sqlx::Error> {
    let row = sqlx::query_as!(
        FoundRow,
        r#"
        select id, author_id, shared_at is not null as "is_shared!", origin,
               round(confidence_score)::integer as "confidence!", successes, failures
          from database_knowledge_base
         where provider = $1 and cause = $2 and (shared_at is not null or author_id = $3)
           and knowledge_similarity(fix_key, $4) > $5
         order by knowledge_similarity(fix_key, $4) desc, shared_at nulls last, created_at
         limit 1
           for update
        "#,
        told.provider.code(),
        told.cause.code(),
        user.map(|user| user.0),
        told.lesson.fix_key,
        ALIKE,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(Found::from))
}

async fn find_of_author(
    connection: &mut PgConnection,
    told: &Told,
    user: UserId,
) -> Result<Option<Found>, sqlx::Error> {
    let row = sqlx::query_as!(
        FoundRow,
        r#"
        select id, author_id, shared_at is not null as "is_shared!", origin,
               round(confidence_score)::integer as "confidence!", successes, failures
          from database_knowledge_base
         where provider = $1 and cause = $2 and fix_key = $3 and shared_at is null and author_id = $4
           for update
        "#,
        told.provider.code(),
        told.cause.code(),
        told.lesson.fix_key,
        user.0,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(Found::from))
}

async fn find_anonymous(connection: &mut PgConnection, told: &Told) -> Result<Option<Found>, sqlx::Error> {
    let row = sqlx::query_as!(
        FoundRow,
        r#"
        select id, author_id, shared_at is not null as "is_shared!", origin,
               round(confidence_score)::integer as "confidence!", successes, failures
          from database_knowledge_base
         where provider = $1 and cause = $2 and fix_key = $3 and shared_at is null and origin = 'anonymous'
           for update
        "#,
        told.provider.code(),
        told.cause.code(),
        told.lesson.fix_key,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(Found::from))
}

/// Makes the entry. Words of the product are nobody's.
async fn insert(
    connection: &mut PgConnection,
    told: &Told,
    author: Option<UserId>,
    is_shared: bool,
) -> Result<Learnt, AppError> {
    let Told { provider, cause, lesson, worked, origin } = told;
    let score = match origin {
        EntryOrigin::Anonymous => initial_confidence(*worked).min(MOST_IN_QUARANTINE),
        _ => initial_confidence(*worked),
    };
    let examples = serde_json::to_value(&lesson.code_examples).map_err(|error| AppError::internal(&error))?;
    let rate = success_rate(u32::from(*worked), u32::from(!*worked));
    let id = sqlx::query_scalar!(
        "
        insert into database_knowledge_base
               (provider, cause, category, title, description, solution, code_examples, tags, fix_key, origin, author_id,
                confidence_score, success_rate, usage_count, successes, failures, shared_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12::integer, $13::double precision, 1, $14, $15,
                case when $16 then mooring_now() end)
        returning id
        ",
        provider.code(),
        cause.code(),
        lesson.category.code(),
        lesson.title,
        lesson.description(*cause),
        lesson.solution,
        examples,
        &lesson.tags,
        lesson.fix_key,
        origin.code(),
        author.map(|user| user.0),
        i32::from(score),
        rate,
        i32::from(*worked),
        i32::from(!*worked),
        is_shared,
    )
    .fetch_one(connection)
    .await?;
    Ok(Learnt { id: KnowledgeId(id), created: true, confidence_score: score, success_rate: rate })
}

/// Counts one more report of `entry`.
async fn count(connection: &mut PgConnection, entry: &Found, worked: bool) -> Result<Learnt, AppError> {
    let mut score = next_confidence(entry.confidence, worked);
    if entry.is_anonymous && !entry.is_shared {
        score = score.min(MOST_IN_QUARANTINE);
    }
    let successes = entry.successes.saturating_add(u32::from(worked));
    let failures = entry.failures.saturating_add(u32::from(!worked));
    let rate = success_rate(successes, failures);
    sqlx::query!(
        "
        update database_knowledge_base
           set confidence_score = $2::integer, success_rate = $3::double precision, successes = $4, failures = $5,
               usage_count = $4::integer + $5::integer
         where id = $1
        ",
        entry.id,
        i32::from(score),
        rate,
        i32::try_from(successes).unwrap_or(i32::MAX / 2),
        i32::try_from(failures).unwrap_or(i32::MAX / 2),
    )
    .execute(connection)
    .await?;
    Ok(Learnt { id: KnowledgeId(entry.id), created: false, confidence_score: score, success_rate: rate })
}

/// Links an error, and remembers who said what.
async fn keep_report(
    connection: &mut PgConnection,
    entry: Uuid,
    user: UserId,
    error: Option<ErrorId>,
    worked: bool,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "
        insert into knowledge_reports as stored (knowledge_id, user_id, error_id, worked)
        values ($1, $2, $3, $4)
            on conflict (knowledge_id, user_id, coalesce(error_id, '00000000-0000-0000-0000-000000000000')) do update
           set worked = excluded.worked, reports = stored.reports + 1, reported_at = mooring_now()
        ",
        entry,
        user.0,
        error.map(|id| id.0),
        worked,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// What the account last said on the page of the entry.
async fn vote_of(connection: &mut PgConnection, entry: Uuid, user: UserId) -> Result<Option<bool>, sqlx::Error> {
    let vote = sqlx::query_scalar!(
        "select vote from knowledge_reports where knowledge_id = $1 and user_id = $2 and error_id is null",
        entry,
        user.0,
    )
    .fetch_optional(connection)
    .await?;
    Ok(vote.flatten())
}

/// Remembers it, in the row that [`keep_report`] wrote.
async fn keep_vote(connection: &mut PgConnection, entry: Uuid, user: UserId, vote: bool) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update knowledge_reports set vote = $3 where knowledge_id = $1 and user_id = $2 and error_id is null",
        entry,
        user.0,
        vote,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// How many accounts say of the same cure, each in words of its own, that it worked.
async fn accounts_that_say_it_worked(connection: &mut PgConnection, told: &Told) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(
        r#"
        select count(distinct report.user_id) as "accounts!"
          from database_knowledge_base as entry
          join knowledge_reports as report on report.knowledge_id = entry.id and report.worked
         where entry.provider = $1 and entry.cause = $2 and entry.fix_key = $3
        "#,
        told.provider.code(),
        told.cause.code(),
        told.lesson.fix_key,
    )
    .fetch_one(connection)
    .await
}

/// Shares the oldest entry of the cure, unless one is shared already, and lets the others be counted with it: from
/// here on it is one entry. The product's own words stand before those of people. It is the cure that was confirmed:
/// the message that its author saw goes.
async fn share(connection: &mut PgConnection, told: &Told, learnt: Learnt) -> Result<Learnt, AppError> {
    let kept = sqlx::query_scalar!(
        "
        select id from database_knowledge_base
         where provider = $1 and cause = $2 and fix_key = $3 and origin <> 'anonymous'
         order by shared_at nulls last, origin <> 'product', created_at, id
         limit 1
        ",
        told.provider.code(),
        told.cause.code(),
        told.lesson.fix_key,
    )
    .fetch_optional(&mut *connection)
    .await?;
    // Counted with a similar entry, which has another key: nothing was held back under this one.
    let Some(kept) = kept else { return Ok(learnt) };
    take_over_reports(connection, told, kept).await?;
    remove_others(connection, told, kept).await?;
    let row = sqlx::query!(
        r#"
        update database_knowledge_base
           set description = case when shared_at is null and edited_at is null then $2 else description end,
               shared_at   = coalesce(shared_at, mooring_now())
         where id = $1
        returning round(confidence_score)::integer as "confidence!", successes, failures
        "#,
        kept,
        told.lesson.explanation,
    )
    .fetch_one(connection)
    .await?;
    Ok(Learnt {
        id: KnowledgeId(kept),
        created: learnt.created && learnt.id.0 == kept,
        confidence_score: confidence(row.confidence),
        success_rate: success_rate(row.successes.unsigned_abs(), row.failures.unsigned_abs()),
    })
}

/// Adds what others counted to `kept`: their reports, successes and failures, and +5 or -10 for each.
async fn take_over_reports(connection: &mut PgConnection, told: &Told, kept: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "
        insert into knowledge_reports (knowledge_id, user_id, error_id, worked, vote, reports, reported_at)
        select $4, report.user_id, report.error_id, report.worked, report.vote, report.reports, report.reported_at
          from knowledge_reports as report
          join database_knowledge_base as entry on entry.id = report.knowledge_id
         where entry.provider = $1 and entry.cause = $2 and entry.fix_key = $3 and entry.id <> $4
            on conflict do nothing
        ",
        told.provider.code(),
        told.cause.code(),
        told.lesson.fix_key,
        kept,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "
        update database_knowledge_base as kept
           set successes        = kept.successes + others.successes,
               failures         = kept.failures + others.failures,
               usage_count      = kept.usage_count + others.successes + others.failures,
               success_rate     = round(100.0 * (kept.successes + others.successes)
                                      / nullif(kept.successes + kept.failures + others.successes + others.failures, 0), 2),
               confidence_score = least(100, greatest(0,
                                      kept.confidence_score + 5 * others.successes - 10 * others.failures))
          from (select coalesce(sum(successes), 0)::integer as successes, coalesce(sum(failures), 0)::integer as failures
                  from database_knowledge_base
                 where provider = $1 and cause = $2 and fix_key = $3 and id <> $4 and origin <> 'anonymous'
               ) as others
         where kept.id = $4 and others.successes + others.failures > 0
        ",
        told.provider.code(),
        told.cause.code(),
        told.lesson.fix_key,
        kept,
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn remove_others(connection: &mut PgConnection, told: &Told, kept: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "delete from database_knowledge_base where provider = $1 and cause = $2 and fix_key = $3 and id <> $4",
        told.provider.code(),
        told.cause.code(),
        told.lesson.fix_key,
        kept,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The cause of one of the caller's errors; a table of one's own, so another's is not there.
async fn cause_of_error(connection: &mut PgConnection, user: UserId, id: ErrorId) -> Result<Cause, AppError> {
    let code = sqlx::query_scalar!(
        "select cause from database_connection_errors where id = $1 and user_id = $2",
        id.0,
        user.0
    )
    .fetch_optional(connection)
    .await?
    .ok_or(AppError::NotFound)?;
    Ok(code.parse().unwrap_or(Cause::Unknown))
}

/// The key of an entry that was not reported but written: by its title, which names the cure.
pub(super) fn key_of(title: &str, category: Category) -> String {
    match fix_key(title) {
        key if key.is_empty() => category.code().to_owned(),
        key => key,
    }
}
