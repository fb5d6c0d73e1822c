//! A session that was being created while its user was disabled.

use vpd_tests::{Database, Result, Subject, assert_refused, attach, role};

use crate::authority::define;

const SCENE: &str = "
SELECT vpd.define_resource('session');
SELECT vpd.define_privilege('session:on_behalf'), vpd.define_role('Help Desk');
SELECT vpd.grant_authority('privilege:session:on_behalf', 'role:Help Desk');
SELECT vpd.define_user('alice'), vpd.define_user('henry');
SELECT vpd.grant_authority('role:Help Desk', 'user:henry');
";

#[test]
fn a_session_that_slipped_past_the_switch_is_none() -> Result<()> {
    let database = Database::create()?;
    define(&database, SCENE)?;
    let create = "SELECT vpd.create_session('alice', 'portal', '{}', '{Claimed}'), vpd.create_session('henry', 'portal')";
    // control: where nobody is disabled, what a transaction creates slowly is good
    let mut bridge = database.connect(role::BRIDGE)?;
    bridge.batch_execute("BEGIN")?;
    let token: String = bridge.query_one(create, &[])?.get(0);
    bridge.batch_execute("COMMIT")?;
    let mut user = database.connect(role::USER)?;
    let mut transaction = user.transaction()?;
    attach(&mut transaction, &token)?;
    drop(transaction);
    // attack: the administrator sees no such session yet
    bridge.batch_execute("BEGIN")?;
    let row = bridge.query_one(create, &[])?;
    let (alice, henry): (String, String) = (row.get(0), row.get(1));
    let as_alice: String = bridge
        .query_one("SELECT vpd.create_session_on_behalf($1, 'alice')", &[&henry])?
        .get(0);
    define(&database, "SELECT vpd.disable_user('alice')")?;
    bridge.batch_execute("COMMIT")?;
    for token in [&alice, &as_alice] {
        let mut transaction = user.transaction()?;
        assert_refused(attach(&mut transaction, token), "28000", "session_invalid");
    }
    // Nor does it come back with the user.
    define(&database, "SELECT vpd.enable_user('alice')")?;
    for token in [&alice, &as_alice] {
        let mut transaction = user.transaction()?;
        assert_refused(attach(&mut transaction, token), "28000", "session_invalid");
    }
    Ok(())
}

#[test]
fn whose_switch_is_turned_by_hand_is_out_with_the_next_statement() -> Result<()> {
    let database = Database::create()?;
    define(&database, SCENE)?;
    let henry = Subject::new("henry").log_in(&database)?;
    let as_alice: String = database
        .connect(role::BRIDGE)?
        .query_one("SELECT vpd.create_session_on_behalf($1, 'alice')", &[&henry])?
        .get(0);
    for name in ["alice", "henry"] {
        let mut user = database.connect(role::USER)?;
        let mut transaction = user.transaction()?;
        attach(&mut transaction, &as_alice)?;
        let switch = |is_on: bool| -> Result<()> {
            let update = format!(
                "UPDATE vpd_private.authority SET is_enabled = {is_on} WHERE kind = 'user' AND name = '{name}'"
            );
            Ok(database.admin()?.batch_execute(&update)?)
        };
        switch(false)?;
        assert_refused(
            transaction.query("SELECT vpd.user_name()", &[]),
            "28000",
            "session_invalid",
        );
        switch(true)?;
    }
    Ok(())
}
