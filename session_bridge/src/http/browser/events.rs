//! `GET /api/events`: the event stream of a window.

use axum::extract::State;
use axum::response::Response;

use crate::http::Shared;
use crate::http::auth::Browser;
use crate::http::event_stream;
use crate::http::problem::Problem;

pub async fn events(State(bridge): State<Shared>, Browser(caller): Browser) -> Result<Response, Problem> {
    event_stream::open(bridge, caller).await
}
