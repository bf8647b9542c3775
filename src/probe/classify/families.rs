//! Families of wording, in English; other languages are in [`super::languages`]. Libraries word the same thing in
//! few ways, and wrap each other's words: so the wordings that name a root cause come before the symptoms.

mod clients;
mod symptoms;
mod telling;

use self::symptoms::LOOSE;
pub(super) use self::{
    clients::OWN,
    symptoms::{GENERAL, VAGUE},
    telling::TELLING,
};
use super::{Found, languages, text::Words};
use crate::{
    connections::Provider::{self, Firebase, MongoDb, MySql, PostgreSql, Supabase},
    probe::Cause,
};

/// Wordings that mean one thing. The first family that fits wins.
pub(super) struct Family {
    pub cause: Cause,
    /// What else it may be, best first.
    pub also: &'static [Cause],
    /// Whose words these are; anyone's where it is empty.
    pub of: &'static [Provider],
    /// One of these has to be said; `*` stands for a name or a number.
    pub wordings: &'static [&'static str],
}

macro_rules! families {
    ($($cause:ident [$($also:ident)*] $(@ $($of:ident)+)?: $($wording:literal),+;)*) => {
        &[$(Family {
            cause: Cause::$cause,
            also: &[$(Cause::$also),*],
            of: &[$($($of),+)?],
            wordings: &[$($wording),+],
        }),*]
    };
}
pub(super) use families;

/// Those whose words a text may hold.
pub(super) struct Speakers(Vec<Provider>);

impl Speakers {
    /// Nobody in particular.
    pub const fn anyone() -> Self {
        Self(Vec::new())
    }

    /// These.
    pub fn of(providers: &[Provider]) -> Self {
        Self(providers.to_vec())
    }

    /// The provider that is known, and those whose names stand in the text.
    pub fn hinted(known: Option<Provider>, words: &Words) -> Self {
        let hinted = HINTS.iter().filter(|(_, names)| words.any(names)).map(|(provider, _)| *provider);
        Self(known.into_iter().chain(hinted).collect())
    }

    /// Whether `provider` may be among them.
    pub fn include(&self, provider: Provider) -> bool {
        self.0.contains(&provider)
    }
}

/// What gives a provider away.
const HINTS: &[(Provider, &[&str])] = &[
    (
        PostgreSql,
        &[
            "postgres",
            "psycopg",
            "psql",
            "pq:",
            "pg::",
            "pgbouncer",
            "libpq",
            "asyncpg",
            "npgsql",
            "pg_hba",
            "redshift",
        ],
    ),
    (
        MySql,
        &[
            "mysql",
            "mariadb",
            "pdoexception",
            "sqlstate[hy000]",
            "sqlstate[42000]",
            "planetscale",
            "(hy000)",
            "(42000)",
            "(28000)",
            "(08004)",
            "(08s01)",
        ],
    ),
    (MongoDb, &["mongo", "codename", "sasl conversation", "sasl authentication step"]),
    (
        Firebase,
        &[
            "firebase",
            "firestore",
            "googleapis",
            "google-cloud",
            "google.api",
            "google.auth",
            "gaxios",
            "grpc",
            "identitytoolkit",
            "fcm",
            "oauth2",
            "oauth 2",
            "permission_denied",
            "unauthenticated",
            "not_found",
            "deadline_exceeded",
        ],
    ),
    (Supabase, &["supabase", "gotrue", "postgrest", "supavisor", "pgrst", "kong"]),
];

/// What the words say, by all lists in order.
pub(super) fn judge(words: &Words, speakers: &Speakers) -> Option<Found> {
    [OWN, TELLING, languages::TELLING, GENERAL, languages::GENERAL]
        .iter()
        .find_map(|list| first(list, words, speakers))
        .or_else(|| loosely(words, speakers))
        .or_else(|| first(VAGUE, words, speakers))
}

/// What the wordings that name a root cause say.
pub(super) fn named(words: &Words, speakers: &Speakers) -> Option<Found> {
    [OWN, TELLING].iter().find_map(|list| first(list, words, speakers))
}

/// What a subject and a complaint near each other say; names are neither.
pub(super) fn loosely(words: &Words, speakers: &Speakers) -> Option<Found> {
    first(LOOSE, &words.without_names(), speakers)
}

/// What the first family of `list` that fits says.
pub(super) fn first(list: &[Family], words: &Words, speakers: &Speakers) -> Option<Found> {
    list.iter()
        .filter(|family| family.of.is_empty() || family.of.iter().any(|provider| speakers.include(*provider)))
        .find(|family| family.wordings.iter().any(|wording| words.says(wording)))
        .map(|family| match family.cause {
            Cause::HostUnreachable if words.has_public_ipv6() || words.has("ipv6") => {
                Found::or(Cause::Ipv6Unreachable, &[Cause::HostUnreachable])
            }
            cause => Found::or(cause, family.also),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_wording_stands_behind_itself() {
        let mut said: std::collections::HashSet<&str> = std::collections::HashSet::new();
        let mut dead = Vec::new();
        for family in [OWN, TELLING, GENERAL, VAGUE].into_iter().flatten() {
            dead.extend(family.wordings.iter().copied().filter(|wording| said.contains(wording)));
            // What only some providers say may mean something else to the others.
            if family.of.is_empty() {
                said.extend(family.wordings);
            }
        }
        assert_eq!(dead, Vec::<&str>::new());
    }
}
