//! Boxes and tags with a tone.

use leptos::prelude::*;

use super::icon::{Icon, IconName};

/// What a tag, box or toast says by its colour, beside its words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// Nothing in particular.
    #[default]
    Plain,
    /// Something to know.
    Accent,
    /// Good.
    Healthy,
    /// To be looked at.
    Degraded,
    /// Wrong.
    Down,
}

impl Tone {
    /// The end of its classes.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Accent => "accent",
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Down => "down",
        }
    }

    /// The icon that goes with it.
    #[must_use]
    pub const fn icon(self) -> IconName {
        match self {
            Self::Plain | Self::Accent => IconName::Info,
            Self::Healthy => IconName::Check,
            Self::Degraded | Self::Down => IconName::Warning,
        }
    }
}

/// A few words about something.
#[component]
pub fn Tag(
    /// Its tone.
    #[prop(optional)]
    tone: Tone,
    /// An icon before the words.
    #[prop(optional, into)]
    icon: Option<IconName>,
    /// The words.
    children: Children,
) -> impl IntoView {
    view! {
        <span class=format!("tag tag-{}", tone.code())>
            {icon.map(|name| view! { <Icon name /> })}
            {children()}
        </span>
    }
}

/// A box above a page's content: what happened, why, what to do.
#[component]
pub fn NoticeBox(
    /// Its tone.
    #[prop(optional)]
    tone: Tone,
    /// What happened.
    #[prop(into)]
    title: String,
    /// What to do about it, beside it: buttons, a time.
    #[prop(optional, into)]
    end: ViewFn,
    /// Why, and what to do.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    view! {
        <div class=format!("notice notice-{}", tone.code())>
            <Icon name=tone.icon() />
            <p class="notice-title">{title}</p>
            {children.map(|children| view! { <div class="notice-body">{children()}</div> })}
            <div class="notice-end">{end.run()}</div>
        </div>
    }
}
