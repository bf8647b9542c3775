//! The operation `analyze-database-error`: evidence where there is something to connect to, judgement, a row.

use serde_json::Value;

use super::{examine, learnt, store};
use crate::{
    auth::server::Caller,
    connections::{
        Provider,
        server::{Asked, Given, Permit, given},
        settings::Settings,
    },
    diagnosis::{
        Analysed,
        analysis::{Case, PasswordTraits, analyse},
    },
    error::AppError,
    health::server::alone,
    ids::ConnectionId,
    probe::{Phase, scrub},
    server::providers,
};

/// Characters of a message that are read. The longest that drivers print, with their traces, are far shorter.
const LONGEST_MESSAGE: usize = 20_000;

/// What is read of a message: blanks before it are no part of it.
fn beginning(message: &str) -> String {
    message.trim_start().chars().take(LONGEST_MESSAGE).collect()
}

/// What is to be analysed. Holds what was sent as `credentials`, so there is no `Debug`.
#[derive(Clone, Default)]
pub struct AnalyzeRequest {
    /// The message, as some library or server printed it.
    pub error_message: String,
    /// What kind of database; may be left out for a stored connection.
    pub provider: Option<Provider>,
    /// Settings to look at.
    pub credentials: Option<Value>,
    /// The stored connection that it is about.
    pub credential_id: Option<ConnectionId>,
}

/// Says what a failure comes down to and what to do about it, and keeps the answer. Where there are settings to
/// log in with, a staged probe gathers the evidence; without them the message decides alone.
///
/// # Errors
///
/// [`AppError::Invalid`] without a message or with settings that cannot be used, [`AppError::NotFound`] where
/// the connection is not the caller's, [`AppError::TooManyRequests`] beyond the account's limits,
/// [`AppError::Unavailable`] where a check of the connection does not end.
pub async fn analyze(caller: &Caller, request: AnalyzeRequest) -> Result<Analysed, AppError> {
    let message = beginning(&request.error_message);
    if message.is_empty() {
        return Err(AppError::invalid("errorMessage", "Give the message that is to be analysed."));
    }
    let asked =
        Asked { id: request.credential_id, provider: request.provider, credentials: request.credentials.as_ref() };
    let Given { provider, settings, shown, is_stored } = given(caller, asked).await?;
    let secrets = settings.as_ref().map(Settings::secrets).unwrap_or_default();
    let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
    let text = scrub(&message, &secrets);
    let (mut analysis, mut fixes, failure) = if let Some(settings) = &settings {
        let _permit = Permit::take(caller)?;
        let examination = Box::pin(examine(caller.state().egress(), provider, settings, &text));
        let found = match request.credential_id.filter(|_| is_stored) {
            // Its server is asked by one at a time; a staged probe ends within three times the time of an attempt.
            Some(id) => alone(caller.state(), id, 3 * providers::longest(settings), examination).await?,
            None => examination.await,
        };
        (found.analysis, found.fixes, found.staged.failure)
    } else {
        let password = PasswordTraits::default();
        let case = Case { provider, text: &text, settings: shown.as_ref(), password, staged: None };
        let (analysis, fixes) = analyse(&case);
        (analysis, fixes, None)
    };
    learnt::add(caller, provider, &mut analysis, &mut fixes).await?;
    let error_id = store::store(
        caller,
        store::ErrorRow {
            credential_id: request.credential_id,
            provider,
            message: text,
            cause: analysis.cause,
            failed_phase: failure.as_ref().map(|failure| failure.phase).map(Phase::code),
            error_code: failure.and_then(|failure| failure.code),
            // It connects: there is nothing left to be resolved.
            is_over: settings.is_some() && analysis.severity == crate::diagnosis::Severity::Info,
            analysis: serde_json::to_value(&analysis).map_err(|error| AppError::internal(&error))?,
            fixes: serde_json::to_value(&fixes).map_err(|error| AppError::internal(&error))?,
        },
    )
    .await?;
    Ok(Analysed { error_id, analysis, suggested_fixes: fixes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_read_from_its_first_word_on() {
        assert_eq!(beginning(&format!("{}refused ", " \n".repeat(LONGEST_MESSAGE))), "refused ");
        assert_eq!(beginning(&"ä".repeat(LONGEST_MESSAGE + 1)), "ä".repeat(LONGEST_MESSAGE));
        assert_eq!(beginning(&" ".repeat(LONGEST_MESSAGE + 1)), "");
    }
}
