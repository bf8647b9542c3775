//! Light, dark, or as the system has it. The choice is a cookie, so that the server writes it into the first
//! byte of the page and nothing flashes.

use leptos::prelude::*;
use wasm_bindgen::JsCast;

use crate::ui::{Icon, IconName};

/// How long the choice is kept: a year.
const MAX_AGE_S: u32 = 31_536_000;

/// A choice of colours. None is the system's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

impl Theme {
    /// The value of the cookie and of `data-theme`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// The theme with this code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        [Self::Light, Self::Dark].into_iter().find(|theme| theme.code() == code)
    }
}

/// Puts the choice on the page and into the cookie.
fn apply(theme: Option<Theme>) {
    let document = document();
    if let Some(root) = document.document_element() {
        // Refused only for a name that is none.
        let _ = match theme {
            Some(theme) => root.set_attribute("data-theme", theme.code()),
            None => root.remove_attribute("data-theme"),
        };
    }
    let (value, age) = theme.map_or(("", 0), |theme| (theme.code(), MAX_AGE_S));
    if let Some(document) = document.dyn_ref::<web_sys::HtmlDocument>() {
        let _ = document.set_cookie(&format!("theme={value}; Path=/; Max-Age={age}; SameSite=Lax"));
    }
}

/// Three buttons: system, light, dark. Not shown where scripts are off.
#[component]
pub fn ThemeSwitch() -> impl IntoView {
    let chosen = RwSignal::new(None::<Theme>);
    Effect::new(move |_| {
        let code = document().document_element().and_then(|root| root.get_attribute("data-theme"));
        chosen.set(code.as_deref().and_then(Theme::from_code));
    });
    let button = move |theme: Option<Theme>, icon: IconName, label: &'static str| {
        view! {
            <button
                type="button"
                aria-label=label
                title=label
                aria-pressed=move || if chosen.get() == theme { "true" } else { "false" }
                on:click=move |_| {
                    chosen.set(theme);
                    apply(theme);
                }
            >
                <Icon name=icon />
            </button>
        }
    };
    view! {
        <div class="theme-switch" role="group" aria-label="Colours">
            {button(None, IconName::Screen, "As the system")}
            {button(Some(Theme::Light), IconName::Sun, "Light")}
            {button(Some(Theme::Dark), IconName::Moon, "Dark")}
        </div>
    }
}
