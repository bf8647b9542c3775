//! Sealing what came as plaintext: rows that were inserted by SQL, as the product's own data migration does.

use serde_json::Value;
use uuid::Uuid;

use super::{announce, seal};
use crate::{
    auth::server::Caller,
    config_check,
    connections::{Provider, settings::Settings},
    error::AppError,
    ids::{ConnectionId, UserId},
    import,
};

/// Rows that are read in one go.
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
    let mut last = None;
    loop {
        // After the last one, sealed or not: those that cannot be sealed never stand in the way of others.
        let ids = plaintext_rows(caller, last).await?;
        let Some(end) = ids.last() else { return Ok(sealed) };
        last = Some(*end);
        for id in ids {
            match seal_row(caller, id).await {
                Ok(true) => sealed += 1,
                Ok(false) => {}
                Err(error @ AppError::Unavailable(_)) => return Err(error),
                Err(error) => {
                    tracing::error!(connection = %id, "the plaintext settings of a connection cannot be sealed: {error}");
                }
            }
        }
    }
}

/// The next rows in plaintext, in the order of their ids.
async fn plaintext_rows(caller: &Caller, after: Option<ConnectionId>) -> Result<Vec<ConnectionId>, AppError> {
    let mut tx = caller.read().await?;
    let ids = sqlx::query_scalar!(
        "select id
           from database_credentials
          where not credentials ? '$sealed'
            and ($1::uuid is null or id > $1)
          order by id
          limit $2",
        after.map(|id| id.0) as Option<Uuid>,
        BATCH,
    )
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
    let settings = read(&row.provider, &row.credentials);
    let public = settings.as_ref().map(Settings::public).unwrap_or_default();
    let public = serde_json::to_value(public).map_err(|error| AppError::internal(&error))?;
    let credentials = seal(caller, id, owner, &row.credentials)?;
    store(&mut tx, id.0, &credentials, &public).await?;
    if let Some(settings) = &settings {
        config_check::server::keep(caller, &mut tx, owner, id, settings).await?;
    }
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

/// The settings, where they can be read; a `legacy` row is read as what it looks like.
pub(super) fn read(provider: &str, credentials: &Value) -> Option<Settings> {
    let provider = provider.parse::<Provider>().unwrap_or_else(|_| import::guess_provider(credentials));
    Settings::from_json(provider, credentials).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn endpoint(provider: &str, credentials: &Value) -> Option<String> {
        read(provider, credentials).map(|settings| settings.endpoint())
    }

    #[test]
    fn a_legacy_row_shows_what_can_be_read_of_it() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(endpoint("legacy", &json!({"url": "mysql://u:p@h/d"})), some("h:3306/d"));
        assert_eq!(endpoint("legacy", &json!({"host": "h", "password": "hunter2"})), some("h:5432"));
        assert_eq!(endpoint("legacy", &json!({"projectId": "shop-1"})), some("shop-1"));
        assert_eq!(endpoint("mongodb", &json!({"host": ["h", "i:2"]})), some("h:27017,i:2"));
        assert_eq!(endpoint("postgresql", &json!("nonsense")), None);
        assert_eq!(endpoint("firebase", &json!({"host": "h"})), None);
    }
}
