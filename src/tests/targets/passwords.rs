//! Passwords and hosts as people and generators make them, from the form through the vault to the login at real
//! servers: each account is made with the password as it is, and a check of the stored connection logs in with it.

use http::StatusCode;
use mooring::{
    auth::server::Caller,
    connections::{
        Provider,
        server::open_settings,
        settings::{Secret, Settings},
    },
    health::{CheckOrigin, Status, server::check_now},
    ids::ConnectionId,
    probe::{Cause, Phase},
};
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{RngAlgorithm, TestRng, TestRunner},
};

use crate::support::{
    app::TestApp,
    client::{Client, server_function},
    mariadb::{MariaDbOptions, TargetMariaDb},
    mongodb::{MongoDbOptions, TargetMongoDb},
    postgres::{DATABASE, PASSWORD, PostgresOptions, TargetPostgres, USER},
};

/// What has a meaning in addresses, shells, SQL and files, what Unicode's preparation of passwords changes or
/// forbids, each plane that has characters, one character and many; and as many again from a generator that begins
/// the same way every time.
fn passwords() -> Vec<String> {
    let mut passwords: Vec<String> = [
        r#"@#?%/:\'""#,
        " both ends ",
        "%41%00%zz+&=;",
        "'; drop user app; --",
        "$(id) `id` ${HOME} \\n",
        "p",
        "é",
        "\t",
        "line\nbreak",
        "bell\u{7}",
        "\u{aa}\u{2168}",
        "soft\u{ad}hyphen",
        "no\u{a0}break",
        "e\u{301}",
        "\u{202e}turned",
        "漢字",
        "😀😀",
        "\u{20000}\u{30000}",
        "\u{e0101}",
        "\u{f0000}\u{10fffd}",
    ]
    .map(str::to_owned)
    .into();
    passwords.push((0..=16_u32).filter_map(|plane| char::from_u32(plane << 16 | 0x3042)).collect());
    passwords.push("long enough ".repeat(340));
    let mut runner =
        TestRunner::new_with_rng(ProptestConfig::default(), TestRng::deterministic_rng(RngAlgorithm::default()));
    let any = prop::collection::vec(any::<char>().prop_filter("NUL", |char| *char != '\0'), 1..40);
    let more =
        (0..passwords.len()).map(|_| any.new_tree(&mut runner).expect("a password").current().into_iter().collect());
    passwords.extend(more.collect::<Vec<String>>());
    passwords
}

/// What is to be logged in to.
struct Target<'a> {
    provider: Provider,
    port: u16,
    /// Further fields of the form.
    fields: &'a [(&'a str, &'a str)],
}

impl Target<'_> {
    /// Saves a connection through the form, as a browser without scripts sends it.
    async fn save(&self, client: &Client, name: &str, host: &str, user: &str, password: &str) -> ConnectionId {
        let port = self.port.to_string();
        let mut fields = vec![
            ("provider", self.provider.code()),
            ("name", name),
            ("host", host),
            ("port", &port),
            ("database", DATABASE),
            ("username", user),
            ("password", password),
            ("tls", "disable"),
        ];
        fields.extend_from_slice(self.fields);
        let answer = client.post_form(&server_function("save_connection"), &fields).await;
        assert_eq!(answer.status, StatusCode::FOUND, "{}", answer.text());
        let id = answer.location().and_then(|location| location.rsplit('/').next()?.parse().ok());
        id.unwrap_or_else(|| panic!("{password:?} at {host} was not saved: {:?}", answer.location()))
    }

    /// A check of the stored connection logs in, and one with nearly the same password does not.
    async fn logs_in(&self, caller: &Caller, id: ConnectionId, what: &str) {
        let found = check_now(caller, id, CheckOrigin::Person).await.expect("a check");
        assert_eq!(found.status, Status::Healthy, "{what}: {found:?}");
        let (provider, settings) = open_settings(caller, id).await.expect("the settings");
        let password = settings.password.as_ref().map_or("", Secret::reveal);
        let nearly = Settings { password: Some(Secret::new(format!("{password}x"))), ..settings.clone() };
        let report = super::probe(provider, &nearly).await;
        let failure = super::failure(&report);
        assert_eq!((failure.phase, failure.cause), (Phase::Auth, Cause::AuthWrongPassword), "{what}: {report:?}");
    }

    /// Every account, and every form of a host.
    async fn all_log_in(&self, accounts: &[(String, String)], hosts: &[&str]) {
        let app = TestApp::start().await;
        let (caller, client) = app.signed_in("ada@example.org").await;
        for (user, password) in accounts {
            let id = self.save(&client, user, "127.0.0.1", user, password).await;
            self.logs_in(&caller, id, &format!("{password:?}")).await;
            let page = client.get(&format!("/connections/{id}/edit")).await.text();
            assert!(password.len() < 8 || !page.contains(password.as_str()), "{password:?} is on the page");
        }
        for host in hosts {
            let id = self.save(&client, &format!("at {host}"), host, USER, PASSWORD).await;
            self.logs_in(&caller, id, host).await;
        }
    }
}

/// Names for the passwords.
fn accounts() -> Vec<(String, String)> {
    passwords().into_iter().enumerate().map(|(number, password)| (format!("user{number}"), password)).collect()
}

/// Whether this machine has the address `::1`.
fn has_ipv6() -> bool {
    std::net::TcpListener::bind("[::1]:0").is_ok()
}

const IPV4: [&str; 5] = ["localhost", " LocalHost. ", "127.0.0.1", "127.1", "::ffff:127.0.0.1"];
const IPV6: [&str; 3] = ["::1", "[::1]", "[0:0:0:0:0:0:0:1]"];

/// The addresses to listen at, and the hosts that lead there.
fn places() -> (&'static str, Vec<&'static str>) {
    if has_ipv6() { ("127.0.0.1,::1", [&IPV4[..], &IPV6].concat()) } else { ("127.0.0.1", IPV4.to_vec()) }
}

#[tokio::test]
async fn any_password_and_host_logs_in_to_postgresql() {
    let (addresses, hosts) = places();
    let server = TargetPostgres::start(&PostgresOptions {
        conf: vec![format!("listen_addresses = '{addresses}'")],
        ..PostgresOptions::default()
    });
    let mut accounts = accounts();
    // Of characters that RFC 4013 takes away and nothing else: the server then keeps the password as it was given, and
    // `tokio-postgres` logs in with none.
    accounts.retain(|(_, password)| stringprep::saslprep(password).map_or(true, |prepared| !prepared.is_empty()));
    for (user, password) in &accounts {
        server.execute(&format!("create role {user} login password '{}'", password.replace('\'', "''"))).await;
    }
    let target = Target { provider: Provider::PostgreSql, port: server.port(), fields: &[] };
    target.all_log_in(&accounts, &hosts).await;
}

#[tokio::test]
async fn any_password_and_host_logs_in_to_mariadb() {
    let (addresses, hosts) = places();
    let server = TargetMariaDb::start(&MariaDbOptions {
        arguments: vec![format!("--bind-address={addresses}")],
        ..MariaDbOptions::default()
    });
    let accounts = accounts();
    for (user, password) in &accounts {
        let password = password.replace('\\', "\\\\").replace('\'', "\\'");
        server.execute(&format!(
            "set names utf8mb4; create user {user}@'%' identified by '{password}'; grant all on {DATABASE}.* to {user}@'%'"
        ));
    }
    let target = Target { provider: Provider::MySql, port: server.port(), fields: &[] };
    target.all_log_in(&accounts, &hosts).await;
}

/// Passwords that RFC 4013 forbids cannot be set for SCRAM-SHA-256; those accounts have the older hash, which takes
/// any.
#[tokio::test]
async fn any_password_and_host_logs_in_to_mongodb() {
    let accounts = accounts();
    let mechanism =
        |password: &str| if stringprep::saslprep(password).is_ok() { "SCRAM-SHA-256" } else { "SCRAM-SHA-1" };
    let server = TargetMongoDb::start(&MongoDbOptions {
        accounts: accounts
            .iter()
            .map(|(user, password)| (user.clone(), password.clone(), mechanism(password)))
            .collect(),
        ..MongoDbOptions::default()
    });
    let fields = [("authSource", "admin")];
    let target = Target { provider: Provider::MongoDb, port: server.port(), fields: &fields };
    let list = format!("localhost:{0}, 127.0.0.1:{0}", server.port());
    target.all_log_in(&accounts, &[&IPV4[..], &[&list]].concat()).await;
}
