//! What Google's answers come down to: the status and the reasons of `google.rpc.Status` with its `ErrorInfo`
//! (<https://cloud.google.com/apis/design/errors>), the errors of OAuth 2 (RFC 6749 §5.2), and the one line
//! that the Realtime Database says. Codes decide; a text is read only where Google has no code for it.

use http::StatusCode;
use serde::Deserialize;

use crate::{
    probe::{Cause, Phase},
    server::providers::{http::Answer, trouble::Trouble},
};

/// A difference of clocks that Google no longer takes, in seconds.
const SKEW: i64 = 300;

/// Google's error, `{"error": {…}}`.
#[derive(Debug, Default, Deserialize)]
struct Refusal {
    #[serde(default)]
    message: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    details: Vec<Detail>,
}

#[derive(Debug, Deserialize)]
struct Detail {
    reason: Option<String>,
}

#[derive(Deserialize)]
struct Envelope {
    error: Refusal,
}

impl Refusal {
    /// Lists are answered with a list of one error by some of Google's front ends.
    fn read(answer: &Answer) -> Option<Self> {
        serde_json::from_slice::<Envelope>(&answer.body)
            .or_else(|_| serde_json::from_slice::<(Envelope,)>(&answer.body).map(|(one,)| one))
            .ok()
            .map(|envelope| envelope.error)
    }

    fn reason(&self) -> Option<&str> {
        self.details.iter().find_map(|detail| detail.reason.as_deref())
    }
}

/// Whether the security rules refused a request that came without a login. Everything else was in order: the
/// project, its database and the key.
pub(super) fn rules_refused(answer: &Answer) -> bool {
    Refusal::read(answer).is_some_and(|refusal| {
        answer.status == StatusCode::FORBIDDEN && refusal.status == "PERMISSION_DENIED" && refusal.reason().is_none()
    })
}

/// Whether there is no Firestore at all: no database of that name, or its API was never switched on.
pub(super) fn is_absent(trouble: &Trouble) -> bool {
    matches!(trouble.cause, Some(Cause::DatabaseNotFound | Cause::ApiNotEnabled))
}

/// Why Firestore refused.
pub(super) fn firestore_refused(answer: &Answer) -> Trouble {
    let Some(refusal) = Refusal::read(answer) else { return unreadable(answer) };
    let code = refusal
        .reason()
        .map_or_else(|| if refusal.status.is_empty() { answer.code() } else { refusal.status.clone() }, str::to_owned);
    let (cause, also) = refusal
        .reason()
        .and_then(|reason| by_reason(reason, &refusal.message))
        .or_else(|| by_status(&refusal))
        .unwrap_or_else(|| by_http(answer.status));
    Trouble::new(cause, refusal.message).code(code).also(also).hint(answer.aside()).at_login()
}

type Verdict = (Cause, &'static [Cause]);

/// An API that is not to be had without a billing account: it is to be switched on, and waiting is no use.
const NO_BILLING: Verdict = (Cause::ApiNotEnabled, &[Cause::QuotaExceeded, Cause::ServicePaused]);

/// The reasons of `ErrorInfo` in the domain googleapis.com, as `google.api.ErrorReason` lists them.
fn by_reason(reason: &str, message: &str) -> Option<Verdict> {
    Some(match reason {
        "API_KEY_INVALID" => (Cause::InvalidApiKey, &[]),
        // The key is good, but not from here or not for this.
        "API_KEY_HTTP_REFERRER_BLOCKED"
        | "API_KEY_IP_ADDRESS_BLOCKED"
        | "API_KEY_ANDROID_APP_BLOCKED"
        | "API_KEY_IOS_APP_BLOCKED"
        | "API_KEY_SERVICE_BLOCKED" => (Cause::AccessRuleDenied, &[Cause::InvalidApiKey]),
        "SERVICE_DISABLED" | "SERVICE_NOT_VISIBLE" => (Cause::ApiNotEnabled, &[]),
        "BILLING_DISABLED" => NO_BILLING,
        "CONSUMER_SUSPENDED" | "RESOURCE_PROJECT_SUSPENDED" => (Cause::ServicePaused, &[]),
        // Google does not tell a project that does not exist from one that this account may not see.
        "CONSUMER_INVALID" | "RESOURCE_PROJECT_INVALID" | "PROJECT_INVALID" | "PROJECT_DELETED" => {
            (Cause::ProjectNotFound, &[Cause::PermissionDenied])
        }
        "IAM_PERMISSION_DENIED" | "USER_PROJECT_DENIED" if message.contains("not found") => {
            (Cause::ProjectNotFound, &[Cause::PermissionDenied])
        }
        "IAM_PERMISSION_DENIED" | "USER_PROJECT_DENIED" | "ACCESS_TOKEN_SCOPE_INSUFFICIENT" => {
            (Cause::PermissionDenied, &[])
        }
        "SECURITY_POLICY_VIOLATED"
        | "LOCATION_POLICY_VIOLATED"
        | "ORG_RESTRICTION_VIOLATION"
        | "IP_ADDRESS_BLOCKED" => (Cause::AccessRuleDenied, &[]),
        "ACCESS_TOKEN_EXPIRED" => (Cause::TokenExpired, &[Cause::ClockSkew]),
        "ACCESS_TOKEN_TYPE_UNSUPPORTED" | "ACCOUNT_STATE_INVALID" | "SESSION_COOKIE_INVALID" => {
            (Cause::TokenInvalid, &[])
        }
        "CREDENTIALS_MISSING" => (Cause::CredentialsMissing, &[]),
        "RATE_LIMIT_EXCEEDED" | "RESOURCE_QUOTA_EXCEEDED" | "RESOURCE_USAGE_RESTRICTION_VIOLATED" => {
            (Cause::QuotaExceeded, &[])
        }
        _ => return None,
    })
}

/// The canonical codes of gRPC.
fn by_status(refusal: &Refusal) -> Option<Verdict> {
    let says = |words: &str| refusal.message.contains(words);
    Some(match refusal.status.as_str() {
        "INVALID_ARGUMENT" if says("API key") => (Cause::InvalidApiKey, &[]),
        "INVALID_ARGUMENT" => (Cause::InvalidConnectionString, &[]),
        "UNAUTHENTICATED" if says("expired") => (Cause::TokenExpired, &[Cause::ClockSkew]),
        "UNAUTHENTICATED" => (Cause::TokenInvalid, &[]),
        "PERMISSION_DENIED" if says("has not been used in project") || says("is disabled") => {
            (Cause::ApiNotEnabled, &[])
        }
        "PERMISSION_DENIED" | "FAILED_PRECONDITION" if says("billing") => NO_BILLING,
        "PERMISSION_DENIED" if says("API key") => (Cause::InvalidApiKey, &[Cause::AccessRuleDenied]),
        "PERMISSION_DENIED" if says("has been suspended") => (Cause::ServicePaused, &[]),
        "PERMISSION_DENIED" => (Cause::PermissionDenied, &[Cause::SecurityRulesDenied]),
        // "The database (default) does not exist for project x" and "The project x does not exist or it does not
        // contain an active Cloud Datastore or Cloud Firestore database".
        "NOT_FOUND" if says("project") && says("or it does not contain") => {
            (Cause::DatabaseNotFound, &[Cause::ProjectNotFound])
        }
        "NOT_FOUND" if says("atabase") => (Cause::DatabaseNotFound, &[]),
        "NOT_FOUND" => (Cause::ProjectNotFound, &[Cause::DatabaseNotFound]),
        // "The Cloud Firestore API is not available for Firestore in Datastore Mode database".
        "FAILED_PRECONDITION" if says("Datastore") => (Cause::ApiNotEnabled, &[]),
        "RESOURCE_EXHAUSTED" => (Cause::QuotaExceeded, &[]),
        "UNAVAILABLE" => (Cause::Unreachable, &[]),
        "DEADLINE_EXCEEDED" => (Cause::StatementTimeout, &[]),
        "INTERNAL" | "UNKNOWN" | "ABORTED" => (Cause::Unknown, &[]),
        _ => return None,
    })
}

/// Where there is nothing but the status of HTTP.
fn by_http(status: StatusCode) -> Verdict {
    match status.as_u16() {
        401 => (Cause::TokenInvalid, &[]),
        403 => (Cause::PermissionDenied, &[Cause::AccessRuleDenied]),
        402 | 429 => (Cause::QuotaExceeded, &[]),
        408 | 504 => (Cause::StatementTimeout, &[Cause::Unreachable]),
        // A network that asks for a sign-in answers in everyone's place.
        511 => (Cause::WrongProtocol, &[]),
        500..=599 => (Cause::Unreachable, &[]),
        _ => (Cause::WrongProtocol, &[Cause::InvalidConnectionString]),
    }
}

/// Why there is no token. `ahead` says how many seconds our clock is ahead of Google's.
pub(super) fn token_refused(answer: &Answer, ahead: Option<i64>) -> Trouble {
    #[derive(Deserialize)]
    struct OAuth {
        error: String,
        #[serde(default)]
        error_description: String,
    }

    let Ok(OAuth { error, error_description }) = serde_json::from_slice(&answer.body) else {
        return unreadable(answer).at(Phase::Auth);
    };
    let says = |words: &str| error_description.contains(words);
    let (cause, also): Verdict = match error.as_str() {
        // Both iat and exp are ours: that they are out of the frame means that our clock is.
        "invalid_grant" if says("reasonable timeframe") || says("iat and exp") => {
            (Cause::ClockSkew, &[Cause::InvalidServiceAccount])
        }
        "invalid_grant" if ahead.is_some_and(|ahead| ahead.abs() > SKEW) => {
            (Cause::ClockSkew, &[Cause::InvalidServiceAccount])
        }
        "invalid_grant" if says("Signature") => (Cause::InvalidServiceAccount, &[Cause::ClockSkew]),
        "invalid_grant" | "invalid_client" | "unauthorized_client" | "disabled_client" | "deleted_client" => {
            (Cause::InvalidServiceAccount, &[])
        }
        "access_denied" | "admin_policy_enforced" | "org_internal" => (Cause::PermissionDenied, &[]),
        "invalid_scope" | "invalid_request" | "unsupported_grant_type" => (Cause::DriverMisconfigured, &[]),
        "rate_limit_exceeded" => (Cause::QuotaExceeded, &[]),
        "internal_failure" | "temporarily_unavailable" | "server_error" => (Cause::Unreachable, &[]),
        _ => by_http(answer.status),
    };
    let mut message = format!("Google refused the service account: {error_description} ({error}).");
    if let Some(skew) = ahead.and_then(skew_in_words) {
        message.push(' ');
        message.push_str(&skew);
    }
    Trouble::new(cause, message).code(error).also(also).at(Phase::Auth)
}

/// Says that our clock is off, where it is.
pub(super) fn skew_in_words(ahead: i64) -> Option<String> {
    if ahead.abs() <= SKEW {
        return None;
    }
    let side = if ahead > 0 { "ahead of" } else { "behind" };
    Some(format!("This machine's clock is {} minutes {side} Google's.", ahead.unsigned_abs() / 60))
}

/// Why the Realtime Database refused; it says one line, and which line is the only code there is
/// (<https://firebase.google.com/docs/reference/rest/database#section-error-conditions>).
pub(super) fn realtime_refused(answer: &Answer) -> Trouble {
    let json = answer.json();
    let field = |name: &str| json.as_ref().and_then(|json| json.get(name)?.as_str().map(str::to_owned));
    let Some(line) = field("error") else { return unreadable(answer) };
    let says = |words: &str| line.to_ascii_lowercase().contains(words);
    let correct_url = field("correctUrl");
    let (cause, also): Verdict = match answer.status.as_u16() {
        401 | 403 if says("expired") => (Cause::TokenExpired, &[Cause::ClockSkew]),
        401 | 403 if says("parse") || says("invalid") => (Cause::TokenInvalid, &[]),
        401 | 403 => (Cause::PermissionDenied, &[Cause::SecurityRulesDenied]),
        // The database is there, and only the address is wrong.
        _ if says("different region") || correct_url.is_some() => {
            (Cause::InvalidConnectionString, &[Cause::DatabaseNotFound])
        }
        404 => (Cause::DatabaseNotFound, &[Cause::InvalidConnectionString, Cause::ProjectNotFound]),
        423 => (Cause::ServicePaused, &[]),
        // The free plan answers like this until the month is over.
        _ if says("overquota") || says("temporarily disabled") || says("quota") => (Cause::QuotaExceeded, &[]),
        503 => (Cause::Unreachable, &[Cause::QuotaExceeded]),
        _ if says("deactivated") || says("disabled") => (Cause::ServicePaused, &[]),
        _ => by_http(answer.status),
    };
    let message = match correct_url {
        Some(url) if !line.contains(&url) => format!("{line} It is at {url}."),
        None if cause == Cause::DatabaseNotFound => format!(
            "{line}: the database URL leads to no Realtime Database. The console shows the right one under Realtime \
             Database; a Firestore database is another thing."
        ),
        _ => line,
    };
    Trouble::new(cause, message).code(answer.code()).also(also).hint(answer.aside()).at_login()
}

/// Whether the Realtime Database's rules refused a request that came without a login.
pub(super) fn realtime_rules_refused(answer: &Answer) -> bool {
    let line = answer.json().and_then(|json| json.get("error")?.as_str().map(str::to_ascii_lowercase));
    matches!(answer.status.as_u16(), 401 | 403) && line.is_some_and(|line| line.contains("permission denied"))
}

/// An answer without an error that can be read: a proxy's page, or no Google at all.
fn unreadable(answer: &Answer) -> Trouble {
    if answer.status.is_success() {
        return Trouble::new(Cause::WrongProtocol, "The answer is not one of Google's.");
    }
    let (cause, also) = by_http(answer.status);
    let page = if answer.is_page() { " with a page in place of an answer" } else { "" };
    Trouble::new(cause, format!("The server answered {}{page}.", answer.status))
        .code(answer.code())
        .also(also)
        .hint(answer.aside())
        .at_login()
}

impl Trouble {
    /// Who asks and what they may is the login's part, whichever request shows it.
    fn at_login(self) -> Self {
        match self.cause {
            Some(
                Cause::InvalidApiKey
                | Cause::AccessRuleDenied
                | Cause::PermissionDenied
                | Cause::TokenExpired
                | Cause::TokenInvalid
                | Cause::CredentialsMissing,
            ) => self.at(Phase::Auth),
            _ => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use serde_json::{Value, json};

    use super::*;

    fn answer(status: u16, body: &Value) -> Answer {
        Answer {
            status: StatusCode::from_u16(status).expect("a status"),
            headers: HeaderMap::new(),
            body: body.to_string().into(),
            whole: true,
        }
    }

    fn google(status: u16, name: &str, message: &str, reason: Option<&str>) -> Answer {
        let details: Vec<Value> = reason
            .map(|reason| {
                json!({"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "googleapis.com"})
            })
            .into_iter()
            .collect();
        answer(status, &json!({"error": {"code": status, "message": message, "status": name, "details": details}}))
    }

    #[test]
    fn reasons_decide_before_words() {
        for (status, name, message, reason, cause) in [
            (
                400,
                "INVALID_ARGUMENT",
                "API key not valid. Please pass a valid API key.",
                Some("API_KEY_INVALID"),
                Cause::InvalidApiKey,
            ),
            (400, "INVALID_ARGUMENT", "API key expired. Please renew the API key.", None, Cause::InvalidApiKey),
            (
                403,
                "PERMISSION_DENIED",
                "Requests from this IP are blocked.",
                Some("API_KEY_IP_ADDRESS_BLOCKED"),
                Cause::AccessRuleDenied,
            ),
            (403, "PERMISSION_DENIED", "x", Some("SERVICE_DISABLED"), Cause::ApiNotEnabled),
            (
                403,
                "PERMISSION_DENIED",
                "Cloud Firestore API has not been used in project 1 before or it is disabled.",
                None,
                Cause::ApiNotEnabled,
            ),
            (
                403,
                "PERMISSION_DENIED",
                "Permission denied on resource project x.",
                Some("CONSUMER_INVALID"),
                Cause::ProjectNotFound,
            ),
            (403, "PERMISSION_DENIED", "Missing or insufficient permissions.", None, Cause::PermissionDenied),
            (403, "PERMISSION_DENIED", "x", Some("BILLING_DISABLED"), Cause::ApiNotEnabled),
            (403, "PERMISSION_DENIED", "This API method requires billing to be enabled.", None, Cause::ApiNotEnabled),
            (400, "FAILED_PRECONDITION", "The project needs billing.", None, Cause::ApiNotEnabled),
            (403, "PERMISSION_DENIED", "x", Some("CONSUMER_SUSPENDED"), Cause::ServicePaused),
            (
                404,
                "NOT_FOUND",
                "The database (default) does not exist for project x Please visit …",
                None,
                Cause::DatabaseNotFound,
            ),
            (
                404,
                "NOT_FOUND",
                "The project x does not exist or it does not contain an active Cloud Datastore or Cloud Firestore database.",
                None,
                Cause::DatabaseNotFound,
            ),
            (
                400,
                "FAILED_PRECONDITION",
                "The Cloud Firestore API is not available for Firestore in Datastore Mode database x.",
                None,
                Cause::ApiNotEnabled,
            ),
            (
                401,
                "UNAUTHENTICATED",
                "Request had invalid authentication credentials.",
                Some("ACCESS_TOKEN_EXPIRED"),
                Cause::TokenExpired,
            ),
            (401, "UNAUTHENTICATED", "Request had invalid authentication credentials.", None, Cause::TokenInvalid),
            (429, "RESOURCE_EXHAUSTED", "Quota exceeded.", None, Cause::QuotaExceeded),
            (503, "UNAVAILABLE", "The service is currently unavailable.", None, Cause::Unreachable),
            (504, "DEADLINE_EXCEEDED", "x", None, Cause::StatementTimeout),
            (418, "TEAPOT", "x", Some("NEW_REASON"), Cause::WrongProtocol),
        ] {
            let trouble = firestore_refused(&google(status, name, message, reason));
            assert_eq!(trouble.cause, Some(cause), "{name} {message}");
            assert_eq!(trouble.code.as_deref(), Some(reason.unwrap_or(name)));
        }
        // Some front ends wrap the error in a list.
        let one = answer(403, &json!([{"error": {"status": "PERMISSION_DENIED", "message": "x"}}]));
        assert_eq!(firestore_refused(&one).cause, Some(Cause::PermissionDenied));
    }

    #[test]
    fn rules_that_refuse_a_stranger_are_told_from_a_key_that_does_not_hold() {
        assert!(rules_refused(&google(403, "PERMISSION_DENIED", "Missing or insufficient permissions.", None)));
        assert!(!rules_refused(&google(403, "PERMISSION_DENIED", "x", Some("SERVICE_DISABLED"))));
        assert!(!rules_refused(&google(400, "INVALID_ARGUMENT", "x", Some("API_KEY_INVALID"))));
        assert!(!rules_refused(&answer(403, &json!({}))));
    }

    #[test]
    fn a_token_that_is_not_given_has_its_cause() {
        const FRAME: &str = "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. \
                             Check your iat and exp values in the JWT claim.";
        for (error, description, ahead, cause) in [
            ("invalid_grant", FRAME, None, Cause::ClockSkew),
            ("invalid_grant", FRAME, Some(0), Cause::ClockSkew),
            ("invalid_grant", "Invalid JWT Signature.", Some(2), Cause::InvalidServiceAccount),
            ("invalid_grant", "Invalid JWT Signature.", Some(-4_000), Cause::ClockSkew),
            ("invalid_grant", "Invalid grant: account not found", Some(0), Cause::InvalidServiceAccount),
            ("invalid_client", "The OAuth client was not found.", None, Cause::InvalidServiceAccount),
            ("invalid_scope", "x", None, Cause::DriverMisconfigured),
            ("rate_limit_exceeded", "x", None, Cause::QuotaExceeded),
        ] {
            let refused = answer(400, &json!({"error": error, "error_description": description}));
            let trouble = token_refused(&refused, ahead);
            assert_eq!((trouble.cause, trouble.phase), (Some(cause), Some(Phase::Auth)), "{description} {ahead:?}");
            assert_eq!(trouble.code.as_deref(), Some(error));
        }
        let late = answer(400, &json!({"error": "invalid_grant", "error_description": "x"}));
        assert!(token_refused(&late, Some(-600)).message.contains("10 minutes behind"), "{late:?}");
    }

    #[test]
    fn the_realtime_database_is_read_by_its_line() {
        for (status, line, cause) in [
            (401, "Permission denied", Cause::PermissionDenied),
            (401, "Unauthorized request.", Cause::PermissionDenied),
            (401, "Auth token is expired", Cause::TokenExpired),
            (401, "Could not parse auth token.", Cause::TokenInvalid),
            (404, "404 Not Found", Cause::DatabaseNotFound),
            (
                404,
                "Database lives in a different region. Please change your database URL to https://x",
                Cause::InvalidConnectionString,
            ),
            (423, "The Firebase database 'x' has been deactivated.", Cause::ServicePaused),
            (
                402,
                "Database temporarily disabled. See https://firebase.google.com/support/faq/#database-overquota",
                Cause::QuotaExceeded,
            ),
            (503, "Internal server error", Cause::Unreachable),
        ] {
            assert_eq!(realtime_refused(&answer(status, &json!({"error": line}))).cause, Some(cause), "{line}");
        }
        let moved =
            json!({"error": "Database lives in a different region.", "correctUrl": "https://x.firebasedatabase.app"});
        let found = realtime_refused(&answer(404, &moved));
        assert_eq!((found.cause, found.also), (Some(Cause::InvalidConnectionString), vec![Cause::DatabaseNotFound]));
        assert!(found.message.contains("https://x.firebasedatabase.app"));
        let nowhere = realtime_refused(&answer(404, &json!({"error": "404 Not Found"})));
        assert!(nowhere.message.contains("no Realtime Database"), "{}", nowhere.message);
    }

    #[test]
    fn a_page_in_place_of_an_answer_is_no_panic() {
        let page = Answer { body: "<!DOCTYPE html>".into(), ..answer(502, &Value::Null) };
        let portal = firestore_refused(&Answer { status: StatusCode::NETWORK_AUTHENTICATION_REQUIRED, ..page.clone() });
        assert_eq!(portal.cause, Some(Cause::WrongProtocol));
        assert!(portal.hint.is_some_and(|hint| hint.contains("sign-in")));
        let trouble = firestore_refused(&page);
        assert_eq!(trouble.cause, Some(Cause::Unreachable));
        assert!(trouble.message.contains("page"), "{}", trouble.message);
    }
}
