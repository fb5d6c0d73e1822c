//! Definitions and grants that reach few, among more and more users of a thousand roles.

use vpd_tests::{Result, role};

use super::{Row, empty_database, milliseconds, row, sizes};
use crate::graph;
use crate::scene::Scene;

const CHANGES: [(&str, &str); 3] = [
    (
        "a role defined that nobody has, among users",
        "SELECT vpd.define_role('Idle')",
    ),
    (
        "a parametric role defined, among users",
        "SELECT vpd.define_role('Senior', 'parametric', rule => '$.grade > 10')",
    ),
    (
        "a role granted to one user, among users",
        "SELECT vpd.grant_authority('role:role 7', 'user:user 77')",
    ),
];

pub fn measure(scene: &Scene<'_>, largest: u32) -> Result<()> {
    for (what, statement) in CHANGES {
        let line = Row {
            id: "growth",
            what,
            unit: "ms",
            limit: Some(1.3),
        };
        row(scene, &line, &sizes(1_000, largest), |size| {
            let database = empty_database(scene)?;
            let mut security = database.connect(role::SECURITY)?;
            // The connection knows the empty tables.
            graph::median(&mut security, "SELECT vpd.define_role('First')")?;
            graph::draw(&mut database.admin()?, usize::try_from(size)?)?;
            Ok(milliseconds(graph::median(&mut security, statement)?))
        })?;
    }
    Ok(())
}
