//! What is known, as it is shown: the page of all entries, the page of one, and the card on a connection that fails.

mod advice;
mod page;

use leptos::prelude::*;

use super::{KnowledgeEntry, SUGGESTED_FROM, api::VoteKnowledge, steps};
use crate::ui::{Button, IconName, Tag, Tone, number::percent};

pub use advice::KnownCures;
pub use page::{KnowledgeEntryPage, KnowledgePage};

/// How often it worked, in words.
fn reports(entry: &KnowledgeEntry) -> String {
    match entry.usage_count {
        0 => "no reports yet".to_owned(),
        1 => format!("worked in {} % of 1 report", percent(entry.success_rate)),
        count => format!("worked in {} % of {count} reports", percent(entry.success_rate)),
    }
}

/// How sure it is.
#[component]
fn Sure(score: u8) -> impl IntoView {
    let tone = if score >= SUGGESTED_FROM { Tone::Healthy } else { Tone::Plain };
    view! { <Tag tone>{format!("{score} % sure")}</Tag> }
}

/// What to do, step by step, and the code for it.
#[component]
fn Solution(entry: KnowledgeEntry) -> impl IntoView {
    let steps = match steps(&entry.solution) {
        steps if steps.len() > 1 => {
            let steps = steps.iter().map(|step| view! { <li>{with_code(step)}</li> }).collect_view();
            view! { <ol class="entry-steps">{steps}</ol> }.into_any()
        }
        _ => view! { <p class="entry-solution">{with_code(&entry.solution)}</p> }.into_any(),
    };
    let code = entry
        .code_examples
        .into_iter()
        .map(|example| {
            view! {
                <pre class="code" tabindex="0" aria-label=format!("Example in {}", example.language)>
                    <code>{example.code}</code>
                </pre>
            }
        })
        .collect_view();
    view! {
        {steps}
        {code}
    }
}

/// A text in which what stands between backticks is code.
fn with_code(text: &str) -> Vec<AnyView> {
    let mut is_code = true;
    text.split('`')
        .map(|part| {
            is_code = !is_code;
            let part = part.to_owned();
            if is_code { view! { <code>{part}</code> }.into_any() } else { part.into_any() }
        })
        .collect()
}

#[component]
fn Votes(id: String, vote: ServerAction<VoteKnowledge>) -> impl IntoView {
    let button = |worked: &'static str, words: &'static str, icon: IconName| {
        let id = id.clone();
        view! {
            <ActionForm action=vote>
                <input type="hidden" name="id" value=id />
                <input type="hidden" name="worked" value=worked />
                <Button small=true icon=icon>
                    {words}
                </Button>
            </ActionForm>
        }
    };
    view! {
        <div class="row">
            <span class="small quiet">"Did it help?"</span>
            {button("true", "It worked", IconName::Check)}
            {button("false", "It did not work", IconName::Cross)}
        </div>
    }
}
