//! What is known about a provider, from its own pages where they were fetched, else from the built-in guide.
//!
//! Who asks gets what there is at once. What is stale is fetched again behind it, by one process at a time; only
//! where there is nothing yet, and whoever asks is ready to wait, the first fetch is waited for.

mod fetch;
mod store;

use std::time::Duration;

use reqwest::Url;
use tokio::time::{Instant, sleep};

use self::fetch::{Fetched, fetch};
use super::{
    Documentation, Guide, Section, ShownCause, ShownSection, Source,
    markdown::{headings, to_html},
    official_pages, parse_guide, site,
};
use crate::{
    auth::server::Caller, connections::Provider, error::AppError, knowledge::server::stock, probe::Cause,
    server::state::AppState, timestamp::Timestamp,
};

/// How long one who asks over the wire waits for the first fetch.
const PATIENCE: Duration = Duration::from_secs(8);
/// How often it is looked whether another process is done.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Headings of a page of news that are told.
const MOST_NEWS: usize = 5;

/// What is known about a provider.
#[derive(Clone, Debug, PartialEq)]
pub struct ProviderDocs {
    /// Whether it was there before it was asked for.
    pub cached: bool,
    /// Where the words come from.
    pub source: Source,
    /// When the oldest page was fetched; none for the built-in guide.
    pub fetched_at: Option<Timestamp>,
    /// Until when it is served without asking again.
    pub expires_at: Option<Timestamp>,
    /// The words.
    pub documentation: Documentation,
    /// Causes and their cures.
    pub common_issues: Vec<(Cause, String, String)>,
    /// The official pages: title and address.
    pub guides: Vec<(String, String)>,
    /// What is new; none where it was not fetched.
    pub latest_updates: Option<Vec<String>>,
}

/// The guide that comes with the product.
#[must_use]
pub fn builtin(provider: Provider) -> Documentation {
    parse_guide(match provider {
        Provider::PostgreSql => include_str!("../guides/postgresql.md"),
        Provider::MySql => include_str!("../guides/mysql.md"),
        Provider::MongoDb => include_str!("../guides/mongodb.md"),
        Provider::Firebase => include_str!("../guides/firebase.md"),
        Provider::Supabase => include_str!("../guides/supabase.md"),
    })
}

/// What is known about a provider, for whoever asks. Where nothing was fetched yet, the first fetch is waited for;
/// where that brings nothing, there is the built-in guide.
///
/// # Errors
///
/// [`AppError::Unavailable`] where our own database is away.
pub async fn documentation(state: &AppState, provider: Provider) -> Result<ProviderDocs, AppError> {
    let state = state.clone();
    // The text is public; it is read by a job, as there may be no one who asks.
    let task = tokio::spawn(async move {
        let pages = stored(&state, provider).await?;
        if !pages.is_empty() {
            if pages.iter().any(|page| !page.is_fresh) {
                refresh_behind(&state, provider);
            }
            return shown(provider, pages, true);
        }
        let waited = tokio::time::timeout(PATIENCE, first_fetch(&state, provider)).await;
        if waited.is_err() {
            tracing::info!("the official pages of {provider} take long; they will be there the next time");
        }
        shown(provider, stored(&state, provider).await?, false)
    });
    task.await.map_err(|error| AppError::internal(&error))?
}

/// The guide as its page shows it, at once: what was fetched stands beside what is built in.
///
/// # Errors
///
/// [`AppError::Unavailable`] where our own database is away.
pub async fn guide(caller: &Caller, provider: Provider) -> Result<Guide, AppError> {
    let mut tx = caller.read().await?;
    let pages = store::pages(&mut tx, provider).await?;
    drop(tx);
    if pages.len() < official_pages(provider).len() || pages.iter().any(|page| !page.is_fresh) {
        refresh_behind(caller.state(), provider);
    }
    let Documentation { overview, sections } = builtin(provider);
    let rendered =
        |section: Section| ShownSection { html: to_html(&section.content), title: section.title, url: section.url };
    let causes = stock::entries()?
        .into_iter()
        .filter(|entry| entry.provider == provider && entry.category == crate::knowledge::Category::ErrorResolution)
        .map(|entry| ShownCause {
            cause: entry.cause,
            title: entry.title,
            description: entry.description,
            solution_html: to_html(&entry.solution),
            code: entry.code_examples.into_iter().map(|example| example.code).collect(),
        })
        .collect();
    Ok(Guide {
        provider,
        overview_html: to_html(&overview),
        sections: sections.into_iter().map(rendered).collect(),
        causes,
        fetched_at: pages.iter().map(|page| page.fetched_at).min(),
        official: pages.into_iter().map(section_of).map(rendered).collect(),
        links: links(provider),
    })
}

/// Fetches what is stale or missing, unless another process does so or it failed just now. Answers whether it tried.
///
/// # Errors
///
/// [`AppError::Unavailable`] where our own database is away.
pub async fn refresh(system: &Caller, provider: Provider) -> Result<bool, AppError> {
    let worker = system.state().worker();
    let mut tx = system.write().await?;
    let claimed = store::claim(&mut tx, provider, worker).await?;
    tx.commit().await?;
    let Some(until) = claimed else { return Ok(false) };
    let outcome = fetch_all(system, provider).await;
    let failure = match &outcome {
        Ok(failure) => failure.clone(),
        Err(error) => Some(error.to_string()),
    };
    if let Some(problem) = &failure {
        tracing::info!("official pages of {provider}: {problem}");
    }
    let mut tx = system.write().await?;
    store::release(&mut tx, provider, worker, until, failure.as_deref()).await?;
    tx.commit().await?;
    outcome.map(|_| true)
}

/// Fetches the pages that are not fresh, one after another; answers the first failure, where there was one.
async fn fetch_all(system: &Caller, provider: Provider) -> Result<Option<String>, AppError> {
    let state = system.state();
    let base = state.config().docs_bases.iter().find(|(named, _)| *named == provider).map(|(_, base)| base);
    // A site that the operator named is exempt from the policy.
    let egress = if base.is_some() { None } else { Some(state.egress()) };
    let fresh: Vec<String> =
        stored(state, provider).await?.into_iter().filter(|page| page.is_fresh).map(|page| page.url).collect();
    let mut failure = None;
    for page in official_pages(provider) {
        let address = address_of(provider, page.path);
        if fresh.contains(&address) {
            continue;
        }
        let from = base.map_or_else(|| address.clone(), |base| format!("{}{}", base.trim_end_matches('/'), page.path));
        let (Ok(url), Ok(official)) = (from.parse::<Url>(), address.parse::<Url>()) else {
            failure = failure.or_else(|| Some(format!("{from} is no address")));
            continue;
        };
        let mut tx = system.read().await?;
        let known = store::validators(&mut tx, provider, &address).await?;
        drop(tx);
        match fetch(egress, url, official, &known).await {
            Ok(fetched) => keep(system, provider, &address, page.title, &fetched).await?,
            Err(error) => {
                let is_out_of_reach = error.is_out_of_reach();
                failure = failure.or_else(|| Some(format!("{}: {error}", page.path)));
                if is_out_of_reach {
                    break;
                }
            }
        }
    }
    Ok(failure)
}

async fn keep(
    system: &Caller,
    provider: Provider,
    address: &str,
    title: &str,
    fetched: &Fetched,
) -> Result<(), AppError> {
    let mut tx = system.write().await?;
    store::keep(&mut tx, provider, address, title, fetched).await?;
    tx.commit().await?;
    Ok(())
}

/// Tries a first fetch here, or waits for the one that is under way elsewhere.
async fn first_fetch(state: &AppState, provider: Provider) -> Result<(), AppError> {
    let system = Caller::system(state, "provider docs");
    let trying = tokio::spawn({
        let system = system.clone();
        async move { refresh(&system, provider).await }
    });
    let tried = trying.await.map_err(|error| AppError::internal(&error))??;
    let until = Instant::now() + PATIENCE;
    while !tried && Instant::now() < until {
        let mut tx = system.read().await?;
        if !store::is_claimed(&mut tx, provider).await? {
            break;
        }
        drop(tx);
        sleep(LOOK_EVERY).await;
    }
    Ok(())
}

fn refresh_behind(state: &AppState, provider: Provider) {
    let system = Caller::system(state, "provider docs");
    tokio::spawn(async move {
        if let Err(error) = refresh(&system, provider).await {
            tracing::info!("the official pages of {provider} could not be refreshed: {error}");
        }
    });
}

async fn stored(state: &AppState, provider: Provider) -> Result<Vec<store::Stored>, AppError> {
    let mut tx = Caller::system(state, "provider docs").read().await?;
    Ok(store::pages(&mut tx, provider).await?)
}

fn shown(provider: Provider, pages: Vec<store::Stored>, cached: bool) -> Result<ProviderDocs, AppError> {
    let Documentation { overview, sections: builtin } = builtin(provider);
    let news: Option<Vec<String>> = official_pages(provider)
        .iter()
        .filter(|page| page.tells_news)
        .find_map(|page| pages.iter().find(|stored| stored.url == address_of(provider, page.path)))
        .map(|page| headings(&page.markdown, MOST_NEWS))
        .filter(|news| !news.is_empty());
    let source = if pages.is_empty() { Source::Builtin } else { Source::Official };
    let common_issues = stock::entries()?
        .into_iter()
        .filter(|entry| entry.provider == provider && entry.category == crate::knowledge::Category::ErrorResolution)
        .map(|entry| (entry.cause, entry.title, entry.solution))
        .collect();
    Ok(ProviderDocs {
        cached: cached || pages.is_empty(),
        source,
        fetched_at: pages.iter().map(|page| page.fetched_at).min(),
        expires_at: pages.iter().map(|page| page.expires_at).min(),
        latest_updates: news,
        documentation: Documentation {
            overview,
            // What was written for this stands first; the official pages follow.
            sections: builtin.into_iter().chain(pages.into_iter().map(section_of)).collect(),
        },
        common_issues,
        guides: links(provider),
    })
}

fn section_of(page: store::Stored) -> Section {
    Section { title: page.title, content: page.markdown, url: Some(page.url) }
}

fn address_of(provider: Provider, path: &str) -> String {
    format!("{}{path}", site(provider))
}

fn links(provider: Provider) -> Vec<(String, String)> {
    official_pages(provider).iter().map(|page| (page.title.to_owned(), address_of(provider, page.path))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_guide_tells_what_it_is_there_for() {
        for provider in Provider::ALL {
            let guide = builtin(provider);
            assert!(guide.overview.len() > 100, "{provider}");
            for wanted in ["Connection strings", "TLS", "Pool", "Limits", "Common causes"] {
                let is_there = guide.sections.iter().any(|section| section.title.contains(wanted));
                assert!(is_there, "{provider}: {wanted}");
            }
            for section in &guide.sections {
                assert!(section.content.len() > 80, "{provider}: {}", section.title);
                let html = to_html(&section.content);
                assert!(!html.contains("```") && !html.contains("<h2"), "{provider}: {}", section.title);
            }
        }
    }

    #[test]
    fn what_a_guide_refers_to_is_treated_in_it() {
        let stock = stock::entries().expect("the stock");
        for provider in Provider::ALL {
            let text: String = builtin(provider).sections.into_iter().map(|section| section.content).collect();
            let named: Vec<&str> =
                text.split("](#").skip(1).map(|rest| rest.split(')').next().unwrap_or_default()).collect();
            assert!(named.len() >= 12, "{provider}: {named:?}");
            for code in named {
                let is_there = stock.iter().any(|entry| entry.provider == provider && entry.cause.code() == code);
                assert!(is_there, "{provider}: nothing about {code}");
            }
        }
    }
}
