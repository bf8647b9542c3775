//! One user never sees, changes, deletes or plants another's rows: in SQL as `mooring_user`, table by table,
//! and through the pages, where another's id answers exactly as one that does not exist.

use std::collections::BTreeSet;

use http::StatusCode;
use leptos_axum::generate_route_list;
use mooring::{app::App, auth::Scope};
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use crate::support::{
    app::TestApp,
    client::Answer,
    cluster::TestDatabase,
    rows::{add_connection, add_user, become_user, run},
    server_functions::ServerFunction,
};

/// A row of each table with user data: the table, how to tell a row of the connection `$connection` of the
/// user `$user`, and a statement that inserts one. A new table fails here until it is listed.
const TABLES: [(&str, &str, &str); 18] = [
    (
        "users",
        "id = '$user'",
        "insert into users (id, email, password_hash) values ('$user', 'planted@example.org', '!') on conflict do nothing",
    ),
    (
        "recovery_codes",
        "user_id = '$user'",
        "insert into recovery_codes (user_id, code_hash) values ('$user', sha256(gen_random_uuid()::text::bytea))",
    ),
    (
        "api_tokens",
        "user_id = '$user'",
        "insert into api_tokens (user_id, name, token_hash, prefix) values ('$user', 'laptop', sha256(gen_random_uuid()::text::bytea), 'mrg_')",
    ),
    (
        "database_credentials",
        "user_id = '$user'",
        "insert into database_credentials (user_id, provider, connection_name, credentials) values ('$user', 'mysql', gen_random_uuid()::text, '{}')",
    ),
    (
        "connection_secret_facts",
        "credential_id = '$connection'",
        "insert into connection_secret_facts (credential_id, facts) values ('$connection', '{}') on conflict do nothing",
    ),
    (
        "connection_state",
        "credential_id = '$connection'",
        "insert into connection_state (credential_id) values ('$connection') on conflict do nothing",
    ),
    (
        "database_connection_health",
        "credential_id = '$connection'",
        "insert into database_connection_health (credential_id, status) values ('$connection', 'healthy')",
    ),
    (
        "database_connection_retries",
        "credential_id = '$connection'",
        "insert into database_connection_retries (credential_id, attempt_number, success) values ('$connection', 1, true)",
    ),
    (
        "database_performance_metrics",
        "credential_id = '$connection'",
        "insert into database_performance_metrics (credential_id, metric_date) values ('$connection', current_date - (random() * 10000)::integer)",
    ),
    (
        "connection_half_hours",
        "credential_id = '$connection'",
        "insert into connection_half_hours (credential_id, half_hour) values ('$connection', now() - random() * interval '1000 days')",
    ),
    (
        "database_connection_errors",
        "user_id = '$user'",
        "insert into database_connection_errors (user_id, credential_id, provider, error_message, cause) values ('$user', '$connection', 'mysql', 'no', gen_random_uuid()::text)",
    ),
    (
        "database_knowledge_base",
        "author_id = '$user'",
        "insert into database_knowledge_base (author_id, provider, category, title, description, solution) values ('$user', 'mysql', 'security', 't', 'd', 's')",
    ),
    (
        "knowledge_reports",
        "user_id = '$user'",
        "insert into knowledge_reports (knowledge_id, user_id, error_id, worked)
         select entry.id, '$user', error.id, true
           from database_knowledge_base as entry, database_connection_errors as error
          where entry.author_id = '$user' and error.user_id = '$user'
          limit 1
         on conflict do nothing",
    ),
    (
        "pattern_reports",
        "user_id = '$user'",
        "with pattern as (
             insert into connection_patterns (provider, port_class, tls_mode, route, host_class)
             values (gen_random_uuid()::text, 'default', 'require', 'direct', 'aws')
             returning id
         )
         insert into pattern_reports (pattern_id, user_id) select id, '$user' from pattern",
    ),
    (
        "database_alert_config",
        "user_id = '$user'",
        "insert into database_alert_config (user_id, credential_id, alert_type) values ('$user', '$connection', 'downtime')",
    ),
    (
        "known_devices",
        "user_id = '$user'",
        "insert into known_devices (user_id, device_hash) values ('$user', convert_to(gen_random_uuid()::text, 'utf8'))",
    ),
    (
        "notices",
        "user_id = '$user'",
        "insert into notices (user_id, credential_id, kind, title) values ('$user', '$connection', gen_random_uuid()::text, 'A title')",
    ),
    (
        "database_audit_log",
        "user_id = '$user'",
        "insert into database_audit_log (user_id, action, status) values ('$user', 'sign_in', 'success')",
    ),
];

/// Under row-level security, but about the installation: administrators alone see any of it.
const ADMINISTRATORS_TABLES: [(&str, &str); 1] =
    [("job_runs", "insert into job_runs (name, last_started_at) values (gen_random_uuid()::text, now())")];

/// A member with one connection.
struct Member {
    user: Uuid,
    connection: Uuid,
}

impl Member {
    async fn add(connection: &mut PgConnection, email: &str) -> Self {
        let user = add_user(connection, email).await;
        Self { user, connection: add_connection(connection, user, "orders").await }
    }

    fn fill(&self, statement: &str) -> String {
        statement.replace("$user", &self.user.to_string()).replace("$connection", &self.connection.to_string())
    }
}

#[tokio::test]
async fn every_table_under_row_level_security_is_covered() {
    let database = TestDatabase::fresh().await;
    let secured: BTreeSet<String> = sqlx::query_scalar(
        "select relname::text from pg_class
          where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and relrowsecurity and not relispartition",
    )
    .fetch_all(&mut database.connect().await)
    .await
    .expect("list tables")
    .into_iter()
    .collect();
    let covered: BTreeSet<String> = TABLES
        .iter()
        .map(|(table, ..)| *table)
        .chain(ADMINISTRATORS_TABLES.iter().map(|(table, _)| *table))
        .map(str::to_owned)
        .collect();
    assert_eq!(secured, covered);
}

#[tokio::test]
async fn in_sql_nothing_of_another_user_is_seen_or_changed() {
    let database = TestDatabase::fresh().await;
    let mut connection = database.connect().await;
    let owner = Member::add(&mut connection, "owner@example.org").await;
    let stranger = Member::add(&mut connection, "stranger@example.org").await;
    for (_, _, insert) in TABLES {
        for member in [&owner, &stranger] {
            run(&mut connection, &member.fill(insert)).await;
        }
    }
    for (table, of_member, insert) in TABLES {
        let of_owner = owner.fill(of_member);
        let before = fingerprint(&mut connection, table, &of_owner).await;

        if !columns(&mut connection, table, "select").await.is_empty() {
            assert!(seen(&mut connection, Some(owner.user), table, &of_owner).await > 0, "{table}: the owner sees it");
            assert_eq!(
                seen(&mut connection, Some(stranger.user), table, &of_owner).await,
                0,
                "{table}: seen by a stranger"
            );
            // A transaction that forgot to say for whom it works.
            assert_eq!(seen(&mut connection, None, table, "true").await, 0, "{table}: seen by nobody in particular");
        }
        for column in columns(&mut connection, table, "update").await {
            let update = format!("update {table} set {column} = {column} where {of_owner}");
            assert_eq!(affected(&mut connection, stranger.user, &update).await, Ok(0), "{update}");
            // Without a condition it reaches the stranger's own rows at most; the fingerprint tells.
            let _ = affected(&mut connection, stranger.user, &format!("update {table} set {column} = {column}")).await;
        }
        let delete = format!("delete from {table} where {of_owner}");
        let deleted = affected(&mut connection, stranger.user, &delete).await;
        assert!(matches!(deleted, Ok(0)) || refused(&deleted), "{delete}: {deleted:?}");
        let planted = affected(&mut connection, stranger.user, &owner.fill(insert)).await;
        assert!(refused(&planted), "{table}: a stranger could insert in the owner's name: {planted:?}");

        assert_eq!(before, fingerprint(&mut connection, table, &of_owner).await, "{table}");
    }
}

#[tokio::test]
async fn in_sql_nothing_can_be_given_to_or_taken_from_another_user() {
    let database = TestDatabase::fresh().await;
    let mut connection = database.connect().await;
    let owner = Member::add(&mut connection, "owner@example.org").await;
    let stranger = Member::add(&mut connection, "stranger@example.org").await;
    for (_, _, insert) in TABLES {
        run(&mut connection, &stranger.fill(insert)).await;
    }
    for (table, ..) in TABLES {
        for column in columns(&mut connection, table, "update").await {
            let value = match column.as_str() {
                "user_id" | "author_id" => owner.user,
                "credential_id" => owner.connection,
                _ => continue,
            };
            let update = format!("update {table} set {column} = '{value}'");
            let given = affected(&mut connection, stranger.user, &update).await;
            assert!(refused(&given), "{update}: {given:?}");
        }
    }
    // A rule of one's own for another's connection would learn of its failures.
    let spy = format!(
        "insert into database_alert_config (user_id, credential_id, alert_type) values ('{}', '{}', 'downtime')",
        stranger.user, owner.connection
    );
    let spied = affected(&mut connection, stranger.user, &spy).await;
    assert!(refused(&spied), "{spied:?}");
}

#[tokio::test]
async fn in_sql_members_see_nothing_of_the_installation() {
    let database = TestDatabase::fresh().await;
    let mut connection = database.connect().await;
    let member = Member::add(&mut connection, "member@example.org").await;
    let admin = Member::add(&mut connection, "admin@example.org").await;
    run(&mut connection, &admin.fill("update users set role = 'admin' where id = '$user'")).await;
    run(&mut connection, "insert into notices (kind, title) values ('network_outage', 'For administrators')").await;
    for (_, insert) in ADMINISTRATORS_TABLES {
        run(&mut connection, insert).await;
    }
    let tables = ADMINISTRATORS_TABLES.iter().map(|(table, _)| (*table, "true"));
    for (table, rows) in tables.chain([("notices", "user_id is null")]) {
        assert_eq!(seen(&mut connection, Some(member.user), table, rows).await, 0, "{table}");
        assert_eq!(seen(&mut connection, Some(admin.user), table, rows).await, 1, "{table}");
    }
    // An administrator is no owner: another's connections stay another's.
    let of_member = member.fill("user_id = '$user'");
    assert_eq!(seen(&mut connection, Some(admin.user), "database_credentials", &of_member).await, 0);
}

/// The columns of `table` on which `mooring_user` has `privilege`.
async fn columns(connection: &mut PgConnection, table: &str, privilege: &str) -> Vec<String> {
    sqlx::query_scalar(
        "select quote_ident(attname) from pg_attribute
          where attrelid = $1::regclass and attnum > 0 and not attisdropped
            and has_column_privilege('mooring_user', attrelid, attnum, $2)",
    )
    .bind(table)
    .bind(privilege)
    .fetch_all(connection)
    .await
    .expect("list columns")
}

/// How many of the rows `user` sees; `None` is a transaction that names no user.
async fn seen(connection: &mut PgConnection, user: Option<Uuid>, table: &str, rows: &str) -> i64 {
    let mut transaction = connection.begin().await.expect("begin");
    match user {
        Some(user) => become_user(&mut transaction, user).await,
        None => run(&mut transaction, "set local role mooring_user").await,
    }
    sqlx::query_scalar(&format!("select count(*) from {table} where {rows}"))
        .fetch_one(&mut *transaction)
        .await
        .unwrap_or_else(|error| panic!("{table} where {rows}: {error}"))
}

/// How many rows a statement of `user` reached, or the code of its error. Kept, if it succeeds.
async fn affected(connection: &mut PgConnection, user: Uuid, statement: &str) -> Result<u64, String> {
    let mut transaction = connection.begin().await.expect("begin");
    become_user(&mut transaction, user).await;
    let done = sqlx::raw_sql(statement).execute(&mut *transaction).await.map_err(|error| {
        error
            .as_database_error()
            .and_then(sqlx::error::DatabaseError::code)
            .map_or_else(|| error.to_string(), Into::into)
    })?;
    transaction.commit().await.expect("commit");
    Ok(done.rows_affected())
}

/// Whether it failed for want of a privilege or by a policy.
fn refused(result: &Result<u64, String>) -> bool {
    result.as_ref().is_err_and(|code| code == "42501")
}

/// The rows and who wrote them last: another one's update changes it even where it changes no value.
async fn fingerprint(connection: &mut PgConnection, table: &str, rows: &str) -> String {
    sqlx::query_scalar(&format!(
        "select md5(string_agg(xmin || t::text, '|' order by t::text)) from {table} as t where {rows}"
    ))
    .fetch_one(connection)
    .await
    .unwrap_or_else(|error| panic!("{table} where {rows}: {error}"))
}

/// What must be the same for another's thing and for nothing.
fn told(answer: &Answer, id: &str) -> (StatusCode, String) {
    (answer.status, answer.text().replace(id, "<id>"))
}

/// What a page shows, without its nonce. Its scripts are left out: in what order the data of its resources
/// comes varies, and what the data says is what server functions tell.
fn shown(answer: &Answer, id: &str) -> (StatusCode, String) {
    let (status, text) = told(answer, id);
    let nonce = text.split("nonce=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or("no nonce");
    let parts = text.split("<script").map(|part| part.split_once("</script>").map_or(part, |(_, after)| after));
    (status, parts.collect::<String>().replace(nonce, "<nonce>"))
}

#[tokio::test]
async fn server_functions_tell_anothers_from_nothing_by_nothing() {
    let app = TestApp::start().await;
    let (owner, _) = app.signed_in("owner@example.org").await;
    let (_, stranger) = app.signed_in("stranger@example.org").await;
    let credentials = serde_json::json!({"host": "127.0.0.1", "port": 1, "username": "app", "password": "hush"});
    let id = app.connection(&owner, "orders", "postgresql", &credentials).await.to_string();
    let _token = app.with_token(&owner, Scope::Full).await;
    let mut connection = app.database.connect().await;
    let user = owner.user_id().expect("an account").0;
    let of_the_owner = |statement: &'static str| sqlx::query_scalar::<_, Uuid>(statement).bind(user);
    let token = of_the_owner("select id from api_tokens where user_id = $1").fetch_one(&mut connection).await;
    let notice =
        of_the_owner("insert into notices (user_id, kind, title) values ($1, 'connection_down', 'Down') returning id")
            .fetch_one(&mut connection)
            .await;
    let (token, notice) = (token.expect("a token").to_string(), notice.expect("a notice").to_string());
    for function in ServerFunction::all().iter().filter(|function| function.takes_id()) {
        let nothing = Uuid::new_v4().to_string();
        let id = match function.name() {
            "revoke_token" => &token,
            "dismiss_notice" => &notice,
            _ => &id,
        };
        let foreign = function.call(&stranger, id, &[]).await;
        let absent = function.call(&stranger, &nothing, &[]).await;
        assert_eq!(foreign.status, StatusCode::NOT_FOUND, "{}: {}", function.path, foreign.text());
        assert_eq!(told(&foreign, id), told(&absent, &nothing), "{}", function.path);
    }
    for (what, of) in [
        ("select is_active and connection_name = 'orders' from database_credentials where id = $1::uuid", &id),
        ("select revoked_at is null from api_tokens where id = $1::uuid", &token),
        ("select dismissed_at is null from notices where id = $1::uuid", &notice),
    ] {
        let kept: bool = sqlx::query_scalar(what).bind(of).fetch_one(&mut connection).await.expect("it is still there");
        assert!(kept, "{what}");
    }
}

#[tokio::test]
async fn pages_tell_anothers_from_nothing_by_nothing() {
    let app = TestApp::start().await;
    let (owner, client) = app.signed_in("owner@example.org").await;
    let (_, stranger) = app.signed_in("stranger@example.org").await;
    let credentials =
        serde_json::json!({"host": "db.example.org", "port": 5432, "username": "app", "password": "hush"});
    let id = app.connection(&owner, "a name like no other", "postgresql", &credentials).await.to_string();
    let pages: Vec<String> = generate_route_list(App)
        .iter()
        .map(|page| page.path().to_owned())
        .filter(|path| path.starts_with("/connections/") && path.contains(['{', ':']))
        .collect();
    assert!(!pages.is_empty(), "no page shows one connection");
    for page in pages {
        let with = |id: &str| {
            let parts: Vec<&str> =
                page.split('/').map(|part| if part.starts_with(['{', ':']) { id } else { part }).collect();
            parts.join("/")
        };
        let own = client.get(&with(&id)).await;
        assert!(own.status.is_success() && own.text().contains("a name like no other"), "{page}: {}", own.status);
        let nothing = Uuid::new_v4().to_string();
        let (foreign, absent) = (stranger.get(&with(&id)).await, stranger.get(&with(&nothing)).await);
        assert_eq!(foreign.status, StatusCode::NOT_FOUND, "{page}");
        assert_eq!(shown(&foreign, &id), shown(&absent, &nothing), "{page}");
        for secret in ["a name like no other", "db.example.org"] {
            assert!(!foreign.text().contains(secret), "{page}: {}", foreign.text());
        }
    }
    let board = stranger.get("/").await;
    assert!(board.status.is_success() && !board.text().contains("a name like no other"));
}

#[tokio::test]
async fn the_wire_tells_anothers_from_nothing_by_nothing() {
    let app = TestApp::start().await;
    let owner = app.user("owner@example.org").await;
    let stranger = app.user("stranger@example.org").await;
    let credentials = serde_json::json!({"host": "127.0.0.1", "port": 1, "username": "app", "password": "hush"});
    let id = app.connection(&owner, "orders", "postgresql", &credentials).await.to_string();
    sqlx::query("insert into database_connection_health (credential_id, status) values ($1::uuid, 'healthy')")
        .bind(&id)
        .execute(&mut app.database.connect().await)
        .await
        .expect("a check");
    let own = app.with_token(&owner, Scope::Full).await;
    let client = app.with_token(&stranger, Scope::Full).await;
    let nothing = Uuid::new_v4().to_string();
    for path in [
        "/rest/v1/database_connection_health?credential_id=eq.$id",
        "/rest/v1/database_performance_metrics?credential_id=eq.$id",
        "/rest/v1/rpc/calculate_uptime_percentage?p_credential_id=$id&p_hours=24",
    ] {
        let (foreign, absent) =
            (client.get(&path.replace("$id", &id)).await, client.get(&path.replace("$id", &nothing)).await);
        assert!(foreign.status.is_success(), "{path}: {}", foreign.text());
        assert_eq!(told(&foreign, &id), told(&absent, &nothing), "{path}");
    }
    let health = "/rest/v1/database_connection_health?select=credential_id";
    assert_eq!(client.get(health).await.json(), serde_json::json!([]));
    assert_eq!(own.get(health).await.json(), serde_json::json!([{"credential_id": id}]));
    let monitor = "/functions/v1/proactive-health-monitor";
    let foreign = client.post_json(monitor, &serde_json::json!({"credentialId": id})).await;
    let absent = client.post_json(monitor, &serde_json::json!({"credentialId": nothing})).await;
    assert_eq!(foreign.status, StatusCode::NOT_FOUND, "{}", foreign.text());
    assert_eq!(told(&foreign, &id), told(&absent, &nothing));
}
