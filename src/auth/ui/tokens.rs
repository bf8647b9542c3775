//! `/settings/tokens`: API tokens.

use leptos::prelude::*;

use super::{
    error_of, field_error,
    settings::{Section, SettingsHead},
    successes,
};
use crate::{
    auth::{
        ApiToken, KeptToken, NewToken, Scope,
        api::{CreateToken, RevokeToken, list_tokens, take_new_token},
    },
    error::AppError,
    ui::{
        Button, ButtonKind, Card, Column, CopyButton, DataTable, EmptyNote, ErrorState, FormError, Page, SelectField,
        SkeletonRows, Tag, TextField, TimeAgo,
    },
};

/// Making, listing and revoking tokens.
#[component]
pub fn TokensPage() -> impl IntoView {
    let create = ServerAction::<CreateToken>::new();
    let revoke = ServerAction::<RevokeToken>::new();
    let (created, revoked) = (successes(create), successes(revoke));
    let kept = Resource::new_blocking(|| (), |()| take_new_token());
    let tokens = Resource::new_blocking(move || (created.get(), revoked.get()), |_| list_tokens());
    let revoking = error_of(revoke);
    view! {
        <Page title="API tokens" narrow=true>
            <SettingsHead section=Section::Tokens />
            <div class="stack-wide">
                <NewTokenCard create kept />
                <FormError error=revoking />
                <Card title="Tokens">
                    <Transition fallback=|| {
                        view! { <SkeletonRows rows=3 /> }
                    }>
                        {move || Suspend::new(async move {
                            match tokens.await {
                                Ok(tokens) if tokens.is_empty() => {
                                    view! {
                                        <EmptyNote text="No tokens yet. A program that calls Mooring needs one: a script, a cron job, an application with supabase-js." />
                                    }
                                        .into_any()
                                }
                                Ok(tokens) => view! { <TokenTable tokens revoke /> }.into_any(),
                                Err(error) => view! { <ErrorState error title="The tokens could not be loaded." /> }.into_any(),
                            }
                        })}
                    </Transition>
                </Card>
            </div>
        </Page>
    }
}

/// A token that was just made.
#[component]
fn MadeToken(
    /// The token; it is not shown again.
    token: NewToken,
) -> impl IntoView {
    view! {
        <p>"Your new token. It is not shown again: copy it now."</p>
        <p class="row">
            <code class="mono breakable">{token.token.clone()}</code>
            <CopyButton text=token.token label="Copy the token" />
        </p>
    }
}

/// Makes a token, and shows it this once.
#[component]
pub fn NewTokenCard(
    /// What makes it.
    create: ServerAction<CreateToken>,
    /// What a form without JavaScript came to.
    kept: Resource<Result<KeptToken, AppError>>,
) -> impl IntoView {
    let error = error_of(create);
    let made = move || create.value().get().and_then(Result::ok);
    let shown = move || made().or_else(|| kept.get()?.ok()?.made);
    view! {
        <Card title="New token">
            <ActionForm action=create attr:class="card-body form">
                <FormError error=error />
                <Suspense>
                    {move || Suspend::new(async move {
                        let (name, scope) = kept.await.map_or((String::new(), Scope::Full), |kept| (kept.name, kept.scope));
                        view! { <TokenFields create name scope /> }
                    })}
                </Suspense>
                <div class="form-actions">
                    <Button kind=ButtonKind::Primary busy=create.pending()>
                        "Make the token"
                    </Button>
                </div>
            </ActionForm>
            <div role="status">
                <Suspense>
                    {move || {
                        shown()
                            .map(|token| {
                                view! {
                                    <div class="card-foot stack">
                                        <MadeToken token />
                                    </div>
                                }
                            })
                    }}
                </Suspense>
            </div>
        </Card>
    }
}

/// What the new token is called and may do, empty again once it is made.
#[component]
fn TokenFields(create: ServerAction<CreateToken>, name: String, scope: Scope) -> impl IntoView {
    let error = error_of(create);
    let made = successes(create);
    let scopes = Scope::ALL.into_iter().map(|scope| (scope.code().to_owned(), scope.label().to_owned())).collect();
    let (name, scope) = (RwSignal::new(name), RwSignal::new(scope.code().to_owned()));
    Effect::watch(move || made.get(), move |_, _, _| name.set(String::new()), false);
    view! {
        <TextField
            name="name"
            label="Name"
            placeholder="cron on db1"
            hint="Which program will use it, so that you know later what a revocation stops."
            value=name
            error=field_error(error, "name")
            required=true
        />
        <SelectField name="scope" label="What it may do" options=scopes value=scope />
    }
}

#[component]
fn TokenTable(tokens: Vec<ApiToken>, revoke: ServerAction<RevokeToken>) -> impl IntoView {
    let columns = vec![
        Column::words("Name"),
        Column::words("May do"),
        Column::words("Made"),
        Column::words("Last used"),
        Column::words(""),
    ];
    let rows = tokens.into_iter().map(|token| view! { <TokenRow token revoke /> }).collect_view();
    view! {
        <DataTable caption="API tokens" columns=columns>
            {rows}
        </DataTable>
    }
}

#[component]
fn TokenRow(token: ApiToken, revoke: ServerAction<RevokeToken>) -> impl IntoView {
    let ApiToken { id, name, prefix, scope, created_at, last_used_at, revoked_at } = token;
    let end = if revoked_at.is_some() {
        view! { <Tag>"Revoked"</Tag> }.into_any()
    } else {
        let question =
            format!("Programs that use \u{201c}{name}\u{201d} are refused at once, and it cannot be undone.");
        let act = format!("Revoke {name}");
        view! {
            <details class="disclose">
                <summary>"Revoke"</summary>
                <ActionForm action=revoke attr:class="stack">
                    <p class="small">{question}</p>
                    <input type="hidden" name="id" value=id.to_string() />
                    <Button kind=ButtonKind::Danger small=true>
                        {act}
                    </Button>
                </ActionForm>
            </details>
        }
        .into_any()
    };
    view! {
        <tr>
            <th scope="row">
                <span class="breakable">{name}</span>
                " "
                <span class="mono quiet small">{prefix} "…"</span>
            </th>
            <td>{scope.label()}</td>
            <td>
                <TimeAgo at=created_at />
            </td>
            <td>
                {match last_used_at {
                    Some(at) => view! { <TimeAgo at /> }.into_any(),
                    None => view! { <span class="quiet">"Never"</span> }.into_any(),
                }}
            </td>
            <td class="end">{end}</td>
        </tr>
    }
}
