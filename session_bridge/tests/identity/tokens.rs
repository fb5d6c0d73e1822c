//! What is accepted, what is refused, and how often the provider is asked.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use session_bridge::identity::IdentityError;

use crate::provider::{Key, Scene, now};

#[tokio::test]
async fn sound_token_gives_its_claims() {
    let key = Key::new("k1");
    let scene = Scene::new(&[&key]).await;
    let claims = scene
        .provider
        .verify(&key.sign(&scene.claims()), Some("n1"))
        .await
        .unwrap();
    assert_eq!(
        (claims.sub.as_str(), claims.roles.as_slice()),
        ("alice", &["manager".to_owned()][..])
    );
    assert_eq!(
        claims.session_attributes(),
        json!({"app": {"regions": ["West"]}, "identity": {"issuer": scene.issuer}})
    );
}

#[tokio::test]
async fn claims_that_are_not_right_are_refused() {
    let key = Key::new("k1");
    let scene = Scene::new(&[&key]).await;
    for (name, value, reason) in [
        ("iss", json!("http://evil.example"), "from another issuer"),
        ("iss", json!(format!("{}/", scene.issuer)), "from another issuer"),
        ("aud", json!("other"), "for another audience"),
        ("aud", json!(["other", "another"]), "for another audience"),
        ("exp", json!(now() - 60), "expired"),
        ("exp", Value::Null, "a required claim is missing"),
        ("sub", Value::Null, "malformed"),
        ("nbf", json!(now() + 120), "not valid yet"),
        ("iat", json!(now() + 120), "from the future"),
        ("auth_time", json!(now() + 120), "from the future"),
        ("nonce", json!("n2"), "of another login"),
        ("nonce", Value::Null, "of another login"),
        ("azp", json!("other"), "given to another client"),
        ("roles", json!("manager"), "malformed"),
        ("attributes", json!([]), "malformed"),
    ] {
        let mut claims = scene.claims_with(name, value.clone());
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        }
        let found = scene.reason(&key.sign(&claims)).await;
        let is_missing = name == "sub" && found == "a required claim is missing";
        assert!(found == reason || is_missing, "{name} = {value}: {found}");
    }
}

#[tokio::test]
async fn forged_signatures_are_refused() {
    let (key, stranger) = (Key::new("k1"), Key::new("k1"));
    let scene = Scene::new(&[&key]).await;
    assert_eq!(
        scene.reason(&stranger.sign(&scene.claims())).await,
        "signature does not match"
    );

    let body = URL_SAFE_NO_PAD.encode(scene.claims().to_string());
    let none = URL_SAFE_NO_PAD.encode(json!({"alg": "none", "kid": "k1"}).to_string());
    assert_eq!(
        scene.reason(&format!("{none}.{body}.")).await,
        "not a JSON web token"
    );

    // The public key as a shared secret: the classic confusion.
    let mut header = Header::new(Algorithm::HS256);
    header.kid = Some("k1".to_owned());
    let confused = encode(&header, &scene.claims(), &EncodingKey::from_secret(&key.point)).unwrap();
    assert_eq!(
        scene.reason(&confused).await,
        "signed with an algorithm that is not accepted"
    );

    let signed = key.sign(&scene.claims());
    let (head, tail) = signed.split_once('.').unwrap();
    let renamed = URL_SAFE_NO_PAD.encode(json!({"alg": "RS256", "kid": "k1", "typ": "JWT"}).to_string());
    assert_eq!(
        scene.reason(&format!("{renamed}.{tail}")).await,
        "signed with a key of another algorithm"
    );
    let other_type =
        URL_SAFE_NO_PAD.encode(json!({"alg": "ES256", "kid": "k1", "typ": "at+jwt"}).to_string());
    assert_eq!(
        scene.reason(&format!("{other_type}.{tail}")).await,
        "not an identity token"
    );
    let no_kid = URL_SAFE_NO_PAD.encode(json!({"alg": "ES256"}).to_string());
    assert_eq!(
        scene.reason(&format!("{no_kid}.{tail}")).await,
        "without a key identifier"
    );
    assert_eq!(scene.reason("x").await, "not a JSON web token");
    assert_eq!(
        scene.reason(&format!("{head}.{}", "x".repeat(20_000))).await,
        "longer than 16 KiB"
    );
}

#[tokio::test]
async fn unknown_keys_are_asked_for_once_and_by_one() {
    let (key, stranger) = (Key::new("k1"), Key::new("unknown"));
    let scene = Scene::new(&[&key]).await;
    let token = key.sign(&scene.claims());
    let logins: Vec<_> = (0..20)
        .map(|_| {
            let (provider, token) = (Arc::clone(&scene.provider), token.clone());
            tokio::spawn(async move { provider.verify(&token, Some("n1")).await.is_ok() })
        })
        .collect();
    for login in logins {
        assert!(login.await.unwrap());
    }
    assert_eq!(scene.requests(), 1, "twenty logins at once asked more than once");
    for _ in 0..20 {
        assert_eq!(
            scene.reason(&stranger.sign(&scene.claims())).await,
            "signed with an unknown key"
        );
    }
    assert_eq!(scene.requests(), 1, "unknown keys asked again within a minute");
    assert!(scene.provider.verify(&token, Some("n1")).await.is_ok());
}

#[tokio::test]
async fn known_keys_stay_good_while_the_provider_is_down() {
    let key = Key::new("k1");
    let scene = Scene::new(&[&key]).await;
    let token = key.sign(&scene.claims());
    assert!(scene.provider.verify(&token, Some("n1")).await.is_ok());
    scene.published.is_down.store(true, Ordering::Relaxed);
    assert!(scene.provider.verify(&token, Some("n1")).await.is_ok());
}

#[tokio::test]
async fn provider_that_was_down_at_first_is_asked_again() {
    let key = Key::new("k1");
    let scene = Scene::new(&[&key]).await;
    scene.published.is_down.store(true, Ordering::Relaxed);
    let token = key.sign(&scene.claims());
    let refused = scene.provider.verify(&token, Some("n1")).await;
    assert!(
        matches!(refused, Err(IdentityError::Unavailable(_))),
        "{refused:?}"
    );
    scene.published.is_down.store(false, Ordering::Relaxed);
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    assert!(scene.provider.verify(&token, Some("n1")).await.is_ok());
}

#[tokio::test]
async fn discovery_that_names_another_issuer_is_refused() {
    let key = Key::new("k1");
    let scene = Scene::new(&[&key]).await;
    "http://evil.example".clone_into(&mut scene.published.issuer.lock().unwrap());
    let refused = scene
        .provider
        .verify(&key.sign(&scene.claims()), Some("n1"))
        .await;
    assert!(
        matches!(refused, Err(IdentityError::Unavailable(_))),
        "{refused:?}"
    );
}
