//! From evidence and text to the answer: pure, and the same for pages, wire and command line.
//!
//! Where a staged probe failed, its cause counts. Where it connected, the trouble is over or was another's:
//! the cause comes from the text, and the answer says that it works now. Without a probe the text decides
//! alone.

use super::{Analysis, Priority, Severity, Source, StagedReport, SuggestedFix, patches, playbook, resources};
use crate::{
    connections::{Provider, settings::PublicSettings},
    probe::{
        Cause, Failure, Outcome,
        classify::{self, classify},
    },
};

/// Other causes that are named at most: a longer list helps nobody.
const MOST_OTHERS: usize = 4;

/// What is known of one failure.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// What kind of database.
    pub provider: Provider,
    /// The message, scrubbed; empty where there is none.
    pub text: &'a str,
    /// What may be seen of the settings, where there are any.
    pub settings: Option<&'a PublicSettings>,
    /// How the password looks, where there is one.
    pub password: PasswordTraits,
    /// What a staged probe saw, where one was made.
    pub staged: Option<&'a StagedReport>,
}

impl Case<'_> {
    /// What was said about the failure: to the staged probe where that failed, else the message.
    pub(super) fn told(&self) -> &str {
        self.staged.and_then(|staged| staged.failure.as_ref()).map_or(self.text, |failure| &failure.message)
    }

    /// Whether TLS was seen to be on. Of Supabase it may be the API's alone.
    pub(super) fn has_tls(&self) -> bool {
        self.provider != Provider::Supabase && self.staged.is_some_and(|staged| staged.tls.is_some())
    }

    /// Whether turning TLS on may help: it is not on yet, and the server was not seen to have none.
    pub(super) fn may_turn_tls_on(&self) -> bool {
        let has_none = self.staged.is_some_and(|staged| staged.findings.offers_tls == Some(false));
        !self.has_tls() && !has_none
    }
}

/// What may be said of a password without saying anything of it: whether it looks damaged on its way here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is seen for itself, and all may hold at once")]
pub struct PasswordTraits {
    /// Blanks or line breaks at its ends.
    pub blank_edges: bool,
    /// Percent-encoded characters in it.
    pub percent_encoded: bool,
    /// Quotes around it.
    pub quoted: bool,
    /// What guides and dashboards show where a password is to be put: `[YOUR-PASSWORD]`, `${DB_PASSWORD}`, `****`.
    pub placeholder: bool,
}

impl PasswordTraits {
    /// Looks at `password`.
    #[must_use]
    pub fn of(password: &str) -> Self {
        let encoded =
            |window: &[u8]| matches!(window, [b'%', high, low] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit());
        let quoted = |quote: char| password.len() > 2 && password.starts_with(quote) && password.ends_with(quote);
        Self {
            blank_edges: password.trim() != password,
            percent_encoded: password.as_bytes().windows(3).any(encoded),
            quoted: quoted('"') || quoted('\''),
            placeholder: is_placeholder(password.trim().trim_matches(['"', '\'', '`'])),
        }
    }
}

/// Whether `password` stands where one is to be put: a name in brackets, a variable, a mask.
fn is_placeholder(password: &str) -> bool {
    const BRACKETS: [(&str, &str); 7] =
        [("{{", "}}"), ("${", "}"), ("$(", ")"), ("<", ">"), ("[", "]"), ("{", "}"), ("%", "%")];
    let is_name = |text: &str| {
        let text = text.trim();
        text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ' '))
    };
    let in_brackets = BRACKETS.iter().any(|(open, close)| {
        password.strip_prefix(open).and_then(|rest| rest.strip_suffix(close)).is_some_and(is_name)
    });
    let is_variable = password.strip_prefix('$').is_some_and(|name| {
        name.contains('_') && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
    });
    let is_mask = password.chars().count() >= 3
        && ['*', '•', '●', 'x', 'X', '.', '…'].iter().any(|mask| password.chars().all(|c| c == *mask));
    let is_yours = is_name(password) && {
        let lower = password.to_ascii_lowercase();
        lower.starts_with("your") && lower.contains("pass")
    };
    in_brackets || is_variable || is_mask || is_yours
}

/// What the failure comes down to, and what to do about it, best first.
#[must_use]
pub fn analyse(case: &Case<'_>) -> (Analysis, Vec<SuggestedFix>) {
    let verdict = judge(case);
    let told = playbook::Told::of(case, verdict.cause, &verdict.also_possible);
    let page = playbook::page(&told);
    let works = case.staged.is_some_and(StagedReport::succeeded);
    let explanation = page.map_or(verdict.cause.advice(), |page| page.explanation);
    let mut fixes: Vec<SuggestedFix> = playbook::first(&told).into_iter().collect();
    fixes.extend(patches::fixes(case, verdict.cause, &verdict.also_possible));
    fixes.extend(playbook::cures(&told, page));
    // The sort is stable: among equals, what the evidence gave stands first.
    fixes.sort_by_key(|fix| (fix.priority, fix.weakens_security));
    let analysis = Analysis {
        cause: verdict.cause,
        title: verdict.cause.title().to_owned(),
        root_cause: root_cause(case, verdict.cause.title()),
        explanation: if works {
            format!("It works now: a check just connected. What the message tells of: {explanation}")
        } else {
            explanation.to_owned()
        },
        is_transient: verdict.is_transient,
        severity: match (works, verdict.is_transient) {
            (true, _) => Severity::Info,
            (false, true) => Severity::Warning,
            (false, false) => Severity::Critical,
        },
        confidence: verdict.confidence,
        also_possible: verdict.also_possible,
        evidence: case.staged.map(StagedReport::evidence).unwrap_or_default(),
        security_notes: page
            .map(|page| page.security.iter().map(|note| (*note).to_owned()).collect())
            .unwrap_or_default(),
        resources: resources::resources(case.provider, verdict.cause),
        sources: match case.staged {
            Some(_) => vec![Source::Evidence, Source::Rules],
            None => vec![Source::Rules],
        },
        model: None,
    };
    (analysis, fixes)
}

struct Judgement {
    cause: Cause,
    also_possible: Vec<Cause>,
    confidence: u8,
    is_transient: bool,
}

fn judge(case: &Case<'_>) -> Judgement {
    let text = (!case.text.trim().is_empty()).then(|| {
        let provider = Some(case.provider);
        classify(&classify::Evidence { provider, text: case.text, ..classify::Evidence::default() })
    });
    let seen = case.staged.and_then(|staged| staged.failure.as_ref());
    match (seen, text) {
        (Some(failure), text) => {
            let says = text.map(|verdict| verdict.cause).filter(|cause| *cause != Cause::Unknown);
            let mut others: Vec<Cause> = says.into_iter().chain(failure.also_possible.iter().copied()).collect();
            tidy(&mut others, failure.cause);
            Judgement {
                cause: failure.cause,
                confidence: confidence(failure.cause, failure.also_possible.len(), says == Some(failure.cause)),
                is_transient: failure.is_transient(),
                also_possible: others,
            }
        }
        (None, Some(verdict)) => {
            let mut others = verdict.also_possible;
            tidy(&mut others, verdict.cause);
            Judgement {
                cause: verdict.cause,
                confidence: verdict.confidence,
                is_transient: is_transient(verdict.cause, case.text),
                also_possible: others,
            }
        }
        (None, None) => Judgement {
            cause: Cause::Unknown,
            confidence: 0,
            is_transient: Cause::Unknown.is_transient(),
            also_possible: Vec::new(),
        },
    }
}

/// Each cause once, and not the one that was found.
fn tidy(others: &mut Vec<Cause>, found: Cause) {
    let mut kept: Vec<Cause> = Vec::new();
    for cause in others.iter().copied().filter(|cause| *cause != found) {
        if !kept.contains(&cause) {
            kept.push(cause);
        }
    }
    kept.truncate(MOST_OTHERS);
    *others = kept;
}

/// How sure one may be of what a probe saw: it falls by ten with each thing that it may be as well, as for a
/// text, and is a little higher where evidence and text agree.
fn confidence(cause: Cause, others: usize, agreed: bool) -> u8 {
    if cause == Cause::Unknown {
        return 0;
    }
    let doubt = u8::try_from(others).unwrap_or(u8::MAX).saturating_mul(10);
    let seen: u8 = if agreed { 99 } else { 97 };
    seen.saturating_sub(doubt).max(40)
}

/// As [`Failure::is_transient`], for a text: a name that does not resolve is transient only where the
/// resolver failed for now, a service record where it came too late.
fn is_transient(cause: Cause, text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let says = |parts: &[&str]| parts.iter().any(|part| text.contains(part));
    match cause {
        Cause::DnsNotFound => says(&["eai_again", "temporary failure", "try again"]),
        Cause::SrvLookupFailed => says(&["timeout", "timed out", "etimeout"]),
        cause => cause.is_transient(),
    }
}

/// One or two sentences with what was seen in them.
fn root_cause(case: &Case<'_>, title: &str) -> String {
    let Some(staged) = case.staged else {
        return match case.text.trim() {
            "" => format!("{title}: there is neither a message nor evidence."),
            text => format!("{title}, going by the message: {}", ended(text)),
        };
    };
    if let Some(failure) = &staged.failure {
        return format!("{title}. {}", seen(staged, failure));
    }
    let now = format!("A staged check connected in {} ms", staged.total_micros.saturating_add(500) / 1_000);
    match case.text.trim() {
        "" => format!("{now}."),
        text => format!("{now}, so what the message tells of is over or happens elsewhere: {}", ended(text)),
    }
}

/// How far it got, where it stopped, and what was said there.
fn seen(staged: &StagedReport, failure: &Failure) -> String {
    let done: Vec<&str> = staged
        .stages
        .iter()
        .filter(|stage| stage.outcome == Outcome::Ok && stage.kind.phase() <= failure.phase)
        .map(|stage| stage.kind.label())
        .fold(Vec::new(), |mut labels, label| {
            if labels.last() != Some(&label) {
                labels.push(label);
            }
            labels
        });
    let got = if done.is_empty() { String::new() } else { format!("{} went well. ", done.join(", ")) };
    let code = failure.code.as_deref().map(|code| format!(" ({code})")).unwrap_or_default();
    format!("{got}It stopped at {}{code}: {}", failure.phase.label(), ended(&failure.message))
}

/// A message as the end of a sentence.
fn ended(text: &str) -> String {
    let text = text.trim();
    if text.ends_with(['.', '!', '?']) { text.to_owned() } else { format!("{text}.") }
}

/// The words for [`Priority`], for terminals.
#[must_use]
pub const fn priority_label(priority: Priority) -> &'static str {
    match priority {
        Priority::High => "try first",
        Priority::Medium => "if that does not help",
        Priority::Low => "last resort",
    }
}

#[cfg(test)]
mod tests;
