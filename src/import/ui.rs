//! `/connections/import`: a list of connections, looked at before it is stored, and those that wait for a provider.

use leptos::prelude::*;

use super::{
    Orphan, Outcome, Report, RowReport,
    api::{ChooseProvider, ImportConnections, get_import_start},
};
use crate::{
    connections::Provider,
    ui::{
        Button, ButtonKind, Card, ErrorState, FormError, NoticeBox, Page, PageHeader, SelectField, SkeletonText,
        TextArea, Tone,
    },
};

const EXAMPLE: &str =
    "name,url,environment,tags\nShop,postgresql://app:password@db.example.com:5432/shop,production,\"eu,billing\"";

/// The page.
#[component]
pub fn ImportPage() -> impl IntoView {
    let choose = ServerAction::<ChooseProvider>::new();
    let import = ServerAction::<ImportConnections>::new();
    let start = Resource::new_blocking(move || choose.version().get(), |_| get_import_start());
    let error = Signal::derive(move || {
        let refused = import.value().get().and_then(Result::err);
        refused.or_else(|| choose.value().get().and_then(Result::err))
    });
    view! {
        <Page title="Import connections" narrow=true>
            <PageHeader title="Import connections" back=("/".to_owned(), "Board".to_owned()) />
            <FormError error />
            <Suspense fallback=|| view! { <SkeletonText /> }>
                {move || Suspend::new(async move {
                    match start.await {
                        Ok(start) => {
                            view! {
                                <Orphans orphans=start.orphans choose />
                                <List import earlier=start.report />
                            }
                                .into_any()
                        }
                        Err(error) => view! { <ErrorState error title="The page could not be loaded." /> }.into_any(),
                    }
                })}
            </Suspense>
        </Page>
    }
}

/// Those without a provider, each with what it looks like.
#[component]
fn Orphans(orphans: Vec<Orphan>, choose: ServerAction<ChooseProvider>) -> impl IntoView {
    let rows = orphans
        .into_iter()
        .map(|orphan| {
            let chosen = RwSignal::new(orphan.guess.code().to_owned());
            let options =
                Provider::ALL.into_iter().map(|provider| (provider.code().to_owned(), provider.label().to_owned()));
            view! {
                <li class="import-orphan">
                    <span class="connection-names">
                        <strong>{orphan.name.clone()}</strong>
                        <span class="connection-endpoint">{orphan.endpoint}</span>
                    </span>
                    <ActionForm action=choose attr:class="import-choose">
                        <input type="hidden" name="id" value=orphan.id.to_string() />
                        <SelectField
                            name="provider"
                            label=format!("Provider of {}", orphan.name)
                            options=options.collect()
                            value=chosen
                        />
                        <Button kind=ButtonKind::Primary busy=choose.pending()>
                            "Watch it"
                        </Button>
                    </ActionForm>
                </li>
            }
        })
        .collect::<Vec<_>>();
    (!rows.is_empty()).then(|| {
        view! {
            <Card title="Waiting for a provider" note="They came without one. Everything else of them is kept.">
                <ul class="import-orphans">{rows}</ul>
            </Card>
        }
    })
}

/// The list: looked at first, then stored.
#[component]
fn List(import: ServerAction<ImportConnections>, earlier: Option<Report>) -> impl IntoView {
    let list = RwSignal::new(String::new());
    // What was stored is not offered again, and its passwords do not stay on the screen.
    Effect::new(move |_| {
        if import.value().with(|value| matches!(value, Some(Ok(report)) if report.is_all_stored())) {
            list.set(String::new());
        }
    });
    let report = move || import.value().get().and_then(Result::ok).or_else(|| earlier.clone());
    view! {
        <Card title="A list" note="CSV with a header, or JSON: an array of objects or of addresses.">
            <ActionForm action=import attr:class="card-body form">
                <TextArea
                    name="list"
                    label="Connections"
                    value=list
                    hint="Columns: url, or host, port, database, username, password, tls; and name, provider, intervalS, environment, tags. At most 1,000 rows."
                    placeholder=EXAMPLE
                    rows=10
                    mono=true
                />
                <div class="form-actions">
                    <button type="submit" name="store" value="no" class="button" disabled=move || import.pending().get()>
                        "Look at it first"
                    </button>
                    <button
                        type="submit"
                        name="store"
                        value="yes"
                        class="button button-primary"
                        disabled=move || import.pending().get()
                    >
                        "Import"
                    </button>
                </div>
            </ActionForm>
        </Card>
        {move || report().map(|report| view! { <Told report /> })}
    }
}

/// What each row came to.
#[component]
fn Told(report: Report) -> impl IntoView {
    let tone = if report.good() == report.rows.len() { Tone::Healthy } else { Tone::Degraded };
    let title = report.summary();
    let rows = report.rows.into_iter().map(|row| view! { <ToldRow row /> }).collect::<Vec<_>>();
    view! {
        <NoticeBox tone title>
            {if report.stored { "What was added is checked within seconds." } else { "Nothing is stored yet." }}
        </NoticeBox>
        <Card title="Row by row">
            <div class="table-wrap">
                <table class="table">
                    <caption class="visually-hidden">"Row by row"</caption>
                    <thead>
                        <tr>
                            <th scope="col" class="end">
                                "Row"
                            </th>
                            <th scope="col">"Name"</th>
                            <th scope="col">"Where"</th>
                            <th scope="col">"Outcome"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        </Card>
    }
}

#[component]
fn ToldRow(row: RowReport) -> impl IntoView {
    let name = match row.outcome {
        Outcome::Added(id) => view! { <a href=format!("/connections/{id}")>{row.name}</a> }.into_any(),
        _ => row.name.into_any(),
    };
    let outcome = match row.outcome {
        Outcome::Ready => "ready".to_owned(),
        Outcome::Added(_) => "added".to_owned(),
        Outcome::Refused(why) => why,
    };
    let provider = row.provider.map_or("?", Provider::label);
    view! {
        <tr>
            <td class="end number">{row.place}</td>
            <th scope="row">{name}</th>
            <td>
                {provider} " " <span class="quiet">{row.endpoint}</span>
            </td>
            <td>{outcome}</td>
        </tr>
    }
}
