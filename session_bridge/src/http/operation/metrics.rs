//! `GET /metrics`: figures for Prometheus.

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use crate::http::Shared;
use crate::http::problem::Problem;
use crate::vpd::alarm;

/// Figures in Prometheus' text format.
#[utoipa::path(get, path = "/metrics", tag = "operation",
    responses((status = 200, content_type = "text/plain", body = String)))]
pub async fn metrics(State(bridge): State<Shared>) -> Result<Response, Problem> {
    let alarms = alarm::counts(&bridge.pool).await;
    let text = bridge
        .metrics
        .render(
            bridge.connections.held_by_everybody(),
            &bridge.hub,
            &bridge.pool,
            alarms.as_ref(),
        )
        .map_err(Problem::internal)?;
    Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response())
}
