//! Which statements a policy applies to, and what a new row must satisfy.

use postgres::Transaction;
use postgres::error::{DbError, ErrorPosition};
use vpd_tests::{
    BY_REGION, Database, Refusal, Result, Subject, assert_refused, attach, create_orders, expected_ids,
    fresh_ids, ids, protected_orders, role,
};

const ORDERS: &str = "SELECT id FROM shop.orders";

/// `shop.orders` with one policy for some statements only.
fn protected_for(statements: &[&str], update_check: bool) -> Result<Database<'static>> {
    let database = Database::create()?;
    create_orders(&database)?;
    database.connect(role::SECURITY)?.execute(
        "SELECT vpd.add_policy('shop.orders', 'by_region', $1, statement_types => $2, update_check => $3)",
        &[&BY_REGION, &statements, &update_check],
    )?;
    Ok(database)
}

/// Runs one piece of work as a user of the region East and rolls it back.
fn in_east<T>(database: &Database<'_>, work: impl FnOnce(&mut Transaction<'_>) -> T) -> Result<T> {
    let token = Subject::in_region("alice", "East").log_in(database)?;
    let mut user = database.connect(role::USER)?;
    let mut transaction = user.transaction()?;
    attach(&mut transaction, &token)?;
    Ok(work(&mut transaction))
}

fn assert_policy_check(result: std::result::Result<u64, postgres::Error>) -> Refusal {
    assert_refused(result, "44000", "policy_check")
}

#[test]
fn update_and_delete_touch_visible_rows_only() -> Result<()> {
    let database = protected_orders()?;
    let updated = in_east(&database, |east| {
        east.execute("UPDATE shop.orders SET amount = 0", &[])
    })??;
    let deleted = in_east(&database, |east| east.execute("DELETE FROM shop.orders", &[]))??;
    let missed = in_east(&database, |east| {
        east.execute("DELETE FROM shop.orders WHERE id = 3", &[])
    })??;
    assert_eq!((updated, deleted, missed), (10, 10, 0));
    Ok(())
}

#[test]
fn a_new_row_must_satisfy_the_policy() -> Result<()> {
    let database = protected_orders()?;
    let insert = "INSERT INTO shop.orders VALUES (100, $1, 1)";
    assert_eq!(in_east(&database, |east| east.execute(insert, &[&"East"]))??, 1);
    assert_policy_check(in_east(&database, |east| east.execute(insert, &[&"West"]))?);
    let returning = "INSERT INTO shop.orders VALUES (100, 'West', 1) RETURNING id";
    assert_policy_check(in_east(&database, |east| east.execute(returning, &[]))?);
    Ok(())
}

#[test]
fn a_row_cannot_be_moved_out_of_sight() -> Result<()> {
    let database = protected_orders()?;
    for update in [
        "UPDATE shop.orders SET region = 'West' WHERE id = 1",
        "UPDATE shop.orders SET region = 'West'",
        "UPDATE shop.orders SET region = 'West' WHERE id = 1 RETURNING id",
        "INSERT INTO shop.orders VALUES (1, 'East', 1) ON CONFLICT (id) DO UPDATE SET region = 'West'",
        "MERGE INTO shop.orders o USING (SELECT 1 AS id) s ON o.id = s.id WHEN MATCHED THEN UPDATE SET region = 'West'",
    ] {
        assert_policy_check(in_east(&database, |east| east.execute(update, &[]))?);
    }
    Ok(())
}

#[test]
fn a_conflict_with_a_hidden_row_does_not_update_it() -> Result<()> {
    let database = protected_orders()?;
    let upsert = "INSERT INTO shop.orders VALUES (3, 'East', 1) ON CONFLICT (id) DO UPDATE SET amount = 7";
    assert!(in_east(&database, |east| east.execute(upsert, &[]))?.is_err());
    let nothing = "INSERT INTO shop.orders VALUES (3, 'East', 1) ON CONFLICT (id) DO NOTHING";
    assert_eq!(in_east(&database, |east| east.execute(nothing, &[]))??, 0);
    Ok(())
}

#[test]
fn merge_is_under_the_policy() -> Result<()> {
    let database = protected_orders()?;
    let merge =
        "MERGE INTO shop.orders o USING (SELECT n AS id FROM generate_series(1, 40) n) s ON o.id = s.id
                  WHEN MATCHED THEN UPDATE SET amount = 0
                  WHEN NOT MATCHED THEN DO NOTHING";
    let touched = in_east(&database, |east| -> std::result::Result<_, postgres::Error> {
        east.execute(merge, &[])?;
        ids(east, "SELECT id FROM shop.orders WHERE amount = 0")
    })??;
    assert_eq!(touched, expected_ids("East"));
    let insert = "MERGE INTO shop.orders o USING (SELECT 100 AS id) s ON o.id = s.id
                   WHEN NOT MATCHED THEN INSERT VALUES (s.id, 'West', 1)";
    assert_policy_check(in_east(&database, |east| east.execute(insert, &[]))?);
    Ok(())
}

#[test]
fn without_update_check_a_new_row_is_free() -> Result<()> {
    let database = protected_for(&["select", "insert", "update", "delete"], false)?;
    let insert = "INSERT INTO shop.orders VALUES (100, 'West', 1)";
    assert_eq!(in_east(&database, |east| east.execute(insert, &[]))??, 1);
    let update = "UPDATE shop.orders SET region = 'West'";
    assert_eq!(in_east(&database, |east| east.execute(update, &[]))??, 10);
    Ok(())
}

#[test]
fn without_a_session_nothing_is_written() -> Result<()> {
    let database = protected_for(&["select", "insert", "update", "delete"], false)?;
    let mut user = database.connect(role::USER)?;
    assert!(
        user.execute("INSERT INTO shop.orders VALUES (100, 'West', 1)", &[])
            .is_err()
    );
    for statement in ["UPDATE shop.orders SET amount = 0", "DELETE FROM shop.orders"] {
        assert_eq!(user.execute(statement, &[])?, 0, "{statement}");
    }
    Ok(())
}

#[test]
fn a_select_policy_leaves_inserts_alone() -> Result<()> {
    let database = protected_for(&["select"], true)?;
    let insert = "INSERT INTO shop.orders VALUES (100, 'West', 1)";
    assert_eq!(in_east(&database, |east| east.execute(insert, &[]))??, 1);
    assert_eq!(
        in_east(&database, |east| ids(east, ORDERS))??,
        expected_ids("East")
    );
    Ok(())
}

#[test]
fn an_insert_policy_leaves_reads_alone() -> Result<()> {
    let database = protected_for(&["insert"], true)?;
    assert_eq!(in_east(&database, |east| ids(east, ORDERS))??.len(), 40);
    let insert = "INSERT INTO shop.orders VALUES (100, 'West', 1)";
    assert_policy_check(in_east(&database, |east| east.execute(insert, &[]))?);
    Ok(())
}

#[test]
fn an_update_policy_restricts_updates_only() -> Result<()> {
    let database = protected_for(&["update"], true)?;
    assert_eq!(in_east(&database, |east| ids(east, ORDERS))??.len(), 40);
    assert_eq!(
        in_east(&database, |east| east.execute("DELETE FROM shop.orders", &[]))??,
        40
    );
    let update = "UPDATE shop.orders SET amount = 0";
    assert_eq!(in_east(&database, |east| east.execute(update, &[]))??, 10);
    Ok(())
}

#[test]
fn a_delete_policy_restricts_deletes_only() -> Result<()> {
    let database = protected_for(&["delete"], true)?;
    assert_eq!(in_east(&database, |east| ids(east, ORDERS))??.len(), 40);
    assert_eq!(
        in_east(&database, |east| east
            .execute("UPDATE shop.orders SET amount = 0", &[]))??,
        40
    );
    assert_eq!(
        in_east(&database, |east| east.execute("DELETE FROM shop.orders", &[]))??,
        10
    );
    Ok(())
}

#[test]
fn altering_statement_types_and_update_check_takes_effect() -> Result<()> {
    let database = protected_orders()?;
    let mut security = database.connect(role::SECURITY)?;
    let insert = "INSERT INTO shop.orders VALUES (100, 'West', 1)";
    security.execute(
        "SELECT vpd.alter_policy('shop.orders', 'by_region', update_check => false)",
        &[],
    )?;
    assert_eq!(in_east(&database, |east| east.execute(insert, &[]))??, 1);
    security.execute(
        "SELECT vpd.alter_policy('shop.orders', 'by_region', statement_types => '{delete}', update_check => true)",
        &[],
    )?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    assert_eq!(fresh_ids(&database, Some(&token), ORDERS)?.len(), 40);
    assert_eq!(
        in_east(&database, |east| east.execute("DELETE FROM shop.orders", &[]))??,
        10
    );
    Ok(())
}

#[test]
fn select_for_update_locks_visible_rows_only() -> Result<()> {
    let database = protected_orders()?;
    let locked = in_east(&database, |east| {
        ids(east, "SELECT id FROM shop.orders FOR UPDATE")
    })??;
    assert_eq!(locked, expected_ids("East"));
    Ok(())
}

/// Applications tell violations apart by the name of the constraint, and people find mistakes by position and context: an
/// error of the server keeps all of it on its way through the library.
#[test]
fn errors_of_the_server_keep_every_field() -> Result<()> {
    let database = protected_orders()?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    let mut refused = |statement: &str| -> Result<DbError> {
        let mut transaction = user.transaction()?;
        attach(&mut transaction, &token)?;
        let error = transaction.batch_execute(statement).err().ok_or("went through")?;
        Ok(error.as_db_error().ok_or("not an answer of the server")?.clone())
    };
    let executor = refused("INSERT INTO shop.orders VALUES (1, 'East', 1)")?;
    assert_eq!(
        (executor.schema(), executor.table(), executor.constraint()),
        (Some("shop"), Some("orders"), Some("orders_pkey"))
    );
    let planner = refused("DO $$BEGIN PERFORM 1 / 0; END$$")?;
    assert!(
        planner
            .where_()
            .is_some_and(|context| context.contains("inline_code_block"))
    );
    let utility = refused("CREATE TEMPORARY TABLE t (c integer COLLATE \"C\")  ON COMMIT DROP")?;
    assert!(
        matches!(utility.position(), Some(ErrorPosition::Original(37))),
        "{utility:?}"
    );
    Ok(())
}
