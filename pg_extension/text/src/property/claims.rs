//! Identity tokens and their claims, as far as no key is needed.

use crate::identity::{Algorithm, Claims, check, inspect};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

const ALGORITHMS: [Algorithm; 2] = [Algorithm::RS256, Algorithm::ES256];

/// The bytes are a token, or the claims in one.
pub fn hold(bytes: &[u8]) {
    if let Ok(claims) = serde_json::from_slice::<Claims>(bytes) {
        told(&claims);
    }
    let Ok(token) = std::str::from_utf8(bytes) else {
        return;
    };
    let part = |number: usize| {
        let text = token.split('.').nth(number)?;
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        serde_json::from_slice::<Value>(&bytes).ok()
    };
    if let Ok((header, kid)) = inspect(token, &ALGORITHMS) {
        assert!(token.len() <= 16 * 1024 && token.split('.').count() == 3);
        assert!(ALGORITHMS.contains(&header.alg));
        let read = part(0).unwrap_or_default();
        assert_eq!(read["kid"], kid);
        assert_eq!(read["alg"], format!("{:?}", header.alg));
        assert!(
            read["typ"]
                .as_str()
                .is_none_or(|typ| typ.eq_ignore_ascii_case("jwt"))
        );
    }
    if let Some(claims) = part(1).and_then(|claims| serde_json::from_value::<Claims>(claims).ok()) {
        told(&claims);
    }
}

/// What of the claims becomes the session: what they say, under the names that say who said it.
fn told(claims: &Claims) {
    let attributes = claims.session_attributes();
    assert_eq!(attributes["app"], Value::Object(claims.attributes.clone()));
    assert_eq!(attributes["identity"]["issuer"], claims.iss);
    let known = ["issuer", "acr", "amr"];
    let identity = attributes["identity"].as_object();
    assert!(identity.is_some_and(|identity| identity.keys().all(|key| known.contains(&key.as_str()))));
    assert_eq!(attributes.as_object().map(|table| table.len()), Some(2));
    // Who is accepted now is accepted later, as far as the making goes; and nobody else's token ever is.
    let clients = ["portal", claims.azp.as_deref().unwrap_or("portal")];
    for client in clients {
        let mut is_accepted = false;
        for now in [0.0, 1e9, 2e9, 4e18, 1e300] {
            let verdict = check(claims, client, now);
            assert!(verdict.is_ok() || !is_accepted, "{claims:?} at {now}");
            is_accepted = verdict.is_ok();
            assert!(!is_accepted || claims.azp.as_deref().is_none_or(|party| party == client));
            assert!(!is_accepted || claims.iat.is_none_or(|made| made <= now + 30.0));
        }
    }
}
