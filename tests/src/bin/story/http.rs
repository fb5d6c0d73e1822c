//! HTTP to the bridge. Every name under `localhost` is this machine, whatever the resolver says, as in a browser.
//! It follows no redirection and keeps no cookie by itself: that is the browser's business.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use reqwest::blocking::{Client, RequestBuilder, Response};
use reqwest::{Method, Url, redirect};
use serde_json::Value;
use vpd_tests::{Result, onward};

/// Hosts of the bridge; `api` answers the service routes.
const HOSTS: [&str; 4] = [
    "portal.localhost",
    "floor.localhost",
    "login.localhost",
    "api.localhost",
];

/// A way to send requests.
#[derive(Clone)]
pub struct Http(Client);

/// An answer, read to its end.
pub struct Answer {
    pub url: Url,
    pub status: u16,
    pub location: Option<String>,
    pub cookies: Vec<String>,
    pub body: String,
}

impl Http {
    /// # Errors
    /// The client cannot be made.
    pub fn new() -> Result<Self> {
        // The client insists on a provider of cryptography, although everything here is plain loopback.
        // A second call finds the first one's provider, which is as good.
        let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let mut client = Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .timeout(Duration::from_secs(20));
        for host in HOSTS {
            client = client.resolve(host, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        }
        Ok(Self(client.build()?))
    }

    /// Starts a request.
    pub fn request(&self, method: Method, url: Url) -> RequestBuilder {
        self.0.request(method, url)
    }
}

/// Sends a request and reads the answer.
///
/// # Errors
/// The bridge cannot be reached.
pub fn send(request: RequestBuilder) -> Result<Answer> {
    let response = request.send().map_err(unreachable)?;
    let all = |name: &str| -> Vec<String> {
        let values = response.headers().get_all(name).iter();
        values
            .filter_map(|value| value.to_str().ok().map(str::to_owned))
            .collect()
    };
    let (url, status) = (response.url().clone(), response.status().as_u16());
    let (mut location, cookies) = (all("location").pop(), all("set-cookie"));
    let body = response.text()?;
    if location.is_none() {
        location = onward(&body);
    }
    Ok(Answer {
        url,
        status,
        location,
        cookies,
        body,
    })
}

/// Sends a request whose answer goes on, and returns it at its beginning.
///
/// # Errors
/// The bridge cannot be reached.
pub fn open(request: RequestBuilder) -> Result<Response> {
    request.send().map_err(unreachable)
}

/// The chain of causes, without the address: a query can hold what belongs in no message.
fn unreachable(error: reqwest::Error) -> vpd_tests::Error {
    let host = error
        .url()
        .and_then(Url::host_str)
        .unwrap_or("the bridge")
        .to_owned();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    format!("{host} cannot be reached: {cause}").into()
}

impl Answer {
    /// The JSON body of an answer with this status.
    ///
    /// # Errors
    /// The status is another one, or the body is no JSON.
    pub fn json(&self, status: u16) -> Result<Value> {
        if self.status != status {
            return Err(format!("the bridge answered {} instead of {status}", self.verdict()).into());
        }
        Ok(serde_json::from_str(&self.body)?)
    }

    /// Status and code, such as `401 ticket_invalid`; nothing else of the body, which may hold a secret.
    pub fn verdict(&self) -> String {
        let code = serde_json::from_str::<Value>(&self.body)
            .ok()
            .and_then(|body| Some(body.get("code")?.as_str()?.to_owned()));
        code.map_or_else(
            || self.status.to_string(),
            |code| format!("{} {code}", self.status),
        )
    }
}
