//! `/settings`: the account, its password, its sessions.

use leptos::prelude::*;

use super::{Account, ending_session, error_of, field_error};
use crate::{
    app::theme::ThemeSwitch,
    auth::api::{ChangePassword, SignOut, SignOutEverywhere},
    ui::{Button, ButtonKind, Card, FormError, NoticeBox, Page, PageHeader, SkeletonText, Tab, Tabs, TextField, Tone},
};

/// Which page of the settings is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// `/settings`
    Account,
    /// `/settings/two-factor`
    TwoFactor,
    /// `/settings/tokens`
    Tokens,
    /// `/settings/drop-in`
    DropIn,
}

/// The head that the pages of the settings share.
#[component]
pub fn SettingsHead(
    /// The one that is shown.
    section: Section,
) -> impl IntoView {
    let tabs = [
        (Section::Account, "/settings", "Account"),
        (Section::TwoFactor, "/settings/two-factor", "Two-factor sign-in"),
        (Section::Tokens, "/settings/tokens", "API tokens"),
        (Section::DropIn, "/settings/drop-in", "Use it from programs"),
    ]
    .into_iter()
    .map(|(each, href, label)| Tab::new(href, label, each == section))
    .collect();
    view! {
        <PageHeader title="Settings" />
        <Tabs label="Settings" tabs=tabs />
    }
}

/// The account, its password, its sessions.
#[component]
pub fn SettingsPage() -> impl IntoView {
    view! {
        <Page title="Settings" narrow=true>
            <SettingsHead section=Section::Account />
            <div class="stack-wide">
                <AccountCard />
                <ColoursCard />
                <PasswordCard />
                <SessionsCard />
            </div>
        </Page>
    }
}

#[component]
fn AccountCard() -> impl IntoView {
    let action = ending_session::<SignOut>();
    let facts = move || {
        Account::me().map(|me| {
            view! {
                <dl class="facts">
                    <dt>"E-mail address"</dt>
                    <dd class="breakable">{me.email}</dd>
                    <dt>"Role"</dt>
                    <dd>{me.role.label()}</dd>
                </dl>
            }
        })
    };
    view! {
        <Card title="Account">
            <div class="card-body stack">
                <Suspense fallback=|| view! { <SkeletonText /> }>{facts}</Suspense>
                <ActionForm action=action>
                    <Button busy=action.pending()>"Sign out"</Button>
                </ActionForm>
            </div>
        </Card>
    }
}

/// Light or dark, where the sidebar's foot with its switch is not shown: on phones.
#[component]
fn ColoursCard() -> impl IntoView {
    view! {
        <div class="colours-card">
            <Card title="Colours">
                <div class="card-body">
                    <ThemeSwitch />
                </div>
            </Card>
        </div>
    }
}

#[component]
fn PasswordCard() -> impl IntoView {
    let action = ServerAction::<ChangePassword>::new();
    let error = error_of(action);
    let done = move || action.value().with(|value| matches!(value, Some(Ok(()))));
    let (current, password) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    Effect::new(move |_| {
        if done() {
            current.set(String::new());
            password.set(String::new());
        }
    });
    view! {
        <Card title="Password">
            <ActionForm action=action attr:class="card-body form">
                <FormError error=error />
                <div role="status">
                    <Show when=done>
                        <NoticeBox tone=Tone::Healthy title="The password is changed. Your other sessions have ended." />
                    </Show>
                </div>
                <TextField
                    name="current"
                    label="Present password"
                    r#type="password"
                    autocomplete="current-password"
                    value=current
                    error=field_error(error, "current")
                    required=true
                />
                <TextField
                    name="password"
                    label="New password"
                    r#type="password"
                    autocomplete="new-password"
                    hint="At least 10 characters."
                    value=password
                    error=field_error(error, "password")
                    required=true
                />
                <div class="form-actions">
                    <Button kind=ButtonKind::Primary busy=action.pending()>
                        "Change the password"
                    </Button>
                </div>
            </ActionForm>
        </Card>
    }
}

#[component]
fn SessionsCard() -> impl IntoView {
    let action = ending_session::<SignOutEverywhere>();
    view! {
        <Card title="Sessions">
            <div class="card-body stack">
                <p>
                    "Ends every session of this account in every browser, this one too. API tokens go on working: revoke them "
                    <a href="/settings/tokens">"on their page"</a> "."
                </p>
                <ActionForm action=action>
                    <Button kind=ButtonKind::Danger busy=action.pending()>
                        "Sign out everywhere"
                    </Button>
                </ActionForm>
            </div>
        </Card>
    }
}
