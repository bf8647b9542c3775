//! Rows by SQL, for tests of the database itself.

use sqlx::PgConnection;
use uuid::Uuid;

/// An account by SQL, without a password that anyone could type.
pub async fn add_user(connection: &mut PgConnection, email: &str) -> Uuid {
    sqlx::query_scalar("insert into users (email, password_hash) values ($1, '!') returning id")
        .bind(email)
        .fetch_one(connection)
        .await
        .expect("add an account")
}

/// A connection by SQL.
pub async fn add_connection(connection: &mut PgConnection, user: Uuid, name: &str) -> Uuid {
    sqlx::query_scalar(
        "insert into database_credentials (user_id, provider, connection_name, credentials)
         values ($1, 'postgresql', $2, '{}') returning id",
    )
    .bind(user)
    .bind(name)
    .fetch_one(connection)
    .await
    .expect("add a connection")
}

/// Binds the rest of the transaction to what `user` may see.
pub async fn become_user(connection: &mut PgConnection, user: Uuid) {
    run(connection, &format!("set local role mooring_user; set local mooring.user_id = '{user}'")).await;
}

/// Runs statements that have to succeed.
pub async fn run(connection: &mut PgConnection, sql: &str) {
    sqlx::raw_sql(sql).execute(connection).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// Counts the rows of `from`.
pub async fn count(connection: &mut PgConnection, from: &str) -> i64 {
    sqlx::query_scalar(&format!("select count(*) from {from}"))
        .fetch_one(connection)
        .await
        .unwrap_or_else(|error| panic!("{from}: {error}"))
}
