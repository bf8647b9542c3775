//! Guides to the five providers: written for this project and always there, refreshed from the providers' own pages
//! where those can be reached.
//!
//! The built-in guides are Markdown in the crate. The official pages are fetched by the server, turned into Markdown
//! and kept for seven days; a stale page is shown while it is fetched again, and one process fetches at a time. With
//! no network there are the built-in guides, which is enough.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{connections::Provider, probe::Cause, timestamp::Timestamp};

pub mod api;
pub mod ui;

#[cfg(feature = "ssr")]
pub mod markdown;
#[cfg(feature = "ssr")]
pub mod server;

/// Where words come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = DocsSource)]
pub enum Source {
    /// The provider's own pages.
    Official,
    /// The guide that comes with the product.
    Builtin,
}

/// One page of a provider's own documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OfficialPage {
    /// What it is about.
    pub title: &'static str,
    /// Where it is, below [`site`].
    pub path: &'static str,
    /// Whether its headings say what is new.
    pub tells_news: bool,
}

const fn page(title: &'static str, path: &'static str) -> OfficialPage {
    OfficialPage { title, path, tells_news: false }
}

const fn news(title: &'static str, path: &'static str) -> OfficialPage {
    OfficialPage { title, path, tells_news: true }
}

/// The site of a provider's documentation.
#[must_use]
pub const fn site(provider: Provider) -> &'static str {
    match provider {
        Provider::PostgreSql => "https://www.postgresql.org",
        Provider::MySql => "https://dev.mysql.com",
        Provider::MongoDb => "https://www.mongodb.com",
        Provider::Firebase => "https://firebase.google.com",
        Provider::Supabase => "https://supabase.com",
    }
}

/// The pages that tell how to connect.
#[must_use]
pub const fn official_pages(provider: Provider) -> &'static [OfficialPage] {
    const POSTGRESQL: &[OfficialPage] = &[
        page("Connection strings and parameters", "/docs/current/libpq-connect.html"),
        page("TLS in the client", "/docs/current/libpq-ssl.html"),
        page("Who may connect: pg_hba.conf", "/docs/current/auth-pg-hba-conf.html"),
        page("Settings of connections", "/docs/current/runtime-config-connection.html"),
        news("Release notes", "/docs/release/"),
    ];
    const MYSQL: &[OfficialPage] = &[
        page("Connection strings", "/doc/refman/8.4/en/connecting-using-uri-or-key-value-pairs.html"),
        page("Encrypted connections", "/doc/refman/8.4/en/using-encrypted-connections.html"),
        page("Cannot connect to the server", "/doc/refman/8.4/en/can-not-connect-to-server.html"),
        page("Too many connections", "/doc/refman/8.4/en/too-many-connections.html"),
        news("Release notes", "/doc/relnotes/mysql/8.4/en/"),
    ];
    const MONGODB: &[OfficialPage] = &[
        page("Connection strings", "/docs/manual/reference/connection-string/"),
        page("Encryption on the way", "/docs/manual/core/security-transport-encryption/"),
        page("Connection pools", "/docs/manual/administration/connection-pool-overview/"),
        news("Release notes", "/docs/manual/release-notes/"),
    ];
    const FIREBASE: &[OfficialPage] = &[
        page("Setting up the Admin SDK", "/docs/admin/setup"),
        page("Security rules", "/docs/firestore/security/get-started"),
        page("Quotas and limits", "/docs/firestore/quotas"),
        news("Release notes", "/support/releases"),
    ];
    const SUPABASE: &[OfficialPage] = &[
        page("Connecting to the database", "/docs/guides/database/connecting-to-postgres"),
        page("API keys", "/docs/guides/api/api-keys"),
        page("Insisting on TLS", "/docs/guides/platform/ssl-enforcement"),
        news("Changelog", "/changelog"),
    ];
    match provider {
        Provider::PostgreSql => POSTGRESQL,
        Provider::MySql => MYSQL,
        Provider::MongoDb => MONGODB,
        Provider::Firebase => FIREBASE,
        Provider::Supabase => SUPABASE,
    }
}

/// The address of a provider's guide.
#[must_use]
pub fn guide_path(provider: Provider) -> String {
    format!("/guides/{}", provider.code())
}

/// Where the guide of `provider` treats `cause`.
#[must_use]
pub fn cause_path(provider: Provider, cause: Cause) -> String {
    format!("/guides/{}#{}", provider.code(), cause.code())
}

/// A part of a guide, in Markdown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Section {
    /// Its heading.
    pub title: String,
    /// What it says.
    pub content: String,
    /// The official page that it comes from, or that says more.
    pub url: Option<String>,
}

/// A guide, in Markdown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Documentation {
    /// What it is about, in a few sentences.
    pub overview: String,
    /// Its parts.
    pub sections: Vec<Section>,
}

/// Takes a guide apart: what stands before the first `## ` is the overview, without the title.
#[must_use]
pub fn parse_guide(markdown: &str) -> Documentation {
    let mut overview: Vec<&str> = Vec::new();
    let mut sections: Vec<(String, Vec<&str>)> = Vec::new();
    let mut in_code = false;
    for line in markdown.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        match (line.strip_prefix("## "), sections.last_mut()) {
            (Some(title), _) if !in_code => sections.push((title.trim().to_owned(), Vec::new())),
            (_, Some((_, lines))) => lines.push(line),
            (_, None) if line.starts_with("# ") && !in_code => {}
            (_, None) => overview.push(line),
        }
    }
    let text = |lines: &[&str]| lines.join("\n").trim().to_owned();
    Documentation {
        overview: text(&overview),
        sections: sections
            .into_iter()
            .map(|(title, lines)| Section { title, content: text(&lines), url: None })
            .collect(),
    }
}

/// A part of a guide as a page shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownSection {
    /// Its heading.
    pub title: String,
    /// Rendered by the server, from Markdown without any HTML of its own.
    pub html: String,
    /// The official page that it comes from.
    pub url: Option<String>,
}

/// A cause as a guide treats it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownCause {
    /// Which one; its code is the anchor.
    pub cause: Cause,
    /// The cure in a line.
    pub title: String,
    /// What is seen, and why.
    pub description: String,
    /// What to do.
    pub solution_html: String,
    /// Code and configuration.
    pub code: Vec<String>,
}

/// A guide as its page shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guide {
    /// Whose.
    pub provider: Provider,
    /// What it is about, rendered.
    pub overview_html: String,
    /// The built-in parts.
    pub sections: Vec<ShownSection>,
    /// The causes and their cures.
    pub causes: Vec<ShownCause>,
    /// The official pages as they were fetched; none before they were.
    pub official: Vec<ShownSection>,
    /// When the oldest of them was fetched or confirmed.
    pub fetched_at: Option<Timestamp>,
    /// The official pages: title and address.
    pub links: Vec<(String, String)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guide_is_taken_apart_at_its_headings() {
        let guide = parse_guide(
            "# Title\n\nAbout it.\n\n## One\n\ntext\n```sh\n## no heading\n# nor this\n```\n\n## Two\n### Deeper\n",
        );
        assert_eq!(guide.overview, "About it.");
        let titles: Vec<&str> = guide.sections.iter().map(|section| section.title.as_str()).collect();
        assert_eq!(titles, ["One", "Two"]);
        assert!(guide.sections[0].content.contains("## no heading"));
        assert_eq!(guide.sections[1].content, "### Deeper");
    }

    #[test]
    fn every_official_page_is_on_the_provider_s_site() {
        for provider in Provider::ALL {
            assert!(site(provider).starts_with("https://") && !site(provider).ends_with('/'));
            let pages = official_pages(provider);
            assert!(pages.len() >= 3 && pages.iter().all(|page| page.path.starts_with('/')));
            assert_eq!(pages.iter().filter(|page| page.tells_news).count(), 1);
        }
    }
}
