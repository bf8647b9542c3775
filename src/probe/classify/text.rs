//! A pasted text made comparable: lower case, one kind of quote, single spaces, without the parts that were
//! not said by anyone who reports an error (stack frames, the paths of links, terminal colours).

use std::borrow::Cow;

/// How much of a text is read, in bytes, at each end. A message stands at the beginning of what people paste, a
/// root cause at the end; between them lie stack frames. It bounds the work on a paste of any size.
const READ_AT_EACH_END: usize = 8 * 1024;

/// The farthest that two parts of one wording may lie apart, in bytes: room for a name, a path or an address,
/// not for another sentence.
const GAP: usize = 96;

/// A normalised text, and what can be asked of it.
pub(super) struct Words(String);

impl Words {
    /// Reads at most the two ends of `text`.
    pub fn new(text: &str) -> Self {
        let mut words = String::with_capacity(text.len().min(2 * READ_AT_EACH_END) + 16);
        for line in both_ends(text).lines() {
            if is_stack_frame(line) {
                continue;
            }
            for word in line.split_whitespace() {
                if !words.is_empty() {
                    words.push(' ');
                }
                push_word(&mut words, word);
            }
        }
        Self(words)
    }

    /// The same with the names of types and codes spelled out: `EndOfStreamException` and `END_OF_STREAM` say "end
    /// of stream". Names that begin with a small letter stay as they are: they are those of options. Nothing where
    /// there is no such name.
    pub fn spelled_out(text: &str) -> Option<Self> {
        let read = both_ends(text);
        let mut spelled = String::with_capacity(read.len() + 64);
        let mut changed = false;
        let mut in_name = false;
        let mut before = ' ';
        for c in read.chars() {
            if !(before.is_alphanumeric() || before == '_') {
                in_name = c.is_uppercase();
            }
            let hump = before.is_lowercase() && c.is_uppercase();
            if in_name && (hump || c == '_') {
                spelled.push(' ');
                changed = true;
            }
            if !(in_name && c == '_') {
                spelled.push(c);
            }
            before = c;
        }
        changed.then(|| Self::new(&spelled))
    }

    /// The whole, normalised.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `part` stands in it.
    pub fn has(&self, part: &str) -> bool {
        self.0.contains(part)
    }

    /// Whether one of `parts` stands in it.
    pub fn any(&self, parts: &[impl AsRef<str>]) -> bool {
        parts.iter().any(|part| self.has(part.as_ref()))
    }

    /// The same without what people named: hosts, paths, and single words in quotes. A pool or a database may be
    /// called what somebody else would complain of.
    pub fn without_names(&self) -> Self {
        let is_name = |word: &&str| {
            let quoted = |quote: char| word.len() > 2 && word.starts_with(quote) && word[1..].contains(quote);
            let inner = word.trim_matches(|c: char| !c.is_alphanumeric());
            let parts = inner.split(['.', '/', '\\']).filter(|part| !part.is_empty()).count();
            quoted('"') || quoted('\'') || parts > 2 && !inner.contains("exception")
        };
        Self(self.0.split(' ').filter(|word| !is_name(word)).collect::<Vec<_>>().join(" "))
    }

    /// Whether a wording stands in it: its parts, separated by `*`, in order and close to each other.
    pub fn says(&self, wording: &str) -> bool {
        let mut parts = wording.split('*').map(str::trim);
        let Some(first) = parts.next() else { return false };
        self.0.match_indices(first).any(|(at, _)| {
            let mut rest = &self.0[at + first.len()..];
            parts.clone().all(|part| {
                let near = &rest[..floor(rest, GAP + part.len())];
                near.find(part).is_some_and(|found| {
                    rest = &rest[found + part.len()..];
                    true
                })
            })
        })
    }

    /// The words of letters, digits and underscores, in order.
    pub fn tokens(&self) -> impl Iterator<Item = &str> {
        self.0.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|token| !token.is_empty())
    }

    /// What follows the last "Caused by:" of a chain of exceptions: there stands the root.
    pub fn root(&self) -> Option<Self> {
        self.0.rsplit_once("caused by:").map(|(_, root)| Self(root.to_owned())).filter(|root| !root.0.is_empty())
    }

    /// Whether an IPv6 address of the internet stands in it (`2000::/3`): three groups or more, the first of four
    /// digits beginning with 2 or 3. Or one that was made unreadable before it was posted.
    pub fn has_public_ipv6(&self) -> bool {
        let is_mask = |c: char| matches!(c, 'x' | '*' | '-' | '?' | '.' | '…');
        let is_public = |group: &str| group.len() == 4 && group.starts_with(['2', '3']);
        let is_masked = |word: &str| {
            word.contains(is_mask)
                && word.chars().all(|c| c.is_ascii_hexdigit() || c == ':' || is_mask(c))
                && (word.matches(':').count() >= 3 || word.split_once(':').is_some_and(|(first, _)| is_public(first)))
        };
        let in_brackets = |open: char, close: char| {
            self.0.split(open).skip(1).filter_map(move |rest| rest.split_once(close)).any(|(inner, _)| is_masked(inner))
        };
        in_brackets('[', ']')
            || in_brackets('(', ')')
            || self.0.split(|c: char| !c.is_ascii_hexdigit() && c != ':').any(|word| {
                let mut groups = word.split(':');
                groups.next().is_some_and(is_public)
                    && word.matches(':').count() >= 3
                    && groups.all(|group| group.len() <= 5)
            })
    }
}

/// The two ends of a text that is too long, the whole of one that is not.
fn both_ends(text: &str) -> Cow<'_, str> {
    if text.len() <= 2 * READ_AT_EACH_END {
        return Cow::Borrowed(text);
    }
    let head = &text[..floor(text, READ_AT_EACH_END)];
    let tail = &text[floor(text, text.len() - READ_AT_EACH_END)..];
    Cow::Owned([head, "\n", tail].concat())
}

/// The last boundary of a character at or before `at`.
fn floor(text: &str, at: usize) -> usize {
    text.floor_char_boundary(at)
}

/// Lines such as `at Connection.connect (net.js:10:5)` and `File "pool.py", line 3, in connect`: names of functions
/// and files have words like "timeout" in them, and say nothing of what happened.
fn is_stack_frame(line: &str) -> bool {
    let line = line.trim().trim_end_matches([' ', '{']);
    let in_code = |rest: &str| {
        rest.ends_with(')')
            || [".js:", ".ts:", ".mjs:", ".java:", ".kt:", ".cs:line", ".rs:", ".dart:", ".ex:"]
                .iter()
                .any(|file| rest.contains(file))
    };
    line.strip_prefix("at ").is_some_and(in_code) || line.starts_with("File \"") && line.contains("\", line ")
}

/// One word in lower case. Typographic quotes become plain ones, escapes and colours go, an address keeps no path:
/// links to manuals and the options of connection strings have words in them that nobody said.
fn push_word(words: &mut String, word: &str) {
    let mut in_colour = false;
    let mut path_after = None;
    let mut in_path = false;
    let mut chars = word.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if word[at..].starts_with("://") {
            path_after = Some(at + 3);
        }
        in_path = match c {
            '"' | '\'' | '`' | '<' | '>' | '(' | ')' | '[' | ']' | '{' | '}' | ',' | ';' => {
                path_after = None;
                false
            }
            '/' | '?' if path_after.is_some_and(|host| at >= host) => true,
            _ => in_path,
        };
        match c {
            _ if in_path => {}
            '\u{1b}' => in_colour = true,
            _ if in_colour => in_colour = !c.is_ascii_alphabetic(),
            '\\' if chars.next_if(|(_, next)| matches!(next, 'n' | 'r' | 't')).is_some() => words.push(' '),
            '\\' => {}
            '“' | '”' | '„' | '«' | '»' | '＂' => words.push('"'),
            '’' | '‘' | '‚' | '`' | '´' => words.push('\''),
            '‑' | '–' => words.push('-'),
            _ => words.extend(c.to_lowercase()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_becomes_comparable() {
        for (text, words) in [
            ("  Role  »App«\n\tdoes not EXIST ", "role \"app\" does not exist"),
            ("message: \\\"prepared statement \\\\\"s0\\\\\"\\\"", "message: \"prepared statement \"s0\"\""),
            ("\u{1b}[31mError\u{1b}[0m: x", "error: x"),
            ("unblock \\nwith", "unblock  with"),
            ("see https://example.org/docs/timed-out?x=refused now", "see https://example.org now"),
            ("Error: a\n    at Timeout.connect (net.js:1:2)\n    at async file:///x.mjs:1:2\nb", "error: a b"),
            ("  File \"/usr/lib/timeout.py\", line 10, in f\nboom", "boom"),
            (
                "mongodb://h:1/db?waitQueueTimeoutMS=1 {\"url\":\"http://h/a\",\"x\":\"No\"}",
                "mongodb://h:1 {\"url\":\"http://h\",\"x\":\"no\"}",
            ),
            ("connect at noon", "connect at noon"),
        ] {
            assert_eq!(Words::new(text).as_str(), words);
        }
    }

    #[test]
    fn names_are_spelled_out() {
        for (text, words) in [
            ("System.IO.EndOfStreamException: x", Some("system.io.end of stream exception: x")),
            ("code: 'HANDSHAKE_TIMED_OUT'", Some("code: 'handshake timed out'")),
            ("connectTimeoutMS=5 and pool_timeout", None),
            ("nothing", None),
        ] {
            assert_eq!(Words::spelled_out(text).as_ref().map(Words::as_str), words, "{text}");
        }
    }

    #[test]
    fn the_parts_of_a_wording_stand_in_order_and_near() {
        let words = Words::new("FATAL: role \"app\" does not exist");
        assert!(words.says("role * does not exist") && words.says("role \""));
        assert!(!words.says("does not exist * role") && !words.says("role * does not matter"));
        let far = ["role", &" x".repeat(GAP), " does not exist"].concat();
        assert!(!Words::new(&far).says("role * does not exist"));
        // The first "role" is too far away, the second is not.
        assert!(Words::new(&[&far, " role r does not exist"].concat()).says("role * does not exist"));
    }

    #[test]
    fn both_ends_of_a_long_text_are_read() {
        let long = ["begin ", &"ä x ".repeat(300_000), " end"].concat();
        let words = Words::new(&long);
        assert!(words.has("begin") && words.has("end") && words.as_str().len() <= 2 * READ_AT_EACH_END + 2);
    }

    #[test]
    fn public_ipv6_addresses_are_recognised() {
        for (text, found) in [
            ("connect ENETUNREACH 2a05:d014:1c06:5f0c:d7a9:8616:bee2:30df:5432", true),
            ("[2600:1f18::5]:5432: network is unreachable", true),
            ("dial tcp [xxxx:xxxxx:xxxx:xxxx:xxx]:5432: connect: no route to host", true),
            ("dial tcp [2a05:d014:...]:5432: connect: network is unreachable", true),
            ("server at \"db.example.org\" (2a05:d0xxxc3c), port 5432 failed: Network is unreachable", true),
            ("connect EADDRNOTAVAIL ::1:5432", false),
            ("2024-01-02 10:20:30:40 down", false),
            ("10.0.0.1:5432", false),
        ] {
            assert_eq!(Words::new(text).has_public_ipv6(), found, "{text}");
        }
    }
}
