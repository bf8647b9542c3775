//! How a configuration compares with those that work: the kinds of success that the checks of all accounts have
//! recorded. A kind is made of classes, so that nothing here can identify anyone's.

use serde::Serialize;
use utoipa::ToSchema;

use crate::knowledge::patterns::{Pattern, PatternCount};

/// How a configuration compares with those that work. Similar is what the same provider has on hosts of the same
/// class: a loopback, a private network, one hoster's service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Comparison {
    /// How many similar connections are known to work.
    pub similar_connections: u64,
    /// How many of them are set up like this one, in per cent; absent where there are none.
    pub success_rate: Option<f64>,
    /// What most of them do otherwise.
    pub differences: Vec<Difference>,
}

/// One thing that is done otherwise than is usual.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Difference {
    /// The field, as the form and the wire call it.
    pub field: &'static str,
    /// What is set here.
    pub yours: String,
    /// What most have.
    pub typical: String,
}

/// The field, its class in a kind, and the class in words.
type Aspect = (&'static str, fn(&Pattern) -> &str, fn(&str) -> &str);

impl Comparison {
    /// Compares `own` with what works.
    #[must_use]
    pub fn of(own: &Pattern, successes: &[PatternCount]) -> Self {
        let similar: Vec<&PatternCount> = successes
            .iter()
            .filter(|known| known.pattern.provider == own.provider && known.pattern.host_class == own.host_class)
            .collect();
        let all = total(&similar, |_| true);
        let alike = total(&similar, |pattern| pattern == own);
        let aspects: [Aspect; 3] = [
            ("tls", |pattern| &pattern.tls_mode, |mode| mode),
            ("port", |pattern| &pattern.port_class, port_words),
            ("host", |pattern| &pattern.route, route_words),
        ];
        let differences = aspects.into_iter().filter_map(|(field, class, words)| {
            let yours = class(own);
            // What more than half of them have.
            let typical = similar
                .iter()
                .map(|known| class(&known.pattern))
                .find(|usual| 2 * total(&similar, |pattern| class(pattern) == *usual) > all)?;
            let words = |class| words(class).to_owned();
            (typical != yours).then(|| Difference { field, yours: words(yours), typical: words(typical) })
        });
        #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52 connections")]
        let success_rate = (all > 0).then(|| (alike as f64 / all as f64 * 1_000.0).round() / 10.0);
        Self { similar_connections: all, success_rate, differences: differences.collect() }
    }
}

/// How many connections are of the kinds that `belongs` picks.
fn total(kinds: &[&PatternCount], belongs: impl Fn(&Pattern) -> bool) -> u64 {
    kinds.iter().filter(|known| belongs(&known.pattern)).map(|known| known.count).sum()
}

fn port_words(class: &str) -> &str {
    match class {
        "default" => "the usual port",
        "pooler" => "the port of a pooler",
        _ => "another port",
    }
}

fn route_words(route: &str) -> &str {
    match route {
        "session_pooler" => "a pooler in session mode",
        "transaction_pooler" => "a pooler in transaction mode",
        "pooler" => "a pooler",
        _ => "the server itself",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn known(text: &str, count: u64) -> PatternCount {
        PatternCount { pattern: pattern(text), count }
    }

    fn pattern(text: &str) -> Pattern {
        let mut words = text.split(' ').map(str::to_owned);
        let mut next = || words.next().expect("five classes");
        Pattern { provider: next(), port_class: next(), tls_mode: next(), route: next(), host_class: next() }
    }

    fn differences(comparison: &Comparison) -> Vec<String> {
        comparison.differences.iter().map(|it| format!("{}: {} / {}", it.field, it.yours, it.typical)).collect()
    }

    #[test]
    fn what_most_do_is_typical_of_the_same_provider_and_class_of_host() {
        let successes = [
            known("postgresql default verify-full direct aws", 6),
            known("postgresql other verify-full direct aws", 1),
            known("postgresql default require direct aws", 3),
            known("postgresql default disable direct loopback", 90),
            known("mysql default disable direct aws", 90),
        ];
        let same = Comparison::of(&pattern("postgresql default verify-full direct aws"), &successes);
        assert_eq!((same.similar_connections, same.success_rate, same.differences.len()), (10, Some(60.0), 0));

        let other = Comparison::of(&pattern("postgresql pooler require transaction_pooler aws"), &successes);
        assert_eq!(other.success_rate, Some(0.0));
        assert_eq!(
            differences(&other),
            [
                "tls: require / verify-full",
                "port: the port of a pooler / the usual port",
                "host: a pooler in transaction mode / the server itself",
            ]
        );
    }

    #[test]
    fn where_nothing_is_known_nothing_is_claimed() {
        let none = Comparison::of(&pattern("mongodb default require direct atlas"), &[]);
        assert_eq!(none, Comparison::default());
        // Two halves are no majority.
        let halves = [known("mysql default require direct aws", 2), known("mysql default verify-full direct aws", 2)];
        let compared = Comparison::of(&pattern("mysql default disable direct aws"), &halves);
        assert_eq!((compared.similar_connections, differences(&compared)), (4, vec![]));
    }

    proptest! {
        #[test]
        fn the_rate_is_a_share(counts in proptest::collection::vec(1_u64..1_000_000, 0..6)) {
            let modes = ["disable", "prefer", "require", "verify-ca", "verify-full"];
            let successes: Vec<PatternCount> =
                counts.iter().zip(modes).map(|(count, mode)| known(&format!("mysql default {mode} direct aws"), *count)).collect();
            let compared = Comparison::of(&pattern("mysql default require direct aws"), &successes);
            prop_assert_eq!(compared.success_rate.is_some(), !successes.is_empty());
            prop_assert!(compared.success_rate.is_none_or(|rate| (0.0..=100.0).contains(&rate)));
        }
    }
}
