//! A name without a schema means what the caller's search path says. In our predicates the caller has no say.

use vpd_tests::{
    Database, Result, Subject, add_policy, attach, create_orders, expected_ids, ids, outcome,
    protected_orders, role,
};

const ORDERS: &str = "SELECT id FROM shop.orders";

#[test]
fn control_a_native_policy_reads_the_attackers_temporary_table() -> Result<()> {
    let database = Database::create_bare()?;
    create_orders(&database)?;
    database.admin()?.batch_execute(
        "CREATE TABLE public.allowed (region text); GRANT SELECT ON public.allowed TO PUBLIC;
         CREATE FUNCTION public.is_allowed(wanted text) RETURNS boolean LANGUAGE plpgsql STABLE
             AS 'BEGIN RETURN EXISTS (SELECT FROM allowed a WHERE a.region = wanted); END';
         ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY;
         CREATE POLICY allowed ON shop.orders USING (public.is_allowed(region))",
    )?;
    let mut user = database.connect(role::USER)?;
    assert!(ids(&mut user, ORDERS)?.is_empty());
    user.batch_execute(
        "CREATE TEMPORARY TABLE allowed AS SELECT DISTINCT region FROM (VALUES ('West')) v (region)",
    )?;
    let mut again = || -> Result<Vec<i32>> {
        user.batch_execute("DISCARD PLANS")?;
        Ok(ids(&mut user, ORDERS)?)
    };
    assert_eq!(again()?, expected_ids("West"));
    Ok(())
}

/// Operators and functions that make everything true, in a schema of the attacker and in pg_temp.
fn plant(database: &Database<'_>, user: &mut postgres::Client) -> Result<()> {
    let name = database.name();
    database
        .admin()?
        .batch_execute(&format!("GRANT CREATE, TEMPORARY ON DATABASE {name} TO app_user"))?;
    user.batch_execute("CREATE SCHEMA evil")?;
    for schema in ["evil", "pg_temp"] {
        user.batch_execute(&format!(
            "CREATE FUNCTION {schema}.yes(text, text) RETURNS boolean LANGUAGE sql IMMUTABLE COST 1 AS 'SELECT true';
             CREATE FUNCTION {schema}.lower(text) RETURNS text LANGUAGE sql IMMUTABLE AS $$SELECT 'east'$$;
             CREATE FUNCTION {schema}.attribute(text, text) RETURNS text LANGUAGE sql IMMUTABLE AS $$SELECT 'West'$$"
        ))?;
    }
    user.batch_execute(
        "CREATE OPERATOR evil.= (FUNCTION = evil.yes, LEFTARG = text, RIGHTARG = text);
         CREATE TEMPORARY TABLE orders (id integer, region text, amount integer);
         CREATE TEMPORARY TABLE pg_class (oid oid, relname text)",
    )?;
    Ok(())
}

const PATHS: [&str; 4] = [
    "evil, pg_catalog",
    "pg_temp, evil, pg_catalog",
    "evil, vpd, pg_temp, pg_catalog",
    "''",
];

#[test]
fn planted_operators_and_functions_are_not_used_by_a_predicate() -> Result<()> {
    let database = protected_orders()?;
    add_policy(
        &mut database.connect(role::SECURITY)?,
        "shop.orders",
        "lower",
        "lower(region) = 'east'",
    )?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    plant(&database, &mut database.connect(role::USER)?)?;
    for path in PATHS {
        let mut user = database.connect(role::USER)?;
        user.batch_execute(&format!("SET search_path = {path}"))?;
        assert!(ids(&mut user, ORDERS)?.is_empty(), "{path}");
        let mut session = user.transaction()?;
        attach(&mut session, &token)?;
        session.batch_execute(&format!("SET search_path = {path}"))?;
        assert_eq!(ids(&mut session, ORDERS)?, expected_ids("East"), "{path}");
    }
    Ok(())
}

#[test]
fn what_a_policy_function_returns_is_not_resolved_in_the_callers_path() -> Result<()> {
    let database = Database::create()?;
    create_orders(&database)?;
    database.admin()?.batch_execute(
        "CREATE FUNCTION shop.by_region(text, text) RETURNS text LANGUAGE sql STABLE
            AS $$SELECT 'region = vpd.attribute(''app'', ''region'') AND lower(region) = ''east'''$$",
    )?;
    database.connect(role::SECURITY)?.execute(
        "SELECT vpd.add_policy('shop.orders', 'f', policy_function => 'shop.by_region')",
        &[],
    )?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    plant(&database, &mut database.connect(role::USER)?)?;
    for path in PATHS {
        let mut user = database.connect(role::USER)?;
        user.batch_execute(&format!("SET search_path = {path}"))?;
        let mut session = user.transaction()?;
        attach(&mut session, &token)?;
        session.batch_execute(&format!("SET search_path = {path}"))?;
        assert_eq!(
            outcome(ids(&mut session, ORDERS)),
            Ok(expected_ids("East")),
            "{path}"
        );
    }
    Ok(())
}

#[test]
fn our_functions_do_their_work_whatever_the_path() -> Result<()> {
    let database = protected_orders()?;
    plant(&database, &mut database.connect(role::USER)?)?;
    for path in ["evil", "pg_temp, evil", "''"] {
        let mut bridge = database.connect(role::BRIDGE)?;
        bridge.batch_execute(&format!("SET search_path = {path}"))?;
        let token = Subject::in_region("alice", "East").log_in_with(&mut bridge)?;
        let mut user = database.connect(role::USER)?;
        user.batch_execute(&format!("SET search_path = {path}"))?;
        let mut session = user.transaction()?;
        attach(&mut session, &token)?;
        session.batch_execute(&format!("SET search_path = {path}"))?;
        assert_eq!(ids(&mut session, ORDERS)?, expected_ids("East"));
    }
    Ok(())
}
