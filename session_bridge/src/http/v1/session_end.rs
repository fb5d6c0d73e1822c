//! `DELETE /v1/sessions/current`: ends the session; the same answer for every token (RFC 7009, 2.2).

use axum::extract::State;
use axum::http::StatusCode;

use super::refusal::Refusal;
use crate::http::Shared;
use crate::http::auth::Bearer;
use crate::http::problem::Problem;
use crate::vpd::session;

/// End the session of the token.
#[utoipa::path(delete, path = "/v1/sessions/current", tag = "sessions", security(("bearer" = [])),
    responses((status = 204, description = "It is over, or was before."), Refusal))]
pub async fn end_session(
    State(bridge): State<Shared>,
    Bearer(caller): Bearer,
) -> Result<StatusCode, Problem> {
    caller.identify(&bridge.pool).await?;
    session::end(&bridge.pool, &caller.token, "logout").await?;
    Ok(StatusCode::NO_CONTENT)
}
