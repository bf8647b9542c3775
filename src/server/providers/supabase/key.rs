//! The API keys of Supabase, as they are sent and as far as they say what they are: the old ones are tokens
//! with a role, a project and an end, the new ones tell only by their first letters
//! (<https://supabase.com/docs/guides/api/api-keys>). What a key says is not verified: that is the service's
//! part.

use http::HeaderValue;

use crate::{
    connections::settings::{KeyFacts, KeyRole},
    probe::{Cause, Phase},
    server::providers::{
        http::{Ask, secret_header},
        trouble::Trouble,
    },
    timestamp::Timestamp,
};

/// One key.
#[derive(Debug)]
pub(super) struct Key {
    header: HeaderValue,
    /// Old keys are tokens, which are also sent as such; of new ones that would be an error.
    bearer: Option<HeaderValue>,
    name: &'static str,
    facts: KeyFacts,
}

impl Key {
    /// Reads a key; `field` says where it stands.
    pub fn read(field: &str, text: &str) -> Result<Self, Trouble> {
        let text = text.trim();
        let header = |prefix: &str| {
            secret_header(prefix, text).ok_or_else(|| {
                let message = format!("The {field} has characters that no key has.");
                Trouble::new(Cause::InvalidApiKey, message).at(Phase::Auth)
            })
        };
        let facts = KeyFacts::of(text);
        let is_new = text.starts_with("sb_");
        let name = match facts.role {
            Some(KeyRole::Anon) if is_new => "publishable key",
            Some(KeyRole::ServiceRole) if is_new => "secret key",
            Some(KeyRole::Anon) => "anon key",
            Some(KeyRole::ServiceRole) => "service_role key",
            None => "API key",
        };
        let is_token = !is_new && text.split('.').count() == 3;
        let bearer = if is_token { Some(header("Bearer ")?) } else { None };
        Ok(Self { header: header("")?, bearer, name, facts })
    }

    /// The request with this key.
    pub fn sign(&self, ask: Ask) -> Ask {
        let ask = ask.with("apikey", self.header.clone());
        match &self.bearer {
            Some(bearer) => ask.with("authorization", bearer.clone()),
            None => ask,
        }
    }

    /// Whether it passes by row-level security.
    pub fn is_secret(&self) -> bool {
        self.facts.role == Some(KeyRole::ServiceRole)
    }

    /// What it is, in a few words.
    pub fn describe(&self) -> String {
        match self.facts.expires_at {
            Some(end) => format!("{} until {}", self.name, day(end)),
            None => self.name.to_owned(),
        }
    }

    /// When it ended, where that has passed.
    pub fn ended(&self, now: Timestamp) -> Option<Timestamp> {
        self.facts.expires_at.filter(|end| *end <= now)
    }

    /// What stands against the key by what it says itself, for `project`.
    pub fn objection(&self, project: Option<&str>, now: Timestamp) -> Option<String> {
        match (self.facts.project.as_deref(), project) {
            (Some(theirs), Some(ours)) if theirs != ours => {
                Some(format!("The key belongs to the project {theirs}, and the address to {ours}."))
            }
            _ => self.ended(now).map(|end| format!("The key ended on {}.", day(end))),
        }
    }
}

/// `2026-08-22`.
fn day(at: Timestamp) -> String {
    at.utc().split(' ').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
impl Key {
    /// The key as it is sent.
    pub const fn header(&self) -> &HeaderValue {
        &self.header
    }
}

#[cfg(test)]
pub(super) mod tests {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    pub fn token(claims: &Value) -> String {
        let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.c2lnbmF0dXJl", part(&json!({"alg": "HS256", "typ": "JWT"})), part(claims))
    }

    fn read(text: &str) -> Key {
        Key::read("anon key", text).expect("a key")
    }

    #[test]
    fn a_key_says_what_it_is() {
        let anon = token(&json!({"iss": "supabase", "ref": "abc", "role": "anon", "iat": 1, "exp": 2_000_000_000}));
        let service = token(&json!({"iss": "supabase", "ref": "abc", "role": "service_role", "exp": 2_000_000_000}));
        for (text, words, secret, bearer) in [
            (anon.as_str(), "anon key until 2033-05-18", false, true),
            (&service, "service_role key until 2033-05-18", true, true),
            ("sb_publishable_abc", "publishable key", false, false),
            ("sb_secret_abc", "secret key", true, false),
            ("an-own-key", "API key", false, false),
            ("a.b.c", "API key", false, true),
        ] {
            let key = read(text);
            assert_eq!((key.describe().as_str(), key.is_secret(), key.bearer.is_some()), (words, secret, bearer));
            assert!(!format!("{key:?}").contains(text), "{key:?}");
        }
    }

    #[test]
    fn what_stands_against_a_key_is_said() {
        let now = Timestamp::from_micros(0).plus_seconds(1_900_000_000);
        let fresh = read(&token(&json!({"ref": "abc", "role": "anon", "exp": 2_000_000_000})));
        let over = read(&token(&json!({"ref": "abc", "role": "anon", "exp": 1_800_000_000})));
        assert_eq!(fresh.objection(Some("abc"), now), None);
        assert_eq!(fresh.objection(None, now), None);
        assert!(fresh.objection(Some("xyz"), now).is_some_and(|words| words.contains("abc") && words.contains("xyz")));
        assert_eq!(over.objection(Some("abc"), now).as_deref(), Some("The key ended on 2027-01-15."));
        assert!(over.ended(now).is_some() && fresh.ended(now).is_none());
    }

    #[test]
    fn a_key_that_cannot_be_sent_is_refused() {
        for text in ["a\nb", "a\u{0}b", "\u{7f}"] {
            let refused = Key::read("anon key", text).expect_err("no header");
            assert_eq!(refused.cause, Some(Cause::InvalidApiKey), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_judged_without_panic(text in ".{0,120}", exp: i64) {
            let _ = Key::read("anon key", &text);
            let _ = read(&token(&json!({"role": "anon", "exp": exp}))).describe();
        }
    }
}
