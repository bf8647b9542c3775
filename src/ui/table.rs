//! Tables: always with a caption and scoped heads, so that they can be heard as well as seen.

use leptos::prelude::*;

/// One column's head.
#[derive(Clone, Debug, Default)]
pub struct Column {
    /// Its words.
    pub label: String,
    /// Numbers stand at the end of their cells.
    pub end: bool,
    /// Further classes, for widths and for what a phone leaves out.
    pub class: &'static str,
}

impl Column {
    /// A column of words.
    pub fn words(label: impl Into<String>) -> Self {
        Self { label: label.into(), ..Self::default() }
    }

    /// A column of numbers.
    pub fn numbers(label: impl Into<String>) -> Self {
        Self { label: label.into(), end: true, ..Self::default() }
    }

    /// The same with further classes.
    #[must_use]
    pub const fn class(mut self, class: &'static str) -> Self {
        self.class = class;
        self
    }

    fn classes(&self) -> String {
        if self.end { format!("end {}", self.class) } else { self.class.to_owned() }
    }
}

/// A table; the rows are its children.
#[component]
pub fn DataTable(
    /// What it lists. Heard, and not shown where the card's head says the same.
    #[prop(into)]
    caption: String,
    /// The heads.
    columns: Vec<Column>,
    /// Lower rows.
    #[prop(optional)]
    compact: bool,
    /// Each a `<tr>`.
    children: Children,
) -> impl IntoView {
    let heads = columns
        .into_iter()
        .map(|column| {
            let classes = column.classes();
            view! {
                <th scope="col" class=classes>
                    {column.label}
                </th>
            }
        })
        .collect_view();
    let label = caption.clone();
    view! {
        <div class="table-wrap" tabindex="0" role="region" aria-label=label>
            <table class=if compact { "table table-compact" } else { "table" }>
                <caption class="visually-hidden">{caption}</caption>
                <thead>
                    <tr>{heads}</tr>
                </thead>
                <tbody>{children()}</tbody>
            </table>
        </div>
    }
}
