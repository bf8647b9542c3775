//! `fetch-provider-docs`: what is known about a provider.

use axum::{Json, extract::State};

use super::{
    Sent, Visitor,
    types::{CommonIssue, DocsRequest, DocsResponse},
};
use crate::{
    diagnosis::Resource,
    provider_docs::server::documentation,
    server::{state::AppState, wire::WireError},
    timestamp::Timestamp,
};

/// **Permissions**: anyone; a token of scope `full` or `read` where one is sent.
pub(super) async fn fetch_provider_docs(
    State(state): State<AppState>,
    _: Visitor,
    Sent(DocsRequest { provider }): Sent<DocsRequest>,
) -> Result<Json<DocsResponse>, WireError> {
    let docs = documentation(&state, provider).await?;
    let issues = docs.common_issues.into_iter();
    Ok(Json(DocsResponse {
        provider,
        cached: docs.cached,
        source: docs.source,
        fetched_at: docs.fetched_at.map(Timestamp::rfc3339),
        expires_at: docs.expires_at.map(Timestamp::rfc3339),
        documentation: docs.documentation,
        common_issues: issues.map(|(cause, title, solution)| CommonIssue { cause, title, solution }).collect(),
        guides: docs.guides.into_iter().map(|(title, url)| Resource { title, url }).collect(),
        latest_updates: docs.latest_updates,
        ai_enhanced: false,
    }))
}
