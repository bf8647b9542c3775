//! Changes in the database as they are announced to pages: Postgres `NOTIFY`, one listener per process,
//! server-sent events.

/// The announcements of one process.
#[derive(Clone, Debug, Default)]
pub struct Live;
