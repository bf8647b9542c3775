//! Times. The server writes UTC, the browser the reader's own zone and how long ago it was; the exact UTC time
//! is always in `title` and `datetime`.

use std::time::Duration;

use leptos::prelude::*;

use crate::timestamp::Timestamp;

/// The clock of the page.
#[derive(Clone, Copy, Debug)]
struct Now(RwSignal<Option<i64>>);

/// Starts the clock that [`TimeAgo`] reads; once, in the application.
pub fn provide_now() {
    let now = Now(RwSignal::new(None));
    provide_context(now);
    Effect::new(move |_| {
        let read = move || {
            #[expect(clippy::cast_possible_truncation, reason = "milliseconds since 1970 fit for 292 million years")]
            let seconds = (js_sys::Date::now() / 1_000.0) as i64;
            now.0.set(Some(seconds));
        };
        read();
        if let Ok(handle) = set_interval_with_handle(read, Duration::from_secs(1)) {
            on_cleanup(move || handle.clear());
        }
    });
}

/// The present moment in seconds since the epoch, renewed each second.
///
/// Nothing until what asks for it has come to life: its first rendering in the browser must equal the server's, and
/// parts of a page come to life when the clock is running already.
#[must_use]
pub fn use_now() -> Signal<Option<i64>> {
    let Some(Now(clock)) = use_context() else { return Signal::stored(None) };
    let is_alive = RwSignal::new(false);
    Effect::new(move |_| is_alive.set(true));
    Signal::derive(move || if is_alive.get() { clock.get() } else { None })
}

/// A length of time in its largest unit: `12 s`, `4 min`, `3 h`, `5 d`.
#[must_use]
pub fn span(seconds: i64) -> String {
    let seconds = seconds.max(0);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// A length of time in its two largest units: `8 min 12 s`, `3 h 4 min`.
#[must_use]
pub fn long_span(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let (large, small) = match seconds {
        0..60 => return format!("{seconds} s"),
        60..3_600 => ((seconds / 60, "min"), (seconds % 60, "s")),
        3_600..86_400 => ((seconds / 3_600, "h"), (seconds % 3_600 / 60, "min")),
        _ => ((seconds / 86_400, "d"), (seconds % 86_400 / 3_600, "h")),
    };
    if small.0 == 0 {
        format!("{} {}", large.0, large.1)
    } else {
        format!("{} {} {} {}", large.0, large.1, small.0, small.1)
    }
}

/// `12 s ago`, `in 4 min`, `now`.
#[must_use]
pub fn relative(at: Timestamp, now_s: i64) -> String {
    let ago = now_s.saturating_sub(at.seconds());
    match ago {
        // The clocks of browser and server are never quite the same.
        -2..=2 => "now".to_owned(),
        3.. => format!("{} ago", span(ago)),
        _ => format!("in {}", span(ago.saturating_neg())),
    }
}

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// `22 Aug 14:32 UTC`: what the server writes where the browser will say how long ago it was.
#[must_use]
pub fn short_utc(at: Timestamp) -> String {
    let at = ::time::OffsetDateTime::from(at);
    let month = MONTHS.get(usize::from(u8::from(at.month()) - 1)).copied().unwrap_or_default();
    format!("{} {month} {:02}:{:02} UTC", at.day(), at.hour(), at.minute())
}

/// `14:32 UTC`: the same where there is little room.
fn time_of_day_utc(at: Timestamp) -> String {
    let at = ::time::OffsetDateTime::from(at);
    format!("{:02}:{:02} UTC", at.hour(), at.minute())
}

/// The parts of a moment in the reader's zone; browser only.
fn local(at: Timestamp) -> js_sys::Date {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 stay exact for 285,000 years")]
    js_sys::Date::new(&wasm_bindgen::JsValue::from_f64(at.millis() as f64))
}

fn local_day_and_time(at: Timestamp) -> String {
    let date = local(at);
    let month = usize::try_from(date.get_month()).ok().and_then(|month| MONTHS.get(month)).copied().unwrap_or_default();
    format!("{} {month} {:02}:{:02}:{:02}", date.get_date(), date.get_hours(), date.get_minutes(), date.get_seconds())
}

fn local_time_of_day(at: Timestamp) -> String {
    let date = local(at);
    format!("{:02}:{:02}:{:02}", date.get_hours(), date.get_minutes(), date.get_seconds())
}

/// How long ago something was, or how soon it will be, kept up to date.
#[component]
pub fn TimeAgo(
    /// The moment.
    at: Timestamp,
    /// Without "ago" and "in", where the column's head says it.
    #[prop(optional)]
    bare: bool,
) -> impl IntoView {
    let now = use_now();
    // A memo, so that the page changes when the words do and not each second.
    let words = Memo::new(move |_| match now.get() {
        None if bare => time_of_day_utc(at),
        None => short_utc(at),
        Some(now) if bare => span(now.saturating_sub(at.seconds()).abs()),
        Some(now) => relative(at, now),
    });
    let alive = Memo::new(move |_| now.get().is_some());
    let exact =
        move || if alive.get() { format!("{} (yours), {}", local_day_and_time(at), at.utc()) } else { at.utc() };
    view! {
        <time datetime=at.rfc3339() title=exact>
            {words}
        </time>
    }
}

/// A moment in the reader's zone: the time of day today, day and time before.
#[component]
pub fn LocalTime(
    /// The moment.
    at: Timestamp,
) -> impl IntoView {
    let now = use_now();
    let words = Memo::new(move |_| match now.get() {
        None => short_utc(at),
        Some(now) if (now - 43_200..=now + 43_200).contains(&at.seconds()) => local_time_of_day(at),
        Some(_) => local_day_and_time(at),
    });
    view! {
        <time datetime=at.rfc3339() title=at.utc()>
            {words}
        </time>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_how_long_ago_in_the_largest_unit() {
        let at = Timestamp::from_micros(1_000_000_000_000);
        for (later, words) in [
            (0, "now"),
            (12, "12 s ago"),
            (59, "59 s ago"),
            (60, "1 min ago"),
            (3_600, "1 h ago"),
            (86_400, "24 h ago"),
            (172_800, "2 d ago"),
            (-48, "in 48 s"),
        ] {
            assert_eq!(relative(at, 1_000_000 + later), words);
        }
    }

    #[test]
    fn spans_have_two_units_and_no_empty_one() {
        for (seconds, words) in [(5, "5 s"), (492, "8 min 12 s"), (7_200, "2 h"), (90_061, "1 d 1 h"), (-3, "0 s")] {
            assert_eq!(long_span(seconds), words);
        }
    }

    #[test]
    fn the_servers_words_name_their_zone() {
        assert_eq!(short_utc(Timestamp::from_micros(1_787_409_125_120_000)), "22 Aug 14:32 UTC");
    }
}
