//! What the database publishes of itself, for whoever verifies its tokens. The bridge hands it on.

mod discovery;
mod keys;
mod not_published;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Shared;

/// Both routes, with their descriptions.
pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(discovery::discovery))
        .routes(routes!(keys::keys))
}
