//! Keeps what was typed for a browser without JavaScript, which comes back to the form by a redirect: in
//! the session, once, and without the secrets.

use http::request::Parts;
use leptos::prelude::use_context;
use serde::{Deserialize, Serialize};
use tower_sessions::Session;

use crate::{
    auth::server::is_plain_form,
    connections::form::{ConnectionForm, Submitted},
    probe::ProbeReport,
};

const KEY: &str = "typed_connection";

/// What was typed, and what a test of it found.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Typed {
    pub(super) form: ConnectionForm,
    pub(super) report: Option<ProbeReport>,
}

/// Keeps `form` where the answer will be a redirect back to it. Losing it is worth a line in the log and no
/// more: the answer itself matters more.
pub(super) async fn keep(form: &ConnectionForm, submitted: Option<&Submitted>) {
    let Some((parts, session)) = request() else { return };
    if !is_plain_form(&parts) {
        return;
    }
    let report = match submitted {
        Some(Submitted::Tested(report)) => Some(report.as_ref().clone()),
        _ => None,
    };
    if let Err(error) = session.insert(KEY, Typed { form: form.without_secrets(), report }).await {
        tracing::warn!("what was typed could not be kept: {error}");
    }
}

/// Takes what was kept; a second look finds nothing.
pub(super) async fn take() -> Option<Typed> {
    let (_, session) = request()?;
    session.remove(KEY).await.ok().flatten()
}

/// The request that is being answered, where there is one: commands and jobs have none.
fn request() -> Option<(Parts, Session)> {
    let parts = use_context::<Parts>()?;
    let session = parts.extensions.get::<Session>().cloned()?;
    Some((parts, session))
}
