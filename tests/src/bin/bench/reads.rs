//! Reads under a policy: scans and single rows, prepared and planned every time.

use vpd_tests::{Database, Result, role};

use crate::contest::{Pace, Side, Target, compare, repeat};
use crate::scene::{self, REGION, ROWS, Scene};
use crate::table;

/// Measures P-1 to P-5 and P-20.
pub fn measure(scene: &Scene<'_>, pace: &Pace, wanted: &dyn Fn(&str) -> bool) -> Result<()> {
    let hand_written = format!("SELECT count(*), sum(amount) FROM bench.plain WHERE region = '{REGION}'");
    let rows: [(&str, &str, Target, Maker<'_>, Maker<'_>); 6] = [
        (
            "P-1",
            "scan of 100 k rows under policy : hand-written WHERE",
            Target::Time(1.10),
            &|| scan(scene, "SELECT count(*), sum(amount) FROM bench.guarded"),
            &|| scan(scene, &hand_written),
        ),
        (
            "P-2",
            "prepared read by key under policy : no row security",
            Target::Rate(0.85),
            &|| prepared(scene, "guarded"),
            &|| prepared(scene, "plain"),
        ),
        (
            "P-3",
            "the same, planned every time",
            Target::Rate(0.75),
            &|| simple(scene, "guarded"),
            &|| simple(scene, "plain"),
        ),
        (
            "P-4",
            "prepared read by key : native policy, expert's form",
            Target::Rate(0.95),
            &|| prepared(scene, "guarded"),
            &|| prepared(scene, "expert"),
        ),
        (
            "P-4",
            "the same, planned every time",
            Target::Rate(0.90),
            &|| simple(scene, "guarded"),
            &|| simple(scene, "expert"),
        ),
        (
            "P-5",
            "scan of 100 k rows : native policy, usual form",
            Target::Faster(3.0),
            &|| scan(scene, "SELECT count(*), sum(amount) FROM bench.guarded"),
            &|| scan(scene, "SELECT count(*), sum(amount) FROM bench.usual"),
        ),
    ];
    for (id, what, target, ours, theirs) in rows {
        if wanted(id) {
            table::print(id, what, target, &compare(pace, target, ours()?, theirs()?)?);
        }
    }
    if wanted("P-20") {
        unprotected(scene, pace)?;
    }
    Ok(())
}

type Maker<'a> = &'a dyn Fn() -> Result<Side<'static>>;

/// Repeats a prepared query over the whole table.
fn scan(scene: &Scene<'_>, query: &str) -> Result<Side<'static>> {
    let mut reader = scene.reader()?;
    let statement = reader.prepare(query)?;
    let seen: i64 = reader.query_one(&statement, &[])?.get(0);
    if seen != i64::from(ROWS / 4) {
        return Err(format!("{query} saw {seen} rows").into());
    }
    Ok(repeat(move || Ok(reader.execute(&statement, &[]).map(|_| ())?)))
}

/// Keys of rows of the region, in an order that jumps about.
fn keys() -> impl Iterator<Item = i32> {
    (0_i32..).map(|n| (n % 25_000) * 7919 % 25_000 * 4 + 1)
}

fn prepared(scene: &Scene<'_>, table: &str) -> Result<Side<'static>> {
    prepared_on(scene.reader()?, table)
}

fn prepared_on(mut reader: postgres::Client, table: &str) -> Result<Side<'static>> {
    let statement = reader.prepare(&format!(
        "SELECT region, amount, note FROM bench.{table} WHERE id = $1"
    ))?;
    let mut keys = keys();
    Ok(repeat(move || {
        let key = keys.next().unwrap_or(1);
        let rows = reader.query(&statement, &[&key])?;
        if rows.len() == 1 {
            Ok(())
        } else {
            Err("the row was not found".into())
        }
    }))
}

fn simple(scene: &Scene<'_>, table: &str) -> Result<Side<'static>> {
    let mut reader = scene.reader()?;
    let query = format!("SELECT region, amount, note FROM bench.{table} WHERE id = ");
    let mut keys = keys();
    Ok(repeat(move || {
        let key = keys.next().unwrap_or(1);
        reader.simple_query(&format!("{query}{key}"))?;
        Ok(())
    }))
}

/// The library must not cost tables that it does not protect anything.
fn unprotected(scene: &Scene<'_>, pace: &Pace) -> Result<()> {
    let without = scene::start_server_without_library()?;
    let database = Database::create_bare_in(&without)?;
    scene::create_plain_tables(&database)?;
    let target = Target::Rate(0.99);
    let ours = prepared_on(scene.database.connect(role::USER)?, "plain")?;
    let theirs = prepared_on(database.connect(role::USER)?, "plain")?;
    let outcome = compare(pace, target, ours, theirs)?;
    table::print(
        "P-20",
        "unprotected table, library loaded : not loaded",
        target,
        &outcome,
    );
    Ok(())
}
