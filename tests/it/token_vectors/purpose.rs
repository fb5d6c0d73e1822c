//! Whom a token is for (RFC 8725, 2.7, 2.8).

use serde_json::json;
use vpd_tests::issuer::claims;
use vpd_tests::{Result, role};

use super::scene::{OTHER, good, header, scene, with};
use super::{ISSUER, Line, log_in};

/// 2.7, 2.8: a token of another sort, for somebody else, or of another issuer. Each of them is signed well.
#[test]
fn a_token_for_another_purpose_opens_nothing() -> Result<()> {
    let scene = scene()?;
    let mut lines: Vec<Line> = Vec::new();
    for kind in [
        "at+jwt",
        "application/at+jwt",
        "AT+JWT",
        "logout+jwt",
        "secevent+jwt",
        "dpop+jwt",
        "oauth-authz-req+jwt",
        "token-introspection+jwt",
        "vpd-identity+jwt",
        "jose",
    ] {
        let head = with(header(), "typ", json!(kind));
        lines.push((kind.to_owned(), scene.own.sign(&head, &good())?, "type"));
    }
    let events = json!({"http://schemas.openid.net/event/backchannel-logout": {}});
    for (name, value, reason) in [
        ("events", events, "type"),
        ("aud", json!("other-client"), "audience"),
        ("aud", json!("portal-client.evil.example"), "audience"),
        ("aud", json!("PORTAL-CLIENT"), "audience"),
        ("azp", json!("other-client"), "authorized_party"),
        ("act", json!({"sub": "peter"}), "actor"),
    ] {
        let said = with(good(), name, value);
        lines.push((
            format!("{name} {}", said[name]),
            scene.own.sign(&header(), &said)?,
            reason,
        ));
    }
    // Whoever signs for one issuer says nothing for another, though their keys have the same name.
    let theirs = json!({"alg": "ES256", "kid": "theirs"});
    for (what, key, head, issuer, reason) in [
        (
            "the other for the first",
            &scene.other,
            &header(),
            ISSUER,
            "signature",
        ),
        (
            "the first for the other",
            &scene.own,
            &header(),
            OTHER,
            "signature",
        ),
        (
            "with the name of its own key",
            &scene.other,
            &theirs,
            ISSUER,
            "key_unknown",
        ),
        (
            "for nobody",
            &scene.own,
            &header(),
            "https://nobody.example",
            "issuer_unknown",
        ),
    ] {
        lines.push((what.to_owned(), key.sign(head, &claims(issuer, "alice"))?, reason));
    }
    scene.assert_recorded(&lines)?;
    // control: for itself it does
    let mut bridge = scene.database.connect(role::WEB)?;
    log_in(&mut bridge, &scene.other.sign(&theirs, &claims(OTHER, "bob"))?)?;
    Ok(())
}
