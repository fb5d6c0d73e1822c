//! HTTP to a provider.
//!
//! Invariant: its addresses must be https or loopback, nothing is followed elsewhere, and an answer has an end.

use std::path::Path;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response, Url};
use serde::de::DeserializeOwned;

use super::error::IdentityError;
use super::resolver::Resolver;
use crate::config::Origin;
use crate::db::{read_authorities, trusting};

const TIMEOUT: Duration = Duration::from_secs(5);
const MAX_ANSWER: usize = 256 * 1024;

/// A way to ask providers.
#[derive(Debug, Clone)]
pub struct Web(Client);

impl Web {
    /// Prepares it for one issuer; without a file the system's authorities are believed.
    pub fn new(issuer: &str, ca_file: Option<&Path>) -> Result<Self, String> {
        let mut builder = Client::builder()
            .timeout(TIMEOUT)
            .redirect(Policy::none())
            .no_proxy()
            .user_agent(concat!("session-bridge/", env!("CARGO_PKG_VERSION")))
            .dns_resolver(Resolver);
        if let Some(file) = ca_file {
            let roots = read_authorities(file).map_err(|error| format!("{}: {error}", file.display()))?;
            builder = builder.tls_backend_preconfigured(trusting(roots));
        } else if !issuer.starts_with("https://") {
            builder = builder.tls_backend_preconfigured(trusting(rustls::RootCertStore::empty()));
        }
        builder
            .build()
            .map(Self)
            .map_err(|error| format!("HTTP client: {error}"))
    }

    /// Gets a JSON document.
    pub async fn get<T: DeserializeOwned>(&self, url: &str) -> Result<T, IdentityError> {
        read(send(self.0.get(parse(url)?)).await?).await
    }

    /// Prepares a request with a body.
    pub fn post(&self, url: &str) -> Result<RequestBuilder, IdentityError> {
        Ok(self.0.post(parse(url)?))
    }
}

/// An address of the provider, if it is one that may be asked.
pub fn parse(url: &str) -> Result<Url, IdentityError> {
    let refuse =
        || IdentityError::Unavailable("one of its addresses is neither https nor loopback".to_owned());
    let origin = Origin::of_url(url).map_err(|_| refuse())?;
    if !origin.is_https() && !origin.is_loopback() {
        return Err(refuse());
    }
    Url::parse(url).map_err(|_| refuse())
}

/// Sends a request.
pub async fn send(request: RequestBuilder) -> Result<Response, IdentityError> {
    // The address may carry a code: it stays out of the message.
    request
        .send()
        .await
        .map_err(|error| IdentityError::Unavailable(error.without_url().to_string()))
}

/// Reads an answer that is JSON.
pub async fn read<T: DeserializeOwned>(mut answer: Response) -> Result<T, IdentityError> {
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
