//! Policy groups and the driving contexts that choose among them.

use serde_json::json;
use vpd_tests::{
    Database, Result, Subject, assert_refused, attach, create_orders, expected_ids, fresh_ids, ids, role,
};

const ORDERS: &str = "SELECT id FROM shop.orders";

/// Orders with a policy that always applies, and one for each of two groups that `app.mode` chooses.
fn grouped_orders() -> Result<Database<'static>> {
    let database = Database::create()?;
    create_orders(&database)?;
    database.connect(role::SECURITY)?.batch_execute(
        "SELECT vpd.create_policy_group('shop.orders', 'buying'), vpd.create_policy_group('shop.orders', 'selling');
         SELECT vpd.add_policy('shop.orders', 'small', 'amount <= 200');
         SELECT vpd.add_policy('shop.orders', 'west', 'region = ''West''', policy_group => 'buying');
         SELECT vpd.add_policy('shop.orders', 'even', 'id % 4 = 0', policy_group => 'selling');
         SELECT vpd.add_policy_context('shop.orders', 'app', 'mode')",
    )?;
    Ok(database)
}

fn in_mode(database: &Database<'_>, mode: Option<&str>) -> Result<String> {
    Subject::new("alice")
        .attributes(mode.map_or(json!({}), |mode| json!({ "app": { "mode": mode } })))
        .log_in(database)
}

fn small(ids: Vec<i32>) -> Vec<i32> {
    ids.into_iter().filter(|id| id * 10 <= 200).collect()
}

#[test]
fn the_driving_context_chooses_the_group_beside_sys_default() -> Result<()> {
    let database = grouped_orders()?;
    let buying = in_mode(&database, Some("buying"))?;
    let selling = in_mode(&database, Some("SELLING"))?;
    assert_eq!(
        fresh_ids(&database, Some(&buying), ORDERS)?,
        small(expected_ids("West"))
    );
    assert_eq!(fresh_ids(&database, Some(&selling), ORDERS)?, [4, 8, 12, 16, 20]);
    Ok(())
}

#[test]
fn sys_default_alone_applies_when_it_is_named() -> Result<()> {
    let database = grouped_orders()?;
    let plain = in_mode(&database, Some("SYS_DEFAULT"))?;
    assert_eq!(
        fresh_ids(&database, Some(&plain), ORDERS)?,
        (1..=20).collect::<Vec<_>>()
    );
    Ok(())
}

#[test]
fn without_a_value_every_group_applies() -> Result<()> {
    let database = grouped_orders()?;
    for mode in [None, Some("")] {
        let token = in_mode(&database, mode)?;
        assert!(
            fresh_ids(&database, Some(&token), ORDERS)?.is_empty(),
            "no order of the West has an id that four divides"
        );
    }
    Ok(())
}

#[test]
fn without_a_driving_context_every_group_applies() -> Result<()> {
    let database = grouped_orders()?;
    let buying = in_mode(&database, Some("buying"))?;
    database.connect(role::SECURITY)?.execute(
        "SELECT vpd.drop_policy_context('shop.orders', 'app', 'mode')",
        &[],
    )?;
    assert!(fresh_ids(&database, Some(&buying), ORDERS)?.is_empty());
    Ok(())
}

#[test]
fn a_value_that_names_no_group_is_an_error_and_shows_nothing() -> Result<()> {
    let database = grouped_orders()?;
    let token = in_mode(&database, Some("stealing"))?;
    let mut user = database.connect(role::USER)?;
    let mut transaction = user.transaction()?;
    attach(&mut transaction, &token)?;
    let refusal = assert_refused(transaction.query(ORDERS, &[]), "22023", "policy_group_invalid");
    assert!(!refusal.text.contains("stealing"), "{refusal:?}");
    Ok(())
}

#[test]
fn two_driving_contexts_choose_two_groups() -> Result<()> {
    let database = grouped_orders()?;
    database.connect(role::SECURITY)?.execute(
        "SELECT vpd.add_policy_context('shop.orders', 'app', 'second')",
        &[],
    )?;
    let token = Subject::new("alice")
        .attributes(json!({ "app": { "mode": "sys_default", "second": "buying" } }))
        .log_in(&database)?;
    assert_eq!(
        fresh_ids(&database, Some(&token), ORDERS)?,
        small(expected_ids("West"))
    );
    Ok(())
}

#[test]
fn a_cached_plan_follows_the_group_of_each_session() -> Result<()> {
    let database = grouped_orders()?;
    let buying = in_mode(&database, Some("buying"))?;
    let selling = in_mode(&database, Some("selling"))?;
    for mode in ["auto", "force_generic_plan", "force_custom_plan"] {
        let mut user = database.connect(role::USER)?;
        user.batch_execute(&format!("SET plan_cache_mode = {mode}; PREPARE seen AS {ORDERS}"))?;
        for round in 0..8 {
            let (token, expected) = if round % 2 == 0 {
                (&buying, small(expected_ids("West")))
            } else {
                (&selling, vec![4, 8, 12, 16, 20])
            };
            let mut transaction = user.transaction()?;
            attach(&mut transaction, token)?;
            assert_eq!(ids(&mut transaction, "EXECUTE seen")?, expected, "{mode} {round}");
            transaction.rollback()?;
            assert!(ids(&mut user, "EXECUTE seen")?.is_empty(), "{mode} {round}");
        }
    }
    Ok(())
}

#[test]
fn new_rows_are_checked_by_the_chosen_group() -> Result<()> {
    let database = grouped_orders()?;
    let buying = in_mode(&database, Some("buying"))?;
    let mut user = database.connect(role::USER)?;
    let mut transaction = user.transaction()?;
    attach(&mut transaction, &buying)?;
    transaction.execute("INSERT INTO shop.orders VALUES (101, 'West', 10)", &[])?;
    assert_refused(
        transaction.execute("INSERT INTO shop.orders VALUES (104, 'East', 10)", &[]),
        "44000",
        "policy_check",
    );
    Ok(())
}

#[test]
fn groups_and_contexts_are_named_once_and_dropped_empty() -> Result<()> {
    let database = grouped_orders()?;
    let mut security = database.connect(role::SECURITY)?;
    let mut refused = |call: &str, state: &str, token: &str| {
        assert_refused(security.query(&format!("SELECT {call}"), &[]), state, token)
    };
    refused(
        "vpd.create_policy_group('shop.orders', 'BUYING')",
        "42710",
        "policy_group_exists",
    );
    refused(
        "vpd.create_policy_group('shop.orders', 'sys_default')",
        "42710",
        "policy_group_exists",
    );
    refused(
        "vpd.create_policy_group('shop.orders', ' ')",
        "22023",
        "argument_invalid",
    );
    refused(
        "vpd.drop_policy_group('shop.orders', 'buying')",
        "2BP01",
        "policy_group_used",
    );
    refused(
        "vpd.drop_policy_group('shop.orders', 'sys_default')",
        "22023",
        "argument_invalid",
    );
    refused(
        "vpd.drop_policy_group('shop.orders', 'none')",
        "42704",
        "policy_group_not_found",
    );
    refused(
        "vpd.add_policy_context('shop.orders', 'app', 'mode')",
        "42710",
        "driving_context_exists",
    );
    refused(
        "vpd.drop_policy_context('shop.orders', 'app', 'none')",
        "42704",
        "driving_context_not_found",
    );
    refused(
        "vpd.add_policy('shop.orders', 'x', 'true', policy_group => 'none')",
        "42704",
        "policy_group_not_found",
    );
    security.batch_execute(
        "SELECT vpd.drop_policy('shop.orders', 'west'), vpd.drop_policy_group('shop.orders', 'buying')",
    )?;
    let groups = security.query("SELECT policy_group, policies FROM vpd.policy_groups", &[])?;
    let groups: Vec<(String, i64)> = groups.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert_eq!(groups, [("SELLING".to_owned(), 1), ("SYS_DEFAULT".to_owned(), 1)]);
    Ok(())
}
