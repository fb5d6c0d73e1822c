//! COPY reads and writes a table without being a query. Under row security it must not differ from one.

use std::io::{Read, Write};

use postgres::GenericClient;
use postgres::error::SqlState;
use vpd_tests::{
    Database, Result, Subject, assert_refused, attach, create_orders, expected_ids, ids, protected_orders,
    refusal, role,
};

const COPIES: [&str; 4] = [
    "COPY shop.orders TO STDOUT",
    "COPY shop.orders (id) TO STDOUT",
    "COPY (SELECT id FROM shop.orders) TO STDOUT",
    "COPY (SELECT * FROM shop.orders WHERE id > 0) TO STDOUT (FORMAT csv)",
];

/// Number of lines a COPY gives.
fn lines(client: &mut impl GenericClient, copy: &str) -> Result<usize> {
    let mut text = String::new();
    client.copy_out(copy)?.read_to_string(&mut text)?;
    Ok(text.lines().count())
}

#[test]
fn control_copy_of_an_unprotected_table_gives_everything() -> Result<()> {
    let database = Database::create()?;
    create_orders(&database)?;
    let mut user = database.connect(role::USER)?;
    for copy in COPIES {
        assert_eq!(lines(&mut user, copy)?, 40, "{copy}");
    }
    Ok(())
}

#[test]
fn copy_to_gives_the_rows_of_the_session() -> Result<()> {
    let database = protected_orders()?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    for copy in COPIES {
        assert_eq!(lines(&mut user, copy)?, 0, "{copy}");
        let mut session = user.transaction()?;
        attach(&mut session, &token)?;
        assert_eq!(lines(&mut session, copy)?, 10, "{copy}");
    }
    Ok(())
}

#[test]
fn copy_of_what_a_statement_returns_is_under_the_policy() -> Result<()> {
    let database = protected_orders()?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    let mut session = user.transaction()?;
    attach(&mut session, &token)?;
    assert_eq!(
        lines(
            &mut session,
            "COPY (UPDATE shop.orders SET amount = 0 RETURNING id) TO STDOUT"
        )?,
        10
    );
    assert_eq!(
        lines(
            &mut session,
            "COPY (DELETE FROM shop.orders RETURNING *) TO STDOUT"
        )?,
        10
    );
    let insert = "COPY (INSERT INTO shop.orders VALUES (99, 'West', 1) RETURNING id) TO STDOUT";
    let mut text = String::new();
    let copied = match session.copy_out(insert) {
        Ok(mut reader) => reader
            .read_to_string(&mut text)
            .map(|_| ())
            .map_err(|error| *error.into_inner().unwrap().downcast::<postgres::Error>().unwrap()),
        Err(error) => Err(error),
    };
    assert_refused(copied, "44000", "policy_check");
    Ok(())
}

#[test]
fn copy_from_does_not_walk_around_the_check() -> Result<()> {
    let database = protected_orders()?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    user.batch_execute("BEGIN")?;
    attach(&mut user, &token)?;
    let copied = user
        .copy_in("COPY shop.orders FROM STDIN")
        .and_then(|mut writer| {
            writer.write_all(b"99\tWest\t1\n").unwrap();
            writer.finish()
        });
    // PostgreSQL does not check rows of COPY FROM against policies and so refuses it; so may we with our own code.
    let state = refusal(copied).state;
    assert!(
        state == SqlState::FEATURE_NOT_SUPPORTED || state.code() == "44000",
        "{state:?}"
    );
    drop(user);
    let rows = database
        .admin()?
        .query("SELECT FROM shop.orders WHERE id = 99", &[])?;
    assert!(rows.is_empty());
    Ok(())
}

#[test]
fn create_table_as_and_insert_select_copy_visible_rows_only() -> Result<()> {
    let database = protected_orders()?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    for statement in [
        "CREATE TEMPORARY TABLE mine ON COMMIT DROP AS SELECT * FROM shop.orders",
        "CREATE TEMPORARY TABLE mine ON COMMIT DROP AS TABLE shop.orders",
        "CREATE TEMPORARY TABLE mine (LIKE shop.orders) ON COMMIT DROP; INSERT INTO mine SELECT * FROM shop.orders",
        "PREPARE p AS SELECT * FROM shop.orders; CREATE TEMPORARY TABLE mine ON COMMIT DROP AS EXECUTE p; DEALLOCATE p",
    ] {
        let mut session = user.transaction()?;
        attach(&mut session, &token)?;
        session.batch_execute(statement)?;
        assert_eq!(
            ids(&mut session, "SELECT id FROM mine")?,
            expected_ids("East"),
            "{statement}"
        );
        session.rollback()?;
    }
    Ok(())
}
