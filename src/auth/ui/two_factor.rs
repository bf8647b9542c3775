//! `/settings/two-factor`: the second factor and its recovery codes.

use leptos::prelude::*;

use super::{
    error_of, field_error,
    settings::{Section, SettingsHead},
    successes,
};
use crate::{
    auth::{
        SecondFactor, TotpKey,
        api::{
            BeginSecondFactor, ConfirmSecondFactor, DisableSecondFactor, RenewRecoveryCodes, get_second_factor,
            take_recovery_codes,
        },
    },
    error::AppError,
    ui::{
        Button, ButtonKind, Card, CopyButton, ErrorState, FormError, NoticeBox, Page, SkeletonText, Tag, TextField,
        Tone,
    },
};

/// The actions of the page; they outlive the parts that are shown by turns.
#[derive(Clone, Copy)]
struct Actions {
    begin: ServerAction<BeginSecondFactor>,
    confirm: ServerAction<ConfirmSecondFactor>,
    renew: ServerAction<RenewRecoveryCodes>,
    disable: ServerAction<DisableSecondFactor>,
}

/// Turning the second factor on and off.
#[component]
pub fn TwoFactorPage() -> impl IntoView {
    let actions = Actions {
        begin: ServerAction::new(),
        confirm: ServerAction::new(),
        renew: ServerAction::new(),
        disable: ServerAction::new(),
    };
    let (begun, confirmed) = (successes(actions.begin), successes(actions.confirm));
    let (renewed, disabled) = (successes(actions.renew), successes(actions.disable));
    let changes = move || (begun.get(), confirmed.get(), renewed.get(), disabled.get());
    let state = Resource::new_blocking(changes, |_| get_second_factor());
    let kept = Resource::new_blocking(|| (), |()| take_recovery_codes());
    view! {
        <Page title="Two-factor sign-in" narrow=true>
            <SettingsHead section=Section::TwoFactor />
            <div class="stack-wide">
                <RecoveryCodes actions kept />
                <Transition fallback=|| {
                    view! { <SkeletonText /> }
                }>
                    {move || Suspend::new(async move {
                        match state.await {
                            Ok(SecondFactor::Off) => view! { <Off actions /> }.into_any(),
                            Ok(SecondFactor::Pending(key)) => view! { <Pending actions key /> }.into_any(),
                            Ok(SecondFactor::On { recovery_codes_left }) => {
                                view! { <On actions recovery_codes_left /> }.into_any()
                            }
                            Err(error) => {
                                view! { <ErrorState error title="Two-factor sign-in could not be loaded." /> }.into_any()
                            }
                        }
                    })}
                </Transition>
            </div>
        </Page>
    }
}

/// The recovery codes that were just made, this once.
#[component]
fn RecoveryCodes(
    actions: Actions,
    /// What was made by a form without JavaScript.
    kept: Resource<Result<Option<Vec<String>>, AppError>>,
) -> impl IntoView {
    let codes = move || {
        let made = actions.renew.value().get().or_else(|| actions.confirm.value().get()).and_then(Result::ok);
        made.or_else(|| kept.get().and_then(Result::ok).flatten())
            .filter(|_| !matches!(actions.disable.value().get(), Some(Ok(()))))
    };
    view! {
        <div role="status">
            <Suspense>{move || {
                codes()
                    .map(|codes| {
                        let text = codes.join("\n");
                        view! {
                            <Card
                                title="Recovery codes"
                                actions=move || view! { <CopyButton text=text.clone() label="Copy the recovery codes" /> }
                            >
                                <div class="card-body stack">
                                    <p>
                                        "Each of them signs you in once when the app is not at hand. They are shown this once: keep them where you keep passwords."
                                    </p>
                                    <ul class="codes">
                                        {codes.into_iter().map(|code| view! { <li class="mono">{code}</li> }).collect_view()}
                                    </ul>
                                </div>
                            </Card>
                        }
                    })
            }}</Suspense>
        </div>
    }
}

#[component]
fn Off(actions: Actions) -> impl IntoView {
    let error = error_of(actions.begin);
    view! {
        <Card title="Two-factor sign-in" actions=|| view! { <Tag>"Off"</Tag> }>
            <ActionForm action=actions.begin attr:class="card-body form">
                <p>
                    "Besides the password, each sign-in asks for six digits that an app on your phone shows, so that a password that leaked is not enough."
                </p>
                <FormError error=error />
                <TextField
                    name="current"
                    label="Your password"
                    r#type="password"
                    autocomplete="current-password"
                    error=field_error(error, "current")
                    required=true
                />
                <div class="form-actions">
                    <Button kind=ButtonKind::Primary busy=actions.begin.pending()>
                        "Set it up"
                    </Button>
                </div>
            </ActionForm>
        </Card>
    }
}

#[component]
fn Pending(actions: Actions, key: TotpKey) -> impl IntoView {
    let error = error_of(actions.confirm);
    let TotpKey { key, qr_size, qr_path } = key;
    // Four modules of light around the code, which readers need.
    let view_box = format!("-4 -4 {size} {size}", size = qr_size + 8);
    let spaced = key.as_bytes().chunks(4).map(String::from_utf8_lossy).collect::<Vec<_>>().join(" ");
    view! {
        <Card title="Two-factor sign-in" actions=|| view! { <Tag tone=Tone::Accent>"Waiting for a first code"</Tag> }>
            <ActionForm action=actions.confirm attr:class="card-body form">
                <FormError error=error />
                <p>"Scan this with an authenticator app, or type the key into it."</p>
                <svg class="qr" viewBox=view_box role="img" aria-label="QR code of the key" shape-rendering="crispEdges">
                    <rect class="qr-light" x="-4" y="-4" width="100%" height="100%"></rect>
                    <path class="qr-dark" d=qr_path></path>
                </svg>
                <p class="row">
                    <span class="mono breakable">{spaced}</span>
                    <CopyButton text=key label="Copy the key" />
                </p>
                <TextField
                    name="code"
                    label="The six digits that the app shows"
                    inputmode="numeric"
                    autocomplete="one-time-code"
                    error=field_error(error, "code")
                    required=true
                    mono=true
                />
                <div class="form-actions">
                    <Button kind=ButtonKind::Primary busy=actions.confirm.pending()>
                        "Turn it on"
                    </Button>
                </div>
            </ActionForm>
        </Card>
    }
}

#[component]
fn On(actions: Actions, recovery_codes_left: u32) -> impl IntoView {
    let (renewing, disabling) = (error_of(actions.renew), error_of(actions.disable));
    let left = match recovery_codes_left {
        0 => "No recovery code is left. Make new ones.".to_owned(),
        1 => "One recovery code is left. Make new ones soon.".to_owned(),
        left => format!("{left} recovery codes are left."),
    };
    view! {
        <Card title="Two-factor sign-in" actions=|| view! { <Tag tone=Tone::Healthy>"On"</Tag> }>
            <div class="card-body stack">
                {if recovery_codes_left < 3 {
                    view! { <NoticeBox tone=Tone::Degraded title=left /> }.into_any()
                } else {
                    view! { <p>{left}</p> }.into_any()
                }}
                <details class="disclose" open=move || renewing.with(Option::is_some)>
                    <summary>"Make new recovery codes"</summary>
                    <ActionForm action=actions.renew attr:class="form">
                        <FormError error=renewing />
                        <p>"The old ones stop working."</p>
                        <TextField
                            name="current"
                            label="Your password"
                            r#type="password"
                            autocomplete="current-password"
                            error=field_error(renewing, "current")
                            required=true
                        />
                        <div class="form-actions">
                            <Button busy=actions.renew.pending()>"Make new codes"</Button>
                        </div>
                    </ActionForm>
                </details>
                <details class="disclose" open=move || disabling.with(Option::is_some)>
                    <summary>"Turn two-factor sign-in off"</summary>
                    <ActionForm action=actions.disable attr:class="form">
                        <FormError error=disabling />
                        <p>"From then on the password alone signs in. The key in the app and the recovery codes stop working."</p>
                        <TextField
                            name="confirmation"
                            label="Your password"
                            r#type="password"
                            autocomplete="current-password"
                            error=field_error(disabling, "confirmation")
                            required=true
                        />
                        <div class="form-actions">
                            <Button kind=ButtonKind::Danger busy=actions.disable.pending()>
                                "Turn it off"
                            </Button>
                        </div>
                    </ActionForm>
                </details>
            </div>
        </Card>
    }
}
