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

/// Two roles of two applications that would be one here: whoever is in the group of the one has nothing of the other. Control: each application alone.
#[test]
fn nobody_gets_what_the_file_gave_a_role_that_would_have_the_same_name() -> Result<()> {
    let application = |name: &str, role: &str, group: &str, about: &str| {
        format!(
            "<application><name>{name}</name><app-roles><app-role><name>{role}</name><members><member>\
             <class>weblogic.security.principal.WLSGroupImpl</class><name>{group}</name></member></members></app-role></app-roles>\
             <jazn-policy><grant><grantee><principals><principal>\
             <class>oracle.security.jps.service.policystore.ApplicationRole</class><name>{role}</name></principal></principals></grantee>\
             <permissions><permission><class>com.example.P</class><name>{about}</name><actions>read</actions></permission></permissions>\
             </grant></jazn-policy></application>"
        )
    };
    let file = format!(
        "<jazn-data><policy-store><applications>{}{}</applications></policy-store></jazn-data>",
        application("crm", "hr.Boss", "TEMPS", "note"),
        application("crm.hr", "Boss", "CHIEFS", "salary"),
    );
    for (arguments, note, salary) in [
        (&["--app", "crm"][..], "note:read", "salary:read"),
        (&[], "crm.note:read", "crm.hr.salary:read"),
    ] {
        let database = Database::create()?;
        let desk = Desk::at(&database)?;
        desk.write("jazn-data.xml", &file)?;
        let import = ["policy", "import", "--format", "jazn", "jazn-data.xml", "--yes"];
        let imported = desk.run(&[&import[..], arguments].concat())?;
        assert_eq!(imported.0, Some(0), "{imported:?}");
        let token: String = database
            .connect(role::BRIDGE)?
            .query_one(
                "SELECT vpd.create_session('temp', 'portal', roles => '{TEMPS}')",
                &[],
            )?
            .get(0);
        let mut user = database.connect(role::USER)?;
        user.batch_execute("BEGIN")?;
        user.execute("SELECT vpd.attach_session($1)", &[&token])?;
        let mut has = |privilege: &str| -> Result<bool> {
            Ok(user
                .query_one("SELECT vpd.has_privilege($1)", &[&privilege])?
                .get(0))
        };
        let is_alone = !arguments.is_empty();
        assert_eq!((has(note)?, has(salary)?), (is_alone, false));
        assert_ne!(
            imported.1.contains("both called crm.hr.Boss"),
            is_alone,
            "{}",
            imported.1
        );
    }
    Ok(())
}
