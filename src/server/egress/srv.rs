//! Seed lists: the servers behind a name whose SRV records list them, as `mongodb+srv` has it. Where they lead is
//! judged like any host when it is dialled; here it is held to the domain of the name.

use std::{io, net::SocketAddr};

use hickory_resolver::{
    TokioResolver,
    config::{ConnectionConfig, NameServerConfig, ResolverConfig},
    net::{NetError, runtime::TokioRuntimeProvider},
    proto::rr::RData,
};
use tokio::time::{Instant, timeout_at};

use super::{Barred, Egress, EgressError, Host, HostError, out_of_files, policy};
use crate::probe::Phase;

/// The servers behind a name, and the text beside them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeedList {
    /// Host and port of each, the preferred first; never empty.
    pub seeds: Vec<(String, u16)>,
    /// The TXT record of the name.
    pub text: Option<String>,
}

/// Why a name has no seed list.
#[derive(Debug, thiserror::Error)]
pub enum SrvError {
    /// There are no such records.
    #[error("The name {name} has no SRV record.")]
    NotFound {
        /// The whole name that was asked for.
        name: String,
    },
    /// The name server could not say for now.
    #[error("The records of {name} could not be looked up: the resolver gave no answer for now.")]
    Failed {
        /// The whole name that was asked for.
        name: String,
        /// What the resolver said; absent where the time ran out first.
        source: Option<NetError>,
    },
    /// A server outside of the name's domain: whoever answers for the name must not send logins elsewhere.
    #[error("The SRV record leads to {target}, which is outside of {domain}; it is not followed.")]
    Foreign {
        /// Where it leads.
        target: String,
        /// Where it may lead.
        domain: String,
    },
    /// More than one text.
    #[error("The name {name} has more than one TXT record; it cannot be told which one holds.")]
    SeveralTexts {
        /// The name.
        name: String,
    },
}

impl SrvError {
    /// The resolver's code.
    pub(super) const fn code(&self) -> Option<&'static str> {
        match self {
            Self::NotFound { .. } => Some("ENOTFOUND"),
            Self::Failed { .. } => Some("EAI_AGAIN"),
            Self::Foreign { .. } | Self::SeveralTexts { .. } => None,
        }
    }
}

impl Egress {
    /// The seed list of `host`: the SRV records of `_service._tcp.host`, and the TXT record of `host` itself.
    ///
    /// # Errors
    ///
    /// [`EgressError`] of the DNS phase.
    pub async fn seed_list(&self, service: &str, host: &str, deadline: Instant) -> Result<SeedList, EgressError> {
        let Host::Name(host) = Host::parse(host)? else { return Err(HostError::Malformed.into()) };
        if policy::is_metadata_name(&host) {
            return Err(EgressError::Barred { host, reason: Barred::Metadata });
        }
        let name = format!("_{service}._tcp.{host}");
        match timeout_at(deadline, self.look_up(&name, &host)).await {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(error)) => Err(match out_of_files() {
                Some(source) => EgressError::OutOfFiles { phase: Phase::Dns, source },
                None => error.into(),
            }),
            Err(_) => Err(SrvError::Failed { name, source: None }.into()),
        }
    }

    async fn look_up(&self, name: &str, host: &str) -> Result<SeedList, SrvError> {
        let failed = |name: &str, error: NetError| SrvError::Failed { name: name.to_owned(), source: Some(error) };
        let resolver = self.resolver().map_err(|error| failed(name, error))?;
        let records = match resolver.srv_lookup(absolute(name)).await {
            Ok(found) => found,
            Err(error) if error.is_no_records_found() => return Err(SrvError::NotFound { name: name.to_owned() }),
            Err(error) => return Err(failed(name, error)),
        };
        let mut seeds: Vec<(u16, String, u16)> = Vec::new();
        for record in records.answers() {
            if let RData::SRV(srv) = &record.data {
                seeds.push((srv.priority, within(host, &srv.target.to_ascii())?, srv.port));
            }
        }
        if seeds.is_empty() {
            return Err(SrvError::NotFound { name: name.to_owned() });
        }
        seeds.sort_by_key(|(priority, ..)| *priority);
        let seeds = seeds.into_iter().map(|(_, host, port)| (host, port)).collect();

        let texts = match resolver.txt_lookup(absolute(host)).await {
            Ok(found) => found.answers().iter().filter_map(|record| text(&record.data)).collect::<Vec<_>>(),
            Err(error) if error.is_no_records_found() => Vec::new(),
            Err(error) => return Err(failed(host, error)),
        };
        match <[String; 1]>::try_from(texts) {
            Ok([text]) => Ok(SeedList { seeds, text: Some(text) }),
            Err(texts) if texts.is_empty() => Ok(SeedList { seeds, text: None }),
            Err(_) => Err(SrvError::SeveralTexts { name: host.to_owned() }),
        }
    }

    /// The machine's resolver as it is configured now, or the name server that was set.
    fn resolver(&self) -> Result<TokioResolver, NetError> {
        match self.name_server {
            None => TokioResolver::builder_tokio()?.build(),
            Some(server) => {
                let config = ResolverConfig::from_parts(None, Vec::new(), vec![name_server(server)]);
                TokioResolver::builder_with_config(config, TokioRuntimeProvider::default()).build()
            }
        }
    }

    /// The addresses of `name` by the name server that was set.
    pub(super) async fn ask_name_server(&self, name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let found: Result<_, NetError> = async { self.resolver()?.lookup_ip(absolute(name)).await }.await;
        match found {
            Ok(found) => Ok(found.iter().map(|address| SocketAddr::new(address, port)).collect()),
            Err(error) if error.is_no_records_found() => Err(io::Error::new(io::ErrorKind::NotFound, error)),
            Err(error) => Err(io::Error::new(io::ErrorKind::TimedOut, error)),
        }
    }
}

fn name_server(at: SocketAddr) -> NameServerConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
        connection.port = at.port();
        connection
    });
    NameServerConfig::new(at.ip(), true, connections.into())
}

/// With the final dot that keeps a resolver from trying its search domains.
fn absolute(name: &str) -> String {
    format!("{name}.")
}

/// `target` as a host, where it lies in the same domain as `host`: under the name without its first label, or under
/// the whole name where that has fewer than three labels (MongoDB's specification of seed lists).
fn within(host: &str, target: &str) -> Result<String, SrvError> {
    let domain = match host.split_once('.') {
        Some((_, parent)) if parent.contains('.') => parent,
        _ => host,
    };
    let target = target.strip_suffix('.').unwrap_or(target).to_ascii_lowercase();
    let inside = target.strip_suffix(domain).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'));
    if inside { Ok(target) } else { Err(SrvError::Foreign { target, domain: domain.to_owned() }) }
}

/// The strings of a TXT record, joined.
fn text(data: &RData) -> Option<String> {
    let RData::TXT(txt) = data else { return None };
    Some(String::from_utf8_lossy(&txt.txt_data.concat()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_lies_in_the_domain_of_the_name() {
        for (host, target, allowed) in [
            ("cluster0.abcde.mongodb.net", "cluster0-shard-00-00.abcde.mongodb.net.", true),
            ("cluster0.abcde.mongodb.net", "Cluster0-shard-00-00.ABCDE.mongodb.net", true),
            ("cluster0.abcde.mongodb.net", "a.b.abcde.mongodb.net.", true),
            ("cluster0.abcde.mongodb.net", "abcde.mongodb.net.", false),
            ("cluster0.abcde.mongodb.net", "other.mongodb.net.", false),
            ("cluster0.abcde.mongodb.net", "xabcde.mongodb.net.", false),
            ("cluster0.abcde.mongodb.net", "a.abcde.mongodb.net.evil.example.", false),
            ("cluster0.abcde.mongodb.net", ".", false),
            ("example.org", "db.example.org.", true),
            ("example.org", "example.org.", false),
            ("example.org", "db.other.org.", false),
            ("localhost", "db.localhost.", true),
            ("localhost", "localhost.", false),
        ] {
            assert_eq!(within(host, target).is_ok(), allowed, "{host} -> {target}");
        }
    }
}
