//! Where this Mooring is, as its readers see it.

use http::{header, request::Parts};
use leptos::prelude::use_context;

use crate::auth::server::Caller;

/// `MOORING_PUBLIC_URL`, or else the host that the browser asked for.
#[must_use]
pub fn own_address(caller: &Caller) -> String {
    let config = caller.state().config();
    if let Some(public) = &config.public_url {
        return public.origin().to_owned();
    }
    let host = use_context::<Parts>().and_then(|parts| {
        let host = parts.headers.get(header::HOST)?.to_str().ok()?;
        // It is shown as it is, and nothing but a host belongs there.
        let is_host = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte));
        is_host.then(|| host.to_owned())
    });
    format!("http://{}", host.unwrap_or_else(|| config.addr.to_string()))
}
