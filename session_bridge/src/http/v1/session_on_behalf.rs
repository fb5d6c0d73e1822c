//! `POST /v1/sessions/on-behalf`: a session for a user on behalf of whom the token's session acts (BP-2).

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::refusal::Refusal;
use crate::http::Shared;
use crate::http::auth::Bearer;
use crate::http::extract::Json;
use crate::http::problem::Problem;
use crate::vpd::{Token, session};

/// For whom.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OnBehalf {
    /// The user.
    user_name: String,
    /// Application of the same pillar; the caller's own when it is left out.
    app: Option<String>,
}

/// The session that was created.
#[derive(Serialize, ToSchema)]
pub struct OnBehalfCreated {
    /// Its token (`vs_…`), shown this once.
    token: Token,
}

/// Create a session on behalf of a user.
#[utoipa::path(post, path = "/v1/sessions/on-behalf", tag = "sessions", security(("bearer" = [])), request_body = OnBehalf,
    responses((status = 201, body = OnBehalfCreated), Refusal))]
pub async fn create_session_on_behalf(
    State(bridge): State<Shared>,
    Bearer(caller): Bearer,
    Json(request): Json<OnBehalf>,
) -> Result<(StatusCode, axum::Json<OnBehalfCreated>), Problem> {
    caller.identify(&bridge.pool).await?;
    let token = session::create_on_behalf(
        &bridge.pool,
        &caller.token,
        &request.user_name,
        request.app.as_deref(),
    )
    .await?;
    Ok((StatusCode::CREATED, axum::Json(OnBehalfCreated { token })))
}
