-- The policy store: definitions out, definitions in. A document names things and never numbers of this database, so that it can be
-- kept under version control and carried from one database to another.

CREATE FUNCTION vpd.export_definitions(with_users boolean DEFAULT false, with_nodes boolean DEFAULT false) RETURNS jsonb
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'export_definitions_wrapper';
COMMENT ON FUNCTION vpd.export_definitions IS
'Every definition of this database as one document, in a fixed order, without anything that belongs to this database alone. What holds anyway is
left out. with_users: users, their memberships and attributes as well; with_nodes: the nodes of hierarchies and which data groups have them.
Never in it: sessions, tickets, exemptions of database roles, closed and run-out grants.';

CREATE FUNCTION vpd.import_definitions(document jsonb, dry_run boolean DEFAULT false, prune boolean DEFAULT false)
    RETURNS TABLE (change text, kind text, name text, detail jsonb)
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 100
    AS 'MODULE_PATHNAME', 'import_definitions_wrapper';
COMMENT ON FUNCTION vpd.import_definitions IS
'Compares a document of definitions with this database, applies the difference in this transaction and returns it: add (detail: the definition), change
(detail: {"field": {"from": …, "to": …}}), remove, skip (detail: {"reason": …}). Everything is imported or nothing: when anything is refused, the error tells
every fault with its place in the document. dry_run: does it, takes it back, and returns the faults as lines too (fault; detail: {"place": …, "code": …, "reason": …}).
prune: removes what a section of the document does not have; sections that the document lacks are left alone, and so are definitions that somebody
seeded. Test users are skipped where vpd.environment is production. Errors: 22023 definitions_invalid.';

CREATE FUNCTION vpd.policy_store_difference(document jsonb, prune boolean DEFAULT false)
    RETURNS TABLE (change text, kind text, name text, detail jsonb)
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 100
    AS 'MODULE_PATHNAME', 'policy_store_difference_wrapper';
COMMENT ON FUNCTION vpd.policy_store_difference IS
'What import_definitions would change, and every fault it would find; changes nothing. While it runs it holds the locks that the import would take.';

CREATE FUNCTION vpd.install_catalogue(catalogue text DEFAULT 'retail', dry_run boolean DEFAULT false)
    RETURNS TABLE (change text, kind text, name text, detail jsonb)
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 100
    AS 'MODULE_PATHNAME', 'install_catalogue_wrapper';
COMMENT ON FUNCTION vpd.install_catalogue IS
'Installs a catalogue of definitions that the extension ships, or brings it up to date, and returns what that changed, as import_definitions does. What it
defines belongs to pg_vpd: others add to it and do not change it. Definitions of the same name that somebody made before stay as they are, and nothing is
granted to them. retail: roles, duties and privileges of a retail business. Errors: 42704 catalogue_not_found.';

CREATE TABLE vpd_private.data_role_template (
    name text PRIMARY KEY,
    base_role text NOT NULL,
    hierarchy text NOT NULL,
    level text NOT NULL,
    name_pattern text NOT NULL CHECK (name_pattern LIKE '%{node}%')
) WITH (parallel_workers = 0);
COMMENT ON TABLE vpd_private.data_role_template IS 'Templates of data roles: a base role times the nodes of a level of a hierarchy.';
COMMENT ON COLUMN vpd_private.data_role_template.name IS 'Name, unique.';
COMMENT ON COLUMN vpd_private.data_role_template.base_role IS 'The role that every data role of the template has.';
COMMENT ON COLUMN vpd_private.data_role_template.hierarchy IS 'The hierarchy.';
COMMENT ON COLUMN vpd_private.data_role_template.level IS 'The level whose nodes get a role each.';
COMMENT ON COLUMN vpd_private.data_role_template.name_pattern IS 'Names of the roles: {base_role}, {node} and {label} are replaced.';
SELECT pg_extension_config_dump('vpd_private.data_role_template', '');

CREATE TABLE vpd_private.data_role (
    role_id integer PRIMARY KEY,
    data_group_id integer,
    template text NOT NULL,
    node text NOT NULL
);
CREATE INDEX data_role_template_idx ON vpd_private.data_role (template);
CREATE INDEX data_role_group_idx ON vpd_private.data_role (data_group_id);
COMMENT ON TABLE vpd_private.data_role IS 'Which template and node a data role and its data group came from.';
COMMENT ON COLUMN vpd_private.data_role.role_id IS 'The role, a row of authority.';
COMMENT ON COLUMN vpd_private.data_role.data_group_id IS 'The data group, a row of authority.';
COMMENT ON COLUMN vpd_private.data_role.template IS 'The template.';
COMMENT ON COLUMN vpd_private.data_role.node IS 'Key of the node.';
SELECT pg_extension_config_dump('vpd_private.data_role', '');

CREATE FUNCTION vpd.define_data_role_template(
    name text,
    base_role text,
    hierarchy text,
    level text,
    name_pattern text DEFAULT '{base_role}:{node}'
) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'define_data_role_template_wrapper';
COMMENT ON FUNCTION vpd.define_data_role_template IS
'Defines a template of data roles, or changes it: vpd.generate_data_roles makes a role for each node of the level. Arguments: base_role, the role that each of them has;
name_pattern, their names, in which {node} (the key), {label} and {base_role} are replaced. While roles
that it gave are there, its base role and hierarchy stay. Errors: 22023 argument_invalid, 42704 role_not_found, level_not_found, 55006 template_in_use.';

CREATE FUNCTION vpd.drop_data_role_template(name text) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'drop_data_role_template_wrapper';
COMMENT ON FUNCTION vpd.drop_data_role_template IS 'Drops a template; the roles it gave stay. Errors: 42704 template_not_found.';

CREATE FUNCTION vpd.generate_data_roles(template text, drop_obsolete boolean DEFAULT false)
    RETURNS TABLE (change text, role text, node text)
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 100
    AS 'MODULE_PATHNAME', 'generate_data_roles_wrapper';
COMMENT ON FUNCTION vpd.generate_data_roles IS
'Makes a role of the kind data for each node of the template''s level; it has the base role and a data group of its own name with the node. Calling it again makes
what is missing. Refused when a role or data group of a name is there that was not made for this template and node. Returns a line for each role: added, existing, obsolete (its node is not on the level any more; dropped with drop_obsolete).
Errors: 42704 template_not_found, role_not_found, 42710 role_exists, 42501 sod_conflict.';

CREATE VIEW vpd.data_role_templates AS
    SELECT t.name,
           t.base_role,
           t.hierarchy,
           t.level,
           t.name_pattern,
           (SELECT count(*)
              FROM vpd_private.data_role r
              JOIN vpd_private.authority a ON a.id = r.role_id AND a.dropped_at IS NULL
             WHERE r.template = t.name) AS roles
      FROM vpd_private.data_role_template t;
COMMENT ON VIEW vpd.data_role_templates IS 'Templates of data roles and how many roles each has given.';
COMMENT ON COLUMN vpd.data_role_templates.roles IS 'How many roles it has given that are not dropped.';

INSERT INTO vpd_private.profile_privilege (profile, object) VALUES
    ('security_admin', 'export_definitions'),
    ('security_admin', 'import_definitions'),
    ('security_admin', 'install_catalogue'),
    ('security_admin', 'policy_store_difference'),
    ('security_admin', 'define_data_role_template'),
    ('security_admin', 'drop_data_role_template'),
    ('security_admin', 'generate_data_roles'),
    ('security_admin', 'data_role_templates'),
    ('auditor', 'data_role_templates'),
    ('auditor', 'export_definitions');
