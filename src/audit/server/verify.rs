//! Whether the log is still what was written: `mooring audit verify`.

use hmac::Mac;
use sqlx::PgConnection;
use uuid::Uuid;

use super::chain::{self, Head, Key, KeyIsGone, Row};
use crate::{auth::server::Caller, error::AppError};

/// Entries that are read at once.
const BATCH: i64 = 1_000;
/// Findings that are told one by one; the rest is counted.
const TOLD: usize = 20;

/// What a verification found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verification {
    /// Entries of the chain.
    pub entries: u64,
    /// Its head.
    pub head: Option<Head>,
    /// Entries that are recorded and have not joined the chain yet.
    pub waiting: u64,
    /// What is wrong, in words: the first findings.
    pub problems: Vec<String>,
    /// How many findings there are in all.
    pub found: u64,
}

impl Verification {
    fn tell(&mut self, problem: String) {
        self.found += 1;
        if self.problems.len() < TOLD {
            self.problems.push(problem);
        }
    }
}

/// Reads the whole chain from its first entry on, and compares its end with the heads that were written outside
/// the database: the one in the data folder, and `expected`, one that the log has.
///
/// # Errors
///
/// [`AppError::Forbidden`] for anyone but administrators and the server itself; [`AppError::Internal`] where the
/// key of the chain is gone or cannot be opened; [`AppError::Unavailable`].
pub async fn verify(caller: &Caller, expected: Option<&Head>) -> Result<Verification, AppError> {
    caller.require_admin()?;
    let state = caller.state();
    let mut found = Verification::default();
    // One transaction: what joins the chain meanwhile is not looked at.
    let mut tx = Caller::system(state, "audit").read().await?;
    sqlx::query!("set transaction isolation level repeatable read").execute(&mut *tx).await?;
    found.head = chain::head(&mut tx).await?;
    if found.head.is_some() {
        let key = Key::find(&mut tx, state.vault()).await?.ok_or_else(|| AppError::internal(&KeyIsGone))?;
        links(&mut tx, &key, &mut found).await?;
    }
    strays(&mut tx, &mut found).await?;
    let anchored = chain::anchored(state.config()).unwrap_or_else(|error| {
        found.tell(format!("How far the log went cannot be read from the data folder: {error}."));
        None
    });
    for (head, place) in anchored
        .iter()
        .map(|head| (head, "the data folder"))
        .chain(expected.map(|head| (head, "the head that was given")))
    {
        if !chain::is_in_chain(&mut tx, head).await? {
            found.tell(format!("The last entries are gone: by {place} the log went to {} at least.", head.position));
        }
    }
    Ok(found)
}

/// A link of the chain with its entry, where that is still there.
struct Link {
    position: i64,
    mac: Vec<u8>,
    entry_id: Uuid,
    row: Option<Row>,
}

async fn links(connection: &mut PgConnection, key: &Key, found: &mut Verification) -> Result<(), AppError> {
    let mut last = 0;
    let mut before = Vec::new();
    loop {
        let links = next(connection, last).await?;
        if links.is_empty() {
            return Ok(());
        }
        for link in links {
            found.entries += 1;
            if link.position != last + 1 {
                found.tell(match link.position - 1 {
                    only if only == last + 1 => format!("Entry {only} is gone."),
                    to => format!("Entries {} to {to} are gone.", last + 1),
                });
            } else if let Some(row) = &link.row {
                if key.mac(&before, link.position, row)?.verify_slice(&link.mac).is_err() {
                    found.tell(format!("Entry {} ({}) was changed, or is not in its place.", link.position, row.id));
                }
            } else {
                found.tell(format!("Entry {} ({}) is gone from the log.", link.position, link.entry_id));
            }
            last = link.position;
            before = link.mac;
        }
    }
}

async fn next(connection: &mut PgConnection, after: i64) -> Result<Vec<Link>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"
        select chain.position, chain.mac, chain.entry_id, log.id as "id?", log.seq as "seq?", log.user_id, log.credential_id,
               log.action as "action?", log.status as "status?", log.details::text as details, log.ip_address, log.user_agent,
               log.created_at as "created_at?"
          from audit_chain as chain
          left join database_audit_log as log on log.id = chain.entry_id
         where chain.position > $1
         order by chain.position
         limit $2
        "#,
        after,
        BATCH,
    )
    .fetch_all(connection)
    .await?;
    let links = rows.into_iter().map(|row| {
        let entry = match (row.id, row.seq, row.action, row.status, row.details, row.created_at) {
            (Some(id), Some(seq), Some(action), Some(status), Some(details), Some(created_at)) => Some(Row {
                id,
                seq,
                user_id: row.user_id,
                credential_id: row.credential_id,
                action,
                status,
                details,
                ip_address: row.ip_address,
                user_agent: row.user_agent,
                created_at,
            }),
            _ => None,
        };
        Link { position: row.position, mac: row.mac, entry_id: row.entry_id, row: entry }
    });
    Ok(links.collect())
}

/// What is recorded and not in the chain, and what waits for the chain and is not recorded.
async fn strays(connection: &mut PgConnection, found: &mut Verification) -> Result<(), AppError> {
    let rows = sqlx::query!(
        r#"
        select coalesce(log.id, pending.entry_id) as "id!", log.id is null as "gone!", pending.entry_id is null as "unknown!"
          from database_audit_log as log
          full join audit_pending as pending on pending.entry_id = log.id
         where pending.entry_id is not null
            or not exists (select from audit_chain where entry_id = log.id)
        "#
    )
    .fetch_all(connection)
    .await?;
    for row in rows {
        match (row.gone, row.unknown) {
            (true, _) => found.tell(format!("The entry {} is gone; it had not joined the chain yet.", row.id)),
            (_, true) => found.tell(format!("The entry {} is not in the chain.", row.id)),
            _ => found.waiting += 1,
        }
    }
    Ok(())
}
