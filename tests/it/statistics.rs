//! What each policy costs and refuses, as vpd.stat_policies counts it.

use postgres::Client;
use vpd_tests::{
    Cluster, Database, Result, Subject, assert_denied, assert_refused, attach, create_orders, role,
};

const FUNCTION: &str = "
CREATE FUNCTION shop.by_region(text, text) RETURNS text LANGUAGE plpgsql STABLE AS
    $$ BEGIN PERFORM pg_sleep(0.002); RETURN 'region = vpd.attribute(''app'', ''region'')'; END $$;
GRANT EXECUTE ON FUNCTION shop.by_region TO PUBLIC";

#[derive(Debug, PartialEq, Eq)]
struct Counts {
    calls: i64,
    hits: i64,
    errors: i64,
    denials: i64,
}

fn counts(database: &Database<'_>, policy: &str) -> Result<Counts> {
    let row = database.connect(role::AUDITOR)?.query_one(
        "SELECT function_calls, cache_hits, errors, write_denials FROM vpd.stat_policies WHERE policy_name = $1",
        &[&policy],
    )?;
    Ok(Counts {
        calls: row.get(0),
        hits: row.get(1),
        errors: row.get(2),
        denials: row.get(3),
    })
}

fn zero() -> Counts {
    Counts {
        calls: 0,
        hits: 0,
        errors: 0,
        denials: 0,
    }
}

fn scene(kind: &str) -> Result<Database<'static>> {
    scene_in(Cluster::shared()?, kind)
}

fn scene_in<'a>(cluster: &'a Cluster, kind: &str) -> Result<Database<'a>> {
    let database = Database::create_in(cluster)?;
    create_orders(&database)?;
    database.admin()?.batch_execute(FUNCTION)?;
    database.connect(role::SECURITY)?.execute(
        "SELECT vpd.add_policy('shop.orders', 'counted', policy_function => 'shop.by_region', kind => $1)",
        &[&kind],
    )?;
    Ok(database)
}

/// Reads the table so often in one transaction, planning every time.
fn read(user: &mut Client, token: &str, times: usize) -> Result<()> {
    let mut transaction = user.transaction()?;
    attach(&mut transaction, token)?;
    for _ in 0..times {
        transaction.batch_execute("SELECT count(*) FROM shop.orders")?;
    }
    Ok(transaction.commit()?)
}

#[test]
fn calls_and_hits_follow_the_kind_of_the_policy() -> Result<()> {
    for (kind, calls, hits) in [("static", 1, 9), ("context_sensitive", 1, 9), ("dynamic", 10, 0)] {
        let (_turn, cluster) = Cluster::quiet()?;
        let database = scene_in(cluster, kind)?;
        let token = Subject::in_region("alice", "East").log_in(&database)?;
        assert_eq!(counts(&database, "counted")?, zero(), "{kind}");
        read(&mut database.connect(role::USER)?, &token, 10)?;
        let expected = Counts {
            calls,
            hits,
            ..zero()
        };
        assert_eq!(counts(&database, "counted")?, expected, "{kind}");
    }
    Ok(())
}

#[test]
fn a_plan_that_is_used_again_counts_nothing() -> Result<()> {
    let (_turn, cluster) = Cluster::quiet()?;
    let database = scene_in(cluster, "static")?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    let statement = user.prepare("SELECT count(*) FROM shop.orders")?;
    let mut transaction = user.transaction()?;
    attach(&mut transaction, &token)?;
    for _ in 0..100 {
        transaction.query_one(&statement, &[])?;
    }
    let seen = counts(&database, "counted")?;
    assert_eq!(seen.calls, 1);
    assert!(seen.hits < 10, "{seen:?}");
    Ok(())
}

#[test]
fn the_time_of_calls_is_measured() -> Result<()> {
    let database = scene("dynamic")?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    read(&mut database.connect(role::USER)?, &token, 3)?;
    let row = database.connect(role::AUDITOR)?.query_one(
        "SELECT total_ms, max_ms, counted_since <= clock_timestamp() FROM vpd.stat_policies",
        &[],
    )?;
    let (total, longest): (f64, f64) = (row.get(0), row.get(1));
    assert!(
        longest >= 2.0 && total >= 6.0 && total >= longest,
        "{total} {longest}"
    );
    assert!(row.get::<_, bool>(2));
    Ok(())
}

#[test]
fn errors_and_refused_rows_are_counted_although_they_roll_back() -> Result<()> {
    let database = scene("dynamic")?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    for _ in 0..3 {
        let mut transaction = user.transaction()?;
        attach(&mut transaction, &token)?;
        let insert = transaction.execute("INSERT INTO shop.orders VALUES (99, 'West', 1)", &[]);
        assert_refused(insert, "44000", "policy_check");
    }
    assert_eq!(counts(&database, "counted")?.denials, 3);
    let broken = "CREATE OR REPLACE FUNCTION shop.by_region(text, text) RETURNS text LANGUAGE sql AS";
    for body in ["'SELECT (1/0)::text'", "'SELECT ''no ) predicate'''"] {
        database.admin()?.batch_execute(&format!("{broken} {body}"))?;
        let before = counts(&database, "counted")?.errors;
        assert!(read(&mut user, &token, 1).is_err());
        assert_eq!(counts(&database, "counted")?.errors, before + 1, "{body}");
    }
    Ok(())
}

#[test]
fn made_up_denials_of_no_policy_are_not_counted() -> Result<()> {
    let database = scene("dynamic")?;
    let mut user = database.connect(role::USER)?;
    for name in ["other", "counted' OR true", ""] {
        let call = user.execute("SELECT vpd_private.policy_violated('shop.orders', $1)", &[&name]);
        assert!(call.is_err());
    }
    let rows = database
        .connect(role::AUDITOR)?
        .query("SELECT FROM vpd.policy_counters()", &[])?;
    assert!(rows.is_empty());
    Ok(())
}

#[test]
fn a_reset_concerns_this_database_only() -> Result<()> {
    let (here, there) = (scene("dynamic")?, scene("dynamic")?);
    for database in [&here, &there] {
        let token = Subject::in_region("alice", "East").log_in(database)?;
        read(&mut database.connect(role::USER)?, &token, 2)?;
        assert_eq!(counts(database, "counted")?.calls, 2);
    }
    let reset = "SELECT vpd.reset_stat_policies()";
    for role in [role::USER, role::AUDITOR, role::OWNER] {
        assert_denied(here.connect(role)?.execute(reset, &[]));
    }
    here.connect(role::SECURITY)?.execute(reset, &[])?;
    assert_eq!(counts(&here, "counted")?, zero());
    assert_eq!(counts(&there, "counted")?.calls, 2);
    Ok(())
}

#[test]
fn templates_are_listed_and_cost_nothing() -> Result<()> {
    let database = vpd_tests::protected_orders()?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    read(&mut database.connect(role::USER)?, &token, 5)?;
    assert_eq!(counts(&database, "by_region")?, zero());
    let full = "SELECT entries <= max_entries AND lost_events >= 0 FROM vpd.policy_counter_usage()";
    assert!(
        database
            .connect(role::AUDITOR)?
            .query_one(full, &[])?
            .get::<_, bool>(0)
    );
    Ok(())
}
