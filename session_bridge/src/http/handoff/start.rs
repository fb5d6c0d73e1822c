//! `POST /handoff/start`, on the target: makes verifier and state and sends the browser to the source.

use std::sync::Arc;

use axum::extract::Extension;
use axum::response::{IntoResponse, Response};

use super::not_configured::not_configured;
use crate::http::cookie::{self, SameSite};
use crate::http::onward::onward;
use crate::http::problem::Problem;
use crate::http::site::Front;
use crate::identity::{challenge_of, random_token};

const SECONDS: u32 = 120;

pub async fn start(Extension(front): Extension<Arc<Front>>) -> Result<Response, Problem> {
    let source = front.handoff_from.as_ref().ok_or_else(not_configured)?;
    let state = random_token().map_err(Problem::internal)?;
    let verifier = random_token().map_err(Problem::internal)?;
    let url = format!(
        "{}/handoff/issue?target={}&challenge={}&state={state}",
        source.origin,
        front.own.app,
        challenge_of(&verifier)
    );
    // SameSite=None: the form comes back from another site. Origin and state protect the route it comes back to.
    let cookie = cookie::set(
        cookie::HANDOFF,
        &format!("{state}.{verifier}"),
        SameSite::None,
        Some(SECONDS),
    );
    Ok((cookie, onward(&url)).into_response())
}
