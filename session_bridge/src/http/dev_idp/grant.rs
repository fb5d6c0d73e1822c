//! Authorization codes that were given out and not exchanged yet.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::identity::{challenge_of, is_equal, random_token};

const LIFETIME: Duration = Duration::from_secs(60);
const MAX_OPEN: usize = 10_000;

/// What a code stands for.
#[derive(Debug, Clone)]
pub struct Grant {
    pub user: String,
    pub redirect_uri: String,
    pub nonce: Option<String>,
    pub challenge: String,
}

/// Codes by value.
#[derive(Debug, Default)]
pub struct Grants(Mutex<HashMap<String, (Grant, Instant)>>);

impl Grants {
    /// Gives out a code.
    pub fn issue(&self, grant: Grant) -> Result<String, String> {
        let code = random_token().map_err(|_| "no random code could be made")?;
        let mut open = self.open();
        open.retain(|_, (_, since)| since.elapsed() < LIFETIME);
        if open.len() >= MAX_OPEN {
            return Err("too many logins are open".to_owned());
        }
        open.insert(code.clone(), (grant, Instant::now()));
        Ok(code)
    }

    /// Takes a code back, whatever comes of it.
    pub fn redeem(&self, code: &str, redirect_uri: &str, verifier: &str) -> Option<Grant> {
        let (grant, since) = self.open().remove(code)?;
        let is_good = since.elapsed() < LIFETIME
            && grant.redirect_uri == redirect_uri
            && is_equal(&grant.challenge, &challenge_of(verifier));
        is_good.then_some(grant)
    }

    fn open(&self) -> MutexGuard<'_, HashMap<String, (Grant, Instant)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant() -> Grant {
        let challenge = challenge_of("verifier");
        Grant {
            user: "alice".to_owned(),
            redirect_uri: "http://a".to_owned(),
            nonce: None,
            challenge,
        }
    }

    #[test]
    fn code_is_good_once() {
        let grants = Grants::default();
        let code = grants.issue(grant()).unwrap();
        assert_eq!(
            grants.redeem(&code, "http://a", "verifier").unwrap().user,
            "alice"
        );
        assert!(grants.redeem(&code, "http://a", "verifier").is_none());
    }

    #[test]
    fn code_is_lost_with_a_wrong_verifier_or_address() {
        let grants = Grants::default();
        for (redirect_uri, verifier) in [("http://a", "other"), ("http://b", "verifier")] {
            let code = grants.issue(grant()).unwrap();
            assert!(grants.redeem(&code, redirect_uri, verifier).is_none());
            assert!(grants.redeem(&code, "http://a", "verifier").is_none());
        }
    }
}
