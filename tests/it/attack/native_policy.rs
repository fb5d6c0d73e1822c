//! PostgreSQL's own policies beside ours. Restrictive ones are evaluated first, so their functions are handed rows that ours hide;
//! a permissive one on a partition would open it to whoever reads it past its parent.

use vpd_tests::{
    BY_REGION, Database, Result, Subject, add_policy, assert_refused, create_orders, expected_ids, fresh_ids,
    ids, outcome, protected_orders, role,
};

const LEAK: &str = "
CREATE FUNCTION shop.leak(seen text) RETURNS boolean LANGUAGE plpgsql COST 0.1 AS
    $$ BEGIN RAISE NOTICE 'saw %', seen; RETURN true; END $$;
GRANT EXECUTE ON FUNCTION shop.leak TO PUBLIC;
";
const LISTENER: &str = "CREATE POLICY listener ON shop.orders AS RESTRICTIVE USING (shop.leak(region))";

#[test]
fn control_a_native_restrictive_policy_is_handed_rows_that_others_hide() -> Result<()> {
    let database = protected_orders()?;
    database.admin()?.batch_execute(LEAK)?;
    database.admin()?.batch_execute(LISTENER)?;
    let (mut user, notices) = database.connect_noticing(role::USER)?;
    assert!(ids(&mut user, "SELECT id FROM shop.orders")?.is_empty());
    let seen = notices.take();
    assert!(
        seen.iter().any(|notice| notice.message() == "saw West"),
        "{seen:?}"
    );
    Ok(())
}

#[test]
fn native_policies_are_not_changed_by_roles_under_policy() -> Result<()> {
    let database = protected_orders()?;
    database.admin()?.batch_execute(LEAK)?;
    database
        .admin()?
        .batch_execute("CREATE POLICY small ON shop.orders AS RESTRICTIVE USING (amount <= 100)")?;
    let mut owner = database.connect(role::OWNER)?;
    for change in [
        LISTENER,
        "CREATE POLICY open ON shop.orders USING (true)",
        "ALTER POLICY small ON shop.orders USING (shop.leak(region))",
        "ALTER POLICY small ON shop.orders RENAME TO large",
        "DROP POLICY small ON shop.orders",
        "DROP POLICY IF EXISTS small ON shop.orders",
        "SET search_path = shop; CREATE POLICY listener ON orders AS RESTRICTIVE USING (shop.leak(region))",
        "DO $$ BEGIN EXECUTE 'DROP POLICY small ON shop.orders'; END $$",
    ] {
        assert_refused(owner.batch_execute(change), "42501", "privilege_missing");
    }
    let token = Subject::in_region("alice", "West").log_in(&database)?;
    assert_eq!(
        fresh_ids(&database, Some(&token), "SELECT id FROM shop.orders")?,
        [3, 7]
    );
    Ok(())
}

#[test]
fn native_policies_of_other_tables_stay_their_owners() -> Result<()> {
    let database = protected_orders()?;
    let mut owner = database.connect(role::OWNER)?;
    owner.batch_execute(
        "CREATE TABLE shop.notes (id integer); ALTER TABLE shop.notes ENABLE ROW LEVEL SECURITY;
         CREATE POLICY own ON shop.notes USING (id > 0); ALTER POLICY own ON shop.notes USING (id > 1);
         ALTER POLICY own ON shop.notes RENAME TO few; DROP POLICY few ON shop.notes; DROP POLICY IF EXISTS few ON shop.nothing",
    )?;
    Ok(())
}

const PARTITIONED: &str = "
CREATE SCHEMA shop AUTHORIZATION app_owner;
GRANT USAGE ON SCHEMA shop TO PUBLIC;
SET ROLE app_owner;
CREATE TABLE shop.sales (id integer, region text) PARTITION BY RANGE (id);
CREATE TABLE shop.sales_1 PARTITION OF shop.sales FOR VALUES FROM (0) TO (20);
INSERT INTO shop.sales SELECT n, CASE n % 2 WHEN 0 THEN 'East' ELSE 'West' END FROM generate_series(0, 19) n;
GRANT ALL ON ALL TABLES IN SCHEMA shop TO app_user;
ALTER TABLE shop.sales_1 ENABLE ROW LEVEL SECURITY;
CREATE POLICY open ON shop.sales_1 USING (true) WITH CHECK (true);
";

#[test]
fn a_native_permissive_policy_on_a_partition_does_not_open_it() -> Result<()> {
    let database = Database::create()?;
    database.admin()?.batch_execute(PARTITIONED)?;
    let direct = "SELECT id FROM shop.sales_1";
    assert_eq!(
        fresh_ids(&database, None, direct)?.len(),
        20,
        "control: the policy opens it"
    );
    let mut security = database.connect(role::SECURITY)?;
    add_policy(&mut security, "shop.sales", "by_region", BY_REGION)?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    assert!(
        fresh_ids(&database, None, direct)?.is_empty(),
        "without a session"
    );
    let seen = fresh_ids(&database, Some(&token), direct)?;
    assert!(seen.iter().all(|id| id % 2 == 0), "past the parent: {seen:?}");
    let through_parent = fresh_ids(&database, Some(&token), "SELECT id FROM shop.sales")?;
    assert_eq!(through_parent.len(), 10);
    let mut user = database.connect(role::USER)?;
    let mut session = user.transaction()?;
    vpd_tests::attach(&mut session, &token)?;
    for write in [
        "UPDATE shop.sales_1 SET region = 'East' WHERE region = 'West'",
        "DELETE FROM shop.sales_1 WHERE region = 'West'",
    ] {
        assert_eq!(session.execute(write, &[])?, 0, "{write}");
    }
    let inserted = outcome(session.execute("INSERT INTO shop.sales_1 VALUES (7, 'West')", &[]));
    assert!(inserted.is_err());
    Ok(())
}

#[test]
fn a_native_permissive_policy_made_before_widens_nothing() -> Result<()> {
    let database = Database::create()?;
    create_orders(&database)?;
    database.admin()?.batch_execute(
        "ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY; CREATE POLICY open ON shop.orders USING (true) WITH CHECK (true)",
    )?;
    assert_eq!(
        fresh_ids(&database, None, "SELECT id FROM shop.orders")?.len(),
        40,
        "control"
    );
    add_policy(
        &mut database.connect(role::SECURITY)?,
        "shop.orders",
        "by_region",
        BY_REGION,
    )?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    assert!(fresh_ids(&database, None, "SELECT id FROM shop.orders")?.is_empty());
    assert_eq!(
        fresh_ids(&database, Some(&token), "SELECT id FROM shop.orders")?,
        expected_ids("East")
    );
    Ok(())
}
