//! One connection: how it stands, where its time goes, what went wrong and what was done about it.

use leptos::prelude::*;
use leptos_router::hooks::{use_params_map, use_query_map};
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use super::{
    facts::{Certificate, Errors, Failing, RecentChecks, Strip},
    history::{Charts, Days},
    retries::Retries,
};
use crate::{
    app::not_found::NotFound,
    config_check::{Subject, api::config_of_connection, ui::ConfigValidation},
    connections::api::{PauseConnection, ResumeConnection},
    dashboard::api::{phases_chart, response_chart},
    error::AppError,
    health::{
        ConnectionHealth, DailyMetric, ErrorRow, Range, RecentCheck, RetryAnalytics,
        api::{
            CheckNow, ResetBreaker, get_connection_health, get_daily_metrics, get_errors, get_recent_checks,
            get_retry_analytics,
        },
    },
    ids::ConnectionId,
    knowledge::{
        KnowledgeEntry,
        api::{VoteKnowledge, cures_of_connection},
        ui::KnownCures,
    },
    ui::{
        Button, ButtonLink, CopyButton, EmptyNote, ErrorState, IconName, LocalTime, Page, PageHeader, SkeletonFigures,
        SkeletonRows, StatusMark, Tone, chart::ChartData, use_live, use_toasts,
    },
};

/// How many checks the list shows.
const RECENT: u32 = 20;

/// `/connections/:id`.
#[component]
pub fn ConnectionPage() -> impl IntoView {
    let params = use_params_map();
    // What is no id belongs to nobody, like the id that nothing has.
    let credential_id = Memo::new(move |_| {
        let id = params.with(|params| params.get_str("id").and_then(|id| id.parse().ok()));
        id.unwrap_or(ConnectionId(Uuid::nil()))
    });
    view! { <EnterpriseMonitoringDashboard credential_id /> }
}

/// What the page as a whole came to.
#[derive(Clone, PartialEq)]
enum State {
    Loading,
    Missing,
    Failed(AppError),
    Ready,
}

type Loaded<T> = Resource<Result<T, AppError>>;

/// Everything that the page loads. All of it is asked for at once and before anything is shown: what is asked for
/// in the midst of rendering would be asked for twice on the server, and not be found again in the browser.
#[derive(Clone, Copy)]
struct Data {
    health: Loaded<ConnectionHealth>,
    retries: Loaded<RetryAnalytics>,
    days: Loaded<Vec<DailyMetric>>,
    checks: Loaded<Vec<RecentCheck>>,
    errors: Loaded<Vec<ErrorRow>>,
    config: Loaded<Option<Subject>>,
    cures: Loaded<Vec<KnowledgeEntry>>,
    phases: Loaded<ChartData>,
    responses: Loaded<ChartData>,
}

/// What can be done on the page.
#[derive(Clone, Copy)]
struct Acts {
    check: ServerAction<CheckNow>,
    pause: ServerAction<PauseConnection>,
    resume: ServerAction<ResumeConnection>,
    reset: ServerAction<ResetBreaker>,
    vote: ServerAction<VoteKnowledge>,
}

/// The dashboard of one connection.
#[component]
pub fn EnterpriseMonitoringDashboard(
    /// Which connection.
    #[prop(into)]
    credential_id: Signal<ConnectionId>,
) -> impl IntoView {
    let (checked, edited) = (use_live("health"), use_live("connections"));
    let acts = Acts {
        check: ServerAction::new(),
        pause: ServerAction::new(),
        resume: ServerAction::new(),
        reset: ServerAction::new(),
        vote: ServerAction::new(),
    };
    report(acts.check);
    report(acts.pause);
    report(acts.resume);
    report(acts.reset);
    report(acts.vote);
    let query = use_query_map();
    let range =
        Memo::new(move |_| query.with(|query| query.get_str("range").and_then(Range::from_code)).unwrap_or_default());
    // Changes with everything after which the page is to be read again.
    let source = move || {
        let versions = [
            acts.check.version().get(),
            acts.pause.version().get(),
            acts.resume.version().get(),
            acts.reset.version().get(),
        ];
        (credential_id.get(), versions, checked.get(), edited.get())
    };
    let data = Data {
        health: Resource::new_blocking(source, |(id, ..)| get_connection_health(id)),
        retries: Resource::new_blocking(source, |(id, ..)| get_retry_analytics(id)),
        days: Resource::new_blocking(source, |(id, ..)| get_daily_metrics(id)),
        checks: Resource::new_blocking(source, |(id, ..)| get_recent_checks(id, RECENT)),
        errors: Resource::new_blocking(source, |(id, ..)| get_errors(id)),
        config: Resource::new_blocking(source, |(id, ..)| config_of_connection(id)),
        cures: Resource::new_blocking(
            move || (source(), acts.vote.version().get()),
            |((id, ..), _)| cures_of_connection(id),
        ),
        phases: Resource::new_blocking(move || (source(), range.get()), |((id, ..), range)| phases_chart(id, range)),
        responses: Resource::new_blocking(
            move || (source(), range.get()),
            |((id, ..), range)| response_chart(id, range),
        ),
    };
    view! {
        <Transition fallback=|| {
            view! {
                <Page title="Connection".to_owned()>
                    <SkeletonFigures />
                    <SkeletonRows />
                </Page>
            }
        }>
            <Dashboard id=credential_id data acts range />
        </Transition>
    }
}

/// Tells of an action that failed.
fn report<S>(action: ServerAction<S>)
where
    S: server_fn::ServerFn<Error = AppError> + Clone + Send + Sync + 'static,
    S::Output: Clone + Send + Sync + 'static,
{
    let toasts = use_toasts();
    Effect::new(move |_| {
        if let Some(Err(error)) = action.value().get() {
            toasts.show(Tone::Down, error.to_string());
        }
    });
}

/// What is below the address: nothing, an error, or the dashboard, whose parts change one by one.
#[component]
fn Dashboard(id: Signal<ConnectionId>, data: Data, acts: Acts, range: Memo<Range>) -> impl IntoView {
    let state = Memo::new(move |_| match data.health.get() {
        None => State::Loading,
        Some(Ok(_)) => State::Ready,
        Some(Err(AppError::NotFound)) => State::Missing,
        Some(Err(error)) => State::Failed(error),
    });
    let facts = Memo::new(move |_| data.health.get().and_then(Result::ok));
    let name =
        Signal::derive(move || facts.with(|facts| facts.as_ref().map(|facts| facts.name.clone()).unwrap_or_default()));
    // Another check with the same outcome leaves what one reads as it is.
    let cures = Memo::new(move |_| data.cures.get().and_then(Result::ok));
    let retry = Callback::new(move |()| data.health.refetch());
    move || match state.get() {
        State::Loading => ().into_any(),
        State::Missing => view! { <NotFound /> }.into_any(),
        State::Failed(error) => view! {
            <Page title="Connection".to_owned()>
                <ErrorState error title="The connection could not be loaded." retry />
            </Page>
        }
        .into_any(),
        State::Ready => view! {
            <Page title=name>
                <Header id name facts acts />
                {move || facts.get().map(|facts| view! { <Failing facts /> })}
                {move || cures.get().map(|entries| view! { <KnownCures entries vote=acts.vote /> })}
                <Parts id facts data reset=acts.reset range />
            </Page>
        }
        .into_any(),
    }
}

/// Name, status, what is there, and what can be done.
#[component]
fn Header(
    id: Signal<ConnectionId>,
    name: Signal<String>,
    facts: Memo<Option<ConnectionHealth>>,
    acts: Acts,
) -> impl IntoView {
    let Acts { check, pause, resume, .. } = acts;
    let status = Memo::new(move |_| {
        facts.with(|facts| facts.as_ref().map(|facts| (facts.status, facts.paused_at.is_some(), facts.status_since)))
    });
    let paused = Memo::new(move |_| status.with(|status| status.is_some_and(|(_, paused, _)| paused)));
    let aside = move || {
        view! {
            <span aria-live="polite">
                {move || status.get().map(|(status, paused, _)| view! { <StatusMark status paused /> })}
            </span>
        }
    };
    let line = Memo::new(move |_| {
        facts.with(|facts| {
            facts.as_ref().map(|facts| {
                let tls = match &facts.tls {
                    Some(tls) => {
                        let version =
                            tls.version.as_deref().map_or("TLS".to_owned(), |version| version.replace('v', " "));
                        if tls.verified { version } else { format!("{version}, not verified") }
                    }
                    None if facts.last_check_at.is_none() => String::new(),
                    None => "no TLS".to_owned(),
                };
                let provider = facts.provider.map_or("Legacy", crate::connections::Provider::label);
                let server = facts
                    .server_version
                    .as_deref()
                    .map_or_else(|| provider.to_owned(), |version| server(provider, version));
                (server, facts.endpoint.clone(), tls)
            })
        })
    });
    let subtitle = move || {
        view! {
            {move || {
                line.get()
                    .map(|(server, endpoint, tls)| {
                        view! {
                            <span class="row dot-list">
                                <span>{server}</span>
                                <span class="dashboard-endpoint">{endpoint.clone()}</span>
                                {(!tls.is_empty()).then(|| view! { <span>{tls}</span> })}
                                {move || {
                                    status
                                        .get()
                                        .map(|(_, _, since)| {
                                            view! {
                                                <span>
                                                    "since " <LocalTime at=since />
                                                </span>
                                            }
                                        })
                                }}
                            </span>
                            <span class="wide-only">
                                <CopyButton text=endpoint label="Copy the address" />
                            </span>
                        }
                    })
            }}
        }
    };
    let actions = move || {
        view! {
            <ActionForm action=check>
                <input type="hidden" name="id" value=move || id.get().to_string() />
                <Button icon=IconName::Play busy=check.pending()>
                    "Check now"
                </Button>
            </ActionForm>
            <Show
                when=move || paused.get()
                fallback=move || {
                    view! {
                        <ActionForm action=pause>
                            <input type="hidden" name="id" value=move || id.get().to_string() />
                            <Button icon=IconName::Pause busy=pause.pending()>
                                "Pause"
                            </Button>
                        </ActionForm>
                    }
                }
            >
                <ActionForm action=resume>
                    <input type="hidden" name="id" value=move || id.get().to_string() />
                    <Button icon=IconName::Play busy=resume.pending()>
                        "Resume"
                    </Button>
                </ActionForm>
            </Show>
            <ButtonLink href=Signal::derive(move || format!("/connections/{}/edit", id.get())) icon=IconName::Pencil>
                "Edit"
            </ButtonLink>
        }
    };
    view! { <PageHeader title=name back=("/".to_owned(), "Board".to_owned()) aside subtitle actions /> }
}

/// `PostgreSQL 15.18`: the server's own words, without the build that follows them.
fn server(provider: &str, version: &str) -> String {
    let number = version.split([' ', '-']).next().unwrap_or_default();
    if version.contains("MariaDB") {
        format!("MariaDB {number}")
    } else if number.is_empty() {
        provider.to_owned()
    } else {
        format!("{} {number}", provider.split(" / ").next().unwrap_or(provider))
    }
}

/// Everything below the header.
#[component]
fn Parts(
    id: Signal<ConnectionId>,
    facts: Memo<Option<ConnectionHealth>>,
    data: Data,
    reset: ServerAction<ResetBreaker>,
    range: Memo<Range>,
) -> impl IntoView {
    let Data { retries, days, checks, errors, config, phases, responses, .. } = data;
    let analytics = Memo::new(move |_| retries.get().and_then(Result::ok));
    view! {
        {move || facts.get().map(|facts| view! { <Strip facts analytics=analytics.get() /> })}
        <div class="dashboard-grid">
            <div class="stack">
                <Charts id range phases responses />
                {move || part("The recent checks could not be loaded.", checks, |checks| view! { <RecentChecks checks /> })}
                {move || part("The errors could not be loaded.", errors, move |errors| {
                    let provider = facts.with(|facts| facts.as_ref().and_then(|facts| facts.provider));
                    view! { <Errors errors provider /> }
                })}
            </div>
            <div class="stack">
                {move || {
                    part("The configuration could not be judged.", config, |subject| {
                        subject.map(|subject| view! { <ConfigValidation subject=Some(subject) /> })
                    })
                }}
                {move || {
                    part("The retries could not be loaded.", retries, move |analytics| view! { <Retries id=id.get() analytics reset /> })
                }}
                {move || facts.get().and_then(|facts| facts.tls.map(|tls| (tls, facts.last_check_at))).map(|(tls, seen_at)| view! { <Certificate tls seen_at /> })}
                {move || part("The days could not be loaded.", days, |days| view! { <Days days /> })}
            </div>
        </div>
    }
}

/// A part of the page with data of its own: the part, why it is not there, or the room for it.
fn part<T, V>(title: &'static str, resource: Loaded<T>, show: impl FnOnce(T) -> V) -> AnyView
where
    T: Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
    V: IntoView + 'static,
{
    match resource.get() {
        None => view! {
            <div class="card">
                <EmptyNote text="Loading" />
            </div>
        }
        .into_any(),
        Some(Err(error)) => {
            let retry = Callback::new(move |()| resource.refetch());
            view! { <ErrorState error title retry /> }.into_any()
        }
        Some(Ok(value)) => show(value).into_any(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_is_named_without_its_build() {
        for (provider, version, words) in [
            ("PostgreSQL", "15.18 (Debian 15.18-0+deb12u1)", "PostgreSQL 15.18"),
            ("MySQL / MariaDB", "10.11.6-MariaDB-0+deb12u1", "MariaDB 10.11.6"),
            ("MySQL / MariaDB", "8.4.2", "MySQL 8.4.2"),
            ("PostgreSQL", "", "PostgreSQL"),
        ] {
            assert_eq!(server(provider, version), words);
        }
    }
}
