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

/// The hosts from which nothing came back since anything last did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Silence(BTreeMap<String, Timestamp>);

impl Silence {
    /// Takes in what a check of `host` that ended at `at` said.
    pub fn observe(&mut self, host: &str, evidence: Evidence, at: Timestamp) {
        match evidence {
            Evidence::Works => self.0.clear(),
            Evidence::Silent => {
                self.0.insert(host.to_ascii_lowercase(), at);
            }
            Evidence::Nothing => {}
        }
    }

    /// Whether our own network is in doubt at `now`: within the last `interval_s` seconds nothing came back
    /// from anywhere, and at least [`SILENT_HOSTS`] hosts were asked. A control target decides.
    pub fn casts_doubt(&mut self, interval_s: u32, now: Timestamp) -> bool {
        let oldest = now.plus_seconds(-i64::from(interval_s));
        self.0.retain(|_, at| *at >= oldest);
        self.0.len() >= SILENT_HOSTS
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
        let mut silence = Silence::default();
        for host in ["a.example.org", "A.example.org", "b.example.org"] {
            silence.observe(host, Evidence::Silent, NOW);
        }
        assert!(!silence.casts_doubt(300, NOW), "two hosts are not three");
        silence.observe("c.example.org", Evidence::Silent, NOW.plus_seconds(100));
        assert!(silence.casts_doubt(300, NOW.plus_seconds(100)));
        assert!(!silence.casts_doubt(300, NOW.plus_seconds(301)), "the first two are older than an interval");
        for host in ["a.example.org", "b.example.org", "c.example.org"] {
            silence.observe(host, Evidence::Silent, NOW.plus_seconds(310));
        }
        silence.observe("d.example.org", Evidence::Works, NOW.plus_seconds(311));
        assert!(!silence.casts_doubt(300, NOW.plus_seconds(311)), "something came back");
    }
}
