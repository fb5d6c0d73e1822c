//! A provider that answers over loopback HTTP, with keys it makes and changes.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use session_bridge::config::{Identity, IdentityMode};
use session_bridge::identity::{IdentityError, Provider};

/// A signing key.
pub struct Key {
    kid: String,
    pkcs8: Vec<u8>,
    pub point: Vec<u8>,
}

impl Key {
    pub fn new(kid: &str) -> Self {
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let document = EcdsaKeyPair::generate_pkcs8(algorithm, &SystemRandom::new()).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref()).unwrap();
        Self {
            kid: kid.to_owned(),
            pkcs8: document.as_ref().to_vec(),
            point: pair.public_key().as_ref().to_vec(),
        }
    }

    fn public(&self) -> Value {
        let (x, y) = self.point[1..].split_at(32);
        json!({"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.kid,
               "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y)})
    }

    pub fn sign(&self, claims: &Value) -> String {
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some(self.kid.clone());
        encode(&header, claims, &EncodingKey::from_ec_der(&self.pkcs8)).unwrap()
    }
}

/// What a provider publishes, and how often its keys were asked for.
#[derive(Default)]
pub struct Published {
    pub issuer: Mutex<String>,
    keys: Mutex<Vec<Value>>,
    requests: AtomicUsize,
    pub is_down: AtomicBool,
}

/// A provider on loopback and the bridge's view of it.
pub struct Scene {
    pub published: Arc<Published>,
    pub provider: Arc<Provider>,
    pub issuer: String,
}

impl Scene {
    pub async fn new(keys: &[&Key]) -> Self {
        static SET_UP: std::sync::Once = std::sync::Once::new();
        SET_UP.call_once(|| {
            let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port());
        let published = Arc::new(Published::default());
        issuer.clone_into(&mut published.issuer.lock().unwrap());
        let routes = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/jwks.json", get(jwks))
            .with_state(Arc::clone(&published));
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        let provider = Arc::new(Provider::new(settings(&issuer)).unwrap());
        let scene = Self {
            published,
            provider,
            issuer,
        };
        scene.publish(keys);
        scene
    }

    pub fn publish(&self, keys: &[&Key]) {
        *self.published.keys.lock().unwrap() = keys.iter().map(|key| key.public()).collect();
    }

    pub fn requests(&self) -> usize {
        self.published.requests.load(Ordering::Relaxed)
    }

    pub fn claims(&self) -> Value {
        json!({"iss": self.issuer, "aud": "bridge", "sub": "alice", "iat": now(), "exp": now() + 300,
               "nonce": "n1", "roles": ["manager"], "attributes": {"regions": ["West"]}})
    }

    pub fn claims_with(&self, name: &str, value: Value) -> Value {
        let mut claims = self.claims();
        claims[name] = value;
        claims
    }

    pub async fn reason(&self, token: &str) -> &'static str {
        match self.provider.verify(token, Some("n1")).await {
            Err(IdentityError::Refused(reason)) => reason,
            other => panic!("expected a refusal, got {other:?}"),
        }
    }
}

async fn discovery(State(published): State<Arc<Published>>) -> Json<Value> {
    let issuer = published.issuer.lock().unwrap().clone();
    Json(
        json!({"issuer": issuer, "authorization_endpoint": format!("{issuer}/authorize"),
                "token_endpoint": format!("{issuer}/token"), "jwks_uri": format!("{issuer}/jwks.json")}),
    )
}

async fn jwks(State(published): State<Arc<Published>>) -> Result<Json<Value>, StatusCode> {
    published.requests.fetch_add(1, Ordering::Relaxed);
    // Long enough for requests that come together to meet.
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    if published.is_down.load(Ordering::Relaxed) {
        return Err(StatusCode::SERVICE_UNAVAILABLE);
    }
    Ok(Json(json!({"keys": *published.keys.lock().unwrap()})))
}

fn settings(issuer: &str) -> Identity {
    Identity {
        mode: IdentityMode::Oidc,
        issuer: issuer.to_owned(),
        client_id: "bridge".to_owned(),
        client_secret_file: None,
        ca_file: None,
        scope: "openid".to_owned(),
        algorithms: vec![Algorithm::ES256, Algorithm::RS256],
        dev_users: Vec::new(),
    }
}

pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}
