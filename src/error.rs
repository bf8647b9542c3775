//! The one error that reaches a person or an API client.
//!
//! Modules of the server have errors of their own with their sources; they become an [`AppError`] in
//! `error/server.rs` only, where what went wrong inside is logged once under an incident id and never shown.

use leptos::server_fn::{
    codec::JsonEncoding,
    error::{FromServerFnError, ServerFnErrorErr},
};
use serde::{Deserialize, Serialize};

#[cfg(feature = "ssr")]
pub mod server;

/// What is wrong with one field of a form or of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldError {
    /// The field's name as the form and the wire have it (`host`, `connectTimeoutMs`).
    pub field: String,
    /// A sentence for a person: what is wrong and what would be right. Never the value of a secret.
    pub message: String,
}

impl FieldError {
    /// An error of the field `field`.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

/// What a person or a client is told. Each variant names the HTTP status that it is answered with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum AppError {
    /// 400: the input cannot be used; at least one field.
    #[error("{}", join(.0))]
    Invalid(Vec<FieldError>),
    /// 401: no session or token, or one that no longer counts.
    #[error("Sign in to go on.")]
    Unauthenticated,
    /// 403: known, but not allowed; only where the thing's existence is public.
    #[error("{0}")]
    Forbidden(String),
    /// 404: not there, or not yours: the two are not told apart.
    #[error("There is nothing here, or it is not yours.")]
    NotFound,
    /// 409: it contradicts what is stored.
    #[error("{0}")]
    Conflict(String),
    /// 429: too many; seconds until it is worth trying again.
    #[error("Too many tries. Wait {0} s and try again.")]
    TooManyRequests(u32),
    /// 503: our own database or a needed part is away; it may pass by itself.
    #[error("{0}")]
    Unavailable(String),
    /// 500: our own fault, logged under this incident id.
    #[error("Something went wrong on our side. It is logged as incident {0}.")]
    Internal(String),
    /// The answer did not arrive: the browser could not reach the server or not read it.
    #[error("The server could not be reached: {0}")]
    Transport(String),
}

fn join(fields: &[FieldError]) -> String {
    let messages: Vec<&str> = fields.iter().map(|field| field.message.as_str()).collect();
    messages.join(" ")
}

impl AppError {
    /// One wrong field.
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldError::new(field, message)])
    }

    /// The message for `field`, where this is about that field.
    #[must_use]
    pub fn for_field(&self, field: &str) -> Option<String> {
        match self {
            Self::Invalid(fields) => {
                fields.iter().find(|error| error.field == field).map(|error| error.message.clone())
            }
            _ => None,
        }
    }

    /// The HTTP status that goes with it.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::Invalid(_) => 400,
            Self::Unauthenticated => 401,
            Self::Forbidden(_) => 403,
            Self::NotFound => 404,
            Self::Conflict(_) => 409,
            Self::TooManyRequests(_) => 429,
            Self::Internal(_) | Self::Transport(_) => 500,
            Self::Unavailable(_) => 503,
        }
    }
}

impl From<FieldError> for AppError {
    fn from(error: FieldError) -> Self {
        Self::Invalid(vec![error])
    }
}

impl FromServerFnError for AppError {
    type Encoder = JsonEncoding;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        match error {
            ServerFnErrorErr::Args(message)
            | ServerFnErrorErr::MissingArg(message)
            | ServerFnErrorErr::Deserialization(message) => {
                Self::invalid("", format!("The request could not be read: {message}"))
            }
            other => Self::Transport(other.to_string()),
        }
    }
}
