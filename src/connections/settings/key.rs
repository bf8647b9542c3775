//! What a Supabase key says about itself. Nothing is verified: only Supabase could do that. It is read to
//! tell which key was pasted into which field, and when it ends.

use serde_json::Value;

use crate::timestamp::Timestamp;

/// What a key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyRole {
    /// What any browser may have: row-level security stands behind it.
    Anon,
    /// Passes row-level security by.
    ServiceRole,
}

/// What a key says about itself; what it does not say is absent.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct KeyFacts {
    /// The role.
    pub role: Option<KeyRole>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// The project that it is for.
    pub project: Option<String>,
}

impl KeyFacts {
    /// Reads a key: `sb_publishable_…` and `sb_secret_…`, or a JWT with `role`, `exp` and `ref`.
    /// Source: Supabase, "Understanding API keys".
    #[must_use]
    pub fn of(key: &str) -> Self {
        let key = key.trim();
        if key.starts_with("sb_publishable_") {
            return Self { role: Some(KeyRole::Anon), ..Self::default() };
        }
        if key.starts_with("sb_secret_") {
            return Self { role: Some(KeyRole::ServiceRole), ..Self::default() };
        }
        let mut parts = key.split('.');
        let (Some(_), Some(claims), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
            return Self::default();
        };
        let Some(claims) = base64(claims).and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok()) else {
            return Self::default();
        };
        Self {
            role: match claims.get("role").and_then(Value::as_str) {
                Some("anon") => Some(KeyRole::Anon),
                Some("service_role") => Some(KeyRole::ServiceRole),
                _ => None,
            },
            expires_at: claims
                .get("exp")
                .and_then(Value::as_i64)
                .and_then(|seconds| seconds.checked_mul(1_000_000))
                .map(Timestamp::from_micros),
            project: claims.get("ref").and_then(Value::as_str).map(str::to_owned),
        }
    }
}

/// Decodes both alphabets of RFC 4648, with or without padding; blanks are passed over. A few lines, so that
/// no crate for it has to travel to the browser.
pub(super) fn base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut buffer, mut bits) = (0u32, 0);
    for byte in text.trim_end_matches(|char: char| char == '=' || char.is_whitespace()).bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            b' ' | b'\n' | b'\r' | b'\t' => continue,
            _ => return None,
        };
        buffer = buffer << 6 | u32::from(value);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(buffer >> bits & 0xff).unwrap_or_default());
        }
    }
    Some(bytes)
}
