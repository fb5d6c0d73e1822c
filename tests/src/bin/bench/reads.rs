//! Reads of single rows by primary key, prepared and planned every time.

use postgres::{Client, SimpleQueryMessage};
use vpd_tests::{Database, Result, role};

use crate::contest::{Pace, Side, Target};
use crate::scene::{self, Scene, VISIBLE};

const P2: Target = Target::rate(0.85, Some(0.92));
const P3: Target = Target::rate(0.75, Some(0.85));
const P4_PREPARED: Target = Target::rate(0.95, Some(1.00));
const P4_SIMPLE: Target = Target::rate(0.90, Some(0.97));
const P20: Target = Target::rate(0.99, Some(1.00));

type Reader = fn(Client, &str) -> Result<Side<'static>>;

/// Measures P-2 to P-4 and P-20.
pub fn measure(scene: &Scene<'_>, pace: &Pace, wanted: &dyn Fn(&str) -> bool) -> Result<()> {
    let rows: [(&str, &str, Target, Reader, &str); 4] = [
        (
            "P-2",
            "read by key, prepared : no row security",
            P2,
            prepared,
            "plain",
        ),
        (
            "P-3",
            "read by key, simple protocol : no row security",
            P3,
            simple,
            "plain",
        ),
        (
            "P-4",
            "read by key, prepared : expert's native policy",
            P4_PREPARED,
            prepared,
            "expert_native",
        ),
        (
            "P-4",
            "read by key, simple protocol : expert's native policy",
            P4_SIMPLE,
            simple,
            "expert_native",
        ),
    ];
    for (id, what, target, read, their_table) in rows {
        if wanted(id) {
            let ours = read(scene.reader()?, "expert")?;
            let theirs = read(scene.native_reader()?, their_table)?;
            scene.row(id, what, pace, target, ours, theirs)?;
        }
    }
    if wanted("P-20") {
        measure_unprotected(scene, pace)?;
    }
    Ok(())
}

/// The library must not cost a table anything that it does not protect.
fn measure_unprotected(scene: &Scene<'_>, pace: &Pace) -> Result<()> {
    // Two servers that differ in nothing else: both new, both with this one table, made in the same way.
    let with = scene::start_server()?;
    let without = scene::start_server_without_library()?;
    let (loaded, bare) = (
        Database::create_bare_in(&with)?,
        Database::create_bare_in(&without)?,
    );
    scene::create_plain_table(&loaded)?;
    scene::create_plain_table(&bare)?;
    let ours = prepared(loaded.connect(role::USER)?, "plain")?;
    let theirs = prepared(bare.connect(role::USER)?, "plain")?;
    let what = "unprotected table, library loaded : not loaded";
    scene.row("P-20", what, pace, P20, ours, theirs)
}

/// Keys of rows of the region, in an order that jumps about.
pub fn keys() -> impl Iterator<Item = i32> {
    (0..VISIBLE).cycle().map(|n| n * 7919 % VISIBLE * 4 + 1)
}

/// Repeats a prepared read by key.
pub fn prepared(mut reader: Client, table: &str) -> Result<Side<'static>> {
    let statement = reader.prepare(&format!(
        "SELECT region, amount, note FROM bench.{table} WHERE id = $1"
    ))?;
    let mut keys = keys();
    Side::repeat(reader, move |reader| {
        let key = keys.next().ok_or("no key")?;
        reader.query_one(&statement, &[&key])?;
        Ok(())
    })
}

/// Repeats a read by key that is planned every time.
pub fn simple(reader: Client, table: &str) -> Result<Side<'static>> {
    let query = format!("SELECT region, amount, note FROM bench.{table} WHERE id = ");
    let mut keys = keys();
    Side::repeat(reader, move |reader| {
        let key = keys.next().ok_or("no key")?;
        let answer = reader.simple_query(&format!("{query}{key}"))?;
        if answer
            .iter()
            .any(|part| matches!(part, SimpleQueryMessage::Row(_)))
        {
            Ok(())
        } else {
            Err("the row was not found".into())
        }
    })
}
