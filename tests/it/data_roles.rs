//! Templates of data roles: a base role times the nodes of a level.

use postgres::Client;
use vpd_tests::{Database, Result, assert_all_refused, assert_refused, role};

const SCENE: &str = "
SELECT vpd.define_hierarchy('organization', '{chain,store}');
SELECT vpd.define_node('organization', 'C1'), vpd.define_node('organization', 'S1', 'C1', label => 'Main Street'), vpd.define_node('organization', 'S2', 'C1');
SELECT vpd.define_resource('stock_count', 'task_flow');
SELECT vpd.define_privilege('stock_count:count');
SELECT vpd.define_role('Counter', 'job');
SELECT vpd.grant_authority('privilege:stock_count:count', 'role:Counter');
SELECT vpd.define_data_role_template('per store', 'Counter', 'organization', 'store')";

fn scene() -> Result<Database<'static>> {
    let database = Database::create()?;
    let mut owner = database.admin()?;
    owner.batch_execute(
        "CREATE SCHEMA shop; GRANT USAGE ON SCHEMA shop TO PUBLIC; CREATE TABLE shop.counts (id integer, store text);
         INSERT INTO shop.counts VALUES (1, 'S1'), (2, 'S2'); GRANT SELECT ON shop.counts TO app_user",
    )?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute(SCENE)?;
    security.batch_execute("SELECT vpd.protect_by_hierarchy('shop.counts', 'organization', 'store')")?;
    Ok(database)
}

fn generate(client: &mut Client, arguments: &str) -> Result<Vec<(String, String)>> {
    let rows = client.query(
        &format!("SELECT change, role FROM vpd.generate_data_roles({arguments})"),
        &[],
    )?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// The nodes of the data group of a role.
fn held(client: &mut Client, role: &str) -> Result<Vec<String>> {
    let rows = client.query(
        "SELECT hierarchy || ' ' || node_key FROM vpd.data_group_nodes WHERE data_group = $1 AND is_active ORDER BY 1",
        &[&role],
    )?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

fn lines(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected
        .iter()
        .map(|(change, role)| ((*change).to_owned(), (*role).to_owned()))
        .collect()
}

#[test]
fn each_node_of_the_level_gets_a_role_that_sees_its_rows_and_has_the_base_role() -> Result<()> {
    let database = scene()?;
    let mut security = database.connect(role::SECURITY)?;
    assert_eq!(
        generate(&mut security, "'per store'")?,
        lines(&[("added", "Counter:S1"), ("added", "Counter:S2")])
    );
    security.batch_execute("SELECT vpd.define_user('ann')")?;
    security.batch_execute("SELECT vpd.grant_authority('role:Counter:S2', 'user:ann')")?;
    let token: String = database
        .connect(role::BRIDGE)?
        .query_one("SELECT vpd.create_session('ann', 'portal')", &[])?
        .get(0);
    let mut user = database.connect(role::USER)?;
    user.batch_execute("BEGIN")?;
    user.execute("SELECT vpd.attach_session($1)", &[&token])?;
    let seen: Vec<i32> = user
        .query("SELECT id FROM shop.counts", &[])?
        .iter()
        .map(|row| row.get(0))
        .collect();
    assert_eq!(seen, [2]);
    let may: bool = user
        .query_one("SELECT vpd.has_privilege('stock_count:count')", &[])?
        .get(0);
    assert!(may);
    Ok(())
}

#[test]
fn generating_again_adds_what_is_new_and_tells_what_is_obsolete() -> Result<()> {
    let database = scene()?;
    let mut security = database.connect(role::SECURITY)?;
    generate(&mut security, "'per store'")?;
    assert_eq!(
        generate(&mut security, "'per store'")?,
        lines(&[("existing", "Counter:S1"), ("existing", "Counter:S2")])
    );
    security.batch_execute(
        "SELECT vpd.define_node('organization', 'S3', 'C1');
         SELECT vpd.revoke_node('Counter:S1', 'organization', 'S1');
         SELECT vpd.drop_node('organization', 'S1')",
    )?;
    assert_eq!(
        generate(&mut security, "'per store'")?,
        lines(&[
            ("existing", "Counter:S2"),
            ("added", "Counter:S3"),
            ("obsolete", "Counter:S1")
        ])
    );
    assert_eq!(
        generate(&mut security, "'per store', true")?.last(),
        Some(&("dropped".to_owned(), "Counter:S1".to_owned()))
    );
    assert_eq!(generate(&mut security, "'per store', true")?.len(), 2);
    Ok(())
}

#[test]
fn names_follow_the_pattern_and_never_take_over_another_role() -> Result<()> {
    let database = scene()?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute(
        "SELECT vpd.define_data_role_template('labels', 'Counter', 'organization', 'store', 'Counts {label} ({node})');
         SELECT vpd.define_role('Counter:S2', 'job')",
    )?;
    assert_eq!(
        generate(&mut security, "'labels'")?,
        lines(&[("added", "Counts Main Street (S1)"), ("added", "Counts S2 (S2)")])
    );
    assert_refused(
        security.query("SELECT vpd.generate_data_roles('per store')", &[]),
        "42710",
        "role_exists",
    );
    Ok(())
}

#[test]
fn templates_that_cannot_work_are_refused() -> Result<()> {
    let database = scene()?;
    let mut security = database.connect(role::SECURITY)?;
    assert_all_refused(
        &mut security,
        "SELECT vpd.define_data_role_template({})",
        "
         42704 role_not_found   'x', 'Nobody', 'organization', 'store'
         42704 level_not_found  'x', 'Counter', 'organization', 'floor'
         42704 level_not_found  'x', 'Counter', 'nothing', 'store'
         22023 argument_invalid 'x', 'Counter', 'organization', 'store', 'one name'
         22023 argument_invalid '', 'Counter', 'organization', 'store'
         22023 argument_invalid NULL, 'Counter', 'organization', 'store'",
    );
    for call in ["generate_data_roles", "drop_data_role_template"] {
        assert_refused(
            security.query(&format!("SELECT vpd.{call}('x')"), &[]),
            "42704",
            "template_not_found",
        );
    }
    Ok(())
}

#[test]
fn a_generated_role_is_carried_and_still_belongs_to_its_template() -> Result<()> {
    let database = scene()?;
    let mut security = database.connect(role::SECURITY)?;
    generate(&mut security, "'per store'")?;
    let document: serde_json::Value = security
        .query_one(
            "SELECT vpd.export_definitions(with_nodes => true) - '{policies,hierarchy_bindings}'::text[]",
            &[],
        )?
        .get(0);
    let target = Database::create()?;
    let mut other = target.connect(role::SECURITY)?;
    other.execute("SELECT vpd.import_definitions($1)", &[&document])?;
    assert_eq!(
        generate(&mut other, "'per store'")?,
        lines(&[("existing", "Counter:S1"), ("existing", "Counter:S2")])
    );
    Ok(())
}

#[test]
fn two_templates_never_share_a_role_or_its_data_group() -> Result<()> {
    let database = scene()?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute(
        "SELECT vpd.define_hierarchy('goods', '{department}'); SELECT vpd.define_node('goods', 'S1');
         SELECT vpd.define_data_role_template('per department', 'Counter', 'goods', 'department')",
    )?;
    generate(&mut security, "'per store'")?;
    assert_refused(
        security.query("SELECT vpd.generate_data_roles('per department')", &[]),
        "42710",
        "role_exists",
    );
    assert_eq!(held(&mut security, "Counter:S1")?, ["organization S1"]);
    assert_eq!(
        generate(&mut security, "'per store'")?,
        lines(&[("existing", "Counter:S1"), ("existing", "Counter:S2")])
    );
    Ok(())
}

#[test]
fn two_nodes_whose_names_come_out_the_same_are_refused() -> Result<()> {
    let database = scene()?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute(
        "SELECT vpd.define_node('organization', '1', 'C1', label => 'A1');
         SELECT vpd.define_node('organization', '11', 'C1', label => 'A');
         SELECT vpd.define_data_role_template('glued', 'Counter', 'organization', 'store', '{label}{node}')",
    )?;
    assert_refused(
        security.query("SELECT vpd.generate_data_roles('glued')", &[]),
        "42710",
        "role_exists",
    );
    assert!(held(&mut security, "A11")?.is_empty(), "nothing is left of it");
    Ok(())
}

#[test]
fn what_an_administrator_defined_is_not_taken_over() -> Result<()> {
    let database = scene()?;
    for (define, undefine) in [
        (
            "SELECT vpd.define_role('Counter:S1', 'data')",
            "SELECT vpd.drop_authority('role:Counter:S1')",
        ),
        (
            "SELECT vpd.define_data_group('Counter:S1'); SELECT vpd.grant_node('Counter:S1', 'organization', 'C1')",
            "SELECT vpd.drop_authority('data_group:Counter:S1')",
        ),
    ] {
        let mut security = database.connect(role::SECURITY)?;
        security.batch_execute(define)?;
        assert_refused(
            security.query("SELECT vpd.generate_data_roles('per store')", &[]),
            "42710",
            "role_exists",
        );
        security.batch_execute(undefine)?;
    }
    let mut security = database.connect(role::SECURITY)?;
    assert_eq!(generate(&mut security, "'per store'")?.len(), 2, "control");
    // A role that is missing comes back with its own data group, and with no other.
    security.batch_execute("SELECT vpd.drop_authority('role:Counter:S1')")?;
    assert_eq!(
        generate(&mut security, "'per store'")?,
        lines(&[("added", "Counter:S1"), ("existing", "Counter:S2")])
    );
    security.batch_execute(
        "SELECT vpd.drop_authority('data_group:Counter:S1'); SELECT vpd.define_data_group('Counter:S1');
         SELECT vpd.grant_node('Counter:S1', 'organization', 'C1')",
    )?;
    assert_refused(
        security.query("SELECT vpd.generate_data_roles('per store')", &[]),
        "42710",
        "role_exists",
    );
    security.batch_execute("SELECT vpd.drop_node('organization', 'S1')")?;
    generate(&mut security, "'per store', true")?;
    assert_eq!(
        held(&mut security, "Counter:S1")?,
        ["organization C1"],
        "it is not dropped either"
    );
    Ok(())
}

#[test]
fn a_template_that_gave_roles_keeps_its_base_role_and_hierarchy() -> Result<()> {
    let database = scene()?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute(
        "SELECT vpd.define_hierarchy('goods', '{store}'); SELECT vpd.define_node('goods', 'S1'); SELECT vpd.define_role('Manager', 'job')",
    )?;
    generate(&mut security, "'per store'")?;
    for (base, hierarchy) in [("Manager", "organization"), ("Counter", "goods")] {
        let define =
            format!("SELECT vpd.define_data_role_template('per store', '{base}', '{hierarchy}', 'store')");
        assert_refused(security.query(&define, &[]), "55006", "template_in_use");
    }
    assert_eq!(held(&mut security, "Counter:S1")?, ["organization S1"]);
    security.batch_execute(
        "SELECT vpd.define_data_role_template('per store', 'Counter', 'organization', 'store', '{base_role} {node}')",
    )?;
    security.batch_execute(
        "SELECT vpd.drop_data_role_template('per store');
         SELECT vpd.define_data_role_template('per store', 'Counter', 'goods', 'store')",
    )?;
    assert_refused(
        security.query("SELECT vpd.generate_data_roles('per store')", &[]),
        "42710",
        "role_exists",
    );
    Ok(())
}

#[test]
fn a_level_of_another_name_makes_no_role_obsolete() -> Result<()> {
    let database = scene()?;
    let mut security = database.connect(role::SECURITY)?;
    generate(&mut security, "'per store'")?;
    security.batch_execute("SELECT vpd.define_hierarchy('organization', '{chain,shop}')")?;
    let obsolete =
        security.batch_execute("SELECT vpd.generate_data_roles('per store', drop_obsolete => true)");
    assert_refused(obsolete, "42704", "level_not_found");
    assert_eq!(held(&mut security, "Counter:S1")?, ["organization S1"]);
    Ok(())
}
