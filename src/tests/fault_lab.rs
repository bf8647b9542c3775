//! The fault lab: real servers, each broken in one way, and ways to them that are. Of each, the cause that a
//! staged probe and a check find, the status that is recorded, the time that it takes, and that nothing is left
//! open on the server. Servers are shared among faults, and groups of faults run side by side.

mod hosted;
mod mariadb;
mod mongodb;
mod network;
mod postgresql;

use std::time::{Duration, Instant};

use futures::{StreamExt, stream};
use mooring::{
    auth::server::Caller,
    connections::settings::Settings,
    diagnosis::{StageKind, server::examine},
    health::{CheckOrigin, Status, server::check_now},
    probe::{Cause, Outcome, Phase},
};
use sqlx::Row as _;
use tokio::time::sleep;
use uuid::Uuid;

use crate::support::{
    app::TestApp,
    fault::{Count, Fault, Row, table},
};

/// Groups at a time.
const AT_ONCE: usize = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[expect(clippy::print_stderr, reason = "the table is what the lab is run for")]
async fn every_fault_is_found_in_time_and_nothing_is_left() {
    let (egress, hosted) = hosted::faults().await;
    let app = TestApp::with_egress(egress).await;
    let owner = app.user("owner@example.org").await;
    let mut groups = postgresql::groups().await;
    groups.extend(mariadb::groups().await);
    groups.extend(mongodb::groups().await);
    groups.push(hosted);
    groups.extend(network::groups().await);
    let begun = Instant::now();
    let rows: Vec<Vec<Row>> = stream::iter(groups)
        .map(|faults| {
            let (app, owner) = (&app, &owner);
            async move {
                let mut rows = Vec::new();
                for fault in faults {
                    rows.push(run(app, owner, fault).await);
                }
                rows
            }
        })
        .buffered(AT_ONCE)
        .collect()
        .await;
    let rows: Vec<Row> = rows.into_iter().flatten().collect();
    let text = table(&rows);
    eprintln!("{text}{} faults in {:.1} s", rows.len(), begun.elapsed().as_secs_f64());
    assert!(rows.iter().all(|row| row.problems.is_empty()), "not all is as it should be");
}

/// One fault: a staged probe with its analysis, then a check that is recorded.
async fn run(app: &TestApp, owner: &Caller, fault: Fault) -> Row {
    let Fault { name, provider, expected, checked, within, .. } = fault;
    let (took, problems) = (Duration::ZERO, Vec::new());
    let mut row = Row { name, expected, found: None, stopped: None, took, problems };
    let settings =
        Settings::from_json(provider, &fault.credentials).unwrap_or_else(|error| panic!("{name}: {error:?}"));

    let begun = Instant::now();
    let found = examine(app.state.egress(), provider, &settings, "").await;
    row.took = begun.elapsed();
    row.found = found.staged.failure.as_ref().map(|failure| failure.cause);
    row.holds("the staged probe ends in time", row.took < within);
    row.holds("nothing is left of the staged probe", none_left(&fault.left).await);
    row.holds("the cause is found", fault.admits(expected, row.found));
    if let (Some(also), Some(failure)) = (fault.also, &found.staged.failure) {
        row.holds("the other possibility is named", row.found == fault.or || failure.also_possible.contains(&also));
    }
    let said = format!("{found:?}");
    row.holds("no secret is told", !said.contains("app-password") && !said.contains("BEGIN PRIVATE"));
    // Of several addresses and servers some may fail where it goes on with others.
    if row.found.is_some() {
        row.stopped =
            found.staged.stages.iter().rev().find(|stage| stage.outcome == Outcome::Failed).map(|stage| stage.kind);
    }
    if let (Some(cause), Some(failure)) = (row.found, &found.staged.failure) {
        row.holds("it stops where it failed", row.stopped.is_some_and(|stage| belongs(stage, failure.phase)));
        // What a user may do is asked with the database, which explains why it is refused.
        let beside = [StageKind::Elsewhere, StageKind::Privileges];
        let last = found.staged.stages.iter().rev().find(|stage| !beside.contains(&stage.kind));
        row.holds("nothing is tried after that", last.is_some_and(|stage| stage.outcome == Outcome::Failed));
        row.holds("the analysis follows the evidence", found.analysis.cause == cause);
        row.holds("there is a cure", !found.fixes.is_empty());
    } else {
        let last = found.staged.stages.last().map(|stage| (stage.kind, stage.outcome));
        row.holds(
            "all stages were reached",
            last.is_some_and(|last| last.0 == StageKind::Query && last.1 != Outcome::Failed),
        );
    }
    if found.staged.failure.as_ref().is_none_or(|failure| failure.phase > Phase::Tcp) {
        let tells = |kind| found.staged.stages.iter().any(|stage| stage.kind == kind && stage.subject.is_some());
        row.holds("each address is told", tells(StageKind::Addresses) && tells(StageKind::Tcp));
    }
    if !row.problems.is_empty() {
        row.problems.push(format!("{:?}", found.staged));
    }

    let id = app.connection(owner, &format!("{name} {}", Uuid::new_v4()), provider.code(), &fault.credentials).await;
    let begun = Instant::now();
    let result = check_now(owner, id, CheckOrigin::Person).await.unwrap_or_else(|error| panic!("{name}: {error}"));
    row.holds("the check ends in time", begun.elapsed() < within);
    row.holds("nothing is left of the check", none_left(&fault.left).await);
    if !fault.admits(checked, result.cause) {
        row.problems.push(format!("the check found {:?}: {:?}", result.cause, result.error_message));
    }
    let stored = sqlx::query("select status, cause from database_connection_health where credential_id = $1")
        .bind(id.0)
        .fetch_one(&mut app.database.connect().await)
        .await
        .expect("the check's row");
    let status = if checked.is_some() { Status::Down } else { Status::Healthy };
    row.holds("the status is recorded", stored.get::<String, _>("status") == status.code());
    let recorded = stored.get::<Option<String>, _>("cause");
    row.holds("the cause of the check is recorded", recorded.as_deref() == result.cause.map(Cause::code));
    row
}

/// Whether a failure in this phase shows at this stage. What speaks at a port is seen where a check logs in.
const fn belongs(stage: StageKind, phase: Phase) -> bool {
    match phase {
        Phase::Dns => matches!(stage, StageKind::Name),
        Phase::Tcp => matches!(stage, StageKind::Tcp),
        Phase::Tls => matches!(stage, StageKind::Tls),
        Phase::Auth => matches!(stage, StageKind::Login | StageKind::Protocol),
        Phase::Database => matches!(stage, StageKind::Database),
        Phase::Query => matches!(stage, StageKind::Query),
    }
}

/// Whether the server has forgotten every connection, for which it may take a moment after the goodbye.
async fn none_left(left: &Count) -> bool {
    for _ in 0..150 {
        if left().await == 0 {
            return true;
        }
        sleep(Duration::from_millis(20)).await;
    }
    false
}
