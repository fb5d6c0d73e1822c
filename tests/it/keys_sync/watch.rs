//! `--watch`: when a provider is asked, how often, and what it outlives.

use std::ffi::OsStr;
use std::path::Path;
use std::time::{Duration, Instant};

use vpd_tests::{
    Database, Desk, Publisher, Result, assert_refused, log_folder, program, role, until, until_within,
};

use super::{CREATE, kept, key, token, trust};
use crate::browser::program::Program;

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
