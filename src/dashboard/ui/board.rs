//! The board: every connection on one page, the worst first.

use std::collections::BTreeMap;

use leptos::{ev, html, prelude::*};
use leptos_router::{
    NavigateOptions,
    hooks::{use_navigate, use_query_map},
};

use super::Notices;
use crate::{
    auth::{Role, ui::Account},
    connections::{Handling, api::HandleConnections},
    dashboard::{BoardView, Shown, Sort, labels_of},
    error::AppError,
    health::{
        Board, BoardFigures, BoardRow, Status,
        api::{CheckAll, DismissNotice, get_board},
    },
    ids::ConnectionId,
    status::api::WatchOwnDatabase,
    ui::{
        Beats, Button, ButtonKind, ButtonLink, EmptyNote, EmptyState, ErrorState, Figure, Figures, Icon, IconName,
        Milliseconds, NoticeBox, Page, PageHeader, Percent, Quantity, SkeletonFigures, SkeletonRows, StatusMark, Tab,
        Tabs, TimeAgo, Tone, number::thousands, use_live, use_toasts,
    },
};

/// What was loaded, or why it was not.
type Loaded = Resource<Result<Board, AppError>>;

/// `/`: the board.
#[component]
pub fn BoardPage() -> impl IntoView {
    let (checked, edited) = (use_live("health"), use_live("connections"));
    let check_all = ServerAction::<CheckAll>::new();
    let dismiss = ServerAction::<DismissNotice>::new();
    let board: Loaded = Resource::new_blocking(
        move || (checked.get(), edited.get(), check_all.version().get(), dismiss.version().get()),
        |_| get_board(),
    );
    let toasts = use_toasts();
    Effect::new(move |_| {
        if let Some(Err(error)) = check_all.value().get() {
            toasts.show(Tone::Down, error.to_string());
        }
    });
    let count = move || {
        view! {
            <Transition>
                {move || {
                    board
                        .get()
                        .and_then(Result::ok)
                        .filter(|board| !board.rows.is_empty())
                        .map(|board| {
                            let count = board.rows.len();
                            view! {
                                <span class="page-aside number">
                                    {if count == 1 {
                                        "1 connection".to_owned()
                                    } else {
                                        format!("{} connections", thousands(u64::try_from(count).unwrap_or(u64::MAX)))
                                    }}
                                </span>
                            }
                        })
                }}
            </Transition>
        }
    };
    let actions = move || {
        view! {
            <ActionForm action=check_all>
                <Button icon=IconName::Play busy=check_all.pending()>
                    "Check all"
                </Button>
            </ActionForm>
            <ButtonLink href="/connections/import">"Import"</ButtonLink>
            <ButtonLink href="/connections/new" kind=ButtonKind::Primary icon=IconName::Plus>
                "Add connection"
            </ButtonLink>
        }
    };
    view! {
        <Page title="Board".to_owned()>
            <PageHeader title="Board".to_owned() aside=count actions />
            <Transition fallback=|| {
                view! {
                    <SkeletonFigures />
                    <SkeletonRows />
                }
            }>
                <BoardContent board dismiss />
            </Transition>
        </Page>
    }
}

/// What stands below the header. Its parts change one by one, so that a refresh moves nothing that stays.
#[component]
fn BoardContent(board: Loaded, dismiss: ServerAction<DismissNotice>) -> impl IntoView {
    let error = Memo::new(move |_| board.get().and_then(Result::err));
    let figures = Memo::new(move |_| board.get().and_then(Result::ok).map(|board| board.figures).unwrap_or_default());
    let notices = Memo::new(move |_| board.get().and_then(Result::ok).map(|board| board.notices).unwrap_or_default());
    let rows = Memo::new(move |_| board.get().and_then(Result::ok).map(|board| board.rows).unwrap_or_default());
    let state = Memo::new(move |_| match board.get() {
        None => State::Loading,
        Some(Err(_)) => State::Failed,
        Some(Ok(board)) if board.rows.is_empty() => State::Empty,
        Some(Ok(_)) => State::Full,
    });
    let retry = Callback::new(move |()| board.refetch());
    move || match state.get() {
        State::Loading => ().into_any(),
        State::Failed => {
            let error = move || {
                error.get().map(|error| view! { <ErrorState error title="The board could not be loaded." retry /> })
            };
            error.into_any()
        }
        State::Empty => view! {
            <Notices notices dismiss />
            <Nothing />
        }
        .into_any(),
        State::Full => view! {
            <Notices notices dismiss />
            <Waiting rows />
            {move || view! { <Strip figures=figures.get() /> }}
            <Rows rows />
        }
        .into_any(),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Loading,
    Failed,
    Empty,
    Full,
}

/// Before there is any connection: what would be here, and two ways to begin.
#[component]
fn Nothing() -> impl IntoView {
    let watch = ServerAction::<WatchOwnDatabase>::new();
    let may_watch = move || Account::me().is_some_and(|me| me.role == Role::Admin);
    let failed = move || {
        watch.value().get().and_then(Result::err).map(|error| {
            view! { <NoticeBox tone=Tone::Down title="Nothing was added.">{error.to_string()}</NoticeBox> }
        })
    };
    view! {
        {failed}
        <div class="card">
            <EmptyState
                icon=IconName::Database
                title="No connections yet"
                text="Add a database, and Mooring checks it on a schedule, times each step of connecting, and says in plain words why it fails when it does."
            >
                <ButtonLink href="/connections/new" kind=ButtonKind::Primary icon=IconName::Plus>
                    "Add your first connection"
                </ButtonLink>
                <Suspense>
                    {move || {
                        may_watch()
                            .then(|| {
                                view! {
                                    <ActionForm action=watch>
                                        <Button icon=IconName::Anchor busy=watch.pending()>
                                            "Watch Mooring's own database"
                                        </Button>
                                    </ActionForm>
                                }
                            })
                    }}
                </Suspense>
            </EmptyState>
        </div>
    }
}

/// Connections that came by SQL without a provider wait for somebody to say what they are.
#[component]
fn Waiting(rows: Memo<Vec<BoardRow>>) -> impl IntoView {
    let waiting = Memo::new(move |_| rows.with(|rows| rows.iter().filter(|row| row.provider.is_none()).count()));
    let end = || view! { <ButtonLink href="/connections/import" small=true>"Choose"</ButtonLink> };
    move || {
        (waiting.get() > 0).then(|| {
            view! {
                <NoticeBox tone=Tone::Degraded title="Imported connections wait for a provider." end>
                    {format!("{} cannot be checked until somebody says what kind of database it is.", waiting.get())}
                </NoticeBox>
            }
        })
    }
}

/// The strip of figures.
#[component]
fn Strip(figures: BoardFigures) -> impl IntoView {
    let watched = figures.healthy + figures.degraded + figures.down + figures.unknown;
    let parts = [
        (Status::Healthy, figures.healthy),
        (Status::Degraded, figures.degraded),
        (Status::Down, figures.down),
        (Status::Unknown, figures.unknown),
    ];
    let share = move || (watched > 0).then(|| view! { <Share parts total=watched /> });
    let p95 = figures.p95_ms;
    let errors = figures.open_errors;
    let paused = figures.paused;
    view! {
        <Figures label="All connections">
            <Figure label="Now" note=share>
                <Quantity value=thousands(figures.healthy.into()) unit=format!("of {} healthy", thousands(watched.into())) />
            </Figure>
            <Figure label="Uptime, 24 h" note=move || (paused > 0).then(|| format!("without {} paused", thousands(paused.into())))>
                <Percent value=figures.uptime_24h />
            </Figure>
            <Figure
                label="Median response"
                note=move || p95.map(|p95| format!("p95 {} ms", thousands(p95.into())))
            >
                <Milliseconds ms=figures.median_ms.map(f64::from) />
            </Figure>
            <Figure label="Open errors" note=move || if errors == 0 { "nothing to look at" } else { "see the rows below" }>
                <Quantity value=thousands(errors.into()) />
            </Figure>
            <Figure label="Checks, 24 h" note=|| "on schedule and asked for">
                <Quantity value=thousands(figures.checks_24h.into()) />
            </Figure>
        </Figures>
    }
}

/// How the connections part into statuses, as a bar.
#[component]
fn Share(parts: [(Status, u32); 4], total: u32) -> impl IntoView {
    let mut x = 0.0;
    let bars = parts
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(status, count)| {
            let width = f64::from(count) / f64::from(total) * 100.0;
            let left = x;
            x += width;
            view! {
                <rect
                    class=format!("fill-{}", status.code())
                    x=format!("{left:.2}")
                    y="0"
                    width=format!("{:.2}", (width - 0.8).max(0.4))
                    height="6"
                />
            }
        })
        .collect_view();
    let words = parts
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(status, count)| format!("{count} {}", status.label().to_lowercase()))
        .collect::<Vec<_>>()
        .join(", ");
    view! {
        <svg class="share" viewBox="0 0 100 6" preserveAspectRatio="none" role="img" aria-label=words>
            {bars}
        </svg>
    }
}

/// The rows with their tabs, search and order.
#[component]
fn Rows(rows: Memo<Vec<BoardRow>>) -> impl IntoView {
    let query = use_query_map();
    let view_of_address = Memo::new(move |_| query.with(|query| BoardView::read(|name| query.get(name))));
    let by_id =
        Memo::new(move |_| rows.with(|rows| rows.iter().map(|row| (row.id, row.clone())).collect::<BTreeMap<_, _>>()));
    // While somebody is about to press a row, the rows keep their order; what is in them goes on changing.
    let held = RwSignal::new(None::<Vec<ConnectionId>>);
    let order = Memo::new(move |_| {
        let mut ids: Vec<ConnectionId> =
            view_of_address.with(|view| rows.with(|rows| view.apply(rows).into_iter().map(|row| row.id).collect()));
        if let Some(held) = held.get() {
            let place = |id: &ConnectionId| held.iter().position(|held| held == id).unwrap_or(held.len());
            ids.sort_by_key(place);
        }
        ids
    });
    let hold = move || held.set(Some(order.get_untracked()));
    Effect::new(move |_| {
        // Another view is another list: nothing of it is about to be pressed yet.
        view_of_address.track();
        held.set(None);
    });
    let tabs = move || {
        let view = view_of_address.get();
        rows.with(|rows| {
            Shown::ALL
                .into_iter()
                .map(|show| {
                    let tab = Tab::new(view.showing(show).href(), show.label(), view.show == show);
                    let count = rows.iter().filter(|row| show.has(row)).count();
                    if show == Shown::All { tab } else { tab.count(u32::try_from(count).unwrap_or(u32::MAX)) }
                })
                .collect::<Vec<_>>()
        })
    };
    view! {
        <section class="card" aria-label="Connections">
            <div class="board-tools">
                {move || view! { <Tabs label="Which connections" tabs=tabs() /> }}
                <Search view=view_of_address />
            </div>
            <LabelLinks rows view=view_of_address />
            <Handle order view=view_of_address />
            <div class="table-wrap">
                <table class="table table-hover board-table">
                    <caption class="visually-hidden">"Connections"</caption>
                    <thead>
                        <tr>
                            <SortHead view=view_of_address sort=Sort::Status label="Status" class="col-status" />
                            <SortHead view=view_of_address sort=Sort::Name label="Connection" class="col-name" />
                            <th scope="col" class="col-beats">
                                "Last 24 h"
                            </th>
                            <SortHead view=view_of_address sort=Sort::Response label="Response" class="col-response end" />
                            <SortHead view=view_of_address sort=Sort::Uptime label="Uptime 30 d" class="col-uptime end" />
                            <th scope="col" class="col-note">
                                "Note"
                            </th>
                            <SortHead view=view_of_address sort=Sort::Checked label="Checked" class="col-checked end" />
                        </tr>
                    </thead>
                    <tbody
                        on:pointerenter=move |_| hold()
                        on:pointerleave=move |_| held.set(None)
                        on:focusin=move |_| hold()
                        on:focusout=move |_| held.set(None)
                    >
                        <For each=move || order.get() key=|id| *id let:id>
                            <Row row=Memo::new(move |_| by_id.with(|rows| rows.get(&id).cloned())) />
                        </For>
                    </tbody>
                </table>
            </div>
            <Show when=move || order.with(Vec::is_empty)>
                <EmptyNote text="No connection matches. Try other words, or look at all of them." />
            </Show>
        </section>
    }
}

/// The environments and tags that there are, as links that narrow the board to one of each.
#[component]
fn LabelLinks(rows: Memo<Vec<BoardRow>>, view: Memo<BoardView>) -> impl IntoView {
    let labels = Memo::new(move |_| rows.with(|rows| labels_of(rows)));
    move || {
        let view = view.get();
        let (environments, tags) = labels.get();
        let link = |label: String, chosen: bool, href: String| {
            let current = chosen.then_some("true");
            view! {
                <a class="label-link" href=href aria-current=current data-noscroll="">
                    {label}
                </a>
            }
        };
        let environments = environments.into_iter().map(|label| {
            let chosen = view.environment.as_deref() == Some(label.as_str());
            let href = view.in_environment((!chosen).then(|| label.clone())).href();
            link(label, chosen, href)
        });
        let tags = tags.into_iter().map(|label| {
            let chosen = view.tag.as_deref() == Some(label.as_str());
            let href = view.tagged((!chosen).then(|| label.clone())).href();
            link(format!("#{label}"), chosen, href)
        });
        let links: Vec<_> = environments.chain(tags).collect();
        (!links.is_empty()).then(|| {
            view! {
                <nav class="label-links" aria-label="Environments and tags">
                    {links}
                </nav>
            }
        })
    }
}

/// What can be done with all connections that a narrowed board shows.
#[component]
fn Handle(order: Memo<Vec<ConnectionId>>, view: Memo<BoardView>) -> impl IntoView {
    let handle = ServerAction::<HandleConnections>::new();
    let toasts = use_toasts();
    Effect::new(move |_| match handle.value().get() {
        Some(Ok(done)) => toasts.show(Tone::Healthy, done),
        Some(Err(error)) => toasts.show(Tone::Down, error.to_string()),
        None => {}
    });
    let count = move || order.with(Vec::len);
    let ids = move || order.with(|ids| ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(","));
    let button = move |what: Handling, icon: IconName| {
        view! {
            <ActionForm action=handle>
                <input type="hidden" name="ids" value=ids />
                <input type="hidden" name="what" value=what.code() />
                <Button small=true icon busy=handle.pending()>
                    {what.label()}
                </Button>
            </ActionForm>
        }
    };
    view! {
        <Show when=move || view.with(BoardView::is_narrow) && (count() > 0)>
            <div class="board-handle" role="group" aria-label="With all that are shown">
                <span class="small quiet">
                    {move || if count() == 1 { "With this one:".to_owned() } else { format!("With these {}:", count()) }}
                </span>
                {button(Handling::Check, IconName::Play)}
                {button(Handling::Pause, IconName::Pause)}
                {button(Handling::Resume, IconName::Play)}
            </div>
        </Show>
    }
}

/// A column's head that orders the board.
#[component]
fn SortHead(view: Memo<BoardView>, sort: Sort, label: &'static str, class: &'static str) -> impl IntoView {
    let chosen = Memo::new(move |_| view.with(|view| view.sort == sort));
    view! {
        <th scope="col" class=class aria-sort=move || chosen.get().then_some("descending")>
            <a href=move || view.with(|view| view.sorted(sort).href()) data-noscroll="">
                {label}
                {move || chosen.get().then(|| view! { <Icon name=IconName::Down /> })}
            </a>
        </th>
    }
}

/// The search: a form without JavaScript, and narrowing as one types with it. What is searched for is in the
/// address, and nowhere else.
#[component]
fn Search(view: Memo<BoardView>) -> impl IntoView {
    let navigate = use_navigate();
    let go = move |search: String| {
        let href = view.with_untracked(|view| view.searching(search).href());
        navigate(&href, NavigateOptions { replace: true, scroll: false, ..NavigateOptions::default() });
    };
    let field = NodeRef::<html::Input>::new();
    let catch_up = go.clone();
    Effect::new(move |earlier: Option<()>| {
        let Some(field) = field.get() else { return };
        // What was typed before the page came to life.
        if earlier.is_none() && view.with_untracked(|view| view.search != field.value()) {
            catch_up(field.value());
        }
    });
    let hidden = move |name: &'static str, value: Option<&'static str>| {
        value.map(|value| view! { <input type="hidden" name=name value=value /> })
    };
    let kept = move |name: &'static str, value: Option<String>| {
        value.map(|value| view! { <input type="hidden" name=name value=value /> })
    };
    view! {
        <form
            class="search"
            role="search"
            method="get"
            action="/"
            on:submit=move |event: ev::SubmitEvent| event.prevent_default()
        >
            {move || hidden("show", view.with(|view| view.show.code()))}
            {move || hidden("sort", view.with(|view| view.sort.code()))}
            {move || kept("env", view.with(|view| view.environment.clone()))}
            {move || kept("tag", view.with(|view| view.tag.clone()))}
            <Icon name=IconName::Search />
            <input
                node_ref=field
                class="input"
                type="search"
                name="q"
                value=view.with_untracked(|view| view.search.clone())
                placeholder="Search, or press /"
                aria-label="Search connections"
                autocomplete="off"
                on:input:target=move |event| go(event.target().value())
            />
        </form>
    }
}

/// One connection. Its name stays while what was measured changes, so that a link that somebody holds is not
/// made anew under the finger.
#[component]
fn Row(row: Memo<Option<BoardRow>>) -> impl IntoView {
    let names = Memo::new(move |_| {
        row.with(|row| row.as_ref().map(|row| (row.id, row.name.clone(), row.endpoint.clone(), row.provider)))
    });
    let status = Memo::new(move |_| row.with(|row| row.as_ref().map(|row| (row.status, row.paused))));
    let measured = move || {
        row.get().map(|row| {
            let response = row.response_time_ms.filter(|_| !row.paused).map(f64::from);
            let failing = row.cause.filter(|_| row.status == Status::Down && !row.paused);
            let cures = failing.map(|_| {
                let about = format!("What to do about {}", row.name);
                view! {
                    <a class="small" href=format!("/connections/{}#cures", row.id) aria-label=about>
                        "What to do"
                    </a>
                }
            });
            let note = row.note.or_else(|| row.cause.map(|cause| cause.title().to_owned()));
            view! {
                <td class="cell-beats">
                    <Beats beats=row.beats />
                </td>
                <td class="end">
                    <Milliseconds ms=response />
                </td>
                <td class="end cell-uptime">
                    <Percent value=row.uptime_30d />
                </td>
                <td class="board-note cell-note">{note.map(|note| view! { <span>{note}</span> })} " " {cures}</td>
                <td class="end quiet small cell-checked">
                    {row.last_check_at.map(|at| view! { <TimeAgo at bare=true /> })}
                </td>
            }
        })
    };
    view! {
        <tr>
            <td aria-live="polite">
                {move || status.get().map(|(status, paused)| view! { <StatusMark status paused /> })}
            </td>
            <th scope="row">
                {move || {
                    names
                        .get()
                        .map(|(id, name, endpoint, provider)| {
                            view! {
                                <div class="connection-cell">
                                    <span class="badge" aria-hidden="true">
                                        {provider.map_or("?", crate::connections::Provider::badge)}
                                    </span>
                                    <span class="connection-names">
                                        <a class="connection-name" href=format!("/connections/{id}")>
                                            {name}
                                        </a>
                                        <span class="connection-endpoint" title=endpoint.clone()>
                                            {endpoint.clone()}
                                        </span>
                                    </span>
                                </div>
                            }
                        })
                }}
            </th>
            {measured}
        </tr>
    }
}
