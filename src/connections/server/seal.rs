//! Sealing what came as plaintext: rows that were inserted by SQL, as the product's own data migration does.

use serde_json::Value;
use uuid::Uuid;

use super::{announce, seal};
use crate::{
    auth::server::Caller,
    connections::{
        Provider,
        settings::{PublicSettings, Settings},
    },
    error::AppError,
    ids::{ConnectionId, UserId},
};

/// Rows that are looked at in one go; the rest follows in the next.
const BATCH: i64 = 500;

/// Seals every row that holds plaintext and gives back how many there were. For the system, at start-up and
/// once a minute.
///
/// What was inserted is sealed as it is, so that nothing is lost of rows that cannot be read yet; what may
/// be shown of it is kept beside it. A row that cannot be sealed is logged and does not stop the others.
///
/// # Errors
///
/// [`AppError::Unavailable`] where our own database is away.
pub async fn seal_plaintext_rows(caller: &Caller) -> Result<u32, AppError> {
    let mut sealed = 0;
    for id in plaintext_rows(caller).await? {
        match seal_row(caller, id).await {
            Ok(true) => sealed += 1,
            Ok(false) => {}
            Err(error @ AppError::Unavailable(_)) => return Err(error),
            Err(error) => {
                tracing::error!(connection = %id, "the plaintext settings of a connection cannot be sealed: {error}");
            }
        }
    }
    Ok(sealed)
}

async fn plaintext_rows(caller: &Caller) -> Result<Vec<ConnectionId>, AppError> {
    let mut tx = caller.read().await?;
    let ids =
        sqlx::query_scalar!("select id from database_credentials where not credentials ? '$sealed' limit $1", BATCH)
            .fetch_all(&mut *tx)
            .await?;
    Ok(ids.into_iter().map(ConnectionId).collect())
}

/// Whether the row was sealed here: another process may have been faster.
async fn seal_row(caller: &Caller, id: ConnectionId) -> Result<bool, AppError> {
    let mut tx = caller.write().await?;
    let Some(row) = sqlx::query!(
        "select user_id, provider, credentials
           from database_credentials
          where id = $1
            and not credentials ? '$sealed'
            for update skip locked",
        id.0,
    )
    .fetch_optional(&mut *tx)
    .await?
    else {
        return Ok(false);
    };
    let owner = UserId(row.user_id);
    let public = serde_json::to_value(public_part(&row.provider, &row.credentials))
        .map_err(|error| AppError::internal(&error))?;
    let credentials = seal(caller, id, owner, &row.credentials)?;
    store(&mut tx, id.0, &credentials, &public).await?;
    announce(&mut tx, owner).await?;
    tx.commit().await?;
    Ok(true)
}

async fn store(
    connection: &mut sqlx::PgConnection,
    id: Uuid,
    credentials: &Value,
    public: &Value,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update database_credentials set credentials = $2, public_settings = $3 where id = $1",
        id,
        credentials,
        public,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// What may be shown of it, as far as it can be read; a `legacy` row is tried as each provider.
fn public_part(provider: &str, credentials: &Value) -> PublicSettings {
    let candidates = match provider.parse::<Provider>() {
        Ok(provider) => vec![provider],
        Err(_) => Provider::AVAILABLE.to_vec(),
    };
    candidates
        .into_iter()
        .find_map(|provider| Settings::from_json(provider, credentials).ok())
        .map(|settings| settings.public())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_legacy_row_shows_what_can_be_read_of_it() {
        assert_eq!(public_part("legacy", &json!({"url": "mysql://u:p@h/d"})).endpoint(), "h:3306/d");
        assert_eq!(public_part("legacy", &json!({"host": "h", "password": "hunter2"})).endpoint(), "h:5432");
        assert_eq!(public_part("postgresql", &json!("nonsense")), PublicSettings::default());
        assert_eq!(public_part("mongodb", &json!({"host": ["h", "i:2"]})).endpoint(), "h:27017,i:2");
        assert_eq!(public_part("firebase", &json!({"host": "h"})), PublicSettings::default());
    }
}
