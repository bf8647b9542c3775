use serde_json::json;

use super::*;
use crate::{
    connections::settings::{PublicFirebase, PublicSpecial, TlsMode},
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

fn tls_facts() -> TlsFacts {
    let leaf = CertificateFacts {
        subject: "db".to_owned(),
        issuer: "db".to_owned(),
        not_before: Timestamp::from_micros(0),
        not_after: Timestamp::from_micros(1),
        names: vec!["other.example.com".to_owned(), "*.example.net".to_owned()],
        sha256: "ab".repeat(32),
    };
    TlsFacts { version: None, cipher: None, verified: false, chain: vec![leaf] }
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

    let clear = PublicSettings { tls: Some(TlsMode::Disable), ..settings.clone() };
    let required = staged(Cause::TlsRequired, Phase::Tls, &[]);
    assert_eq!(patches(case(Some(&clear), Some(&required))), [(json!({"tls": "require"}), false)]);
    let rule = staged(Cause::AccessRuleDenied, Phase::Auth, &[Cause::TlsRequired]);
    assert_eq!(patches(case(Some(&clear), Some(&rule))), [(json!({"tls": "require"}), false)]);
    let none = staged(Cause::TlsNotSupported, Phase::Tls, &[]);
    assert_eq!(patches(case(Some(&settings), Some(&none))), [(json!({"tls": "prefer"}), true)]);

    let untrusted = with(Cause::TlsCertUntrusted, Phase::Tls, |report| {
        report.tls = Some(tls_facts());
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
fn tls_is_turned_on_only_where_that_can_help() {
    let prefer = PublicSettings { tls: Some(TlsMode::Prefer), ..settings() };
    let refused = |change: fn(&mut StagedReport)| {
        let mut report = staged(Cause::AccessRuleDenied, Phase::Auth, &[Cause::TlsRequired]);
        change(&mut report);
        let (_, fixes) = analyse(&case(Some(&prefer), Some(&report)));
        fixes.into_iter().map(|fix| fix.id).filter(|id| id.contains("tls")).collect::<Vec<_>>()
    };
    assert_eq!(refused(|_| ()), ["tls-require", "try-tls-for-rule"]);
    assert!(refused(|report| report.tls = Some(tls_facts())).is_empty(), "it is on");
    assert!(refused(|report| report.findings.offers_tls = Some(false)).is_empty(), "there is none");
    let for_rule = refused(|report| {
        report.tls = Some(tls_facts());
        let message = "no pg_hba.conf entry for host \"10.0.0.1\", user \"app\", database \"app\", SSL encryption";
        report.failure.as_mut().expect("a failure").message = message.to_owned();
    });
    assert_eq!(for_rule, ["tls-disable"]);
    let text = "FATAL: pg_hba.conf rejects connection for host \"h\", user \"u\", database \"d\", SSL encryption";
    let told = patches(Case { text, ..case(Some(&prefer), None) });
    assert_eq!(told, [(json!({"tls": "disable"}), true)], "less safe, so that it has to be confirmed");
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
        let PasswordTraits { blank_edges, percent_encoded, quoted, .. } = PasswordTraits::of(password);
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

#[test]
fn placeholders_are_known_and_come_first() {
    for password in [
        "[YOUR-PASSWORD]",
        "<password>",
        "<db_password>",
        "${DB_PASSWORD}",
        "$DB_PASSWORD",
        "{{ password }}",
        "%PASSWORD%",
        "********",
        "•••",
        "xxxx",
        "your-password",
        "yourStrongPassword",
        " [YOUR-PASSWORD]\n",
        "\"<password>\"",
    ] {
        assert!(PasswordTraits::of(password).placeholder, "{password:?}");
    }
    for password in [
        "", "secret", "password", "<", "[]", "<3 <3", "$ecret", "$UPPER", "p[a]ss", "xx", "x1xx", "yours", "[1234]",
        "%40x%",
    ] {
        assert!(!PasswordTraits::of(password).placeholder, "{password:?}");
    }
    let settings = settings();
    let refused = staged(Cause::AuthWrongPassword, Phase::Auth, &[]);
    let first = |password| {
        let password = PasswordTraits::of(password);
        analyse(&Case { password, ..case(Some(&settings), Some(&refused)) }).1.remove(0).id
    };
    assert_eq!(first(" <password> "), "replace-placeholder", "before the blanks are taken off");
    assert_eq!(first("secret"), "enter-password-again");
    let down = staged(Cause::ConnectionRefused, Phase::Tcp, &[]);
    let password = PasswordTraits::of("<password>");
    let (_, fixes) = analyse(&Case { password, ..case(Some(&settings), Some(&down)) });
    assert!(fixes.iter().all(|fix| fix.id != "replace-placeholder"), "no password was judged");
}

/// The first fix with its words, in lower case.
fn first_fix(case: &Case<'_>) -> (String, String) {
    let (_, fixes) = analyse(case);
    let fix = fixes.first().expect("a fix");
    let example = fix.code_example.as_deref().unwrap_or_default();
    (fix.id.clone(), format!("{} {} {example}", fix.title, fix.steps.join(" ")).to_lowercase())
}

/// A failure that was seen, and what the words of the first fix have to hold.
type Situation = (Provider, Cause, &'static str, &'static str, &'static str, &'static str);

fn has_its_own_cure((provider, cause, code, message, id, says): Situation) {
    let mut report = staged(cause, Phase::Auth, &[]);
    report.failure =
        report.failure.map(|failure| Failure { code: Some(code.to_owned()), message: message.to_owned(), ..failure });
    let settings = settings();
    let (first, words) = first_fix(&Case { provider, ..case(Some(&settings), Some(&report)) });
    assert_eq!(first, id, "{message}");
    assert!(words.contains(says), "{id}: {words}");
    assert!(!words.contains("staged check"), "{id}: one was just made: {words}");
}

#[test]
fn a_closed_account_or_database_has_its_own_cure() {
    use Provider::{MySql, PostgreSql};

    [
        (
            PostgreSql,
            Cause::AccessRuleDenied,
            "55000",
            "database \"app\" is not currently accepting connections",
            "allow-connections",
            "allow_connections true",
        ),
        (
            PostgreSql,
            Cause::AccessRuleDenied,
            "28000",
            "role \"app\" is not permitted to log in",
            "allow-role-to-log-in",
            "alter role app login",
        ),
        (
            PostgreSql,
            Cause::AccessRuleDenied,
            "X1",
            "The server refused the client certificate: received fatal alert: UnknownCA.",
            "use-trusted-client-certificate",
            "clientkey",
        ),
        (
            PostgreSql,
            Cause::AccessRuleDenied,
            "28000",
            "connection requires a valid client certificate",
            "set-client-certificate",
            "sslcert=client.crt",
        ),
        (
            MySql,
            Cause::CredentialsMissing,
            "X1",
            "The server asks for a client certificate.",
            "set-client-certificate",
            "clientcertificate",
        ),
        (
            PostgreSql,
            Cause::AuthMethodUnsupported,
            "28000",
            "certificate authentication failed for user \"app\"",
            "use-certificate-of-user",
            "(cn)",
        ),
        (
            MySql,
            Cause::AccessRuleDenied,
            "3118",
            "Zugriff verweigert. Konto gesperrt.",
            "unlock-account",
            "account unlock",
        ),
        (MySql, Cause::HostBlocked, "3955", "Zugriff verweigert.", "unlock-account-after-failures", "account unlock"),
    ]
    .into_iter()
    .for_each(has_its_own_cure);
}

#[test]
fn a_limit_a_project_or_a_set_has_its_own_cure() {
    use Provider::{Firebase, MongoDb, PostgreSql, Supabase};

    [
        (
            Firebase,
            Cause::AccessRuleDenied,
            "API_KEY_IP_ADDRESS_BLOCKED",
            "The provided API key has an IP address restriction.",
            "change-key-restrictions",
            "console",
        ),
        (
            Supabase,
            Cause::AccessRuleDenied,
            "HTTP 403",
            "The server answered 403 Forbidden with a page.",
            "allow-before-api",
            "cloudflare",
        ),
        (Firebase, Cause::DatabaseNotFound, "HTTP 404", "404 Not Found", "correct-database-url", "databaseurl"),
        (
            Firebase,
            Cause::QuotaExceeded,
            "BILLING_DISABLED",
            "This API method requires billing to be enabled.",
            "turn-billing-on",
            "gcloud billing projects link",
        ),
        (
            Firebase,
            Cause::ApiNotEnabled,
            "BILLING_DISABLED",
            "This API method requires billing to be enabled.",
            "turn-billing-on",
            "gcloud billing projects link",
        ),
        (
            PostgreSql,
            Cause::InvalidConnectionString,
            "EGRESS_DENIED",
            "169.254.169.254 is a cloud's metadata address, which may not be reached from here.",
            "use-host-of-database",
            "host",
        ),
        (
            PostgreSql,
            Cause::TooManyConnections,
            "53300",
            "too many connections for database \"app\"",
            "raise-database-limit",
            "alter database app connection limit",
        ),
        (
            PostgreSql,
            Cause::TooManyConnections,
            "53300",
            "too many connections for role \"app\"",
            "raise-role-limit",
            "alter role app connection limit",
        ),
        (
            MongoDb,
            Cause::NotPrimary,
            "94",
            "no replset config has been received",
            "initiate-replica-set",
            "rs.initiate(",
        ),
        (PostgreSql, Cause::Unknown, "XX000", "something went wrong", "ask-the-server", "log"),
    ]
    .into_iter()
    .for_each(has_its_own_cure);
}

#[test]
fn a_situation_has_its_own_cure_where_it_was_only_told() {
    use Provider::{Firebase, MongoDb, MySql, PostgreSql};

    for (provider, text, id) in [
        (PostgreSql, "FATAL: database \"app\" is not currently accepting connections", "allow-connections"),
        (PostgreSql, "FATAL: connection requires a valid client certificate", "set-client-certificate"),
        (PostgreSql, "FATAL: certificate authentication failed for user \"app\"", "use-certificate-of-user"),
        (PostgreSql, "FATAL: too many connections for database \"app\"", "raise-database-limit"),
        (PostgreSql, "FATAL: no pg_hba.conf entry for host \"10.0.0.1\", user \"a\"", "add-access-rule"),
        (PostgreSql, "FATAL: sorry, too many clients already", "close-idle-connections"),
        (PostgreSql, "xyzzy", "gather-evidence"),
        (MySql, "ERROR 3118 (HY000): Access denied for user 'app'@'%'. Account is locked.", "unlock-account"),
        (
            MySql,
            "ERROR 3955 (HY000): Access denied for user 'app'@'h'. Account is blocked for 1 day(s) (1 day(s) remaining) due to 3 consecutive failed logins.",
            "unlock-account-after-failures",
        ),
        (MySql, "ERROR 1129 (HY000): Host 'h' is blocked because of many connection errors", "unblock-host"),
        (
            MySql,
            "ERROR 1203 (42000): User app already has more than 'max_user_connections' active connections",
            "raise-user-limit",
        ),
        (MongoDb, "MongoServerError: no replset config has been received", "initiate-replica-set"),
        (MongoDb, "MongoServerError: not primary", "use-primary"),
        (Firebase, "403 PERMISSION_DENIED: Requests from this IP are blocked.", "change-key-restrictions"),
    ] {
        assert_eq!(first_fix(&Case { provider, text, ..case(None, None) }).0, id, "{text}");
    }
}

#[test]
fn a_refused_login_may_lack_a_certificate() {
    let settings = settings();
    let asks = |provider, also: &[Cause], tls: Option<TlsFacts>| {
        let report = StagedReport { tls, ..staged(Cause::AuthWrongPassword, Phase::Auth, also) };
        let (_, fixes) = analyse(&Case { provider, ..case(Some(&settings), Some(&report)) });
        fixes.iter().any(|fix| fix.id == "see-whether-account-wants-certificate")
    };
    assert!(asks(Provider::MySql, &[], Some(tls_facts())), "REQUIRE X509 is told by the same words");
    assert!(!asks(Provider::MySql, &[], None), "TLS comes first");
    assert!(!asks(Provider::PostgreSql, &[], Some(tls_facts())));
    assert!(asks(Provider::PostgreSql, &[Cause::CredentialsMissing], Some(tls_facts())));
}

#[test]
fn a_realtime_database_that_moved_is_found() {
    let firebase = PublicFirebase {
        project_id: Some("shop".to_owned()),
        database_url: Some("https://shop-default-rtdb.firebaseio.com/".to_owned()),
        ..PublicFirebase::default()
    };
    let settings = PublicSettings { special: PublicSpecial::Firebase(firebase), ..PublicSettings::default() };
    let there = "https://shop-default-rtdb.europe-west1.firebasedatabase.app";
    for (message, patch) in [
        (format!("Database lives in a different region. It is at {there}."), Some(there)),
        (format!("Database lives in a different region. Please change your database URL to {there}"), Some(there)),
        ("It is at https://shop-default-rtdb.firebaseio.com.".to_owned(), None),
        ("It is at https://shop-default-rtdb.europe-west1.firebasedatabase.app.evil.example.".to_owned(), None),
        ("It is at https://other.europe-west1.firebasedatabase.app.".to_owned(), None),
        ("404 Not Found".to_owned(), None),
    ] {
        let mut report = staged(Cause::DatabaseNotFound, Phase::Query, &[]);
        report.failure.as_mut().expect("a failure").message.clone_from(&message);
        let found = patches(Case { provider: Provider::Firebase, ..case(Some(&settings), Some(&report)) });
        let expected: Vec<_> = patch.map(|url| (json!({"databaseURL": url}), false)).into_iter().collect();
        assert_eq!(found, expected, "{message}");
    }
}
