//! What the functions take and answer, as other programs may rely on it: JSON in camelCase, unknown fields are
//! passed over. What a feature has in the form of the wire already is answered as it is; the documentation of the
//! API is made from these types and those.

use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    connections::Provider,
    diagnosis::Resource,
    health::Status,
    ids::{ConnectionId, ErrorId, KnowledgeId, UserId},
    knowledge::KnowledgeEntry,
    probe::Cause,
    provider_docs::{Documentation, Source},
    retry::{AttemptReport, BreakerState, StoppedBecause},
};

/// A text that may be left out: null and `""` say nothing, as in the forms that such bodies are made from.
fn given<'de, T: FromStr<Err: std::fmt::Display>, D: Deserializer<'de>>(from: D) -> Result<Option<T>, D::Error> {
    let text = Option::<String>::deserialize(from)?.filter(|text| !text.is_empty());
    text.map(|text| text.parse().map_err(D::Error::custom)).transpose()
}

/// `analyze-database-error`. Holds secrets: no `Debug`.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AnalyzeRequest {
    /// What the driver or the program said.
    pub error_message: String,
    /// Of which kind of database; may be left out for a stored connection.
    #[serde(default, deserialize_with = "given")]
    pub provider: Option<Provider>,
    /// The settings; with complete ones a staged probe gathers evidence.
    #[schema(value_type = Option<Object>)]
    pub credentials: Option<Map<String, Value>>,
    /// A stored connection, whose settings `credentials` may repeat or complete.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Uuid>)]
    pub credential_id: Option<ConnectionId>,
}

/// `validate-database-config`. Holds secrets: no `Debug`.
#[derive(Clone, Deserialize, ToSchema)]
pub struct ValidateRequest {
    /// Of which kind of database.
    pub provider: Provider,
    /// The settings.
    #[schema(value_type = Option<Object>)]
    pub credentials: Option<Map<String, Value>>,
}

/// `fetch-provider-docs`
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct DocsRequest {
    /// Of which kind of database.
    pub provider: Provider,
}

/// The answer of `fetch-provider-docs`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DocsResponse {
    /// Of which kind of database.
    pub provider: Provider,
    /// Whether it was there before it was asked for.
    pub cached: bool,
    /// Where the guide comes from.
    pub source: Source,
    /// When the official pages were fetched, RFC 3339.
    #[schema(format = DateTime)]
    pub fetched_at: Option<String>,
    /// When they are to be fetched again, RFC 3339.
    #[schema(format = DateTime)]
    pub expires_at: Option<String>,
    /// The guide.
    pub documentation: Documentation,
    /// What often goes wrong.
    pub common_issues: Vec<CommonIssue>,
    /// Where to read on.
    pub guides: Vec<Resource>,
    /// What is new; null before the official pages were fetched.
    pub latest_updates: Option<Vec<String>>,
    /// Whether a language model added words.
    pub ai_enhanced: bool,
}

/// Something that often goes wrong.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CommonIssue {
    /// The stable code of the cause.
    pub cause: Cause,
    /// In a few words.
    pub title: String,
    /// What to do.
    pub solution: String,
}

/// `proactive-health-monitor`
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MonitorRequest {
    /// The one connection to check; all of one's own without.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Uuid>)]
    pub credential_id: Option<ConnectionId>,
}

/// The answer of `proactive-health-monitor`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MonitorResponse {
    /// Whether the sweep was made.
    pub success: bool,
    /// Connections that were due, or asked for, when it began.
    pub due: u32,
    /// Those whose check was done and written.
    pub checked: u32,
    /// Checked and healthy.
    pub healthy: u32,
    /// Checked and degraded.
    pub degraded: u32,
    /// Checked and down.
    pub down: u32,
    /// Not checked: another process had them, or the time did not reach.
    pub skipped: u32,
    /// Alerts that the checks raised. Always 0 as yet: rules are kept, and nothing raises alerts by them.
    pub alerts_triggered: u32,
    /// Milliseconds that it took.
    pub duration_ms: i64,
    /// When it ended, RFC 3339.
    #[schema(format = DateTime)]
    pub timestamp: String,
    /// What each check found; for an owner's `full` token.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub results: Option<Vec<MonitorResult>>,
}

/// What one check found.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MonitorResult {
    /// Of which connection.
    pub credential_id: ConnectionId,
    /// Where it stands.
    pub status: Status,
    /// Milliseconds of the answer.
    pub response_time_ms: Option<u32>,
    /// The stable code of the cause, where it failed.
    pub cause: Option<Cause>,
    /// What the driver said, scrubbed.
    pub error_message: Option<String>,
}

/// `learn-connection-knowledge`
#[derive(Clone, Deserialize, ToSchema)]
#[serde(tag = "action", content = "data", rename_all = "snake_case")]
pub enum LearnRequest {
    /// A configuration that connected.
    LearnFromSuccess(LearnFromSuccess),
    /// A failure, and whether a fix cured it.
    LearnFromError(LearnFromError),
    /// Whether a suggestion worked.
    UpdateConfidence(UpdateConfidence),
    /// Entries that fit.
    SearchKnowledge(Option<SearchKnowledge>),
}

/// The data of `learn_from_success`. Holds secrets: no `Debug`.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LearnFromSuccess {
    /// Of which kind of database.
    pub provider: Provider,
    /// The settings, of which nothing identifying is kept.
    #[schema(value_type = Option<Object>)]
    pub credentials: Option<Map<String, Value>>,
    /// Not kept.
    pub connection_name: Option<String>,
}

/// The data of `learn_from_error`.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LearnFromError {
    /// Of which kind of database.
    pub provider: Provider,
    /// What the driver or the program said; redacted before it is kept.
    pub error_message: String,
    /// The row of `database_connection_errors` that it is about.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Uuid>)]
    pub error_id: Option<ErrorId>,
    /// What was done: words, steps, or a fix as it was suggested.
    #[serde(default)]
    pub fix_applied: Value,
    /// Whether it helped.
    pub fix_worked: Option<bool>,
}

/// The data of `update_confidence`.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdateConfidence {
    /// The row of `database_knowledge_base`.
    pub knowledge_id: KnowledgeId,
    /// Whether it helped.
    pub worked: bool,
}

/// The data of `search_knowledge`; what is left out or empty asks for nothing.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[schema(example = json!({"provider": "postgresql", "category": "error_resolution"}))]
pub struct SearchKnowledge {
    /// Of which kind of database.
    pub provider: Option<String>,
    /// `error_resolution security optimization configuration`
    pub category: Option<String>,
    /// Words to look for.
    pub query: Option<String>,
    /// Entries at most; never more than 100.
    #[schema(format = "uint32", maximum = 4_294_967_295_u32)]
    pub limit: Option<u32>,
}

/// The answer of `learn-connection-knowledge`, by action.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum LearnResponse {
    /// `learn_from_success`
    Success(LearntSuccess),
    /// `learn_from_error`
    Error(LearntError),
    /// `update_confidence`
    Confidence(LearntConfidence),
    /// `search_knowledge`
    Found(FoundKnowledge),
}

/// The answer of `learn_from_success`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LearntSuccess {
    /// Whether it was taken in.
    pub success: bool,
    /// The pattern.
    pub pattern_id: Uuid,
    /// Whether it is new.
    pub created: bool,
    /// How often it has worked.
    pub success_count: u64,
}

/// The answer of `learn_from_error`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LearntError {
    /// Whether it was taken in.
    pub success: bool,
    /// The entry.
    pub knowledge_id: KnowledgeId,
    /// Whether it is new.
    pub created: bool,
    /// 0 to 100.
    pub confidence_score: u8,
    /// Percent.
    pub success_rate: f64,
}

/// The answer of `update_confidence`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LearntConfidence {
    /// Whether it counted: without a token nothing changes what is confirmed.
    pub success: bool,
    /// 0 to 100.
    pub confidence_score: u8,
}

/// The answer of `search_knowledge`.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FoundKnowledge {
    /// The best first.
    pub results: Vec<KnowledgeEntry>,
}

/// `intelligent-retry-connection`. Holds secrets: no `Debug`.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RetryRequest {
    /// A stored connection.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Uuid>)]
    pub credential_id: Option<ConnectionId>,
    /// Of which kind of database.
    #[serde(default, deserialize_with = "given")]
    pub provider: Option<Provider>,
    /// The settings, which may repeat or complete the stored ones.
    #[schema(value_type = Option<Object>)]
    pub credentials: Option<Map<String, Value>>,
    /// The token's own account, where given.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Uuid>)]
    pub user_id: Option<UserId>,
}

/// The answer of `intelligent-retry-connection`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RetryResponse {
    /// Whether it connected.
    pub success: bool,
    /// How often it was tried.
    pub total_attempts: u32,
    /// Each attempt.
    pub attempts: Vec<AttemptReport>,
    /// Why no more were made.
    pub stopped_because: StoppedBecause,
    /// Milliseconds of the answer, where it connected.
    pub response_time_ms: Option<u32>,
    /// Where the circuit breaker stands.
    pub circuit_breaker: CircuitBreaker,
}

/// Where a circuit breaker stands.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CircuitBreaker {
    /// Where it stands.
    pub state: BreakerState,
    /// Failed attempts within the hour.
    pub failures_last_hour: u32,
    /// Failed attempts that open it.
    pub limit: u32,
    /// Until when it is open, RFC 3339.
    #[schema(format = DateTime)]
    pub open_until: Option<String>,
}
