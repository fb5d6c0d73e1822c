//! `GET /v1/sessions`: the user's own live sessions (OWASP ASVS 5.0 7.5.2).

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::refusal::Refusal;
use crate::http::Shared;
use crate::http::auth::Bearer;
use crate::http::problem::Problem;
use crate::vpd::session::{self, SessionSummary};

/// Sessions of one user.
#[derive(Serialize, ToSchema)]
pub struct Sessions {
    /// Oldest first.
    sessions: Vec<SessionSummary>,
}

/// Live sessions of the token's user.
#[utoipa::path(get, path = "/v1/sessions", tag = "sessions", security(("bearer" = [])),
    responses((status = 200, body = Sessions), Refusal))]
pub async fn list_sessions(
    State(bridge): State<Shared>,
    Bearer(caller): Bearer,
) -> Result<Json<Sessions>, Problem> {
    let answer = session::list(&bridge.pool, &caller.token).await?;
    Ok(Json(Sessions {
        sessions: caller.note(answer),
    }))
}
