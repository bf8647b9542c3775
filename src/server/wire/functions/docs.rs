//! `fetch-provider-docs`: what is known about a provider.

use axum::{
    Json,
    extract::{FromRequestParts, Request, State},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};

use super::{read_all, read_body};
use crate::{
    auth::{Scope, server::tokens},
    connections::{Provider, UnknownProvider},
    error::AppError,
    probe::Cause,
    provider_docs::{Documentation, Source, server::documentation},
    server::{
        state::AppState,
        wire::{TokenCaller, WireError},
    },
};

#[derive(Debug, Deserialize)]
struct DocsRequest {
    provider: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct DocsResponse {
    provider: Provider,
    cached: bool,
    source: Source,
    fetched_at: Option<String>,
    expires_at: Option<String>,
    documentation: Documentation,
    common_issues: Vec<CommonIssue>,
    guides: Vec<Link>,
    latest_updates: Option<Vec<String>>,
    ai_enhanced: bool,
}

#[derive(Debug, Serialize)]
struct CommonIssue {
    cause: Cause,
    title: String,
    solution: String,
}

#[derive(Debug, Serialize)]
struct Link {
    title: String,
    url: String,
}

/// **Permissions**: anyone. A token that is sent must be a good one.
pub(super) async fn fetch_provider_docs(
    State(state): State<AppState>,
    request: Request,
) -> Result<Response, WireError> {
    let (mut parts, body) = request.into_parts();
    if tokens::bearer(&parts.headers).is_some() {
        let TokenCaller { scope, .. } = TokenCaller::from_request_parts(&mut parts, &state).await?;
        if scope == Scope::Cron {
            return Err(AppError::Forbidden("This token is for the scheduler only.".to_owned()).into());
        }
    }
    let asked: DocsRequest = read_body(&read_all(body).await?)?;
    let provider: Provider = asked
        .provider
        .unwrap_or_default()
        .parse()
        .map_err(|error: UnknownProvider| AppError::invalid("provider", error.to_string()))?;
    let docs = documentation(&state, provider).await?;
    let response = DocsResponse {
        provider,
        cached: docs.cached,
        source: docs.source,
        fetched_at: docs.fetched_at.map(crate::timestamp::Timestamp::rfc3339),
        expires_at: docs.expires_at.map(crate::timestamp::Timestamp::rfc3339),
        documentation: docs.documentation,
        common_issues: docs
            .common_issues
            .into_iter()
            .map(|(cause, title, solution)| CommonIssue { cause, title, solution })
            .collect(),
        guides: docs.guides.into_iter().map(|(title, url)| Link { title, url }).collect(),
        latest_updates: docs.latest_updates,
        ai_enhanced: false,
    };
    Ok(Json(response).into_response())
}
