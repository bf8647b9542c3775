//! What every request on the wire passes before its route: whose token it has is looked up once, the request is
//! counted, and its body read.

use axum::{
    body::Body,
    extract::{Request, State},
    middleware::Next,
    response::Response,
};

use super::WireError;
use crate::{
    auth::server::{Origin, caller_from_token},
    error::AppError,
    server::{
        body::{self, BodyError},
        state::AppState,
    },
};

/// The gate. The caller, where there is one, goes on in the request's extensions.
///
/// # Errors
///
/// 429 for who asks too often, 413 and 408 for bodies that are too large or too slow, 503 where our own database
/// is away. That there is no token is for the route to judge.
pub(super) async fn gate(State(state): State<AppState>, request: Request, next: Next) -> Result<Response, WireError> {
    let (mut parts, body) = request.into_parts();
    let origin = Origin::of(&parts.headers, &parts.extensions, state.config());
    match caller_from_token(&state, &parts.headers, origin.clone()).await {
        Ok(caller) => {
            state.limits().request(&caller)?;
            parts.extensions.insert(caller);
        }
        Err(AppError::Unauthenticated) => state.limits().stranger(&origin)?,
        Err(error) => return Err(error.into()),
    }
    let body = body::read(&parts.headers, body).await?;
    Ok(next.run(Request::from_parts(parts, Body::from(body))).await)
}

impl From<BodyError> for WireError {
    fn from(error: BodyError) -> Self {
        let code = match error {
            BodyError::TooLarge => "too_large",
            BodyError::TooSlow => "too_slow",
            BodyError::CutShort => "invalid_request",
        };
        Self::new(error.status(), code, error.to_string())
    }
}
