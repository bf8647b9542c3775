//! Lists of connections, and rows that came by SQL without a provider.

use mooring::{
    connections::{Provider, server as connections},
    error::AppError,
    import::{Outcome, server as import},
};
use serde_json::json;

use crate::support::{
    app::TestApp,
    client::server_function,
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
    connections::seal_plaintext_rows(&mooring::auth::server::Caller::system(&app.state, "tests"))
        .await
        .expect("sealed");

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
