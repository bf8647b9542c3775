//! Probes of targets: real servers in each state that a local one can be brought into, and servers that mean
//! harm.

mod egress;
mod firebase;
mod hostile;
mod hostile_mongodb;
mod mongodb;
mod mysql;
mod passwords;
mod postgresql;
mod supabase;

use std::time::Duration;

use mooring::{
    connections::{
        Provider,
        settings::{Secret, Settings, Special, TlsMode},
    },
    probe::{Cause, Failure, Outcome, Phase, ProbeReport},
    server::{config::EgressPolicy, egress::Egress, providers},
};
use time::OffsetDateTime;
use tokio::time::sleep;

/// Settings for a server on this machine; every server of the tests knows this account.
fn settings(port: u16) -> Settings {
    Settings {
        host: "127.0.0.1".to_owned(),
        port,
        database: Some("app".to_owned()),
        username: Some("app".to_owned()),
        password: Some(Secret::new("app-password")),
        tls: Some(TlsMode::Disable),
        ca_certificate: None,
        client_certificate: None,
        client_key: None,
        connect_timeout_ms: None,
        special: Special::Plain,
    }
}

/// Well before today on every machine whose clock is right.
fn long_ago() -> OffsetDateTime {
    OffsetDateTime::UNIX_EPOCH + time::Duration::days(365 * 50)
}

async fn probe(provider: Provider, settings: &Settings) -> ProbeReport {
    probe_through(&Egress::new(EgressPolicy::SelfHosted), provider, settings).await
}

/// Probes, and checks what holds for every report.
async fn probe_through(egress: &Egress, provider: Provider, settings: &Settings) -> ProbeReport {
    let report = providers::probe(egress, provider, settings).await;
    assert_eq!(report.phases.iter().map(|result| result.phase).collect::<Vec<_>>(), Phase::ALL, "all phases, in order");
    assert!(!format!("{report:?}").contains("app-password"), "a secret is in {report:?}");
    if let Some(failure) = &report.failure {
        // Everything before the failed phase was done or not needed, everything behind it was not tried.
        for result in &report.phases {
            let tried = match result.phase.cmp(&failure.phase) {
                std::cmp::Ordering::Less => result.outcome != Outcome::Failed,
                std::cmp::Ordering::Equal => result.outcome == Outcome::Failed,
                std::cmp::Ordering::Greater => result.outcome == Outcome::Skipped,
            };
            assert!(tried, "{result:?} with {failure:?}");
        }
    }
    report
}

/// Waits until the server has forgotten every connection of ours, for which it may take a moment after the
/// goodbye.
async fn none_left<F: Future<Output = i64>>(count: impl Fn() -> F) {
    for _ in 0..250 {
        if count().await == 0 {
            return;
        }
        sleep(Duration::from_millis(20)).await;
    }
    panic!("a connection was left on the server");
}

fn failure(report: &ProbeReport) -> &Failure {
    report.failure.as_ref().unwrap_or_else(|| panic!("it was expected to fail: {report:?}"))
}

/// Where it stopped, by which code, and why.
fn found(report: &ProbeReport) -> (Phase, Option<&str>, Cause) {
    let failure = failure(report);
    (failure.phase, failure.code.as_deref(), failure.cause)
}
