//! `POST /functions/v1/<name>`: the documented operations. What each takes and answers is in [`types`].

use axum::{
    Router,
    extract::{FromRequest, FromRequestParts, Request},
    http::{StatusCode, request::Parts},
    routing::post,
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::body::{self, Codes};
use crate::{
    auth::{
        Scope,
        server::{Caller, tokens},
    },
    error::AppError,
    server::{
        state::AppState,
        wire::{TokenCaller, WireError},
    },
};

mod diagnosis;
mod docs;
mod learn;
mod monitor;
pub mod types;
mod validate;

const BODY: Codes = Codes { malformed: "invalid_request", not_json: "unsupported_media_type" };

/// The routes below `/functions/v1`.
pub fn router() -> Router<AppState> {
    Router::new()
        .route("/analyze-database-error", post(diagnosis::analyze_database_error))
        .route("/intelligent-retry-connection", post(diagnosis::intelligent_retry_connection))
        .route("/fetch-provider-docs", post(docs::fetch_provider_docs))
        .route("/learn-connection-knowledge", post(learn::learn_connection_knowledge))
        .route("/proactive-health-monitor", post(monitor::proactive_health_monitor))
        .route("/validate-database-config", post(validate::validate_database_config))
        .fallback(nothing_here)
        .method_not_allowed_fallback(async || {
            WireError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "Functions are called with POST.")
                .allow("POST")
        })
}

pub(super) async fn nothing_here() -> WireError {
    WireError::new(StatusCode::NOT_FOUND, "not_found", "There is no function of that name.")
}

/// The user of a token that may do everything: what connects or changes something asks for it.
struct Full(Caller);

impl FromRequestParts<AppState> for Full {
    type Rejection = WireError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Self::Rejection> {
        let TokenCaller { caller, .. } = TokenCaller::from_request_parts(parts, state).await?;
        caller.require_full_scope().await?;
        Ok(Self(caller))
    }
}

/// Whoever asks what anyone may: someone without a token, or the user of one that is for more than the scheduler.
/// A token that is sent must be a good one.
struct Visitor(Option<Caller>);

impl FromRequestParts<AppState> for Visitor {
    type Rejection = WireError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Self::Rejection> {
        if tokens::bearer(&parts.headers).is_none() {
            return Ok(Self(None));
        }
        let TokenCaller { caller, .. } = TokenCaller::from_request_parts(parts, state).await?;
        caller.require_scope(&[Scope::Full, Scope::Read], "function.call").await?;
        Ok(Self(Some(caller)))
    }
}

/// The answer of an operation that was given an id. That what it names is not there, or another's, is recorded as
/// refused: which of the two it is we do not look up, so that it cannot be told from the time it takes.
async fn found<T>(
    caller: &Caller,
    action: &'static str,
    answer: impl Future<Output = Result<T, AppError>>,
) -> Result<T, AppError> {
    let answer = answer.await;
    if let Err(AppError::NotFound) = answer {
        caller.record_refusal(action).await;
    }
    answer
}

/// A body as supabase-js sends it: an empty one counts as `{}`, the content type may be missing, fields that are
/// not known are passed over.
struct Sent<T>(T);

impl<T: DeserializeOwned> FromRequest<AppState> for Sent<T> {
    type Rejection = WireError;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, Self::Rejection> {
        let headers = request.headers().clone();
        let bytes = axum::body::Bytes::from_request(request, state).await;
        match body::read_json(&headers, bytes, BODY)? {
            None => read(Map::new()).map(Self),
            Some(Value::Object(object)) => read(object).map(Self),
            Some(_) => Err(WireError::new(StatusCode::BAD_REQUEST, BODY.malformed, "The body is not a JSON object.")
                .details("The body is one JSON object.")),
        }
    }
}

/// What a function takes, from the object that was sent. The field that is missing or cannot be used is named, and
/// nothing is repeated of what was sent: there may be a secret in it.
fn read<T: DeserializeOwned>(object: Map<String, Value>) -> Result<T, WireError> {
    serde_path_to_error::deserialize(Value::Object(object)).map_err(|error| {
        let path = error.path().to_string();
        let said = error.inner().to_string();
        match said.strip_prefix("missing field `").and_then(|rest| rest.split('`').next()) {
            Some(name) if path == "." => AppError::invalid(name, format!("{name} is missing.")),
            Some(name) => AppError::invalid(format!("{path}.{name}"), format!("{name} is missing.")),
            None => AppError::invalid(&path, format!("{path} is not what is taken here.")),
        }
        .into()
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn details<T: DeserializeOwned>(sent: Value) -> Option<String> {
        let Value::Object(object) = sent else { panic!("{sent}") };
        read::<T>(object).err().map(|error| {
            let body = serde_json::to_value(&error).expect("JSON");
            assert!(!body.to_string().contains("hunter2"), "{body}");
            body["details"].as_str().expect("details").to_owned()
        })
    }

    #[test]
    fn the_field_that_cannot_be_used_is_named_and_its_value_is_not() {
        for sent in [json!({}), json!({"unknown": 1}), json!({"credentialId": null}), json!({"credentialId": ""})] {
            assert_eq!(details::<types::MonitorRequest>(sent.clone()), None, "{sent}");
        }
        for sent in [json!("hunter2"), json!(5), json!({"hunter2": 1}), json!(["hunter2"])] {
            let body = json!({"credentialId": sent});
            assert_eq!(details::<types::MonitorRequest>(body).as_deref(), Some("credentialId"), "{sent}");
        }
        assert_eq!(details::<types::ValidateRequest>(json!({})).as_deref(), Some("provider"));
        let oracle = json!({"provider": "hunter2"});
        assert_eq!(details::<types::ValidateRequest>(oracle).as_deref(), Some("provider"));
    }

    #[test]
    fn what_is_wrong_with_an_action_is_named_by_its_path() {
        for (sent, wanted) in [
            (json!({}), "action"),
            (json!({"action": "hunter2"}), "action"),
            (json!({"action": "update_confidence"}), "data"),
            (
                json!({"action": "update_confidence", "data": {"knowledgeId": "hunter2", "worked": true}}),
                "data.knowledgeId",
            ),
            (json!({"action": "update_confidence", "data": {"worked": true}}), "data.knowledgeId"),
            (json!({"action": "search_knowledge", "data": {"limit": "hunter2"}}), "data.limit"),
        ] {
            assert_eq!(details::<types::LearnRequest>(sent.clone()).as_deref(), Some(wanted), "{sent}");
        }
        for sent in [json!({"action": "search_knowledge"}), json!({"action": "search_knowledge", "data": null})] {
            assert_eq!(details::<types::LearnRequest>(sent.clone()), None, "{sent}");
        }
    }

    /// An object of the names that functions know, with anything in it and a mark in every text.
    fn anything() -> impl Strategy<Value = Value> {
        let name = proptest::sample::select(vec![
            "action",
            "data",
            "provider",
            "credentials",
            "credentialId",
            "errorMessage",
            "errorId",
            "fixApplied",
            "fixWorked",
            "knowledgeId",
            "worked",
            "query",
            "category",
            "limit",
            "userId",
            "connectionName",
            "hunter2",
        ]);
        let text = proptest::sample::select(vec![
            "hunter2",
            "mysql",
            "learn_from_success",
            "learn_from_error",
            "update_confidence",
            "search_knowledge",
            "",
        ]);
        let value = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            text.prop_map(Value::from),
        ];
        let value = value.prop_recursive(4, 30, 6, move |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map(name.clone(), inner, 0..6)
                    .prop_map(|map| map.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()),
            ]
        });
        value.prop_filter("an object", Value::is_object)
    }

    proptest! {
        #[test]
        fn whatever_is_sent_is_read_or_refused_without_repeating_it(sent in anything()) {
            details::<types::AnalyzeRequest>(sent.clone());
            details::<types::ValidateRequest>(sent.clone());
            details::<types::DocsRequest>(sent.clone());
            details::<types::MonitorRequest>(sent.clone());
            details::<types::LearnRequest>(sent.clone());
            details::<types::RetryRequest>(sent);
        }
    }
}
