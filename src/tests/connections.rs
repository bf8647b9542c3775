//! Connections as their owner makes, changes and deletes them, and what stays sealed meanwhile.

use http::StatusCode;
use mooring::{
    auth::server::Caller,
    connections::{
        NewConnection, Provider,
        server::{create, delete, find, list, open_settings, pause, resume, seal_plaintext_rows, update},
        settings::{Secret, SecretField, Settings},
        url::parse_url,
    },
    error::AppError,
    ids::ConnectionId,
};
use serde_json::{Value, json};
use sqlx::{Connection as _, Row};
use uuid::Uuid;

use crate::support::{app::TestApp, client::server_function};

const URL: &str = "postgres://app:hunter2@db.example.com:5433/shop";

/// A connection called `name` to what `url` says.
fn new(name: &str, url: &str) -> NewConnection {
    let (provider, settings) = parse_url(url).expect("an address");
    NewConnection::new(provider, name, settings)
}

/// The field that an answer is about.
fn field<T: std::fmt::Debug>(result: Result<T, AppError>) -> String {
    match result {
        Err(AppError::Invalid(fields)) => fields.into_iter().map(|error| error.field).collect::<Vec<_>>().join(" "),
        other => panic!("not refused for a field: {other:?}"),
    }
}

async fn password(caller: &Caller, id: ConnectionId) -> Option<Secret> {
    open_settings(caller, id).await.expect("the owner opens it").1.password
}

/// What is stored of the connection, and when it is due.
async fn row(app: &TestApp, id: ConnectionId) -> (Value, bool) {
    let row = sqlx::query(
        "select connection.credentials, coalesce(state.next_check_at <= mooring_now(), false) as due
           from database_credentials as connection
           join connection_state as state on state.credential_id = connection.id
          where connection.id = $1",
    )
    .bind(id.0)
    .fetch_one(&mut app.database.connect().await)
    .await
    .expect("the row is there");
    (row.get("credentials"), row.get("due"))
}

#[tokio::test]
async fn a_new_connection_is_sealed_and_due_at_once() {
    let app = TestApp::start().await;
    let ada = app.user("ada@example.org").await;
    let id = create(&ada, new("Shop", URL)).await.expect("it is stored");

    let (credentials, due) = row(&app, id).await;
    assert!(credentials.get("$sealed").is_some() && !credentials.to_string().contains("hunter2"));
    assert!(due);
    let connection = find(&ada, id).await.expect("its owner finds it");
    assert_eq!((connection.name.as_str(), connection.interval_s), ("Shop", 300));
    assert_eq!(connection.settings.endpoint(), "db.example.com:5433/shop");
    assert!(connection.settings.has_password);
    assert_eq!(open_settings(&ada, id).await.expect("its owner opens it").1, parse_url(URL).expect("an address").1);
}

#[tokio::test]
async fn anothers_connection_is_not_there() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.user("ada@example.org").await, app.user("bob@example.org").await);
    let id = create(&ada, new("Shop", URL)).await.expect("it is stored");
    for refused in [
        find(&bob, id).await.map(drop),
        open_settings(&bob, id).await.map(drop),
        update(&bob, id, new("Mine", URL), &[]).await,
        pause(&bob, id).await,
        resume(&bob, id).await,
        delete(&bob, id).await,
        find(&ada, ConnectionId(Uuid::new_v4())).await.map(drop),
    ] {
        assert_eq!(refused, Err(AppError::NotFound));
    }
    assert_eq!(list(&bob).await.expect("an empty list"), []);
    assert_eq!(find(&ada, id).await.expect("it is as it was").name, "Shop");
    create(&bob, new("Shop", URL)).await.expect("names are one's own");
}

#[tokio::test]
async fn a_name_is_taken_once() {
    let app = TestApp::start().await;
    let ada = app.user("ada@example.org").await;
    create(&ada, new("Shop", URL)).await.expect("it is stored");
    assert_eq!(field(create(&ada, new("SHOP", URL)).await), "name");
    let other = create(&ada, new("Other", URL)).await.expect("it is stored");
    assert_eq!(field(update(&ada, other, new("shop", URL), &[]).await), "name");
    assert_eq!(field(create(&ada, new(&"n".repeat(10_000), URL)).await), "name");
    assert_eq!(list(&ada).await.expect("both").len(), 2);
}

#[tokio::test]
async fn a_stored_password_stays_with_its_endpoint() {
    let app = TestApp::start().await;
    let ada = app.user("ada@example.org").await;
    let id = create(&ada, new("Shop", URL)).await.expect("it is stored");

    let renamed = new("Shop 2", "postgres://other@db.example.com:5433/books");
    update(&ada, id, renamed, &[]).await.expect("the endpoint is the same");
    assert_eq!(password(&ada, id).await, Some(Secret::new("hunter2")));

    for url in [
        "postgres://app@elsewhere.example.com:5433/shop",
        "postgres://app@db.example.com:5434/shop",
        "postgres://app@db.example.com:5433/shop?sslmode=disable",
        "mysql://app@db.example.com:5433/shop",
    ] {
        assert_eq!(field(update(&ada, id, new("Shop", url), &[]).await), "password", "{url}");
    }
    assert_eq!(find(&ada, id).await.expect("nothing changed").name, "Shop 2");

    update(&ada, id, new("Shop", "postgres://app:again@elsewhere.example.com/shop"), &[]).await.expect("entered again");
    assert_eq!(password(&ada, id).await, Some(Secret::new("again")));
    update(&ada, id, new("Shop", "postgres://app@elsewhere.example.com/shop"), &[SecretField::Password])
        .await
        .expect("forgotten");
    assert_eq!(password(&ada, id).await, None);
}

#[tokio::test]
async fn pausing_ends_the_schedule_and_other_settings_renew_it() {
    let app = TestApp::start().await;
    let ada = app.user("ada@example.org").await;
    let id = create(&ada, new("Shop", URL)).await.expect("it is stored");

    pause(&ada, id).await.expect("it is paused");
    let since = find(&ada, id).await.expect("it is there").paused_at;
    assert!(since.is_some() && !row(&app, id).await.1);
    app.advance(std::time::Duration::from_mins(1)).await;
    pause(&ada, id).await.expect("paused already");
    assert_eq!(find(&ada, id).await.expect("it is there").paused_at, since);

    resume(&ada, id).await.expect("it is resumed");
    assert!(row(&app, id).await.1);

    let postpone = "update connection_state set next_check_at = mooring_now() + interval '5 minutes'";
    sqlx::query(postpone).execute(&mut app.database.connect().await).await.expect("postpone");
    update(&ada, id, new("Renamed", URL), &[]).await.expect("a name");
    assert!(!row(&app, id).await.1, "a name alone asks for no check");
    update(&ada, id, new("Renamed", "postgres://app:changed@db.example.com:5433/shop"), &[]).await.expect("a password");
    assert!(row(&app, id).await.1);
}

#[tokio::test]
async fn deleting_takes_everything_with_it() {
    let app = TestApp::start().await;
    let ada = app.user("ada@example.org").await;
    let id = create(&ada, new("Shop", URL)).await.expect("it is stored");
    sqlx::query("insert into database_connection_health (credential_id, status) values ($1, 'down')")
        .bind(id.0)
        .execute(&mut app.database.connect().await)
        .await
        .expect("a check");
    delete(&ada, id).await.expect("it is deleted");
    assert_eq!(find(&ada, id).await, Err(AppError::NotFound));
    let left: i64 = sqlx::query_scalar("select count(*) from database_connection_health")
        .fetch_one(&mut app.database.connect().await)
        .await
        .expect("count");
    assert_eq!(left, 0);
}

#[tokio::test]
async fn many_rows_are_sealed_at_once_and_one_that_is_held_keeps_none_back() {
    let app = TestApp::start().await;
    let ada = app.user("ada@example.org").await;
    let mut connection = app.database.connect().await;
    sqlx::query(
        "insert into database_credentials (user_id, provider, connection_name, credentials)
         select $1, 'legacy', 'row ' || number, '\"nonsense\"' from generate_series(1, 1001) as number",
    )
    .bind(ada.user_id().expect("an account").0)
    .execute(&mut connection)
    .await
    .expect("insert rows");
    let mut holder = app.database.connect().await;
    let mut holding = holder.begin().await.expect("begin");
    sqlx::query("select from database_credentials order by id limit 1 for update")
        .execute(&mut *holding)
        .await
        .expect("hold the first");
    let system = Caller::system(&app.state, "sealing");
    assert_eq!(seal_plaintext_rows(&system).await, Ok(1_000));
    holding.rollback().await.expect("let go");
    assert_eq!(seal_plaintext_rows(&system).await, Ok(1));
}

#[tokio::test]
async fn rows_that_came_by_sql_are_sealed_once() {
    let app = TestApp::start().await;
    let ada = app.user("ada@example.org").await;
    let mut ids = Vec::new();
    for (provider, credentials) in [
        ("postgresql", json!({"host": "db.example.com", "user": "app", "password": "hunter2", "schema": "public"})),
        ("legacy", json!({"url": "mysql://root:hunter2@10.0.0.5/shop"})),
        ("mysql", json!("nonsense")),
    ] {
        ids.push(app.connection(&ada, &format!("imported as {provider}"), provider, &credentials).await);
    }
    let unsealed = open_settings(&ada, ids[0]).await.expect("a row that is not sealed yet").1;

    let system = Caller::system(&app.state, "sealing");
    assert_eq!(seal_plaintext_rows(&system).await, Ok(3));
    assert_eq!(seal_plaintext_rows(&system).await, Ok(0));
    for id in &ids {
        let (credentials, _) = row(&app, *id).await;
        assert!(credentials.get("$sealed").is_some() && !credentials.to_string().contains("hunter2"));
    }
    assert_eq!(open_settings(&ada, ids[0]).await, Ok((Provider::PostgreSql, unsealed)));
    assert_eq!(field(open_settings(&ada, ids[1]).await), "provider");
    assert_eq!(field(open_settings(&ada, ids[2]).await), "credentials");
    let shown: Vec<String> =
        list(&ada).await.expect("all").iter().map(|connection| connection.settings.endpoint()).collect();
    assert_eq!(shown, ["10.0.0.5:3306/shop", "", "db.example.com:5432"]);

    let chosen = NewConnection {
        settings: Settings { password: None, ..parse_url("mysql://root@10.0.0.5/shop").expect("an address").1 },
        ..new("Chosen", "mysql://h")
    };
    update(&ada, ids[1], chosen, &[]).await.expect("an imported row gets its provider");
    assert_eq!(password(&ada, ids[1]).await, Some(Secret::new("hunter2")));
}

#[tokio::test]
async fn the_form_names_wrong_fields_and_keeps_what_was_typed() {
    let app = TestApp::start().await;
    let (ada, client) = app.signed_in("ada@example.org").await;
    let typed = [
        ("id", ""),
        ("provider", "mysql"),
        ("name", "Never saved"),
        ("host", "db.example.org"),
        ("port", "70000"),
        ("password", "hunter2"),
    ];
    let answer = client.post_form(&server_function("save_connection"), &typed).await;
    assert_eq!(answer.status, StatusCode::FOUND, "{}", answer.text());
    assert!(!answer.location().unwrap_or_default().contains("hunter2"));
    assert_eq!(list(&ada).await, Ok(Vec::new()));

    let page = client.get("/connections/new").await.text();
    assert!(page.contains("Never saved") && page.contains("db.example.org") && page.contains("70000"), "{page}");
    assert!(!page.contains("hunter2"));
    assert!(!client.get("/connections/new").await.text().contains("Never saved"), "it is kept once");

    let saved = [("provider", "postgresql"), ("name", "Pasted"), ("pasted", "postgres://app:hunter2@127.0.0.1:1/d")];
    let answer = client.post_form(&server_function("save_connection"), &saved).await;
    let connections = list(&ada).await.expect("one");
    assert_eq!(connections.len(), 1);
    assert_eq!(connections[0].settings.endpoint(), "127.0.0.1:1/d");
    assert_eq!(answer.location(), Some(format!("/connections/{}", connections[0].id).as_str()));

    let edit = client.get(&format!("/connections/{}/edit", connections[0].id)).await;
    assert_eq!(edit.status, StatusCode::OK);
    assert!(edit.text().contains("127.0.0.1") && !edit.text().contains("hunter2"));
}

#[tokio::test]
async fn a_test_saves_nothing_and_says_where_it_stopped() {
    let app = TestApp::start().await;
    let (ada, client) = app.signed_in("ada@example.org").await;
    let typed = json!({
        "provider": "postgresql", "host": "127.0.0.1", "port": "1", "username": "app", "password": "hunter2",
    });
    let form = json!({ "form": typed });
    let answer = client.post_json(&server_function("test_connection"), &form).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(answer.json()["failure"]["cause"], "connection_refused");
    assert_eq!(answer.json()["phases"].as_array().map(Vec::len), Some(6));
    assert!(!answer.text().contains("hunter2"));
    assert_eq!(list(&ada).await, Ok(Vec::new()));
}
