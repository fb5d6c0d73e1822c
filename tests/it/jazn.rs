//! Oracle's jazn-data.xml, imported into a server by the real binary: its roles give what the file says.

use vpd_tests::{Database, Desk, Result, role};

const FILE: &str = include_str!("../../pg_extension/text/tests/jazn/purchasing.xml");

#[test]
fn a_file_with_nested_roles_and_permission_sets_is_imported_and_explained() -> Result<()> {
    let database = Database::create()?;
    let desk = Desk::at(&database)?;
    desk.write("jazn-data.xml", FILE)?;
    let imported = desk.run(&[
        "policy",
        "import",
        "--format",
        "jazn",
        "jazn-data.xml",
        "--app",
        "purchasing",
        "--yes",
    ])?;
    assert_eq!(imported.0, Some(0), "{imported:?}");
    for told in [
        "+ role Buyer",
        "app-role Buyer -> role:Buyer",
        "line 206: grant to Buyer and MANAGERS",
    ] {
        assert!(imported.1.contains(told), "{told}: {}", imported.1);
    }
    let modes: Vec<String> = database
        .connect(role::AUDITOR)?
        .query(
            "SELECT concat_ws(' ', action, mode) FROM vpd.privileges WHERE resource = 'purchase_order' ORDER BY action",
            &[],
        )?
        .iter()
        .map(|row| row.get(0))
        .collect();
    assert_eq!(
        modes,
        ["approve edit", "maintain edit", "submit edit", "view view"]
    );
    let compared = desk.run(&["policy", "diff", "--format", "jazn", "jazn-data.xml"])?;
    assert_eq!(compared.0, Some(0), "{compared:?}");
    let pruned = desk.run(&[
        "policy",
        "import",
        "--format",
        "jazn",
        "jazn-data.xml",
        "--prune",
        "--yes",
    ])?;
    assert_eq!(pruned.0, Some(1), "{pruned:?}");

    let mut admin = database.connect(role::SECURITY)?;
    admin.batch_execute("SELECT vpd.define_user('alice')")?;
    admin.batch_execute("SELECT vpd.grant_authority('role:Buyer', 'user:alice')")?;
    let path: String = database
        .connect(role::AUDITOR)?
        .query_one(
            "SELECT array_to_string(path, ' > ') FROM vpd.entitlements_at('alice') WHERE kind = 'privilege' AND name = 'purchase_order:submit'",
            &[],
        )?
        .get(0);
    assert_eq!(
        path,
        "user:alice > role:Buyer > entitlement:OrderManagement > privilege:purchase_order:submit"
    );
    let token: String = database
        .connect(role::BRIDGE)?
        .query_one("SELECT vpd.create_session('alice', 'portal')", &[])?
        .get(0);
    let mut user = database.connect(role::USER)?;
    user.batch_execute("BEGIN")?;
    user.execute("SELECT vpd.attach_session($1)", &[&token])?;
    for (privilege, is_held) in [
        ("purchase_order:view", true),
        ("purchase_order:submit", true),
        ("/WEB-INF/orders.xml#orders:view", true),
        ("com.example.view.pageDefs.ordersPageDef:view", true),
        ("purchase_order:approve", false),
        ("/WEB-INF/secret.xml#secret:view", false),
    ] {
        let held: bool = user
            .query_one("SELECT vpd.has_privilege($1)", &[&privilege])?
            .get(0);
        assert_eq!(held, is_held, "{privilege}");
    }
    let is_manager: bool = user
        .query_one("SELECT vpd.user_in_role('BuyingManager')", &[])?
        .get(0);
    assert!(
        !is_manager,
        "who has the contained role has not the one that contains it"
    );
    Ok(())
}

#[test]
fn a_hostile_file_imports_nothing() -> Result<()> {
    let database = Database::create()?;
    let desk = Desk::at(&database)?;
    let bomb = FILE.replacen(
        "<jazn-data",
        "<!DOCTYPE jazn-data [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>\n<jazn-data",
        1,
    );
    desk.write("jazn-data.xml", &bomb)?;
    let refused = desk.run(&["policy", "import", "--format", "jazn", "jazn-data.xml", "--yes"])?;
    assert_eq!(refused.0, Some(1), "{refused:?}");
    assert!(refused.2.contains("document type"), "{refused:?}");
    let roles: i64 = database
        .admin()?
        .query_one("SELECT count(*) FROM vpd.roles", &[])?
        .get(0);
    assert_eq!(roles, 0);
    Ok(())
}
