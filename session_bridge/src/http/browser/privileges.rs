//! `GET /api/privileges`: what the session may do with each resource, for pages to show and hide by.

use axum::Json;
use axum::extract::State;

use crate::http::Shared;
use crate::http::auth::Browser;
use crate::http::problem::Problem;
use crate::http::v1::Privileges;
use crate::vpd::session;

pub async fn privileges(
    State(bridge): State<Shared>,
    Browser(caller): Browser,
) -> Result<Json<Privileges>, Problem> {
    let answer = session::privileges(&bridge.pool, &caller.token).await?;
    Ok(Json(Privileges {
        resources: caller.note(answer),
    }))
}
