//! A snapshot hides what was committed after it. Closing a session must bite all the same, on the next statement.

use postgres::IsolationLevel;
use vpd_tests::{
    Database, Outcome, Result, Subject, attach, create_orders, expected_ids, ids, outcome, protected_orders,
    role,
};

const ORDERS: &str = "SELECT id FROM shop.orders";
const LEVELS: [IsolationLevel; 3] = [
    IsolationLevel::ReadCommitted,
    IsolationLevel::RepeatableRead,
    IsolationLevel::Serializable,
];

/// Denied is no row, or the refusal of a session that is over. Anything else is a leak or a fault.
fn assert_no_access(seen: Outcome<Vec<i32>>, what: &str) {
    match seen {
        Ok(rows) => assert!(rows.is_empty(), "{what}: {rows:?}"),
        Err(refusal) => assert_eq!(
            refusal.token.as_deref(),
            Some("session_invalid"),
            "{what}: {refusal:?}"
        ),
    }
}

fn end(database: &Database<'_>, token: &str) -> Result<()> {
    database
        .connect(role::BRIDGE)?
        .execute("SELECT vpd.end_session($1)", &[&token])?;
    Ok(())
}

#[test]
fn control_a_session_table_read_with_the_own_snapshot_misses_the_close() -> Result<()> {
    let database = Database::create_bare()?;
    create_orders(&database)?;
    database.admin()?.batch_execute(
        "CREATE TABLE shop.live (user_name text); INSERT INTO shop.live VALUES ('alice');
         GRANT SELECT ON shop.live TO app_user;
         ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY;
         CREATE POLICY live ON shop.orders USING (EXISTS (SELECT FROM shop.live WHERE user_name = 'alice'))",
    )?;
    let mut user = database.connect(role::USER)?;
    let mut session = user
        .build_transaction()
        .isolation_level(IsolationLevel::RepeatableRead)
        .start()?;
    assert_eq!(ids(&mut session, ORDERS)?.len(), 40);
    database.admin()?.batch_execute("DELETE FROM shop.live")?;
    assert_eq!(ids(&mut session, ORDERS)?.len(), 40, "the close is not seen");
    Ok(())
}

#[test]
fn a_close_bites_on_the_next_statement_at_every_level() -> Result<()> {
    let database = protected_orders()?;
    for level in LEVELS {
        for next in [
            ORDERS,
            "SELECT id FROM shop.orders WHERE id = 1",
            "UPDATE shop.orders SET amount = 0 RETURNING id",
            "DELETE FROM shop.orders RETURNING id",
            "INSERT INTO shop.orders VALUES (99, 'East', 1) RETURNING id",
        ] {
            let token = Subject::in_region("alice", "East").log_in(&database)?;
            let mut user = database.connect(role::USER)?;
            let mut session = user.build_transaction().isolation_level(level).start()?;
            attach(&mut session, &token)?;
            assert_eq!(ids(&mut session, ORDERS)?, expected_ids("East"));
            end(&database, &token)?;
            let seen = outcome(ids(&mut session, next));
            // A new row is refused by the policy or because the session is over.
            let is_insert_refused = next.starts_with("INSERT") && seen.is_err();
            if !is_insert_refused {
                assert_no_access(seen, next);
            }
        }
    }
    Ok(())
}

#[test]
fn a_close_bites_a_prepared_statement_too() -> Result<()> {
    let database = protected_orders()?;
    for level in LEVELS {
        let token = Subject::in_region("alice", "East").log_in(&database)?;
        let mut user = database.connect(role::USER)?;
        let prepared = user.prepare(ORDERS)?;
        let mut session = user.build_transaction().isolation_level(level).start()?;
        attach(&mut session, &token)?;
        for _ in 0..8 {
            assert_eq!(session.query(&prepared, &[])?.len(), 10);
        }
        end(&database, &token)?;
        let seen = outcome(session.query(&prepared, &[]));
        assert_no_access(
            seen.map(|rows| rows.iter().map(|row| row.get(0)).collect()),
            "prepared",
        );
    }
    Ok(())
}

#[test]
fn an_open_cursor_gives_no_row_after_the_close() -> Result<()> {
    let database = protected_orders()?;
    for level in LEVELS {
        let token = Subject::in_region("alice", "East").log_in(&database)?;
        let mut user = database.connect(role::USER)?;
        let mut session = user.build_transaction().isolation_level(level).start()?;
        attach(&mut session, &token)?;
        session.batch_execute("DECLARE c CURSOR FOR SELECT id FROM shop.orders ORDER BY id")?;
        assert_eq!(ids(&mut session, "FETCH 2 FROM c")?.len(), 2);
        end(&database, &token)?;
        assert_no_access(outcome(ids(&mut session, "FETCH ALL FROM c")), "cursor");
    }
    Ok(())
}

#[test]
fn an_open_portal_gives_no_row_after_the_close() -> Result<()> {
    let database = protected_orders()?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    let mut session = user.transaction()?;
    attach(&mut session, &token)?;
    let portal = session.bind("SELECT id FROM shop.orders ORDER BY id", &[])?;
    assert_eq!(session.query_portal(&portal, 2)?.len(), 2);
    end(&database, &token)?;
    let seen = outcome(session.query_portal(&portal, 0));
    assert_no_access(
        seen.map(|rows| rows.iter().map(|row| row.get(0)).collect()),
        "portal",
    );
    Ok(())
}

#[test]
fn every_way_to_end_a_session_bites() -> Result<()> {
    let database = protected_orders()?;
    let mut security = database.connect(role::SECURITY)?;
    for ending in [
        "SELECT vpd.end_user_sessions('alice')",
        "SELECT vpd.end_all_sessions()",
        "SELECT vpd.end_session_by_id('SESSION')",
        "SELECT vpd.drop_app('portal')",
    ] {
        let token = Subject::in_region("alice", "East").log_in(&database)?;
        let mut user = database.connect(role::USER)?;
        let mut session = user
            .build_transaction()
            .isolation_level(IsolationLevel::RepeatableRead)
            .start()?;
        attach(&mut session, &token)?;
        let id: String = session.query_one("SELECT vpd.session_id()::text", &[])?.get(0);
        assert_eq!(ids(&mut session, ORDERS)?, expected_ids("East"));
        security.execute(&ending.replace("SESSION", &id), &[])?;
        assert_no_access(outcome(ids(&mut session, ORDERS)), ending);
    }
    Ok(())
}

#[test]
fn a_close_that_is_not_committed_does_not_bite_yet() -> Result<()> {
    let database = protected_orders()?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    let mut session = user.transaction()?;
    attach(&mut session, &token)?;
    let mut bridge = database.connect(role::BRIDGE)?;
    let mut closing = bridge.transaction()?;
    closing.execute("SELECT vpd.end_session($1)", &[&token])?;
    assert_eq!(ids(&mut session, ORDERS)?, expected_ids("East"));
    closing.rollback()?;
    assert_eq!(ids(&mut session, ORDERS)?, expected_ids("East"));
    Ok(())
}
