//! `session-bridge keys sync`: the real program fetches keys over HTTP and hands them to a real server, with a role that can do nothing else.

use std::ffi::OsStr;
use std::path::Path;
use std::time::{Duration, Instant};

use postgres::Client;
use serde_json::{Value, json};
use vpd_tests::issuer::{SigningKey, claims};
use vpd_tests::{
    Database, Desk, Publisher, Result, assert_refused, log_folder, program, role, until, until_within,
};

use crate::browser::program::Program;

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

/// Starts the command to go on; the pauses are in seconds.
fn watch(desk: &Desk, interval: u32, pause: u32, name: &str) -> Result<Program> {
    let log = log_folder().join(format!("keys-{}-{name}.log", std::process::id()));
    let settings = [
        "VPD_BRIDGE__LOG__FILTER=warn".to_owned(),
        format!("VPD_BRIDGE__KEYS__INTERVAL_SECONDS={interval}"),
        format!("VPD_BRIDGE__KEYS__PAUSE_SECONDS={pause}"),
    ];
    let config = desk.path("bridge.toml");
    let mut arguments: Vec<&OsStr> = settings.iter().map(OsStr::new).collect();
    arguments.extend([program()?.as_os_str(), OsStr::new("--config"), config.as_os_str()]);
    arguments.extend(["keys", "sync", "--watch"].map(OsStr::new));
    Program::start(Path::new("env"), &arguments, &log)
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
fn a_key_that_tokens_name_is_fetched_at_once_and_seldom() -> Result<()> {
    const PAUSE: u32 = 3;
    let database = Database::create()?;
    let desk = Desk::at(&database)?;
    let (old, new) = (key()?, key()?);
    let publisher = Publisher::start(&[old.public("old")])?;
    let issuer = publisher.issuer().to_owned();
    trust(&database, &issuer, ", key_grace => '1 second'")?;
    program()?;
    let began = Instant::now();
    let _watch = watch(&desk, 600, PAUSE, "seldom")?;
    let mut admin = database.admin()?;
    until("the first keys are there", || {
        Ok(kept(&mut admin, &issuer)?.0 == ["old"])
    })?;
    publisher.publish(&[new.public("new")]);
    let fresh = token(&new, "new", &issuer)?;
    let mut web = database.connect(role::WEB)?;
    assert_refused(web.query_one(CREATE, &[&fresh]), "28000", "token_refused");
    until_within(Duration::from_secs(20), "the new key is followed", || {
        Ok(kept(&mut admin, &issuer)?.1 == ["new"])
    })?;
    // The same token: what was refused was not used up. One of the old key lives as long as the grace says.
    web.query_one(CREATE, &[&fresh])?;
    until(
        "the grace is over",
        || Ok(kept(&mut admin, &issuer)?.0 == ["new"]),
    )?;
    assert_refused(
        web.query_one(CREATE, &[&token(&old, "old", &issuer)?]),
        "28000",
        "token_refused",
    );
    // However many tokens name unknown keys, and for however long.
    let stranger = key()?;
    for number in 0.. {
        if began.elapsed() > Duration::from_secs(4 * u64::from(PAUSE)) {
            break;
        }
        let forged = token(&stranger, &format!("unknown-{number}"), &issuer)?;
        assert_refused(web.query_one(CREATE, &[&forged]), "28000", "token_refused");
    }
    let most = 1 + began.elapsed().as_secs() / u64::from(PAUSE);
    let asked = publisher.requests() as u64;
    assert!((3..=most).contains(&asked), "asked {asked} times, at most {most}");
    Ok(())
}

#[test]
fn nobody_is_asked_while_no_key_is_missed() -> Result<()> {
    // Missed keys are counted for the whole server.
    let (_turn, cluster) = vpd_tests::Cluster::quiet()?;
    let database = Database::create_in(cluster)?;
    let desk = Desk::at(&database)?;
    let one = key()?;
    let publisher = Publisher::start(&[one.public("one")])?;
    let issuer = publisher.issuer().to_owned();
    trust(&database, &issuer, "")?;
    let _watch = watch(&desk, 600, 1, "quiet")?;
    let mut admin = database.admin()?;
    until("the first keys are there", || {
        Ok(kept(&mut admin, &issuer)?.0 == ["one"])
    })?;
    let mut web = database.connect(role::WEB)?;
    // Neither good tokens, nor bad ones of known keys, nor any of issuers that nobody trusts.
    let stranger = key()?;
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(4) {
        web.query_one(CREATE, &[&token(&one, "one", &issuer)?])?;
        for bad in [
            token(&stranger, "one", &issuer)?,
            token(&stranger, "x", "https://idp.example")?,
            "x.y.z".to_owned(),
        ] {
            assert_refused(web.query_one(CREATE, &[&bad]), "28000", "token_refused");
        }
    }
    assert_eq!(publisher.requests(), 1);
    // control: one that names an unknown key
    let forged = token(&stranger, "unknown", &issuer)?;
    assert_refused(web.query_one(CREATE, &[&forged]), "28000", "token_refused");
    until("it is asked again", || Ok(publisher.requests() == 2))
}

#[test]
fn it_goes_on_when_the_provider_or_the_database_was_away() -> Result<()> {
    let database = Database::create()?;
    let desk = Desk::at(&database)?;
    let (one, two) = (key()?, key()?);
    let publisher = Publisher::start(&[one.public("one")])?;
    publisher.answer_with("/jwks.json", "503 Service Unavailable", "");
    let issuer = publisher.issuer().to_owned();
    let _watch = watch(&desk, 600, 1, "away")?;
    let mut admin = database.admin()?;
    // An issuer that is trusted later is looked at as well.
    trust(&database, &issuer, "")?;
    until("it was asked in vain", || Ok(publisher.requests() > 0))?;
    publisher.publish(&[one.public("one")]);
    until(
        "it is asked again",
        || Ok(kept(&mut admin, &issuer)?.0 == ["one"]),
    )?;
    let ended: i64 = admin
        .query_one(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = $1 AND datname = current_database()",
            &[&role::KEYS],
        )?
        .get(0);
    assert_eq!(ended, 1);
    publisher.publish(&[two.public("two")]);
    let mut web = database.connect(role::WEB)?;
    let fresh = token(&two, "two", &issuer)?;
    until("the connection is made again", || {
        Ok(web.query_one(CREATE, &[&fresh]).is_ok())
    })
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
