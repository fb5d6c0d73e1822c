//! A web origin: scheme, host and port, and nothing else.
//!
//! Invariant: the text is the serialization a browser sends in `Origin`, so that origins are compared as exact strings.

use std::fmt;

use serde::Deserialize;

/// A web origin such as `https://portal.example` or `http://portal.localhost:8480`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Origin(String);

impl Origin {
    /// The origin as a browser writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `host[:port]`, as in the `Host` header.
    pub fn host(&self) -> &str {
        self.0.split_once("://").map_or("", |(_, host)| host)
    }

    /// True for `https`.
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }

    /// True for a name or address of this machine.
    pub fn is_loopback(&self) -> bool {
        let host = self.host();
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        name == "localhost" || name.ends_with(".localhost") || name == "127.0.0.1" || name == "[::1]"
    }

    /// The origin of an absolute URL.
    pub fn of_url(url: &str) -> Result<Self, String> {
        let uri: axum::http::Uri = url.parse().map_err(|_| format!("{url} is not a URL"))?;
        match (uri.scheme_str(), uri.authority()) {
            (Some(scheme), Some(authority)) => format!("{scheme}://{authority}").try_into(),
            _ => Err(format!("{url} is not an absolute URL")),
        }
    }
}

impl TryFrom<String> for Origin {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let refuse =
            || format!("{text} is not an origin: scheme://host[:port] in lower case, without a default port");
        let (scheme, host) = text.split_once("://").ok_or_else(refuse)?;
        let default_port = match scheme {
            "http" => ":80",
            "https" => ":443",
            _ => return Err(refuse()),
        };
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.:[]".contains(c);
        if host.is_empty() || host.ends_with(default_port) || !host.chars().all(is_plain) {
            return Err(refuse());
        }
        Ok(Self(text))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_exact_origins_are_origins() {
        for text in [
            "http://portal.localhost:8480",
            "https://portal.example",
            "http://[::1]:8480",
        ] {
            assert_eq!(Origin::try_from(text.to_owned()).unwrap().as_str(), text);
        }
        for text in [
            "portal.localhost",
            "http://",
            "http://portal.example/",
            "http://Portal.example",
            "http://portal.example:80",
            "https://portal.example:443",
            "http://user@portal.example",
            "ftp://portal.example",
            "null",
            "*",
        ] {
            assert!(
                Origin::try_from(text.to_owned()).is_err(),
                "{text} was taken for an origin"
            );
        }
    }

    #[test]
    fn loopback_is_a_name_of_this_machine_and_not_a_prefix_of_another() {
        assert!(
            Origin::try_from("http://login.localhost:8480".to_owned())
                .unwrap()
                .is_loopback()
        );
        assert!(
            !Origin::try_from("http://localhost.example".to_owned())
                .unwrap()
                .is_loopback()
        );
        assert!(
            !Origin::try_from("http://notlocalhost".to_owned())
                .unwrap()
                .is_loopback()
        );
    }
}
