use serde_json::json;

use super::*;
use crate::{
    diagnosis::{Findings, Stage, StageKind, VerificationStatus},
    probe::{CertificateFacts, Phase, TlsFacts},
    timestamp::Timestamp,
};

fn settings() -> PublicSettings {
    PublicSettings {
        host: "db.example.com".to_owned(),
        port: 5432,
        database: Some("shop".to_owned()),
        username: Some("app".to_owned()),
        has_password: true,
        ..PublicSettings::default()
    }
}

fn stage(kind: StageKind, outcome: Outcome) -> Stage {
    Stage { kind, subject: None, outcome, micros: 1_600, detail: Some("seen".to_owned()) }
}

fn staged(cause: Cause, phase: Phase, also: &[Cause]) -> StagedReport {
    StagedReport {
        stages: vec![stage(StageKind::Name, Outcome::Ok), stage(StageKind::Tcp, Outcome::Failed)],
        total_micros: 4_000,
        server_version: None,
        tls: None,
        findings: Findings::default(),
        failure: Some(Failure {
            phase,
            code: Some("X1".to_owned()),
            message: "what was said".to_owned(),
            cause,
            also_possible: also.to_vec(),
        }),
    }
}

fn case<'a>(settings: Option<&'a PublicSettings>, staged: Option<&'a StagedReport>) -> Case<'a> {
    Case { provider: Provider::PostgreSql, text: "", settings, password: PasswordTraits::default(), staged }
}

#[test]
fn every_cause_is_explained_and_has_a_cure_with_steps() {
    let settings = settings();
    for cause in Cause::ALL {
        let staged = staged(*cause, Phase::Auth, &[]);
        for provider in Provider::ALL {
            let case = Case { provider, ..case(Some(&settings), Some(&staged)) };
            let (analysis, fixes) = analyse(&case);
            assert_eq!(analysis.cause, *cause);
            assert!(!analysis.title.is_empty() && analysis.title.len() < 80, "{cause}: {}", analysis.title);
            assert!(analysis.explanation.len() > 60, "{cause}: {}", analysis.explanation);
            assert!(analysis.root_cause.contains("what was said"), "{cause}: {}", analysis.root_cause);
            assert!(!analysis.resources.is_empty(), "{cause} {provider}: nothing to read on");
            assert!(analysis.resources.iter().all(|page| page.url.starts_with("https://")));
            assert!(!fixes.is_empty(), "{cause}: no cure");
            for fix in &fixes {
                assert!(!fix.steps.is_empty(), "{cause}: {fix:?}");
                assert!(fix.title.len() > 5 && fix.description.ends_with('.') && fix.confidence <= 100, "{fix:?}");
                assert_eq!(fix.verification.status, VerificationStatus::Untested);
            }
            let mut ids: Vec<&str> = fixes.iter().map(|fix| fix.id.as_str()).collect();
            ids.sort_unstable();
            ids.dedup();
            assert_eq!(ids.len(), fixes.len(), "{cause}: an id stands twice");
            assert!(fixes.is_sorted_by_key(|fix| fix.priority), "{cause}: not best first");
        }
    }
}

#[test]
fn evidence_overrules_the_text_and_keeps_it_as_a_possibility() {
    let staged = staged(Cause::ConnectionRefused, Phase::Tcp, &[]);
    let settings = settings();
    let text = "FATAL: password authentication failed for user \"app\"";
    let (analysis, _) = analyse(&Case { text, ..case(Some(&settings), Some(&staged)) });
    assert_eq!(analysis.cause, Cause::ConnectionRefused);
    assert_eq!(analysis.also_possible, [Cause::AuthWrongPassword]);
    assert_eq!(analysis.sources, [Source::Evidence, Source::Rules]);
    assert_eq!((analysis.severity, analysis.is_transient), (Severity::Warning, true));
    assert_eq!(analysis.evidence.len(), 2);
    assert!(analysis.root_cause.contains("Name went well. It stopped at TCP (X1)"), "{}", analysis.root_cause);
}

#[test]
fn silence_behind_tcp_is_no_firewalls() {
    let settings = settings();
    for (phase, arrives) in [(Phase::Tcp, false), (Phase::Tls, true), (Phase::Auth, true)] {
        let staged = staged(Cause::ConnectTimeout, phase, &[]);
        let (analysis, fixes) = analyse(&case(Some(&settings), Some(&staged)));
        assert_eq!(analysis.explanation.contains("TCP connection was made"), arrives, "{}", analysis.explanation);
        assert_eq!(fixes.iter().any(|fix| fix.id == "allow-in-firewall"), !arrives, "{phase:?}: {fixes:?}");
    }
}

#[test]
fn a_probe_that_connects_says_that_it_works_now() {
    let connected = StagedReport { failure: None, ..staged(Cause::Unknown, Phase::Query, &[]) };
    let settings = settings();
    let text = "connect ECONNREFUSED 10.0.0.5:5432";
    let (analysis, fixes) = analyse(&Case { text, ..case(Some(&settings), Some(&connected)) });
    assert_eq!((analysis.cause, analysis.severity), (Cause::ConnectionRefused, Severity::Info));
    assert!(analysis.explanation.starts_with("It works now"), "{}", analysis.explanation);
    assert!(fixes.iter().all(|fix| fix.verification.status == VerificationStatus::Untested));
}

#[test]
fn a_text_alone_is_judged_by_the_rules() {
    for (text, cause, transient) in [
        ("connect ECONNREFUSED 127.0.0.1:5432", Cause::ConnectionRefused, true),
        ("getaddrinfo ENOTFOUND db.example.com", Cause::DnsNotFound, false),
        ("could not translate host name: Temporary failure in name resolution", Cause::DnsNotFound, true),
        ("FATAL: database \"shop\" does not exist", Cause::DatabaseNotFound, false),
        ("xyzzy", Cause::Unknown, true),
        ("", Cause::Unknown, true),
    ] {
        let (analysis, fixes) = analyse(&Case { text, ..case(None, None) });
        assert_eq!((analysis.cause, analysis.is_transient), (cause, transient), "{text}");
        assert_eq!(analysis.sources, [Source::Rules]);
        assert!(analysis.evidence.is_empty());
        assert!(fixes.iter().all(|fix| fix.patch.is_none()), "a patch without settings: {fixes:?}");
        assert_eq!(analysis.confidence <= 10, cause == Cause::Unknown, "{text}: {}", analysis.confidence);
    }
}

#[test]
fn confidence_falls_as_the_list_of_others_grows() {
    let settings = settings();
    let sure = |also: &[Cause]| {
        let staged = staged(Cause::AuthWrongPassword, Phase::Auth, also);
        analyse(&case(Some(&settings), Some(&staged))).0.confidence
    };
    assert!(sure(&[]) > sure(&[Cause::TlsRequired]));
    assert!(sure(&[Cause::TlsRequired]) > sure(&[Cause::TlsRequired, Cause::AccessRuleDenied]));
}

/// The patches for `cause`, with whether they weaken.
fn patches(case: Case<'_>) -> Vec<(serde_json::Value, bool)> {
    let (_, fixes) = analyse(&case);
    fixes.into_iter().filter_map(|fix| Some((fix.patch?, fix.weakens_security))).collect()
}

#[test]
fn evidence_gives_patches() {
    let settings = settings();
    let with = |cause, phase, change: fn(&mut StagedReport)| {
        let mut report = staged(cause, phase, &[]);
        change(&mut report);
        report
    };
    let refused = with(Cause::ConnectionRefused, Phase::Tcp, |report| report.findings.other_ports = vec![5433]);
    assert_eq!(patches(case(Some(&settings), Some(&refused))), [(json!({"port": 5433}), false)]);

    let missing = with(Cause::DatabaseNotFound, Phase::Database, |report| {
        report.findings.databases = ["Shop", "shops", "billing"].map(str::to_owned).to_vec();
    });
    assert_eq!(
        patches(case(Some(&settings), Some(&missing))),
        [(json!({"database": "Shop"}), false), (json!({"database": "shops"}), false)]
    );

    let wrong = staged(Cause::AuthWrongPassword, Phase::Auth, &[]);
    let damaged = PasswordTraits::of("\"p%40ss\" ");
    assert_eq!(
        patches(Case { password: damaged, ..case(Some(&settings), Some(&wrong)) }),
        [
            (json!({"password": {"transform": "trim"}}), false),
            (json!({"password": {"transform": "percent_decode"}}), false),
        ]
    );
    let mongo = Case { provider: Provider::MongoDb, ..case(Some(&settings), Some(&wrong)) };
    assert_eq!(patches(mongo), [(json!({"authSource": "admin"}), false)]);

    let clear = PublicSettings { tls: Some(crate::connections::settings::TlsMode::Disable), ..settings.clone() };
    let required = staged(Cause::TlsRequired, Phase::Tls, &[]);
    assert_eq!(patches(case(Some(&clear), Some(&required))), [(json!({"tls": "require"}), false)]);
    let rule = staged(Cause::AccessRuleDenied, Phase::Auth, &[Cause::TlsRequired]);
    assert_eq!(patches(case(Some(&clear), Some(&rule))), [(json!({"tls": "require"}), false)]);
    let none = staged(Cause::TlsNotSupported, Phase::Tls, &[]);
    assert_eq!(patches(case(Some(&settings), Some(&none))), [(json!({"tls": "prefer"}), true)]);

    let untrusted = with(Cause::TlsCertUntrusted, Phase::Tls, |report| {
        report.tls = Some(TlsFacts {
            version: None,
            cipher: None,
            verified: false,
            chain: vec![CertificateFacts {
                subject: "db".to_owned(),
                issuer: "db".to_owned(),
                not_before: Timestamp::from_micros(0),
                not_after: Timestamp::from_micros(1),
                names: vec!["other.example.com".to_owned(), "*.example.net".to_owned()],
                sha256: "ab".repeat(32),
            }],
        });
    });
    let pin = json!({"caCertificate": {"transform": "pin_offered", "sha256": "ab".repeat(32)}});
    assert_eq!(patches(case(Some(&settings), Some(&untrusted))), [(pin, true), (json!({"tls": "require"}), true)]);
    let renamed = StagedReport { failure: staged(Cause::TlsHostnameMismatch, Phase::Tls, &[]).failure, ..untrusted };
    assert_eq!(
        patches(case(Some(&settings), Some(&renamed))),
        [(json!({"host": "other.example.com"}), true), (json!({"tls": "verify-ca"}), true)]
    );
}

#[test]
fn hosts_that_hold_more_are_cleaned() {
    let report = staged(Cause::InvalidConnectionString, Phase::Dns, &[]);
    for (host, patch) in [
        ("https://db.example.com/", Some(json!({"host": "db.example.com"}))),
        (" db.example.com ", Some(json!({"host": "db.example.com"}))),
        ("db.example.com:5433", Some(json!({"host": "db.example.com", "port": 5433}))),
        ("postgres://app@db.example.com:99999/shop", Some(json!({"host": "db.example.com"}))),
        ("db.example.com", None),
        ("2001:db8::1", None),
        ("", None),
    ] {
        let settings = PublicSettings { host: host.to_owned(), ..settings() };
        let found = patches(case(Some(&settings), Some(&report)));
        assert_eq!(found.first().map(|(patch, _)| patch.clone()), patch, "{host}");
    }
}

#[test]
fn the_pooler_is_told_the_project() {
    let pooler = PublicSettings {
        host: "aws-0-eu-west-1.pooler.supabase.com".to_owned(),
        port: 6543,
        username: Some("postgres".to_owned()),
        ..settings()
    };
    let text = "Tenant or user not found (https://abcdefghijklmnopqrst.supabase.co)";
    let found = patches(Case { text, ..case(Some(&pooler), None) });
    assert_eq!(found, [(json!({"username": "postgres.abcdefghijklmnopqrst"}), false)]);
    let text = "prepared statement \"s0\" already exists";
    assert_eq!(patches(Case { text, ..case(Some(&pooler), None) }), [(json!({"port": 5432}), false)]);
}

#[test]
fn passwords_are_looked_at_and_not_shown() {
    let traits = |password| {
        let PasswordTraits { blank_edges, percent_encoded, quoted } = PasswordTraits::of(password);
        (blank_edges, percent_encoded, quoted)
    };
    for (password, seen) in [
        ("secret", (false, false, false)),
        (" secret", (true, false, false)),
        ("secret\n", (true, false, false)),
        ("p%40ss", (false, true, false)),
        ("100%", (false, false, false)),
        ("50%zz", (false, false, false)),
        ("'secret'", (false, false, true)),
        ("''", (false, false, false)),
        ("", (false, false, false)),
    ] {
        assert_eq!(traits(password), seen, "{password:?}");
    }
}
