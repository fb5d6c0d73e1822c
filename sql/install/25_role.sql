-- Roles, duties, privileges, entitlements, and what is granted to whom.

CREATE FUNCTION vpd.define_role(
    name text,
    kind text DEFAULT 'application',
    description text DEFAULT NULL,
    rule text DEFAULT NULL
) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'define_role_wrapper';
COMMENT ON FUNCTION vpd.define_role IS
'Defines a role, or changes its kind: enterprise (the identity provider says who has it; map it by granting roles to it), application, job, duty, data,
abstract, parametric (rule: a predicate over the user''s attributes as an SQL/JSON path, with user_name and unit among them).
A swim-lane role is named Project.Role and mapped later. A name that ends in _PREPROD counts outside production only.
Errors: 22023 argument_invalid, 42501 definition_seeded, sod_conflict.';

CREATE FUNCTION vpd.define_duty(name text, description text DEFAULT NULL) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'define_duty_wrapper';
COMMENT ON FUNCTION vpd.define_duty IS
'Defines a duty: a set of privileges that is granted to roles, and that builds on other duties. Errors: 22023 argument_invalid, 42501 definition_seeded.';

CREATE FUNCTION vpd.define_resource(name text, kind text DEFAULT 'abstract', description text DEFAULT NULL) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'define_resource_wrapper';
COMMENT ON FUNCTION vpd.define_resource IS
'Defines what privileges can be about: a task_flow, page, web_service, report, table, abstract thing, or a kind of your own.
Errors: 22023 argument_invalid, 42501 definition_seeded.';

CREATE FUNCTION vpd.drop_resource(name text) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'drop_resource_wrapper';
COMMENT ON FUNCTION vpd.drop_resource IS
'Drops a resource. Errors: 42704 resource_not_found, 42501 definition_seeded, 2BP01 definition_in_use while there are privileges on it.';

CREATE FUNCTION vpd.define_privilege(name text, description text DEFAULT NULL, mode text DEFAULT NULL) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'define_privilege_wrapper';
COMMENT ON FUNCTION vpd.define_privilege IS
'Defines a privilege: resource:action for an action on a defined resource, or a name without a colon. mode: whether the action changes something
(edit) or only shows it (view); by default view for view, search, read, list, inquire, browse, print, export, select,
get, query, display, show and find, edit for others.
Errors: 22023 argument_invalid, 42704 resource_not_found, 42501 definition_seeded.';

CREATE FUNCTION vpd.define_entitlement(name text, description text DEFAULT NULL) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'define_entitlement_wrapper';
COMMENT ON FUNCTION vpd.define_entitlement IS
'Defines an entitlement (permission set): a named set of privileges on resources that is granted to roles, never to users. Errors: 22023 argument_invalid, 42501 definition_seeded.';

CREATE FUNCTION vpd.define_data_group(name text, description text DEFAULT NULL) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'define_data_group_wrapper';
COMMENT ON FUNCTION vpd.define_data_group IS
'Defines a data security group: whoever has it sees the rows below its nodes. Errors: 22023 argument_invalid, 42501 definition_seeded.';

CREATE FUNCTION vpd.enable_authority(reference text, is_enabled boolean, reason text DEFAULT NULL) RETURNS boolean
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'enable_authority_wrapper';
COMMENT ON FUNCTION vpd.enable_authority IS
'Switches a role, duty, … (kind:name) off or on: whoever holds it gets nothing from it while it is off. Returns false when nothing changed.
Errors: 22023 argument_invalid, 42704 …_not_found, 42501 definition_seeded, sod_conflict.';

CREATE FUNCTION vpd.drop_authority(reference text) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'drop_authority_wrapper';
COMMENT ON FUNCTION vpd.drop_authority IS
'Drops a user, group, role, duty, privilege, entitlement or data group (kind:name) and ends every grant of it and to it, and the delegations and
exceptions that name it; a user loses every session.
What it was stays known for vpd.entitlements_at. What a rule of segregation of duties names is not dropped: change or drop the rule first.
Errors: 22023 argument_invalid, 42704 …_not_found, 42501 definition_seeded, 2BP01 definition_in_use.';

CREATE FUNCTION vpd.grant_authority(
    granted text,
    holder text,
    valid_from timestamptz DEFAULT NULL,
    valid_until timestamptz DEFAULT NULL,
    reason text DEFAULT NULL
) RETURNS boolean
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'grant_authority_wrapper';
COMMENT ON FUNCTION vpd.grant_authority IS
'Grants a node of the graph to another, both written kind:name: a role to a user, group or role; a group to a user or group (membership); a duty, privilege
or entitlement to a role; a duty or privilege to a duty; a privilege to an entitlement; a data group to a user, group or role.
valid_from: as it stands, or now; valid_until: for good by default. For that time it replaces what was granted before; what ends before or begins after it stays.
Granting the same again changes nothing and returns false.
Sessions follow with their next statement. Errors: 22023 argument_invalid, 42704 …_not_found, 42P17 authority_cycle, 42501 definition_seeded, sod_conflict.';

CREATE FUNCTION vpd.revoke_authority(granted text, holder text) RETURNS boolean
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'revoke_authority_wrapper';
COMMENT ON FUNCTION vpd.revoke_authority IS
'Takes back what was granted, as from now and for all times to come. Returns false when it was not granted. Sessions follow with their next statement.
Errors: 22023 argument_invalid, 42704 …_not_found, 42501 definition_seeded.';

CREATE FUNCTION vpd.mark_seeded(reference text, owner text) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'mark_seeded_wrapper';
COMMENT ON FUNCTION vpd.mark_seeded IS
'Marks a definition (kind:name) and what it holds now as belonging to a database role: only its members and superusers can change, disable or drop it,
others can add to it, and neither disable nor drop what it holds. What somebody else''s marked grant or rule refers to cannot be marked. sod_rule:name marks a rule of segregation of duties. owner NULL: it is free again. Errors: 22023 argument_invalid, 42704 …_not_found, 42501 definition_seeded.';

CREATE FUNCTION vpd.session_privileges(only_usable boolean DEFAULT false) RETURNS TABLE (
    resource text,
    kind text,
    mode text,
    actions text[]
)
    LANGUAGE c STABLE PARALLEL RESTRICTED ROWS 100
    AS 'MODULE_PATHNAME', 'session_privileges_wrapper';
COMMENT ON FUNCTION vpd.session_privileges IS
'What the attached session may do with each resource, for a front end to build its pages by: the actions, and the mode, edit, view or hidden.
only_usable leaves the hidden ones out. No row without a session.';

CREATE FUNCTION vpd.entitlements_at(
    user_name text,
    at timestamptz DEFAULT clock_timestamp(),
    claimed_roles text[] DEFAULT '{}'
) RETURNS TABLE (
    kind text,
    name text,
    path text[],
    paths bigint,
    valid_from timestamptz,
    valid_until timestamptz
)
    LANGUAGE c STABLE PARALLEL RESTRICTED ROWS 100
    AS 'MODULE_PATHNAME', 'entitlements_at_wrapper';
COMMENT ON FUNCTION vpd.entitlements_at IS
'What a user had, has or will have at a moment: groups, roles, duties, entitlements, privileges, data groups and their nodes (hierarchy/key), each with the shortest way to it, how many
ways there are (the largest bigint stands for more), and between when that way holds. claimed_roles: enterprise roles that a login would bring. What was granted, revoked, dropped or
switched off since is taken as it was then, and so are rules of parametric roles, units and attributes of users, from the day on which role and user were defined. No row for a user
that was not known.';

CREATE VIEW vpd.roles AS
    SELECT a.name,
           r.kind,
           a.description,
           r.rule::text AS rule,
           a.is_enabled,
           EXISTS (
               SELECT FROM vpd_private.authority_grant g WHERE g.granted_id = a.id AND g.valid_until > clock_timestamp()
           ) AS is_mapped,
           a.seeded_by,
           a.created_at
      FROM vpd_private.authority a
      LEFT JOIN vpd_private.role_detail r ON r.role_id = a.id
     WHERE a.kind = 'role'
       AND a.dropped_at IS NULL;
COMMENT ON VIEW vpd.roles IS 'Roles; is_mapped tells whether anything holds them.';
COMMENT ON COLUMN vpd.roles.kind IS 'enterprise (comes from the identity provider), application, job, duty, data, abstract or parametric.';
COMMENT ON COLUMN vpd.roles.is_mapped IS 'Whether anything holds it.';

CREATE VIEW vpd.duties AS
    SELECT name, description, is_enabled, seeded_by, created_at
      FROM vpd_private.authority
     WHERE kind = 'duty'
       AND dropped_at IS NULL;
COMMENT ON VIEW vpd.duties IS 'Duties; vpd.grants tells what they hold.';

CREATE VIEW vpd.resources AS
    SELECT name, kind, description, seeded_by
      FROM vpd_private.resource;
COMMENT ON VIEW vpd.resources IS 'What privileges can be about.';

CREATE VIEW vpd.privileges AS
    SELECT a.name,
           p.resource,
           p.action,
           p.mode,
           a.description,
           a.is_enabled,
           a.seeded_by,
           a.created_at
      FROM vpd_private.authority a
      LEFT JOIN vpd_private.privilege_detail p ON p.privilege_id = a.id
     WHERE a.kind = 'privilege'
       AND a.dropped_at IS NULL;
COMMENT ON VIEW vpd.privileges IS 'Privileges.';

CREATE VIEW vpd.entitlements AS
    SELECT name, description, is_enabled, seeded_by, created_at
      FROM vpd_private.authority
     WHERE kind = 'entitlement'
       AND dropped_at IS NULL;
COMMENT ON VIEW vpd.entitlements IS 'Entitlements; vpd.grants tells their privileges.';

CREATE VIEW vpd.data_groups AS
    SELECT name, description, is_enabled, seeded_by, created_at
      FROM vpd_private.authority
     WHERE kind = 'data_group'
       AND dropped_at IS NULL;
COMMENT ON VIEW vpd.data_groups IS 'Data security groups; vpd.grants tells who has them.';

CREATE VIEW vpd.grants AS
    SELECT g.id AS grant_id,
           h.kind || ':' || h.name AS holder,
           a.kind || ':' || a.name AS granted,
           g.valid_from,
           g.valid_until,
           g.valid_from <= clock_timestamp() AND clock_timestamp() < g.valid_until AS is_valid,
           g.source,
           g.reason,
           g.granted_by,
           g.revoked_by,
           g.seeded_by
      FROM vpd_private.authority_grant g
      JOIN vpd_private.authority h ON h.id = g.holder_id
      JOIN vpd_private.authority a ON a.id = g.granted_id;
COMMENT ON VIEW vpd.grants IS 'Every grant, those that ended as well.';
COMMENT ON COLUMN vpd.grants.grant_id IS 'Key.';
COMMENT ON COLUMN vpd.grants.holder IS 'Who holds it, as kind:name.';
COMMENT ON COLUMN vpd.grants.granted IS 'What is held, as kind:name.';
COMMENT ON COLUMN vpd.grants.is_valid IS 'Whether it holds now.';

CREATE VIEW vpd.authority_changes AS
    SELECT id AS change_id, changed_at, changed_by, user_name, actors, login_user, login_role, action, subject, detail
      FROM vpd_private.authority_change;
COMMENT ON VIEW vpd.authority_changes IS 'Who changed what in the graph and in the data filters, and when; and who opened a session on behalf of whom.';
COMMENT ON COLUMN vpd.authority_changes.change_id IS 'Key, in the order of the changes.';

INSERT INTO vpd_private.profile_privilege (profile, object) VALUES
    ('security_admin', 'define_role'),
    ('security_admin', 'define_duty'),
    ('security_admin', 'define_resource'),
    ('security_admin', 'drop_resource'),
    ('security_admin', 'define_privilege'),
    ('security_admin', 'define_entitlement'),
    ('security_admin', 'define_data_group'),
    ('security_admin', 'enable_authority'),
    ('security_admin', 'drop_authority'),
    ('security_admin', 'grant_authority'),
    ('security_admin', 'revoke_authority'),
    ('security_admin', 'mark_seeded'),
    ('security_admin', 'entitlements_at'),
    ('security_admin', 'roles'),
    ('security_admin', 'duties'),
    ('security_admin', 'resources'),
    ('security_admin', 'privileges'),
    ('security_admin', 'entitlements'),
    ('security_admin', 'data_groups'),
    ('security_admin', 'grants'),
    ('security_admin', 'authority_changes'),
    ('auditor', 'entitlements_at'),
    ('auditor', 'roles'),
    ('auditor', 'duties'),
    ('auditor', 'resources'),
    ('auditor', 'privileges'),
    ('auditor', 'entitlements'),
    ('auditor', 'data_groups'),
    ('auditor', 'grants'),
    ('auditor', 'authority_changes'),
    ('runtime', 'session_privileges'),
    ('bridge', 'session_privileges');
