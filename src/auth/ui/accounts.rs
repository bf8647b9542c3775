//! `/admin/accounts`: what administrators do with accounts. What an account keeps is not shown to them.

use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use super::{Account, error_of, field_error, successes};
use crate::{
    auth::{
        AccountSummary, Disposal, Role,
        api::{ChangeRole, RemoveAccount, list_accounts},
    },
    error::AppError,
    ids::UserId,
    ui::{
        Button, ButtonKind, ButtonLink, Card, Column, DataTable, ErrorState, FormError, IconName, NoticeBox, Page,
        PageHeader, PageStatus, SelectField, SkeletonRows, SkeletonText, Tag, TimeAgo,
    },
};

const PATH: &str = "/admin/accounts";

/// Where an account is removed.
fn removal_path(id: UserId) -> String {
    format!("{PATH}/{id}/remove")
}

/// `3 connections`, `1 connection`, `no connections`.
fn connections(count: u32) -> String {
    match count {
        0 => "no connections".to_owned(),
        1 => "1 connection".to_owned(),
        count => format!("{count} connections"),
    }
}

/// Why the accounts are not shown.
fn refusal(error: AppError) -> AnyView {
    match error {
        AppError::Forbidden(message) => {
            PageStatus::set(403);
            view! { <NoticeBox title=message>"Ask an administrator."</NoticeBox> }.into_any()
        }
        error => view! { <ErrorState error title="The accounts could not be loaded." /> }.into_any(),
    }
}

/// `/admin/accounts`: every account, its role, and the way to remove it.
#[component]
pub fn AccountsPage() -> impl IntoView {
    let change = ServerAction::<ChangeRole>::new();
    let changed = successes(change);
    let accounts = Resource::new_blocking(move || changed.get(), |_| list_accounts());
    let changing = error_of(change);
    view! {
        <Page title="Accounts">
            <PageHeader title="Accounts" />
            <FormError error=changing />
            <Card title="Accounts">
                <Transition fallback=|| {
                    view! { <SkeletonRows rows=3 /> }
                }>
                    {move || Suspend::new(async move {
                        match accounts.await {
                            Ok(accounts) => view! { <AccountTable accounts change /> }.into_any(),
                            Err(error) => refusal(error),
                        }
                    })}
                </Transition>
                <div class="card-foot">
                    <p class="small quiet">
                        "Nobody sees another's connections, administrators included. More accounts are made where MOORING_SIGNUP lets people make their own, or by: mooring user add EMAIL --password-stdin."
                    </p>
                </div>
            </Card>
        </Page>
    }
}

#[component]
fn AccountTable(accounts: Vec<AccountSummary>, change: ServerAction<ChangeRole>) -> impl IntoView {
    let columns = vec![
        Column::words("E-mail address"),
        Column::words("Role"),
        Column::words("Made"),
        Column::words("Last sign-in"),
        Column::numbers("Connections"),
        Column::words(""),
    ];
    let rows = accounts.into_iter().map(|account| view! { <AccountRow account change /> }).collect_view();
    view! {
        <DataTable caption="Accounts" columns=columns>
            {rows}
        </DataTable>
    }
}

#[component]
fn AccountRow(account: AccountSummary, change: ServerAction<ChangeRole>) -> impl IntoView {
    let AccountSummary { id, email, role, created_at, last_sign_in_at, connections } = account;
    let is_me = move || Account::me().is_some_and(|me| me.id == id);
    let other = match role {
        Role::Admin => Role::Member,
        Role::Member => Role::Admin,
    };
    let act = match other {
        Role::Admin => format!("Make {email} an administrator"),
        Role::Member => format!("Make {email} a member"),
    };
    let meaning = match other {
        Role::Admin => "Administrators see the status, the whole audit log and all accounts, and may remove them.",
        Role::Member => "Members see what is their own.",
    };
    let remove = format!("Remove {email}");
    view! {
        <tr>
            <th scope="row">
                <span class="breakable">{email}</span>
                " "
                <Suspense>{move || is_me().then(|| view! { <Tag>"You"</Tag> })}</Suspense>
            </th>
            <td>{role.label()}</td>
            <td>
                <TimeAgo at=created_at />
            </td>
            <td>
                {match last_sign_in_at {
                    Some(at) => view! { <TimeAgo at /> }.into_any(),
                    None => view! { <span class="quiet">"Never"</span> }.into_any(),
                }}
            </td>
            <td class="end number">{connections}</td>
            <td class="end">
                <details>
                    <summary class="disclose">"Change"</summary>
                    <ActionForm action=change attr:class="stack">
                        <p class="small">{meaning}</p>
                        <input type="hidden" name="account" value=id.to_string() />
                        <input type="hidden" name="role" value=other.code() />
                        <Button small=true>{act}</Button>
                    </ActionForm>
                    <p>
                        <ButtonLink href=removal_path(id) kind=ButtonKind::Danger icon=IconName::Bin small=true>
                            {remove}
                            "…"
                        </ButtonLink>
                    </p>
                </details>
            </td>
        </tr>
    }
}

/// `/admin/accounts/:id/remove`: asks before it removes, and what becomes of the connections.
#[component]
pub fn RemoveAccountPage() -> impl IntoView {
    let params = use_params_map();
    let id = move || params.with(|params| params.get("id").and_then(|id| id.parse::<UserId>().ok()));
    let remove = ServerAction::<RemoveAccount>::new();
    let accounts = Resource::new_blocking(|| (), |()| list_accounts());
    view! {
        <Page title="Remove an account" narrow=true>
            <Suspense fallback=|| view! { <SkeletonText /> }>
                {move || {
                    let id = id();
                    Suspend::new(async move {
                        let mut accounts = match accounts.await {
                            Ok(accounts) => accounts,
                            Err(error) => return refusal(error),
                        };
                        let Some(index) = accounts.iter().position(|account| Some(account.id) == id) else {
                            return refusal(AppError::NotFound);
                        };
                        let account = accounts.remove(index);
                        view! { <Removal account others=accounts remove /> }.into_any()
                    })
                }}
            </Suspense>
        </Page>
    }
}

#[component]
fn Removal(account: AccountSummary, others: Vec<AccountSummary>, remove: ServerAction<RemoveAccount>) -> impl IntoView {
    let AccountSummary { id, email, connections: count, .. } = account;
    let error = error_of(remove);
    let back = (PATH.to_owned(), "Accounts".to_owned());
    let choice = (count > 0).then(|| view! { <ConnectionsChoice count others error /> });
    let act = format!("Remove {email}");
    view! {
        <PageHeader title=format!("Remove {email}?") back=back />
        <FormError error />
        <Card title=email note=connections(count)>
            <div class="card-body">
                <p>
                    "It is signed out everywhere and its API tokens are refused at once. Its own alert rules, notices and settings are deleted. This cannot be undone."
                </p>
                <ActionForm action=remove attr:class="form">
                    <input type="hidden" name="account" value=id.to_string() />
                    {choice}
                    <div class="form-actions">
                        <Button kind=ButtonKind::Danger icon=IconName::Bin busy=remove.pending()>
                            {act}
                        </Button>
                        <ButtonLink href=PATH>"Keep it"</ButtonLink>
                    </div>
                </ActionForm>
            </div>
        </Card>
    }
}

#[component]
fn ConnectionsChoice(count: u32, others: Vec<AccountSummary>, error: Signal<Option<AppError>>) -> impl IntoView {
    let heir = RwSignal::new(others.first().map(|other| other.id.to_string()).unwrap_or_default());
    let heirs = others.into_iter().map(|other| (other.id.to_string(), other.email)).collect();
    let missing = field_error(error, "connections");
    let option = move |disposal: Disposal, words: &'static str| {
        let id = format!("connections-{}", disposal.code());
        let labelled = id.clone();
        view! {
            <label class="check" for=labelled>
                <input
                    type="radio"
                    id=id
                    name="connections"
                    value=disposal.code()
                    required=true
                    aria-describedby="connections-error"
                />
                <span>{words}</span>
            </label>
        }
    };
    view! {
        <fieldset class="stack">
            <legend class="field-label">{format!("What becomes of {}", connections(count))}</legend>
            {option(Disposal::Transfer, "Give them to another account, with their history and alert rules")}
            <SelectField
                name="transfer_to"
                label="Who gets them"
                options=heirs
                value=heir
                hint="Only that account sees them from then on. A name that it has already gets a number."
                error=field_error(error, "transfer_to")
            />
            {option(Disposal::Delete, "Delete them, with their credentials and their whole history")}
            <span class="field-error" id="connections-error" aria-live="polite">
                {move || missing.get()}
            </span>
        </fieldset>
    }
}
