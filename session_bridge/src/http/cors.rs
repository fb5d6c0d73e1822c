//! Policy `cross origin`: which other origins' scripts may call the service routes.
//!
//! An exact list, empty by default. No credentials: these routes read no cookie, so a script brings its own bearer token.

use axum::extract::{Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::Shared;
use super::origin_check::origin_of;

/// Answers preflights of the listed origins and marks their answers.
pub async fn allow_listed_origins(State(bridge): State<Shared>, request: Request, next: Next) -> Response {
    let listed = origin_of(request.headers())
        .filter(|origin| {
            bridge
                .config
                .server
                .cors_origins
                .iter()
                .any(|listed| listed.as_str() == *origin)
        })
        .and_then(|origin| HeaderValue::from_str(origin).ok());
    let is_preflight =
        request.method() == Method::OPTIONS && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = match (&listed, is_preflight) {
        (Some(_), true) => (
            StatusCode::NO_CONTENT,
            [
                (ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, DELETE"),
                (ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type"),
                (ACCESS_CONTROL_MAX_AGE, "600"),
            ],
        )
            .into_response(),
        _ => next.run(request).await,
    };
    if let Some(origin) = listed {
        response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
    if !bridge.config.server.cors_origins.is_empty() {
        response.headers_mut().append(VARY, HeaderValue::from(ORIGIN));
    }
    response
}
