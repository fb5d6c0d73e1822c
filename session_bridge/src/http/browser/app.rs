//! `GET /api/app`: who the application is and whom it hands over to. Public.

use std::sync::Arc;

use axum::Json;
use axum::extract::Extension;
use serde::Serialize;

use crate::http::site::{Front, Peer};

/// The application and its partners.
#[derive(Debug, Serialize)]
pub struct App {
    #[serde(flatten)]
    own: Peer,
    handoff_from: Option<Peer>,
    handoff_to: Vec<Peer>,
}

pub async fn app(Extension(front): Extension<Arc<Front>>) -> Json<App> {
    Json(App {
        own: front.own.clone(),
        handoff_from: front.handoff_from.clone(),
        handoff_to: front.handoff_to.clone(),
    })
}
