//! Views of the attacker's own over a masked table: their conditions and checks must not be answered by what is hidden.

use vpd_tests::{Database, Result, role};

use crate::masks::scene::{add_mask, bare_staff, enable_masks, nobody, told};

/// Views that a stranger with a schema of his own makes, and what he then runs: each touches a row, or fails, only because of a
/// hidden value.
const PROBES: &[(&str, &str)] = &[
    (
        "CREATE VIEW mine.v WITH (security_invoker) AS SELECT * FROM shop.staff WHERE salary > 910004",
        "UPDATE mine.v SET note = 'x' RETURNING id",
    ),
    (
        "CREATE VIEW mine.v WITH (security_invoker, security_barrier) AS SELECT * FROM shop.staff WHERE salary > 910004",
        "UPDATE mine.v SET note = 'x' RETURNING id",
    ),
    (
        "CREATE VIEW mine.v WITH (security_invoker, security_barrier) AS SELECT * FROM shop.staff WHERE salary > 910004",
        "DELETE FROM mine.v RETURNING id",
    ),
    (
        "CREATE VIEW mine.w WITH (security_invoker, security_barrier) AS SELECT * FROM shop.staff WHERE id > 0;
         CREATE VIEW mine.v WITH (security_invoker, security_barrier) AS SELECT * FROM mine.w WHERE salary > 910004",
        "UPDATE mine.v SET note = 'x' RETURNING id",
    ),
    (
        "CREATE VIEW mine.w WITH (security_invoker, security_barrier) AS SELECT * FROM shop.staff WHERE salary > 910004;
         CREATE VIEW mine.v WITH (security_invoker) AS SELECT * FROM mine.w WHERE id > 0",
        "UPDATE mine.v SET note = 'x' RETURNING id",
    ),
    (
        "CREATE VIEW mine.v WITH (security_invoker, security_barrier) AS SELECT * FROM shop.staff WHERE salary > 910004",
        "SELECT id FROM mine.v",
    ),
    (
        "CREATE TABLE mine.t AS SELECT generate_series(910001, 910008) AS x;
         CREATE VIEW mine.v WITH (security_barrier) AS SELECT * FROM mine.t
             WHERE x = (SELECT salary FROM shop.staff WHERE id = 3)",
        "UPDATE mine.v SET x = x RETURNING x",
    ),
    (
        "CREATE TABLE mine.t AS SELECT generate_series(910001, 910008) AS x;
         ALTER TABLE mine.t ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
         CREATE POLICY probe ON mine.t USING (x = (SELECT salary FROM shop.staff WHERE id = 3))",
        "SELECT x FROM mine.t",
    ),
];

fn prepare() -> Result<(Database<'static>, String)> {
    let database = bare_staff()?;
    // A mask that is no value of the column's range, so that conditions tell the two apart.
    add_mask(&database, "salary", "0", "vpd.user_in_role('hr')")?;
    database
        .admin()?
        .batch_execute("CREATE SCHEMA mine AUTHORIZATION app_user")?;
    let token = nobody(&database)?;
    Ok((database, token))
}

#[test]
fn the_condition_of_a_view_sees_the_mask() -> Result<()> {
    for (views, probe) in PROBES {
        let (database, token) = prepare()?;
        database.connect(role::USER)?.batch_execute(views)?;
        enable_masks(&database, false)?;
        let told_without = told(&database, &token, probe)?;
        assert!(
            told_without.as_ref().is_ok_and(|text| !text.is_empty()),
            "control, without masks: {views}: {told_without:?}"
        );
        enable_masks(&database, true)?;
        let told_with = told(&database, &token, probe)?;
        assert!(
            told_with.as_ref().is_ok_and(String::is_empty),
            "{views}: {told_with:?}"
        );
    }
    Ok(())
}

#[test]
fn the_check_option_of_a_view_sees_the_mask() -> Result<()> {
    for probe in [
        "CREATE VIEW mine.v WITH (security_invoker) AS SELECT * FROM shop.staff WHERE salary = 0 OR salary > 910004 WITH CHECK OPTION",
        "CREATE VIEW mine.v WITH (security_invoker, security_barrier) AS SELECT * FROM shop.staff WHERE salary = 0 OR salary > 910004 WITH CHECK OPTION",
        "CREATE VIEW mine.v WITH (security_invoker) AS SELECT * FROM shop.staff
             WHERE 910003 <> (SELECT salary FROM shop.staff WHERE id = 3) WITH CHECK OPTION",
    ] {
        let (database, token) = prepare()?;
        let mut user = database.connect(role::USER)?;
        user.batch_execute(probe)?;
        let insert = "INSERT INTO mine.v (id, name, region, salary, ssn) VALUES (99, 'x', 'East', 4711, 'x')";
        enable_masks(&database, false)?;
        assert!(
            told(&database, &token, insert)?.is_err(),
            "control, without masks: {probe}"
        );
        enable_masks(&database, true)?;
        let told = told(&database, &token, insert)?;
        assert!(told.is_ok(), "{probe}: {told:?}");
    }
    Ok(())
}

/// Since 15.20 the server asks whether the row that an ON CONFLICT meets is in the view.
#[test]
fn the_row_that_an_on_conflict_meets_is_asked_with_the_mask() -> Result<()> {
    for options in ["security_invoker", "security_invoker, security_barrier"] {
        let (database, token) = prepare()?;
        database.connect(role::USER)?.batch_execute(&format!(
            "CREATE VIEW mine.v WITH ({options}) AS SELECT * FROM shop.staff WHERE salary > 910004"
        ))?;
        let goes_through = |id: i32| -> Result<bool> {
            let probe = format!(
                "INSERT INTO mine.v (id, name, region, salary, ssn) VALUES ({id}, 'x', 'East', 910009, 'x')
                     ON CONFLICT (id) DO UPDATE SET note = 'x' RETURNING id"
            );
            Ok(told(&database, &token, &probe)?.is_ok())
        };
        enable_masks(&database, false)?;
        assert!(goes_through(7)?, "control, without masks: {options}");
        assert!(!goes_through(3)?, "control, without masks: {options}");
        enable_masks(&database, true)?;
        assert_eq!(goes_through(7)?, goes_through(3)?, "{options}");
    }
    Ok(())
}

#[test]
fn a_policy_with_a_barrier_view_in_front_still_sees_the_value() -> Result<()> {
    let (database, token) = prepare()?;
    vpd_tests::add_policy(
        &mut database.connect(role::SECURITY)?,
        "shop.staff",
        "low",
        "salary < 910004",
    )?;
    database.connect(role::USER)?.batch_execute(
        "CREATE VIEW mine.v WITH (security_invoker, security_barrier) AS SELECT * FROM shop.staff WHERE id > 1",
    )?;
    let told = told(
        &database,
        &token,
        "UPDATE mine.v SET note = 'x' RETURNING id, salary",
    )?;
    assert_eq!(told.as_deref().ok(), Some("2|0|\n3|0|\n"), "{told:?}");
    Ok(())
}
