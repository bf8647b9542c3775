//! Where no attempt may lead: addresses of the cloud's metadata, link-local ones, and private ones where those are
//! forbidden, in whatever form a host, a name, an SRV record or a redirect names them. (The members that a MongoDB
//! server names: in `hostile_mongodb`.)

use std::net::{Ipv6Addr, TcpListener};

use mooring::{
    connections::{
        Provider,
        settings::{Firebase, MongoDb, Secret, Settings, Special, Supabase},
    },
    probe::{Cause, Phase},
    server::{config::EgressPolicy, egress::Egress, providers},
};
use serde_json::{Value, json};

use super::{failure, found, probe_through};
use crate::support::{
    hosted::{Reply, StandIn, json as answer},
    name_server::Zone,
};

/// Refused under every policy.
const NEVER: &[&str] = &[
    "169.254.169.254",
    "169.254.1.1",
    "0.0.0.0",
    "2852039166",
    "0xa9fea9fe",
    "0xA9.0xFE.0xA9.0xFE",
    "0251.0376.0251.0376",
    "025177524776",
    "169.254.43518",
    "169.254.169.254.",
    "::ffff:169.254.169.254",
    "::ffff:a9fe:a9fe",
    "::169.254.169.254",
    "::ffff:0:169.254.169.254",
    "64:ff9b::169.254.169.254",
    "64:ff9b:1::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
    "fe80::1",
    "fe80::1%eth0",
    "fe80::1%25eth0",
    "::ffff:169.254.169.254%1",
    "fd00:ec2::254",
    "metadata.google.internal",
    "Metadata.Google.Internal.",
];

/// Refused where private networks are forbidden.
const PRIVATE: &[&str] = &[
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0177.0.0.1",
    "017700000001",
    "10.0.0.1",
    "167772161",
    "192.168.1.1",
    "172.16.0.1",
    "100.64.0.1",
    "::1",
    "::ffff:127.0.0.1",
    "::127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::10.0.0.1",
    "2002:0a00:0001::",
    "fd12:3456::1",
];

/// The host as it stands in a URL.
fn in_url(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

/// Settings of each provider that lead to `host`.
fn leading_to(host: &str) -> Vec<(Provider, Settings)> {
    let plain = Settings { host: host.to_owned(), connect_timeout_ms: Some(2_000), ..super::settings(443) };
    let special = |special| Settings { special, ..plain.clone() };
    let hosted = |special| Settings { host: String::new(), port: 0, ..special_of(&plain, special) };
    let second = MongoDb { more_hosts: vec![(host.to_owned(), 27_017)], ..MongoDb::default() };
    vec![
        (Provider::PostgreSql, plain.clone()),
        (Provider::MySql, plain.clone()),
        (Provider::MongoDb, special(Special::MongoDb(MongoDb::default()))),
        (Provider::MongoDb, Settings { host: "missing.invalid".to_owned(), ..special(Special::MongoDb(second)) }),
        (
            Provider::Firebase,
            hosted(Special::Firebase(Box::new(Firebase {
                project_id: Some("shop-1".to_owned()),
                emulator_host: Some(format!("{}:443", in_url(host))),
                ..Firebase::default()
            }))),
        ),
        (
            Provider::Supabase,
            hosted(Special::Supabase(Box::new(Supabase {
                url: format!("https://{}", in_url(host)),
                anon_key: Some(Secret::new("sb_publishable_abc")),
                service_role_key: None,
            }))),
        ),
    ]
}

fn special_of(plain: &Settings, special: Special) -> Settings {
    Settings { special, ..plain.clone() }
}

#[tokio::test]
async fn no_form_of_a_forbidden_address_is_dialled_by_any_provider() {
    let both = [EgressPolicy::SelfHosted, EgressPolicy::PublicOnly];
    let never = NEVER.iter().flat_map(|host| both.map(|policy| (*host, policy)));
    let private = PRIVATE.iter().map(|host| (*host, EgressPolicy::PublicOnly));
    for (host, policy) in never.chain(private) {
        let egress = Egress::new(policy);
        for (provider, settings) in leading_to(host) {
            let report = probe_through(&egress, provider, &settings).await;
            let failure = failure(&report);
            assert_eq!(failure.cause, Cause::InvalidConnectionString, "{provider:?} {host} {policy:?}: {report:?}");
            assert!(failure.phase == Phase::Dns && report.address.is_none(), "{provider:?} {host}: {report:?}");
            let staged = providers::diagnose(&egress, provider, &settings).await;
            let found = staged.failure.as_ref().map(|failure| failure.cause);
            assert_eq!(found, Some(Cause::InvalidConnectionString), "{provider:?} {host} {policy:?}: {staged:?}");
        }
    }
}

#[tokio::test]
async fn no_name_leads_there_be_it_behind_an_srv_record() {
    const LIST: &str = "_mongodb._tcp.cluster.shop.test";
    let v4 = |address| Zone::default().address("db.shop.test", address);
    let v6 = |address: &str| {
        let address: Ipv6Addr = address.parse().expect("an address");
        Zone::default().address_v6("db.shop.test", address)
    };
    let (mine, public) = (EgressPolicy::SelfHosted, EgressPolicy::PublicOnly);
    for (what, zone, policy) in [
        ("metadata", v4([169, 254, 169, 254]), mine),
        ("link-local", v4([169, 254, 1, 1]), mine),
        ("mapped", v6("::ffff:169.254.169.254"), mine),
        ("compatible", v6("::169.254.169.254"), mine),
        ("NAT64", v6("64:ff9b::a9fe:a9fe"), mine),
        ("6to4", v6("2002:a9fe:a9fe::"), mine),
        ("link-local, IPv6", v6("fe80::1"), mine),
        ("metadata, IPv6", v6("fd00:ec2::254"), mine),
        // One bad address among good ones is no mistake.
        ("one of two", v4([127, 0, 0, 1]).address("db.shop.test", [169, 254, 169, 254]), mine),
        ("one of two families", v4([127, 0, 0, 1]).address_v6("db.shop.test", Ipv6Addr::LOCALHOST), public),
        ("private", v4([10, 0, 0, 1]), public),
        ("this machine", v4([127, 0, 0, 1]), public),
        ("this machine, IPv6", v6("::1"), public),
        ("private, NAT64", v6("64:ff9b::10.0.0.1"), public),
        ("unique local", v6("fd12:3456::1"), public),
    ] {
        let names = zone.server(LIST, 1, "db.shop.test", 27_017).serve().await;
        let egress = Egress::new(policy).with_name_server(names.address);
        let listed = Settings {
            host: "cluster.shop.test".to_owned(),
            special: Special::MongoDb(MongoDb { srv: true, ..MongoDb::default() }),
            ..super::settings(0)
        };
        let by_list = std::iter::once((Provider::MongoDb, listed));
        for (provider, settings) in leading_to("db.shop.test").into_iter().take(3).chain(by_list) {
            let report = probe_through(&egress, provider, &settings).await;
            let place = (Phase::Dns, Some("EGRESS_DENIED"), Cause::InvalidConnectionString);
            assert_eq!(found(&report), place, "{provider:?} {what}: {report:?}");
            assert_eq!(report.address, None);
        }
    }
}

/// Somebody whom nobody may come to.
struct Shunned(TcpListener);

impl Shunned {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("accept without waiting");
        Self(listener)
    }

    fn address(&self) -> String {
        self.0.local_addr().expect("its address").to_string()
    }

    fn was_left_alone(&self) -> bool {
        self.0.accept().is_err()
    }
}

/// A key that was made for these tests and opens nothing.
const KEY: &str = include_str!("../support/service_account_key.pem");
const TOKEN_HOST: &str = "oauth2.googleapis.com";
const FIRESTORE: &str = "firestore.googleapis.com";
const PROJECT: &str = "abcdefghijklmnopqrst.supabase.co";
const NAMES: [&str; 3] = [TOKEN_HOST, FIRESTORE, PROJECT];

#[tokio::test]
async fn redirects_are_not_followed_wherever_they_lead() {
    let shunned = Shunned::start();
    let account = json!({
        "type": "service_account", "project_id": "shop-1", "private_key": KEY,
        "client_email": "mooring@shop-1.iam.gserviceaccount.com", "token_uri": "https://oauth2.googleapis.com/token",
    });
    let hosted = |special| Settings { host: String::new(), port: 0, ..special_of(&super::settings(0), special) };
    let firebase = hosted(Special::Firebase(Box::new(Firebase {
        service_account: Some(Secret::new(account.to_string())),
        ..Firebase::default()
    })));
    let supabase = hosted(Special::Supabase(Box::new(Supabase {
        url: format!("https://{PROJECT}"),
        anon_key: Some(Secret::new("sb_publishable_abc")),
        service_role_key: None,
    })));
    let places = [
        format!("http://{}/", shunned.address()),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "http://[::ffff:169.254.169.254]/".to_owned(),
        "http://2852039166/".to_owned(),
        "//10.0.0.1/".to_owned(),
    ];
    for (at, path, provider, settings) in [
        (TOKEN_HOST, "/token", Provider::Firebase, &firebase),
        (FIRESTORE, "/v1", Provider::Firebase, &firebase),
        (PROJECT, "/auth", Provider::Supabase, &supabase),
        (PROJECT, "/rest", Provider::Supabase, &supabase),
    ] {
        for (status, place) in [301, 302, 303, 307, 308].into_iter().zip(places.clone()) {
            let server = StandIn::start(&NAMES, move |asked| match asked.host.as_str() {
                host if host == at && asked.target.starts_with(path) => {
                    Reply::Answer { status, headers: vec![("location", place.clone())], body: String::new() }
                }
                TOKEN_HOST => answer(200, &json!({"access_token": "x", "expires_in": 60, "token_type": "Bearer"})),
                _ => answer(200, &json!({"name": "GoTrue", "version": "v2", "description": Value::Null})),
            })
            .await;
            let report = probe_through(&server.egress(&NAMES), provider, settings).await;
            assert_eq!(failure(&report).cause, Cause::WrongProtocol, "{at}{path} {status}: {report:?}");
            assert!(failure(&report).message.contains("redirect"), "{report:?}");
        }
    }
    assert!(shunned.was_left_alone(), "a redirect was followed");
}
