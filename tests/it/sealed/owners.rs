//! Owners of tables write checks, triggers and rules; what an administrator does to their tables runs them, and gives them nothing.

use vpd_tests::{Result, assert_refused, attach, outcome, role};

use super::scene::{manager, people, seen, without_session};

#[test]
fn a_check_of_the_owner_sees_nobodys_session_while_a_column_is_unsealed() -> Result<()> {
    let database = people()?;
    let mut admin = database.admin()?;
    admin.batch_execute(&format!(
        "SELECT vpd.grant_profile('runtime', '{}');
         SET ROLE app_owner;
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
        role::SECURITY
    ))?;
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
    let mut officer = database.connect(role::SECURITY)?;
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
    let is_done = "SELECT count(*) FROM vpd.reseal_progress WHERE relation = 'shop.people'::regclass AND finished_at IS NOT NULL";
    for _ in 0..50 {
        security.batch_execute("SELECT vpd.purge()")?;
        if security.query_one(is_done, &[])?.get::<_, i64>(0) == 1 {
            break;
        }
    }
    assert_eq!(security.query_one(is_done, &[])?.get::<_, i64>(0), 1);
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
    let left = "SELECT count(*) FROM vpd.reseal_progress WHERE finished_at IS NULL";
    for _ in 0..50 {
        security.batch_execute("SELECT vpd.purge()")?;
        if security.query_one(left, &[])?.get::<_, i64>(0) == 0 {
            return Ok(());
        }
    }
    Err("it was never sealed anew".into())
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
