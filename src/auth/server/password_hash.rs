//! Argon2id, away from the async threads and never more than two at once: one try takes 19 MiB and about
//! 20 ms of a core, so whoever could start many would stop the monitor (RELIABILITY: OWASP's minimum, measured).

use argon2::{
    Algorithm, Argon2, Params, PasswordHash, PasswordHasher, PasswordVerifier, Version,
    password_hash::{Error, SaltString},
};
use rand::RngCore;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::{connections::settings::Secret, error::AppError};

/// How many run at once.
static RUNNING: Semaphore = Semaphore::const_new(2);
/// How many run or wait; one more is sent away, which is better than a queue that outlasts its clients.
static ADMITTED: Semaphore = Semaphore::const_new(16);

/// OWASP's minimum for argon2id: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// What stands for the hash of an account that is not there, so that its sign-in takes as long: the
/// parameters above with a salt and 32 bytes that came from no password.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5LWtub3dzLXRoaXM$\
                      2tRhgkKBJrr2cXcxmqF3bzBVKbBqGdmJ4hZRbjzBqnQ";

#[derive(Debug, thiserror::Error)]
enum HashingError {
    #[error("the parameters of argon2 are not usable: {0}")]
    Parameters(#[from] argon2::Error),
    #[error("a password could not be hashed or compared: {0}")]
    Hash(#[from] Error),
    #[error("the thread that hashed a password ended")]
    Thread(#[from] tokio::task::JoinError),
    #[error("password hashing is shut")]
    Shut(#[from] tokio::sync::AcquireError),
}

/// The hash of a new password, with its parameters and salt in one string.
///
/// # Errors
///
/// [`AppError::TooManyRequests`] where too many are at it.
pub async fn hash(password: &Secret) -> Result<String, AppError> {
    let password = password.clone();
    let mut salt = [0_u8; 16];
    rand::rng().fill_bytes(&mut salt);
    bounded(move || {
        let salt = SaltString::encode_b64(&salt)?;
        Ok(argon2()?.hash_password(password.reveal().as_bytes(), &salt)?.to_string())
    })
    .await
}

/// Whether `password` is the one of `hash`; false for an account that is not there, after the same time.
///
/// # Errors
///
/// [`AppError::TooManyRequests`] where too many are at it.
pub async fn verify(password: &Secret, hash: Option<&str>) -> Result<bool, AppError> {
    let password = password.clone();
    let known = hash.is_some();
    let hash = hash.unwrap_or(NOBODY).to_owned();
    bounded(move || match argon2()?.verify_password(password.reveal().as_bytes(), &PasswordHash::new(&hash)?) {
        Ok(()) => Ok(known),
        Err(Error::Password) => Ok(false),
        Err(error) => Err(error.into()),
    })
    .await
}

fn argon2() -> Result<Argon2<'static>, HashingError> {
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(MEMORY_KIB, PASSES, LANES, None)?))
}

async fn bounded<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, HashingError> + Send + 'static,
) -> Result<T, AppError> {
    let Ok(admitted) = ADMITTED.try_acquire() else { return Err(AppError::TooManyRequests(1)) };
    let outcome = async {
        let running = RUNNING.acquire().await?;
        // The permits go with the work: a client that leaves does not make room while its work still runs.
        tokio::task::spawn_blocking(move || {
            let _permits: (SemaphorePermit<'_>, SemaphorePermit<'_>) = (admitted, running);
            work()
        })
        .await?
    }
    .await;
    outcome.map_err(|error: HashingError| AppError::internal(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_of_a_known_account_passes() {
        let password = Secret::new("vier worte in folge");
        let hash = hash(&password).await.expect("hashed");
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert_eq!(verify(&password, Some(&hash)).await, Ok(true));
        assert_eq!(verify(&Secret::new("vier worte in folge "), Some(&hash)).await, Ok(false));
        assert_eq!(verify(&password, None).await, Ok(false));
    }

    #[test]
    fn nobody_costs_what_somebody_costs() {
        let nobody = PasswordHash::new(NOBODY).expect("a hash");
        let params = Params::try_from(&nobody).expect("parameters");
        assert_eq!((params.m_cost(), params.t_cost(), params.p_cost()), (MEMORY_KIB, PASSES, LANES));
        assert_eq!(nobody.hash.map(|hash| hash.len()), Some(32));
    }
}
