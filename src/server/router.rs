//! The whole URL space on one screen.

use std::{any::Any, time::Duration};

use axum::{
    Json, Router,
    body::{Body, to_bytes},
    extract::{DefaultBodyLimit, Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{any, get},
};
use leptos::server_fn::error::SERVER_FN_ERROR_HEADER;
use leptos_axum::{LeptosRoutes, file_and_error_handler_with_context, generate_route_list};
use serde_json::json;
use tower::ServiceBuilder;
use tower_http::{
    catch_panic::CatchPanicLayer,
    compression::CompressionLayer,
    request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer},
    timeout::TimeoutLayer,
    trace::{DefaultMakeSpan, TraceLayer},
};

use crate::{
    app::{App, shell::shell},
    audit, auth,
    error::AppError,
    knowledge,
    server::{body, config::PublicUrl, headers, live, reactive, state::AppState, wire},
    status,
};

/// The longest that any request may take. The wire's end before, with an error that programs can read.
const LONGEST: Duration = Duration::from_mins(3);
const _: () = assert!(wire::LONGEST.as_secs() < LONGEST.as_secs());
/// The largest error that a server function answers.
const ERROR_LIMIT: usize = 64 * 1024;

/// Every route of Mooring.
///
/// Who may ask is decided in the functions behind the routes, not here: during server-side rendering a
/// server function is a plain call that no layer sees.
pub fn router(state: AppState) -> Router {
    let pages = generate_route_list(App);
    let options = state.leptos().clone();
    let page = move || shell(options.clone());

    Router::new()
        .route("/healthz", get(health))
        .route("/readyz", get(ready))
        .route("/events", get(live::events))
        .route("/openapi.json", get(openapi))
        .route("/audit.csv", get(audit::server::export::csv))
        .route("/knowledge/export.json", get(knowledge::server::transfer::download))
        .merge(wire::router(&state))
        // Server functions register themselves with the pages, under /api.
        .leptos_routes_with_context(&state, pages, headers::set_page_policy, page)
        .route("/api/{*unknown}", any(async || AppError::NotFound))
        .fallback(file_and_error_handler_with_context::<AppState, _>(headers::set_page_policy, shell))
        .layer(
            ServiceBuilder::new()
                .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
                .layer(TraceLayer::new_for_http().make_span_with(DefaultMakeSpan::new()))
                .layer(PropagateRequestIdLayer::x_request_id())
                .layer(middleware::from_fn_with_state(state.clone(), headers::secure))
                .layer(CompressionLayer::new())
                .layer(CatchPanicLayer::custom(|payload: Box<dyn Any + Send>| {
                    AppError::panicked(&*payload).into_response()
                }))
                .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, LONGEST))
                .layer(DefaultBodyLimit::max(body::LARGEST_PASTED))
                .layer(middleware::from_fn(body::read_first))
                .layer(auth::server::session::layer(&state))
                .layer(middleware::from_fn(server_fn_status))
                .layer(middleware::from_fn(reactive::apart)),
        )
        .with_state(state)
}

/// The process answers.
async fn health() -> Json<serde_json::Value> {
    Json(json!({ "status": "ok" }))
}

/// The process can do its work: database, migrations, monitor.
async fn ready(State(state): State<AppState>) -> Response {
    let readiness = status::server::readiness(&state).await;
    let status = if readiness.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(readiness)).into_response()
}

/// What other programs may ask, as OpenAPI. It names no one's data, so anyone may read it, from any origin.
async fn openapi(State(state): State<AppState>) -> impl IntoResponse {
    let document = wire::openapi::document(state.config().public_url.as_ref().map_or("/", PublicUrl::origin));
    ([(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*")], Json(document))
}

/// Leptos answers every failed server function with 500; this gives each error the status that it names.
async fn server_fn_status(request: Request<Body>, next: Next) -> Response {
    let response = next.run(request).await;
    if response.status() != StatusCode::INTERNAL_SERVER_ERROR
        || !response.headers().contains_key(SERVER_FN_ERROR_HEADER)
    {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, ERROR_LIMIT).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    if let Ok(error) = serde_json::from_slice::<AppError>(&bytes) {
        parts.status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        if let AppError::TooManyRequests(seconds) = error {
            parts.headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
    }
    Response::from_parts(parts, Body::from(bytes))
}
