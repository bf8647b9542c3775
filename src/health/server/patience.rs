//! How long the monitor waits for our own database. One that hangs says nothing at all, and a monitor that waited
//! with it would watch nobody, also where another connection to it would work.

use std::time::Duration;

use tokio::time::timeout;

use super::claim::TO_WRITE;
use crate::error::AppError;

/// What one step may take before our own database counts as away: a result is tried twice within the time that its
/// lease leaves for it.
const STEP: Duration = Duration::from_secs(TO_WRITE.as_secs() / 2);

/// The outcome of a step; where it does not come in time, what it was doing is dropped and rolled back. A commit may
/// have been done all the same: the lease, which is gone then, keeps it from being done twice.
///
/// # Errors
///
/// [`AppError::Unavailable`] after the time, else those of the step.
pub async fn answered<T>(step: impl Future<Output = Result<T, AppError>>) -> Result<T, AppError> {
    timeout(STEP, step).await.unwrap_or_else(|_| {
        tracing::warn!("Mooring's own database does not answer");
        Err(AppError::Unavailable("Mooring's own database does not answer just now. Try again in a moment.".to_owned()))
    })
}
