//! What a person looks at: the board of all connections, and the dashboard of one. Composes what other features
//! know; holds no data of its own. Here: which rows of the board are shown, and in which order.

use std::{cmp::Ordering, collections::BTreeSet};

use crate::health::{BoardRow, Status};

pub mod api;
pub mod ui;

#[cfg(feature = "ssr")]
pub mod server;

/// Which rows of the board.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shown {
    /// All of them.
    #[default]
    All,
    /// Down, degraded, or not checked though not paused.
    Attention,
    /// Healthy ones.
    Healthy,
    /// Paused ones.
    Paused,
}

impl Shown {
    /// Every choice, in the order of the tabs.
    pub const ALL: [Self; 4] = [Self::All, Self::Attention, Self::Healthy, Self::Paused];

    /// The name in the page's address (`?show=attention`); none for the choice that needs no naming.
    #[must_use]
    pub const fn code(self) -> Option<&'static str> {
        match self {
            Self::All => None,
            Self::Attention => Some("attention"),
            Self::Healthy => Some("healthy"),
            Self::Paused => Some("paused"),
        }
    }

    /// The words on the tab.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::All => "All",
            Self::Attention => "Needs attention",
            Self::Healthy => "Healthy",
            Self::Paused => "Paused",
        }
    }

    /// Whether `row` is among them.
    #[must_use]
    pub fn has(self, row: &BoardRow) -> bool {
        match self {
            Self::All => true,
            Self::Attention => !row.paused && row.status != Status::Healthy,
            Self::Healthy => !row.paused && row.status == Status::Healthy,
            Self::Paused => row.paused,
        }
    }
}

/// By what the board is ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// The worst first, paused ones last.
    #[default]
    Status,
    /// By name.
    Name,
    /// The slowest first; those without an answer before them.
    Response,
    /// The least first.
    Uptime,
    /// The latest first.
    Checked,
}

impl Sort {
    /// Every order.
    pub const ALL: [Self; 5] = [Self::Status, Self::Name, Self::Response, Self::Uptime, Self::Checked];

    /// The name in the page's address (`?sort=name`); none for the order that needs no naming.
    #[must_use]
    pub const fn code(self) -> Option<&'static str> {
        match self {
            Self::Status => None,
            Self::Name => Some("name"),
            Self::Response => Some("response"),
            Self::Uptime => Some("uptime"),
            Self::Checked => Some("checked"),
        }
    }

    fn compare(self, a: &BoardRow, b: &BoardRow) -> Ordering {
        let by_name = || a.name.to_lowercase().cmp(&b.name.to_lowercase()).then(a.id.cmp(&b.id));
        let by_this = match self {
            Self::Status => rank(a).cmp(&rank(b)),
            Self::Name => Ordering::Equal,
            Self::Response => b.response_time_ms.unwrap_or(u32::MAX).cmp(&a.response_time_ms.unwrap_or(u32::MAX)),
            Self::Uptime => a.uptime_30d.unwrap_or(f64::INFINITY).total_cmp(&b.uptime_30d.unwrap_or(f64::INFINITY)),
            Self::Checked => b.last_check_at.cmp(&a.last_check_at),
        };
        by_this.then_with(by_name)
    }
}

/// The worst is the least.
fn rank(row: &BoardRow) -> u8 {
    match (row.paused, row.status) {
        (true, _) => 4,
        (false, Status::Down) => 0,
        (false, Status::Degraded) => 1,
        (false, Status::Unknown) => 2,
        (false, Status::Healthy) => 3,
    }
}

/// How the board is looked at: what stands in the page's address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BoardView {
    /// Which rows.
    pub show: Shown,
    /// In which order.
    pub sort: Sort,
    /// Words that name, endpoint, provider or note has to hold.
    pub search: String,
    /// The environment that it has to be in.
    pub environment: Option<String>,
    /// The tag that it has to carry.
    pub tag: Option<String>,
}

impl BoardView {
    /// From the parts of the address; what is not known counts as not said.
    #[must_use]
    pub fn read(part: impl Fn(&str) -> Option<String>) -> Self {
        let (show, sort) = (part("show"), part("sort"));
        let label = |name| part(name).filter(|label| !label.is_empty());
        Self {
            show: Shown::ALL.into_iter().find(|known| known.code() == show.as_deref()).unwrap_or_default(),
            sort: Sort::ALL.into_iter().find(|known| known.code() == sort.as_deref()).unwrap_or_default(),
            search: part("q").unwrap_or_default(),
            environment: label("env"),
            tag: label("tag"),
        }
    }

    /// The address of this view.
    #[must_use]
    pub fn href(&self) -> String {
        let mut parts = Vec::new();
        if let Some(show) = self.show.code() {
            parts.push(format!("show={show}"));
        }
        if let Some(sort) = self.sort.code() {
            parts.push(format!("sort={sort}"));
        }
        if !self.search.is_empty() {
            parts.push(format!("q={}", escape(&self.search)));
        }
        for (name, label) in [("env", &self.environment), ("tag", &self.tag)] {
            if let Some(label) = label {
                parts.push(format!("{name}={}", escape(label)));
            }
        }
        if parts.is_empty() { "/".to_owned() } else { format!("/?{}", parts.join("&")) }
    }

    /// This view with other rows.
    #[must_use]
    pub fn showing(&self, show: Shown) -> Self {
        Self { show, ..self.clone() }
    }

    /// This view in another order.
    #[must_use]
    pub fn sorted(&self, sort: Sort) -> Self {
        Self { sort, ..self.clone() }
    }

    /// This view with other words.
    #[must_use]
    pub fn searching(&self, search: String) -> Self {
        Self { search, ..self.clone() }
    }

    /// This view with another environment, or whatever environment.
    #[must_use]
    pub fn in_environment(&self, environment: Option<String>) -> Self {
        Self { environment, ..self.clone() }
    }

    /// This view with another tag, or whatever tags.
    #[must_use]
    pub fn tagged(&self, tag: Option<String>) -> Self {
        Self { tag, ..self.clone() }
    }

    /// Whether it leaves rows out.
    #[must_use]
    pub fn is_narrow(&self) -> bool {
        self.show != Shown::All || !self.search.is_empty() || self.environment.is_some() || self.tag.is_some()
    }

    /// The rows that it shows, in its order.
    #[must_use]
    pub fn apply<'rows>(&self, rows: &'rows [BoardRow]) -> Vec<&'rows BoardRow> {
        let words: Vec<String> = self.search.split_whitespace().map(str::to_lowercase).collect();
        let mut shown: Vec<&BoardRow> =
            rows.iter().filter(|row| self.has(row) && words.iter().all(|word| mentions(row, word))).collect();
        shown.sort_by(|a, b| self.sort.compare(a, b));
        shown
    }

    fn has(&self, row: &BoardRow) -> bool {
        self.show.has(row) && row.labels.match_all(self.environment.as_deref(), self.tag.as_deref())
    }
}

/// Environments and tags of `rows`, each once and in order.
#[must_use]
pub fn labels_of(rows: &[BoardRow]) -> (BTreeSet<String>, BTreeSet<String>) {
    let environments = rows.iter().filter_map(|row| row.labels.environment.clone()).collect();
    let tags = rows.iter().flat_map(|row| row.labels.tags.iter().cloned()).collect();
    (environments, tags)
}

fn mentions(row: &BoardRow, word: &str) -> bool {
    let provider = row.provider.map_or("legacy", crate::connections::Provider::label);
    [Some(row.name.as_str()), Some(row.endpoint.as_str()), Some(provider), row.note.as_deref()]
        .into_iter()
        .flatten()
        .any(|text| text.to_lowercase().contains(word))
}

/// Percent-encodes what is not plain in a query.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => escaped.push(char::from(byte)),
            _ => {
                const HEX: [char; 16] =
                    ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
                escaped.push('%');
                escaped.extend([byte >> 4, byte & 15].into_iter().filter_map(|half| HEX.get(usize::from(half))));
            }
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{connections::labels::Labels, health::BeatStrip, ids::ConnectionId, timestamp::Timestamp};

    fn row(name: &str, status: Status, response_time_ms: Option<u32>) -> BoardRow {
        BoardRow {
            id: ConnectionId(Uuid::from_u128(name.bytes().map(u128::from).sum())),
            name: name.to_owned(),
            provider: None,
            endpoint: format!("{name}.internal:5432/app"),
            status,
            paused: false,
            status_since: Timestamp::from_micros(0),
            last_check_at: None,
            response_time_ms,
            uptime_24h: None,
            uptime_30d: None,
            cause: None,
            note: None,
            labels: Labels::default(),
            beats: BeatStrip::default(),
        }
    }

    fn rows() -> Vec<BoardRow> {
        let paused = BoardRow { paused: true, ..row("staging", Status::Down, None) };
        vec![
            row("events", Status::Healthy, Some(96)),
            paused,
            row("billing", Status::Degraded, Some(3_412)),
            row("Catalog", Status::Healthy, Some(18)),
            row("orders", Status::Down, None),
            row("new", Status::Unknown, None),
        ]
    }

    /// The view of an address with these parts.
    fn view(parts: &[(&str, &str)]) -> BoardView {
        BoardView::read(|name| parts.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
    }

    fn names(view: &BoardView) -> Vec<String> {
        view.apply(&rows()).into_iter().map(|row| row.name.clone()).collect()
    }

    #[test]
    fn the_worst_comes_first_and_paused_ones_last() {
        assert_eq!(names(&BoardView::default()), ["orders", "billing", "new", "Catalog", "events", "staging"]);
    }

    #[test]
    fn tabs_part_the_rows() {
        for (show, expected) in [
            ("attention", vec!["orders", "billing", "new"]),
            ("healthy", vec!["Catalog", "events"]),
            ("paused", vec!["staging"]),
        ] {
            assert_eq!(names(&view(&[("show", show)])), expected);
        }
    }

    #[test]
    fn every_word_of_a_search_has_to_be_there() {
        assert_eq!(names(&BoardView::default().searching("INTERNAL bill".to_owned())), ["billing"]);
        assert!(names(&BoardView::default().searching("bill nothing".to_owned())).is_empty());
    }

    #[test]
    fn no_answer_counts_as_slower_than_any() {
        let view = view(&[("sort", "response")]);
        assert_eq!(names(&view), ["new", "orders", "staging", "billing", "events", "Catalog"]);
    }

    #[test]
    fn an_address_is_read_back_as_it_was_written() {
        let parts = [("show", "paused"), ("sort", "name"), ("q", "ä & b/c"), ("env", "production"), ("tag", "team a")];
        let read = view(&parts);
        assert_eq!(read.href(), "/?show=paused&sort=name&q=%C3%A4%20%26%20b%2Fc&env=production&tag=team%20a");
        assert_eq!(view(&[("show", "nonsense"), ("sort", ""), ("tag", "")]).href(), "/");
    }

    #[test]
    fn labels_narrow_the_rows() {
        let labelled = |name: &str, environment: &str, tags: &str| BoardRow {
            labels: Labels::read(environment, tags).expect("labels"),
            ..row(name, Status::Healthy, None)
        };
        let rows = [labelled("a", "production", "shop"), labelled("b", "staging", "shop"), labelled("c", "", "")];
        let shown = |view: &BoardView| view.apply(&rows).into_iter().map(|row| row.name.as_str()).collect::<String>();
        assert_eq!(shown(&BoardView::default().tagged(Some("shop".to_owned()))), "ab");
        let narrow = BoardView::default().in_environment(Some("staging".to_owned())).tagged(Some("shop".to_owned()));
        assert_eq!(shown(&narrow), "b");
        assert!(narrow.is_narrow() && !BoardView::default().is_narrow());
        let (environments, tags) = labels_of(&rows);
        assert_eq!((environments.len(), tags.len()), (2, 1));
    }
}
