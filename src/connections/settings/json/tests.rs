use proptest::prelude::*;
use serde_json::json;

use super::{
    super::{AuthMechanism, MongoDb},
    *,
};

const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n";

fn read(value: &Value) -> Settings {
    Settings::from_json(Provider::PostgreSql, value).expect("settings that can be read")
}

fn refused(value: &Value) -> Vec<String> {
    let errors = Settings::from_json(Provider::PostgreSql, value).expect_err("settings that cannot be read");
    errors.into_iter().map(|error| error.field).collect()
}

#[test]
fn every_alias_is_taken() {
    let expected = Settings {
        host: "db.example.com".to_owned(),
        port: 5433,
        database: Some("shop".to_owned()),
        username: Some("app".to_owned()),
        password: Some(Secret::new("p@ss")),
        tls: Some(TlsMode::Require),
        ca_certificate: None,
        client_certificate: None,
        client_key: None,
        connect_timeout_ms: None,
        special: Special::Plain,
    };
    for value in [
        json!({"host": "db.example.com", "port": 5433, "database": "shop", "username": "app", "password": "p@ss", "tls": "require"}),
        json!({"host": "db.example.com", "port": "5433", "dbname": "shop", "user": "app", "password": "p@ss", "ssl": true}),
        json!({"host": "db.example.com", "port": 5433, "dbname": "shop", "user": "app", "password": "p@ss", "sslmode": "require"}),
        json!({"host": "db.example.com", "port": 5433, "db": "shop", "user": "app", "password": "p@ss", "ssl": {"rejectUnauthorized": false}}),
        json!({"connectionString": "postgres://app:p%40ss@db.example.com:5433/shop?sslmode=require"}),
        json!({"uri": "postgresql://app@db.example.com:5433/shop", "password": "p@ss", "tls": "require", "ssl": false}),
        json!({"url": "host=db.example.com port=5433 user=app dbname=shop password=p@ss sslmode=require"}),
    ] {
        assert_eq!(read(&value), expected, "{value}");
    }
}

#[test]
fn what_is_absent_stays_absent() {
    let settings = read(&json!({"host": "h", "password": "", "database": null, "schema": "public", "tls": ""}));
    assert_eq!(settings.port, 5432);
    assert_eq!((settings.password, settings.database, settings.tls), (None, None, None));
}

#[test]
fn tls_is_read_as_each_client_spells_it() {
    for (value, mode) in [
        (json!({"ssl": false}), TlsMode::Disable),
        (json!({"ssl": "true"}), TlsMode::Require),
        (json!({"ssl": {}}), TlsMode::VerifyFull),
        (json!({"sslmode": "allow"}), TlsMode::Prefer),
        (json!({"ssl-mode": "VERIFY_IDENTITY"}), TlsMode::VerifyFull),
        (json!({"sslMode": "verify_ca"}), TlsMode::VerifyCa),
        (json!({"sslmode": "no-verify"}), TlsMode::Require),
        (json!({"sslrootcert": "system"}), TlsMode::VerifyFull),
        (json!({"ssl": "{\"rejectUnauthorized\":true}"}), TlsMode::VerifyFull),
    ] {
        let mut value = value;
        value["host"] = json!("h.example.com");
        assert_eq!(read(&value).tls, Some(mode), "{value}");
    }
}

#[test]
fn certificates_come_as_fields_or_in_ssl() {
    let settings = read(&json!({"host": "h", "ssl": {"ca": CERTIFICATE, "cert": CERTIFICATE, "key": KEY}}));
    assert_eq!(settings.ca_certificate.as_deref(), Some(CERTIFICATE));
    assert_eq!(settings.client_certificate.as_deref(), Some(CERTIFICATE));
    assert_eq!(settings.client_key, Some(Secret::new(KEY)));
    assert_eq!(settings.check_pairs(), Ok(()));
    assert!(read(&json!({"host": "h", "clientCertificate": CERTIFICATE})).check_pairs().is_err());
}

#[test]
fn bad_input_names_the_field_it_came_in() {
    for (value, fields) in [
        (json!([]), vec!["credentials"]),
        (json!({}), vec!["host"]),
        (json!({"host": 5}), vec!["host"]),
        (json!({"host": ["a", "b"]}), vec!["host"]),
        (json!({"host": "a,b"}), vec!["host"]),
        (json!({"host": "/var/run/postgresql"}), vec!["host"]),
        (json!({"host": "a\nb"}), vec!["host"]),
        (json!({"host": "a b"}), vec!["host"]),
        (json!({"host": "a:5432"}), vec!["host"]),
        (json!({"host": "[::1"}), vec!["host"]),
        (json!({"host": "[]"}), vec!["host"]),
        (json!({"host": "1::2::3"}), vec!["host"]),
        (json!({"host": "x".repeat(10_000)}), vec!["host"]),
        (json!({"host": "h", "port": 0}), vec!["port"]),
        (json!({"host": "h", "port": 65_536}), vec!["port"]),
        (json!({"host": "h", "port": -1}), vec!["port"]),
        (json!({"host": "h", "port": "abc"}), vec!["port"]),
        (json!({"host": "h", "port": 54.3}), vec!["port"]),
        (json!({"host": "h", "user": "a\u{0}b"}), vec!["user"]),
        (json!({"host": "h", "dbname": "x".repeat(256)}), vec!["dbname"]),
        (json!({"host": "h", "password": "a\u{0}"}), vec!["password"]),
        (json!({"host": "h", "password": {"a": 1}}), vec!["password"]),
        (json!({"host": "h", "tls": "maybe"}), vec!["tls"]),
        (json!({"host": "h", "ssl": 3}), vec!["ssl"]),
        (json!({"host": "h", "connectTimeoutMs": 99}), vec!["connectTimeoutMs"]),
        (json!({"host": "h", "connect_timeout": 61}), vec!["connect_timeout"]),
        (json!({"host": "h", "sslrootcert": "/etc/ssl/ca.pem"}), vec!["sslrootcert"]),
        (json!({"host": "h", "options": "-c x=y"}), vec!["options"]),
        (json!({"host": "h", "socketPath": "/tmp/mysql.sock"}), vec!["socketPath"]),
        (json!({"url": "mysql://h/db"}), vec!["url"]),
        (json!({"url": "http://h"}), vec!["url"]),
        (json!({"host": "", "port": "x"}), vec!["port", "host"]),
    ] {
        assert_eq!(refused(&value), fields, "{value}");
    }
}

#[test]
fn no_message_repeats_a_secret() {
    let value = json!({"url": "ftp://u:hunter2@h", "password": {"x": "hunter2"}, "clientKey": "hunter2"});
    let errors = Settings::from_json(Provider::PostgreSql, &value).expect_err("nothing in it is right");
    assert!(!format!("{errors:?}").contains("hunter2"));
}

fn of(provider: Provider, value: &Value) -> Settings {
    Settings::from_json(provider, value).unwrap_or_else(|errors| panic!("{value}: {errors:?}"))
}

fn refused_by(provider: Provider, value: &Value) -> Vec<String> {
    let errors = Settings::from_json(provider, value).expect_err("settings that cannot be read");
    errors.into_iter().map(|error| error.field).collect()
}

fn mongodb(settings: &Settings) -> &MongoDb {
    match &settings.special {
        Special::MongoDb(mongodb) => mongodb,
        other => panic!("{other:?}"),
    }
}

#[test]
fn mongodb_takes_one_host_or_many() {
    let two = vec![("b".to_owned(), 27018)];
    for value in [
        json!({"host": ["a", "b:27018"]}),
        json!({"host": "a:27017,b:27018"}),
        json!({"host": "a, b:27018", "port": 27017}),
        json!({"hosts": [{"host": "a"}, {"host": "b", "port": 27018}]}),
        json!({"uri": "mongodb://a,b:27018/"}),
    ] {
        let settings = of(Provider::MongoDb, &value);
        assert_eq!((settings.host.as_str(), settings.port), ("a", 27017), "{value}");
        assert_eq!(mongodb(&settings).more_hosts, two, "{value}");
        assert_eq!(settings.endpoint(), "a:27017,b:27018");
    }
    let settings = of(Provider::MongoDb, &json!({"host": "[::1]:27018", "database": "shop"}));
    assert_eq!(settings.endpoint(), "[::1]:27018/shop");
    assert_eq!(of(Provider::MongoDb, &json!({"host": "::1"})).endpoint(), "[::1]:27017");
    for value in [
        json!({"host": []}),
        json!({"host": ["a", ""]}),
        json!({"host": "a,,b"}),
        json!({"host": "a:x"}),
        json!({"host": "a:0"}),
        json!({"host": [["a"]]}),
        json!({"host": vec!["a"; 51]}),
        json!({"host": "a,b", "srv": true}),
        json!({"host": "a:27017", "srv": true}),
    ] {
        assert_eq!(refused_by(Provider::MongoDb, &value), ["host"], "{value}");
    }
}

#[test]
fn mongodb_takes_the_options_of_its_addresses() {
    let settings = of(
        Provider::MongoDb,
        &json!({"uri": "mongodb+srv://app:p%40ss@cluster0.abc.mongodb.net/shop?retryWrites=true&w=majority&appName=x&authSource=admin&replicaSet=rs0&directConnection=false&authMechanism=SCRAM-SHA-256&connectTimeoutMS=10000&maxPoolSize=10"}),
    );
    assert_eq!(settings.endpoint(), "cluster0.abc.mongodb.net/shop");
    assert_eq!(settings.effective_tls(), TlsMode::VerifyFull);
    assert_eq!((settings.tls, settings.connect_timeout_ms), (None, Some(10_000)));
    assert_eq!(settings.password, Some(Secret::new("p@ss")));
    assert_eq!(
        mongodb(&settings),
        &MongoDb {
            srv: true,
            more_hosts: Vec::new(),
            replica_set: Some("rs0".to_owned()),
            auth_source: Some("admin".to_owned()),
            auth_mechanism: Some(AuthMechanism::ScramSha256),
            direct_connection: Some(false),
        }
    );
    for (query, mode) in [
        ("tls=true", Some(TlsMode::VerifyFull)),
        ("ssl=true", Some(TlsMode::VerifyFull)),
        ("tls=false", Some(TlsMode::Disable)),
        ("tls=true&tlsAllowInvalidCertificates=true", Some(TlsMode::Require)),
        ("tls=true&tlsInsecure=true", Some(TlsMode::Require)),
        ("tls=true&tlsAllowInvalidHostnames=true", Some(TlsMode::VerifyCa)),
        ("tls=false&tlsInsecure=true", Some(TlsMode::Disable)),
        ("authMechanism=DEFAULT&loadBalanced=false", None),
    ] {
        let settings = of(Provider::MongoDb, &json!({"uri": format!("mongodb://h/?{query}")}));
        assert_eq!(settings.tls, mode, "{query}");
    }
    for name in [
        "authMechanism=PLAIN",
        "authMechanism=MONGODB-AWS",
        "authMechanism=MONGODB-OIDC",
        "authMechanism=GSSAPI",
        "authMechanism=nonsense",
        "proxyHost=h",
        "tlsCAFile=/etc/ca.pem",
        "tlsCertificateKeyFile=/etc/key.pem",
        "authMechanismProperties=SERVICE_NAME:x",
        "loadBalanced=true",
        "directConnection=maybe",
    ] {
        let refused = refused_by(Provider::MongoDb, &json!({"uri": format!("mongodb://h/?{name}")}));
        assert_eq!(refused, [name.split('=').next().unwrap_or_default()], "{name}");
    }
    assert_eq!(refused_by(Provider::MongoDb, &json!({"uri": "postgres://h"})), ["uri"]);
}

fn account() -> Value {
    json!({"type": "service_account", "project_id": "shop-1", "private_key_id": "1", "private_key": KEY,
        "client_email": "a@shop-1.iam.gserviceaccount.com", "token_uri": "https://oauth2.googleapis.com/token",
        "universe_domain": "googleapis.com"})
}

fn firebase(settings: Settings) -> Firebase {
    match settings.special {
        Special::Firebase(firebase) => *firebase,
        other => panic!("{other:?}"),
    }
}

#[test]
fn firebase_takes_a_service_account_in_each_dress() {
    let text = account().to_string();
    let expected = firebase(of(Provider::Firebase, &json!({"serviceAccount": text})));
    assert_eq!(expected.project_id.as_deref(), Some("shop-1"));
    assert!(expected.service_account.as_ref().is_some_and(|account| account.reveal().contains("BEGIN PRIVATE KEY")));
    // `{"a":1}` in Base64 is not tried here: the whole account is, made by the alphabet's own rules.
    for value in [
        account(),
        json!({"serviceAccount": account()}),
        json!({"service_account": text.replace("\\n", "\n")}),
        json!({"FIREBASE_SERVICE_ACCOUNT": encode_base64(text.as_bytes())}),
    ] {
        assert_eq!(firebase(of(Provider::Firebase, &value)), expected, "{value}");
    }
    let parts = json!({"FIREBASE_PROJECT_ID": "p", "FIREBASE_CLIENT_EMAIL": "a@b", "FIREBASE_PRIVATE_KEY": KEY});
    let read = firebase(of(Provider::Firebase, &parts));
    assert_eq!(read.project_id.as_deref(), Some("p"));
    assert!(read.service_account.is_some());
}

#[test]
fn firebase_takes_the_web_configuration_and_an_emulator() {
    let read = firebase(of(
        Provider::Firebase,
        &json!({"firebaseConfig": {"apiKey": "AIza", "authDomain": "x", "projectId": "shop-1",
            "databaseURL": "https://Shop-1-default-rtdb.europe-west1.firebasedatabase.app/"}}),
    ));
    assert_eq!(read.api_key, Some(Secret::new("AIza")));
    assert_eq!(read.database_url.as_deref(), Some("https://shop-1-default-rtdb.europe-west1.firebasedatabase.app"));
    let settings = of(Provider::Firebase, &json!({"projectId": "demo", "emulatorHost": "http://localhost:8080/"}));
    assert_eq!(settings.endpoint(), "demo at localhost:8080");
    assert_eq!(settings.effective_tls(), TlsMode::Disable);
    assert!(
        of(Provider::Firebase, &json!({"databaseURL": "http://127.0.0.1:9000?ns=demo"})).endpoint().contains("9000")
    );
}

#[test]
fn firebase_names_what_is_wrong() {
    let without = |name: &str, value: Value| {
        let mut account = account();
        account[name] = value;
        json!({"serviceAccount": account})
    };
    for (value, field) in [
        (json!({}), "projectId"),
        (json!({"projectId": "a b"}), "projectId"),
        (json!({"projectId": "p", "serviceAccount": "/etc/key.json"}), "serviceAccount"),
        (json!({"projectId": "p", "serviceAccount": "{"}), "serviceAccount"),
        (json!({"projectId": "p", "serviceAccount": "x".repeat(1_000_000)}), "serviceAccount"),
        (without("private_key", json!("nonsense")), "serviceAccount"),
        (without("private_key", Value::Null), "serviceAccount"),
        (without("client_email", Value::Null), "serviceAccount"),
        (without("type", json!("authorized_user")), "serviceAccount"),
        (without("type", json!("external_account")), "serviceAccount"),
        (without("token_uri", json!("https://evil.example/token")), "serviceAccount"),
        (json!({"databaseURL": "https://evil.example"}), "databaseURL"),
        (json!({"databaseURL": "http://x.firebaseio.com"}), "databaseURL"),
        (json!({"databaseURL": "https://u:p@x.firebaseio.com"}), "databaseURL"),
        (json!({"databaseURL": "https://evil.example/.firebaseio.com"}), "databaseURL"),
        (json!({"projectId": "p", "emulatorHost": "localhost"}), "emulatorHost"),
        (json!({"projectId": "p", "emulatorHost": "evil.example:80"}), "emulatorHost"),
        (json!({"projectId": "p", "apiKey": "a b"}), "apiKey"),
        (json!({"firebaseConfig": "nonsense"}), "firebaseConfig"),
    ] {
        assert_eq!(refused_by(Provider::Firebase, &value), [field], "{value}");
    }
}

const REFERENCE: &str = "abcdefghijklmnopqrst";

#[test]
fn supabase_takes_its_address_in_each_form() {
    let url = format!("https://{REFERENCE}.supabase.co");
    for value in [
        json!({"url": url}),
        json!({"url": format!("{url}/")}),
        json!({"url": format!("{url}/rest/v1/")}),
        json!({"supabaseUrl": url.to_uppercase()}),
        json!({"NEXT_PUBLIC_SUPABASE_URL": url}),
        json!({"url": format!("{REFERENCE}.supabase.co")}),
        json!({"projectRef": REFERENCE}),
        json!({"url": format!("https://supabase.com/dashboard/project/{REFERENCE}/settings/api")}),
        json!({"connectionString": format!("postgres://postgres:x@db.{REFERENCE}.supabase.co:5432/postgres")}),
        json!({"uri": format!("postgres://postgres.{REFERENCE}:x@aws-0-eu-west-1.pooler.supabase.com:6543/postgres")}),
    ] {
        let settings = of(Provider::Supabase, &value);
        assert!(matches!(&settings.special, Special::Supabase(it) if it.url == url), "{value}: {settings:?}");
        assert_eq!(settings.endpoint(), format!("{REFERENCE}.supabase.co"));
    }
    let local = of(Provider::Supabase, &json!({"url": "http://127.0.0.1:54321", "key": "a"}));
    assert_eq!(local.endpoint(), "127.0.0.1:54321");
    assert_eq!((local.host.as_str(), local.port), ("", 0));
    for (value, field) in [
        (json!({}), "url"),
        (json!({"url": "ftp://x"}), "url"),
        (json!({"url": "https://u:p@x"}), "url"),
        (json!({"url": "https://x y"}), "url"),
        (json!({"url": "https://"}), "url"),
        (json!({"url": "https://supabase.com/dashboard/project/x"}), "url"),
        (json!({"url": REFERENCE, "anonKey": "a\nb"}), "anonKey"),
        (json!({"url": REFERENCE, "anonKey": "x".repeat(1_000_000)}), "anonKey"),
        (json!({"url": REFERENCE, "connectionString": "mysql://h"}), "connectionString"),
    ] {
        assert_eq!(refused_by(Provider::Supabase, &value), [field], "{value}");
    }
}

#[test]
fn a_supabase_key_finds_its_field_by_its_role() {
    let jwt = |role: &str| format!("e30.{}.x", encode_base64(format!(r#"{{"role":"{role}"}}"#).as_bytes()));
    for (name, key, is_service) in [
        ("key", jwt("anon"), false),
        ("SUPABASE_KEY", jwt("service_role"), true),
        ("apikey", "sb_publishable_x".to_owned(), false),
        ("supabaseKey", "sb_secret_x".to_owned(), true),
        ("SUPABASE_SERVICE_ROLE_KEY", "anything".to_owned(), true),
        ("VITE_SUPABASE_ANON_KEY", "anything".to_owned(), false),
    ] {
        let settings = of(Provider::Supabase, &json!({"url": REFERENCE, name: key}));
        let Special::Supabase(supabase) = settings.special else { panic!("{name}") };
        let [used, other] = if is_service {
            [supabase.service_role_key, supabase.anon_key]
        } else {
            [supabase.anon_key, supabase.service_role_key]
        };
        assert_eq!((used, other), (Some(Secret::new(key)), None), "{name}");
    }
}

/// The other direction of [`key::base64`], for the tests alone.
fn encode_base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().chain(&[0; 3]).take(3).fold(0usize, |group, byte| group << 8 | usize::from(*byte));
        for at in 0..=chunk.len() {
            text.push(char::from(ALPHABET[group >> (18 - 6 * at) & 63]));
        }
    }
    text
}

const HOST: &str = "[a-z0-9.-]{1,60}|::1|fe80::1|2001:db8::[0-9a-f]{1,4}";

fn some(text: &'static str) -> impl Strategy<Value = Option<String>> {
    proptest::option::of(text)
}

fn special() -> impl Strategy<Value = (Provider, Special)> {
    let mongodb = (
        any::<bool>(),
        proptest::collection::vec((HOST, 1u16..), 0..4),
        some("[^\\p{Cc}\\p{Cf}]{1,40}"),
        some("[^\\p{Cc}\\p{Cf}]{1,40}"),
        proptest::option::of(proptest::sample::select(AuthMechanism::ALL.to_vec())),
        any::<Option<bool>>(),
    )
        .prop_map(|(srv, more, replica_set, auth_source, auth_mechanism, direct_connection)| {
            let more_hosts = if srv { Vec::new() } else { more };
            MongoDb { srv, more_hosts, replica_set, auth_source, auth_mechanism, direct_connection }
        })
        .prop_map(|mongodb| (Provider::MongoDb, Special::MongoDb(mongodb)));
    let firebase = (
        "[a-z][a-z0-9-]{5,28}",
        some("[a-z0-9-]{1,20}"),
        some("https://[a-z]{1,20}\\.firebaseio\\.com"),
        any::<bool>(),
        some("[!-~]{1,60}"),
        some("localhost:[1-9][0-9]{1,3}"),
    )
        .prop_map(|(project, database_id, database_url, has_account, key, emulator_host)| {
            let account = hosted::service_account(&account()).expect("an account").0;
            let firebase = Firebase {
                project_id: Some(project),
                database_id,
                database_url,
                service_account: has_account.then_some(account),
                api_key: key.map(Secret::new),
                emulator_host,
            };
            (Provider::Firebase, Special::Firebase(Box::new(firebase)))
        });
    let supabase = (some("[!-~]{1,60}"), some("[!-~]{1,60}")).prop_map(|(anon, service)| {
        let supabase = Supabase {
            url: hosted::project_url_of(REFERENCE),
            anon_key: anon.map(Secret::new),
            service_role_key: service.map(Secret::new),
        };
        (Provider::Supabase, Special::Supabase(Box::new(supabase)))
    });
    prop_oneof![
        Just((Provider::PostgreSql, Special::Plain)),
        Just((Provider::MySql, Special::Plain)),
        mongodb,
        firebase,
        supabase,
    ]
}

proptest! {
    #[test]
    fn what_is_sealed_is_read_back(
        (host, port) in (HOST, 1u16..),
        database in some("[^\\p{Cc}\\p{Cf}]{1,40}"),
        username in some("[^\\p{Cc}\\p{Cf}]{1,40}"),
        password in some("[^\\x00]{1,60}"),
        mode in proptest::option::of(proptest::sample::select(TlsMode::ALL.to_vec())),
        timeout in proptest::option::of(100u32..=60_000),
        with_host in any::<bool>(),
        (provider, special) in special(),
    ) {
        let is_firebase = provider == Provider::Firebase;
        let mut settings = Settings {
            host, port, database, username,
            password: password.map(Secret::new),
            tls: mode,
            ca_certificate: Some(CERTIFICATE.to_owned()),
            client_certificate: Some(CERTIFICATE.to_owned()),
            client_key: Some(Secret::new(KEY)),
            connect_timeout_ms: timeout,
            special,
        };
        if is_firebase || provider == Provider::Supabase && !with_host {
            (settings.host, settings.port) = (String::new(), 0);
        }
        if is_firebase {
            settings = Settings {
                database: None, username: None, password: None, tls: None, ca_certificate: None,
                client_certificate: None, client_key: None, ..settings
            };
        }
        if matches!(&settings.special, Special::MongoDb(mongodb) if mongodb.srv) {
            settings.port = 27017;
        }
        prop_assert_eq!(Settings::from_json(provider, &settings.to_json()), Ok(settings));
    }
}
