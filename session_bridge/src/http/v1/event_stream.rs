//! `GET /v1/events`: the event stream of a service.

use axum::extract::{Extension, State};
use axum::response::Response;

use super::refusal::Refusal;
use crate::http::Shared;
use crate::http::address::ClientAddress;
use crate::http::auth::Bearer;
use crate::http::event_stream;
use crate::http::problem::Problem;

/// Server-sent events: `close` when the session is over, `replaced` when newer streams of the session took its place.
#[utoipa::path(get, path = "/v1/events", tag = "events", security(("bearer" = [])),
    responses((status = 200, content_type = "text/event-stream", body = String), Refusal))]
pub async fn events(
    State(bridge): State<Shared>,
    Extension(client): Extension<ClientAddress>,
    Bearer(caller): Bearer,
) -> Result<Response, Problem> {
    event_stream::open(bridge, caller, client).await
}
