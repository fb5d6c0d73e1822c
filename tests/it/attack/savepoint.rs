//! State outside the transaction survives ROLLBACK TO SAVEPOINT. A session must not.

use vpd_tests::{
    Database, Result, Subject, assert_refused, attach, create_orders, expected_ids, fresh_ids, ids,
    protected_orders, role,
};

const ORDERS: &str = "SELECT id FROM shop.orders";

#[test]
fn control_an_identity_outside_the_transaction_survives_the_rollback() -> Result<()> {
    let database = Database::create_bare()?;
    create_orders(&database)?;
    // A sequence stands for any state of a backend that does not take part in transactions.
    database.admin()?.batch_execute(
        "CREATE SEQUENCE shop.who; GRANT USAGE ON SEQUENCE shop.who TO PUBLIC;
         ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY;
         CREATE POLICY who ON shop.orders USING (id = currval('shop.who'))",
    )?;
    let mut user = database.connect(role::USER)?;
    user.batch_execute("BEGIN; SAVEPOINT before; SELECT nextval('shop.who'); ROLLBACK TO before")?;
    assert_eq!(ids(&mut user, ORDERS)?, [1]);
    Ok(())
}

#[test]
fn a_session_attached_in_a_savepoint_goes_with_it() -> Result<()> {
    let database = protected_orders()?;
    let east = Subject::in_region("alice", "East").log_in(&database)?;
    let west = Subject::in_region("bob", "West").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    user.batch_execute("BEGIN; SAVEPOINT one")?;
    attach(&mut user, &east)?;
    assert_eq!(ids(&mut user, ORDERS)?, expected_ids("East"));
    user.batch_execute("ROLLBACK TO one")?;
    assert!(ids(&mut user, ORDERS)?.is_empty());

    attach(&mut user, &east)?;
    user.batch_execute("SAVEPOINT two")?;
    attach(&mut user, &west)?;
    assert_eq!(ids(&mut user, ORDERS)?, expected_ids("West"));
    user.batch_execute("SAVEPOINT three")?;
    user.execute("SELECT vpd.attach_anonymous()", &[])?;
    user.batch_execute("ROLLBACK TO three")?;
    assert_eq!(ids(&mut user, ORDERS)?, expected_ids("West"));
    user.batch_execute("ROLLBACK TO two")?;
    assert_eq!(ids(&mut user, ORDERS)?, expected_ids("East"));
    user.batch_execute("COMMIT")?;
    assert!(ids(&mut user, ORDERS)?.is_empty());
    Ok(())
}

#[test]
fn a_session_attached_in_a_released_savepoint_stays_until_the_end() -> Result<()> {
    let database = protected_orders()?;
    let east = Subject::in_region("alice", "East").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    user.batch_execute("BEGIN; SAVEPOINT one; SAVEPOINT two")?;
    attach(&mut user, &east)?;
    user.batch_execute("RELEASE two")?;
    assert_eq!(ids(&mut user, ORDERS)?, expected_ids("East"));
    user.batch_execute("ROLLBACK TO one")?;
    assert!(
        ids(&mut user, ORDERS)?.is_empty(),
        "released into one, and one is rolled back"
    );
    Ok(())
}

#[test]
fn a_prepared_statement_follows_the_rollback() -> Result<()> {
    let database = protected_orders()?;
    let east = Subject::in_region("alice", "East").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    let prepared = user.prepare(ORDERS)?;
    user.batch_execute("BEGIN; SAVEPOINT one")?;
    attach(&mut user, &east)?;
    for _ in 0..8 {
        assert_eq!(user.query(&prepared, &[])?.len(), 10);
    }
    user.batch_execute("ROLLBACK TO one")?;
    assert!(user.query(&prepared, &[])?.is_empty());
    Ok(())
}

#[test]
fn an_exception_block_takes_its_session_back() -> Result<()> {
    let database = protected_orders()?;
    database.admin()?.batch_execute(
        "CREATE FUNCTION shop.attach_and_fail(token text) RETURNS void LANGUAGE plpgsql AS $$
         BEGIN
             PERFORM vpd.attach_session(token);
             RAISE EXCEPTION 'no';
         EXCEPTION WHEN raise_exception THEN NULL;
         END $$",
    )?;
    let east = Subject::in_region("alice", "East").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    let mut transaction = user.transaction()?;
    transaction.execute("SELECT shop.attach_and_fail($1)", &[&east])?;
    assert!(ids(&mut transaction, ORDERS)?.is_empty());
    Ok(())
}

#[test]
fn ending_in_a_savepoint_that_is_rolled_back_ends_nothing() -> Result<()> {
    let database = protected_orders()?;
    let east = Subject::in_region("alice", "East").log_in(&database)?;
    let mut bridge = database.connect(role::BRIDGE)?;
    bridge.batch_execute("BEGIN; SAVEPOINT one")?;
    bridge.execute("SELECT vpd.end_session($1)", &[&east])?;
    bridge.batch_execute("ROLLBACK TO one; COMMIT")?;
    assert_eq!(fresh_ids(&database, Some(&east), ORDERS)?, expected_ids("East"));
    bridge.batch_execute("BEGIN; SAVEPOINT one")?;
    bridge.execute("SELECT vpd.end_session($1)", &[&east])?;
    bridge.batch_execute("RELEASE one; COMMIT")?;
    assert_refused(
        attach(&mut database.connect(role::USER)?, &east),
        "28000",
        "session_invalid",
    );
    Ok(())
}

#[test]
fn ones_own_session_ended_in_a_savepoint_is_gone_until_the_rollback() -> Result<()> {
    let database = protected_orders()?;
    let east = Subject::in_region("alice", "East").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    user.batch_execute("BEGIN")?;
    attach(&mut user, &east)?;
    user.batch_execute("SAVEPOINT one")?;
    user.execute("SELECT vpd.end_own_session(vpd.session_id())", &[])?;
    let after_end = vpd_tests::outcome(ids(&mut user, ORDERS)).unwrap_or_default();
    assert!(after_end.is_empty(), "ended by the transaction itself");
    user.batch_execute("ROLLBACK TO one")?;
    let after_rollback = vpd_tests::outcome(ids(&mut user, ORDERS)).unwrap_or_default();
    assert!(after_rollback.is_empty() || after_rollback == expected_ids("East"));
    Ok(())
}
