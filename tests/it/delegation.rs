//! Acting with one role, on behalf of somebody, or in the name of a submitter.

use postgres::Client;
use vpd_tests::{Database, Result, Subject, assert_refused, attach, role};

use crate::authority::define;

const SCENE: &str = "
SELECT vpd.define_privilege(name) FROM unnest('{read,write,approve,session:on_behalf}'::text[]) name WHERE name <> 'session:on_behalf';
SELECT vpd.define_resource('session');
SELECT vpd.define_privilege('session:on_behalf'), vpd.define_privilege('session:set_audit_identity');
SELECT vpd.define_role('Reader'), vpd.define_role('Writer'), vpd.define_role('Approver'), vpd.define_role('Help Desk'), vpd.define_role('Service');
SELECT vpd.grant_authority('privilege:read', 'role:Reader'), vpd.grant_authority('privilege:write', 'role:Writer'),
       vpd.grant_authority('privilege:approve', 'role:Approver'), vpd.grant_authority('privilege:session:on_behalf', 'role:Help Desk'),
       vpd.grant_authority('privilege:session:set_audit_identity', 'role:Service');
SELECT vpd.define_user('alice'), vpd.define_user('henry'), vpd.define_user('robot');
SELECT vpd.grant_authority('role:Reader', 'user:alice'), vpd.grant_authority('role:Writer', 'user:alice'),
       vpd.grant_authority('role:Reader', 'user:henry'), vpd.grant_authority('role:Approver', 'user:henry'),
       vpd.grant_authority('role:Help Desk', 'user:henry'), vpd.grant_authority('role:Service', 'user:robot');
";

fn scene() -> Result<Database<'static>> {
    let database = Database::create()?;
    define(&database, SCENE)?;
    Ok(database)
}

/// The token of a session on behalf of a user.
pub fn on_behalf(
    database: &Database<'_>,
    token: &str,
    user: &str,
) -> Result<std::result::Result<String, postgres::Error>> {
    let mut bridge = database.connect(role::BRIDGE)?;
    Ok(bridge
        .query_one("SELECT vpd.create_session_on_behalf($1, $2)", &[&token, &user])
        .map(|row| row.get(0)))
}

/// User, actors, privileges.
fn who(client: &mut Client, token: &str) -> Result<(String, String, String)> {
    let mut transaction = client.transaction()?;
    attach(&mut transaction, token)?;
    let row = transaction.query_one(
        "SELECT user_name, array_to_string(vpd.actor_chain(), ','), array_to_string(privileges, ',') FROM vpd.current_session()",
        &[],
    )?;
    Ok((row.get(0), row.get(1), row.get(2)))
}

#[test]
fn a_session_on_behalf_has_what_both_have_and_names_both() -> Result<()> {
    let database = scene()?;
    let henry = Subject::new("henry").log_in(&database)?;
    let token = on_behalf(&database, &henry, "alice")??;
    let mut user = database.connect(role::USER)?;
    assert_eq!(
        who(&mut user, &token)?,
        ("alice".into(), "henry".into(), "read".into())
    );
    Ok(())
}

#[test]
fn who_may_not_act_for_others_gets_one_answer_for_every_name() -> Result<()> {
    let database = scene()?;
    let alice = Subject::new("alice").log_in(&database)?;
    for name in ["henry", "nobody"] {
        assert_refused(on_behalf(&database, &alice, name)?, "42501", "privilege_missing");
    }
    let henry = Subject::new("henry").log_in(&database)?;
    assert_refused(on_behalf(&database, &henry, "nobody")?, "42704", "user_not_found");
    assert_refused(
        on_behalf(&database, &henry, "henry")?,
        "22023",
        "argument_invalid",
    );
    assert_refused(
        on_behalf(&database, "vs_forged", "alice")?,
        "28000",
        "session_invalid",
    );
    Ok(())
}

#[test]
fn a_delegation_lets_one_user_act_for_another_fully_when_it_says_so() -> Result<()> {
    let database = scene()?;
    define(&database, "SELECT vpd.define_user('peter')")?;
    let peter = Subject::new("peter").log_in(&database)?;
    assert_refused(
        on_behalf(&database, &peter, "alice")?,
        "42501",
        "privilege_missing",
    );
    let mut security = database.connect(role::SECURITY)?;
    let id: i64 = security
        .query_one(
            "SELECT vpd.grant_delegation('user:peter', 'user:alice', with_full_authority => true, reason => 'holiday')",
            &[],
        )?
        .get(0);
    let token = on_behalf(&database, &peter, "alice")??;
    let mut user = database.connect(role::USER)?;
    assert_eq!(
        who(&mut user, &token)?,
        ("alice".into(), "peter".into(), "read,write".into())
    );
    assert_refused(
        on_behalf(&database, &peter, "henry")?,
        "42501",
        "privilege_missing",
    );
    // Taken back, the session that rests on it is over with its next statement.
    let mut transaction = user.transaction()?;
    attach(&mut transaction, &token)?;
    security.execute("SELECT vpd.revoke_delegation($1)", &[&id])?;
    assert_refused(
        transaction.query("SELECT vpd.has_privilege('read')", &[]),
        "28000",
        "session_invalid",
    );
    Ok(())
}

#[test]
fn what_the_actor_loses_the_session_on_behalf_loses() -> Result<()> {
    let database = scene()?;
    let henry = Subject::new("henry").log_in(&database)?;
    let token = on_behalf(&database, &henry, "alice")??;
    let mut user = database.connect(role::USER)?;
    define(
        &database,
        "SELECT vpd.revoke_authority('role:Reader', 'user:henry')",
    )?;
    assert_eq!(who(&mut user, &token)?.2, "");
    Ok(())
}

#[test]
fn it_ends_with_the_session_of_the_actor_and_with_either_user() -> Result<()> {
    let database = scene()?;
    let mut user = database.connect(role::USER)?;
    let mut bridge = database.connect(role::BRIDGE)?;
    let henry = Subject::new("henry").log_in(&database)?;
    let token = on_behalf(&database, &henry, "alice")??;
    bridge.execute("SELECT vpd.end_session($1)", &[&henry])?;
    let mut transaction = user.transaction()?;
    assert_refused(attach(&mut transaction, &token), "28000", "session_invalid");
    drop(transaction);
    for name in ["alice", "henry"] {
        let henry = Subject::new("henry").log_in(&database)?;
        let token = on_behalf(&database, &henry, "alice")??;
        define(&database, &format!("SELECT vpd.disable_user('{name}')"))?;
        let mut transaction = user.transaction()?;
        assert_refused(attach(&mut transaction, &token), "28000", "session_invalid");
        drop(transaction);
        define(&database, &format!("SELECT vpd.enable_user('{name}')"))?;
    }
    Ok(())
}

#[test]
fn a_session_runs_with_one_of_its_roles_and_what_anybody_has() -> Result<()> {
    let database = scene()?;
    define(
        &database,
        "SELECT vpd.define_role('anonymous', 'abstract'), vpd.define_privilege('browse'); SELECT vpd.grant_authority('privilege:browse', 'role:anonymous')",
    )?;
    let alice = Subject::new("alice").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    let mut transaction = user.transaction()?;
    attach(&mut transaction, &alice)?;
    let has = "SELECT concat_ws(',', CASE WHEN vpd.has_privilege('read') THEN 'read' END, CASE WHEN vpd.has_privilege('write') THEN 'write' END,
                                CASE WHEN vpd.has_privilege('browse') THEN 'browse' END)";
    assert_eq!(transaction.query_one(has, &[])?.get::<_, String>(0), "read,write");
    transaction.batch_execute("SAVEPOINT before; SELECT vpd.assume_role('Reader')")?;
    assert_eq!(
        transaction.query_one(has, &[])?.get::<_, String>(0),
        "read,browse"
    );
    // Narrower is the only way: the roles given up cannot be taken again.
    transaction.batch_execute("SAVEPOINT narrowed")?;
    assert_refused(
        transaction.execute("SELECT vpd.assume_role('Writer')", &[]),
        "42501",
        "role_not_held",
    );
    transaction.batch_execute("ROLLBACK TO narrowed; ROLLBACK TO before")?;
    assert_eq!(transaction.query_one(has, &[])?.get::<_, String>(0), "read,write");
    assert_refused(
        transaction.execute("SELECT vpd.assume_role('Approver')", &[]),
        "42501",
        "role_not_held",
    );
    Ok(())
}

#[test]
fn a_tool_session_is_created_with_one_role_and_keeps_to_it() -> Result<()> {
    let database = scene()?;
    let mut bridge = database.connect(role::BRIDGE)?;
    let create = "SELECT vpd.create_session($1, 'portal', assumed_role => $2)";
    assert_refused(
        bridge.query_one(create, &[&"alice", &"Approver"]),
        "42501",
        "role_not_held",
    );
    let token: String = bridge.query_one(create, &[&"alice", &"Writer"])?.get(0);
    let mut user = database.connect(role::USER)?;
    assert_eq!(who(&mut user, &token)?.2, "write");
    define(
        &database,
        "SELECT vpd.revoke_authority('role:Writer', 'user:alice')",
    )?;
    assert_eq!(who(&mut user, &token)?.2, "");
    define(
        &database,
        "SELECT vpd.grant_authority('role:Writer', 'user:alice')",
    )?;
    assert_eq!(who(&mut user, &token)?.2, "write");
    Ok(())
}

#[test]
fn the_submitter_can_be_named_beside_the_service_by_whoever_may() -> Result<()> {
    let database = scene()?;
    let mut user = database.connect(role::USER)?;
    let robot = Subject::new("robot").log_in(&database)?;
    let mut transaction = user.transaction()?;
    attach(&mut transaction, &robot)?;
    transaction.batch_execute("SAVEPOINT before; SELECT vpd.set_audit_identity('alice')")?;
    let names = "SELECT vpd.audit_identity() || ' by ' || vpd.user_name()";
    assert_eq!(
        transaction.query_one(names, &[])?.get::<_, String>(0),
        "alice by robot"
    );
    transaction.batch_execute("ROLLBACK TO before")?;
    assert_eq!(
        transaction.query_one(names, &[])?.get::<_, String>(0),
        "robot by robot"
    );
    drop(transaction);
    let alice = Subject::new("alice").log_in(&database)?;
    let mut transaction = user.transaction()?;
    attach(&mut transaction, &alice)?;
    assert_refused(
        transaction.execute("SELECT vpd.set_audit_identity('henry')", &[]),
        "42501",
        "privilege_missing",
    );
    Ok(())
}

#[test]
fn the_name_of_the_submitter_goes_with_the_privilege() -> Result<()> {
    let database = scene()?;
    let mut user = database.connect(role::USER)?;
    let robot = Subject::new("robot").log_in(&database)?;
    let mut transaction = user.transaction()?;
    attach(&mut transaction, &robot)?;
    transaction
        .batch_execute("SELECT vpd.set_audit_identity('alice'); SELECT vpd.set_audit_identity('henry')")?;
    let name = "SELECT vpd.audit_identity()";
    assert_eq!(transaction.query_one(name, &[])?.get::<_, String>(0), "henry");
    // control: what has nothing to do with it leaves the name
    define(
        &database,
        "SELECT vpd.define_role('Other'); SELECT vpd.grant_authority('role:Other', 'user:robot')",
    )?;
    assert_eq!(transaction.query_one(name, &[])?.get::<_, String>(0), "henry");
    define(
        &database,
        "SELECT vpd.revoke_authority('role:Service', 'user:robot')",
    )?;
    assert_eq!(transaction.query_one(name, &[])?.get::<_, String>(0), "robot");
    Ok(())
}
