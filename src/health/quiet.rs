//! Quiet mode: databases that sleep while nobody uses them are billed for being woken, and a check that logs in
//! wakes them. A quiet check goes no further than TCP and TLS, which the hoster's proxy answers while the database
//! behind it sleeps on.
//!
//! What is awake anyway is checked whole: as long as the last look found others at work, the next one looks again.
//! A look once a day finds what no proxy tells, such as a password that is no longer right. Trouble is looked at
//! until it is over, and whoever asks for a check gets a whole one.

use serde::{Deserialize, Serialize};

use crate::{connections::Provider, error::FieldError, probe::Depth, timestamp::Timestamp};

/// Whether checks of a connection are quiet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum QuietMode {
    /// Where the host is known for databases that sleep.
    #[default]
    Auto,
    /// Always.
    On,
    /// Never.
    Off,
}

/// Seconds between two looks at a database that nobody else uses.
const LOOK_EVERY_S: i64 = 86_400;

/// Hosts whose databases sleep: Neon suspends a compute after minutes, Supabase pauses projects.
/// <https://neon.com/docs/introduction/scale-to-zero>, <https://supabase.com/docs/guides/platform/upgrading>
const SLEEPERS: [&str; 5] = ["neon.tech", "neon.build", "supabase.co", "supabase.com", "supabase.net"];

impl QuietMode {
    /// Every mode.
    pub const ALL: [Self; 3] = [Self::Auto, Self::On, Self::Off];

    /// The stable name on the wire and in the database.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::On => "on",
            Self::Off => "off",
        }
    }

    /// The mode with this code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.code() == code)
    }

    /// As typed: a code, or nothing for the usual mode.
    ///
    /// # Errors
    ///
    /// For the field `quietMode`, where it is no mode.
    pub fn read(text: &str) -> Result<Self, FieldError> {
        match text.trim() {
            "" => Ok(Self::default()),
            code => Self::from_code(code)
                .ok_or_else(|| FieldError::new("quietMode", "The quiet mode is one of auto, on, off.")),
        }
    }

    /// What it means, for a person who chooses one.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Auto => "For Neon and Supabase",
            Self::On => "Always: let it sleep",
            Self::Off => "Never: log in at each check",
        }
    }

    /// Whether it counts for this host.
    #[must_use]
    pub fn applies(self, provider: Provider, host: &str) -> bool {
        Self::refusal(provider).is_none()
            && match self {
                Self::On => true,
                Self::Off => false,
                Self::Auto => provider == Provider::Supabase || sleeps(host),
            }
    }
}

impl QuietMode {
    /// Whether checks of this provider can be quiet at all, which is where they can stop after TLS without harm.
    ///
    /// # Errors
    ///
    /// For the field `quietMode`, where it is to be on and cannot be: why not.
    pub fn check(self, provider: Provider) -> Result<(), FieldError> {
        match Self::refusal(provider) {
            Some(why) if self == Self::On => Err(FieldError::new("quietMode", why)),
            _ => Ok(()),
        }
    }

    /// The mode itself where the provider has it, else the usual one.
    #[must_use]
    pub fn as_far_as(self, provider: Provider) -> Self {
        if Self::refusal(provider).is_some() { Self::default() } else { self }
    }

    /// Why checks of this provider cannot be quiet.
    const fn refusal(provider: Provider) -> Option<&'static str> {
        match provider {
            Provider::PostgreSql | Provider::MongoDb | Provider::Supabase => None,
            Provider::MySql => Some(
                "A check of MySQL or MariaDB has to log in: the server counts a connection that ends before the login \
                 as an error of this host, and blocks it after a hundred. Set the quiet mode to auto or off.",
            ),
            Provider::Firebase => Some(
                "Firebase has nothing that sleeps, so that no check of it is quiet. Set the quiet mode to auto or off.",
            ),
        }
    }
}

fn sleeps(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    SLEEPERS.iter().any(|domain| host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')))
}

/// What the last look that was answered found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastLook {
    /// When it was.
    pub at: Timestamp,
    /// Whether others were at work.
    pub others_at_work: bool,
}

/// How far a scheduled check goes where quiet mode applies; `is_down` is how it stands since the last check.
#[must_use]
pub fn depth(last: Option<LastLook>, is_down: bool, now: Timestamp) -> Depth {
    match last {
        Some(look) if !is_down && !look.others_at_work && look.at.plus_seconds(LOOK_EVERY_S) > now => Depth::Surface,
        _ => Depth::Look,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_that_sleep_are_known_by_their_domain() {
        for (provider, host, applies) in [
            (Provider::PostgreSql, "ep-cool-1.eu-central-1.aws.neon.tech", true),
            (Provider::PostgreSql, "aws-0-eu-west-1.pooler.supabase.com.", true),
            (Provider::PostgreSql, "db.abc.SUPABASE.co", true),
            (Provider::PostgreSql, "notneon.tech", false),
            (Provider::PostgreSql, "neon.tech.example.org", false),
            (Provider::Supabase, "api.example.org", true),
            (Provider::MySql, "x.neon.tech", false),
        ] {
            assert_eq!(QuietMode::Auto.applies(provider, host), applies, "{host}");
        }
        assert!(QuietMode::On.applies(Provider::PostgreSql, "10.0.0.1"));
        assert!(QuietMode::On.applies(Provider::MongoDb, "10.0.0.1"));
        assert!(!QuietMode::Auto.applies(Provider::MongoDb, "10.0.0.1"));
        assert!(!QuietMode::Off.applies(Provider::Supabase, "x.supabase.co"));
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_reason() {
        for provider in Provider::ALL {
            let possible = !matches!(provider, Provider::MySql | Provider::Firebase);
            assert_eq!(QuietMode::On.applies(provider, "10.0.0.1"), possible, "{provider}");
            assert_eq!(QuietMode::On.check(provider).is_ok(), possible, "{provider}");
            let kept = if possible { QuietMode::On } else { QuietMode::Auto };
            assert_eq!(QuietMode::On.as_far_as(provider), kept, "{provider}");
            for mode in [QuietMode::Auto, QuietMode::Off] {
                assert!(mode.check(provider).is_ok(), "{provider} {mode:?}");
            }
        }
        let refused = QuietMode::On.check(Provider::MySql).expect_err("MySQL");
        assert!(refused.field == "quietMode" && refused.message.contains("log in"), "{refused:?}");
    }

    #[test]
    fn it_looks_at_what_is_new_awake_down_or_long_unseen() {
        let now = Timestamp::from_micros(1_000_000_000_000_000);
        let look = |ago_s: i64, others_at_work| Some(LastLook { at: now.plus_seconds(-ago_s), others_at_work });
        for (last, is_down, depth_) in [
            (None, false, Depth::Look),
            (look(60, false), false, Depth::Surface),
            (look(60, true), false, Depth::Look),
            (look(60, false), true, Depth::Look),
            (look(86_399, false), false, Depth::Surface),
            (look(86_400, false), false, Depth::Look),
        ] {
            assert_eq!(depth(last, is_down, now), depth_, "{last:?} {is_down}");
        }
    }
}
