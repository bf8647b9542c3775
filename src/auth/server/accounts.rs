//! Accounts: making them, signing in and out, changing the password.
//!
//! What a stranger is told is the same whether an account is there or not, after the same time. Making an
//! account where anyone may is the exception: that an address is taken cannot be hidden without mail.

use serde_json::Value;
use sqlx::{PgConnection, PgPool};

use super::{
    Caller, Origin, Visit,
    caller::Credential,
    code, password_hash,
    session::{self, Epoch},
    throttle::{self, Purpose, Trier, Try},
};
use crate::{
    audit::{
        Outcome,
        server::{Actor, Entry, record},
    },
    auth::{FirstRun, Me, Role, SignInStep, SignUpState, email, password},
    connections::settings::Secret,
    error::AppError,
    ids::UserId,
    server::{
        config::{Config, SignUp},
        state::AppState,
    },
};

/// The row of `mooring_facts` with the hashes of the codes that the first sign-up is asked for.
const SIGN_UP_CODES: &str = "sign_up_codes";
/// How many processes may have printed a code; the oldest makes room.
const CODES: usize = 20;

/// An account as a sign-in needs it.
struct Stored {
    id: UserId,
    password_hash: String,
    epoch: Epoch,
    second_factor: bool,
}

async fn find_by_email(pool: &PgPool, email: &str) -> Result<Option<Stored>, AppError> {
    let row = sqlx::query!(
        r#"select id, password_hash, session_epoch, totp_confirmed_at is not null as "second_factor!",
                  mooring_now() as "now!"
             from users
            where lower(email) = lower($1)"#,
        email,
    )
    .fetch_optional(pool)
    .await?;
    Ok(row.map(|row| Stored {
        id: row.id.into(),
        password_hash: row.password_hash,
        epoch: Epoch { user: row.id.into(), number: row.session_epoch, now: row.now.into() },
        second_factor: row.second_factor,
    }))
}

/// The e-mail address and the password's hash of an account.
async fn find_password(pool: &PgPool, id: UserId) -> Result<(String, String), AppError> {
    let row = sqlx::query!("select email, password_hash from users where id = $1", id.0)
        .fetch_optional(pool)
        .await?
        .ok_or(AppError::Unauthenticated)?;
    Ok((row.email, row.password_hash))
}

async fn has_accounts(connection: &mut PgConnection) -> Result<bool, AppError> {
    let row = sqlx::query!(r#"select exists (select from users) as "any!""#).fetch_one(connection).await?;
    Ok(row.any)
}

/// Whether there is an account, and whether one can be made.
///
/// # Errors
///
/// [`AppError::Unavailable`] where our own database is away.
pub async fn first_run(visit: &Visit) -> Result<FirstRun, AppError> {
    let state = visit.state();
    let mut connection = state.database().pool().acquire().await?;
    let has_accounts = has_accounts(&mut connection).await?;
    let sign_up = sign_up_state(state.config(), has_accounts);
    Ok(FirstRun { has_accounts, sign_up, typed_email: visit.typed("email") })
}

fn sign_up_state(config: &Config, has_accounts: bool) -> SignUpState {
    match (config.sign_up, has_accounts) {
        (SignUp::Closed, _) | (SignUp::First, true) => SignUpState::Closed,
        (SignUp::First | SignUp::Open, false) => SignUpState::First { code_needed: is_beyond_loopback(config) },
        (SignUp::Open, true) => SignUpState::Open,
    }
}

/// Whether others than the users of this machine may reach the server: by its own address, or through a
/// proxy that the operator told of.
fn is_beyond_loopback(config: &Config) -> bool {
    !config.is_loopback()
        || config.public_url.as_ref().is_some_and(|url| !url.is_loopback())
        || !config.trusted_proxies.is_empty()
}

/// At the start, where there is no account and strangers may reach the server: prints the code in the log
/// that the first sign-up is asked for.
///
/// # Errors
///
/// [`AppError::Unavailable`] where our own database is away.
pub async fn announce_sign_up_code(state: &AppState) -> Result<(), AppError> {
    if let Some(code) = make_sign_up_code(state).await? {
        tracing::warn!("There is no account yet. Whoever makes the first one is asked for this code: {code}");
    }
    Ok(())
}

/// A new code for the first sign-up, where one is asked for. Each process has its own, and each is good at
/// all of them; only their hashes are kept.
///
/// # Errors
///
/// [`AppError::Unavailable`] where our own database is away.
pub async fn make_sign_up_code(state: &AppState) -> Result<Option<String>, AppError> {
    let mut tx = state.database().pool().begin().await?;
    lock_accounts(&mut tx).await?;
    let has_accounts = has_accounts(&mut tx).await?;
    if sign_up_state(state.config(), has_accounts) != (SignUpState::First { code_needed: true }) {
        return Ok(None);
    }
    let code = code::generate(&mut rand::rng());
    let mut hashes = sign_up_codes(&mut tx).await?;
    hashes.extend(code::hash(&code).map(|hash| code::hex(&hash)));
    let surplus = hashes.len().saturating_sub(CODES);
    hashes.drain(..surplus);
    sqlx::query!(
        "insert into mooring_facts (name, value) values ($1, $2)
         on conflict (name) do update set value = excluded.value, updated_at = mooring_now()",
        SIGN_UP_CODES,
        Value::from(hashes),
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(Some(code))
}

async fn sign_up_codes(connection: &mut PgConnection) -> Result<Vec<String>, AppError> {
    let row = sqlx::query!("select value from mooring_facts where name = $1", SIGN_UP_CODES)
        .fetch_optional(connection)
        .await?;
    Ok(row.and_then(|row| serde_json::from_value(row.value).ok()).unwrap_or_default())
}

/// Held until the end of the transaction by whoever makes an account, removes one, or changes a role: of two that
/// race, one is the first, and one administrator stays.
pub(super) async fn lock_accounts(connection: &mut PgConnection) -> Result<(), AppError> {
    sqlx::query!("select pg_advisory_xact_lock(hashtext('mooring: first account'))").execute(connection).await?;
    Ok(())
}

/// Checks an e-mail address and a password together, so that a form can show both errors at once.
fn check_new(email: &str, password: &Secret) -> Result<String, AppError> {
    let normal = email::normalize(email);
    let password = password::check("password", password.reveal(), normal.as_deref().unwrap_or_default());
    match (normal, password) {
        (Ok(email), Ok(())) => Ok(email),
        (email, password) => Err(AppError::Invalid(email.err().into_iter().chain(password.err()).collect())),
    }
}

/// Makes an account and signs the browser in to it. The first account is the administrator's.
///
/// # Errors
///
/// [`AppError::Invalid`] for `email`, `password` or `code`, [`AppError::Forbidden`] where no account can be
/// made, [`AppError::TooManyRequests`].
pub async fn sign_up(visit: &Visit, email: &str, password: &Secret, code: Option<&str>) -> Result<(), AppError> {
    let state = visit.state();
    let pool = state.database().pool();
    if first_run(visit).await?.sign_up == SignUpState::Closed {
        return refuse_sign_up(visit).await;
    }
    let email = check_new(email, password)?;
    let counted =
        Try::count(pool, Purpose::SignUp, Trier { account: None, network: visit.origin().network(), device: None })
            .await?;
    let hash = password_hash::hash(password).await?;

    let mut tx = pool.begin().await?;
    lock_accounts(&mut tx).await?;
    let has_accounts = has_accounts(&mut tx).await?;
    let role = match sign_up_state(state.config(), has_accounts) {
        SignUpState::Closed => {
            tx.rollback().await?;
            return refuse_sign_up(visit).await;
        }
        SignUpState::Open => Role::Member,
        SignUpState::First { code_needed } => {
            if code_needed && !is_sign_up_code(&mut tx, code).await? {
                tx.rollback().await?;
                audit_sign_up(visit, Outcome::Failed).await?;
                let message = "The code is not the one in the server's log. It stands in the line that says that there is no account yet.";
                return Err(AppError::invalid("code", message));
            }
            Role::Admin
        }
    };
    let id = insert(&mut tx, &email, &hash, role).await?;
    let actor = Actor::visitor(Some(id), visit.origin().clone());
    record(&mut tx, actor, Entry::new("account.create", Outcome::Success).detail("role", role.code())).await?;
    tx.commit().await?;
    // Where anyone may make an account, what one address makes stays counted.
    if role == Role::Admin {
        counted.forgive(pool).await?;
    }
    let epoch = find_by_email(pool, &email).await?.ok_or(AppError::NotFound)?.epoch;
    complete_sign_in(visit, epoch, "password").await
}

async fn is_sign_up_code(connection: &mut PgConnection, code: Option<&str>) -> Result<bool, AppError> {
    let Some(hash) = code.and_then(code::hash) else { return Ok(false) };
    Ok(sign_up_codes(connection).await?.contains(&code::hex(&hash)))
}

async fn refuse_sign_up<T>(visit: &Visit) -> Result<T, AppError> {
    audit_sign_up(visit, Outcome::Refused).await?;
    Err(AppError::Forbidden("No account can be made here. Ask an administrator for one.".to_owned()))
}

async fn audit_sign_up(visit: &Visit, outcome: Outcome) -> Result<(), AppError> {
    audit(visit.state(), Actor::visitor(None, visit.origin().clone()), Entry::new("account.create", outcome)).await
}

/// Counts a try; one that comes too soon is recorded as refused, unless many were just now: nobody is to flood
/// the log.
pub(super) async fn count_try(
    state: &AppState,
    purpose: Purpose,
    trier: Trier<'_>,
    (user, origin): (Option<UserId>, &Origin),
    action: &'static str,
) -> Result<Try, AppError> {
    let counted = Try::count(state.database().pool(), purpose, trier).await;
    if let Err(AppError::TooManyRequests(_)) = &counted
        && state.limits().may_record_refusal(origin, user)
    {
        audit(state, Actor::visitor(user, origin.clone()), Entry::new(action, Outcome::Refused)).await?;
    }
    counted
}

/// Records that something was refused, in a transaction of its own, unless many were just now. Where it cannot be
/// recorded, it is refused all the same.
pub(super) async fn record_refusal(caller: &Caller, entry: Entry) {
    if !caller.state().limits().may_record_refusal(caller.origin(), caller.user_id().ok()) {
        return;
    }
    if let Err(error) = audit(caller.state(), caller, entry).await {
        tracing::warn!("a refusal could not be recorded: {error}");
    }
}

/// Records what changed nothing, in a transaction of its own.
pub(super) async fn audit(state: &AppState, actor: impl Into<Actor>, entry: Entry) -> Result<(), AppError> {
    let mut tx = state.database().pool().begin().await?;
    record(&mut tx, actor, entry).await?;
    Ok(tx.commit().await?)
}

async fn insert(connection: &mut PgConnection, email: &str, hash: &str, role: Role) -> Result<UserId, AppError> {
    let row = sqlx::query!(
        "insert into users (email, password_hash, role) values ($1, $2, $3) returning id",
        email,
        hash,
        role.code(),
    )
    .fetch_one(&mut *connection)
    .await
    .map_err(|error| match error.as_database_error().and_then(sqlx::error::DatabaseError::constraint) {
        Some("users_email_key") => AppError::invalid("email", "There is an account with this e-mail address already."),
        _ => error.into(),
    })?;
    // Once there is an account, no code makes another.
    sqlx::query!("delete from mooring_facts where name = $1", SIGN_UP_CODES).execute(connection).await?;
    Ok(row.id.into())
}

/// Signs the browser in, where e-mail address and password are right; where the account has a second factor,
/// half-way: then the code must follow. `next` is the path to go to afterwards.
///
/// # Errors
///
/// [`AppError::Invalid`] where they are not, without saying which; [`AppError::TooManyRequests`] with the
/// seconds to wait.
pub async fn sign_in(
    visit: &Visit,
    email: &str,
    password: &Secret,
    next: Option<&str>,
) -> Result<SignInStep, AppError> {
    let pool = visit.state().database().pool();
    let email = email::normalize(email)?;
    if password.reveal().is_empty() {
        return Err(AppError::invalid("password", "Type your password."));
    }
    let account = find_by_email(pool, &email).await?;
    let device = known_device(visit, account.as_ref().map(|account| account.id)).await?;
    let trier = Trier { account: Some(&email), network: visit.origin().network(), device };
    let about = account.as_ref().map(|account| account.id);
    let counted =
        count_try(visit.state(), Purpose::Password, trier, (about, visit.origin()), "account.sign_in").await?;
    // What is longer than any password need not be hashed to be wrong, but it must take as long.
    let plausible = password.reveal().chars().take(password::LONGEST + 1).count() <= password::LONGEST;
    let hash = account.as_ref().filter(|_| plausible).map(|account| account.password_hash.as_str());
    let compared = if plausible { password.clone() } else { Secret::new("") };
    let right = password_hash::verify(&compared, hash).await?;
    let Some(account) = account.filter(|_| right) else {
        // The address that was typed is not recorded: people type passwords into that field.
        let actor = Actor::visitor(about, visit.origin().clone());
        audit(visit.state(), actor, Entry::new("account.sign_in", Outcome::Failed).detail("step", "password")).await?;
        return Err(AppError::invalid("password", "The e-mail address or the password is not right."));
    };
    counted.forgive(pool).await?;
    if account.second_factor {
        session::half_sign_in(visit.session(), account.epoch, next.map(str::to_owned)).await?;
        return Ok(SignInStep::CodeNeeded);
    }
    complete_sign_in(visit, account.epoch, "password").await?;
    Ok(SignInStep::Done)
}

/// The hash of the browser's device cookie, where it signed in to this account before.
pub(super) async fn known_device(visit: &Visit, user: Option<UserId>) -> Result<Option<&[u8]>, AppError> {
    let (Some(user), Some(device)) = (user, visit.device()) else { return Ok(None) };
    let known = throttle::is_known_device(visit.state().database().pool(), user, device).await?;
    Ok(known.then_some(device))
}

/// Signs the browser in for good: `factor` says what came last.
pub(super) async fn complete_sign_in(visit: &Visit, epoch: Epoch, factor: &'static str) -> Result<(), AppError> {
    let device = visit.ensure_device();
    let mut tx = visit.state().database().pool().begin().await?;
    sqlx::query!(
        "insert into known_devices (user_id, device_hash) values ($1, $2)
         on conflict (user_id, device_hash) do update set seen_at = mooring_now()",
        epoch.user.0,
        device,
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!("update users set last_sign_in_at = mooring_now() where id = $1", epoch.user.0)
        .execute(&mut *tx)
        .await?;
    let actor = Actor::visitor(Some(epoch.user), visit.origin().clone());
    record(&mut tx, actor, Entry::new("account.sign_in", Outcome::Success).detail("step", factor)).await?;
    tx.commit().await?;
    session::sign_in(visit.session(), epoch).await
}

/// One's own account.
///
/// # Errors
///
/// [`AppError::Unavailable`] where our own database is away.
pub async fn me(caller: &Caller) -> Result<Me, AppError> {
    let id = caller.user_id()?;
    let mut tx = caller.read().await?;
    let row = sqlx::query!("select email, role from users where id = $1", id.0).fetch_one(&mut *tx).await?;
    Ok(Me { id, email: row.email, role: Role::from_code(&row.role).unwrap_or(Role::Member) })
}

/// Ends this session.
///
/// # Errors
///
/// [`AppError::Unavailable`] where our own database is away.
pub async fn sign_out(caller: &Caller, visit: &Visit) -> Result<(), AppError> {
    audit(caller.state(), caller, Entry::new("account.sign_out", Outcome::Success)).await?;
    session::sign_out(visit.session()).await
}

/// Ends every session of the account, this one too.
///
/// # Errors
///
/// [`AppError::Unavailable`] where our own database is away.
pub async fn sign_out_everywhere(caller: &Caller, visit: &Visit) -> Result<(), AppError> {
    let id = caller.user_id()?;
    let mut tx = caller.state().database().pool().begin().await?;
    sqlx::query!("update users set session_epoch = session_epoch + 1 where id = $1", id.0).execute(&mut *tx).await?;
    // A lost browser must not be among those that are trusted more than others.
    sqlx::query!("delete from known_devices where user_id = $1", id.0).execute(&mut *tx).await?;
    record(&mut tx, caller, Entry::new("account.sign_out_everywhere", Outcome::Success)).await?;
    tx.commit().await?;
    session::sign_out(visit.session()).await
}

/// Asks for the password of someone who is signed in, before a change that a session left open must not make.
///
/// # Errors
///
/// [`AppError::Invalid`] for `field`, [`AppError::TooManyRequests`].
pub(super) async fn confirm_password(
    caller: &Caller,
    visit: &Visit,
    password: &Secret,
    field: &'static str,
    action: &'static str,
) -> Result<(), AppError> {
    let id = caller.user_id()?;
    let pool = caller.state().database().pool();
    let account = id.to_string();
    let device = known_device(visit, Some(id)).await?;
    let trier = Trier { account: Some(&account), network: caller.origin().network(), device };
    let counted = count_try(caller.state(), Purpose::Confirmation, trier, (Some(id), caller.origin()), action).await?;
    let (_, hash) = find_password(pool, id).await?;
    if !password_hash::verify(password, Some(&hash)).await? {
        audit(caller.state(), caller, Entry::new(action, Outcome::Failed).detail("step", "password")).await?;
        return Err(AppError::invalid(field, "This is not your password."));
    }
    counted.forgive(pool).await
}

/// Changes one's password. Every other session ends, and this one gets a new id.
///
/// # Errors
///
/// [`AppError::Invalid`] for `current` or `password`, [`AppError::TooManyRequests`].
pub async fn change_password(
    caller: &Caller,
    visit: &Visit,
    current: &Secret,
    password: &Secret,
) -> Result<(), AppError> {
    let id = caller.user_id()?;
    let pool = caller.state().database().pool();
    let (email, _) = find_password(pool, id).await?;
    password::check("password", password.reveal(), &email)?;
    confirm_password(caller, visit, current, "current", "account.password").await?;
    let hash = password_hash::hash(password).await?;
    let mut tx = pool.begin().await?;
    let epoch = replace_password(&mut tx, id, &hash).await?;
    record(&mut tx, caller, Entry::new("account.password", Outcome::Success)).await?;
    tx.commit().await?;
    session::sign_in(visit.session(), epoch).await
}

async fn replace_password(connection: &mut PgConnection, id: UserId, hash: &str) -> Result<Epoch, AppError> {
    let row = sqlx::query!(
        r#"update users set password_hash = $2, session_epoch = session_epoch + 1 where id = $1
           returning session_epoch, mooring_now() as "now!""#,
        id.0,
        hash,
    )
    .fetch_one(connection)
    .await?;
    Ok(Epoch { user: id, number: row.session_epoch, now: row.now.into() })
}

/// Makes an account from the command line, past `MOORING_SIGNUP`; the first one is the administrator's.
///
/// # Errors
///
/// [`AppError::Invalid`] for `email` or `password`.
pub async fn add_user(state: &AppState, email: &str, admin: bool, password: &Secret) -> Result<UserId, AppError> {
    let email = check_new(email, password)?;
    let hash = password_hash::hash(password).await?;
    let mut tx = state.database().pool().begin().await?;
    lock_accounts(&mut tx).await?;
    let role = if admin || !has_accounts(&mut tx).await? { Role::Admin } else { Role::Member };
    let id = insert(&mut tx, &email, &hash, role).await?;
    let caller = Caller::user(state, id, role, Credential::CommandLine, Origin::default());
    record(&mut tx, &caller, Entry::new("account.create", Outcome::Success).detail("role", role.code())).await?;
    tx.commit().await?;
    Ok(id)
}

/// Sets a forgotten password from the command line: every session of the account ends.
///
/// # Errors
///
/// [`AppError::Invalid`] for `email` or `password`.
pub async fn set_password(state: &AppState, email: &str, password: &Secret) -> Result<(), AppError> {
    let email = check_new(email, password)?;
    let caller = caller_for_email(state, &email).await?;
    let hash = password_hash::hash(password).await?;
    let mut tx = state.database().pool().begin().await?;
    replace_password(&mut tx, caller.user_id()?, &hash).await?;
    record(&mut tx, &caller, Entry::new("account.password", Outcome::Success)).await?;
    Ok(tx.commit().await?)
}

/// Every account as the command line lists it: e-mail address and role, the oldest first.
///
/// # Errors
///
/// [`AppError::Unavailable`] where our own database is away.
pub async fn list_users(state: &AppState) -> Result<Vec<Me>, AppError> {
    let rows = sqlx::query!("select id, email, role from users order by created_at, id")
        .fetch_all(state.database().pool())
        .await?;
    Ok(rows
        .into_iter()
        .map(|row| Me { id: row.id.into(), email: row.email, role: Role::from_code(&row.role).unwrap_or(Role::Member) })
        .collect())
}

/// The caller on whose behalf the command line works.
///
/// # Errors
///
/// [`AppError::Invalid`] for `email` where there is no such account.
pub async fn caller_for_email(state: &AppState, email: &str) -> Result<Caller, AppError> {
    let email = email::normalize(email)?;
    let row = sqlx::query!("select id, role from users where lower(email) = $1", email)
        .fetch_optional(state.database().pool())
        .await?
        .ok_or_else(|| AppError::invalid("email", format!("There is no account {email}.")))?;
    let role = Role::from_code(&row.role).unwrap_or(Role::Member);
    Ok(Caller::user(state, row.id.into(), role, Credential::CommandLine, Origin::default()))
}
