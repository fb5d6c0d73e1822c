//! Definitions that would carry more authority into a database, or filter less there, than where they were written.

use postgres::Client;
use serde_json::{Value, json};
use vpd_tests::{Cluster, Database, Extension, Library, Result, assert_refused, create_orders, role};

fn document(sections: &Value) -> Value {
    let mut document = sections.clone();
    document["format"] = json!("pg_vpd definitions");
    document["version"] = json!(1);
    document
}

/// Imports and tells change, kind and name of each line.
fn import(client: &mut Client, sections: &Value) -> Result<Vec<[String; 3]>> {
    let rows = client.query(
        "SELECT change, kind, name FROM vpd.import_definitions($1, prune => true)",
        &[&document(sections)],
    )?;
    Ok(rows
        .iter()
        .map(|row| [row.get(0), row.get(1), row.get(2)])
        .collect())
}

fn export(client: &mut Client) -> Result<Value> {
    Ok(client
        .query_one("SELECT vpd.export_definitions(true, true)", &[])?
        .get(0))
}

fn skipped(lines: &[[String; 3]]) -> Vec<&str> {
    lines
        .iter()
        .filter(|line| line[0] == "skip")
        .map(|line| line[2].as_str())
        .collect()
}

/// A tester who may act for everybody, and somebody who may act for the tester.
fn delegations_of_a_tester() -> Value {
    json!({
        "users": [{"name": "real"}, {"name": "tester", "is_test": true}],
        "delegations": [
            {"actor": "user: tester", "with_full_authority": true},
            {"actor": "user:real", "subject": "user:tester"},
            {"actor": "user:real", "reason": "holidays"},
        ],
    })
}

fn delegations(database: &Database<'_>) -> Result<Vec<String>> {
    let rows = database.admin()?.query(
        "SELECT concat_ws(' ', actor, subject) FROM vpd_private.delegation ORDER BY 1",
        &[],
    )?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

#[test]
fn a_test_user_acts_for_nobody_in_production() -> Result<()> {
    let test = Cluster::start(
        &Extension::debug()?,
        Library::Preloaded,
        "vpd.environment = 'test'",
    )?;
    let elsewhere = Database::create_in(&test)?;
    import(
        &mut elsewhere.connect(role::SECURITY)?,
        &delegations_of_a_tester(),
    )?;
    assert_eq!(
        delegations(&elsewhere)?,
        ["user:real", "user:real user:tester", "user:tester"],
        "control: elsewhere they are carried"
    );

    let production = Database::create()?;
    let lines = import(
        &mut production.connect(role::SECURITY)?,
        &delegations_of_a_tester(),
    )?;
    assert_eq!(delegations(&production)?, ["user:real"]);
    let skipped = skipped(&lines);
    assert_eq!(skipped.len(), 3, "{lines:?}");
    assert!(skipped.iter().all(|name| name.contains("tester")), "{lines:?}");
    Ok(())
}
