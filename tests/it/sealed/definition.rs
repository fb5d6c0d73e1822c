//! Definitions of sealed columns: each names its key and gets a number of its own, and nothing that no key has sealed is ever stored.

use vpd_tests::{Database, Result, assert_refused, outcome, role};

use super::scene::{manager, people, seen};

/// Modifiers of the sealed columns of a table.
fn modifiers(database: &Database<'_>, table: &str) -> Result<Vec<i32>> {
    let rows = database.admin()?.query(
        "SELECT atttypmod FROM pg_attribute WHERE attrelid = $1::text::regclass AND atttypid = 'vpd.sealed_text'::regtype ORDER BY attnum",
        &[&table],
    )?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

#[test]
fn each_column_has_a_number_that_copies_of_the_table_keep() -> Result<()> {
    let database = people()?;
    let mut owner = database.connect(role::OWNER)?;
    let own = modifiers(&database, "shop.people")?;
    assert_eq!(own.len(), 5);
    assert!(
        own.iter()
            .enumerate()
            .all(|(at, number)| *number > 0 && !own[..at].contains(number)),
        "{own:?}"
    );
    owner.batch_execute(
        "CREATE TABLE shop.copied AS SELECT ssn, email, hint, code, other FROM shop.people;
         CREATE TABLE shop.alike (LIKE shop.people);
         CREATE TABLE shop.child () INHERITS (shop.people);
         CREATE TABLE shop.parted (id integer, ssn vpd.sealed_text('pii')) PARTITION BY LIST (id);
         CREATE TABLE shop.part PARTITION OF shop.parted DEFAULT;
         ALTER TABLE shop.parted ADD COLUMN mail vpd.sealed_text('pii'), ADD COLUMN code text;
         ALTER TABLE shop.parted ALTER COLUMN code TYPE vpd.sealed_text('pii')",
    )?;
    for copy in ["shop.copied", "shop.alike", "shop.child"] {
        assert_eq!(modifiers(&database, copy)?, own, "{copy}");
    }
    let parted = modifiers(&database, "shop.parted")?;
    assert_eq!(parted.len(), 3);
    assert_eq!(modifiers(&database, "shop.part")?, parted);
    // What was copied is still sealed for its column.
    let manager = manager(&database)?;
    database
        .admin()?
        .batch_execute("GRANT ALL ON ALL TABLES IN SCHEMA shop TO app_user")?;
    assert_eq!(
        seen(
            &database,
            &manager,
            "SELECT ssn FROM shop.copied WHERE ssn = '555-104'"
        )?
        .as_deref(),
        Ok("555-104|")
    );
    owner.batch_execute("INSERT INTO shop.parted VALUES (1, 'in a part', 'mail', 'code')")?;
    assert_eq!(
        seen(&database, &manager, "SELECT ssn, mail, code FROM shop.parted")?.as_deref(),
        Ok("in a part|mail|code|")
    );
    Ok(())
}

#[test]
fn a_definition_without_a_key_is_refused() -> Result<()> {
    let database = people()?;
    let mut owner = database.connect(role::OWNER)?;
    owner.batch_execute(
        "CREATE VIEW shop.opened AS SELECT vpd.unseal(ssn) AS ssn FROM shop.people; CREATE TYPE shop.pair AS (one text);
         CREATE TABLE shop.computed (x text, y text GENERATED ALWAYS AS (x) STORED)",
    )?;
    for (statement, token) in [
        ("CREATE TABLE shop.bad (x vpd.sealed_text)", "key_not_named"),
        ("CREATE TABLE shop.bad (x vpd.sealed_text[])", "not_a_column"),
        (
            "CREATE TABLE shop.bad (x vpd.sealed_text('pii')[])",
            "not_a_column",
        ),
        ("CREATE TABLE shop.bad (x shop.people)", "not_a_column"),
        ("CREATE TABLE shop.bad (x shop.people[])", "not_a_column"),
        (
            "CREATE TABLE shop.bad AS SELECT p FROM shop.people p",
            "not_a_column",
        ),
        (
            "CREATE TABLE shop.bad AS SELECT array_agg(ssn) FROM shop.people",
            "not_a_column",
        ),
        (
            "ALTER TABLE shop.twins ADD COLUMN bad shop.people",
            "not_a_column",
        ),
        (
            "ALTER TABLE shop.twins ADD COLUMN bad vpd.sealed_date('pii')[]",
            "not_a_column",
        ),
        ("CREATE TYPE shop.bad AS (x shop.people)", "not_a_column"),
        (
            "CREATE TYPE shop.bad AS (x vpd.sealed_text('pii'))",
            "not_a_column",
        ),
        (
            "ALTER TYPE shop.pair ADD ATTRIBUTE bad vpd.sealed_text('pii')",
            "not_a_column",
        ),
        ("CREATE DOMAIN shop.bad AS vpd.sealed_text('pii')", "not_a_column"),
        (
            "CREATE DOMAIN shop.bad AS vpd.sealed_text('pii')[]",
            "not_a_column",
        ),
        ("CREATE DOMAIN shop.bad AS shop.people", "not_a_column"),
        (
            "CREATE TABLE shop.bad (x text, y vpd.sealed_text('pii') GENERATED ALWAYS AS (x) STORED)",
            "not_a_column",
        ),
        (
            "ALTER TABLE shop.twins ADD COLUMN bad vpd.sealed_text('pii') GENERATED ALWAYS AS (email) STORED",
            "not_a_column",
        ),
        (
            "ALTER TABLE shop.computed ALTER COLUMN y TYPE vpd.sealed_text('pii')",
            "not_a_column",
        ),
        (
            "CREATE TABLE shop.bad (x vpd.sealed_text('none'))",
            "sealing_key_not_found",
        ),
        (
            "CREATE TABLE shop.bad (x vpd.sealed_text('pii', 'x'))",
            "argument_invalid",
        ),
        (
            "CREATE TABLE shop.bad (x vpd.sealed_text('pii', '0'))",
            "argument_invalid",
        ),
        (
            "CREATE TABLE shop.bad (x vpd.sealed_text('pii', '1', '2'))",
            "argument_invalid",
        ),
        (
            "ALTER TABLE shop.twins ADD COLUMN bad vpd.sealed_date",
            "key_not_named",
        ),
        (
            "ALTER TABLE shop.twins ALTER COLUMN ssn TYPE vpd.sealed_text",
            "key_not_named",
        ),
        ("CREATE TYPE shop.bad AS (x vpd.sealed_text)", "not_a_column"),
        ("CREATE DOMAIN shop.bad AS vpd.sealed_text", "not_a_column"),
        (
            "CREATE TYPE shop.bad AS RANGE (subtype = vpd.sealed_text)",
            "not_a_column",
        ),
        (
            "CREATE TABLE shop.bad AS SELECT 'open'::vpd.sealed_text AS x",
            "key_not_named",
        ),
        (
            "SELECT 'open'::vpd.sealed_text AS x INTO shop.bad",
            "key_not_named",
        ),
        (
            "CREATE TABLE shop.bad AS SELECT ssn FROM shop.people UNION ALL SELECT email FROM shop.people",
            "key_not_named",
        ),
        (
            "CREATE MATERIALIZED VIEW shop.bad AS SELECT 'open'::vpd.sealed_text AS x",
            "literal_kept",
        ),
        (
            "CREATE TABLE shop.bad AS SELECT ARRAY['open'::vpd.sealed_text] AS x",
            "not_a_column",
        ),
    ] {
        let refused = outcome(owner.batch_execute(statement));
        let refusal = refused
            .err()
            .ok_or_else(|| format!("went through: {statement}"))?;
        assert_eq!(
            refusal.token.unwrap_or_default(),
            token,
            "{statement}: {}",
            refusal.text
        );
        assert!(refusal.has_hint, "{statement}");
    }
    let left: i64 = database
        .admin()?
        .query_one("SELECT count(*) FROM pg_class WHERE relname = 'bad'", &[])?
        .get(0);
    assert_eq!(left, 0);
    Ok(())
}

#[test]
fn a_column_is_sealed_with_another_key_by_who_may_unseal() -> Result<()> {
    let database = people()?;
    let change = "ALTER TABLE shop.people ALTER COLUMN email TYPE vpd.sealed_text('quiet')";
    assert_refused(
        database.connect(role::OWNER)?.batch_execute(change),
        "42501",
        "unseal_refused",
    );
    let manager = manager(&database)?;
    let mut admin = database.admin()?;
    let mut session = admin.transaction()?;
    vpd_tests::attach(&mut session, &manager)?;
    session.batch_execute(change)?;
    session.commit()?;
    assert_eq!(
        seen(&database, &manager, "SELECT email FROM shop.people WHERE id = 1")?.as_deref(),
        Ok("person1@planted.example|")
    );
    Ok(())
}

#[test]
fn no_definition_keeps_a_literal_that_only_this_server_can_read() -> Result<()> {
    let database = people()?;
    let mut owner = database.connect(role::OWNER)?;
    for statement in [
        "CREATE VIEW shop.v AS SELECT id FROM shop.people WHERE ssn = '555-103'",
        "CREATE VIEW shop.v AS SELECT id FROM shop.people WHERE ssn IN ('555-103', '555-104')",
        "CREATE VIEW shop.v AS SELECT 'x'::vpd.sealed_text('pii') AS x",
        "CREATE MATERIALIZED VIEW shop.v AS SELECT id FROM shop.people WHERE ssn = '555-103'",
        "ALTER TABLE shop.people ALTER COLUMN email SET DEFAULT 'none'",
        "ALTER TABLE shop.people ADD CHECK (ssn <> '555-103')",
        "ALTER TABLE shop.people ADD COLUMN more vpd.sealed_text('pii') DEFAULT 'none'",
        "CREATE TABLE shop.v (x vpd.sealed_text('pii') DEFAULT 'none')",
        "CREATE RULE r AS ON DELETE TO shop.people WHERE OLD.ssn = '555-103' DO INSTEAD NOTHING",
        "CREATE POLICY p ON shop.people USING (ssn = '555-103')",
        "CREATE FUNCTION shop.f() RETURNS bigint BEGIN ATOMIC SELECT count(*) FROM shop.people WHERE ssn = '555-103'; END",
    ] {
        let refused = outcome(owner.batch_execute(statement));
        assert_eq!(
            refused.err().and_then(|refusal| refusal.token).as_deref(),
            Some("literal_kept"),
            "{statement}"
        );
        // What was refused says nothing of what comes next, in a savepoint that was rolled back either.
        owner.batch_execute("SELECT 'x'::vpd.sealed_text")?;
        let refused = outcome(owner.batch_execute(&format!("BEGIN; SAVEPOINT s; {statement}")));
        assert!(refused.is_err(), "{statement}");
        owner.batch_execute("ROLLBACK TO s; SELECT 'x'::vpd.sealed_text; COMMIT")?;
    }
    owner.batch_execute(
        "CREATE VIEW shop.found WITH (security_invoker) AS SELECT id FROM shop.people WHERE ssn = '555-103'::text;
         GRANT SELECT ON shop.found TO app_user;
         ALTER TABLE shop.people ALTER COLUMN email SET DEFAULT 'default'::text;
         INSERT INTO shop.people (id) VALUES (7);
         CREATE FUNCTION shop.f() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT count(*) FROM shop.people WHERE ssn = ''555-103''); END'",
    )?;
    let manager = manager(&database)?;
    assert_eq!(
        seen(&database, &manager, "SELECT id FROM shop.found")?.as_deref(),
        Ok("3|")
    );
    assert_eq!(
        seen(&database, &manager, "SELECT email FROM shop.people WHERE id = 7")?.as_deref(),
        Ok("default|")
    );
    assert_eq!(seen(&database, &manager, "SELECT shop.f()")?.as_deref(), Ok("1|"));
    Ok(())
}
