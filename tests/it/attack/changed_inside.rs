//! One statement, two sessions: what its plan fixed was for the one that was attached when it began (masks, texts of policy functions, groups), and
//! what it reads later would be the other's. Whoever holds two tokens would see what neither may see.

use vpd_tests::{Database, Result, Subject, assert_refused, attach, ids, protected_orders, role};

const MASKED: &str =
    "SELECT vpd.add_mask('shop.orders', 'region', '''hidden''', 'vpd.has_privilege(''orders:region'')')";

/// Orders under a policy and a mask; the session of somebody in the West who sees the column, and of somebody in the East who does not.
fn scene() -> Result<(Database<'static>, String, String)> {
    let database = protected_orders()?;
    database.connect(role::SECURITY)?.batch_execute(MASKED)?;
    let sees = Subject::in_region("alice", "West")
        .privilege("orders:region")
        .log_in(&database)?;
    let masked = Subject::in_region("bob", "East").log_in(&database)?;
    Ok((database, sees, masked))
}

#[test]
fn a_statement_does_not_go_on_as_another_session() -> Result<()> {
    let (database, sees, masked) = scene()?;
    // The token is a parameter, so that no log keeps it.
    for change in [
        "vpd.attach_session($1) IS NOT NULL",
        "vpd.attach_anonymous() IS NOT NULL AND $1 <> ''",
        "vpd.detach_session() IS NOT NULL AND $1 <> ''",
    ] {
        for statement in [
            format!("SELECT id, region FROM shop.orders WHERE (SELECT {change}) LIMIT 3"),
            format!("WITH w AS MATERIALIZED (SELECT {change} AS done) SELECT id, region FROM w, shop.orders"),
            format!("SELECT id, region FROM shop.orders LIMIT (SELECT CASE WHEN {change} THEN 3 ELSE 2 END)"),
        ] {
            let mut client = database.connect(role::USER)?;
            let mut transaction = client.transaction()?;
            attach(&mut transaction, &sees)?;
            let outcome = transaction.query(&statement, &[&masked]);
            assert_refused(outcome, "24000", "session_in_use");
        }
    }
    Ok(())
}

/// The control: statements of their own change the session, also after one of them failed inside a block.
#[test]
fn control_sessions_change_between_statements() -> Result<()> {
    let (database, sees, masked) = scene()?;
    let mut client = database.connect(role::USER)?;
    let mut transaction = client.transaction()?;
    attach(&mut transaction, &sees)?;
    let mine = ids(&mut transaction, "SELECT id FROM shop.orders")?;
    transaction.batch_execute(
        "DO $do$ BEGIN
             BEGIN PERFORM id FROM shop.orders WHERE 1 / (id - id) = 1; EXCEPTION WHEN division_by_zero THEN NULL; END;
             PERFORM vpd.detach_session();
         END $do$",
    )?;
    attach(&mut transaction, &masked)?;
    let others = ids(&mut transaction, "SELECT id FROM shop.orders")?;
    assert!(!mine.is_empty() && !others.is_empty() && mine != others);
    Ok(())
}
