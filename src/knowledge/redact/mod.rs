//! Takes everything that identifies someone out of a text: hosts, addresses, ports, users, passwords, databases,
//! projects, keys, tokens, paths, e-mail addresses. Placeholders such as `<host>` stand where they stood.
//!
//! Two things decide what goes. What is *known* of the one who wrote it (their connections' hosts, users, databases)
//! is taken out wherever it stands. What only *looks* like it is found by rules, and what a rule found is known from
//! there on: a password that is named once is taken out at every repetition, percent-encoded and in Base64 too.
//! Where a rule is in doubt, the word goes: a text that lost a word still helps, one that kept a password harms.
//!
//! A placeholder is one private character while the rules run, so that none of them looks into it; running it all
//! again changes nothing.

mod rules;
mod words;

use base64::{
    Engine,
    alphabet::{STANDARD, URL_SAFE},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use zeroize::Zeroizing;

use self::rules::{Finding, RULES};
use crate::probe::scrub::percent;

/// What stands in the place of what was taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A host name.
    Host,
    /// An IPv4 or IPv6 address.
    Address,
    /// A TCP port.
    Port,
    /// An account at a database.
    User,
    /// A password.
    Password,
    /// A database, schema or namespace.
    Database,
    /// A hosted project, tenant or organisation.
    Project,
    /// A key, certificate, hash or anything that may be one.
    Key,
    /// A token.
    Token,
    /// A file.
    Path,
    /// An e-mail address.
    Email,
    /// An identifier.
    Id,
    /// A table, a connection, anything else with a name of its own.
    Name,
}

impl Kind {
    const ALL: [Self; 13] = [
        Self::Host,
        Self::Address,
        Self::Port,
        Self::User,
        Self::Password,
        Self::Database,
        Self::Project,
        Self::Key,
        Self::Token,
        Self::Path,
        Self::Email,
        Self::Id,
        Self::Name,
    ];

    /// As it stands in a text.
    #[must_use]
    pub const fn placeholder(self) -> &'static str {
        match self {
            Self::Host => "<host>",
            Self::Address => "<address>",
            Self::Port => "<port>",
            Self::User => "<user>",
            Self::Password => "<password>",
            Self::Database => "<database>",
            Self::Project => "<project>",
            Self::Key => "<key>",
            Self::Token => "<token>",
            Self::Path => "<path>",
            Self::Email => "<email>",
            Self::Id => "<id>",
            Self::Name => "<name>",
        }
    }

    /// The private character that stands for it while the rules run.
    const fn mark(self) -> char {
        match self {
            Self::Host => '\u{e000}',
            Self::Address => '\u{e001}',
            Self::Port => '\u{e002}',
            Self::User => '\u{e003}',
            Self::Password => '\u{e004}',
            Self::Database => '\u{e005}',
            Self::Project => '\u{e006}',
            Self::Key => '\u{e007}',
            Self::Token => '\u{e008}',
            Self::Path => '\u{e009}',
            Self::Email => '\u{e00a}',
            Self::Id => '\u{e00b}',
            Self::Name => '\u{e00c}',
        }
    }

    /// Secrets go in every form and inside of longer words; names where they can be told from ordinary words.
    const fn is_secret(self) -> bool {
        matches!(self, Self::Password | Self::Key | Self::Token)
    }
}

const fn is_mark(character: char) -> bool {
    matches!(character, '\u{e000}'..='\u{e00f}')
}

/// A text is read again until nothing changes any more, but not for ever. Two rounds are the rule.
const MOST_ROUNDS: u32 = 8;
/// From this length on, what is taken out goes also where it is a part of a longer word.
const LONG: usize = 5;
/// Values that are known because a rule found them; each is looked for in every text. Where a hostile text names
/// more, the rules still take them out where they stand. What an account owns has no such bound.
const MOST_FOUND: usize = 200;
/// Names shorter than this are taken out only where a rule finds them: `db` is a word.
const SHORTEST_NAME: usize = 3;

/// Takes out what is known and what looks like it.
#[derive(Clone, Default)]
pub struct Redactor {
    /// What is taken out wherever it stands; the longest first.
    known: Vec<(Kind, Zeroizing<String>)>,
    /// How many of them a rule found.
    found: usize,
}

impl Redactor {
    /// Nothing known yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on `value` is taken out wherever it stands. Names that half of all installations use tell
    /// nothing and are passed over, unless they are secrets.
    pub fn know(&mut self, kind: Kind, value: &str) {
        self.take_in(kind, value);
    }

    /// Knows what a rule found in a text; whether it is new.
    fn find(&mut self, finding: &Finding<'_>) -> bool {
        let is_new = self.found < MOST_FOUND && self.take_in(finding.kind, finding.value);
        self.found += usize::from(is_new);
        is_new
    }

    /// Whether it is known from now on, and was not before.
    fn take_in(&mut self, kind: Kind, value: &str) -> bool {
        let value = value.trim();
        let is_telling = if kind.is_secret() {
            !value.is_empty()
        } else {
            let lower = value.to_lowercase();
            value.chars().count() >= SHORTEST_NAME
                && !words::EVERYBODYS.contains(&lower.as_str())
                && !words::COMMON.contains(&lower.as_str())
        };
        if !is_telling || value.chars().any(is_mark) || self.known.iter().any(|(_, known)| known.as_str() == value) {
            return false;
        }
        let rank = |kind: Kind, known: &str| (std::cmp::Reverse(known.len()), kind);
        let place = self.known.partition_point(|(other, known)| rank(*other, known) <= rank(kind, value));
        self.known.insert(place, (kind, Zeroizing::new(value.to_owned())));
        true
    }

    /// Learns what `text` names, without taking anything out: so that a name which only one of several texts
    /// gives away is taken out of all of them.
    pub fn read(&mut self, text: &str) {
        self.settle(text);
    }

    /// `text` without any of it, in one piece and without control characters.
    #[must_use]
    pub fn redact(&mut self, text: &str) -> String {
        let settled = self.settle(text);
        let mut out = String::with_capacity(settled.len());
        for character in settled.chars() {
            match Kind::ALL.into_iter().find(|kind| kind.mark() == character) {
                Some(kind) => out.push_str(kind.placeholder()),
                None => out.push(character),
            }
        }
        out
    }

    /// The text with marks, when nothing more is found in it.
    fn settle(&mut self, text: &str) -> String {
        let mut text = marked(text);
        for _ in 0..MOST_ROUNDS {
            let next = self.round(&text);
            if next == text {
                break;
            }
            text = next;
        }
        text
    }

    fn round(&mut self, text: &str) -> String {
        let Ok(rules) = RULES.as_ref() else {
            // Without rules nothing may pass; a test sees to it that there are some.
            return Kind::Name.mark().to_string();
        };
        let mut text = text.to_owned();
        for rule in rules {
            let mut secrets: Vec<(Kind, String)> = Vec::new();
            text = rule.apply(&text, &mut |finding: Finding<'_>| {
                if self.find(&finding) && finding.kind.is_secret() {
                    secrets.push((finding.kind, finding.value.to_owned()));
                }
            });
            // A password holds every sign: the rules that follow would take a part of it for something else.
            for (kind, secret) in secrets {
                text = without(&text, &lowered(&text), &secret, kind);
            }
        }
        // Taking something out brings nothing new, so one look tells which values are worth the work.
        let lower = lowered(&text);
        for (kind, value) in &self.known {
            text = without(&text, &lower, value, *kind);
        }
        self.without_encoded(&text)
    }

    /// Takes out words that are what is known in another dress: percent-encoded in whatever way, or Base64.
    fn without_encoded(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut word = String::new();
        for character in text.chars().chain([' ']) {
            let belongs = character.is_ascii_alphanumeric() || matches!(character, '%' | '+' | '/' | '_' | '-' | '=');
            if belongs {
                word.push(character);
                continue;
            }
            match self.in_disguise(&word) {
                Some(kind) => out.push(kind.mark()),
                None => out.push_str(&word),
            }
            word.clear();
            out.push(character);
        }
        out.pop();
        out
    }

    fn in_disguise(&self, word: &str) -> Option<Kind> {
        let holds = |text: &str| {
            let lower = text.to_lowercase();
            self.known
                .iter()
                .find(|(_, value)| value.chars().count() >= LONG - 1 && lower.contains(&value.to_lowercase()))
                .map(|(kind, _)| *kind)
        };
        if let Some(kind) = word.contains('%').then(|| holds(&percent_decoded(word))).flatten() {
            return Some(kind);
        }
        // Below, a word is as likely to be a word.
        if word.len() < 6 {
            return None;
        }
        let decoded = from_base64(word)?;
        let decoded = String::from_utf8_lossy(&decoded);
        let tells = ["://", "password", "secret", "-----BEGIN"].iter().any(|telling| decoded.contains(telling));
        holds(&decoded).or(tells.then_some(Kind::Key))
    }
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redactor").field("known", &self.known.len()).field("found", &self.found).finish()
    }
}

/// The text with a mark for each placeholder, without control and direction-changing characters (line breaks stay:
/// code examples have them) and without whatever could be taken for a mark.
fn marked(text: &str) -> String {
    let mut text: String = text
        .chars()
        .filter(|c| !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{ad}'))
        .map(|c| if (c.is_control() && c != '\n') || matches!(c, '\u{e000}'..='\u{f8ff}') { ' ' } else { c })
        .collect();
    for kind in Kind::ALL {
        text = text.replace(kind.placeholder(), kind.mark().encode_utf8(&mut [0; 4]));
    }
    text
}

/// In small letters, character by character, as [`replace`] compares.
fn lowered(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

/// `text`, which is `lower` in small letters, with a mark in the place of each `value`: plain, percent-encoded, and
/// as it stands within a string of JSON.
fn without(text: &str, lower: &str, value: &str, kind: Kind) -> String {
    let quoted = serde_json::Value::from(value).to_string();
    let mut text = text.to_owned();
    for form in [value, &percent(value, true), quoted.trim_matches('"')] {
        if lower.contains(&lowered(form)) {
            text = replace(&text, form, kind);
        }
    }
    text
}

fn replace(text: &str, value: &str, kind: Kind) -> String {
    let length = value.chars().count();
    let wanted: Vec<char> = value.chars().flat_map(char::to_lowercase).collect();
    let characters: Vec<char> = text.chars().collect();
    let is_word = |at: Option<&char>| at.is_some_and(|c| c.is_alphanumeric());
    let needs_room = length < LONG || (kind == Kind::Port);
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < characters.len() {
        if let Some(end) = matches_at(&characters, at, &wanted) {
            let before = at.checked_sub(1).and_then(|before| characters.get(before));
            if !(needs_room && (is_word(before) || is_word(characters.get(end)))) {
                out.push(kind.mark());
                at = end;
                continue;
            }
        }
        out.extend(characters.get(at));
        at += 1;
    }
    out
}

/// Where a match that begins at `at` ends; lower-casing may make more characters of one.
fn matches_at(characters: &[char], at: usize, wanted: &[char]) -> Option<usize> {
    let (mut left, mut end) = (wanted, at);
    while !left.is_empty() {
        let lower = characters.get(end)?.to_lowercase();
        for character in lower {
            let (first, rest) = left.split_first()?;
            if *first != character {
                return None;
            }
            left = rest;
        }
        end += 1;
    }
    Some(end)
}

fn percent_decoded(word: &str) -> String {
    let mut out = Vec::with_capacity(word.len());
    let mut rest = word.as_bytes();
    while let [first, tail @ ..] = rest {
        let digits = tail.first_chunk::<2>().and_then(|pair| std::str::from_utf8(pair).ok());
        let encoded = digits.filter(|_| *first == b'%').and_then(|digits| u8::from_str_radix(digits, 16).ok());
        if let Some(byte) = encoded {
            out.push(byte);
            rest = tail.get(2..).unwrap_or_default();
        } else {
            out.push(if *first == b'+' { b' ' } else { *first });
            rest = tail;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn from_base64(word: &str) -> Option<Vec<u8>> {
    let lenient = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let whole = word.trim_end_matches('=');
    [&STANDARD, &URL_SAFE].into_iter().find_map(|alphabet| GeneralPurpose::new(alphabet, lenient).decode(whole).ok())
}

#[cfg(test)]
mod tests;
