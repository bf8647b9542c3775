//! One connection: how it stands, where its time goes, what went wrong and what was done about it.

use leptos::prelude::*;
use leptos_router::hooks::{use_params_map, use_query_map};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    facts::{Certificate, Errors, Failing, RecentChecks, Strip},
    history::{Charts, Days},
    retries::Retries,
};
use crate::{
    app::not_found::NotFound,
    connections::api::{PauseConnection, ResumeConnection},
    error::AppError,
    health::{
        ConnectionHealth, Range,
        api::{
            CheckNow, ResetBreaker, get_connection_health, get_daily_metrics, get_errors, get_recent_checks,
            get_retry_analytics,
        },
    },
    ids::ConnectionId,
    ui::{
        Button, ButtonLink, CopyButton, EmptyNote, ErrorState, IconName, Page, PageHeader, SkeletonFigures,
        SkeletonRows, StatusMark, TimeAgo, Tone, use_live, use_toasts,
    },
};

/// How many checks the list shows.
const RECENT: u32 = 20;

/// `/connections/:id`.
#[component]
pub fn ConnectionPage() -> impl IntoView {
    let params = use_params_map();
    let id =
        Memo::new(move |_| params.with(|params| params.get_str("id").and_then(|id| id.parse::<ConnectionId>().ok())));
    move || match id.get() {
        Some(credential_id) => view! { <EnterpriseMonitoringDashboard credential_id /> }.into_any(),
        None => view! { <NotFound /> }.into_any(),
    }
}

/// What the page as a whole came to.
#[derive(Clone, PartialEq)]
enum State {
    Loading,
    Missing,
    Failed(AppError),
    Ready,
}

/// The dashboard of one connection.
#[component]
pub fn EnterpriseMonitoringDashboard(
    /// Which connection.
    credential_id: ConnectionId,
) -> impl IntoView {
    let (checked, edited) = (use_live("health"), use_live("connections"));
    let check = ServerAction::<CheckNow>::new();
    let pause = ServerAction::<PauseConnection>::new();
    let resume = ServerAction::<ResumeConnection>::new();
    let reset = ServerAction::<ResetBreaker>::new();
    // Grows with everything after which the page is to be read again.
    let version = Signal::derive(move || {
        let acts = [check.version().get(), pause.version().get(), resume.version().get(), reset.version().get()];
        acts.into_iter().map(u64::try_from).filter_map(Result::ok).sum::<u64>()
            + u64::from(checked.get())
            + u64::from(edited.get())
    });
    let health = Resource::new_blocking(move || version.get(), move |_| get_connection_health(credential_id));
    report(check);
    report(pause);
    report(resume);
    report(reset);
    view! {
        <Transition fallback=|| {
            view! {
                <Page title="Connection".to_owned()>
                    <SkeletonFigures />
                    <SkeletonRows />
                </Page>
            }
        }>
            <Dashboard id=credential_id version health check pause resume reset />
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

type Loaded<T> = Resource<Result<T, AppError>>;

/// What is below the address: nothing, an error, or the dashboard, whose parts change one by one.
#[component]
fn Dashboard(
    id: ConnectionId,
    version: Signal<u64>,
    health: Loaded<ConnectionHealth>,
    check: ServerAction<CheckNow>,
    pause: ServerAction<PauseConnection>,
    resume: ServerAction<ResumeConnection>,
    reset: ServerAction<ResetBreaker>,
) -> impl IntoView {
    let state = Memo::new(move |_| match health.get() {
        None => State::Loading,
        Some(Ok(_)) => State::Ready,
        Some(Err(AppError::NotFound)) => State::Missing,
        Some(Err(error)) => State::Failed(error),
    });
    let retry = Callback::new(move |()| health.refetch());
    move || match state.get() {
        State::Loading => ().into_any(),
        State::Missing => view! { <NotFound /> }.into_any(),
        State::Failed(error) => view! {
            <Page title="Connection".to_owned()>
                <ErrorState error title="The connection could not be loaded." retry />
            </Page>
        }
        .into_any(),
        State::Ready => {
            let facts = Memo::new(move |_| health.get().and_then(Result::ok));
            view! {
                <Page title=Signal::derive(move || facts.with(|facts| facts.as_ref().map(|facts| facts.name.clone()).unwrap_or_default()))>
                    <Header id facts check pause resume />
                    {move || facts.get().map(|facts| view! { <Failing facts /> })}
                    <Parts id version facts reset />
                </Page>
            }
            .into_any()
        }
    }
}

/// Name, status, what is there, and what can be done.
#[component]
fn Header(
    id: ConnectionId,
    facts: Memo<Option<ConnectionHealth>>,
    check: ServerAction<CheckNow>,
    pause: ServerAction<PauseConnection>,
    resume: ServerAction<ResumeConnection>,
) -> impl IntoView {
    let name =
        Signal::derive(move || facts.with(|facts| facts.as_ref().map(|facts| facts.name.clone()).unwrap_or_default()));
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
                                                    "since " <TimeAgo at=since />
                                                </span>
                                            }
                                        })
                                }}
                            </span>
                            <CopyButton text=endpoint label="Copy the address" />
                        }
                    })
            }}
        }
    };
    let actions = move || {
        view! {
            <ActionForm action=check>
                <input type="hidden" name="id" value=id.to_string() />
                <Button icon=IconName::Play busy=check.pending()>
                    "Check now"
                </Button>
            </ActionForm>
            <Show
                when=move || paused.get()
                fallback=move || {
                    view! {
                        <ActionForm action=pause>
                            <input type="hidden" name="id" value=id.to_string() />
                            <Button icon=IconName::Pause busy=pause.pending()>
                                "Pause"
                            </Button>
                        </ActionForm>
                    }
                }
            >
                <ActionForm action=resume>
                    <input type="hidden" name="id" value=id.to_string() />
                    <Button icon=IconName::Play busy=resume.pending()>
                        "Resume"
                    </Button>
                </ActionForm>
            </Show>
            <ButtonLink href=format!("/connections/{id}/edit") icon=IconName::Pencil>
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
    id: ConnectionId,
    version: Signal<u64>,
    facts: Memo<Option<ConnectionHealth>>,
    reset: ServerAction<ResetBreaker>,
) -> impl IntoView {
    let query = use_query_map();
    let range =
        Memo::new(move |_| query.with(|query| query.get_str("range").and_then(Range::from_code)).unwrap_or_default());
    let retries = Resource::new_blocking(move || version.get(), move |_| get_retry_analytics(id));
    let days = Resource::new_blocking(move || version.get(), move |_| get_daily_metrics(id));
    let checks = Resource::new_blocking(move || version.get(), move |_| get_recent_checks(id, RECENT));
    let errors = Resource::new_blocking(move || version.get(), move |_| get_errors(id));
    let analytics = Memo::new(move |_| retries.get().and_then(Result::ok));
    view! {
        {move || facts.get().map(|facts| view! { <Strip facts analytics=analytics.get() /> })}
        <div class="dashboard-grid">
            <div class="stack">
                <Charts id range version />
                {move || part("The recent checks could not be loaded.", checks, |checks| view! { <RecentChecks checks /> })}
                {move || part("The errors could not be loaded.", errors, |errors| view! { <Errors errors /> })}
            </div>
            <div class="stack">
                {move || {
                    part("The retries could not be loaded.", retries, move |analytics| view! { <Retries id analytics reset /> })
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
