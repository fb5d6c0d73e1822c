//! Reads of a whole table under a policy.

use postgres::Client;
use vpd_tests::Result;

use crate::contest::{Pace, Side, Target};
use crate::scene::{REGION, Scene, TWINS, VISIBLE};
use crate::table;

const P1: Target = Target::time(1.10, Some(1.02));
const P5: Target = Target::rate(3.0, None);

/// Measures P-1 and P-5.
pub fn measure(scene: &Scene<'_>, pace: &Pace, wanted: &dyn Fn(&str) -> bool) -> Result<()> {
    if wanted("P-1") {
        let ours = scan(scene.reader()?, "bench.expert")?;
        let theirs = scan(
            scene.native_reader()?,
            &format!("bench.plain WHERE region = '{REGION}'"),
        )?;
        scene.row(
            "P-1",
            "scan of 100 k rows : hand-written WHERE",
            pace,
            P1,
            ours,
            theirs,
        )?;
    }
    if wanted("P-5") {
        for twins in &TWINS[1..] {
            let ours = scan(scene.reader()?, &format!("bench.{}", twins.table))?;
            let theirs = scan(scene.native_reader()?, &format!("bench.{}_native", twins.table))?;
            let what = format!("scan of 100 k rows : usual native policy, {}", twins.table);
            scene.row("P-5", &what, pace, P5, ours, theirs)?;
            table::print_note(&format!("ours    {}", twins.ours));
            table::print_note(&format!("theirs  {}", twins.theirs));
        }
    }
    Ok(())
}

/// Repeats a prepared query over a whole table.
pub fn scan(mut reader: Client, from: &str) -> Result<Side<'static>> {
    let statement = reader.prepare(&format!("SELECT count(*), sum(amount) FROM {from}"))?;
    Side::repeat(reader, move |reader| {
        let seen: i64 = reader.query_one(&statement, &[])?.get(0);
        if seen == i64::from(VISIBLE) {
            Ok(())
        } else {
            Err(format!("{seen} rows were seen").into())
        }
    })
}
