//! What cannot be used, on every provider and on every way in: the form with scripts and without, its test, and
//! the function. Each answer names the field, the form comes back as it was typed, nothing is stored, and no secret is
//! in an answer or in a log.

use std::{
    io,
    sync::{Arc, Mutex},
};

use http::{Request, StatusCode, header};
use mooring::{
    auth::{Scope, server::Caller},
    connections::{
        Provider,
        server::{list, open_settings},
        settings::{PublicSettings, Special},
    },
    probe::Cause,
};
use serde_json::{Map, Value, json};
use tracing_subscriber::{filter::LevelFilter, fmt::MakeWriter};

use crate::support::{
    app::TestApp,
    client::{Answer, Client, percent, server_function},
};

/// Is in every form, and nowhere else.
const SECRET: &str = "hunter2BetweenTheLines";
/// A megabyte.
const PASTED: usize = 1_000_000;

type Fields = Vec<(&'static str, String)>;

/// A form that can be saved, and the secret of its provider.
fn good(provider: Provider) -> Fields {
    let own: &[(&'static str, &str)] = match provider {
        Provider::PostgreSql | Provider::MySql => &[("host", "db.example.org"), ("password", SECRET)],
        Provider::MongoDb => &[("host", "db.example.org"), ("username", "app"), ("password", SECRET)],
        Provider::Firebase => &[("projectId", "shop-1"), ("apiKey", SECRET)],
        Provider::Supabase => &[("url", "https://abcdefghijklmnopqrst.supabase.co"), ("anonKey", SECRET)],
    };
    let common = [("provider", provider.code()), ("name", "Typed and kept"), ("environment", "staging")];
    common.iter().chain(own).map(|(name, value)| (*name, (*value).to_owned())).collect()
}

/// The form with one field as it is not to be.
fn with(fields: &Fields, field: &'static str, value: &str) -> Fields {
    let mut fields: Fields = fields.iter().filter(|(name, _)| *name != field).cloned().collect();
    // A host of Supabase's is that of its Postgres.
    fields.push((field, value.to_owned()));
    fields
}

/// What each provider is to refuse, at the field that it stands in.
fn bad(provider: Provider) -> Vec<(&'static str, String)> {
    let everywhere = [
        ("name", ""),
        ("name", "turned\u{202e}"),
        ("connectTimeoutMs", "5 s"),
        ("connectTimeoutMs", "-1"),
        ("intervalS", "29"),
        ("slowThresholdMs", "0"),
        ("quietMode", "whisper"),
        ("tags", "tab\tin it"),
        ("tags", "gat\u{202e}"),
        ("pasted", "neither an address nor a file"),
        ("pasted", "postgres://app:hunter2BetweenTheLines@h:99999/d"),
    ];
    let server = [
        ("host", "bell\u{7}.example.org"),
        ("host", "gro.elpmaxe\u{202e}"),
        ("host", "two words"),
        ("host", "[::1"),
        ("host", "::1]"),
        ("host", "1::2::3"),
        ("host", "/var/run/postgresql"),
        ("host", "https://db.example.org/x"),
        ("port", "70000"),
        ("port", "0"),
        ("port", "many"),
        ("database", "line\nbreak"),
        ("username", "iso\u{2066}lated"),
        ("password", "hunter2BetweenTheLines\0"),
        ("tls", "maybe"),
        ("tls", "TLSv1.3"),
        ("caCertificate", "/etc/ssl/certs/ca.pem"),
        ("caCertificate", "-----BEGIN CERTIFICATE-----\nMIIB"),
        ("caCertificate", "-----BEGIN PRIVATE KEY-----\nhunter2BetweenTheLines\n-----END PRIVATE KEY-----"),
        ("clientCertificate", "no certificate"),
        ("clientKey", "hunter2BetweenTheLines"),
        ("clientKey", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----"),
    ];
    let mongodb = [
        ("host", "a.example.org:27017,b.example.org:many"),
        ("authMechanism", "PLAIN"),
        ("authMechanism", "GSSAPI"),
        ("authSource", "ad\u{7}min"),
        ("replicaSet", "sr\u{202e}"),
        ("directConnection", "perhaps"),
    ];
    let firebase = [
        ("projectId", "1-pohs\u{202e}"),
        ("projectId", "../../other"),
        ("databaseId", "de fault"),
        ("databaseURL", "javascript:alert(1)"),
        ("databaseURL", "https://shop.example.org"),
        ("emulatorHost", "localhost"),
        ("emulatorHost", "203.0.113.5:8080"),
        ("emulatorHost", "[::1:8080"),
        ("apiKey", "hunter2BetweenTheLines twice"),
        ("serviceAccount", "/etc/service-account.json"),
        ("serviceAccount", "{\"private_key\": \"hunter2BetweenTheLines"),
        ("serviceAccount", "{\"type\": \"authorized_user\"}"),
        ("serviceAccount", "{\"client_email\": \"a@b\", \"private_key\": \"hunter2BetweenTheLines\"}"),
        (
            "serviceAccount",
            "{\"client_email\": \"a@b\", \"private_key\": \"-----BEGIN PRIVATE KEY-----\\nhunter2BetweenTheLines\"}",
        ),
    ];
    let supabase = [
        ("url", "javascript:alert(1)"),
        ("url", "https://app:hunter2BetweenTheLines@abcdefghijklmnopqrst.supabase.co"),
        ("url", "https://[::1"),
        ("anonKey", "hunter2BetweenTheLines twice"),
        ("serviceRoleKey", "yek\u{202e}"),
    ];
    let own: &[(&str, &str)] = match provider {
        Provider::PostgreSql | Provider::MySql => &[],
        Provider::MongoDb => &mongodb,
        Provider::Firebase => &firebase,
        Provider::Supabase => &supabase,
    };
    let server: &[(&str, &str)] = if provider == Provider::Firebase { &[] } else { &server };
    let short = everywhere.iter().chain(server).chain(own).map(|(field, value)| (*field, (*value).to_owned()));
    let pasted: &[&str] = match provider {
        Provider::PostgreSql | Provider::MySql => &["pasted", "host", "username", "password", "caCertificate"],
        Provider::MongoDb => &["pasted", "host", "database", "password", "replicaSet", "clientKey"],
        Provider::Firebase => &["pasted", "projectId", "databaseURL", "serviceAccount", "apiKey"],
        Provider::Supabase => &["pasted", "url", "anonKey", "serviceRoleKey", "password"],
    };
    let line = format!("{SECRET} ");
    let long = line.repeat(PASTED / line.len());
    let pasted = pasted.iter().map(|field| (*field, if is_secret(field) { long.clone() } else { "x".repeat(PASTED) }));
    short.chain(pasted).collect()
}

/// Fields that are never shown again.
fn is_secret(field: &str) -> bool {
    matches!(field, "pasted" | "password" | "clientKey" | "serviceAccount" | "apiKey" | "anonKey" | "serviceRoleKey")
}

/// Everything that is logged meanwhile, at the finest level.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("the log").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

fn occurs(text: &[u8]) -> bool {
    text.windows(SECRET.len()).any(|window| window == SECRET.as_bytes())
}

/// Sends the form from the page `page`, as a browser without scripts or with them.
async fn send(client: &Client, page: &str, fields: &Fields, scripts: bool) -> Answer {
    let body: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", percent(value))).collect();
    let accept = if scripts { "application/json" } else { "text/html,application/xhtml+xml" };
    let request = Request::post(server_function("save_connection"))
        .header(header::ACCEPT, accept)
        .header(header::REFERER, format!("http://127.0.0.1:3000{page}"))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    client.send(request, body.join("&")).await
}

/// The fields that an answer names, and what it says of the first.
fn named(answer: &Answer) -> (Vec<String>, String) {
    let json: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let errors = json["Invalid"].as_array().cloned().unwrap_or_default();
    let fields = errors.iter().filter_map(|error| error["field"].as_str().map(str::to_owned)).collect();
    let message = errors.first().and_then(|error| error["message"].as_str());
    (fields, message.unwrap_or_default().to_owned())
}

/// As a page writes it.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

struct Visitor {
    app: TestApp,
    caller: Caller,
    client: Client,
    program: Client,
}

impl Visitor {
    async fn start() -> Self {
        let app = TestApp::start().await;
        let (caller, client) = app.signed_in("ada@example.org").await;
        let program = app.with_token(&caller, Scope::Full).await;
        Self { app, caller, client, program }
    }

    /// Every row as it is stored.
    async fn stored(&self) -> Vec<String> {
        sqlx::query_scalar("select c::text from database_credentials as c order by id")
            .fetch_all(&mut self.app.database.connect().await)
            .await
            .expect("the rows")
    }

    /// Sends what is refused by every way; what is wrong with the answers.
    async fn refusal(&self, page: &str, fields: &Fields, field: &str) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut expect = |holds: bool, what: String| {
            if !holds {
                wrong.push(what);
            }
        };
        // With scripts: the field, and a sentence on it.
        let answer = send(&self.client, page, fields, true).await;
        expect(answer.status == StatusCode::BAD_REQUEST, format!("the form is answered {}", answer.status));
        let (found, message) = named(&answer);
        expect(found == [field], format!("the form names {found:?}"));

        // Without: back to the form, with the sentence at the field, and all that was typed but the secrets.
        let answer = send(&self.client, page, fields, false).await;
        let back = answer.location().unwrap_or("/").replace("http://127.0.0.1:3000", "");
        let leads =
            format!("without scripts it is answered {} and leads to {}", answer.status, &back[..back.len().min(80)]);
        expect(back.starts_with(page), leads);
        let text = self.client.get(&back).await.text();
        expect(!message.is_empty() && text.contains(&escaped(&message)), format!("“{message}” is not on the page"));
        // What holds a secret beside its field does not come back, nor does a megabyte.
        let comes_back = |name: &str, value: &str| is_shown(name) && !occurs(value.as_bytes()) && value.len() < PASTED;
        for (name, value) in fields.iter().filter(|(name, value)| comes_back(name, value)) {
            let shown = escaped(value);
            expect(text.contains(&shown) || text.contains(&shown.replace('"', "&quot;")), format!("{name} was lost"));
        }

        // The test of what is typed.
        if matches!(field, "name" | "intervalS" | "slowThresholdMs" | "quietMode" | "tags") {
            return wrong;
        }
        let typed: Map<String, Value> =
            fields.iter().map(|(name, value)| ((*name).to_owned(), Value::from(value.as_str()))).collect();
        let answer = self.client.post_json(&server_function("test_connection"), &json!({"form": typed})).await;
        let (found, _) = named(&answer);
        expect(found == [field], format!("the test is answered {} and names {found:?}", answer.status));

        // The function, which has no box to paste into.
        if field == "pasted" {
            return wrong;
        }
        let credentials: Map<String, Value> = typed
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), "provider" | "name" | "environment" | "id"))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let body = json!({"provider": typed["provider"], "credentials": credentials});
        let answer = self.program.post_json("/functions/v1/validate-database-config", &body).await;
        let (status, json) = (answer.status, answer.json());
        let is_refused = status == StatusCode::OK && json["valid"] == false && json["issues"][0]["field"] == field;
        expect(is_refused, format!("the function answers {status}: {}", json["code"]));
        wrong
    }
}

/// Fields that a form brings back as texts.
fn is_shown(field: &str) -> bool {
    !is_secret(field)
        && !matches!(field, "provider" | "id" | "quietMode" | "tls" | "authMechanism" | "directConnection")
}

/// Every provider, as a new connection and as a change of one that is stored.
async fn bad_input_is_refused(provider: Provider) {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_max_level(LevelFilter::TRACE).with_writer(log.clone()).finish();
    let _until_the_end = tracing::subscriber::set_default(subscriber);
    let visitor = Visitor::start().await;
    let fields = good(provider);
    let saved = send(&visitor.client, "/connections/new", &with(&fields, "name", "Stored"), true).await;
    assert_eq!(saved.status, StatusCode::OK, "{}", saved.text());
    let id = list(&visitor.caller).await.expect("one")[0].id;
    let stored = visitor.stored().await;

    let edit = format!("/connections/{id}/edit");
    let mut wrong = Vec::new();
    for (number, (field, value)) in bad(provider).into_iter().enumerate() {
        let what = format!("{} {field} {:?}", provider.code(), value.chars().take(80).collect::<String>());
        let mut typed = with(&fields, field, &value);
        let page = if number % 2 == 0 {
            typed.push(("id", id.to_string()));
            &edit
        } else {
            "/connections/new"
        };
        let answers = visitor.refusal(page, &typed, field).await;
        wrong.extend(answers.into_iter().map(|found| format!("{what}: {found}")));
        assert!(visitor.stored().await == stored, "{what} changed what is stored");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for (asked, heard) in visitor.app.transcript.lock().expect("the transcript").iter() {
        assert!(!occurs(asked.as_bytes()) && !occurs(heard), "the secret is in the answer to {asked}");
    }
    let log = log.0.lock().expect("the log");
    assert!(log.len() > 1_000, "nothing was logged");
    let at = log.windows(SECRET.len()).position(|window| window == SECRET.as_bytes());
    let around = at.map(|at| String::from_utf8_lossy(&log[at.saturating_sub(300)..at]).into_owned());
    assert_eq!(around, None, "the secret was logged");
}

#[tokio::test]
async fn bad_input_of_postgresql_is_refused() {
    bad_input_is_refused(Provider::PostgreSql).await;
}

#[tokio::test]
async fn bad_input_of_mysql_is_refused() {
    bad_input_is_refused(Provider::MySql).await;
}

#[tokio::test]
async fn bad_input_of_mongodb_is_refused() {
    bad_input_is_refused(Provider::MongoDb).await;
}

#[tokio::test]
async fn bad_input_of_firebase_is_refused() {
    bad_input_is_refused(Provider::Firebase).await;
}

#[tokio::test]
async fn bad_input_of_supabase_is_refused() {
    bad_input_is_refused(Provider::Supabase).await;
}

/// Brackets around IPv6 or none, and passwords that are empty: what is unusual and right is taken.
#[tokio::test]
async fn what_is_unusual_and_right_is_taken() {
    let visitor = Visitor::start().await;
    let host = |settings: &PublicSettings| settings.host.clone();
    for provider in Provider::ALL {
        for (number, typed) in ["::1", "[::1]", " [2001:db8::1] ", "[::FFFF:127.0.0.1]"].into_iter().enumerate() {
            let name = format!("{} {number}", provider.code());
            let bare = typed.trim().trim_matches(['[', ']']).to_owned();
            let (field, value, expected) = match provider {
                Provider::Firebase if number > 1 => continue,
                Provider::Firebase => ("emulatorHost", format!("[{bare}]:8080"), format!("[{bare}]:8080")),
                _ => ("host", typed.to_owned(), bare),
            };
            let mut fields = with(&with(&good(provider), "name", &name), field, &value);
            // Empty is none, and no error.
            fields.retain(|(name, _)| *name != "password" && *name != "username");
            fields.push(("password", String::new()));
            let answer = send(&visitor.client, "/connections/new", &fields, true).await;
            assert_eq!(answer.status, StatusCode::OK, "{name} {typed}: {}", answer.text());
            let saved = list(&visitor.caller).await.expect("a list");
            let saved = saved.into_iter().find(|connection| connection.name == name).expect("it is stored");
            let (_, settings) = open_settings(&visitor.caller, saved.id).await.expect("its settings");
            assert_eq!(settings.password, None, "{name}");
            let found = match &settings.special {
                Special::Firebase(firebase) => firebase.emulator_host.clone().unwrap_or_default(),
                _ => host(&settings.public()),
            };
            assert_eq!(found, expected, "{name}");
        }
    }
}

/// A key whose text has the right shape and is none: it can be stored, and the test of it says so without asking
/// anyone.
#[tokio::test]
async fn a_service_account_with_a_broken_key_fails_at_the_login() {
    let visitor = Visitor::start().await;
    let key = format!("-----BEGIN PRIVATE KEY-----\n{SECRET}\n-----END PRIVATE KEY-----\n");
    let account = json!({"type": "service_account", "project_id": "shop-1", "private_key": key,
        "client_email": "watch@shop-1.iam.gserviceaccount.com"});
    let form = json!({"form": {"provider": "firebase", "serviceAccount": account.to_string()}});
    let answer = visitor.client.post_json(&server_function("test_connection"), &form).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(answer.json()["failure"]["cause"], Cause::InvalidServiceAccount.code());
    assert!(!occurs(&answer.body));
    assert_eq!(list(&visitor.caller).await, Ok(Vec::new()));
}
