//! The answer while the database signs nothing: nobody knows it by a name, or it has no key.

use axum::http::StatusCode;

use crate::http::problem::Problem;

/// There is nothing to verify.
pub fn not_published() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "issuer_not_found",
        "this database signs no tokens",
    )
    .hint("Give it a name with vpd.set_issuer_name, and call vpd.public_keys once.")
}
