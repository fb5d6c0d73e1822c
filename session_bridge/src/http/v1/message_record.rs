//! `POST /v1/messages`: records a keep-alive for another application (RW-6).

use axum::extract::State;
use axum::http::StatusCode;

use super::message::{Message, MessageRequest};
use super::refusal::Refusal;
use crate::http::Shared;
use crate::http::auth::Bearer;
use crate::http::extract::Json;
use crate::http::problem::Problem;
use crate::vpd::message;

/// Record a keep-alive.
#[utoipa::path(post, path = "/v1/messages", tag = "messages", security(("bearer" = [])), request_body = MessageRequest,
    responses((status = 201, body = Message), Refusal))]
pub async fn record_message(
    State(bridge): State<Shared>,
    Bearer(caller): Bearer,
    Json(request): Json<MessageRequest>,
) -> Result<(StatusCode, axum::Json<Message>), Problem> {
    let answer = message::record(&bridge.pool, &caller.token, &request.target_app).await?;
    Ok((
        StatusCode::CREATED,
        axum::Json(Message {
            message: caller.note(answer),
        }),
    ))
}
