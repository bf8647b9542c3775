//! A page within the frame: its title, its header, its width.

use std::sync::Arc;

use leptos::prelude::*;
use leptos_meta::Title;

use super::icon::{Icon, IconName};

/// Sets the HTTP status of the page that is being rendered. The server puts one into the context; in the browser
/// there is none, and nothing to set.
#[derive(Clone)]
pub struct PageStatus(Arc<dyn Fn(u16) + Send + Sync>);

impl PageStatus {
    /// From what sets it.
    pub fn new(set: impl Fn(u16) + Send + Sync + 'static) -> Self {
        Self(Arc::new(set))
    }

    /// Sets it, where it can be set.
    pub fn set(status: u16) {
        if let Some(page) = use_context::<Self>() {
            (page.0)(status);
        }
    }
}

/// The main part of a page, with the title of the browser's tab.
#[component]
pub fn Page(
    /// The title; the product's name is put behind it.
    #[prop(into)]
    title: Signal<String>,
    /// For forms and reading.
    #[prop(optional)]
    narrow: bool,
    /// What it holds.
    children: Children,
) -> impl IntoView {
    // The server puts the title into the page's head when the rest is written, and by then the part of the page
    // that the signal belongs to may be gone.
    let first = title.get_untracked();
    let text = move || title.try_get().unwrap_or_else(|| first.clone());
    view! {
        <Title text />
        <main id="main" class=if narrow { "page page-narrow" } else { "page" } tabindex="-1">
            {children()}
        </main>
    }
}

/// Goes to the part that the address names. To be called by what holds the part and is fetched first: it comes after
/// the router looked for it. Who has scrolled meanwhile stays.
pub fn go_to_part() {
    Effect::new(|_| {
        request_animation_frame(|| {
            let part = window().location().hash().ok().filter(|_| window().scroll_y().is_ok_and(|y| y < 1.0));
            let part = part.and_then(|hash| document().get_element_by_id(hash.trim_start_matches('#')));
            if let Some(part) = part {
                part.scroll_into_view();
            }
        });
    });
}

/// The header: the title, what stands beside it, what stands below it, and what can be done.
#[component]
pub fn PageHeader(
    /// The page's heading.
    #[prop(into)]
    title: Signal<String>,
    /// Where one comes from: address and name.
    #[prop(optional, into)]
    back: Option<(String, String)>,
    /// Beside the title: a status, a count.
    #[prop(optional, into)]
    aside: ViewFn,
    /// Below it: what is worth knowing in one line.
    #[prop(optional, into)]
    subtitle: Option<ViewFn>,
    /// What can be done: buttons.
    #[prop(optional, into)]
    actions: Option<ViewFn>,
) -> impl IntoView {
    view! {
        {back
            .map(|(href, name)| {
                view! {
                    <nav class="breadcrumb" aria-label="Back">
                        <a href=href>
                            <Icon name=IconName::Back />
                            {name}
                        </a>
                    </nav>
                }
            })}
        <header class="page-header">
            <div class="page-title">
                <h1>{title}</h1>
                {aside.run()}
                {subtitle.map(|subtitle| view! { <div class="page-subtitle">{subtitle.run()}</div> })}
            </div>
            {actions.map(|actions| view! { <div class="page-actions">{actions.run()}</div> })}
        </header>
    }
}
