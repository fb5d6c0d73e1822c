//! `DELETE /v1/messages/{id}`: removes a message from the queue.

use axum::extract::State;
use axum::http::StatusCode;

use super::message::acknowledge;
use super::refusal::Refusal;
use crate::http::Shared;
use crate::http::auth::Bearer;
use crate::http::extract::Path;
use crate::http::problem::Problem;

/// Acknowledge a message.
#[utoipa::path(delete, path = "/v1/messages/{id}", tag = "messages", security(("bearer" = [])),
    params(("id" = i64, Path, description = "Identifier of the message.")),
    responses((status = 204, description = "It is gone."), Refusal))]
pub async fn acknowledge_message(
    State(bridge): State<Shared>,
    Bearer(caller): Bearer,
    Path(id): Path<i64>,
) -> Result<StatusCode, Problem> {
    acknowledge(&bridge.pool, &caller, id).await
}
