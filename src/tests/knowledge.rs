//! The knowledge base with several people: what one learns, who sees it, and that nothing of them is in it.

mod moderation;
mod transfer;

use http::StatusCode;
use mooring::{
    auth::{Scope, server::Caller},
    connections::{
        NewConnection, Provider,
        server::{create, seal_plaintext_rows},
        url::parse_url,
    },
    error::AppError,
    health::{CheckOrigin, server::check_now},
    ids::ConnectionId,
    knowledge::{
        Search,
        server::{
            self as knowledge, Asker, ErrorReport, VerifiedFix, learn_from_error, learn_verified_fix, search, stock,
            suggestions,
        },
    },
    probe::Cause,
    status::State,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{
    app::TestApp,
    client::{Answer, Client},
    rows::{count, run},
};

const LEARN: &str = "/functions/v1/learn-connection-knowledge";

async fn act(client: &Client, action: &str, data: Value) -> Answer {
    client.post_json(LEARN, &json!({"action": action, "data": data})).await
}

async fn acted(client: &Client, action: &str, data: Value) -> Value {
    let answer = act(client, action, data).await;
    assert_eq!(answer.status, StatusCode::OK, "{action}: {}", answer.text());
    answer.json()
}

async fn found(client: &Client, data: Value) -> Vec<Value> {
    let found = acted(client, "search_knowledge", data).await;
    found["results"].as_array().expect("a list").clone()
}

fn report(fix: &str, worked: bool) -> Value {
    json!({"provider": "postgresql", "errorMessage": "Connection refused", "fixApplied": fix, "fixWorked": worked})
}

async fn member(app: &TestApp, email: &str) -> (Caller, Client) {
    let caller = app.user(email).await;
    let client = app.with_token(&caller, Scope::Full).await;
    (caller, client)
}

async fn connection(owner: &Caller, name: &str, url: &str) -> ConnectionId {
    let (provider, settings) = parse_url(url).expect("an address");
    let new = NewConnection::new(provider, name, settings);
    create(owner, new).await.expect("it is stored")
}

#[tokio::test]
async fn what_one_learnt_is_offered_to_all_without_anything_of_the_one() {
    let app = TestApp::start().await;
    let (ada, a) = member(&app, "ada.lovelace@acme-corp.example").await;
    let (_, b) = member(&app, "bob@other.example").await;
    let (_, c) = member(&app, "carol@third.example").await;
    connection(&ada, "Quarterly ledgers", "postgres://ledger_svc:swordfish@pgmain.acme-corp.example:5544/payrolls")
        .await;
    // Came by SQL: one that can be read as settings, and one that cannot.
    let user = ada.user_id().expect("an account");
    run(
        &mut app.database.connect().await,
        &format!(
            r#"insert into database_credentials (user_id, provider, connection_name, credentials)
               values ('{user}', 'legacy', 'old', '{{"host": "h", "password": "tangerine9"}}'),
                      ('{user}', 'legacy', 'older', '{{"hush": ["marmalade7"]}}')"#
        ),
    )
    .await;
    seal_plaintext_rows(&Caller::system(&app.state, "tests")).await.expect("they are sealed");
    let names = [
        "ada",
        "lovelace",
        "acme",
        "quarterly",
        "ledger_svc",
        "swordfish",
        "pgmain",
        "5544",
        "payrolls",
        "c3dvcmRmaXNo",
        "hunter2",
        "10.77.3.9",
        "/home/",
        "sb_secret",
        "tangerine9",
        "marmalade7",
    ];
    let learnt = acted(
        &a,
        "learn_from_error",
        json!({
            "provider": "postgresql",
            "errorMessage": "FATAL: no pg_hba.conf entry for host \"10.77.3.9\", user \"ledger_svc\", database \"payrolls\", no encryption",
            "fixApplied": "Ask ada.lovelace@acme-corp.example. Turned TLS on for Quarterly ledgers on pgmain (port 5544), pw: hunter2, the password is swordfish; \
                           c3dvcmRmaXNo and swordfish and sb_secret_abc123 are in /home/ada/.pgpass, tangerine9 opens it, and marmalade7",
            "fixWorked": true,
        }),
    )
    .await;
    assert_eq!(
        (&learnt["created"], &learnt["confidenceScore"], &learnt["successRate"]),
        (&json!(true), &json!(80), &json!(100.0))
    );

    // Words of a person: nobody else sees them yet, the author does.
    let everything = json!({"provider": "postgresql", "limit": 100});
    assert!(found(&b, everything.clone()).await.is_empty());
    assert_eq!(found(&a, everything.clone()).await.len(), 1);

    // A second account, with other names, says the same; then a third is offered it.
    let same = acted(
        &c,
        "learn_from_error",
        json!({
            "provider": "postgresql",
            "errorMessage": "no pg_hba.conf entry for host \"10.1.1.1\", user \"x1\", database \"y2\", no encryption",
            "fixApplied": "Ask carol@third.example. Turned TLS on for \"my own\" connection",
            "fixWorked": true,
        }),
    )
    .await;
    assert_ne!(same["knowledgeId"], learnt["knowledgeId"], "it is another cure in other words");
    // The first account is the administrator's.
    let id = learnt["knowledgeId"].as_str().expect("an id").parse().expect("an id");
    knowledge::confirm(&ada, id).await.expect("it is confirmed");
    let offered = found(&b, everything).await;
    assert_eq!(offered.len(), 1);
    let text = offered[0].to_string().to_lowercase();
    for name in names {
        assert!(!text.contains(name), "{name} is in {text}");
    }
    assert!(text.contains("turned tls on") && text.contains("<host>") && text.contains("access_rule_denied"), "{text}");
}

#[tokio::test]
async fn an_analysis_offers_what_another_s_confirmed_experience_taught() {
    let app = TestApp::start().await;
    let (ada, a) = member(&app, "ada.lovelace@acme-corp.example").await;
    let (_, b) = member(&app, "bob@other.example").await;
    stock::load(&Caller::system(&app.state, "tests")).await.expect("the stock");
    connection(&ada, "Ledgers", "postgres://ledger_svc:swordfish@pgmain.acme-corp.example:5544/payrolls").await;
    let told = json!({
        "provider": "postgresql",
        "errorMessage": "connect ECONNREFUSED pgmain.acme-corp.example:5544",
        "fixApplied": "1. Unplug the flux regulator of pgmain.\n2. Tell ledger_svc that swordfish is the word.",
        "fixWorked": true,
    });
    let learnt = acted(&a, "learn_from_error", told).await;
    let analysed = async |client: &Client| {
        let body = json!({"provider": "postgresql", "errorMessage": "connect ECONNREFUSED db.other.example:5432"});
        let answer = client.post_json("/functions/v1/analyze-database-error", &body).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        answer.json()
    };
    let of_knowledge = |analysis: &Value| -> Vec<Value> {
        let fixes = analysis["suggestedFixes"].as_array().expect("fixes");
        fixes.iter().filter(|fix| fix["source"] == json!("knowledge")).cloned().collect()
    };
    // Before it is confirmed, only its author is offered it; the stock says what the rules say already.
    assert_eq!(of_knowledge(&analysed(&a).await).len(), 1);
    let before = analysed(&b).await;
    assert!(of_knowledge(&before).is_empty() && before["analysis"]["sources"] == json!(["rules"]), "{before}");
    let id = learnt["knowledgeId"].as_str().expect("an id").parse().expect("an id");
    knowledge::confirm(&ada, id).await.expect("it is confirmed");

    let after = analysed(&b).await;
    assert_eq!(after["analysis"]["sources"], json!(["rules", "knowledge"]));
    let offered = of_knowledge(&after);
    assert_eq!(offered.len(), 1, "{after}");
    assert_eq!((&offered[0]["confidence"], &offered[0]["patch"]), (&json!(80), &Value::Null));
    assert_eq!(offered[0]["steps"].as_array().map(Vec::len), Some(2), "{}", offered[0]);
    let text = offered[0].to_string().to_lowercase();
    assert!(text.contains("flux regulator"), "{text}");
    for name in ["ada", "lovelace", "acme", "ledger", "swordfish", "pgmain", "5544", "payrolls"] {
        assert!(!text.contains(name), "{name} is in {text}");
    }
}

/// Whoever names no cure must not learn what another saw; whoever names it learns the cure and nothing else.
#[tokio::test]
async fn a_stranger_does_not_read_what_another_saw() {
    let app = TestApp::start().await;
    let (ada, a) = member(&app, "ada@example.org").await;
    let (_, b) = member(&app, "bob@example.org").await;
    let told = |message: &str, fix: &Value| json!({"provider": "postgresql", "errorMessage": message, "fixApplied": fix, "fixWorked": true});
    let saw = "Connection refused: the zebra of room seven sleeps";
    let long = (0..40).map(|word| format!("word{word}")).collect::<Vec<_>>().join(" ");
    let names_nothing = [json!(null), json!(true), json!(false), json!(""), json!("…"), json!("advice"), json!([])];
    for fix in names_nothing.iter().chain([&json!(format!("{long} the zebra"))]) {
        acted(&a, "learn_from_error", told(saw, fix)).await;
        acted(&a, "learn_from_error", told("it does not work, says the zebra", fix)).await;
    }
    acted(&a, "learn_from_error", told("it does not work, says the zebra", &json!("Restart it"))).await;
    let of_bob = async || {
        let seen =
            json!([found(&b, json!({"limit": 100})).await, found(&app.anonymous(), json!({"limit": 100})).await]);
        seen.to_string()
    };
    for fix in names_nothing.iter().chain([&json!(long), &json!("restart")]) {
        for message in ["Connection refused", "it does not work"] {
            acted(&b, "learn_from_error", told(message, fix)).await;
        }
    }
    assert!(found(&app.anonymous(), json!({})).await.is_empty(), "nothing was confirmed: {}", of_bob().await);
    assert!(!of_bob().await.contains("zebra"));

    // He names her cure: that is shared, and what she saw is not.
    let cure = json!("Unplug the flux regulator");
    let hers = acted(&a, "learn_from_error", told(saw, &cure)).await;
    assert!(found(&a, json!({"query": "flux"})).await[0]["description"].to_string().contains("zebra"), "it is hers");
    let his = acted(&b, "learn_from_error", told("Connection refused", &cure)).await;
    assert_eq!((&his["knowledgeId"], &his["created"]), (&hers["knowledgeId"], &json!(false)));
    let shared = found(&app.anonymous(), json!({})).await;
    assert_eq!((shared.len(), &shared[0]["solution"]), (1, &cure));
    assert_eq!(shared[0]["description"], json!(Cause::ConnectionRefused.advice()));
    assert!(!of_bob().await.contains("zebra"));
    // A short cure of a cause that is known is one.
    acted(&a, "learn_from_error", told(saw, &json!("Restart it"))).await;
    acted(&b, "learn_from_error", told("Connection refused", &json!("restarted"))).await;
    assert_eq!(found(&app.anonymous(), json!({})).await.len(), 2);
    // What an administrator reads and confirms is shared as it is.
    let own = found(&a, json!({"query": "zebra", "limit": 100})).await;
    let advice =
        own.iter().find(|entry| entry["cause"] == json!("connection_refused") && entry["standing"] == json!("private"));
    let id = advice.expect("hers alone")["id"].as_str().expect("an id").parse().expect("an id");
    knowledge::confirm(&ada, id).await.expect("it is confirmed");
    assert!(of_bob().await.contains("zebra"));
}

#[tokio::test]
async fn a_second_account_confirms_a_cure_and_it_is_one_entry() {
    let app = TestApp::start().await;
    let (ada, a) = member(&app, "ada@example.org").await;
    let (bob, b) = member(&app, "bob@example.org").await;
    let (_, c) = member(&app, "carol@example.org").await;
    let first = acted(&a, "learn_from_error", report("Restart the service on host alpha7", true)).await;
    assert!(found(&b, json!({})).await.is_empty());
    // By one account alone it stays its own, however often.
    let again = acted(&a, "learn_from_error", report("restart the SERVICE on host beta8!", true)).await;
    assert_eq!((&again["knowledgeId"], &again["created"]), (&first["knowledgeId"], &json!(false)));
    assert_eq!(again["confidenceScore"], json!(85));
    assert!(found(&b, json!({})).await.is_empty());
    // Another's report that it failed confirms nothing, and tells nothing of the first.
    let failed = acted(&c, "learn_from_error", report("Restart the service on host gamma9", false)).await;
    assert_eq!((&failed["created"], &failed["confidenceScore"]), (&json!(true), &json!(40)));
    assert_eq!(found(&c, json!({})).await.len(), 1);

    let confirmed = acted(&b, "learn_from_error", report("restart service on host delta1", true)).await;
    assert_eq!((&confirmed["knowledgeId"], &confirmed["created"]), (&first["knowledgeId"], &json!(false)));
    // Ada's two successes (80, 85), Bob's (+5), Carol's failure (-10).
    assert_eq!((&confirmed["confidenceScore"], &confirmed["successRate"]), (&json!(80), &json!(75.0)));
    for client in [&a, &b, &c] {
        let seen = found(client, json!({"query": "Connection refused"})).await;
        assert_eq!(seen.len(), 1, "one entry for all: {seen:?}");
        assert_eq!((&seen[0]["id"], &seen[0]["usageCount"]), (&first["knowledgeId"], &json!(4)));
    }
    let rows = count(&mut app.database.connect().await, "database_knowledge_base").await;
    assert_eq!(rows, 1);
    let suggested = suggestions(&bob, Provider::PostgreSql, Cause::ConnectionRefused, 5).await.expect("suggestions");
    assert_eq!(suggested.len(), 1);
    assert!(suggestions(&ada, Provider::MySql, Cause::ConnectionRefused, 5).await.expect("suggestions").is_empty());
}

#[tokio::test]
async fn what_is_typical_is_what_checks_saw_and_no_account_says() {
    let app = TestApp::start().await;
    let (ada, a) = member(&app, "ada@example.org").await;
    let (_, b) = member(&app, "bob@example.org").await;
    let told = json!({"provider": "mysql", "credentials": {"host": "db.acme.example", "tls": "disable"}});
    let first = acted(&a, "learn_from_success", told.clone()).await;
    assert_eq!((&first["created"], &first["successCount"]), (&json!(true), &json!(1)));
    for _ in 0..9 {
        let again = acted(&a, "learn_from_success", told.clone()).await;
        let known = (&again["patternId"], &again["created"], &again["successCount"]);
        assert_eq!(known, (&first["patternId"], &json!(false), &json!(1)), "each account counts once");
    }
    assert_eq!(acted(&b, "learn_from_success", told).await["successCount"], json!(2));
    assert!(knowledge::successful(&ada, None).await.expect("patterns").is_empty());

    let asked = json!({"provider": "mysql", "credentials": {"host": "db.other.example", "tls": "verify-full"}});
    let judged = a.post_json("/functions/v1/validate-database-config", &asked).await;
    assert_eq!(judged.json()["comparison"]["similarConnections"], json!(0), "{}", judged.text());
    let lines = count(&mut app.database.connect().await, "database_audit_log where details ? 'pattern'").await;
    assert_eq!(lines, 2, "what changed something is recorded");
}

#[tokio::test]
async fn confidence_moves_within_its_range() {
    let app = TestApp::start().await;
    let (_, a) = member(&app, "ada@example.org").await;
    let told = acted(&a, "learn_from_error", report("Open the port", true)).await;
    let vote = async |worked: bool| {
        acted(&a, "update_confidence", json!({"knowledgeId": told["knowledgeId"], "worked": worked})).await["confidenceScore"]
            .clone()
    };
    for expected in [85, 90, 95, 100, 100] {
        assert_eq!(vote(true).await, json!(expected));
    }
    for expected in [90, 80, 70, 60, 50, 40, 30, 20, 10, 0, 0] {
        assert_eq!(vote(false).await, json!(expected));
    }
    let low = acted(&a, "learn_from_error", report("Close the port", false)).await;
    assert_eq!((&low["confidenceScore"], &low["successRate"]), (&json!(40), &json!(0.0)));
}

/// A program reports every use; a person has one vote, which may be changed.
#[tokio::test]
async fn a_persons_vote_counts_once_and_a_change_of_mind_replaces_it() {
    let app = TestApp::start().await;
    let (_, a) = member(&app, "ada@example.org").await;
    let bob = app.user("bob@example.org").await;
    let (carol, _) = app.signed_in("carol@example.org").await;
    let told = acted(&a, "learn_from_error", report("Open the port", true)).await;
    let id = told["knowledgeId"].as_str().expect("an id").parse().expect("an id");
    run(&mut app.database.connect().await, "update database_knowledge_base set shared_at = now()").await;
    let vote = async |caller: &Caller, worked: bool| {
        let vote = knowledge::update_confidence(Asker::Account(caller), id, worked).await.expect("a vote");
        assert!(vote.counted);
        let row: (i32, i32) = sqlx::query_as("select successes, failures from database_knowledge_base where id = $1")
            .bind(id.0)
            .fetch_one(&mut app.database.connect().await)
            .await
            .expect("the entry");
        (vote.confidence_score, row.0, row.1)
    };
    // Her report counted already: 80, one success.
    assert_eq!(vote(&carol, true).await, (85, 2, 0));
    assert_eq!(vote(&carol, true).await, (85, 2, 0), "she said so");
    assert_eq!(vote(&carol, false).await, (70, 1, 1), "as if she had said that at first");
    assert_eq!(vote(&carol, false).await, (70, 1, 1));
    assert_eq!(vote(&bob, true).await, (75, 2, 1), "another has a vote of his own");
    assert_eq!(vote(&carol, true).await, (90, 3, 0));
}

#[tokio::test]
async fn a_verified_fix_is_shared_at_once() {
    let app = TestApp::start().await;
    let (ada, a) = member(&app, "ada@example.org").await;
    let (_, b) = member(&app, "bob@example.org").await;
    let said = acted(&a, "learn_from_error", json!({"provider": "postgresql", "errorMessage": "no pg_hba.conf entry, SSL off", "fixApplied": "Set TLS to require", "fixWorked": false})).await;
    let fix = |worked| VerifiedFix {
        provider: Provider::PostgreSql,
        cause: Cause::AccessRuleDenied,
        title: "Set TLS to require".to_owned(),
        solution: "Set TLS of the connection to require.".to_owned(),
        code_examples: Vec::new(),
        worked,
        user: ada.user_id().expect("an account"),
        error_id: None,
    };
    let failed = learn_verified_fix(&app.state, fix(false)).await.expect("learnt");
    assert_eq!(
        (failed.id.to_string().as_str(), failed.confidence_score),
        (said["knowledgeId"].as_str().expect("an id"), 30)
    );
    assert!(found(&b, json!({})).await.is_empty());
    let worked = learn_verified_fix(&app.state, fix(true)).await.expect("learnt");
    assert_eq!(worked.confidence_score, 35);
    assert_eq!(found(&b, json!({})).await.len(), 1);

    // Words of one's own that are nearly the same do not keep it private.
    acted(&a, "learn_from_error", report("Restart the server and increase the max pool size", true)).await;
    let fix = VerifiedFix {
        cause: Cause::ConnectionRefused,
        title: "Restart the server, and increase the pool size".to_owned(),
        solution: "Increase the pool size.".to_owned(),
        ..fix(true)
    };
    learn_verified_fix(&app.state, fix).await.expect("learnt");
    let shared = found(&b, json!({"query": "connection_refused"})).await;
    assert_eq!((shared.len(), &shared[0]["solution"]), (1, &json!("Increase the pool size.")));
}

#[tokio::test]
async fn the_wire_takes_what_supabase_js_sends_and_refuses_the_rest() {
    let app = TestApp::start().await;
    let (ada, a) = member(&app, "ada@example.org").await;
    let stranger = app.user("stranger@example.org").await;
    let id = connection(&ada, "orders", "postgres://app:pw@127.0.0.1:1/x").await;
    check_now(&ada, id, CheckOrigin::Person).await.expect("a check that fails");
    let error: Uuid = sqlx::query_scalar("select id from database_connection_errors where credential_id = $1")
        .bind(id.0)
        .fetch_one(&mut app.database.connect().await)
        .await
        .expect("its error");
    let linked = json!({"provider": "postgresql", "errorMessage": "it does not work", "errorId": error, "fixApplied": true, "fixWorked": true, "extra": 1});
    let learnt = acted(&a, "learn_from_error", linked.clone()).await;
    assert_eq!(learnt["success"], json!(true));
    let mine = found(&a, json!({"query": "refused", "provider": null})).await;
    assert_eq!(
        (mine.len(), &mine[0]["cause"]),
        (1, &json!("connection_refused")),
        "the error's cause counts: {mine:?}"
    );
    assert_eq!(count(&mut app.database.connect().await, "knowledge_reports where error_id is not null").await, 1);
    // Another's error is no error.
    let other = app.with_token(&stranger, Scope::Full).await;
    assert_eq!(act(&other, "learn_from_error", linked).await.status, StatusCode::NOT_FOUND);

    // Without a content type, and with one that says otherwise.
    let body = json!({"action": "search_knowledge"}).to_string();
    let bare = a.send(http::Request::post(LEARN), body).await;
    assert_eq!(bare.status, StatusCode::OK, "{}", bare.text());

    for (data, named) in [
        (json!({}), "action"),
        (json!({"action": "drop"}), "action"),
        (json!({"action": "learn_from_error", "data": {}}), "provider"),
        (json!({"action": "learn_from_error", "data": {"provider": "oracle", "errorMessage": "x"}}), "provider"),
        (json!({"action": "learn_from_error", "data": {"provider": "mysql", "errorMessage": " "}}), "errorMessage"),
        (
            json!({"action": "learn_from_error", "data": {"provider": "mysql", "errorMessage": "x", "errorId": "1"}}),
            "errorId",
        ),
        (
            json!({"action": "learn_from_error", "data": {"provider": "mysql", "errorMessage": "x", "fixApplied": 7}}),
            "fixApplied",
        ),
        (json!({"action": "update_confidence", "data": {"knowledgeId": "x", "worked": true}}), "knowledgeId"),
        (json!({"action": "update_confidence", "data": {"knowledgeId": Uuid::nil()}}), "worked"),
        (json!({"action": "search_knowledge", "data": {"category": "x"}}), "data.category"),
        (json!({"action": "search_knowledge", "data": {"provider": "x"}}), "data.provider"),
        (json!({"action": "search_knowledge", "data": {"limit": -1}}), ""),
        (json!({"action": "learn_from_success", "data": {"provider": "mysql", "credentials": 5}}), "credentials"),
        (json!([]), ""),
    ] {
        let answer = a.post_json(LEARN, &data).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{data}: {}", answer.text());
        let error = answer.json();
        assert!(error["code"].is_string() && error["message"].is_string(), "{error}");
        assert!(error["details"].as_str().is_some_and(|details| details.contains(named)), "{data}: {error}");
    }
    for body in ["{\"action\":", "\u{0}", "{\"action\": \"search_knowledge\", \"action\": \"x\"}", "\"x\""] {
        assert_eq!(a.send(http::Request::post(LEARN), body).await.status, StatusCode::BAD_REQUEST, "{body}");
    }
    assert_eq!(
        a.send(http::Request::post(LEARN), vec![b'x'; 1024 * 1024 + 1]).await.status,
        StatusCode::PAYLOAD_TOO_LARGE
    );
    assert_eq!(a.get(LEARN).await.status, StatusCode::METHOD_NOT_ALLOWED);
    let hostile = json!({"query": "'; drop table x; -- \u{0} & | ! ( :*", "limit": 4_000_000});
    assert_eq!(act(&a, "search_knowledge", hostile).await.status, StatusCode::OK);

    // Scopes.
    let reader = app.with_token(&ada, Scope::Read).await;
    assert_eq!(act(&reader, "search_knowledge", json!({})).await.status, StatusCode::OK);
    for (action, data) in [
        ("learn_from_error", report("x", true)),
        ("learn_from_success", json!({"provider": "mysql"})),
        ("update_confidence", json!({"knowledgeId": learnt["knowledgeId"], "worked": true})),
    ] {
        assert_eq!(act(&reader, action, data).await.status, StatusCode::FORBIDDEN, "{action}");
    }
    let cron = app.with_token(&ada, Scope::Cron).await;
    assert_eq!(act(&cron, "search_knowledge", json!({})).await.status, StatusCode::FORBIDDEN);
    let wrong = app.anonymous().with_token("mrg_wrong");
    assert_eq!(act(&wrong, "search_knowledge", json!({})).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn the_stock_is_there_once_and_is_found() {
    let app = TestApp::start().await;
    let (ada, a) = member(&app, "ada@example.org").await;
    let system = Caller::system(&app.state, "tests");
    let first = stock::load(&system).await.expect("the stock");
    let entries = stock::entries().expect("the stock").len();
    assert_eq!(first, u64::try_from(entries).expect("a number"));
    assert_eq!(stock::load(&system).await.expect("the stock"), 0, "doing it again changes nothing");

    for (query, provider, cause) in [
        ("FATAL: sorry, too many clients already", "postgresql", "too_many_connections"),
        ("Host '10.0.0.1' is not allowed to connect to this MySQL server", "mysql", "access_rule_denied"),
        ("querySrv ENOTFOUND _mongodb._tcp.cluster0.example.net", "mongodb", "srv_lookup_failed"),
        ("certificate has expired", "supabase", "tls_cert_expired"),
        ("authSource", "mongodb", "auth_source_wrong"),
    ] {
        let results = found(&a, json!({"provider": provider, "query": query})).await;
        assert!(results.len() <= 10 && !results.is_empty(), "{query}");
        assert_eq!(results[0]["cause"], json!(cause), "{query}: {}", results[0]["title"]);
        assert!(results.iter().all(|entry| entry["provider"] == json!(provider)), "{query}");
    }
    let security = found(&a, json!({"provider": "mysql", "category": "security", "limit": 50})).await;
    assert!(!security.is_empty() && security.iter().all(|entry| entry["category"] == json!("security")));

    // The cache of a process knows when it is stale.
    let wanted = || Search { provider: Some(Provider::MySql), category: None, query: "blocked".to_owned(), limit: 3 };
    let before = search(Asker::Account(&ada), wanted()).await.expect("found");
    let kept = search(Asker::Account(&ada), wanted()).await.expect("found");
    assert!(std::sync::Arc::ptr_eq(&before, &kept), "it is kept");
    run(
        &mut app.database.connect().await,
        "update database_knowledge_base set title = 'Another title' where provider = 'mysql' and cause = 'host_blocked'",
    )
    .await;
    let after = search(Asker::Account(&ada), wanted()).await.expect("found");
    assert!(after.iter().any(|entry| entry.title == "Another title"));
}

#[tokio::test]
async fn a_success_is_learnt_once_and_again_after_a_change() {
    let app = TestApp::start().await;
    let ada = app.user("ada@example.org").await;
    let id = connection(&ada, "own", &format!("{}?sslmode=disable", app.database.url())).await;
    let counts = async || {
        let known = knowledge::successful(&ada, Some(Provider::PostgreSql)).await.expect("patterns");
        known
            .into_iter()
            .map(|known| (known.pattern.tls_mode, known.pattern.host_class, known.count))
            .collect::<Vec<_>>()
    };
    for _ in 0..3 {
        let result = check_now(&ada, id, CheckOrigin::Person).await.expect("a check");
        assert!(result.error_message.is_none(), "{result:?}");
    }
    assert_eq!(counts().await, [("disable".to_owned(), "loopback".to_owned(), 1)]);
    run(
        &mut app.database.connect().await,
        &format!("update database_credentials set settings_changed_at = mooring_now() + interval '1 second' where id = '{id}'"),
    )
    .await;
    check_now(&ada, id, CheckOrigin::Person).await.expect("a check");
    assert_eq!(counts().await, [("disable".to_owned(), "loopback".to_owned(), 2)]);
    let text: String = sqlx::query_scalar("select string_agg(p::text, ' ') from connection_patterns as p")
        .fetch_one(&mut app.database.connect().await)
        .await
        .expect("the patterns");
    assert!(!text.contains("127.0.0.1") && !text.contains(&ada.user_id().expect("an account").to_string()), "{text}");
}

#[tokio::test]
async fn two_reports_at_the_same_time_are_one_entry_and_both_count() {
    let app = TestApp::start().await;
    let ada = app.user("ada@example.org").await;
    let tell = || {
        let ada = ada.clone();
        tokio::spawn(async move {
            let report = ErrorReport {
                provider: Provider::MySql,
                message: "Connection refused".to_owned(),
                error_id: None,
                fix: Some("Open the port".to_owned()),
                worked: true,
            };
            learn_from_error(Asker::Account(&ada), report).await
        })
    };
    let reports: Vec<_> = (0..6).map(|_| tell()).collect();
    let mut created = 0;
    for report in reports {
        created += u32::from(report.await.expect("a task").expect("learnt").created);
    }
    assert_eq!(created, 1);
    let (rows, score): (i64, i32) =
        sqlx::query_as("select count(*), max(confidence_score)::integer from database_knowledge_base")
            .fetch_one(&mut app.database.connect().await)
            .await
            .expect("the entries");
    assert_eq!((rows, score), (1, 100));
}

#[tokio::test]
async fn the_same_cure_in_nearly_the_same_words_is_one_entry() {
    let app = TestApp::start().await;
    let (_, a) = member(&app, "ada@example.org").await;
    let learnt = async |provider: &str, message: &str, fix: &str| {
        let told = json!({"provider": provider, "errorMessage": message, "fixApplied": fix, "fixWorked": true});
        acted(&a, "learn_from_error", told).await["knowledgeId"].clone()
    };
    let refused = "Connection refused";
    let first = learnt("postgresql", refused, "Restart the server, and increase the pool size").await;
    for same in [
        "increased POOL size; restarted the server!",
        "Restart the server and increase the max pool size",
        "we restarted the server and raised the pool size on host alpha7",
    ] {
        assert_eq!(learnt("postgresql", refused, same).await, first, "{same}");
    }
    for (provider, message, other) in [
        ("postgresql", refused, "Restart the service, and decrease the pool size"),
        ("postgresql", refused, "Restart the server"),
        // Of another cause, or for another provider, it is another cure.
        ("postgresql", "FATAL: sorry, too many clients already", "Restart the server, and increase the pool size"),
        ("mysql", refused, "Restart the server, and increase the pool size"),
    ] {
        assert_ne!(learnt(provider, message, other).await, first, "{provider}, {message}: {other}");
    }
    assert_eq!(count(&mut app.database.connect().await, "database_knowledge_base").await, 5);
}

#[tokio::test]
async fn without_the_extension_texts_are_compared_by_their_words() {
    let app = TestApp::start().await;
    let mut connection = app.database.connect().await;
    let fallback: String =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/0010_knowledge.sql"))
            .expect("the migration")
            .split("    else\n")
            .nth(1)
            .and_then(|rest| rest.split("    end if;").next())
            .expect("the other definition")
            .replace("create function", "create or replace function");
    run(&mut connection, &fallback).await;
    run(&mut connection, "drop extension pg_trgm").await;
    let (same, other): (f32, f32) = sqlx::query_as(
        "select knowledge_similarity('tls require', 'require tls'), knowledge_similarity('tls require', 'open port')",
    )
    .fetch_one(&mut connection)
    .await
    .expect("it works without");
    assert!((same - 1.0).abs() < 1e-6 && other.abs() < 1e-6, "{same} {other}");
    let (_, a) = member(&app, "ada@example.org").await;
    let told = acted(&a, "learn_from_error", report("Open the port", true)).await;
    assert_eq!(found(&a, json!({"query": "port"})).await[0]["id"], told["knowledgeId"]);
}

#[tokio::test]
async fn the_page_shows_what_is_known_without_javascript() {
    let app = TestApp::start().await;
    let (_, admin) = app.signed_in("admin@example.org").await;
    let (_, client) = app.signed_in("ada@example.org").await;
    stock::load(&Caller::system(&app.state, "tests")).await.expect("the stock");
    let page = client.get("/knowledge?q=too+many+clients&provider=postgresql").await;
    assert_eq!(page.status, StatusCode::OK);
    let text = page.text();
    assert!(
        text.contains("Put a pooler in front") && text.contains("It worked") && !text.contains("Moderate"),
        "{text}"
    );
    let page = admin.get("/knowledge?q=too+many+clients").await.text();
    assert!(page.contains("Moderate") && page.contains("/knowledge/export.json"));
    let file = admin.get("/knowledge/export.json").await;
    assert!(file.json()["entries"].as_array().is_some_and(|entries| entries.len() > 150));
    assert_eq!(client.get("/knowledge/export.json").await.status, StatusCode::FORBIDDEN);
    assert!(client.get("/knowledge?show=waiting").await.text().contains("administrators"));
}

#[tokio::test]
async fn a_failing_connection_shows_its_cures_with_links_and_asks_whether_they_helped() {
    let app = TestApp::start().await;
    let (ada, client) = app.signed_in("ada@example.org").await;
    let (bob, stranger) = app.signed_in("bob@example.org").await;
    stock::load(&Caller::system(&app.state, "tests")).await.expect("the stock");
    let id = connection(&ada, "orders", "postgres://app:pw@127.0.0.1:1/x").await;
    assert!(knowledge::cures_of_connection(&ada, id).await.expect("nothing yet").is_empty(), "it has not failed");
    check_now(&ada, id, CheckOrigin::Person).await.expect("a check that fails");

    let cures = knowledge::cures_of_connection(&ada, id).await.expect("cures");
    let surest = cures.first().expect("the stock has one").clone();
    assert_eq!((surest.provider, surest.cause), (Provider::PostgreSql, Cause::ConnectionRefused));
    assert!(cures.is_sorted_by(|a, b| a.confidence_score >= b.confidence_score));
    assert_eq!(knowledge::cures_of_connection(&bob, id).await, Err(AppError::NotFound));

    // The card, whole without scripts; the board and the guide lead to it and on from it.
    let page = client.get(&format!("/connections/{id}")).await.text();
    let first_step =
        mooring::knowledge::steps(&surest.solution)[0].split(['`', '\'', '&', '"']).next().expect("words").to_owned();
    for part in [
        "id=\"cures\"",
        "It did not work",
        &format!("/knowledge/{}", surest.id),
        "/guides/postgresql#connection_refused",
        &first_step,
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert!(client.get("/").await.text().contains(&format!("/connections/{id}#cures")));
    let guide = client.get("/guides/postgresql").await.text();
    for part in ["/knowledge?provider=postgresql&amp;q=connection_refused", "/connections/new?provider=postgresql"] {
        assert!(guide.contains(part), "{part}");
    }
    let form = client.get("/connections/new?provider=mysql").await.text();
    assert!(form.contains("/guides/mysql") && form.contains("/guides/firebase"));

    // The vote is a form.
    let vote = crate::support::client::server_function("vote_knowledge");
    let sent = client.post_form(&vote, &[("id", &surest.id.to_string()), ("worked", "true")]).await;
    assert!(sent.status.is_redirection() || sent.status.is_success(), "{sent:?}");
    let entry = client.get(&format!("/knowledge/{}", surest.id)).await;
    assert_eq!(entry.status, StatusCode::OK);
    assert!(entry.text().contains("worked in 100 % of 1 report"), "{}", entry.text());
    assert!(entry.text().contains(&format!("{} % sure", surest.confidence_score + 5)));
    for gone in [Uuid::new_v4().to_string(), "no-id".to_owned()] {
        assert_eq!(client.get(&format!("/knowledge/{gone}")).await.status, StatusCode::NOT_FOUND);
    }

    // What waits is shown to its author and to administrators, and to nobody else.
    let (_, c) = member(&app, "carol@example.org").await;
    let own = acted(&c, "learn_from_error", report("Turn the flux regulator", true)).await;
    let address = format!("/knowledge/{}", own["knowledgeId"].as_str().expect("an id"));
    assert_eq!(stranger.get(&address).await.status, StatusCode::NOT_FOUND);
    assert!(
        client.get(&address).await.text().contains("Only you see this"),
        "the first account is the administrator's"
    );

    // The code of a cause finds that cause alone.
    let found = found(&c, json!({"provider": "postgresql", "query": "connection_refused", "limit": 50})).await;
    assert!(!found.is_empty() && found.iter().all(|entry| entry["cause"] == json!("connection_refused")), "{found:?}");
}

#[tokio::test]
async fn the_status_page_says_what_was_learnt_and_when() {
    let app = TestApp::start().await;
    let (admin, client) = app.signed_in("admin@example.org").await;
    let learning = async || {
        let report = mooring::status::server::report(&admin).await.expect("a report");
        report.parts.into_iter().find(|part| part.name == "Learning").expect("the part")
    };
    let bare = learning().await;
    assert_eq!((bare.state, bare.last_at), (State::Attention, None), "the stock is not there: {bare:?}");

    let stock = stock::load(&Caller::system(&app.state, "tests")).await.expect("the stock");
    let (_, a) = member(&app, "ada@example.org").await;
    acted(&a, "learn_from_error", report("Turn the flux regulator", true)).await;
    acted(&a, "learn_from_error", report("Turn the other regulator off", false)).await;
    // What an account says is not known yet; what a check saw is.
    acted(&a, "learn_from_success", json!({"provider": "mysql", "credentials": {"host": "db.acme.example"}})).await;
    run(
        &mut app.database.connect().await,
        "insert into connection_patterns (provider, port_class, tls_mode, route, host_class, success_count)
         values ('mysql', 'default', 'require', 'direct', 'aws', 1)",
    )
    .await;
    let now = learning().await;
    assert_eq!(now.state, State::Ok);
    assert!(now.last_at.is_some());
    for part in [
        format!("Entries offered to all: {stock} ({stock} built in)."),
        "Reports: 1 that a cure worked, 1 that it did not.".to_owned(),
        "Kinds of configuration known to work: 1; successes: 1.".to_owned(),
    ] {
        assert!(now.finding.contains(&part), "{part} in {}", now.finding);
    }
    assert!(now.advice.is_some_and(|advice| advice.contains("confirmed: 2.")));
    assert!(client.get("/status").await.text().contains("Entries offered to all"));
}
