//! What a server says when it does not carry out a command: a number, the number's name and a text. What it comes
//! down to is the classifier's to say; here is only what the attempt itself goes by.

use super::message::Reply;
use crate::server::providers::trouble::Trouble;

/// `Unauthorized`.
const UNAUTHORIZED: i64 = 13;
/// `AuthenticationFailed`.
const AUTHENTICATION_FAILED: i64 = 18;
/// Everything that Atlas's proxy refuses by itself (`AtlasError`).
const ATLAS: i64 = 8000;

/// An answer with `ok: 0`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ServerError {
    /// The number; 0 where there is none.
    pub code: i64,
    name: String,
    message: String,
}

impl ServerError {
    /// Reads it from the answer.
    pub fn read(reply: &Reply) -> Self {
        let text = |key| reply.text(key).unwrap_or_default().to_owned();
        Self { code: reply.number("code").unwrap_or_default(), name: text("codeName"), message: text("errmsg") }
    }

    /// Whether the login was refused, without a word on what was wrong with it.
    pub fn is_bad_login(&self) -> bool {
        self.code == AUTHENTICATION_FAILED || (self.code == ATLAS && self.has("bad auth"))
    }

    /// Whether the mechanism cannot be used: `MechanismUnavailable`, or `BadValue` from servers that do not know it.
    pub fn is_about_mechanism(&self) -> bool {
        self.code == 334 || (self.code == 2 && self.has("mechanism"))
    }

    /// Whether a login is asked for where there was none.
    pub fn asks_for_login(&self) -> bool {
        self.code == UNAUTHORIZED || self.has("requires authentication")
    }

    /// Whether the server does not know, have or allow the command as it was asked: unknown, unknown fields, not in
    /// its version of the API, not in this kind of cluster, not without a privilege.
    pub const fn is_not_for_us(&self) -> bool {
        matches!(self.code, UNAUTHORIZED | 2 | 9 | 59 | 72 | 115 | 323 | ATLAS | 40_415)
    }

    /// Whether the server does not know the command (`CommandNotFound`).
    pub const fn is_unknown_command(&self) -> bool {
        self.code == 59
    }

    fn has(&self, part: &str) -> bool {
        self.message.to_ascii_lowercase().contains(part)
    }

    /// The failure that it is.
    pub fn trouble(&self) -> Trouble {
        let message = match (self.message.trim(), self.name.as_str()) {
            ("", "") => "The server refused without a reason.".to_owned(),
            ("", name) => name.to_owned(),
            (message, "") => format!("{message} (code {})", self.code),
            (message, name) => format!("{message} ({name}, code {})", self.code),
        };
        let trouble = Trouble { message, ..Trouble::default() };
        if self.code == 0 { trouble } else { trouble.code(self.code.to_string()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(code: i64, name: &str, message: &str) -> ServerError {
        ServerError { code, name: name.to_owned(), message: message.to_owned() }
    }

    #[test]
    fn a_message_names_its_code() {
        assert_eq!(
            error(18, "AuthenticationFailed", "Authentication failed.").trouble().message,
            "Authentication failed. (AuthenticationFailed, code 18)"
        );
        assert_eq!(error(0, "", "").trouble().message, "The server refused without a reason.");
        assert_eq!(error(0, "", "").trouble().code, None);
    }

    #[test]
    fn refusals_of_a_login_are_told_apart() {
        for (code, message, bad_login, mechanism) in [
            (18, "Authentication failed.", true, false),
            (8000, "bad auth : Authentication failed.", true, false),
            (8000, "user is not allowed to do action [find] on [shop.orders]", false, false),
            (334, "Unsupported mechanism", false, true),
            (2, "Received authentication for mechanism SCRAM-SHA-1 which is not enabled", false, true),
            (2, "something else", false, false),
            (13, "command ping requires authentication", false, false),
        ] {
            let error = error(code, "", message);
            assert_eq!((error.is_bad_login(), error.is_about_mechanism()), (bad_login, mechanism), "{code}: {message}");
        }
        assert!(error(8000, "AtlasError", "command listDatabases requires authentication").asks_for_login());
    }
}
