//! What it costs to have reading recorded.

use std::time::Instant;

use vpd_tests::{Result, add_policy, role};

use crate::contest::{Pace, Side, Target};
use crate::reads::{self, prepared};
use crate::scene::{self, Scene, TWINS};
use crate::table;

const ASYNC: Target = Target::rate(0.97, Some(0.99));
const STRICT: Target = Target::rate(0.75, None);

/// Measures P-22.
pub fn measure(scene: &Scene<'_>, pace: &Pace, wanted: &dyn Fn(&str) -> bool) -> Result<()> {
    if !wanted("P-22") {
        return Ok(());
    }
    let mut admin = scene.database.admin()?;
    let mut security = scene.database.connect(role::SECURITY)?;
    for (table, mode) in [("audited", "async"), ("strictly_audited", "strict")] {
        scene::copy_plain_table(&mut admin, table)?;
        add_policy(
            &mut security,
            &format!("bench.{table}"),
            "by_context",
            TWINS[0].ours,
        )?;
        security.batch_execute(&format!(
            "SELECT vpd.add_audit_policy('bench.{table}', 'reading', mode => '{mode}')"
        ))?;
    }
    admin.batch_execute("CREATE TABLE bench.note (id int); GRANT INSERT ON bench.note TO app_user")?;
    admin.batch_execute("VACUUM ANALYZE")?;
    let what = "read by key, audited async : not audited";
    let ours = prepared(scene.reader()?, "audited")?;
    scene.row(
        "P-22",
        what,
        pace,
        ASYNC,
        ours,
        prepared(scene.reader()?, "expert")?,
    )?;
    let what = "read by key, audited strictly : not audited, and one commit";
    let ours = prepared(scene.reader()?, "strictly_audited")?;
    scene.row("P-22", what, pace, STRICT, ours, read_and_commit(scene)?)?;
    let rate = events_a_second(scene)?;
    table::print_figure(
        "P-22",
        "events a second from a reader through the scribe to the disk",
        &format!("{rate:.0}"),
        "≥ 10000",
    );
    Ok(())
}

/// Records of one connection that does nothing but read, until all of them are written.
fn events_a_second(scene: &Scene<'_>) -> Result<f64> {
    const READS: u32 = 100_000;
    let mut auditor = scene.database.connect(role::AUDITOR)?;
    let mut written = || -> Result<i64> { Ok(auditor.query_one("SELECT vpd.flush_audit()", &[])?.get(0)) };
    let mut reader = scene.reader()?;
    let before = written()?;
    let start = Instant::now();
    reader.batch_execute(&format!(
        "DO $$BEGIN FOR i IN 1..{READS} LOOP PERFORM FROM bench.audited WHERE id = i; END LOOP; END$$"
    ))?;
    let count = written()? - before;
    let elapsed = start.elapsed();
    if count < i64::from(READS) {
        return Err(format!("{count} records of {READS} reads").into());
    }
    Ok(count as f64 / elapsed.as_secs_f64())
}

/// A read that is not audited, and a commit of somebody else that reaches the disk.
fn read_and_commit(scene: &Scene<'_>) -> Result<Side<'static>> {
    let mut reader = scene.reader()?;
    let read = reader.prepare("SELECT region, amount, note FROM bench.expert WHERE id = $1")?;
    let mut writer = scene.database.connect(role::USER)?;
    let write = writer.prepare("INSERT INTO bench.note VALUES (1)")?;
    let mut keys = reads::keys();
    Side::repeat(reader, move |reader| {
        let key = keys.next().ok_or("no key")?;
        reader.query_one(&read, &[&key])?;
        writer.execute(&write, &[])?;
        Ok(())
    })
}
