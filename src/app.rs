//! The shell of every page and the routes.

use leptos::prelude::*;

/// The application.
#[component]
pub fn App() -> impl IntoView {
    view! { <p>"Mooring"</p> }
}
