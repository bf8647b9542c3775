//! First run, sign-in and its second step: the pages without a frame.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::{components::Redirect, hooks::use_query_map};

use super::{error_of, field_error};
use crate::{
    auth::{
        FirstRun, SignUpState,
        api::{SecondStep, SignIn, SignUp, get_first_run, is_second_step_due},
        safe_next,
    },
    ui::{Button, ButtonKind, ErrorState, FormError, Icon, IconName, NoticeBox, SkeletonText, TextField},
};

/// One card in the middle of the page.
#[component]
fn Threshold(
    /// The page's title and heading.
    #[prop(into)]
    title: String,
    children: Children,
) -> impl IntoView {
    view! {
        <Title text=title.clone() />
        <main id="main" class="threshold" tabindex="-1">
            <p class="threshold-brand">
                <Icon name=IconName::Anchor />
                "Mooring"
            </p>
            <section class="card threshold-card" aria-labelledby="threshold-title">
                <h1 id="threshold-title">{title}</h1>
                {children()}
            </section>
        </main>
    }
}

/// `/welcome`: makes the first account, which is the administrator's; where anyone may make one, any account.
#[component]
pub fn FirstRunPage() -> impl IntoView {
    let first_run = Resource::new_blocking(|| (), |()| get_first_run());
    view! {
        <Suspense fallback=|| {
            view! { <SkeletonText /> }
        }>
            {move || Suspend::new(async move {
                match first_run.await {
                    Ok(FirstRun { sign_up: SignUpState::First { code_needed }, typed_email, .. }) => {
                        view! { <SignUpForm first=true code_needed typed_email /> }.into_any()
                    }
                    Ok(FirstRun { sign_up: SignUpState::Open, typed_email, .. }) => {
                        view! { <SignUpForm first=false code_needed=false typed_email /> }.into_any()
                    }
                    Ok(FirstRun { has_accounts: true, .. }) => view! { <Redirect path="/sign-in" /> }.into_any(),
                    Ok(FirstRun { has_accounts: false, .. }) => view! { <OnCommandLine /> }.into_any(),
                    Err(error) => view! { <ErrorState error title="The page could not be loaded." /> }.into_any(),
                }
            })}
        </Suspense>
    }
}

/// There is no account, and none can be made here.
#[component]
fn OnCommandLine() -> impl IntoView {
    view! {
        <Threshold title="No account yet">
            <p>"Accounts are made on the server's command line here. The first one is the administrator's:"</p>
            <p class="mono">"mooring user add you@example.org --password-stdin"</p>
            <p>
                <a href="/sign-in">"Sign in"</a>
            </p>
        </Threshold>
    }
}

#[component]
fn SignUpForm(first: bool, code_needed: bool, typed_email: Option<String>) -> impl IntoView {
    let action = ServerAction::<SignUp>::new();
    let error = error_of(action);
    let email = RwSignal::new(typed_email.unwrap_or_default());
    let (title, lead) = if first {
        ("Welcome to Mooring", "Make the first account. It is the administrator's.")
    } else {
        ("Make an account", "It is yours alone: nobody else sees your connections, administrators included.")
    };
    view! {
        <Threshold title=title>
            <p class="quiet">{lead}</p>
            <ActionForm action=action attr:class="form">
                <FormError error=error />
                <TextField
                    name="email"
                    label="E-mail address"
                    r#type="email"
                    autocomplete="username"
                    value=email
                    error=field_error(error, "email")
                    required=true
                    autofocus=true
                />
                <TextField
                    name="password"
                    label="Password"
                    r#type="password"
                    autocomplete="new-password"
                    hint="At least 10 characters. Four words in a row are easy to remember and hard to guess."
                    error=field_error(error, "password")
                    required=true
                />
                {code_needed
                    .then(|| {
                        view! {
                            <TextField
                                name="code"
                                label="Code from the server's log"
                                autocomplete="off"
                                hint="Others can reach this server, so it asks for proof that it is yours: the code stands in its log, in the line that says that there is no account yet."
                                error=field_error(error, "code")
                                required=true
                                mono=true
                            />
                        }
                    })}
                <div class="form-actions">
                    <Button kind=ButtonKind::Primary busy=action.pending()>
                        "Make the account"
                    </Button>
                </div>
            </ActionForm>
            {(!first).then(|| view! { <p class="quiet"><a href="/sign-in">"I have an account"</a></p> })}
        </Threshold>
    }
}

/// `/sign-in`: e-mail address and password; `?next=` is where to go afterwards.
#[component]
pub fn SignInPage() -> impl IntoView {
    let first_run = Resource::new_blocking(|| (), |()| get_first_run());
    view! {
        <Suspense fallback=|| {
            view! { <SkeletonText /> }
        }>
            {move || Suspend::new(async move {
                match first_run.await {
                    Ok(FirstRun { has_accounts: false, .. }) => view! { <Redirect path="/welcome" /> }.into_any(),
                    Ok(FirstRun { sign_up, typed_email, .. }) => {
                        view! { <SignInForm may_sign_up=sign_up == SignUpState::Open typed_email /> }.into_any()
                    }
                    Err(error) => view! { <ErrorState error title="The page could not be loaded." /> }.into_any(),
                }
            })}
        </Suspense>
    }
}

#[component]
fn SignInForm(may_sign_up: bool, typed_email: Option<String>) -> impl IntoView {
    let action = ServerAction::<SignIn>::new();
    let error = error_of(action);
    let email = RwSignal::new(typed_email.unwrap_or_default());
    let query = use_query_map();
    let next = query.with_untracked(|query| safe_next(query.get_str("next")).to_owned());
    view! {
        <Threshold title="Sign in">
            <ActionForm action=action attr:class="form">
                <FormError error=error />
                <input type="hidden" name="next" value=next />
                <TextField
                    name="email"
                    label="E-mail address"
                    r#type="email"
                    autocomplete="username"
                    value=email
                    error=field_error(error, "email")
                    required=true
                    autofocus=true
                />
                <TextField
                    name="password"
                    label="Password"
                    r#type="password"
                    autocomplete="current-password"
                    error=field_error(error, "password")
                    required=true
                />
                <div class="form-actions">
                    <Button kind=ButtonKind::Primary busy=action.pending()>
                        "Sign in"
                    </Button>
                </div>
            </ActionForm>
            {may_sign_up.then(|| view! { <p class="quiet"><a href="/welcome">"Make an account"</a></p> })}
            <details class="disclose quiet">
                <summary>"I forgot my password"</summary>
                <p>"Whoever runs this server can set a new one:"</p>
                <p class="mono">"mooring user password you@example.org --password-stdin"</p>
            </details>
        </Threshold>
    }
}

/// `/sign-in/code`: the second step, after the password.
#[component]
pub fn SecondStepPage() -> impl IntoView {
    let due = Resource::new_blocking(|| (), |()| is_second_step_due());
    view! {
        <Suspense fallback=|| {
            view! { <SkeletonText /> }
        }>
            {move || Suspend::new(async move {
                match due.await {
                    Ok(true) => view! { <CodeForm /> }.into_any(),
                    Ok(false) => view! { <Redirect path="/sign-in" /> }.into_any(),
                    Err(error) => view! { <ErrorState error title="The page could not be loaded." /> }.into_any(),
                }
            })}
        </Suspense>
    }
}

#[component]
fn CodeForm() -> impl IntoView {
    let action = ServerAction::<SecondStep>::new();
    let error = error_of(action);
    let too_late = move || error.with(|error| matches!(error, Some(crate::error::AppError::Unauthenticated)));
    view! {
        <Threshold title="Enter the code">
            <p class="quiet">"Your authenticator app shows six digits for Mooring. A recovery code works too, once."</p>
            <Show when=too_late>
                <NoticeBox title="The password was given more than ten minutes ago.">
                    <a href="/sign-in">"Start again"</a>
                </NoticeBox>
            </Show>
            <ActionForm action=action attr:class="form">
                <FormError error=error />
                <TextField
                    name="code"
                    label="Code"
                    autocomplete="one-time-code"
                    error=field_error(error, "code")
                    required=true
                    autofocus=true
                    mono=true
                />
                <div class="form-actions">
                    <Button kind=ButtonKind::Primary busy=action.pending()>
                        "Sign in"
                    </Button>
                </div>
            </ActionForm>
            <p class="quiet">
                <a href="/sign-in">"Sign in as someone else"</a>
            </p>
        </Threshold>
    }
}
