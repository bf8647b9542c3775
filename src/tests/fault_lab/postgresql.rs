//! PostgreSQL and `PgBouncer`.

use std::{sync::Arc, time::Duration};

use mooring::{connections::Provider, probe::Cause};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::support::{
    certificates::{Authority, Certificate, self_signed},
    fault::{Count, Fault, counted, established, sockets, with},
    pgbouncer::PgBouncer,
    postgres::{PostgresOptions, Recovery, TargetPostgres, USER},
};

const PG: Provider = Provider::PostgreSql;

/// All of them, by server.
pub async fn groups() -> Vec<Vec<Fault>> {
    let mut groups = vec![clear().await, tls(), certificates(), full().await, pooler().await, full_pool(&[]).await];
    groups.push(full_pool(&["query_wait_timeout = 1"]).await);
    groups.push(pool_without_a_server());
    groups.extend(states().await);
    groups
}

/// Asks the server, which lives as long as this.
fn asked(server: &Arc<TargetPostgres>) -> Count {
    counted(server, |server| async move { server.connections_named("mooring").await })
}

/// Asks the kernel, where the server cannot be asked.
fn seen(server: &Arc<TargetPostgres>) -> Count {
    counted(server, |server| async move { sockets(server.port()) })
}

fn start(options: &PostgresOptions) -> (Arc<TargetPostgres>, Value) {
    let server = Arc::new(TargetPostgres::start(options));
    let credentials = server.credentials();
    (server, credentials)
}

/// A server without TLS: users, rules, databases, limits.
async fn clear() -> Vec<Fault> {
    let (server, good) = start(&PostgresOptions {
        hba: Some(
            [
                "host all rejected all reject",
                "host all clear all password",
                "host all hashed all md5",
                "host all idented all ident",
                "host all kerberised all gss",
                "host all ghost,trusted all trust",
                "host all app,capped,expired,nologin all scram-sha-256",
            ]
            .map(str::to_owned)
            .to_vec(),
        ),
        ..PostgresOptions::default()
    });
    for statement in [
        "create role trusted login",
        "create role clear login password 'app-password'",
        "create role idented login",
        "create role kerberised login",
        "create role capped login password 'app-password' connection limit 0",
        "create role expired login password 'app-password' valid until '2001-01-01'",
        "create role nologin password 'app-password'",
        "set password_encryption = 'md5'; create role hashed login password 'app-password'",
        "create database closed",
        "revoke connect on database closed from public",
        "create database crowded connection limit 0",
        "create database \"Shop\"",
    ] {
        server.execute(statement).await;
    }
    let left = asked(&server);
    let fault = |name, change: Value, cause| Fault::new(name, PG, with(&good, change), cause, &left);
    let user = |name| json!({ "username": name });
    vec![
        Fault::none("pg: in order", PG, good.clone(), &left),
        Fault::none("pg: trusted, no password", PG, with(&good, user("trusted")), &left),
        Fault::none("pg: MD5 on this machine", PG, with(&good, user("hashed")), &left),
        Fault::none("pg: no TLS, and none insisted on", PG, with(&good, json!({"tls": "prefer"})), &left),
        fault("pg: no TLS", json!({"tls": "require"}), Cause::TlsNotSupported),
        fault("pg: wrong password", json!({"password": "wrong"}), Cause::AuthWrongPassword),
        fault("pg: no password", json!({"password": null}), Cause::CredentialsMissing),
        fault("pg: no user", json!({"username": null}), Cause::CredentialsMissing),
        fault("pg: password no longer valid", user("expired"), Cause::AuthWrongPassword),
        fault("pg: role may not log in", user("nologin"), Cause::AccessRuleDenied),
        fault("pg: missing role", user("ghost"), Cause::AuthUnknownUser),
        fault("pg: rejected by pg_hba.conf", user("rejected"), Cause::AccessRuleDenied),
        fault("pg: no line in pg_hba.conf", user("stranger"), Cause::AccessRuleDenied),
        fault("pg: password in clear text", user("clear"), Cause::AuthMethodUnsupported),
        fault("pg: ident", user("idented"), Cause::AuthMethodUnsupported),
        fault("pg: GSSAPI", user("kerberised"), Cause::AuthMethodUnsupported),
        fault("pg: missing database", json!({"database": "missing"}), Cause::DatabaseNotFound),
        fault("pg: database in another case", json!({"database": "shop"}), Cause::DatabaseNotFound),
        fault("pg: no CONNECT right", json!({"database": "closed"}), Cause::PermissionDenied),
        fault("pg: role at its connection limit", user("capped"), Cause::TooManyConnections),
        fault("pg: database at its connection limit", json!({"database": "crowded"}), Cause::TooManyConnections),
        Fault::new(
            "pg: asked as MySQL",
            Provider::MySql,
            with(&good, json!({"connectTimeoutMs": 600})),
            Cause::WrongProtocol,
            &seen(&server),
        )
        .checked(Cause::ConnectTimeout),
    ]
}

/// A server that takes TLS only.
fn tls() -> Vec<Fault> {
    let authority = Authority::new("Tests");
    let (server, good) = start(&PostgresOptions {
        hba: Some(["hostssl all app all scram-sha-256", "hostssl all bound all cert"].map(str::to_owned).to_vec()),
        tls: Some(authority.issue(&["localhost"], None).with_authority(&authority)),
        conf: vec!["ssl_ca_file = 'server.crt'".to_owned()],
        ..PostgresOptions::default()
    });
    let left = asked(&server);
    let verified = json!({"host": "localhost", "tls": "verify-full", "caCertificate": authority.certificate()});
    let change = |changes: Value| with(&with(&good, verified.clone()), changes);
    let stranger = authority.issue(&["stranger"], None);
    let shown = json!({"username": "bound", "clientCertificate": stranger.certificate, "clientKey": stranger.key});
    vec![
        Fault::new("pg tls: certificate of another user", PG, change(shown), Cause::AccessRuleDenied, &left)
            .also(Cause::CredentialsMissing),
        Fault::new(
            "pg tls: no client certificate",
            PG,
            change(json!({"username": "bound"})),
            Cause::AccessRuleDenied,
            &left,
        )
        .also(Cause::CredentialsMissing),
        Fault::none("pg tls: in order", PG, change(json!({})), &left),
        Fault::new("pg tls: TLS only, asked without", PG, good.clone(), Cause::AccessRuleDenied, &left),
        Fault::new(
            "pg tls: unknown issuer",
            PG,
            change(json!({"caCertificate": null})),
            Cause::TlsCertUntrusted,
            &left,
        ),
        Fault::new(
            "pg tls: another authority",
            PG,
            change(json!({"caCertificate": Authority::new("Other").certificate()})),
            Cause::TlsCertUntrusted,
            &left,
        ),
        Fault::new("pg tls: wrong name", PG, change(json!({"host": "127.0.0.1"})), Cause::TlsHostnameMismatch, &left),
        Fault::none(
            "pg tls: wrong name, unverified",
            PG,
            change(json!({"host": "127.0.0.1", "tls": "verify-ca"})),
            &left,
        ),
        Fault::new("pg tls: wrong password", PG, change(json!({"password": "wrong"})), Cause::AuthWrongPassword, &left),
    ]
}

/// Servers whose certificate or version is the fault.
fn certificates() -> Vec<Fault> {
    let with_tls = |certificate: Certificate, conf: &[&str]| {
        let conf = conf.iter().map(|&line| line.to_owned()).collect();
        start(&PostgresOptions { tls: Some(certificate), conf, ..PostgresOptions::default() })
    };
    let authority = Authority::new("Tests");
    // Well before today on every machine whose clock is right.
    let long_ago = OffsetDateTime::UNIX_EPOCH + Duration::from_hours(24 * 365 * 50);
    let (own, own_good) = with_tls(self_signed(&["localhost"], None), &[]);
    let (expired, expired_good) = with_tls(authority.issue(&["localhost"], Some(long_ago)), &[]);
    let old = ["ssl_min_protocol_version = 'TLSv1'", "ssl_max_protocol_version = 'TLSv1.1'"];
    let (old, old_good) = with_tls(self_signed(&["localhost"], None), &old);
    let full = json!({"host": "localhost", "tls": "verify-full"});
    let given = json!({"host": "localhost", "tls": "verify-full", "caCertificate": authority.certificate()});
    vec![
        Fault::new("pg tls: self-signed", PG, with(&own_good, full), Cause::TlsCertUntrusted, &asked(&own)),
        Fault::new("pg tls: expired", PG, with(&expired_good, given), Cause::TlsCertExpired, &asked(&expired)),
        Fault::new(
            "pg tls: too old a version",
            PG,
            with(&old_good, json!({"tls": "require"})),
            Cause::TlsProtocolMismatch,
            &asked(&old),
        ),
    ]
}

/// A server whose connections are all given out.
async fn full() -> Vec<Fault> {
    let (server, good) = start(&PostgresOptions {
        conf: vec!["max_connections = 5".to_owned(), "superuser_reserved_connections = 4".to_owned()],
        ..PostgresOptions::default()
    });
    let held = Arc::new(server.connect(USER).await);
    let asked = asked(&server);
    let left: Count = Arc::new(move || {
        assert!(!held.is_closed(), "the connection that fills the server is gone");
        asked()
    });
    vec![Fault::new("pg: max_connections used up", PG, good, Cause::TooManyConnections, &left)]
}

/// Servers that are not ready, or do not answer.
async fn states() -> Vec<Vec<Fault>> {
    let recovering = |recovery| start(&PostgresOptions { recovery: Some(recovery), ..PostgresOptions::default() });
    let (starting, starting_good) = recovering(Recovery::Archive);
    let (standby, standby_good) = recovering(Recovery::Standby);
    let (stopping, stopping_good) = start(&PostgresOptions::default());
    let held = Arc::new(stopping.connect(USER).await);
    stopping.begin_to_stop();
    // The held connection is one of the sockets.
    let stopping_left = seen(&stopping);
    let stopping_left: Count = Arc::new(move || {
        let (held, others) = (Arc::clone(&held), stopping_left());
        Box::pin(async move { others.await - i64::from(!held.is_closed()) })
    });
    let (frozen, frozen_good) = start(&PostgresOptions::default());
    frozen.freeze(true);
    let frozen_good = with(&frozen_good, json!({"connectTimeoutMs": 600, "tls": "prefer"}));
    // The kernel has accepted for a server that does not, and keeps what the client has closed until it does.
    let unfrozen = counted(&frozen, |server| async move {
        server.freeze(false);
        let left = server.connections_named("mooring").await;
        server.freeze(true);
        left
    });
    vec![
        vec![Fault::new("pg: starting", PG, starting_good, Cause::ServerStartingUp, &seen(&starting))],
        vec![Fault::new("pg: standby without connections", PG, standby_good, Cause::NotPrimary, &seen(&standby))],
        vec![Fault::new("pg: stopping", PG, stopping_good, Cause::ServerShuttingDown, &stopping_left)],
        vec![Fault::new("pg: hangs", PG, frozen_good, Cause::ConnectTimeout, &unfrozen)],
    ]
}

/// Poolers before a server that is in order.
async fn pooler() -> Vec<Fault> {
    let (server, good) = start(&PostgresOptions::default());
    let transaction = PgBouncer::start(&server, &["pool_mode = transaction", "server_idle_timeout = 1"]);
    let full = PgBouncer::start(&server, &["max_client_conn = 1"]);
    let held = tokio::net::TcpStream::connect(("127.0.0.1", full.port())).await.expect("reach the pooler");
    let (through, through_full) =
        (with(&good, json!({"port": transaction.port()})), with(&good, json!({"port": full.port()})));
    let poolers = Arc::new((transaction, full, held, server));
    // The pooler's own connections to the server bear its clients' names; what counts is what it was left.
    let left = counted(&poolers, |poolers| async move { sockets(poolers.0.port()) });
    let left_full = counted(&poolers, |poolers| async move { sockets(poolers.1.port()) - 1 });
    vec![
        Fault::none("pgbouncer: transaction mode", PG, through.clone(), &left),
        Fault::new(
            "pgbouncer: wrong password",
            PG,
            with(&through, json!({"password": "wrong"})),
            Cause::AuthWrongPassword,
            &left,
        ),
        Fault::new(
            "pgbouncer: missing database",
            PG,
            with(&through, json!({"database": "missing"})),
            Cause::DatabaseNotFound,
            &left,
        ),
        Fault::new("pgbouncer: full", PG, through_full, Cause::TooManyConnections, &left_full),
    ]
}

/// A pooler whose only connection to the server is in use: it takes the login, and its clients wait for the first
/// statement, for two minutes unless `lines` say otherwise.
async fn full_pool(lines: &[&str]) -> Vec<Fault> {
    let (server, good) = start(&PostgresOptions::default());
    let mut configuration = vec!["pool_mode = transaction", "default_pool_size = 1"];
    configuration.extend(lines);
    let pooler = PgBouncer::start(&server, &configuration);
    let held = pooler.hold().await;
    let through = with(&good, json!({"port": pooler.port(), "connectTimeoutMs": 600}));
    let kept = Arc::new((pooler, held, server));
    // The pooler hears of nothing while it lets a client wait, and keeps what that has closed.
    let left = counted(&kept, |kept| async move { established(kept.0.port()) - 1 });
    vec![if lines.is_empty() {
        Fault::new("pgbouncer: full pool", PG, through, Cause::StatementTimeout, &left)
            .also(Cause::TooManyConnections)
            .within(Duration::from_secs(13))
    } else {
        Fault::new("pgbouncer: full pool, told", PG, through, Cause::TooManyConnections, &left)
    }]
}

/// A pooler that has never reached its server: it takes the login, and lets its clients wait in the middle of it.
fn pool_without_a_server() -> Vec<Fault> {
    let (server, good) = start(&PostgresOptions::default());
    server.freeze(true);
    let pooler = PgBouncer::start(&server, &[]);
    let through = with(&good, json!({"port": pooler.port(), "connectTimeoutMs": 600}));
    let kept = Arc::new((pooler, server));
    let left = counted(&kept, |kept| async move { established(kept.0.port()) });
    vec![
        Fault::new("pgbouncer: server hangs", PG, through, Cause::ConnectTimeout, &left)
            .also(Cause::Unreachable)
            .within(Duration::from_secs(13)),
    ]
}
