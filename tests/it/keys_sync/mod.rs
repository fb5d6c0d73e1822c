//! `session-bridge keys sync`: the real program fetches keys over HTTP and hands them to a real server, with a role that can do nothing else.

mod doctor;
mod watch;

use postgres::Client;
use serde_json::{Value, json};
use vpd_tests::issuer::{SigningKey, claims};
use vpd_tests::{Database, Desk, Publisher, Result, role};

const CREATE: &str = "SELECT vpd.create_session_from_token($1, 'portal')";

fn trust(database: &Database<'_>, issuer: &str, more: &str) -> Result<()> {
    Ok(database.connect(role::SECURITY)?.batch_execute(&format!(
        "SELECT vpd.trust_issuer('{issuer}', '{{portal-client}}'{more})"
    ))?)
}

fn token(key: &SigningKey, kid: &str, issuer: &str) -> Result<String> {
    key.sign(&json!({"alg": "ES256", "kid": kid}), &claims(issuer, "alice"))
}

fn key() -> Result<SigningKey> {
    SigningKey::generate("ES256")
}

/// Keys of an issuer that are accepted, and those that are still its own.
fn kept(admin: &mut Client, issuer: &str) -> Result<(Vec<String>, Vec<String>)> {
    let row = admin.query_one(
        "SELECT coalesce(array_agg(kid ORDER BY kid) FILTER (WHERE is_accepted), '{}'),
                coalesce(array_agg(kid ORDER BY kid) FILTER (WHERE retired_at IS NULL), '{}')
           FROM vpd.issuer_keys WHERE issuer = $1",
        &[&issuer],
    )?;
    Ok((row.get(0), row.get(1)))
}

/// Runs the command once: its exit code, standard output and standard error.
fn sync(desk: &Desk) -> Result<(Option<i32>, String, String)> {
    let output = desk
        .command(&["keys", "sync"])?
        .env("VPD_BRIDGE__LOG__FILTER", "warn")
        .output()?;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ok((output.status.code(), text(output.stdout), text(output.stderr)))
}

#[test]
fn keys_are_handed_in_and_what_changed_is_told() -> Result<()> {
    let database = Database::create()?;
    let desk = Desk::at(&database)?;
    let (old, new) = (key()?, key()?);
    let publisher = Publisher::start(&[
        old.public("old"),
        json!({"kty": "RSA", "use": "enc", "kid": "\u{1b}[2J"}),
    ])?;
    let issuer = publisher.issuer().to_owned();
    // Nobody is trusted.
    let (code, output, errors) = sync(&desk)?;
    assert_eq!((code, output.as_str()), (Some(1), ""));
    assert!(errors.contains("vpd.trust_issuer"), "{errors}");

    trust(&database, &issuer, "")?;
    let (code, output, errors) = sync(&desk)?;
    assert_eq!((code, errors.as_str()), (Some(0), ""));
    let lines: Vec<_> = output.lines().collect();
    assert!(
        lines[0].starts_with(&format!("{issuer}  old  added  ")),
        "{output}"
    );
    assert_eq!(
        lines[1],
        format!("{issuer}  \\u{{1b}}[2J  skipped: not for signatures")
    );
    let mut web = database.connect(role::WEB)?;
    web.query_one(CREATE, &[&token(&old, "old", &issuer)?])?;

    // Skipped ones are told each time; the others only when they change.
    publisher.publish(&[old.public("old")]);
    assert_eq!(sync(&desk)?, (Some(0), String::new(), String::new()));
    publisher.publish(&[new.public("new")]);
    let (_, output, _) = sync(&desk)?;
    assert!(
        output.contains("  new  added  ") && output.contains("  old  retired  "),
        "{output}"
    );
    // The grace of an hour.
    for (key, kid) in [(&old, "old"), (&new, "new")] {
        web.query_one(CREATE, &[&token(key, kid, &issuer)?])?;
    }
    Ok(())
}

#[test]
fn whatever_a_provider_does_the_keys_stay_and_others_are_served() -> Result<()> {
    let database = Database::create()?;
    let desk = Desk::at(&database)?;
    let (key, other_key) = (key()?, key()?);
    let publisher = Publisher::start(&[key.public("one")])?;
    let other = Publisher::start(&[other_key.public("two")])?;
    for issuer in [publisher.issuer(), other.issuer()] {
        trust(&database, issuer, "")?;
    }
    assert_eq!(sync(&desk)?.0, Some(0));
    let issuer = publisher.issuer().to_owned();
    let mut admin = database.admin()?;
    let before = kept(&mut admin, &issuer)?;
    assert_eq!(before.0, ["one"]);
    let discovery = "/.well-known/openid-configuration";
    let document = |issuer: &str, uri: &str| json!({"issuer": issuer, "jwks_uri": uri}).to_string();
    let keys = |keys: Value| json!({ "keys": keys }).to_string();
    let mut secret = key.public("one");
    secret["d"] = json!("AAAA");
    let evil = SigningKey::generate("ES256")?.public("evil");
    let redirect = format!("302 Found\r\nLocation: {}/jwks.json", other.issuer());
    let huge = keys(json!([evil, {"kty": "oct", "x": "x".repeat(300_000)}]));
    for (number, (path, head, body)) in [
        (discovery, "503 Service Unavailable", String::new()),
        (discovery, "200 OK", "{".to_owned()),
        (
            discovery,
            "200 OK",
            document("http://evil.example", &format!("{}/jwks.json", other.issuer())),
        ),
        (
            discovery,
            "200 OK",
            document(&issuer, "http://evil.example/jwks.json"),
        ),
        (discovery, "200 OK", document(&issuer, "file:///etc/passwd")),
        (discovery, "200 OK", json!({"issuer": issuer}).to_string()),
        ("/jwks.json", "500 Internal Server Error", keys(json!([evil]))),
        ("/jwks.json", redirect.as_str(), String::new()),
        ("/jwks.json", "200 OK", String::new()),
        ("/jwks.json", "200 OK", huge),
        ("/jwks.json", "200 OK", keys(json!([]))),
        ("/jwks.json", "200 OK", keys(json!([secret]))),
        ("/jwks.json", "200 OK", keys(json!([evil, evil]))),
        (
            "/jwks.json",
            "200 OK",
            keys(json!([{"kty": "oct", "k": "AAAA", "kid": "one"}])),
        ),
        ("/jwks.json", "200 OK", "[]".to_owned()),
    ]
    .into_iter()
    .enumerate()
    {
        publisher.publish(&[key.public("one")]);
        publisher.answer_with(path, head, &body);
        // The other provider has another key each time, whoever of the two comes first.
        let kid = format!("two-{number}");
        other.publish(&[other_key.public(&kid)]);
        let (code, output, errors) = sync(&desk)?;
        assert_eq!(code, Some(1), "{path} {head}: {output}");
        assert!(errors.contains("the keys known so far stay in use"), "{errors}");
        assert!(!output.contains(&issuer), "{output}");
        assert_eq!(kept(&mut admin, &issuer)?, before, "{path} {head} {number}");
        assert_eq!(kept(&mut admin, other.issuer())?.1, [kid]);
    }
    // control: the same provider with a good answer
    publisher.publish(&[evil]);
    assert_eq!(sync(&desk)?.0, Some(0));
    assert_eq!(kept(&mut admin, &issuer)?.1, ["evil"]);
    Ok(())
}

#[test]
fn the_steward_needs_a_role_of_its_own_and_a_login() -> Result<()> {
    let database = Database::create()?;
    let desk = Desk::at(&database)?;
    let sound = desk.read("bridge.toml")?;
    let section = format!("[database.keys]\nuser = {:?}", role::KEYS);
    assert!(sound.contains(&section));
    for (config, told) in [
        (sound.replace(role::KEYS, role::WEB), "a role of its own"),
        (
            sound.replace("[database.keys]", "[database.runtime]"),
            "has no database.keys",
        ),
    ] {
        desk.write("bridge.toml", &config)?;
        let (code, _, errors) = sync(&desk)?;
        assert_eq!(code, Some(1));
        assert!(errors.contains(told), "{errors}");
    }
    Ok(())
}
