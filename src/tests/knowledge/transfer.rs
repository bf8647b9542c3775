//! Entries out and in, and what becomes of those that came in.

use http::StatusCode;
use mooring::{
    auth::server::Caller,
    connections::Provider,
    knowledge::{
        EntryOrigin,
        server::{self as knowledge, Edit, stock, suggestions, transfer},
    },
    probe::Cause,
};
use serde_json::json;

use super::{acted, member, report};
use crate::support::{app::TestApp, client::server_function, rows::run};

#[tokio::test]
async fn an_export_is_imported_whole() {
    let (here, there) = (TestApp::start().await, TestApp::start().await);
    let (admin, other) = (here.user("admin@example.org").await, there.user("admin@example.org").await);
    stock::load(&Caller::system(&here.state, "tests")).await.expect("the stock");
    let (_, a) = member(&here, "ada@example.org").await;
    let own = acted(&a, "learn_from_error", report("Open \"the\" port: <tcp> & {more}", true)).await;
    acted(&a, "update_confidence", json!({"knowledgeId": own["knowledgeId"], "worked": false})).await;
    let id = own["knowledgeId"].as_str().expect("an id").parse().expect("an id");
    knowledge::confirm(&admin, id).await.expect("it is confirmed");
    // Held back, so nobody else's business.
    acted(&a, "learn_from_error", report("Turn the flux regulator", true)).await;

    let export = async |caller: &Caller| {
        let parts = transfer::export(caller).await.expect("an export");
        assert_eq!(parts.len(), 1);
        serde_json::to_value(&parts[0]).expect("JSON")
    };
    let file = export(&admin).await;
    assert!(file.to_string().contains("<tcp> & {more}") && !file.to_string().contains("flux"));
    let report = transfer::import(&other, &file.to_string()).await.expect("an import");
    let entries = file["entries"].as_array().expect("entries").len();
    assert_eq!((usize::try_from(report.added).expect("a number"), report.known), (entries, 0));
    assert_eq!(export(&other).await, file);
}

#[tokio::test]
async fn what_is_too_long_for_one_import_is_exported_in_parts() {
    let app = TestApp::start().await;
    let (admin, client) = app.signed_in("admin@example.org").await;
    assert!(client.get("/knowledge").await.text().contains("href=\"/knowledge/export.json\""));
    run(
        &mut app.database.connect().await,
        "insert into database_knowledge_base (provider, category, title, description, solution, fix_key, shared_at)
         select 'mysql', 'security', 'Entry ' || n, 'd', 's', 'entry ' || n, mooring_now()
           from generate_series(1, 2100) as n",
    )
    .await;
    for (part, entries) in [(1, 2_000), (2, 100)] {
        let address = format!("/knowledge/export.json?part={part}");
        assert!(client.get("/knowledge").await.text().contains(&format!("href=\"{address}\"")));
        let file = client.get(&address).await;
        let name = file.headers[http::header::CONTENT_DISPOSITION].to_str().expect("a name");
        assert!(name.contains(&format!("mooring-knowledge-{part}-of-2.json")), "{name}");
        assert_eq!(file.json()["entries"].as_array().map(Vec::len), Some(entries));
        let again = transfer::import(&admin, &file.text()).await.expect("an import");
        assert_eq!((again.added, usize::try_from(again.known)), (0, Ok(entries)));
    }
    assert_eq!(client.get("/knowledge/export.json?part=3").await.status, StatusCode::NOT_FOUND);

    // The largest file arrives, though a form makes three bytes of each sign.
    let import = server_function("import_knowledge");
    let sent = client.post_form(&import, &[("file", &"\"".repeat(transfer::LONGEST_IMPORT))]).await;
    assert!(sent.status != StatusCode::PAYLOAD_TOO_LARGE, "{sent:?}");
}

#[tokio::test]
async fn an_analysis_offers_what_was_imported_and_not_what_its_rules_say_already() {
    let app = TestApp::start().await;
    let (admin, _) = app.signed_in("admin@example.org").await;
    let (_, client) = member(&app, "ada@example.org").await;
    stock::load(&Caller::system(&app.state, "tests")).await.expect("the stock");
    let offered = async || -> Vec<String> {
        let body = json!({"provider": "postgresql", "errorMessage": "connect ECONNREFUSED 10.0.0.7:5432"});
        let answer = client.post_json("/functions/v1/analyze-database-error", &body).await.json();
        let fixes = answer["suggestedFixes"].as_array().expect("fixes").clone();
        let known = fixes.into_iter().filter(|fix| fix["source"] == json!("knowledge"));
        known.map(|fix| fix["title"].as_str().expect("a title").to_owned()).collect()
    };
    assert!(offered().await.is_empty(), "the stock says what the rules say");
    let file = json!({"version": 1, "entries": [{
        "provider": "postgresql", "cause": "connection_refused", "category": "error_resolution",
        "title": "Wake the flux regulator", "description": "It sleeps.", "solution": "Wake it.",
    }]});
    transfer::import(&admin, &file.to_string()).await.expect("an import");
    assert_eq!(offered().await, ["Wake the flux regulator"]);

    // What an administrator wrote into the stock is experience too.
    let stock = suggestions(&admin, Provider::PostgreSql, Cause::ConnectionRefused, 50).await.expect("suggestions");
    let stock = stock.iter().find(|entry| entry.origin == EntryOrigin::Stock).expect("one of the stock");
    let words = Edit {
        title: "Ask the harbour master".to_owned(),
        description: "He knows.".to_owned(),
        solution: "Ask.".to_owned(),
        category: stock.category,
    };
    knowledge::edit(&admin, stock.id, words).await.expect("it is edited");
    let mut titles = offered().await;
    titles.sort();
    assert_eq!(titles, ["Ask the harbour master", "Wake the flux regulator"]);
}
