//! What one check makes of a connection: the status, the one thing worth knowing, and the share of time in
//! which it answered.

use crate::{
    health::Status,
    probe::{Outcome, Phase, ProbeReport},
    timestamp::Timestamp,
};

/// Days before its end from which a certificate makes a connection degraded.
pub const CERTIFICATE_DAYS: i64 = 14;

/// What is said of a database that was left asleep.
const QUIET: &str = "quiet: reached, not woken";

const DAY_MICROS: i64 = 86_400 * 1_000_000;

/// What a check found, and what is worth saying of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The status.
    pub status: Status,
    /// Why it is degraded, or that nobody looked further; what is down has a cause to say it.
    pub note: Option<String>,
}

/// Judges the last attempt of a check: `attempts` were made, the connection counts as slow above
/// `slow_threshold_ms`.
#[must_use]
pub fn judge(report: &ProbeReport, attempts: u32, slow_threshold_ms: u32, now: Timestamp) -> Verdict {
    if !report.succeeded() {
        return Verdict { status: Status::Down, note: None };
    }
    let notes: Vec<String> =
        [slow_note(report, slow_threshold_ms), certificate_note(report, now), confirmation_note(attempts)]
            .into_iter()
            .flatten()
            .collect();
    if notes.is_empty() {
        let note = report.is_quiet().then(|| QUIET.to_owned());
        Verdict { status: Status::Healthy, note }
    } else {
        Verdict { status: Status::Degraded, note: Some(notes.join(" · ")) }
    }
}

fn slow_note(report: &ProbeReport, slow_threshold_ms: u32) -> Option<String> {
    let total = report.response_time_ms();
    if total <= slow_threshold_ms {
        return None;
    }
    let longest = report.phases.iter().filter(|phase| phase.outcome == Outcome::Ok).max_by_key(|phase| phase.micros)?;
    let spent = longest.micros / 1_000;
    Some(format!("slow at {}: {} of {} ms", in_a_sentence(longest.phase), thousands(spent), thousands(total)))
}

fn certificate_note(report: &ProbeReport, now: Timestamp) -> Option<String> {
    let left = report.tls.as_ref()?.expires_at()?.micros_since(now);
    if left > CERTIFICATE_DAYS * DAY_MICROS {
        return None;
    }
    Some(match left.div_euclid(DAY_MICROS) {
        ..0 => "the certificate has expired".to_owned(),
        0 => "the certificate ends within a day".to_owned(),
        1 => "the certificate ends in 1 day".to_owned(),
        days => format!("the certificate ends in {days} days"),
    })
}

fn confirmation_note(attempts: u32) -> Option<String> {
    (attempts > 1).then(|| format!("answered on attempt {attempts}"))
}

const fn in_a_sentence(phase: Phase) -> &'static str {
    match phase {
        Phase::Dns => "DNS",
        Phase::Tcp => "TCP",
        Phase::Tls => "TLS",
        Phase::Auth => "login",
        Phase::Database => "opening the database",
        Phase::Query => "the query",
    }
}

/// `3412` as `3,412`.
fn thousands(number: u32) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Seconds for which a check speaks: until the next one, at most twice the interval.
///
/// After that nobody knows, so a stopped monitor does not count as an outage, nor as uptime.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "microseconds of decades fit the 52 bits of a float")]
pub fn held_seconds(from: Timestamp, until: Timestamp, interval_s: u32) -> f64 {
    let longest = 2 * i64::from(interval_s) * 1_000_000;
    until.micros_since(from).clamp(0, longest) as f64 / 1_000_000.0
}

/// The share of time in which it answered, in percent with two decimals; none where nothing is known.
#[must_use]
pub fn uptime_percent(up_seconds: f64, down_seconds: f64) -> Option<f64> {
    let known = up_seconds + down_seconds;
    (known > 0.0).then(|| (10_000.0 * up_seconds / known).round() / 100.0)
}

/// The value below which `share` (0 to 1) of the sorted `values` lie, the nearest that occurs.
#[must_use]
pub fn percentile(sorted: &[u32], share: f64) -> Option<u32> {
    let last = sorted.len().checked_sub(1)?;
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index within a list, clamped to its ends"
    )]
    let index = ((last as f64) * share.clamp(0.0, 1.0)).round() as usize;
    sorted.get(index.min(last)).copied()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::probe::{Cause, CertificateFacts, Failure, PhaseResult, TlsFacts};

    const NOW: Timestamp = Timestamp::from_micros(1_787_409_125_000_000);

    fn answered(total_ms: u32, certificate_ends: Option<Timestamp>) -> ProbeReport {
        let phases = Phase::ALL
            .into_iter()
            .map(|phase| PhaseResult {
                phase,
                outcome: Outcome::Ok,
                micros: if phase == Phase::Auth { total_ms * 930 } else { 1_000 },
                detail: None,
            })
            .collect();
        let tls = certificate_ends.map(|not_after| TlsFacts {
            version: None,
            cipher: None,
            verified: true,
            chain: vec![CertificateFacts {
                subject: String::new(),
                issuer: String::new(),
                not_before: NOW,
                not_after,
                names: Vec::new(),
                sha256: String::new(),
            }],
        });
        ProbeReport {
            phases,
            total_micros: total_ms * 1_000,
            server_version: None,
            tls,
            address: None,
            others_at_work: None,
            failure: None,
        }
    }

    #[test]
    fn the_rules_one_by_one() {
        let in_days = |days: i64| Some(NOW.plus_seconds(days * 86_400));
        for (report, attempts, status, note) in [
            (answered(20, None), 1, Status::Healthy, None),
            (answered(3_000, None), 1, Status::Healthy, None),
            (answered(3_430, None), 1, Status::Degraded, Some("slow at login: 3,189 of 3,430 ms")),
            (answered(20, None), 2, Status::Degraded, Some("answered on attempt 2")),
            (answered(20, in_days(15)), 1, Status::Healthy, None),
            (answered(20, in_days(14)), 1, Status::Degraded, Some("the certificate ends in 14 days")),
            (answered(20, in_days(1)), 1, Status::Degraded, Some("the certificate ends in 1 day")),
            (answered(20, in_days(-3)), 1, Status::Degraded, Some("the certificate has expired")),
            (
                answered(4_000, in_days(2)),
                1,
                Status::Degraded,
                Some("slow at login: 3,720 of 4,000 ms · the certificate ends in 2 days"),
            ),
        ] {
            assert_eq!(judge(&report, attempts, 3_000, NOW), Verdict { status, note: note.map(str::to_owned) });
        }
        let failure = Failure {
            phase: Phase::Tcp,
            code: None,
            message: String::new(),
            cause: Cause::ConnectionRefused,
            also_possible: Vec::new(),
        };
        let down = ProbeReport { failure: Some(failure), ..answered(9_000, None) };
        assert_eq!(judge(&down, 3, 3_000, NOW), Verdict { status: Status::Down, note: None });
    }

    #[test]
    fn numbers_are_grouped() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (4_294_967_295, "4,294,967,295")] {
            assert_eq!(thousands(number), text);
        }
    }

    #[test]
    fn a_check_speaks_until_the_next_but_not_for_ever() {
        let close = |left: f64, right: f64| (left - right).abs() < 1e-9;
        assert!(close(held_seconds(NOW, NOW.plus_seconds(300), 300), 300.0));
        assert!(close(held_seconds(NOW, NOW.plus_seconds(6_000), 300), 600.0));
        assert!(close(held_seconds(NOW, NOW.plus_seconds(-5), 300), 0.0));
        assert_eq!(uptime_percent(0.0, 0.0), None);
        assert_eq!(uptime_percent(2.0, 1.0), Some(66.67));
        assert_eq!(uptime_percent(1.0, 0.0), Some(100.0));
    }

    #[test]
    fn percentiles_are_values_that_occur() {
        assert_eq!(percentile(&[], 0.5), None);
        assert_eq!(percentile(&[7], 0.95), Some(7));
        assert_eq!(percentile(&[1, 2, 3, 4, 100], 0.5), Some(3));
        assert_eq!(percentile(&[1, 2, 3, 4, 100], 0.95), Some(100));
    }

    proptest! {
        #[test]
        fn uptime_is_a_percentage(up in 0.0_f64..1e9, down in 0.0_f64..1e9) {
            if let Some(percent) = uptime_percent(up, down) {
                prop_assert!((0.0..=100.0).contains(&percent));
            }
        }
    }
}
