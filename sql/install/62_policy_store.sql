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

INSERT INTO vpd_private.profile_privilege (profile, object) VALUES
    ('security_admin', 'export_definitions'),
    ('security_admin', 'import_definitions'),
    ('security_admin', 'install_catalogue'),
    ('security_admin', 'policy_store_difference'),
    ('auditor', 'export_definitions');
