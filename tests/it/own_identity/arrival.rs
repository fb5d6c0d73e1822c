//! What arrives in the second database.

use super::{arrive, cluster, first, second, sign, sign_with, told};
use crate::authority::define;
use vpd_tests::{Database, Result, Subject, act_for, assert_refused, attach, role};

/// What a session that arrived says of itself.
const WHO: &str = "SELECT concat_ws(' ', vpd.user_name(), 'by', array_to_string(vpd.actor_chain(), '<'), 'as', vpd.audit_identity(),
                                    'in', array_to_string(c.roles, ','), vpd.attribute('app', 'region'), vpd.attribute('identity', 'issuer'))
                      FROM vpd.current_session() c";

/// Who wrote a row, as the session of a token.
pub(super) fn write(database: &Database<'_>, session: &str, id: i32) -> Result<(String, String, String)> {
    let mut user = database.connect(role::USER)?;
    let mut transaction = user.transaction()?;
    attach(&mut transaction, session)?;
    let who = transaction.query_one(WHO, &[])?.get(0);
    transaction.execute("INSERT INTO shop.notes (id) VALUES ($1)", &[&id])?;
    let row = transaction.query_one(
        "SELECT created_by, created_login FROM shop.notes WHERE id = $1",
        &[&id],
    )?;
    let written = (row.get(0), row.get(1), who);
    transaction.commit()?;
    Ok(written)
}

#[test]
fn peter_for_alice_stands_in_the_audit_columns_of_the_other_database() -> Result<()> {
    let (one, other) = (cluster()?, cluster()?);
    let first = first(&one)?;
    let second = second(&other, &first, "")?;
    let mut bridge = first.connect(role::BRIDGE)?;
    let issuer = super::FIRST;
    // control: alice herself, with what she has there alone
    let alice = Subject::in_region("alice", "East").log_in(&first)?;
    let arrived = arrive(&second, &sign(&first, &alice)?)??;
    assert_eq!(
        write(&second, &arrived, 1)?,
        (
            "alice".into(),
            "alice".into(),
            format!("alice by  as alice in Reader {issuer}")
        )
    );
    let peter = Subject::new("peter").log_in(&first)?;
    let for_alice = act_for(&mut bridge, &peter, "alice")?;
    let arrived = arrive(&second, &sign(&first, &for_alice)?)??;
    assert_eq!(
        write(&second, &arrived, 2)?,
        (
            "alice".into(),
            "peter".into(),
            format!("alice by peter as alice in Reader {issuer}")
        )
    );
    // Carol is logged in, acts for peter, and as peter for alice.
    let carol = Subject::new("carol").log_in(&first)?;
    let for_peter = act_for(&mut bridge, &carol, "peter")?;
    let for_alice = act_for(&mut bridge, &for_peter, "alice")?;
    let arrived = arrive(&second, &sign(&first, &for_alice)?)??;
    assert_eq!(
        write(&second, &arrived, 3)?,
        (
            "alice".into(),
            "carol".into(),
            format!("alice by peter<carol as alice in Reader {issuer}")
        )
    );
    // The name of a submitter comes along.
    let robot = Subject::new("robot").log_in(&first)?;
    let token = sign_with(
        &first,
        &robot,
        "SELECT vpd.set_audit_identity('submitter')",
        super::SECOND,
    )??;
    let arrived = arrive(&second, &token)??;
    assert_eq!(
        write(&second, &arrived, 4)?,
        (
            "submitter".into(),
            "robot".into(),
            format!("robot by  as submitter in Service {issuer}")
        )
    );
    Ok(())
}

#[test]
fn who_may_act_for_whom_is_for_the_second_database() -> Result<()> {
    let (one, other) = (cluster()?, cluster()?);
    let first = first(&one)?;
    let second = second(&other, &first, "")?;
    let mut bridge = first.connect(role::BRIDGE)?;
    let peter = Subject::new("peter").log_in(&first)?;
    let for_alice = act_for(&mut bridge, &peter, "alice")?;
    // control
    let arrived = arrive(&second, &sign(&first, &for_alice)?)??;
    // What was delegated there is taken back there: it bites at once.
    let mut security = second.connect(role::SECURITY)?;
    security.batch_execute(
        "SELECT vpd.revoke_delegation(delegation_id) FROM vpd.delegations WHERE actor = 'user:peter'",
    )?;
    let mut user = second.connect(role::USER)?;
    assert_refused(attach(&mut user, &arrived), "28000", "session_invalid");
    let token = sign(&first, &for_alice)?;
    assert_refused(arrive(&second, &token)?, "42501", "privilege_missing");
    // With less than full authority the session has what both have: peter is no reader.
    security.batch_execute("SELECT vpd.grant_delegation('user:peter', 'user:alice')")?;
    let arrived = arrive(&second, &token)??;
    let mut transaction = user.transaction()?;
    attach(&mut transaction, &arrived)?;
    let has: bool = transaction
        .query_one("SELECT vpd.user_in_role('Reader')", &[])?
        .get(0);
    assert!(!has);
    drop(transaction);
    // Nobody acts who is no user there, and for nobody who is none.
    define(
        &first,
        "SELECT vpd.define_user('dave'), vpd.grant_delegation('user:dave', 'user:alice'), vpd.grant_delegation('user:peter', 'user:dave')",
    )?;
    let dave = Subject::new("dave").log_in(&first)?;
    let by_stranger = act_for(&mut bridge, &dave, "alice")?;
    assert_refused(
        arrive(&second, &sign(&first, &by_stranger)?)?,
        "42501",
        "privilege_missing",
    );
    let for_stranger = act_for(&mut bridge, &peter, "dave")?;
    assert_refused(
        arrive(&second, &sign(&first, &for_stranger)?)?,
        "42501",
        "privilege_missing",
    );
    Ok(())
}

/// A way in which the session of a token ends.
type Ender = Box<dyn FnMut(&str) -> Result<()>>;

#[test]
fn the_chain_ends_as_a_whole() -> Result<()> {
    let (one, other) = (cluster()?, cluster()?);
    let first = first(&one)?;
    let second = second(&other, &first, "")?;
    let peter = Subject::new("peter").log_in(&first)?;
    let for_alice = act_for(&mut first.connect(role::BRIDGE)?, &peter, "alice")?;
    let live =
        "SELECT coalesce(string_agg(user_name, ',' ORDER BY user_name), '') FROM vpd.sessions WHERE is_live";
    let mut admin = second.admin()?;
    let mut bridge = second.connect(role::BRIDGE)?;
    let mut enders: Vec<Ender> = Vec::new();
    let mut security = second.connect(role::SECURITY)?;
    enders.push(Box::new(move |session| {
        bridge.execute("SELECT vpd.end_session($1)", &[&session])?;
        Ok(())
    }));
    let mut user = second.connect(role::USER)?;
    enders.push(Box::new(move |session| {
        let mut transaction = user.transaction()?;
        attach(&mut transaction, session)?;
        transaction.execute("SELECT vpd.end_own_session(vpd.session_id())", &[])?;
        Ok(transaction.commit()?)
    }));
    enders.push(Box::new(move |_| {
        security.execute("SELECT vpd.end_user_sessions('peter')", &[])?;
        Ok(())
    }));
    let mut steward = second.connect(role::SECURITY)?;
    enders.push(Box::new(move |_| {
        steward.execute("SELECT vpd.distrust_issuer($1)", &[&super::FIRST])?;
        Ok(())
    }));
    for end in &mut enders {
        let arrived = arrive(&second, &sign(&first, &for_alice)?)??;
        assert_eq!(told(&mut admin, live)?, "alice,peter", "control");
        end(&arrived)?;
        assert_eq!(told(&mut admin, live)?, "");
    }
    Ok(())
}

#[test]
fn how_the_user_was_authenticated_counts_and_the_chain_counts_for_whoever_is_logged_in() -> Result<()> {
    let (one, other) = (cluster()?, cluster()?);
    let first = first(&one)?;
    let second = second(&other, &first, "")?;
    second.connect(role::SECURITY)?.batch_execute(
        "SELECT vpd.register_app('portal', 'retail', required_acr => '{gold}', max_sessions_per_user => 2, when_full => 'refuse')",
    )?;
    let mut bridge = first.connect(role::BRIDGE)?;
    let mut log_in = |acr: &str| -> Result<String> {
        Ok(bridge
            .query_one("SELECT vpd.create_session('peter', 'portal', acr => $1)", &[&acr])?
            .get(0))
    };
    let (weak, strong) = (log_in("silver")?, log_in("gold")?);
    let for_alice = |session: &str| -> Result<String> {
        Ok(act_for(&mut first.connect(role::BRIDGE)?, session, "alice")?)
    };
    assert_refused(
        arrive(&second, &sign(&first, &for_alice(&weak)?)?)?,
        "28000",
        "assurance_insufficient",
    );
    let strong = for_alice(&strong)?;
    arrive(&second, &sign(&first, &strong)?)??;
    // Peter has two now: his own, and that for alice.
    assert_refused(
        arrive(&second, &sign(&first, &strong)?)?,
        "53400",
        "limit_sessions",
    );
    let log_in = "SELECT vpd.create_session('alice', 'portal', acr => 'gold')";
    let alice: String = second.connect(role::BRIDGE)?.query_one(log_in, &[])?.get(0);
    attach(&mut second.connect(role::USER)?, &alice)?;
    Ok(())
}
