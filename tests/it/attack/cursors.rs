//! A cursor keeps the rows of the session it was opened under. The next session must not fetch them.

use postgres::Client;
use postgres::error::SqlState;
use vpd_tests::{
    Database, Result, Subject, assert_refused, attach, create_orders, expected_ids, ids, outcome,
    protected_orders, refusal, role,
};

fn logins(database: &Database<'_>) -> Result<(String, String)> {
    Ok((
        Subject::in_region("alice", "East").log_in(database)?,
        Subject::in_region("bob", "West").log_in(database)?,
    ))
}

/// A fetch that must fail because there is no such cursor any more; run in a savepoint to go on afterwards.
fn assert_closed(user: &mut Client, cursor: &str) {
    let fetched = user.query(&format!("FETCH ALL FROM {cursor}"), &[]);
    assert_eq!(refusal(fetched).state, SqlState::INVALID_CURSOR_NAME);
}

#[test]
fn control_a_holdable_cursor_outlives_the_identity_in_a_setting() -> Result<()> {
    let database = Database::create_bare()?;
    create_orders(&database)?;
    database.admin()?.batch_execute(
        "ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY;
         CREATE POLICY by_region ON shop.orders USING (region = current_setting('app.region', true))",
    )?;
    let mut user = database.connect(role::USER)?;
    user.batch_execute(
        "BEGIN; SET LOCAL app.region = 'East'; DECLARE held CURSOR WITH HOLD FOR SELECT id FROM shop.orders; COMMIT;
         BEGIN; SET LOCAL app.region = 'West'",
    )?;
    assert_eq!(ids(&mut user, "FETCH ALL FROM held")?, expected_ids("East"));
    Ok(())
}

#[test]
fn attaching_closes_the_cursors_of_the_transaction() -> Result<()> {
    let database = protected_orders()?;
    let (east, west) = logins(&database)?;
    for kind in ["CURSOR", "SCROLL CURSOR", "BINARY CURSOR"] {
        for fetched in [0, 3] {
            let mut user = database.connect(role::USER)?;
            user.batch_execute("BEGIN")?;
            attach(&mut user, &east)?;
            user.batch_execute(&format!(
                "DECLARE c {kind} FOR SELECT id FROM shop.orders ORDER BY id"
            ))?;
            user.batch_execute(&format!("MOVE {fetched} FROM c"))?;
            attach(&mut user, &west)?;
            assert_closed(&mut user, "c");
        }
    }
    Ok(())
}

#[test]
fn attaching_closes_holdable_cursors_of_earlier_transactions() -> Result<()> {
    let database = protected_orders()?;
    let (_, west) = logins(&database)?;
    let mut user = database.connect(role::USER)?;
    user.batch_execute("BEGIN; DECLARE held CURSOR WITH HOLD FOR SELECT 1; COMMIT; BEGIN")?;
    attach(&mut user, &west)?;
    assert_closed(&mut user, "held");
    Ok(())
}

#[test]
fn a_holdable_cursor_is_refused_under_a_session() -> Result<()> {
    let database = protected_orders()?;
    let (east, _) = logins(&database)?;
    let mut user = database.connect(role::USER)?;
    let mut session = user.transaction()?;
    attach(&mut session, &east)?;
    let declared = session.batch_execute("DECLARE held CURSOR WITH HOLD FOR SELECT id FROM shop.orders");
    assert_refused(declared, "0A000", "outlives_session");
    Ok(())
}

#[test]
fn a_holdable_cursor_declared_before_the_session_carries_nothing_out_of_it() -> Result<()> {
    let database = protected_orders()?;
    let (east, _) = logins(&database)?;
    let mut user = database.connect(role::USER)?;
    user.batch_execute("BEGIN; DECLARE held CURSOR WITH HOLD FOR SELECT id FROM shop.orders")?;
    attach(&mut user, &east)?;
    user.batch_execute("COMMIT")?;
    let fetched = outcome(ids(&mut user, "FETCH ALL FROM held")).unwrap_or_default();
    assert!(fetched.is_empty(), "{fetched:?}");
    Ok(())
}

#[test]
fn a_holdable_cursor_gives_nothing_to_whoever_comes_without_a_session() -> Result<()> {
    let database = protected_orders()?;
    let (east, _) = logins(&database)?;
    let mut user = database.connect(role::USER)?;
    user.batch_execute("BEGIN")?;
    attach(&mut user, &east)?;
    let declared =
        outcome(user.batch_execute("DECLARE held CURSOR WITH HOLD FOR SELECT id FROM shop.orders"));
    let committed = outcome(user.batch_execute("COMMIT"));
    if declared.is_ok() && committed.is_ok() {
        let fetched = outcome(ids(&mut user, "FETCH ALL FROM held")).unwrap_or_default();
        assert!(
            fetched.is_empty(),
            "rows of alice in the hands of nobody: {fetched:?}"
        );
    }
    Ok(())
}

#[test]
fn a_portal_of_the_protocol_is_closed_too() -> Result<()> {
    let database = protected_orders()?;
    let (east, west) = logins(&database)?;
    let mut user = database.connect(role::USER)?;
    let mut transaction = user.transaction()?;
    attach(&mut transaction, &east)?;
    let portal = transaction.bind("SELECT id FROM shop.orders ORDER BY id", &[])?;
    assert_eq!(transaction.query_portal(&portal, 2)?.len(), 2);
    attach(&mut transaction, &west)?;
    let more = outcome(transaction.query_portal(&portal, 0));
    assert!(more.is_err() || more.is_ok_and(|rows| rows.is_empty()));
    Ok(())
}

#[test]
fn a_cursor_opened_before_the_session_shows_nothing_of_it() -> Result<()> {
    let database = protected_orders()?;
    let (east, _) = logins(&database)?;
    let mut user = database.connect(role::USER)?;
    user.batch_execute("BEGIN; DECLARE c CURSOR FOR SELECT id FROM shop.orders")?;
    attach(&mut user, &east)?;
    let fetched = outcome(ids(&mut user, "FETCH ALL FROM c")).unwrap_or_default();
    assert!(fetched.is_empty());
    Ok(())
}

#[test]
fn after_a_detach_a_cursor_gives_no_more_rows() -> Result<()> {
    let database = protected_orders()?;
    let (east, _) = logins(&database)?;
    let mut user = database.connect(role::USER)?;
    user.batch_execute("BEGIN")?;
    attach(&mut user, &east)?;
    user.batch_execute("DECLARE c CURSOR FOR SELECT id FROM shop.orders ORDER BY id; FETCH 2 FROM c")?;
    user.execute("SELECT vpd.detach_session()", &[])?;
    let fetched = outcome(ids(&mut user, "FETCH ALL FROM c")).unwrap_or_default();
    assert!(fetched.is_empty(), "{fetched:?}");
    Ok(())
}

#[test]
fn attaching_from_inside_a_cursor_loop_does_not_crash() -> Result<()> {
    let database = protected_orders()?;
    let (east, west) = logins(&database)?;
    database.admin()?.batch_execute(
        "CREATE FUNCTION shop.switching(tokens text[]) RETURNS integer LANGUAGE plpgsql AS $$
         DECLARE r record; seen integer := 0;
         BEGIN
             PERFORM vpd.attach_session(tokens[1]);
             FOR r IN SELECT region FROM shop.orders LOOP
                 seen := seen + 1;
                 PERFORM vpd.attach_session(tokens[2]);
             END LOOP;
             RETURN seen;
         END $$",
    )?;
    let mut user = database.connect(role::USER)?;
    let mut session = user.transaction()?;
    let switched = outcome(session.query_one("SELECT shop.switching($1)", &[&vec![east, west]]));
    drop(session.rollback());
    // The loop's own cursor is in use: it may end with an error, or finish with the rows it had fetched.
    assert!(switched.is_err() || switched.is_ok_and(|row| row.get::<_, i32>(0) <= 10));
    user.query_one("SELECT 1", &[])?;
    assert!(ids(&mut user, "SELECT id FROM shop.orders")?.is_empty());
    Ok(())
}
