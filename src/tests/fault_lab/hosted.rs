//! Firebase and Supabase: one stand-in for all their names, which answers each project as the real services answer
//! one with that fault.

use std::sync::Arc;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use mooring::{
    connections::Provider,
    probe::Cause,
    server::{config::EgressPolicy, egress::Egress},
};
use serde_json::{Value, json};

use crate::support::{
    fault::{Count, Fault, counted},
    hosted::{Asked, Reply, StandIn, date, json as answer, page},
};

/// A key that was made for these tests and opens nothing.
const KEY: &str = include_str!("../support/service_account_key.pem");
const TOKEN_HOST: &str = "oauth2.googleapis.com";
const FIRESTORE: &str = "firestore.googleapis.com";
const RULES: &str = "Missing or insufficient permissions.";
/// What Google says of a token whose times are not now.
const FRAME: &str = "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check \
                     your iat and exp values in the JWT claim.";
/// Far enough for every test, and before 2038.
const LATER: i64 = 2_100_000_000;

/// Firebase's projects, each with its fault.
const PROJECTS: &[(&str, &str, Option<Cause>)] = &[
    ("shop-in-order", "firebase: in order", None),
    ("shop-bad-key", "firebase: key of another account", Some(Cause::InvalidServiceAccount)),
    ("shop-no-account", "firebase: deleted service account", Some(Cause::InvalidServiceAccount)),
    ("shop-skewed", "firebase: skewed clock", Some(Cause::ClockSkew)),
    ("shop-token-cut", "firebase: cut while the token is asked for", Some(Cause::ConnectionReset)),
    ("shop-token-over", "firebase: expired token", Some(Cause::TokenExpired)),
    ("shop-no-role", "firebase: account without a role", Some(Cause::PermissionDenied)),
    ("shop-gone", "firebase: missing project", Some(Cause::ProjectNotFound)),
    ("shop-api-off", "firebase: disabled API", Some(Cause::ApiNotEnabled)),
    ("shop-datastore", "firebase: Datastore mode", Some(Cause::ApiNotEnabled)),
    ("shop-no-database", "firebase: missing database", Some(Cause::DatabaseNotFound)),
    ("shop-over-quota", "firebase: quota", Some(Cause::QuotaExceeded)),
    ("shop-page", "firebase: a page for people", Some(Cause::WrongProtocol)),
    ("shop-redirect", "firebase: redirect to the metadata service", Some(Cause::WrongProtocol)),
];

/// Supabase's projects, each with its fault.
const REFERENCES: &[(&str, &str, Option<Cause>)] = &[
    ("inorderprojectabcdef", "supabase: in order", None),
    ("badkeyprojectabcdefg", "supabase: bad key", Some(Cause::InvalidApiKey)),
    ("oldkeysprojectabcdef", "supabase: old keys switched off", Some(Cause::InvalidApiKey)),
    ("pausedprojectabcdefg", "supabase: paused", Some(Cause::ServicePaused)),
    ("missingprojectabcdef", "supabase: missing project", Some(Cause::ProjectNotFound)),
    ("quotaprojectabcdefgh", "supabase: quota", Some(Cause::QuotaExceeded)),
    ("throttledprojectabcd", "supabase: too many requests", Some(Cause::QuotaExceeded)),
    ("loadingprojectabcdef", "supabase: schema cache is loading", Some(Cause::ServerStartingUp)),
    ("crowdedprojectabcdef", "supabase: pool exhausted", Some(Cause::PoolExhausted)),
    ("databaselessprojecta", "supabase: database down", Some(Cause::Unreachable)),
    ("firewalledprojectabc", "supabase: refused by the firewall", Some(Cause::AccessRuleDenied)),
    ("hangingprojectabcdef", "supabase: hangs up", Some(Cause::ConnectionReset)),
    ("redirectedprojectabc", "supabase: redirect to a private address", Some(Cause::WrongProtocol)),
    ("futureprojectabcdefg", "supabase: token from the future", Some(Cause::ClockSkew)),
    ("agreeableprojectabcd", "supabase: another service that says yes", Some(Cause::WrongProtocol)),
];

/// The way to the stand-in, and the faults, which share it.
pub async fn faults() -> (Egress, Vec<Fault>) {
    let hosts: Vec<String> = REFERENCES.iter().map(|(reference, ..)| host_of(reference)).collect();
    let names: Vec<&str> = [TOKEN_HOST, FIRESTORE].into_iter().chain(hosts.iter().map(String::as_str)).collect();
    let server = Arc::new(StandIn::start(&names, reply).await);
    let gone = host_of("missingprojectabcdef");
    let egress = Egress::with_detours(EgressPolicy::SelfHosted, server.detours(&names).missing(&gone));
    let left = counted(&server, |server| async move { server.open() });
    let mut faults = Vec::new();
    for (project, name, cause) in PROJECTS {
        let account = json!({"serviceAccount": account(project), "databaseId": "(default)", "connectTimeoutMs": 2_000});
        faults.push(fault(name, Provider::Firebase, account, *cause, &left));
    }
    let by_key = |project: &str| json!({"projectId": project, "apiKey": "AIzaSyTestTestTestTestTestTestTestTest0"});
    faults.push(fault("firebase: an API key alone", Provider::Firebase, by_key("shop-in-order"), None, &left));
    let cause = Some(Cause::InvalidApiKey);
    faults.push(fault("firebase: bad API key", Provider::Firebase, by_key("shop-bad-key"), cause, &left));
    for (reference, name, cause) in REFERENCES {
        let url = format!("https://{}", host_of(reference));
        let keys = json!({
            "url": url, "anonKey": key(reference, "anon", LATER), "serviceRoleKey": key(reference, "service_role", LATER),
            "connectTimeoutMs": 2_000,
        });
        faults.push(fault(name, Provider::Supabase, keys, *cause, &left));
    }
    let over = json!({
        "url": format!("https://{}", host_of("badkeyprojectabcdefg")),
        "anonKey": key("badkeyprojectabcdefg", "anon", 1_700_000_000),
    });
    faults.push(fault("supabase: expired key", Provider::Supabase, over, cause, &left).also(Cause::TokenExpired));
    (egress, faults)
}

fn fault(name: &'static str, provider: Provider, credentials: Value, cause: Option<Cause>, left: &Count) -> Fault {
    match cause {
        Some(cause) => Fault::new(name, provider, credentials, cause, left),
        None => Fault::none(name, provider, credentials, left),
    }
}

fn host_of(reference: &str) -> String {
    format!("{reference}.supabase.co")
}

fn account(project: &str) -> Value {
    json!({
        "type": "service_account", "project_id": project, "private_key": KEY,
        "client_email": format!("mooring@{project}.iam.gserviceaccount.com"),
        "token_uri": "https://oauth2.googleapis.com/token",
    })
}

fn key(reference: &str, role: &str, exp: i64) -> String {
    let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = json!({"iss": "supabase", "ref": reference, "role": role, "iat": 1_600_000_000, "exp": exp});
    format!("{}.{}.c2lnbmF0dXJlLW9mLXRoZS1rZXk", part(&json!({"alg": "HS256", "typ": "JWT"})), part(&claims))
}

fn reply(asked: &Asked) -> Reply {
    match asked.host.as_str() {
        TOKEN_HOST => token(asked),
        FIRESTORE => firestore(asked),
        host => supabase(host.trim_end_matches(".supabase.co"), &asked.target),
    }
}

/// Google's error.
fn refusal(status: u16, name: &str, message: &str, reason: Option<&str>) -> Reply {
    let details: Vec<Value> = reason
        .map(|reason| json!({"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason}))
        .into_iter()
        .collect();
    answer(status, &json!({"error": {"code": status, "message": message, "status": name, "details": details}}))
}

fn redirect(to: &str) -> Reply {
    Reply::Answer { status: 307, headers: vec![("location", to.to_owned())], body: String::new() }
}

fn token(asked: &Asked) -> Reply {
    let refused = |why: &str| json!({"error": "invalid_grant", "error_description": why});
    match project_of(&asked.body).as_str() {
        "shop-bad-key" => answer(400, &refused("Invalid JWT Signature.")),
        "shop-no-account" => answer(400, &refused("Invalid grant: account not found")),
        "shop-skewed" => {
            Reply::Answer { status: 400, headers: vec![("date", date(1_200))], body: refused(FRAME).to_string() }
        }
        "shop-token-cut" => Reply::HangUp,
        "shop-redirect" => redirect("http://169.254.169.254/computeMetadata/v1/"),
        _ => answer(200, &json!({"access_token": "ya29.test", "expires_in": 3599, "token_type": "Bearer"})),
    }
}

/// The project of the account that asks for a token, from the claims that it signed.
fn project_of(body: &str) -> String {
    let claims = body.split_once("&assertion=").and_then(|(_, assertion)| assertion.split('.').nth(1));
    let claims = BASE64_URL_SAFE_NO_PAD.decode(claims.expect("claims")).expect("base64");
    let claims: Value = serde_json::from_slice(&claims).expect("JSON");
    let email = claims["iss"].as_str().expect("an account");
    let project = email.strip_prefix("mooring@").and_then(|rest| rest.strip_suffix(".iam.gserviceaccount.com"));
    project.expect("an account of these tests").to_owned()
}

fn firestore(asked: &Asked) -> Reply {
    let rest = asked.target.strip_prefix("/v1/projects/").expect("a project");
    let (project, rest) = rest.split_once('/').expect("a database");
    let by_key = !asked.header("x-goog-api-key").is_empty();
    match project {
        "shop-bad-key" => {
            refusal(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", Some("API_KEY_INVALID"))
        }
        "shop-token-over" => {
            refusal(401, "UNAUTHENTICATED", "Request had invalid credentials.", Some("ACCESS_TOKEN_EXPIRED"))
        }
        "shop-no-role" => refusal(403, "PERMISSION_DENIED", RULES, None),
        "shop-gone" => refusal(
            403,
            "PERMISSION_DENIED",
            "Permission denied on resource project shop-gone.",
            Some("CONSUMER_INVALID"),
        ),
        "shop-api-off" => refusal(
            403,
            "PERMISSION_DENIED",
            "Cloud Firestore API has not been used in project shop-api-off before or it is disabled.",
            Some("SERVICE_DISABLED"),
        ),
        "shop-datastore" => answer(200, &json!({"type": "DATASTORE_MODE", "locationId": "eur3"})),
        "shop-no-database" => {
            refusal(404, "NOT_FOUND", "The database (default) does not exist for project shop-no-database", None)
        }
        "shop-over-quota" => refusal(429, "RESOURCE_EXHAUSTED", "Quota exceeded.", None),
        "shop-page" => page(200, "Welcome"),
        // Rules keep strangers out.
        _ if by_key => refusal(403, "PERMISSION_DENIED", RULES, None),
        _ if rest == "databases/(default)" => answer(200, &json!({"type": "FIRESTORE_NATIVE", "locationId": "eur3"})),
        _ => answer(200, &json!({"documents": [{"name": "x"}]})),
    }
}

fn supabase(reference: &str, target: &str) -> Reply {
    let gateway = |status, message: &str| answer(status, &json!({"message": message}));
    let postgrest = |status, code: &str, message: &str| answer(status, &json!({"code": code, "message": message}));
    let rest = target.starts_with("/rest");
    match reference {
        "badkeyprojectabcdefg" => gateway(401, "Invalid API key"),
        "oldkeysprojectabcdef" => gateway(401, "Legacy API keys are disabled"),
        "pausedprojectabcdefg" => gateway(540, "Project paused"),
        "quotaprojectabcdefgh" => gateway(402, "exceed_egress_quota"),
        "throttledprojectabcd" => postgrest(429, "over_request_rate_limit", "Request rate limit reached"),
        "firewalledprojectabc" => page(403, "Attention Required! | Cloudflare"),
        "hangingprojectabcdef" => Reply::HangUp,
        "agreeableprojectabcd" => answer(200, &json!({})),
        "futureprojectabcdefg" if rest => postgrest(401, "PGRST303", "JWT issued at future"),
        "redirectedprojectabc" => redirect("http://10.0.0.1/auth/v1/health"),
        "loadingprojectabcdef" if rest => {
            postgrest(503, "PGRST002", "Could not query the database for the schema cache. Retrying.")
        }
        "crowdedprojectabcdef" if rest => postgrest(504, "PGRST003", "Timed out acquiring connection"),
        "databaselessprojecta" if rest => postgrest(503, "PGRST000", "Database connection error."),
        _ if target == "/auth/v1/health" => answer(200, &json!({"version": "v2.177.0", "name": "GoTrue"})),
        _ if target == "/rest/v1/" => answer(200, &json!({"swagger": "2.0", "paths": {}})),
        _ => postgrest(404, "PGRST205", "Could not find the table in the schema cache"),
    }
}
