//! The last 24 hours of a connection as bars: height is latency, colour is status.

use leptos::prelude::*;

use wasm_bindgen::JsCast;

use super::{
    number,
    status::word,
    time::{relative, short_utc, use_now},
};
use crate::health::{Beat, BeatStrip, Status};

/// Units of one bar and its gap.
const STEP: u16 = 50;
/// Units of the bar itself.
const WIDTH: u16 = 34;
/// Units of the highest bar.
const HEIGHT: u16 = 260;
/// Units of the rounding at a bar's top.
const ROUND: u16 = 17;

/// How high the bar of a beat is, where `highest` ms fill the box. The square root keeps a normal day visible
/// beside one slow moment.
fn height(beat: &Beat, highest: u32) -> u16 {
    match (beat.status, beat.response_time_ms) {
        (None, _) => 50,
        (Some(Status::Down), _) => HEIGHT,
        (Some(_), None) => 70,
        (Some(_), Some(ms)) => {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a share of 170 units, never negative"
            )]
            let more = (170.0 * (f64::from(ms) / f64::from(highest)).sqrt()) as u16;
            70 + more.min(170)
        }
    }
}

/// One path for the bars of each status, so that a strip is a handful of elements and not one for each half hour.
fn paths(beats: &[Beat]) -> Vec<(&'static str, String)> {
    let highest = beats.iter().filter_map(|beat| beat.response_time_ms).max().unwrap_or_default().max(40);
    let mut paths: Vec<(&'static str, String)> = Vec::new();
    for (x, beat) in (0..).step_by(STEP.into()).zip(beats) {
        let fill = beat.status.map_or("fill-none", fill);
        let side = height(beat, highest) - ROUND;
        let bar = format!("M{x} {HEIGHT}v-{side}a{ROUND} {ROUND} 0 0 1 {WIDTH} 0v{side}z");
        match paths.iter_mut().find(|(class, _)| *class == fill) {
            Some((_, path)) => path.push_str(&bar),
            None => paths.push((fill, bar)),
        }
    }
    paths
}

const fn fill(status: Status) -> &'static str {
    match status {
        Status::Healthy => "fill-healthy",
        Status::Degraded => "fill-degraded",
        Status::Down => "fill-down",
        Status::Unknown => "fill-unknown",
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
    /// What they show.
    beats: BeatStrip,
) -> impl IntoView {
    let now = use_now();
    let chosen = RwSignal::new(None::<usize>);
    let beats: Vec<Beat> = beats.iter().collect();
    let count = beats.len();
    let label = summary(&beats);
    let bars = paths(&beats).into_iter().map(|(class, d)| view! { <path class=class d=d /> }).collect_view();
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
    let mark = move || {
        chosen.get().map(|index| {
            let x = u16::try_from(index).unwrap_or(u16::MAX).saturating_mul(STEP);
            view! { <rect class="beat-chosen" x=x y="0" width=WIDTH height=HEIGHT rx=ROUND /> }
        })
    };
    let point = move |event: leptos::ev::PointerEvent| {
        let Some(target) = event.current_target() else { return };
        let area = target.unchecked_into::<web_sys::Element>().get_bounding_client_rect();
        let share = (f64::from(event.client_x()) - area.left()) / area.width().max(1.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "some dozens of bars"
        )]
        let index = (share.max(0.0) * count as f64) as usize;
        let index = Some(index.min(count.saturating_sub(1)));
        if chosen.get_untracked() != index {
            chosen.set(index);
        }
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
            on:pointermove=point
            on:pointerdown=point
            on:pointerleave=move |_| chosen.set(None)
        >
            <svg
                viewBox=format!("0 0 {width} {HEIGHT}")
                preserveAspectRatio="none"
                aria-hidden="true"
                focusable="false"
            >
                {bars}
                {mark}
            </svg>
            <span class="beats-tip" role="status">
                {tip}
            </span>
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timestamp::Timestamp;

    #[test]
    fn a_strip_is_one_path_for_each_status() {
        let beats = [(None, None), (Some(Status::Healthy), Some(12)), (Some(Status::Down), None), (None, None)];
        let beats: Vec<Beat> = BeatStrip::new(Timestamp::from_micros(0), beats).iter().collect();
        let paths = paths(&beats);
        let bars = |class: &str| {
            paths.iter().find(|(of, _)| *of == class).map(|(_, path)| path.matches('M').count()).unwrap_or_default()
        };
        assert_eq!(paths.len(), 3);
        assert_eq!((bars("fill-none"), bars("fill-healthy"), bars("fill-down")), (2, 1, 1));
    }

    #[test]
    fn no_bar_leaves_the_box() {
        for (status, ms) in [(None, None), (Some(Status::Down), None), (Some(Status::Healthy), Some(u32::MAX))] {
            let beat = Beat { at: Timestamp::from_micros(0), status, response_time_ms: ms };
            assert!((ROUND..=HEIGHT).contains(&height(&beat, 40)), "{status:?}");
        }
    }
}
