//! `GET /.well-known/jwks.json`: the keys by which tokens of the database are verified (RFC 7517).

use axum::Json;
use axum::extract::State;
use axum::http::HeaderName;
use axum::http::header::CACHE_CONTROL;
use serde_json::Value;

use super::not_published::not_published;
use crate::http::Shared;
use crate::http::problem::{Problem, ProblemBody};
use crate::vpd::identity;

/// The public keys of the database, as a JWK set.
#[utoipa::path(get, path = "/.well-known/jwks.json", tag = "tokens",
    responses((status = 200, body = Object), (status = 404, body = ProblemBody), (status = 503, body = ProblemBody)))]
pub async fn keys(
    State(bridge): State<Shared>,
) -> Result<([(HeaderName, &'static str); 1], Json<Value>), Problem> {
    let keys = identity::keys(&bridge.pool).await?.ok_or_else(not_published)?;
    // No longer than whoever follows them waits at most: a former key counts for ten minutes more, a stolen one should not.
    Ok(([(CACHE_CONTROL, "public, max-age=60")], Json(keys)))
}
