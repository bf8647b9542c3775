//! What the server knows of a configuration: passwords that are used twice, certificates that were shown, and
//! what is kept of secrets when they are set.

use http::StatusCode;
use mooring::{
    auth::{Scope, server::Caller},
    config_check::{
        Strength,
        server::{known_of_form, subject},
    },
    connections::{
        NewConnection, Provider,
        form::ConnectionForm,
        server::{create, seal_plaintext_rows, update},
        settings::{SecretField, Settings},
        url::parse_url,
    },
    error::AppError,
    health::{CheckOrigin, server::check_now},
    ids::ConnectionId,
};
use serde_json::{Value, json};
use sqlx::Row;

use crate::support::{app::TestApp, rows::add_connection};

async fn add(caller: &Caller, name: &str, url: &str) -> ConnectionId {
    let (provider, settings) = parse_url(url).expect("an address");
    create(caller, NewConnection::new(provider, name, settings)).await.expect("it is stored")
}

async fn also_of(caller: &Caller, id: ConnectionId) -> Vec<String> {
    subject(caller, id).await.expect("it is there").expect("it has a provider").known.password_also_of
}

#[tokio::test]
async fn a_password_that_is_used_twice_is_found_among_ones_own_only() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.user("ada@example.org").await, app.user("bob@example.org").await);
    let orders = add(&ada, "orders", "postgres://app:same-secret-9@a.example.com/d").await;
    let billing = add(&ada, "billing", "mysql://app:same-secret-9@b.example.com/d").await;
    // The same account on another database, another password, and somebody else's.
    let archive = add(&ada, "archive", "postgres://app:same-secret-9@A.example.com/old").await;
    add(&ada, "other", "postgres://app:another-secret-9@c.example.com/d").await;
    add(&bob, "bobs", "postgres://app:same-secret-9@d.example.com/d").await;

    assert_eq!(also_of(&ada, orders).await, ["billing"]);
    assert_eq!(also_of(&ada, billing).await, ["archive", "orders"]);
    assert_eq!(subject(&bob, orders).await, Err(AppError::NotFound));

    // What is typed is found before it is stored.
    let form = ConnectionForm {
        provider: "postgresql".to_owned(),
        host: "e.example.com".to_owned(),
        username: "app".to_owned(),
        password: "same-secret-9".to_owned(),
        ..ConnectionForm::default()
    };
    let known = known_of_form(&ada, &form).await.expect("it is looked for");
    assert_eq!(known.password_also_of, ["archive", "billing", "orders"]);
    let edited = ConnectionForm { id: billing.to_string(), ..form.clone() };
    let known = known_of_form(&ada, &edited).await.expect("it is looked for");
    assert_eq!(known.password_also_of, ["archive", "orders"], "it is not its own other");
    assert_eq!(known_of_form(&bob, &edited).await, Err(AppError::NotFound));

    // Changed and forgotten passwords are found no longer.
    let (provider, settings) = parse_url("mysql://app:now-another-7@b.example.com/d").expect("an address");
    update(&ada, billing, NewConnection::new(provider, "billing", settings), &[]).await.expect("changed");
    let (provider, settings) = parse_url("postgres://app@A.example.com/old").expect("an address");
    let forgotten = NewConnection::new(provider, "archive", settings);
    update(&ada, archive, forgotten, &[SecretField::Password]).await.expect("forgotten");
    assert!(also_of(&ada, orders).await.is_empty());
}

#[tokio::test]
async fn what_is_kept_of_secrets_gives_nothing_away() {
    let app = TestApp::start().await;
    let ada = app.user("ada@example.org").await;
    let id = add(&ada, "orders", "postgres://app:hunter2@a.example.com/d").await;
    let row = sqlx::query("select facts, password_fingerprints from connection_secret_facts where credential_id = $1")
        .bind(id.0)
        .fetch_one(&mut app.database.connect().await)
        .await
        .expect("it is kept");
    let facts: Value = row.get("facts");
    assert_eq!(facts, json!({"password": "weak", "passwordHasBlanks": false, "accountIsAdmin": false}));
    let fingerprints: Vec<Vec<u8>> = row.get("password_fingerprints");
    assert_eq!(fingerprints.iter().map(Vec::len).collect::<Vec<_>>(), [32]);

    let judged = subject(&ada, id).await.expect("it is there").expect("it has a provider");
    assert_eq!(judged.secrets.password, Some(Strength::Weak));
}

#[tokio::test]
async fn rows_that_come_by_sql_are_judged_once_they_are_sealed() {
    let app = TestApp::start().await;
    let ada = app.user("ada@example.org").await;
    let mut connection = app.database.connect().await;
    let owner = ada.user_id().expect("an account");
    let id = ConnectionId(add_connection(&mut connection, owner.0, "imported").await);
    sqlx::query("update database_credentials set credentials = $2 where id = $1")
        .bind(id.0)
        .bind(json!({"host": "h.example.com", "user": "app", "password": "same-secret-9"}))
        .execute(&mut connection)
        .await
        .expect("as an import writes it");
    add(&ada, "orders", "postgres://app:same-secret-9@a.example.com/d").await;
    assert!(also_of(&ada, id).await.is_empty());
    seal_plaintext_rows(&Caller::system(&app.state, "sealing")).await.expect("sealed");
    assert_eq!(also_of(&ada, id).await, ["orders"]);
}

#[tokio::test]
async fn the_certificate_of_the_last_check_counts_for_these_settings_only() {
    let app = TestApp::start().await;
    let ada = app.user("ada@example.org").await;
    let id = add(&ada, "orders", "postgres://app:x@db.example.com/d").await;
    let tls = json!({"version": "TLSv1.3", "cipher": null, "verified": false, "chain": [{"subject": "other",
        "issuer": "other", "not_before": 0, "not_after": 1_000_000, "names": ["other.example.com"], "sha256": "00"}]});
    sqlx::query("update connection_state set tls = $2, last_check_at = mooring_now() where credential_id = $1")
        .bind(id.0)
        .bind(tls)
        .execute(&mut app.database.connect().await)
        .await
        .expect("as a check writes it");
    let judged = subject(&ada, id).await.expect("it is there").expect("it has a provider");
    let certificate = judged.known.certificate.expect("it was shown");
    assert!(!certificate.names_host);
    assert_eq!(certificate.not_after.seconds(), 1);

    let (provider, settings) = parse_url("postgres://app:x@other.example.com/d").expect("an address");
    app.advance(std::time::Duration::from_secs(1)).await;
    update(&ada, id, NewConnection::new(provider, "orders", settings), &[]).await.expect("changed");
    let judged = subject(&ada, id).await.expect("it is there").expect("it has a provider");
    assert_eq!(judged.known.certificate, None, "the settings changed since");
}

#[tokio::test]
async fn keys_are_kept_and_forgotten_one_by_one() {
    let app = TestApp::start().await;
    let ada = app.user("ada@example.org").await;
    let settings = |value: Value| Settings::from_json(Provider::Supabase, &value).expect("settings");
    let new = |value| NewConnection::new(Provider::Supabase, "shop", settings(value));
    let url = "https://abcdefghijklmnopqrst.supabase.co";
    let id = create(&ada, new(json!({"url": url, "anonKey": "sb_publishable_x", "serviceRoleKey": "sb_secret_x"})))
        .await
        .expect("it is stored");
    update(&ada, id, new(json!({"url": url})), &[SecretField::ServiceRoleKey]).await.expect("one key less");
    let judged = subject(&ada, id).await.expect("it is there").expect("it has a provider");
    assert!(judged.secrets.anon_key.is_some() && judged.secrets.service_role_key.is_none());

    let moved = update(&ada, id, new(json!({"url": "https://evil.example.com"})), &[]).await;
    assert!(matches!(moved, Err(AppError::Invalid(fields)) if fields.iter().all(|error| error.field == "anonKey")));
}

#[tokio::test]
async fn validation_answers_as_documented() {
    let app = TestApp::start().await;
    let ada = app.user("ada@example.org").await;
    add(&ada, "orders", "postgres://app:hunter2@a.example.com/d").await;
    let program = app.with_token(&ada, Scope::Full).await;
    let path = "/functions/v1/validate-database-config";
    let open = json!({"provider": "postgresql", "credentials":
        {"host": "203.0.113.5", "user": "postgres", "password": "hunter2", "ssl": false}});
    let answer = program.post_json(path, &open).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert!(!answer.text().contains("hunter2"));
    let answer = answer.json();
    assert_eq!((&answer["valid"], &answer["grade"]), (&json!(true), &json!("F")));
    let codes: Vec<&str> =
        answer["issues"].as_array().expect("a list").iter().filter_map(|issue| issue["code"].as_str()).collect();
    for code in ["tls_disabled", "password_weak", "superuser_account", "password_reused", "public_address"] {
        assert!(codes.contains(&code), "{code} is not among {codes:?}");
    }
    assert_eq!(answer["comparison"], json!({"similarConnections": 0, "successRate": null, "differences": []}));

    let broken = json!({"provider": "mysql", "credentials": {"host": "h", "port": 0}});
    let answer = program.post_json(path, &broken).await;
    assert_eq!((answer.status, &answer.json()["valid"]), (StatusCode::OK, &json!(false)));
    assert_eq!(answer.json()["issues"][0]["field"], "port");

    for (body, status) in [
        (json!({"provider": "oracle", "credentials": {}}), StatusCode::BAD_REQUEST),
        (json!({"credentials": {}}), StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(program.post_json(path, &body).await.status, status, "{body}");
    }
    assert_eq!(app.anonymous().post_json(path, &open).await.status, StatusCode::UNAUTHORIZED);
    let reader = app.with_token(&ada, Scope::Read).await;
    assert_eq!(reader.post_json(path, &open).await.status, StatusCode::FORBIDDEN);
}

/// What the checks of one account found to work is what another's settings are compared with, in classes only.
#[tokio::test]
async fn anothers_successes_inform_and_identify_nobody() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.user("ada@example.org").await, app.user("bob@example.org").await);
    let (client, program) = (app.anonymous().sign_in("bob@example.org").await, app.with_token(&bob, Scope::Full).await);
    let works = app.database.url();
    let own = parse_url(&works).expect("an address").1;
    let (port, database) = (own.port, own.database.expect("its name"));
    let checked = async |name: &str, url: &str| {
        let id = add(&ada, name, url).await;
        check_now(&ada, id, CheckOrigin::Person).await.expect("a check")
    };
    let found = checked("ada's secret project", &format!("{works}?sslmode=disable")).await;
    assert!(found.error_message.is_none(), "{found:?}");
    // What does not answer is no success.
    let failed = checked("closed", "postgres://app:hush-hush-9@localhost:1/d?sslmode=require").await;
    assert!(failed.error_message.is_some());

    let compare = async |credentials: Value| {
        let body = json!({"provider": "postgresql", "credentials": credentials});
        let answer = program.post_json("/functions/v1/validate-database-config", &body).await;
        let text = answer.text();
        for part in ["ada", "secret project", "hush-hush", database.as_str()] {
            assert!(!text.contains(part), "{part} is in {text}");
        }
        answer.json()["comparison"].clone()
    };
    let alike = compare(json!({"host": "127.0.0.1", "port": port, "user": "app", "tls": "disable"})).await;
    assert_eq!(alike, json!({"similarConnections": 1, "successRate": 100.0, "differences": []}));
    let other = compare(json!({"host": "127.0.0.1", "port": port, "user": "app", "tls": "require"})).await;
    assert_eq!(
        other,
        json!({"similarConnections": 1, "successRate": 0.0,
            "differences": [{"field": "tls", "yours": "require", "typical": "disable"}]})
    );
    let elsewhere = compare(json!({"host": "db.example.com", "user": "app"})).await;
    assert_eq!(elsewhere["similarConnections"], 0);

    // The form has it too, for whatever provider is chosen in it.
    let form = ConnectionForm { provider: "mysql".to_owned(), ..ConnectionForm::default() };
    let known = known_of_form(&bob, &form).await.expect("what is known");
    let kinds: Vec<_> = known.successes.iter().map(|it| (it.pattern.host_class.as_str(), it.count)).collect();
    assert_eq!(kinds, [("loopback", 1)]);
    let id = add(&bob, "bob's", &format!("postgres://app:x@127.0.0.1:{port}/d?sslmode=require")).await;
    for page in [format!("/connections/{id}/edit"), format!("/connections/{id}")] {
        let page = client.get(&page).await.text();
        assert!(page.contains("1 connection to a host of this kind works; 0 % of them are set up like this one."));
        assert!(page.contains("TLS: require here, disable in most of them"));
        assert!(!page.contains("secret project"));
    }
}

/// Without JavaScript the form comes back with its judgement.
#[tokio::test]
async fn the_forms_page_judges_what_is_stored() {
    let app = TestApp::start().await;
    let (ada, client) = app.signed_in("ada@example.org").await;
    let id = add(&ada, "orders", "postgres://postgres:hunter2@a.example.com/d?sslmode=disable").await;
    let page = client.get(&format!("/connections/{id}/edit")).await.text();
    assert!(page.contains("TLS is off: anyone on the way"), "{page}");
    assert!(page.contains("The password can be guessed within hours.") && !page.contains("hunter2"));
    let empty = client.get("/connections/new").await.text();
    assert!(empty.contains("the settings are judged here as you type"));
}
