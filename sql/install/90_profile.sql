-- Privileges. Nothing may be executed by PUBLIC but the written list below.

CREATE FUNCTION vpd.grant_profile(profile text, role_name regrole) RETURNS void
    LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'grant_profile_wrapper';
COMMENT ON FUNCTION vpd.grant_profile IS
'Grants one of six least-privilege sets to a role of your own: runtime (attach a session, read the own context), bridge (create sessions from tokens of identity providers,
tickets, messages), session_creator (create sessions for any user: for login services that are trusted by decision), key_steward (hand in the keys of identity providers),
security_admin (policies, applications, issuers, ending sessions), auditor (read-only views).
A superuser, and a role with BYPASSRLS, is refused for the first four: policies would not apply to it. Errors: 22023 argument_invalid, 42704 for an unknown role.';

CREATE FUNCTION vpd.revoke_profile(profile text, role_name regrole) RETURNS void
    LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'revoke_profile_wrapper';
COMMENT ON FUNCTION vpd.revoke_profile IS 'Takes a profile back from a role. Errors: 22023 argument_invalid, 42704 for an unknown role.';

INSERT INTO vpd_private.profile_privilege (profile, object) VALUES
    ('runtime', 'attach_session'),
    ('runtime', 'attach_anonymous'),
    ('runtime', 'detach_session'),
    ('runtime', 'end_own_session'),
    ('runtime', 'effective_predicate'),
    ('runtime', 'is_masked'),
    ('runtime', 'my_sessions'),
    ('runtime', 'session_context'),
    ('bridge', 'attach_session'),
    ('bridge', 'detach_session'),
    ('bridge', 'end_session'),
    ('bridge', 'log_out'),
    ('bridge', 'end_own_session'),
    ('bridge', 'issue_ticket'),
    ('bridge', 'redeem_ticket'),
    ('bridge', 'record_message'),
    ('bridge', 'validate_message'),
    ('bridge', 'browse_queue'),
    ('bridge', 'ack_message'),
    ('bridge', 'my_sessions'),
    ('bridge', 'apps'),
    ('security_admin', 'register_app'),
    ('security_admin', 'drop_app'),
    ('security_admin', 'add_policy'),
    ('security_admin', 'alter_policy'),
    ('security_admin', 'enable_policy'),
    ('security_admin', 'refresh_policy'),
    ('security_admin', 'drop_policy'),
    ('security_admin', 'associate_policy'),
    ('security_admin', 'shadow_policy'),
    ('security_admin', 'drop_shadow'),
    ('security_admin', 'promote_policy'),
    ('security_admin', 'rollback_policy'),
    ('security_admin', 'policy_diff'),
    ('security_admin', 'create_policy_group'),
    ('security_admin', 'drop_policy_group'),
    ('security_admin', 'add_policy_context'),
    ('security_admin', 'drop_policy_context'),
    ('security_admin', 'grant_exempt'),
    ('security_admin', 'revoke_exempt'),
    ('security_admin', 'exemptions'),
    ('security_admin', 'add_mask'),
    ('security_admin', 'alter_mask'),
    ('security_admin', 'enable_mask'),
    ('security_admin', 'drop_mask'),
    ('security_admin', 'is_masked'),
    ('security_admin', 'effective_predicate'),
    ('security_admin', 'create_context'),
    ('security_admin', 'drop_context'),
    ('security_admin', 'contexts'),
    ('security_admin', 'end_session_by_id'),
    ('security_admin', 'end_user_sessions'),
    ('security_admin', 'end_all_sessions'),
    ('security_admin', 'purge'),
    ('security_admin', 'set_purge_interval'),
    ('security_admin', 'purge_interval'),
    ('security_admin', 'apps'),
    ('security_admin', 'policies'),
    ('security_admin', 'policy_definitions'),
    ('security_admin', 'policy_groups'),
    ('security_admin', 'policy_contexts'),
    ('security_admin', 'policy_versions'),
    ('security_admin', 'policy_shadows'),
    ('security_admin', 'masks'),
    ('security_admin', 'mask_definitions'),
    ('security_admin', 'protected_tables'),
    ('security_admin', 'sessions'),
    ('security_admin', 'job_runs'),
    ('security_admin', 'stat_policies'),
    ('security_admin', 'posture'),
    ('security_admin', 'all_policies'),
    ('security_admin', 'all_policy_groups'),
    ('security_admin', 'all_policy_contexts'),
    ('security_admin', 'all_policy_attributes'),
    ('security_admin', 'all_sec_relevant_cols'),
    ('security_admin', 'dba_context'),
    ('security_admin', 'global_context'),
    ('security_admin', 'v$vpd_policy'),
    ('security_admin', 'explain_access'),
    ('security_admin', 'explain_access_json'),
    ('security_admin', 'policy_predicates'),
    ('security_admin', 'policy_counters'),
    ('security_admin', 'policy_counter_usage'),
    ('security_admin', 'reset_stat_policies'),
    ('auditor', 'apps'),
    ('auditor', 'exemptions'),
    ('auditor', 'contexts'),
    ('auditor', 'policies'),
    ('auditor', 'policy_definitions'),
    ('auditor', 'policy_groups'),
    ('auditor', 'policy_contexts'),
    ('auditor', 'policy_versions'),
    ('auditor', 'policy_shadows'),
    ('auditor', 'masks'),
    ('auditor', 'mask_definitions'),
    ('auditor', 'protected_tables'),
    ('auditor', 'sessions'),
    ('auditor', 'job_runs'),
    ('auditor', 'stat_policies'),
    ('auditor', 'posture'),
    ('auditor', 'all_policies'),
    ('auditor', 'all_policy_groups'),
    ('auditor', 'all_policy_contexts'),
    ('auditor', 'all_policy_attributes'),
    ('auditor', 'all_sec_relevant_cols'),
    ('auditor', 'dba_context'),
    ('auditor', 'global_context'),
    ('auditor', 'v$vpd_policy'),
    ('auditor', 'explain_access'),
    ('auditor', 'explain_access_json'),
    ('auditor', 'policy_predicates'),
    ('auditor', 'policy_counters'),
    ('auditor', 'policy_counter_usage'),
    ('auditor', 'purge_interval');

INSERT INTO vpd_private.profile_privilege (profile, object)
SELECT DISTINCT 'security_admin', n.nspname || '.' || f.proname
  FROM pg_proc f
  JOIN pg_namespace n ON n.oid = f.pronamespace
 WHERE n.nspname IN ('dbms_fga', 'dbms_rls');

REVOKE ALL ON ALL TABLES IN SCHEMA vpd, vpd_private FROM PUBLIC;
REVOKE ALL ON ALL ROUTINES IN SCHEMA vpd, vpd_private, dbms_session, dbms_fga, dbms_rls FROM PUBLIC;

-- The allow list. Predicates call these as whoever runs the statement; each tells a session about itself, is always true, always
-- refuses, or makes a mask of the value it is given. The trigger functions are among them because a partition gets the triggers of its
-- parent when its owner makes it; nobody but a superuser can name them.
GRANT EXECUTE ON FUNCTION
    vpd.user_name(),
    vpd.session_id(),
    vpd.app_name(),
    vpd.pillar(),
    vpd.audit_identity(),
    vpd.acting_for(),
    vpd.is_established(),
    vpd.is_authenticated(),
    vpd.attribute(text, text),
    vpd.attribute_list(text, text),
    vpd.user_in_role(VARIADIC text[]),
    vpd.user_in_all_roles(VARIADIC text[]),
    vpd.has_privilege(text),
    vpd.has_resource(text, text),
    vpd.sees_node(text, anyelement),
    vpd.can_act(jsonb, text),
    vpd.can_act(text, text, text, text, text, text),
    vpd.can_see(text, text, text, text, text, text),
    vpd.visible_content(jsonb),
    vpd.task_actions(jsonb),
    vpd.sys_context(text, text),
    vpd.sys_context(text, text, integer),
    vpd.current_session(),
    vpd.actor_chain(),
    vpd.may_reassign(text),
    vpd.guard(),
    vpd_private.context_marker(),
    vpd_private.statement_marker(),
    vpd_private.permitted(integer, boolean),
    vpd_private.relevant(smallint[], boolean),
    vpd_private.audited(regclass, regclass, text, "any"),
    vpd_private.visible_keys(text, anyelement),
    vpd_private.policy_violated(regclass, text),
    vpd_private.mask_violated(regclass, text),
    vpd_private.track_changes(),
    vpd_private.protect_action(),
    vpd_private.seal_for_person(),
    vpd.mask_partial(text, integer, text),
    vpd.mask_hash(text),
    vpd.mask_year(date),
    vpd.mask_year(timestamp),
    vpd.mask_year(timestamptz),
    vpd.mask_bucket(integer, integer),
    vpd.mask_bucket(bigint, bigint),
    vpd.mask_bucket(numeric, numeric),
    vpd.mask_bucket(double precision, double precision),
    dbms_session.list_context()
    TO PUBLIC;

-- The functions of the sealed types: operators and casts call them as whoever runs the statement. Each looks at the session itself.
DO $$
DECLARE
    routine regprocedure;
BEGIN
    FOR routine IN
        SELECT f.oid
          FROM pg_proc f
         WHERE f.pronamespace = 'vpd_private'::regnamespace AND f.proname IN (
            'sealed_text_in', 'sealed_bytea_in', 'sealed_numeric_in', 'sealed_date_in', 'sealed_jsonb_in', 'sealed_out',
            'sealed_text_stored', 'sealed_bytea_stored', 'sealed_numeric_stored', 'sealed_date_stored', 'sealed_jsonb_stored',
            'sealed_text_sought', 'sealed_bytea_sought', 'sealed_numeric_sought', 'sealed_date_sought', 'sealed_jsonb_sought',
            'sealed_coerce', 'sealed_tagged', 'sealed_open', 'sealed_eq', 'sealed_ne', 'sealed_lt', 'sealed_le', 'sealed_ge', 'sealed_gt', 'sealed_unordered'
         )
            OR f.pronamespace = 'vpd'::regnamespace AND f.proname IN ('seal', 'unseal', 'sealed_mask', 'sealed_version', 'sealed_anew', 'sealed_is_about', 'sealed_differs', 'sealed_opened')
    LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO PUBLIC', routine);
    END LOOP;
END
$$;

-- These look who is calling: they work inside the trusted function of a context, whose owner may be anybody, and refuse everybody else.
GRANT EXECUTE ON PROCEDURE
    dbms_session.set_context(text, text, text, text, text),
    dbms_session.clear_context(text, text, text),
    dbms_session.clear_all_context(text)
    TO PUBLIC;

SELECT vpd_private.wake_launcher();
