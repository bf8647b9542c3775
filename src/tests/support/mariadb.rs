//! Private MariaDB servers: targets that connections point at.

use std::{
    fs,
    io::Read,
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use rustix::process::Signal;
use uuid::Uuid;

use super::{
    certificates::Certificate,
    server_process::{Port, ServerProcess, command, private_file, private_folder, run, template, workspace},
};

/// The account that connections log in as, by `mysql_native_password`; owns [`DATABASE`].
pub const USER: &str = "app";
/// Its password.
pub const PASSWORD: &str = "app-password";
/// The database that connections open.
pub const DATABASE: &str = "app";

/// What is special about a server.
#[derive(Clone, Debug, Default)]
pub struct MariaDbOptions {
    /// Further options of `mariadbd`, as `--name=value`.
    pub arguments: Vec<String>,
    /// Statements that run at every start, before the first connection is taken; each in one line.
    pub sql: Vec<String>,
    /// Turns TLS on, with this certificate.
    pub tls: Option<Certificate>,
}

/// A private server on 127.0.0.1 with the account [`USER`] and the database [`DATABASE`]; gone with its
/// files when dropped.
#[derive(Debug)]
pub struct TargetMariaDb {
    port: Port,
    folder: PathBuf,
    arguments: Vec<String>,
    tls: bool,
    process: Option<ServerProcess>,
}

impl TargetMariaDb {
    /// Starts a server.
    pub fn start(options: &MariaDbOptions) -> Self {
        let port = Port::take();
        let folder = workspace().join(format!("mariadb-{}", Uuid::new_v4().simple()));
        private_folder(&folder);
        run(command("cp", &folder).args(["-a", "--reflink=auto"]).arg(made_once()).arg(folder.join("data")));
        let mut sql = vec![
            format!("create database if not exists {DATABASE};"),
            format!("create user if not exists {USER}@'%' identified by '{PASSWORD}';"),
            format!("grant all on {DATABASE}.* to {USER}@'%';"),
        ];
        sql.extend_from_slice(&options.sql);
        private_file(&folder.join("init.sql"), &format!("{}\n", sql.join("\n")));
        let mut arguments = options.arguments.clone();
        if let Some(Certificate { certificate, key }) = &options.tls {
            private_file(&folder.join("server.crt"), certificate);
            private_file(&folder.join("server.key"), key);
            arguments.push(format!("--ssl-cert={}", folder.join("server.crt").display()));
            arguments.push(format!("--ssl-key={}", folder.join("server.key").display()));
        }
        let mut server = Self { port, folder, arguments, tls: options.tls.is_some(), process: None };
        server.resume();
        server
    }

    /// The port on 127.0.0.1.
    pub const fn port(&self) -> u16 {
        self.port.number()
    }

    /// The `credentials` object of the wire for [`USER`] and [`DATABASE`], without TLS.
    pub fn credentials(&self) -> serde_json::Value {
        serde_json::json!({
            "host": "127.0.0.1", "port": self.port(), "database": DATABASE,
            "username": USER, "password": PASSWORD, "tls": "disable",
        })
    }

    /// Stops the server in order; [`TargetMariaDb::resume`] starts it again on the same port.
    pub fn stop(&mut self) {
        if let Some(process) = self.process.take() {
            assert!(process.stop(Signal::TERM), "the server does not stop\n{}", self.log());
        }
    }

    /// Starts the stopped server again.
    pub fn resume(&mut self) {
        let data = self.folder.join("data");
        let mut mariadbd = command(program("mariadbd"), &self.folder);
        mariadbd
            .arg("--no-defaults")
            .arg(format!("--datadir={}", data.display()))
            .arg(format!("--init-file={}", self.folder.join("init.sql").display()))
            .arg(format!("--port={}", self.port()))
            .arg("--socket=")
            .args(SMALL)
            .args(["--bind-address=127.0.0.1", "--skip-name-resolve", "--performance-schema=ON", "--skip-log-bin"])
            .args(&self.arguments);
        let address = SocketAddr::from(([127, 0, 0, 1], self.port()));
        self.process = Some(ServerProcess::start(mariadbd, &self.log_path(), |_| greets(address)));
    }

    /// Everything that the server logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_path()).expect("read a server's log")
    }

    fn log_path(&self) -> PathBuf {
        self.folder.join("server.log")
    }

    /// Runs statements as `root`; answers the rows, tab-separated, without headings.
    pub fn execute(&self, sql: &str) -> String {
        let mut client = Command::new(program("mariadb"));
        client.args([
            "--no-defaults",
            "--protocol=tcp",
            "--host=127.0.0.1",
            "--user=root",
            "--batch",
            "--skip-column-names",
        ]);
        if self.tls {
            client.arg("--ssl");
        }
        run(client.arg(format!("--port={}", self.port())).arg(format!("--execute={sql}")))
    }

    /// Holds a connection of `user` until what is given back is dropped.
    pub fn hold(&self, user: &str) -> Held {
        let mut client = Command::new(program("mariadb"));
        client
            .args(["--no-defaults", "--protocol=tcp", "--host=127.0.0.1", "--skip-ssl"])
            .arg(format!("--port={}", self.port()))
            .arg(format!("--user={user}"))
            .arg(format!("--execute=select sleep({HELD_S})"))
            .env("MYSQL_PWD", PASSWORD)
            .stdout(Stdio::null());
        let held = Held(client.spawn().expect("run MariaDB's client"));
        let sql = format!("select count(*) from information_schema.processlist where user = '{user}'");
        while self.execute(&sql).trim() == "0" {
            thread::sleep(Duration::from_millis(10));
        }
        held
    }

    /// How many connections of programs called `name` the server has now.
    pub fn connections_named(&self, name: &str) -> u32 {
        let sql = format!(
            "select count(*) from performance_schema.session_connect_attrs
              where attr_name = 'program_name' and attr_value = '{name}'"
        );
        self.execute(&sql).trim().parse().expect("a count")
    }
}

impl Drop for TargetMariaDb {
    fn drop(&mut self) {
        self.process = None;
        // A folder that stays costs space, not a wrong result.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Longer than any test.
const HELD_S: u32 = 600;

/// A connection that is held; ends when dropped.
#[derive(Debug)]
pub struct Held(Child);

impl Drop for Held {
    fn drop(&mut self) {
        // Already ended: nothing is held.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Keeps a server's files and memory small; the template must have the same sizes.
const SMALL: [&str; 5] = [
    "--innodb-log-file-size=4M",
    "--innodb-buffer-pool-size=8M",
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-flush-method=nosync",
    "--key-buffer-size=1M",
];

fn program(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin"), PathBuf::from("/usr/bin")])
        .map(|folder| folder.join(name))
        .find(|program| program.exists())
        .unwrap_or_else(|| panic!("the tests need MariaDB's server: {name} was not found"))
}

/// Whether the server has sent its greeting, which it does only once the init file has run.
fn greets(address: SocketAddr) -> bool {
    TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok_and(|mut stream| {
        let mut first = [0; 5];
        let patience = stream.set_read_timeout(Some(Duration::from_secs(5)));
        // The fifth byte is the protocol version, 255 in a refusal.
        patience.is_ok() && stream.read_exact(&mut first).is_ok() && first[4] == 10
    })
}

/// The template of all servers: the system's tables, `root` without a password.
fn made_once() -> PathBuf {
    let version = run(Command::new(program("mariadbd")).args(["--no-defaults", "--version"]));
    let id = Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{version}{SMALL:?}").as_bytes());
    template(&format!("mariadb-template-{}", id.simple()), |folder: &Path| {
        let mut install = command(program("mariadb-install-db"), folder);
        install.arg("--no-defaults").arg(format!("--datadir={}", folder.display())).args(SMALL).args([
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            "--skip-name-resolve",
        ]);
        run(&mut install);
    })
}
