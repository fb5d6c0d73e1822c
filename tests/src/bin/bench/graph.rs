//! Changes and questions of a large graph: 100 000 users and 1 000 roles. No twin: what counts is that each takes as long as what it concerns is large.

use std::time::{Duration, Instant};

use postgres::Client;
use vpd_tests::{Result, role};

use crate::contest::Pace;
use crate::scene::Scene;
use crate::table;

/// Ten roles for each user, of which every tenth is in ten steps of ten; a rule of duties over the ten of the last step.
const GRAPH: &str = "
SELECT vpd.define_hierarchy('places', '{place}'), vpd.define_node('places', 'north', level => 'place'), vpd.define_data_group('North');
SELECT vpd.grant_node('North', 'places', 'north');
SELECT vpd.define_role('role ' || n) FROM generate_series(1, 1000) n;
INSERT INTO vpd_private.authority (kind, name) SELECT 'user', 'user ' || n FROM generate_series(1, USERS) n;
INSERT INTO vpd_private.user_account (user_id, source, attributes)
    SELECT id, 'local', jsonb_build_object('grade', id % 10) FROM vpd_private.authority WHERE kind = 'user';
CREATE TEMP TABLE role AS SELECT id, substr(name, 6)::integer AS n FROM vpd_private.authority WHERE kind = 'role' AND name LIKE 'role %';
INSERT INTO vpd_private.authority_grant (holder_id, granted_id, granted_by)
    SELECT u.id, r.id, 'bench'
      FROM vpd_private.authority u
     CROSS JOIN generate_series(0, 9) k
      JOIN role r ON r.n = 101 + (u.id * 7 + k * 97) % 900
     WHERE u.kind = 'user';
INSERT INTO vpd_private.authority_grant (holder_id, granted_id, granted_by)
    SELECT above.id, below.id, 'bench'
      FROM role above
      JOIN role below ON (below.n - 1) / 10 = (above.n - 1) / 10 + 1 AND below.n <= 100;
INSERT INTO vpd_private.authority_grant (holder_id, granted_id, granted_by)
    SELECT r.id, t.id, 'bench' FROM role r JOIN role t ON t.n <= 10 WHERE r.n BETWEEN 101 AND 110;
INSERT INTO vpd_private.authority_grant (holder_id, granted_id, granted_by)
    SELECT r.id, g.id, 'bench' FROM role r JOIN vpd_private.authority g ON g.kind = 'data_group' AND g.name = 'North' WHERE r.n BETWEEN 91 AND 100;
";

const RULE: &str = "SELECT vpd.define_sod_rule('step', ARRAY(SELECT 'role:role ' || n FROM generate_series(91, 100) n), at_most => 9, enforce_existing => false)";

/// What is measured, with what is to be there before.
const QUESTIONS: [(&str, &str); 6] = [
    (
        "a grant to a user, under a rule of duties",
        "SELECT vpd.grant_authority('role:role 7', 'user:user 77')",
    ),
    (
        "a parametric role defined that no rule concerns",
        "SELECT vpd.define_role('Senior', 'parametric', rule => '$.grade > 5')",
    ),
    ("a rule of duties looked at for everybody", RULE),
    (
        "the conflicts of everybody",
        "SELECT count(*) FROM vpd.sod_conflicts",
    ),
    (
        "entitlements_at of a user",
        "SELECT count(*) FROM vpd.entitlements_at('user 77')",
    ),
    (
        "who_can_see",
        "SELECT count(*) FROM vpd.who_can_see('places', 'north')",
    ),
];

/// Measures each of them, in a transaction that is taken back.
pub fn measure(scene: &Scene<'_>, _pace: &Pace, wanted: &dyn Fn(&str) -> bool) -> Result<()> {
    if !wanted("graph") {
        return Ok(());
    }
    let mut admin = scene.database.admin()?;
    draw(&mut admin, 100_000)?;
    admin.batch_execute("VACUUM ANALYZE")?;
    let mut security = scene.database.connect(role::SECURITY)?;
    security.batch_execute(RULE)?;
    for (what, statement) in QUESTIONS {
        match scene.bound.within(|| median(&mut security, statement))? {
            Some(time) => {
                let milliseconds = time.as_secs_f64() * 1e3;
                table::print_figure("graph", what, &format!("{milliseconds:.1} ms"), "");
            }
            None => table::print_endless("graph", what, scene.bound.limit()),
        }
    }
    Ok(())
}

/// Makes the graph with so many users.
pub fn draw(admin: &mut Client, users: usize) -> Result<()> {
    let script = GRAPH.replace("USERS", &users.to_string());
    for statement in script
        .split(";\n")
        .filter(|statement| !statement.trim().is_empty())
    {
        admin.batch_execute(statement)?;
    }
    Ok(())
}

/// The median of the times that a statement takes which is taken back.
pub fn median(client: &mut Client, statement: &str) -> Result<Duration> {
    let mut times = Vec::new();
    for _ in 0..5 {
        let mut transaction = client.transaction()?;
        let start = Instant::now();
        transaction.query(statement, &[])?;
        times.push(start.elapsed());
        transaction.rollback()?;
    }
    times.sort_unstable();
    Ok(times[times.len() / 2])
}
