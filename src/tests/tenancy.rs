//! One user never sees, changes, deletes or plants another's rows: in SQL as `mooring_user`, table by table,
//! and through the pages, where another's id answers exactly as one that does not exist.

use std::collections::BTreeSet;

use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use crate::support::{
    cluster::TestDatabase,
    rows::{add_connection, add_user, become_user, run},
};

/// A row of each table with user data: the table, how to tell a row of the connection `$connection` of the
/// user `$user`, and a statement that inserts one. A new table fails here until it is listed.
const TABLES: [(&str, &str, &str); 14] = [
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
        "database_alert_config",
        "user_id = '$user'",
        "insert into database_alert_config (user_id, credential_id, alert_type) values ('$user', '$connection', 'downtime')",
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
            let update = format!("update {table} set {column} = {column}");
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
