//! What answers on which host.
//!
//! Invariant: hosts are compared as exact strings with the configuration; an unknown one gets nothing but a refusal, so that a
//! name somebody pointed at this address (DNS rebinding) opens nothing.

use std::collections::HashMap;
use std::sync::Arc;

use axum::http::{HeaderMap, StatusCode, Uri, header};
use serde::Serialize;

use super::pages::{PageError, Pages};
use super::problem::Problem;
use crate::config::{App, Config, IdentityMode, Origin};

/// An application as its own pages and its partners know it.
#[derive(Debug, Clone, Serialize)]
pub struct Peer {
    /// Name.
    pub app: String,
    /// Origin.
    pub origin: String,
}

/// The front end of an application.
#[derive(Debug)]
pub struct Front {
    /// Name and origin.
    pub own: Peer,
    /// Application that hands its session over to this one.
    pub handoff_from: Option<Peer>,
    /// Applications this one hands its session over to.
    pub handoff_to: Vec<Peer>,
    /// Its pages.
    pub pages: Pages,
}

/// What answers on one host.
#[derive(Debug, Clone)]
pub enum Site {
    /// Browser routes of an application.
    App(Arc<Front>),
    /// Service and operation routes.
    Service,
    /// The development identity provider.
    Login,
}

impl Site {
    /// Name for the log.
    pub fn name(&self) -> &str {
        match self {
            Self::App(front) => &front.own.app,
            Self::Service => "service",
            Self::Login => "login",
        }
    }
}

/// The origin whose pages may change state on a site.
#[derive(Debug, Clone)]
pub struct OwnOrigin(pub Arc<str>);

/// Every host.
#[derive(Debug)]
pub struct Sites {
    by_host: HashMap<String, Site>,
    fronts: Vec<Arc<Front>>,
}

impl Sites {
    /// Builds the table of hosts.
    pub fn new(config: &Config) -> Result<Self, PageError> {
        let mut by_host = HashMap::new();
        let mut fronts = Vec::new();
        for host in &config.server.service_hosts {
            by_host.insert(host.clone(), Site::Service);
        }
        for app in &config.apps {
            let front = Arc::new(front(config, app)?);
            by_host.insert(app.origin.host().to_owned(), Site::App(Arc::clone(&front)));
            fronts.push(front);
        }
        if let (IdentityMode::Dev, Ok(issuer)) =
            (config.identity.mode, Origin::of_url(&config.identity.issuer))
        {
            by_host.insert(issuer.host().to_owned(), Site::Login);
        }
        Ok(Self { by_host, fronts })
    }

    /// Every application.
    pub fn fronts(&self) -> &[Arc<Front>] {
        &self.fronts
    }

    /// The site a request is for.
    pub fn find(&self, uri: &Uri, headers: &HeaderMap) -> Result<&Site, Problem> {
        let host = host_of(uri, headers)?;
        self.by_host.get(&host).ok_or_else(|| {
            Problem::new(
                StatusCode::MISDIRECTED_REQUEST,
                "host_unknown",
                "nothing answers on this host",
            )
            .hint("Use a host of the configuration: an application's origin, or one of server.service_hosts.")
        })
    }
}

fn host_of(uri: &Uri, headers: &HeaderMap) -> Result<String, Problem> {
    let refuse = || {
        Problem::new(
            StatusCode::BAD_REQUEST,
            "host_invalid",
            "exactly one Host header is needed",
        )
        .hint("Send one Host header that agrees with the request line.")
    };
    let mut values = headers.get_all(header::HOST).iter();
    let host = match (values.next(), values.next()) {
        (Some(host), None) => host.to_str().map_err(|_| refuse())?.to_ascii_lowercase(),
        _ => return Err(refuse()),
    };
    match uri.authority() {
        Some(authority) if !authority.as_str().eq_ignore_ascii_case(&host) => Err(refuse()),
        _ => Ok(host),
    }
}

fn front(config: &Config, app: &App) -> Result<Front, PageError> {
    let peer = |app: &App| Peer {
        app: app.name.clone(),
        origin: app.origin.to_string(),
    };
    let source = app
        .handoff_from
        .as_ref()
        .and_then(|name| config.apps.iter().find(|app| app.name == *name));
    let is_target = |other: &&App| other.handoff_from.as_ref() == Some(&app.name);
    Ok(Front {
        own: peer(app),
        handoff_from: source.map(peer),
        handoff_to: config.apps.iter().filter(is_target).map(peer).collect(),
        pages: Pages::read(app)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(uri: &str, hosts: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append(header::HOST, host.parse().unwrap());
        }
        host_of(&uri.parse().unwrap(), &headers).ok()
    }

    #[test]
    fn host_is_one_and_agrees_with_the_request_line() {
        assert_eq!(
            host("/", &["Portal.localhost:8480"]).as_deref(),
            Some("portal.localhost:8480")
        );
        assert_eq!(
            host("http://portal.localhost/", &["portal.localhost"]).as_deref(),
            Some("portal.localhost")
        );
        assert_eq!(host("/", &[]), None);
        assert_eq!(host("/", &["portal.localhost", "floor.localhost"]), None);
        assert_eq!(host("http://floor.localhost/", &["portal.localhost"]), None);
    }
}
