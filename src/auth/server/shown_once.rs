//! What is shown once, for a browser without JavaScript: it comes back to the page by a redirect, and what was
//! made for it (a token, recovery codes) waits in the session, sealed, for that one look.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{Caller, Visit};
use crate::{auth::NewToken, error::AppError, timestamp::Timestamp};

/// So long it waits, in microseconds: a redirect takes no longer, and what is not fetched is not kept.
const WAITS_MICROS: i64 = 60_000_000;
/// What the sealed value is bound to, beside the account.
const FIELD: &str = "shown_once";

/// What is made on one page and shown there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// A new API token.
    Token,
    /// New recovery codes.
    RecoveryCodes,
}

impl Shown {
    const fn key(self) -> &'static str {
        match self {
            Self::Token => "new_token",
            Self::RecoveryCodes => "new_recovery_codes",
        }
    }
}

/// As it lies in the session, which is a row of our database.
#[derive(Serialize, Deserialize)]
struct Waiting {
    at: Timestamp,
    sealed: Vec<u8>,
}

/// Keeps a new token for the page that the browser is led back to, where it is one without JavaScript.
///
/// # Errors
///
/// Where it cannot be sealed or kept: the token would be lost.
pub async fn keep_token(caller: &Caller, visit: &Visit, token: &NewToken) -> Result<(), AppError> {
    keep(caller, visit, Shown::Token, token).await
}

/// As [`keep_token`], for recovery codes.
///
/// # Errors
///
/// As [`keep_token`].
pub async fn keep_recovery_codes(caller: &Caller, visit: &Visit, codes: &[String]) -> Result<(), AppError> {
    keep(caller, visit, Shown::RecoveryCodes, codes).await
}

async fn keep<T: Serialize + ?Sized>(caller: &Caller, visit: &Visit, shown: Shown, value: &T) -> Result<(), AppError> {
    if !visit.is_plain_form() {
        return Ok(());
    }
    let id = caller.user_id()?;
    let text = serde_json::to_vec(value).map_err(|error| AppError::internal(&error))?;
    let sealed = caller.state().vault().seal_bytes(id.0, id, FIELD, &text)?;
    Ok(visit.session().insert(shown.key(), Waiting { at: caller.clock().now(), sealed }).await?)
}

/// Takes what waits; a second look finds nothing, and nor does one that comes late.
///
/// # Errors
///
/// Where the session cannot be read, or what waits cannot be opened.
pub async fn take<T: DeserializeOwned>(caller: &Caller, visit: &Visit, shown: Shown) -> Result<Option<T>, AppError> {
    let Some(waiting) = visit.session().remove::<Waiting>(shown.key()).await? else { return Ok(None) };
    if caller.clock().now().micros_since(waiting.at) > WAITS_MICROS {
        return Ok(None);
    }
    let id = caller.user_id()?;
    let text = caller.state().vault().open_bytes(id.0, id, FIELD, &waiting.sealed)?;
    serde_json::from_slice(&text).map(Some).map_err(|error| AppError::internal(&error))
}
