//! `GET /api/session`: who is logged in, and the session's clocks.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, State};

use crate::http::Shared;
use crate::http::auth::Browser;
use crate::http::problem::Problem;
use crate::http::site::Front;
use crate::vpd::session::{self, Session};

pub async fn session(
    State(bridge): State<Shared>,
    Extension(front): Extension<Arc<Front>>,
    Browser(caller): Browser,
) -> Result<Json<Session>, Problem> {
    // The clocks that count are those of the application the user logged in to.
    let clock_app = front.handoff_from.as_ref().map(|source| source.app.as_str());
    let answer = session::current(&bridge.pool, &caller.token, clock_app).await?;
    Ok(Json(caller.note(answer)))
}
