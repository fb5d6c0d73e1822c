//! The development identity provider: a small OpenID Connect provider for demo and tests.
//!
//! It answers on loopback only and in mode `dev` only (`config::check` refuses everything else before a socket is opened). The bridge
//! trusts it no more than any other provider: it fetches the keys over HTTP and verifies what it signed. Invariant: a code is good for
//! one exchange, for a minute, with the verifier of its challenge.

mod authorize;
mod document;
mod grant;
mod logout;
mod provider;
mod signer;
mod token;

use std::sync::Arc;

use axum::Router;
use axum::extract::Extension;
use axum::middleware::from_fn;
use axum::routing::{get, post};

use super::Shared;
use super::no_route::route_not_found;
use super::origin_check::check_origin;
use crate::config::{Config, IdentityMode};

use grant::Grants;
use provider::DevProvider;
use signer::Signer;

/// Routes of the provider; none unless the configuration is in mode `dev`.
pub fn routes(config: &Config) -> Result<Option<Router<Shared>>, String> {
    if config.identity.mode != IdentityMode::Dev {
        return Ok(None);
    }
    let provider = DevProvider {
        settings: config.identity.clone(),
        redirect_uris: config
            .apps
            .iter()
            .map(|app| format!("{}/login/callback", app.origin))
            .collect(),
        signer: Signer::new().map_err(|error| format!("no key for the development provider: {error}"))?,
        grants: Grants::default(),
    };
    let routes = Router::new()
        .route("/authorize", get(authorize::page).post(authorize::submit))
        .layer(from_fn(check_origin))
        .route("/.well-known/openid-configuration", get(document::discovery))
        .route("/jwks.json", get(document::keys))
        .route("/login.css", get(document::style))
        .route("/token", post(token::token))
        .route("/logout", post(logout::logout))
        .route("/health", get(super::operation::health))
        .fallback(async || route_not_found())
        .layer(Extension(Arc::new(provider)));
    Ok(Some(routes))
}
