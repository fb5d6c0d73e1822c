//! Contexts accessed globally: values shared between sessions, seen by those whose user and client identifier match.

use postgres::{Client, GenericClient};
use vpd_tests::{Database, Result, Subject, assert_denied, attach, create_orders, expected_ids, ids, role};

/// SHARED is accessed globally and trusts `shop.work`, which runs what it is given.
fn stage() -> Result<Database<'static>> {
    let database = Database::create()?;
    create_orders(&database)?;
    database.admin()?.batch_execute(
        "CREATE PROCEDURE shop.work(statement text) LANGUAGE plpgsql AS $$BEGIN EXECUTE statement; END$$;
         CREATE FUNCTION shop.claim(client text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
             SET search_path = pg_catalog, pg_temp AS $$BEGIN CALL dbms_session.set_identifier(client); END$$;
         ALTER FUNCTION shop.claim OWNER TO app_owner;
         GRANT EXECUTE ON PROCEDURE dbms_session.set_identifier, dbms_session.clear_identifier TO app_owner",
    )?;
    database.connect(role::SECURITY)?.batch_execute(
        "SELECT vpd.create_context('shared', 'shop.work', true), vpd.create_context('claims', 'shop.claim')",
    )?;
    Ok(database)
}

fn session_of(database: &Database<'_>, user: &str) -> Result<Client> {
    let token = Subject::new(user).log_in(database)?;
    let mut client = database.connect(role::USER)?;
    client.batch_execute("BEGIN")?;
    attach(&mut client, &token)?;
    Ok(client)
}

/// Sets a value, in a transaction of its own.
fn set(database: &Database<'_>, arguments: &str) -> Result<()> {
    let mut anybody = session_of(database, "setter")?;
    work(
        &mut anybody,
        &format!("CALL dbms_session.set_context('shared', {arguments})"),
    )?;
    Ok(anybody.batch_execute("COMMIT")?)
}

fn work(client: &mut impl GenericClient, statement: &str) -> Result<()> {
    client.execute("CALL shop.work($1)", &[&statement])?;
    Ok(())
}

fn read(client: &mut impl GenericClient) -> Result<Option<String>> {
    Ok(client
        .query_one("SELECT vpd.sys_context('shared', 'a')", &[])?
        .get(0))
}

#[test]
fn a_value_is_seen_by_those_whose_user_and_client_match() -> Result<()> {
    let database = stage()?;
    // The more exact one wins: user and client, then client, then user, then everybody.
    for (arguments, alice, bob, claimed) in [
        ("'a', 'all'", "all", "all", "all"),
        ("'a', 'user', username => 'alice'", "user", "all", "user"),
        ("'a', 'client', client_id => 'c7'", "user", "all", "client"),
        (
            "'a', 'both', username => 'alice', client_id => 'c7'",
            "user",
            "all",
            "both",
        ),
        ("'a', 'own', client_id => 'bob'", "user", "own", "both"),
    ] {
        set(&database, arguments)?;
        let mut session = session_of(&database, "alice")?;
        assert_eq!(
            read(&mut session)?.as_deref(),
            Some(alice),
            "alice after {arguments}"
        );
        session.batch_execute("SELECT shop.claim('c7')")?;
        assert_eq!(
            read(&mut session)?.as_deref(),
            Some(claimed),
            "claimed after {arguments}"
        );
        let mut session = session_of(&database, "bob")?;
        assert_eq!(read(&mut session)?.as_deref(), Some(bob), "bob after {arguments}");
    }
    let mut nobody = database.connect(role::USER)?;
    assert_eq!(read(&mut nobody)?, None, "without a session nothing is seen");
    Ok(())
}

#[test]
fn a_change_is_seen_at_the_next_statement_of_every_session() -> Result<()> {
    let database = stage()?;
    // At every isolation level: a context is not data.
    let token = Subject::new("alice").log_in(&database)?;
    let mut alice = database.connect(role::USER)?;
    alice.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ")?;
    attach(&mut alice, &token)?;
    assert_eq!(read(&mut alice)?, None);
    for value in ["1", "2"] {
        set(&database, &format!("'a', '{value}'"))?;
        assert_eq!(read(&mut alice)?.as_deref(), Some(value));
    }
    let mut setter = session_of(&database, "setter")?;
    work(&mut setter, "CALL dbms_session.set_context('shared', 'a', '3')")?;
    assert_eq!(read(&mut setter)?.as_deref(), Some("3"), "its own change at once");
    assert_eq!(
        read(&mut alice)?.as_deref(),
        Some("2"),
        "others when it is committed"
    );
    setter.batch_execute("SAVEPOINT s")?;
    work(&mut setter, "CALL dbms_session.clear_all_context('shared')")?;
    assert_eq!(read(&mut setter)?, None);
    setter.batch_execute("ROLLBACK TO s")?;
    assert_eq!(read(&mut setter)?.as_deref(), Some("3"));
    setter.batch_execute("COMMIT")?;
    assert_eq!(read(&mut alice)?.as_deref(), Some("3"));
    let mut setter = session_of(&database, "setter")?;
    work(&mut setter, "CALL dbms_session.set_context('shared', 'a', '4')")?;
    setter.batch_execute("ROLLBACK")?;
    assert_eq!(
        read(&mut alice)?.as_deref(),
        Some("3"),
        "what is rolled back was never there"
    );
    Ok(())
}

#[test]
fn values_are_cleared_by_client_and_together() -> Result<()> {
    let database = stage()?;
    for arguments in [
        "'a', '1'",
        "'b', '1'",
        "'a', '2', client_id => 'c7'",
        "'b', '2', client_id => 'c7'",
    ] {
        set(&database, arguments)?;
    }
    let mut alice = session_of(&database, "alice")?;
    let mut left = |statement: &str| -> Result<i64> {
        work(&mut alice, statement)?;
        let count = "SELECT count(*) FROM vpd_private.global_context";
        alice.batch_execute("COMMIT")?;
        let left = database.admin()?.query_one(count, &[])?.get(0);
        alice = session_of(&database, "alice")?;
        Ok(left)
    };
    assert_eq!(left("CALL dbms_session.clear_context('shared', 'c7', 'a')")?, 3);
    assert_eq!(left("CALL dbms_session.clear_context('shared', 'c7')")?, 2);
    assert_eq!(
        left("CALL dbms_session.clear_context('shared', attribute => 'b')")?,
        1
    );
    assert_eq!(left("CALL dbms_session.set_context('shared', 'a', NULL)")?, 0);
    set(&database, "'a', '1', 'alice', 'c7'")?;
    assert_eq!(left("CALL dbms_session.clear_all_context('shared')")?, 0);
    set(&database, "'a', '1', 'alice', 'c7'")?;
    database
        .connect(role::SECURITY)?
        .batch_execute("SELECT vpd.drop_context('shared')")?;
    let rows = database
        .admin()?
        .query("SELECT FROM vpd_private.global_context", &[])?;
    assert!(rows.is_empty());
    Ok(())
}

#[test]
fn the_client_identifier_is_the_user_unless_a_trusted_function_says_otherwise() -> Result<()> {
    let database = stage()?;
    let mut alice = session_of(&database, "alice")?;
    let client = |client: &mut Client| -> Result<Option<String>> {
        Ok(client
            .query_one("SELECT vpd.sys_context('USERENV', 'CLIENT_IDENTIFIER')", &[])?
            .get(0))
    };
    assert_eq!(client(&mut alice)?.as_deref(), Some("alice"));
    alice.batch_execute("SAVEPOINT s; SELECT shop.claim('c7')")?;
    assert_eq!(client(&mut alice)?.as_deref(), Some("c7"));
    alice.batch_execute("ROLLBACK TO s")?;
    assert_eq!(client(&mut alice)?.as_deref(), Some("alice"));
    alice.batch_execute("SELECT shop.claim('c7'), shop.claim(NULL)")?;
    assert_eq!(client(&mut alice)?.as_deref(), Some("alice"));
    alice.batch_execute("SELECT shop.claim('c7'); COMMIT")?;
    assert_eq!(client(&mut alice)?, None);
    // Not from outside.
    alice.batch_execute("BEGIN")?;
    assert_denied(alice.batch_execute("CALL dbms_session.set_identifier('c7')"));
    Ok(())
}

/// A policy whose text depends on a shared value, in a pooled connection that keeps its plans.
#[test]
fn plans_follow_shared_values() -> Result<()> {
    let database = stage()?;
    database.admin()?.batch_execute(
        "CREATE FUNCTION shop.by_region(text, text) RETURNS text LANGUAGE plpgsql AS
             $$BEGIN RETURN format('region = %L', vpd.sys_context('shared', 'a')); END$$",
    )?;
    database.connect(role::SECURITY)?.batch_execute(
        "SELECT vpd.add_policy('shop.orders', 'p', policy_function => 'shop.by_region', kind => 'context_sensitive')",
    )?;
    let token = Subject::new("alice").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    let orders = user.prepare("SELECT id FROM shop.orders ORDER BY id")?;
    for region in ["East", "West", "East"] {
        set(&database, &format!("'a', '{region}'"))?;
        for _ in 0..7 {
            user.batch_execute("BEGIN")?;
            attach(&mut user, &token)?;
            let seen: Vec<i32> = user.query(&orders, &[])?.iter().map(|row| row.get(0)).collect();
            assert_eq!(seen, expected_ids(region));
            assert_eq!(
                ids(&mut user, "SELECT id FROM shop.orders")?,
                expected_ids(region)
            );
            user.batch_execute("COMMIT")?;
        }
    }
    // In the middle of a transaction a new statement sees it at once.
    user.batch_execute("BEGIN")?;
    attach(&mut user, &token)?;
    assert_eq!(
        ids(&mut user, "SELECT id FROM shop.orders")?,
        expected_ids("East")
    );
    set(&database, "'a', 'South'")?;
    assert_eq!(
        ids(&mut user, "SELECT id FROM shop.orders")?,
        expected_ids("South")
    );
    let seen: Vec<i32> = user.query(&orders, &[])?.iter().map(|row| row.get(0)).collect();
    assert_eq!(seen, expected_ids("South"));
    Ok(())
}
