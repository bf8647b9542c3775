//! Status as shape, word and colour, so that none of the three is needed alone.

use leptos::prelude::*;

use crate::health::Status;

const fn code(status: Status, paused: bool) -> &'static str {
    if paused { "paused" } else { status.code() }
}

/// The word for a status, or "Paused".
#[must_use]
pub const fn word(status: Status, paused: bool) -> &'static str {
    if paused { "Paused" } else { status.label() }
}

/// The shape alone: a disc, a triangle, a square, a dashed ring.
#[component]
pub fn StatusShape(
    /// The status.
    status: Status,
    /// Whether checks are paused.
    #[prop(optional)]
    paused: bool,
) -> impl IntoView {
    let shape = match (paused, status) {
        (false, Status::Healthy) => view! { <circle cx="7" cy="7" r="6" fill="currentColor" /> }.into_any(),
        (false, Status::Degraded) => view! {
            <path
                d="M7 1.6 13.2 12.4H.8Z"
                fill="currentColor"
                stroke="currentColor"
                stroke-width="1"
                stroke-linejoin="round"
            />
        }
        .into_any(),
        (false, Status::Down) => {
            view! { <rect x="1" y="1" width="12" height="12" rx="2" fill="currentColor" /> }.into_any()
        }
        _ => view! {
            <circle
                cx="7"
                cy="7"
                r="5.5"
                fill="none"
                stroke="currentColor"
                stroke-width="1.7"
                stroke-dasharray="2.4 1.92"
            />
        }
        .into_any(),
    };
    view! {
        <svg
            class=format!("status-shape status-{}", code(status, paused))
            viewBox="0 0 14 14"
            aria-hidden="true"
            focusable="false"
        >
            {shape}
        </svg>
    }
}

/// Shape and word.
#[component]
pub fn StatusMark(
    /// The status.
    status: Status,
    /// Whether checks are paused.
    #[prop(optional)]
    paused: bool,
) -> impl IntoView {
    view! {
        <span class=format!("status status-{}", code(status, paused))>
            <StatusShape status paused />
            <span class="status-word">{word(status, paused)}</span>
        </span>
    }
}
