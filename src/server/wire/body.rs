//! Bodies of requests: JSON, read strictly. A key that occurs twice is refused, since whoever looked at the
//! request before us may have gone by the other one.

use axum::{
    body::Bytes,
    extract::rejection::BytesRejection,
    http::{HeaderMap, HeaderValue, StatusCode, header},
};
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::WireError;

/// What can be wrong with a body, by the code that the route has for it.
#[derive(Clone, Copy, Debug)]
pub struct Codes {
    /// It is no JSON.
    pub malformed: &'static str,
    /// It is another kind of content.
    pub not_json: &'static str,
}

/// Reads a body as JSON; none where it is empty. The content type may be missing.
///
/// # Errors
///
/// 413 where it is larger than the router takes, 415 where its type is another or it is compressed, 400 where it is
/// no JSON.
pub fn read_json(
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
    codes: Codes,
) -> Result<Option<Value>, WireError> {
    let body = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            WireError::new(StatusCode::PAYLOAD_TOO_LARGE, codes.malformed, "The body is larger than is taken here.")
        }
        _ => WireError::new(StatusCode::BAD_REQUEST, codes.malformed, "The body ended early or could not be read."),
    })?;
    if body.trim_ascii().is_empty() {
        return Ok(None);
    }
    if headers.get_all(header::CONTENT_ENCODING).iter().any(|encoding| !is_identity(encoding)) {
        return Err(WireError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            codes.not_json,
            "The body is compressed; it is taken as it is.",
        )
        .hint("Send it without Content-Encoding."));
    }
    if let Some(kind) = headers.get(header::CONTENT_TYPE)
        && !kind.to_str().is_ok_and(is_json)
    {
        let kind: String = String::from_utf8_lossy(kind.as_bytes()).escape_default().take(100).collect();
        return Err(WireError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            codes.not_json,
            format!("Content-Type not acceptable: {kind}"),
        )
        .hint("Send JSON as application/json."));
    }
    parse(&body).map(Some).map_err(|error| {
        WireError::new(StatusCode::BAD_REQUEST, codes.malformed, "The body is not JSON that can be taken.")
            .details(error.to_string())
    })
}

fn is_identity(encoding: &HeaderValue) -> bool {
    encoding.is_empty() || encoding.as_bytes().eq_ignore_ascii_case(b"identity")
}

fn is_json(kind: &str) -> bool {
    let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence.is_empty()
        || essence == "application/json"
        || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// JSON without keys that occur twice.
///
/// # Errors
///
/// Says where in the text it stops being that, and nothing of the text.
pub fn parse(text: &[u8]) -> Result<Value, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let Strict(value) = Strict::deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Strict(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some((key, Strict(value))) = entries.next_entry::<String, _>()? {
            if object.insert(key, value).is_some() {
                return Err(A::Error::custom("a key occurs twice in one object"));
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const CODES: Codes = Codes { malformed: "a", not_json: "b" };

    #[test]
    fn a_content_type_may_be_missing_but_not_another() {
        let read = |kind: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, kind.parse().expect("a value"));
            read_json(&headers, Ok(Bytes::from_static(b"{}")), CODES)
        };
        assert_eq!(read_json(&HeaderMap::new(), Ok(Bytes::from_static(b" \n")), CODES), Ok(None));
        for kind in ["application/json", "Application/JSON; charset=utf-8", "application/vnd.pgrst.object+json", ""] {
            assert_eq!(read(kind), Ok(Some(json!({}))), "{kind}");
        }
        for kind in ["text/plain", "text/csv", "application/x-www-form-urlencoded", "multipart/form-data"] {
            assert!(read(kind).is_err(), "{kind}");
        }
    }

    #[test]
    fn a_compressed_body_is_refused_as_such() {
        let read = |encoding: &'static str, body: &'static [u8]| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
            read_json(&headers, Ok(Bytes::from_static(body)), CODES).map_err(|error| error.status())
        };
        for encoding in ["gzip", "br", "identity, gzip"] {
            assert_eq!(read(encoding, b"\x1f\x8b"), Err(StatusCode::UNSUPPORTED_MEDIA_TYPE), "{encoding}");
            assert_eq!(read(encoding, b"{}"), Err(StatusCode::UNSUPPORTED_MEDIA_TYPE), "{encoding}");
        }
        assert_eq!(read("Identity", b"{}"), Ok(Some(json!({}))));
        assert_eq!(read("gzip", b""), Ok(None));
    }

    #[test]
    fn what_is_no_json_is_refused() {
        let deep = "[".repeat(10_000);
        for text in [r#"{"a":1,"a":2}"#, r#"[{"a":{"b":1,"b":1}}]"#, r#"{"a":"#, "{} {}", "nul", "1e999", &deep] {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
        assert!(parse(b"{\"a\":\"\xff\"}").is_err());
        assert_eq!(parse(br#"{"a":1,"b":{"a":[null,true,-1.5,"x"]}}"#).expect("JSON")["b"]["a"][2], json!(-1.5));
    }

    proptest! {
        #[test]
        fn never_panics(text in proptest::collection::vec(any::<u8>(), 0..100)) {
            drop(parse(&text));
        }
    }
}
