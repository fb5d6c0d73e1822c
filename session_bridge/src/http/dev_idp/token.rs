//! `POST /token`: exchanges a code, or, for scripts, a password, for an identity token (RFC 6749).

use std::sync::Arc;

use axum::Json;
use axum::extract::Extension;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::provider::DevProvider;
use super::signer::LIFETIME_SECONDS;
use crate::http::extract::Form;
use crate::identity::random_token;

/// A token request; fields of the other kind of grant are left out.
#[derive(Deserialize)]
pub struct TokenRequest {
    #[serde(default)]
    grant_type: String,
    client_id: Option<String>,
    #[serde(default)]
    code: String,
    #[serde(default)]
    redirect_uri: String,
    #[serde(default)]
    code_verifier: String,
    #[serde(default)]
    username: String,
    #[serde(default)]
    password: String,
}

/// An error in the form of RFC 6749, 5.2.
pub(super) type Refusal = (StatusCode, Json<Value>);

pub async fn token(
    Extension(provider): Extension<Arc<DevProvider>>,
    Form(request): Form<TokenRequest>,
) -> Result<Json<Value>, Refusal> {
    let settings = &provider.settings;
    if request
        .client_id
        .as_ref()
        .is_some_and(|client| *client != settings.client_id)
    {
        return Err(refuse("invalid_client"));
    }
    let (user, nonce) = match request.grant_type.as_str() {
        "authorization_code" => {
            let grant = provider
                .grants
                .redeem(&request.code, &request.redirect_uri, &request.code_verifier);
            let grant = grant.ok_or_else(|| refuse("invalid_grant"))?;
            (provider.user(&grant.user, &grant.user), grant.nonce)
        }
        "password" => (provider.user(&request.username, &request.password), None),
        _ => return Err(refuse("unsupported_grant_type")),
    };
    let user = user.ok_or_else(|| refuse("invalid_grant"))?;
    let id_token = provider
        .signer
        .identity_token(settings, user, nonce.as_deref())
        .map_err(|_| broken())?;
    let access_token = random_token().map_err(|_| broken())?;
    Ok(Json(json!({
        "id_token": id_token,
        "access_token": access_token,
        "token_type": "Bearer",
        "expires_in": LIFETIME_SECONDS,
    })))
}

pub(super) fn refuse(error: &str) -> Refusal {
    (StatusCode::BAD_REQUEST, Json(json!({"error": error})))
}

pub(super) fn broken() -> Refusal {
    (
        StatusCode::INTERNAL_SERVER_ERROR,
        Json(json!({"error": "server_error"})),
    )
}
