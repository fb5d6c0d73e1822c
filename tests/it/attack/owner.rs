//! The owner of a table is under its policies too, and could take them apart from behind: by its partitions and parents,
//! by cascades, by editing the native guard that keeps the table shut when the library is missing.

use vpd_tests::{
    BY_REGION, Database, Result, Subject, add_policy, create_orders, expected_ids, fresh_ids, ids, outcome,
    protected_orders, role,
};

const ORDERS: &str = "SELECT id FROM shop.orders";

/// The table's own rows, read by the superuser.
fn stored(database: &Database<'_>) -> Result<Vec<i32>> {
    Ok(ids(&mut database.admin()?, "SELECT id FROM ONLY shop.orders")?)
}

const HOLES: [&str; 3] = [
    "CREATE TABLE shop.hole (id integer NOT NULL, region text NOT NULL, amount integer NOT NULL);
     ALTER TABLE shop.orders INHERIT shop.hole",
    "CREATE TABLE shop.hole (id integer NOT NULL, region text NOT NULL, amount integer NOT NULL) PARTITION BY RANGE (id);
     ALTER TABLE shop.hole ATTACH PARTITION shop.orders FOR VALUES FROM (0) TO (1000)",
    "CREATE TABLE shop.hole (id integer NOT NULL, region text NOT NULL, amount integer NOT NULL) PARTITION BY RANGE (id);
     ALTER TABLE shop.hole ATTACH PARTITION shop.orders DEFAULT",
];

#[test]
fn control_a_parent_without_policies_shows_the_rows_of_a_child_with_them() -> Result<()> {
    for hole in HOLES {
        let database = Database::create_bare()?;
        create_orders(&database)?;
        database.admin()?.batch_execute(
            "ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
             CREATE POLICY none ON shop.orders USING (false)",
        )?;
        let mut owner = database.connect(role::OWNER)?;
        assert!(ids(&mut owner, ORDERS)?.is_empty());
        owner.batch_execute(hole)?;
        assert_eq!(ids(&mut owner, "SELECT id FROM shop.hole")?.len(), 40, "{hole}");
    }
    Ok(())
}

#[test]
fn a_protected_table_is_not_read_through_a_parent_made_later() -> Result<()> {
    for hole in HOLES {
        let database = protected_orders()?;
        let mut owner = database.connect(role::OWNER)?;
        let made = outcome(owner.batch_execute(hole));
        let seen = outcome(ids(&mut owner, "SELECT id FROM shop.hole")).unwrap_or_default();
        assert!(seen.is_empty(), "{hole}: {} rows ({made:?})", seen.len());
        assert_eq!(ids(&mut database.admin()?, ORDERS)?.len(), 40);
    }
    Ok(())
}

#[test]
fn a_table_with_an_open_parent_is_refused_or_covered() -> Result<()> {
    for hole in HOLES {
        let database = Database::create()?;
        create_orders(&database)?;
        database.connect(role::OWNER)?.batch_execute(hole)?;
        database
            .admin()?
            .batch_execute("GRANT SELECT ON shop.hole TO app_user")?;
        assert_eq!(
            fresh_ids(&database, None, "SELECT id FROM shop.hole")?.len(),
            40,
            "control: unprotected"
        );
        let mut security = database.connect(role::SECURITY)?;
        if outcome(add_policy(&mut security, "shop.orders", "by_region", BY_REGION)).is_ok() {
            assert!(
                fresh_ids(&database, None, "SELECT id FROM shop.hole")?.is_empty(),
                "{hole}"
            );
        }
    }
    Ok(())
}

#[test]
fn a_child_added_later_is_covered_or_refused() -> Result<()> {
    for child in [
        "CREATE TABLE shop.child () INHERITS (shop.orders)",
        "CREATE TABLE shop.child (LIKE shop.orders); ALTER TABLE shop.child INHERIT shop.orders",
    ] {
        let database = protected_orders()?;
        let token = Subject::in_region("alice", "East").log_in(&database)?;
        let mut owner = database.connect(role::OWNER)?;
        if outcome(owner.batch_execute(child)).is_err() {
            continue;
        }
        database.admin()?.batch_execute(
            "INSERT INTO shop.child VALUES (101, 'East', 1), (102, 'West', 1); GRANT SELECT ON shop.child TO app_user",
        )?;
        assert!(
            fresh_ids(&database, None, "SELECT id FROM shop.child")?.is_empty(),
            "{child}"
        );
        let through_parent = fresh_ids(
            &database,
            Some(&token),
            "SELECT id FROM shop.orders WHERE id > 100",
        )?;
        assert_eq!(through_parent, [101], "{child}");
    }
    Ok(())
}

#[test]
fn a_partition_taken_out_does_not_lie_open() -> Result<()> {
    let database = Database::create()?;
    database.admin()?.batch_execute(
        "CREATE SCHEMA shop AUTHORIZATION app_owner; GRANT USAGE ON SCHEMA shop TO PUBLIC; SET ROLE app_owner;
         CREATE TABLE shop.sales (id integer, region text) PARTITION BY RANGE (id);
         CREATE TABLE shop.sales_1 PARTITION OF shop.sales FOR VALUES FROM (0) TO (20);
         INSERT INTO shop.sales VALUES (1, 'East'), (2, 'West');
         GRANT SELECT ON ALL TABLES IN SCHEMA shop TO app_user",
    )?;
    add_policy(
        &mut database.connect(role::SECURITY)?,
        "shop.sales",
        "by_region",
        BY_REGION,
    )?;
    let mut owner = database.connect(role::OWNER)?;
    if outcome(owner.batch_execute("ALTER TABLE shop.sales DETACH PARTITION shop.sales_1")).is_ok() {
        assert!(ids(&mut owner, "SELECT id FROM shop.sales_1")?.is_empty());
        assert!(fresh_ids(&database, None, "SELECT id FROM shop.sales_1")?.is_empty());
    }
    Ok(())
}

#[test]
fn truncate_does_not_reach_a_protected_table_by_a_detour() -> Result<()> {
    for (detour, truncate) in [
        (
            "CREATE TABLE shop.region (region text PRIMARY KEY); INSERT INTO shop.region SELECT DISTINCT region FROM shop.orders;
             ALTER TABLE shop.orders ADD FOREIGN KEY (region) REFERENCES shop.region",
            "TRUNCATE shop.region CASCADE",
        ),
        (
            "CREATE TABLE shop.parent (id integer NOT NULL, region text NOT NULL, amount integer NOT NULL);
             ALTER TABLE shop.orders INHERIT shop.parent",
            "TRUNCATE shop.parent",
        ),
    ] {
        let database = Database::create()?;
        create_orders(&database)?;
        database.admin()?.batch_execute(detour)?;
        database.admin()?.batch_execute("GRANT ALL ON ALL TABLES IN SCHEMA shop TO app_user")?;
        let mut security = database.connect(role::SECURITY)?;
        if outcome(add_policy(&mut security, "shop.orders", "by_region", BY_REGION)).is_err() {
            continue;
        }
        let truncated = outcome(database.connect(role::USER)?.batch_execute(truncate));
        assert_eq!(stored(&database)?.len(), 40, "{truncate}: {truncated:?}");
    }
    Ok(())
}

#[test]
fn the_owner_cannot_weaken_the_guard() -> Result<()> {
    for weakening in [
        "ALTER POLICY vpd_guard ON shop.orders USING (true)",
        "ALTER POLICY vpd_guard ON shop.orders TO app_owner",
        "ALTER POLICY vpd_guard ON shop.orders RENAME TO nothing",
        "DROP POLICY vpd_guard ON shop.orders",
        "ALTER TABLE shop.orders DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE shop.orders NO FORCE ROW LEVEL SECURITY",
        "ALTER TABLE shop.orders ADD COLUMN extra integer, NO FORCE ROW LEVEL SECURITY",
        "ALTER TABLE ONLY shop.orders NO FORCE ROW LEVEL SECURITY",
        "DO $$ BEGIN EXECUTE 'ALTER TABLE shop.orders NO FORCE ROW LEVEL SECURITY'; END $$",
        "CREATE FUNCTION pg_temp.f() RETURNS void LANGUAGE sql AS 'ALTER TABLE shop.orders DISABLE ROW LEVEL SECURITY';
         SELECT pg_temp.f()",
        "SET search_path = shop; ALTER TABLE orders DISABLE ROW LEVEL SECURITY",
        "DROP FUNCTION vpd.guard() CASCADE",
    ] {
        let database = protected_orders()?;
        let mut owner = database.connect(role::OWNER)?;
        let weakened = outcome(owner.batch_execute(weakening));
        assert!(weakened.is_err(), "accepted: {weakening}");
        let defences = "SELECT c.relrowsecurity AND c.relforcerowsecurity AND EXISTS (
                            SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'vpd_guard'
                               AND p.polroles = '{0}' AND NOT p.polpermissive
                               AND pg_get_expr(p.polqual, p.polrelid) LIKE '%guard()%')
                          FROM pg_class c WHERE c.oid = 'shop.orders'::regclass";
        assert!(database.admin()?.query_one(defences, &[])?.get::<_, bool>(0), "{weakening}");
    }
    Ok(())
}

#[test]
fn renaming_and_moving_the_table_keeps_it_protected() -> Result<()> {
    let database = protected_orders()?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    database.connect(role::OWNER)?.batch_execute(
        "ALTER TABLE shop.orders RENAME TO bestellungen; CREATE TABLE shop.orders (id integer)",
    )?;
    database.admin()?.batch_execute(
        "CREATE SCHEMA other; GRANT USAGE ON SCHEMA other TO PUBLIC;
         ALTER TABLE shop.bestellungen SET SCHEMA other",
    )?;
    let moved = "SELECT id FROM other.bestellungen";
    assert_eq!(fresh_ids(&database, Some(&token), moved)?, expected_ids("East"));
    assert!(fresh_ids(&database, None, moved)?.is_empty());
    Ok(())
}

#[test]
fn a_column_that_a_predicate_needs_and_that_goes_shuts_the_table() -> Result<()> {
    for change in [
        "ALTER TABLE shop.orders RENAME COLUMN region TO gegend",
        "ALTER TABLE shop.orders DROP COLUMN region",
        "ALTER TABLE shop.orders ALTER COLUMN region TYPE integer USING 1",
    ] {
        let database = protected_orders()?;
        let token = Subject::in_region("alice", "East").log_in(&database)?;
        assert_eq!(fresh_ids(&database, Some(&token), ORDERS)?.len(), 10);
        if outcome(database.connect(role::OWNER)?.batch_execute(change)).is_ok() {
            let seen = fresh_ids(&database, Some(&token), ORDERS).unwrap_or_default();
            assert!(seen.is_empty(), "{change}: {seen:?}");
        }
    }
    Ok(())
}

const TWO_PARENTS: &str =
    "CREATE TABLE shop.hole (id integer NOT NULL, region text NOT NULL, amount integer NOT NULL);
     CREATE TABLE shop.child () INHERITS (shop.orders, shop.hole)";

#[test]
fn control_a_child_of_two_parents_is_read_through_the_open_one() -> Result<()> {
    let database = Database::create_bare()?;
    create_orders(&database)?;
    database
        .admin()?
        .batch_execute("ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")?;
    let mut owner = database.connect(role::OWNER)?;
    owner.batch_execute(TWO_PARENTS)?;
    database.admin()?.batch_execute(
        "ALTER TABLE shop.child ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; INSERT INTO shop.child VALUES (101, 'West', 1)",
    )?;
    assert!(ids(&mut owner, ORDERS)?.is_empty());
    assert_eq!(ids(&mut owner, "SELECT id FROM shop.hole")?, [101]);
    Ok(())
}

#[test]
fn a_child_of_a_protected_and_an_open_parent_is_refused() -> Result<()> {
    let database = protected_orders()?;
    let mut owner = database.connect(role::OWNER)?;
    vpd_tests::assert_refused(owner.batch_execute(TWO_PARENTS), "42501", "privilege_missing");
    Ok(())
}
