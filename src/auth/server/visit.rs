//! The request that is being served, before it is known who asks.

use http::{HeaderMap, HeaderValue, Method, header, request::Parts};
use leptos::prelude::use_context;
use leptos_axum::ResponseOptions;
use rand::RngCore;
use tower_sessions::Session;

use super::{
    Origin,
    code::{hex, sha256},
    origin, session,
};
use crate::{
    error::AppError,
    server::{config::PublicUrl, state::AppState},
};

/// The cookie by which a browser that signed in before is known; it opens nothing by itself.
const DEVICE: &str = "mooring_device";
/// Half a year in seconds: how long a device that is not seen stays known.
const DEVICE_AGE_S: u32 = 180 * 86_400;
/// A cookie of 32 bytes in hexadecimal.
const DEVICE_LENGTH: usize = 64;
/// The cookie that brings what was typed back to the form, for a browser without JavaScript: it is led back by a
/// redirect, and an address has no place in a URL. It lies with the browser since a stranger's refused forms
/// must not fill our database.
const TYPED: &str = "mooring_typed";
/// So long it lives, in seconds: a redirect takes no longer.
const TYPED_AGE_S: u32 = 60;
/// What is longer is not kept, in bytes: browsers drop cookies of more than 4,096.
const MAX_TYPED: usize = 3_000;

/// A request of a browser: its session, its origin, what the answer may set.
#[derive(Clone, Debug)]
pub struct Visit {
    state: AppState,
    session: Session,
    origin: Origin,
    device: Option<Vec<u8>>,
    typed: Option<String>,
    plain_form: bool,
    response: Option<ResponseOptions>,
}

/// A request came to a server function past the layers that it needs.
#[derive(Debug, thiserror::Error)]
#[error("the request has no {0}: its route stands outside the layer that gives it one")]
struct Missing(&'static str);

impl Visit {
    /// The request of the server function or page that runs now.
    ///
    /// # Errors
    ///
    /// [`AppError::Forbidden`] for a change that another site asked for.
    pub fn current() -> Result<Self, AppError> {
        let state = use_context::<AppState>().ok_or_else(|| AppError::internal(&Missing("state")))?;
        let parts = use_context::<Parts>().ok_or_else(|| AppError::internal(&Missing("parts")))?;
        let public = state.config().public_url.as_ref().map(PublicUrl::origin);
        origin::refuse_cross_site(&parts.method, &parts.headers, public)?;
        let session =
            parts.extensions.get::<Session>().cloned().ok_or_else(|| AppError::internal(&Missing("session")))?;
        let origin = Origin::of(&parts.headers, &parts.extensions, state.config());
        let device = device(&parts.headers);
        let typed = cookies(&parts.headers, TYPED).next().map(str::to_owned);
        let plain_form = is_plain_form(&parts);
        Ok(Self { state, session, origin, device, typed, plain_form, response: use_context::<ResponseOptions>() })
    }

    pub(super) const fn state(&self) -> &AppState {
        &self.state
    }

    pub(crate) const fn session(&self) -> &Session {
        &self.session
    }

    pub(super) const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Whether the browser sent a form by itself, without our code in it: it is led back to the page.
    pub(crate) const fn is_plain_form(&self) -> bool {
        self.plain_form
    }

    /// The hash of the browser's device cookie.
    pub(super) fn device(&self) -> Option<&[u8]> {
        self.device.as_deref()
    }

    /// The hash of the browser's device cookie; gives it one where it has none.
    pub(super) fn ensure_device(&self) -> Vec<u8> {
        if let Some(device) = &self.device {
            return device.clone();
        }
        let mut bytes = [0_u8; DEVICE_LENGTH / 2];
        rand::rng().fill_bytes(&mut bytes);
        let value = hex(&bytes);
        self.set_cookie(DEVICE, &value, DEVICE_AGE_S);
        sha256(value.as_bytes())
    }

    /// Lets a form of a browser without JavaScript come back with these fields as they were typed, where its
    /// answer is a refusal. None of them may be a secret.
    pub(crate) fn keep_typed<T, E>(&self, answer: &Result<T, E>, fields: &[(&str, &str)]) {
        match answer {
            Err(_) if self.plain_form => {
                let typed = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
                if typed.len() <= MAX_TYPED {
                    self.set_cookie(TYPED, &typed, TYPED_AGE_S);
                }
            }
            Ok(_) if self.typed.is_some() => self.set_cookie(TYPED, "", 0),
            _ => {}
        }
    }

    /// What was typed into a field a moment ago, in a form that was refused.
    pub(crate) fn typed(&self, field: &str) -> Option<String> {
        let typed = self.typed.as_deref()?;
        form_urlencoded::parse(typed.as_bytes()).find(|(name, _)| name == field).map(|(_, value)| value.into_owned())
    }

    fn set_cookie(&self, name: &str, value: &str, age_s: u32) {
        let secure = if session::is_https(self.state.config()) { "; Secure" } else { "" };
        let cookie = format!("{name}={value}; Path=/; Max-Age={age_s}; HttpOnly; SameSite=Lax{secure}");
        if let (Some(response), Ok(cookie)) = (&self.response, HeaderValue::from_str(&cookie)) {
            response.append_header(header::SET_COOKIE, cookie);
        }
    }
}

/// A browser that sends a form by itself asks for a page; our code in it asks for data.
#[must_use]
pub fn is_plain_form(parts: &Parts) -> bool {
    let accept = parts.headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    parts.method == Method::POST && accept.is_some_and(|accept| accept.contains("text/html"))
}

fn device(headers: &HeaderMap) -> Option<Vec<u8>> {
    cookies(headers, DEVICE).find(|value| value.len() == DEVICE_LENGTH).map(|value| sha256(value.as_bytes()))
}

/// The values of the cookies of this name: another path or a parent domain may have set one too.
fn cookies<'a>(headers: &'a HeaderMap, wanted: &'static str) -> impl Iterator<Item = &'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .filter_map(move |(name, value)| (name == wanted).then_some(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_device_is_found_among_the_cookies() {
        let value = "ab".repeat(32);
        let mut headers = HeaderMap::new();
        assert_eq!(device(&headers), None);
        headers.append(header::COOKIE, HeaderValue::from_static("mooring=x; mooring_device=short"));
        assert_eq!(device(&headers), None);
        let cookies = format!("theme=dark; mooring_device={value}");
        headers.append(header::COOKIE, HeaderValue::from_str(&cookies).expect("a header"));
        assert_eq!(device(&headers), Some(sha256(value.as_bytes())));
    }
}
