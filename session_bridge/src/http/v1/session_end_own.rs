//! `DELETE /v1/sessions/{session_id}`: ends another session of the same user (OWASP ASVS 5.0 7.5.2).

use axum::extract::State;
use axum::http::StatusCode;
use uuid::Uuid;

use super::refusal::Refusal;
use crate::http::Shared;
use crate::http::auth::Bearer;
use crate::http::extract::Path;
use crate::http::problem::Problem;
use crate::vpd::session;

/// End one session of the token's user.
#[utoipa::path(delete, path = "/v1/sessions/{session_id}", tag = "sessions", security(("bearer" = [])),
    params(("session_id" = Uuid, Path, description = "Public identifier of the session.")),
    responses((status = 204, description = "It is over."), Refusal))]
pub async fn end_own_session(
    State(bridge): State<Shared>,
    Bearer(caller): Bearer,
    Path(session_id): Path<Uuid>,
) -> Result<StatusCode, Problem> {
    let answer = session::end_own(&bridge.pool, &caller.token, session_id).await?;
    if caller.note(answer) {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::new(
            StatusCode::NOT_FOUND,
            "session_not_found",
            "the user has no such live session",
        )
        .hint("List the sessions."))
    }
}
