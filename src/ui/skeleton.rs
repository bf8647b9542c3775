//! The shape of what comes, while it comes.

use leptos::prelude::*;

/// A card of rows.
#[component]
pub fn SkeletonRows(
    /// How many.
    #[prop(default = 5)]
    rows: u32,
) -> impl IntoView {
    let rows = (0..rows)
        .map(|_| {
            view! {
                <div class="skeleton-row">
                    <span class="skeleton skeleton-middle"></span>
                    <span class="skeleton skeleton-long"></span>
                    <span class="skeleton skeleton-long"></span>
                    <span class="skeleton skeleton-short"></span>
                </div>
            }
        })
        .collect_view();
    view! {
        <div class="card" aria-busy="true" aria-label="Loading">
            {rows}
        </div>
    }
}

/// A strip of five figures.
#[component]
pub fn SkeletonFigures() -> impl IntoView {
    let figures = (0..5)
        .map(|_| {
            view! {
                <div class="figure">
                    <span class="skeleton skeleton-short"></span>
                    <span class="skeleton skeleton-figure"></span>
                    <span class="skeleton skeleton-middle"></span>
                </div>
            }
        })
        .collect_view();
    view! {
        <div class="figures" aria-busy="true" aria-label="Loading">
            {figures}
        </div>
    }
}

/// A few lines within a card.
#[component]
pub fn SkeletonText() -> impl IntoView {
    view! {
        <div class="card-body" aria-busy="true" aria-label="Loading">
            <span class="skeleton skeleton-long"></span>
            <span class="skeleton skeleton-middle"></span>
            <span class="skeleton skeleton-long"></span>
        </div>
    }
}
