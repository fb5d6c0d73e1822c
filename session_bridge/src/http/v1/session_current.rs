//! `GET /v1/sessions/current`: whose session a token opens.

use axum::Json;
use axum::extract::State;

use super::refusal::Refusal;
use crate::http::Shared;
use crate::http::auth::Bearer;
use crate::http::problem::Problem;
use crate::vpd::session::{self, Session};

/// The session of the token.
#[utoipa::path(get, path = "/v1/sessions/current", tag = "sessions", security(("bearer" = [])),
    responses((status = 200, body = Session), Refusal))]
pub async fn current_session(
    State(bridge): State<Shared>,
    Bearer(caller): Bearer,
) -> Result<Json<Session>, Problem> {
    let answer = session::current(&bridge.pool, &caller.token, None).await?;
    Ok(Json(caller.note(answer)))
}
