//! What is to be said about each cause: what it means, how it is cured, what to mind. Words only; the cures
//! that change a connection's settings come from the evidence, in `patches`.

use super::{Priority, Source, SuggestedFix, Verification};
use crate::{
    connections::Provider,
    probe::{Cause, Phase},
};

mod client;
mod hosted;
mod login;
mod reach;
mod server;
mod tls;

/// One cause.
#[derive(Debug)]
pub(super) struct Page {
    pub cause: Cause,
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
    pub fn fix(&self, provider: Provider) -> SuggestedFix {
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
}

/// The page of `cause`, as it shows in `phase` where that was seen. A test holds that each has one.
pub(super) fn page(cause: Cause, phase: Option<Phase>) -> Option<&'static Page> {
    if cause == Cause::ConnectTimeout && phase.is_some_and(|phase| phase > Phase::Tcp) {
        return Some(&reach::SILENCE);
    }
    [reach::PAGES, tls::PAGES, login::PAGES, server::PAGES, hosted::PAGES, client::PAGES]
        .into_iter()
        .flatten()
        .find(|page| page.cause == cause)
}
