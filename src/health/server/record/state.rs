//! Where a connection stands after a result: worked out here, stored in `connection_state`.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use super::{Before, storable, stored};
use crate::{
    health::{Status, schedule, server::check::Finished},
    probe::{Outcome, Phase, ProbeReport, TlsFacts},
    timestamp::Timestamp,
};

/// A connection as it stands after the result: a row of `connection_state`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct After {
    pub(super) credential_id: Uuid,
    next_check_us: Option<i64>,
    status: &'static str,
    status_since_us: i64,
    last_check_us: i64,
    response_time_ms: Option<i32>,
    cause: Option<&'static str>,
    failed_phase: Option<&'static str>,
    error_code: Option<String>,
    error_message: Option<String>,
    phases: BTreeMap<&'static str, u32>,
    server_version: Option<String>,
    tls: Option<Value>,
    tls_expires_us: Option<i64>,
    consecutive_down: u32,
    consecutive_lasting: u32,
    note: Option<String>,
    hangs: bool,
    is_quiet: bool,
    /// Only after a look that was answered.
    others_at_work: Option<bool>,
    looked_us: Option<i64>,
    pub(super) breaker_state: &'static str,
    breaker_opened_us: Option<i64>,
    breaker_open_until_us: Option<i64>,
    breaker_counts_from_us: i64,
}

/// What a result makes of a connection; `failures` are those that the breaker counts, this check's included.
pub(super) fn after(finished: &Finished, before: &Before, failures: u32) -> After {
    let report = finished.last();
    let failure = finished.failure();
    let is_lasting = failure.is_some_and(|failure| !failure.is_transient());
    let (consecutive_down, consecutive_lasting) = match finished.status {
        Status::Healthy | Status::Degraded => (0, 0),
        Status::Down => (
            before.consecutive_down.saturating_add(1),
            if is_lasting { before.consecutive_lasting.saturating_add(1) } else { 0 },
        ),
        Status::Unknown => (before.consecutive_down, before.consecutive_lasting),
    };
    let breaker = match finished.status {
        Status::Healthy | Status::Degraded => before.breaker.succeeded(before.now),
        Status::Down => before.breaker.failed(before.now, failures),
        Status::Unknown => before.breaker,
    };
    let answered = report.filter(|report| report.succeeded());
    let looked = answered.filter(|report| !report.is_quiet());
    let tls = report.and_then(|report| report.tls.as_ref());
    After {
        credential_id: finished.claim.lease.credential_id.0,
        next_check_us: next_check(finished, before, consecutive_lasting).map(Timestamp::micros),
        status: finished.status.code(),
        status_since_us: if finished.status == before.status { before.status_since } else { finished.started_at }
            .micros(),
        last_check_us: finished.started_at.micros(),
        response_time_ms: answered.map(|report| stored(report.response_time_ms())),
        cause: failure.map(|failure| failure.cause.code()),
        failed_phase: failure.map(|failure| failure.phase.code()),
        error_code: failure.and_then(|failure| failure.code.as_deref()).map(storable),
        error_message: failure.map(|failure| storable(&failure.message)),
        phases: report
            .map(|report| phases(report).map(|(phase, micros)| (phase.code(), micros)).collect())
            .unwrap_or_default(),
        server_version: answered.and_then(|report| report.server_version.as_deref()).map(storable),
        tls: tls.and_then(|tls| serde_json::to_value(tls).ok()).map(storable_json),
        tls_expires_us: tls.and_then(TlsFacts::expires_at).map(Timestamp::micros),
        consecutive_down,
        consecutive_lasting,
        note: finished.note.as_deref().map(storable),
        hangs: finished.hangs,
        is_quiet: answered.is_some_and(ProbeReport::is_quiet),
        others_at_work: looked.map(|report| report.others_at_work.unwrap_or_default()),
        looked_us: looked.map(|_| finished.started_at.micros()),
        breaker_state: breaker.state.code(),
        breaker_opened_us: breaker.opened_at.map(Timestamp::micros),
        breaker_open_until_us: breaker.open_until.map(Timestamp::micros),
        breaker_counts_from_us: breaker.counts_from.micros(),
    }
}

/// A check that was due moves on along the grid. One that was asked for leaves the grid as it is, except
/// that an answer ends the backing off. What an owner changed meanwhile (paused, resumed, new settings)
/// stands.
fn next_check(finished: &Finished, before: &Before, consecutive_lasting: u32) -> Option<Timestamp> {
    if !before.is_active || before.next_check_at != finished.claim.due_at {
        return before.next_check_at;
    }
    let due = before.next_check_at?;
    let id = finished.claim.lease.credential_id;
    let next = |lasting| schedule::next_check_at(id, before.interval_s, lasting, finished.started_at);
    if finished.claim.origin.is_scheduled() {
        Some(next(consecutive_lasting))
    } else if before.consecutive_lasting > 0 && consecutive_lasting == 0 {
        Some(due.min(next(0)))
    } else {
        Some(due)
    }
}

fn phases(report: &ProbeReport) -> impl Iterator<Item = (Phase, u32)> {
    report.phases.iter().filter(|phase| phase.outcome != Outcome::Skipped).map(|phase| (phase.phase, phase.micros))
}

fn storable_json(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(storable(&text)),
        Value::Array(items) => items.into_iter().map(storable_json).collect(),
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, storable_json(value))).collect(),
        other => other,
    }
}

/// Stores where the connections stand, and gives up their leases.
pub(super) async fn update(connection: &mut PgConnection, changes: &[After]) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "
        update connection_state as state
           set next_check_at       = timestamptz 'epoch' + next_check_us * interval '1 microsecond',
               lease_owner         = null,
               lease_until         = null,
               status              = r.status,
               status_since        = timestamptz 'epoch' + status_since_us * interval '1 microsecond',
               last_check_at       = timestamptz 'epoch' + last_check_us * interval '1 microsecond',
               response_time_ms    = r.response_time_ms,
               cause               = r.cause,
               failed_phase        = r.failed_phase,
               error_code          = r.error_code,
               error_message       = r.error_message,
               phases              = r.phases,
               server_version      = coalesce(r.server_version, state.server_version),
               tls                 = coalesce(r.tls, state.tls),
               tls_expires_at      = case when r.tls is null then state.tls_expires_at
                                          else timestamptz 'epoch' + tls_expires_us * interval '1 microsecond' end,
               consecutive_down    = r.consecutive_down,
               consecutive_lasting = r.consecutive_lasting,
               note                = r.note,
               hangs               = r.hangs,
               is_quiet            = r.is_quiet,
               looked_at           = coalesce(timestamptz 'epoch' + looked_us * interval '1 microsecond', state.looked_at),
               others_at_work      = coalesce(r.others_at_work, state.others_at_work),
               breaker_state       = r.breaker_state,
               breaker_opened_at   = timestamptz 'epoch' + breaker_opened_us * interval '1 microsecond',
               breaker_open_until  = timestamptz 'epoch' + breaker_open_until_us * interval '1 microsecond',
               breaker_counts_from = timestamptz 'epoch' + breaker_counts_from_us * interval '1 microsecond'
          from jsonb_to_recordset($1) as r (
               credential_id uuid, next_check_us bigint, status text, status_since_us bigint, last_check_us bigint,
               response_time_ms integer, cause text, failed_phase text, error_code text, error_message text, phases jsonb,
               server_version text, tls jsonb, tls_expires_us bigint, consecutive_down integer, consecutive_lasting integer,
               note text, hangs boolean, is_quiet boolean, others_at_work boolean, looked_us bigint, breaker_state text, breaker_opened_us bigint, breaker_open_until_us bigint,
               breaker_counts_from_us bigint)
         where state.credential_id = r.credential_id
        ",
        Json(changes) as _,
    )
    .execute(connection)
    .await?;
    Ok(())
}
