//! What has worked for others.

use super::super::{Finding, Subject};
use crate::connections::settings::TlsMode;

/// So many similar successes are needed before being unlike all of them means something.
const ENOUGH: u64 = 5;

/// None of what works is set up like this. That others take less care is no advice.
///
/// Source: the product's own experience, as its checks recorded it (`knowledge::patterns`).
pub(super) fn judge(subject: &Subject, findings: &mut Vec<Finding>) {
    let compared = subject.comparison();
    if compared.similar_connections < ENOUGH || compared.success_rate.is_some_and(|rate| rate > 0.0) {
        return;
    }
    let strength = |mode: &str| TlsMode::ALL.iter().position(|known| known.code() == mode);
    let advice =
        compared.differences.iter().find(|it| it.field != "tls" || strength(&it.typical) > strength(&it.yours));
    let Some(difference) = advice else { return };
    findings.push(Finding::info(
        2,
        difference.field,
        "unlike_what_works",
        &format!(
            "None of the {} connections to hosts of this kind that work is set up like this one.",
            compared.similar_connections
        ),
        &format!(
            "Most of them use {}, and this one {}. Compare, if it does not connect.",
            difference.typical, difference.yours
        ),
    ));
}
