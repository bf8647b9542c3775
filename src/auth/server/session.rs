//! Browser sessions: who is signed in, kept in Postgres under the hash of the id that the cookie carries.
//!
//! A session ends fourteen days after it was last used and thirty days after the sign-in, at sign-out, and when
//! the account's epoch moves on. The store updates only what is there: a request that was under way during
//! a sign-out must not bring its session back.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use tower_sessions::{
    Expiry, Session, SessionManagerLayer,
    cookie::SameSite,
    session::{Id, Record},
    session_store::{self, SessionStore},
};

use super::code::sha256;
use crate::{
    auth::Role,
    error::AppError,
    ids::UserId,
    server::{
        config::{Config, PublicUrl},
        state::AppState,
    },
    timestamp::Timestamp,
};

/// Unused for so long, a session ends.
const IDLE: time::Duration = time::Duration::days(14);
/// So long after the sign-in, a session ends in any case.
const LONGEST: time::Duration = time::Duration::days(30);
/// So long, a right password waits for its code.
const HALF: time::Duration = time::Duration::minutes(10);
/// A session's last use is kept to this exactness, so that reading pages does not write.
const TOUCH: time::Duration = time::Duration::minutes(5);

const ACCOUNT: &str = "account";
const HALF_ACCOUNT: &str = "half";

/// The layer that gives each request its session.
#[must_use]
pub fn layer(state: &AppState) -> SessionManagerLayer<Store> {
    let secure = is_https(state.config());
    SessionManagerLayer::new(Store(state.database().pool().clone()))
        // The prefix makes browsers refuse a cookie of that name from a subdomain or without TLS.
        .with_name(if secure { "__Host-mooring" } else { "mooring" })
        .with_path("/")
        .with_http_only(true)
        .with_same_site(SameSite::Lax)
        .with_secure(secure)
        .with_expiry(Expiry::OnInactivity(IDLE))
}

/// Whether browsers reach this server by https, as far as the operator said.
pub(super) fn is_https(config: &Config) -> bool {
    config.public_url.as_ref().is_some_and(PublicUrl::is_https)
}

/// Deletes sessions that ended, and devices that were not seen for half a year; returns how many.
///
/// # Errors
///
/// [`AppError::Unavailable`] where our own database is away.
pub async fn delete_expired(state: &AppState) -> Result<u64, AppError> {
    let pool = state.database().pool();
    let sessions =
        sqlx::query!("delete from sessions where expires_at < mooring_now()").execute(pool).await?.rows_affected();
    let devices = sqlx::query!("delete from known_devices where seen_at < mooring_now() - interval '180 days'")
        .execute(pool)
        .await?
        .rows_affected();
    Ok(sessions + devices + super::throttle::delete_expired(pool).await?)
}

/// Sessions in Postgres.
#[derive(Clone, Debug)]
pub struct Store(PgPool);

fn backend(error: sqlx::Error) -> session_store::Error {
    session_store::Error::Backend(error.to_string())
}

fn encode(record: &Record) -> Result<serde_json::Value, session_store::Error> {
    let mut data =
        serde_json::to_value(&record.data).map_err(|error| session_store::Error::Encode(error.to_string()))?;
    drop_nul(&mut data);
    Ok(data)
}

/// PostgreSQL's `jsonb` cannot hold a NUL, which whoever sends a form may put into what is kept of it.
fn drop_nul(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::String(text) => text.retain(|letter| letter != '\0'),
        serde_json::Value::Array(values) => values.iter_mut().for_each(drop_nul),
        serde_json::Value::Object(fields) => fields.values_mut().for_each(drop_nul),
        _ => {}
    }
}

fn key(id: &Id) -> Vec<u8> {
    sha256(&id.0.to_le_bytes())
}

#[async_trait]
impl SessionStore for Store {
    async fn create(&self, record: &mut Record) -> session_store::Result<()> {
        // 128 random bits do not meet twice; if they did, the constraint would refuse the second.
        sqlx::query!(
            "insert into sessions (id_hash, data, expires_at) values ($1, $2, $3)",
            key(&record.id),
            encode(record)?,
            record.expiry_date,
        )
        .execute(&self.0)
        .await
        .map_err(backend)?;
        Ok(())
    }

    async fn save(&self, record: &Record) -> session_store::Result<()> {
        sqlx::query!(
            "update sessions set data = $2, expires_at = $3 where id_hash = $1",
            key(&record.id),
            encode(record)?,
            record.expiry_date,
        )
        .execute(&self.0)
        .await
        .map_err(backend)?;
        Ok(())
    }

    async fn load(&self, id: &Id) -> session_store::Result<Option<Record>> {
        let row = sqlx::query!(
            "select data, expires_at from sessions where id_hash = $1 and expires_at > mooring_now()",
            key(id),
        )
        .fetch_optional(&self.0)
        .await
        .map_err(backend)?;
        row.map(|row| {
            let data =
                serde_json::from_value(row.data).map_err(|error| session_store::Error::Decode(error.to_string()))?;
            Ok(Record { id: *id, data, expiry_date: row.expires_at })
        })
        .transpose()
    }

    async fn delete(&self, id: &Id) -> session_store::Result<()> {
        sqlx::query!("delete from sessions where id_hash = $1", key(id)).execute(&self.0).await.map_err(backend)?;
        Ok(())
    }
}

/// Who is signed in, as the session keeps it.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct SignedIn {
    user: UserId,
    /// The account's epoch at the sign-in.
    epoch: i32,
    at: Timestamp,
    seen_at: Timestamp,
}

/// Whose password was right, before the code.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct HalfSignedIn {
    user: UserId,
    epoch: i32,
    at: Timestamp,
    /// The path to go to afterwards.
    next: Option<String>,
}

/// An account and the moment, as a sign-in needs them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Epoch {
    pub(super) user: UserId,
    /// How often the account called its sessions in.
    pub(super) number: i32,
    pub(super) now: Timestamp,
}

/// Signs the browser in, under a new session id; what the session held before is gone.
pub(super) async fn sign_in(session: &Session, epoch: Epoch) -> Result<(), AppError> {
    let Epoch { user, number, now } = epoch;
    renew(session).await?;
    Ok(session.insert(ACCOUNT, SignedIn { user, epoch: number, at: now, seen_at: now }).await?)
}

/// Remembers that the password was right, under a new session id.
pub(super) async fn half_sign_in(session: &Session, epoch: Epoch, next: Option<String>) -> Result<(), AppError> {
    let Epoch { user, number, now } = epoch;
    renew(session).await?;
    Ok(session.insert(HALF_ACCOUNT, HalfSignedIn { user, epoch: number, at: now, next }).await?)
}

async fn renew(session: &Session) -> Result<(), AppError> {
    session.clear().await;
    Ok(session.cycle_id().await?)
}

/// Ends the session, in the database too.
pub(super) async fn sign_out(session: &Session) -> Result<(), AppError> {
    Ok(session.flush().await?)
}

/// The account whose password was right in this session a moment ago, and the path to go to afterwards.
pub(super) async fn half_signed_in(
    pool: &PgPool,
    session: &Session,
) -> Result<Option<(Epoch, Option<String>)>, AppError> {
    let Some(half) = session.get::<HalfSignedIn>(HALF_ACCOUNT).await? else { return Ok(None) };
    let Some(account) = standing(pool, half.user).await? else { return Ok(None) };
    let fresh = account.now.micros_since(half.at) <= micros(HALF);
    let epoch = Epoch { user: half.user, number: half.epoch, now: account.now };
    Ok((fresh && account.epoch == half.epoch).then_some((epoch, half.next)))
}

/// The account that is signed in, where the session still counts; marks the session as used.
pub(super) async fn signed_in(pool: &PgPool, session: &Session) -> Result<Option<(UserId, Role)>, AppError> {
    let Some(signed_in) = session.get::<SignedIn>(ACCOUNT).await? else { return Ok(None) };
    let Some(account) = standing(pool, signed_in.user).await? else { return Ok(None) };
    if !counts(&signed_in, account.epoch, account.now) {
        return Ok(None);
    }
    if account.now.micros_since(signed_in.seen_at) >= micros(TOUCH) {
        session.insert(ACCOUNT, SignedIn { seen_at: account.now, ..signed_in }).await?;
    }
    Ok(Some((signed_in.user, account.role)))
}

fn counts(signed_in: &SignedIn, epoch: i32, now: Timestamp) -> bool {
    signed_in.epoch == epoch
        && now.micros_since(signed_in.at) < micros(LONGEST)
        && now.micros_since(signed_in.seen_at) < micros(IDLE)
}

fn micros(duration: time::Duration) -> i64 {
    i64::try_from(duration.whole_microseconds()).unwrap_or(i64::MAX)
}

/// What decides whether an account's sessions count.
struct Standing {
    role: Role,
    epoch: i32,
    now: Timestamp,
}

async fn standing(pool: &PgPool, user: UserId) -> Result<Option<Standing>, AppError> {
    let row = sqlx::query!(r#"select role, session_epoch, mooring_now() as "now!" from users where id = $1"#, user.0,)
        .fetch_optional(pool)
        .await?;
    Ok(row.map(|row| Standing {
        role: Role::from_code(&row.role).unwrap_or(Role::Member),
        epoch: row.session_epoch,
        now: row.now.into(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_counts_until_it_is_idle_old_or_called_in() {
        const DAY: i64 = 86_400;
        let start = Timestamp::from_micros(1_787_409_125_000_000);
        let session = |seen_day: i64| SignedIn {
            user: UserId(uuid::Uuid::nil()),
            epoch: 3,
            at: start,
            seen_at: start.plus_seconds(seen_day * DAY),
        };
        for (seen_day, epoch, now_s, wanted) in [
            (0, 3, 0, true),
            (0, 3, 14 * DAY - 1, true),
            (0, 3, 14 * DAY, false),
            (10, 3, 23 * DAY, true),
            (29, 3, 30 * DAY - 1, true),
            (29, 3, 30 * DAY, false),
            (0, 4, 0, false),
        ] {
            assert_eq!(
                counts(&session(seen_day), epoch, start.plus_seconds(now_s)),
                wanted,
                "{seen_day} {epoch} {now_s}"
            );
        }
    }
}
