//! Handoff of a session from one application's origin to another's: an authorization code flow with PKCE among ourselves.
//!
//! B starts and keeps verifier and state in a cookie; A, which has the session, gets a ticket bound to the challenge and sends it by
//! form to B; B redeems it with its verifier. Invariant: the ticket is in a body, never in a URL, and is of no use in a browser other
//! than the one that started.

mod issue;
mod not_configured;
mod redeem;
mod start;

use axum::Router;
use axum::routing::{get, post};

use super::Shared;

/// Routes for the application's own pages, and navigation.
pub fn own_routes() -> Router<Shared> {
    Router::new()
        .route("/handoff/start", post(start::start))
        .route("/handoff/issue", get(issue::issue))
}

/// The route a form of the source's origin is posted to; it checks that itself.
pub fn source_route() -> Router<Shared> {
    Router::new().route("/handoff/redeem", post(redeem::redeem))
}
