//! The headers that every answer carries: what browsers may load, embed and remember.

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    middleware::Next,
    response::Response,
};
use leptos::{
    nonce::use_nonce,
    prelude::{provide_context, use_context},
};
use leptos_axum::ResponseOptions;

use crate::{
    auth::server::Origin,
    server::{config::PublicUrl, state::AppState},
    ui::PageStatus,
};

/// What an answer may load that is not a page: nothing.
const CLOSED_POLICY: &str = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
/// Built files carry their hash in the name, so they never change.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";

/// The policy of a page whose scripts carry `nonce`. `'wasm-unsafe-eval'` is the only relaxation: without
/// it no browser compiles wasm under a policy.
fn page_policy(nonce: &str) -> String {
    format!(
        "default-src 'none'; script-src 'nonce-{nonce}' 'strict-dynamic' 'wasm-unsafe-eval'; style-src 'self'; \
         style-src-attr 'none'; img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; \
         form-action 'self'; frame-ancestors 'none'; base-uri 'none'; object-src 'none'"
    )
}

/// Sets the policy of the page that is being rendered, from the nonce that its scripts get.
pub fn set_page_policy() {
    let (Some(nonce), Some(options)) = (use_nonce(), use_context::<ResponseOptions>()) else { return };
    let response = options.clone();
    provide_context(PageStatus::new(move |status| {
        if let Ok(status) = StatusCode::from_u16(status) {
            response.set_status(status);
        }
    }));
    if let Ok(policy) = HeaderValue::from_str(&page_policy(&nonce)) {
        options.insert_header(header::CONTENT_SECURITY_POLICY, policy);
    }
}

/// Adds the headers to every answer that has not set its own.
pub async fn secure(State(state): State<AppState>, request: Request<Body>, next: Next) -> Response {
    let built = request.uri().path().starts_with("/pkg/");
    let by_https = state.config().public_url.as_ref().is_some_and(PublicUrl::is_https)
        || Origin::came_by_https(request.headers(), request.extensions(), state.config());
    let mut response = next.run(request).await;
    let found = response.status().is_success() || response.status().is_redirection();
    let headers = response.headers_mut();
    default(headers, header::CONTENT_SECURITY_POLICY, CLOSED_POLICY);
    default(headers, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    default(headers, header::REFERRER_POLICY, "same-origin");
    default(headers, header::X_FRAME_OPTIONS, "DENY");
    default(headers, HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    default(headers, HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()");
    let is_file = headers.contains_key(header::LAST_MODIFIED);
    default(
        headers,
        header::CACHE_CONTROL,
        match (is_file && found, built) {
            (true, true) => IMMUTABLE,
            (true, false) => "public, max-age=3600",
            (false, _) => "no-store",
        },
    );
    if by_https {
        default(headers, header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
        make_cookies_secure(headers);
    }
    response
}

/// Marks the cookies of an answer that goes out by HTTPS, where a proxy told so and the operator named no address.
fn make_cookies_secure(headers: &mut HeaderMap) {
    let header::Entry::Occupied(mut cookies) = headers.entry(header::SET_COOKIE) else { return };
    for cookie in cookies.iter_mut() {
        let secure =
            cookie.to_str().ok().filter(|text| !text.contains("; Secure")).map(|text| format!("{text}; Secure"));
        if let Some(secure) = secure.and_then(|text| HeaderValue::from_str(&text).ok()) {
            *cookie = secure;
        }
    }
}

fn default(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    headers.entry(name).or_insert(HeaderValue::from_static(value));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cookie_becomes_secure_once() {
        let mut headers = HeaderMap::new();
        make_cookies_secure(&mut headers);
        assert!(headers.is_empty());
        for cookie in ["a=1; Path=/", "b=; Max-Age=0", "c=2; Secure; HttpOnly"] {
            headers.append(header::SET_COOKIE, HeaderValue::from_static(cookie));
        }
        make_cookies_secure(&mut headers);
        let cookies: Vec<_> =
            headers.get_all(header::SET_COOKIE).iter().filter_map(|value| value.to_str().ok()).collect();
        assert_eq!(cookies, ["a=1; Path=/; Secure", "b=; Max-Age=0; Secure", "c=2; Secure; HttpOnly"]);
    }
}
