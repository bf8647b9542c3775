//! The pages that add, change and delete a connection.
//!
//! The form is one for adding and changing, and for all providers: the fields of each are always there, and
//! style sheets show those of the provider that is chosen, so that it posts and changes without JavaScript.
//! With it, what is pasted fills the fields, a preview without the password and a judgement follow what is
//! typed, and a test shows its phases in place.

mod editor;
mod fields;
mod parts;
mod paste;

use leptos::prelude::*;
use leptos_router::hooks::{use_params_map, use_query_map};

use self::editor::Editor;
use super::{
    Provider,
    api::{DeleteConnection, connection_for_edit, new_connection_form},
    form::FormStart,
};
use crate::{
    error::AppError,
    ids::ConnectionId,
    ui::{Button, ButtonKind, ButtonLink, Card, ErrorState, FormError, IconName, Page, PageHeader, SkeletonText},
};

/// `/connections/new`.
#[component]
pub fn NewConnectionPage() -> impl IntoView {
    let start = Resource::new_blocking(|| (), |()| new_connection_form());
    let named = use_query_map()
        .with_untracked(|query| query.get_str("provider").and_then(|code| code.parse::<Provider>().ok()));
    view! {
        <Page title="Add a connection">
            <PageHeader title="Add a connection" back=("/".to_owned(), "Board".to_owned()) />
            <Suspense fallback=|| view! { <SkeletonText /> }>
                {move || Suspend::new(async move {
                    match start.await {
                        Ok(start) => view! { <Editor start=start.beginning_with(named) cancel="/" /> }.into_any(),
                        Err(error) => {
                            view! { <ErrorState error title="The form could not be opened." /> }.into_any()
                        }
                    }
                })}
            </Suspense>
        </Page>
    }
}

/// `/connections/:id/edit`.
#[component]
pub fn EditConnectionPage() -> impl IntoView {
    let start = connection_of_path();
    view! {
        <Page title="Edit a connection">
            <Suspense fallback=|| view! { <SkeletonText /> }>
                {move || Suspend::new(async move {
                    match start.await {
                        Ok(start) => {
                            let (name, home) = name_and_home(&start);
                            let delete = format!("{home}/delete");
                            view! {
                                <PageHeader title=format!("Edit {name}") back=(home.clone(), name) />
                                <Editor start cancel=home />
                                <div class="connection-delete">
                                    <p>"Deleting takes its history with it."</p>
                                    <ButtonLink href=delete kind=ButtonKind::Danger icon=IconName::Bin>
                                        "Delete…"
                                    </ButtonLink>
                                </div>
                            }
                                .into_any()
                        }
                        Err(error) => {
                            view! { <ErrorState error title="The connection could not be opened." /> }.into_any()
                        }
                    }
                })}
            </Suspense>
        </Page>
    }
}

/// `/connections/:id/delete`: asks before it deletes, and names what goes.
#[component]
pub fn DeleteConnectionPage() -> impl IntoView {
    let start = connection_of_path();
    let delete = ServerAction::<DeleteConnection>::new();
    let error = Signal::derive(move || delete.value().get().and_then(Result::err));
    view! {
        <Page title="Delete a connection" narrow=true>
            <Suspense fallback=|| view! { <SkeletonText /> }>
                {move || Suspend::new(async move {
                    match start.await {
                        Ok(start) => {
                            let (name, home) = name_and_home(&start);
                            let endpoint = start.connection.map(|connection| connection.settings.endpoint());
                            view! {
                                <PageHeader title=format!("Delete {name}?") back=(home.clone(), name.clone()) />
                                <FormError error />
                                <Card title=name.clone() note=endpoint.unwrap_or_default()>
                                    <div class="card-body">
                                        <p>
                                            "Its stored credentials, its checks, its errors and its alert rules are deleted with it. This cannot be undone. The database itself is not touched."
                                        </p>
                                        <ActionForm action=delete attr:class="form-actions">
                                            <input type="hidden" name="id" value=start.form.id />
                                            <Button kind=ButtonKind::Danger icon=IconName::Bin busy=delete.pending()>
                                                {format!("Delete {name}")}
                                            </Button>
                                            <ButtonLink href=home>"Keep it"</ButtonLink>
                                        </ActionForm>
                                    </div>
                                </Card>
                            }
                                .into_any()
                        }
                        Err(error) => {
                            view! { <ErrorState error title="The connection could not be opened." /> }.into_any()
                        }
                    }
                })}
            </Suspense>
        </Page>
    }
}

/// What is stored of the connection that the page's path names.
fn connection_of_path() -> Resource<Result<FormStart, AppError>> {
    let params = use_params_map();
    let id = move || params.with(|params| params.get("id").and_then(|id| id.parse::<ConnectionId>().ok()));
    Resource::new_blocking(id, |id| async move {
        match id {
            Some(id) => connection_for_edit(id).await,
            None => Err(AppError::NotFound),
        }
    })
}

/// The stored name, and the page of the connection.
fn name_and_home(start: &FormStart) -> (String, String) {
    start
        .connection
        .as_ref()
        .map(|connection| (connection.name.clone(), format!("/connections/{}", connection.id)))
        .unwrap_or_default()
}
