//! Policy `authentication`: how a request shows its session. A handler names the kind it takes as an argument.
//!
//! Not here: whether the session lives; that is for the database, with every call. Invariant: a browser route reads the cookie only
//! and a service route the `Authorization` header only, so that neither can be driven with the other's credential.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;

use super::cookie;
use super::problem::Problem;
use super::record::Record;
use crate::db::{Identity, Pool};
use crate::vpd::{Token, session};

/// Whoever sent the request, as far as it said.
#[derive(Debug)]
pub struct Caller {
    /// Token of the session.
    pub token: Token,
    record: Arc<Record>,
}

impl Caller {
    /// Notes for the log whose session it was, and passes the answer on.
    pub fn note<T>(&self, (identity, answer): (Identity, T)) -> T {
        self.record.identify(&identity);
        answer
    }

    /// Notes for the log whose session it was.
    pub fn is(&self, identity: &Identity) {
        self.record.identify(identity);
    }

    /// Looks up whose session it is, for the log; `None` when it is over. Does not count as use.
    pub async fn identify(&self, pool: &Pool) -> Result<Option<Identity>, Problem> {
        let identity = session::identify(pool, &self.token).await?;
        if let Some(identity) = &identity {
            self.is(identity);
        }
        Ok(identity)
    }
}

/// A caller with a session cookie.
#[derive(Debug)]
pub struct Browser(pub Caller);

/// A caller with a bearer token (RFC 6750).
#[derive(Debug)]
pub struct Bearer(pub Caller);

impl<S: Sync> FromRequestParts<S> for Browser {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let token = cookie::read(&parts.headers, cookie::SESSION).map(str::to_owned);
        caller(parts, token).map(Self)
    }
}

impl<S: Sync> FromRequestParts<S> for Bearer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let mut values = parts.headers.get_all(AUTHORIZATION).iter();
        let token = match (values.next(), values.next()) {
            (Some(value), None) => value.to_str().ok().and_then(bearer_token).map(str::to_owned),
            _ => None,
        };
        caller(parts, token).map(Self)
    }
}

fn caller(parts: &Parts, token: Option<String>) -> Result<Caller, Problem> {
    let record = parts.extensions.get::<Arc<Record>>().cloned();
    let record = record.ok_or_else(|| Problem::internal("the request has no record"))?;
    let token = token.ok_or_else(Problem::session_invalid)?.into();
    Ok(Caller { token, record })
}

fn bearer_token(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_bearer_token_is_one() {
        assert_eq!(bearer_token("Bearer vs_x"), Some("vs_x"));
        assert_eq!(bearer_token("bearer  vs_x "), Some("vs_x"));
        assert_eq!(bearer_token("Basic dXNlcjpwdw=="), None);
        assert_eq!(bearer_token("Bearer"), None);
        assert_eq!(bearer_token("Bearer  "), None);
    }
}
