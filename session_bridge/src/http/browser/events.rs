//! `GET /api/events`: the event stream of a window.

use axum::extract::{Extension, State};
use axum::response::Response;

use crate::http::Shared;
use crate::http::address::ClientAddress;
use crate::http::auth::Browser;
use crate::http::event_stream;
use crate::http::problem::Problem;

pub async fn events(
    State(bridge): State<Shared>,
    Extension(client): Extension<ClientAddress>,
    Browser(caller): Browser,
) -> Result<Response, Problem> {
    event_stream::open(bridge, caller, client).await
}
