//! Where the server is: its address, port and database, and how long it is waited for.
//!
//! Sources: OWASP Database Security Cheat Sheet, "Connecting to the Database" (keep it off the internet);
//! CIS MySQL 8.0, 9.x and CIS MongoDB 7, 6.1 "Ensure that MongoDB uses a non-default port"; PostgreSQL's
//! manual, 23.3 "Template Databases", and 21.1; CIS MySQL 8.0, 4.2 (example and test databases).

use std::net::IpAddr;

use super::{
    super::{Change, Finding, Subject, Target},
    Reach, is_managed,
};
use crate::connections::{
    Provider,
    settings::{PublicSpecial, Settings},
};

/// Seconds of patience that are no longer of use to a check.
const LONG_TIMEOUT_MS: u32 = 30_000;

pub(super) fn judge(subject: &Subject, findings: &mut Vec<Finding>) {
    let settings = &subject.settings;
    let managed = is_managed(&settings.host);
    if Reach::of_subject(subject) == Reach::Public {
        let is_address = settings.host.parse::<IpAddr>().is_ok();
        findings.push(if is_address {
            Finding::warning(
                5,
                "host",
                "public_address",
                "The server has a public address, and certificates rarely name one.",
                "Keep the server in a private network, or let its firewall accept this server only; use a host name.",
            )
        } else {
            Finding::info(
                2,
                "host",
                "public_address",
                "The server is reached over the internet.",
                "Keep it in a private network, or let its firewall accept known addresses only.",
            )
        });
        let has_port = !matches!(&settings.special, PublicSpecial::MongoDb(mongodb) if mongodb.srv);
        if has_port && !managed && settings.port == subject.provider.default_port() {
            findings.push(Finding::info(
                2,
                "port",
                "default_port",
                "The server listens on the port that is tried first.",
                "Choose another port where it can be reached from the internet. It keeps off noise, not attackers.",
            ));
        }
    }
    if !managed {
        database(subject, findings);
    }
    time_limit(subject, findings);
}

fn database(subject: &Subject, findings: &mut Vec<Finding>) {
    let name = subject.settings.database.as_deref().unwrap_or_default();
    let system: &[&str] = match subject.provider {
        Provider::PostgreSql => &["postgres", "template0", "template1"],
        Provider::MySql => &["information_schema", "mysql", "performance_schema", "sys", "test"],
        Provider::MongoDb => &["admin", "config", "local", "test"],
        Provider::Firebase | Provider::Supabase => return,
    };
    if system.contains(&name) {
        findings.push(Finding::info(
            2,
            "database",
            "system_database",
            &format!("{name} is a database of the server's own, or for trying things out: that it opens says nothing of yours."),
            "Enter the database that your application uses.",
        ));
    }
}

/// A time limit that is not set, or that waits too long.
pub(super) fn time_limit(subject: &Subject, findings: &mut Vec<Finding>) {
    let usual = Settings::DEFAULT_CONNECT_TIMEOUT_MS.to_string();
    match subject.settings.connect_timeout_ms {
        None => findings.push(
            Finding::info(
                1,
                "connectTimeoutMs",
                "timeout_missing",
                "No time to connect is set; checks wait for 5,000 ms, and your application may wait for ever.",
                "Set one here and in your application.",
            )
            .with(Change::set(Target::ConnectTimeoutMs, &usual)),
        ),
        Some(LONG_TIMEOUT_MS..) => findings.push(
            Finding::info(
                1,
                "connectTimeoutMs",
                "timeout_long",
                "A server that takes 30 seconds to be reached is down for whoever waits for it.",
                "Wait for 5,000 ms.",
            )
            .with(Change::set(Target::ConnectTimeoutMs, &usual)),
        ),
        Some(_) => {}
    }
}
