//! `POST /logout`, for scripts: a user logs out here. The logout token that the provider would send to its clients is the answer; whoever asked brings it there.

use std::sync::Arc;

use axum::Json;
use axum::extract::Extension;
use serde::Deserialize;
use serde_json::{Value, json};

use super::provider::DevProvider;
use super::token::{Refusal, broken, refuse};
use crate::http::extract::Form;

/// Who logs out.
#[derive(Deserialize)]
pub struct LogoutRequest {
    username: String,
    password: String,
}

pub async fn logout(
    Extension(provider): Extension<Arc<DevProvider>>,
    Form(request): Form<LogoutRequest>,
) -> Result<Json<Value>, Refusal> {
    let user = provider
        .user(&request.username, &request.password)
        .ok_or_else(|| refuse("access_denied"))?;
    let token = provider
        .signer
        .logout_token(&provider.settings, user)
        .map_err(|_| broken())?;
    Ok(Json(json!({ "logout_token": token })))
}
