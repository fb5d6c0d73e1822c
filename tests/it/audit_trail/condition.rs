//! Audit policies with a condition: a statement counts from the first row of it on, whoever runs it and however the row gets to it.

use super::scribe::{cluster, stop_scribe};
use super::*;

/// Holds for order 4, of the region North, and for no other.
const CONDITION: &str = "amount BETWEEN 35 AND 45";

/// Ways to come by a row, as a user who sees the region North, and the commands that are recorded for it.
const WAYS: [(&str, &str); 47] = [
    ("SELECT * FROM shop.orders WHERE id = 4", "select"),
    ("SELECT * FROM shop.orders WHERE id = 8", ""),
    // A row that a policy hides is no row.
    ("SELECT * FROM shop.orders WHERE id = 3", ""),
    ("SELECT count(*) FROM shop.orders", "select"),
    ("SELECT max(id) FROM shop.orders WHERE id > 4", ""),
    (
        "SELECT 1 WHERE EXISTS (SELECT FROM shop.orders WHERE id = 4)",
        "select",
    ),
    (
        "SELECT 1 WHERE NOT EXISTS (SELECT FROM shop.orders WHERE id = 4)",
        "select",
    ),
    ("SELECT 1 WHERE EXISTS (SELECT FROM shop.orders WHERE id = 8)", ""),
    ("SELECT (SELECT amount FROM shop.orders WHERE id = 4)", "select"),
    ("SELECT 4 IN (SELECT id FROM shop.orders WHERE id = 4)", "select"),
    ("SELECT 4 NOT IN (SELECT id FROM shop.orders)", "select"),
    (
        "WITH o AS MATERIALIZED (SELECT id FROM shop.orders WHERE id = 4) SELECT * FROM o",
        "select",
    ),
    (
        "WITH o AS (SELECT id FROM shop.orders WHERE id = 8) SELECT * FROM o",
        "",
    ),
    (
        "SELECT * FROM generate_series(3, 5) g LEFT JOIN shop.orders o ON o.id = g",
        "select",
    ),
    (
        "SELECT * FROM generate_series(8, 8) g LEFT JOIN shop.orders o ON o.id = g AND o.id = 8",
        "",
    ),
    (
        "SELECT * FROM shop.orders o FULL JOIN shop.orders p ON o.id = p.id AND o.id = 4",
        "select",
    ),
    (
        "SELECT id FROM shop.orders WHERE id = 4 UNION ALL SELECT 1",
        "select",
    ),
    ("SELECT * FROM shop.orders_view WHERE id = 4", "select"),
    ("SELECT * FROM shop.orders_view WHERE id = 8", ""),
    ("SELECT * FROM shop.one(4)", "select"),
    ("SELECT * FROM shop.one(8)", ""),
    ("SELECT shop.procedural(4)", "select"),
    ("SELECT shop.procedural(8)", ""),
    ("SELECT * FROM shop.orders WHERE id = 4 FOR UPDATE", "select"),
    ("SELECT * FROM shop.orders TABLESAMPLE bernoulli (100)", "select"),
    (
        "SELECT DISTINCT ON (region) id FROM shop.orders ORDER BY region, id LIMIT 1",
        "select",
    ),
    ("SELECT id FROM shop.orders ORDER BY id LIMIT 0", ""),
    (
        "PREPARE p (int) AS SELECT * FROM shop.orders WHERE id = $1; EXECUTE p (8); EXECUTE p (4); DEALLOCATE p",
        "select",
    ),
    (
        "DECLARE c CURSOR FOR SELECT * FROM shop.orders WHERE id IN (4, 8) ORDER BY id DESC; FETCH 1 FROM c; CLOSE c",
        "",
    ),
    (
        "DECLARE c CURSOR FOR SELECT * FROM shop.orders WHERE id IN (4, 8) ORDER BY id DESC; FETCH 2 FROM c; CLOSE c",
        "select",
    ),
    // Two cursors by turns: the row is the first one's.
    (
        "DECLARE c CURSOR FOR SELECT * FROM shop.orders WHERE id = 4; DECLARE d CURSOR FOR SELECT * FROM shop.orders WHERE id = 8; FETCH 1 FROM d; FETCH 1 FROM c; CLOSE d; CLOSE c",
        "select",
    ),
    // A row in a function is the function's query's, and the caller's goes on behind an error that was caught.
    (
        "SELECT id, shop.procedural(8) FROM shop.orders WHERE id IN (4, 8)",
        "select",
    ),
    (
        "SELECT shop.caught(id) FROM shop.orders WHERE id IN (4, 8) ORDER BY id DESC",
        "select",
    ),
    // What tells of a value before the statement drops the row.
    (
        "SELECT * FROM shop.orders WHERE id = 4 AND 1 / (amount - amount) = 1",
        "select",
    ),
    (
        "SELECT * FROM shop.orders WHERE shop.leak(amount) AND id = 4 AND region = 'nowhere'",
        "",
    ),
    ("SELECT * FROM shop.orders WHERE shop.leak(amount)", "select"),
    ("COPY shop.orders TO STDOUT", "select"),
    ("COPY (SELECT * FROM shop.orders WHERE id = 8) TO STDOUT", ""),
    ("INSERT INTO shop.orders VALUES (104, 'North', 40)", "insert"),
    ("INSERT INTO shop.orders VALUES (104, 'North', 4)", ""),
    (
        "INSERT INTO shop.orders SELECT id + 100, region, 1 FROM shop.orders WHERE id = 4",
        "insert select",
    ),
    (
        "INSERT INTO shop.orders VALUES (4, 'North', 1) ON CONFLICT (id) DO UPDATE SET amount = 1",
        "select insert update",
    ),
    ("UPDATE shop.orders SET amount = 1 WHERE id = 4", "select update"),
    ("UPDATE shop.orders SET amount = 40 WHERE id = 8", "select update"),
    ("UPDATE shop.orders SET amount = 1 WHERE id = 8", ""),
    ("DELETE FROM shop.orders WHERE id = 4", "select delete"),
    ("DELETE FROM shop.orders WHERE id = 8", ""),
];

const SETUP: &str = "
    CREATE VIEW shop.orders_view WITH (security_invoker = on) AS SELECT id, amount FROM shop.orders;
    CREATE FUNCTION shop.one(wanted int) RETURNS SETOF int STABLE LANGUAGE sql AS 'SELECT amount FROM shop.orders WHERE id = wanted';
    CREATE FUNCTION shop.procedural(wanted int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT amount FROM shop.orders WHERE id = wanted); END';
    CREATE FUNCTION shop.caught(wanted int) RETURNS int LANGUAGE plpgsql AS
        'BEGIN RETURN (SELECT 1 / (amount - amount) FROM shop.orders WHERE id = 8); EXCEPTION WHEN division_by_zero THEN RETURN wanted; END';
    CREATE FUNCTION shop.leak(value int) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS 'BEGIN RAISE NOTICE ''%'', value; RETURN false; END';
    GRANT SELECT ON shop.orders_view TO app_user";

fn commands(database: &Database<'_>, behind: i64) -> Result<String> {
    let told = told(database, behind)?;
    let commands: Vec<&str> = told
        .iter()
        .filter(|one| one.0 == "data")
        .filter_map(|one| one.3.as_deref())
        .collect();
    Ok(commands.join(" "))
}

#[test]
fn a_statement_counts_from_the_first_row_of_the_condition_on() -> Result<()> {
    let database = Database::create()?;
    create_protected_orders(&database)?;
    database.admin()?.batch_execute(SETUP)?;
    let mut security = database.connect(role::SECURITY)?;
    security.execute(
        "SELECT vpd.add_audit_policy('shop.orders', 'some', condition => $1, commands => '{select,insert,update,delete}')",
        &[&CONDITION],
    )?;
    let token = Subject::in_region("alice", "North").log_in(&database)?;
    for settings in [
        "",
        "SET plan_cache_mode = force_generic_plan; SET enable_indexscan = off; SET enable_bitmapscan = off",
    ] {
        for (way, expected) in WAYS {
            // Sorted without an index all of them come by.
            let expected = if way.contains("ORDER BY id DESC; FETCH 1") && !settings.is_empty() {
                "select"
            } else {
                expected
            };
            let behind = last(&database)?;
            let mut user = database.connect(role::USER)?;
            user.batch_execute(settings)?;
            user.batch_execute("BEGIN")?;
            attach(&mut user, &token)?;
            let outcome = run(&mut user, way);
            user.batch_execute("ROLLBACK")?;
            assert_eq!(
                commands(&database, behind)?,
                expected,
                "{settings} {way} {outcome:?}"
            );
        }
    }
    Ok(())
}

/// Runs statements, and takes what COPY sends.
fn run(client: &mut Client, text: &str) -> Result<()> {
    if text.starts_with("COPY") {
        std::io::Read::read_to_end(&mut client.copy_out(text)?, &mut Vec::new())?;
    } else {
        client.batch_execute(text)?;
    }
    Ok(())
}

#[test]
fn whoever_is_above_policies_counts_and_so_do_parts_merges_and_cascades() -> Result<()> {
    let database = Database::create()?;
    let mut admin = database.admin()?;
    admin.batch_execute(
        "CREATE TABLE p (id int PRIMARY KEY, note text) PARTITION BY RANGE (id); CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);
         CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (20); INSERT INTO p VALUES (1, 'a'), (2, 'b'), (6, 'f'), (11, 'a');
         CREATE TABLE c (id int REFERENCES p ON DELETE CASCADE, kind text); INSERT INTO c VALUES (1, 'x'), (2, 'y');
         SELECT vpd.add_audit_policy('p', 'some', condition => 'note = ''a''', commands => '{select,insert,update,delete}'),
                vpd.add_audit_policy('p2', 'own', condition => 'false'),
                vpd.add_audit_policy('c', 'gone', condition => 'kind = ''x''', commands => '{delete}')",
    )?;
    for (way, expected) in [
        ("SELECT * FROM p WHERE id = 1", "select"),
        ("SELECT * FROM p WHERE id = 2", ""),
        ("SELECT * FROM p1 WHERE id = 1", "select"),
        ("SELECT * FROM p1 WHERE id = 2", ""),
        ("SELECT * FROM p2", "select"),
        // The condition of a part is not asked through what it is a part of.
        ("SELECT * FROM p WHERE id = 12", "select"),
        ("INSERT INTO p VALUES (3, 'a')", "insert"),
        ("INSERT INTO p1 VALUES (4, 'a')", "insert"),
        ("INSERT INTO p1 VALUES (5, 'c')", ""),
        ("UPDATE p SET id = 15, note = 'a' WHERE id = 6", "select update"),
        (
            "MERGE INTO p USING (VALUES (1)) v (id) ON p.id = v.id WHEN MATCHED THEN UPDATE SET note = 'z'",
            "select update",
        ),
        (
            "MERGE INTO p1 USING (VALUES (7)) v (id) ON p1.id = v.id WHEN NOT MATCHED THEN INSERT VALUES (7, 'a')",
            "select insert",
        ),
        ("TRUNCATE p1 CASCADE", "delete delete"),
    ] {
        admin.batch_execute("BEGIN")?;
        let behind = last(&database)?;
        let outcome = admin.batch_execute(way);
        admin.batch_execute("ROLLBACK")?;
        let mut commands = commands(&database, behind)?;
        // The server looks at the table again when somebody changed something meanwhile: then it is told twice.
        if way.starts_with("TRUNCATE") {
            commands.truncate(expected.len());
        }
        assert_eq!(commands, expected, "{way} {outcome:?}");
    }
    let rows = |way: &str| -> Result<String> {
        let mut admin = database.admin()?;
        admin.batch_execute("BEGIN")?;
        let behind = last(&database)?;
        admin.batch_execute(way)?;
        admin.batch_execute("ROLLBACK")?;
        let told = told(&database, behind)?;
        let of_c = told
            .iter()
            .filter(|one| one.0 == "data" && one.4.as_deref() == Some("public.c"));
        Ok(of_c.filter_map(|one| one.3.clone()).collect::<Vec<_>>().join(" "))
    };
    assert_eq!(rows("DELETE FROM p WHERE id = 1")?, "delete", "a cascade");
    assert_eq!(rows("DELETE FROM p WHERE id = 2")?, "", "a cascade");
    Ok(())
}

#[test]
fn open_connections_follow_and_masks_hide_nothing_from_it() -> Result<()> {
    let database = Database::create()?;
    create_protected_orders(&database)?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute("SELECT vpd.add_mask('shop.orders', 'amount', '0')")?;
    let token = Subject::in_region("alice", "North").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    user.batch_execute(
        "SET plan_cache_mode = force_generic_plan; PREPARE p AS SELECT amount FROM shop.orders WHERE id = 4",
    )?;
    let mut read = || -> Result<i32> {
        let mut transaction = user.transaction()?;
        attach(&mut transaction, &token)?;
        let row = transaction.query_one("EXECUTE p", &[])?;
        transaction.commit()?;
        Ok(row.get(0))
    };
    let add = |condition: &str| -> Result<()> {
        database.connect(role::SECURITY)?.execute(
            "SELECT vpd.add_audit_policy('shop.orders', 'some', condition => $1)",
            &[&condition],
        )?;
        Ok(())
    };
    assert_eq!(read()?, 0, "masked");
    for (condition, expected) in [
        (CONDITION, "select"),
        ("amount = 0", ""),
        ("vpd.user_name() = 'alice'", "select"),
        ("vpd.user_name() = 'bob'", ""),
    ] {
        add(condition)?;
        let behind = last(&database)?;
        read()?;
        assert_eq!(commands(&database, behind)?, expected, "{condition}");
        security.batch_execute("SELECT vpd.drop_audit_policy('shop.orders', 'some')")?;
        let behind = last(&database)?;
        read()?;
        assert_eq!(commands(&database, behind)?, "", "dropped: {condition}");
    }
    Ok(())
}

#[test]
fn what_cannot_be_understood_any_more_counts_for_every_row() -> Result<()> {
    let database = Database::create()?;
    let mut admin = database.admin()?;
    admin.batch_execute(
        "CREATE TABLE t (id int, note text, grade int); INSERT INTO t VALUES (1, 'x', 5);
         SELECT vpd.add_audit_policy('t', 'some', condition => 'note = ''y'' OR grade > 7')",
    )?;
    let mut told_of = |command: &str| -> Result<String> {
        admin.batch_execute(command)?;
        let behind = last(&database)?;
        admin.batch_execute("SELECT id FROM t")?;
        commands(&database, behind)
    };
    assert_eq!(told_of("SELECT 1")?, "", "control");
    assert_eq!(told_of("ALTER TABLE t ALTER grade TYPE text")?, "select");
    assert_eq!(told_of("ALTER TABLE t ALTER grade TYPE bigint USING 5")?, "");
    assert_eq!(told_of("ALTER TABLE t DROP note")?, "select");
    Ok(())
}

/// Conditions that are refused: SQLSTATE, condition.
const REFUSED: [(&str, &str); 21] = [
    ("22023", "amount::float8::text = '1'"),
    ("22023", "quote_ident(region) = 'x'"),
    ("22023", "convert_to(region, 'UTF8')::text = 'x'"),
    (
        "22023",
        "('2026-01-01 00:00'::timestamp AT TIME ZONE region) IS NULL",
    ),
    ("42601", "amount > 1; DROP TABLE shop.orders"),
    ("42601", "amount > 1 FROM shop.orders"),
    ("42601", ""),
    ("22023", "amount > (SELECT 1)"),
    ("22023", "EXISTS (SELECT FROM pg_class)"),
    ("22023", "colour = 'red'"),
    ("22023", "amount"),
    ("22023", "count(*) > 1"),
    ("22023", "amount = $1"),
    ("22023", "row_number() OVER () = 1"),
    ("22023", "shop.mine(amount)"),
    ("22023", "amount OPERATOR(shop.==>) 1"),
    ("22023", "amount::text::shop.checked = 'x'"),
    ("22023", "ROW(amount)::shop.pair IS NULL"),
    ("22023", "'[1,2)'::shop.span @> 1.0::float8"),
    ("22023", "CAST(shop.orders AS text) = 'x'"),
    ("22023", "ARRAY[amount::text]::shop.checked[] IS NULL"),
];

#[test]
fn a_condition_runs_nobodys_code() -> Result<()> {
    let database = Database::create()?;
    create_protected_orders(&database)?;
    let mut admin = database.admin()?;
    admin.batch_execute(
        "GRANT CREATE, USAGE ON SCHEMA shop TO app_stranger; GRANT SELECT ON shop.orders TO app_stranger",
    )?;
    database.connect(role::STRANGER)?.batch_execute(
        "CREATE FUNCTION shop.mine(int) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RAISE NOTICE ''ran as %'', current_user; RETURN true; END';
         CREATE FUNCTION shop.arrow(int, int) RETURNS boolean LANGUAGE sql AS 'SELECT true';
         CREATE OPERATOR shop.==> (FUNCTION = shop.arrow, LEFTARG = int, RIGHTARG = int);
         CREATE DOMAIN shop.checked AS text CHECK (shop.mine(length(VALUE)));
         CREATE TYPE shop.pair AS (a int); CREATE TYPE shop.span AS RANGE (subtype = float8); GRANT USAGE ON TYPE shop.checked, shop.pair, shop.span TO PUBLIC",
    )?;
    let mut security = database.connect(role::SECURITY)?;
    let mut add = |condition: &str| {
        security.execute(
            "SELECT vpd.add_audit_policy('shop.orders', 'some', condition => $1)",
            &[&condition],
        )
    };
    for (state, condition) in REFUSED {
        assert_refused(add(condition), state, "predicate_invalid");
    }
    assert_refused(
        add(&format!("amount > 1 AND {}true", "true AND ".repeat(10_000))),
        "22023",
        "predicate_invalid",
    );
    // control: what is the server's own is called
    add("length(region) > 1")?;
    let behind = last(&database)?;
    admin.batch_execute("SELECT * FROM shop.orders")?;
    assert_eq!(commands(&database, behind)?, "select");
    Ok(())
}

#[test]
fn under_a_strict_one_the_first_row_of_it_needs_the_scribe() -> Result<()> {
    let cluster = cluster("vpd.audit_wait = '500ms'")?;
    let database = Database::create_in(&cluster)?;
    create_protected_orders(&database)?;
    database.connect(role::SECURITY)?.execute(
        "SELECT vpd.add_audit_policy('shop.orders', 'some', condition => $1, mode => 'strict')",
        &[&CONDITION],
    )?;
    let mut admin = database.admin()?;
    let behind = last(&database)?;
    admin.batch_execute("SELECT * FROM shop.orders WHERE id = 4; SELECT * FROM shop.orders WHERE id = 8")?;
    assert_eq!(events(&told(&database, behind)?), ["data.begin", "data"]);
    let stopped = stop_scribe(&database)?;
    let other = admin.query("SELECT * FROM shop.orders WHERE id = 8", &[])?;
    assert_eq!(other.len(), 1, "nobody asks for it");
    assert_refused(
        admin.query("SELECT * FROM shop.orders WHERE id = 4", &[]),
        "55000",
        "audit_unavailable",
    );
    drop(stopped);
    Ok(())
}
