//! PostgreSQL's own row security beside ours: flags come back, native policies keep their meaning,
//! partitions and children are covered.

use vpd_tests::{
    BY_REGION, Database, Result, Subject, add_policy, assert_denied, create_orders, expected_ids, fresh_ids,
    protected_orders, role,
};

const ORDERS: &str = "SELECT id FROM shop.orders";
const FLAGS: &str =
    "SELECT relrowsecurity, relforcerowsecurity, (SELECT count(*) FROM pg_policy WHERE polrelid = c.oid)
                       FROM pg_class c WHERE oid = 'shop.orders'::regclass";

fn flags(database: &Database<'_>) -> Result<(bool, bool, i64)> {
    let row = database.admin()?.query_one(FLAGS, &[])?;
    Ok((row.get(0), row.get(1), row.get(2)))
}

#[test]
fn the_last_policy_gives_back_the_flags_the_table_had() -> Result<()> {
    for (before, expected) in [
        (
            "ALTER TABLE shop.orders DISABLE ROW LEVEL SECURITY",
            (false, false, 0),
        ),
        (
            "ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY",
            (true, false, 0),
        ),
        (
            "ALTER TABLE shop.orders FORCE ROW LEVEL SECURITY; ALTER TABLE shop.orders DISABLE ROW LEVEL SECURITY",
            (false, true, 0),
        ),
        (
            "ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
            (true, true, 0),
        ),
    ] {
        let database = Database::create()?;
        create_orders(&database)?;
        database.admin()?.batch_execute(before)?;
        let mut security = database.connect(role::SECURITY)?;
        add_policy(&mut security, "shop.orders", "one", BY_REGION)?;
        add_policy(&mut security, "shop.orders", "two", BY_REGION)?;
        assert_eq!(flags(&database)?, (true, true, 1), "{before}");
        security.execute("SELECT vpd.drop_policy('shop.orders', 'one')", &[])?;
        assert_eq!(flags(&database)?, (true, true, 1), "{before}");
        security.execute("SELECT vpd.drop_policy('shop.orders', 'two')", &[])?;
        assert_eq!(flags(&database)?, expected, "{before}");
    }
    Ok(())
}

#[test]
fn a_native_restrictive_policy_still_restricts() -> Result<()> {
    let database = protected_orders()?;
    database
        .admin()?
        .batch_execute("CREATE POLICY small ON shop.orders AS RESTRICTIVE USING (amount <= 100)")?;
    let token = Subject::in_region("alice", "West").log_in(&database)?;
    assert_eq!(fresh_ids(&database, Some(&token), ORDERS)?, [3, 7]);
    Ok(())
}

#[test]
fn a_native_permissive_policy_widens_nothing() -> Result<()> {
    let database = protected_orders()?;
    database
        .admin()?
        .batch_execute("CREATE POLICY everybody ON shop.orders USING (true) WITH CHECK (true)")?;
    let token = Subject::in_region("alice", "West").log_in(&database)?;
    assert_eq!(fresh_ids(&database, Some(&token), ORDERS)?, expected_ids("West"));
    assert!(fresh_ids(&database, None, ORDERS)?.is_empty());
    Ok(())
}

#[test]
fn a_native_policy_of_an_unprotected_table_works_as_ever() -> Result<()> {
    let database = Database::create()?;
    create_orders(&database)?;
    database.admin()?.batch_execute(
        "ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY; CREATE POLICY few ON shop.orders USING (id < 4)",
    )?;
    assert_eq!(fresh_ids(&database, None, ORDERS)?, [1, 2, 3]);
    database
        .admin()?
        .batch_execute("DROP POLICY few ON shop.orders")?;
    assert!(fresh_ids(&database, None, ORDERS)?.is_empty());
    Ok(())
}

#[test]
fn a_native_policy_survives_our_last_policy() -> Result<()> {
    let database = Database::create()?;
    create_orders(&database)?;
    database.admin()?.batch_execute(
        "ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY; CREATE POLICY few ON shop.orders USING (id < 4)",
    )?;
    let mut security = database.connect(role::SECURITY)?;
    add_policy(&mut security, "shop.orders", "by_region", BY_REGION)?;
    assert!(fresh_ids(&database, None, ORDERS)?.is_empty());
    security.execute("SELECT vpd.drop_policy('shop.orders', 'by_region')", &[])?;
    assert_eq!(fresh_ids(&database, None, ORDERS)?, [1, 2, 3]);
    Ok(())
}

const PARTITIONED: &str = "
CREATE SCHEMA shop AUTHORIZATION app_owner;
GRANT USAGE ON SCHEMA shop TO PUBLIC;
SET ROLE app_owner;
CREATE TABLE shop.sales (id integer, region text) PARTITION BY RANGE (id);
CREATE TABLE shop.sales_1 PARTITION OF shop.sales FOR VALUES FROM (0) TO (20);
CREATE TABLE shop.sales_2 PARTITION OF shop.sales FOR VALUES FROM (20) TO (40);
INSERT INTO shop.sales SELECT n, CASE n % 2 WHEN 0 THEN 'East' ELSE 'West' END FROM generate_series(0, 39) n;
GRANT SELECT ON ALL TABLES IN SCHEMA shop TO app_user;
ALTER DEFAULT PRIVILEGES IN SCHEMA shop GRANT SELECT ON TABLES TO app_user;
";

#[test]
fn partitions_are_covered_through_the_parent_and_directly() -> Result<()> {
    let database = Database::create()?;
    database.admin()?.batch_execute(PARTITIONED)?;
    assert_eq!(
        fresh_ids(&database, None, "SELECT id FROM shop.sales_1")?.len(),
        20,
        "control: unprotected"
    );
    add_policy(
        &mut database.connect(role::SECURITY)?,
        "shop.sales",
        "by_region",
        BY_REGION,
    )?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let even = |from: i32, to: i32| (from..to).filter(|n| n % 2 == 0).collect::<Vec<_>>();
    assert_eq!(
        fresh_ids(&database, Some(&token), "SELECT id FROM shop.sales")?,
        even(0, 40)
    );
    // Directly a partition shows what the policies of its parent allow, or nothing.
    let directly = fresh_ids(&database, Some(&token), "SELECT id FROM shop.sales_1")?;
    assert!(directly.is_empty() || directly == even(0, 20), "{directly:?}");
    assert!(fresh_ids(&database, None, "SELECT id FROM shop.sales_1")?.is_empty());
    Ok(())
}

#[test]
fn a_new_partition_is_covered_or_refused() -> Result<()> {
    let database = Database::create()?;
    database.admin()?.batch_execute(PARTITIONED)?;
    add_policy(
        &mut database.connect(role::SECURITY)?,
        "shop.sales",
        "by_region",
        BY_REGION,
    )?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let mut owner = database.connect(role::OWNER)?;
    let added = owner.batch_execute(
        "CREATE TABLE shop.sales_3 PARTITION OF shop.sales FOR VALUES FROM (40) TO (50);
         CREATE TABLE shop.sales_4 (id integer, region text);
         INSERT INTO shop.sales_4 VALUES (50, 'East'), (51, 'West');
         ALTER TABLE shop.sales ATTACH PARTITION shop.sales_4 FOR VALUES FROM (50) TO (60)",
    );
    if added.is_ok() {
        assert!(fresh_ids(&database, None, "SELECT id FROM shop.sales_4")?.is_empty());
        let through_parent = "SELECT id FROM shop.sales WHERE id >= 50";
        assert_eq!(fresh_ids(&database, Some(&token), through_parent)?, [50]);
        let directly = fresh_ids(&database, Some(&token), "SELECT id FROM shop.sales_4")?;
        assert!(directly.is_empty() || directly == [50], "{directly:?}");
    }
    Ok(())
}

#[test]
fn inheritance_children_are_covered() -> Result<()> {
    let database = Database::create()?;
    create_orders(&database)?;
    database.admin()?.batch_execute(
        "SET ROLE app_owner;
         CREATE TABLE shop.archive () INHERITS (shop.orders);
         INSERT INTO shop.archive VALUES (101, 'East', 1), (102, 'West', 1);
         GRANT SELECT ON shop.archive TO app_user",
    )?;
    add_policy(
        &mut database.connect(role::SECURITY)?,
        "shop.orders",
        "by_region",
        BY_REGION,
    )?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    assert!(fresh_ids(&database, Some(&token), ORDERS)?.contains(&101));
    let directly = fresh_ids(&database, Some(&token), "SELECT id FROM shop.archive")?;
    assert!(directly.is_empty() || directly == [101], "{directly:?}");
    assert!(fresh_ids(&database, None, "SELECT id FROM shop.archive")?.is_empty());
    Ok(())
}

#[test]
fn row_security_off_is_an_error_and_not_a_way_around() -> Result<()> {
    let database = protected_orders()?;
    let mut user = database.connect(role::USER)?;
    user.batch_execute("SET row_security = off")?;
    assert_denied(user.query(ORDERS, &[]));
    Ok(())
}

#[test]
fn the_owner_cannot_switch_the_defences_off_unnoticed() -> Result<()> {
    let database = protected_orders()?;
    // The owner may alter the table, as with native row security; the view for auditors shows it at once.
    let mut owner = database.connect(role::OWNER)?;
    let altered = owner.batch_execute("ALTER TABLE shop.orders NO FORCE ROW LEVEL SECURITY");
    if altered.is_ok() {
        let mut auditor = database.connect(role::AUDITOR)?;
        let row = auditor.query_one("SELECT is_forced FROM vpd.protected_tables", &[])?;
        assert!(!row.get::<_, bool>(0));
    }
    Ok(())
}

/// The command names a constraint and no table, which our look at new foreign keys once did not expect.
#[test]
fn altering_an_existing_foreign_key_is_left_to_the_server() -> Result<()> {
    let database = Database::create()?;
    let mut admin = database.admin()?;
    admin.batch_execute(
        "CREATE TABLE a (id integer PRIMARY KEY);
         CREATE TABLE b (id integer CONSTRAINT to_a REFERENCES a);
         ALTER TABLE b ALTER CONSTRAINT to_a DEFERRABLE INITIALLY DEFERRED",
    )?;
    let deferred = admin.query_one(
        "SELECT condeferred FROM pg_constraint WHERE conname = 'to_a'",
        &[],
    )?;
    assert!(deferred.get::<_, bool>(0));
    Ok(())
}
