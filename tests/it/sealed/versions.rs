//! A version of a key is destroyed when it seals nothing any more, and whatever may hold a value that nobody sees yet is waited for or refused.

use std::thread;
use std::time::{Duration, Instant};

use postgres::Client;
use vpd_tests::{Database, Outcome, Result, assert_refused, outcome, role, until_true};

use super::scene::{copied_in, manager, people, seen};

const DESTROY: &str = "SELECT vpd.destroy_key('pii', 'pii', 1)";

/// Waits until a connection waits for a lock.
fn until_waiting(database: &Database<'_>, process: i32) -> Result<()> {
    let waiting = format!("SELECT count(*) > 0 FROM pg_locks WHERE NOT granted AND pid = {process}");
    until_true(&mut database.admin()?, &waiting)
}

fn process(client: &mut Client) -> Result<i32> {
    Ok(client.query_one("SELECT pg_backend_pid()", &[])?.get(0))
}

/// Rotates, and seals what can be seen anew.
fn rotate(database: &Database<'_>) -> Result<Client> {
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute("SELECT vpd.rotate_key('pii')")?;
    security.batch_execute("CALL vpd.reseal('shop.people')")?;
    Ok(security)
}

#[test]
fn what_an_open_transaction_sealed_is_waited_for_and_counted() -> Result<()> {
    for what in [
        "INSERT INTO shop.people (id, ssn) VALUES (77, 'planted')",
        "UPDATE shop.twins SET id = id",
        "CREATE TABLE shop.fresh (ssn vpd.sealed_text('pii')); INSERT INTO shop.fresh VALUES ('planted')",
        "CREATE TABLE shop.fresh (LIKE shop.people); INSERT INTO shop.fresh (id, ssn) VALUES (77, 'planted')",
        "CREATE TABLE shop.fresh () INHERITS (shop.people); INSERT INTO shop.fresh (id, ssn) VALUES (77, 'planted')",
        "CREATE TABLE shop.fresh AS SELECT ssn FROM shop.people",
        "SELECT ssn INTO shop.fresh FROM shop.people",
        "CREATE MATERIALIZED VIEW shop.fresh AS SELECT ssn FROM shop.people",
        "ALTER TABLE shop.twins ADD more vpd.sealed_text('pii'); UPDATE shop.twins SET more = email",
        "ALTER TABLE shop.twins ALTER email TYPE vpd.sealed_text('pii')",
        "SELECT vpd.seal_column('shop.twins', 'email', 'pii')",
    ] {
        let database = people()?;
        let mut writer = database.admin()?;
        let mut writing = writer.transaction()?;
        writing.batch_execute(what)?;
        let mut security = rotate(&database)?;
        let destroyer = process(&mut security)?;
        let destroying = thread::spawn(move || outcome(security.batch_execute(DESTROY)));
        let is_control = what.contains("SET id = id");
        if !is_control {
            until_waiting(&database, destroyer)?;
            assert!(!destroying.is_finished(), "it did not wait: {what}");
        }
        writing.commit()?;
        let destroyed: Outcome<()> = destroying.join().map_err(|_| "the thread fell")?;
        let token = destroyed.err().and_then(|refusal| refusal.token);
        if is_control {
            assert_eq!(token, None, "control");
            continue;
        }
        assert_eq!(token.as_deref(), Some("version_in_use"), "{what}");
        // Nothing is lost: it is sealed anew, and then the version goes.
        let manager = manager(&database)?;
        let mut security = database.connect(role::SECURITY)?;
        if what.contains("MATERIALIZED") {
            database
                .admin()?
                .batch_execute("REFRESH MATERIALIZED VIEW shop.fresh")?;
        } else if what.contains("shop.twins") {
            security.batch_execute("CALL vpd.reseal('shop.twins')")?;
        } else {
            for table in ["shop.people", "shop.fresh"] {
                if what.contains("INSERT INTO shop.people") && table == "shop.fresh" {
                    continue;
                }
                security.batch_execute(&format!("CALL vpd.reseal('{table}')"))?;
            }
        }
        security.batch_execute(DESTROY)?;
        let read = if what.contains("more") {
            "SELECT count(vpd.unseal(more)) > 0 FROM shop.twins"
        } else if what.contains("shop.twins") {
            "SELECT count(vpd.unseal(email)) > 0 FROM shop.twins"
        } else if what.contains("INSERT INTO shop.people") {
            "SELECT count(vpd.unseal(ssn)) > 0 FROM shop.people"
        } else {
            "SELECT count(vpd.unseal(ssn)) > 0 FROM shop.fresh"
        };
        database
            .admin()?
            .batch_execute("GRANT SELECT ON ALL TABLES IN SCHEMA shop TO app_user")?;
        assert_eq!(seen(&database, &manager, read)?.as_deref(), Ok("t|"), "{what}");
    }
    Ok(())
}

#[test]
fn what_nobody_else_can_read_is_not_guessed() -> Result<()> {
    let database = people()?;
    database.admin()?.batch_execute(
        "GRANT TEMPORARY ON DATABASE CURRENT_DATABASE TO app_user"
            .replace("CURRENT_DATABASE", &format!("\"{}\"", database.name()))
            .as_str(),
    )?;
    let mut other = database.connect(role::USER)?;
    other.batch_execute(
        "CREATE TEMPORARY TABLE kept (LIKE shop.people); INSERT INTO kept (id, ssn) VALUES (1, 'planted')",
    )?;
    let mut security = rotate(&database)?;
    let refused = assert_refused(security.batch_execute(DESTROY), "55000", "usage_unknown");
    assert!(refused.text.contains("kept"), "{}", refused.text);
    drop(other);
    let begun = Instant::now();
    while outcome(security.batch_execute(DESTROY)).is_err() {
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "it is refused for good"
        );
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

#[test]
fn a_table_whose_rows_are_stored_elsewhere_gets_no_sealed_column() -> Result<()> {
    let database = people()?;
    let mut admin = database.admin()?;
    admin.batch_execute(
        "CREATE TABLE shop.plain (a text); CREATE TABLE shop.rows (whole shop.plain);
         CREATE TABLE shop.plain2 (a text); CREATE TABLE shop.rows2 (many shop.plain2[])",
    )?;
    for table in ["plain", "plain2"] {
        let added =
            outcome(admin.batch_execute(&format!("ALTER TABLE shop.{table} ADD b vpd.sealed_text('pii')")));
        assert_eq!(
            added
                .err()
                .map(|refusal| refusal.state.code().to_owned())
                .as_deref(),
            Some("0A000")
        );
    }
    Ok(())
}

#[test]
fn what_lies_on_another_server_is_not_guessed_and_what_is_empty_is_nothing() -> Result<()> {
    let database = people()?;
    let mut admin = database.admin()?;
    admin.batch_execute(
        "CREATE FOREIGN DATA WRAPPER far; CREATE SERVER away FOREIGN DATA WRAPPER far;
         CREATE FOREIGN TABLE shop.far_away (x vpd.sealed_text('pii')) SERVER away;
         CREATE MATERIALIZED VIEW shop.unpopulated AS SELECT ssn FROM shop.people WITH NO DATA",
    )?;
    let mut security = rotate(&database)?;
    security.query("SELECT * FROM vpd.key_usage", &[])?;
    let refused = assert_refused(security.batch_execute(DESTROY), "55000", "usage_unknown");
    assert!(refused.text.contains("far_away"), "{}", refused.text);
    admin.batch_execute("DROP FOREIGN TABLE shop.far_away")?;
    security.batch_execute(DESTROY)?;
    Ok(())
}

#[test]
fn what_was_read_before_a_version_was_destroyed_is_not_stored_after_it() -> Result<()> {
    let database = people()?;
    let mut repeating = database.connect(role::USER)?;
    let mut reading = repeating
        .build_transaction()
        .isolation_level(postgres::IsolationLevel::RepeatableRead)
        .start()?;
    reading.query("SELECT id FROM shop.people", &[])?;
    let mut holder = database.connect(role::USER)?;
    holder.batch_execute(
        "BEGIN; DECLARE c CURSOR WITH HOLD FOR SELECT ssn FROM shop.people ORDER BY id; COMMIT",
    )?;
    let mut security = rotate(&database)?;
    security.batch_execute(DESTROY)?;
    assert_refused(
        reading.batch_execute("INSERT INTO shop.people (id, email) SELECT id + 100, email FROM shop.people"),
        "55000",
        "key_destroyed",
    );
    drop(reading);
    let stored = "DO $$DECLARE r refcursor := 'c'; x vpd.sealed_text; BEGIN FETCH r INTO x; UPDATE shop.people SET ssn = x WHERE id = 1; END$$";
    assert_refused(holder.batch_execute(stored), "55000", "key_destroyed");
    let manager = manager(&database)?;
    assert_eq!(
        seen(
            &database,
            &manager,
            "SELECT count(vpd.unseal(ssn)) FROM shop.people"
        )?
        .as_deref(),
        Ok("6|")
    );
    Ok(())
}

/// What a text is with other bytes from a place on.
fn forged(envelope: &str, place: usize, bytes: &str) -> String {
    format!(
        "'vpd:sealed:' || translate(encode(overlay(decode(substr('{envelope}', 12), 'base64') PLACING '{bytes}'::bytea FROM {place}), 'base64'), E'\\n', '')"
    )
}

#[test]
fn a_forged_value_does_not_come_in_though_nobody_could_read_the_true_one() -> Result<()> {
    let database = people()?;
    let mut admin = database.admin()?;
    admin.batch_execute(
        "SELECT vpd.create_key('person', 'pii:read', per_person => true); SELECT vpd.create_key('gone', 'pii:read');
         CREATE TABLE shop.about (name text, body vpd.sealed_text('person')); CREATE TABLE shop.lost (body vpd.sealed_text('gone'));
         GRANT ALL ON shop.about, shop.lost TO app_user;
         SELECT vpd.name_person('shop.about', 'name'); INSERT INTO shop.about VALUES ('ann', 'planted'); INSERT INTO shop.lost VALUES ('planted')",
    )?;
    let mut user = database.connect(role::USER)?;
    let ssn: String = user
        .query_one("SELECT ssn::text FROM shop.people WHERE id = 1", &[])?
        .get(0);
    let about: String = user.query_one("SELECT body::text FROM shop.about", &[])?.get(0);
    let lost: String = user.query_one("SELECT body::text FROM shop.lost", &[])?.get(0);
    let mut security = rotate(&database)?;
    security.batch_execute(DESTROY)?;
    security.batch_execute("SELECT vpd.destroy_key('gone', 'gone')")?;
    user.batch_execute("DELETE FROM shop.people WHERE id = 1")?;
    for (table, columns, value, token) in [
        (
            "people (id, ssn)",
            "77, ",
            forged(&ssn, 35, "CLEARTEXT-HERE"),
            "key_destroyed",
        ),
        (
            "people (id, ssn)",
            "77, ",
            forged(&ssn, 15, "\\x00112233445566778899aabbccddeeff"),
            "key_destroyed",
        ),
        (
            "people (id, ssn)",
            "77, ",
            forged(&ssn, 3, "\\x11111111"),
            "envelope_broken",
        ),
        (
            "about",
            "'ann', ",
            forged(&about, 15, "\\x1122334455667788"),
            "person_forgotten",
        ),
        ("lost", "", forged(&lost, 35, "CLEARTEXT"), "key_destroyed"),
    ] {
        let written =
            outcome(user.batch_execute(&format!("INSERT INTO shop.{table} SELECT {columns}{value}")));
        let found = written.err().and_then(|refusal| refusal.token);
        assert_eq!(found.as_deref(), Some(token), "{table}");
        let text: String = user.query_one(&format!("SELECT {value}"), &[])?.get(0);
        let line = format!("{}{text}\n", columns.replace(", ", "\t").replace('\'', ""));
        let copied = copied_in(&mut user, &format!("COPY shop.{table} FROM STDIN"), &line);
        assert_eq!(
            copied.err().and_then(|refusal| refusal.token).as_deref(),
            Some(token),
            "COPY {table}"
        );
    }
    Ok(())
}

#[test]
fn a_column_that_goes_while_it_is_counted_is_no_error() -> Result<()> {
    let database = people()?;
    let mut admin = database.admin()?;
    let mut dropping = admin.transaction()?;
    dropping.batch_execute("ALTER TABLE shop.people DROP COLUMN email")?;
    let mut security = database.connect(role::SECURITY)?;
    let counter = process(&mut security)?;
    let counting = thread::spawn(move || {
        outcome(security.query("SELECT * FROM vpd.key_usage", &[])).map(|rows| rows.len())
    });
    until_waiting(&database, counter)?;
    dropping.commit()?;
    let counted = counting.join().map_err(|_| "the thread fell")?;
    assert!(counted.is_ok_and(|rows| rows > 0));
    Ok(())
}

#[test]
fn no_table_is_made_of_what_a_destroyed_version_sealed() -> Result<()> {
    for make in [
        "CREATE TABLE shop.fresh AS SELECT * FROM shop.people",
        "CREATE TEMP TABLE fresh AS SELECT ssn FROM shop.people",
        "SELECT ssn INTO shop.fresh FROM shop.people",
        "CREATE MATERIALIZED VIEW shop.fresh AS SELECT ssn FROM shop.people",
        "CREATE TABLE shop.fresh (LIKE shop.people); INSERT INTO shop.fresh SELECT * FROM shop.people",
    ] {
        let database = people()?;
        let mut reader = database.admin()?;
        let mut reading = reader
            .build_transaction()
            .isolation_level(postgres::IsolationLevel::RepeatableRead)
            .start()?;
        reading.query("SELECT count(*) FROM shop.people", &[])?;
        let mut security = rotate(&database)?;
        // The control: what only reads is not waited for.
        security.batch_execute(DESTROY)?;
        assert_refused(reading.batch_execute(make), "55000", "key_destroyed");
        reading.rollback()?;
        reader.batch_execute(make)?;
        assert_eq!(
            seen(
                &database,
                &manager(&database)?,
                "SELECT count(vpd.unseal(ssn)) FROM shop.people"
            )?
            .as_deref(),
            Ok("6|")
        );
    }
    Ok(())
}
