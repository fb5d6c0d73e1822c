//! `GET /login/callback`: the browser comes back from the identity provider; the session begins.
//!
//! A login always gives a new token (OWASP ASVS 5.0 7.2.4); a session this browser still had is ended.

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::login::{PendingLogin, redirect_uri};
use crate::http::Shared;
use crate::http::address::ClientAddress;
use crate::http::cookie::{self, SameSite};
use crate::http::extract::Query;
use crate::http::problem::Problem;
use crate::http::record::Record;
use crate::http::site::Front;
use crate::identity::is_equal;
use crate::vpd::Token;
use crate::vpd::session::{self, Proof};

/// What the provider sends along.
#[derive(Deserialize)]
pub struct Answer {
    #[serde(default)]
    code: String,
    #[serde(default)]
    state: String,
}

pub async fn login_callback(
    State(bridge): State<Shared>,
    Extension(front): Extension<Arc<Front>>,
    Extension(record): Extension<Arc<Record>>,
    Extension(ClientAddress(address)): Extension<ClientAddress>,
    headers: HeaderMap,
    Query(answer): Query<Answer>,
) -> Result<Response, Problem> {
    let pending = cookie::read(&headers, cookie::LOGIN)
        .and_then(PendingLogin::read)
        .ok_or_else(state_mismatch)?;
    if !is_equal(&pending.state, &answer.state) {
        return Err(state_mismatch());
    }
    if answer.code.is_empty() {
        return Err(Problem::new(
            StatusCode::UNAUTHORIZED,
            "identity_invalid",
            "the identity provider refused the login",
        )
        .hint("Log in again."));
    }
    let identity_token = bridge
        .provider
        .redeem_code(&answer.code, &pending.request(&redirect_uri(&front)))
        .await?;
    let proof = Proof {
        identity_token,
        nonce: Some(pending.nonce.clone()),
    };
    let client = session::Client {
        address,
        user_agent: session::user_agent(&headers),
    };
    let (token, created) = session::create(&bridge.pool, &proof, &front.own.app, None, &client).await?;
    record.name(&created.user_name, &created.app);
    if let Some(old) = cookie::read(&headers, cookie::SESSION) {
        session::end(&bridge.pool, &Token::from(old.to_owned()), "new_login").await?;
    }
    let session_cookie = AppendHeaders(cookie::set(cookie::SESSION, token.expose(), SameSite::Lax, None));
    Ok((
        cookie::remove(cookie::LOGIN),
        session_cookie,
        Redirect::to(&pending.return_to),
    )
        .into_response())
}

fn state_mismatch() -> Problem {
    Problem::new(
        StatusCode::FORBIDDEN,
        "state_mismatch",
        "this browser did not start this login, or too long ago",
    )
    .hint("Start again at /login.")
}
