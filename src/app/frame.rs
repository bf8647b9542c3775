//! The frame of those who are signed in: where one can go, who one is, and whether the monitor is at work.

use leptos::prelude::*;
use leptos_router::{components::Outlet, hooks::use_location};

use crate::{
    app::{keys::Keys, theme::ThemeSwitch},
    auth::{
        Role,
        api::SignOut,
        ui::{Account, Gate, ending_session},
    },
    health::{Pulse, api::get_pulse},
    ui::{
        Icon, IconName, TimeAgo, Toasts,
        live::{provide_live, use_live},
        time::use_now,
    },
};

/// How long after the last look the monitor counts as late, in seconds: several of its rounds.
const LATE_AFTER_S: i64 = 60;
/// How often the pulse is asked for, in seconds.
const ASK_EVERY_S: i64 = 20;

/// The frame around every page of those who are signed in; leads anyone else to where that begins.
#[component]
pub fn Frame() -> impl IntoView {
    Account::provide();
    provide_live();
    let sign_out = ending_session::<SignOut>();
    let email = || Account::me().map(|me| me.email);
    let for_administrators = || {
        Account::me().filter(|me| me.role == Role::Admin).map(|_| {
            view! {
                <Place href="/admin/accounts" icon=IconName::Person label="Accounts" />
                <Place href="/status" icon=IconName::Pulse label="Status" />
            }
        })
    };
    view! {
        <Gate />
        <a class="skip-link" href="#main">
            "Skip to the content"
        </a>
        <div class="frame">
            <header class="sidebar">
                <a class="brand" href="/">
                    <Icon name=IconName::Anchor />
                    "Mooring"
                </a>
                <nav class="nav" aria-label="Main">
                    <Place href="/" icon=IconName::Board label="Board" />
                    <Place href="/knowledge" icon=IconName::Bulb label="Knowledge" />
                    <Place href="/guides" icon=IconName::Book label="Guides" />
                    <Suspense>{for_administrators}</Suspense>
                    <Place href="/audit" icon=IconName::List label="Audit" />
                    <Place href="/settings" icon=IconName::Gear label="Settings" />
                </nav>
                <div class="sidebar-foot">
                    <PulseFoot />
                    <ThemeSwitch />
                    <div class="account">
                        <Suspense>
                            <span class="account-name">{email}</span>
                        </Suspense>
                        <ActionForm action=sign_out>
                            <button
                                type="submit"
                                class="button button-quiet button-small button-icon"
                                aria-label="Sign out"
                                title="Sign out"
                            >
                                <Icon name=IconName::Leave />
                            </button>
                        </ActionForm>
                    </div>
                </div>
            </header>
            <Outlet />
        </div>
        <Keys />
        <Toasts />
    }
}

/// One place to go.
#[component]
fn Place(href: &'static str, icon: IconName, label: &'static str) -> impl IntoView {
    let path = use_location().pathname;
    let here = move || {
        path.with(|path| {
            let within = match href {
                "/" => path == "/" || path.starts_with("/connections"),
                _ => path.starts_with(href),
            };
            within.then_some("page")
        })
    };
    view! {
        <a href=href aria-current=here>
            <Icon name=icon />
            {label}
        </a>
    }
}

/// The monitor's pulse.
#[component]
fn PulseFoot() -> impl IntoView {
    let changed = use_live("health");
    let now = use_now();
    // A sweep with nothing due announces nothing, so it is asked for now and then; not at once, as the page came
    // with it.
    let came_alive = StoredValue::new(None);
    let round = Memo::new(move |_| {
        now.get().map_or(0, |now| {
            let first = came_alive.get_value().unwrap_or(now);
            came_alive.set_value(Some(first));
            (now - first) / ASK_EVERY_S
        })
    });
    let pulse = Resource::new_blocking(move || (changed.get(), round.get()), |_| get_pulse());
    view! {
        <Transition fallback=|| {
            view! { <div class="pulse"></div> }
        }>
            {move || pulse.get().and_then(Result::ok).map(|pulse| view! { <PulseWords pulse /> })}
        </Transition>
    }
}

#[component]
fn PulseWords(pulse: Pulse) -> impl IntoView {
    let now = use_now();
    let class = move || match (pulse.scheduler_on, pulse.last_sweep_at, now.get()) {
        (false, ..) => "pulse pulse-off",
        (true, Some(at), Some(now)) if now - at.seconds() > LATE_AFTER_S => "pulse pulse-late",
        (true, None, _) => "pulse pulse-late",
        (true, Some(_), _) => "pulse",
    };
    let last = match (pulse.scheduler_on, pulse.last_sweep_at) {
        (false, _) => view! { "Scheduled checks are off" }.into_any(),
        (true, None) => view! { "The monitor has not looked yet" }.into_any(),
        (true, Some(at)) => view! {
            "Last sweep "
            <TimeAgo at />
        }
        .into_any(),
    };
    let next = pulse.next_check_at.filter(|_| pulse.scheduler_on).map(|at| {
        view! {
            <br />
            "Next check "
            <TimeAgo at />
        }
    });
    view! {
        <div class=class>
            <svg class="pulse-dot" viewBox="0 0 7 7" aria-hidden="true" focusable="false">
                <circle cx="3.5" cy="3.5" r="3.5" />
            </svg>
            <span>{last} {next}</span>
        </div>
    }
}
