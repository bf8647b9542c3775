//! What an operator does: running without a database of one's own, master keys, backup and restore; with the
//! real binary.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::support::{
    cluster::TestDatabase,
    mooring::{Installation, Mooring},
    rows::{add_user, count},
};

const PASSWORD: &str = "quiet harbour lantern 47 moss";
const SETTINGS: &str = r#"{"host": "127.0.0.1", "port": 1, "username": "app", "password": "planted-secret-1"}"#;

/// An installation without a database of its own and without a key: both are in the data folder.
fn private() -> Installation {
    Installation::at("").with("MOORING_MASTER_KEY", "")
}

fn cluster(installation: &Installation) -> PathBuf {
    installation.folder().join("postgres/data")
}

fn runs(installation: &Installation) -> bool {
    cluster(installation).join("postmaster.pid").exists()
}

/// Runs a command that has to fail; answers its one line.
fn refused(installation: &Installation, arguments: &[&str]) -> String {
    let output = installation.run(arguments, "");
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "mooring {arguments:?}\n{log}");
    let mut lines = log.lines().filter_map(|line| line.strip_prefix("mooring: "));
    let line = lines.next().unwrap_or_else(|| panic!("no line says why\n{log}")).to_owned();
    assert_eq!(lines.next(), None, "one line is enough\n{log}");
    line
}

/// Checks a connection that nobody answers for; gives the one line of the result, which stands where results do.
fn down(installation: &Installation, id: &str) -> String {
    let output = installation.run(&["check", "--connection", id], "");
    let log = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{log}");
    assert!(!log.contains("mooring: "), "it is no error of the command: {log}");
    let line = String::from_utf8(output.stdout).expect("text");
    assert!(line.starts_with("down: ") && line.trim_end().lines().count() == 1, "{line}");
    line
}

/// Starts the server and waits for its first answer: it listens before its database is there.
fn serve(installation: &Installation) -> Mooring {
    let serving = installation.serve();
    assert_eq!(status(&serving, "/healthz"), 200);
    serving
}

/// The status that the server answers with.
fn status(serving: &Mooring, path: &str) -> u16 {
    let mut stream = TcpStream::connect(serving.address).expect("connect to the server");
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n").expect("ask the server");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("hear from the server");
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("no answer: {answer}"))
}

fn add_account(installation: &Installation, email: &str) {
    installation.must(&["user", "add", email, "--password-stdin"], PASSWORD);
}

fn add_connection(installation: &Installation, email: &str) -> String {
    let arguments = ["connection", "add", email, "--name", "orders", "--provider", "postgresql", "--settings-stdin"];
    installation.must(&arguments, SETTINGS)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("look at a file").permissions().mode() & 0o777
}

#[test]
fn a_private_database_outlives_a_crash_and_stops_with_the_last_that_uses_it() {
    let installation = private();
    add_account(&installation, "a@example.org");
    assert!(!runs(&installation), "a command stops the server that it started");
    for secret in ["master.key", "postgres/password", "postgres/server.log"] {
        assert_eq!(mode(&installation.folder().join(secret)), 0o600, "{secret}");
    }
    let port = fs::read_to_string(installation.folder().join("postgres/port")).expect("a port is chosen");

    let first = serve(&installation);
    assert!(installation.must(&["user", "list"], "").contains("a@example.org"), "a second process finds the server");
    assert!(runs(&installation), "and leaves it to the first");
    first.kill();
    assert!(runs(&installation), "a crash leaves the server running");

    let second = serve(&installation);
    let (status, log) = second.stop();
    assert_eq!(status, Some(0), "{log}");
    assert!(!runs(&installation), "the last one stops it\n{log}");
    assert_eq!(fs::read_to_string(installation.folder().join("postgres/port")).expect("a port"), port);
}

#[test]
fn a_stale_pid_file_is_no_server() {
    let installation = private();
    installation.must(&["migrate"], "");
    // The number of a program that is no PostgreSQL, as after a restart of the machine.
    let stale = format!("{}\n/elsewhere\n1\n1\n\n\n\nready\n", std::process::id());
    fs::write(cluster(&installation).join("postmaster.pid"), stale).expect("leave a stale file");
    installation.must(&["migrate"], "");
}

#[test]
fn a_private_database_that_dies_is_started_again() {
    let installation = private();
    let serving = serve(&installation);
    let pid_file = fs::read_to_string(cluster(&installation).join("postmaster.pid")).expect("a server runs");
    let pid = pid_file.lines().next().and_then(|pid| pid.parse().ok()).and_then(Pid::from_raw).expect("its number");
    kill_process(pid, Signal::KILL).expect("kill the private server");
    let deadline = Instant::now() + Duration::from_secs(30);
    // The state may be looked at before anybody noticed: what counts is that it is another server and answers.
    while fs::read_to_string(cluster(&installation).join("postmaster.pid")).is_ok_and(|now| now == pid_file)
        || status(&serving, "/readyz") != 200
    {
        assert!(Instant::now() < deadline, "nobody started it again");
        thread::sleep(Duration::from_millis(50));
    }
    let (status, log) = serving.stop();
    assert_eq!(status, Some(0), "{log}");
    assert!(!runs(&installation), "the last one stops it\n{log}");
}

#[test]
fn another_major_version_is_refused() {
    let installation = private();
    installation.must(&["migrate"], "");
    fs::write(cluster(&installation).join("PG_VERSION"), "9\n").expect("change the version");
    let line = refused(&installation, &["migrate"]);
    assert!(line.contains("belongs to PostgreSQL 9") && line.contains("installed is"), "{line}");
}

#[test]
fn a_data_folder_that_cannot_be_made_is_refused() {
    let installation = private();
    let file = installation.folder().join("file");
    fs::write(&file, "").expect("make a file");
    let below = file.join("data").display().to_string();
    let line = refused(&private().with("MOORING_DATA_DIR", &below), &["migrate"]);
    assert!(line.starts_with("the data folder cannot be used") && line.contains(&below), "{line}");
}

#[tokio::test]
async fn a_wrong_or_missing_master_key_is_refused() {
    let database = TestDatabase::fresh().await;
    let key = |id: &str, letter: &str| format!("{id}:{}=", letter.repeat(43));
    let with = |list: &str| Installation::on(&database).with("MOORING_MASTER_KEY", list);
    with(&key("a", "A")).must(&["user", "list"], "");
    let wrong = refused(&with(&key("a", "E")), &["user", "list"]);
    assert!(wrong.contains("the master key `a` is not the one"), "{wrong}");
    let missing = refused(&with(&key("b", "E")), &["user", "list"]);
    assert!(missing.contains("the master key `a` is missing"), "{missing}");
    let no_file = Installation::on(&database).with("MOORING_MASTER_KEY", "");
    assert!(refused(&no_file, &["user", "list"]).contains("the master key `a` is missing"));
    assert!(!no_file.folder().join("master.key").exists(), "no new key is made where another one is needed");
    with(&key("a", "A")).must(&["user", "list"], "");
}

#[tokio::test]
async fn a_rotation_brings_everything_under_the_new_key_while_a_server_runs() {
    let database = TestDatabase::fresh().await;
    let installation = Installation::on(&database).with("MOORING_MASTER_KEY", "");
    add_account(&installation, "a@example.org");
    let id = add_connection(&installation, "a@example.org");
    let serving = serve(&installation);
    let mut connection = database.connect().await;
    let under = "database_credentials where credentials ->> 'kid' =";
    let old: String = sqlx::query_scalar("select credentials ->> 'kid' from database_credentials")
        .fetch_one(&mut connection)
        .await
        .expect("the key that it is under");
    let said = installation.must(&["keys", "rotate"], "");
    assert!(said.contains("1 secrets were brought under it") && said.contains(&old), "{said}");
    assert_eq!(count(&mut connection, &format!("{under} '{old}'")).await, 0);
    let facts: Vec<String> = sqlx::query_scalar("select name from mooring_facts where starts_with(name, 'key_check:')")
        .fetch_all(&mut connection)
        .await
        .expect("the check values");
    assert!(facts.len() == 1 && !facts.contains(&format!("key_check:{old}")), "{facts:?}");
    let list = fs::read_to_string(installation.folder().join("master.key")).expect("the key file");
    assert_eq!(list.split(',').count(), 2, "backups from before need the old key");
    // What comes as plaintext is sealed under the new key by the process that was there before.
    let owner = add_user(&mut connection, "b@example.org").await;
    sqlx::query(
        "insert into database_credentials (user_id, provider, connection_name, credentials)
         values ($1, 'postgresql', 'imported', $2)",
    )
    .bind(owner)
    .bind(json!({"host": "127.0.0.1", "port": 1, "password": "planted-secret-2"}))
    .execute(&mut connection)
    .await
    .expect("import a connection");
    let line = down(&installation, &id);
    assert!(line.contains("refused"), "its settings open, and nobody answers there: {line}");
    let (status, log) = serving.stop();
    assert_eq!(status, Some(0), "{log}");
    assert!(!log.contains("planted-secret"), "{log}");
    assert_eq!(count(&mut connection, &format!("{under} '{old}'")).await, 0);
}

#[test]
fn a_backup_comes_back_with_its_key() {
    let from = private();
    add_account(&from, "a@example.org");
    let id = add_connection(&from, "a@example.org");
    let backup = from.folder().join("backup.tar.gz");
    let file = backup.display().to_string();
    from.must(&["backup", &file], "");
    assert_eq!(mode(&backup), 0o600);
    assert!(refused(&from, &["backup", &file]).contains("is there already"));
    assert!(refused(&from, &["restore", &file]).contains("not empty"));

    let to = private();
    to.must(&["restore", &file], "");
    let users = to.must(&["user", "list"], "");
    assert_eq!(users, from.must(&["user", "list"], ""));
    let line = down(&to, &id);
    assert!(line.contains("refused"), "its settings open, and nobody answers there: {line}");
    let key = |installation: &Installation| fs::read(installation.folder().join("master.key")).expect("a key");
    assert!(key(&from) == key(&to), "the key comes with the backup");

    let damaged = to.folder().join("damaged.tar.gz");
    fs::write(&damaged, &fs::read(&backup).expect("the backup")[..100]).expect("cut a backup short");
    let empty = private();
    let line = refused(&empty, &["restore", &damaged.display().to_string()]);
    assert!(line.contains("is no backup of Mooring's, or it is damaged"), "{line}");
    assert!(!empty.folder().join("postgres").exists(), "nothing is made for a file that is no backup");
}

#[tokio::test]
async fn an_account_is_removed_on_the_command_line_with_or_without_its_connections() {
    let database = TestDatabase::fresh().await;
    let installation = Installation::on(&database);
    for email in ["a@example.org", "b@example.org", "c@example.org"] {
        add_account(&installation, email);
    }
    let id = add_connection(&installation, "b@example.org");
    add_connection(&installation, "c@example.org");
    assert!(refused(&installation, &["user", "remove", "a@example.org"]).contains("last administrator"));
    assert!(refused(&installation, &["user", "remove", "nobody@example.org"]).contains("There is no account"));
    let said = installation.must(&["user", "remove", "b@example.org", "--transfer-to", "a@example.org"], "");
    assert!(said.ends_with("transferred to a@example.org: 1."), "{said}");
    let line = down(&installation, &id);
    assert!(line.contains("refused"), "its settings open for the new owner, and nobody answers there: {line}");
    let said = installation.must(&["user", "remove", "c@example.org"], "");
    assert!(said.ends_with("deleted with it: 1."), "{said}");
    let mut connection = database.connect().await;
    assert_eq!(count(&mut connection, "users").await, 1);
    assert_eq!(count(&mut connection, "database_credentials").await, 1);

    add_account(&installation, "d@example.org");
    installation.must(&["user", "role", "d@example.org", "admin"], "");
    installation.must(&["user", "remove", "a@example.org", "--transfer-to", "d@example.org"], "");
    assert!(installation.must(&["user", "list"], "").ends_with("d@example.org\tadmin"));
}
