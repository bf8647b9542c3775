//! Changes in the database as they are announced to pages.
//!
//! A transaction that changes something that a page shows ends with
//! `pg_notify('mooring_live', 'topic:user id')`. One listener per process hears it, and every open page of
//! that user gets "topic changed" as a server-sent event and fetches again what it shows. There is no second
//! path for data, so a page can show nothing that its own request would not.

use std::{
    collections::BTreeSet,
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{
    extract::State,
    http::{Extensions, HeaderMap},
    response::sse::{Event, KeepAlive, Sse},
};
use futures::Stream;
use sqlx::postgres::PgListener;
use tokio::{
    sync::{Notify, broadcast},
    time::Instant,
};
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
/// The topic of what ends a token or changes what it may do.
const TOKENS: &str = "tokens";
/// How often a page is told that the same topic changed: with a thousand connections something changes all the
/// time, and each telling makes the page fetch it all again.
const AT_MOST_EVERY: Duration = Duration::from_secs(1);
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

/// What of tokens was announced until a moment; equal where nothing came in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenChanges(u64);

/// Whether announcements are heard, and how many of them were about tokens.
#[derive(Debug, Default)]
struct Heard {
    hearing: AtomicBool,
    token_changes: AtomicU64,
}

/// The announcements of one process.
#[derive(Clone, Debug)]
pub struct Live {
    changes: broadcast::Sender<Change>,
    audited: Arc<Notify>,
    heard: Arc<Heard>,
    closing: CancellationToken,
}

impl Live {
    /// Nothing announced yet; streams end when `closing` is cancelled.
    #[must_use]
    pub fn new(closing: CancellationToken) -> Self {
        Self { changes: broadcast::Sender::new(BACKLOG), audited: Arc::default(), heard: Arc::default(), closing }
    }

    /// Done when something was recorded in the audit log since this was last awaited.
    pub async fn audited(&self) {
        self.audited.notified().await;
    }

    /// What of tokens was announced so far; none while nothing is heard.
    #[must_use]
    pub fn token_changes(&self) -> Option<TokenChanges> {
        let hearing = self.heard.hearing.load(Ordering::Acquire);
        hearing.then(|| TokenChanges(self.heard.token_changes.load(Ordering::Acquire)))
    }

    /// A token was ended, or what it may do changed.
    pub fn tokens_changed(&self) {
        self.heard.token_changes.fetch_add(1, Ordering::AcqRel);
    }

    /// From here on announcements arrive; some may have been missed before.
    pub(crate) fn start_hearing(&self) {
        self.tokens_changed();
        self.heard.hearing.store(true, Ordering::Release);
    }

    /// Announcements no longer arrive.
    pub(crate) fn stop_hearing(&self) {
        self.heard.hearing.store(false, Ordering::Release);
    }

    /// Hears announcements until the process closes; our own database may go away and come back.
    pub async fn listen(self, database: Database) {
        let closing = self.closing.clone();
        closing.run_until_cancelled(self.hear(database)).await;
    }

    async fn hear(self, database: Database) {
        loop {
            let lost = self.hear_until_lost(&database).await;
            self.stop_hearing();
            match lost {
                Ok(never) => match never {},
                Err(error) => tracing::warn!("Live announcements are interrupted: {error}"),
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    async fn hear_until_lost(&self, database: &Database) -> Result<Infallible, sqlx::Error> {
        let mut listener = PgListener::connect_with(database.pool()).await?;
        listener.listen_all([CHANNEL, AUDIT_CHANNEL]).await?;
        self.start_hearing();
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
        if matches!(&change, Change::Anything) || matches!(&change, Change::Of { topic, .. } if topic == TOKENS) {
            self.tokens_changed();
        }
        // Without an open page there is nobody to tell, and that is no error.
        drop(self.changes.send(change));
    }

    /// The topics that change for `user`, as they change, each at most once in [`AT_MOST_EVERY`]; `*` where some may
    /// have been missed.
    fn topics(&self, user: UserId) -> impl Stream<Item = String> + use<> {
        use futures::StreamExt;

        let ends = self.closing.clone();
        let start = (self.changes.subscribe(), Instant::now());
        futures::stream::unfold(start, move |(mut receiver, not_before)| {
            let ends = ends.clone();
            async move {
                let mut changed = BTreeSet::new();
                loop {
                    let change = tokio::select! {
                        biased;
                        () = ends.cancelled() => return None,
                        () = tokio::time::sleep_until(not_before), if !changed.is_empty() => break,
                        change = receiver.recv() => change,
                    };
                    match change {
                        Ok(Change::Of { topic, user: of }) if of == user => {
                            changed.insert(topic);
                        }
                        Ok(Change::Of { .. }) => {}
                        Ok(Change::Anything) | Err(broadcast::error::RecvError::Lagged(_)) => {
                            changed.insert("*".to_owned());
                        }
                        Err(broadcast::error::RecvError::Closed) => return None,
                    }
                }
                Some((futures::stream::iter(changed), (receiver, Instant::now() + AT_MOST_EVERY)))
            }
        })
        .flatten()
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

    #[tokio::test(start_paused = true)]
    async fn tells_a_first_change_at_once_and_the_next_ones_together() {
        use futures::StreamExt;

        let [user, other] = [7, 8].map(|id| UserId(uuid::Uuid::from_u128(id)));
        let live = Live::new(CancellationToken::new());
        let start = Instant::now();
        let mut topics = Box::pin(live.topics(user));
        let say = |topic: &str, user| live.announce(Change::Of { topic: topic.to_owned(), user });
        say("health", user);
        assert_eq!(topics.next().await.as_deref(), Some("health"));
        assert_eq!(start.elapsed(), Duration::ZERO);
        for topic in ["health", "notices", "health"] {
            say(topic, user);
            say(topic, other);
        }
        assert_eq!(topics.next().await.as_deref(), Some("health"));
        assert_eq!(start.elapsed(), AT_MOST_EVERY);
        assert_eq!(topics.next().await.as_deref(), Some("notices"));
        live.closing.cancel();
        assert_eq!(topics.next().await, None, "nothing was told twice, and nothing of another's");
    }
}
