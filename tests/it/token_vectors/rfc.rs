//! The vectors as they are printed. Those that are signed well name no key and an issuer that is no address, so the database asks no further; that their signature is good is shown
//! with the library that the extension has, and, with the keys of the RFCs, by tokens that say the same and name both.

use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey, crypto};
use serde_json::{Value, json};
use vpd_tests::issuer::{SigningKey, now};
use vpd_tests::{Database, Result};

use super::{ISSUER, Line, assert_recorded, trust};

/// Tokens and private keys of the RFCs.
const PRINTED: &str = include_str!("rfc.json");
/// The keys, with the identifiers that RFC 7515, A.6 and RFC 8037, A.3 give them, and the token that each signed.
const KEYS: [(&str, &str, &str, &str); 3] = [
    ("7515 A.2", "2010-12-29", "RS256", "7515 A.2"),
    (
        "7515 A.3",
        "e9bc097a-ce51-4036-9562-d2ade882db0d",
        "ES256",
        "7515 A.3",
    ),
    (
        "8037 A.1",
        "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
        "EdDSA",
        "8037 A.4",
    ),
];

fn printed() -> Result<Value> {
    Ok(serde_json::from_str(PRINTED)?)
}

fn token<'a>(printed: &'a Value, name: &str) -> Result<&'a str> {
    Ok(printed["tokens"][name].as_str().ok_or("no such token")?)
}

fn public_keys(printed: &Value) -> Result<Vec<Value>> {
    KEYS.iter()
        .map(|(name, id, ..)| Ok(SigningKey::read(&printed["keys"][name])?.public(id)))
        .collect()
}

#[test]
fn what_is_printed_is_refused_each_for_its_own_reason() -> Result<()> {
    let database = Database::create()?;
    let printed = printed()?;
    trust(&database, ISSUER, &public_keys(&printed)?)?;
    let lines: Result<Vec<Line>> = [
        // HMAC; RFC 7519, 3.1 is the same.
        ("7515 A.1", "algorithm"),
        ("7515 A.2", "key_unnamed"),
        ("7515 A.3", "key_unnamed"),
        // P-521, which is not taken.
        ("7515 A.4", "algorithm"),
        // Unsecured; RFC 7519, 6.1 is the same.
        ("7515 A.5", "signature"),
        // JSON, general and flattened.
        ("7515 A.6", "malformed"),
        ("7515 A.7", "malformed"),
        // One that every implementation must refuse.
        ("7515 E", "signature"),
        // Encrypted, and nested.
        ("7519 A.1", "malformed"),
        ("7519 A.2", "malformed"),
        ("8037 A.4", "key_unnamed"),
    ]
    .into_iter()
    .map(|(name, reason)| Ok((name.to_owned(), token(&printed, name)?.to_owned(), reason)))
    .collect();
    let lines = lines?;
    assert_eq!(
        Some(lines.len()),
        printed["tokens"].as_object().map(serde_json::Map::len)
    );
    assert_recorded(&database, &lines)
}

/// So the reason above is that no key is named, and nothing else: the library finds each signature good, and none of the others' keys fits.
#[test]
fn the_library_finds_the_printed_signatures_good() -> Result<()> {
    let printed = printed()?;
    for (name, id, algorithm, signed) in KEYS {
        let key = SigningKey::read(&printed["keys"][name])?;
        let (text, signature) = token(&printed, signed)?.rsplit_once('.').ok_or("no token")?;
        let jwk: Jwk = serde_json::from_value(key.public(id))?;
        let algorithm: Algorithm = algorithm.parse()?;
        let decoding = DecodingKey::from_jwk(&jwk)?;
        assert!(
            crypto::verify(signature, text.as_bytes(), &decoding, algorithm)?,
            "{signed}"
        );
        let changed = text.replacen("eyJ", "eyK", 1);
        assert!(
            !crypto::verify(signature, changed.as_bytes(), &decoding, algorithm)?,
            "{signed}"
        );
    }
    // RSA and Ed25519 sign the same alike each time: the keys are those of the RFCs.
    for (name, header, said, signed) in [
        (
            "7515 A.2",
            json!({"alg": "RS256"}),
            "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}",
            "7515 A.2",
        ),
        (
            "8037 A.1",
            json!({"alg": "EdDSA"}),
            "Example of Ed25519 signing",
            "8037 A.4",
        ),
    ] {
        let key = SigningKey::read(&printed["keys"][name])?;
        assert_eq!(
            key.sign_text(&header, header.to_string(), said)?,
            token(&printed, signed)?
        );
    }
    Ok(())
}

/// What the vectors say, by an issuer that can be one, with a key that is named: the database gets as far as the claims.
#[test]
fn with_a_named_key_it_is_the_claims_that_are_refused() -> Result<()> {
    let database = Database::create()?;
    let printed = printed()?;
    trust(&database, ISSUER, &public_keys(&printed)?)?;
    let said = json!({"iss": ISSUER, "exp": 1_300_819_380, "http://example.com/is_root": true});
    let mut whole = said.clone();
    for (name, value) in [
        ("aud", json!("portal-client")),
        ("iat", json!(1_300_819_320)),
        ("sub", json!("joe")),
    ] {
        whole[name] = value;
    }
    let mut elsewhere = whole.clone();
    elsewhere["aud"] = json!("another");
    let mut lines: Vec<Line> = Vec::new();
    let mut good = Vec::new();
    for (number, (name, id, algorithm, _)) in KEYS.into_iter().enumerate() {
        let key = SigningKey::read(&printed["keys"][name])?;
        let header = json!({"alg": algorithm, "kid": id});
        for (claims, reason) in [
            (&said, "claim_missing"),
            (&whole, "expired"),
            (&elsewhere, "audience"),
        ] {
            lines.push((format!("{name} {reason}"), key.sign(&header, claims)?, reason));
        }
        // control: with a letter of the signature changed it does not get that far
        let token = key.sign(&header, &whole)?;
        let (text, signature) = token.rsplit_once('.').ok_or("no token")?;
        let other = if signature.starts_with('A') { "B" } else { "A" };
        lines.push((
            format!("{name} changed"),
            format!("{text}.{other}{}", &signature[1..]),
            "signature",
        ));
        let mut in_time = whole.clone();
        (in_time["iat"], in_time["exp"]) = (json!(now()), json!(now() + 60));
        in_time["jti"] = json!(number);
        good.push(key.sign(&header, &in_time)?);
    }
    assert_recorded(&database, &lines)?;
    // control: and in time they open a session
    let mut bridge = database.connect(vpd_tests::role::WEB)?;
    for token in good {
        super::log_in(&mut bridge, &token)?;
    }
    Ok(())
}
