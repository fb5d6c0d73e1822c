//! Owners of tables write checks, triggers and rules; what an administrator does to their tables runs them, and gives them nothing.

use vpd_tests::{Result, assert_refused, attach, outcome, role};

use super::scene::{is_purged_until, manager, officer, people, seen, without_session};

#[test]
fn a_check_of_the_owner_sees_nobodys_session_while_a_column_is_unsealed() -> Result<()> {
    let database = people()?;
    let mut admin = database.admin()?;
    admin.batch_execute(
        "SET ROLE app_owner;
         CREATE TABLE shop.mine (id integer, word vpd.sealed_text('other'));
         INSERT INTO shop.mine VALUES (1, 'mine'), (2, 'mine too');
         CREATE TABLE shop.stolen (what text);
         CREATE FUNCTION shop.steal(n integer) RETURNS boolean LANGUAGE plpgsql AS $$
         BEGIN
             INSERT INTO shop.stolen VALUES ('ran as ' || coalesce(vpd.user_name(), 'nobody'));
             INSERT INTO shop.stolen SELECT vpd.unseal(ssn) FROM shop.people;
             RETURN true;
         EXCEPTION WHEN insufficient_privilege THEN
             INSERT INTO shop.stolen VALUES ('refused to ' || coalesce(vpd.user_name(), 'nobody'));
             RETURN true;
         END$$;
         ALTER TABLE shop.mine ADD CONSTRAINT thief CHECK (shop.steal(id)) NOT VALID;
         CREATE FUNCTION shop.index_steals(n integer) RETURNS integer IMMUTABLE LANGUAGE plpgsql AS 'BEGIN PERFORM shop.steal(n); RETURN n; END';
         RESET ROLE",
    )?;
    admin.batch_execute("SET ROLE app_owner; CREATE INDEX thief ON shop.mine (shop.index_steals(id)); TRUNCATE shop.stolen; RESET ROLE")?;
    let manager = manager(&database)?;
    // Control: with the session the same function takes everything.
    assert_eq!(
        seen(
            &database,
            &manager,
            "SELECT count(vpd.unseal(ssn)) FROM shop.people"
        )?
        .as_deref(),
        Ok("6|")
    );
    let mut officer = officer(&database)?;
    let mut session = officer.transaction()?;
    attach(&mut session, &manager)?;
    session.batch_execute("SELECT vpd.unseal_column('shop.mine', 'word')")?;
    session.commit()?;
    let stolen = without_session(
        &database,
        "postgres",
        "SELECT DISTINCT what FROM shop.stolen ORDER BY 1",
    )?;
    assert_eq!(
        stolen.as_deref(),
        Ok("refused to nobody|\n"),
        "control: it ran, as nobody"
    );
    let open = without_session(&database, "postgres", "SELECT word FROM shop.mine ORDER BY id")?;
    assert_eq!(open.as_deref(), Ok("mine|\nmine too|\n"));
    // The record names who did it, and the column.
    let mut auditor = database.connect(role::AUDITOR)?;
    auditor.query_one("SELECT vpd.flush_audit()", &[])?;
    let recorded = auditor.query(
        "SELECT user_name, relation, row_count FROM vpd.audit_trail WHERE event = 'unsealed' AND relation = 'shop.mine'",
        &[],
    )?;
    let recorded: Vec<(String, String, i64)> = recorded
        .iter()
        .map(|row| (row.get(0), row.get(1), row.get(2)))
        .collect();
    assert_eq!(recorded, [("manager".to_owned(), "shop.mine".to_owned(), 2)]);
    Ok(())
}

#[test]
fn a_rule_stops_sealing_anew_and_says_so() -> Result<()> {
    let database = people()?;
    let mut owner = database.connect(role::OWNER)?;
    owner.batch_execute("CREATE RULE nothing AS ON UPDATE TO shop.people DO INSTEAD NOTHING")?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute("SELECT vpd.rotate_key('pii')")?;
    let refused = assert_refused(
        security.batch_execute("SELECT vpd.reseal_batch('shop.people')"),
        "42809",
        "relation_unsupported",
    );
    assert!(refused.text.contains("nothing"), "{}", refused.text);
    owner.batch_execute("DROP RULE nothing ON shop.people")?;
    security.batch_execute("CALL vpd.reseal('shop.people')")?;
    Ok(())
}

#[test]
fn a_table_that_refuses_to_be_written_stops_nobody_else() -> Result<()> {
    let database = people()?;
    database.admin()?.batch_execute(
        "SET ROLE app_owner;
         CREATE TABLE shop.broken (ssn vpd.sealed_text('pii'));
         INSERT INTO shop.broken VALUES ('planted');
         CREATE FUNCTION shop.never() RETURNS boolean LANGUAGE plpgsql AS $$BEGIN RAISE 'never'; END$$;
         ALTER TABLE shop.broken ADD CHECK (shop.never()) NOT VALID",
    )?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute(
        "SELECT vpd.rotate_key('pii'); SELECT vpd.reseal_in_background('shop.broken'); SELECT vpd.reseal_in_background('shop.people')",
    )?;
    let is_done = "SELECT count(*) = 1 FROM vpd.reseal_progress WHERE relation = 'shop.people'::regclass AND finished_at IS NOT NULL";
    assert!(is_purged_until(&mut security, is_done)?);
    let failure: String = security
        .query_one(
            "SELECT failure FROM vpd.reseal_progress WHERE relation = 'shop.broken'::regclass",
            &[],
        )?
        .get(0);
    assert_eq!(failure, "never");
    database
        .admin()?
        .batch_execute("ALTER TABLE shop.broken DROP CONSTRAINT broken_check")?;
    let is_done = "SELECT count(*) = 0 FROM vpd.reseal_progress WHERE finished_at IS NULL";
    assert!(
        is_purged_until(&mut security, is_done)?,
        "it was never sealed anew"
    );
    Ok(())
}

#[test]
fn a_record_names_who_unsealed_and_every_table_that_it_may_have_been() -> Result<()> {
    let database = people()?;
    database.admin()?.batch_execute("CREATE TABLE shop.decoy (LIKE shop.people); GRANT ALL ON shop.decoy TO app_user; INSERT INTO shop.decoy SELECT * FROM shop.people")?;
    let manager = manager(&database)?;
    let other = vpd_tests::Subject::new("other")
        .privilege("pii:read")
        .log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    let mut session = user.transaction()?;
    attach(&mut session, &manager)?;
    session.query("SELECT ssn FROM shop.decoy LIMIT 0", &[])?;
    // The session changes before the statement ends.
    let switched = outcome(session.query(
        "SELECT (SELECT string_agg(vpd.unseal(ssn), ',') FROM shop.people), vpd.attach_session($1)",
        &[&other],
    ));
    let is_switched = switched.is_ok();
    drop(session);
    let mut session = user.transaction()?;
    attach(&mut session, &manager)?;
    // Copied into a column of another key: opened, though nobody saw it.
    session.batch_execute("UPDATE shop.people SET hint = ssn WHERE id = 1")?;
    session.commit()?;
    let mut auditor = database.connect(role::AUDITOR)?;
    auditor.query_one("SELECT vpd.flush_audit()", &[])?;
    let recorded: Vec<(String, String, i64)> = auditor
        .query(
            "SELECT user_name, details, row_count FROM vpd.audit_trail WHERE event = 'unsealed' ORDER BY sequence",
            &[],
        )?
        .iter()
        .map(|row| (row.get(0), row.get(1), row.get(2)))
        .collect();
    let copied = recorded.last().ok_or("nothing was recorded")?;
    assert_eq!((copied.0.as_str(), copied.2), ("manager", 1), "{recorded:?}");
    assert!(is_switched, "the statement went through: {switched:?}");
    let read = recorded.first().ok_or("nothing was recorded")?;
    assert_eq!((read.0.as_str(), read.2), ("manager", 6), "{recorded:?}");
    assert!(
        read.1.contains("shop.people") && read.1.contains("shop.decoy"),
        "{recorded:?}"
    );
    Ok(())
}

/// A function of the owner that takes what the session sees, and a table with an index that calls it.
const THIEF: &str = "
SET ROLE app_owner;
CREATE TABLE shop.stolen (what text);
CREATE FUNCTION shop.steal() RETURNS integer LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO shop.stolen VALUES ('ran as ' || coalesce(vpd.user_name(), 'nobody'));
    INSERT INTO shop.stolen SELECT vpd.unseal(ssn) FROM shop.alike;
    RETURN 1;
EXCEPTION WHEN insufficient_privilege THEN
    INSERT INTO shop.stolen VALUES ('refused to ' || coalesce(vpd.user_name(), 'nobody'));
    RETURN 1;
END$$;
CREATE FUNCTION shop.steal_at_once() RETURNS integer IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN shop.steal(); END';
CREATE TABLE shop.alike (LIKE shop.people);
INSERT INTO shop.alike SELECT * FROM shop.people;
CREATE TABLE shop.bait (LIKE shop.people);
CREATE TABLE shop.clear (id integer, ssn text);
INSERT INTO shop.clear VALUES (1, 'planted');
CREATE INDEX thief ON shop.bait (id) WHERE shop.steal_at_once() = 1;
CREATE INDEX thief2 ON shop.clear (id) WHERE shop.steal_at_once() = 1;
TRUNCATE shop.stolen;
RESET ROLE;
";

#[test]
fn conditions_of_indexes_see_nobodys_session_whatever_is_done_to_a_column() -> Result<()> {
    let database = people()?;
    let mut admin = database.admin()?;
    admin.batch_execute(THIEF)?;
    let manager = manager(&database)?;
    let mut officer = officer(&database)?;
    for call in [
        "SELECT vpd.seal_column('shop.clear', 'ssn', 'other')",
        "SELECT vpd.unseal_column('shop.bait', 'ssn')",
        "SELECT vpd.reseal_batch('shop.bait')",
        "SELECT count(*) FROM vpd.key_usage",
        "SELECT count(*) FROM vpd.find_personal_data('shop.clear')",
    ] {
        admin.batch_execute("TRUNCATE shop.stolen")?;
        let mut session = officer.transaction()?;
        attach(&mut session, &manager)?;
        session.batch_execute(call)?;
        session.commit()?;
        let stolen = without_session(&database, "postgres", "SELECT DISTINCT what FROM shop.stolen")?;
        let stolen = stolen.map_err(|refusal| refusal.text)?;
        assert!(
            stolen.is_empty() || stolen == "refused to nobody|\n",
            "{call}: {stolen}"
        );
    }
    Ok(())
}

#[test]
fn code_of_an_owner_that_fails_stops_nobody_elses_count() -> Result<()> {
    let database = people()?;
    database.admin()?.batch_execute(
        "SET ROLE app_owner;
         CREATE TABLE shop.sabotage (id integer, x vpd.sealed_text('pii'));
         CREATE FUNCTION shop.fails() RETURNS integer IMMUTABLE LANGUAGE plpgsql AS $$BEGIN RAISE 'sabotage'; END$$;
         CREATE FUNCTION shop.fails_later() RETURNS integer IMMUTABLE LANGUAGE plpgsql AS $$BEGIN RETURN 1; END$$;
         CREATE INDEX i ON shop.sabotage (id) WHERE shop.fails_later() = 1;
         CREATE OR REPLACE FUNCTION shop.fails_later() RETURNS integer IMMUTABLE LANGUAGE plpgsql AS $$BEGIN RAISE 'sabotage'; END$$",
    )?;
    let mut security = database.connect(role::SECURITY)?;
    let rows = security.query(
        "SELECT version FROM vpd.key_usage WHERE relation = 'shop.sabotage'::regclass AND version IS NULL AND sealed_values IS NULL",
        &[],
    )?;
    assert_eq!(rows.len(), 1, "it says that it could not count");
    let counted: i64 = security
        .query_one(
            "SELECT count(*) FROM vpd.key_usage WHERE relation = 'shop.people'::regclass AND version = 1",
            &[],
        )?
        .get(0);
    assert!(counted > 0);
    security.query("SELECT * FROM vpd.find_personal_data()", &[])?;
    security.batch_execute("SELECT vpd.rotate_key('pii')")?;
    security.batch_execute("CALL vpd.reseal('shop.people')")?;
    let refused = assert_refused(
        security.batch_execute("SELECT vpd.destroy_key('pii', 'pii', 1)"),
        "55000",
        "usage_unknown",
    );
    assert!(
        refused.text.contains("shop.sabotage: sabotage"),
        "{}",
        refused.text
    );
    Ok(())
}

#[test]
fn tables_of_the_server_are_refused_before_anybody_waits_for_them() -> Result<()> {
    let database = people()?;
    let mut reader = database.admin()?;
    let mut reading = reader.transaction()?;
    reading.query("SELECT count(*) FROM pg_catalog.pg_authid", &[])?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute("SET lock_timeout = '2s'")?;
    for call in [
        "SELECT vpd.seal_column('pg_catalog.pg_authid', 'rolname', 'pii')",
        "SELECT vpd.unseal_column('pg_catalog.pg_authid', 'rolname')",
        "SELECT vpd.name_person('pg_catalog.pg_authid', 'rolname')",
    ] {
        assert_refused(security.batch_execute(call), "42809", "relation_unsupported");
    }
    Ok(())
}

#[test]
fn a_trigger_that_goes_through_texts_does_not_store_the_mask() -> Result<()> {
    let database = people()?;
    database.admin()?.batch_execute(
        "CREATE TABLE shop.simple (id integer, email vpd.sealed_text('pii'), hint vpd.sealed_text('quiet'));
         INSERT INTO shop.simple VALUES (1, 'planted', 'planted'); GRANT ALL ON shop.simple TO app_user;
         CREATE FUNCTION shop.normal() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW := jsonb_populate_record(NEW, to_jsonb(NEW)); RETURN NEW; END';
         CREATE FUNCTION shop.upper() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.email := upper(NEW.email::text); RETURN NEW; END'",
    )?;
    let clerk = super::scene::clerk(&database)?;
    for function in ["normal", "upper"] {
        database.admin()?.batch_execute(&format!(
            "CREATE TRIGGER t BEFORE UPDATE ON shop.simple FOR EACH ROW EXECUTE FUNCTION shop.{function}()"
        ))?;
        let mut user = database.connect(role::USER)?;
        let mut session = user.transaction()?;
        attach(&mut session, &clerk)?;
        let written = outcome(session.batch_execute("UPDATE shop.simple SET id = 70"));
        drop(session);
        let refused = written.err().ok_or("the mask was stored")?;
        assert_eq!(
            refused.token.as_deref(),
            Some("column_masked"),
            "{function}: {}",
            refused.text
        );
        database.admin()?.batch_execute("DROP TRIGGER t ON shop.simple")?;
    }
    Ok(())
}
