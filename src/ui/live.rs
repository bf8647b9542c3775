//! Changes as they happen: the server says which topic changed, the page fetches its data again.
//!
//! One `EventSource` on `/events` for the whole page. Each event's data is the name of a topic; what changed is
//! not in it, so there is no second way for data to arrive. When the stream was broken and is back, every topic
//! counts as changed, because what was said meanwhile is lost.

use std::{collections::BTreeMap, time::Duration};

use leptos::prelude::*;
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{EventSource, MessageEvent};

/// How long to wait before a stream that the browser gave up is opened again, at first.
const REOPEN: Duration = Duration::from_secs(5);
/// How often that wait doubles while the server refuses, as it does after a sign-out elsewhere: up to five minutes.
const REOPEN_DOUBLINGS: u32 = 6;

/// What the server says where it may have missed something itself.
const EVERYTHING: &str = "*";

/// The versions of the topics that somebody on the page watches.
#[derive(Clone, Copy, Debug)]
struct Live {
    versions: StoredValue<BTreeMap<&'static str, RwSignal<u32>>>,
    owner: StoredValue<Option<Owner>>,
    /// Whether the session is being ended from this page.
    leaving: RwSignal<bool>,
}

impl Live {
    fn version(self, topic: &'static str) -> RwSignal<u32> {
        if let Some(version) = self.versions.with_value(|versions| versions.get(topic).copied()) {
            return version;
        }
        // Made under the frame's owner: the page that asked first may go before the others do.
        let make = || RwSignal::new(0);
        let version = self.owner.with_value(|owner| owner.as_ref().map_or_else(make, |owner| owner.with(make)));
        self.versions.update_value(|versions| {
            versions.insert(topic, version);
        });
        version
    }

    fn changed(self, topic: &str) {
        if topic == EVERYTHING {
            return self.everything_changed();
        }
        if let Some(version) = self.versions.with_value(|versions| versions.get(topic).copied()) {
            version.update(|version| *version = version.wrapping_add(1));
        }
    }

    fn everything_changed(self) {
        let topics: Vec<&'static str> = self.versions.with_value(|versions| versions.keys().copied().collect());
        for topic in topics {
            self.changed(topic);
        }
    }
}

/// Opens the stream and makes [`use_live`] work below; once, in the frame of those who are signed in.
///
/// A page that nobody looks at has none: a browser opens six connections to a server at most, and six forgotten tabs
/// would leave none for the seventh.
pub fn provide_live() {
    let live = Live {
        versions: StoredValue::default(),
        owner: StoredValue::new(Owner::current()),
        leaving: RwSignal::new(false),
    };
    provide_context(live);
    let seen = RwSignal::new(true);
    let attempt = RwSignal::new(0_u32);
    Effect::new(move |_| {
        seen.set(!document().hidden());
        // It happens to the document, and bubbles.
        let listener = window_event_listener_untyped("visibilitychange", move |_| seen.set(!document().hidden()));
        on_cleanup(move || listener.remove());
    });
    let missed = StoredValue::new(false);
    let refused = StoredValue::new(0_u32);
    Effect::new(move |_| {
        attempt.track();
        if seen.get() && !live.leaving.get() {
            open(live, Opening { missed, refused, attempt });
        }
        // Whatever ends this stream, the next one starts after a gap.
        missed.set_value(true);
    });
}

/// What one opening of the stream knows of those before it.
#[derive(Clone, Copy)]
struct Opening {
    /// Whether something may have been said since the page's data was fetched.
    missed: StoredValue<bool>,
    /// How many in a row the server refused.
    refused: StoredValue<u32>,
    /// Set to open the stream anew.
    attempt: RwSignal<u32>,
}

/// Opens the stream until the effect that called it runs again or ends.
fn open(live: Live, Opening { missed, refused, attempt }: Opening) {
    let Ok(source) = EventSource::new("/events") else { return };
    let on_open = Closure::<dyn FnMut()>::new(move || {
        refused.set_value(0);
        if missed.get_value() {
            missed.set_value(false);
            live.everything_changed();
        }
    });
    let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
        if let Some(topic) = event.data().as_string() {
            live.changed(&topic);
        }
    });
    let failed = source.clone();
    let on_error = Closure::<dyn FnMut()>::new(move || {
        missed.set_value(true);
        // While it is connecting, the browser tries again by itself.
        if failed.ready_state() == EventSource::CLOSED {
            let wait = REOPEN * 2_u32.pow(refused.get_value().min(REOPEN_DOUBLINGS));
            refused.update_value(|refused| *refused = refused.saturating_add(1));
            set_timeout(
                move || {
                    let _ = attempt.try_update(|attempt| *attempt = attempt.wrapping_add(1));
                },
                wait,
            );
        }
    });
    source.set_onopen(Some(on_open.as_ref().unchecked_ref()));
    source.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    source.set_onerror(Some(on_error.as_ref().unchecked_ref()));
    let kept = StoredValue::new_local((source, on_open, on_message, on_error));
    on_cleanup(move || {
        kept.with_value(|(source, ..)| {
            source.set_onopen(None);
            source.set_onmessage(None);
            source.set_onerror(None);
            source.close();
        });
    });
}

/// A number that grows each time that something of `topic` changes: the source of a `Resource`.
///
/// On the server, and outside the frame, it stays 0.
#[must_use]
pub fn use_live(topic: &'static str) -> ReadSignal<u32> {
    match use_context::<Live>() {
        Some(live) => live.version(topic).read_only(),
        None => RwSignal::new(0).read_only(),
    }
}

/// Keeps the stream closed while `leaving` says that the session is being ended: what is asked from then on, the
/// stream among it, would be refused.
pub fn close_live_while(leaving: Signal<bool>) {
    let Some(live) = use_context::<Live>() else { return };
    Effect::new(move |_| {
        let leaving = leaving.get();
        // Setting what it is already would open the stream anew.
        if live.leaving.get_untracked() != leaving {
            live.leaving.set(leaving);
        }
    });
}
