//! What the headers of a request ask for: the shape of the answer, `Prefer`, `Range`, the schema.

use axum::http::{HeaderMap, HeaderName, Method, StatusCode, header};

use crate::server::wire::WireError;

const ACCEPT_PROFILE: HeaderName = HeaderName::from_static("accept-profile");
const CONTENT_PROFILE: HeaderName = HeaderName::from_static("content-profile");
const RANGE_UNIT: HeaderName = HeaderName::from_static("range-unit");
const PREFER: HeaderName = HeaderName::from_static("prefer");

/// What the answer looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Exactly one object (`.single()`) instead of a list.
    pub one: bool,
    /// Without the keys whose value is null.
    pub nulls_stripped: bool,
}

impl Shape {
    /// From `Accept`; the first media type that can be answered.
    ///
    /// # Errors
    ///
    /// 406 with `PGRST107`, where none can.
    pub fn parse(headers: &HeaderMap) -> Result<Self, WireError> {
        let accepted: Vec<&str> =
            headers.get_all(header::ACCEPT).iter().map(|value| value.to_str().unwrap_or_default()).collect();
        let accepted = accepted.join(",");
        if accepted.trim().is_empty() {
            return Ok(Self { one: false, nulls_stripped: false });
        }
        accepted.split(',').find_map(Self::of_media_type).ok_or_else(|| {
            WireError::new(
                StatusCode::NOT_ACCEPTABLE,
                "PGRST107",
                format!(
                    "None of these media types are available: {}",
                    accepted.escape_default().take(200).collect::<String>()
                ),
            )
        })
    }

    fn of_media_type(text: &str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let one = match parts.next()?.to_ascii_lowercase().as_str() {
            // A browser, or a library that speaks like one, is shown JSON as well.
            "*/*"
            | "text/html"
            | "application/*"
            | "application/json"
            | "application/vnd.pgrst.array+json"
            | "application/vnd.pgrst.array" => false,
            "application/vnd.pgrst.object+json" | "application/vnd.pgrst.object" => true,
            _ => return None,
        };
        Some(Self { one, nulls_stripped: parts.any(|parameter| parameter == "nulls=stripped") })
    }

    /// The media type of the answer.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match (self.one, self.nulls_stripped) {
            (true, false) => "application/vnd.pgrst.object+json; charset=utf-8",
            (true, true) => "application/vnd.pgrst.object+json; nulls=stripped; charset=utf-8",
            (false, false) => "application/json; charset=utf-8",
            (false, true) => "application/vnd.pgrst.array+json; nulls=stripped; charset=utf-8",
        }
    }
}

/// What a write answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Return {
    /// Nothing: `return=minimal`.
    #[default]
    Minimal,
    /// Nothing but `Location`: `return=headers-only`.
    HeadersOnly,
    /// The rows: `return=representation`.
    Representation,
}

/// What `Prefer` asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Preferences {
    /// `count=exact`. `planned` and `estimated` allow a guess, and get the exact number too.
    pub count: bool,
    /// What a write answers.
    pub answer: Return,
    /// `missing=default`: a column that an object leaves out gets its default instead of null.
    pub missing_default: bool,
    /// `max-affected=…`, which counts together with `handling=strict`.
    pub max_affected: Option<u32>,
}

impl Preferences {
    /// From the headers. What is not known is passed over, unless `handling=strict` asks for an error.
    ///
    /// # Errors
    ///
    /// 400 with `PGRST122` for what is unknown under `handling=strict`, and for an upsert, which must not pass for
    /// an insert.
    pub fn parse(headers: &HeaderMap) -> Result<Self, WireError> {
        let mut preferences = Self::default();
        let mut strict = false;
        let mut unknown = Vec::new();
        let sent = headers.get_all(PREFER).iter().filter_map(|value| value.to_str().ok());
        for preference in sent.flat_map(|value| value.split(',')).map(str::trim).filter(|text| !text.is_empty()) {
            match preference {
                "count=exact" | "count=planned" | "count=estimated" => preferences.count = true,
                "return=minimal" => preferences.answer = Return::Minimal,
                "return=headers-only" => preferences.answer = Return::HeadersOnly,
                "return=representation" => preferences.answer = Return::Representation,
                "missing=default" => preferences.missing_default = true,
                "missing=null" => preferences.missing_default = false,
                "handling=strict" => strict = true,
                // What happens anyway.
                "handling=lenient" | "tx=commit" => {}
                "resolution=merge-duplicates" | "resolution=ignore-duplicates" => {
                    return Err(WireError::new(StatusCode::BAD_REQUEST, "PGRST122", "Upserts are not served.")
                        .details(format!("Prefer: {preference}"))
                        .hint("Insert with POST, change with PATCH."));
                }
                other => match other.strip_prefix("max-affected=").and_then(|rows| rows.parse().ok()) {
                    Some(rows) => preferences.max_affected = Some(rows),
                    None => unknown.push(other),
                },
            }
        }
        if !strict {
            preferences.max_affected = None;
        } else if !unknown.is_empty() {
            return Err(WireError::new(
                StatusCode::BAD_REQUEST,
                "PGRST122",
                "Invalid preferences given with handling=strict",
            )
            .details(format!(
                "Invalid preferences: {}",
                unknown.join(", ").escape_default().take(200).collect::<String>()
            )));
        }
        Ok(preferences)
    }

    /// `Preference-Applied`, where something was.
    #[must_use]
    pub fn applied(&self, wrote: bool) -> Option<String> {
        let mut applied = Vec::new();
        if wrote {
            match self.answer {
                Return::Minimal => {}
                Return::HeadersOnly => applied.push("return=headers-only"),
                Return::Representation => applied.push("return=representation"),
            }
            if self.missing_default {
                applied.push("missing=default");
            }
        }
        if self.count {
            applied.push("count=exact");
        }
        (!applied.is_empty()).then(|| applied.join(", "))
    }
}

/// `Range: 5-9` as `(5, Some(9))`; none where it says nothing about rows.
///
/// # Errors
///
/// 400 with `PGRST100` where it cannot be read, 416 with `PGRST103` where it ends before it begins.
pub fn range(headers: &HeaderMap) -> Result<Option<(u32, Option<u32>)>, WireError> {
    let in_rows = headers.get(RANGE_UNIT).is_none_or(|unit| unit == "items");
    let Some(range) = headers.get(header::RANGE).filter(|_| in_rows) else { return Ok(None) };
    let wrong = || WireError::new(StatusCode::BAD_REQUEST, "PGRST100", "The Range header is not of the form `0-9`.");
    let text = range.to_str().map_err(|_| wrong())?;
    let (first, last) = text.strip_prefix("items=").unwrap_or(text).split_once('-').ok_or_else(wrong)?;
    let first: u32 = first.trim().parse().map_err(|_| wrong())?;
    let last: Option<u32> = if last.trim().is_empty() { None } else { Some(last.trim().parse().map_err(|_| wrong())?) };
    if last.is_some_and(|last| last < first) {
        return Err(WireError::new(StatusCode::RANGE_NOT_SATISFIABLE, "PGRST103", "Requested range not satisfiable")
            .details("The lower boundary must be lower than or equal to the upper boundary in the Range header."));
    }
    Ok(Some((first, last)))
}

/// There is one schema, and a request that names one must name that.
///
/// # Errors
///
/// 406 with `PGRST106` for any other.
pub fn check_profile(method: &Method, headers: &HeaderMap) -> Result<(), WireError> {
    let name = if matches!(*method, Method::GET | Method::HEAD) { ACCEPT_PROFILE } else { CONTENT_PROFILE };
    match headers.get(name) {
        Some(schema) if schema != "public" => Err(WireError::new(
            StatusCode::NOT_ACCEPTABLE,
            "PGRST106",
            format!("Invalid schema: {}", String::from_utf8_lossy(schema.as_bytes()).escape_default()),
        )
        .hint("Only the following schemas are exposed: public")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().expect("a value"))).collect()
    }

    #[test]
    fn the_shape_is_the_first_that_can_be_answered() {
        for (accept, one, nulls_stripped) in [
            ("", false, false),
            ("*/*", false, false),
            ("application/json", false, false),
            ("text/csv, application/vnd.pgrst.object+json", true, false),
            ("application/vnd.pgrst.object+json;nulls=stripped", true, true),
            ("application/vnd.pgrst.array+json; nulls=stripped", false, true),
        ] {
            let shape = Shape::parse(&headers(&[("accept", accept)])).expect(accept);
            assert_eq!((shape.one, shape.nulls_stripped), (one, nulls_stripped), "{accept}");
        }
        assert!(Shape::parse(&headers(&[("accept", "text/csv")])).is_err());
    }

    #[test]
    fn preferences_are_read_and_upserts_refused() {
        let read = |text| Preferences::parse(&headers(&[("prefer", text)]));
        assert_eq!(read(""), Ok(Preferences::default()));
        let all = read("return=representation, count=exact,missing=default,unheard=of").expect("preferences");
        assert_eq!((all.answer, all.count, all.missing_default), (Return::Representation, true, true));
        assert_eq!(all.applied(true).as_deref(), Some("return=representation, missing=default, count=exact"));
        assert!(read("resolution=merge-duplicates").is_err());
        assert!(read("handling=strict, unheard=of").is_err());
        assert_eq!(read("handling=strict,max-affected=2").map(|read| read.max_affected), Ok(Some(2)));
        assert_eq!(read("max-affected=2").map(|read| read.max_affected), Ok(None));
    }

    #[test]
    fn a_range_counts_rows() {
        for (text, wanted) in [("0-9", Some((0, Some(9)))), ("5-", Some((5, None))), ("items=2-2", Some((2, Some(2))))]
        {
            assert_eq!(range(&headers(&[("range", text)])), Ok(wanted), "{text}");
        }
        assert_eq!(range(&headers(&[("range", "bytes=0-1"), ("range-unit", "bytes")])), Ok(None));
        for text in ["9-0", "a-b", "-5", "5", "0-99999999999"] {
            assert!(range(&headers(&[("range", text)])).is_err(), "{text}");
        }
    }
}
