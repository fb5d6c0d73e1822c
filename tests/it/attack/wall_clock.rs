//! `now()` stands still in a transaction. Expiry goes by the clock on the wall.

use std::time::SystemTime;

use postgres::IsolationLevel;
use vpd_tests::{
    Database, Result, Subject, assert_refused, attach, create_orders, expected_ids, ids, outcome,
    protected_orders, role,
};

const ORDERS: &str = "SELECT id FROM shop.orders";

#[test]
fn control_an_expiry_against_now_never_comes_in_a_long_transaction() -> Result<()> {
    let database = Database::create_bare()?;
    create_orders(&database)?;
    let mut admin = database.admin()?;
    admin.batch_execute(
        "CREATE TABLE shop.live (expires_at timestamptz); GRANT SELECT ON shop.live TO app_user;
         INSERT INTO shop.live VALUES (clock_timestamp() + interval '1500 ms');
         ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY;
         CREATE POLICY live ON shop.orders USING (EXISTS (SELECT FROM shop.live WHERE now() < expires_at))",
    )?;
    let mut user = database.connect(role::USER)?;
    let mut session = user.transaction()?;
    assert_eq!(ids(&mut session, ORDERS)?.len(), 40);
    admin.batch_execute("SELECT pg_sleep_until(expires_at) FROM shop.live")?;
    assert_eq!(ids(&mut session, ORDERS)?.len(), 40);
    Ok(())
}

/// A session that dies soon, by one of its two clocks, and when. That is late enough for what comes first, on a busy machine too.
fn dying(database: &Database<'_>, clock: &str) -> Result<(String, SystemTime)> {
    let token = Subject::in_region("alice", "East").log_in(database)?;
    let update = match clock {
        "idle" => {
            "UPDATE vpd_private.session SET last_access_at = clock_timestamp() - idle_timeout + interval '2 seconds'
             RETURNING last_access_at + idle_timeout"
        }
        _ => {
            "UPDATE vpd_private.session SET expires_at = clock_timestamp() + interval '2 seconds' RETURNING expires_at"
        }
    };
    let end = database.admin()?.query_one(update, &[])?.get(0);
    Ok((token, end))
}

/// Waits until the clock of the database has passed a moment.
fn pass(database: &Database<'_>, moment: SystemTime) -> Result<()> {
    let mut admin = database.admin()?;
    admin.execute(
        "SELECT pg_sleep_until($1::timestamptz + interval '1 ms')",
        &[&moment],
    )?;
    Ok(())
}

#[test]
fn a_session_dies_by_the_absolute_limit_in_the_middle_of_a_transaction() -> Result<()> {
    for level in [
        IsolationLevel::ReadCommitted,
        IsolationLevel::RepeatableRead,
        IsolationLevel::Serializable,
    ] {
        let database = protected_orders()?;
        let (token, end) = dying(&database, "absolute")?;
        let mut user = database.connect(role::USER)?;
        let prepared = user.prepare(ORDERS)?;
        let mut session = user.build_transaction().isolation_level(level).start()?;
        attach(&mut session, &token)?;
        session.batch_execute("DECLARE c CURSOR FOR SELECT id FROM shop.orders; SAVEPOINT alive")?;
        assert_eq!(ids(&mut session, ORDERS)?, expected_ids("East"));
        assert_eq!(session.query(&prepared, &[])?.len(), 10);
        pass(&database, end)?;
        let seen = outcome(session.query(&prepared, &[]).map(|rows| rows.len()));
        assert!(seen.is_err() || seen == Ok(0), "prepared: {seen:?}");
        session.batch_execute("ROLLBACK TO alive")?;
        for statement in [ORDERS, "FETCH ALL FROM c", "DELETE FROM shop.orders RETURNING id"] {
            let seen = outcome(ids(&mut session, statement)).unwrap_or_default();
            assert!(seen.is_empty(), "{statement}: {seen:?}");
            session.batch_execute("ROLLBACK TO alive")?;
        }
        session.rollback()?;
        assert_refused(attach(&mut user, &token), "28000", "session_invalid");
    }
    Ok(())
}

#[test]
fn a_session_that_is_used_just_before_the_idle_limit_lives_on() -> Result<()> {
    let database = protected_orders()?;
    let (token, end) = dying(&database, "idle")?;
    let mut user = database.connect(role::USER)?;
    attach(&mut user, &token)?;
    pass(&database, end)?;
    // The use above moved the idle clock: by far more than a fraction of the time-out had passed.
    attach(&mut user, &token)?;
    Ok(())
}

#[test]
fn an_idle_session_is_dead_to_the_second() -> Result<()> {
    let database = protected_orders()?;
    let (token, end) = dying(&database, "idle")?;
    pass(&database, end)?;
    assert_refused(
        attach(&mut database.connect(role::USER)?, &token),
        "28000",
        "session_invalid",
    );
    Ok(())
}

#[test]
fn a_client_cannot_set_the_clock() -> Result<()> {
    let database = protected_orders()?;
    let (token, end) = dying(&database, "absolute")?;
    pass(&database, end)?;
    let mut user = database.connect(role::USER)?;
    for trick in [
        "SET TimeZone = 'Etc/GMT+12'",
        "SET DateStyle = 'SQL, DMY'",
        "SET IntervalStyle = 'sql_standard'",
    ] {
        user.batch_execute(trick)?;
        assert_refused(attach(&mut user, &token), "28000", "session_invalid");
    }
    Ok(())
}
