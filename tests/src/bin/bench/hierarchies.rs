//! Rows filtered by a hierarchy of 111 000 nodes: scans against a native policy with a sub-query, reads by key with few and with many nodes.

use postgres::Client;
use vpd_tests::{Result, Subject, attach, role};

use crate::contest::{Pace, Side, Target};
use crate::scene::Scene;

const P6: Target = Target::rate(20.0, Some(40.0));
const P7: Target = Target::time(1.5, Some(1.1));

const ROWS: i32 = 1_000_000;

/// The tree of the items, a million rows of stock over them, and what the native policy reads: which nodes are below which, groups' nodes and users' groups.
const TABLES: &str = "
CREATE TABLE bench.node (key text PRIMARY KEY, parent text);
INSERT INTO bench.node SELECT 'company', NULL;
INSERT INTO bench.node SELECT 'division ' || n, 'company' FROM generate_series(0, 4) n;
INSERT INTO bench.node SELECT 'group ' || n, 'division ' || n / 4 FROM generate_series(0, 19) n;
INSERT INTO bench.node SELECT 'department ' || n, 'group ' || n / 5 FROM generate_series(0, 99) n;
INSERT INTO bench.node SELECT 'class ' || n, 'department ' || n / 10 FROM generate_series(0, 999) n;
INSERT INTO bench.node SELECT 'subclass ' || n, 'class ' || n / 10 FROM generate_series(0, 9999) n;
INSERT INTO bench.node SELECT 'item ' || n, 'subclass ' || n / 10 FROM generate_series(0, 99999) n;
CREATE INDEX ON bench.node (parent);
GRANT SELECT ON bench.node TO sec_admin, app_user;
CREATE TABLE bench.below AS
    WITH RECURSIVE up AS (
        SELECT key AS node, key AS above, parent FROM bench.node
         UNION ALL SELECT u.node, n.key, n.parent FROM up u JOIN bench.node n ON n.key = u.parent)
    SELECT node, above FROM up;
CREATE INDEX ON bench.below (above);
GRANT SELECT ON bench.below TO app_user;
CREATE TABLE bench.group_node (group_name text, node text);
CREATE TABLE bench.user_group (user_name text, group_name text);
INSERT INTO bench.group_node
    SELECT 'items ' || g, 'item ' || g * 1000 FROM generate_series(0, 99) g
     UNION ALL SELECT 'subclasses ' || g, 'subclass ' || g * 100 FROM generate_series(0, 99) g
     UNION ALL SELECT 'classes ' || g, 'class ' || g * 10 + n FROM generate_series(0, 99) g, generate_series(0, 2) n
     UNION ALL SELECT 'ten', 'item ' || n * 10000 FROM generate_series(0, 9) n
     UNION ALL SELECT 'ten thousand ' || g, 'item ' || g * 1000 + n * 10 FROM generate_series(0, 99) g, generate_series(0, 99) n;
INSERT INTO bench.user_group
    SELECT regexp_replace(group_name, ' [0-9]+$', ''), group_name FROM (SELECT DISTINCT group_name FROM bench.group_node) g;
CREATE INDEX ON bench.group_node (group_name);
CREATE INDEX ON bench.user_group (user_name);
GRANT SELECT ON bench.group_node, bench.user_group TO app_user;
CREATE TABLE bench.stock AS
    SELECT n AS id, 'item ' || n::bigint * 7919 % 100000 AS item, n % 1000 AS amount, md5(n::text) AS note FROM generate_series(1, ROWS) n;
ALTER TABLE bench.stock ADD PRIMARY KEY (id);
CREATE INDEX ON bench.stock (item);
CREATE TABLE bench.stock_native AS TABLE bench.stock;
ALTER TABLE bench.stock_native ADD PRIMARY KEY (id);
CREATE INDEX ON bench.stock_native (item);
GRANT SELECT ON bench.stock, bench.stock_native TO app_user;
ALTER TABLE bench.stock_native ENABLE ROW LEVEL SECURITY;
";

const NATIVE: &str = "item IN (
    SELECT b.node FROM bench.user_group u JOIN bench.group_node g USING (group_name) JOIN bench.below b ON b.above = g.node
     WHERE u.user_name = current_setting('app.user'))";

const DEFINITIONS: &str = "
SELECT vpd.install_hierarchies();
SELECT vpd.load_nodes('merchandise', 'bench.node', 'key', 'parent');
SELECT vpd.define_data_group(g) FROM (SELECT DISTINCT group_name AS g FROM bench.group_node) g;
SELECT vpd.define_user(u) FROM (SELECT DISTINCT user_name AS u FROM bench.user_group) u;
SELECT vpd.grant_authority('data_group:' || group_name, 'user:' || user_name) FROM bench.user_group;
SELECT vpd.grant_node(group_name, 'merchandise', node) FROM bench.group_node;
SELECT vpd.protect_by_hierarchy('bench.stock', 'merchandise', 'item');
";

/// A user of a hundred groups, and how many rows he sees.
const USERS: [(&str, &str, i64); 3] = [
    ("items", "100 groups of an item, 0.1 % of 1 M rows", 1_000),
    ("subclasses", "100 groups of a subclass, 1 % of 1 M rows", 10_000),
    ("classes", "100 groups of 3 classes, 30 % of 1 M rows", 300_000),
];

/// Measures P-6 and P-7.
pub fn measure(scene: &Scene<'_>, pace: &Pace, wanted: &dyn Fn(&str) -> bool) -> Result<()> {
    if !wanted("P-6") && !wanted("P-7") {
        return Ok(());
    }
    create(scene)?;
    if wanted("P-6") {
        for (user, what, visible) in USERS {
            let ours = scan(reader(scene, user)?, "stock", visible)?;
            let theirs = scan(native_reader(scene, user)?, "stock_native", visible)?;
            scene.row("P-6", &format!("{what} : IN (SELECT …)"), pace, P6, ours, theirs)?;
        }
    }
    if wanted("P-7") {
        let many = read(reader(scene, "ten thousand")?)?;
        let few = read(reader(scene, "ten")?)?;
        let what = "read by key with 10 000 granted nodes : with 10";
        scene.row("P-7", what, pace, P7, many, few)?;
    }
    Ok(())
}

fn create(scene: &Scene<'_>) -> Result<()> {
    let mut admin = scene.database.admin()?;
    admin.batch_execute(&TABLES.replace("ROWS", &ROWS.to_string()))?;
    admin.batch_execute(&format!(
        "CREATE POLICY by_hierarchy ON bench.stock_native USING ({NATIVE})"
    ))?;
    admin.batch_execute("GRANT SELECT ON bench.group_node, bench.user_group TO sec_admin")?;
    scene
        .database
        .connect(role::SECURITY)?
        .batch_execute(DEFINITIONS)?;
    admin.batch_execute("VACUUM ANALYZE")?;
    Ok(())
}

/// A connection of the run-time role in a transaction with the session of a user.
fn reader(scene: &Scene<'_>, name: &str) -> Result<Client> {
    let token = Subject::new(name).log_in(&scene.database)?;
    let mut user = scene.database.connect(role::USER)?;
    user.batch_execute("BEGIN")?;
    attach(&mut user, &token)?;
    Ok(user)
}

fn native_reader(scene: &Scene<'_>, name: &str) -> Result<Client> {
    let mut user = scene.database.connect(role::USER)?;
    user.batch_execute("BEGIN")?;
    user.execute("SELECT set_config('app.user', $1, true)", &[&name])?;
    Ok(user)
}

/// Repeats a prepared query over a whole table.
fn scan(mut reader: Client, table: &str, visible: i64) -> Result<Side<'static>> {
    let statement = reader.prepare(&format!("SELECT count(*), sum(amount) FROM bench.{table}"))?;
    Side::repeat(reader, move |reader| {
        let seen: i64 = reader.query_one(&statement, &[])?.get(0);
        if seen == visible {
            Ok(())
        } else {
            Err(format!("{seen} rows were seen").into())
        }
    })
}

/// Repeats a prepared read by key of a row that the user of few nodes and the one of many see.
fn read(mut reader: Client) -> Result<Side<'static>> {
    let keys: Vec<i32> = reader
        .query(
            "SELECT id FROM bench.stock WHERE item = 'item 10000' OR item = 'item 50000'",
            &[],
        )?
        .iter()
        .map(|row| row.get(0))
        .collect();
    if keys.is_empty() {
        return Err("no row is seen".into());
    }
    let statement = reader.prepare("SELECT amount, note FROM bench.stock WHERE id = $1")?;
    let mut turn = 0;
    Side::repeat(reader, move |reader| {
        turn = (turn + 1) % keys.len();
        reader.query_one(&statement, &[&keys[turn]])?;
        Ok(())
    })
}
