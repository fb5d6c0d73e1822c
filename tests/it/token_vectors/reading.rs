//! How a token is written (RFC 8725, 2.4, 2.6, 3.10): in one way, or it is none.

use serde_json::{Value, json};
use vpd_tests::Result;

use super::Line;
use super::scene::{good, header, scene, with};

/// Texts that are not UTF-8, or not one JSON object.
#[test]
fn claims_are_one_json_object_in_utf_8() -> Result<()> {
    let scene = scene()?;
    let said = good().to_string();
    let inner = scene.own.sign(&header(), &good())?;
    let utf16 =
        |text: &str, order: fn(u16) -> [u8; 2]| -> Vec<u8> { text.encode_utf16().flat_map(order).collect() };
    let utf32: Vec<u8> = said
        .chars()
        .flat_map(|letter| u32::from(letter).to_be_bytes())
        .collect();
    let latin = said
        .replace("alice", "\u{0}")
        .bytes()
        .map(|byte| if byte == 0 { 0xe9 } else { byte })
        .collect::<Vec<u8>>();
    let mut lines: Vec<Line> = Vec::new();
    let mut add =
        |what: &str, token: String, reason: &'static str| lines.push((what.to_owned(), token, reason));
    for (what, text) in [
        ("UTF-16 LE", utf16(&said, u16::to_le_bytes)),
        ("UTF-16 BE", utf16(&said, u16::to_be_bytes)),
        (
            "UTF-16 with a mark",
            [vec![0xff, 0xfe], utf16(&said, u16::to_le_bytes)].concat(),
        ),
        ("UTF-32", utf32),
        (
            "UTF-8 with a mark",
            [&[0xef, 0xbb, 0xbf][..], said.as_bytes()].concat(),
        ),
        ("Latin-1", latin),
        (
            "half of a surrogate",
            said.replace("alice", "\\ud800").into_bytes(),
        ),
        ("another object behind it", format!("{said}{said}").into_bytes()),
        ("a comment", format!("{said}/**/").into_bytes()),
        ("a comma at the end", said.replace('}', ",}").into_bytes()),
        ("single quotes", said.replace('"', "'").into_bytes()),
        ("a token within", inner.clone().into_bytes()),
        ("a text", json!(said).to_string().into_bytes()),
        ("compressed", vec![0xab, 0x56, 0x2a, 0x2e, 0x4d, 0x52, 0xb2, 0x52]),
        ("nothing", Vec::new()),
    ] {
        add(
            what,
            scene.own.sign_text(&header(), header().to_string(), &text)?,
            "malformed",
        );
    }
    scene.assert_recorded(&lines)
}

/// Texts that two readers understand in two ways, and extensions that are not understood.
#[test]
fn nothing_is_said_twice_and_nothing_asked_that_is_not_understood() -> Result<()> {
    let scene = scene()?;
    let said = good().to_string();
    let own = |head: &str, said: &str| scene.own.sign_text(&header(), head, said);
    let twice = |name: &str| format!("{{{name}:\"bob\",{}", &said[1..]);
    let nested = format!("{{\"act_on\":{{\"a\":1,\"a\":2}},{}", &said[1..]);
    let mut lines: Vec<Line> = Vec::new();
    let mut add =
        |what: &str, token: String, reason: &'static str| lines.push((what.to_owned(), token, reason));
    for (what, text) in [
        ("sub twice", twice("\"sub\"")),
        (
            "sub twice, once in letters of another kind",
            twice("\"\\u0073ub\""),
        ),
        ("iss twice", twice("\"iss\"")),
        ("exp twice", twice("\"exp\"")),
        ("twice below", nested),
    ] {
        add(what, own(&header().to_string(), &text)?, "duplicate_member");
    }
    for (what, text) in [
        ("alg twice", r#"{"alg":"none","alg":"ES256","kid":"own"}"#),
        ("kid twice", r#"{"alg":"ES256","kid":"evil","kid":"own"}"#),
        (
            "kid twice, once in other letters",
            r#"{"alg":"ES256","\u006bid":"evil","kid":"own"}"#,
        ),
    ] {
        add(what, own(text, &said)?, "duplicate_member");
    }
    for extension in [
        json!([]),
        json!(["exp"]),
        json!(["alg"]),
        json!(["b64"]),
        json!("exp"),
        Value::Null,
    ] {
        let head = with(with(header(), "crit", extension.clone()), "b64", json!(false));
        add(
            &format!("crit {extension}"),
            scene.own.sign(&head, &good())?,
            "critical_header",
        );
    }
    scene.assert_recorded(&lines)
}

/// The compact form, and no other.
#[test]
fn parts_are_three_in_base64url() -> Result<()> {
    let scene = scene()?;
    let inner = scene.own.sign(&header(), &good())?;
    let mut lines: Vec<Line> = Vec::new();
    let mut add =
        |what: &str, token: String, reason: &'static str| lines.push((what.to_owned(), token, reason));
    let (text, signature) = inner.rsplit_once('.').ok_or("no token")?;
    for (what, token) in [
        ("padded", format!("{text}=.{signature}")),
        ("the other alphabet", inner.replacen("eyJ", "ey+", 1)),
        ("a line end within", format!("{}\n{}", &inner[..20], &inner[20..])),
        ("a scheme before it", format!("Bearer {inner}")),
        ("a part more", format!("{inner}.")),
        ("a part of JSON", format!("{text}.{{}}")),
    ] {
        add(what, token, "malformed");
    }
    scene.assert_recorded(&lines)
}
