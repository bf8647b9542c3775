use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const NOW: Timestamp = Timestamp::from_micros(1_750_000_000_000_000);
const DAY_S: i64 = 86_400;
const REFERENCE: &str = "abcdefghijklmnopqrst";
const GOOD: &str = "x7Kq!m2Zp9-Rt4wB";

fn subject(provider: Provider, credentials: &Value) -> Subject {
    let settings = Settings::from_json(provider, credentials).unwrap_or_else(|errors| panic!("{errors:?}"));
    let known = KnownFacts { at: Some(NOW), ..KnownFacts::default() };
    Subject { provider, secrets: SecretFacts::of(&settings), settings: settings.public(), known }
}

/// The codes that cost points, or all of them.
fn codes(subject: &Subject) -> Vec<&'static str> {
    review(subject).findings.iter().map(|finding| finding.code).collect()
}

fn score(provider: Provider, credentials: &Value) -> u32 {
    review(&subject(provider, credentials)).score
}

#[test]
fn a_well_configured_production_connection_is_an_a() {
    for (provider, credentials) in [
        (
            Provider::PostgreSql,
            json!({"host": "db.example.com", "database": "shop", "username": "mooring_watch", "password": GOOD,
                "tls": "verify-full", "connectTimeoutMs": 5000}),
        ),
        (Provider::PostgreSql, json!({"host": "db.example.com", "database": "shop", "user": "app", "password": GOOD})),
        (
            Provider::MySql,
            json!({"host": "db.example.com", "port": 3307, "database": "shop", "user": "app", "password": GOOD,
                "sslMode": "VERIFY_IDENTITY"}),
        ),
        (
            Provider::PostgreSql,
            json!({"host": "10.0.0.5", "database": "shop", "user": "app", "password": GOOD, "tls": "require"}),
        ),
        (
            Provider::MongoDb,
            json!({"uri": format!("mongodb+srv://app:{GOOD}@c.abc.mongodb.net/shop?authSource=admin")}),
        ),
        (
            Provider::MongoDb,
            json!({"host": ["a.example.com", "b.example.com"], "replicaSet": "rs0", "username": "app",
                "password": GOOD, "authSource": "admin", "tls": "verify-full", "database": "shop"}),
        ),
        (Provider::Supabase, json!({"url": REFERENCE, "anonKey": "sb_publishable_x"})),
        (
            Provider::Firebase,
            json!({"serviceAccount": {"client_email": "watch@shop-1.iam.gserviceaccount.com", "project_id": "shop-1",
                "private_key": "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n"}}),
        ),
    ] {
        let review = review(&subject(provider, &credentials));
        assert!(review.score >= 90 && review.grade == Grade::A, "{credentials}: {review:#?}");
    }
}

#[test]
fn what_lies_open_is_an_f() {
    for (provider, credentials) in [
        (
            Provider::PostgreSql,
            json!({"host": "203.0.113.5", "user": "postgres", "password": "hunter2", "tls": "disable"}),
        ),
        (Provider::MySql, json!({"host": "db.example.com", "user": "root", "password": "root", "tls": "disable"})),
        (Provider::MySql, json!({"host": "db.example.com", "user": "root", "tls": "prefer"})),
        (Provider::MongoDb, json!({"uri": "mongodb://db.example.com/?tls=false"})),
        (Provider::MongoDb, json!({"uri": "mongodb://admin:admin@db.example.com/?tls=false"})),
    ] {
        let review = review(&subject(provider, &credentials));
        assert!(review.score < 40 && review.grade == Grade::F, "{credentials}: {review:#?}");
    }
}

#[test]
fn a_developers_own_machine_is_not_blamed_for_its_network() {
    let local = json!({"host": "localhost", "user": "app", "password": GOOD, "database": "shop"});
    let found = codes(&subject(Provider::PostgreSql, &local));
    assert_eq!(found, ["timeout_missing", "tls_mode_implicit"]);
    assert!(score(Provider::PostgreSql, &json!({"host": "::1", "user": "postgres", "password": "postgres"})) >= 60);
}

/// A rule's code, and settings beside each other of which it finds the first only.
type Case = (&'static str, Provider, Value, Value);

/// Being unlike everything that works is told; that others take less care is not.
#[test]
fn what_works_elsewhere_is_told_where_enough_is_known() {
    let unlike = |tls: &str, usual: &str, count: u64| {
        let mut subject = subject(Provider::PostgreSql, &json!({"host": "h.example.com", "user": "app", "tls": tls}));
        let pattern = Pattern::of_settings(Provider::PostgreSql, &subject.settings);
        let pattern = Pattern { tls_mode: usual.to_owned(), ..pattern };
        subject.known.successes = vec![PatternCount { pattern, count }];
        codes(&subject).contains(&"unlike_what_works")
    };
    assert!(unlike("require", "verify-full", 5));
    assert!(!unlike("require", "verify-full", 4), "a few are a coincidence");
    assert!(!unlike("verify-full", "verify-full", 5));
    assert!(!unlike("verify-full", "require", 5), "less care is no advice");
}

fn each_finds_its_case_and_no_other(cases: impl IntoIterator<Item = Case>) {
    for (code, provider, bad, good) in cases {
        assert!(codes(&subject(provider, &bad)).contains(&code), "{code} is not found in {bad}");
        assert!(!codes(&subject(provider, &good)).contains(&code), "{code} is found in {good}");
    }
}

const POOLER: &str = "aws-0-eu-west-1.pooler.supabase.com";

fn account(email: &str) -> Value {
    json!({"client_email": email, "project_id": "shop-1",
        "private_key": "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n"})
}

#[test]
fn each_rule_of_transport_finds_its_case() {
    use Provider::{MongoDb, MySql, PostgreSql};
    each_finds_its_case_and_no_other([
        ("tls_disabled", PostgreSql, json!({"host": "h.example", "tls": "disable"}), json!({"host": "h.example"})),
        (
            "tls_disabled",
            MySql,
            json!({"host": "10.0.0.1", "tls": "disable"}),
            json!({"host": "::1", "tls": "disable"}),
        ),
        ("tls_optional", PostgreSql, json!({"host": "h.example", "tls": "prefer"}), json!({"host": "localhost"})),
        (
            "tls_unverified",
            MongoDb,
            json!({"uri": "mongodb://h.example/?tls=true&tlsInsecure=true"}),
            json!({"uri": "mongodb://h.example/?tls=true"}),
        ),
        (
            "tls_name_unverified",
            MySql,
            json!({"host": "h.example", "tls": "verify-ca"}),
            json!({"host": "h.example", "tls": "verify-full"}),
        ),
        ("tls_mode_implicit", MySql, json!({"host": "h.example"}), json!({"host": "h.example", "tls": "disable"})),
    ]);
}

#[test]
fn each_rule_of_login_finds_its_case() {
    use Provider::{MongoDb, MySql, PostgreSql, Supabase};
    each_finds_its_case_and_no_other([
        ("superuser_account", MySql, json!({"host": "h", "user": "ROOT"}), json!({"host": "h", "user": "rooter"})),
        (
            "superuser_account",
            Supabase,
            json!({"url": REFERENCE, "host": POOLER, "user": format!("postgres.{REFERENCE}")}),
            json!({"url": REFERENCE, "host": POOLER, "user": format!("app.{REFERENCE}")}),
        ),
        ("user_missing", PostgreSql, json!({"host": "h"}), json!({"host": "h", "user": "app"})),
        ("login_missing", MongoDb, json!({"host": "h"}), json!({"host": "h", "user": "app"})),
        (
            "client_certificate_missing",
            MongoDb,
            json!({"host": "h", "authMechanism": "MONGODB-X509"}),
            json!({"host": "h"}),
        ),
        (
            "password_missing",
            MySql,
            json!({"host": "h", "user": "app"}),
            json!({"host": "h", "user": "app", "password": "x"}),
        ),
        (
            "password_default",
            MySql,
            json!({"host": "h", "password": "Password1"}),
            json!({"host": "h", "password": GOOD}),
        ),
        (
            "password_is_name",
            MySql,
            json!({"host": "h", "user": "orders", "password": "Orders1"}),
            json!({"host": "h", "password": "orders"}),
        ),
        ("password_weak", MySql, json!({"host": "h", "password": "hunter2"}), json!({"host": "h", "password": GOOD})),
        (
            "password_short",
            MySql,
            json!({"host": "h", "password": "k3Jx9Qm2T"}),
            json!({"host": "h", "password": GOOD}),
        ),
        (
            "password_blanks",
            MySql,
            json!({"host": "h", "password": "k3Jx9Qm2T "}),
            json!({"host": "h", "password": "a b"}),
        ),
    ]);
}

#[test]
fn each_rule_of_place_and_mongodb_finds_its_case() {
    use Provider::{MongoDb, MySql, PostgreSql};
    each_finds_its_case_and_no_other([
        ("public_address", PostgreSql, json!({"host": "203.0.113.5"}), json!({"host": "10.1.1.1"})),
        ("default_port", PostgreSql, json!({"host": "h.example"}), json!({"host": "h.example", "port": 5433})),
        ("default_port", PostgreSql, json!({"host": "h.example"}), json!({"host": "x.neon.tech"})),
        (
            "system_database",
            PostgreSql,
            json!({"host": "h", "database": "postgres"}),
            json!({"host": "h", "database": "shop"}),
        ),
        (
            "system_database",
            MongoDb,
            json!({"host": "h", "database": "test"}),
            json!({"host": "c.mongodb.net", "database": "test"}),
        ),
        ("timeout_missing", MySql, json!({"host": "h"}), json!({"host": "h", "connectTimeoutMs": 5000})),
        (
            "timeout_long",
            MySql,
            json!({"host": "h", "connectTimeoutMs": 60000}),
            json!({"host": "h", "connectTimeoutMs": 5000}),
        ),
        (
            "direct_connection_to_many",
            MongoDb,
            json!({"host": "a,b", "directConnection": true}),
            json!({"host": "a", "directConnection": true}),
        ),
        ("replica_set_missing", MongoDb, json!({"host": "a,b"}), json!({"host": "a,b", "replicaSet": "r"})),
        (
            "atlas_single_member",
            MongoDb,
            json!({"host": "c-00.abc.mongodb.net"}),
            json!({"host": "c.abc.mongodb.net", "srv": true}),
        ),
        (
            "auth_source_missing",
            MongoDb,
            json!({"host": "h", "user": "u", "database": "shop"}),
            json!({"host": "h", "user": "u", "database": "admin"}),
        ),
        (
            "scram_sha1",
            MongoDb,
            json!({"host": "h", "authMechanism": "SCRAM-SHA-1"}),
            json!({"host": "h", "authMechanism": "SCRAM-SHA-256"}),
        ),
    ]);
}

#[test]
fn each_rule_of_firebase_finds_its_case() {
    use Provider::Firebase;
    each_finds_its_case_and_no_other([
        (
            "firebase_emulator",
            Firebase,
            json!({"projectId": "p", "emulatorHost": "10.0.0.1:8080"}),
            json!({"projectId": "p"}),
        ),
        (
            "firebase_key_only",
            Firebase,
            json!({"projectId": "p", "apiKey": "k"}),
            json!({"serviceAccount": account("a@b")}),
        ),
        ("firebase_login_missing", Firebase, json!({"projectId": "p"}), json!({"projectId": "p", "apiKey": "k"})),
        (
            "firebase_admin_account",
            Firebase,
            json!({"serviceAccount": account("firebase-adminsdk-x@b")}),
            json!({"serviceAccount": account("a@b")}),
        ),
        (
            "firebase_other_project",
            Firebase,
            json!({"projectId": "p", "serviceAccount": account("a@b")}),
            json!({"serviceAccount": account("a@b")}),
        ),
    ]);
}

#[test]
fn each_rule_of_supabase_finds_its_case() {
    use Provider::Supabase;
    each_finds_its_case_and_no_other([
        (
            "api_plaintext",
            Supabase,
            json!({"url": "http://supabase.example.com"}),
            json!({"url": "http://localhost:54321"}),
        ),
        ("supabase_key_missing", Supabase, json!({"url": REFERENCE}), json!({"url": REFERENCE, "anonKey": "k"})),
        (
            "service_role_as_anon",
            Supabase,
            json!({"url": REFERENCE, "anonKey": "sb_secret_x"}),
            json!({"url": REFERENCE, "anonKey": "sb_publishable_x"}),
        ),
        (
            "anon_as_service_role",
            Supabase,
            json!({"url": REFERENCE, "serviceRoleKey": "sb_publishable_x"}),
            json!({"url": REFERENCE, "serviceRoleKey": "sb_secret_x"}),
        ),
        (
            "service_role_unneeded",
            Supabase,
            json!({"url": REFERENCE, "serviceRoleKey": "sb_secret_x"}),
            json!({"url": REFERENCE, "anonKey": "x"}),
        ),
        (
            "supabase_pooler_user",
            Supabase,
            json!({"url": REFERENCE, "host": POOLER, "user": "app"}),
            json!({"url": REFERENCE, "host": POOLER, "user": "app.x"}),
        ),
        (
            "supabase_transaction_mode",
            Supabase,
            json!({"url": REFERENCE, "host": POOLER, "port": 6543}),
            json!({"url": REFERENCE, "host": POOLER}),
        ),
        (
            "supabase_direct_host",
            Supabase,
            json!({"host": format!("db.{REFERENCE}.supabase.co")}),
            json!({"url": REFERENCE, "host": POOLER}),
        ),
        (
            "supabase_own_authority",
            Supabase,
            json!({"url": REFERENCE, "host": POOLER, "tls": "verify-full"}),
            json!({"url": REFERENCE, "host": POOLER, "tls": "require"}),
        ),
    ]);
}

#[test]
fn dates_are_judged_by_the_servers_clock() {
    let mut subject = subject(Provider::PostgreSql, &json!({"host": "h.example", "user": "a", "password": GOOD}));
    for (days, code, points) in [
        (-1, Some("certificate_expired"), 25),
        (0, Some("certificate_ending"), 8),
        (13, Some("certificate_ending"), 8),
        (14, Some("certificate_ending"), 1),
        (30, None, 0),
    ] {
        subject.known.certificate =
            Some(ShownCertificate { not_after: NOW.plus_seconds(days * DAY_S), names_host: true });
        let found = review(&subject).findings.into_iter().find(|finding| finding.code.starts_with("certificate"));
        assert_eq!(found.map(|finding| (finding.code, finding.points)), code.map(|code| (code, points)), "{days}");
    }
    subject.known.certificate = Some(ShownCertificate { not_after: NOW.plus_seconds(90 * DAY_S), names_host: false });
    assert!(codes(&subject).contains(&"certificate_mismatch"));
    subject.known.password_also_of = vec!["billing".to_owned(), "orders".to_owned()];
    let found = review(&subject).findings.into_iter().find(|finding| finding.code == "password_reused");
    assert!(found.is_some_and(|finding| finding.message.contains("billing, orders") && finding.points == 6));
}

#[test]
fn a_key_says_when_it_ends_and_whose_it_is() {
    let mut subject = subject(Provider::Supabase, &json!({"url": REFERENCE, "anonKey": "k"}));
    for (days, code) in [(-1, Some("key_expired")), (29, Some("key_ending")), (30, None)] {
        subject.secrets.anon_key =
            Some(KeyClaim { expires_at: Some(NOW.plus_seconds(days * DAY_S)), ..KeyClaim::default() });
        let found = codes(&subject).into_iter().find(|code| code.starts_with("key_"));
        assert_eq!(found, code, "{days}");
    }
    subject.secrets.anon_key = Some(KeyClaim { project: Some("another".to_owned()), ..KeyClaim::default() });
    assert!(codes(&subject).contains(&"key_of_other_project"));
}

fn form(provider: Provider) -> ConnectionForm {
    ConnectionForm { provider: provider.code().to_owned(), host: "h.example".to_owned(), ..ConnectionForm::default() }
}

fn of_form(form: &ConnectionForm, stored: &PublicSettings) -> Subject {
    Subject::of_form(form, stored, &SecretFacts::default(), &KnownFacts { at: Some(NOW), ..KnownFacts::default() })
}

/// A button that leaves the finding as it was would be pressed again and again.
#[test]
fn each_change_cures_its_finding() {
    let forms = [
        ConnectionForm { tls: "disable".to_owned(), ..form(Provider::PostgreSql) },
        ConnectionForm { tls: "prefer".to_owned(), host: "10.0.0.1".to_owned(), ..form(Provider::MySql) },
        ConnectionForm { password: " x ".to_owned(), ..form(Provider::MySql) },
        ConnectionForm { connect_timeout_ms: "60000".to_owned(), ..form(Provider::MySql) },
        ConnectionForm {
            host: "a,b".to_owned(),
            direct_connection: "true".to_owned(),
            username: "u".to_owned(),
            database: "d".to_owned(),
            auth_mechanism: "SCRAM-SHA-1".to_owned(),
            ..form(Provider::MongoDb)
        },
        ConnectionForm {
            url: format!("http://{REFERENCE}.supabase.co"),
            host: "aws-0-eu-west-1.pooler.supabase.com".to_owned(),
            port: "6543".to_owned(),
            username: "app".to_owned(),
            anon_key: "sb_secret_x".to_owned(),
            service_role_key: "sb_publishable_x".to_owned(),
            ..form(Provider::Supabase)
        },
        ConnectionForm {
            project_id: "p".to_owned(),
            service_account: json!({"project_id": "shop-1"}).to_string(),
            ..form(Provider::Firebase)
        },
    ];
    let mut made = 0;
    for form in forms {
        for finding in review(&of_form(&form, &PublicSettings::default())).findings {
            let Some(change) = finding.change else { continue };
            assert!(change.applies_to(&form) && !change.label().is_empty(), "{change:?}");
            let mut changed = form.clone();
            change.apply(&mut changed);
            let left = codes(&of_form(&changed, &PublicSettings::default()));
            assert!(!left.contains(&finding.code), "{} is left by {change:?}", finding.code);
            made += 1;
        }
    }
    assert!(made >= 14, "{made} changes were tried");
}

#[test]
fn what_is_stored_counts_until_it_is_replaced_or_forgotten() {
    let stored = Settings::from_json(
        Provider::Supabase,
        &json!({"url": REFERENCE, "anonKey": "sb_publishable_x", "serviceRoleKey": "sb_secret_x",
            "host": "h.example", "user": "app", "password": "hunter2"}),
    )
    .expect("settings");
    let (public, secrets) = (stored.public(), SecretFacts::of(&stored));
    let mut form = ConnectionForm { url: REFERENCE.to_owned(), username: "app".to_owned(), ..form(Provider::Supabase) };
    let codes = |form: &ConnectionForm| codes(&Subject::of_form(form, &public, &secrets, &KnownFacts::default()));
    assert!(codes(&form).contains(&"password_weak") && codes(&form).contains(&"service_role_unneeded"));
    GOOD.clone_into(&mut form.password);
    Change::ForgetServiceRoleKey.apply(&mut form);
    assert!(!codes(&form).contains(&"password_weak") && !codes(&form).contains(&"service_role_unneeded"));
    form.password.clear();
    "true".clone_into(&mut form.remove_password);
    assert!(codes(&form).contains(&"password_missing"));
}

#[test]
fn a_forgotten_account_is_of_no_project() {
    let stored = Settings::from_json(Provider::Firebase, &json!({"projectId": "p", "serviceAccount": account("a@b")}))
        .expect("settings");
    let mut form = ConnectionForm { project_id: "p".to_owned(), ..form(Provider::Firebase) };
    let (public, secrets) = (stored.public(), SecretFacts::of(&stored));
    let codes = |form: &ConnectionForm| codes(&Subject::of_form(form, &public, &secrets, &KnownFacts::default()));
    assert!(codes(&form).contains(&"firebase_other_project"));
    "true".clone_into(&mut form.remove_service_account);
    assert_eq!(codes(&form), ["firebase_login_missing"]);
}

#[test]
fn facts_and_answers_hold_no_secret() {
    let settings = Settings::from_json(
        Provider::Supabase,
        &json!({"url": REFERENCE, "anonKey": "sb_secret_hunter2", "host": "h", "user": "u", "password": "hunter2"}),
    )
    .expect("settings");
    let facts = serde_json::to_string(&SecretFacts::of(&settings)).expect("plain data");
    assert!(!facts.contains("hunter2"), "{facts}");
    let subject = Subject {
        provider: Provider::Supabase,
        secrets: SecretFacts::of(&settings),
        settings: settings.public(),
        known: KnownFacts::default(),
    };
    let answer = serde_json::to_value(Validation::of(&subject)).expect("plain data");
    assert!(!answer.to_string().contains("hunter2"));
    for name in ["valid", "securityScore", "grade", "issues", "suggestions", "bestPractices", "comparison"] {
        assert!(answer.get(name).is_some(), "{name}");
    }
    for name in ["code", "field", "severity", "message", "suggestion", "points"] {
        assert!(answer["issues"][0].get(name).is_some(), "{name}");
    }
}

#[test]
fn what_cannot_be_used_has_no_points_left() {
    let errors = Settings::from_json(Provider::MySql, &json!({"host": "h", "port": "x"})).expect_err("no port");
    let answer = Validation::unusable(Provider::MySql, errors);
    assert_eq!((answer.valid, answer.security_score, answer.grade), (false, 0, Grade::F));
    assert_eq!(
        answer.issues.first().map(|issue| (issue.code, issue.field.as_str())),
        Some(("invalid_setting", "port"))
    );
}

proptest! {
    #[test]
    fn any_settings_are_judged_and_every_point_is_explained(
        provider in proptest::sample::select(Provider::ALL.to_vec()),
        host in "[a-z0-9.-]{1,30}|::1|203\\.0\\.113\\.7|10\\.0\\.0\\.1|localhost",
        username in proptest::option::of("\\PC{1,12}|root|postgres"),
        password in proptest::option::of("\\PC{1,30}|postgres"),
        tls in proptest::option::of(proptest::sample::select(vec!["disable", "prefer", "require", "verify-ca", "verify-full"])),
        anon in "[!-~]{1,20}",
    ) {
        let credentials = json!({"host": host, "username": username, "password": password, "tls": tls,
            "projectId": "p", "url": REFERENCE, "anonKey": anon, "apiKey": anon});
        let mut credentials = credentials;
        if provider != Provider::Supabase {
            credentials["url"] = Value::Null;
        }
        if let Ok(settings) = Settings::from_json(provider, &credentials) {
            let subject = Subject {
                provider, secrets: SecretFacts::of(&settings), settings: settings.public(), known: KnownFacts::default(),
            };
            let Review { score, grade, findings } = review(&subject);
            let lost: u32 = findings.iter().map(|finding| finding.points).sum();
            prop_assert_eq!(score, 100_u32.saturating_sub(lost));
            prop_assert_eq!(grade, Grade::of(score));
            prop_assert!(findings.windows(2).all(|pair| pair[0].points >= pair[1].points));
            for finding in &findings {
                prop_assert!(!finding.message.is_empty() && !finding.suggestion.is_empty());
                prop_assert!(finding.points == 0 || finding.severity != Severity::Info || finding.points <= 3);
            }
            let mut codes: Vec<_> = findings.iter().map(|finding| (finding.code, finding.field)).collect();
            codes.sort_unstable();
            let all = codes.len();
            codes.dedup();
            prop_assert_eq!(codes.len(), all, "one finding is told once");
        }
    }

    /// More protection never costs points.
    #[test]
    fn a_stronger_mode_never_scores_less(
        host in "[a-z]{1,10}\\.example|10\\.0\\.0\\.1|localhost|203\\.0\\.113\\.7",
        password in "[a-z]{1,20}",
    ) {
        let scores: Vec<u32> = ["disable", "prefer", "require", "verify-ca", "verify-full"]
            .into_iter()
            .map(|tls| score(Provider::PostgreSql, &json!({"host": host, "user": "a", "password": password, "tls": tls})))
            .collect();
        prop_assert!(scores.windows(2).all(|pair| pair[0] <= pair[1]), "{:?}", scores);
    }
}
