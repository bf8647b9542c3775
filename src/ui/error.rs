//! What is shown where something could not be.

use leptos::prelude::*;

use super::{
    notice::{NoticeBox, Tone},
    page::PageStatus,
};
use crate::error::AppError;

/// In place of what could not be loaded, with a way to try again.
#[component]
pub fn ErrorState(
    /// What went wrong.
    error: AppError,
    /// What could not be shown ("The board could not be loaded.").
    #[prop(into)]
    title: String,
    /// Loads it again; without one, the page is loaded again.
    #[prop(optional, into)]
    retry: Option<Callback<()>>,
) -> impl IntoView {
    // What the page is about is not there, so neither is the page.
    if error == AppError::NotFound {
        PageStatus::set(404);
    }
    // A link to the page itself, so that trying again works without JavaScript too.
    let again = move || {
        view! {
            <a
                class="button button-small"
                href=""
                rel="external"
                on:click=move |event| {
                    if let Some(retry) = retry {
                        event.prevent_default();
                        retry.run(());
                    }
                }
            >
                "Try again"
            </a>
        }
    };
    view! {
        <div role="alert">
            <NoticeBox tone=Tone::Down title end=again>
                {error.to_string()}
            </NoticeBox>
        </div>
    }
}

/// Above a form: what is wrong with all of it, or nothing. What is wrong with a field stands at the field.
#[component]
pub fn FormError(
    /// What the last try came to.
    #[prop(into)]
    error: Signal<Option<AppError>>,
) -> impl IntoView {
    let message = move || {
        error.get().map(|error| match &error {
            AppError::Invalid(fields) if fields.iter().all(|field| !field.field.is_empty()) => {
                "Look at the marked fields.".to_owned()
            }
            other => other.to_string(),
        })
    };
    view! {
        <div role="alert">
            {move || message().map(|message| view! { <NoticeBox tone=Tone::Down title=message /> })}
        </div>
    }
}
