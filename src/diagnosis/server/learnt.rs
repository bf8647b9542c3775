//! What was learnt from others, as fixes of an analysis: what their reports say worked, in words that name nobody.

use crate::{
    auth::server::Caller,
    connections::Provider,
    diagnosis::{Analysis, Priority, Source, SuggestedFix, Verification},
    error::AppError,
    knowledge::{KnowledgeEntry, server::suggestions, steps},
};

/// Fixes that are added at most.
const MOST: usize = 3;
/// Entries that are looked at for them: most of the surest are built in and say what the rules say already.
const LOOKED_AT: u32 = 20;
/// What makes a connection less safe, as people write it.
const WEAKENING: [&str; 10] = [
    "sslmode=disable",
    "disable tls",
    "disable ssl",
    "tls off",
    "ssl off",
    "without tls",
    "insecure",
    "rejectunauthorized",
    "allowinvalid",
    "0.0.0.0/0",
];

/// Adds what was learnt of the analysis' cause: suggested entries that somebody reported on.
///
/// # Errors
///
/// [`AppError::Unavailable`] where our own database is away.
pub(super) async fn add(
    caller: &Caller,
    provider: Provider,
    analysis: &mut Analysis,
    fixes: &mut Vec<SuggestedFix>,
) -> Result<(), AppError> {
    let known = suggestions(caller, provider, analysis.cause, LOOKED_AT).await?;
    let before = fixes.len();
    fixes.extend(known.into_iter().filter(|entry| entry.usage_count > 0).take(MOST).map(fix));
    if fixes.len() > before {
        analysis.sources.push(Source::Knowledge);
    }
    Ok(())
}

fn fix(entry: KnowledgeEntry) -> SuggestedFix {
    let text = format!("{} {}", entry.title, entry.solution).to_lowercase();
    SuggestedFix {
        id: format!("knowledge-{}", entry.id),
        title: entry.title,
        description: entry.description,
        priority: Priority::Medium,
        steps: steps(&entry.solution),
        code_example: entry.code_examples.into_iter().next().map(|example| example.code),
        patch: None,
        weakens_security: WEAKENING.iter().any(|words| text.contains(words)),
        confidence: entry.confidence_score,
        source: Source::Knowledge,
        verification: Verification::untested(),
    }
}
