//! Cures that are a change of the connection's settings, each built on something that was seen: another port
//! where a database speaks, a database of the same name in another case, a password with a blank at its end.
//!
//! Patches name the fields of the wire. Those of secrets are symbolic. Where a patch makes the connection
//! less safe, it says so, and whoever applies it has to confirm.

use serde_json::{Value, json};

use super::{Priority, Source, StagedReport, SuggestedFix, Verification, analysis::Case};
use crate::{
    connections::{
        Provider,
        settings::{PublicSettings, PublicSpecial, Settings, TlsMode},
    },
    probe::Cause,
};

/// Milliseconds that a database which sleeps may need to wake up.
const PATIENT_MS: u32 = 15_000;
/// Ports of Supabase's pooler.
const SESSION_PORT: u16 = 5432;
const TRANSACTION_PORT: u16 = 6543;

/// The changes of settings that may cure the cause that was found.
pub(super) fn fixes(case: &Case<'_>, found: Cause, also_possible: &[Cause]) -> Vec<SuggestedFix> {
    let Some(settings) = case.settings else {
        return Vec::new();
    };
    let mut fixes = Vec::new();
    match found {
        Cause::DnsNotFound | Cause::InvalidConnectionString => fixes.extend(cleaned_host(settings)),
        Cause::ConnectionRefused | Cause::WrongProtocol => fixes.extend(other_ports(case, settings)),
        Cause::ConnectTimeout => {
            fixes.extend(other_ports(case, settings));
            fixes.extend(more_time(settings));
        }
        Cause::TlsRequired => fixes.extend(turn_tls_on(case, settings, 92)),
        Cause::AccessRuleDenied => fixes.extend(go_without_tls_for_rule(case, settings)),
        Cause::TlsNotSupported => fixes.extend(go_without_tls(settings)),
        Cause::TlsCertUntrusted => {
            fixes.extend(pin_offered(case));
            fixes.extend(stop_verifying(settings));
        }
        Cause::TlsCertExpired => fixes.extend(stop_verifying(settings)),
        Cause::TlsHostnameMismatch => {
            fixes.extend(certified_names(case, settings));
            fixes.extend(trust_authority_only(settings));
        }
        Cause::AuthWrongPassword => {
            fixes.extend(mended_password(case));
            fixes.extend(trimmed(settings.username.as_deref(), "username", "user"));
            fixes.extend(auth_source(case.provider, Priority::Medium, 40));
            fixes.extend(tenant(case, settings, Priority::Medium));
        }
        Cause::AuthUnknownUser => {
            fixes.extend(trimmed(settings.username.as_deref(), "username", "user"));
            fixes.extend(tenant(case, settings, Priority::Medium));
        }
        Cause::AuthSourceWrong => fixes.extend(auth_source(case.provider, Priority::High, 85)),
        Cause::PoolerTenantNotFound => fixes.extend(tenant(case, settings, Priority::High)),
        Cause::DatabaseNotFound => {
            fixes.extend(trimmed(settings.database.as_deref(), "database", "database"));
            fixes.extend(existing_databases(case, settings));
            fixes.extend(moved_database(case, settings));
        }
        Cause::PreparedStatementConflict => {
            fixes.extend(pooler_port(settings, TRANSACTION_PORT, SESSION_PORT, "the pooler's session mode"));
        }
        Cause::TooManyConnections => {
            fixes.extend(pooler_port(settings, SESSION_PORT, TRANSACTION_PORT, "the pooler's transaction mode"));
        }
        _ => {}
    }
    if found != Cause::TlsRequired && also_possible.contains(&Cause::TlsRequired) {
        fixes.extend(turn_tls_on(case, settings, 60));
    }
    fixes
}

/// A fix with a patch; what is left out is filled in by the callers that need it.
fn patched(
    id: String,
    title: String,
    description: &str,
    priority: Priority,
    confidence: u8,
    patch: Value,
) -> SuggestedFix {
    SuggestedFix {
        id,
        title,
        description: description.to_owned(),
        priority,
        steps: vec![
            "Apply the change: it is tried against the server and kept only if it connects.".to_owned(),
            "Or make it by hand in the connection's form, and test there.".to_owned(),
        ],
        code_example: None,
        patch: Some(patch),
        weakens_security: false,
        confidence,
        source: Source::Rules,
        verification: Verification::untested(),
    }
}

fn weakening(fix: SuggestedFix) -> SuggestedFix {
    let mut fix = SuggestedFix { weakens_security: true, priority: Priority::Low, ..fix };
    fix.steps.insert(0, "Make sure that the connection may be less safe: it has to be confirmed.".to_owned());
    fix
}

/// A host that holds more than a host: a scheme, a path, a port, blanks.
fn cleaned_host(settings: &PublicSettings) -> Option<SuggestedFix> {
    let text = settings.host.trim().trim_matches(['"', '\'', '`']);
    let text = text.split_once("://").map_or(text, |(_, rest)| rest);
    let text = text.rsplit_once('@').map_or(text, |(_, host)| host);
    let text = text.split(['/', '?', '#']).next().unwrap_or(text).trim().trim_end_matches('.');
    let (host, port) = match text.rsplit_once(':') {
        // More than one colon is IPv6.
        Some((host, port)) if !host.contains(':') => (host, port.parse::<u16>().ok().filter(|port| *port > 0)),
        _ => (text, None),
    };
    let host: String = host.chars().filter(|c| !c.is_whitespace() && !c.is_control()).collect();
    if host.is_empty() || host == settings.host {
        return None;
    }
    let title = format!("Use {host} as the host");
    let mut patch = json!({ "host": host });
    if let (Some(port), Some(patch)) = (port, patch.as_object_mut()) {
        patch.insert("port".to_owned(), port.into());
    }
    let why = "The host holds more than a name or an address: a scheme, a path, a port, a user or blanks.";
    Some(patched("clean-host".to_owned(), title, why, Priority::High, 85, patch))
}

/// Ports where a database of the kind was seen; the usual one where nobody looked.
fn other_ports(case: &Case<'_>, settings: &PublicSettings) -> Vec<SuggestedFix> {
    let fix = |port: u16, why: &str, confidence| {
        let title = format!("Use port {port}");
        patched(format!("use-port-{port}"), title, why, Priority::High, confidence, json!({ "port": port }))
    };
    match case.staged {
        Some(staged) => {
            let why = format!("{} speaks at that port of the same host.", case.provider.label());
            staged.findings.other_ports.iter().map(|port| fix(*port, &why, 85)).collect()
        }
        None if settings.port != case.provider.default_port() && settings.port != 0 => {
            let why = "It is the port at which such databases usually listen.";
            vec![SuggestedFix { priority: Priority::Medium, ..fix(case.provider.default_port(), why, 35) }]
        }
        None => Vec::new(),
    }
}

fn more_time(settings: &PublicSettings) -> Option<SuggestedFix> {
    let now = settings.connect_timeout_ms.unwrap_or(Settings::DEFAULT_CONNECT_TIMEOUT_MS);
    (now < PATIENT_MS).then(|| {
        patched(
            "connect-timeout-15000".to_owned(),
            "Allow 15 s for connecting".to_owned(),
            "A database that sleeps may need longer than the limit to wake up.",
            Priority::Low,
            20,
            json!({ "connectTimeoutMs": PATIENT_MS }),
        )
    })
}

/// TLS where there was none: unverified, because nothing is known of the certificate yet, and still safer
/// than before.
fn turn_tls_on(case: &Case<'_>, settings: &PublicSettings, confidence: u8) -> Option<SuggestedFix> {
    let is_off = matches!(settings.effective_tls(), TlsMode::Disable | TlsMode::Prefer);
    (is_off && case.may_turn_tls_on()).then(|| {
        let mut fix = patched(
            "tls-require".to_owned(),
            "Turn TLS on (require)".to_owned(),
            "The server takes encrypted connections, or only those.",
            Priority::High,
            confidence,
            json!({ "tls": TlsMode::Require.code() }),
        );
        fix.steps.push("Afterwards raise it to verify-full, with the provider's CA certificate.".to_owned());
        fix
    })
}

fn go_without_tls(settings: &PublicSettings) -> Option<SuggestedFix> {
    (!matches!(settings.effective_tls(), TlsMode::Disable | TlsMode::Prefer)).then(|| {
        weakening(patched(
            "tls-prefer".to_owned(),
            "Go without TLS as long as the server has none".to_owned(),
            "Everything, the login included, can then be read and changed on the way.",
            Priority::Low,
            70,
            json!({ "tls": TlsMode::Prefer.code() }),
        ))
    })
}

/// PostgreSQL names the encryption that it found no rule for. The words are the same where there is no rule at all,
/// which is likelier.
fn go_without_tls_for_rule(case: &Case<'_>, settings: &PublicSettings) -> Option<SuggestedFix> {
    let says = |words: &str| case.told().to_ascii_lowercase().contains(words);
    let is_encrypted = says("pg_hba.conf") && (says("ssl encryption") || says("ssl on"));
    (is_encrypted && settings.effective_tls() != TlsMode::Disable).then(|| {
        weakening(patched(
            "tls-disable".to_owned(),
            "Go without TLS if the rule is for connections without it".to_owned(),
            "A hostnossl line fits no encrypted connection. Without TLS everything can be read on the way.",
            Priority::Low,
            30,
            json!({ "tls": TlsMode::Disable.code() }),
        ))
    })
}

/// The certificate as it was offered, taken for the right one from now on.
fn pin_offered(case: &Case<'_>) -> Option<SuggestedFix> {
    let leaf = case.staged?.tls.as_ref()?.chain.first()?;
    let why = format!(
        "It is for {}, issued by {}, with the SHA-256 {}. Nothing proves that it is the right server's: compare it there first.",
        leaf.names.first().unwrap_or(&leaf.subject),
        leaf.issuer,
        leaf.sha256
    );
    let patch = json!({ "caCertificate": { "transform": "pin_offered", "sha256": leaf.sha256 } });
    Some(weakening(patched(
        "pin-certificate".to_owned(),
        "Trust the certificate that the server offered".to_owned(),
        &why,
        Priority::Low,
        60,
        patch,
    )))
}

fn stop_verifying(settings: &PublicSettings) -> Option<SuggestedFix> {
    matches!(settings.effective_tls(), TlsMode::VerifyCa | TlsMode::VerifyFull).then(|| {
        weakening(patched(
            "tls-unverified".to_owned(),
            "Encrypt without verifying the certificate".to_owned(),
            "Nobody then checks who answers: a machine in between can pose as the server.",
            Priority::Low,
            55,
            json!({ "tls": TlsMode::Require.code() }),
        ))
    })
}

/// Names of the certificate in place of the host. What a server says of itself is no proof that the login
/// belongs there, so it has to be confirmed.
fn certified_names(case: &Case<'_>, settings: &PublicSettings) -> Vec<SuggestedFix> {
    let names = case.staged.and_then(|staged| staged.tls.as_ref()).and_then(|tls| tls.chain.first());
    let names = names.map(|leaf| leaf.names.as_slice()).unwrap_or_default();
    names
        .iter()
        .filter(|name| is_host(name) && !name.eq_ignore_ascii_case(&settings.host))
        .take(3)
        .map(|name| {
            let fix = patched(
                format!("use-host-{name}"),
                format!("Use {name} as the host"),
                "The certificate names it.",
                Priority::Low,
                55,
                json!({ "host": name }),
            );
            SuggestedFix { priority: Priority::Medium, ..weakening(fix) }
        })
        .collect()
}

/// Whether a name of a certificate, which may hold anything, is one of a host.
fn is_host(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 253
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ':'))
}

fn trust_authority_only(settings: &PublicSettings) -> Option<SuggestedFix> {
    (settings.effective_tls() == TlsMode::VerifyFull).then(|| {
        weakening(patched(
            "tls-verify-ca".to_owned(),
            "Verify the authority, and not the name".to_owned(),
            "Every server with a certificate of the same authority is then taken for the right one.",
            Priority::Low,
            45,
            json!({ "tls": TlsMode::VerifyCa.code() }),
        ))
    })
}

/// What damages passwords on their way: blanks, percent-encoding, quotes.
fn mended_password(case: &Case<'_>) -> Vec<SuggestedFix> {
    let traits = case.password;
    [
        (
            traits.blank_edges,
            "trim",
            "Take the blanks around the password off",
            "There are blanks or line breaks at its ends, as copying adds them.",
            70,
        ),
        (
            traits.percent_encoded,
            "percent_decode",
            "Percent-decode the password",
            "It looks percent-encoded, as addresses need it and fields do not.",
            65,
        ),
        (
            traits.quoted,
            "unquote",
            "Take the quotes around the password off",
            "It stands in quotes, as configuration files have it.",
            60,
        ),
    ]
    .into_iter()
    .filter(|(applies, ..)| *applies)
    .map(|(_, transform, title, why, confidence)| {
        patched(
            format!("password-{}", transform.replace('_', "-")),
            title.to_owned(),
            why,
            Priority::High,
            confidence,
            json!({ "password": { "transform": transform } }),
        )
    })
    .collect()
}

fn trimmed(value: Option<&str>, field: &str, what: &str) -> Option<SuggestedFix> {
    let value = value?;
    let bare = value.trim();
    (bare != value && !bare.is_empty()).then(|| {
        let mut patch = serde_json::Map::new();
        patch.insert(field.to_owned(), bare.into());
        patched(
            format!("trim-{field}"),
            format!("Take the blanks around the {what} off"),
            "There are blanks at its ends, which count.",
            Priority::High,
            75,
            Value::Object(patch),
        )
    })
}

fn auth_source(provider: Provider, priority: Priority, confidence: u8) -> Option<SuggestedFix> {
    (provider == Provider::MongoDb).then(|| {
        patched(
            "auth-source-admin".to_owned(),
            "Set authSource to admin".to_owned(),
            "Users made by administrators and hosting providers are kept there.",
            priority,
            confidence,
            json!({ "authSource": "admin" }),
        )
    })
}

/// `postgres.<ref>` on Supabase's pooler, where the reference is to be seen in the host or the message.
fn tenant(case: &Case<'_>, settings: &PublicSettings, priority: Priority) -> Option<SuggestedFix> {
    let user = settings.username.as_deref().unwrap_or("postgres");
    if !is_supabase_pooler(&settings.host) || user.contains('.') {
        return None;
    }
    let reference = project_reference(&settings.host).or_else(|| project_reference(case.text))?;
    let user = format!("{user}.{reference}");
    Some(patched(
        "user-with-tenant".to_owned(),
        format!("Use {user} as the user"),
        "The pooler finds the project by what stands behind the dot.",
        priority,
        80,
        json!({ "username": user }),
    ))
}

fn is_supabase_pooler(host: &str) -> bool {
    host.to_ascii_lowercase().ends_with(".pooler.supabase.com")
}

/// The reference in `<ref>.supabase.co` or `db.<ref>.supabase.co`: twenty letters and digits.
fn project_reference(text: &str) -> Option<&str> {
    let (before, _) = text.split_once(".supabase.co")?;
    let start = before.rfind(|c: char| !c.is_ascii_alphanumeric()).map_or(0, |at| at + 1);
    before.get(start..).filter(|reference| reference.len() == 20)
}

/// Databases that exist under a name like the one that does not.
fn existing_databases(case: &Case<'_>, settings: &PublicSettings) -> Vec<SuggestedFix> {
    let wanted = settings.database.as_deref().unwrap_or_default().trim();
    let existing = case.staged.map(|staged: &StagedReport| staged.findings.databases.as_slice()).unwrap_or_default();
    let mut close: Vec<(usize, &String)> = existing
        .iter()
        .map(|name| (distance(&wanted.to_lowercase(), &name.to_lowercase()), name))
        .filter(|(distance, name)| *distance <= 2 && *distance < name.chars().count())
        .collect();
    close.sort();
    close
        .into_iter()
        .take(3)
        .map(|(distance, name)| {
            patched(
                format!("use-database-{name}"),
                format!("Use the database {name}"),
                if distance == 0 {
                    "It exists, in another case."
                } else {
                    "It exists, and its name is nearly the same."
                },
                if distance == 0 { Priority::High } else { Priority::Medium },
                if distance == 0 { 90 } else { 60 },
                json!({ "database": name }),
            )
        })
        .collect()
}

/// Where the Realtime Database says that it is. Only an address of Google's under the name that was asked for is
/// taken: what is sent there holds a token.
fn moved_database(case: &Case<'_>, settings: &PublicSettings) -> Option<SuggestedFix> {
    let PublicSpecial::Firebase(firebase) = &settings.special else { return None };
    let now = realtime_database(firebase.database_url.as_deref()?)?;
    let is_moved = |there: &String| *there != now && there.split('.').next() == now.split('.').next();
    let there = case.told().split_whitespace().filter_map(realtime_database).find(is_moved)?;
    let url = format!("https://{there}");
    Some(patched(
        "use-database-url".to_owned(),
        format!("Use {url} as the address of the Realtime Database"),
        "Google says that it is there, in another region.",
        Priority::High,
        95,
        json!({ "databaseURL": url }),
    ))
}

/// The host of a Realtime Database in its address.
fn realtime_database(url: &str) -> Option<String> {
    let rest = url.strip_prefix("https://")?;
    let host = rest.split(['/', '?', '#', ')', ',', '"']).next()?.trim_end_matches('.').to_ascii_lowercase();
    let is_googles = [".firebaseio.com", ".firebasedatabase.app"].iter().any(|end| host.ends_with(end));
    (is_googles && is_host(&host)).then_some(host)
}

/// Levenshtein's distance, for names of a few dozen characters.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (j, y) in b.iter().enumerate() {
            let above = row.get(j + 1).copied().unwrap_or_default();
            let here = (diagonal + usize::from(x != *y)).min(above + 1).min(left + 1);
            if let Some(cell) = row.get_mut(j) {
                *cell = left;
            }
            (diagonal, left) = (above, here);
        }
        if let Some(cell) = row.last_mut() {
            *cell = left;
        }
    }
    row.last().copied().unwrap_or_default()
}

fn pooler_port(settings: &PublicSettings, from: u16, to: u16, what: &str) -> Option<SuggestedFix> {
    (is_supabase_pooler(&settings.host) && settings.port == from).then(|| {
        patched(
            format!("use-port-{to}"),
            format!("Use port {to}"),
            &format!("That is {what}."),
            Priority::High,
            75,
            json!({ "port": to }),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_levenshteins() {
        for (a, b, expected) in [
            ("", "", 0),
            ("a", "", 1),
            ("shop", "shop", 0),
            ("shop", "shpo", 2),
            ("kitten", "sitting", 3),
            ("äö", "aö", 1),
        ] {
            assert_eq!(distance(a, b), expected, "{a} {b}");
            assert_eq!(distance(b, a), expected, "{b} {a}");
        }
    }

    #[test]
    fn references_are_found_where_they_stand() {
        for (text, reference) in [
            ("db.abcdefghijklmnopqrst.supabase.co", Some("abcdefghijklmnopqrst")),
            ("https://abcdefghijklmnopqrst.supabase.co/rest", Some("abcdefghijklmnopqrst")),
            ("aws-0-eu.pooler.supabase.com", None),
            ("short.supabase.co", None),
        ] {
            assert_eq!(project_reference(text), reference, "{text}");
        }
    }
}
