//! The gate: a page of one's own is shown to who is signed in, and leads anyone else to where that begins.

use leptos::prelude::*;
use leptos_router::{components::Redirect, hooks::use_location};

use crate::{
    auth::{
        Me,
        api::{get_first_run, get_me},
        sign_in_path,
    },
    error::AppError,
    ui::ErrorState,
};

/// Who stands before the gate.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub enum Visitor {
    /// Signed in.
    Known(Me),
    /// Not signed in.
    Unknown,
    /// There is no account yet.
    First,
}

async fn ask() -> Result<Visitor, AppError> {
    if let Some(me) = get_me().await? {
        return Ok(Visitor::Known(me));
    }
    Ok(if get_first_run().await?.has_accounts { Visitor::Unknown } else { Visitor::First })
}

/// Who is signed in, for the frame and the pages in it. Read it under a `Suspense` or `Transition`.
#[derive(Clone, Copy)]
pub struct Account(Resource<Result<Visitor, AppError>>);

impl Account {
    /// Asks once, for everything below the component that calls this.
    pub fn provide() {
        provide_context(Self(Resource::new_blocking(|| (), |()| ask())));
    }

    /// The account of the frame that this stands in; none while it is not known, and where there is no frame.
    #[must_use]
    pub fn me() -> Option<Me> {
        match use_context::<Self>()?.0.get() {
            Some(Ok(Visitor::Known(me))) => Some(me),
            _ => None,
        }
    }
}

/// Leads whoever is not signed in to where that begins.
///
/// Stands beside the page and not around it: what is under a `Suspense` is made twice while the server renders
/// it, and with it every resource of the page. What a page shows is guarded by the functions that it calls.
#[component]
pub fn Gate() -> impl IntoView {
    let account = expect_context::<Account>();
    let location = use_location();
    let here = move || location.pathname.get_untracked() + &search(&location.search.get_untracked());
    view! {
        <Suspense>
            {move || {
                account
                    .0
                    .get()
                    .map(|visitor| match visitor {
                        Ok(Visitor::Known(_)) => ().into_any(),
                        Ok(Visitor::Unknown) => view! { <Redirect path=sign_in_path(&here()) /> }.into_any(),
                        Ok(Visitor::First) => view! { <Redirect path="/welcome" /> }.into_any(),
                        Err(error) => view! { <ErrorState error title="The page could not be loaded." /> }.into_any(),
                    })
            }}
        </Suspense>
    }
}

/// The query with its question mark, or nothing.
fn search(query: &str) -> String {
    let query = query.trim_start_matches('?');
    if query.is_empty() { String::new() } else { format!("?{query}") }
}
