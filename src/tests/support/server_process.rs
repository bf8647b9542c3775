//! What the private PostgreSQL and MariaDB servers of the tests have in common: the account they run as, the
//! folder they live in, ports that no other test takes, start, stop and clean-up.
//!
//! Everything here blocks. A server starts in a fraction of a second, and a test that starts one has nothing
//! else to do meanwhile.

use std::{
    ffi::OsStr,
    fs::{self, File, OpenOptions},
    net::TcpListener,
    os::unix::{
        fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, geteuid, kill_process};
use uuid::Uuid;

/// How long a server may take to start or stop, on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_mins(1);

/// The account that servers run as where the tests run as root, which PostgreSQL refuses to do.
#[derive(Clone, Copy, Debug)]
struct Account {
    uid: u32,
    gid: u32,
}

/// `postgres` under root; otherwise none: the servers run as whoever runs the tests.
fn account() -> Option<Account> {
    static ACCOUNT: OnceLock<Option<Account>> = OnceLock::new();
    *ACCOUNT.get_or_init(|| {
        let number = |option: &str| {
            let output = Command::new("id").args([option, "postgres"]).output().expect("run id");
            String::from_utf8_lossy(&output.stdout)
                .trim()
                .parse()
                .expect("as root, the tests need the account `postgres`, which Debian's package makes")
        };
        geteuid().is_root().then(|| Account { uid: number("-u"), gid: number("-g") })
    })
}

/// The folder of all test servers: Cargo's for tests, or, under root, one in the system's temporary folder,
/// because the account `postgres` cannot reach a clone in root's home.
pub fn workspace() -> &'static Path {
    static WORKSPACE: OnceLock<PathBuf> = OnceLock::new();
    WORKSPACE.get_or_init(|| {
        let cargo = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let path = if account().is_some() {
            let id = Uuid::new_v5(&Uuid::NAMESPACE_URL, cargo.as_os_str().as_encoded_bytes());
            std::env::temp_dir().join(format!("mooring-tests-{}", id.simple()))
        } else {
            cargo.join("servers")
        };
        fs::DirBuilder::new().recursive(true).mode(0o755).create(&path).expect("make the folder of the test servers");
        let found = fs::symlink_metadata(&path).expect("look at the folder of the test servers");
        assert!(found.is_dir() && found.uid() == geteuid().as_raw(), "{} is not ours", path.display());
        path
    })
}

/// Makes a folder that the servers' account owns and only it can read.
pub fn private_folder(path: &Path) {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path).expect("make a server's folder");
    give(path);
}

/// Writes a file that the servers' account owns and only it can read.
pub fn private_file(path: &Path, content: &str) {
    fs::write(path, content).expect("write a server's file");
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("restrict a server's file");
    give(path);
}

fn give(path: &Path) {
    if let Some(Account { uid, gid }) = account() {
        chown(path, Some(uid), Some(gid)).expect("give a file to the servers' account");
    }
}

/// A command that runs as the servers' account.
pub fn command(program: impl AsRef<OsStr>, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder).stdin(Stdio::null()).env("LC_ALL", "C.UTF-8").env("TZ", "UTC");
    if let Some(Account { uid, gid }) = account() {
        command.uid(uid).gid(gid);
    }
    command
}

/// Runs a command to its end.
///
/// # Panics
///
/// Where it cannot be run or fails, with what it said.
pub fn run(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{command:?}: {status}\n{stdout}\n{stderr}");
    stdout.into_owned()
}

/// A lock among all test processes of this workspace; held until the file is dropped.
pub fn lock(name: &str) -> File {
    let file = lock_file(&workspace().join(format!("{name}.lock")));
    file.lock().expect("lock");
    file
}

fn lock_file(path: &Path) -> File {
    OpenOptions::new().create(true).write(true).truncate(false).open(path).expect("open a lock file")
}

/// The template data folder `name`, made by `make` the first time; it gets an empty folder of the servers'
/// account to fill.
pub fn template(name: &str, make: impl FnOnce(&Path)) -> PathBuf {
    let path = workspace().join(name);
    let _lock = lock(name);
    if !path.exists() {
        let unfinished = workspace().join(format!("{name}.unfinished"));
        if unfinished.exists() {
            fs::remove_dir_all(&unfinished).expect("remove an unfinished template");
        }
        private_folder(&unfinished);
        make(&unfinished);
        fs::rename(&unfinished, &path).expect("finish a template");
    }
    path
}

/// A TCP port of the loopback address that is free and that no other test takes while this is held, also
/// while the server that uses it is stopped.
#[derive(Debug)]
pub struct Port {
    number: u16,
    _lock: File,
}

impl Port {
    /// Takes a port below those that the system gives to outgoing connections.
    pub fn take() -> Self {
        let folder = workspace().join("ports");
        fs::create_dir_all(&folder).expect("make the folder of port locks");
        // Tests of different processes begin at different places, so that they seldom meet.
        let start = u16::try_from(std::process::id() * 37 % 10_000).unwrap_or(0);
        (0..10_000_u16)
            .map(|step| 20_000 + (start + step) % 10_000)
            .find_map(|number| {
                let lock = lock_file(&folder.join(number.to_string()));
                lock.try_lock().ok()?;
                TcpListener::bind(("127.0.0.1", number)).ok()?;
                Some(Self { number, _lock: lock })
            })
            .expect("a free port")
    }

    /// The port.
    pub const fn number(&self) -> u16 {
        self.number
    }
}

/// A running server; killed when dropped.
#[derive(Debug)]
pub struct ServerProcess(Child);

impl ServerProcess {
    /// Starts `command` with its output in `log` and waits until `ready` says so.
    ///
    /// # Panics
    ///
    /// Where the server ends or is not ready in a minute, with its log.
    pub fn start(mut command: Command, log: &Path, ready: impl Fn(&Child) -> bool) -> Self {
        let output = OpenOptions::new().create(true).append(true).open(log).expect("open a server's log");
        command.stdout(output.try_clone().expect("share a server's log")).stderr(output);
        let mut process = Self(command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}")));
        let begun = Instant::now();
        while !ready(&process.0) {
            let ended = process.0.try_wait().expect("look at a server");
            assert!(
                ended.is_none() && begun.elapsed() < PATIENCE,
                "{command:?} did not start: {ended:?}\n{}",
                fs::read_to_string(log).unwrap_or_default()
            );
            thread::sleep(Duration::from_millis(5));
        }
        process
    }

    /// Sends a signal and goes on: `STOP` makes a server that accepts and never answers, `CONT` cures it.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.0), signal).expect("signal a server");
    }

    /// Sends `signal` and waits for the end; whether it came.
    pub fn stop(mut self, signal: Signal) -> bool {
        let id = Pid::from_child(&self.0);
        // One that a test froze would not hear it.
        let sent = kill_process(id, signal).and_then(|()| kill_process(id, Signal::CONT));
        let begun = Instant::now();
        while sent.is_ok() && begun.elapsed() < PATIENCE {
            if matches!(self.0.try_wait(), Ok(Some(_))) {
                return true;
            }
            thread::sleep(Duration::from_millis(5));
        }
        false
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // Already stopped, or the test is over: nothing is left to tell.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
