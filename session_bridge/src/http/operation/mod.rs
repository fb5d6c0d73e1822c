//! Operation routes: is it alive, is it ready, how is it doing, what can it do.

mod health;
mod metrics;
mod openapi;
mod ready;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Shared;

pub use health::health;
pub use openapi::describe;

/// Every operation route, with its description.
pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(health::health))
        .routes(routes!(ready::ready))
        .routes(routes!(metrics::metrics))
}
