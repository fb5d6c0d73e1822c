//! The answer where there is no route.

use axum::http::StatusCode;

use super::problem::Problem;

/// No such route.
pub fn route_not_found() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "route_not_found",
        "no such route on this host",
    )
    .hint("See the description of the routes; each host has its own.")
}
