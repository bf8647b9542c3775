//! API tokens: `mrg_` and 256 random bits, shown once and kept as a SHA-256, which serves because there is
//! nothing to guess.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, header};
use rand::RngCore;
use sqlx::PgPool;

use super::{Caller, accounts, caller::Credential, code::sha256};
use crate::{
    audit::{
        Outcome,
        server::{Entry, record},
    },
    auth::{ApiToken, NewToken, Role, Scope},
    error::AppError,
    ids::{TokenId, UserId},
};

/// What every token begins with, so that scanners find one that leaked.
const MARK: &str = "mrg_";
/// How many of its characters the list shows.
const PREFIX: usize = 10;
/// Longer than any token: what is longer is not looked up.
const LONGEST: usize = 100;

/// A token that counts.
pub(super) struct Known {
    pub(super) id: TokenId,
    pub(super) user: UserId,
    pub(super) role: Role,
    pub(super) scope: Scope,
}

/// Whatever a request bears, token or not: `Authorization: Bearer`, else `apikey`.
#[must_use]
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let [authorization, apikey] = borne(headers);
    authorization.or(apikey)
}

fn borne(headers: &HeaderMap) -> [Option<&str>; 2] {
    let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    let apikey = headers.get("apikey").and_then(|value| value.to_str().ok()).map(str::trim);
    [authorization, apikey]
}

/// The token of a request, from `Authorization: Bearer` or else `apikey`.
pub(super) fn from_headers(headers: &HeaderMap) -> Option<&str> {
    borne(headers).into_iter().flatten().find(|token| token.starts_with(MARK) && token.len() <= LONGEST)
}

/// Whose token this is, where it counts; notes its use at most once a minute.
pub(super) async fn look_up(pool: &PgPool, token: &str) -> Result<Option<Known>, AppError> {
    let row = sqlx::query!(
        r#"select token.id, token.user_id, token.scope, account.role,
                  coalesce(token.last_used_at < mooring_now() - interval '1 minute', true) as "stale!"
             from api_tokens as token
             join users as account on account.id = token.user_id
            where token.token_hash = $1
              and token.revoked_at is null"#,
        sha256(token.as_bytes()),
    )
    .fetch_optional(pool)
    .await?;
    let Some(row) = row else { return Ok(None) };
    // A scope that this version does not know allows nothing.
    let (Some(scope), Some(role)) = (Scope::from_code(&row.scope), Role::from_code(&row.role)) else { return Ok(None) };
    if row.stale {
        sqlx::query!(
            "update api_tokens set last_used_at = mooring_now()
              where id = $1 and (last_used_at is null or last_used_at < mooring_now() - interval '1 minute')",
            row.id,
        )
        .execute(pool)
        .await?;
    }
    Ok(Some(Known { id: row.id.into(), user: row.user_id.into(), role, scope }))
}

/// Makes a token and shows it, this once.
///
/// # Errors
///
/// [`AppError::Invalid`] for `name`, [`AppError::Forbidden`] for a caller that is a token itself: one that
/// leaked must not outlive its revocation.
pub async fn create(caller: &Caller, name: &str, scope: Scope) -> Result<NewToken, AppError> {
    refuse_tokens(caller, "token.create").await?;
    let name = check_name(name)?;
    let mut bytes = [0_u8; 32];
    rand::rng().fill_bytes(&mut bytes);
    let token = format!("{MARK}{}", URL_SAFE_NO_PAD.encode(bytes));
    let prefix: String = token.chars().take(PREFIX).collect();
    let mut tx = caller.write().await?;
    let row = sqlx::query!(
        "insert into api_tokens (user_id, name, token_hash, prefix, scope) values ($1, $2, $3, $4, $5) returning id",
        caller.user_id()?.0,
        name,
        sha256(token.as_bytes()),
        prefix,
        scope.code(),
    )
    .fetch_one(&mut *tx)
    .await?;
    let entry = Entry::new("token.create", Outcome::Success)
        .detail("created", row.id.to_string())
        .detail("name", name)
        .detail("scope", scope.code());
    record(&mut tx, caller, entry).await?;
    tx.commit().await?;
    Ok(NewToken { id: row.id.into(), token })
}

fn check_name(name: &str) -> Result<&str, AppError> {
    let name = name.trim();
    match name.chars().count() {
        0 => Err(AppError::invalid("name", "Give the token a name, such as the program that will use it.")),
        1..=100 if name.chars().all(|c| !c.is_control()) => Ok(name),
        1..=100 => Err(AppError::invalid("name", "The name has a character that cannot be shown.")),
        _ => Err(AppError::invalid("name", "The name is too long: at most 100 characters.")),
    }
}

async fn refuse_tokens(caller: &Caller, action: &'static str) -> Result<(), AppError> {
    if matches!(caller.credential(), Some(Credential::Token(..))) {
        accounts::record_refusal(caller, Entry::new(action, Outcome::Refused)).await;
        return Err(AppError::Forbidden("A token cannot make or revoke tokens.".to_owned()));
    }
    Ok(())
}

/// One's own tokens, the newest first, the revoked ones last.
///
/// # Errors
///
/// [`AppError::Unavailable`] where our own database is away.
pub async fn list(caller: &Caller) -> Result<Vec<ApiToken>, AppError> {
    let mut tx = caller.read().await?;
    let rows = sqlx::query!(
        "select id, name, prefix, scope, created_at, last_used_at, revoked_at
           from api_tokens
          where user_id = $1
          order by revoked_at is not null, created_at desc, id",
        caller.user_id()?.0,
    )
    .fetch_all(&mut *tx)
    .await?;
    Ok(rows
        .into_iter()
        .filter_map(|row| {
            Some(ApiToken {
                id: row.id.into(),
                name: row.name,
                prefix: row.prefix,
                scope: Scope::from_code(&row.scope)?,
                created_at: row.created_at.into(),
                last_used_at: row.last_used_at.map(Into::into),
                revoked_at: row.revoked_at.map(Into::into),
            })
        })
        .collect())
}

/// Ends a token of one's own at once; one that has ended stays as it is.
///
/// # Errors
///
/// [`AppError::NotFound`] where it is not there or not one's own.
pub async fn revoke(caller: &Caller, id: TokenId) -> Result<(), AppError> {
    refuse_tokens(caller, "token.revoke").await?;
    let mut tx = caller.write().await?;
    let revoked = sqlx::query!(
        "update api_tokens set revoked_at = coalesce(revoked_at, mooring_now()) where id = $1 and user_id = $2",
        id.0,
        caller.user_id()?.0,
    )
    .execute(&mut *tx)
    .await?;
    if revoked.rows_affected() == 0 {
        return Err(AppError::NotFound);
    }
    let entry = Entry::new("token.revoke", Outcome::Success).detail("revoked", id.to_string());
    record(&mut tx, caller, entry).await?;
    Ok(tx.commit().await?)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn the_token_comes_in_either_header() {
        for (headers, wanted) in [
            (&[("authorization", "Bearer mrg_a")][..], Some("mrg_a")),
            (&[("authorization", "bearer  mrg_a ")], Some("mrg_a")),
            (&[("apikey", "mrg_b")], Some("mrg_b")),
            (&[("authorization", "Bearer mrg_a"), ("apikey", "mrg_b")], Some("mrg_a")),
            (&[("authorization", "Bearer a-secret-of-cron"), ("apikey", "mrg_b")], Some("mrg_b")),
            (&[("authorization", "Basic mrg_a")], None),
            (&[("authorization", "mrg_a")], None),
            (&[], None),
        ] {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.insert(*name, HeaderValue::from_static(value));
            }
            assert_eq!(from_headers(&map), wanted, "{headers:?}");
        }
    }

    #[test]
    fn a_name_is_one_to_a_hundred_characters() {
        assert_eq!(check_name(" cron on db1 "), Ok("cron on db1"));
        for name in ["", "   ", "a\nb", &"x".repeat(101)] {
            assert!(check_name(name).is_err_and(|error| error.for_field("name").is_some()), "{name}");
        }
    }
}
