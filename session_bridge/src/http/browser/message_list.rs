//! `GET /api/messages`: what waits for this application; the way to ask when no event stream can be had.
//!
//! Does not count as use of the session: a page that asks every few seconds must not keep it alive.

use axum::Json;
use axum::extract::State;

use crate::http::Shared;
use crate::http::auth::Browser;
use crate::http::problem::Problem;
use crate::http::v1::Messages;
use crate::vpd::message;

pub async fn list_messages(
    State(bridge): State<Shared>,
    Browser(caller): Browser,
) -> Result<Json<Messages>, Problem> {
    caller.identify(&bridge.pool).await?;
    let messages = message::browse(&bridge.pool, &caller.token).await?;
    Ok(Json(Messages { messages }))
}
