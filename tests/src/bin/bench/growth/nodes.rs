//! What a backend needs of its own, and how long its first look takes, with larger and larger hierarchies.

use std::fs;
use std::time::Instant;

use vpd_tests::{Result, Subject, attach, role};

use super::{Row, empty_database, milliseconds, row, sizes};
use crate::contest::backend;
use crate::scene::Scene;
use crate::table;

/// Ten items a subclass, ten subclasses a class, and so on.
const NODES: &str = "
DROP TABLE IF EXISTS shop.node;
CREATE TABLE shop.node AS
    SELECT 'item ' || n AS key, 'subclass ' || n / 10 AS parent FROM generate_series(0, SIZE) n
     UNION ALL SELECT 'subclass ' || n, 'class ' || n / 10 FROM generate_series(0, SIZE / 10) n
     UNION ALL SELECT 'class ' || n, 'department ' || n / 10 FROM generate_series(0, SIZE / 100) n
     UNION ALL SELECT 'department ' || n, 'group ' || n / 10 FROM generate_series(0, SIZE / 1000) n
     UNION ALL SELECT 'group ' || n, 'division ' || n / 10 FROM generate_series(0, SIZE / 10000) n
     UNION ALL SELECT 'division ' || n, 'company' FROM generate_series(0, SIZE / 100000) n
     UNION ALL SELECT 'company', NULL;
SELECT vpd.load_nodes('merchandise', 'shop.node', 'key', 'parent');
";

const LOOK: &str = "SELECT vpd.sees_node('merchandise', 'item 7'::text)";

/// What a backend may need for any number of nodes.
const LIMIT: f64 = 4.0;

pub fn measure(scene: &Scene<'_>, largest: u32) -> Result<()> {
    let database = empty_database(scene)?;
    let mut admin = database.admin()?;
    admin.batch_execute(
        "CREATE SCHEMA shop;
         SELECT vpd.install_hierarchies(), vpd.define_data_group('some'), vpd.define_user('alice');
         SELECT vpd.grant_authority('data_group:some', 'user:alice')",
    )?;
    let mut times = Vec::new();
    let line = Row {
        id: "P-25",
        what: "private memory of a backend, with nodes of a hierarchy",
        unit: "MiB",
        limit: None,
    };
    let mut most: f64 = 0.0;
    row(scene, &line, &sizes(1_000, largest), |size| {
        // A tenth of the items come with the nodes above them.
        admin.batch_execute(&NODES.replace("SIZE", &(size * 9 / 10).to_string()))?;
        admin.execute("SELECT vpd.grant_node('some', 'merchandise', 'class 0')", &[])?;
        let token = Subject::new("alice").log_in(&database)?;
        let mut user = database.connect(role::USER)?;
        let process = backend(&mut user)?;
        user.batch_execute("BEGIN")?;
        attach(&mut user, &token)?;
        user.query("SELECT vpd.is_established()", &[])?;
        let before = private_mebibytes(process)?;
        let start = Instant::now();
        user.query(LOOK, &[])?;
        times.push(format!("{size}: {:.1}", milliseconds(start.elapsed())));
        most = most.max(private_mebibytes(process)? - before);
        Ok(private_mebibytes(process)? - before)
    })?;
    let verdict = if most <= LIMIT { "met" } else { "MISSED" };
    table::print_note(&format!("at most {LIMIT} MiB: {verdict}"));
    table::print_note(&format!("its first look, ms: {}", times.join(", ")));
    Ok(())
}

/// What a process has for itself alone.
fn private_mebibytes(process: i32) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let kilobytes = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:")?.split_whitespace().next())
        .ok_or("the kernel does not tell")?;
    Ok(kilobytes.parse::<f64>()? / 1024.0)
}
