//! A user who must not hold two duties together logs in with one role at a time.

use vpd_tests::{Database, Result, Subject, assert_refused, attach, role};

const GRAPH: &str = "
SELECT vpd.define_role('Maker'), vpd.define_role('Checker'), vpd.define_user('alice'), vpd.define_user('bob');
SELECT vpd.grant_authority('role:Maker', 'user:alice'), vpd.grant_authority('role:Checker', 'user:alice');
SELECT vpd.define_resource('session'), vpd.define_privilege('session:on_behalf'), vpd.define_role('Desk');
SELECT vpd.grant_authority('privilege:session:on_behalf', 'role:Desk'), vpd.grant_authority('role:Desk', 'user:bob');
";

const LOGIN: &str = "SELECT vpd.create_session('alice', 'portal', assumed_role => $1)";

#[test]
fn a_login_with_one_role_is_refused_to_whoever_has_too_much() -> Result<()> {
    let database = Database::create()?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute(GRAPH)?;
    let mut bridge = database.connect(role::BRIDGE)?;
    // control: without the rule she logs in with either
    let mut tokens = Vec::new();
    for role in ["Maker", "Checker"] {
        tokens.push(bridge.query_one(LOGIN, &[&role])?.get::<_, String>(0));
    }
    // The conflict is made by hand, as an exception that ran out leaves it.
    security.batch_execute("SELECT vpd.revoke_authority('role:Checker', 'user:alice')")?;
    security.batch_execute("SELECT vpd.define_sod_rule('pair', '{role:Maker,role:Checker}')")?;
    database.admin()?.batch_execute(
        "UPDATE vpd_private.authority_grant SET valid_until = 'infinity' WHERE revoked_by IS NOT NULL",
    )?;
    for role in ["Maker", "Checker"] {
        assert_refused(bridge.query_one(LOGIN, &[&role]), "42501", "sod_conflict");
    }
    // Sessions that were there are refused with their next statement.
    let mut user = database.connect(role::USER)?;
    for token in &tokens {
        let mut transaction = user.transaction()?;
        assert_refused(attach(&mut transaction, token), "42501", "sod_conflict");
    }
    Ok(())
}

#[test]
fn claims_are_not_brought_one_at_a_time_either() -> Result<()> {
    let database = Database::create()?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute(
        "SELECT vpd.define_role('MAKER', 'enterprise'), vpd.define_role('CHECKER', 'enterprise')",
    )?;
    let mut bridge = database.connect(role::BRIDGE)?;
    let login = "SELECT vpd.create_session('eve', 'portal', roles => '{MAKER,CHECKER}', assumed_role => $1)";
    bridge.query_one(login, &[&"MAKER"])?;
    security.batch_execute("SELECT vpd.define_sod_rule('pair', '{role:MAKER,role:CHECKER}')")?;
    for role in ["MAKER", "CHECKER"] {
        assert_refused(bridge.query_one(login, &[&role]), "42501", "sod_conflict");
    }
    // Whoever has one of them logs in with it.
    let token = Subject::new("eve").role("MAKER").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    let mut transaction = user.transaction()?;
    attach(&mut transaction, &token)?;
    transaction.batch_execute("SELECT vpd.assume_role('MAKER')")?;
    Ok(())
}
