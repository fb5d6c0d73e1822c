-- The dictionary as Oracle shows it: its views and columns, over our catalogue. Names stand as they are spelled here, not in upper case.

CREATE VIEW vpd.all_policies AS
    SELECT n.nspname::text AS object_owner,
           c.relname::text AS object_name,
           p.policy_group,
           p.policy_name,
           p.function_schema AS pf_owner,
           NULL::text AS package,
           p.function_name AS function,
           CASE WHEN 'select' = ANY (p.statement_types) THEN 'YES' ELSE 'NO' END AS sel,
           CASE WHEN 'insert' = ANY (p.statement_types) THEN 'YES' ELSE 'NO' END AS ins,
           CASE WHEN 'update' = ANY (p.statement_types) THEN 'YES' ELSE 'NO' END AS upd,
           CASE WHEN 'delete' = ANY (p.statement_types) THEN 'YES' ELSE 'NO' END AS del,
           CASE WHEN 'index' = ANY (p.statement_types) THEN 'YES' ELSE 'NO' END AS idx,
           CASE WHEN p.is_update_checked THEN 'YES' ELSE 'NO' END AS chk_option,
           CASE WHEN p.is_enabled THEN 'YES' ELSE 'NO' END AS enable,
           CASE WHEN p.kind = 'static' THEN 'YES' ELSE 'NO' END AS static_policy,
           upper(p.kind) AS policy_type,
           'YES'::text AS long_predicate,
           'NO'::text AS common,
           'NO'::text AS inherited,
           p.predicate
      FROM vpd_private.policy p
      JOIN pg_class c ON c.oid = p.relation
      JOIN pg_namespace n ON n.oid = c.relnamespace;
COMMENT ON VIEW vpd.all_policies IS
'Policies in the columns of Oracle''s ALL_POLICIES; object_owner and pf_owner are schemas, package is always NULL because packages are schemas here, long_predicate always YES.
The column predicate is ours: the text of a policy that has no function.';
COMMENT ON COLUMN vpd.all_policies.object_owner IS 'Schema of the table.';
COMMENT ON COLUMN vpd.all_policies.object_name IS 'Name of the table.';
COMMENT ON COLUMN vpd.all_policies.pf_owner IS 'Schema of the policy function; NULL for a predicate template.';
COMMENT ON COLUMN vpd.all_policies.package IS 'Always NULL: packages are schemas here.';
COMMENT ON COLUMN vpd.all_policies.function IS 'Name of the policy function; NULL for a predicate template.';
COMMENT ON COLUMN vpd.all_policies.sel IS 'YES when it applies to SELECT.';
COMMENT ON COLUMN vpd.all_policies.ins IS 'YES when it applies to INSERT.';
COMMENT ON COLUMN vpd.all_policies.upd IS 'YES when it applies to UPDATE.';
COMMENT ON COLUMN vpd.all_policies.del IS 'YES when it applies to DELETE.';
COMMENT ON COLUMN vpd.all_policies.idx IS 'YES when it applies to the making of indexes.';
COMMENT ON COLUMN vpd.all_policies.chk_option IS 'YES when new rows of INSERT and UPDATE must satisfy it.';
COMMENT ON COLUMN vpd.all_policies.enable IS 'NO when it is disabled and restricts nothing.';
COMMENT ON COLUMN vpd.all_policies.static_policy IS 'YES when the policy function runs once.';
COMMENT ON COLUMN vpd.all_policies.policy_type IS 'Kind, in upper case: when the policy function runs again.';
COMMENT ON COLUMN vpd.all_policies.long_predicate IS 'Always YES: a predicate may be as long as it likes.';
COMMENT ON COLUMN vpd.all_policies.common IS 'Always NO: there are no container databases.';
COMMENT ON COLUMN vpd.all_policies.inherited IS 'Always NO: there are no container databases.';

CREATE VIEW vpd.all_policy_groups AS
    SELECT n.nspname::text AS object_owner,
           c.relname::text AS object_name,
           g.policy_group
      FROM vpd_private.policy_group g
      JOIN pg_class c ON c.oid = g.relation
      JOIN pg_namespace n ON n.oid = c.relnamespace;
COMMENT ON VIEW vpd.all_policy_groups IS 'Policy groups that were created, in the columns of Oracle''s ALL_POLICY_GROUPS.';
COMMENT ON COLUMN vpd.all_policy_groups.object_owner IS 'Schema of the table.';
COMMENT ON COLUMN vpd.all_policy_groups.object_name IS 'Name of the table.';

CREATE VIEW vpd.all_policy_contexts AS
    SELECT n.nspname::text AS object_owner,
           c.relname::text AS object_name,
           d.namespace,
           d.attribute
      FROM vpd_private.driving_context d
      JOIN pg_class c ON c.oid = d.relation
      JOIN pg_namespace n ON n.oid = c.relnamespace;
COMMENT ON VIEW vpd.all_policy_contexts IS 'Driving contexts in the columns of Oracle''s ALL_POLICY_CONTEXTS.';
COMMENT ON COLUMN vpd.all_policy_contexts.object_owner IS 'Schema of the table.';
COMMENT ON COLUMN vpd.all_policy_contexts.object_name IS 'Name of the table.';

CREATE VIEW vpd.all_policy_attributes AS
    SELECT n.nspname::text AS object_owner,
           c.relname::text AS object_name,
           p.policy_group,
           p.policy_name,
           split_part(a.association, '.', 1) AS namespace,
           substr(a.association, strpos(a.association, '.') + 1) AS attribute
      FROM vpd_private.policy p
     CROSS JOIN LATERAL unnest(p.associations) AS a (association)
      JOIN pg_class c ON c.oid = p.relation
      JOIN pg_namespace n ON n.oid = c.relnamespace;
COMMENT ON VIEW vpd.all_policy_attributes IS
'Attributes whose change makes the function of a policy run again, in the columns of Oracle''s ALL_POLICY_ATTRIBUTES.';
COMMENT ON COLUMN vpd.all_policy_attributes.object_owner IS 'Schema of the table.';
COMMENT ON COLUMN vpd.all_policy_attributes.object_name IS 'Name of the table.';
COMMENT ON COLUMN vpd.all_policy_attributes.namespace IS 'Namespace of the attribute.';
COMMENT ON COLUMN vpd.all_policy_attributes.attribute IS 'Name of the attribute.';

CREATE VIEW vpd.all_sec_relevant_cols AS
    SELECT n.nspname::text AS object_owner,
           c.relname::text AS object_name,
           p.policy_group,
           p.policy_name,
           r.column_name AS sec_rel_column,
           CASE WHEN p.is_masking THEN 'ALL_ROWS' ELSE 'NONE' END AS column_option
      FROM vpd_private.policy p
     CROSS JOIN LATERAL unnest(p.relevant_columns) AS r (column_name)
      JOIN pg_class c ON c.oid = p.relation
      JOIN pg_namespace n ON n.oid = c.relnamespace;
COMMENT ON VIEW vpd.all_sec_relevant_cols IS 'Relevant columns of policies in the columns of Oracle''s ALL_SEC_RELEVANT_COLS.';
COMMENT ON COLUMN vpd.all_sec_relevant_cols.object_owner IS 'Schema of the table.';
COMMENT ON COLUMN vpd.all_sec_relevant_cols.object_name IS 'Name of the table.';
COMMENT ON COLUMN vpd.all_sec_relevant_cols.sec_rel_column IS 'The relevant column.';
COMMENT ON COLUMN vpd.all_sec_relevant_cols.column_option IS 'ALL_ROWS: rows stay and the column shows NULL. NONE: rows are left out.';

CREATE VIEW vpd.dba_context AS
    SELECT c.namespace,
           c.function_schema AS schema,
           c.function_name AS package,
           CASE WHEN c.is_global THEN 'ACCESSED GLOBALLY' ELSE 'ACCESSED LOCALLY' END AS type
      FROM vpd_private.application_context c;
COMMENT ON VIEW vpd.dba_context IS 'Application contexts in the columns of Oracle''s DBA_CONTEXT; package is the trusted function.';
COMMENT ON COLUMN vpd.dba_context.schema IS 'Schema of the trusted function.';
COMMENT ON COLUMN vpd.dba_context.package IS 'Name of the trusted function.';
COMMENT ON COLUMN vpd.dba_context.type IS 'ACCESSED LOCALLY, or ACCESSED GLOBALLY when its values are shared between sessions.';

CREATE VIEW vpd.session_context AS
    SELECT l.namespace,
           l.attribute,
           l.value
      FROM dbms_session.list_context() l
    UNION ALL
    SELECT n.namespace,
           a.attribute,
           a.value #>> '{}'
      FROM vpd.current_session() s
     CROSS JOIN LATERAL jsonb_each(s.attributes) AS n (namespace, names)
     CROSS JOIN LATERAL jsonb_each(n.names) AS a (attribute, value)
     WHERE jsonb_typeof(a.value) IN ('string', 'number', 'boolean')
       AND NOT EXISTS (SELECT FROM vpd_private.application_context c WHERE c.namespace = upper(n.namespace));
COMMENT ON VIEW vpd.session_context IS
'What the attached session carries, in the columns of Oracle''s SESSION_CONTEXT: values set by trusted functions, and single-valued attributes of the session
under namespaces that are no application context. Each session sees its own.';
COMMENT ON COLUMN vpd.session_context.namespace IS 'Namespace: that of an application context in upper case, that of attributes of the session as it was given.';
COMMENT ON COLUMN vpd.session_context.attribute IS 'Name of the attribute.';
COMMENT ON COLUMN vpd.session_context.value IS 'Its value.';

CREATE VIEW vpd.global_context AS
    SELECT g.namespace,
           g.attribute,
           g.value,
           NULLIF(g.username, '') AS username,
           NULLIF(g.client_id, '') AS clientid
      FROM vpd_private.global_context g;
COMMENT ON VIEW vpd.global_context IS
'Values of contexts accessed globally, in the columns of Oracle''s GLOBAL_CONTEXT; NULL stands for every user or client. For administrators: it shows the values of all sessions.';
COMMENT ON COLUMN vpd.global_context.username IS 'Session user who sees the value; NULL for every user.';
COMMENT ON COLUMN vpd.global_context.clientid IS 'Client identifier of the sessions that see the value; NULL for every client.';

CREATE VIEW vpd.dba_audit_policies AS
    SELECT n.nspname::text AS object_schema,
           c.relname::text AS object_name,
           p.created_by AS policy_owner,
           p.policy_name,
           p.condition AS policy_text,
           array_to_string(p.columns, ',') AS policy_column,
           p.handler_schema AS pf_schema,
           NULL::text AS pf_package,
           p.handler_name AS pf_function,
           CASE WHEN p.is_enabled THEN 'YES' ELSE 'NO' END AS enabled,
           CASE WHEN 'select' = ANY (p.commands) THEN 'YES' ELSE 'NO' END AS sel,
           CASE WHEN 'insert' = ANY (p.commands) THEN 'YES' ELSE 'NO' END AS ins,
           CASE WHEN 'update' = ANY (p.commands) THEN 'YES' ELSE 'NO' END AS upd,
           CASE WHEN 'delete' = ANY (p.commands) THEN 'YES' ELSE 'NO' END AS del,
           CASE WHEN p.tells_statement THEN 'DB+EXTENDED' ELSE 'DB' END AS audit_trail,
           CASE WHEN p.needs_all_columns THEN 'ALL_COLUMNS' ELSE 'ANY_COLUMNS' END AS policy_column_options
      FROM vpd_private.audit_policy p
      JOIN pg_class c ON c.oid = p.relation
      JOIN pg_namespace n ON n.oid = c.relnamespace;
COMMENT ON VIEW vpd.dba_audit_policies IS
'Audit policies, in the columns of Oracle''s DBA_AUDIT_POLICIES; pf_schema is the schema of the handler, pf_package always NULL because packages are schemas here.';
COMMENT ON COLUMN vpd.dba_audit_policies.object_schema IS 'Schema of the table.';
COMMENT ON COLUMN vpd.dba_audit_policies.object_name IS 'Name of the table.';
COMMENT ON COLUMN vpd.dba_audit_policies.pf_schema IS 'Schema of the handler; NULL for none.';
COMMENT ON COLUMN vpd.dba_audit_policies.pf_package IS 'Always NULL: packages are schemas here.';
COMMENT ON COLUMN vpd.dba_audit_policies.enabled IS 'NO when it is disabled and records nothing.';
COMMENT ON COLUMN vpd.dba_audit_policies.sel IS 'YES when it is for SELECT.';
COMMENT ON COLUMN vpd.dba_audit_policies.ins IS 'YES when it is for INSERT.';
COMMENT ON COLUMN vpd.dba_audit_policies.upd IS 'YES when it is for UPDATE.';
COMMENT ON COLUMN vpd.dba_audit_policies.del IS 'YES when it is for DELETE.';
COMMENT ON COLUMN vpd.dba_audit_policies.audit_trail IS 'DB+EXTENDED when statements are recorded, without their constants; DB otherwise.';
COMMENT ON COLUMN vpd.dba_audit_policies.policy_column_options IS 'ALL_COLUMNS or ANY_COLUMNS: how many of the columns a statement must name.';
COMMENT ON COLUMN vpd.dba_audit_policies.policy_owner IS 'Role that added it.';
COMMENT ON COLUMN vpd.dba_audit_policies.policy_text IS 'The condition on rows; NULL for any.';
COMMENT ON COLUMN vpd.dba_audit_policies.policy_column IS 'Columns that a statement must name, with commas; NULL for any.';
COMMENT ON COLUMN vpd.dba_audit_policies.pf_function IS 'Name of the handler; NULL for none.';

CREATE VIEW vpd.dba_fga_audit_trail AS
    SELECT r.process_id AS session_id,
           r.recorded_at AS timestamp,
           r.database_role AS db_user,
           p.client_address AS userhost,
           p.user_name AS client_id,
           split.parts[1] AS object_schema,
           split.parts[2] AS object_name,
           policy.policy_name,
           p.statement AS sql_text,
           upper(r.command) AS statement_type,
           r.recorded_at AS extended_timestamp,
           r.session_id AS global_uid,
           r.transaction_id AS transactionid,
           r.statement_id AS statementid,
           r.verdict AS return_code,
           r.sequence AS entryid
      FROM vpd_private.audit_record r
      LEFT JOIN vpd_private.audit_person p ON p.sequence = r.sequence AND p.recorded_at = r.recorded_at
     CROSS JOIN LATERAL (SELECT parse_ident(r.relation) AS parts) split
      LEFT JOIN LATERAL jsonb_array_elements_text(p.details::jsonb -> 'policies') AS policy (policy_name) ON true
     WHERE r.event = 'data';
COMMENT ON VIEW vpd.dba_fga_audit_trail IS
'Statements under audit policies, in the shape of Oracle''s DBA_FGA_AUDIT_TRAIL: a row for each audit policy that a statement came under. return_code is ok or an SQLSTATE.
vpd.audit_trail tells more.';
COMMENT ON COLUMN vpd.dba_fga_audit_trail.timestamp IS 'When it happened.';
COMMENT ON COLUMN vpd.dba_fga_audit_trail.db_user IS 'The role that the connection was authorized for.';
COMMENT ON COLUMN vpd.dba_fga_audit_trail.userhost IS 'Where the connection came from.';
COMMENT ON COLUMN vpd.dba_fga_audit_trail.object_schema IS 'Schema of the table.';
COMMENT ON COLUMN vpd.dba_fga_audit_trail.object_name IS 'Name of the table.';
COMMENT ON COLUMN vpd.dba_fga_audit_trail.policy_name IS 'The audit policy.';
COMMENT ON COLUMN vpd.dba_fga_audit_trail.sql_text IS 'The statement, with its constants left out; NULL where it is not recorded.';
COMMENT ON COLUMN vpd.dba_fga_audit_trail.statement_type IS 'SELECT, INSERT, UPDATE or DELETE.';
COMMENT ON COLUMN vpd.dba_fga_audit_trail.extended_timestamp IS 'The same as timestamp.';
COMMENT ON COLUMN vpd.dba_fga_audit_trail.transactionid IS 'The transaction, once it had written something.';
COMMENT ON COLUMN vpd.dba_fga_audit_trail.statementid IS 'The server''s number for statements that differ in constants only.';
COMMENT ON COLUMN vpd.dba_fga_audit_trail.return_code IS 'ok, or the SQLSTATE that it ended with.';
COMMENT ON COLUMN vpd.dba_fga_audit_trail.session_id IS 'The process of the server.';
COMMENT ON COLUMN vpd.dba_fga_audit_trail.client_id IS 'The user of the attached session.';
COMMENT ON COLUMN vpd.dba_fga_audit_trail.global_uid IS 'The attached session.';
COMMENT ON COLUMN vpd.dba_fga_audit_trail.entryid IS 'Place in the audit trail.';

INSERT INTO vpd_private.profile_privilege (profile, object) VALUES
    ('security_admin', 'dba_audit_policies'),
    ('auditor', 'dba_audit_policies'),
    ('auditor', 'dba_fga_audit_trail');
