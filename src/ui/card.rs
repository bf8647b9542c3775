//! Cards, and the strip of figures.

use leptos::prelude::*;

/// A card with a head; what it holds pads itself (`card-body`) or does not (tables).
#[component]
pub fn Card(
    /// What it is about.
    #[prop(into)]
    title: String,
    /// A few quiet words beside the title.
    #[prop(optional, into)]
    note: Option<String>,
    /// Further into the head: tabs, tags, buttons.
    #[prop(optional, into)]
    actions: ViewFn,
    /// What it holds.
    children: Children,
) -> impl IntoView {
    view! {
        <section class="card">
            <header class="card-head">
                <div>
                    <h2>{title}</h2>
                    {note.map(|note| view! { <span class="card-note">{note}</span> })}
                </div>
                {actions.run()}
            </header>
            {children()}
        </section>
    }
}

/// The strip of figures over a page.
#[component]
pub fn Figures(
    /// What the strip is about, for those who hear it.
    #[prop(into)]
    label: String,
    /// Each a [`Figure`].
    children: Children,
) -> impl IntoView {
    view! {
        <dl class="figures" aria-label=label>
            {children()}
        </dl>
    }
}

/// One figure: label, value, and a line that puts it in proportion.
#[component]
pub fn Figure(
    /// What it counts.
    #[prop(into)]
    label: String,
    /// The line below; empty keeps its room.
    #[prop(optional, into)]
    note: ViewFn,
    /// The value.
    children: Children,
) -> impl IntoView {
    view! {
        <div class="figure">
            <dt>{label}</dt>
            <dd class="figure-value">{children()}</dd>
            <dd class="figure-note">{note.run()}</dd>
        </div>
    }
}
