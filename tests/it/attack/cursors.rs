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

/// Runs a procedure outside a transaction; gives what it printed.
fn printed(
    database: &Database<'_>,
    call: &str,
    tokens: &[&str],
) -> Result<(vpd_tests::Outcome<u64>, Vec<String>)> {
    let (mut user, notices) = database.connect_noticing(role::USER)?;
    let tokens: Vec<&(dyn postgres::types::ToSql + Sync)> = tokens
        .iter()
        .map(|token| token as &(dyn postgres::types::ToSql + Sync))
        .collect();
    let called = outcome(user.execute(call, &tokens));
    assert!(!user.is_closed());
    user.query_one("SELECT 1", &[])?;
    let words = notices
        .take()
        .iter()
        .map(|notice| notice.message().to_owned())
        .filter(|word| word.starts_with("row "))
        .collect();
    Ok((called, words))
}

/// Loops that go on after their transaction, by each way to end one.
const ENDS: [&str; 3] = ["COMMIT", "ROLLBACK", "COMMIT AND CHAIN"];

#[test]
fn control_a_loop_over_the_end_of_a_transaction_keeps_the_rows_of_a_setting() -> Result<()> {
    let database = Database::create_bare()?;
    create_orders(&database)?;
    database.admin()?.batch_execute(
        "ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY;
         CREATE POLICY by_region ON shop.orders USING (region = current_setting('app.region', true))",
    )?;
    for end in ENDS {
        database.admin()?.batch_execute(&format!(
            "CREATE OR REPLACE PROCEDURE shop.looping() LANGUAGE plpgsql AS $$
             DECLARE r record;
             BEGIN
                 PERFORM set_config('app.region', 'East', true);
                 FOR r IN SELECT o.id FROM shop.orders o, generate_series(1, 100) LOOP
                     {end};
                     RAISE NOTICE 'row %', r.id;
                 END LOOP;
             END $$"
        ))?;
        let (called, rows) = printed(&database, "CALL shop.looping()", &[])?;
        assert!(called.is_ok(), "{end}: {called:?}");
        assert_eq!(rows.len(), 1000, "{end}");
    }
    Ok(())
}

#[test]
fn a_loop_over_the_end_of_a_transaction_keeps_no_rows_of_its_session() -> Result<()> {
    let database = protected_orders()?;
    let (east, _) = logins(&database)?;
    for end in ENDS {
        for query in [
            "FOR r IN SELECT o.id FROM shop.orders o, generate_series(1, 100) LOOP",
            "FOR r IN EXECUTE 'SELECT o.id FROM shop.orders o, generate_series(1, 100)' LOOP",
            "OPEN c FOR SELECT o.id FROM shop.orders o, generate_series(1, 100); FETCH c INTO r;
             FOR i IN 1..1000 LOOP FETCH c INTO r; EXIT WHEN NOT FOUND;",
            "FOR r IN bound LOOP",
        ] {
            database.admin()?.batch_execute(&format!(
                "CREATE OR REPLACE PROCEDURE shop.looping(token text) LANGUAGE plpgsql AS $$
                 DECLARE r record; c refcursor; bound CURSOR FOR SELECT o.id FROM shop.orders o, generate_series(1, 100);
                 BEGIN
                     PERFORM vpd.attach_session(token);
                     {query}
                         {end};
                         RAISE NOTICE 'row %', r.id;
                     END LOOP;
                 END $$"
            ))?;
            let (called, rows) = printed(&database, "CALL shop.looping($1)", &[&east])?;
            let refusal = called
                .err()
                .ok_or_else(|| format!("{end}: {query}: went on: {}", rows.len()))?;
            assert!(rows.len() <= 1, "{end}: {query}: {rows:?}");
            // PostgreSQL closes cursors that are no loop by itself.
            if !query.starts_with("OPEN") {
                assert_eq!(
                    (refusal.state.code(), refusal.token.as_deref(), refusal.has_hint),
                    ("0A000", Some("outlives_session"), true),
                    "{end}: {query}: {refusal:?}"
                );
            }
        }
    }
    Ok(())
}

#[test]
fn a_loop_over_the_end_of_a_transaction_without_a_session_goes_on() -> Result<()> {
    let database = protected_orders()?;
    database.admin()?.batch_execute(
        "CREATE PROCEDURE shop.looping() LANGUAGE plpgsql AS $$
         DECLARE r record;
         BEGIN FOR r IN SELECT generate_series(1, 100) AS id LOOP COMMIT; RAISE NOTICE 'row %', r.id; END LOOP; END $$",
    )?;
    let (called, rows) = printed(&database, "CALL shop.looping()", &[])?;
    assert!(called.is_ok(), "{called:?}");
    assert_eq!(rows.len(), 100);
    Ok(())
}

#[test]
fn a_holdable_cursor_whose_query_attaches_a_session_keeps_nothing_of_it() -> Result<()> {
    let database = protected_orders()?;
    let (east, _) = logins(&database)?;
    for (query, fetches) in [
        (
            "SELECT id FROM shop.orders, vpd.attach_session('{token}') a",
            &[][..],
        ),
        (
            "SELECT id FROM shop.orders, vpd.attach_session('{token}') a",
            &["FETCH 1 FROM held"],
        ),
        (
            "SELECT id FROM shop.orders, vpd.attach_session('{token}') a
              UNION ALL SELECT 0 FROM vpd.detach_session()",
            &["FETCH 11 FROM held"],
        ),
        (
            "SELECT CASE n WHEN 1 THEN length(vpd.attach_session('{token}')::text)
                           WHEN 2 THEN (SELECT min(id) FROM shop.orders)
                           WHEN 3 THEN length(vpd.detach_session()::text)
                           ELSE (SELECT max(id) FROM shop.orders) END FROM generate_series(1, 5) n",
            &["FETCH 2 FROM held"],
        ),
    ] {
        let mut user = database.connect(role::USER)?;
        let query = query.replace("{token}", &east);
        let mut told =
            outcome(user.batch_execute(&format!("BEGIN; DECLARE held CURSOR WITH HOLD FOR {query}")));
        for fetch in fetches {
            told = told.and_then(|()| outcome(user.batch_execute(fetch)));
        }
        let committed = outcome(user.batch_execute("COMMIT"));
        assert!(
            told.is_err() || committed.is_err(),
            "{query}: {told:?} {committed:?}"
        );
        let kept = outcome(ids(&mut user, "FETCH ALL FROM held"));
        assert!(kept.is_err(), "{query}: {kept:?}");
    }
    Ok(())
}

#[test]
fn attaching_and_detaching_inside_a_loop_is_refused_in_words() -> Result<()> {
    let database = protected_orders()?;
    let (east, west) = logins(&database)?;
    for call in [
        "PERFORM vpd.attach_session(tokens[2])",
        "PERFORM vpd.detach_session()",
        "PERFORM vpd.attach_anonymous()",
    ] {
        database.admin()?.batch_execute(&format!(
            "CREATE OR REPLACE FUNCTION shop.switching(tokens text[]) RETURNS void LANGUAGE plpgsql AS $$
             DECLARE r record;
             BEGIN
                 PERFORM vpd.attach_session(tokens[1]);
                 FOR r IN SELECT id FROM shop.orders LOOP {call}; END LOOP;
             END $$"
        ))?;
        let mut user = database.connect(role::USER)?;
        let mut session = user.transaction()?;
        let called = session.execute("SELECT shop.switching($1)", &[&vec![east.clone(), west.clone()]]);
        assert_refused(called, "24000", "cursor_in_use");
    }
    Ok(())
}
