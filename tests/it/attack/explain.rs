//! EXPLAIN prints the predicate. It must print functions, not the values of somebody's session.

use vpd_tests::{Database, Result, Subject, attach, create_orders, protected_orders, role};

const EXPLAIN: &str =
    "EXPLAIN (VERBOSE, ANALYZE, COSTS off, TIMING off, SUMMARY off) SELECT id FROM shop.orders";

fn plan(database: &Database<'_>, token: &str) -> Result<String> {
    let mut user = database.connect(role::USER)?;
    let mut session = user.transaction()?;
    attach(&mut session, token)?;
    let rows = session.query(EXPLAIN, &[])?;
    Ok(rows
        .iter()
        .map(|row| row.get::<_, &str>(0))
        .collect::<Vec<_>>()
        .join("\n"))
}

#[test]
fn control_a_predicate_with_values_is_printed_with_them() -> Result<()> {
    let database = Database::create()?;
    create_orders(&database)?;
    database.admin()?.batch_execute(
        "CREATE FUNCTION shop.by_value(text, text) RETURNS text LANGUAGE sql STABLE
             AS $$SELECT format('region = %L', vpd.attribute('app', 'region'))$$",
    )?;
    database.connect(role::SECURITY)?.execute(
        "SELECT vpd.add_policy('shop.orders', 'f', policy_function => 'shop.by_value')",
        &[],
    )?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    assert!(plan(&database, &token)?.contains("East"));
    Ok(())
}

#[test]
fn a_static_predicate_is_printed_as_function_calls() -> Result<()> {
    let database = protected_orders()?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let plan = plan(&database, &token)?;
    assert!(plan.contains("vpd.attribute") && !plan.contains("East"), "{plan}");
    Ok(())
}

#[test]
fn context_reads_are_hoisted_and_run_once() -> Result<()> {
    let database = protected_orders()?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let plan = plan(&database, &token)?;
    assert!(plan.contains("InitPlan"), "{plan}");
    Ok(())
}

#[test]
fn a_hoisted_predicate_uses_an_index() -> Result<()> {
    let database = protected_orders()?;
    database.admin()?.batch_execute(
        "INSERT INTO shop.orders SELECT n, 'R' || n % 500, 1 FROM generate_series(1000, 21000) n;
         CREATE INDEX ON shop.orders (region); ANALYZE shop.orders",
    )?;
    let token = Subject::in_region("alice", "R7").log_in(&database)?;
    let plan = plan(&database, &token)?;
    assert!(plan.contains("Index"), "{plan}");
    Ok(())
}
