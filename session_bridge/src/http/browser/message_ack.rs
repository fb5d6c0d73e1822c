//! `POST /api/messages/{id}/ack`: removes a message from the queue.

use axum::extract::State;
use axum::http::StatusCode;

use crate::http::Shared;
use crate::http::auth::Browser;
use crate::http::extract::Path;
use crate::http::problem::Problem;
use crate::http::v1::acknowledge;

pub async fn acknowledge_message(
    State(bridge): State<Shared>,
    Browser(caller): Browser,
    Path(id): Path<i64>,
) -> Result<StatusCode, Problem> {
    acknowledge(&bridge.pool, &caller, id).await
}
