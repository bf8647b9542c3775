//! Changes in the database as they are announced to pages.
//!
//! A transaction that changes something that a page shows ends with
//! `pg_notify('mooring_live', 'topic:user id')`. One listener per process hears it, and every open page of
//! that user gets "topic changed" as a server-sent event and fetches again what it shows. There is no second
//! path for data, so a page can show nothing that its own request would not.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    extract::State,
    http::{Extensions, HeaderMap},
    response::sse::{Event, KeepAlive, Sse},
};
use futures::Stream;
use sqlx::postgres::PgListener;
use tokio::sync::{Notify, broadcast};
use tokio_util::sync::CancellationToken;
use tower_sessions::Session;

use crate::{
    auth::server::{Origin, caller_from_session},
    error::AppError,
    ids::UserId,
    server::{db::Database, state::AppState},
};

/// The channel of `pg_notify`.
pub const CHANNEL: &str = "mooring_live";
/// Where the log says that an entry waits for its chain.
const AUDIT_CHANNEL: &str = "mooring_audit";
/// Announcements that a slow page may be behind before it is told to fetch everything.
const BACKLOG: usize = 256;
/// A stream ends after this long and the browser opens it again, with whatever session it has by then.
const STREAM_LIFE: Duration = Duration::from_mins(30);
/// Comments on an idle stream, so that proxies keep it open.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// One announcement.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Change {
    /// `topic` changed for `user`.
    Of { topic: String, user: UserId },
    /// Some may have been missed while the listener was away.
    Anything,
}

impl Change {
    /// Reads `topic:user id`; anything else on the channel is nobody's.
    fn parse(payload: &str) -> Option<Self> {
        let (topic, user) = payload.split_once(':')?;
        Some(Self::Of { topic: topic.to_owned(), user: user.parse().ok()? })
    }
}

/// The announcements of one process.
#[derive(Clone, Debug)]
pub struct Live {
    changes: broadcast::Sender<Change>,
    audited: Arc<Notify>,
    closing: CancellationToken,
}

impl Live {
    /// Nothing announced yet; streams end when `closing` is cancelled.
    #[must_use]
    pub fn new(closing: CancellationToken) -> Self {
        Self { changes: broadcast::Sender::new(BACKLOG), audited: Arc::default(), closing }
    }

    /// Done when something was recorded in the audit log since this was last awaited.
    pub async fn audited(&self) {
        self.audited.notified().await;
    }

    /// Hears announcements until the process closes; our own database may go away and come back.
    pub async fn listen(self, database: Database) {
        let closing = self.closing.clone();
        closing.run_until_cancelled(self.hear(database)).await;
    }

    async fn hear(self, database: Database) {
        loop {
            match self.hear_until_lost(&database).await {
                Ok(never) => match never {},
                Err(error) => tracing::warn!("Live announcements are interrupted: {error}"),
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    async fn hear_until_lost(&self, database: &Database) -> Result<Infallible, sqlx::Error> {
        let mut listener = PgListener::connect_with(database.pool()).await?;
        listener.listen_all([CHANNEL, AUDIT_CHANNEL]).await?;
        self.announce(Change::Anything);
        loop {
            match listener.try_recv().await? {
                Some(notification) if notification.channel() == AUDIT_CHANNEL => self.audited.notify_one(),
                Some(notification) => {
                    if let Some(change) = Change::parse(notification.payload()) {
                        self.announce(change);
                    }
                }
                // The connection was lost and made anew in between.
                None => self.announce(Change::Anything),
            }
        }
    }

    fn announce(&self, change: Change) {
        // Without an open page there is nobody to tell, and that is no error.
        drop(self.changes.send(change));
    }

    /// The topics that change for `user`, as they change; `*` where some may have been missed.
    fn topics(&self, user: UserId) -> impl Stream<Item = String> + use<> {
        let receiver = self.changes.subscribe();
        let ends = self.closing.clone();
        futures::stream::unfold(receiver, move |mut receiver| {
            let ends = ends.clone();
            async move {
                loop {
                    let change = ends.run_until_cancelled(receiver.recv()).await?;
                    match change {
                        Ok(Change::Of { topic, user: of }) if of == user => return Some((topic, receiver)),
                        Ok(Change::Of { .. }) => {}
                        Ok(Change::Anything) | Err(broadcast::error::RecvError::Lagged(_)) => {
                            return Some(("*".to_owned(), receiver));
                        }
                        Err(broadcast::error::RecvError::Closed) => return None,
                    }
                }
            }
        })
    }
}

/// `GET /events`: the topics that change for the session's user, one event each.
///
/// # Errors
///
/// [`AppError::Unauthenticated`] without a session.
pub async fn events(
    State(state): State<AppState>,
    session: Session,
    headers: HeaderMap,
    extensions: Extensions,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, AppError> {
    use futures::StreamExt;

    let origin = Origin::of(&headers, &extensions, state.config());
    let caller = caller_from_session(&state, &session, origin).await?;
    let topics = state.live().topics(caller.user_id()?);
    let stream = topics.map(|topic| Ok(Event::default().data(topic))).take_until(state.clock().sleep(STREAM_LIFE));
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_payload_and_ignores_strangers() {
        let user = UserId(uuid::Uuid::from_u128(7));
        assert_eq!(Change::parse(&format!("health:{user}")), Some(Change::Of { topic: "health".to_owned(), user }));
        assert_eq!(Change::parse("health"), None);
        assert_eq!(Change::parse("health:someone"), None);
    }
}
