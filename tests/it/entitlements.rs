//! What somebody had on a day, and by which way somebody has what a policy asks for.

use serde_json::Value;
use vpd_tests::{Database, Result, Subject, add_policy, create_orders, role};

use crate::authority::define;

const SCENE: &str = "
SELECT vpd.define_resource('order', 'page'); SELECT vpd.define_privilege('order:view'), vpd.define_privilege('order:approve');
SELECT vpd.define_duty('Inquiry'), vpd.define_duty('Approval'), vpd.define_role('Buyer', 'job'), vpd.define_group('north'), vpd.define_user('alice');
SELECT vpd.grant_authority('privilege:order:view', 'duty:Inquiry'), vpd.grant_authority('duty:Inquiry', 'duty:Approval'),
       vpd.grant_authority('privilege:order:approve', 'duty:Approval'), vpd.grant_authority('duty:Approval', 'role:Buyer'),
       vpd.grant_authority('role:Buyer', 'group:north'), vpd.grant_authority('group:north', 'user:alice');
";

#[test]
fn what_somebody_has_is_told_with_the_way_to_it() -> Result<()> {
    let database = Database::create()?;
    define(&database, SCENE)?;
    let row = database.connect(role::AUDITOR)?.query_one(
        "SELECT array_to_string(path, ' > '), paths FROM vpd.entitlements_at('alice') WHERE kind = 'privilege' AND name = 'order:view'",
        &[],
    )?;
    assert_eq!(
        row.get::<_, String>(0),
        "user:alice > group:north > role:Buyer > duty:Approval > duty:Inquiry > privilege:order:view"
    );
    assert_eq!(row.get::<_, i64>(1), 1);
    define(
        &database,
        "SELECT vpd.grant_authority('duty:Inquiry', 'role:Buyer')",
    )?;
    let row = database.connect(role::AUDITOR)?.query_one(
        "SELECT cardinality(path), paths FROM vpd.entitlements_at('alice') WHERE kind = 'privilege' AND name = 'order:view'",
        &[],
    )?;
    assert_eq!((row.get::<_, i32>(0), row.get::<_, i64>(1)), (5, 2));
    Ok(())
}

#[test]
fn a_day_is_told_as_it_was_whatever_was_changed_since() -> Result<()> {
    let database = Database::create()?;
    define(&database, SCENE)?;
    let mut security = database.connect(role::SECURITY)?;
    let mut moments: Vec<String> = vec![];
    let now = |client: &mut postgres::Client| -> Result<String> {
        Ok(client.query_one("SELECT clock_timestamp()::text", &[])?.get(0))
    };
    moments.push(now(&mut security)?);
    let steps = [
        ("SELECT vpd.enable_authority('role:Buyer', false)", 0),
        ("SELECT vpd.enable_authority('role:Buyer', true)", 2),
        (
            "SELECT vpd.revoke_authority('privilege:order:approve', 'duty:Approval')",
            1,
        ),
        (
            "SELECT vpd.grant_authority('privilege:order:approve', 'duty:Approval')",
            2,
        ),
        ("SELECT vpd.drop_authority('duty:Inquiry')", 1),
        ("SELECT vpd.disable_user('alice')", 0),
        ("SELECT vpd.drop_authority('user:alice')", 0),
    ];
    for (step, _) in &steps {
        security.batch_execute(step)?;
        moments.push(now(&mut security)?);
    }
    let mut auditor = database.connect(role::AUDITOR)?;
    let mut privileges_at = |moment: &str| -> Result<i64> {
        Ok(auditor
            .query_one(
                "SELECT count(*) FROM vpd.entitlements_at('alice', $1::text::timestamptz) WHERE kind = 'privilege'",
                &[&moment],
            )?
            .get(0))
    };
    assert_eq!(privileges_at(&moments[0])?, 2);
    for (moment, (step, expected)) in moments[1..].iter().zip(&steps) {
        assert_eq!(privileges_at(moment)?, *expected, "after {step}");
    }
    assert_eq!(privileges_at("2001-01-01")?, 0, "before anything was granted");
    Ok(())
}

#[test]
fn a_grant_of_the_future_is_told_for_the_future() -> Result<()> {
    let database = Database::create()?;
    define(&database, SCENE)?;
    define(
        &database,
        "SELECT vpd.define_user('bob'); SELECT vpd.grant_authority('role:Buyer', 'user:bob', '2030-01-01', '2031-01-01')",
    )?;
    let mut auditor = database.connect(role::AUDITOR)?;
    for (moment, expected) in [("2029-12-31", 0), ("2030-06-01", 2), ("2031-01-01", 0)] {
        let count: i64 = auditor
            .query_one(
                "SELECT count(*) FROM vpd.entitlements_at('bob', $1::text::timestamptz) WHERE kind = 'privilege'",
                &[&moment],
            )?
            .get(0);
        assert_eq!(count, expected, "{moment}");
    }
    Ok(())
}

#[test]
fn roles_a_login_would_bring_can_be_asked_for() -> Result<()> {
    let database = Database::create()?;
    define(&database, SCENE)?;
    define(
        &database,
        "SELECT vpd.define_role('BUYER_JOB', 'enterprise'); SELECT vpd.grant_authority('role:Buyer', 'role:BUYER_JOB')",
    )?;
    let count: i64 = database
        .connect(role::AUDITOR)?
        .query_one(
            "SELECT count(*) FROM vpd.entitlements_at('carol', claimed_roles => '{BUYER_JOB}') WHERE kind = 'privilege'",
            &[],
        )?
        .get(0);
    assert_eq!(count, 2);
    Ok(())
}

#[test]
fn an_explanation_shows_the_way_from_the_user_to_what_the_policy_asks_for() -> Result<()> {
    let database = Database::create()?;
    create_orders(&database)?;
    define(&database, SCENE)?;
    database
        .admin()?
        .batch_execute("GRANT SELECT ON shop.orders TO app_auditor")?;
    add_policy(
        &mut database.connect(role::SECURITY)?,
        "shop.orders",
        "by_privilege",
        "vpd.has_privilege('order:view') AND NOT vpd.user_in_role('Stranger')",
    )?;
    Subject::new("alice").log_in(&database)?;
    Subject::new("dave").log_in(&database)?;
    let mut auditor = database.connect(role::AUDITOR)?;
    let mut lines = |user: &str| -> Result<String> {
        let rows = auditor.query(
            "SELECT vpd.explain_access($1, 'shop.orders', '1'::text)",
            &[&user],
        )?;
        Ok(rows
            .iter()
            .map(|row| row.get::<_, String>(0))
            .collect::<Vec<_>>()
            .join("\n"))
    };
    let alice = lines("alice")?;
    assert!(
        alice.contains(
            "privilege:order:view: user:alice → group:north → role:Buyer → duty:Approval → duty:Inquiry → privilege:order:view"
        ),
        "{alice}"
    );
    assert!(alice.contains("role:Stranger: NOT HELD"), "{alice}");
    assert!(lines("dave")?.contains("privilege:order:view: NOT HELD"));
    let json: Value = auditor
        .query_one(
            "SELECT vpd.explain_access_json('alice', 'shop.orders', '1'::text)",
            &[],
        )?
        .get(0);
    assert_eq!(
        json["policies"][0]["authority"][0]["path"][1], "group:north",
        "{json}"
    );
    Ok(())
}

#[test]
fn the_nodes_somebody_sees_rows_below_are_told_for_a_day() -> Result<()> {
    let database = Database::create()?;
    define(
        &database,
        "SELECT vpd.define_hierarchy('stores', '{country,city}'); SELECT vpd.define_node('stores', 'Germany'); SELECT vpd.define_node('stores', 'Berlin', 'Germany');
         SELECT vpd.define_data_group('Germans'), vpd.define_user('alice');
         SELECT vpd.grant_node('Germans', 'stores', 'Germany'); SELECT vpd.grant_authority('data_group:Germans', 'user:alice')",
    )?;
    let mut auditor = database.connect(role::AUDITOR)?;
    let before: String = auditor.query_one("SELECT clock_timestamp()::text", &[])?.get(0);
    define(
        &database,
        "SELECT vpd.revoke_node('Germans', 'stores', 'Germany')",
    )?;
    let mut nodes_at = |moment: &str| -> Result<Vec<String>> {
        let rows = auditor.query(
            "SELECT array_to_string(path, ' > ') FROM vpd.entitlements_at('alice', $1::text::timestamptz) WHERE kind = 'node'",
            &[&moment],
        )?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    };
    assert_eq!(
        nodes_at(&before)?,
        ["user:alice > data_group:Germans > node:stores/Germany"]
    );
    assert!(nodes_at("now")?.is_empty());
    Ok(())
}

#[test]
fn an_explanation_shows_the_data_groups_that_rows_are_filtered_by() -> Result<()> {
    let database = Database::create()?;
    create_orders(&database)?;
    database
        .admin()?
        .batch_execute("GRANT SELECT ON shop.orders TO app_auditor")?;
    define(
        &database,
        "SELECT vpd.define_hierarchy('regions', '{region}'); SELECT vpd.define_node('regions', 'North'), vpd.define_node('regions', 'East');
         SELECT vpd.define_data_group('Northerners'), vpd.define_user('alice'), vpd.define_user('bob');
         SELECT vpd.grant_node('Northerners', 'regions', 'North'); SELECT vpd.grant_authority('data_group:Northerners', 'user:alice');
         SELECT vpd.protect_by_hierarchy('shop.orders', 'regions', 'region')",
    )?;
    let mut auditor = database.connect(role::AUDITOR)?;
    for (user, line) in [
        (
            "alice",
            "node:regions/North: user:alice → data_group:Northerners → node:regions/North",
        ),
        ("bob", "nodes of regions: NOT HELD"),
    ] {
        Subject::new(user).log_in(&database)?;
        let rows = auditor.query(
            "SELECT vpd.explain_access($1, 'shop.orders', '4'::text)",
            &[&user],
        )?;
        let lines: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        assert!(lines.iter().any(|found| found.trim() == line), "{lines:?}");
    }
    Ok(())
}

/// A graph in which every way forks at every step: more ways than anybody can walk.
#[test]
fn ways_are_counted_and_not_walked() -> Result<()> {
    let database = Database::create()?;
    define(
        &database,
        "SELECT vpd.define_user('alice');
         SELECT vpd.define_role(layer || '/' || side) FROM generate_series(0, 24) layer, generate_series(1, 2) side;
         SELECT vpd.grant_authority('role:0/' || side, 'user:alice') FROM generate_series(1, 2) side;
         SELECT vpd.grant_authority('role:' || layer + 1 || '/' || below, 'role:' || layer || '/' || above)
           FROM generate_series(0, 23) layer, generate_series(1, 2) above, generate_series(1, 2) below",
    )?;
    let mut auditor = database.connect(role::AUDITOR)?;
    // So that the test ends when they are walked.
    auditor.batch_execute("SET statement_timeout = '60 s'")?;
    let row = auditor.query_one(
        "SELECT paths, cardinality(path), path[1] || ' ' || path[26], count(*) OVER ()
           FROM (SELECT * FROM vpd.entitlements_at('alice') OFFSET 0) e ORDER BY cardinality(path) DESC, name DESC LIMIT 1",
        &[],
    )?;
    assert_eq!(row.get::<_, i64>(0), 1 << 24);
    assert_eq!(row.get::<_, i32>(1), 26);
    assert_eq!(row.get::<_, String>(2), "user:alice role:24/2");
    assert_eq!(row.get::<_, i64>(3), 51);
    Ok(())
}
