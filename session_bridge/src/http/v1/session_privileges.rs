//! `GET /v1/sessions/current/privileges`: what the session may do with each resource (MC-4).

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::refusal::Refusal;
use crate::http::Shared;
use crate::http::auth::Bearer;
use crate::http::problem::Problem;
use crate::vpd::session::{self, ResourcePrivileges};

/// What a session may do.
#[derive(Serialize, ToSchema)]
pub struct Privileges {
    /// Every resource, by name.
    pub resources: Vec<ResourcePrivileges>,
}

/// Resources with the actions and the mode, edit, view or hidden, of the token's session.
#[utoipa::path(get, path = "/v1/sessions/current/privileges", tag = "sessions", security(("bearer" = [])),
    responses((status = 200, body = Privileges), Refusal))]
pub async fn session_privileges(
    State(bridge): State<Shared>,
    Bearer(caller): Bearer,
) -> Result<Json<Privileges>, Problem> {
    let answer = session::privileges(&bridge.pool, &caller.token).await?;
    Ok(Json(Privileges {
        resources: caller.note(answer),
    }))
}
