//! Makes an entry of what was reported, by rules: title, description, solution, category, tags, code. Works on texts
//! that are redacted already.

use super::{CUT, Category, CodeExample, fix_key};
use crate::{connections::Provider, probe::Cause};

/// Characters of a title, a description, a solution and one example.
const LONGEST_TITLE: usize = 120;
const LONGEST_TEXT: usize = 4_000;
const LONGEST_CODE: usize = 2_000;
/// Examples that one entry has at most.
const MOST_EXAMPLES: usize = 5;
/// The key of a cure that was not said: what the product advises.
const ADVICE_KEY: &str = "advice";
/// A key of fewer words names a cure only together with what it cures: anybody restarts something.
const FEWEST_WORDS: usize = 3;

/// What an entry says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lesson {
    /// A line that names it.
    pub title: String,
    /// What the cause is, in the product's words.
    pub explanation: String,
    /// What was said, in the words of the one who tells: nobody else confirms them.
    pub seen: String,
    /// What to do.
    pub solution: String,
    /// What it is about.
    pub category: Category,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// Code and configuration.
    pub code_examples: Vec<CodeExample>,
    /// What makes it the same as another.
    pub fix_key: String,
}

impl Lesson {
    /// What is seen, and why, for the one who saw it.
    #[must_use]
    pub fn description(&self, cause: Cause) -> String {
        let description = match (cause, self.seen.is_empty()) {
            (_, true) => self.explanation.clone(),
            (Cause::Unknown, false) => format!("Seen as: {}", self.seen),
            (_, false) => format!("{} Seen as: {}", self.explanation, self.seen),
        };
        cut(&description, LONGEST_TEXT)
    }

    /// Whether it names its cure, so that another account that says the same confirms it. What the product advises is
    /// named by nobody, a key that was cut leaves words out, and for a cause that is not known a word or two are said
    /// of everything.
    #[must_use]
    pub fn names_the_cure(&self, cause: Cause) -> bool {
        self.fix_key != ADVICE_KEY
            && !self.fix_key.ends_with(CUT)
            && (cause != Cause::Unknown || self.fix_key.split(' ').count() >= FEWEST_WORDS)
    }
}

/// Words that tell what a text is about, and the tag for them.
const TAGS: [(&str, &str); 30] = [
    ("pgbouncer", "pgbouncer"),
    ("pooler", "pooler"),
    ("supavisor", "pooler"),
    ("docker", "docker"),
    ("compose", "docker"),
    ("kubernetes", "kubernetes"),
    ("k8s", "kubernetes"),
    ("ipv6", "ipv6"),
    ("ipv4", "ipv4"),
    ("firewall", "firewall"),
    ("security group", "firewall"),
    ("allowlist", "firewall"),
    ("whitelist", "firewall"),
    ("vpn", "vpn"),
    ("certificate", "certificate"),
    ("tls", "tls"),
    ("ssl", "tls"),
    ("timeout", "timeout"),
    ("pool", "pool"),
    ("password", "password"),
    ("rotate", "rotation"),
    ("grant", "privileges"),
    ("pg_hba", "pg_hba"),
    ("systemctl", "service"),
    ("restart", "restart"),
    ("replica", "replica"),
    ("serverless", "serverless"),
    ("prepared", "prepared-statements"),
    ("region", "region"),
    ("index", "index"),
];

/// How lines of code begin, and what they are written in.
const CODE_BEGINNINGS: [(&str, &str); 40] = [
    ("alter ", "sql"),
    ("create ", "sql"),
    ("grant ", "sql"),
    ("revoke ", "sql"),
    ("select ", "sql"),
    ("insert ", "sql"),
    ("update ", "sql"),
    ("drop ", "sql"),
    ("show ", "sql"),
    ("set global", "sql"),
    ("set session", "sql"),
    ("flush ", "sql"),
    ("vacuum", "sql"),
    ("$ ", "sh"),
    ("sudo ", "sh"),
    ("psql ", "sh"),
    ("mysql ", "sh"),
    ("mongosh ", "sh"),
    ("mariadb ", "sh"),
    ("systemctl ", "sh"),
    ("docker ", "sh"),
    ("kubectl ", "sh"),
    ("openssl ", "sh"),
    ("gcloud ", "sh"),
    ("firebase ", "sh"),
    ("supabase ", "sh"),
    ("curl ", "sh"),
    ("nc ", "sh"),
    ("dig ", "sh"),
    ("export ", "sh"),
    ("ufw ", "sh"),
    ("hostssl ", "ini"),
    ("host all", "ini"),
    ("host    ", "ini"),
    ("listen_addresses", "ini"),
    ("max_connections", "ini"),
    ("bind-address", "ini"),
    ("db.", "javascript"),
    ("const ", "javascript"),
    ("await ", "javascript"),
];

/// The entry that a report makes. Where the fix is not said, it is what the product advises for the cause.
#[must_use]
pub fn extract(provider: Provider, cause: Cause, message: &str, fix: Option<&str>) -> Lesson {
    let fix = fix.map(str::trim).filter(|fix| !fix.is_empty());
    let (words, code_examples) = fix.map_or_else(|| (String::new(), Vec::new()), apart);
    let solution = if words.is_empty() { cause.advice().to_owned() } else { steps(&words) };
    let key = fix.map(fix_key).filter(|key| !key.is_empty()).unwrap_or_else(|| ADVICE_KEY.to_owned());
    let title = match first_sentence(&words) {
        "" => cause.title().to_owned(),
        sentence => format!("{}: {sentence}", cause.title()),
    };
    let seen = message.trim();
    Lesson {
        category: category(cause, &format!("{seen} {words}")),
        tags: tags(provider, cause, &words),
        title: cut(&title, LONGEST_TITLE),
        explanation: cause.advice().to_owned(),
        seen: seen.to_owned(),
        solution: cut(&solution, LONGEST_TEXT),
        code_examples,
        fix_key: key,
    }
}

/// What cures a failure resolves an error; else the words decide.
fn category(cause: Cause, text: &str) -> Category {
    if cause != Cause::Unknown {
        return Category::ErrorResolution;
    }
    let lower = text.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    if has(&["error", "fail", "refused", "denied", "cannot", "could not", "fatal", "exception"]) {
        Category::ErrorResolution
    } else if has(&["password", "tls", "ssl", "certificate", "privilege", "encrypt", "rotate", "least"]) {
        Category::Security
    } else if has(&["slow", "faster", "latency", "index", "cache", "pool", "memory", "throughput", "cost"]) {
        Category::Optimization
    } else {
        Category::Configuration
    }
}

fn tags(provider: Provider, cause: Cause, text: &str) -> Vec<String> {
    let lower = text.to_lowercase();
    let mut tags = vec![provider.code().to_owned()];
    if cause != Cause::Unknown {
        tags.push(cause.code().to_owned());
    }
    for (word, tag) in TAGS {
        if lower.contains(word) && !tags.iter().any(|known| known == tag) {
            tags.push(tag.to_owned());
        }
    }
    tags
}

/// Words and code, told apart: fenced blocks, and lines that begin as code does.
fn apart(fix: &str) -> (String, Vec<CodeExample>) {
    let mut words: Vec<&str> = Vec::new();
    let mut examples: Vec<CodeExample> = Vec::new();
    let mut fenced: Option<(String, Vec<&str>)> = None;
    for line in fix.lines() {
        let trimmed = line.trim();
        match (&mut fenced, trimmed.strip_prefix("```")) {
            (None, Some(language)) => fenced = Some((language.trim().to_lowercase(), Vec::new())),
            (Some(_), Some(_)) => {
                if let Some((language, lines)) = fenced.take() {
                    push(&mut examples, &language, &lines.join("\n"));
                }
            }
            (Some((_, lines)), None) => lines.push(line),
            (None, None) => match language_of(trimmed) {
                Some(language) => push(&mut examples, language, trimmed.trim_start_matches("$ ")),
                None => words.push(trimmed),
            },
        }
    }
    if let Some((language, lines)) = fenced {
        push(&mut examples, &language, &lines.join("\n"));
    }
    (words.join("\n").trim().to_owned(), examples)
}

fn language_of(line: &str) -> Option<&'static str> {
    let lower = line.to_lowercase();
    let (_, language) = CODE_BEGINNINGS.iter().find(|(beginning, _)| lower.starts_with(beginning))?;
    // "Create a user for it." is a sentence, and so is "Update the driver".
    let is_statement = lower.ends_with(';') || *language != "sql";
    let is_sentence = lower.ends_with('.') || lower.split_whitespace().nth(1).is_some_and(|word| word == "the");
    (is_statement && !is_sentence).then_some(language)
}

fn push(examples: &mut Vec<CodeExample>, language: &str, code: &str) {
    let code = cut(code.trim_end(), LONGEST_CODE);
    if code.is_empty() || examples.len() == MOST_EXAMPLES {
        return;
    }
    let is_name = language.len() <= 20 && language.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let language = if language.is_empty() || !is_name { "text" } else { language };
    // Lines of one kind that follow each other are one example.
    match examples.last_mut() {
        Some(last) if last.language == language && language != "text" && last.code.len() < LONGEST_CODE => {
            last.code.push('\n');
            last.code.push_str(&code);
        }
        _ => examples.push(CodeExample { language: language.to_owned(), code }),
    }
}

/// Several lines are steps and numbered; one stays as it is.
fn steps(words: &str) -> String {
    let lines: Vec<&str> = words.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    if lines.len() < 2 {
        return lines.concat();
    }
    let bare = |line: &'_ str| -> String {
        let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
        let marked = rest.len() < line.len() && rest.starts_with(['.', ')']);
        let rest = if marked { rest.get(1..).unwrap_or_default() } else { line };
        rest.trim_start_matches(['-', '*', '•', ' ']).to_owned()
    };
    (1..).zip(lines).map(|(number, line)| format!("{number}. {}", bare(line))).collect::<Vec<_>>().join("\n")
}

fn first_sentence(words: &str) -> &str {
    let line = words.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let line = line.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '-' | '*' | ' ' | '.' | ')'));
    let end = line.find(". ").unwrap_or(line.len());
    line.get(..end).unwrap_or(line).trim_end_matches('.')
}

fn cut(text: &str, longest: usize) -> String {
    if text.chars().count() <= longest {
        return text.to_owned();
    }
    let mut out: String = text.chars().take(longest - 1).collect();
    out.push('…');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_becomes_an_entry() {
        let lesson = extract(
            Provider::PostgreSql,
            Cause::TlsRequired,
            "FATAL: no encryption",
            Some(
                "1. Set sslmode to require.\n2. Test again\n```sql\nalter system set ssl = on;\n```\n$ psql -c 'show ssl'",
            ),
        );
        assert_eq!(lesson.title, "The server insists on TLS: Set sslmode to require");
        assert_eq!(lesson.solution, "1. Set sslmode to require.\n2. Test again");
        assert_eq!(lesson.category, Category::ErrorResolution);
        assert!(lesson.description(Cause::TlsRequired).ends_with("Seen as: FATAL: no encryption"));
        assert_eq!(lesson.tags, ["postgresql", "tls_required", "tls"]);
        let code: Vec<_> = lesson.code_examples.iter().map(|e| (e.language.as_str(), e.code.as_str())).collect();
        assert_eq!(code, [("sql", "alter system set ssl = on;"), ("sh", "psql -c 'show ssl'")]);
    }

    #[test]
    fn without_a_fix_it_is_what_the_product_advises() {
        let lesson = extract(Provider::MySql, Cause::HostBlocked, "", None);
        assert_eq!((lesson.title.as_str(), lesson.fix_key.as_str()), (Cause::HostBlocked.title(), ADVICE_KEY));
        assert_eq!(lesson.solution, Cause::HostBlocked.advice());
        assert_eq!(lesson.description(Cause::HostBlocked), Cause::HostBlocked.advice());
    }

    #[test]
    fn only_what_is_said_in_full_names_a_cure() {
        let long = (0..60).map(|word| format!("word{word}")).collect::<Vec<_>>().join(" ");
        for (cause, fix, names) in [
            (Cause::ConnectionRefused, None, false),
            (Cause::ConnectionRefused, Some("…"), false),
            (Cause::ConnectionRefused, Some("Advice!"), false),
            (Cause::ConnectionRefused, Some(long.as_str()), false),
            (Cause::ConnectionRefused, Some("restart"), true),
            (Cause::Unknown, Some("restart it"), false),
            (Cause::Unknown, Some("restart the server"), false),
            (Cause::Unknown, Some("restart the database server"), true),
        ] {
            let lesson = extract(Provider::PostgreSql, cause, "something", fix);
            assert_eq!(lesson.names_the_cure(cause), names, "{fix:?} for {cause}");
        }
    }

    #[test]
    fn what_resolves_no_error_is_told_by_its_words() {
        for (text, category) in [
            ("rotate the certificate every year", Category::Security),
            ("a larger pool is faster", Category::Optimization),
            ("name the application", Category::Configuration),
            ("it failed", Category::ErrorResolution),
        ] {
            assert_eq!(extract(Provider::MongoDb, Cause::Unknown, "", Some(text)).category, category, "{text}");
        }
    }

    #[test]
    fn sentences_are_no_code() {
        for line in ["Create the user.", "Update the driver", "Grant it more rights", "Select another region."] {
            assert_eq!(language_of(line), None, "{line}");
        }
    }
}
