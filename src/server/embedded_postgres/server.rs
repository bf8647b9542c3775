//! Starting, finding and stopping the server of a cluster.

use std::{
    fs::{self, OpenOptions},
    io,
    net::TcpListener,
    os::unix::{ffi::OsStrExt, fs::OpenOptionsExt},
    path::Path,
    process::Stdio,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use rand::Rng;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::Child;

use super::{
    EmbeddedError, Folder,
    account::{Account, not_started},
    binaries::Binaries,
    cluster::last_line,
};

/// A running server.
#[derive(Debug)]
pub(super) struct Server {
    pid: Pid,
    port: u16,
    /// Where this process started it: to be waited for, lest it stay a zombie.
    child: Mutex<Option<Child>>,
}

/// How often a state is looked at that nobody announces.
const LOOK: Duration = Duration::from_millis(25);
/// Recovery after a power cut may take a while.
const START_LOOKS: u32 = 60 * 40;
const STOP_LOOKS: u32 = 30 * 40;

/// Ports to choose from: below the range that Linux gives to outgoing connections (32768-60999), which could
/// be in use when the server comes back.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// The settings of a small server beside the application, as arguments: none is a secret.
const SETTINGS: [&str; 14] = [
    "listen_addresses=127.0.0.1",
    // No socket: its path would have to be short, and one way in is enough.
    "unix_socket_directories=",
    "max_connections=100",
    "shared_buffers=64MB",
    "max_wal_size=256MB",
    "min_wal_size=80MB",
    // The plans are small; compiling them costs more than it gives.
    "jit=off",
    "timezone=UTC",
    "log_timezone=UTC",
    "log_min_messages=warning",
    "log_checkpoints=off",
    // A statement in the log could hold what a person typed.
    "log_min_error_statement=panic",
    "log_parameter_max_length_on_error=0",
    "logging_collector=off",
];

/// Finds the server of the cluster where it runs, or starts it. The caller holds the start lock.
pub(super) async fn start(folder: &Folder, binaries: &Binaries, account: &Account) -> Result<Server, EmbeddedError> {
    let data = folder.data();
    let pid_file = data.join("postmaster.pid");
    if let Some(pid) = read_pid_file(&pid_file)?.map(|file| file.pid) {
        if runs_on(pid, &data) {
            let port = wait_until_ready(folder, pid, None).await?;
            return Ok(Server { pid, port, child: Mutex::new(None) });
        }
        // The file of a server that did not stop in order. Where its number is another program's by now PostgreSQL
        // would refuse to start; we know better. Where it is nobody's the file stays, because by it PostgreSQL finds
        // out whether sessions of that server are still at work on the data.
        if lives(pid) {
            fs::remove_file(&pid_file).or_else(not_there).map_err(|source| EmbeddedError::Folder {
                path: pid_file,
                action: "written",
                source,
            })?;
        }
    }
    let port = choose_port(folder)?;
    let mut child = spawn(folder, binaries, account, port)?;
    let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
    let pid = pid.ok_or_else(|| start_failed(folder))?;
    let port = wait_until_ready(folder, pid, Some(&mut child)).await?;
    Ok(Server { pid, port, child: Mutex::new(Some(child)) })
}

/// The server of the cluster where it runs, ready or not.
pub(super) fn running(folder: &Folder, port: u16) -> Result<Option<Server>, EmbeddedError> {
    let data = folder.data();
    let found = read_pid_file(&data.join("postmaster.pid"))?.filter(|file| runs_on(file.pid, &data));
    Ok(found.map(|file| Server { pid: file.pid, port: file.port.unwrap_or(port), child: Mutex::new(None) }))
}

impl Server {
    pub(super) const fn port(&self) -> u16 {
        self.port
    }

    /// Whether it still runs.
    pub(super) fn runs(&self, folder: &Folder) -> bool {
        match self.child.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            Some(child) => matches!(child.try_wait(), Ok(None)),
            None => runs_on(self.pid, &folder.data()),
        }
    }

    /// Stops the server fast: sessions are ended, their transactions rolled back.
    pub(super) async fn stop(&self, folder: &Folder) -> Result<(), EmbeddedError> {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner).take();
        let data = folder.data();
        // Gone already is what is wanted.
        let _ = kill_process(self.pid, Signal::INT);
        for _ in 0..STOP_LOOKS {
            let gone = match &mut child {
                Some(child) => matches!(child.try_wait(), Ok(Some(_))),
                None => !runs_on(self.pid, &data),
            };
            if gone {
                return Ok(());
            }
            tokio::time::sleep(LOOK).await;
        }
        Err(EmbeddedError::Slow("stop", folder.log()))
    }
}

fn spawn(folder: &Folder, binaries: &Binaries, account: &Account, port: u16) -> Result<Child, EmbeddedError> {
    let path = folder.log();
    let log = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&path)
        .and_then(|log| Ok((log.try_clone()?, log)));
    let (out, err) = log.map_err(|source| EmbeddedError::Folder { path, action: "written", source })?;
    let program = binaries.program("postgres");
    let mut command = account.command(&program, &folder.data());
    command.arg("-D").arg(folder.data()).arg("-p").arg(port.to_string());
    for setting in SETTINGS {
        command.arg("-c").arg(setting);
    }
    command
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(err)
        // Ctrl-C at the terminal is for us; we stop the server when we are done with it.
        .process_group(0)
        .spawn()
        .map_err(|error| EmbeddedError::Program { program: "postgres", reason: not_started(&program, &error) })
}

/// The port of the last start where it is free, otherwise a new one.
fn choose_port(folder: &Folder) -> Result<u16, EmbeddedError> {
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let last = folder.read("port")?.and_then(|port| port.trim().parse().ok());
    if let Some(port) = last.filter(is_free) {
        return Ok(port);
    }
    let tries = std::iter::repeat_with(|| rand::rng().random_range(PORTS)).take(1_000);
    let port = tries.into_iter().find(is_free).ok_or_else(|| EmbeddedError::Program {
        program: "postgres",
        reason: format!("no port from {} to {} is free on 127.0.0.1", PORTS.start, PORTS.end),
    })?;
    folder.write("port", &port.to_string())?;
    Ok(port)
}

/// What `postmaster.pid` says (PostgreSQL: `src/include/utils/pidfile.h`).
#[derive(Debug, PartialEq, Eq)]
struct PidFile {
    pid: Pid,
    port: Option<u16>,
    ready: bool,
}

fn parse_pid_file(text: &str) -> Option<PidFile> {
    let line = |number: usize| text.lines().nth(number - 1).map(str::trim);
    let pid = line(1)?.parse().ok().filter(|pid| *pid > 0).and_then(Pid::from_raw)?;
    Some(PidFile { pid, port: line(4).and_then(|port| port.parse().ok()), ready: line(8) == Some("ready") })
}

fn read_pid_file(path: &Path) -> Result<Option<PidFile>, EmbeddedError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(parse_pid_file(&text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(EmbeddedError::Folder { path: path.to_owned(), action: "read", source }),
    }
}

fn not_there(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

/// Whether `pid` is a server that was started on `data`: after a restart of the machine the number may be any
/// other program's. Anyone may read a process's arguments, its working folder only its owner.
fn runs_on(pid: Pid, data: &Path) -> bool {
    match fs::read(format!("/proc/{}/cmdline", pid.as_raw_nonzero())) {
        Ok(arguments) => arguments.split(|byte| *byte == 0).any(|argument| argument == data.as_os_str().as_bytes()),
        // Without /proc there is only the number to go by.
        Err(_) if !Path::new("/proc/self/cmdline").exists() => lives(pid),
        Err(_) => false,
    }
}

/// Whether `pid` is a program at all, also one of another user.
fn lives(pid: Pid) -> bool {
    !matches!(rustix::process::test_kill_process(pid), Err(rustix::io::Errno::SRCH))
}

/// Waits until the server takes connections, and gives its port.
async fn wait_until_ready(folder: &Folder, pid: Pid, mut child: Option<&mut Child>) -> Result<u16, EmbeddedError> {
    let pid_file = folder.data().join("postmaster.pid");
    for _ in 0..START_LOOKS {
        // While the file is being written it may be cut short: then it is not ready yet.
        if let Some(PidFile { pid: writer, port: Some(port), ready: true }) = read_pid_file(&pid_file)?
            && writer == pid
        {
            return Ok(port);
        }
        let gone = match &mut child {
            Some(child) => !matches!(child.try_wait(), Ok(None)),
            None => !runs_on(pid, &folder.data()),
        };
        if gone {
            return Err(start_failed(folder));
        }
        tokio::time::sleep(LOOK).await;
    }
    Err(EmbeddedError::Slow("start", folder.log()))
}

fn start_failed(folder: &Folder) -> EmbeddedError {
    let log = fs::read(folder.log()).unwrap_or_default();
    EmbeddedError::Program {
        program: "postgres",
        reason: format!("{} (see {})", fatal_line(&log), folder.log().display()),
    }
}

/// What a server that did not start says is wrong: its first fatal message, otherwise its last line.
fn fatal_line(log: &[u8]) -> String {
    let text = String::from_utf8_lossy(log);
    let fatal = text.lines().find_map(|line| ["FATAL:  ", "PANIC:  "].iter().find_map(|mark| line.split_once(mark)));
    fatal.map_or_else(|| last_line(log), |(_, message)| message.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_why_a_server_does_not_start() {
        let log =
            b"x LOG:  starting\nx FATAL:  could not map memory\nx HINT:  more\nx LOG:  database system is shut down\n";
        assert_eq!(fatal_line(log), "could not map memory");
        assert_eq!(fatal_line(b"no such option\n\n"), "no such option");
    }

    #[test]
    fn reads_the_pid_file() {
        let text = "4711\n/data\n1700000000\n25432\n\n127.0.0.1\n  123 456\nready   \n";
        let pid = Pid::from_raw(4711).expect("a number");
        assert_eq!(parse_pid_file(text), Some(PidFile { pid, port: Some(25432), ready: true }));
        assert_eq!(parse_pid_file(&text.replace("ready", "starting")).map(|file| file.ready), Some(false));
        assert_eq!(parse_pid_file("4711\n/data"), Some(PidFile { pid, port: None, ready: false }));
        for text in ["", "-1\n", "0\n", "none\n"] {
            assert_eq!(parse_pid_file(text), None, "{text:?}");
        }
    }
}
