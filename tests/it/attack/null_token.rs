//! A driver that binds a missing cookie as NULL must not work on as whoever was there, and attaching that does nothing says so.

use postgres::types::ToSql;
use vpd_tests::{Result, Subject, assert_refused, attach, expected_ids, ids, protected_orders, role};

const NOBODY: Option<String> = None;

/// Every function that takes a token, with what it is called with beside.
const CALLS: [(&str, &str); 11] = [
    (role::USER, "SELECT vpd.attach_session($1)"),
    (role::BRIDGE, "SELECT vpd.end_session($1)"),
    (role::BRIDGE, "SELECT * FROM vpd.log_out($1)"),
    (
        role::BRIDGE,
        "SELECT vpd.issue_ticket($1, 'floor', 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM')",
    ),
    (role::BRIDGE, "SELECT vpd.record_message($1, 'floor')"),
    (role::BRIDGE, "SELECT vpd.validate_message($1, 'vm_x')"),
    (role::BRIDGE, "SELECT * FROM vpd.browse_queue($1)"),
    (role::BRIDGE, "SELECT vpd.ack_message($1, 1)"),
    (role::BRIDGE, "SELECT vpd.create_session_on_behalf($1, 'bob')"),
    // Of an identity provider; refused in its own words.
    (role::BRIDGE, OF_PROVIDER[0]),
    (role::BRIDGE, OF_PROVIDER[1]),
];
const OF_PROVIDER: [&str; 2] = [
    "SELECT vpd.create_session_from_token($1, 'portal')",
    "SELECT vpd.log_out_from_token($1)",
];

#[test]
fn null_is_no_token_anywhere() -> Result<()> {
    let database = protected_orders()?;
    database
        .admin()?
        .batch_execute("GRANT EXECUTE ON FUNCTION vpd.create_session_on_behalf TO app_bridge")?;
    // The list is whole.
    let rows = database.admin()?.query(
        "SELECT p.proname::text FROM pg_proc p WHERE p.pronamespace = 'vpd'::regnamespace AND 'token' = ANY (p.proargnames)",
        &[],
    )?;
    for row in rows {
        let name: String = row.get(0);
        assert!(
            CALLS
                .iter()
                .any(|(_, call)| call.contains(&format!("vpd.{name}("))),
            "{name}"
        );
    }
    for (caller, call) in CALLS {
        let mut client = database.connect(caller)?;
        let arguments: [&(dyn ToSql + Sync); 1] = [&NOBODY];
        let code = if OF_PROVIDER.contains(&call) {
            "token_refused"
        } else {
            "session_invalid"
        };
        assert_refused(client.query(call, &arguments), "28000", code);
    }
    Ok(())
}

/// Control: the session of before is attached, and its rows are there. Attack: the next request on the transaction has no cookie.
#[test]
fn a_missing_cookie_does_not_leave_the_former_session_attached() -> Result<()> {
    let database = protected_orders()?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    user.batch_execute("BEGIN")?;
    attach(&mut user, &token)?;
    assert_eq!(
        ids(&mut user, "SELECT id FROM shop.orders")?,
        expected_ids("East")
    );
    assert_refused(
        user.query("SELECT vpd.attach_session($1)", &[&NOBODY]),
        "28000",
        "session_invalid",
    );
    assert!(
        user.query("SELECT id FROM shop.orders", &[]).is_err(),
        "the transaction goes on as alice"
    );
    Ok(())
}

#[test]
fn attaching_outside_a_transaction_block_is_warned_of() -> Result<()> {
    let database = protected_orders()?;
    database.admin()?.batch_execute(
        "CREATE FUNCTION shop.seen(token text) RETURNS bigint LANGUAGE plpgsql AS
             $$BEGIN PERFORM vpd.attach_session(token); RETURN (SELECT count(*) FROM shop.orders); END$$;
         CREATE FUNCTION shop.seen_by_sql(token text) RETURNS bigint LANGUAGE sql AS
             $$SELECT vpd.attach_session(token); SELECT count(*) FROM shop.orders$$",
    )?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let (mut user, notices) = database.connect_noticing(role::USER)?;
    for call in ["SELECT vpd.attach_anonymous()", "SELECT vpd.attach_session($1)"] {
        if call.contains('$') {
            user.execute(call, &[&token])?;
        } else {
            user.execute(call, &[])?;
        }
        let told = notices.take();
        assert_eq!(told.len(), 1, "{call}: {told:?}");
        assert_eq!((told[0].severity(), told[0].code().code()), ("WARNING", "25P01"));
    }
    // It is of use in a block, in a function that goes on with it, and in one message with what needs it.
    user.batch_execute("BEGIN")?;
    attach(&mut user, &token)?;
    user.batch_execute("SAVEPOINT s")?;
    attach(&mut user, &token)?;
    user.batch_execute("COMMIT")?;
    for function in ["seen", "seen_by_sql"] {
        let seen: i64 = user
            .query_one(&format!("SELECT shop.{function}($1)"), &[&token])?
            .get(0);
        assert_eq!(seen, 10, "{function}");
    }
    user.batch_execute("SELECT vpd.attach_anonymous(); SELECT count(*) FROM shop.orders")?;
    let told = notices.take();
    assert!(told.is_empty(), "{told:?}");
    Ok(())
}

#[test]
fn who_sees_every_row_anyway_is_told_when_attaching() -> Result<()> {
    let database = protected_orders()?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let exempt = "SELECT vpd.grant_exempt('app_user', 'a test')";
    for (name, change, is_told) in [
        ("postgres", "", true),
        (role::USER, "", false),
        (role::USER, exempt, true),
        (role::USER, "SELECT vpd.revoke_exempt('app_user')", false),
    ] {
        database.admin()?.batch_execute(change)?;
        let (mut client, notices) = database.connect_noticing(name)?;
        client.batch_execute("BEGIN")?;
        attach(&mut client, &token)?;
        let told = notices.take();
        assert_eq!(told.len(), usize::from(is_told), "{name}: {told:?}");
        assert!(told.iter().all(|notice| {
            notice.severity() == "NOTICE" && notice.detail() == Some("code: policies_do_not_apply")
        }));
    }
    Ok(())
}
