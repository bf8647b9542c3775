//! Entries out and in, and what becomes of those that came in.

use mooring::{
    auth::server::Caller,
    knowledge::server::{self as knowledge, stock, transfer},
};

use super::{acted, member, report};
use crate::support::app::TestApp;

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

    let export =
        async |caller: &Caller| serde_json::to_value(transfer::export(caller).await.expect("an export")).expect("JSON");
    let file = export(&admin).await;
    assert!(file.to_string().contains("<tcp> & {more}") && !file.to_string().contains("flux"));
    let report = transfer::import(&other, &file.to_string()).await.expect("an import");
    let entries = file["entries"].as_array().expect("entries").len();
    assert_eq!((usize::try_from(report.added).expect("a number"), report.known), (entries, 0));
    assert_eq!(export(&other).await, file);
}
