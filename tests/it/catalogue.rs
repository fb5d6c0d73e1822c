//! The extension as the catalogue shows it: described, labelled, pinned to a safe search path.

use vpd_tests::{Database, Result};

/// Objects of the extension that lack something; each query returns the names of offenders.
fn offenders(query: &str) -> Result<Vec<String>> {
    let database = Database::create()?;
    Ok(database
        .admin()?
        .query(query, &[])?
        .iter()
        .map(|row| row.get(0))
        .collect())
}

/// Functions of the extension, as a common table expression.
const FUNCTIONS: &str = "WITH f AS (
    SELECT p.*, p.oid::regprocedure::text AS signature
      FROM pg_proc p JOIN pg_depend d ON d.objid = p.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
      JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'pg_vpd')";

#[test]
fn every_object_is_described() -> Result<()> {
    let bare = offenders(
        "SELECT pg_describe_object(d.classid, d.objid, d.objsubid)
           FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'pg_vpd' AND d.deptype = 'e'
          WHERE d.classid IN ('pg_proc'::regclass, 'pg_class'::regclass, 'pg_namespace'::regclass, 'pg_type'::regclass)
            AND NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = d.objid AND c.relkind IN ('i', 'S', 't'))
            AND NOT EXISTS (SELECT FROM pg_type t WHERE t.oid = d.objid AND (t.typrelid <> 0 OR t.typelem <> 0))
            AND coalesce(obj_description(d.objid, d.classid::regclass::name), '') = ''",
    )?;
    assert!(bare.is_empty(), "{bare:?}");
    Ok(())
}

#[test]
fn every_column_of_a_table_or_view_is_described() -> Result<()> {
    let bare = offenders(
        "SELECT c.oid::regclass || '.' || a.attname
           FROM pg_class c
           JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
           JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'pg_vpd'
           JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
          WHERE c.relkind IN ('r', 'p', 'v', 'm', 'c')
            AND coalesce(col_description(c.oid, a.attnum), '') = ''",
    )?;
    assert!(bare.is_empty(), "{bare:?}");
    Ok(())
}

#[test]
fn definer_functions_pin_the_search_path() -> Result<()> {
    let unpinned = offenders(&format!(
        "{FUNCTIONS} SELECT signature FROM f
          WHERE prosecdef AND (proconfig IS NULL OR NOT 'search_path=pg_catalog, pg_temp' = ANY (proconfig))"
    ))?;
    assert!(unpinned.is_empty(), "{unpinned:?}");
    Ok(())
}

#[test]
fn readers_are_stable_and_never_run_in_a_parallel_worker() -> Result<()> {
    let wrong = offenders(&format!(
        "{FUNCTIONS} SELECT signature FROM f WHERE proname IN
            ('user_name', 'session_id', 'app_name', 'pillar', 'audit_identity', 'acting_for', 'is_established',
             'is_authenticated', 'attribute', 'attribute_list', 'user_in_role', 'user_in_all_roles', 'has_privilege',
             'has_resource', 'sees_node', 'visible_keys', 'sys_context', 'current_session', 'list_context', 'actor_chain', 'may_reassign', 'session_privileges')
            AND NOT (provolatile = 's' AND proparallel = 'r' AND NOT prosecdef)"
    ))?;
    assert!(wrong.is_empty(), "{wrong:?}");
    Ok(())
}

#[test]
fn only_markers_and_masks_are_immutable_and_nothing_is_leakproof() -> Result<()> {
    let immutable = offenders(&format!(
        "{FUNCTIONS} SELECT DISTINCT proname::text FROM f
          WHERE provolatile = 'i' AND pronamespace NOT IN ('dbms_fga'::regnamespace, 'dbms_rls'::regnamespace)
            AND proname NOT IN ('mask_bucket', 'mask_partial', 'mask_year') ORDER BY 1"
    ))?;
    assert_eq!(
        immutable,
        [
            "context_marker",
            "guard",
            "hierarchy_marker",
            "mask_marker",
            "permitted",
            "relevant",
            "sealed_cmp",
            "sealed_hash",
            "sealed_hash_extended",
            "statement_marker"
        ]
    );
    let leakproof = offenders(&format!("{FUNCTIONS} SELECT signature FROM f WHERE proleakproof"))?;
    assert!(leakproof.is_empty(), "{leakproof:?}");
    Ok(())
}

#[test]
fn what_changes_something_is_volatile_and_unsafe_in_parallel() -> Result<()> {
    let wrong = offenders(&format!(
        "{FUNCTIONS} SELECT signature FROM f
          WHERE proname ~ '^(assume|clear|create|define|disable|mark|attach|detach|end|issue|redeem|record|validate|ack|add|alter|enable|refresh|drop|register|set|purge|grant|revoke|reset)'
            AND proname NOT IN ('purge_interval', 'add_attribute_association', 'issuer_name') AND NOT (provolatile = 'v' AND proparallel = 'u')"
    ))?;
    assert!(wrong.is_empty(), "{wrong:?}");
    Ok(())
}

#[test]
fn the_list_of_policies_fits_a_terminal() -> Result<()> {
    let database = vpd_tests::protected_orders()?;
    let row = database.admin()?.query_one(
        "SELECT sum(width + 3)::integer FROM (
            SELECT greatest(length(key), max(length(value))) AS width
              FROM vpd.policies p, jsonb_each_text(to_jsonb(p)) GROUP BY key) columns",
        &[],
    )?;
    let width: i32 = row.get(0);
    assert!(width <= 120, "{width}");
    Ok(())
}

#[test]
fn settings_have_a_reserved_prefix_and_descriptions() -> Result<()> {
    let database = Database::create()?;
    let mut user = database.connect(vpd_tests::role::USER)?;
    let bare = "SELECT name FROM pg_settings WHERE name LIKE 'vpd.%' AND coalesce(short_desc, '') = ''";
    assert!(user.query(bare, &[])?.is_empty());
    assert!(user.batch_execute("SET vpd.no_such_setting = 'x'").is_err());
    Ok(())
}
