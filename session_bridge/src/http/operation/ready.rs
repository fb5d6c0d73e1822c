//! `GET /ready`: requests can be served: database, extension, registration of the applications.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::db;
use crate::http::Shared;
use crate::http::problem::{Problem, ProblemBody};
use crate::vpd::app;

/// Requests can be served.
#[derive(Serialize, ToSchema)]
pub struct Ready {
    /// `ready`.
    status: &'static str,
}

/// Requests can be served.
#[utoipa::path(get, path = "/ready", tag = "operation",
    responses((status = 200, body = Ready), (status = 503, body = ProblemBody)))]
pub async fn ready(State(bridge): State<Shared>) -> Result<Json<Ready>, Problem> {
    if !db::ping(&bridge.pool).await? {
        return Err(not_ready("the extension has another version than this bridge"));
    }
    let registered = app::origins(&bridge.pool).await?;
    match bridge
        .config
        .apps
        .iter()
        .find(|app| !app::is_registered(&registered, app))
    {
        Some(_) => Err(not_ready("an application is not registered with its origin")),
        None => Ok(Json(Ready { status: "ready" })),
    }
}

fn not_ready(message: &'static str) -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not_ready", message).hint("Run session-bridge doctor.")
}
