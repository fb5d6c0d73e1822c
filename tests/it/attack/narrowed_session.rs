//! A transaction that runs with one role wants the others back.

use postgres::{Client, Transaction};
use vpd_tests::{Database, Result, Subject, assert_refused, attach, role};

use crate::authority::define;

const SCENE: &str = "
SELECT vpd.define_privilege('read'), vpd.define_privilege('write');
SELECT vpd.define_role('Reader'), vpd.define_role('Writer');
SELECT vpd.grant_authority('privilege:read', 'role:Reader'), vpd.grant_authority('privilege:write', 'role:Writer');
SELECT vpd.define_user('alice'), vpd.define_user('bob');
SELECT vpd.grant_authority('role:' || role, 'user:' || name) FROM unnest('{Reader,Writer}'::text[]) role, unnest('{alice,bob}'::text[]) name;
";

fn scene() -> Result<(Database<'static>, Client, String)> {
    let database = Database::create()?;
    define(&database, SCENE)?;
    let token = Subject::new("alice").log_in(&database)?;
    let user = database.connect(role::USER)?;
    Ok((database, user, token))
}

fn privileges(transaction: &mut Transaction<'_>) -> Result<Vec<String>> {
    let row = transaction.query_one("SELECT privileges FROM vpd.current_session()", &[])?;
    Ok(row.get(0))
}

#[test]
fn attaching_again_gives_no_role_back() -> Result<()> {
    let (database, mut user, token) = scene()?;
    let again = Subject::new("alice").log_in(&database)?;
    let bob = Subject::new("bob").log_in(&database)?;
    let mut transaction = user.transaction()?;
    attach(&mut transaction, &token)?;
    assert_eq!(privileges(&mut transaction)?, ["read", "write"], "control");
    transaction.batch_execute("SELECT vpd.assume_role('Reader')")?;
    assert_eq!(privileges(&mut transaction)?, ["read"]);
    // By the same token, after detaching, by another session of hers, after somebody else.
    attach(&mut transaction, &token)?;
    assert_eq!(privileges(&mut transaction)?, ["read"]);
    transaction.batch_execute("SELECT vpd.detach_session()")?;
    attach(&mut transaction, &token)?;
    assert_eq!(privileges(&mut transaction)?, ["read"]);
    attach(&mut transaction, &again)?;
    assert_eq!(privileges(&mut transaction)?, ["read"]);
    attach(&mut transaction, &bob)?;
    assert_eq!(
        privileges(&mut transaction)?,
        ["read", "write"],
        "bob gave nothing up"
    );
    transaction.batch_execute("SELECT vpd.attach_anonymous()")?;
    attach(&mut transaction, &token)?;
    assert_eq!(privileges(&mut transaction)?, ["read"]);
    transaction.batch_execute("SAVEPOINT narrowed")?;
    let wider = transaction.execute("SELECT vpd.assume_role('Writer')", &[]);
    assert_refused(wider, "42501", "role_not_held");
    transaction.batch_execute("ROLLBACK TO narrowed")?;
    transaction.commit()?;
    // The next transaction begins anew.
    let mut transaction = user.transaction()?;
    attach(&mut transaction, &token)?;
    assert_eq!(privileges(&mut transaction)?, ["read", "write"]);
    Ok(())
}

#[test]
fn a_savepoint_gives_back_what_was_given_up_after_it_and_no_more() -> Result<()> {
    let (_database, mut user, token) = scene()?;
    let mut transaction = user.transaction()?;
    attach(&mut transaction, &token)?;
    transaction.batch_execute(
        "SAVEPOINT first; SAVEPOINT second; SELECT vpd.assume_role('Reader'); RELEASE second",
    )?;
    attach(&mut transaction, &token)?;
    assert_eq!(privileges(&mut transaction)?, ["read"]);
    transaction.batch_execute("SAVEPOINT later")?;
    attach(&mut transaction, &token)?;
    transaction.batch_execute("ROLLBACK TO later")?;
    attach(&mut transaction, &token)?;
    assert_eq!(privileges(&mut transaction)?, ["read"]);
    transaction.batch_execute("ROLLBACK TO first")?;
    attach(&mut transaction, &token)?;
    assert_eq!(privileges(&mut transaction)?, ["read", "write"]);
    Ok(())
}

#[test]
fn one_role_given_up_is_not_another_that_a_session_was_made_with() -> Result<()> {
    let (database, mut user, token) = scene()?;
    let writer: String = database
        .connect(role::BRIDGE)?
        .query_one(
            "SELECT vpd.create_session('alice', 'portal', assumed_role => 'Writer')",
            &[],
        )?
        .get(0);
    let mut transaction = user.transaction()?;
    attach(&mut transaction, &token)?;
    transaction.batch_execute("SELECT vpd.assume_role('Reader')")?;
    attach(&mut transaction, &writer)?;
    assert_eq!(privileges(&mut transaction)?, [""; 0]);
    attach(&mut transaction, &token)?;
    assert_eq!(privileges(&mut transaction)?, ["read"]);
    Ok(())
}

#[test]
fn what_is_given_up_stays_so_when_the_graph_changes() -> Result<()> {
    let (database, mut user, token) = scene()?;
    let mut transaction = user.transaction()?;
    attach(&mut transaction, &token)?;
    transaction.batch_execute("SELECT vpd.assume_role('Reader')")?;
    define(
        &database,
        "SELECT vpd.define_role('Other'), vpd.grant_authority('role:Other', 'user:alice')",
    )?;
    assert_eq!(privileges(&mut transaction)?, ["read"]);
    attach(&mut transaction, &token)?;
    assert_eq!(privileges(&mut transaction)?, ["read"]);
    Ok(())
}
