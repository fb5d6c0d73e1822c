//! `POST /logout`: ends the session in the database, with those of all applications that the same login opened, and leads to the provider, to log out there (MC-1).
//!
//! Follows OpenID Connect RP-Initiated Logout 1.0: the provider is shown the identity token of the login, so that it asks nothing. Where it is another provider than the one that is configured
//! now, the browser just comes home.

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::http::HeaderName;
use axum::response::{AppendHeaders, IntoResponse, Response};

use crate::http::Shared;
use crate::http::auth::Browser;
use crate::http::cookie;
use crate::http::onward::onward;
use crate::http::problem::Problem;
use crate::http::site::Front;
use crate::vpd::session;

const CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");
/// What the browser kept of this origin. Not "cookies": that takes those of its neighbours along, other applications and all.
const LEFT_BEHIND: &str = r#""cache", "storage""#;

pub async fn logout(
    State(bridge): State<Shared>,
    Extension(front): Extension<Arc<Front>>,
    caller: Result<Browser, Problem>,
) -> Result<Response, Problem> {
    let mut logged_out = None;
    if let Ok(Browser(caller)) = caller {
        caller.identify(&bridge.pool).await?;
        logged_out = session::log_out(&bridge.pool, &caller.token).await?;
    }
    let home = format!("{}/", front.own.origin);
    let hint = logged_out
        .filter(|login| login.issuer == bridge.config.identity.issuer)
        .and_then(|login| login.id_token_hint);
    let next = bridge
        .provider
        .logout_url(&home, hint.as_ref())
        .await
        .unwrap_or(home);
    Ok((
        AppendHeaders(cookie::remove(cookie::SESSION)),
        AppendHeaders(cookie::remove(cookie::LOGIN)),
        AppendHeaders(cookie::remove(cookie::HANDOFF)),
        [(CLEAR_SITE_DATA, LEFT_BEHIND)],
        onward(&next),
    )
        .into_response())
}
