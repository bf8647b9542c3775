//! `ConfigValidation`: what a connection's settings are worth, as a score made of named findings.
//!
//! The rules are pure and run in two places. In the browser they judge what is typed, at every keystroke and
//! without a request; on the server the same rules judge what is stored or sent by a program. What they look
//! at is a [`Subject`]: the settings that may be shown, what was found out about the secrets when they were
//! set ([`SecretFacts`], codes that give nothing away), and what only the server can know ([`KnownFacts`]).
//! Each part of a subject may cross the wire; a finding never needs to.
//!
//! A score starts at 100 and each finding takes its points off. The weights, in tiers:
//!
//! | points | a finding that | like |
//! | --- | --- | --- |
//! | 25-35 | gives the database away by itself | no TLS on the internet, a default password |
//! | 15-20 | takes away a wall or will fail | TLS unverified, a superuser, a key of another project |
//! | 5-10 | makes a breach worse or an outage likely | a password used twice, an expiring key |
//! | 1-3 | is a habit worth changing | the default port, no time limit |
//! | 0 | is to be known | the TLS mode follows from the host |
//!
//! Each group of rules (`rules/`) names its sources: the OWASP Database Security Cheat Sheet, the CIS Benchmarks for
//! PostgreSQL 16, MySQL 8.0 and MongoDB 7, and the providers' manuals; and what the product's own checks found to
//! work (`comparison`), which is compared with wherever the rules run.

pub mod api;
mod comparison;
mod password;
mod rules;
#[cfg(feature = "ssr")]
pub mod server;
#[cfg(test)]
mod tests;
pub mod ui;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    connections::{
        Provider,
        form::ConnectionForm,
        settings::{KeyFacts, KeyRole, PublicSettings, Secret, Settings, Special, service_account_facts},
    },
    error::FieldError,
    knowledge::patterns::{Pattern, PatternCount},
    timestamp::Timestamp,
};

pub use comparison::{Comparison, Difference};
pub use password::Strength;

/// What is judged. It holds no secret and may be shown to its owner.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Subject {
    /// What kind of database.
    pub provider: Provider,
    /// The settings that may be shown.
    pub settings: PublicSettings,
    /// What is known of the secrets.
    pub secrets: SecretFacts,
    /// What only the server knows.
    pub known: KnownFacts,
}

impl Subject {
    /// What is typed, on top of what is stored: what is left empty of the secrets is kept.
    #[must_use]
    pub fn of_form(form: &ConnectionForm, stored: &PublicSettings, secrets: &SecretFacts, known: &KnownFacts) -> Self {
        let (provider, typed) = form.public();
        let settings = typed.keeping(stored, &form.forget());
        let secrets = SecretFacts::of_form(form, &settings, secrets);
        let mut known = known.clone();
        if form.has_moved(stored) {
            known.certificate = None;
        }
        Self { provider, settings, secrets, known }
    }

    /// Whether enough is there to be judged: nobody wants a grade for an empty form.
    #[must_use]
    pub fn is_judgeable(&self) -> bool {
        !self.settings.endpoint().is_empty()
    }

    /// How it compares with the configurations that work.
    #[must_use]
    pub fn comparison(&self) -> Comparison {
        Comparison::of(&Pattern::of_settings(self.provider, &self.settings), &self.known.successes)
    }
}

/// What was found out about secrets when they were set: codes, dates and names, from which no secret can be
/// learnt.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SecretFacts {
    /// Of the password; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<Strength>,
    /// The password begins or ends with a blank, as copied ones do.
    pub password_has_blanks: bool,
    /// Supabase: what the key in the field for the anon key says of itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub anon_key: Option<KeyClaim>,
    /// Supabase: what the key in the field for the service-role key says of itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_role_key: Option<KeyClaim>,
    /// Firebase: the project of the service account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_project: Option<String>,
    /// Firebase: the account is the one that the Admin SDK is given, which may do everything.
    pub account_is_admin: bool,
}

/// What a Supabase key says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct KeyClaim {
    /// Whether it passes row-level security by; absent where it does not say.
    pub is_service_role: Option<bool>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// The project that it is for.
    pub project: Option<String>,
}

impl KeyClaim {
    fn of(key: &str) -> Self {
        let KeyFacts { role, expires_at, project } = KeyFacts::of(key);
        Self { is_service_role: role.map(|role| role == KeyRole::ServiceRole), expires_at, project }
    }
}

impl SecretFacts {
    /// What can be found out about the secrets of `settings`.
    #[must_use]
    pub fn of(settings: &Settings) -> Self {
        let public = settings.public();
        let password = settings.password.as_ref().map(Secret::reveal);
        let mut facts = Self {
            password: password.map(|password| Strength::of(password, &public)),
            password_has_blanks: password.is_some_and(has_blanks),
            ..Self::default()
        };
        match &settings.special {
            Special::Plain | Special::MongoDb(_) => {}
            Special::Firebase(firebase) => {
                facts.take_account(firebase.service_account.as_ref().map_or("", Secret::reveal));
            }
            Special::Supabase(supabase) => {
                facts.anon_key = supabase.anon_key.as_ref().map(|key| KeyClaim::of(key.reveal()));
                facts.service_role_key = supabase.service_role_key.as_ref().map(|key| KeyClaim::of(key.reveal()));
            }
        }
        facts
    }

    /// What can be found out about what is typed; where a field is empty, `stored` counts.
    #[must_use]
    pub fn of_form(form: &ConnectionForm, settings: &PublicSettings, stored: &Self) -> Self {
        let mut facts = Self { password: None, password_has_blanks: false, ..stored.clone() };
        if !form.password.is_empty() {
            facts.password = Some(Strength::of(&form.password, settings));
            facts.password_has_blanks = has_blanks(&form.password);
        } else if form.remove_password.is_empty() {
            facts.password = stored.password;
            facts.password_has_blanks = stored.password_has_blanks;
        }
        let key = |typed: &str, forget: &str, stored: &mut Option<KeyClaim>| {
            if !typed.trim().is_empty() {
                *stored = Some(KeyClaim::of(typed));
            } else if !forget.is_empty() {
                *stored = None;
            }
        };
        key(&form.anon_key, &form.remove_anon_key, &mut facts.anon_key);
        key(&form.service_role_key, &form.remove_service_role_key, &mut facts.service_role_key);
        if !form.service_account.trim().is_empty() || !form.remove_service_account.is_empty() {
            facts.take_account(&form.service_account);
        }
        facts
    }

    fn take_account(&mut self, json: &str) {
        let (project, email) = service_account_facts(json);
        self.account_project = project;
        self.account_is_admin = email.is_some_and(|email| email.starts_with("firebase-adminsdk"));
    }
}

fn has_blanks(password: &str) -> bool {
    password.trim() != password
}

/// What only the server can know.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct KnownFacts {
    /// When this was found out. Dates are judged by it, never by a clock of the page.
    pub at: Option<Timestamp>,
    /// The names of one's other connections that use the same password for another account.
    pub password_also_of: Vec<String>,
    /// The certificate that the server showed at the last check of these settings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<ShownCertificate>,
    /// The kinds of configuration that work, for everyone: classes and counts, nothing of anyone's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub successes: Vec<PatternCount>,
}

/// What of a server's certificate matters here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ShownCertificate {
    /// Valid until.
    pub not_after: Timestamp,
    /// Whether it names the host.
    pub names_host: bool,
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = IssueSeverity)]
pub enum Severity {
    /// To be known.
    Info,
    /// To be looked at.
    Warning,
    /// To be changed.
    Error,
}

/// One thing that is found, with what it costs and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Its stable name.
    pub code: &'static str,
    /// The field that it is about, as the form and the wire call it.
    pub field: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// What is so, and why it matters.
    pub message: String,
    /// What to do.
    pub suggestion: String,
    /// What it takes off the score.
    pub points: u32,
    /// The change of the form that does it, where one does.
    #[serde(skip)]
    pub change: Option<Change>,
}

impl Finding {
    fn new(
        severity: Severity,
        points: u32,
        field: &'static str,
        code: &'static str,
        message: impl Into<String>,
        suggestion: impl Into<String>,
    ) -> Self {
        Self { code, field, severity, message: message.into(), suggestion: suggestion.into(), points, change: None }
    }

    fn error(points: u32, field: &'static str, code: &'static str, message: &str, suggestion: &str) -> Self {
        Self::new(Severity::Error, points, field, code, message, suggestion)
    }

    fn warning(points: u32, field: &'static str, code: &'static str, message: &str, suggestion: &str) -> Self {
        Self::new(Severity::Warning, points, field, code, message, suggestion)
    }

    fn info(points: u32, field: &'static str, code: &'static str, message: &str, suggestion: &str) -> Self {
        Self::new(Severity::Info, points, field, code, message, suggestion)
    }

    fn with(mut self, change: Change) -> Self {
        self.change = Some(change);
        self
    }
}

/// A change of the form, made with one click.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Sets a field.
    Set(Target, String),
    /// Takes the blanks off the ends of the typed password.
    TrimPassword,
    /// Exchanges what was typed in the fields of the two Supabase keys.
    SwapKeys,
    /// Forgets the service-role key.
    ForgetServiceRoleKey,
}

/// The fields that a change may set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The TLS mode.
    Tls,
    /// The port.
    Port,
    /// The user.
    Username,
    /// The time to connect, in milliseconds.
    ConnectTimeoutMs,
    /// MongoDB's authentication database.
    AuthSource,
    /// MongoDB's mechanism.
    AuthMechanism,
    /// MongoDB: the named server alone.
    DirectConnection,
    /// Firebase's project.
    ProjectId,
    /// Supabase's address.
    Url,
}

impl Change {
    fn set(target: Target, value: &str) -> Self {
        Self::Set(target, value.to_owned())
    }

    /// The words on its button.
    #[must_use]
    pub fn label(&self) -> String {
        match self {
            Self::Set(Target::Tls, mode) => format!("Use {mode}"),
            Self::Set(Target::Port, port) => format!("Use port {port}"),
            Self::Set(Target::Username, user) => format!("Use {user}"),
            Self::Set(Target::ConnectTimeoutMs, ms) => format!("Set {ms} ms"),
            Self::Set(Target::AuthSource | Target::AuthMechanism | Target::ProjectId, value) => format!("Use {value}"),
            Self::Set(Target::DirectConnection, _) => "Follow the replica set".to_owned(),
            Self::Set(Target::Url, _) => "Use https".to_owned(),
            Self::TrimPassword => "Remove the blanks".to_owned(),
            Self::SwapKeys => "Exchange the keys".to_owned(),
            Self::ForgetServiceRoleKey => "Leave it out".to_owned(),
        }
    }

    /// Makes it.
    pub fn apply(&self, form: &mut ConnectionForm) {
        match self {
            Self::Set(target, value) => {
                let field = match target {
                    Target::Tls => &mut form.tls,
                    Target::Port => &mut form.port,
                    Target::Username => &mut form.username,
                    Target::ConnectTimeoutMs => &mut form.connect_timeout_ms,
                    Target::AuthSource => &mut form.auth_source,
                    Target::AuthMechanism => &mut form.auth_mechanism,
                    Target::DirectConnection => &mut form.direct_connection,
                    Target::ProjectId => &mut form.project_id,
                    Target::Url => &mut form.url,
                };
                field.clone_from(value);
            }
            Self::TrimPassword => form.password = form.password.trim().to_owned(),
            Self::SwapKeys => std::mem::swap(&mut form.anon_key, &mut form.service_role_key),
            Self::ForgetServiceRoleKey => {
                form.service_role_key.clear();
                "true".clone_into(&mut form.remove_service_role_key);
            }
        }
    }

    /// Whether it can be made of what is typed: what is stored cannot be trimmed or exchanged here.
    #[must_use]
    pub fn applies_to(&self, form: &ConnectionForm) -> bool {
        match self {
            Self::TrimPassword => has_blanks(&form.password),
            Self::SwapKeys => !form.anon_key.is_empty(),
            Self::Set(..) | Self::ForgetServiceRoleKey => true,
        }
    }
}

/// The score in one letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub enum Grade {
    /// From 90.
    A,
    /// From 75.
    B,
    /// From 60.
    C,
    /// From 40.
    D,
    /// Below.
    F,
}

impl Grade {
    /// The grade of a score.
    #[must_use]
    pub const fn of(score: u32) -> Self {
        match score {
            90.. => Self::A,
            75..90 => Self::B,
            60..75 => Self::C,
            40..60 => Self::D,
            0..40 => Self::F,
        }
    }

    /// The letter.
    #[must_use]
    pub const fn letter(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::B => "B",
            Self::C => "C",
            Self::D => "D",
            Self::F => "F",
        }
    }
}

/// What the rules came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Review {
    /// 100 less the points of every finding, at least 0.
    pub score: u32,
    /// Its letter.
    pub grade: Grade,
    /// The costliest first; those that cost nothing last.
    pub findings: Vec<Finding>,
}

/// Judges a subject.
#[must_use]
pub fn review(subject: &Subject) -> Review {
    let mut findings = rules::all(subject);
    findings.sort_by_key(|finding| std::cmp::Reverse((finding.points, finding.severity)));
    let lost: u32 = findings.iter().map(|finding| finding.points).sum();
    let score = 100_u32.saturating_sub(lost);
    Review { score, grade: Grade::of(score), findings }
}

/// What is worth doing with every connection of a provider, whatever its settings are.
#[must_use]
pub const fn best_practices(provider: Provider) -> &'static [&'static str] {
    match provider {
        Provider::PostgreSql => &[
            "Give each application a role of its own with the rights that it needs, and the checks one that may only log in.",
            "Let pg_hba.conf accept hostssl lines with scram-sha-256 only.",
            "Set idle_session_timeout and statement_timeout for the role, so that a lost client holds nothing.",
        ],
        Provider::MySql => &[
            "Give each application an account for the host that it comes from, not for '%'.",
            "Set require_secure_transport=ON on the server.",
            "Remove anonymous accounts and the test database.",
        ],
        Provider::MongoDb => &[
            "Give each application a user with the built-in roles that it needs, and the checks one with clusterMonitor.",
            "Keep the address list of Atlas short, and never 0.0.0.0/0.",
            "Name the replica set or use the SRV form, so that a new primary is found.",
        ],
        Provider::Firebase => &[
            "Give the checks a service account with Cloud Datastore Viewer only.",
            "Restrict the web API key to the APIs and sites that use it.",
            "Test the security rules in the emulator before they are deployed.",
        ],
        Provider::Supabase => &[
            "Enable row-level security on every table that the API shows.",
            "Keep the service-role key on servers only, and use the anon key for checks.",
            "Use the pooler in session mode where clients keep prepared statements.",
        ],
    }
}

/// `validate-database-config` as it is answered.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ValidateResponse)]
pub struct Validation {
    /// Whether the settings can be used at all.
    pub valid: bool,
    /// 0 to 100; 0 where the settings cannot be used.
    pub security_score: u32,
    /// Its letter.
    pub grade: Grade,
    /// What is found.
    pub issues: Vec<Issue>,
    /// What to do, the most urgent first.
    pub suggestions: Vec<String>,
    /// What is worth doing with every connection of the provider.
    pub best_practices: Vec<&'static str>,
    /// How it compares with what works.
    pub comparison: Comparison,
}

/// One finding, or one field that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Issue {
    /// Its stable name; `invalid_setting` for a field that cannot be used.
    pub code: &'static str,
    /// The field, as it came.
    pub field: String,
    /// How much it matters.
    pub severity: Severity,
    /// What is so.
    pub message: String,
    /// What to do.
    pub suggestion: String,
    /// What it takes off the score.
    pub points: u32,
}

impl Validation {
    /// The answer about settings that can be read.
    #[must_use]
    pub fn of(subject: &Subject) -> Self {
        let Review { score, grade, findings } = review(subject);
        let suggestions = findings.iter().map(|finding| finding.suggestion.clone()).collect();
        let issues = findings
            .into_iter()
            .map(|Finding { code, field, severity, message, suggestion, points, .. }| Issue {
                code,
                field: field.to_owned(),
                severity,
                message,
                suggestion,
                points,
            })
            .collect();
        Self {
            valid: true,
            security_score: score,
            grade,
            issues,
            suggestions,
            best_practices: best_practices(subject.provider).to_vec(),
            comparison: subject.comparison(),
        }
    }

    /// The answer about settings that cannot be used.
    #[must_use]
    pub fn unusable(provider: Provider, errors: Vec<FieldError>) -> Self {
        let issues: Vec<Issue> = errors
            .into_iter()
            .map(|FieldError { field, message }| Issue {
                code: "invalid_setting",
                field,
                severity: Severity::Error,
                suggestion: message.clone(),
                message,
                points: 100,
            })
            .collect();
        Self {
            valid: false,
            security_score: 0,
            grade: Grade::F,
            suggestions: issues.iter().map(|issue| issue.suggestion.clone()).collect(),
            issues,
            best_practices: best_practices(provider).to_vec(),
            comparison: Comparison::default(),
        }
    }
}
