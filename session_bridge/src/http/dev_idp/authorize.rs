//! `GET /authorize` shows the login page, `POST /authorize` takes it and sends the browser back with a code.

use std::sync::Arc;

use axum::extract::Extension;
use axum::http::StatusCode;
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::response::{Html, IntoResponse, Response};
use serde::Deserialize;

use super::grant::Grant;
use super::provider::DevProvider;
use crate::http::extract::{Form, Query};
use crate::http::html::escape;
use crate::http::onward::onward;
use crate::http::problem::Problem;

const POLICY: &str =
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// An authorization request (OpenID Connect Core 3.1.2.1, RFC 7636).
#[derive(Debug, Deserialize)]
pub struct AuthorizationRequest {
    response_type: String,
    client_id: String,
    redirect_uri: String,
    scope: String,
    state: String,
    nonce: Option<String>,
    code_challenge: String,
    code_challenge_method: String,
}

/// The login page sent back.
#[derive(Deserialize)]
pub struct Login {
    username: String,
    password: String,
    #[serde(flatten)]
    request: AuthorizationRequest,
}

pub async fn page(
    Extension(provider): Extension<Arc<DevProvider>>,
    Query(request): Query<AuthorizationRequest>,
) -> Result<Response, Problem> {
    check(&provider, &request)?;
    Ok(login_page(&provider, &request, StatusCode::OK))
}

pub async fn submit(
    Extension(provider): Extension<Arc<DevProvider>>,
    Form(login): Form<Login>,
) -> Result<Response, Problem> {
    let request = login.request;
    check(&provider, &request)?;
    let Some(user) = provider.user(&login.username, &login.password) else {
        return Ok(login_page(&provider, &request, StatusCode::UNAUTHORIZED));
    };
    let grant = Grant {
        user: user.name.clone(),
        redirect_uri: request.redirect_uri.clone(),
        nonce: request.nonce,
        challenge: request.code_challenge,
    };
    let code = provider.grants.issue(grant).map_err(Problem::internal)?;
    let mut url = reqwest::Url::parse(&request.redirect_uri).map_err(Problem::internal)?;
    url.query_pairs_mut()
        .append_pair("code", &code)
        .append_pair("state", &request.state);
    Ok(onward(url.as_str()))
}

/// A request that names another address or client gets no redirect: that would hand the answer to a stranger.
fn check(provider: &DevProvider, request: &AuthorizationRequest) -> Result<(), Problem> {
    let is_sound = request.client_id == provider.settings.client_id
        && provider.redirect_uris.contains(&request.redirect_uri)
        && request.response_type == "code"
        && request.scope.split(' ').any(|scope| scope == "openid")
        && request.code_challenge_method == "S256"
        && request.code_challenge.len() == 43;
    if is_sound {
        Ok(())
    } else {
        Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "query_invalid",
            "not an authorization request of this bridge",
        )
        .hint("Start at /login of an application; code with PKCE (S256) is the only flow."))
    }
}

fn login_page(provider: &DevProvider, request: &AuthorizationRequest, status: StatusCode) -> Response {
    let hidden: String = [
        ("response_type", &request.response_type),
        ("client_id", &request.client_id),
        ("redirect_uri", &request.redirect_uri),
        ("scope", &request.scope),
        ("state", &request.state),
        ("nonce", request.nonce.as_ref().unwrap_or(&String::new())),
        ("code_challenge", &request.code_challenge),
        ("code_challenge_method", &request.code_challenge_method),
    ]
    .iter()
    .map(|(name, value)| {
        format!(
            "<input type=\"hidden\" name=\"{name}\" value=\"{}\">\n",
            escape(value)
        )
    })
    .collect();
    let users: String = provider
        .settings
        .dev_users
        .iter()
        .map(|user| format!("<option>{}</option>", escape(&user.name)))
        .collect();
    let alert = if status == StatusCode::OK {
        ""
    } else {
        "<p class=\"alert\" role=\"alert\">Wrong password.</p>"
    };
    let page = format!(
        include_str!("login.html"),
        alert = alert,
        users = users,
        hidden = hidden
    );
    (status, [(CONTENT_SECURITY_POLICY, POLICY)], Html(page)).into_response()
}
