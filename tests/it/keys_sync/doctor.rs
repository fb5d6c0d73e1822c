//! `doctor`: whether tokens of the provider can open sessions, and whether the roles have no more than they should.

use serde_json::json;
use vpd_tests::{Database, Desk, Publisher, Result, role};

use super::{key, sync};

#[test]
fn the_doctor_sees_whether_tokens_can_open_sessions() -> Result<()> {
    let database = Database::create()?;
    let desk = Desk::at(&database)?;
    let one = key()?;
    let publisher = Publisher::start(&[one.public("one")])?;
    let issuer = publisher.issuer().to_owned();
    let discovery = json!({
        "issuer": issuer, "jwks_uri": format!("{issuer}/jwks.json"),
        "authorization_endpoint": format!("{issuer}/auth"), "token_endpoint": format!("{issuer}/token"),
    });
    publisher.answer_with(
        "/.well-known/openid-configuration",
        "200 OK",
        &discovery.to_string(),
    );
    let config = desk
        .read("bridge.toml")?
        .replace("https://login.example", &issuer)
        + "[[app]]\nname = \"portal\"\norigin = \"http://portal.localhost:8480\"\n";
    desk.write("bridge.toml", &config)?;
    let mut admin = database.admin()?;
    admin.batch_execute("SELECT vpd.register_app('portal', 'retail', '{http://portal.localhost:8480}')")?;
    let diagnosis = || -> Result<(Option<i32>, String)> {
        let (code, output, errors) = desk.run(&["doctor"])?;
        let line = output.lines().find(|line| line.contains("identity tokens"));
        Ok((code, line.ok_or(errors)?.to_owned()))
    };
    let mut steps = [
        ("", "vpd.trust_issuer"),
        ("SELECT vpd.trust_issuer('ISSUER', '{other}')", "audiences"),
        (
            "SELECT vpd.trust_issuer('ISSUER', '{bridge}', kind => 'access')",
            "kind => identity",
        ),
        ("SELECT vpd.trust_issuer('ISSUER', '{bridge}', '{floor}')", "apps"),
        (
            "SELECT vpd.trust_issuer('ISSUER', '{bridge}', '{portal}')",
            "keys sync",
        ),
    ]
    .into_iter();
    steps.try_for_each(|(statement, hint)| -> Result<()> {
        admin.batch_execute(&statement.replace("ISSUER", &issuer))?;
        let (code, line) = diagnosis()?;
        assert!(
            code == Some(1) && line.starts_with("FAIL") && line.contains(hint),
            "{line}"
        );
        Ok(())
    })?;
    assert_eq!(sync(&desk)?.0, Some(0));
    let (code, output, errors) = desk.run(&["doctor"])?;
    assert_eq!(code, Some(0), "{output}{errors}");
    // An application with audiences wants a name to sign by.
    assert!(!output.contains("tokens for services"), "{output}");
    desk.write(
        "bridge.toml",
        &(config + "audiences = [\"https://stock.example\"]\n"),
    )?;
    let (code, output, _) = desk.run(&["doctor"])?;
    assert!(
        code == Some(1) && output.contains("vpd.set_issuer_name"),
        "{output}"
    );
    admin.batch_execute("SELECT vpd.set_issuer_name('https://sessions.example')")?;
    let (code, output, errors) = desk.run(&["doctor"])?;
    assert_eq!(code, Some(0), "{output}{errors}");
    // Whoever may invent users is no bridge.
    admin.execute(
        "SELECT vpd.grant_profile('session_creator', $1::text::regrole)",
        &[&role::WEB],
    )?;
    let (code, output, _) = desk.run(&["doctor"])?;
    assert!(code == Some(1) && output.contains("session_creator"), "{output}");
    admin.execute(
        "SELECT vpd.revoke_profile('session_creator', $1::text::regrole)",
        &[&role::WEB],
    )?;
    // And whoever has the keys creates no session.
    admin.execute(
        "SELECT vpd.grant_profile('bridge', $1::text::regrole)",
        &[&role::KEYS],
    )?;
    let (code, output, _) = desk.run(&["doctor"])?;
    assert!(
        code == Some(1) && output.contains("who has keys must not"),
        "{output}"
    );
    Ok(())
}
