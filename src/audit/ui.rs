//! `/audit`: the log, with filters, page by page.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::{AuditEntry, AuditFilter, AuditPage, Outcome, api::list_audit};
use crate::{
    auth::{Role, ui::Account},
    ui::{
        Button, ButtonLink, Card, Column, DataTable, EmptyNote, ErrorState, LocalTime, Page, PageHeader, SelectField,
        SkeletonRows, Tag, TextField, Tone,
    },
};

const PATH: &str = "/audit";

/// The things that actions are about, and their words.
const THINGS: [(&str, &str); 9] = [
    ("", "Everything"),
    ("account", "Accounts and sign-ins"),
    ("second_factor", "Two-factor sign-in"),
    ("token", "API tokens"),
    ("connection", "Connections"),
    ("alert", "Alerts"),
    ("knowledge", "Knowledge"),
    ("keys", "Master keys"),
    ("notice", "Notices"),
];

/// The log: one's own entries, and for administrators everyone's.
#[component]
pub fn AuditLogPage() -> impl IntoView {
    let query = use_query_map();
    let filter = Memo::new(move |_| query.with(|query| AuditFilter::from_query(|name| query.get(name))));
    let page = Resource::new_blocking(move || filter.get(), list_audit);
    let export = move || {
        let csv = Signal::derive(move || AuditFilter { before: String::new(), ..filter.get() }.address("/audit.csv"));
        view! {
            <a class="button" href=csv rel="external" download="mooring-audit.csv">
                "Export as CSV"
            </a>
        }
    };
    view! {
        <Page title="Audit log">
            <PageHeader title="Audit log" actions=export />
            // Another address is another form: its fields begin with what the address has.
            {move || view! { <Filters filter=filter.get() /> }}
            <Card title="Entries">
                <Transition fallback=|| {
                    view! { <SkeletonRows rows=8 /> }
                }>
                    {move || Suspend::new(async move {
                        match page.await {
                            Ok(page) => view! { <Entries page filter=filter.get() /> }.into_any(),
                            Err(error) => view! { <ErrorState error title="The log could not be read." /> }.into_any(),
                        }
                    })}
                </Transition>
            </Card>
        </Page>
    }
}

#[component]
fn Filters(filter: AuditFilter) -> impl IntoView {
    let AuditFilter { action, outcome, account, connection, from, to, .. } = filter;
    let things = THINGS.map(|(code, words)| (code.to_owned(), words.to_owned())).into();
    let mut outcomes = vec![(String::new(), "Any".to_owned())];
    outcomes.extend(Outcome::ALL.map(|outcome| (outcome.code().to_owned(), outcome.label().to_owned())));
    let account = RwSignal::new(account);
    let of_account = move || {
        Account::me().filter(|me| me.role == Role::Admin).map(|_| {
            view! { <TextField name="account" label="Account" placeholder="ada@example.org" value=account /> }
        })
    };
    view! {
        <form class="filters" method="get" action=PATH>
            <SelectField name="action" label="About" options=things value=RwSignal::new(action) />
            <SelectField name="outcome" label="Outcome" options=outcomes value=RwSignal::new(outcome) />
            <Suspense>{of_account}</Suspense>
            <TextField name="from" label="From" r#type="date" value=RwSignal::new(from) />
            <TextField name="to" label="To" r#type="date" value=RwSignal::new(to) />
            {(!connection.is_empty()).then(|| view! { <input type="hidden" name="connection" value=connection /> })}
            <div class="filters-actions">
                <Button>"Show"</Button>
                <ButtonLink href=PATH>"Show all"</ButtonLink>
            </div>
        </form>
    }
}

#[component]
fn Entries(page: AuditPage, filter: AuditFilter) -> impl IntoView {
    let AuditPage { entries, older, is_everyones } = page;
    if entries.is_empty() {
        return view! { <EmptyNote text="Nothing was recorded that fits." /> }.into_any();
    }
    let mut columns = vec![Column::words("Time")];
    if is_everyones {
        columns.push(Column::words("Account"));
    }
    columns.extend(["Action", "Outcome", "Connection", "Details", "From"].map(Column::words));
    let rows = entries.into_iter().map(|entry| view! { <EntryRow entry with_account=is_everyones /> }).collect_view();
    let is_first = filter.before.is_empty();
    let latest = AuditFilter { before: String::new(), ..filter.clone() }.address(PATH);
    view! {
        <DataTable caption="Entries of the audit log, the latest first" columns=columns compact=true>
            {rows}
        </DataTable>
        {(older.is_some() || !is_first)
            .then(|| {
                view! {
                    <nav class="card-foot row" aria-label="Pages">
                        {(!is_first).then(|| view! { <ButtonLink href=latest small=true>"Latest"</ButtonLink> })}
                        {older
                            .map(|seq| {
                                view! {
                                    <ButtonLink href=filter.before(seq).address(PATH) small=true>
                                        "Older"
                                    </ButtonLink>
                                }
                            })}
                    </nav>
                }
            })}
    }
    .into_any()
}

const fn tone(outcome: Outcome) -> Tone {
    match outcome {
        Outcome::Success => Tone::Plain,
        Outcome::Failed => Tone::Down,
        Outcome::Refused => Tone::Degraded,
    }
}

#[component]
fn EntryRow(entry: AuditEntry, with_account: bool) -> impl IntoView {
    let AuditEntry { at, account, action, outcome, connection, connection_name, details, ip, user_agent, .. } = entry;
    let connection = connection.map(|id| match connection_name {
        Some(name) => view! { <a href=format!("/connections/{id}")>{name}</a> }.into_any(),
        None => view! { <span class="mono quiet small">{id.to_string()}</span> }.into_any(),
    });
    view! {
        <tr>
            <td class="nowrap">
                <LocalTime at />
            </td>
            {with_account
                .then(|| {
                    view! {
                        <td class="audit-account">
                            {match account {
                                Some(account) => view! { <span class="breakable">{account}</span> }.into_any(),
                                None => view! { <span class="quiet">"Nobody signed in"</span> }.into_any(),
                            }}
                        </td>
                    }
                })}
            <td class="mono">{action}</td>
            <td>
                <Tag tone=tone(outcome)>{outcome.label()}</Tag>
            </td>
            <td class="audit-connection">{connection}</td>
            <td class="audit-details breakable small">{details}</td>
            <td class="small" title=user_agent>
                {ip}
            </td>
        </tr>
    }
}
