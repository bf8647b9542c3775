//! The rules, grouped by what they look at. Each names its source.

mod certificate;
mod experience;
mod login;
mod mongodb;
mod place;
mod services;
mod transport;

use super::{Finding, Subject};
use crate::connections::{
    Provider,
    settings::{PublicSpecial, is_private_host},
};

/// Everything that is found.
pub(super) fn all(subject: &Subject) -> Vec<Finding> {
    let mut findings = Vec::new();
    // Firebase, and Supabase without its Postgres, have no server of their own to judge.
    if !subject.settings.host.is_empty() {
        transport::judge(subject, &mut findings);
        login::judge(subject, &mut findings);
        place::judge(subject, &mut findings);
        certificate::judge(subject, &mut findings);
    }
    match &subject.settings.special {
        PublicSpecial::Plain => {}
        PublicSpecial::MongoDb(mongodb) => mongodb::judge(subject, mongodb, &mut findings),
        PublicSpecial::Firebase(firebase) => services::firebase(subject, firebase, &mut findings),
        PublicSpecial::Supabase(supabase) => services::supabase(subject, supabase, &mut findings),
    }
    if subject.settings.host.is_empty() && subject.provider != Provider::Firebase {
        place::time_limit(subject, &mut findings);
    }
    experience::judge(subject, &mut findings);
    findings
}

/// How far a host is away, as far as the settings tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    /// This machine: nobody is on the way.
    Loopback,
    /// A private network.
    Private,
    /// The internet, or what must be taken for it.
    Public,
}

impl Reach {
    fn of(host: &str) -> Self {
        let name = host.trim_end_matches('.').to_ascii_lowercase();
        let loopback = match name.parse::<std::net::IpAddr>() {
            Ok(address) => address.to_canonical().is_loopback(),
            Err(_) => name == "localhost" || name.ends_with(".localhost"),
        };
        if loopback {
            Self::Loopback
        } else if is_private_host(host) {
            Self::Private
        } else {
            Self::Public
        }
    }

    /// The farthest host of the settings.
    fn of_subject(subject: &Subject) -> Self {
        let first = Self::of(&subject.settings.host);
        match &subject.settings.special {
            PublicSpecial::MongoDb(mongodb) => {
                mongodb.more_hosts.iter().map(|(host, _)| Self::of(host)).fold(first, Self::max)
            }
            _ => first,
        }
    }
}

/// Hosts of services whose ports, users and databases are given and cannot be chosen.
fn is_managed(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    [
        ".supabase.co",
        ".supabase.com",
        ".neon.tech",
        ".rds.amazonaws.com",
        ".database.azure.com",
        ".mongodb.net",
        ".psdb.cloud",
        ".aivencloud.com",
        ".ondigitalocean.com",
        ".render.com",
        ".cosmos.azure.com",
    ]
    .iter()
    .any(|end| host.ends_with(end))
}
