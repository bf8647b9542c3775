//! Reads the board and the pulse: two statements for any number of connections.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    auth::server::Caller,
    connections::{Provider, labels::Labels, settings},
    error::AppError,
    health::{BeatStrip, Board, BoardFigures, BoardRow, Pulse, Status, rules, server::notices::open_notices},
    ids::{ConnectionId, UserId},
    timestamp::Timestamp,
};

/// All connections of the caller, worst first, with the figures over them and what the owner is to know.
///
/// # Errors
///
/// Where our own database fails.
pub async fn board(caller: &Caller) -> Result<Board, AppError> {
    let user = caller.user_id()?;
    let mut tx = caller.read().await?;
    let rows = rows(&mut tx, user).await?;
    let notices = open_notices(&mut tx).await?;
    drop(tx);
    let figures = figures(&rows);
    let mut rows: Vec<BoardRow> = rows.into_iter().map(Row::into_board_row).collect();
    rows.sort_by_cached_key(|row| (row.paused, urgency(row.status), row.name.to_lowercase()));
    Ok(Board { figures, rows, notices })
}

const fn urgency(status: Status) -> u8 {
    match status {
        Status::Down => 0,
        Status::Degraded => 1,
        Status::Unknown => 2,
        Status::Healthy => 3,
    }
}

struct Row {
    id: Uuid,
    name: String,
    provider: String,
    host: Option<String>,
    port: Option<i32>,
    database: Option<String>,
    environment: Option<String>,
    tags: Vec<String>,
    paused: bool,
    interval_s: i32,
    status: String,
    status_since: time::OffsetDateTime,
    last_check_at: Option<time::OffsetDateTime>,
    response_time_ms: Option<i32>,
    cause: Option<String>,
    note: Option<String>,
    slots: Vec<i64>,
    /// The worst status of each: 0 healthy, 1 degraded, 2 down, 3 unknown.
    worst: Vec<i32>,
    response_ms: Vec<Option<i32>>,
    checks_24h: i64,
    up_24h: f64,
    down_24h: f64,
    up_30d: f64,
    down_30d: f64,
    open_errors: i64,
    now: time::OffsetDateTime,
}

async fn rows(connection: &mut PgConnection, user: UserId) -> Result<Vec<Row>, sqlx::Error> {
    sqlx::query_as!(
        Row,
        r#"
        select connection.id,
               connection.connection_name         as name,
               connection.provider,
               connection.public_settings ->> 'host' as host,
               (connection.public_settings ->> 'port')::integer as port,
               connection.public_settings ->> 'database' as database,
               connection.environment,
               connection.tags,
               not connection.is_active           as "paused!",
               connection.check_interval_s        as interval_s,
               state.status,
               state.status_since,
               state.last_check_at,
               state.response_time_ms,
               state.cause,
               state.note,
               coalesce(day.slots, '{}')          as "slots!",
               coalesce(day.worst, '{}')          as "worst!",
               coalesce(day.response_ms, '{}')    as "response_ms!: Vec<Option<i32>>",
               coalesce(day.checks, 0)            as "checks_24h!",
               coalesce(day.up_seconds, 0)        as "up_24h!",
               coalesce(day.down_seconds, 0)      as "down_24h!",
               coalesce(month.up_seconds, 0)      as "up_30d!",
               coalesce(month.down_seconds, 0)    as "down_30d!",
               coalesce(error.open, 0)            as "open_errors!",
               mooring_now()                      as "now!"
          from database_credentials as connection
          join connection_state as state on state.credential_id = connection.id
          left join lateral (
               select array_agg(extract(epoch from half_hour)::bigint / 1800) as slots,
                      array_agg(case when down > 0 then 2 when degraded > 0 then 1 when healthy > 0 then 0 else 3 end) as worst,
                      array_agg((response_ms_sum / nullif(healthy + degraded, 0))::integer) as response_ms,
                      sum(healthy + degraded + down) as checks,
                      sum(up_seconds)   as up_seconds,
                      sum(down_seconds) as down_seconds
                 from connection_half_hours as half_hours
                where half_hours.credential_id = connection.id
                  and half_hours.half_hour > mooring_now() - interval '24 hours'
               ) as day on true
          left join lateral (
               select sum(up_seconds) as up_seconds, sum(down_seconds) as down_seconds
                 from database_performance_metrics as metrics
                where metrics.credential_id = connection.id
                  and metrics.metric_date > (mooring_now() at time zone 'UTC')::date - 30
               ) as month on true
          left join lateral (
               select count(*) as open
                 from database_connection_errors as errors
                where errors.credential_id = connection.id
                  and not errors.resolved
               ) as error on true
         where connection.user_id = $1
        "#,
        user.0,
    )
    .fetch_all(connection)
    .await
}

impl Row {
    fn status(&self) -> Status {
        Status::from_code(&self.status).unwrap_or(Status::Unknown)
    }

    fn response_time_ms(&self) -> Option<u32> {
        self.response_time_ms.and_then(|ms| u32::try_from(ms).ok())
    }

    /// What is stored ends with the last check; the time since then counts as it was found.
    fn held_since(&self) -> (f64, f64) {
        let Some(last) = self.last_check_at.filter(|_| !self.paused) else {
            return (0.0, 0.0);
        };
        let seconds = rules::held_seconds(last.into(), self.now.into(), self.interval_s.unsigned_abs());
        match self.status() {
            Status::Healthy | Status::Degraded => (seconds, 0.0),
            Status::Down => (0.0, seconds),
            Status::Unknown => (0.0, 0.0),
        }
    }

    fn seconds_24h(&self) -> (f64, f64) {
        let (up, down) = self.held_since();
        (self.up_24h + up, self.down_24h + down)
    }

    fn beats(&self) -> BeatStrip {
        let current = Timestamp::from(self.now).seconds().div_euclid(BeatStrip::HALF_HOUR_S);
        let mut beats = [(None, None); BeatStrip::LENGTH];
        for ((slot, worst), ms) in self.slots.iter().zip(&self.worst).zip(&self.response_ms) {
            let ago = usize::try_from(current - slot).ok();
            let place = ago.and_then(|ago| (BeatStrip::LENGTH - 1).checked_sub(ago));
            if let Some(beat) = place.and_then(|place| beats.get_mut(place)) {
                let status = match worst {
                    0 => Status::Healthy,
                    1 => Status::Degraded,
                    2 => Status::Down,
                    _ => Status::Unknown,
                };
                *beat = (Some(status), ms.and_then(|ms| u32::try_from(ms).ok()));
            }
        }
        let earlier = i64::try_from(BeatStrip::LENGTH).unwrap_or_default() - 1;
        BeatStrip::new(Timestamp::from_micros((current - earlier) * BeatStrip::HALF_HOUR_S * 1_000_000), beats)
    }

    fn into_board_row(self) -> BoardRow {
        let (up_24h, down_24h) = self.seconds_24h();
        let (up, down) = self.held_since();
        BoardRow {
            status: self.status(),
            uptime_24h: rules::uptime_percent(up_24h, down_24h),
            uptime_30d: rules::uptime_percent(self.up_30d + up, self.down_30d + down),
            beats: self.beats(),
            response_time_ms: self.response_time_ms(),
            id: ConnectionId(self.id),
            name: self.name,
            provider: self.provider.parse::<Provider>().ok(),
            endpoint: endpoint(self.host, self.port, self.database),
            labels: Labels { environment: self.environment, tags: self.tags },
            paused: self.paused,
            status_since: self.status_since.into(),
            last_check_at: self.last_check_at.map(Timestamp::from),
            cause: self.cause.and_then(|code| code.parse().ok()),
            note: self.note,
        }
    }
}

fn figures(rows: &[Row]) -> BoardFigures {
    let mut figures = BoardFigures::default();
    let (mut up, mut down) = (0.0, 0.0);
    let mut answers = Vec::with_capacity(rows.len());
    for row in rows {
        figures.checks_24h = figures.checks_24h.saturating_add(number(row.checks_24h));
        figures.open_errors = figures.open_errors.saturating_add(number(row.open_errors));
        if row.paused {
            figures.paused += 1;
            continue;
        }
        match row.status() {
            Status::Healthy => figures.healthy += 1,
            Status::Degraded => figures.degraded += 1,
            Status::Down => figures.down += 1,
            Status::Unknown => figures.unknown += 1,
        }
        let (row_up, row_down) = row.seconds_24h();
        (up, down) = (up + row_up, down + row_down);
        answers.extend(row.response_time_ms());
    }
    answers.sort_unstable();
    figures.uptime_24h = rules::uptime_percent(up, down);
    figures.median_ms = rules::percentile(&answers, 0.5);
    figures.p95_ms = rules::percentile(&answers, 0.95);
    figures
}

/// `host:port/database` of what may be shown of the settings.
pub(super) fn endpoint(host: Option<String>, port: Option<i32>, database: Option<String>) -> String {
    let port = port.and_then(|port| u16::try_from(port).ok()).unwrap_or_default();
    settings::endpoint(&host.unwrap_or_default(), port, database.as_deref())
}

fn number(count: i64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// When the monitor last looked for due connections, and when the caller's next one is due.
///
/// # Errors
///
/// Where our own database fails.
pub async fn pulse(caller: &Caller) -> Result<Pulse, AppError> {
    let user = caller.user_id()?;
    let mut tx = caller.read().await?;
    let row = sqlx::query!(
        "
        select (select max(last_sweep_at) from workers) as last_sweep_at,
               (select min(state.next_check_at)
                  from connection_state as state
                  join database_credentials as connection on connection.id = state.credential_id
                 where connection.user_id = $1) as next_check_at
        ",
        user.0,
    )
    .fetch_one(&mut *tx)
    .await?;
    Ok(Pulse {
        last_sweep_at: row.last_sweep_at.map(Timestamp::from),
        next_check_at: row.next_check_at.map(Timestamp::from),
        scheduler_on: caller.state().config().scheduler,
    })
}
