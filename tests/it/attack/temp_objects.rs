//! Rows copied to a temporary table leave the policy, and a pooled connection hands the table on.

use vpd_tests::{Result, Subject, attach, expected_ids, ids, outcome, protected_orders, role};

/// What a policy cannot follow: the copy is the application's, as it would be in its own memory.
#[test]
fn control_a_temporary_table_keeps_the_rows_it_was_filled_with() -> Result<()> {
    let database = protected_orders()?;
    let east = Subject::in_region("alice", "East").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    let mut session = user.transaction()?;
    attach(&mut session, &east)?;
    session.batch_execute("CREATE TEMPORARY TABLE mine AS SELECT * FROM shop.orders")?;
    assert_eq!(ids(&mut session, "SELECT id FROM mine")?, expected_ids("East"));
    Ok(())
}

#[test]
fn a_temporary_table_of_one_session_is_not_read_under_the_next() -> Result<()> {
    let database = protected_orders()?;
    let east = Subject::in_region("alice", "East").log_in(&database)?;
    let west = Subject::in_region("bob", "West").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    let mut session = user.transaction()?;
    attach(&mut session, &east)?;
    session.batch_execute("CREATE TEMPORARY TABLE mine AS SELECT * FROM shop.orders")?;
    if outcome(session.commit()).is_ok() {
        let mut session = user.transaction()?;
        if outcome(attach(&mut session, &west)).is_ok() {
            let read = outcome(ids(&mut session, "SELECT id FROM mine")).unwrap_or_default();
            assert!(read.is_empty(), "rows of alice in the hands of bob: {read:?}");
        }
    }
    Ok(())
}

#[test]
fn a_temporary_table_dropped_at_commit_works() -> Result<()> {
    let database = protected_orders()?;
    let east = Subject::in_region("alice", "East").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    for _ in 0..3 {
        let mut session = user.transaction()?;
        attach(&mut session, &east)?;
        session.batch_execute("CREATE TEMPORARY TABLE mine ON COMMIT DROP AS SELECT * FROM shop.orders")?;
        assert_eq!(ids(&mut session, "SELECT id FROM mine")?, expected_ids("East"));
        session.commit()?;
    }
    Ok(())
}

#[test]
fn a_temporary_table_in_place_of_the_protected_one_holds_only_what_its_maker_saw() -> Result<()> {
    let database = protected_orders()?;
    let mut user = database.connect(role::USER)?;
    user.batch_execute(
        "CREATE TEMPORARY TABLE orders (LIKE shop.orders); SET search_path = pg_temp, shop;
         INSERT INTO orders SELECT * FROM shop.orders",
    )?;
    assert!(ids(&mut user, "SELECT id FROM orders")?.is_empty());
    Ok(())
}
