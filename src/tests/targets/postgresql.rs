//! Real PostgreSQL servers, each with one thing that is or is not in order.

use mooring::{
    connections::{
        Provider,
        settings::{Secret, Settings, TlsMode},
    },
    probe::{Cause, Outcome, Phase},
};

use super::{failure, found, long_ago, none_left};
use crate::support::{
    certificates::{Authority, Certificate, self_signed},
    postgres::{PostgresOptions, Stop, TargetPostgres, USER},
};

async fn probe(settings: &Settings) -> mooring::probe::ProbeReport {
    super::probe(Provider::PostgreSql, settings).await
}

fn with_tls(certificate: Certificate) -> TargetPostgres {
    TargetPostgres::start(&PostgresOptions { tls: Some(certificate), ..PostgresOptions::default() })
}

#[tokio::test]
async fn a_healthy_server_answers_in_all_phases_and_keeps_nothing() {
    let server = TargetPostgres::start(&PostgresOptions {
        conf: vec!["log_connections = on".to_owned(), "log_disconnections = on".to_owned()],
        ..PostgresOptions::default()
    });
    let settings = super::settings(server.port());
    for _ in 0..3 {
        let report = probe(&settings).await;
        assert!(report.succeeded(), "{report:?}");
        assert!(report.server_version.as_deref().is_some_and(|version| version.starts_with(char::is_numeric)));
        assert_eq!(report.address, Some(format!("127.0.0.1:{}", server.port())));
        assert_eq!(report.phase(Phase::Tls).map(|tls| tls.outcome), Some(Outcome::Skipped));
        let sum: u32 = report.phases.iter().map(|phase| phase.micros).sum();
        assert!(sum <= report.total_micros + 6, "{report:?}");
        for phase in [Phase::Tcp, Phase::Auth, Phase::Database, Phase::Query] {
            assert!(report.phase(phase).is_some_and(|phase| phase.outcome == Outcome::Ok && phase.micros > 0));
        }
        none_left(|| server.connections_named("mooring")).await;
    }
    let log = server.log();
    assert!(log.contains("application_name=mooring"), "{log}");
    assert!(!log.contains("unexpected EOF"), "it did not say goodbye: {log}");
}

#[tokio::test]
async fn refusals_of_the_server_have_their_cause_and_phase() {
    let server = TargetPostgres::start(&PostgresOptions {
        hba: Some(vec![
            "host all rejected all reject".to_owned(),
            "host all clear all password".to_owned(),
            "host all hashed all md5".to_owned(),
            "host all app all scram-sha-256".to_owned(),
        ]),
        ..PostgresOptions::default()
    });
    for statement in [
        "create role stranger login",
        "create role clear login password 'app-password'",
        "set password_encryption = 'md5'; create role hashed login password 'app-password'",
        "create database closed",
        "revoke connect on database closed from public",
    ] {
        server.execute(statement).await;
    }
    let base = super::settings(server.port());
    let user = |name: &str| Settings { username: Some(name.to_owned()), ..base.clone() };
    let database = |name: &str| Settings { database: Some(name.to_owned()), ..base.clone() };
    let password = |password: Option<&str>| Settings { password: password.map(Secret::new), ..base.clone() };
    for (settings, place) in [
        (password(Some("wrong")), (Phase::Auth, Some("28P01"), Cause::AuthWrongPassword)),
        (password(Some("")), (Phase::Auth, Some("28P01"), Cause::AuthWrongPassword)),
        (password(None), (Phase::Auth, None, Cause::CredentialsMissing)),
        (database("missing"), (Phase::Database, Some("3D000"), Cause::DatabaseNotFound)),
        (database("closed"), (Phase::Database, Some("42501"), Cause::PermissionDenied)),
        (user("rejected"), (Phase::Auth, Some("28000"), Cause::AccessRuleDenied)),
        (user("stranger"), (Phase::Auth, Some("28000"), Cause::AccessRuleDenied)),
        (user("clear"), (Phase::Auth, None, Cause::AuthMethodUnsupported)),
        (Settings { username: None, ..base.clone() }, (Phase::Auth, None, Cause::CredentialsMissing)),
        (Settings { tls: Some(TlsMode::Require), ..base.clone() }, (Phase::Tls, None, Cause::TlsNotSupported)),
    ] {
        let report = probe(&settings).await;
        assert_eq!(found(&report), place, "{settings:?}: {report:?}");
        none_left(|| server.connections_named("mooring")).await;
    }
    // Near enough for MD5, and `prefer` takes a server without TLS.
    assert!(probe(&user("hashed")).await.succeeded());
    assert!(probe(&Settings { tls: Some(TlsMode::Prefer), ..base.clone() }).await.succeeded());
}

#[tokio::test]
async fn a_stopped_server_refuses_and_a_full_one_says_so() {
    let mut server = TargetPostgres::start(&PostgresOptions {
        conf: vec!["max_connections = 4".to_owned(), "superuser_reserved_connections = 3".to_owned()],
        ..PostgresOptions::default()
    });
    let settings = super::settings(server.port());
    let held = server.connect(USER).await;
    let report = probe(&settings).await;
    assert_eq!(failure(&report).cause, Cause::TooManyConnections, "{report:?}");
    drop(held);
    server.stop(Stop::Fast);
    let report = probe(&settings).await;
    assert_eq!(found(&report), (Phase::Tcp, Some("ECONNREFUSED"), Cause::ConnectionRefused));
    assert!(failure(&report).is_transient());
}

#[tokio::test]
async fn tls_modes_judge_certificates_and_record_them_all_the_same() {
    let authority = Authority::new("Tests");
    let stranger = Authority::new("Stranger");
    let good = with_tls(authority.issue(&["localhost", "127.0.0.1"], None));
    let other_name = with_tls(authority.issue(&["db.example.org"], None));
    let expired = with_tls(authority.issue(&["localhost"], Some(long_ago())));
    let own = self_signed(&["localhost"], None);
    let own_pem = own.certificate.clone();
    let own = with_tls(own);
    let ca = authority.certificate().to_owned();

    for (name, server, mode, trusted, cause) in [
        ("good", &good, TlsMode::VerifyFull, Some(&ca), None),
        ("good", &good, TlsMode::VerifyCa, Some(&ca), None),
        ("good", &good, TlsMode::Require, None, None),
        ("good", &good, TlsMode::Prefer, None, None),
        ("good", &good, TlsMode::VerifyFull, None, Some(Cause::TlsCertUntrusted)),
        ("good", &good, TlsMode::VerifyCa, Some(&stranger.certificate().to_owned()), Some(Cause::TlsCertUntrusted)),
        ("other name", &other_name, TlsMode::VerifyFull, Some(&ca), Some(Cause::TlsHostnameMismatch)),
        ("other name", &other_name, TlsMode::VerifyCa, Some(&ca), None),
        ("expired", &expired, TlsMode::VerifyFull, Some(&ca), Some(Cause::TlsCertExpired)),
        ("expired", &expired, TlsMode::Require, Some(&ca), None),
        ("self-signed", &own, TlsMode::VerifyFull, None, Some(Cause::TlsCertUntrusted)),
        ("self-signed", &own, TlsMode::VerifyFull, Some(&own_pem), None),
        ("self-signed", &own, TlsMode::Require, None, None),
        ("garbage", &good, TlsMode::VerifyFull, Some(&"no PEM".to_owned()), Some(Cause::DriverMisconfigured)),
    ] {
        let settings = Settings {
            host: "localhost".to_owned(),
            tls: Some(mode),
            ca_certificate: trusted.cloned(),
            ..super::settings(server.port())
        };
        let report = probe(&settings).await;
        assert_eq!(report.failure.as_ref().map(|failure| failure.cause), cause, "{name} {mode:?}: {report:?}");
        none_left(|| server.connections_named("mooring")).await;
        if name != "garbage" {
            let tls = report.tls.expect("the facts of TLS");
            assert_eq!(tls.version.as_deref(), Some("TLSv1.3"));
            assert!(tls.cipher.is_some_and(|cipher| cipher.starts_with("TLS_AES")));
            assert_eq!(tls.verified, cause.is_none() && matches!(mode, TlsMode::VerifyCa | TlsMode::VerifyFull));
            assert_eq!(tls.chain.first().map(|leaf| leaf.sha256.len()), Some(64));
        }
    }
    // An address is looked for among the addresses of the certificate.
    let settings =
        Settings { tls: Some(TlsMode::VerifyFull), ca_certificate: Some(ca), ..super::settings(good.port()) };
    assert!(probe(&settings).await.succeeded());
}

#[tokio::test]
async fn a_self_signed_leaf_is_trusted_as_itself_with_its_name_and_dates() {
    let elsewhere = self_signed(&["db.example.org"], None);
    let over = self_signed(&["localhost"], Some(long_ago()));
    for (certificate, mode, cause) in [
        (&elsewhere, TlsMode::VerifyFull, Some(Cause::TlsHostnameMismatch)),
        (&elsewhere, TlsMode::VerifyCa, None),
        (&over, TlsMode::VerifyCa, Some(Cause::TlsCertExpired)),
    ] {
        let server = with_tls(certificate.clone());
        let settings = Settings {
            host: "localhost".to_owned(),
            tls: Some(mode),
            ca_certificate: Some(certificate.certificate.clone()),
            ..super::settings(server.port())
        };
        let report = probe(&settings).await;
        assert_eq!(report.failure.as_ref().map(|failure| failure.cause), cause, "{mode:?}: {report:?}");
    }
}

#[tokio::test]
async fn client_certificates_are_shown_and_missed() {
    let authority = Authority::new("Tests");
    let server = TargetPostgres::start(&PostgresOptions {
        hba: Some(vec!["hostssl all all all scram-sha-256 clientcert=verify-ca".to_owned()]),
        tls: Some(authority.issue(&["localhost"], None)),
        conf: vec!["ssl_ca_file = 'server.crt'".to_owned()],
        ..PostgresOptions::default()
    });
    let base = Settings { tls: Some(TlsMode::Require), ..super::settings(server.port()) };
    let without = probe(&base).await;
    assert_eq!(failure(&without).cause, Cause::AccessRuleDenied, "{without:?}");
    assert_eq!(failure(&without).also_possible.first(), Some(&Cause::CredentialsMissing));
    assert!(failure(&without).message.contains("the connection has none"), "{without:?}");
    let clear = probe(&super::settings(server.port())).await;
    assert_eq!(found(&clear), (Phase::Auth, Some("28000"), Cause::AccessRuleDenied));
    assert_eq!(failure(&clear).also_possible, [Cause::TlsRequired]);
    // One that the server does not trust is refused by it.
    let mine = Authority::new("Somebody").issue(&["app"], None);
    let shown = Settings {
        client_certificate: Some(mine.certificate),
        client_key: Some(Secret::new(mine.key)),
        ..base.clone()
    };
    let report = probe(&shown).await;
    assert!(matches!(failure(&report).cause, Cause::AccessRuleDenied | Cause::ConnectionReset), "{report:?}");
    let half = Settings { client_key: None, ..shown };
    assert_eq!(failure(&probe(&half).await).cause, Cause::DriverMisconfigured);
}

/// A server that asks everybody for a certificate refuses for other reasons too.
#[tokio::test]
async fn a_rule_that_refuses_is_no_matter_of_certificates() {
    let authority = Authority::new("Tests");
    let server = TargetPostgres::start(&PostgresOptions {
        hba: Some(vec!["hostssl all all 192.0.2.0/24 scram-sha-256".to_owned()]),
        tls: Some(authority.issue(&["localhost"], None)),
        conf: vec!["ssl_ca_file = 'server.crt'".to_owned()],
        ..PostgresOptions::default()
    });
    let report = probe(&Settings { tls: Some(TlsMode::Require), ..super::settings(server.port()) }).await;
    assert_eq!(found(&report), (Phase::Auth, Some("28000"), Cause::AccessRuleDenied), "{report:?}");
    assert!(!failure(&report).also_possible.contains(&Cause::CredentialsMissing), "{report:?}");
    assert!(!failure(&report).message.contains("certificate"), "{report:?}");
}

/// The server says only that it failed.
#[tokio::test]
async fn a_certificate_of_another_user_is_named() {
    let authority = Authority::new("Tests");
    let server = TargetPostgres::start(&PostgresOptions {
        hba: Some(vec!["hostssl all all all cert".to_owned()]),
        tls: Some(authority.issue(&["localhost"], None).with_authority(&authority)),
        conf: vec!["ssl_ca_file = 'server.crt'".to_owned()],
        ..PostgresOptions::default()
    });
    let show = |name: &str| {
        let Certificate { certificate, key } = authority.issue(&[name], None);
        Settings {
            tls: Some(TlsMode::Require),
            client_certificate: Some(certificate),
            client_key: Some(Secret::new(key)),
            ..super::settings(server.port())
        }
    };
    assert!(probe(&show("app")).await.succeeded());
    let report = probe(&show("stranger")).await;
    assert_eq!(found(&report), (Phase::Auth, Some("28000"), Cause::AccessRuleDenied), "{report:?}");
    assert_eq!(failure(&report).also_possible.first(), Some(&Cause::CredentialsMissing));
    assert!(failure(&report).message.contains("“stranger”"), "{report:?}");
}

#[tokio::test]
async fn an_old_tls_version_has_nothing_in_common() {
    let options = PostgresOptions {
        conf: vec!["ssl_min_protocol_version = 'TLSv1'".to_owned(), "ssl_max_protocol_version = 'TLSv1.1'".to_owned()],
        tls: Some(self_signed(&["localhost"], None)),
        ..PostgresOptions::default()
    };
    let server = TargetPostgres::start(&options);
    let report = probe(&Settings { tls: Some(TlsMode::Require), ..super::settings(server.port()) }).await;
    assert_eq!(found(&report).0, Phase::Tls);
    assert_eq!(failure(&report).cause, Cause::TlsProtocolMismatch, "{report:?}");
}
