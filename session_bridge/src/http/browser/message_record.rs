//! `POST /api/messages`: records a keep-alive before it is sent to another window (RW-6).

use axum::extract::State;
use axum::http::StatusCode;

use crate::http::Shared;
use crate::http::auth::Browser;
use crate::http::extract::Json;
use crate::http::problem::Problem;
use crate::http::v1::{Message, MessageRequest};
use crate::vpd::message;

pub async fn record_message(
    State(bridge): State<Shared>,
    Browser(caller): Browser,
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
