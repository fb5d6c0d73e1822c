//! Rows copied to a temporary table leave the policy, and a pooled connection hands the table on.

use vpd_tests::{
    Database, Result, Subject, assert_refused, attach, create_orders, expected_ids, ids, outcome,
    protected_orders, role,
};

const FILLED: [&str; 7] = [
    "CREATE TEMPORARY TABLE mine AS SELECT * FROM shop.orders",
    "SELECT * INTO TEMPORARY mine FROM shop.orders",
    "CREATE TEMPORARY TABLE mine (LIKE shop.orders); INSERT INTO mine SELECT * FROM shop.orders",
    "CREATE TEMPORARY TABLE mine (LIKE shop.orders) ON COMMIT PRESERVE ROWS; INSERT INTO mine SELECT * FROM shop.orders",
    "CREATE TABLE pg_temp.mine AS SELECT * FROM shop.orders",
    "SELECT * INTO pg_temp.mine FROM shop.orders",
    "SET search_path = pg_temp; CREATE TABLE mine AS SELECT * FROM shop.orders",
];

#[test]
fn control_a_temporary_table_is_read_by_the_next_user_of_the_connection() -> Result<()> {
    let database = Database::create_bare()?;
    create_orders(&database)?;
    database.admin()?.batch_execute(
        "ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY;
         CREATE POLICY by_region ON shop.orders USING (region = current_setting('app.region', true))",
    )?;
    for fill in FILLED {
        let mut user = database.connect(role::USER)?;
        user.batch_execute(&format!("BEGIN; SET LOCAL app.region = 'East'; {fill}; COMMIT"))?;
        user.batch_execute("BEGIN; SET LOCAL app.region = 'West'")?;
        assert_eq!(
            ids(&mut user, "SELECT id FROM pg_temp.mine")?,
            expected_ids("East"),
            "{fill}"
        );
    }
    Ok(())
}

#[test]
fn a_temporary_table_that_would_outlive_the_session_is_refused_or_gone() -> Result<()> {
    let database = protected_orders()?;
    let east = Subject::in_region("alice", "East").log_in(&database)?;
    let west = Subject::in_region("bob", "West").log_in(&database)?;
    for fill in FILLED {
        let mut user = database.connect(role::USER)?;
        user.batch_execute("BEGIN")?;
        attach(&mut user, &east)?;
        let filled = outcome(user.batch_execute(fill));
        user.batch_execute("COMMIT; BEGIN")?;
        if outcome(attach(&mut user, &west)).is_ok() {
            let read = outcome(ids(&mut user, "SELECT id FROM pg_temp.mine")).unwrap_or_default();
            assert!(
                read.is_empty(),
                "{fill}: rows of alice in the hands of bob: {read:?} ({filled:?})"
            );
        }
    }
    Ok(())
}

#[test]
fn a_temporary_table_made_before_the_session_does_not_carry_rows_out_of_it() -> Result<()> {
    let database = protected_orders()?;
    let east = Subject::in_region("alice", "East").log_in(&database)?;
    let west = Subject::in_region("bob", "West").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    user.batch_execute("CREATE TEMPORARY TABLE mine (id integer); BEGIN")?;
    if outcome(attach(&mut user, &east)).is_err() {
        return Ok(());
    }
    let filled = outcome(user.batch_execute("INSERT INTO pg_temp.mine SELECT id FROM shop.orders"));
    user.batch_execute("COMMIT; BEGIN")?;
    if outcome(attach(&mut user, &west)).is_ok() {
        let read = outcome(ids(&mut user, "SELECT id FROM pg_temp.mine")).unwrap_or_default();
        assert!(
            read.is_empty(),
            "rows of alice in the hands of bob: {read:?} ({filled:?})"
        );
    }
    Ok(())
}

#[test]
fn the_refusal_says_what_to_do() -> Result<()> {
    let database = protected_orders()?;
    let east = Subject::in_region("alice", "East").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    let mut session = user.transaction()?;
    attach(&mut session, &east)?;
    assert_refused(session.batch_execute(FILLED[0]), "0A000", "outlives_session");
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
