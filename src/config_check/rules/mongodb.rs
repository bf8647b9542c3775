//! MongoDB's own: seeds, replica sets and mechanisms.
//!
//! Sources: MongoDB's manual, "Connection Strings" (SRV, `authSource`, `directConnection`, `replicaSet`) and
//! "SCRAM"; the drivers' specifications "URI options" (direct connections take one host).

use super::super::{Change, Finding, Subject, Target};
use crate::connections::settings::{AuthMechanism, MongoDb};

pub(super) fn judge(subject: &Subject, mongodb: &MongoDb, findings: &mut Vec<Finding>) {
    let settings = &subject.settings;
    let has_many = !mongodb.more_hosts.is_empty();
    if mongodb.direct_connection == Some(true) && (has_many || mongodb.srv) {
        findings.push(
            Finding::error(
                20,
                "directConnection",
                "direct_connection_to_many",
                "A direct connection is to one server, and here are several: drivers refuse this.",
                "Let it follow the replica set, or name one server.",
            )
            .with(Change::set(Target::DirectConnection, "false")),
        );
    }
    if has_many && mongodb.replica_set.is_none() {
        findings.push(Finding::warning(
            3,
            "replicaSet",
            "replica_set_missing",
            "Several servers are named, but not their replica set: a server of another one would be taken for theirs.",
            "Enter the name of the replica set.",
        ));
    }
    if !mongodb.srv && !has_many && settings.host.to_ascii_lowercase().ends_with(".mongodb.net") {
        findings.push(Finding::warning(
            3,
            "host",
            "atlas_single_member",
            "This is one member of a cluster: when another becomes the primary, writes fail here.",
            "Use the mongodb+srv address that Atlas shows.",
        ));
    }
    let has_own_database = settings.database.as_deref().is_some_and(|name| !matches!(name, "admin" | ""));
    if settings.username.is_some()
        && !mongodb.srv
        && mongodb.auth_source.is_none()
        && mongodb.auth_mechanism != Some(AuthMechanism::X509)
        && has_own_database
    {
        findings.push(
            Finding::info(
                2,
                "authSource",
                "auth_source_missing",
                "No authentication database is set, so the user is looked for in the database that is opened; most users are in admin.",
                "Set authSource, so that a change of the database does not break the login.",
            )
            .with(Change::set(Target::AuthSource, "admin")),
        );
    }
    if mongodb.auth_mechanism == Some(AuthMechanism::ScramSha1) {
        findings.push(
            Finding::warning(
                5,
                "authMechanism",
                "scram_sha1",
                "SCRAM-SHA-1 is for servers before 4.0: its hashes are faster to guess from.",
                "Use SCRAM-SHA-256.",
            )
            .with(Change::set(Target::AuthMechanism, AuthMechanism::ScramSha256.code())),
        );
    }
}
