//! Who makes a value somebody else's: whoever administers keys, when he says that another column names the person; nobody whose code runs along.

use vpd_tests::{Database, Result, Subject, assert_refused, attach, outcome, role};

use super::scene::{officer, seen};

const SHOP: &str = "
SELECT vpd.create_key('person', 'pii:read', per_person => true);
SELECT vpd.create_key('pii', 'pii:read');
CREATE SCHEMA shop AUTHORIZATION app_owner;
GRANT USAGE ON SCHEMA shop TO PUBLIC;
SET ROLE app_owner;
CREATE TABLE shop.customers (number text, name text, email vpd.sealed_text('person'));
CREATE TABLE shop.bait (name text, body vpd.sealed_text('person'), note text, secret vpd.sealed_text('pii'));
CREATE TABLE shop.loot (said text, email text);
RESET ROLE;
SELECT vpd.name_person('shop.customers', 'name');
SELECT vpd.name_person('shop.bait', 'name');
INSERT INTO shop.customers VALUES ('7', 'ann', 'ann@planted'), ('8', 'bob', 'bob@planted');
INSERT INTO shop.bait VALUES ('zoe', 'bait', 'note', 'secret');
GRANT ALL ON ALL TABLES IN SCHEMA shop TO app_user;
";

/// Runs with whatever an administrator does to the table: tells what called it, and seals for another person what it can read, with all that looks like a permit there.
const RUNS_ALONG: &str = r#"
CREATE FUNCTION shop.steal(said text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE permit text := coalesce(substring(said FROM '[0-9a-f]{64}'), repeat('0', 64));
BEGIN
    INSERT INTO shop.loot (said) VALUES (said);
    INSERT INTO shop.loot (email) SELECT CAST(vpd.sealed_anew(email, 'person:mallory', permit) AS text) FROM shop.customers WHERE name = 'ann';
EXCEPTION WHEN OTHERS THEN
    INSERT INTO shop.loot (said) VALUES (said || SQLERRM);
END $$;
CREATE FUNCTION shop.spy(value text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$
DECLARE said text;
BEGIN
    GET DIAGNOSTICS said = PG_CONTEXT;
    PERFORM shop.steal(said);
    RETURN value;
END $$;
CREATE INDEX bait_index ON shop.bait (shop.spy(name));
ALTER TABLE shop.bait ADD CHECK (shop.spy(name) IS NOT NULL);
"#;

fn shop() -> Result<Database<'static>> {
    let database = Database::create()?;
    database.admin()?.batch_execute(SHOP)?;
    Ok(database)
}

fn reader(database: &Database<'_>) -> Result<String> {
    Subject::new("reader").privilege("pii:read").log_in(database)
}

#[test]
fn code_that_runs_along_seals_and_opens_nothing() -> Result<()> {
    let database = shop()?;
    let reader = reader(&database)?;
    let mut owner = database.connect(role::OWNER)?;
    owner.batch_execute(RUNS_ALONG)?;
    let mut officer = officer(&database)?;
    for command in [
        "CALL vpd.reseal('shop.bait')",
        "SELECT vpd.seal_column('shop.bait', 'note', 'person')",
        "SELECT vpd.unseal_column('shop.bait', 'secret')",
        "SELECT vpd.forget_person('zoe')",
        "SELECT count(*) FROM vpd.key_usage",
    ] {
        owner.batch_execute("DELETE FROM shop.loot")?;
        if command.contains("unseal_column") {
            let mut session = officer.transaction()?;
            attach(&mut session, &reader)?;
            session.batch_execute(command)?;
            session.commit()?;
        } else {
            officer.batch_execute("SELECT vpd.rotate_key('person')")?;
            officer.batch_execute(command)?;
        }
        let row = owner.query_one(
            "SELECT count(said), count(email), count(*) FILTER (WHERE said ~ '[0-9a-f]{64}') FROM shop.loot",
            &[],
        )?;
        let (calls, stolen, permits): (i64, i64, i64) = (row.get(0), row.get(1), row.get(2));
        assert_eq!((stolen, permits), (0, 0), "{command}");
        let runs_along = !command.contains("key_usage") && !command.contains("forget_person");
        assert!(
            calls > 0 || !runs_along,
            "{command}: the control, nothing ran along"
        );
    }
    Ok(())
}

/// What the owner of a table does to the name of the person in its rows, without the privilege of the key.
const RENAMES: [&str; 4] = [
    "ALTER TABLE shop.customers ALTER name TYPE varchar USING 'mallory'",
    "ALTER TABLE shop.customers DISABLE TRIGGER USER; ALTER TABLE shop.customers DROP CONSTRAINT vpd_about_email;
     UPDATE shop.customers SET name = 'mallory';
     ALTER TABLE shop.customers ADD CONSTRAINT vpd_about_email CHECK (vpd.sealed_is_about(email, 'person:' || name) OR true) NOT VALID;
     ALTER TABLE shop.customers ENABLE TRIGGER USER",
    "ALTER TABLE shop.customers DROP CONSTRAINT vpd_about_email; ALTER TABLE shop.customers ADD CONSTRAINT vpd_about_email CHECK (vpd.sealed_is_about(email, CASE name WHEN 'mallory' THEN 'person:ann' ELSE 'person:' || name END)) NOT VALID;
     ALTER TABLE shop.customers DISABLE TRIGGER USER; UPDATE shop.customers SET name = 'mallory' WHERE name = 'ann'; ALTER TABLE shop.customers ENABLE TRIGGER USER",
    "ALTER TABLE shop.customers DROP name; ALTER TABLE shop.customers ADD name text DEFAULT 'mallory'",
];

#[test]
fn what_the_owner_does_to_names_makes_no_value_somebody_elses() -> Result<()> {
    for rename in RENAMES {
        let database = shop()?;
        let reader = reader(&database)?;
        let mut owner = database.connect(role::OWNER)?;
        if let Err(refusal) = outcome(owner.batch_execute(rename)) {
            assert!(
                ["42501", "55000"].contains(&refusal.state.code()),
                "{rename}: {refusal:?}"
            );
            continue;
        }
        let mut security = database.connect(role::SECURITY)?;
        security.batch_execute("SELECT vpd.rotate_key('person')")?;
        let _missing_name = outcome(security.batch_execute("CALL vpd.reseal('shop.customers')"));
        security.batch_execute("SELECT vpd.forget_person('ann')")?;
        for read in [
            "SELECT count(vpd.unseal(email)) FILTER (WHERE vpd.unseal(email) = 'ann@planted') FROM shop.customers",
            "SELECT count(*) FILTER (WHERE CAST(email AS text) = 'ann@planted') FROM shop.customers",
        ] {
            assert_eq!(seen(&database, &reader, read)?.as_deref(), Ok("0|"), "{rename}");
        }
    }
    Ok(())
}

#[test]
fn a_check_that_says_more_than_the_library_wrote_guards_nothing() -> Result<()> {
    for check in [
        "vpd.sealed_is_about(email, 'person:' || name) OR true",
        "vpd.sealed_is_about(email, 'person:' || CASE name WHEN 'ann' THEN 'bob' ELSE name END)",
        "vpd.sealed_is_about(email, 'person:' || number)",
        "vpd.sealed_is_about(email, 'person:' || 'bob')",
        "vpd.sealed_is_about(email, 'person:' || lower(name))",
    ] {
        let database = shop()?;
        database.connect(role::OWNER)?.batch_execute(&format!(
            "ALTER TABLE shop.customers DROP CONSTRAINT vpd_about_email; ALTER TABLE shop.customers ADD CONSTRAINT vpd_about_email CHECK ({check}) NOT VALID"
        ))?;
        let mut user = database.connect(role::USER)?;
        let inserted = user.batch_execute("INSERT INTO shop.customers VALUES ('9', 'ann', 'x')");
        assert_refused(inserted, "55000", "person_not_named");
        // Named once more, with the check out of the way, it takes values again.
        database
            .connect(role::OWNER)?
            .batch_execute("ALTER TABLE shop.customers DROP CONSTRAINT vpd_about_email")?;
        database
            .connect(role::SECURITY)?
            .batch_execute("SELECT vpd.name_person('shop.customers', 'name')")?;
        user.batch_execute("INSERT INTO shop.customers VALUES ('9', 'ann', 'x')")?;
    }
    Ok(())
}

#[test]
fn whoever_is_forgotten_is_not_left_in_rows_that_name_him() -> Result<()> {
    let database = shop()?;
    let reader = reader(&database)?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute("SELECT vpd.name_person('shop.customers', 'number')")?;
    database
        .connect(role::USER)?
        .batch_execute("INSERT INTO shop.customers VALUES ('7', 'zoe', 'zoe@planted')")?;
    let read = "SELECT vpd.unseal(email) FROM shop.customers WHERE number = '7' ORDER BY ctid";
    // The first row is about ann yet.
    assert_refused(
        security.batch_execute("SELECT vpd.forget_person('7')"),
        "55000",
        "person_differs",
    );
    assert_eq!(
        seen(&database, &reader, read)?.as_deref(),
        Ok("ann@planted|\nzoe@planted|")
    );
    security.batch_execute("CALL vpd.reseal('shop.customers')")?;
    security.batch_execute("SELECT vpd.forget_person('7')")?;
    assert_eq!(seen(&database, &reader, read)?.as_deref(), Ok("(null)|\n(null)|"));
    // An owner whose code fails keeps nobody from being forgotten, and breaks no export.
    database
        .connect(role::OWNER)?
        .batch_execute("ALTER TABLE shop.bait ALTER name TYPE jsonb USING to_jsonb(name)")?;
    let mut session = officer(&database)?;
    let mut session = session.transaction()?;
    attach(&mut session, &reader)?;
    let export: String = session
        .query_one("SELECT vpd.export_person('8')::text", &[])?
        .get(0);
    assert!(export.contains("bob@planted"), "{export}");
    session.rollback()?;
    security.batch_execute("SELECT vpd.forget_person('8')")?;
    Ok(())
}

#[test]
fn no_definition_fills_a_column_with_values_about_nobody() -> Result<()> {
    let database = shop()?;
    let reader = reader(&database)?;
    let mut owner = database.connect(role::OWNER)?;
    owner.batch_execute(
        "CREATE TABLE shop.plain (name text, note text, born date, profile jsonb, safe vpd.sealed_text('pii'));
         GRANT ALL ON shop.plain TO app_user;
         INSERT INTO shop.plain VALUES ('ann', 'note@planted', '1984-01-02', '{\"planted\": 1}', 'safe@planted')",
    )?;
    database
        .connect(role::SECURITY)?
        .batch_execute("SELECT vpd.name_person('shop.plain', 'name')")?;
    for definition in [
        "ALTER TABLE shop.plain ALTER note TYPE vpd.sealed_text('person')",
        "ALTER TABLE shop.plain ALTER note TYPE vpd.sealed_text('person') USING 'fix'::text",
        "ALTER TABLE shop.plain ALTER born TYPE vpd.sealed_date('person') USING born::text",
        "ALTER TABLE shop.plain ALTER profile TYPE vpd.sealed_jsonb('person')",
        "ALTER TABLE shop.plain ALTER safe TYPE vpd.sealed_text('person')",
        "ALTER TABLE shop.plain ADD more vpd.sealed_text('person') DEFAULT 'x'::text",
        "ALTER TABLE shop.plain ADD IF NOT EXISTS more vpd.sealed_text('person') DEFAULT 'x'::text, ADD other text",
    ] {
        assert_refused(owner.batch_execute(definition), "55000", "person_not_named");
    }
    // The way of the library; a column that is empty at first; and a default of rows that are to come.
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute("SELECT vpd.seal_column('shop.plain', 'note', 'person')")?;
    owner.batch_execute("ALTER TABLE shop.plain ADD more vpd.sealed_text('person')")?;
    security.batch_execute("SELECT vpd.name_person('shop.plain', 'name')")?;
    owner.batch_execute("ALTER TABLE shop.plain ALTER more SET DEFAULT CAST(CAST('d@planted' AS text) AS vpd.sealed_text); UPDATE shop.plain SET more = 'm@planted'; INSERT INTO shop.plain (name) VALUES ('bob')")?;
    let read = "SELECT vpd.unseal(note), vpd.unseal(more) FROM shop.plain ORDER BY name";
    assert_eq!(
        seen(&database, &reader, read)?.as_deref(),
        Ok("note@planted|m@planted|\n(null)|d@planted|")
    );
    security.batch_execute("SELECT vpd.forget_person('ann')")?;
    assert_eq!(
        seen(&database, &reader, read)?.as_deref(),
        Ok("(null)|(null)|\n(null)|d@planted|")
    );
    Ok(())
}

/// Lies of an owner about his table: an index, or a check, of rows that a function chose which says something else by now.
const LIES: [&str; 5] = [
    "CREATE INDEX lie ON shop.customers (number) WHERE name = shop.word()",
    "CREATE INDEX lie ON shop.customers (name) WHERE email IS NOT NULL AND name = shop.word()",
    "CREATE INDEX lie ON shop.customers (number) WHERE email IS NOT NULL AND shop.word() = 'other'",
    "ALTER TABLE shop.customers ADD CHECK (name = ANY (ARRAY[shop.word(), 'ann', 'bob', 'zoe', 'gus']))",
    "CREATE FUNCTION shop.sets() RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN
         PERFORM set_config('constraint_exclusion', 'on', true), set_config('enable_indexscan', 'on', true), set_config('enable_seqscan', 'off', true); RETURN shop.word(); END $$;
     CREATE INDEX lie ON shop.customers (name) WHERE name = shop.sets()",
];

#[test]
fn no_lie_of_an_owner_hides_a_row_from_who_administers_keys() -> Result<()> {
    for lie in LIES {
        let database = shop()?;
        let reader = reader(&database)?;
        let mut owner = database.connect(role::OWNER)?;
        owner.batch_execute(
            "CREATE FUNCTION shop.word() RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'nobody'::text $$",
        )?;
        database.admin()?.batch_execute(
            "INSERT INTO shop.customers SELECT n, 'zoe', 'z@planted' FROM generate_series(10, 2000) n",
        )?;
        // One row names gus, and holds what is about ann.
        owner.batch_execute("ALTER TABLE shop.customers ALTER name TYPE text USING CASE name WHEN 'ann' THEN 'gus' ELSE name END")?;
        database
            .admin()?
            .batch_execute("INSERT INTO shop.customers VALUES ('9', 'gus', 'gus@planted')")?;
        owner.batch_execute(lie)?;
        for word in ["gus", "other"] {
            owner.batch_execute(&format!(
                "CREATE OR REPLACE FUNCTION shop.word() RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT '{word}'::text $$"
            ))?;
            let mut security = database.connect(role::SECURITY)?;
            let forgotten =
                security.batch_execute("SET constraint_exclusion = on; SELECT vpd.forget_person('gus')");
            assert_refused(forgotten, "55000", "person_differs");
            let counted: i64 = security
                .query_one("SELECT sum(sealed_values)::bigint FROM vpd.key_usage WHERE relation = 'shop.customers'::regclass", &[])?
                .get(0);
            assert_eq!(counted, 1994, "{lie}");
            let mut session = officer(&database)?;
            let mut session = session.transaction()?;
            attach(&mut session, &reader)?;
            let export: String = session
                .query_one("SELECT vpd.export_person('gus')::text", &[])?
                .get(0);
            assert!(export.contains("gus@planted"), "{lie}: {export}");
        }
        let mut security = database.connect(role::SECURITY)?;
        security.batch_execute("SELECT vpd.rotate_key('person')")?;
        // Nobody has said that such values are to become about others.
        assert_refused(
            security.batch_execute("CALL vpd.reseal('shop.customers')"),
            "55000",
            "person_differs",
        );
        security.batch_execute("SELECT vpd.name_person('shop.customers', 'name')")?;
        security.batch_execute("CALL vpd.reseal('shop.customers')")?;
        security.batch_execute("CALL vpd.reseal('shop.bait')")?;
        security.batch_execute("SELECT vpd.destroy_key('person', 'person', 1)")?;
        let read = "SET LOCAL enable_indexscan = off; SET LOCAL enable_bitmapscan = off; SELECT count(vpd.unseal(email)) FROM shop.customers";
        assert!(
            seen(&database, &reader, read)?.is_ok_and(|lines| lines.ends_with("1994|")),
            "{lie}"
        );
    }
    Ok(())
}

#[test]
fn a_partition_says_what_its_root_says_also_when_it_is_detached() -> Result<()> {
    let database = shop()?;
    let reader = reader(&database)?;
    let mut admin = database.admin()?;
    admin.batch_execute(
        "SET ROLE app_owner;
         CREATE TABLE shop.letters (customer text, writer text, body vpd.sealed_text('person'), sent integer) PARTITION BY RANGE (sent);
         CREATE TABLE shop.early PARTITION OF shop.letters FOR VALUES FROM (0) TO (10);
         RESET ROLE;
         SELECT vpd.name_person('shop.letters', 'customer');
         SET ROLE app_owner;
         CREATE TABLE shop.late PARTITION OF shop.letters FOR VALUES FROM (10) TO (20) PARTITION BY RANGE (sent);
         CREATE TABLE shop.later (gone text, LIKE shop.letters);
         ALTER TABLE shop.later DROP gone;
         CREATE TABLE shop.latest PARTITION OF shop.late FOR VALUES FROM (15) TO (20);
         RESET ROLE;
         SELECT vpd.name_person('shop.later', 'customer');
         ALTER TABLE shop.later VALIDATE CONSTRAINT vpd_about_body;
         ALTER TABLE shop.late ATTACH PARTITION shop.later FOR VALUES FROM (10) TO (15);
         INSERT INTO shop.letters VALUES ('bob', 'eve', 'early@planted', 1), ('bob', 'eve', 'later@planted', 11), ('bob', 'eve', 'latest@planted', 16);
         GRANT ALL ON ALL TABLES IN SCHEMA shop TO app_user",
    )?;
    let mut security = database.connect(role::SECURITY)?;
    for partition in ["early", "late", "later", "latest"] {
        // Another column, or kind, is for the root to say.
        for other in ["'writer'", "'customer', 'employee'"] {
            let refused = assert_refused(
                security.batch_execute(&format!("SELECT vpd.name_person('shop.{partition}', {other})")),
                "42809",
                "relation_unsupported",
            );
            assert!(
                refused.text.contains("shop.letters"),
                "{partition}: {}",
                refused.text
            );
        }
        // The same enables its trigger.
        if partition != "late" {
            database
                .connect(role::OWNER)?
                .batch_execute(&format!("ALTER TABLE shop.{partition} DISABLE TRIGGER USER"))?;
            let put = format!(
                "INSERT INTO shop.{partition} (customer, body, sent) SELECT 'ann', 'x', sent FROM shop.{partition} LIMIT 1"
            );
            assert_refused(admin.batch_execute(&put), "55000", "person_not_named");
            security.batch_execute(&format!("SELECT vpd.name_person('shop.{partition}', 'customer')"))?;
            admin.batch_execute(&put)?;
        }
    }
    admin.batch_execute(
        "ALTER TABLE shop.letters DETACH PARTITION shop.early; ALTER TABLE shop.letters DETACH PARTITION shop.late; ALTER TABLE shop.late DETACH PARTITION shop.later",
    )?;
    let mut session = officer(&database)?;
    let mut session = session.transaction()?;
    attach(&mut session, &reader)?;
    let export: String = session
        .query_one("SELECT vpd.export_person('bob')::text", &[])?
        .get(0);
    for planted in ["early@planted", "later@planted", "latest@planted"] {
        assert!(export.contains(planted), "{planted}: {export}");
    }
    session.rollback()?;
    // Rows of a detached one are looked at, when somebody is forgotten.
    database.connect(role::OWNER)?.batch_execute(
        "ALTER TABLE shop.early DISABLE TRIGGER USER; ALTER TABLE shop.early DROP CONSTRAINT vpd_about_body; UPDATE shop.early SET customer = 'ann' WHERE customer = 'bob'",
    )?;
    assert_refused(
        security.batch_execute("SELECT vpd.forget_person('ann')"),
        "55000",
        "person_differs",
    );
    Ok(())
}
