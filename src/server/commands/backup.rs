//! `backup`: one compressed archive of the database, the master keys and a manifest, in this order:
//!
//! | name | what it is |
//! | --- | --- |
//! | `manifest.json` | [`Manifest`] |
//! | `master.key` | the list of keys, as `MOORING_MASTER_KEY` has it |
//! | `database.dump` | `pg_dump`'s custom format |
//!
//! Database and keys go together, since neither is of use without the other; the file is for its owner only.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use flate2::{Compression, write::GzEncoder};
use serde::{Deserialize, Serialize};
use tar::{Builder, EntryType, Header};
use zeroize::Zeroizing;

use crate::server::{
    clock::{Clock, SystemClock},
    config::Config,
    startup::{self, OpenDatabase},
    vault::check::open_vault,
};

use super::{CommandError, print, programs};

/// The names in the archive.
pub(super) const MANIFEST: &str = "manifest.json";
pub(super) const KEYS: &str = "master.key";
pub(super) const DUMP: &str = "database.dump";
/// The version of this layout.
pub(super) const FORMAT: u32 = 1;

/// What a backup is of.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Manifest {
    /// [`FORMAT`].
    pub format: u32,
    /// The version of Mooring that wrote it.
    pub mooring: String,
    /// The major version of the database server.
    pub postgresql: u32,
    /// The newest step of the schema.
    pub schema: i64,
    /// When, as RFC 3339.
    pub created_at: String,
}

pub(super) async fn backup(config: Config, file: &Path) -> Result<(), CommandError> {
    if file.exists() {
        return Err(CommandError::Failed(format!("{} is there already: choose another name", file.display())));
    }
    let open = startup::connect(&config).await?;
    let written = write(&config, &open, file).await;
    let closed = open.close().await;
    written?;
    closed?;
    print(format!("{} holds the database and the master keys. Keep it as you keep passwords.", file.display()))
}

async fn write(config: &Config, open: &OpenDatabase, file: &Path) -> Result<(), CommandError> {
    let manifest = manifest(open).await?;
    let keys = open_vault(&open.database, config.master_key.clone()).await?.export();
    let mut command = programs::program("pg_dump", config, open).await?;
    // Compressed once, by the archive.
    command.args(["--format=custom", "--compress=0", "--no-owner"]);
    let file = file.to_owned();
    let packed = tokio::task::spawn_blocking(move || pack(command, &manifest, &keys, &file)).await;
    packed.map_err(|error| CommandError::Failed(error.to_string()))?
}

async fn manifest(open: &OpenDatabase) -> Result<Manifest, CommandError> {
    // The table is the migrator's own: not known where the macros check statements.
    let row = sqlx::query_as::<_, (i32, Option<i64>)>(
        "select current_setting('server_version_num')::integer / 10000,
                (select max(version) from _sqlx_migrations where success)",
    )
    .fetch_one(open.database.pool())
    .await;
    let (major, schema) = row.map_err(|_| {
        CommandError::Failed("there is nothing to back up: the database has no schema of Mooring's".to_owned())
    })?;
    Ok(Manifest {
        format: FORMAT,
        mooring: env!("CARGO_PKG_VERSION").to_owned(),
        postgresql: u32::try_from(major).unwrap_or_default(),
        schema: schema.unwrap_or_default(),
        created_at: SystemClock.now().rfc3339(),
    })
}

/// A file that is removed when it goes, unless it was kept.
struct Draft {
    path: PathBuf,
    file: File,
}

impl Draft {
    fn beside(target: &Path, suffix: &str) -> Result<Self, CommandError> {
        let mut name = target.file_name().unwrap_or_default().to_owned();
        name.push(suffix);
        let path = target.with_file_name(name);
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path);
        let file = file.map_err(CommandError::file(format!("{} cannot be written", path.display())))?;
        Ok(Self { path, file })
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Gone already where it was kept under its own name.
        let _ = fs::remove_file(&self.path);
    }
}

fn pack(command: Command, manifest: &Manifest, keys: &Zeroizing<String>, target: &Path) -> Result<(), CommandError> {
    // An archive says how long a part is before the part comes, so the dump is written out first.
    let dump = Draft::beside(target, ".dump")?;
    run(command, &dump)?;
    let draft = Draft::beside(target, ".new")?;
    let cannot = || CommandError::file(format!("{} cannot be written", target.display()));
    let manifest = serde_json::to_vec_pretty(manifest).map_err(|error| CommandError::Failed(error.to_string()))?;
    let write = || -> io::Result<()> {
        let mut archive = Builder::new(GzEncoder::new(&draft.file, Compression::default()));
        add(&mut archive, MANIFEST, manifest.len() as u64, manifest.as_slice())?;
        add(&mut archive, KEYS, keys.len() as u64, keys.as_bytes())?;
        let mut written = File::open(&dump.path)?;
        let length = written.metadata()?.len();
        add(&mut archive, DUMP, length, &mut written)?;
        archive.into_inner()?.finish()?.flush()?;
        draft.file.sync_all()?;
        // Unlike renaming, linking does not replace what has got the name in the meantime.
        fs::hard_link(&draft.path, target)
    };
    write().map_err(cannot())
}

fn add(archive: &mut Builder<impl Write>, name: &str, length: u64, content: impl io::Read) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Regular);
    header.set_mode(0o600);
    header.set_size(length);
    header.set_mtime(u64::try_from(SystemClock.now().seconds()).unwrap_or_default());
    archive.append_data(&mut header, name, content)
}

fn run(mut command: Command, dump: &Draft) -> Result<(), CommandError> {
    let output = dump.file.try_clone().map_err(CommandError::file("the dump cannot be written"))?;
    let done = command.stdin(Stdio::null()).stdout(output).stderr(Stdio::piped()).output();
    finished("pg_dump", done)
}

/// Whether a program did its work; otherwise what it said.
pub(super) fn finished(program: &str, done: io::Result<std::process::Output>) -> Result<(), CommandError> {
    let output = done.map_err(CommandError::file(format!("{program} cannot be run")))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.lines().find(|line| !line.trim().is_empty()).unwrap_or("it gave no reason");
    Err(CommandError::Failed(format!("{program} failed: {said}")))
}
