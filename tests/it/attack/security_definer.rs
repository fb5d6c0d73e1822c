//! A SECURITY DEFINER function of the table's owner walks around native row security that is not forced.

use vpd_tests::{
    Database, Result, Subject, attach, create_orders, expected_ids, ids, protected_orders, role,
};

const DEFINER: &str = "
SET ROLE app_owner;
CREATE FUNCTION shop.all_orders() RETURNS SETOF integer LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path = pg_catalog AS 'SELECT id FROM shop.orders';
CREATE FUNCTION shop.all_orders_plpgsql() RETURNS SETOF integer LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path = pg_catalog AS 'BEGIN RETURN QUERY SELECT id FROM shop.orders; END';
CREATE FUNCTION shop.delete_all() RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog
    AS 'WITH gone AS (DELETE FROM shop.orders RETURNING 1) SELECT count(*) FROM gone';
";

const READS: [&str; 2] = ["SELECT shop.all_orders()", "SELECT shop.all_orders_plpgsql()"];

#[test]
fn control_the_owners_function_sees_every_row() -> Result<()> {
    let database = Database::create_bare()?;
    create_orders(&database)?;
    database.admin()?.batch_execute(
        "ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY; CREATE POLICY none ON shop.orders USING (false)",
    )?;
    database.admin()?.batch_execute(DEFINER)?;
    let mut user = database.connect(role::USER)?;
    assert!(ids(&mut user, "SELECT id FROM shop.orders")?.is_empty());
    for read in READS {
        assert_eq!(ids(&mut user, read)?.len(), 40, "{read}");
    }
    Ok(())
}

#[test]
fn the_owners_function_is_under_the_callers_session() -> Result<()> {
    let database = protected_orders()?;
    database.admin()?.batch_execute(DEFINER)?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    for read in READS {
        assert!(ids(&mut user, read)?.is_empty(), "{read}");
    }
    let mut session = user.transaction()?;
    attach(&mut session, &token)?;
    for read in READS {
        assert_eq!(ids(&mut session, read)?, expected_ids("East"), "{read}");
    }
    assert_eq!(
        session
            .query_one("SELECT shop.delete_all()", &[])?
            .get::<_, i64>(0),
        10
    );
    Ok(())
}
