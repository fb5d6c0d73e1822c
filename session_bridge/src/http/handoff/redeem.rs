//! `POST /handoff/redeem`, on the target: the form of the source arrives; the session's cookie is set on this origin.
//!
//! The one route a foreign page may post to. In the place of the same-origin rule: the `Origin` is the source's, and the state is
//! this browser's own, so that nobody is logged in by a ticket that another browser asked for.

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::not_configured::not_configured;
use crate::http::Shared;
use crate::http::cookie::{self, SameSite};
use crate::http::extract::Form;
use crate::http::origin_check::{origin_of, origin_refused};
use crate::http::problem::Problem;
use crate::http::record::Record;
use crate::http::site::Front;
use crate::identity::is_equal;
use crate::vpd::{Token, session, ticket};

/// Fields of the form.
#[derive(Deserialize)]
pub struct Redemption {
    ticket: Token,
    state: String,
}

pub async fn redeem(
    State(bridge): State<Shared>,
    Extension(front): Extension<Arc<Front>>,
    Extension(record): Extension<Arc<Record>>,
    headers: HeaderMap,
    Form(form): Form<Redemption>,
) -> Result<Response, Problem> {
    let source = front.handoff_from.as_ref().ok_or_else(not_configured)?;
    if origin_of(&headers) != Some(source.origin.as_str()) {
        return Err(origin_refused());
    }
    let (_, verifier) = cookie::read(&headers, cookie::HANDOFF)
        .and_then(|value| value.split_once('.'))
        .filter(|(state, _)| is_equal(state, &form.state))
        .ok_or_else(state_mismatch)?;
    let verifier = Token::from(verifier.to_owned());
    let done = cookie::remove(cookie::HANDOFF);
    match ticket::redeem(&bridge.pool, &form.ticket, &front.own.app, &verifier).await? {
        None => Ok((done, Problem::ticket_invalid()).into_response()),
        Some(token) => {
            if let Some(identity) = session::identify(&bridge.pool, &token).await? {
                record.identify(&identity);
            }
            let cookie = AppendHeaders(cookie::set(cookie::SESSION, token.expose(), SameSite::Lax, None));
            Ok((done, cookie, Redirect::to("/")).into_response())
        }
    }
}

fn state_mismatch() -> Problem {
    Problem::new(
        StatusCode::FORBIDDEN,
        "state_mismatch",
        "this browser did not start this handoff, or too long ago",
    )
    .hint("Start again from the page of this application.")
}
