//! Dump and restore: policies travel with their tables, sessions stay behind, and a table restored without the
//! library shows nothing.

use std::process::Stdio;

use vpd_tests::{
    Cluster, Database, Extension, Library, Result, Subject, assert_refused, attach, create_orders,
    expected_ids, fresh_ids, ids, outcome, protected_orders, role,
};

const ORDERS: &str = "SELECT id FROM shop.orders";

fn dump(database: &Database<'_>, role: &str) -> Result<std::process::Output> {
    Ok(database
        .cluster()
        .client_program("pg_dump", role)
        .arg(database.name())
        .stdin(Stdio::null())
        .output()?)
}

/// Feeds a dump to psql; returns what psql complained about.
fn restore(dump: &[u8], target: &Database<'_>) -> Result<String> {
    let file = target
        .cluster()
        .socket_folder()
        .join(format!("{}.sql", target.name()));
    std::fs::write(&file, dump)?;
    let output = target
        .cluster()
        .client_program("psql", "postgres")
        .args(["--quiet", "--no-psqlrc", "--file"])
        .arg(&file)
        .arg(target.name())
        .stdin(Stdio::null())
        .output()?;
    Ok(String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn a_restored_database_has_its_policies_and_no_sessions() -> Result<()> {
    let source = protected_orders()?;
    source
        .connect(role::SECURITY)?
        .execute("SELECT vpd.set_purge_interval(7)", &[])?;
    source.admin()?.batch_execute(
        "CREATE FUNCTION shop.enter(who text) RETURNS void LANGUAGE plpgsql AS
             $$BEGIN CALL dbms_session.set_context('ctx', 'who', who); CALL dbms_session.set_context('shared', 'who', who); END$$;
         ALTER FUNCTION shop.enter OWNER TO app_owner;
         SELECT vpd.create_context('ctx', 'shop.enter'), vpd.create_context('shared', 'shop.enter', true)",
    )?;
    let enter = "BEGIN; SELECT vpd.attach_anonymous(); SELECT shop.enter('boss')";
    let mut user = source.connect(role::USER)?;
    user.batch_execute(&format!("{enter}; COMMIT"))?;
    let old = Subject::in_region("alice", "East").log_in(&source)?;
    let dump = dump(&source, "postgres")?;
    assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
    let target = Database::create_bare()?;
    let complaints = restore(&dump.stdout, &target)?;
    assert!(!complaints.contains("ERROR"), "{complaints}");

    assert!(fresh_ids(&target, None, ORDERS)?.is_empty());
    assert_refused(
        attach(&mut target.connect(role::USER)?, &old),
        "28000",
        "session_invalid",
    );
    let new = Subject::in_region("alice", "East").log_in(&target)?;
    assert_eq!(fresh_ids(&target, Some(&new), ORDERS)?, expected_ids("East"));
    let globals = "SELECT FROM vpd_private.global_context";
    assert_eq!(
        source.admin()?.query(globals, &[])?.len(),
        1,
        "control: a value is shared"
    );
    assert!(
        target.admin()?.query(globals, &[])?.is_empty(),
        "values stay behind"
    );
    let mut user = target.connect(role::USER)?;
    user.batch_execute(enter)?;
    let who: String = user
        .query_one("SELECT vpd.sys_context('ctx', 'who')", &[])?
        .get(0);
    assert_eq!(who, "boss", "the context travels with the function it trusts");
    let defended = "SELECT is_row_security_enabled AND is_forced AND has_guard FROM vpd.protected_tables";
    assert!(target.admin()?.query_one(defended, &[])?.get::<_, bool>(0));
    assert_eq!(
        target
            .admin()?
            .query("SELECT FROM vpd_private.setting", &[])?
            .len(),
        1
    );
    Ok(())
}

#[test]
fn groups_driving_contexts_columns_and_associations_are_restored() -> Result<()> {
    let source = Database::create()?;
    create_orders(&source)?;
    source.admin()?.batch_execute(
        "CREATE FUNCTION shop.by_region(object_schema text, object_name text) RETURNS text LANGUAGE sql
         AS $$ SELECT 'region = vpd.attribute(''app'', ''region'')' $$",
    )?;
    source.connect(role::SECURITY)?.batch_execute(
        "SELECT dbms_rls.create_policy_group('shop', 'orders', 'buying'),
                dbms_rls.create_policy_group('shop', 'orders', 'empty');
         SELECT dbms_rls.add_policy_context('shop', 'orders', 'app', 'mode');
         SELECT dbms_rls.add_grouped_policy('shop', 'orders', 'buying', 'region', 'shop', 'by_region',
                    policy_type => dbms_rls.shared_context_sensitive(), namespace => 'app', attribute => 'region');
         SELECT dbms_rls.alter_grouped_policy('shop', 'orders', 'buying', 'region',
                    dbms_rls.add_attribute_association(), 'app', 'level');
         SELECT dbms_rls.add_policy('shop', 'orders', 'amounts', 'shop', 'by_region', 'SELECT, INDEX',
                    sec_relevant_cols => 'amount');
         SELECT dbms_rls.add_policy('shop', 'orders', 'off', 'shop', 'by_region', enable => false)",
    )?;
    let dump = dump(&source, "postgres")?;
    assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
    let target = Database::create_bare()?;
    let complaints = restore(&dump.stdout, &target)?;
    assert!(!complaints.contains("ERROR"), "{complaints}");

    let facts = |database: &Database<'_>| -> Result<Vec<String>> {
        let query = "SELECT concat_ws(' ', relation, policy_name, policy_group, kind, function_schema, function_name, statement_types,
                            is_update_checked, is_enabled, relevant_columns, is_masking, associations)
                       FROM vpd.policy_definitions
                      UNION ALL SELECT concat_ws(' ', relation, policy_group, policies) FROM vpd.policy_groups
                      UNION ALL SELECT concat_ws(' ', relation, namespace, attribute) FROM vpd.policy_contexts
                      ORDER BY 1";
        let rows = database.admin()?.query(query, &[])?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    };
    let kept = facts(&source)?;
    assert_eq!(
        kept.len(),
        7,
        "three policies, three groups, one context: {kept:?}"
    );
    assert_eq!(facts(&target)?, kept);

    let subject = |mode: &str| {
        let attributes = serde_json::json!({ "app": { "region": "West", "mode": mode } });
        Subject::new("alice").attributes(attributes).log_in(&target)
    };
    let buying = subject("buying")?;
    assert_eq!(fresh_ids(&target, Some(&buying), ORDERS)?, expected_ids("West"));
    let plain = subject("sys_default")?;
    assert_eq!(
        fresh_ids(&target, Some(&plain), ORDERS)?.len(),
        40,
        "no column named"
    );
    assert_eq!(
        fresh_ids(
            &target,
            Some(&plain),
            "SELECT id FROM shop.orders WHERE amount > 0"
        )?,
        expected_ids("West")
    );
    assert!(fresh_ids(&target, None, ORDERS)?.is_empty());
    Ok(())
}

#[test]
fn a_dump_by_a_role_under_policy_fails_and_gives_nothing() -> Result<()> {
    let source = protected_orders()?;
    source
        .admin()?
        .batch_execute("GRANT USAGE ON SCHEMA vpd_private TO app_owner")?;
    let output = source
        .cluster()
        .client_program("pg_dump", role::OWNER)
        .arg("--table=shop.orders")
        .arg(source.name())
        .output()?;
    assert!(!output.status.success());
    assert!(!String::from_utf8_lossy(&output.stdout).contains("\t10\n"));
    Ok(())
}

#[test]
fn restored_where_the_library_is_missing_the_table_shows_nothing() -> Result<()> {
    let source = protected_orders()?;
    let dump = dump(&source, "postgres")?;
    let cluster = Cluster::start(&Extension::debug()?, Library::Absent, "")?;
    let target = Database::create_bare_in(&cluster)?;
    let complaints = restore(&dump.stdout, &target)?;
    assert!(
        complaints.contains("pg_vpd"),
        "control: the extension cannot be created here"
    );
    assert_eq!(
        ids(&mut target.admin()?, ORDERS)?.len(),
        40,
        "control: the rows are there"
    );
    for role in [role::USER, role::OWNER] {
        let seen = outcome(ids(&mut target.connect(role)?, ORDERS)).unwrap_or_default();
        assert!(seen.is_empty(), "{role}: {} rows", seen.len());
    }
    Ok(())
}

#[test]
fn hierarchies_and_who_has_their_nodes_travel_with_a_dump() -> Result<()> {
    let source = Database::create()?;
    create_orders(&source)?;
    source.connect(role::SECURITY)?.batch_execute(
        "SELECT vpd.install_hierarchies(); SELECT vpd.define_hierarchy('places', '{half,region}');
         SELECT vpd.define_node('places', half) FROM unnest('{upper,lower}'::text[]) half;
         SELECT vpd.define_node('places', 'East', 'upper', label => 'The East'), vpd.define_node('places', 'West', 'lower');
         SELECT vpd.protect_by_hierarchy('shop.orders', 'places', 'region');
         SELECT vpd.define_user('alice'), vpd.define_data_group('upper');
         SELECT vpd.grant_node('upper', 'places', 'upper'), vpd.grant_authority('data_group:upper', 'user:alice');
         SELECT vpd.exempt_app('ledger', 'sums up everything', 'places')",
    )?;
    let dump = dump(&source, "postgres")?;
    assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
    let target = Database::create_bare()?;
    let complaints = restore(&dump.stdout, &target)?;
    assert!(!complaints.contains("ERROR"), "{complaints}");
    let alice = Subject::new("alice").log_in(&target)?;
    assert_eq!(fresh_ids(&target, Some(&alice), ORDERS)?, expected_ids("East"));
    let ledger = Subject::new("alice").app("ledger").log_in(&target)?;
    assert_eq!(fresh_ids(&target, Some(&ledger), ORDERS)?.len(), 40);
    let mut security = target.connect(role::SECURITY)?;
    security
        .batch_execute("SELECT vpd.move_node('places', 'East', 'lower'); SELECT vpd.install_hierarchies()")?;
    assert!(fresh_ids(&target, Some(&alice), ORDERS)?.is_empty());
    assert_refused(
        security.batch_execute("SELECT vpd.drop_hierarchy('places')"),
        "2BP01",
        "hierarchy_in_use",
    );
    Ok(())
}

#[test]
fn the_past_of_the_graph_and_its_changes_travel_with_a_dump() -> Result<()> {
    let source = Database::create()?;
    let mut security = source.connect(role::SECURITY)?;
    security.batch_execute(
        "SELECT vpd.define_user('alice'), vpd.define_role('Buyer'); SELECT vpd.grant_authority('role:Buyer', 'user:alice');
         SELECT vpd.define_hierarchy('places', '{region}'); SELECT vpd.set_hierarchy_mode('places', 'open', 'while we move');
         SELECT vpd.enable_authority('role:Buyer', false, 'an inquiry')",
    )?;
    let disabled: String = security.query_one("SELECT clock_timestamp()::text", &[])?.get(0);
    security.batch_execute("SELECT vpd.enable_authority('role:Buyer', true)")?;
    let output = dump(&source, "postgres")?;
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let target = Database::create_bare()?;
    let complaints = restore(&output.stdout, &target)?;
    assert!(!complaints.contains("ERROR"), "{complaints}");

    let told = |database: &Database<'_>| -> Result<(Vec<String>, i64, i64)> {
        let mut auditor = database.connect(role::AUDITOR)?;
        let changes = auditor.query(
            "SELECT c::text FROM vpd.authority_changes c ORDER BY change_id",
            &[],
        )?;
        let roles =
            "SELECT count(*) FROM vpd.entitlements_at('alice', $1::text::timestamptz) WHERE kind = 'role'";
        Ok((
            changes.iter().map(|row| row.get(0)).collect(),
            auditor.query_one(roles, &[&disabled])?.get(0),
            auditor.query_one(roles, &[&"now"])?.get(0),
        ))
    };
    let before = told(&source)?;
    assert_eq!((before.1, before.2), (0, 1), "control: it was switched off then");
    assert!(
        before.0.iter().any(|change| change.contains("while we move")),
        "control: the reason is told"
    );
    assert_eq!(told(&target)?, before);
    // The next change follows the last one.
    target
        .connect(role::SECURITY)?
        .batch_execute("SELECT vpd.define_role('Later')")?;
    assert!(told(&target)?.0.len() > before.0.len());
    Ok(())
}
