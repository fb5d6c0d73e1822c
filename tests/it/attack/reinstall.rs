//! Sessions, plans and predicates that a connection remembers must not survive what they were remembered from.

use vpd_tests::{
    BY_REGION, Database, Result, Subject, add_policy, assert_refused, attach, create_orders, expected_ids,
    ids, outcome, protected_orders, role,
};

const ORDERS: &str = "SELECT id FROM shop.orders";

#[test]
fn a_token_of_a_former_installation_opens_nothing() -> Result<()> {
    let database = protected_orders()?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    for _ in 0..3 {
        let mut session = user.transaction()?;
        attach(&mut session, &token)?;
        assert_eq!(ids(&mut session, ORDERS)?, expected_ids("East"));
        session.commit()?;
    }
    database.admin()?.batch_execute("DROP EXTENSION pg_vpd CASCADE")?;
    database.install_extension()?;
    add_policy(
        &mut database.connect(role::SECURITY)?,
        "shop.orders",
        "by_region",
        BY_REGION,
    )?;
    assert_refused(attach(&mut user, &token), "28000", "session_invalid");
    Ok(())
}

#[test]
fn a_session_whose_row_an_administrator_deleted_is_over() -> Result<()> {
    let database = protected_orders()?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let security = "SELECT vpd.end_all_sessions()";
    let mut user = database.connect(role::USER)?;
    attach(&mut user, &token)?;
    database.connect(role::SECURITY)?.execute(security, &[])?;
    database
        .admin()?
        .batch_execute("DELETE FROM vpd_private.session_token; DELETE FROM vpd_private.session")?;
    assert_refused(attach(&mut user, &token), "28000", "session_invalid");
    Ok(())
}

#[test]
fn a_connection_that_remembers_many_sessions_mixes_up_none() -> Result<()> {
    let database = protected_orders()?;
    let mut bridge = database.connect(role::BRIDGE)?;
    let regions = ["North", "East", "South", "West"];
    let mut tokens = vec![];
    for number in 0..200 {
        let user = format!("user{number}");
        tokens.push(Subject::in_region(&user, regions[number % 4]).log_in_with(&mut bridge)?);
    }
    let mut user = database.connect(role::USER)?;
    let prepared = user.prepare("SELECT id, vpd.user_name() FROM shop.orders ORDER BY id")?;
    for step in 0..1000 {
        let number = step * 37 % 200;
        let mut session = user.transaction()?;
        attach(&mut session, &tokens[number])?;
        let rows = session.query(&prepared, &[])?;
        let seen: Vec<i32> = rows.iter().map(|row| row.get(0)).collect();
        assert_eq!(seen, expected_ids(regions[number % 4]));
        assert_eq!(rows[0].get::<_, &str>(1), format!("user{number}"));
        session.commit()?;
        if step == 500 {
            bridge.execute("SELECT vpd.end_session($1)", &[&tokens[11]])?;
            assert!(outcome(attach(&mut user, &tokens[11])).is_err());
            tokens[11] = Subject::in_region("user11", regions[3]).log_in_with(&mut bridge)?;
        }
    }
    Ok(())
}

#[test]
fn a_table_dropped_and_made_again_is_a_new_table() -> Result<()> {
    let database = protected_orders()?;
    let mut user = database.connect(role::USER)?;
    assert!(ids(&mut user, ORDERS)?.is_empty());
    database
        .admin()?
        .batch_execute("DROP TABLE shop.orders; DROP SCHEMA shop")?;
    assert!(
        database
            .admin()?
            .query("SELECT FROM vpd.policies", &[])?
            .is_empty()
    );
    create_orders(&database)?;
    assert_eq!(ids(&mut user, ORDERS)?.len(), 40);
    Ok(())
}

#[test]
fn a_policy_in_the_making_is_not_half_there() -> Result<()> {
    let database = Database::create()?;
    create_orders(&database)?;
    let mut user = database.connect(role::USER)?;
    assert_eq!(ids(&mut user, ORDERS)?.len(), 40);
    let mut security = database.connect(role::SECURITY)?;
    let mut adding = security.transaction()?;
    adding.execute("SELECT vpd.add_policy('shop.orders', 'none', 'false')", &[])?;
    // Others wait for the outcome, or see the table as it was.
    user.batch_execute("SET lock_timeout = '200 ms'")?;
    let meanwhile = outcome(ids(&mut user, ORDERS));
    assert!(meanwhile.is_err() || meanwhile.is_ok_and(|rows| rows.len() == 40));
    adding.commit()?;
    assert!(ids(&mut user, ORDERS)?.is_empty());
    Ok(())
}
