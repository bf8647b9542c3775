//! Servers that speak MongoDB's protocol, each with one thing that is or is not in order, and seed lists of our own
//! name server.

use std::future::ready;

use mooring::{
    connections::{
        Provider,
        settings::{AuthMechanism, MongoDb, Secret, Settings, Special, TlsMode},
    },
    diagnosis::StageKind,
    health::{CheckOrigin, Status, server as health},
    probe::{Cause, Depth, Outcome, Phase, ProbeReport},
    server::{config::EgressPolicy, egress::Egress, providers},
};
use serde_json::json;
use tokio::{net::TcpStream, time::Instant};

use super::{failure, found, none_left};
use crate::support::{
    app::TestApp,
    certificates::{Authority, Certificate, self_signed},
    mongodb::{DATABASE, MongoDbOptions, REPLICA_SET, TargetMongoDb, USER},
    name_server::Zone,
    server_process::Port,
};

/// Settings for [`USER`], who is kept in `admin`.
fn settings(port: u16) -> Settings {
    with(super::settings(port), |special| special.auth_source = Some("admin".to_owned()))
}

/// The settings with MongoDB's own ones changed.
fn with(mut settings: Settings, change: impl FnOnce(&mut MongoDb)) -> Settings {
    let mut special = match std::mem::take(&mut settings.special) {
        Special::MongoDb(special) => special,
        _ => MongoDb::default(),
    };
    change(&mut special);
    settings.special = Special::MongoDb(special);
    settings
}

async fn probe(settings: &Settings) -> ProbeReport {
    probe_through(&Egress::new(EgressPolicy::SelfHosted), settings).await
}

/// Probes, and checks that the time bound is kept.
async fn probe_through(egress: &Egress, settings: &Settings) -> ProbeReport {
    let started = Instant::now();
    let report = super::probe_through(egress, Provider::MongoDb, settings).await;
    let bound = settings.effective_connect_timeout_ms() + 10_000;
    assert!(started.elapsed().as_millis() <= (bound + 500).into(), "it took {:?}", started.elapsed());
    report
}

/// What was expected and found of one fault, as a line of a table.
#[expect(clippy::print_stderr, reason = "the table is what a reader of the test's output looks for")]
fn line(fault: &str, expected: Option<Cause>, report: &ProbeReport) {
    let name = |cause: Option<Cause>| cause.map_or("none", Cause::code);
    let found = report.failure.as_ref().map(|failure| failure.cause);
    let milliseconds = report.response_time_ms();
    eprintln!("mongodb | {fault:<34} | {:<25} | {:<25} | {milliseconds:>5} ms", name(expected), name(found));
}

fn detail(report: &ProbeReport, phase: Phase) -> &str {
    report.phase(phase).and_then(|result| result.detail.as_deref()).unwrap_or_default()
}

#[tokio::test]
async fn a_healthy_server_answers_in_all_phases_and_keeps_nothing() {
    let server = TargetMongoDb::start(&MongoDbOptions::default());
    let member = with(settings(server.port()), |special| special.replica_set = Some(REPLICA_SET.to_owned()));
    for settings in [&member, &settings(server.port())] {
        let report = probe(settings).await;
        assert!(report.succeeded(), "{report:?}");
        assert_eq!(report.server_version.as_deref(), Some("8.2.11"));
        assert_eq!(report.phase(Phase::Tls).map(|tls| tls.outcome), Some(Outcome::Skipped));
        for phase in [Phase::Tcp, Phase::Auth, Phase::Database, Phase::Query] {
            assert!(report.phase(phase).is_some_and(|phase| phase.outcome == Outcome::Ok && phase.micros > 0));
        }
        assert_eq!(detail(&report, Phase::Auth), "SCRAM-SHA-256");
        assert_eq!(detail(&report, Phase::Database), DATABASE);
        assert_eq!(detail(&report, Phase::Query), "answered by the primary");
        none_left(|| ready(left(&server))).await;
    }
    // The surface of one that may sleep: nobody logs in, and nothing is asked.
    let egress = Egress::new(EgressPolicy::SelfHosted);
    let within = providers::longest(&member);
    let surface =
        providers::probe_to(&egress, Provider::MongoDb, &member, Depth::Surface, within).await.expect("a report");
    assert!(surface.succeeded(), "{surface:?}");
    assert_eq!(surface.phase(Phase::Auth).map(|phase| phase.outcome), Some(Outcome::Skipped));
    none_left(|| ready(left(&server))).await;
    // One that is left would be seen.
    let open = TcpStream::connect(("127.0.0.1", server.port())).await.expect("connect");
    assert_eq!(server.connections(), 1);
    drop(open);
}

#[tokio::test]
async fn a_staged_probe_tells_databases_and_privileges() {
    let server = TargetMongoDb::start(&MongoDbOptions::default());
    let egress = Egress::new(EgressPolicy::SelfHosted);
    let user = |name: &str| Settings { username: Some(name.to_owned()), ..settings(server.port()) };
    for (name, privileges) in [(USER, "readWrite on app, clusterMonitor on admin"), ("nothing", "no role")] {
        let staged = providers::diagnose(&egress, Provider::MongoDb, &user(name)).await;
        assert!(staged.succeeded(), "{name}: {staged:?}");
        assert_eq!(staged.findings.privileges.as_deref(), Some(privileges), "{name}");
        let sees = staged.findings.databases.iter().any(|found| found == DATABASE);
        assert_eq!(sees, name == USER, "{name}: {:?}", staged.findings);
        let kinds: Vec<StageKind> = staged.stages.iter().map(|stage| stage.kind).collect();
        assert!(kinds.contains(&StageKind::Privileges), "{name}: {kinds:?}");
        none_left(|| ready(left(&server))).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_found_is_recorded() {
    let server = TargetMongoDb::start(&MongoDbOptions::default());
    let app = TestApp::start().await;
    let owner = app.user("a@example.org").await;
    let address = |rest: &str| {
        let url = format!("mongodb://{rest}127.0.0.1:{}/app?authSource=admin&tls=false", server.port());
        json!({ "connectionString": url })
    };
    for (name, settings, status, cause) in [
        ("right", address("app:app-password@"), Status::Healthy, None),
        ("wrong", address("app:wrong@"), Status::Down, Some(Cause::AuthWrongPassword)),
        ("nobody", address(""), Status::Down, Some(Cause::CredentialsMissing)),
    ] {
        let id = app.connection(&owner, name, "mongodb", &settings).await;
        let result = health::check_now(&owner, id, CheckOrigin::Person).await.expect("check");
        assert_eq!((result.status, result.cause), (status, cause), "{name}");
        none_left(|| ready(left(&server))).await;
    }
}

fn left(server: &TargetMongoDb) -> i64 {
    server.connections().try_into().expect("a small number")
}

#[tokio::test]
async fn who_may_log_in_does() {
    let server = TargetMongoDb::start(&MongoDbOptions { standalone: true, ..MongoDbOptions::default() });
    let base = settings(server.port());
    let user = |name: &str| Settings { username: Some(name.to_owned()), ..base.clone() };
    let sha1 = |special: &mut MongoDb| special.auth_mechanism = Some(AuthMechanism::ScramSha1);
    for (name, settings, notes) in [
        ("SHA-1 is all that it has", user("old"), ["SCRAM-SHA-1", DATABASE]),
        ("SHA-1 by choice", with(user("old"), sha1), ["SCRAM-SHA-1", DATABASE]),
        (
            "a user of the database",
            with(user("local"), |special| special.auth_source = None),
            ["SCRAM-SHA-256", DATABASE],
        ),
        (
            "a user without a privilege",
            user("nothing"),
            ["SCRAM-SHA-256", "app: the server does not let this user ask for it"],
        ),
        (
            "letters of everywhere",
            // The password was set as `Ⅸ ª, a=b`; SASLprep makes one of both.
            Settings { password: Some(Secret::new("IX\u{a0}a, a=b")), ..user("d\u{e9}j\u{e0} vu") },
            ["SCRAM-SHA-256", DATABASE],
        ),
        (
            "a database that is not there",
            Settings { database: Some("missing".to_owned()), ..base.clone() },
            ["SCRAM-SHA-256", "missing: not there yet, or not to be seen by this user"],
        ),
        ("no database", Settings { database: None, ..base.clone() }, ["SCRAM-SHA-256", ""]),
    ] {
        let report = probe(&settings).await;
        line(name, None, &report);
        assert!(report.succeeded(), "{name}: {report:?}");
        assert_eq!([detail(&report, Phase::Auth), detail(&report, Phase::Database)], notes, "{name}");
        assert_eq!(detail(&report, Phase::Query), "answered");
        none_left(|| ready(left(&server))).await;
    }
}

#[tokio::test]
async fn refusals_have_their_cause_and_phase() {
    let server = TargetMongoDb::start(&MongoDbOptions::default());
    let base = settings(server.port());
    let user = |name: Option<&str>| Settings { username: name.map(str::to_owned), ..base.clone() };
    let nobody =
        Settings { username: None, password: None, ..with(base.clone(), |special| *special = MongoDb::default()) };
    let source = |source: Option<&str>| {
        let source = source.map(str::to_owned);
        with(base.clone(), |special| special.auth_source = source)
    };
    let bad_login = (Phase::Auth, Some("18"), Cause::AuthWrongPassword);
    let missing = (Phase::Auth, None, Cause::CredentialsMissing);
    let doubtful: &[Cause] = &[Cause::AuthSourceWrong];
    for (fault, settings, place, also) in [
        ("a wrong password", Settings { password: Some(Secret::new("wrong")), ..base.clone() }, bad_login, &[][..]),
        ("an empty password", Settings { password: Some(Secret::new("")), ..base.clone() }, bad_login, &[]),
        ("an unknown user", user(Some("nobody")), bad_login, &[]),
        ("a wrong authSource", source(Some("elsewhere")), bad_login, doubtful),
        ("the database as authSource", source(None), bad_login, doubtful),
        (
            "a mechanism that the user has not",
            with(user(Some("old")), |special| special.auth_mechanism = Some(AuthMechanism::ScramSha256)),
            bad_login,
            &[],
        ),
        ("no login", nobody.clone(), (Phase::Auth, Some("13"), Cause::CredentialsMissing), &[]),
        (
            "no login and no database",
            Settings { database: None, ..nobody },
            (Phase::Auth, Some("13"), Cause::CredentialsMissing),
            &[],
        ),
        ("no password", Settings { password: None, ..base.clone() }, missing, &[]),
        ("no user name", user(None), missing, &[]),
        (
            "no certificate for a login by one",
            with(base.clone(), |special| special.auth_mechanism = Some(AuthMechanism::X509)),
            missing,
            &[],
        ),
        (
            "a password that none can be",
            Settings { password: Some(Secret::new("app\u{7}password")), ..base.clone() },
            (Phase::Auth, None, Cause::InvalidConnectionString),
            &[],
        ),
        (
            "another replica set",
            with(base.clone(), |special| special.replica_set = Some("rs0".to_owned())),
            (Phase::Auth, None, Cause::DriverMisconfigured),
            &[],
        ),
    ] {
        let report = probe(&settings).await;
        line(fault, Some(place.2), &report);
        assert_eq!(found(&report), place, "{fault}: {report:?}");
        assert_eq!(failure(&report).also_possible, also, "{fault}");
        none_left(|| ready(left(&server))).await;
    }
}

#[tokio::test]
async fn an_open_server_needs_no_login() {
    let server = TargetMongoDb::start(&MongoDbOptions { open: true, ..MongoDbOptions::default() });
    let nobody = Settings { username: None, password: None, ..super::settings(server.port()) };
    for settings in [nobody.clone(), Settings { database: None, ..nobody }] {
        let report = probe(&settings).await;
        assert!(report.succeeded(), "{report:?}");
        assert_eq!(detail(&report, Phase::Auth), "nobody logged in");
    }
    none_left(|| ready(left(&server))).await;
}

#[tokio::test]
async fn hosts_are_tried_in_turn() {
    let mut server = TargetMongoDb::start(&MongoDbOptions::default());
    let (dead, home) = (Port::take(), "127.0.0.1".to_owned());
    let several = |hosts: &[(&str, u16)]| {
        let [(host, port), more @ ..] = hosts else { panic!("a host") };
        let more = more.iter().map(|(host, port)| ((*host).to_owned(), *port)).collect();
        let first = Settings { host: (*host).to_owned(), ..settings(*port) };
        with(first, |special| special.more_hosts = more)
    };
    for (name, hosts) in [
        ("the second of two", &[("127.0.0.1", dead.number()), ("127.0.0.1", server.port())][..]),
        ("after a name that is not", &[("missing.invalid", 27_017), ("127.0.0.1", server.port())]),
    ] {
        let report = probe(&several(hosts)).await;
        line(name, None, &report);
        assert!(report.succeeded(), "{name}: {report:?}");
        assert_eq!(report.address, Some(format!("{home}:{}", server.port())));
    }
    none_left(|| ready(left(&server))).await;
    let barred = [("127.0.0.1", dead.number()), ("169.254.169.254", 27_017)];
    assert_eq!(found(&probe(&several(&barred)).await).1, Some("EGRESS_DENIED"));

    server.stop();
    // Of a name that does not resolve and a port where nothing listens, the second got further.
    for hosts in [
        &[("127.0.0.1", server.port())][..],
        &[("127.0.0.1", server.port()), ("missing.invalid", 27_017)],
        &[("missing.invalid", 27_017), ("127.0.0.1", server.port())],
    ] {
        let report = probe(&several(hosts)).await;
        line("stopped", Some(Cause::ConnectionRefused), &report);
        assert_eq!(found(&report), (Phase::Tcp, Some("ECONNREFUSED"), Cause::ConnectionRefused), "{hosts:?}");
    }
}

#[tokio::test]
async fn a_server_that_hangs_is_given_up() {
    let server = TargetMongoDb::start(&MongoDbOptions::default());
    server.freeze();
    let report = probe(&Settings { connect_timeout_ms: Some(700), ..settings(server.port()) }).await;
    line("hangs", Some(Cause::ConnectTimeout), &report);
    assert_eq!(found(&report), (Phase::Auth, Some("ETIMEDOUT"), Cause::ConnectTimeout));
    assert!(report.total_micros < 1_500_000, "{report:?}");
}

fn with_tls(certificate: Certificate) -> TargetMongoDb {
    TargetMongoDb::start(&MongoDbOptions { tls: Some(certificate), ..MongoDbOptions::default() })
}

#[tokio::test]
async fn tls_modes_judge_certificates_and_record_them_all_the_same() {
    let authority = Authority::new("Tests");
    let ca = authority.certificate().to_owned();
    let good = with_tls(authority.issue(&["localhost"], None));
    let expired = with_tls(authority.issue(&["localhost"], Some(super::long_ago())));
    let own_certificate = self_signed(&["localhost"], None);
    let own_pem = own_certificate.certificate.clone();
    let own = with_tls(own_certificate);
    for (fault, server, host, mode, trusted, cause) in [
        ("a good certificate", &good, "localhost", TlsMode::VerifyFull, Some(&ca), None),
        ("another name", &good, "127.0.0.1", TlsMode::VerifyFull, Some(&ca), Some(Cause::TlsHostnameMismatch)),
        ("another name, not asked for", &good, "127.0.0.1", TlsMode::VerifyCa, Some(&ca), None),
        ("TLS preferred", &good, "localhost", TlsMode::Prefer, None, None),
        ("expired", &expired, "localhost", TlsMode::VerifyFull, Some(&ca), Some(Cause::TlsCertExpired)),
        ("self-signed", &own, "localhost", TlsMode::VerifyFull, None, Some(Cause::TlsCertUntrusted)),
        ("self-signed and trusted", &own, "localhost", TlsMode::VerifyFull, Some(&own_pem), None),
        ("not verified", &own, "localhost", TlsMode::Require, None, None),
    ] {
        let settings = Settings {
            host: host.to_owned(),
            tls: Some(mode),
            ca_certificate: trusted.cloned(),
            ..settings(server.port())
        };
        let report = probe(&settings).await;
        line(fault, cause, &report);
        assert_eq!(report.failure.as_ref().map(|failure| failure.cause), cause, "{fault}: {report:?}");
        none_left(|| ready(left(server))).await;
        let tls = report.tls.expect("the facts of TLS");
        assert!(tls.version.is_some_and(|version| version.starts_with("TLSv1.")));
        assert_eq!(tls.verified, cause.is_none() && matches!(mode, TlsMode::VerifyCa | TlsMode::VerifyFull));
        assert!(!tls.chain.is_empty());
    }
    let clear = probe(&settings(good.port())).await;
    line("TLS only", Some(Cause::ConnectionReset), &clear);
    assert_eq!(found(&clear).0, Phase::Auth);
    assert!(
        failure(&clear).cause == Cause::TlsRequired || failure(&clear).also_possible.contains(&Cause::TlsRequired),
        "{clear:?}"
    );
    none_left(|| ready(left(&good))).await;
}

#[tokio::test]
async fn a_server_without_tls_is_used_in_the_clear_only_where_that_is_allowed() {
    let server = TargetMongoDb::start(&MongoDbOptions::default());
    let preferred = probe(&Settings { tls: Some(TlsMode::Prefer), ..settings(server.port()) }).await;
    line("no TLS, preferred", None, &preferred);
    assert!(preferred.succeeded(), "{preferred:?}");
    assert_eq!(detail(&preferred, Phase::Tls), "the server has none");
    let insisting = Settings { tls: Some(TlsMode::Require), connect_timeout_ms: Some(700), ..settings(server.port()) };
    let insisted = probe(&insisting).await;
    line("no TLS, required", Some(Cause::ConnectTimeout), &insisted);
    // The server takes the first words of TLS for a long message, and waits for its rest.
    assert_eq!(found(&insisted), (Phase::Tls, Some("ETIMEDOUT"), Cause::ConnectTimeout));
    assert!(failure(&insisted).also_possible.contains(&Cause::TlsNotSupported));
    none_left(|| ready(left(&server))).await;
}

#[tokio::test]
async fn a_certificate_logs_in() {
    let authority = Authority::new("Tests");
    let server = TargetMongoDb::start(&MongoDbOptions {
        tls: Some(authority.issue(&["localhost"], None)),
        client_authority: Some(authority.certificate().to_owned()),
        ..MongoDbOptions::default()
    });
    let shown = |certificate: Certificate| Settings {
        host: "localhost".to_owned(),
        username: None,
        password: None,
        tls: Some(TlsMode::VerifyFull),
        ca_certificate: Some(authority.certificate().to_owned()),
        client_certificate: Some(certificate.certificate),
        client_key: Some(Secret::new(certificate.key)),
        ..with(super::settings(server.port()), |special| special.auth_mechanism = Some(AuthMechanism::X509))
    };
    let report = probe(&shown(authority.issue(&[USER], None))).await;
    line("a certificate", None, &report);
    assert!(report.succeeded(), "{report:?}");
    assert_eq!(detail(&report, Phase::Auth), "MONGODB-X509");
    let named = Settings { username: Some("CN=app".to_owned()), ..shown(authority.issue(&[USER], None)) };
    assert!(probe(&named).await.succeeded());

    let unknown = probe(&shown(authority.issue(&["somebody"], None))).await;
    line("a certificate of nobody", Some(Cause::AuthUnknownUser), &unknown);
    assert_eq!(found(&unknown), (Phase::Auth, Some("18"), Cause::AuthUnknownUser));
    let strange = probe(&shown(Authority::new("Stranger").issue(&[USER], None))).await;
    line("a certificate of a stranger", Some(Cause::AccessRuleDenied), &strange);
    assert!(matches!(failure(&strange).cause, Cause::AccessRuleDenied | Cause::ConnectionReset), "{strange:?}");
    let clear = Settings { tls: Some(TlsMode::Disable), ..shown(authority.issue(&[USER], None)) };
    assert!(!probe(&clear).await.succeeded());
    none_left(|| ready(left(&server))).await;
}

#[tokio::test]
async fn a_seed_list_is_followed_within_its_domain() {
    let server = TargetMongoDb::start(&MongoDbOptions::default());
    let dead = Port::take();
    let home = [127, 0, 0, 1];
    let list = "_mongodb._tcp.cluster.shop.test";
    let zone = Zone::default().address("db1.shop.test", home).address("db2.shop.test", home);
    let both =
        zone.clone().server(list, 2, "db2.shop.test", server.port()).server(list, 1, "DB1.shop.test", dead.number());
    let srv =
        Settings { host: "cluster.shop.test".to_owned(), ..with(super::settings(0), |special| special.srv = true) };
    let options = |text: &str| both.clone().text("cluster.shop.test", text);
    let right = "authSource=admin&replicaSet=secantus";
    let failed = |code| Some((Phase::Dns, code, Cause::SrvLookupFailed));
    for (fault, zone, settings, place) in [
        ("a seed list", options(right), srv.clone(), None),
        (
            "a seed list, overruled",
            options("authSource=elsewhere&replicaSet=rs0"),
            with(srv.clone(), |special| {
                special.auth_source = Some("admin".to_owned());
                special.replica_set = Some(REPLICA_SET.to_owned());
            }),
            None,
        ),
        (
            "a seed list of another set",
            options("authSource=admin&replicaSet=rs0"),
            srv.clone(),
            Some((Phase::Auth, None, Cause::DriverMisconfigured)),
        ),
        ("no SRV record", zone.clone().text("cluster.shop.test", right), srv.clone(), failed(Some("ENOTFOUND"))),
        ("no such domain", Zone::default(), srv.clone(), failed(Some("ENOTFOUND"))),
        (
            "a seed elsewhere",
            Zone::default().server(list, 1, "db1.other.test", server.port()).address("db1.other.test", home),
            srv.clone(),
            failed(None),
        ),
        ("an option that turns off TLS", options("tls=false"), srv.clone(), failed(None)),
        ("two texts", options("authSource=admin").text("cluster.shop.test", right), srv.clone(), failed(None)),
        (
            "a seed without an address",
            Zone::default().server(list, 1, "db3.shop.test", server.port()),
            srv.clone(),
            Some((Phase::Dns, Some("ENOTFOUND"), Cause::DnsNotFound)),
        ),
        (
            "a seed at the metadata service",
            Zone::default().server(list, 1, "db3.shop.test", 80).address("db3.shop.test", [169, 254, 169, 254]),
            srv.clone(),
            Some((Phase::Dns, Some("EGRESS_DENIED"), Cause::InvalidConnectionString)),
        ),
    ] {
        let names = zone.serve().await;
        let egress = Egress::new(EgressPolicy::SelfHosted).with_name_server(names.address);
        let report = probe_through(&egress, &settings).await;
        line(fault, place.map(|(.., cause)| cause), &report);
        if let Some(place) = place {
            assert_eq!(found(&report), place, "{fault}: {report:?}");
        } else {
            assert!(report.succeeded(), "{fault}: {report:?}");
            assert_eq!(report.address, Some(format!("127.0.0.1:{}", server.port())));
        }
        none_left(|| ready(left(&server))).await;
    }
}

#[tokio::test]
async fn a_staged_probe_looks_at_every_server_of_a_list() {
    let server = TargetMongoDb::start(&MongoDbOptions::default());
    let dead = Port::take();
    let list = "_mongodb._tcp.cluster.shop.test";
    let zone = Zone::default()
        .address("db1.shop.test", [127, 0, 0, 1])
        .address("db2.shop.test", [127, 0, 0, 1])
        .server(list, 1, "db1.shop.test", dead.number())
        .server(list, 2, "db2.shop.test", server.port())
        .text("cluster.shop.test", "authSource=admin");
    let names = zone.serve().await;
    let egress = Egress::new(EgressPolicy::SelfHosted).with_name_server(names.address);
    let by_name =
        Settings { host: "cluster.shop.test".to_owned(), ..with(super::settings(0), |special| special.srv = true) };
    let by_list = with(settings(dead.number()), |special| {
        special.more_hosts = vec![("127.0.0.1".to_owned(), server.port())];
    });
    for (what, settings, before) in [("SRV", by_name, &[StageKind::Name][..]), ("a list", by_list, &[])] {
        let staged = providers::diagnose(&egress, Provider::MongoDb, &settings).await;
        assert!(staged.succeeded(), "{what}: {staged:?}");
        let outcomes: Vec<(StageKind, Outcome)> =
            staged.stages.iter().map(|stage| (stage.kind, stage.outcome)).collect();
        let kinds: Vec<StageKind> = outcomes.iter().map(|(kind, _)| *kind).collect();
        let way = [StageKind::Name, StageKind::Addresses, StageKind::Tcp];
        let expected = [before, &way, &way, &[StageKind::Protocol]].concat();
        assert!(kinds.starts_with(&expected), "{what}: {kinds:?}");
        let failed: Vec<StageKind> =
            outcomes.iter().filter(|(_, outcome)| *outcome == Outcome::Failed).map(|(kind, _)| *kind).collect();
        assert_eq!(failed, [StageKind::Tcp], "{what}: the first of the two refuses");
        let subjects: Vec<&str> =
            staged.stages.iter().filter(|s| s.kind == StageKind::Tcp).filter_map(|s| s.subject.as_deref()).collect();
        let addresses = [format!("127.0.0.1:{}", dead.number()), format!("127.0.0.1:{}", server.port())];
        assert_eq!(subjects, addresses, "{what}");
        none_left(|| ready(left(&server))).await;
    }
    // Of a list that leads nowhere, each server is told as well.
    let nowhere = with(settings(dead.number()), |special| {
        special.more_hosts = vec![("missing.invalid".to_owned(), 27_017)];
    });
    let staged = providers::diagnose(&egress, Provider::MongoDb, &nowhere).await;
    assert_eq!(staged.failure.map(|failure| failure.cause), Some(Cause::ConnectionRefused));
    assert_eq!(staged.stages.iter().filter(|stage| stage.kind == StageKind::Name).count(), 2);
}

#[tokio::test]
async fn a_name_server_that_is_silent_fails_for_now() {
    let silent = tokio::net::UdpSocket::bind("127.0.0.1:0").await.expect("a free port");
    let egress = Egress::new(EgressPolicy::SelfHosted).with_name_server(silent.local_addr().expect("its address"));
    let settings = Settings {
        host: "cluster.shop.test".to_owned(),
        connect_timeout_ms: Some(500),
        ..with(super::settings(0), |special| special.srv = true)
    };
    let report = probe_through(&egress, &settings).await;
    line("a silent name server", Some(Cause::SrvLookupFailed), &report);
    assert_eq!(found(&report), (Phase::Dns, Some("EAI_AGAIN"), Cause::SrvLookupFailed));
    assert!(failure(&report).is_transient());
    assert!(report.total_micros < 1_500_000, "{report:?}");
}
