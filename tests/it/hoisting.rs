//! Context reads in a predicate are taken out and run once. What depends on the row stays where it is.

use serde_json::json;
use vpd_tests::{Database, Result, Subject, add_policy, create_orders, expected_ids, fresh_ids, role};

/// What alice sees under a predicate.
fn seen(predicate: &str) -> Result<Vec<i32>> {
    let database = Database::create()?;
    create_orders(&database)?;
    add_policy(
        &mut database.connect(role::SECURITY)?,
        "shop.orders",
        "p",
        predicate,
    )?;
    let alice = Subject::new("alice")
        .attributes(json!({
            "app": { "region": "East", "regions": ["East", "West"], "limit": "100", "East": "yes", "West": "no" }
        }))
        .role("manager")
        .log_in(&database)?;
    let rows = fresh_ids(&database, Some(&alice), "SELECT id FROM shop.orders")?;
    // The same through an index, a join and a prepared statement.
    let by_key = "SELECT o.id FROM generate_series(1, 40) n JOIN shop.orders o ON o.id = n WHERE o.id BETWEEN 1 AND 40";
    assert_eq!(fresh_ids(&database, Some(&alice), by_key)?, rows, "{predicate}");
    assert!(
        fresh_ids(&database, None, "SELECT id FROM shop.orders")?.is_empty(),
        "{predicate} without a session"
    );
    Ok(rows)
}

fn both() -> Vec<i32> {
    let mut ids = [expected_ids("East"), expected_ids("West")].concat();
    ids.sort_unstable();
    ids
}

#[test]
fn a_read_that_depends_on_the_row_is_made_for_each_row() -> Result<()> {
    assert_eq!(
        seen("vpd.attribute('app', region) = 'yes'")?,
        expected_ids("East")
    );
    assert_eq!(seen("vpd.attribute('app', region) IS NOT NULL")?, both());
    Ok(())
}

#[test]
fn reads_inside_other_expressions_keep_their_meaning() -> Result<()> {
    let all: Vec<i32> = (1..=40).collect();
    for (predicate, expected) in [
        ("region = ANY (vpd.attribute_list('app', 'regions'))", both()),
        (
            "region = vpd.attribute('app', 'region') OR region = 'West'",
            both(),
        ),
        (
            "NOT region = vpd.attribute('app', 'region') AND vpd.user_in_role('manager')",
            { all.iter().copied().filter(|n| n % 4 != 1).collect() },
        ),
        (
            "amount <= vpd.attribute('app', 'limit')::integer",
            (1..=10).collect(),
        ),
        (
            "CASE WHEN vpd.user_in_role('clerk') THEN true ELSE region = 'East' END",
            expected_ids("East"),
        ),
        (
            "coalesce(vpd.attribute('app', 'missing'), vpd.attribute('app', 'region')) = region",
            expected_ids("East"),
        ),
        ("vpd.attribute('app', 'missing') IS NULL", all.clone()),
        ("vpd.user_name() IN ('alice', 'bob') AND id < 4", vec![1, 2, 3]),
        (
            "region IN (SELECT unnest(vpd.attribute_list('app', 'regions')))",
            both(),
        ),
        (
            "EXISTS (SELECT 1 WHERE vpd.user_in_all_roles('manager') AND id = 5)",
            vec![5],
        ),
        (
            "(SELECT max(r) FROM unnest(vpd.attribute_list('app', 'regions')) r) = region",
            expected_ids("West"),
        ),
        (
            "(region, vpd.user_name()) = ('East', 'alice')",
            expected_ids("East"),
        ),
        ("vpd.sys_context('app', 'region') = region", expected_ids("East")),
        (
            "upper(vpd.attribute('app', 'region')) = upper(region)",
            expected_ids("East"),
        ),
        (
            "vpd.attribute('app', 'region') LIKE 'E%' AND region LIKE vpd.attribute('app', 'region') || '%'",
            expected_ids("East"),
        ),
    ] {
        assert_eq!(seen(predicate)?, expected, "{predicate}");
    }
    Ok(())
}

#[test]
fn an_unknown_or_null_answer_shows_nothing() -> Result<()> {
    for predicate in [
        "region = vpd.attribute('app', 'missing')",
        "region <> vpd.attribute('app', 'missing')",
        "NULL",
        "NULL::boolean",
        "region = ANY (vpd.attribute_list('app', 'missing'))",
        "NOT (region = vpd.attribute('app', 'missing'))",
        "vpd.attribute('app', 'missing')::boolean",
        "false",
    ] {
        assert!(seen(predicate)?.is_empty(), "{predicate}");
    }
    Ok(())
}

#[test]
fn several_policies_with_reads_are_each_evaluated() -> Result<()> {
    let database = Database::create()?;
    create_orders(&database)?;
    let mut security = database.connect(role::SECURITY)?;
    add_policy(
        &mut security,
        "shop.orders",
        "a",
        "region = ANY (vpd.attribute_list('app', 'regions'))",
    )?;
    add_policy(
        &mut security,
        "shop.orders",
        "b",
        "amount <= vpd.attribute('app', 'limit')::integer",
    )?;
    add_policy(
        &mut security,
        "shop.orders",
        "c",
        "vpd.user_in_role('manager') OR id % 2 = 0",
    )?;
    let attributes = json!({ "app": { "regions": ["East", "South"], "limit": "200" } });
    let manager = Subject::new("alice")
        .attributes(attributes.clone())
        .role("manager")
        .log_in(&database)?;
    let clerk = Subject::new("bob").attributes(attributes).log_in(&database)?;
    let orders = "SELECT id FROM shop.orders";
    let under = |keep: fn(i32) -> bool| (1..=20).filter(|n| keep(*n)).collect::<Vec<i32>>();
    assert_eq!(
        fresh_ids(&database, Some(&manager), orders)?,
        under(|n| n % 4 == 1 || n % 4 == 2)
    );
    assert_eq!(fresh_ids(&database, Some(&clerk), orders)?, under(|n| n % 4 == 2));
    Ok(())
}
