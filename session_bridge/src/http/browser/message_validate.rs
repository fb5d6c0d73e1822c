//! `POST /api/messages/validate`: checks a keep-alive that came from another window (RW-6, RW-7).

use axum::extract::State;
use axum::response::{IntoResponse, Response};

use crate::http::Shared;
use crate::http::auth::Browser;
use crate::http::cookie;
use crate::http::extract::Json;
use crate::http::problem::Problem;
use crate::http::v1::{Accepted, Message};
use crate::vpd::message::{self, Verdict};

pub async fn validate_message(
    State(bridge): State<Shared>,
    Browser(caller): Browser,
    Json(request): Json<Message>,
) -> Result<Response, Problem> {
    let answer = message::validate(&bridge.pool, &caller.token, &request.message).await?;
    Ok(match caller.note(answer) {
        Verdict::Accepted => axum::Json(Accepted { accepted: true }).into_response(),
        Verdict::Stale => Problem::message_stale().into_response(),
        Verdict::Refused => (cookie::remove(cookie::SESSION), Problem::message_invalid()).into_response(),
    })
}
