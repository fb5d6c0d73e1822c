//! `POST /v1/sessions`: a session for whoever an identity token proves (BP-2).

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::refusal::Refusal;
use crate::http::Shared;
use crate::http::address::ClientAddress;
use crate::http::extract::Json;
use crate::http::problem::Problem;
use crate::http::record::Record;
use crate::vpd::Token;
use crate::vpd::session::{self, Proof, Session};

/// Proof of a login, and the application it is for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSession {
    /// Identity token of a provider that the database trusts.
    identity_token: Token,
    /// Nonce of the login that the token is to belong to.
    nonce: Option<String>,
    /// Application the session is for.
    app: String,
    /// The one role of the user that the session runs with, for tools; all of them when it is left out.
    assumed_role: Option<String>,
}

/// A session that was created.
#[derive(Serialize, ToSchema)]
pub struct Created {
    /// Its token (`vs_…`), shown this once.
    token: Token,
    /// The session.
    session: Session,
}

/// Create a session from an identity token, which the database verifies.
#[utoipa::path(post, path = "/v1/sessions", tag = "sessions", request_body = NewSession,
    responses((status = 201, body = Created), Refusal))]
pub async fn create_session(
    State(bridge): State<Shared>,
    Extension(record): Extension<Arc<Record>>,
    Extension(ClientAddress(address)): Extension<ClientAddress>,
    headers: HeaderMap,
    Json(request): Json<NewSession>,
) -> Result<(StatusCode, axum::Json<Created>), Problem> {
    let proof = Proof {
        identity_token: request.identity_token,
        nonce: request.nonce,
    };
    let client = session::Client {
        address,
        user_agent: session::user_agent(&headers),
    };
    let (token, session) = session::create(
        &bridge.pool,
        &proof,
        &request.app,
        request.assumed_role.as_deref(),
        &client,
    )
    .await?;
    record.name(&session.user_name, &session.app);
    Ok((StatusCode::CREATED, axum::Json(Created { token, session })))
}
