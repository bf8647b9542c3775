//! Makes a message fit to be stored and shown: without secrets, without control characters, not too long.

/// Stands where a secret stood.
const MASK: &str = "•••";
/// Characters of a message that are kept.
const MAX_CHARS: usize = 600;
/// Shorter secrets are taken out only where they stand alone: a password `a` would blacken every message.
const SHORT: usize = 4;
/// The digits of base64, and those of its form for URLs.
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const BASE64_URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/// Keys whose value is a secret wherever they stand in a message.
const SECRET_KEYS: [&str; 10] =
    ["password", "passwd", "passphrase", "pwd", "pass", "secret", "token", "api_key", "apikey", "sslkey"];

/// `text` without `secrets` (as they are, percent-encoded and in base64), without the user part of URLs and without
/// the values of `password=` and its like; control and direction-changing characters become spaces, and what
/// exceeds 600 characters is cut.
#[must_use]
pub fn scrub(text: &str, secrets: &[&str]) -> String {
    let mut text = text.to_owned();
    // The longest first, so that one which holds another goes whole.
    let mut forms: Vec<String> = secrets
        .iter()
        .filter(|secret| !secret.is_empty())
        .flat_map(|secret| {
            let plain = [(*secret).to_owned(), percent(secret, true), percent(secret, false)];
            plain.into_iter().chain(in_base64(secret))
        })
        .collect();
    forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
    forms.dedup();
    for form in &forms {
        text = without(&text, form);
    }
    tidy(&without_pairs(&without_userinfo(&text)))
}

/// Percent-encodes all but the unreserved characters of RFC 3986.
pub(crate) fn percent(secret: &str, upper: bool) -> String {
    let digits: &[u8; 16] = if upper { b"0123456789ABCDEF" } else { b"0123456789abcdef" };
    let mut out = String::with_capacity(secret.len());
    for byte in secret.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push('%');
            for digit in [byte >> 4, byte & 15] {
                out.push(digits.get(usize::from(digit)).copied().map_or('0', char::from));
            }
        }
    }
    out
}

/// What base64 makes of `secret` alone, and of whatever holds it (`user:password`): there it stands at one of three
/// places within a group of three bytes, and all but the characters at its ends, which it shares, are the same.
fn in_base64(secret: &str) -> Vec<String> {
    let mut forms = Vec::new();
    for digits in [BASE64, BASE64_URL] {
        let alone = base64(secret.as_bytes(), digits);
        let padding = (4 - alone.len() % 4) % 4;
        forms.push(format!("{alone}{}", "=".repeat(padding)));
        forms.push(alone);
        for before in 0..3 {
            let held = [&[0; 2][..before], secret.as_bytes()].concat();
            let core = base64(&held, digits);
            // Six bits to a character: the first that holds nothing else, and the end of the last that does.
            let own = core.get((before * 8).div_ceil(6)..held.len() * 8 / 6).unwrap_or_default();
            if own.len() >= SHORT {
                forms.push(own.to_owned());
            }
        }
    }
    forms
}

/// Base64 of RFC 4648 without padding. The crate for it is the server's alone, and this is needed in browsers too.
fn base64(bytes: &[u8], digits: &[u8; 64]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let bits = group.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for place in 0..=group.len() {
            let digit = usize::try_from(bits >> (18 - 6 * place) & 63).unwrap_or_default();
            out.push(digits.get(digit).copied().map_or('A', char::from));
        }
    }
    out
}

/// `text` with each `secret` masked.
fn without(text: &str, secret: &str) -> String {
    if secret.chars().count() >= SHORT {
        return text.replace(secret, MASK);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(secret) {
        let (before, found) = rest.split_at(at);
        let after = found.get(secret.len()..).unwrap_or_default();
        out.push_str(before);
        let alone = !out.ends_with(char::is_alphanumeric) && !after.starts_with(char::is_alphanumeric);
        out.push_str(if alone { MASK } else { secret });
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Masks what stands between `://` and the last `@` of the same word.
fn without_userinfo(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, url) = rest.split_at(at + 3);
        out.push_str(before);
        let end = url.find(|c: char| c.is_whitespace() || matches!(c, '"' | '`' | '<' | '>')).unwrap_or(url.len());
        let (word, after) = url.split_at(end);
        match word.rfind('@') {
            Some(host) => {
                out.push_str(MASK);
                out.push_str(word.get(host..).unwrap_or_default());
            }
            None => out.push_str(word),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Masks the values of keys that are secrets, in `key=value`, `key: value` and `"key":"value"`.
fn without_pairs(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    while let Some((from, to)) = next_secret_value(&lower, done) {
        let value = text.get(from..to).unwrap_or_default();
        out.push_str(text.get(done..from).unwrap_or_default());
        // "(using password: YES)" is the server's word, not the password.
        out.push_str(if matches!(value, "YES" | "NO" | "") { value } else { MASK });
        done = to;
    }
    out.push_str(text.get(done..).unwrap_or_default());
    out
}

/// Where the next value of a secret key stands at or after `start`; ASCII lower case keeps the places of bytes.
fn next_secret_value(lower: &str, start: usize) -> Option<(usize, usize)> {
    let mut best: Option<(usize, usize)> = None;
    for key in SECRET_KEYS {
        let mut from = start;
        while let Some(found) = lower.get(from..).and_then(|rest| rest.find(key)) {
            let end = from + found + key.len();
            from = end;
            if best.is_some_and(|(earlier, _)| earlier <= end) {
                break;
            }
            if let Some(value) = lower.get(end..).and_then(value_after) {
                best = Some((end + value.0, end + value.1));
                break;
            }
        }
    }
    best
}

/// Where the value stands in what follows a key: after an optional quote, `=` or `:`, and spaces.
fn value_after(rest: &str) -> Option<(usize, usize)> {
    let unquoted = rest.strip_prefix(['"', '\'']).unwrap_or(rest).trim_start_matches(' ');
    let value = unquoted.strip_prefix(['=', ':'])?;
    if value.starts_with("//") {
        return None;
    }
    let value = value.trim_start_matches(' ');
    let from = rest.len() - value.len();
    if let Some(quote) = value.chars().next().filter(|c| matches!(c, '"' | '\'')) {
        let inner = value.get(1..).unwrap_or_default();
        return Some((from + 1, from + 1 + inner.find(quote).unwrap_or(inner.len())));
    }
    let end = value
        .find(|c: char| c.is_whitespace() || matches!(c, '&' | ';' | ',' | ')' | '}' | ']' | '"' | '\''))
        .unwrap_or(value.len());
    Some((from, from + end))
}

/// One line of visible characters.
fn tidy(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(4 * MAX_CHARS));
    let mut kept = 0;
    let visible = |c: char| {
        let changes_direction =
            matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
        if c.is_control() || changes_direction || c.is_whitespace() { ' ' } else { c }
    };
    for c in text.chars().map(visible) {
        if c == ' ' && (out.is_empty() || out.ends_with(' ')) {
            continue;
        }
        if kept == MAX_CHARS {
            out.push('…');
            return out;
        }
        out.push(c);
        kept += 1;
    }
    out.truncate(out.trim_end().len());
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn secrets_go_in_every_form() {
        for (text, secrets, shown) in [
            ("bad p@ss:word here", &["p@ss:word"][..], "bad ••• here"),
            ("url p%40ss%3aword and p%40ss%3Aword", &["p@ss:word"], "url ••• and •••"),
            ("cannot read postgres://app:s3:c@r@et@db:5432/x", &[], "cannot read postgres://•••@db:5432/x"),
            ("mysql://root@db/x", &[], "mysql://•••@db/x"),
            ("see https://example.org/help", &[], "see https://example.org/help"),
            ("host=db password=hunter2 user=app", &[], "host=db password=••• user=app"),
            ("Password = 'two words' x", &[], "Password = '•••' x"),
            (r#"{"password":"abc","token": "t1", "n":1}"#, &[], r#"{"password":"•••","token": "•••", "n":1}"#),
            ("?sslmode=require&password=a%20b&x=1", &[], "?sslmode=require&password=•••&x=1"),
            (
                "Access denied for user 'a'@'h' (using password: YES)",
                &[],
                "Access denied for user 'a'@'h' (using password: YES)",
            ),
            ("password authentication failed for user \"app\"", &[], "password authentication failed for user \"app\""),
            ("a fatal: at a", &["a"], "••• fatal: at •••"),
            ("got aHVudGVyMg== and aHVudGVyMg.", &["hunter2"], "got ••• and •••."),
            ("got cD8_PnA_IQ or cD8/PnA/IQ==", &["p??>p?!"], "got ••• or •••"),
            ("a word like Hunt is left", &["hunter2"], "a word like Hunt is left"),
            ("line one\n\tline\u{0}two\u{202e}x\u{1b}[31m", &[], "line one line two x [31m"),
            ("", &[""], ""),
        ] {
            assert_eq!(scrub(text, secrets), shown, "{text:?}");
        }
    }

    #[test]
    fn messages_that_are_too_long_are_cut() {
        let cut = scrub(&"é".repeat(2_000), &[]);
        assert_eq!(cut.chars().count(), MAX_CHARS + 1);
        assert!(cut.ends_with('…'));
    }

    proptest! {
        #[test]
        fn a_secret_is_never_left(before in ".{0,40}", secret in "[^\\s•]{4,30}", after in ".{0,40}") {
            prop_assume!(!before.contains(&secret) && !after.contains(&secret));
            let encoded = percent(&secret, true);
            let shown = scrub(&format!("{before} {secret} {encoded} {after}"), &[&secret]);
            prop_assert!(!shown.contains(&secret), "{shown:?}");
        }

        #[test]
        fn a_secret_is_not_left_within_base64(
            before in "[a-z]{0,12}",
            secret in "[!-~]{6,24}",
            after in "[ -~]{0,12}",
            for_urls in any::<bool>(),
        ) {
            use ::base64::{Engine as _, engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD}};

            let whole = format!("{before}:{secret}{after}");
            let encoded = if for_urls { URL_SAFE_NO_PAD.encode(whole) } else { STANDARD.encode(whole) };
            let shown = scrub(&format!("the server said {encoded} !"), &[&secret]);
            prop_assert!(shown.contains(MASK) && !shown.contains(&encoded), "{shown:?}");
            // What is left of each end is less than a byte of the secret beside what stood there.
            let mut left = shown.trim_start_matches("the server said ").trim_end_matches(" !").split(MASK);
            let start = left.next().unwrap_or_default();
            prop_assert!(start.len() * 6 < (before.len() + 1) * 8 + 8, "{shown:?}");
        }

        #[test]
        fn any_text_is_short_and_visible(text in "\\PC{0,300}|.{0,900}", secret in ".{0,5}") {
            let shown = scrub(&text, &[&secret]);
            prop_assert!(shown.chars().count() <= MAX_CHARS + 1);
            prop_assert!(!shown.chars().any(char::is_control));
        }
    }
}
