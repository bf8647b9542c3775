//! Nothing that stands in any place of a request is taken for SQL, nor for a name of ours.

use http::StatusCode;
use mooring::{
    auth::Scope,
    server::wire::rest::tables::{TABLES, Writes},
};
use serde_json::json;
use uuid::Uuid;

use super::{HEALTH, REPRESENTATION, RULES, Stage, code, get, send};
use crate::support::client::percent;

/// What ends a string, a comment or a statement, in the places where SQL is put together.
const INJECTIONS: [&str; 12] = [
    "'; drop table database_alert_config; --",
    "' or '1'='1",
    "\" or 1=1 --",
    "1) or (1=1",
    "1; select pg_sleep(5)",
    "$1",
    "\\'; --",
    "/*",
    "*/ or true",
    "x\" from users --",
    "pg_sleep(5)",
    "(select password_hash from users limit 1)",
];

#[tokio::test]
async fn nothing_in_any_place_of_a_request_is_taken_for_sql() {
    let stage = Stage::set().await;
    let mut database = stage.connect().await;
    let rows: i64 =
        sqlx::query_scalar("select count(*) from database_alert_config").fetch_one(&mut database).await.expect("rows");
    for injection in INJECTIONS {
        let sent = percent(injection);
        let quoted = percent(&format!("\"{}\"", injection.replace('\\', "\\\\").replace('"', "\\\"")));
        for table in TABLES {
            // One token may not ask as often as all of this does.
            let client = stage.app.with_token(&stage.owner, Scope::Full).await;
            let path = format!("/rest/v1/{}", table.name);
            let mut queries = vec![
                format!("select={sent}"),
                format!("select={sent}:id"),
                format!("select=id::{sent}"),
                format!("order={sent}"),
                format!("order=id.{sent}"),
                format!("limit={sent}"),
                format!("offset={sent}"),
                format!("{sent}=eq.1"),
                format!("id={sent}.1"),
                format!("id=is.{sent}"),
                format!("or=({sent})"),
                format!("or=(id.eq.{quoted},{sent}.eq.1)"),
                format!("columns={sent}"),
            ];
            for column in table.columns {
                queries.push(format!("{}=eq.{sent}", column.name));
                queries.push(format!("{}=not.ilike.{sent}", column.name));
                queries.push(format!("{}=in.({quoted})", column.name));
                queries.push(format!("or=({}.neq.{quoted})", column.name));
            }
            for query in queries {
                let answer = get(&client, &format!("{path}?{query}")).await;
                assert!(
                    answer.status == StatusCode::OK || answer.status.is_client_error(),
                    "{path}?{query}: {} {}",
                    answer.status,
                    answer.text()
                );
                if answer.status != StatusCode::OK {
                    code(&answer);
                }
                assert!(!answer.text().contains("$argon2"), "{path}?{query}");
            }
            assert_eq!(get(&client, &format!("{path}{sent}")).await.status, StatusCode::NOT_FOUND);
        }
        for table in TABLES.iter().filter(|table| table.writes != Writes::None) {
            let client = stage.app.with_token(&stage.owner, Scope::Full).await;
            for column in table.columns {
                for value in [json!(injection), json!({injection: injection}), json!([injection])] {
                    let body = json!({column.name: value, injection: 1}).to_string();
                    let answer = send(&client, "POST", &format!("/rest/v1/{}", table.name), &[], body).await;
                    assert!(answer.status.is_client_error(), "{}", answer.text());
                    let body = json!({column.name: value}).to_string();
                    let path = format!("/rest/v1/{}?id=eq.{}", table.name, Uuid::new_v4());
                    let answer = send(&client, "PATCH", &path, &[], body).await;
                    assert!(answer.status.as_u16() < 500, "{}: {}", column.name, answer.text());
                }
            }
        }
    }
    let after: i64 =
        sqlx::query_scalar("select count(*) from database_alert_config").fetch_one(&mut database).await.expect("rows");
    assert_eq!(rows, after);
}

/// Every name that the statement has for itself may be a client's as well.
#[tokio::test]
async fn an_alias_may_be_any_name_of_ours() {
    let stage = Stage::set().await;
    let counted = [("prefer", "count=exact")];
    let stripped = [("accept", "application/vnd.pgrst.array+json;nulls=stripped")];
    for alias in
        ["page", "t", "body", "rows", "total", "count", "json_agg", "database_connection_health", "id", "select"]
    {
        let path = format!("{HEALTH}?select={alias}:status,ms:response_time_ms&order=check_timestamp.desc&limit=2");
        for headers in [&[][..], &counted, &stripped] {
            let answer = send(&stage.client, "GET", &path, headers, "").await;
            assert_eq!(answer.json(), json!([{alias: "down", "ms": 1}, {alias: "healthy", "ms": 2}]), "{alias}");
        }
        let rule = json!({"alert_type": "downtime"}).to_string();
        let path = format!("{RULES}?select={alias}:alert_type");
        let made = send(&stage.client, "POST", &path, REPRESENTATION, rule).await;
        assert_eq!(made.json(), json!([{alias: "downtime"}]), "{alias}");
    }
}
