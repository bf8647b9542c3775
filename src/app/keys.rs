//! Keys that work on every page: `/` searches, `?` lists the keys. Esc closes what is open, by the browser's own
//! doing.

use leptos::{ev, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use crate::ui::Dialog;

/// Whether the reader is typing, so that letters are text.
fn is_typing() -> bool {
    document().active_element().is_some_and(|element| {
        matches!(element.tag_name().as_str(), "INPUT" | "TEXTAREA" | "SELECT")
            || element.has_attribute("contenteditable")
    })
}

fn focus_search() -> bool {
    let Ok(Some(search)) = document().query_selector("input[type=search]") else { return false };
    search.dyn_ref::<HtmlElement>().is_some_and(|search| search.focus().is_ok())
}

/// Listens for the keys and holds the list of them.
#[component]
pub fn Keys() -> impl IntoView {
    let open = RwSignal::new(false);
    Effect::new(move |_| {
        let listener = window_event_listener(ev::keydown, move |event| {
            if event.ctrl_key() || event.meta_key() || event.alt_key() || is_typing() {
                return;
            }
            match event.key().as_str() {
                "/" if focus_search() => event.prevent_default(),
                "?" => open.set(true),
                _ => {}
            }
        });
        on_cleanup(move || listener.remove());
    });
    view! {
        <Dialog title="Keys" open>
            <dl class="keys-list">
                <dt>
                    <kbd>"/"</kbd>
                </dt>
                <dd>"Search the board"</dd>
                <dt>
                    <kbd>"?"</kbd>
                </dt>
                <dd>"Show these keys"</dd>
                <dt>
                    <kbd>"Esc"</kbd>
                </dt>
                <dd>"Close what is open"</dd>
                <dt>
                    <kbd>"←"</kbd>
                    " "
                    <kbd>"→"</kbd>
                </dt>
                <dd>"On the bars of a connection: read one after the other"</dd>
            </dl>
        </Dialog>
    }
}
