//! The policy store: what is exported is imported elsewhere, and exported the same.

use postgres::Client;
use serde_json::{Value, json};
use vpd_tests::{Cluster, Database, Desk, Extension, Library, Result, assert_refused, create_orders, role};

/// Tables and functions that definitions name; they are no part of the definitions.
const SCHEMA: &str = r#"
CREATE SCHEMA "we""ird $$ \ 'schema'" AUTHORIZATION app_owner;
CREATE TABLE "we""ird $$ \ 'schema'"."tä ble" ("a""b" integer, region text, secret text);
CREATE FUNCTION shop.alert(object_schema text, object_name text, policy_name text) RETURNS void LANGUAGE sql AS 'SELECT';
ALTER FUNCTION shop.alert(text, text, text) OWNER TO sec_admin;
CREATE FUNCTION "we""ird $$ \ 'schema'"."fun'ction"(object_schema text, object_name text) RETURNS text LANGUAGE sql
    AS $f$ SELECT 'true' $f$;
CREATE FUNCTION shop.by_region(object_schema text, object_name text) RETURNS text LANGUAGE sql
    AS $f$ SELECT 'region = vpd.attribute(''app'', ''region'')' $f$;
CREATE FUNCTION shop.enter(who text, what integer) RETURNS void LANGUAGE plpgsql AS
    $f$BEGIN CALL dbms_session.set_context('ctx', 'who', who); END$f$;
"#;

/// One of everything about tables.
const POLICIES: &str = r#"
SELECT vpd.register_app('counter', 'retail', '{https://b.example,https://a.example}', '90 seconds', '30 days', '1 second', 3);
SELECT vpd.create_context('ctx', 'shop.enter'), vpd.create_context('shared', 'shop.enter', true);
SELECT vpd.create_policy_group('shop.orders', 'buying'), vpd.create_policy_group('shop.orders', 'Größe "x"');
SELECT vpd.add_policy_context('shop.orders', 'app', 'mode'), vpd.add_policy_context('shop.orders', 'app', 'an "odd" one');
SELECT vpd.add_policy('shop.orders', 'by_region', $p$region = vpd.attribute('app', 'region')
   OR region = 'it''s $$ "quoted" \ '''
   OR region = E'\t' -- a comment
$p$);
SELECT vpd.add_policy('shop.orders', 'with everything', policy_function => 'shop.by_region', kind => 'shared_context_sensitive',
    statement_types => '{update,select,index}', update_check => false, enabled => false, policy_group => 'buying',
    relevant_columns => '{region,amount}', namespace => 'app', attribute => 'level');
SELECT vpd.associate_policy('shop.orders', 'with everything', 'app', 'region');
SELECT vpd.add_policy('shop.orders', 'masking', 'id = 1', relevant_columns => '{amount}', mask_columns => true);
SELECT vpd.add_policy(to_regclass('"we""ird $$ \ ''schema''"."tä ble"'), E'na"me\\ ''of'' $policy$ \u202e end',
    policy_function => '"we""ird $$ \ ''schema''"."fun''ction"'::regproc);
SELECT vpd.add_mask('shop.orders', 'amount', '0', 'id < 10', false);
SELECT vpd.trust_issuer('https://login.example', '{shop}', required_claims => '{"tenant": ["a", "b"]}', key_grace => '2 hours', roles_claim => '/realm/roles');
SELECT vpd.add_audit_policy('shop.orders', 'big', '{amount,region}', 'amount > 100', '{select,update}', 'strict', 'shop.alert', true, true, false);
SELECT vpd.add_mask(to_regclass('"we""ird $$ \ ''schema''"."tä ble"'), 'secret', $m$'***'$m$, E'"a""b" > 1\n  AND region = ''x''');
"#;

/// One of everything about who may do what.
const GRAPH: &str = r#"
SELECT vpd.define_source('hr', 10, 'Personnel'), vpd.define_source('ldap', 20);
SELECT vpd.define_unit('Zentrale "Mitte"'), vpd.define_unit('A branch', 'Zentrale "Mitte"', E'two\nlines');
SELECT vpd.define_resource('purchase_order', 'task_flow', 'Orders'), vpd.define_resource('a:b', 'own kind');
SELECT vpd.define_privilege('purchase_order:approve'), vpd.define_privilege('purchase_order:view', 'Looks'),
       vpd.define_privilege('a:b:list', mode => 'edit'), vpd.define_privilege('plain');
SELECT vpd.define_entitlement('Set "of" ''things''', 'why $$ not');
SELECT vpd.define_duty('Inquiry'), vpd.define_duty('Approval', 'Approves');
SELECT vpd.define_role('Buyer', 'job', 'Buys'), vpd.define_role('Project.Lane'), vpd.define_role('Clerk_PREPROD', 'enterprise'),
       vpd.define_role('Senior', 'parametric', rule => '$.grade >= 5 && $.skills[*] == "fork\"lift"');
SELECT vpd.define_group('Team \ "x"'), vpd.define_group('Inner');
SELECT vpd.define_data_group('West', 'The west');
SELECT vpd.define_user('boss', display_name => 'The "Boss"', unit => 'A branch');
SELECT vpd.define_user('alice', manager => 'boss', attributes => '{"grade": 7, "nothing": null, "skills": ["a''b", "\u202e"], "big": 1e40, "half": 0.5}');
SELECT vpd.define_user('alice', 'hr', 'Alice from HR'), vpd.define_user('zoe', manager => 'alice'), vpd.define_user('a b:c');
SELECT vpd.disable_user('zoe', 'left');
SELECT vpd.grant_authority('privilege:purchase_order:view', 'duty:Inquiry'), vpd.grant_authority('duty:Inquiry', 'duty:Approval'),
       vpd.grant_authority('privilege:purchase_order:approve', 'duty:Approval'),
       vpd.grant_authority('privilege:a:b:list', 'entitlement:Set "of" ''things'''),
       vpd.grant_authority('entitlement:Set "of" ''things''', 'role:Buyer', reason => 'because "so"'),
       vpd.grant_authority('duty:Approval', 'role:Buyer', '2100-01-01T00:00:00.25Z', '2101-01-01'),
       vpd.grant_authority('role:Buyer', 'role:Senior', valid_until => '2100-01-01 00:00:00+01'),
       vpd.grant_authority('data_group:West', 'role:Buyer'), vpd.grant_authority('group:Team \ "x"', 'group:Inner'),
       vpd.grant_authority('role:Project.Lane', 'group:Team \ "x"'),
       vpd.grant_authority('group:Inner', 'user:alice'),
       vpd.grant_authority('role:Buyer', 'user:a b:c', reason => 'temporary', valid_until => '2100-06-01');
SELECT vpd.define_hierarchy('merchandise', '{division,department}', 'What is "sold"'), vpd.define_hierarchy('organization', ARRAY['Chain "A"', 'store']);
SELECT vpd.set_hierarchy_mode('organization', 'open', 'everybody'), vpd.exempt_app('counter', 'it''s a batch', 'merchandise'), vpd.exempt_app('counter', 'all');
SELECT vpd.define_node('merchandise', 'Z', label => 'Division "Z"'), vpd.define_node('merchandise', 'A', 'Z'), vpd.define_node('organization', 'O''Neill $$');
SELECT vpd.grant_node('West', 'merchandise', 'A', reason => 'why'), vpd.grant_node('West', 'organization', 'O''Neill $$', valid_until => '2100-01-01');
SELECT vpd.protect_by_hierarchy('shop.orders', 'merchandise', 'region', 'organization', 'region');
SELECT vpd.protect_by_hierarchy(to_regclass('"we""ird $$ \ ''schema''"."tä ble"'), 'merchandise', 'region');
SELECT vpd.enable_policy(to_regclass('"we""ird $$ \ ''schema''"."tä ble"'), 'by_hierarchy', false);
SELECT vpd.define_sod_rule('Maker "and" checker', '{privilege:purchase_order:approve,privilege:purchase_order:view}', scope => 'object', description => 'it''s so'),
       vpd.define_sod_rule('in a branch', '{role:Senior,role:Project.Lane}', scope => 'unit', unit => 'A branch');
SELECT vpd.track_changes('shop.orders', created_by => 'maker', identity => 'pseudonym');
SELECT vpd.protect_action('shop.orders', 'maker', 'purchase_order:approve', 'region', 'West');
SELECT vpd.define_task_type('Order "x"', 'Orders'), vpd.define_task_type('plain');
SELECT vpd.define_task_action('Order "x"', 'approve it', '{owner,manager}'), vpd.define_task_content('Order "x"', 'am"ount', '{reviewer}');
SELECT vpd.define_data_role_template('per department', 'Buyer', 'merchandise', 'department', '{base_role} of {node}');
SELECT vpd.generate_data_roles('per department');
SELECT vpd.grant_delegation('user:boss', 'user:alice', reason => 'holidays'), vpd.grant_delegation('role:Buyer', valid_until => '2100-01-01');
SELECT vpd.mark_seeded('role:Buyer', 'acme');
SELECT vpd.grant_authority('role:Project.Lane', 'role:Buyer');
"#;

/// A database with the tables, without definitions.
fn empty() -> Result<Database<'static>> {
    let database = Database::create()?;
    create_orders(&database)?;
    let mut admin = database.admin()?;
    admin.batch_execute(SCHEMA)?;
    admin.batch_execute("SELECT vpd.drop_app(name) FROM vpd.apps")?;
    Ok(database)
}

fn full() -> Result<Database<'static>> {
    let database = empty()?;
    database.admin()?.batch_execute(POLICIES)?;
    database.admin()?.batch_execute(GRAPH)?;
    Ok(database)
}

fn export(client: &mut Client) -> Result<Value> {
    Ok(client
        .query_one("SELECT vpd.export_definitions(true, true)", &[])?
        .get(0))
}

/// Change, kind and name of each line.
fn import(
    client: &mut Client,
    document: &Value,
    options: &str,
) -> std::result::Result<Vec<[String; 3]>, postgres::Error> {
    let rows = client.query(
        &format!("SELECT change, kind, name FROM vpd.import_definitions($1{options})"),
        &[document],
    )?;
    Ok(rows
        .iter()
        .map(|row| [row.get(0), row.get(1), row.get(2)])
        .collect())
}

fn faults(client: &mut Client, document: &Value) -> Result<Vec<(String, String)>> {
    let rows = client.query(
        "SELECT detail ->> 'place', detail ->> 'code' FROM vpd.policy_store_difference($1) WHERE change = 'fault'",
        &[document],
    )?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

#[test]
fn a_file_comes_back_byte_for_byte_from_an_empty_database() -> Result<()> {
    let source = full()?;
    let desk = Desk::at(&source)?;
    let written = desk.run(&["policy", "export", "a.toml", "--with-users", "--with-nodes"])?;
    assert_eq!(written.0, Some(0), "{written:?}");
    let first = desk.read("a.toml")?;
    for kind in [
        "apps",
        "contexts",
        "sources",
        "units",
        "resources",
        "privileges",
        "entitlements",
        "duties",
        "roles",
        "groups",
        "data_groups",
        "users",
        "delegations",
        "grants",
        "memberships",
        "sod_rules",
        "tracked_tables",
        "protected_actions",
        "task_types",
        "hierarchies",
        "hierarchy_exemptions",
        "hierarchy_nodes",
        "data_group_nodes",
        "data_role_templates",
        "data_roles",
        "hierarchy_bindings",
        "policy_groups",
        "driving_contexts",
        "policies",
        "masks",
        "audit_policies",
        "issuers",
    ] {
        assert!(
            first.contains(&format!("\n[[{kind}]]\n")),
            "{kind} is missing:\n{first}"
        );
    }

    let target = empty()?;
    let other = Desk::at(&target)?;
    other.write("a.toml", &first)?;
    let asked = other.run(&["policy", "import", "a.toml"])?;
    assert_eq!(asked.0, Some(1), "nobody is asked: {asked:?}");
    assert!(asked.2.contains("--yes"), "{asked:?}");
    let compared = other.run(&["policy", "diff", "a.toml"])?;
    assert_eq!(compared.0, Some(1), "{compared:?}");
    let imported = other.run(&["policy", "import", "a.toml", "--yes"])?;
    assert_eq!(imported.0, Some(0), "{imported:?}");
    let again = other.run(&["policy", "export", "b.toml", "--with-users", "--with-nodes"])?;
    assert_eq!(again.0, Some(0), "{again:?}");
    assert_eq!(other.read("b.toml")?, first);
    let compared = other.run(&["policy", "diff", "a.toml", "--prune"])?;
    assert_eq!(
        (compared.0, compared.1.as_str()),
        (Some(0), "no difference\n"),
        "{compared:?}"
    );

    let exported = other.run(&["policy", "export", "--json", "--with-users", "--with-nodes"])?;
    other.write("c.json", &exported.1)?;
    let compared = other.run(&["policy", "diff", "c.json", "--prune"])?;
    assert_eq!(compared.0, Some(0), "JSON says the same: {compared:?}");
    Ok(())
}

#[test]
fn the_order_of_a_document_does_not_depend_on_the_order_of_work() -> Result<()> {
    let (one, other) = (empty()?, empty()?);
    let steps = [
        "SELECT vpd.add_policy('shop.orders', 'a', 'id = 1')",
        "SELECT vpd.add_policy('shop.orders', 'B', 'id = 2')",
        "SELECT vpd.register_app('zeta')",
        "SELECT vpd.register_app('alpha')",
    ];
    one.admin()?.batch_execute(&steps.join(";"))?;
    let backwards: Vec<_> = steps.into_iter().rev().collect();
    other.admin()?.batch_execute(&backwards.join(";"))?;
    let text = |database: &Database<'_>| -> Result<String> {
        Ok(database
            .admin()?
            .query_one("SELECT vpd.export_definitions()::text", &[])?
            .get(0))
    };
    assert_eq!(text(&one)?, text(&other)?);
    Ok(())
}

#[test]
fn a_change_is_told_and_made_and_the_rest_is_left_alone() -> Result<()> {
    let database = full()?;
    let mut admin = database.connect(role::SECURITY)?;
    let mut document = export(&mut admin)?;
    assert!(import(&mut admin, &document, "")?.is_empty(), "nothing to do");
    let policies = document["policies"].as_array_mut().ok_or("no policies")?;
    let place = |policies: &[Value], name: &str| policies.iter().position(|policy| policy["name"] == name);
    let masking = place(policies, "masking").ok_or("no policy")?;
    policies[masking]["predicate"] = json!("id = 2");
    let everything = place(policies, "with everything").ok_or("no policy")?;
    policies[everything]["policy_group"] = json!("SYS_DEFAULT");
    policies[everything]["associations"] = json!(["app.x"]);
    let dropped = policies.remove(place(policies, "by_region").ok_or("no policy")?);
    document["apps"][0]["idle_timeout"] = json!("120 seconds");

    let shown = import(&mut admin, &document, ", dry_run => true")?;
    let line = |change: &str, kind: &str, name: &str| [change.to_owned(), kind.to_owned(), name.to_owned()];
    assert_eq!(
        shown,
        [
            line("change", "app", "counter"),
            line("change", "policy", "shop.orders / masking"),
            line("change", "policy", "shop.orders / with everything"),
        ]
    );
    assert_eq!(
        import(&mut admin, &document, ", dry_run => true")?,
        shown,
        "a dry run changes nothing"
    );
    assert_eq!(import(&mut admin, &document, "")?, shown);
    let after = export(&mut admin)?;
    assert_eq!(after["apps"][0]["idle_timeout"], "2 minutes");
    let policies = after["policies"].as_array().ok_or("no policies")?;
    assert!(policies.contains(&dropped), "without prune nothing is removed");
    let everything = place(policies, "with everything").ok_or("no policy")?;
    assert_eq!(policies[everything]["associations"], json!(["app.x"]));
    assert_eq!(policies[everything].get("policy_group"), None);

    let pruned = import(&mut admin, &document, ", prune => true")?;
    assert_eq!(pruned, [line("remove", "policy", "shop.orders / by_region")]);
    assert_eq!(
        import(&mut admin, &document, ", prune => true")?,
        Vec::<[String; 3]>::new()
    );
    Ok(())
}

#[test]
fn sections_that_a_document_lacks_are_not_pruned() -> Result<()> {
    let database = full()?;
    let mut admin = database.connect(role::SECURITY)?;
    let before = export(&mut admin)?;
    let document = json!({"format": "pg_vpd definitions", "version": 1, "masks": []});
    let removed = import(&mut admin, &document, ", prune => true")?;
    assert_eq!(removed.len(), 2, "{removed:?}");
    let after = export(&mut admin)?;
    assert_eq!(after["policies"], before["policies"]);
    assert_eq!(after["masks"], json!([]));
    Ok(())
}

#[test]
fn every_fault_is_told_with_its_place_and_nothing_is_imported() -> Result<()> {
    let database = empty()?;
    let mut admin = database.connect(role::SECURITY)?;
    let before = export(&mut admin)?;
    let document = json!({
        "format": "pg_vpd definitions",
        "version": 1,
        "apps": [
            {"name": "good"},
            {"name": "Bad Name"},
            {"name": "good"},
            {"name": "slow", "idle_timeout": "3 fortnights"},
            {"pillar": "x"},
        ],
        "contexts": [{"namespace": "c", "trusted_function": "shop.nobody(pg_catalog.text)"}],
        "policies": [
            {"relation": "shop.orders", "name": "syntax", "predicate": "id = = 1"},
            {"relation": "shop.orders", "name": "column", "predicate": "nobody = 1"},
            {"relation": "shop.orders", "name": "neither"},
            {"relation": "shop.nothing", "name": "table", "predicate": "true"},
            {"relation": "shop.\"", "name": "quote", "predicate": "true"},
            {"relation": "shop.orders", "name": "odd", "predicate": "true", "extra": 1, "enabled": "yes"},
            "no table",
            {"relation": "shop.orders", "name": "group", "predicate": "true", "policy_group": "NONE"},
            {"relation": "shop.orders", "name": "fun", "policy_function": "shop.x y"},
        ],
        "masks": [{"relation": "shop.orders", "column": "nobody"}, {"relation": "shop.orders", "column": "id", "mask": "'x'::date"}],
        "surprises": [],
    });
    let found = faults(&mut admin, &document)?;
    let expected = [
        ("surprises", "definition_invalid"),
        ("apps[3]", "definition_invalid"),
        ("apps[4].idle_timeout", "definition_invalid"),
        ("apps[5].name", "definition_invalid"),
        ("policies[6].extra", "definition_invalid"),
        ("policies[6].enabled", "definition_invalid"),
        ("policies[7]", "definition_invalid"),
        ("apps[2]", "argument_invalid"),
        ("contexts[1]", "function_not_found"),
        ("policies[1]", "predicate_invalid"),
        ("policies[2]", "predicate_invalid"),
        ("policies[3]", "argument_invalid"),
        ("policies[4]", "relation_not_found"),
        ("policies[8]", "policy_group_not_found"),
        ("masks[1]", "column_not_found"),
        ("masks[2]", "mask_invalid"),
    ];
    for (place, code) in expected {
        assert!(
            found.iter().any(|fault| fault.0 == place && fault.1 == code),
            "{place} {code} is missing: {found:#?}"
        );
    }
    for place in ["policies[5]", "policies[9]"] {
        assert!(found.iter().any(|fault| fault.0 == place), "{place}: {found:#?}");
    }
    assert_eq!(found.len(), expected.len() + 2, "{found:#?}");
    let refusal = assert_refused(import(&mut admin, &document, ""), "22023", "definitions_invalid");
    assert!(refusal.text.contains("policies[1]: "), "{}", refusal.text);
    assert_eq!(export(&mut admin)?, before);
    Ok(())
}

#[test]
fn what_is_no_document_is_refused() -> Result<()> {
    let database = Database::create()?;
    let mut admin = database.connect(role::SECURITY)?;
    for document in [
        json!([]),
        json!({}),
        json!({"format": "pg_vpd definitions", "version": 2}),
        json!({"format": "pg_vpd definitions", "version": 1, "apps": {"name": "x"}}),
        json!("text"),
        Value::Null,
    ] {
        assert_refused(import(&mut admin, &document, ""), "22023", "definitions_invalid");
    }
    assert_refused(
        admin.query("SELECT vpd.import_definitions(NULL)", &[]),
        "22023",
        "argument_invalid",
    );
    Ok(())
}

#[test]
fn an_import_belongs_to_its_transaction() -> Result<()> {
    let database = empty()?;
    let mut admin = database.connect(role::SECURITY)?;
    let before = export(&mut admin)?;
    let document = json!({
        "format": "pg_vpd definitions",
        "version": 1,
        "policies": [{"relation": "shop.orders", "name": "p", "predicate": "id = 1"}],
    });
    admin.batch_execute("BEGIN")?;
    assert_eq!(import(&mut admin, &document, "")?.len(), 1);
    admin.batch_execute("ROLLBACK")?;
    assert_eq!(export(&mut admin)?, before);
    import(&mut admin, &document, "")?;
    let denied = database
        .connect(role::USER)?
        .query("SELECT id FROM shop.orders", &[])?;
    assert!(denied.is_empty(), "the policy holds in other sessions");
    Ok(())
}

#[test]
fn definitions_of_the_graph_are_changed_and_pruned_and_their_checks_hold() -> Result<()> {
    let database = full()?;
    let mut admin = database.connect(role::SECURITY)?;
    let mut document = export(&mut admin)?;
    document["grants"].as_array_mut().ok_or("no grants")?.extend([
        json!({"holder": "duty:Inquiry", "holds": ["duty:Approval", "privilege:nothing"]}),
        json!({"holder": "user:alice", "holds": ["duty:Approval"]}),
        json!({"holder": "job:x", "holds": ["duty:Approval"]}),
    ]);
    document["roles"][0]["description"] = json!("changed");
    let found = faults(&mut admin, &document)?;
    let codes: Vec<_> = found.iter().map(|fault| fault.1.as_str()).collect();
    for code in [
        "authority_cycle",
        "privilege_not_found",
        "argument_invalid",
        "definition_seeded",
    ] {
        assert!(codes.contains(&code), "{code}: {found:#?}");
    }
    assert!(import(&mut admin, &document, "").is_err());

    let mut empty = json!({
        "format": "pg_vpd definitions", "version": 1,
        "duties": [], "groups": [], "users": [], "entitlements": [], "units": [],
        "roles": [{"name": "Project.Lane", "kind": "abstract", "enabled": false}],
    });
    assert_refused(
        import(&mut admin, &empty, ", prune => true"),
        "22023",
        "definitions_invalid",
    );
    // A rule that the document left alone needed one of the units.
    empty["sod_rules"] = json!([]);
    let lines = import(&mut admin, &empty, ", prune => true")?;
    for expected in [
        ["remove", "duty", "Inquiry"],
        ["remove", "user", "boss"],
        ["change", "role", "Project.Lane"],
        ["skip", "role", "Buyer"],
        ["skip", "duty", "Approval"],
        ["remove", "unit", "A branch"],
    ] {
        assert!(
            lines.contains(&expected.map(str::to_owned)),
            "{expected:?}: {lines:?}"
        );
    }
    let left: Vec<String> = admin
        .query("SELECT name FROM vpd.roles ORDER BY name", &[])?
        .iter()
        .map(|row| row.get(0))
        .collect();
    assert_eq!(left, ["Buyer", "Project.Lane"], "what is not seeded went");
    Ok(())
}

#[test]
fn what_was_taken_away_in_the_file_is_taken_away() -> Result<()> {
    let database = full()?;
    let mut admin = database.admin()?;
    let mut document = export(&mut admin)?;
    for (section, fields) in [
        ("roles", &["description", "enabled"][..]),
        (
            "users",
            &["unit", "manager", "attributes", "display_name", "enabled"],
        ),
        ("units", &["description", "parent"]),
        ("sources", &["description"]),
        ("resources", &["description"]),
        ("privileges", &["description"]),
        ("duties", &["description"]),
    ] {
        for definition in document[section].as_array_mut().ok_or("no section")? {
            for field in fields {
                definition.as_object_mut().ok_or("no definition")?.remove(*field);
            }
        }
    }
    assert!(!import(&mut admin, &document, ", prune => true")?.is_empty());
    assert_eq!(export(&mut admin)?, document);
    assert!(import(&mut admin, &document, ", prune => true")?.is_empty());
    Ok(())
}

#[test]
fn test_users_stay_out_of_production() -> Result<()> {
    let document = json!({
        "format": "pg_vpd definitions", "version": 1,
        "roles": [{"name": "Buyer"}],
        "users": [{"name": "real"}, {"name": "made up", "is_test": true}],
        "memberships": [{"holder": "user:real", "holds": ["role:Buyer"]}, {"holder": "user:made up", "holds": ["role:Buyer"]}],
    });
    let production = Database::create()?;
    let lines = import(&mut production.connect(role::SECURITY)?, &document, "")?;
    let skipped: Vec<_> = lines
        .iter()
        .filter(|line| line[0] == "skip")
        .map(|line| line[2].as_str())
        .collect();
    assert_eq!(skipped, ["made up", "user:made up / role:Buyer"]);
    let users = |database: &Database<'_>| -> Result<i64> {
        Ok(database
            .admin()?
            .query_one("SELECT count(*) FROM vpd.users", &[])?
            .get(0))
    };
    assert_eq!(users(&production)?, 1);

    let cluster = Cluster::start(
        &Extension::debug()?,
        Library::Preloaded,
        "vpd.environment = 'test'",
    )?;
    let elsewhere = Database::install_in(&cluster)?;
    import(&mut elsewhere.connect(role::SECURITY)?, &document, "")?;
    assert_eq!(users(&elsewhere)?, 2, "elsewhere they are carried");
    Ok(())
}

#[test]
fn run_out_grants_and_past_beginnings_make_no_difference() -> Result<()> {
    let database = Database::create()?;
    let mut admin = database.connect(role::SECURITY)?;
    let document = json!({
        "format": "pg_vpd definitions", "version": 1,
        "roles": [{"name": "A"}, {"name": "B"}, {"name": "C"}],
        "grants": [{"holder": "role:A", "holds": [
            {"granted": "role:B", "valid_from": "2020-01-01T00:00:00Z"},
            {"granted": "role:C", "valid_until": "2020-01-01T00:00:00Z"},
        ]}],
    });
    let lines = import(&mut admin, &document, "")?;
    assert_eq!(
        lines.iter().filter(|line| line[0] == "skip").count(),
        1,
        "{lines:?}"
    );
    let again = import(&mut admin, &document, ", prune => true")?;
    assert!(again.iter().all(|line| line[0] == "skip"), "{again:?}");
    Ok(())
}

#[test]
fn pruning_takes_away_what_one_source_tells_and_leaves_what_others_tell() -> Result<()> {
    let database = Database::create()?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute(
        "SELECT vpd.define_source('hr', 10);
         SELECT vpd.define_role('Clerk');
         SELECT vpd.define_user('mo', display_name => 'Local'), vpd.define_user('mo', 'hr', 'From HR'), vpd.define_user('li', 'hr');
         SELECT vpd.grant_authority('role:Clerk', 'user:mo')",
    )?;
    let told = |client: &mut Client| -> Result<Vec<(String, String, Vec<String>)>> {
        Ok(client
            .query(
                "SELECT name, coalesce(display_name, ''), sources FROM vpd.users ORDER BY name",
                &[],
            )?
            .iter()
            .map(|row| (row.get(0), row.get(1), row.get(2)))
            .collect())
    };
    let granted = "SELECT count(*) FROM vpd.grants WHERE holder = 'user:mo'";
    // What HR tells is gone, and li with it; then HR tells of mo again, and he is local no more.
    for (users, expected) in [
        (
            r#"{"name": "mo", "display_name": "Local"}"#,
            ("mo".to_owned(), "Local".to_owned(), vec!["local".to_owned()]),
        ),
        (
            r#"{"name": "mo", "source": "hr", "display_name": "From HR"}"#,
            ("mo".to_owned(), "From HR".to_owned(), vec!["hr".to_owned()]),
        ),
    ] {
        security.execute(
            "SELECT vpd.import_definitions($1::text::jsonb, prune => true)",
            &[&format!(
                r#"{{"format": "pg_vpd definitions", "version": 1, "users": [{users}]}}"#
            )],
        )?;
        assert_eq!(told(&mut security)?, [expected]);
        assert_eq!(
            security.query_one(granted, &[])?.get::<_, i64>(0),
            1,
            "he is the same user"
        );
    }
    security.execute(
        r#"SELECT vpd.import_definitions('{"format": "pg_vpd definitions", "version": 1, "users": []}', prune => true)"#,
        &[],
    )?;
    assert_eq!(told(&mut security)?, []);
    Ok(())
}

/// What SQL takes for the same table is the same: a document that spells it otherwise changes nothing, and never takes away what it names.
#[test]
fn a_table_that_is_spelled_otherwise_is_the_same_table() -> Result<()> {
    let database = Database::create()?;
    create_orders(&database)?;
    database.admin()?.batch_execute(
        "SELECT vpd.define_hierarchy('places', '{place}');
         ALTER TABLE shop.orders ADD COLUMN place text, ADD COLUMN made_by text;
         SELECT vpd.protect_by_hierarchy('shop.orders', 'places', 'place');
         SELECT vpd.add_mask('shop.orders', 'amount', '0');
         SELECT vpd.track_changes('shop.orders', created_by => 'made_by')",
    )?;
    let mut admin = database.admin()?;
    let exported: String = admin
        .query_one("SELECT vpd.export_definitions()::text", &[])?
        .get(0);
    assert!(exported.contains(r#""shop.orders""#), "{exported}");
    let protected = "SELECT relrowsecurity AND relforcerowsecurity,
                            (SELECT count(*) FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal)
                       FROM pg_class c WHERE c.oid = 'shop.orders'::regclass";
    let before = admin.query_one(protected, &[])?;
    let before: (bool, i64) = (before.get(0), before.get(1));
    assert!(before.0 && before.1 > 0);
    for spelling in [
        r#""Shop.ORDERS""#,
        r#""\"shop\".\"orders\"""#,
        r#"" shop . orders""#,
    ] {
        let document = exported.replace(r#""shop.orders""#, spelling);
        let changes = admin.query(
            "SELECT change || ' ' || kind || ' ' || name FROM vpd.import_definitions($1::text::jsonb, prune => true)",
            &[&document],
        )?;
        let changes: Vec<String> = changes.iter().map(|row| row.get(0)).collect();
        assert!(changes.is_empty(), "{spelling}: {changes:?}");
        let now = admin.query_one(protected, &[])?;
        assert_eq!((now.get(0), now.get(1)), before, "{spelling}");
    }
    // Two spellings in one document are one definition twice.
    let twice = exported.replacen(
        r#""masks": ["#,
        r#""masks": [{"relation": "SHOP.orders", "column": "amount", "expression": "1"}, "#,
        1,
    );
    assert_refused(
        admin.query("SELECT vpd.import_definitions($1::text::jsonb)", &[&twice]),
        "22023",
        "definitions_invalid",
    );
    Ok(())
}

#[test]
fn what_has_run_out_in_a_document_is_pruned() -> Result<()> {
    let database = Database::create()?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute(
        "SELECT vpd.define_role('Clerk'); SELECT vpd.define_user('mo'); SELECT vpd.grant_authority('role:Clerk', 'user:mo')",
    )?;
    let document = r#"{"format": "pg_vpd definitions", "version": 1, "memberships": [
        {"holder": "user:mo", "granted": "role:Clerk", "valid_until": "2026-01-01T00:00:00Z"}]}"#;
    let valid = "SELECT count(*) FROM vpd.grants WHERE holder = 'user:mo' AND is_valid";
    for (prune, expected) in [(false, 1), (true, 0)] {
        security.execute(
            "SELECT vpd.import_definitions($1::text::jsonb, prune => $2)",
            &[&document, &prune],
        )?;
        assert_eq!(security.query_one(valid, &[])?.get::<_, i64>(0), expected);
    }
    Ok(())
}
