//! What grows is put away in time, and nothing else: with the clock a year ahead.

use std::time::Duration;

use mooring::{
    auth::server::Caller,
    health::server::retention::{drop_partitions, ensure_partitions, remove_old},
};

use crate::support::{
    app::TestApp,
    rows::{add_connection, add_user, count, run},
};

const DAY: Duration = Duration::from_hours(24);

/// One row of each kind that grows, `ago` days before now.
async fn fill(app: &TestApp, connection: &str, ago: u32) {
    let mut sql = app.database.connect().await;
    let at = format!("mooring_now() - interval '{ago} days'");
    for statement in [
        "insert into database_connection_health (credential_id, status, check_timestamp) values ($connection, 'healthy', $at)",
        "insert into database_connection_retries (credential_id, attempt_number, success, attempted_at) values ($connection, 1, true, $at)",
        "insert into connection_half_hours (credential_id, half_hour) values ($connection, $at)",
        "insert into database_performance_metrics (credential_id, metric_date) values ($connection, ($at)::date)",
        "insert into notices (kind, title, ended_at) values (gen_random_uuid()::text, 'over', $at)",
    ] {
        run(&mut sql, &statement.replace("$connection", connection).replace("$at", &at)).await;
    }
}

async fn months(app: &TestApp) -> i64 {
    count(&mut app.database.connect().await, "pg_inherits where inhparent = 'database_connection_health'::regclass")
        .await
}

#[tokio::test]
async fn old_months_are_dropped_and_old_rows_trimmed() {
    let app = TestApp::start().await;
    let mut sql = app.database.connect().await;
    let user = add_user(&mut sql, "a@example.org").await;
    let connection = format!("'{}'", add_connection(&mut sql, user, "orders").await);
    let system = Caller::system(&app.state, "tests");
    fill(&app, &connection, 0).await;
    run(&mut sql, "insert into notices (kind, title) values ('lasting', 'not over')").await;
    assert_eq!((drop_partitions(&system).await, remove_old(&system).await), (Ok(0), Ok(0)), "nothing is old yet");

    // Month by month, as the job makes them. Ninety days reach into four months, and one may end within them.
    for _ in 0..12 {
        app.advance(30 * DAY).await;
        ensure_partitions(&system).await.expect("months are made");
    }
    fill(&app, &connection, 0).await;
    fill(&app, &connection, 60).await;
    let before = months(&app).await;
    let dropped = drop_partitions(&system).await.expect("months are dropped");
    assert!(dropped >= 8, "{dropped} of {before}");
    assert_eq!(months(&app).await, before - i64::from(dropped));
    assert_eq!(count(&mut sql, "database_connection_health").await, 2, "what is younger than ninety days");
    remove_old(&system).await.expect("rows are removed");
    for (table, kept) in [
        ("database_connection_retries", 2),
        ("connection_half_hours", 1),
        ("database_performance_metrics", 3),
        ("notices where ended_at is not null", 2),
        ("notices where ended_at is null", 1),
    ] {
        assert_eq!(count(&mut sql, table).await, kept, "{table}");
    }
    app.advance(720 * DAY).await;
    remove_old(&system).await.expect("rows are removed");
    assert_eq!(count(&mut sql, "database_performance_metrics").await, 1, "two years of days");
    assert_eq!(count(&mut sql, "notices").await, 1, "what is not over stays");
}

#[tokio::test]
async fn what_the_operator_keeps_is_kept() {
    let app = TestApp::with(&[("MOORING_HISTORY_DAYS", "3650")]).await;
    let system = Caller::system(&app.state, "tests");
    app.advance(1_000 * DAY).await;
    let before = months(&app).await;
    assert_eq!(drop_partitions(&system).await, Ok(0));
    assert_eq!(months(&app).await, before);
}
