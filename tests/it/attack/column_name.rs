//! Policies name columns. The owner of the table, who is under policy too, renames a column away and gives its name to another.

use vpd_tests::{
    Database, Result, Subject, assert_refused, attach, create_orders, expected_ids, fresh_ids, ids, role,
};

const SWAP: &str = "ALTER TABLE shop.orders RENAME region TO former;
                    ALTER TABLE shop.orders ADD COLUMN region text DEFAULT 'West'";

/// Orders under one policy, added by this call, and the session of somebody in the West.
fn orders_under(policy: &str) -> Result<(Database<'static>, String)> {
    let database = Database::create()?;
    create_orders(&database)?;
    database.admin()?.batch_execute(
        "CREATE FUNCTION shop.by_region(object_schema text, object_name text) RETURNS text LANGUAGE sql
         AS $$ SELECT 'region = vpd.attribute(''app'', ''region'')' $$;
         SELECT vpd.grant_profile('runtime', 'app_owner')",
    )?;
    database
        .connect(role::SECURITY)?
        .batch_execute(&format!("SELECT {policy}"))?;
    let token = Subject::in_region("alice", "West").log_in(&database)?;
    Ok((database, token))
}

#[test]
fn control_whoever_policies_do_not_bind_opens_the_table_so() -> Result<()> {
    let (database, token) = orders_under("dbms_rls.add_policy('shop', 'orders', 'p', 'shop', 'by_region')")?;
    database.admin()?.batch_execute(SWAP)?;
    let seen = fresh_ids(&database, Some(&token), "SELECT id FROM shop.orders")?;
    assert_eq!(seen.len(), 40, "every row says West now");
    Ok(())
}

#[test]
fn the_owner_gives_no_name_to_another_column() -> Result<()> {
    for policy in [
        "dbms_rls.add_policy('shop', 'orders', 'p', 'shop', 'by_region')",
        "vpd.add_policy('shop.orders', 'p', 'region = vpd.attribute(''app'', ''region'')')",
    ] {
        let (database, token) = orders_under(policy)?;
        let mut owner = database.connect(role::OWNER)?;
        for swap in [
            SWAP,
            "ALTER TABLE shop.orders DROP COLUMN region, ADD COLUMN region text DEFAULT 'West'",
            "ALTER TABLE shop.orders ADD COLUMN other text DEFAULT 'West';
             ALTER TABLE shop.orders RENAME region TO former;
             ALTER TABLE shop.orders RENAME other TO region",
            "ALTER TABLE shop.orders RENAME region TO former;
             ALTER VIEW shop.orders RENAME id TO region",
            "DO 'BEGIN ALTER TABLE shop.orders DROP region; ALTER TABLE shop.orders ADD region text DEFAULT ''West''; END'",
        ] {
            assert_refused(owner.batch_execute(swap), "42501", "privilege_missing");
        }
        // A way that is not one statement: the name stays taken after the commit.
        owner.batch_execute("ALTER TABLE shop.orders RENAME region TO former")?;
        let add = "ALTER TABLE shop.orders ADD COLUMN region text DEFAULT 'West'";
        assert_refused(owner.batch_execute(add), "42501", "privilege_missing");
        let mut transaction = owner.transaction()?;
        attach(&mut transaction, &token)?;
        assert_refused(
            transaction.query("SELECT id FROM shop.orders", &[]),
            "22023",
            "predicate_invalid",
        );
        transaction.rollback()?;
        owner.batch_execute("ALTER TABLE shop.orders RENAME former TO region")?;
        assert_eq!(
            fresh_ids(&database, Some(&token), "SELECT id FROM shop.orders")?,
            expected_ids("West")
        );
    }
    Ok(())
}

#[test]
fn a_column_that_goes_with_its_type_leaves_no_name_behind() -> Result<()> {
    for (make, drop) in [
        ("CREATE DOMAIN shop.area AS text", "DROP DOMAIN shop.area CASCADE"),
        ("CREATE DOMAIN shop.area AS text", "DROP TYPE shop.area CASCADE"),
        (
            "CREATE SCHEMA kinds; CREATE DOMAIN kinds.area AS text; ALTER SCHEMA kinds OWNER TO app_owner;
             ALTER DOMAIN kinds.area OWNER TO app_owner",
            "DROP SCHEMA kinds CASCADE",
        ),
        (
            "CREATE SCHEMA kinds; CREATE DOMAIN kinds.area AS text; ALTER SCHEMA kinds OWNER TO app_stranger",
            "DROP OWNED BY app_stranger CASCADE",
        ),
    ] {
        let database = Database::create()?;
        create_orders(&database)?;
        let kind = if make.contains("kinds") {
            "kinds.area"
        } else {
            "shop.area"
        };
        database.admin()?.batch_execute(&format!(
            "{make}; ALTER DOMAIN {kind} OWNER TO app_owner; ALTER TABLE shop.orders ALTER region TYPE {kind};
             CREATE FUNCTION shop.by_region(object_schema text, object_name text) RETURNS text LANGUAGE sql
             AS $$ SELECT 'region = vpd.attribute(''app'', ''region'')' $$;
             SELECT vpd.grant_profile('runtime', 'app_owner')"
        ))?;
        database
            .connect(role::SECURITY)?
            .batch_execute("SELECT dbms_rls.add_policy('shop', 'orders', 'p', 'shop', 'by_region')")?;
        let mut owner = database.connect(role::OWNER)?;
        // Refused, or the name stays taken.
        let dropper = if drop.contains("OWNED") {
            role::STRANGER
        } else {
            role::OWNER
        };
        let dropped = database.connect(dropper)?.batch_execute(drop);
        let add = owner.batch_execute("ALTER TABLE shop.orders ADD COLUMN region text DEFAULT 'West'");
        assert!(dropped.is_err() || add.is_err(), "{drop}");
        let token = Subject::in_region("alice", "West").log_in(&database)?;
        let mut transaction = owner.transaction()?;
        attach(&mut transaction, &token)?;
        let seen = ids(&mut transaction, "SELECT id FROM shop.orders").unwrap_or_default();
        assert!(
            seen.len() <= expected_ids("West").len(),
            "{drop}: {} rows",
            seen.len()
        );
    }
    Ok(())
}

#[test]
fn a_relevant_column_keeps_its_name_or_the_policy_applies_always() -> Result<()> {
    let policy =
        "dbms_rls.add_policy('shop', 'orders', 'p', 'shop', 'by_region', sec_relevant_cols => 'amount')";
    let swap = "ALTER TABLE shop.orders RENAME amount TO hidden;
                ALTER TABLE shop.orders ADD COLUMN amount integer";
    let hidden = "SELECT hidden FROM shop.orders";
    let (database, token) = orders_under(policy)?;
    database.admin()?.batch_execute(swap)?;
    assert_eq!(
        fresh_ids(&database, Some(&token), hidden)?.len(),
        40,
        "control: whoever policies do not bind opens it"
    );

    let (database, token) = orders_under(policy)?;
    let mut owner = database.connect(role::OWNER)?;
    owner.batch_execute("ALTER TABLE shop.orders RENAME amount TO hidden")?;
    let add = "ALTER TABLE shop.orders ADD COLUMN amount integer";
    assert_refused(owner.batch_execute(add), "42501", "privilege_missing");
    let mut transaction = owner.transaction()?;
    attach(&mut transaction, &token)?;
    assert_eq!(ids(&mut transaction, hidden)?.len(), expected_ids("West").len());
    Ok(())
}

#[test]
fn new_names_and_free_tables_stay_free() -> Result<()> {
    let (database, token) = orders_under("dbms_rls.add_policy('shop', 'orders', 'p', 'shop', 'by_region')")?;
    let mut owner = database.connect(role::OWNER)?;
    owner.batch_execute(
        "ALTER TABLE shop.orders ADD COLUMN note text;
         ALTER TABLE shop.orders RENAME note TO remark;
         ALTER TABLE shop.orders DROP COLUMN remark;
         ALTER TABLE shop.orders RENAME amount TO total;
         ALTER TABLE shop.orders ADD COLUMN IF NOT EXISTS region text;
         CREATE TABLE shop.free (a integer, b integer);
         ALTER TABLE shop.free RENAME a TO c;
         ALTER TABLE shop.free RENAME b TO a;
         ALTER TABLE shop.free ADD COLUMN b integer",
    )?;
    assert_eq!(
        fresh_ids(&database, Some(&token), "SELECT id FROM shop.orders")?,
        expected_ids("West")
    );
    // What a superuser decided is what the names mean from then on; a table without policies forgets.
    database.admin()?.batch_execute(
        "ALTER TABLE shop.orders RENAME total TO sum; ALTER TABLE shop.orders ADD COLUMN total integer",
    )?;
    owner.batch_execute("ALTER TABLE shop.orders ADD COLUMN fresh integer")?;
    database
        .connect(role::SECURITY)?
        .batch_execute("SELECT dbms_rls.drop_policy('shop', 'orders', 'p')")?;
    owner.batch_execute(SWAP)?;
    Ok(())
}
