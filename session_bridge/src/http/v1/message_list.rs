//! `GET /v1/messages`: what waits for the token's application; works after the session ended.

use axum::Json;
use axum::extract::State;

use super::message::Messages;
use super::refusal::Refusal;
use crate::http::Shared;
use crate::http::auth::Bearer;
use crate::http::problem::Problem;
use crate::vpd::message;

/// Messages waiting, left in place.
#[utoipa::path(get, path = "/v1/messages", tag = "messages", security(("bearer" = [])),
    responses((status = 200, body = Messages), Refusal))]
pub async fn list_messages(
    State(bridge): State<Shared>,
    Bearer(caller): Bearer,
) -> Result<Json<Messages>, Problem> {
    caller.identify(&bridge.pool).await?;
    let messages = message::browse(&bridge.pool, &caller.token).await?;
    Ok(Json(Messages { messages }))
}
