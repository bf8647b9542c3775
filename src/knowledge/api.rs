//! Server functions of the knowledge base.

#![expect(
    missing_docs,
    reason = "the macro makes a struct of each function's arguments, which the function's docs describe"
)]

use leptos::prelude::*;

use super::{Found, ImportReport, KnowledgeEntry, Shelf};
use crate::{
    error::AppError,
    ids::{ConnectionId, KnowledgeId},
};

/// What the page of the knowledge base shows for `q`, `provider` and `category`, each of which may be empty.
///
/// # Errors
///
/// [`AppError::Unauthenticated`] without a session; [`AppError::Invalid`] for a provider or category that there is
/// not.
#[server]
pub async fn search_knowledge(
    #[server(default)] q: String,
    #[server(default)] provider: String,
    #[server(default)] category: String,
) -> Result<Found, AppError> {
    let caller = crate::auth::server::caller().await?;
    let wanted = super::parse_search(&q, &provider, &category, Some(super::PAGE_LIMIT))?;
    let found = super::server::search(super::server::Asker::Account(&caller), wanted).await?;
    Ok(Found { entries: std::sync::Arc::unwrap_or_clone(found), may_moderate: caller.is_admin(), more: false })
}

/// One entry.
///
/// # Errors
///
/// [`AppError::NotFound`] for an entry that one may not see.
#[server]
pub async fn get_knowledge(id: KnowledgeId) -> Result<Found, AppError> {
    let caller = crate::auth::server::caller().await?;
    let entry = super::server::entry(&caller, id).await?;
    Ok(Found { entries: vec![entry], may_moderate: caller.is_admin(), more: false })
}

/// What is known to cure what a connection fails of, the surest first; nothing while it does not fail.
///
/// # Errors
///
/// [`AppError::NotFound`] where the connection is not the caller's.
#[server]
pub async fn cures_of_connection(id: ConnectionId) -> Result<Vec<KnowledgeEntry>, AppError> {
    let caller = crate::auth::server::caller().await?;
    super::server::cures_of_connection(&caller, id).await
}

/// Entries that wait for an administrator, or were hidden by one: a page of a shelf, counted from 1.
///
/// **Permissions**: administrators.
///
/// # Errors
///
/// [`AppError::Forbidden`] for members.
#[server]
pub async fn waiting_knowledge(shelf: Shelf, page: u32) -> Result<Found, AppError> {
    let caller = crate::auth::server::caller().await?;
    super::server::waiting(&caller, shelf, page).await
}

/// In how many parts everything that is shared is exported; none for who may not.
///
/// # Errors
///
/// [`AppError::Unauthenticated`] without a session.
#[server]
pub async fn knowledge_parts() -> Result<u32, AppError> {
    let caller = crate::auth::server::caller().await?;
    super::server::transfer::parts(&caller).await
}

/// Says of an entry that it worked, or did not.
///
/// # Errors
///
/// [`AppError::NotFound`] for an entry that one may not see.
#[server]
pub async fn vote_knowledge(id: KnowledgeId, worked: bool) -> Result<u8, AppError> {
    let caller = crate::auth::server::caller().await?;
    let vote = super::server::update_confidence(super::server::Asker::Account(&caller), id, worked).await?;
    Ok(vote.confidence_score)
}

/// Confirms, hides, shows or deletes an entry: `act` is `confirm`, `hide`, `show` or `delete`.
///
/// **Permissions**: administrators.
///
/// # Errors
///
/// [`AppError::Forbidden`] for members; [`AppError::NotFound`] where there is none; [`AppError::Conflict`] for a
/// built-in entry that is to be deleted.
#[server]
pub async fn moderate_knowledge(id: KnowledgeId, act: String) -> Result<(), AppError> {
    let caller = crate::auth::server::caller().await?;
    match act.as_str() {
        "confirm" => super::server::confirm(&caller, id).await,
        "hide" => super::server::set_hidden(&caller, id, true).await,
        "show" => super::server::set_hidden(&caller, id, false).await,
        "delete" => super::server::delete(&caller, id).await,
        _ => Err(AppError::invalid("act", "Choose confirm, hide, show or delete.")),
    }
}

/// Replaces the words of an entry.
///
/// **Permissions**: administrators.
///
/// # Errors
///
/// [`AppError::Forbidden`] for members; [`AppError::Invalid`] for words that cannot be used.
#[server]
pub async fn edit_knowledge(
    id: KnowledgeId,
    title: String,
    description: String,
    solution: String,
    category: String,
) -> Result<(), AppError> {
    let caller = crate::auth::server::caller().await?;
    let category = super::parse_category(&category)?;
    super::server::edit(&caller, id, super::server::Edit { title, description, solution, category }).await
}

/// Adds the entries of an export.
///
/// **Permissions**: administrators.
///
/// # Errors
///
/// [`AppError::Forbidden`] for members; [`AppError::Invalid`] for `file`, with what is wrong with it.
#[server]
pub async fn import_knowledge(file: String) -> Result<ImportReport, AppError> {
    let caller = crate::auth::server::caller().await?;
    super::server::transfer::import(&caller, &file).await
}
