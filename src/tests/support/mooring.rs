//! Real processes of the binary, as an operator starts them.

use std::{
    fs::{self, File},
    io::Write,
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::{app::master_key, cluster::TestDatabase, server_process::Port};

/// How long a process may take to start or stop, on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_mins(1);

/// The binary.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_mooring");

/// An installation: a data folder and what the operator sets in the environment.
#[derive(Debug)]
pub struct Installation {
    folder: Arc<TempDir>,
    variables: Vec<(String, String)>,
}

impl Installation {
    /// One on the database of a test.
    pub fn on(database: &TestDatabase) -> Self {
        Self::at(&database.url())
    }

    /// One with this `DATABASE_URL`.
    pub fn at(database_url: &str) -> Self {
        let installation =
            Self { folder: Arc::new(tempfile::tempdir().expect("make a data folder")), variables: Vec::new() };
        installation
            .with("DATABASE_URL", database_url)
            .with("MOORING_MASTER_KEY", &master_key())
            .with("MOORING_EGRESS", "self-hosted")
            .with("RUST_LOG", "mooring=debug,info")
    }

    /// The same with this variable set.
    pub fn with(mut self, variable: &str, value: &str) -> Self {
        self.variables.retain(|(name, _)| name != variable);
        self.variables.push((variable.to_owned(), value.to_owned()));
        self
    }

    /// The data folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The binary with these arguments; nothing of this process's own settings reaches it.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command
            .args(arguments)
            .env_clear()
            .envs(std::env::vars().filter(|(name, _)| matches!(name.as_str(), "PATH" | "HOME" | "TMPDIR" | "USER")))
            .env("MOORING_DATA_DIR", self.folder.path())
            .env("LEPTOS_SITE_ROOT", site())
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(self.folder.path());
        command
    }

    /// Runs a command of the command line with `input` on its standard input.
    pub fn run(&self, arguments: &[&str], input: &str) -> Output {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("start the binary");
        // One that takes no input may have ended before it could be written.
        let _ = child.stdin.take().expect("its input").write_all(input.as_bytes());
        child.wait_with_output().expect("wait for the binary")
    }

    /// Runs a command that has to succeed; answers what it printed.
    pub fn must(&self, arguments: &[&str], input: &str) -> String {
        let output = self.run(arguments, input);
        let (printed, log) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "mooring {arguments:?}: {}\n{log}", output.status);
        printed.trim().to_owned()
    }

    /// Starts the server on a port of its own and waits until it serves.
    pub fn serve(&self) -> Mooring {
        let port = Port::take();
        let address = SocketAddr::from(([127, 0, 0, 1], port.number()));
        let log = self.folder.path().join(format!("mooring-{}.log", port.number()));
        let output = File::create(&log).expect("make a log");
        let child = self
            .command(&["serve"])
            .env("MOORING_ADDR", address.to_string())
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("share a log"))
            .stderr(output)
            .spawn()
            .expect("start the binary");
        let mut mooring = Mooring { address, child, log, _folder: Arc::clone(&self.folder), _port: port };
        let begun = Instant::now();
        while TcpStream::connect(address).is_err() {
            let ended = mooring.child.try_wait().expect("look at the process");
            assert!(ended.is_none() && begun.elapsed() < PATIENCE, "no server: {ended:?}\n{}", mooring.log());
            thread::sleep(Duration::from_millis(10));
        }
        mooring
    }
}

/// The site's files, where a build has left them.
fn site() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/site")
}

/// A serving process; killed when dropped.
#[derive(Debug)]
pub struct Mooring {
    /// Where it listens.
    pub address: SocketAddr,
    child: Child,
    log: PathBuf,
    _folder: Arc<TempDir>,
    _port: Port,
}

impl Mooring {
    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Everything that it logged.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).expect("read a log")
    }

    /// Ends it as a crash does.
    pub fn kill(mut self) {
        self.child.kill().expect("kill the process");
        self.child.wait().expect("wait for the process");
    }

    /// Asks it to stop and waits; answers its exit status and its whole log.
    pub fn stop(mut self) -> (Option<i32>, String) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).expect("signal the process");
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("look at the process") {
                return (status.code(), self.log());
            }
            assert!(begun.elapsed() < PATIENCE, "the process does not stop\n{}", self.log());
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Mooring {
    fn drop(&mut self) {
        // Already ended, or the test is over: nothing is left to tell.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
