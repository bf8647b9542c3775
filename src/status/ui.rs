//! The status page: why something is not running, and what to do about it.

use leptos::prelude::*;

use super::{Part, State, StatusReport, api::get_status};
use crate::{
    dashboard::ui::Notices,
    error::AppError,
    health::api::DismissNotice,
    ui::{
        Button, Card, ErrorState, IconName, NoticeBox, Page, PageHeader, SkeletonRows, StatusShape, Tag, TimeAgo, Tone,
    },
};

/// `/status`, for administrators.
#[component]
pub fn StatusPage() -> impl IntoView {
    let dismiss = ServerAction::<DismissNotice>::new();
    let report = Resource::new_blocking(move || dismiss.version().get(), |_| get_status());
    let again = move || {
        view! {
            // Without JavaScript the button loads the page again, which is the same.
            <form method="get" action="/status" on:submit=move |event| {
                event.prevent_default();
                report.refetch();
            }>
                <Button icon=IconName::Again>"Look again"</Button>
            </form>
        }
    };
    view! {
        <Page title="Status".to_owned()>
            <PageHeader title="Status".to_owned() actions=again />
            <Transition fallback=|| {
                view! { <SkeletonRows /> }
            }>
                {move || {
                    report
                        .get()
                        .map(|report| match report {
                            Ok(report) => view! { <Report report dismiss /> }.into_any(),
                            Err(AppError::Forbidden(message)) => {
                                view! { <NoticeBox title=message>"Ask an administrator to look."</NoticeBox> }.into_any()
                            }
                            Err(error) => view! { <ErrorState error title="The status could not be read." /> }.into_any(),
                        })
                }}
            </Transition>
        </Page>
    }
}

const fn tone(state: State) -> Tone {
    match state {
        State::Ok => Tone::Healthy,
        State::Off => Tone::Plain,
        State::Attention => Tone::Degraded,
        State::Failed => Tone::Down,
    }
}

const fn shape(state: State) -> crate::health::Status {
    match state {
        State::Ok => crate::health::Status::Healthy,
        State::Off => crate::health::Status::Unknown,
        State::Attention => crate::health::Status::Degraded,
        State::Failed => crate::health::Status::Down,
    }
}

#[component]
fn Report(report: StatusReport, dismiss: ServerAction<DismissNotice>) -> impl IntoView {
    let state = report.state();
    let tag = move || view! { <Tag tone=tone(state)>{state.label()}</Tag> };
    let parts = report.parts.into_iter().map(|part| view! { <PartRow part /> }).collect_view();
    view! {
        <Notices notices=report.notices dismiss />
        <Card title="Parts" note=format!("Mooring {}", report.version) actions=tag>
            <ul class="parts" role="list">
                {parts}
            </ul>
        </Card>
    }
}

#[component]
fn PartRow(part: Part) -> impl IntoView {
    view! {
        <li class="part">
            <StatusShape status=shape(part.state) />
            <div>
                <h3>
                    {part.name} <span class="visually-hidden">": " {part.state.label()}</span>
                </h3>
                <p>{part.finding}</p>
                {part.advice.map(|advice| view! { <p class="quiet">{advice}</p> })}
            </div>
            {part
                .last_at
                .map(|at| {
                    view! {
                        <span class="small quiet">
                            <TimeAgo at />
                        </span>
                    }
                })}
        </li>
    }
}
