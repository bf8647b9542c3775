//! The routes, and what every page needs around it.

use leptos::prelude::*;
use leptos_meta::{Title, provide_meta_context};
use leptos_router::components::{Router, Routes};

use crate::ui::{provide_toasts, time::provide_now};

pub mod keys;
pub mod not_found;
pub mod theme;

#[cfg(feature = "ssr")]
pub mod shell;

use not_found::NotFound;

/// The application: all that has an address.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    provide_now();
    provide_toasts();
    view! {
        <Title formatter=|title: String| format!("{title} · Mooring") />
        <Router>
            <Routes fallback=NotFound>{()}</Routes>
        </Router>
    }
}
