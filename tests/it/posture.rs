//! The posture report: each weakness is made, is reported, is mended by the statement the report gives, and is gone.

use std::collections::BTreeSet;
use std::time::Duration;

use postgres::Client;
use vpd_tests::{
    BY_REGION, Cluster, Database, Extension, Library, Result, add_policy, assert_denied_to_all_but,
    create_orders, role, until_within,
};

/// A finding, the object it must name, and what makes it; statements are separated by newlines, so that each can be its own
/// transaction.
type Weakness = (&'static str, &'static str, &'static str);

const WEAKNESSES: &[Weakness] = &[
    // The audit trail.
    (
        "trail_writable",
        "app_user",
        "GRANT pg_write_all_data TO app_user",
    ),
    (
        "trail_writable",
        "app_user",
        "GRANT TRUNCATE ON vpd_private.audit_person TO PUBLIC",
    ),
    (
        "audit_policy_disabled",
        "reads on shop.orders",
        "SELECT vpd.add_audit_policy('shop.orders', 'reads', enabled => false)",
    ),
    (
        "audit_column_missing",
        "reads on shop.orders",
        "SELECT vpd.add_audit_policy('shop.orders', 'reads', columns => '{amount}')\nALTER TABLE shop.orders DROP amount",
    ),
    (
        "audit_condition_broken",
        "reads on shop.orders",
        "SELECT vpd.add_audit_policy('shop.orders', 'reads', condition => 'amount > 1')\nALTER TABLE shop.orders DROP amount",
    ),
    (
        "audit_handler_missing",
        "reads on shop.orders",
        "CREATE FUNCTION shop.gone(text, text, text) RETURNS void LANGUAGE sql AS 'SELECT'\nSELECT vpd.add_audit_policy('shop.orders', 'reads', handler => 'shop.gone')\nDROP FUNCTION shop.gone(text, text, text)",
    ),
    // Sealed columns.
    (
        "person_not_named",
        "shop.loose",
        "SELECT vpd.create_key('per', 'p:q', per_person => true)\nCREATE TABLE shop.loose (a text, b vpd.sealed_text('per'))\nSELECT vpd.name_person('shop.loose', 'a')\nALTER TABLE shop.loose DISABLE TRIGGER USER",
    ),
    // Server and settings.
    (
        "null_predicate_all_rows",
        "server",
        "ALTER SYSTEM SET vpd.null_predicate = 'all_rows'\nSELECT pg_reload_conf()",
    ),
    (
        "null_predicate_all_rows",
        "role app_user",
        "ALTER ROLE app_user SET vpd.null_predicate = 'all_rows'",
    ),
    (
        "null_predicate_all_rows",
        "role app_user in database posture",
        "ALTER ROLE app_user IN DATABASE posture SET vpd.null_predicate = 'all_rows'",
    ),
    (
        "null_predicate_all_rows",
        "database posture",
        "ALTER DATABASE posture SET vpd.null_predicate = 'all_rows'",
    ),
    (
        "replication_role",
        "role app_owner",
        "ALTER ROLE app_owner SET session_replication_role = 'replica'",
    ),
    (
        "unit_parent_missing",
        "unit posture",
        "INSERT INTO vpd_private.unit (name, parent) VALUES ('posture', 'posture gone')",
    ),
    (
        "event_trigger_disabled",
        "vpd_follow_create",
        "ALTER EVENT TRIGGER vpd_follow_create DISABLE",
    ),
    (
        "own_trigger_disabled",
        "vpd_session_changed on vpd_private.session",
        "ALTER TABLE vpd_private.session DISABLE TRIGGER vpd_session_changed",
    ),
    (
        "own_trigger_disabled",
        "vpd_rows_replicated on vpd_private.exemption",
        "ALTER TABLE vpd_private.exemption ENABLE TRIGGER vpd_rows_replicated",
    ),
    (
        "log_parameters",
        "server",
        "ALTER SYSTEM SET log_min_duration_statement = 0\nSELECT pg_reload_conf()",
    ),
    (
        "log_parameters_on_error",
        "database posture",
        "ALTER DATABASE posture SET log_parameter_max_length_on_error = -1",
    ),
    (
        "audit_log_parameters",
        "role app_user",
        "ALTER ROLE app_user SET pgaudit.log_parameter = on",
    ),
    (
        "search_path_kept",
        "role app_user",
        "ALTER ROLE app_user SET vpd.attach_search_path = 'keep'",
    ),
    (
        "log_query_trees",
        "debug_print_plan at role app_user",
        "ALTER ROLE app_user SET debug_print_plan = on",
    ),
    // Roles.
    ("superuser", "above", "CREATE ROLE above SUPERUSER"),
    ("bypassrls", "above", "CREATE ROLE above BYPASSRLS"),
    (
        "exempt_role",
        "app_stranger",
        "SELECT vpd.grant_exempt('app_stranger', 'test')",
    ),
    (
        "exempt_role",
        "app_stranger on shop.orders",
        "SELECT vpd.grant_exempt('app_stranger', 'test', 'shop.orders')",
    ),
    (
        "exemption_of_another_role",
        "renamed",
        "CREATE ROLE renamed\nSELECT vpd.grant_exempt('renamed', 'test')\nALTER ROLE renamed RENAME TO above",
    ),
    (
        "member_of_exempt_role",
        "app_user of above",
        "CREATE ROLE above BYPASSRLS\nGRANT above TO app_user",
    ),
    (
        "application_above_policies",
        "app_user",
        "ALTER ROLE app_user BYPASSRLS",
    ),
    (
        "session_creator",
        "app_owner",
        "SELECT vpd.grant_profile('session_creator', 'app_owner')",
    ),
    (
        "keys_and_tokens",
        "app_bridge",
        "SELECT vpd.grant_profile('key_steward', 'app_bridge')",
    ),
    (
        "issuer_without_keys",
        "issuer https://idp.example",
        "SELECT vpd.trust_issuer('https://idp.example', '{portal}')",
    ),
    (
        "bridge_reads_tables",
        "app_bridge on shop.orders",
        "GRANT SELECT ON shop.orders TO app_bridge",
    ),
    ("creates_roles", "above", "CREATE ROLE above CREATEROLE"),
    ("replication", "above", "CREATE ROLE above REPLICATION"),
    (
        "writes_everything",
        "app_user of pg_write_all_data",
        "GRANT pg_write_all_data TO app_user",
    ),
    (
        "reads_everything",
        "app_user of pg_read_all_data",
        "GRANT pg_read_all_data TO app_user",
    ),
    (
        "server_access",
        "app_user of pg_execute_server_program",
        "GRANT pg_execute_server_program TO app_user",
    ),
    (
        "server_access",
        "app_user of pg_read_server_files",
        "GRANT pg_read_server_files TO app_user",
    ),
    // What lies beside tables.
    (
        "index_statistics",
        "expr of shop.by_word",
        "CREATE INDEX by_word ON shop.orders ((region || '!'))\nANALYZE shop.orders",
    ),
    (
        "mask_generated_column",
        "doubled of shop.orders",
        "ALTER TABLE shop.orders ADD doubled integer GENERATED ALWAYS AS (amount * 2) STORED\nSELECT vpd.add_mask('shop.orders', 'amount')",
    ),
    (
        "mask_check",
        "small on shop.orders",
        "ALTER TABLE shop.orders ADD CONSTRAINT small CHECK (amount < id * 100)\nSELECT vpd.add_mask('shop.orders', 'amount')",
    ),
    // Tables.
    (
        "row_security_off",
        "shop.orders",
        "ALTER TABLE shop.orders DISABLE ROW LEVEL SECURITY",
    ),
    (
        "not_forced",
        "shop.orders",
        "ALTER TABLE shop.orders NO FORCE ROW LEVEL SECURITY",
    ),
    (
        "guard_missing",
        "shop.orders",
        "DROP POLICY vpd_guard ON shop.orders",
    ),
    (
        "guard_missing",
        "shop.orders",
        "ALTER POLICY vpd_guard ON shop.orders USING (true)",
    ),
    (
        "partition_unprotected",
        "shop.child",
        "CREATE TABLE shop.child () INHERITS (shop.orders)\nDELETE FROM vpd_private.protected_table WHERE relation = 'shop.child'::regclass",
    ),
    (
        "parent_unprotected",
        "shop.parent",
        "CREATE TABLE shop.parent (id integer NOT NULL)\nALTER TABLE shop.orders INHERIT shop.parent",
    ),
    ("owner_ddl", "shop.orders of app_owner", ""),
    (
        "owner_is_application",
        "shop.orders of app_owner",
        "SELECT vpd.grant_profile('runtime', 'app_owner')",
    ),
    (
        "application_can_become_owner",
        "app_user of app_owner",
        "GRANT app_owner TO app_user",
    ),
    (
        "privilege_past_policies",
        "TRUNCATE on shop.orders to app_user",
        "GRANT TRUNCATE ON shop.orders TO app_user",
    ),
    (
        "privilege_past_policies",
        "REFERENCES on shop.orders to PUBLIC",
        "GRANT REFERENCES ON shop.orders TO PUBLIC",
    ),
    (
        "privilege_past_policies",
        "TRIGGER on shop.orders to app_user",
        "GRANT TRIGGER ON shop.orders TO app_user",
    ),
    (
        "foreign_key_probe",
        "probe_id_fkey on shop.probe",
        "CREATE TABLE shop.probe (id integer REFERENCES shop.orders)",
    ),
    (
        "foreign_key_cascade",
        "orders_region_fkey on shop.orders",
        "CREATE TABLE shop.region (region text PRIMARY KEY)\nINSERT INTO shop.region SELECT DISTINCT region FROM shop.orders\nALTER TABLE shop.orders ADD FOREIGN KEY (region) REFERENCES shop.region ON DELETE CASCADE",
    ),
    (
        "partition_key_code",
        "shop.keyed",
        "CREATE FUNCTION shop.part(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1'\nALTER FUNCTION shop.part(text) OWNER TO app_owner\nCREATE TABLE shop.keyed (id integer, region text) PARTITION BY LIST (shop.part(region))\nSELECT vpd.add_policy('shop.keyed', 'p', predicate => 'id > 0')",
    ),
    (
        "range_type_code",
        "span of shop.orders",
        "CREATE FUNCTION shop.apart(text, text) RETURNS float8 LANGUAGE sql IMMUTABLE AS 'SELECT 1.0::float8'\nALTER FUNCTION shop.apart(text, text) OWNER TO app_owner\nCREATE TYPE shop.span AS RANGE (subtype = text, subtype_diff = shop.apart)\nALTER TABLE shop.orders ADD COLUMN span shop.span[]",
    ),
    (
        "publication",
        "shop.orders in p",
        "CREATE PUBLICATION p FOR TABLE shop.orders",
    ),
    (
        "publication",
        "shop.orders in p",
        "CREATE PUBLICATION p FOR ALL TABLES",
    ),
    (
        "publication",
        "shop.orders in p",
        "CREATE PUBLICATION p FOR TABLES IN SCHEMA shop",
    ),
    (
        "replication_slot",
        "posture_slot",
        "SELECT pg_create_logical_replication_slot('posture_slot', 'pgoutput')",
    ),
    // Views, rules, triggers.
    (
        "view_above_policies",
        "shop.seen",
        "CREATE VIEW shop.seen AS SELECT * FROM shop.orders",
    ),
    (
        "view_above_policies",
        "shop.\"Over View\"",
        "CREATE VIEW shop.seen WITH (security_invoker, security_barrier) AS SELECT * FROM shop.orders\nCREATE VIEW shop.\"Over View\" AS SELECT * FROM shop.seen",
    ),
    (
        "view_plain",
        "shop.seen",
        "CREATE VIEW shop.seen AS SELECT * FROM shop.orders\nALTER VIEW shop.seen OWNER TO app_owner",
    ),
    (
        "materialized_view",
        "shop.stored",
        "CREATE MATERIALIZED VIEW shop.stored AS SELECT * FROM shop.orders",
    ),
    (
        "rule",
        "copied on shop.orders",
        "CREATE RULE copied AS ON DELETE TO shop.orders DO ALSO SELECT 1",
    ),
    (
        "rule",
        "other on shop.notes",
        "CREATE TABLE shop.notes (id integer)\nCREATE RULE other AS ON INSERT TO shop.notes DO ALSO DELETE FROM shop.orders",
    ),
    (
        "trigger",
        "watch on shop.orders",
        "CREATE FUNCTION shop.watch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'\nCREATE TRIGGER watch BEFORE INSERT ON shop.orders FOR EACH ROW EXECUTE FUNCTION shop.watch()",
    ),
    // Audit columns and protected actions.
    (
        "tracking_off",
        "shop.orders",
        "SELECT vpd.track_changes('shop.orders')\nALTER TABLE shop.orders DISABLE TRIGGER zzz_vpd_track_changes",
    ),
    (
        "tracking_off",
        "shop.orders",
        "SELECT vpd.track_changes('shop.orders')\nALTER EVENT TRIGGER vpd_follow_drop DISABLE\nDROP TRIGGER zzz_vpd_track_changes ON shop.orders\nALTER EVENT TRIGGER vpd_follow_drop ENABLE",
    ),
    (
        "tracking_off",
        "shop.part",
        "CREATE TABLE shop.parts (id integer) PARTITION BY LIST (id)\nCREATE TABLE shop.part PARTITION OF shop.parts DEFAULT\nSELECT vpd.track_changes('shop.parts')\nALTER TABLE shop.part ENABLE REPLICA TRIGGER zzz_vpd_track_changes",
    ),
    (
        "trigger_after_tracking",
        "zzzz on shop.orders",
        "SELECT vpd.track_changes('shop.orders')\nCREATE FUNCTION shop.watch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'\nCREATE TRIGGER zzzz BEFORE UPDATE ON shop.orders FOR EACH ROW EXECUTE FUNCTION shop.watch()",
    ),
    (
        "action_unprotected",
        "shop.orders",
        "SELECT vpd.define_resource('order')\nSELECT vpd.define_privilege('order:approve')\nSELECT vpd.protect_action('shop.orders', NULL, 'order:approve', 'region', 'West')\nALTER TABLE shop.orders DISABLE TRIGGER USER",
    ),
    (
        "action_unprotected",
        "shop.orders",
        "SELECT vpd.define_resource('order')\nSELECT vpd.define_privilege('order:approve')\nSELECT vpd.protect_action('shop.orders', NULL, 'order:approve', 'region', 'West')\nALTER EVENT TRIGGER vpd_follow_drop DISABLE\nDROP TRIGGER aaa_vpd_protect_action ON shop.orders\nALTER EVENT TRIGGER vpd_follow_drop ENABLE",
    ),
    // Functions.
    (
        "definer_function",
        "shop.f(a integer)",
        "CREATE FUNCTION shop.f(a integer) RETURNS bigint LANGUAGE sql SECURITY DEFINER BEGIN ATOMIC SELECT count(*) FROM shop.orders; END",
    ),
    (
        "definer_function",
        "shop.f()",
        "CREATE FUNCTION shop.f() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN RETURN (SELECT count(*) FROM shop.orders); END'",
    ),
    (
        "definer_function",
        "shop.f()",
        "SELECT vpd.grant_exempt('app_stranger', 'test', 'shop.orders')\nCREATE FUNCTION shop.f() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM shop.orders'\nALTER FUNCTION shop.f OWNER TO app_stranger",
    ),
    (
        "leakproof_function",
        "shop.f(integer)",
        "CREATE FUNCTION shop.f(integer) RETURNS boolean LANGUAGE sql LEAKPROOF AS 'SELECT true'",
    ),
    (
        "parallel_safe_function",
        "shop.f()",
        "CREATE FUNCTION shop.f() RETURNS boolean LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$BEGIN RETURN vpd.user_in_role('x'); END$$",
    ),
    (
        "parallel_safe_function",
        "shop.f()",
        "CREATE FUNCTION shop.f() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE RETURN vpd.user_name() IS NULL",
    ),
    (
        "parallel_safe_function",
        "shop.f()",
        "CREATE FUNCTION shop.f() RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE AS 'SELECT count(*) FROM shop.orders'",
    ),
    (
        "parallel_safe_function",
        "shop.f()",
        "CREATE FUNCTION shop.f() RETURNS boolean LANGUAGE plpgsql STABLE PARALLEL SAFE AS 'BEGIN RETURN true; END'\nSELECT vpd.add_policy('shop.orders', 'f', 'shop.f()')",
    ),
    (
        "untrusted_function",
        "shop.f()",
        "CREATE FUNCTION shop.f() RETURNS boolean LANGUAGE c AS '$libdir/pg_vpd', 'guard_wrapper'",
    ),
    (
        "policy_function_owner",
        "shop.pf(text, text)",
        "CREATE FUNCTION shop.pf(text, text) RETURNS text LANGUAGE sql AS $$SELECT 'true'$$\nALTER FUNCTION shop.pf OWNER TO app_owner\nSELECT vpd.add_policy('shop.orders', 'f', policy_function => 'shop.pf')",
    ),
    (
        "policy_function_path",
        "shop.pf(text, text)",
        "CREATE FUNCTION shop.pf(text, text) RETURNS text LANGUAGE sql AS $$SELECT 'true'$$\nSELECT vpd.add_policy('shop.orders', 'f', policy_function => 'shop.pf')",
    ),
    (
        "policy_function_public",
        "shop.pf(text, text)",
        "CREATE FUNCTION shop.pf(text, text) RETURNS text LANGUAGE sql AS $$SELECT 'true'$$\nSELECT vpd.add_policy('shop.orders', 'f', policy_function => 'shop.pf')",
    ),
    (
        "policy_function_volatile",
        "shop.pf(text, text)",
        "CREATE FUNCTION shop.pf(text, text) RETURNS text LANGUAGE sql AS $$SELECT 'true'$$\nSELECT vpd.add_policy('shop.orders', 'f', policy_function => 'shop.pf')",
    ),
    // Policies.
    (
        "only_disabled_policies",
        "shop.orders",
        "SELECT vpd.enable_policy('shop.orders', 'by_region', false)",
    ),
    (
        "disabled_policy",
        "\"It's off\" on shop.orders",
        "SELECT vpd.add_policy('shop.orders', 'It''s off', 'true', enabled => false)",
    ),
    (
        "select_not_covered",
        "shop.orders",
        "SELECT vpd.alter_policy('shop.orders', 'by_region', statement_types => '{insert}')",
    ),
    (
        "new_rows_unchecked",
        "by_region on shop.orders",
        "SELECT vpd.alter_policy('shop.orders', 'by_region', update_check => false)",
    ),
    (
        "policy_function_missing",
        "f on shop.orders",
        "CREATE FUNCTION shop.pf(text, text) RETURNS text LANGUAGE sql AS $$SELECT 'true'$$\nSELECT vpd.add_policy('shop.orders', 'f', policy_function => 'shop.pf')\nDROP FUNCTION shop.pf",
    ),
    (
        "static_reads_context",
        "f on shop.orders",
        "CREATE FUNCTION shop.pf(text, text) RETURNS text LANGUAGE sql AS $$SELECT 'id > ' || length(vpd.user_name())$$\nSELECT vpd.add_policy('shop.orders', 'f', policy_function => 'shop.pf', kind => 'static')",
    ),
    (
        "predicate_without_index",
        "by_region on shop.orders",
        "UPDATE pg_class SET reltuples = 100000 WHERE oid = 'shop.orders'::regclass",
    ),
    (
        "predicate_schema_open",
        "lookup.areas",
        "CREATE SCHEMA lookup AUTHORIZATION app_stranger\nCREATE TABLE lookup.areas (region text)\nSELECT vpd.add_policy('shop.orders', 'known', 'EXISTS (SELECT FROM lookup.areas a WHERE a.region = orders.region)')",
    ),
    (
        "predicate_schema_open",
        "lookup.permits(region text)",
        "CREATE SCHEMA lookup AUTHORIZATION app_stranger\nCREATE FUNCTION lookup.permits(region text) RETURNS boolean LANGUAGE sql STABLE AS 'SELECT true'\nSELECT vpd.add_mask('shop.orders', 'amount', '0', 'lookup.permits(region)')",
    ),
    (
        "predicate_schema_open",
        "\"Look\".up(text, text)",
        "CREATE SCHEMA \"Look\" AUTHORIZATION app_stranger\nCREATE FUNCTION \"Look\".up(text, text) RETURNS text LANGUAGE sql STABLE AS 'SELECT NULL::text'\nSELECT vpd.add_policy('shop.orders', 'f', policy_function => '\"Look\".up')",
    ),
    // Privileges.
    (
        "public_creates",
        "public",
        "GRANT CREATE ON SCHEMA public TO PUBLIC",
    ),
    ("public_temporary_objects", "posture", ""),
    (
        "private_table_granted",
        "vpd_private.policy to app_user",
        "GRANT SELECT ON vpd_private.policy TO app_user",
    ),
    (
        "profile_function_public",
        "vpd.end_all_sessions(reason text)",
        "GRANT EXECUTE ON FUNCTION vpd.end_all_sessions TO PUBLIC",
    ),
];

/// What a database with one protected table must show, and no more.
const CLEAN: &[(&str, &str)] = &[
    ("info", "not_checked"),
    ("info", "public_temporary_objects"),
    ("info", "superuser"),
    ("info", "unique_key"),
    ("low", "owner_ddl"),
];

const UNDO: &str = "
ALTER SYSTEM RESET vpd.null_predicate
ALTER SYSTEM RESET log_min_duration_statement
ALTER SYSTEM RESET log_parameter_max_length
SELECT pg_reload_conf()
SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots";

fn run(client: &mut Client, script: &str) -> Result<()> {
    for statement in script.lines().filter(|line| !line.trim().is_empty()) {
        client
            .batch_execute(statement)
            .map_err(|error| format!("{statement}: {error:?}"))?;
    }
    Ok(())
}

/// The report, as the auditor reads it: finding and object, with severity and remedy.
fn report(admin: &mut Client) -> Result<Vec<[String; 4]>> {
    admin.batch_execute("SET ROLE app_auditor")?;
    let rows = admin.query("SELECT finding, object, severity, remedy FROM vpd.posture()", &[])?;
    admin.batch_execute("RESET ROLE")?;
    Ok(rows
        .iter()
        .map(|row| std::array::from_fn(|column| row.get(column)))
        .collect())
}

fn find<'a>(report: &'a [[String; 4]], finding: &str, object: &str) -> Option<&'a [String; 4]> {
    report.iter().find(|row| row[0] == finding && row[1] == object)
}

/// A database named posture with one protected table, as it should be.
fn set_up(cluster: &Cluster) -> Result<()> {
    cluster
        .connect("postgres", "postgres")?
        .batch_execute("CREATE DATABASE posture")?;
    let mut admin = cluster.connect("postgres", "posture")?;
    admin.batch_execute("CREATE EXTENSION pg_vpd CASCADE")?;
    for (profile, role) in [
        ("runtime", role::USER),
        ("bridge", role::BRIDGE),
        ("security_admin", role::SECURITY),
        ("auditor", role::AUDITOR),
    ] {
        admin.execute(
            "SELECT vpd.grant_profile($1, $2::text::regrole)",
            &[&profile, &role],
        )?;
    }
    admin.batch_execute(
        "CREATE SCHEMA shop AUTHORIZATION app_owner; SET ROLE app_owner;
         CREATE TABLE shop.orders (id integer PRIMARY KEY, region text NOT NULL, amount integer NOT NULL);
         INSERT INTO shop.orders SELECT n, 'East', n FROM generate_series(1, 40) n;
         GRANT SELECT ON shop.orders TO app_user; RESET ROLE; ANALYZE shop.orders",
    )?;
    Ok(add_policy(&mut admin, "shop.orders", "by_region", BY_REGION)?)
}

#[test]
fn every_weakness_is_found_and_mended_by_its_remedy() -> Result<()> {
    let cluster = Cluster::start(&Extension::debug()?, Library::Preloaded, "wal_level = logical")?;
    set_up(&cluster)?;
    let mut admin = cluster.connect("postgres", "posture")?;
    let mut failures = vec![];
    for weakness in WEAKNESSES {
        let (finding, object, makes) = weakness;
        // What the whole server does cannot be rolled back; the rest is.
        let is_of_server = makes.contains("ALTER SYSTEM") || makes.contains("replication_slot");
        if !is_of_server {
            admin.batch_execute("BEGIN")?;
        }
        if !makes.is_empty() && find(&report(&mut admin)?, finding, object).is_some() {
            failures.push(format!("{finding} on {object}: found before it was made"));
        }
        run(&mut admin, makes)?;
        failures.extend(mend(&mut admin, finding, object)?);
        if is_of_server {
            run(&mut admin, UNDO)?;
        } else {
            admin.batch_execute("ROLLBACK")?;
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    Ok(())
}

/// Looks for a finding, runs its remedy, looks again; returns what went wrong.
fn mend(admin: &mut Client, finding: &str, object: &str) -> Result<Option<String>> {
    let before = wait(admin, finding, object, true)?;
    let Some(row) = find(&before, finding, object) else {
        return Ok(Some(format!("{finding} on {object}: not found in {before:?}")));
    };
    for statement in row[3].split("; ") {
        admin
            .batch_execute(statement)
            .map_err(|error| format!("{finding} on {object}: {statement}: {error:?}"))?;
    }
    let after = wait(admin, finding, object, false)?;
    if let Some(failed) = after.iter().chain(&before).find(|row| row[0] == "check_failed") {
        return Ok(Some(format!("{failed:?}")));
    }
    Ok(find(&after, finding, object).map(|_| format!("{finding} on {object}: still there after {}", row[3])))
}

/// The report once it says what is expected; a reload of the configuration takes a moment.
fn wait(admin: &mut Client, finding: &str, object: &str, is_expected: bool) -> Result<Vec<[String; 4]>> {
    let mut found = Ok(Vec::new());
    // In vain, it is the report that tells what is wrong.
    let _came = until_within(Duration::from_secs(2), "it is reported or gone", || {
        found = report(admin);
        let is_over = |found: &Vec<_>| find(found, finding, object).is_some() == is_expected;
        Ok(found.as_ref().map_or(true, is_over))
    });
    found
}

#[test]
fn a_sound_database_shows_what_it_must_and_no_more() -> Result<()> {
    let cluster = Cluster::start(&Extension::debug()?, Library::Preloaded, "")?;
    set_up(&cluster)?;
    let found: BTreeSet<(String, String)> = report(&mut cluster.connect("postgres", "posture")?)?
        .into_iter()
        .map(|row| (row[2].clone(), row[0].clone()))
        .collect();
    let expected = CLEAN
        .iter()
        .map(|(severity, finding)| (severity.to_string(), finding.to_string()))
        .collect();
    assert_eq!(found, expected);
    Ok(())
}

#[test]
fn a_server_without_the_library_says_so() -> Result<()> {
    let mut cluster = Cluster::start(&Extension::debug()?, Library::Preloaded, "")?;
    set_up(&cluster)?;
    let found = report(&mut cluster.connect("postgres", "posture")?)?;
    assert!(find(&found, "library_not_preloaded", "server").is_none());
    cluster.restart(Library::NotPreloaded)?;
    let found = report(&mut cluster.connect("postgres", "posture")?)?;
    let row = find(&found, "library_not_preloaded", "server").ok_or("not found")?;
    assert_eq!(row[2], "critical");
    assert!(row[3].starts_with("ALTER SYSTEM SET shared_preload_libraries = 'pg_vpd';"));
    assert!(find(&found, "unique_key", "shop.orders").is_some(), "{found:?}");
    Ok(())
}

#[test]
fn the_worst_comes_first_and_applications_do_not_read_it() -> Result<()> {
    let database = Database::create()?;
    create_orders(&database)?;
    database
        .admin()?
        .batch_execute("GRANT INSERT ON vpd_private.policy TO app_user")?;
    let rows = database
        .connect(role::SECURITY)?
        .query("SELECT severity FROM vpd.posture()", &[])?;
    let order = ["critical", "high", "medium", "low", "info"];
    let ranks: Vec<usize> = rows
        .iter()
        .filter_map(|row| {
            order
                .iter()
                .position(|severity| *severity == row.get::<_, &str>(0))
        })
        .collect();
    assert_eq!(ranks.len(), rows.len());
    assert!(ranks.is_sorted());
    assert_eq!(ranks[0], 0);
    assert_denied_to_all_but(
        &database,
        &[role::SECURITY, role::AUDITOR],
        &["SELECT * FROM vpd.posture()"],
    )?;
    Ok(())
}
