//! Lists with nothing in them: what would be here, and the next step.

use leptos::prelude::*;

use super::icon::{Icon, IconName};

/// The empty state of a page.
#[component]
pub fn EmptyState(
    /// What would be here.
    #[prop(into)]
    title: String,
    /// A picture of it.
    icon: IconName,
    /// What it is for, in a sentence or two.
    #[prop(into)]
    text: String,
    /// The next step: buttons.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    view! {
        <div class="empty">
            <Icon name=icon />
            <h2>{title}</h2>
            <p>{text}</p>
            {children.map(|children| view! { <div class="row">{children()}</div> })}
        </div>
    }
}

/// The empty state of a card.
#[component]
pub fn EmptyNote(
    /// What is not here, and when it will be.
    #[prop(into)]
    text: String,
) -> impl IntoView {
    view! {
        <div class="empty-small">
            <p>{text}</p>
        </div>
    }
}
