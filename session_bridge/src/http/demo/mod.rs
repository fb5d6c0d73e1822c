//! Demo data: the rows the session may see, read as the run-time role. Served only when the configuration enables it.
//!
//! The statements name no user and no region: the policies of the database filter.

mod orders;
mod profits;
mod read;

use axum::Router;
use axum::routing::get;

use super::Shared;

/// The demo's routes.
pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/api/orders", get(orders::orders))
        .route("/api/profits", get(profits::profits))
}
