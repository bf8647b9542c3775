//! What is encrypted on the way, and who is believed to be at its end.
//!
//! Sources: OWASP Database Security Cheat Sheet, "Transport Layer Protection" (encrypt, and verify the
//! server's certificate); CIS PostgreSQL 16, 6.8 "Ensure TLS is enabled and configured correctly"; CIS MySQL
//! 8.0, 8.1 "Ensure `require_secure_transport` is ON"; CIS MongoDB 7, 4.1 "Ensure TLS is used"; PostgreSQL's
//! manual, 32.19 "SSL Support", for what each mode protects from.

use super::{
    super::{Change, Finding, Subject, Target},
    Reach,
};
use crate::connections::settings::TlsMode;

pub(super) fn judge(subject: &Subject, findings: &mut Vec<Finding>) {
    let settings = &subject.settings;
    let reach = Reach::of_subject(subject);
    let mode = settings.effective_tls();
    let has_own_ca = settings.ca_certificate.is_some();
    // A private name has no certificate that the world trusts; with one's own authority it can be verified.
    let best = if reach == Reach::Public || has_own_ca { TlsMode::VerifyFull } else { TlsMode::Require };
    let change = || Change::set(Target::Tls, best.code());
    let advice = match best {
        TlsMode::VerifyFull => "Use verify-full.",
        _ => "Use require, or verify-full with the certificate of your own authority.",
    };
    match (mode, reach) {
        (TlsMode::Disable, Reach::Public) => findings.push(
            Finding::error(
                35,
                "tls",
                "tls_disabled",
                "TLS is off: anyone on the way reads the login and all data, and can change them.",
                advice,
            )
            .with(change()),
        ),
        (TlsMode::Disable, Reach::Private) => findings.push(
            Finding::warning(
                15,
                "tls",
                "tls_disabled",
                "TLS is off: anyone in the private network can read the login and all data.",
                advice,
            )
            .with(change()),
        ),
        (TlsMode::Prefer, Reach::Public) => findings.push(
            Finding::error(
                25,
                "tls",
                "tls_optional",
                "TLS is used only if the server offers it: anyone on the way can switch it off unnoticed.",
                advice,
            )
            .with(change()),
        ),
        (TlsMode::Prefer, Reach::Private) => findings.push(
            Finding::warning(
                8,
                "tls",
                "tls_optional",
                "TLS is used only if the server offers it: anyone in the private network can switch it off unnoticed.",
                advice,
            )
            .with(change()),
        ),
        (TlsMode::Require, Reach::Public) => findings.push(
            Finding::warning(
                15,
                "tls",
                "tls_unverified",
                "The connection is encrypted, but nobody checks who answers: a machine in between can pose as the server.",
                advice,
            )
            .with(change()),
        ),
        (TlsMode::Require, Reach::Private) => findings.push(Finding::warning(
            6,
            "tls",
            "tls_unverified",
            "The connection is encrypted, but nobody checks who answers.",
            "Paste the certificate of your authority and use verify-full.",
        )),
        (TlsMode::VerifyCa, Reach::Public | Reach::Private) => {
            // One's own authority signs for few.
            let points = if has_own_ca { 2 } else { 5 };
            findings.push(
                Finding::warning(
                    points,
                    "tls",
                    "tls_name_unverified",
                    "The certificate is verified, but not that it is for this host: any server with a certificate of the authority is believed.",
                    "Use verify-full.",
                )
                .with(Change::set(Target::Tls, TlsMode::VerifyFull.code())),
            );
        }
        (TlsMode::VerifyFull, _) | (_, Reach::Loopback) => {}
    }
    if settings.tls.is_none() {
        findings.push(
            Finding::info(
                0,
                "tls",
                "tls_mode_implicit",
                &format!("No TLS mode is set, so the host decides: here that is {}.", mode.code()),
                "Set the mode, so that it stays when the host changes.",
            )
            .with(Change::set(Target::Tls, mode.code())),
        );
    }
}
