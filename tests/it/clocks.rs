//! The clocks of a session: idle and absolute. Expired is dead at once, purged or not.
//! Time is not waited for where the superuser can move a clock back; the wall clock itself has its own attack test.

use vpd_tests::{
    Database, Result, Subject, VERIFIER, assert_refused, attach, challenge, issue, redeem, role,
};

/// Moves one session's clocks into the past, or the future.
fn shift(database: &Database<'_>, user: &str, column: &str, by: &str) -> Result<()> {
    let update =
        format!("UPDATE vpd_private.session SET {column} = {column} + interval '{by}' WHERE user_name = $1");
    let mut admin = database.admin()?;
    assert_eq!(admin.execute(&update, &[&user])?, 1);
    if column == "last_access_at" {
        admin.batch_execute(&format!(
            "UPDATE vpd_private.session_use SET used_at = used_at + interval '{by}'"
        ))?;
    }
    Ok(())
}

fn seconds_since_last_access(database: &Database<'_>, user: &str) -> Result<f64> {
    let query = "SELECT extract(epoch FROM clock_timestamp() - last_access_at)::float8
                   FROM vpd.sessions WHERE user_name = $1";
    Ok(database.admin()?.query_one(query, &[&user])?.get(0))
}

#[test]
fn an_idle_session_dies_after_thirty_five_minutes() -> Result<()> {
    let database = Database::create()?;
    let mut user = database.connect(role::USER)?;
    let token = Subject::new("alice").log_in(&database)?;
    shift(&database, "alice", "last_access_at", "-34 minutes")?;
    attach(&mut user, &token)?;
    let token = Subject::new("bob").log_in(&database)?;
    shift(&database, "bob", "last_access_at", "-35 minutes")?;
    assert_refused(attach(&mut user, &token), "28000", "session_invalid");
    Ok(())
}

#[test]
fn no_use_moves_the_absolute_limit() -> Result<()> {
    let database = Database::create()?;
    let mut user = database.connect(role::USER)?;
    let token = Subject::new("alice").log_in(&database)?;
    let limit = "SELECT expires_at::text FROM vpd.sessions";
    let before: String = database.admin()?.query_one(limit, &[])?.get(0);
    shift(&database, "alice", "last_access_at", "-30 minutes")?;
    attach(&mut user, &token)?;
    assert_eq!(
        database.admin()?.query_one(limit, &[])?.get::<_, String>(0),
        before
    );
    shift(&database, "alice", "expires_at", "-12 hours")?;
    // A connection that has met the session keeps its clocks, which never run backwards; a fresh one reads them.
    let mut fresh = database.connect(role::USER)?;
    assert_refused(attach(&mut fresh, &token), "28000", "session_invalid");
    Ok(())
}

#[test]
fn use_moves_the_idle_clock_lazily() -> Result<()> {
    let database = Database::create()?;
    let mut user = database.connect(role::USER)?;
    let token = Subject::new("alice").log_in(&database)?;
    shift(&database, "alice", "last_access_at", "-1 second")?;
    attach(&mut user, &token)?;
    assert!(
        seconds_since_last_access(&database, "alice")? >= 1.0,
        "a second ago is recent enough to leave"
    );
    shift(&database, "alice", "last_access_at", "-20 minutes")?;
    attach(&mut database.connect(role::USER)?, &token)?;
    assert!(seconds_since_last_access(&database, "alice")? < 60.0);
    Ok(())
}

#[test]
fn a_token_got_by_handoff_does_not_move_the_idle_clock() -> Result<()> {
    let database = Database::create()?;
    let token = Subject::new("alice").log_in(&database)?;
    let mut bridge = database.connect(role::BRIDGE)?;
    let ticket: String = bridge
        .query_one(
            "SELECT vpd.issue_ticket($1, 'floor', $2)",
            &[&token, &challenge(VERIFIER)],
        )?
        .get(0);
    let floor: String = bridge
        .query_one("SELECT vpd.redeem_ticket($1, 'floor', $2)", &[&ticket, &VERIFIER])?
        .get(0);
    shift(&database, "alice", "last_access_at", "-20 minutes")?;
    let mut user = database.connect(role::USER)?;
    attach(&mut user, &floor)?;
    assert!(seconds_since_last_access(&database, "alice")? > 1000.0);
    shift(&database, "alice", "last_access_at", "-15 minutes")?;
    // RW-4: the second front end has no time-out of its own; the first one's ends both.
    let mut fresh = database.connect(role::USER)?;
    assert_refused(attach(&mut fresh, &floor), "28000", "session_invalid");
    Ok(())
}

#[test]
fn two_applications_that_were_handed_a_session_do_not_keep_it_alive_between_them() -> Result<()> {
    let database = Database::create()?;
    let mut bridge = database.connect(role::BRIDGE)?;
    let portal = Subject::new("alice").log_in_with(&mut bridge)?;
    let mut hand_over = |target: &str| -> Result<String> {
        let ticket = issue(&mut bridge, &portal, target)?;
        Ok(redeem(&mut bridge, &ticket, target)?.ok_or("not redeemed")?)
    };
    let (floor, ledger) = (hand_over("floor")?, hand_over("ledger")?);
    let mut keep_alive = |from: &str, to: &str, target: &str| -> Result<bool> {
        let record = "SELECT vpd.record_message($1, $2)";
        let message: String = bridge.query_one(record, &[&from, &target])?.get(0);
        let validate = "SELECT vpd.validate_message($1, $2)";
        Ok(bridge.query_one(validate, &[&to, &message])?.get(0))
    };
    let idle = "SELECT extract(epoch FROM clock_timestamp() - last_access_at)::float8 FROM vpd.sessions WHERE app = 'portal'";
    let mut admin = database.admin()?;
    admin.batch_execute(
        "UPDATE vpd_private.session SET last_access_at = last_access_at - interval '20 minutes'",
    )?;
    // Each of them is told the truth: the message is good.
    assert!(keep_alive(&floor, &ledger, "ledger")?);
    assert!(keep_alive(&ledger, &floor, "floor")?);
    assert!(admin.query_one(idle, &[])?.get::<_, f64>(0) > 1000.0);
    // control: the application that has the clock moves it
    assert!(keep_alive(&floor, &portal, "portal")?);
    assert!(admin.query_one(idle, &[])?.get::<_, f64>(0) < 1000.0);
    Ok(())
}

#[test]
fn time_outs_come_from_the_application() -> Result<()> {
    let database = Database::create()?;
    database.connect(role::SECURITY)?.execute(
        "SELECT vpd.register_app('vault', 'retail', idle_timeout => '1 minute', absolute_timeout => '2 minutes')",
        &[],
    )?;
    let token = Subject::new("alice").app("vault").log_in(&database)?;
    let row = database.admin()?.query_one(
        "SELECT idle_expires_at - created_at <= '1 minute', expires_at - created_at = '2 minutes' FROM vpd.sessions",
        &[],
    )?;
    assert!(row.get::<_, bool>(0) && row.get::<_, bool>(1));
    shift(&database, "alice", "last_access_at", "-1 minute")?;
    let mut user = database.connect(role::USER)?;
    assert_refused(attach(&mut user, &token), "28000", "session_invalid");
    Ok(())
}

#[test]
fn an_expired_session_is_not_listed_as_live_before_the_purge() -> Result<()> {
    let database = Database::create()?;
    Subject::new("alice").log_in(&database)?;
    shift(&database, "alice", "last_access_at", "-36 minutes")?;
    let row = database
        .connect(role::AUDITOR)?
        .query_one("SELECT is_live FROM vpd.sessions", &[])?;
    assert!(!row.get::<_, bool>(0));
    Ok(())
}
