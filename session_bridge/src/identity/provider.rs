//! The identity provider of browser logins: where people log in, and the exchange of a code for an identity token.
//!
//! Invariant: the token that comes back is handed on as it is; it proves nothing here.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde::Deserialize;
use tokio::sync::RwLock;

use super::challenge_of;
use super::client::{Web, parse, read, send};
use super::discovery::discover;
use super::error::IdentityError;
use crate::config::{Identity, Secret, read_secret};
use crate::vpd::Token;
use crate::vpd::app::Assurance;

const METADATA_MAX_AGE: Duration = Duration::from_secs(3600);

/// What the discovery document says, as far as logins use it.
#[derive(Debug, Clone, Deserialize)]
struct Metadata {
    authorization_endpoint: String,
    token_endpoint: String,
    end_session_endpoint: Option<String>,
}

/// What one login keeps in the browser until it comes back.
#[derive(Debug)]
pub struct LoginRequest<'a> {
    /// Where the provider sends the browser back to.
    pub redirect_uri: &'a str,
    /// Ties the answer to this browser.
    pub state: &'a str,
    /// Ties the identity token to this login.
    pub nonce: &'a str,
    /// PKCE verifier.
    pub verifier: &'a str,
}

/// The identity provider.
#[derive(Debug)]
pub struct Provider {
    settings: Identity,
    web: Web,
    metadata: RwLock<Option<(Metadata, Instant)>>,
}

impl Provider {
    /// Prepares the provider; nothing is asked yet.
    pub fn new(settings: Identity) -> Result<Self, String> {
        client_secret(&settings)?;
        Ok(Self {
            web: Web::new(&settings.issuer, settings.ca_file.as_deref())?,
            settings,
            metadata: RwLock::default(),
        })
    }

    /// Asks for the discovery document, to see whether it can be had.
    pub async fn check(&self) -> Result<(), IdentityError> {
        self.metadata().await.map(|_| ())
    }

    /// Where to send the browser to log in, as the application demands it.
    pub async fn authorization_url(
        &self,
        login: &LoginRequest<'_>,
        assurance: &Assurance,
        prompt: Option<&str>,
    ) -> Result<String, IdentityError> {
        let metadata = self.metadata().await?;
        let mut url = parse(&metadata.authorization_endpoint)?;
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("redirect_uri", login.redirect_uri)
            .append_pair("scope", &self.settings.scope)
            .append_pair("state", login.state)
            .append_pair("nonce", login.nonce)
            .append_pair("code_challenge", &challenge_of(login.verifier))
            .append_pair("code_challenge_method", "S256");
        if !assurance.acr_values.is_empty() {
            url.query_pairs_mut()
                .append_pair("acr_values", &assurance.acr_values.join(" "));
        }
        if let Some(prompt) = prompt {
            url.query_pairs_mut().append_pair("prompt", prompt);
        }
        if let Some(seconds) = assurance.max_age {
            url.query_pairs_mut().append_pair("max_age", &seconds.to_string());
        }
        Ok(url.into())
    }

    /// Where to send the browser to log out of the provider too; none when the provider has no such page.
    pub async fn logout_url(&self, return_to: &str, id_token_hint: Option<&Token>) -> Option<String> {
        let mut url = parse(self.metadata().await.ok()?.end_session_endpoint.as_deref()?).ok()?;
        url.query_pairs_mut()
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("post_logout_redirect_uri", return_to);
        if let Some(hint) = id_token_hint {
            url.query_pairs_mut().append_pair("id_token_hint", hint.expose());
        }
        Some(url.into())
    }

    /// Exchanges a code for an identity token.
    pub async fn redeem_code(&self, code: &str, login: &LoginRequest<'_>) -> Result<Token, IdentityError> {
        #[derive(Deserialize)]
        struct Tokens {
            id_token: Token,
        }
        let metadata = self.metadata().await?;
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", login.redirect_uri),
            ("code_verifier", login.verifier),
        ];
        let mut request = self.web.post(&metadata.token_endpoint)?;
        // As the file has it now: it may have been replaced.
        match client_secret(&self.settings).map_err(IdentityError::Unavailable)? {
            Some(secret) => request = request.basic_auth(&self.settings.client_id, Some(secret.expose())),
            None => form.push(("client_id", &self.settings.client_id)),
        }
        let answer = send(request.form(&form)).await?;
        if answer.status().is_client_error() {
            return Err(IdentityError::CodeRefused(answer.status().to_string()));
        }
        let tokens: Tokens = read(answer).await?;
        Ok(tokens.id_token)
    }

    async fn metadata(&self) -> Result<Metadata, IdentityError> {
        if let Some((metadata, since)) = &*self.metadata.read().await
            && since.elapsed() < METADATA_MAX_AGE
        {
            return Ok(metadata.clone());
        }
        let mut kept = self.metadata.write().await;
        if let Some((metadata, since)) = &*kept
            && since.elapsed() < METADATA_MAX_AGE
        {
            return Ok(metadata.clone());
        }
        match discover::<Metadata>(&self.web, &self.settings.issuer).await {
            Ok(metadata) => {
                *kept = Some((metadata.clone(), Instant::now()));
                Ok(metadata)
            }
            // An hour-old document beats none; it is asked for again with the next login.
            Err(error) => kept.as_ref().map(|(metadata, _)| metadata.clone()).ok_or(error),
        }
    }
}

fn client_secret(settings: &Identity) -> Result<Option<Secret>, String> {
    let read = |file: &PathBuf| read_secret(file).map_err(|error| format!("{}: {error}", file.display()));
    settings.client_secret_file.as_ref().map(read).transpose()
}
