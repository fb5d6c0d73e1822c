//! SQL functions in FROM are put in place of their call while a statement is planned: their bodies must not escape the masks.

use vpd_tests::{Result, attach, role};

use crate::masks::scene::{enable_masks, hr, is_revealing, masked_staff, nobody, told, told_in};

const FUNCTION: &str = "
CREATE OR REPLACE FUNCTION play.staff(n integer) RETURNS SETOF shop.staff LANGUAGE sql STABLE AS
    'SELECT * FROM shop.staff WHERE id >= n';
CREATE OR REPLACE FUNCTION play.twice(n integer) RETURNS TABLE (pay integer, whole text) LANGUAGE sql STABLE AS
    'SELECT s.salary, s::text FROM play.staff(n) s';
";

/// Calls of which the planner inlines some, and some only after it has folded constants of another level.
const CALLS: &[&str] = &[
    "SELECT * FROM play.staff(1)",
    "SELECT salary FROM play.staff(1) WHERE salary > 0 UNION ALL SELECT salary FROM play.staff(2)",
    "SELECT s FROM play.staff(1) s",
    "SELECT * FROM play.twice(1)",
    "SELECT b.pay FROM play.staff(1) a LEFT JOIN play.twice(1) b ON a.id > 0",
    "SELECT x.ssn FROM generate_series(1, 3) n, LATERAL play.staff(n) x",
    "SELECT (SELECT max(ssn) FROM play.staff(1))",
    "WITH w AS (SELECT * FROM play.staff(1)) SELECT * FROM w",
    "SELECT * FROM ROWS FROM (play.staff(1), generate_series(1, 3)) x",
    "SELECT * FROM play.staff(1) WITH ORDINALITY",
    "SELECT (play.staff(1)).salary",
    "SELECT y.salary FROM (SELECT true AS flag) x,
         LATERAL (SELECT * FROM play.staff(CASE WHEN x.flag THEN 1 ELSE (SELECT 1) END) OFFSET 0) y",
    "SELECT y.ssn FROM (SELECT false AS flag OFFSET 0) x,
         LATERAL (SELECT * FROM play.staff(CASE WHEN x.flag THEN (SELECT 5) ELSE 1 END) LIMIT 3) y",
    "UPDATE shop.staff s SET note = f.salary::text FROM play.staff(1) f WHERE f.id = s.id RETURNING s.note",
    "DELETE FROM shop.staff s USING play.staff(1) f WHERE f.id = s.id RETURNING f.*",
    "INSERT INTO shop.staff (id, name, region, salary, ssn, note)
         SELECT id + 100, name, region, 1, 'x', ssn FROM play.staff(1) RETURNING note",
    "MERGE INTO shop.staff s USING play.staff(1) f ON f.id = s.id WHEN MATCHED THEN UPDATE SET note = f.ssn; SELECT note FROM shop.staff",
    "COPY (SELECT * FROM play.staff(1)) TO STDOUT",
];

#[test]
fn inlined_bodies_are_masked() -> Result<()> {
    let database = masked_staff()?;
    database
        .admin()?
        .batch_execute("CREATE SCHEMA play AUTHORIZATION app_user")?;
    let token = nobody(&database)?;
    for is_on in [false, true] {
        enable_masks(&database, is_on)?;
        for call in CALLS {
            let mut user = database.connect(role::USER)?;
            user.batch_execute(FUNCTION)?;
            let mut session = user.transaction()?;
            attach(&mut session, &token)?;
            let text = told_in(&mut session, call)?;
            assert_ne!(is_revealing(&text), is_on, "masks on: {is_on}: {call}: {text}");
            assert!(!text.is_empty(), "{call}");
        }
    }
    Ok(())
}

#[test]
fn kept_plans_with_inlined_bodies_suit_the_session() -> Result<()> {
    let database = masked_staff()?;
    database
        .admin()?
        .batch_execute("CREATE SCHEMA play AUTHORIZATION app_user")?;
    let (nobody, hr) = (nobody(&database)?, hr(&database)?);
    let mut user = database.connect(role::USER)?;
    user.batch_execute(FUNCTION)?;
    user.batch_execute("SET plan_cache_mode = force_generic_plan")?;
    let statement = user.prepare("SELECT count(pay)::integer FROM play.twice(1)")?;
    for (token, expected) in [(&nobody, 0), (&hr, 8), (&nobody, 0), (&nobody, 0), (&hr, 8)] {
        let mut session = user.transaction()?;
        attach(&mut session, token)?;
        let count: i32 = session.query_one(&statement, &[])?.get(0);
        assert_eq!(count, expected);
        session.commit()?;
    }
    // The plan knows the functions whose bodies it contains.
    user.batch_execute(
        "CREATE OR REPLACE FUNCTION play.staff(n integer) RETURNS SETOF shop.staff LANGUAGE sql STABLE AS
             'SELECT * FROM shop.staff WHERE id = 1'",
    )?;
    let mut session = user.transaction()?;
    attach(&mut session, &hr)?;
    let count: i32 = session.query_one(&statement, &[])?.get(0);
    assert_eq!(count, 1);
    Ok(())
}

#[test]
fn bodies_are_still_inlined() -> Result<()> {
    let database = masked_staff()?;
    let token = nobody(&database)?;
    let plan = told(
        &database,
        &token,
        "CREATE FUNCTION pg_temp.staff() RETURNS SETOF shop.staff LANGUAGE sql STABLE AS 'SELECT * FROM shop.staff';
         EXPLAIN SELECT * FROM pg_temp.staff()",
    )?;
    assert!(
        plan.as_ref().is_ok_and(|plan| plan.contains("Seq Scan on staff")),
        "{plan:?}"
    );
    Ok(())
}

#[test]
fn a_definer_function_shows_what_its_owner_may_see() -> Result<()> {
    let database = masked_staff()?;
    let token = nobody(&database)?;
    let mut owner = database.connect(role::OWNER)?;
    owner.batch_execute(
        "CREATE FUNCTION shop.all_staff() RETURNS SETOF shop.staff LANGUAGE sql STABLE SECURITY DEFINER
             SET search_path = pg_catalog, pg_temp AS 'SELECT * FROM shop.staff'",
    )?;
    let text = told(&database, &token, "SELECT * FROM shop.all_staff()")?;
    assert!(
        text.as_ref()
            .is_ok_and(|text| !text.is_empty() && !is_revealing(text)),
        "{text:?}"
    );
    Ok(())
}

#[test]
fn inlined_bodies_are_masked_by_a_policy_alone() -> Result<()> {
    let database = vpd_tests::Database::create()?;
    vpd_tests::create_orders(&database)?;
    database.admin()?.batch_execute(
        "CREATE FUNCTION shop.amounts() RETURNS TABLE (id integer, amount integer) LANGUAGE sql STABLE AS
         'SELECT id, amount FROM shop.orders'",
    )?;
    let seen = "SELECT id FROM shop.amounts() WHERE amount IS NOT NULL";
    assert_eq!(vpd_tests::fresh_ids(&database, None, seen)?.len(), 40, "control");
    database.connect(vpd_tests::role::SECURITY)?.execute(
        "SELECT vpd.add_policy('shop.orders', 'amounts', $1, relevant_columns => '{amount}', mask_columns => true)",
        &[&vpd_tests::BY_REGION],
    )?;
    let token = vpd_tests::Subject::in_region("alice", "West").log_in(&database)?;
    for query in [seen, "SELECT id FROM shop.orders WHERE amount IS NOT NULL"] {
        assert_eq!(
            vpd_tests::fresh_ids(&database, Some(&token), query)?,
            vpd_tests::expected_ids("West"),
            "{query}"
        );
    }
    Ok(())
}
