//! The private PostgreSQL that Mooring runs for itself where `DATABASE_URL` is not set.
//!
//! # The folder
//!
//! | below the data folder | what it is | mode |
//! | --- | --- | --- |
//! | `postgres/data` | the cluster, owned by the user that the server runs as | 0700 |
//! | `postgres/password` | of the login role `mooring` | 0600 |
//! | `postgres/port` | the port on 127.0.0.1, chosen once so that connections to it last | 0600 |
//! | `postgres/server.log` | the server's log since it was last started | 0600 |
//! | `postgres/start.lock` | held while the server is made, started or stopped | 0600 |
//! | `postgres/users.lock` | held, shared, by each process that uses the server | 0600 |
//!
//! # A life
//!
//! The first process makes the cluster and starts the server in a process group of its own, so that Ctrl-C
//! at the terminal does not reach it. Others, and a later start after `kill -9`, find it running and use it.
//! The last process that leaves in good order stops it. The role `mooring` owns the database `mooring`
//! and is no superuser; the superuser has no password and cannot log in. A server that goes down by itself is
//! started again ([`EmbeddedPostgres::keep`]).
//!
//! `PostgreSQL` refuses to run as root, so a root Mooring runs it as the user `postgres` or `nobody`
//! ([`account`]).

mod account;
mod binaries;
mod cluster;
mod server;

use std::{
    convert::Infallible,
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use sqlx::postgres::{PgConnectOptions, PgSslMode};
use tokio::sync::Mutex;

use crate::connections::settings::Secret;

pub use binaries::{Binaries, FindError, find};
use cluster::{DATABASE, ROLE};

/// The oldest major version that the schema works on.
pub const OLDEST_MAJOR: u32 = 15;

/// Why there is no private server. Each is one line that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// No usable server is installed.
    #[error(transparent)]
    Binaries(#[from] FindError),
    /// The cluster belongs to another major version than those that are installed.
    #[error(
        "the database in {} belongs to PostgreSQL {found}, and installed is {installed}: install PostgreSQL {found}, \
         or restore a backup into an empty data folder", folder.display()
    )]
    OtherMajor {
        /// The cluster.
        folder: PathBuf,
        /// Its major version.
        found: String,
        /// The major versions that are installed.
        installed: String,
    },
    /// A file or folder cannot be used.
    #[error("the data folder cannot be used: {} cannot be {action}", path.display())]
    Folder {
        /// Which one.
        path: PathBuf,
        /// `made`, `read` or `written`.
        action: &'static str,
        /// What the operating system said.
        source: io::Error,
    },
    /// The folder belongs to another user.
    #[error("{} belongs to another user: start Mooring as that user", .0.display())]
    Owner(PathBuf),
    /// Started as root, and there is no other user to run the server as.
    #[error(
        "PostgreSQL does not run as root, and there is no user `postgres` or `nobody`: start Mooring as an ordinary user"
    )]
    NoAccount,
    /// A program of PostgreSQL could not be run, or failed.
    #[error("PostgreSQL's {program} failed: {reason}")]
    Program {
        /// `initdb`, `postgres`, …
        program: &'static str,
        /// The last line that it wrote, or why it did not run.
        reason: String,
    },
    /// The server did not come up, or not go down, in time.
    #[error("the private PostgreSQL did not {0} in time; see {log}", log = .1.display())]
    Slow(&'static str, PathBuf),
}

/// The paths below the data folder.
#[derive(Clone, Debug)]
struct Folder(PathBuf);

impl Folder {
    fn data(&self) -> PathBuf {
        self.0.join("data")
    }

    fn log(&self) -> PathBuf {
        self.0.join("server.log")
    }

    /// Makes the folder and the one that it is in.
    fn make(data_dir: &Path) -> Result<Self, EmbeddedError> {
        // Where the server runs as another user it has to pass through; nobody may list them.
        let mode = if account::is_root() { 0o711 } else { 0o700 };
        let path = data_dir.join("postgres");
        DirBuilder::new().recursive(true).mode(mode).create(&path).map_err(|source| EmbeddedError::Folder {
            path: path.clone(),
            action: "made",
            source,
        })?;
        // The server changes its working folder: from here on only the absolute path will do.
        let absolute = path.canonicalize();
        absolute.map(Self).map_err(|source| EmbeddedError::Folder { path, action: "read", source })
    }

    fn lock_file(&self, name: &str) -> Result<File, EmbeddedError> {
        let path = self.0.join(name);
        OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(|source| EmbeddedError::Folder { path, action: "written", source })
    }

    fn read(&self, name: &str) -> Result<Option<String>, EmbeddedError> {
        let path = self.0.join(name);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(EmbeddedError::Folder { path, action: "read", source }),
        }
    }

    /// Writes a small file of mode 0600 in one step.
    fn write(&self, name: &str, text: &str) -> Result<(), EmbeddedError> {
        let path = self.0.join(name);
        let draft = self.0.join(format!("{name}.new"));
        let write = || -> io::Result<()> {
            let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
            io::Write::write_all(&mut file, text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&draft, &path)
        };
        write().map_err(|source| EmbeddedError::Folder { path: path.clone(), action: "written", source })
    }
}

/// A lock of the whole folder; free again when it is dropped, also by `kill -9`.
#[derive(Debug)]
struct Lock {
    _file: File,
}

impl Folder {
    /// Waits until no other process makes, starts or stops the server.
    async fn lock_start(&self) -> Result<Lock, EmbeddedError> {
        let file = self.lock_file("start.lock")?;
        let path = self.0.join("start.lock");
        let locked = tokio::task::spawn_blocking(move || file.lock().map(|()| file)).await;
        let file = locked.map_err(io::Error::other).and_then(|file| file);
        file.map(|file| Lock { _file: file }).map_err(|source| EmbeddedError::Folder {
            path,
            action: "written",
            source,
        })
    }
}

/// How often the server is looked at.
const WATCH: Duration = Duration::from_secs(1);

/// The private server, in use by this process. Dropped without [`stop`](Self::stop) it leaves the server
/// running for the next start.
#[derive(Debug)]
pub struct EmbeddedPostgres {
    folder: Folder,
    binaries: Binaries,
    server: Mutex<server::Server>,
    port: u16,
    password: Secret,
    users: File,
}

impl EmbeddedPostgres {
    /// Makes the cluster in `data_dir` where there is none, starts its server where it does not run, and
    /// uses it.
    ///
    /// # Errors
    ///
    /// [`EmbeddedError`], in one line.
    pub async fn start(data_dir: &Path) -> Result<Self, EmbeddedError> {
        let folder = Folder::make(data_dir)?;
        let lock = folder.lock_start().await?;
        let account = account::Account::for_cluster(&folder.data())?;
        let binaries = binaries_for(&folder).await?;
        let password = cluster::ensure(&folder, &binaries, &account).await?;
        let server = server::start(&folder, &binaries, &account).await?;
        let users = folder.lock_file("users.lock")?;
        users.lock_shared().map_err(|source| EmbeddedError::Folder {
            path: folder.0.join("users.lock"),
            action: "written",
            source,
        })?;
        drop(lock);
        Ok(Self { folder, binaries, port: server.port(), server: Mutex::new(server), password, users })
    }

    /// Starts the server again whenever it is gone: killed for its memory, or by hand.
    pub async fn keep(&self) -> Infallible {
        loop {
            tokio::time::sleep(WATCH).await;
            let mut server = self.server.lock().await;
            if server.runs(&self.folder) {
                continue;
            }
            match self.start_again().await {
                Ok(started) if started.port() == self.port => {
                    tracing::warn!("the private PostgreSQL was gone and is started again");
                    *server = started;
                }
                Ok(started) => {
                    tracing::error!("the private PostgreSQL had to take another port: start Mooring again");
                    *server = started;
                }
                Err(error) => tracing::error!("the private PostgreSQL is gone: {error}"),
            }
        }
    }

    async fn start_again(&self) -> Result<server::Server, EmbeddedError> {
        let lock = self.folder.lock_start().await?;
        let account = account::Account::for_cluster(&self.folder.data())?;
        let started = server::start(&self.folder, &self.binaries, &account).await;
        drop(lock);
        started
    }

    /// How to connect to the database `mooring` as its owner.
    #[must_use]
    pub fn options(&self) -> PgConnectOptions {
        // Every field is set: what is not would come from our environment.
        PgConnectOptions::new_without_pgpass()
            .host("127.0.0.1")
            .port(self.port)
            .username(ROLE)
            .password(self.password.reveal())
            .database(DATABASE)
            .ssl_mode(PgSslMode::Disable)
    }

    /// The same as variables of the environment for PostgreSQL's own programs.
    #[must_use]
    pub fn variables(&self) -> Vec<(&'static str, Secret)> {
        vec![
            ("PGHOST", Secret::new("127.0.0.1")),
            ("PGPORT", Secret::new(self.port.to_string())),
            ("PGUSER", Secret::new(ROLE)),
            ("PGPASSWORD", self.password.clone()),
            ("PGDATABASE", Secret::new(DATABASE)),
            ("PGSSLMODE", Secret::new("disable")),
        ]
    }

    /// The programs that go with the server.
    #[must_use]
    pub const fn binaries(&self) -> &Binaries {
        &self.binaries
    }

    /// Stops using the server, and stops it where nobody else uses it: open transactions are rolled back,
    /// everything is on disk when this returns.
    ///
    /// # Errors
    ///
    /// [`EmbeddedError::Slow`] where it does not go down within half a minute.
    pub async fn stop(self) -> Result<(), EmbeddedError> {
        let lock = self.folder.lock_start().await?;
        drop(self.users);
        let last = self.folder.lock_file("users.lock")?.try_lock().is_ok();
        if last {
            let mut server = self.server.lock().await;
            // It may have gone down, and have been started again by one who did not come to tell.
            if !server.runs(&self.folder) {
                match server::running(&self.folder, self.port)? {
                    Some(found) => *server = found,
                    None => return Ok(()),
                }
            }
            server.stop(&self.folder).await?;
        }
        drop(lock);
        Ok(())
    }
}

/// The programs of the cluster's major version, or the newest ones where there is no cluster yet.
async fn binaries_for(folder: &Folder) -> Result<Binaries, EmbeddedError> {
    let installed = binaries::installed().await;
    let Some(found) = folder.read("data/PG_VERSION")? else {
        return Ok(binaries::newest(installed)?);
    };
    let found = found.trim().to_owned();
    let mut majors: Vec<String> = installed.iter().map(|binaries| binaries.major().to_string()).collect();
    // A version may be found in its folder and by the search path.
    majors.dedup();
    match installed.into_iter().find(|binaries| binaries.major().to_string() == found) {
        Some(binaries) => Ok(binaries),
        None if majors.is_empty() => Err(FindError::NotInstalled.into()),
        None => Err(EmbeddedError::OtherMajor { folder: folder.data(), found, installed: majors.join(", ") }),
    }
}
