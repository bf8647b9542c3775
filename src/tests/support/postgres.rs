//! Private PostgreSQL servers: the targets that connections point at, and our own database where a test has
//! to stop it.

use std::{
    fs,
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

use rustix::process::Signal;
use uuid::Uuid;

use super::{
    certificates::Certificate,
    server_process::{Port, ServerProcess, command, private_file, private_folder, run, template, workspace},
};

/// The role that connections log in as; owns [`DATABASE`].
pub const USER: &str = "app";
/// Its password; the server checks it by SCRAM unless a test's own lines say otherwise.
pub const PASSWORD: &str = "app-password";
/// The database that connections open.
pub const DATABASE: &str = "app";

/// `PostgreSQL`'s folder of programs: beside the `postgres` of `PATH`, or Debian's newest.
pub fn programs() -> &'static Path {
    static PROGRAMS: OnceLock<PathBuf> = OnceLock::new();
    PROGRAMS.get_or_init(|| {
        // Through a link to where the other programs are.
        let in_path = || {
            let path = std::env::var_os("PATH")?;
            let initdb = std::env::split_paths(&path).find_map(|folder| folder.join("initdb").canonicalize().ok())?;
            Some(initdb.parent()?.to_owned())
        };
        let of_debian = || {
            let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
            let mut folders: Vec<(u32, PathBuf)> = versions
                .filter_map(Result::ok)
                .filter_map(|version| Some((version.file_name().to_str()?.parse().ok()?, version.path().join("bin"))))
                .filter(|(_, folder)| folder.join("initdb").exists())
                .collect();
            folders.sort();
            folders.pop().map(|(_, folder)| folder)
        };
        in_path().or_else(of_debian).expect("the tests need PostgreSQL's server: initdb was not found")
    })
}

/// What is special about a server.
#[derive(Clone, Debug, Default)]
pub struct PostgresOptions {
    /// Further lines of `postgresql.conf`.
    pub conf: Vec<String>,
    /// The lines of `pg_hba.conf` in place of SCRAM for everyone. The superuser of the tests comes in
    /// without a password all the same, from 127.0.0.1 without TLS.
    pub hba: Option<Vec<String>>,
    /// Turns TLS on, with this certificate.
    pub tls: Option<Certificate>,
    /// Keeps the server from ever being ready.
    pub recovery: Option<Recovery>,
}

/// A recovery that does not end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// It waits for its archive, and says that it is starting.
    Archive,
    /// It is a standby that takes no connections.
    Standby,
}

/// How a server is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// In order, with a word to every client.
    Fast,
    /// As in a crash: connections break, the next start recovers.
    Immediate,
}

/// A private server on 127.0.0.1 with the superuser `postgres`, the role [`USER`] and the database
/// [`DATABASE`]; gone with its files when dropped.
#[derive(Debug)]
pub struct TargetPostgres {
    port: Port,
    folder: PathBuf,
    process: Option<ServerProcess>,
}

impl TargetPostgres {
    /// Starts a server.
    pub fn start(options: &PostgresOptions) -> Self {
        let port = Port::take();
        let folder = workspace().join(format!("postgres-{}", Uuid::new_v4().simple()));
        private_folder(&folder);
        let data = folder.join("data");
        run(command("cp", &folder).args(["-a", "--reflink=auto"]).arg(made_once()).arg(&data));
        let mut conf = vec![
            "listen_addresses = '127.0.0.1'".to_owned(),
            format!("port = {}", port.number()),
            "unix_socket_directories = ''".to_owned(),
            "fsync = off".to_owned(),
            "shared_buffers = 16MB".to_owned(),
            "log_line_prefix = '%m [%p] application=%a user=%u '".to_owned(),
        ];
        if let Some(Certificate { certificate, key }) = &options.tls {
            private_file(&data.join("server.crt"), certificate);
            private_file(&data.join("server.key"), key);
            conf.push("ssl = on".to_owned());
        }
        conf.extend_from_slice(&options.conf);
        let signal = match options.recovery {
            None => None,
            Some(Recovery::Archive) => {
                conf.push("restore_command = 'sleep 60'".to_owned());
                Some("recovery.signal")
            }
            Some(Recovery::Standby) => {
                conf.push("hot_standby = off".to_owned());
                Some("standby.signal")
            }
        };
        if let Some(signal) = signal {
            private_file(&data.join(signal), "");
        }
        let before = fs::read_to_string(data.join("postgresql.conf")).expect("read postgresql.conf");
        private_file(&data.join("postgresql.conf"), &format!("{before}\n{}\n", conf.join("\n")));
        let hba = options.hba.clone().unwrap_or_else(|| vec!["host all all all scram-sha-256".to_owned()]);
        private_file(
            &data.join("pg_hba.conf"),
            &format!("hostnossl all postgres 127.0.0.1/32 trust\n{}\n", hba.join("\n")),
        );
        let mut server = Self { port, folder, process: None };
        match options.recovery {
            None => server.resume(),
            Some(_) => server.launch(|server, _| answers(server.port())),
        }
        server
    }

    /// The port on 127.0.0.1.
    pub const fn port(&self) -> u16 {
        self.port.number()
    }

    /// A URL for the superuser.
    pub fn superuser_url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port())
    }

    /// The `credentials` object of the wire for [`USER`] and [`DATABASE`], without TLS.
    pub fn credentials(&self) -> serde_json::Value {
        serde_json::json!({
            "host": "127.0.0.1", "port": self.port(), "database": DATABASE,
            "username": USER, "password": PASSWORD, "tls": "disable",
        })
    }

    /// Stops the server; [`TargetPostgres::resume`] starts it again on the same port.
    pub fn stop(&mut self, how: Stop) {
        if let Some(process) = self.process.take() {
            let stopped = process.stop(match how {
                Stop::Fast => Signal::INT,
                Stop::Immediate => Signal::QUIT,
            });
            assert!(stopped, "the server does not stop\n{}", self.log());
        }
    }

    /// Starts the stopped server again.
    pub fn resume(&mut self) {
        let pid_file = self.folder.join("data/postmaster.pid");
        self.launch(|_, id| ready(&pid_file, id));
    }

    fn launch(&mut self, ready: impl Fn(&Self, u32) -> bool) {
        let mut postgres = command(programs().join("postgres"), &self.folder);
        postgres.arg("-D").arg(self.folder.join("data"));
        let process = ServerProcess::start(postgres, &self.log_path(), |child| ready(self, child.id()));
        self.process = Some(process);
    }

    /// Begins a shutdown that waits for every client to leave.
    pub fn begin_to_stop(&self) {
        self.process.as_ref().expect("a running server").signal(Signal::TERM);
    }

    /// Stops and starts.
    pub fn restart(&mut self, how: Stop) {
        self.stop(how);
        self.resume();
    }

    /// Lets the server hang: the kernel still accepts connections, nobody answers. `false` cures it.
    pub fn freeze(&self, frozen: bool) {
        let process = self.process.as_ref().expect("a running server");
        process.signal(if frozen { Signal::STOP } else { Signal::CONT });
    }

    /// Everything that the server logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_path()).expect("read a server's log")
    }

    fn log_path(&self) -> PathBuf {
        self.folder.join("server.log")
    }

    /// Runs statements as the superuser in [`DATABASE`].
    pub async fn execute(&self, sql: &str) {
        self.superuser().await.batch_execute(sql).await.expect("run a statement on a target");
    }

    /// How many connections of programs called `name` the server has now.
    pub async fn connections_named(&self, name: &str) -> i64 {
        let row = self
            .superuser()
            .await
            .query_one("select count(*) from pg_stat_activity where application_name = $1", &[&name])
            .await
            .expect("count connections");
        row.get(0)
    }

    async fn superuser(&self) -> tokio_postgres::Client {
        self.connect("postgres").await
    }

    /// A connection of the tests' own, as `user`.
    pub async fn connect(&self, user: &str) -> tokio_postgres::Client {
        let stream = tokio::net::TcpStream::connect(("127.0.0.1", self.port())).await.expect("reach a target");
        let (client, connection) = tokio_postgres::Config::new()
            .user(user)
            .password(PASSWORD)
            .dbname(DATABASE)
            .application_name("tests")
            .connect_raw(stream, tokio_postgres::NoTls)
            .await
            .expect("connect to a target");
        // Ends with the client.
        tokio::spawn(connection);
        client
    }
}

impl Drop for TargetPostgres {
    fn drop(&mut self) {
        // Not by force: that would leave its shared memory behind.
        if let Some(process) = self.process.take() {
            process.stop(Signal::QUIT);
        }
        // A folder that stays costs space, not a wrong result.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Whether the server of `pid_file` with this process id takes connections: what `pg_ctl` looks at too.
pub fn ready(pid_file: &Path, id: u32) -> bool {
    fs::read_to_string(pid_file).is_ok_and(|text| {
        let mut lines = text.lines();
        lines.next().is_some_and(|pid| pid == id.to_string())
            && lines.nth(6).is_some_and(|state| state.trim() == "ready")
    })
}

/// Whether something listens at the port.
fn answers(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok()
}

/// The template of all target servers.
fn made_once() -> PathBuf {
    let version = run(Command::new(programs().join("postgres")).arg("--version"));
    // Semicolon and empty line end a statement in this mode.
    let bootstrap =
        format!("create role {USER} login password '{PASSWORD}';\n\ncreate database {DATABASE} owner {USER};\n\n");
    let id = Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{version}{bootstrap}").as_bytes());
    template(&format!("postgres-template-{}", id.simple()), |folder| {
        initialise(folder, &[]);
        let mut single = command(programs().join("postgres"), folder);
        single.args(["--single", "-j", "-c", "fsync=off", "-c", "exit_on_error=on", "-D"]).arg(folder).arg("postgres");
        let input = folder.join("bootstrap.sql");
        private_file(&input, &bootstrap);
        run(single.stdin(Stdio::from(fs::File::open(&input).expect("open the statements"))));
        fs::remove_file(&input).expect("remove the statements");
    })
}

/// Makes a data folder with the superuser `postgres`.
pub fn initialise(folder: &Path, options: &[&str]) {
    let mut initdb = command(programs().join("initdb"), folder);
    initdb.args([
        "--no-sync",
        "-U",
        "postgres",
        "--auth=trust",
        "--encoding=UTF8",
        "--locale=C.UTF-8",
        "--wal-segsize=1",
    ]);
    run(initdb.args(options).arg("-D").arg(folder));
}
