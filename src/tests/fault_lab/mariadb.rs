//! MariaDB.

use std::{
    io::Read,
    net::{Ipv4Addr, TcpStream},
    sync::Arc,
};

use mooring::{connections::Provider, probe::Cause};
use serde_json::{Value, json};

use crate::support::{
    certificates::Authority,
    fault::{Count, Cut, Fault, From, counted, sockets, with},
    mariadb::{MariaDbOptions, TargetMariaDb},
};

const MY: Provider = Provider::MySql;

/// All of them, by server.
pub async fn groups() -> Vec<Vec<Fault>> {
    let mut groups = vec![accounts(), secure(), full(), cut().await];
    groups.extend(addresses().await);
    groups
}

fn start(arguments: &[&str], sql: &[&str]) -> (Arc<TargetMariaDb>, Value) {
    let server = TargetMariaDb::start(&MariaDbOptions {
        arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
        sql: sql.iter().map(|&statement| statement.to_owned()).collect(),
        tls: None,
    });
    let credentials = server.credentials();
    (Arc::new(server), credentials)
}

/// Asks the server, which lives as long as this.
fn asked(server: &Arc<TargetMariaDb>) -> Count {
    counted(server, |server| async move { i64::from(server.connections_named("mooring")) })
}

/// A server with accounts and databases of all kinds.
fn accounts() -> Vec<Fault> {
    let (server, good) = start(
        &["--disconnect-on-expired-password=ON"],
        &[
            "create database closed;",
            "create database Shop;",
            "create user rich@'%' identified by 'app-password';",
            "grant all on *.* to rich@'%';",
            "create user expired@'%' identified by 'app-password' password expire;",
            "create user locked@'%' identified by 'app-password' account lock;",
            "create user socketed@'%' identified via unix_socket;",
            "create user capped@'%' identified by 'app-password' with max_user_connections 1;",
            "grant all on app.* to capped@'%';",
        ],
    );
    let held = Arc::new(server.hold("capped"));
    let left = asked(&server);
    let left: Count = {
        let held = Arc::clone(&held);
        Arc::new(move || {
            let (_held, count) = (Arc::clone(&held), left());
            count
        })
    };
    let fault = |name, change: Value, cause| Fault::new(name, MY, with(&good, change), cause, &left);
    let user = |name| json!({ "username": name });
    let rich = |database| json!({ "username": "rich", "database": database });
    vec![
        Fault::none("mariadb: in order", MY, good.clone(), &left),
        fault("mariadb: wrong password", json!({"password": "wrong"}), Cause::AuthWrongPassword),
        fault("mariadb: missing user", user("nobody"), Cause::AuthWrongPassword),
        fault("mariadb: no user", json!({"username": null}), Cause::CredentialsMissing),
        fault("mariadb: expired password", user("expired"), Cause::AuthWrongPassword),
        fault("mariadb: locked account", user("locked"), Cause::AccessRuleDenied),
        fault("mariadb: login by socket only", user("socketed"), Cause::AuthWrongPassword),
        fault("mariadb: max_user_connections", user("capped"), Cause::TooManyConnections),
        fault("mariadb: no right to the database", json!({"database": "closed"}), Cause::PermissionDenied),
        fault("mariadb: unknown database", rich("missing"), Cause::DatabaseNotFound),
        fault("mariadb: database in another case", rich("shop"), Cause::DatabaseNotFound),
        fault("mariadb: no TLS", json!({"tls": "require"}), Cause::TlsNotSupported),
        Fault::new("mariadb: asked as PostgreSQL", Provider::PostgreSql, good.clone(), Cause::WrongProtocol, &left),
    ]
}

/// A server that takes TLS only and is read-only. Newer versions refuse a login without TLS as they refuse a
/// wrong password.
fn secure() -> Vec<Fault> {
    let authority = Authority::new("Tests");
    let server = TargetMariaDb::start(&MariaDbOptions {
        // Seen from the folder of the data.
        arguments: ["--require-secure-transport=ON", "--read-only=ON", "--ssl-ca=../server.crt"]
            .map(str::to_owned)
            .to_vec(),
        sql: vec!["create user bound@'%' identified by 'app-password' require x509;".to_owned()],
        tls: Some(authority.issue(&["localhost"], None).with_authority(&authority)),
    });
    let good = server.credentials();
    let server = Arc::new(server);
    let left = asked(&server);
    let verified = json!({"host": "localhost", "tls": "verify-full", "caCertificate": authority.certificate()});
    vec![
        Fault::none("mariadb: read-only, by TLS", MY, with(&good, verified.clone()), &left),
        Fault::new(
            "mariadb: no client certificate",
            MY,
            with(&with(&good, verified.clone()), json!({"username": "bound"})),
            Cause::AuthWrongPassword,
            &left,
        )
        .also(Cause::CredentialsMissing),
        Fault::new("mariadb: require_secure_transport", MY, good.clone(), Cause::AuthWrongPassword, &left)
            .also(Cause::TlsRequired)
            .or(Cause::TlsRequired),
        Fault::new(
            "mariadb: unknown issuer",
            MY,
            with(&with(&good, verified.clone()), json!({"caCertificate": null})),
            Cause::TlsCertUntrusted,
            &left,
        ),
        Fault::new(
            "mariadb: wrong name",
            MY,
            with(&with(&good, verified), json!({"host": "127.0.0.1"})),
            Cause::TlsHostnameMismatch,
            &left,
        ),
    ]
}

/// A server whose connections are all given out, by clients that say nothing.
fn full() -> Vec<Fault> {
    let (server, good) = start(&["--max-connections=10", "--connect-timeout=600"], &[]);
    let greeted = |stream: &mut TcpStream| {
        let mut first = [0; 5];
        // The fifth byte is the protocol's version, 255 in a refusal.
        stream.read_exact(&mut first).is_ok() && first[4] == 10
    };
    let connect = || TcpStream::connect(("127.0.0.1", server.port())).expect("reach the server");
    let held: Vec<TcpStream> =
        std::iter::repeat_with(connect).map_while(|mut stream| greeted(&mut stream).then_some(stream)).collect();
    let held = Arc::new((held, Arc::clone(&server)));
    let left =
        counted(&held, |held| async move { sockets(held.1.port()) - i64::try_from(held.0.len()).expect("a dozen") });
    vec![Fault::new("mariadb: too many connections", MY, good, Cause::TooManyConnections, &left)]
}

/// A server whose way is cut after each byte of its greeting and of the head of its answer to the login.
async fn cut() -> Vec<Fault> {
    // Each cut counts towards blocking this host.
    let (server, good) = start(&["--max-connect-errors=100000"], &[]);
    let mut head = [0; 4];
    TcpStream::connect(("127.0.0.1", server.port()))
        .and_then(|mut stream| stream.read_exact(&mut head))
        .expect("the head of the greeting");
    let greeting = 4 + usize::from(u16::from_le_bytes([head[0], head[1]]));
    let left = asked(&server);
    let mut faults = Vec::new();
    for after in 0..=greeting + 4 {
        let way = Arc::new(Cut::start(server.port(), after).await);
        let through = with(&good, json!({"port": way.port()}));
        let count = Arc::clone(&left);
        let left: Count = Arc::new(move || {
            let (_way, count) = (Arc::clone(&way), count());
            count
        });
        faults.push(Fault::new(
            "mariadb: cut after each byte of the login",
            MY,
            through,
            Cause::ConnectionReset,
            &left,
        ));
    }
    faults
}

/// A server that lets only this machine in, and one that has blocked an address, both seen from elsewhere.
/// Newer versions refuse an address without an account as they refuse a wrong password.
async fn addresses() -> Vec<Vec<Fault>> {
    let elsewhere = Ipv4Addr::new(203, 0, 113, 9);
    let (choosy, good) = start(&["--proxy-protocol-networks=127.0.0.1"], &["rename user app@'%' to app@'127.0.0.1';"]);
    let way = From::start(elsewhere, choosy.port()).await;
    let denied = with(&good, json!({"port": way.port()}));
    let kept = Arc::new((way, Arc::clone(&choosy)));
    let count = asked(&choosy);
    let left: Count = Arc::new(move || {
        let (_kept, count) = (Arc::clone(&kept), count());
        count
    });
    let choosy = vec![
        Fault::none("mariadb: granted host", MY, good, &left),
        Fault::new("mariadb: host not granted", MY, denied, Cause::AuthWrongPassword, &left)
            .also(Cause::AccessRuleDenied)
            .or(Cause::AccessRuleDenied),
    ];

    // To a stranger MariaDB plays the login of one of its accounts: here most likely one that signs.
    let signing: Vec<String> = std::iter::once("signs@'%'".to_owned())
        .chain((1..=200).map(|number| format!("a{number}@'192.0.2.{number}'")))
        .map(|account| format!("create user {account} identified via ed25519 using password('app-password');"))
        .collect();
    let (strict, good) = start(
        &[
            "--proxy-protocol-networks=127.0.0.1",
            "--skip-name-resolve=OFF",
            "--max-connect-errors=1",
            "--plugin-load-add=auth_ed25519",
        ],
        &signing.iter().map(String::as_str).collect::<Vec<_>>(),
    );
    let way = From::start(elsewhere, strict.port()).await;
    for _ in 0..3 {
        // Breaks off in the middle of its greeting's answer.
        let port = way.port();
        let broken = tokio::task::spawn_blocking(move || {
            use std::io::Write;

            let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("reach the server");
            let read = stream.read(&mut [0; 128]);
            read.is_ok() && stream.write_all(&[200, 0, 0, 1, 0, 0]).is_ok()
        });
        broken.await.expect("break off");
    }
    let blocked = with(&good, json!({"port": way.port()}));
    // Another address of the same strict server: no probe of ours may get it blocked.
    let careful = From::start(Ipv4Addr::new(203, 0, 113, 10), strict.port()).await;
    let through = with(&good, json!({"port": careful.port()}));
    let kept = Arc::new((way, careful, Arc::clone(&strict)));
    let count = asked(&strict);
    let left: Count = Arc::new(move || {
        let (_kept, count) = (Arc::clone(&kept), count());
        count
    });
    let strict = vec![
        Fault::none("mariadb: strict about hosts", MY, through.clone(), &left),
        Fault::new(
            "mariadb: strict, wrong password",
            MY,
            with(&through, json!({"password": "wrong"})),
            Cause::AuthWrongPassword,
            &left,
        ),
        Fault::new(
            "mariadb: strict, no TLS",
            MY,
            with(&through, json!({"tls": "verify-full"})),
            Cause::TlsNotSupported,
            &left,
        ),
        Fault::new(
            "mariadb: strict, a login by ed25519",
            MY,
            with(&through, json!({"username": "signs"})),
            Cause::AuthMethodUnsupported,
            &left,
        ),
        Fault::none("mariadb: strict, and still not blocked", MY, through, &left),
        Fault::new("mariadb: host blocked", MY, blocked, Cause::HostBlocked, &left),
    ];
    vec![choosy, strict]
}
