//! The catalogue that is shipped for a retail business: complete, layered, owned by the extension.

use std::collections::BTreeSet;

use postgres::Client;
use vpd_tests::{Database, Desk, Result, Subject, assert_refused, attach, outcome, role};

fn install(client: &mut Client) -> std::result::Result<Vec<[String; 3]>, postgres::Error> {
    let rows = client.query("SELECT change, kind, name FROM vpd.install_catalogue()", &[])?;
    Ok(rows
        .iter()
        .map(|row| [row.get(0), row.get(1), row.get(2)])
        .collect())
}

fn names(client: &mut Client, query: &str) -> Result<BTreeSet<String>> {
    Ok(client.query(query, &[])?.iter().map(|row| row.get(0)).collect())
}

/// Everything that a role, duty or entitlement reaches, found by the test's own walk.
fn reached(client: &mut Client, holder: &str) -> Result<BTreeSet<String>> {
    let query = "WITH RECURSIVE reached (name) AS (
                     VALUES ($1)
                     UNION
                     SELECT g.granted FROM reached r JOIN vpd.grants g ON g.holder = r.name AND g.is_valid)
                 SELECT name FROM reached";
    Ok(client
        .query(query, &[&holder])?
        .iter()
        .map(|row| row.get(0))
        .collect())
}

#[test]
fn the_catalogue_is_installed_once_and_again_without_a_change() -> Result<()> {
    let database = Database::create()?;
    let mut admin = database.connect(role::SECURITY)?;
    let shown = admin
        .query("SELECT 1 FROM vpd.install_catalogue(dry_run => true)", &[])?
        .len();
    let installed = install(&mut admin)?;
    assert_eq!(
        installed.len(),
        shown,
        "a dry run shows the same and installs nothing"
    );
    assert!(installed.iter().all(|line| line[0] == "add"), "{installed:?}");
    assert!(install(&mut admin)?.is_empty());
    assert_refused(
        admin.query("SELECT vpd.install_catalogue('banking')", &[]),
        "42704",
        "catalogue_not_found",
    );
    Ok(())
}

#[test]
fn the_roles_of_the_issue_are_there_and_approval_contains_management_contains_inquiry() -> Result<()> {
    let database = Database::create()?;
    let mut admin = database.connect(role::SECURITY)?;
    install(&mut admin)?;
    let roles = names(&mut admin, "SELECT name FROM vpd.roles")?;
    for name in [
        "Application Administrator",
        "Data Steward",
        "Buyer",
        "Inventory Analyst",
        "Inventory Manager",
        "Pricing Analyst",
        "Allocator",
        "Sales Audit Analyst",
    ] {
        assert!(roles.contains(name), "{name}");
    }
    let duties = names(&mut admin, "SELECT name FROM vpd.duties")?;
    let areas: BTreeSet<_> = duties
        .iter()
        .filter_map(|duty| duty.rsplit_once(' '))
        .map(|(area, _)| area.to_owned())
        .collect();
    for area in [
        "Purchase Order",
        "Item",
        "Supplier",
        "Inventory Adjustment",
        "Transfer",
        "Stock Count",
        "Price Change",
        "Clearance",
        "Allocation",
        "Sales Audit",
        "Cost Change",
        "Foundation Data",
        "Data Filtering",
        "Application Administration",
    ] {
        assert!(areas.contains(area), "{area}");
    }
    for area in &areas {
        let level = |name: &str| format!("duty:{area} {name}");
        let inquiry = reached(&mut admin, &level("Inquiry"))?;
        let management = reached(&mut admin, &level("Management"))?;
        assert!(
            inquiry.is_subset(&management) && inquiry.len() < management.len(),
            "{area}"
        );
        if duties.contains(&format!("{area} Approval")) {
            let approval = reached(&mut admin, &level("Approval"))?;
            assert!(
                management.is_subset(&approval) && management.len() < approval.len(),
                "{area}"
            );
        }
    }
    Ok(())
}

#[test]
fn every_privilege_is_reached_by_a_role_and_every_duty_is_used() -> Result<()> {
    let database = Database::create()?;
    let mut admin = database.connect(role::SECURITY)?;
    install(&mut admin)?;
    let mut used = BTreeSet::new();
    for role in names(&mut admin, "SELECT 'role:' || name FROM vpd.roles")? {
        used.append(&mut reached(&mut admin, &role)?);
    }
    for query in [
        "SELECT 'privilege:' || name FROM vpd.privileges",
        "SELECT 'duty:' || name FROM vpd.duties",
        "SELECT 'entitlement:' || name FROM vpd.entitlements",
    ] {
        let unused: Vec<_> = names(&mut admin, query)?.difference(&used).cloned().collect();
        assert!(unused.is_empty(), "{unused:?}");
    }
    let viewer = reached(&mut admin, "role:Corporate Viewer")?;
    let editing = names(
        &mut admin,
        "SELECT 'privilege:' || name FROM vpd.privileges WHERE mode = 'edit'",
    )?;
    assert!(
        viewer.is_disjoint(&editing),
        "who looks at everything changes nothing"
    );
    Ok(())
}

#[test]
fn who_prepares_does_not_approve() -> Result<()> {
    let database = Database::create()?;
    let mut admin = database.connect(role::SECURITY)?;
    install(&mut admin)?;
    for name in [
        "Buyer",
        "Pricing Analyst",
        "Allocator",
        "Sales Audit Analyst",
        "Inventory Analyst",
        "Data Steward",
    ] {
        let reached = reached(&mut admin, &format!("role:{name}"))?;
        let approving: Vec<_> = reached.iter().filter(|name| name.ends_with(":approve")).collect();
        assert!(approving.is_empty(), "{name}: {approving:?}");
    }
    Ok(())
}

#[test]
fn customizers_add_and_do_not_change() -> Result<()> {
    let database = Database::create()?;
    let mut admin = database.connect(role::SECURITY)?;
    install(&mut admin)?;
    for change in [
        "SELECT vpd.define_role('Buyer', 'job', 'mine now')",
        "SELECT vpd.define_duty('Item Inquiry', 'mine now')",
        "SELECT vpd.drop_authority('role:Buyer')",
        "SELECT vpd.revoke_authority('duty:Purchase Order Management', 'role:Buyer')",
        "SELECT vpd.define_resource('purchase_order', 'page')",
    ] {
        assert_refused(admin.query(change, &[]), "42501", "definition_seeded");
    }
    admin.batch_execute(
        "SELECT vpd.define_role('Junior Buyer', 'job');
         SELECT vpd.grant_authority('entitlement:Order Desk', 'role:Junior Buyer');
         SELECT vpd.grant_authority('entitlement:Merchandise Reports', 'role:Allocator')",
    )?;
    assert!(install(&mut admin)?.is_empty(), "what was added stays");
    assert!(reached(&mut admin, "role:Allocator")?.contains("entitlement:Merchandise Reports"));
    Ok(())
}

#[test]
fn what_somebody_defined_before_is_not_taken_over() -> Result<()> {
    let database = Database::create()?;
    let mut admin = database.connect(role::SECURITY)?;
    admin.batch_execute("SELECT vpd.define_role('Buyer', 'application', 'ours')")?;
    let lines = install(&mut admin)?;
    let skipped: Vec<_> = lines.iter().filter(|line| line[0] == "skip").collect();
    assert!(
        skipped.iter().any(|line| line[1] == "role" && line[2] == "Buyer"),
        "{skipped:?}"
    );
    assert_eq!(
        reached(&mut admin, "role:Buyer")?.len(),
        1,
        "nothing is granted to a role of somebody else"
    );
    let description: String = admin
        .query_one("SELECT description FROM vpd.roles WHERE name = 'Buyer'", &[])?
        .get(0);
    assert_eq!(description, "ours");
    Ok(())
}

#[test]
fn an_older_catalogue_is_brought_up_to_date() -> Result<()> {
    let database = Database::create()?;
    let mut security = database.connect(role::SECURITY)?;
    install(&mut security)?;
    // As if an older version had shipped other words, one duty more, and one grant less.
    database.admin()?.batch_execute(
        "SELECT vpd.define_role('Buyer', 'job', 'older words');
         SELECT vpd.define_duty('Old Duty'); SELECT vpd.mark_seeded('duty:Old Duty', 'pg_vpd');
         SELECT vpd.revoke_authority('duty:Deal Management', 'role:Buyer')",
    )?;
    let lines = install(&mut security)?;
    let expected = [
        ["add", "grant", "role:Buyer / duty:Deal Management"],
        ["change", "role", "Buyer"],
        ["remove", "duty", "Old Duty"],
    ];
    assert_eq!(lines, expected.map(|line| line.map(str::to_owned)));
    assert!(install(&mut security)?.is_empty());
    Ok(())
}

#[test]
fn the_catalogue_survives_an_export_and_an_import() -> Result<()> {
    let source = Database::create()?;
    install(&mut source.connect(role::SECURITY)?)?;
    let desk = Desk::at(&source)?;
    assert_eq!(desk.run(&["policy", "export", "a.toml"])?.0, Some(0));
    let target = Database::create()?;
    let other = Desk::at(&target)?;
    other.write("a.toml", &desk.read("a.toml")?)?;
    let imported = other.run(&["policy", "import", "a.toml", "--yes"])?;
    assert_eq!(imported.0, Some(0), "{imported:?}");
    assert_eq!(other.run(&["policy", "export", "b.toml"])?.0, Some(0));
    assert_eq!(other.read("b.toml")?, desk.read("a.toml")?);
    assert!(install(&mut target.connect(role::SECURITY)?)?.is_empty());
    Ok(())
}

#[test]
fn rules_keep_apart_who_makes_and_who_approves_and_whoever_administers_users() -> Result<()> {
    let database = Database::create()?;
    let mut admin = database.connect(role::SECURITY)?;
    install(&mut admin)?;
    let rules = names(
        &mut admin,
        "SELECT name FROM vpd.sod_rules WHERE seeded_by = 'pg_vpd'",
    )?;
    let approvals = names(
        &mut admin,
        "SELECT name FROM vpd.privileges WHERE name LIKE '%:approve'",
    )?;
    for approval in &approvals {
        let resource = approval.trim_end_matches(":approve");
        assert!(
            rules.contains(&format!("user_administration_or_{resource}_approve")),
            "{approval}"
        );
        for action in ["maintain", "submit"] {
            let made = format!("{resource}:{action}");
            let is_there = !admin
                .query("SELECT FROM vpd.privileges WHERE name = $1", &[&made])?
                .is_empty();
            assert_eq!(
                rules.contains(&format!("{resource}_{action}_or_approve")),
                is_there,
                "{made}"
            );
        }
    }
    // A manager may hold both and does not do both to one order.
    admin.batch_execute(
        "SELECT vpd.define_user(name) FROM unnest('{mia,max}'::text[]) name;
         SELECT vpd.grant_authority('role:Buying Manager', 'user:' || name) FROM unnest('{mia,max}'::text[]) name",
    )?;
    let grant = "SELECT vpd.grant_authority('role:Application Administrator', 'user:mia')";
    assert_refused(admin.batch_execute(grant), "42501", "sod_conflict");
    let act = |user: &str, action: &str| -> Result<Option<String>> {
        let token = Subject::new(user).log_in(&database)?;
        let mut client = database.connect(role::USER)?;
        let mut transaction = client.transaction()?;
        attach(&mut transaction, &token)?;
        let statement = "SELECT vpd.record_action('purchase_order/7', $1)";
        let done = outcome(transaction.execute(statement, &[&action]));
        if done.is_ok() {
            transaction.commit()?;
        }
        Ok(done.err().and_then(|refusal| refusal.token))
    };
    assert_eq!(act("mia", "maintain")?, None);
    assert_eq!(act("mia", "approve")?.as_deref(), Some("sod_conflict"));
    assert_eq!(act("max", "approve")?, None);
    Ok(())
}

#[test]
fn customizers_add_rules_and_leave_the_shipped_ones_alone() -> Result<()> {
    let database = Database::create()?;
    let mut admin = database.connect(role::SECURITY)?;
    install(&mut admin)?;
    let items = "'{privilege:purchase_order:maintain,privilege:purchase_order:approve}'";
    for change in [
        "SELECT vpd.drop_sod_rule('purchase_order_maintain_or_approve')".to_owned(),
        format!("SELECT vpd.define_sod_rule('purchase_order_maintain_or_approve', {items})"),
        "SELECT vpd.mark_seeded('sod_rule:purchase_order_maintain_or_approve', NULL)".to_owned(),
    ] {
        assert_refused(admin.query(&change, &[]), "42501", "definition_seeded");
    }
    admin.batch_execute(&format!(
        "SELECT vpd.define_sod_rule('own', {items}, scope => 'object')"
    ))?;
    // Installing again brings back what a superuser changed, and keeps what was added; so does carrying everything elsewhere.
    database
        .admin()?
        .batch_execute("SELECT vpd.drop_sod_rule('purchase_order_maintain_or_approve')")?;
    let changes = install(&mut admin)?;
    let expected = ["add", "sod_rule", "purchase_order_maintain_or_approve"].map(str::to_owned);
    assert_eq!(changes, [expected]);
    let told = "SELECT name || ' ' || coalesce(seeded_by, '') FROM vpd.sod_rules";
    let rules = names(&mut admin, told)?;
    assert!(rules.contains("own "));
    let other = Database::create()?;
    let mut there = other.admin()?;
    let document: serde_json::Value = admin.query_one("SELECT vpd.export_definitions()", &[])?.get(0);
    there.execute("SELECT vpd.import_definitions($1)", &[&document])?;
    assert_eq!(names(&mut there, told)?, rules);
    Ok(())
}
