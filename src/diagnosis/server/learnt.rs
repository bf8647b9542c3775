//! What was learnt from others, as fixes of an analysis: what their reports say worked and what was imported, in words
//! that name nobody.

use crate::{
    auth::server::Caller,
    connections::Provider,
    diagnosis::{Analysis, Priority, Source, SuggestedFix, Verification},
    error::AppError,
    knowledge::{KnowledgeEntry, server::experience, steps},
};

/// Fixes that are added at most.
const MOST: u32 = 3;
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

/// Adds what is known of the analysis' cause beyond the rules: suggested entries, but for those that are built in as
/// long as nobody reported on them or edited them.
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
    let known = experience(caller, provider, analysis.cause, MOST).await?;
    if !known.is_empty() {
        analysis.sources.push(Source::Knowledge);
    }
    fixes.extend(known.into_iter().map(fix));
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
