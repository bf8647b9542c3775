//! `restore`: what `backup` wrote, into a database that is empty.
//!
//! Everything is looked at before anything is changed, and the database comes in one transaction: a restore
//! that fails leaves an empty database behind, as it found it.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use flate2::read::GzDecoder;
use tar::{Archive, Entry};

use crate::{
    audit::server::chain,
    connections::settings::Secret,
    server::{
        config::Config,
        db::MIGRATOR,
        startup::{self, OpenDatabase},
        vault::check::open_vault,
    },
};

use super::{
    CommandError,
    backup::{DUMP, FORMAT, KEYS, MANIFEST, Manifest, finished},
    print, programs,
};

pub(super) async fn restore(config: Config, file: &Path) -> Result<(), CommandError> {
    let backup = Backup::open(file)?;
    config.master_key.accepts(&backup.keys)?;
    let open = startup::connect(&config).await?;
    let restored = into(&config, &open, &backup).await;
    let closed = open.close().await;
    restored?;
    closed?;
    // Newer steps of the schema, and the check that everything fits together.
    let open = startup::open_database(&config).await?;
    let vault = open_vault(&open.database, config.master_key.clone()).await;
    open.close().await?;
    vault?;
    // The log that came with the backup has a head of its own.
    chain::forget_anchor(&config).map_err(CommandError::file("the head of the former audit log cannot be removed"))?;
    print(format!("The backup of {} is restored.", backup.manifest.created_at))
}

async fn into(config: &Config, open: &OpenDatabase, backup: &Backup) -> Result<(), CommandError> {
    if !is_empty(open).await? {
        return Err(CommandError::Failed(
            "the database is not empty: restore into an empty one, or into a new data folder (MOORING_DATA_DIR)"
                .to_owned(),
        ));
    }
    make_user_role(open).await?;
    let mut command = programs::program("pg_restore", config, open).await?;
    let database =
        sqlx::query_scalar!(r#"select current_database()::text as "name!""#).fetch_one(open.database.pool()).await;
    let database = database.map_err(startup::StartError::from)?;
    command.args(["--single-transaction", "--exit-on-error", "--no-owner", "--dbname"]).arg(database);
    let path = backup.path.clone();
    let unpacked = tokio::task::spawn_blocking(move || unpack(command, &path)).await;
    unpacked.map_err(|error| CommandError::Failed(error.to_string()))??;
    Ok(config.master_key.adopt(&backup.keys)?)
}

/// What is known of a backup before its dump is read.
struct Backup {
    path: PathBuf,
    manifest: Manifest,
    keys: Secret,
}

impl Backup {
    fn open(path: &Path) -> Result<Self, CommandError> {
        let file = File::open(path).map_err(CommandError::file(format!("{} cannot be read", path.display())))?;
        let foreign =
            |_| CommandError::Failed(format!("{} is no backup of Mooring's, or it is damaged", path.display()));
        let mut archive = Archive::new(GzDecoder::new(file));
        let mut entries = archive.entries().map_err(foreign)?;
        let manifest = read_small(entries.next(), MANIFEST).map_err(foreign)?;
        let keys = read_small(entries.next(), KEYS).map_err(foreign)?;
        let manifest: Manifest = serde_json::from_str(&manifest).map_err(io::Error::other).map_err(foreign)?;
        if manifest.format != FORMAT {
            return Err(CommandError::Failed(format!(
                "{} was written by Mooring {}: restore it with that version",
                path.display(),
                manifest.mooring
            )));
        }
        let known = MIGRATOR.iter().map(|step| step.version).max().unwrap_or_default();
        if manifest.schema > known {
            return Err(CommandError::Failed(format!(
                "{} was written by the newer Mooring {}: restore it with that version",
                path.display(),
                manifest.mooring
            )));
        }
        Ok(Self { path: path.to_owned(), manifest, keys: Secret::new(keys) })
    }
}

/// The manifest and the keys are short; what is longer is something else.
const MOST_BYTES: u64 = 64 * 1024;

fn read_small<R: Read>(entry: Option<io::Result<Entry<'_, R>>>, name: &str) -> io::Result<String> {
    let mut text = String::new();
    expect(entry, name)?.take(MOST_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

fn expect<'a, R: Read>(entry: Option<io::Result<Entry<'a, R>>>, name: &str) -> io::Result<Entry<'a, R>> {
    match entry {
        Some(Ok(entry)) if entry.path_bytes().as_ref() == name.as_bytes() => Ok(entry),
        Some(Err(error)) => Err(error),
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, format!("{name} is missing"))),
    }
}

/// Feeds the dump to `pg_restore`.
fn unpack(mut command: Command, path: &Path) -> Result<(), CommandError> {
    let damaged = || CommandError::file(format!("{} is damaged", path.display()));
    let mut archive = Archive::new(GzDecoder::new(File::open(path).map_err(damaged())?));
    let mut entries = archive.entries().map_err(damaged())?.skip(2);
    let mut dump = expect(entries.next(), DUMP).map_err(damaged())?;
    let child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    let mut child = child.map_err(CommandError::file("pg_restore cannot be run"))?;
    let fed = match child.stdin.take() {
        Some(mut input) => io::copy(&mut dump, &mut input),
        None => Ok(0),
    };
    finished("pg_restore", child.wait_with_output())?;
    // Where it did not read to the end, it has said why; otherwise the archive was cut short.
    fed.map(|_| ()).map_err(damaged())
}

async fn is_empty(open: &OpenDatabase) -> Result<bool, CommandError> {
    let tables = sqlx::query_scalar!(
        r#"
        select count(*) as "count!"
          from pg_class c
          join pg_namespace n on n.oid = c.relnamespace
         where n.nspname not in ('pg_catalog', 'information_schema')
           and n.nspname not like 'pg\_toast%'
        "#
    )
    .fetch_one(open.database.pool())
    .await;
    Ok(tables.map_err(startup::StartError::from)? == 0)
}

/// Roles belong to the server and not to a database, so a dump does not bring this one; its grants need it.
async fn make_user_role(open: &OpenDatabase) -> Result<(), CommandError> {
    let made = sqlx::raw_sql(
        "do $$
        begin
            if not exists (select from pg_roles where rolname = 'mooring_user') then
                create role mooring_user nologin noinherit;
            end if;
        exception when duplicate_object or unique_violation then
            null;
        end
        $$;
        do $$
        begin
            if not pg_has_role(
                current_user, 'mooring_user',
                case when current_setting('server_version_num')::integer >= 160000 then 'set' else 'member' end
            ) then
                execute format('grant mooring_user to %I', current_user);
            end if;
        end
        $$",
    )
    .execute(open.database.pool())
    .await;
    made.map(|_| ()).map_err(|error| startup::StartError::from(error).into())
}
