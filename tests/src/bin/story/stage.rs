//! Where the story is played: the cluster, the bridge, and the file everything is compared with.

use reqwest::{Method, Url};
use serde_json::{Value, json};
use vpd_tests::Result;
use vpd_tests::superstore::Superstore;

use crate::http::{Answer, Http, send};

/// The running demo.
pub struct Stage {
    pub file: Superstore,
    pub http: Http,
    port: u16,
}

impl Stage {
    /// Reads the file and sees that the bridge answers.
    ///
    /// # Errors
    /// The bridge is not there or not ready.
    pub fn set(port: u16) -> Result<Self> {
        let stage = Self {
            file: Superstore::read()?,
            http: Http::new()?,
            port,
        };
        let ready = send(stage.http.request(Method::GET, stage.service("/ready")?))?;
        if ready.status != 200 {
            return Err(format!("the bridge is not ready: {}", ready.verdict()).into());
        }
        Ok(stage)
    }

    /// Origin of the portal.
    pub fn portal(&self) -> String {
        format!("http://portal.localhost:{}", self.port)
    }

    /// Origin of floor.
    pub fn floor(&self) -> String {
        format!("http://floor.localhost:{}", self.port)
    }

    /// Origin of the identity provider, which is its name.
    pub fn login(&self) -> String {
        format!("http://login.localhost:{}", self.port)
    }

    /// A session for a back end, which logs in with an identity token instead of a page; returns its token.
    ///
    /// # Errors
    /// The identity provider or the bridge refused.
    pub fn service_session(&self, user: &str) -> Result<String> {
        let body = json!({ "identity_token": self.identity_token(user)?, "app": "portal" });
        let request = self
            .http
            .request(Method::POST, self.service("/v1/sessions")?)
            .json(&body);
        text(&send(request)?.json(201)?, "token")
    }

    /// What the identity provider signs for a user.
    ///
    /// # Errors
    /// It refused.
    pub fn identity_token(&self, user: &str) -> Result<String> {
        let provider = Url::parse(&format!("http://login.localhost:{}/token", self.port))?;
        let fields = [("grant_type", "password"), ("username", user), ("password", user)];
        let identity = send(self.http.request(Method::POST, provider).form(&fields))?.json(200)?;
        text(&identity, "id_token")
    }

    /// Logs a user out at the identity provider, which tells the bridge; the bridge's answer.
    ///
    /// # Errors
    /// The identity provider or the bridge cannot be reached.
    pub fn log_out_at_provider(&self, user: &str) -> Result<Answer> {
        let provider = Url::parse(&format!("{}/logout", self.login()))?;
        let fields = [("username", user), ("password", user)];
        let told = send(self.http.request(Method::POST, provider).form(&fields))?.json(200)?;
        let token = text(&told, "logout_token")?;
        let bridge = self.service("/v1/backchannel-logout")?;
        send(
            self.http
                .request(Method::POST, bridge)
                .form(&[("logout_token", token)]),
        )
    }

    /// A service call with a session's token.
    ///
    /// # Errors
    /// The bridge cannot be reached.
    pub fn call(&self, method: Method, path: &str, token: &str) -> Result<Answer> {
        send(self.http.request(method, self.service(path)?).bearer_auth(token))
    }

    fn service(&self, path: &str) -> Result<Url> {
        Ok(Url::parse(&format!("http://api.localhost:{}{path}", self.port))?)
    }
}

/// A text of a JSON object.
///
/// # Errors
/// It is not there.
pub fn text(object: &Value, name: &str) -> Result<String> {
    let value = object.get(name).and_then(Value::as_str);
    Ok(value
        .ok_or_else(|| format!("the answer has no {name}"))?
        .to_owned())
}
