//! What is known about the cause of a failing connection, where one looks at it.

use leptos::prelude::*;

use super::{Solution, Sure, Votes, reports, with_code};
use crate::{
    knowledge::{KnowledgeEntry, api::VoteKnowledge, entry_path},
    provider_docs::cause_path,
    ui::{Card, go_to_part},
};

/// The cures that are known for what fails, the surest opened; nothing where none is known.
#[component]
pub fn KnownCures(
    /// The surest first.
    entries: Vec<KnowledgeEntry>,
    /// Counts whether it helped.
    vote: ServerAction<VoteKnowledge>,
) -> impl IntoView {
    let first = entries.first()?;
    go_to_part();
    let guide = cause_path(first.provider, first.cause);
    let words = format!("The {} guide on this", first.provider.label());
    let link = move || view! { <a class="small" href=guide.clone()>{words.clone()}</a> };
    let cures = entries
        .into_iter()
        .enumerate()
        .map(|(place, entry)| {
            view! {
                <li>
                    <Cure entry open=place == 0 vote />
                </li>
            }
        })
        .collect_view();
    Some(view! {
        <Card title="Known cures" note="what worked for others with this cause" actions=link>
            <ul class="cures" id="cures" role="list">
                {cures}
            </ul>
        </Card>
    })
}

#[component]
fn Cure(entry: KnowledgeEntry, open: bool, vote: ServerAction<VoteKnowledge>) -> impl IntoView {
    let id = entry.id;
    let said = reports(&entry);
    view! {
        <details class="cure" open=open>
            <summary class="disclose">
                <span class="cure-title">{entry.title.clone()}</span>
                <Sure score=entry.confidence_score />
            </summary>
            <div class="entry-body">
                <p>{with_code(&entry.description)}</p>
                <Solution entry />
                <div class="cure-end">
                    <Votes id=id.to_string() vote />
                    <span class="small quiet">
                        {said} " · " <a href=entry_path(id)>"The entry"</a>
                    </span>
                </div>
            </div>
        </details>
    }
}
