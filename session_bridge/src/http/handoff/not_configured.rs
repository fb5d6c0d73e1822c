//! A handoff that the configuration does not name.

use axum::http::StatusCode;

use crate::http::problem::Problem;

/// The answer to it.
pub fn not_configured() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "handoff_not_found",
        "there is no such handoff",
    )
    .hint("The target's configuration names its source in handoff_from.")
}
