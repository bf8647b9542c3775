//! Bodies of requests are read whole before anything is done with them, within a size and a time: whoever sends
//! too much or too slowly holds nothing but a connection.

use std::time::Duration;

use axum::{
    body::{Body, Bytes, to_bytes},
    extract::Request,
    http::{HeaderMap, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http_body_util::LengthLimitError;

use super::wire;

/// The largest body that is read, in bytes, but for forms into which people paste.
const LARGEST: usize = 1024 * 1024;
/// The largest body of those forms: what was pasted by mistake is refused at its field and not thrown away with all
/// else that was typed. A megabyte, each byte of which may take three in a form.
pub const LARGEST_PASTED: usize = 4 * 1024 * 1024;
/// Where the functions of those forms are.
const PASTED: [&str; 4] = ["/connections/", "/config_check/", "/import/", "/knowledge/"];
/// How long a body may take to arrive, whatever its size.
const SLOWEST: Duration = Duration::from_secs(20);

/// Why a body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// 413.
    #[error("The body is larger than what is taken here.")]
    TooLarge,
    /// 408.
    #[error("The body did not arrive within 20 s.")]
    TooSlow,
    /// 400: the client went away, or sent what is no HTTP.
    #[error("The body ended before it was whole.")]
    CutShort,
}

impl BodyError {
    /// The status that goes with it.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::CutShort => StatusCode::BAD_REQUEST,
        }
    }
}

/// Reads a body whole, as programs send it.
///
/// # Errors
///
/// [`BodyError`].
pub async fn read(headers: &HeaderMap, body: Body) -> Result<Bytes, BodyError> {
    read_up_to(LARGEST, headers, body).await
}

async fn read_up_to(largest: usize, headers: &HeaderMap, body: Body) -> Result<Bytes, BodyError> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    if announced.and_then(|length| length.parse::<u64>().ok()).is_some_and(|length| length > largest as u64) {
        return Err(BodyError::TooLarge);
    }
    match tokio::time::timeout(SLOWEST, to_bytes(body, largest)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) if is_too_large(&error) => Err(BodyError::TooLarge),
        Ok(Err(_)) => Err(BodyError::CutShort),
        Err(_) => Err(BodyError::TooSlow),
    }
}

fn is_too_large(error: &axum::Error) -> bool {
    std::error::Error::source(error).is_some_and(<dyn std::error::Error>::is::<LengthLimitError>)
}

/// Reads the bodies of everything but the wire, which answers in its own form.
pub async fn read_first(request: Request, next: Next) -> Response {
    if wire::is_wire(request.uri().path()) || matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS)
    {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let is_pasted = PASTED.iter().any(|place| parts.uri.path().contains(place));
    let largest = if is_pasted { LARGEST_PASTED } else { LARGEST };
    match read_up_to(largest, &parts.headers, body).await {
        Ok(bytes) => next.run(Request::from_parts(parts, Body::from(bytes))).await,
        Err(error) => (error.status(), error.to_string()).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use futures::stream;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn too_much_and_too_slow_are_told_apart() {
        let none = HeaderMap::new();
        assert_eq!(read(&none, Body::from(vec![b'x'; LARGEST])).await.map(|bytes| bytes.len()), Ok(LARGEST));
        assert_eq!(read(&none, Body::from(vec![b'x'; LARGEST + 1])).await, Err(BodyError::TooLarge));
        let announced = HeaderMap::from_iter([(header::CONTENT_LENGTH, "2000000".parse().expect("a length"))]);
        assert_eq!(read(&announced, Body::empty()).await, Err(BodyError::TooLarge));
        // A byte a second: no pause is long, and the whole is.
        let trickle = stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Some((Ok::<_, std::io::Error>("x"), ()))
        });
        assert_eq!(read(&none, Body::from_stream(trickle)).await, Err(BodyError::TooSlow));
        // Only the limit's own error counts, whatever another says.
        let broken = stream::iter([Ok("x"), Err(std::io::Error::other("length limit exceeded"))]);
        assert_eq!(read(&none, Body::from_stream(broken)).await, Err(BodyError::CutShort));
    }
}
