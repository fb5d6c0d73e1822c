//! Sealing anew after a rotation: nothing is lost, nothing is left, nobody else is disturbed, and whoever wrote code for the table gains nothing.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use postgres::Client;
use vpd_tests::{
    Cluster, Database, Extension, Library, Result, assert_denied_to_all_but, assert_refused, outcome, role,
};

use super::scene::{is_purged_until, manager, people, seen, without_session};

const ACCOUNTS: &str = "
CREATE SCHEMA shop AUTHORIZATION app_owner;
GRANT USAGE ON SCHEMA shop TO PUBLIC;
SET ROLE app_owner;
CREATE TABLE shop.accounts (id integer PRIMARY KEY, plain text, iban vpd.sealed_text('pii') UNIQUE, note vpd.sealed_text('pii'));
INSERT INTO shop.accounts SELECT n, 'iban-' || n, 'iban-' || n, 'note' FROM generate_series(1, 3000) n;
GRANT ALL ON shop.accounts TO app_user;
RESET ROLE;
";

fn versions(client: &mut Client) -> Result<Vec<i32>> {
    let rows = client.query(
        "SELECT DISTINCT version FROM vpd.key_usage WHERE key = 'pii' ORDER BY 1",
        &[],
    )?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Writes rows until told to stop; however the connection ends, it goes on with another.
fn write(database: &Database<'_>, writer: u32, is_over: &AtomicBool, written: &AtomicU32) {
    let mut number = 0;
    while !is_over.load(Ordering::Relaxed) {
        let Ok(mut client) = database.connect(role::USER) else {
            thread::sleep(Duration::from_millis(50));
            continue;
        };
        while !is_over.load(Ordering::Relaxed) {
            number += 1;
            let id = 100_000 * (writer + 1) + number;
            let old = number % 3000 + 1;
            let done = client.batch_execute(&format!(
                "INSERT INTO shop.accounts VALUES ({id}, 'new-{id}', 'new-{id}', 'note');
                 UPDATE shop.accounts SET plain = 'changed-{writer}-{number}-{old}', iban = 'changed-{writer}-{number}-{old}' WHERE id = {old}"
            ));
            if done.is_err() {
                break;
            }
            written.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[test]
fn a_rotation_beside_eight_writers_loses_nothing_and_goes_on_after_it_was_killed() -> Result<()> {
    let cluster = Cluster::start(&Extension::debug()?, Library::Preloaded, "")?;
    let database = Database::create_in(&cluster)?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute("SELECT vpd.create_key('pii', 'pii:read', searchable => true)")?;
    database.admin()?.batch_execute(ACCOUNTS)?;
    let before = without_session(
        &database,
        "postgres",
        "SELECT iban FROM shop.accounts WHERE id = 7",
    )?;
    let before = before.map_err(|refusal| refusal.text)?;
    let is_over = AtomicBool::new(false);
    let written = AtomicU32::new(0);
    thread::scope(|scope| -> Result<()> {
        let stop = Stop(&is_over);
        for writer in 0..8 {
            let (database, is_over, written) = (&database, &is_over, &written);
            scope.spawn(move || write(database, writer, is_over, written));
        }
        for round in 0..3 {
            security.batch_execute("SELECT vpd.rotate_key('pii')")?;
            let mut resealing = database.connect(role::SECURITY)?;
            let process: i32 = resealing.query_one("SELECT pg_backend_pid()", &[])?.get(0);
            let run = scope.spawn(move || resealing.batch_execute("CALL vpd.reseal('shop.accounts', 50)"));
            if round < 2 {
                until_begun(&database)?;
                database
                    .admin()?
                    .execute("SELECT pg_terminate_backend($1)", &[&process])?;
                let _ended = run.join();
            } else {
                run.join().map_err(|_| "the thread fell")??;
            }
        }
        drop(stop);
        Ok(())
    })?;
    assert!(written.load(Ordering::Relaxed) > 100, "the writers wrote");
    // The server falls in the middle, and another call goes on.
    security.batch_execute("SELECT vpd.rotate_key('pii'), vpd.reseal_batch('shop.accounts', 50)")?;
    let begun: i64 = security
        .query_one("SELECT resealed FROM vpd.reseal_progress", &[])?
        .get(0);
    let process: i32 = security.query_one("SELECT pg_backend_pid()", &[])?.get(0);
    cluster.crash(process)?;
    let mut security = database.connect(role::SECURITY)?;
    let batch: i64 = security
        .query_one("SELECT vpd.reseal_batch('shop.accounts', 50)", &[])?
        .get(0);
    let after: i64 = security
        .query_one("SELECT resealed FROM vpd.reseal_progress", &[])?
        .get(0);
    assert_eq!(after, begun + batch, "it went on where it stopped");
    assert_refused(
        security.batch_execute("SELECT vpd.destroy_key('pii', 'pii', 4)"),
        "55000",
        "version_in_use",
    );
    security.batch_execute("CALL vpd.reseal('shop.accounts')")?;
    assert_eq!(versions(&mut security)?, [5]);
    security.batch_execute("SELECT vpd.destroy_key('pii', 'pii', v) FROM generate_series(1, 4) v")?;
    security.batch_execute("CALL vpd.reseal('shop.accounts')")?;
    let manager = manager(&database)?;
    let lost = "SELECT count(*) FROM shop.accounts WHERE vpd.unseal(iban) IS DISTINCT FROM plain OR vpd.unseal(note) <> 'note'";
    assert_eq!(seen(&database, &manager, lost)?.as_deref(), Ok("0|"));
    let found =
        "SELECT count(*) FROM shop.accounts a JOIN shop.accounts b ON a.iban = b.iban WHERE a.id = b.id";
    let all = "SELECT count(*) FROM shop.accounts";
    assert_eq!(seen(&database, &manager, found)?, seen(&database, &manager, all)?);
    // What a destroyed version sealed does not come in again; from another server it does, is read by nobody, and stops nothing.
    let change = format!(
        "UPDATE shop.accounts SET iban = '{}' WHERE id = 7",
        before.trim_end_matches(['|', '\n'])
    );
    let mut admin = database.admin()?;
    assert_refused(admin.batch_execute(&change), "55000", "key_destroyed");
    admin.batch_execute(&format!("SET session_replication_role = replica; {change}"))?;
    assert_eq!(
        seen(&database, &manager, "SELECT iban FROM shop.accounts WHERE id = 7")?.as_deref(),
        Ok("•••|")
    );
    let read = "SELECT vpd.unseal(iban) FROM shop.accounts WHERE id = 7";
    assert!(seen(&database, &manager, read)?.is_err());
    assert_eq!(versions(&mut security)?, [-1, 5]);
    security.batch_execute("CALL vpd.reseal('shop.accounts')")?;
    Ok(())
}

/// Tells the writers to stop when it goes, after an error too.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn until_begun(database: &Database<'_>) -> Result<()> {
    let mut admin = database.admin()?;
    let begun = Instant::now();
    let query = "SELECT coalesce(sum(resealed), 0)::bigint FROM vpd.reseal_progress WHERE phase <> 'done'";
    while admin.query_one(query, &[])?.get::<_, i64>(0) == 0 && begun.elapsed() < Duration::from_secs(20) {
        thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

#[test]
fn rows_that_others_hold_come_last_and_are_waited_for() -> Result<()> {
    let database = people()?;
    let mut security = database.connect(role::SECURITY)?;
    let mut holder = database.connect(role::USER)?;
    let mut held = holder.transaction()?;
    held.batch_execute(
        "SELECT FROM shop.people WHERE id = 2 FOR UPDATE; UPDATE shop.people SET ssn = 'held' WHERE id = 3",
    )?;
    security.batch_execute("SELECT vpd.rotate_key('pii')")?;
    let mut resealing = database.connect(role::SECURITY)?;
    let run = thread::spawn(move || resealing.batch_execute("CALL vpd.reseal('shop.people')"));
    let begun = Instant::now();
    let phase =
        "SELECT count(*) FROM vpd.reseal_progress WHERE phase LIKE 'waiting%' AND blocks_done = blocks_total";
    while security.query_one(phase, &[])?.get::<_, i64>(0) == 0 {
        assert!(begun.elapsed() < Duration::from_secs(30), "it never waited");
        thread::sleep(Duration::from_millis(10));
    }
    assert!(!run.is_finished());
    held.commit()?;
    run.join().map_err(|_| "the thread fell")??;
    assert_eq!(versions(&mut security)?, [2]);
    let progress = security.query_one("SELECT phase, resealed FROM vpd.reseal_progress", &[])?;
    assert_eq!((progress.get(0), progress.get::<_, i64>(1)), ("done", 6));
    Ok(())
}

#[test]
fn nothing_changes_but_the_seal_and_what_others_wrote_runs_with_their_rights() -> Result<()> {
    let database = people()?;
    database.admin()?.batch_execute(
        "SET ROLE app_owner;
         CREATE TABLE shop.ran (what text, who name);
         CREATE FUNCTION shop.tell() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN INSERT INTO shop.ran VALUES ('trigger', current_user); RETURN NEW; END$$;
         CREATE FUNCTION shop.always() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN INSERT INTO shop.ran VALUES ('always', current_user); RETURN OLD; END$$;
         CREATE FUNCTION shop.index_tells(n integer) RETURNS integer IMMUTABLE LANGUAGE plpgsql
             AS $$BEGIN IF current_user <> 'app_owner' THEN RAISE 'ran as %', current_user; END IF; RETURN n; END$$;
         CREATE FUNCTION shop.check_tells(n integer) RETURNS boolean LANGUAGE plpgsql
             AS $$BEGIN INSERT INTO shop.ran VALUES ('check ' || current_setting('session_replication_role'), current_user); RETURN true; END$$;
         CREATE TRIGGER tell BEFORE UPDATE ON shop.people FOR EACH ROW EXECUTE FUNCTION shop.tell();
         CREATE TRIGGER always BEFORE UPDATE ON shop.people FOR EACH ROW EXECUTE FUNCTION shop.always();
         ALTER TABLE shop.people ENABLE ALWAYS TRIGGER always;
         CREATE INDEX tells ON shop.people (shop.index_tells(id));
         ALTER TABLE shop.people ADD CHECK (shop.check_tells(id)), ADD doubled integer GENERATED ALWAYS AS (id * 2) STORED;
         RESET ROLE;
         SELECT vpd.track_changes('shop.people');
         SELECT vpd.add_policy('shop.people', 'nobody', 'false');
         TRUNCATE shop.ran",
    )?;
    let rows = "SELECT md5(string_agg(concat_ws('|', id, doubled, updated_by, updated_at, created_by), ',' ORDER BY id)) FROM shop.people";
    let before = without_session(&database, "postgres", rows)?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute("SELECT vpd.rotate_key('pii'); SELECT vpd.rotate_key('pay')")?;
    security.batch_execute("CALL vpd.reseal('shop.people')")?;
    assert_eq!(versions(&mut security)?, [2]);
    assert_eq!(without_session(&database, "postgres", rows)?, before);
    let ran = without_session(
        &database,
        "postgres",
        "SELECT DISTINCT what, who FROM shop.ran ORDER BY 1",
    )?;
    let ran = ran.map_err(|refusal| refusal.text)?;
    // Triggers of any kind stay silent, and those of other tables do what they always do.
    assert!(ran.contains("check origin|app_owner|"), "control: {ran}");
    assert!(!ran.contains("trigger|") && !ran.contains("always|"), "{ran}");
    assert!(
        ran.lines().all(|line| line.ends_with("|app_owner|")),
        "code of the owner ran as somebody else: {ran}"
    );
    Ok(())
}

#[test]
fn the_purge_worker_seals_anew_when_it_is_asked_to() -> Result<()> {
    let database = people()?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute("SELECT vpd.rotate_key('pii'); SELECT vpd.reseal_in_background('shop.people')")?;
    assert_eq!(versions(&mut security)?, [1], "control");
    let is_done =
        "SELECT count(*) = 1 FROM vpd.reseal_progress WHERE finished_at IS NOT NULL AND NOT in_background";
    assert!(is_purged_until(&mut security, is_done)?);
    assert_eq!(versions(&mut security)?, [2]);
    Ok(())
}

#[test]
fn partitions_are_sealed_anew_with_their_table() -> Result<()> {
    let database = people()?;
    database.admin()?.batch_execute(
        "SET ROLE app_owner;
         CREATE TABLE shop.parted (id integer, ssn vpd.sealed_text('pii'), email vpd.sealed_text('pii')) PARTITION BY RANGE (id);
         CREATE TABLE shop.low PARTITION OF shop.parted FOR VALUES FROM (0) TO (10);
         CREATE TABLE shop.high PARTITION OF shop.parted FOR VALUES FROM (10) TO (20);
         INSERT INTO shop.parted SELECT n, 'ssn-' || n, 'mail-' || n FROM generate_series(1, 19) n",
    )?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute("SELECT vpd.rotate_key('pii')")?;
    security.batch_execute("CALL vpd.reseal('shop.parted')")?;
    let rows = security.query(
        "SELECT relation::text, column_name, version, sealed_values FROM vpd.key_usage WHERE relation IN ('shop.low'::regclass, 'shop.high'::regclass) ORDER BY 1, 2",
        &[],
    )?;
    let found: Vec<(String, String, i32, i64)> = rows
        .iter()
        .map(|row| (row.get(0), row.get(1), row.get(2), row.get(3)))
        .collect();
    let line = |table: &str, column: &str, count| (table.to_owned(), column.to_owned(), 2, count);
    assert_eq!(
        found,
        [
            line("shop.high", "email", 10),
            line("shop.high", "ssn", 10),
            line("shop.low", "email", 9),
            line("shop.low", "ssn", 9)
        ]
    );
    Ok(())
}

#[test]
fn bad_calls_are_refused() -> Result<()> {
    let database = people()?;
    database
        .admin()?
        .batch_execute("CREATE MATERIALIZED VIEW shop.kept AS SELECT ssn FROM shop.people")?;
    assert_denied_to_all_but(
        &database,
        &[role::SECURITY],
        &[
            "SELECT vpd.reseal_batch('shop.people')",
            "CALL vpd.reseal('shop.people')",
            "SELECT vpd.reseal_in_background('shop.people')",
            "SELECT vpd.rewrap_keys()",
        ],
    )?;
    let mut security = database.connect(role::SECURITY)?;
    for (call, state, token) in [
        (
            "SELECT vpd.reseal_batch('shop.twins')",
            "42809",
            "relation_unsupported",
        ),
        (
            "SELECT vpd.reseal_batch('shop.kept')",
            "42809",
            "relation_unsupported",
        ),
        (
            "SELECT vpd.reseal_in_background('shop.twins')",
            "42809",
            "relation_unsupported",
        ),
        (
            "SELECT vpd.reseal_batch('shop.people', 0)",
            "22023",
            "argument_invalid",
        ),
        (
            "SELECT vpd.reseal_batch('shop.people', 100001)",
            "22023",
            "argument_invalid",
        ),
        ("SELECT vpd.reseal_batch(NULL)", "22023", "argument_invalid"),
        (
            "SELECT vpd.destroy_key('pii', 'pii', 1)",
            "22023",
            "argument_invalid",
        ),
        (
            "SELECT vpd.destroy_key('pii', 'pii', 0)",
            "22023",
            "argument_invalid",
        ),
        (
            "SELECT vpd.destroy_key('pii', 'other', 1)",
            "22023",
            "argument_invalid",
        ),
        (
            "SELECT vpd.sealed_anew(ssn, 'x', 'y') FROM shop.people",
            "22023",
            "argument_invalid",
        ),
    ] {
        let mut client = if call.contains("sealed_anew") {
            database.connect(role::USER)?
        } else {
            database.connect(role::SECURITY)?
        };
        assert_refused(client.batch_execute(call), state, token);
    }
    let mut open = security.transaction()?;
    let refused = outcome(open.batch_execute("CALL vpd.reseal('shop.people')"));
    assert_eq!(
        refused
            .err()
            .map(|refusal| refusal.state.code().to_owned())
            .as_deref(),
        Some("2D000")
    );
    Ok(())
}
