//! What waits: what comes without a token, what strangers may do with it, and what administrators do.

use std::time::Duration;

use http::StatusCode;
use mooring::{
    auth::server::Caller,
    connections::Provider,
    error::AppError,
    knowledge::{
        KnowledgeEntry, Search, Shelf,
        server::{self as knowledge, Asker, Edit, quarantine, search, stock, transfer},
    },
};
use serde_json::{Value, json};

use super::{act, acted, found, member, report};
use crate::support::{
    app::TestApp,
    rows::{count, run},
};

#[tokio::test]
async fn what_comes_without_a_token_is_held_back() {
    let app = TestApp::start().await;
    let admin = app.user("admin@example.org").await;
    let (_, a) = member(&app, "ada@example.org").await;
    let nobody = app.anonymous();
    let told = acted(&nobody, "learn_from_error", report("Click on https://evil.example/now", true)).await;
    assert_eq!((&told["created"], &told["confidenceScore"]), (&json!(true), &json!(59)));
    for _ in 0..4 {
        let more =
            acted(&nobody, "update_confidence", json!({"knowledgeId": told["knowledgeId"], "worked": true})).await;
        assert_eq!(more, json!({"success": true, "confidenceScore": 59}));
    }
    let more = acted(&nobody, "learn_from_error", report("click on https://evil.example/other", true)).await;
    assert_eq!((&more["knowledgeId"], &more["confidenceScore"]), (&told["knowledgeId"], &json!(59)));
    // Unlisted for everyone, and not there for accounts.
    assert!(found(&nobody, json!({"limit": 100})).await.is_empty());
    assert!(found(&a, json!({"limit": 100})).await.is_empty());
    let vote = act(&a, "update_confidence", json!({"knowledgeId": told["knowledgeId"], "worked": true})).await;
    assert_eq!(vote.status, StatusCode::NOT_FOUND);

    // What is confirmed is not changed by it.
    let id = knowledge::waiting(&admin, Shelf::Anonymous, 1).await.expect("what waits").entries[0].id;
    knowledge::confirm(&admin, id).await.expect("it is confirmed");
    assert_eq!(found(&nobody, json!({})).await.len(), 1);
    let refused =
        acted(&nobody, "update_confidence", json!({"knowledgeId": told["knowledgeId"], "worked": false})).await;
    assert_eq!(refused, json!({"success": false, "confidenceScore": 59}));
    let ignored = acted(&nobody, "learn_from_error", report("Click on https://evil.example/now", false)).await;
    assert_eq!((&ignored["knowledgeId"], &ignored["confidenceScore"]), (&told["knowledgeId"], &json!(59)));

    // Successes without a token count for nothing that anyone is compared with.
    let success = json!({"provider": "mysql", "credentials": {"host": "db.acme.example", "password": "hush"}, "connectionName": "x"});
    let pattern = acted(&nobody, "learn_from_success", success.clone()).await;
    assert_eq!((&pattern["created"], &pattern["successCount"]), (&json!(true), &json!(1)));
    assert!(knowledge::successful(&admin, Some(Provider::MySql)).await.expect("patterns").is_empty());
    let counted = acted(&a, "learn_from_success", success).await;
    assert_eq!((&counted["patternId"], &counted["successCount"]), (&pattern["patternId"], &json!(1)));
}

#[tokio::test]
async fn what_comes_without_a_token_is_recorded_once_an_hour_with_where_it_came_from() {
    let app = TestApp::start().await;
    let nobody = app.anonymous();
    let lines = async || {
        let lines: Vec<String> = sqlx::query_scalar(
            "select action || ' ' || coalesce(user_id::text, 'nobody') || ' ' || (details ? 'knowledge')
               from database_audit_log where action like 'knowledge.%' and ip_address is not null order by seq",
        )
        .fetch_all(&mut app.database.connect().await)
        .await
        .expect("the log");
        lines
    };
    for _ in 0..3 {
        let told = acted(&nobody, "learn_from_error", report("Open the port", true)).await;
        acted(&nobody, "update_confidence", json!({"knowledgeId": told["knowledgeId"], "worked": true})).await;
    }
    assert_eq!(lines().await, ["knowledge.learn nobody true", "knowledge.vote nobody true"]);
    app.advance(Duration::from_hours(1)).await;
    acted(&nobody, "learn_from_error", report("Open the port", true)).await;
    assert_eq!(lines().await.len(), 3);
}

#[tokio::test]
async fn what_waits_without_a_token_is_bounded_and_hides_nothing() {
    let app = TestApp::start().await;
    let (admin, browser) = app.signed_in("admin@example.org").await;
    let (_, a) = member(&app, "ada@example.org").await;
    let own = acted(&a, "learn_from_error", report("Turn the flux regulator", true)).await;
    let mut connection = app.database.connect().await;
    run(
        &mut connection,
        "insert into database_knowledge_base (provider, category, title, description, solution, fix_key, origin, updated_at)
         select 'mysql', 'error_resolution', 'spam ' || n, 'd', 's', 'spam ' || n, 'anonymous',
                mooring_now() - n * interval '1 minute'
           from generate_series(1, 1200) as n",
    )
    .await;
    let before = search(Asker::Account(&admin), Search::default()).await.expect("a search");
    let told = acted(&app.anonymous(), "learn_from_error", report("Open the port", true)).await;
    let after = search(Asker::Account(&admin), Search::default()).await.expect("a search");
    assert!(std::sync::Arc::ptr_eq(&before, &after), "what nobody finds makes no search stale");
    let waiting = "database_knowledge_base where origin = 'anonymous'";
    assert_eq!(count(&mut connection, waiting).await, quarantine::MOST_WAITING);
    assert_eq!(count(&mut connection, &format!("{waiting} and title = 'spam 999'")).await, 1);
    assert_eq!(count(&mut connection, &format!("{waiting} and title = 'spam 1000'")).await, 0, "the oldest goes");

    // What members reported stands apart, and what strangers sent is read page by page.
    let shelf = async |shelf, page| knowledge::waiting(&admin, shelf, page).await.expect("a page");
    let of_members = shelf(Shelf::Waiting, 1).await;
    let ids: Vec<String> = of_members.entries.iter().map(|entry| entry.id.to_string()).collect();
    assert_eq!((ids, of_members.more), (vec![own["knowledgeId"].as_str().expect("an id").to_owned()], false));
    let first = shelf(Shelf::Anonymous, 1).await;
    assert_eq!(json!(first.entries[0].id), told["knowledgeId"]);
    assert!(first.more && first.entries.len() == 50);
    let last = shelf(Shelf::Anonymous, 20).await;
    assert!(!last.more && last.entries.len() == 50 && last.entries[49].title == "spam 999");
    for (address, shown, other) in [
        ("/knowledge?show=waiting", "flux regulator", "spam"),
        ("/knowledge?show=anonymous", "/knowledge?show=anonymous&amp;page=2", "Newer"),
        ("/knowledge?show=anonymous&page=20", "/knowledge?show=anonymous&amp;page=19", "Older"),
        ("/knowledge?show=anonymous&page=4294967295", "Nothing waits", "spam"),
        ("/knowledge?show=hidden", "Nothing is hidden", "spam"),
    ] {
        let page = browser.get(address).await.text();
        assert!(page.contains(shown) && !page.contains(other), "{address}: {page}");
    }
    knowledge::set_hidden(&admin, first.entries[1].id, true).await.expect("it is hidden");
    assert_eq!(shelf(Shelf::Hidden, 1).await.entries.len(), 1);
    assert_eq!(shelf(Shelf::Anonymous, 20).await.entries.len(), 49);

    // Nothing waits for ever; what an administrator hid stays hidden, and members' words stay theirs.
    let system = Caller::system(&app.state, "tests");
    app.advance(Duration::from_hours(29 * 24)).await;
    acted(&app.anonymous(), "learn_from_error", report("Open the port", false)).await;
    app.advance(Duration::from_hours(2 * 24)).await;
    assert_eq!(quarantine::expire(&system).await.expect("a job"), 998);
    assert_eq!(count(&mut connection, &format!("{waiting} and hidden_at is null")).await, 1, "it was heard of again");
    assert_eq!(count(&mut connection, "database_knowledge_base").await, 3);
}

#[tokio::test]
async fn administrators_moderate_and_nobody_else() {
    let app = TestApp::start().await;
    let (admin, _) = app.signed_in("admin@example.org").await;
    let (ada, a) = member(&app, "ada@example.org").await;
    let told = acted(&a, "learn_from_error", report("Open the port", true)).await;
    let id = told["knowledgeId"].as_str().expect("an id").parse().expect("an id");
    let words = || Edit {
        title: "Open the port in the firewall".to_owned(),
        description: "Closed.".to_owned(),
        solution: "Open it.".to_owned(),
        category: mooring::knowledge::Category::Configuration,
    };
    assert!(matches!(knowledge::confirm(&ada, id).await, Err(AppError::Forbidden(_))));
    assert!(matches!(knowledge::edit(&ada, id, words()).await, Err(AppError::Forbidden(_))));
    for hidden in [true, false] {
        assert!(matches!(knowledge::set_hidden(&ada, id, hidden).await, Err(AppError::Forbidden(_))));
    }
    assert!(matches!(knowledge::delete(&ada, id).await, Err(AppError::Forbidden(_))));
    assert!(matches!(transfer::export(&ada).await, Err(AppError::Forbidden(_))));
    assert!(matches!(transfer::import(&ada, "{}").await, Err(AppError::Forbidden(_))));

    knowledge::confirm(&admin, id).await.expect("it is confirmed");
    knowledge::edit(&admin, id, words()).await.expect("it is edited");
    let entry = |entries: Vec<Value>| entries.into_iter().find(|entry| entry["id"] == told["knowledgeId"]);
    let seen = entry(found(&app.anonymous(), json!({})).await).expect("it is shared");
    assert_eq!((&seen["title"], &seen["category"]), (&json!("Open the port in the firewall"), &json!("configuration")));
    knowledge::set_hidden(&admin, id, true).await.expect("it is hidden");
    assert!(entry(found(&a, json!({})).await).is_none(), "for its author too");
    knowledge::set_hidden(&admin, id, false).await.expect("it is shown");
    let empty = Edit { title: " ".to_owned(), ..words() };
    assert!(matches!(knowledge::edit(&admin, id, empty).await, Err(AppError::Invalid(_))));

    // Out and in again: what is known is known, what was deleted is new.
    let file = serde_json::to_string(&transfer::export(&admin).await.expect("an export")[0]).expect("JSON");
    let again = transfer::import(&admin, &file).await.expect("an import");
    assert_eq!((again.added, again.known), (0, 1));
    knowledge::delete(&admin, id).await.expect("it is deleted");
    assert_eq!(knowledge::delete(&admin, id).await, Err(AppError::NotFound));
    let back = transfer::import(&admin, &file).await.expect("an import");
    assert_eq!((back.added, back.known), (1, 0));
    let evil = file.replace("Closed.", "<script>alert(1)</script>");
    assert!(matches!(transfer::import(&admin, &evil).await, Err(AppError::Invalid(_))));

    let lines: Vec<String> = sqlx::query_scalar(
        "select action || ' ' || status from database_audit_log where action like 'knowledge.%' order by seq",
    )
    .fetch_all(&mut app.database.connect().await)
    .await
    .expect("the log");
    let refused = ["confirm", "edit", "hide", "show", "delete", "import"].map(|act| format!("knowledge.{act} refused"));
    let done = ["confirm", "edit", "hide", "show", "import", "delete", "import"];
    let done = done.map(|act| format!("knowledge.{act} success"));
    assert_eq!(lines[0], "knowledge.learn success");
    assert_eq!((&lines[1..7], &lines[7..]), (&refused[..], &done[..]), "what a member tried is there too");

    // The stock comes back if it is deleted, so it is hidden instead; edited words stay.
    let system = Caller::system(&app.state, "tests");
    stock::load(&system).await.expect("the stock");
    let of_stock: KnowledgeEntry = search(
        Asker::Account(&admin),
        Search { provider: Some(Provider::MySql), category: None, query: "blocked".to_owned(), limit: 1 },
    )
    .await
    .expect("found")[0]
        .clone();
    assert!(matches!(knowledge::delete(&admin, of_stock.id).await, Err(AppError::Conflict(_))));
    knowledge::edit(&admin, of_stock.id, words()).await.expect("it is edited");
    assert_eq!(stock::load(&system).await.expect("the stock"), 0);
}
