//! Identity tokens, their claims and the keys of issuers, as far as nothing is signed.

use crate::identity::{
    Accepted, Attributes, Circumstances, Issuer, Key, Kind, MAX_ACTORS, MAX_LENGTH, Offered, Path, Token,
    accept, algorithms, read_keys,
};
use serde_json::{Map, Value, json};
use std::collections::HashSet;

/// The bytes are a token, or the claims in one, or a set of keys.
pub fn hold(bytes: &[u8]) {
    if let Ok(document) = serde_json::from_slice::<Value>(bytes) {
        offered(&document);
        if let Value::Object(claims) = document {
            accepted(&claims);
        }
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(token) = Token::read(text) {
        assert!(text.len() <= MAX_LENGTH && text.split('.').count() == 3);
        assert!(!token.key_id().is_empty());
        assert_eq!(Token::read(text).map(|again| again.digest()), Ok(token.digest()));
        // Whatever the signature is made of, it is the same token.
        let (signed, _) = text.rsplit_once('.').unwrap_or_default();
        assert_eq!(
            Token::read(&format!("{signed}.AAAA")).map(|other| other.digest()),
            Ok(token.digest())
        );
        accepted(token.claims());
    }
}

/// What of the claims becomes the session: nobody but whom they name, for no longer than they say.
fn accepted(claims: &Map<String, Value>) {
    for kind in [Kind::Identity, Kind::Access, Kind::Database] {
        let Some(issuer) = issuer(kind) else { return };
        for now in [0.0, 1e9, 1.9e9, 2e9, 4e9] {
            let circumstances = Circumstances { now, nonce: None };
            let Ok(accepted) = accept(claims, &issuer, &circumstances) else {
                continue;
            };
            told(claims, &accepted);
            let number = |name: &str| claims.get(name).and_then(Value::as_f64).unwrap_or(f64::NAN);
            assert!(
                now < accepted.usable_until && accepted.usable_until <= number("exp") + issuer.clock_skew
            );
            assert!(
                number("iat") <= now + issuer.clock_skew
                    && now < number("iat") + issuer.max_age + issuer.clock_skew
            );
            // It is over for good, and a nonce that it does not have is never its own.
            let later = Circumstances {
                now: accepted.usable_until,
                nonce: None,
            };
            assert!(accept(claims, &issuer, &later).is_err());
            let other = Circumstances {
                now,
                nonce: Some("\u{1}another login"),
            };
            assert!(accept(claims, &issuer, &other).is_err());
        }
    }
}

fn told(claims: &Map<String, Value>, accepted: &Accepted) {
    let name = claims.get("sub").and_then(Value::as_str).unwrap_or_default();
    assert_eq!(accepted.user, format!("idp/{name}"));
    if let Some(travelled) = &accepted.travelled {
        // Identity, who acts, whose name is written down, and nothing else.
        assert!(accepted.roles.is_empty() && accepted.groups.is_empty());
        assert!(
            accepted
                .attributes
                .as_object()
                .is_some_and(|spaces| spaces.keys().eq(["identity"]))
        );
        let persons: HashSet<&String> = travelled.actors.iter().chain([&accepted.user]).collect();
        assert_eq!(persons.len(), travelled.actors.len() + 1);
        assert!(travelled.actors.len() <= MAX_ACTORS && persons.iter().all(|name| name.starts_with("idp/")));
        return;
    }
    assert!(claims.get("act").is_none());
    for name in accepted.roles.iter().chain(&accepted.groups) {
        assert!(!name.trim().is_empty() && !name.chars().any(char::is_control));
    }
    let namespaces = accepted
        .attributes
        .as_object()
        .map(|table| table.keys().cloned().collect::<Vec<_>>());
    assert_eq!(
        namespaces,
        Some(vec!["app".to_owned(), "identity".to_owned(), "own".to_owned()])
    );
    assert_eq!(accepted.attributes["identity"]["issuer"], "https://idp.example");
    let known = ["issuer", "acr", "amr"];
    let identity = accepted.attributes["identity"].as_object();
    assert!(identity.is_some_and(|identity| identity.keys().all(|key| known.contains(&key.as_str()))));
    let values = ["app", "own"]
        .iter()
        .flat_map(|space| accepted.attributes[*space].as_object())
        .flatten();
    for (_, value) in values {
        let is_plain = |value: &Value| !value.is_object() && !value.is_array();
        assert!(is_plain(value) || value.as_array().is_some_and(|list| list.iter().all(is_plain)));
    }
}

/// What is kept of keys is public, and reads as it was read.
fn offered(document: &Value) {
    for one in read_keys(document).unwrap_or_default() {
        if let Offered::Key(key) = one {
            let kept = key.document();
            let names = ["kty", "e", "n", "crv", "x", "y", "kid", "alg"];
            assert!(
                kept.as_object()
                    .is_some_and(|kept| kept.keys().all(|name| names.contains(&name.as_str())))
            );
            let again = Key::read(&kept).map(|again| (again.document(), again.thumbprint()));
            assert_eq!(again, Some((kept, key.thumbprint())));
        }
    }
}

fn issuer(kind: Kind) -> Option<Issuer> {
    Some(Issuer {
        name: "https://idp.example".to_owned(),
        audiences: vec!["portal".to_owned()],
        kind,
        algorithms: algorithms(&["ES256".to_owned()]).ok()?,
        clock_skew: 30.0,
        max_age: 600.0,
        required: Vec::new(),
        user: Path::parse("sub")?,
        user_prefix: "idp/".to_owned(),
        roles: Path::parse("/realm_access/roles"),
        groups: Path::parse("groups"),
        attributes: Attributes::parse(
            &json!({"app": "attributes", "own": {"email": "email", "first": "/list/0"}}),
        )
        .ok()?,
    })
}
