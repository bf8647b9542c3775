//! What administrators do with accounts, and what they cannot: see what is another's.

use http::{Request, StatusCode, header};
use mooring::{
    auth::{
        Scope,
        server::{Caller, administration},
    },
    connections::{NewConnection, Provider, server as connections, settings::Settings},
    health::{CheckOrigin, Status, server::check_now},
    ids::ConnectionId,
    server::{startup, vault::rotate},
};
use serde_json::{Value, json};

use crate::support::{
    app::TestApp,
    client::{Answer, Client, percent, server_function},
    rows::{become_user, count, run},
};

/// Calls a server function as a hydrated page does.
async fn call(client: &Client, function: &str, fields: &[(&str, &str)]) -> Answer {
    let body: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", percent(value))).collect();
    let request = Request::post(server_function(function))
        .header(header::ACCEPT, "application/json")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    client.send(request, body.join("&")).await
}

/// A connection that is sealed and answers: to the test's own database.
async fn connection(app: &TestApp, owner: &Caller, name: &str) -> ConnectionId {
    let settings = json!({ "connectionString": app.database.url(), "tls": "disable" });
    let settings = Settings::from_json(Provider::PostgreSql, &settings).expect("settings");
    let new = NewConnection::new(Provider::PostgreSql, name, settings);
    connections::create(owner, new).await.expect("a connection")
}

fn id(caller: &Caller) -> String {
    caller.user_id().expect("an account").to_string()
}

async fn rows(app: &TestApp, from: &str) -> i64 {
    count(&mut app.database.connect().await, from).await
}

#[tokio::test]
async fn members_are_refused_the_accounts() {
    let app = TestApp::start().await;
    let (admin, _) = app.signed_in("admin@example.org").await;
    let (_, member) = app.signed_in("member@example.org").await;
    let of_admin = id(&admin);
    for page in ["/admin/accounts".to_owned(), format!("/admin/accounts/{of_admin}/remove")] {
        let answer = member.get(&page).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{page}");
        assert!(!answer.text().contains("admin@example.org"), "{page}");
        let stranger = app.anonymous().get(&page).await;
        assert!(stranger.location().is_some_and(|to| to.starts_with("/sign-in")), "{page}: {stranger:?}");
    }
    for (function, fields) in [
        ("list_accounts", vec![]),
        ("change_role", vec![("account", of_admin.as_str()), ("role", "member")]),
        ("remove_account", vec![("account", of_admin.as_str()), ("connections", "delete")]),
    ] {
        let answer = call(&member, function, &fields).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{function}: {}", answer.text());
    }
    assert_eq!(rows(&app, "users where role = 'admin'").await, 1);
    assert!(!member.get("/").await.text().contains("/admin/accounts"));
}

#[tokio::test]
async fn in_sql_an_administrator_sees_and_changes_no_other_account() {
    let app = TestApp::start().await;
    let admin = app.user("admin@example.org").await;
    let member = app.user("member@example.org").await;
    connection(&app, &member, "orders").await;
    let mut sql = app.database.connect().await;
    run(&mut sql, "begin").await;
    become_user(&mut sql, admin.user_id().expect("an account").0).await;
    assert_eq!(count(&mut sql, "users").await, 1);
    assert_eq!(count(&mut sql, "database_credentials").await, 0);
    for statement in [
        "update users set role = 'member'",
        "delete from users",
        "select hand_over_rows('{}', null)",
        "select drop_health_partitions(now())",
    ] {
        run(&mut sql, "savepoint before").await;
        let refused = sqlx::raw_sql(statement).execute(&mut sql).await.expect_err(statement);
        let code = refused.as_database_error().and_then(sqlx::error::DatabaseError::code).map(String::from);
        assert_eq!(code.as_deref(), Some("42501"), "{statement}");
        run(&mut sql, "rollback to savepoint before").await;
    }
}

#[tokio::test]
async fn the_list_counts_connections_and_shows_none() {
    let app = TestApp::start().await;
    let (_, admin) = app.signed_in("admin@example.org").await;
    let member = app.user("member@example.org").await;
    connection(&app, &member, "a name like no other").await;
    let page = admin.get("/admin/accounts").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text().contains("member@example.org") && !page.text().contains("a name like no other"));
    let accounts = call(&admin, "list_accounts", &[]).await.json();
    assert_eq!(accounts[1]["connections"], 1);
    assert_eq!(accounts[1]["last_sign_in_at"], Value::Null);
    let removal = admin.get(&format!("/admin/accounts/{}/remove", id(&member))).await;
    assert!(removal.text().contains("1 connection") && !removal.text().contains("a name like no other"));
    let nobody = admin.get("/admin/accounts/00000000-0000-0000-0000-000000000009/remove").await;
    assert_eq!(nobody.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn one_administrator_stays() {
    let app = TestApp::start().await;
    let (first, client) = app.signed_in("first@example.org").await;
    let (second, other) = app.signed_in("second@example.org").await;
    let own = [("account", id(&first)), ("role", "member".to_owned()), ("connections", "delete".to_owned())];
    let own: Vec<(&str, &str)> = own.iter().map(|(name, value)| (*name, value.as_str())).collect();
    for function in ["change_role", "remove_account"] {
        let answer = call(&client, function, &own).await;
        assert_eq!(answer.status, StatusCode::CONFLICT, "{function}: {}", answer.text());
    }
    let of_second = id(&second);
    let promoted = call(&client, "change_role", &[("account", &of_second), ("role", "admin")]).await;
    assert_eq!(promoted.status, StatusCode::OK, "{}", promoted.text());
    assert_eq!(other.get("/admin/accounts").await.status, StatusCode::OK);

    // Each removes the other at the same time: one of them stays.
    let of_first = id(&first);
    let first_goes = [("account", of_first.as_str()), ("connections", "delete")];
    let second_goes = [("account", of_second.as_str()), ("connections", "delete")];
    let (one, two) =
        tokio::join!(call(&other, "remove_account", &first_goes), call(&client, "remove_account", &second_goes));
    assert!(one.status.is_success() != two.status.is_success(), "{one:?} {two:?}");
    assert_eq!(rows(&app, "users where role = 'admin'").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_keeps_credentials_that_work_and_what_is_known_of_them() {
    let app = TestApp::start().await;
    let (heir, client) = app.signed_in("admin@example.org").await;
    let leaver = app.user("leaver@example.org").await;
    connection(&app, &heir, "Orders").await;
    let sealed = connection(&app, &leaver, "orders").await;
    let plaintext = json!({ "connectionString": app.database.url(), "tls": "disable" });
    let imported = app.connection(&leaver, "stock", "postgresql", &plaintext).await;
    assert_eq!(check_now(&leaver, sealed, CheckOrigin::Person).await.expect("a check").status, Status::Healthy);
    let (user, heir_id) = (id(&leaver), id(&heir));
    let mut sql = app.database.connect().await;
    for statement in [
        "insert into database_alert_config (user_id, alert_type) values ('$user', 'downtime')",
        "insert into database_connection_errors (user_id, credential_id, provider, error_message) values ('$user', '$connection', 'postgresql', 'no')",
        "insert into notices (user_id, credential_id, kind, title) values ('$user', '$connection', 'breaker_opened', 'A title')",
        "insert into database_knowledge_base (author_id, provider, category, title, description, solution) values ('$user', 'mysql', 'security', 't', 'd', 's')",
    ] {
        run(&mut sql, &statement.replace("$user", &user).replace("$connection", &sealed.to_string())).await;
    }
    let rules = "/rest/v1/database_alert_config";
    let rule = json!({
        "credential_id": sealed,
        "alert_type": "downtime",
        "notification_channels": {"webhook": [{"url": "https://hooks.example.org/T1"}]},
    });
    let answer = app.with_token(&leaver, Scope::Full).await.post_json(rules, &rule).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    let fields = [("account", user.as_str()), ("connections", "transfer"), ("transfer_to", heir_id.as_str())];
    let answer = call(&client, "remove_account", &fields).await;
    assert!(answer.status.is_success(), "{}", answer.text());

    // What is sealed of the rule opens for its new owner, or it could not be written back.
    let kept = json!({"notification_channels": {"webhook": [{"url": "https://hooks.example.org", "secret": "set"}]}});
    let patch = Request::patch(format!("{rules}?credential_id=eq.{sealed}"));
    let answer = app.with_token(&heir, Scope::Full).await.send(patch, kept.to_string()).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{}", answer.text());

    let names: Vec<String> =
        sqlx::query_scalar("select connection_name from database_credentials where user_id = $1::uuid order by 1")
            .bind(&heir_id)
            .fetch_all(&mut sql)
            .await
            .expect("names");
    assert_eq!(names.len(), 3, "{names:?}");
    assert!(names.contains(&"orders (2)".to_owned()) && names.contains(&"stock".to_owned()), "{names:?}");
    for connection in [sealed, imported] {
        let result = check_now(&heir, connection, CheckOrigin::Person).await.expect("a check");
        assert_eq!(result.status, Status::Healthy, "{result:?}");
    }
    let about = format!("credential_id = '{sealed}'");
    assert_eq!(count(&mut sql, &format!("database_connection_health where {about}")).await, 2);
    assert_eq!(count(&mut sql, &format!("database_performance_metrics where {about}")).await, 1);
    for table in ["database_alert_config", "database_connection_errors", "notices"] {
        let kept = format!("{table} where {about} and user_id = '{heir_id}'");
        assert_eq!(count(&mut sql, &kept).await, 1, "{table}");
    }
    nothing_is_left_of(&app, &user).await;
    assert!(
        count(&mut sql, &format!("database_audit_log where action = 'connection.transfer' and {about}")).await == 1
    );
}

#[tokio::test]
async fn a_removed_account_leaves_no_row_and_its_sessions_and_tokens_end_at_once() {
    let app = TestApp::start().await;
    let (_, admin) = app.signed_in("admin@example.org").await;
    let (leaver, client) = app.signed_in("leaver@example.org").await;
    let token = app.with_token(&leaver, Scope::Full).await;
    connection(&app, &leaver, "orders").await;
    let user = id(&leaver);
    assert_eq!(token.get("/rest/v1/database_connection_health").await.status, StatusCode::OK);

    let unsaid = call(&admin, "remove_account", &[("account", &user)]).await;
    assert_eq!(unsaid.status, StatusCode::BAD_REQUEST);
    assert!(unsaid.text().contains("\"connections\""), "{}", unsaid.text());
    let no_heir = call(&admin, "remove_account", &[("account", &user), ("connections", "transfer")]).await;
    assert!(no_heir.text().contains("\"transfer_to\""), "{}", no_heir.text());
    let to_itself = [("account", user.as_str()), ("connections", "transfer"), ("transfer_to", user.as_str())];
    assert!(call(&admin, "remove_account", &to_itself).await.text().contains("\"transfer_to\""));
    assert_eq!(rows(&app, "database_credentials").await, 1, "nothing is half done");

    // As a browser without JavaScript sends it.
    let fields = [("account", user.as_str()), ("connections", "delete"), ("transfer_to", user.as_str())];
    let answer = admin.post_form(&server_function("remove_account"), &fields).await;
    assert_eq!(answer.location(), Some("/admin/accounts"), "{answer:?}");
    assert_eq!(rows(&app, "database_credentials").await, 0);
    nothing_is_left_of(&app, &user).await;
    let page = client.get("/").await;
    assert!(page.location().is_some_and(|to| to.starts_with("/sign-in")), "{page:?}");
    assert_eq!(token.get("/rest/v1/database_connection_health").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn what_cannot_be_opened_is_not_transferred_and_nothing_is_done() {
    let app = TestApp::start().await;
    let admin = app.user("admin@example.org").await;
    let leaver = app.user("leaver@example.org").await;
    connection(&app, &leaver, "orders").await;
    connection(&app, &leaver, "stock").await;
    let mut sql = app.database.connect().await;
    run(
        &mut sql,
        r#"update database_credentials set credentials = credentials || '{"kid": "lost"}' where connection_name = 'stock'"#,
    )
    .await;
    let refused = administration::remove_by_email(&app.state, "leaver@example.org", Some("admin@example.org")).await;
    assert!(refused.is_err_and(|error| error.status() == 409));
    let kept = format!("database_credentials where user_id = '{}'", id(&leaver));
    assert_eq!(count(&mut sql, &kept).await, 2);
    assert_eq!(count(&mut sql, &format!("database_credentials where user_id = '{}'", id(&admin))).await, 0);
    administration::remove_by_email(&app.state, "leaver@example.org", None).await.expect("it can be deleted");
    nothing_is_left_of(&app, &id(&leaver)).await;
}

/// No table but the log has a row that names the account.
async fn nothing_is_left_of(app: &TestApp, user: &str) {
    let mut sql = app.database.connect().await;
    let columns: Vec<(String, String)> = sqlx::query_as(
        "select c.relname::text, a.attname::text
           from pg_class as c join pg_attribute as a on a.attrelid = c.oid
          where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
            and a.attname in ('user_id', 'author_id') and not a.attisdropped and c.relname <> 'database_audit_log'",
    )
    .fetch_all(&mut sql)
    .await
    .expect("list columns");
    assert!(columns.len() >= 7, "{columns:?}");
    for (table, column) in columns {
        assert_eq!(count(&mut sql, &format!("{table} where {column} = '{user}'")).await, 0, "{table}");
    }
    assert_eq!(count(&mut sql, &format!("users where id = '{user}'")).await, 0);
    assert_eq!(count(&mut sql, &format!("sessions where data::text like '%{user}%'")).await, 0);
}

#[tokio::test]
async fn all_administrators_watch_our_own_database_by_one_password() {
    let app =
        TestApp::with(&[("MOORING_SIGNUP", "open"), ("MOORING_EGRESS", "self-hosted"), ("MOORING_MASTER_KEY", "")])
            .await;
    let system = Caller::system(&app.state, "tests");
    let password = async || startup::ensure_watch_role(&system).await.expect("the role").password;
    let first = password().await;
    assert!(first.is_some());
    assert_eq!(password().await, first, "whoever comes second does not lock out whoever came first");

    let fact = "select value from mooring_facts where name = 'watch_password'";
    let sealed: Value =
        sqlx::query_scalar(fact).fetch_one(&mut app.database.connect().await).await.expect("an envelope");
    assert_eq!(sealed["$sealed"], 1, "only the master key opens it");
    rotate::run(&system).await.expect("a rotation");
    let anew: Value = sqlx::query_scalar(fact).fetch_one(&mut app.database.connect().await).await.expect("an envelope");
    assert_ne!(sealed["kid"], anew["kid"], "it is under the new key");
    assert_eq!(password().await, first, "a rotation changes the key, not what is sealed");

    run(&mut app.database.connect().await, "update mooring_facts set value = '{}' where name = 'watch_password'").await;
    let second = password().await;
    assert!(second.is_some() && second != first, "what cannot be opened is replaced");
    assert_eq!(password().await, second);
}

/// What somebody is to know stands on the status page too, and can be put away there.
#[tokio::test]
async fn the_status_page_shows_the_notices_of_the_one_who_looks() {
    let app = TestApp::start().await;
    let (caller, client) = app.signed_in("ada@example.org").await;
    let (other, _) = app.signed_in("grace@example.org").await;
    let mut connection = app.database.connect().await;
    for (user, title) in [(&caller, "Hers to know"), (&other, "Not hers")] {
        sqlx::query("insert into notices (user_id, kind, title, body) values ($1, 'breaker_opened', $2, '')")
            .bind(user.user_id().expect("a user").0)
            .bind(title)
            .execute(&mut connection)
            .await
            .expect("a notice");
    }
    let page = client.get("/status").await.text();
    assert!(page.contains("Hers to know") && page.contains("Dismiss") && !page.contains("Not hers"), "{page}");
    let id: uuid::Uuid = sqlx::query_scalar("select id from notices where title = 'Hers to know'")
        .fetch_one(&mut connection)
        .await
        .expect("the notice");
    client.post_form(&server_function("dismiss_notice"), &[("id", &id.to_string())]).await;
    assert!(!client.get("/status").await.text().contains("Hers to know"));
}
