//! Code of the owner of a table runs when his table is read, and may fail in any way: it stops nobody who administers keys from going on with the tables of others.

use postgres::Client;
use vpd_tests::{Database, Result, Subject, assert_refused, attach, outcome, role};

use super::scene::{is_purged_until, officer, seen};

const SHOP: &str = "
SELECT vpd.create_key('person', 'pii:read', per_person => true);
SELECT vpd.create_key('pii', 'pii:read');
CREATE SCHEMA shop AUTHORIZATION app_owner;
GRANT USAGE ON SCHEMA shop TO PUBLIC;
SET ROLE app_owner;
CREATE TABLE shop.customers (name text, email vpd.sealed_text('person'), note text, ssn vpd.sealed_text('pii'));
CREATE TABLE shop.others (name text, email vpd.sealed_text('person'), ssn vpd.sealed_text('pii'));
RESET ROLE;
SELECT vpd.name_person('shop.customers', 'name');
SELECT vpd.name_person('shop.others', 'name');
INSERT INTO shop.customers VALUES ('bob', 'bob@planted', 'x', 'bob'), ('ann', 'ann@planted', 'x', 'ann'), ('zoe', 'zoe@planted', 'x', 'zoe');
INSERT INTO shop.others VALUES ('bob', 'bob@planted', 'bob'), ('ann', 'ann@planted', 'ann');
GRANT ALL ON ALL TABLES IN SCHEMA shop TO app_user;
";

/// What runs when the table is planned, on a new connection.
const CODE: &str = "
CREATE TABLE shop.mood (state text);
CREATE FUNCTION shop.bang(n integer) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS $$
DECLARE mood text := (SELECT max(state) FROM shop.mood);
BEGIN
    IF mood = 'slow' THEN PERFORM pg_sleep(60); END IF;
    IF mood IS NOT NULL THEN RAISE 'not today' USING ERRCODE = mood; END IF;
    RETURN true;
END $$;
CREATE INDEX ON shop.customers (note) WHERE shop.bang(1);
";

const STATES: [&str; 8] = [
    "57014", "57P01", "40P01", "40001", "53200", "53300", "55P03", "XX000",
];

fn shop() -> Result<Database<'static>> {
    let database = Database::create()?;
    database.admin()?.batch_execute(SHOP)?;
    database.connect(role::OWNER)?.batch_execute(CODE)?;
    Ok(database)
}

fn in_mood(database: &Database<'_>, mood: &str) -> Result<Client> {
    let mut owner = database.connect(role::OWNER)?;
    owner.batch_execute(&format!(
        "TRUNCATE shop.mood; INSERT INTO shop.mood VALUES ('{mood}')"
    ))?;
    database.connect(role::SECURITY)
}

#[test]
fn no_error_of_an_owner_stops_who_administers_keys() -> Result<()> {
    let database = shop()?;
    let reader = Subject::new("reader").privilege("pii:read").log_in(&database)?;
    drop(officer(&database)?);
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute("SELECT vpd.rotate_key('person'); SELECT vpd.rotate_key('pii')")?;
    for state in STATES {
        let mut security = in_mood(&database, state)?;
        // The control: his code does run, and fails.
        let stopped = outcome(
            database
                .admin()?
                .batch_execute("SELECT count(*) FROM shop.customers WHERE note = 'x'"),
        );
        assert_eq!(
            stopped
                .err()
                .map(|refusal| refusal.state.code().to_owned())
                .as_deref(),
            Some(state)
        );

        let counted: i64 = security
            .query_one(
                "SELECT count(*) FROM vpd.key_usage WHERE relation = 'shop.others'::regclass",
                &[],
            )?
            .get(0);
        assert_eq!(counted, 2, "{state}");
        let unknown: i64 = security
            .query_one(
                "SELECT count(*) FROM vpd.key_usage WHERE relation = 'shop.customers'::regclass AND version IS NULL",
                &[],
            )?
            .get(0);
        assert_eq!(unknown, 2, "{state}: nothing is told of his table");
        let refused = assert_refused(
            security.batch_execute("SELECT vpd.destroy_key('pii', 'pii', 1)"),
            "55000",
            "usage_unknown",
        );
        assert!(
            refused.text.contains("shop.customers"),
            "{state}: {}",
            refused.text
        );
        security.batch_execute("SELECT count(*) FROM vpd.find_personal_data()")?;
        security.batch_execute("SELECT count(*) FROM vpd.posture()")?;

        let mut session = security.transaction()?;
        attach(&mut session, &reader)?;
        let export: String = session
            .query_one("SELECT vpd.export_person('ann')::text", &[])?
            .get(0);
        session.rollback()?;
        assert!(export.contains("ann@planted"), "{state}: {export}");
        assert!(
            export.contains(r#""unread": [{"table": "shop.customers""#),
            "{state}: {export}"
        );

        let mut session = security.transaction()?;
        session.batch_execute("SELECT vpd.forget_person('bob')")?;
        session.rollback()?;
    }
    let mut security = in_mood(&database, "57014")?;
    security.batch_execute("SELECT vpd.forget_person('bob')")?;
    assert_eq!(
        seen(
            &database,
            &reader,
            "SELECT vpd.unseal(email) FROM shop.others ORDER BY name"
        )?
        .as_deref(),
        Ok("ann@planted|\n(null)|")
    );
    // The worker goes on with the next table as well.
    security.batch_execute(
        "SELECT vpd.reseal_in_background('shop.customers'); SELECT vpd.reseal_in_background('shop.others')",
    )?;
    let is_done = "SELECT count(*) = 1 FROM vpd.reseal_progress WHERE relation = 'shop.others'::regclass AND finished_at IS NOT NULL";
    assert!(is_purged_until(&mut security, is_done)?);
    Ok(())
}

#[test]
fn whoever_administers_keys_can_still_cancel() -> Result<()> {
    let database = shop()?;
    let mut security = in_mood(&database, "slow")?;
    security.batch_execute("SET statement_timeout = '1s'")?;
    for command in [
        "SELECT vpd.forget_person('bob')",
        "SELECT count(*) FROM vpd.key_usage",
        "SELECT vpd.destroy_key('pii', 'pii', 1)",
    ] {
        security.batch_execute(
            "RESET statement_timeout; SELECT vpd.rotate_key('pii'); SET statement_timeout = '1s'",
        )?;
        let stopped = outcome(security.batch_execute(command));
        assert_eq!(
            stopped
                .err()
                .map(|refusal| refusal.state.code().to_owned())
                .as_deref(),
            Some("57014"),
            "{command}"
        );
    }
    Ok(())
}

#[test]
fn by_force_a_person_is_forgotten_though_an_owner_stands_in_the_way() -> Result<()> {
    let database = shop()?;
    let reader = Subject::new("reader").privilege("pii:read").log_in(&database)?;
    // A row names bob and holds what is about ann, and nothing can be changed in it.
    database.connect(role::OWNER)?.batch_execute(
        "ALTER TABLE shop.others DISABLE TRIGGER USER;
         ALTER TABLE shop.others DROP CONSTRAINT vpd_about_email;
         UPDATE shop.others SET name = 'bob' WHERE name = 'ann';
         ALTER TABLE shop.others ADD CHECK (false) NOT VALID",
    )?;
    let mut security = database.connect(role::SECURITY)?;
    assert_refused(
        security.batch_execute("SELECT vpd.forget_person('bob')"),
        "55000",
        "person_differs",
    );
    assert!(
        outcome(
            security.batch_execute(
                "SELECT vpd.name_person('shop.others', 'name'); CALL vpd.reseal('shop.others')"
            )
        )
        .is_err()
    );
    let mut owner = database.connect(role::OWNER)?;
    let mut holds = owner.transaction()?;
    // Nor does it wait for a table that the owner locks.
    holds.batch_execute("LOCK TABLE shop.others, shop.customers IN ACCESS EXCLUSIVE MODE")?;
    security.batch_execute("SET statement_timeout = '10s'")?;
    let keys: i64 = security
        .query_one("SELECT vpd.forget_person('bob', force => true)", &[])?
        .get(0);
    assert_eq!(keys, 1);
    holds.rollback()?;
    assert_eq!(
        seen(
            &database,
            &reader,
            "SELECT vpd.unseal(email) FROM shop.others ORDER BY 1"
        )?
        .as_deref(),
        Ok("ann@planted|\n(null)|")
    );
    Ok(())
}

#[test]
fn naming_persons_anew_tells_how_many_rows_become_about_others() -> Result<()> {
    let database = shop()?;
    let (mut security, notices) = database.connect_noticing(role::SECURITY)?;
    security.batch_execute("SELECT vpd.name_person('shop.others', 'name')")?;
    assert!(notices.take().is_empty(), "nothing is about others");
    database.connect(role::OWNER)?.batch_execute(
        "ALTER TABLE shop.others DISABLE TRIGGER USER; ALTER TABLE shop.others DROP CONSTRAINT vpd_about_email;
         UPDATE shop.others SET name = 'mallory'; ALTER TABLE shop.others ENABLE TRIGGER USER",
    )?;
    security.batch_execute("SELECT vpd.name_person('shop.others', 'name')")?;
    let told: Vec<String> = notices
        .take()
        .iter()
        .map(|notice| notice.message().to_owned())
        .collect();
    let told = told.join("; ");
    assert!(
        told.contains("rows of shop.others that hold values about somebody else than they name: 2"),
        "{told}"
    );
    Ok(())
}
