//! Numbers as people read them: thousands apart, units after the number in a quieter tone.

use leptos::prelude::*;

/// What stands where there is no number.
pub const NONE: &str = "–";

/// `12,345`.
#[must_use]
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Milliseconds: whole from 10 on, one decimal below; thousands apart.
#[must_use]
pub fn milliseconds(ms: f64) -> String {
    if ms.is_nan() || ms < 0.0 {
        return NONE.to_owned();
    }
    if ms < 9.95 {
        let text = format!("{ms:.1}");
        return text.strip_suffix(".0").map_or(text.clone(), str::to_owned);
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "not negative; saturates beyond any wait"
    )]
    thousands(ms.round() as u64)
}

/// A percentage with at most two decimals that never claims 100 where it is less, nor 0 where it is more.
#[must_use]
pub fn percent(percent: f64) -> String {
    if percent.is_nan() {
        return NONE.to_owned();
    }
    let cut = if percent < 100.0 { percent.min(99.99) } else { percent };
    let cut = if cut > 0.0 { cut.max(0.01) } else { cut };
    let text = format!("{cut:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A number with its unit.
#[component]
pub fn Quantity(
    /// The number as it is read.
    #[prop(into)]
    value: String,
    /// Its unit; nothing for a plain count.
    #[prop(optional, into)]
    unit: Option<String>,
) -> impl IntoView {
    let unit = unit.filter(|_| value != NONE);
    view! {
        <span class="number">
            {value} {unit.map(|unit| view! { <span class="unit">{unit}</span> })}
        </span>
    }
}

/// Milliseconds, or a dash.
#[component]
pub fn Milliseconds(
    /// How many.
    ms: Option<f64>,
) -> impl IntoView {
    view! { <Quantity value=ms.map_or_else(|| NONE.to_owned(), milliseconds) unit="ms" /> }
}

/// Percent, or a dash.
#[component]
pub fn Percent(
    /// Of a hundred.
    value: Option<f64>,
) -> impl IntoView {
    view! { <Quantity value=value.map_or_else(|| NONE.to_owned(), percent) unit="%" /> }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_thousands_apart() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(thousands(number), text);
        }
    }

    #[test]
    fn small_milliseconds_keep_a_decimal() {
        for (ms, text) in [(0.04, "0"), (0.44, "0.4"), (9.94, "9.9"), (9.97, "10"), (3_412.4, "3,412"), (-1.0, "–")] {
            assert_eq!(milliseconds(ms), text);
        }
    }

    #[test]
    fn never_rounds_to_perfect_or_to_nothing() {
        for (value, text) in [(100.0, "100"), (99.999, "99.99"), (99.9, "99.9"), (0.0, "0"), (0.001, "0.01")] {
            assert_eq!(percent(value), text);
        }
    }
}
