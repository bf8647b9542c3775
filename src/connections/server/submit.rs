//! The form as a whole: what it begins with, and what sending it comes to.

use super::{create, find, open_value, test, typed, update};
use crate::{
    auth::server::Caller,
    config_check::{
        KnownFacts, SecretFacts,
        server::{known_of_form, stored_facts},
    },
    connections::{
        Connection, Provider,
        form::{ConnectionForm, FormStart, Submitted},
    },
    error::AppError,
    ids::ConnectionId,
    import,
    knowledge::server::successful,
};

/// What the form of a new connection, or of the stored one `id`, begins with.
///
/// # Errors
///
/// [`AppError::NotFound`] where it is not there or another's.
pub async fn start(caller: &Caller, id: Option<ConnectionId>) -> Result<FormStart, AppError> {
    let connection = match id {
        Some(id) => Some(find(caller, id).await?),
        None => None,
    };
    let mut form = connection.as_ref().map_or_else(
        || ConnectionForm { provider: Provider::PostgreSql.code().to_owned(), ..ConnectionForm::default() },
        ConnectionForm::of,
    );
    if let Some(Connection { id, provider: None, .. }) = &connection {
        // It came by SQL: the form begins with what it looks like.
        let stored = open_value(caller, *id).await.unwrap_or_default();
        import::guess_provider(&stored).code().clone_into(&mut form.provider);
    }
    let (secrets, mut known) = match &connection {
        Some(connection) => stored_facts(caller, connection.id, &connection.settings).await?,
        None => (SecretFacts::default(), KnownFacts { at: Some(caller.clock().now()), ..KnownFacts::default() }),
    };
    Ok(match typed::take().await {
        // What was typed for another connection is of no use here.
        Some(typed) if typed.form.id == form.id => {
            known = known_of_form(caller, &typed.form).await?;
            FormStart { form: typed.form, connection, report: typed.report, secrets, known }
        }
        _ => {
            known.successes = successful(caller, None).await?;
            FormStart { form, connection, report: None, secrets, known }
        }
    })
}

/// Stores what was typed, or tries it where that is what was asked for.
///
/// # Errors
///
/// [`AppError::Invalid`] with every field that cannot be used; otherwise as [`create`], [`update`] and
/// [`test()`].
pub async fn submit(caller: &Caller, form: ConnectionForm) -> Result<Submitted, AppError> {
    let submitted = decide(caller, &form).await;
    if !matches!(submitted, Ok(Submitted::Saved(_))) {
        typed::keep(&form, submitted.as_ref().ok()).await;
    }
    submitted
}

async fn decide(caller: &Caller, form: &ConnectionForm) -> Result<Submitted, AppError> {
    if form.intent == "test" {
        let target = form.target().map_err(AppError::Invalid)?;
        return test(caller, target).await.map(|report| Submitted::Tested(Box::new(report)));
    }
    let draft = form.read().map_err(AppError::Invalid)?;
    match draft.id {
        Some(id) => {
            update(caller, id, draft.connection, &draft.forget).await?;
            Ok(Submitted::Saved(id))
        }
        None => create(caller, draft.connection).await.map(Submitted::Saved),
    }
}
