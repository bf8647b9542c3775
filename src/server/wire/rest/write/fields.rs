//! The columns that one object of a body sets, taken by their types.

use axum::http::StatusCode;
use serde_json::{Map, Value};
use uuid::{Uuid, fmt::Hyphenated};

use crate::{
    auth::server::Caller,
    server::wire::{
        WireError,
        rest::{
            error,
            tables::{Table, Type},
        },
    },
};

/// One object of a body, whose keys are columns of the table.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a> {
    table: &'static Table,
    object: &'a Map<String, Value>,
}

impl<'a> Fields<'a> {
    pub(super) const fn new(table: &'static Table, object: &'a Map<String, Value>) -> Self {
        Self { table, object }
    }

    /// `user_id` may be left out and may only be one's own; that another's was sent for `action` is recorded.
    pub(super) async fn require_own(self, caller: &Caller, action: &'static str) -> Result<(), WireError> {
        let own = caller.user_id().map_err(error::of_app)?;
        if self.uuid("user_id")?.flatten().is_none_or(|user| user == own.0) {
            return Ok(());
        }
        caller.record_refusal(action).await;
        Err(WireError::new(
            StatusCode::FORBIDDEN,
            "42501",
            format!("new row violates row-level security policy for table \"{}\"", self.table.name),
        )
        .details("user_id")
        .hint("Leave user_id out, or send your own."))
    }

    /// The id is made here: a secret is bound to it, and a chosen one would tell which others there are.
    pub(super) fn refuse_id(self) -> Result<(), WireError> {
        match self.object.get("id") {
            None | Some(Value::Null) => Ok(()),
            Some(_) => Err(fixed_id("cannot insert a non-DEFAULT value into column \"id\"")),
        }
    }

    /// The id may be sent along as it is.
    pub(super) fn require_id(self, id: Uuid) -> Result<(), WireError> {
        match self.uuid("id")? {
            None => Ok(()),
            Some(sent) if sent == Some(id) => Ok(()),
            Some(_) => Err(fixed_id("column \"id\" can only be updated to DEFAULT")),
        }
    }

    /// What is sent for a column that must not be null; none where nothing is.
    pub(super) fn value(self, name: &'static str) -> Result<Option<&'a Value>, WireError> {
        match self.object.get(name) {
            Some(Value::Null) => Err(self.null(name)),
            value => Ok(value),
        }
    }

    /// What must be sent.
    pub(super) fn required<T>(self, name: &'static str, value: Option<T>) -> Result<T, WireError> {
        value.ok_or_else(|| self.null(name))
    }

    pub(super) fn text(self, name: &'static str) -> Result<Option<&'a str>, WireError> {
        let Some(value) = self.value(name)? else { return Ok(None) };
        value.as_str().map(Some).ok_or_else(|| mistyped(name, Type::Text))
    }

    /// A text that may be null: `Some(None)`.
    #[expect(clippy::option_option, reason = "not sent, null and a value are three things")]
    pub(super) fn nullable_text(self, name: &'static str) -> Result<Option<Option<&'a str>>, WireError> {
        match self.object.get(name) {
            None => Ok(None),
            Some(Value::Null) => Ok(Some(None)),
            Some(value) => value.as_str().map(|text| Some(Some(text))).ok_or_else(|| mistyped(name, Type::Text)),
        }
    }

    pub(super) fn texts(self, name: &'static str) -> Result<Option<Vec<&'a str>>, WireError> {
        let Some(value) = self.value(name)? else { return Ok(None) };
        let texts = value.as_array().and_then(|items| items.iter().map(Value::as_str).collect());
        texts.map(Some).ok_or_else(|| mistyped(name, Type::TextArray))
    }

    pub(super) fn boolean(self, name: &'static str) -> Result<Option<bool>, WireError> {
        let Some(value) = self.value(name)? else { return Ok(None) };
        let read = value.as_bool().or_else(|| value.as_str()?.parse().ok());
        read.map(Some).ok_or_else(|| mistyped(name, Type::Boolean))
    }

    pub(super) fn number(self, name: &'static str) -> Result<Option<u32>, WireError> {
        let Some(value) = self.value(name)? else { return Ok(None) };
        let read = value.as_u64().or_else(|| value.as_str()?.parse().ok());
        read.and_then(|number| u32::try_from(number).ok()).map(Some).ok_or_else(|| mistyped(name, Type::Integer))
    }

    /// A uuid that may be null: `Some(None)`.
    #[expect(clippy::option_option, reason = "not sent, null and a value are three things")]
    pub(super) fn uuid(self, name: &'static str) -> Result<Option<Option<Uuid>>, WireError> {
        match self.object.get(name) {
            None => Ok(None),
            Some(Value::Null) => Ok(Some(None)),
            Some(value) => match value.as_str().and_then(|text| text.parse::<Hyphenated>().ok()) {
                Some(uuid) => Ok(Some(Some(uuid.into()))),
                None => Err(mistyped(name, Type::Uuid)),
            },
        }
    }

    /// A value that no check constraint of `name` lets through.
    pub(super) fn refused(self, name: &'static str, allowed: &str) -> WireError {
        WireError::new(
            StatusCode::BAD_REQUEST,
            "23514",
            format!("new row for relation \"{}\" violates the check of column \"{name}\"", self.table.name),
        )
        .details(name)
        .hint(allowed)
    }

    fn null(self, name: &'static str) -> WireError {
        WireError::new(
            StatusCode::BAD_REQUEST,
            "23502",
            format!("null value in column \"{name}\" of relation \"{}\" violates not-null constraint", self.table.name),
        )
        .details(name)
    }
}

fn fixed_id(message: &str) -> WireError {
    WireError::new(StatusCode::BAD_REQUEST, "428C9", message).details("id")
}

fn mistyped(name: &'static str, kind: Type) -> WireError {
    WireError::new(StatusCode::BAD_REQUEST, "22P02", format!("invalid input syntax for type {}: {name}", kind.sql()))
        .details(name)
}
