//! `GET /api/profits`: the profit this session may see.

use axum::Json;
use axum::extract::State;
use serde_json::Value;

use super::read::read;
use crate::http::Shared;
use crate::http::auth::Browser;
use crate::http::problem::Problem;

pub async fn profits(State(bridge): State<Shared>, Browser(caller): Browser) -> Result<Json<Value>, Problem> {
    read(&bridge, &caller, include_str!("profits.sql"))
        .await
        .map(Json)
}
