//! `examples.jsonl` holds 102 messages that people posted, with their causes. `messages.jsonl` holds more of the same
//! kind, one a line: those with a source were found there, those without are as the library or server prints them;
//! names, hosts and addresses are changed in both.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    time::{Duration, Instant},
};

use proptest::prelude::*;
use serde::Deserialize;

use super::*;

/// One line of the fixtures.
#[derive(Deserialize)]
struct Posted {
    provider: Provider,
    message: String,
    cause: Cause,
}

fn posted() -> Vec<Posted> {
    [include_str!("examples.jsonl"), include_str!("messages.jsonl")]
        .into_iter()
        .flat_map(str::lines)
        .map(|line| serde_json::from_str(line).expect(line))
        .collect()
}

fn coded(code: &str, text: &str) -> Cause {
    classify(&Evidence { code: Some(code), text, ..Evidence::default() }).cause
}

fn coded_by(provider: Provider, code: &str, text: &str) -> Cause {
    classify(&Evidence { provider: Some(provider), code: Some(code), text, ..Evidence::default() }).cause
}

fn read(text: &str) -> Cause {
    classify(&Evidence { text, ..Evidence::default() }).cause
}

/// Right ones and all.
#[derive(Clone, Copy, Default)]
struct Score(u32, u32);

impl Score {
    fn count(&mut self, right: bool) {
        self.0 += u32::from(right);
        self.1 += 1;
    }

    fn percent(self) -> f64 {
        f64::from(self.0) * 100.0 / f64::from(self.1)
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "the confusion table is there to be read")]
fn posted_messages_are_understood() {
    let mut all = Score::default();
    let mut untold = Score::default();
    let mut by_provider: BTreeMap<&str, Score> = BTreeMap::new();
    let mut confusion: BTreeMap<Cause, BTreeMap<Cause, u32>> = BTreeMap::new();
    for Posted { provider, message, cause } in posted() {
        let found = classify(&Evidence { provider: Some(provider), text: &message, ..Evidence::default() });
        all.count(found.cause == cause);
        untold.count(read(&message) == cause);
        by_provider.entry(provider.code()).or_default().count(found.cause == cause);
        *confusion.entry(cause).or_default().entry(found.cause).or_default() += 1;
    }

    let mut table = format!("{:28} {:>5}  {}\n", "cause", "right", "taken for");
    for (cause, found) in &confusion {
        let right = found.get(cause).copied().unwrap_or(0);
        let wrong: Vec<_> =
            found.iter().filter(|(other, _)| *other != cause).map(|(other, n)| format!("{other} {n}")).collect();
        writeln!(table, "{:28} {right:>5}  {}", cause.code(), wrong.join(", ")).expect("a string takes it");
    }
    for (provider, score) in &by_provider {
        writeln!(table, "{provider:12} {:3} of {:3}  {:.1} %", score.0, score.1, score.percent())
            .expect("a string takes it");
    }
    println!("{table}all {} of {}, {:.1} %; not told the provider {}", all.0, all.1, all.percent(), untold.0);

    assert!(all.percent() >= 95.0, "{:.1} % of all", all.percent());
    assert!(untold.percent() >= 95.0, "{:.1} % without the provider", untold.percent());
    for (provider, score) in by_provider {
        assert!(score.percent() >= 90.0, "{:.1} % of {provider}", score.percent());
    }
    assert!(confusion.len() >= 45, "messages for {} causes only", confusion.len());
}

#[test]
fn codes_decide_whatever_the_language() {
    for (code, text, cause) in [
        ("28P01", "Passwort-Authentifizierung für Benutzer »app« fehlgeschlagen", Cause::AuthWrongPassword),
        ("3D000", "Datenbank »x« existiert nicht", Cause::DatabaseNotFound),
        ("28000", "kein pg_hba.conf-Eintrag für Host »10.0.0.1«", Cause::AccessRuleDenied),
        ("28000", "Rolle »x« existiert nicht (routine InitializeSessionUserId)", Cause::AuthUnknownUser),
        ("28000", "la base rechaza (routine ClientAuthentication)", Cause::AccessRuleDenied),
        ("42501", "permission denied for database \"x\"", Cause::PermissionDenied),
        ("42501", "new row violates row-level security policy", Cause::SecurityRulesDenied),
        ("53300", "sorry, too many clients already", Cause::TooManyConnections),
        ("57P03", "the database system is starting up", Cause::ServerStartingUp),
        ("57P03", "the database system is shutting down", Cause::ServerShuttingDown),
        ("57P01", "terminating connection due to administrator command", Cause::ServerShuttingDown),
        ("25006", "cannot execute UPDATE in a read-only transaction", Cause::NotPrimary),
        ("57014", "canceling statement due to statement timeout", Cause::StatementTimeout),
        ("XX000", "Tenant or user not found", Cause::PoolerTenantNotFound),
        ("08P01", "no such database: x", Cause::DatabaseNotFound),
        ("08P01", "database \"shop\" is disabled", Cause::ServicePaused),
        ("08P01", "something", Cause::Unknown),
        ("XX000", "something internal", Cause::Unknown),
        ("1045", "Accès refusé pour l'utilisateur", Cause::AuthWrongPassword),
        ("1049", "Base 'x' inconnue", Cause::DatabaseNotFound),
        ("1044", "Access denied for user 'a'@'%' to database 'b'", Cause::PermissionDenied),
        ("1129", "", Cause::HostBlocked),
        ("1040", "Too many connections", Cause::TooManyConnections),
        ("3159", "", Cause::TlsRequired),
        ("2003", "Can't connect to MySQL server on 'db' (110)", Cause::ConnectTimeout),
        ("ECONNREFUSED", "", Cause::ConnectionRefused),
        ("EAI_AGAIN", "", Cause::DnsNotFound),
        ("ETIMEDOUT", "", Cause::ConnectTimeout),
        ("ECONNRESET", "", Cause::ConnectionReset),
        ("EOF", "", Cause::ConnectionReset),
        ("EPIPE", "", Cause::ConnectionReset),
        ("111", "", Cause::ConnectionRefused),
        ("-10060", "", Cause::ConnectTimeout),
        ("DEPTH_ZERO_SELF_SIGNED_CERT", "", Cause::TlsCertUntrusted),
        ("P1003", "", Cause::DatabaseNotFound),
        ("08003", "", Cause::IdleConnectionClosed),
        ("08006", "something", Cause::ConnectionReset),
        ("08001", "Connection refused", Cause::ConnectionRefused),
        ("2004", "", Cause::HostUnreachable),
        ("3032", "", Cause::ServerShuttingDown),
        ("nonsense", "", Cause::Unknown),
    ] {
        assert_eq!(coded(code, text), cause, "{code}: {text}");
    }
}

#[test]
fn codes_mean_what_their_provider_means() {
    use Provider::{Firebase, MongoDb, PostgreSql, Supabase};

    for (provider, code, text, cause) in [
        (MongoDb, "18", "", Cause::AuthWrongPassword),
        (MongoDb, "AuthenticationFailed", "", Cause::AuthWrongPassword),
        (MongoDb, "13", "command find requires authentication", Cause::CredentialsMissing),
        (MongoDb, "Unauthorized", "not authorized on admin", Cause::PermissionDenied),
        (MongoDb, "8000", "bad auth : authentication failed", Cause::AuthWrongPassword),
        (MongoDb, "8000", "you are over your space quota", Cause::QuotaExceeded),
        (MongoDb, "NotWritablePrimary", "", Cause::NotPrimary),
        (MongoDb, "50", "", Cause::StatementTimeout),
        (MongoDb, "133", "", Cause::NotPrimary),
        (MongoDb, "188", "", Cause::DriverServerIncompatible),
        (MongoDb, "202", "", Cause::ConnectTimeout),
        (MongoDb, "323", "", Cause::DriverServerIncompatible),
        (MongoDb, "462", "", Cause::QuotaExceeded),
        (MongoDb, "16500", "", Cause::QuotaExceeded),
        (
            Firebase,
            "403",
            "Cloud Firestore API has not been used in project 1 before or it is disabled",
            Cause::ApiNotEnabled,
        ),
        (Firebase, "PERMISSION_DENIED", "", Cause::SecurityRulesDenied),
        (Firebase, "NOT_FOUND", "", Cause::DatabaseNotFound),
        (
            Firebase,
            "UNAUTHENTICATED",
            "Request is missing required authentication credential",
            Cause::CredentialsMissing,
        ),
        (Firebase, "RESOURCE_EXHAUSTED", "", Cause::QuotaExceeded),
        (Firebase, "429", "", Cause::QuotaExceeded),
        (Supabase, "540", "", Cause::ServicePaused),
        (Supabase, "401", "Invalid API key", Cause::InvalidApiKey),
        (Supabase, "401", "JWT expired", Cause::TokenExpired),
        (Supabase, "PGRST002", "", Cause::ServerStartingUp),
        (Supabase, "28P01", "", Cause::AuthWrongPassword),
        (PostgreSql, "53300", "", Cause::TooManyConnections),
    ] {
        assert_eq!(coded_by(provider, code, text), cause, "{provider:?} {code}: {text}");
    }
}

#[test]
fn codes_in_the_text_come_before_its_words() {
    for (text, cause) in [
        ("PDOException: SQLSTATE[HY000] [1129] Host 'x' is blocked", Cause::HostBlocked),
        ("(u'FATAL', u'3D000', u'la base no existe')", Cause::DatabaseNotFound),
        ("{ [Error: ER_BAD_DB_ERROR: Unbekannt] code: 'ER_BAD_DB_ERROR' }", Cause::DatabaseNotFound),
        ("Error: connect ECONNREFUSED 10.0.0.1:5432", Cause::ConnectionRefused),
        ("Error: querySrv ENOTFOUND _mongodb._tcp.x.mongodb.net", Cause::SrvLookupFailed),
        ("connect ENETUNREACH 2600:1f18::5:5432 - Local (:::0)", Cause::Ipv6Unreachable),
        ("connect ENETUNREACH 10.0.0.1:5432", Cause::HostUnreachable),
        ("mysql: l'erreur (errno: 1040)", Cause::TooManyConnections),
        ("MongoServerError: nicht erlaubt, code: 18", Cause::AuthWrongPassword),
        ("cURL error 28: sans réponse", Cause::ConnectTimeout),
        ("curl: (60) problème", Cause::TlsCertUntrusted),
        ("Error Domain=NSURLErrorDomain Code=-1003 \"...\"", Cause::DnsNotFound),
        ("System.IO.EndOfStreamException", Cause::ConnectionReset),
    ] {
        assert_eq!(read(text), cause, "{text}");
    }
}

#[test]
fn the_root_of_a_chain_counts() {
    for (text, cause) in [
        (
            "HikariPool-1 - Connection is not available, request timed out after 30000ms.\nCaused by: \
             org.postgresql.util.PSQLException: The connection attempt failed.\nCaused by: \
             java.net.UnknownHostException: db",
            Cause::DnsNotFound,
        ),
        (
            "HikariPool-1 - Connection is not available, request timed out after 30000ms.\n\tat X.y(X.java:1)\nCaused by: \
             org.postgresql.util.PSQLException: FATAL: password authentication failed for user \"app\"",
            Cause::AuthWrongPassword,
        ),
        (
            "could not connect\n\nCaused by:\n    0: error\n    1: Connection refused (os error 111)",
            Cause::ConnectionRefused,
        ),
        (
            "server selection timeout, Last error: dial tcp 10.0.0.1:27017: connect: no route to host",
            Cause::HostUnreachable,
        ),
    ] {
        assert_eq!(read(text), cause, "{text}");
    }
}

#[test]
fn what_is_no_failure_is_unknown() {
    for text in [
        "",
        "the cat sat on the mat",
        "Server listening on port 1045",
        "mysql started in 2013 ms on 2003-01-02 10:40:30",
        "pruned 28000 rows of 53300, 42501 left",
        "worker exited, exit code 18, mongo sync done",
        "thread panicked, process exited with code 101",
        "connected to timeout.example.org:1040",
        "connected to connection-refused.example.org",
        "connected to mongodb://h:27017/app?connectTimeoutMS=20000&waitQueueTimeoutMS=100&authSource=admin",
        "options: { connectTimeoutMS: 30000, socketTimeoutMS: 20000, idleTimeoutMillis: 5 }",
        "see https://example.org/errors/self-signed-certificate?cause=connection%20refused",
        "    at Timeout.handleConnectionRefused (node:net:1:2)",
        "request 60 of 111 took 104 ms, 110 left",
        "my description of the whole thing is fine",
    ] {
        assert_eq!(read(text), Cause::Unknown, "{text}");
    }
    let unknown = classify(&Evidence::default());
    assert_eq!((unknown.confidence, unknown.also_possible), (0, Vec::new()));
}

#[test]
fn options_and_addresses_do_not_decide() {
    for (text, cause) in [
        (
            "localhost:27017: [Errno 111] Connection refused (configured timeouts: socketTimeoutMS: 20000.0ms, \
             connectTimeoutMS: 20000.0ms)",
            Cause::ConnectionRefused,
        ),
        ("MongoServerError at mongodb://a:b@h/x?authSource=admin: bad auth", Cause::AuthWrongPassword),
        ("pgx: host=h port=1045 user=u sslmode=require: connect: connection refused", Cause::ConnectionRefused),
        ("unsupported startup parameter: statement_timeout", Cause::DriverMisconfigured),
    ] {
        assert_eq!(read(text), cause, "{text}");
    }
}

#[test]
fn tls_may_cure_a_rule_that_refused_clear_text() {
    let verdict = classify(&Evidence {
        code: Some("28000"),
        text: "no pg_hba.conf entry for host \"10.0.0.1\", user \"a\", database \"b\", no encryption",
        ..Evidence::default()
    });
    assert_eq!((verdict.cause, verdict.also_possible), (Cause::AccessRuleDenied, vec![Cause::TlsRequired]));
}

#[test]
fn once_the_query_has_begun_time_runs_out_on_the_query() {
    let evidence = Evidence { code: Some("ETIMEDOUT"), phase: Some(Phase::Query), ..Evidence::default() };
    assert_eq!(classify(&evidence).cause, Cause::StatementTimeout);
    assert_eq!(classify(&Evidence { phase: Some(Phase::Tcp), ..evidence }).cause, Cause::ConnectTimeout);
}

#[test]
fn confidence_falls_with_each_other_cause() {
    let confidence = |text| classify(&Evidence { text, ..Evidence::default() }).confidence;
    assert_eq!(confidence("password authentication failed for user"), 95);
    assert_eq!(confidence("no pg_hba.conf entry for host \"h\", SSL off"), 85);
    assert_eq!(confidence("Peer authentication failed for user"), 65);
    assert!(confidence("could not connect") < confidence("connection refused"));
}

#[test]
fn a_paste_of_any_size_is_read_in_bounded_time() {
    // Parts of wordings over and over are the worst that can be pasted.
    for piece in ["token role database certificate ", "caused by: ", "\u{202e}\u{0}\u{1b}[", "a\\n", "äöü://", "🦀"]
    {
        let paste = piece.repeat(1_000_000 / piece.len());
        let begun = Instant::now();
        std::hint::black_box(classify(&Evidence { text: &paste, ..Evidence::default() }));
        assert!(begun.elapsed() < Duration::from_secs(2), "{piece:?} took {:?}", begun.elapsed());
    }
}

proptest! {
    #[test]
    fn nothing_that_is_pasted_breaks_it(text in any::<String>(), code in proptest::option::of(any::<String>())) {
        let verdict = classify(&Evidence { code: code.as_deref(), text: &text, ..Evidence::default() });
        prop_assert!(!verdict.also_possible.contains(&verdict.cause));
        prop_assert!(verdict.confidence <= 100);
    }
}
