//! The routes, and what every page needs around it.

use leptos::prelude::*;
use leptos_meta::{Title, provide_meta_context};
use leptos_router::{
    SsrMode,
    components::{ParentRoute, Route, Router, Routes},
    path,
};

use crate::{
    auth::ui::{
        AccountsPage, FirstRunPage, RemoveAccountPage, SecondStepPage, SettingsPage, SignInPage, TokensPage,
        TwoFactorPage,
    },
    connections::ui::{DeleteConnectionPage, EditConnectionPage, NewConnectionPage},
    dashboard::ui::{BoardPage, ConnectionPage},
    status::ui::StatusPage,
    ui::{provide_toasts, time::provide_now},
};

pub mod frame;
pub mod keys;
pub mod not_found;
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
                    <Route path=path!("") view=BoardPage ssr=SsrMode::Async />
                    <Route path=path!("connections/new") view=NewConnectionPage ssr=SsrMode::Async />
                    <Route path=path!("connections/:id") view=ConnectionPage ssr=SsrMode::Async />
                    <Route path=path!("connections/:id/edit") view=EditConnectionPage ssr=SsrMode::Async />
                    <Route path=path!("connections/:id/delete") view=DeleteConnectionPage ssr=SsrMode::Async />
                    <Route path=path!("settings") view=SettingsPage ssr=SsrMode::Async />
                    <Route path=path!("settings/two-factor") view=TwoFactorPage ssr=SsrMode::Async />
                    <Route path=path!("settings/tokens") view=TokensPage ssr=SsrMode::Async />
                    <Route path=path!("admin/accounts") view=AccountsPage ssr=SsrMode::Async />
                    <Route path=path!("admin/accounts/:id/remove") view=RemoveAccountPage ssr=SsrMode::Async />
                    <Route path=path!("status") view=StatusPage ssr=SsrMode::Async />
                </ParentRoute>
                <Route path=path!("welcome") view=FirstRunPage ssr=SsrMode::Async />
                <Route path=path!("sign-in") view=SignInPage ssr=SsrMode::Async />
                <Route path=path!("sign-in/code") view=SecondStepPage ssr=SsrMode::Async />
            </Routes>
        </Router>
    }
}
