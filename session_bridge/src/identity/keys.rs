//! The provider's public keys, kept.
//!
//! Invariant: the provider is asked at most once a minute, by one request at a time, and keys already known stay good while it is down.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use jsonwebtoken::jwk::{Jwk, JwkSet};
use tokio::sync::Mutex;
use tracing::{info, warn};

use super::IdentityError;

/// Shortest pause between two requests, whatever the tokens that come in claim about their key.
const PAUSE: Duration = Duration::from_secs(60);
/// Shortest pause while no key is known at all: then nobody can log in, and the provider may just have come up late.
const PAUSE_WITHOUT_KEYS: Duration = Duration::from_secs(1);
/// After this the keys are asked for again, so that a key the provider withdrew goes.
const MAX_AGE: Duration = Duration::from_secs(600);

/// The provider's public keys.
#[derive(Debug, Default)]
pub struct KeyCache {
    known: RwLock<Option<(Arc<JwkSet>, Instant)>>,
    last_request: Mutex<Option<Instant>>,
}

impl KeyCache {
    /// The key of an identifier; asks the provider through `fetch` when it is unknown or the keys are old.
    pub async fn find<F>(&self, kid: &str, fetch: F) -> Result<Jwk, IdentityError>
    where
        F: Future<Output = Result<JwkSet, IdentityError>>,
    {
        if let Some(key) = self.known_key(kid, true) {
            return Ok(key);
        }
        let mut last_request = self.last_request.lock().await;
        // Whoever held the lock before may have brought the key.
        if let Some(key) = self.known_key(kid, true) {
            return Ok(key);
        }
        let pause = if self.is_empty() {
            PAUSE_WITHOUT_KEYS
        } else {
            PAUSE
        };
        if last_request.is_none_or(|at| at.elapsed() >= pause) {
            *last_request = Some(Instant::now());
            match fetch.await {
                Ok(keys) => self.remember(keys),
                Err(error) if self.is_empty() => return Err(error),
                Err(error) => warn!(event = "identity.keys", %error, "the keys known so far stay in use"),
            }
        } else if self.is_empty() {
            return Err(IdentityError::Unavailable(
                "its keys could not be had a moment ago".to_owned(),
            ));
        }
        self.known_key(kid, false)
            .ok_or(IdentityError::Refused("signed with an unknown key"))
    }

    fn known_key(&self, kid: &str, only_fresh: bool) -> Option<Jwk> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let (keys, since) = known.as_ref()?;
        if only_fresh && since.elapsed() > MAX_AGE {
            return None;
        }
        keys.find(kid).cloned()
    }

    fn is_empty(&self) -> bool {
        self.known
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .is_none()
    }

    fn remember(&self, keys: JwkSet) {
        info!(
            event = "identity.keys",
            count = keys.keys.len(),
            "fetched the provider's keys"
        );
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Some((Arc::new(keys), Instant::now()));
    }
}
