//! A statement on one table under policy, while more and more others are.

use vpd_tests::{Result, Subject, attach, role};

use super::{Row, empty_database, median, row, sizes};
use crate::scene::Scene;

const CALLS: usize = 1_000;

pub fn measure(scene: &Scene<'_>, largest: u32) -> Result<()> {
    let database = empty_database(scene)?;
    let mut admin = database.admin()?;
    let mut user = database.connect(role::USER)?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    admin.batch_execute("CREATE SCHEMA shop; GRANT USAGE ON SCHEMA shop TO PUBLIC")?;
    let mut there = 0;
    let mut protect = |size: u32| -> Result<()> {
        for number in there + 1..=size {
            admin.batch_execute(&format!(
                "CREATE TABLE shop.t{number} (id integer PRIMARY KEY, region text);
                 INSERT INTO shop.t{number} SELECT n, 'East' FROM generate_series(1, 10) n;
                 GRANT SELECT ON shop.t{number} TO app_user;
                 SELECT vpd.add_policy('shop.t{number}', 'by_region', predicate => $$region = vpd.attribute('app', 'region')$$)"
            ))?;
        }
        there = size;
        Ok(())
    };
    let sizes = sizes(1, largest);
    let line = Row {
        id: "P-25",
        what: "a statement (simple protocol), among tables under policy",
        unit: "ms",
        limit: Some(1.1),
    };
    row(scene, &line, &sizes, |size| {
        protect(size)?;
        user.batch_execute("COMMIT; BEGIN")?;
        attach(&mut user, &token)?;
        // The connection has met all of them.
        for number in 1..=size {
            user.simple_query(&format!("SELECT region FROM shop.t{number} WHERE id = 1"))?;
        }
        median(CALLS, |_| {
            user.simple_query("SELECT region FROM shop.t1 WHERE id = 1")?;
            Ok(())
        })
    })
}
