//! Reads of masked columns.

use postgres::Client;
use vpd_tests::{Result, role};

use crate::contest::{Pace, Side, Target};
use crate::scene::{REGION, ROWS, Scene, VISIBLE};

const MASKED: Target = Target::time(1.10, None);
const CLEAR: Target = Target::time(1.03, None);

/// The same rows behind a mask that the row decides, behind one that the session decides, under a policy that lets every row
/// through, and behind a view written by hand.
const TABLES: &str = "
CREATE TABLE bench.by_row AS TABLE bench.plain;
CREATE TABLE bench.by_session AS TABLE bench.plain;
CREATE TABLE bench.all_rows AS TABLE bench.plain;
CREATE TABLE bench.under_view AS TABLE bench.plain;
CREATE VIEW bench.by_hand AS
    SELECT id, region, tenant, note,
           CASE WHEN region = (SELECT current_setting('app.region')) THEN amount END AS amount
      FROM bench.under_view;
GRANT SELECT ON bench.by_row, bench.by_session, bench.all_rows, bench.under_view, bench.by_hand TO app_user;
";

const POLICIES: &str = "
SELECT vpd.add_mask('bench.by_row', 'amount', visible_when => $$region = vpd.attribute('app', 'region')$$);
SELECT vpd.add_mask('bench.by_session', 'amount', visible_when => 'vpd.is_authenticated()');
SELECT vpd.add_policy('bench.all_rows', 'all', 'true');
";

/// Measures P-10.
pub fn measure(scene: &Scene<'_>, pace: &Pace, wanted: &dyn Fn(&str) -> bool) -> Result<()> {
    if !wanted("P-10") {
        return Ok(());
    }
    let mut admin = scene.database.admin()?;
    admin.batch_execute(TABLES)?;
    scene.database.connect(role::SECURITY)?.batch_execute(POLICIES)?;
    admin.batch_execute("VACUUM ANALYZE")?;
    admin.batch_execute("CHECKPOINT")?;
    let ours = scan(scene.reader()?, "by_row", VISIBLE)?;
    let theirs = scan(scene.native_reader()?, "by_hand", VISIBLE)?;
    let what = format!("scan of a masked column, shown for {REGION} : view with CASE");
    scene.row("P-10", &what, pace, MASKED, ours, theirs)?;
    let ours = scan(scene.reader()?, "by_session", ROWS)?;
    let theirs = scan(scene.reader()?, "all_rows", ROWS)?;
    let what = "the same where the session sees every value : no mask";
    scene.row("P-10", what, pace, CLEAR, ours, theirs)
}

/// Repeats a prepared query over a whole table.
fn scan(mut reader: Client, table: &str, shown: i32) -> Result<Side<'static>> {
    let statement = reader.prepare(&format!("SELECT count(amount), sum(amount) FROM bench.{table}"))?;
    Side::repeat(reader, move |reader| {
        let seen: i64 = reader.query_one(&statement, &[])?.get(0);
        if seen == i64::from(shown) {
            Ok(())
        } else {
            Err(format!("{seen} values were seen").into())
        }
    })
}
