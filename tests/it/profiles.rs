//! Who may execute what. The lists here are written by hand and compared with the server's, exactly.

use std::collections::BTreeSet;

use vpd_tests::{Database, Result, assert_denied_to_all_but, assert_refused, refusal, role};

/// What anybody may execute: each tells a session about itself, is always true, always refuses, asks who is calling, or masks what
/// it is given.
const PUBLIC: &[&str] = &[
    "dbms_session.clear_all_context",
    "dbms_session.clear_context",
    "dbms_session.list_context",
    "dbms_session.set_context",
    "vpd.acting_for",
    "vpd.actor_chain",
    "vpd.app_name",
    "vpd.attribute",
    "vpd.attribute_list",
    "vpd.audit_identity",
    "vpd.can_act",
    "vpd.can_see",
    "vpd.current_session",
    "vpd.guard",
    "vpd.has_privilege",
    "vpd.has_resource",
    "vpd.is_authenticated",
    "vpd.is_established",
    "vpd.mask_bucket",
    "vpd.mask_hash",
    "vpd.mask_partial",
    "vpd.mask_year",
    "vpd.may_reassign",
    "vpd.pillar",
    "vpd.seal",
    "vpd.sealed_anew",
    "vpd.sealed_differs",
    "vpd.sealed_is_about",
    "vpd.sealed_mask",
    "vpd.sealed_opened",
    "vpd.sealed_version",
    "vpd.sees_node",
    "vpd.unseal",
    "vpd.session_id",
    "vpd.sys_context",
    "vpd.task_actions",
    "vpd.user_in_all_roles",
    "vpd.user_in_role",
    "vpd.user_name",
    "vpd.visible_content",
    "vpd_private.audited",
    "vpd_private.context_marker",
    "vpd_private.mask_violated",
    "vpd_private.permitted",
    "vpd_private.policy_violated",
    "vpd_private.protect_action",
    "vpd_private.relevant",
    "vpd_private.seal_for_person",
    "vpd_private.sealed_bytea_in",
    "vpd_private.sealed_bytea_sought",
    "vpd_private.sealed_bytea_stored",
    "vpd_private.sealed_coerce",
    "vpd_private.sealed_date_in",
    "vpd_private.sealed_date_sought",
    "vpd_private.sealed_date_stored",
    "vpd_private.sealed_eq",
    "vpd_private.sealed_ge",
    "vpd_private.sealed_gt",
    "vpd_private.sealed_jsonb_in",
    "vpd_private.sealed_jsonb_sought",
    "vpd_private.sealed_jsonb_stored",
    "vpd_private.sealed_le",
    "vpd_private.sealed_lt",
    "vpd_private.sealed_ne",
    "vpd_private.sealed_numeric_in",
    "vpd_private.sealed_numeric_sought",
    "vpd_private.sealed_numeric_stored",
    "vpd_private.sealed_open",
    "vpd_private.sealed_out",
    "vpd_private.sealed_tagged",
    "vpd_private.sealed_text_in",
    "vpd_private.sealed_text_sought",
    "vpd_private.sealed_text_stored",
    "vpd_private.sealed_unordered",
    "vpd_private.statement_marker",
    "vpd_private.track_changes",
    "vpd_private.visible_keys",
];

/// What each profile adds: functions, then views.
const PROFILES: &[(&str, &[&str], &[&str])] = &[
    (
        role::USER,
        &[
            "vpd.approve_sod_exception",
            "vpd.assume_role",
            "vpd.attach_anonymous",
            "vpd.attach_session",
            "vpd.detach_session",
            "vpd.direct_reports",
            "vpd.effective_predicate",
            "vpd.end_own_session",
            "vpd.is_masked",
            "vpd.issuer_name",
            "vpd.manager_chain",
            "vpd.public_keys",
            "vpd.record_action",
            "vpd.request_sod_exception",
            "vpd.session_privileges",
            "vpd.set_audit_identity",
            "vpd.sign_identity",
            "vpd.visible_nodes",
        ],
        &["vpd.my_sessions", "vpd.session_context"],
    ),
    (
        role::BRIDGE,
        &[
            "vpd.ack_message",
            "vpd.attach_session",
            "vpd.browse_queue",
            "vpd.create_session",
            "vpd.create_session_from_token",
            "vpd.create_session_on_behalf",
            "vpd.detach_session",
            "vpd.end_own_session",
            "vpd.end_session",
            "vpd.issue_ticket",
            "vpd.issuer_name",
            "vpd.log_out",
            "vpd.log_out_from_token",
            "vpd.public_keys",
            "vpd.record_consent",
            "vpd.record_message",
            "vpd.redeem_ticket",
            "vpd.session_privileges",
            "vpd.sign_identity",
            "vpd.validate_message",
        ],
        &[
            "vpd.alarm_counts",
            "vpd.apps",
            "vpd.issuer_keys",
            "vpd.issuers",
            "vpd.my_sessions",
        ],
    ),
    (
        role::WEB,
        &[
            "vpd.ack_message",
            "vpd.attach_session",
            "vpd.browse_queue",
            "vpd.create_session_from_token",
            "vpd.create_session_on_behalf",
            "vpd.detach_session",
            "vpd.end_own_session",
            "vpd.end_session",
            "vpd.issue_ticket",
            "vpd.issuer_name",
            "vpd.log_out",
            "vpd.log_out_from_token",
            "vpd.public_keys",
            "vpd.sign_identity",
            "vpd.record_consent",
            "vpd.record_message",
            "vpd.redeem_ticket",
            "vpd.session_privileges",
            "vpd.validate_message",
        ],
        &[
            "vpd.alarm_counts",
            "vpd.apps",
            "vpd.issuer_keys",
            "vpd.issuers",
            "vpd.my_sessions",
        ],
    ),
    (
        role::KEYS,
        &["vpd.set_issuer_keys", "vpd.unknown_keys"],
        &["vpd.issuer_keys", "vpd.issuers"],
    ),
    (
        role::SECURITY,
        &[
            "dbms_fga.add_policy",
            "dbms_fga.all_columns",
            "dbms_fga.any_columns",
            "dbms_fga.db",
            "dbms_fga.db_extended",
            "dbms_fga.disable_policy",
            "dbms_fga.drop_policy",
            "dbms_fga.enable_policy",
            "dbms_fga.extended",
            "dbms_fga.xml",
            "dbms_rls.add_attribute_association",
            "dbms_rls.add_grouped_policy",
            "dbms_rls.add_policy",
            "dbms_rls.add_policy_context",
            "dbms_rls.all_rows",
            "dbms_rls.alter_grouped_policy",
            "dbms_rls.alter_policy",
            "dbms_rls.context_sensitive",
            "dbms_rls.create_policy_group",
            "dbms_rls.delete_policy_group",
            "dbms_rls.disable_grouped_policy",
            "dbms_rls.drop_grouped_policy",
            "dbms_rls.drop_policy",
            "dbms_rls.drop_policy_context",
            "dbms_rls.dynamic",
            "dbms_rls.enable_grouped_policy",
            "dbms_rls.enable_policy",
            "dbms_rls.refresh_grouped_policy",
            "dbms_rls.refresh_policy",
            "dbms_rls.remove_attribute_association",
            "dbms_rls.shared_context_sensitive",
            "dbms_rls.shared_static",
            "dbms_rls.static",
            "vpd.add_mask",
            "vpd.add_audit_policy",
            "vpd.drop_audit_policy",
            "vpd.enable_audit_policy",
            "vpd.audit_status",
            "vpd.set_audit_retention",
            "vpd.add_policy",
            "vpd.add_policy_context",
            "vpd.alter_issuer",
            "vpd.alter_mask",
            "vpd.alter_policy",
            "vpd.approve_sod_exception",
            "vpd.associate_policy",
            "vpd.audit_pseudonym",
            "vpd.begin_load",
            "vpd.create_context",
            "vpd.create_key",
            "vpd.rotate_key",
            "vpd.destroy_key",
            "vpd.count_key_usage",
            "vpd.export_person",
            "vpd.find_personal_data",
            "vpd.forget_person",
            "vpd.name_person",
            "vpd.reseal",
            "vpd.reseal_batch",
            "vpd.reseal_in_background",
            "vpd.rewrap_keys",
            "vpd.seal_column",
            "vpd.unseal_column",
            "vpd.create_policy_group",
            "vpd.define_data_group",
            "vpd.define_data_role_template",
            "vpd.define_duty",
            "vpd.define_entitlement",
            "vpd.define_group",
            "vpd.define_hierarchy",
            "vpd.define_node",
            "vpd.define_privilege",
            "vpd.define_resource",
            "vpd.define_role",
            "vpd.define_sod_rule",
            "vpd.define_source",
            "vpd.define_task_action",
            "vpd.define_task_content",
            "vpd.define_task_type",
            "vpd.define_unit",
            "vpd.define_user",
            "vpd.direct_reports",
            "vpd.disable_user",
            "vpd.distrust_issuer",
            "vpd.drop_app",
            "vpd.drop_authority",
            "vpd.drop_context",
            "vpd.drop_data_role_template",
            "vpd.drop_hierarchy",
            "vpd.drop_mask",
            "vpd.drop_node",
            "vpd.drop_policy",
            "vpd.drop_policy_context",
            "vpd.drop_policy_group",
            "vpd.drop_resource",
            "vpd.drop_shadow",
            "vpd.drop_sod_rule",
            "vpd.drop_source",
            "vpd.drop_task_type",
            "vpd.drop_unit",
            "vpd.effective_predicate",
            "vpd.enable_authority",
            "vpd.enable_mask",
            "vpd.enable_policy",
            "vpd.enable_user",
            "vpd.end_all_sessions",
            "vpd.end_session_by_id",
            "vpd.end_user_sessions",
            "vpd.entitlements_at",
            "vpd.erase_pseudonym",
            "vpd.exempt_app",
            "vpd.explain_access",
            "vpd.explain_access_json",
            "vpd.export_definitions",
            "vpd.find_sod_conflicts",
            "vpd.finish_load",
            "vpd.generate_data_roles",
            "vpd.grant_authority",
            "vpd.grant_delegation",
            "vpd.grant_exempt",
            "vpd.grant_node",
            "vpd.import_definitions",
            "vpd.install_catalogue",
            "vpd.install_hierarchies",
            "vpd.is_masked",
            "vpd.issuer_name",
            "vpd.load_csv",
            "vpd.load_levels",
            "vpd.load_nodes",
            "vpd.load_part",
            "vpd.manager_chain",
            "vpd.mark_seeded",
            "vpd.move_node",
            "vpd.policy_counter_usage",
            "vpd.policy_counters",
            "vpd.policy_diff",
            "vpd.policy_predicates",
            "vpd.policy_store_difference",
            "vpd.posture",
            "vpd.promote_policy",
            "vpd.protect_action",
            "vpd.protect_by_hierarchy",
            "vpd.public_keys",
            "vpd.purge",
            "vpd.purge_interval",
            "vpd.record_consent",
            "vpd.refresh_policy",
            "vpd.register_app",
            "vpd.request_sod_exception",
            "vpd.reset_stat_policies",
            "vpd.revoke_app_exemption",
            "vpd.revoke_authority",
            "vpd.revoke_delegation",
            "vpd.revoke_exempt",
            "vpd.revoke_node",
            "vpd.revoke_sod_exception",
            "vpd.rollback_policy",
            "vpd.rotate_signing_key",
            "vpd.set_hierarchy_mode",
            "vpd.set_issuer_name",
            "vpd.set_purge_interval",
            "vpd.shadow_policy",
            "vpd.sod_what_if",
            "vpd.track_changes",
            "vpd.trust_issuer",
            "vpd.unprotect_action",
            "vpd.untrack_changes",
            "vpd.who_can_see",
        ],
        &[
            "vpd.action_records",
            "vpd.alarm_counts",
            "vpd.alarms",
            "vpd.audit_policies",
            "vpd.all_policies",
            "vpd.all_policy_attributes",
            "vpd.all_policy_contexts",
            "vpd.all_policy_groups",
            "vpd.all_sec_relevant_cols",
            "vpd.apps",
            "vpd.authority_changes",
            "vpd.consents",
            "vpd.contexts",
            "vpd.data_group_nodes",
            "vpd.data_groups",
            "vpd.data_role_templates",
            "vpd.dba_audit_policies",
            "vpd.dba_context",
            "vpd.delegations",
            "vpd.duties",
            "vpd.entitlements",
            "vpd.exemptions",
            "vpd.global_context",
            "vpd.grants",
            "vpd.groups",
            "vpd.hierarchies",
            "vpd.hierarchy_exemptions",
            "vpd.hierarchy_nodes",
            "vpd.hierarchy_protections",
            "vpd.issuer_keys",
            "vpd.issuers",
            "vpd.job_runs",
            "vpd.key_usage",
            "vpd.keys",
            "vpd.reseal_progress",
            "vpd.mask_definitions",
            "vpd.masks",
            "vpd.policies",
            "vpd.policy_contexts",
            "vpd.policy_definitions",
            "vpd.policy_groups",
            "vpd.policy_shadows",
            "vpd.policy_versions",
            "vpd.privileges",
            "vpd.protected_actions",
            "vpd.protected_tables",
            "vpd.resources",
            "vpd.roles",
            "vpd.sessions",
            "vpd.signing_keys",
            "vpd.sod_conflicts",
            "vpd.sod_exceptions",
            "vpd.sod_rules",
            "vpd.sources",
            "vpd.stat_policies",
            "vpd.task_types",
            "vpd.tracked_tables",
            "vpd.units",
            "vpd.users",
            "vpd.v$vpd_policy",
        ],
    ),
    (
        role::AUDITOR,
        &[
            "vpd.audit_status",
            "vpd.flush_audit",
            "vpd.verify_audit",
            "vpd.count_key_usage",
            "vpd.direct_reports",
            "vpd.entitlements_at",
            "vpd.explain_access",
            "vpd.explain_access_json",
            "vpd.export_definitions",
            "vpd.find_sod_conflicts",
            "vpd.issuer_name",
            "vpd.manager_chain",
            "vpd.policy_counter_usage",
            "vpd.policy_counters",
            "vpd.policy_predicates",
            "vpd.posture",
            "vpd.pseudonym_owner",
            "vpd.public_keys",
            "vpd.purge_interval",
            "vpd.sod_what_if",
            "vpd.who_can_see",
        ],
        &[
            "vpd.alarm_counts",
            "vpd.alarms",
            "vpd.audit_checkpoints",
            "vpd.audit_export",
            "vpd.audit_policies",
            "vpd.audit_trail",
            "vpd.action_records",
            "vpd.all_policies",
            "vpd.all_policy_attributes",
            "vpd.all_policy_contexts",
            "vpd.all_policy_groups",
            "vpd.all_sec_relevant_cols",
            "vpd.apps",
            "vpd.authority_changes",
            "vpd.consents",
            "vpd.contexts",
            "vpd.data_group_nodes",
            "vpd.data_groups",
            "vpd.data_role_templates",
            "vpd.dba_audit_policies",
            "vpd.dba_context",
            "vpd.dba_fga_audit_trail",
            "vpd.delegations",
            "vpd.duties",
            "vpd.entitlements",
            "vpd.exemptions",
            "vpd.global_context",
            "vpd.grants",
            "vpd.groups",
            "vpd.hierarchies",
            "vpd.hierarchy_exemptions",
            "vpd.hierarchy_nodes",
            "vpd.hierarchy_protections",
            "vpd.issuer_keys",
            "vpd.issuers",
            "vpd.job_runs",
            "vpd.key_usage",
            "vpd.keys",
            "vpd.reseal_progress",
            "vpd.mask_definitions",
            "vpd.masks",
            "vpd.policies",
            "vpd.policy_contexts",
            "vpd.policy_definitions",
            "vpd.policy_groups",
            "vpd.policy_shadows",
            "vpd.policy_versions",
            "vpd.privileges",
            "vpd.protected_actions",
            "vpd.protected_tables",
            "vpd.resources",
            "vpd.roles",
            "vpd.sessions",
            "vpd.signing_keys",
            "vpd.sod_conflicts",
            "vpd.sod_exceptions",
            "vpd.sod_rules",
            "vpd.sources",
            "vpd.stat_policies",
            "vpd.task_types",
            "vpd.tracked_tables",
            "vpd.units",
            "vpd.users",
            "vpd.v$vpd_policy",
        ],
    ),
    (role::STRANGER, &[], &[]),
    (role::OWNER, &[], &[]),
];

const EXECUTABLE: &str = "
SELECT DISTINCT n.nspname || '.' || p.proname
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
  JOIN pg_depend d ON d.objid = p.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
 WHERE d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'pg_vpd')
   AND has_function_privilege($1, p.oid, 'EXECUTE')";

const READABLE: &str = "
SELECT n.nspname || '.' || c.relname
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname IN ('vpd', 'vpd_private') AND c.relkind IN ('r', 'v', 'm', 'p', 'f', 'S')
   AND CASE c.relkind WHEN 'S' THEN has_sequence_privilege($1, c.oid, 'USAGE, SELECT, UPDATE')
       ELSE has_table_privilege($1, c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
         OR has_any_column_privilege($1, c.oid, 'SELECT, INSERT, UPDATE, REFERENCES') END";

fn names(database: &Database<'_>, query: &str, role: &str) -> Result<BTreeSet<String>> {
    Ok(database
        .admin()?
        .query(query, &[&role])?
        .iter()
        .map(|row| row.get(0))
        .collect())
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(ToString::to_string).collect()
}

#[test]
fn each_profile_executes_and_reads_exactly_its_list() -> Result<()> {
    let database = Database::create()?;
    for (role, functions, views) in PROFILES {
        let expected = set(PUBLIC).union(&set(functions)).cloned().collect();
        assert_eq!(names(&database, EXECUTABLE, role)?, expected, "{role} executes");
        assert_eq!(names(&database, READABLE, role)?, set(views), "{role} reads");
    }
    Ok(())
}

#[test]
fn a_profile_taken_back_leaves_what_everybody_has() -> Result<()> {
    let database = Database::create()?;
    let mut admin = database.admin()?;
    let two = "SELECT vpd.revoke_profile('session_creator', $1::text::regrole)";
    admin.execute(two, &[&role::BRIDGE])?;
    for (profile, role) in [
        ("runtime", role::USER),
        ("bridge", role::BRIDGE),
        ("bridge", role::WEB),
        ("key_steward", role::KEYS),
        ("security_admin", role::SECURITY),
        ("auditor", role::AUDITOR),
    ] {
        admin.execute(
            "SELECT vpd.revoke_profile($1, $2::text::regrole)",
            &[&profile, &role],
        )?;
        assert_eq!(names(&database, EXECUTABLE, role)?, set(PUBLIC), "{role}");
        assert!(names(&database, READABLE, role)?.is_empty(), "{role}");
    }
    Ok(())
}

#[test]
fn nobody_but_the_superuser_grants_profiles() -> Result<()> {
    let database = Database::create()?;
    assert_denied_to_all_but(
        &database,
        &[],
        &[
            "SELECT vpd.grant_profile('bridge', 'app_stranger')",
            "SELECT vpd.revoke_profile('bridge', 'app_bridge')",
        ],
    )?;
    Ok(())
}

#[test]
fn profiles_of_the_application_are_refused_to_whoever_is_above_policies() -> Result<()> {
    let database = Database::create()?;
    let mut admin = database.admin()?;
    admin.batch_execute("CREATE ROLE above_policies BYPASSRLS")?;
    for role in ["postgres", "above_policies"] {
        for profile in ["runtime", "bridge", "session_creator", "key_steward"] {
            let grant = admin.execute(
                "SELECT vpd.grant_profile($1, $2::text::regrole)",
                &[&profile, &role],
            );
            assert_refused(grant, "22023", "argument_invalid");
        }
    }
    admin.batch_execute("DROP ROLE above_policies")?;
    Ok(())
}

#[test]
fn unknown_profiles_and_roles_are_told_apart() -> Result<()> {
    let database = Database::create()?;
    let mut admin = database.admin()?;
    let grant = "SELECT vpd.grant_profile($1, $2::text::regrole)";
    assert_refused(
        admin.execute(grant, &[&"root", &role::STRANGER]),
        "22023",
        "argument_invalid",
    );
    for unknown in [
        "no_such_role",
        "app_stranger; DROP SCHEMA vpd CASCADE; --",
        "\"a\".b",
    ] {
        assert!(
            admin.execute(grant, &[&"runtime", &unknown]).is_err(),
            "{unknown}"
        );
    }
    let gone = admin.execute(
        "SELECT vpd.grant_profile('runtime', 4294967294::oid::regrole)",
        &[],
    );
    assert_eq!(refusal(gone).state.code(), "42704");
    Ok(())
}

#[test]
fn nobody_in_particular_gets_no_profile() -> Result<()> {
    let database = Database::create()?;
    let mut admin = database.admin()?;
    for everybody in ["0::oid::regrole", "'-'::regrole"] {
        for profile in [
            "runtime",
            "bridge",
            "session_creator",
            "key_steward",
            "security_admin",
            "auditor",
        ] {
            let grant = format!("SELECT vpd.grant_profile('{profile}', {everybody})");
            assert!(admin.execute(&grant, &[]).is_err(), "{grant}");
        }
    }
    assert_eq!(names(&database, EXECUTABLE, role::STRANGER)?, set(PUBLIC));
    Ok(())
}

#[test]
fn the_private_schema_is_closed() -> Result<()> {
    let database = Database::create()?;
    assert_denied_to_all_but(
        &database,
        &[],
        &[
            "SELECT FROM vpd_private.session",
            "SELECT FROM vpd_private.session_token",
            "SELECT FROM vpd_private.ticket",
            "SELECT FROM vpd_private.message",
            "SELECT FROM vpd_private.queue",
            "SELECT FROM vpd_private.policy",
            "SELECT FROM vpd_private.app",
            "SELECT FROM vpd_private.application_context",
            "SELECT FROM vpd_private.global_context",
            "CREATE TABLE vpd.planted (id integer)",
            "CREATE FUNCTION vpd.planted() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
        ],
    )?;
    Ok(())
}
