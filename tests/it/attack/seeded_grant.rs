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
