//! `learn-connection-knowledge`: learning and searching, with a token or without.

use axum::{
    Json,
    body::Bytes,
    extract::{FromRequestParts, Request, State},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{read_all, read_body};
use crate::{
    auth::server::tokens,
    connections::Provider,
    error::AppError,
    knowledge::{
        self,
        server::{Asker, ErrorReport, SuccessReport, learn_from_error, learn_from_report, search, update_confidence},
    },
    server::{
        state::AppState,
        wire::{TokenCaller, WireError},
    },
};

/// Characters of a message that are looked at: what is behind is the stack.
const MESSAGE: usize = 4_000;
/// Characters of what was done.
const LONGEST_FIX: usize = 8_000;

/// Which action. The data are read again as that action takes them.
#[derive(Debug, Deserialize)]
struct Head {
    action: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Body<T> {
    data: T,
}

/// The same for an action that needs no data.
#[derive(Debug, Deserialize)]
struct OptionalBody<T> {
    data: Option<T>,
}

/// Holds secrets: no `Debug`.
#[derive(Deserialize)]
struct Success {
    provider: String,
    #[serde(default)]
    credentials: Value,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Failure {
    provider: String,
    error_message: String,
    error_id: Option<String>,
    #[serde(default)]
    fix_applied: Value,
    fix_worked: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Confidence {
    knowledge_id: String,
    worked: bool,
}

#[derive(Debug, Default, Deserialize)]
struct Wanted {
    provider: Option<String>,
    category: Option<String>,
    query: Option<String>,
    limit: Option<u32>,
}

/// **Permissions**: anyone. A token that is sent must be a good one; what comes without is held back.
pub(super) async fn learn_connection_knowledge(
    State(state): State<AppState>,
    request: Request,
) -> Result<Response, WireError> {
    let (mut parts, body) = request.into_parts();
    let caller = match tokens::bearer(&parts.headers) {
        None => None,
        Some(_) => Some(TokenCaller::from_request_parts(&mut parts, &state).await?.caller),
    };
    let asker = caller.as_ref().map_or(Asker::Anonymous(&state), Asker::Account);
    let body = read_all(body).await?;
    let head: Head = read_body(&body)?;
    let answer = match head.action.as_deref() {
        Some("learn_from_success") => succeeded(asker, &body).await?,
        Some("learn_from_error") => failed(asker, &body).await?,
        Some("update_confidence") => judged(asker, &body).await?,
        Some("search_knowledge") => searched(asker, &body).await?,
        _ => {
            return Err(AppError::invalid(
                "action",
                "Choose one of: learn_from_success, learn_from_error, update_confidence, search_knowledge.",
            )
            .into());
        }
    };
    Ok(Json(answer).into_response())
}

async fn succeeded(asker: Asker<'_>, body: &Bytes) -> Result<Value, WireError> {
    let Body { data } = read_body::<Body<Success>>(body)?;
    if !(data.credentials.is_object() || data.credentials.is_null()) {
        return Err(AppError::invalid("credentials", "credentials is an object of settings.").into());
    }
    let report = SuccessReport { provider: provider(&data.provider)?, settings: data.credentials };
    let known = learn_from_report(asker, report).await?;
    Ok(json!({ "success": true, "patternId": known.id, "created": known.created, "successCount": known.count }))
}

async fn failed(asker: Asker<'_>, body: &Bytes) -> Result<Value, WireError> {
    let Body { data } = read_body::<Body<Failure>>(body)?;
    let message: String = data.error_message.trim().chars().take(MESSAGE).collect();
    if message.is_empty() {
        return Err(AppError::invalid("errorMessage", "errorMessage is what the failure said; it is empty.").into());
    }
    let error_id = match data.error_id.as_deref() {
        None | Some("") => None,
        Some(id) => Some(id.parse().map_err(|_| AppError::invalid("errorId", "errorId is not a UUID."))?),
    };
    let report = ErrorReport {
        provider: provider(&data.provider)?,
        message,
        error_id,
        fix: fix(&data.fix_applied)?,
        worked: data.fix_worked.unwrap_or(false),
    };
    let learnt = learn_from_error(asker, report).await?;
    Ok(json!({
        "success": true,
        "knowledgeId": learnt.id,
        "created": learnt.created,
        "confidenceScore": learnt.confidence_score,
        "successRate": learnt.success_rate,
    }))
}

async fn judged(asker: Asker<'_>, body: &Bytes) -> Result<Value, WireError> {
    let Body { data } = read_body::<Body<Confidence>>(body)?;
    let id = data.knowledge_id.parse().map_err(|_| AppError::invalid("knowledgeId", "knowledgeId is not a UUID."))?;
    let vote = update_confidence(asker, id, data.worked).await?;
    Ok(json!({ "success": vote.counted, "confidenceScore": vote.confidence_score }))
}

async fn searched(asker: Asker<'_>, body: &Bytes) -> Result<Value, WireError> {
    let data = read_body::<OptionalBody<Wanted>>(body)?.data.unwrap_or_default();
    let text = |text: Option<String>| text.unwrap_or_default();
    let wanted = knowledge::parse_search(&text(data.query), &text(data.provider), &text(data.category), data.limit)
        .map_err(AppError::from)?;
    let found = search(asker, wanted).await?;
    Ok(json!({ "results": *found }))
}

fn provider(code: &str) -> Result<Provider, AppError> {
    code.parse().map_err(|error: crate::connections::UnknownProvider| AppError::invalid("provider", error.to_string()))
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
            return Err(AppError::invalid("fixApplied", "fixApplied says what was done, in words or as a fix."));
        }
    };
    if text.as_ref().is_some_and(|text| text.chars().count() > LONGEST_FIX) {
        return Err(AppError::invalid("fixApplied", format!("fixApplied has more than {LONGEST_FIX} characters.")));
    }
    Ok(text.filter(|text| !text.trim().is_empty()))
}

fn lines(steps: &[Value]) -> String {
    steps.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
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
