//! Accounts as a browser and a program meet them: who becomes the administrator, what ends a session, what
//! guessing costs, what a code and a token are good for.

use std::time::Duration;

use http::{Request, StatusCode, header};
use mooring::auth::Scope;
use mooring::auth::server::{accounts::make_sign_up_code, tokens};
use totp_rs::{Algorithm, Secret, TOTP};

use crate::support::{
    app::TestApp,
    client::{Answer, Client, PASSWORD, percent, server_function},
};

/// Calls a server function as a hydrated page does.
async fn call(client: &Client, function: &str, fields: &[(&str, &str)]) -> Answer {
    let body: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", percent(value))).collect();
    let request = Request::post(server_function(function))
        .header(header::ACCEPT, "application/json")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    client.send(request, body.join("&")).await
}

async fn sign_up(client: &Client, email: &str) -> Answer {
    call(client, "sign_up", &[("email", email), ("password", PASSWORD)]).await
}

async fn try_password(client: &Client, email: &str, password: &str) -> Answer {
    call(client, "sign_in", &[("email", email), ("password", password)]).await
}

/// The role of whoever is signed in; none for a stranger.
async fn role(client: &Client) -> Option<String> {
    call(client, "get_me", &[]).await.json()["role"].as_str().map(str::to_owned)
}

/// The session's cookie.
fn session(client: &Client) -> Option<String> {
    client.cookies().split("; ").find_map(|cookie| cookie.strip_prefix("mooring=").map(str::to_owned))
}

#[tokio::test]
async fn the_first_account_is_the_administrators_and_the_last_that_anyone_may_make() {
    let app = TestApp::with(&[("MOORING_SIGNUP", "first")]).await;
    let (first, second) = (app.anonymous(), app.anonymous());
    assert_eq!(sign_up(&first, "ada@example.org").await.status, StatusCode::OK);
    assert_eq!(role(&first).await.as_deref(), Some("admin"));
    assert_eq!(sign_up(&second, "bob@example.org").await.status, StatusCode::FORBIDDEN);
    assert_eq!(role(&second).await, None);
}

#[tokio::test]
async fn of_two_first_sign_ups_one_wins() {
    let app = TestApp::with(&[("MOORING_SIGNUP", "first")]).await;
    let (one, other) = (app.anonymous(), app.anonymous());
    let (first, second) = tokio::join!(sign_up(&one, "ada@example.org"), sign_up(&other, "bob@example.org"));
    let mut statuses = [first.status, second.status];
    statuses.sort();
    assert_eq!(statuses, [StatusCode::OK, StatusCode::FORBIDDEN]);
}

#[tokio::test]
async fn where_anyone_may_sign_up_only_the_first_is_the_administrator() {
    let app = TestApp::with(&[("MOORING_SIGNUP", "open"), ("MOORING_EGRESS", "self-hosted")]).await;
    let (one, other) = (app.anonymous(), app.anonymous());
    tokio::join!(sign_up(&one, "ada@example.org"), sign_up(&other, "bob@example.org"));
    let mut roles = [role(&one).await, role(&other).await];
    roles.sort();
    assert_eq!(roles, [Some("admin".to_owned()), Some("member".to_owned())]);
    let taken = sign_up(&app.anonymous(), "ADA@example.org").await;
    assert_eq!(taken.status, StatusCode::BAD_REQUEST);
    assert!(taken.text().contains("\"email\""), "{}", taken.text());
}

#[tokio::test]
async fn where_accounts_are_made_on_the_command_line_no_page_makes_one() {
    let app = TestApp::with(&[("MOORING_SIGNUP", "closed")]).await;
    assert_eq!(sign_up(&app.anonymous(), "ada@example.org").await.status, StatusCode::FORBIDDEN);
    app.user("ada@example.org").await;
    assert_eq!(role(&app.anonymous().sign_in("ada@example.org").await).await.as_deref(), Some("admin"));
}

#[tokio::test]
async fn strangers_on_the_network_need_the_code_from_the_log() {
    let app = TestApp::with(&[("MOORING_ADDR", "0.0.0.0:3000")]).await;
    let code = make_sign_up_code(&app.state).await.expect("a code").expect("one is asked for");
    let of_another_process = make_sign_up_code(&app.state).await.expect("a code").expect("one is asked for");
    assert_ne!(code, of_another_process);
    let client = app.anonymous();
    for wrong in [None, Some(""), Some("0000-0000-0000-0000")] {
        let mut fields = vec![("email", "ada@example.org"), ("password", PASSWORD)];
        fields.extend(wrong.map(|code| ("code", code)));
        let answer = call(&client, "sign_up", &fields).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{wrong:?}");
        assert!(answer.text().contains("\"code\""), "{}", answer.text());
    }
    let typed = code.to_lowercase().replace('-', " ");
    let right = [("email", "ada@example.org"), ("password", PASSWORD), ("code", typed.as_str())];
    assert_eq!(call(&client, "sign_up", &right).await.status, StatusCode::OK);
    assert_eq!(make_sign_up_code(&app.state).await.expect("no code"), None, "there is an account now");
}

#[tokio::test]
async fn bad_input_names_its_field_and_makes_nothing() {
    let app = TestApp::start().await;
    let long = format!("{}@example.org", "a".repeat(10_000));
    for (email, password, field) in [
        ("", PASSWORD, "email"),
        ("ada", PASSWORD, "email"),
        (long.as_str(), PASSWORD, "email"),
        ("ada@example.org", "short", "password"),
        ("ada@example.org", "Password-123", "password"),
        ("ada@example.org", "ada@example.org", "password"),
    ] {
        let answer = call(&app.anonymous(), "sign_up", &[("email", email), ("password", password)]).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{email} {password}");
        assert!(answer.text().contains(&format!("\"{field}\"")), "{}", answer.text());
    }
    assert_eq!(call(&app.anonymous(), "get_first_run", &[]).await.json()["has_accounts"], false);
}

#[tokio::test]
async fn a_planted_session_id_is_not_signed_in() {
    let app = TestApp::start().await;
    app.user("ada@example.org").await;
    let planted = "AAAAAAAAAAAAAAAAAAAAAA";
    let body = format!("email=ada%40example.org&password={}", percent(PASSWORD));
    let request = Request::post(server_function("sign_in"))
        .header(header::ACCEPT, "application/json")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::COOKIE, format!("mooring={planted}"));
    let client = app.anonymous();
    assert_eq!(client.send(request, body).await.status, StatusCode::OK);
    let given = session(&client).expect("a session");
    assert_ne!(given, planted);

    // A session of one's own is not carried over into the next sign-in either.
    assert_eq!(try_password(&client, "ada@example.org", PASSWORD).await.status, StatusCode::OK);
    assert_ne!(session(&client), Some(given.clone()));
    let request = Request::post(server_function("get_me")).header(header::COOKIE, format!("mooring={given}"));
    let old = app.anonymous().send(request.header(header::ACCEPT, "application/json"), "").await;
    assert_eq!(old.text(), "null");
}

#[tokio::test]
async fn signing_out_everywhere_ends_every_session() {
    let app = TestApp::start().await;
    let (_, here) = app.signed_in("ada@example.org").await;
    let there = app.anonymous().sign_in("ada@example.org").await;
    assert_eq!(call(&here, "sign_out_everywhere", &[]).await.status, StatusCode::OK);
    assert_eq!((role(&here).await, role(&there).await), (None, None));
}

#[tokio::test]
async fn a_new_password_ends_every_other_session() {
    let app = TestApp::start().await;
    let (_, here) = app.signed_in("ada@example.org").await;
    let there = app.anonymous().sign_in("ada@example.org").await;
    let before = session(&here);
    let new = "quite another set of words";
    let wrong = call(&here, "change_password", &[("current", "not the password"), ("password", new)]).await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    assert!(wrong.text().contains("\"current\""), "{}", wrong.text());
    let right = call(&here, "change_password", &[("current", PASSWORD), ("password", new)]).await;
    assert_eq!(right.status, StatusCode::OK, "{}", right.text());
    assert_eq!(role(&here).await.as_deref(), Some("admin"));
    assert_ne!(session(&here), before);
    assert_eq!(role(&there).await, None);
    assert_eq!(try_password(&app.anonymous(), "ada@example.org", PASSWORD).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(try_password(&app.anonymous(), "ada@example.org", new).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_session_ends_when_it_is_not_used_and_when_it_is_old() {
    const DAY: Duration = Duration::from_hours(24);
    let app = TestApp::start().await;
    let (_, idle) = app.signed_in("ada@example.org").await;
    app.advance(15 * DAY).await;
    assert_eq!(role(&idle).await, None);
}

#[tokio::test]
async fn guessing_costs_time_but_not_the_owner() {
    let app = TestApp::start().await;
    let (_, owner) = app.signed_in("ada@example.org").await;
    call(&owner, "sign_out", &[]).await;
    let stranger = app.anonymous();
    for _ in 0..5 {
        assert_eq!(try_password(&stranger, "ada@example.org", "a wrong guess").await.status, StatusCode::BAD_REQUEST);
    }
    let refused = try_password(&stranger, "ada@example.org", PASSWORD).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(refused.headers.contains_key(header::RETRY_AFTER));
    // The browser that signed in before is not slowed down, though it comes from the same address.
    assert_eq!(try_password(&owner, "ada@example.org", PASSWORD).await.status, StatusCode::OK);
    // Nor is another account.
    app.user("bob@example.org").await;
    assert_eq!(try_password(&app.anonymous(), "bob@example.org", PASSWORD).await.status, StatusCode::OK);
    app.advance(Duration::from_secs(3)).await;
    assert_eq!(try_password(&stranger, "ada@example.org", PASSWORD).await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_unknown_account_is_refused_like_a_known_one() {
    let app = TestApp::start().await;
    app.user("ada@example.org").await;
    let known = try_password(&app.anonymous(), "ada@example.org", "a wrong guess").await;
    let unknown = try_password(&app.anonymous(), "nobody@example.org", "a wrong guess").await;
    assert_eq!((known.status, known.text()), (unknown.status, unknown.text()));
}

/// The code of a key as an authenticator app shows it, `later` steps from now.
async fn app_code(app: &TestApp, key: &str, later: u64) -> String {
    let secret = Secret::Encoded(key.to_owned()).to_bytes().expect("a key");
    let now: i64 = sqlx::query_scalar("select extract(epoch from mooring_now())::bigint")
        .fetch_one(&mut app.database.connect().await)
        .await
        .expect("the time");
    let totp = TOTP::new(Algorithm::SHA1, 6, 1, 30, secret, None, "ada".to_owned()).expect("a key");
    totp.generate(now.unsigned_abs() + 30 * later)
}

/// Turns the second factor on; returns the key and the recovery codes.
async fn enrol(app: &TestApp, client: &Client) -> (String, Vec<String>) {
    assert_eq!(call(client, "begin_second_factor", &[("current", PASSWORD)]).await.status, StatusCode::OK);
    let state = call(client, "get_second_factor", &[]).await.json();
    let key = state["pending"]["key"].as_str().expect("a key").to_owned();
    assert_eq!(call(client, "confirm_second_factor", &[("code", "000000x")]).await.status, StatusCode::BAD_REQUEST);
    let code = app_code(app, &key, 0).await;
    let answer = call(client, "confirm_second_factor", &[("code", &code)]).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    (key, serde_json::from_value(answer.json()).expect("recovery codes"))
}

#[tokio::test]
async fn a_second_factor_is_asked_for_and_each_code_works_once() {
    let app = TestApp::start().await;
    let (_, owner) = app.signed_in("ada@example.org").await;
    let (key, recovery) = enrol(&app, &owner).await;
    assert_eq!(recovery.len(), 10);

    let client = app.anonymous();
    let half = try_password(&client, "ada@example.org", PASSWORD).await;
    assert_eq!(half.json(), "code_needed");
    assert_eq!(role(&client).await, None, "half signed in is not signed in");
    let half_session = session(&client);
    app.advance(Duration::from_mins(1)).await;
    let code = app_code(&app, &key, 0).await;
    assert_eq!(call(&client, "second_step", &[("code", &code)]).await.status, StatusCode::OK);
    assert_eq!(role(&client).await.as_deref(), Some("admin"));
    assert_ne!(session(&client), half_session);

    let replay = app.anonymous();
    try_password(&replay, "ada@example.org", PASSWORD).await;
    assert_eq!(call(&replay, "second_step", &[("code", &code)]).await.status, StatusCode::BAD_REQUEST);
    let first = recovery.first().expect("a recovery code");
    assert_eq!(call(&replay, "second_step", &[("code", first)]).await.status, StatusCode::OK);

    let again = app.anonymous();
    try_password(&again, "ada@example.org", PASSWORD).await;
    assert_eq!(call(&again, "second_step", &[("code", first)]).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(call(&owner, "get_second_factor", &[]).await.json()["on"]["recovery_codes_left"], 9);

    assert_eq!(call(&owner, "disable_second_factor", &[("confirmation", PASSWORD)]).await.status, StatusCode::OK);
    let plain = try_password(&app.anonymous(), "ada@example.org", PASSWORD).await;
    assert_eq!(plain.json(), "done");
}

#[tokio::test]
async fn a_right_password_does_not_wait_for_its_code_for_long() {
    let app = TestApp::start().await;
    let (_, owner) = app.signed_in("ada@example.org").await;
    let (key, _) = enrol(&app, &owner).await;
    let client = app.anonymous();
    try_password(&client, "ada@example.org", PASSWORD).await;
    app.advance(Duration::from_mins(11)).await;
    let code = app_code(&app, &key, 0).await;
    assert_eq!(call(&client, "second_step", &[("code", &code)]).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn codes_cannot_be_guessed() {
    let app = TestApp::start().await;
    let (_, owner) = app.signed_in("ada@example.org").await;
    let (key, _) = enrol(&app, &owner).await;
    let client = app.anonymous();
    try_password(&client, "ada@example.org", PASSWORD).await;
    for _ in 0..5 {
        assert_eq!(call(&client, "second_step", &[("code", "not-a-code")]).await.status, StatusCode::BAD_REQUEST);
    }
    let code = app_code(&app, &key, 1).await;
    assert_eq!(call(&client, "second_step", &[("code", &code)]).await.status, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn a_token_does_what_its_scope_says_until_it_is_revoked() {
    const READ: &str = "/rest/v1/database_connection_health";
    let app = TestApp::start().await;
    let ada = app.user("ada@example.org").await;
    let bob = app.user("bob@example.org").await;
    for (scope, wanted) in
        [(Scope::Full, StatusCode::OK), (Scope::Read, StatusCode::OK), (Scope::Cron, StatusCode::FORBIDDEN)]
    {
        let token = tokens::create(&ada, scope.code(), scope).await.expect("a token");
        let program = app.anonymous().with_token(&token.token);
        assert_eq!(program.get(READ).await.status, wanted, "{scope:?}");
        let listed = tokens::list(&ada).await.expect("tokens");
        assert!(listed.iter().any(|listed| listed.id == token.id && listed.last_used_at.is_some()));
        assert!(tokens::revoke(&bob, token.id).await.is_err(), "another's token");
        assert_eq!(program.get(READ).await.status, wanted);
        tokens::revoke(&ada, token.id).await.expect("revoked");
        assert_eq!(program.get(READ).await.status, StatusCode::UNAUTHORIZED);
    }
    assert!(tokens::list(&bob).await.expect("tokens").is_empty());
}

#[tokio::test]
async fn what_is_done_to_an_account_stands_in_the_log_without_secrets() {
    let app = TestApp::start().await;
    let (ada, client) = app.signed_in("ada@example.org").await;
    try_password(&app.anonymous(), "ada@example.org", "a wrong guess").await;
    let token = tokens::create(&ada, "cron", Scope::Cron).await.expect("a token");
    let rows: Vec<(String, String, String)> = sqlx::query_as(
        "select action, status, details::text || coalesce(user_agent, '') from database_audit_log order by seq",
    )
    .fetch_all(&mut app.database.connect().await)
    .await
    .expect("the log");
    let found: Vec<(&str, &str)> = rows.iter().map(|(action, status, _)| (action.as_str(), status.as_str())).collect();
    assert_eq!(
        found,
        [
            ("account.create", "success"),
            ("account.sign_in", "success"),
            ("account.sign_in", "failed"),
            ("token.create", "success"),
        ]
    );
    let cookie = session(&client).expect("a session");
    for secret in [PASSWORD, "a wrong guess", token.token.as_str(), cookie.as_str()] {
        assert!(rows.iter().all(|(_, _, text)| !text.contains(secret)));
    }
    let changed =
        sqlx::query("update database_audit_log set status = 'failed'").execute(&mut app.database.connect().await).await;
    assert!(changed.is_err(), "the log can only be added to");
}

#[tokio::test]
async fn a_page_of_ones_own_leads_a_stranger_in_and_back() {
    let app = TestApp::start().await;
    let stranger = app.anonymous();
    assert_eq!(stranger.get("/settings").await.location(), Some("/welcome"));
    assert!(stranger.get("/welcome").await.text().contains("name=\"email\""));
    app.user("ada@example.org").await;
    let led = stranger.get("/settings/tokens?x=1").await;
    assert!(led.status.is_redirection());
    let way_in = led.location().expect("a way in").to_owned();
    assert_eq!(way_in, "/sign-in?next=/settings/tokens%3Fx%3D1");
    let page = stranger.get(&way_in).await.text();
    assert!(page.contains("value=\"/settings/tokens?x=1\""), "{page}");

    // As a browser without JavaScript goes on.
    let fields = [("email", "ada@example.org"), ("password", PASSWORD), ("next", "/settings/tokens?x=1")];
    let back = stranger.post_form(&server_function("sign_in"), &fields).await;
    assert_eq!(back.location(), Some("/settings/tokens?x=1"));
    for (path, shown) in [
        ("/settings", "ada@example.org"),
        ("/settings/tokens", "No tokens yet."),
        ("/settings/two-factor", "Set it up"),
    ] {
        let page = stranger.get(path).await;
        assert!(page.status.is_success() && page.text().contains(shown), "{path}: {}", page.text());
    }
    let begun = [("current", PASSWORD)];
    stranger.post_form(&server_function("begin_second_factor"), &begun).await;
    let page = stranger.get("/settings/two-factor").await.text();
    assert!(page.contains("class=\"qr\"") && page.contains("name=\"code\""), "{page}");
}

#[tokio::test]
async fn a_form_without_javascript_is_told_what_is_wrong() {
    let app = TestApp::start().await;
    app.user("ada@example.org").await;
    let client = app.anonymous();
    let body = "email=ada%40example.org&password=not+the+password";
    let request = Request::post(server_function("sign_in"))
        .header(header::ACCEPT, "text/html")
        .header(header::REFERER, "http://127.0.0.1:3000/sign-in")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    let answer = client.send(request, body).await;
    let back = answer.location().expect("back to the form").replace("http://127.0.0.1:3000", "");
    assert!(back.starts_with("/sign-in?"), "{back}");
    assert!(!back.contains("not+the+password"));
    let page = client.get(&back).await.text();
    assert!(page.contains("The e-mail address or the password is not right."), "{page}");
    assert!(page.contains("value=\"ada@example.org\""), "what was typed is kept: {page}");
    assert!(client.cookies().contains("mooring_typed") && !client.cookies().contains("password"));

    // With our code in it the page keeps its fields itself; once signed in, nothing is kept.
    let other = app.anonymous();
    call(&other, "sign_in", &[("email", "ada@example.org"), ("password", "not the password")]).await;
    assert!(!other.cookies().contains("mooring_typed"));
    let fields = [("email", "ada@example.org"), ("password", PASSWORD)];
    assert!(client.post_form(&server_function("sign_in"), &fields).await.status.is_redirection());
    assert!(!client.cookies().contains("ada%40example.org"));
}

#[tokio::test]
async fn a_token_that_is_refused_without_javascript_keeps_its_name() {
    const PAGE: &str = "/settings/tokens";
    let app = TestApp::start().await;
    let (_, client) = app.signed_in("ada@example.org").await;
    let name = "\"cron\"; Path=/x & more ".repeat(9);
    let answer = client.post_form(&server_function("create_token"), &[("name", &name), ("scope", "read")]).await;
    assert!(answer.location().is_some_and(|to| !to.contains("cron")));
    let page = client.get(PAGE).await.text();
    assert!(page.contains("value=\"&quot;cron&quot;; Path=/x &amp; more "), "{page}");
    assert_eq!(page.matches("selected").count(), 1, "{page}");
    let page = by_form(&client, "create_token", &[("name", "cron"), ("scope", "read")], PAGE).await.text();
    assert!(token_on(&page).is_some() && !page.contains("Path=/x"), "{page}");
}

/// Sends a form as a browser without JavaScript does, and follows the way back to `page`.
async fn by_form(client: &Client, function: &str, fields: &[(&str, &str)], page: &str) -> Answer {
    let body: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", percent(value))).collect();
    let request = Request::post(server_function(function))
        .header(header::ACCEPT, "text/html")
        .header(header::REFERER, format!("http://127.0.0.1:3000{page}"))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    let answer = client.send(request, body.join("&")).await;
    let to = answer.location().unwrap_or_else(|| panic!("{answer:?}")).to_owned();
    assert!(to.trim_end_matches('?').ends_with(page), "it leads back to the page, and carries nothing there: {to}");
    client.get(page).await
}

/// The first text on a page that starts like a token.
fn token_on(page: &str) -> Option<&str> {
    let start = page.find("<code class=\"mono breakable\">mrg_")?;
    page[start..].split(['>', '<']).nth(2)
}

#[tokio::test]
async fn without_javascript_a_token_is_shown_once_and_kept_nowhere() {
    const PAGE: &str = "/settings/tokens";
    let app = TestApp::start().await;
    let (_, client) = app.signed_in("ada@example.org").await;
    let page = by_form(&client, "create_token", &[("name", "cron"), ("scope", "read")], PAGE).await.text();
    let token = token_on(&page).expect("the token is on the page").to_owned();
    let answer = app.anonymous().with_token(&token).get("/rest/v1/database_connection_health").await;
    assert_eq!(answer.status, StatusCode::OK, "it works");
    assert_eq!(token_on(&client.get(PAGE).await.text()), None, "a second look finds nothing");
    assert!(!client.cookies().contains(&token));

    // While it waits it is sealed, and it does not wait for long.
    let made = client.post_form(&server_function("create_token"), &[("name", "cron"), ("scope", "read")]).await;
    let waiting: String = sqlx::query_scalar("select string_agg(data::text, '') from sessions")
        .fetch_one(&mut app.database.connect().await)
        .await
        .expect("the sessions");
    assert!(waiting.contains("new_token") && !waiting.contains("mrg_"), "{waiting}");
    assert!(made.status.is_redirection());
    app.advance(Duration::from_mins(2)).await;
    assert_eq!(token_on(&client.get(PAGE).await.text()), None);
}

#[tokio::test]
async fn with_javascript_nothing_waits_in_the_session() {
    let app = TestApp::start().await;
    let (_, client) = app.signed_in("ada@example.org").await;
    let made = call(&client, "create_token", &[("name", "cron"), ("scope", "full")]).await;
    assert!(made.json()["token"].as_str().is_some_and(|token| token.starts_with("mrg_")));
    assert_eq!(call(&client, "take_new_token", &[]).await.json()["made"], serde_json::Value::Null);
}

#[tokio::test]
async fn without_javascript_recovery_codes_are_shown_once() {
    const PAGE: &str = "/settings/two-factor";
    let app = TestApp::start().await;
    let (_, client) = app.signed_in("ada@example.org").await;
    assert_eq!(call(&client, "begin_second_factor", &[("current", PASSWORD)]).await.status, StatusCode::OK);
    let state = call(&client, "get_second_factor", &[]).await.json();
    let key = state["pending"]["key"].as_str().expect("a key").to_owned();
    let code = app_code(&app, &key, 0).await;
    let page = by_form(&client, "confirm_second_factor", &[("code", &code)], PAGE).await.text();
    assert_eq!(page.matches("<li class=\"mono\">").count(), 10, "{page}");
    assert_eq!(client.get(PAGE).await.text().matches("<li class=\"mono\">").count(), 0);
    let page = by_form(&client, "renew_recovery_codes", &[("current", PASSWORD)], PAGE).await.text();
    assert_eq!(page.matches("<li class=\"mono\">").count(), 10);
    assert_eq!(client.get(PAGE).await.text().matches("<li class=\"mono\">").count(), 0);
}
