//! Who is asking. [`caller`] is the guard that every function stands behind; the other files look up
//! accounts, sessions and tokens before there is one, through a handle of their own.

pub mod accounts;
pub mod administration;
pub mod caller;
mod code;
mod origin;
mod password_hash;
pub mod second_factor;
pub mod session;
pub mod shown_once;
mod throttle;
pub mod tokens;
mod visit;

use http::HeaderMap;

pub use caller::{Caller, Origin, Tx};
pub use visit::{Visit, is_plain_form};

use crate::{error::AppError, server::state::AppState};
use caller::Credential;

/// The guard: whoever is signed in to the session of the server function or page that runs now.
///
/// # Errors
///
/// [`AppError::Unauthenticated`] without a session that counts, [`AppError::Forbidden`] for a change that
/// another site asked for, [`AppError::Unavailable`] where our own database is away.
pub async fn caller() -> Result<Caller, AppError> {
    maybe_caller().await?.ok_or(AppError::Unauthenticated)
}

/// As [`caller`], for what is there without an account too.
///
/// # Errors
///
/// As [`caller`], but for the first.
pub async fn maybe_caller() -> Result<Option<Caller>, AppError> {
    of_visit(&Visit::current()?).await
}

/// As [`maybe_caller`], for routes beside the pages that have a session: the stream of changes.
///
/// # Errors
///
/// [`AppError::Unavailable`] where our own database is away.
pub async fn caller_from_session(
    state: &AppState,
    session: &tower_sessions::Session,
    origin: Origin,
) -> Result<Caller, AppError> {
    let (id, role) = session::signed_in(state.database().pool(), session).await?.ok_or(AppError::Unauthenticated)?;
    Ok(Caller::user(state, id, role, Credential::Session, origin))
}

async fn of_visit(visit: &Visit) -> Result<Option<Caller>, AppError> {
    let signed_in = session::signed_in(visit.state().database().pool(), visit.session()).await?;
    Ok(signed_in.map(|(id, role)| Caller::user(visit.state(), id, role, Credential::Session, visit.origin().clone())))
}

/// The guard of the HTTP API: whose token came in `Authorization: Bearer` or `apikey`. What the token's scope
/// allows is for the route to ask.
///
/// # Errors
///
/// [`AppError::Unauthenticated`] without a token that counts, [`AppError::Unavailable`] where our own
/// database is away.
pub async fn caller_from_token(state: &AppState, headers: &HeaderMap, origin: Origin) -> Result<Caller, AppError> {
    let token = tokens::from_headers(headers).ok_or(AppError::Unauthenticated)?;
    let known = tokens::look_up(state.database().pool(), token).await?.ok_or(AppError::Unauthenticated)?;
    Ok(Caller::user(state, known.user, known.role, Credential::Token(known.id, known.scope), origin))
}
