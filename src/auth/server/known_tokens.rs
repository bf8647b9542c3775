//! API tokens that counted a moment ago, so that a program that asks often costs no look-up each time.
//!
//! A token that is revoked must end at once, in every process. So what is remembered counts only while this
//! process hears what the database announces, and only until anything about tokens or accounts is announced
//! ([`Live::token_changes`]): such changes are rare, and forgetting everything is simple enough to be right.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use sqlx::PgPool;

use super::{
    code::sha256,
    tokens::{self, Known},
};
use crate::{
    error::AppError,
    server::live::{Live, TokenChanges},
    timestamp::Timestamp,
};

/// Seconds for which a token is remembered, so that its last use is noted in time.
const REMEMBERED_S: i64 = 30;
/// Tokens that are remembered; beyond, it starts over.
const MOST: usize = 10_000;

/// The tokens of one process, by their hashes.
#[derive(Debug, Default)]
pub struct KnownTokens(Mutex<HashMap<Vec<u8>, Remembered>>);

#[derive(Clone, Copy, Debug)]
struct Remembered {
    known: Known,
    /// What had been announced before it was looked up.
    as_of: TokenChanges,
    until: Timestamp,
}

impl KnownTokens {
    /// Whose token this is, where it counts.
    pub(super) async fn look_up(
        &self,
        pool: &PgPool,
        live: &Live,
        now: Timestamp,
        token: &str,
    ) -> Result<Option<Known>, AppError> {
        let hash = sha256(token.as_bytes());
        // Taken before the look-up: what is announced during it makes its result one that is not kept.
        let as_of = live.token_changes();
        if let Some(known) = self.recall(&hash, as_of, now) {
            return Ok(Some(known));
        }
        let known = tokens::look_up(pool, &hash).await?;
        if let (Some(known), Some(as_of)) = (known, as_of) {
            self.remember(hash, Remembered { known, as_of, until: now.plus_seconds(REMEMBERED_S) });
        }
        Ok(known)
    }

    fn recall(&self, hash: &[u8], as_of: Option<TokenChanges>, now: Timestamp) -> Option<Known> {
        let tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let remembered = tokens.get(hash)?;
        (as_of == Some(remembered.as_of) && now < remembered.until).then_some(remembered.known)
    }

    fn remember(&self, hash: Vec<u8>, remembered: Remembered) {
        let mut tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if tokens.len() >= MOST {
            tokens.clear();
        }
        tokens.insert(hash, remembered);
    }
}

#[cfg(test)]
mod tests {
    use tokio_util::sync::CancellationToken;
    use uuid::Uuid;

    use super::*;
    use crate::auth::{Role, Scope};

    #[test]
    fn a_token_is_remembered_until_something_is_announced() {
        let live = Live::new(CancellationToken::new());
        let tokens = KnownTokens::default();
        let known = Known { id: Uuid::nil().into(), user: Uuid::nil().into(), role: Role::Member, scope: Scope::Full };
        let now = Timestamp::from_micros(1_000_000);
        let remember = |as_of| {
            tokens.remember(vec![7], Remembered { known, as_of, until: now.plus_seconds(REMEMBERED_S) });
        };

        assert_eq!(live.token_changes(), None, "nothing is heard yet");
        live.start_hearing();
        let as_of = live.token_changes().expect("it hears");
        remember(as_of);
        assert!(tokens.recall(&[7], live.token_changes(), now).is_some());
        assert!(tokens.recall(&[8], live.token_changes(), now).is_none());
        assert!(tokens.recall(&[7], live.token_changes(), now.plus_seconds(REMEMBERED_S)).is_none());

        live.tokens_changed();
        assert!(tokens.recall(&[7], live.token_changes(), now).is_none());
        // Looked up before, arrived after.
        remember(as_of);
        assert!(tokens.recall(&[7], live.token_changes(), now).is_none());

        remember(live.token_changes().expect("it hears"));
        live.stop_hearing();
        assert!(tokens.recall(&[7], live.token_changes(), now).is_none());
        live.start_hearing();
        assert!(tokens.recall(&[7], live.token_changes(), now).is_none(), "something may have been missed");
    }
}
