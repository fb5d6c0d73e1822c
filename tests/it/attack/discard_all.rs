//! Pools clean connections with DISCARD ALL and RESET ALL. Neither knows of a library's memory; ours must follow anyway.

use vpd_tests::{Result, Subject, attach, expected_ids, ids, outcome, protected_orders, role};

const ORDERS: &str = "SELECT id FROM shop.orders";

#[test]
fn after_discard_all_there_is_no_session() -> Result<()> {
    let database = protected_orders()?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    attach(&mut user, &token)?;
    user.batch_execute("DISCARD ALL")?;
    assert!(ids(&mut user, ORDERS)?.is_empty());
    assert!(
        user.query_one("SELECT vpd.user_name()", &[])?
            .get::<_, Option<String>>(0)
            .is_none()
    );
    let mut session = user.transaction()?;
    attach(&mut session, &token)?;
    assert_eq!(
        ids(&mut session, ORDERS)?,
        expected_ids("East"),
        "the connection is good for the next session"
    );
    Ok(())
}

#[test]
fn parts_of_discard_inside_a_session_neither_widen_nor_break_it() -> Result<()> {
    let database = protected_orders()?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    let prepared = user.prepare(ORDERS)?;
    for clean in [
        "DISCARD PLANS",
        "DISCARD TEMP",
        "DISCARD SEQUENCES",
        "RESET ALL",
        "DEALLOCATE ALL",
    ] {
        let mut session = user.transaction()?;
        attach(&mut session, &token)?;
        session.batch_execute(clean)?;
        assert_eq!(ids(&mut session, ORDERS)?, expected_ids("East"), "{clean}");
        if clean != "DEALLOCATE ALL" {
            assert_eq!(session.query(&prepared, &[])?.len(), 10, "{clean}");
        }
        session.commit()?;
        assert!(ids(&mut user, ORDERS)?.is_empty(), "{clean}");
    }
    Ok(())
}

#[test]
fn discard_all_is_refused_inside_a_transaction_and_the_session_goes_with_it() -> Result<()> {
    let database = protected_orders()?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    user.batch_execute("BEGIN")?;
    attach(&mut user, &token)?;
    assert!(outcome(user.batch_execute("DISCARD ALL")).is_err());
    user.batch_execute("ROLLBACK")?;
    assert!(ids(&mut user, ORDERS)?.is_empty());
    Ok(())
}
