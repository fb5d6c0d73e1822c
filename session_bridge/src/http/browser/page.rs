//! `GET /`, `GET /{file}`: the application's pages.

use std::sync::Arc;

use axum::extract::{Extension, OriginalUri};
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::http::{HeaderValue, Method};
use axum::response::{IntoResponse, Response};

use crate::http::no_route::route_not_found;
use crate::http::problem::Problem;
use crate::http::site::Front;

/// Whatever no other route answers.
pub async fn page(
    Extension(front): Extension<Arc<Front>>,
    method: Method,
    OriginalUri(uri): OriginalUri,
) -> Result<Response, Problem> {
    let is_read = matches!(method, Method::GET | Method::HEAD);
    let page = is_read
        .then(|| front.pages.find(uri.path()))
        .flatten()
        .ok_or_else(route_not_found)?;
    let policy = HeaderValue::from_str(&front.content_policy).map_err(Problem::internal)?;
    Ok(([(CONTENT_SECURITY_POLICY, policy)], page).into_response())
}
