//! Accounts, sessions, API tokens and the [`Caller`](server::Caller), which is what everyone needs before
//! anything else: only it hands out a handle to the database.

//!
//! What happens at a sign-in: the try is counted (`server/throttle.rs`), the password compared away from the
//! async threads (`server/password_hash.rs`), and the browser gets a new session id, so that one that was
//! planted beforehand is worth nothing. Where the account has a second factor, the session is only half
//! signed in until a code follows (`server/second_factor.rs`). From then on `server::caller()` turns the
//! session into a `Caller`, and refuses what another site made the browser send.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::{
    ids::{TokenId, UserId},
    timestamp::Timestamp,
};

pub mod api;
pub mod email;
pub mod password;
#[cfg(feature = "ssr")]
pub mod server;
pub mod ui;

/// What an account may do beyond its own things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Accounts, status, settings; never another's connections.
    Admin,
    /// One's own things.
    Member,
}

impl Role {
    /// The stable name.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Member => "member",
        }
    }

    /// The word that people read.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Admin => "Administrator",
            Self::Member => "Member",
        }
    }

    /// The role with this code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        [Self::Admin, Self::Member].into_iter().find(|role| role.code() == code)
    }
}

/// What an API token may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Everything of one's own.
    Full,
    /// Reads only.
    Read,
    /// The scheduled sweep only.
    Cron,
}

impl Scope {
    /// What it allows, in a few words.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Full => "Everything of mine",
            Self::Read => "Read only",
            Self::Cron => "Run the scheduled checks only",
        }
    }

    /// Every scope, the widest first.
    pub const ALL: [Self; 3] = [Self::Full, Self::Read, Self::Cron];

    /// The stable name.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Read => "read",
            Self::Cron => "cron",
        }
    }

    /// The scope with this code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.code() == code)
    }
}

/// The account that is signed in, as its own pages show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Me {
    /// The account.
    pub id: UserId,
    /// Its e-mail address.
    pub email: String,
    /// What it may do.
    pub role: Role,
}

/// An account as administrators see it: never what it keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountSummary {
    /// The account.
    pub id: UserId,
    /// Its e-mail address.
    pub email: String,
    /// What it may do.
    pub role: Role,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last signed in.
    pub last_sign_in_at: Option<Timestamp>,
    /// How many connections it has.
    pub connections: u32,
}

/// What becomes of the connections of an account that is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Disposal {
    /// Another account gets them, with their history.
    Transfer,
    /// They go with it.
    Delete,
}

impl Disposal {
    /// The stable name.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Transfer => "transfer",
            Self::Delete => "delete",
        }
    }
}

/// Whether an account can be made by whoever asks now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignUpState {
    /// There is no account yet: the next one becomes the administrator.
    First {
        /// It must come with the code that stands in the server's log.
        code_needed: bool,
    },
    /// Anyone may make one.
    Open,
    /// Nobody may: there are accounts already, or they are made on the command line.
    Closed,
}

/// What a sign-in page needs to know before anyone is signed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstRun {
    /// Whether there is any account.
    pub has_accounts: bool,
    /// Whether one can be made.
    pub sign_up: SignUpState,
    /// The e-mail address of a form that was refused a moment ago, for a browser without JavaScript.
    pub typed_email: Option<String>,
}

/// How far a sign-in came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignInStep {
    /// Signed in.
    Done,
    /// The password was right; a code must follow.
    CodeNeeded,
}

/// Where the second factor of one's own account stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecondFactor {
    /// Not asked for.
    Off,
    /// A key was made; it counts once a first code has shown that the app has it.
    Pending(TotpKey),
    /// Asked for at each sign-in.
    On {
        /// How many recovery codes are left.
        recovery_codes_left: u32,
    },
}

/// The key for an authenticator app, as a QR code and as text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TotpKey {
    /// Base32, to be typed where nothing can be scanned.
    pub key: String,
    /// The QR code's width and height in modules, without the quiet zone.
    pub qr_size: u32,
    /// Its dark modules as the data of an SVG path, one unit a module.
    pub qr_path: String,
}

/// An API token as the list shows it; the token itself is not kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiToken {
    /// The row.
    pub id: TokenId,
    /// What its owner calls it.
    pub name: String,
    /// Its first characters, by which a person knows it again.
    pub prefix: String,
    /// What it may do.
    pub scope: Scope,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// Since when it no longer counts.
    pub revoked_at: Option<Timestamp>,
}

/// A token that was just made.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewToken {
    /// The row.
    pub id: TokenId,
    /// `mrg_…`: shown this once.
    pub token: String,
}

/// What the form for tokens starts with, for a browser without JavaScript: it comes back to it by a redirect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptToken {
    /// The token that it made a moment ago; a second look finds none.
    pub made: Option<NewToken>,
    /// The name, where it was refused.
    pub name: String,
    /// What the token may do.
    pub scope: Scope,
}

impl std::fmt::Debug for NewToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewToken").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The path to go to after signing in: `next` where it is a path on this site, else the start page. What a
/// browser could read as another site (`//host`, `/\\host`) or as a header (line ends) is not one.
#[must_use]
pub fn safe_next(next: Option<&str>) -> &str {
    match next {
        Some(path)
            if path.starts_with('/')
                && !path.starts_with("//")
                && path.len() <= 2_000
                && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') =>
        {
            path
        }
        _ => "/",
    }
}

/// The address of the sign-in page that leads back to `path` afterwards.
#[must_use]
pub fn sign_in_path(path: &str) -> String {
    if safe_next(Some(path)) == "/" {
        return "/sign-in".to_owned();
    }
    let mut address = "/sign-in?next=".to_owned();
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.' | b'~') {
            address.push(char::from(byte));
        } else {
            // Writing into a string cannot fail.
            let _ = write!(address, "%{byte:02X}");
        }
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_is_one_parameter() {
        assert_eq!(sign_in_path("/"), "/sign-in");
        assert_eq!(sign_in_path("//evil.example"), "/sign-in");
        assert_eq!(sign_in_path("/settings"), "/sign-in?next=/settings");
        assert_eq!(
            sign_in_path("/board?status=down&sort=name#x"),
            "/sign-in?next=/board%3Fstatus%3Ddown%26sort%3Dname%23x"
        );
    }

    #[test]
    fn next_stays_on_this_site() {
        for (next, wanted) in [
            (None, "/"),
            (Some("/settings?tab=tokens"), "/settings?tab=tokens"),
            (Some(""), "/"),
            (Some("settings"), "/"),
            (Some("//evil.example"), "/"),
            (Some("/\\evil.example"), "/"),
            (Some("/a\r\nSet-Cookie: x"), "/"),
            (Some("/\u{e4}"), "/"),
            (Some("https://evil.example"), "/"),
        ] {
            assert_eq!(safe_next(next), wanted, "{next:?}");
        }
    }

    #[test]
    fn a_new_token_does_not_debug_itself() {
        let token = NewToken { id: TokenId(uuid::Uuid::nil()), token: "mrg_secret".to_owned() };
        assert!(!format!("{token:?}").contains("secret"));
    }
}
