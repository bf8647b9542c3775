//! `learn-connection-knowledge`: learning and searching, with a token or without.

use axum::{
    Json,
    extract::State,
    http::{Extensions, HeaderMap},
};
use serde_json::Value;

use super::{
    Sent, Visitor, found,
    types::{
        FoundKnowledge, LearnFromError, LearnFromSuccess, LearnRequest, LearnResponse, LearntConfidence, LearntError,
        LearntSuccess, SearchKnowledge, UpdateConfidence,
    },
};
use crate::{
    auth::server::Origin,
    error::{AppError, FieldError},
    knowledge::{
        self,
        server::{Asker, ErrorReport, SuccessReport, learn_from_error, learn_from_report, search, update_confidence},
    },
    server::{state::AppState, wire::WireError},
};

/// What the log calls a report of something that is not there or not one's own.
const LEARN: &str = "knowledge.learn";
/// Characters of a message that are looked at: what is behind is the stack.
const MESSAGE: usize = 4_000;
/// Characters of what was done.
const LONGEST_FIX: usize = 8_000;

/// **Permissions**: anyone; what comes without a token is held back. A token of scope `read` may only search.
pub(super) async fn learn_connection_knowledge(
    State(state): State<AppState>,
    Visitor(caller): Visitor,
    headers: HeaderMap,
    extensions: Extensions,
    Sent(request): Sent<LearnRequest>,
) -> Result<Json<LearnResponse>, WireError> {
    let origin = Origin::of(&headers, &extensions, state.config());
    let asker = caller.as_ref().map_or(Asker::Anonymous(&state, &origin), Asker::Account);
    let answer = async {
        Ok(match request {
            LearnRequest::LearnFromSuccess(data) => LearnResponse::Success(succeeded(asker, data).await?),
            LearnRequest::LearnFromError(data) => LearnResponse::Error(failed(asker, data).await?),
            LearnRequest::UpdateConfidence(data) => LearnResponse::Confidence(judged(asker, data).await?),
            LearnRequest::SearchKnowledge(data) => {
                LearnResponse::Found(searched(asker, data.unwrap_or_default()).await?)
            }
        })
    };
    // Without a token nothing is anybody's.
    let answer = match &caller {
        Some(caller) => found(caller, LEARN, answer).await?,
        None => answer.await?,
    };
    Ok(Json(answer))
}

async fn succeeded(asker: Asker<'_>, data: LearnFromSuccess) -> Result<LearntSuccess, AppError> {
    let settings = Value::Object(data.credentials.unwrap_or_default());
    let known = learn_from_report(asker, SuccessReport { provider: data.provider, settings }).await?;
    Ok(LearntSuccess { success: true, pattern_id: known.id, created: known.created, success_count: known.count })
}

async fn failed(asker: Asker<'_>, data: LearnFromError) -> Result<LearntError, AppError> {
    let message: String = data.error_message.trim().chars().take(MESSAGE).collect();
    if message.is_empty() {
        return Err(AppError::invalid("data.errorMessage", "errorMessage is what the failure said; it is empty."));
    }
    let report = ErrorReport {
        provider: data.provider,
        message,
        error_id: data.error_id,
        fix: fix(&data.fix_applied)?,
        worked: data.fix_worked.unwrap_or(false),
    };
    let learnt = learn_from_error(asker, report).await?;
    Ok(LearntError {
        success: true,
        knowledge_id: learnt.id,
        created: learnt.created,
        confidence_score: learnt.confidence_score,
        success_rate: learnt.success_rate,
    })
}

async fn judged(asker: Asker<'_>, data: UpdateConfidence) -> Result<LearntConfidence, AppError> {
    let vote = update_confidence(asker, data.knowledge_id, data.worked).await?;
    Ok(LearntConfidence { success: vote.counted, confidence_score: vote.confidence_score })
}

async fn searched(asker: Asker<'_>, data: SearchKnowledge) -> Result<FoundKnowledge, AppError> {
    let text = |text: Option<String>| text.unwrap_or_default();
    let wanted = knowledge::parse_search(&text(data.query), &text(data.provider), &text(data.category), data.limit)
        .map_err(in_data)?;
    Ok(FoundKnowledge { results: search(asker, wanted).await?.to_vec() })
}

/// The field by its path in the body.
fn in_data(error: FieldError) -> FieldError {
    FieldError { field: format!("data.{}", error.field), ..error }
}

/// What was done, as it is sent: words, one of `suggestedFixes`, steps, or only whether something was.
fn fix(sent: &Value) -> Result<Option<String>, AppError> {
    let text = match sent {
        Value::Null | Value::Bool(_) => None,
        Value::String(text) => Some(text.clone()),
        Value::Array(steps) => Some(lines(steps)),
        Value::Object(fix) => {
            let mut parts: Vec<String> = ["title", "description"]
                .iter()
                .filter_map(|name| fix.get(*name)?.as_str().map(str::to_owned))
                .collect();
            if let Some(Value::Array(steps)) = fix.get("steps") {
                parts.push(lines(steps));
            }
            if let Some(code) = fix.get("codeExample").and_then(Value::as_str) {
                parts.push(format!("```\n{code}\n```"));
            }
            Some(if parts.is_empty() { sent.to_string() } else { parts.join("\n") })
        }
        Value::Number(_) => {
            return Err(AppError::invalid("data.fixApplied", "fixApplied says what was done, in words or as a fix."));
        }
    };
    if text.as_ref().is_some_and(|text| text.chars().count() > LONGEST_FIX) {
        return Err(AppError::invalid(
            "data.fixApplied",
            format!("fixApplied has more than {LONGEST_FIX} characters."),
        ));
    }
    Ok(text.filter(|text| !text.trim().is_empty()))
}

fn lines(steps: &[Value]) -> String {
    steps.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_fix_comes_in_many_shapes() {
        for (sent, read) in [
            (json!(null), None),
            (json!(true), None),
            (json!("  "), None),
            (json!("Set TLS"), Some("Set TLS")),
            (json!(["a", "b"]), Some("a\nb")),
            (json!({"title": "T", "steps": ["a"], "codeExample": "x"}), Some("T\na\n```\nx\n```")),
            (json!({"ssl": true}), Some(r#"{"ssl":true}"#)),
        ] {
            assert_eq!(fix(&sent).expect("it can be read").as_deref(), read, "{sent}");
        }
        assert!(fix(&json!(5)).is_err());
        assert!(fix(&json!("x".repeat(8_001))).is_err());
    }
}
