//! Private servers that speak MongoDB's protocol: targets that connections point at. MongoDB's own server is in no
//! package; the package `secantusdb` answers logins and errors as it does, and `.ci/setup` installs it.

use std::{
    fs,
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use rustix::process::Signal;
use uuid::Uuid;

use super::{
    certificates::Certificate,
    server_process::{Port, ServerProcess, private_file, run, template, workspace},
};

/// The account that connections log in as, kept in `admin` with the password `app-password`; it may read and write
/// [`DATABASE`] and see which databases there are.
pub const USER: &str = "app";
/// The database that connections open; it holds one document.
pub const DATABASE: &str = "app";
/// The replica set that a server belongs to unless it is started alone.
pub const REPLICA_SET: &str = "secantus";

/// Makes the accounts and the database, with the client that the server's package brings.
const ACCOUNTS: &str = r#"
import sys, pymongo
client = pymongo.MongoClient(sys.argv[1], directConnection=True)
roles = [{"role": "readWrite", "db": "app"}, {"role": "clusterMonitor", "db": "admin"}]
client.admin.command("createUser", "app", pwd="app-password", roles=roles)
client.admin.command("createUser", "old", pwd="app-password", roles=roles, mechanisms=["SCRAM-SHA-1"])
client.admin.command("createUser", "d\u00e9j\u00e0 vu", pwd="\u2168 \u00aa, a=b", roles=roles)
client.admin.command("createUser", "nothing", pwd="app-password", roles=[])
client.app.command("createUser", "local", pwd="app-password", roles=roles)
client["$external"].command("createUser", "CN=app", roles=roles, mechanisms=["MONGODB-X509"])
client.app.things.insert_one({"a": 1})
"#;

/// Makes further accounts: name, password and mechanism of each, as JSON in a file.
const MORE_ACCOUNTS: &str = r#"
import json, sys, pymongo
client = pymongo.MongoClient(sys.argv[1], directConnection=True)
for name, password, mechanism in json.load(open(sys.argv[2])):
    roles = [{"role": "readWrite", "db": "app"}]
    client.admin.command("createUser", name, pwd=password, roles=roles, mechanisms=[mechanism])
"#;

/// A server's answer, `document`, to the first question of a client that counts from one.
pub fn first_answer(document: &bson::RawDocument) -> Vec<u8> {
    const OP_MSG: i32 = 2013;
    // The flags and the kind of the only section stand before the document.
    let body = [&[0; 5], document.as_bytes()].concat();
    let length = i32::try_from(body.len() + 16).expect("a short answer");
    let header: Vec<u8> = [length, 1_000, 1, OP_MSG].iter().flat_map(|word| word.to_le_bytes()).collect();
    [header, body].concat()
}

/// What is special about a server.
#[derive(Clone, Debug, Default)]
pub struct MongoDbOptions {
    /// Lets everyone in.
    pub open: bool,
    /// In no replica set.
    pub standalone: bool,
    /// Turns TLS on, with this certificate.
    pub tls: Option<Certificate>,
    /// The authority of clients' certificates, PEM; needs `tls`.
    pub client_authority: Option<String>,
    /// Further accounts: name, password and mechanism.
    pub accounts: Vec<(String, String, &'static str)>,
}

/// A private server on 127.0.0.1; gone with its files when dropped.
#[derive(Debug)]
pub struct TargetMongoDb {
    port: Port,
    folder: PathBuf,
    arguments: Vec<String>,
    process: Option<ServerProcess>,
}

impl TargetMongoDb {
    /// Starts a server.
    pub fn start(options: &MongoDbOptions) -> Self {
        let port = Port::take();
        let folder = workspace().join(format!("mongodb-{}", Uuid::new_v4().simple()));
        fs::create_dir(&folder).expect("make a server's folder");
        run(Command::new("cp").args(["-a", "--reflink=auto"]).arg(made_once().join("data")).arg(&folder));
        if !options.accounts.is_empty() {
            let list = folder.join("accounts.json");
            private_file(&list, &serde_json::to_string(&options.accounts).expect("a list"));
            change(&folder, &port, |address| {
                run(Command::new(program("python")).arg("-c").arg(MORE_ACCOUNTS).arg(address).arg(list));
            });
        }
        let mut arguments = Vec::new();
        if !options.open {
            arguments.push("--auth".to_owned());
        }
        if options.standalone {
            arguments.push("--standalone".to_owned());
        }
        let mut file = |name: &str, option: &str, content: &str| {
            let path = folder.join(name);
            private_file(&path, content);
            arguments.extend([option.to_owned(), path.display().to_string()]);
        };
        if let Some(Certificate { certificate, key }) = &options.tls {
            file("server.crt", "--tls-cert-file", certificate);
            file("server.key", "--tls-key-file", key);
        }
        if let Some(authority) = &options.client_authority {
            file("clients.crt", "--tls-ca-file", authority);
        }
        let mut server = Self { port, folder, arguments, process: None };
        server.resume();
        server
    }

    /// The port on 127.0.0.1.
    pub const fn port(&self) -> u16 {
        self.port.number()
    }

    /// Stops the server in order; [`TargetMongoDb::resume`] starts it again on the same port.
    pub fn stop(&mut self) {
        if let Some(process) = self.process.take() {
            assert!(process.stop(Signal::TERM), "the server does not stop");
        }
    }

    /// Starts the stopped server again.
    pub fn resume(&mut self) {
        self.process = Some(launch(&self.folder, self.port(), &self.arguments));
    }

    /// Makes the server accept and never answer.
    pub fn freeze(&self) {
        self.process.as_ref().expect("a running server").signal(Signal::STOP);
    }

    /// How many connections the server's side has now, as the system counts them: those of clients that are gone
    /// count until the server has closed them too.
    pub fn connections(&self) -> usize {
        let own = format!(":{:04X}", self.port());
        ["/proc/net/tcp", "/proc/net/tcp6"]
            .into_iter()
            .flat_map(|table| {
                fs::read_to_string(table).unwrap_or_default().lines().map(str::to_owned).collect::<Vec<_>>()
            })
            .filter(|line| {
                let mut fields = line.split_whitespace().skip(1);
                let local = fields.next().unwrap_or_default();
                // Established, or closed by the client alone.
                local.ends_with(&own) && matches!(fields.nth(1), Some("01" | "08"))
            })
            .count()
    }
}

impl Drop for TargetMongoDb {
    fn drop(&mut self) {
        self.process = None;
        // A folder that stays costs space, not a wrong result.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Starts a server on the data in `folder`. It runs as whoever runs the tests: its program may lie in a home that
/// nobody else reaches.
fn launch(folder: &Path, port: u16, arguments: &[String]) -> ServerProcess {
    let mut command = Command::new(program("secantusd-py"));
    command
        .current_dir(folder)
        .stdin(Stdio::null())
        .args(["--host", "127.0.0.1", "--cache-size", "32M", "--log-level", "WARNING"])
        .args(["--port", &port.to_string()])
        .arg("--storage-path")
        .arg(folder.join("data"))
        .args(arguments);
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    ServerProcess::start(command, &folder.join("server.log"), |_| {
        TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok()
    })
}

/// A program of the environment that `.ci/setup` makes.
fn program(name: &str) -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")))
        .expect("a home");
    let program = cache.join("mooring/secantusdb/bin").join(name);
    assert!(program.exists(), "the tests need secantusdb: run `make setup-test`; {} was not found", program.display());
    program
}

/// The template of all servers: the accounts and the database.
fn made_once() -> PathBuf {
    let id = Uuid::new_v5(&Uuid::NAMESPACE_OID, ACCOUNTS.as_bytes());
    template(&format!("mongodb-template-{}", id.simple()), |folder: &Path| {
        change(folder, &Port::take(), |address| {
            run(Command::new(program("python")).arg("-c").arg(ACCOUNTS).arg(address));
        });
    })
}

/// Changes the data in `folder` through a server that lets everyone in.
fn change(folder: &Path, port: &Port, by: impl FnOnce(String)) {
    let server = launch(folder, port.number(), &[]);
    by(format!("mongodb://127.0.0.1:{}", port.number()));
    assert!(server.stop(Signal::TERM), "the server does not stop");
}
