//! What speaks MongoDB's protocol.

use std::{future::ready, sync::Arc, time::Duration};

use bson::{RawDocumentBuf, rawdoc};
use mooring::{connections::Provider, probe::Cause};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::support::{
    certificates::{Authority, self_signed},
    fault::{Count, Fault, StandIn, Trick, counted, established, with},
    mongodb::{DATABASE, MongoDbOptions, REPLICA_SET, TargetMongoDb, USER, first_answer},
    server_process::Port,
};

const MONGO: Provider = Provider::MongoDb;

/// All of them, by server.
pub async fn groups() -> Vec<Vec<Fault>> {
    vec![accounts(), open(), tls(), certificates(), hangs(), members().await, strangers().await]
}

/// A server, and what logs in to it.
fn start(options: &MongoDbOptions) -> (Arc<TargetMongoDb>, Value) {
    let server = Arc::new(TargetMongoDb::start(options));
    let credentials = json!({
        "host": "127.0.0.1", "port": server.port(), "database": DATABASE, "username": USER,
        "password": "app-password", "authSource": "admin", "tls": "disable",
    });
    (server, credentials)
}

/// Asks the kernel: the server does not tell its connections apart.
fn seen(server: &Arc<TargetMongoDb>) -> Count {
    counted(server, |server| ready(i64::try_from(server.connections()).expect("a small number")))
}

/// A member of a replica set, without TLS.
fn accounts() -> Vec<Fault> {
    let (server, good) = start(&MongoDbOptions::default());
    let left = seen(&server);
    let fault = |name, change: Value, cause| Fault::new(name, MONGO, with(&good, change), cause, &left);
    let nobody = json!({"username": null, "password": null, "authSource": null});
    vec![
        Fault::none("mongodb: in order", MONGO, good.clone(), &left),
        Fault::none("mongodb: its replica set", MONGO, with(&good, json!({"replicaSet": REPLICA_SET})), &left),
        Fault::none("mongodb: no TLS, and none insisted on", MONGO, with(&good, json!({"tls": "prefer"})), &left),
        Fault::none("mongodb: no privilege", MONGO, with(&good, json!({"username": "nothing"})), &left),
        fault("mongodb: wrong password", json!({"password": "wrong"}), Cause::AuthWrongPassword),
        fault("mongodb: missing user", json!({"username": "nobody"}), Cause::AuthWrongPassword),
        // The server does not tell a wrong database of users from a wrong password.
        fault("mongodb: wrong authSource", json!({"authSource": "elsewhere"}), Cause::AuthWrongPassword)
            .also(Cause::AuthSourceWrong),
        fault("mongodb: the database as authSource", json!({"authSource": null}), Cause::AuthWrongPassword)
            .also(Cause::AuthSourceWrong),
        fault("mongodb: no login", nobody, Cause::CredentialsMissing),
        fault("mongodb: no password", json!({"password": null}), Cause::CredentialsMissing),
        fault(
            "mongodb: a mechanism that it has not",
            json!({"authMechanism": "MONGODB-X509"}),
            Cause::CredentialsMissing,
        ),
        fault("mongodb: another replica set", json!({"replicaSet": "rs0"}), Cause::DriverMisconfigured),
        // To a check, silence: the first words of TLS are the beginning of a long message.
        fault("mongodb: no TLS", json!({"tls": "require", "connectTimeoutMs": 700}), Cause::TlsNotSupported)
            .checked(Cause::ConnectTimeout),
        Fault::new("mongodb: asked as PostgreSQL", Provider::PostgreSql, as_sql(&good), Cause::WrongProtocol, &left)
            .checked(Cause::ConnectionReset)
            .or(Cause::ConnectTimeout),
        Fault::new("mongodb: asked as MySQL", Provider::MySql, as_sql(&good), Cause::WrongProtocol, &left)
            .checked(Cause::ConnectTimeout),
    ]
}

/// The same place and account, for another kind of database.
fn as_sql(good: &Value) -> Value {
    with(good, json!({"authSource": null, "connectTimeoutMs": 700}))
}

/// A server that lets everyone in.
fn open() -> Vec<Fault> {
    let (server, good) = start(&MongoDbOptions { open: true, standalone: true, ..MongoDbOptions::default() });
    let left = seen(&server);
    let nobody = with(&good, json!({"username": null, "password": null, "authSource": null}));
    vec![
        Fault::none("mongodb: no login asked for", MONGO, nobody.clone(), &left),
        Fault::new(
            "mongodb: a replica set that is none",
            MONGO,
            with(&nobody, json!({"replicaSet": "rs0"})),
            Cause::DriverMisconfigured,
            &left,
        ),
    ]
}

/// A server that takes TLS only.
fn tls() -> Vec<Fault> {
    let authority = Authority::new("Tests");
    let (server, good) =
        start(&MongoDbOptions { tls: Some(authority.issue(&["localhost"], None)), ..MongoDbOptions::default() });
    let left = seen(&server);
    let verified = json!({"host": "localhost", "tls": "verify-full", "caCertificate": authority.certificate()});
    let change = |changes: Value| with(&with(&good, verified.clone()), changes);
    let fault = |name, changes: Value, cause| Fault::new(name, MONGO, change(changes), cause, &left);
    vec![
        Fault::none("mongodb tls: in order", MONGO, change(json!({})), &left),
        Fault::none("mongodb tls: preferred", MONGO, change(json!({"tls": "prefer"})), &left),
        Fault::none(
            "mongodb tls: wrong name, unverified",
            MONGO,
            change(json!({"host": "127.0.0.1", "tls": "verify-ca"})),
            &left,
        ),
        Fault::new("mongodb tls: TLS only, asked without", MONGO, good.clone(), Cause::TlsRequired, &left)
            .checked(Cause::ConnectionReset),
        fault("mongodb tls: unknown issuer", json!({"caCertificate": null}), Cause::TlsCertUntrusted),
        fault("mongodb tls: wrong name", json!({"host": "127.0.0.1"}), Cause::TlsHostnameMismatch),
        fault("mongodb tls: wrong password", json!({"password": "wrong"}), Cause::AuthWrongPassword),
    ]
}

/// Servers whose certificate is the fault.
fn certificates() -> Vec<Fault> {
    let authority = Authority::new("Tests");
    // Well before today on every machine whose clock is right.
    let long_ago = OffsetDateTime::UNIX_EPOCH + Duration::from_hours(24 * 365 * 50);
    let with_tls = |certificate| start(&MongoDbOptions { tls: Some(certificate), ..MongoDbOptions::default() });
    let (own, own_good) = with_tls(self_signed(&["localhost"], None));
    let (expired, expired_good) = with_tls(authority.issue(&["localhost"], Some(long_ago)));
    let full = json!({"host": "localhost", "tls": "verify-full"});
    let given = json!({"host": "localhost", "tls": "verify-full", "caCertificate": authority.certificate()});
    vec![
        Fault::new("mongodb tls: self-signed", MONGO, with(&own_good, full), Cause::TlsCertUntrusted, &seen(&own)),
        Fault::new("mongodb tls: expired", MONGO, with(&expired_good, given), Cause::TlsCertExpired, &seen(&expired)),
    ]
}

/// A server that accepts and never answers. It cannot close what the client has closed.
fn hangs() -> Vec<Fault> {
    let (server, good) = start(&MongoDbOptions::default());
    server.freeze();
    let left = counted(&server, |server| ready(established(server.port())));
    let good = with(&good, json!({"connectTimeoutMs": 600}));
    vec![Fault::new("mongodb: hangs", MONGO, good, Cause::ConnectTimeout, &left)]
}

/// Servers that say in their first answer that they cannot be spoken to so, and hear no login.
async fn strangers() -> Vec<Fault> {
    let mut faults = Vec::new();
    let incompatible = Cause::DriverServerIncompatible;
    for (name, document, cause) in [
        (
            "mongodb: newer than every client",
            rawdoc! { "minWireVersion": 100, "maxWireVersion": 100, "ok": 1.0 },
            incompatible,
        ),
        ("mongodb: of before 3.6", rawdoc! { "minWireVersion": 0, "maxWireVersion": 2, "ok": 1.0 }, incompatible),
        (
            "mongodb: a user by certificate only",
            rawdoc! { "saslSupportedMechs": ["MONGODB-X509"], "ok": 1.0 },
            Cause::AuthMethodUnsupported,
        ),
    ] {
        // It answers once: a login would wait for its time to be over.
        let server = StandIn::start(Trick::Answers(first_answer(&document))).await;
        let credentials = json!({
            "host": "127.0.0.1", "port": server.port(), "database": DATABASE, "username": USER,
            "password": "app-password", "authSource": "admin", "tls": "disable",
        });
        faults.push(Fault::new(name, MONGO, credentials, cause, &server.count()));
    }
    faults
}

/// A primary that stands behind other members in the list, and lists without one.
async fn members() -> Vec<Fault> {
    let (server, _) = start(&MongoDbOptions::default());
    let says = |document: RawDocumentBuf| StandIn::start(Trick::Answers(first_answer(&document)));
    let recovering = says(rawdoc! { "setName": REPLICA_SET, "ok": 1.0 }).await;
    let arbiter = says(rawdoc! { "setName": REPLICA_SET, "arbiterOnly": true, "ok": 1.0 }).await;
    let headless = says(rawdoc! { "setName": REPLICA_SET, "secondary": true, "ok": 1.0 }).await;
    let silent = StandIn::start(Trick::Silence).await;
    let cut = StandIn::start(Trick::Breaks { words: Vec::new(), waits: true }).await;
    let dead = Arc::new(Port::take());
    let counts = [&recovering, &arbiter, &headless, &silent, &cut].map(StandIn::count);
    let (here, nobody) = (seen(&server), Arc::clone(&dead));
    let left: Count = Arc::new(move || {
        let (counts, here, nobody) = (counts.clone(), here(), Arc::clone(&nobody));
        Box::pin(async move {
            let _nobody = nobody;
            let mut sum = here.await;
            for count in counts {
                sum += count().await;
            }
            sum
        })
    });
    let list = |ports: &[u16]| {
        let more: Vec<String> = ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
        let address = format!("mongodb://{USER}:app-password@{}/{DATABASE}?authSource=admin&tls=false", more.join(","));
        json!({ "connectionString": address, "connectTimeoutMs": 2_000 })
    };
    let primary = server.port();
    let none = |name, ports: &[u16]| Fault::none(name, MONGO, list(ports), &left);
    let fault = |name, ports: &[u16], cause| Fault::new(name, MONGO, list(ports), cause, &left);
    vec![
        none("mongodb list: refused, primary", &[dead.number(), primary]),
        none("mongodb list: recovering, primary", &[recovering.port(), primary]),
        none("mongodb list: arbiter, primary", &[arbiter.port(), primary]),
        none("mongodb list: without a primary, primary", &[headless.port(), primary]),
        none("mongodb list: silent, primary", &[silent.port(), primary]),
        none("mongodb list: hangs up, primary", &[cut.port(), primary]),
        none(
            "mongodb list: four that are of no use, primary",
            &[arbiter.port(), dead.number(), cut.port(), recovering.port(), primary],
        ),
        none("mongodb list: primary, silent", &[primary, silent.port()]),
        fault("mongodb list: recovering, refused", &[recovering.port(), dead.number()], Cause::NotPrimary),
        fault("mongodb list: refused, arbiter", &[dead.number(), arbiter.port()], Cause::NotPrimary),
        fault("mongodb list: refused twice", &[dead.number(), dead.number()], Cause::ConnectionRefused),
    ]
}
