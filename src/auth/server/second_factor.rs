//! The second factor: time-based codes (RFC 6238: SHA-1, six digits, 30 s) and recovery codes.
//!
//! The key is sealed in the vault and counts once a first code has shown that the app has it. A code works
//! once: the step of the last one is kept, and only later ones pass.

use std::fmt::Write as _;

use qrcode::{Color, EcLevel, QrCode};
use rand::RngCore;
use sqlx::PgPool;
use subtle::ConstantTimeEq;
use totp_rs::{Algorithm, TOTP};

use super::{
    Caller, Visit,
    accounts::{audit, complete_sign_in, confirm_password, count_try, known_device},
    code,
    session::{self, Epoch},
    shown_once,
    throttle::{Purpose, Trier},
};
use crate::{
    audit::{
        Outcome,
        server::{Actor, Entry, record},
    },
    auth::{SecondFactor, TotpKey},
    connections::settings::Secret,
    error::AppError,
    ids::UserId,
    server::{state::AppState, vault::rotate::TOTP_SECRET},
};

/// How many recovery codes are made at once.
const RECOVERY_CODES: usize = 10;
/// 160 bits, as long as the hash (RFC 4226, section 4).
const KEY_BYTES: usize = 20;
const STEP_S: i64 = 30;
const DIGITS: usize = 6;

#[derive(Debug, thiserror::Error)]
enum TotpError {
    #[error("the key cannot be used for codes: {0}")]
    Key(#[from] totp_rs::TotpUrlError),
    #[error("the QR code could not be drawn: {0}")]
    Qr(#[from] qrcode::types::QrError),
}

impl From<TotpError> for AppError {
    fn from(error: TotpError) -> Self {
        Self::internal(&error)
    }
}

fn totp(key: &[u8], email: &str) -> Result<TOTP, TotpError> {
    let step = STEP_S.unsigned_abs();
    Ok(TOTP::new(Algorithm::SHA1, DIGITS, 1, step, key.to_vec(), Some("Mooring".to_owned()), email.to_owned())?)
}

/// The step of which `typed` is the code, among the present one and its two neighbours, where it comes after
/// the `last` one that was used.
fn matching_step(totp: &TOTP, typed: &str, now_s: i64, last: Option<i64>) -> Option<i64> {
    let typed: String = typed.chars().filter(|c| !c.is_whitespace()).collect();
    let present = now_s.div_euclid(STEP_S);
    (present - 1..=present + 1).filter(|step| last.is_none_or(|last| *step > last)).find(|step| {
        let code = totp.generate(u64::try_from(step * STEP_S).unwrap_or_default());
        bool::from(code.as_bytes().ct_eq(typed.as_bytes()))
    })
}

fn describe(totp: &TOTP) -> Result<TotpKey, TotpError> {
    let qr = QrCode::with_error_correction_level(totp.get_url().as_bytes(), EcLevel::M)?;
    let width = qr.width();
    let mut qr_path = String::new();
    for (index, color) in qr.to_colors().into_iter().enumerate() {
        if color == Color::Dark {
            // Writing into a string cannot fail.
            let _ = write!(qr_path, "M{} {}h1v1h-1z", index % width, index / width);
        }
    }
    Ok(TotpKey { key: totp.get_secret_base32(), qr_size: u32::try_from(width).unwrap_or_default(), qr_path })
}

/// The second factor as it is stored.
struct Stored {
    email: String,
    key: Option<Vec<u8>>,
    confirmed: bool,
    last_step: Option<i64>,
    now_s: i64,
}

async fn find(connection: &mut sqlx::PgConnection, id: UserId) -> Result<Stored, AppError> {
    let row = sqlx::query!(
        r#"select email, totp_secret, totp_confirmed_at, totp_last_step, mooring_now() as "now!"
             from users
            where id = $1
              for update"#,
        id.0,
    )
    .fetch_optional(connection)
    .await?
    .ok_or(AppError::Unauthenticated)?;
    Ok(Stored {
        email: row.email,
        key: row.totp_secret,
        confirmed: row.totp_confirmed_at.is_some(),
        last_step: row.totp_last_step,
        now_s: row.now.unix_timestamp(),
    })
}

impl Stored {
    fn totp(&self, state: &AppState, id: UserId) -> Result<Option<TOTP>, AppError> {
        let Some(sealed) = &self.key else { return Ok(None) };
        let key =
            state.vault().open_bytes(id.0, id, TOTP_SECRET, sealed).map_err(|error| AppError::internal(&error))?;
        Ok(Some(totp(&key, &self.email)?))
    }
}

/// Where one's own second factor stands.
///
/// # Errors
///
/// [`AppError::Unavailable`] where our own database is away.
pub async fn state(caller: &Caller) -> Result<SecondFactor, AppError> {
    let id = caller.user_id()?;
    let mut tx = caller.state().database().pool().begin().await?;
    let stored = find(&mut tx, id).await?;
    if stored.confirmed {
        let row = sqlx::query!(
            r#"select count(*) as "left!" from recovery_codes where user_id = $1 and used_at is null"#,
            id.0,
        )
        .fetch_one(&mut *tx)
        .await?;
        return Ok(SecondFactor::On { recovery_codes_left: u32::try_from(row.left).unwrap_or_default() });
    }
    Ok(match stored.totp(caller.state(), id)? {
        Some(totp) => SecondFactor::Pending(describe(&totp)?),
        None => SecondFactor::Off,
    })
}

/// Makes a key for an authenticator app; it counts once [`confirm`] has seen a code.
///
/// # Errors
///
/// [`AppError::Invalid`] for `current`, [`AppError::Conflict`] where there is a second factor already.
pub async fn begin(caller: &Caller, visit: &Visit, current: &Secret) -> Result<(), AppError> {
    let id = caller.user_id()?;
    confirm_password(caller, visit, current, "current", "second_factor.begin").await?;
    let mut key = [0_u8; KEY_BYTES];
    rand::rng().fill_bytes(&mut key);
    let sealed =
        caller.state().vault().seal_bytes(id.0, id, TOTP_SECRET, &key).map_err(|error| AppError::internal(&error))?;
    let mut tx = caller.state().database().pool().begin().await?;
    let begun = sqlx::query!(
        "update users set totp_secret = $2, totp_last_step = null where id = $1 and totp_confirmed_at is null",
        id.0,
        sealed,
    )
    .execute(&mut *tx)
    .await?;
    if begun.rows_affected() == 0 {
        return Err(AppError::Conflict("Two-factor sign-in is on already. Turn it off first.".to_owned()));
    }
    record(&mut tx, caller, Entry::new("second_factor.begin", Outcome::Success)).await?;
    Ok(tx.commit().await?)
}

/// Turns the second factor on with a first code; returns the recovery codes, this once.
///
/// # Errors
///
/// [`AppError::Invalid`] for `code`, [`AppError::Conflict`] without a key that waits for it.
pub async fn confirm(caller: &Caller, visit: &Visit, typed: &str) -> Result<Vec<String>, AppError> {
    let id = caller.user_id()?;
    let mut tx = caller.state().database().pool().begin().await?;
    let stored = find(&mut tx, id).await?;
    let waiting = if stored.confirmed { None } else { stored.totp(caller.state(), id)? };
    let Some(totp) = waiting else {
        return Err(AppError::Conflict("There is no key that waits for a first code.".to_owned()));
    };
    // Who guesses here gains nothing that the page does not show, so tries are not counted.
    let Some(step) = matching_step(&totp, typed, stored.now_s, stored.last_step) else {
        let message = "This is not the code that the app shows now. Check that the clock of the phone is right.";
        return Err(AppError::invalid("code", message));
    };
    sqlx::query!("update users set totp_confirmed_at = mooring_now(), totp_last_step = $2 where id = $1", id.0, step)
        .execute(&mut *tx)
        .await?;
    let codes = replace_recovery_codes(&mut tx, id).await?;
    record(&mut tx, caller, Entry::new("second_factor.enable", Outcome::Success)).await?;
    tx.commit().await?;
    shown_once::keep_recovery_codes(caller, visit, &codes).await?;
    Ok(codes)
}

async fn replace_recovery_codes(connection: &mut sqlx::PgConnection, id: UserId) -> Result<Vec<String>, AppError> {
    let codes: Vec<String> = (0..RECOVERY_CODES).map(|_| code::generate(&mut rand::rng())).collect();
    let hashes: Vec<Vec<u8>> = codes.iter().filter_map(|code| code::hash(code)).collect();
    sqlx::query!("delete from recovery_codes where user_id = $1", id.0).execute(&mut *connection).await?;
    sqlx::query!("insert into recovery_codes (user_id, code_hash) select $1, unnest($2::bytea[])", id.0, &hashes)
        .execute(connection)
        .await?;
    Ok(codes)
}

/// Makes new recovery codes in place of the old ones; returns them, this once.
///
/// # Errors
///
/// [`AppError::Invalid`] for `current`, [`AppError::Conflict`] without a second factor.
pub async fn renew_recovery_codes(caller: &Caller, visit: &Visit, current: &Secret) -> Result<Vec<String>, AppError> {
    let id = caller.user_id()?;
    confirm_password(caller, visit, current, "current", "second_factor.recovery_codes").await?;
    let mut tx = caller.state().database().pool().begin().await?;
    if !find(&mut tx, id).await?.confirmed {
        return Err(AppError::Conflict("Two-factor sign-in is off.".to_owned()));
    }
    let codes = replace_recovery_codes(&mut tx, id).await?;
    record(&mut tx, caller, Entry::new("second_factor.recovery_codes", Outcome::Success)).await?;
    tx.commit().await?;
    shown_once::keep_recovery_codes(caller, visit, &codes).await?;
    Ok(codes)
}

/// Turns the second factor off, or drops a key that waits for its first code.
///
/// # Errors
///
/// [`AppError::Invalid`] for `confirmation`.
pub async fn disable(caller: &Caller, visit: &Visit, confirmation: &Secret) -> Result<(), AppError> {
    let id = caller.user_id()?;
    confirm_password(caller, visit, confirmation, "confirmation", "second_factor.disable").await?;
    let mut tx = caller.state().database().pool().begin().await?;
    sqlx::query!(
        "update users set totp_secret = null, totp_confirmed_at = null, totp_last_step = null where id = $1",
        id.0,
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!("delete from recovery_codes where user_id = $1", id.0).execute(&mut *tx).await?;
    record(&mut tx, caller, Entry::new("second_factor.disable", Outcome::Success)).await?;
    Ok(tx.commit().await?)
}

/// The second step of a sign-in: a code of the app or a recovery code. Returns the path that the sign-in was
/// meant to lead to.
///
/// # Errors
///
/// [`AppError::Invalid`] for `code`, [`AppError::TooManyRequests`], [`AppError::Unauthenticated`] where the
/// password was not given in the last ten minutes.
pub async fn second_step(visit: &Visit, typed: &str) -> Result<Option<String>, AppError> {
    let pool = visit.state().database().pool();
    let (epoch, next) = session::half_signed_in(pool, visit.session()).await?.ok_or(AppError::Unauthenticated)?;
    let account = epoch.user.to_string();
    let device = known_device(visit, Some(epoch.user)).await?;
    let trier = Trier { account: Some(&account), network: visit.origin().network(), device };
    let about = (Some(epoch.user), visit.origin());
    let counted = count_try(visit.state(), Purpose::SecondFactor, trier, about, "account.sign_in").await?;
    let Some(factor) = use_code(pool, visit.state(), epoch, typed).await? else {
        let actor = Actor::visitor(Some(epoch.user), visit.origin().clone());
        audit(visit.state(), actor, Entry::new("account.sign_in", Outcome::Failed).detail("step", "code")).await?;
        let message = "This code is not right, or it was used already. Wait for the next one, or use a recovery code.";
        return Err(AppError::invalid("code", message));
    };
    counted.forgive(pool).await?;
    complete_sign_in(visit, epoch, factor).await?;
    Ok(next)
}

/// Whether a second step is due in this session: the page is shown only then.
///
/// # Errors
///
/// [`AppError::Unavailable`] where our own database is away.
pub async fn is_due(visit: &Visit) -> Result<bool, AppError> {
    Ok(session::half_signed_in(visit.state().database().pool(), visit.session()).await?.is_some())
}

/// Uses `typed` up, where it is a code that counts; says which kind.
async fn use_code(
    pool: &PgPool,
    state: &AppState,
    epoch: Epoch,
    typed: &str,
) -> Result<Option<&'static str>, AppError> {
    let id = epoch.user;
    let mut tx = pool.begin().await?;
    // Holds the row, so that of two that bring the same code at once, one comes second.
    let stored = find(&mut tx, id).await?;
    let Some(totp) = stored.totp(state, id)?.filter(|_| stored.confirmed) else { return Ok(None) };
    if let Some(step) = matching_step(&totp, typed, stored.now_s, stored.last_step) {
        sqlx::query!("update users set totp_last_step = $2 where id = $1", id.0, step).execute(&mut *tx).await?;
        tx.commit().await?;
        return Ok(Some("code"));
    }
    let Some(hash) = code::hash(typed) else { return Ok(None) };
    let used = sqlx::query!(
        "update recovery_codes set used_at = mooring_now() where user_id = $1 and code_hash = $2 and used_at is null",
        id.0,
        hash,
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok((used.rows_affected() == 1).then_some("recovery code"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_standard() {
        // RFC 6238, appendix B; eight digits there, the last six here.
        let totp = totp(b"12345678901234567890", "ada@example.org").expect("a key");
        for (now_s, code) in [(59, "287082"), (1_111_111_109, "081804"), (20_000_000_000, "353130")] {
            assert_eq!(matching_step(&totp, code, now_s, None), Some(now_s / 30), "{now_s}");
        }
    }

    #[test]
    fn a_code_works_once_and_only_around_its_time() {
        let totp = totp(b"12345678901234567890", "ada@example.org").expect("a key");
        let code = totp.generate(59);
        for (now_s, last, wanted) in [
            (59, None, Some(1)),
            (30 + 59, None, Some(1)),
            (29, None, Some(1)),
            (60 + 59, None, None),
            (59, Some(0), Some(1)),
            (59, Some(1), None),
            (59, Some(2), None),
        ] {
            assert_eq!(matching_step(&totp, &code, now_s, last), wanted, "{now_s} {last:?}");
        }
        assert_eq!(matching_step(&totp, " 287 082 ", 59, None), Some(1));
        assert_eq!(matching_step(&totp, "", 59, None), None);
    }

    #[test]
    fn the_key_is_drawn_and_spelt() {
        let totp = totp(b"12345678901234567890", "ada@example.org").expect("a key");
        let key = describe(&totp).expect("drawn");
        assert_eq!(key.key, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        assert!(key.qr_size >= 21);
        assert!(key.qr_path.starts_with("M0 0h1v1h-1z"));
    }
}
