//! The parts of a dashboard that say what is: figures, the failure, the certificate, checks, errors.

use leptos::prelude::*;

use crate::{
    connections::Provider,
    health::{ConnectionHealth, ErrorRow, RecentCheck, RetryAnalytics, Status},
    probe::TlsFacts,
    provider_docs::cause_path,
    retry::BreakerState,
    timestamp::Timestamp,
    ui::{
        Card, Column, CopyButton, DataTable, EmptyNote, Figure, Figures, LocalTime, Milliseconds, NoticeBox, Percent,
        Quantity, StatusMark, Tag, TimeAgo, Tone,
        number::{NONE, percent, thousands},
        time::long_span,
    },
};

const DAY_S: i64 = 86_400;

/// Whole days from `seen_at` to `until`.
fn days_until(until: Timestamp, seen_at: Timestamp) -> i64 {
    (until.seconds() - seen_at.seconds()).div_euclid(DAY_S)
}

/// What went wrong, while it goes wrong: what happened, why, what to do.
#[component]
pub fn Failing(facts: ConnectionHealth) -> impl IntoView {
    (facts.status == Status::Down && facts.paused_at.is_none()).then(|| {
        let title = facts.cause.map_or("It does not answer", crate::probe::Cause::title);
        let advice = facts.cause.map(crate::probe::Cause::advice);
        let place = facts.failed_phase.map(|phase| format!("It stopped at {}.", phase.label()));
        let code = facts.error_code.map(|code| view! { <Tag tone=Tone::Down>{code}</Tag> });
        let message = facts.error_message.map(|message| view! { <p class="failure-message">{message}</p> });
        view! {
            <NoticeBox tone=Tone::Down title>
                <div class="failure">
                    <p>{advice} " " {place}</p>
                    {message}
                    {code}
                </div>
            </NoticeBox>
        }
    })
}

/// The strip of figures.
#[component]
pub fn Strip(facts: ConnectionHealth, analytics: Option<RetryAnalytics>) -> impl IntoView {
    let p95 = facts.p95_ms.map(|ms| format!("p95 {} ms", thousands(ms.into())));
    let down = match facts.down_seconds_30d {
        0 => "never down".to_owned(),
        seconds => format!("down {}", long_span(seconds.into())),
    };
    let error_rate = (facts.checks_24h > 0).then(|| f64::from(facts.failed_24h) / f64::from(facts.checks_24h) * 100.0);
    let failed = format!("{} of {} checks", thousands(facts.failed_24h.into()), thousands(facts.checks_24h.into()));
    let (helped, breaker) = analytics.map_or((None, String::new()), |analytics| {
        let again = analytics.by_attempt.iter().filter(|rate| rate.attempt > 1);
        let (tries, successes) =
            again.fold((0_u32, 0_u32), |(tries, successes), rate| (tries + rate.tries, successes + rate.successes));
        let helped = (tries > 0).then(|| f64::from(successes) / f64::from(tries) * 100.0);
        (helped, format!("circuit {}", breaker_word(analytics.breaker.state)))
    });
    let certificate = facts.tls.as_ref().and_then(|tls| {
        let leaf = tls.chain.first()?;
        Some((days_until(leaf.not_after, facts.last_check_at?), leaf.issuer.clone()))
    });
    let (days, issuer) = certificate.map_or((None, None), |(days, issuer)| (Some(days), Some(issuer)));
    let days = days.map_or(NONE.to_owned(), |days| u64::try_from(days).map_or_else(|_| "ended".to_owned(), thousands));
    let unit = (days != "ended").then(|| "days".to_owned());
    let issuer =
        issuer.unwrap_or_else(|| if facts.last_check_at.is_some() { "no TLS".to_owned() } else { String::new() });
    let retried = helped.map_or(NONE.to_owned(), percent);
    view! {
        <Figures label="This connection">
            <Figure label="Response" note=move || p95.clone()>
                <Milliseconds ms=facts.response_time_ms.map(f64::from) />
            </Figure>
            <Figure label="Uptime, 30 d" note=move || down.clone()>
                <Percent value=facts.uptime_30d />
            </Figure>
            <Figure label="Error rate, 24 h" note=move || failed.clone()>
                <Percent value=error_rate />
            </Figure>
            <Figure label="Retries that helped" note=move || breaker.clone()>
                <Quantity value=retried unit="%" />
            </Figure>
            <Figure label="Certificate" note=move || issuer.clone()>
                <Quantity value=days unit=unit.unwrap_or_default() />
            </Figure>
        </Figures>
    }
}

/// How a circuit breaker's state is said.
pub const fn breaker_word(state: BreakerState) -> &'static str {
    match state {
        BreakerState::Closed => "closed",
        BreakerState::Open => "open",
        BreakerState::HalfOpen => "half open",
    }
}

/// The certificate that the server offered, verified or not.
#[component]
pub fn Certificate(tls: TlsFacts, seen_at: Option<Timestamp>) -> impl IntoView {
    let verified = tls.verified;
    let version = tls.version.clone();
    let cipher = tls.cipher.clone();
    let leaf = tls.chain.first().cloned();
    let tag = move || {
        if verified {
            view! { <Tag tone=Tone::Healthy>"Verified"</Tag> }
        } else {
            view! { <Tag tone=Tone::Degraded>"Not verified"</Tag> }
        }
    };
    let body = match leaf {
        None => view! { <EmptyNote text="The server showed no certificate." /> }.into_any(),
        Some(leaf) => {
            let days = seen_at.map(|seen_at| days_until(leaf.not_after, seen_at));
            let ends = match days {
                Some(..0) => Some(view! { <Tag tone=Tone::Down>"ended"</Tag> }),
                Some(days @ 0..=14) => Some(view! { <Tag tone=Tone::Degraded>{format!("{days} days left")}</Tag> }),
                _ => None,
            };
            view! {
                <div class="card-body">
                    <dl class="facts">
                        <dt>"For"</dt>
                        <dd>{leaf.subject}</dd>
                        <dt>"Issued by"</dt>
                        <dd>{leaf.issuer}</dd>
                        <dt>"Valid until"</dt>
                        <dd class="row">
                            <time datetime=leaf.not_after.rfc3339()>{leaf.not_after.utc()}</time>
                            {ends}
                        </dd>
                        <dt>"Names"</dt>
                        <dd>{if leaf.names.is_empty() { NONE.to_owned() } else { leaf.names.join(", ") }}</dd>
                        {version.map(|version| view! { <dt>"TLS"</dt> <dd>{version} {cipher.map(|cipher| format!(", {cipher}"))}</dd> })}
                        <dt>"SHA-256"</dt>
                        <dd class="mono small">{leaf.sha256.clone()} <CopyButton text=leaf.sha256 label="Copy the fingerprint" /></dd>
                    </dl>
                </div>
            }
                .into_any()
        }
    };
    view! {
        <Card title="Certificate" actions=tag>
            {body}
        </Card>
    }
}

/// Who asked, in a word.
fn origin_word(origin: &str) -> &'static str {
    match origin {
        "person" => "asked for",
        "token" => "by token",
        "cron" => "by cron",
        "retry" => "retry",
        _ => "schedule",
    }
}

/// The last checks.
#[component]
pub fn RecentChecks(checks: Vec<RecentCheck>) -> impl IntoView {
    if checks.is_empty() {
        return view! {
            <Card title="Recent checks">
                <EmptyNote text="The first check runs within ten seconds of saving." />
            </Card>
        }
        .into_any();
    }
    let rows = checks
        .into_iter()
        .map(|check| {
            let what = match (check.cause, check.message) {
                (Some(cause), message) => {
                    let place = check.failed_phase.map(|phase| format!(" · {}", phase.label()));
                    view! {
                        <span title=message>{cause.title()} {place}</span>
                    }
                    .into_any()
                }
                (None, Some(message)) => view! { <span>{message}</span> }.into_any(),
                (None, None) => ().into_any(),
            };
            let attempts = (check.attempts > 1).then(|| format!("{} attempts", check.attempts));
            view! {
                <tr>
                    <th scope="row" class="quiet snug">
                        <LocalTime at=check.at />
                    </th>
                    <td class="snug">
                        <StatusMark status=check.status />
                    </td>
                    <td class="end">
                        <Milliseconds ms=check.response_time_ms.map(f64::from) />
                    </td>
                    <td class="small">{what}</td>
                    <td class="small quiet wide-only snug">
                        {origin_word(&check.origin)} {attempts.map(|attempts| format!(", {attempts}"))}
                    </td>
                </tr>
            }
        })
        .collect_view();
    let columns = vec![
        Column::words("Time"),
        Column::words("Status"),
        Column::numbers("Response"),
        Column::words("Found"),
        Column::words("Why checked").class("wide-only"),
    ];
    view! {
        <Card title="Recent checks">
            <DataTable caption="Recent checks" columns compact=true>
                {rows}
            </DataTable>
        </Card>
    }
    .into_any()
}

/// The causes that came, each once.
#[component]
pub fn Errors(errors: Vec<ErrorRow>, provider: Option<Provider>) -> impl IntoView {
    if errors.is_empty() {
        return view! {
            <Card title="Errors">
                <EmptyNote text="No check of this connection has failed." />
            </Card>
        }
        .into_any();
    }
    let rows = errors
        .into_iter()
        .map(|error| {
            let place = error.failed_phase.map(|phase| format!(" at {}", phase.label()));
            let code = error.code.map(|code| format!(" · {code}"));
            let cause = match provider {
                Some(provider) => {
                    view! { <a href=cause_path(provider, error.cause)>{error.cause.code()}</a> }.into_any()
                }
                None => error.cause.code().into_any(),
            };
            view! {
                <tr>
                    <th scope="row">
                        <span class="row">
                            <strong>{error.cause.title()}</strong>
                            {if error.resolved {
                                view! { <Tag>"Over"</Tag> }.into_any()
                            } else {
                                view! { <Tag tone=Tone::Down>"Open"</Tag> }.into_any()
                            }}
                        </span>
                        <span class="failure-message">{error.message}</span>
                        <span class="small quiet">" " {cause} {place} {code}</span>
                    </th>
                    <td class="end">{thousands(error.occurrences.into())}</td>
                    <td class="end small quiet wide-only">
                        <TimeAgo at=error.first_seen_at />
                    </td>
                    <td class="end small quiet">
                        <TimeAgo at=error.last_seen_at />
                    </td>
                </tr>
            }
        })
        .collect_view();
    let columns = vec![
        Column::words("What"),
        Column::numbers("Times"),
        Column::numbers("First").class("wide-only"),
        Column::numbers("Last"),
    ];
    view! {
        <Card title="Errors">
            <DataTable caption="Errors" columns compact=true>
                {rows}
            </DataTable>
        </Card>
    }
    .into_any()
}
