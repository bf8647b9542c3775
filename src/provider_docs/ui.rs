//! `/guides` and `/guides/:provider`: how to connect to each provider, and what to do when it fails.

use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use super::{Guide, ShownCause, ShownSection, api::get_guide, guide_path};
use crate::{
    connections::Provider,
    ui::{ButtonLink, Card, ErrorState, IconName, Page, PageHeader, SkeletonRows, Tab, Tabs, TimeAgo, go_to_part},
};

/// `/guides`: the five to choose from.
#[component]
pub fn GuidesPage() -> impl IntoView {
    let guides = Provider::ALL
        .map(|provider| {
            view! {
                <li>
                    <a class="card guide-choice" href=guide_path(provider)>
                        <span class="badge" aria-hidden="true">
                            {provider.badge()}
                        </span>
                        <span>
                            <strong>{provider.label()}</strong>
                            <span class="small quiet">"Connection strings, TLS, pooling, limits, causes and cures"</span>
                        </span>
                    </a>
                </li>
            }
        })
        .collect_view();
    view! {
        <Page title="Guides".to_owned()>
            <PageHeader
                title="Guides".to_owned()
                subtitle=|| "How to connect, and what to do when it fails. They are always here, also without a network."
            />
            <ul class="guide-choices" role="list">
                {guides}
            </ul>
        </Page>
    }
}

/// `/guides/:provider`.
#[component]
pub fn GuidePage() -> impl IntoView {
    let params = use_params_map();
    let provider = Memo::new(move |_| {
        params.with(|params| params.get_str("provider").and_then(|code| code.parse::<Provider>().ok()))
    });
    // What is no provider is asked for too: who may not ask is to be told that first.
    let named = Memo::new(move |_| params.with(|params| params.get("provider").unwrap_or_default()));
    let guide = Resource::new_blocking(move || named.get(), get_guide);
    let title = Signal::derive(move || provider.get().map_or("Guides".to_owned(), |p| format!("{} guide", p.label())));
    let tabs = move || {
        view! {
            {move || {
                let current = provider.get();
                let tabs = Provider::ALL
                    .map(|provider| Tab::new(guide_path(provider), provider.label(), current == Some(provider)))
                    .to_vec();
                view! { <Tabs label="Providers" tabs /> }
            }}
        }
    };
    view! {
        <Page title>
            <PageHeader title actions=tabs />
            <Transition fallback=|| {
                view! { <SkeletonRows /> }
            }>
                {move || Suspend::new(async move {
                    match guide.await {
                        Ok(guide) => view! { <Whole guide /> }.into_any(),
                        Err(error) => view! { <ErrorState error title="The guide could not be shown." /> }.into_any(),
                    }
                })}
            </Transition>
        </Page>
    }
}

fn anchor(title: &str) -> String {
    let words: Vec<String> =
        title.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase).collect();
    words.join("-")
}

#[component]
fn Whole(guide: Guide) -> impl IntoView {
    go_to_part();
    let contents = guide
        .sections
        .iter()
        .map(|section| {
            view! {
                <li>
                    <a href=format!("#{}", anchor(&section.title))>{section.title.clone()}</a>
                </li>
            }
        })
        .collect_view();
    let sections = guide
        .sections
        .into_iter()
        .map(|section| {
            let id = anchor(&section.title);
            view! {
                <section class="card" id=id>
                    <header class="card-head">
                        <h2>{section.title}</h2>
                    </header>
                    <div class="card-body prose" inner_html=section.html></div>
                </section>
            }
        })
        .collect_view();
    let provider = guide.provider;
    let index = guide
        .causes
        .iter()
        .map(|cause| {
            let code = cause.cause.code();
            view! {
                <li>
                    <a href=format!("#{code}")>{code}</a>
                </li>
            }
        })
        .collect_view();
    let causes = guide.causes.into_iter().map(|cause| view! { <CauseCard provider cause /> }).collect_view();
    let links = guide
        .links
        .into_iter()
        .map(|(title, url)| {
            view! {
                <li>
                    <a href=url rel="external noreferrer">
                        {title}
                    </a>
                </li>
            }
        })
        .collect_view();
    let fetched = guide.fetched_at.map(|at| {
        view! {
            <p class="small quiet">
                "Fetched " <TimeAgo at /> " from the provider. Kept for seven days, then asked for again."
            </p>
        }
    });
    let missing = guide.official.is_empty().then(|| {
        view! {
            <p class="small quiet">
                "They have not been fetched yet: without a way to the internet the guide above is what there is."
            </p>
        }
    });
    let official = guide.official.into_iter().map(|section| view! { <Official section /> }).collect_view();
    view! {
        <div class="guide">
            <nav class="guide-contents" aria-label="On this page">
                <ul role="list">
                    {contents} <li>
                        <a href="#causes">"All causes and cures"</a>
                    </li> <li>
                        <a href="#official">"The provider's own pages"</a>
                    </li>
                </ul>
            </nav>
            <div class="stack-wide guide-text">
                <div class="prose" inner_html=guide.overview_html></div>
                <div class="row">
                    <ButtonLink href=format!("/connections/new?provider={}", provider.code()) icon=IconName::Plus>
                        {format!("Add a {} connection", provider.label())}
                    </ButtonLink>
                    <ButtonLink href=format!("/knowledge?provider={}", provider.code())>"What has worked"</ButtonLink>
                </div>
                {sections}
                <section class="card" id="causes">
                    <header class="card-head">
                        <h2>"All causes and cures"</h2>
                    </header>
                    <ul class="guide-cause-index" role="list" aria-label="Causes">
                        {index}
                    </ul>
                    <div class="guide-causes">{causes}</div>
                </section>
                <Card title="The provider's own pages">
                    <div class="card-body" id="official">
                        <ul>{links}</ul>
                        {fetched}
                        {missing}
                    </div>
                    {official}
                </Card>
            </div>
        </div>
    }
}

#[component]
fn CauseCard(provider: Provider, cause: ShownCause) -> impl IntoView {
    let known = format!("/knowledge?provider={}&q={}", provider.code(), cause.cause.code());
    let code = cause
        .code
        .into_iter()
        .map(|code| {
            view! {
                <pre class="code" tabindex="0" aria-label="Example">
                    <code>{code}</code>
                </pre>
            }
        })
        .collect_view();
    view! {
        <article class="guide-cause" id=cause.cause.code()>
            <h3>{cause.cause.title()} " " <code class="small quiet">{cause.cause.code()}</code></h3>
            <p>{cause.description}</p>
            <p>
                <strong>{cause.title} "."</strong>
            </p>
            <div class="prose" inner_html=cause.solution_html></div>
            {code}
            <p class="small">
                <a href=known>{format!("Cures of {} in the knowledge base", cause.cause.code())}</a>
            </p>
        </article>
    }
}

#[component]
fn Official(section: ShownSection) -> impl IntoView {
    let source = section.url.map(|url| {
        view! {
            <p class="small">
                <a href=url rel="external noreferrer">
                    "Read it there"
                </a>
            </p>
        }
    });
    view! {
        <details class="guide-official">
            <summary class="disclose">{section.title}</summary>
            <div class="card-body">{source} <div class="prose" inner_html=section.html></div></div>
        </details>
    }
}
