//! What a staged probe saw of the connection that a message is about. Evidence beats text: a name that resolves
//! is not missing, whatever the message says.

use super::Verdict;
use crate::probe::{Cause, Phase};

/// What a staged probe saw of one phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It works.
    Passed(Phase),
    /// It fails, for this reason.
    Failed(Phase, Cause),
}

/// How far a cause that was seen can be relied on: it may be another than the one that the message was about.
const WORTH: u8 = 98;

/// The verdict on the text after what was seen.
pub(super) fn overrule(told: Verdict, seen: &[Seen]) -> Verdict {
    let passed = |cause: &Cause| belongs_to(*cause).is_some_and(|phase| seen.contains(&Seen::Passed(phase)));
    let failed = seen.iter().find_map(|seen| match seen {
        Seen::Failed(_, cause) if *cause != Cause::Unknown => Some(*cause),
        _ => None,
    });
    let mut possible: Vec<Cause> = [told.cause].into_iter().chain(told.also_possible).collect();
    possible.retain(|cause| !passed(cause));
    match failed {
        Some(cause) => {
            possible
                .retain(|other| *other != cause && *other != Cause::Unknown && belongs_to(*other) == belongs_to(cause));
            Verdict { cause, also_possible: possible, confidence: WORTH }
        }
        None if possible.first() == Some(&told.cause) => {
            Verdict { cause: told.cause, also_possible: possible.split_off(1), confidence: told.confidence }
        }
        // What the text means first is ruled out. The next best stands on less.
        None if !possible.is_empty() => {
            let cause = possible.remove(0);
            Verdict { cause, also_possible: possible, confidence: told.confidence / 2 }
        }
        None => Verdict { cause: Cause::Unknown, also_possible: Vec::new(), confidence: 0 },
    }
}

/// The phase that cannot pass while this is the cause. What comes and goes, such as a full server, has none: that
/// it works now does not say that it worked then.
const fn belongs_to(cause: Cause) -> Option<Phase> {
    use Cause as C;

    Some(match cause {
        C::DnsNotFound | C::SrvLookupFailed => Phase::Dns,
        C::ConnectionRefused | C::HostUnreachable | C::Ipv6Unreachable | C::ConnectTimeout | C::Unreachable => {
            Phase::Tcp
        }
        C::TlsRequired
        | C::TlsNotSupported
        | C::TlsCertUntrusted
        | C::TlsCertExpired
        | C::TlsHostnameMismatch
        | C::TlsProtocolMismatch => Phase::Tls,
        C::AuthWrongPassword
        | C::AuthUnknownUser
        | C::AuthMethodUnsupported
        | C::AuthSourceWrong
        | C::AccessRuleDenied
        | C::HostBlocked
        | C::PoolerTenantNotFound
        | C::CredentialsMissing
        | C::InvalidApiKey
        | C::InvalidServiceAccount
        | C::TokenExpired
        | C::TokenInvalid => Phase::Auth,
        C::DatabaseNotFound => Phase::Database,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::classify::{Evidence, classify};

    fn judged(text: &str, seen: &[Seen]) -> Verdict {
        classify(&Evidence { text, seen, ..Evidence::default() })
    }

    #[test]
    fn what_failed_is_the_cause() {
        let verdict = judged("connect ETIMEDOUT 10.0.0.1:5432", &[Seen::Failed(Phase::Tcp, Cause::ConnectionRefused)]);
        assert_eq!(verdict.cause, Cause::ConnectionRefused);
        // Another cause of the same phase stays possible, one of another phase does not.
        assert_eq!(verdict.also_possible, [Cause::ConnectTimeout]);
        let verdict = judged("password authentication failed", &[Seen::Failed(Phase::Tcp, Cause::ConnectTimeout)]);
        assert_eq!((verdict.cause, verdict.also_possible), (Cause::ConnectTimeout, Vec::new()));
    }

    #[test]
    fn what_passed_is_not() {
        let plain = judged("Peer authentication failed for user", &[]);
        assert_eq!(plain.cause, Cause::AuthMethodUnsupported);
        let verdict = judged("Peer authentication failed for user", &[Seen::Passed(Phase::Auth)]);
        assert_eq!((verdict.cause, verdict.confidence), (Cause::Unknown, 0));
        let refused = judged("could not connect", &[Seen::Passed(Phase::Dns)]);
        assert_eq!(refused, judged("could not connect", &[]), "a phase that the text is not about changes nothing");
        let told = judged("no pg_hba.conf entry for host \"h\", no encryption", &[Seen::Passed(Phase::Tls)]);
        assert_eq!((told.cause, told.also_possible), (Cause::AccessRuleDenied, Vec::new()));
        let full = judged("sorry, too many clients already", &[Seen::Passed(Phase::Auth), Seen::Passed(Phase::Query)]);
        assert_eq!(full.cause, Cause::TooManyConnections, "that it works now does not say that it worked then");
    }

    #[test]
    fn a_failure_without_a_reason_says_nothing() {
        let seen = [Seen::Failed(Phase::Tls, Cause::Unknown)];
        assert_eq!(judged("certificate has expired", &seen), judged("certificate has expired", &[]));
    }
}
