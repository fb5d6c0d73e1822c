//! Policies that apply only to statements which reference certain columns.

use vpd_tests::{
    Database, Result, Subject, assert_all_refused, assert_refused, attach, create_orders, expected_ids,
    fresh_ids, ids, role,
};

/// Orders whose amounts are shown for one's own region only.
fn amounts_by_region() -> Result<Database<'static>> {
    let database = Database::create()?;
    create_orders(&database)?;
    database.connect(role::SECURITY)?.execute(
        "SELECT vpd.add_policy('shop.orders', 'amounts', 'region = vpd.attribute(''app'', ''region'')',
             relevant_columns => '{amount}')",
        &[],
    )?;
    Ok(database)
}

#[test]
fn the_policy_applies_only_when_a_relevant_column_is_referenced_anywhere() -> Result<()> {
    let database = amounts_by_region()?;
    let token = Subject::in_region("alice", "West").log_in(&database)?;
    let west = expected_ids("West");
    let all: Vec<i32> = (1..=40).collect();
    let cases: &[(&str, &Vec<i32>)] = &[
        ("SELECT id FROM shop.orders", &all),
        ("SELECT id FROM shop.orders WHERE region IS NOT NULL", &all),
        ("SELECT id, amount FROM shop.orders", &west),
        ("SELECT id FROM shop.orders WHERE amount > 0", &west),
        ("SELECT id FROM shop.orders ORDER BY amount", &west),
        (
            "SELECT id FROM shop.orders GROUP BY id HAVING max(amount) > 0",
            &west,
        ),
        (
            "SELECT o.id FROM shop.orders o JOIN (VALUES (10), (30)) v (amount) USING (amount)",
            &vec![3],
        ),
        ("SELECT (o).id FROM (SELECT o FROM shop.orders o) x", &west),
        ("SELECT id FROM (SELECT * FROM shop.orders) x", &west),
        (
            "SELECT x.id FROM shop.orders x WHERE EXISTS (SELECT FROM shop.orders y WHERE y.id = x.id)",
            &all,
        ),
        (
            "SELECT x.id FROM shop.orders x WHERE EXISTS (SELECT WHERE x.amount > 0)",
            &west,
        ),
        (
            "WITH o AS MATERIALIZED (SELECT id, amount FROM shop.orders) SELECT id FROM o",
            &west,
        ),
        (
            "SELECT id FROM shop.orders UNION SELECT id FROM shop.orders WHERE amount > 0",
            &all,
        ),
    ];
    for (query, expected) in cases {
        assert_eq!(&fresh_ids(&database, Some(&token), query)?, *expected, "{query}");
    }
    Ok(())
}

#[test]
fn without_a_session_nothing_is_visible_either_way() -> Result<()> {
    let database = amounts_by_region()?;
    for query in ["SELECT id FROM shop.orders", "SELECT id, amount FROM shop.orders"] {
        assert!(fresh_ids(&database, None, query)?.is_empty(), "{query}");
    }
    Ok(())
}

#[test]
fn writes_are_checked_when_they_name_a_relevant_column_and_deletes_always() -> Result<()> {
    let database = amounts_by_region()?;
    database
        .admin()?
        .batch_execute("ALTER TABLE shop.orders ALTER amount SET DEFAULT 1")?;
    let token = Subject::in_region("alice", "West").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    let mut transaction = user.transaction()?;
    attach(&mut transaction, &token)?;
    let renamed = transaction.execute("UPDATE shop.orders SET id = id + 1000 WHERE id <= 4", &[])?;
    assert_eq!(renamed, 4, "no relevant column");
    let raised = transaction.execute("UPDATE shop.orders SET amount = 1", &[])?;
    assert_eq!(raised, 10, "only the West's");
    let deleted = transaction.execute("DELETE FROM shop.orders WHERE id > 1000", &[])?;
    assert_eq!(deleted, 1, "a deletion removes the relevant column, too");
    let short = transaction.execute("INSERT INTO shop.orders VALUES (2001, 'East')", &[])?;
    assert_eq!(short, 1, "two values are two columns");
    assert_refused(
        transaction.execute("INSERT INTO shop.orders VALUES (2000, 'East', 1)", &[]),
        "44000",
        "policy_check",
    );
    Ok(())
}

#[test]
fn views_and_functions_and_cached_plans_follow_the_columns() -> Result<()> {
    let database = amounts_by_region()?;
    database.admin()?.batch_execute(
        "SET ROLE app_owner;
         CREATE VIEW shop.narrow AS SELECT id, region FROM shop.orders;
         CREATE VIEW shop.wide AS SELECT id, amount FROM shop.orders;
         GRANT SELECT ON shop.narrow, shop.wide TO app_user;
         RESET ROLE;
         CREATE FUNCTION shop.with_amount() RETURNS SETOF integer LANGUAGE plpgsql STABLE AS
         'BEGIN RETURN QUERY SELECT id FROM shop.orders WHERE amount > 0; END'",
    )?;
    let token = Subject::in_region("alice", "West").log_in(&database)?;
    let west = expected_ids("West");
    assert_eq!(
        fresh_ids(&database, Some(&token), "SELECT id FROM shop.narrow")?.len(),
        40
    );
    assert_eq!(
        fresh_ids(&database, Some(&token), "SELECT id FROM shop.wide")?,
        west
    );
    assert_eq!(
        fresh_ids(&database, Some(&token), "SELECT * FROM shop.with_amount()")?,
        west
    );
    let mut user = database.connect(role::USER)?;
    user.batch_execute(
        "PREPARE narrow AS SELECT id FROM shop.orders; PREPARE wide AS SELECT id, amount FROM shop.orders",
    )?;
    for _ in 0..8 {
        let mut transaction = user.transaction()?;
        attach(&mut transaction, &token)?;
        assert_eq!(ids(&mut transaction, "EXECUTE narrow")?.len(), 40);
        assert_eq!(ids(&mut transaction, "EXECUTE wide")?, west);
    }
    Ok(())
}

#[test]
fn a_function_inlined_in_from_applies_the_policy() -> Result<()> {
    let database = amounts_by_region()?;
    database.admin()?.batch_execute(
        "CREATE FUNCTION shop.amounts() RETURNS TABLE (id integer, amount integer) LANGUAGE sql STABLE AS
         'SELECT id, amount FROM shop.orders'",
    )?;
    let token = Subject::in_region("alice", "West").log_in(&database)?;
    assert_eq!(
        fresh_ids(&database, Some(&token), "SELECT id FROM shop.amounts()")?,
        expected_ids("West")
    );
    Ok(())
}

#[test]
fn a_column_that_a_rule_brings_in_is_referenced() -> Result<()> {
    let database = amounts_by_region()?;
    database.admin()?.batch_execute(
        "SET ROLE app_owner;
         CREATE TABLE shop.moved (id integer, amount integer);
         GRANT SELECT ON shop.moved TO app_user;
         CREATE RULE keep AS ON UPDATE TO shop.orders DO ALSO INSERT INTO shop.moved VALUES (OLD.id, OLD.amount)",
    )?;
    let token = Subject::in_region("alice", "West").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    let mut transaction = user.transaction()?;
    attach(&mut transaction, &token)?;
    transaction.execute("UPDATE shop.orders SET id = id", &[])?;
    assert_eq!(
        ids(&mut transaction, "SELECT id FROM shop.moved")?,
        expected_ids("West")
    );
    Ok(())
}

#[test]
fn a_relevant_column_that_was_renamed_makes_the_policy_apply_always() -> Result<()> {
    let database = amounts_by_region()?;
    let token = Subject::in_region("alice", "West").log_in(&database)?;
    database
        .admin()?
        .batch_execute("ALTER TABLE shop.orders RENAME amount TO total")?;
    assert_eq!(
        fresh_ids(&database, Some(&token), "SELECT id FROM shop.orders")?,
        expected_ids("West")
    );
    Ok(())
}

#[test]
fn relevant_columns_must_be_columns_of_the_table() -> Result<()> {
    let database = amounts_by_region()?;
    let mut security = database.connect(role::SECURITY)?;
    assert_all_refused(
        &mut security,
        "SELECT vpd.add_policy('shop.orders', 'x', 'true', {})",
        "
         42704 column_not_found relevant_columns => '{amount,nothing}'
         22023 argument_invalid mask_columns => true",
    );
    security.query(
        "SELECT vpd.alter_policy('shop.orders', 'amounts', relevant_columns => '{}')",
        &[],
    )?;
    let token = Subject::in_region("alice", "West").log_in(&database)?;
    assert_eq!(
        fresh_ids(&database, Some(&token), "SELECT id FROM shop.orders")?,
        expected_ids("West"),
        "every statement"
    );
    Ok(())
}
