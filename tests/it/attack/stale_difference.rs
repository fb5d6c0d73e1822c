//! Somebody changes definitions while an import of the same ones begins: what the import compares is what there is once nobody else can change it.

use serde_json::json;
use vpd_tests::{Database, Result, create_orders, overlapped, role};

use crate::definition_order::{document, import};

const SCENE: &str = "
SELECT vpd.define_role(name) FROM unnest('{A,B,C}'::text[]) name;
SELECT vpd.define_user('u'), vpd.define_user('v');
SELECT vpd.define_sod_rule('r', '{role:A,role:B}'), vpd.add_policy('shop.orders', 'strict', $$region = 'mine'$$);
";

/// What somebody does who wants to keep it.
const CHANGES: &str = "
SELECT vpd.grant_authority('role:C', 'user:u'), vpd.define_sod_rule('r', '{role:A,role:B,role:C}', 2), vpd.alter_policy('shop.orders', 'strict', 'true')
";

#[test]
fn what_is_committed_while_an_import_waits_is_compared_as_well() -> Result<()> {
    let database = Database::create()?;
    create_orders(&database)?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute(SCENE)?;
    let file = json!({
        "users": [{"name": "u", "display_name": "U"}, {"name": "v"}],
        "memberships": [],
        "sod_rules": [{"name": "r", "items": ["role:A", "role:B"]}],
        "policies": [{"relation": "shop.orders", "name": "strict", "predicate": "region = 'mine'"}],
    });
    let mut other = database.connect(role::SECURITY)?;
    other.batch_execute("BEGIN")?;
    other.batch_execute(CHANGES)?;
    let (lines, committed) = overlapped(
        &mut security,
        &mut database.admin()?,
        |client| import(client, &file),
        || other.batch_execute("COMMIT"),
    )?;
    committed?;
    let mut lines = lines?;
    lines.sort();
    let line = |change: &str, kind: &str, name: &str| [change.to_owned(), kind.to_owned(), name.to_owned()];
    assert_eq!(
        lines,
        [
            line("change", "policy", "shop.orders / strict"),
            line("change", "sod_rule", "r"),
            line("change", "user", "u"),
            line("remove", "membership", "user:u / role:C"),
        ]
    );
    assert!(import(&mut security, &file)?.is_empty());

    // Control: the changes do what they say, and stay when nothing is imported.
    other.batch_execute(CHANGES)?;
    assert_eq!(import(&mut security, &file)?.len(), 3);
    Ok(())
}

#[test]
fn an_import_that_changes_nothing_waits_for_nobody() -> Result<()> {
    let database = Database::create()?;
    create_orders(&database)?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute(SCENE)?;
    let whole = document(&json!({
        "users": [{"name": "u"}, {"name": "v"}],
        "policies": [{"relation": "shop.orders", "name": "strict", "predicate": "region = 'mine'"}],
    }));
    let mut other = database.connect(role::SECURITY)?;
    other.batch_execute("BEGIN")?;
    other.batch_execute(CHANGES)?;
    security.batch_execute("SET lock_timeout = '500ms'")?;
    for dry_run in [true, false] {
        let lines = security.query(
            "SELECT change FROM vpd.import_definitions($1, dry_run => $2, prune => true)",
            &[&whole, &dry_run],
        )?;
        assert!(lines.is_empty(), "dry run {dry_run}");
    }
    Ok(())
}
