//! The parts of a dashboard that say what was: the two charts over a range, and the days.

use leptos::prelude::*;

use crate::{
    error::AppError,
    health::{DailyMetric, Range},
    ids::ConnectionId,
    probe::Phase,
    ui::{
        Card, Chart, Column, DataTable, EmptyNote, ErrorState, Milliseconds, Percent, Tab, Tabs, chart::ChartData,
        number::thousands,
    },
};

/// Both charts; the range is in the address.
#[component]
pub fn Charts(
    id: Signal<ConnectionId>,
    range: Memo<Range>,
    phases: Resource<Result<ChartData, AppError>>,
    responses: Resource<Result<ChartData, AppError>>,
) -> impl IntoView {
    let tabs = move || {
        view! {
            {move || {
                let chosen = range.get();
                let tabs = Range::ALL
                    .into_iter()
                    .map(|range| {
                        let href = format!("/connections/{}?range={}", id.get(), range.code());
                        Tab::new(href, range.label(), range == chosen)
                    })
                    .collect();
                view! { <Tabs label="Range" tabs /> }
            }}
        }
    };
    let legend = Phase::ALL
        .into_iter()
        .map(|phase| {
            view! {
                <li>
                    <span class=format!("swatch swatch-{}", phase.code())></span>
                    {phase.label()}
                </li>
            }
        })
        .collect_view();
    view! {
        <Card title="Where the time goes" actions=tabs>
            <div class="legend-line">
                <ul class="legend" role="list">
                    {legend}
                </ul>
            </div>
            <Drawn data=phases label="Where the time goes, phase by phase" />
        </Card>
        <Card title="Health history" note="response, and failed checks">
            <Drawn data=responses label="Response times and failed checks" short=true />
        </Card>
    }
}

/// A chart once there is something to draw.
#[component]
fn Drawn(
    data: Resource<Result<ChartData, AppError>>,
    label: &'static str,
    #[prop(optional)] short: bool,
) -> impl IntoView {
    let error = Memo::new(move |_| data.get().and_then(Result::err));
    let loaded = Memo::new(move |_| data.get().and_then(Result::ok));
    let has_rows = Memo::new(move |_| loaded.with(|data| data.as_ref().map(|data| !data.rows.is_empty())));
    let retry = Callback::new(move |()| data.refetch());
    move || match (error.get(), has_rows.get()) {
        (Some(error), _) => view! { <ErrorState error title="The chart could not be loaded." retry /> }.into_any(),
        (None, None) => view! {
            <div class="card-body">
                <span class="skeleton skeleton-block"></span>
            </div>
        }
        .into_any(),
        (None, Some(false)) => view! { <EmptyNote text="No checks in this range yet." /> }.into_any(),
        (None, Some(true)) => {
            let data = Signal::derive(move || loaded.get().unwrap_or_default());
            view! { <Chart data label short /> }.into_any()
        }
    }
}

/// The last 30 days.
#[component]
pub fn Days(days: Vec<DailyMetric>) -> impl IntoView {
    if days.is_empty() {
        return view! {
            <Card title="Daily metrics">
                <EmptyNote text="The first day is written with the first check." />
            </Card>
        }
        .into_any();
    }
    let rows = days
        .into_iter()
        .map(|day| {
            view! {
                <tr>
                    <th scope="row" class="number">
                        {day.date}
                    </th>
                    <td class="end">
                        <Percent value=day.uptime />
                    </td>
                    <td class="end">
                        <Milliseconds ms=day.avg_response_time_ms />
                    </td>
                    <td class="end">{thousands(day.total.into())}</td>
                    <td class="end">{thousands(day.failed.into())}</td>
                </tr>
            }
        })
        .collect_view();
    let columns = vec![
        Column::words("Day, UTC"),
        Column::numbers("Uptime"),
        Column::numbers("Mean"),
        Column::numbers("Checks"),
        Column::numbers("Failed"),
    ];
    view! {
        <Card title="Daily metrics" note="30 d">
            <div class="days">
                <DataTable caption="Daily metrics" columns compact=true>
                    {rows}
                </DataTable>
            </div>
        </Card>
    }
    .into_any()
}
