//! `/rest/v1` on a real database: every table, what is written and what is refused.

mod injections;

use http::{Request, StatusCode, header};
use mooring::{
    auth::{Scope, server::Caller},
    server::wire::rest::tables::{TABLES, Type},
};
use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::support::{
    app::TestApp,
    client::{Answer, Client},
    rows::run,
};

const RULES: &str = "/rest/v1/database_alert_config";
const CONNECTIONS: &str = "/rest/v1/database_credentials";
const HEALTH: &str = "/rest/v1/database_connection_health";
const REPRESENTATION: &[(&str, &str)] = &[("prefer", "return=representation")];

/// Two accounts with a connection each, and rows in every table of the first.
struct Stage {
    app: TestApp,
    owner: Caller,
    client: Client,
    connection: Uuid,
    foreign: Uuid,
}

impl Stage {
    async fn set() -> Self {
        let app = TestApp::start().await;
        let owner = app.user("owner@example.org").await;
        let stranger = app.user("stranger@example.org").await;
        let credentials = json!({"host": "127.0.0.1", "port": 1, "username": "app", "password": "hunter2"});
        let connection = app.connection(&owner, "orders", "postgresql", &credentials).await.0;
        let foreign = app.connection(&stranger, "theirs", "mysql", &credentials).await.0;
        let user = owner.user_id().expect("an account").0;
        let mut database = app.database.connect().await;
        for statement in [
            format!(
                "insert into database_connection_health (credential_id, status, response_time_ms, check_timestamp)
                 select '{connection}', case when n % 2 = 0 then 'healthy' else 'down' end, n, mooring_now() - n * interval '1 minute'
                   from generate_series(1, 25) as n"
            ),
            format!("insert into database_connection_health (credential_id, status) values ('{foreign}', 'healthy')"),
            format!(
                "insert into database_connection_errors (user_id, credential_id, provider, error_message)
                 values ('{user}', '{connection}', 'postgresql', 'refused')"
            ),
            format!(
                "insert into database_connection_retries (credential_id, attempt_number, success)
                 values ('{connection}', 1, false)"
            ),
            format!(
                "insert into database_performance_metrics (credential_id, metric_date, avg_response_time_ms)
                 values ('{connection}', '2026-01-02', 12.5)"
            ),
            "insert into database_knowledge_base (provider, category, title, description, solution, tags, shared_at)
             values ('postgresql', 'security', 'a', 'b', 'c', '{tls,\"x,y\"}', mooring_now())"
                .to_owned(),
            format!("insert into database_alert_config (user_id, alert_type) values ('{user}', 'downtime')"),
        ] {
            run(&mut database, &statement).await;
        }
        let client = app.with_token(&owner, Scope::Full).await;
        Self { app, owner, client, connection, foreign }
    }

    async fn connect(&self) -> PgConnection {
        self.app.database.connect().await
    }
}

async fn send(client: &Client, method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<String>) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    client.send(request, body.into()).await
}

async fn get(client: &Client, path: &str) -> Answer {
    send(client, "GET", path, &[], "").await
}

fn code(answer: &Answer) -> String {
    let body = answer.json();
    for part in ["code", "message", "details", "hint"] {
        assert!(body.get(part).is_some(), "an error has a {part}: {body}");
    }
    body["code"].as_str().unwrap_or_default().to_owned()
}

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.headers.get(name).map_or("", |value| value.to_str().expect("a header in ASCII"))
}

#[tokio::test]
async fn every_table_is_read_as_its_list_of_columns_says() {
    let stage = Stage::set().await;
    for table in TABLES {
        let answer = get(&stage.client, &format!("/rest/v1/{}?select=*", table.name)).await;
        assert_eq!(answer.status, StatusCode::OK, "{}: {}", table.name, answer.text());
        let rows = answer.json();
        let row = rows.get(0).unwrap_or_else(|| panic!("{} has a row", table.name));
        let mut wanted: Vec<_> = table.shown().map(|column| column.name).collect();
        let mut found: Vec<_> = row.as_object().expect("an object").keys().map(String::as_str).collect();
        wanted.sort_unstable();
        found.sort_unstable();
        assert_eq!(found, wanted, "{}", table.name);

        // The listed types and nulls are those of the database.
        for column in table.columns {
            let (kind, nullable): (String, bool) = sqlx::query_as(
                "select format_type(atttypid, null), not attnotnull from pg_attribute where attrelid = $1::regclass and attname = $2",
            )
            .bind(table.name)
            .bind(column.name)
            .fetch_one(&mut stage.connect().await)
            .await
            .unwrap_or_else(|error| panic!("{}.{}: {error}", table.name, column.name));
            let listed = if column.kind == Type::Timestamp { "timestamp with time zone" } else { column.kind.sql() };
            assert_eq!((kind.as_str(), nullable), (listed, column.nullable), "{}.{}", table.name, column.name);
        }
    }
    let own = get(&stage.client, &format!("{HEALTH}?select=credential_id&limit=1000")).await.json();
    let rows = own.as_array().expect("a list");
    assert_eq!(rows.len(), 25);
    assert!(rows.iter().all(|row| row["credential_id"] == stage.connection.to_string()));
}

/// The log's page shows an administrator everybody's entries; a token, which programs hold, its own account's.
#[tokio::test]
async fn an_administrators_token_reads_no_entries_of_others() {
    let stage = Stage::set().await;
    let user = stage.owner.user_id().expect("an account");
    let mut database = stage.connect().await;
    let (mine, all): (i64, i64) =
        sqlx::query_as("select count(*) filter (where user_id = $1), count(*) from database_audit_log")
            .bind(user.0)
            .fetch_one(&mut database)
            .await
            .expect("the log");
    assert!(mine > 0 && all > mine, "the stranger has an entry too");
    for scope in [Scope::Read, Scope::Full] {
        let client = stage.app.with_token(&stage.owner, scope).await;
        let path = "/rest/v1/database_audit_log?select=user_id&or=(user_id.not.is.null,user_id.is.null)";
        let answer = send(&client, "GET", path, &[("prefer", "count=exact")], "").await;
        let rows = answer.json();
        let rows = rows.as_array().expect("rows");
        assert!(rows.iter().all(|row| row["user_id"] == user.to_string()), "{scope:?}: {rows:?}");
        assert!(header(&answer, "content-range").ends_with(&format!("/{}", rows.len())));
        assert!(!rows.is_empty());
    }
}

#[tokio::test]
async fn filters_order_pages_and_counts_select_rows() {
    let stage = Stage::set().await;
    for (query, wanted) in [
        ("select=response_time_ms&order=check_timestamp.desc&limit=3", json!([1, 2, 3])),
        ("select=response_time_ms&order=response_time_ms.desc&limit=2&offset=1", json!([24, 23])),
        ("select=response_time_ms&status=eq.down&order=response_time_ms&limit=2", json!([1, 3])),
        ("select=response_time_ms&status=neq.down&response_time_ms=gt.4&order=response_time_ms&limit=2", json!([6, 8])),
        ("select=response_time_ms&response_time_ms=gte.24&order=response_time_ms", json!([24, 25])),
        ("select=response_time_ms&response_time_ms=lt.3&order=response_time_ms.desc", json!([2, 1])),
        ("select=response_time_ms&response_time_ms=lte.1", json!([1])),
        ("select=response_time_ms&status=like.he*&order=response_time_ms&limit=1", json!([2])),
        ("select=response_time_ms&status=ilike.DOW_&order=response_time_ms&limit=1", json!([1])),
        ("select=response_time_ms&response_time_ms=in.(3,%225%22,999)&order=response_time_ms", json!([3, 5])),
        ("select=response_time_ms&response_time_ms=not.in.(3,4)&order=response_time_ms&limit=3", json!([1, 2, 5])),
        ("select=response_time_ms&error_message=is.null&order=response_time_ms&limit=1", json!([1])),
        ("select=response_time_ms&error_message=not.is.null", json!([])),
        ("select=response_time_ms&alerts_sent=is.true", json!([])),
        (
            "select=response_time_ms&or=(response_time_ms.eq.2,and(status.eq.down,response_time_ms.lt.2))&order=response_time_ms",
            json!([1, 2]),
        ),
        ("select=response_time_ms&not.or=(response_time_ms.gt.1,status.eq.healthy)", json!([1])),
        ("select=response_time_ms&order=cause.desc.nullsfirst,response_time_ms.asc&limit=1", json!([1])),
        // An alias does not take a column's place in the order.
        ("select=response_time_ms,check_timestamp:status&order=check_timestamp.asc&limit=1", json!([25])),
    ] {
        let answer = get(&stage.client, &format!("{HEALTH}?{query}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{query}: {}", answer.text());
        let found: Vec<_> =
            answer.json().as_array().expect("rows").iter().map(|row| row["response_time_ms"].clone()).collect();
        assert_eq!(Value::Array(found), wanted, "{query}");
    }
    let answer =
        get(&stage.client, &format!("{HEALTH}?select=ms:response_time_ms::text,status&order=response_time_ms&limit=1"))
            .await;
    assert_eq!(answer.json(), json!([{"ms": "1", "status": "down"}]));

    for (headers, query, status, range) in [
        (&[("prefer", "count=exact")][..], "limit=10", 206, "0-9/25"),
        (&[("prefer", "count=exact")], "status=eq.down&limit=100", 200, "0-12/13"),
        (&[("prefer", "count=estimated"), ("range", "20-29"), ("range-unit", "items")], "", 206, "20-24/25"),
        (&[("range", "5-9")], "", 200, "5-9/*"),
        (&[], "response_time_ms=eq.99", 200, "*/*"),
        (&[("prefer", "count=exact")], "limit=0", 206, "*/25"),
        (&[("prefer", "count=exact")], "offset=25", 416, ""),
        (&[("range", "9-5")], "", 416, ""),
    ] {
        for method in ["GET", "HEAD"] {
            let answer = send(&stage.client, method, &format!("{HEALTH}?{query}"), headers, "").await;
            assert_eq!((answer.status.as_u16(), header(&answer, "content-range")), (status, range), "{method} {query}");
            assert!(method == "GET" || answer.body.is_empty() || status == 416, "{method} {query}");
        }
    }
}

/// Reads that hang hold eight connections of ours and no more, and say what to do about it.
#[tokio::test]
async fn one_account_cannot_hold_the_pool_with_its_reads() {
    let stage = Stage::set().await;
    let mut tx = stage.owner.read_briefly().await.expect("a transaction");
    let limit: String =
        sqlx::query_scalar("select current_setting('statement_timeout')").fetch_one(&mut *tx).await.expect("the limit");
    assert_eq!(limit, "10s");
    drop(tx);

    let other = stage.app.user("other@example.org").await;
    let other = stage.app.with_token(&other, Scope::Read).await;
    let mut holder = stage.connect().await;
    run(&mut holder, "begin; lock table database_connection_health in access exclusive mode").await;
    let mut watcher = stage.connect().await;
    let waiting = "select pid from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()";
    let path = format!("{HEALTH}?select=id");
    let reads = futures::future::join_all((0..10).map(|_| get(&stage.client, &path)));
    let watch = async {
        loop {
            let pids: Vec<i32> = sqlx::query_scalar(waiting).fetch_all(&mut watcher).await.expect("who waits");
            if pids.len() >= 8 {
                assert_eq!(get(&other, RULES).await.status, StatusCode::OK, "another account reads on");
                let pids: Vec<i32> = sqlx::query_scalar(waiting).fetch_all(&mut watcher).await.expect("who waits");
                assert_eq!(pids.len(), 8);
                // As the time limit does.
                let cancelled: bool =
                    sqlx::query_scalar("select bool_and(pg_cancel_backend(pid)) from unnest($1::int[]) as pid")
                        .bind(&pids)
                        .fetch_one(&mut watcher)
                        .await
                        .expect("cancel");
                assert!(cancelled);
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        run(&mut holder, "rollback").await;
    };
    let (answers, ()) = futures::join!(reads, watch);
    let statuses = |wanted: StatusCode| answers.iter().filter(|answer| answer.status == wanted).collect::<Vec<_>>();
    assert_eq!((statuses(StatusCode::BAD_REQUEST).len(), statuses(StatusCode::OK).len()), (8, 2));
    for answer in statuses(StatusCode::BAD_REQUEST) {
        assert_eq!(code(answer), "57014");
        assert!(answer.json()["message"].as_str().is_some_and(|text| text.contains("Narrow it")), "{}", answer.text());
    }
}

#[tokio::test]
async fn one_object_is_answered_where_there_is_exactly_one() {
    let stage = Stage::set().await;
    let single = &[("accept", "application/vnd.pgrst.object+json")];
    let path = |query: &str| format!("{HEALTH}?select=response_time_ms&{query}");
    let one = send(&stage.client, "GET", &path("response_time_ms=eq.7"), single, "").await;
    assert_eq!((one.status, one.json()), (StatusCode::OK, json!({"response_time_ms": 7})));
    for (query, rows) in [("response_time_ms=eq.99", 0), ("limit=2", 2)] {
        let answer = send(&stage.client, "GET", &path(query), single, "").await;
        assert_eq!((answer.status, code(&answer).as_str()), (StatusCode::NOT_ACCEPTABLE, "PGRST116"));
        assert_eq!(answer.json()["details"], format!("The result contains {rows} rows"));
    }
    let stripped = &[("accept", "application/vnd.pgrst.array+json;nulls=stripped")];
    let answer = send(&stage.client, "GET", &format!("{HEALTH}?select=status,cause&limit=1"), stripped, "").await;
    assert_eq!(answer.json(), json!([{"status": "down"}]));
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table of requests")]
async fn what_is_wrong_with_a_request_has_postgrests_code() {
    let stage = Stage::set().await;
    let id = stage.connection;
    for (method, path, headers, body, status, wanted) in [
        ("GET", "/rest/v1/users", &[][..], "", 404, "PGRST205"),
        ("GET", "/rest/v1/connection_state", &[], "", 404, "PGRST205"),
        ("GET", "/rest/v1/%FF", &[], "", 404, "PGRST205"),
        ("GET", "/rest/v1/a/b", &[], "", 404, "PGRST205"),
        ("GET", "/rest/v1/database_connection_health?nothing=eq.1", &[], "", 400, "42703"),
        ("GET", "/rest/v1/database_connection_health?select=nothing", &[], "", 400, "42703"),
        ("GET", "/rest/v1/database_connection_health?select=*,database_credentials(*)", &[], "", 400, "PGRST200"),
        ("GET", "/rest/v1/database_connection_health?credential_id=eq.7", &[], "", 400, "22P02"),
        ("GET", "/rest/v1/database_connection_health?response_time_ms=in.(1,x)", &[], "", 400, "22P02"),
        ("GET", "/rest/v1/database_connection_health?response_time_ms=eq.99999999999", &[], "", 400, "22003"),
        ("GET", "/rest/v1/database_connection_health?check_timestamp=gt.yesterdayish", &[], "", 400, "22007"),
        ("GET", "/rest/v1/database_connection_health?select=id::date", &[], "", 400, "42846"),
        ("GET", "/rest/v1/database_connection_health?status=is.true", &[], "", 400, "42804"),
        ("GET", "/rest/v1/database_connection_health?status=match.x", &[], "", 400, "PGRST100"),
        ("GET", "/rest/v1/database_connection_health?on_conflict=id", &[], "", 400, "PGRST100"),
        ("GET", "/rest/v1/database_connection_health", &[("accept-profile", "private")], "", 406, "PGRST106"),
        ("GET", "/rest/v1/database_connection_health", &[("accept", "text/csv")], "", 406, "PGRST107"),
        ("GET", "/rest/v1/database_credentials?select=credentials", &[], "", 403, "42501"),
        ("GET", "/rest/v1/database_credentials?credentials=like.*h*", &[], "", 403, "42501"),
        ("GET", "/rest/v1/database_knowledge_base?select=author_id", &[], "", 400, "42703"),
        ("POST", "/rest/v1/database_connection_health", &[], "{}", 405, "PGRST105"),
        ("PATCH", "/rest/v1/database_audit_log?id=not.is.null", &[], "{}", 405, "PGRST105"),
        ("DELETE", "/rest/v1/database_knowledge_base?id=not.is.null", &[], "", 405, "PGRST105"),
        ("PUT", RULES, &[], "{}", 405, "PGRST117"),
        ("POST", RULES, &[("content-profile", "private")], "{}", 406, "PGRST106"),
        ("POST", RULES, &[("prefer", "resolution=merge-duplicates")], "{}", 400, "PGRST122"),
        ("POST", RULES, &[("content-type", "text/csv")], "a,b", 415, "PGRST107"),
        ("POST", RULES, &[], "", 400, "PGRST102"),
        ("POST", RULES, &[], "{", 400, "PGRST102"),
        ("POST", RULES, &[], "7", 400, "PGRST102"),
        ("POST", RULES, &[], r#"{"alert_type":"downtime","alert_type":"security"}"#, 400, "PGRST102"),
        ("POST", RULES, &[], r#"[{"alert_type":"downtime"},{"enabled":true}]"#, 400, "PGRST102"),
        ("POST", RULES, &[], "{}", 400, "23502"),
        ("POST", RULES, &[], r#"{"alert_type":null}"#, 400, "23502"),
        ("POST", RULES, &[], r#"{"alert_type":"flood"}"#, 400, "23514"),
        ("POST", RULES, &[], r#"{"alert_type":"downtime","nothing":1}"#, 400, "PGRST204"),
        ("POST", RULES, &[], r#"{"alert_type":"downtime","sealed_channels":{}}"#, 400, "PGRST204"),
        ("POST", RULES, &[], r#"{"alert_type":"downtime","enabled":7}"#, 400, "22P02"),
        ("POST", RULES, &[], r#"{"alert_type":"downtime","credential_id":"7"}"#, 400, "22P02"),
        ("POST", RULES, &[], r#"{"alert_type":"downtime","threshold":{"window":5}}"#, 400, "23514"),
        ("POST", RULES, &[], r#"{"alert_type":"downtime","notification_channels":{"email":["x"]}}"#, 400, "23514"),
        ("POST", RULES, &[], r#"{"alert_type":"downtime","id":"8d0f1e3e-0000-0000-0000-000000000001"}"#, 400, "428C9"),
        ("PATCH", RULES, &[], r#"{"enabled":false}"#, 400, "21000"),
        (
            "PATCH",
            "/rest/v1/database_alert_config?id=not.is.null&limit=1",
            &[],
            r#"{"enabled":false}"#,
            400,
            "PGRST100",
        ),
        ("PATCH", "/rest/v1/database_alert_config?id=not.is.null", &[], "[]", 400, "PGRST102"),
        ("DELETE", RULES, &[], "", 400, "21000"),
        ("POST", CONNECTIONS, &[], r#"{"provider":"postgresql","connection_name":"x"}"#, 400, "23502"),
        ("POST", CONNECTIONS, &[], r#"{"provider":"oracle","connection_name":"x","credentials":{}}"#, 400, "23514"),
        (
            "POST",
            CONNECTIONS,
            &[],
            r#"{"provider":"mysql","connection_name":"","credentials":{"host":"h"}}"#,
            400,
            "23514",
        ),
        (
            "POST",
            CONNECTIONS,
            &[],
            r#"{"provider":"mysql","connection_name":"x","credentials":{"port":0}}"#,
            400,
            "23514",
        ),
        (
            "POST",
            CONNECTIONS,
            &[],
            r#"{"provider":"mysql","connection_name":"ORDERS","credentials":{"host":"h"}}"#,
            409,
            "23505",
        ),
        ("POST", "/rest/v1/rpc/calculate_uptime_percentage", &[], "", 404, "PGRST202"),
        ("POST", "/rest/v1/rpc/pg_sleep", &[], r#"{"p_credential_id":1}"#, 404, "PGRST202"),
        ("POST", "/rest/v1/rpc/calculate_uptime_percentage", &[], r#"{"p_credential_id":"7"}"#, 400, "22P02"),
        ("POST", "/rest/v1/rpc/calculate_uptime_percentage", &[], "[1]", 400, "PGRST102"),
        ("DELETE", "/rest/v1/rpc/calculate_uptime_percentage", &[], "", 405, "PGRST101"),
    ] {
        let answer = send(&stage.client, method, path, headers, body).await;
        assert_eq!(
            (answer.status.as_u16(), code(&answer).as_str()),
            (status, wanted),
            "{method} {path} {body}: {}",
            answer.text()
        );
        assert!(!answer.text().contains("hunter2"));
    }
    let mut long = json!({"p_credential_id": id, "p_hours": 99_999_999_999_i64}).to_string();
    let uptime = "/rest/v1/rpc/calculate_uptime_percentage";
    assert_eq!(code(&send(&stage.client, "POST", uptime, &[], long.clone()).await), "22003");
    long.push_str(&" ".repeat(2 * 1024 * 1024));
    let answer = send(&stage.client, "POST", uptime, &[], long).await;
    assert_eq!((answer.status, code(&answer).as_str()), (StatusCode::PAYLOAD_TOO_LARGE, "too_large"));
}

#[tokio::test]
async fn scopes_and_strangers_are_refused() {
    let stage = Stage::set().await;
    let (reader, cron) =
        (stage.app.with_token(&stage.owner, Scope::Read).await, stage.app.with_token(&stage.owner, Scope::Cron).await);
    let rule = json!({"alert_type": "downtime"}).to_string();
    let all = format!("{RULES}?id=not.is.null");
    for (client, method, path, body, status) in [
        (&reader, "GET", RULES, "", StatusCode::OK),
        (&reader, "POST", RULES, rule.as_str(), StatusCode::FORBIDDEN),
        (&reader, "PATCH", &all, &rule, StatusCode::FORBIDDEN),
        (&reader, "DELETE", &all, "", StatusCode::FORBIDDEN),
        (&cron, "GET", RULES, "", StatusCode::FORBIDDEN),
        (&cron, "POST", RULES, &rule, StatusCode::FORBIDDEN),
        (&stage.app.anonymous(), "POST", RULES, &rule, StatusCode::UNAUTHORIZED),
    ] {
        let answer = send(client, method, path, &[], body).await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text());
    }
    // In another's name, for another's connection, or at another's rows.
    let stranger: Uuid = sqlx::query_scalar("select user_id from database_credentials where id = $1")
        .bind(stage.foreign)
        .fetch_one(&mut stage.connect().await)
        .await
        .expect("the stranger");
    for body in [
        json!({"alert_type": "downtime", "user_id": stranger}),
        json!({"alert_type": "downtime", "credential_id": stage.foreign}),
        json!({"alert_type": "downtime", "credential_id": Uuid::new_v4()}),
    ] {
        let answer = send(&stage.client, "POST", RULES, &[], body.to_string()).await;
        assert_eq!((answer.status, code(&answer).as_str()), (StatusCode::FORBIDDEN, "42501"), "{}", answer.text());
    }
    let theirs = format!("{CONNECTIONS}?id=eq.{}", stage.foreign);
    for (method, body) in [("GET", ""), ("PATCH", r#"{"is_active":false}"#), ("DELETE", "")] {
        let answer = send(&stage.client, method, &theirs, REPRESENTATION, body).await;
        assert_eq!((answer.status, answer.json()), (StatusCode::OK, json!([])), "{method}");
    }
    let kept: bool = sqlx::query_scalar("select is_active from database_credentials where id = $1")
        .bind(stage.foreign)
        .fetch_one(&mut stage.connect().await)
        .await
        .expect("the stranger's connection is still there");
    assert!(kept);
}

#[tokio::test]
async fn alert_rules_are_written_and_their_secrets_shown_once() {
    let stage = Stage::set().await;
    let rule = json!({
        "user_id": stage.owner.user_id().expect("an account").0,
        "credential_id": stage.connection,
        "alert_type": "slow_response",
        "threshold": {"thresholdMs": 500},
        "notification_channels": {
            "email": ["ops@example.org"],
            "webhook": [{"url": "https://hooks.example.org/T1/hunter2"}, {"url": "https://chat.example.org/hunter2", "preset": "slack"}],
            "in_app": true,
        },
    });
    let made = send(&stage.client, "POST", RULES, REPRESENTATION, rule.to_string()).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    let row = made.json()[0].clone();
    let id = row["id"].as_str().expect("an id").to_owned();
    assert_eq!(header(&made, "location"), format!("{RULES}?id=eq.{id}"));
    assert_eq!((row["threshold"].clone(), row["enabled"].clone()), (json!({"thresholdMs": 500}), json!(true)));
    let secret = row["notification_channels"]["webhook"][0]["secret"].as_str().expect("a secret").to_owned();
    assert!(secret.starts_with("whsec_") && secret.len() > 40);

    let own = format!("{RULES}?id=eq.{id}");
    let read = get(&stage.client, &own).await;
    let shown = read.json()[0]["notification_channels"].clone();
    assert_eq!(
        shown["webhook"],
        json!([{"url": "https://hooks.example.org", "secret": "set"}, {"url": "https://chat.example.org", "preset": "slack"}])
    );
    assert!(!read.text().contains("hunter2") && !read.text().contains(&secret));

    // What was read is written back whole, with one thing changed; the secrets stay.
    let before = sealed(&stage, &id).await;
    let mut whole = read.json()[0].clone();
    whole["enabled"] = json!(false);
    let changed = send(&stage.client, "PATCH", &own, REPRESENTATION, whole.to_string()).await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.text());
    assert_eq!(changed.json()[0]["enabled"], false);
    assert_eq!(changed.json()[0]["notification_channels"], shown);
    assert_eq!(sealed(&stage, &id).await, before);
    assert!(before.contains(&secret) && before.contains("T1/hunter2"));

    // One that was made and not looked at is made anew where the webhook is left out once.
    for channels in [json!({"in_app": true}), json!({"webhook": [{"url": "https://hooks.example.org/T1/hunter2"}]})] {
        let body = json!({"notification_channels": channels}).to_string();
        let changed = send(&stage.client, "PATCH", &own, REPRESENTATION, body).await;
        assert_eq!(changed.status, StatusCode::OK, "{}", changed.text());
        let shown = &changed.json()[0]["notification_channels"]["webhook"][0]["secret"];
        let is_new = shown.as_str().is_some_and(|shown| shown.starts_with("whsec_") && shown != secret);
        assert_eq!(is_new, channels["webhook"].is_array(), "{shown}");
    }

    // A stored secret is not given to another url.
    let moved = json!({"notification_channels": {"webhook": [{"url": "https://evil.example", "secret": "set"}]}});
    let answer = send(&stage.client, "PATCH", &own, &[], moved.to_string()).await;
    assert_eq!(answer.json()["details"], "notification_channels.webhook[0].secret", "{}", answer.text());

    let stored: String =
        sqlx::query_scalar("select database_alert_config::text from database_alert_config where id = $1::uuid")
            .bind(&id)
            .fetch_one(&mut stage.connect().await)
            .await
            .expect("the rule");
    assert!(!stored.contains("hunter2") && !stored.contains(&secret), "{stored}");

    let many = json!([{"alert_type": "downtime"}, {"alert_type": "security", "threshold": {"autoDisable": true}}]);
    let answer = send(
        &stage.client,
        "POST",
        &format!("{RULES}?columns=%22alert_type%22,%22threshold%22&select=alert_type"),
        &[("prefer", "return=representation,missing=default,count=exact")],
        many.to_string(),
    )
    .await;
    assert_eq!(answer.json(), json!([{"alert_type": "downtime"}, {"alert_type": "security"}]), "{}", answer.text());
    assert_eq!((answer.status, header(&answer, "content-range")), (StatusCode::CREATED, "*/2"));

    // All or nothing.
    let half = json!([{"alert_type": "downtime"}, {"alert_type": "flood"}]).to_string();
    let count = async || get(&stage.client, &format!("{RULES}?select=id")).await.json().as_array().map(Vec::len);
    let before = count().await;
    assert_eq!(send(&stage.client, "POST", RULES, &[], half).await.status, StatusCode::BAD_REQUEST);
    let single = [("accept", "application/vnd.pgrst.object+json"), ("prefer", "return=representation")];
    let all = format!("{RULES}?id=not.is.null");
    assert_eq!(send(&stage.client, "DELETE", &all, &single, "").await.status, StatusCode::NOT_ACCEPTABLE);
    let strict = [("prefer", "handling=strict, max-affected=1")];
    assert_eq!(code(&send(&stage.client, "DELETE", &all, &strict, "").await), "PGRST124");
    assert_eq!(count().await, before);

    let deleted = send(&stage.client, "DELETE", &own, &single, "").await;
    assert_eq!((deleted.status, deleted.json()["id"].as_str()), (StatusCode::OK, Some(id.as_str())));
    assert_eq!(send(&stage.client, "DELETE", &all, &[], "").await.status, StatusCode::NO_CONTENT);
    assert_eq!(count().await, Some(0));
    let audited: Vec<String> =
        sqlx::query_scalar("select distinct action from database_audit_log where action like 'alert.%' order by 1")
            .fetch_all(&mut stage.connect().await)
            .await
            .expect("the log");
    assert_eq!(audited, ["alert.create", "alert.delete", "alert.update"]);
}

/// What is sealed of a rule, opened.
async fn sealed(stage: &Stage, id: &str) -> String {
    let envelope: Value = sqlx::query_scalar("select sealed_channels from database_alert_config where id = $1::uuid")
        .bind(id)
        .fetch_one(&mut stage.connect().await)
        .await
        .expect("sealed channels");
    let owner = stage.owner.user_id().expect("an account");
    let bytes = stage
        .app
        .state
        .vault()
        .open(id.parse().expect("a uuid"), owner, "sealed_channels", &envelope)
        .expect("opens for its row and owner");
    String::from_utf8(bytes.to_vec()).expect("text")
}

/// Rules that come by SQL, as the seed's own statements make them: what may be secret is not shown before it is sealed
/// either, and afterwards the rule is as if it had been written here.
#[tokio::test]
async fn rules_that_come_by_sql_are_sealed_and_show_no_secret() {
    let stage = Stage::set().await;
    let user = stage.owner.user_id().expect("an account").0;
    let mut database = stage.connect().await;
    for channels in [
        r#"{"email": ["ops@example.org"], "webhook": [{"url": "https://hooks.example.org/T1/hunter2", "secret": "whsec_aHVudGVyMg=="}]}"#,
        r#"{"email": ["ops@example.org"], "slack": "https://hooks.example.org/T1/hunter2"}"#,
        r#"["https://hooks.example.org/T1/hunter2"]"#,
        r#""hunter2""#,
    ] {
        sqlx::query("insert into database_alert_config (user_id, alert_type, notification_channels) values ($1, 'security', $2::jsonb)")
            .bind(user)
            .bind(channels)
            .execute(&mut database)
            .await
            .expect("a rule");
    }
    let rules = format!("{RULES}?alert_type=eq.security&order=created_at&select=channels:notification_channels");
    let email = json!(["ops@example.org"]);
    let read = get(&stage.client, &rules).await;
    let nothing_yet =
        json!([{"channels": {"email": email}}, {"channels": {"email": email}}, {"channels": {}}, {"channels": {}}]);
    assert_eq!(read.json(), nothing_yet);

    // Nor can it be found out by asking whether it is there.
    let reader = stage.app.with_token(&stage.owner, Scope::Read).await;
    let found = async |condition: &str| {
        let answer = get(&reader, &format!("{RULES}?alert_type=eq.security&select=id&{condition}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{condition}: {}", answer.text());
        answer.json().as_array().map(Vec::len)
    };
    assert_eq!(found("notification_channels=like.*ops*").await, Some(2));
    for secret in ["whsec%5C_aHVudGVyMg", "hunter2", "webhook"] {
        assert_eq!(found(&format!("notification_channels=like.*{secret}*")).await, Some(0), "{secret}");
        assert_eq!(found(&format!("or=(notification_channels.ilike.*{secret}*)")).await, Some(0), "{secret}");
    }
    assert_eq!(found("notification_channels=gt.%7B%22z%22:1%7D&order=notification_channels.desc").await, Some(0));

    let system = Caller::system(&stage.app.state, "tests");
    assert_eq!(mooring::alerts::server::seal_plaintext_rules(&system).await, Ok(4));
    assert_eq!(mooring::alerts::server::seal_plaintext_rules(&system).await, Ok(0));
    let stored: Vec<String> = sqlx::query_scalar("select notification_channels::text from database_alert_config")
        .fetch_all(&mut database)
        .await
        .expect("the rules");
    assert!(stored.iter().all(|channels| !channels.contains("hunter2")), "{stored:?}");
    let read = get(&stage.client, &rules).await.json();
    let shown = json!({"email": email, "webhook": [{"url": "https://hooks.example.org", "secret": "set"}]});
    assert_eq!((&read[0]["channels"], &read[1]["channels"]), (&shown, &json!({"email": email})));

    // Written back as it was read, it keeps its secrets.
    let own = format!("{RULES}?alert_type=eq.security&notification_channels=cs.x");
    assert_eq!(get(&stage.client, &own).await.status, StatusCode::BAD_REQUEST);
    let id: Uuid = sqlx::query_scalar(
        "select id from database_alert_config where alert_type = 'security' order by created_at limit 1",
    )
    .fetch_one(&mut database)
    .await
    .expect("the first");
    let body = json!({"notification_channels": shown}).to_string();
    let changed = send(&stage.client, "PATCH", &format!("{RULES}?id=eq.{id}"), REPRESENTATION, body).await;
    assert_eq!((changed.status, &changed.json()[0]["notification_channels"]), (StatusCode::OK, &shown));
    assert!(sealed(&stage, &id.to_string()).await.contains("hunter2"));
}

#[tokio::test]
async fn labels_and_quiet_mode_are_written_like_other_columns() {
    let stage = Stage::set().await;
    let own = format!("{CONNECTIONS}?id=eq.{}&select=quiet_mode,environment,tags,connection_name", stage.connection);
    let body = json!({"quiet_mode": "on", "environment": "Production", "tags": ["db", "Team A", "DB"]}).to_string();
    let changed = send(&stage.client, "PATCH", &own, REPRESENTATION, body).await;
    let row = json!([{"quiet_mode": "on", "environment": "production", "tags": ["db", "team a"], "connection_name": "orders"}]);
    assert_eq!((changed.status, changed.json()), (StatusCode::OK, row));
    // Beside a change of the settings, and with what is not sent left as it is.
    let body =
        json!({"environment": null, "credentials": {"host": "127.0.0.1", "port": 2, "username": "a", "password": "b"}})
            .to_string();
    let changed = send(&stage.client, "PATCH", &own, REPRESENTATION, body).await;
    let row = json!([{"quiet_mode": "on", "environment": null, "tags": ["db", "team a"], "connection_name": "orders"}]);
    assert_eq!((changed.status, changed.json()), (StatusCode::OK, row), "{}", changed.text());
    for (body, wanted) in [
        (json!({"quiet_mode": "perhaps"}), "23514"),
        (json!({"quiet_mode": null}), "23502"),
        (json!({"tags": "db"}), "22P02"),
        (json!({"tags": [1]}), "22P02"),
        (json!({"tags": null}), "23502"),
        (json!({"environment": 7}), "22P02"),
        (json!({"environment": "x".repeat(41)}), "23514"),
        (json!({"tags": ["a,b"]}), "23514"),
    ] {
        let answer = send(&stage.client, "PATCH", &own, &[], body.to_string()).await;
        assert_eq!(
            (answer.status, code(&answer).as_str()),
            (StatusCode::BAD_REQUEST, wanted),
            "{body}: {}",
            answer.text()
        );
    }
    // What cannot stop before the login cannot be quiet.
    let loud =
        json!({"provider": "mysql", "connection_name": "loud", "credentials": {"host": "h"}, "quiet_mode": "on"});
    let refused = send(&stage.client, "POST", CONNECTIONS, &[], loud.to_string()).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{}", refused.text());
    assert!(refused.text().contains("log in"), "{}", refused.text());
    let new = json!({"provider": "mysql", "connection_name": "n", "credentials": {"host": "h"}, "quiet_mode": "off", "tags": ["x"]});
    let made = send(
        &stage.client,
        "POST",
        &format!("{CONNECTIONS}?select=quiet_mode,environment,tags"),
        REPRESENTATION,
        new.to_string(),
    )
    .await;
    assert_eq!(
        (made.status, made.json()),
        (StatusCode::CREATED, json!([{"quiet_mode": "off", "environment": null, "tags": ["x"]}]))
    );
}

#[tokio::test]
async fn connections_are_written_and_their_credentials_never_answered() {
    let stage = Stage::set().await;
    let new = json!({
        "provider": "postgresql",
        "connection_name": "shop",
        "credentials": {"host": "db.example.org", "dbname": "shop", "user": "app", "password": "hunter2"},
        "is_active": false,
        "check_interval_s": 60,
    });
    let made = send(&stage.client, "POST", CONNECTIONS, REPRESENTATION, new.to_string()).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    let row = made.json()[0].clone();
    let id = row["id"].as_str().expect("an id").to_owned();
    assert!(row.get("credentials").is_none() && !made.text().contains("hunter2"), "{}", made.text());
    assert_eq!(row["public_settings"]["host"], "db.example.org");
    assert_eq!((row["is_active"].clone(), row["check_interval_s"].clone()), (json!(false), json!(60)));
    assert_eq!(opened(&stage, &id).await["password"], "hunter2");

    let own = format!("{CONNECTIONS}?id=eq.{id}");
    let patch = async |body: Value| send(&stage.client, "PATCH", &own, REPRESENTATION, body.to_string()).await;
    let renamed = patch(json!({"connection_name": "store", "is_active": true})).await;
    assert_eq!(
        (renamed.json()[0]["connection_name"].clone(), renamed.json()[0]["is_active"].clone()),
        (json!("store"), json!(true))
    );
    assert_eq!(opened(&stage, &id).await["password"], "hunter2");

    // A stored password stays at its endpoint.
    let same = patch(json!({"credentials": {"host": "db.example.org", "database": "other", "username": "app"}})).await;
    assert_eq!(same.status, StatusCode::OK, "{}", same.text());
    assert_eq!(opened(&stage, &id).await["password"], "hunter2");
    let moved = patch(json!({"credentials": {"host": "evil.example", "username": "app"}})).await;
    assert_eq!(
        (moved.status, moved.json()["details"].clone()),
        (StatusCode::BAD_REQUEST, json!("credentials.password"))
    );
    assert_eq!(patch(json!({"provider": "mysql"})).await.json()["details"], "credentials");
    let removed = patch(json!({"credentials": {"host": "db.example.org", "username": "app", "password": null}})).await;
    assert_eq!(removed.status, StatusCode::OK, "{}", removed.text());
    assert!(opened(&stage, &id).await.get("password").is_none());

    // The name of another one of one's own is taken; of a stranger's it is not.
    assert_eq!(patch(json!({"connection_name": "orders"})).await.status, StatusCode::CONFLICT);
    assert_eq!(patch(json!({"connection_name": "theirs"})).await.status, StatusCode::OK);
    assert_eq!(send(&stage.client, "DELETE", &own, &[], "").await.status, StatusCode::NO_CONTENT);
    assert_eq!(get(&stage.client, &own).await.json(), json!([]));
}

async fn opened(stage: &Stage, id: &str) -> Value {
    let envelope: Value = sqlx::query_scalar("select credentials from database_credentials where id = $1::uuid")
        .bind(id)
        .fetch_one(&mut stage.connect().await)
        .await
        .expect("credentials");
    let owner = stage.owner.user_id().expect("an account");
    let bytes = stage
        .app
        .state
        .vault()
        .open(id.parse().expect("a uuid"), owner, "credentials", &envelope)
        .expect("opens for its row and owner");
    serde_json::from_slice(&bytes).expect("JSON")
}

#[tokio::test]
async fn uptime_is_computed_by_post_and_get() {
    let stage = Stage::set().await;
    let (id, foreign) = (stage.connection, stage.foreign);
    let uptime = "/rest/v1/rpc/calculate_uptime_percentage";
    let posted =
        send(&stage.client, "POST", uptime, &[], json!({"p_credential_id": id, "p_hours": 24}).to_string()).await;
    let percent = posted.json().as_f64().unwrap_or_else(|| panic!("{}", posted.text()));
    assert!((40.0..60.0).contains(&percent), "{percent}");
    for query in [format!("p_credential_id={id}&p_hours=24"), format!("p_credential_id={id}")] {
        let got = get(&stage.client, &format!("{uptime}?{query}")).await;
        assert!((got.json().as_f64().expect("a number") - percent).abs() < 1.0, "{}", got.text());
    }
    let other = send(&stage.client, "POST", uptime, &[], json!({"p_credential_id": foreign}).to_string()).await;
    assert_eq!((other.status, other.json()), (StatusCode::OK, Value::Null));
}

#[tokio::test]
async fn any_origin_may_ask_and_read_what_was_answered() {
    let stage = Stage::set().await;
    let preflight = send(
        &stage.app.anonymous(),
        "OPTIONS",
        RULES,
        &[
            ("origin", "https://app.example"),
            ("access-control-request-method", "PATCH"),
            (
                "access-control-request-headers",
                "authorization,apikey,content-type,prefer,range,x-client-info,accept-profile,content-profile",
            ),
        ],
        "",
    )
    .await;
    assert!(preflight.status.is_success());
    assert_eq!(header(&preflight, "access-control-allow-origin"), "*");
    assert!(header(&preflight, "access-control-allow-methods").contains("PATCH"));
    let read = send(&stage.client, "GET", RULES, &[("origin", "https://app.example")], "").await;
    assert!(header(&read, header::ACCESS_CONTROL_EXPOSE_HEADERS.as_str()).contains("content-range"));
}
