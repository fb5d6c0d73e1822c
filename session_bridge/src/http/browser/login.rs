//! `GET /login`: starts a login at the identity provider.
//!
//! State, nonce and PKCE verifier stay in a cookie of this browser until it comes back: an answer that somebody else started
//! (login CSRF) meets no cookie with its state.

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Redirect, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use crate::http::Shared;
use crate::http::cookie::{self, SameSite};
use crate::http::extract::Query;
use crate::http::problem::Problem;
use crate::http::site::Front;
use crate::identity::{LoginRequest, random_token};
use crate::vpd::app;

const SECONDS: u32 = 600;
const MAX_RETURN_TO: usize = 1024;

/// Query of the route.
#[derive(Deserialize)]
pub struct LoginQuery {
    return_to: Option<String>,
    prompt: Option<Prompt>,
}

/// What the provider is to ask for, though it knows who is there (OpenID Connect Core 1.0, 3.1.2.1).
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Prompt {
    Login,
    SelectAccount,
}

impl Prompt {
    /// As the provider reads it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::SelectAccount => "select_account",
        }
    }
}

/// What the browser keeps between the two halves of a login.
#[derive(Debug)]
pub struct PendingLogin {
    pub state: String,
    pub nonce: String,
    pub verifier: String,
    pub return_to: String,
}

impl PendingLogin {
    fn start(return_to: String) -> Result<Self, Problem> {
        let random = || random_token().map_err(Problem::internal);
        Ok(Self {
            state: random()?,
            nonce: random()?,
            verifier: random()?,
            return_to,
        })
    }

    /// As the value of a cookie.
    fn write(&self) -> String {
        let return_to = URL_SAFE_NO_PAD.encode(&self.return_to);
        [&self.state, &self.nonce, &self.verifier, &return_to]
            .map(String::as_str)
            .join(".")
    }

    /// From the value of a cookie.
    pub fn read(value: &str) -> Option<Self> {
        let mut parts = value.split('.').map(str::to_owned);
        let (state, nonce, verifier, return_to) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let return_to = String::from_utf8(URL_SAFE_NO_PAD.decode(return_to).ok()?).ok()?;
        (parts.next().is_none() && is_local_path(&return_to)).then_some(Self {
            state,
            nonce,
            verifier,
            return_to,
        })
    }

    pub fn request<'a>(&'a self, redirect_uri: &'a str) -> LoginRequest<'a> {
        LoginRequest {
            redirect_uri,
            state: &self.state,
            nonce: &self.nonce,
            verifier: &self.verifier,
        }
    }
}

/// Where the provider sends the browser back to.
pub fn redirect_uri(front: &Front) -> String {
    format!("{}/login/callback", front.own.origin)
}

pub async fn login(
    State(bridge): State<Shared>,
    Extension(front): Extension<Arc<Front>>,
    Query(query): Query<LoginQuery>,
) -> Result<Response, Problem> {
    let return_to = query
        .return_to
        .filter(|path| is_local_path(path))
        .unwrap_or_else(|| "/".to_owned());
    let pending = PendingLogin::start(return_to)?;
    // Asked for what the application demands, the provider can meet it. Without an answer nothing is asked for, and the database decides at the end all the same.
    let assurance = app::assurance(&bridge.pool, &front.own.app)
        .await
        .unwrap_or_default();
    let url = bridge
        .provider
        .authorization_url(
            &pending.request(&redirect_uri(&front)),
            &assurance,
            query.prompt.map(Prompt::as_str),
        )
        .await?;
    let cookie = cookie::set(cookie::LOGIN, &pending.write(), SameSite::Lax, Some(SECONDS));
    Ok((cookie, Redirect::to(&url)).into_response())
}

/// A path of this origin: browsers take `//host` and `/\host` for another.
fn is_local_path(path: &str) -> bool {
    path.starts_with('/')
        && !path.starts_with("//")
        && !path.contains('\\')
        && path.len() <= MAX_RETURN_TO
        && path.chars().all(|c| c.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_this_origin_are_returned_to() {
        assert!(is_local_path("/") && is_local_path("/handoff/issue?target=floor&state=x"));
        for path in [
            "",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/a b",
            "/a\r\nSet-Cookie:x",
        ] {
            assert!(!is_local_path(path), "{path:?}");
        }
    }

    #[test]
    fn pending_login_survives_its_cookie_and_nothing_else_does() {
        let pending = PendingLogin::start("/x?y=z".to_owned()).unwrap();
        let read = PendingLogin::read(&pending.write()).unwrap();
        assert_eq!(
            (read.state, read.return_to),
            (pending.state.clone(), pending.return_to.clone())
        );
        assert!(PendingLogin::read(&format!("{}.more", pending.write())).is_none());
        assert!(PendingLogin::read("a.b.c").is_none());
        let evil = URL_SAFE_NO_PAD.encode("//evil.example");
        assert!(PendingLogin::read(&format!("a.b.c.{evil}")).is_none());
    }
}
