//! What the functions take and answer, as other programs may rely on it. Types alone: JSON in camelCase, unknown
//! fields are passed over, and the documentation of the API is made from these.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{
    ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, Type},
};
use uuid::Uuid;

use crate::{connections::Provider, probe::Cause};

/// A text that is one of these.
fn one_of<'a>(codes: impl Iterator<Item = &'a str>) -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(codes)).into()
}

fn provider() -> RefOr<Schema> {
    one_of(Provider::ALL.iter().map(|provider| provider.code()))
}

fn cause() -> RefOr<Schema> {
    one_of(Cause::ALL.iter().map(|cause| cause.code()))
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing works, or something is exposed.
    Critical,
    /// It works, but not well.
    Warning,
    /// Worth knowing.
    Info,
}

/// What became of one phase of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PhaseOutcome {
    /// It was done.
    Ok,
    /// It failed.
    Failed,
    /// It was not reached.
    Skipped,
}

/// Where something comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AnalysisSource {
    /// The rules on error texts and codes.
    Rules,
    /// A staged probe.
    Evidence,
    /// What was learnt.
    Knowledge,
    /// A language model.
    Ai,
}

/// What comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// Try it first.
    High,
    /// Then this.
    Medium,
    /// Last.
    Low,
}

/// `analyze-database-error`
#[derive(Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"errorMessage": "Connection refused", "provider": "postgresql", "credentials": {"host": "db.example.org", "port": 5432, "database": "shop"}}))]
pub struct AnalyzeRequest {
    /// What the driver or the program said.
    pub error_message: String,
    /// Of which kind of database.
    #[schema(schema_with = provider)]
    pub provider: Provider,
    /// The settings; with complete ones a staged probe gathers evidence.
    #[schema(value_type = Option<Object>)]
    pub credentials: Option<Value>,
    /// A stored connection, whose settings `credentials` may repeat or complete.
    pub credential_id: Option<Uuid>,
}

/// The answer of `analyze-database-error`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AnalyzeResponse {
    /// The row of `database_connection_errors`.
    pub error_id: Uuid,
    /// Why.
    pub analysis: Analysis,
    /// What to do, the best first.
    pub suggested_fixes: Vec<SuggestedFix>,
}

/// Why something failed.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Analysis {
    /// The stable code of the cause.
    #[schema(schema_with = cause)]
    pub cause: Cause,
    /// In a few words.
    pub title: String,
    /// In a sentence, with the evidence in it.
    pub root_cause: String,
    /// In plain words.
    pub explanation: String,
    /// Whether it is worth trying again without changing anything.
    pub is_transient: bool,
    /// How bad it is.
    pub severity: Severity,
    /// 0 to 100.
    pub confidence: u8,
    /// Other causes that it may be.
    #[schema(value_type = Vec<String>)]
    pub also_possible: Vec<Cause>,
    /// What a staged probe found.
    pub evidence: Vec<Evidence>,
    /// What is worth knowing for security.
    pub security_notes: Vec<String>,
    /// Where to read on.
    pub resources: Vec<Resource>,
    /// What this rests on.
    pub sources: Vec<AnalysisSource>,
    /// The language model that added words.
    pub model: Option<String>,
}

/// What one phase of a probe found.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Evidence {
    /// `dns tcp tls auth database query`
    pub phase: String,
    /// What became of it.
    pub outcome: PhaseOutcome,
    /// Milliseconds that it took.
    pub ms: Option<f64>,
    /// What was found.
    pub detail: String,
}

/// Where to read on.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Resource {
    /// What it is called.
    pub title: String,
    /// Where it is.
    pub url: String,
}

/// Something to do.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SuggestedFix {
    /// Its id within the error.
    pub id: String,
    /// In a few words.
    pub title: String,
    /// In a sentence.
    pub description: String,
    /// What comes first.
    pub priority: Priority,
    /// What to do, in order.
    pub steps: Vec<String>,
    /// Code to copy.
    pub code_example: Option<String>,
    /// The change of the settings; of a secret it is symbolic (`{"password": {"transform": "trim"}}`).
    #[schema(value_type = Option<Object>)]
    pub patch: Option<Value>,
    /// Whether the connection is less safe with it.
    pub weakens_security: bool,
    /// 0 to 100.
    pub confidence: u8,
    /// Where it comes from.
    pub source: FixSource,
    /// Whether it was tried against the real server.
    pub verification: Verification,
}

/// Where a fix comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum FixSource {
    /// The rules.
    Rules,
    /// What was learnt.
    Knowledge,
    /// A language model.
    Ai,
}

/// Whether a fix was tried, and what came of it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Verification {
    /// Whether it connected.
    pub status: VerificationStatus,
    /// Milliseconds, where it did.
    pub response_time_ms: Option<u32>,
    /// In a sentence.
    pub message: String,
}

/// Whether a fix was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum VerificationStatus {
    /// It connected.
    Verified,
    /// It did not.
    Failed,
    /// It was not tried.
    Untested,
}

/// `apply-database-fix`
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"errorId": "7b0d6f0e-3a51-4c0b-9b59-2f9a1c1f6f10", "fixId": "port"}))]
pub struct ApplyFixRequest {
    /// The row of `database_connection_errors`.
    pub error_id: Uuid,
    /// Which of its fixes.
    pub fix_id: String,
    /// Needed for a fix that weakens security.
    #[serde(default)]
    pub confirm_weakening: bool,
}

/// The answer of `apply-database-fix`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApplyFixResponse {
    /// Whether the settings were changed: only by what connects.
    pub applied: bool,
    /// Whether it connected.
    pub success: bool,
    /// `success` or `failed`.
    pub test_status: String,
    /// Milliseconds, where it connected.
    pub response_time_ms: Option<u32>,
    /// The row of `database_connection_errors`.
    pub error_id: Uuid,
}

/// `validate-database-config`
#[derive(Clone, Deserialize, ToSchema)]
#[schema(example = json!({"provider": "mysql", "credentials": {"host": "db.example.org", "port": 3306, "ssl": true, "database": "shop"}}))]
pub struct ValidateRequest {
    /// Of which kind of database.
    #[schema(schema_with = provider)]
    pub provider: Provider,
    /// The settings.
    #[schema(value_type = Object)]
    pub credentials: Value,
}

/// The answer of `validate-database-config`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ValidateResponse {
    /// Whether the settings can be used.
    pub valid: bool,
    /// 0 to 100.
    pub security_score: u8,
    /// `A` to `D`, and `F`.
    pub grade: String,
    /// What is wrong or weak, each with its points.
    pub issues: Vec<ConfigIssue>,
    /// What would be better.
    pub suggestions: Vec<String>,
    /// What is good anyway.
    pub best_practices: Vec<String>,
    /// How it compares with what has worked.
    pub comparison: Comparison,
}

/// One finding.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ConfigIssue {
    /// Its stable code.
    pub code: String,
    /// Which setting.
    pub field: String,
    /// How bad it is.
    pub severity: IssueSeverity,
    /// What it is.
    pub message: String,
    /// What would be better.
    pub suggestion: String,
    /// What it takes off the score.
    pub points: u8,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum IssueSeverity {
    /// It cannot work, or must not.
    Error,
    /// It is weak.
    Warning,
    /// Worth knowing.
    Info,
}

/// How settings compare with what has worked.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Comparison {
    /// Connections of the same provider to hosts of the same class that are known to work.
    pub similar_connections: u64,
    /// Percent of them that are set up like this one; null where there are none.
    pub success_rate: Option<f64>,
    /// What most of them do otherwise.
    pub differences: Vec<Difference>,
}

/// One setting that differs from what is typical.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Difference {
    /// Which setting.
    pub field: String,
    /// What it is here.
    pub yours: String,
    /// What it is elsewhere.
    pub typical: String,
}

/// `fetch-provider-docs`
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[schema(example = json!({"provider": "postgresql"}))]
pub struct DocsRequest {
    /// Of which kind of database.
    #[schema(schema_with = provider)]
    pub provider: Provider,
}

/// The answer of `fetch-provider-docs`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DocsResponse {
    /// Of which kind of database.
    #[schema(schema_with = provider)]
    pub provider: Provider,
    /// Whether it was fetched before.
    pub cached: bool,
    /// `official` or `builtin`
    pub source: String,
    /// When it was fetched, RFC 3339.
    pub fetched_at: String,
    /// When it is fetched again, RFC 3339.
    pub expires_at: String,
    /// The guide.
    pub documentation: Documentation,
    /// What often goes wrong.
    pub common_issues: Vec<CommonIssue>,
    /// Where to read on.
    pub guides: Vec<Resource>,
    /// What is new; only with a language model.
    pub latest_updates: Option<Vec<String>>,
    /// Whether a language model added words.
    pub ai_enhanced: bool,
}

/// A guide.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Documentation {
    /// In a paragraph.
    pub overview: String,
    /// Its parts, in Markdown.
    pub sections: Vec<DocsSection>,
}

/// A part of a guide.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DocsSection {
    /// Its heading.
    pub title: String,
    /// Markdown.
    pub content: String,
    /// Where it is from.
    pub url: Option<String>,
}

/// Something that often goes wrong.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CommonIssue {
    /// The stable code of the cause.
    #[schema(schema_with = cause)]
    pub cause: Cause,
    /// In a few words.
    pub title: String,
    /// What to do.
    pub solution: String,
}

/// `proactive-health-monitor`
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({}))]
pub struct MonitorRequest {
    /// The one connection to check; all of one's own without.
    #[schema(format = Uuid)]
    pub credential_id: Option<String>,
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
    /// Alerts that the checks raised.
    pub alerts_triggered: u32,
    /// Milliseconds that it took.
    pub duration_ms: i64,
    /// When it ended, RFC 3339.
    pub timestamp: String,
    /// What each check found; for an owner's `full` token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub results: Option<Vec<MonitorResult>>,
}

/// What one check found.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MonitorResult {
    /// Of which connection.
    pub credential_id: Uuid,
    /// `healthy degraded down unknown`
    pub status: &'static str,
    /// Milliseconds of the answer.
    pub response_time_ms: Option<u32>,
    /// The stable code of the cause, where it failed.
    pub cause: Option<&'static str>,
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
    SearchKnowledge(SearchKnowledge),
}

/// The data of `learn_from_success`.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LearnFromSuccess {
    /// Of which kind of database.
    #[schema(schema_with = provider)]
    pub provider: Provider,
    /// The settings, of which nothing identifying is kept.
    #[schema(value_type = Object)]
    pub credentials: Value,
    /// Not kept.
    pub connection_name: Option<String>,
}

/// The data of `learn_from_error`.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LearnFromError {
    /// Of which kind of database.
    #[schema(schema_with = provider)]
    pub provider: Provider,
    /// What the driver or the program said; redacted before it is kept.
    pub error_message: String,
    /// The row of `database_connection_errors` that it is about.
    pub error_id: Option<Uuid>,
    /// What was done.
    #[schema(value_type = Option<Object>)]
    pub fix_applied: Option<Value>,
    /// Whether it helped.
    #[serde(default)]
    pub fix_worked: bool,
}

/// The data of `update_confidence`.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdateConfidence {
    /// The row of `database_knowledge_base`.
    pub knowledge_id: Uuid,
    /// Whether it helped.
    pub worked: bool,
}

/// The data of `search_knowledge`.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[schema(example = json!({"provider": "postgresql", "category": "error_resolution"}))]
pub struct SearchKnowledge {
    /// Of which kind of database.
    pub provider: Option<String>,
    /// `error_resolution security optimization configuration`
    pub category: Option<String>,
    /// Words to look for.
    pub query: Option<String>,
    /// Entries at most.
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
    pub success_count: u32,
}

/// The answer of `learn_from_error`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LearntError {
    /// Whether it was taken in.
    pub success: bool,
    /// The entry.
    pub knowledge_id: Uuid,
    /// Whether it is new.
    pub created: bool,
    /// 0 to 100.
    pub confidence_score: f64,
    /// Percent.
    pub success_rate: f64,
}

/// The answer of `update_confidence`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LearntConfidence {
    /// Whether it was taken in.
    pub success: bool,
    /// 0 to 100.
    pub confidence_score: f64,
}

/// The answer of `search_knowledge`.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FoundKnowledge {
    /// The best first.
    pub results: Vec<KnowledgeEntry>,
}

/// What was learnt.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct KnowledgeEntry {
    /// The row of `database_knowledge_base`.
    pub id: Uuid,
    /// Of which kind of database.
    pub provider: String,
    /// `error_resolution security optimization configuration`
    pub category: String,
    /// In a few words.
    pub title: String,
    /// What it is about.
    pub description: String,
    /// What to do.
    pub solution: String,
    /// Percent.
    pub success_rate: f64,
    /// 0 to 100.
    pub confidence_score: f64,
    /// How often it was used.
    pub usage_count: u32,
    /// Code to copy.
    #[schema(value_type = Vec<Object>)]
    pub code_examples: Value,
    /// What it is found by.
    pub tags: Vec<String>,
}

/// `intelligent-retry-connection`
#[derive(Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"credentialId": "7b0d6f0e-3a51-4c0b-9b59-2f9a1c1f6f10"}))]
pub struct RetryRequest {
    /// A stored connection.
    pub credential_id: Option<Uuid>,
    /// Of which kind of database.
    #[schema(schema_with = provider)]
    pub provider: Option<Provider>,
    /// The settings, which may repeat or complete the stored ones.
    #[schema(value_type = Option<Object>)]
    pub credentials: Option<Value>,
    /// The token's own account, where given.
    pub user_id: Option<Uuid>,
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
    pub attempts: Vec<RetryAttempt>,
    /// Why no more were made.
    pub stopped_because: StoppedBecause,
    /// Milliseconds of the answer, where it connected.
    pub response_time_ms: Option<u32>,
    /// Where the circuit breaker stands.
    pub circuit_breaker: CircuitBreaker,
}

/// One attempt.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RetryAttempt {
    /// From 1.
    pub attempt_number: u32,
    /// Whether it connected.
    pub success: bool,
    /// The stable code of the cause, where it failed.
    #[schema(schema_with = cause)]
    pub cause: Option<Cause>,
    /// What the driver said, scrubbed.
    pub error_message: Option<String>,
    /// Whether it was worth another try.
    pub is_transient: Option<bool>,
    /// Milliseconds that were waited before it.
    pub backoff_delay_ms: u32,
    /// Milliseconds that it took.
    pub duration_ms: u32,
}

/// Why no more attempts were made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StoppedBecause {
    /// It connected.
    Connected,
    /// Trying again cannot help.
    NotTransient,
    /// That were all.
    AttemptsUsed,
    /// The circuit breaker is open.
    CircuitOpen,
}

/// Where a circuit breaker stands.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CircuitBreaker {
    /// `closed open half_open`
    pub state: String,
    /// Failed attempts within the hour.
    pub failures_last_hour: u32,
    /// Failed attempts that open it.
    pub limit: u32,
    /// Until when it is open, RFC 3339.
    pub open_until: Option<String>,
}
