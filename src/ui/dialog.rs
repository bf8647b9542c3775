//! A dialog on the browser's own `<dialog>`: focus stays in it, Esc closes it, the page behind is inert.

use leptos::{html, prelude::*};

use super::icon::{Icon, IconName};

/// A dialog that `open` opens and closes.
#[component]
pub fn Dialog(
    /// What it asks or tells.
    #[prop(into)]
    title: String,
    /// Whether it is open.
    open: RwSignal<bool>,
    /// What it holds.
    children: Children,
) -> impl IntoView {
    let node = NodeRef::<html::Dialog>::new();
    let heading = format!("dialog-{}", title.to_lowercase().replace(' ', "-"));
    let labelled_by = heading.clone();
    Effect::new(move |_| {
        let Some(dialog) = node.get() else { return };
        if open.get() && !dialog.open() {
            // Fails only for a dialog that is not in the page any more.
            let _ = dialog.show_modal();
        } else if !open.get() && dialog.open() {
            dialog.close();
        }
    });
    view! {
        <dialog
            node_ref=node
            class="dialog"
            aria-labelledby=labelled_by
            on:close=move |_| open.set(false)
            on:click=move |event| {
                // The dialog itself is hit only beside its content: on the backdrop.
                if event.target() == event.current_target() {
                    open.set(false);
                }
            }
        >
            <div class="dialog-head">
                <h2 id=heading>{title}</h2>
                <button
                    type="button"
                    class="button button-quiet button-small button-icon"
                    aria-label="Close"
                    on:click=move |_| open.set(false)
                >
                    <Icon name=IconName::Cross />
                </button>
            </div>
            <div class="dialog-body">{children()}</div>
        </dialog>
    }
}
