//! The audit log: what is in it, who reads it, and that nobody changes it unseen.

use std::time::{Duration, Instant};

use http::{Request, StatusCode, header};
use mooring::{
    audit::server::{
        chain::{self, Head},
        verify::{Verification, verify},
    },
    auth::{Scope, server::Caller},
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{
    app::TestApp,
    client::{Answer, Client, PASSWORD, Server, Transcript, percent, server_function},
    cluster::TestDatabase,
    mooring::Installation,
    rows::{count, run},
};

async fn call(client: &Client, function: &str, fields: &[(&str, &str)]) -> Answer {
    let body: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", percent(value))).collect();
    let request = Request::post(server_function(function))
        .header(header::ACCEPT, "application/json")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    client.send(request, body.join("&")).await
}

async fn entries(client: &Client, filter: Value) -> Vec<Value> {
    let answer = client.post_json(&server_function("list_audit"), &json!({ "filter": filter })).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.json()["entries"].as_array().expect("entries").clone()
}

fn field<'e>(entry: &'e Value, name: &str) -> &'e str {
    entry[name].as_str().unwrap_or_default()
}

/// An application with a log of some entries, all in the chain.
async fn recorded() -> TestApp {
    let app = TestApp::start().await;
    let (ada, _) = app.signed_in("ada@example.org").await;
    for _ in 0..4 {
        app.with_token(&ada, Scope::Read).await;
    }
    chain::extend(&app.state).await.expect("the chain goes on").expect("it has a head");
    app
}

async fn verified(app: &TestApp, head: Option<&Head>) -> Verification {
    verify(&Caller::system(&app.state, "tests"), head).await.expect("it can be verified")
}

/// Does what only the owner of the tables can, and only by taking the trigger away.
async fn tamper(app: &TestApp, statement: &str) {
    let mut sql = app.database.connect().await;
    for table in ["database_audit_log", "audit_chain"] {
        run(&mut sql, &format!("alter table {table} disable trigger user")).await;
    }
    run(&mut sql, statement).await;
    for table in ["database_audit_log", "audit_chain"] {
        run(&mut sql, &format!("alter table {table} enable trigger user")).await;
    }
}

#[tokio::test]
async fn a_log_as_it_was_written_verifies_and_grows() {
    let app = recorded().await;
    let first = verified(&app, None).await;
    assert!(first.found == 0 && first.entries == 6 && first.waiting == 0, "{first:?}");
    let head = first.head.expect("a head");
    app.user("bob@example.org").await;
    assert_eq!(verified(&app, None).await.waiting, 1, "it is recorded, and joins the chain in a moment");
    chain::extend(&app.state).await.expect("the chain goes on");
    let second = verified(&app, Some(&head)).await;
    assert!(second.found == 0 && second.entries == 7, "{second:?}");
}

#[tokio::test]
async fn whatever_is_changed_removed_or_moved_is_found() {
    for (what, statement, finding) in [
        (
            "a detail",
            r#"update database_audit_log set details = '{"scope": "full"}' where seq = (select min(seq) + 3 from database_audit_log)"#,
            "Entry 4 (",
        ),
        (
            "the time",
            "update database_audit_log set created_at = created_at - interval '1 microsecond' where seq = (select max(seq) from database_audit_log)",
            "Entry 6 (",
        ),
        (
            "who did it",
            "update database_audit_log set user_id = null where seq = (select min(seq) from database_audit_log)",
            "Entry 1 (",
        ),
        (
            "an entry of the log",
            "delete from database_audit_log where id = (select entry_id from audit_chain where position = 3)",
            "is gone from the log",
        ),
        (
            "an entry and its link",
            "delete from database_audit_log where id = (select entry_id from audit_chain where position = 3);
             delete from audit_chain where position = 3",
            "Entry 3 is gone.",
        ),
        (
            "an entry, closing the gap",
            "delete from database_audit_log where id = (select entry_id from audit_chain where position = 3);
             delete from audit_chain where position = 3;
             update audit_chain set position = -position where position > 3 and false;
             update audit_chain set position = 3 where position = 4; update audit_chain set position = 4 where position = 5;
             update audit_chain set position = 5 where position = 6",
            "Entry 3 (",
        ),
        (
            "two entries, one for the other",
            "update audit_chain set entry_id = gen_random_uuid() where position = 4;
             update audit_chain set entry_id = (select id from database_audit_log order by seq offset 3 limit 1) where position = 5;
             update audit_chain set entry_id = (select id from database_audit_log order by seq offset 4 limit 1) where position = 4",
            "is not in its place",
        ),
        (
            "the last entries",
            "delete from database_audit_log where id in (select entry_id from audit_chain where position > 4);
             delete from audit_chain where position > 4",
            "The last entries are gone: by the data folder the log went to 6 at least.",
        ),
        ("everything", "truncate database_audit_log, audit_chain, audit_pending", "The last entries are gone"),
        (
            "the chain alone",
            "truncate audit_chain",
            "is not in the chain",
        ),
    ] {
        let app = recorded().await;
        tamper(&app, statement).await;
        let found = verified(&app, None).await;
        assert!(found.problems.iter().any(|problem| problem.contains(finding)), "{what}: {found:?}");
        // What is done afterwards does not cover it up.
        app.user("bob@example.org").await;
        let _ = chain::extend(&app.state).await;
        assert!(verified(&app, None).await.found > 0, "{what}");
    }
}

#[tokio::test]
async fn an_entry_that_goes_before_it_joined_the_chain_is_missed() {
    let app = recorded().await;
    app.user("bob@example.org").await;
    tamper(&app, "delete from database_audit_log where id in (select entry_id from audit_pending)").await;
    let found = verified(&app, None).await;
    assert!(found.problems.iter().any(|problem| problem.contains("had not joined the chain yet")), "{found:?}");
}

#[tokio::test]
async fn the_key_is_not_in_the_database_and_without_it_nothing_is_chained() {
    let app = recorded().await;
    let sealed: Value = sqlx::query_scalar("select value from mooring_facts where name = 'audit_key'")
        .fetch_one(&mut app.database.connect().await)
        .await
        .expect("an envelope");
    assert_eq!(sealed["$sealed"], 1, "only the master key opens it");
    run(&mut app.database.connect().await, "delete from mooring_facts where name = 'audit_key'").await;
    app.user("bob@example.org").await;
    assert!(chain::extend(&app.state).await.is_err(), "no other key takes its place");
    assert!(verify(&Caller::system(&app.state, "tests"), None).await.is_err());
}

#[tokio::test]
async fn a_rotation_leaves_the_chain_as_it_is() {
    let database = TestDatabase::fresh().await;
    let installation = Installation::on(&database).with("MOORING_MASTER_KEY", "");
    installation.must(&["user", "add", "a@example.org", "--password-stdin"], PASSWORD);
    let before = installation.must(&["audit", "verify"], "");
    assert!(before.contains("1 entries"), "{before}");
    installation.must(&["keys", "rotate"], "");
    let file = installation.folder().join("master.key");
    let list = std::fs::read_to_string(&file).expect("the keys");
    let (current, _) = list.split_once(',').expect("two keys");
    std::fs::write(&file, current).expect("forget the old key");
    let after = installation.must(&["audit", "verify"], "");
    assert!(after.contains("2 entries"), "{after}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_write_at_the_same_time_and_the_command_finds_what_is_gone() {
    const EACH: usize = 25;
    let database = TestDatabase::fresh().await;
    let installations = [Installation::on(&database), Installation::on(&database)];
    for email in ["a@example.org", "b@example.org"] {
        installations[0].must(&["user", "add", email, "--password-stdin"], PASSWORD);
    }
    let processes = [installations[0].serve(), installations[1].serve()];
    let writers = processes.iter().zip(["a@example.org", "b@example.org"]).map(|(process, email)| {
        let server = Server::At(process.address);
        tokio::spawn(async move {
            let client = Client::new(server, &Transcript::default()).sign_in(email).await;
            for _ in 0..EACH {
                let made = call(&client, "create_token", &[("name", "cron"), ("scope", "read")]).await;
                assert_eq!(made.status, StatusCode::OK, "{}", made.text());
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.expect("it writes");
    }
    let mut sql = database.connect().await;
    let begun = Instant::now();
    while count(&mut sql, "audit_pending").await > 0 {
        assert!(begun.elapsed() < Duration::from_secs(30), "entries do not join the chain");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let entries = count(&mut sql, "database_audit_log").await;
    assert_eq!(entries, 4 + 2 * i64::try_from(EACH).expect("a few"));
    assert_eq!(count(&mut sql, "audit_chain").await, entries);
    for installation in &installations {
        let said = installation.must(&["audit", "verify"], "");
        assert!(said.contains(&format!("{entries} entries")), "{said}");
    }
    for process in processes {
        let (status, log) = process.stop();
        assert_eq!(status, Some(0), "{log}");
        assert!(log.contains("The audit log has"), "its head is in the log\n{log}");
        assert!(!log.contains("deadlock"), "{log}");
    }
    for table in ["database_audit_log", "audit_chain"] {
        run(&mut sql, &format!("alter table {table} disable trigger user")).await;
    }
    run(&mut sql, "delete from database_audit_log where seq = (select max(seq) from database_audit_log)").await;
    run(&mut sql, "delete from audit_chain where position = (select max(position) from audit_chain)").await;
    for installation in &installations {
        let output = installation.run(&["audit", "verify"], "");
        assert_eq!(output.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&output.stdout).contains("The last entries are gone"));
    }
}

/// A file that holds no head may be what is left of a proof: nothing is written over it.
#[tokio::test]
async fn a_head_that_cannot_be_read_is_told_and_kept() {
    let app = recorded().await;
    let file = app.state.config().data_dir.join("audit.head");
    std::fs::write(&file, "not a head").expect("the head is in a file");
    assert!(chain::extend(&app.state).await.is_err(), "the chain goes on over a head that cannot be read");
    let found = verified(&app, None).await;
    assert!(found.problems.iter().any(|problem| problem.contains("cannot be read")), "{found:?}");
    assert_eq!(std::fs::read_to_string(&file).expect("the file"), "not a head");
    std::fs::remove_file(&file).expect("somebody put it right");
    chain::extend(&app.state).await.expect("the chain goes on");
    assert_eq!(verified(&app, None).await.found, 0);
}

#[tokio::test]
async fn sign_ins_changes_and_refusals_are_recorded_with_where_they_came_from() {
    let app = TestApp::with(&[
        ("MOORING_SIGNUP", "open"),
        ("MOORING_EGRESS", "self-hosted"),
        ("MOORING_TRUSTED_PROXIES", "127.0.0.1"),
    ])
    .await;
    let (_, admin) = app.signed_in("admin@example.org").await;
    let (_, member) = app.signed_in("member@example.org").await;
    let form = format!("email=member%40example.org&password={}", percent("not the password"));
    let request = || {
        Request::post(server_function("sign_in"))
            .header(header::ACCEPT, "application/json")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::USER_AGENT, "=cmd|'/c calc'!A0")
            .header("x-forwarded-for", "203.0.113.66, 203.0.113.9")
    };
    let stranger = app.anonymous();
    for tried in 0..30 {
        // The wait of a second is over before the others came, where the machine has much else to do.
        if tried == 5 {
            let longer = "update sign_in_throttle set blocked_until = mooring_now() + interval '1 hour'
                           where blocked_until is not null";
            run(&mut app.database.connect().await, longer).await;
        }
        stranger.send(request(), form.clone()).await;
    }
    let refused =
        call(&member, "change_role", &[("account", "00000000-0000-0000-0000-000000000009"), ("role", "admin")]);
    assert_eq!(refused.await.status, StatusCode::FORBIDDEN);

    let all = entries(&admin, json!({})).await;
    let of = |action: &str, outcome: &str| {
        all.iter()
            .filter(|entry| field(entry, "action") == action && field(entry, "outcome") == outcome)
            .collect::<Vec<_>>()
    };
    assert_eq!(of("account.sign_in", "success").len(), 2);
    let failed = of("account.sign_in", "failed");
    assert_eq!(failed.len(), 5);
    assert_eq!((field(failed[0], "ip"), field(failed[0], "account")), ("203.0.113.9", "member@example.org"));
    assert_eq!(of("account.sign_in", "refused").len(), 10, "that they went on is told, and does not flood the log");
    assert_eq!(of("account.role", "refused").len(), 1, "its own transaction: the refusal did not take it along");
    assert!(!format!("{all:?}").contains("not the password"));

    // What a spreadsheet would run is a text.
    let csv = admin.get("/audit.csv?action=account.sign_in&outcome=failed").await;
    assert_eq!(csv.status, StatusCode::OK);
    assert!(csv.headers[header::CONTENT_TYPE].to_str().is_ok_and(|kind| kind.starts_with("text/csv")));
    let text = csv.text();
    assert_eq!(text.lines().count(), 6, "{text}");
    assert!(text.contains(",'=cmd|'/c calc'!A0") && !text.contains(",=cmd"), "{text}");
}

/// One line for each change, by whoever made it, with the connection that it was about.
#[tokio::test]
async fn every_change_has_its_line() {
    const CONNECTIONS: &str = "/rest/v1/database_credentials";
    const RULES: &str = "/rest/v1/database_alert_config";
    let app = TestApp::start().await;
    let (admin, pages) = app.signed_in("admin@example.org").await;
    let member = app.user("member@example.org").await.user_id().expect("an account").to_string();
    let token = app.with_token(&admin, Scope::Full).await;
    let before: i64 = sqlx::query_scalar("select max(seq) from database_audit_log")
        .fetch_one(&mut app.database.connect().await)
        .await
        .expect("the log");
    let write = async |method: &str, path: &str, body: Value| {
        let request = Request::builder().method(method).uri(path).header("prefer", "return=representation");
        let answer = token.send(request, body.to_string()).await;
        assert!(answer.status.is_success(), "{method} {path}: {}", answer.text());
        answer.json()[0]["id"].as_str().unwrap_or_default().to_owned()
    };
    let settings = json!({"host": "127.0.0.1", "port": 1, "username": "app", "password": "hunter2"});
    let connection = json!({"provider": "postgresql", "connection_name": "orders", "credentials": settings});
    let id = write("POST", CONNECTIONS, connection).await;
    let own = format!("{CONNECTIONS}?id=eq.{id}");
    for change in [json!({"connection_name": "sales"}), json!({"is_active": false}), json!({"is_active": true})] {
        write("PATCH", &own, change).await;
    }
    let rule = write("POST", RULES, json!({"alert_type": "downtime", "credential_id": id})).await;
    write("PATCH", &format!("{RULES}?id=eq.{rule}"), json!({"enabled": false})).await;
    write("DELETE", &format!("{RULES}?id=eq.{rule}"), Value::Null).await;
    assert_eq!(call(&pages, "reset_breaker", &[("id", &id)]).await.status, StatusCode::OK);
    write("DELETE", &own, Value::Null).await;
    let made = call(&pages, "create_token", &[("name", "cron"), ("scope", "cron")]).await;
    let revoked = made.json()["id"].as_str().expect("an id").to_owned();
    for (function, fields) in [
        ("revoke_token", vec![("id", revoked.as_str())]),
        ("change_role", vec![("account", member.as_str()), ("role", "admin")]),
        ("change_password", vec![("current", PASSWORD), ("password", "another quiet harbour 48 lantern")]),
        ("remove_account", vec![("account", member.as_str())]),
        ("sign_out", vec![]),
    ] {
        let answer = call(&pages, function, &fields).await;
        assert!(answer.status.is_success() || answer.status.is_redirection(), "{function}: {}", answer.text());
    }

    let lines: Vec<(String, bool)> = sqlx::query_as(
        "select action, credential_id is not null
           from database_audit_log
          where user_id = $1 and status = 'success' and seq > $2
          order by seq",
    )
    .bind(admin.user_id().expect("an account").0)
    .bind(before)
    .fetch_all(&mut app.database.connect().await)
    .await
    .expect("the log");
    let lines: Vec<(&str, bool)> = lines.iter().map(|(action, about)| (action.as_str(), *about)).collect();
    assert_eq!(
        lines,
        [
            ("connection.create", true),
            ("connection.update", true),
            ("connection.pause", true),
            ("connection.resume", true),
            ("alert.create", true),
            ("alert.update", true),
            ("alert.delete", true),
            ("connection.reset_breaker", true),
            ("connection.delete", true),
            ("token.create", false),
            ("token.revoke", false),
            ("account.role", false),
            ("account.password", false),
            ("account.remove", false),
            ("account.sign_out", false),
        ]
    );
}

/// Whatever the wire forbids is one line, and the line is there although nothing else was done.
#[tokio::test]
async fn what_the_wire_refuses_has_its_line() {
    const RULES: &str = "/rest/v1/database_alert_config";
    const CONNECTIONS: &str = "/rest/v1/database_credentials";
    const FUNCTIONS: &str = "/functions/v1";
    let app = TestApp::start().await;
    let admin = app.user("admin@example.org").await.user_id().expect("an account").to_string();
    let member = app.user("member@example.org").await;
    let user = member.user_id().expect("an account").0;
    let [full, read, cron] = [Scope::Full, Scope::Read, Scope::Cron].map(|scope| app.with_token(&member, scope));
    let (full, read, cron) = (full.await, read.await, cron.await);
    let (retry, docs) =
        (format!("{FUNCTIONS}/intelligent-retry-connection"), format!("{FUNCTIONS}/fetch-provider-docs"));
    let monitor = format!("{FUNCTIONS}/proactive-health-monitor");
    let own = format!("{RULES}?id=not.is.null");
    let foreign = json!({"user_id": admin, "alert_type": "downtime"});
    let theirs = json!({"user_id": admin, "provider": "mysql", "connection_name": "n", "credentials": {"host": "h"}});
    for (client, method, path, body, status, action) in [
        (&cron, "GET", RULES, json!(null), 403, "rest.read"),
        (&read, "POST", RULES, foreign.clone(), 403, "token.scope"),
        (&full, "POST", RULES, foreign.clone(), 403, "alert.create"),
        (&full, "PATCH", &own, foreign, 403, "alert.update"),
        (&full, "POST", CONNECTIONS, theirs, 403, "connection.create"),
        (&cron, "POST", &docs, json!({"provider": "mysql"}), 403, "function.call"),
        (&read, "POST", &monitor, json!({}), 403, "monitor.run"),
        (&full, "POST", &retry, json!({"userId": admin}), 404, "connection.retry"),
        (&cron, "GET", "/metrics", json!(null), 403, "metrics.read"),
        (&full, "GET", "/metrics", json!(null), 403, "metrics.read"),
    ] {
        assert_refused_with_a_line(&app, user, client, (method, path, body), status, action).await;
    }
}

/// The request is refused with this status, and the log has one line more that `action` was refused to the account.
async fn assert_refused_with_a_line(
    app: &TestApp,
    user: Uuid,
    client: &Client,
    (method, path, body): (&str, &str, Value),
    status: u16,
    action: &str,
) {
    let refused = format!("database_audit_log where user_id = '{user}' and action = '{action}' and status = 'refused'");
    let mut sql = app.database.connect().await;
    let before = count(&mut sql, &refused).await;
    let sent = if body.is_null() { String::new() } else { body.to_string() };
    let answer = client.send(Request::builder().method(method).uri(path), sent).await;
    assert_eq!(answer.status.as_u16(), status, "{method} {path} {body}: {}", answer.text());
    assert_eq!(count(&mut sql, &refused).await, before + 1, "{method} {path} {body}");
}

/// What is another's, or never answered, is asked for in vain, and the log tells; so does what is nowhere.
#[tokio::test]
async fn what_is_not_ones_own_is_refused_with_a_line() {
    const RULES: &str = "/rest/v1/database_alert_config";
    let app = TestApp::start().await;
    let other = app.user("other@example.org").await;
    let settings = json!({"host": "127.0.0.1", "port": 1, "username": "app", "password": "x"});
    let theirs = app.connection(&other, "theirs", "mysql", &settings).await.0;
    let member = app.user("member@example.org").await;
    let user = member.user_id().expect("an account").0;
    let client = app.with_token(&member, Scope::Full).await;
    let made = client.post_json(RULES, &json!({"alert_type": "downtime"})).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    let function = |name: &str| format!("/functions/v1/{name}");
    let (analyze, retry) = (function("analyze-database-error"), function("intelligent-retry-connection"));
    let (monitor, learn) = (function("proactive-health-monitor"), function("learn-connection-knowledge"));
    let own = format!("{RULES}?id=not.is.null");
    let vote = json!({"action": "update_confidence", "data": {"knowledgeId": Uuid::nil(), "worked": true}});
    for (method, path, body, status, action) in [
        ("POST", RULES, json!({"alert_type": "downtime", "credential_id": theirs}), 403, "alert.create"),
        ("PATCH", &own, json!({"credential_id": theirs}), 403, "alert.update"),
        ("GET", "/rest/v1/database_credentials?select=credentials", json!(null), 403, "rest.read"),
        ("DELETE", "/rest/v1/database_credentials?credentials=not.is.null", json!(null), 403, "connection.delete"),
        ("POST", &analyze, json!({"errorMessage": "refused", "credentialId": theirs}), 404, "connection.analyze"),
        ("POST", &retry, json!({"credentialId": theirs}), 404, "connection.retry"),
        ("POST", &retry, json!({"credentialId": Uuid::nil()}), 404, "connection.retry"),
        ("POST", &monitor, json!({"credentialId": theirs}), 404, "monitor.run"),
        ("POST", &learn, vote, 404, "knowledge.learn"),
    ] {
        assert_refused_with_a_line(&app, user, &client, (method, path, body), status, action).await;
    }
}

#[tokio::test]
async fn members_read_their_own_entries_and_administrators_all() {
    let app = TestApp::start().await;
    let (_, admin) = app.signed_in("admin@example.org").await;
    let (member, client) = app.signed_in("member@example.org").await;
    for _ in 0..60 {
        app.with_token(&member, Scope::Read).await;
    }
    let own = entries(&client, json!({})).await;
    assert_eq!(own.len(), 50, "page by page");
    assert!(own.iter().all(|entry| field(entry, "account") == "member@example.org"), "{own:?}");
    assert!(entries(&client, json!({ "account": "admin@example.org" })).await.len() == 50, "that is not theirs to ask");
    let older = own.last().expect("entries")["seq"].to_string();
    let rest = entries(&client, json!({ "before": older })).await;
    assert_eq!(rest.len(), 12, "the account, its sign-in and ten more tokens");

    let of_admin = entries(&admin, json!({ "account": "admin@example.org" })).await;
    assert_eq!(of_admin.len(), 2);
    assert_eq!(entries(&admin, json!({ "action": "token", "account": "member@example.org" })).await.len(), 50);
    assert_eq!(entries(&admin, json!({ "account": "nobody@example.org" })).await.len(), 0);
    assert_eq!(entries(&admin, json!({ "to": "2020-01-01" })).await.len(), 0);
    let wrong = json!({ "filter": { "from": "yesterday", "outcome": "maybe" } });
    let answer = admin.post_json(&server_function("list_audit"), &wrong).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(answer.text().contains("\"from\"") && answer.text().contains("\"outcome\""), "{}", answer.text());

    let page = client.get("/audit?action=token").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text().contains("token.create") && !page.text().contains("account.sign_in"));
    assert!(page.text().contains("Older") && !page.text().contains("admin@example.org"));
    let csv = client.get("/audit.csv").await.text();
    assert_eq!(csv.lines().count(), 63, "all of one's own, whatever the page shows");
    assert!(!csv.contains("admin@example.org"));
    assert_eq!(app.anonymous().get("/audit.csv").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn the_page_for_programs_has_ones_own_address_and_token() {
    const PAGE: &str = "/settings/drop-in";
    let app = TestApp::start().await;
    let (_, client) = app.signed_in("ada@example.org").await;
    let page = client.get(PAGE).await.text();
    assert!(
        page.contains("createClient(&#x27;http://127.0.0.1:3000&#x27;")
            || page.contains("createClient('http://127.0.0.1:3000'"),
        "{page}"
    );
    assert!(page.contains("mrg_YOUR_TOKEN") && page.contains("cron.schedule") && page.contains("curl -fsS"));
    let made = client.post_form(&server_function("create_token"), &[("name", "app"), ("scope", "full")]).await;
    assert!(made.status.is_redirection());
    let page = client.get(PAGE).await.text();
    assert!(!page.contains("mrg_YOUR_TOKEN"), "the token that was just made stands in the examples");
    let token = page.split("mrg_").nth(1).and_then(|rest| rest.split(['<', '\'', '&']).next()).expect("a token");
    let answer = app.anonymous().with_token(&format!("mrg_{token}")).get("/rest/v1/database_connection_health").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(client.get(PAGE).await.text().contains("mrg_YOUR_TOKEN"), "once");
}
