//! Getting more than was granted: by claims, by another's session, by narrowing and widening again, by the tables.

use vpd_tests::{Database, Result, Subject, assert_denied, assert_refused, attach, role};

use crate::authority::define;

const SCENE: &str = "
SELECT vpd.define_privilege('read'), vpd.define_role('Reader'), vpd.define_role('Root'), vpd.define_user('alice'), vpd.define_user('mallory');
SELECT vpd.grant_authority('privilege:read', 'role:Reader'), vpd.grant_authority('role:Reader', 'role:Root'), vpd.grant_authority('role:Root', 'user:alice');
";

fn has(database: &Database<'_>, token: &str, check: &str) -> Result<bool> {
    let mut user = database.connect(role::USER)?;
    let mut transaction = user.transaction()?;
    attach(&mut transaction, token)?;
    Ok(transaction.query_one(&format!("SELECT {check}"), &[])?.get(0))
}

#[test]
fn a_claim_gives_nothing_that_is_administered_here() -> Result<()> {
    let database = Database::create()?;
    // control: where nothing of that name is administered, a claim stands for itself
    let claimed = Subject::new("mallory").role("Root").privilege("read");
    let token = claimed.log_in(&database)?;
    assert!(has(
        &database,
        &token,
        "vpd.user_in_role('Root') AND vpd.has_privilege('read')"
    )?);
    // attack: the same claim where it is, also by the session that had it before
    define(&database, SCENE)?;
    assert!(!has(
        &database,
        &token,
        "vpd.user_in_role('Root') OR vpd.has_privilege('read')"
    )?);
    let token = claimed.log_in(&database)?;
    assert!(!has(
        &database,
        &token,
        "vpd.user_in_role('Root') OR vpd.has_privilege('read')"
    )?);
    Ok(())
}

#[test]
fn what_was_dropped_is_not_claimed_from_then_on() -> Result<()> {
    let database = Database::create()?;
    let claimed = Subject::new("mallory")
        .role("Root")
        .privilege("read")
        .role("GONE");
    let check = "vpd.user_in_role('Root') OR vpd.has_privilege('read') OR vpd.user_in_role('GONE')";
    // control: names that never were anything here stand for themselves, and an enterprise role counts
    define(&database, "SELECT vpd.define_role('GONE', 'enterprise')")?;
    let token = claimed.log_in(&database)?;
    assert!(has(&database, &token, &check.replace("OR", "AND"))?);
    // attack: they are administered here, then dropped
    define(&database, SCENE)?;
    define(
        &database,
        "SELECT vpd.drop_authority('role:Root'), vpd.drop_authority('privilege:read'), vpd.drop_authority('role:GONE')",
    )?;
    assert!(!has(&database, &token, check)?);
    let token = claimed.log_in(&database)?;
    assert!(!has(&database, &token, check)?);
    // Defined again as what a login may bring, a role counts.
    define(&database, "SELECT vpd.define_role('GONE', 'enterprise')")?;
    assert!(has(&database, &token, "vpd.user_in_role('GONE')")?);
    Ok(())
}

#[test]
fn what_opens_doors_of_the_extension_is_never_claimed() -> Result<()> {
    let database = Database::create()?;
    for privilege in [
        "session:on_behalf",
        "session:set_audit_identity",
        "segregation:approve",
    ] {
        let token = Subject::new("mallory").privilege(privilege).log_in(&database)?;
        assert!(!has(
            &database,
            &token,
            &format!("vpd.has_privilege('{privilege}')")
        )?);
    }
    define(&database, "SELECT vpd.define_user('alice')")?;
    let token = Subject::new("mallory")
        .privilege("session:on_behalf")
        .log_in(&database)?;
    assert_refused(
        database
            .connect(role::BRIDGE)?
            .query("SELECT vpd.create_session_on_behalf($1, 'alice')", &[&token]),
        "42501",
        "privilege_missing",
    );
    Ok(())
}

#[test]
fn plain_roles_change_nothing_in_the_graph() -> Result<()> {
    let database = Database::create()?;
    define(&database, SCENE)?;
    for role in [
        role::USER,
        role::BRIDGE,
        role::AUDITOR,
        role::STRANGER,
        role::OWNER,
    ] {
        let mut client = database.connect(role)?;
        for attempt in [
            "SELECT vpd.grant_authority('role:Root', 'user:mallory')",
            "SELECT vpd.define_user('mallory', attributes => '{}')",
            "SELECT vpd.grant_delegation('user:mallory')",
            "SELECT vpd.enable_authority('role:Root', false)",
            "INSERT INTO vpd_private.authority_grant (holder_id, granted_id, granted_by) VALUES (1, 2, 'me')",
            "INSERT INTO vpd_private.session_authority VALUES (gen_random_uuid(), 1, 'infinity', 'production', '{Root}', '{}', '[]', '{}')",
            "UPDATE vpd_private.authority_version SET version = 0",
            "DELETE FROM vpd_private.authority_change",
        ] {
            assert_denied(client.execute(attempt, &[]));
        }
    }
    Ok(())
}

#[test]
fn a_delegation_reaches_no_further_than_its_words() -> Result<()> {
    let database = Database::create()?;
    define(&database, SCENE)?;
    define(
        &database,
        "SELECT vpd.define_role('Helper'), vpd.define_role('Clerk'); SELECT vpd.grant_authority('role:Helper', 'user:mallory');
         SELECT vpd.grant_delegation('role:Helper', 'role:Clerk', with_full_authority => true)",
    )?;
    let mallory = Subject::new("mallory").log_in(&database)?;
    let mut bridge = database.connect(role::BRIDGE)?;
    let on_behalf = "SELECT vpd.create_session_on_behalf($1, 'alice')";
    // alice is no clerk
    assert_refused(bridge.query(on_behalf, &[&mallory]), "42501", "privilege_missing");
    // control: she becomes one
    define(
        &database,
        "SELECT vpd.grant_authority('role:Clerk', 'user:alice')",
    )?;
    let token: String = bridge.query_one(on_behalf, &[&mallory])?.get(0);
    assert!(has(&database, &token, "vpd.has_privilege('read')")?);
    // and is one no longer: the session that rests on it is over
    define(
        &database,
        "SELECT vpd.revoke_authority('role:Clerk', 'user:alice')",
    )?;
    let mut user = database.connect(role::USER)?;
    let mut transaction = user.transaction()?;
    assert_refused(attach(&mut transaction, &token), "28000", "session_invalid");
    drop(transaction);
    // mallory claims a role that would let him act
    let eve = Subject::new("eve").role("Helper").log_in(&database)?;
    define(
        &database,
        "SELECT vpd.grant_authority('role:Clerk', 'user:alice')",
    )?;
    assert_refused(bridge.query(on_behalf, &[&eve]), "42501", "privilege_missing");
    Ok(())
}

#[test]
fn a_name_is_a_name_whatever_is_in_it() -> Result<()> {
    let database = Database::create()?;
    let hostile = [
        "a'; DROP SCHEMA vpd CASCADE; --",
        "\"quoted\"",
        "$$dollar$$",
        "role:Root",
        "100%_PREPROD%",
        "ünï\u{202e}code",
        "a\\b",
    ];
    let mut security = database.connect(role::SECURITY)?;
    for name in hostile {
        security.execute(
            "SELECT vpd.define_role($1), vpd.define_user($1), vpd.define_privilege('read' || md5($1))",
            &[&name],
        )?;
        let (role, user) = (format!("role:{name}"), format!("user:{name}"));
        security.execute("SELECT vpd.grant_authority($1, $2)", &[&role, &user])?;
        let token = Subject::new(name).log_in(&database)?;
        let mut client = database.connect(role::USER)?;
        let mut transaction = client.transaction()?;
        attach(&mut transaction, &token)?;
        let is_in: bool = transaction
            .query_one("SELECT vpd.user_in_role($1)", &[&name])?
            .get(0);
        assert!(is_in, "{name}");
    }
    for name in ["", " ", " a", "a\n", "a\u{7}", &"x".repeat(257)] {
        assert_refused(
            security.execute("SELECT vpd.define_role($1)", &[&name]),
            "22023",
            "argument_invalid",
        );
    }
    Ok(())
}
