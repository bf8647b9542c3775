use std::collections::BTreeSet;

use super::*;
use crate::knowledge::redact::{Kind, Redactor};

/// Where a cause occurs only with some providers; the others occur with all five.
const SOME: &[(Cause, &[Provider])] = {
    use Provider::{Firebase, MongoDb, MySql, PostgreSql, Supabase};
    &[
        (Cause::SrvLookupFailed, &[MongoDb]),
        (Cause::Ipv6Unreachable, &[PostgreSql, MySql, MongoDb, Supabase]),
        (Cause::IdleConnectionClosed, &[PostgreSql, MySql, MongoDb, Supabase]),
        (Cause::WrongProtocol, &[PostgreSql, MySql, MongoDb, Supabase]),
        (Cause::TlsRequired, &[PostgreSql, MySql, MongoDb, Supabase]),
        (Cause::TlsNotSupported, &[PostgreSql, MySql, MongoDb]),
        (Cause::TlsHostnameMismatch, &[PostgreSql, MySql, MongoDb, Supabase]),
        (Cause::AuthWrongPassword, &[PostgreSql, MySql, MongoDb, Supabase]),
        (Cause::AuthUnknownUser, &[PostgreSql, MySql, MongoDb, Supabase]),
        (Cause::AuthMethodUnsupported, &[PostgreSql, MySql, MongoDb]),
        (Cause::AuthSourceWrong, &[MongoDb]),
        (Cause::AccessRuleDenied, &[PostgreSql, MySql, MongoDb, Supabase]),
        (Cause::HostBlocked, &[PostgreSql, MySql, MongoDb, Supabase]),
        (Cause::SecurityRulesDenied, &[PostgreSql, Firebase, Supabase]),
        (Cause::TooManyConnections, &[PostgreSql, MySql, MongoDb, Supabase]),
        (Cause::PoolExhausted, &[PostgreSql, MySql, MongoDb, Supabase]),
        (Cause::ServerStartingUp, &[PostgreSql, MySql, MongoDb, Supabase]),
        (Cause::ServerShuttingDown, &[PostgreSql, MySql, MongoDb, Supabase]),
        (Cause::NotPrimary, &[PostgreSql, MySql, MongoDb, Supabase]),
        (Cause::ServicePaused, &[PostgreSql, MySql, MongoDb, Supabase]),
        (Cause::PoolerTenantNotFound, &[PostgreSql, Supabase]),
        (Cause::ProjectNotFound, &[PostgreSql, Firebase, Supabase]),
        (Cause::ApiNotEnabled, &[Firebase, Supabase]),
        (Cause::InvalidApiKey, &[Firebase, Supabase]),
        (Cause::InvalidServiceAccount, &[Firebase]),
        (Cause::TokenExpired, &[PostgreSql, MySql, Firebase, Supabase]),
        (Cause::TokenInvalid, &[Firebase, Supabase]),
        (Cause::ClockSkew, &[MongoDb, Firebase, Supabase]),
        (Cause::DiskFull, &[PostgreSql, MySql, MongoDb, Supabase]),
        (Cause::PreparedStatementConflict, &[PostgreSql, Supabase]),
        (Cause::DriverServerIncompatible, &[PostgreSql, MySql, MongoDb, Supabase]),
    ]
};

#[test]
fn there_is_an_entry_for_each_cause_and_provider_where_it_occurs() {
    let entries = entries().expect("the stock can be read");
    for cause in Cause::ALL {
        let providers = SOME.iter().find(|(some, _)| some == cause).map_or(&Provider::ALL[..], |(_, some)| *some);
        for provider in Provider::ALL {
            let is_there = entries.iter().any(|entry| entry.cause == *cause && entry.provider == provider);
            assert_eq!(is_there, providers.contains(&provider), "{} with {provider}", cause.code());
        }
    }
    let keys: BTreeSet<&str> = entries.iter().map(|entry| entry.key.as_str()).collect();
    assert_eq!(keys.len(), entries.len(), "each entry has a key of its own");
    let categories: BTreeSet<&str> = entries.iter().map(|entry| entry.category.code()).collect();
    assert_eq!(categories.len(), Category::ALL.len());
}

#[test]
fn entries_are_whole() {
    for entry in entries().expect("the stock can be read") {
        assert!((10..=90).contains(&entry.title.len()) && !entry.title.ends_with('.'), "{}", entry.title);
        assert!((60..=500).contains(&entry.description.len()), "{}: {}", entry.key, entry.description.len());
        assert!((80..=900).contains(&entry.solution.len()), "{}: {}", entry.key, entry.solution.len());
        if entry.category == Category::ErrorResolution {
            assert!(!entry.code_examples.is_empty(), "{} has no example", entry.key);
        }
        for example in &entry.code_examples {
            assert!(!example.code.is_empty() && example.language.len() <= 10, "{}: {example:?}", entry.key);
        }
    }
}

#[test]
fn nothing_in_it_looks_like_a_key_or_belongs_to_anyone() {
    for entry in entries().expect("the stock can be read") {
        let mut texts = vec![entry.title, entry.description, entry.solution];
        texts.extend(entry.code_examples.into_iter().map(|example| example.code));
        for text in texts {
            let shown = Redactor::new().redact(&text);
            for kind in [Kind::Key, Kind::Token, Kind::Email] {
                let (now, before) =
                    (shown.matches(kind.placeholder()).count(), text.matches(kind.placeholder()).count());
                assert!(now <= before, "{}: {text}\n{shown}", entry.key);
            }
        }
    }
}
