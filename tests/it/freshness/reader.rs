//! The readers: every function of the library that tells of the session or of definitions, with a question for it that some event answers
//! anew. A STABLE function that has no row here fails the test.

/// A function and a question for it. `:session` stands for the identifier of alice's session.
pub struct Reader {
    /// As the server writes it.
    pub function: &'static str,
    /// A boolean expression.
    pub question: &'static str,
}

const fn reader(function: &'static str, question: &'static str) -> Reader {
    Reader { function, question }
}

/// Rows of the table.
pub const READERS: &[Reader] = &[
    reader("vpd.user_name()", "vpd.user_name() = 'alice'"),
    reader("vpd.session_id()", "vpd.session_id() = ':session'"),
    reader("vpd.app_name()", "vpd.app_name() = 'portal'"),
    reader("vpd.pillar()", "vpd.pillar() = 'retail'"),
    reader("vpd.audit_identity()", "vpd.audit_identity() = 'alice'"),
    reader(
        "vpd.acting_for()",
        "vpd.acting_for() IS NULL AND vpd.is_established()",
    ),
    reader("vpd.is_established()", "vpd.is_established()"),
    reader("vpd.is_authenticated()", "vpd.is_authenticated()"),
    reader(
        "vpd.attribute(text,text)",
        "vpd.attribute('app', 'region') = 'East'",
    ),
    reader("vpd.attribute(text,text)", "vpd.attribute('own', 'a') = '1'"),
    reader("vpd.attribute(text,text)", "vpd.attribute('shared', 'a') = '1'"),
    reader(
        "vpd.attribute_list(text,text)",
        "'1' = ANY (vpd.attribute_list('shared', 'a'))",
    ),
    reader(
        "vpd.attribute_list(text,text)",
        "'East' = ANY (vpd.attribute_list('app', 'region'))",
    ),
    reader("vpd.user_in_role(text[])", "vpd.user_in_role('Reader')"),
    reader(
        "vpd.user_in_all_roles(text[])",
        "vpd.user_in_all_roles('Reader', 'Clerk')",
    ),
    reader("vpd.has_privilege(text)", "vpd.has_privilege('read')"),
    reader("vpd.has_resource(text,text)", "vpd.has_resource('doc', 'open')"),
    reader(
        "vpd.sees_node(text,anyelement)",
        "vpd.sees_node('places', 'north'::text)",
    ),
    reader(
        "vpd.sees_node(text,anyelement)",
        "vpd.sees_node('places', 'city'::text)",
    ),
    reader(
        "vpd.sees_node(text,anyelement)",
        "vpd.sees_node('places', 'nowhere'::text)",
    ),
    reader(
        "vpd.visible_nodes(text,text)",
        "EXISTS (SELECT FROM vpd.visible_nodes('places') WHERE node_key = 'north')",
    ),
    reader(
        "vpd.visible_nodes(text,text)",
        "EXISTS (SELECT FROM vpd.visible_nodes('places') WHERE level_name = 'area')",
    ),
    reader(
        "vpd.who_can_see(text,text)",
        "EXISTS (SELECT FROM vpd.who_can_see('places', 'north') WHERE user_name = 'alice')",
    ),
    reader(
        "vpd.can_act(jsonb,text)",
        r#"vpd.can_act('{"type": "job", "assignee": "role:Reader"}', 'do')"#,
    ),
    reader(
        "vpd.can_act(jsonb,text)",
        r#"vpd.can_act('{"type": "job", "owner": "alice"}', 'do')"#,
    ),
    reader(
        "vpd.can_act(text,text,text,text,text,text)",
        "vpd.can_act('job', 'do', 'alice')",
    ),
    reader(
        "vpd.can_see(text,text,text,text,text,text)",
        "vpd.can_see('job', 'note', 'alice')",
    ),
    reader(
        "vpd.visible_content(jsonb)",
        r#"vpd.visible_content('{"type": "job", "owner": "alice", "note": 1}') ? 'note'"#,
    ),
    reader(
        "vpd.task_actions(jsonb)",
        r#"'do' = ANY (vpd.task_actions('{"type": "job", "owner": "alice"}'))"#,
    ),
    reader("vpd.sys_context(text,text)", "vpd.sys_context('own', 'a') = '1'"),
    reader(
        "vpd.sys_context(text,text)",
        "vpd.sys_context('USERENV', 'AUTHENTICATED_IDENTITY') = 'alice'",
    ),
    reader(
        "vpd.sys_context(text,text)",
        "vpd.sys_context('USERENV', 'CLIENT_IDENTIFIER') = 'alice'",
    ),
    reader(
        "vpd.sys_context(text,text)",
        "vpd.sys_context('USERENV', 'CURRENT_USER') = 'app_user'",
    ),
    reader(
        "vpd.sys_context(text,text)",
        "vpd.sys_context('USERENV', 'MODULE') = 'other'",
    ),
    reader(
        "vpd.sys_context(text,text,integer)",
        "vpd.sys_context('shared', 'a', 10) = '1'",
    ),
    reader(
        "vpd.current_session()",
        "EXISTS (SELECT FROM vpd.current_session() WHERE 'Reader' = ANY (roles))",
    ),
    reader("vpd.actor_chain()", "vpd.actor_chain() = '{}'"),
    reader("vpd.may_reassign(text)", "vpd.may_reassign('carol')"),
    reader(
        "vpd.manager_chain(text)",
        "CASE WHEN vpd.is_established() THEN EXISTS (SELECT FROM vpd.manager_chain('carol') m WHERE m::text LIKE '%alice%') END",
    ),
    reader(
        "vpd.direct_reports(text)",
        "CASE WHEN vpd.is_established() THEN EXISTS (SELECT FROM vpd.direct_reports('alice')) END",
    ),
    reader(
        "vpd.session_privileges(boolean)",
        "EXISTS (SELECT FROM vpd.session_privileges() p WHERE p::text LIKE '%read%')",
    ),
    reader(
        "vpd.entitlements_at(text,timestamp with time zone,text[])",
        "EXISTS (SELECT FROM vpd.entitlements_at('alice') e WHERE e::text LIKE '%Reader%')",
    ),
    reader(
        "vpd.find_sod_conflicts()",
        "EXISTS (SELECT FROM vpd.find_sod_conflicts())",
    ),
    reader(
        "vpd.sod_what_if(text,text)",
        "EXISTS (SELECT FROM vpd.sod_what_if('alice', 'Reader'))",
    ),
    reader(
        "vpd.pseudonym_owner(text)",
        "vpd.pseudonym_owner(':pseudonym') = 'alice'",
    ),
    reader(
        "vpd.is_masked(regclass,text)",
        "vpd.is_masked('shop.some', 'value')",
    ),
    reader(
        "vpd.mask_hash(text)",
        "vpd.mask_hash('x') IS NOT NULL AND vpd.is_established()",
    ),
    reader(
        "dbms_session.list_context()",
        "EXISTS (SELECT FROM dbms_session.list_context() WHERE value = '1')",
    ),
];

/// STABLE functions that tell neither of the session nor of who may do what.
/// Those that unseal answer or raise an error by what `has_privilege` answers.
pub const OTHERS: &[&str] = &[
    "vpd.issuer_name()",
    "vpd.purge_interval()",
    "vpd.sealed_mask(text,anyelement)",
    "vpd.sealed_version(vpd.sealed_bytea)",
    "vpd.sealed_version(vpd.sealed_date)",
    "vpd.sealed_version(vpd.sealed_jsonb)",
    "vpd.sealed_version(vpd.sealed_numeric)",
    "vpd.sealed_version(vpd.sealed_text)",
    "vpd.unseal(vpd.sealed_bytea)",
    "vpd.unseal(vpd.sealed_date)",
    "vpd.unseal(vpd.sealed_jsonb)",
    "vpd.unseal(vpd.sealed_numeric)",
    "vpd.unseal(vpd.sealed_text)",
];
