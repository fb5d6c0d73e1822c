//! `GET /`, `GET /{file}`: the application's pages.

use std::sync::Arc;

use axum::extract::{Extension, OriginalUri};
use axum::http::Method;
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::response::{IntoResponse, Response};

use crate::http::no_route::route_not_found;
use crate::http::problem::Problem;
use crate::http::site::Front;

/// Forms go to the page's own origin alone, and no answer to one redirects to another.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

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
    Ok(([(CONTENT_SECURITY_POLICY, POLICY)], page).into_response())
}
