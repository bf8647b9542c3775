//! What is to be said about each cause: what it means, how it is cured, what to mind. Words only; the cures
//! that change a connection's settings come from the evidence, in `patches`.
//!
//! Each cause has one page. Where what was said shows a situation that has another cure than the usual one, the
//! page of that situation (`particular`) stands in its place.

use super::{Priority, Source, SuggestedFix, Verification, analysis::Case};
use crate::{
    connections::Provider,
    probe::{Cause, Phase},
};

mod client;
mod hosted;
mod login;
mod particular;
mod reach;
mod server;
mod tls;

/// One cause, or one situation of some.
#[derive(Debug)]
pub(super) struct Page {
    pub causes: &'static [Cause],
    /// What it means, in two or three sentences.
    pub explanation: &'static str,
    /// What to mind about security.
    pub security: &'static [&'static str],
    /// The cures, best first.
    pub remedies: &'static [Remedy],
}

/// One cure that a person carries out.
#[derive(Debug)]
pub(super) struct Remedy {
    pub id: &'static str,
    pub title: &'static str,
    pub why: &'static str,
    pub priority: Priority,
    pub steps: &'static [&'static str],
    /// What to type, by provider.
    pub examples: &'static [(Provider, &'static str)],
    /// How often it is the cure, judged from the questions that people ask: 0 to 100.
    pub confidence: u8,
}

impl Remedy {
    fn fix(&self, provider: Provider) -> SuggestedFix {
        let example = self.examples.iter().find(|(of, _)| *of == provider).map(|(_, text)| (*text).to_owned());
        SuggestedFix {
            id: self.id.to_owned(),
            title: self.title.to_owned(),
            description: self.why.to_owned(),
            priority: self.priority,
            steps: self.steps.iter().map(|step| (*step).to_owned()).collect(),
            code_example: example,
            patch: None,
            weakens_security: false,
            confidence: self.confidence,
            source: Source::Rules,
            verification: Verification::untested(),
        }
    }

    /// Whether it is no more than to turn TLS on.
    fn turns_tls_on(&self) -> bool {
        matches!(self.id, "try-tls-for-rule" | "turn-on-tls-for-method")
    }
}

/// What decides between pages: the cause, and what was said and seen beside it.
#[derive(Debug)]
pub(super) struct Told<'a> {
    case: &'a Case<'a>,
    cause: Cause,
    also_possible: &'a [Cause],
    /// Where it stopped, where that was seen.
    phase: Option<Phase>,
    /// The structured code, where that was seen.
    code: &'a str,
    /// What was said, in lower case.
    words: String,
}

impl<'a> Told<'a> {
    pub fn of(case: &'a Case<'a>, found: Cause, also_possible: &'a [Cause]) -> Self {
        let failure = case.staged.and_then(|staged| staged.failure.as_ref());
        Self {
            case,
            cause: found,
            also_possible,
            phase: failure.map(|failure| failure.phase),
            code: failure.and_then(|failure| failure.code.as_deref()).unwrap_or_default(),
            words: case.told().to_lowercase(),
        }
    }

    fn says(&self, words: &str) -> bool {
        self.words.contains(words)
    }

    /// Whether a client certificate may be what is missing.
    fn may_want_certificate(&self) -> bool {
        // MySQL and MariaDB refuse a user without the certificate that it requires as one with a wrong password.
        let is_silent = self.case.provider == Provider::MySql && self.case.has_tls();
        self.cause == Cause::AuthWrongPassword && (is_silent || self.also_possible.contains(&Cause::CredentialsMissing))
    }
}

/// The page for what is told. A test holds that each cause has one.
pub(super) fn page(told: &Told<'_>) -> Option<&'static Page> {
    let is_of = |page: &&Page| page.causes.contains(&told.cause);
    let particular = particular::PAGES.iter().filter(|(fits, _)| fits(told)).map(|(_, page)| page);
    let usual = [reach::PAGES, tls::PAGES, login::PAGES, server::PAGES, hosted::PAGES, client::PAGES];
    particular.chain(usual.into_iter().flatten()).find(is_of)
}

/// What comes before everything else: a password that nobody has set yet.
pub(super) fn first(told: &Told<'_>) -> Option<SuggestedFix> {
    let is_refused = matches!(
        told.cause,
        Cause::AuthWrongPassword | Cause::AuthUnknownUser | Cause::AuthSourceWrong | Cause::PoolerTenantNotFound
    );
    (is_refused && told.case.password.placeholder).then(|| login::REPLACE_PLACEHOLDER.fix(told.case.provider))
}

/// The cures of `page` that can help here.
pub(super) fn cures(told: &Told<'_>, page: Option<&Page>) -> Vec<SuggestedFix> {
    let remedies = page.map(|page| page.remedies).unwrap_or_default().iter();
    let helps = |remedy: &&Remedy| told.case.may_turn_tls_on() || !remedy.turns_tls_on();
    let certificate = told.may_want_certificate().then_some(&particular::ACCOUNT_WANTS_CERTIFICATE);
    remedies.filter(helps).chain(certificate).map(|remedy| remedy.fix(told.case.provider)).collect()
}
