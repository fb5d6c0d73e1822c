//! `POST /v1/messages/validate`: validates a keep-alive; one that nobody recorded ends the session (RW-6, RW-7).

use axum::extract::State;

use super::message::{Accepted, Message};
use super::refusal::Refusal;
use crate::http::Shared;
use crate::http::auth::Bearer;
use crate::http::extract::Json;
use crate::http::problem::Problem;
use crate::vpd::message::{self, Verdict};

/// Validate and consume a keep-alive.
#[utoipa::path(post, path = "/v1/messages/validate", tag = "messages", security(("bearer" = [])), request_body = Message,
    responses((status = 200, body = Accepted), Refusal))]
pub async fn validate_message(
    State(bridge): State<Shared>,
    Bearer(caller): Bearer,
    Json(request): Json<Message>,
) -> Result<axum::Json<Accepted>, Problem> {
    let answer = message::validate(&bridge.pool, &caller.token, &request.message).await?;
    match caller.note(answer) {
        Verdict::Accepted => Ok(axum::Json(Accepted { accepted: true })),
        Verdict::Stale => Err(Problem::message_stale()),
        Verdict::Refused => Err(Problem::message_invalid()),
    }
}
