//! Logical replication sends every row: a subscriber is asked for no session.

use vpd_tests::{Database, Result, assert_refused, create_orders, outcome, protected_orders, role};

/// Tables that publications send.
fn published(database: &Database<'_>) -> Result<i64> {
    let count = "SELECT count(*) FROM pg_publication_tables WHERE tablename LIKE 'orders%'";
    Ok(database.admin()?.query_one(count, &[])?.get(0))
}

fn grant_create(database: &Database<'_>) -> Result<()> {
    let name = database.name();
    Ok(database
        .admin()?
        .batch_execute(&format!("GRANT CREATE ON DATABASE {name} TO app_owner"))?)
}

const PUBLISHING: [&str; 4] = [
    "CREATE PUBLICATION all_orders FOR TABLE shop.orders",
    "CREATE PUBLICATION all_orders FOR TABLE shop.orders (id) WHERE (amount > 0)",
    "CREATE PUBLICATION all_orders; ALTER PUBLICATION all_orders ADD TABLE shop.orders",
    "CREATE PUBLICATION all_orders; ALTER PUBLICATION all_orders SET TABLE shop.orders",
];

#[test]
fn control_an_owner_under_row_security_publishes_every_row() -> Result<()> {
    for publishing in PUBLISHING {
        let database = Database::create_bare()?;
        create_orders(&database)?;
        grant_create(&database)?;
        database
            .admin()?
            .batch_execute("ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")?;
        database.connect(role::OWNER)?.batch_execute(publishing)?;
        assert_eq!(published(&database)?, 1, "{publishing}");
    }
    Ok(())
}

#[test]
fn a_publication_of_a_protected_table_is_refused_to_roles_under_policy() -> Result<()> {
    let database = protected_orders()?;
    grant_create(&database)?;
    let mut owner = database.connect(role::OWNER)?;
    for publishing in PUBLISHING {
        assert_refused(owner.batch_execute(publishing), "42501", "privilege_missing");
        assert_eq!(published(&database)?, 0, "{publishing}");
    }
    owner.batch_execute(
        "CREATE TABLE shop.notes (id integer); CREATE PUBLICATION notes FOR TABLE shop.notes;
         ALTER PUBLICATION notes SET (publish = 'insert')",
    )?;
    Ok(())
}

#[test]
fn a_superuser_who_publishes_a_protected_table_is_warned() -> Result<()> {
    let database = protected_orders()?;
    for publishing in [
        PUBLISHING[0],
        "CREATE PUBLICATION all_orders FOR ALL TABLES",
        "CREATE PUBLICATION all_orders FOR TABLES IN SCHEMA shop",
        PUBLISHING[2],
    ] {
        let (mut admin, notices) = database.connect_noticing("postgres")?;
        admin.batch_execute(publishing)?;
        let warnings = notices.take();
        let told = warnings
            .iter()
            .filter(|notice| {
                notice
                    .detail()
                    .is_some_and(|detail| detail.contains("code: policy_bypassed"))
            })
            .count();
        assert_eq!(told, 1, "{publishing}: {warnings:?}");
        admin.batch_execute("DROP PUBLICATION all_orders")?;
    }
    Ok(())
}

#[test]
fn changes_are_read_from_the_log_by_nobody_without_the_attribute() -> Result<()> {
    let database = protected_orders()?;
    for role in role::ALL {
        let slot = "SELECT pg_create_logical_replication_slot('listener', 'pgoutput')";
        let made = outcome(database.connect(role)?.query(slot, &[]));
        assert!(made.is_err(), "{role}");
    }
    Ok(())
}
