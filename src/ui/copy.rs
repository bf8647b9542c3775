//! A button that copies.

use std::time::Duration;

use leptos::prelude::*;

use super::icon::{Icon, IconName};

/// Copies `text`; says so for two seconds. Only of use with JavaScript, so the text stands beside it.
#[component]
pub fn CopyButton(
    /// What is copied.
    #[prop(into)]
    text: String,
    /// What it is, for those who hear it ("Copy the endpoint").
    #[prop(into)]
    label: String,
) -> impl IntoView {
    let copied = RwSignal::new(false);
    let copy = move |_| {
        // The promise is refused only where the page may not use the clipboard; the text is there to select.
        let _ = window().navigator().clipboard().write_text(&text);
        copied.set(true);
        set_timeout(
            move || {
                let _ = copied.try_set(false);
            },
            Duration::from_secs(2),
        );
    };
    view! {
        <button
            type="button"
            class="button button-quiet button-small button-icon"
            aria-label=move || if copied.get() { "Copied".to_owned() } else { label.clone() }
            on:click=copy
        >
            <Show when=move || copied.get() fallback=|| view! { <Icon name=IconName::Copy /> }>
                <Icon name=IconName::Check />
            </Show>
        </button>
    }
}
