//! Row policies with predicates: who sees which rows, and what adding, altering and dropping a policy does.

use vpd_tests::{
    BY_REGION, Database, Result, Subject, add_policy, assert_refused, attach, create_orders, expected_ids,
    fresh_ids, ids, protected_orders, role,
};

const ORDERS: &str = "SELECT id FROM shop.orders";

#[test]
fn a_session_sees_exactly_its_rows() -> Result<()> {
    let database = protected_orders()?;
    for region in ["North", "East", "South", "West"] {
        let token = Subject::in_region("alice", region).log_in(&database)?;
        assert_eq!(
            fresh_ids(&database, Some(&token), ORDERS)?,
            expected_ids(region),
            "{region}"
        );
    }
    Ok(())
}

#[test]
fn an_attribute_that_is_not_set_shows_nothing() -> Result<()> {
    let database = protected_orders()?;
    let token = Subject::new("dave").log_in(&database)?;
    assert!(fresh_ids(&database, Some(&token), ORDERS)?.is_empty());
    Ok(())
}

#[test]
fn without_a_session_no_row_is_visible_whatever_the_predicate() -> Result<()> {
    let database = Database::create()?;
    create_orders(&database)?;
    assert_eq!(
        fresh_ids(&database, None, ORDERS)?.len(),
        40,
        "control: unprotected"
    );
    add_policy(
        &mut database.connect(role::SECURITY)?,
        "shop.orders",
        "all",
        "true",
    )?;
    assert!(fresh_ids(&database, None, ORDERS)?.is_empty());
    let token = Subject::new("alice").log_in(&database)?;
    assert_eq!(fresh_ids(&database, Some(&token), ORDERS)?.len(), 40);
    Ok(())
}

#[test]
fn every_policy_of_a_table_must_hold() -> Result<()> {
    let database = protected_orders()?;
    add_policy(
        &mut database.connect(role::SECURITY)?,
        "shop.orders",
        "small",
        "amount <= 100",
    )?;
    let token = Subject::in_region("alice", "West").log_in(&database)?;
    assert_eq!(fresh_ids(&database, Some(&token), ORDERS)?, [3, 7]);
    Ok(())
}

#[test]
fn a_predicate_may_read_another_table() -> Result<()> {
    let database = Database::create()?;
    create_orders(&database)?;
    database.admin()?.batch_execute(
        "CREATE TABLE shop.watch (user_name text, order_id integer);
         INSERT INTO shop.watch VALUES ('alice', 4), ('alice', 9), ('bob', 5);
         GRANT SELECT ON shop.watch TO app_user",
    )?;
    let predicate =
        "EXISTS (SELECT FROM shop.watch w WHERE w.order_id = orders.id AND w.user_name = vpd.user_name())";
    add_policy(
        &mut database.connect(role::SECURITY)?,
        "shop.orders",
        "watched",
        predicate,
    )?;
    let alice = Subject::new("alice").log_in(&database)?;
    let bob = Subject::new("bob").log_in(&database)?;
    assert_eq!(fresh_ids(&database, Some(&alice), ORDERS)?, [4, 9]);
    assert_eq!(fresh_ids(&database, Some(&bob), ORDERS)?, [5]);
    Ok(())
}

#[test]
fn the_owner_of_the_table_is_under_its_policies() -> Result<()> {
    let database = protected_orders()?;
    let mut owner = database.connect(role::OWNER)?;
    assert!(ids(&mut owner, ORDERS)?.is_empty());
    database
        .admin()?
        .execute("SELECT vpd.grant_profile('runtime', 'app_owner')", &[])?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let mut transaction = owner.transaction()?;
    attach(&mut transaction, &token)?;
    assert_eq!(ids(&mut transaction, ORDERS)?, expected_ids("East"));
    Ok(())
}

#[test]
fn a_disabled_policy_restricts_nothing_but_a_session_is_still_needed() -> Result<()> {
    let database = protected_orders()?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let mut security = database.connect(role::SECURITY)?;
    security.execute("SELECT vpd.enable_policy('shop.orders', 'by_region', false)", &[])?;
    assert_eq!(fresh_ids(&database, Some(&token), ORDERS)?.len(), 40);
    assert!(fresh_ids(&database, None, ORDERS)?.is_empty());
    security.execute("SELECT vpd.enable_policy('shop.orders', 'by_region')", &[])?;
    assert_eq!(fresh_ids(&database, Some(&token), ORDERS)?, expected_ids("East"));
    Ok(())
}

#[test]
fn a_policy_may_be_added_disabled() -> Result<()> {
    let database = Database::create()?;
    create_orders(&database)?;
    database.connect(role::SECURITY)?.execute(
        "SELECT vpd.add_policy('shop.orders', 'none', 'false', enabled => false)",
        &[],
    )?;
    let token = Subject::new("alice").log_in(&database)?;
    assert_eq!(fresh_ids(&database, Some(&token), ORDERS)?.len(), 40);
    Ok(())
}

#[test]
fn an_altered_policy_reaches_open_connections_when_it_commits() -> Result<()> {
    let database = protected_orders()?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    let mut seen = || -> Result<Vec<i32>> {
        let mut transaction = user.transaction()?;
        attach(&mut transaction, &token)?;
        Ok(ids(&mut transaction, ORDERS)?)
    };
    assert_eq!(seen()?, expected_ids("East"));
    let mut security = database.connect(role::SECURITY)?;
    let mut editing = security.transaction()?;
    editing.execute(
        "SELECT vpd.alter_policy('shop.orders', 'by_region', predicate => 'id = 7')",
        &[],
    )?;
    editing.commit()?;
    assert_eq!(seen()?, [7]);
    Ok(())
}

#[test]
fn a_policy_edit_that_rolls_back_changes_nothing() -> Result<()> {
    let database = protected_orders()?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let mut security = database.connect(role::SECURITY)?;
    for edit in [
        "SELECT vpd.alter_policy('shop.orders', 'by_region', predicate => 'true')",
        "SELECT vpd.enable_policy('shop.orders', 'by_region', false)",
        "SELECT vpd.drop_policy('shop.orders', 'by_region')",
        "SELECT vpd.add_policy('shop.orders', 'none', 'false')",
    ] {
        let mut editing = security.transaction()?;
        editing.execute(edit, &[])?;
        editing.rollback()?;
        assert_eq!(
            fresh_ids(&database, Some(&token), ORDERS)?,
            expected_ids("East"),
            "{edit}"
        );
    }
    Ok(())
}

#[test]
fn dropping_one_of_two_policies_leaves_the_other() -> Result<()> {
    let database = protected_orders()?;
    let mut security = database.connect(role::SECURITY)?;
    add_policy(&mut security, "shop.orders", "small", "amount <= 100")?;
    security.execute("SELECT vpd.drop_policy('shop.orders', 'by_region')", &[])?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    assert_eq!(
        fresh_ids(&database, Some(&token), ORDERS)?,
        (1..=10).collect::<Vec<_>>()
    );
    assert!(fresh_ids(&database, None, ORDERS)?.is_empty());
    Ok(())
}

#[test]
fn a_name_is_taken_once_for_a_table_and_free_on_another() -> Result<()> {
    let database = protected_orders()?;
    database
        .admin()?
        .batch_execute("CREATE TABLE shop.returns (region text)")?;
    let mut security = database.connect(role::SECURITY)?;
    let again = add_policy(&mut security, "shop.orders", "by_region", "true");
    assert_refused(again, "42710", "policy_exists");
    add_policy(&mut security, "shop.returns", "by_region", BY_REGION)?;
    Ok(())
}

#[test]
fn an_unknown_policy_is_not_found() -> Result<()> {
    let database = protected_orders()?;
    let mut security = database.connect(role::SECURITY)?;
    for call in [
        "SELECT vpd.alter_policy('shop.orders', 'no_such', predicate => 'true')",
        "SELECT vpd.enable_policy('shop.orders', 'no_such')",
        "SELECT vpd.refresh_policy('shop.orders', 'no_such')",
        "SELECT vpd.drop_policy('shop.orders', 'no_such')",
    ] {
        assert_refused(security.execute(call, &[]), "42704", "policy_not_found");
    }
    Ok(())
}

#[test]
fn effective_predicate_tells_what_is_added() -> Result<()> {
    let database = protected_orders()?;
    database
        .admin()?
        .batch_execute("CREATE TABLE shop.open (id integer)")?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    let mut transaction = user.transaction()?;
    attach(&mut transaction, &token)?;
    for command in ["select", "insert", "update", "delete"] {
        let row = transaction.query_one("SELECT vpd.effective_predicate('shop.orders', $1)", &[&command])?;
        let predicate: Option<String> = row.get(0);
        assert!(
            predicate.is_some_and(|text| text.contains("region") && text.contains("attribute")),
            "{command}"
        );
    }
    let open: Option<String> = transaction
        .query_one("SELECT vpd.effective_predicate('shop.open')", &[])?
        .get(0);
    assert_eq!(open, None);
    let wrong = transaction.query_one("SELECT vpd.effective_predicate('shop.orders', 'truncate')", &[]);
    assert_refused(wrong, "22023", "argument_invalid");
    Ok(())
}

#[test]
fn the_views_show_policies_in_one_line_and_whole() -> Result<()> {
    let database = protected_orders()?;
    let long = format!("{BY_REGION} AND amount BETWEEN 0 AND 1000000 AND id IS NOT NULL");
    let mut security = database.connect(role::SECURITY)?;
    add_policy(
        &mut security,
        "shop.orders",
        "a_policy_with_a_rather_long_name",
        &long,
    )?;
    let line = "SELECT relation::text, predicate, checked, enabled FROM vpd.policies ORDER BY length(predicate) DESC";
    let lines = security.query(line, &[])?;
    assert_eq!(lines.len(), 2);
    assert!(
        lines
            .iter()
            .all(|row| row.get::<_, String>(1).chars().count() <= 40)
    );
    let whole = "SELECT predicate, created_by FROM vpd.policy_definitions WHERE policy_name LIKE 'a_policy%'";
    let row = security.query_one(whole, &[])?;
    assert_eq!((row.get(0), row.get(1)), (long.as_str(), role::SECURITY));
    let protected = security.query_one(
        "SELECT policies, enabled_policies, is_row_security_enabled, is_forced, has_guard FROM vpd.protected_tables",
        &[],
    )?;
    assert_eq!((protected.get::<_, i64>(0), protected.get::<_, i64>(1)), (2, 2));
    assert!((2..5).all(|column| protected.get(column)));
    Ok(())
}
