//! What other programs rely on, spoken as supabase-js expects it. Holds no business rule: it reads the
//! request, calls the functions that the pages call, and writes the answer.

use std::{any::Any, borrow::Cow, time::Duration};

use axum::{
    Json, Router,
    extract::{FromRequestParts, Request},
    http::{HeaderName, HeaderValue, Method, StatusCode, header, request::Parts},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{any, get},
};
use serde::Serialize;
use tower_http::{
    catch_panic::CatchPanicLayer,
    cors::{self, CorsLayer},
};
use utoipa::ToSchema;

use crate::{
    auth::{
        Scope,
        server::{Caller, Origin, caller_from_token},
    },
    error::AppError,
    health::server::retry::ANSWERS_WITHIN,
    server::state::AppState,
};

pub mod body;
pub mod functions;
mod gate;
mod metrics;
pub mod openapi;
pub mod rest;

const FUNCTIONS: &str = "/functions/v1";
const REST: &str = "/rest/v1";
const METRICS: &str = "/metrics";

/// The longest that a request may take here: a retry with its attempts and pauses, and a moment.
pub const LONGEST: Duration = Duration::from_secs(175);
const _: () = assert!(ANSWERS_WITHIN.as_secs() < LONGEST.as_secs());

/// Every route of the wire, behind its gate.
pub fn router(state: &AppState) -> Router<AppState> {
    let routes = Router::new()
        .nest(FUNCTIONS, functions::router())
        .nest(REST, rest::router())
        // What is nested does not take the bare slash.
        .route(&format!("{FUNCTIONS}/"), any(functions::nothing_here))
        .route(&format!("{REST}/"), any(rest::nothing_here))
        .route(METRICS, get(metrics::scrape).fallback(metrics::refuse_method))
        .layer(middleware::from_fn_with_state(state.clone(), gate::gate));
    in_our_words(routes)
}

/// Whatever becomes of a request, its answer is one that programs can read, from any origin.
fn in_our_words<S: Clone + Send + Sync + 'static>(routes: Router<S>) -> Router<S> {
    routes
        // These two here as well as around everything, where their answers have no body and no origin may read them.
        .layer(CatchPanicLayer::custom(|payload: Box<dyn Any + Send>| {
            WireError::from(AppError::panicked(&*payload)).into_response()
        }))
        .layer(middleware::from_fn(end_in_time))
        // Outside the gate, so that a page elsewhere can read why it was refused, and asks first for nothing.
        .layer(any_origin())
}

async fn end_in_time(request: Request, next: Next) -> Result<Response, WireError> {
    tokio::time::timeout(LONGEST, next.run(request)).await.map_err(|_| {
        tracing::error!(seconds = LONGEST.as_secs(), "a request did not end by itself and was ended");
        AppError::Unavailable("This took too long and was ended. Try again in a moment.".to_owned()).into()
    })
}

/// Whether a path is one of the wire's.
#[must_use]
pub fn is_wire(path: &str) -> bool {
    [FUNCTIONS, REST, METRICS].iter().any(|start| path.starts_with(start))
}

/// Session cookies do not count on these routes, so any origin may ask, without credentials.
fn any_origin() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(cors::Any)
        .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::PATCH, Method::DELETE, Method::OPTIONS])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::RANGE,
            HeaderName::from_static("apikey"),
            HeaderName::from_static("prefer"),
            HeaderName::from_static("x-client-info"),
            HeaderName::from_static("accept-profile"),
            HeaderName::from_static("content-profile"),
            // What supabase-js adds when it asks again after a 503, and where a region is named.
            HeaderName::from_static("x-retry-count"),
            HeaderName::from_static("x-region"),
        ])
        .expose_headers([
            header::CONTENT_RANGE,
            header::LOCATION,
            header::RETRY_AFTER,
            HeaderName::from_static("preference-applied"),
            HeaderName::from_static("x-request-id"),
        ])
}

/// The one body of every error on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Error, example = json!({
    "code": "not_found",
    "message": "There is nothing here, or it is not yours.",
    "details": null,
    "hint": null,
}))]
pub struct WireError {
    #[serde(skip)]
    status: StatusCode,
    #[schema(value_type = String)]
    code: Cow<'static, str>,
    #[schema(value_type = String)]
    message: Box<str>,
    #[schema(value_type = Option<String>)]
    details: Option<Box<str>>,
    #[schema(value_type = Option<String>)]
    hint: Option<Box<str>>,
    #[serde(skip)]
    retry_after_s: Option<u32>,
    #[serde(skip)]
    allow: Option<&'static str>,
}

impl WireError {
    /// An error with this status, code (`PostgREST`'s under `/rest/v1`) and message.
    pub fn new(status: StatusCode, code: impl Into<Cow<'static, str>>, message: impl Into<Box<str>>) -> Self {
        Self {
            status,
            code: code.into(),
            message: message.into(),
            details: None,
            hint: None,
            retry_after_s: None,
            allow: None,
        }
    }

    /// The status that it is answered with.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// The same with another code: where a dialect has codes of its own.
    #[must_use]
    pub fn code(mut self, code: &'static str) -> Self {
        self.code = code.into();
        self
    }

    /// More about what was found.
    #[must_use]
    pub fn details(mut self, details: impl Into<Box<str>>) -> Self {
        self.details = Some(details.into());
        self
    }

    /// The methods that are taken here, for a 405.
    #[must_use]
    pub const fn allow(mut self, methods: &'static str) -> Self {
        self.allow = Some(methods);
        self
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<Box<str>>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<AppError> for WireError {
    fn from(error: AppError) -> Self {
        let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let code = match &error {
            AppError::Invalid(_) => "invalid_request",
            AppError::Unauthenticated => "unauthenticated",
            AppError::Forbidden(_) => "forbidden",
            AppError::NotFound => "not_found",
            AppError::Conflict(_) => "conflict",
            AppError::TooManyRequests(_) => "too_many_requests",
            AppError::Unavailable(_) => "unavailable",
            AppError::Internal(_) | AppError::Transport(_) => "internal",
        };
        let mut wire = match &error {
            AppError::Unauthenticated => Self::new(status, code, "A valid token is needed.")
                .hint("Send an API token as `Authorization: Bearer mrg_…` or `apikey`."),
            _ => Self::new(status, code, error.to_string()),
        };
        match &error {
            AppError::Invalid(fields) => {
                let names: Vec<&str> = fields.iter().map(|error| error.field.as_str()).collect();
                wire.details = Some(names.join(", ").into());
            }
            AppError::TooManyRequests(seconds) => wire.retry_after_s = Some(*seconds),
            _ => {}
        }
        wire
    }
}

impl IntoResponse for WireError {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(&self)).into_response();
        if let Some(seconds) = self.retry_after_s {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(methods) = self.allow {
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(methods));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// The user whose token came with the request, where the token's scope covers reading or all.
pub struct TokenCaller {
    /// The guard for everything that follows.
    pub caller: Caller,
    /// What the token may do.
    pub scope: Scope,
}

impl FromRequestParts<AppState> for TokenCaller {
    type Rejection = WireError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Self::Rejection> {
        // The gate has looked it up already.
        let caller = if let Some(caller) = parts.extensions.get::<Caller>() {
            caller.clone()
        } else {
            let origin = Origin::of(&parts.headers, &parts.extensions, state.config());
            caller_from_token(state, &parts.headers, origin).await?
        };
        match caller.token_scope() {
            Some(scope) => Ok(Self { caller, scope }),
            None => Err(AppError::Unauthenticated.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use tower::ServiceExt;

    use super::*;

    async fn breaks() -> StatusCode {
        panic!("hunter2")
    }

    async fn asked(path: &str) -> (StatusCode, serde_json::Value) {
        let routes = Router::new()
            .route("/never", get(async || std::future::pending::<()>().await))
            .route("/panic", get(breaks));
        let request = Request::get(path).header(header::ORIGIN, "https://app.example").body(Body::empty());
        let Ok(response) = in_our_words(routes).oneshot(request.expect("a request")).await;
        assert_eq!(response.headers()[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*", "{path}");
        let status = response.status();
        let body = to_bytes(response.into_body(), 10_000).await.expect("a body");
        (status, serde_json::from_slice(&body).expect("JSON"))
    }

    #[tokio::test(start_paused = true)]
    async fn what_never_ends_or_breaks_is_answered_in_the_form_of_errors() {
        for (path, status, code) in [
            ("/never", StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
            ("/panic", StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        ] {
            let (answered, body) = asked(path).await;
            assert_eq!((answered, body["code"].as_str()), (status, Some(code)), "{path}: {body}");
            assert!(body["message"].is_string() && !body.to_string().contains("hunter2"), "{body}");
        }
    }
}
