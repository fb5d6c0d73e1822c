//! `POST /v1/backchannel-logout`: the identity provider says that somebody is logged in there no more (OpenID Connect Back-Channel Logout 1.0, 2.5).

use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderName, StatusCode};
use serde::Deserialize;
use utoipa::ToSchema;

use super::refusal::Refusal;
use crate::http::Shared;
use crate::http::extract::Form;
use crate::http::problem::Problem;
use crate::vpd::Token;
use crate::vpd::session;

/// What the provider sends.
#[derive(Deserialize, ToSchema)]
pub struct Told {
    /// Logout token, which the database verifies.
    logout_token: Token,
}

/// What the standard wants to stand there (2.8).
type NotKept = [(HeaderName, &'static str); 1];

/// End the sessions of a login that is over at the identity provider.
#[utoipa::path(post, path = "/v1/backchannel-logout", tag = "sessions",
    request_body(content = Told, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "They are over, in all applications."), Refusal))]
pub async fn backchannel_logout(
    State(bridge): State<Shared>,
    form: Result<Form<Told>, Problem>,
) -> Result<(StatusCode, NotKept), Problem> {
    // Whatever the provider can mend is 400, as the standard wants it.
    let Form(told) = form.map_err(Problem::into_oauth)?;
    session::log_out_from_token(&bridge.pool, &told.logout_token)
        .await
        .map_err(|error| Problem::from(error).into_oauth())?;
    Ok((StatusCode::OK, [(CACHE_CONTROL, "no-store")]))
}
