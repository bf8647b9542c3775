//! The box for what people have already: an address, or the contents of a file.

use leptos::{ev, prelude::*};

use super::fields::Fields;
use crate::ui::{Button, TextArea};

/// The box for a whole address or file. It fills the fields as one types, and is emptied when one leaves it, so
/// that the password in it does not stay on the screen.
#[component]
pub(super) fn PasteBox(fields: StoredValue<Fields>, error: Signal<Option<String>>) -> impl IntoView {
    let fields = fields.get_value();
    let alive = RwSignal::new(false);
    Effect::new(move |_| alive.set(true));
    let own_error = RwSignal::new(None::<String>);
    let note = RwSignal::new(None::<&'static str>);
    let shown = Signal::derive(move || own_error.get().or_else(|| error.get()));
    let take = move || {
        if fields.pasted.with_untracked(|text| text.trim().is_empty()) {
            own_error.set(None);
            return;
        }
        match fields.unpack() {
            Ok(said) => {
                own_error.set(None);
                note.set(said);
                fields.pasted.set(String::new());
            }
            Err(message) => own_error.set(Some(message)),
        }
    };
    // What cannot be read while one types may be half an address; it is told when one leaves the box.
    let follow = move |_| {
        if let Ok(said) = fields.unpack() {
            own_error.set(None);
            note.set(said);
        }
    };
    let enter = move |event: ev::KeyboardEvent| {
        if event.key() == "Enter" && !event.shift_key() {
            event.prevent_default();
            take();
        }
    };
    view! {
        <div class="connection-paste">
            <TextArea
                name="pasted"
                label="Paste a URL, or what is in a configuration file"
                value=fields.pasted
                error=shown
                rows=1
                placeholder="postgresql://user:password@host/database"
                hint="The address of a database, or the contents of a .env, .pgpass, pg_service.conf, my.cnf, a service account or Firebase's web configuration. It is taken apart into the fields below."
                mono=true
                on:input=follow
                on:change=move |_| take()
                on:keydown=enter
            />
            <Show when=move || alive.get()>
                <Button r#type="button" small=true on:click=move |_| take()>
                    "Fill in"
                </Button>
            </Show>
            <p class="field-hint connection-paste-note" aria-live="polite">
                {move || note.get()}
            </p>
        </div>
    }
}
