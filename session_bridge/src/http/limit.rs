//! Policy `limits`: how large a body may be and how long a request may take.
//!
//! The limits hold for every route, whether or not its handler reads the body. A handler that runs out of time is dropped; the
//! transaction it held is closed with its connection.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use http_body_util::Limited;

use super::Shared;
use super::problem::Problem;

/// The body was, or says it is, too long.
pub fn body_too_large() -> Problem {
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "body_too_large",
        "the body is over the limit",
    )
    .hint("Send less; the limit is server.body_limit_bytes.")
}

/// Limits body and time.
pub async fn limit(State(bridge): State<Shared>, request: Request, next: Next) -> Result<Response, Problem> {
    let server = &bridge.config.server;
    let length = request
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse().ok());
    if length.is_some_and(|length: u64| length > server.body_limit_bytes as u64) {
        return Err(body_too_large());
    }
    let request = request.map(|body| Body::new(Limited::new(body, server.body_limit_bytes)));
    tokio::time::timeout(server.request_timeout(), next.run(request))
        .await
        .map_err(|_| {
            Problem::new(
                StatusCode::REQUEST_TIMEOUT,
                "request_timeout",
                "the request took too long",
            )
            .hint("Try again.")
        })
}
