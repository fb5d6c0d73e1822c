//! `POST /logout`: ends the session in the database, for every application that shares it (MC-1).

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};

use crate::http::Shared;
use crate::http::auth::Browser;
use crate::http::cookie;
use crate::http::onward::onward;
use crate::http::problem::Problem;
use crate::http::site::Front;
use crate::vpd::session;

pub async fn logout(
    State(bridge): State<Shared>,
    Extension(front): Extension<Arc<Front>>,
    caller: Result<Browser, Problem>,
) -> Result<Response, Problem> {
    if let Ok(Browser(caller)) = caller {
        caller.identify(&bridge.pool).await?;
        session::end(&bridge.pool, &caller.token, "logout").await?;
    }
    let home = format!("{}/", front.own.origin);
    let next = bridge.provider.logout_url(&home).await.unwrap_or(home);
    Ok((cookie::remove(cookie::SESSION), onward(&next)).into_response())
}
