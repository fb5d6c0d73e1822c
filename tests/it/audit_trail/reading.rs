//! Reading and writing of tables under audit policies.

use super::scribe::cluster;
use super::*;

/// Ways to read or write a table under an audit policy, as a user with a session, and what of it is recorded: command and verdict.
const WAYS: [(&str, &str); 19] = [
    ("SELECT * FROM shop.orders", "select ok 10"),
    ("TABLE shop.orders LIMIT 3", "select ok 3"),
    (
        "SELECT count(*) FROM shop.orders o JOIN shop.orders p USING (id)",
        "select ok 1",
    ),
    ("SELECT EXISTS (SELECT FROM shop.orders)", "select ok 1"),
    (
        "WITH o AS (SELECT id FROM shop.orders) SELECT * FROM o",
        "select ok 10",
    ),
    (
        "PREPARE p AS SELECT * FROM shop.orders; EXECUTE p; DEALLOCATE p",
        "select ok 10",
    ),
    (
        "DECLARE c CURSOR FOR SELECT * FROM shop.orders; FETCH 4 FROM c; CLOSE c",
        "select ok 4",
    ),
    (
        "DECLARE c CURSOR FOR SELECT * FROM shop.orders; FETCH 4 FROM c",
        "select closed 4",
    ),
    ("DO $$BEGIN PERFORM FROM shop.orders; END$$", "select ok 10"),
    ("COPY shop.orders TO STDOUT", "select ok 10"),
    ("COPY (SELECT id FROM shop.orders) TO STDOUT", "select ok 10"),
    ("SELECT * FROM shop.orders_view", "select ok 10"),
    ("SELECT 1 / (id - id) FROM shop.orders", "select 22012"),
    (
        "EXPLAIN (ANALYZE, TIMING off) SELECT * FROM shop.orders",
        "select ok 10",
    ),
    ("UPDATE shop.orders SET amount = 1", "update ok 10"),
    ("DELETE FROM shop.orders WHERE false", "delete ok 0"),
    ("INSERT INTO shop.orders VALUES (900, 'North', 1)", "insert ok 1"),
    ("INSERT INTO shop.orders VALUES (901, 'East', 1)", "insert 44000"),
    ("SELECT count(*) FROM shop.other", ""),
];

#[test]
fn there_is_no_way_around_an_audit_policy() -> Result<()> {
    let database = Database::create()?;
    create_protected_orders(&database)?;
    database.admin()?.batch_execute(
        "CREATE VIEW shop.orders_view WITH (security_invoker = on) AS SELECT id FROM shop.orders; CREATE TABLE shop.other (id int);
         GRANT SELECT ON shop.orders_view, shop.other TO app_user",
    )?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute(
        "SELECT vpd.add_audit_policy('shop.orders', 'all', commands => '{select,insert,update,delete}')",
    )?;
    let token = Subject::in_region("alice", "North").log_in(&database)?;
    for (way, expected) in WAYS {
        let behind = last(&database)?;
        let mut user = database.connect(role::USER)?;
        user.batch_execute("BEGIN")?;
        attach(&mut user, &token)?;
        let _ = run(&mut user, way);
        user.batch_execute("ROLLBACK")?;
        let told = told(&database, behind)?;
        let told: Vec<String> = told
            .iter()
            .filter(|one| one.0 == "data")
            .map(|(_, verdict, _, command, _, rows)| {
                let rows = rows.map(|rows| format!(" {rows}")).unwrap_or_default();
                format!("{} {verdict}{rows}", command.as_deref().unwrap_or_default())
            })
            .collect();
        assert_eq!(told.join("|"), expected, "{way}");
    }
    // control: without the policy nothing is recorded
    security.batch_execute("SELECT vpd.enable_audit_policy('shop.orders', 'all', false)")?;
    let behind = last(&database)?;
    database.admin()?.batch_execute("SELECT * FROM shop.orders")?;
    assert_eq!(told(&database, behind)?, []);
    Ok(())
}

/// Runs statements one by one, and takes what COPY sends.
fn run(client: &mut Client, text: &str) -> Result<()> {
    if text.starts_with("COPY") {
        let mut sent = Vec::new();
        std::io::Read::read_to_end(&mut client.copy_out(text)?, &mut sent)?;
    } else {
        client.batch_execute(text)?;
    }
    Ok(())
}

#[test]
fn whoever_is_above_policies_is_recorded_and_so_are_partitions() -> Result<()> {
    let database = Database::create()?;
    let mut admin = database.admin()?;
    admin.batch_execute(
        "CREATE TABLE t (id int, note text) PARTITION BY RANGE (id);
         CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (10); INSERT INTO t VALUES (1, 'x');
         SELECT vpd.add_audit_policy('t', 'notes', columns => '{note}', commands => '{select,insert,delete}')",
    )?;
    for (way, expected) in [
        ("SELECT note FROM t", "public.t select"),
        ("SELECT t FROM t", "public.t select"),
        ("SELECT id FROM t", ""),
        ("SELECT id FROM t WHERE note = 'x'", "public.t select"),
        ("SELECT note FROM t1", "public.t1 select"),
        ("COPY t1 TO '/dev/null'", "public.t1 select"),
        ("INSERT INTO t (id) VALUES (2)", ""),
        ("INSERT INTO t (note, id) VALUES ('y', 2)", "public.t insert"),
        ("DELETE FROM t WHERE id = 2", "public.t delete"),
        ("TRUNCATE t1", "public.t1 delete"),
    ] {
        let behind = last(&database)?;
        admin.batch_execute(way)?;
        let told = told(&database, behind)?;
        let told: Vec<String> = told
            .iter()
            .filter(|one| one.0 == "data")
            .map(|one| {
                format!(
                    "{} {}",
                    one.4.as_deref().unwrap_or_default(),
                    one.3.as_deref().unwrap_or_default()
                )
            })
            .collect();
        assert_eq!(told.join("|"), expected, "{way}");
    }
    Ok(())
}

#[test]
fn a_record_says_which_predicates_were_applied() -> Result<()> {
    let database = Database::create()?;
    create_protected_orders(&database)?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute("SELECT vpd.add_audit_policy('shop.orders', 'reads')")?;
    let token = Subject::in_region("alice", "North").log_in(&database)?;
    let applied = || -> Result<String> {
        let mut user = database.connect(role::USER)?;
        let mut transaction = user.transaction()?;
        attach(&mut transaction, &token)?;
        transaction.batch_execute("SELECT count(*) FROM shop.orders")?;
        transaction.commit()?;
        let behind = last(&database)?;
        let row = database.connect(role::AUDITOR)?.query_one(
            "SELECT predicates::text FROM vpd.audit_trail WHERE event = 'data' AND sequence <= $1 ORDER BY sequence DESC LIMIT 1",
            &[&behind],
        )?;
        Ok(row.get(0))
    };
    let hash: String = database
        .admin()?
        .query_one(
            "SELECT encode(sha256($1::text::bytea), 'hex')",
            &[&"region = vpd.attribute('app', 'region')"],
        )?
        .get(0);
    assert_eq!(
        applied()?,
        format!("[{{\"hash\": \"{hash}\", \"policy\": \"by_region\", \"version\": 1}}]")
    );
    security.batch_execute("SELECT vpd.alter_policy('shop.orders', 'by_region', predicate => 'false')")?;
    let other = applied()?;
    assert!(
        other.contains("\"version\": 2") && !other.contains(&hash),
        "{other}"
    );
    Ok(())
}

#[test]
fn on_a_standby_reading_is_written_to_the_log() -> Result<()> {
    let primary = cluster("")?;
    let database = Database::create_in(&primary)?;
    create_protected_orders(&database)?;
    database
        .connect(role::SECURITY)?
        .batch_execute("SELECT vpd.add_audit_policy('shop.orders', 'reads', mode => 'strict')")?;
    let token = Subject::in_region("alice", "North").log_in(&database)?;
    let standby = primary.start_standby()?;
    let mut user = standby.config(role::USER, database.name()).connect(NoTls)?;
    until(
        "the session has arrived",
        || Ok(attach(&mut user, &token).is_ok()),
    )?;
    let mut transaction = user.transaction()?;
    attach(&mut transaction, &token)?;
    transaction.batch_execute("SELECT count(*) FROM shop.orders")?;
    transaction.commit()?;
    let log = std::fs::read_to_string(standby.log())?;
    let line = log
        .lines()
        .find(|line| line.contains("pg_vpd audit:"))
        .ok_or("no line")?;
    assert!(
        line.contains("\"user_name\":\"alice\"") && line.contains("shop.orders"),
        "{line}"
    );
    Ok(())
}

#[test]
fn a_policy_that_comes_after_another_change_is_followed_by_open_connections() -> Result<()> {
    let database = Database::create()?;
    create_protected_orders(&database)?;
    let mut admin = database.admin()?;
    admin.batch_execute("CREATE TABLE shop.late (id int); GRANT SELECT ON shop.late TO app_user")?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute("SELECT vpd.add_audit_policy('shop.orders', 'reads')")?;
    let mut user = database.connect(role::USER)?;
    user.batch_execute("SELECT * FROM shop.late; SELECT * FROM shop.orders")?;
    admin.batch_execute("ANALYZE shop.orders")?;
    security.batch_execute("SELECT vpd.add_audit_policy('shop.late', 'reads')")?;
    let behind = last(&database)?;
    user.batch_execute("SELECT * FROM shop.late")?;
    let told = told(&database, behind)?;
    assert_eq!(told.len(), 1, "{told:?}");
    Ok(())
}

#[test]
fn a_function_in_a_parallel_worker_reads_nothing_unrecorded() -> Result<()> {
    let database = Database::create()?;
    let mut admin = database.admin()?;
    admin.batch_execute(
        "CREATE TABLE public.audited (note text); INSERT INTO public.audited VALUES ('secret'); GRANT SELECT ON public.audited TO PUBLIC;
         GRANT CREATE ON SCHEMA public TO app_stranger",
    )?;
    let mut stranger = database.connect(role::STRANGER)?;
    stranger.batch_execute(
        "CREATE FUNCTION public.peek(i int) RETURNS text LANGUAGE plpgsql PARALLEL SAFE
             AS 'BEGIN RETURN (SELECT string_agg(note, '','') FROM public.audited); END';
         SET force_parallel_mode = on; SET max_parallel_workers_per_gather = 2; SET parallel_setup_cost = 0",
    )?;
    let peek = "SELECT public.peek(1)";
    let seen: String = stranger.query_one(peek, &[])?.get(0);
    assert_eq!(seen, "secret", "control: it works in a worker");
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute("SELECT vpd.add_audit_policy('public.audited', 'reads', mode => 'strict')")?;
    assert_refused(stranger.query(peek, &[]), "0A000", "parallel_worker");
    Ok(())
}

#[test]
fn a_part_is_recorded_however_it_is_reached() -> Result<()> {
    let database = Database::create()?;
    let mut admin = database.admin()?;
    admin.batch_execute(
        "CREATE TABLE p (id int) PARTITION BY RANGE (id); CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);
         CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (20); INSERT INTO p VALUES (1), (11);
         CREATE TABLE a (id int); CREATE TABLE mine (id int); INSERT INTO a VALUES (1);
         SELECT vpd.add_audit_policy('p1', 'reads'), vpd.add_audit_policy('a', 'all', commands => '{select,update,delete}')",
    )?;
    for (way, expected) in [
        ("SELECT * FROM p", "data public.p1 select"),
        ("SELECT * FROM p WHERE id > 10", ""),
        ("SELECT * FROM p1", "data public.p1 select"),
        ("ALTER TABLE a INHERIT mine", "data.command public.a alter table"),
        ("SELECT * FROM mine", "data public.a select"),
        (
            "UPDATE mine SET id = id",
            "data public.a select|data public.a update",
        ),
        (
            "ALTER TABLE a ADD CHECK (id > 0)",
            "data.command public.a alter table",
        ),
        ("CREATE INDEX ON a (id)", "data.command public.a create index"),
        (
            "ALTER TABLE p DETACH PARTITION p1",
            "data.command public.p1 alter table",
        ),
        ("DROP TABLE p1", "data.command public.p1 drop table"),
    ] {
        let behind = last(&database)?;
        admin.batch_execute(way)?;
        let told = told(&database, behind)?;
        let told: Vec<String> = told
            .iter()
            .map(|one| {
                format!(
                    "{} {} {}",
                    one.0,
                    one.4.as_deref().unwrap_or_default(),
                    one.3.as_deref().unwrap_or_default()
                )
            })
            .collect();
        assert_eq!(told.join("|"), expected, "{way}");
    }
    Ok(())
}

#[test]
fn a_record_tells_who_and_how_many_also_of_what_does_not_end() -> Result<()> {
    let database = Database::create()?;
    let mut admin = database.admin()?;
    admin.batch_execute(
        "CREATE TABLE a AS SELECT generate_series(1, 20) AS id; GRANT SELECT, DELETE ON a TO app_stranger;
         SELECT vpd.add_audit_policy('a', 'all', commands => '{select,update,delete}')",
    )?;
    for (way, expected) in [
        (
            "BEGIN; DECLARE c CURSOR FOR SELECT id FROM a; FETCH ALL FROM c; ROLLBACK",
            "select closed 20",
        ),
        (
            "BEGIN; DECLARE c CURSOR FOR SELECT id FROM a; FETCH 10 FROM c; FETCH 1 FROM c; COMMIT",
            "select ok 11",
        ),
        (
            "DO $$DECLARE r record; BEGIN FOR r IN SELECT id FROM a LOOP END LOOP; END$$",
            "select ok 20",
        ),
        (
            "BEGIN; WITH d AS (DELETE FROM a RETURNING *) SELECT 1 WHERE false; ROLLBACK",
            "select ok 0|delete ok ",
        ),
        ("TRUNCATE a", ""),
    ] {
        let behind = last(&database)?;
        let _ = database.connect(role::STRANGER)?.batch_execute(way);
        last(&database)?;
        let rows = database.connect(role::AUDITOR)?.query(
            "SELECT concat(command, ' ', verdict, ' ', row_count), database_role FROM vpd.audit_trail
              WHERE sequence > $1 AND event = 'data' ORDER BY sequence",
            &[&behind],
        )?;
        let told: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        assert_eq!(told.join("|"), expected, "{way}");
        assert!(
            rows.iter().all(|row| row.get::<_, &str>(1) == role::STRANGER),
            "{way}"
        );
    }
    Ok(())
}
