//! What somebody marked is changed through something else: through what hangs on it, what it is read by, or a mark of one's own.

use postgres::{Client, GenericClient};
use vpd_tests::{Database, Result, assert_refused, role};

/// Two administrators of equal rights: who marks, and who attacks. Neither is a superuser.
struct Two {
    owner: Client,
    other: Client,
    database: Database<'static>,
}

impl Two {
    fn over(definitions: &str) -> Result<Self> {
        let database = Database::create()?;
        let profile = format!("SELECT vpd.grant_profile('security_admin', '{}')", role::STRANGER);
        database.admin()?.batch_execute(&profile)?;
        let mut owner = database.connect(role::STRANGER)?;
        owner.batch_execute(definitions)?;
        let other = database.connect(role::SECURITY)?;
        Ok(Self {
            owner,
            other,
            database,
        })
    }

    /// Each statement is refused to the other. Control: done by the owner, and undone, each works.
    #[track_caller]
    fn assert_owners_alone(&mut self, statements: &[&str]) -> Result<()> {
        for statement in statements {
            let refused = self.other.batch_execute(statement);
            assert!(refused.is_err(), "{statement}");
            assert_refused(refused, "42501", "definition_seeded");
            let mut control = self.owner.transaction()?;
            control.batch_execute(statement)?;
            control.rollback()?;
        }
        Ok(())
    }
}

/// Marks something as the owner's.
fn mark(what: &str) -> String {
    format!("SELECT vpd.mark_seeded('{what}', '{}');", role::STRANGER)
}

fn faults(client: &mut impl GenericClient, kind: &str, file: &str) -> Result<Vec<String>> {
    let rows = client.query(
        "SELECT line || ': ' || reason FROM vpd.load_csv($1, $2)",
        &[&kind, &file],
    )?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// What an import with prune does of a section: kind of change and name.
fn pruned(client: &mut impl GenericClient, section: &str, definitions: &str) -> Result<Vec<String>> {
    let document = format!(r#"{{"format": "pg_vpd definitions", "version": 1, "{section}": {definitions}}}"#);
    let rows = client.query(
        "SELECT change || ' ' || name FROM vpd.import_definitions($1::text::jsonb, prune => true) ORDER BY 1",
        &[&document],
    )?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

const NODES: &str = "
SELECT vpd.define_hierarchy('geo', '{world,country}');
SELECT vpd.define_node('geo', 'W', NULL, 'world'), vpd.define_node('geo', 'A', 'W', 'country'), vpd.define_node('geo', 'B', 'W', 'country');
SELECT vpd.define_data_group('West'), vpd.define_data_group('East');
SELECT vpd.grant_node('West', 'geo', 'A'), vpd.grant_node('East', 'geo', 'B');
";

#[test]
fn nodes_of_a_marked_data_group_stay_with_it() -> Result<()> {
    let mut two = Two::over(&format!("{NODES}{}", mark("data_group:West")))?;
    two.assert_owners_alone(&[
        "SELECT vpd.revoke_node('West', 'geo', 'A')",
        "SELECT vpd.grant_node('West', 'geo', 'A', valid_until => clock_timestamp() + interval '1 hour')",
        "SELECT vpd.grant_node('West', 'geo', 'A', valid_from => '2099-01-01')",
        "SELECT vpd.drop_node('geo', 'A')",
        "SELECT vpd.drop_node('geo', 'W', true)",
        "SELECT vpd.drop_hierarchy('geo')",
        "SELECT vpd.drop_authority('data_group:West')",
    ])?;
    let file = "data_group,hierarchy,node,valid_until\nWest,geo,A,2099-01-01\n";
    assert_eq!(
        faults(&mut two.other, "group_nodes", file)?,
        ["2: the grant belongs to somebody else and is not changed"]
    );
    let same = "data_group,hierarchy,node\nWest,geo,A\n";
    assert_eq!(faults(&mut two.other, "group_nodes", same)?, [""; 0]);
    let kept = pruned(&mut two.other, "data_group_nodes", "[]")?;
    assert_eq!(kept, ["remove East / geo / B", "skip West / geo / A"]);
    // He may add to it, and what he added is his to take away again; granting again what is there changes nothing.
    two.other.batch_execute(
        "SELECT vpd.grant_node('West', 'geo', 'B'); SELECT vpd.revoke_node('West', 'geo', 'B');
         SELECT vpd.grant_node('West', 'geo', 'A'); SELECT vpd.drop_node('geo', 'B')",
    )?;
    assert_eq!(faults(&mut two.owner, "group_nodes", file)?, [""; 0], "control");
    two.owner
        .batch_execute("SELECT vpd.drop_authority('data_group:West')")?;
    two.other.batch_execute("SELECT vpd.drop_hierarchy('geo')")?;
    Ok(())
}

/// A mark goes where its definitions go.
#[test]
fn marks_of_nodes_are_exported_and_imported() -> Result<()> {
    let mut two = Two::over(&format!("{NODES}{}", mark("data_group:West")))?;
    let document: String = two
        .owner
        .query_one("SELECT vpd.export_definitions(with_nodes => true)::text", &[])?
        .get(0);
    let copy = Database::create()?;
    let mut admin = copy.admin()?;
    let faults = "SELECT count(*) FROM vpd.import_definitions($1::text::jsonb) WHERE change = 'fault'";
    assert_eq!(admin.query_one(faults, &[&document])?.get::<_, i64>(0), 0);
    let left = "SELECT count(*) FROM vpd.import_definitions($1::text::jsonb, dry_run => true)";
    assert_eq!(admin.query_one(left, &[&document])?.get::<_, i64>(0), 0);
    let marked = "SELECT string_agg(concat_ws(' ', data_group, node_key, seeded_by), ', ' ORDER BY data_group) FROM vpd.data_group_nodes";
    let marked: String = admin.query_one(marked, &[])?.get(0);
    assert_eq!(marked, format!("East B, West A {}", role::STRANGER));
    assert_refused(
        copy.connect(role::SECURITY)?
            .batch_execute("SELECT vpd.revoke_node('West', 'geo', 'A')"),
        "42501",
        "definition_seeded",
    );
    Ok(())
}

#[test]
fn another_precedence_does_not_change_a_marked_user() -> Result<()> {
    let mut two = Two::over(&format!(
        "SELECT vpd.define_source('s2', 500), vpd.define_source('s3', 600);
         SELECT vpd.define_user('mk', attributes => '{{\"grade\": 1}}'), vpd.define_user('mk', 's2', attributes => '{{\"grade\": 9}}');
         SELECT vpd.define_user('mk', 's3', attributes => '{{\"grade\": 1}}');
         SELECT vpd.define_user('free', attributes => '{{\"grade\": 1}}'), vpd.define_user('free', 's2', attributes => '{{\"grade\": 9}}');
         {}",
        mark("user:mk")
    ))?;
    two.assert_owners_alone(&[
        "SELECT vpd.define_source('s2', 2)",
        "SELECT vpd.define_source('local', 550)",
    ])?;
    // As long as nothing else is believed of him, it is nobody's but the administrator's.
    two.other.batch_execute(
        "SELECT vpd.define_source('s3', 3), vpd.define_source('s2', 450, 'told later'), vpd.define_source('s4', 1)",
    )?;
    two.owner
        .batch_execute("SELECT vpd.mark_seeded('user:mk', NULL)")?;
    two.other.batch_execute("SELECT vpd.define_source('s2', 2)")?;
    Ok(())
}

#[test]
fn a_unit_is_not_moved_from_under_a_marked_rule() -> Result<()> {
    let mut two = Two::over(&format!(
        "SELECT vpd.define_unit('Group'), vpd.define_unit('Fin', 'Group'), vpd.define_unit('AP', 'Fin'), vpd.define_unit('Team', 'AP'), vpd.define_unit('Shop');
         SELECT vpd.define_role('UA'), vpd.define_role('UB');
         SELECT vpd.define_sod_rule('ur', '{{role:UA,role:UB}}', scope => 'unit', unit => 'Fin');
         {}",
        mark("sod_rule:ur")
    ))?;
    two.assert_owners_alone(&[
        "SELECT vpd.define_unit('AP')",
        "SELECT vpd.define_unit('AP', 'Group')",
        "SELECT vpd.define_unit('Team', 'Shop')",
    ])?;
    let document = r#"SELECT count(*) FILTER (WHERE change = 'fault') FROM vpd.import_definitions('{"format": "pg_vpd definitions", "version": 1, "units": [{"name": "AP"}]}', dry_run => true)"#;
    assert_eq!(two.other.query_one(document, &[])?.get::<_, i64>(0), 1);
    // Within its reach, and into it, units move; so does the one that the rule names.
    two.other.batch_execute(
        "SELECT vpd.define_unit('Team', 'Fin'), vpd.define_unit('Shop', 'AP'), vpd.define_unit('Fin', NULL, 'told anew')",
    )?;
    Ok(())
}

#[test]
fn the_owner_of_a_role_takes_it_away_from_whomever_somebody_else_marked() -> Result<()> {
    let mut two = Two::over(&format!(
        "SELECT vpd.define_role('ErpR'), vpd.define_role('Free'), vpd.define_privilege('p'), vpd.define_user('acc'), vpd.define_group('G');
         {}
         SELECT vpd.grant_authority('role:ErpR', 'user:acc'), vpd.grant_authority('role:ErpR', 'group:G'), vpd.grant_authority('role:Free', 'user:acc');",
        mark("role:ErpR")
    ))?;
    let own = |what: &str| format!("SELECT vpd.mark_seeded('{what}', '{}');", role::SECURITY);
    two.other
        .batch_execute(&format!("{}{}", own("user:acc"), own("group:G")))?;
    // A grant of his own to the role, with a mark.
    let pinned = format!(
        r#"SELECT vpd.import_definitions('{{"format": "pg_vpd definitions", "version": 1, "grants": [{{"holder": "role:ErpR", "granted": "privilege:p", "seeded_by": "{}"}}]}}')"#,
        role::SECURITY
    );
    two.other.batch_execute(&pinned)?;
    for statement in [
        "SELECT vpd.revoke_authority('role:ErpR', 'user:acc')",
        "SELECT vpd.revoke_authority('role:ErpR', 'group:G')",
        "SELECT vpd.grant_authority('role:ErpR', 'user:acc', valid_until => '2099-01-01')",
        "SELECT vpd.enable_authority('role:ErpR', false)",
        "SELECT vpd.drop_authority('role:ErpR')",
        "DO $$BEGIN ASSERT NOT EXISTS (SELECT FROM vpd.load_csv('role_members', E'role_name,user_name,valid_until\\nErpR,acc,2099-01-01\\n')); END$$",
    ] {
        let mut taken = two.owner.transaction()?;
        taken.batch_execute(statement)?;
        taken.rollback()?;
    }
    // Control: what is nobody's stays with the marked user, and the marked role with its owner.
    let free = "SELECT vpd.revoke_authority('role:Free', 'user:acc')";
    assert_refused(two.owner.batch_execute(free), "42501", "definition_seeded");
    let drop = "SELECT vpd.drop_authority('role:ErpR')";
    assert_refused(two.other.batch_execute(drop), "42501", "definition_seeded");
    // Nor does he become the owner of what somebody else's marked grant rests on, to take it away then.
    for claim in [
        own_of("role:Free", role::STRANGER),
        format!(
            r#"SELECT vpd.import_definitions('{{"format": "pg_vpd definitions", "version": 1, "roles": [{{"name": "Free", "seeded_by": "{}"}}]}}')"#,
            role::STRANGER
        ),
    ] {
        let _refused_or_faulty = two.owner.batch_execute(&claim);
        assert_refused(two.owner.batch_execute(free), "42501", "definition_seeded");
    }
    Ok(())
}

fn own_of(what: &str, owner: &str) -> String {
    format!("SELECT vpd.mark_seeded('{what}', '{owner}')")
}

#[test]
fn a_marked_user_stands_in_the_way_of_no_load_that_leaves_him_or_locks_him_out() -> Result<()> {
    let mut two = Two::over(&format!(
        "SELECT vpd.define_user('hr1', display_name => 'H'), vpd.define_user('hr2'), vpd.define_user('gone'); {}",
        mark("user:hr1")
    ))?;
    let header = "user_name,display_name,is_enabled";
    for (line, is_refused) in [
        ("hr1,H,true", false),
        ("hr1,H,", false),
        ("hr1,H,false", false),
        ("hr1,Other,true", true),
        ("hr1,Other,false", true),
    ] {
        let file = format!("{header}\n{line}\nhr2,,false\n");
        let mut load = two.other.transaction()?;
        let found = faults(&mut load, "users", &file)?;
        load.rollback()?;
        let expected = is_refused.then_some("2: belongs to somebody else and is not changed");
        assert_eq!(found, expected.into_iter().collect::<Vec<_>>(), "{line}");
        let mut control = two.owner.transaction()?;
        assert_eq!(faults(&mut control, "users", &file)?, [""; 0], "{line}");
        control.rollback()?;
    }
    let locked_out = "user_name,is_enabled\nhr1,false\n";
    assert_eq!(faults(&mut two.other, "users", locked_out)?, [""; 0]);
    let is_enabled = "SELECT is_enabled FROM vpd.users WHERE name = 'hr1'";
    assert!(!two.owner.query_one(is_enabled, &[])?.get::<_, bool>(0));
    let let_in = "user_name,is_enabled\nhr1,true\n";
    assert_eq!(
        faults(&mut two.other, "users", let_in)?,
        ["2: belongs to somebody else and is not changed"]
    );
    assert_eq!(faults(&mut two.owner, "users", let_in)?, [""; 0], "control");
    // A prune that lacks him leaves him and takes the others.
    let hr2 = r#"[{"name": "hr2"}]"#;
    assert_eq!(pruned(&mut two.other, "users", hr2)?, ["remove gone", "skip hr1"]);
    assert_eq!(pruned(&mut two.owner, "users", hr2)?, ["remove hr1"], "control");
    Ok(())
}

#[test]
fn what_excuses_from_rules_is_not_handed_on_by_others() -> Result<()> {
    let mut two = Two::over(&format!(
        "SELECT vpd.define_resource('segregation'), vpd.define_resource('order'), vpd.define_privilege('segregation:approve'), vpd.define_privilege('order:approve');
         SELECT vpd.define_role('Officer'), vpd.grant_authority('privilege:segregation:approve', 'role:Officer');
         SELECT vpd.define_role('Mine'); {}{}",
        mark("privilege:segregation:approve"),
        mark("privilege:order:approve")
    ))?;
    two.assert_owners_alone(&["SELECT vpd.grant_authority('privilege:segregation:approve', 'role:Mine')"])?;
    // Others that are marked he hands on, and what is there is not granted anew.
    two.other.batch_execute(
        "SELECT vpd.grant_authority('privilege:order:approve', 'role:Mine');
         SELECT vpd.grant_authority('privilege:segregation:approve', 'role:Officer')",
    )?;
    two.owner
        .batch_execute("SELECT vpd.mark_seeded('privilege:segregation:approve', NULL)")?;
    two.other
        .batch_execute("SELECT vpd.grant_authority('privilege:segregation:approve', 'role:Mine')")?;
    Ok(())
}

#[test]
fn an_action_that_a_marked_rule_speaks_of_stays_protected() -> Result<()> {
    let mut two = Two::over(&format!(
        "SELECT vpd.define_resource('orders'), vpd.define_privilege('orders:submit'), vpd.define_privilege('orders:approve'), vpd.define_privilege('orders:close');
         SELECT vpd.define_sod_rule('o', '{{privilege:orders:submit,privilege:orders:approve}}', scope => 'object'); {}",
        mark("sod_rule:o")
    ))?;
    two.database.admin()?.batch_execute(
        "CREATE TABLE orders (id integer PRIMARY KEY, status text);
         SELECT vpd.track_changes('orders');
         SELECT vpd.protect_action('orders', NULL, 'orders:approve', 'status', 'approved'),
                vpd.protect_action('orders', NULL, 'orders:close', 'status', 'closed')",
    )?;
    two.assert_owners_alone(&[
        "SELECT vpd.unprotect_action('orders', 'orders:approve')",
        "SELECT vpd.untrack_changes('orders')",
        "SELECT vpd.protect_action('orders', NULL, 'orders:approve', 'status', 'never')",
    ])?;
    two.other.batch_execute(
        "SELECT vpd.protect_action('orders', NULL, 'orders:approve', 'status', 'approved');
         SELECT vpd.unprotect_action('orders', 'orders:close')",
    )?;
    Ok(())
}
