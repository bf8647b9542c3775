//! The pages as lazy routes. The wasm is split in parts that are fetched when a page of theirs is first opened,
//! so that a first visit loads what its page needs. A part for every page would share its code with the others in
//! more files than a browser likes to fetch; pages that are used together are therefore one part.

use leptos::prelude::*;
use leptos_router::LazyRoute;

use crate::{audit, auth, connections, dashboard, drop_in, import, knowledge, provider_docs, status};

/// `part = { Route = component, … }`: one part of the wasm with its routes.
macro_rules! parts {
    ($($(#[$about:meta])* $part:ident($pages:ident, $preload:ident) = {
        $($(#[$doc:meta])* $route:ident = $page:path,)*
    })*) => {$(
        /// Which page of the part.
        #[derive(Clone, Copy, Debug)]
        enum $pages {
            $($route,)*
        }

        $(#[$about])*
        #[lazy]
        fn $part(page: $pages) -> AnyView {
            match page {
                $($pages::$route => $page().into_any(),)*
            }
        }

        $(
            $(#[$doc])*
            #[derive(Debug)]
            pub struct $route;

            impl LazyRoute for $route {
                fn data() -> Self {
                    Self
                }

                async fn view(_: Self) -> AnyView {
                    $part($pages::$route).await
                }

                async fn preload() {
                    // Leptos makes the function for the browser only: the server has every part at hand.
                    #[cfg(target_arch = "wasm32")]
                    $preload().await;
                }
            }
        )*
    )*};
}

parts! {
    /// What is opened most.
    board(BoardPages, __preload_board) = {
        /// `/`
        Board = dashboard::ui::BoardPage,
    }

    /// One connection: the charts' side of the dashboard.
    connection(ConnectionPages, __preload_connection) = {
        /// `/connections/:id`
        Connection = dashboard::ui::ConnectionPage,
    }

    /// What changes a connection.
    editor(EditorPages, __preload_editor) = {
        /// `/connections/new`
        NewConnection = connections::ui::NewConnectionPage,
        /// `/connections/import`
        Import = import::ui::ImportPage,
        /// `/connections/:id/edit`
        EditConnection = connections::ui::EditConnectionPage,
        /// `/connections/:id/delete`
        DeleteConnection = connections::ui::DeleteConnectionPage,
    }

    /// What stands before the first page, with forms and little else.
    entry(EntryPages, __preload_entry) = {
        /// `/welcome`
        FirstRun = auth::ui::FirstRunPage,
        /// `/sign-in`
        SignIn = auth::ui::SignInPage,
        /// `/sign-in/code`
        SecondStep = auth::ui::SecondStepPage,
    }

    /// What one reads.
    library(LibraryPages, __preload_library) = {
        /// `/knowledge`
        Knowledge = knowledge::ui::KnowledgePage,
        /// `/knowledge/:id`
        KnowledgeEntry = knowledge::ui::KnowledgeEntryPage,
        /// `/guides`
        Guides = provider_docs::ui::GuidesPage,
        /// `/guides/:provider`
        Guide = provider_docs::ui::GuidePage,
    }

    /// What is opened now and then.
    office(OfficePages, __preload_office) = {
        /// `/settings`
        Settings = auth::ui::SettingsPage,
        /// `/settings/two-factor`
        TwoFactor = auth::ui::TwoFactorPage,
        /// `/settings/tokens`
        Tokens = auth::ui::TokensPage,
        /// `/settings/drop-in`
        DropIn = drop_in::ui::DropInPage,
        /// `/admin/accounts`
        Accounts = auth::ui::AccountsPage,
        /// `/admin/accounts/:id/remove`
        RemoveAccount = auth::ui::RemoveAccountPage,
        /// `/audit`
        AuditLog = audit::ui::AuditLogPage,
        /// `/status`
        Status = status::ui::StatusPage,
    }
}
