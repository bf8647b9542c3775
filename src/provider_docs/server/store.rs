//! The pages as they were fetched, and who fetches: rows, by the database's clock.

use sqlx::PgConnection;
use time::OffsetDateTime;

use super::fetch::{Fetched, Validators};
use crate::{connections::Provider, ids::WorkerId, timestamp::Timestamp};

/// A page as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) url: String,
    pub(super) title: String,
    pub(super) markdown: String,
    pub(super) fetched_at: Timestamp,
    pub(super) expires_at: Timestamp,
    pub(super) is_fresh: bool,
}

/// The pages of a provider that were fetched at some time.
pub(super) async fn pages(connection: &mut PgConnection, provider: Provider) -> Result<Vec<Stored>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"
        select url, title, markdown, fetched_at as "fetched_at!", expires_at as "expires_at!",
               expires_at > mooring_now() as "is_fresh!"
          from provider_pages
         where provider = $1 and fetched_at is not null and expires_at is not null
         order by url
        "#,
        provider.code(),
    )
    .fetch_all(connection)
    .await?;
    let stored = rows.into_iter().map(|row| Stored {
        url: row.url,
        title: row.title,
        markdown: row.markdown,
        fetched_at: row.fetched_at.into(),
        expires_at: row.expires_at.into(),
        is_fresh: row.is_fresh,
    });
    Ok(stored.collect())
}

/// What the site said of a page the last time.
pub(super) async fn validators(
    connection: &mut PgConnection,
    provider: Provider,
    url: &str,
) -> Result<Validators, sqlx::Error> {
    let row = sqlx::query!(
        "select etag, last_modified from provider_pages where provider = $1 and url = $2 and markdown <> ''",
        provider.code(),
        url,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map_or_else(Validators::default, |row| Validators { etag: row.etag, last_modified: row.last_modified }))
}

/// Keeps what was fetched; what is still the same is good for another seven days.
pub(super) async fn keep(
    connection: &mut PgConnection,
    provider: Provider,
    url: &str,
    title: &str,
    fetched: &Fetched,
) -> Result<(), sqlx::Error> {
    match fetched {
        Fetched::New { markdown, etag, last_modified } => {
            sqlx::query!(
                "
                insert into provider_pages (provider, url, title, markdown, etag, last_modified, fetched_at, expires_at)
                values ($1, $2, $3, $4, $5, $6, mooring_now(), mooring_now() + interval '7 days')
                    on conflict on constraint provider_pages_pkey do update
                   set title = excluded.title, markdown = excluded.markdown, etag = excluded.etag,
                       last_modified = excluded.last_modified, fetched_at = excluded.fetched_at,
                       expires_at = excluded.expires_at
                ",
                provider.code(),
                url,
                title,
                markdown,
                etag.as_deref(),
                last_modified.as_deref(),
            )
            .execute(connection)
            .await?;
        }
        Fetched::Unchanged => {
            sqlx::query!(
                "
                update provider_pages
                   set fetched_at = mooring_now(), expires_at = mooring_now() + interval '7 days'
                 where provider = $1 and url = $2
                ",
                provider.code(),
                url,
            )
            .execute(connection)
            .await?;
        }
    }
    Ok(())
}

/// Takes the right to fetch a provider's pages: for two minutes, unless another has it or it failed just now. The
/// moment until which it holds is the fence.
pub(super) async fn claim(
    connection: &mut PgConnection,
    provider: Provider,
    worker: WorkerId,
) -> Result<Option<OffsetDateTime>, sqlx::Error> {
    let until = sqlx::query_scalar!(
        "
        insert into provider_fetches as stored (provider, lease_owner, lease_until, last_tried_at)
        values ($1, $2, mooring_now() + interval '2 minutes', mooring_now())
            on conflict (provider) do update
           set lease_owner = excluded.lease_owner, lease_until = excluded.lease_until,
               last_tried_at = excluded.last_tried_at
         where (stored.lease_until is null or stored.lease_until < mooring_now())
           and (stored.retry_at is null or stored.retry_at <= mooring_now())
        returning lease_until
        ",
        provider.code(),
        worker.0,
    )
    .fetch_optional(connection)
    .await?;
    Ok(until.flatten())
}

/// Gives the right back, with how it ended. A site that fails is left alone for ten minutes.
pub(super) async fn release(
    connection: &mut PgConnection,
    provider: Provider,
    worker: WorkerId,
    until: OffsetDateTime,
    failure: Option<&str>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "
        update provider_fetches
           set lease_owner = null, lease_until = null, last_error = $4,
               retry_at = case when $4::text is not null then mooring_now() + interval '10 minutes' end
         where provider = $1 and lease_owner = $2 and lease_until = $3
        ",
        provider.code(),
        worker.0,
        until,
        failure,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Whether somebody fetches the provider's pages just now.
pub(super) async fn is_claimed(connection: &mut PgConnection, provider: Provider) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select exists (
               select from provider_fetches where provider = $1 and lease_until > mooring_now()
           ) as "claimed!""#,
        provider.code(),
    )
    .fetch_one(connection)
    .await
}
