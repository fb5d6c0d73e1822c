//! `GET /v1/events`: the event stream of a service.

use axum::extract::State;
use axum::response::Response;

use super::refusal::Refusal;
use crate::http::Shared;
use crate::http::auth::Bearer;
use crate::http::event_stream;
use crate::http::problem::Problem;

/// Server-sent events: `close` when the session is over.
#[utoipa::path(get, path = "/v1/events", tag = "events", security(("bearer" = [])),
    responses((status = 200, content_type = "text/event-stream", body = String), Refusal))]
pub async fn events(State(bridge): State<Shared>, Bearer(caller): Bearer) -> Result<Response, Problem> {
    event_stream::open(bridge, caller).await
}
