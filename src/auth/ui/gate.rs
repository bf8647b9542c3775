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
    ui::{ErrorState, SkeletonRows},
};

/// Who stands before the gate.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
enum Visitor {
    Known(Me),
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

/// Shows its children to who is signed in, with [`Me`] in their context.
#[component]
pub fn RequireAccount(
    /// What is shown.
    children: ChildrenFn,
) -> impl IntoView {
    let visitor = Resource::new_blocking(|| (), |()| ask());
    let location = use_location();
    let here = move || location.pathname.get_untracked() + &search(&location.search.get_untracked());
    view! {
        <Suspense fallback=|| {
            view! { <SkeletonRows /> }
        }>
            // Not in a closure: the server would run one twice, and with it make every resource of the page twice.
            {Suspend::new(async move {
                match visitor.await {
                    Ok(Visitor::Known(me)) => {
                        provide_context(me);
                        children()
                    }
                    Ok(Visitor::Unknown) => view! { <Redirect path=sign_in_path(&here()) /> }.into_any(),
                    Ok(Visitor::First) => view! { <Redirect path="/welcome" /> }.into_any(),
                    Err(error) => view! { <ErrorState error title="The page could not be loaded." /> }.into_any(),
                }
            })}
        </Suspense>
    }
}

/// The query with its question mark, or nothing.
fn search(query: &str) -> String {
    let query = query.trim_start_matches('?');
    if query.is_empty() { String::new() } else { format!("?{query}") }
}
