//! Where entries are kept. Reads run under row-level security as whoever asks; `mooring_user` may write nothing
//! here. What is learnt is redacted, handed to a job of the server and waited for, so that it is written also where
//! the one who told it leaves.

use std::future::Future;

use sqlx::PgConnection;
use uuid::Uuid;

use super::{Category, CodeExample, EntryOrigin, KnowledgeEntry, Standing, success_rate};
use crate::{
    audit::server as audit,
    auth::server::{Caller, Origin},
    connections::Provider,
    error::AppError,
    ids::KnowledgeId,
    probe::Cause,
    server::state::AppState,
};

mod identifiers;
mod learn;
mod moderate;
mod patterns;
pub mod quarantine;
mod search;
pub mod stock;
pub mod transfer;

pub use learn::{ErrorReport, Learnt, VerifiedFix, Vote, learn_from_error, learn_verified_fix, update_confidence};
pub use moderate::{Edit, confirm, delete, edit, set_hidden, waiting};
pub use patterns::{Known, SuccessReport, learn_from_report, learn_from_success, successful};
pub use search::{Cache, cures_of_connection, entry, experience, search, suggestions};

/// The act of learning, in the audit log.
const LEARN: &str = "knowledge.learn";

/// Who tells or asks: an account, or someone without a token.
#[derive(Clone, Copy, Debug)]
pub enum Asker<'a> {
    /// Someone who has proved to be one.
    Account(&'a Caller),
    /// Whoever reaches the server, and from where.
    Anonymous(&'a AppState, &'a Origin),
}

impl Asker<'_> {
    /// The one who tells something.
    ///
    /// # Errors
    ///
    /// [`AppError::Forbidden`] for a token whose scope is less than `full`.
    async fn teller(&self) -> Result<Teller, AppError> {
        match *self {
            Self::Account(caller) => {
                caller.require_full_scope().await?;
                Ok(Teller::Account(caller.clone()))
            }
            Self::Anonymous(state, origin) => Ok(Teller::Visitor(state.clone(), origin.clone())),
        }
    }
}

/// Who tells something and may, for the job that writes it down.
#[derive(Clone, Debug)]
enum Teller {
    /// An account, with a session or a token of scope `full`.
    Account(Caller),
    /// Someone without a token, and from where.
    Visitor(AppState, Origin),
}

impl Teller {
    /// The process's state.
    const fn state(&self) -> &AppState {
        match self {
            Self::Account(caller) => caller.state(),
            Self::Visitor(state, _) => state,
        }
    }

    /// Records what was told, in the transaction that learns it. Of what comes without a token one line an hour is
    /// recorded for each address and act: it is held back, and its volume is for nobody to choose.
    async fn record(&self, tx: &mut PgConnection, entry: audit::Entry) -> Result<(), AppError> {
        match self {
            Self::Account(caller) => audit::record(tx, caller, entry).await,
            Self::Visitor(state, origin) if state.limits().may_record_lesson(origin, entry.action()) => {
                audit::record(tx, audit::Actor::visitor(None, origin.clone()), entry).await
            }
            Self::Visitor(..) => Ok(()),
        }
    }
}

/// Runs `work` as a job of its own and waits for it.
async fn in_job<T: Send + 'static>(
    work: impl Future<Output = Result<T, AppError>> + Send + 'static,
) -> Result<T, AppError> {
    tokio::spawn(work).await.map_err(|error| AppError::internal(&error))?
}

/// A row of `database_knowledge_base` as every statement here reads it.
struct Row {
    id: Uuid,
    provider: String,
    category: String,
    cause: String,
    title: String,
    description: String,
    solution: String,
    confidence: i32,
    successes: i32,
    failures: i32,
    code_examples: serde_json::Value,
    tags: Vec<String>,
    origin: String,
    is_shared: bool,
    is_hidden: bool,
}

impl Row {
    /// None for a row of a provider that this version does not know.
    fn entry(self) -> Option<KnowledgeEntry> {
        let (successes, failures) = (self.successes.unsigned_abs(), self.failures.unsigned_abs());
        let origin = EntryOrigin::from_code(&self.origin).unwrap_or(EntryOrigin::Person);
        Some(KnowledgeEntry {
            id: KnowledgeId(self.id),
            provider: self.provider.parse::<Provider>().ok()?,
            category: Category::from_code(&self.category).unwrap_or(Category::ErrorResolution),
            cause: self.cause.parse::<Cause>().unwrap_or(Cause::Unknown),
            title: self.title,
            description: self.description,
            solution: self.solution,
            success_rate: success_rate(successes, failures),
            confidence_score: confidence(self.confidence),
            usage_count: successes.saturating_add(failures),
            code_examples: code_examples(self.code_examples),
            tags: self.tags,
            origin,
            standing: match (self.is_hidden, self.is_shared, origin) {
                (true, ..) => Standing::Hidden,
                (_, true, _) => Standing::Shared,
                (_, _, EntryOrigin::Anonymous) => Standing::Quarantined,
                _ => Standing::Private,
            },
        })
    }
}

fn confidence(stored: i32) -> u8 {
    u8::try_from(stored.clamp(0, 100)).unwrap_or(0)
}

/// Examples as they are stored; rows that came by SQL may hold bare texts.
fn code_examples(stored: serde_json::Value) -> Vec<CodeExample> {
    let serde_json::Value::Array(items) = stored else { return Vec::new() };
    items
        .into_iter()
        .filter_map(|item| match item {
            serde_json::Value::String(code) => Some(CodeExample { language: "text".to_owned(), code }),
            item => serde_json::from_value(item).ok(),
        })
        .collect()
}
