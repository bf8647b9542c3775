//! The page for addresses that lead nowhere. The server answers 404 with it.

use leptos::prelude::*;

use crate::ui::{ButtonLink, Page, PageStatus};

/// Nothing here, and the way back.
#[component]
pub fn NotFound() -> impl IntoView {
    PageStatus::set(404);
    view! {
        <Page title="Not found".to_owned()>
            <div class="not-found">
                <h1>"There is nothing here"</h1>
                <p>"The address may be mistyped, or what was here is deleted, or it is not yours."</p>
                <ButtonLink href="/">"Go to the board"</ButtonLink>
            </div>
        </Page>
    }
}
