//! Server functions of accounts. Those in [`PUBLIC_SERVER_FNS`] answer anyone; the others stand behind the guard.

#![expect(
    missing_docs,
    reason = "the macro makes a struct of each function's arguments, which the function's docs describe"
)]

use leptos::{prelude::*, server_fn::ServerFn};

use super::{
    AccountSummary, ApiToken, Disposal, FirstRun, KeptToken, Me, NewToken, Role, Scope, SecondFactor, SignInStep,
};
use crate::{
    error::AppError,
    ids::{TokenId, UserId},
};

/// The paths of the server functions that answer without a session: what it takes to get one.
pub const PUBLIC_SERVER_FNS: [&str; 6] =
    [GetMe::PATH, GetFirstRun::PATH, SignUp::PATH, SignIn::PATH, IsSecondStepDue::PATH, SecondStep::PATH];

/// The account that is signed in, if one is.
///
/// # Errors
///
/// [`AppError::Unavailable`] where Mooring's own database is away.
#[server]
pub async fn get_me() -> Result<Option<Me>, AppError> {
    match crate::auth::server::maybe_caller().await? {
        Some(caller) => super::server::accounts::me(&caller).await.map(Some),
        None => Ok(None),
    }
}

/// Whether there is an account, and whether one can be made.
///
/// # Errors
///
/// [`AppError::Unavailable`] where Mooring's own database is away.
#[server]
pub async fn get_first_run() -> Result<FirstRun, AppError> {
    super::server::accounts::first_run(&super::server::Visit::current()?).await
}

/// Makes an account and signs in to it; the board offers the first one to watch Mooring's own database.
///
/// # Errors
///
/// [`AppError::Invalid`] for `email`, `password` or `code`; [`AppError::Forbidden`] where none can be made.
#[server]
pub async fn sign_up(email: String, password: String, code: Option<String>) -> Result<(), AppError> {
    let visit = super::server::Visit::current()?;
    let made = super::server::accounts::sign_up(
        &visit,
        &email,
        &crate::connections::settings::Secret::new(password),
        code.as_deref(),
    )
    .await;
    visit.keep_typed(&made, &[("email", &email)]);
    made?;
    leptos_axum::redirect("/");
    Ok(())
}

/// Signs in, or half-way where a code must follow; `next` is the path to go to.
///
/// # Errors
///
/// [`AppError::Invalid`] where e-mail address and password do not fit; [`AppError::TooManyRequests`].
#[server]
pub async fn sign_in(email: String, password: String, next: Option<String>) -> Result<SignInStep, AppError> {
    let visit = super::server::Visit::current()?;
    let step = super::server::accounts::sign_in(
        &visit,
        &email,
        &crate::connections::settings::Secret::new(password),
        next.as_deref(),
    )
    .await;
    visit.keep_typed(&step, &[("email", &email)]);
    let step = step?;
    leptos_axum::redirect(match step {
        SignInStep::Done => super::safe_next(next.as_deref()),
        SignInStep::CodeNeeded => "/sign-in/code",
    });
    Ok(step)
}

/// Whether the password was given and a code must follow.
///
/// # Errors
///
/// [`AppError::Unavailable`] where Mooring's own database is away.
#[server]
pub async fn is_second_step_due() -> Result<bool, AppError> {
    super::server::second_factor::is_due(&super::server::Visit::current()?).await
}

/// The second step of a sign-in: a code of the authenticator app, or a recovery code.
///
/// # Errors
///
/// [`AppError::Invalid`] for `code`; [`AppError::Unauthenticated`] where the password is too long ago.
#[server]
pub async fn second_step(code: String) -> Result<(), AppError> {
    let next = super::server::second_factor::second_step(&super::server::Visit::current()?, &code).await?;
    leptos_axum::redirect(super::safe_next(next.as_deref()));
    Ok(())
}

/// Ends this session.
///
/// # Errors
///
/// [`AppError::Unauthenticated`] without one.
#[server]
pub async fn sign_out() -> Result<(), AppError> {
    let caller = crate::auth::server::caller().await?;
    super::server::accounts::sign_out(&caller, &super::server::Visit::current()?).await?;
    leptos_axum::redirect("/sign-in");
    Ok(())
}

/// Ends every session of this account.
///
/// # Errors
///
/// [`AppError::Unauthenticated`] without a session.
#[server]
pub async fn sign_out_everywhere() -> Result<(), AppError> {
    let caller = crate::auth::server::caller().await?;
    super::server::accounts::sign_out_everywhere(&caller, &super::server::Visit::current()?).await?;
    leptos_axum::redirect("/sign-in");
    Ok(())
}

/// Changes the password; every other session ends.
///
/// # Errors
///
/// [`AppError::Invalid`] for `current` or `password`.
#[server]
pub async fn change_password(current: String, password: String) -> Result<(), AppError> {
    let caller = crate::auth::server::caller().await?;
    let visit = super::server::Visit::current()?;
    super::server::accounts::change_password(
        &caller,
        &visit,
        &crate::connections::settings::Secret::new(current),
        &crate::connections::settings::Secret::new(password),
    )
    .await
}

/// Where the second factor of one's own account stands.
///
/// # Errors
///
/// [`AppError::Unauthenticated`] without a session.
#[server]
pub async fn get_second_factor() -> Result<SecondFactor, AppError> {
    let caller = crate::auth::server::caller().await?;
    super::server::second_factor::state(&caller).await
}

/// Makes a key for an authenticator app.
///
/// # Errors
///
/// [`AppError::Invalid`] for `current`; [`AppError::Conflict`] where there is a second factor already.
#[server]
pub async fn begin_second_factor(current: String) -> Result<(), AppError> {
    let caller = crate::auth::server::caller().await?;
    super::server::second_factor::begin(
        &caller,
        &super::server::Visit::current()?,
        &crate::connections::settings::Secret::new(current),
    )
    .await
}

/// Turns the second factor on with a first code; returns the recovery codes, this once.
///
/// # Errors
///
/// [`AppError::Invalid`] for `code`.
#[server]
pub async fn confirm_second_factor(code: String) -> Result<Vec<String>, AppError> {
    let caller = crate::auth::server::caller().await?;
    super::server::second_factor::confirm(&caller, &super::server::Visit::current()?, &code).await
}

/// The recovery codes that were made by a form without JavaScript, this once.
///
/// # Errors
///
/// [`AppError::Unauthenticated`] without a session.
#[server]
pub async fn take_recovery_codes() -> Result<Option<Vec<String>>, AppError> {
    use super::server::shown_once::{Shown, take};
    let caller = crate::auth::server::caller().await?;
    take(&caller, &super::server::Visit::current()?, Shown::RecoveryCodes).await
}

/// Makes new recovery codes; returns them, this once.
///
/// # Errors
///
/// [`AppError::Invalid`] for `current`.
#[server]
pub async fn renew_recovery_codes(current: String) -> Result<Vec<String>, AppError> {
    let caller = crate::auth::server::caller().await?;
    super::server::second_factor::renew_recovery_codes(
        &caller,
        &super::server::Visit::current()?,
        &crate::connections::settings::Secret::new(current),
    )
    .await
}

/// Turns the second factor off.
///
/// # Errors
///
/// [`AppError::Invalid`] for `confirmation`.
#[server]
pub async fn disable_second_factor(confirmation: String) -> Result<(), AppError> {
    let caller = crate::auth::server::caller().await?;
    super::server::second_factor::disable(
        &caller,
        &super::server::Visit::current()?,
        &crate::connections::settings::Secret::new(confirmation),
    )
    .await
}

/// One's own API tokens.
///
/// # Errors
///
/// [`AppError::Unauthenticated`] without a session.
#[server]
pub async fn list_tokens() -> Result<Vec<ApiToken>, AppError> {
    let caller = crate::auth::server::caller().await?;
    super::server::tokens::list(&caller).await
}

/// Makes an API token and shows it, this once.
///
/// # Errors
///
/// [`AppError::Invalid`] for `name`.
#[server]
pub async fn create_token(name: String, scope: Scope) -> Result<NewToken, AppError> {
    let caller = crate::auth::server::caller().await?;
    let visit = super::server::Visit::current()?;
    let token = super::server::tokens::create(&caller, &name, scope).await;
    visit.keep_typed(&token, &[("name", &name), ("scope", scope.code())]);
    let token = token?;
    super::server::shown_once::keep_token(&caller, &visit, &token).await?;
    Ok(token)
}

/// What a form without JavaScript came to: the token that it made, this once, or what was typed.
///
/// # Errors
///
/// [`AppError::Unauthenticated`] without a session.
#[server]
pub async fn take_new_token() -> Result<KeptToken, AppError> {
    use super::server::shown_once::{Shown, take};
    let caller = crate::auth::server::caller().await?;
    let visit = super::server::Visit::current()?;
    let made = take(&caller, &visit, Shown::Token).await?;
    let scope = visit.typed("scope").and_then(|code| Scope::from_code(&code));
    Ok(KeptToken { made, name: visit.typed("name").unwrap_or_default(), scope: scope.unwrap_or(Scope::Full) })
}

/// Ends an API token at once.
///
/// # Errors
///
/// [`AppError::NotFound`] where it is not there or not one's own.
#[server]
pub async fn revoke_token(id: TokenId) -> Result<(), AppError> {
    let caller = crate::auth::server::caller().await?;
    super::server::tokens::revoke(&caller, id).await
}

/// Every account, for administrators.
///
/// # Errors
///
/// [`AppError::Forbidden`] for anyone else.
#[server]
pub async fn list_accounts() -> Result<Vec<AccountSummary>, AppError> {
    let caller = crate::auth::server::caller().await?;
    super::server::administration::list(&caller).await
}

/// Gives an account a role.
///
/// # Errors
///
/// [`AppError::Forbidden`] for anyone but administrators; [`AppError::Conflict`] for the last of them.
#[server]
pub async fn change_role(account: UserId, role: Role) -> Result<(), AppError> {
    let caller = crate::auth::server::caller().await?;
    super::server::administration::change_role(&caller, account, role).await
}

/// Removes an account; says what becomes of its connections where it has any.
///
/// # Errors
///
/// [`AppError::Forbidden`] for anyone but administrators; [`AppError::Invalid`] for `connections` or
/// `transfer_to`; [`AppError::Conflict`] for the last administrator.
#[server]
pub async fn remove_account(
    account: UserId,
    connections: Option<Disposal>,
    transfer_to: Option<UserId>,
) -> Result<(), AppError> {
    let caller = crate::auth::server::caller().await?;
    super::server::administration::remove(&caller, account, connections, transfer_to).await?;
    leptos_axum::redirect("/admin/accounts");
    Ok(())
}
