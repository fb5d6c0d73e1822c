//! The owner of a schema, and of nothing in it that counts, puts a table of his own where a predicate looks. The server lets him; posture tells.

use vpd_tests::{
    Database, Result, Subject, add_policy, assert_denied, create_orders, expected_ids, fresh_ids, role,
};

const REPLACE: &str = "DROP TABLE lookup.areas; CREATE TABLE lookup.areas (user_name text, region text);
    INSERT INTO lookup.areas SELECT 'alice', * FROM unnest('{North,East,South,West}'::text[]);
    GRANT SELECT ON lookup.areas TO PUBLIC";
const ORDERS: &str = "SELECT id FROM shop.orders";

fn orders_by_table() -> Result<(Database<'static>, String)> {
    let database = Database::create()?;
    create_orders(&database)?;
    database.admin()?.batch_execute(
        "CREATE SCHEMA lookup AUTHORIZATION app_stranger; CREATE TABLE lookup.areas (user_name text, region text);
         INSERT INTO lookup.areas VALUES ('alice', 'West');
         GRANT USAGE ON SCHEMA lookup TO PUBLIC; GRANT SELECT ON lookup.areas TO PUBLIC",
    )?;
    let predicate = "EXISTS (SELECT FROM lookup.areas a WHERE a.user_name = vpd.user_name() AND a.region = orders.region)";
    add_policy(
        &mut database.connect(role::SECURITY)?,
        "shop.orders",
        "by_table",
        predicate,
    )?;
    let token = Subject::new("alice").log_in(&database)?;
    assert_eq!(fresh_ids(&database, Some(&token), ORDERS)?, expected_ids("West"));
    Ok((database, token))
}

fn findings(database: &Database<'_>) -> Result<Vec<String>> {
    let query = "SELECT remedy FROM vpd.posture() WHERE finding = 'predicate_schema_open' AND object = 'lookup.areas'";
    let rows = database.connect(role::AUDITOR)?.query(query, &[])?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

#[test]
fn control_whoever_owns_the_schema_decides_what_a_predicate_sees() -> Result<()> {
    let (database, token) = orders_by_table()?;
    database.connect(role::STRANGER)?.batch_execute(REPLACE)?;
    assert_eq!(fresh_ids(&database, Some(&token), ORDERS)?.len(), 40);
    Ok(())
}

#[test]
fn posture_tells_of_it_and_its_remedy_ends_it() -> Result<()> {
    let (database, token) = orders_by_table()?;
    let found = findings(&database)?;
    assert_eq!(found.len(), 1);
    database.admin()?.batch_execute(&found[0])?;
    assert!(findings(&database)?.is_empty());
    assert_denied(database.connect(role::STRANGER)?.batch_execute(REPLACE));
    assert_eq!(fresh_ids(&database, Some(&token), ORDERS)?, expected_ids("West"));
    Ok(())
}
