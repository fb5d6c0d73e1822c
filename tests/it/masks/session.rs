//! Which values each session sees, and that plans which are kept follow.

use super::scene::{add_mask, bare_staff, hr, in_region, masked_staff, nobody};
use super::{is_masked, seen};
use vpd_tests::{Result, assert_refused, attach, fresh_ids, role};

#[test]
fn each_session_sees_the_values_it_may_see() -> Result<()> {
    let database = masked_staff()?;
    let rows = "SELECT id, region, salary, ssn FROM shop.staff WHERE id < 3 ORDER BY id";
    assert_eq!(
        seen(&database, &nobody(&database)?, rows)?,
        "1|West|(null)|XXX-XX-6711|\n2|East|(null)|XXX-XX-6722|\n"
    );
    assert_eq!(
        seen(&database, &in_region(&database, "East")?, rows)?,
        "1|West|(null)|XXX-XX-6711|\n2|East|(null)|555-12-6722|\n"
    );
    assert_eq!(
        seen(&database, &hr(&database)?, rows)?,
        "1|West|910001|XXX-XX-6711|\n2|East|910002|555-12-6722|\n"
    );
    assert!(fresh_ids(&database, None, "SELECT id FROM shop.staff")?.is_empty());
    Ok(())
}

#[test]
fn a_session_can_ask_what_it_may_see() -> Result<()> {
    let database = masked_staff()?;
    let (nobody, hr) = (nobody(&database)?, hr(&database)?);
    assert_eq!(is_masked(&database, Some(&nobody), "salary")?, Some(true));
    assert_eq!(is_masked(&database, Some(&hr), "salary")?, Some(false));
    assert_eq!(is_masked(&database, Some(&hr), "ssn")?, None);
    assert_eq!(is_masked(&database, Some(&nobody), "name")?, Some(false));
    assert_eq!(is_masked(&database, None, "salary")?, Some(true));
    assert_eq!(is_masked(&database, None, "ssn")?, Some(true));
    let mut admin = database.admin()?;
    let row = admin.query_one("SELECT vpd.is_masked('shop.staff', 'salary')", &[])?;
    assert_eq!(row.get::<_, Option<bool>>(0), Some(false));
    let mut user = database.connect(role::USER)?;
    assert_refused(
        user.query("SELECT vpd.is_masked('shop.staff', 'shoe_size')", &[]),
        "42704",
        "column_not_found",
    );
    Ok(())
}

#[test]
fn a_predicate_that_the_session_decides_leaves_no_trace() -> Result<()> {
    let database = bare_staff()?;
    add_mask(
        &database,
        "salary",
        "0",
        "vpd.user_in_role('hr') OR region = vpd.attribute('app', 'region')",
    )?;
    let explain = "EXPLAIN (VERBOSE, COSTS off) SELECT salary FROM shop.staff WHERE salary > 5";
    let plain = seen(&database, &hr(&database)?, explain)?;
    assert!(!plain.contains("CASE"), "{plain}");
    assert!(plain.contains("Output: staff.salary"), "{plain}");
    let by_row = seen(&database, &in_region(&database, "East")?, explain)?;
    assert!(by_row.contains("CASE") && !by_row.contains("East"), "{by_row}");
    Ok(())
}

#[test]
fn a_kept_plan_suits_each_session_in_turn() -> Result<()> {
    let database = masked_staff()?;
    let mut user = database.connect(role::USER)?;
    user.batch_execute("SET plan_cache_mode = force_generic_plan")?;
    let statement = user.prepare("SELECT count(salary)::integer FROM shop.staff")?;
    let (nobody, hr) = (nobody(&database)?, hr(&database)?);
    for turn in 0..40 {
        for (token, expected) in [(Some(&nobody), 0), (Some(&hr), 8), (Some(&hr), 8), (None, 0)] {
            let mut session = user.transaction()?;
            if let Some(token) = token {
                attach(&mut session, token)?;
            }
            let count: i32 = session.query_one(&statement, &[])?.get(0);
            assert_eq!(count, expected, "turn {turn}");
            session.commit()?;
        }
    }
    Ok(())
}

#[test]
fn a_savepoint_gives_the_former_sight_back() -> Result<()> {
    let database = masked_staff()?;
    let mut user = database.connect(role::USER)?;
    user.batch_execute("SET plan_cache_mode = force_generic_plan")?;
    let statement = user.prepare("SELECT count(salary)::integer FROM shop.staff")?;
    let (nobody, hr) = (nobody(&database)?, hr(&database)?);
    for (outside, inside) in [(&nobody, &hr), (&hr, &nobody)] {
        let mut session = user.transaction()?;
        attach(&mut session, outside)?;
        let before: i32 = session.query_one(&statement, &[])?.get(0);
        let mut nested = session.transaction()?;
        attach(&mut nested, inside)?;
        let within: i32 = nested.query_one(&statement, &[])?.get(0);
        assert_ne!(within, before);
        nested.rollback()?;
        let after: i32 = session.query_one(&statement, &[])?.get(0);
        assert_eq!(after, before);
        session.rollback()?;
    }
    Ok(())
}

#[test]
fn sessions_of_the_same_sight_share_a_plan() -> Result<()> {
    let database = masked_staff()?;
    let mut user = database.connect(role::USER)?;
    user.batch_execute(
        "SET plan_cache_mode = force_generic_plan; PREPARE p AS SELECT count(salary) FROM shop.staff",
    )?;
    let generic = "SELECT generic_plans::integer FROM pg_prepared_statements WHERE name = 'p'";
    let sessions = [
        nobody(&database)?,
        in_region(&database, "East")?,
        in_region(&database, "West")?,
    ];
    let mut used = Vec::new();
    for token in sessions.iter().cycle().take(9) {
        let mut session = user.transaction()?;
        attach(&mut session, token)?;
        session.batch_execute("EXECUTE p")?;
        used.push(session.query_one(generic, &[])?.get::<_, i32>(0));
        session.commit()?;
    }
    assert_eq!(used, (1..=9).collect::<Vec<_>>());
    Ok(())
}

#[test]
fn edits_take_effect_in_plans_that_are_kept() -> Result<()> {
    let database = bare_staff()?;
    add_mask(&database, "name", "'…'", "true")?;
    let token = nobody(&database)?;
    let mut user = database.connect(role::USER)?;
    let statement =
        user.prepare("SELECT count(salary)::integer, count(DISTINCT name)::integer FROM shop.staff")?;
    let mut security = database.connect(role::SECURITY)?;
    for (edit, expected) in [
        ("SELECT 1", (8, 8)),
        ("SELECT vpd.add_mask('shop.staff', 'salary')", (0, 8)),
        ("SELECT vpd.enable_mask('shop.staff', 'salary', false)", (8, 8)),
        ("SELECT vpd.enable_mask('shop.staff', 'salary')", (0, 8)),
        (
            "SELECT vpd.alter_mask('shop.staff', 'salary', mask => 'id')",
            (8, 8),
        ),
        (
            "SELECT vpd.alter_mask('shop.staff', 'name', visible_when => 'id = 1')",
            (8, 2),
        ),
        ("SELECT vpd.drop_mask('shop.staff', 'name')", (8, 8)),
    ] {
        security.execute(edit, &[])?;
        for _run in 0..7 {
            let mut session = user.transaction()?;
            attach(&mut session, &token)?;
            let row = session.query_one(&statement, &[])?;
            assert_eq!((row.get::<_, i32>(0), row.get::<_, i32>(1)), expected, "{edit}");
            session.commit()?;
        }
    }
    Ok(())
}
