//! Looks at connections, judges what came of it, and stores the answer.

mod analyze;
mod learnt;
mod store;

pub use analyze::{AnalyzeRequest, analyze};

use super::{
    Analysis, StagedReport, SuggestedFix,
    analysis::{Case, PasswordTraits, analyse},
};
use crate::{
    connections::{
        Provider,
        settings::{Secret, Settings},
    },
    server::{egress::Egress, providers},
};

/// A staged probe with what is to be made of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Examination {
    /// What was seen.
    pub staged: StagedReport,
    /// What it comes down to.
    pub analysis: Analysis,
    /// What to do about it.
    pub fixes: Vec<SuggestedFix>,
}

/// Takes the connection apart and judges it beside `text`, a message that was seen elsewhere, or nothing.
pub async fn examine(egress: &Egress, provider: Provider, settings: &Settings, text: &str) -> Examination {
    let staged = providers::diagnose(egress, provider, settings).await;
    let password = settings.password.as_ref().map(Secret::reveal).unwrap_or_default();
    let (analysis, fixes) = analyse(&Case {
        provider,
        text,
        settings: Some(&settings.public()),
        password: PasswordTraits::of(password),
        staged: Some(&staged),
    });
    Examination { staged, analysis, fixes }
}
