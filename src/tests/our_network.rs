//! Is it us? Servers that are silent, and a network of our own that is down, as far as loopback can play one: names
//! that never resolve, and a control target that stops answering.

use std::{net::SocketAddr, time::Duration};

use mooring::{
    auth::server::Caller,
    connections::server::seal_plaintext_rows,
    health::{
        CheckOrigin, Status,
        network::Outage,
        server::{check, claim, outage, record},
    },
    ids::ConnectionId,
    server::{
        config::EgressPolicy,
        egress::{Detours, Egress},
    },
};
use serde_json::json;
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    monitor::{INTERVAL, another_process, another_process_by, answering, ask, claim_one, refusing, rows, sweep},
    support::{app::TestApp, rows::run},
};

/// A control target that answers until it is told to be silent: then its queue is full, and the system drops
/// whatever asks, as a network that is down does.
struct ControlTarget {
    address: SocketAddr,
    listener: Option<JoinHandle<()>>,
    queue: Vec<TcpStream>,
}

impl ControlTarget {
    fn answering() -> Self {
        let (listener, address) = Self::bind(SocketAddr::from(([127, 0, 0, 1], 0)));
        let mut target = Self { address, listener: None, queue: Vec::new() };
        target.answer(listener);
        target
    }

    fn bind(address: SocketAddr) -> (TcpListener, SocketAddr) {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_reuseaddr(true).expect("take the address again");
        socket.bind(address).expect("bind");
        let listener = socket.listen(1).expect("listen");
        let address = listener.local_addr().expect("an address");
        (listener, address)
    }

    fn answer(&mut self, listener: TcpListener) {
        self.queue.clear();
        self.listener = Some(tokio::spawn(async move { while listener.accept().await.is_ok() {} }));
    }

    async fn stop_listening(&mut self) {
        if let Some(listener) = self.listener.take() {
            listener.abort();
            // It is gone once the task is.
            let _ = listener.await;
        }
    }

    /// Takes no one in any more, and fills the queue of those who wait.
    async fn fall_silent(&mut self) -> TcpListener {
        self.stop_listening().await;
        let (listener, _) = Self::bind(self.address);
        for _ in 0..20 {
            match tokio::time::timeout(Duration::from_millis(100), TcpStream::connect(self.address)).await {
                Ok(connected) => self.queue.push(connected.expect("wait in the queue")),
                Err(_) => return listener,
            }
        }
        panic!("the queue of a listener does not fill");
    }
}

/// An application whose control target has answered, and connections to hosts of which nothing comes back: names that
/// never resolve (RFC 6761).
async fn with_silent_hosts(control: &ControlTarget, names: &[&str]) -> (TestApp, Caller) {
    let app = TestApp::with(&[("MOORING_CONTROL_TARGETS", &control.address.to_string())]).await;
    let owner = app.user("a@example.org").await;
    assert!(outage::does_control_answer(&app.state).await);
    for name in names {
        let settings = json!({ "host": format!("{name}.invalid"), "username": "u", "password": "p", "tls": "disable" });
        app.connection(&owner, name, "postgresql", &settings).await;
    }
    (app, owner)
}

/// Puts the connections, checked once a day, into places on the grid: the first is due, the others are in an hour.
async fn spread(app: &TestApp) {
    seal_plaintext_rows(&Caller::system(&app.state, "tests")).await.expect("seal");
    run(&mut app.database.connect().await, "update database_credentials set check_interval_s = 86400").await;
    let later = "update connection_state set next_check_at = mooring_now() + interval '1 hour'
                  where credential_id not in (select id from database_credentials where connection_name = 'a')";
    run(&mut app.database.connect().await, later).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_answers_any_more_it_is_our_own_network() {
    let mut control = ControlTarget::answering();
    let (app, _) = with_silent_hosts(&control, &["a", "b", "c"]).await;
    let listener = control.fall_silent().await;
    app.advance(INTERVAL).await;
    let report = sweep(&app.state).await;
    assert_eq!((report.checked, report.down), (3, 0), "{report:?}");
    assert_eq!(rows(&app, "database_connection_health where status = 'unknown'").await, 3);
    assert_eq!(rows(&app, "database_connection_health where status <> 'unknown'").await, 0);
    assert_eq!(rows(&app, "database_connection_errors").await, 0, "nothing is known about the servers");
    assert_eq!(rows(&app, "notices where kind = 'network_outage' and ended_at is null").await, 1);

    app.advance(INTERVAL).await;
    assert_eq!(sweep(&app.state).await.down, 0);
    assert_eq!(rows(&app, "notices").await, 1, "told once, and nothing about the connections");

    // The network is back: the control target answers, and so does one of the servers.
    control.answer(listener);
    run(
        &mut app.database.connect().await,
        &format!("update database_credentials set credentials = '{}' where connection_name = 'a'", answering(&app)),
    )
    .await;
    app.advance(INTERVAL).await;
    let report = sweep(&app.state).await;
    assert_eq!((report.healthy, report.down), (1, 2), "the others are down for themselves: {report:?}");
    assert_eq!(rows(&app, "notices where kind = 'network_outage' and ended_at is null").await, 0);
    assert_eq!(rows(&app, "notices").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_that_are_due_later_are_asked_before_one_counts_as_down() {
    let mut control = ControlTarget::answering();
    let (app, _) = with_silent_hosts(&control, &["a", "b", "c"]).await;
    spread(&app).await;
    let _listener = control.fall_silent().await;
    app.advance(Duration::from_secs(11)).await;
    let report = sweep(&app.state).await;
    assert_eq!((report.due, report.checked, report.down), (1, 3, 0), "{report:?}");
    assert_eq!(rows(&app, "database_connection_health where status = 'unknown'").await, 3);
    assert_eq!(rows(&app, "connection_state where lease_owner is null and next_check_at > mooring_now()").await, 3);
    assert_eq!(rows(&app, "notices where kind = 'network_outage' and ended_at is null").await, 1);
    assert_eq!(sweep(&app.state).await.due, 0, "nothing is asked again before its time");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_too_few_hosts_could_tell_nobody_waits_for_them() {
    let mut control = ControlTarget::answering();
    let (app, owner) = with_silent_hosts(&control, &["a", "b"]).await;
    // It says nothing about the network.
    app.connection(&owner, "here", "postgresql", &answering(&app)).await;
    spread(&app).await;
    let _listener = control.fall_silent().await;
    app.advance(Duration::from_secs(11)).await;
    let begun = tokio::time::Instant::now();
    let report = sweep(&app.state).await;
    assert_eq!((report.checked, report.down), (1, 1), "{report:?}");
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_of_one_machine_judge_its_network_together() {
    let mut control = ControlTarget::answering();
    let (app, _) = with_silent_hosts(&control, &["a", "b", "c"]).await;
    let _listener = control.fall_silent().await;
    app.advance(Duration::from_secs(11)).await;
    // Started during the outage: that the control target answered before is known from the other one.
    let other = another_process(&app).await;
    let mut theirs = Vec::new();
    for _ in 0..2 {
        let claim = claim_one(&other).await;
        let check::Checked::Done(finished) = check::check(&other, claim, &CancellationToken::new()).await else {
            panic!("the check was not made");
        };
        theirs.push(*finished);
    }
    assert_eq!(theirs.iter().filter(|finished| finished.is_in_doubt()).count(), 2);
    let ours = sweep(&app.state).await;
    assert_eq!((ours.checked, ours.down), (1, 0), "{ours:?}");
    let silence = outage::silence(&other).await;
    assert!(theirs.iter_mut().all(|finished| finished.judge(silence.as_ref()) == Outage::Certain));
    assert_eq!(record::record(&other, &theirs).await.expect("record").len(), 2);
    assert_eq!(rows(&app, "database_connection_health where status = 'unknown'").await, 3);
    assert_eq!(rows(&app, "notices where kind = 'network_outage' and ended_at is null").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_comes_back_ends_the_outage() {
    let mut control = ControlTarget::answering();
    let (app, _) = with_silent_hosts(&control, &["a", "b", "c"]).await;
    let listener = control.fall_silent().await;
    app.advance(Duration::from_secs(11)).await;
    assert_eq!(sweep(&app.state).await.down, 0);
    let told = "notices where kind = 'network_outage' and ended_at is null";
    assert_eq!(rows(&app, told).await, 1);

    // A refusal proves the network, though the connection stays down.
    let refusing = refusing()["port"].as_u64().and_then(|port| u16::try_from(port).ok()).expect("a port");
    let detours = Detours::default().lead("a.invalid", SocketAddr::from(([127, 0, 0, 1], refusing)));
    let elsewhere = another_process_by(&app, Egress::with_detours(EgressPolicy::SelfHosted, detours)).await;
    let claim = {
        let id: Uuid = ask(&app, "select id from database_credentials where connection_name = 'a'").await;
        let mut tx = Caller::system(&elsewhere, "tests").write().await.expect("begin");
        let claim = claim::one(&mut tx, elsewhere.worker(), CheckOrigin::Person, ConnectionId(id)).await;
        tx.commit().await.expect("commit");
        claim.expect("claim").expect("nobody has it")
    };
    let check::Checked::Done(finished) = check::check(&elsewhere, claim, &CancellationToken::new()).await else {
        panic!("the check was not made");
    };
    assert_eq!(finished.status, Status::Down);
    record::record(&elsewhere, std::slice::from_ref(&*finished)).await.expect("record");
    assert_eq!((rows(&app, told).await, rows(&app, "silent_hosts").await), (0, 0));

    // So does a control target.
    app.advance(INTERVAL).await;
    assert_eq!(sweep(&app.state).await.down, 0);
    assert_eq!(rows(&app, told).await, 1);
    control.answer(listener);
    app.advance(Duration::from_secs(11)).await;
    assert!(outage::does_control_answer(&app.state).await);
    assert_eq!((rows(&app, told).await, rows(&app, "silent_hosts").await), (0, 0));
}
