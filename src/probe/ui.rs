//! What one attempt found, phase by phase.

use leptos::prelude::*;

use super::{Failure, Outcome, PhaseResult, ProbeReport};
use crate::{
    connections::Provider,
    provider_docs::cause_path,
    ui::{
        NoticeBox, Tone,
        number::{milliseconds, thousands},
    },
};

/// The six phases of one attempt, with where it stopped and why.
#[component]
pub fn PhaseList(
    /// What was found.
    report: ProbeReport,
    /// Whose guide says what to do.
    provider: Option<Provider>,
) -> impl IntoView {
    let title = match &report.failure {
        None => format!("Connected in {} ms", thousands(report.response_time_ms().into())),
        Some(failure) => failure.cause.title().to_owned(),
    };
    let tone = if report.succeeded() { Tone::Healthy } else { Tone::Down };
    let why = report.failure.clone().map(why);
    let found = found(&report);
    let guide = provider.zip(report.failure.as_ref()).map(|(provider, failure)| {
        view! {
            <a class="small" href=cause_path(provider, failure.cause)>
                "What the guide says about it"
            </a>
        }
    });
    view! {
        <div class="probe">
            <NoticeBox tone title>
                {why}
                {found.map(|found| view! { <p>{found}</p> })}
                {guide}
            </NoticeBox>
            <ol class="phases" aria-label="Phases">
                {report.phases.into_iter().map(|result| view! { <PhaseCell result /> }).collect_view()}
            </ol>
        </div>
    }
}

/// The server's own words, with its code.
fn why(failure: Failure) -> impl IntoView {
    let code = failure.code.map(|code| view! { <span class="probe-code">{code}</span> });
    let also: Vec<&str> = failure.also_possible.iter().map(|cause| cause.title()).collect();
    let also = (!also.is_empty()).then(|| view! { <p>{format!("It may also be: {}.", also.join("; "))}</p> });
    view! {
        <p class="probe-message">{failure.message} {code}</p>
        {also}
    }
}

/// What the server told of itself.
fn found(report: &ProbeReport) -> Option<String> {
    let tls = report.tls.as_ref().and_then(|tls| {
        let version = tls.version.as_deref()?;
        Some(if tls.verified {
            format!("{version}, certificate verified")
        } else {
            format!("{version}, certificate not verified")
        })
    });
    let server = report.server_version.as_ref().map(|version| format!("Server version {version}"));
    let parts: Vec<String> = [server, tls].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| format!("{}.", parts.join(" · ")))
}

#[component]
fn PhaseCell(result: PhaseResult) -> impl IntoView {
    let (class, word) = match result.outcome {
        Outcome::Ok => ("phase phase-ok", "Done"),
        Outcome::Failed => ("phase phase-failed", "Stopped here"),
        Outcome::Skipped => ("phase phase-skipped", "Not reached"),
    };
    let time = (result.outcome != Outcome::Skipped)
        .then(|| format!("{} ms", milliseconds(f64::from(result.micros) / 1_000.0)));
    let detail = match (result.outcome, result.detail) {
        (_, Some(detail)) => detail,
        (_, None) => word.to_owned(),
    };
    view! {
        <li class=class>
            <div class="phase-name">{result.phase.label()}</div>
            <div class="phase-detail">{detail}</div>
            <div class="phase-time">
                {time} <span class="visually-hidden">{format!(" {word}")}</span>
            </div>
        </li>
    }
}
