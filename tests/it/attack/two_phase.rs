//! A prepared transaction leaves its connection and is finished by another. A session does not travel that way.

use crate::authority::define;
use vpd_tests::{
    Database, Result, Subject, assert_refused, attach, create_orders, expected_ids, ids, protected_orders,
    role,
};

const PREPARED: &str = "SELECT FROM pg_prepared_xacts WHERE database = current_database()";

#[test]
fn control_without_a_session_a_transaction_can_be_prepared() -> Result<()> {
    let database = Database::create()?;
    create_orders(&database)?;
    let gid = database.name().to_owned();
    let mut user = database.connect(role::USER)?;
    user.batch_execute(&format!(
        "BEGIN; DELETE FROM shop.orders; PREPARE TRANSACTION '{gid}'"
    ))?;
    assert_eq!(user.query(PREPARED, &[])?.len(), 1);
    user.batch_execute(&format!("ROLLBACK PREPARED '{gid}'"))?;
    Ok(())
}

#[test]
fn with_a_session_it_is_refused_and_nothing_stays() -> Result<()> {
    let database = protected_orders()?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let gid = database.name().to_owned();
    let mut user = database.connect(role::USER)?;
    for is_detached_before in [false, true] {
        user.batch_execute("BEGIN")?;
        attach(&mut user, &token)?;
        user.batch_execute("DELETE FROM shop.orders")?;
        if is_detached_before {
            user.execute("SELECT vpd.detach_session()", &[])?;
        }
        let prepared = user.batch_execute(&format!("PREPARE TRANSACTION '{gid}'"));
        if is_detached_before {
            // Without a session attached it is an ordinary transaction, if the server lets it through.
            if prepared.is_ok() {
                user.batch_execute(&format!("ROLLBACK PREPARED '{gid}'"))?;
            }
        } else {
            let refusal = vpd_tests::refusal(prepared);
            assert!(matches!(refusal.state.code(), "0A000" | "55000"), "{refusal:?}");
        }
        user.batch_execute("ROLLBACK")?;
        assert!(user.query(PREPARED, &[])?.is_empty());
        assert!(ids(&mut user, "SELECT id FROM shop.orders")?.is_empty());
    }
    let mut session = user.transaction()?;
    attach(&mut session, &token)?;
    assert_eq!(
        ids(&mut session, "SELECT id FROM shop.orders")?,
        expected_ids("East")
    );
    Ok(())
}

#[test]
fn a_prepared_transaction_of_another_does_not_lend_its_session() -> Result<()> {
    let database = protected_orders()?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    database
        .connect(role::BRIDGE)?
        .execute("SELECT vpd.end_session($1)", &[&token])?;
    let mut user = database.connect(role::USER)?;
    user.batch_execute("BEGIN")?;
    assert_refused(attach(&mut user, &token), "28000", "session_invalid");
    user.batch_execute(&format!("PREPARE TRANSACTION '{}'", database.name()))?;
    assert!(
        user.query(PREPARED, &[])?.is_empty(),
        "a failed transaction rolls back"
    );
    Ok(())
}

/// What is announced at commit would be announced by nobody, and sessions would keep what was taken from them.
#[test]
fn a_change_that_sessions_must_follow_cannot_be_prepared() -> Result<()> {
    let database = protected_orders()?;
    define(
        &database,
        "SELECT vpd.define_role('Reader'), vpd.define_user('alice'), vpd.define_hierarchy('place', '{region}')",
    )?;
    Subject::new("alice").log_in(&database)?;
    for change in [
        "SELECT vpd.grant_authority('role:Reader', 'user:alice')",
        "SELECT vpd.enable_authority('role:Reader', false)",
        "SELECT vpd.define_node('place', 'West', NULL, 'region')",
        "SELECT vpd.define_task_type('order')",
        "SELECT vpd.grant_exempt('app_user', 'test')",
        "SELECT vpd.end_user_sessions('alice')",
    ] {
        let mut client = database.connect(role::SECURITY)?;
        client.batch_execute("BEGIN")?;
        client.batch_execute(change)?;
        let prepared = client.batch_execute(&format!("PREPARE TRANSACTION '{}'", database.name()));
        assert_refused(prepared, "55000", "not_ready");
        client.batch_execute("ROLLBACK")?;
        assert!(client.query(PREPARED, &[])?.is_empty(), "{change}");
    }
    Ok(())
}

/// The lock under which sessions and tickets are counted would be kept from everybody, over restarts too.
#[test]
fn what_counts_sessions_or_tickets_cannot_be_prepared() -> Result<()> {
    let database = protected_orders()?;
    let token = Subject::new("alice").log_in(&database)?;
    let mut bridge = database.connect(role::BRIDGE)?;
    let challenge = vpd_tests::challenge(vpd_tests::VERIFIER);
    let ticket: &[&(dyn postgres::types::ToSql + Sync)] = &[&token, &challenge];
    for (call, args) in [
        ("SELECT vpd.create_session('alice', 'portal')", &ticket[..0]),
        ("SELECT vpd.issue_ticket($1, 'floor', $2)", ticket),
    ] {
        bridge.batch_execute("BEGIN")?;
        bridge.execute(call, args)?;
        let prepared = bridge.batch_execute(&format!("PREPARE TRANSACTION '{}'", database.name()));
        assert_refused(prepared, "55000", "not_ready");
        bridge.batch_execute("ROLLBACK")?;
        assert!(bridge.query(PREPARED, &[])?.is_empty(), "{call}");
    }
    // The control: another login of the user waits for nobody.
    Subject::new("alice").log_in(&database)?;
    Ok(())
}
