//! Lists of connections, and rows that came by SQL without a provider.

use http::StatusCode;
use mooring::{
    auth::{Scope, server::Caller},
    connections::{Provider, server as connections},
    error::AppError,
    import::{Outcome, server as import},
};
use serde_json::json;

use crate::support::{
    app::TestApp,
    client::{Client, server_function},
    rows::{count, run},
};

#[tokio::test]
async fn good_rows_are_stored_and_bad_ones_say_why() {
    let app = TestApp::start().await;
    let (ada, client) = app.signed_in("ada@example.org").await;
    let list = "name,url,tags\n\
                Shop,postgres://app:hunter2@db.example.com/shop,\"eu,billing\"\n\
                shop,postgres://app:hunter2@db.example.com/shop,\n\
                Broken,postgres://app:hunter2@db.example.com:99999/shop,\n";
    let looked = import::import(&ada, list, false).await.expect("a report");
    assert_eq!(looked.summary(), "2 of 3 ready to be added, 1 refused.");
    let mut own = app.database.connect().await;
    assert_eq!(count(&mut own, "database_credentials").await, 0, "looking stores nothing");

    let stored = import::import(&ada, list, true).await.expect("a report");
    assert!(matches!(stored.rows[0].outcome, Outcome::Added(_)));
    assert!(matches!(&stored.rows[1].outcome, Outcome::Refused(why) if why.contains("this name already")));
    assert!(matches!(&stored.rows[2].outcome, Outcome::Refused(why) if !why.contains("hunter2")));
    assert_eq!(
        count(&mut own, "database_credentials where tags = '{billing,eu}' and credentials ? '$sealed'").await,
        1
    );

    // Without JavaScript the report waits for the page; it holds no secret.
    let path = server_function("import_connections");
    client.post_form(&path, &[("list", list), ("store", "no")]).await;
    let page = client.get("/connections/import").await.text();
    assert!(page.contains("2 of 3 ready to be added") && !page.contains("hunter2"), "{page}");
}

#[tokio::test]
async fn a_legacy_row_gets_its_provider_and_keeps_the_rest() {
    let app = TestApp::start().await;
    let (ada, client) = app.signed_in("ada@example.org").await;
    let bob = app.user("bob@example.org").await;
    let mut own = app.database.connect().await;
    let settings = json!({"url": "mysql://root:hunter2@10.0.0.5/shop"});
    run(
        &mut own,
        &format!(
            "insert into database_credentials (user_id, provider, connection_name, credentials)
             select id, 'legacy', 'Imported', '{settings}' from users where email = 'ada@example.org'"
        ),
    )
    .await;
    connections::seal_plaintext_rows(&Caller::system(&app.state, "tests")).await.expect("sealed");

    let start = import::start(&ada).await.expect("the page's beginning");
    let orphan = start.orphans.first().expect("one waits");
    assert_eq!((orphan.guess, orphan.endpoint.as_str()), (Provider::MySql, "10.0.0.5:3306/shop"));
    assert!(client.get("/").await.text().contains("wait for a provider"));
    assert!(import::start(&bob).await.expect("another's page").orphans.is_empty());
    assert!(matches!(connections::adopt(&bob, orphan.id, Provider::MySql).await, Err(AppError::NotFound)));
    assert!(matches!(connections::adopt(&ada, orphan.id, Provider::Firebase).await, Err(AppError::Invalid(_))));

    connections::adopt(&ada, orphan.id, Provider::MySql).await.expect("adopted");
    let (provider, settings) = connections::open_settings(&ada, orphan.id).await.expect("settings");
    assert_eq!(provider, Provider::MySql);
    assert_eq!(settings.password.expect("a password").reveal(), "hunter2");
    assert!(matches!(connections::adopt(&ada, orphan.id, Provider::MySql).await, Err(AppError::Conflict(_))));
}

/// By SQL or from a program: what comes as `legacy` waits for its owner, and for nobody else.
#[tokio::test]
async fn what_comes_as_legacy_waits_for_its_owner_alone() {
    let app = TestApp::start().await;
    let (ada, at_ada) = app.signed_in("ada@example.org").await;
    let (bob, at_bob) = app.signed_in("bob@example.org").await;
    let (program, other) = (app.with_token(&ada, Scope::Full).await, app.with_token(&bob, Scope::Full).await);
    let mongodb = json!({"uri": "mongodb://app:hunter2@10.0.0.7/shop"});
    app.connection(&ada, "By SQL", "legacy", &mongodb).await;
    connections::seal_plaintext_rows(&Caller::system(&app.state, "tests")).await.expect("sealed");
    let table = "/rest/v1/database_credentials";
    let settings = json!({"host": "10.0.0.8", "port": 3306, "user": "app", "password": "hunter2", "old": ["kept"]});
    let row = json!({"provider": "legacy", "connection_name": "By REST", "credentials": settings});
    let answer = program.post_json(table, &row).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    let strange = json!({"provider": "legacy", "connection_name": "Nothing of it", "credentials": "hunter2"});
    assert_eq!(program.post_json(table, &strange).await.status, StatusCode::CREATED);

    let mut own = app.database.connect().await;
    assert_eq!(count(&mut own, "database_credentials where credentials ? '$sealed'").await, 3);
    assert_eq!(count(&mut own, "database_credentials as c where c::text like '%hunter2%'").await, 0);
    assert_eq!(count(&mut own, "connection_state where next_check_at is not null").await, 0, "nothing is checked");

    let waiting = import::start(&ada).await.expect("what waits").orphans;
    let told: Vec<_> = waiting.iter().map(|it| (it.name.as_str(), it.guess, it.endpoint.as_str())).collect();
    assert_eq!(
        told,
        [
            ("By REST", Provider::MySql, "10.0.0.8:3306"),
            ("By SQL", Provider::MongoDb, "10.0.0.7:27017/shop"),
            ("Nothing of it", Provider::PostgreSql, ""),
        ]
    );
    let page = at_ada.get("/connections/import").await.text();
    assert!(page.contains("By REST") && page.contains("By SQL") && !page.contains("hunter2"), "{page}");

    // Nobody else sees them or says what they are.
    assert!(import::start(&bob).await.expect("what waits").orphans.is_empty());
    let page = at_bob.get("/connections/import").await.text();
    assert!(!page.contains("By REST") && !page.contains("By SQL"));
    assert_eq!(other.get(&format!("{table}?provider=eq.legacy&select=id")).await.json(), json!([]));
    let (rest, sql) = (waiting[0].id.to_string(), waiting[1].id.to_string());
    let choose = server_function("choose_provider");
    let chosen = |id: &str| format!("id={id}&provider=mysql");
    let post = async |client: &Client, id: &str| {
        let request = http::Request::post(&choose)
            .header("accept", "application/json")
            .header("content-type", "application/x-www-form-urlencoded");
        client.send(request, chosen(id)).await.status
    };
    assert_eq!(post(&at_bob, &rest).await, StatusCode::NOT_FOUND);
    let patch = async |client: &Client, id: &str| {
        let request = http::Request::patch(format!("{table}?id=eq.{id}")).header("prefer", "return=representation");
        client.send(request.header("content-type", "application/json"), r#"{"provider": "mongodb"}"#).await
    };
    assert_eq!(patch(&other, &sql).await.json(), json!([]));

    // Their owner does, on the page or by a program, and keeps the rest.
    assert_eq!(post(&at_ada, &rest).await, StatusCode::OK);
    assert_eq!(patch(&program, &sql).await.json()[0]["provider"], "mongodb");
    for (id, provider) in [(waiting[0].id, Provider::MySql), (waiting[1].id, Provider::MongoDb)] {
        let (found, settings) = connections::open_settings(&ada, id).await.expect("settings");
        assert_eq!((found, settings.password.expect("a password").reveal()), (provider, "hunter2"));
    }
    assert_eq!(
        count(&mut own, "connection_state where next_check_at <= mooring_now()").await,
        2,
        "now they are checked"
    );
    assert_eq!(import::start(&ada).await.expect("what waits").orphans.len(), 1);
}
