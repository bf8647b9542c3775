//! What a configuration is worth, as its owner sees it.

use leptos::prelude::*;

use super::{Change, Comparison, Difference, Finding, Grade, Review, Severity, Subject, best_practices, review};
use crate::{
    connections::{Provider, form::ConnectionForm},
    ui::{Button, Card, EmptyNote, Icon, IconName, Tag, Tone},
};

impl Grade {
    const fn tone(self) -> Tone {
        match self {
            Self::A | Self::B => Tone::Healthy,
            Self::C | Self::D => Tone::Degraded,
            Self::F => Tone::Down,
        }
    }
}

impl Severity {
    /// The icon, its word for those who hear it, and the end of its class.
    const fn mark(self) -> (IconName, &'static str, &'static str) {
        match self {
            Self::Info => (IconName::Info, "To know", "info"),
            Self::Warning => (IconName::Warning, "Warning", "warning"),
            Self::Error => (IconName::Warning, "Serious", "error"),
        }
    }
}

/// The card with the score and every finding. It judges where it is shown: a change of `subject` needs no
/// request.
#[component]
pub fn ConfigValidation(
    /// What is judged; none while there is nothing to judge.
    #[prop(into)]
    subject: Signal<Option<Subject>>,
    /// What is typed, where there is a form to change.
    #[prop(optional, into)]
    typed: Option<Signal<ConnectionForm>>,
    /// Makes a change of the form.
    #[prop(optional)]
    apply: Option<Callback<Change>>,
) -> impl IntoView {
    // A button that changes the form needs the page to be alive.
    let alive = RwSignal::new(false);
    Effect::new(move |_| alive.set(true));
    let judged = Memo::new(move |_| subject.with(|subject| subject.as_ref().map(review)));
    let provider = Memo::new(move |_| subject.with(|subject| subject.as_ref().map(|subject| subject.provider)));
    let score = move || {
        view! {
            <span class="config-score" aria-live="polite">
                {move || {
                    judged
                        .get()
                        .map(|Review { score, grade, .. }| {
                            view! {
                                <Tag tone=grade.tone()>{format!("{} · {score}", grade.letter())}</Tag>
                                <span class="visually-hidden">{format!(" Grade {}, {score} of 100 points", grade.letter())}</span>
                            }
                        })
                }}
            </span>
        }
    };
    view! {
        <Card title="Configuration" actions=score>
            <div class="config">
                {move || match judged.get() {
                    None => {
                        view! { <EmptyNote text="Enter where to connect: the settings are judged here as you type." /> }
                            .into_any()
                    }
                    Some(Review { findings, .. }) if findings.is_empty() => {
                        view! { <EmptyNote text="Nothing to change." /> }.into_any()
                    }
                    Some(Review { findings, .. }) => {
                        view! {
                            <ul class="config-findings">
                                {findings
                                    .into_iter()
                                    .map(|finding| view! { <FindingItem finding typed apply alive /> })
                                    .collect_view()}
                            </ul>
                        }
                            .into_any()
                    }
                }}
                {move || subject.with(|subject| subject.as_ref().and_then(compared))}
                {move || provider.get().map(practices)}
            </div>
        </Card>
    }
}

/// One finding: what, why, what it costs, what to do.
#[component]
fn FindingItem(
    finding: Finding,
    typed: Option<Signal<ConnectionForm>>,
    apply: Option<Callback<Change>>,
    alive: RwSignal<bool>,
) -> impl IntoView {
    let (icon, word, class) = finding.severity.mark();
    let points =
        (finding.points > 0).then(|| view! { <span class="config-points">{format!("−{}", finding.points)}</span> });
    let change = finding.change.zip(typed).zip(apply).map(|((change, typed), apply)| {
        let own = change.clone();
        let applies = Memo::new(move |_| alive.get() && typed.with(|form| own.applies_to(form)));
        move || {
            applies.get().then(|| {
                let (label, change) = (change.label(), change.clone());
                view! {
                    <Button r#type="button" small=true on:click=move |_| apply.run(change.clone())>
                        {label}
                    </Button>
                }
            })
        }
    });
    view! {
        <li class=format!("config-finding config-finding-{class}")>
            <Icon name=icon />
            <div>
                <p>
                    <span class="visually-hidden">{format!("{word}: ")}</span>
                    {finding.message}
                    " "
                    {points}
                </p>
                <p class="config-advice">{finding.suggestion}</p>
                {change}
            </div>
        </li>
    }
}

/// How it compares with what works; nothing where nothing similar is known.
fn compared(subject: &Subject) -> Option<impl IntoView + use<>> {
    let Comparison { similar_connections, success_rate, differences } = subject.comparison();
    let rate = success_rate?;
    let what = if similar_connections == 1 {
        "1 connection to a host of this kind works".to_owned()
    } else {
        format!("{similar_connections} connections to hosts of this kind work")
    };
    let differences = differences
        .into_iter()
        .map(|Difference { field, yours, typical }| {
            let label = match field {
                "tls" => "TLS",
                "port" => "Port",
                _ => "Connects to",
            };
            view! { <li>{format!("{label}: {yours} here, {typical} in most of them")}</li> }
        })
        .collect_view();
    Some(view! {
        <div class="config-compared">
            <p>{format!("{what}; {rate} % of them are set up like this one.")}</p>
            <ul>{differences}</ul>
        </div>
    })
}

/// What is worth doing whatever the settings are, folded away.
fn practices(provider: Provider) -> impl IntoView {
    let lines = best_practices(provider).iter().map(|line| view! { <li>{*line}</li> }).collect_view();
    view! {
        <details class="config-practices">
            <summary class="disclose">{format!("Good practice for {}", provider.label())}</summary>
            <ul>{lines}</ul>
        </details>
    }
}
