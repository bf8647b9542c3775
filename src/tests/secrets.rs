//! A planted password is found nowhere: not in a dump of the database, not in the logs, not in any answer, not
//! among the arguments of any process; not in clear and not encoded.

use std::{
    collections::BTreeSet,
    fs,
    process::Output,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use mooring::server::wire::rest::tables::TABLES;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::support::{
    app::master_key,
    client::{Client, Server, Transcript, server_function},
    cluster::TestDatabase,
    mariadb::{MariaDbOptions, TargetMariaDb},
    mooring::{Installation, Mooring},
    postgres::{PostgresOptions, TargetPostgres, USER},
    rows::count,
};

const EMAIL: &str = "owner@example.org";
/// How long the first checks may take, on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_mins(2);

/// Something secret, with all the forms in which it could be written down.
struct Planted {
    what: &'static str,
    forms: Vec<Vec<u8>>,
}

impl Planted {
    /// `secret` has letters and digits only, so that percent-encoding and JSON leave it as it is.
    fn new(what: &'static str, secret: &str) -> Self {
        assert!(secret.len() >= 16 && secret.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{what}");
        let reversed: String = secret.chars().rev().collect();
        let mut forms = vec![secret.to_owned(), hexadecimal(secret, ""), hexadecimal(secret, "%"), reversed];
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

/// Each byte in hexadecimal, with `before` in front of it.
fn hexadecimal(text: &str, before: &str) -> String {
    let bytes: Vec<String> = text.bytes().map(|byte| format!("{before}{byte:02x}")).collect();
    bytes.concat()
}

/// The arguments of every process that ran meanwhile, each line once.
struct Arguments {
    over: Arc<AtomicBool>,
    watcher: thread::JoinHandle<BTreeSet<Vec<u8>>>,
}

impl Arguments {
    fn watch() -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let watcher = thread::spawn({
            let over = Arc::clone(&over);
            move || {
                let mut seen = BTreeSet::new();
                while !over.load(Ordering::Relaxed) {
                    let processes = fs::read_dir("/proc").expect("list processes").filter_map(Result::ok);
                    seen.extend(processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok()));
                    thread::sleep(Duration::from_millis(10));
                }
                seen
            }
        });
        Self { over, watcher }
    }

    fn stop(self) -> Vec<u8> {
        self.over.store(true, Ordering::Relaxed);
        let seen: Vec<Vec<u8>> = self.watcher.join().expect("the watcher ends").into_iter().collect();
        seen.concat()
    }
}

/// Two targets whose password is the planted one, and an installation that logs all that can be logged.
struct Stage {
    /// What is looked for in the password; letters and digits.
    core: String,
    password: String,
    account: String,
    database: TestDatabase,
    postgres: TargetPostgres,
    mariadb: TargetMariaDb,
    installation: Installation,
    transcript: Transcript,
    /// Everything that the command line printed.
    printed: String,
}

impl Stage {
    async fn set() -> Self {
        let core = Uuid::new_v4().simple().to_string();
        // With what URLs, forms, JSON and SQL have to encode.
        let password = format!("p@ss/{core}%+&\"'\\ é");
        let database = TestDatabase::fresh().await;
        let postgres = TargetPostgres::start(&PostgresOptions::default());
        postgres.execute(&format!("alter role {USER} password '{}'", password.replace('\'', "''"))).await;
        let mariadb = TargetMariaDb::start(&MariaDbOptions {
            sql: vec![format!(
                "alter user {}@'%' identified by '{}';",
                crate::support::mariadb::USER,
                password.replace('\\', "\\\\").replace('\'', "\\'")
            )],
            ..MariaDbOptions::default()
        });
        Self {
            core,
            password,
            account: format!("{}Account", Uuid::new_v4().simple()),
            installation: Installation::on(&database).with("RUST_LOG", "trace"),
            database,
            postgres,
            mariadb,
            transcript: Transcript::default(),
            printed: String::new(),
        }
    }

    /// The settings of a target with the planted password and these fields changed.
    fn settings(&self, target: &Value, change: &Value) -> Value {
        let mut settings = target.clone();
        settings["password"] = json!(self.password);
        for (field, value) in change.as_object().expect("an object") {
            settings[field] = value.clone();
        }
        settings
    }

    fn keep(&mut self, output: &Output) {
        for printed in [&output.stdout, &output.stderr] {
            self.printed.push_str(&String::from_utf8_lossy(printed));
        }
    }

    /// Stores connections by the command line and by SQL, most of which cannot connect; answers an API token.
    async fn store(&mut self) -> String {
        let add = ["user", "add", EMAIL, "--admin", "--password-stdin"];
        self.keep(&self.installation.run(&add, &self.account));
        let token = self.installation.must(&["token", "add", EMAIL, "--name", "tests"], "");
        let (postgres, mariadb) = (self.postgres.credentials(), self.mariadb.credentials());
        for (name, provider, target, change) in [
            ("right", "postgresql", &postgres, json!({})),
            ("right too", "mysql", &mariadb, json!({})),
            ("wrong user", "postgresql", &postgres, json!({"username": "nobody"})),
            ("wrong user too", "mysql", &mariadb, json!({"username": "nobody"})),
            ("wrong database", "postgresql", &postgres, json!({"database": "nothing"})),
            ("wrong database too", "mysql", &mariadb, json!({"database": "nothing"})),
            ("wrong port", "postgresql", &postgres, json!({"port": 1})),
            ("wrong protocol", "mysql", &mariadb, json!({"port": self.postgres.port()})),
            ("no TLS there", "postgresql", &postgres, json!({"tls": "require"})),
        ] {
            let add = ["connection", "add", EMAIL, "--name", name, "--provider", provider, "--settings-stdin"];
            self.keep(&self.installation.run(&add, &self.settings(target, &change).to_string()));
        }
        // In clear; the server seals it when it starts.
        sqlx::query(
            "insert into database_credentials (user_id, provider, connection_name, credentials)
             select id, 'postgresql', 'by SQL', $1 from users",
        )
        .bind(self.settings(&postgres, &json!({})))
        .execute(&mut self.database.connect().await)
        .await
        .expect("insert a plaintext row");
        token
    }

    /// Sends forms with the passwords: good ones, bad ones, with scripts and without.
    async fn send_forms(&self, client: &Client) {
        let sign_in = server_function("sign_in");
        client.post_form(&sign_in, &[("email", EMAIL), ("password", &format!("not {}", self.account))]).await;
        client.post_form(&sign_in, &[("email", EMAIL), ("password", &self.account)]).await;
        let save = server_function("save_connection");
        let port = self.postgres.port().to_string();
        let names =
            [("by form", "127.0.0.1"), ("", "127.0.0.1"), ("nowhere", "no such host"), ("refused", "169.254.169.254")];
        for (name, host) in names {
            for intent in ["test", ""] {
                let fields = [
                    ("provider", "postgresql"),
                    ("name", name),
                    ("host", host),
                    ("port", &port),
                    ("database", "app"),
                    ("username", USER),
                    ("password", &self.password),
                    ("tls", "disable"),
                    ("intent", intent),
                ];
                let answer = client.post_form(&save, &fields).await;
                // Back to the form, with what was typed.
                if let Some(next) = answer.location().and_then(|next| next.find("/connections").map(|at| &next[at..])) {
                    client.get(next).await;
                }
            }
        }
        let pasted = format!("postgres://{USER}:{}@127.0.0.1:{port}/app", self.core);
        client.post_form(&save, &[("provider", "postgresql"), ("name", "pasted"), ("pasted", &pasted)]).await;
        let form = json!({"form": {
            "provider": "postgresql", "host": "127.0.0.1", "port": port, "username": USER, "password": self.password,
        }});
        client.post_json(&server_function("test_connection"), &form).await;
    }

    /// Waits until everything is sealed and was checked.
    async fn await_checks(&self, process: &Mooring) {
        let mut connection = self.database.connect().await;
        let begun = Instant::now();
        while count(&mut connection, "database_credentials where not credentials ? '$sealed'").await > 0
            || count(&mut connection, "connection_state where last_check_at is null").await > 0
        {
            assert!(begun.elapsed() < PATIENCE, "not everything is sealed and checked\n{}", process.log());
            sleep(Duration::from_millis(100)).await;
        }
        let states: Vec<String> = sqlx::query_scalar(
            "select concat_ws(' ', connection_name || ':', status, cause, error_message)
               from database_credentials join connection_state on credential_id = id",
        )
        .fetch_all(&mut connection)
        .await
        .expect("list states");
        for name in ["right", "right too", "by form", "by SQL"] {
            let is_up = |state: &String| {
                state.starts_with(&format!("{name}: healthy")) || state.starts_with(&format!("{name}: degraded"))
            };
            assert!(states.iter().any(is_up), "the password of {name} is not used as it is: {states:#?}");
        }
    }

    /// Reads every page, table and command that could show something of a connection.
    async fn read_everything(&mut self, client: &Client, program: &Client) {
        program.post_json("/functions/v1/proactive-health-monitor", &json!({})).await;
        for table in TABLES {
            program.get(&format!("/rest/v1/{}", table.name)).await;
        }
        let ids: Vec<Uuid> = sqlx::query_scalar("select id from database_credentials")
            .fetch_all(&mut self.database.connect().await)
            .await
            .expect("list connections");
        client.get("/").await;
        for id in ids {
            for page in [format!("/connections/{id}"), format!("/connections/{id}/edit")] {
                client.get(&page).await;
            }
        }
        for command in [&["check"][..], &["self-test"], &["user", "list"]] {
            self.keep(&self.installation.run(command, ""));
        }
    }
}

#[tokio::test]
async fn a_planted_password_is_found_nowhere() {
    let mut stage = Stage::set().await;
    let arguments = Arguments::watch();
    let token = stage.store().await;
    let process = stage.installation.serve();
    let client = Client::new(Server::At(process.address), &stage.transcript);
    let program = Client::new(Server::At(process.address), &stage.transcript).with_token(&token);
    stage.send_forms(&client).await;
    stage.await_checks(&process).await;
    stage.read_everything(&client, &program).await;
    let (_, log) = process.stop();
    let (dump, arguments) = (stage.database.dump(), arguments.stop());

    let answers = stage.transcript.lock().expect("transcript").clone();
    assert!(dump.contains("by form") && log.contains("TRACE") && answers.len() > 20, "there is something to look at");
    for secret in
        [Planted::new("the connections' password", &stage.core), Planted::new("the account's password", &stage.account)]
    {
        for (asked, answer) in &answers {
            secret.assert_not_in(&format!("the answer to {asked}"), answer);
        }
        secret.assert_not_in("what the command line printed", stage.printed.as_bytes());
        secret.assert_not_in("the dump", dump.as_bytes());
        secret.assert_not_in("the log", log.as_bytes());
        secret.assert_not_in("the arguments of a process", &arguments);
    }
    let key = master_key();
    let key = key.trim_start_matches("test:");
    for (place, text) in [("the dump", &dump), ("the log", &log)] {
        assert!(!text.contains(key), "the master key is in {place}");
        assert!(!text.contains(&token), "the token is in {place}");
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
        hexadecimal(secret, ""),
    ] {
        let found = std::panic::catch_unwind(|| planted.assert_not_in("a test", text.as_bytes()));
        assert!(found.is_err(), "{text}");
    }
}
