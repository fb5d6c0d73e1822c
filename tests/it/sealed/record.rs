//! What was unsealed stands in the audit trail: once for each statement, key and column, whatever becomes of it, and nothing that was not.

use postgres::GenericClient;
use vpd_tests::{Database, Result, attach, outcome, role};

use super::scene::{clerk, manager, people};
use crate::masks::scene::told_in;

/// What was recorded since a record: relation, column, key and how many values.
fn recorded(database: &Database<'_>, since: i64) -> Result<Vec<(String, String, String, i64)>> {
    let mut auditor = database.connect(role::AUDITOR)?;
    auditor.query_one("SELECT vpd.flush_audit()", &[])?;
    let rows = auditor.query(
        "SELECT coalesce(relation, ''), coalesce(details::jsonb ->> 'column', ''), details::jsonb ->> 'key', row_count, user_name
           FROM vpd.audit_trail WHERE event = 'unsealed' AND sequence > $1 ORDER BY sequence",
        &[&since],
    )?;
    for row in &rows {
        assert_eq!(row.get::<_, Option<&str>>(4), Some("manager"));
    }
    Ok(rows
        .iter()
        .map(|row| (row.get(0), row.get(1), row.get(2), row.get(3)))
        .collect())
}

fn last(database: &Database<'_>) -> Result<i64> {
    let mut auditor = database.connect(role::AUDITOR)?;
    Ok(auditor.query_one("SELECT vpd.flush_audit()", &[])?.get(0))
}

#[test]
fn each_statement_that_unseals_is_recorded_once_for_each_column() -> Result<()> {
    let database = people()?;
    database.admin()?.batch_execute(
        "CREATE VIEW shop.seen_people AS SELECT id, ssn AS number FROM shop.people; GRANT SELECT ON shop.seen_people TO app_user;
         CREATE FUNCTION shop.numbers() RETURNS SETOF text LANGUAGE sql AS $$SELECT vpd.unseal(ssn) FROM shop.people$$",
    )?;
    let manager = manager(&database)?;
    for (statement, expected) in [
        ("SELECT ssn FROM shop.people", vec![("ssn", "pii", 6)]),
        (
            "SELECT ssn, salary FROM shop.people WHERE id < 4",
            vec![("ssn", "pii", 3), ("salary", "pay", 3)],
        ),
        (
            "SELECT count(*) FROM shop.people WHERE vpd.unseal(ssn) LIKE '555%'",
            vec![("ssn", "pii", 6)],
        ),
        (
            "SELECT number FROM shop.seen_people WHERE id = 1",
            vec![("ssn", "pii", 1)],
        ),
        ("SELECT count(*) FROM shop.numbers()", vec![("ssn", "pii", 6)]),
        ("COPY shop.people (ssn) TO STDOUT", vec![("ssn", "pii", 6)]),
        (
            "COPY (SELECT ssn FROM shop.people LIMIT 2) TO STDOUT",
            vec![("ssn", "pii", 2)],
        ),
        (
            "UPDATE shop.people SET ssn = ssn WHERE id = 1 RETURNING ssn",
            vec![("ssn", "pii", 1)],
        ),
        (
            "DECLARE c CURSOR FOR SELECT ssn FROM shop.people; FETCH 2 FROM c",
            vec![("ssn", "pii", 2)],
        ),
        // Compared, counted, copied: nobody saw a value.
        ("SELECT id FROM shop.people WHERE ssn = '555-101'", vec![]),
        ("SELECT count(DISTINCT email) FROM shop.people", vec![]),
        ("SELECT id FROM shop.people", vec![]),
        ("INSERT INTO shop.people (id, ssn) VALUES (77, 'new')", vec![]),
    ] {
        let since = last(&database)?;
        let mut user = database.connect(role::USER)?;
        let mut session = user.transaction()?;
        attach(&mut session, &manager)?;
        told_in(&mut session, statement)?;
        // What was seen was seen, though everything is undone.
        session.rollback()?;
        let found = recorded(&database, since)?;
        let expected: Vec<_> = expected
            .into_iter()
            .map(|(column, key, count)| ("shop.people".to_owned(), column.to_owned(), key.to_owned(), count))
            .collect();
        assert_eq!(found, expected, "{statement}");
    }
    Ok(())
}

#[test]
fn what_was_sent_before_an_error_or_the_end_of_the_connection_is_recorded() -> Result<()> {
    let database = people()?;
    let manager = manager(&database)?;
    let since = last(&database)?;
    let mut user = database.connect(role::USER)?;
    let mut session = user.transaction()?;
    attach(&mut session, &manager)?;
    let failed = outcome(session.query("SELECT ssn, 1 / (4 - id) FROM shop.people", &[]));
    assert!(failed.is_err());
    drop(session);
    assert_eq!(
        recorded(&database, since)?,
        [("shop.people".to_owned(), "ssn".to_owned(), "pii".to_owned(), 3)]
    );
    let since = last(&database)?;
    let mut session = user.transaction()?;
    attach(&mut session, &manager)?;
    session.batch_execute("DECLARE c CURSOR FOR SELECT ssn FROM shop.people; FETCH 4 FROM c")?;
    let process: i32 = session.query_one("SELECT pg_backend_pid()", &[])?.get(0);
    database
        .admin()?
        .execute("SELECT pg_terminate_backend($1)", &[&process])?;
    drop(session);
    while GenericClient::simple_query(
        &mut database.admin()?,
        &format!("SELECT FROM pg_stat_activity WHERE pid = {process}"),
    )?
    .iter()
    .any(|message| matches!(message, postgres::SimpleQueryMessage::Row(_)))
    {}
    assert_eq!(
        recorded(&database, since)?,
        [("shop.people".to_owned(), "ssn".to_owned(), "pii".to_owned(), 4)]
    );
    Ok(())
}

#[test]
fn masks_and_envelopes_are_no_unsealing() -> Result<()> {
    let database = people()?;
    let clerk = clerk(&database)?;
    let since = last(&database)?;
    let mut user = database.connect(role::USER)?;
    user.query("SELECT ssn FROM shop.people", &[])?;
    let mut session = user.transaction()?;
    attach(&mut session, &clerk)?;
    session.query("SELECT ssn, salary FROM shop.people", &[])?;
    session.commit()?;
    assert_eq!(recorded(&database, since)?, []);
    Ok(())
}

#[test]
fn tables_that_come_and_go_take_no_place_in_a_record() -> Result<()> {
    let database = people()?;
    let (manager, clerk) = (manager(&database)?, clerk(&database)?);
    let number: i32 = database
        .admin()?
        .query_one(
            "SELECT atttypmod FROM pg_attribute WHERE attrelid = 'shop.people'::regclass AND attname = 'ssn'",
            &[],
        )?
        .get(0);
    let mut user = database.connect(role::USER)?;
    let mut session = user.transaction()?;
    attach(&mut session, &clerk)?;
    for fake in 0..70 {
        session.batch_execute(&format!(
            "CREATE TEMP TABLE fake_{fake} (x vpd.sealed_text('pii', {number})) ON COMMIT DROP; SELECT * FROM fake_{fake}"
        ))?;
    }
    session.commit()?;
    let since = last(&database)?;
    let mut session = user.transaction()?;
    attach(&mut session, &manager)?;
    session.batch_execute("SELECT ssn FROM shop.people WHERE id = 2")?;
    session.commit()?;
    let mut auditor = database.connect(role::AUDITOR)?;
    auditor.query_one("SELECT vpd.flush_audit()", &[])?;
    let details: String = auditor
        .query_one(
            "SELECT coalesce(relation, '') || details::text FROM vpd.audit_trail WHERE event = 'unsealed' AND sequence > $1",
            &[&since],
        )?
        .get(0);
    assert!(details.contains("shop.people"), "{details}");
    // Where more lasting tables than are kept have the column's number, the record says so.
    let many: String = (0..70)
        .map(|number_of| format!("CREATE TABLE shop.more_{number_of} (x vpd.sealed_text('pii', {number})); GRANT SELECT ON shop.more_{number_of} TO app_user;"))
        .collect();
    database.admin()?.batch_execute(&many)?;
    let mut user = database.connect(role::USER)?;
    let mut session = user.transaction()?;
    attach(&mut session, &manager)?;
    for fake in 0..70 {
        session.batch_execute(&format!("SELECT * FROM shop.more_{fake}"))?;
    }
    let since = last(&database)?;
    session.batch_execute("SELECT ssn FROM shop.people WHERE id = 2")?;
    session.commit()?;
    auditor.query_one("SELECT vpd.flush_audit()", &[])?;
    let is_said: bool = auditor
        .query_one(
            "SELECT (details::jsonb ->> 'or_another')::boolean FROM vpd.audit_trail WHERE event = 'unsealed' AND sequence > $1",
            &[&since],
        )?
        .get(0);
    assert!(is_said);
    Ok(())
}
