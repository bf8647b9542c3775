//! Buttons, and links that look like them.

use leptos::prelude::*;

use super::icon::{Icon, IconName};

/// How much a button asks for attention.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ButtonKind {
    /// The one thing to do on a page.
    Primary,
    /// Everything else.
    #[default]
    Plain,
    /// Destroys something.
    Danger,
    /// Without a border, within rows and notices.
    Quiet,
}

impl ButtonKind {
    const fn class(self) -> &'static str {
        match self {
            Self::Primary => "button button-primary",
            Self::Plain => "button",
            Self::Danger => "button button-danger",
            Self::Quiet => "button button-quiet",
        }
    }

    fn classes(self, small: bool) -> String {
        format!("{}{}", self.class(), if small { " button-small" } else { "" })
    }
}

/// A button. Listeners are put on from outside (`on:click`).
#[component]
pub fn Button(
    /// How much attention it asks for.
    #[prop(optional)]
    kind: ButtonKind,
    /// `submit` unless set: most buttons stand in forms that post.
    #[prop(optional, into)]
    r#type: Option<&'static str>,
    /// An icon before the words.
    #[prop(optional, into)]
    icon: Option<IconName>,
    /// Lower, for rows and notices.
    #[prop(optional)]
    small: bool,
    /// Cannot be used now.
    #[prop(optional, into)]
    disabled: Signal<bool>,
    /// Its work is under way: shows so, and takes no second press.
    #[prop(optional, into)]
    busy: Signal<bool>,
    /// Sent with the form.
    #[prop(optional, into)]
    name: Option<String>,
    /// Sent with the form.
    #[prop(optional, into)]
    value: Option<String>,
    /// What it does: a plain verb.
    children: Children,
) -> impl IntoView {
    view! {
        <button
            class=kind.classes(small)
            type=r#type.unwrap_or("submit")
            name=name
            value=value
            disabled=move || disabled.get() || busy.get()
            aria-busy=move || busy.get().then_some("true")
        >
            <Show when=move || busy.get() fallback=move || icon.map(|name| view! { <Icon name /> })>
                <span class="busy-mark" aria-hidden="true"></span>
            </Show>
            {children()}
        </button>
    }
}

/// A link that looks like a button: it leads somewhere and changes nothing.
#[component]
pub fn ButtonLink(
    /// Where it leads.
    #[prop(into)]
    href: Signal<String>,
    /// How much attention it asks for.
    #[prop(optional)]
    kind: ButtonKind,
    /// An icon before the words.
    #[prop(optional, into)]
    icon: Option<IconName>,
    /// Lower, for rows and notices.
    #[prop(optional)]
    small: bool,
    /// What is there.
    children: Children,
) -> impl IntoView {
    view! {
        <a class=kind.classes(small) href=href>
            {icon.map(|name| view! { <Icon name /> })}
            {children()}
        </a>
    }
}
