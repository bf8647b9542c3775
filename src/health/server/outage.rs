//! Is it us? Tells servers that are silent from a network of our own that is down.
//!
//! # What happens when our own network fails
//!
//! The cast: host `a`, which is due now, `b` and `c`, which are due minutes later, and a control target, which
//! answered yesterday ([`does_control_answer`]).
//!
//! 1. Nothing comes back from `a`. Its silence is noted ([`note_silence`]) for all processes of this machine, and no
//!    control target answers either. Two silent hosts more would make it certain; one host that says anything at all
//!    would make it `a`'s own trouble.
//! 2. The result is held, and one connection each of the other hosts is checked now ([`bring_forward`]), under an
//!    ordinary claim: no two processes ask the same one at a time, and its place on the grid stays as it is.
//! 3. `b` and `c` are silent: everything is written as `unknown`, with one notice to the owners. Where one had
//!    answered, or too few could be asked, or [`DOUBT_LASTS`] were over, `a` would be `down`.
//! 4. Something comes back, from whomever: nothing counts as silent any more, and the notices end ([`works`]).
//!
//! All this is kept in our own database, by the machine's name: processes of one machine share its network, and one
//! that is started during an outage knows that the control targets answered before. Where that database is beyond the
//! network that failed, nothing can be written anyway.

use std::{sync::LazyLock, time::Duration};

use sqlx::PgConnection;

use super::{
    claim::{self, Claim},
    notices,
    patience::answered,
    watch::Control,
};
use crate::{
    auth::server::Caller,
    error::AppError,
    health::{
        CheckOrigin,
        network::{SILENT_HOSTS, Silence, is_loopback},
    },
    ids::ConnectionId,
    server::state::AppState,
};

/// For how long a result is held while other hosts are asked: a probe's time by default (15 s), and what it takes to
/// begin.
pub(super) const DOUBT_LASTS: Duration = Duration::from_secs(20);
/// Hosts that are asked before their time: more than are needed, for some are slow and some are loopback by name.
const MOST_BROUGHT_FORWARD: usize = 8;
/// Hosts that are looked at to find them.
const MOST_LOOKED_AT: i64 = 64;

/// The name of this machine.
pub(super) fn machine() -> &'static str {
    static NAME: LazyLock<String> =
        LazyLock::new(|| std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned());
    &NAME
}

/// Whether a control target answers. Asked at the start and now and then as well, so that its silence means something.
pub async fn does_control_answer(state: &AppState) -> bool {
    match state.watch().ask_control(state.egress(), state.clock().now()).await {
        Control::Answers => {
            if let Err(error) = answered(note_answer(state)).await {
                tracing::info!("that a control target answers could not be noted: {error}");
            }
            true
        }
        Control::Answered => true,
        Control::Silent => false,
    }
}

async fn note_answer(state: &AppState) -> Result<(), AppError> {
    let mut tx = Caller::system(state, "monitor").write().await?;
    sqlx::query!(
        "
        insert into control_answers (machine, targets)
        values ($1, $2)
            on conflict (machine, targets) do update set answered_at = mooring_now()
        ",
        machine(),
        state.watch().control_targets(),
    )
    .execute(&mut *tx)
    .await?;
    works(&mut tx).await?;
    tx.commit().await?;
    Ok(())
}

/// Notes that something came back to this machine: what was silent before says nothing about our network any more, and
/// what people were told of it is over.
pub(super) async fn works(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    // What another process is writing at this moment is left to the next answer.
    sqlx::query!(
        "
        delete from silent_hosts
         where (machine, host) in (
               select machine, host from silent_hosts where machine = $1 for update skip locked)
        ",
        machine(),
    )
    .execute(&mut *connection)
    .await?;
    notices::network_up(connection).await
}

/// Notes that nothing came back from `host`. Where it cannot be noted, the server simply counts as down.
pub(super) async fn note_silence(state: &AppState, host: &str) {
    let noted = answered(async {
        let mut tx = Caller::system(state, "monitor").write().await?;
        sqlx::query!(
            "
            insert into silent_hosts (machine, host)
            values ($1, lower($2))
                on conflict (machine, host) do update set silent_at = mooring_now()
            ",
            machine(),
            host,
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    });
    if let Err(error) = noted.await {
        tracing::info!("the silence of a server could not be noted: {error}");
    }
}

/// What is silent besides, while no control target answers that has answered before; none where our own network is
/// beyond doubt.
pub async fn silence(state: &AppState) -> Option<Silence> {
    if does_control_answer(state).await {
        return None;
    }
    answered(known(state)).await.ok().flatten()
}

async fn known(state: &AppState) -> Result<Option<Silence>, AppError> {
    let mut tx = Caller::system(state, "monitor").read().await?;
    let has_answered = sqlx::query_scalar!(
        r#"select exists (select from control_answers where machine = $1 and targets = $2) as "has_answered!""#,
        machine(),
        state.watch().control_targets(),
    )
    .fetch_one(&mut *tx)
    .await?;
    if !has_answered {
        return Ok(None);
    }
    let rows = sqlx::query!("select host, silent_at from silent_hosts where machine = $1", machine())
        .fetch_all(&mut *tx)
        .await?;
    Ok(Some(Silence::of(rows.into_iter().map(|row| (row.host, row.silent_at.into())))))
}

/// What was done to know whether more hosts are silent.
#[derive(Debug, Default)]
pub(super) struct BroughtForward {
    /// To be checked now.
    pub(super) claims: Vec<Claim>,
    /// Whether enough hosts may be heard of soon, by these or by checks that are under way.
    pub(super) may_tell: bool,
}

/// Claims one connection each of hosts that are not known to be `silent`, though it is not due: what is soonest due
/// first.
pub(super) async fn bring_forward(
    state: &AppState,
    origin: CheckOrigin,
    silent: &Silence,
) -> Result<BroughtForward, AppError> {
    let mut tx = Caller::system(state, "monitor").write().await?;
    let others = others(&mut tx, silent).await?;
    let mut done = BroughtForward::default();
    if others.len() + silent.hosts().count() < SILENT_HOSTS {
        return Ok(done);
    }
    done.may_tell = true;
    for id in others.into_iter().flatten().take(MOST_BROUGHT_FORWARD) {
        done.claims.extend(claim::one(&mut tx, state.worker(), origin, id).await?);
    }
    tx.commit().await?;
    Ok(done)
}

/// Of each host of which something may be heard soon, a connection that can be checked now; none where one of them is
/// being checked already.
async fn others(connection: &mut PgConnection, silent: &Silence) -> Result<Vec<Option<ConnectionId>>, sqlx::Error> {
    let known: Vec<String> = silent.hosts().map(str::to_owned).collect();
    let rows = sqlx::query!(
        r#"
        with hosts as (
            select lower(connection.public_settings ->> 'host') as host, state.credential_id, state.next_check_at,
                   coalesce(state.lease_until >= mooring_now(), false) as is_leased
              from connection_state as state
              join database_credentials as connection on connection.id = state.credential_id
             where state.next_check_at is not null
               and connection.public_settings ->> 'host' <> ''
        )
        select host as "host!",
               case when not bool_or(is_leased) then (array_agg(credential_id order by next_check_at))[1] end as free
          from hosts
         where host <> all ($1)
         group by host
         order by min(next_check_at)
         limit $2
        "#,
        &known,
        MOST_LOOKED_AT,
    )
    .fetch_all(connection)
    .await?;
    let others = rows.into_iter().filter(|row| !is_loopback(&row.host));
    Ok(others.map(|row| row.free.map(ConnectionId)).collect())
}
