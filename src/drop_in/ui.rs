//! `/settings/drop-in`: a token, and what to do with it.

use leptos::prelude::*;

use super::{Example, TOKEN_PLACE, api::get_own_address, examples};
use crate::{
    auth::{
        api::{CreateToken, take_new_token},
        ui::{NewTokenCard, Section, SettingsHead},
    },
    ui::{Card, CopyButton, ErrorState, Page, SkeletonText},
};

/// Examples with the reader's own address, and with the token that was just made here.
#[component]
pub fn DropInPage() -> impl IntoView {
    let create = ServerAction::<CreateToken>::new();
    let kept = Resource::new_blocking(|| (), |()| take_new_token());
    let address = Resource::new_blocking(|| (), |()| get_own_address());
    let made = move || create.value().get().and_then(Result::ok).or_else(|| kept.get()?.ok()?.made);
    view! {
        <Page title="Use it from programs" narrow=true>
            <SettingsHead section=Section::DropIn />
            <div class="stack-wide">
                <p>
                    "Programs reach Mooring with an API token: as a drop-in for Supabase, by plain HTTP, or on a schedule of their own. Make a token, and the examples below have it in their places. A token may ask 600 times a minute, and 60 times for something that connects to a database."
                </p>
                <NewTokenCard create kept />
                <Suspense fallback=|| view! { <SkeletonText /> }>
                    {move || {
                        let token = made().map_or_else(|| TOKEN_PLACE.to_owned(), |made| made.token);
                        address
                            .get()
                            .map(|address| match address {
                                Ok(address) => {
                                    examples(&address, &token)
                                        .into_iter()
                                        .map(|example| view! { <ExampleCard example /> })
                                        .collect_view()
                                        .into_any()
                                }
                                Err(error) => {
                                    view! { <ErrorState error title="The examples could not be loaded." /> }.into_any()
                                }
                            })
                    }}
                </Suspense>
            </div>
        </Page>
    }
}

#[component]
fn ExampleCard(example: Example) -> impl IntoView {
    let Example { title, note, text } = example;
    let copied = text.clone();
    let label = format!("Copy the example for {title}");
    view! {
        <Card
            title=title
            actions=move || view! { <CopyButton text=copied.clone() label=label.clone() /> }
        >
            <div class="card-body stack">
                <p class="quiet small">{note}</p>
                <pre class="example" tabindex="0">
                    <code>{text}</code>
                </pre>
            </div>
        </Card>
    }
}
