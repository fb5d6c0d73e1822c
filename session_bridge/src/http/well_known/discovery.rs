//! `GET /.well-known/openid-configuration`: by which name the database speaks, and where its keys are (OpenID Connect Discovery 1.0, RFC 8414).
//!
//! Nobody logs in here: there is no address to authorize at. Invariant: addresses are made of the name that the database has, never of what a request says.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderName;
use axum::http::header::CACHE_CONTROL;
use serde::Serialize;
use utoipa::ToSchema;

use super::not_published::not_published;
use crate::http::Shared;
use crate::http::problem::{Problem, ProblemBody};
use crate::http::v1::GRANT_TYPE;
use crate::vpd::identity;

/// What the database says of itself.
#[derive(Serialize, ToSchema)]
pub struct Discovery {
    /// Claim `iss` of its tokens.
    issuer: String,
    /// Where its keys are.
    jwks_uri: String,
    /// Where the token of a session is exchanged for one of its tokens.
    token_endpoint: String,
    /// Kinds of grants at that address.
    grant_types_supported: [&'static str; 1],
    /// How clients prove who they are there: by the session alone.
    token_endpoint_auth_methods_supported: [&'static str; 1],
    /// Nothing: nobody logs in here.
    response_types_supported: [&'static str; 0],
    /// The claim `sub` is the same for every audience.
    subject_types_supported: [&'static str; 1],
    /// Algorithms of its tokens.
    id_token_signing_alg_values_supported: [&'static str; 1],
}

/// The discovery document of the database.
#[utoipa::path(get, path = "/.well-known/openid-configuration", tag = "tokens",
    responses((status = 200, body = Discovery), (status = 404, body = ProblemBody), (status = 503, body = ProblemBody)))]
pub async fn discovery(
    State(bridge): State<Shared>,
) -> Result<([(HeaderName, &'static str); 1], Json<Discovery>), Problem> {
    let issuer = identity::issuer(&bridge.pool).await?.ok_or_else(not_published)?;
    let base = issuer.trim_end_matches('/');
    let document = Discovery {
        jwks_uri: format!("{base}/.well-known/jwks.json"),
        token_endpoint: format!("{base}/v1/token"),
        issuer,
        grant_types_supported: [GRANT_TYPE],
        token_endpoint_auth_methods_supported: ["none"],
        response_types_supported: [],
        subject_types_supported: ["public"],
        id_token_signing_alg_values_supported: ["EdDSA"],
    };
    // A name is given once; another one should be heard of soon all the same.
    Ok(([(CACHE_CONTROL, "public, max-age=300")], Json(document)))
}
