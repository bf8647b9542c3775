//! Analyses and retries on the wire, and `mooring diagnose`.

use std::{io::ErrorKind, net::TcpListener, time::Duration};

use http::StatusCode;
use mooring::{auth::Scope, ids::ConnectionId};
use serde_json::{Value, json};
use sqlx::Row as _;
use uuid::Uuid;

use crate::support::{
    app::TestApp,
    certificates::Authority,
    client::Client,
    fault::with,
    hosted::{self, StandIn},
    mariadb::{MariaDbOptions, TargetMariaDb},
    mongodb::{MongoDbOptions, TargetMongoDb},
    mooring::Installation,
    postgres::{PASSWORD, PostgresOptions, TargetPostgres},
    server_process::Port,
};

const ANALYZE: &str = "/functions/v1/analyze-database-error";
const RETRY: &str = "/functions/v1/intelligent-retry-connection";

async fn post(client: &Client, path: &str, body: &Value) -> Value {
    let answer = client.post_json(path, body).await;
    assert_eq!(answer.status, StatusCode::OK, "{body}: {}", answer.text());
    answer.json()
}

fn cause_of(answer: &Value) -> &str {
    answer["analysis"]["cause"].as_str().expect("a cause")
}

fn patches(answer: &Value) -> Vec<&Value> {
    let fixes = answer["suggestedFixes"].as_array().expect("fixes");
    fixes.iter().map(|fix| &fix["patch"]).filter(|patch| !patch.is_null()).collect()
}

#[tokio::test]
async fn a_message_alone_is_analysed_and_kept() {
    let app = TestApp::start().await;
    let owner = app.user("owner@example.org").await;
    let client = app.with_token(&owner, Scope::Full).await;
    let body = json!({
        "errorMessage": "connect ECONNREFUSED 10.0.0.5:5432 (postgres://app:hunter2@10.0.0.5/shop)",
        "provider": "postgresql",
        "credentials": {"host": "10.0.0.5", "port": 5433, "database": "shop"},
    });
    let answer = post(&client, ANALYZE, &body).await;
    assert_eq!(cause_of(&answer), "connection_refused");
    assert_eq!(answer["analysis"]["isTransient"], true);
    assert_eq!(answer["analysis"]["severity"], "warning");
    assert_eq!(answer["analysis"]["sources"], json!(["rules"]));
    assert_eq!(answer["analysis"]["evidence"], json!([]));
    assert_eq!(answer["analysis"]["model"], Value::Null);
    assert_eq!(patches(&answer), [&json!({"port": 5432})]);
    for fix in answer["suggestedFixes"].as_array().expect("fixes") {
        assert_eq!(fix["verification"]["status"], "untested");
        assert_eq!(fix["source"], "rules");
        assert!(fix["steps"].as_array().is_some_and(|steps| !steps.is_empty()), "{fix}");
    }
    let row = sqlx::query(
        "select user_id, error_message, cause, ai_analysis, resolved from database_connection_errors where id = $1",
    )
    .bind(answer["errorId"].as_str().and_then(|id| id.parse::<Uuid>().ok()).expect("an id"))
    .fetch_one(&mut app.database.connect().await)
    .await
    .expect("the row");
    assert_eq!(row.get::<Uuid, _>("user_id"), owner.user_id().expect("an account").0);
    assert_eq!(row.get::<Value, _>("ai_analysis"), answer["analysis"]);
    assert!(!row.get::<bool, _>("resolved"));
    let message: String = row.get("error_message");
    assert!(message.contains("ECONNREFUSED") && !message.contains("hunter2"), "{message}");
}

#[tokio::test]
async fn a_stored_connection_gives_evidence_and_patches() {
    let app = TestApp::start().await;
    let owner = app.user("owner@example.org").await;
    let client = app.with_token(&owner, Scope::Full).await;
    let server = TargetPostgres::start(&PostgresOptions::default());
    server.execute("create database \"Shop\"").await;
    let mut settings = server.credentials();
    let good = app.connection(&owner, "good", "postgresql", &settings).await;
    settings["database"] = json!("shop");
    let id = app.connection(&owner, "shop", "postgresql", &settings).await;

    let body = json!({"errorMessage": "it does not work", "provider": "postgresql", "credentialId": id.to_string()});
    let answer = post(&client, ANALYZE, &body).await;
    assert_eq!(cause_of(&answer), "database_not_found");
    assert_eq!(answer["analysis"]["severity"], "critical");
    assert_eq!(answer["analysis"]["sources"], json!(["evidence", "rules"]));
    assert_eq!(patches(&answer).first(), Some(&&json!({"database": "Shop"})));
    let evidence = answer["analysis"]["evidence"].as_array().expect("evidence");
    let phases: Vec<&str> = evidence.iter().filter_map(|line| line["phase"].as_str()).collect();
    assert!(["dns", "tcp", "auth", "database"].iter().all(|phase| phases.contains(phase)), "{phases:?}");
    assert!(evidence.iter().any(|line| line["outcome"] == "failed" && line["phase"] == "database"), "{evidence:?}");
    assert!(!answer.to_string().contains(PASSWORD));
    // The same open cause is the same row.
    assert_eq!(post(&client, ANALYZE, &body).await["errorId"], answer["errorId"]);
    assert_eq!(server.connections_named("mooring").await, 0);

    // What repeats the endpoint keeps the stored password.
    let repeated = json!({
        "errorMessage": "FATAL: password authentication failed for user \"app\"", "provider": "postgresql",
        "credentialId": good.to_string(), "credentials": {"host": "127.0.0.1", "port": server.port(), "database": "app"},
    });
    let answer = post(&client, ANALYZE, &repeated).await;
    assert_eq!((cause_of(&answer), &answer["analysis"]["severity"]), ("auth_wrong_password", &json!("info")));
    assert!(answer["analysis"]["explanation"].as_str().is_some_and(|text| text.starts_with("It works now")));
    let resolved: bool = sqlx::query_scalar("select resolved from database_connection_errors where id = $1::uuid")
        .bind(answer["errorId"].as_str())
        .fetch_one(&mut app.database.connect().await)
        .await
        .expect("the row");
    assert!(resolved, "what works now is open");
}

#[tokio::test]
async fn another_endpoint_does_not_get_the_stored_password() {
    let app = TestApp::start().await;
    let owner = app.user("owner@example.org").await;
    let client = app.with_token(&owner, Scope::Full).await;
    let stored = json!({"host": "127.0.0.1", "port": Port::take().number(), "username": "app", "password": PASSWORD, "tls": "disable"});
    let id = app.connection(&owner, "stored", "postgresql", &stored).await;
    let elsewhere = TcpListener::bind("127.0.0.1:0").expect("a free port");
    elsewhere.set_nonblocking(true).expect("look without waiting");
    let port = elsewhere.local_addr().expect("its address").port();
    for given in [json!({"port": port}), json!({"url": format!("postgres://app@127.0.0.1:{port}/app")})] {
        let body = json!({"errorMessage": "x", "provider": "postgresql", "credentialId": id.to_string(), "credentials": given});
        let answer = post(&client, ANALYZE, &body).await;
        assert_eq!(answer["analysis"]["evidence"], json!([]), "{given}");
        let refused = client.post_json(RETRY, &json!({"credentialId": id.to_string(), "credentials": given})).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{}", refused.text());
        assert_eq!(elsewhere.accept().map(|_| ()).map_err(|error| error.kind()), Err(ErrorKind::WouldBlock));
    }
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused_with_its_field() {
    let app = TestApp::start().await;
    let (owner, other) = (app.user("owner@example.org").await, app.user("other@example.org").await);
    let client = app.with_token(&owner, Scope::Full).await;
    let settings = json!({"host": "127.0.0.1", "username": "u", "password": "p"});
    let theirs = app.connection(&other, "theirs", "postgresql", &settings).await.to_string();
    let mine = app.connection(&owner, "mine", "postgresql", &settings).await.to_string();
    let stranger = other.user_id().expect("an account").to_string();
    for (path, body, status) in [
        (ANALYZE, json!({}), 400),
        (ANALYZE, json!({"errorMessage": "  ", "provider": "mysql"}), 400),
        (ANALYZE, json!({"errorMessage": "x"}), 400),
        (ANALYZE, json!({"errorMessage": "x", "provider": "oracle"}), 400),
        (ANALYZE, json!({"errorMessage": 5, "provider": "mysql"}), 400),
        (ANALYZE, json!({"errorMessage": "x", "provider": "mysql", "credentials": "text"}), 400),
        (ANALYZE, json!({"errorMessage": "x", "provider": "mysql", "credentials": {"host": "h", "port": "many"}}), 400),
        (ANALYZE, json!({"errorMessage": "x", "provider": "mysql", "credentialId": mine}), 400),
        (ANALYZE, json!({"errorMessage": "x", "provider": "postgresql", "credentialId": "7"}), 400),
        (ANALYZE, json!({"errorMessage": "x", "provider": "postgresql", "credentialId": theirs}), 404),
        (ANALYZE, json!({"errorMessage": "x", "provider": "postgresql", "credentialId": Uuid::new_v4()}), 404),
        (RETRY, json!({}), 400),
        (RETRY, json!({"provider": "mysql", "credentials": {"host": "h"}}), 400),
        (RETRY, json!({"credentialId": theirs}), 404),
        (RETRY, json!({"credentialId": mine, "userId": stranger}), 404),
        (RETRY, json!({"credentialId": mine, "userId": "me"}), 400),
    ] {
        let answer = client.post_json(path, &body).await;
        assert_eq!(answer.status.as_u16(), status, "{body}: {}", answer.text());
        assert!(answer.json()["message"].as_str().is_some_and(|message| !message.is_empty()));
    }
    for scope in [Scope::Read, Scope::Cron] {
        let narrow = app.with_token(&owner, scope).await;
        for path in [ANALYZE, RETRY] {
            let body = json!({"errorMessage": "x", "provider": "mysql", "credentialId": mine});
            assert_eq!(narrow.post_json(path, &body).await.status, StatusCode::FORBIDDEN, "{scope:?} {path}");
        }
    }
}

async fn attempts(app: &TestApp, id: ConnectionId) -> Vec<(i32, bool, String)> {
    let rows = sqlx::query(
        "select attempt_number, success, origin from database_connection_retries
          where credential_id = $1 order by attempted_at, attempt_number",
    )
    .bind(id.0)
    .fetch_all(&mut app.database.connect().await)
    .await
    .expect("the attempts");
    rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect()
}

#[tokio::test]
async fn a_retry_waits_longer_each_time_until_the_breaker_opens() {
    let app = TestApp::start().await;
    let owner = app.user("owner@example.org").await;
    let client = app.with_token(&owner, Scope::Full).await;
    let port = Port::take();
    let refusing =
        json!({"host": "127.0.0.1", "port": port.number(), "username": "u", "password": "p", "tls": "disable"});
    let id = app.connection(&owner, "refusing", "postgresql", &refusing).await;
    let user = owner.user_id().expect("an account").to_string();
    let body = json!({"credentialId": id.to_string(), "userId": user});

    let first = post(&client, RETRY, &body).await;
    assert_eq!((&first["success"], &first["totalAttempts"]), (&json!(false), &json!(5)));
    assert_eq!(first["stoppedBecause"], "attempts_used");
    let delays: Vec<u64> = first["attempts"]
        .as_array()
        .expect("attempts")
        .iter()
        .map(|attempt| {
            assert_eq!((&attempt["cause"], &attempt["isTransient"]), (&json!("connection_refused"), &json!(true)));
            attempt["backoffDelayMs"].as_u64().expect("a delay")
        })
        .collect();
    for (delay, meant) in delays.iter().zip([0, 1_000, 2_000, 4_000, 8_000]) {
        assert!((meant * 9 / 10..=meant * 11 / 10).contains(delay), "{delays:?}");
    }
    assert_eq!(
        first["circuitBreaker"],
        json!({"state": "closed", "failuresLastHour": 5, "limit": 10, "openUntil": null})
    );
    let rows = attempts(&app, id).await;
    assert_eq!(rows, (1..=5).map(|number| (number, false, "retry".to_owned())).collect::<Vec<_>>());

    let second = post(&client, RETRY, &body).await;
    assert_eq!((&second["totalAttempts"], &second["circuitBreaker"]["state"]), (&json!(5), &json!("open")));
    assert!(second["circuitBreaker"]["openUntil"].as_str().is_some_and(|until| until.contains('T')));
    let third = post(&client, RETRY, &body).await;
    assert_eq!((&third["totalAttempts"], &third["stoppedBecause"]), (&json!(0), &json!("circuit_open")));
    assert_eq!(attempts(&app, id).await.len(), 10);

    // After an hour, one trial.
    app.advance(Duration::from_secs(3_601)).await;
    let trial = post(&client, RETRY, &body).await;
    assert_eq!((&trial["totalAttempts"], &trial["stoppedBecause"]), (&json!(1), &json!("circuit_open")));
    assert_eq!(trial["circuitBreaker"]["state"], "open");
}

/// The request is answered in time, whatever waits the operator set.
#[tokio::test]
async fn a_retry_begins_no_attempt_for_which_there_is_no_time() {
    let app = TestApp::with(&[
        ("MOORING_RETRY_INITIAL_DELAY_MS", "180000"),
        ("MOORING_RETRY_MAX_DELAY_MS", "180000"),
        ("MOORING_RETRY_JITTER_FACTOR", "0"),
    ])
    .await;
    let owner = app.user("owner@example.org").await;
    let client = app.with_token(&owner, Scope::Full).await;
    let port = Port::take();
    let refusing =
        json!({"host": "127.0.0.1", "port": port.number(), "username": "u", "password": "p", "tls": "disable"});
    let id = app.connection(&owner, "refusing", "postgresql", &refusing).await;
    for body in [json!({"credentialId": id.to_string()}), json!({"provider": "postgresql", "credentials": refusing})] {
        let answer = post(&client, RETRY, &body).await;
        assert_eq!((&answer["success"], &answer["totalAttempts"]), (&json!(false), &json!(1)), "{answer}");
        assert_eq!(
            (&answer["stoppedBecause"], &answer["attempts"][0]["isTransient"]),
            (&json!("attempts_used"), &json!(true))
        );
    }
    assert_eq!(attempts(&app, id).await.len(), 1);
}

#[tokio::test]
async fn a_retry_stops_where_trying_again_cannot_help_and_where_it_connects() {
    let app = TestApp::start().await;
    let owner = app.user("owner@example.org").await;
    let client = app.with_token(&owner, Scope::Full).await;
    let server = TargetPostgres::start(&PostgresOptions::default());
    let good = server.credentials();
    let mut wrong = good.clone();
    wrong["password"] = json!("wrong");

    let id = app.connection(&owner, "wrong", "postgresql", &wrong).await;
    let answer = post(&client, RETRY, &json!({"credentialId": id.to_string()})).await;
    assert_eq!((&answer["totalAttempts"], &answer["stoppedBecause"]), (&json!(1), &json!("not_transient")));

    let id = app.connection(&owner, "good", "postgresql", &good).await;
    let answer = post(&client, RETRY, &json!({"credentialId": id.to_string(), "provider": "postgresql"})).await;
    assert_eq!((&answer["success"], &answer["stoppedBecause"]), (&json!(true), &json!("connected")));
    assert!(answer["responseTimeMs"].as_u64().is_some_and(|ms| ms > 0));
    assert_eq!(attempts(&app, id).await, [(1, true, "retry".to_owned())]);
    let status: String = sqlx::query_scalar("select status from connection_state where credential_id = $1")
        .bind(id.0)
        .fetch_one(&mut app.database.connect().await)
        .await
        .expect("its state");
    assert_eq!(status, "healthy");

    // Settings that are nowhere stored are tried as they come.
    let answer = post(&client, RETRY, &json!({"provider": "postgresql", "credentials": good})).await;
    assert_eq!((&answer["success"], &answer["totalAttempts"]), (&json!(true), &json!(1)));
    assert_eq!(answer["circuitBreaker"]["state"], "closed");
    assert_eq!(server.connections_named("mooring").await, 0);
}

#[test]
fn the_command_line_takes_a_connection_apart_without_a_database_of_its_own() {
    let server = TargetPostgres::start(&PostgresOptions::default());
    let port = Port::take();
    // Nobody listens at its own database.
    let mooring = Installation::at("postgres://nobody@127.0.0.1:1/nothing");
    let url = |port: u16, database: &str| {
        format!("postgresql://app:{PASSWORD}@127.0.0.1:{port}/{database}?sslmode=disable\n")
    };
    let run = |arguments: &[&str], input: &str| {
        let output = mooring.run(arguments, input);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (printed, said) = (text(&output.stdout), text(&output.stderr));
        assert!(!printed.contains(PASSWORD) && !said.contains(PASSWORD), "{printed}\n{said}");
        (output.status.code(), printed, said)
    };

    let (status, printed, _) = run(&["diagnose", "-"], &url(server.port(), "app"));
    assert_eq!(status, Some(0), "{printed}");
    assert!(printed.contains("It connects") && printed.contains("Privileges"), "{printed}");

    let (status, printed, said) = run(&["diagnose", url(port.number(), "app").trim()], "");
    assert_eq!(status, Some(1), "{printed}\n{said}");
    assert!(printed.contains("connection_refused") && printed.contains("What to do"), "{printed}");
    assert!(said.contains("ps"), "no word about arguments: {said}");

    let (status, printed, _) = run(&["diagnose", "-", "--json"], &url(server.port(), "missing"));
    assert_eq!(status, Some(1));
    let object: Value = serde_json::from_str(&printed).expect("one JSON object");
    assert_eq!((&object["connected"], &object["analysis"]["cause"]), (&json!(false), &json!("database_not_found")));
    let stages: Vec<&str> =
        object["stages"].as_array().expect("stages").iter().filter_map(|stage| stage["stage"].as_str()).collect();
    assert_eq!(stages, ["name", "addresses", "tcp", "protocol", "tls", "login", "database"]);
    assert!(object["findings"]["databases"].as_array().is_some_and(|names| names.contains(&json!("app"))), "{object}");

    for nonsense in ["nonsense", "ftp://db.example.org", ""] {
        let (status, printed, said) = run(&["diagnose", "-"], nonsense);
        assert_eq!((status, printed.as_str()), (Some(2), ""), "{nonsense:?}: {said}");
    }
}

/// What no address can hold: keys, authorities, emulators, files; and a fault of each provider.
#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_takes_every_kind_of_connection_apart() {
    let mariadb = TargetMariaDb::start(&MariaDbOptions::default());
    let mongodb = TargetMongoDb::start(&MongoDbOptions::default());
    let authority = Authority::new("Tests");
    let postgres = TargetPostgres::start(&PostgresOptions {
        tls: Some(authority.issue(&["localhost"], None)),
        ..PostgresOptions::default()
    });
    let supabase = StandIn::in_the_clear(|_| hosted::json(401, &json!({"message": "Invalid API key"}))).await;
    let firestore = StandIn::in_the_clear(|_| {
        let message = "The database (default) does not exist for project demo-shop";
        hosted::json(404, &json!({"error": {"code": 404, "message": message, "status": "NOT_FOUND"}}))
    })
    .await;
    let port = Port::take();
    let tls = |more: Value| {
        let good = json!({
            "provider": "postgresql", "host": "localhost", "port": postgres.port(), "database": "app", "username": "app",
            "password": PASSWORD, "tls": "verify-full",
        });
        with(&good, more).to_string()
    };
    let broken_account = json!({
        "type": "service_account", "project_id": "shop-1", "private_key": "hunter2", "client_email": "a@shop-1.iam",
    });
    let keys =
        json!({"provider": "supabase", "url": format!("http://{}", supabase.address), "anonKey": "sb_publishable_a"});
    let emulator = json!({
        "provider": "firebase",
        "credentials": {"projectId": "demo-shop", "emulatorHost": firestore.address.to_string()},
    });
    let faults = [
        ("PostgreSQL in order", tls(json!({"caCertificate": authority.certificate()})), None),
        ("PostgreSQL of an unknown authority", tls(json!({})), Some("tls_cert_untrusted")),
        (
            "MariaDB by my.cnf",
            format!("[client]\nhost=127.0.0.1\nport={}\nuser=app\npassword=wrong\nssl-mode=DISABLED\n", mariadb.port()),
            Some("auth_wrong_password"),
        ),
        (
            "MongoDB by .env",
            format!(
                "MONGODB_URI=\"mongodb://127.0.0.1:{},127.0.0.1:{}/app?tls=false\"\n",
                port.number(),
                mongodb.port()
            ),
            Some("credentials_missing"),
        ),
        ("Supabase by its keys", keys.to_string(), Some("invalid_api_key")),
        ("an emulator of Firebase", emulator.to_string(), Some("database_not_found")),
    ];
    let mooring = Installation::at("postgres://nobody@127.0.0.1:1/nothing");
    let run = |arguments: &[&str], input: &str| {
        let output = mooring.run(arguments, input);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    for (fault, input, cause) in faults {
        let (status, printed, said) = run(&["diagnose", "-", "--json"], &input);
        assert_eq!(status, Some(i32::from(cause.is_some())), "{fault}: {printed}\n{said}");
        let object: Value = serde_json::from_str(&printed).expect("one JSON object");
        assert_eq!(object["analysis"]["cause"].as_str(), cause, "{fault}: {object}");
        let stages = object["stages"].as_array().expect("stages");
        // Each address by itself, whatever the provider.
        let tcp = stages.iter().find(|stage| stage["stage"] == "tcp").expect("TCP");
        assert!(tcp["subject"].as_str().is_some_and(|subject| subject.contains(':')), "{fault}: {stages:?}");
        assert!(stages.iter().any(|stage| stage["stage"] == "addresses"), "{fault}: {stages:?}");
        assert!(!printed.contains(PASSWORD) && !said.contains(PASSWORD), "{fault}: {printed}\n{said}");
        // One spelling throughout.
        assert!(!keys_of(&object).iter().any(|key| key.contains('_')), "{fault}: {object}");
        if let Some(failure) = object["failure"].as_object() {
            assert!(failure["alsoPossible"].is_array(), "{fault}: {failure:?}");
        }
        for certificate in object["tls"]["chain"].as_array().into_iter().flatten() {
            let from = certificate["notBefore"].as_str().expect("a time");
            assert!(from.ends_with('Z') && certificate["notAfter"].as_str() > Some(from), "{fault}: {certificate}");
        }
    }
    let (status, printed, said) = run(&["diagnose", "-"], &broken_account.to_string());
    assert_eq!((status, printed.as_str()), (Some(2), ""), "{said}");
    assert!(said.contains("private_key") && !said.contains("hunter2"), "{said}");
}

/// The names of all fields in `value`; what is in a patch has names of the wire already.
fn keys_of(value: &Value) -> Vec<&str> {
    match value {
        Value::Object(object) => {
            object.iter().flat_map(|(key, value)| std::iter::once(key.as_str()).chain(keys_of(value))).collect()
        }
        Value::Array(items) => items.iter().flat_map(keys_of).collect(),
        _ => Vec::new(),
    }
}
