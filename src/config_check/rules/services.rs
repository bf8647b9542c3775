//! Firebase and Supabase: keys, roles and the addresses of projects.
//!
//! Sources: Supabase's guides "Understanding API keys" (the service-role key passes row-level security by and
//! stays on servers), "Connect to your database" (ports 5432 and 6543 of the pooler, the direct host is IPv6)
//! and "Postgres SSL Enforcement" (its own authority); Firebase's "Best practices for service accounts",
//! "API keys" (an API key identifies a project and grants nothing) and "Connect your app to the emulators".

use super::{
    super::{Change, Finding, KeyClaim, Subject, Target},
    Reach,
};
use crate::connections::settings::{PublicFirebase, PublicSupabase, TlsMode};

const DAY_S: i64 = 86_400;

pub(super) fn firebase(subject: &Subject, firebase: &PublicFirebase, findings: &mut Vec<Finding>) {
    if let Some(emulator) = &firebase.emulator_host {
        let host = emulator.rsplit_once(':').map_or(emulator.as_str(), |(host, _)| host);
        let (points, where_) = match Reach::of(host.trim_matches(['[', ']'])) {
            Reach::Loopback => (2, "on this machine"),
            Reach::Private | Reach::Public => (20, "open to the network"),
        };
        findings.push(Finding::warning(
            points,
            "emulatorHost",
            "firebase_emulator",
            &format!("This is an emulator {where_}: it asks for no login, and says nothing of the real project."),
            "Leave the emulator out for anything but development.",
        ));
        return;
    }
    if !firebase.has_service_account {
        findings.push(if firebase.has_api_key {
            Finding::warning(
                10,
                "serviceAccount",
                "firebase_key_only",
                "An API key names the project and grants nothing: only whether the project answers can be checked.",
                "Add a service account that may read, and nothing more.",
            )
        } else {
            Finding::error(
                25,
                "serviceAccount",
                "firebase_login_missing",
                "There is no service account and no API key, so nothing but the address can be checked.",
                "Paste the JSON key of a service account that may read, and nothing more.",
            )
        });
    }
    if subject.secrets.account_is_admin && firebase.has_service_account {
        findings.push(Finding::warning(
            8,
            "serviceAccount",
            "firebase_admin_account",
            "This is the account of the Admin SDK, which passes all rules by and may change everything.",
            "Make a service account with the role Cloud Datastore Viewer for the checks.",
        ));
    }
    if let (Some(account), Some(project)) = (&subject.secrets.account_project, &firebase.project_id)
        && account != project
    {
        findings.push(
            Finding::warning(
                15,
                "projectId",
                "firebase_other_project",
                &format!("The service account is of the project {account}, and the project here is {project}."),
                "Use the account's project, unless it was given rights in this one.",
            )
            .with(Change::set(Target::ProjectId, account)),
        );
    }
}

pub(super) fn supabase(subject: &Subject, supabase: &PublicSupabase, findings: &mut Vec<Finding>) {
    let project = api(supabase, findings);
    if !supabase.has_anon_key && !supabase.has_service_role_key {
        findings.push(Finding::warning(
            10,
            "anonKey",
            "supabase_key_missing",
            "There is no key, so only whether the project answers can be checked.",
            "Enter the anon or publishable key.",
        ));
    }
    let secrets = &subject.secrets;
    let is_service = |claim: &Option<KeyClaim>| claim.as_ref().and_then(|claim| claim.is_service_role);
    match (is_service(&secrets.anon_key), is_service(&secrets.service_role_key)) {
        (Some(true), _) if supabase.has_anon_key => findings.push(
            Finding::error(
                20,
                "anonKey",
                "service_role_as_anon",
                "The key in the field for the anon key passes row-level security by. Where these settings are copied to a page, everyone has it.",
                "Exchange the keys, or enter the anon key.",
            )
            .with(Change::SwapKeys),
        ),
        (_, Some(false)) if supabase.has_service_role_key => findings.push(
            Finding::warning(
                5,
                "serviceRoleKey",
                "anon_as_service_role",
                "The key in the field for the service-role key is an anon key.",
                "Exchange the keys, or leave it out: the checks do not need it.",
            )
            .with(Change::SwapKeys),
        ),
        _ => {}
    }
    if supabase.has_service_role_key && is_service(&secrets.service_role_key) != Some(false) {
        findings.push(
            Finding::warning(
                10,
                "serviceRoleKey",
                "service_role_unneeded",
                "The service-role key passes row-level security by, and the checks do as well with the anon key.",
                "Leave the service-role key out.",
            )
            .with(Change::ForgetServiceRoleKey),
        );
    }
    for (field, claim) in [("anonKey", &secrets.anon_key), ("serviceRoleKey", &secrets.service_role_key)] {
        if let Some(claim) = claim {
            key(subject, field, claim, project, findings);
        }
    }
    if !subject.settings.host.is_empty() {
        database(subject, findings);
    }
}

/// Judges the project's address, and gives back its reference where it has one.
fn api<'a>(supabase: &'a PublicSupabase, findings: &mut Vec<Finding>) -> Option<&'a str> {
    let (scheme, rest) = supabase.url.split_once("://")?;
    let host = rest.split('/').next().unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name).trim_matches(['[', ']']);
    if scheme == "http" && Reach::of(name) != Reach::Loopback {
        let public = Reach::of(name) == Reach::Public;
        findings.push(
            Finding::error(
                if public { 35 } else { 15 },
                "url",
                "api_plaintext",
                "The address begins with http://: the keys and all data can be read on the way.",
                "Use https.",
            )
            .with(Change::set(Target::Url, &format!("https://{rest}"))),
        );
    }
    host.strip_suffix(".supabase.co")
}

fn key(subject: &Subject, field: &'static str, claim: &KeyClaim, project: Option<&str>, findings: &mut Vec<Finding>) {
    if let (Some(of), Some(project)) = (&claim.project, project)
        && of != project
    {
        findings.push(Finding::error(
            20,
            field,
            "key_of_other_project",
            "The key is for another project than the address.",
            "Enter the key of this project, from its settings under API keys.",
        ));
    }
    let (Some(expires_at), Some(at)) = (claim.expires_at, subject.known.at) else { return };
    let days = (expires_at.seconds() - at.seconds()).div_euclid(DAY_S);
    match days {
        ..0 => findings.push(Finding::error(
            25,
            field,
            "key_expired",
            "The key has expired, and every request with it is refused.",
            "Enter a new key, from the project's settings under API keys.",
        )),
        0..30 => findings.push(Finding::warning(
            8,
            field,
            "key_ending",
            &format!("The key ends in {days} days."),
            "Make a new key before then.",
        )),
        30.. => {}
    }
}

/// The Postgres behind it.
fn database(subject: &Subject, findings: &mut Vec<Finding>) {
    let settings = &subject.settings;
    let host = settings.host.to_ascii_lowercase();
    let user = settings.username.as_deref().unwrap_or_default();
    let is_pooler = host.ends_with(".pooler.supabase.com");
    if is_pooler && !user.is_empty() && !user.contains('.') {
        let finding = Finding::error(
            15,
            "username",
            "supabase_pooler_user",
            "The pooler tells projects apart by the user, which has to be like postgres.abcdefghijklmnopqrst.",
            "Add a dot and the project's reference to the user.",
        );
        let project = settings.endpoint();
        findings.push(match project.strip_suffix(".supabase.co") {
            Some(project) => finding.with(Change::set(Target::Username, &format!("{user}.{project}"))),
            None => finding,
        });
    }
    if is_pooler && settings.port == 6543 {
        findings.push(
            Finding::info(
                1,
                "port",
                "supabase_transaction_mode",
                "Port 6543 is the pooler in transaction mode, where prepared statements do not last.",
                "Use port 5432 for clients that keep prepared statements.",
            )
            .with(Change::set(Target::Port, "5432")),
        );
    }
    if host.starts_with("db.") && host.ends_with(".supabase.co") {
        findings.push(Finding::info(
            2,
            "host",
            "supabase_direct_host",
            "The direct host has an IPv6 address only, unless the project pays for an IPv4 one.",
            "Use the pooler in session mode where there is no IPv6.",
        ));
    }
    if settings.effective_tls() == TlsMode::VerifyFull
        && settings.ca_certificate.is_none()
        && (is_pooler || host.ends_with(".supabase.co"))
    {
        findings.push(Finding::info(
            0,
            "caCertificate",
            "supabase_own_authority",
            "Supabase's databases have certificates of its own authority, which no system knows.",
            "Paste the certificate from the project's database settings.",
        ));
    }
}
