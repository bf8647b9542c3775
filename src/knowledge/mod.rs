//! What was learnt: which cure worked for which cause, and what configurations that work have in common.
//!
//! An **entry** is one cure: the same (provider, cause, normalised fix) is one entry, however it was worded. Its
//! confidence starts at 80 if the fix worked and at 40 if not, and moves by +5 and -10; from 60 on it is suggested.
//!
//! What one learns, all are offered, without anything of the one who learnt it:
//!
//! 1. Ada's connection fails. She reports the message and what she did, and that it worked (`learn_from_error`).
//! 2. `redact` takes out her hosts, users, databases and secrets; `extract` makes an entry of the rest.
//! 3. Words that a person wrote are seen by that person alone, until a second account reports the same cure, an
//!    administrator confirms it, or the product itself saw it work. Then the cure is shared; the message that she saw
//!    is confirmed by nobody but an administrator, and goes from it otherwise. Who names no cure confirms none.
//! 4. What comes without a token is held back altogether until an administrator confirms it: below 60, unlisted, and
//!    unable to change what is confirmed. No more waits than an administrator could read, and nothing for ever.
//!
//! A success is learnt from the classes of its settings ([`patterns`]), without any secret. A report is redacted with the
//! secrets of the one who tells: they are opened for that, held in memory that is wiped, and gone with the text.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    connections::{Provider, UnknownProvider},
    error::FieldError,
    ids::KnowledgeId,
    probe::Cause,
};

pub mod api;
pub mod patterns;
pub mod ui;

#[cfg(feature = "ssr")]
pub mod extract;
#[cfg(feature = "ssr")]
pub mod redact;
#[cfg(feature = "ssr")]
pub mod server;

/// From this confidence on an entry is suggested.
pub const SUGGESTED_FROM: u8 = 60;
/// The most that an entry without a token behind it can have: just below [`SUGGESTED_FROM`].
pub const MOST_IN_QUARANTINE: u8 = SUGGESTED_FROM - 1;
/// How many entries a search finds unless it says otherwise.
pub const DEFAULT_LIMIT: u32 = 10;
/// How many the page shows.
pub const PAGE_LIMIT: u32 = 50;
/// How many it finds at most.
pub const HIGHEST_LIMIT: u32 = 100;

/// What an entry is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// A cure for an error.
    ErrorResolution,
    /// What makes a connection safer.
    Security,
    /// What makes it faster or cheaper.
    Optimization,
    /// How something is set up.
    Configuration,
}

impl Category {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::ErrorResolution, Self::Security, Self::Optimization, Self::Configuration];

    /// The stable name on the wire and in the database.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::ErrorResolution => "error_resolution",
            Self::Security => "security",
            Self::Optimization => "optimization",
            Self::Configuration => "configuration",
        }
    }

    /// The category with this code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|category| category.code() == code)
    }

    /// The words that people read.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::ErrorResolution => "Errors and cures",
            Self::Security => "Security",
            Self::Optimization => "Speed and cost",
            Self::Configuration => "Set-up",
        }
    }
}

/// Where an entry's words come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EntryOrigin {
    /// Written for the product and delivered with it.
    Stock,
    /// Derived by the product from a fix that it saw work.
    Product,
    /// Written by a person or sent with a token.
    Person,
    /// Sent without a token.
    Anonymous,
    /// Imported by an administrator.
    Import,
}

impl EntryOrigin {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Stock, Self::Product, Self::Person, Self::Anonymous, Self::Import];

    /// The stable name in the database.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Stock => "stock",
            Self::Product => "product",
            Self::Person => "person",
            Self::Anonymous => "anonymous",
            Self::Import => "import",
        }
    }

    /// The origin with this code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|origin| origin.code() == code)
    }

    /// The words that people read.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Stock => "Built in",
            Self::Product => "Learnt from a verified fix",
            Self::Person => "Learnt from a report",
            Self::Anonymous => "Reported without a token",
            Self::Import => "Imported",
        }
    }
}

/// Who sees an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Everyone.
    Shared,
    /// Its author, until it is confirmed.
    Private,
    /// Nobody but administrators, until it is confirmed.
    Quarantined,
    /// Nobody but administrators.
    Hidden,
}

impl Standing {
    /// The word that people read.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Shared => "Shared",
            Self::Private => "Only you see this",
            Self::Quarantined => "Not confirmed",
            Self::Hidden => "Hidden",
        }
    }
}

/// A piece of code or configuration that goes with an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CodeExample {
    /// What it is written in (`sql`, `sh`, `ini`, …).
    pub language: String,
    /// The code.
    pub code: String,
}

/// One cure, as it is shown and as the wire gives it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct KnowledgeEntry {
    /// Which row of `database_knowledge_base`.
    pub id: KnowledgeId,
    /// What kind of database it is about.
    pub provider: Provider,
    /// What it is about.
    pub category: Category,
    /// Which cause it cures.
    pub cause: Cause,
    /// A line that names it.
    pub title: String,
    /// What is seen, and why.
    pub description: String,
    /// What to do.
    pub solution: String,
    /// Percent of the reports that say it worked; 0 where there are none.
    pub success_rate: f64,
    /// How sure it is, from 0 to 100.
    pub confidence_score: u8,
    /// How many reports there are.
    pub usage_count: u32,
    /// Code and configuration.
    pub code_examples: Vec<CodeExample>,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// Where the words come from.
    pub origin: EntryOrigin,
    /// Who sees it.
    pub standing: Standing,
}

/// What the page shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// The entries, best first.
    pub entries: Vec<KnowledgeEntry>,
    /// Whether whoever asks may confirm, edit, hide and delete.
    pub may_moderate: bool,
    /// Whether there is a further page of them.
    pub more: bool,
}

/// What is not listed, as administrators look through it: apart, so that what strangers send hides nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shelf {
    /// Reported by accounts, and not confirmed.
    Waiting,
    /// Reported without a token, and not confirmed.
    Anonymous,
    /// Hidden by an administrator.
    Hidden,
}

impl Shelf {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Waiting, Self::Anonymous, Self::Hidden];

    /// The name in the page's address.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Anonymous => "anonymous",
            Self::Hidden => "hidden",
        }
    }

    /// The shelf with this code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|shelf| shelf.code() == code)
    }

    /// The words that people read.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Waiting => "By accounts",
            Self::Anonymous => "Without a token",
            Self::Hidden => "Hidden",
        }
    }

    /// The address of one of its pages, which are counted from 1.
    #[must_use]
    pub fn path(self, page: u32) -> String {
        match page {
            0 | 1 => format!("/knowledge?show={}", self.code()),
            page => format!("/knowledge?show={}&page={page}", self.code()),
        }
    }
}

/// What an import did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportReport {
    /// Entries that are new.
    pub added: u32,
    /// Entries whose cure is shared already.
    pub known: u32,
}

/// What is searched for; all of it may be left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Search {
    /// Only this provider's.
    pub provider: Option<Provider>,
    /// Only this category.
    pub category: Option<Category>,
    /// Words, or a whole error message.
    pub query: String,
    /// How many at most.
    pub limit: u32,
}

/// Reads what a search asks for; empty texts ask for nothing.
///
/// # Errors
///
/// The field that names a provider or a category that there is not.
pub fn parse_search(query: &str, provider: &str, category: &str, limit: Option<u32>) -> Result<Search, FieldError> {
    Ok(Search {
        provider: match provider.trim() {
            "" => None,
            code => {
                Some(code.parse().map_err(|error: UnknownProvider| FieldError::new("provider", error.to_string()))?)
            }
        },
        category: match category.trim() {
            "" => None,
            code => Some(parse_category(code)?),
        },
        query: query.to_owned(),
        limit: limit.unwrap_or(DEFAULT_LIMIT),
    })
}

/// The category of this code.
///
/// # Errors
///
/// For `category`, where there is none.
pub fn parse_category(code: &str) -> Result<Category, FieldError> {
    Category::from_code(code.trim()).ok_or_else(|| {
        FieldError::new("category", "Choose one of: error_resolution, security, optimization, configuration.")
    })
}

/// The confidence of a new entry: 80 if its fix worked, 40 if not.
#[must_use]
pub const fn initial_confidence(worked: bool) -> u8 {
    if worked { 80 } else { 40 }
}

/// The confidence after one more report: +5 or -10, within 0-100.
#[must_use]
pub const fn next_confidence(confidence: u8, worked: bool) -> u8 {
    if worked {
        let more = confidence.saturating_add(5);
        if more > 100 { 100 } else { more }
    } else {
        confidence.saturating_sub(10)
    }
}

/// The confidence without a report that was counted with [`next_confidence`], within 0-100.
#[must_use]
pub const fn confidence_without(confidence: u8, worked: bool) -> u8 {
    if worked {
        confidence.saturating_sub(5)
    } else if confidence > 90 {
        100
    } else {
        confidence + 10
    }
}

/// Percent of the reports that say it worked, with two decimals; 0 where there are none.
#[must_use]
pub fn success_rate(successes: u32, failures: u32) -> f64 {
    let all = f64::from(successes) + f64::from(failures);
    if all == 0.0 { 0.0 } else { (10_000.0 * f64::from(successes) / all).round() / 100.0 }
}

/// The address of an entry.
#[must_use]
pub fn entry_path(id: KnowledgeId) -> String {
    format!("/knowledge/{id}")
}

/// The steps of a solution: each begins with a number or a dash, and goes on in the lines below it.
#[must_use]
pub fn steps(solution: &str) -> Vec<String> {
    let mut steps: Vec<String> = Vec::new();
    for line in solution.lines().map(str::trim).filter(|line| !line.is_empty()) {
        match (after_mark(line), steps.last_mut()) {
            (None, Some(last)) => {
                last.push(' ');
                last.push_str(line);
            }
            (step, _) => steps.push(step.unwrap_or(line).to_owned()),
        }
    }
    steps
}

/// What stands behind `1.`, `1)`, `-` or `*`; none where the line begins otherwise.
fn after_mark(line: &str) -> Option<&str> {
    let (mark, rest) = line.split_once(' ')?;
    let number = mark.strip_suffix(['.', ')']).unwrap_or_default();
    let is_number = matches!(number.len(), 1..=2) && number.bytes().all(|byte| byte.is_ascii_digit());
    (is_number || matches!(mark, "-" | "*")).then(|| rest.trim_start())
}

/// Words that make no difference between two cures.
const FILLING: &[&str] = &[
    "a", "an", "and", "are", "as", "at", "be", "by", "did", "do", "for", "from", "i", "in", "into", "is", "it", "its",
    "just", "my", "now", "of", "on", "or", "our", "please", "so", "that", "the", "then", "this", "to", "was", "we",
    "were", "with", "you", "your", "changed", "change", "set", "use", "used", "using", "switched", "switch", "had",
    "have", "has", "need", "needed", "should", "must", "made", "make", "put",
];

/// What is the same under two names.
const SAME: &[(&str, &str)] = &[
    ("ssl", "tls"),
    ("sslmode", "tls"),
    ("enabled", "enable"),
    ("disabled", "disable"),
    ("required", "require"),
    ("requires", "require"),
    ("restarted", "restart"),
    ("increased", "increase"),
    ("raised", "increase"),
    ("raise", "increase"),
    ("pgbouncer", "pooler"),
    ("passwd", "password"),
    ("pwd", "password"),
    ("login", "user"),
    ("username", "user"),
    ("hostname", "host"),
    ("db", "database"),
    ("dbname", "database"),
    ("ports", "port"),
    ("hosts", "host"),
    ("users", "user"),
    ("certificates", "certificate"),
    ("cert", "certificate"),
];

/// Words of a key; a cure that needs more is told apart by the first ones.
const LONGEST_KEY: usize = 40;
/// How a key ends that does not hold the whole cure; no word of a key does.
const CUT: &str = "…";

/// What makes two cures the same: their telling words, each once and in order, without case, signs or filling words.
#[must_use]
pub fn fix_key(fix: &str) -> String {
    let lower = fix.to_lowercase();
    let mut telling = lower
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty() && !FILLING.contains(word))
        .map(|word| SAME.iter().find(|(other, _)| *other == word).map_or(word, |(_, same)| same));
    let mut words: Vec<&str> = telling.by_ref().take(LONGEST_KEY).collect();
    words.sort_unstable();
    words.dedup();
    words.extend(telling.next().map(|_| CUT));
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn confidence_moves_by_the_numbers_of_the_product() {
        assert_eq!((initial_confidence(true), initial_confidence(false)), (80, 40));
        assert_eq!((next_confidence(80, true), next_confidence(80, false)), (85, 70));
        assert_eq!((next_confidence(98, true), next_confidence(100, true)), (100, 100));
        assert_eq!((next_confidence(7, false), next_confidence(0, false)), (0, 0));
        for worked in [true, false] {
            assert_eq!(confidence_without(next_confidence(60, worked), worked), 60);
        }
        assert_eq!((confidence_without(95, false), confidence_without(3, true)), (100, 0));
    }

    #[test]
    fn rates_are_percent() {
        for (successes, failures, rate) in [(0, 0, 0.0), (1, 0, 100.0), (0, 3, 0.0), (2, 1, 66.67), (1, 1, 50.0)] {
            assert!((success_rate(successes, failures) - rate).abs() < 1e-9, "{successes} {failures}");
        }
    }

    #[test]
    fn a_solution_is_told_in_steps() {
        for (solution, expected) in [
            ("1. Look.\n2. Look\n   again.\n\n10) Done.", vec!["Look.", "Look again.", "Done."]),
            ("- One `a`\n* Two", vec!["One `a`", "Two"]),
            ("Open the port.", vec!["Open the port."]),
            ("First this.\n1. Then that.", vec!["First this.", "Then that."]),
            ("5432 is the port.\n127.0.0.1 is the host.", vec!["5432 is the port. 127.0.0.1 is the host."]),
            (" \n", vec![]),
        ] {
            assert_eq!(steps(solution), expected, "{solution}");
        }
    }

    #[test]
    fn the_same_cure_in_other_words_has_the_same_key() {
        for same in ["Set sslmode to require.", "set SSL: require", "We set the TLS to `require`", "use tls=require"] {
            assert_eq!(fix_key(same), "require tls", "{same}");
        }
        assert_ne!(fix_key("Set TLS to require"), fix_key("Set TLS to disable"));
        assert_eq!(fix_key("…"), "");
        assert_eq!(fix_key("Port auf 6543 ändern"), "6543 auf port ändern");
        let words = |count: u32| (0..count).map(|word| format!("w{word}")).collect::<Vec<_>>().join(" ");
        assert!(!fix_key(&words(40)).contains('…'));
        assert!(fix_key(&words(41)).ends_with(" …") && fix_key(&words(41)) != fix_key(&words(40)));
    }
}
