//! What signs: algorithms, secrets, signatures and curves (RFC 8725, 2.1, 2.2, 2.5).

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use vpd_tests::issuer::{SigningKey, encode};
use vpd_tests::{Result, assert_refused, role};

use super::scene::{good, header, scene, with};
use super::{ISSUER, Line};

fn with_secret(algorithm: hmac::Algorithm, header: &serde_json::Value, secret: &[u8]) -> String {
    let signed = format!(
        "{}.{}",
        encode(header.to_string().as_bytes()),
        encode(good().to_string().as_bytes())
    );
    let tag = hmac::sign(&hmac::Key::new(algorithm, secret), signed.as_bytes());
    format!("{signed}.{}", encode(tag.as_ref()))
}

/// 2.1: no signature; a public key as a shared secret. 2.2: secrets that are empty or weak.
#[test]
fn no_algorithm_but_those_of_the_issuer_counts() -> Result<()> {
    let scene = scene()?;
    let SigningKey::Rsa(pair) = &scene.rsa else {
        return Err("no RSA key".into());
    };
    let der = {
        use aws_lc_rs::signature::KeyPair as _;
        pair.public_key().as_ref().to_vec()
    };
    let pem = format!(
        "-----BEGIN RSA PUBLIC KEY-----\n{}\n-----END RSA PUBLIC KEY-----\n",
        STANDARD.encode(&der)
    );
    let mut lines: Vec<Line> = Vec::new();
    for (algorithm, name) in [
        (hmac::HMAC_SHA256, "HS256"),
        (hmac::HMAC_SHA384, "HS384"),
        (hmac::HMAC_SHA512, "HS512"),
    ] {
        for (kind, secret) in [
            ("DER", der.clone()),
            ("PEM", pem.clone().into_bytes()),
            (
                "PEM without its last line end",
                pem.trim_end().as_bytes().to_vec(),
            ),
            ("JWK", scene.rsa.public("rsa").to_string().into_bytes()),
            ("an empty secret", Vec::new()),
            ("a weak secret", b"secret".to_vec()),
        ] {
            let head = json!({"alg": name, "kid": "rsa"});
            lines.push((
                format!("{name} with {kind}"),
                with_secret(algorithm, &head, &secret),
                "algorithm",
            ));
        }
    }
    let whole = scene.own.sign(&header(), &good())?;
    let (_, rest) = whole.split_once('.').ok_or("no token")?;
    let (body, signature) = rest.split_once('.').ok_or("no token")?;
    for name in [
        "none", "None", "NONE", "nOnE", "", "null", "HS256 ", "ES256K", "ES512", "RSA1_5",
    ] {
        let head = encode(with(header(), "alg", json!(name)).to_string().as_bytes());
        lines.push((
            format!("{name:?} with a signature"),
            format!("{head}.{body}.{signature}"),
            "algorithm",
        ));
        lines.push((
            format!("{name:?} without one"),
            format!("{head}.{body}."),
            "signature",
        ));
    }
    // The padding of another algorithm of the same key.
    let text = |signed: &str, named: &str| {
        let head = json!({"alg": named, "kid": "rsa"}).to_string();
        scene
            .rsa
            .sign_text(&json!({ "alg": signed }), head, good().to_string())
    };
    lines.push(("PKCS#1 as PSS".to_owned(), text("RS256", "PS256")?, "signature"));
    lines.push(("PSS as PKCS#1".to_owned(), text("PS256", "RS256")?, "signature"));
    scene.assert_recorded(&lines)
}

/// 2.1, CVE-2022-21449 and its kin: values that are no signature of anything. 2.5: another curve.
#[test]
fn a_signature_is_one_of_the_curve_in_its_one_form() -> Result<()> {
    let scene = scene()?;
    let whole = scene.own.sign(&header(), &good())?;
    let (text, signature) = whole.rsplit_once('.').ok_or("no token")?;
    let bytes = vpd_tests::issuer::decode(signature)?;
    let order: Vec<u8> = [
        &[0xff; 4][..],
        &[0; 4],
        &[0xff; 8],
        &[
            0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
        ],
    ]
    .concat();
    let integer = |value: &[u8]| [&[2, 33, 0][..], value].concat();
    let der = [&[0x30, 70][..], &integer(&bytes[..32]), &integer(&bytes[32..])].concat();
    let mut lines: Vec<Line> = Vec::new();
    for (what, forged) in [
        ("zeros", vec![0; 64]),
        ("the order of the curve", [order.clone(), order].concat()),
        (
            "one and one",
            [[0; 31].to_vec(), vec![1], [0; 31].to_vec(), vec![1]].concat(),
        ),
        ("DER", der),
        ("a byte more", [bytes.clone(), vec![0]].concat()),
        ("a byte less", bytes[..63].to_vec()),
        ("half of it", bytes[..32].to_vec()),
        ("of a larger curve", vec![1; 96]),
    ] {
        lines.push((
            what.to_owned(),
            format!("{text}.{}", encode(&forged)),
            "signature",
        ));
    }
    for (algorithm, key, reason) in [
        ("ES256", "curve", "key_unfit"),
        ("ES384", "own", "key_unfit"),
        ("RS256", "own", "key_unfit"),
        ("EdDSA", "own", "key_unfit"),
        ("ES256", "rsa", "key_unfit"),
    ] {
        let head = json!({"alg": algorithm, "kid": key});
        lines.push((
            format!("{algorithm} of {key}"),
            scene.own.sign(&head, &good())?,
            reason,
        ));
    }
    scene.assert_recorded(&lines)
}

/// 2.5, 2.2: what is no key of an accepted curve or length comes in no set of keys.
#[test]
fn a_weak_key_cannot_be_handed_in() -> Result<()> {
    let scene = scene()?;
    // Of another curve: it is passed over, and the others of the set are taken.
    let weak = [
        json!({"kty": "EC", "crv": "P-192", "x": "AAAA", "y": "AAAA", "kid": "weak"}),
        json!({"kty": "EC", "crv": "secp256k1", "x": "AAAA", "y": "AAAA", "kid": "weak"}),
        json!({"kty": "EC", "crv": "P-521", "x": "AAAA", "y": "AAAA", "kid": "weak"}),
        json!({"kty": "OKP", "crv": "X25519", "x": "AAAA", "kid": "weak"}),
        json!({"kty": "OKP", "crv": "Ed448", "x": "AAAA", "kid": "weak"}),
    ];
    let mut steward = scene.database.connect(role::KEYS)?;
    let hand_in = "SELECT count(*) FROM vpd.set_issuer_keys($1, $2::text::jsonb) WHERE kid = 'weak' AND change = 'skipped: of another type'";
    for key in weak {
        let keys = json!({"keys": [scene.own.public("own"), key]}).to_string();
        let skipped: i64 = steward.query_one(hand_in, &[&ISSUER, &keys])?.get(0);
        assert_eq!(skipped, 1, "{keys}");
    }
    // 2.2, and of points with few multiples.
    for bad in [
        json!({"kty": "oct", "k": "", "kid": "weak"}),
        json!({"kty": "OKP", "crv": "Ed25519", "x": encode(&[0; 32]), "kid": "weak"}),
        json!({"kty": "RSA", "e": "AQAB", "n": encode(&[0xff; 128]), "kid": "weak"}),
    ] {
        let keys = json!({"keys": [scene.own.public("own"), bad]}).to_string();
        assert_refused(
            steward.query(hand_in, &[&ISSUER, &keys]),
            "22023",
            "argument_invalid",
        );
    }
    Ok(())
}
