//! Chart options, built here so that the chart library's types stay out of the wasm. Colours are names of the
//! style sheet's custom properties, which the browser fills in.

use charming::{
    Chart,
    component::{Axis, Grid},
    datatype::{CompositeValue, DataPoint},
    element::{AreaStyle, AxisLabel, AxisType, Emphasis, ItemStyle, LineStyle, Symbol, Tooltip, Trigger},
    series::Line,
};

use crate::{
    auth::server::Caller,
    error::AppError,
    health::{History, HistoryPoint, Range},
    ids::ConnectionId,
    probe::Phase,
    timestamp::Timestamp,
    ui::{
        chart::{ChartData, ChartRow},
        number::{NONE, milliseconds, thousands},
    },
};

/// See [`api::response_chart`](super::api::response_chart).
///
/// # Errors
///
/// As the history's.
pub async fn response_chart(caller: &Caller, id: ConnectionId, range: Range) -> Result<ChartData, AppError> {
    let history = crate::health::server::history::history(caller, id, range).await?;
    let span = Span::until(caller.clock().now(), range);
    chart_data(&responses(&history, span), &["Status", "Response", "Checks", "Failed"], &history, |point| {
        vec![
            point.status.label().to_owned(),
            with_unit(point.response_time_ms),
            thousands(point.checks.into()),
            thousands(point.down.into()),
        ]
    })
}

/// See [`api::phases_chart`](super::api::phases_chart).
///
/// # Errors
///
/// As the history's.
pub async fn phases_chart(caller: &Caller, id: ConnectionId, range: Range) -> Result<ChartData, AppError> {
    let history = crate::health::server::history::history(caller, id, range).await?;
    let span = Span::until(caller.clock().now(), range);
    chart_data(&phases(&history, span), &Phase::ALL.map(Phase::label), &history, |point| {
        point.phases_ms.iter().copied().map(with_unit).collect()
    })
}

fn chart_data(
    chart: &Chart,
    columns: &[&str],
    history: &History,
    cells: impl Fn(&HistoryPoint) -> Vec<String>,
) -> Result<ChartData, AppError> {
    Ok(ChartData {
        option: serde_json::to_string(chart).map_err(|error| AppError::internal(&error))?,
        columns: columns.iter().map(|&column| column.to_owned()).collect(),
        rows: history.points.iter().rev().map(|point| ChartRow { at: point.at, cells: cells(point) }).collect(),
    })
}

fn with_unit(ms: Option<f64>) -> String {
    ms.map_or_else(|| NONE.to_owned(), |ms| format!("{} ms", milliseconds(ms)))
}

/// Tenths of milliseconds are as fine as anyone reads, and shorten what is sent.
fn tenths(ms: f64) -> f64 {
    (ms * 10.0).round() / 10.0
}

/// A point on the axis of time; no value leaves a gap.
fn at(point: &HistoryPoint, value: Option<f64>) -> DataPoint {
    DataPoint::from(CompositeValue::Array(vec![CompositeValue::from(point.at.millis()), CompositeValue::from(value)]))
}

/// What the axis of time spans, in milliseconds since the epoch: the range that was asked for, however little of
/// it has been checked.
#[derive(Clone, Copy)]
struct Span {
    from: i64,
    until: i64,
}

impl Span {
    const fn until(now: Timestamp, range: Range) -> Self {
        Self { from: now.plus_seconds(-range.seconds()).millis(), until: now.millis() }
    }
}

fn base(span: Span) -> Chart {
    Chart::new()
        .tooltip(Tooltip::new().trigger(Trigger::Axis))
        .grid(Grid::new().left(8).right(14).top(14).bottom(4).contain_label(true))
        .x_axis(Axis::new().type_(AxisType::Time).min(span.from).max(span.until))
        .y_axis(Axis::new().type_(AxisType::Value).axis_label(AxisLabel::new().formatter("{value} ms")))
}

fn responses(history: &History, span: Span) -> Chart {
    let times = history.points.iter().map(|point| at(point, point.response_time_ms.map(tenths))).collect::<Vec<_>>();
    let failures = history.points.iter().map(|point| at(point, (point.down > 0).then_some(0.0))).collect::<Vec<_>>();
    base(span)
        // Squares on the ground line, as "down" is a square everywhere.
        .series(
            Line::new()
                .name("Failed")
                .symbol(Symbol::Rect)
                .symbol_size(9)
                .show_symbol(true)
                .z(3)
                .line_style(LineStyle::new().width(0))
                .item_style(ItemStyle::new().color("var(--down)"))
                .tooltip(Tooltip::new().trigger(Trigger::None))
                .data(failures),
        )
        .series(
            Line::new()
                .name("Response, ms")
                .symbol(Symbol::Circle)
                .symbol_size(4)
                .show_symbol(history.points.len() <= 60)
                .line_style(LineStyle::new().color("var(--accent)").width(1.8))
                .item_style(ItemStyle::new().color("var(--accent)"))
                .area_style(AreaStyle::new().color("var(--accent)").opacity(0.1))
                .data(times),
        )
}

fn phases(history: &History, span: Span) -> Chart {
    Phase::ALL.into_iter().enumerate().fold(base(span), |chart, (index, phase)| {
        let colour = format!("var(--phase-{})", phase.code());
        let times = history
            .points
            .iter()
            .map(|point| at(point, point.phases_ms.get(index).copied().flatten().map(tenths)))
            .collect::<Vec<_>>();
        chart.series(
            Line::new()
                .name(format!("{}, ms", phase.label()))
                .stack("phases")
                // A point alone makes no area.
                .show_symbol(history.points.len() < 3)
                .symbol(Symbol::Circle)
                .symbol_size(5)
                .emphasis(Emphasis::new().disabled(true))
                .line_style(LineStyle::new().width(0))
                .item_style(ItemStyle::new().color(colour.as_str()))
                .area_style(AreaStyle::new().color(colour.as_str()).opacity(0.86))
                .data(times),
        )
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::health::Status;

    const SPAN: Span = Span { from: 0, until: 180_000 };

    fn history() -> History {
        let point = |seconds: i64, response: Option<f64>, down: u32| HistoryPoint {
            at: Timestamp::from_micros(seconds * 1_000_000),
            status: if down > 0 { Status::Down } else { Status::Healthy },
            response_time_ms: response,
            phases_ms: [Some(0.04), None, None, response, None, None],
            checks: 1,
            down,
        };
        History { bucket_s: 0, points: vec![point(60, Some(12.34), 0), point(120, None, 1)] }
    }

    fn json(chart: &Chart) -> Value {
        serde_json::to_value(chart).expect("options are JSON")
    }

    #[test]
    fn an_unanswered_check_is_a_gap_and_not_a_zero() {
        let option = json(&responses(&history(), SPAN));
        assert_eq!(option["series"][1]["data"], json!([[60_000, 12.3], [120_000, null]]));
        assert_eq!(option["series"][0]["data"], json!([[60_000, null], [120_000, 0.0]]));
    }

    #[test]
    fn phases_are_stacked_in_their_order_with_the_colours_of_the_style_sheet() {
        let option = json(&phases(&history(), SPAN));
        let series = option["series"].as_array().expect("series");
        assert_eq!(series.len(), 6);
        for (series, phase) in series.iter().zip(Phase::ALL) {
            assert_eq!(series["stack"], "phases");
            assert_eq!(series["areaStyle"]["color"], format!("var(--phase-{})", phase.code()));
        }
    }

    #[test]
    fn the_axis_spans_the_range_however_little_was_checked() {
        let span = Span::until(Timestamp::from_micros(7_200_000_000), Range::Hour);
        let option = json(&phases(&History::default(), span));
        assert_eq!(option["xAxis"]["min"], 3_600_000);
        assert_eq!(option["xAxis"]["max"], 7_200_000);
    }

    #[test]
    fn options_hold_no_functions() {
        let text = json(&responses(&history(), SPAN)).to_string() + &json(&phases(&history(), SPAN)).to_string();
        assert!(!text.contains("function") && !text.contains("=>"));
    }
}
