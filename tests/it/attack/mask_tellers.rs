//! What the server makes of a masked column tells its values: a generated column shows them, and a CHECK constraint that compares it with another
//! column answers one question for each attempt.

use vpd_tests::{Result, attach, outcome, role};

use crate::masks::scene::{bare_staff, nobody};

#[test]
fn a_check_tells_the_value_by_search_and_a_generated_column_shows_it() -> Result<()> {
    let database = bare_staff()?;
    database.admin()?.batch_execute(
        "ALTER TABLE shop.staff ADD bonus integer NOT NULL DEFAULT 0, ADD CHECK (bonus <= salary),
             ADD doubled integer GENERATED ALWAYS AS (salary * 2) STORED, ADD CHECK (salary > 0)",
    )?;
    let (mut security, notices) = database.connect_noticing(role::SECURITY)?;
    security.batch_execute("SELECT vpd.add_mask('shop.staff', 'salary', 'NULL', 'false')")?;
    let told: Vec<String> = notices
        .take()
        .iter()
        .map(|notice| notice.message().to_owned())
        .collect();
    assert_eq!(
        told,
        [
            "the CHECK constraint \"staff_check\" of \"shop.staff\" tells values of the masked column \"salary\"",
            "the generated column \"doubled\" of \"shop.staff\" tells values of the masked column \"salary\"",
        ]
    );
    // It is true.
    let token = nobody(&database)?;
    let mut user = database.connect(role::USER)?;
    user.batch_execute("BEGIN")?;
    attach(&mut user, &token)?;
    let (mut low, mut high) = (0, 2_000_000);
    while low < high {
        let bonus = (low + high + 1) / 2;
        user.batch_execute("SAVEPOINT attempt")?;
        if outcome(user.execute("UPDATE shop.staff SET bonus = $1 WHERE id = 1", &[&bonus])).is_ok() {
            low = bonus;
        } else {
            high = bonus - 1;
        }
        user.batch_execute("ROLLBACK TO attempt")?;
    }
    assert_eq!(low, 910_001);
    let doubled: i32 = user
        .query_one("SELECT doubled FROM shop.staff WHERE id = 1", &[])?
        .get(0);
    assert_eq!(doubled, 1_820_002);
    user.batch_execute("ROLLBACK")?;
    // The report names them, and its remedies help.
    let mut auditor = database.connect(role::AUDITOR)?;
    let mut findings = || -> Result<Vec<(String, String)>> {
        let rows = auditor.query(
            "SELECT finding, remedy FROM vpd.posture() WHERE finding IN ('mask_check', 'mask_generated_column') ORDER BY 1",
            &[],
        )?;
        Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
    };
    let found = findings()?;
    assert_eq!(found.len(), 2, "{found:?}");
    for (_, remedy) in found {
        database.admin()?.batch_execute(&remedy)?;
    }
    assert!(findings()?.is_empty());
    Ok(())
}
