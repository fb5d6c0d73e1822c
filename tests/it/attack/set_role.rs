//! Policies on `current_user` follow SET ROLE. A session does not: it belongs to a person, not to a database role.

use postgres::Client;
use vpd_tests::{
    Database, Result, Subject, assert_denied, attach, create_orders, expected_ids, ids, outcome,
    protected_orders, role,
};

const ORDERS: &str = "SELECT id FROM shop.orders";

/// A login that may switch to the owner of the table, as pooled application roles sometimes can.
fn switcher(database: &Database<'_>) -> Result<Client> {
    let name = format!("{}_switcher", database.name());
    database.admin()?.batch_execute(&format!(
        "CREATE ROLE {name} LOGIN IN ROLE app_owner; GRANT SELECT ON shop.orders TO {name}"
    ))?;
    if database
        .admin()?
        .query_opt("SELECT FROM pg_extension WHERE extname = 'pg_vpd'", &[])?
        .is_some()
    {
        database
            .admin()?
            .execute("SELECT vpd.grant_profile('runtime', $1::text::regrole)", &[&name])?;
    }
    database.connect(&name)
}

#[test]
fn control_a_policy_on_the_role_follows_set_role() -> Result<()> {
    let database = Database::create_bare()?;
    create_orders(&database)?;
    database.admin()?.batch_execute(
        "ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
         CREATE POLICY by_role ON shop.orders USING (current_user = 'app_owner' OR region = 'East')",
    )?;
    let mut user = switcher(&database)?;
    assert_eq!(ids(&mut user, ORDERS)?, expected_ids("East"));
    user.batch_execute("SET ROLE app_owner")?;
    assert_eq!(ids(&mut user, ORDERS)?.len(), 40);
    Ok(())
}

#[test]
fn switching_the_role_shows_no_more_rows() -> Result<()> {
    let database = protected_orders()?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let mut user = switcher(&database)?;
    let mut session = user.transaction()?;
    attach(&mut session, &token)?;
    for switch in [
        "SET ROLE app_owner",
        "RESET ROLE",
        "SET LOCAL ROLE app_owner",
        "SET ROLE NONE",
    ] {
        session.batch_execute(switch)?;
        assert_eq!(ids(&mut session, ORDERS)?, expected_ids("East"), "{switch}");
    }
    session.commit()?;
    for switch in ["SET ROLE app_owner", "RESET ROLE"] {
        user.batch_execute(switch)?;
        assert!(ids(&mut user, ORDERS)?.is_empty(), "{switch}");
    }
    Ok(())
}

#[test]
fn a_role_set_before_leaves_the_session_as_it_is() -> Result<()> {
    let database = protected_orders()?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let mut user = switcher(&database)?;
    user.batch_execute("SET ROLE app_owner")?;
    let mut session = user.transaction()?;
    // The owner has no profile; the switch gave up the one the login has.
    assert_denied(attach(&mut session, &token));
    Ok(())
}

#[test]
fn a_plain_role_cannot_change_the_session_authorization() -> Result<()> {
    let database = protected_orders()?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    for target in ["postgres", role::OWNER, role::SECURITY, role::BRIDGE] {
        assert_denied(user.batch_execute(&format!("SET SESSION AUTHORIZATION {target}")));
        assert_denied(user.batch_execute(&format!("SET ROLE {target}")));
    }
    let mut session = user.transaction()?;
    attach(&mut session, &token)?;
    session.batch_execute("RESET SESSION AUTHORIZATION; SET SESSION AUTHORIZATION DEFAULT")?;
    let seen = outcome(ids(&mut session, ORDERS));
    assert_eq!(seen, Ok(expected_ids("East")));
    Ok(())
}
