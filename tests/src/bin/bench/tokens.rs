//! What it costs to open a session from an identity token, beside what nobody can leave away: the look at its signature.

use std::time::Instant;

use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey, crypto};
use postgres::Client;
use serde_json::json;
use vpd_tests::issuer::{SigningKey, claims};
use vpd_tests::{Result, role};

use crate::contest::{Pace, Side, Tally, Target, backend};
use crate::scene::Scene;

const P24: Target = Target::rate(0.50, None);
const ISSUER: &str = "https://bench.example";

/// Measures P-24: the function through one connection, all sessions in one transaction, beside the library that the extension has, in this process and one thread, on tokens
/// of the same key; and beside the function that believes a name, both with a commit each, so that what the token costs is told apart from what the session does.
pub fn measure(scene: &Scene<'_>, pace: &Pace, wanted: &dyn Fn(&str) -> bool) -> Result<()> {
    if !wanted("P-24") {
        return Ok(());
    }
    scene.database.connect(role::SECURITY)?.batch_execute(&format!(
        "SELECT vpd.trust_issuer('{ISSUER}', '{{portal-client}}')"
    ))?;
    for (name, algorithm) in [("ES256", Algorithm::ES256), ("RS256", Algorithm::RS256)] {
        let key = SigningKey::generate(name)?;
        let document = key.public(name);
        scene.database.connect(role::KEYS)?.query(
            "SELECT FROM vpd.set_issuer_keys($1, $2::text::jsonb)",
            &[&ISSUER, &json!({"keys": [document]}).to_string()],
        )?;
        let jwk: Jwk = serde_json::from_value(document)?;
        let what = format!("create_session_from_token : the signature alone, in this process, {name}");
        let theirs = verify(&key, name, algorithm, DecodingKey::from_jwk(&jwk)?)?;
        scene.row(
            "P-24",
            &what,
            pace,
            P24,
            create(scene, &key, name, "BEGIN")?,
            theirs,
        )?;
        let what = format!("create_session_from_token : create_session, committed, {name}");
        let ours = create(scene, &key, name, "")?;
        scene.row("P-24", &what, pace, P24, ours, create_by_name(scene, name)?)?;
    }
    Ok(())
}

/// A token that was not used yet, for a user who has no session.
fn token(key: &SigningKey, name: &str, number: u32) -> Result<String> {
    key.sign(
        &json!({"alg": name, "kid": name}),
        &claims(ISSUER, &format!("token{name}{number}")),
    )
}

/// Sessions from tokens; making the tokens is not counted.
fn create<'a>(scene: &Scene<'_>, key: &'a SigningKey, name: &'a str, begin: &str) -> Result<Side<'a>> {
    let web = scene.database.connect(role::WEB)?;
    let statement = "SELECT vpd.create_session_from_token($1, 'portal')";
    each(web, begin, statement, move |number| token(key, name, number))
}

/// Sessions for names that are believed.
fn create_by_name<'a>(scene: &Scene<'_>, name: &'a str) -> Result<Side<'a>> {
    let bridge = scene.database.connect(role::BRIDGE)?;
    let statement = "SELECT vpd.create_session($1, 'portal')";
    each(bridge, "", statement, move |number| {
        Ok(format!("name{name}{number}"))
    })
}

/// One statement again and again, each time with another argument.
fn each<'a>(
    mut client: Client,
    begin: &str,
    statement: &str,
    argument: impl Fn(u32) -> Result<String> + 'a,
) -> Result<Side<'a>> {
    let statement = client.prepare(statement)?;
    let backend = backend(&mut client)?;
    client.batch_execute(begin)?;
    let mut number = 0;
    Ok(Side::new(vec![backend], move |turn| {
        let mut tally = Tally::default();
        while tally.elapsed < turn {
            number += 1;
            let argument = argument(number)?;
            let start = Instant::now();
            client.query_one(&statement, &[&argument])?;
            tally.elapsed += start.elapsed();
            tally.count += 1;
        }
        Ok(tally)
    }))
}

/// The signature of a token, again and again.
fn verify<'a>(key: &SigningKey, name: &str, algorithm: Algorithm, decoding: DecodingKey) -> Result<Side<'a>> {
    let token = token(key, name, 0)?;
    let process = i32::try_from(std::process::id())?;
    Ok(Side::new(vec![process], move |turn| {
        let (text, signature) = token.rsplit_once('.').ok_or("no token")?;
        let start = Instant::now();
        let mut tally = Tally::default();
        while tally.elapsed < turn {
            if !crypto::verify(signature, text.as_bytes(), &decoding, algorithm)? {
                return Err("the signature is not good".into());
            }
            tally.count += 1;
            tally.elapsed = start.elapsed();
        }
        Ok(tally)
    }))
}
