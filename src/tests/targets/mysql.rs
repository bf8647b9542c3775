//! Real MariaDB servers, each with one thing that is or is not in order.

use std::{future::ready, net::Ipv4Addr};

use mooring::{
    connections::{
        Provider,
        settings::{Secret, Settings, TlsMode},
    },
    probe::{Cause, Outcome, Phase},
    server::{config::EgressPolicy, egress::Egress, providers},
};

use super::{failure, found, none_left};
use crate::support::{
    certificates::{Authority, self_signed},
    fault::From,
    mariadb::{MariaDbOptions, TargetMariaDb},
};

async fn probe(settings: &Settings) -> mooring::probe::ProbeReport {
    super::probe(Provider::MySql, settings).await
}

#[tokio::test]
async fn a_healthy_server_answers_in_all_phases_and_keeps_nothing() {
    let server = TargetMariaDb::start(&MariaDbOptions::default());
    let settings = super::settings(server.port());
    // Whoever waited for the server to start broke off once.
    let aborted = || server.execute("show global status like 'Aborted_c%'");
    let before = aborted();
    for _ in 0..3 {
        let report = probe(&settings).await;
        assert!(report.succeeded(), "{report:?}");
        assert!(report.server_version.as_deref().is_some_and(|version| version.contains("MariaDB")), "{report:?}");
        assert_eq!(report.phase(Phase::Tls).map(|tls| tls.outcome), Some(Outcome::Skipped));
        for phase in [Phase::Tcp, Phase::Auth, Phase::Database, Phase::Query] {
            assert!(report.phase(phase).is_some_and(|phase| phase.outcome == Outcome::Ok && phase.micros > 0));
        }
        none_left(|| ready(server.connections_named("mooring").into())).await;
    }
    assert_eq!(aborted(), before, "a connection did not end as it should");
}

#[tokio::test]
async fn refusals_of_the_server_have_their_cause_and_phase() {
    let server = TargetMariaDb::start(&MariaDbOptions {
        sql: vec![
            "create database closed;".to_owned(),
            "create user crowded@'%' identified by 'app-password' with max_queries_per_hour 1;".to_owned(),
            "grant all on app.* to crowded@'%';".to_owned(),
            "create user empty@'%' identified by '';".to_owned(),
        ],
        ..MariaDbOptions::default()
    });
    let base = super::settings(server.port());
    let user = |name: &str| Settings { username: Some(name.to_owned()), ..base.clone() };
    let database = |name: &str| Settings { database: Some(name.to_owned()), ..base.clone() };
    for (settings, place) in [
        (
            Settings { password: Some(Secret::new("wrong")), ..base.clone() },
            (Phase::Auth, Some("1045"), Cause::AuthWrongPassword),
        ),
        (Settings { password: None, ..base.clone() }, (Phase::Auth, Some("1045"), Cause::AuthWrongPassword)),
        (user("nobody"), (Phase::Auth, Some("1045"), Cause::AuthWrongPassword)),
        (database("closed"), (Phase::Database, Some("1044"), Cause::PermissionDenied)),
        (user("empty"), (Phase::Auth, Some("1045"), Cause::AuthWrongPassword)),
        (Settings { tls: Some(TlsMode::Require), ..base.clone() }, (Phase::Tls, None, Cause::TlsNotSupported)),
        (Settings { username: Some(String::new()), ..base.clone() }, (Phase::Auth, None, Cause::CredentialsMissing)),
    ] {
        let report = probe(&settings).await;
        assert_eq!(found(&report), place, "{settings:?}: {report:?}");
        none_left(|| ready(server.connections_named("mooring").into())).await;
    }
    let nameless = Settings { username: Some("empty".to_owned()), password: None, database: None, ..base.clone() };
    let report = probe(&nameless).await;
    assert!(report.succeeded(), "{report:?}");
    assert_eq!(report.phase(Phase::Database).map(|phase| phase.outcome), Some(Outcome::Skipped));
    // The second of its queries in the hour is one too many.
    let crowded = (probe(&user("crowded")).await, probe(&user("crowded")).await);
    assert!(matches!(failure(&crowded.1).cause, Cause::QuotaExceeded | Cause::TooManyConnections), "{crowded:?}");
    assert!(probe(&Settings { tls: Some(TlsMode::Prefer), ..base }).await.succeeded());
}

/// A login that breaks off counts against the address it comes from, and one is enough here to block it.
#[tokio::test]
async fn a_login_that_we_refuse_does_not_get_us_blocked() {
    let server = TargetMariaDb::start(&MariaDbOptions {
        arguments: [
            "--proxy-protocol-networks=127.0.0.1",
            "--skip-name-resolve=OFF",
            "--max-connect-errors=1",
            "--plugin-load-add=auth_ed25519",
        ]
        .map(str::to_owned)
        .to_vec(),
        sql: vec!["create user signs@'%' identified via ed25519 using password('app-password');".to_owned()],
        ..MariaDbOptions::default()
    });
    let elsewhere = From::start(Ipv4Addr::new(203, 0, 113, 9), server.port()).await;
    let settings = Settings { username: Some("signs".to_owned()), ..super::settings(elsewhere.port()) };
    for _ in 0..3 {
        let report = probe(&settings).await;
        assert_eq!(found(&report), (Phase::Auth, None, Cause::AuthMethodUnsupported), "{report:?}");
    }
    none_left(|| ready(server.connections_named("mooring").into())).await;
    let counted = server.execute(
        "select sum_connect_errors, count_handshake_errors from performance_schema.host_cache where ip = '203.0.113.9'",
    );
    assert_eq!(counted.trim(), "0\t0");
    assert!(probe(&super::settings(elsewhere.port())).await.succeeded());
}

/// To a stranger MariaDB plays the login of an account that it has, here one that signs: a look, a refusal of clear
/// text and a refused certificate all end in the middle of it.
#[tokio::test]
async fn a_look_at_a_server_that_plays_a_login_does_not_get_us_blocked() {
    let signs = |number| {
        format!("create user a{number}@'192.0.2.{number}' identified via ed25519 using password('app-password');")
    };
    let start = |tls| {
        TargetMariaDb::start(&MariaDbOptions {
            arguments: [
                "--proxy-protocol-networks=127.0.0.1",
                "--skip-name-resolve=OFF",
                "--max-connect-errors=1",
                "--plugin-load-add=auth_ed25519",
            ]
            .map(str::to_owned)
            .to_vec(),
            // Whose login is played is drawn from all accounts.
            sql: (1..=200).map(signs).collect(),
            tls,
        })
    };
    let clear = start(None);
    let secure = start(Some(self_signed(&["localhost"], None)));
    let (to_clear, to_secure) = (Ipv4Addr::new(203, 0, 113, 9), Ipv4Addr::new(203, 0, 113, 10));
    let (clear_way, secure_way) =
        (From::start(to_clear, clear.port()).await, From::start(to_secure, secure.port()).await);
    let egress = Egress::new(EgressPolicy::SelfHosted);
    for (server, way, from) in [(&clear, &clear_way, to_clear), (&secure, &secure_way, to_secure)] {
        let settings = Settings { tls: Some(TlsMode::VerifyFull), ..super::settings(way.port()) };
        for _ in 0..2 {
            let report = providers::diagnose(&egress, Provider::MySql, &settings).await;
            let cause = report.failure.as_ref().map(|failure| failure.cause);
            assert!(matches!(cause, Some(Cause::TlsNotSupported | Cause::TlsCertUntrusted)), "{report:?}");
        }
        let counted = format!(
            "select sum_connect_errors, count_handshake_errors, count_auth_plugin_errors + count_authentication_errors > 0
               from performance_schema.host_cache where ip = '{from}'"
        );
        assert_eq!(server.execute(&counted).trim(), "0\t0\t1", "errors, broken handshakes, refused logins");
        let open = Settings { tls: Some(TlsMode::Prefer), ..settings };
        assert!(probe(&open).await.succeeded());
    }
}

#[tokio::test]
async fn a_missing_database_is_told_to_one_who_may_see_it() {
    let server = TargetMariaDb::start(&MariaDbOptions {
        sql: vec!["grant all on *.* to app@'%';".to_owned()],
        ..MariaDbOptions::default()
    });
    let settings = Settings { database: Some("missing".to_owned()), ..super::settings(server.port()) };
    assert_eq!(found(&probe(&settings).await), (Phase::Database, Some("1049"), Cause::DatabaseNotFound));
}

#[tokio::test]
async fn a_stopped_server_refuses() {
    let mut server = TargetMariaDb::start(&MariaDbOptions::default());
    server.stop();
    let report = probe(&super::settings(server.port())).await;
    assert_eq!(found(&report), (Phase::Tcp, Some("ECONNREFUSED"), Cause::ConnectionRefused));
}

#[tokio::test]
async fn tls_modes_judge_certificates_and_record_them_all_the_same() {
    let authority = Authority::new("Tests");
    let good = TargetMariaDb::start(&MariaDbOptions {
        tls: Some(authority.issue(&["localhost"], None)),
        sql: vec!["create user careful@'%' identified by 'app-password' require ssl;".to_owned()],
        ..MariaDbOptions::default()
    });
    let own_certificate = self_signed(&["localhost"], None);
    let own_pem = own_certificate.certificate.clone();
    let own = TargetMariaDb::start(&MariaDbOptions { tls: Some(own_certificate), ..MariaDbOptions::default() });
    let ca = authority.certificate().to_owned();
    for (name, server, host, mode, trusted, cause) in [
        ("good", &good, "localhost", TlsMode::VerifyFull, Some(&ca), None),
        ("good", &good, "127.0.0.1", TlsMode::VerifyFull, Some(&ca), Some(Cause::TlsHostnameMismatch)),
        ("good", &good, "127.0.0.1", TlsMode::VerifyCa, Some(&ca), None),
        ("good", &good, "localhost", TlsMode::Prefer, None, None),
        ("self-signed", &own, "localhost", TlsMode::VerifyFull, None, Some(Cause::TlsCertUntrusted)),
        ("self-signed", &own, "localhost", TlsMode::VerifyFull, Some(&own_pem), None),
        ("self-signed", &own, "localhost", TlsMode::Require, None, None),
    ] {
        let settings = Settings {
            host: host.to_owned(),
            tls: Some(mode),
            ca_certificate: trusted.cloned(),
            ..super::settings(server.port())
        };
        let report = probe(&settings).await;
        assert_eq!(report.failure.as_ref().map(|failure| failure.cause), cause, "{name} {mode:?}: {report:?}");
        none_left(|| ready(server.connections_named("mooring").into())).await;
        let tls = report.tls.expect("the facts of TLS");
        assert!(tls.version.is_some_and(|version| version.starts_with("TLSv1.")));
        assert_eq!(tls.verified, cause.is_none() && matches!(mode, TlsMode::VerifyCa | TlsMode::VerifyFull));
        assert!(!tls.chain.is_empty());
    }
    // An account that requires TLS is refused without a word on why.
    let careful = Settings { username: Some("careful".to_owned()), ..super::settings(good.port()) };
    let report = probe(&careful).await;
    assert_eq!(found(&report), (Phase::Auth, Some("1045"), Cause::AuthWrongPassword));
    assert_eq!(failure(&report).also_possible, [Cause::TlsRequired, Cause::AccessRuleDenied]);
    let over_tls = Settings { tls: Some(TlsMode::Require), database: None, ..careful };
    let report = probe(&over_tls).await;
    assert!(report.succeeded(), "{report:?}");
}
