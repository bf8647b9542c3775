//! Form fields: label, control, hint and error, tied together for those who hear them.
//!
//! What was typed before the page came to life is handed over by `app/hydration.rs`.

use leptos::{html, prelude::*};

use super::icon::{Icon, IconName};

/// Writes the signal into a control where it holds something else: the caret stays where one types.
macro_rules! keep_in_step {
    ($node:ident, $value:ident) => {
        Effect::new(move || {
            let (Some(control), wanted) = ($node.get(), $value.get()) else { return };
            if control.value() != wanted {
                control.set_value(&wanted);
            }
        });
    };
}

fn described_by(id: &str, hint: bool) -> String {
    if hint { format!("{id}-hint {id}-error") } else { format!("{id}-error") }
}

/// The label, and behind it "optional" where it is.
#[component]
fn Label(id: String, label: String, optional: bool) -> impl IntoView {
    view! {
        <label for=id>
            {label} {optional.then(|| view! { <span class="field-optional">" (optional)"</span> })}
        </label>
    }
}

/// The hint and the error below a control.
#[component]
fn Below(id: String, hint: Option<String>, error: Signal<Option<String>>) -> impl IntoView {
    view! {
        {hint
            .map(|hint| {
                view! {
                    <span class="field-hint" id=format!("{id}-hint")>
                        {hint}
                    </span>
                }
            })}
        <span class="field-error" id=format!("{id}-error") aria-live="polite">
            {move || {
                error
                    .get()
                    .map(|error| {
                        view! {
                            <Icon name=IconName::Warning />
                            <span>{error}</span>
                        }
                    })
            }}
        </span>
    }
}

/// A field of one line.
#[component]
pub fn TextField(
    /// The name that the form sends; also the id.
    #[prop(into)]
    name: String,
    /// What is asked for.
    #[prop(into)]
    label: String,
    /// `text` unless set: `password`, `email`, `number`, `url`.
    #[prop(optional, into)]
    r#type: Option<&'static str>,
    /// What is in it. Without one it keeps its own.
    #[prop(optional, into)]
    value: Option<RwSignal<String>>,
    /// A sentence that helps to fill it in.
    #[prop(optional, into)]
    hint: Option<String>,
    /// What is wrong with it.
    #[prop(optional, into)]
    error: Signal<Option<String>>,
    /// An example, in the field while it is empty.
    #[prop(optional, into)]
    placeholder: Option<String>,
    /// What a password manager fills in (`username`, `current-password`, `one-time-code`, `off`).
    #[prop(optional, into)]
    autocomplete: Option<&'static str>,
    /// Which keyboard a phone shows.
    #[prop(optional, into)]
    inputmode: Option<&'static str>,
    /// Has to be filled in.
    #[prop(optional)]
    required: bool,
    /// Says "(optional)" behind the label.
    #[prop(optional)]
    optional: bool,
    /// Takes the focus when the page opens.
    #[prop(optional)]
    autofocus: bool,
    /// Set in the fixed-width type: addresses, codes.
    #[prop(optional)]
    mono: bool,
    /// Cannot be used now.
    #[prop(optional, into)]
    disabled: Signal<bool>,
) -> impl IntoView {
    let node = NodeRef::<html::Input>::new();
    let value = value.unwrap_or_default();
    keep_in_step!(node, value);
    view! {
        <div class="field">
            <Label id=name.clone() label optional />
            <input
                node_ref=node
                class=if mono { "input input-mono" } else { "input" }
                id=name.clone()
                name=name.clone()
                type=r#type.unwrap_or("text")
                value=value.get_untracked()
                on:input:target=move |event| value.set(event.target().value())
                placeholder=placeholder
                autocomplete=autocomplete
                inputmode=inputmode
                required=required
                autofocus=autofocus
                autocapitalize="off"
                spellcheck="false"
                disabled=move || disabled.get()
                aria-invalid=move || error.with(Option::is_some).then_some("true")
                aria-describedby=described_by(&name, hint.is_some())
            />
            <Below id=name hint error />
        </div>
    }
}

/// A field of several lines.
#[component]
pub fn TextArea(
    /// The name that the form sends; also the id.
    #[prop(into)]
    name: String,
    /// What is asked for.
    #[prop(into)]
    label: String,
    /// What is in it. Without one it keeps its own.
    #[prop(optional, into)]
    value: Option<RwSignal<String>>,
    /// A sentence that helps to fill it in.
    #[prop(optional, into)]
    hint: Option<String>,
    /// What is wrong with it.
    #[prop(optional, into)]
    error: Signal<Option<String>>,
    /// An example, in the field while it is empty.
    #[prop(optional, into)]
    placeholder: Option<String>,
    /// Lines that it shows.
    #[prop(default = 4)]
    rows: u32,
    /// Says "(optional)" behind the label.
    #[prop(optional)]
    optional: bool,
    /// Set in the fixed-width type: certificates.
    #[prop(optional)]
    mono: bool,
) -> impl IntoView {
    let node = NodeRef::<html::Textarea>::new();
    let value = value.unwrap_or_default();
    keep_in_step!(node, value);
    view! {
        <div class="field">
            <Label id=name.clone() label optional />
            <textarea
                node_ref=node
                class=if mono { "input input-mono" } else { "input" }
                id=name.clone()
                name=name.clone()
                rows=rows.to_string()
                on:input:target=move |event| value.set(event.target().value())
                placeholder=placeholder
                autocapitalize="off"
                spellcheck="false"
                aria-invalid=move || error.with(Option::is_some).then_some("true")
                aria-describedby=described_by(&name, hint.is_some())
            >
                {value.get_untracked()}
            </textarea>
            <Below id=name hint error />
        </div>
    }
}

/// A choice from a list.
#[component]
pub fn SelectField(
    /// The name that the form sends; also the id.
    #[prop(into)]
    name: String,
    /// What is asked for.
    #[prop(into)]
    label: String,
    /// What may be chosen: value and words.
    options: Vec<(String, String)>,
    /// What is chosen. Without one it keeps its own.
    #[prop(optional, into)]
    value: Option<RwSignal<String>>,
    /// A sentence that helps to choose.
    #[prop(optional, into)]
    hint: Option<String>,
    /// What is wrong with it.
    #[prop(optional, into)]
    error: Signal<Option<String>>,
) -> impl IntoView {
    let node = NodeRef::<html::Select>::new();
    let value = value.unwrap_or_default();
    keep_in_step!(node, value);
    let chosen = value.get_untracked();
    let options = options
        .into_iter()
        .map(|(code, words)| {
            let selected = code == chosen;
            view! {
                <option value=code selected=selected>
                    {words}
                </option>
            }
        })
        .collect_view();
    view! {
        <div class="field">
            <Label id=name.clone() label optional=false />
            <select
                node_ref=node
                class="input"
                id=name.clone()
                name=name.clone()
                on:change:target=move |event| value.set(event.target().value())
                aria-invalid=move || error.with(Option::is_some).then_some("true")
                aria-describedby=described_by(&name, hint.is_some())
            >
                {options}
            </select>
            <Below id=name hint error />
        </div>
    }
}

/// A box to tick; sends `value` (`true` unless set) when it is.
#[component]
pub fn CheckField(
    /// The name that the form sends; also the id.
    #[prop(into)]
    name: String,
    /// What ticking it means.
    #[prop(into)]
    label: String,
    /// What is sent when it is ticked.
    #[prop(optional, into)]
    value: Option<String>,
    /// Whether it is ticked. Without one it keeps its own.
    #[prop(optional, into)]
    checked: Option<RwSignal<bool>>,
    /// A sentence that helps to decide.
    #[prop(optional, into)]
    hint: Option<String>,
    /// What is wrong with it.
    #[prop(optional, into)]
    error: Signal<Option<String>>,
) -> impl IntoView {
    let node = NodeRef::<html::Input>::new();
    let checked = checked.unwrap_or_default();
    Effect::new(move |earlier: Option<()>| {
        let Some(control) = node.get() else { return };
        let wanted = checked.get();
        if control.checked() == wanted {
            return;
        }
        if earlier.is_none() { checked.set(control.checked()) } else { control.set_checked(wanted) }
    });
    let id = name.clone();
    view! {
        <label class="check" for=id>
            <input
                node_ref=node
                type="checkbox"
                id=name.clone()
                name=name.clone()
                value=value.unwrap_or_else(|| "true".to_owned())
                checked=checked.get_untracked()
                on:change:target=move |event| checked.set(event.target().checked())
                aria-describedby=described_by(&name, hint.is_some())
            />
            <span>{label}</span>
            <Below id=name hint error />
        </label>
    }
}

/// A choice between a few things, each a card to press.
#[component]
pub fn Choices(
    /// The name that the form sends.
    #[prop(into)]
    name: String,
    /// What is asked for.
    #[prop(into)]
    legend: String,
    /// What may be chosen: value, words, and the letters of its badge.
    options: Vec<(String, String, &'static str)>,
    /// What is chosen.
    value: RwSignal<String>,
) -> impl IntoView {
    let choices = options
        .into_iter()
        .map(|(code, words, badge)| {
            let id = format!("{name}-{code}");
            let labelled = id.clone();
            let own = code.clone();
            let chosen = value.with_untracked(|value| *value == code);
            view! {
                <label class="choice" for=labelled>
                    <input
                        type="radio"
                        id=id
                        name=name.clone()
                        value=code.clone()
                        checked=chosen
                        prop:checked=move || value.with(|value| *value == own)
                        on:change=move |_| value.set(code.clone())
                    />
                    <span class="badge" aria-hidden="true">
                        {badge}
                    </span>
                    <span>{words}</span>
                </label>
            }
        })
        .collect_view();
    view! {
        <fieldset>
            <legend class="field-label">{legend}</legend>
            <div class="choices">{choices}</div>
        </fieldset>
    }
}
