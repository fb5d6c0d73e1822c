//! Definitions and grants that reach few, or that reach many of whom few have the rest of what a rule keeps apart, among more and more users of a thousand
//! roles.

use vpd_tests::{Result, role};

use super::{Row, empty_database, milliseconds, row, sizes};
use crate::graph;
use crate::scene::Scene;

const CHANGES: [(&str, &str); 6] = [
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
        "SELECT vpd.grant_authority('role:role 507', 'user:user 77')",
    ),
    (
        "a role of a rule granted to one user, among users",
        "SELECT vpd.grant_authority('role:role 95', 'user:user 77')",
    ),
    (
        "a rule of duties defined that few can break, among users",
        "SELECT vpd.define_sod_rule('few', '{role:role 1,role:First}')",
    ),
    (
        "a role of a rule granted to everybody, among users",
        "SELECT vpd.grant_authority('role:First', 'group:everybody')",
    ),
];

const RULES: &str = "
SELECT vpd.define_role('First'), vpd.define_role('Second'), vpd.define_group('everybody');
SELECT vpd.define_sod_rule('first', '{role:First,role:Second}')";

/// Everybody is in the group.
const EVERYBODY: &str = "
INSERT INTO vpd_private.authority_grant (holder_id, granted_id, granted_by)
    SELECT u.id, g.id, 'bench' FROM vpd_private.authority u JOIN vpd_private.authority g ON g.kind = 'group' AND g.name = 'everybody' WHERE u.kind = 'user';
SELECT vpd.define_sod_rule('step', ARRAY(SELECT 'role:role ' || n FROM generate_series(91, 100) n), at_most => 9, enforce_existing => false)";

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
            security.batch_execute(RULES)?;
            let mut admin = database.admin()?;
            graph::draw(&mut admin, usize::try_from(size)?)?;
            admin.batch_execute(EVERYBODY)?;
            Ok(milliseconds(graph::median(&mut security, statement)?))
        })?;
    }
    Ok(())
}
