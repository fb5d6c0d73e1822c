//! What was shipped is taken away by dropping, or switching off, what it consists of.

use vpd_tests::{Database, Result, assert_refused, role};

const CATALOGUE: &str = "
SELECT vpd.define_role('Buyer'); SELECT vpd.define_duty('Ordering'); SELECT vpd.define_duty('Other');
SELECT vpd.define_resource('order'); SELECT vpd.define_privilege('order:enter'); SELECT vpd.define_privilege('order:approve');
SELECT vpd.grant_authority('duty:Ordering', 'role:Buyer');
SELECT vpd.mark_seeded('role:Buyer', 'postgres');
";

#[test]
fn what_a_seeded_grant_refers_to_is_neither_dropped_nor_switched_off() -> Result<()> {
    let database = Database::create()?;
    database.admin()?.batch_execute(CATALOGUE)?;
    let mut customizer = database.connect(role::SECURITY)?;
    for statement in [
        "SELECT vpd.revoke_authority('duty:Ordering', 'role:Buyer')",
        "SELECT vpd.drop_authority('duty:Ordering')",
        "SELECT vpd.enable_authority('duty:Ordering', false)",
    ] {
        assert_refused(customizer.batch_execute(statement), "42501", "definition_seeded");
    }
    // Control: of what nothing shipped refers to he disposes, and the owner of all of it.
    customizer.batch_execute(
        "SELECT vpd.enable_authority('duty:Other', false); SELECT vpd.drop_authority('duty:Other')",
    )?;
    database.admin()?.batch_execute(
        "SELECT vpd.enable_authority('duty:Ordering', false); SELECT vpd.drop_authority('duty:Ordering')",
    )?;
    Ok(())
}

#[test]
fn seeded_rules_are_neither_changed_nor_dropped_nor_emptied() -> Result<()> {
    let database = Database::create()?;
    let mut admin = database.admin()?;
    admin.batch_execute(CATALOGUE)?;
    let define = |name: &str, at_most: i32| {
        format!(
            "SELECT vpd.define_sod_rule('{name}', '{{privilege:order:enter,privilege:order:approve,duty:Other}}', at_most => {at_most})"
        )
    };
    admin.batch_execute(&define("shipped", 1))?;
    admin.batch_execute("SELECT vpd.mark_seeded('sod_rule:shipped', 'postgres')")?;
    let mut customizer = database.connect(role::SECURITY)?;
    for statement in [
        define("shipped", 2).as_str(),
        "SELECT vpd.drop_sod_rule('shipped')",
        "SELECT vpd.drop_authority('duty:Other')",
        "SELECT vpd.enable_authority('privilege:order:enter', false)",
        "SELECT vpd.mark_seeded('sod_rule:shipped', NULL)",
    ] {
        assert_refused(customizer.batch_execute(statement), "42501", "definition_seeded");
    }
    // Control: rules of his own are his.
    customizer.batch_execute(&define("own", 1))?;
    customizer.batch_execute(&define("own", 2))?;
    customizer.batch_execute("SELECT vpd.drop_sod_rule('own')")?;
    let owner: Option<String> = customizer
        .query_one("SELECT seeded_by FROM vpd.sod_rules WHERE name = 'shipped'", &[])?
        .get(0);
    assert_eq!(owner.as_deref(), Some("postgres"));
    admin.batch_execute("SELECT vpd.drop_sod_rule('shipped')")?;
    Ok(())
}

/// A document with one definition.
fn document(section: &str, holder: &str) -> String {
    format!(
        r#"SELECT vpd.import_definitions('{{"format": "pg_vpd definitions", "version": 1, "{section}": [{{"holder": "{holder}", "granted": "duty:Ordering", "seeded_by": "app_stranger"}}]}}')"#
    )
}

/// Who may mark what is his own marks nothing of others with it: whatever the way, the shipped grant cannot be revoked after it.
#[test]
fn the_mark_of_others_is_not_written_over() -> Result<()> {
    for is_role_free in [false, true] {
        for way in [
            "SELECT vpd.mark_seeded('role:Buyer', NULL)".to_owned(),
            "SELECT vpd.mark_seeded('role:Buyer', 'app_stranger')".to_owned(),
            document("grants", "role:Buyer"),
            document("grants", "role: Buyer"),
            document("memberships", "role:Buyer"),
        ] {
            let database = Database::create()?;
            let mut admin = database.admin()?;
            admin.batch_execute(CATALOGUE)?;
            if is_role_free {
                admin.batch_execute(
                    "UPDATE vpd_private.authority SET seeded_by = NULL WHERE name = 'Buyer'",
                )?;
            }
            // A member of the owner, and of nothing else.
            let mut customizer = database.connect(role::SECURITY)?;
            let way = way.replace("app_stranger", role::SECURITY);
            let _refused_or_done = customizer.batch_execute(&way);
            assert_refused(
                customizer.batch_execute("SELECT vpd.revoke_authority('duty:Ordering', 'role:Buyer')"),
                "42501",
                "definition_seeded",
            );
        }
    }
    Ok(())
}

/// Control: what belongs to nobody is marked, and what is his own is marked otherwise.
#[test]
fn what_is_his_own_is_marked_with_what_holds_it() -> Result<()> {
    let database = Database::create()?;
    let mut customizer = database.connect(role::SECURITY)?;
    customizer.batch_execute(
        "SELECT vpd.define_role('Own'); SELECT vpd.define_duty('Doing'); SELECT vpd.grant_authority('duty:Doing', 'role:Own')",
    )?;
    for owner in [Some(role::SECURITY), None] {
        customizer.execute("SELECT vpd.mark_seeded('role:Own', $1)", &[&owner])?;
        let told: Option<String> = customizer
            .query_one("SELECT seeded_by FROM vpd.grants WHERE holder = 'role:Own'", &[])?
            .get(0);
        assert_eq!(told.as_deref(), owner);
    }
    Ok(())
}

/// Whoever a user belongs to, another administrator can lock him out; only the owner lets him in again.
#[test]
fn a_marked_user_can_be_locked_out() -> Result<()> {
    let database = Database::create()?;
    database.admin()?.batch_execute(
        "SELECT vpd.define_user('mallory'); SELECT vpd.mark_seeded('user:mallory', 'postgres')",
    )?;
    let mut customizer = database.connect(role::SECURITY)?;
    customizer.batch_execute("SELECT vpd.disable_user('mallory', 'under suspicion')")?;
    assert_refused(
        customizer.batch_execute("SELECT vpd.enable_authority('user:mallory', true)"),
        "42501",
        "definition_seeded",
    );
    Ok(())
}
