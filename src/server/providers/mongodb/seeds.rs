//! Where to look for the servers, and what the address says beside: from the settings, and for `mongodb+srv` from
//! the name service, which may say which replica set and which authentication database, and nothing else.

use tokio::time::Instant;

use crate::{
    connections::settings::{MongoDb, Settings},
    probe::{Cause, Phase},
    server::{
        egress::{Egress, EgressError, SeedList},
        providers::{Attempt, trace::Trace, trouble::Trouble},
    },
};

/// The service's name in SRV records.
const SERVICE: &str = "mongodb";
/// Servers that are tried for one connection; the time for connecting is shared among them.
const MAX_SEEDS: usize = 16;
/// Where users are kept if nothing else is said.
pub(super) const DEFAULT_AUTH_SOURCE: &str = "admin";

/// The servers to try, and what the name service says beside them; it is asked for an SRV address only.
pub(super) async fn seeds(
    egress: &Egress,
    settings: &Settings,
    special: &MongoDb,
    deadline: Instant,
) -> Result<SeedList, EgressError> {
    let mut found = if special.srv {
        egress.seed_list(SERVICE, &settings.host, deadline).await?
    } else {
        let first = (settings.host.clone(), settings.port);
        SeedList { seeds: std::iter::once(first).chain(special.more_hosts.iter().cloned()).collect(), text: None }
    };
    found.seeds.truncate(MAX_SEEDS);
    Ok(found)
}

/// What one attempt goes by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// The servers to try in turn, each a host and a port; never empty.
    pub seeds: Vec<(String, u16)>,
    /// The replica set that the server must belong to.
    pub replica_set: Option<String>,
    /// The database that knows the user.
    pub auth_source: String,
    /// Whether a load balancer stands before the servers, which then want to be told so.
    pub load_balanced: bool,
    /// Whether the servers come from an SRV record.
    pub is_listed: bool,
    /// Whether the server is wanted as it is, whatever its replica set says.
    pub direct: bool,
}

impl Plan {
    /// Makes the plan; the name service is asked within the DNS phase.
    pub async fn make(attempt: &Attempt<'_>, special: &MongoDb, trace: &mut Trace) -> Result<Self, Trouble> {
        let settings = attempt.settings;
        if special.srv {
            trace.begin(Phase::Dns);
        }
        let SeedList { seeds, text } = seeds(attempt.egress, settings, special, attempt.connect_deadline).await?;
        let said = text.as_deref().map(Said::read).transpose()?.unwrap_or_default();
        Ok(Self::of(settings, special, seeds, said))
    }

    /// The settings overrule what the name service says.
    fn of(settings: &Settings, special: &MongoDb, seeds: Vec<(String, u16)>, said: Said) -> Self {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        Self {
            seeds,
            replica_set: given(&special.replica_set).or(said.replica_set),
            auth_source: given(&special.auth_source)
                .or(said.auth_source)
                .or_else(|| given(&settings.database))
                .unwrap_or_else(|| DEFAULT_AUTH_SOURCE.to_owned()),
            load_balanced: said.load_balanced,
            is_listed: special.srv,
            direct: special.direct_connection == Some(true),
        }
    }
}

/// What a TXT record says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Said {
    auth_source: Option<String>,
    replica_set: Option<String>,
    load_balanced: bool,
}

impl Said {
    /// Reads `authSource=…&replicaSet=…&loadBalanced=…`. The name service is not to turn off TLS or to send the
    /// login elsewhere, so that any other option is refused, as MongoDB's specification has it.
    fn read(text: &str) -> Result<Self, Trouble> {
        let refused = |what: String| {
            let message = format!("The TXT record beside the SRV record {what}, so the address is not followed.");
            Err(Trouble::new(Cause::SrvLookupFailed, message).at(Phase::Dns))
        };
        let mut said = Self::default();
        for option in text.split('&').filter(|option| !option.is_empty()) {
            let (key, value) = option.split_once('=').unwrap_or((option, ""));
            let plain = value.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'%') && !value.is_empty();
            match key {
                _ if !plain => return refused(format!("has no plain value for “{key}”")),
                "authSource" => said.auth_source = Some(value.to_owned()),
                "replicaSet" => said.replica_set = Some(value.to_owned()),
                "loadBalanced" => said.load_balanced = value == "true",
                _ => return refused(format!("sets “{key}”")),
            }
        }
        Ok(said)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_text_record_may_say_three_things() {
        let said = |auth_source: Option<&str>, replica_set: Option<&str>, load_balanced| Said {
            auth_source: auth_source.map(str::to_owned),
            replica_set: replica_set.map(str::to_owned),
            load_balanced,
        };
        for (text, meant) in [
            ("authSource=admin&replicaSet=atlas-abc-shard-0", said(Some("admin"), Some("atlas-abc-shard-0"), false)),
            ("loadBalanced=true", said(None, None, true)),
            ("loadBalanced=false&", said(None, None, false)),
            ("", said(None, None, false)),
        ] {
            assert_eq!(Said::read(text).expect(text), meant);
        }
        for text in [
            "tls=false",
            "authSource=admin&socketTimeoutMS=1",
            "authSource",
            "authSource=",
            "replicaSet=%00",
            "replicaSet=a b",
            "v=spf1 -all",
        ] {
            let trouble = Said::read(text).expect_err(text);
            assert_eq!((trouble.cause, trouble.phase), (Some(Cause::SrvLookupFailed), Some(Phase::Dns)));
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in ".{0,80}") {
            let _ = Said::read(&text);
        }
    }
}
