//! Ways around keys of persons: whatever others do to a table, a value is about the person that its row names, or it does not come in.

use std::thread;

use vpd_tests::{Database, Result, Subject, assert_refused, outcome, role};

use super::scene::{copied_in, officer, seen};

const SHOP: &str = "
SELECT vpd.create_key('person', 'pii:read', per_person => true);
SELECT vpd.create_key('second', 'pii:read', per_person => true);
SELECT vpd.create_key('pii', 'pii:read', searchable => true);
CREATE SCHEMA shop AUTHORIZATION app_owner;
GRANT USAGE ON SCHEMA shop TO PUBLIC;
SET ROLE app_owner;
CREATE TABLE shop.customers (name text, email vpd.sealed_text('person'), note text);
CREATE TABLE shop.letters (customer text, body vpd.sealed_text('person'), sent integer) PARTITION BY RANGE (sent);
CREATE TABLE shop.early PARTITION OF shop.letters FOR VALUES FROM (0) TO (10);
CREATE TABLE shop.more (customer text, body vpd.sealed_text('second'));
RESET ROLE;
SELECT vpd.name_person('shop.customers', 'name');
SELECT vpd.name_person('shop.letters', 'customer');
SELECT vpd.name_person('shop.more', 'customer');
INSERT INTO shop.customers VALUES ('bob', 'bob@planted'), ('ann', 'ann@planted');
INSERT INTO shop.letters VALUES ('bob', 'bob@planted', 1);
GRANT ALL ON ALL TABLES IN SCHEMA shop TO app_user;
";

fn shop() -> Result<Database<'static>> {
    let database = Database::create()?;
    database.admin()?.batch_execute(SHOP)?;
    Ok(database)
}

/// What the owner of the tables may do to them, what is written then, and how that is refused.
const DODGES: [(&str, &str, &str); 17] = [
    ("SELECT 1", "INSERT INTO shop.customers VALUES ('ann', 'x')", "control"),
    ("SELECT 1", "INSERT INTO shop.letters VALUES ('ann', 'x', 1)", "control"),
    ("ALTER TABLE shop.early DISABLE TRIGGER ALL", "INSERT INTO shop.letters VALUES ('ann', 'x', 1)", "person_differs"),
    ("ALTER TABLE shop.early DISABLE TRIGGER ALL", "INSERT INTO shop.early VALUES ('ann', 'x', 1)", "person_not_named"),
    ("ALTER TABLE shop.letters DISABLE TRIGGER ALL", "INSERT INTO shop.letters VALUES ('ann', 'x', 1)", "person_not_named"),
    ("ALTER TABLE shop.customers DISABLE TRIGGER ALL", "UPDATE shop.customers SET name = 'ann'", "control"),
    ("DO $$DECLARE t name; BEGIN SELECT tgname INTO t FROM pg_trigger WHERE tgrelid = 'shop.customers'::regclass AND NOT tgisinternal; EXECUTE format('DROP TRIGGER %I ON shop.customers', t); END$$", "INSERT INTO shop.customers VALUES ('ann', 'x')", "person_not_named"),
    ("ALTER TABLE shop.customers DROP CONSTRAINT vpd_about_email", "INSERT INTO shop.customers VALUES ('ann', 'x')", "person_not_named"),
    (
        "CREATE FUNCTION shop.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.name := ''bob''; RETURN NEW; END';
         CREATE TRIGGER zzzz BEFORE INSERT ON shop.customers FOR EACH ROW EXECUTE FUNCTION shop.f()",
        "INSERT INTO shop.customers VALUES ('ann', 'x')",
        "person_differs",
    ),
    (
        "CREATE FUNCTION shop.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.email := NEW.note; RETURN NEW; END';
         CREATE TRIGGER zzzz BEFORE INSERT ON shop.customers FOR EACH ROW EXECUTE FUNCTION shop.f()",
        "INSERT INTO shop.customers VALUES ('ann', 'x', 'y')",
        "person_differs",
    ),
    (
        "CREATE FUNCTION shop.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.email := (SELECT email FROM shop.customers WHERE name = ''bob''); RETURN NEW; END';
         CREATE TRIGGER zzzz BEFORE INSERT ON shop.customers FOR EACH ROW EXECUTE FUNCTION shop.f()",
        "INSERT INTO shop.customers VALUES ('ann', 'x')",
        "person_differs",
    ),
    (
        "CREATE FUNCTION shop.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.name := ''bob''; RETURN NEW; END';
         DO $$DECLARE t name; BEGIN SELECT tgname INTO t FROM pg_trigger WHERE tgrelid = 'shop.customers'::regclass AND NOT tgisinternal; EXECUTE format('ALTER TRIGGER %I ON shop.customers RENAME TO aaa', t); END$$;
         CREATE TRIGGER bbb BEFORE INSERT ON shop.customers FOR EACH ROW EXECUTE FUNCTION shop.f()",
        "INSERT INTO shop.customers VALUES ('ann', 'x')",
        "person_differs",
    ),
    ("ALTER TABLE shop.customers ADD phone vpd.sealed_text('person')", "INSERT INTO shop.customers (name, phone) VALUES ('ann', 'x')", "person_not_named"),
    ("ALTER TABLE shop.customers ALTER name TYPE bpchar", "INSERT INTO shop.customers VALUES ('ann', 'x')", "column_type"),
    (
        "ALTER TABLE shop.customers DROP CONSTRAINT vpd_about_email; ALTER TABLE shop.customers ALTER name TYPE bytea USING name::bytea; ALTER TABLE shop.customers ADD CONSTRAINT vpd_about_email CHECK (vpd.sealed_is_about(email, 'person:' || name::text)) NOT VALID",
        "INSERT INTO shop.customers VALUES ('ann', 'x')",
        "column_type",
    ),
    ("SELECT 1", "UPDATE shop.customers SET name = NULL WHERE name = 'bob'", "person_missing"),
    ("SELECT 1", "INSERT INTO shop.customers VALUES (NULL, 'x')", "person_missing"),
];

#[test]
fn whatever_the_owner_does_nothing_comes_in_that_is_not_about_the_person() -> Result<()> {
    for (dodge, write, expected) in DODGES {
        let database = shop()?;
        let mut owner = database.admin()?;
        owner.batch_execute(dodge)?;
        let reader = Subject::new("reader").privilege("pii:read").log_in(&database)?;
        let written = outcome(database.connect(role::USER)?.batch_execute(write));
        let token = written.err().and_then(|refusal| refusal.token);
        if expected != "control" {
            assert_eq!(token.as_deref(), Some(expected), "{dodge}: {write}");
            continue;
        }
        if dodge.contains("DISABLE") {
            // What is about bob does not become a row of ann.
            assert_eq!(token.as_deref(), Some("person_differs"), "{dodge}: {write}");
            continue;
        }
        assert_eq!(token, None, "{dodge}: {write}");
        database
            .connect(role::SECURITY)?
            .batch_execute("SELECT vpd.forget_person('ann')")?;
        for read in [
            "SELECT count(vpd.unseal(email)) FROM shop.customers WHERE name = 'ann'",
            "SELECT count(vpd.unseal(body)) FROM shop.letters WHERE customer = 'ann'",
        ] {
            assert_eq!(
                seen(&database, &reader, read)?.as_deref(),
                Ok("0|"),
                "{write}: {read}"
            );
        }
    }
    Ok(())
}

#[test]
fn copies_and_replicated_rows_are_checked_as_well() -> Result<()> {
    let database = shop()?;
    let mut admin = database.admin()?;
    // As changes of another server are applied: no ordinary trigger fires.
    let mut replica = database.admin()?;
    replica.batch_execute("SET session_replication_role = replica")?;
    assert_refused(
        replica.batch_execute("INSERT INTO shop.customers VALUES ('ann', 'open')"),
        "55000",
        "person_differs",
    );
    replica.batch_execute("INSERT INTO shop.customers SELECT * FROM shop.customers WHERE name = 'bob'")?;
    assert_refused(
        replica.batch_execute(
            "INSERT INTO shop.customers SELECT 'ann', email FROM shop.customers WHERE name = 'bob'",
        ),
        "55000",
        "person_differs",
    );
    let moved =
        outcome(admin.batch_execute("ALTER TABLE shop.customers VALIDATE CONSTRAINT vpd_about_email"));
    assert!(moved.is_ok(), "every value is about its person: {moved:?}");
    Ok(())
}

#[test]
fn a_column_that_names_persons_stays_in_the_clear_and_has_one_text() -> Result<()> {
    let database = shop()?;
    let mut security = database.connect(role::SECURITY)?;
    assert_refused(
        security.batch_execute("SELECT vpd.seal_column('shop.customers', 'name', 'pii')"),
        "42809",
        "relation_unsupported",
    );
    let mut admin = database.admin()?;
    admin.batch_execute(
        "CREATE DOMAIN shop.word AS text; CREATE COLLATION shop.loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
         CREATE TABLE shop.odd (a shop.word, b bpchar, c numeric, d date, e vpd.sealed_text('person'), f integer GENERATED ALWAYS AS (1) STORED, g text COLLATE shop.loose);
         CREATE VIEW shop.v AS SELECT 'x'::text AS name",
    )?;
    for column in ["a", "b", "c", "d", "e", "f", "g"] {
        assert_refused(
            security.batch_execute(&format!("SELECT vpd.name_person('shop.odd', '{column}')")),
            "42804",
            "column_type",
        );
    }
    for (arguments, state, token) in [
        ("'shop.v', 'name'", "42809", "relation_unsupported"),
        (
            "'vpd_private.sealed_person', 'name'",
            "42809",
            "relation_unsupported",
        ),
        (
            "'pg_catalog.pg_class', 'relname'",
            "42809",
            "relation_unsupported",
        ),
        ("'shop.customers', 'name', 'No kind'", "22023", "argument_invalid"),
        ("'shop.customers', 'name', NULL", "22023", "argument_invalid"),
    ] {
        let oid = arguments.replace(
            "'vpd_private.sealed_person'",
            &table_oid(&database, "vpd_private.sealed_person")?,
        );
        assert_refused(
            security.batch_execute(&format!("SELECT vpd.name_person({oid})")),
            state,
            token,
        );
    }
    let oid = table_oid(&database, "vpd_private.sealed_person")?;
    assert_refused(
        security.batch_execute(&format!("SELECT vpd.seal_column({oid}, 'name', 'pii')")),
        "42809",
        "relation_unsupported",
    );
    // Changed behind our back, at every use.
    admin.batch_execute("ALTER TABLE shop.customers ALTER name TYPE shop.word")?;
    let reseal = "SELECT vpd.rotate_key('person'); SELECT vpd.reseal_batch('shop.customers')";
    assert_refused(security.batch_execute(reseal), "42804", "column_type");
    Ok(())
}

fn table_oid(database: &Database<'_>, name: &str) -> Result<String> {
    let oid: u32 = database
        .admin()?
        .query_one("SELECT $1::text::regclass::oid", &[&name])?
        .get(0);
    Ok(oid.to_string())
}

#[test]
fn persons_of_two_kinds_are_two_persons() -> Result<()> {
    let database = shop()?;
    let mut admin = database.admin()?;
    admin.batch_execute(
        "CREATE TABLE shop.staff (id integer, mail vpd.sealed_text('person')); CREATE TABLE shop.buyers (id integer, mail vpd.sealed_text('person'));
         GRANT ALL ON shop.staff, shop.buyers TO app_user;
         SELECT vpd.name_person('shop.staff', 'id', 'employee'); SELECT vpd.name_person('shop.buyers', 'id', 'buyer');
         INSERT INTO shop.staff VALUES (7, 'staff@planted'); INSERT INTO shop.buyers VALUES (7, 'buyer@planted')",
    )?;
    let reader = Subject::new("reader").privilege("pii:read").log_in(&database)?;
    let mut officer = officer(&database)?;
    let mut session = officer.transaction()?;
    vpd_tests::attach(&mut session, &reader)?;
    let export: String = session
        .query_one("SELECT vpd.export_person('7', 'buyer')::text", &[])?
        .get(0);
    assert!(
        export.contains("buyer@planted") && !export.contains("staff@planted"),
        "{export}"
    );
    session.rollback()?;
    assert_refused(
        officer.batch_execute("SELECT vpd.forget_person('7')"),
        "42704",
        "person_unknown",
    );
    officer.batch_execute("SELECT vpd.forget_person('7', 'buyer')")?;
    assert_eq!(
        seen(&database, &reader, "SELECT mail FROM shop.staff")?.as_deref(),
        Ok("staff@planted|")
    );
    assert_eq!(
        seen(&database, &reader, "SELECT vpd.unseal(mail) FROM shop.buyers")?.as_deref(),
        Ok("(null)|")
    );
    Ok(())
}

#[test]
fn forgetting_waits_for_the_first_writer_with_another_key() -> Result<()> {
    let database = shop()?;
    let mut writer = database.connect(role::USER)?;
    let mut writing = writer.transaction()?;
    writing.batch_execute("INSERT INTO shop.more VALUES ('ann', 'with another key')")?;
    let mut security = database.connect(role::SECURITY)?;
    let forgetting = thread::spawn(move || {
        security
            .query_one("SELECT vpd.forget_person('ann')", &[])
            .map(|row| row.get::<_, i64>(0))
    });
    thread::sleep(std::time::Duration::from_millis(300));
    assert!(!forgetting.is_finished(), "it did not wait");
    writing.commit()?;
    assert_eq!(forgetting.join().map_err(|_| "the thread fell")??, 2);
    let reader = Subject::new("reader").privilege("pii:read").log_in(&database)?;
    assert_eq!(
        seen(&database, &reader, "SELECT vpd.unseal(body) FROM shop.more")?.as_deref(),
        Ok("(null)|")
    );
    Ok(())
}

#[test]
fn naming_again_takes_the_checks_along_and_partitions_follow() -> Result<()> {
    let database = shop()?;
    let mut admin = database.admin()?;
    admin.batch_execute("SELECT vpd.add_policy('shop.customers', 'all', 'true')")?;
    let told =
        "SELECT count(*) FROM vpd.posture() WHERE finding = 'trigger' AND object LIKE '%seal_for_person%'";
    assert_eq!(
        admin.query_one(told, &[])?.get::<_, i64>(0),
        0,
        "the library's own trigger is no risk"
    );
    admin.batch_execute(
        "ALTER TABLE shop.letters ADD writer text; SELECT vpd.name_person('shop.letters', 'writer', 'employee');
         SET ROLE app_owner; CREATE TABLE shop.late (LIKE shop.letters); RESET ROLE;
         SELECT vpd.name_person('shop.late', 'writer', 'employee');
         INSERT INTO shop.late VALUES ('bob', 'late@planted', 12, 'eve');
         ALTER TABLE shop.letters ATTACH PARTITION shop.late FOR VALUES FROM (10) TO (20);
         INSERT INTO shop.letters (customer, body, sent, writer) VALUES ('bob', 'new@planted', 3, 'eve'), ('bob', 'new@planted', 13, 'eve')",
    )?;
    assert_refused(
        admin.batch_execute("INSERT INTO shop.letters (customer, body, sent) VALUES ('bob', 'x', 3)"),
        "23502",
        "person_missing",
    );
    admin.batch_execute("SELECT vpd.name_person('shop.letters', 'customer')")?;
    let checks: i64 = admin
        .query_one("SELECT count(*) FROM pg_constraint WHERE contype = 'c' AND pg_get_constraintdef(oid) LIKE '%employee%'", &[])?
        .get(0);
    assert_eq!(checks, 0, "checks of the former name are left");
    admin.batch_execute(
        "INSERT INTO shop.letters (customer, body, sent) VALUES ('bob', 'x', 3), ('bob', 'y', 13)",
    )?;
    // Taken in and out again, a column leaves no check behind.
    let reader = Subject::new("reader").privilege("pii:read").log_in(&database)?;
    let mut officer = officer(&database)?;
    let mut session = officer.transaction()?;
    vpd_tests::attach(&mut session, &reader)?;
    session.batch_execute("SELECT vpd.unseal_column('shop.letters', 'body')")?;
    session.commit()?;
    admin
        .batch_execute("INSERT INTO shop.letters (customer, body, sent) VALUES ('bob', 'in the clear', 3)")?;
    officer.batch_execute("SELECT vpd.seal_column('shop.letters', 'body', 'person')")?;
    let guarded =
        outcome(admin.batch_execute("INSERT INTO shop.letters (body, sent) VALUES ('about nobody', 3)"));
    assert_eq!(
        guarded.err().and_then(|refusal| refusal.token).as_deref(),
        Some("person_missing")
    );
    Ok(())
}

#[test]
fn what_a_trigger_keeps_of_a_value_is_good_for_nothing() -> Result<()> {
    let database = shop()?;
    let mut admin = database.admin()?;
    admin.batch_execute(
        "SET ROLE app_owner;
         CREATE TABLE shop.stash (e text);
         GRANT ALL ON shop.stash TO app_user;
         CREATE FUNCTION shop.keep() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN INSERT INTO shop.stash VALUES (NEW.email::text); RETURN NEW; END';
         CREATE TRIGGER aaa BEFORE INSERT ON shop.customers FOR EACH ROW EXECUTE FUNCTION shop.keep()",
    )?;
    let mut user = database.connect(role::USER)?;
    user.batch_execute("INSERT INTO shop.customers VALUES ('eve', 'eve@planted')")?;
    admin.batch_execute("DROP TRIGGER aaa ON shop.customers")?;
    let kept: String = admin.query_one("SELECT e FROM shop.stash", &[])?.get(0);
    assert!(kept.starts_with("vpd:sealed:"), "control: it was kept: {kept}");
    for write in [
        "INSERT INTO shop.customers SELECT 'dan', e FROM shop.stash",
        "INSERT INTO shop.customers SELECT 'eve', e FROM shop.stash",
        "SELECT e::vpd.sealed_text FROM shop.stash",
    ] {
        assert_refused(user.batch_execute(write), "22P03", "envelope_broken");
    }
    let copied = copied_in(
        &mut user,
        "COPY shop.customers (name, email) FROM STDIN",
        &format!("dan\t{kept}\n"),
    );
    assert_eq!(
        copied.err().and_then(|refusal| refusal.token).as_deref(),
        Some("envelope_broken")
    );
    Ok(())
}

#[test]
fn a_value_becomes_somebody_elses_by_who_may_open_it_alone() -> Result<()> {
    let database = shop()?;
    let mut user = database.connect(role::USER)?;
    let reader = Subject::new("reader").privilege("pii:read").log_in(&database)?;
    for write in [
        "INSERT INTO shop.customers SELECT 'dan', email FROM shop.customers WHERE name = 'bob'",
        "UPDATE shop.customers SET name = 'dan' WHERE name = 'bob'",
    ] {
        assert_refused(user.batch_execute(write), "42501", "unseal_refused");
        let mut session = user.transaction()?;
        vpd_tests::attach(&mut session, &reader)?;
        session.batch_execute(write)?;
        session.rollback()?;
    }
    Ok(())
}

#[test]
fn what_is_about_somebody_else_is_put_right_by_sealing_anew() -> Result<()> {
    let database = shop()?;
    let mut admin = database.admin()?;
    admin.batch_execute(
        "ALTER TABLE shop.customers DISABLE TRIGGER ALL; ALTER TABLE shop.customers DROP CONSTRAINT vpd_about_email;
         UPDATE shop.customers SET name = 'ann';
         SELECT vpd.name_person('shop.customers', 'name')",
    )?;
    let reader = Subject::new("reader").privilege("pii:read").log_in(&database)?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute("CALL vpd.reseal('shop.customers')")?;
    // Of another kind from now on, by the administrator's own doing.
    admin.batch_execute("SELECT vpd.name_person('shop.letters', 'customer', 'addressee')")?;
    security.batch_execute("CALL vpd.reseal('shop.letters')")?;
    let read = "SELECT count(vpd.unseal(email)) FROM shop.customers";
    assert_eq!(seen(&database, &reader, read)?.as_deref(), Ok("2|"), "control");
    security.batch_execute("SELECT vpd.forget_person('ann'), vpd.forget_person('bob', 'addressee')")?;
    assert_eq!(seen(&database, &reader, read)?.as_deref(), Ok("0|"));
    assert_eq!(
        seen(
            &database,
            &reader,
            "SELECT count(vpd.unseal(body)) FROM shop.letters"
        )?
        .as_deref(),
        Ok("0|")
    );
    // Whoever touches a row of somebody who was forgotten does not make him known again.
    database
        .connect(role::USER)?
        .batch_execute("UPDATE shop.customers SET note = 'touched'")?;
    assert_refused(
        security.batch_execute("SELECT vpd.forget_person('ann')"),
        "42704",
        "person_unknown",
    );
    // The trigger that was disabled is enabled.
    database
        .connect(role::USER)?
        .batch_execute("INSERT INTO shop.customers VALUES ('ann', 'again')")?;
    Ok(())
}
