//! The last 24 hours of a connection as bars: height is latency, colour is status.

use leptos::prelude::*;

use super::{
    number,
    status::word,
    time::{relative, short_utc, use_now},
};
use crate::health::{Beat, Status};

/// Units of one bar and its gap.
const STEP: u16 = 5;
/// Units of the bar itself.
const WIDTH: &str = "3.4";
/// Units of the highest bar.
const HEIGHT: f64 = 26.0;

/// How high the bar of a beat is, where `highest` ms fill the box. The square root keeps a normal day visible
/// beside one slow moment.
fn height(beat: &Beat, highest: f64) -> f64 {
    match (beat.status, beat.response_time_ms) {
        (None, _) => 5.0,
        (Some(Status::Down), _) => HEIGHT,
        (Some(_), None) => 7.0,
        (Some(_), Some(ms)) => 7.0 + (HEIGHT - 9.0) * (f64::from(ms) / highest).sqrt(),
    }
}

fn words(beat: &Beat) -> String {
    match (beat.status, beat.response_time_ms) {
        (None, _) => "no check".to_owned(),
        (Some(status), None) => word(status, false).to_lowercase(),
        (Some(status), Some(ms)) => {
            format!("{}, {} ms", word(status, false).to_lowercase(), number::thousands(ms.into()))
        }
    }
}

/// What the bars say, in a sentence.
fn summary(beats: &[Beat]) -> String {
    let of = |status: Status| beats.iter().filter(|beat| beat.status == Some(status)).count();
    let (down, degraded) = (of(Status::Down), of(Status::Degraded));
    match (down, degraded) {
        (0, 0) if of(Status::Healthy) == 0 => "Last 24 hours: no checks".to_owned(),
        (0, 0) => "Last 24 hours: healthy throughout".to_owned(),
        _ => format!("Last 24 hours: down in {down} and degraded in {degraded} of {} half hours", beats.len()),
    }
}

/// The bars. Each is read out on hover, by touch, and with the arrow keys.
#[component]
pub fn Beats(
    /// Oldest first.
    beats: Vec<Beat>,
) -> impl IntoView {
    let now = use_now();
    let chosen = RwSignal::new(None::<usize>);
    let count = beats.len();
    let label = summary(&beats);
    let highest = beats.iter().filter_map(|beat| beat.response_time_ms).max().map_or(1.0, |ms| f64::from(ms.max(40)));
    let bars = beats
        .iter()
        .enumerate()
        .map(|(index, beat)| {
            let height = height(beat, highest);
            let fill = beat.status.map_or("none", Status::code);
            let x = u16::try_from(index).unwrap_or(u16::MAX).saturating_mul(STEP);
            view! {
                <rect
                    class=format!("beat fill-{fill}")
                    class:beat-chosen=move || chosen.get() == Some(index)
                    x=x.to_string()
                    y=format!("{:.1}", HEIGHT - height)
                    width=WIDTH
                    height=format!("{height:.1}")
                    rx="1.4"
                    on:pointerenter=move |_| chosen.set(Some(index))
                />
            }
        })
        .collect_view();
    let width = u16::try_from(count).unwrap_or(u16::MAX).saturating_mul(STEP);
    let beats = StoredValue::new(beats);
    let tip = move || {
        chosen.get().and_then(|index| {
            beats.with_value(|beats| {
                beats.get(index).map(|beat| {
                    let when = now.get().map_or_else(|| short_utc(beat.at), |now| relative(beat.at, now));
                    format!("{when}: {}", words(beat))
                })
            })
        })
    };
    let step = move |event: leptos::ev::KeyboardEvent| {
        let last = count.saturating_sub(1);
        let next = match (event.key().as_str(), chosen.try_get_untracked().flatten()) {
            ("ArrowLeft", None) | ("End", _) => last,
            ("ArrowLeft", Some(index)) => index.saturating_sub(1),
            ("ArrowRight", None) | ("Home", _) => 0,
            ("ArrowRight", Some(index)) => (index + 1).min(last),
            ("Escape", _) => return chosen.set(None),
            _ => return,
        };
        event.prevent_default();
        chosen.set(Some(next));
    };
    view! {
        <div
            class="beats"
            role="group"
            aria-roledescription="Bars of 24 hours"
            aria-label=label
            tabindex="0"
            on:keydown=step
            on:blur=move |_| chosen.set(None)
            on:pointerleave=move |_| chosen.set(None)
        >
            <svg
                viewBox=format!("0 0 {width} 26")
                preserveAspectRatio="none"
                aria-hidden="true"
                focusable="false"
            >
                {bars}
            </svg>
            <span class="beats-tip" role="status">
                {tip}
            </span>
        </div>
    }
}
