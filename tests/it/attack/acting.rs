//! Acting for somebody to get more than both have, or to keep what was taken back.

use postgres::{Client, GenericClient};
use vpd_tests::{Database, Result, Subject, assert_refused, attach, role};

use crate::authority::define;
use crate::delegation::on_behalf;

const SCENE: &str = "
SELECT vpd.define_resource('session');
SELECT vpd.define_privilege(name) FROM unnest('{read,write,pay,session:on_behalf}'::text[]) name;
SELECT vpd.define_role('Reader'), vpd.define_role('Writer'), vpd.define_role('Payer'), vpd.define_role('Help Desk'), vpd.define_role('Clerk');
SELECT vpd.grant_authority('privilege:read', 'role:Reader'), vpd.grant_authority('privilege:write', 'role:Writer'),
       vpd.grant_authority('privilege:pay', 'role:Payer'), vpd.grant_authority('privilege:session:on_behalf', 'role:Help Desk');
SELECT vpd.define_user(name) FROM unnest('{alice,henry,peter,mallory}'::text[]) name;
SELECT vpd.grant_authority('role:' || name, 'user:alice') FROM unnest('{Reader,Writer,Payer}'::text[]) name;
SELECT vpd.grant_authority('role:' || name, 'user:peter') FROM unnest('{Reader,Writer}'::text[]) name;
SELECT vpd.grant_authority('role:' || name, 'user:henry') FROM unnest('{Reader,Help Desk}'::text[]) name;
";
const FULLY: &str = "SELECT vpd.grant_delegation('user:peter', 'user:alice', with_full_authority => true)";

fn scene() -> Result<Database<'static>> {
    let database = Database::create()?;
    define(&database, SCENE)?;
    Ok(database)
}

fn privileges(database: &Database<'_>, token: &str) -> Result<Vec<String>> {
    let mut user = database.connect(role::USER)?;
    let mut transaction = user.transaction()?;
    attach(&mut transaction, token)?;
    let row = transaction.query_one("SELECT privileges FROM vpd.current_session()", &[])?;
    Ok(row.get(0))
}

fn is_true(client: &mut impl GenericClient, check: &str) -> Result<bool> {
    Ok(client.query_one(&format!("SELECT {check}"), &[])?.get(0))
}

/// The token attaches no more.
#[track_caller]
fn assert_over(database: &Database<'_>, token: &str) {
    let mut user = database.connect(role::USER).unwrap();
    let mut transaction = user.transaction().unwrap();
    assert_refused(attach(&mut transaction, token), "28000", "session_invalid");
}

#[test]
fn a_limited_session_chains_into_nothing_that_its_actors_lack() -> Result<()> {
    let database = scene()?;
    define(&database, FULLY)?;
    // control: peter himself acts fully
    let peter = Subject::new("peter").log_in(&database)?;
    let fully = on_behalf(&database, &peter, "alice")??;
    assert_eq!(privileges(&database, &fully)?, ["pay", "read", "write"]);
    // attack: henry, who may act with what both have, goes through peter to alice
    let henry = Subject::new("henry").log_in(&database)?;
    let as_peter = on_behalf(&database, &henry, "peter")??;
    assert_eq!(privileges(&database, &as_peter)?, ["read"]);
    let as_alice = on_behalf(&database, &as_peter, "alice")??;
    assert_eq!(privileges(&database, &as_alice)?, ["read"]);
    // control: a chain of full delegations is full
    define(
        &database,
        "SELECT vpd.grant_delegation('user:mallory', 'user:peter', with_full_authority => true)",
    )?;
    let mallory = Subject::new("mallory").log_in(&database)?;
    let as_peter = on_behalf(&database, &mallory, "peter")??;
    let as_alice = on_behalf(&database, &as_peter, "alice")??;
    assert_eq!(privileges(&database, &as_alice)?, ["pay", "read", "write"]);
    Ok(())
}

#[test]
fn a_session_with_one_role_does_not_act_fully() -> Result<()> {
    let database = scene()?;
    define(&database, FULLY)?;
    let mut bridge = database.connect(role::BRIDGE)?;
    let tool: String = bridge
        .query_one(
            "SELECT vpd.create_session('peter', 'portal', assumed_role => 'Reader')",
            &[],
        )?
        .get(0);
    let as_alice = on_behalf(&database, &tool, "alice")??;
    assert_eq!(privileges(&database, &as_alice)?, ["read"]);
    Ok(())
}

#[test]
fn one_role_of_a_full_session_on_behalf_is_that_role_of_the_user() -> Result<()> {
    let database = scene()?;
    define(
        &database,
        "SELECT vpd.grant_authority('role:Clerk', 'user:alice');
         SELECT vpd.grant_delegation('user:peter', 'role:Clerk', with_full_authority => true)",
    )?;
    let peter = Subject::new("peter").log_in(&database)?;
    let token = on_behalf(&database, &peter, "alice")??;
    let mut user = database.connect(role::USER)?;
    let mut transaction = user.transaction()?;
    attach(&mut transaction, &token)?;
    transaction.batch_execute("SELECT vpd.assume_role('Payer')")?;
    assert!(is_true(
        &mut transaction,
        "vpd.has_privilege('pay') AND NOT vpd.has_privilege('read')"
    )?);
    Ok(())
}

#[test]
fn a_revoked_delegation_ends_the_session() -> Result<()> {
    let database = scene()?;
    let mut security = database.connect(role::SECURITY)?;
    let peter = Subject::new("peter").log_in(&database)?;
    for fully in [true, false] {
        let id: i64 = security
            .query_one(
                "SELECT vpd.grant_delegation('user:peter', 'user:alice', with_full_authority => $1)",
                &[&fully],
            )?
            .get(0);
        let token = on_behalf(&database, &peter, "alice")??;
        let mut user = database.connect(role::USER)?;
        let mut transaction = user.transaction()?;
        attach(&mut transaction, &token)?;
        assert!(is_true(&mut transaction, "vpd.user_name() = 'alice'")?, "control");
        security.execute("SELECT vpd.revoke_delegation($1)", &[&id])?;
        // Not even the name is left, which policies compare with that of a row's owner.
        assert_refused(
            transaction.query("SELECT vpd.user_name()", &[]),
            "28000",
            "session_invalid",
        );
        drop(transaction);
        assert_over(&database, &token);
    }
    Ok(())
}

#[test]
fn an_actor_who_may_act_no_more_is_out() -> Result<()> {
    let database = scene()?;
    let henry = Subject::new("henry").log_in(&database)?;
    let as_peter = on_behalf(&database, &henry, "peter")??;
    define(
        &database,
        "SELECT vpd.revoke_authority('role:Help Desk', 'user:henry')",
    )?;
    assert_over(&database, &as_peter);
    Ok(())
}

#[test]
fn reports_and_groups_of_a_limited_session_are_those_of_both() -> Result<()> {
    let database = scene()?;
    define(
        &database,
        "SELECT vpd.define_user('bob', manager => 'alice');
         SELECT vpd.define_group('board'); SELECT vpd.grant_authority('group:board', 'user:alice');
         SELECT vpd.define_task_type('approval');
         SELECT vpd.define_task_action('approval', 'approve', '{assignee,manager}')",
    )?;
    let asks = [
        "vpd.may_reassign('bob')",
        "vpd.can_act('{\"type\": \"approval\", \"assignee\": \"bob\"}', 'approve')",
        "vpd.can_act('{\"type\": \"approval\", \"assignee\": \"group:board\"}', 'approve')",
    ];
    let answers = |token: &str| -> Result<Vec<bool>> {
        let mut user = database.connect(role::USER)?;
        let mut transaction = user.transaction()?;
        attach(&mut transaction, token)?;
        asks.iter().map(|ask| is_true(&mut transaction, ask)).collect()
    };
    // control: alice, and who acts for her fully
    let alice = Subject::new("alice").log_in(&database)?;
    assert_eq!(answers(&alice)?, [true; 3]);
    define(&database, FULLY)?;
    let peter = Subject::new("peter").log_in(&database)?;
    assert_eq!(answers(&on_behalf(&database, &peter, "alice")??)?, [true; 3]);
    // attack: the help desk is no manager of bob and not on the board
    let henry = Subject::new("henry").log_in(&database)?;
    let as_alice = on_behalf(&database, &henry, "alice")??;
    assert_eq!(answers(&as_alice)?, [false; 3]);
    define(
        &database,
        "SELECT vpd.grant_authority('group:board', 'user:henry')",
    )?;
    assert_eq!(answers(&as_alice)?, [false, false, true]);
    Ok(())
}

#[test]
fn whoever_may_not_act_learns_not_who_is_disabled() -> Result<()> {
    let database = scene()?;
    define(&database, "SELECT vpd.disable_user('alice')")?;
    let mallory = Subject::new("mallory").log_in(&database)?;
    for name in ["alice", "nobody", "peter"] {
        assert_refused(
            on_behalf(&database, &mallory, name)?,
            "42501",
            "privilege_missing",
        );
    }
    // control: who may act is told
    let henry = Subject::new("henry").log_in(&database)?;
    assert_refused(on_behalf(&database, &henry, "alice")?, "28000", "user_disabled");
    Ok(())
}

/// Gives somebody his name back, who is another one.
fn hire_again(database: &Database<'_>, name: &str) -> Result<Client> {
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute(&format!(
        "SELECT vpd.drop_authority('user:{name}'); SELECT vpd.define_user('{name}')"
    ))?;
    Ok(security)
}

#[test]
fn a_delegation_goes_with_those_it_names() -> Result<()> {
    let database = scene()?;
    define(&database, FULLY)?;
    hire_again(&database, "peter")?;
    let peter = Subject::new("peter").log_in(&database)?;
    assert_refused(
        on_behalf(&database, &peter, "alice")?,
        "42501",
        "privilege_missing",
    );
    // The same for whom it is for.
    define(
        &database,
        "SELECT vpd.grant_delegation('user:mallory', 'user:alice')",
    )?;
    let mallory = Subject::new("mallory").log_in(&database)?;
    on_behalf(&database, &mallory, "alice")??;
    hire_again(&database, "alice")?;
    assert_refused(
        on_behalf(&database, &mallory, "alice")?,
        "42501",
        "privilege_missing",
    );
    let open: i64 = database
        .connect(role::AUDITOR)?
        .query_one("SELECT count(*) FROM vpd.delegations WHERE is_valid", &[])?
        .get(0);
    assert_eq!(open, 0);
    Ok(())
}

#[test]
fn a_claimed_name_inherits_no_delegation_of_a_dropped_role() -> Result<()> {
    let database = scene()?;
    define(
        &database,
        "SELECT vpd.define_role('Agent', 'enterprise');
         SELECT vpd.grant_delegation('role:Agent', 'user:alice', with_full_authority => true)",
    )?;
    // control: an enterprise role is what a login says
    let eve = Subject::new("eve").role("Agent").log_in(&database)?;
    on_behalf(&database, &eve, "alice")??;
    define(&database, "SELECT vpd.drop_authority('role:Agent')")?;
    let eve = Subject::new("eve").role("Agent").log_in(&database)?;
    assert_refused(on_behalf(&database, &eve, "alice")?, "42501", "privilege_missing");
    // Nor one that somebody wrote by hand for a role that is not there.
    database.admin()?.batch_execute(
        "INSERT INTO vpd_private.delegation (actor, subject, with_full_authority, valid_from, valid_until, granted_by)
         VALUES ('role:Agent', 'user:alice', true, now(), 'infinity', 'x')",
    )?;
    assert_refused(on_behalf(&database, &eve, "alice")?, "42501", "privilege_missing");
    Ok(())
}

#[test]
fn whoever_acts_fully_controls_no_more_than_a_rule_allows_one_person() -> Result<()> {
    let database = scene()?;
    define(
        &database,
        "SELECT vpd.revoke_authority('role:Writer', 'user:alice');
         SELECT vpd.define_sod_rule('one_hand', '{privilege:write,privilege:pay}')",
    )?;
    define(&database, FULLY)?;
    // peter writes, alice pays: both by one hand
    let peter = Subject::new("peter").log_in(&database)?;
    assert_refused(on_behalf(&database, &peter, "alice")?, "42501", "sod_conflict");
    // control: with what both have there is nothing to keep apart
    let henry = Subject::new("henry").log_in(&database)?;
    on_behalf(&database, &henry, "alice")??;
    // control: without what the rule keeps apart; and it is looked at again when he gets it back
    define(
        &database,
        "SELECT vpd.revoke_authority('role:Writer', 'user:peter')",
    )?;
    let token = on_behalf(&database, &peter, "alice")??;
    assert_eq!(privileges(&database, &token)?, ["pay", "read"]);
    let mut user = database.connect(role::USER)?;
    let mut transaction = user.transaction()?;
    attach(&mut transaction, &token)?;
    define(
        &database,
        "SELECT vpd.grant_authority('role:Writer', 'user:peter')",
    )?;
    assert_refused(
        transaction.query("SELECT vpd.user_name()", &[]),
        "42501",
        "sod_conflict",
    );
    Ok(())
}

/// Sessions belong to the name, and so to whoever acts in it: said in authority.md.
#[test]
fn whoever_acts_for_somebody_sees_and_ends_his_sessions() -> Result<()> {
    let database = scene()?;
    let alice = Subject::new("alice").log_in(&database)?;
    let henry = Subject::new("henry").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    let query = "SELECT session_id::text FROM vpd.my_sessions WHERE NOT is_current";
    // control: henry as himself does not see hers
    let mut transaction = user.transaction()?;
    attach(&mut transaction, &henry)?;
    assert!(transaction.query(query, &[])?.is_empty());
    transaction.rollback()?;
    let limited = on_behalf(&database, &henry, "alice")??;
    let mut transaction = user.transaction()?;
    attach(&mut transaction, &limited)?;
    let others = transaction.query(query, &[])?;
    assert_eq!(others.len(), 1);
    let session: String = others[0].get(0);
    let end = format!("vpd.end_own_session('{session}')");
    assert!(is_true(&mut transaction, &end)?);
    transaction.commit()?;
    assert_over(&database, &alice);
    Ok(())
}
