//! Explaining access looks past policies and acts as somebody else for a moment. What does the caller get out of that?

use postgres::Client;
use serde_json::Value;
use vpd_tests::{
    Database, Result, Subject, assert_refused, attach, expected_ids, ids, protected_orders, role,
};

const ORDERS: &str = "SELECT id FROM shop.orders";
const EXPLAIN: &str = "SELECT vpd.explain_access_json('alice', 'shop.orders', '2'::text)";

fn scene() -> Result<Database<'static>> {
    let database = protected_orders()?;
    Subject::in_region("alice", "East").log_in(&database)?;
    Ok(database)
}

fn grant(database: &Database<'_>) -> Result<()> {
    Ok(database
        .admin()?
        .batch_execute("GRANT SELECT ON shop.orders TO app_auditor")?)
}

fn user_name(client: &mut Client) -> Result<Option<String>> {
    Ok(client.query_one("SELECT vpd.user_name()", &[])?.get(0))
}

#[test]
fn it_replaces_no_privilege_on_the_table() -> Result<()> {
    let database = scene()?;
    let mut auditor = database.connect(role::AUDITOR)?;
    let refused = assert_refused(auditor.query(EXPLAIN, &[]), "42501", "privilege_missing");
    assert!(!refused.text.contains("region"));
    database
        .admin()?
        .batch_execute("GRANT SELECT (id) ON shop.orders TO app_auditor")?;
    assert_refused(auditor.query(EXPLAIN, &[]), "42501", "privilege_missing");
    grant(&database)?;
    assert!(auditor.query(EXPLAIN, &[]).is_ok(), "control: with the privilege");
    Ok(())
}

#[test]
fn neither_policies_nor_identity_stay_away_afterwards() -> Result<()> {
    let database = scene()?;
    grant(&database)?;
    database.admin()?.batch_execute(
        "SELECT vpd.grant_profile('runtime', 'app_auditor');
         CREATE FUNCTION shop.seen() RETURNS bigint LANGUAGE plpgsql STABLE AS
             'DECLARE n bigint; BEGIN SELECT count(*) INTO n FROM shop.orders; RETURN n; END'",
    )?;
    let own = Subject::in_region("auditor", "West").log_in(&database)?;
    let mut auditor = database.connect(role::AUDITOR)?;
    let prepared = auditor.prepare(ORDERS)?;
    for _ in 0..8 {
        auditor.query(EXPLAIN, &[])?;
        assert_eq!(user_name(&mut auditor)?, None);
        assert!(ids(&mut auditor, ORDERS)?.is_empty());
        assert!(auditor.query(&prepared, &[])?.is_empty());
        assert_eq!(ids(&mut auditor, "SELECT shop.seen()::integer")?, [0]);
        let mut transaction = auditor.transaction()?;
        attach(&mut transaction, &own)?;
        transaction.query(EXPLAIN, &[])?;
        assert_eq!(ids(&mut transaction, ORDERS)?, expected_ids("West"));
        assert_eq!(transaction.query(&prepared, &[])?.len(), 10);
        assert_eq!(ids(&mut transaction, "SELECT shop.seen()::integer")?, [10]);
    }
    Ok(())
}

#[test]
fn an_explanation_that_fails_gives_the_identity_back() -> Result<()> {
    let database = scene()?;
    grant(&database)?;
    // A group that the driving context names and that does not exist fails the explanation as a whole.
    database.connect(role::SECURITY)?.batch_execute(
        "SELECT vpd.create_policy_group('shop.orders', 'known');
         SELECT vpd.add_policy_context('shop.orders', 'app', 'region')",
    )?;
    let mut auditor = database.connect(role::AUDITOR)?;
    auditor.batch_execute("BEGIN; SAVEPOINT before")?;
    assert!(auditor.query(EXPLAIN, &[]).is_err());
    auditor.batch_execute("ROLLBACK TO before")?;
    assert_eq!(user_name(&mut auditor)?, None);
    let caught = "DO $$ BEGIN PERFORM vpd.explain_access('alice', 'shop.orders', '2'::text);
                  EXCEPTION WHEN OTHERS THEN RAISE NOTICE 'caught'; END $$";
    auditor.batch_execute(caught)?;
    assert_eq!(user_name(&mut auditor)?, None);
    assert!(ids(&mut auditor, ORDERS)?.is_empty());
    auditor.batch_execute("COMMIT")?;
    Ok(())
}

#[test]
fn predicates_do_not_run_above_the_caller() -> Result<()> {
    let database = scene()?;
    grant(&database)?;
    database.admin()?.batch_execute(
        "CREATE FUNCTION shop.who() RETURNS text LANGUAGE sql STABLE AS 'SELECT current_user::text';
         CREATE TABLE shop.secret (id integer); INSERT INTO shop.secret VALUES (2);
         SELECT vpd.add_policy('shop.orders', 'who', 'shop.who() = ''app_auditor''');
         SELECT vpd.add_policy('shop.orders', 'secret', 'EXISTS (SELECT FROM shop.secret s WHERE s.id = orders.id)')",
    )?;
    let mut auditor = database.connect(role::AUDITOR)?;
    let explanation: Value = auditor.query_one(EXPLAIN, &[])?.get(0);
    let find = |name: &str| {
        let policies = explanation["policies"].as_array().cloned().unwrap_or_default();
        policies
            .into_iter()
            .find(|policy| policy["name"] == name)
            .unwrap_or_default()
    };
    assert_eq!(find("who")["truth"], true, "{explanation}");
    assert_eq!(
        find("secret")["error"],
        "42501",
        "the caller may not read that table"
    );
    Ok(())
}

#[test]
fn no_value_of_the_row_is_shown() -> Result<()> {
    let database = scene()?;
    grant(&database)?;
    database.admin()?.batch_execute(
        "UPDATE shop.orders SET amount = 31337, region = 'Atlantis' WHERE id = 2;
         SELECT vpd.add_policy('shop.orders', 'loud', 'region::integer = 1')",
    )?;
    let mut auditor = database.connect(role::AUDITOR)?;
    let explanation: Value = auditor.query_one(EXPLAIN, &[])?.get(0);
    let text = explanation.to_string();
    assert!(text.contains("22P02"), "{text}");
    assert!(!text.contains("31337") && !text.contains("Atlantis"), "{text}");
    let bad = auditor.query("SELECT vpd.explain_access('alice', 'shop.orders', '{\"region\": \"Atlantis\", \"id\": \"x\"}'::text)", &[]);
    let refused = assert_refused(bad, "22023", "argument_invalid");
    assert!(!refused.text.contains("Atlantis"));
    Ok(())
}
