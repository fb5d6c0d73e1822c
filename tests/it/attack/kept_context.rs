//! A value belongs to one session in one transaction. Whoever comes next on the connection must not find it, in no plan either.

use postgres::{Client, GenericClient};
use vpd_tests::{
    Cluster, Database, Result, Subject, add_policy, attach, create_orders, expected_ids, ids, outcome, role,
};

const ORDERS: &str = "SELECT id FROM shop.orders";
const REGION: &str = "SELECT vpd.sys_context('order_ctx', 'region')";

/// `shop.orders` under a policy that reads the context: as a template, or as the text of a function.
fn stage(is_function: bool) -> Result<Database<'static>> {
    stage_in(Cluster::shared()?, is_function)
}

fn stage_in(cluster: &Cluster, is_function: bool) -> Result<Database<'_>> {
    let database = Database::create_in(cluster)?;
    create_orders(&database)?;
    database.admin()?.batch_execute(
        "CREATE FUNCTION shop.enter(region text) RETURNS void LANGUAGE plpgsql AS
             $$BEGIN CALL dbms_session.set_context('order_ctx', 'region', region); END$$;
         CREATE FUNCTION shop.enter_and_fail(region text) RETURNS void LANGUAGE plpgsql AS
             $$BEGIN PERFORM shop.enter(region); RAISE EXCEPTION 'no'; EXCEPTION WHEN raise_exception THEN NULL; END$$;
         CREATE FUNCTION shop.by_region(text, text) RETURNS text LANGUAGE plpgsql AS
             $$BEGIN RETURN format('region = %L', vpd.sys_context('order_ctx', 'region')); END$$",
    )?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute("SELECT vpd.create_context('order_ctx', 'shop.enter')")?;
    if is_function {
        security.batch_execute(
            "SELECT vpd.add_policy('shop.orders', 'p', policy_function => 'shop.by_region', kind => 'context_sensitive')",
        )?;
    } else {
        add_policy(
            &mut security,
            "shop.orders",
            "p",
            "region = vpd.sys_context('order_ctx', 'region')",
        )?;
    }
    Ok(database)
}

fn region(client: &mut impl GenericClient) -> Result<Option<String>> {
    Ok(client.query_one(REGION, &[])?.get(0))
}

fn enter(client: &mut Client, region: &str) -> Result<()> {
    client.execute("SELECT shop.enter($1)", &[&region])?;
    Ok(())
}

#[test]
fn control_a_setting_is_kept_for_the_next_session() -> Result<()> {
    let database = Database::create_bare()?;
    let mut user = database.connect(role::USER)?;
    user.batch_execute("BEGIN; SET app.region = 'East'; COMMIT; BEGIN")?;
    let kept: String = user
        .query_one("SELECT current_setting('app.region')", &[])?
        .get(0);
    assert_eq!(kept, "East");
    Ok(())
}

#[test]
fn a_value_ends_with_its_transaction_and_with_its_session() -> Result<()> {
    let database = stage(false)?;
    let alice = Subject::new("alice").log_in(&database)?;
    let bob = Subject::new("bob").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    for end in ["COMMIT", "ROLLBACK", "DISCARD ALL"] {
        user.batch_execute("BEGIN")?;
        attach(&mut user, &alice)?;
        enter(&mut user, "East")?;
        assert_eq!(region(&mut user)?.as_deref(), Some("East"));
        if end == "DISCARD ALL" {
            user.batch_execute("COMMIT")?;
        }
        user.batch_execute(end)?;
        assert_eq!(region(&mut user)?, None, "{end}");
        user.batch_execute("BEGIN")?;
        attach(&mut user, &alice)?;
        assert_eq!(region(&mut user)?, None, "{end}, the same session again");
        assert!(ids(&mut user, ORDERS)?.is_empty());
        enter(&mut user, "East")?;
        attach(&mut user, &bob)?;
        assert_eq!(
            region(&mut user)?,
            None,
            "another session in the same transaction"
        );
        enter(&mut user, "East")?;
        user.execute("SELECT vpd.detach_session()", &[])?;
        assert_eq!(region(&mut user)?, None, "detached");
        assert!(ids(&mut user, ORDERS)?.is_empty());
        user.batch_execute("COMMIT")?;
    }
    Ok(())
}

#[test]
fn a_value_goes_with_its_savepoint() -> Result<()> {
    for is_function in [false, true] {
        let database = stage(is_function)?;
        let alice = Subject::new("alice").log_in(&database)?;
        let mut user = database.connect(role::USER)?;
        let orders = user.prepare(ORDERS)?;
        let seen = |user: &mut Client| -> Result<Vec<i32>> {
            let mut found: Vec<i32> = vec![];
            for _ in 0..7 {
                found = user.query(&orders, &[])?.iter().map(|row| row.get(0)).collect();
            }
            found.sort_unstable();
            Ok(found)
        };
        user.batch_execute("BEGIN")?;
        attach(&mut user, &alice)?;
        enter(&mut user, "East")?;
        user.batch_execute("SAVEPOINT one")?;
        enter(&mut user, "West")?;
        assert_eq!(seen(&mut user)?, expected_ids("West"));
        user.batch_execute("SAVEPOINT two")?;
        enter(&mut user, "North")?;
        user.batch_execute("RELEASE two")?;
        assert_eq!(seen(&mut user)?, expected_ids("North"));
        user.batch_execute("ROLLBACK TO one")?;
        assert_eq!(region(&mut user)?.as_deref(), Some("East"));
        assert_eq!(seen(&mut user)?, expected_ids("East"));
        user.execute("SELECT shop.enter_and_fail('South')", &[])?;
        assert_eq!(
            region(&mut user)?.as_deref(),
            Some("East"),
            "caught in an exception block"
        );
        assert_eq!(seen(&mut user)?, expected_ids("East"));
        user.batch_execute("ROLLBACK")?;
    }
    Ok(())
}

/// A plan made for one value never answers for another.
#[test]
fn every_plan_follows_the_value() -> Result<()> {
    for is_function in [false, true] {
        let database = stage(is_function)?;
        database.admin()?.batch_execute(
            "CREATE FUNCTION shop.seen() RETURNS integer[] LANGUAGE plpgsql AS
                 $$DECLARE found integer[]; BEGIN SELECT array_agg(id ORDER BY id) INTO found FROM shop.orders; RETURN found; END$$;
             CREATE FUNCTION shop.switch(region text) RETURNS integer[] LANGUAGE plpgsql AS
                 $$BEGIN PERFORM shop.enter(region); RETURN shop.seen(); END$$",
        )?;
        let alice = Subject::new("alice").log_in(&database)?;
        for mode in ["auto", "force_generic_plan", "force_custom_plan"] {
            let mut user = database.connect(role::USER)?;
            user.batch_execute(&format!(
                "SET plan_cache_mode = {mode}; PREPARE p AS SELECT array_agg(id ORDER BY id) FROM shop.orders"
            ))?;
            let prepared = user.prepare("SELECT array_agg(id ORDER BY id) FROM shop.orders")?;
            user.batch_execute("BEGIN")?;
            attach(&mut user, &alice)?;
            for now in ["East", "West", "East", "South"] {
                enter(&mut user, now)?;
                for run in 0..7 {
                    let what = format!("{mode}, {now}, run {run}, function: {is_function}");
                    let found: Vec<i32> = user.query_one(&prepared, &[])?.get(0);
                    assert_eq!(found, expected_ids(now), "protocol, {what}");
                    let found: Vec<i32> = user.query_one("EXECUTE p", &[])?.get(0);
                    assert_eq!(found, expected_ids(now), "PREPARE, {what}");
                    let found: Vec<i32> = user.query_one("SELECT shop.seen()", &[])?.get(0);
                    assert_eq!(found, expected_ids(now), "PL/pgSQL, {what}");
                }
                let found: Vec<i32> = user.query_one("SELECT shop.switch('North')", &[])?.get(0);
                assert_eq!(
                    found,
                    expected_ids("North"),
                    "in the middle of a statement, {mode}"
                );
            }
            user.batch_execute("COMMIT; BEGIN")?;
            attach(&mut user, &alice)?;
            let found: Option<Vec<i32>> = user.query_one(&prepared, &[])?.get(0);
            assert_eq!(found, None, "the next transaction");
            user.batch_execute("COMMIT")?;
        }
    }
    Ok(())
}

#[test]
fn the_same_values_again_need_no_function_again() -> Result<()> {
    let (_turn, cluster) = Cluster::quiet()?;
    let database = stage_in(cluster, true)?;
    database.admin()?.batch_execute(
        "CREATE SEQUENCE shop.calls; GRANT USAGE ON SEQUENCE shop.calls TO PUBLIC;
         CREATE OR REPLACE FUNCTION shop.by_region(text, text) RETURNS text LANGUAGE plpgsql AS
             $$BEGIN
                 PERFORM nextval('shop.calls');
                 RETURN format('region = %L', vpd.sys_context('order_ctx', 'region'));
             END$$",
    )?;
    let alice = Subject::new("alice").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    for _ in 0..10 {
        user.batch_execute("BEGIN")?;
        attach(&mut user, &alice)?;
        for now in ["East", "West", "West"] {
            enter(&mut user, now)?;
            assert_eq!(ids(&mut user, ORDERS)?, expected_ids(now));
        }
        user.batch_execute("COMMIT")?;
    }
    let calls: i64 = database
        .admin()?
        .query_one("SELECT last_value FROM shop.calls", &[])?
        .get(0);
    assert!(calls <= 2, "{calls} calls for two values");
    Ok(())
}

#[test]
fn a_parallel_worker_answers_for_nobody_and_sets_nothing() -> Result<()> {
    let database = stage(false)?;
    database.admin()?.batch_execute(
        "CREATE TABLE shop.big AS SELECT n, (ARRAY['North', 'East', 'South', 'West'])[1 + n % 4] AS region
             FROM generate_series(1, 20000) n;
         GRANT SELECT ON shop.big TO PUBLIC; ALTER TABLE shop.big SET (parallel_workers = 2); ANALYZE shop.big;
         CREATE FUNCTION shop.lying(region text) RETURNS boolean LANGUAGE plpgsql PARALLEL SAFE AS
             $$BEGIN PERFORM shop.enter(region); RETURN true; END$$",
    )?;
    let mut security = database.connect(role::SECURITY)?;
    add_policy(
        &mut security,
        "shop.big",
        "p",
        "region = vpd.sys_context('order_ctx', 'region')",
    )?;
    let alice = Subject::new("alice").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    user.batch_execute(
        "SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
         SET max_parallel_workers_per_gather = 2; SET parallel_leader_participation = off; BEGIN",
    )?;
    attach(&mut user, &alice)?;
    enter(&mut user, "East")?;
    let count: i64 = user.query_one("SELECT count(*) FROM shop.big", &[])?.get(0);
    assert_eq!(count, 5000);
    user.batch_execute("SAVEPOINT s")?;
    let lied = outcome(user.query("SELECT count(*) FROM shop.big WHERE shop.lying('West')", &[]));
    if lied.is_err() {
        user.batch_execute("ROLLBACK TO s")?;
        assert_eq!(region(&mut user)?.as_deref(), Some("East"));
    }
    Ok(())
}

#[test]
fn a_procedure_that_ends_the_transaction_loses_session_and_trust() -> Result<()> {
    let database = stage(false)?;
    database.admin()?.batch_execute(
        "CREATE PROCEDURE shop.work(token text) LANGUAGE plpgsql AS
             $$BEGIN
                 PERFORM vpd.attach_session(token);
                 CALL dbms_session.set_context('work', 'a', '1');
                 COMMIT;
                 IF vpd.sys_context('work', 'a') IS NOT NULL THEN RAISE 'kept'; END IF;
                 PERFORM vpd.attach_session(token);
                 CALL dbms_session.set_context('work', 'a', '2');
             END$$",
    )?;
    database
        .connect(role::SECURITY)?
        .batch_execute("SELECT vpd.create_context('work', 'shop.work')")?;
    let alice = Subject::new("alice").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    vpd_tests::assert_refused(
        user.execute("CALL shop.work($1)", &[&alice]),
        "42501",
        "context_denied",
    );
    vpd_tests::assert_refused(
        user.batch_execute("CALL dbms_session.set_context('work', 'a', '3')"),
        "42501",
        "context_denied",
    );
    Ok(())
}
