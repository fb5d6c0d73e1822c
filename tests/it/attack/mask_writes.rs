//! Writing a mask back over a value, or moving a value to where no mask is.

use vpd_tests::{Result, role};

use crate::masks::scene::{enable_masks, in_region, masked_staff, nobody, told};

/// Statements that assign to a masked column.
const ASSIGNMENTS: &[&str] = &[
    "UPDATE shop.staff SET salary = salary",
    "UPDATE shop.staff SET salary = coalesce(salary, 0)",
    "UPDATE shop.staff SET note = 'x', salary = 1 WHERE id = 1",
    "UPDATE shop.staff SET (note, salary) = (SELECT 'x', 1)",
    "UPDATE shop.staff SET salary = DEFAULT",
    "UPDATE ONLY shop.staff SET salary = 1",
    "UPDATE shop.staff s SET salary = t.salary FROM shop.staff t WHERE t.id = s.id",
    "UPDATE shop.staff SET ssn = ssn",
    "WITH new AS (UPDATE shop.staff SET salary = 1 RETURNING 1) SELECT count(*) FROM new",
    "INSERT INTO shop.staff (id, name, region, salary, ssn) SELECT id, name, region, 1, ssn FROM shop.staff
         ON CONFLICT (id) DO UPDATE SET salary = excluded.salary",
    "INSERT INTO shop.staff (id, name, region, salary, ssn) SELECT id, name, region, 1, ssn FROM shop.staff
         ON CONFLICT (id) DO UPDATE SET ssn = excluded.ssn WHERE staff.id > 0",
    "MERGE INTO shop.staff s USING (VALUES (1)) v (i) ON s.id = v.i WHEN MATCHED THEN UPDATE SET salary = 0",
    "MERGE INTO shop.staff s USING shop.staff t ON s.id = t.id WHEN MATCHED THEN UPDATE SET ssn = t.ssn",
    "DECLARE c CURSOR FOR SELECT * FROM shop.staff; MOVE c; UPDATE shop.staff SET salary = 1 WHERE CURRENT OF c",
];

#[test]
fn a_mask_cannot_be_written_over_a_value() -> Result<()> {
    let database = masked_staff()?;
    let token = nobody(&database)?;
    enable_masks(&database, false)?;
    for script in ASSIGNMENTS.iter().filter(|script| !script.contains("DEFAULT")) {
        let told = told(&database, &token, script)?;
        assert!(told.is_ok(), "control, without masks: {script}: {told:?}");
    }
    enable_masks(&database, true)?;
    for script in ASSIGNMENTS {
        let refusal = told(&database, &token, script)?.err();
        let refusal = refusal.ok_or_else(|| format!("went through: {script}"))?;
        assert_eq!(
            (refusal.state.code(), refusal.token.as_deref()),
            ("42501", Some("column_masked")),
            "{script}: {refusal:?}"
        );
        assert!(refusal.has_hint, "{refusal:?}");
    }
    Ok(())
}

#[test]
fn a_visible_value_can_be_changed() -> Result<()> {
    let database = masked_staff()?;
    let token = in_region(&database, "East")?;
    for (script, expected) in [
        ("UPDATE shop.staff SET ssn = '1' WHERE region = 'East' RETURNING ssn", "1|\n1|\n1|\n1|\n"),
        ("UPDATE shop.staff SET (ssn, note) = (SELECT 'a', staff.ssn) WHERE id = 2 RETURNING ssn, note", "a|555-12-6722|\n"),
        ("MERGE INTO shop.staff s USING (VALUES (2)) v (i) ON s.id = v.i WHEN MATCHED THEN UPDATE SET ssn = 'm';
          SELECT ssn FROM shop.staff WHERE id = 2", "m|\n"),
        ("INSERT INTO shop.staff (id, name, region, salary, ssn) VALUES (2, 'x', 'East', 1, 'new')
              ON CONFLICT (id) DO UPDATE SET ssn = excluded.ssn || left(staff.ssn, 3) RETURNING ssn", "new555|\n"),
    ] {
        let told = told(&database, &token, script)?;
        assert_eq!(told.as_deref().ok(), Some(expected), "{script}: {told:?}");
    }
    let refused = told(&database, &token, "UPDATE shop.staff SET ssn = '1' WHERE id = 1")?;
    assert!(refused.is_err());
    Ok(())
}

#[test]
fn what_is_stored_stays_the_value() -> Result<()> {
    let database = masked_staff()?;
    let token = nobody(&database)?;
    let mut user = database.connect(role::USER)?;
    let mut session = user.transaction()?;
    vpd_tests::attach(&mut session, &token)?;
    session.execute("UPDATE shop.staff SET note = 'seen', id = id + 100", &[])?;
    session.commit()?;
    let row = database.admin()?.query_one(
        "SELECT sum(salary)::integer, count(*) FILTER (WHERE ssn LIKE '555%')::integer FROM shop.staff WHERE note = 'seen'",
        &[],
    )?;
    assert_eq!(
        (row.get::<_, i32>(0), row.get::<_, i32>(1)),
        (8 * 910_000 + 36, 8)
    );
    Ok(())
}
