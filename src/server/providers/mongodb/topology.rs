//! What a server says of itself and its replica set in answer to `hello`. The members that it names are read for
//! what they tell and never connected to: a server that lies must not lead anywhere.

use std::ops::RangeInclusive;

use super::message::Reply;
use crate::{probe::Cause, server::providers::trouble::Trouble};

/// The versions of the wire protocol that are spoken here: from the one of 3.6, the first with `OP_MSG`, to the one of
/// 8.2. A server tells the oldest and the newest that it speaks, and every client goes by whether the two ranges meet.
const WIRE_VERSIONS: RangeInclusive<i64> = 6..=27;

/// What a server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// In no replica set.
    Standalone,
    /// The router of a sharded cluster.
    Router,
    /// The member that takes writes.
    Primary,
    /// A member that follows.
    Secondary,
    /// A member that votes and holds no data.
    Arbiter,
    /// A member that is starting, recovering or removed.
    Recovering,
    /// Started for a replica set that was never initiated.
    Uninitiated,
}

/// A server's answer to `hello`, as far as it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hello {
    role: Role,
    set_name: Option<String>,
    primary: Option<String>,
    /// The versions of the wire protocol that it speaks, as far as it tells.
    wire_versions: (Option<i64>, Option<i64>),
    /// The login mechanisms of the user that was asked about; absent where the server does not tell.
    pub mechanisms: Option<Vec<String>>,
}

impl Hello {
    /// Reads the answer to `hello`, or to `isMaster`, its name before 4.4.
    pub fn read(reply: &Reply) -> Self {
        let set_name = reply.text("setName").map(str::to_owned);
        let role = if reply.is("isreplicaset") {
            Role::Uninitiated
        } else if reply.text("msg") == Some("isdbgrid") {
            Role::Router
        } else if set_name.is_none() {
            Role::Standalone
        } else if reply.is("isWritablePrimary") || reply.is("ismaster") {
            Role::Primary
        } else if reply.is("secondary") {
            Role::Secondary
        } else if reply.is("arbiterOnly") {
            Role::Arbiter
        } else {
            Role::Recovering
        };
        let mechanisms = reply.texts("saslSupportedMechs");
        Self {
            role,
            set_name,
            primary: reply.text("primary").filter(|name| !name.is_empty()).map(str::to_owned),
            wire_versions: (reply.number("minWireVersion"), reply.number("maxWireVersion")),
            mechanisms: mechanisms.map(|names| names.into_iter().map(str::to_owned).collect()),
        }
    }

    /// What it is, in a few words.
    pub fn describe(&self) -> String {
        match (self.role, &self.set_name) {
            (Role::Router, _) => "MongoDB (a router)".to_owned(),
            (_, Some(name)) => format!("MongoDB (of the replica set {name})"),
            (_, None) => "MongoDB".to_owned(),
        }
    }

    /// The server must speak a version of the wire protocol that is spoken here. One that does not tell is taken as
    /// it is: it was asked in that protocol and answered.
    pub fn check_version(&self) -> Result<(), Trouble> {
        let (oldest, newest) = self.wire_versions;
        let (first, last) = (*WIRE_VERSIONS.start(), *WIRE_VERSIONS.end());
        let message = if let Some(oldest) = oldest.filter(|oldest| *oldest > last) {
            format!(
                "The server speaks MongoDB's wire protocol from version {oldest} on; Mooring's client, like the drivers \
                 of its time, knows versions up to {last}. The server is newer than it."
            )
        } else if let Some(newest) = newest.filter(|newest| *newest < first) {
            format!(
                "The server speaks MongoDB's wire protocol up to version {newest}; today's clients need version {first} \
                 (MongoDB 3.6) or newer."
            )
        } else {
            return Ok(());
        };
        Err(Trouble::new(Cause::DriverServerIncompatible, message))
    }

    /// The replica set that the settings name must be the server's.
    pub fn check_set(&self, asked: &str) -> Result<(), Trouble> {
        let found = match (self.role, self.set_name.as_deref()) {
            (_, Some(name)) if name == asked => return Ok(()),
            (Role::Router, _) => "is the router of a sharded cluster".to_owned(),
            (Role::Uninitiated, _) => return Err(uninitiated()),
            (_, Some(name)) => format!("belongs to the replica set “{name}”"),
            (_, None) => "belongs to no replica set".to_owned(),
        };
        Err(Trouble::new(Cause::DriverMisconfigured, format!("The server {found}; the settings ask for “{asked}”.")))
    }

    /// In a few words, who it is; or why a client would find nobody to write to. Who asks for one member directly
    /// takes it as it is.
    pub fn verdict(&self, direct: bool) -> Result<String, Trouble> {
        let not_primary = |message: String, also: &[Cause]| Err(Trouble::new(Cause::NotPrimary, message).also(also));
        match (self.role, &self.primary) {
            (Role::Standalone, _) => Ok("answered".to_owned()),
            (Role::Router, _) => Ok("answered by a router".to_owned()),
            (Role::Primary, _) => Ok("answered by the primary".to_owned()),
            (Role::Secondary, Some(primary)) => Ok(format!("answered by a secondary; the primary is {primary}")),
            (Role::Secondary, None) if direct => Ok("answered by a secondary; there is no primary".to_owned()),
            (Role::Arbiter, _) if direct => Ok("answered by an arbiter".to_owned()),
            (Role::Recovering, _) if direct => Ok("answered by a member that is not in service".to_owned()),
            (Role::Secondary, None) => not_primary("The replica set has no primary at present.".to_owned(), &[]),
            (Role::Arbiter, _) => not_primary(
                "The server is an arbiter: it votes and holds no data. Name another member.".to_owned(),
                &[],
            ),
            (Role::Recovering, _) => not_primary(
                "The server is a member that is starting or recovering, neither primary nor secondary.".to_owned(),
                &[Cause::ServerStartingUp],
            ),
            (Role::Uninitiated, _) => Err(uninitiated()),
        }
    }
}

fn uninitiated() -> Trouble {
    let message = "The server was started for a replica set that has not been initiated, or not with this server.";
    Trouble::new(Cause::NotPrimary, message).also(&[Cause::ServerStartingUp])
}

#[cfg(test)]
mod tests {
    use bson::{RawDocumentBuf, rawdoc};

    use super::*;

    fn hello(document: RawDocumentBuf) -> Hello {
        Hello::read(&Reply::from(document))
    }

    #[test]
    fn a_server_is_what_it_says_and_a_set_without_a_primary_is_down() {
        let cause = Some(Cause::NotPrimary);
        for (document, note, indirect) in [
            (rawdoc! { "isWritablePrimary": true }, "answered", None),
            (rawdoc! { "ismaster": true, "msg": "isdbgrid" }, "answered by a router", None),
            (rawdoc! { "isWritablePrimary": true, "setName": "rs0" }, "answered by the primary", None),
            (rawdoc! { "ismaster": true, "setName": "rs0" }, "answered by the primary", None),
            (
                rawdoc! { "secondary": true, "setName": "rs0", "primary": "db1:27017" },
                "answered by a secondary; the primary is db1:27017",
                None,
            ),
            (rawdoc! { "secondary": true, "setName": "rs0" }, "answered by a secondary; there is no primary", cause),
            (rawdoc! { "arbiterOnly": true, "setName": "rs0" }, "answered by an arbiter", cause),
            (rawdoc! { "setName": "rs0" }, "answered by a member that is not in service", cause),
        ] {
            let hello = hello(document);
            assert_eq!(hello.verdict(true).ok().as_deref(), Some(note), "{hello:?}");
            assert_eq!(hello.verdict(false).err().and_then(|trouble| trouble.cause), indirect, "{hello:?}");
        }
        let fresh = hello(rawdoc! { "isreplicaset": true, "ismaster": false });
        assert!(fresh.verdict(true).is_err() && fresh.check_set("rs0").is_err());
    }

    #[test]
    fn another_replica_set_is_named() {
        for (document, says) in [
            (rawdoc! { "setName": "rs1", "secondary": true }, "belongs to the replica set “rs1”"),
            (rawdoc! { "isWritablePrimary": true }, "belongs to no replica set"),
            (rawdoc! { "msg": "isdbgrid" }, "is the router of a sharded cluster"),
        ] {
            let trouble = hello(document).check_set("rs0").expect_err("another set");
            assert_eq!(trouble.cause, Some(Cause::DriverMisconfigured));
            assert!(trouble.message.contains(says) && trouble.message.contains("“rs0”"), "{}", trouble.message);
        }
        assert!(hello(rawdoc! { "setName": "rs0" }).check_set("rs0").is_ok());
    }

    #[test]
    fn a_server_of_another_age_is_told_as_such() {
        for (document, says) in [
            (rawdoc! {}, None),
            (rawdoc! { "minWireVersion": 0, "maxWireVersion": 6 }, None),
            (rawdoc! { "minWireVersion": 0, "maxWireVersion": 90 }, None),
            (rawdoc! { "minWireVersion": 27, "maxWireVersion": 27 }, None),
            (rawdoc! { "minWireVersion": 100, "maxWireVersion": 100 }, Some("from version 100 on")),
            (rawdoc! { "minWireVersion": 0, "maxWireVersion": 2 }, Some("up to version 2;")),
            (rawdoc! { "maxWireVersion": "2" }, None),
        ] {
            let found = hello(document.clone()).check_version().err();
            assert_eq!(
                found.as_ref().map(|trouble| trouble.cause),
                says.map(|_| Some(Cause::DriverServerIncompatible))
            );
            let message = found.map(|trouble| trouble.message).unwrap_or_default();
            assert!(message.contains(says.unwrap_or_default()), "{document:?}: {message}");
        }
    }

    #[test]
    fn what_is_not_as_it_should_be_is_passed_over() {
        let odd = hello(rawdoc! {
            "setName": 5, "isWritablePrimary": "yes", "primary": "", "saslSupportedMechs": ["SCRAM-SHA-256", 7]
        });
        assert_eq!(odd.role, Role::Standalone);
        assert_eq!((odd.primary, odd.mechanisms), (None, Some(vec!["SCRAM-SHA-256".to_owned()])));
    }
}
