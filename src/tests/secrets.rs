//! A planted password is found nowhere: not in a dump of the database, not in the logs, not in any answer, not
//! among the arguments of any process; not in clear and not encoded.

use std::{
    fs,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::json;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::support::{
    app::master_key,
    client::{Client, Server, Transcript, server_function},
    cluster::TestDatabase,
    mariadb::{MariaDbOptions, TargetMariaDb},
    mooring::Installation,
    postgres::{PostgresOptions, TargetPostgres, USER},
    rows::count,
};

const EMAIL: &str = "owner@example.org";

/// Something secret, with all the forms in which it could be written down.
struct Planted {
    what: &'static str,
    forms: Vec<Vec<u8>>,
}

impl Planted {
    /// `secret` has letters and digits only, so that percent-encoding and JSON leave it as it is.
    fn new(what: &'static str, secret: &str) -> Self {
        assert!(secret.len() >= 16 && secret.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{what}");
        let hexadecimal: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
        let percent: String = secret.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let reversed: String = secret.chars().rev().collect();
        let mut forms = vec![secret.to_owned(), hexadecimal, percent, reversed];
        // Base64 of a longer text holds one of these, depending on where in it the secret begins; its first
        // and last letters also depend on the neighbours.
        for offset in 0..3 {
            let encoded = BASE64_STANDARD.encode(format!("{}{secret}", &"\0\0\0"[..offset]));
            let end = encoded.trim_end_matches('=').len() - 2;
            forms.push(encoded[4..end].to_owned());
        }
        let utf16 = secret.bytes().flat_map(|byte| [byte, 0]).collect();
        Self { what, forms: forms.into_iter().map(String::into_bytes).chain([utf16]).collect() }
    }

    fn assert_not_in(&self, place: &str, bytes: &[u8]) {
        for form in &self.forms {
            if let Some(at) = bytes.windows(form.len()).position(|window| window.eq_ignore_ascii_case(form)) {
                let around = &bytes[at.saturating_sub(200)..(at + form.len() + 50).min(bytes.len())];
                panic!("{} is in {place}: {}", self.what, String::from_utf8_lossy(around));
            }
        }
    }
}

/// The arguments of every process that ran meanwhile.
struct Arguments {
    seen: Arc<Mutex<Vec<u8>>>,
    over: Arc<AtomicBool>,
    watcher: Option<thread::JoinHandle<()>>,
}

impl Arguments {
    fn watch() -> Self {
        let (seen, over) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let watcher = {
            let (seen, over) = (Arc::clone(&seen), Arc::clone(&over));
            thread::spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    look(&seen);
                    thread::sleep(Duration::from_millis(5));
                }
                look(&seen);
            })
        };
        Self { seen, over, watcher: Some(watcher) }
    }

    fn stop(mut self) -> Vec<u8> {
        self.over.store(true, Ordering::Relaxed);
        self.watcher.take().expect("a watcher").join().expect("the watcher ends");
        self.seen.lock().expect("what was seen").clone()
    }
}

fn look(seen: &Mutex<Vec<u8>>) {
    let processes = fs::read_dir("/proc").expect("list processes").filter_map(Result::ok);
    let arguments = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
    let mut seen = seen.lock().expect("what was seen");
    for line in arguments {
        if !line.is_empty() && !seen.windows(line.len()).any(|window| window == line) {
            seen.extend_from_slice(&line);
        }
    }
}

#[tokio::test]
async fn a_planted_password_is_found_nowhere() {
    let core = Uuid::new_v4().simple().to_string();
    // With what URLs, forms, JSON and SQL have to encode.
    let password = format!("p@ss/{core}%+&\"'\\ é");
    let account = format!("{}Account", Uuid::new_v4().simple());
    let key_bytes = [7; 32];
    let database = TestDatabase::fresh().await;
    let postgres = TargetPostgres::start(&PostgresOptions::default());
    postgres.execute(&format!("alter role {USER} password '{}'", password.replace('\'', "''"))).await;
    let mariadb = TargetMariaDb::start(&MariaDbOptions {
        sql: vec![format!(
            "create or replace user {}@'%' identified by '{}';",
            crate::support::mariadb::USER,
            password.replace('\\', "\\\\").replace('\'', "\\'")
        )],
        ..MariaDbOptions::default()
    });
    let arguments = Arguments::watch();
    // Everything that could be logged is.
    let installation = Installation::on(&database).with("RUST_LOG", "trace");
    let mut printed = installation.must(&["user", "add", EMAIL, "--admin", "--password-stdin"], &account);
    let token = installation.must(&["token", "add", EMAIL, "--name", "tests"], "");

    let credentials = |target: &serde_json::Value, change: serde_json::Value| {
        let mut credentials = target.clone();
        credentials["password"] = json!(password);
        for (field, value) in change.as_object().expect("an object") {
            credentials[field] = value.clone();
        }
        credentials
    };
    for (name, provider, target, change) in [
        ("right", "postgresql", postgres.credentials(), json!({})),
        ("right too", "mysql", mariadb.credentials(), json!({})),
        ("wrong user", "postgresql", postgres.credentials(), json!({"username": "nobody"})),
        ("wrong user too", "mysql", mariadb.credentials(), json!({"username": "nobody"})),
        ("wrong database", "postgresql", postgres.credentials(), json!({"database": "nothing"})),
        ("wrong database too", "mysql", mariadb.credentials(), json!({"database": "nothing"})),
        ("wrong port", "postgresql", postgres.credentials(), json!({"port": 1})),
        ("wrong protocol", "mysql", mariadb.credentials(), json!({"port": postgres.port()})),
        ("no TLS there", "postgresql", postgres.credentials(), json!({"tls": "require"})),
    ] {
        let settings = credentials(&target, change).to_string();
        let add = ["connection", "add", EMAIL, "--name", name, "--provider", provider, "--settings-stdin"];
        printed.push_str(&installation.must(&add, &settings));
    }

    // A row that comes by SQL, in clear; the server seals it when it starts.
    let mut connection = database.connect().await;
    sqlx::query(
        "insert into database_credentials (user_id, provider, connection_name, credentials)
         select id, 'postgresql', 'by SQL', $1 from users",
    )
    .bind(credentials(&postgres.credentials(), json!({})))
    .execute(&mut connection)
    .await
    .expect("insert a plaintext row");
    let process = installation.serve();
    let transcript = Transcript::default();
    let client = Client::new(Server::At(process.address), &transcript);
    let sign_in = server_function("sign_in");
    client.post_form(&sign_in, &[("email", EMAIL), ("password", &format!("not {account}"))]).await;
    client.post_form(&sign_in, &[("email", EMAIL), ("password", &account)]).await;
    let save = server_function("save_connection");
    let port = postgres.port().to_string();
    for (name, host) in
        [("by form", "127.0.0.1"), ("", "127.0.0.1"), ("no such host", "no such host"), ("refused", "169.254.169.254")]
    {
        for intent in ["test", ""] {
            let fields = [
                ("provider", "postgresql"),
                ("name", name),
                ("host", host),
                ("port", &port),
                ("database", "app"),
                ("username", USER),
                ("password", &password),
                ("tls", "disable"),
                ("intent", intent),
            ];
            let answer = client.post_form(&save, &fields).await;
            if let Some(next) = answer.location() {
                client.get(next.strip_prefix(&format!("http://{}", process.address)).unwrap_or(next)).await;
            }
        }
    }
    let pasted = format!("postgres://{USER}:{core}@127.0.0.1:{port}/app");
    client.post_form(&save, &[("provider", "postgresql"), ("name", "pasted"), ("pasted", &pasted)]).await;
    let form = json!({"form": {"provider": "postgresql", "host": "127.0.0.1", "port": port, "username": USER, "password": password}});
    client.post_json(&server_function("test_connection"), &form).await;
    let program = Client::new(Server::At(process.address), &transcript).with_token(&token);
    let begun = Instant::now();
    while count(&mut connection, "database_credentials where not credentials ? '$sealed'").await > 0
        || count(&mut connection, "connection_state where last_check_at is null").await > 0
    {
        assert!(begun.elapsed() < Duration::from_secs(90), "not everything is sealed and checked\n{}", process.log());
        sleep(Duration::from_millis(100)).await;
    }
    // What is in clear for a moment is in the write-ahead log and in dead tuples, but not in a dump.
    program.post_json("/functions/v1/proactive-health-monitor", &json!({})).await;
    let healthy: i64 = count(&mut connection, "connection_state where status in ('healthy', 'degraded')").await;
    assert!(healthy >= 3, "the right ones connect: the password was used as it is\n{}", process.log());
    for path in
        ["/rest/v1/database_connection_health", "/rest/v1/database_connection_errors", "/rest/v1/database_credentials"]
    {
        program.get(path).await;
    }
    let ids: Vec<Uuid> = sqlx::query_scalar("select id from database_credentials")
        .fetch_all(&mut connection)
        .await
        .expect("list connections");
    client.get("/").await;
    for id in ids {
        for path in [format!("/connections/{id}"), format!("/connections/{id}/edit")] {
            client.get(&path).await;
        }
    }
    for command in [&["check"][..], &["self-test"], &["user", "list"]] {
        let output = installation.run(command, "");
        printed.push_str(&String::from_utf8_lossy(&[output.stdout, output.stderr].concat()));
    }
    let (_, log) = process.stop();

    let dump = database.dump();
    let arguments = arguments.stop();
    assert!(dump.contains("by form") && log.contains("trace") | log.contains("TRACE"), "there is something to look at");
    let answers = transcript.lock().expect("transcript").clone();
    assert!(answers.len() > 20);
    let password = Planted::new("the password of a connection", &core);
    let account = Planted::new("the password of the account", &account);
    let token = Planted::new(
        "the token",
        token.trim_start_matches("mrg_").split(['-', '_']).max_by_key(|part| part.len()).expect("a token"),
    );
    for secret in [&password, &account] {
        for (asked, answer) in &answers {
            secret.assert_not_in(&format!("the answer to {asked}"), answer);
        }
        secret.assert_not_in("what the command line printed", printed.as_bytes());
    }
    for secret in [&password, &account, &token] {
        secret.assert_not_in("the dump", dump.as_bytes());
        secret.assert_not_in("the log", log.as_bytes());
        secret.assert_not_in("the arguments of a process", &arguments);
    }
    let key = master_key();
    let key = key.trim_start_matches("test:").trim_end_matches('=');
    assert!(BASE64_STANDARD.decode(format!("{key}=")).is_ok_and(|bytes| bytes == key_bytes));
    for (place, text) in [("the dump", &dump), ("the log", &log)] {
        assert!(!text.contains(key), "the master key is in {place}");
    }
}

#[test]
fn a_planted_secret_is_found_in_each_form() {
    let secret = "0123456789abcdefABCDEF";
    let planted = Planted::new("a secret", secret);
    for text in [
        format!("before {secret} after"),
        BASE64_STANDARD.encode(format!("x{secret}y")),
        BASE64_STANDARD.encode(format!("xx{secret}yy")),
        BASE64_STANDARD.encode(format!("xxx{secret}y")),
        secret.bytes().map(|byte| format!("{byte:02x}")).collect(),
    ] {
        let found = std::panic::catch_unwind(|| planted.assert_not_in("a test", text.as_bytes()));
        assert!(found.is_err(), "{text}");
    }
}
