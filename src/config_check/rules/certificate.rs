//! What the certificate that the server showed at the last check means.
//!
//! Sources: CIS PostgreSQL 16, 6.8; RFC 9525 (names in certificates). Fourteen days are what the checks call
//! degraded (`health::rules`); thirty are the renewal window of most authorities.

use super::super::{Finding, Subject};

const DAY_S: i64 = 86_400;

pub(super) fn judge(subject: &Subject, findings: &mut Vec<Finding>) {
    let (Some(certificate), Some(at)) = (&subject.known.certificate, subject.known.at) else { return };
    let days = (certificate.not_after.seconds() - at.seconds()).div_euclid(DAY_S);
    match days {
        ..0 => findings.push(Finding::error(
            25,
            "tls",
            "certificate_expired",
            "The server's certificate has expired: clients that verify it refuse to connect.",
            "Renew it on the server.",
        )),
        0..14 => findings.push(Finding::warning(
            8,
            "tls",
            "certificate_ending",
            &format!("The server's certificate ends in {days} days."),
            "Renew it on the server, and let that be done by itself from then on.",
        )),
        14..30 => findings.push(Finding::info(
            1,
            "tls",
            "certificate_ending",
            &format!("The server's certificate ends in {days} days."),
            "See that its renewal is under way.",
        )),
        30.. => {}
    }
    if !certificate.names_host {
        findings.push(Finding::warning(
            15,
            "host",
            "certificate_mismatch",
            &format!("The server's certificate does not name {}.", subject.settings.host),
            "Enter the name that the certificate is for, or have one made for this host.",
        ));
    }
}
