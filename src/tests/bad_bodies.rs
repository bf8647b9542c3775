//! What a stranger may put into the body of a function: each is refused with the one body of errors, or taken for
//! the text that it is. Never a fault of ours, never anything of another account, and nothing is repeated of what was
//! sent. The tables have theirs in `rest.rs`.

use http::{Request, StatusCode, header};
use mooring::auth::Scope;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{
    app::TestApp,
    client::{Answer, Client},
    rows::count,
};

/// Every function with a body that it takes.
fn functions() -> [(&'static str, Value); 9] {
    let settings = json!({"host": "127.0.0.1", "port": 1, "username": "app", "password": "x"});
    let learn = |action: &str, data: Value| json!({"action": action, "data": data});
    [
        ("analyze-database-error", json!({"errorMessage": "refused", "provider": "mysql", "credentialId": ""})),
        ("validate-database-config", json!({"provider": "mysql", "credentials": settings})),
        ("fetch-provider-docs", json!({"provider": "mysql"})),
        ("proactive-health-monitor", json!({"credentialId": ""})),
        (
            "learn-connection-knowledge",
            learn("learn_from_success", json!({"provider": "mysql", "credentials": settings, "connectionName": "x"})),
        ),
        (
            "learn-connection-knowledge",
            learn(
                "learn_from_error",
                json!({"provider": "mysql", "errorMessage": "refused", "errorId": "", "fixApplied": "x", "fixWorked": true}),
            ),
        ),
        ("learn-connection-knowledge", learn("update_confidence", json!({"knowledgeId": Uuid::nil(), "worked": true}))),
        (
            "learn-connection-knowledge",
            learn("search_knowledge", json!({"provider": "mysql", "category": "security", "query": "x", "limit": 5})),
        ),
        (
            "intelligent-retry-connection",
            json!({"credentialId": "", "provider": "mysql", "credentials": {}, "userId": ""}),
        ),
    ]
}

async fn send(client: &Client, function: &str, body: impl Into<bytes::Bytes>) -> Answer {
    let request = Request::post(format!("/functions/v1/{function}")).header(header::CONTENT_TYPE, "application/json");
    client.send(request, body.into()).await
}

/// The answer is an error in its one form, by this status.
fn assert_refused(answer: &Answer, status: StatusCode, what: &str) {
    assert_eq!(answer.status, status, "{what}: {}", answer.text());
    let body = answer.json();
    let mut keys: Vec<&str> = body.as_object().expect("an object").keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["code", "details", "hint", "message"], "{what}");
    assert!(body["message"].as_str().is_some_and(|message| !message.is_empty()), "{what}");
}

/// Each place of a body that holds a value, as a JSON pointer.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    if let Value::Object(object) = value {
        for (key, value) in object {
            let place = format!("{at}/{key}");
            found.push(place.clone());
            places(value, &place, found);
        }
    }
}

#[tokio::test]
async fn what_is_no_json_object_is_refused_by_every_function() {
    let app = TestApp::start().await;
    let ada = app.user("ada@example.org").await;
    for (function, body) in functions() {
        let client = app.with_token(&ada, Scope::Full).await;
        let whole = body.to_string();
        let name = body.as_object().and_then(|object| object.keys().next()).expect("a field").clone();
        let twice = whole.replacen('{', &format!("{{\"{name}\":{},", body[&name]), 1);
        let deep = format!("{{\"provider\":{}{}}}", "[".repeat(500), "]".repeat(500));
        for (what, sent) in [
            ("truncated", whole.as_bytes()[..whole.len() - 1].to_vec()),
            ("a key twice", twice.into_bytes()),
            ("not UTF-8", b"{\"provider\":\"\xff\xfe\"}".to_vec()),
            ("half a surrogate pair", br#"{"provider":"\ud800"}"#.to_vec()),
            ("two values", [whole.as_bytes(), whole.as_bytes()].concat()),
            ("nested deeply", deep.into_bytes()),
            ("a list", format!("[{whole}]").into_bytes()),
            ("a text", b"\"hunter2\"".to_vec()),
            ("a number without end", b"{\"provider\":1e999}".to_vec()),
        ] {
            let answer = send(&client, function, sent).await;
            assert_refused(&answer, StatusCode::BAD_REQUEST, &format!("{function}: {what}"));
            assert!(!answer.text().contains("hunter2"));
        }
        let large = format!("{{\"provider\":\"{}\"}}", "x".repeat(1024 * 1024));
        assert_refused(&send(&client, function, large).await, StatusCode::PAYLOAD_TOO_LARGE, function);
        let form = Request::post(format!("/functions/v1/{function}"))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        assert_refused(&client.send(form, whole).await, StatusCode::UNSUPPORTED_MEDIA_TYPE, function);
        let asked = client.get(&format!("/functions/v1/{function}")).await;
        assert_refused(&asked, StatusCode::METHOD_NOT_ALLOWED, function);
    }
    let client = app.with_token(&ada, Scope::Full).await;
    assert_refused(&send(&client, "drop-table", "{}").await, StatusCode::NOT_FOUND, "no such function");
    let packed = Request::post("/functions/v1/fetch-provider-docs").header(header::CONTENT_ENCODING, "gzip");
    let answer = client.send(packed, b"\x1f\x8b\x08\x00".to_vec()).await;
    assert_refused(&answer, StatusCode::UNSUPPORTED_MEDIA_TYPE, "compressed");
}

/// A path that leads nowhere and a method that is not taken are refused in the form of errors too, to be read anywhere.
#[tokio::test]
async fn where_nothing_is_served_the_answer_is_one_that_programs_can_read() {
    let app = TestApp::start().await;
    let ada = app.user("ada@example.org").await;
    let client = app.with_token(&ada, Scope::Read).await;
    for (paths, status) in [
        (&["/rest/v1/", "/functions/v1/", "/rest/v1", "/functions/v1/no/such"][..], StatusCode::NOT_FOUND),
        (&["/metrics"], StatusCode::METHOD_NOT_ALLOWED),
    ] {
        for path in paths {
            for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "TRACE"] {
                if (*path, method) == ("/metrics", "GET") {
                    continue;
                }
                let request =
                    Request::builder().method(method).uri(*path).header(header::ORIGIN, "https://app.example");
                let answer = client.send(request, "").await;
                assert_refused(&answer, status, &format!("{method} {path}"));
                assert_eq!(answer.headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*", "{method} {path}");
                assert_eq!(answer.headers.contains_key(header::ALLOW), status == StatusCode::METHOD_NOT_ALLOWED);
            }
        }
    }
    let stranger = app.anonymous().send(Request::post("/metrics"), "").await;
    assert_refused(&stranger, StatusCode::UNAUTHORIZED, "no token");
}

/// A value of another type in each place, and what would end a string, a comment or a statement in SQL.
#[tokio::test]
async fn no_value_in_any_place_of_a_body_is_a_fault_of_ours() {
    let app = TestApp::start().await;
    let ada = app.user("ada@example.org").await;
    let strange = [
        json!(null),
        json!(true),
        json!(-1),
        json!(1e300),
        json!([]),
        json!([{"hunter2": {}}]),
        json!({"hunter2": [1]}),
        json!(""),
        json!("hunter2"),
        json!("'; drop table users; --"),
        json!("\" or 1=1 --"),
        json!("\u{0}"),
        json!("$1"),
        json!("(select password_hash from users limit 1)"),
        json!("\u{202e}\u{fffd}\u{1f6a2}"),
        json!("x".repeat(100_000)),
    ];
    for (function, body) in functions() {
        let mut found = Vec::new();
        places(&body, "", &mut found);
        for place in found {
            // One token may not connect as often as all of this would.
            let client = app.with_token(&ada, Scope::Full).await;
            for value in &strange {
                let mut sent = body.clone();
                *sent.pointer_mut(&place).expect("the place") = value.clone();
                let answer = send(&client, function, sent.to_string()).await;
                let shown: String = value.to_string().chars().take(60).collect();
                let what = format!("{function} {place}: {shown}");
                if answer.status != StatusCode::OK {
                    assert!(answer.status.is_client_error(), "{what}: {} {}", answer.status, answer.text());
                    assert_refused(&answer, answer.status, &what);
                    assert!(!answer.text().contains("hunter2"), "{what}: {}", answer.text());
                }
                assert!(!answer.text().contains("$argon2"), "{what}");
            }
        }
    }
    assert_eq!(count(&mut app.database.connect().await, "users").await, 1);
}

#[tokio::test]
async fn ids_of_others_are_ids_of_nothing() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.user("ada@example.org").await, app.user("bob@example.org").await);
    let settings = json!({"host": "127.0.0.1", "port": 1, "username": "app", "password": "hunter2"});
    let theirs = app.connection(&bob, "theirs", "postgresql", &settings).await.0;
    let error: Uuid = sqlx::query_scalar(
        "insert into database_connection_errors (user_id, credential_id, provider, error_message)
         values ($1, $2, 'postgresql', 'refused') returning id",
    )
    .bind(bob.user_id().expect("an account").0)
    .bind(theirs)
    .fetch_one(&mut app.database.connect().await)
    .await
    .expect("an error");
    let client = app.with_token(&ada, Scope::Full).await;
    let user = bob.user_id().expect("an account").0;
    let learn = |id: Uuid| json!({"action": "learn_from_error", "data": {"provider": "postgresql", "errorMessage": "x", "errorId": id}});
    let vote = |id: Uuid| json!({"action": "update_confidence", "data": {"knowledgeId": id, "worked": true}});
    for (function, foreign, nothing) in [
        ("proactive-health-monitor", json!({"credentialId": theirs}), json!({"credentialId": Uuid::new_v4()})),
        (
            "analyze-database-error",
            json!({"errorMessage": "x", "credentialId": theirs}),
            json!({"errorMessage": "x", "credentialId": Uuid::new_v4()}),
        ),
        ("intelligent-retry-connection", json!({"credentialId": theirs}), json!({"credentialId": Uuid::new_v4()})),
        ("intelligent-retry-connection", json!({"userId": user}), json!({"userId": Uuid::new_v4()})),
        ("learn-connection-knowledge", learn(error), learn(Uuid::new_v4())),
        ("learn-connection-knowledge", vote(error), vote(Uuid::new_v4())),
    ] {
        let (foreign, nothing) =
            (send(&client, function, foreign.to_string()).await, send(&client, function, nothing.to_string()).await);
        assert_refused(&foreign, StatusCode::NOT_FOUND, function);
        assert_eq!(foreign.text(), nothing.text(), "{function}");
    }
}
