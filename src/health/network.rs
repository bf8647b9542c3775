//! Is it us? When nothing answers any more, the likeliest thing to be broken is our own network, and then
//! nothing is known about the targets.

use std::collections::BTreeMap;

use crate::{
    probe::{Cause, Phase, ProbeReport},
    timestamp::Timestamp,
};

/// Distinct hosts that have to be silent before our own network is in doubt.
pub const SILENT_HOSTS: usize = 3;

/// What one check says about our own network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// Something came back, be it a refusal: the network works.
    Works,
    /// Nothing came back: no name, no route, no answer.
    Silent,
    /// Neither (loopback, settings that cannot be used).
    Nothing,
}

/// Reads the evidence from the last attempt of a check of `host`.
#[must_use]
pub fn evidence(host: &str, report: &ProbeReport) -> Evidence {
    if is_loopback(host) {
        return Evidence::Nothing;
    }
    match &report.failure {
        None => Evidence::Works,
        Some(failure) => match failure.cause {
            Cause::DnsNotFound
            | Cause::SrvLookupFailed
            | Cause::HostUnreachable
            | Cause::Ipv6Unreachable
            | Cause::ConnectTimeout
            | Cause::Unreachable => Evidence::Silent,
            Cause::InvalidConnectionString | Cause::CredentialsMissing | Cause::DriverMisconfigured => {
                Evidence::Nothing
            }
            // A server that stalled after TCP was made still answered once.
            _ if failure.phase == Phase::Dns => Evidence::Silent,
            _ => Evidence::Works,
        },
    }
}

/// Whether `host` is this machine.
#[must_use]
pub fn is_loopback(host: &str) -> bool {
    let name = host.trim_end_matches('.');
    name.eq_ignore_ascii_case("localhost")
        || name.to_ascii_lowercase().ends_with(".localhost")
        || name.starts_with('/')
        || name.parse().is_ok_and(|address: std::net::IpAddr| address.to_canonical().is_loopback())
}

/// What is to be thought of our own network while hosts are silent and no control target answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outage {
    /// It works: something came back since.
    No,
    /// Too few hosts were asked to say.
    Suspected,
    /// Nothing comes back from anywhere.
    Certain,
}

/// The hosts from which nothing came back since anything last did, and since when each of them was known to be silent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Silence(BTreeMap<String, Timestamp>);

impl Silence {
    /// Of hosts, in whatever case they are written.
    #[must_use]
    pub fn of(hosts: impl IntoIterator<Item = (String, Timestamp)>) -> Self {
        Self(hosts.into_iter().map(|(host, at)| (host.to_ascii_lowercase(), at)).collect())
    }

    /// The hosts, in lower case.
    pub fn hosts(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Those among them that were silent within the last `interval_s` seconds before `now`.
    #[must_use]
    pub fn within(&self, interval_s: u32, now: Timestamp) -> Self {
        let oldest = now.plus_seconds(-i64::from(interval_s));
        Self(self.0.iter().filter(|(_, at)| **at >= oldest).map(|(host, at)| (host.clone(), *at)).collect())
    }

    /// Whether our own network is why nothing came back from `host` at `now`: within the last `interval_s` seconds
    /// nothing came back from anywhere, and at least [`SILENT_HOSTS`] hosts were asked.
    #[must_use]
    pub fn outage(&self, host: &str, interval_s: u32, now: Timestamp) -> Outage {
        if !self.0.contains_key(&host.to_ascii_lowercase()) {
            return Outage::No;
        }
        if self.within(interval_s, now).0.len() >= SILENT_HOSTS { Outage::Certain } else { Outage::Suspected }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::Failure;

    const NOW: Timestamp = Timestamp::from_micros(1_787_409_125_000_000);

    fn report(failure: Option<(Phase, Cause)>) -> ProbeReport {
        let failure = failure.map(|(phase, cause)| Failure {
            phase,
            code: None,
            message: String::new(),
            cause,
            also_possible: Vec::new(),
        });
        ProbeReport {
            phases: Vec::new(),
            total_micros: 0,
            server_version: None,
            tls: None,
            address: None,
            others_at_work: None,
            failure,
        }
    }

    #[test]
    fn a_refusal_proves_the_network_and_loopback_proves_nothing() {
        for (host, failure, expected) in [
            ("db.example.org", None, Evidence::Works),
            ("db.example.org", Some((Phase::Tcp, Cause::ConnectionRefused)), Evidence::Works),
            ("db.example.org", Some((Phase::Auth, Cause::AuthWrongPassword)), Evidence::Works),
            ("db.example.org", Some((Phase::Dns, Cause::DnsNotFound)), Evidence::Silent),
            ("db.example.org", Some((Phase::Tcp, Cause::ConnectTimeout)), Evidence::Silent),
            ("10.0.0.5", Some((Phase::Tcp, Cause::HostUnreachable)), Evidence::Silent),
            ("db.example.org", Some((Phase::Dns, Cause::InvalidConnectionString)), Evidence::Nothing),
            ("127.0.0.1", None, Evidence::Nothing),
            ("::1", Some((Phase::Tcp, Cause::ConnectTimeout)), Evidence::Nothing),
            ("LOCALHOST.", None, Evidence::Nothing),
        ] {
            assert_eq!(evidence(host, &report(failure)), expected, "{host} {failure:?}");
        }
    }

    #[test]
    fn doubt_takes_three_silent_hosts_within_one_interval_and_nothing_that_works() {
        let of = |hosts: &[(&str, i64)]| {
            Silence::of(hosts.iter().map(|(host, seconds)| ((*host).to_owned(), NOW.plus_seconds(*seconds))))
        };
        let two = of(&[("a.example.org", 0), ("A.example.org", 0), ("b.example.org", 0)]);
        assert_eq!(two.outage("a.example.org", 300, NOW), Outage::Suspected, "two hosts are not three");
        let three = of(&[("a.example.org", 0), ("b.example.org", 0), ("c.example.org", 100)]);
        assert_eq!(three.outage("B.example.org", 300, NOW.plus_seconds(100)), Outage::Certain);
        let later = NOW.plus_seconds(301);
        assert_eq!(three.outage("c.example.org", 300, later), Outage::Suspected, "the first two are too long ago");
        assert_eq!(three.within(300, later).hosts().collect::<Vec<_>>(), ["c.example.org"]);
        assert_eq!(three.outage("d.example.org", 300, NOW), Outage::No, "something came back since it was silent");
        assert_eq!(Silence::default().outage("a.example.org", 300, NOW), Outage::No);
    }
}
