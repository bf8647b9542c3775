//! Attaches the application to the HTML that the server rendered. On a slow network people fill in a form before
//! the wasm is there: the fields are at work from the first byte, while the signals behind them start with what the
//! server knew. What was typed by then is therefore handed to the application as if it were typed once more.

use std::{cell::RefCell, rc::Rc};

use leptos::{ev, mount::hydrate_from_async, prelude::*};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Element, Event, EventInit, HtmlInputElement, HtmlSelectElement, HtmlTextAreaElement};

use super::App;

/// Set on the root element once the page answers by itself: for tests, and for whoever automates the browser.
const HYDRATED: &str = "data-hydrated";

/// Attaches the application, whose parts may have to be fetched first.
pub async fn attach() {
    // A script of the page itself runs in a page with a body.
    let Some(body) = document().body() else { return };
    let changed = Rc::new(RefCell::new(Vec::new()));
    if let Ok(fields) = body.query_selector_all("input, textarea, select") {
        changed.borrow_mut().extend((0..fields.length()).filter_map(|i| Field::new(fields.item(i)?)?.changed()));
    }
    let listener = window_event_listener(ev::input, {
        let changed = Rc::clone(&changed);
        move |event| {
            let field = event.target().and_then(Field::new).and_then(Field::changed);
            changed.borrow_mut().extend(field);
        }
    });
    hydrate_from_async(body, App).await.forget();
    listener.remove();
    for (field, input) in changed.take() {
        field.repeat(&input);
    }
    if let Some(root) = document().document_element() {
        // Refused only for a name that is none.
        let _ = root.set_attribute(HYDRATED, "");
    }
}

/// What a person put into a field.
enum Input {
    Text(String),
    Checked(bool),
}

/// A field of a form that takes text, a choice or a tick.
enum Field {
    Tick(HtmlInputElement),
    Line(HtmlInputElement),
    Lines(HtmlTextAreaElement),
    Choice(HtmlSelectElement),
}

impl Field {
    /// `None` for what is no field, and for a file, which only its reader may choose.
    fn new(element: impl Into<JsValue>) -> Option<Self> {
        let element = element.into().dyn_into::<Element>().ok()?;
        match element.dyn_into::<HtmlInputElement>() {
            Ok(input) => match input.type_().as_str() {
                "file" => None,
                "checkbox" | "radio" => Some(Self::Tick(input)),
                _ => Some(Self::Line(input)),
            },
            Err(element) => match element.dyn_into::<HtmlTextAreaElement>() {
                Ok(lines) => Some(Self::Lines(lines)),
                Err(element) => element.dyn_into::<HtmlSelectElement>().ok().map(Self::Choice),
            },
        }
    }

    /// The field and what is in it, if that is not what the server wrote there.
    fn changed(self) -> Option<(Self, Input)> {
        let input = match &self {
            Self::Tick(tick) if tick.checked() != tick.default_checked() => Input::Checked(tick.checked()),
            Self::Line(line) if line.value() != line.default_value() => Input::Text(line.value()),
            Self::Lines(lines) if Some(lines.value()) != lines.default_value().ok() => Input::Text(lines.value()),
            Self::Choice(choice) if choice.value() != default_choice(choice) => Input::Text(choice.value()),
            _ => return None,
        };
        Some((self, input))
    }

    /// Puts the input in again and tells the application.
    fn repeat(&self, input: &Input) {
        let target: &Element = match (self, input) {
            (Self::Tick(tick), Input::Checked(checked)) => {
                tick.set_checked(*checked);
                tick
            }
            (Self::Line(line), Input::Text(text)) => {
                line.set_value(text);
                line
            }
            (Self::Lines(lines), Input::Text(text)) => {
                lines.set_value(text);
                lines
            }
            (Self::Choice(choice), Input::Text(text)) => {
                choice.set_value(text);
                choice
            }
            _ => return,
        };
        let bubbling = EventInit::new();
        bubbling.set_bubbles(true);
        for name in ["input", "change"] {
            if let Ok(event) = Event::new_with_event_init_dict(name, &bubbling) {
                // Fails only for an event that is on its way already.
                let _ = target.dispatch_event(&event);
            }
        }
    }
}

/// What the server chose: the option marked so, or else the first.
fn default_choice(choice: &HtmlSelectElement) -> String {
    ["option[selected]", "option"]
        .into_iter()
        .find_map(|option| choice.query_selector(option).ok().flatten())
        .and_then(|option| option.get_attribute("value"))
        .unwrap_or_default()
}
