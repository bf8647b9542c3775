//! Short words about what a press came to, in a corner, read aloud.

use std::time::Duration;

use leptos::prelude::*;

use super::{
    icon::{Icon, IconName},
    notice::Tone,
};

/// How long a toast stays; one about a failure stays until it is closed.
const STAYS: Duration = Duration::from_secs(6);
/// The oldest goes when there are more.
const AT_MOST: usize = 4;

#[derive(Clone, Debug)]
struct Toast {
    id: u32,
    tone: Tone,
    text: String,
}

/// A handle to the toasts of the page.
#[derive(Clone, Copy, Debug)]
pub struct ToastHandle {
    list: RwSignal<Vec<Toast>>,
    last: StoredValue<u32>,
}

impl ToastHandle {
    /// Shows `text`.
    pub fn show(self, tone: Tone, text: impl Into<String>) {
        self.last.update_value(|last| *last = last.wrapping_add(1));
        let id = self.last.get_value();
        self.list.update(|list| {
            list.push(Toast { id, tone, text: text.into() });
            if list.len() > AT_MOST {
                list.remove(0);
            }
        });
        if tone != Tone::Down {
            set_timeout(move || self.close(id), STAYS);
        }
    }

    fn close(self, id: u32) {
        // The page may be gone by the time that a toast's time is over.
        let _ = self.list.try_update(|list| list.retain(|toast| toast.id != id));
    }
}

/// Makes [`use_toasts`] work below.
pub fn provide_toasts() {
    provide_context(ToastHandle { list: RwSignal::default(), last: StoredValue::default() });
}

/// The toasts of the page.
///
/// # Panics
///
/// Outside [`App`](crate::app::App), which provides them.
#[must_use]
pub fn use_toasts() -> ToastHandle {
    expect_context()
}

/// Where toasts appear; once, in the frame.
#[component]
pub fn Toasts() -> impl IntoView {
    let toasts = use_toasts();
    view! {
        <div class="toasts" role="status" aria-live="polite">
            <For each=move || toasts.list.get() key=|toast| toast.id let:toast>
                <div class="toast">
                    <Icon name=toast.tone.icon() />
                    <p>{toast.text}</p>
                    <button
                        type="button"
                        class="button button-quiet button-small button-icon"
                        aria-label="Close"
                        on:click=move |_| toasts.close(toast.id)
                    >
                        <Icon name=IconName::Cross />
                    </button>
                </div>
            </For>
        </div>
    }
}
