//! Whoever holds a lock on the row of the own session could keep others from ending it. Using a session must not hold one.

use postgres::Client;
use vpd_tests::{
    Database, Result, Subject, VERIFIER, attach, challenge, create_orders, expected_ids, ids, outcome,
    protected_orders, role,
};

const ORDERS: &str = "SELECT id FROM shop.orders";

#[test]
fn control_moving_a_clock_in_the_row_blocks_whoever_wants_to_end_it() -> Result<()> {
    let database = Database::create_bare()?;
    create_orders(&database)?;
    let mut first = database.admin()?;
    first.batch_execute(
        "CREATE TABLE shop.session (id integer, last_access timestamptz, ended boolean); INSERT INTO shop.session VALUES (1);
         BEGIN; UPDATE shop.session SET last_access = now()",
    )?;
    let mut second = database.admin()?;
    second.batch_execute("SET lock_timeout = '200 ms'")?;
    assert!(outcome(second.batch_execute("UPDATE shop.session SET ended = true")).is_err());
    Ok(())
}

/// A transaction that has just moved the idle clock of its session, and stays open.
fn lingering<'a>(
    database: &Database<'_>,
    user: &'a mut Client,
    token: &str,
) -> Result<postgres::Transaction<'a>> {
    database.admin()?.batch_execute(
        "UPDATE vpd_private.session SET last_access_at = clock_timestamp() - interval '20 minutes'",
    )?;
    let mut session = user.transaction()?;
    attach(&mut session, token)?;
    assert_eq!(ids(&mut session, ORDERS)?, expected_ids("East"));
    Ok(session)
}

#[test]
fn an_open_transaction_does_not_keep_its_session_alive() -> Result<()> {
    let database = protected_orders()?;
    let mut security = database.connect(role::SECURITY)?;
    let mut bridge = database.connect(role::BRIDGE)?;
    for client in [&mut security, &mut bridge] {
        client.batch_execute("SET lock_timeout = '2 s'")?;
    }
    for ending in [
        "end_user_sessions('alice')",
        "end_all_sessions()",
        "end_session($1)",
    ] {
        let token = Subject::in_region("alice", "East").log_in(&database)?;
        let mut user = database.connect(role::USER)?;
        let mut session = lingering(&database, &mut user, &token)?;
        let call = format!("SELECT vpd.{ending}");
        let ended = if ending.contains("$1") {
            outcome(bridge.execute(&call, &[&token]))
        } else {
            outcome(security.execute(&call, &[]))
        };
        assert!(ended.is_ok(), "{ending}: {ended:?}");
        let seen = outcome(ids(&mut session, ORDERS)).unwrap_or_default();
        assert!(seen.is_empty(), "{ending}: {seen:?}");
    }
    Ok(())
}

#[test]
fn an_open_transaction_does_not_stop_keep_alives_attaches_and_handoffs() -> Result<()> {
    let database = protected_orders()?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let mut bridge = database.connect(role::BRIDGE)?;
    let issue = "SELECT vpd.issue_ticket($1, 'floor', $2)";
    let redeem = "SELECT vpd.redeem_ticket($1, 'floor', $2)";
    let ticket: String = bridge.query_one(issue, &[&token, &challenge(VERIFIER)])?.get(0);
    let floor: String = bridge.query_one(redeem, &[&ticket, &VERIFIER])?.get(0);

    let mut user = database.connect(role::USER)?;
    let _session = lingering(&database, &mut user, &token)?;
    bridge.batch_execute("SET lock_timeout = '2 s'")?;
    let message: String = bridge
        .query_one("SELECT vpd.record_message($1, 'portal')", &[&floor])?
        .get(0);
    assert!(
        bridge
            .query_one("SELECT vpd.validate_message($1, $2)", &[&token, &message])?
            .get::<_, bool>(0)
    );
    let ticket: String = bridge.query_one(issue, &[&token, &challenge(VERIFIER)])?.get(0);
    assert!(
        bridge
            .query_one(redeem, &[&ticket, &VERIFIER])?
            .get::<_, Option<String>>(0)
            .is_some()
    );
    let mut other = database.connect(role::USER)?;
    other.batch_execute("SET lock_timeout = '2 s'")?;
    attach(&mut other, &token)?;
    Ok(())
}

#[test]
fn attaching_works_in_a_transaction_that_may_not_write() -> Result<()> {
    let database = protected_orders()?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    database.admin()?.batch_execute(
        "UPDATE vpd_private.session SET last_access_at = clock_timestamp() - interval '20 minutes'",
    )?;
    let mut user = database.connect(role::USER)?;
    let mut session = user.build_transaction().read_only(true).start()?;
    attach(&mut session, &token)?;
    assert_eq!(ids(&mut session, ORDERS)?, expected_ids("East"));
    Ok(())
}

#[test]
fn two_snapshots_may_attach_the_same_session() -> Result<()> {
    let database = protected_orders()?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    database.admin()?.batch_execute(
        "UPDATE vpd_private.session SET last_access_at = clock_timestamp() - interval '20 minutes'",
    )?;
    let (mut first, mut second) = (database.connect(role::USER)?, database.connect(role::USER)?);
    for level in ["REPEATABLE READ", "SERIALIZABLE"] {
        for client in [&mut first, &mut second] {
            let begin = format!("BEGIN ISOLATION LEVEL {level}; SELECT 1; SET LOCAL lock_timeout = '2 s'");
            client.batch_execute(&begin)?;
        }
        for client in [&mut first, &mut second] {
            attach(client, &token)?;
            assert_eq!(ids(client, ORDERS)?, expected_ids("East"), "{level}");
        }
        first.batch_execute("COMMIT")?;
        // A serializable transaction may always be asked to try again.
        if let Err(refusal) = outcome(second.batch_execute("COMMIT")) {
            assert_eq!(
                (level, refusal.state.code()),
                ("SERIALIZABLE", "40001"),
                "{refusal:?}"
            );
        }
    }
    Ok(())
}
