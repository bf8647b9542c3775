//! Connections as they are stored: sealed, owned by one account, scheduled from the moment they are saved.
//!
//! Every function takes the [`Caller`](crate::auth::server::Caller) first. Settings leave the vault in
//! [`open_settings`], [`given()`] and [`test()`] only, and go to a probe from there; their secrets alone in `secrets_of`,
//! for the redaction of what one tells others.

mod adjust;
mod adopt;
mod change;
mod given;
mod hand_over;
mod read;
mod save;
mod seal;
mod submit;
mod test;
mod typed;

pub use adjust::{Adjusted, adjust_in};
pub use adopt::{Unassigned, adopt, create_unassigned_in, without_provider};
pub use change::{delete, delete_in, handle, pause, resume, set_active_in};
pub use given::{Asked, Given, given};
pub use hand_over::hand_over;
pub(crate) use read::secrets_of;
pub use read::{find, list, open_settings};
pub use save::{create, create_in, create_own, update, update_in};
pub use seal::seal_plaintext_rows;
pub use submit::{start, submit};
pub use test::{Permit, test};

use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use self::read::open_value;
use super::{Provider, settings::Settings};
use crate::{
    auth::server::Caller,
    error::AppError,
    ids::{ConnectionId, UserId},
};

/// The column that is sealed, as the envelope is bound to it.
const FIELD: &str = "credentials";

/// A row's owner and what it holds, as far as opening it needs.
struct Stored {
    owner: UserId,
    provider: String,
    credentials: Value,
}

impl Stored {
    /// The provider; none for `legacy`.
    fn provider(&self) -> Option<Provider> {
        self.provider.parse().ok()
    }

    /// The settings as JSON. A row that came by SQL a moment ago may not be sealed yet.
    fn open(&self, caller: &Caller, id: ConnectionId) -> Result<Value, AppError> {
        if self.credentials.get("$sealed").is_none() {
            return Ok(self.credentials.clone());
        }
        let bytes = caller.state().vault().open(id.0, self.owner, FIELD, &self.credentials)?;
        serde_json::from_slice(&bytes).map_err(|error| AppError::internal(&error))
    }

    /// The settings, read for `provider`.
    fn settings(&self, caller: &Caller, id: ConnectionId, provider: Provider) -> Result<Settings, AppError> {
        Settings::from_json(provider, &self.open(caller, id)?).map_err(AppError::Invalid)
    }
}

/// Seals `settings` for the row `id` of `owner`.
fn seal(caller: &Caller, id: ConnectionId, owner: UserId, settings: &Value) -> Result<Value, AppError> {
    Ok(caller.state().vault().seal(id.0, owner, FIELD, settings.to_string().as_bytes())?)
}

/// The owner to ask for besides row-level security; none for the system, which sees all.
fn owner(caller: &Caller) -> Option<Uuid> {
    caller.user_id().ok().map(|id| id.0)
}

/// Tells the owner's pages that their connections changed, once the transaction is committed.
async fn announce(connection: &mut PgConnection, owner: UserId) -> Result<(), sqlx::Error> {
    sqlx::query_scalar!("select pg_notify('mooring_live', 'connections:' || $1::text)::text", owner.to_string())
        .fetch_one(connection)
        .await?;
    Ok(())
}
