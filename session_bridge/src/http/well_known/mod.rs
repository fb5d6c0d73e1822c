//! What the database publishes of itself, for whoever verifies its tokens. The bridge hands it on.

mod discovery;
mod keys;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Shared;
use super::problem::Problem;
use axum::http::StatusCode;

/// Both routes, with their descriptions.
pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(discovery::discovery))
        .routes(routes!(keys::keys))
}

/// Nobody knows the database by a name, or it has no key: then there is nothing to verify.
fn not_published() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "issuer_not_found",
        "this database signs no tokens",
    )
    .hint("Give it a name with vpd.set_issuer_name, and call vpd.public_keys once.")
}
