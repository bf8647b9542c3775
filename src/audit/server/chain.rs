//! The chain that makes the log tamper-evident.
//!
//! What is done is recorded in the transaction that does it. Right after, outside of it, each new entry joins
//! the chain: it gets a position and an HMAC over that position, its own text and the HMAC before it, so that
//! nothing can be changed, removed or put elsewhere without the rest of the chain saying so. One process at a time
//! adds to the chain, a few hundred entries in a few milliseconds, and no transaction of anyone else waits for it.
//!
//! The key is random, made once, and lies in the database only as an envelope that the master key opens; a
//! rotation wraps it anew. Who can write to the database can therefore not continue the chain.
//!
//! What a chain cannot tell is that its end was cut off. So its head, position and HMAC, is written outside the
//! database: to `audit.head` in the data folder after each addition, and to the log once a minute. A process that
//! finds its last head gone from the chain says so and leaves the file as it is, for [`super::verify`] to find.

use std::{
    fmt, fs,
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use hmac::{Hmac, Mac};
use rand::RngCore;
use serde_json::Value;
use sha2::Sha256;
use sqlx::PgConnection;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{
    auth::server::Caller,
    error::AppError,
    ids::UserId,
    server::{config::Config, state::AppState, vault::Vault},
};

/// The field of `mooring_facts` with the sealed key, as the envelope is bound to it.
pub const KEY: &str = "audit_key";
/// One process at a time adds to the chain.
const LOCK: i64 = 0x6d6f_6f72_6175_6474;
/// Entries that join in one transaction.
const BATCH: i64 = 500;
/// How often the chain is looked after where no announcement came.
const EVERY: Duration = Duration::from_secs(5);
/// How often the head is written to the log, while it moves.
const LOG_EVERY: Duration = Duration::from_mins(1);
/// The file in the data folder that holds the head.
const FILE: &str = "audit.head";

/// The end of the chain: `position:HMAC in hexadecimal`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// How many entries the chain had.
    pub position: i64,
    /// The HMAC of the last of them.
    pub mac: Vec<u8>,
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.position)?;
        self.mac.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The text is no head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a head is written as position:HMAC, as the log has it")]
pub struct InvalidHead;

impl FromStr for Head {
    type Err = InvalidHead;

    fn from_str(text: &str) -> Result<Self, InvalidHead> {
        let (position, mac) = text.trim().split_once(':').ok_or(InvalidHead)?;
        let position = position.parse().ok().filter(|position| *position > 0).ok_or(InvalidHead)?;
        let digits: Option<Vec<u8>> =
            mac.chars().map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
        let digits = digits.filter(|digits| digits.len() == 64).ok_or(InvalidHead)?;
        let mac = digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect();
        Ok(Self { position, mac })
    }
}

/// An entry of the log, as the HMAC covers it.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) id: Uuid,
    pub(super) seq: i64,
    pub(super) user_id: Option<Uuid>,
    pub(super) credential_id: Option<Uuid>,
    pub(super) action: String,
    pub(super) status: String,
    pub(super) details: String,
    pub(super) ip_address: Option<String>,
    pub(super) user_agent: Option<String>,
    pub(super) created_at: time::OffsetDateTime,
}

impl Row {
    /// The fields one after the other, each with its length before it: no two entries give the same bytes.
    fn bytes(&self) -> Vec<u8> {
        let micros = self.created_at.unix_timestamp_nanos() / 1_000;
        let fields: [Option<&[u8]>; 10] = [
            Some(self.id.as_bytes()),
            Some(&self.seq.to_be_bytes()),
            self.user_id.as_ref().map(|id| id.as_bytes().as_slice()),
            self.credential_id.as_ref().map(|id| id.as_bytes().as_slice()),
            Some(self.action.as_bytes()),
            Some(self.status.as_bytes()),
            Some(self.details.as_bytes()),
            self.ip_address.as_deref().map(str::as_bytes),
            self.user_agent.as_deref().map(str::as_bytes),
            Some(&micros.to_be_bytes()),
        ];
        let mut bytes = Vec::new();
        for field in fields {
            match field {
                None => bytes.push(0),
                Some(field) => {
                    bytes.push(1);
                    bytes.extend_from_slice(&(field.len() as u64).to_be_bytes());
                    bytes.extend_from_slice(field);
                }
            }
        }
        bytes
    }
}

/// The key of the chain.
pub(super) struct Key(Zeroizing<Vec<u8>>);

impl Key {
    /// The HMAC of `row` at `position` after the one before it; the first comes after nothing.
    pub(super) fn mac(&self, before: &[u8], position: i64, row: &Row) -> Result<Hmac<Sha256>, AppError> {
        let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(&self.0).map_err(|error| AppError::internal(&error))?;
        mac.update(b"mooring audit 1\0");
        mac.update(&(before.len() as u64).to_be_bytes());
        mac.update(before);
        mac.update(&position.to_be_bytes());
        mac.update(&row.bytes());
        Ok(mac)
    }

    /// The key that is stored; none where there is none yet.
    pub(super) async fn find(connection: &mut PgConnection, vault: &Vault) -> Result<Option<Self>, AppError> {
        let row =
            sqlx::query!("select value from mooring_facts where name = $1", KEY).fetch_optional(connection).await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(Self(vault.open(Uuid::nil(), UserId(Uuid::nil()), KEY, &row.value)?)))
    }

    /// Makes one. Only where there is no chain yet: of two processes, the lock lets one do it.
    async fn make(connection: &mut PgConnection, vault: &Vault) -> Result<Self, AppError> {
        let mut key = Zeroizing::new(vec![0; 32]);
        rand::rng().fill_bytes(&mut key);
        let sealed: Value = vault.seal(Uuid::nil(), UserId(Uuid::nil()), KEY, &key)?;
        sqlx::query!("insert into mooring_facts (name, value) values ($1, $2)", KEY, sealed)
            .execute(connection)
            .await?;
        Ok(Self(key))
    }
}

/// The chain has entries, and their key is gone from the database.
#[derive(Debug, thiserror::Error)]
#[error("the key of the audit log is gone from mooring_facts: nothing can be added to the chain, nor verified")]
pub(super) struct KeyIsGone;

/// Keeps the chain going until `stop`, and a last time then.
pub async fn run(state: AppState, stop: CancellationToken) {
    let mut logged: Option<(Duration, i64)> = None;
    loop {
        let is_over = stop.is_cancelled();
        let mut rest = EVERY;
        match extend(&state).await {
            Ok(Some(head)) => {
                let now = state.clock().elapsed();
                let is_due = logged.is_none_or(|(at, _)| now.saturating_sub(at) >= LOG_EVERY) || is_over;
                if is_due && logged.is_none_or(|(_, position)| position != head.position) {
                    tracing::info!("The audit log has {} entries; its head is {head}", head.position);
                    logged = Some((now, head.position));
                }
            }
            Ok(None) => {}
            Err(AppError::Unavailable(_)) => tracing::debug!("the audit log's chain waits for our own database"),
            Err(error) => {
                tracing::warn!("the audit log's chain cannot be continued: {error}");
                rest = LOG_EVERY;
            }
        }
        if is_over {
            return;
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = state.live().audited(), if rest == EVERY => {}
            () = state.clock().sleep(rest) => {}
        }
    }
}

/// Lets every entry that waits join the chain; returns the head, none for an empty log.
///
/// # Errors
///
/// [`AppError::Unavailable`] where our own database is away, [`AppError::Internal`] where the key cannot be used.
pub async fn extend(state: &AppState) -> Result<Option<Head>, AppError> {
    let system = Caller::system(state, "audit");
    let mut tx = system.read().await?;
    let before = head(&mut tx).await?;
    check_anchor(&mut tx, state.config()).await?;
    let waits = waits(&mut tx).await?;
    drop(tx);
    if !waits {
        // Another process may have added it; each keeps the head in its own folder.
        if let Some(head) = &before {
            anchor(state.config(), head);
        }
        return Ok(before);
    }
    loop {
        let mut tx = system.write().await?;
        sqlx::query!("select pg_advisory_xact_lock($1)", LOCK).execute(&mut *tx).await?;
        let before = head(&mut tx).await?;
        let rows = pending(&mut tx).await?;
        if rows.is_empty() {
            tx.commit().await?;
            if let Some(head) = &before {
                anchor(state.config(), head);
            }
            return Ok(before);
        }
        let key = match (Key::find(&mut tx, state.vault()).await?, &before) {
            (Some(key), _) => key,
            (None, None) => Key::make(&mut tx, state.vault()).await?,
            (None, Some(_)) => return Err(AppError::internal(&KeyIsGone)),
        };
        append(&mut tx, &key, before, &rows).await?;
        tx.commit().await?;
    }
}

pub(super) async fn head(connection: &mut PgConnection) -> Result<Option<Head>, sqlx::Error> {
    let row = sqlx::query!("select position, mac from audit_chain order by position desc limit 1")
        .fetch_optional(connection)
        .await?;
    Ok(row.map(|row| Head { position: row.position, mac: row.mac }))
}

async fn waits(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(r#"select exists (select from audit_pending) as "any!""#).fetch_one(connection).await
}

async fn pending(connection: &mut PgConnection) -> Result<Vec<Row>, sqlx::Error> {
    sqlx::query_as!(
        Row,
        r#"
        select log.id, log.seq, log.user_id, log.credential_id, log.action, log.status, log.details::text as "details!",
               log.ip_address, log.user_agent, log.created_at
          from audit_pending as pending
          join database_audit_log as log on log.id = pending.entry_id
         order by log.seq
         limit $1
        "#,
        BATCH,
    )
    .fetch_all(connection)
    .await
}

async fn append(connection: &mut PgConnection, key: &Key, before: Option<Head>, rows: &[Row]) -> Result<(), AppError> {
    let mut head = before.unwrap_or(Head { position: 0, mac: Vec::new() });
    let (mut positions, mut ids, mut macs) = (Vec::new(), Vec::new(), Vec::new());
    for row in rows {
        let position = head.position + 1;
        let mac = key.mac(&head.mac, position, row)?.finalize().into_bytes().to_vec();
        head = Head { position, mac: mac.clone() };
        positions.push(position);
        ids.push(row.id);
        macs.push(mac);
    }
    sqlx::query!(
        "insert into audit_chain (position, entry_id, mac)
         select * from unnest($1::bigint[], $2::uuid[], $3::bytea[])",
        &positions,
        &ids,
        &macs,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!("delete from audit_pending where entry_id = any ($1)", &ids).execute(connection).await?;
    Ok(())
}

/// Whether the head that was written outside the database is still in the chain. Where it is not, entries were
/// removed, and nothing may be written over that proof; nor over a file that cannot be read.
async fn check_anchor(connection: &mut PgConnection, config: &Config) -> Result<(), AppError> {
    let path = file(config);
    let anchored = match anchored(config) {
        Ok(None) => return Ok(()),
        Ok(Some(head)) => head,
        Err(source) => return Err(AppError::internal(&HeadIsUnreadable { path, source })),
    };
    if is_in_chain(connection, &anchored).await? {
        return Ok(());
    }
    Err(AppError::internal(&HeadIsGone { head: anchored, path }))
}

#[derive(Debug, thiserror::Error)]
#[error(
    "entries of the audit log are gone: it went as far as {head} (in {}), and that is not in it any more. Run `mooring audit verify`; where the database was put back on purpose, remove the file",
    path.display()
)]
struct HeadIsGone {
    head: Head,
    path: PathBuf,
}

#[derive(Debug, thiserror::Error)]
#[error(
    "how far the audit log went cannot be read from {}. Run `mooring audit verify`, and put the file right or remove it",
    path.display()
)]
struct HeadIsUnreadable {
    path: PathBuf,
    source: io::Error,
}

pub(super) async fn is_in_chain(connection: &mut PgConnection, head: &Head) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select exists (select from audit_chain where position = $1 and mac = $2) as "there!""#,
        head.position,
        head.mac,
    )
    .fetch_one(connection)
    .await
}

fn file(config: &Config) -> PathBuf {
    config.data_dir.join(FILE)
}

/// The head that was written to the data folder; none where none was written yet.
///
/// # Errors
///
/// What reading the file failed with; [`io::ErrorKind::InvalidData`] where it holds no head.
pub(super) fn anchored(config: &Config) -> io::Result<Option<Head>> {
    match fs::read_to_string(file(config)) {
        Ok(text) => text.parse().map(Some).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes the head to the data folder, unless a later one is there, or one that cannot be read.
fn anchor(config: &Config, head: &Head) {
    let written = match anchored(config) {
        Ok(Some(anchored)) if anchored.position >= head.position => return,
        Ok(_) => write_file(&file(config), head),
        Err(error) => Err(error),
    };
    if let Err(error) = written {
        tracing::warn!("the head of the audit log cannot be written to {}: {error}", file(config).display());
    }
}

fn write_file(path: &Path, head: &Head) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    // Another process may write at the same time: each its own file, and the name changes hands whole.
    let draft = path.with_file_name(format!("{FILE}.{}", Uuid::new_v4().simple()));
    let written = write_draft(&draft, head).and_then(|()| fs::rename(&draft, path));
    if written.is_err() {
        // On a full disk each try would leave one; that it cannot be removed either is told by the first error.
        let _ = fs::remove_file(&draft);
    }
    written
}

fn write_draft(draft: &Path, head: &Head) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(draft)?;
    writeln!(file, "{head}")?;
    file.sync_all()
}

/// Forgets the head in the data folder: for a restore, which brings a log of its own.
///
/// # Errors
///
/// What removing the file failed with.
pub fn forget_anchor(config: &Config) -> io::Result<()> {
    match fs::remove_file(file(config)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(action: &str, details: &str) -> Row {
        Row {
            id: Uuid::from_u128(7),
            seq: 1,
            user_id: None,
            credential_id: None,
            action: action.to_owned(),
            status: "success".to_owned(),
            details: details.to_owned(),
            ip_address: None,
            user_agent: None,
            created_at: time::OffsetDateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_head_is_read_as_it_is_written() {
        let head = Head { position: 1_234, mac: (0..32).collect() };
        assert_eq!(head.to_string().parse(), Ok(head.clone()));
        assert_eq!(format!(" {head}\n").parse(), Ok(head));
        for text in
            ["", "12", "12:", "x:00", "0:00", &format!("1:{}", "z".repeat(64)), &format!("-1:{}", "0".repeat(64))]
        {
            assert_eq!(text.parse::<Head>(), Err(InvalidHead), "{text}");
        }
    }

    #[test]
    fn no_two_entries_and_no_two_places_give_the_same_hmac() {
        let key = Key(Zeroizing::new(vec![7; 32]));
        let mac = |before: &[u8], position, row: &Row| {
            key.mac(before, position, row).expect("a key of any length").finalize().into_bytes()
        };
        let first = row("a", "bc");
        let whole = mac(b"x", 2, &first);
        assert_eq!(whole, mac(b"x", 2, &row("a", "bc")));
        assert_ne!(whole, mac(b"x", 2, &row("ab", "c")), "where a field ends");
        assert_ne!(whole, mac(b"x", 3, &first), "the place");
        assert_ne!(whole, mac(b"y", 2, &first), "what came before");
        let mut empty = row("a", "bc");
        empty.ip_address = Some(String::new());
        assert_ne!(whole, mac(b"x", 2, &empty), "nothing and empty");
    }
}
