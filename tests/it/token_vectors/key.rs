//! Which key counts (RFC 8725, 2.9, 2.10).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use vpd_tests::issuer::encode;
use vpd_tests::{Publisher, Result};

use super::Line;
use super::scene::{good, header, scene, with};

/// 2.9, 2.10: keys that the token brings along or says where to fetch, and identifiers that are more than a name. Nobody is asked for anything.
#[test]
fn a_key_is_one_that_was_handed_in_whatever_the_header_says() -> Result<()> {
    let scene = scene()?;
    let attacker = &scene.attacker;
    let publisher = Publisher::start(&[attacker.public("own"), attacker.public("evil")])?;
    let address = format!("{}/jwks.json", publisher.issuer());
    let mut lines: Vec<Line> = Vec::new();
    for (name, value) in [
        ("jwk", attacker.public("own")),
        ("jku", json!(address)),
        ("x5u", json!(address)),
        ("x5c", json!([STANDARD.encode([0x30; 64])])),
        ("x5t", json!(encode(&[1; 20]))),
        ("x5t#S256", json!(encode(&[1; 32]))),
    ] {
        for (kid, reason) in [
            (json!("own"), "signature"),
            (json!("evil"), "key_unknown"),
            (json!(address), "key_unknown"),
            (json!(""), "key_unnamed"),
        ] {
            let head = with(with(header(), name, value.clone()), "kid", kid.clone());
            lines.push((
                format!("{name} and {kid}"),
                attacker.sign(&head, &good())?,
                reason,
            ));
        }
    }
    for kid in [
        "own\u{0}",
        "\u{0}own",
        "OWN",
        " own",
        "own ",
        "own\n",
        "%6fwn",
        "../own",
        "../../../../../../dev/null",
        "/proc/sys/kernel/randomize_va_space",
        "own' OR 'a' = 'a",
        "own'; DROP TABLE vpd_private.issuer_key; --",
        "$(id)",
        "{{own}}",
        "file:///etc/passwd",
        "о\u{77}n",
    ] {
        let head = with(header(), "kid", json!(kid));
        lines.push((format!("{kid:?}"), scene.own.sign(&head, &good())?, "key_unknown"));
    }
    scene.assert_recorded(&lines)?;
    assert_eq!(
        publisher.requests(),
        0,
        "somebody asked for a key that a token named"
    );
    Ok(())
}
