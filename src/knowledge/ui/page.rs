//! `/knowledge` and `/knowledge/:id`: what is known, how sure it is, whether it worked; and for administrators, what
//! waits for them.

use leptos::{prelude::*, server_fn::ServerFn};
use leptos_router::{
    components::Form,
    hooks::{use_params_map, use_query_map},
};
use uuid::Uuid;

use super::{Solution, Sure, Votes, reports, with_code};
use crate::{
    app::not_found::NotFound,
    connections::Provider,
    error::AppError,
    ids::KnowledgeId,
    knowledge::{
        Category, EntryOrigin, Found, KnowledgeEntry, Shelf, Standing,
        api::{
            EditKnowledge, ImportKnowledge, ModerateKnowledge, VoteKnowledge, get_knowledge, knowledge_parts,
            search_knowledge, waiting_knowledge,
        },
        entry_path,
    },
    probe::Cause,
    provider_docs::cause_path,
    ui::{
        Button, ButtonKind, ButtonLink, Card, EmptyState, ErrorState, Icon, IconName, Page, PageHeader, SelectField,
        SkeletonRows, Tab, Tabs, Tag, TextField, Tone, use_toasts,
    },
};

/// What the address asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Asked {
    query: String,
    provider: String,
    category: String,
    /// What of that which is not listed, and which page of it.
    shelf: Option<(Shelf, u32)>,
}

/// What can be done on the page.
#[derive(Clone, Copy)]
struct Acts {
    vote: ServerAction<VoteKnowledge>,
    moderate: ServerAction<ModerateKnowledge>,
    edit: ServerAction<EditKnowledge>,
    import: ServerAction<ImportKnowledge>,
}

impl Acts {
    fn new() -> Self {
        let acts = Self {
            vote: ServerAction::new(),
            moderate: ServerAction::new(),
            edit: ServerAction::new(),
            import: ServerAction::new(),
        };
        tell(acts.vote, "Thank you, that counts.");
        tell(acts.moderate, "Done.");
        tell(acts.edit, "Saved.");
        acts
    }

    fn versions(self) -> [usize; 4] {
        [
            self.vote.version().get(),
            self.moderate.version().get(),
            self.edit.version().get(),
            self.import.version().get(),
        ]
    }
}

/// Says how an act ended.
fn tell<S>(action: ServerAction<S>, done: &'static str)
where
    S: ServerFn<Error = AppError> + Clone + Send + Sync + 'static,
    S::Output: Clone + Send + Sync + 'static,
{
    let toasts = use_toasts();
    Effect::new(move |_| {
        action.value().with(|value| match value {
            Some(Ok(_)) => toasts.show(Tone::Healthy, done),
            Some(Err(error)) => toasts.show(Tone::Down, error.to_string()),
            None => {}
        });
    });
}

/// The page.
#[component]
pub fn KnowledgePage() -> impl IntoView {
    let address = use_query_map();
    let asked = Memo::new(move |_| {
        address.with(|address| {
            let text = |name: &str| address.get(name).unwrap_or_default();
            Asked {
                query: text("q"),
                provider: text("provider"),
                category: text("category"),
                shelf: address.get_str("show").and_then(Shelf::from_code).map(|shelf| {
                    let page = address.get_str("page").and_then(|page| page.parse().ok());
                    (shelf, page.unwrap_or(1))
                }),
            }
        })
    });
    let acts = Acts::new();
    let found = Resource::new_blocking(
        move || (asked.get(), acts.versions()),
        |(asked, _)| async move {
            match asked.shelf {
                Some((shelf, page)) => waiting_knowledge(shelf, page).await,
                None => search_knowledge(asked.query, asked.provider, asked.category).await,
            }
        },
    );
    let parts = Resource::new_blocking(move || acts.versions(), |_| knowledge_parts());
    let tabs = move || {
        view! {
            <Transition>
                {move || {
                    let parts = parts.get().and_then(Result::ok);
                    found
                        .get()
                        .and_then(Result::ok)
                        .filter(|found| found.may_moderate)
                        .map(|_| {
                            let waiting = asked.with(|asked| asked.shelf.is_some());
                            let tabs = vec![
                                Tab::new("/knowledge", "Known", !waiting),
                                Tab::new(Shelf::Waiting.path(1), "Waiting and hidden", waiting),
                            ];
                            view! {
                                <Tabs label="Which entries" tabs />
                                {parts.map(export_links)}
                            }
                        })
                }}
            </Transition>
        }
    };
    let subtitle =
        || "What cured which failure, here and in the built-in stock. Nothing in it names a server or a person.";
    view! {
        <Page title="Knowledge".to_owned()>
            <PageHeader title="Knowledge".to_owned() actions=tabs subtitle />
            <div class="stack-wide">
                <Filters asked />
                <Transition fallback=|| {
                    view! { <SkeletonRows /> }
                }>
                    {move || Suspend::new(async move {
                        match found.await {
                            Ok(found) => view! { <Results found asked=asked.get_untracked() acts /> }.into_any(),
                            Err(error) => {
                                view! { <ErrorState error title="The knowledge base could not be read." /> }.into_any()
                            }
                        }
                    })}
                </Transition>
            </div>
        </Page>
    }
}

/// A link to each part of the export.
fn export_links(parts: u32) -> Vec<AnyView> {
    let link = |href: String, words: String| {
        view! {
            <a class="button" href=href rel="external" download="">
                {words}
            </a>
        }
        .into_any()
    };
    match parts {
        1 => vec![link("/knowledge/export.json".to_owned(), "Export".to_owned())],
        all => (1..=all)
            .map(|part| link(format!("/knowledge/export.json?part={part}"), format!("Export {part} of {all}")))
            .collect(),
    }
}

/// The page of one entry, to be linked to.
#[component]
pub fn KnowledgeEntryPage() -> impl IntoView {
    let params = use_params_map();
    // What is no id belongs to nobody, like the id that nothing has.
    let id = Memo::new(move |_| {
        let id = params.with(|params| params.get_str("id").and_then(|id| id.parse().ok()));
        id.unwrap_or(KnowledgeId(Uuid::nil()))
    });
    let acts = Acts::new();
    let found = Resource::new_blocking(move || (id.get(), acts.versions()), |(id, _)| get_knowledge(id));
    view! {
        <Transition fallback=|| {
            view! {
                <Page title="Knowledge".to_owned()>
                    <SkeletonRows />
                </Page>
            }
        }>
            {move || Suspend::new(async move {
                match found.await {
                    Ok(found) => view! { <Alone found acts /> }.into_any(),
                    Err(AppError::NotFound) => view! { <NotFound /> }.into_any(),
                    Err(error) => {
                        view! {
                            <Page title="Knowledge".to_owned()>
                                <ErrorState error title="The entry could not be read." />
                            </Page>
                        }
                            .into_any()
                    }
                }
            })}
        </Transition>
    }
}

#[component]
fn Alone(found: Found, acts: Acts) -> impl IntoView {
    let Found { entries, may_moderate, .. } = found;
    let entries = entries
        .into_iter()
        .map(|entry| {
            let title = entry.title.clone();
            view! {
                <Page title=title.clone() narrow=true>
                    <PageHeader title=title back=("/knowledge".to_owned(), "Knowledge".to_owned()) />
                    <Entry entry acts may_moderate alone=true />
                </Page>
            }
        })
        .collect_view();
    view! { {entries} }
}

#[component]
fn Filters(asked: Memo<Asked>) -> impl IntoView {
    let first = asked.get_untracked();
    let (query, provider, category) =
        (RwSignal::new(first.query), RwSignal::new(first.provider), RwSignal::new(first.category));
    Effect::new(move |earlier: Option<()>| {
        let asked = asked.get();
        // What was typed before the page came to life stays.
        if earlier.is_some() {
            query.set(asked.query);
            provider.set(asked.provider);
            category.set(asked.category);
        }
    });
    let any = |words: &str| vec![(String::new(), words.to_owned())];
    let mut providers = any("All providers");
    providers.extend(Provider::ALL.map(|provider| (provider.code().to_owned(), provider.label().to_owned())));
    let mut categories = any("All topics");
    categories.extend(Category::ALL.map(|category| (category.code().to_owned(), category.label().to_owned())));
    view! {
        <Form method="GET" action="/knowledge" attr:class="knowledge-filters" attr:role="search">
            <TextField
                name="q"
                label="Words, or a whole error message"
                placeholder="connection refused"
                r#type="search"
                value=query
            />
            <SelectField name="provider" label="Provider" options=providers value=provider />
            <SelectField name="category" label="Topic" options=categories value=category />
            <Button icon=IconName::Search>"Search"</Button>
        </Form>
    }
}

#[component]
fn Nothing(asked: Asked) -> impl IntoView {
    if let Some((shelf, _)) = asked.shelf {
        let (title, text) = match shelf {
            Shelf::Waiting => (
                "Nothing waits",
                "What one person alone reports waits here until another says the same, or you confirm it.",
            ),
            Shelf::Anonymous => (
                "Nothing waits",
                "What is reported without a token waits here until you confirm it, for thirty days at most.",
            ),
            Shelf::Hidden => ("Nothing is hidden", "What you hide from everyone is kept here."),
        };
        return view! { <EmptyState title icon=IconName::Check text /> }.into_any();
    }
    view! {
        <EmptyState
            title="Nothing is known about that"
            icon=IconName::Search
            text="Try fewer words, or paste the message as the server wrote it. What cures a failure here will be found from then on."
        >
            <a class="button" href="/knowledge">
                "Show everything"
            </a>
        </EmptyState>
    }
    .into_any()
}

#[component]
fn Results(found: Found, asked: Asked, acts: Acts) -> impl IntoView {
    let Found { entries, may_moderate, more } = found;
    let shelves = asked.shelf.map(|(current, _)| {
        let tabs = Shelf::ALL.map(|shelf| Tab::new(shelf.path(1), shelf.label(), shelf == current));
        view! { <Tabs label="What is not listed" tabs=tabs.into() /> }
    });
    let pages = asked.shelf.filter(|(_, page)| more || *page > 1).map(|(shelf, page)| {
        let newer = (page > 1).then(|| {
            view! {
                <ButtonLink href=shelf.path(page - 1) small=true>
                    "Newer"
                </ButtonLink>
            }
        });
        let older = more.then(|| {
            view! {
                <ButtonLink href=shelf.path(page.saturating_add(1)) small=true>
                    "Older"
                </ButtonLink>
            }
        });
        view! {
            <nav class="row" aria-label="Pages">
                {newer}
                {older}
            </nav>
        }
    });
    let import = may_moderate.then(|| view! { <Import import=acts.import /> });
    let entries = if entries.is_empty() {
        view! { <Nothing asked /> }.into_any()
    } else {
        view! { <Entries entries acts may_moderate /> }.into_any()
    };
    view! { <div class="stack-wide">{shelves} {entries} {pages} {import}</div> }
}

#[component]
fn Entries(entries: Vec<KnowledgeEntry>, acts: Acts, may_moderate: bool) -> impl IntoView {
    let entries = entries
        .into_iter()
        .map(|entry| {
            view! {
                <li>
                    <Entry entry acts may_moderate />
                </li>
            }
        })
        .collect_view();
    view! {
        <ul class="entries" role="list">
            {entries}
        </ul>
    }
}

/// One entry: folded under its name in a list, or alone on its page, whose heading is its name.
#[component]
fn Entry(entry: KnowledgeEntry, acts: Acts, may_moderate: bool, #[prop(optional)] alone: bool) -> impl IntoView {
    let said = reports(&entry);
    let id = entry.id;
    let name = (!alone).then(|| {
        view! {
            <h2>
                <a href=entry_path(id)>{entry.title.clone()}</a>
            </h2>
        }
    });
    let standing = (entry.standing != Standing::Shared).then(|| {
        view! { <Tag tone=Tone::Degraded>{entry.standing.label()}</Tag> }
    });
    let cause = (entry.cause != Cause::Unknown).then(|| {
        let words = format!("{} guide: {}", entry.provider.label(), entry.cause.code());
        view! {
            <a href=cause_path(entry.provider, entry.cause)>{words}</a>
            " · "
        }
    });
    let can_be_judged = matches!(entry.standing, Standing::Shared | Standing::Private);
    let votes = can_be_judged.then(|| view! { <Votes id=id.to_string() vote=acts.vote /> });
    let moderation = may_moderate.then(|| view! { <Moderation entry=entry.clone() acts /> });
    view! {
        <article class="card entry">
            <header class="entry-head">
                {name} <span class="row">
                    <Tag>{entry.provider.label()}</Tag>
                    <Sure score=entry.confidence_score />
                    {standing}
                </span>
            </header>
            <p>{with_code(&entry.description)}</p>
            <p class="small quiet">{cause} {entry.category.label()} " · " {entry.origin.label()} " · " {said}</p>
            <details open=alone>
                <summary class="disclose">"What to do"</summary>
                <div class="entry-body">
                    <Solution entry />
                    {votes}
                </div>
            </details>
            {moderation}
        </article>
    }
}

/// Confirm, hide, show, delete, edit.
#[component]
fn Moderation(entry: KnowledgeEntry, acts: Acts) -> impl IntoView {
    let id = entry.id.to_string();
    let act = |act: &'static str, words: &'static str, kind: ButtonKind| {
        let id = id.clone();
        view! {
            <ActionForm action=acts.moderate>
                <input type="hidden" name="id" value=id />
                <input type="hidden" name="act" value=act />
                <Button small=true kind=kind>
                    {words}
                </Button>
            </ActionForm>
        }
    };
    let standing = match entry.standing {
        Standing::Shared => act("hide", "Hide from everyone", ButtonKind::default()).into_any(),
        Standing::Hidden => act("show", "Show again", ButtonKind::default()).into_any(),
        Standing::Private | Standing::Quarantined => view! {
            {act("confirm", "Confirm and share", ButtonKind::Primary)}
            {act("hide", "Hide", ButtonKind::default())}
        }
        .into_any(),
    };
    let delete = (entry.origin != EntryOrigin::Stock).then(|| {
        view! {
            <details>
                <summary class="disclose">"Delete"</summary>
                <div class="row">
                    <span class="small">"It is gone for everyone, with what was reported of it."</span>
                    {act("delete", "Delete this entry", ButtonKind::Danger)}
                </div>
            </details>
        }
    });
    view! {
        <details class="entry-moderation">
            <summary class="disclose">"Moderate"</summary>
            <div class="entry-body">
                <div class="row">{standing}</div>
                <EditForm entry edit=acts.edit />
                {delete}
            </div>
        </details>
    }
}

/// The fields have ids of their own: there is one such form for each entry.
#[component]
fn EditForm(entry: KnowledgeEntry, edit: ServerAction<EditKnowledge>) -> impl IntoView {
    let id = entry.id;
    let field = move |name: &str| format!("{name}-{id}");
    let options = Category::ALL
        .into_iter()
        .map(|category| {
            view! {
                <option value=category.code() selected=category == entry.category>
                    {category.label()}
                </option>
            }
        })
        .collect_view();
    view! {
        <ActionForm action=edit attr:class="form">
            <input type="hidden" name="id" value=entry.id.to_string() />
            <div class="field">
                <label for=field("title")>"Title"</label>
                <input class="input" id=field("title") name="title" value=entry.title.clone() required />
            </div>
            <div class="field">
                <label for=field("description")>"What is seen, and why"</label>
                <textarea class="input" id=field("description") name="description" rows="3" required>
                    {entry.description.clone()}
                </textarea>
            </div>
            <div class="field">
                <label for=field("solution")>"What to do"</label>
                <textarea class="input" id=field("solution") name="solution" rows="6" required>
                    {entry.solution.clone()}
                </textarea>
            </div>
            <div class="field">
                <label for=field("category")>"Topic"</label>
                <select class="input" id=field("category") name="category">
                    {options}
                </select>
            </div>
            <div class="form-actions">
                <Button small=true busy=edit.pending()>
                    "Save the words"
                </Button>
            </div>
        </ActionForm>
    }
}

#[component]
fn Import(import: ServerAction<ImportKnowledge>) -> impl IntoView {
    let outcome = move || {
        import.value().get().map(|outcome| match outcome {
            Ok(report) => view! {
                <p role="status">
                    <Icon name=IconName::Check />
                    {format!(" {} added, {} known already.", report.added, report.known)}
                </p>
            }
            .into_any(),
            Err(error) => view! {
                <p class="field-error" role="alert">
                    {error.to_string()}
                </p>
            }
            .into_any(),
        })
    };
    view! {
        <Card title="Import" note="An export of this or another Mooring; of several parts, one after the other">
            <ActionForm action=import attr:class="card-body form">
                <div class="field">
                    <label for="import-file">"The exported JSON"</label>
                    <textarea class="input input-mono" id="import-file" name="file" rows="4" required></textarea>
                </div>
                {outcome}
                <div class="form-actions">
                    <Button busy=import.pending()>"Import"</Button>
                </div>
            </ActionForm>
        </Card>
    }
}
