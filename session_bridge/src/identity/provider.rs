//! The identity provider: discovery, code exchange, identity tokens.
//!
//! Invariant: an answer of the provider is believed only as far as its tokens verify; its addresses must be https or loopback.

use std::time::{Duration, Instant};

use jsonwebtoken::jwk::JwkSet;
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::sync::RwLock;
use vpd_text::identity::inspect;

use super::error::IdentityError;
use super::keys::KeyCache;
use super::resolver::Resolver;
use super::verify::{Expected, verify};
use super::{Claims, challenge_of};
use crate::config::{Identity, Origin, Secret, read_secret};
use crate::db::{read_authorities, trusting};

const TIMEOUT: Duration = Duration::from_secs(5);
const MAX_ANSWER: usize = 256 * 1024;
const METADATA_MAX_AGE: Duration = Duration::from_secs(3600);

/// What the discovery document says, as far as it is used.
#[derive(Debug, Clone, Deserialize)]
pub struct Metadata {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
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
    client_secret: Option<Secret>,
    http: Client,
    metadata: RwLock<Option<(Metadata, Instant)>>,
    keys: KeyCache,
}

impl Provider {
    /// Prepares the provider; nothing is asked yet.
    pub fn new(settings: Identity) -> Result<Self, String> {
        let client_secret = match &settings.client_secret_file {
            Some(file) => Some(read_secret(file).map_err(|error| format!("{}: {error}", file.display()))?),
            None => None,
        };
        let mut builder = Client::builder()
            .timeout(TIMEOUT)
            .redirect(Policy::none())
            .no_proxy()
            .user_agent(concat!("session-bridge/", env!("CARGO_PKG_VERSION")))
            .dns_resolver(Resolver);
        if let Some(file) = &settings.ca_file {
            let roots = read_authorities(file).map_err(|error| format!("{}: {error}", file.display()))?;
            builder = builder.tls_backend_preconfigured(trusting(roots));
        } else if !settings.issuer.starts_with("https://") {
            builder = builder.tls_backend_preconfigured(trusting(rustls::RootCertStore::empty()));
        }
        let http = builder.build().map_err(|error| format!("HTTP client: {error}"))?;
        Ok(Self {
            settings,
            client_secret,
            http,
            metadata: RwLock::default(),
            keys: KeyCache::default(),
        })
    }

    /// Asks for discovery document and keys, to see whether they can be had.
    pub async fn check(&self) -> Result<(), IdentityError> {
        self.fetch_keys().await.map(|_| ())
    }

    /// Where to send the browser to log in.
    pub async fn authorization_url(&self, login: &LoginRequest<'_>) -> Result<String, IdentityError> {
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
        Ok(url.into())
    }

    /// Where to send the browser to log out of the provider too; none when the provider has no such page.
    pub async fn logout_url(&self, return_to: &str) -> Option<String> {
        let mut url = parse(self.metadata().await.ok()?.end_session_endpoint.as_deref()?).ok()?;
        url.query_pairs_mut()
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("post_logout_redirect_uri", return_to);
        Some(url.into())
    }

    /// Exchanges a code for an identity token and checks it against the login.
    pub async fn redeem_code(&self, code: &str, login: &LoginRequest<'_>) -> Result<Claims, IdentityError> {
        #[derive(Deserialize)]
        struct Tokens {
            id_token: String,
        }
        let metadata = self.metadata().await?;
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", login.redirect_uri),
            ("code_verifier", login.verifier),
        ];
        let mut request = self.http.post(parse(&metadata.token_endpoint)?);
        match &self.client_secret {
            Some(secret) => request = request.basic_auth(&self.settings.client_id, Some(secret.expose())),
            None => form.push(("client_id", &self.settings.client_id)),
        }
        let answer = send(request.form(&form)).await?;
        if answer.status().is_client_error() {
            return Err(IdentityError::CodeRefused(answer.status().to_string()));
        }
        let tokens: Tokens = read(answer).await?;
        self.verify(&tokens.id_token, Some(login.nonce)).await
    }

    /// Checks an identity token.
    pub async fn verify(&self, token: &str, nonce: Option<&str>) -> Result<Claims, IdentityError> {
        let (header, kid) = inspect(token, &self.settings.algorithms)?;
        let key = self.keys.find(&kid, self.fetch_keys()).await?;
        let expected = Expected {
            issuer: &self.settings.issuer,
            client_id: &self.settings.client_id,
            nonce,
        };
        verify(token, &header, &key, &expected)
    }

    async fn fetch_keys(&self) -> Result<JwkSet, IdentityError> {
        let metadata = self.metadata().await?;
        read(send(self.http.get(parse(&metadata.jwks_uri)?)).await?).await
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
        match self.discover().await {
            Ok(metadata) => {
                *kept = Some((metadata.clone(), Instant::now()));
                Ok(metadata)
            }
            // An hour-old document beats none; it is asked for again with the next login.
            Err(error) => kept.as_ref().map(|(metadata, _)| metadata.clone()).ok_or(error),
        }
    }

    async fn discover(&self) -> Result<Metadata, IdentityError> {
        let url = format!(
            "{}/.well-known/openid-configuration",
            self.settings.issuer.trim_end_matches('/')
        );
        let metadata: Metadata = read(send(self.http.get(parse(&url)?)).await?).await?;
        if metadata.issuer != self.settings.issuer {
            return Err(IdentityError::Unavailable(
                "its discovery document names another issuer".to_owned(),
            ));
        }
        Ok(metadata)
    }
}

fn parse(url: &str) -> Result<Url, IdentityError> {
    let refuse =
        || IdentityError::Unavailable("one of its addresses is neither https nor loopback".to_owned());
    let origin = Origin::of_url(url).map_err(|_| refuse())?;
    if !origin.is_https() && !origin.is_loopback() {
        return Err(refuse());
    }
    Url::parse(url).map_err(|_| refuse())
}

async fn send(request: RequestBuilder) -> Result<Response, IdentityError> {
    // The address may carry a code: it stays out of the message.
    request
        .send()
        .await
        .map_err(|error| IdentityError::Unavailable(error.without_url().to_string()))
}

async fn read<T: DeserializeOwned>(mut answer: Response) -> Result<T, IdentityError> {
    let unavailable = |reason: String| IdentityError::Unavailable(reason);
    if !answer.status().is_success() {
        return Err(unavailable(format!("it answers {}", answer.status())));
    }
    let mut body = Vec::new();
    while let Some(part) = answer
        .chunk()
        .await
        .map_err(|error| unavailable(error.without_url().to_string()))?
    {
        body.extend_from_slice(&part);
        if body.len() > MAX_ANSWER {
            return Err(unavailable("its answer is too long".to_owned()));
        }
    }
    serde_json::from_slice(&body)
        .map_err(|_| unavailable("its answer is not the JSON that was expected".to_owned()))
}
