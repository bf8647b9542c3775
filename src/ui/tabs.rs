//! Segmented tabs that are links, so that each view has an address and works without JavaScript.

use leptos::prelude::*;

use super::number::thousands;

/// One tab.
#[derive(Clone, Debug)]
pub struct Tab {
    /// Where it leads.
    pub href: String,
    /// Its words.
    pub label: String,
    /// How many things are behind it.
    pub count: Option<u32>,
    /// Whether it is the one that is shown.
    pub current: bool,
}

impl Tab {
    /// A tab without a count.
    pub fn new(href: impl Into<String>, label: impl Into<String>, current: bool) -> Self {
        Self { href: href.into(), label: label.into(), count: None, current }
    }

    /// The same with a count.
    #[must_use]
    pub const fn count(mut self, count: u32) -> Self {
        self.count = Some(count);
        self
    }
}

/// A row of tabs.
#[component]
pub fn Tabs(
    /// What they choose between.
    #[prop(into)]
    label: String,
    /// The tabs.
    tabs: Vec<Tab>,
) -> impl IntoView {
    let tabs = tabs
        .into_iter()
        .map(|tab| {
            view! {
                <a href=tab.href aria-current=tab.current.then_some("page") data-noscroll="">
                    {tab.label}
                    {tab
                        .count
                        .filter(|count| *count > 0)
                        .map(|count| view! { <span class="number">{thousands(count.into())}</span> })}
                </a>
            }
        })
        .collect_view();
    view! {
        <nav class="tabs" aria-label=label>
            {tabs}
        </nav>
    }
}
