//! The routes, and what every page needs around it.

use leptos::prelude::*;
use leptos_meta::{Title, provide_meta_context};
use leptos_router::{
    Lazy, SsrMode,
    components::{ParentRoute, Route, Router, Routes},
    path,
};

use crate::ui::{provide_toasts, time::provide_now};

pub mod frame;
#[cfg(feature = "hydrate")]
pub mod hydration;
pub mod keys;
pub mod not_found;
pub mod pages;
pub mod theme;

#[cfg(feature = "ssr")]
pub mod shell;

use frame::Frame;
use not_found::NotFound;

/// The application: all that has an address.
///
/// Every page is rendered whole before it is sent (`SsrMode::Async`), so that it is complete without JavaScript.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    provide_now();
    provide_toasts();
    view! {
        <Title formatter=|title: String| format!("{title} · Mooring") />
        <Router>
            <Routes fallback=NotFound>
                <ParentRoute path=path!("") view=Frame ssr=SsrMode::Async>
                    <Route path=path!("") view={Lazy::<pages::Board>::new()} ssr=SsrMode::Async />
                    <Route path=path!("connections/new") view={Lazy::<pages::NewConnection>::new()} ssr=SsrMode::Async />
                    <Route path=path!("connections/import") view={Lazy::<pages::Import>::new()} ssr=SsrMode::Async />
                    <Route path=path!("connections/:id") view={Lazy::<pages::Connection>::new()} ssr=SsrMode::Async />
                    <Route path=path!("connections/:id/edit") view={Lazy::<pages::EditConnection>::new()} ssr=SsrMode::Async />
                    <Route path=path!("connections/:id/delete") view={Lazy::<pages::DeleteConnection>::new()} ssr=SsrMode::Async />
                    <Route path=path!("knowledge") view={Lazy::<pages::Knowledge>::new()} ssr=SsrMode::Async />
                    <Route path=path!("knowledge/:id") view={Lazy::<pages::KnowledgeEntry>::new()} ssr=SsrMode::Async />
                    <Route path=path!("guides") view={Lazy::<pages::Guides>::new()} ssr=SsrMode::Async />
                    <Route path=path!("guides/:provider") view={Lazy::<pages::Guide>::new()} ssr=SsrMode::Async />
                    <Route path=path!("settings") view={Lazy::<pages::Settings>::new()} ssr=SsrMode::Async />
                    <Route path=path!("settings/two-factor") view={Lazy::<pages::TwoFactor>::new()} ssr=SsrMode::Async />
                    <Route path=path!("settings/tokens") view={Lazy::<pages::Tokens>::new()} ssr=SsrMode::Async />
                    <Route path=path!("settings/drop-in") view={Lazy::<pages::DropIn>::new()} ssr=SsrMode::Async />
                    <Route path=path!("audit") view={Lazy::<pages::AuditLog>::new()} ssr=SsrMode::Async />
                    <Route path=path!("admin/accounts") view={Lazy::<pages::Accounts>::new()} ssr=SsrMode::Async />
                    <Route path=path!("admin/accounts/:id/remove") view={Lazy::<pages::RemoveAccount>::new()} ssr=SsrMode::Async />
                    <Route path=path!("status") view={Lazy::<pages::Status>::new()} ssr=SsrMode::Async />
                </ParentRoute>
                <Route path=path!("welcome") view={Lazy::<pages::FirstRun>::new()} ssr=SsrMode::Async />
                <Route path=path!("sign-in") view={Lazy::<pages::SignIn>::new()} ssr=SsrMode::Async />
                <Route path=path!("sign-in/code") view={Lazy::<pages::SecondStep>::new()} ssr=SsrMode::Async />
            </Routes>
        </Router>
    }
}
