//! A cheap function of the caller that runs before the policy sees the rows the policy hides.

use vpd_tests::{
    Database, Refusal, Result, Subject, add_policy, attach, create_orders, ids, outcome, protected_orders,
    role,
};

const LEAK: &str = "
CREATE FUNCTION play.leak(region text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS
    $$ BEGIN RAISE NOTICE 'leaked %', region; RETURN true; END $$";

const PROBES: [&str; 8] = [
    "SELECT id FROM shop.orders WHERE play.leak(region)",
    "SELECT id FROM shop.orders WHERE play.leak(region) AND amount > 0 ORDER BY region",
    "SELECT o.id FROM shop.orders o JOIN generate_series(1, 40) n ON o.id = n WHERE play.leak(o.region)",
    "SELECT o.id FROM shop.orders o LEFT JOIN generate_series(1, 40) n ON o.id = n AND play.leak(o.region)",
    "SELECT max(id) FROM shop.orders GROUP BY region HAVING play.leak(region)",
    "SELECT id FROM (SELECT * FROM shop.orders OFFSET 0) o WHERE play.leak(region)",
    "UPDATE shop.orders SET amount = 1 WHERE play.leak(region) RETURNING id",
    "DELETE FROM shop.orders WHERE play.leak(region) RETURNING id",
];

#[test]
fn control_a_plain_where_runs_after_the_cheap_function() -> Result<()> {
    let database = Database::create_bare()?;
    create_orders(&database)?;
    database.admin()?.batch_execute(
        "CREATE VIEW shop.east AS SELECT * FROM shop.orders WHERE region = 'East'; GRANT SELECT ON shop.east TO app_user",
    )?;
    database
        .admin()?
        .batch_execute("CREATE SCHEMA play AUTHORIZATION app_user")?;
    let (mut user, notices) = database.connect_noticing(role::USER)?;
    user.batch_execute(LEAK)?;
    user.query("SELECT id FROM shop.east WHERE play.leak(region)", &[])?;
    let leaked = notices.take();
    assert!(leaked.iter().any(|notice| notice.message().contains("West")));
    Ok(())
}

#[test]
fn the_callers_function_meets_visible_rows_only() -> Result<()> {
    let database = protected_orders()?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    database
        .admin()?
        .batch_execute("CREATE SCHEMA play AUTHORIZATION app_user")?;
    let (mut user, notices) = database.connect_noticing(role::USER)?;
    user.batch_execute(LEAK)?;
    for probe in PROBES {
        let mut session = user.transaction()?;
        attach(&mut session, &token)?;
        session.query(probe, &[])?;
        session.rollback()?;
        let messages = notices.take();
        assert!(!messages.is_empty(), "{probe}: the function did not run at all");
        assert!(
            messages.iter().all(|notice| notice.message().ends_with("East")),
            "{probe}: {messages:?}"
        );
        user.query(probe, &[])?;
        let messages = notices.take();
        assert!(messages.is_empty(), "{probe} without a session: {messages:?}");
    }
    Ok(())
}

#[test]
fn the_predicate_guards_itself_when_it_is_costly() -> Result<()> {
    let database = Database::create()?;
    create_orders(&database)?;
    database.admin()?.batch_execute(
        "CREATE FUNCTION shop.costly(region text) RETURNS boolean LANGUAGE plpgsql STABLE COST 100000
             AS 'BEGIN RETURN region = vpd.attribute(''app'', ''region''); END'",
    )?;
    add_policy(
        &mut database.connect(role::SECURITY)?,
        "shop.orders",
        "costly",
        "shop.costly(region)",
    )?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    database
        .admin()?
        .batch_execute("CREATE SCHEMA play AUTHORIZATION app_user")?;
    let (mut user, notices) = database.connect_noticing(role::USER)?;
    user.batch_execute(LEAK)?;
    let mut session = user.transaction()?;
    attach(&mut session, &token)?;
    session.query(PROBES[0], &[])?;
    session.rollback()?;
    assert!(
        notices
            .take()
            .iter()
            .all(|notice| notice.message().ends_with("East"))
    );
    Ok(())
}

#[test]
fn errors_that_depend_on_hidden_rows_do_not_happen() -> Result<()> {
    let database = protected_orders()?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    // 3 is a row of the region West: dividing by zero there would tell that it exists.
    for probe in [
        "SELECT id FROM shop.orders WHERE 1 / (id - 3) >= 0 OR true",
        "SELECT id FROM shop.orders WHERE (CASE WHEN id = 3 THEN region::integer ELSE 0 END) = 0",
    ] {
        let mut session = user.transaction()?;
        attach(&mut session, &token)?;
        let seen = outcome(ids(&mut session, probe));
        assert_eq!(seen.map(|rows| rows.len()), Ok(10), "{probe}");
    }
    Ok(())
}

#[test]
fn a_duplicate_key_error_shows_no_hidden_row() -> Result<()> {
    let database = protected_orders()?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    let mut session = user.transaction()?;
    attach(&mut session, &token)?;
    let refusal: Refusal =
        vpd_tests::refusal(session.execute("INSERT INTO shop.orders VALUES (3, 'East', 1)", &[]));
    assert!(
        !refusal.text.contains("West") && !refusal.text.contains("(3)"),
        "{refusal:?}"
    );
    Ok(())
}

#[test]
fn statistics_of_a_protected_table_are_hidden() -> Result<()> {
    let database = protected_orders()?;
    database.admin()?.batch_execute("ANALYZE shop.orders")?;
    let statistics = "SELECT FROM pg_stats WHERE schemaname = 'shop' AND tablename = 'orders'";
    assert!(
        !database.admin()?.query(statistics, &[])?.is_empty(),
        "control: there are statistics"
    );
    assert!(database.connect(role::USER)?.query(statistics, &[])?.is_empty());
    Ok(())
}
