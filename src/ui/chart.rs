//! Charts: drawn by ECharts in the browser, with the same numbers as a table beside them.
//!
//! The options are made on the server and arrive as JSON. The drawing code is `/charts.js`, fetched when the first
//! chart comes into a page. Until then, without JavaScript, and where it cannot be fetched, the table is what there is.

use leptos::{html, prelude::*, task::spawn_local};
use serde::{Deserialize, Serialize};
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};
use wasm_bindgen_futures::JsFuture;

use super::{table::Column, time::short_utc};
use crate::timestamp::Timestamp;

#[wasm_bindgen(inline_js = "export const load = (address) => import(address);")]
extern "C" {
    /// JavaScript's `import()`, which has no binding of its own.
    #[wasm_bindgen(catch)]
    fn load(address: &str) -> Result<js_sys::Promise, JsValue>;
}

#[wasm_bindgen]
extern "C" {
    /// The module `/charts.js`.
    type Charts;
    #[wasm_bindgen(method, catch)]
    fn mount(this: &Charts, element: &web_sys::Element, option: &str) -> Result<Drawing, JsValue>;

    /// A chart in the page.
    type Drawing;
    #[wasm_bindgen(method)]
    fn set(this: &Drawing, option: &str);
    #[wasm_bindgen(method)]
    fn dispose(this: &Drawing);
}

/// What a chart shows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChartData {
    /// ECharts options as JSON; colours may be `var(--name)`.
    pub option: String,
    /// The heads of the table's columns after the time.
    pub columns: Vec<String>,
    /// The same numbers, newest first.
    pub rows: Vec<ChartRow>,
}

/// One line of the table beside a chart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChartRow {
    /// When.
    pub at: Timestamp,
    /// The cells as they are read, in the order of the columns.
    pub cells: Vec<String>,
}

async fn draw(element: &web_sys::Element, option: &str) -> Result<Drawing, JsValue> {
    let module = JsFuture::from(load("/charts.js")?).await?;
    module.unchecked_into::<Charts>().mount(element, option)
}

/// A chart and its table.
#[component]
pub fn Chart(
    /// What it shows.
    #[prop(into)]
    data: Signal<ChartData>,
    /// What it is, for those who hear it.
    #[prop(into)]
    label: String,
    /// Lower than usual.
    #[prop(optional)]
    short: bool,
) -> impl IntoView {
    let canvas = NodeRef::<html::Div>::new();
    let failed = RwSignal::new(false);

    // All that belongs to JavaScript is made within the effect, so never on the server, whose pages wander
    // between threads.
    Effect::new(move |_| {
        let Some(element) = canvas.get() else { return };
        let drawing = StoredValue::new_local(None::<Drawing>);
        Effect::new(move |earlier: Option<()>| {
            let option = data.with(|data| data.option.clone());
            if earlier.is_some() {
                drawing.with_value(|drawing| drawing.iter().for_each(|drawing| drawing.set(&option)));
                return;
            }
            let element = element.clone();
            spawn_local(async move {
                let Ok(new) = draw(&element, &option).await else {
                    let _ = failed.try_set(true);
                    return;
                };
                // The newest options, which may have come while the code was fetched.
                let latest = data.try_with_untracked(|data| data.option.clone()).filter(|latest| *latest != option);
                if let Some(latest) = latest {
                    new.set(&latest);
                }
                // The page may have gone meanwhile.
                if let Some(new) = drawing.try_set_value(Some(new)).flatten() {
                    new.dispose();
                }
            });
        });
        on_cleanup(move || {
            if let Some(drawing) = drawing.try_update_value(Option::take).flatten() {
                drawing.dispose();
            }
        });
    });

    let class = move || match (short, failed.get()) {
        (_, true) => "chart chart-only-table",
        (true, false) => "chart chart-short",
        (false, false) => "chart",
    };
    let table_label = format!("{label}, as a table");
    let switch = format!("table-{}", label.to_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "-"));
    view! {
        <div class=class>
            <div class="chart-pad">
                <div node_ref=canvas class="chart-canvas" role="img" aria-label=label></div>
            </div>
            // A box to tick, so that the table can be had before and without any script.
            <input type="checkbox" class="chart-switch visually-hidden" id=switch.clone() />
            <label class="disclose" for=switch>
                "Show as table"
            </label>
            <div class="chart-table">
                {move || data.with(|data| view! { <ChartTable data=data.clone() caption=table_label.clone() /> })}
            </div>
        </div>
    }
}

#[component]
fn ChartTable(data: ChartData, caption: String) -> impl IntoView {
    let mut columns = vec![Column::words("Time")];
    columns.extend(data.columns.into_iter().map(Column::numbers));
    let rows = data
        .rows
        .into_iter()
        .map(|row| {
            let cells = row.cells.into_iter().map(|cell| view! { <td class="end">{cell}</td> }).collect_view();
            view! {
                <tr>
                    <th scope="row">
                        <time datetime=row.at.rfc3339()>{short_utc(row.at)}</time>
                    </th>
                    {cells}
                </tr>
            }
        })
        .collect_view();
    view! {
        <super::DataTable caption columns compact=true>
            {rows}
        </super::DataTable>
    }
}
