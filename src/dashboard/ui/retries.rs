//! Whether trying again helped, and where the circuit breaker stands.

use leptos::prelude::*;

use super::facts::breaker_word;
use crate::{
    health::{BreakerView, RetryAnalytics, api::ResetBreaker},
    ids::ConnectionId,
    retry::BreakerState,
    ui::{Button, Card, Column, DataTable, EmptyNote, IconName, Percent, Tag, TimeAgo, Tone, number::thousands},
};

fn rate(part: u32, of: u32) -> Option<f64> {
    (of > 0).then(|| f64::from(part) / f64::from(of) * 100.0)
}

/// Retries of 30 days.
#[component]
pub fn Retries(id: ConnectionId, analytics: RetryAnalytics, reset: ServerAction<ResetBreaker>) -> impl IntoView {
    let breaker = analytics.breaker;
    let tag = move || {
        let tone = match breaker.state {
            BreakerState::Closed => Tone::Healthy,
            BreakerState::Open => Tone::Down,
            BreakerState::HalfOpen => Tone::Degraded,
        };
        view! { <Tag tone>{format!("Circuit {}", breaker_word(breaker.state))}</Tag> }
    };
    let by_attempt = analytics
        .by_attempt
        .iter()
        .map(|row| {
            view! {
                <tr>
                    <th scope="row">{if row.attempt == 1 { "First".to_owned() } else { format!("{}.", row.attempt) }}</th>
                    <td class="end">{thousands(row.tries.into())}</td>
                    <td class="end">
                        <Percent value=rate(row.successes, row.tries) />
                    </td>
                </tr>
            }
        })
        .collect_view();
    let by_cause = analytics
        .by_cause
        .iter()
        .map(|row| {
            view! {
                <tr>
                    <th scope="row">{row.cause.title()}</th>
                    <td class="end">{thousands(row.failures.into())}</td>
                    <td class="end">
                        <Percent value=rate(row.recovered, row.failures) />
                    </td>
                </tr>
            }
        })
        .collect_view();
    let attempts = if analytics.by_attempt.is_empty() {
        view! { <EmptyNote text="No check had to be tried again in the last 30 days." /> }.into_any()
    } else {
        let columns = vec![Column::words("Attempt"), Column::numbers("Made"), Column::numbers("Connected")];
        view! {
            <DataTable caption="Retries by attempt, 30 days" columns compact=true>
                {by_attempt}
            </DataTable>
        }
        .into_any()
    };
    let causes = (!analytics.by_cause.is_empty()).then(|| {
        let columns = vec![Column::words("Cause"), Column::numbers("Failed"), Column::numbers("Recovered")];
        view! {
            <DataTable caption="Retries by cause, 30 days" columns compact=true>
                {by_cause}
            </DataTable>
        }
    });
    view! {
        <Card title="Retries" note="30 d" actions=tag>
            <Breaker id breaker reset />
            {attempts}
            {causes}
        </Card>
    }
}

/// What the breaker does, and the way to close it.
#[component]
fn Breaker(id: ConnectionId, breaker: BreakerView, reset: ServerAction<ResetBreaker>) -> impl IntoView {
    let count = format!(
        "{} of {} failed attempts in the last hour",
        thousands(breaker.failures_last_hour.into()),
        thousands(breaker.limit.into())
    );
    let words = match (breaker.state, breaker.open_until) {
        (BreakerState::Closed, _) => view! { <span class="small quiet">{count}</span> }.into_any(),
        (BreakerState::Open, Some(at)) => view! {
            <span class="small">
                "Retries are held back. One trial " <TimeAgo at /> "."
            </span>
        }
        .into_any(),
        (BreakerState::Open, None) => view! { <span class="small">"Retries are held back."</span> }.into_any(),
        (BreakerState::HalfOpen, _) => {
            view! { <span class="small">"One trial decides whether retries go on."</span> }.into_any()
        }
    };
    let button = (breaker.state != BreakerState::Closed).then(|| {
        view! {
            <ActionForm action=reset>
                <input type="hidden" name="id" value=id.to_string() />
                <Button small=true icon=IconName::Again busy=reset.pending()>
                    "Reset"
                </Button>
            </ActionForm>
        }
    });
    view! { <div class="card-body breaker">{words} {button}</div> }
}
