//! Who logs in, and with what.
//!
//! Sources: OWASP Database Security Cheat Sheet, "Authentication" (strong and unique passwords) and
//! "Permissions" (no built-in root, sa or SYS accounts); CIS PostgreSQL 16, 4.3 and 4.4 (excessive
//! privileges); CIS MySQL 8.0, 5.1 to 5.3 (administrative privileges) and 7.2 (no default or empty
//! passwords); CIS MongoDB 7, 2.1 and 3.2 (authentication, least privilege); NIST SP 800-63B, 5.1.1.2
//! (blocklists).

use super::{
    super::{Change, Finding, Strength, Subject},
    Reach, is_managed,
};
use crate::connections::{
    Provider,
    settings::{AuthMechanism, PublicSpecial},
};

/// Accounts that come with the servers or their images and may do everything.
const SUPERUSERS: [&str; 12] = [
    "admin",
    "administrator",
    "azure_superuser",
    "cloudsqladmin",
    "dbadmin",
    "mongo",
    "mysql",
    "postgres",
    "rdsadmin",
    "root",
    "sa",
    "sys",
];

pub(super) fn judge(subject: &Subject, findings: &mut Vec<Finding>) {
    let settings = &subject.settings;
    let is_local = Reach::of_subject(subject) == Reach::Loopback;
    let by_certificate = settings.client_certificate.is_some();
    let x509 =
        matches!(&settings.special, PublicSpecial::MongoDb(it) if it.auth_mechanism == Some(AuthMechanism::X509));
    if x509 {
        if !by_certificate {
            findings.push(Finding::error(
                20,
                "clientCertificate",
                "client_certificate_missing",
                "MONGODB-X509 logs in with a client certificate, and there is none.",
                "Paste the client certificate and its key.",
            ));
        }
        return;
    }
    match settings.username.as_deref().map(str::trim).filter(|user| !user.is_empty()) {
        None if subject.provider == Provider::MongoDb => findings.push(Finding::error(
            if is_local { 15 } else { 30 },
            "username",
            "login_missing",
            "There is no user: either the server is open to everyone, or the checks will fail.",
            "Enable access control on the server, and enter a user for the checks.",
        )),
        None => findings.push(Finding::error(
            20,
            "username",
            "user_missing",
            "There is no user to log in as, so the checks will fail.",
            "Enter a user with the right to log in and nothing more.",
        )),
        Some(user) => superuser(subject, user, is_local, findings),
    }
    match subject.secrets.password {
        None if !settings.has_password
            && !by_certificate
            && (subject.provider != Provider::MongoDb || settings.username.is_some()) =>
        {
            findings.push(Finding::error(
                if is_local { 12 } else { 30 },
                "password",
                "password_missing",
                "There is no password and no client certificate: whoever reaches the server is let in, or the checks will fail.",
                "Set a generated password of 20 characters on the server, and enter it.",
            ));
        }
        None => {}
        Some(strength) => password(strength, is_local, findings),
    }
    if subject.secrets.password_has_blanks {
        findings.push(
            Finding::info(
                0,
                "password",
                "password_blanks",
                "The password begins or ends with a blank, which copying often leaves.",
                "Remove the blanks, unless they belong to it.",
            )
            .with(Change::TrimPassword),
        );
    }
    if !subject.known.password_also_of.is_empty() {
        let names = subject.known.password_also_of.join(", ");
        findings.push(Finding::warning(
            6,
            "password",
            "password_reused",
            &format!("The password is also used by {names}: who learns one of them has the others."),
            "Give each account a password of its own.",
        ));
    }
}

fn superuser(subject: &Subject, user: &str, is_local: bool, findings: &mut Vec<Finding>) {
    // Behind a pooler of Supabase the project follows the name: `postgres.abcdefghijklmnopqrst`.
    let name = user.split(['.', '@']).next().unwrap_or(user).to_ascii_lowercase();
    if !SUPERUSERS.contains(&name.as_str()) {
        return;
    }
    // What managed services call so may do less, and is often the only account there is.
    let managed = is_managed(&subject.settings.host);
    let points = if is_local {
        6
    } else if managed {
        8
    } else {
        15
    };
    findings.push(Finding::warning(
        points,
        "username",
        "superuser_account",
        &format!("{user} may do everything: a leaked password, or one wrong statement, costs the whole server."),
        "Make a user for the checks that may log in and nothing more.",
    ));
}

fn password(strength: Strength, is_local: bool, findings: &mut Vec<Finding>) {
    let less = |points: u32| if is_local { points / 2 } else { points };
    let generated = "Set a generated password of 20 characters on the server, and enter it.";
    findings.push(match strength {
        Strength::Default => Finding::error(
            less(35),
            "password",
            "password_default",
            "The password is one of those that come with products and are tried first.",
            generated,
        ),
        Strength::Name => Finding::error(
            less(30),
            "password",
            "password_is_name",
            "The password is the name of the user, the database or the host.",
            generated,
        ),
        Strength::Weak => Finding::error(
            less(25),
            "password",
            "password_weak",
            "The password can be guessed within hours.",
            generated,
        ),
        Strength::Short => Finding::warning(
            less(8),
            "password",
            "password_short",
            "The password is short of what withstands guessing for years.",
            generated,
        ),
        Strength::Good => return,
    });
}
