//! What Supabase's answers come down to: the statuses of the platform
//! (<https://supabase.com/docs/guides/platform/http-status-codes>), the codes of PostgREST
//! (<https://docs.postgrest.org/en/stable/references/errors.html>) and of Supavisor, the pooler. Codes decide;
//! a text is read only where there is no code for it.

use serde_json::Value;

use super::{Place, key::Key};
use crate::{
    connections::Provider,
    probe::{
        Cause, Phase,
        classify::{Evidence, classify},
    },
    server::providers::{http::Answer, trouble::Trouble},
    timestamp::Timestamp,
};

/// What the gateway, Auth or PostgREST say in their JSON.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// `PGRST002`, a SQLSTATE, or Auth's `error_code`.
    pub code: Option<String>,
    /// The message, and the hint behind it.
    pub message: String,
}

impl Said {
    pub fn read(answer: &Answer) -> Option<Self> {
        let json = answer.json()?;
        let object = json.as_object()?;
        let text = |names: &[&str]| {
            names.iter().find_map(|name| object.get(*name).and_then(Value::as_str).filter(|text| !text.is_empty()))
        };
        let mut message = text(&["message", "msg", "error_description", "error"])?.to_owned();
        if let Some(hint) = text(&["hint"]) {
            message.push(' ');
            message.push_str(hint);
        }
        Some(Self { code: text(&["error_code", "code"]).map(str::to_owned), message })
    }
}

/// Whether PostgREST said that there is no such table: it is there, took the key, and knows the schema.
/// (42P01 is what its versions before 12.2 passed on from the database.)
pub(super) fn is_no_table(answer: &Answer) -> bool {
    let said = Said::read(answer);
    said.and_then(|said| said.code).is_some_and(|code| matches!(code.as_str(), "PGRST205" | "42P01"))
}

/// What Auth's health says of itself: name and version, of which its builds set one at least
/// (<https://github.com/supabase/auth>, `HealthCheckResponse`). None where it is no such answer.
pub(super) fn auth_version(answer: &Answer) -> Option<String> {
    let health = answer.json()?;
    let text = |name: &str| health.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    match (text("name"), text("version")) {
        (None, None) => None,
        (name, Some(version)) => Some(format!("{} {version}", name.unwrap_or("Auth"))),
        (Some(name), None) => Some(name.to_owned()),
    }
}

/// Whether it is what PostgREST answers for a table that somebody does have: its rows.
pub(super) fn is_rows(answer: &Answer) -> bool {
    answer.json().is_some_and(|json| json.is_array())
}

/// Whether it may be PostgREST's description of what it exposes, which is OpenAPI; one of a large schema is longer
/// than what is read, and its version stands first.
pub(super) fn is_description(answer: &Answer) -> bool {
    if answer.whole {
        let json = answer.json();
        return json.is_some_and(|json| json.get("swagger").or_else(|| json.get("openapi")).is_some());
    }
    answer.body.trim_ascii_start().starts_with(b"{")
}

type Verdict = (Cause, &'static [Cause]);

/// Why a request was refused that was sent with `key` to `place`.
pub(super) fn refused(answer: &Answer, key: Option<&Key>, place: &Place, now: Timestamp) -> Trouble {
    let said = Said::read(answer).unwrap_or_default();
    let code = said.code.clone().unwrap_or_else(|| answer.code());
    let mut message = if said.message.is_empty() {
        let page = if answer.is_page() { " with a page in place of an answer" } else { "" };
        format!("The server answered {}{page}.", answer.status.as_u16())
    } else {
        said.message.clone()
    };
    let verdict = by_platform(answer)
        .or_else(|| by_clock(&said.message))
        .or_else(|| said.code.as_deref().and_then(by_code))
        .or_else(|| by_words(&said.message.to_ascii_lowercase()));
    let (mut cause, mut also) = match verdict {
        Some(verdict) => verdict,
        // A SQLSTATE that PostgREST passes on is the classifier's part.
        None if code.len() == 5 && said.code.is_some() => {
            return Trouble { message, ..Trouble::default() }.code(code);
        }
        None => by_http(answer, key.is_some(), place),
    };
    if cause == Cause::InvalidApiKey
        && let Some(key) = key
    {
        let ended = said.message.to_ascii_lowercase().contains("expired");
        if let Some(objection) = key.objection(place.project.as_deref(), now) {
            message.push(' ');
            message.push_str(&objection);
            if key.ended(now).is_some() {
                also = &[Cause::TokenExpired];
            }
        } else if ended {
            // By our clock it holds, by theirs it has ended.
            (cause, also) = (Cause::ClockSkew, &[Cause::InvalidApiKey, Cause::TokenExpired]);
        }
    }
    let trouble = Trouble::new(cause, message).code(code).also(also).hint(answer.aside());
    let is_login = matches!(
        cause,
        Cause::InvalidApiKey
            | Cause::CredentialsMissing
            | Cause::ClockSkew
            | Cause::AccessRuleDenied
            | Cause::PermissionDenied
    );
    if is_login { trouble.at(Phase::Auth) } else { trouble }
}

/// The statuses that only the platform gives.
fn by_platform(answer: &Answer) -> Option<Verdict> {
    Some(match answer.status.as_u16() {
        402 => (Cause::QuotaExceeded, &[Cause::ServicePaused]),
        429 => (Cause::QuotaExceeded, &[]),
        540 => (Cause::ServicePaused, &[]),
        546 => (Cause::StatementTimeout, &[]),
        // Cloudflare has no origin to ask any more.
        530 => (Cause::ServicePaused, &[Cause::ProjectNotFound, Cause::Unreachable]),
        status @ (520..=527 | 544) => by_status(status),
        _ => return None,
    })
}

/// Cloudflare's statuses, and the gateway's where the database behind it is silent: judged as where somebody pastes
/// them. That the project is paused is always possible: it is then that nothing is behind them.
fn by_status(status: u16) -> Verdict {
    let code = status.to_string();
    let evidence = Evidence { provider: Some(Provider::Supabase), code: Some(&code), ..Evidence::default() };
    match classify(&evidence).cause {
        Cause::ConnectTimeout => (Cause::ConnectTimeout, &[Cause::Unreachable, Cause::ServicePaused]),
        Cause::Unknown | Cause::Unreachable => (Cause::Unreachable, &[Cause::ServicePaused, Cause::ServerStartingUp]),
        cause => (cause, &[Cause::Unreachable, Cause::ServicePaused]),
    }
}

/// A token that is said to be from the future: its code is that of every token that is refused, and the key is good.
fn by_clock(message: &str) -> Option<Verdict> {
    let evidence = Evidence { provider: Some(Provider::Supabase), text: message, ..Evidence::default() };
    (classify(&evidence).cause == Cause::ClockSkew).then_some((Cause::ClockSkew, &[Cause::InvalidApiKey]))
}

/// PostgREST's codes, and those of Auth that are about the key.
fn by_code(code: &str) -> Option<Verdict> {
    Some(match code {
        "PGRST000" | "PGRST001" => (Cause::Unreachable, &[Cause::ServerStartingUp, Cause::TooManyConnections]),
        "PGRST002" => (Cause::ServerStartingUp, &[Cause::Unreachable]),
        "PGRST003" => (Cause::PoolExhausted, &[Cause::TooManyConnections]),
        "PGRST106" => (Cause::ApiNotEnabled, &[]),
        "PGRST300" => (Cause::DriverMisconfigured, &[]),
        "PGRST301" | "PGRST303" | "bad_jwt" | "no_authorization" => (Cause::InvalidApiKey, &[Cause::TokenInvalid]),
        "PGRST302" => (Cause::CredentialsMissing, &[]),
        "over_request_rate_limit" => (Cause::QuotaExceeded, &[]),
        "request_timeout" => (Cause::StatementTimeout, &[]),
        _ => return None,
    })
}

/// What the gateway has no code for.
fn by_words(message: &str) -> Option<Verdict> {
    let says = |words: &str| message.contains(words);
    Some(if says("paused") {
        (Cause::ServicePaused, &[])
    } else if says("project not found") || says("project does not exist") {
        (Cause::ProjectNotFound, &[Cause::ServicePaused])
    } else if says("no api key") {
        (Cause::CredentialsMissing, &[])
    } else if says("api key") || says("invalid authentication credentials") {
        (Cause::InvalidApiKey, &[])
    } else if says("no route matched") {
        (Cause::ApiNotEnabled, &[Cause::InvalidConnectionString])
    } else if says("schema cache") {
        (Cause::ServerStartingUp, &[Cause::Unreachable])
    } else {
        return None;
    })
}

/// Where there is nothing but the status of HTTP.
fn by_http(answer: &Answer, has_key: bool, place: &Place) -> Verdict {
    match answer.status.as_u16() {
        401 if has_key => (Cause::InvalidApiKey, &[]),
        401 => (Cause::CredentialsMissing, &[]),
        // Cloudflare refuses addresses with a page, Supabase roles with JSON.
        403 if answer.is_page() => (Cause::AccessRuleDenied, &[]),
        403 => (Cause::PermissionDenied, &[Cause::InvalidApiKey]),
        404 if place.project.is_some() => (Cause::ProjectNotFound, &[Cause::ServicePaused]),
        408 | 504 => (Cause::StatementTimeout, &[Cause::Unreachable]),
        // A network that asks for a sign-in answers in everyone's place.
        511 => (Cause::WrongProtocol, &[]),
        500..=599 => (Cause::Unreachable, &[Cause::ServerStartingUp]),
        _ => (Cause::WrongProtocol, &[Cause::InvalidConnectionString]),
    }
}

/// An answer that is none of Supabase's.
pub(super) fn foreign(answer: &Answer) -> Trouble {
    let page = if answer.is_page() { "a page for people" } else { "something else" };
    let message = format!("The address answers with {page}, and not like Supabase's API.");
    Trouble::new(Cause::WrongProtocol, message).also(&[Cause::InvalidConnectionString])
}

/// What the pooler's errors come down to: Supavisor gives all of them the SQLSTATE XX000 and puts a code of its
/// own before the words, as in `(EADDRNOTALLOWED) address not in tenant allow_list`; its older versions have
/// the words only.
pub(super) fn of_pooler(mut trouble: Trouble) -> Trouble {
    let code = trouble.message.split_once('(').and_then(|(_, rest)| rest.split_once(')')).map(|(code, _)| code);
    let says = |words: &str| trouble.message.to_ascii_lowercase().contains(words);
    let verdict: Option<Verdict> = match code {
        Some("ENOTFOUND") => Some((Cause::PoolerTenantNotFound, &[])),
        Some("EADDRNOTALLOWED") => Some((Cause::AccessRuleDenied, &[])),
        Some("ECIRCUITBREAKER") => Some((Cause::HostBlocked, &[Cause::AuthWrongPassword])),
        Some("ECHECKOUTTIMEOUT") => Some((Cause::TooManyConnections, &[Cause::PoolExhausted])),
        Some("ESSLREQUIRED") => Some((Cause::TlsRequired, &[])),
        Some(code) if code.starts_with("EMAX") => Some((Cause::TooManyConnections, &[])),
        _ if says("tenant or user not found") => Some((Cause::PoolerTenantNotFound, &[])),
        _ if says("max clients") || says("maxclients") => Some((Cause::TooManyConnections, &[])),
        _ if says("check out connection from the pool") => Some((Cause::TooManyConnections, &[Cause::PoolExhausted])),
        _ if says("too many authentication errors") => Some((Cause::HostBlocked, &[Cause::AuthWrongPassword])),
        _ => None,
    };
    if let Some((cause, also)) = verdict {
        trouble.cause = Some(cause);
        trouble.also = also.to_vec();
    }
    trouble
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, StatusCode};
    use serde_json::json;

    use super::{super::key::tests::token, *};

    const NOW: Timestamp = Timestamp::from_micros(1_900_000_000_000_000);

    fn answer(status: u16, body: &str) -> Answer {
        let status = StatusCode::from_u16(status).expect("a status");
        Answer { status, headers: HeaderMap::new(), body: body.to_owned().into(), whole: true }
    }

    fn hosted() -> Place {
        Place { project: Some("abcdefghijklmnopqrst".to_owned()) }
    }

    fn key(exp: i64) -> Key {
        let token = token(&json!({"ref": "abcdefghijklmnopqrst", "role": "anon", "exp": exp}));
        Key::read("anon key", &token).expect("a key")
    }

    #[test]
    fn statuses_codes_and_bodies_have_their_cause() {
        let key = key(2_000_000_000);
        for (status, body, cause) in [
            (540, "", Cause::ServicePaused),
            (540, r#"{"message":"Project paused"}"#, Cause::ServicePaused),
            (402, r#"{"message":"exceed_egress_quota"}"#, Cause::QuotaExceeded),
            (429, "", Cause::QuotaExceeded),
            (511, "<html>Sign in to the airport's network</html>", Cause::WrongProtocol),
            (530, "error code: 1016", Cause::ServicePaused),
            (
                401,
                r#"{"message":"Invalid API key","hint":"Double check your Supabase `anon` or `service_role` API key."}"#,
                Cause::InvalidApiKey,
            ),
            (
                401,
                r#"{"message":"Legacy API keys are disabled","hint":"Your legacy API keys were disabled."}"#,
                Cause::InvalidApiKey,
            ),
            (401, r#"{"message":"No API key found in request"}"#, Cause::CredentialsMissing),
            (401, r#"{"message":"Invalid authentication credentials"}"#, Cause::InvalidApiKey),
            (
                401,
                r#"{"code":"PGRST301","message":"No suitable key was found to decode the JWT"}"#,
                Cause::InvalidApiKey,
            ),
            (401, "", Cause::InvalidApiKey),
            (
                503,
                r#"{"code":"PGRST002","message":"Could not query the database for the schema cache. Retrying."}"#,
                Cause::ServerStartingUp,
            ),
            (
                503,
                r#"{"code":"PGRST000","message":"Database connection error. Retrying the connection."}"#,
                Cause::Unreachable,
            ),
            (
                504,
                r#"{"code":"PGRST003","message":"Timed out acquiring connection from connection pool."}"#,
                Cause::PoolExhausted,
            ),
            (406, r#"{"code":"PGRST106","message":"Invalid schema: public"}"#, Cause::ApiNotEnabled),
            (403, "<html>Attention Required! | Cloudflare</html>", Cause::AccessRuleDenied),
            (404, "<html></html>", Cause::ProjectNotFound),
            (404, r#"{"message":"no Route matched with those values"}"#, Cause::ApiNotEnabled),
            (503, r#"{"message":"name resolution failed"}"#, Cause::Unreachable),
            (502, "", Cause::Unreachable),
            (418, "", Cause::WrongProtocol),
        ] {
            let trouble = refused(&answer(status, body), Some(&key), &hosted(), NOW);
            assert_eq!(trouble.cause, Some(cause), "{status} {body}");
            assert!(!trouble.message.is_empty() && trouble.code.is_some(), "{trouble:?}");
        }
        // What PostgREST passes on from the database is left to those who know SQLSTATEs.
        let full = answer(500, r#"{"code":"53300","message":"sorry, too many clients already"}"#);
        let trouble = refused(&full, Some(&key), &hosted(), NOW);
        assert_eq!((trouble.cause, trouble.code.as_deref()), (None, Some("53300")));
        assert_eq!(
            refused(&answer(404, ""), Some(&key), &Place { project: None }, NOW).cause,
            Some(Cause::WrongProtocol)
        );
        assert_eq!(refused(&answer(401, ""), None, &hosted(), NOW).cause, Some(Cause::CredentialsMissing));
    }

    #[test]
    fn a_status_means_the_same_seen_and_pasted() {
        for status in [520, 521, 522, 523, 524, 525, 526, 527, 540, 544] {
            let code = status.to_string();
            let evidence = Evidence { provider: Some(Provider::Supabase), code: Some(&code), ..Evidence::default() };
            let told = Some(classify(&evidence).cause).filter(|cause| *cause != Cause::Unknown);
            let seen = refused(&answer(status, "<html></html>"), None, &hosted(), NOW);
            assert_eq!(seen.cause, told.or(Some(Cause::Unreachable)), "{status}");
            assert!(seen.also.contains(&Cause::ServicePaused) || status == 540, "{status}");
            assert_eq!(seen.hint.is_some(), (520..=527).contains(&status), "{status}");
        }
    }

    #[test]
    fn when_to_come_again_is_told() {
        for (value, says) in [
            ("30", Some("wait 30 seconds")),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some("until Sun, 06 Nov 1994 08:49:37 GMT")),
            ("soon", None),
        ] {
            let mut busy = answer(429, "");
            busy.headers.insert("retry-after", value.parse().expect("a header"));
            let trouble = refused(&busy, None, &hosted(), NOW);
            assert_eq!(trouble.cause, Some(Cause::QuotaExceeded));
            let hint = trouble.hint.unwrap_or_default();
            assert!(hint.contains(says.unwrap_or_default()) && hint.is_empty() == says.is_none(), "{value}: {hint}");
        }
    }

    #[test]
    fn what_the_key_says_explains_its_refusal() {
        let invalid = answer(401, r#"{"message":"Invalid API key"}"#);
        let over = refused(&invalid, Some(&key(1_800_000_000)), &hosted(), NOW);
        assert_eq!((over.cause, over.also.as_slice()), (Some(Cause::InvalidApiKey), &[Cause::TokenExpired][..]));
        assert!(over.message.contains("2027-01-15"), "{}", over.message);
        let elsewhere = Place { project: Some("zzzzzzzzzzzzzzzzzzzz".to_owned()) };
        let foreign = refused(&invalid, Some(&key(2_000_000_000)), &elsewhere, NOW);
        assert!(foreign.message.contains("abcdefghijklmnopqrst"), "{}", foreign.message);
        let expired = answer(401, r#"{"code":"PGRST303","message":"JWT expired"}"#);
        assert_eq!(refused(&expired, Some(&key(2_000_000_000)), &hosted(), NOW).cause, Some(Cause::ClockSkew));
        // The code is that of a token that is refused for any reason; a key that is over stays one.
        for code in ["PGRST303", "PGRST301", "bad_jwt"] {
            let early = answer(401, &json!({"code": code, "message": "JWT issued at future"}).to_string());
            let found = refused(&early, Some(&key(2_000_000_000)), &hosted(), NOW);
            assert_eq!((found.cause, found.phase), (Some(Cause::ClockSkew), Some(Phase::Auth)), "{code}");
            assert_eq!(found.also, [Cause::InvalidApiKey]);
        }
        let late = refused(&expired, Some(&key(1_800_000_000)), &hosted(), NOW);
        assert_eq!(late.cause, Some(Cause::InvalidApiKey));
    }

    #[test]
    fn no_such_table_is_an_answer() {
        assert!(is_no_table(&answer(404, r#"{"code":"PGRST205","message":"Could not find the table"}"#)));
        assert!(is_no_table(&answer(404, r#"{"code":"42P01","message":"relation does not exist"}"#)));
        assert!(!is_no_table(&answer(404, "<html></html>")));
        assert!(!is_no_table(&answer(404, r#"{"message":"no Route matched with those values"}"#)));
    }

    #[test]
    fn not_every_json_is_an_answer_of_theirs() {
        for body in ["{}", "[]", "null", "\"x\"", "true", r#"{"error":"nope"}"#, r#"{"version":7,"name":""}"#] {
            let answer = answer(200, body);
            assert_eq!(auth_version(&answer), None, "{body}");
            assert_eq!(is_rows(&answer), body == "[]", "{body}");
            assert!(!is_description(&answer), "{body}");
        }
        for (body, version) in [
            (r#"{"version":"v2.177.0","name":"GoTrue","description":"x"}"#, "GoTrue v2.177.0"),
            (r#"{"version":"v2.177.0"}"#, "Auth v2.177.0"),
            (r#"{"version":"","name":"GoTrue"}"#, "GoTrue"),
        ] {
            assert_eq!(auth_version(&answer(200, body)).as_deref(), Some(version));
        }
        assert!(is_description(&answer(200, r#"{"swagger":"2.0","paths":{}}"#)));
        let begun = Answer { whole: false, ..answer(200, r#"{"swagger":"2.0","pat"#) };
        assert!(is_description(&begun));
    }

    #[test]
    fn the_poolers_own_codes_are_read() {
        for (message, cause) in [
            ("FATAL: Tenant or user not found", Some(Cause::PoolerTenantNotFound)),
            ("FATAL: (ENOTFOUND) tenant/user postgres.abc not found", Some(Cause::PoolerTenantNotFound)),
            ("FATAL: (EADDRNOTALLOWED) address not in tenant allow_list: {1, 2, 3, 4}", Some(Cause::AccessRuleDenied)),
            ("FATAL: (EMAXCONNSESSION) max clients reached in session mode", Some(Cause::TooManyConnections)),
            ("FATAL: MaxClientsInSessionMode: max clients reached", Some(Cause::TooManyConnections)),
            ("FATAL: (ECIRCUITBREAKER) too many authentication errors", Some(Cause::HostBlocked)),
            ("FATAL: (ECHECKOUTTIMEOUT) unable to check out connection from the pool", Some(Cause::TooManyConnections)),
            ("FATAL: unable to check out connection from the pool due to timeout", Some(Cause::TooManyConnections)),
            ("FATAL: password authentication failed for user \"postgres\"", None),
        ] {
            let trouble = of_pooler(Trouble { message: message.to_owned(), ..Trouble::default() });
            assert_eq!(trouble.cause, cause, "{message}");
        }
    }
}
